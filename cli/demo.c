/* SPDX-License-Identifier: GPL-3.0-or-later */
/* demo: a synthetic study through every stage, compared with its truth and with a control
 * that has none. */
#include "cli/demo.h"
#include "cli/message.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/encode.h"
#include "brainalign/error.h"
#include "brainalign/synth.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_common_t common;
    cli_list_t folder;
} demo_args_t;

static const cli_option_t rows[] = {
    {.section = "Data",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "DIR",
        .help = "Folder for the study and its results, made where it is missing.",
        .offset = offsetof(demo_args_t, folder)},
    {0},
};

static const cli_option_t *const tables[] = {rows, NULL};

/* Where a control's r must stay below: a share of the real run's. */
static const double control_share = 0.2;

/* ---- fits ---- */

/* One layer's encoder: six runs, each held out once; mean r of every region goes to the
 * layer's column. */
static int
fit_layer(const cli_call_t *call, const ba_ctx_t *ctx, const demo_study_t *study,
    const char *folder, size_t layer, const char *responses, const char *name,
    double *mean_r)
{
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();
    char features[DEMO_PATH], runs[DEMO_PATH], output[DEMO_PATH];
    const char *spaces[] = {features};
    ba_dataset_opts_t data = {
        .features = spaces, .n_features = 1, .responses = responses, .runs = runs};
    ba_dataset_t *dataset = NULL;
    int status;

    snprintf(features, sizeof features, "%s/study/study.h5:/features/layer_%zu", folder,
        layer + 1);
    snprintf(runs, sizeof runs, "%s/study/study.h5:/run", folder);
    snprintf(output, sizeof output, "%s/%s_layer_%zu.h5", folder, name, layer + 1);
    opts.delays = "1,2,3,4";
    opts.tr = study->tr;
    opts.fit.want_weights = 1;
    opts.output = output;
    opts.force = call->common->force;
    opts.argc = call->argc;
    opts.argv = call->argv;
    BA_TRY(ba_dataset_open(ctx, &data, &dataset));
    BA_TRY(ba_encode_fit(ctx, dataset, &opts, NULL));
    BA_TRY(demo_region_means(study, output, mean_r));
out:
    ba_dataset_free(dataset);
    return status;
}

/* One line of progress over all fits; what the fits themselves would say (warnings of a
 * control that has nothing to find among them) is left out. */
static int
fit_layers(const cli_call_t *call, const demo_study_t *study, const char *folder,
    const char *responses, const char *name, size_t n_done, double *means)
{
    int status = BA_OK;
    ba_ctx_t quiet = *call->ctx;

    quiet.progress = NULL;
    quiet.log = NULL;
    for (size_t layer = 0; layer < study->n_layers; layer++) {
        BA_TRY(fit_layer(call, &quiet, study, folder, layer, responses, name,
            means + layer * study->n_regions));
        ba_ctx_progress(call->ctx, "encoders", (double) (n_done + layer + 1),
            2.0 * (double) study->n_layers);
    }
out:
    return status;
}

/* ---- report ---- */

static size_t
best_layer(const demo_study_t *study, const double *means, size_t region)
{
    size_t best = 0;

    for (size_t layer = 1; layer < study->n_layers; layer++) {
        if (means[layer * study->n_regions + region] >
            means[best * study->n_regions + region]) {
            best = layer;
        }
    }
    return best;
}

static void
print_driver(const demo_study_t *study, size_t region)
{
    int32_t layer = study->region_layer[region];
    char text[32];

    snprintf(text, sizeof text,
        layer > 0    ? "layer_%d"
        : layer == 0 ? "word rate"
                     : "nothing",
        layer);
    printf("  %-10s %-10s", study->region_names[region], text);
}

static void
print_table(const demo_study_t *study, const double *means)
{
    printf("  %-10s %-10s", "region", "driven by");
    for (size_t layer = 0; layer < study->n_layers; layer++) {
        printf(" layer_%zu", layer + 1);
    }
    printf("  best layer  perfect model\n");
    for (size_t region = 0; region < study->n_regions; region++) {
        size_t best = best_layer(study, means, region);
        int32_t truth = study->region_layer[region];

        print_driver(study, region);
        for (size_t layer = 0; layer < study->n_layers; layer++) {
            printf(" %7.3f", means[layer * study->n_regions + region]);
        }
        if (truth > 0) {
            printf("  layer_%zu %-3s %13.3f\n", best + 1,
                best + 1 == (size_t) truth ? "yes" : "NO", study->expected_r[region]);
        } else {
            printf("  %-11s %13.3f\n", "-", study->expected_r[region]);
        }
    }
}

