/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Double dissociations: concept a adds more than b to one region, b more than a to
 * another. Drops are z against the matched sets of each concept, so that what sets of
 * a concept's layers, variances and redundancy add anyway does not count. Null
 * hypothesis: which of the neurons that only one of the two has belong to which is
 * chance, within strata; exchanges draw it anew. An effect that is not above 0 has p
 * 1. Both simple effects must hold: p is the larger of theirs (intersection-union),
 * which at most 5 % of the cases reach where one of them is absent. */
#include "neurons/aligning_concepts.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t stream_of_pairs = UINT64_C(0x64697373) << 32;

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
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return (x > y) - (x < y);
}

/* Neurons that one of two concepts has, by stratum, and those that both have. */
typedef struct {
    size_t n, n_shared;
    member_t *members;       /* n */
    size_t *shared, *drawn;  /* n_shared, n */
    unsigned char *is_first; /* n: of the first concept */
} pair_t;

static void
free_pair(pair_t *pair)
{
    ba_free(pair->members);
    ba_free(pair->shared);
    ba_free(pair->drawn);
    ba_free(pair->is_first);
}

static int
make_pair(const ba_align_concepts_t *concepts, size_t a, size_t b, pair_t *pair)
{
    int status = BA_OK;
    size_t top = concepts->top;
    const size_t *one = concepts->neurons + a * top, *other = concepts->neurons + b * top;

    BA_TRY_ALLOC(pair->members, ba_malloc(2 * top, sizeof *pair->members));
    BA_TRY_ALLOC(pair->shared, ba_malloc(top, sizeof *pair->shared));
    BA_TRY_ALLOC(pair->drawn, ba_malloc(2 * top, sizeof *pair->drawn));
    BA_TRY_ALLOC(pair->is_first, ba_calloc(2 * top, 1));
    for (size_t i = 0; i < 2 * top; i++) {
        size_t j = i < top ? one[i] : other[i - top];

        if (!bsearch(&j, i < top ? other : one, top, sizeof j, compare_sizes)) {
            pair->members[pair->n++] = (member_t){concepts->cell[j], j};
        } else if (i < top) {
            pair->shared[pair->n_shared++] = j;
        }
    }
    qsort(pair->members, pair->n, sizeof *pair->members, compare_members);
    for (size_t i = 0; i < pair->n; i++) {
        pair->is_first[i] = bsearch(&pair->members[i].neuron, one, top, sizeof *one,
                                compare_sizes) != NULL;
    }
out:
    return status;
}

/* out: the two sets of an exchange, ascending. */
static void
exchange(pair_t *pair, size_t top, ba_rng_t *rng, size_t *out)
{
    size_t n[2] = {pair->n_shared, pair->n_shared}, stop;

    for (size_t set = 0; set < 2; set++) {
        memcpy(out + set * top, pair->shared, pair->n_shared * sizeof *out);
    }
    for (size_t first = 0; first < pair->n; first = stop) {
        for (stop = first + 1;
             stop < pair->n && pair->members[stop].cell == pair->members[first].cell;) {
            stop++;
        }
        for (size_t i = first; i < stop; i++) {
            pair->drawn[i] = pair->members[i].neuron;
        }
        ba_rng_shuffle(rng, pair->drawn + first, stop - first);
        for (size_t i = first; i < stop; i++) {
            size_t set = pair->is_first[i] ? 0 : 1;

            out[set * top + n[set]++] = pair->drawn[i];
        }
    }
    qsort(out, top, sizeof *out, compare_sizes);
    qsort(out + top, top, sizeof *out, compare_sizes);
}

int
ba_align_dissociation_make(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    size_t n = concepts->aligning->opts->n_exchanges, top = concepts->top, size, at = 0;
    ba_rng_t *rng = NULL;
    pair_t pair = {0};

    if (n == 0) {
        return BA_OK;
    }
    concepts->n_pairs = concepts->n * (concepts->n - 1) / 2;
    BA_TRY(ba_multiply(2 * concepts->n_pairs * n, top, &size));
    BA_TRY_ALLOC(concepts->pair_sets, ba_malloc(size, sizeof *concepts->pair_sets));
    for (size_t a = 0; a < concepts->n; a++) {
        for (size_t b = a + 1; b < concepts->n; b++) {
            BA_TRY(make_pair(concepts, a, b, &pair));
            BA_TRY_ALLOC(rng, ba_rng_new(concepts->ctx ? concepts->ctx->seed : 0,
                                  stream_of_pairs + a * concepts->n + b));
            for (size_t i = 0; i < n; i++, at++) {
                exchange(&pair, top, rng, concepts->pair_sets + 2 * at * top);
            }
            ba_rng_free(rng);
            rng = NULL;
            free_pair(&pair);
            pair = (pair_t){0};
        }
    }
out:
    ba_rng_free(rng);
    free_pair(&pair);
    return status;
}

