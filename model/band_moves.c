/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Refinement of a search over candidates that all targets share.
 *
 * What a target's score would be at a candidate that was not tried follows from those that
 * were, by interpolation between correlated values (simple kriging; Krige 1951, J. Chem.
 * Metall. Min. Soc. S. Afr. 52:119): with k(a, b) = exp(-|log a - log b| / RANGE) and K of
 * the tried ones,
 *
 *     expected = mean + k' K^-1 (scores - mean),   uncertainty^2 = 1 - k' K^-1 k,
 *
 * in units of the spread of the target's scores. The weights k' K^-1 are the same for all
 * targets. A move's worth is the sum over targets of what expectation and uncertainty
 * together promise beyond the best so far (an upper confidence bound, as in Srinivas et
 * al. 2012, IEEE Trans. Inf. Theory 58:3250); moves are taken one by one, each by what the
 * ones before it leave, so that they serve different targets. */
#include "brainalign/bands.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

/* Logarithms are of gamma over the largest; below this a space is as good as out. */
#define FLOOR 1e-3
#define RANGE 6.0
#define NUGGET 1e-4

/* A quarter of a step, in which two candidates count as one. */
#define CLOSE 0.25

typedef struct {
    const double *gammas, *scores, *others;
    size_t n, n_spaces, n_targets, n_others;
    double *pool; /* n_pool x n_spaces */
    size_t n_pool;
    double *tried_log, *pool_log; /* logarithms of gammas and pool */
    double *weights;              /* n_pool x n, column-major */
    double *doubt;                /* n_pool: uncertainty */
    double *mean, *spread, *best; /* n_targets; best in units of the spread */
    double *expected; /* n_pool x n_targets, column-major, in units of the spread */
} refinement_t;

static void
log_of(const double *gamma, size_t n, double *out)
{
    double largest = 0.0;

    for (size_t k = 0; k < n; k++) {
        largest = fmax(largest, gamma[k]);
    }
    for (size_t k = 0; k < n; k++) {
        out[k] = log(fmax(gamma[k] / largest, FLOOR));
    }
}

static double
correlation(const double *log_a, const double *log_b, size_t n)
{
    double square = 0.0;

    for (size_t k = 0; k < n; k++) {
        square += (log_a[k] - log_b[k]) * (log_a[k] - log_b[k]);
    }
    return exp(-sqrt(square) / RANGE);
}

/* ---- the pool ---- */

/* Whether the spaces stand to one another as in the other, within part of a step. */
static int
is_close(const double *a, const double *b, size_t n, double step)
{
    double least = INFINITY, most = -INFINITY;

    for (size_t k = 0; k < n; k++) {
        double difference;

        if ((a[k] > 0.0) != (b[k] > 0.0)) {
            return 0;
        }
        if (a[k] > 0.0) {
            difference = log(a[k] / b[k]);
            least = fmin(least, difference);
            most = fmax(most, difference);
        }
    }
    return most - least < CLOSE * step;
}

static int
is_among(const double *list, size_t n, const double *gamma, size_t n_spaces, double step)
{
    for (size_t i = 0; i < n; i++) {
        if (is_close(list + i * n_spaces, gamma, n_spaces, step)) {
            return 1;
        }
    }
    return 0;
}

/* The last row of the pool stays where it is new. */
static void
add_row(refinement_t *r, double step)
{
    const double *gamma = r->pool + r->n_pool * r->n_spaces;

    if (!is_among(r->gammas, r->n, gamma, r->n_spaces, step) &&
        !is_among(r->pool, r->n_pool, gamma, r->n_spaces, step)) {
        r->n_pool++;
    }
}

/* Moves from one candidate. */
static void
add_moves(refinement_t *r, size_t from, double factor)
{
    size_t n = r->n_spaces;

    for (size_t i = 0; i < 4 * n; i++) {
        double *gamma = r->pool + r->n_pool * n, sum = 0.0;
        double by = i % 4 < 2 ? factor : factor * factor;

        memcpy(gamma, r->gammas + from * n, n * sizeof *gamma);
        gamma[i / 4] *= i % 2 ? 1.0 / by : by;
        for (size_t k = 0; k < n; k++) {
            sum += gamma[k];
        }
        for (size_t k = 0; k < n; k++) {
            gamma[k] /= sum;
        }
        add_row(r, log(factor));
    }
}

