/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nonnegative matrix factorisation by multiplicative updates (Lee and Seung 2001):
 *   w *= x h' / (w h h'),   h *= w' x / (w' w h),
 * and half the squared error |x - wh|^2 = |x|^2 - 2 <w'x, h> + <w'w, hh'>, whose parts the
 * updates make anyway. */
#include "brainalign/cluster.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

/* What a zero denominator becomes: the epsilon of float32, as scikit-learn has it. */
static const double smallest = 1.1920928955078125e-07;

typedef struct {
    double *xh, *below;      /* n x k or k x p, the larger */
    double *wx;              /* k x p */
    double *gram_w, *gram_h; /* k x k */
} scratch_t;

static int
check(ba_cdmat_t x, size_t rank)
{
    int status = BA_OK;

    if (rank < 1 || x.n_rows < 1 || x.n_cols < 1) {
        return ba_fail(BA_SHAPE, "factors: found %zu of %zu x %zu, wanted at least 1",
            rank, x.n_rows, x.n_cols);
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        for (size_t i = 0; i < x.n_rows; i++) {
            if (!(x.data[i + j * x.ld] >= 0.0) || isinf(x.data[i + j * x.ld])) {
                return ba_fail(BA_VALUE,
                    "factors: row %zu, column %zu is %g, wanted 0 or above", i, j,
                    x.data[i + j * x.ld]);
            }
        }
    }
    BA_TRY(ba_blas_check(x.n_rows));
    BA_TRY(ba_blas_check(x.n_cols));
    BA_TRY(ba_blas_check(rank));
    ba_blas_single_thread();
out:
    return status;
}

static void
scratch_free(scratch_t *scratch)
{
    ba_free(scratch->xh);
    ba_free(scratch->below);
    ba_free(scratch->wx);
    ba_free(scratch->gram_w);
    ba_free(scratch->gram_h);
}

static int
scratch_create(size_t n, size_t p, size_t k, scratch_t *scratch)
{
    int status = BA_OK;

    memset(scratch, 0, sizeof *scratch);
    BA_TRY_ALLOC(scratch->xh, ba_malloc(n, k * sizeof(double)));
    BA_TRY_ALLOC(scratch->below, ba_malloc(n > p ? n : p, k * sizeof(double)));
    BA_TRY_ALLOC(scratch->wx, ba_malloc(p, k * sizeof(double)));
    BA_TRY_ALLOC(scratch->gram_w, ba_malloc(k, k * sizeof(double)));
    BA_TRY_ALLOC(scratch->gram_h, ba_malloc(k, k * sizeof(double)));
out:
    return status;
}

static void
multiply(double *a, const double *above, const double *below, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] *= above[i] / (below[i] == 0.0 ? smallest : below[i]);
    }
}

static double
dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static double
sum_of_squares(ba_cdmat_t x)
{
    double sum = 0.0;

    for (size_t j = 0; j < x.n_cols; j++) {
        sum += dot(x.data + j * x.ld, x.data + j * x.ld, x.n_rows);
    }
    return sum;
}

/* One round; gram_h = h h' before and after. Returns half the squared error. */
static double
update(const ba_ctx_t *ctx, ba_cdmat_t x, double square, size_t k, double *w, double *h,
    scratch_t *s)
{
    size_t n = x.n_rows, p = x.n_cols;
    ba_cdmat_t w_view = ba_cdmat(w, n, k, n), h_view = ba_cdmat(h, k, p, k);
    ba_dmat_t below_w = ba_dmat(s->below, n, k, n), below_h = ba_dmat(s->below, k, p, k);

    ba_gemm_tiled(
        ctx, 1.0, BA_KEEP, x, BA_TRANSPOSE, h_view, 0.0, ba_dmat(s->xh, n, k, n));
    ba_gemm_tiled(
        ctx, 1.0, BA_KEEP, w_view, BA_KEEP, ba_cdmat(s->gram_h, k, k, k), 0.0, below_w);
    multiply(w, s->xh, s->below, n * k);
    ba_gemm_tiled(
        ctx, 1.0, BA_TRANSPOSE, w_view, BA_KEEP, x, 0.0, ba_dmat(s->wx, k, p, k));
    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, w_view, 0.0, ba_dmat(s->gram_w, k, k, k));
    ba_gemm_tiled(
        ctx, 1.0, BA_KEEP, ba_cdmat(s->gram_w, k, k, k), BA_KEEP, h_view, 0.0, below_h);
    multiply(h, s->wx, s->below, k * p);
    ba_syrk_tiled(ctx, 1.0, BA_KEEP, h_view, 0.0, ba_dmat(s->gram_h, k, k, k));
    return fmax(0.0,
        0.5 * (square - 2.0 * dot(s->wx, h, k * p) + dot(s->gram_w, s->gram_h, k * k)));
}

