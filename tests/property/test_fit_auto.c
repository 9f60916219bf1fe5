/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Automatic alphas: nodes from the spectrum, the spline's maximum between them; the share
 * of targets at the ends of a grid. */
#include "tests/property/study.h"

/* Eigenvalues of a symmetric matrix by Jacobi rotations; a is destroyed. */
static void
jacobi(double *a, size_t n, double *lambda)
{
    for (size_t sweep = 0; sweep < 30; sweep++) {
        for (size_t v = 0; v < n * n; v++) {
            size_t p = v % n, q = v / n;
            double off = a[p + q * n], theta, t, c, s;

            if (p >= q || off == 0.0) {
                continue;
            }
            theta = (a[q + q * n] - a[p + p * n]) / (2.0 * off);
            t = copysign(1.0, theta) / (fabs(theta) + sqrt(theta * theta + 1.0));
            c = 1.0 / sqrt(t * t + 1.0);
            s = t * c;
            for (size_t k = 0; k < n; k++) {
                double x = a[k + p * n], y = a[k + q * n];

                a[k + p * n] = c * x - s * y;
                a[k + q * n] = s * x + c * y;
            }
            for (size_t k = 0; k < n; k++) {
                double x = a[p + k * n], y = a[q + k * n];

                a[p + k * n] = c * x - s * y;
                a[q + k * n] = s * x + c * y;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        lambda[i] = a[i + i * n];
    }
}

/* The final fit's nodes as documented, from the design that it trains on: centred where
 * the fit centres or has an intercept. */
static void
expected_nodes(const study_t *study, double nodes[BA_AUTO_NODES])
{
    oracle_t oracle = {.study = study, .v = study->v};
    size_t p = study->n_features * study->n_delays, n, *rows;
    double largest = 0.0, smallest, low, high, *x, *gram, lambda[80], means[80];
    scaling_t scaling;

    oracle.p = p;
    resolve(&oracle);
    keep_rows(&oracle, &study->train, &oracle.train);
    n = oracle.train.n;
    rows = pool_get(&oracle.pool, n, sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        rows[i] = i;
    }
    scaling = find_scaling(&oracle, rows, n);
    x = scaled(&oracle, oracle.train.x, n, p, rows, n, scaling.mx, scaling.sx);
    if (oracle.intercept) {
        x = oracle_centred(&oracle.pool, x, n, p, means);
    }
    gram = pool_doubles(&oracle.pool, p * p);
    for (size_t v = 0; v < p * p; v++) {
        for (size_t i = 0; i < n; i++) {
            gram[v] += x[i + v % p * n] * x[i + v / p * n];
        }
    }
    jacobi(gram, p, lambda);
    for (size_t i = 0; i < p; i++) {
        largest = fmax(largest, lambda[i]);
    }
    smallest = largest;
    for (size_t i = 0; i < p; i++) {
        smallest = lambda[i] > 1e-12 * largest ? fmin(smallest, lambda[i]) : smallest;
    }
    high = 10.0 * largest;
    low = fmax(high * pow(10.0, -5.4), smallest / 10.0);
    for (size_t i = 0; i < BA_AUTO_NODES; i++) {
        nodes[i] = low * pow(high / low, (double) i / (BA_AUTO_NODES - 1));
    }
    pool_free(&oracle.pool);
}

static void
assert_nodes(const double *found, const double *wanted, const study_t *study)
{
    for (size_t i = 0; i < BA_AUTO_NODES; i++) {
        if (fabs(found[i] / wanted[i] - 1.0) > 1e-8) {
            study_print(study);
            print_error("node %zu: %g, wanted %g\n", i, found[i], wanted[i]);
            fail_msg("nodes");
        }
    }
}

/* ---- the spline, by its definition ---- */

/* Cubic pieces c[0] + c[1] t + c[2] t^2 + c[3] t^3, t from the piece's left node, of the
 * not-a-knot spline: interpolation, two continuous derivatives, and a continuous third
 * one at the second and the last but one node, as one system of equations. */
static void
spline_pieces(pool_t *pool, const double *x, const double *y, size_t n, double *pieces)
{
    size_t m = 4 * (n - 1), row = 0, mark = pool->n_blocks;
    long double *a = pool_get(pool, m * m, sizeof *a), *b = pool_get(pool, m, sizeof *b);

    for (size_t i = 0; i + 1 < n; i++) {
        long double h = (long double) x[i + 1] - (long double) x[i], power = 1.0L;

        a[row + 4 * i * m] = 1.0L;
        b[row++] = (long double) y[i];
        for (size_t k = 0; k < 4; k++, power *= h) {
            a[row + (4 * i + k) * m] = power;
        }
        b[row++] = (long double) y[i + 1];
        if (i + 2 == n) {
            break;
        }
        a[row + (4 * i + 1) * m] = 1.0L;
        a[row + (4 * i + 2) * m] = 2.0L * h;
        a[row + (4 * i + 3) * m] = 3.0L * h * h;
        a[row++ + (4 * i + 5) * m] = -1.0L;
        a[row + (4 * i + 2) * m] = 2.0L;
        a[row + (4 * i + 3) * m] = 6.0L * h;
        a[row++ + (4 * i + 6) * m] = -2.0L;
        if (i == 0 || i + 3 == n) {
            a[row + (4 * i + 3) * m] = 1.0L;
            a[row++ + (4 * i + 7) * m] = -1.0L;
        }
    }
    assert_int_equal(row, m);
    oracle_solve(a, m, b, 1);
    for (size_t i = 0; i < m; i++) {
        pieces[i] = (double) b[i];
    }
    pool_shrink(pool, mark);
}

static double
piece_at(const double *c, double t)
{
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

/* Largest value on 4000 points of every piece. */
static double
brute_maximum(pool_t *pool, const double *alphas, const double *y, size_t n, double *at)
{
    enum { POINTS = 4000 };
    double x[BA_AUTO_NODES], pieces[4 * BA_AUTO_NODES], best = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        x[i] = log(alphas[i]);
    }
    spline_pieces(pool, x, y, n, pieces);
    for (size_t i = 0; i + 1 < n; i++) {
        for (size_t k = 0; k <= POINTS; k++) {
            double t = (x[i + 1] - x[i]) * (double) k / POINTS;
            double value = piece_at(pieces + 4 * i, t);

            if (value > best) {
                best = value;
                *at = exp(x[i] + t);
            }
        }
    }
    return best;
}

/* Between two of the brute force's points lies h / 4000 of log alpha, about 3e-4. */
static void
check_choice(
    pool_t *pool, const double *alphas, const double *cv, size_t v, const double *chosen)
{
    double curve[BA_AUTO_NODES];

    for (size_t t = 0; t < v; t++) {
        double at = 0.0;

        for (size_t a = 0; a < BA_AUTO_NODES; a++) {
            curve[a] = cv[a * v + t];
        }
        brute_maximum(pool, alphas, curve, BA_AUTO_NODES, &at);
        assert_true(fabs(log(chosen[t] / at)) < 1e-3);
    }
}

static void
set_automatic(study_t *study, size_t i)
{
    static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};

    study->opts.alphas = (ba_alphas_t){0};
    study->opts.scale_features = scales[i % 3];
    study->opts.scale_targets = i / 3 % 2 ? BA_SCALE_ZSCORE : BA_SCALE_NONE;
    study->opts.solver = i / 6 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    study->opts.inner_scaling = i % 5 == 4 ? BA_INNER_STRICT : BA_INNER_CENTER;
    study->opts.select = i % 4 == 3 ? BA_SCORE_R2 : BA_SCORE_MSE;
    study->opts.intercept = i % 7 == 6 ? 1 : -1;
    study->opts.want_fold_weights = 1;
}

/* Narrow and wide designs, both forms. */
static void
test_nodes_and_choices(void **state)
{
    (void) state;
    for (size_t i = 0; i < 24; i++) {
        pool_t pool = {0};
        shape_t shape = {
            .n_features = i / 12 ? 25 : 4, .n_targets = 12, .seed = 2000 + i};
        study_t study = study_make(&pool, &shape);
        double nodes[BA_AUTO_NODES];
        outcome_of_fit_t fit;
        oracle_t oracle;
        size_t v = study.v;

        set_automatic(&study, i);
        fit = study_fit(&study, NULL);
        assert_int_equal(fit.result.n_alphas, BA_AUTO_NODES);
        expected_nodes(&study, nodes);
        assert_nodes(fit.result.alphas, nodes, &study);
        check_choice(
            &pool, fit.result.alphas, fit.result.cv_scores, v, fit.result.best_alphas);
        for (size_t k = 0; k < fit.result.n_outer; k++) {
            check_choice(&pool, fit.result.alphas_by_fold + k * BA_AUTO_NODES,
                fit.result.cv_scores_by_fold + k * BA_AUTO_NODES * v, v,
                fit.result.best_alphas_by_fold + k * v);
        }
        study.n_nodes = BA_AUTO_NODES;
        study.nodes = fit.result.alphas;
        study.nodes_by_fold = fit.result.alphas_by_fold;
        study.chosen = fit.result.best_alphas;
        study.chosen_by_fold = fit.result.best_alphas_by_fold;
        oracle = oracle_fit(&study);
        compare(&oracle, &fit, 1e-7);
        pool_free(&oracle.pool);
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* One shared alpha: the maximum of the mean curve. */
static void
test_shared_alpha(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.n_targets = 6, .seed = 2100};
    study_t study = study_make(&pool, &shape);
    outcome_of_fit_t fit;
    double mean[BA_AUTO_NODES] = {0};

    (void) state;
    set_automatic(&study, 0);
    study.opts.shared_alpha = 1;
    fit = study_fit(&study, NULL);
    for (size_t i = 0; i < BA_AUTO_NODES * 6; i++) {
        mean[i / 6] += fit.result.cv_scores[i] / 6.0;
    }
    for (size_t t = 0; t < 6; t++) {
        assert_true(fit.result.best_alphas[t] == fit.result.best_alphas[0]);
    }
    check_choice(&pool, fit.result.alphas, mean, 1, fit.result.best_alphas);
    fit_free(&fit);
    pool_free(&pool);
}

/* Features in other units: alphas follow with the square where features are not scaled,
 * scores not at all. The factor is a power of two, 1024, so that rounding follows too. */
static void
test_units_do_not_matter(void **state)
{
    (void) state;
    for (size_t i = 0; i < 12; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = i / 2 % 2 ? 25 : 4, .seed = 2200 + i};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t fit, other;
        double factor;

        set_automatic(&study, i);
        factor = study.opts.scale_features == BA_SCALE_ZSCORE ? 1.0 : 1024.0 * 1024.0;
        fit = study_fit(&study, NULL);
        for (size_t j = 0; j < study.train.n * study.n_features; j++) {
            study.train.x[j] *= 1024.0;
        }
        other = study_fit(&study, NULL);
        for (size_t t = 0; t < study.v; t++) {
            assert_true(
                fabs(other.result.best_alphas[t] / (fit.result.best_alphas[t] * factor) -
                     1.0) < 1e-6);
        }
        assert_all_close(other.result.r_by_fold, fit.result.r_by_fold,
            fit.result.n_outer * study.v, 1e-9);
        assert_all_close(
            other.result.cv_scores, fit.result.cv_scores, BA_AUTO_NODES * study.v, 1e-8);
        fit_free(&fit);
        fit_free(&other);
        pool_free(&pool);
    }
}

/* A target alone has the alpha and the score that it has among others, to the bit: nodes
 * come from the design only. */
static void
test_other_targets_do_not_matter(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.n_targets = 7, .seed = 2300};
    study_t study = study_make(&pool, &shape), alone;
    outcome_of_fit_t fit, one;

    (void) state;
    set_automatic(&study, 0);
    fit = study_fit(&study, NULL);
    alone = study;
    alone.v = 1;
    one = study_fit(&alone, NULL);
    assert_memory_equal(one.result.alphas, fit.result.alphas, sizeof(double[10]));
    assert_true(one.result.best_alphas[0] == fit.result.best_alphas[0]);
    assert_true(one.result.r[0] == fit.result.r[0]);
    assert_memory_equal(one.weights, fit.weights, fit.p * sizeof(double));
    fit_free(&fit);
    fit_free(&one);
    pool_free(&pool);
}

