/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens to fit on and tokens to test on.
 *
 * Word types are dealt within strata of frequency: octaves of the number of tokens of a
 * type, neighbours put together from the most frequent on until a stratum has 1 / fraction
 * types. Without strata a single "the" more or less would decide how many test tokens
 * there are, and rare words would all be on one side. */
#include "brainalign/concepts.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <string.h>

/* Streams of random numbers. */
enum { STREAM_TYPES = 0x7479, STREAM_SENTENCES = 0x7365 };

static int
make_sides(
    const ba_concepts_t *concepts, const unsigned char *side, ba_token_split_t *out)
{
    size_t n = concepts->n_tokens;
    int status = BA_OK;

    BA_TRY_ALLOC(out->train, ba_malloc(n, sizeof *out->train));
    BA_TRY_ALLOC(out->test, ba_malloc(n, sizeof *out->test));
    for (size_t t = 0; t < n; t++) {
        if (side[t] == 0) {
            out->train[out->n_train++] = t;
        } else if (side[t] == 1) {
            out->test[out->n_test++] = t;
        } else {
            out->n_dropped++;
        }
    }
out:
    return status;
}

/* Side 2 = dropped: test tokens of a type that the training side holds. */
static int
drop_known(const ba_concepts_t *concepts, unsigned char *side)
{
    unsigned char *is_known = NULL;
    int status = BA_OK;

    if (!concepts->type) {
        return ba_fail(BA_VALUE, "split: word types must differ, but the forms of the "
                                 "tokens are not known");
    }
    BA_TRY_ALLOC(is_known, ba_calloc(concepts->n_types, 1));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        is_known[concepts->type[t]] |= side[t] == 0;
    }
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        if (side[t] == 1 && is_known[concepts->type[t]]) {
            side[t] = 2;
        }
    }
out:
    ba_free(is_known);
    return status;
}

/* Deals groups of tokens in random order: one goes to the test side where that brings the
 * number of test tokens nearer to what is asked. */
static void
deal(ba_rng_t *rng, size_t *groups, size_t n_groups, const size_t *counts,
    double fraction, unsigned char *to_test)
{
    size_t n_tokens = 0, n_test = 0;

    for (size_t i = 0; i < n_groups; i++) {
        n_tokens += counts[groups[i]];
    }
    ba_rng_shuffle(rng, groups, n_groups);
    for (size_t i = 0; i < n_groups; i++) {
        size_t n = counts[groups[i]];

        if ((double) n_test + (double) n / 2 <= fraction * (double) n_tokens) {
            to_test[groups[i]] = 1;
            n_test += n;
        }
    }
}

static unsigned
octave(size_t count)
{
    unsigned k = 0;

    while (count > 1) {
        count >>= 1;
        k++;
    }
    return k;
}

/* From the most frequent types to the least. */
static int
deal_types(const size_t *counts, size_t n_types, double fraction, uint64_t seed,
    unsigned char *to_test)
{
    size_t *stratum = NULL, n = 0, least = (size_t) ceil(1 / fraction), n_left = n_types;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(rng, ba_rng_new(seed, STREAM_TYPES));
    BA_TRY_ALLOC(stratum, ba_malloc(n_types, sizeof *stratum));
    for (unsigned k = 64; k-- > 0;) {
        for (size_t i = 0; i < n_types; i++) {
            if (octave(counts[i]) == k) {
                stratum[n++] = i;
                n_left--;
            }
        }
        if (n > 0 && (n >= least || n_left == 0) && (n_left == 0 || n_left >= least)) {
            deal(rng, stratum, n, counts, fraction, to_test);
            n = 0;
        }
    }
out:
    ba_free(stratum);
    ba_rng_free(rng);
    return status;
}

