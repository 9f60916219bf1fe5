/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions by identities against explicit refits. */
#include "tests/unit/neuron_case.h"

typedef struct {
    double sse[TARGETS], r2[TARGETS], r[TARGETS];
    double mean[TARGETS];          /* of what is predicted without columns */
    double weights[512 * TARGETS]; /* of all columns, 0 where left out */
    double predicted[TEST * TARGETS];
} fit_t;

static void
score_fit(const case_t *made, fit_t *fit)
{
    for (size_t t = 0; t < TARGETS; t++) {
        const double *y = made->y_test + t * TEST, *p = fit->predicted + t * TEST;
        double my = 0, mp = 0, yy = 0, yp = 0, pp = 0;

        fit->sse[t] = 0;
        for (size_t i = 0; i < TEST; i++) {
            my += y[i] / TEST;
            mp += p[i] / TEST;
            fit->sse[t] += (y[i] - p[i]) * (y[i] - p[i]);
        }
        for (size_t i = 0; i < TEST; i++) {
            yy += (y[i] - my) * (y[i] - my);
            yp += (y[i] - my) * (p[i] - mp);
            pp += (p[i] - mp) * (p[i] - mp);
        }
        fit->r2[t] = 1 - fit->sse[t] / yy;
        fit->r[t] = yp / sqrt(yy * pp);
    }
}

static void
predict(const case_t *made, fit_t *fit)
{
    for (size_t t = 0; t < TARGETS; t++) {
        for (size_t i = 0; i < TEST; i++) {
            double sum = fit->mean[t];

            for (size_t c = 0; c < made->p; c++) {
                sum += made->x_test[i + c * TEST] * fit->weights[c + t * made->p];
            }
            fit->predicted[i + t * TEST] = sum;
        }
    }
    score_fit(made, fit);
}

/* A fit of the columns that `in` marks. */
static void
refit(const case_t *made, const unsigned char *in, double alpha, fit_t *fit)
{
    double *x = numbers(TRAIN * made->p), *w = numbers(made->p * TARGETS);
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, made->intercept};
    size_t k = 0, at = 0;

    for (size_t c = 0; c < made->p; c++) {
        if (in[c]) {
            memcpy(x + TRAIN * k++, made->x + c * TRAIN, TRAIN * sizeof *x);
        }
    }
    assert_int_equal(ba_ridge_solve(NULL, ba_cdmat(x, TRAIN, k, TRAIN),
                         ba_cdmat(made->y, TRAIN, TARGETS, TRAIN), &alpha, 1, &opts,
                         ba_dmat(w, k, TARGETS, k), fit->mean),
        BA_OK);
    for (size_t c = 0; c < made->p; c++) {
        for (size_t t = 0; t < TARGETS; t++) {
            fit->weights[c + t * made->p] = in[c] ? w[at + t * k] : 0.0;
        }
        at += in[c];
    }
    predict(made, fit);
    free(x);
    free(w);
}

static void
mark(const case_t *made, const size_t *neurons, size_t n, unsigned char *in, int value)
{
    memset(in, !value, made->p);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = made->start[neurons[i]]; k < made->start[neurons[i] + 1]; k++) {
            in[made->columns[k]] = (unsigned char) value;
        }
    }
}

/* The same weights where the columns that are not `in` stay at their training mean, which
 * is 0 to a model without an intercept. */
static void
put_to_mean(const case_t *made, const unsigned char *in, fit_t *fit)
{
    for (size_t c = 0; c < made->p; c++) {
        double mean = 0.0;

        for (size_t i = 0; made->intercept && i < TRAIN; i++) {
            mean += made->x[i + c * TRAIN] / TRAIN;
        }
        for (size_t t = 0; t < TARGETS && !in[c]; t++) {
            fit->mean[t] += mean * fit->weights[c + t * made->p];
            fit->weights[c + t * made->p] = 0.0;
        }
    }
}

static void
check_neuron(const case_t *made, double alpha, size_t j, const fit_t *whole,
    const ba_contributions_t *found)
{
    static fit_t other, alone;
    unsigned char in[512];

    mark(made, &j, 1, in, 1);
    refit(made, in, alpha, &alone);
    mark(made, &j, 1, in, 0);
    refit(made, in, alpha, &other);
    for (size_t t = 0; t < TARGETS; t++) {
        size_t at = t * made->n_neurons + j;
        double squares = 0.0;

        for (size_t k = made->start[j]; k < made->start[j + 1]; k++) {
            double weight = whole->weights[made->columns[k] + t * made->p];

            squares += weight * weight;
        }
        assert_close(found->delta_r2[at], whole->r2[t] - other.r2[t], 1e-10);
        assert_close(found->delta_r[at], whole->r[t] - other.r[t], 1e-10);
        assert_close(found->alone_r[at], alone.r[t], 1e-10);
        assert_close(found->weight_norm[at], sqrt(squares), 1e-10);
    }
    other = *whole;
    put_to_mean(made, in, &other);
    predict(made, &other);
    for (size_t t = 0; t < TARGETS; t++) {
        assert_close(found->zero_out_r2[t * made->n_neurons + j],
            whole->r2[t] - other.r2[t], 1e-10);
    }
}

