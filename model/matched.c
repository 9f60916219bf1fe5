/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A step replaces the columns a of a neuron by those of another, b. With P = G_SS^-1, g =
 * G_Sb where rows a are put to 0 and T = Pg:
 *
 *     log det without a: + log det P_aa
 *     s = G_bb - g'T + T_a' P_aa^-1 T_a, log det with b: + log det s
 *     P <- P - P_:a P_aa^-1 P_a: + V s^-1 V',  V = T - P_:a P_aa^-1 T_a, V_a = -I
 *
 * so that no set is factored anew but every few hundred steps, against rounding. */
#include "model/matched.h"

#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sets that tell the deviation of log det; width of the window in deviations; steps for
 * each neuron of the set between two sets; accepted steps between two factorisations. */
enum { N_PROBES = 50, STEPS = 2, REFRESH = 200 };
static const double window_width = 0.5;

typedef struct {
    const ba_inverse_t *inverse;
    const size_t *cell;
    size_t n_neurons, n, k; /* neurons and columns of the set */
    size_t *slot, *at;      /* n; n + 1: neuron and first column of each place */
    size_t *columns;        /* k */
    size_t *outside;        /* neurons by cell: those outside the set come first */
    size_t *start, *n_out;  /* n_neurons + 1, n_neurons */
    size_t d;               /* most columns of a neuron */
    double *p;              /* k x k */
    double log_det, low, high;
    double *g, *t, *pa, *wide; /* k x d each */
    double *paa, *s, *w;       /* d x d each */
    size_t *b;                 /* d columns */
    size_t n_steps, n_accepted;
    ba_rng_t *rng;
} chain_t;

static void
free_chain(chain_t *chain)
{
    ba_rng_free(chain->rng);
    ba_free(chain->slot);
    ba_free(chain->at);
    ba_free(chain->columns);
    ba_free(chain->outside);
    ba_free(chain->start);
    ba_free(chain->n_out);
    ba_free(chain->p);
    ba_free(chain->g);
    ba_free(chain->t);
    ba_free(chain->pa);
    ba_free(chain->wide);
    ba_free(chain->paa);
    ba_free(chain->s);
    ba_free(chain->w);
    ba_free(chain->b);
}

static int
make_chain(const ba_inverse_t *inverse, const size_t *cell, size_t n_neurons,
    const size_t *set, size_t n, chain_t *chain)
{
    int status = BA_OK;
    size_t k = ba_inverse_columns(inverse, set, n, NULL), d = 1;

    *chain = (chain_t){inverse, cell, n_neurons, n, k, .d = 1};
    for (size_t i = 0; i < n; i++) {
        size_t columns = ba_inverse_columns(inverse, set + i, 1, NULL);

        d = columns > d ? columns : d;
    }
    chain->d = d;
    BA_TRY_ALLOC(chain->slot, ba_malloc(n, sizeof *chain->slot));
    BA_TRY_ALLOC(chain->at, ba_malloc(n + 1, sizeof *chain->at));
    BA_TRY_ALLOC(chain->columns, ba_malloc(k, sizeof *chain->columns));
    BA_TRY_ALLOC(chain->outside, ba_malloc(n_neurons, sizeof *chain->outside));
    BA_TRY_ALLOC(chain->start, ba_calloc(n_neurons + 1, sizeof *chain->start));
    BA_TRY_ALLOC(chain->n_out, ba_malloc(n_neurons, sizeof *chain->n_out));
    BA_TRY_ALLOC(chain->p, ba_malloc(k, k * sizeof *chain->p));
    BA_TRY_ALLOC(chain->g, ba_malloc(k, d * sizeof *chain->g));
    BA_TRY_ALLOC(chain->t, ba_malloc(k, d * sizeof *chain->t));
    BA_TRY_ALLOC(chain->pa, ba_malloc(k, d * sizeof *chain->pa));
    BA_TRY_ALLOC(chain->wide, ba_malloc(k, d * sizeof *chain->wide));
    BA_TRY_ALLOC(chain->paa, ba_malloc(d, d * sizeof *chain->paa));
    BA_TRY_ALLOC(chain->s, ba_malloc(d, d * sizeof *chain->s));
    BA_TRY_ALLOC(chain->w, ba_malloc(d, d * sizeof *chain->w));
    BA_TRY_ALLOC(chain->b, ba_malloc(d, sizeof *chain->b));
    for (size_t j = 0; j < n_neurons; j++) {
        chain->start[cell[j] + 1]++;
    }
    for (size_t c = 0; c < n_neurons; c++) {
        chain->start[c + 1] += chain->start[c];
    }
out:
    return status;
}

