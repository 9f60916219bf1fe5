/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner scores of one tile: part of tile_kernels.h. */

/* rhs = products of all blocks but k. Where all are at hand they are added up, so that the
 * responses of block k have no part in it, not even by rounding. */
static void
NAME(other_blocks)(
    const tile_job_t *job, const REAL *total, size_t k, const NAME(areas_t) * areas)
{
    const products_t *products = &job->prepared->products;
    size_t size = products->n_products * ACTIVE;
    const REAL *own = areas->part[NAME(place)(k)].products;

    if (products->n_blocks <= KEPT_BLOCKS + 1) {
        memset(areas->rhs, 0, size * sizeof(REAL));
        for (size_t b = 0; b < products->n_blocks; b++) {
            if (b != k) {
                NAME(add)(areas->part[b].products, size, areas->rhs);
            }
        }
        return;
    }
    if (NAME(place)(k) == KEPT_BLOCKS) {
        NAME(make_part)(job, areas, k);
    }
    for (size_t i = 0; i < size; i++) {
        areas->rhs[i] = total[i] - own[i];
    }
}

/* Primal right-hand side: products of all other blocks less those of the gap. */
static void
NAME(primal_rhs)(const tile_job_t *job, const holdout_t *holdout, const REAL *total,
    size_t k, const NAME(areas_t) * areas)
{
    size_t m = job->prepared->products.n_products;

    NAME(other_blocks)(job, total, k, areas);
    if (holdout->n_gap > 0) {
        NAME(gather)
        (job, holdout->gap, holdout->n_gap, job->mean, job->scale, areas->gathered);
        GEMM(-1, BA_TRANSPOSE, NAME(cview)(holdout->gap_columns, holdout->n_gap, m),
            BA_KEEP, NAME(cview)(areas->gathered, holdout->n_gap, ACTIVE), 1,
            NAME(view)(areas->rhs, m, ACTIVE));
    }
}

/* Right-hand side from the rows that stay: themselves in the dual, in the strict primal
 * their products with the split's own components. */
static void
NAME(rhs_of_rows)(const tile_job_t *job, const holdout_t *holdout,
    const NAME(areas_t) * areas, const double *mean, const double *scale)
{
    const split_t *split = holdout->split;
    size_t n = split->n_stay;
    REAL *rows = holdout->own_project ? areas->gathered : areas->rhs;

    NAME(gather)(job, split->stay, n, mean, scale, rows);
    if (holdout->own_project) {
        GEMM(1, BA_TRANSPOSE, NAME(cview)(holdout->own_project, n, holdout->n_rhs),
            BA_KEEP, NAME(cview)(rows, n, ACTIVE), 0,
            NAME(view)(areas->rhs, holdout->n_rhs, ACTIVE));
    }
}

/* What a split's predictions are compared with. */
typedef struct {
    const REAL *held; /* n x columns: responses, or their coordinates */
    size_t n, n_validate;
    const double *square, *rest; /* NULL = responses themselves */
} NAME(truth_t);

static void
NAME(score)(const tile_job_t *job, ba_score_t kind, const NAME(truth_t) * truth,
    const REAL *predicted, double *scores)
{
    if (truth->rest) {
        SCORE_PROJECTED(kind, truth->held, truth->n, predicted, truth->n, truth->n,
            truth->n_validate, truth->square, truth->rest, ACTIVE, scores);
    } else {
        SCORE(kind, truth->held, truth->n, predicted, truth->n, truth->n, ACTIVE, scores);
    }
}

/* Scaling of a split: the problem's, or what the split's own training rows give. */
static void
NAME(split_scale)(const tile_job_t *job, const holdout_t *holdout,
    const NAME(areas_t) * areas, double *mean, double *scale)
{
    const split_t *split = holdout->split;
    int32_t constant[BA_TILE];

    if (holdout->is_refit) {
        NAME(find_scale)
        (job, split->stay, split->n_stay, 1, constant, mean, scale, areas->column);
    }
    if (!holdout->is_refit || !job->plan->inner_centre_targets) {
        memcpy(mean, job->mean, BA_TILE * sizeof *mean);
    }
    if (!holdout->own_scale) {
        memcpy(scale, job->scale, BA_TILE * sizeof *scale);
    }
}

