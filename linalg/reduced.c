/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first stage of a two-stage tridiagonal reduction (Bischof, Lang & Sun 2000), which
 * is stopped there.
 *
 * For columns j .. j + w the part below the band, P = A[j + w .., j .. j + w], becomes
 * triangular by reflections, P = H R with H = I - V T V' (Schreiber & Van Loan 1989). What
 * stands to its right and below changes to
 *
 *     H'AH = A - V W' - W V',   W = X - V S / 2,   X = A V T,   S = T'V'X,
 *
 * of which the lower triangle is kept, in blocks on a fixed grid, those on the diagonal
 * whole. Q = H_1 H_2 ... is multiplied out from the last one, over the columns that are
 * not yet those of the unit matrix. */
#include "linalg/reduced.h"

#include "core/alloc.h"

#include <string.h>

/* Rows and columns of the blocks that threads make: a multiple of every width. */
#define BLOCK 256

/* Below so many rows a narrower band is cheaper: solving costs n width a shift and
 * column, and the reduction itself gains less from wide products. */
#define SMALL 512
#define LARGE 1536

typedef struct {
    ba_dmat_t a, q;
    size_t n, width;
    double *v;      /* n x width: V of the panel at hand, unit lower trapezoidal */
    double *x;      /* n x width */
    double *both;   /* n x 2 width: [V, W] */
    double *turned; /* n x 2 width: [W, V] */
    double *t;      /* width x width for every panel */
    double *s;      /* 2 width x width */
    double *part;   /* 2 width x n: for blocks of columns of Q */
} work_t;

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t
ba_reduced_width(size_t n)
{
    return n < SMALL ? 16 : n < LARGE ? 32 : 64;
}

static size_t
n_blocks(size_t n, size_t width)
{
    return (n + width - 1) / width;
}

static int
work_make(ba_dmat_t a, ba_dmat_t q, work_t *work)
{
    int status = BA_OK;
    size_t n = a.n_rows, w = ba_reduced_width(n);

    *work = (work_t){.a = a, .q = q, .n = n, .width = w};
    BA_TRY_ALLOC(work->v, ba_malloc(n, w * sizeof(double)));
    BA_TRY_ALLOC(work->x, ba_malloc(n, w * sizeof(double)));
    BA_TRY_ALLOC(work->both, ba_malloc(n, 2 * w * sizeof(double)));
    BA_TRY_ALLOC(work->turned, ba_malloc(n, 2 * w * sizeof(double)));
    BA_TRY_ALLOC(work->t, ba_calloc(n_blocks(n, w), w * w * sizeof(double)));
    BA_TRY_ALLOC(work->s, ba_malloc(2 * w, w * sizeof(double)));
    BA_TRY_ALLOC(work->part, ba_malloc(2 * w, n * sizeof(double)));
out:
    return status;
}

static void
work_free(work_t *work)
{
    ba_free(work->v);
    ba_free(work->x);
    ba_free(work->both);
    ba_free(work->turned);
    ba_free(work->t);
    ba_free(work->s);
    ba_free(work->part);
}

/* ---- one panel ---- */

/* V of the panel that ends at row r, from below its band: (n - r) x k. */
static ba_cdmat_t
copy_vectors(const work_t *work, size_t r)
{
    size_t m = work->n - r, k = min_size(m, work->width);
    const double *from = work->a.data + r + (r - work->width) * work->a.ld;

    for (size_t j = 0; j < k; j++) {
        double *to = work->v + j * m;

        memset(to, 0, j * sizeof *to);
        to[j] = 1.0;
        memcpy(to + j + 1, from + j + 1 + j * work->a.ld, (m - j - 1) * sizeof *to);
    }
    return ba_cdmat(work->v, m, k, m);
}

/* X = A V over rows and columns r .. of A, a block of rows a thread: what stands left of
 * its end, and by symmetry what stands below it. */
