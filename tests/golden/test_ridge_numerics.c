/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole ridge fits of awkward matrices against 60-digit arithmetic (golden file E9).
 *
 * Fitted values "pass" within 20 times the larger of the errors that a plain float64 SVD
 * and a plain float64 Cholesky solver make, plus 1e-13, and are "good" with the smaller.
 * The default form has to be good; the primal and the dual form have to pass from alpha
 * 1e-2 on, because a Gram matrix does not carry smaller ones (with features in different
 * units, not even then to more digits than "pass"). Weights and predictions may be off by
 * 1e-12 of the target's largest where the condition number of X'X + alpha is below 1e3,
 * else by that number times 1e-15. */
#include "tests/golden/golden.h"

#include "brainalign/fit.h"

#define E9 "golden/encode/e9_numerics.h5"

/* One case of the file; matrices in C order as stored. */
typedef struct {
    const char *name;
    golden_t alphas, x, y, x_new, weights, fitted, predictions, condition, svd, cholesky;
    size_t n, p, v;
} case_t;

static case_t
read_case(const char *file, const char *name)
{
    case_t c = {.name = name,
        .alphas = golden_read(file, "/alphas"),
        .x = golden_read_in(file, name, "X"),
        .y = golden_read_in(file, name, "Y"),
        .x_new = golden_read_in(file, name, "X_new"),
        .weights = golden_read_in(file, name, "weights"),
        .fitted = golden_read_in(file, name, "fitted"),
        .predictions = golden_read_in(file, name, "predictions"),
        .condition = golden_read_in(file, name, "condition"),
        .svd = golden_read_in(file, name, "fitted_error_float64_svd"),
        .cholesky = golden_read_in(file, name, "fitted_error_float64_cholesky")};

    c.n = c.x.dims[0];
    c.p = c.x.dims[1];
    c.v = c.y.dims[1];
    return c;
}

static void
free_case(case_t *c)
{
    golden_free(&c->alphas);
    golden_free(&c->x);
    golden_free(&c->y);
    golden_free(&c->x_new);
    golden_free(&c->weights);
    golden_free(&c->fitted);
    golden_free(&c->predictions);
    golden_free(&c->condition);
    golden_free(&c->svd);
    golden_free(&c->cholesky);
}

/* Column-major copy. */
static double *
by_column(const golden_t *array)
{
    size_t n = array->dims[0], p = array->dims[1];
    double *columns = malloc(array->n * sizeof *columns);

    assert_non_null(columns);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < p; j++) {
            columns[i + j * n] = array->data[i * p + j];
        }
    }
    return columns;
}

/* Weights p x v column-major, for the caller to free. */
static double *
solve(const golden_t *x, const golden_t *y, double alpha, ba_ridge_opts_t opts,
    double *intercepts)
{
    size_t n = x->dims[0], p = x->dims[1], v = y->dims[1];
    double *columns = by_column(x), *targets = by_column(y);
    double *weights = malloc(p * v * sizeof *weights);

    assert_non_null(weights);
    if (ba_ridge_solve(NULL, (ba_cdmat_t){columns, n, p, n},
            (ba_cdmat_t){targets, n, v, n}, &alpha, 1, &opts,
            (ba_dmat_t){weights, p, v, p}, intercepts) != 0) {
        fail_msg("%s", ba_error_message());
    }
    free(columns);
    free(targets);
    return weights;
}

/* Entry (i, j) of X W in extended precision: the test must add no error of its own. */
static double
product(const golden_t *x, size_t i, const double *w, size_t j)
{
    size_t p = x->dims[1];
    long double sum = 0;

    for (size_t k = 0; k < p; k++) {
        sum += (long double) x->data[i * p + k] * (long double) w[k + j * p];
    }
    return (double) sum;
}

/* |X W - wanted| / |Y|, Frobenius. */
static double
fitted_error(const golden_t *x, const golden_t *y, const double *w, const double *wanted)
{
    double error = 0, size = 0;

    for (size_t i = 0; i < y->dims[0]; i++) {
        for (size_t j = 0; j < y->dims[1]; j++) {
            double found = product(x, i, w, j);

            error += pow(found - wanted[i * y->dims[1] + j], 2);
            size += pow(y->data[i * y->dims[1] + j], 2);
        }
    }
    return sqrt(error / size);
}

static double
largest_of_target(const double *wanted, size_t n, size_t v, size_t j)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(wanted[i * v + j]));
    }
    return largest;
}

/* Largest difference of a weight, in units of the target's largest weight. */
static double
weight_error(const double *w, const double *wanted, size_t p, size_t v)
{
    double worst = 0;

    for (size_t j = 0; j < v; j++) {
        double unit = largest_of_target(wanted, p, v, j);

        for (size_t i = 0; i < p; i++) {
            worst = fmax(worst, fabs(w[i + j * p] - wanted[i * v + j]) / unit);
        }
    }
    return worst;
}

