/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens to one tile of targets, written once and compiled for float and for
 * double. The including file defines REAL (float or double), MATRIX and CMATRIX (its view
 * types), GEMM, SCORE, and NAME(x), which is x with the precision's suffix.
 *
 * Nothing here allocates, fails or depends on another tile. */

#define COLUMNS ((size_t) BA_TILE)

static CMATRIX
NAME(cview)(const void *data, size_t n_rows, size_t n_cols)
{
    return (CMATRIX){(const REAL *) data, n_rows, n_cols, n_rows};
}

static MATRIX
NAME(view)(REAL *data, size_t n_rows, size_t n_cols)
{
    return (MATRIX){data, n_rows, n_cols, n_rows};
}

/* Rows of a base tile, scaled in float64: dst[i] = (base[rows[i]] - mean) / scale. */
static void
NAME(gather)(const REAL *base, size_t n_base, const size_t *rows, size_t n,
    const double *mean, const double *scale, REAL *dst)
{
    for (size_t j = 0; j < COLUMNS; j++) {
        const REAL *column = base + j * n_base;
        double inverse = 1.0 / scale[j];

        for (size_t i = 0; i < n; i++) {
            dst[i + j * n] = (REAL) (((double) column[rows[i]] - mean[j]) * inverse);
        }
    }
}

/* Mean (0 unless centring) and scale of every column over some rows; marks what
 * is constant there. */
static void
NAME(find_scale)(const plan_t *plan, const REAL *base, const size_t *rows, size_t n,
    int centre, int32_t *constant, double *mean, double *scale, double *column)
{
    for (size_t j = 0; j < COLUMNS; j++) {
        double middle, deviation;

        for (size_t i = 0; i < n; i++) {
            column[i] = (double) base[rows[i] + j * plan->n_used];
        }
        constant[j] = !ba_mean_and_scale(column, n, &middle, &deviation);
        mean[j] = centre ? middle : 0.0;
        scale[j] = plan->scale_targets == BA_SCALE_ZSCORE ? deviation : 1.0;
    }
}

void
NAME(ba_tile_scale)(const tile_job_t *job, void *scratch)
{
    NAME(find_scale)
    (job->plan, (const REAL *) job->tile.base, job->prepared->problem->train,
        job->prepared->problem->n_train, job->plan->centre_targets, job->constant,
        job->mean, job->scale, (double *) scratch);
}

/* The areas of the scratch: every one large enough for all splits of the problem. */
typedef struct {
    double *column;  /* n_used float64 */
    REAL *gathered;  /* n_used x COLUMNS */
    REAL *rhs;       /* largest right-hand side x COLUMNS */
    REAL *all;       /* rank x COLUMNS */
    REAL *held;      /* largest validation or test part x COLUMNS */
    REAL *predicted; /* the same */
    REAL *weights;   /* n_columns x COLUMNS, only where weights are wanted */
} NAME(areas_t);

static size_t
NAME(largest_rhs)(const operators_t *operators)
{
    size_t largest = operators ? operators->rank + 1 : 1;

    for (size_t k = 0; operators && k < operators->n_holdouts; k++) {
        largest = largest < operators->holdouts[k].n_rhs ? operators->holdouts[k].n_rhs
                                                         : largest;
    }
    return largest;
}

static size_t
NAME(largest_held)(const tile_job_t *job)
{
    const problem_t *problem = job->prepared->problem;
    size_t largest = job->plan->test_runs.n_samples;

    largest = largest < problem->n_test ? problem->n_test : largest;
    for (size_t k = 0; k < problem->n_inner; k++) {
        size_t n = problem->inner[k].n_validate;

        largest = largest < n ? n : largest;
    }
    return largest;
}

/* Lays the areas out in a block (NULL: only counts) and returns its size. */
static size_t
NAME(lay_out)(const tile_job_t *job, char *block, NAME(areas_t) * areas)
{
    const operators_t *by_alpha = job->refit ? job->refit->by_alpha : NULL;
    size_t rank = job->refit ? job->refit->rank : 0;
    size_t rhs = NAME(largest_rhs)(job->operators),
           test_rhs = NAME(largest_rhs)(by_alpha);
    size_t n = job->plan->n_used + 1, held = NAME(largest_held)(job), used = 0;
    size_t real = COLUMNS * sizeof(REAL);

    rank = job->operators && job->operators->rank > rank ? job->operators->rank : rank;
    rank = by_alpha && by_alpha->rank > rank ? by_alpha->rank : rank;
    rhs = rhs < test_rhs ? test_rhs : rhs;
#define AREA(type, field, n_bytes)                                                       \
    areas->field = block ? (type *) (void *) (block + used) : NULL;                      \
    used += ((n_bytes) + 63) / 64 * 64
    AREA(double, column, n * sizeof(double));
    AREA(REAL, gathered, n * real);
    AREA(REAL, rhs, rhs * real);
    AREA(REAL, all, (rank + 1) * real);
    AREA(REAL, held, (held + 1) * real);
    AREA(REAL, predicted, (held + 1) * real);
    AREA(REAL, weights, job->refit && job->refit->back ? job->plan->n_columns * real : 0);
#undef AREA
    return used;
}

