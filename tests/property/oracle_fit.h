/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nested cross-validated ridge as its contract is written, with every scaling and every
 * refit done explicitly: what ba_fit_run() must give. Only types are the library's. */
#ifndef BA_PROPERTY_ORACLE_FIT_H
#define BA_PROPERTY_ORACLE_FIT_H

#include "tests/property/oracle.h"

#include "brainalign/fit.h"

#define MAX_RUNS 8
#define MAX_DELAYS 4
#define MAX_SPACES 4

/* One recording: run k is samples onset[k] .. onset[k + 1] - 1. */
typedef struct {
    size_t n, n_runs, n_slabs, onset[MAX_RUNS + 1];
    double *x, *y; /* n x n_features; n_slabs blocks of n x v */
} recording_t;

/* A data set and the settings of one fit. */
typedef struct {
    recording_t train, test; /* test.n = 0: no fixed test set */
    size_t n_features, v, n_delays;
    int delays[MAX_DELAYS];
    ba_fit_opts_t opts;
    /* what the oracle takes from a result (checked elsewhere): folds of random chunks per
     * sample, nodes of automatic alphas and what was chosen between them; NULL otherwise
     */
    const int32_t *outer_ids, *inner_ids, *inner_ids_by_fold;
    const double *nodes, *nodes_by_fold, *chosen, *chosen_by_fold;
    size_t n_nodes;
    size_t n_spaces, space_features[MAX_SPACES]; /* features in spaces; 0 = in one */
    size_t n_components;  /* of every space; 0 = the features themselves */
    const double *factor; /* n_features: scaled columns are multiplied by it; NULL = 1 */
} study_t;

/* The kept rows of a recording. */
typedef struct {
    size_t n, *sample, *run;
    double *x, *y;                /* n x p, n x v */
    double *run_mean, *run_scale; /* n x v: what per-run z-scoring took off this row */
} kept_t;

typedef struct {
    pool_t pool;
    const study_t *study;
    size_t p, v, n_outer, n_alphas, n_inner_fits;
    ba_scale_t scale_x, scale_y;
    int intercept;
    kept_t train, test;
    int *usable; /* v */
    double *r_by_fold, *r2_by_fold, *best_by_fold, *cv_by_fold, *weights_by_fold;
    double *mean_by_fold, *scale_by_fold, *intercept_by_fold;
    double *best, *cv, *weights, *mean, *scale, *b; /* of the final fit */
    double *predictions;                            /* samples x v */
} oracle_t;

static inline int
is_centring(ba_scale_t scale)
{
    return scale == BA_SCALE_ZSCORE || scale == BA_SCALE_CENTER;
}

/* ---- rows ---- */

static inline double
delayed(const study_t *study, const recording_t *recording, size_t run, size_t t,
    size_t column)
{
    long source = (long) t - study->delays[column / study->n_features];
    size_t feature = column % study->n_features;

    return source >= (long) recording->onset[run] &&
                   source < (long) recording->onset[run + 1]
               ? recording->x[(size_t) source + feature * recording->n]
               : 0.0;
}

static inline void
zscore_run(kept_t *kept, size_t column, size_t run)
{
    double *y = kept->y + column * kept->n, series[512], mean, deviation;
    size_t n = 0;

    for (size_t i = 0; i < kept->n; i++) {
        if (kept->run[i] == run) {
            series[n++] = y[i];
        }
    }
    mean = oracle_mean(series, n);
    deviation = oracle_deviation(series, n, oracle_largest(series, n));
    for (size_t i = 0; i < kept->n; i++) {
        if (kept->run[i] == run) {
            y[i] = deviation > 0.0 ? (y[i] - mean) / deviation : 0.0;
            kept->run_mean[i + column * kept->n] += mean;
            kept->run_scale[i + column * kept->n] += deviation > 0.0 ? deviation : 1.0;
        }
    }
}

