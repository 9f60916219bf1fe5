/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's neurons: which of a layer's carry a concept, from the words alone, and what
 * they add to the encoder of the region that the layer drives. */
#include "cli/demo.h"

#include "brainalign/align.h"
#include "brainalign/bundle.h"
#include "brainalign/encode.h"
#include "brainalign/error.h"
#include "brainalign/rank.h"
#include "brainalign/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Neurons planted for a concept in each layer that carries it. */
enum { PER_CONCEPT = 4 };

/* The layer, from 1: that in the middle. */
enum { LAYER = 4 };

/* Shares of the planted neurons that must be, or must not be, among the first. */
static const double least_found = 0.6, most_by_chance = 0.4;

/* Truth of the layer, and SPECs of its data. */
typedef struct {
    const demo_study_t *study;
    const char *region; /* that it drives */
    size_t n_neurons, n_planted, n_concepts;
    int32_t *planted; /* n_neurons: concept, -1 = none */
    char **concepts;  /* n_concepts */
    char labels[DEMO_PATH], forms[DEMO_PATH], activations[DEMO_PATH], features[DEMO_PATH],
        runs[DEMO_PATH];
} demo_layer_t;

typedef struct {
    size_t n_found;   /* planted neurons among as many that add most to the region */
    size_t n_carried; /* concepts that the layer carries */
    double least_carried, most_other; /* drops of r2 without a concept's first neurons */
} demo_found_t;

/* A grid of penalties: contributions are worked out once for each that some voxel has. */
static int
fit(const cli_call_t *call, const ba_ctx_t *ctx, const demo_layer_t *layer,
    ba_dataset_t *dataset, const char *output)
{
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();
    int status;

    opts.delays = "1,2,3,4";
    opts.tr = layer->study->tr;
    opts.fit.want_weights = 1;
    opts.output = output;
    opts.force = call->common->force;
    opts.argc = call->argc;
    opts.argv = call->argv;
    BA_TRY(ba_alphas_parse("log:1,5,5", &opts.fit.alphas));
    BA_TRY(ba_encode_fit(ctx, dataset, &opts, NULL));
out:
    ba_alphas_free(&opts.fit.alphas);
    return status;
}

/* Neurons of the layer in order of AUROC for every concept, over the words. */
static int
rank(const cli_call_t *call, const ba_ctx_t *ctx, const demo_layer_t *layer,
    const char *output)
{
    const char *activation = layer->activations, *label = layer->labels;
    ba_activations_opts_t source = {.files = &activation, .n_files = 1};
    ba_concepts_opts_t wanted = {
        .labels = &label, .n_labels = 1, .forms = layer->forms, .min_tokens = 1};
    ba_activations_t *activations = NULL;
    ba_concepts_t *concepts = NULL;
    ba_token_split_t split = {0};
    ba_rank_opts_t opts = ba_rank_opts_default();
    ba_ranking_t *ranking = NULL;
    int status;

    BA_TRY(ba_activations_open(ctx, &source, &activations));
    BA_TRY(ba_concepts_read(ctx, &wanted, activations, &concepts));
    BA_TRY(ba_concepts_split(concepts, BA_SPLIT_TYPES, 0.0, 0, 0, &split));
    opts.method = "auroc";
    BA_TRY(ba_neurons_rank(
        ctx, &(ba_rank_data_t){activations, concepts, &split}, &opts, &ranking, NULL));
    BA_TRY(ba_ranking_write(ranking, output, 0, call->common->force));
out:
    ba_ranking_free(ranking);
    ba_token_split_free(&split);
    ba_concepts_free(concepts);
    ba_activations_free(activations);
    return status;
}

/* The voxels' regions as neurons align reads them. */
static int
write_regions(const cli_call_t *call, const demo_study_t *study, const char *file)
{
    ba_table_writer_t *table = NULL;
    int status;

    BA_TRY(ba_table_create(file, call->common->force, &table));
    for (size_t v = 0; v < study->n_voxels; v++) {
        BA_TRY(ba_table_put_text(table, study->region_names[study->region[v]]));
        BA_TRY(ba_table_end_row(table));
    }
    BA_TRY(ba_table_commit(table));
out:
    ba_table_writer_free(table);
    return status;
}

static size_t
find_name(char **names, size_t n, const char *name)
{
    size_t i = 0;

    while (i < n && strcmp(names[i], name) != 0) {
        i++;
    }
    return i;
}

