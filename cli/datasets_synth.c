/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datasets synth: a synthetic study with known truth. */
#include "cli/info.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/synth.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    cli_common_t common;
    uint64_t n_layers, layer_size, n_concepts, neurons_per_concept;
    uint64_t n_runs, run_length, n_test_repeats;
    const char *grid;
    double tr, signal, autocorrelation;
} synth_args_t;

static const cli_option_t model_rows[] = {
    {.section = "Toy language model",
        .name = "n-layers",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "6",
        .help = "Layers.",
        .offset = offsetof(synth_args_t, n_layers)},
    {.name = "layer-size",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "96",
        .help = "Neurons in each layer.",
        .offset = offsetof(synth_args_t, layer_size)},
    {.name = "n-concepts",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "8",
        .help = "Lexical concepts, each with planted neurons.",
        .offset = offsetof(synth_args_t, n_concepts)},
    {.name = "neurons-per-concept",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "4",
        .help = "Planted neurons for each concept in each layer that carries it.",
        .offset = offsetof(synth_args_t, neurons_per_concept)},
    {0},
};

static const cli_option_t brain_rows[] = {
    {.section = "Recording",
        .name = "n-runs",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "6",
        .help = "Training runs.",
        .offset = offsetof(synth_args_t, n_runs)},
    {.name = "run-length",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "200",
        .help = "Volumes in each run.",
        .offset = offsetof(synth_args_t, run_length)},
    {.name = "n-test-repeats",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "4",
        .help = "Repeats of one extra run for testing.",
        .offset = offsetof(synth_args_t, n_test_repeats)},
    {.name = "grid",
        .kind = CLI_STRING,
        .metavar = "X,Y,Z",
        .value = "16,16,6",
        .help = "Size of the image in voxels; those inside an ellipsoid are brain.",
        .offset = offsetof(synth_args_t, grid)},
    {.name = "tr",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .value = "2",
        .help = "Sampling interval.",
        .offset = offsetof(synth_args_t, tr)},
    {.name = "signal",
        .kind = CLI_REAL,
        .metavar = "SHARE",
        .value = "0.3",
        .help = "Share of a responsive voxel's variance that the stimulus drives.",
        .offset = offsetof(synth_args_t, signal)},
    {.name = "autocorrelation",
        .kind = CLI_REAL,
        .metavar = "R",
        .value = "0.4",
        .help =
            "Correlation of the noise with itself one volume later, slow drift aside.",
        .offset = offsetof(synth_args_t, autocorrelation)},
    {0},
};

static const cli_option_t result_rows[] = {
    {.section = "Output",
        .name = "output",
        .letter = 'o',
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "DIR",
        .help = "Folder for the study, made where it is missing.",
        .offset = offsetof(cli_common_t, output)},
    {0},
};

static const cli_option_t *const tables[] = {model_rows, brain_rows, result_rows, NULL};

static int
set_size(const char *option, uint64_t given, size_t *size)
{
    if (given > UINT32_MAX) {
        return ba_fail(BA_VALUE, "--%s: found %llu, wanted less than 2^32", option,
            (unsigned long long) given);
    }
    *size = (size_t) given;
    return BA_OK;
}

static int
set_options(const synth_args_t *args, ba_synth_opts_t *opts)
{
    int status;

    *opts = ba_synth_opts_default();
    opts->tr = args->tr;
    opts->signal = args->signal;
    opts->autocorrelation = args->autocorrelation;
    BA_TRY(set_size("n-layers", args->n_layers, &opts->n_layers));
    BA_TRY(set_size("layer-size", args->layer_size, &opts->layer_size));
    BA_TRY(set_size("n-concepts", args->n_concepts, &opts->n_concepts));
    BA_TRY(set_size(
        "neurons-per-concept", args->neurons_per_concept, &opts->neurons_per_concept));
    BA_TRY(set_size("n-runs", args->n_runs, &opts->n_runs));
    BA_TRY(set_size("run-length", args->run_length, &opts->run_length));
    BA_TRY(set_size("n-test-repeats", args->n_test_repeats, &opts->n_test_repeats));
    BA_TRY(cli_grid_parse(args->grid, &opts->n_x, &opts->n_y, &opts->n_z));
out:
    return status;
}

static void
print_plan(const ba_synth_opts_t *opts)
{
    cli_info_key("model");
    printf("%zu layers of %zu neurons, %zu concepts\n", opts->n_layers, opts->layer_size,
        opts->n_concepts);
    cli_info_key("recording");
    printf("%zu runs of %zu volumes, %zu test repeats\n", opts->n_runs, opts->run_length,
        opts->n_test_repeats);
    cli_info_key("grid");
    printf("%zu x %zu x %zu\n", opts->n_x, opts->n_y, opts->n_z);
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

static int
run(const cli_call_t *call)
{
    ba_synth_opts_t opts;
    int status;

    BA_TRY(set_options(call->args, &opts));
    if (call->common->dry_run) {
        print_plan(&opts);
        goto out;
    }
    BA_TRY(ba_synth_write(call->ctx, &opts, call->common->output, call->common->force));
    cli_message_note("wrote a study of %zu runs and %zu layers to %s", opts.n_runs,
        opts.n_layers, call->common->output);
out:
    return status;
}

static const char *const description[] = {
    "Writes a study whose truth is known, from --seed: a stream of words, the neurons "
    "of a toy language model with planted concept neurons, and the responses of a "
    "small brain whose regions follow one layer each through haemodynamic delays, "
    "with realistic noise.",
    "The folder holds study.h5 (features, responses, runs, words, test repeats), "
    "images with mask, regions and a run table, words.tsv, neurons.tsv, and truth.h5 "
    "with what was planted.",
    NULL,
};

static const cli_example_t examples[] = {
    {"datasets synth -o study", "a study that encode fit handles in seconds"},
    {"encode fit --features study/study.h5:/features/layer_3 --responses "
     "study/study.h5:/responses --runs study/study.h5:/run --delays 1,2,3,4 --tr 2 -o "
     "enc.h5",
        "and one layer of it"},
    {0},
};

const cli_command_t cli_datasets_synth = {
    .group = "datasets",
    .verb = "synth",
    .summary = "write a synthetic study with known truth",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(synth_args_t),
    .run = run,
};
