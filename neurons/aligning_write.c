/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_write.h"

#include "core/alloc.h"
#include "neurons/brain_file.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[BA_ALIGN_N_SAVED] = {
    "delta_r2", "delta_r", "zero_out_r2", "product_r2", "alone_r"};

void
ba_align_output_free(ba_align_output_t *output)
{
    ba_bundle_free(output->bundle);
    ba_free(output->buffer);
    ba_free(output->r2);
    *output = (ba_align_output_t){0};
}

/* Outputs that exist are refused before the work. */
static int
check_tables(const ba_align_opts_t *opts)
{
    const char *const files[] = {opts->table, opts->ranking, opts->set_table,
        opts->elimination, opts->concept_table, opts->dissociation_table,
        opts->group_table};
    int status = BA_OK;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ba_table_writer_t *writer = NULL;

        if (files[i]) {
            BA_TRY(ba_table_create(files[i], opts->force, &writer));
            ba_table_writer_free(writer);
        }
    }
out:
    return status;
}

int
ba_align_output_open(const ba_ctx_t *ctx, const ba_aligning_t *a, ba_align_output_t *out)
{
    int status;
    size_t k = a->neurons.n_neurons, v = a->n_targets;
    char path[64];

    *out = (ba_align_output_t){.aligning = a,
        .provenance = ba_provenance_start(ctx, a->opts->argc, a->opts->argv)};
    BA_TRY(ba_bundle_create(a->opts->output, a->opts->force, &out->bundle));
    BA_TRY(check_tables(a->opts));
    BA_TRY_ALLOC(out->buffer, ba_malloc(k, a->window * sizeof *out->buffer));
    BA_TRY_ALLOC(out->r2, ba_malloc(v, sizeof *out->r2));
    for (size_t s = 0; s < BA_ALIGN_N_SAVED; s++) {
        snprintf(path, sizeof path, "/%s", names[s]);
        BA_TRY(ba_bundle_reserve(
            out->bundle, path, BA_F64, 2, (size_t[]){k, v}, &out->sinks[s]));
    }
    for (size_t s = 0; s < 2 && a->opts->save_folds; s++) {
        snprintf(path, sizeof path, "/%s_by_fold", names[s]);
        BA_TRY(ba_bundle_reserve(out->bundle, path, BA_F64, 3,
            (size_t[]){a->n_folds, k, v}, &out->fold_sinks[s]));
    }
out:
    return status;
}

/* Rows of neurons, in the file as they are read. */
static const double *
transpose(ba_align_output_t *output, const ba_aligned_t *values, size_t s)
{
    size_t k = output->aligning->neurons.n_neurons;

    for (size_t t = 0; t < values->n; t++) {
        for (size_t j = 0; j < k; j++) {
            output->buffer[j * values->n + t] = values->values[s][t * k + j];
        }
    }
    return output->buffer;
}

int
ba_align_output_fold(ba_align_output_t *output, size_t fold, const ba_aligned_t *values)
{
    int status = BA_OK;
    size_t start[] = {fold, 0, values->first};
    size_t count[] = {1, output->aligning->neurons.n_neurons, values->n};

    for (size_t s = 0; s < 2 && output->fold_sinks[s]; s++) {
        BA_TRY(ba_sink_write(
            output->fold_sinks[s], start, count, transpose(output, values, s)));
    }
out:
    return status;
}

int
ba_align_output_mean(ba_align_output_t *output, const ba_aligned_t *values)
{
    int status = BA_OK;
    size_t start[] = {0, values->first};
    size_t count[] = {output->aligning->neurons.n_neurons, values->n};

    memcpy(output->r2 + values->first, values->r2, values->n * sizeof *values->r2);
    for (size_t s = 0; s < BA_ALIGN_N_SAVED; s++) {
        BA_TRY(
            ba_sink_write(output->sinks[s], start, count, transpose(output, values, s)));
    }
out:
    return status;
}

/* Labels of one encoder; of several, which each target is of. */
static int
write_targets(ba_bundle_t *bundle, const ba_aligning_t *a)
{
    int status = BA_OK;
    char **labels = NULL;
    int32_t *of = NULL;
    size_t n = 0;

    if (a->n_encoders > 1) {
        BA_TRY_ALLOC(of, ba_malloc(a->n_targets, sizeof *of));
        for (size_t e = 0; e < a->n_encoders; e++) {
            for (size_t t = a->first_target[e]; t < a->first_target[e + 1]; t++) {
                of[t] = (int32_t) e;
            }
        }
        BA_TRY(ba_bundle_write(bundle, "/targets/encoder", BA_I32, 1, &a->n_targets, of));
    }

    if (a->n_encoders == 1 && ba_bundle_has(a->encoder->bundle, "/targets/name")) {
        BA_TRY(ba_bundle_read_strings(a->encoder->bundle, "/targets/name", &n, &labels));
        BA_TRY(ba_bundle_write_strings(
            bundle, "/targets/name", n, (const char *const *) labels));
    }
out:
    free(labels);
    ba_free(of);
    return status;
}

/* Files of the responses and nuisance regressors of the other subjects. */
static size_t
list_sources(const ba_align_opts_t *opts, const char **out)
{
    size_t n = 0;

    for (size_t i = 0; i < opts->n_others; i++) {
        const ba_dataset_part_t *part = &opts->others[i].dataset->train;
        const ba_source_t *const sources[] = {part->responses, part->nuisance};

        for (size_t k = 0; k < 2; k++) {
            const char *file;

            for (size_t j = 0; sources[k] && (file = ba_source_file(sources[k], j));
                 j++) {
                if (out) {
                    out[n] = file;
                }
                n++;
            }
        }
    }
    return n;
}

