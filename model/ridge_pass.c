/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How good the Gram matrix is. Rounding leaves K + E instead of K; a ridge solution (K +
 * alpha)^-1 y moves by at most |E| / (lambda_min + alpha) of itself. |E| is measured: for
 * a vector u of n random signs |E u|^2 has the expectation |E|_F^2, which is at least
 * |E|^2 and, where errors are independent, n / 4 times it (the semicircle law). Four
 * times the latter is taken, which no guess from the sizes of numbers could: columns
 * whose errors do not average out (many equal ones) show. K u itself is a product with
 * every panel from the left and the right, in float64. */
#include "model/ridge_pass.h"

#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/amx.h"
#include "linalg/blas.h"
#include "linalg/gram.h"
#include "model/clones.h"
#include "model/ridge_impl.h"
#include "model/scale.h"

#include <math.h>

/* Columns read at a time: looking up the samples of a group is paid once. */
#define GROUP 16

/* Most that a solution may move, as a share of itself. */
#define TOLERANCE 1e-4

/* Columns for each row from where on the matrix unit is tried first: with fewer the lowest
 * eigenvalues are hardly ever large beside its errors. */
#define TILES_COLUMNS 12

/* Keys the random signs. */
#define STREAM UINT64_C(0x7369676e73)

typedef struct {
    const ba_ridge_pass_t *pass;
    ba_gram_kind_t kind;
    ba_ridge_factor_t *factor;
    size_t n, n_all;
    float *panel;   /* n_all x BA_GRAM_WIDTH */
    double *column; /* n_all x GROUP a thread */
    double *gram;   /* n_all x n_all */
    double *sign;   /* n: u */
    double *image;  /* n: K u */
    double *along;  /* BA_GRAM_WIDTH: a panel's columns times u */
    void *room;
} work_t;

/* ---- columns ---- */

BA_CLONES static double
sum_of(const double *x, size_t n)
{
    double sum[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sum[j] += x[i + j];
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sum[j] += x[i + j];
    }
    return ba_lanes_sum(sum);
}

BA_CLONES static void
narrow(const double *x, size_t n, double mean, double factor, double center, float *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (float) ((x[i] - mean) * factor - center);
    }
}