size_t
NAME(ba_tile_scratch_bytes)(const tile_job_t *job)
{
    NAME(areas_t) areas;

    return NAME(lay_out)(job, NULL, &areas);
}

/* Primal: the inner products of all the factor's rows with the targets, project' Y. */
static void
NAME(all_products)(const tile_job_t *job, const operators_t *operators,
    const NAME(areas_t) * areas, const double *mean, const double *scale)
{
    NAME(gather)
    ((const REAL *) job->tile.base, job->plan->n_used, operators->rows, operators->n_rows,
        mean, scale, areas->gathered);
    GEMM(1, BA_TRANSPOSE,
        NAME(cview)(operators->project, operators->n_rows, operators->rank), BA_KEEP,
        NAME(cview)(areas->gathered, operators->n_rows, COLUMNS), 0,
        NAME(view)(areas->all, operators->rank, COLUMNS));
}

/* Last row of a primal right-hand side: sums over the rows that stay. */
static void
NAME(append_sums)(const tile_job_t *job, const holdout_t *holdout,
    const NAME(areas_t) * areas, const double *mean, const double *scale)
{
    const REAL *base = job->tile.base;
    const split_t *split = holdout->split;

    for (size_t j = 0; j < COLUMNS; j++) {
        double sum = 0.0;

        for (size_t i = 0; i < split->n_stay; i++) {
            sum += (double) base[split->stay[i] + j * job->plan->n_used] - mean[j];
        }
        areas->rhs[holdout->n_rhs - 1 + j * holdout->n_rhs] = (REAL) (sum / scale[j]);
    }
}