/* How many of the layer's planted neurons are among as many that add most. */
static size_t
count_found(const demo_layer_t *layer, const double *score, size_t n)
{
    size_t found = 0;

    for (size_t j = 0; j < n; j++) {
        size_t better = 0;

        for (size_t i = 0; i < n; i++) {
            better += score[i] > score[j];
        }
        found += layer->planted[j] >= 0 && better < layer->n_planted;
    }
    return found;
}

/* Of the driven region: planted neurons among its first, drops of concepts that the layer
 * carries, and of those that it does not. */
static int
read_found(const demo_layer_t *layer, const char *file, demo_found_t *out)
{
    size_t n_regions = 0, n_concepts = 0, region, n = layer->n_neurons;
    char **regions = NULL, **concepts = NULL;
    double *scores = NULL, *drops = NULL;
    ba_bundle_t *bundle = NULL;
    int status;

    BA_TRY(ba_bundle_open(file, "brainalign-align", &bundle));
    BA_TRY(ba_bundle_read_strings(bundle, "/brain/region", &n_regions, &regions));
    BA_TRY(ba_bundle_read_strings(bundle, "/concepts/name", &n_concepts, &concepts));
    region = find_name(regions, n_regions, layer->region);
    scores = calloc(n_regions * n, sizeof *scores);
    drops = calloc(n_concepts * n_regions, sizeof *drops);
    if (!scores || !drops) {
        BA_TRY(ba_fail(BA_NOMEM, "demo: out of memory"));
    }
    BA_TRY(ba_bundle_read(bundle, "/brain/delta_r2", BA_F64, NULL, NULL, scores));
    BA_TRY(
        ba_bundle_read(bundle, "/ablation/region/delta_r2", BA_F64, NULL, NULL, drops));
    out->n_found = count_found(layer, scores + region * n, n);
    out->least_carried = 1.0;
    out->most_other = -1.0;
    for (size_t c = 0; c < n_concepts; c++) {
        double drop = drops[c * n_regions + region];
        size_t concept = find_name(layer->concepts, layer->n_concepts, concepts[c]);
        int carried = 0;

        for (size_t j = 0; j < n; j++) {
            carried |= layer->planted[j] == (int32_t) concept;
        }
        out->n_carried += carried ? 1 : 0;
        if (carried && drop < out->least_carried) {
            out->least_carried = drop;
        }
        if (!carried && drop > out->most_other) {
            out->most_other = drop;
        }
    }
out:
    free(regions);
    free(concepts);
    free(scores);
    free(drops);
    ba_bundle_free(bundle);
    return status;
}

/* Files of this stage are FOLDER/NAME_*. */
static int
find(const cli_call_t *call, const ba_ctx_t *ctx, const demo_layer_t *layer,
    const char *folder, const char *responses, const char *name, demo_found_t *out)
{
    char paths[4][DEMO_PATH];
    static const char *const endings[] = {
        "encoder.h5", "ranking.tsv", "regions.tsv", "align.h5"};
    const char *features[] = {layer->features}, *ranking = paths[1];
    ba_dataset_opts_t data = {.features = features,
        .n_features = 1,
        .responses = responses,
        .runs = layer->runs};
    ba_dataset_t *dataset = NULL;
    ba_align_opts_t opts = {.encoder = paths[0],
        .regions = paths[2],
        .output = paths[3],
        .rankings = &ranking,
        .n_rankings = 1,
        .top = PER_CONCEPT,
        .force = call->common->force,
        .argc = call->argc,
        .argv = call->argv};
    ba_align_info_t info;
    int status;

    *out = (demo_found_t){0};
    for (size_t i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s_%s", folder, name, endings[i]);
    }
    BA_TRY(ba_dataset_open(ctx, &data, &dataset));
    BA_TRY(fit(call, ctx, layer, dataset, paths[0]));
    BA_TRY(rank(call, ctx, layer, paths[1]));
    BA_TRY(write_regions(call, layer->study, paths[2]));
    opts.dataset = dataset;
    BA_TRY(ba_neurons_align(ctx, &opts, &info));
    BA_TRY(read_found(layer, paths[3], out));
out:
    ba_dataset_free(dataset);
    return status;
}

