/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In a stratum of N neurons with n_a of set a and n_b of set b the number that both
 * hold is hypergeometric where a's are any n_a of them; strata are independent given
 * their counts, so that the sum over strata has the convolution of their
 * distributions. Terms are made from the mode by the ratio of neighbours and are all
 * positive: tails keep their relative accuracy. */
#include "brainalign/overlap.h"

#include "brainalign/error.h"
#include "brainalign/significance.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <string.h>

static const uint64_t stream_of_exchanges = UINT64_C(0x6f766c70) << 32;

typedef struct {
    size_t n, n_a, n_b;
} cell_t;

/* A distribution of whole numbers low .. low + n - 1. */
typedef struct {
    double *mass, *other; /* room for the result of a convolution */
    size_t low, n;
} distribution_t;

/* Mass of the hypergeometric distribution of a cell from its lowest value on. */
static size_t
fill_cell(const cell_t *cell, double *mass, size_t *low)
{
    size_t high = cell->n_a < cell->n_b ? cell->n_a : cell->n_b, mode;
    double sum = 0.0;

    *low = cell->n_a + cell->n_b > cell->n ? cell->n_a + cell->n_b - cell->n : 0;
    mode = (size_t) (((double) cell->n_a + 1) * ((double) cell->n_b + 1) /
                     ((double) cell->n + 2));
    mode = mode < *low ? *low : mode > high ? high : mode;
    mass[mode - *low] = 1.0;
    for (size_t x = mode; x < high; x++) {
        mass[x + 1 - *low] =
            mass[x - *low] * (double) (cell->n_a - x) * (double) (cell->n_b - x) /
            ((double) (x + 1) * (double) (cell->n + x + 1 - cell->n_a - cell->n_b));
    }
    for (size_t x = mode; x > *low; x--) {
        mass[x - 1 - *low] =
            mass[x - *low] * (double) x * (double) (cell->n + x - cell->n_a - cell->n_b) /
            ((double) (cell->n_a - x + 1) * (double) (cell->n_b - x + 1));
    }
    for (size_t x = *low; x <= high; x++) {
        sum += mass[x - *low];
    }
    for (size_t x = *low; x <= high; x++) {
        mass[x - *low] /= sum;
    }
    return high - *low + 1;
}

static void
convolve(distribution_t *sum, const double *mass, size_t n, size_t low)
{
    double *swap = sum->mass;

    memset(sum->other, 0, (sum->n + n - 1) * sizeof *sum->other);
    for (size_t i = 0; i < sum->n; i++) {
        for (size_t j = 0; j < n; j++) {
            sum->other[i + j] += sum->mass[i] * mass[j];
        }
    }
    sum->mass = sum->other;
    sum->other = swap;
    sum->low += low;
    sum->n += n - 1;
}

/* tail[x]: P(as many as x or more), x = 0 .. n_a, of the sum over cells. */
static int
make_tail(const cell_t *cells, size_t n_cells, size_t n_a, double *tail, double *expected)
{
    int status = BA_OK;
    distribution_t sum = {.n = 1};
    double *block = NULL;

    *expected = 0.0;
    BA_TRY_ALLOC(block, ba_malloc(3 * (n_a + 1), sizeof *block));
    sum.mass = block;
    sum.other = block + n_a + 1;
    sum.mass[0] = 1.0;
    for (size_t c = 0; c < n_cells; c++) {
        size_t low, n;

        if (cells[c].n_a == 0 || cells[c].n_b == 0) {
            continue;
        }
        *expected += (double) cells[c].n_a * (double) cells[c].n_b / (double) cells[c].n;
        n = fill_cell(&cells[c], block + 2 * (n_a + 1), &low);
        convolve(&sum, block + 2 * (n_a + 1), n, low);
    }
    tail[n_a + 1] = 0.0;
    for (size_t x = n_a + 1; x-- > 0;) {
        int is_inside = x >= sum.low && x < sum.low + sum.n;

        tail[x] = tail[x + 1] + (is_inside ? sum.mass[x - sum.low] : 0.0);
    }
    for (size_t x = 0; x <= n_a; x++) {
        tail[x] = x <= sum.low || tail[x] > 1.0 ? 1.0 : tail[x];
    }
out:
    ba_free(block);
    return status;
}

