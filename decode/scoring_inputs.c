/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decode/scoring_impl.h"

#include "core/alloc.h"
#include "datasets/dataset_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
open_one(const ba_ctx_t *ctx, const char *spec, int max_rank, ba_source_t **out)
{
    ba_source_opts_t opts = {.max_rank = max_rank};

    return spec ? ba_source_open(ctx, spec, &opts, out) : BA_OK;
}

static int
check_dims(const ba_source_t *source, const ba_source_t *wanted)
{
    if (!source || ba_source_n_cols(source) == ba_source_n_cols(wanted)) {
        return BA_OK;
    }
    return ba_fail(BA_SHAPE, "%s: %zu columns, wanted the %zu of %s",
        ba_source_name(source), ba_source_n_cols(source), ba_source_n_cols(wanted),
        ba_source_name(wanted));
}

static int
check_one_column(const ba_source_t *source, const char *what)
{
    if (!source || ba_source_n_cols(source) == 1) {
        return BA_OK;
    }
    return ba_fail(BA_SHAPE, "%s: %zu columns, wanted one, %s", ba_source_name(source),
        ba_source_n_cols(source), what);
}

static int
open_all(
    const ba_ctx_t *ctx, const ba_decode_score_opts_t *opts, ba_scoring_inputs_t *inputs)
{
    int status;

    BA_TRY(open_one(ctx, opts->predicted, 2, &inputs->predicted));
    BA_TRY(open_one(ctx, opts->truth, 2, &inputs->truth));
    BA_TRY(open_one(ctx, opts->gallery, 2, &inputs->gallery));
    BA_TRY(open_one(ctx, opts->own, 2, &inputs->own));
    BA_TRY(open_one(ctx, opts->groups, 2, &inputs->groups));
    BA_TRY(open_one(ctx, opts->repeats, 3, &inputs->repeats));
    BA_TRY(ba_dataset_same_rows(inputs->truth, inputs->predicted));
    BA_TRY(ba_dataset_same_rows(inputs->groups, inputs->predicted));
    BA_TRY(ba_dataset_same_rows(inputs->repeats, inputs->predicted));
    BA_TRY(check_dims(inputs->truth, inputs->predicted));
    BA_TRY(check_dims(inputs->gallery, inputs->predicted));
    BA_TRY(check_one_column(inputs->groups, "the group of each row"));
    BA_TRY(check_one_column(inputs->own, "the gallery's row of each item"));
    if (inputs->repeats && ba_source_n_slabs(inputs->repeats) < 2) {
        status = ba_fail(BA_SHAPE,
            "%s: found 1 repeat, wanted at least 2 (repeats x rows "
            "x dimensions)",
            ba_source_name(inputs->repeats));
    }
out:
    return status;
}

static int
read_runs(const ba_ctx_t *ctx, const char *text, ba_scoring_inputs_t *inputs)
{
    ba_source_t *source = NULL;
    double *ids = NULL;
    size_t n = inputs->n_rows;
    int status;

    if (!text) {
        return ba_runs_one(n, &inputs->runs);
    }
    if (strncmp(text, "onsets:", strlen("onsets:")) == 0) {
        return ba_dataset_parse_onsets(text, n, &inputs->runs);
    }
    BA_TRY(open_one(ctx, text, 2, &source));
    BA_TRY(check_one_column(source, "the run of each row"));
    BA_TRY(ba_dataset_same_rows(source, inputs->predicted));
    BA_TRY_ALLOC(ids, ba_malloc(n, sizeof *ids));
    BA_TRY(ba_source_read(source, 0, 0, n, 0, 1, ids, n));
    BA_TRY(ba_runs_from_ids(ids, n, text, &inputs->runs));
out:
    ba_free(ids);
    ba_source_close(source);
    return status;
}

