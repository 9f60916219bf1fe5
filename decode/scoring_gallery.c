/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Candidates found by their values: by fingerprints first, then number by number. */
#include "decode/scoring_impl.h"

#include "brainalign/hash.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    uint64_t hash;
    size_t item;
} keyed_t;

static uint64_t
hash_item(const ba_patterns_t *patterns, size_t item)
{
    size_t n_cols = patterns->segment * patterns->n_dims;
    uint64_t hash = 0;

    for (size_t j = 0; j < n_cols; j++) {
        /* -0 and 0 are the same value. */
        hash = ba_hash_number(hash, patterns->flat[item + j * patterns->n_items] + 0.0);
    }
    return hash;
}

static int
is_same(const ba_patterns_t *a, size_t i, const ba_patterns_t *b, size_t j)
{
    for (size_t c = 0; c < a->segment * a->n_dims; c++) {
        if (a->flat[i + c * a->n_items] != b->flat[j + c * b->n_items]) {
            return 0;
        }
    }
    return 1;
}

static int
compare_keys(const void *a, const void *b)
{
    const keyed_t *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->item < y->item ? -1 : x->item > y->item;
}

static int
make_keys(const ba_patterns_t *patterns, keyed_t **out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_malloc(patterns->n_items, sizeof **out));
    for (size_t i = 0; i < patterns->n_items; i++) {
        (*out)[i] = (keyed_t){hash_item(patterns, i), i};
    }
    qsort(*out, patterns->n_items, sizeof **out, compare_keys);
out:
    return status;
}

/* The first item of `in` that equals item i of `patterns`, or n_items. */
static size_t
find(
    const ba_patterns_t *patterns, size_t i, const ba_patterns_t *in, const keyed_t *keys)
{
    uint64_t hash = hash_item(patterns, i);
    size_t low = 0, high = in->n_items;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (keys[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < in->n_items && keys[low].hash == hash; low++) {
        if (is_same(patterns, i, in, keys[low].item)) {
            return keys[low].item;
        }
    }
    return in->n_items;
}

/* As told: whole numbers from 0. */
static int
read_own(const ba_scoring_inputs_t *inputs, size_t *own)
{
    size_t n = inputs->n_items;
    double *numbers = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(numbers, ba_malloc(n, sizeof *numbers));
    BA_TRY(ba_source_read(inputs->own, 0, 0, n, 0, 1, numbers, n));
    for (size_t i = 0; i < n; i++) {
        if (!(numbers[i] >= 0 && numbers[i] < (double) inputs->n_candidates) ||
            numbers[i] != floor(numbers[i])) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: row %zu: found %g, wanted a row of the gallery, 0 "
                "to %zu",
                ba_source_name(inputs->own), i, numbers[i], inputs->n_candidates - 1));
        }
        own[i] = (size_t) numbers[i];
    }
out:
    ba_free(numbers);
    return status;
}

int
ba_scoring_own(const ba_scoring_inputs_t *inputs, const ba_patterns_t *truth,
    const ba_patterns_t *gallery, size_t **own)
{
    keyed_t *keys = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(*own, ba_malloc(inputs->n_items, sizeof **own));
    if (inputs->own) {
        BA_TRY(read_own(inputs, *own));
        goto out;
    }
    BA_TRY(make_keys(gallery, &keys));
    for (size_t i = 0; i < inputs->n_items; i++) {
        (*own)[i] = find(truth, i, gallery, keys);
        if ((*own)[i] == gallery->n_items) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: nothing equals item %zu of %s, wanted its row in "
                "the gallery",
                ba_source_name(inputs->gallery), i, ba_source_name(inputs->truth)));
        }
    }
out:
    ba_free(keys);
    return status;
}

int
ba_scoring_identical(const ba_patterns_t *candidates, size_t *n)
{
    keyed_t *keys = NULL;
    int status;

    *n = 0;
    BA_TRY(make_keys(candidates, &keys));
    for (size_t i = 0; i < candidates->n_items; i++) {
        *n += find(candidates, i, candidates, keys) != i;
    }
out:
    ba_free(keys);
    return status;
}