static double
prediction_error(const golden_t *x_new, const double *w, const double *wanted, size_t v)
{
    size_t n = x_new->dims[0];
    double worst = 0;

    for (size_t j = 0; j < v; j++) {
        double unit = largest_of_target(wanted, n, v, j);

        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs(product(x_new, i, w, j) - wanted[i * v + j]) / unit);
        }
    }
    return worst;
}

/* Says every number before the first failure ends the test. */
static int
judge(const char *name, const char *what, double found, double allowed)
{
    int bad = !(found <= allowed);

    print_message("%-38s %-12s %9.2e, allowed %9.2e%s\n", name, what, found, allowed,
        bad ? "  FAILED" : "");
    return bad;
}

/* NaN says that a peer failed; fmin() and fmax() pass over it. */
static double
allowed_error(const case_t *c, size_t k, ba_solver_t solver)
{
    double svd = c->svd.data[k], cholesky = c->cholesky.data[k];

    return 20 * (solver == BA_SOLVER_AUTO ? fmin(svd, cholesky) : fmax(svd, cholesky)) +
           1e-13;
}

static int
check_alpha(const case_t *c, size_t k, ba_solver_t solver)
{
    static const char *const forms[] = {"auto", "primal", "dual"};
    double alpha = c->alphas.data[k], condition = c->condition.data[k];
    double allowed = condition < 1e3 ? 1e-12 : condition * 1e-15;
    double *w =
        solve(&c->x, &c->y, alpha, (ba_ridge_opts_t){solver, BA_INTERCEPT_NO}, NULL);
    char name[64];
    int bad = 0;

    snprintf(name, sizeof name, "%s %s %.0e", c->name, forms[solver], alpha);
    bad += judge(name, "fitted",
        fitted_error(&c->x, &c->y, w, c->fitted.data + k * c->n * c->v),
        allowed_error(c, k, solver));
    bad += judge(name, "weights",
        weight_error(w, c->weights.data + k * c->p * c->v, c->p, c->v), allowed);
    bad += judge(name, "predictions",
        prediction_error(
            &c->x_new, w, c->predictions.data + k * c->x_new.dims[0] * c->v, c->v),
        allowed);
    free(w);
    return bad;
}

static void
test_case(void **state)
{
    char file[TEST_PATH_SIZE];
    int bad = 0;
    case_t c;

    test_need_data(file, E9);
    c = read_case(file, *state);
    assert_int_equal(c.alphas.n, 7);
    assert_int_equal(c.weights.n, 7 * c.p * c.v);
    for (size_t k = 0; k < c.alphas.n; k++) {
        bad += check_alpha(&c, k, BA_SOLVER_AUTO);
        if (c.alphas.data[k] >= 1e-2) {
            bad += check_alpha(&c, k, c.p < c.n ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL);
        }
    }
    free_case(&c);
    assert_int_equal(bad, 0);
}

/* X lies at 1e4 with deviations of 1: after centring its condition number is small, so
 * the weights are held to the strict tolerance. */
static void
test_intercept(void **state)
{
    char file[TEST_PATH_SIZE], name[64];
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, BA_INTERCEPT_YES};
    golden_t wanted, intercepts;
    int bad = 0;
    case_t c;

    (void) state;
    test_need_data(file, E9);
    c = read_case(file, "large_offset");
    wanted = golden_read_in(file, "large_offset", "intercept_weights");
    intercepts = golden_read_in(file, "large_offset", "intercept");
    for (size_t k = 0; k < c.alphas.n; k++) {
        double b[4], worst = 0;
        double *w = solve(&c.x, &c.y, c.alphas.data[k], opts, b);

        assert_int_equal(c.v, 4);
        for (size_t j = 0; j < c.v; j++) {
            double b_wanted = intercepts.data[k * c.v + j];

            worst = fmax(worst, fabs(b[j] - b_wanted) / fabs(b_wanted));
        }
        snprintf(name, sizeof name, "intercept %.0e", c.alphas.data[k]);
        bad += judge(name, "weights",
            weight_error(w, wanted.data + k * c.p * c.v, c.p, c.v), 1e-12);
        bad += judge(name, "intercepts", worst, 1e-12);
        free(w);
    }
    golden_free(&wanted);
    golden_free(&intercepts);
    free_case(&c);
    assert_int_equal(bad, 0);
}

