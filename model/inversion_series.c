/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Posterior of a feature series from a stretch of responses with several delays. With x_s
 * = mu + L u_s the precision of all u is block-banded:
 *
 *   H_ss' = Lambda_ss' + sum over t of L'A_(t-s, t-s') L
 *   h_s   = sum over t of L'(z_t - A mu)_(t-s)
 *
 * with A_dd' the blocks of W Sigma^-1 W' by delay, t the responses that both depend on,
 * and Lambda the precision of the prior over time (tridiagonal for an autoregression of
 * order one). H = G D G' with unit lower triangular G; the blocks of H^-1 inside the band
 * come backwards from G and D alone (Takahashi, Fagan & Chin 1973), the variances with
 * them. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

typedef struct {
    const ba_ctx_t *ctx;
    const ba_inversion_t *inversion;
    const ba_prior_t *prior;
    const ba_series_t *series;
    size_t f, k, n_delays, n_unknown, first, band;
    double *blocks; /* n_delays^2 of k x k: L'A_dd' L */
    double *drift;  /* n_delays^2 of f: A_dd' mu */
    double *h;      /* n_unknown x (band + 1) of k x k: column s, rows s .. s + band */
    double *right;  /* k x n_unknown */
    double *moved;  /* the same while it is solved */
    double *hold;   /* band of k x k, then f x k */
    double logdet, norm;
    int n_threads; /* 1 where blocks are too small to be worth a parallel region */
} system_t;

/* Numbers in the blocks of a column from which on they are shared among threads. */
#define WORTH_THREADS 65536

static void
delay_range(const ba_series_t *series, int *smallest, int *largest)
{
    *smallest = *largest = series->delays[0];
    for (size_t i = 1; i < series->n_delays; i++) {
        *smallest = series->delays[i] < *smallest ? series->delays[i] : *smallest;
        *largest = series->delays[i] > *largest ? series->delays[i] : *largest;
    }
}

/* Times that the stretch depends on, inside the run: first .. first + n - 1. */
static void
unknown_times(const ba_series_t *series, size_t *first, size_t *n)
{
    int smallest, largest;
    long long low, high, length = (long long) series->run_length;

    delay_range(series, &smallest, &largest);
    low = (long long) series->first - largest;
    high = (long long) (series->first + series->n_times) - smallest;
    low = low < 0 ? 0 : low;
    high = high > length ? length : high;
    *first = (size_t) low;
    *n = high > low && series->n_times > 0 ? (size_t) (high - low) : 0;
}

static size_t
bandwidth(const ba_series_t *series)
{
    int smallest, largest;
    size_t band;

    delay_range(series, &smallest, &largest);
    band = (size_t) (largest - smallest);
    return band == 0 && series->autoregression != 0.0 ? 1 : band;
}

int
ba_series_bytes(const ba_series_t *series, size_t rank, size_t *bytes)
{
    int status = BA_OK;
    size_t first, n, blocks, band = bandwidth(series);

    unknown_times(series, &first, &n);
    BA_TRY(ba_multiply(n, band + 1, &blocks));
    BA_TRY(ba_multiply(blocks + band + series->n_delays * series->n_delays, rank, bytes));
    BA_TRY(ba_multiply(*bytes, rank * sizeof(double), bytes));
out:
    return status;
}

static double *
block_at(const system_t *system, size_t s, size_t i)
{
    size_t size = system->k * system->k;

    return system->h + (s * (system->band + 1) + i) * size;
}

static int
check(const ba_inversion_t *inversion, const ba_prior_t *prior, const ba_series_t *series)
{
    if (series->n_delays == 0 ||
        series->n_delays * series->n_features != inversion->n_features ||
        prior->n_features != series->n_features) {
        return ba_fail(BA_SHAPE,
            "series: %zu delays of %zu features and a prior of %zu, wanted %zu in all",
            series->n_delays, series->n_features, prior->n_features,
            inversion->n_features);
    }
    if (series->response0 + series->n_times > inversion->n_responses ||
        series->first + series->n_times > series->run_length) {
        return ba_fail(BA_SHAPE,
            "series: responses %zu to %zu of %zu, wanted a stretch inside them and its "
            "run",
            series->response0, series->response0 + series->n_times,
            inversion->n_responses);
    }
    if (!(fabs(series->autoregression) < 1.0)) {
        return ba_fail(BA_VALUE, "series: autoregression of %g, wanted between -1 and 1",
            series->autoregression);
    }
    return BA_OK;
}