/* total: primal, not strict; else NULL. */
static void
NAME(select_fold)(const tile_job_t *job, size_t k, const REAL *total,
    const NAME(areas_t) * areas, int32_t *baseline_counts)
{
    const operators_t *operators = job->operators;
    const holdout_t *holdout = &operators->holdouts[k];
    ba_score_t kind = job->plan->opts->select;
    size_t n = holdout->n_predicted,
           ld = total ? job->prepared->products.n_products : holdout->n_rhs;
    double mean[BA_TILE], scale[BA_TILE], scores[BA_TILE];
    CMATRIX rhs = {areas->rhs, holdout->n_rhs, ACTIVE, ld};
    NAME(truth_t) truth = {areas->held, n, holdout->split->n_validate, NULL, NULL};

    NAME(split_scale)(job, holdout, areas, mean, scale);
    if (total) {
        NAME(primal_rhs)(job, holdout, total, k, areas);
    } else {
        NAME(rhs_of_rows)(job, holdout, areas, mean, scale);
    }
    if (holdout->is_projected) {
        const NAME(part_t) *part = &areas->part[NAME(place)(k)];

        truth = (NAME(truth_t)){
            part->projected, n, truth.n_validate, part->square, part->rest};
    } else {
        NAME(gather)(job, holdout->split->validate, n, mean, scale, areas->held);
    }
    if (kind == BA_SCORE_MSE) {
        memset(areas->predicted, 0, n * ACTIVE * sizeof(REAL));
        NAME(score)(job, kind, &truth, areas->predicted, scores);
        NAME(add_scores)(job, scores, job->baseline, baseline_counts);
    }
    for (size_t a = 0; a < operators->n_alphas; a++) {
        GEMM(1, BA_KEEP, NAME(cview)(holdout->p[a], n, holdout->n_rhs), BA_KEEP, rhs, 0,
            NAME(view)(areas->predicted, n, ACTIVE));
        NAME(score)(job, kind, &truth, areas->predicted, scores);
        NAME(add_scores)
        (job, scores, job->scores + a * BA_TILE, job->counts + a * BA_TILE);
    }
}

static void
NAME(divide)(double *sums, const int32_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = counts[i] > 0 ? sums[i] / counts[i] : (double) NAN;
    }
}

/* The mean over folds of mean squared errors, minus, as quadratic forms of the responses;
 * for the baseline weighed sums of squares. */
static void
NAME(select_pooled)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const problem_t *problem = job->prepared->problem;
    size_t n = problem->n_train;
    double scores[BA_TILE], folds = (double) problem->n_inner;

    NAME(gather)(job, problem->train, n, job->mean, job->scale, areas->gathered);
    QUADRATIC_LOAD(areas->gathered, n, ACTIVE, areas->rhs);
    for (size_t a = 0; a < job->operators->n_alphas; a++) {
        double *at = job->scores + a * BA_TILE;

        QUADRATIC(job->operators->pooled[a], areas->gathered, n, ACTIVE, areas->rhs, at);
        for (size_t j = 0; j < ACTIVE; j++) {
            at[j] = -at[j];
        }
    }
    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];

        NAME(gather)
        (job, split->validate, split->n_validate, job->mean, job->scale, areas->held);
        SQUARES(areas->held, split->n_validate, split->n_validate, ACTIVE, scores);
        for (size_t j = 0; j < ACTIVE; j++) {
            job->baseline[j] -= scores[j] / ((double) split->n_validate * folds);
        }
    }
}

/* Inner scores of one tile for every alpha of the operators: job->scores, job->baseline.
 * counts: n_alphas x BA_TILE zeros. */
void
NAME(ba_tile_select)(const tile_job_t *job, void *scratch)
{
    const operators_t *operators = job->operators;
    NAME(areas_t) areas;
    int32_t baseline_counts[BA_TILE] = {0};
    size_t n = operators->n_alphas * BA_TILE;
    const REAL *total = NULL;

    NAME(lay_out)(job, scratch, &areas);
    memset(job->scores, 0, n * sizeof *job->scores);
    memset(job->counts, 0, n * sizeof *job->counts);
    memset(job->baseline, 0, BA_TILE * sizeof *job->baseline);
    if (operators->pooled) {
        NAME(select_pooled)(job, &areas);
        return;
    }
    if (operators->solver == BA_SOLVER_PRIMAL && !job->plan->strict) {
        total = NAME(make_total)(job, &areas);
    }
    if (operators->q) {
        NAME(select_reduced)(job, &areas, baseline_counts);
    }
    for (size_t k = 0; !operators->q && k < operators->n_holdouts; k++) {
        NAME(select_fold)(job, k, total, &areas, baseline_counts);
    }
    NAME(divide)(job->scores, job->counts, n);
    if (job->plan->opts->select == BA_SCORE_MSE) {
        NAME(divide)(job->baseline, baseline_counts, BA_TILE);
    }
}
