/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of neurons the long way: a fit for everything that is left out, from the
 * numbers that the study was written with. */
#ifndef BA_PROPERTY_ALIGN_ORACLE_H
#define BA_PROPERTY_ALIGN_ORACLE_H

#include "tests/property/encode_study.h"

#include "brainalign/cv.h"
#include "brainalign/matrix.h"
#include "brainalign/ridge.h"

enum { MOST_DELAYS = 8, MOST_COLUMNS = MOST_DELAYS * (P + Q), FOLDS = 3 };

typedef struct {
    double x[N * P], z[N * Q], y[N * V];
    int delays[MOST_DELAYS];
    size_t n_delays, p; /* columns: delay by delay, of x then z */
    double *alphas, *gammas, *outer;
    double design[N * MOST_COLUMNS];
    /* of a fold and a target */
    size_t train[N], test[N], n_train, n_test;
    double fitted[N * MOST_COLUMNS], held[N * MOST_COLUMNS], y_train[N], y_test[N];
    double alpha, total, deviation, root[2];
} truth_t;

static inline size_t
feature_of(const truth_t *truth, size_t column)
{
    (void) truth;
    return column % (P + Q);
}

static inline void
read_study(const char *encoder, const char *delays, int is_banded, truth_t *truth)
{
    static const size_t onset[] = {0, 21, 40, N};
    double *files[2];

    files[0] = truth->x;
    files[1] = truth->z;
    test_fill_normal(truth->x, N * P, 11);
    test_fill_normal(truth->z, N * Q, 12);
    truth->n_delays = 0;
    for (const char *at = delays; *at; at += at[1] ? 2 : 1) {
        truth->delays[truth->n_delays++] = *at - '0';
    }
    truth->p = truth->n_delays * (P + Q);
    for (size_t c = 0; c < truth->p; c++) {
        size_t j = feature_of(truth, c), delay = (size_t) truth->delays[c / (P + Q)];
        const double *from = j < P ? files[0] + j * N : files[1] + (j - P) * N;

        for (size_t run = 0; run < 3; run++) {
            for (size_t i = onset[run]; i < onset[run + 1]; i++) {
                truth->design[i + c * N] =
                    i >= onset[run] + delay ? from[i - delay] : 0.0;
            }
        }
    }
    truth->alphas = read_array(encoder, "/best_alphas_by_fold", FOLDS * V);
    truth->gammas =
        is_banded ? read_array(encoder, "/bands/gammas_by_fold", FOLDS * 2 * V) : NULL;
    truth->outer = read_array(encoder, "/splits/outer", N);
}

static inline void
free_truth(truth_t *truth)
{
    free(truth->alphas);
    free(truth->gammas);
    free(truth->outer);
}

static inline void
centre(double *x, size_t n, double *y, size_t m, int to_scale)
{
    double mean = 0.0, squares = 0.0, scale;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        squares += (x[i] - mean) * (x[i] - mean);
    }
    scale = to_scale ? sqrt(squares / (double) n) : 1.0;
    for (size_t i = 0; i < n; i++) {
        x[i] = (x[i] - mean) / scale;
    }
    for (size_t i = 0; i < m; i++) {
        y[i] = (y[i] - mean) / scale;
    }
}

static inline void
prepare_rows(truth_t *truth, size_t fold)
{
    int32_t of[N];
    size_t rows[N];
    ba_runs_t runs;

    for (size_t i = 0; i < N; i++) {
        rows[i] = i;
        of[i] = (int32_t) truth->outer[i];
    }
    must(ba_runs_from_onsets((const size_t[]){0, 21, 40}, 3, N, &runs));
    must(ba_cv_split(&runs, rows, N, of, (int32_t) fold, 1, truth->train, &truth->n_train,
        truth->test, &truth->n_test));
    ba_runs_free(&runs);
}