static int
allocate(system_t *system)
{
    int status = BA_OK;
    size_t k = system->k, n = system->n_unknown, pairs;
    size_t hold = system->band * k * k;

    hold = hold > system->f * k ? hold : system->f * k;
    pairs = system->n_delays * system->n_delays;
    BA_TRY_ALLOC(system->blocks, ba_malloc(pairs, k * k * sizeof(double)));
    BA_TRY_ALLOC(system->drift, ba_malloc(pairs, system->f * sizeof(double)));
    BA_TRY_ALLOC(system->h, ba_calloc(n * (system->band + 1), k * k * sizeof(double)));
    BA_TRY_ALLOC(system->right, ba_calloc(n, k * sizeof(double)));
    BA_TRY_ALLOC(system->moved, ba_malloc(n, k * sizeof(double)));
    BA_TRY_ALLOC(system->hold, ba_malloc(hold, sizeof(double)));
out:
    return status;
}

static void
release(system_t *system)
{
    ba_free(system->blocks);
    ba_free(system->drift);
    ba_free(system->h);
    ba_free(system->right);
    ba_free(system->moved);
    ba_free(system->hold);
}

/* L'A_dd' L and A_dd' mu for all pairs of delays. */
static void
make_blocks(system_t *system)
{
    size_t f = system->f, k = system->k, p = system->inversion->n_features;
    ba_cdmat_t l = ba_cdmat(system->prior->factor, f, k, f);

    for (size_t b = 0; b < system->n_delays; b++) {
        for (size_t a = 0; a < system->n_delays; a++) {
            size_t at = a + b * system->n_delays;
            ba_cdmat_t block =
                ba_cdmat(system->inversion->a + a * f + b * f * p, f, f, p);

            ba_gemm_tiled(system->ctx, 1.0, BA_KEEP, block, BA_KEEP, l, 0.0,
                ba_dmat(system->hold, f, k, f));
            ba_gemm_tiled(system->ctx, 1.0, BA_TRANSPOSE, l, BA_KEEP,
                ba_cdmat(system->hold, f, k, f), 0.0,
                ba_dmat(system->blocks + at * k * k, k, k, k));
            ba_gemm_f64(1.0, BA_KEEP, block, BA_KEEP,
                ba_cdmat(system->prior->mean, f, 1, f), 0.0,
                ba_dmat(system->drift + at * f, f, 1, f));
        }
    }
}

/* Place among the unknown times of what response t takes at a delay, or SIZE_MAX: outside
 * the run. */
static size_t
place_of(const system_t *system, size_t t, size_t delay)
{
    long long s = (long long) t - system->series->delays[delay];

    if (s < 0 || s >= (long long) system->series->run_length) {
        return SIZE_MAX;
    }
    return (size_t) s - system->first;
}

static double
dot(const double *x, const double *y, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

/* What response number i adds at its delay a. */
static void
add_delay(system_t *system, size_t i, size_t a, double *rest)
{
    size_t f = system->f, k = system->k, n_delays = system->n_delays;
    size_t t = system->series->first + i, s = place_of(system, t, a);
    const double *z = system->inversion->z +
                      (system->series->response0 + i) * system->inversion->n_features +
                      a * f;

    if (s == SIZE_MAX) {
        return;
    }
    memcpy(rest, z, f * sizeof *rest);
    system->norm -= 2.0 * dot(system->prior->mean, z, f);
    for (size_t b = 0; b < n_delays; b++) {
        size_t other = place_of(system, t, b), at = a + b * n_delays;

        if (other == SIZE_MAX) {
            continue;
        }
        for (size_t j = 0; j < f; j++) {
            rest[j] -= system->drift[at * f + j];
        }
        system->norm += dot(system->prior->mean, system->drift + at * f, f);
        if (s >= other) {
            double *block = block_at(system, other, s - other);

            for (size_t j = 0; j < k * k; j++) {
                block[j] += system->blocks[at * k * k + j];
            }
        }
    }
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(system->prior->factor, f, k, f), BA_KEEP,
        ba_cdmat(rest, f, 1, f), 1.0, ba_dmat(system->right + s * k, k, 1, k));
}