static void
multiply_trailing(const ba_ctx_t *ctx, const work_t *work, size_t r, ba_cdmat_t v)
{
    size_t n = work->n, m = v.n_rows, k = v.n_cols, ld = work->a.ld;

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t b = r / BLOCK; b < n_blocks(n, BLOCK); b++) {
        size_t i0 = b * BLOCK < r ? r : b * BLOCK, i1 = min_size((b + 1) * BLOCK, n);
        ba_dmat_t to = ba_dmat(work->x + (i0 - r), i1 - i0, k, m);

        ba_gemm_f64(1.0, BA_KEEP,
            ba_cdmat(work->a.data + i0 + r * ld, i1 - i0, i1 - r, ld), BA_KEEP,
            ba_cdmat(v.data, i1 - r, k, m), 0.0, to);
        ba_gemm_f64(1.0, BA_TRANSPOSE,
            ba_cdmat(work->a.data + i1 + i0 * ld, n - i1, i1 - i0, ld), BA_KEEP,
            ba_cdmat(v.data + (i1 - r), n - i1, k, m), 1.0, to);
    }
}

/* [V, W] and [W, V] from V and X = A V. */
static void
make_update(const work_t *work, ba_cdmat_t v, ba_cdmat_t t)
{
    size_t m = v.n_rows, k = v.n_cols;
    double *w = work->both + m * k;
    ba_dmat_t inner = ba_dmat(work->s, k, k, k), s = ba_dmat(work->s + k * k, k, k, k);
    ba_dmat_t update = ba_dmat(w, m, k, m);

    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(work->x, m, k, m), BA_KEEP, t, 0.0, update);
    ba_gemm_f64(1.0, BA_TRANSPOSE, v, BA_KEEP, ba_dmat_const(update), 0.0, inner);
    ba_gemm_f64(1.0, BA_TRANSPOSE, t, BA_KEEP, ba_dmat_const(inner), 0.0, s);
    ba_gemm_f64(-0.5, BA_KEEP, v, BA_KEEP, ba_dmat_const(s), 1.0, update);
    memcpy(work->both, v.data, m * k * sizeof *w);
    memcpy(work->turned, w, m * k * sizeof *w);
    memcpy(work->turned + m * k, v.data, m * k * sizeof *w);
}

/* A -= V W' + W V' on and below the blocks of the diagonal. */
static void
update_trailing(const ba_ctx_t *ctx, const work_t *work, size_t r, size_t k)
{
    size_t n = work->n, m = n - r, ld = work->a.ld;

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t b = r / BLOCK; b < n_blocks(n, BLOCK); b++) {
        size_t j0 = b * BLOCK < r ? r : b * BLOCK, j1 = min_size((b + 1) * BLOCK, n);

        ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(work->both + (j0 - r), n - j0, 2 * k, m),
            BA_TRANSPOSE, ba_cdmat(work->turned + (j0 - r), j1 - j0, 2 * k, m), 1.0,
            ba_dmat(work->a.data + j0 + j0 * ld, n - j0, j1 - j0, ld));
    }
}

static ba_dmat_t
panel_t(const work_t *work, size_t r)
{
    size_t w = work->width, k = min_size(work->n - r, w);

    return ba_dmat(work->t + (r / w - 1) * w * w, k, k, w);
}

static int
reduce_panel(const ba_ctx_t *ctx, const work_t *work, size_t r)
{
    int status = BA_OK;
    size_t w = work->width, n = work->n, ld = work->a.ld;
    ba_dmat_t t = panel_t(work, r);
    ba_cdmat_t v;

    BA_TRY(ba_ctx_check(ctx));
    BA_TRY(ba_qr_compact(ba_dmat(work->a.data + r + (r - w) * ld, n - r, w, ld), t));
    v = copy_vectors(work, r);
    multiply_trailing(ctx, work, r, v);
    make_update(work, v, ba_dmat_const(t));
    update_trailing(ctx, work, r, v.n_cols);
out:
    return status;
}

/* ---- Q ---- */

