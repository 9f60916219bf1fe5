/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights and test predictions of one tile at its chosen alphas: part of tile_kernels.h.
 */

/* dst = project' Y over the training rows, rank x columns. */
static void
NAME(all_products)(const tile_job_t *job, const NAME(areas_t) * areas, REAL *dst)
{
    const refit_t *refit = job->refit;
    const problem_t *problem = job->prepared->problem;
    size_t rank = refit->rank;

    if (!refit->project) {
        const REAL *total = NAME(total)(job, areas);

        for (size_t j = 0; j < ACTIVE; j++) {
            memmove(dst + j * rank, total + j * (rank + 1), rank * sizeof(REAL));
        }
        return;
    }
    NAME(gather)
    (job, problem->train, problem->n_train, job->mean, job->scale, areas->gathered);
    GEMM(1, BA_TRANSPOSE, NAME(cview)(refit->project, problem->n_train, rank), BA_KEEP,
        NAME(cview)(areas->gathered, problem->n_train, ACTIVE), 0,
        NAME(view)(dst, rank, ACTIVE));
}

/* all = diag(1 / (lambda + alpha)) project' Y, every column with its own alpha. */
static void
NAME(filtered_products)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const refit_t *refit = job->refit;
    size_t rank = refit->rank;

    NAME(all_products)(job, areas, areas->all);
    for (size_t j = 0; j < ACTIVE; j++) {
        double alpha = job->best_alphas[j];
        double offset = 0.0;
        REAL *z = areas->all + j * rank;

        for (size_t i = 0; i < rank; i++) {
            double lambda = refit->lambda[i];
            int absent =
                job->constant[j] || (alpha == 0.0 && lambda <= refit->tolerance_alpha0);

            z[i] = absent ? 0 : (REAL) ((double) z[i] / (lambda + alpha));
            offset += refit->offset ? refit->offset[i] * (double) z[i] : 0.0;
        }
        job->intercept[j] = offset;
    }
}

/* The right-hand side of the operators that predict the test part: all rows stay. */
static CMATRIX
NAME(test_rhs)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const operators_t *operators = job->refit->by_alpha;
    const holdout_t *holdout = &operators->holdouts[0];
    size_t n = holdout->split->n_stay;

    if (operators->solver == BA_SOLVER_PRIMAL) {
        return (CMATRIX){NAME(total)(job, areas), holdout->n_rhs, ACTIVE,
            job->prepared->products.n_products};
    }
    NAME(gather)(job, holdout->split->stay, n, job->mean, job->scale, areas->rhs);
    return NAME(cview)(areas->rhs, n, ACTIVE);
}

/* Held-out predictions where every alpha has an operator of its own. */
static void
NAME(predict_by_alpha)(const tile_job_t *job, const NAME(areas_t) * areas, size_t n_test)
{
    const operators_t *operators = job->refit->by_alpha;
    const holdout_t *holdout = &operators->holdouts[0];
    CMATRIX rhs = NAME(test_rhs)(job, areas);

    memset(areas->predicted, 0, n_test * ACTIVE * sizeof(REAL));
    for (size_t a = 0; a < operators->n_alphas; a++) {
        int used = 0;

        for (size_t j = 0; j < ACTIVE; j++) {
            used |= job->best_alphas[j] == job->prepared->alphas[a] && !job->constant[j];
        }
        if (!used) {
            continue;
        }
        GEMM(1, BA_KEEP, NAME(cview)(holdout->p[a], n_test, holdout->n_rhs), BA_KEEP, rhs,
            0, NAME(view)(areas->held, n_test, ACTIVE));
        for (size_t j = 0; j < ACTIVE; j++) {
            if (job->best_alphas[j] == job->prepared->alphas[a] && !job->constant[j]) {
                memcpy(areas->predicted + j * n_test, areas->held + j * n_test,
                    n_test * sizeof(REAL));
            }
        }
    }
}