/* Files that were read beside the data set, NULL at the end. */
static int
list_inputs(const ba_align_opts_t *opts, const char ***out)
{
    int status = BA_OK;
    size_t n = 0;

    BA_TRY_ALLOC(*out, ba_calloc(opts->n_sets + opts->n_rankings + opts->n_label_nulls +
                                     opts->n_others + list_sources(opts, NULL) + 4,
                           sizeof **out));
    (*out)[n++] = opts->encoder;
    for (size_t i = 0; i < opts->n_others; i++) {
        (*out)[n++] = opts->others[i].encoder;
    }
    n += list_sources(opts, *out + n);
    for (size_t i = 0; i < opts->n_sets; i++) {
        ba_align_split(opts->sets[i], &(*out)[n++]);
    }
    for (size_t i = 0; i < opts->n_rankings; i++) {
        ba_align_split(opts->rankings[i], &(*out)[n++]);
    }
    for (size_t i = 0; i < opts->n_label_nulls; i++) {
        ba_align_split(opts->label_nulls[i], &(*out)[n++]);
    }
    if (opts->regions) {
        (*out)[n++] = opts->regions;
    }
    (*out)[n] = opts->subjects;
out:
    return status;
}

static int
write_bundle(ba_align_output_t *output, const ba_align_results_t *results)
{
    int status;
    const ba_aligning_t *a = output->aligning;
    ba_bundle_t *bundle = output->bundle;
    const char **more = NULL;

    BA_TRY(list_inputs(a->opts, &more));
    BA_TRY(ba_neuron_write_format(bundle, "brainalign-align"));
    BA_TRY(ba_bundle_attr_f64(
        bundle, "/", "score_difference", 1, &results->info->difference));
    BA_TRY(ba_bundle_attr_strings(
        bundle, "/", "controls", a->opts->n_controls, a->opts->controls));
    BA_TRY(ba_neuron_write(bundle, "/neurons", &a->neurons, NULL, a->neurons.n_neurons));
    BA_TRY(write_targets(bundle, a));
    BA_TRY(ba_bundle_write(bundle, "/r2", BA_F64, 1, &a->n_targets, output->r2));
    BA_TRY(ba_brain_write(bundle, results->regions, results->scores));
    BA_TRY(ba_align_profile_write(results->profile, bundle));
    BA_TRY(ba_align_sets_write(results->sets, results->share, bundle));
    BA_TRY(ba_align_elimination_write(results->elimination, bundle));
    BA_TRY(ba_align_concepts_write(results->concepts, bundle));
    BA_TRY(ba_align_group_write(results->group, bundle));
    BA_TRY(ba_provenance_write(&output->provenance, a->opts->dataset, more, bundle));
out:
    ba_free(more);
    return status;
}

/* neurons.tsv, with the concepts of each neuron where there are any. */
static int
write_neurons(const ba_align_output_t *output, const ba_align_results_t *results,
    ba_table_writer_t **table)
{
    int status = BA_OK;
    const ba_align_opts_t *opts = output->aligning->opts;
    const ba_neuron_table_t *neurons = &output->aligning->neurons;
    char **concepts = NULL;

    if (results->concepts) {
        BA_TRY(ba_align_concepts_of_neurons(results->concepts, &concepts));
    }
    BA_TRY(ba_brain_write_table(opts->table, opts->force, neurons, results->regions,
        results->scores, (const char *const *) concepts, table));
out:
    for (size_t j = 0; concepts && j < neurons->n_neurons; j++) {
        ba_free(concepts[j]);
    }
    ba_free(concepts);
    return status;
}

int
ba_align_output_finish(ba_align_output_t *output, const ba_align_results_t *results)
{
    int status;
    const ba_align_opts_t *opts = output->aligning->opts;
    const ba_neuron_table_t *neurons = &output->aligning->neurons;
    ba_table_writer_t *tables[7] = {NULL};
    ba_ranking_t *ranking = NULL;

    BA_TRY(write_bundle(output, results));
    if (opts->table) {
        BA_TRY(write_neurons(output, results, &tables[0]));
    }
    if (opts->set_table) {
        BA_TRY(ba_align_sets_write_table(
            results->sets, results->share, opts->set_table, opts->force, &tables[1]));
    }
    if (opts->elimination) {
        BA_TRY(ba_align_elimination_write_table(results->elimination, results->share,
            opts->elimination, opts->force, &tables[2]));
    }
    if (opts->ranking) {
        BA_TRY(ba_brain_ranking(neurons, results->regions, results->scores, &ranking));
        BA_TRY(ba_ranking_table(ranking, opts->ranking, 0, opts->force, &tables[5]));
    }
    if (opts->concept_table) {
        BA_TRY(ba_align_concepts_table(results->concepts, &tables[3]));
    }
    if (opts->dissociation_table) {
        BA_TRY(ba_align_dissociation_table(results->concepts, &tables[4]));
    }
    if (opts->group_table) {
        BA_TRY(ba_align_group_write_table(
            results->group, opts->group_table, opts->force, &tables[6]));
    }
    BA_TRY(ba_align_maps_make(results->maps));
    BA_TRY(ba_bundle_commit(output->bundle));
    BA_TRY(ba_align_maps_commit(results->maps));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (tables[i]) {
            BA_TRY(ba_table_commit(tables[i]));
        }
    }
out:
    ba_ranking_free(ranking);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        ba_table_writer_free(tables[i]);
    }
    return status;
}
