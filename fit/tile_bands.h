/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature spaces with penalties of their own: right-hand sides of one tile, and what
 * follows from its unknowns. Part of tile_kernels.h. */

/* Right-hand sides of the solves: responses of the training rows in the dual, their
 * products with all columns in the primal. */
void
NAME(ba_tile_band_rhs)(const tile_job_t *job, void *scratch)
{
    const problem_t *problem = job->prepared->problem;
    size_t m = job->bands->spaces->n_unknowns;
    REAL *dst = job->unknowns;
    NAME(areas_t) areas;

    NAME(lay_out)(job, scratch, &areas);
    if (job->bands->spaces->solver == BA_SOLVER_PRIMAL) {
        size_t ld = job->prepared->products.n_products;
        const REAL *total = NAME(total)(job, &areas);

        for (size_t j = 0; j < ACTIVE; j++) {
            memcpy(dst + j * m, total + j * ld, m * sizeof(REAL));
        }
    } else {
        NAME(gather)(job, problem->train, problem->n_train, job->mean, job->scale, dst);
    }
    for (size_t j = 0; j < ACTIVE; j++) {
        if (job->constant[j]) {
            memset(dst + j * m, 0, m * sizeof(REAL));
        }
    }
}

/* Predictions of space k for the test part, n_test x columns. */
static void
NAME(predict_space)(const tile_job_t *job, size_t k, size_t n_test, REAL *dst)
{
    const ba_spaces_t *spaces = job->bands->spaces;
    const REAL *unknowns = job->unknowns;
    size_t m = spaces->n_unknowns, first = spaces->first[k];
    size_t width = spaces->first[k + 1] - first;

    if (spaces->solver == BA_SOLVER_PRIMAL) {
        GEMM(1, BA_KEEP, NAME(cview)(job->bands->apply[k], n_test, width), BA_KEEP,
            (CMATRIX){unknowns + first, width, ACTIVE, m}, 0,
            NAME(view)(dst, n_test, ACTIVE));
        return;
    }
    GEMM(1, BA_KEEP, NAME(cview)(job->bands->apply[k], n_test, m), BA_KEEP,
        NAME(cview)(unknowns, m, ACTIVE), 0, NAME(view)(dst, n_test, ACTIVE));
    for (size_t j = 0; j < ACTIVE; j++) {
        REAL delta = (REAL) job->delta[k * BA_TILE + j];

        for (size_t i = 0; i < n_test; i++) {
            dst[i + j * n_test] *= delta;
        }
    }
}

/* Predictions of every space and their sum, and what each space contributes to the
 * scores. */
static void
NAME(score_bands)(const tile_job_t *job, const NAME(areas_t) * areas, size_t n_test)
{
    size_t n_spaces = job->bands->spaces->n_spaces, size = n_test * ACTIVE;

    memset(areas->predicted, 0, size * sizeof(REAL));
    for (size_t k = 0; k < n_spaces; k++) {
        REAL *part = areas->spaces + k * size;

        NAME(predict_space)(job, k, n_test, part);
        for (size_t i = 0; i < size; i++) {
            areas->predicted[i] += part[i];
        }
    }
    NAME(gather_test)(job, areas->held, n_test);
    SCORE(BA_SCORE_R, areas->held, n_test, areas->predicted, n_test, n_test, ACTIVE,
        job->r);
    SCORE(BA_SCORE_R2, areas->held, n_test, areas->predicted, n_test, n_test, ACTIVE,
        job->r2);
    for (size_t k = 0; k < n_spaces; k++) {
        SPLIT(areas->held, areas->predicted, areas->spaces + k * size, n_test, ACTIVE,
            job->r2_split + k * BA_TILE, job->r_split + k * BA_TILE);
    }
    if (job->predictions) {
        NAME(unscale)(job, areas->predicted, n_test);
    }
}

/* Weights in the design's order of columns. */
static void
NAME(band_weights)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const ba_spaces_t *spaces = job->bands->spaces;
    size_t p = spaces->p, n = spaces->n_unknowns;
    const REAL *weights = job->unknowns;

    if (spaces->solver == BA_SOLVER_DUAL) {
        GEMM(1, BA_KEEP, NAME(cview)(job->bands->back, p, n), BA_KEEP,
            NAME(cview)(job->unknowns, n, ACTIVE), 0,
            NAME(view)(areas->weights, p, ACTIVE));
        weights = areas->weights;
    }
    for (size_t j = 0; j < ACTIVE; j++) {
        for (size_t k = 0; k < spaces->n_spaces; k++) {
            double delta =
                spaces->solver == BA_SOLVER_DUAL ? job->delta[k * BA_TILE + j] : 1.0;

            for (size_t i = spaces->first[k]; i < spaces->first[k + 1]; i++) {
                job->weights[spaces->order[i] + j * p] =
                    delta * (double) weights[i + j * p];
            }
        }
    }
}

/* What the columns' own means contribute: mean' B. */
static void
NAME(band_intercept)(const tile_job_t *job)
{
    const ba_spaces_t *spaces = job->bands->spaces;
    size_t m = spaces->n_unknowns;
    int primal = spaces->solver == BA_SOLVER_PRIMAL && spaces->center &&
                 job->plan->scale_features == BA_SCALE_NONE;

    for (size_t j = 0; j < ACTIVE; j++) {
        const REAL *unknowns = (const REAL *) job->unknowns + j * m;
        double sum = 0.0;

        for (size_t k = 0; job->bands->offset && k < spaces->n_spaces; k++) {
            for (size_t i = 0; i < m; i++) {
                sum += job->delta[k * BA_TILE + j] * job->bands->offset[i + k * m] *
                       (double) unknowns[i];
            }
        }
        for (size_t i = 0; primal && i < m; i++) {
            sum += spaces->center[i] * (double) unknowns[i];
        }
        job->intercept[j] = sum;
    }
}

void
NAME(ba_tile_band_refit)(const tile_job_t *job, void *scratch)
{
    size_t n_test = job->plan->data->test_design && job->prepared->problem->fold < 0
                        ? job->plan->test_runs.n_samples
                        : job->prepared->problem->n_test;
    NAME(areas_t) areas;

    NAME(lay_out)(job, scratch, &areas);
    NAME(band_intercept)(job);
    if (n_test > 0) {
        NAME(score_bands)(job, &areas, n_test);
    }
    if (job->weights) {
        NAME(band_weights)(job, &areas);
    }
}