/* P and log det of the set in its places. */
static int
refresh(chain_t *chain)
{
    int status;
    size_t k = chain->k;
    ba_dmat_t p = ba_dmat(chain->p, k, k, k);

    ba_inverse_columns(chain->inverse, chain->slot, chain->n, chain->columns);
    BA_TRY(
        ba_inverse_block(chain->inverse, chain->columns, k, chain->columns, k, chain->p));
    BA_TRY(ba_cholesky(p));
    chain->log_det = 0.0;
    for (size_t j = 0; j < k; j++) {
        chain->log_det += 2.0 * log(chain->p[j + j * k]);
    }
    ba_cholesky_invert(p);
out:
    return status;
}

/* Puts the chain on a set. */
static int
start_at(chain_t *chain, const size_t *set)
{
    int status = BA_OK;
    unsigned char *inside = NULL;

    BA_TRY_ALLOC(inside, ba_calloc(chain->n_neurons, 1));
    chain->at[0] = 0;
    for (size_t i = 0; i < chain->n; i++) {
        chain->slot[i] = set[i];
        chain->at[i + 1] =
            chain->at[i] + ba_inverse_columns(chain->inverse, set + i, 1, NULL);
        inside[set[i]] = 1;
    }
    memset(chain->n_out, 0, chain->n_neurons * sizeof *chain->n_out);
    for (size_t j = 0; j < chain->n_neurons; j++) {
        size_t c = chain->cell[j];

        if (!inside[j]) {
            chain->outside[chain->start[c] + chain->n_out[c]++] = j;
        }
    }
    BA_TRY(refresh(chain));
out:
    ba_free(inside);
    return status;
}

/* Cholesky factor of a d x d matrix in place and its log det; 0 where it has none. */
static int
factor_small(double *a, size_t d, double *log_det)
{
    *log_det = 0.0;
    for (size_t j = 0; j < d; j++) {
        for (size_t i = j; i < d; i++) {
            double value = a[i + j * d];

            for (size_t l = 0; l < j; l++) {
                value -= a[i + l * d] * a[j + l * d];
            }
            if (i == j && !(value > 0.0)) {
                return 0;
            }
            a[i + j * d] = i == j ? sqrt(value) : value / a[j + j * d];
        }
        *log_det += 2.0 * log(a[j + j * d]);
    }
    return 1;
}

/* wide (d x k) = the inverse of what was factored, times the transpose of tall (k x
 * d). */
static void
solve_transposed(
    const double *factor, size_t d, const double *tall, size_t k, double *wide)
{
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < d; j++) {
            wide[j + i * d] = tall[i + j * k];
        }
    }
    ba_cholesky_solve(ba_cdmat(factor, d, d, d), ba_dmat(wide, d, k, d));
}

/* s, T, P_aa and log det after the exchange; 0 where that is not positive. */
static int
look_ahead(chain_t *chain, size_t place, size_t d, double *log_det, int *status)
{
    size_t k = chain->k, a = chain->at[place];
    double gone, come;

    *status = ba_inverse_block(chain->inverse, chain->columns, k, chain->b, d, chain->g);
    *status = *status
                  ? *status
                  : ba_inverse_block(chain->inverse, chain->b, d, chain->b, d, chain->s);
    if (*status) {
        return 0;
    }
    for (size_t j = 0; j < d; j++) {
        memset(chain->g + a + j * k, 0, d * sizeof *chain->g);
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(chain->p, k, k, k), BA_KEEP,
        ba_cdmat(chain->g, k, d, k), 0.0, ba_dmat(chain->t, k, d, k));
    for (size_t j = 0; j < d; j++) {
        for (size_t i = 0; i < d; i++) {
            chain->paa[i + j * d] = chain->p[a + i + (a + j) * k];
            chain->w[i + j * d] = chain->t[a + i + j * k];
        }
    }
    if (!factor_small(chain->paa, d, &gone)) {
        return 0;
    }
    ba_cholesky_solve(ba_cdmat(chain->paa, d, d, d), ba_dmat(chain->w, d, d, d));
    ba_gemm_f64(-1.0, BA_TRANSPOSE, ba_cdmat(chain->g, k, d, k), BA_KEEP,
        ba_cdmat(chain->t, k, d, k), 1.0, ba_dmat(chain->s, d, d, d));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(chain->t + a, d, d, k), BA_KEEP,
        ba_cdmat(chain->w, d, d, d), 1.0, ba_dmat(chain->s, d, d, d));
    if (!factor_small(chain->s, d, &come)) {
        return 0;
    }
    *log_det = chain->log_det + gone + come;
    return 1;
}