static int
check_strata(const size_t *stratum, size_t n)
{
    if (n == 0) {
        return ba_fail(BA_VALUE, "overlap: no neurons");
    }
    for (size_t j = 0; stratum && j < n; j++) {
        if (stratum[j] >= n) {
            return ba_fail(BA_VALUE,
                "overlap: stratum %zu of neuron %zu, wanted below %zu", stratum[j], j, n);
        }
    }
    return BA_OK;
}

int
ba_overlap_test(const unsigned char *a, const unsigned char *b, const size_t *stratum,
    size_t n, ba_overlap_t *out)
{
    int status;
    size_t n_a = 0;
    cell_t *cells = NULL;
    double *tail = NULL;

    *out = (ba_overlap_t){0};
    BA_TRY(check_strata(stratum, n));
    BA_TRY_ALLOC(cells, ba_calloc(n, sizeof *cells));
    for (size_t j = 0; j < n; j++) {
        cell_t *cell = &cells[stratum ? stratum[j] : 0];

        cell->n++;
        cell->n_a += a[j] != 0;
        cell->n_b += b[j] != 0;
        n_a += a[j] != 0;
        out->observed += a[j] && b[j];
    }
    BA_TRY_ALLOC(tail, ba_malloc(n_a + 2, sizeof *tail));
    BA_TRY(make_tail(cells, n, n_a, tail, &out->expected));
    out->p_greater = tail[out->observed];
    out->ratio =
        out->expected > 0.0 ? (double) out->observed / out->expected : (double) NAN;
out:
    ba_free(cells);
    ba_free(tail);
    return status;
}

/* ---- several tops ---- */

typedef struct {
    size_t n, n_tops;
    const size_t *tops, *stratum;
    size_t *rank_a, *rank_b; /* n */
    size_t *member, *start;  /* neurons by stratum; n + 1 */
    size_t *shuffled;        /* n */
    double **tail;           /* n_tops, for each 0 .. tops[i] */
    size_t *overlap;         /* n_tops */
} sweep_t;

static void
free_sweep(sweep_t *sweep)
{
    for (size_t i = 0; sweep->tail && i < sweep->n_tops; i++) {
        ba_free(sweep->tail[i]);
    }
    ba_free(sweep->tail);
    ba_free(sweep->rank_a);
    ba_free(sweep->rank_b);
    ba_free(sweep->member);
    ba_free(sweep->start);
    ba_free(sweep->shuffled);
    ba_free(sweep->overlap);
}

static int
invert(const uint32_t *order, size_t n, size_t *rank)
{
    for (size_t j = 0; j < n; j++) {
        rank[j] = SIZE_MAX;
    }
    for (size_t i = 0; i < n; i++) {
        if (order[i] >= n || rank[order[i]] != SIZE_MAX) {
            return ba_fail(BA_VALUE,
                "overlap: neuron %u at rank %zu, wanted each of %zu once", order[i], i,
                n);
        }
        rank[order[i]] = i;
    }
    return BA_OK;
}

static int
open_sweep(const uint32_t *order_a, const uint32_t *order_b, sweep_t *sweep)
{
    int status;
    size_t n = sweep->n;

    BA_TRY(check_strata(sweep->stratum, n));
    for (size_t i = 0; i < sweep->n_tops; i++) {
        if (sweep->tops[i] == 0 || sweep->tops[i] > n) {
            BA_TRY(ba_fail(
                BA_VALUE, "overlap: the first %zu, wanted 1 to %zu", sweep->tops[i], n));
        }
    }
    BA_TRY_ALLOC(sweep->rank_a, ba_malloc(n, sizeof *sweep->rank_a));
    BA_TRY_ALLOC(sweep->rank_b, ba_malloc(n, sizeof *sweep->rank_b));
    BA_TRY_ALLOC(sweep->member, ba_malloc(n, sizeof *sweep->member));
    BA_TRY_ALLOC(sweep->shuffled, ba_malloc(n, sizeof *sweep->shuffled));
    BA_TRY_ALLOC(sweep->start, ba_calloc(n + 2, sizeof *sweep->start));
    BA_TRY_ALLOC(sweep->overlap, ba_malloc(sweep->n_tops, sizeof *sweep->overlap));
    BA_TRY_ALLOC(sweep->tail, ba_calloc(sweep->n_tops, sizeof *sweep->tail));
    BA_TRY(invert(order_a, n, sweep->rank_a));
    BA_TRY(invert(order_b, n, sweep->rank_b));
    for (size_t j = 0; j < n; j++) {
        sweep->start[(sweep->stratum ? sweep->stratum[j] : 0) + 2]++;
    }
    for (size_t s = 0; s < n; s++) {
        sweep->start[s + 2] += sweep->start[s + 1];
    }
    for (size_t j = 0; j < n; j++) {
        sweep->member[sweep->start[(sweep->stratum ? sweep->stratum[j] : 0) + 1]++] = j;
    }
out:
    return status;
}

