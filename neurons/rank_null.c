/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Labels exchanged between word types.
 *
 * Tokens of a word type share most of what drives a neuron, and often their label, so they
 * are no independent observations; word types are taken for such, given their frequency.
 * Null hypothesis: within a stratum of types that are about as frequent, the distribution
 * of labels of a type does not depend on its activations. Then exchanging the labels of
 * types within strata leaves the distribution of any score as it is.
 *
 * Strata: types with the same whole part of log2(tokens), from the most frequent down; a
 * stratum of fewer than min_stratum types takes in the next, the last one joins the one
 * before. Types alone in their stratum keep their labels.
 *
 * A permutation draws a donor for every type of a stratum without replacement (a type may
 * be its own). The donor's m tokens are put in random order, and token i of the n of the
 * type gets the labels of donor token floor(i m / n): all of them once where n = m, else
 * each floor(n / m) or ceil(n / m) times, or every (m / n)-th. So all labels of a token
 * move together, and a type with several tags hands on its mixture of them. Where counts
 * differ (by less than a factor of 2, but in joined strata) the number of tokens of a
 * concept changes a little from one permutation to the next. */
#include "neurons/rank_impl.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t stream_of_permutations = UINT64_C(0x6e70726d) << 32;
static const uint64_t stream_of_halves = UINT64_C(0x6e686c66) << 32;

typedef struct {
    size_t n_tokens, type;
} frequency_t;

static int
compare_frequency(const void *a, const void *b)
{
    const frequency_t *left = a, *right = b;

    if (left->n_tokens != right->n_tokens) {
        return left->n_tokens > right->n_tokens ? -1 : 1;
    }
    return (left->type > right->type) - (left->type < right->type);
}

static unsigned
log2_of(size_t n)
{
    unsigned bits = 0;

    for (; n > 1; n >>= 1) {
        bits++;
    }
    return bits;
}

static int
cut_strata(size_t min_stratum, rank_types_t *types)
{
    int status = BA_OK;
    size_t n = types->n_types, start = 0;
    frequency_t *sorted = NULL;

    BA_TRY_ALLOC(sorted, ba_malloc(n, sizeof *sorted));
    BA_TRY_ALLOC(types->member, ba_malloc(n, sizeof *types->member));
    BA_TRY_ALLOC(types->stratum, ba_calloc(n + 1, sizeof *types->stratum));
    for (size_t t = 0; t < n; t++) {
        sorted[t] = (frequency_t){types->first[t + 1] - types->first[t], t};
    }
    qsort(sorted, n, sizeof *sorted, compare_frequency);
    for (size_t i = 0; i < n; i++) {
        if (i - start >= min_stratum &&
            log2_of(sorted[i].n_tokens) != log2_of(sorted[i - 1].n_tokens)) {
            types->stratum[++types->n_strata] = start = i;
        }
        types->member[i] = (uint32_t) sorted[i].type;
    }
    if (types->n_strata == 0 || n - start >= min_stratum) {
        types->n_strata += n > 0;
    }
    types->stratum[types->n_strata] = n;
    for (size_t s = 0; s < types->n_strata; s++) {
        types->n_fixed += types->stratum[s + 1] - types->stratum[s] == 1;
    }
out:
    ba_free(sorted);
    return status;
}

/* Types that training rows have, numbered by first appearance. */
static int
gather_types(const rank_labels_t *labels, const uint32_t *unit, rank_types_t *types)
{
    int status = BA_OK;
    size_t largest = 0, *number = NULL;

    for (size_t i = 0; unit && i < labels->n_rows; i++) {
        size_t u = unit[labels->rows[i]];

        largest = u > largest ? u : largest;
    }
    BA_TRY_ALLOC(number, ba_calloc(unit ? largest + 1 : labels->n_rows, sizeof *number));
    BA_TRY_ALLOC(types->first, ba_calloc(labels->n_train + 2, sizeof *types->first));
    BA_TRY_ALLOC(types->row, ba_malloc(labels->n_train, sizeof *types->row));
    for (size_t i = 0; i < labels->n_rows; i++) {
        size_t u = unit ? unit[labels->rows[i]] : i;

        if (!labels->test[i]) {
            number[u] = number[u] > 0 ? number[u] : ++types->n_types;
            types->first[number[u] + 1]++;
        }
    }
    for (size_t t = 0; t < types->n_types; t++) {
        types->first[t + 2] += types->first[t + 1];
    }
    for (size_t i = 0; i < labels->n_rows; i++) {
        if (!labels->test[i]) {
            types->row[types->first[number[unit ? unit[labels->rows[i]] : i]]++] =
                (uint32_t) i;
        }
    }
out:
    ba_free(number);
    return status;
}

