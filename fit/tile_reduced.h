/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tiles do where the kernel is reduced, in float64 whatever the precision of the run:
 * part of tile_kernels.h. */

static ba_cdmat_t
NAME(wide)(const void *data, size_t n_rows, size_t n_cols)
{
    return ba_cdmat((const double *) data, n_rows, n_cols, n_rows);
}

/* areas->wide.projected = Q'y of the training rows of a tile, scaled; sums of y's columns.
 */
static void
NAME(project_reduced)(
    const tile_job_t *job, const void *q, const NAME(areas_t) * areas, double *sums)
{
    const problem_t *problem = job->prepared->problem;
    size_t n = problem->n_train;
    double *y = areas->wide.solved;

    for (size_t j = 0; j < ACTIVE; j++) {
        double inverse = 1.0 / job->scale[j];

        sums[j] = 0.0;
        for (size_t i = 0; i < n; i++) {
            y[i + j * n] = NAME(scaled)(job, problem->train[i], j, job->mean[j], inverse);
            sums[j] += y[i + j * n];
        }
    }
    ba_gemm_f64(1, BA_TRANSPOSE, NAME(wide)(q, n, n), BA_KEEP, NAME(wide)(y, n, ACTIVE),
        0, ba_dmat(areas->wide.projected, n, ACTIVE, n));
}

/* areas->wide.solved = (B + alpha)^-1 Q'y. Always all columns: what stands beside a target
 * must make no difference to it. */
static void
NAME(solve_reduced)(const tile_job_t *job, size_t alpha, const NAME(areas_t) * areas)
{
    const prepared_t *prepared = job->prepared;
    const ba_reduced_t *band = ba_ridge_factor_band(prepared->used);
    size_t n = prepared->problem->n_train;

    memcpy(areas->wide.solved, areas->wide.projected,
        n * ACTIVE * sizeof *areas->wide.solved);
    ba_reduced_solve(band, prepared->shifts + alpha * ba_reduced_factor_size(band),
        ba_dmat(areas->wide.solved, n, ACTIVE, n));
}

/* ---- selection ---- */

/* areas->wide.residuals = M y. */
static void
NAME(all_residuals)(
    const tile_job_t *job, size_t alpha, const double *sums, const NAME(areas_t) * areas)
{
    const prepared_t *prepared = job->prepared;
    size_t n = prepared->problem->n_train;
    double unit = ba_ridge_reduced_unit(prepared->used, prepared->alphas[alpha]);
    double add = ba_ridge_reduced_add(prepared->used, prepared->alphas[alpha]);
    double *residuals = areas->wide.residuals;

    NAME(solve_reduced)(job, alpha, areas);
    for (size_t j = 0; j < ACTIVE; j++) {
        for (size_t i = 0; i < n; i++) {
            residuals[i + j * n] = add * sums[j];
        }
    }
    ba_gemm_f64(unit, BA_KEEP, NAME(wide)(job->operators->q, n, n), BA_KEEP,
        NAME(wide)(areas->wide.solved, n, ACTIVE), 1, ba_dmat(residuals, n, ACTIVE, n));
}

static void
NAME(gather_held)(
    const tile_job_t *job, const split_t *split, const NAME(areas_t) * areas)
{
    NAME(gather)
    (job, split->validate, split->n_validate, job->mean, job->scale, areas->held);
}

/* areas->predicted of one fold: what was held out less P (M y)_S, small where alpha is
 * large, so that rounding what was held out would show. */
static void
NAME(predict_fold)(const tile_job_t *job, const holdout_t *holdout, size_t a,
    const NAME(areas_t) * areas)
{
    size_t n = job->prepared->problem->n_train, s = holdout->n_rhs;
    size_t f = holdout->n_predicted;
    double *own = areas->wide.solved, *errors = areas->wide.errors;

    for (size_t j = 0; j < ACTIVE; j++) {
        for (size_t i = 0; i < s; i++) {
            own[i + j * s] = areas->wide.residuals[holdout->left_out[i] + j * n];
        }
    }
    ba_gemm_f64(1, BA_KEEP, NAME(wide)(holdout->p[a], f, s), BA_KEEP,
        NAME(wide)(own, s, ACTIVE), 0, ba_dmat(errors, f, ACTIVE, f));
    for (size_t j = 0; j < ACTIVE; j++) {
        double inverse = 1.0 / job->scale[j];

        for (size_t i = 0; i < f; i++) {
            double value =
                NAME(scaled)(job, holdout->split->validate[i], j, job->mean[j], inverse);

            areas->predicted[i + j * f] = (REAL) (value - errors[i + j * f]);
        }
    }
}

