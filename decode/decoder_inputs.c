/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses as predictors: read in blocks of columns, detrended and z-scored within runs,
 * averaged over blocks, kept in the precision of the fit. The delays of a design move
 * features later, those of decoding reach forward, so that their signs differ. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 256 };

/* Buffers of the reading. */
typedef struct {
    ba_source_t *source;
    const ba_runs_t *runs;
    const ba_blocks_t *blocks; /* NULL = samples as recorded */
    ba_detrend_t *detrend;     /* NULL = none */
    int zscore_runs;
    double *buffer; /* recorded samples x COLUMNS */
    double *size;   /* runs x COLUMNS */
} reading_t;

int
ba_decoder_zscores_runs(const ba_decode_fit_opts_t *opts, size_t n_runs)
{
    return opts->scale_responses == BA_SCALE_RUNS ||
           (opts->scale_responses == BA_SCALE_DEFAULT && n_runs >= 2);
}

static void
reading_free(reading_t *reading)
{
    ba_detrend_free(reading->detrend);
    ba_free(reading->buffer);
    ba_free(reading->size);
}

static int
make_detrend(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, ba_detrend_t **out)
{
    int status = BA_OK;
    ba_detrend_opts_t detrend;
    double *nuisance = NULL;
    size_t n = part->n_samples, n_columns = 0;

    BA_TRY(ba_detrend_parse(opts->detrend ? opts->detrend : "none", &detrend));
    detrend.tr = opts->tr;
    if (part->nuisance) {
        n_columns = ba_source_n_cols(part->nuisance);
        BA_TRY_ALLOC(nuisance, ba_malloc(n, n_columns * sizeof *nuisance));
        BA_TRY(ba_source_read(part->nuisance, 0, 0, n, 0, n_columns, nuisance, n));
    }
    if (detrend.kind != BA_DETREND_NONE || part->nuisance) {
        BA_TRY(ba_detrend_new(
            &detrend, &part->runs, (ba_cdmat_t){nuisance, n, n_columns, n}, out));
    }
out:
    ba_free(nuisance);
    (void) ctx;
    return status;
}

static int
reading_start(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, const ba_blocks_t *blocks, reading_t *out)
{
    int status;

    *out = (reading_t){.source = part->responses, .runs = &part->runs};
    out->blocks = opts->blocks ? blocks : NULL;
    out->zscore_runs = ba_decoder_zscores_runs(opts, part->runs.n_runs);
    BA_TRY(make_detrend(ctx, part, opts, &out->detrend));
    BA_TRY_ALLOC(out->buffer, ba_malloc(part->n_samples, COLUMNS * sizeof *out->buffer));
    BA_TRY_ALLOC(out->size, ba_malloc(part->runs.n_runs, COLUMNS * sizeof *out->size));
out:
    return status;
}

/* Zeros for a column with a value that is not finite: it predicts nothing. */
static void
clear_unusable(
    const reading_t *reading, size_t n_columns, size_t first, ba_decoder_inputs_t *out)
{
    size_t n = reading->runs->n_samples;

    for (size_t j = 0; j < n_columns; j++) {
        double *column = reading->buffer + j * n;
        size_t i = 0;

        while (i < n && isfinite(column[i])) {
            i++;
        }
        out->is_used[first + j] = i == n;
        if (i < n) {
            memset(column, 0, n * sizeof *column);
            out->n_unusable++;
        }
    }
}

static void
largest_by_run(const reading_t *reading, size_t n_columns)
{
    const ba_runs_t *runs = reading->runs;

    for (size_t j = 0; j < n_columns; j++) {
        const double *column = reading->buffer + j * runs->n_samples;

        for (size_t r = 0; r < runs->n_runs; r++) {
            double largest = 0.0;

            for (size_t t = runs->onset[r]; t < runs->onset[r + 1]; t++) {
                largest = fmax(largest, fabs(column[t]));
            }
            reading->size[r + j * runs->n_runs] = largest;
        }
    }
}

/* The mean over a block of a column moved by `lag`, within the block's run; NaN where
 * nothing of it was recorded. */