/* The precision of the prior over time; returns its log determinant. */
static double
add_prior(system_t *system)
{
    size_t k = system->k, n = system->n_unknown;
    double rho = system->series->autoregression, left = 1.0 - rho * rho;

    for (size_t s = 0; s < n; s++) {
        double neighbours = (s > 0 ? 1.0 : 0.0) + (s + 1 < n ? 1.0 : 0.0);
        double own = 1.0 + neighbours * rho * rho / left;

        for (size_t j = 0; j < k; j++) {
            block_at(system, s, 0)[j + j * k] += own;
            if (rho != 0.0 && s + 1 < n) {
                block_at(system, s, 1)[j + j * k] -= rho / left;
            }
        }
    }
    return n > 1 ? -(double) (n - 1) * (double) k * log(left) : 0.0;
}

/* Column s of the factorisation. */
static int
eliminate(system_t *system, size_t s)
{
    int status = BA_OK;
    size_t k = system->k, left = system->n_unknown - 1 - s;
    size_t band = system->band < left ? system->band : left;
    double *own = block_at(system, s, 0), *hold = system->hold;

    BA_TRY(ba_cholesky(ba_dmat(own, k, k, k)));
    system->logdet += ba_cholesky_logdet(ba_cdmat(own, k, k, k));
    ba_cholesky_invert(ba_dmat(own, k, k, k));
#pragma omp parallel for schedule(dynamic) num_threads(system->n_threads)
    for (size_t i = 1; i <= band; i++) {
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(block_at(system, s, i), k, k, k), BA_KEEP,
            ba_cdmat(own, k, k, k), 0.0, ba_dmat(hold + (i - 1) * k * k, k, k, k));
    }
#pragma omp parallel for schedule(dynamic) num_threads(system->n_threads)
    for (size_t pair = 0; pair < band * band; pair++) {
        size_t i = pair / band + 1, j = pair % band + 1;

        if (i >= j) {
            ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(hold + (i - 1) * k * k, k, k, k),
                BA_TRANSPOSE, ba_cdmat(block_at(system, s, j), k, k, k), 1.0,
                ba_dmat(block_at(system, s + j, i - j), k, k, k));
        }
    }
    for (size_t i = 1; i <= band; i++) {
        memcpy(block_at(system, s, i), hold + (i - 1) * k * k, k * k * sizeof *hold);
        ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(block_at(system, s, i), k, k, k), BA_KEEP,
            ba_cdmat(system->moved + s * k, k, 1, k), 1.0,
            ba_dmat(system->moved + (s + i) * k, k, 1, k));
    }
out:
    return status;
}

/* Solution and column s of the inverse, those after it being there. */
static void
substitute(system_t *system, size_t s, double *column)
{
    size_t k = system->k, left = system->n_unknown - 1 - s;
    size_t band = system->band < left ? system->band : left;
    double *own = block_at(system, s, 0), *u = system->moved + s * k;

    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(own, k, k, k), BA_KEEP, ba_cdmat(u, k, 1, k), 0.0,
        ba_dmat(column, k, 1, k));
    memcpy(u, column, k * sizeof *u);
#pragma omp parallel for schedule(dynamic) num_threads(system->n_threads)
    for (size_t i = 1; i <= band; i++) {
        ba_dmat_t block = ba_dmat(system->hold + (i - 1) * k * k, k, k, k);

        for (size_t j = 1; j <= band; j++) {
            size_t low = i > j ? i : j, high = i > j ? j : i;

            ba_gemm_f64(-1.0, i >= j ? BA_KEEP : BA_TRANSPOSE,
                ba_cdmat(block_at(system, s + high, low - high), k, k, k), BA_KEEP,
                ba_cdmat(block_at(system, s, j), k, k, k), j == 1 ? 0.0 : 1.0, block);
        }
    }
    for (size_t i = 1; i <= band; i++) {
        ba_cdmat_t g = ba_cdmat(block_at(system, s, i), k, k, k);

        ba_gemm_f64(-1.0, BA_TRANSPOSE, g, BA_KEEP,
            ba_cdmat(system->moved + (s + i) * k, k, 1, k), 1.0, ba_dmat(u, k, 1, k));
        ba_gemm_f64(-1.0, BA_TRANSPOSE, g, BA_KEEP,
            ba_cdmat(system->hold + (i - 1) * k * k, k, k, k), 1.0,
            ba_dmat(own, k, k, k));
    }
    for (size_t i = 1; i <= band; i++) {
        memcpy(block_at(system, s, i), system->hold + (i - 1) * k * k,
            k * k * sizeof *column);
    }
}