/* Columns scaled on the training rows and by the root of their space's gamma. */
static inline void
prepare_target(truth_t *truth, size_t fold, size_t target)
{
    size_t n = truth->n_train, m = truth->n_test;
    double mean = 0.0, squares = 0.0;

    truth->alpha = truth->alphas[fold * V + target];
    for (size_t s = 0; s < 2; s++) {
        truth->root[s] =
            truth->gammas ? sqrt(truth->gammas[(fold * 2 + s) * V + target]) : 1.0;
    }
    for (size_t c = 0; c < truth->p; c++) {
        double *x = truth->fitted + c * n, *held = truth->held + c * m;
        double root = truth->root[feature_of(truth, c) < P ? 0 : 1];

        for (size_t i = 0; i < n; i++) {
            x[i] = truth->design[truth->train[i] + c * N];
        }
        for (size_t i = 0; i < m; i++) {
            held[i] = truth->design[truth->test[i] + c * N];
        }
        centre(x, n, held, m, 1);
        for (size_t i = 0; i < n; i++) {
            x[i] *= root;
        }
        for (size_t i = 0; i < m; i++) {
            held[i] *= root;
        }
    }
    for (size_t i = 0; i < n; i++) {
        truth->y_train[i] = truth->y[truth->train[i] + target * N];
    }
    for (size_t i = 0; i < m; i++) {
        truth->y_test[i] = truth->y[truth->test[i] + target * N];
    }
    centre(truth->y_train, n, truth->y_test, m, 0);
    for (size_t i = 0; i < n; i++) {
        squares += truth->y_train[i] * truth->y_train[i] / (double) n;
    }
    truth->deviation = sqrt(squares);
    truth->total = 0.0;
    for (size_t i = 0; i < m; i++) {
        mean += truth->y_test[i] / (double) m;
    }
    for (size_t i = 0; i < m; i++) {
        truth->total += (truth->y_test[i] - mean) * (truth->y_test[i] - mean);
    }
}

typedef struct {
    double r2, r, weights[MOST_COLUMNS];
} fit_t;

static inline void
score(const truth_t *truth, fit_t *fit)
{
    size_t m = truth->n_test;
    double sse = 0.0, yy = 0.0, yp = 0.0, pp = 0.0, y_mean = 0.0, p_mean = 0.0, p[N];

    for (size_t i = 0; i < m; i++) {
        p[i] = 0.0;
        for (size_t c = 0; c < truth->p; c++) {
            p[i] += truth->held[i + c * m] * fit->weights[c];
        }
        sse += (truth->y_test[i] - p[i]) * (truth->y_test[i] - p[i]);
        y_mean += truth->y_test[i] / (double) m;
        p_mean += p[i] / (double) m;
    }
    for (size_t i = 0; i < m; i++) {
        yy += (truth->y_test[i] - y_mean) * (truth->y_test[i] - y_mean);
        yp += (truth->y_test[i] - y_mean) * (p[i] - p_mean);
        pp += (p[i] - p_mean) * (p[i] - p_mean);
    }
    fit->r2 = 1.0 - sse / truth->total;
    fit->r = yp / sqrt(yy * pp);
}

/* A fit of the features that `in` marks, bit by bit. */
static inline fit_t
refit(const truth_t *truth, unsigned in)
{
    static double x[N * MOST_COLUMNS];
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, BA_INTERCEPT_NO};
    double w[MOST_COLUMNS];
    size_t k = 0, n = truth->n_train;
    fit_t fit = {.r2 = 0.0};

    for (size_t c = 0; c < truth->p; c++) {
        if (in >> feature_of(truth, c) & 1) {
            memcpy(x + k++ * n, truth->fitted + c * n, n * sizeof *x);
        }
    }
    must(ba_ridge_solve(NULL, (ba_cdmat_t){x, n, k, n},
        (ba_cdmat_t){truth->y_train, n, 1, n}, &truth->alpha, 1, &opts,
        (ba_dmat_t){w, k, 1, k}, NULL));
    k = 0;
    for (size_t c = 0; c < truth->p; c++) {
        fit.weights[c] = in >> feature_of(truth, c) & 1 ? w[k++] : 0.0;
    }
    score(truth, &fit);
    return fit;
}

/* The same weights, those of a feature at 0. */
static inline fit_t
zeroed(const truth_t *truth, const fit_t *whole, size_t feature)
{
    fit_t fit = *whole;

    for (size_t c = 0; c < truth->p; c++) {
        if (feature_of(truth, c) == feature) {
            fit.weights[c] = 0.0;
        }
    }
    score(truth, &fit);
    return fit;
}

#endif
