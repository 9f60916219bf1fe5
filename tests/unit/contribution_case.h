/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small fit with neurons of two delays, for tests of what is made of it. */
#ifndef BA_TESTS_CONTRIBUTION_CASE_H
#define BA_TESTS_CONTRIBUTION_CASE_H

#include "tests/testlib.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution_drops.h"

enum {
    CASE_TRAIN = 50,
    CASE_TEST = 16,
    CASE_ROWS = 66,
    CASE_TARGETS = 4,
    CASE_MOST = 64
};

typedef struct {
    size_t n_neurons;
    double *values, mean[2 * CASE_MOST], scale[2 * CASE_MOST];
    double y[CASE_TRAIN * CASE_TARGETS], y_test[CASE_TEST * CASE_TARGETS];
    size_t rows[CASE_ROWS], start[CASE_MOST + 1], columns[2 * CASE_MOST];
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
    ba_training_t training;
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
} contribution_case_t;

/* Neurons correlate more with those near them. */
static inline void
contribution_case_make(
    contribution_case_t *made, size_t n_neurons, ba_solver_t solver, double alpha)
{
    static const int delays[] = {0, 1};
    ba_neuron_columns_t neurons;

    *made = (contribution_case_t){.n_neurons = n_neurons};
    made->values = calloc(CASE_ROWS * n_neurons, sizeof *made->values);
    assert_non_null(made->values);
    test_fill_normal(made->values, CASE_ROWS * n_neurons, 3);
    for (size_t i = CASE_ROWS; i < CASE_ROWS * n_neurons; i++) {
        made->values[i] += 0.7 * made->values[i - CASE_ROWS];
    }
    test_fill_normal(made->y, CASE_TRAIN * CASE_TARGETS, 4);
    test_fill_normal(made->y_test, CASE_TEST * CASE_TARGETS, 5);
    for (size_t i = 0; i < CASE_ROWS; i++) {
        made->rows[i] = i;
    }
    for (size_t j = 0; j < 2 * n_neurons; j++) {
        made->scale[j] = 1.0 + 0.1 * (double) (j % 3);
    }
    made->space = (ba_space_t){"lm", NULL, made->values, n_neurons, delays, 2, 0};
    assert_int_equal(ba_runs_one(CASE_ROWS, &made->runs), BA_OK);
    assert_int_equal(
        ba_design_new(&made->space, 1, &made->runs, BA_DELAY_WITHIN_RUNS, &made->design),
        BA_OK);
    for (size_t j = 0; j <= n_neurons; j++) {
        made->start[j] = 2 * j;
    }
    for (size_t j = 0; j < n_neurons; j++) {
        made->columns[2 * j] = j;
        made->columns[2 * j + 1] = n_neurons + j;
    }
    made->training =
        (ba_training_t){made->design, made->rows, CASE_TRAIN, made->mean, made->scale};
    neurons = (ba_neuron_columns_t){n_neurons, made->start, made->columns};
    assert_int_equal(
        ba_ridge_factor(NULL, &made->training, solver, BA_INTERCEPT_YES, &made->factor),
        BA_OK);
    assert_int_equal(
        ba_contribution_new(NULL, made->factor, &made->training, made->design,
            made->rows + CASE_TRAIN, CASE_TEST, &neurons, &made->contribution),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, made->contribution, alpha), BA_OK);
}

static inline void
contribution_case_free(contribution_case_t *made)
{
    ba_contribution_free(made->contribution);
    ba_ridge_factor_free(made->factor);
    ba_design_free(made->design);
    ba_runs_free(&made->runs);
    free(made->values);
}

#endif