/* Rows r .. of Q, columns j0 .. j1, times H from the left. */
static void
apply_panel(const work_t *work, ba_cdmat_t v, size_t r, size_t j0, size_t j1)
{
    size_t k = v.n_cols, w = work->width, width = j1 - j0;
    ba_dmat_t q =
        ba_dmat(work->q.data + r + j0 * work->q.ld, v.n_rows, width, work->q.ld);
    ba_dmat_t first = ba_dmat(work->part + 2 * w * j0, k, width, w);
    ba_dmat_t second = ba_dmat(work->part + 2 * w * j0 + w * width, k, width, w);

    ba_gemm_f64(1.0, BA_TRANSPOSE, v, BA_KEEP, ba_dmat_const(q), 0.0, first);
    ba_gemm_f64(1.0, BA_KEEP, ba_dmat_const(panel_t(work, r)), BA_KEEP,
        ba_dmat_const(first), 0.0, second);
    ba_gemm_f64(-1.0, BA_KEEP, v, BA_KEEP, ba_dmat_const(second), 1.0, q);
}

static int
make_q(const ba_ctx_t *ctx, const work_t *work)
{
    int status = BA_OK;
    size_t n = work->n, w = work->width;

    for (size_t j = 0; j < n; j++) {
        memset(work->q.data + j * work->q.ld, 0, n * sizeof *work->q.data);
        work->q.data[j + j * work->q.ld] = 1.0;
    }
    for (size_t p = n_blocks(n, w); p-- > 1;) {
        size_t r = p * w;
        ba_cdmat_t v = copy_vectors(work, r);

        BA_TRY(ba_ctx_check(ctx));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
        for (size_t b = r / BLOCK; b < n_blocks(n, BLOCK); b++) {
            size_t j0 = b * BLOCK < r ? r : b * BLOCK, j1 = min_size((b + 1) * BLOCK, n);

            apply_panel(work, v, r, j0, j1);
        }
    }
out:
    return status;
}

/* ---- the whole ---- */

static int
take_band(const work_t *work, ba_reduced_t *out)
{
    int status = BA_OK;
    size_t n = work->n, w = work->width, blocks = n_blocks(n, w);

    out->n = n;
    out->width = w;
    BA_TRY_ALLOC(out->diagonal, ba_calloc(blocks, w * w * sizeof *out->diagonal));
    BA_TRY_ALLOC(out->below, ba_calloc(blocks, w * w * sizeof *out->below));
    for (size_t j = 0; j < n; j++) {
        const double *column = work->a.data + j * work->a.ld;
        size_t b = j / w, end = min_size((b + 1) * w, n), c = j % w;
        double *low = out->below + b * w * w + c * w;

        memcpy(out->diagonal + b * w * w + c + c * w, column + j,
            (end - j) * sizeof *column);
        if (end < n) {
            memcpy(low, column + end, min_size(c + 1, n - end) * sizeof *column);
        }
    }
out:
    return status;
}

int
ba_reduce_symmetric(const ba_ctx_t *ctx, ba_dmat_t a, ba_dmat_t q, ba_reduced_t *out)
{
    int status = BA_OK;
    work_t work = {0};

    *out = (ba_reduced_t){0};
    BA_TRY(work_make(a, q, &work));
    for (size_t j = 0; j < work.n; j += BLOCK) { /* the grid's blocks on the diagonal */
        size_t end = min_size(j + BLOCK, work.n);

        for (size_t c = j; c < end; c++) {
            for (size_t i = c + 1; i < end; i++) {
                a.data[c + i * a.ld] = a.data[i + c * a.ld];
            }
        }
    }
    for (size_t r = work.width; r < work.n; r += work.width) {
        BA_TRY(reduce_panel(ctx, &work, r));
    }
    BA_TRY(take_band(&work, out));
    BA_TRY(make_q(ctx, &work));
out:
    work_free(&work);
    return status;
}

void
ba_reduced_free(ba_reduced_t *reduced)
{
    ba_free(reduced->diagonal);
    ba_free(reduced->below);
    *reduced = (ba_reduced_t){0};
}

/* ---- solving ---- */

/* A factor holds the inverses of the triangles on the diagonal, then what stands below
 * them. */
size_t
ba_reduced_factor_size(const ba_reduced_t *reduced)
{
    return 2 * n_blocks(reduced->n, reduced->width) * reduced->width * reduced->width;
}