/* Over the regions that a layer drives: how many have it as their best, and mean r at the
 * true layer. */
static size_t
count_recovered(
    const demo_study_t *study, const double *means, size_t *n_driven, double *mean_r)
{
    size_t n = 0;

    *n_driven = 0;
    *mean_r = 0.0;
    for (size_t region = 0; region < study->n_regions; region++) {
        int32_t truth = study->region_layer[region];

        if (truth > 0) {
            ++*n_driven;
            n += best_layer(study, means, region) + 1 == (size_t) truth;
            *mean_r += means[((size_t) truth - 1) * study->n_regions + region];
        }
    }
    *mean_r /= *n_driven > 0 ? (double) *n_driven : 1.0;
    return n;
}

static double
mean_expected(const demo_study_t *study)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t region = 0; region < study->n_regions; region++) {
        if (study->region_layer[region] > 0) {
            sum += study->expected_r[region];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : 0.0;
}

static int
judge(const demo_study_t *study, const double *means, const double *control)
{
    size_t n_driven, n_control;
    double r, control_r;
    size_t n = count_recovered(study, means, &n_driven, &r);

    printf(
        "\nmean r of held-out predictions, by region and layer of the language model:\n");
    print_table(study, means);
    n_control = count_recovered(study, control, &n_driven, &control_r);
    printf("\nrecovered: the driving layer of %zu of %zu regions; mean r there %.3f, "
           "%.0f %% of a "
           "perfect model's %.3f\n",
        n, n_driven, r, 100 * r / mean_expected(study), mean_expected(study));
    printf("control, every run with the responses of the next: mean r %.3f (%zu of %zu "
           "layers by "
           "chance)\n",
        control_r, n_control, n_driven);
    if (n < n_driven) {
        return ba_fail(BA_NUMERIC,
            "demo: the driving layer of %zu of %zu regions was found, wanted all", n,
            n_driven);
    }
    if (!(fabs(control_r) < control_share * r)) {
        return ba_fail(BA_NUMERIC,
            "demo: the control reaches a mean r of %.3f, wanted less than a fifth of "
            "%.3f",
            control_r, r);
    }
    return BA_OK;
}

/* ---- decoding ---- */

/* The layer in the middle. */
static const char decoded_layer[] = "layer_4";

/* Most of a voxel's variance that a study lets the stimulus drive: hardly any noise. */
static const double ceiling_signal = 0.7;

/* What identification must be above with, and below without, a relation, between chance
 * (0.5) and 1. */
static const double least_found = 0.8, most_by_chance = 0.6;

static int
decode_one(const cli_call_t *call, const demo_study_t *study, const char *folder,
    const char *responses, const char *name, size_t n_done, demo_decoded_t *out)
{
    char features[DEMO_PATH], runs[DEMO_PATH], output[DEMO_PATH];
    demo_decoding_t what = {
        .responses = responses, .features = features, .runs = runs, .tr = study->tr};
    ba_ctx_t quiet = *call->ctx;
    int status;

    quiet.progress = NULL;
    quiet.log = NULL;
    snprintf(features, sizeof features, "%s/study/study.h5:/features/%s", folder,
        decoded_layer);
    snprintf(runs, sizeof runs, "%s/study/study.h5:/run", folder);
    snprintf(output, sizeof output, "%s/%s_%s.h5", folder, name, decoded_layer);
    BA_TRY(demo_decode(call, &quiet, &what, output, out));
    ba_ctx_progress(call->ctx, "decoders", (double) n_done + 1, 3.0);
out:
    return status;
}

/* The study, the same with hardly any noise (the ceiling of this decoder), the control. */
static int
decode(const cli_call_t *call, const demo_study_t *study, const char *folder,
    const char *responses, const char *control)
{
    ba_synth_opts_t opts = ba_synth_opts_default();
    char path[DEMO_PATH], quiet[DEMO_PATH];
    demo_decoded_t real, ceiling, none;
    int status;

    snprintf(path, sizeof path, "%s/ceiling", folder);
    snprintf(quiet, sizeof quiet, "%s/ceiling/study.h5:/responses", folder);
    opts.signal = ceiling_signal;
    BA_TRY(ba_synth_write(call->ctx, &opts, path, call->common->force));
    BA_TRY(decode_one(call, study, folder, responses, "decoder", 0, &real));
    BA_TRY(decode_one(call, study, folder, quiet, "decoder_ceiling", 1, &ceiling));
    BA_TRY(decode_one(call, study, folder, control, "decoder_control", 2, &none));
    printf("\ndecoding of %s from all voxels, each of %zu segments of %.0f s identified "
           "among all:\n",
        decoded_layer, real.n_items, demo_segment_seconds(study->tr));
    printf("  %-34s %8s %8s %8s\n", "", "rank", "2v2", "first");
    printf("  %-34s %8.3f %8.3f %8.3f\n", "this study", real.rank_accuracy, real.pairs,
        real.top1);
    printf("  %-34s %8.3f %8.3f %8.3f\n", "ceiling, hardly any noise",
        ceiling.rank_accuracy, ceiling.pairs, ceiling.top1);
    printf("  %-34s %8.3f %8.3f %8.3f\n", "control, responses of the next run",
        none.rank_accuracy, none.pairs, none.top1);
    printf(
        "  %-34s %8.3f %8.3f %8.3f\n", "chance", 0.5, 0.5, 1.0 / (double) real.n_items);
    if (!(real.rank_accuracy > least_found &&
            real.rank_accuracy < ceiling.rank_accuracy + 0.02)) {
        return ba_fail(BA_NUMERIC,
            "demo: segments are identified with a rank accuracy of %.3f, wanted %.1f to "
            "the ceiling of %.3f",
            real.rank_accuracy, least_found, ceiling.rank_accuracy);
    }
    if (!(none.rank_accuracy < most_by_chance)) {
        return ba_fail(BA_NUMERIC,
            "demo: segments of the control are identified with a rank accuracy of %.3f, "
            "wanted less than %.1f",
            none.rank_accuracy, most_by_chance);
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    const demo_args_t *args = call->args;
    const char *folder = args->folder.items[0];
    char path[DEMO_PATH], responses[DEMO_PATH], control[DEMO_PATH];
    ba_synth_opts_t opts = ba_synth_opts_default();
    demo_study_t study = {0};
    double *means = NULL;
    size_t n;
    int status;

    if (args->folder.n != 1 || strlen(folder) > DEMO_PATH - 64) {
        BA_TRY(ba_fail(BA_VALUE, "demo: %zu folders, wanted one", args->folder.n));
    }
    BA_TRY(demo_make_folder(folder));
    snprintf(path, sizeof path, "%s/study", folder);
    snprintf(responses, sizeof responses, "%s/study/study.h5:/responses", folder);
    snprintf(control, sizeof control, "%s/control.h5:/responses", folder);
    BA_TRY(ba_synth_write(call->ctx, &opts, path, call->common->force));
    BA_TRY(demo_study_load(folder, &study));
    BA_TRY(demo_write_control(call->ctx, folder, call->common->force));
    printf("a study of %zu runs, %zu voxels in %zu regions, %zu layers: %s\n",
        opts.n_runs, study.n_voxels, study.n_regions, study.n_layers, path);
    n = study.n_layers * study.n_regions;
    means = calloc(2 * n, sizeof *means);
    if (!means) {
        BA_TRY(ba_fail(BA_NOMEM, "demo: out of memory"));
    }
    BA_TRY(fit_layers(call, &study, folder, responses, "encoder", 0, means));
    BA_TRY(
        fit_layers(call, &study, folder, control, "control", study.n_layers, means + n));
    BA_TRY(judge(&study, means, means + n));
    BA_TRY(demo_neurons(call, &study, folder, responses, control));
    BA_TRY(decode(call, &study, folder, responses, control));
out:
    demo_study_free(&study);
    free(means);
    return status;
}

static const char *const description[] = {
    "Writes a synthetic study whose truth is known and takes it through every stage: an "
    "encoding model of every voxel from each layer of a toy language model, six runs of "
    "which each is held out once.",
    "Prints how well the truth was recovered: whether the layer that drives a region "
    "predicts it best, and how close predictions come to those of a perfect model. A "
    "control gives every run the responses of the next one, which keeps all "
    "autocorrelation and breaks the link to the stimulus; it must find nothing.",
    "Then ranks the neurons of a layer by the words of concepts, and by what the region "
    "that the layer drives needs them for: both must find the planted ones.",
    "Then decodes a layer from all voxels and identifies segments of speech, beside the "
    "ceiling of the same decoder on the same study with hardly any noise, and the "
    "control. Exit status 1 when any of it fails.",
    NULL,
};

static const cli_example_t examples[] = {
    {"demo demo", "the study, its encoders and the control in the folder demo"},
    {0},
};

const cli_command_t cli_demo = {
    .group = "demo",
    .summary = "take a synthetic study with known truth through every stage",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(demo_args_t),
    .run = run,
};