/* ---- the test ---- */

/* (a in region - its mean) / its deviation less the same of b; NaN where there is
 * none. */
static double
contrast(const ba_align_concepts_t *concepts, size_t a, size_t b, size_t region,
    double drop_a, double drop_b)
{
    const ba_align_test_t *test = &concepts->tests[BA_ALIGN_MATCHED];
    size_t at_a = a * concepts->regions->n + region,
           at_b = b * concepts->regions->n + region;

    if (!(test->deviation[at_a] > 0.0) || !(test->deviation[at_b] > 0.0)) {
        return NAN;
    }
    return (drop_a - test->mean[at_a]) / test->deviation[at_a] -
           (drop_b - test->mean[at_b]) / test->deviation[at_b];
}

/* set: SIZE_MAX = the concepts themselves, else an exchange of the pair. */
static double
contrast_of(const ba_align_concepts_t *concepts, size_t a, size_t b, size_t pair,
    size_t set, size_t region)
{
    const ba_align_drops_t *drops = &concepts->drops;
    size_t n_regions = concepts->regions->n, each = drops->n_kept / concepts->n;
    size_t n = concepts->aligning->opts->n_exchanges;
    size_t first = drops->n_kept + 2 * (pair * n + set);
    size_t row_a = set == SIZE_MAX ? a * each : first;
    size_t row_b = set == SIZE_MAX ? b * each : first + 1;

    return contrast(concepts, a, b, region, drops->by_region[row_a * n_regions + region],
        drops->by_region[row_b * n_regions + region]);
}

static ba_align_dissociation_t
test_one(const ba_align_concepts_t *concepts, size_t a, size_t b, size_t pair, size_t r1,
    size_t r2)
{
    size_t n = concepts->aligning->opts->n_exchanges, above[3] = {0};
    double one = contrast_of(concepts, a, b, pair, SIZE_MAX, r1);
    double two = -contrast_of(concepts, a, b, pair, SIZE_MAX, r2);
    ba_align_dissociation_t found = {.a = a, .b = b, .region_a = r1, .region_b = r2};

    for (size_t i = 0; i < n; i++) {
        double null_one = contrast_of(concepts, a, b, pair, i, r1);
        double null_two = -contrast_of(concepts, a, b, pair, i, r2);

        above[0] += !(null_one + null_two < one + two);
        above[1] += !(null_one < one);
        above[2] += !(null_two < two);
    }
    found.difference = one + two;
    found.p_difference = one + two > 0.0 ? ba_permutation_p(above[0], n) : 1.0;
    found.p_a = one > 0.0 ? ba_permutation_p(above[1], n) : 1.0;
    found.p_b = two > 0.0 ? ba_permutation_p(above[2], n) : 1.0;
    found.p = found.p_a > found.p_b ? found.p_a : found.p_b;
    return found;
}

int
ba_align_dissociation_run(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    size_t n_regions = concepts->regions->n, n = 0, pair = 0;
    double *q = NULL;

    if (concepts->n_pairs == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(concepts->dissociations,
        ba_malloc(concepts->n_pairs,
            (n_regions - 1) * (n_regions - 2) * sizeof *concepts->dissociations));
    for (size_t a = 0; a < concepts->n; a++) {
        for (size_t b = a + 1; b < concepts->n; b++, pair++) {
            for (size_t r1 = 1; r1 < n_regions; r1++) {
                for (size_t r2 = 1; r2 < n_regions; r2++) {
                    if (r1 != r2) {
                        concepts->dissociations[n++] =
                            test_one(concepts, a, b, pair, r1, r2);
                    }
                }
            }
        }
    }
    concepts->n_dissociations = n;
    BA_TRY_ALLOC(q, ba_malloc(n, sizeof *q));
    for (size_t i = 0; i < n; i++) {
        q[i] = concepts->dissociations[i].p;
    }
    BA_TRY(ba_fdr_bh(q, n, q));
    for (size_t i = 0; i < n; i++) {
        concepts->dissociations[i].q = q[i];
    }
out:
    ba_free(q);
    return status;
}