static size_t
rows_of(const ba_reduced_t *reduced, size_t block)
{
    return min_size(reduced->width, reduced->n - block * reduced->width);
}

/* Blocks of the factor: on the diagonal, and below it. */
static ba_dmat_t
triangle(const ba_reduced_t *reduced, double *factor, size_t block)
{
    size_t w = reduced->width, h = rows_of(reduced, block);

    return ba_dmat(factor + block * w * w, h, h, w);
}

static ba_dmat_t
low_block(const ba_reduced_t *reduced, double *factor, size_t block)
{
    size_t w = reduced->width, blocks = n_blocks(reduced->n, w);

    return ba_dmat(factor + (blocks + block) * w * w, rows_of(reduced, block + 1), w, w);
}

int
ba_reduced_factor(const ba_reduced_t *reduced, double alpha, double *factor)
{
    int status = BA_OK;
    size_t w = reduced->width, blocks = n_blocks(reduced->n, w);

    memcpy(factor, reduced->diagonal, blocks * w * w * sizeof *factor);
    memcpy(factor + blocks * w * w, reduced->below, blocks * w * w * sizeof *factor);
    for (size_t b = 0; b < blocks; b++) {
        ba_dmat_t own = triangle(reduced, factor, b);

        for (size_t i = 0; i < own.n_rows; i++) {
            own.data[i + i * w] += alpha;
        }
        if (b > 0) {
            ba_syrk_f64(-1.0, BA_KEEP, ba_dmat_const(low_block(reduced, factor, b - 1)),
                1.0, own);
        }
        BA_TRY(ba_cholesky(own));
        ba_triangle_invert(own);
        if (b + 1 < blocks) {
            ba_trmm_lower_f64(BA_RIGHT, BA_TRANSPOSE, 1.0, ba_dmat_const(own),
                low_block(reduced, factor, b));
        }
    }
out:
    return status;
}

static ba_dmat_t
rows_at(const ba_reduced_t *reduced, ba_dmat_t b, size_t block)
{
    return ba_dmat(
        b.data + block * reduced->width, rows_of(reduced, block), b.n_cols, b.ld);
}

/* The views of a factor that is only read. */
static ba_cdmat_t
const_block(const ba_reduced_t *reduced, const double *factor, size_t block, int is_low)
{
    size_t w = reduced->width, blocks = n_blocks(reduced->n, w);
    size_t at = is_low ? blocks + block : block,
           rows = rows_of(reduced, block + !!is_low);

    return ba_cdmat(factor + at * w * w, rows, is_low ? w : rows, w);
}

void
ba_reduced_solve_lower(const ba_reduced_t *reduced, const double *factor, ba_dmat_t b)
{
    for (size_t i = 0; i < n_blocks(reduced->n, reduced->width); i++) {
        ba_dmat_t own = rows_at(reduced, b, i);

        if (i > 0) {
            ba_gemm_f64(-1.0, BA_KEEP, const_block(reduced, factor, i - 1, 1), BA_KEEP,
                ba_dmat_const(rows_at(reduced, b, i - 1)), 1.0, own);
        }
        ba_trmm_lower_f64(BA_LEFT, BA_KEEP, 1.0, const_block(reduced, factor, i, 0), own);
    }
}

void
ba_reduced_solve(const ba_reduced_t *reduced, const double *factor, ba_dmat_t b)
{
    size_t blocks = n_blocks(reduced->n, reduced->width);

    ba_reduced_solve_lower(reduced, factor, b);
    for (size_t i = blocks; i-- > 0;) {
        ba_dmat_t own = rows_at(reduced, b, i);

        if (i + 1 < blocks) {
            ba_gemm_f64(-1.0, BA_TRANSPOSE, const_block(reduced, factor, i, 1), BA_KEEP,
                ba_dmat_const(rows_at(reduced, b, i + 1)), 1.0, own);
        }
        ba_trmm_lower_f64(
            BA_LEFT, BA_TRANSPOSE, 1.0, const_block(reduced, factor, i, 0), own);
    }
}
