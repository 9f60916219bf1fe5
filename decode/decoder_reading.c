/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decode/decoder_reading.h"

#include "core/alloc.h"

#include "brainalign/hash.h"

#include <math.h>
#include <string.h>

int
ba_decoder_zscores_runs(const ba_decode_fit_opts_t *opts, size_t n_runs)
{
    return opts->scale_responses == BA_SCALE_RUNS ||
           (opts->scale_responses == BA_SCALE_DEFAULT && n_runs >= 2);
}

void
ba_reading_free(ba_reading_t *reading)
{
    ba_runs_free(&reading->own_runs);
    ba_detrend_free(reading->detrend);
    ba_free(reading->buffer);
    ba_free(reading->size);
    *reading = (ba_reading_t){0};
}

/* Run k of those that are read, as the part counts it. */
static size_t
run_of(const ba_reading_t *reading, size_t k)
{
    return reading->which ? reading->which[k] : k;
}

static int
find_runs(ba_reading_t *reading, size_t n)
{
    int status = BA_OK;
    const ba_runs_t *all = &reading->part->runs;
    size_t *onsets = NULL, n_samples = 0;

    reading->runs = all;
    if (!reading->which) {
        return BA_OK;
    }
    BA_TRY_ALLOC(onsets, ba_malloc(n, sizeof *onsets));
    for (size_t k = 0; k < n; k++) {
        size_t r = reading->which[k];

        onsets[k] = n_samples;
        n_samples += all->onset[r + 1] - all->onset[r];
    }
    BA_TRY(ba_runs_from_onsets(onsets, n, n_samples, &reading->own_runs));
    reading->runs = &reading->own_runs;
out:
    ba_free(onsets);
    return status;
}

/* The same rows of a source over all samples of the part. */
static int
read_rows(const ba_reading_t *reading, ba_source_t *source, size_t first,
    size_t n_columns, double *to)
{
    int status = BA_OK;
    size_t n = reading->runs->n_samples;

    if (!reading->which) {
        return ba_source_read(source, 0, 0, n, first, n_columns, to, n);
    }
    for (size_t k = 0; k < reading->runs->n_runs; k++) {
        size_t row = reading->runs->onset[k], length = reading->runs->onset[k + 1] - row;

        BA_TRY(ba_source_read(source, 0, reading->part->runs.onset[run_of(reading, k)],
            length, first, n_columns, to + row, n));
    }
out:
    return status;
}

static int
read_responses(const ba_reading_t *reading, size_t first, size_t n_columns)
{
    int status = BA_OK;
    const ba_dataset_part_t *part = reading->part;
    size_t n = reading->runs->n_samples;

    if (!part->run_responses) {
        return read_rows(reading, part->responses, first, n_columns, reading->buffer);
    }
    for (size_t k = 0; k < reading->runs->n_runs; k++) {
        size_t row = reading->runs->onset[k], length = reading->runs->onset[k + 1] - row;

        BA_TRY(ba_source_read(part->run_responses[run_of(reading, k)], 0, 0, length,
            first, n_columns, reading->buffer + row, n));
    }
out:
    return status;
}

static int
make_detrend(const ba_decode_fit_opts_t *opts, ba_reading_t *reading)
{
    int status = BA_OK;
    ba_detrend_opts_t detrend;
    double *nuisance = NULL;
    ba_source_t *source = reading->part->nuisance;
    size_t n = reading->runs->n_samples, n_columns = 0;

    BA_TRY(ba_detrend_parse(opts->detrend ? opts->detrend : "none", &detrend));
    detrend.tr = opts->tr;
    if (source) {
        n_columns = ba_source_n_cols(source);
        BA_TRY_ALLOC(nuisance, ba_malloc(n, n_columns * sizeof *nuisance));
        BA_TRY(read_rows(reading, source, 0, n_columns, nuisance));
    }
    if (detrend.kind != BA_DETREND_NONE || source) {
        BA_TRY(ba_detrend_new(&detrend, reading->runs,
            (ba_cdmat_t){nuisance, n, n_columns, n}, &reading->detrend));
    }
out:
    ba_free(nuisance);
    return status;
}

int
ba_reading_start(const ba_dataset_part_t *part, const size_t *which, size_t n,
    const ba_decode_fit_opts_t *opts, ba_reading_t *out)
{
    int status;

    *out = (ba_reading_t){.part = part, .which = which};
    BA_TRY(find_runs(out, n));
    out->zscore_runs = ba_decoder_zscores_runs(opts, part->runs.n_runs);
    BA_TRY(make_detrend(opts, out));
    BA_TRY_ALLOC(out->buffer,
        ba_malloc(out->runs->n_samples, BA_READING_COLUMNS * sizeof *out->buffer));
    BA_TRY_ALLOC(
        out->size, ba_malloc(out->runs->n_runs, BA_READING_COLUMNS * sizeof *out->size));
out:
    return status;
}

/* Zeros for a column with a value that is not finite: it predicts nothing. */
static void
clear_unusable(const ba_reading_t *reading, size_t n_columns, unsigned char *is_used)
{
    size_t n = reading->runs->n_samples;

    for (size_t j = 0; j < n_columns; j++) {
        double *column = reading->buffer + j * n;
        size_t i = 0;

        while (i < n && isfinite(column[i])) {
            i++;
        }
        is_used[j] = i == n;
        if (i < n) {
            memset(column, 0, n * sizeof *column);
        }
    }
}

static void
add_hashes(const ba_reading_t *reading, size_t n_columns, uint64_t *hash)
{
    size_t n = reading->runs->n_samples;

    for (size_t j = 0; j < n_columns; j++) {
        for (size_t i = 0; i < n; i++) {
            hash[i] = ba_hash_number(hash[i], reading->buffer[i + j * n]);
        }
    }
}

static void
largest_by_run(const ba_reading_t *reading, size_t n_columns)
{
    const ba_runs_t *runs = reading->runs;

    for (size_t j = 0; j < n_columns; j++) {
        const double *column = reading->buffer + j * runs->n_samples;

        for (size_t r = 0; r < runs->n_runs; r++) {
            double largest = 0.0;

            for (size_t t = runs->onset[r]; t < runs->onset[r + 1]; t++) {
                double size = fabs(column[t]);

                largest = size > largest ? size : largest;
            }
            reading->size[r + j * runs->n_runs] = largest;
        }
    }
}

int
ba_reading_columns(ba_reading_t *reading, size_t first, size_t n_columns,
    unsigned char *is_used, uint64_t *hash)
{
    int status;
    size_t n = reading->runs->n_samples;
    ba_dmat_t block = {reading->buffer, n, n_columns, n};

    BA_TRY(read_responses(reading, first, n_columns));
    if (hash) {
        add_hashes(reading, n_columns, hash);
    }
    clear_unusable(reading, n_columns, is_used);
    if (reading->zscore_runs) { /* sizes before trends are taken off */
        largest_by_run(reading, n_columns);
    }
    if (reading->detrend) {
        BA_TRY(ba_detrend_apply(reading->detrend, block));
    }
    if (reading->zscore_runs) {
        ba_zscore_runs(reading->runs, block, 0, reading->size, NULL, NULL);
    }
out:
    return status;
}