/* Trims, delays, z-scores per run, averages over slabs (the means and scales too). */
static inline void
keep_rows(oracle_t *oracle, const recording_t *recording, kept_t *kept)
{
    const study_t *study = oracle->study;
    size_t v = study->v, n_slabs = recording->n_slabs;
    double *sum;

    kept->sample = pool_get(&oracle->pool, recording->n, sizeof *kept->sample);
    kept->run = pool_get(&oracle->pool, recording->n, sizeof *kept->run);
    for (size_t k = 0; k < recording->n_runs; k++) {
        for (size_t t = recording->onset[k] + study->opts.trim_first;
             t < recording->onset[k + 1] - study->opts.trim_last; t++) {
            kept->run[kept->n] = k;
            kept->sample[kept->n++] = t;
        }
    }
    kept->x = pool_doubles(&oracle->pool, kept->n * oracle->p);
    kept->y = pool_doubles(&oracle->pool, kept->n * v);
    kept->run_mean = pool_doubles(&oracle->pool, kept->n * v);
    kept->run_scale = pool_doubles(&oracle->pool, kept->n * v);
    sum = pool_doubles(&oracle->pool, kept->n * v);
    for (size_t i = 0; i < kept->n * oracle->p; i++) {
        kept->x[i] = delayed(study, recording, kept->run[i % kept->n],
            kept->sample[i % kept->n], i / kept->n);
    }
    for (size_t s = 0; s < n_slabs; s++) {
        for (size_t i = 0; i < kept->n * v; i++) {
            kept->y[i] =
                recording
                    ->y[kept->sample[i % kept->n] + (i / kept->n + s * v) * recording->n];
        }
        for (size_t j = 0; j < v * recording->n_runs && oracle->scale_y == BA_SCALE_RUNS;
             j++) {
            zscore_run(kept, j % v, j / v);
        }
        for (size_t i = 0; i < kept->n * v; i++) {
            sum[i] += kept->y[i] / (double) n_slabs;
        }
    }
    for (size_t i = 0; i < kept->n * v; i++) {
        kept->y[i] = sum[i];
        kept->run_mean[i] /= (double) n_slabs;
        kept->run_scale[i] = oracle->scale_y == BA_SCALE_RUNS
                                 ? kept->run_scale[i] / (double) n_slabs
                                 : 1.0;
    }
}

/* ---- splits ---- */

/* Fold of each row of a list, -1 = never held out; returns the number of folds. */
static inline size_t
deal(const oracle_t *oracle, const ba_cv_opts_t *cv, const int32_t *known,
    const size_t *rows, size_t n, int *fold)
{
    const kept_t *kept = &oracle->train;
    size_t n_runs = 0, n_folds = 0, at = 0;
    const int32_t *ids = known ? known : cv->ids;

    for (size_t i = 0; i < n; i++) {
        n_runs += i == 0 || kept->run[rows[i]] != kept->run[rows[i - 1]];
        fold[i] = (int) n_runs - 1;
    }
    if (cv->kind == BA_CV_RUNS || (cv->kind == BA_CV_DEFAULT && n_runs >= 3)) {
        return n_runs;
    }
    if (cv->kind == BA_CV_ROWS || cv->kind == BA_CV_CHUNKS) {
        for (int32_t id = 0; id < 1000; id++) {
            int found = 0;

            for (size_t i = 0; i < n; i++) {
                found |= ids[kept->sample[rows[i]]] == id;
            }
            for (size_t i = 0; found && i < n; i++) {
                fold[i] = ids[kept->sample[rows[i]]] == id ? (int) n_folds : fold[i];
            }
            n_folds += (size_t) found;
        }
        for (size_t i = 0; i < n; i++) {
            fold[i] = ids[kept->sample[rows[i]]] < 0 ? -1 : fold[i];
        }
        return n_folds;
    }
    n_folds = cv->kind == BA_CV_KFOLD ? cv->n_folds : cv->kind == BA_CV_NONE ? 0 : 5;
    for (size_t k = 0; k < n_folds; k++) {
        for (size_t i = 0; i < n / n_folds + (k < n % n_folds ? 1 : 0); i++) {
            fold[at++] = (int) k;
        }
    }
    return n_folds;
}

