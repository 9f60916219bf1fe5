/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is decoded: feature columns side by side, or an indicator for each category, in
 * byte order of the names; of a block the mean of its samples. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "core/texts.h"
#include "datasets/label_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void
ba_decoder_targets_free(ba_decoder_targets_t *targets)
{
    ba_free(targets->values);
    ba_free(targets->names);
    ba_free(targets->category);
    *targets = (ba_decoder_targets_t){0};
}

static int
read_space(const ba_ctx_t *ctx, const ba_dataset_t *dataset, size_t k,
    const ba_blocks_t *blocks, double *to)
{
    int status;
    float *single = NULL;
    double *full = NULL;
    size_t n = dataset->train.n_samples;
    size_t n_columns = ba_source_n_cols(dataset->train.features[k]);

    BA_TRY(ba_dataset_read_features(
        ctx, dataset->train.features[k], dataset->space_names[k], &single, &full));
    for (size_t j = 0; j < n_columns; j++) {
        for (size_t i = 0; i < blocks->n; i++) {
            double sum = 0.0;

            for (size_t r = blocks->first[i]; r < blocks->first[i + 1]; r++) {
                size_t at = blocks->rows[r] + j * n;

                sum += single ? (double) single[at] : full[at];
            }
            to[i + j * blocks->n] =
                sum / (double) (blocks->first[i + 1] - blocks->first[i]);
        }
    }
out:
    ba_free(single);
    ba_free(full);
    return status;
}

/* Names of the columns where every one has its own. */
static int
name_columns(const ba_dataset_t *dataset, ba_decoder_targets_t *out)
{
    int status = BA_OK;
    const char **names = NULL;
    size_t at = 0;
    int known = 1;

    BA_TRY_ALLOC(names, ba_malloc(out->n_dims, sizeof *names));
    for (size_t k = 0; k < dataset->n_spaces; k++) {
        const ba_source_t *source = dataset->train.features[k];

        for (size_t j = 0; j < ba_source_n_cols(source); j++) {
            names[at] = ba_source_column_name(source, j);
            known &= names[at++] != NULL;
        }
    }
    if (known) {
        BA_TRY(ba_strings_copy(names, out->n_dims, &out->names));
    }
out:
    ba_free(names);
    return status;
}

static int
read_features(const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_blocks_t *blocks,
    ba_decoder_targets_t *out)
{
    int status = BA_OK;
    size_t n = 0, at = 0;

    for (size_t k = 0; k < dataset->n_spaces; k++) {
        out->n_dims += ba_source_n_cols(dataset->train.features[k]);
    }
    if (out->n_dims == 0) {
        BA_TRY(ba_fail(BA_VALUE, "features: none given, wanted features or labels"));
    }
    BA_TRY(ba_multiply(blocks->n, out->n_dims, &n));
    BA_TRY_ALLOC(out->values, ba_malloc(n, sizeof *out->values));
    for (size_t k = 0; k < dataset->n_spaces; k++) {
        BA_TRY(read_space(ctx, dataset, k, blocks, out->values + at * blocks->n));
        at += ba_source_n_cols(dataset->train.features[k]);
    }
    BA_TRY(name_columns(dataset, out));
out:
    return status;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

/* One label for each sample of the fit: those of a block are the same. */
static int
block_labels(const char *spec, const ba_texts_t *cells, const ba_blocks_t *blocks,
    const char **labels)
{
    for (size_t i = 0; i < blocks->n; i++) {
        size_t first = blocks->rows[blocks->first[i]];

        labels[i] = ba_texts_get(cells, first);
        if (ba_label_is_missing(labels[i])) {
            return ba_fail(BA_SHAPE,
                "%s: no label at sample %zu (from 0), wanted a "
                "category for each sample that is fitted",
                spec, first);
        }
        for (size_t r = blocks->first[i] + 1; r < blocks->first[i + 1]; r++) {
            const char *other = ba_texts_get(cells, blocks->rows[r]);

            if (strcmp(other, labels[i]) != 0) {
                return ba_fail(BA_SHAPE,
                    "%s: found '%s' at sample %zu and '%s' at %zu (from 0) of one block, "
                    "wanted one category",
                    spec, labels[i], first, other, blocks->rows[r]);
            }
        }
    }
    return BA_OK;
}

/* Every name once, sorted. */
static int
sort_names(const char *spec, const char **labels, size_t n, ba_decoder_targets_t *out)
{
    int status = BA_OK;
    const char **names = NULL;
    size_t n_names = 0;

    BA_TRY_ALLOC(names, ba_malloc(n, sizeof *names));
    memcpy(names, labels, n * sizeof *names);
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i], names[n_names - 1]) != 0) {
            names[n_names++] = names[i];
        }
    }
    if (n_names < 2) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: found '%s' alone, wanted at least 2 categories",
            spec, names[0]));
    }
    out->n_dims = n_names;
    BA_TRY(ba_strings_copy(names, n_names, &out->names));
