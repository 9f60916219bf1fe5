/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recorded samples that one sample of a fit is the mean of. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"

#include <stdint.h>

void
ba_blocks_free(ba_blocks_t *blocks)
{
    ba_free(blocks->first);
    ba_free(blocks->rows);
    ba_runs_free(&blocks->runs);
    *blocks = (ba_blocks_t){0};
}

static int
read_ids(const ba_ctx_t *ctx, const char *spec, size_t n, double *ids)
{
    int status;
    ba_source_t *source = NULL;

    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    if (ba_source_n_cols(source) != 1 || ba_source_n_rows(source) != n) {
        BA_TRY(
            ba_fail(BA_SHAPE, "%s: %zu x %zu numbers, wanted one for each of %zu samples",
                spec, ba_source_n_rows(source), ba_source_n_cols(source), n));
    }
    BA_TRY(ba_source_read(source, 0, 0, n, 0, 1, ids, n));
out:
    ba_source_close(source);
    return status;
}

/* block[t] becomes the number of sample t's block by first appearance, SIZE_MAX none. */
static int
number_blocks(const char *spec, const ba_runs_t *runs, const double *ids, size_t *start,
    size_t *block, size_t *n_blocks)
{
    size_t n = 0;

    for (size_t t = 0; t < runs->n_samples; t++) {
        size_t k = n;

        block[t] = SIZE_MAX;
        if (!(ids[t] >= 0.0)) {
            continue;
        }
        while (k > 0 && ids[start[k - 1]] != ids[t]) {
            k--;
        }
        if (k == 0) {
            start[n] = t;
            k = ++n;
        }
        block[t] = k - 1;
        if (ba_runs_of(runs, t) != ba_runs_of(runs, start[k - 1])) {
            return ba_fail(BA_SHAPE,
                "%s: block %g has samples %zu and %zu (from 0) of two runs, wanted one "
                "number for a block of one run",
                spec, ids[t], start[k - 1], t);
        }
    }
    if (n == 0) {
        return ba_fail(BA_SHAPE,
            "%s: no sample is in a block, wanted numbers of at "
            "least 0",
            spec);
    }
    *n_blocks = n;
    return BA_OK;
}

/* Lists the samples of each block. Blocks stand in the order of their first samples, so
 * that those of a run stay together. */
static int
list_blocks(const ba_runs_t *runs, const size_t *block, size_t n, const size_t *start,
    ba_blocks_t *out)
{
    int status = BA_OK;
    double *run_ids = NULL;
    size_t *next = NULL;

    out->n = n;
    BA_TRY_ALLOC(out->first, ba_calloc(n + 1, sizeof *out->first));
    BA_TRY_ALLOC(out->rows, ba_malloc(runs->n_samples, sizeof *out->rows));
    BA_TRY_ALLOC(run_ids, ba_malloc(n, sizeof *run_ids));
    BA_TRY_ALLOC(next, ba_malloc(n, sizeof *next));
    for (size_t t = 0; t < runs->n_samples; t++) {
        if (block[t] != SIZE_MAX) {
            out->first[block[t] + 1]++;
        }
    }
    for (size_t k = 0; k < n; k++) {
        next[k] = out->first[k];
        out->first[k + 1] += out->first[k];
        run_ids[k] = (double) ba_runs_of(runs, start[k]);
    }
    for (size_t t = 0; t < runs->n_samples; t++) {
        if (block[t] != SIZE_MAX) {
            out->rows[next[block[t]]++] = t;
        }
    }
    BA_TRY(ba_runs_from_ids(run_ids, n, "blocks", &out->runs));
out:
    ba_free(run_ids);
    ba_free(next);
    return status;
}

/* Every sample by itself, or by its number; those of runs that are left out belong to
 * none. */
static int
find_blocks(const ba_ctx_t *ctx, const char *spec, const ba_runs_t *runs,
    const unsigned char *is_left_out, size_t *start, size_t *block, size_t *n_blocks)
{
    int status = BA_OK;
    double *ids = NULL;

    BA_TRY_ALLOC(ids, ba_calloc(runs->n_samples, sizeof *ids));
    if (spec) {
        BA_TRY(read_ids(ctx, spec, runs->n_samples, ids));
    }
    for (size_t r = 0; is_left_out && r < runs->n_runs; r++) {
        for (size_t t = runs->onset[r]; is_left_out[r] && t < runs->onset[r + 1]; t++) {
            ids[t] = -1.0;
        }
    }
    if (spec) {
        BA_TRY(number_blocks(spec, runs, ids, start, block, n_blocks));
        goto out;
    }
    *n_blocks = 0;
    for (size_t t = 0; t < runs->n_samples; t++) {
        block[t] = ids[t] < 0.0 ? SIZE_MAX : *n_blocks;
        start[*n_blocks] = t;
        *n_blocks += block[t] != SIZE_MAX;
    }
out:
    ba_free(ids);
    return status;
}

int
ba_blocks_read(const ba_ctx_t *ctx, const char *spec, const ba_runs_t *runs,
    const unsigned char *is_left_out, ba_blocks_t *out)
{
    int status = BA_OK;
    size_t n = runs->n_samples, n_blocks = 0;
    size_t *start = NULL, *block = NULL;

    *out = (ba_blocks_t){0};
    BA_TRY_ALLOC(start, ba_malloc(n, sizeof *start));
    BA_TRY_ALLOC(block, ba_malloc(n, sizeof *block));
    BA_TRY(find_blocks(ctx, spec, runs, is_left_out, start, block, &n_blocks));
    BA_TRY(list_blocks(runs, block, n_blocks, start, out));
out:
    if (status != BA_OK) {
        ba_blocks_free(out);
    }
    ba_free(start);
    ba_free(block);
    return status;
}
