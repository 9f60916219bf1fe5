/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/runs.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
allocate(size_t n_samples, size_t n_runs, ba_runs_t *out)
{
    size_t *onset = ba_calloc(n_runs + 1, sizeof *onset);

    if (!onset) {
        return BA_NOMEM;
    }
    onset[n_runs] = n_samples;
    *out = (ba_runs_t){.n_samples = n_samples, .n_runs = n_runs, .onset = onset};
    return BA_OK;
}

int
ba_runs_one(size_t n_samples, ba_runs_t *out)
{
    return allocate(n_samples, 1, out);
}

typedef struct {
    double id;
    size_t onset;
} stretch_t;

static int
compare_stretches(const void *a, const void *b)
{
    const stretch_t *left = a, *right = b;

    if (left->id != right->id) {
        return left->id < right->id ? -1 : 1;
    }
    return (left->onset > right->onset) - (left->onset < right->onset);
}

/* Sorted by id, a run that comes back stands next to its first stretch. Reports the
 * earliest. */
static int
check_unique(const double *ids, const char *name, const ba_runs_t *runs)
{
    stretch_t *sorted = ba_malloc(runs->n_runs, sizeof *sorted);
    size_t back = runs->n_samples;

    if (!sorted) {
        return BA_NOMEM;
    }
    for (size_t k = 0; k < runs->n_runs; k++) {
        sorted[k] = (stretch_t){.id = ids[runs->onset[k]], .onset = runs->onset[k]};
    }
    qsort(sorted, runs->n_runs, sizeof *sorted, compare_stretches);
    for (size_t k = 1; k < runs->n_runs; k++) {
        if (sorted[k].id == sorted[k - 1].id && sorted[k].onset < back) {
            back = sorted[k].onset;
        }
    }
    ba_free(sorted);
    if (back < runs->n_samples) {
        return ba_fail(BA_SHAPE,
            "%s: run %.15g comes back at row %zu after run %.15g, wanted every run in "
            "one "
            "piece",
            name, ids[back], back, ids[back - 1]);
    }
    return BA_OK;
}

int
ba_runs_from_ids(const double *ids, size_t n_samples, const char *name, ba_runs_t *out)
{
    ba_runs_t runs = {0};
    size_t n_runs = 0;
    int status;

    if (n_samples == 0) {
        return ba_fail(BA_SHAPE, "%s: found no samples, wanted the run of each", name);
    }
    for (size_t t = 0; t < n_samples; t++) {
        if (!isfinite(ids[t])) {
            return ba_fail(BA_NONFINITE,
                "%s: the run of row %zu is %g, wanted a finite number", name, t, ids[t]);
        }
        n_runs += t == 0 || ids[t] != ids[t - 1];
    }
    BA_TRY(allocate(n_samples, n_runs, &runs));
    for (size_t t = 1, k = 1; t < n_samples; t++) {
        if (ids[t] != ids[t - 1]) {
            runs.onset[k++] = t;
        }
    }
    BA_TRY(check_unique(ids, name, &runs));
    *out = runs;
    return BA_OK;
out:
    ba_runs_free(&runs);
    return status;
}

int
ba_runs_from_onsets(
    const size_t *onsets, size_t n_onsets, size_t n_samples, ba_runs_t *out)
{
    int status;

    if (n_onsets == 0 || onsets[0] != 0) {
        return n_onsets == 0
                   ? ba_fail(BA_VALUE, "runs: found no onsets, wanted the first to be 0")
                   : ba_fail(
                         BA_VALUE, "runs: the first onset is %zu, wanted 0", onsets[0]);
    }
    for (size_t k = 0; k < n_onsets; k++) {
        if (k > 0 && onsets[k] <= onsets[k - 1]) {
            return ba_fail(BA_VALUE,
                "runs: onset %zu comes after %zu, wanted them to ascend", onsets[k],
                onsets[k - 1]);
        }
        if (onsets[k] >= n_samples) {
            return ba_fail(BA_VALUE, "runs: onset %zu, wanted less than the %zu samples",
                onsets[k], n_samples);
        }
    }
    BA_TRY(allocate(n_samples, n_onsets, out));
    memcpy(out->onset, onsets, n_onsets * sizeof *onsets);
out:
    return status;
}

int
ba_runs_trim(
    const ba_runs_t *runs, size_t first, size_t last, size_t *kept, ba_runs_t *out)
{
    ba_runs_t trimmed = {0};
    size_t n_kept = 0;
    int status;

    for (size_t k = 0; k < runs->n_runs; k++) {
        size_t length = runs->onset[k + 1] - runs->onset[k];

        if (first >= length || last >= length - first) {
            return ba_fail(BA_SHAPE,
                "trim: run %zu (counted from 0) has %zu samples, wanted more than the "
                "%zu "
                "at its start and %zu at its end that are dropped",
                k, length, first, last);
        }
    }
    BA_TRY(allocate(0, runs->n_runs, &trimmed));
    for (size_t k = 0; k < runs->n_runs; k++) {
        trimmed.onset[k] = n_kept;
        for (size_t t = runs->onset[k] + first; t < runs->onset[k + 1] - last; t++) {
            kept[n_kept++] = t;
        }
    }
    trimmed.n_samples = trimmed.onset[runs->n_runs] = n_kept;
    *out = trimmed;
out:
    return status;
}

size_t
ba_runs_of(const ba_runs_t *runs, size_t t)
{
    size_t low = 0, high = runs->n_runs;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (runs->onset[middle] <= t) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void
ba_runs_free(ba_runs_t *runs)
{
    if (runs) {
        ba_free(runs->onset);
        *runs = (ba_runs_t){0};
    }
}
