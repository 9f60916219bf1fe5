/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions by identities against explicit refits. */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution.h"

#define TARGETS 3

enum { N = 60, TRAIN = 44, TEST = 14 };

/* A language model of delays 1, 2, 3 whose features are neurons, and a control of delays 0,
 * 1 that is never left out. */
typedef struct {
    size_t n_features, p, n_neurons;
    double *values, *control, *x, *x_test; /* x: scaled as fitted */
    double mean[512], scale[512];
    double y[TRAIN * TARGETS], y_test[TEST * TARGETS];
    size_t rows[TRAIN], test_rows[TEST], start[256], columns[512];
    ba_space_t spaces[2];
    ba_runs_t runs;
    ba_design_t *design;
    ba_training_t training;
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
    ba_intercept_t intercept;
} case_t;

static double *
numbers(size_t n)
{
    double *block = calloc(n, sizeof *block);

    assert_non_null(block);
    return block;
}

static void
list_neurons(case_t *made)
{
    size_t at = 0;

    made->n_neurons = made->n_features;
    for (size_t j = 0; j < made->n_features; j++) {
        made->start[j] = at;
        for (size_t c = 0; c < made->p; c++) {
            ba_column_t column = ba_design_column(made->design, c);

            if (column.space == 0 && column.feature == j) {
                made->columns[at++] = c;
            }
        }
    }
    made->start[made->n_features] = at;
    assert_int_equal(at, 3 * made->n_features);
}

static void
read_scaled(const case_t *made, const size_t *rows, size_t n, double *x)
{
    ba_design_read(made->design, rows, n, 0, made->p, x, n);
    for (size_t c = 0; c < made->p; c++) {
        for (size_t i = 0; i < n; i++) {
            x[i + c * n] = (x[i + c * n] - made->mean[c]) / made->scale[c];
        }
    }
}

/* gamma: what the control's columns are multiplied by is its root. */
static void
make_case(case_t *made, size_t n_features, ba_solver_t solver, ba_intercept_t intercept,
    double gamma)
{
    static const int delays[] = {1, 2, 3}, control_delays[] = {0, 1};
    static const size_t onsets[] = {0, 31};

    ba_neuron_columns_t neurons;

    *made = (case_t){.n_features = n_features, .intercept = intercept};
    made->values = numbers(N * n_features);
    made->control = numbers(N * 2);
    test_fill_normal(made->values, N * n_features, 7);
    test_fill_normal(made->control, N * 2, 8);
    for (size_t i = 0; i < N; i++) {
        made->values[i] += 0.6 * made->control[i];
    }
    made->spaces[0] = (ba_space_t){"lm", NULL, made->values, n_features, delays, 3, 0};
    made->spaces[1] = (ba_space_t){"rate", NULL, made->control, 2, control_delays, 2, 0};
    assert_int_equal(ba_runs_from_onsets(onsets, 2, N, &made->runs), BA_OK);
    assert_int_equal(
        ba_design_new(made->spaces, 2, &made->runs, BA_DELAY_WITHIN_RUNS, &made->design),
        BA_OK);
    made->p = ba_design_n_columns(made->design);
    for (size_t i = 0; i < TRAIN; i++) {
        made->rows[i] = i + 2;
    }
    for (size_t i = 0; i < TEST; i++) {
        made->test_rows[i] = TRAIN + 2 + i;
    }
    for (size_t c = 0; c < made->p; c++) {
        int is_control = ba_design_column(made->design, c).space == 1;

        made->mean[c] = 0.1 * (double) (c % 3);
        made->scale[c] =
            (1.0 + 0.2 * (double) (c % 4)) / (is_control ? sqrt(gamma) : 1.0);
    }
    list_neurons(made);
    made->training =
        (ba_training_t){made->design, made->rows, TRAIN, made->mean, made->scale};
    made->x = numbers(TRAIN * made->p);
    made->x_test = numbers(TEST * made->p);
    read_scaled(made, made->rows, TRAIN, made->x);
    read_scaled(made, made->test_rows, TEST, made->x_test);
    test_fill_normal(made->y, TRAIN * TARGETS, 9);
    test_fill_normal(made->y_test, TEST * TARGETS, 10);
    for (size_t i = 0; i < TRAIN * TARGETS; i++) {
        made->y[i] += 0.7 + made->x[i % TRAIN] - 0.5 * made->x[i % TRAIN + TRAIN];
    }
    for (size_t i = 0; i < TEST * TARGETS; i++) {
        made->y_test[i] +=
            0.4 + made->x_test[i % TEST] - 0.5 * made->x_test[i % TEST + TEST];
    }
    assert_int_equal(
        ba_ridge_factor(NULL, &made->training, solver, intercept, &made->factor), BA_OK);
    neurons = (ba_neuron_columns_t){made->n_neurons, made->start, made->columns};
    assert_int_equal(
        ba_contribution_new(NULL, made->factor, &made->training, made->design,
            made->test_rows, TEST, &neurons, &made->contribution),
        BA_OK);
}