/* Rows of the list that are held out in fold k, and those farther than `gap` samples from
 * every one of them in their run. */
static inline void
split(const oracle_t *oracle, const size_t *rows, size_t n, const int *fold, int k,
    size_t gap, size_t *stay, size_t *n_stay, size_t *held, size_t *n_held)
{
    const kept_t *kept = &oracle->train;

    *n_stay = *n_held = 0;
    for (size_t i = 0; i < n; i++) {
        int near = fold[i] == k;

        for (size_t j = 0; j < n; j++) {
            size_t a = kept->sample[rows[i]], b = kept->sample[rows[j]];

            near |= fold[j] == k && kept->run[rows[i]] == kept->run[rows[j]] &&
                    (a > b ? a - b : b - a) <= gap;
        }
        if (fold[i] == k) {
            held[(*n_held)++] = rows[i];
        } else if (!near) {
            stay[(*n_stay)++] = rows[i];
        }
    }
}

/* ---- scaling ---- */

typedef struct {
    double *mx, *sx, *my, *sy;
} scaling_t;

/* Rows of a matrix, less `mean`, by `scale`. */
static inline double *
scaled(oracle_t *oracle, const double *x, size_t n_all, size_t n_columns,
    const size_t *rows, size_t n, const double *mean, const double *scale)
{
    double *out = pool_doubles(&oracle->pool, n * n_columns);

    for (size_t i = 0; i < n * n_columns; i++) {
        out[i] = (x[rows[i % n] + i / n * n_all] - mean[i / n]) / scale[i / n];
    }
    return out;
}

static inline void
find_columns(oracle_t *oracle, const double *x, size_t n_columns, const size_t *rows,
    size_t n, ba_scale_t kind, double **mean, double **scale)
{
    double *column = pool_doubles(&oracle->pool, n);

    *mean = pool_doubles(&oracle->pool, n_columns);
    *scale = pool_doubles(&oracle->pool, n_columns);
    for (size_t j = 0; j < n_columns; j++) {
        for (size_t i = 0; i < n; i++) {
            column[i] = x[rows[i] + j * oracle->train.n];
        }
        (*mean)[j] = is_centring(kind) ? oracle_mean(column, n) : 0.0;
        (*scale)[j] = kind == BA_SCALE_ZSCORE
                          ? oracle_deviation(column, n, oracle_largest(column, n))
                          : 1.0;
        (*scale)[j] = (*scale)[j] > 0.0 ? (*scale)[j] : 1.0;
    }
}

static inline scaling_t
find_scaling(oracle_t *oracle, const size_t *rows, size_t n)
{
    scaling_t scaling;

    find_columns(oracle, oracle->train.x, oracle->p, rows, n, oracle->scale_x,
        &scaling.mx, &scaling.sx);
    for (size_t j = 0; oracle->study->factor && j < oracle->p; j++) {
        scaling.sx[j] /= oracle->study->factor[j % oracle->study->n_features];
    }
    find_columns(oracle, oracle->train.y, oracle->v, rows, n, oracle->scale_y,
        &scaling.my, &scaling.sy);
    return scaling;
}

/* The scaling of an inner fold: the outer one's, with its own means, or all its own. */
static inline scaling_t
inner_scaling(oracle_t *oracle, const scaling_t *outer, const size_t *stay, size_t n)
{
    scaling_t own = find_scaling(oracle, stay, n);

    if (oracle->study->opts.inner_scaling == BA_INNER_STRICT) {
        return own;
    }
    return oracle->study->opts.inner_scaling == BA_INNER_OUTER
               ? *outer
               : (scaling_t){own.mx, outer->sx, own.my, outer->sy};
}

