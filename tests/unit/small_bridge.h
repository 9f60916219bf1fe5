/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons of two delays and a control in one small fit, and refits of any columns the long
 * way. */
#ifndef BA_TESTS_SMALL_BRIDGE_H
#define BA_TESTS_SMALL_BRIDGE_H

#include "tests/testlib.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution.h"

enum {
    BRIDGE_ROWS = 64,
    BRIDGE_TRAIN = 44,
    BRIDGE_TEST = 18,
    BRIDGE_TARGETS = 5,
    BRIDGE_MOST = 40
};

typedef struct {
    size_t n_neurons, p;
    double alpha;
    double values[BRIDGE_ROWS * BRIDGE_MOST], control[BRIDGE_ROWS];
    double mean[2 * BRIDGE_MOST + 1], scale[2 * BRIDGE_MOST + 1];
    double x[BRIDGE_TRAIN * (2 * BRIDGE_MOST + 1)];
    double x_test[BRIDGE_TEST * (2 * BRIDGE_MOST + 1)];
    double y[BRIDGE_TRAIN * BRIDGE_TARGETS], y_test[BRIDGE_TEST * BRIDGE_TARGETS];
    size_t train[BRIDGE_TRAIN], test[BRIDGE_TEST];
    size_t start[BRIDGE_MOST + 1], columns[2 * BRIDGE_MOST];
    ba_runs_t runs;
    ba_space_t spaces[2];
    ba_design_t *design;
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
} bridge_t;

static inline void
bridge_read(const bridge_t *bridge, const size_t *rows, size_t n, double *x)
{
    ba_design_read(bridge->design, rows, n, 0, bridge->p, x, n);
    for (size_t i = 0; i < n * bridge->p; i++) {
        x[i] = (x[i] - bridge->mean[i / n]) / bridge->scale[i / n];
    }
}

static inline void
bridge_fill(bridge_t *bridge)
{
    size_t k = bridge->n_neurons;

    test_fill_normal(bridge->values, BRIDGE_ROWS * k, 21);
    test_fill_normal(bridge->control, BRIDGE_ROWS, 22);
    test_fill_normal(bridge->y, BRIDGE_TRAIN * BRIDGE_TARGETS, 23);
    test_fill_normal(bridge->y_test, BRIDGE_TEST * BRIDGE_TARGETS, 24);
    for (size_t i = BRIDGE_ROWS; i < BRIDGE_ROWS * k; i++) {
        bridge->values[i] += 0.5 * bridge->values[i - BRIDGE_ROWS];
    }
    for (size_t i = 0; i < BRIDGE_TRAIN; i++) {
        bridge->train[i] = i + 1;
    }
    for (size_t i = 0; i < BRIDGE_TEST; i++) {
        bridge->test[i] = BRIDGE_TRAIN + 1 + i;
    }
    for (size_t c = 0; c < bridge->p; c++) {
        bridge->mean[c] = 0.05 * (double) (c % 5);
        bridge->scale[c] = 1.0 + 0.1 * (double) (c % 3);
    }
    for (size_t j = 0; j < k; j++) {
        bridge->start[j + 1] = 2 * (j + 1);
        bridge->columns[2 * j] = j;
        bridge->columns[2 * j + 1] = k + j;
    }
}