/* Both forms see the same spectrum, whichever of n and p is larger. */
static void
test_forms_agree(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = i % 2 ? 25 : 2, .seed = 2400 + i};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t primal, dual;

        set_automatic(&study, i);
        study.opts.solver = BA_SOLVER_PRIMAL;
        primal = study_fit(&study, NULL);
        study.opts.solver = BA_SOLVER_DUAL;
        dual = study_fit(&study, NULL);
        assert_nodes(dual.result.alphas, primal.result.alphas, &study);
        assert_all_close(dual.result.r_by_fold, primal.result.r_by_fold,
            primal.result.n_outer * study.v, 1e-6);
        fit_free(&primal);
        fit_free(&dual);
        pool_free(&pool);
    }
}

/* ---- targets at the edge of the grid ---- */

/* Minus the mean square of the z-scored target, mean over the runs: the inner score of
 * predicting the mean. */
static double
score_of_mean(const study_t *study, size_t t)
{
    const double *y = study->train.y + t * study->train.n;
    double mean = oracle_mean(y, study->train.n), sum = 0.0;
    double deviation = oracle_deviation(y, study->train.n, 0.0);

    for (size_t k = 0; k < 3; k++) {
        size_t first = study->train.onset[k], n = study->train.onset[k + 1] - first;
        double square = 0.0;

        for (size_t i = first; i < first + n; i++) {
            square += (y[i] - mean) * (y[i] - mean) / (deviation * deviation);
        }
        sum -= square / (double) n / 3.0;
    }
    return sum;
}