static int
split_types(
    const ba_concepts_t *concepts, double fraction, uint64_t seed, unsigned char *side)
{
    unsigned char *to_test = NULL;
    size_t *counts = NULL;
    int status;

    if (!concepts->type) {
        return ba_fail(
            BA_VALUE, "split: by word types, but the forms of the tokens are not known");
    }
    BA_TRY_ALLOC(counts, ba_calloc(concepts->n_types, sizeof *counts));
    BA_TRY_ALLOC(to_test, ba_calloc(concepts->n_types, 1));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        counts[concepts->type[t]]++;
    }
    BA_TRY(deal_types(counts, concepts->n_types, fraction, seed, to_test));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        side[t] = to_test[concepts->type[t]];
    }
out:
    ba_free(counts);
    ba_free(to_test);
    return status;
}

static int
split_sentences(
    const ba_concepts_t *concepts, double fraction, uint64_t seed, unsigned char *side)
{
    size_t n_tokens = concepts->n_tokens, n;
    size_t *counts = NULL, *order = NULL;
    unsigned char *to_test = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    if (!concepts->sentence) {
        return ba_fail(BA_VALUE,
            "split: by sentences, but the sentences of the tokens are not known");
    }
    n = concepts->sentence[n_tokens - 1] + 1;
    BA_TRY_ALLOC(rng, ba_rng_new(seed, STREAM_SENTENCES));
    BA_TRY_ALLOC(counts, ba_calloc(n, sizeof *counts));
    BA_TRY_ALLOC(order, ba_malloc(n, sizeof *order));
    BA_TRY_ALLOC(to_test, ba_calloc(n, 1));
    for (size_t t = 0; t < n_tokens; t++) {
        counts[concepts->sentence[t]]++;
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    deal(rng, order, n, counts, fraction, to_test);
    for (size_t t = 0; t < n_tokens; t++) {
        side[t] = to_test[concepts->sentence[t]];
    }
out:
    ba_free(counts);
    ba_free(order);
    ba_free(to_test);
    ba_rng_free(rng);
    return status;
}

static int
choose_sides(const ba_concepts_t *concepts, ba_token_split_by_t by, double fraction,
    uint64_t seed, unsigned char *side)
{
    if (by == BA_SPLIT_PARTS) {
        if (!concepts->part) {
            return ba_fail(BA_VALUE, "split: by parts, but none are given");
        }
        memcpy(side, concepts->part, concepts->n_tokens);
        return BA_OK;
    }
    if (fraction <= 0) {
        return BA_OK;
    }
    return by == BA_SPLIT_TYPES ? split_types(concepts, fraction, seed, side)
                                : split_sentences(concepts, fraction, seed, side);
}

int
ba_concepts_split(const ba_concepts_t *concepts, ba_token_split_by_t by, double fraction,
    int disjoint_types, uint64_t seed, ba_token_split_t *out)
{
    unsigned char *side = NULL;
    int has_test = by == BA_SPLIT_PARTS || fraction > 0, status = BA_OK;

    *out = (ba_token_split_t){0};
    if (!(fraction >= 0 && fraction < 1)) {
        return ba_fail(
            BA_VALUE, "split: a fraction of %g, wanted 0 to below 1", fraction);
    }
    BA_TRY_ALLOC(side, ba_calloc(concepts->n_tokens, 1));
    BA_TRY(choose_sides(concepts, by, fraction, seed, side));
    if (disjoint_types && has_test) {
        BA_TRY(drop_known(concepts, side));
    }
    BA_TRY(make_sides(concepts, side, out));
    if (has_test && (out->n_train == 0 || out->n_test == 0)) {
        BA_TRY(ba_fail(BA_SHAPE,
            "split: %zu tokens to fit on, %zu to test on (%zu dropped), wanted some of "
            "both",
            out->n_train, out->n_test, out->n_dropped));
    }
out:
    ba_free(side);
    if (status != BA_OK) {
        ba_token_split_free(out);
    }
    return status;
}

void
ba_token_split_free(ba_token_split_t *split)
{
    ba_free(split->train);
    ba_free(split->test);
    *split = (ba_token_split_t){0};
}