int
ba_rank_types_new(const rank_labels_t *labels, const uint32_t *unit, size_t min_stratum,
    rank_types_t *out)
{
    int status = BA_OK;
    rank_types_t types = {0};

    BA_TRY(gather_types(labels, unit, &types));
    BA_TRY(cut_strata(min_stratum > 0 ? min_stratum : 1, &types));
    *out = types;
    types = (rank_types_t){0};
out:
    ba_rank_types_free(&types);
    return status;
}

void
ba_rank_types_free(rank_types_t *types)
{
    ba_free(types->first);
    ba_free(types->row);
    ba_free(types->stratum);
    ba_free(types->member);
    *types = (rank_types_t){0};
}

/* The rows of type `to` get the labels of type `from`. */
static void
hand_on(const rank_labels_t *labels, const rank_types_t *types, size_t from, size_t to,
    ba_rng_t *rng, size_t *order, uint32_t *set)
{
    size_t m = types->first[from + 1] - types->first[from];
    size_t n = types->first[to + 1] - types->first[to];

    for (size_t i = 0; i < m; i++) {
        order[i] = types->row[types->first[from] + i];
    }
    ba_rng_shuffle(rng, order, m);
    for (size_t i = 0; i < n; i++) {
        set[types->row[types->first[to] + i]] = labels->set[order[i * m / n]];
    }
}

int
ba_rank_permute(const rank_labels_t *labels, const rank_types_t *types, uint64_t seed,
    size_t index, size_t *scratch, rank_labelling_t *out)
{
    ba_rng_t *rng = ba_rng_new(seed, stream_of_permutations + index);
    size_t *donor = scratch, *order = scratch + types->n_types;

    if (!rng) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < labels->n_rows; i++) {
        out->set[i] = labels->test[i] ? RANK_LEFT_OUT : labels->set[i];
    }
    for (size_t s = 0; s < types->n_strata; s++) {
        size_t start = types->stratum[s], n = types->stratum[s + 1] - start;

        for (size_t i = 0; i < n; i++) {
            donor[i] = types->member[start + i];
        }
        ba_rng_shuffle(rng, donor, n);
        for (size_t i = 0; n > 1 && i < n; i++) {
            hand_on(
                labels, types, donor[i], types->member[start + i], rng, order, out->set);
        }
    }
    ba_rng_free(rng);
    ba_rank_labelling_count(labels, out);
    return BA_OK;
}

int
ba_rank_halve(const rank_labels_t *labels, const rank_types_t *types, uint64_t seed,
    size_t index, size_t *scratch, rank_labelling_t halves[2])
{
    ba_rng_t *rng = ba_rng_new(seed, stream_of_halves + index);
    size_t dealt = 0;

    if (!rng) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < labels->n_rows; i++) {
        halves[0].set[i] = halves[1].set[i] = RANK_LEFT_OUT;
    }
    for (size_t s = 0; s < types->n_strata; s++) {
        size_t start = types->stratum[s], n = types->stratum[s + 1] - start;

        for (size_t i = 0; i < n; i++) {
            scratch[i] = types->member[start + i];
        }
        ba_rng_shuffle(rng, scratch, n);
        for (size_t i = 0; i < n; i++, dealt++) {
            for (size_t e = types->first[scratch[i]]; e < types->first[scratch[i] + 1];
                 e++) {
                halves[dealt % 2].set[types->row[e]] = labels->set[types->row[e]];
            }
        }
    }
    ba_rng_free(rng);
    ba_rank_labelling_count(labels, &halves[0]);
    ba_rank_labelling_count(labels, &halves[1]);
    return BA_OK;
}