/* The exchange itself, after look_ahead(). */
static void
take(chain_t *chain, size_t place, size_t d)
{
    size_t k = chain->k, a = chain->at[place];
    ba_dmat_t p = ba_dmat(chain->p, k, k, k);

    memcpy(chain->pa, chain->p + a * k, d * k * sizeof *chain->pa);
    ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(chain->pa, k, d, k), BA_KEEP,
        ba_cdmat(chain->w, d, d, d), 1.0, ba_dmat(chain->t, k, d, k));
    for (size_t j = 0; j < d; j++) {
        for (size_t i = 0; i < d; i++) {
            chain->t[a + i + j * k] = i == j ? -1.0 : 0.0;
        }
    }
    solve_transposed(chain->paa, d, chain->pa, k, chain->wide);
    ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(chain->pa, k, d, k), BA_KEEP,
        ba_cdmat(chain->wide, d, k, d), 1.0, p);
    solve_transposed(chain->s, d, chain->t, k, chain->wide);
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(chain->t, k, d, k), BA_KEEP,
        ba_cdmat(chain->wide, d, k, d), 1.0, p);
    memcpy(chain->columns + a, chain->b, d * sizeof *chain->columns);
}

static int
step(chain_t *chain)
{
    int status = BA_OK;
    size_t place = ba_rng_below(chain->rng, chain->n), gone = chain->slot[place];
    size_t c = chain->cell[gone], d = chain->at[place + 1] - chain->at[place], *other;
    double log_det;

    chain->n_steps++;
    if (chain->n_out[c] == 0) {
        return BA_OK;
    }
    other = chain->outside + chain->start[c] + ba_rng_below(chain->rng, chain->n_out[c]);
    ba_inverse_columns(chain->inverse, other, 1, chain->b);
    if (!look_ahead(chain, place, d, &log_det, &status) || log_det < chain->low ||
        log_det > chain->high) {
        return status;
    }
    take(chain, place, d);
    chain->log_det = log_det;
    chain->slot[place] = *other;
    *other = gone;
    if (++chain->n_accepted % REFRESH == 0) {
        BA_TRY(refresh(chain));
    }
out:
    return status;
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return (x > y) - (x < y);
}

/* n_sets sets on from where the chain starts. */
static int
walk(chain_t *chain, const size_t *set, size_t n_sets, size_t *out)
{
    int status = BA_OK;

    if (n_sets > 0) {
        BA_TRY(start_at(chain, set));
    }
    for (size_t b = 0; b < n_sets; b++) {
        for (size_t i = 0; i < STEPS * chain->n; i++) {
            BA_TRY(step(chain));
        }
        memcpy(out + b * chain->n, chain->slot, chain->n * sizeof *out);
        qsort(out + b * chain->n, chain->n, sizeof *out, compare_sizes);
    }
out:
    return status;
}

