/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses as predictors: as they are read and prepared within runs (decoder_reading.c),
 * averaged over blocks, kept in the precision of the fit. The delays of a design move
 * features later, those of decoding reach forward, so that their signs differ. */
#include "decode/decoder_impl.h"
#include "decode/decoder_reading.h"

#include "core/alloc.h"
#include "core/error_keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The mean over a block of a column moved by `lag`, within the block's run; NaN where
 * nothing of it was recorded. */
static double
block_mean(const ba_blocks_t *blocks, const ba_runs_t *runs, const double *column,
    size_t block, int lag)
{
    size_t run = ba_runs_of(runs, blocks->rows[blocks->first[block]]), n = 0;
    double sum = 0.0;

    for (size_t i = blocks->first[block]; i < blocks->first[block + 1]; i++) {
        ptrdiff_t t = (ptrdiff_t) blocks->rows[i] + lag;

        if (t >= (ptrdiff_t) runs->onset[run] && t < (ptrdiff_t) runs->onset[run + 1]) {
            sum += column[t];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static void
put(ba_decoder_inputs_t *out, size_t at, double value)
{
    if (out->single) {
        out->single[at] = (float) value;
    } else {
        out->full[at] = value;
    }
}

/* Means of a column over blocks, for every delay. */
static int
store_blocks(const ba_blocks_t *blocks, const ba_runs_t *runs, const double *column,
    size_t j, ba_decoder_inputs_t *out)
{
    for (size_t l = 0; l < out->n_lags; l++) {
        for (size_t i = 0; i < blocks->n; i++) {
            double mean = block_mean(blocks, runs, column, i, out->lags[l]);

            if (isnan(mean)) {
                return ba_fail(BA_SHAPE,
                    "blocks: block %zu (from 0, by first appearance) has no "
                    "response %d samples on in its run",
                    i, out->lags[l]);
            }
            put(out, i + (l * out->n_voxels + j) * blocks->n, mean);
        }
    }
    return BA_OK;
}

/* Without blocks every sample of the fit is one that was recorded. */
static void
store_samples(
    const ba_blocks_t *blocks, const double *column, size_t j, ba_decoder_inputs_t *out)
{
    size_t n = blocks->n, at = j * n;

    for (size_t i = 0; out->single && i < n; i++) {
        out->single[at + i] = (float) column[blocks->rows[i]];
    }
    for (size_t i = 0; out->full && i < n; i++) {
        out->full[at + i] = column[blocks->rows[i]];
    }
}

/* Whether the next column that is kept stands before `stop`. */
static int
is_wanted(const ba_decoder_inputs_t *inputs, size_t at, size_t stop)
{
    return at < inputs->n_voxels && (inputs->columns ? inputs->columns[at] : at) < stop;
}

/* Columns at .. stop of those that are kept, which were read from column `from` on; the
 * threads share the work, since most of it is memory that is touched for the first time. */
static int
store_columns(const ba_ctx_t *ctx, const ba_reading_t *reading, const ba_blocks_t *blocks,
    int by_block, size_t from, size_t at, size_t stop, ba_decoder_inputs_t *out)
{
    ba_error_keep_t keep = {.status = BA_OK};

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t i = at; i < stop; i++) {
        size_t j = (out->columns ? out->columns[i] : i) - from;
        const double *column = reading->buffer + j * reading->runs->n_samples;

        if (by_block) {
            ba_error_keep(&keep, store_blocks(blocks, reading->runs, column, i, out));
        } else {
            store_samples(blocks, column, i, out);
        }
    }
    return ba_error_raise(&keep);
}

static int
read_columns(const ba_ctx_t *ctx, ba_reading_t *reading, const ba_blocks_t *blocks,
    int by_block, ba_decoder_inputs_t *out)
{
    int status = BA_OK;
    size_t at = 0, stop, m;
    size_t n_cols = ba_source_n_cols(reading->part->responses);
    unsigned char is_used[BA_READING_COLUMNS];

    for (size_t from = 0; from < n_cols; from += m) {
        m = n_cols - from < BA_READING_COLUMNS ? n_cols - from : BA_READING_COLUMNS;
        if (!is_wanted(out, at, from + m)) {
            continue;
        }
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_reading_columns(reading, from, m, is_used, NULL));
        for (stop = at; is_wanted(out, stop, from + m); stop++) {
            size_t j = (out->columns ? out->columns[stop] : stop) - from;

            out->is_used[stop] = is_used[j];
            out->n_unusable += !is_used[j];
        }
        BA_TRY(store_columns(ctx, reading, blocks, by_block, from, at, stop, out));
        at = stop;
    }
    if (out->n_unusable == out->n_voxels) {
        BA_TRY(ba_fail(BA_NONFINITE,
            "%s: every column holds a value that is not finite, wanted responses",
            ba_source_name(reading->part->responses)));
    }
out:
    return status;
}

static int
check_lags(const ba_decoder_inputs_t *inputs, const ba_runs_t *runs)
{
    for (size_t i = 0; i < inputs->n_lags; i++) {
        size_t size = (size_t) abs(inputs->lags[i]);

        for (size_t k = 0; k < i; k++) {
            if (inputs->lags[k] == inputs->lags[i]) {
                return ba_fail(
                    BA_VALUE, "response-delays: %d is given twice", inputs->lags[i]);
            }
        }
        for (size_t r = 0; r < runs->n_runs; r++) {
            size_t length = runs->onset[r + 1] - runs->onset[r];

            if (size >= length) {
                return ba_fail(BA_SHAPE,
                    "response-delays: %d, wanted less than the %zu samples of run %zu "
                    "(from 0)",
                    inputs->lags[i], length, r);
            }
        }
    }
    return BA_OK;
}

/* Delays of the responses, and those of the design over them. */
static int
set_delays(
    const ba_decode_fit_opts_t *opts, const ba_runs_t *runs, ba_decoder_inputs_t *out)
{
    int status;

    if (!opts->response_delays) {
        BA_TRY(ba_fail(BA_VALUE, "response-delays: none given, wanted a list such as "
                                 "2,3,4,5 (0 for one row per item)"));
    }
    BA_TRY(ba_delays_parse(opts->response_delays, &out->lags, &out->n_lags));
    BA_TRY(check_lags(out, runs));
    BA_TRY_ALLOC(out->delays, ba_calloc(out->n_lags, sizeof *out->delays));
    for (size_t i = 0; i < out->n_lags && !opts->blocks; i++) {
        out->delays[i] = -out->lags[i];
    }
out:
    return status;
}

/* Room for the responses, which have to fit the memory that is allowed. */
static int
make_room(const ba_ctx_t *ctx, const ba_decode_fit_opts_t *opts, size_t n_samples,
    const char *name, ba_decoder_inputs_t *out)
{
    int status, is_double = opts->fit.precision == BA_DOUBLE;
    size_t columns = out->n_voxels, n = 0, bytes = 0;
    size_t size = is_double ? sizeof *out->full : sizeof *out->single;

    if (opts->blocks) {
        BA_TRY(ba_multiply(columns, out->n_lags, &columns));
    }
    BA_TRY(ba_multiply(columns, n_samples, &n));
    BA_TRY(ba_multiply(n, size, &bytes));
    if (bytes > ba_ctx_memory(ctx)) {
        BA_TRY(ba_fail(BA_TOO_LARGE,
            "%s: %.2g MiB of responses in memory, allowed are %.2g MiB", name,
            (double) bytes / 1048576, (double) ba_ctx_memory(ctx) / 1048576));
    }
    BA_TRY_ALLOC(out->is_used, ba_calloc(out->n_voxels, 1));
    if (is_double) {
        BA_TRY_ALLOC(out->full, ba_malloc(n, size));
    } else {
        BA_TRY_ALLOC(out->single, ba_malloc(n, size));
    }
    out->space = (ba_space_t){.name = "responses",
        .single = out->single,
        .full = out->full,
        .n_features = columns,
        .delays = out->delays,
        .n_delays = opts->blocks ? 1 : out->n_lags};
out:
    return status;
}

int
ba_decoder_inputs_read(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, const ba_blocks_t *blocks,
    const ba_decoder_regions_t *regions, ba_decoder_inputs_t *out)
{
    int status;
    ba_reading_t reading = {0};

    *out = (ba_decoder_inputs_t){
        .n_voxels = regions->n_columns, .columns = regions->columns};
    BA_TRY(set_delays(opts, &part->runs, out));
    BA_TRY(make_room(ctx, opts, blocks->n, ba_source_name(part->responses), out));
    BA_TRY(
        ba_design_new(&out->space, 1, &blocks->runs, BA_DELAY_WITHIN_RUNS, &out->design));
    BA_TRY(ba_reading_start(part, NULL, 0, opts, &reading));
    BA_TRY(read_columns(ctx, &reading, blocks, opts->blocks != NULL, out));
out:
    ba_reading_free(&reading);
    return status;
}

void
ba_decoder_inputs_free(ba_decoder_inputs_t *inputs)
{
    ba_design_free(inputs->design);
    ba_free(inputs->is_used);
    free(inputs->lags);
    ba_free(inputs->delays);
    ba_free(inputs->single);
    ba_free(inputs->full);
    *inputs = (ba_decoder_inputs_t){0};
}

size_t
ba_decoder_inputs_bytes(const ba_decoder_inputs_t *inputs, size_t n_samples)
{
    return n_samples * inputs->space.n_features *
           (inputs->single ? sizeof *inputs->single : sizeof *inputs->full);
}