/* Mean, spread and best score of every target, and moves from the candidates that are the
 * best of some. */
static int
make_pool(refinement_t *r, double factor)
{
    int status = BA_OK;
    size_t v = r->n_targets, *votes = NULL;

    BA_TRY_ALLOC(votes, ba_calloc(r->n, sizeof *votes));
    for (size_t t = 0; t < v; t++) {
        double sum = 0.0, square = 0.0;
        size_t best = 0;

        for (size_t c = 0; c < r->n; c++) {
            sum += r->scores[c * v + t];
            best = r->scores[c * v + t] > r->scores[best * v + t] ? c : best;
        }
        r->mean[t] = sum / (double) r->n;
        for (size_t c = 0; c < r->n; c++) {
            double difference = r->scores[c * v + t] - r->mean[t];

            square += difference * difference;
        }
        r->spread[t] = sqrt(square / (double) r->n);
        if (r->spread[t] > 0.0) { /* not where a score is NaN */
            r->best[t] = (r->scores[best * v + t] - r->mean[t]) / r->spread[t];
            votes[best]++;
        }
    }
    for (size_t c = 0; c < r->n; c++) {
        if (votes[c] > 0) {
            add_moves(r, c, factor);
        }
    }
    for (size_t c = 0; c < r->n_others; c++) {
        memcpy(r->pool + r->n_pool * r->n_spaces, r->others + c * r->n_spaces,
            r->n_spaces * sizeof *r->pool);
        add_row(r, log(factor));
    }
out:
    ba_free(votes);
    return status;
}

/* ---- what they promise ---- */

/* weights' = K^-1 k, n x n_pool, transposed; and the uncertainty. */
static int
make_weights(refinement_t *r)
{
    int status = BA_OK;
    size_t n = r->n, m = r->n_pool;
    double *gram = NULL, *cross = NULL;

    BA_TRY_ALLOC(gram, ba_malloc(n, n * sizeof *gram));
    BA_TRY_ALLOC(cross, ba_malloc(n, m * sizeof *cross));
    for (size_t i = 0; i < n; i++) {
        const double *log_i = r->tried_log + i * r->n_spaces;

        for (size_t j = 0; j < n; j++) {
            gram[j + i * n] =
                correlation(log_i, r->tried_log + j * r->n_spaces, r->n_spaces);
        }
        gram[i + i * n] += NUGGET;
        for (size_t p = 0; p < m; p++) {
            cross[i + p * n] = r->weights[p + i * m] =
                correlation(log_i, r->pool_log + p * r->n_spaces, r->n_spaces);
        }
    }
    BA_TRY(ba_cholesky(ba_dmat(gram, n, n, n)));
    ba_cholesky_solve(ba_cdmat(gram, n, n, n), ba_dmat(cross, n, m, n));
    for (size_t p = 0; p < m; p++) {
        double explained = 0.0;

        for (size_t i = 0; i < n; i++) {
            explained += cross[i + p * n] * r->weights[p + i * m];
            r->weights[p + i * m] = cross[i + p * n];
        }
        r->doubt[p] = sqrt(fmax(0.0, 1.0 - explained));
    }
out:
    ba_free(gram);
    ba_free(cross);
    return status;
}

static int
make_expected(refinement_t *r)
{
    int status = BA_OK;
    size_t n = r->n, m = r->n_pool, v = r->n_targets;
    double *standard = NULL;

    BA_TRY_ALLOC(standard, ba_calloc(n, v * sizeof *standard));
    for (size_t t = 0; t < v; t++) {
        for (size_t c = 0; r->spread[t] > 0.0 && c < n; c++) {
            standard[c + t * n] = (r->scores[c * v + t] - r->mean[t]) / r->spread[t];
        }
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(r->weights, m, n, m), BA_KEEP,
        ba_cdmat(standard, n, v, n), 0.0, ba_dmat(r->expected, m, v, m));
out:
    ba_free(standard);
    return status;
}

/* The move that promises most beyond what targets have, or expect of those taken;
 * n_pool = none does. */
