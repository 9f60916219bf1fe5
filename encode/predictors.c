/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/predictors.h"

#include "brainalign/hash.h"
#include "core/alloc.h"
#include "model/numeral.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double
value_at(const float *single, const double *full, size_t index)
{
    return single ? (double) single[index] : full[index];
}

/* Carries the fingerprints of rows on over the features of one more space. */
static void
hash_rows(const float *single, const double *full, size_t n_features, size_t n_samples,
    uint64_t *hash)
{
    for (size_t j = 0; j < n_features; j++) {
        for (size_t i = 0; i < n_samples; i++) {
            hash[i] = ba_hash_number(hash[i], value_at(single, full, i + j * n_samples));
        }
    }
}

/* Every feature in every run: mean 0, population deviation 1. */
static int
zscore_runs(const ba_runs_t *runs, size_t n_features, float *single, double *full)
{
    int status = BA_OK;
    size_t n = runs->n_samples;
    double *series = NULL;

    if (full) {
        ba_zscore_runs(runs, (ba_dmat_t){full, n, n_features, n}, 0, NULL, NULL, NULL);
        return BA_OK;
    }
    BA_TRY_ALLOC(series, ba_malloc(n, sizeof *series));
    for (size_t j = 0; j < n_features; j++) {
        for (size_t i = 0; i < n; i++) {
            series[i] = (double) single[i + j * n];
        }
        ba_zscore_runs(runs, (ba_dmat_t){series, n, 1, n}, 0, NULL, NULL, NULL);
        for (size_t i = 0; i < n; i++) {
            single[i + j * n] = (float) series[i];
        }
    }
out:
    ba_free(series);
    return status;
}

static int
read_space(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_dataset_part_t *part, size_t k, const ba_layout_t *layout,
    ba_predictors_t *out)
{
    int status = BA_OK;
    ba_space_t *space = &out->spaces[k];
    float *single = NULL;
    double *full = NULL;

    BA_TRY_ALLOC(out->delays[k], ba_malloc(layout->n_delays, sizeof *layout->delays));
    memcpy(out->delays[k], layout->delays, layout->n_delays * sizeof *layout->delays);
    BA_TRY(ba_dataset_read_features(
        ctx, part->features[k], dataset->space_names[k], &single, &full));
    *space = (ba_space_t){dataset->space_names[k], single, full,
        ba_source_n_cols(part->features[k]), out->delays[k], layout->n_delays,
        layout->n_components};
    hash_rows(single, full, space->n_features, part->n_samples, out->row_hash);
    if (layout->zscore_runs) {
        BA_TRY(zscore_runs(&part->runs, space->n_features, single, full));
    }
out:
    return status;
}

/* Columns of every repeat side by side; one repeat's serve all where the source has no
 * others. */
static int
read_nuisance(const ba_ctx_t *ctx, const ba_dataset_part_t *part, ba_predictors_t *out)
{
    int status = BA_OK;
    size_t n = part->n_samples, n_columns, n_repeats = part->n_repeats;

    BA_TRY(ba_ctx_check(ctx));
    if (!part->nuisance) {
        return BA_OK;
    }
    n_columns = ba_source_n_cols(part->nuisance);
    n_repeats = n_repeats > 0 ? n_repeats : 1;
    out->n_nuisance = n_columns * n_repeats;
    BA_TRY_ALLOC(out->nuisance, ba_malloc(n, out->n_nuisance * sizeof *out->nuisance));
    for (size_t slab = 0; slab < n_repeats; slab++) {
        size_t from = ba_source_n_slabs(part->nuisance) > 1 ? slab : 0;

        BA_TRY(ba_source_read(part->nuisance, from, 0, n, 0, n_columns,
            out->nuisance + slab * n_columns * n, n));
    }
    for (size_t i = 0; i < n * out->n_nuisance; i++) {
        if (!isfinite(out->nuisance[i])) {
            BA_TRY(ba_fail(BA_NONFINITE,
                "%s: nuisance row %zu, column %zu (from 0) is %g, wanted finite numbers",
                ba_source_name(part->nuisance), i % n, (i / n) % n_columns,
                out->nuisance[i]));
        }
    }
out:
    return status;
}

int
ba_predictors_read_lists(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_dataset_part_t *part, const ba_layout_t *layouts, int across_runs,
    ba_predictors_t *out)
{
    int status = BA_OK;

    *out = (ba_predictors_t){.n_spaces = dataset->n_spaces};
    BA_TRY_ALLOC(out->spaces, ba_calloc(dataset->n_spaces, sizeof *out->spaces));
    BA_TRY_ALLOC(out->delays, ba_calloc(dataset->n_spaces, sizeof *out->delays));
    BA_TRY_ALLOC(out->row_hash, ba_calloc(part->n_samples, sizeof *out->row_hash));
    for (size_t k = 0; k < dataset->n_spaces; k++) {
        BA_TRY(read_space(ctx, dataset, part, k, &layouts[k], out));
    }
    BA_TRY(ba_design_new(out->spaces, out->n_spaces, &part->runs,
        across_runs ? BA_DELAY_ACROSS_RUNS : BA_DELAY_WITHIN_RUNS, &out->design));
    BA_TRY(read_nuisance(ctx, part, out));
out:
    if (status != BA_OK) {
        ba_predictors_free(out);
    }
    return status;
}