BA_CLONES static double
dot(const float *x, const double *sign, size_t n)
{
    double sum[4][BA_LANES] = {{0}};
    size_t i = 0;

    for (; i + 4 * BA_LANES <= n; i += 4 * BA_LANES) {
        for (size_t k = 0; k < 4; k++) {
            for (size_t j = 0; j < BA_LANES; j++) {
                size_t at = i + k * BA_LANES + j;

                sum[k][j] += (double) x[at] * sign[at];
            }
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sum[j / BA_LANES][j % BA_LANES] += (double) x[i + j] * sign[i + j];
    }
    return (ba_lanes_sum(sum[0]) + ba_lanes_sum(sum[1])) +
           (ba_lanes_sum(sum[2]) + ba_lanes_sum(sum[3]));
}

/* sum += x factors, four columns with leading dimension ld at a time. */
BA_CLONES static void
add_columns(const float *x, const double *factors, size_t n, size_t n_cols, size_t ld,
    double *sum)
{
    size_t j = 0;

    for (; j + 4 <= n_cols; j += 4) {
        const float *a = x + j * ld, *b = a + ld, *c = b + ld, *d = c + ld;
        const double *f = factors + j;

        for (size_t i = 0; i < n; i++) {
            sum[i] += (f[0] * (double) a[i] + f[1] * (double) b[i]) +
                      (f[2] * (double) c[i] + f[3] * (double) d[i]);
        }
    }
    for (; j < n_cols; j++) {
        for (size_t i = 0; i < n; i++) {
            sum[i] += factors[j] * (double) x[i + j * ld];
        }
    }
}

static void
make_column(const work_t *work, const double *x, size_t j, float *to)
{
    const ba_ridge_pass_t *pass = work->pass;
    double mean = 0.0, scale = 1.0, center = 0.0;

    if (pass->mean) {
        ba_mean_and_scale(x, work->n, &mean, &scale);
        scale = pass->is_centred ? 1.0 : scale;
        pass->mean[j] = mean;
        pass->scale[j] = scale;
    }
    if (work->factor->center) {
        center = pass->mean ? 0.0 : sum_of(x, work->n) / (double) work->n;
        work->factor->center[j] = center;
    }
    narrow(x, work->n_all, mean, 1.0 / scale, center, to);
}

/* Columns j0 .. of the panel that starts at `first`. */
static void
make_group(const work_t *work, size_t first, size_t j0, size_t n_cols, double *x)
{
    const ba_ridge_pass_t *pass = work->pass;
    size_t n = work->n_all;

    ba_design_read(pass->design, pass->rows, n, first + j0, n_cols, x, n);
    for (size_t j = 0; j < n_cols; j++) {
        float *to = work->panel + (j0 + j) * n;

        make_column(work, x + j * n, first + j0 + j, to);
        work->along[j0 + j] = dot(to, work->sign, work->n);
    }
}

static void
make_panel(const ba_ctx_t *ctx, const work_t *work, size_t first, size_t width)
{
    size_t n_threads = (size_t) ba_ctx_threads(ctx);
    size_t n_groups = (width + GROUP - 1) / GROUP;

#pragma omp parallel for schedule(static) num_threads((int) n_threads)
    for (size_t t = 0; t < n_threads; t++) {
        for (size_t g = t; g < n_groups; g += n_threads) {
            size_t j0 = g * GROUP, n_cols = width - j0 < GROUP ? width - j0 : GROUP;

            make_group(work, first, j0, n_cols, work->column + t * GROUP * work->n_all);
        }
    }
}

/* ---- the pass ---- */

static int
work_make(const ba_ctx_t *ctx, const ba_ridge_pass_t *pass, work_t *work)
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;
    size_t n = pass->n_rows, n_all = n + pass->n_other;

    work->pass = pass;
    work->n = n;
    work->n_all = n_all;
    BA_TRY_ALLOC(work->panel, ba_malloc(n_all, BA_GRAM_WIDTH * sizeof *work->panel));
    BA_TRY_ALLOC(work->column,
        ba_malloc(n_all, (size_t) ba_ctx_threads(ctx) * GROUP * sizeof(double)));
    BA_TRY_ALLOC(work->gram, ba_calloc(n_all, n_all * sizeof *work->gram));
    BA_TRY_ALLOC(work->sign, ba_malloc(n, sizeof *work->sign));
    BA_TRY_ALLOC(work->image, ba_calloc(n, sizeof *work->image));
    BA_TRY_ALLOC(work->along, ba_malloc(BA_GRAM_WIDTH, sizeof *work->along));
    BA_TRY_ALLOC(work->room, ba_malloc(1, ba_gram_room(n_all)));
    BA_TRY_ALLOC(rng, ba_rng_new(0, STREAM));
    for (size_t i = 0; i < n; i++) {
        work->sign[i] = ba_rng_below(rng, 2) == 0 ? -1.0 : 1.0;
    }
out:
    ba_rng_free(rng);
    return status;
}

static void
work_free(work_t *work)
{
    ba_ridge_factor_free(work->factor);
    ba_free(work->panel);
    ba_free(work->column);
    ba_free(work->gram);
    ba_free(work->sign);
    ba_free(work->image);
    ba_free(work->along);
    ba_free(work->room);
}

static int
read_columns(const ba_ctx_t *ctx, work_t *work)
{
    int status = BA_OK;
    size_t p = work->factor->p;

    for (size_t first = 0; first < p; first += BA_GRAM_WIDTH) {
        size_t width = p - first < BA_GRAM_WIDTH ? p - first : BA_GRAM_WIDTH;

        BA_TRY(ba_ctx_check(ctx));
        make_panel(ctx, work, first, width);
        ba_gram_add(ctx, work->kind, work->panel, work->n_all, width, work->n, work->room,
            work->gram);
        add_columns(work->panel, work->along, work->n, width, work->n_all, work->image);
    }
out:
    return status;
}

/* An upper estimate of |E|. */
static double
find_error(const work_t *work)
{
    double squares = 0.0;
    size_t n = work->n, ld = work->n_all;

    for (size_t j = 0; j < n; j++) {
        const double *column = work->gram + j * ld;
        double sum = 0.0;

        for (size_t i = j + 1; i < n; i++) {
            sum += column[i] * work->sign[i];
            work->image[i] -= column[i] * work->sign[j];
        }
        work->image[j] -= sum + column[j] * work->sign[j];
    }
    for (size_t i = 0; i < n; i++) {
        squares += work->image[i] * work->image[i];
    }
    return sqrt(squares) * fmin(1.0, 8.0 / sqrt((double) n));
}

