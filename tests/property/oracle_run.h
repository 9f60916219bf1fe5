/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outer loop of the oracle: choice of alpha, refit, scores, predictions. */
#ifndef BA_PROPERTY_ORACLE_RUN_H
#define BA_PROPERTY_ORACLE_RUN_H

#include "tests/property/oracle_fit.h"

/* Last of the largest; n when all are NaN. */
static inline size_t
best_of(const double *scores, size_t n, size_t stride)
{
    size_t best = n;

    for (size_t a = 0; a < n; a++) {
        if (!isnan(scores[a * stride]) &&
            (best == n || scores[a * stride] >= scores[best * stride])) {
            best = a;
        }
    }
    return best;
}

static inline int
is_constant(const oracle_t *oracle, size_t t, const size_t *rows, size_t n)
{
    double largest = 0.0, low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        double y = oracle->train.y[rows[i] + t * oracle->train.n];

        largest = fmax(largest, fabs(y));
        low = fmin(low, y);
        high = fmax(high, y);
    }
    return !(high - low > 1e-10 * largest);
}

/* Alphas of all targets from cv (n_alphas x v). A target without variance in training, or
 * without any score, gets the largest. */
static inline void
choose(oracle_t *oracle, const double *alphas, const double *cv, const size_t *rows,
    size_t n, double *best)
{
    size_t v = oracle->v, n_alphas = oracle->n_alphas;
    double *curve = pool_doubles(&oracle->pool, n_alphas);

    for (size_t a = 0; a < n_alphas; a++) {
        double count = 0.0;

        for (size_t t = 0; t < v; t++) {
            if (oracle->usable[t] && !isnan(cv[a * v + t]) &&
                !is_constant(oracle, t, rows, n)) {
                curve[a] += cv[a * v + t];
                count += 1.0;
            }
        }
        curve[a] = count > 0.0 ? curve[a] / count : (double) NAN;
    }
    for (size_t t = 0; t < v; t++) {
        int shared = oracle->study->opts.shared_alpha;
        size_t a = best_of(shared ? curve : cv + t, n_alphas, shared ? 1 : v);

        best[t] = a == n_alphas || (!shared && is_constant(oracle, t, rows, n))
                      ? alphas[n_alphas - 1]
                      : alphas[a];
    }
}

/* What one outer fold, or the final fit, leaves. */
typedef struct {
    const double *alphas;
    double *cv, *best, *weights, *b, *mean, *scale, *r, *r2; /* r NULL = no test part */
} outcome_t;

static inline void
refit_targets(oracle_t *oracle, const scaling_t *scaling, const size_t *train, size_t n,
    const outcome_t *out)
{
    size_t p = oracle->p, v = oracle->v;
    const kept_t *all = &oracle->train;
    double *x = scaled(oracle, all->x, all->n, p, train, n, scaling->mx, scaling->sx);
    double *y = scaled(oracle, all->y, all->n, v, train, n, scaling->my, scaling->sy);

    for (size_t t = 0; t < v; t++) {
        memset(out->weights + t * p, 0, p * sizeof(double));
        out->b[t] = 0.0;
        if (!is_constant(oracle, t, train, n)) {
            oracle_ridge(&oracle->pool, x, n, p, y + t * n, 1, out->best[t],
                oracle->intercept, out->weights + t * p, out->b + t);
        } else if (oracle->intercept) {
            out->b[t] = oracle_mean(y + t * n, n);
        }
        out->mean[t] = scaling->my[t];
        out->scale[t] = scaling->sy[t];
    }
}

/* Scores of the test rows of `from`, and their predictions in the responses' own units.
 */
