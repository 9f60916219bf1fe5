/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons with delays beside a control, factorised: where tests of contributions start. */
#ifndef BA_NEURON_CASE_H
#define BA_NEURON_CASE_H

#include "tests/testlib.h"

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

static inline double *
numbers(size_t n)
{
    double *block = calloc(n, sizeof *block);

    assert_non_null(block);
    return block;
}

static inline void
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

static inline void
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
static inline void
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

static inline void
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

#endif
