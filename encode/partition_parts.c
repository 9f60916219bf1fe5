/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which combinations of spaces are fitted, and their candidates. */
#include "encode/partition_impl.h"

#include "core/alloc.h"

#include <string.h>

static int
count_bits(uint32_t set)
{
    int n = 0;

    for (; set; set &= set - 1) {
        n++;
    }
    return n;
}

size_t
ba_parts_model(const ba_parts_t *parts, uint32_t set)
{
    size_t m = 0;

    while (m < parts->n_models && parts->sets[m] != set) {
        m++;
    }
    return m;
}

static void
add(ba_parts_t *parts, uint32_t set)
{
    if (set != 0 && ba_parts_model(parts, set) == parts->n_models) {
        parts->sets[parts->n_models++] = set;
    }
}

/* From single spaces to all of them. */
static int
list_sets(ba_parts_t *parts)
{
    int status = BA_OK;
    size_t n = parts->n_spaces, room = 2 * n + ((size_t) 1 << BA_MOST_VENN);
    uint32_t all = n < 32 ? ((uint32_t) 1 << n) - 1 : UINT32_MAX;

    BA_TRY_ALLOC(parts->sets, ba_calloc(room, sizeof *parts->sets));
    BA_TRY_ALLOC(parts->alone, ba_calloc(n, sizeof *parts->alone));
    BA_TRY_ALLOC(parts->without, ba_calloc(n, sizeof *parts->without));
    if (n <= BA_MOST_VENN) {
        for (int size = 1; size <= (int) n; size++) {
            for (uint32_t set = 1; set <= all; set++) {
                if (count_bits(set) == size) {
                    add(parts, set);
                }
            }
        }
    }
    for (size_t k = 0; k < n; k++) {
        add(parts, (uint32_t) 1 << k);
    }
    for (size_t k = 0; k < n; k++) {
        add(parts, all & ~((uint32_t) 1 << k));
    }
    add(parts, all);
    for (size_t k = 0; k < n; k++) {
        parts->alone[k] = ba_parts_model(parts, (uint32_t) 1 << k);
        parts->without[k] = ba_parts_model(parts, all & ~((uint32_t) 1 << k));
    }
out:
    return status;
}

static int
list_candidates(const ba_bands_t *bands, ba_parts_t *parts)
{
    int status = BA_OK;
    size_t n = parts->n_spaces, most = parts->n_models * bands->n_candidates, at = 0;
    uint8_t wanted[BA_MOST_PARTS];

    BA_TRY_ALLOC(parts->gammas, ba_calloc(most, n * sizeof *parts->gammas));
    BA_TRY_ALLOC(parts->models, ba_calloc(most, sizeof *parts->models));
    for (size_t m = 0; m < parts->n_models; m++) {
        size_t n_new;

        for (size_t k = 0; k < n; k++) {
            wanted[k] = (uint8_t) (parts->sets[m] >> k & 1);
        }
        n_new = ba_bands_part(bands, wanted, parts->gammas + at * n);
        if (n_new == 0) {
            BA_TRY(ba_fail(BA_VALUE, "bands: no candidate for one of the combinations, "
                                     "wanted one in which no space is 0"));
        }
        for (size_t i = 0; i < n_new; i++) {
            parts->models[at++] = (int32_t) m;
        }
    }
    parts->bands = *bands;
    parts->bands.gammas = parts->gammas;
    parts->bands.n_candidates = at;
    parts->bands.models = parts->models;
    parts->bands.n_models = parts->n_models;
out:
    return status;
}

int
ba_parts_make(const ba_bands_t *bands, ba_parts_t *out)
{
    int status;

    *out = (ba_parts_t){.n_spaces = bands->n_spaces};
    if (bands->n_spaces < 2 || bands->n_spaces > BA_MOST_PARTS) {
        return ba_fail(BA_SHAPE, "partition: %zu feature spaces, wanted 2 to %d",
            bands->n_spaces, BA_MOST_PARTS);
    }
    BA_TRY(list_sets(out));
    BA_TRY(list_candidates(bands, out));
out:
    return status;
}

void
ba_parts_free(ba_parts_t *parts)
{
    ba_free(parts->sets);
    ba_free(parts->alone);
    ba_free(parts->without);
    ba_free(parts->gammas);
    ba_free(parts->models);
}