static inline void
test_targets(oracle_t *oracle, const scaling_t *scaling, const kept_t *from,
    size_t n_samples, const size_t *test, size_t n, const outcome_t *out)
{
    size_t p = oracle->p, v = oracle->v;
    double *x = scaled(oracle, from->x, from->n, p, test, n, scaling->mx, scaling->sx);
    double *y = scaled(oracle, from->y, from->n, v, test, n, scaling->my, scaling->sy);
    double *predicted = pool_doubles(&oracle->pool, n * v);

    oracle_predict(x, n, p, out->weights, out->b, v, predicted);
    for (size_t t = 0; t < v; t++) {
        out->r[t] = oracle_r(y + t * n, predicted + t * n, n);
        out->r2[t] = oracle_r2(y + t * n, predicted + t * n, n);
        for (size_t i = 0; i < n; i++) {
            size_t at = test[i] + t * from->n;

            oracle->predictions[from->sample[test[i]] + t * n_samples] =
                (predicted[i + t * n] * out->scale[t] + out->mean[t]) *
                    from->run_scale[at] +
                from->run_mean[at];
        }
    }
}

static inline void
fit_problem(oracle_t *oracle, int fold, const size_t *train, size_t n, const size_t *test,
    size_t n_test, const outcome_t *out)
{
    const study_t *study = oracle->study;
    size_t mark = oracle->pool.n_blocks;
    scaling_t scaling = find_scaling(oracle, train, n);
    const double *chosen = fold < 0 ? study->chosen
                           : study->chosen_by_fold
                               ? study->chosen_by_fold + (size_t) fold * oracle->v
                               : NULL;
    int to_test_set = fold < 0 && study->test.n > 0;

    if (score_inner(oracle, fold, &scaling, out->alphas, train, n, out->cv) == 0) {
        for (size_t t = 0; t < oracle->v; t++) {
            out->best[t] = out->alphas[oracle->n_alphas - 1];
        }
    } else if (chosen) {
        memcpy(out->best, chosen, oracle->v * sizeof *chosen);
    } else {
        choose(oracle, out->alphas, out->cv, train, n, out->best);
    }
    refit_targets(oracle, &scaling, train, n, out);
    if (out->r) {
        test_targets(oracle, &scaling, to_test_set ? &oracle->test : &oracle->train,
            to_test_set ? study->test.n : study->train.n, test, n_test, out);
    }
    pool_shrink(&oracle->pool, mark);
}

static inline outcome_t
outcome_of(const oracle_t *oracle, size_t k)
{
    const study_t *study = oracle->study;
    size_t v = oracle->v, p = oracle->p;

    return (outcome_t){.alphas = study->opts.alphas.n > 0
                                     ? study->opts.alphas.values
                                     : study->nodes_by_fold + k * oracle->n_alphas,
        .cv = oracle->cv_by_fold + k * oracle->n_alphas * v,
        .best = oracle->best_by_fold + k * v,
        .weights = oracle->weights_by_fold + k * p * v,
        .b = oracle->intercept_by_fold + k * v,
        .mean = oracle->mean_by_fold + k * v,
        .scale = oracle->scale_by_fold + k * v,
        .r = oracle->r_by_fold + k * v,
        .r2 = oracle->r2_by_fold + k * v};
}

static inline void
run_outer(oracle_t *oracle, const size_t *rows, const int *fold)
{
    size_t n = oracle->train.n, n_train, n_test;
    size_t *train = pool_get(&oracle->pool, n, sizeof *train);
    size_t *test = pool_get(&oracle->pool, n, sizeof *test);

    for (size_t k = 0; k < oracle->n_outer; k++) {
        outcome_t out = outcome_of(oracle, k);

        split(oracle, rows, n, fold, (int) k, oracle->study->opts.gap_outer, train,
            &n_train, test, &n_test);
        fit_problem(oracle, (int) k, train, n_train, test, n_test, &out);
    }
}

static inline void
run_final(oracle_t *oracle, const size_t *rows)
{
    const study_t *study = oracle->study;
    outcome_t out = {
        .alphas = study->opts.alphas.n > 0 ? study->opts.alphas.values : study->nodes,
        .cv = oracle->cv,
        .best = oracle->best,
        .weights = oracle->weights,
        .b = oracle->b,
        .mean = oracle->mean,
        .scale = oracle->scale,
        .r = study->test.n > 0 ? oracle->r_by_fold : NULL,
        .r2 = oracle->r2_by_fold};

    fit_problem(oracle, -1, rows, oracle->train.n, rows, oracle->test.n, &out);
}

