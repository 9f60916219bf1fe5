/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens to one tile of targets, written once and compiled for float and for
 * double. The including file defines REAL (float or double), MATRIX and CMATRIX (its view
 * types), GEMM, QUADRATIC, SCORE, SCORE_REST, SCORE_PROJECTED, SQUARES, SPLIT, and NAME(x),
 * which is x with the precision's suffix. This part: views, scaling, scratch, and what primal problems need
 * of their targets; tile_select.h, tile_refit.h and tile_bands.h go on.
 *
 * Nothing here allocates, fails or depends on another tile. */

/* Columns that an area has room for, and those of the tile at hand, which areas hold without
 * gaps. */
#define COLUMNS ((size_t) BA_TILE)
#define ACTIVE (job->tile.n_columns)

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

/* A number of column j of the base tile, scaled in float64. */
static inline double
NAME(scaled)(
    const tile_job_t *job, size_t row, size_t j, double mean, double inverse_scale)
{
    const REAL *base = job->tile.base;

    return ((double) base[row + j * job->plan->n_used] - mean) * inverse_scale;
}

/* Rows of a base tile, scaled: dst[i] = (base[rows[i]] - mean) / scale. */
static void
NAME(gather)(const tile_job_t *job, const size_t *rows, size_t n, const double *mean,
    const double *scale, REAL *dst)
{
    for (size_t j = 0; j < job->tile.n_columns; j++) {
        double inverse = 1.0 / scale[j];

        for (size_t i = 0; i < n; i++) {
            dst[i + j * n] = (REAL) NAME(scaled)(job, rows[i], j, mean[j], inverse);
        }
    }
}

/* Mean (0 unless centring) and scale of every column over some rows; marks what
 * is constant there. */
static void
NAME(find_scale)(const tile_job_t *job, const size_t *rows, size_t n, int centre,
    int32_t *constant, double *mean, double *scale, double *column)
{
    const REAL *base = job->tile.base;

    for (size_t j = 0; j < job->tile.n_columns; j++) {
        double middle, deviation;

        for (size_t i = 0; i < n; i++) {
            column[i] = (double) base[rows[i] + j * job->plan->n_used];
        }
        constant[j] = !ba_mean_and_scale(column, n, &middle, &deviation);
        mean[j] = centre ? middle : 0.0;
        scale[j] = job->plan->scale_targets == BA_SCALE_ZSCORE ? deviation : 1.0;
    }
}

void
NAME(ba_tile_scale)(const tile_job_t *job, void *scratch)
{
    const problem_t *problem = job->prepared->problem;

    NAME(find_scale)
    (job, problem->train, problem->n_train, job->plan->centre_targets, job->constant,
        job->mean, job->scale, (double *) scratch);
}

/* Blocks whose products a tile keeps at a time; those beyond are made again when their
 * split comes. */
#define KEPT_BLOCKS 16

/* One block's part of a tile. */
typedef struct {
    REAL *products;        /* n_products x COLUMNS: its [Q, 1]'Y */
    REAL *projected;       /* n_basis x COLUMNS: basis'Y, where the basis is its own */
    double *square, *rest; /* COLUMNS each, there: see ba_score_rest() */
} NAME(part_t);

/* Reduced kernels, in float64: n_train x COLUMNS each, the last largest validation or test
 * part x COLUMNS. */
typedef struct {
    double *projected, *solved, *residuals, *errors;
} NAME(wide_t);

/* The areas of the scratch: every one large enough for all splits of the problem. */
typedef struct {
    double *column;  /* n_used float64 */
    REAL *gathered;  /* n_used x COLUMNS */
    REAL *rhs;       /* largest right-hand side x COLUMNS, or the room of forms */
    REAL *all;       /* rank or products x COLUMNS */
    REAL *held;      /* largest validation or test part x COLUMNS */
    REAL *predicted; /* the same, or coordinates */
    REAL *weights;   /* n_columns x COLUMNS, only where weights are wanted */
    REAL *spaces;    /* bands: test part x COLUMNS for every space */
    NAME(wide_t) wide;
    NAME(part_t) part[KEPT_BLOCKS + 1];
} NAME(areas_t);