/* Sums over folds of job->scores and job->baseline, and their counts. */
static void
NAME(select_reduced)(
    const tile_job_t *job, const NAME(areas_t) * areas, int32_t *baseline_counts)
{
    const operators_t *operators = job->operators;
    ba_score_t kind = job->plan->opts->select;
    double sums[BA_TILE], scores[BA_TILE];

    NAME(project_reduced)(job, operators->q, areas, sums);
    for (size_t a = 0; a < operators->n_alphas; a++) {
        NAME(all_residuals)(job, operators->first_alpha + a, sums, areas);
        for (size_t k = 0; k < operators->n_holdouts; k++) {
            const holdout_t *holdout = &operators->holdouts[k];
            size_t f = holdout->n_predicted;

            NAME(gather_held)(job, holdout->split, areas);
            NAME(predict_fold)(job, holdout, a, areas);
            SCORE(kind, areas->held, f, areas->predicted, f, f, ACTIVE, scores);
            NAME(add_scores)
            (job, scores, job->scores + a * BA_TILE, job->counts + a * BA_TILE);
        }
    }
    for (size_t k = 0; kind == BA_SCORE_MSE && k < operators->n_holdouts; k++) {
        size_t f = operators->holdouts[k].n_predicted;

        NAME(gather_held)(job, operators->holdouts[k].split, areas);
        memset(areas->predicted, 0, f * ACTIVE * sizeof(REAL));
        SCORE(kind, areas->held, f, areas->predicted, f, f, ACTIVE, scores);
        NAME(add_scores)(job, scores, job->baseline, baseline_counts);
    }
}

/* ---- refit ---- */

/* areas->wide.residuals = (B + alpha)^-1 Q'y, every column with its own alpha, and 0 where
 * a target has no model. */
static void
NAME(solve_chosen)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const prepared_t *prepared = job->prepared;
    size_t n = prepared->problem->n_train;

    memset(areas->wide.residuals, 0, n * ACTIVE * sizeof(double));
    for (size_t a = 0; a < prepared->n_alphas; a++) {
        int is_solved = 0;

        for (size_t j = 0; j < ACTIVE; j++) {
            if (job->constant[j] || job->best_alphas[j] != prepared->alphas[a]) {
                continue;
            }
            if (!is_solved) {
                NAME(solve_reduced)(job, a, areas);
                is_solved = 1;
            }
            memcpy(areas->wide.residuals + j * n, areas->wide.solved + j * n,
                n * sizeof(double));
        }
    }
}

/* Solutions, weights, intercepts, and areas->predicted of the test part. */
static void
NAME(refit_reduced)(const tile_job_t *job, size_t n_test, const NAME(areas_t) * areas)
{
    const refit_t *refit = job->refit;
    size_t n = refit->rank, p = refit->n_columns;
    ba_cdmat_t z = NAME(wide)(areas->wide.residuals, n, ACTIVE);
    double sums[BA_TILE];

    NAME(project_reduced)(job, refit->project, areas, sums);
    NAME(solve_chosen)(job, areas);
    for (size_t j = 0; j < ACTIVE; j++) {
        job->intercept[j] = 0.0;
        for (size_t i = 0; refit->offset && i < n; i++) {
            job->intercept[j] += refit->offset[i] * z.data[i + j * n];
        }
    }
    if (n_test > 0) {
        ba_gemm_f64(1, BA_KEEP, NAME(wide)(refit->apply, n_test, n), BA_KEEP, z, 0,
            ba_dmat(areas->wide.errors, n_test, ACTIVE, n_test));
        for (size_t i = 0; i < n_test * ACTIVE; i++) {
            areas->predicted[i] = (REAL) areas->wide.errors[i];
        }
    }
    if (job->weights) {
        ba_gemm_f64(1, BA_KEEP, NAME(wide)(refit->back, p, n), BA_KEEP, z, 0,
            ba_dmat(job->weights, p, ACTIVE, p));
    }
}