out:
    ba_free(names);
    return status;
}

static int
read_labels(const ba_ctx_t *ctx, const char *spec, size_t n_recorded,
    const ba_blocks_t *blocks, ba_decoder_targets_t *out)
{
    int status;
    ba_label_column_t column = {0};
    const char **labels = NULL;

    BA_TRY(ba_label_column_read(ctx, spec, &column));
    if (column.cells.n != n_recorded) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu labels, wanted one for each of %zu samples",
            spec, column.cells.n, n_recorded));
    }
    BA_TRY_ALLOC(labels, ba_malloc(blocks->n, sizeof *labels));
    BA_TRY(block_labels(spec, &column.cells, blocks, labels));
    BA_TRY(sort_names(spec, labels, blocks->n, out));
    BA_TRY_ALLOC(out->category, ba_malloc(blocks->n, sizeof *out->category));
    for (size_t i = 0; i < blocks->n; i++) {
        char **found = bsearch(
            &labels[i], out->names, out->n_dims, sizeof *out->names, compare_names);

        out->category[i] = (int32_t) (found - out->names);
    }
out:
    ba_label_column_free(&column);
    ba_free(labels);
    return status;
}

static int
make_indicators(ba_decoder_targets_t *out)
{
    int status;
    size_t n = 0;

    BA_TRY(ba_multiply(out->n_samples, out->n_dims, &n));
    BA_TRY_ALLOC(out->values, ba_calloc(n, sizeof *out->values));
    for (size_t i = 0; i < out->n_samples; i++) {
        out->values[i + (size_t) out->category[i] * out->n_samples] = 1.0;
    }
out:
    return status;
}

int
ba_decoder_items_read(const ba_ctx_t *ctx, const char *labels, size_t n_recorded,
    const ba_blocks_t *blocks, ba_decoder_targets_t *out)
{
    *out = (ba_decoder_targets_t){.n_samples = blocks->n};
    return read_labels(ctx, labels, n_recorded, blocks, out);
}

int
ba_decoder_targets_read(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const char *labels, const ba_blocks_t *blocks, ba_decoder_targets_t *out)
{
    int status = BA_OK;

    *out = (ba_decoder_targets_t){.n_samples = blocks->n};
    if (labels && dataset->n_spaces > 0) {
        BA_TRY(ba_fail(BA_VALUE, "labels: found beside features, wanted one or the "
                                 "other"));
    }
    BA_TRY(labels ? read_labels(ctx, labels, dataset->train.n_samples, blocks, out)
                  : read_features(ctx, dataset, blocks, out));
    BA_TRY(labels ? make_indicators(out) : BA_OK);
out:
    return status;
}

void
ba_decisions_free(ba_decisions_t *decisions)
{
    ba_free(decisions->predicted);
    ba_free(decisions->confusion);
    ba_free(decisions->accuracy_by_fold);
    *decisions = (ba_decisions_t){0};
}

/* The first of the largest numbers of a row, -1 where one is missing. */
static int32_t
decide(const double *row, size_t n)
{
    size_t best = 0;

    for (size_t k = 0; k < n; k++) {
        if (!(row[k] == row[k])) {
            return -1;
        }
        best = row[k] > row[best] ? k : best;
    }
    return (int32_t) best;
}

/* Share of right decisions in each outer fold; NaN without any. */
static int
decide_by_fold(const ba_decoder_targets_t *targets, const int32_t *fold, size_t n_outer,
    ba_decisions_t *out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(
        out->accuracy_by_fold, ba_malloc(n_outer, sizeof *out->accuracy_by_fold));
    for (size_t f = 0; f < n_outer; f++) {
        size_t n = 0, right = 0;

        for (size_t i = 0; i < targets->n_samples; i++) {
            if (fold[i] == (int32_t) f && out->predicted[i] >= 0) {
                right += out->predicted[i] == targets->category[i];
                n++;
            }
        }
        out->accuracy_by_fold[f] = (double) right / (double) n;
    }
out:
    return status;
}

int
ba_decisions_make(const ba_decoder_targets_t *targets, const double *predictions,
    const int32_t *fold, size_t n_outer, ba_decisions_t *out)
{
    int status = BA_OK;
    size_t c = targets->n_dims, n = targets->n_samples, right = 0;

    *out = (ba_decisions_t){0};
    BA_TRY_ALLOC(out->predicted, ba_malloc(n, sizeof *out->predicted));
    BA_TRY_ALLOC(out->confusion, ba_calloc(c * c, sizeof *out->confusion));
    for (size_t i = 0; i < n; i++) {
        int32_t found = decide(predictions + i * c, c);

        out->predicted[i] = found;
        if (found >= 0) {
            out->confusion[(size_t) targets->category[i] * c + (size_t) found]++;
            right += found == targets->category[i];
            out->n_decided++;
        }
    }
    out->accuracy = (double) right / (double) out->n_decided;
    BA_TRY(decide_by_fold(targets, fold, n_outer, out));
out:
    return status;
}