static size_t
NAME(largest)(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t
NAME(largest_rhs)(const operators_t *operators)
{
    size_t largest = 1;

    for (size_t k = 0; operators && k < operators->n_holdouts; k++) {
        largest = NAME(largest)(largest, operators->holdouts[k].n_rhs);
    }
    return largest;
}

static size_t
NAME(largest_held)(const tile_job_t *job)
{
    const problem_t *problem = job->prepared->problem;
    size_t largest = NAME(largest)(job->plan->test_runs.n_samples, problem->n_test);

    for (size_t k = 0; k < problem->n_inner; k++) {
        largest = NAME(largest)(largest, problem->inner[k].n_validate);
    }
    return NAME(largest)(largest, job->prepared->products.n_products);
}

/* Where block b is kept: the last place is for all that have none of their own. */
static size_t
NAME(place)(size_t b)
{
    return b < KEPT_BLOCKS ? b : KEPT_BLOCKS;
}

static int
NAME(has_bases)(const products_t *products)
{
    int has = 0;

    for (size_t b = 0; b < products->n_blocks; b++) {
        has |= products->blocks[b].mix != NULL;
    }
    return has;
}

static int
NAME(has_weights)(const tile_job_t *job)
{
    return (job->refit && job->refit->back) || (job->bands && job->bands->want_weights);
}

/* Lays the areas out in a block of memory (NULL: only counts) and returns its size. */
static size_t
NAME(lay_out)(const tile_job_t *job, char *block, NAME(areas_t) * areas)
{
    const products_t *products = &job->prepared->products;
    const operators_t *by_alpha = job->refit ? job->refit->by_alpha : NULL;
    size_t rank = job->refit ? job->refit->rank : 0, m = products->n_products;
    size_t rhs = NAME(largest)(
        NAME(largest)(NAME(largest_rhs)(job->operators), NAME(largest_rhs)(by_alpha)), m);
    size_t all = job->prepared->shifts
                     ? job->prepared->problem->n_train * COLUMNS * sizeof(double)
                     : 0;
    size_t n = job->plan->n_used + 1, held = NAME(largest_held)(job), used = 0;
    size_t real = COLUMNS * sizeof(REAL), room = rhs * real;

    if (job->operators && job->operators->pooled) {
        room =
            NAME(largest)(room, QUADRATIC_ROOM(job->prepared->problem->n_train, COLUMNS));
    }
#define AREA(type, field, n_bytes)                                                       \
    areas->field = block ? (type *) (void *) (block + used) : NULL;                      \
    used += ((n_bytes) + 63) / 64 * 64
    AREA(double, column, n * sizeof(double));
    AREA(REAL, gathered, n * real);
    AREA(REAL, rhs, room);
    AREA(REAL, all, NAME(largest)(rank, m) * real);
    AREA(REAL, held, (held + 1) * real);
    AREA(REAL, predicted, (held + 1) * real);
    AREA(REAL, weights, NAME(has_weights)(job) ? job->plan->n_columns * real : 0);
    AREA(REAL, spaces,
        job->bands && job->bands->apply ? job->bands->spaces->n_spaces * held * real : 0);
    AREA(double, wide.projected, all);
    AREA(double, wide.solved, all);
    AREA(double, wide.residuals, all);
    AREA(double, wide.errors, all > 0 ? held * COLUMNS * sizeof(double) : 0);
    for (size_t b = 0; b < products->n_blocks && b <= KEPT_BLOCKS; b++) {
        AREA(REAL, part[b].products, m * real);
        AREA(REAL, part[b].projected, NAME(has_bases)(products) ? m * real : 0);
        AREA(double, part[b].square, COLUMNS * sizeof(double));
        AREA(double, part[b].rest, COLUMNS * sizeof(double));
    }
#undef AREA
    return used;
}

size_t
NAME(ba_tile_scratch_bytes)(const tile_job_t *job)
{
    NAME(areas_t) areas;

    return NAME(lay_out)(job, NULL, &areas);
}

/* ---- primal problems ---- */

/* Fills a block's part: [Q, 1]'Y of its rows, and their coordinates where it has a basis
 * of its own. */
static void
NAME(make_part)(const tile_job_t *job, const NAME(areas_t) * areas, size_t b)
{
    const products_t *products = &job->prepared->products;
    const block_t *block = &products->blocks[b];
    const NAME(part_t) *part = &areas->part[NAME(place)(b)];
    size_t n = block->n_rows, m = products->n_products;
    REAL *first = block->mix ? part->projected : part->products;

    NAME(gather)(job, block->rows, n, job->mean, job->scale, areas->gathered);
    GEMM(1, BA_TRANSPOSE, NAME(cview)(block->basis, n, block->n_basis), BA_KEEP,
        NAME(cview)(areas->gathered, n, ACTIVE), 0,
        NAME(view)(first, block->n_basis, ACTIVE));
    if (block->mix) {
        SCORE_REST(areas->gathered, n, n, first, m, m, ACTIVE, part->square, part->rest);
        GEMM(1, BA_TRANSPOSE, NAME(cview)(block->mix, m, m), BA_KEEP,
            NAME(cview)(first, m, ACTIVE), 0, NAME(view)(part->products, m, ACTIVE));
    }
}

static void
NAME(add)(const REAL *part, size_t n, REAL *sum)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += part[i];
    }
}

/* [Q, 1]'Y over all training rows, n_products x columns; the first parts are filled as
 * well. */
static const REAL *
NAME(make_total)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    const products_t *products = &job->prepared->products;
    size_t size = products->n_products * ACTIVE;
    REAL *total = job->total ? job->total : areas->all;

    memset(total, 0, size * sizeof(REAL));
    for (size_t b = 0; b < products->n_blocks; b++) {
        NAME(make_part)(job, areas, b);
        NAME(add)(areas->part[NAME(place)(b)].products, size, total);
    }
    return total;
}

/* The same, as an earlier stage left it or made now. */
static const REAL *
NAME(total)(const tile_job_t *job, const NAME(areas_t) * areas)
{
    return job->has_total ? job->total : NAME(make_total)(job, areas);
}

/* Adds one fold's scores to the means in the making: the mean over folds where they are
 * defined. */
static void
NAME(add_scores)(
    const tile_job_t *job, const double *fold_scores, double *sums, int32_t *counts)
{
    for (size_t j = 0; j < ACTIVE; j++) {
        if (isfinite(fold_scores[j])) {
            sums[j] += fold_scores[j];
            counts[j]++;
        }
    }
}

#include "fit/tile_reduced.h"

#include "fit/tile_refit.h"
#include "fit/tile_select.h"

#include "fit/tile_bands.h"

#undef KEPT_BLOCKS
#undef ACTIVE
#undef COLUMNS