static int
read_layer(const demo_study_t *study, const char *folder, demo_layer_t *layer)
{
    char path[DEMO_PATH];
    size_t dims[BA_MAX_RANK], start[2] = {LAYER - 1, 0}, count[2] = {1, 0};
    ba_bundle_t *truth = NULL;
    int rank, status;

    *layer = (demo_layer_t){.study = study};
    for (size_t r = 0; r < study->n_regions; r++) {
        if (study->region_layer[r] == LAYER) {
            layer->region = study->region_names[r];
        }
    }
    snprintf(path, sizeof path, "%s/study/truth.h5", folder);
    BA_TRY(ba_bundle_open(path, "brainalign-study-truth", &truth));
    BA_TRY(ba_bundle_shape(truth, "/layers/planted", &rank, dims));
    layer->n_neurons = count[1] = dims[1];
    layer->planted = calloc(layer->n_neurons, sizeof *layer->planted);
    if (!layer->planted) {
        BA_TRY(ba_fail(BA_NOMEM, "demo: out of memory"));
    }
    BA_TRY(
        ba_bundle_read(truth, "/layers/planted", BA_I32, start, count, layer->planted));
    BA_TRY(ba_bundle_read_strings(
        truth, "/layers/concepts", &layer->n_concepts, &layer->concepts));
    for (size_t j = 0; j < layer->n_neurons; j++) {
        layer->n_planted += layer->planted[j] >= 0 ? 1 : 0;
    }
    snprintf(
        layer->labels, sizeof layer->labels, "%s/study/study.h5:/words/concept", folder);
    snprintf(layer->forms, sizeof layer->forms, "%s/study/study.h5:/words/token", folder);
    snprintf(layer->activations, sizeof layer->activations,
        "%s/study/study.h5:/words/activations[:,%zu:%zu]", folder,
        (LAYER - 1) * layer->n_neurons, LAYER * layer->n_neurons);
    snprintf(layer->features, sizeof layer->features,
        "%s/study/study.h5:/features/layer_%d", folder, LAYER);
    snprintf(layer->runs, sizeof layer->runs, "%s/study/study.h5:/run", folder);
out:
    ba_bundle_free(truth);
    return status;
}

static void
print_found(const char *what, const demo_layer_t *layer, const demo_found_t *found)
{
    printf("  %-34s %4zu of %-4zu %11.4f %11.4f\n", what, found->n_found,
        layer->n_planted, found->least_carried, found->most_other);
}

static int
judge(const demo_layer_t *layer, const demo_found_t *real, const demo_found_t *control)
{
    double n = (double) layer->n_planted;

    if (!((double) real->n_found >= least_found * n &&
            (double) control->n_found <= most_by_chance * n)) {
        return ba_fail(BA_NUMERIC,
            "demo: %zu of %zu planted neurons are among the first of %s, %zu in the "
            "control: wanted at least %.0f %% and at most %.0f %%",
            real->n_found, layer->n_planted, layer->region, control->n_found,
            100 * least_found, 100 * most_by_chance);
    }
    if (!(real->least_carried > real->most_other)) {
        return ba_fail(BA_NUMERIC,
            "demo: a concept that the layer carries adds %.4f, one that it does not "
            "carry %.4f: wanted less of this",
            real->least_carried, real->most_other);
    }
    return BA_OK;
}

int
demo_neurons(const cli_call_t *call, const demo_study_t *study, const char *folder,
    const char *responses, const char *control)
{
    demo_layer_t layer;
    demo_found_t real, none;
    ba_ctx_t quiet = *call->ctx;
    int status;

    quiet.progress = NULL;
    quiet.log = NULL;
    BA_TRY(read_layer(study, folder, &layer));
    BA_TRY(find(call, &quiet, &layer, folder, responses, "neurons", &real));
    ba_ctx_progress(call->ctx, "neurons", 1.0, 2.0);
    BA_TRY(find(call, &quiet, &layer, folder, control, "neurons_control", &none));
    ba_ctx_progress(call->ctx, "neurons", 2.0, 2.0);
    printf("\nneurons of layer_%d in %s, which it drives: planted ones (of %zu neurons) "
           "among as many that add\nmost, and what the %d neurons that tell a concept's "
           "words best add together to r2:\n",
        LAYER, layer.region, layer.n_neurons, PER_CONCEPT);
    printf("  %-34s %12s %11s %11s\n", "", "planted", "carried", "other");
    print_found("this study", &layer, &real);
    print_found("control, responses of the next run", &layer, &none);
    printf("  (%zu concepts that the layer carries: the least of them; %zu others: the "
           "most)\n",
        real.n_carried, layer.n_concepts - real.n_carried);
    BA_TRY(judge(&layer, &real, &none));
out:
    free(layer.planted);
    free(layer.concepts);
    return status;
}
