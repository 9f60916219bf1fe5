/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tiles do where the kernel is reduced: part of tile_kernels.h. */

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
NAME(gather_held)(const tile_job_t *job, size_t k, const NAME(areas_t) * areas)
{
    const split_t *split = job->operators->holdouts[k].split;

    NAME(gather)
    ((const REAL *) job->tile.base, job->plan->n_used, split->validate, split->n_validate,
        job->mean, job->scale, areas->held);
}

/* Residuals in the precision of the run. */
#define WIDE REAL
#define WVIEW MATRIX
#define WCVIEW CMATRIX
#define WGEMM GEMM
#define WNAME(x) NAME(x)
#include "fit/tile_residuals.h"
#undef WIDE
#undef WVIEW
#undef WCVIEW
#undef WGEMM
#undef WNAME

#ifdef IS_SINGLE
/* Residuals in float64. */
#define WIDE double
#define WVIEW ba_dmat_t
#define WCVIEW ba_cdmat_t
#define WGEMM ba_gemm_f64
#define WNAME(x) wide_##x
#include "fit/tile_residuals.h"
#undef WIDE
#undef WVIEW
#undef WCVIEW
#undef WGEMM
#undef WNAME
#endif

/* Sums over folds of job->scores and job->baseline, and their counts. */
static void
NAME(select_by_residuals)(
    const tile_job_t *job, const NAME(areas_t) * areas, int32_t *baseline_counts)
{
    const operators_t *operators = job->operators;
    double scores[BA_TILE];

#ifdef IS_SINGLE
    if (operators->is_wide) {
        wide_select_reduced(job, areas);
    } else
#endif
    {
        NAME(select_reduced)(job, areas);
    }
    for (size_t k = 0;
         job->plan->opts->select == BA_SCORE_MSE && k < operators->n_holdouts; k++) {
        size_t f = operators->holdouts[k].n_predicted;

        NAME(gather_held)(job, k, areas);
        memset(areas->predicted, 0, f * COLUMNS * sizeof(REAL));
        SCORE(BA_SCORE_MSE, areas->held, f, areas->predicted, f, f, COLUMNS, scores);
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
        size_t columns[BA_TILE] = {0}, n_columns = 0;

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
