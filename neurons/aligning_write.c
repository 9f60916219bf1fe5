/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of neurons align: arrays, the table of neurons, the ranking. */
#include "neurons/aligning_concepts.h"

#include "brainalign/ranking.h"
#include "core/alloc.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[BA_ALIGN_N] = {
    "delta_r2", "delta_r", "zero_out_r2", "product_r2"};

/* ---- regions ---- */

static char all_targets[] = "*";

int
ba_align_regions_read(const char *file, size_t n_targets, ba_align_regions_t *out)
{
    int status = BA_OK;

    *out = (ba_align_regions_t){.n = 1, .n_targets = n_targets};
    BA_TRY_ALLOC(out->name, ba_calloc(n_targets + 1, sizeof *out->name));
    BA_TRY_ALLOC(out->region, ba_calloc(n_targets, sizeof *out->region));
    out->name[0] = all_targets;
    if (!file) {
        goto out;
    }
    BA_TRY(ba_table_read(file, BA_TABLE_NO_HEADER, &out->table));
    if (ba_table_n_rows(out->table) != n_targets) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu labels, wanted one for each of %zu targets",
            file, ba_table_n_rows(out->table), n_targets));
    }
    for (size_t t = 0; t < n_targets; t++) {
        const char *label = ba_table_cell(out->table, t, 0);
        size_t k = 1;

        while (k < out->n && strcmp(out->name[k], label) != 0) {
            k++;
        }
        if (k == out->n) {
            BA_TRY_ALLOC(out->name[k], ba_strdup(label));
            out->n++;
        }
        out->region[t] = k;
    }
out:
    return status;
}

void
ba_align_regions_free(ba_align_regions_t *regions)
{
    for (size_t k = 1; regions->name && k < regions->n; k++) {
        ba_free(regions->name[k]);
    }
    ba_free(regions->name);
    ba_free(regions->region);
    ba_table_free(regions->table);
}

/* Mean over the scored targets of each region, n x n_neurons, NaN where it has none; share:
 * of all scored targets those with a positive value. */
static int
make_scores(const ba_aligning_t *a, const ba_aligned_t *mean,
    const ba_align_regions_t *regions, double *score, double *share)
{
    int status = BA_OK;
    size_t k = a->neurons.n_neurons, *counts = NULL;

    BA_TRY_ALLOC(counts, ba_calloc(regions->n, sizeof *counts));
    memset(score, 0, regions->n * k * sizeof *score);
    memset(share, 0, k * sizeof *share);
    for (size_t t = 0; t < a->n_targets; t++) {
        const double *values = mean->values[BA_ALIGN_DELTA_R2] + t * k;
        size_t region = regions->region[t];

        if (isnan(mean->r2[t])) {
            continue;
        }
        counts[0]++;
        counts[region] += region > 0;
        for (size_t j = 0; j < k; j++) {
            score[j] += values[j];
            share[j] += values[j] > 0.0;
            score[region * k + j] += region > 0 ? values[j] : 0.0;
        }
    }
    for (size_t i = 0; i < regions->n * k; i++) {
        score[i] = counts[i / k] > 0 ? score[i] / (double) counts[i / k] : (double) NAN;
    }
    for (size_t j = 0; j < k; j++) {
        share[j] = counts[0] > 0 ? share[j] / (double) counts[0] : (double) NAN;
    }
out:
    ba_free(counts);
    return status;
}

/* ---- tables ---- */

static int
write_table(const ba_aligning_t *a, const ba_align_regions_t *regions,
    const double *score, const double *share, ba_table_writer_t **out)
{
    int status;
    size_t k = a->neurons.n_neurons;

    BA_TRY(ba_table_create(a->opts->table, a->opts->force, out));
    BA_TRY(ba_neuron_put_header(*out));
    BA_TRY(ba_table_put_text(*out, "delta_r2"));
    BA_TRY(ba_table_put_text(*out, "positive"));
    BA_TRY(ba_table_put_names(
        *out, (const char *const *) regions->name + 1, regions->n - 1));
    for (size_t j = 0; j < k; j++) {
        BA_TRY(ba_neuron_put(*out, &a->neurons, j));
        BA_TRY(ba_table_put_number(*out, score[j], 9));
        BA_TRY(ba_table_put_number(*out, share[j], 9));
        for (size_t r = 1; r < regions->n; r++) {
            BA_TRY(ba_table_put_number(*out, score[r * k + j], 9));
        }
        BA_TRY(ba_table_end_row(*out));
    }
    BA_TRY(ba_table_finish(*out));
out:
    return status;
}

static int
write_ranking(
    const ba_aligning_t *a, const ba_align_regions_t *regions, const double *score)
{
    int status;
    ba_ranking_t *ranking = NULL;

    BA_TRY(ba_ranking_create(
        "brain", regions->n, (const char *const *) regions->name, &a->neurons, &ranking));
    memcpy(ranking->score, score, regions->n * a->neurons.n_neurons * sizeof *score);
    BA_TRY(ba_ranking_sort(ranking));
    BA_TRY(ba_ranking_write(ranking, a->opts->ranking, 0, a->opts->force));
out:
    ba_ranking_free(ranking);
    return status;
}

/* ---- the result file ---- */

/* Rows of neurons, in the file as they are read. */
static void
transpose(const double *values, size_t n_neurons, size_t n_targets, double *out)
{
    for (size_t t = 0; t < n_targets; t++) {
        for (size_t j = 0; j < n_neurons; j++) {
            out[j * n_targets + t] = values[t * n_neurons + j];
        }
    }
}