/* Rows that were not decoded: without any number, as decode fit leaves them. */
static int
find_missing(ba_scoring_inputs_t *inputs, unsigned char **out)
{
    enum { COLUMNS = 64 }; /* at a time */
    int status = BA_OK;
    size_t n = inputs->n_rows, d = inputs->n_dims, width;
    double *block = NULL;

    BA_TRY_ALLOC(*out, ba_malloc(n, 1));
    memset(*out, 1, n);
    BA_TRY_ALLOC(block, ba_malloc(n, COLUMNS * sizeof *block));
    for (size_t j = 0; j < d; j += width) {
        width = d - j < COLUMNS ? d - j : COLUMNS;
        BA_TRY(ba_source_read(inputs->predicted, 0, 0, n, j, width, block, n));
        for (size_t i = 0; i < n * width; i++) {
            if (!isnan(block[i])) {
                (*out)[i % n] = 0;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        inputs->n_missing += (*out)[i];
    }
out:
    ba_free(block);
    return status;
}

/* Items of `segment` rows from the start of each stretch of a run that was decoded; what is
 * left of it is left out. */
static int
cut_items(ba_scoring_inputs_t *inputs)
{
    const ba_runs_t *runs = &inputs->runs;
    size_t *onsets = NULL, n_runs = 0, n = 0, stop;
    unsigned char *missing = NULL;
    int status = BA_OK;

    BA_TRY(find_missing(inputs, &missing));
    BA_TRY_ALLOC(inputs->starts, ba_malloc(inputs->n_rows, sizeof *inputs->starts));
    BA_TRY_ALLOC(onsets, ba_malloc(inputs->n_rows, sizeof *onsets));
    for (size_t t = 0; t < inputs->n_rows; t = stop) {
        size_t first = n, last = runs->onset[ba_runs_of(runs, t) + 1];

        for (stop = t + 1; stop < last && missing[stop] == missing[t];) {
            stop++;
        }
        if (missing[t]) {
            continue;
        }
        for (; stop - t >= inputs->segment; t += inputs->segment) {
            inputs->starts[n++] = t;
        }
        if (n > first) {
            onsets[n_runs++] = first;
        }
    }
    if (n == 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu of %zu rows decoded, wanted %zu in a row for an item",
            ba_source_name(inputs->predicted), inputs->n_rows - inputs->n_missing,
            inputs->n_rows, inputs->segment));
    }
    inputs->n_items = n;
    BA_TRY(ba_runs_from_onsets(onsets, n_runs, n, &inputs->item_runs));
out:
    ba_free(missing);
    ba_free(onsets);
    return status;
}

static int
check_candidates(const ba_decode_score_opts_t *opts, ba_scoring_inputs_t *inputs)
{
    inputs->n_candidates = inputs->n_items;
    if (inputs->gallery) {
        inputs->n_candidates = ba_source_n_rows(inputs->gallery) / inputs->segment;
    }
    if (inputs->n_candidates < 2) {
        return ba_fail(BA_SHAPE, "%s: found %zu candidate%s, wanted at least 2",
            ba_source_name(inputs->gallery ? inputs->gallery
                           : inputs->truth ? inputs->truth
                                           : inputs->predicted),
            inputs->n_candidates, inputs->n_candidates == 1 ? "" : "s");
    }
    if (inputs->own && ba_source_n_rows(inputs->own) != inputs->n_items) {
        return ba_fail(BA_SHAPE, "%s: %zu rows, wanted %zu, one an item", opts->own,
            ba_source_n_rows(inputs->own), inputs->n_items);
    }
    return BA_OK;
}

int
ba_scoring_open(
    const ba_ctx_t *ctx, const ba_decode_score_opts_t *opts, ba_scoring_inputs_t *out)
{
    int status;

    *out = (ba_scoring_inputs_t){.segment = opts->segment > 0 ? opts->segment : 1};
    if (!opts->predicted || (!opts->truth && !(opts->gallery && opts->own))) {
        return ba_fail(BA_VALUE,
            "scores: found no %s, wanted predictions, and true rows or "
            "a gallery with each item's row of it",
            opts->predicted ? "true rows" : "predictions");
    }
    if (opts->own && !opts->gallery) {
        return ba_fail(
            BA_VALUE, "%s: found no gallery for these rows, wanted one", opts->own);
    }
    BA_TRY(open_all(ctx, opts, out));
    out->n_rows = ba_source_n_rows(out->predicted);
    out->n_dims = ba_source_n_cols(out->predicted);
    BA_TRY(read_runs(ctx, opts->runs, out));
    BA_TRY(cut_items(out));
    BA_TRY(check_candidates(opts, out));
out:
    return status;
}

void
ba_scoring_close(ba_scoring_inputs_t *inputs)
{
    ba_source_close(inputs->predicted);
    ba_source_close(inputs->truth);
    ba_source_close(inputs->gallery);
    ba_source_close(inputs->own);
    ba_source_close(inputs->groups);
    ba_source_close(inputs->repeats);
    ba_runs_free(&inputs->runs);
    ba_runs_free(&inputs->item_runs);
    ba_free(inputs->starts);
}

int
ba_patterns_flatten(ba_patterns_t *patterns)
{
    size_t n = patterns->n_items, length = patterns->segment, size;
    int status;

    patterns->flat = patterns->rows;
    if (length == 1) {
        return BA_OK;
    }
    patterns->flat = NULL;
    BA_TRY(ba_multiply(n * length, patterns->n_dims, &size));
    BA_TRY_ALLOC(patterns->flat, ba_malloc(size, sizeof *patterns->flat));
    for (size_t j = 0; j < patterns->n_dims; j++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t l = 0; l < length; l++) {
                patterns->flat[i + (l * patterns->n_dims + j) * n] =
                    patterns->rows[i * length + l + j * n * length];
            }
        }
    }
