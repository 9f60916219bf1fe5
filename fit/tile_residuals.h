/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner scores and solutions of one tile where the kernel is reduced: part of
 * tile_kernels.h. In float64, whatever REAL is: residuals at small alphas are quotients of
 * small numbers. */

static ba_cdmat_t
NAME(full_view)(const double *data, size_t n_rows, size_t n_cols)
{
    return ba_cdmat(data, n_rows, n_cols, n_rows);
}

/* The training rows of a tile, scaled, and the sums of its columns. */
static void
NAME(gather_full)(const tile_job_t *job, double *dst, double *sums)
{
    const problem_t *problem = job->prepared->problem;
    size_t n = problem->n_train;

    for (size_t j = 0; j < COLUMNS; j++) {
        const REAL *column = (const REAL *) job->tile.base + j * job->plan->n_used;
        double inverse = 1.0 / job->scale[j];

        sums[j] = 0.0;
        for (size_t i = 0; i < n; i++) {
            double value = ((double) column[problem->train[i]] - job->mean[j]) * inverse;

            dst[i + j * n] = value;
            sums[j] += value;
        }
    }
}

/* areas->residuals = (Q (B + alpha)^-1 Q' + add) y from z = Q'y. */
static void
NAME(all_residuals)(
    const tile_job_t *job, const NAME(areas_t) * areas, size_t alpha, const double *sums)
{
    const prepared_t *prepared = job->prepared;
    const ba_reduced_t *band = ba_ridge_factor_band(prepared->used);
    size_t n = prepared->problem->n_train;
    double add = ba_ridge_reduced_add(
        prepared->used, prepared->alphas[alpha], job->plan->inner_intercept);

    memcpy(areas->solved, areas->projected, n * COLUMNS * sizeof(double));
    ba_reduced_solve(band, prepared->shifts + alpha * ba_reduced_factor_size(band),
        ba_dmat(areas->solved, n, COLUMNS, n));
    ba_gemm_f64(1.0, BA_KEEP, ba_ridge_factor_project(prepared->used), BA_KEEP,
        NAME(full_view)(areas->solved, n, COLUMNS), 0.0,
        ba_dmat(areas->residuals, n, COLUMNS, n));
    for (size_t j = 0; j < COLUMNS; j++) {
        for (size_t i = 0; i < n; i++) {
            areas->residuals[i + j * n] += add * sums[j];
        }
    }
}

/* Predictions of one fold: what was held out less P (M y)_S. */
static void
NAME(predict_fold)(const tile_job_t *job, const holdout_t *holdout, size_t a,
    const NAME(areas_t) * areas)
{
    size_t n = job->prepared->problem->n_train, s = holdout->n_rhs;
    size_t f = holdout->n_predicted;
    double *own = areas->solved; /* what it held is in the residuals by now */

    for (size_t j = 0; j < COLUMNS; j++) {
        for (size_t i = 0; i < s; i++) {
            own[i + j * s] = areas->residuals[holdout->left_out[i] + j * n];
        }
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat((const double *) holdout->p[a], f, s, f), BA_KEEP,
        NAME(full_view)(own, s, COLUMNS), 0.0, ba_dmat(areas->errors, f, COLUMNS, f));
    for (size_t i = 0; i < f * COLUMNS; i++) {
        areas->predicted[i] = (REAL) ((double) areas->held[i] - areas->errors[i]);
    }
}

static void
NAME(gather_held)(const tile_job_t *job, size_t k, const NAME(areas_t) * areas)
{
    const split_t *split = job->operators->holdouts[k].split;

    NAME(gather)
    ((const REAL *) job->tile.base, job->plan->n_used, split->validate, split->n_validate,
        job->mean, job->scale, areas->held);
}

/* Adds one fold's scores to the means in the making: the mean over folds where they are
 * defined. */
static void
NAME(add_scores)(const double *fold_scores, double *sums, int32_t *counts)
{
    for (size_t j = 0; j < COLUMNS; j++) {
        if (isfinite(fold_scores[j])) {
            sums[j] += fold_scores[j];
            counts[j]++;
        }
    }
}

static void
NAME(select_reduced)(
    const tile_job_t *job, const NAME(areas_t) * areas, int32_t *baseline_counts)
{
    const operators_t *operators = job->operators;
    ba_score_t kind = job->plan->opts->select;
    size_t n = job->prepared->problem->n_train;
    double sums[BA_TILE], scores[BA_TILE];

    NAME(gather_full)(job, areas->residuals, sums);
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_ridge_factor_project(job->prepared->used), BA_KEEP,
        NAME(full_view)(areas->residuals, n, COLUMNS), 0.0,
        ba_dmat(areas->projected, n, COLUMNS, n));
    for (size_t a = 0; a < operators->n_alphas; a++) {
        NAME(all_residuals)(job, areas, operators->first_alpha + a, sums);
        for (size_t k = 0; k < operators->n_holdouts; k++) {
            const holdout_t *holdout = &operators->holdouts[k];
            size_t f = holdout->n_predicted;

            NAME(gather_held)(job, k, areas);
            NAME(predict_fold)(job, holdout, a, areas);
            SCORE(kind, areas->held, f, areas->predicted, f, f, COLUMNS, scores);
            NAME(add_scores)
            (scores, job->scores + a * COLUMNS, job->counts + a * COLUMNS);
        }
    }
    for (size_t k = 0; kind == BA_SCORE_MSE && k < operators->n_holdouts; k++) {
        size_t f = operators->holdouts[k].n_predicted;

        NAME(gather_held)(job, k, areas);
        memset(areas->predicted, 0, f * COLUMNS * sizeof(REAL));
        SCORE(kind, areas->held, f, areas->predicted, f, f, COLUMNS, scores);
        NAME(add_scores)(scores, job->baseline, baseline_counts);
    }
}

/* areas->all = (B + alpha)^-1 areas->all, every column with its own alpha. */
static void
NAME(solve_reduced)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const prepared_t *prepared = job->prepared;
    const ba_reduced_t *band = ba_ridge_factor_band(prepared->used);
    size_t n = job->refit->rank, size = ba_reduced_factor_size(band);

    for (size_t a = 0; a < prepared->n_alphas; a++) {
        size_t columns[BA_TILE], n_columns = 0;

        for (size_t j = 0; j < COLUMNS; j++) {
            if (job->best_alphas[j] == prepared->alphas[a]) {
                columns[n_columns++] = j;
            }
        }
        for (size_t c = 0; c < n_columns; c++) {
            for (size_t i = 0; i < n; i++) {
                areas->solved[i + c * n] = (double) areas->all[i + columns[c] * n];
            }
        }
        ba_reduced_solve(
            band, prepared->shifts + a * size, ba_dmat(areas->solved, n, n_columns, n));
        for (size_t c = 0; c < n_columns; c++) {
            for (size_t i = 0; i < n; i++) {
                areas->all[i + columns[c] * n] = (REAL) areas->solved[i + c * n];
            }
        }
    }
}
