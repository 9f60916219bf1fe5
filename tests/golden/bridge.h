/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two recordings and their held-out folds as golden file N8 has them. */
#ifndef BA_GOLDEN_BRIDGE_H
#define BA_GOLDEN_BRIDGE_H

#include "tests/golden/golden.h"

#include "linalg/blas.h"
#include "model/contribution_drops.h"

#define N8 "golden/neurons/n8_bridge.h5"
#define NARRATIVES "data/narratives_black/narratives_black.h5"
#define ALICE "data/alice_rois/alice_6mm.h5"

enum { DELAYS = 4 };

/* One held-out fold as the protocol of the reference has it: delays over the whole
 * recording, z-scores of the training rows, no intercept. */
typedef struct {
    size_t n, k, v; /* samples, neurons, targets */
    double *x, *y;  /* n x k and n x v, column-major, as recorded */
    int delays[DELAYS];
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
} recording_t;

typedef struct {
    size_t *rows, *test_rows, n_train, n_test;
    double *mean, *scale, *y, *y_test;
    ba_training_t training;
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
    size_t *start, *columns;
} fold_t;

static inline void *
room(size_t n, size_t size)
{
    void *block = calloc(n, size);

    assert_non_null(block);
    return block;
}

static inline void
open_recording(recording_t *recording, const char *file, size_t column0, size_t k,
    const golden_t *targets, int first_delay)
{
    golden_t x = golden_read(file, "/features/tinylm"),
             y = golden_read(file, "/responses");

    recording->n = x.dims[0];
    recording->k = k;
    recording->v = targets->n;
    recording->x = room(recording->n * k, sizeof(double));
    recording->y = room(recording->n * targets->n, sizeof(double));
    for (size_t i = 0; i < recording->n; i++) {
        for (size_t j = 0; j < k; j++) {
            recording->x[i + j * recording->n] = x.data[i * x.dims[1] + column0 + j];
        }
        for (size_t t = 0; t < targets->n; t++) {
            recording->y[i + t * recording->n] =
                y.data[i * y.dims[1] + (size_t) targets->data[t]];
        }
    }
    for (int d = 0; d < DELAYS; d++) {
        recording->delays[d] = first_delay + d;
    }
    recording->space =
        (ba_space_t){"lm", NULL, recording->x, k, recording->delays, DELAYS, 0};
    assert_int_equal(ba_runs_one(recording->n, &recording->runs), BA_OK);
    assert_int_equal(ba_design_new(&recording->space, 1, &recording->runs,
                         BA_DELAY_WITHIN_RUNS, &recording->design),
        BA_OK);
    golden_free(&x);
    golden_free(&y);
}

/* A cubic polynomial over the whole recording. */
static inline void
detrend(recording_t *recording)
{
    size_t n = recording->n;
    double *basis = room(n * 4, sizeof(double)), triangle[16];

    for (size_t i = 0; i < n; i++) {
        double at = -1.0 + 2.0 * (double) i / (double) (n - 1);

        for (size_t d = 0; d < 4; d++) {
            basis[i + d * n] = d == 0 ? 1.0 : basis[i + (d - 1) * n] * at;
        }
    }
    assert_int_equal(ba_qr(ba_dmat(basis, n, 4, n), ba_dmat(triangle, 4, 4, 4)), BA_OK);
    for (size_t t = 0; t < recording->v; t++) {
        double *y = recording->y + t * n;

        for (size_t d = 0; d < 4; d++) {
            double sum = 0.0;

            for (size_t i = 0; i < n; i++) {
                sum += basis[i + d * n] * y[i];
            }
            for (size_t i = 0; i < n; i++) {
                y[i] -= sum * basis[i + d * n];
            }
        }
    }
    free(basis);
}

static inline void
close_recording(recording_t *recording)
{
    ba_design_free(recording->design);
    ba_runs_free(&recording->runs);
    free(recording->x);
    free(recording->y);
}