out:
    return status;
}

int
ba_patterns_read(ba_source_t *source, size_t slab, const size_t *starts, size_t n_items,
    size_t segment, ba_patterns_t *out)
{
    size_t n_rows = ba_source_n_rows(source), n_used = n_items * segment, size;
    double *column = NULL;
    int status;

    *out = (ba_patterns_t){
        .n_items = n_items, .segment = segment, .n_dims = ba_source_n_cols(source)};
    BA_TRY(ba_multiply(n_used, out->n_dims, &size));
    BA_TRY_ALLOC(out->rows, ba_malloc(size, sizeof *out->rows));
    BA_TRY_ALLOC(column, ba_malloc(n_rows, out->n_dims * sizeof *column));
    BA_TRY(ba_source_read(source, slab, 0, n_rows, 0, out->n_dims, column, n_rows));
    for (size_t j = 0; j < out->n_dims; j++) {
        for (size_t i = 0; i < n_used; i++) {
            size_t row = starts[i / segment] + i % segment;
            double value = column[row + j * n_rows];

            if (!isfinite(value)) {
                BA_TRY(ba_fail(BA_NONFINITE,
                    "%s: row %zu, column %zu: found %g, wanted a finite number",
                    ba_source_name(source), row, j, value));
            }
            out->rows[i + j * n_used] = value;
        }
    }
    BA_TRY(ba_patterns_flatten(out));
out:
    ba_free(column);
    return status;
}

void
ba_patterns_free(ba_patterns_t *patterns)
{
    if (patterns->flat != patterns->rows) {
        ba_free(patterns->flat);
    }
    ba_free(patterns->rows);
}

int
ba_scoring_gallery(const ba_scoring_inputs_t *inputs, ba_patterns_t *out)
{
    size_t *starts = NULL;
    int status = BA_OK;

    *out = (ba_patterns_t){0};
    BA_TRY_ALLOC(starts, ba_malloc(inputs->n_candidates, sizeof *starts));
    for (size_t i = 0; i < inputs->n_candidates; i++) {
        starts[i] = i * inputs->segment;
    }
    BA_TRY(ba_patterns_read(
        inputs->gallery, 0, starts, inputs->n_candidates, inputs->segment, out));
out:
    ba_free(starts);
    return status;
}

static int
compare_labels(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return x < y ? -1 : x > y;
}

/* How many different labels there are. */
static int
count_labels(const size_t *labels, size_t n, size_t *n_labels)
{
    size_t *sorted;
    int status = BA_OK;

    BA_TRY_ALLOC(sorted, ba_malloc(n, sizeof *sorted));
    memcpy(sorted, labels, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_labels);
    *n_labels = 1;
    for (size_t i = 1; i < n; i++) {
        *n_labels += sorted[i] != sorted[i - 1];
    }
    ba_free(sorted);
out:
    return status;
}

int
ba_scoring_groups(const ba_scoring_inputs_t *inputs, size_t **groups, size_t *n_groups)
{
    ba_patterns_t ids = {0};
    size_t length = inputs->segment;
    int status;

    *groups = NULL;
    *n_groups = 0;
    if (!inputs->groups) {
        return BA_OK;
    }
    BA_TRY(ba_patterns_read(
        inputs->groups, 0, inputs->starts, inputs->n_items, length, &ids));
    BA_TRY_ALLOC(*groups, ba_malloc(inputs->n_items, sizeof **groups));
    for (size_t i = 0; i < inputs->n_items; i++) {
        const double *id = ids.rows + i * length;

        for (size_t l = 1; l < length; l++) {
            if (id[l] != id[0]) {
                BA_TRY(ba_fail(BA_SHAPE,
                    "%s: row %zu: group %g inside a segment of group "
                    "%g, wanted one group a segment",
                    ba_source_name(inputs->groups), inputs->starts[i] + l, id[l], id[0]));
            }
        }
        if (!(fabs(id[0]) < 0x1p52) || id[0] != floor(id[0])) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: row %zu: found %g, wanted a whole number",
                ba_source_name(inputs->groups), inputs->starts[i], id[0]));
        }
        (*groups)[i] = (size_t) ((int64_t) id[0]);
    }
    BA_TRY(count_labels(*groups, inputs->n_items, n_groups));
out:
    ba_patterns_free(&ids);
    return status;
}