/* Of the targets that do better than the mean, the share whose alpha is the first and the
 * last. */
static void
check_edges(ba_score_t select)
{
    pool_t pool = {0};
    shape_t shape = {.n_targets = 40, .n_features = 20, .seed = 30};
    study_t study = study_make(&pool, &shape);
    double n = 0.0, n_low = 0.0, n_high = 0.0;
    outcome_of_fit_t fit;

    /* half of the targets follow nothing but chance */
    test_fill_normal(study.train.y + 20 * study.train.n, 20 * study.train.n, 31);
    study.opts.alphas.values[0] = 20.0;
    study.opts.alphas.values[1] = 30.0;
    study.opts.scale_targets = BA_SCALE_ZSCORE;
    study.opts.inner_scaling = BA_INNER_OUTER;
    study.opts.select = select;
    fit = study_fit(&study, NULL);
    for (size_t t = 0; t < study.v; t++) {
        double largest = -INFINITY;

        for (size_t a = 0; a < 4; a++) {
            largest = fmax(largest, fit.result.cv_scores[a * study.v + t]);
        }
        if (largest > (select == BA_SCORE_MSE ? score_of_mean(&study, t) : 0.0)) {
            n += 1.0;
            n_low += fit.result.best_alphas[t] == 20.0;
            n_high += fit.result.best_alphas[t] == 500.0;
        }
    }
    assert_true(n > 0.0 && n < 40.0 && n_low > 0.0 && n_low < n && n_high > 0.0);
    assert_close(fit.info.edge_low, n_low / n, 1e-15);
    assert_close(fit.info.edge_high, n_high / n, 1e-15);
    fit_free(&fit);
    pool_free(&pool);
}

static void
test_edges_of_the_grid(void **state)
{
    (void) state;
    check_edges(BA_SCORE_MSE);
    check_edges(BA_SCORE_R2);
    check_edges(BA_SCORE_R);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_and_choices),
        cmocka_unit_test(test_shared_alpha),
        cmocka_unit_test(test_units_do_not_matter),
        cmocka_unit_test(test_other_targets_do_not_matter),
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_edges_of_the_grid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