/* alpha = 0 of integer matrices whose rank is less than both sides: least norm. */
static void
test_minimum_norm(void **state)
{
    static const ba_solver_t solvers[] = {
        BA_SOLVER_AUTO, BA_SOLVER_PRIMAL, BA_SOLVER_DUAL};
    char file[TEST_PATH_SIZE];
    const char *name = *state;
    golden_t x, y, fitted, weights;
    int bad = 0;

    test_need_data(file, E9);
    x = golden_read_in(file, name, "X");
    y = golden_read_in(file, name, "Y");
    fitted = golden_read_in(file, name, "fitted");
    weights = golden_read_in(file, name, "weights");
    for (size_t s = 0; s < 3; s++) {
        double *w =
            solve(&x, &y, 0, (ba_ridge_opts_t){solvers[s], BA_INTERCEPT_NO}, NULL);

        bad += judge(name, "fitted", fitted_error(&x, &y, w, fitted.data), 1e-13);
        bad += judge(
            name, "weights", weight_error(w, weights.data, x.dims[1], y.dims[1]), 1e-12);
        free(w);
    }
    golden_free(&x);
    golden_free(&y);
    golden_free(&fitted);
    golden_free(&weights);
    assert_int_equal(bad, 0);
}

/* Runs the inner cross-validation of a whole fit; the caller frees the result. */
static ba_fit_result_t
fit_folds(const golden_t *x, const golden_t *y, const int32_t *fold, golden_t *alphas)
{
    static const int no_delay[] = {0};
    size_t n = x->dims[0], p = x->dims[1];
    double *columns = by_column(x), *targets = by_column(y);
    ba_space_t space = {"X", NULL, columns, p, no_delay, 1, 0};
    ba_fit_opts_t opts = ba_fit_opts_default();
    ba_fit_data_t data = {0};
    ba_runs_t runs;
    ba_design_t *design;
    ba_fit_info_t info;
    ba_fit_result_t result;

    assert_int_equal(ba_runs_one(n, &runs), 0);
    assert_int_equal(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design), 0);
    data.design = design;
    data.runs = &runs;
    assert_int_equal(
        ba_source_from_memory(targets, n, y->dims[1], n, "Y", &data.targets), 0);
    opts.intercept = 0;
    opts.alphas = (ba_alphas_t){alphas->data, alphas->n};
    opts.select = BA_SCORE_R2;
    opts.inner_scaling = BA_INNER_OUTER;
    opts.cv = (ba_cv_opts_t){.kind = BA_CV_ROWS, .ids = fold};
    opts.outer_cv.kind = BA_CV_NONE;
    opts.precision = BA_DOUBLE;
    opts.want_cv = 1;
    if (ba_fit_run(NULL, &data, &opts, NULL, &result, &info) != 0) {
        fail_msg("%s", ba_error_message());
    }
    ba_source_close(data.targets);
    ba_design_free(design);
    ba_runs_free(&runs);
    free(columns);
    free(targets);
    return result;
}

/* Folds of 5 and of 18 rows count the same in the mean. */
static void
test_unequal_folds(void **state)
{
    char file[TEST_PATH_SIZE];
    const char *name = "two_unequal_folds";
    golden_t x, y, alphas, ids, best, scores;
    golden_check_t check = {.what = "cv_scores"};
    int32_t fold[64];
    ba_fit_result_t result;

    (void) state;
    test_need_data(file, E9);
    x = golden_read_in(file, name, "X");
    y = golden_read_in(file, name, "Y");
    alphas = golden_read_in(file, name, "alphas");
    ids = golden_read_in(file, name, "fold");
    best = golden_read_in(file, name, "best_alphas");
    scores = golden_read_in(file, name, "cv_scores");
    assert_true(ids.n <= 64);
    for (size_t i = 0; i < ids.n; i++) {
        fold[i] = (int32_t) ids.data[i];
    }
    result = fit_folds(&x, &y, fold, &alphas);
    for (size_t i = 0; i < scores.n; i++) {
        golden_close(&check, i, result.cv_scores[i], scores.data[i], 1e-9);
    }
    for (size_t j = 0; j < best.n; j++) {
        assert_true(golden_same_alpha(result.best_alphas[j], best.data[j]));
    }
    golden_report(name, &check);
    ba_fit_result_free(&result);
    golden_free(&x);
    golden_free(&y);
    golden_free(&alphas);
    golden_free(&ids);
    golden_free(&best);
    golden_free(&scores);
}

int
main(void)
{
    static char cases[][32] = {"collinear", "float32", "large_offset", "one_feature",
        "one_row", "scales", "square", "two_rows", "wide", "zero_and_constant_column"};
    static char exact[][32] = {"min_norm_tall", "min_norm_wide", "min_norm_square"};
    struct CMUnitTest tests[15] = {
        cmocka_unit_test(test_intercept),
        cmocka_unit_test(test_unequal_folds),
    };

    for (size_t i = 0; i < 10; i++) {
        tests[2 + i] = (struct CMUnitTest){cases[i], test_case, NULL, NULL, cases[i]};
    }
    for (size_t i = 0; i < 3; i++) {
        tests[12 + i] =
            (struct CMUnitTest){exact[i], test_minimum_norm, NULL, NULL, exact[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