/* Deviation of log det over sets with the counts of the chain's. */
static int
measure(chain_t *chain, double *deviation)
{
    int status = BA_OK;
    size_t n_all = chain->start[chain->n_neurons], *shuffled = NULL, *drawn = NULL;
    double values[N_PROBES], mean = 0.0, squares = 0.0;

    BA_TRY_ALLOC(shuffled, ba_malloc(n_all, sizeof *shuffled));
    BA_TRY_ALLOC(drawn, ba_malloc(chain->n, sizeof *drawn));
    memcpy(shuffled, chain->outside, n_all * sizeof *shuffled);
    for (size_t i = 0; i < chain->n; i++) {
        size_t c = chain->cell[chain->slot[i]];

        shuffled[chain->start[c] + chain->n_out[c]++] = chain->slot[i];
    }
    for (size_t b = 0; b < N_PROBES; b++) {
        for (size_t i = 0; i < chain->n; i++) {
            size_t c = chain->cell[chain->slot[i]], first = chain->start[c];

            if (i == 0 || c != chain->cell[chain->slot[i - 1]]) {
                ba_rng_shuffle(chain->rng, shuffled + first, chain->start[c + 1] - first);
                chain->n_out[c] = 0;
            }
            drawn[i] = shuffled[first + chain->n_out[c]++];
        }
        BA_TRY(ba_inverse_log_det(chain->inverse, drawn, chain->n, &values[b]));
        mean += values[b] / N_PROBES;
    }
    for (size_t b = 0; b < N_PROBES; b++) {
        squares += (values[b] - mean) * (values[b] - mean);
    }
    *deviation = sqrt(squares / (N_PROBES - 1));
out:
    ba_free(shuffled);
    ba_free(drawn);
    return status;
}

/* The set by cell, which measure() wants, then by number. */
typedef struct {
    size_t cell, neuron;
} member_t;

static int
compare_members(const void *left, const void *right)
{
    const member_t *a = left, *b = right;

    return a->cell != b->cell ? (a->cell > b->cell) - (a->cell < b->cell)
                              : (a->neuron > b->neuron) - (a->neuron < b->neuron);
}

static int
sort_by_cell(const size_t *cell, const size_t *set, size_t n, size_t **out)
{
    int status = BA_OK;
    member_t *members = NULL;

    BA_TRY_ALLOC(members, ba_malloc(n, sizeof *members));
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    for (size_t i = 0; i < n; i++) {
        members[i] = (member_t){cell[set[i]], set[i]};
    }
    qsort(members, n, sizeof *members, compare_members);
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = members[i].neuron;
    }
out:
    ba_free(members);
    return status;
}

static int
check_room(const chain_t *chain)
{
    for (size_t i = 0; i < chain->n; i++) {
        if (chain->n_out[chain->cell[chain->slot[i]]] > 0) {
            return BA_OK;
        }
    }
    return ba_fail(BA_SHAPE,
        "a set of %zu neurons holds all neurons of its layers and strata, wanted a "
        "smaller "
        "set or fewer strata: no other set matches it",
        chain->n);
}

int
ba_matched_sets(const ba_inverse_t *inverse, const size_t *cell, size_t n_neurons,
    const size_t *set, size_t n, size_t n_sets, uint64_t seed, uint64_t stream,
    size_t *out, ba_matched_info_t *info)
{
    int status;
    chain_t chain = {0};
    size_t *sorted = NULL, n_before;

    *info = (ba_matched_info_t){0};
    BA_TRY(sort_by_cell(cell, set, n, &sorted));
    BA_TRY(make_chain(inverse, cell, n_neurons, sorted, n, &chain));
    BA_TRY_ALLOC(chain.rng, ba_rng_new(seed, stream));
    BA_TRY(start_at(&chain, sorted));
    BA_TRY(check_room(&chain));
    info->log_det = chain.log_det;
    BA_TRY(measure(&chain, &info->deviation));
    chain.low =
        info->log_det - window_width * info->deviation * ba_rng_uniform(chain.rng);
    chain.high = chain.low + window_width * info->deviation;
    info->low = chain.low;
    info->high = chain.high;
    n_before = ba_rng_below(chain.rng, n_sets + 1);
    BA_TRY(walk(&chain, sorted, n_before, out));
    BA_TRY(walk(&chain, sorted, n_sets - n_before, out + n_before * n));
    info->accepted =
        chain.n_steps > 0 ? (double) chain.n_accepted / (double) chain.n_steps : 0.0;
out:
    ba_free(sorted);
    free_chain(&chain);
    return status;
}