static int
write_fold(const ba_aligning_t *a, const ba_aligned_t *values, ba_sink_t *sinks[],
    size_t fold, double *buffer)
{
    int status = BA_OK;
    size_t k = a->neurons.n_neurons, v = a->n_targets;

    for (size_t s = 0; s < 2; s++) {
        transpose(values->values[s], k, v, buffer);
        BA_TRY(
            ba_sink_write(sinks[s], (size_t[]){fold, 0, 0}, (size_t[]){1, k, v}, buffer));
    }
out:
    return status;
}

static int
write_arrays(ba_bundle_t *bundle, const ba_aligning_t *a, const ba_aligned_t *mean,
    const ba_aligned_t *folds)
{
    int status = BA_OK;
    size_t k = a->neurons.n_neurons, v = a->n_targets;
    double *buffer = NULL;
    char path[64];
    ba_sink_t *sinks[2];

    BA_TRY_ALLOC(buffer, ba_malloc(k, v * sizeof *buffer));
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        transpose(mean->values[s], k, v, buffer);
        snprintf(path, sizeof path, "/%s", names[s]);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, (size_t[]){k, v}, buffer));
    }
    BA_TRY(ba_bundle_write(bundle, "/r2", BA_F64, 1, &v, mean->r2));
    for (size_t s = 0; s < 2 && a->opts->save_folds; s++) {
        snprintf(path, sizeof path, "/%s_by_fold", names[s]);
        BA_TRY(ba_bundle_reserve(
            bundle, path, BA_F64, 3, (size_t[]){a->n_folds, k, v}, &sinks[s]));
    }
    for (size_t f = 0; f < a->n_folds && a->opts->save_folds; f++) {
        BA_TRY(write_fold(a, &folds[f], sinks, f, buffer));
    }
out:
    ba_free(buffer);
    return status;
}

static int
write_targets(ba_bundle_t *bundle, const ba_aligning_t *a)
{
    int status = BA_OK;
    char **labels = NULL;
    size_t n = 0;

    if (ba_bundle_has(a->encoder->bundle, "/targets/name")) {
        BA_TRY(ba_bundle_read_strings(a->encoder->bundle, "/targets/name", &n, &labels));
        BA_TRY(ba_bundle_write_strings(
            bundle, "/targets/name", n, (const char *const *) labels));
    }
out:
    free(labels);
    return status;
}

/* Files that were read beside the data set, NULL at the end. */
static int
list_inputs(const ba_align_opts_t *opts, const char ***out)
{
    int status = BA_OK;
    size_t n = 0;

    BA_TRY_ALLOC(
        *out, ba_calloc(opts->n_rankings + opts->n_label_nulls + 3, sizeof **out));
    (*out)[n++] = opts->encoder;
    for (size_t i = 0; i < opts->n_rankings; i++) {
        ba_align_split(opts->rankings[i], &(*out)[n++]);
    }
    for (size_t i = 0; i < opts->n_label_nulls; i++) {
        ba_align_split(opts->label_nulls[i], &(*out)[n++]);
    }
    (*out)[n] = opts->regions;
out:
    return status;
}

static int
write_bundle(ba_bundle_t *bundle, const ba_provenance_t *provenance,
    const ba_aligning_t *a, const ba_aligned_t *mean, const ba_aligned_t *folds,
    const ba_align_info_t *info)
{
    int status;
    const char **more = NULL;

    BA_TRY(list_inputs(a->opts, &more));
    BA_TRY(ba_neuron_write_format(bundle, "brainalign-align"));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "score_difference", 1, &info->difference));
    BA_TRY(ba_bundle_attr_strings(
        bundle, "/", "controls", a->opts->n_controls, a->opts->controls));
    BA_TRY(ba_neuron_write(bundle, "/neurons", &a->neurons, NULL, a->neurons.n_neurons));
    BA_TRY(write_targets(bundle, a));
    BA_TRY(write_arrays(bundle, a, mean, folds));
    BA_TRY(ba_provenance_write(provenance, a->opts->dataset, more, bundle));
out:
    ba_free(more);
    return status;
}

int
ba_align_write(const ba_ctx_t *ctx, const ba_aligning_t *a,
    const ba_align_regions_t *regions, const ba_aligned_t *mean,
    const ba_aligned_t *folds, const ba_align_info_t *info, ba_bundle_t *bundle)
{
    int status;
    ba_provenance_t provenance = ba_provenance_start(ctx, a->opts->argc, a->opts->argv);
    size_t k = a->neurons.n_neurons;
    ba_table_writer_t *table = NULL;
    double *score = NULL, *share;

    BA_TRY_ALLOC(score, ba_malloc(regions->n + 1, k * sizeof *score));
    share = score + regions->n * k;
    BA_TRY(make_scores(a, mean, regions, score, share));
    BA_TRY(write_bundle(bundle, &provenance, a, mean, folds, info));
    if (a->opts->table) {
        BA_TRY(write_table(a, regions, score, share, &table));
    }
    if (a->opts->ranking) {
        BA_TRY(write_ranking(a, regions, score));
    }
    BA_TRY(ba_bundle_commit(bundle));
    if (table) {
        BA_TRY(ba_table_commit(table));
    }
out:
    ba_free(score);
    ba_table_writer_free(table);
    return status;
}