/* Mean and variance of the features themselves. */
static void
to_features(system_t *system, ba_series_posterior_t *out)
{
    size_t f = system->f, k = system->k, n = system->n_unknown;
    ba_cdmat_t l = ba_cdmat(system->prior->factor, f, k, f);

    ba_gemm_tiled(system->ctx, 1.0, BA_KEEP, l, BA_KEEP, ba_cdmat(system->moved, k, n, k),
        0.0, ba_dmat(out->mean, f, n, f));
    for (size_t s = 0; s < n; s++) {
        ba_gemm_tiled(system->ctx, 1.0, BA_KEEP, l, BA_KEEP,
            ba_cdmat(block_at(system, s, 0), k, k, k), 0.0,
            ba_dmat(system->hold, f, k, f));
        for (size_t j = 0; j < f; j++) {
            double sum = 0.0;

            for (size_t i = 0; i < k; i++) {
                sum += l.data[j + i * f] * system->hold[j + i * f];
            }
            out->variance[j + s * f] = sum;
            out->mean[j + s * f] += system->prior->mean[j];
        }
    }
}

static int
solve(system_t *system, ba_series_posterior_t *out)
{
    int status = BA_OK;
    size_t k = system->k, n = system->n_unknown;
    double *column = NULL, *rest = NULL, prior;

    BA_TRY_ALLOC(column, ba_malloc(k, sizeof *column));
    BA_TRY_ALLOC(rest, ba_malloc(system->f, sizeof *rest));
    make_blocks(system);
    for (size_t i = 0; i < system->series->n_times; i++) {
        system->norm += system->inversion->norm[system->series->response0 + i];
        for (size_t a = 0; a < system->n_delays; a++) {
            add_delay(system, i, a, rest);
        }
    }
    prior = add_prior(system);
    memcpy(system->moved, system->right, k * n * sizeof *system->right);
    for (size_t s = 0; s < n; s++) {
        BA_TRY(ba_ctx_check(system->ctx));
        BA_TRY(eliminate(system, s));
    }
    for (size_t s = n; s-- > 0;) {
        substitute(system, s, column);
    }
    out->evidence =
        (double) system->series->n_times * ba_inversion_constant(system->inversion) -
        0.5 * (system->norm + system->logdet - prior -
                  dot(system->right, system->moved, k * n));
    to_features(system, out);
out:
    ba_free(column);
    ba_free(rest);
    return status;
}

int
ba_series_invert(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    const ba_prior_t *prior, const ba_series_t *series, ba_series_posterior_t *out)
{
    int status = BA_OK;
    system_t system = {.ctx = ctx,
        .inversion = inversion,
        .prior = prior,
        .series = series,
        .f = series->n_features,
        .k = prior->rank,
        .n_delays = series->n_delays};

    *out = (ba_series_posterior_t){.n_times = 0};
    ba_blas_single_thread();
    BA_TRY(check(inversion, prior, series));
    system.band = bandwidth(series);
    unknown_times(series, &system.first, &system.n_unknown);
    system.n_threads =
        system.band * system.k * system.k < WORTH_THREADS ? 1 : ba_ctx_threads(ctx);
    out->first = system.first;
    out->n_times = system.n_unknown;
    BA_TRY_ALLOC(out->mean, ba_malloc(system.n_unknown, system.f * sizeof *out->mean));
    BA_TRY_ALLOC(
        out->variance, ba_malloc(system.n_unknown, system.f * sizeof *out->variance));
    BA_TRY(allocate(&system));
    BA_TRY(solve(&system, out));
out:
    release(&system);
    if (status != BA_OK) {
        ba_series_posterior_free(out);
    }
    return status;
}

void
ba_series_posterior_free(ba_series_posterior_t *posterior)
{
    ba_free(posterior->mean);
    ba_free(posterior->variance);
    *posterior = (ba_series_posterior_t){.n_times = 0};
}