/* The right-hand side of one split. */
static void
NAME(make_rhs)(const tile_job_t *job, const operators_t *operators,
    const holdout_t *holdout, const NAME(areas_t) * areas, const double *mean,
    const double *scale)
{
    const split_t *split = holdout->split;
    size_t n_base = job->plan->n_used, rank = operators->rank, n_rhs = holdout->n_rhs;
    MATRIX rhs = {areas->rhs, rank, COLUMNS, n_rhs};

    if (operators->solver == BA_SOLVER_DUAL) {
        NAME(gather)
        ((const REAL *) job->tile.base, n_base, split->stay, split->n_stay, mean, scale,
            areas->rhs);
        return;
    }
    NAME(gather)
    ((const REAL *) job->tile.base, n_base, holdout->gather, holdout->n_gather, mean,
        scale, areas->gathered);
    if (holdout->downdate) {
        for (size_t j = 0; j < COLUMNS; j++) {
            memcpy(areas->rhs + j * n_rhs, areas->all + j * rank, rank * sizeof(REAL));
        }
    }
    GEMM(holdout->downdate ? -1 : 1, BA_TRANSPOSE,
        NAME(cview)(holdout->gathered, holdout->n_gather, rank), BA_KEEP,
        NAME(cview)(areas->gathered, holdout->n_gather, COLUMNS),
        holdout->downdate ? 1 : 0, rhs);
    if (holdout->append_sum) {
        NAME(append_sums)(job, holdout, areas, mean, scale);
    }
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
NAME(select_fold)(const tile_job_t *job, const holdout_t *holdout,
    const NAME(areas_t) * areas, int32_t *counts, int32_t *baseline_counts)
{
    const operators_t *operators = job->operators;
    ba_score_t kind = job->plan->opts->select;
    const split_t *split = holdout->split;
    double mean[BA_TILE], scale[BA_TILE], scores[BA_TILE];
    int32_t constant[BA_TILE];
    size_t n = split->n_validate;

    if (holdout->is_refit) {
        NAME(find_scale)
        (job->plan, (const REAL *) job->tile.base, split->stay, split->n_stay, 1,
            constant, mean, scale, areas->column);
    }
    if (!holdout->is_refit || !job->plan->inner_centre_targets) {
        memcpy(mean, job->mean, sizeof mean);
    }
    if (!holdout->own_scale) {
        memcpy(scale, job->scale, sizeof scale);
    }
    NAME(make_rhs)(job, operators, holdout, areas, mean, scale);
    NAME(gather)
    ((const REAL *) job->tile.base, job->plan->n_used, split->validate, n, mean, scale,
        areas->held);
    if (kind == BA_SCORE_MSE) {
        memset(areas->predicted, 0, n * COLUMNS * sizeof(REAL));
        SCORE(kind, areas->held, n, areas->predicted, n, n, COLUMNS, scores);
        NAME(add_scores)(scores, job->baseline, baseline_counts);
    }
    for (size_t a = 0; a < operators->n_alphas; a++) {
        GEMM(1, BA_KEEP, NAME(cview)(holdout->p[a], n, holdout->n_rhs), BA_KEEP,
            NAME(cview)(areas->rhs, holdout->n_rhs, COLUMNS), 0,
            NAME(view)(areas->predicted, n, COLUMNS));
        SCORE(kind, areas->held, n, areas->predicted, n, n, COLUMNS, scores);
        NAME(add_scores)(scores, job->scores + a * COLUMNS, counts + a * COLUMNS);
    }
}

static void
NAME(divide)(double *sums, const int32_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = counts[i] > 0 ? sums[i] / counts[i] : (double) NAN;
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
    size_t n = operators->n_alphas * COLUMNS;

    NAME(lay_out)(job, scratch, &areas);
    memset(job->scores, 0, n * sizeof *job->scores);
    memset(job->counts, 0, n * sizeof *job->counts);
    memset(job->baseline, 0, COLUMNS * sizeof *job->baseline);
    if (operators->project) {
        NAME(all_products)(job, operators, &areas, job->mean, job->scale);
    }
    for (size_t k = 0; k < operators->n_holdouts; k++) {
        NAME(select_fold)
        (job, &operators->holdouts[k], &areas, job->counts, baseline_counts);
    }
    NAME(divide)(job->scores, job->counts, n);
    if (job->plan->opts->select == BA_SCORE_MSE) {
        NAME(divide)(job->baseline, baseline_counts, COLUMNS);
    }
}

/* ---- refit ---- */

/* all = diag(1 / (lambda + alpha)) project' Y, every column with its own alpha. */
static void
NAME(filtered_products)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const refit_t *refit = job->refit;
    const problem_t *problem = job->prepared->problem;
    size_t rank = refit->rank;

    NAME(gather)
    ((const REAL *) job->tile.base, job->plan->n_used, problem->train, problem->n_train,
        job->mean, job->scale, areas->gathered);
    GEMM(1, BA_TRANSPOSE, NAME(cview)(refit->project, problem->n_train, rank), BA_KEEP,
        NAME(cview)(areas->gathered, problem->n_train, COLUMNS), 0,
        NAME(view)(areas->all, rank, COLUMNS));
    for (size_t j = 0; j < COLUMNS; j++) {
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

/* Held-out predictions where every alpha has an operator of its own. */
static void
NAME(predict_by_alpha)(const tile_job_t *job, const NAME(areas_t) * areas, size_t n_test)
{
    const operators_t *operators = job->refit->by_alpha;
    const holdout_t *holdout = &operators->holdouts[0];

    if (operators->project) {
        NAME(all_products)(job, operators, areas, job->mean, job->scale);
    }
    NAME(make_rhs)(job, operators, holdout, areas, job->mean, job->scale);
    memset(areas->predicted, 0, n_test * COLUMNS * sizeof(REAL));
    for (size_t a = 0; a < operators->n_alphas; a++) {
        int used = 0;

        for (size_t j = 0; j < COLUMNS; j++) {
            used |= job->best_alphas[j] == job->prepared->alphas[a] && !job->constant[j];
        }
        if (!used) {
            continue;
        }
        GEMM(1, BA_KEEP, NAME(cview)(holdout->p[a], n_test, holdout->n_rhs), BA_KEEP,
            NAME(cview)(areas->rhs, holdout->n_rhs, COLUMNS), 0,
            NAME(view)(areas->held, n_test, COLUMNS));
        for (size_t j = 0; j < COLUMNS; j++) {
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
        NAME(gather)
        ((const REAL *) job->tile.base, job->plan->n_used, problem->test, n_test,
            job->mean, job->scale, dst);
        return;
    }
    for (size_t j = 0; j < COLUMNS; j++) {
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

    for (size_t j = 0; j < COLUMNS; j++) {
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

static void
NAME(score_test)(const tile_job_t *job, const NAME(areas_t) * areas, size_t n_test)
{
    const refit_t *refit = job->refit;

    if (refit->by_alpha) {
        NAME(predict_by_alpha)(job, areas, n_test);
    } else {
        GEMM(1, BA_KEEP, NAME(cview)(refit->apply, n_test, refit->rank), BA_KEEP,
            NAME(cview)(areas->all, refit->rank, COLUMNS), 0,
            NAME(view)(areas->predicted, n_test, COLUMNS));
    }
    NAME(gather_test)(job, areas->held, n_test);
    SCORE(BA_SCORE_R, areas->held, n_test, areas->predicted, n_test, n_test, COLUMNS,
        job->r);
    SCORE(BA_SCORE_R2, areas->held, n_test, areas->predicted, n_test, n_test, COLUMNS,
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
    const refit_t *refit = job->refit;
    size_t n_test = job->plan->data->test_design && job->prepared->problem->fold < 0
                        ? job->plan->test_runs.n_samples
                        : job->prepared->problem->n_test;
    NAME(areas_t) areas;

    NAME(lay_out)(job, scratch, &areas);
    if (!refit->by_alpha) {
        NAME(filtered_products)(job, &areas);
    }
    if (n_test > 0) {
        NAME(score_test)(job, &areas, n_test);
    }
    if (job->weights) {
        size_t p = refit->n_columns;

        GEMM(1, BA_KEEP, NAME(cview)(refit->back, p, refit->rank), BA_KEEP,
            NAME(cview)(areas.all, refit->rank, COLUMNS), 0,
            NAME(view)(areas.weights, p, COLUMNS));
        for (size_t i = 0; i < p * COLUMNS; i++) {
            job->weights[i] = (double) areas.weights[i];
        }
    }
}

#undef COLUMNS