static void
free_case(case_t *made)
{
    ba_contribution_free(made->contribution);
    ba_ridge_factor_free(made->factor);
    ba_design_free(made->design);
    ba_runs_free(&made->runs);
    free(made->values);
    free(made->control);
    free(made->x);
    free(made->x_test);
}

/* ---- the long way ---- */

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

/* Shares of all columns add to r2 and to r, with the level that the held-out rows have. */
static void
check_product_measure(ba_intercept_t intercept)
{
    static case_t made;
    double r2[TARGETS], r[TARGETS], *block;
    size_t size;
    ba_contributions_t found;
    ba_neuron_columns_t each;
    ba_contribution_t *all;

    make_case(&made, 6, BA_SOLVER_PRIMAL, intercept, 1.0);
    for (size_t c = 0; c <= made.p; c++) {
        made.start[c] = made.columns[c] = c;
    }
    each = (ba_neuron_columns_t){made.p, made.start, made.columns};
    assert_int_equal(ba_contribution_new(NULL, made.factor, &made.training, made.design,
                         made.test_rows, TEST, &each, &all),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, all, 2.0), BA_OK);
    size = made.p * TARGETS;
    block = numbers(5 * size);
    found = (ba_contributions_t){r2, r, block, block + size, block + 2 * size,
        block + 3 * size, block + 4 * size, NULL, NULL};
    assert_int_equal(ba_contribution_targets(all, ba_cdmat(made.y, TRAIN, TARGETS, TRAIN),
                         ba_cdmat(made.y_test, TEST, TARGETS, TEST), &found),
        BA_OK);
    for (size_t t = 0; t < TARGETS; t++) {
        double sum = 0, sum_r = 0;

        for (size_t c = 0; c < made.p; c++) {
            sum += found.product_r2[t * made.p + c];
            sum_r += found.product_r[t * made.p + c];
        }
        assert_close(sum, r2[t], 1e-12);
        assert_close(sum_r, r[t], 1e-12);
    }
    free(block);
    ba_contribution_free(all);
    free_case(&made);
}

static void
test_product_measure_adds_up(void **state)
{
    (void) state;
    check_product_measure(BA_INTERCEPT_NO);
    check_product_measure(BA_INTERCEPT_YES);
}

static void
test_penalty_must_be_positive(void **state)
{
    static case_t made;

    (void) state;
    make_case(&made, 5, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO, 1.0);
    assert_int_equal(ba_contribution_at(NULL, made.contribution, 0.0), BA_VALUE);
    assert_int_equal(ba_contribution_at(NULL, made.contribution, NAN), BA_VALUE);
    free_case(&made);
}

/* Alone in a model, a neuron leaves nothing to predict with: r without it is undefined. */
static void
test_last_neuron(void **state)
{
    static case_t made;
    double values[9];
    size_t columns[512], start[2] = {0, 0};
    ba_neuron_columns_t one = {1, start, columns};
    ba_contributions_t found = {values, values + 1, values + 2, values + 3, values + 4,
        values + 5, values + 6, values + 7, values + 8};
    ba_contribution_t *all;

    (void) state;
    make_case(&made, 5, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, 1.0);
    for (size_t c = 0; c < made.p; c++) {
        columns[c] = c;
    }
    start[1] = made.p;
    assert_int_equal(ba_contribution_new(NULL, made.factor, &made.training, made.design,
                         made.test_rows, TEST, &one, &all),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, all, 2.0), BA_OK);
    assert_int_equal(ba_contribution_targets(all, ba_cdmat(made.y, TRAIN, 1, TRAIN),
                         ba_cdmat(made.y_test, TEST, 1, TEST), &found),
        BA_OK);
    assert_true(isfinite(values[2]));
    assert_true(isnan(values[3]));
    assert_close(values[7], values[1], 1e-12);
    ba_contribution_free(all);
    free_case(&made);
}

static void
test_allocations_fail(void **state)
{
    static case_t made;
    ba_neuron_columns_t neurons;
    int status = BA_NOMEM;

    (void) state;
    make_case(&made, 5, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO, 1.0);
    neurons = (ba_neuron_columns_t){made.n_neurons, made.start, made.columns};
    for (size_t k = 1; status != BA_OK && k < 100; k++) {
        ba_contribution_t *other;

        ba_alloc_fail_at(k);
        status = ba_contribution_new(NULL, made.factor, &made.training, made.design,
            made.test_rows, TEST, &neurons, &other);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_contribution_free(other);
    }
    assert_int_equal(status, BA_OK);
    free_case(&made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_rows_than_columns),
        cmocka_unit_test(test_more_columns_than_rows),
        cmocka_unit_test(test_penalties_differ),
        cmocka_unit_test(test_product_measure_adds_up),
        cmocka_unit_test(test_penalty_must_be_positive),
        cmocka_unit_test(test_last_neuron),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