/* The test part's responses: of another recording, or rows of the same tile. */
static void
NAME(gather_test)(const tile_job_t *job, REAL *dst, size_t n_test)
{
    const problem_t *problem = job->prepared->problem;

    if (!job->test_tile.base) {
        NAME(gather)(job, problem->test, n_test, job->mean, job->scale, dst);
        return;
    }
    for (size_t j = 0; j < ACTIVE; j++) {
        const REAL *column = (const REAL *) job->test_tile.base + j * n_test;

        for (size_t i = 0; i < n_test; i++) {
            dst[i + j * n_test] =
                (REAL) (((double) column[i] - job->mean[j]) / job->scale[j]);
        }
    }
}

/* Predictions back in the units of the base tile, and per-run z-scoring undone. */
static void
NAME(unscale)(const tile_job_t *job, const REAL *predicted, size_t n_test)
{
    const ba_runs_t *runs =
        job->test_tile.base ? &job->plan->test_runs : &job->plan->runs;
    const tile_t *tile = job->test_tile.base ? &job->test_tile : &job->tile;

    for (size_t j = 0; j < ACTIVE; j++) {
        for (size_t i = 0; i < n_test; i++) {
            size_t position = job->test_tile.base ? i : job->prepared->problem->test[i];
            size_t run = ba_runs_of(runs, position) + j * runs->n_runs;
            double value =
                (double) predicted[i + j * n_test] * job->scale[j] + job->mean[j];

            if (tile->run_mean) {
                value = value * tile->run_scale[run] + tile->run_mean[run];
            }
            job->predictions[i + j * n_test] = value;
        }
    }
}

/* Solutions, weights, intercepts, and areas->predicted of the test part. */
static void
NAME(refit_decomposed)(const tile_job_t *job, size_t n_test, const NAME(areas_t) * areas)
{
    const refit_t *refit = job->refit;
    size_t p = refit->n_columns;
    CMATRIX z = NAME(cview)(areas->all, refit->rank, ACTIVE);

    NAME(filtered_products)(job, areas);
    if (n_test > 0) {
        GEMM(1, BA_KEEP, NAME(cview)(refit->apply, n_test, refit->rank), BA_KEEP, z, 0,
            NAME(view)(areas->predicted, n_test, ACTIVE));
    }
    if (job->weights) {
        GEMM(1, BA_KEEP, NAME(cview)(refit->back, p, refit->rank), BA_KEEP, z, 0,
            NAME(view)(areas->weights, p, ACTIVE));
        for (size_t i = 0; i < p * ACTIVE; i++) {
            job->weights[i] = (double) areas->weights[i];
        }
    }
}

static void
NAME(score_test)(const tile_job_t *job, const NAME(areas_t) * areas, size_t n_test)
{
    NAME(gather_test)(job, areas->held, n_test);
    SCORE(BA_SCORE_R, areas->held, n_test, areas->predicted, n_test, n_test, ACTIVE,
        job->r);
    SCORE(BA_SCORE_R2, areas->held, n_test, areas->predicted, n_test, n_test, ACTIVE,
        job->r2);
    if (job->predictions) {
        NAME(unscale)(job, areas->predicted, n_test);
    }
}

/* Weights, intercepts (what the columns' own means contribute), test scores and
 * predictions of one tile at its chosen alphas. */
void
NAME(ba_tile_refit)(const tile_job_t *job, void *scratch)
{
    size_t n_test = job->plan->data->test_design && job->prepared->problem->fold < 0
                        ? job->plan->test_runs.n_samples
                        : job->prepared->problem->n_test;
    NAME(areas_t) areas;

    NAME(lay_out)(job, scratch, &areas);
    if (job->prepared->shifts) {
        NAME(refit_reduced)(job, n_test, &areas);
    } else if (job->refit->by_alpha) {
        NAME(predict_by_alpha)(job, &areas, n_test);
    } else {
        NAME(refit_decomposed)(job, n_test, &areas);
    }
    if (n_test > 0) {
        NAME(score_test)(job, &areas, n_test);
    }
}