int
ba_nmf_run(const ba_ctx_t *ctx, ba_cdmat_t x, size_t rank, size_t n_rounds,
    double tolerance, double *w, double *h, double *objective, size_t *n_done)
{
    double square, first = 0.0, last = 0.0;
    scratch_t scratch = {0};
    int status = BA_OK;

    *n_done = 0;
    BA_TRY(check(x, rank));
    BA_TRY(scratch_create(x.n_rows, x.n_cols, rank, &scratch));
    square = sum_of_squares(x);
    ba_syrk_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(h, rank, x.n_cols, rank), 0.0,
        ba_dmat(scratch.gram_h, rank, rank, rank));
    for (size_t round = 0; round < n_rounds; round++) {
        double half;

        BA_TRY(ba_ctx_check(ctx));
        half = update(ctx, x, square, rank, w, h, &scratch);
        if (objective) {
            objective[round] = half;
        }
        *n_done = round + 1;
        first = round == 0 ? half : first;
        if (tolerance > 0.0 && round > 0 && last - half < tolerance * first) {
            break;
        }
        last = half;
    }
out:
    scratch_free(&scratch);
    return status;
}

ba_nmf_opts_t
ba_nmf_opts_default(void)
{
    return (ba_nmf_opts_t){.rank = 10, .n_rounds = 200, .tolerance = 1e-5, .n_seeds = 5};
}

void
ba_nmf_free(ba_nmf_t *nmf)
{
    if (nmf) {
        ba_free(nmf->n_rounds);
        ba_free(nmf->w);
        ba_free(nmf->h);
        ba_free(nmf->error);
        ba_free(nmf->stability);
        ba_free(nmf);
    }
}

static int
start(ba_cdmat_t x, size_t k, uint64_t seed, uint64_t stream, double *w, double *h)
{
    double mean = 0.0, scale;
    ba_rng_t *rng = ba_rng_new(seed, stream);

    if (!rng) {
        return BA_NOMEM;
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        for (size_t i = 0; i < x.n_rows; i++) {
            mean += x.data[i + j * x.ld];
        }
    }
    scale = sqrt(mean / ((double) x.n_rows * (double) x.n_cols) / (double) k);
    for (size_t i = 0; i < x.n_rows * k; i++) {
        w[i] = scale * fabs(ba_rng_normal(rng));
    }
    for (size_t i = 0; i < x.n_cols * k; i++) {
        h[i] = scale * fabs(ba_rng_normal(rng));
    }
    ba_rng_free(rng);
    return BA_OK;
}

/* Norms of the columns of w go over to the rows of h. */
static void
normalise(size_t n, size_t p, size_t k, double *w, double *h)
{
    for (size_t f = 0; f < k; f++) {
        double norm = sqrt(dot(w + f * n, w + f * n, n));

        for (size_t i = 0; i < n && norm > 0.0; i++) {
            w[i + f * n] /= norm;
        }
        for (size_t j = 0; j < p; j++) {
            h[f + j * k] *= norm;
        }
    }
}

static double
row_product(
    const double *a, size_t row_a, const double *b, size_t row_b, size_t p, size_t k)
{
    double sum = 0.0;

    for (size_t j = 0; j < p; j++) {
        sum += a[row_a + j * k] * b[row_b + j * k];
    }
    return sum;
}

/* Factors in descending order of the norm of their row of h. */
static void
sort_factors(size_t n, size_t p, size_t k, double *w, double *h)
{
    for (size_t f = 0; f < k; f++) {
        size_t best = f;

        for (size_t g = f + 1; g < k; g++) {
            if (row_product(h, g, h, g, p, k) > row_product(h, best, h, best, p, k)) {
                best = g;
            }
        }
        for (size_t i = 0; i < n && best != f; i++) {
            double spare = w[i + f * n];

            w[i + f * n] = w[i + best * n];
            w[i + best * n] = spare;
        }
        for (size_t j = 0; j < p && best != f; j++) {
            double spare = h[f + j * k];

            h[f + j * k] = h[best + j * k];
            h[best + j * k] = spare;
        }
    }
}

/* Adds to sum[f] the cosine of row f of h with the row of `other` that it is matched with:
 * the pair of the largest cosine first. cosine: k x k. */
static void
match(
    const double *h, const double *other, size_t p, size_t k, double *cosine, double *sum)
{
    for (size_t g = 0; g < k; g++) {
        for (size_t f = 0; f < k; f++) {
            double below = sqrt(
                row_product(h, f, h, f, p, k) * row_product(other, g, other, g, p, k));

            cosine[f + g * k] =
                below > 0.0 ? row_product(h, f, other, g, p, k) / below : 0.0;
        }
    }
    for (size_t round = 0; round < k; round++) {
        size_t best = 0;

        for (size_t i = 1; i < k * k; i++) {
            best = cosine[i] > cosine[best] ? i : best;
        }
        sum[best % k] += cosine[best];
        for (size_t i = 0; i < k; i++) {
            cosine[best % k + i * k] = -1.0;
            cosine[i + best / k * k] = -1.0;
        }
    }
}