/* Neurons among the first tops[i] of both, rank[j] the rank of neuron j in a. */
static void
count(sweep_t *sweep, const size_t *rank)
{
    for (size_t i = 0; i < sweep->n_tops; i++) {
        size_t top = sweep->tops[i], n = 0;

        for (size_t j = 0; j < sweep->n; j++) {
            n += rank[j] < top && sweep->rank_b[j] < top;
        }
        sweep->overlap[i] = n;
    }
}

static double
smallest_p(const sweep_t *sweep)
{
    double p = 1.0;

    for (size_t i = 0; i < sweep->n_tops; i++) {
        p = fmin(p, sweep->tail[i][sweep->overlap[i]]);
    }
    return p;
}

static int
test_tops(sweep_t *sweep, ba_overlap_t *out)
{
    int status = BA_OK;
    cell_t *cells = NULL;

    BA_TRY_ALLOC(cells, ba_malloc(sweep->n, sizeof *cells));
    count(sweep, sweep->rank_a);
    for (size_t i = 0; i < sweep->n_tops; i++) {
        size_t top = sweep->tops[i];

        memset(cells, 0, sweep->n * sizeof *cells);
        for (size_t j = 0; j < sweep->n; j++) {
            cell_t *cell = &cells[sweep->stratum ? sweep->stratum[j] : 0];

            cell->n++;
            cell->n_a += sweep->rank_a[j] < top;
            cell->n_b += sweep->rank_b[j] < top;
        }
        BA_TRY_ALLOC(sweep->tail[i], ba_malloc(top + 2, sizeof **sweep->tail));
        BA_TRY(make_tail(cells, sweep->n, top, sweep->tail[i], &out[i].expected));
        out[i].observed = sweep->overlap[i];
        out[i].p_greater = sweep->tail[i][sweep->overlap[i]];
        out[i].ratio = out[i].expected > 0.0 ? (double) out[i].observed / out[i].expected
                                             : (double) NAN;
    }
out:
    ba_free(cells);
    return status;
}

static void
exchange(sweep_t *sweep, ba_rng_t *rng)
{
    for (size_t s = 0; s < sweep->n; s++) {
        size_t start = sweep->start[s], n = sweep->start[s + 1] - start;

        if (n < 2) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            sweep->shuffled[i] = sweep->rank_a[sweep->member[start + i]];
        }
        ba_rng_shuffle(rng, sweep->shuffled, n);
        for (size_t i = 0; i < n; i++) {
            sweep->rank_a[sweep->member[start + i]] = sweep->shuffled[i];
        }
    }
}

int
ba_overlap_sweep(const uint32_t *order_a, const uint32_t *order_b, const size_t *stratum,
    size_t n, const size_t *tops, size_t n_tops, size_t n_draws, uint64_t seed,
    ba_overlap_t *out, double *p_sweep)
{
    int status;
    sweep_t sweep = {.n = n, .n_tops = n_tops, .tops = tops, .stratum = stratum};
    ba_rng_t *rng = NULL;
    size_t n_extreme = 0;
    double observed;

    BA_TRY(open_sweep(order_a, order_b, &sweep));
    BA_TRY_ALLOC(rng, ba_rng_new(seed, stream_of_exchanges));
    BA_TRY(test_tops(&sweep, out));
    observed = smallest_p(&sweep);
    for (size_t d = 0; d < n_draws; d++) {
        exchange(&sweep, rng);
        count(&sweep, sweep.rank_a);
        n_extreme += smallest_p(&sweep) <= observed;
    }
    *p_sweep = ba_permutation_p(n_extreme, n_draws);
out:
    ba_rng_free(rng);
    free_sweep(&sweep);
    return status;
}