/* Without an intercept; the last column is the control. */
static inline void
bridge_make(bridge_t *bridge, size_t n_neurons, ba_solver_t solver, double alpha)
{
    static const int delays[] = {0, 1};
    ba_neuron_columns_t neurons = {n_neurons, bridge->start, bridge->columns};
    ba_training_t training = {
        NULL, bridge->train, BRIDGE_TRAIN, bridge->mean, bridge->scale};

    memset(bridge, 0, sizeof *bridge);
    bridge->n_neurons = n_neurons;
    bridge->p = 2 * n_neurons + 1;
    bridge->alpha = alpha;
    bridge_fill(bridge);
    bridge->spaces[0] = (ba_space_t){"lm", NULL, bridge->values, n_neurons, delays, 2, 0};
    bridge->spaces[1] = (ba_space_t){"rate", NULL, bridge->control, 1, delays, 1, 0};
    assert_int_equal(ba_runs_one(BRIDGE_ROWS, &bridge->runs), BA_OK);
    assert_int_equal(ba_design_new(bridge->spaces, 2, &bridge->runs, BA_DELAY_WITHIN_RUNS,
                         &bridge->design),
        BA_OK);
    assert_int_equal(ba_design_n_columns(bridge->design), bridge->p);
    bridge_read(bridge, bridge->train, BRIDGE_TRAIN, bridge->x);
    bridge_read(bridge, bridge->test, BRIDGE_TEST, bridge->x_test);
    for (size_t t = 0; t < BRIDGE_TARGETS; t++) {
        for (size_t i = 0; i < BRIDGE_TRAIN; i++) {
            bridge->y[i + t * BRIDGE_TRAIN] +=
                bridge->x[i + t * BRIDGE_TRAIN] - bridge->x[i + BRIDGE_TRAIN];
        }
        for (size_t i = 0; i < BRIDGE_TEST; i++) {
            bridge->y_test[i + t * BRIDGE_TEST] += 0.3 +
                                                   bridge->x_test[i + t * BRIDGE_TEST] -
                                                   bridge->x_test[i + BRIDGE_TEST];
        }
    }
    training.design = bridge->design;
    assert_int_equal(
        ba_ridge_factor(NULL, &training, solver, BA_INTERCEPT_NO, &bridge->factor),
        BA_OK);
    assert_int_equal(ba_contribution_new(NULL, bridge->factor, &training, bridge->design,
                         bridge->test, BRIDGE_TEST, &neurons, &bridge->contribution),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, bridge->contribution, alpha), BA_OK);
}

static inline void
bridge_free(bridge_t *bridge)
{
    ba_contribution_free(bridge->contribution);
    ba_ridge_factor_free(bridge->factor);
    ba_design_free(bridge->design);
    ba_runs_free(&bridge->runs);
}

static inline ba_cdmat_t
bridge_y(const bridge_t *bridge)
{
    return ba_cdmat(bridge->y, BRIDGE_TRAIN, BRIDGE_TARGETS, BRIDGE_TRAIN);
}

static inline ba_cdmat_t
bridge_y_test(const bridge_t *bridge)
{
    return ba_cdmat(bridge->y_test, BRIDGE_TEST, BRIDGE_TARGETS, BRIDGE_TEST);
}

/* A fit without the neurons that `out` marks: squared errors and r2 of each target. */
static inline void
bridge_refit(const bridge_t *bridge, const unsigned char *out, double *sse, double *r2)
{
    static double x[BRIDGE_TRAIN * (2 * BRIDGE_MOST + 1)];
    static double w[(2 * BRIDGE_MOST + 1) * BRIDGE_TARGETS];
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, BA_INTERCEPT_NO};
    size_t in[2 * BRIDGE_MOST + 1], k = 0;

    for (size_t c = 0; c < bridge->p; c++) {
        if (c + 1 == bridge->p || !out[c % bridge->n_neurons]) {
            memcpy(x + k * BRIDGE_TRAIN, bridge->x + c * BRIDGE_TRAIN,
                BRIDGE_TRAIN * sizeof *x);
            in[k++] = c;
        }
    }
    assert_int_equal(
        ba_ridge_solve(NULL, ba_cdmat(x, BRIDGE_TRAIN, k, BRIDGE_TRAIN), bridge_y(bridge),
            &bridge->alpha, 1, &opts, ba_dmat(w, k, BRIDGE_TARGETS, k), NULL),
        BA_OK);
    for (size_t t = 0; t < BRIDGE_TARGETS; t++) {
        const double *y = bridge->y_test + t * BRIDGE_TEST;
        double mean = 0.0, total = 0.0;

        sse[t] = 0.0;
        for (size_t i = 0; i < BRIDGE_TEST; i++) {
            double left = y[i];

            for (size_t c = 0; c < k; c++) {
                left -= bridge->x_test[i + in[c] * BRIDGE_TEST] * w[c + t * k];
            }
            sse[t] += left * left;
            mean += y[i] / BRIDGE_TEST;
        }
        for (size_t i = 0; i < BRIDGE_TEST; i++) {
            total += (y[i] - mean) * (y[i] - mean);
        }
        r2[t] = 1.0 - sse[t] / total;
    }
}

#endif