static inline void
allocate(oracle_t *oracle)
{
    size_t folds = oracle->n_outer + 1, v = oracle->v, p = oracle->p;
    size_t n_cv = oracle->n_alphas * v, n_samples = oracle->study->train.n;
    pool_t *pool = &oracle->pool;

    n_samples = n_samples > oracle->study->test.n ? n_samples : oracle->study->test.n;
    oracle->r_by_fold = pool_doubles(pool, folds * v);
    oracle->r2_by_fold = pool_doubles(pool, folds * v);
    oracle->best_by_fold = pool_doubles(pool, folds * v);
    oracle->cv_by_fold = pool_doubles(pool, folds * n_cv);
    oracle->weights_by_fold = pool_doubles(pool, folds * p * v);
    oracle->mean_by_fold = pool_doubles(pool, folds * v);
    oracle->scale_by_fold = pool_doubles(pool, folds * v);
    oracle->intercept_by_fold = pool_doubles(pool, folds * v);
    oracle->best = pool_doubles(pool, v);
    oracle->cv = pool_doubles(pool, n_cv);
    oracle->weights = pool_doubles(pool, p * v);
    oracle->mean = pool_doubles(pool, v);
    oracle->scale = pool_doubles(pool, v);
    oracle->b = pool_doubles(pool, v);
    oracle->predictions = pool_doubles(pool, n_samples * v);
    for (size_t i = 0; i < n_samples * v; i++) {
        oracle->predictions[i] = NAN;
    }
}

static inline void
resolve(oracle_t *oracle)
{
    const ba_fit_opts_t *opts = &oracle->study->opts;

    oracle->scale_x =
        opts->scale_features == BA_SCALE_DEFAULT ? BA_SCALE_ZSCORE : opts->scale_features;
    oracle->scale_y = opts->scale_targets != BA_SCALE_DEFAULT ? opts->scale_targets
                      : oracle->study->train.n_runs >= 2      ? BA_SCALE_RUNS
                                                              : BA_SCALE_ZSCORE;
    oracle->intercept = opts->intercept >= 0 ? opts->intercept
                                             : !(is_centring(oracle->scale_x) &&
                                                   is_centring(oracle->scale_y));
    oracle->n_alphas = opts->alphas.n > 0 ? opts->alphas.n : oracle->study->n_nodes;
}

/* Runs everything. The caller frees the pool. */
static inline oracle_t
oracle_fit(const study_t *study)
{
    oracle_t oracle = {.study = study, .v = study->v};
    size_t *rows;
    int *fold;

    oracle.p = study->n_features * study->n_delays;
    resolve(&oracle);
    keep_rows(&oracle, &study->train, &oracle.train);
    if (study->test.n > 0) {
        keep_rows(&oracle, &study->test, &oracle.test);
    }
    rows = pool_get(&oracle.pool, oracle.train.n + oracle.test.n, sizeof *rows);
    fold = pool_get(&oracle.pool, oracle.train.n, sizeof *fold);
    oracle.usable = pool_get(&oracle.pool, study->v, sizeof *oracle.usable);
    for (size_t i = 0; i < oracle.train.n + oracle.test.n; i++) {
        rows[i] = i;
    }
    for (size_t t = 0; t < study->v; t++) {
        double sum = 0.0;

        for (size_t i = 0; i < study->train.n; i++) {
            sum += study->train.y[i + t * study->train.n];
        }
        oracle.usable[t] =
            isfinite(sum) && !is_constant(&oracle, t, rows, oracle.train.n);
    }
    oracle.n_outer = study->test.n > 0
                         ? 0
                         : deal(&oracle, &study->opts.outer_cv, study->outer_ids, rows,
                               oracle.train.n, fold);
    allocate(&oracle);
    run_outer(&oracle, rows, fold);
    run_final(&oracle, rows);
    return oracle;
}

#endif