/* ---- inner cross-validation ---- */

static inline double
oracle_score(ba_score_t kind, const double *y, const double *p, size_t n)
{
    return kind == BA_SCORE_MSE  ? oracle_minus_mse(y, p, n)
           : kind == BA_SCORE_R2 ? oracle_r2(y, p, n)
                                 : oracle_r(y, p, n);
}

/* Adds one inner fold's scores at every alpha to cv (n_alphas x v), and counts them. */
static inline void
score_inner_fold(oracle_t *oracle, const scaling_t *outer, const double *alphas,
    const size_t *stay, size_t n, const size_t *held, size_t n_held, double *cv,
    double *counts)
{
    size_t mark = oracle->pool.n_blocks, p = oracle->p, v = oracle->v;
    const kept_t *all = &oracle->train;
    scaling_t scaling = inner_scaling(oracle, outer, stay, n);
    double *x = scaled(oracle, all->x, all->n, p, stay, n, scaling.mx, scaling.sx);
    double *y = scaled(oracle, all->y, all->n, v, stay, n, scaling.my, scaling.sy);
    double *xh = scaled(oracle, all->x, all->n, p, held, n_held, scaling.mx, scaling.sx);
    double *yh = scaled(oracle, all->y, all->n, v, held, n_held, scaling.my, scaling.sy);
    double *w = pool_doubles(&oracle->pool, p * v), *b = pool_doubles(&oracle->pool, v);
    double *predicted = pool_doubles(&oracle->pool, n_held * v);

    for (size_t a = 0; a < oracle->n_alphas; a++) {
        oracle_ridge(&oracle->pool, x, n, p, y, v, alphas[a], oracle->intercept, w, b);
        oracle_predict(xh, n_held, p, w, b, v, predicted);
        for (size_t t = 0; t < v; t++) {
            double score = oracle_score(oracle->study->opts.select, yh + t * n_held,
                predicted + t * n_held, n_held);

            if (isfinite(score)) {
                cv[a * v + t] += score;
                counts[a * v + t] += 1.0;
            }
        }
    }
    oracle->n_inner_fits++;
    pool_shrink(&oracle->pool, mark);
}

/* cv (n_alphas x v) of one training set; returns the number of inner folds. */
static inline size_t
score_inner(oracle_t *oracle, int outer_fold, const scaling_t *outer,
    const double *alphas, const size_t *train, size_t n, double *cv)
{
    const study_t *study = oracle->study;
    size_t mark = oracle->pool.n_blocks, n_cv = oracle->n_alphas * oracle->v, n_folds;
    double *counts = pool_doubles(&oracle->pool, n_cv);
    size_t *stay = pool_get(&oracle->pool, n, sizeof *stay), n_stay;
    size_t *held = pool_get(&oracle->pool, n, sizeof *held), n_held;
    int *fold = pool_get(&oracle->pool, n, sizeof *fold);
    const int32_t *known =
        outer_fold < 0 || !study->inner_ids_by_fold
            ? study->inner_ids
            : study->inner_ids_by_fold + (size_t) outer_fold * study->train.n;

    n_folds = study->opts.cv.kind == BA_CV_DEFAULT && oracle->n_alphas == 1
                  ? 0
                  : deal(oracle, &study->opts.cv, known, train, n, fold);
    for (size_t k = 0; k < n_folds; k++) {
        split(oracle, train, n, fold, (int) k, study->opts.gap_inner, stay, &n_stay, held,
            &n_held);
        score_inner_fold(oracle, outer, alphas, stay, n_stay, held, n_held, cv, counts);
    }
    for (size_t i = 0; i < n_cv; i++) {
        cv[i] = counts[i] > 0.0 ? cv[i] / counts[i] : (double) NAN;
    }
    pool_shrink(&oracle->pool, mark);
    return n_folds;
}

#endif