static double
block_mean(const reading_t *reading, const double *column, size_t block, int lag)
{
    const ba_blocks_t *blocks = reading->blocks;
    const ba_runs_t *runs = reading->runs;
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

static int
store(const reading_t *reading, size_t n_columns, size_t first, ba_decoder_inputs_t *out)
{
    size_t n_recorded = reading->runs->n_samples;
    size_t n = reading->blocks ? reading->blocks->n : n_recorded;

    for (size_t j = 0; j < n_columns; j++) {
        const double *column = reading->buffer + j * n_recorded;

        for (size_t i = 0; !reading->blocks && i < n; i++) {
            put(out, i + (first + j) * n, column[i]);
        }
        for (size_t l = 0; reading->blocks && l < out->n_lags; l++) {
            for (size_t i = 0; i < n; i++) {
                double mean = block_mean(reading, column, i, out->lags[l]);

                if (isnan(mean)) {
                    return ba_fail(BA_SHAPE,
                        "blocks: block %zu (from 0, by first appearance) has no "
                        "response %d samples on in its run",
                        i, out->lags[l]);
                }
                put(out, i + (l * out->n_voxels + first + j) * n, mean);
            }
        }
    }
    return BA_OK;
}

/* Columns from..to of the source, those in regions moved to the front: how many. */
static int
read_some(const reading_t *reading, const ba_decoder_inputs_t *inputs, size_t from,
    size_t to, size_t done, size_t *n_read)
{
    int status = BA_OK;
    size_t n = reading->runs->n_samples, m = 0;

    if (inputs->columns && (done == inputs->n_voxels || inputs->columns[done] >= to)) {
        *n_read = 0;
        return BA_OK;
    }
    BA_TRY(ba_source_read(reading->source, 0, 0, n, from, to - from, reading->buffer, n));
    while (inputs->columns && done + m < inputs->n_voxels &&
           inputs->columns[done + m] < to) {
        memmove(reading->buffer + m * n,
            reading->buffer + (inputs->columns[done + m] - from) * n,
            n * sizeof *reading->buffer);
        m++;
    }
    *n_read = inputs->columns ? m : to - from;
out:
    return status;
}

static int
read_columns(const ba_ctx_t *ctx, reading_t *reading, ba_decoder_inputs_t *out)
{
    int status = BA_OK;
    size_t n = reading->runs->n_samples, first = 0, m;
    size_t n_cols = ba_source_n_cols(reading->source);

    for (size_t from = 0; from < n_cols; from += COLUMNS, first += m) {
        size_t to = n_cols - from < COLUMNS ? n_cols : from + COLUMNS;
        ba_dmat_t part = {reading->buffer, n, 0, n};

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(read_some(reading, out, from, to, first, &m));
        part.n_cols = m;
        clear_unusable(reading, m, first, out);
        largest_by_run(reading, m);
        if (reading->detrend) {
            BA_TRY(ba_detrend_apply(reading->detrend, part));
        }
        if (reading->zscore_runs) {
            ba_zscore_runs(reading->runs, part, 0, reading->size, NULL, NULL);
        }
        BA_TRY(store(reading, m, first, out));
    }
    if (out->n_unusable == out->n_voxels) {
        BA_TRY(ba_fail(BA_NONFINITE,
            "%s: every column holds a value that is not finite, wanted responses",
            ba_source_name(reading->source)));
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
    reading_t reading = {0};

    *out = (ba_decoder_inputs_t){
        .n_voxels = regions->n_columns, .columns = regions->columns};
    BA_TRY(set_delays(opts, &part->runs, out));
    BA_TRY(make_room(ctx, opts, blocks->n, ba_source_name(part->responses), out));
    BA_TRY(
        ba_design_new(&out->space, 1, &blocks->runs, BA_DELAY_WITHIN_RUNS, &out->design));
    BA_TRY(reading_start(ctx, part, opts, blocks, &reading));
    BA_TRY(read_columns(ctx, &reading, out));
out:
    reading_free(&reading);
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
