/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner scores of one tile where the kernel is reduced: part of tile_kernels.h, included
 * for every precision that residuals are made in. That is the run's where its kernel is
 * good enough for float32 (model/ridge_pass.h), else float64: residuals at small alphas
 * are quotients of small numbers. The including file defines WIDE, WVIEW and WCVIEW (its
 * view types), WGEMM and WNAME(x). */

static WCVIEW
WNAME(wide_view)(const void *data, size_t n_rows, size_t n_cols)
{
    return (WCVIEW){(const WIDE *) data, n_rows, n_cols, n_rows};
}

/* The training rows of a tile, scaled, and the sums of its columns. */
static void
WNAME(gather_training)(const tile_job_t *job, WIDE *dst, double *sums)
{
    const problem_t *problem = job->prepared->problem;
    size_t n = problem->n_train;

    for (size_t j = 0; j < COLUMNS; j++) {
        const REAL *column = (const REAL *) job->tile.base + j * job->plan->n_used;
        double inverse = 1.0 / job->scale[j];

        sums[j] = 0.0;
        for (size_t i = 0; i < n; i++) {
            double value = ((double) column[problem->train[i]] - job->mean[j]) * inverse;

            dst[i + j * n] = (WIDE) value;
            sums[j] += value;
        }
    }
}

/* areas->residuals = (Q (B + alpha)^-1 Q' + add) y from areas->projected = Q'y. */
static void
WNAME(all_residuals)(
    const tile_job_t *job, const NAME(areas_t) * areas, size_t alpha, const double *sums)
{
    const prepared_t *prepared = job->prepared;
    const ba_reduced_t *band = ba_ridge_factor_band(prepared->used);
    size_t n = prepared->problem->n_train;
    double add = ba_ridge_reduced_add(
        prepared->used, prepared->alphas[alpha], job->plan->inner_intercept);
    const WIDE *projected = areas->projected;
    WIDE *operand = areas->operand, *residuals = areas->residuals;

    for (size_t i = 0; i < n * COLUMNS; i++) {
        areas->solved[i] = (double) projected[i];
    }
    ba_reduced_solve(band, prepared->shifts + alpha * ba_reduced_factor_size(band),
        ba_dmat(areas->solved, n, COLUMNS, n));
    for (size_t i = 0; i < n * COLUMNS; i++) {
        operand[i] = (WIDE) areas->solved[i];
    }
    WGEMM(1, BA_KEEP, WNAME(wide_view)(job->operators->q, n, n), BA_KEEP,
        WNAME(wide_view)(operand, n, COLUMNS), 0, (WVIEW){residuals, n, COLUMNS, n});
    for (size_t j = 0; j < COLUMNS; j++) {
        for (size_t i = 0; i < n; i++) {
            residuals[i + j * n] += (WIDE) (add * sums[j]);
        }
    }
}

/* Predictions of one fold: what was held out less P (M y)_S. */
static void
WNAME(predict_fold)(const tile_job_t *job, const holdout_t *holdout, size_t a,
    const NAME(areas_t) * areas)
{
    size_t n = job->prepared->problem->n_train, s = holdout->n_rhs;
    size_t f = holdout->n_predicted;
    const WIDE *residuals = areas->residuals;
    WIDE *own = areas->operand, *errors = areas->errors;

    for (size_t j = 0; j < COLUMNS; j++) {
        for (size_t i = 0; i < s; i++) {
            own[i + j * s] = residuals[holdout->left_out[i] + j * n];
        }
    }
    WGEMM(1, BA_KEEP, WNAME(wide_view)(holdout->p[a], f, s), BA_KEEP,
        WNAME(wide_view)(own, s, COLUMNS), 0, (WVIEW){errors, f, COLUMNS, f});
    for (size_t i = 0; i < f * COLUMNS; i++) {
        areas->predicted[i] = (REAL) ((double) areas->held[i] - (double) errors[i]);
    }
}

static void
WNAME(select_reduced)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const operators_t *operators = job->operators;
    size_t n = job->prepared->problem->n_train;
    double sums[BA_TILE], scores[BA_TILE];

    WNAME(gather_training)(job, areas->residuals, sums);
    WGEMM(1, BA_TRANSPOSE, WNAME(wide_view)(operators->q, n, n), BA_KEEP,
        WNAME(wide_view)(areas->residuals, n, COLUMNS), 0,
        (WVIEW){areas->projected, n, COLUMNS, n});
    for (size_t a = 0; a < operators->n_alphas; a++) {
        WNAME(all_residuals)(job, areas, operators->first_alpha + a, sums);
        for (size_t k = 0; k < operators->n_holdouts; k++) {
            const holdout_t *holdout = &operators->holdouts[k];
            size_t f = holdout->n_predicted;

            NAME(gather_held)(job, k, areas);
            WNAME(predict_fold)(job, holdout, a, areas);
            SCORE(job->plan->opts->select, areas->held, f, areas->predicted, f, f,
                COLUMNS, scores);
            NAME(add_scores)
            (scores, job->scores + a * COLUMNS, job->counts + a * COLUMNS);
        }
    }
}