static int
nmf_create(ba_cdmat_t x, const ba_nmf_opts_t *opts, ba_nmf_t **out)
{
    size_t k = opts->rank, all_w, all_h;
    ba_nmf_t *nmf = NULL;
    int status = BA_OK;

    BA_TRY(ba_multiply(x.n_rows, k, &all_w));
    BA_TRY(ba_multiply(x.n_cols, k, &all_h));
    BA_TRY_ALLOC(nmf, ba_calloc(1, sizeof *nmf));
    *out = nmf;
    nmf->n_rows = x.n_rows;
    nmf->n_cols = x.n_cols;
    nmf->rank = k;
    nmf->n_seeds = opts->n_seeds;
    BA_TRY_ALLOC(nmf->n_rounds, ba_calloc(opts->n_seeds, sizeof(size_t)));
    BA_TRY_ALLOC(nmf->error, ba_calloc(opts->n_seeds, sizeof(double)));
    BA_TRY_ALLOC(nmf->w, ba_calloc(all_w, sizeof(double)));
    BA_TRY_ALLOC(nmf->h, ba_calloc(all_h, sizeof(double)));
    if (opts->n_seeds > 1) {
        BA_TRY_ALLOC(nmf->stability, ba_calloc(k, sizeof(double)));
    }
out:
    return status;
}

static int
run_seeds(const ba_ctx_t *ctx, ba_cdmat_t x, const ba_nmf_opts_t *opts, ba_nmf_t *nmf,
    double *h)
{
    size_t all_h = opts->rank * x.n_cols;
    double *w = NULL, *objective = NULL, square = sum_of_squares(x);
    int status = BA_OK;

    BA_TRY_ALLOC(w, ba_malloc(x.n_rows, opts->rank * sizeof *w));
    BA_TRY_ALLOC(objective, ba_calloc(opts->n_rounds, sizeof *objective));
    for (size_t s = 0; s < opts->n_seeds; s++) {
        double *h_s = h + s * all_h;

        ba_ctx_progress(ctx, "starts", (double) s, (double) opts->n_seeds);
        BA_TRY(start(x, opts->rank, opts->seed, s, w, h_s));
        BA_TRY(ba_nmf_run(ctx, x, opts->rank, opts->n_rounds, opts->tolerance, w, h_s,
            objective, &nmf->n_rounds[s]));
        nmf->error[s] =
            square > 0.0 ? sqrt(2.0 * objective[nmf->n_rounds[s] - 1] / square) : 0.0;
        normalise(x.n_rows, x.n_cols, opts->rank, w, h_s);
        sort_factors(x.n_rows, x.n_cols, opts->rank, w, h_s);
        if (s == 0 || nmf->error[s] < nmf->error[nmf->best]) {
            nmf->best = s;
            memcpy(nmf->w, w, x.n_rows * opts->rank * sizeof *w);
            memcpy(nmf->h, h_s, all_h * sizeof *h);
        }
    }
out:
    ba_free(w);
    ba_free(objective);
    return status;
}

int
ba_nmf(const ba_ctx_t *ctx, ba_cdmat_t x, const ba_nmf_opts_t *opts, ba_nmf_t **out)
{
    size_t k = opts->rank, all_h;
    double *h = NULL, *cosine = NULL;
    ba_nmf_t *nmf = NULL;
    int status = BA_OK;

    *out = NULL;
    if (opts->n_seeds < 1 || opts->n_rounds < 1 || !(opts->tolerance >= 0.0)) {
        return ba_fail(BA_VALUE,
            "factors: found %zu starts, %zu rounds, tolerance %g, wanted at least 1, 1, "
            "0",
            opts->n_seeds, opts->n_rounds, opts->tolerance);
    }
    BA_TRY(check(x, k));
    BA_TRY(nmf_create(x, opts, &nmf));
    BA_TRY(ba_multiply(k * x.n_cols, opts->n_seeds, &all_h));
    BA_TRY_ALLOC(h, ba_malloc(all_h, sizeof *h));
    BA_TRY_ALLOC(cosine, ba_malloc(k, k * sizeof *cosine));
    BA_TRY(run_seeds(ctx, x, opts, nmf, h));
    for (size_t s = 0; s < opts->n_seeds; s++) {
        if (s != nmf->best) {
            match(nmf->h, h + s * k * x.n_cols, x.n_cols, k, cosine, nmf->stability);
        }
    }
    for (size_t f = 0; nmf->stability && f < k; f++) {
        nmf->stability[f] /= (double) (opts->n_seeds - 1);
    }
    *out = nmf;
    nmf = NULL;
out:
    ba_free(h);
    ba_free(cosine);
    ba_nmf_free(nmf);
    return status;
}