static inline void
standardise(const double *x, const size_t *rows, size_t n, double *mean, double *scale)
{
    double sum = 0.0, squares = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[rows ? rows[i] : i];
    }
    *mean = sum / (double) n;
    for (size_t i = 0; i < n; i++) {
        double value = x[rows ? rows[i] : i] - *mean;

        squares += value * value;
    }
    *scale = sqrt(squares / (double) n);
    *scale = *scale > 1e-12 ? *scale : 1.0;
}

static inline void
scale_all(const recording_t *recording, fold_t *fold)
{
    size_t n = recording->n, n_train = fold->n_train, n_test = fold->n_test;
    size_t p = ba_design_n_columns(recording->design);
    double *column = room(n_train, sizeof(double));

    for (size_t c = 0; c < p; c++) {
        ba_design_read(recording->design, fold->rows, n_train, c, 1, column, n_train);
        standardise(column, NULL, n_train, &fold->mean[c], &fold->scale[c]);
    }
    for (size_t t = 0; t < recording->v; t++) {
        const double *y = recording->y + t * n;
        double mean, scale;

        standardise(y, fold->rows, n_train, &mean, &scale);
        for (size_t i = 0; i < n_train; i++) {
            fold->y[i + t * n_train] = (y[fold->rows[i]] - mean) / scale;
        }
        for (size_t i = 0; i < n_test; i++) {
            fold->y_test[i + t * n_test] = (y[fold->test_rows[i]] - mean) / scale;
        }
    }
    free(column);
}

static inline void
open_fold(const recording_t *recording, const golden_t *ids, int id, double alpha,
    ba_solver_t solver, fold_t *fold)
{
    size_t n = recording->n, p = ba_design_n_columns(recording->design);
    ba_neuron_columns_t neurons;

    *fold = (fold_t){.rows = room(n, sizeof(size_t)),
        .test_rows = room(n, sizeof(size_t)),
        .mean = room(p, sizeof(double)),
        .scale = room(p, sizeof(double)),
        .y = room(n * recording->v, sizeof(double)),
        .y_test = room(n * recording->v, sizeof(double)),
        .start = room(recording->k + 1, sizeof(size_t)),
        .columns = room(p, sizeof(size_t))};
    for (size_t i = 0; i < n; i++) {
        if ((int) ids->data[i] == id) {
            fold->test_rows[fold->n_test++] = i;
        } else {
            fold->rows[fold->n_train++] = i;
        }
    }
    scale_all(recording, fold);
    for (size_t j = 0; j < recording->k; j++) {
        fold->start[j + 1] = (j + 1) * DELAYS;
        for (size_t d = 0; d < DELAYS; d++) {
            fold->columns[j * DELAYS + d] = d * recording->k + j;
        }
    }
    fold->training = (ba_training_t){
        recording->design, fold->rows, fold->n_train, fold->mean, fold->scale};
    neurons = (ba_neuron_columns_t){recording->k, fold->start, fold->columns};
    assert_int_equal(
        ba_ridge_factor(NULL, &fold->training, solver, BA_INTERCEPT_NO, &fold->factor),
        BA_OK);
    assert_int_equal(
        ba_contribution_new(NULL, fold->factor, &fold->training, recording->design,
            fold->test_rows, fold->n_test, &neurons, &fold->contribution),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, fold->contribution, alpha), BA_OK);
}

static inline void
close_fold(fold_t *fold)
{
    ba_contribution_free(fold->contribution);
    ba_ridge_factor_free(fold->factor);
    free(fold->rows);
    free(fold->test_rows);
    free(fold->mean);
    free(fold->scale);
    free(fold->y);
    free(fold->y_test);
    free(fold->start);
    free(fold->columns);
}

static inline ba_cdmat_t
training_responses(const recording_t *recording, const fold_t *fold)
{
    return ba_cdmat(fold->y, fold->n_train, recording->v, fold->n_train);
}

static inline ba_cdmat_t
test_responses(const recording_t *recording, const fold_t *fold)
{
    return ba_cdmat(fold->y_test, fold->n_test, recording->v, fold->n_test);
}

#endif