static void
check_neurons(const case_t *made, double alpha, const fit_t *whole)
{
    size_t size = made->n_neurons * TARGETS;
    double r2[TARGETS], r[TARGETS], *block = numbers(7 * size);
    ba_contributions_t found = {r2, r, block, block + size, block + 2 * size,
        block + 3 * size, block + 4 * size, block + 5 * size, block + 6 * size};

    assert_int_equal(ba_contribution_targets(made->contribution,
                         ba_cdmat(made->y, TRAIN, TARGETS, TRAIN),
                         ba_cdmat(made->y_test, TEST, TARGETS, TEST), &found),
        BA_OK);
    for (size_t t = 0; t < TARGETS; t++) {
        assert_close(r2[t], whole->r2[t], 1e-10);
        assert_close(r[t], whole->r[t], 1e-10);
    }
    for (size_t j = 0; j < made->n_neurons; j++) {
        check_neuron(made, alpha, j, whole, &found);
    }
    free(block);
}

static void
check_set(
    const case_t *made, double alpha, const fit_t *whole, const size_t *set, size_t n)
{
    static fit_t without, zeroed, only;
    unsigned char in[512];
    double sse[4][TARGETS], r[4][TARGETS];
    ba_set_scores_t scores[4];

    for (size_t k = 0; k < 4; k++) {
        scores[k] = (ba_set_scores_t){.sse = sse[k], .r = r[k]};
    }
    assert_int_equal(
        ba_contribution_set(made->contribution, ba_cdmat(made->y, TRAIN, TARGETS, TRAIN),
            ba_cdmat(made->y_test, TEST, TARGETS, TEST), set, n, &scores[0], &scores[1],
            &scores[2], &scores[3]),
        BA_OK);
    mark(made, set, n, in, 1);
    refit(made, in, alpha, &only);
    mark(made, set, n, in, 0);
    refit(made, in, alpha, &without);
    zeroed = *whole;
    put_to_mean(made, in, &zeroed);
    predict(made, &zeroed);
    for (size_t t = 0; t < TARGETS; t++) {
        const fit_t *wanted[] = {whole, &without, &zeroed, &only};

        for (size_t k = 0; k < 4; k++) {
            assert_close(sse[k][t], wanted[k]->sse[t], 1e-9);
            assert_close(r[k][t], wanted[k]->r[t], 1e-9);
        }
    }
}

static void
check_uniqueness(const case_t *made, double alpha)
{
    double *found = numbers(made->p), *others = numbers(TRAIN * made->p);
    double *w = numbers(made->p), own[TRAIN], b;
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, made->intercept};
    size_t k = 0, j = made->columns[0];

    ba_contribution_uniqueness(made->contribution, found);
    for (size_t c = 0; c < made->p; c++) {
        if (c != j) {
            memcpy(others + TRAIN * k++, made->x + c * TRAIN, TRAIN * sizeof *others);
        }
    }
    memcpy(own, made->x + j * TRAIN, sizeof own);
    assert_int_equal(
        ba_ridge_solve(NULL, ba_cdmat(others, TRAIN, k, TRAIN),
            ba_cdmat(own, TRAIN, 1, TRAIN), &alpha, 1, &opts, ba_dmat(w, k, 1, k), &b),
        BA_OK);
    double wanted = alpha;
    for (size_t i = 0; i < TRAIN; i++) {
        double rest = own[i] - (made->intercept ? b : 0.0);

        for (size_t c = 0; c < k; c++) {
            rest -= others[i + c * TRAIN] * w[c];
        }
        wanted += own[i] * rest;
    }
    assert_close(found[0], wanted, 1e-9 * wanted);
    free(found);
    free(others);
    free(w);
}

static void
check_case(size_t n_features, ba_solver_t solver, ba_intercept_t intercept, double gamma)
{
    static const double alphas[] = {0.3, 20.0};
    static const size_t set[] = {3, 0, 1}, all_but_one[] = {1, 2, 3, 4};
    static case_t made;
    static fit_t whole;
    unsigned char in[512];

    make_case(&made, n_features, solver, intercept, gamma);
    for (size_t a = 0; a < 2; a++) {
        memset(in, 1, sizeof in);
        refit(&made, in, alphas[a], &whole);
        assert_int_equal(ba_contribution_at(NULL, made.contribution, alphas[a]), BA_OK);
        check_neurons(&made, alphas[a], &whole);
        check_set(&made, alphas[a], &whole, set, 3);
        check_set(&made, alphas[a], &whole, all_but_one, 4);
        check_uniqueness(&made, alphas[a]);
    }
    free_case(&made);
}

static void
test_more_rows_than_columns(void **state)
{
    (void) state;
    check_case(5, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO, 1.0);
    check_case(5, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, 1.0);
    check_case(5, BA_SOLVER_DUAL, BA_INTERCEPT_YES, 1.0);
    check_case(5, BA_SOLVER_DUAL, BA_INTERCEPT_NO, 1.0);
}

static void
test_more_columns_than_rows(void **state)
{
    (void) state;
    check_case(30, BA_SOLVER_DUAL, BA_INTERCEPT_NO, 1.0);
    check_case(30, BA_SOLVER_DUAL, BA_INTERCEPT_YES, 1.0);
    check_case(30, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, 1.0);
}

/* The control with a penalty of its own, light and heavy. */
static void
test_penalties_differ(void **state)
{
    (void) state;
    check_case(5, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, 100.0);
    check_case(30, BA_SOLVER_DUAL, BA_INTERCEPT_NO, 25.0);
    check_case(30, BA_SOLVER_DUAL, BA_INTERCEPT_YES, 0.01);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_rows_than_columns),
        cmocka_unit_test(test_more_columns_than_rows),
        cmocka_unit_test(test_penalties_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