/* What a list says of a space: the rest of its item "NAME<mark>REST", else NULL. */
static const char *
own_item(const char *name, char mark, const char *const *items, size_t n_items)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < n_items; i++) {
        if (strncmp(items[i], name, length) == 0 && items[i][length] == mark) {
            return items[i] + length + 1;
        }
    }
    return NULL;
}

/* The delay list of a space: its own "NAME:LIST" or the common one. */
static int
delays_of(
    const char *name, const ba_encode_fit_opts_t *opts, int **delays, size_t *n_delays)
{
    const char *own = own_item(name, ':', opts->space_delays, opts->n_space_delays);

    if (!own && !opts->delays) {
        return ba_fail(BA_VALUE,
            "delays: none for feature space '%s', wanted --delays LIST (0 for one row "
            "per item)",
            name);
    }
    return ba_delays_parse(own ? own : opts->delays, delays, n_delays);
}

/* The number of components of a space: its own "NAME=K" or the common "K". */
static int
components_of(const char *name, const ba_encode_fit_opts_t *opts, size_t *n_components)
{
    const char *text = own_item(name, '=', opts->pca, opts->n_pca), *at;

    *n_components = 0;
    for (size_t i = 0; !text && i < opts->n_pca; i++) {
        text = strchr(opts->pca[i], '=') ? NULL : opts->pca[i];
    }
    at = text;
    if (text && (!ba_numeral_size(&at, INT_MAX, n_components) || *at)) {
        return ba_fail(BA_VALUE,
            "pca: found '%s', wanted a whole number of components (the same in every "
            "fold; 0 = the features themselves)",
            text);
    }
    return BA_OK;
}

int
ba_predictors_check_names(const ba_dataset_t *dataset, const char *what, char mark,
    const char *const *items, size_t n_items)
{
    for (size_t i = 0; i < n_items; i++) {
        int known = !strchr(items[i], mark);

        for (size_t k = 0; k < dataset->n_spaces; k++) {
            known |= own_item(dataset->space_names[k], mark, items + i, 1) != NULL;
        }
        if (!known) {
            return ba_fail(BA_VALUE, "%s: '%s' names no feature space of this data set",
                what, items[i]);
        }
    }
    return BA_OK;
}

int
ba_predictors_read(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_dataset_part_t *part, const ba_encode_fit_opts_t *opts, ba_predictors_t *out)
{
    int status = BA_OK;
    int **lists = NULL;
    ba_layout_t *layouts = NULL;

    *out = (ba_predictors_t){0};
    BA_TRY_ALLOC(lists, ba_calloc(dataset->n_spaces, sizeof *lists));
    BA_TRY_ALLOC(layouts, ba_calloc(dataset->n_spaces, sizeof *layouts));
    BA_TRY(ba_predictors_check_names(
        dataset, "delays", ':', opts->space_delays, opts->n_space_delays));
    BA_TRY(ba_predictors_check_names(dataset, "pca", '=', opts->pca, opts->n_pca));
    for (size_t k = 0; k < dataset->n_spaces; k++) {
        const char *name = dataset->space_names[k];

        BA_TRY(delays_of(name, opts, &lists[k], &layouts[k].n_delays));
        layouts[k].delays = lists[k];
        layouts[k].zscore_runs = opts->fit.scale_features == BA_SCALE_RUNS;
        BA_TRY(components_of(name, opts, &layouts[k].n_components));
    }
    BA_TRY(ba_predictors_read_lists(
        ctx, dataset, part, layouts, opts->delay_across_runs, out));
out:
    for (size_t k = 0; lists && k < dataset->n_spaces; k++) {
        free(lists[k]);
    }
    ba_free(lists);
    ba_free(layouts);
    return status;
}

/* The spaces' matrices are owned here though the type only borrows them. */
static void
free_borrowed(const void *block)
{
    union {
        const void *borrowed;
        void *owned;
    } cast = {block};

    ba_free(cast.owned);
}

void
ba_predictors_free(ba_predictors_t *predictors)
{
    ba_design_free(predictors->design);
    for (size_t k = 0; predictors->spaces && k < predictors->n_spaces; k++) {
        free_borrowed(predictors->spaces[k].single);
        free_borrowed(predictors->spaces[k].full);
    }
    for (size_t k = 0; predictors->delays && k < predictors->n_spaces; k++) {
        ba_free(predictors->delays[k]);
    }
    ba_free(predictors->spaces);
    ba_free(predictors->delays);
    ba_free(predictors->row_hash);
    ba_free(predictors->nuisance);
    *predictors = (ba_predictors_t){0};
}

size_t
ba_predictors_bytes(const ba_predictors_t *predictors, size_t n_samples)
{
    size_t bytes = 0;

    for (size_t k = 0; k < predictors->n_spaces; k++) {
        const ba_space_t *space = &predictors->spaces[k];

        bytes += n_samples * space->n_features *
                 (space->single ? sizeof(float) : sizeof(double));
    }
    return bytes;
}

void
ba_predictors_delay_range(const ba_predictors_t *predictors, int *smallest, int *largest)
{
    size_t n;
    const int *delays = ba_design_delays(predictors->design, &n);

    *smallest = *largest = n > 0 ? delays[0] : 0;
    for (size_t i = 1; i < n; i++) {
        *smallest = delays[i] < *smallest ? delays[i] : *smallest;
        *largest = delays[i] > *largest ? delays[i] : *largest;
    }
}