/* The least diagonal number of the Gram matrix, at most which its least eigenvalue is. */
static double
least_square(const work_t *work)
{
    double least = INFINITY;

    for (size_t i = 0; i < work->n; i++) {
        least = fmin(least, work->gram[i + i * work->n_all]);
    }
    return least;
}

/* The training block into the factor, whole, and the products of the other rows. */
static int
take_gram(const work_t *work)
{
    int status = BA_OK;
    ba_ridge_factor_t *factor = work->factor;
    size_t n = work->n, m = work->pass->n_other, ld = work->n_all;

    BA_TRY_ALLOC(factor->vectors, ba_malloc(n, n * sizeof *factor->vectors));
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j; i < n; i++) {
            factor->vectors[i + j * n] = factor->vectors[j + i * n] =
                work->gram[i + j * ld];
        }
    }
    if (m == 0) {
        goto out;
    }
    factor->known_rows = work->pass->rows + n;
    BA_TRY_ALLOC(factor->known, ba_malloc(m, n * sizeof *factor->known));
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < m; i++) {
            factor->known[i + j * m] = work->gram[n + i + j * ld];
        }
    }
out:
    return status;
}

/* The constant direction has the mean eigenvalue, and is the lowest only where all are
 * about the same. */
static double
lowest(const ba_ridge_factor_t *factor)
{
    double least = INFINITY;

    for (size_t i = 0; i < factor->rank; i++) {
        least = fmin(least, factor->lambda[i]);
    }
    return least;
}

/* Whether rounding stays out of sight. */
static int
is_good(const work_t *work, double error, int *good)
{
    double alpha = work->pass->smallest_alpha, bound = error / TOLERANCE;

    if (ba_ridge_factor_band(work->factor)) {
        return ba_ridge_reduced_is_above(work->factor, bound, alpha, good);
    }
    *good = bound <= lowest(work->factor) + alpha;
    return BA_OK;
}

static int
try_pass(const ba_ctx_t *ctx, const ba_ridge_pass_t *pass, ba_gram_kind_t kind,
    ba_ridge_factor_t **out)
{
    int status = BA_OK;
    work_t work = {.kind = kind};
    ba_ridge_factor_t *factor = NULL;
    double error;
    int good;

    BA_TRY_ALLOC(factor, ba_calloc(1, sizeof *factor));
    work.factor = factor;
    factor->training =
        (ba_training_t){pass->design, pass->rows, pass->n_rows, pass->mean, pass->scale};
    factor->n = pass->n_rows;
    factor->p = ba_design_n_columns(pass->design);
    factor->intercept = pass->intercept;
    factor->solver = BA_SOLVER_DUAL;
    BA_TRY(ba_blas_check(pass->n_rows + pass->n_other));
    if (pass->intercept == BA_INTERCEPT_YES) {
        BA_TRY_ALLOC(factor->center, ba_malloc(factor->p, sizeof *factor->center));
    }
    BA_TRY(work_make(ctx, pass, &work));
    BA_TRY(read_columns(ctx, &work));
    error = find_error(&work);
    if (!(error <= TOLERANCE * (least_square(&work) + pass->smallest_alpha))) {
        goto out; /* no eigenvalue is above the least square: no need to find them */
    }
    BA_TRY(take_gram(&work));
    ba_free(work.gram);
    work.gram = NULL;
    BA_TRY(ba_ridge_finish_dual(ctx, pass->reducing, factor));
    BA_TRY(is_good(&work, error, &good));
    if (good) {
        *out = factor;
        work.factor = NULL;
    }
out:
    work_free(&work);
    return status;
}

int
ba_ridge_factor_pass(
    const ba_ctx_t *ctx, const ba_ridge_pass_t *pass, ba_ridge_factor_t **out)
{
    int status = BA_OK;

    *out = NULL;
    ba_blas_single_thread();
    if (ba_design_n_columns(pass->design) >= TILES_COLUMNS * pass->n_rows &&
        ba_amx_is_usable()) {
        BA_TRY(try_pass(ctx, pass, BA_GRAM_TILES, out));
    }
    if (!*out) {
        BA_TRY(try_pass(ctx, pass, BA_GRAM_PLAIN, out));
    }
out:
    return status;
}