static size_t
next_move(const refinement_t *r, double *gain)
{
    size_t m = r->n_pool, best = m;

    memset(gain, 0, m * sizeof *gain);
    for (size_t t = 0; t < r->n_targets; t++) {
        for (size_t p = 0; r->spread[t] > 0.0 && p < m; p++) {
            gain[p] += fmax(0.0, r->expected[p + t * m] + r->doubt[p] - r->best[t]);
        }
    }
    for (size_t p = 0; p < m; p++) {
        best = gain[p] > 0.0 && (best == m || gain[p] > gain[best]) ? p : best;
    }
    return best;
}

static int
take_moves(refinement_t *r, size_t most, double *moves, size_t *n)
{
    int status = BA_OK;
    double *gain = NULL;

    BA_TRY_ALLOC(gain, ba_malloc(r->n_pool, sizeof *gain));
    for (*n = 0; *n < most; ++*n) {
        size_t p = next_move(r, gain);

        if (p == r->n_pool) {
            break;
        }
        memcpy(moves + *n * r->n_spaces, r->pool + p * r->n_spaces,
            r->n_spaces * sizeof *moves);
        for (size_t t = 0; t < r->n_targets; t++) {
            double reached = r->expected[p + t * r->n_pool] + r->doubt[p];

            r->best[t] = fmax(r->best[t], reached);
        }
    }
out:
    ba_free(gain);
    return status;
}

static int
start(refinement_t *r)
{
    int status = BA_OK;
    size_t n = r->n, v = r->n_targets;

    BA_TRY_ALLOC(r->pool,
        ba_malloc(4 * r->n_spaces * n + r->n_others + 1, r->n_spaces * sizeof *r->pool));
    BA_TRY_ALLOC(r->mean, ba_calloc(v, sizeof *r->mean));
    BA_TRY_ALLOC(r->spread, ba_calloc(v, sizeof *r->spread));
    BA_TRY_ALLOC(r->best, ba_calloc(v, sizeof *r->best));
out:
    return status;
}

static int
weigh(refinement_t *r)
{
    int status = BA_OK;
    size_t k = r->n_spaces, m = r->n_pool;

    BA_TRY_ALLOC(r->tried_log, ba_malloc(r->n, k * sizeof *r->tried_log));
    BA_TRY_ALLOC(r->pool_log, ba_malloc(m, k * sizeof *r->pool_log));
    BA_TRY_ALLOC(r->weights, ba_malloc(m, r->n * sizeof *r->weights));
    BA_TRY_ALLOC(r->doubt, ba_malloc(m, sizeof *r->doubt));
    BA_TRY_ALLOC(r->expected, ba_malloc(m, r->n_targets * sizeof *r->expected));
    for (size_t i = 0; i < r->n; i++) {
        log_of(r->gammas + i * k, k, r->tried_log + i * k);
    }
    for (size_t i = 0; i < m; i++) {
        log_of(r->pool + i * k, k, r->pool_log + i * k);
    }
    BA_TRY(make_weights(r));
    BA_TRY(make_expected(r));
out:
    return status;
}

int
ba_bands_moves(const double *gammas, size_t n_candidates, size_t n_spaces,
    const double *scores, size_t n_targets, const double *others, size_t n_others,
    double factor, size_t most, double *moves)
{
    int status = BA_OK;
    size_t n = 0;
    refinement_t r = {.gammas = gammas,
        .scores = scores,
        .n = n_candidates,
        .n_spaces = n_spaces,
        .others = others,
        .n_others = n_others,
        .n_targets = n_targets};

    BA_TRY(start(&r));
    BA_TRY(make_pool(&r, factor));
    if (r.n_pool > 0) {
        BA_TRY(weigh(&r));
        BA_TRY(take_moves(&r, most, moves, &n));
    }
out:
    ba_free(r.pool);
    ba_free(r.tried_log);
    ba_free(r.pool_log);
    ba_free(r.weights);
    ba_free(r.doubt);
    ba_free(r.mean);
    ba_free(r.spread);
    ba_free(r.best);
    ba_free(r.expected);
    return status == BA_OK ? (int) n : status;
}
