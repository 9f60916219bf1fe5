/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode group: regions and subjects. */
#include "cli/fitted_data.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/compare.h"
#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct {
    cli_common_t common;
    cli_list_t files, rois;
    const char *subjects, *table, *map, *mask;
    int score, null;
    uint64_t n_bootstrap, n_permutations, n_flips;
} group_args_t;

static const ba_score_t score_of[] = {BA_SCORE_R, BA_SCORE_R2};
static const ba_group_null_t null_of[] = {
    BA_GROUP_NONE, BA_GROUP_JOINT, BA_GROUP_REFIT, BA_GROUP_SHIFT};
static const char *const null_names[] = {"no", "joint", "refit", "shift"};

static const cli_option_t rows[] = {
    {.section = "Data",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "Results of encode fit, one for each subject.",
        .offset = offsetof(group_args_t, files)},
    {.name = "rois",
        .kind = CLI_STRINGS,
        .metavar = "SPEC",
        .otherwise = "every target by itself, in a common space",
        .help = "Regions: a label image, NAME=MASK.nii.gz, a table FILE.tsv:COLUMN with "
                "a label for each target, or whole numbers FILE:PATH.",
        .offset = offsetof(group_args_t, rois)},
    {.name = "subjects",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv:COLUMN",
        .otherwise = "each file is a subject",
        .help = "The subject of each target, where one file holds all of them.",
        .offset = offsetof(group_args_t, subjects)},
    {.section = "Statistics",
        .name = "score",
        .kind = CLI_CHOICE,
        .metavar = "r|r2",
        .value = "r",
        .help = "Score of a target.",
        .offset = offsetof(group_args_t, score)},
    {.name = "null",
        .kind = CLI_CHOICE,
        .metavar = "none|joint|refit|shift",
        .value = "none",
        .help =
            "The test against the stimulus that subjects share. refit: the features "
            "are moved for all subjects alike (random signs of their cosine "
            "coefficients within runs) and every model is fitted anew, the primary "
            "test; shift: the same with shifts in a circle within runs; joint: random "
            "signs of the stored predictions of all subjects alike, given the fitted "
            "models.",
        .offset = offsetof(group_args_t, null)},
    {.name = "permutations",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "1000 of joint, else 200",
        .help = "Permutations of the null; of shift all shifts where there are no more.",
        .offset = offsetof(group_args_t, n_permutations)},
    {.name = "flips",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10000",
        .help = "Sign flips of subjects; all 2^n where there are no more.",
        .offset = offsetof(group_args_t, n_flips)},
    {.name = "bootstrap",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1000",
        .help = "Draws of subjects (of one subject: of folds) for the intervals.",
        .offset = offsetof(group_args_t, n_bootstrap)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The same as a table: a line for each region or target.",
        .offset = offsetof(group_args_t, table)},
    {.name = "map",
        .kind = CLI_STRING,
        .metavar = "FILE.nii.gz",
        .help =
            "Mean scores over subjects as an image (with --mask, without --rois). With "
            "several subjects FILE.t.nii.gz and FILE.p_t.nii.gz (Student's t and its "
            "p) as well, with --null FILE.p.nii.gz.",
        .offset = offsetof(group_args_t, map)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "The mask whose voxels the targets are.",
        .offset = offsetof(group_args_t, mask)},
    {0},
};

static const cli_option_t *const tables[] = {rows, NULL};

static int
set_options(const cli_call_t *call, ba_group_opts_t *opts)
{
    const group_args_t *args = call->args;

    *opts = ba_group_opts_default();
    opts->files = args->files.items;
    opts->n_files = args->files.n;
    opts->subjects = args->subjects;
    opts->rois = args->rois.items;
    opts->n_rois = args->rois.n;
    opts->score = score_of[args->score];
    opts->null = null_of[args->null];
    opts->n_bootstrap = (size_t) args->n_bootstrap;
    opts->n_flips = (size_t) args->n_flips;
    opts->n_permutations = args->n_permutations != CLI_NOT_GIVEN
                               ? (size_t) args->n_permutations
                           : opts->null == BA_GROUP_JOINT ? 1000
                                                          : 200;
    opts->output = call->common->output;
    opts->table = args->table;
    opts->map = args->map;
    opts->grid = args->mask;
    opts->force = call->common->force;
    opts->dry_run = call->common->dry_run;
    opts->seed = call->ctx->seed;
    opts->argc = call->argc;
    opts->argv = call->argv;
    if (opts->n_permutations == 0 || opts->n_flips == 0) {
        return ba_fail(BA_VALUE, "%s: found 0, wanted at least 1",
            opts->n_flips == 0 ? "--flips" : "--permutations");
    }
    if (args->map && (!args->mask || args->rois.n > 0)) {
        return ba_fail(BA_VALUE, "--map: found '%s' %s, wanted --mask and every target",
            args->map, args->rois.n > 0 ? "with --rois" : "without --mask");
    }
    return BA_OK;
}

static void
report(const ba_group_opts_t *opts, const ba_group_info_t *info)
{
    const char *units = opts->n_rois > 0 ? "regions" : "targets";

    cli_message_note("%zu subject%s, %zu %s, mean %s %.4f", info->n_subjects,
        cli_plural(info->n_subjects), info->n_units, units,
        opts->score == BA_SCORE_R ? "r" : "r2", info->mean);
    if (opts->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    if (opts->null != BA_GROUP_NONE) {
        cli_message_note("%s null: %zu %s with p below 0.05, %zu family-wise; %zu "
                         "permutations, smallest p %.2g",
            null_names[opts->null], info->n_p, units, info->n_fwe, info->n_permutations,
            info->smallest_p);
    }
    if (info->n_subjects > 1) {
        cli_message_note("t over subjects: %zu %s with p below 0.05", info->n_t, units);
    }
    if (isfinite(info->t_rate)) {
        cli_message_note("of moved stimuli %.0f %% pass that t test", 100 * info->t_rate);
    }
    cli_message_note("wrote %s", opts->output);
}

/* Data and settings of each file, found through its provenance. */
static int
open_sources(const cli_call_t *call, const ba_group_opts_t *opts, cli_refit_t *refits,
    ba_group_source_t *sources)
{
    const cli_output_t outputs[] = {
        {"--output", opts->output}, {"--table", opts->table}, {"--map", opts->map}};
    int status = BA_OK;

    for (size_t f = 0; f < opts->n_files; f++) {
        BA_TRY(cli_refit_open(call, opts->files[f], NULL, &refits[f]));
        BA_TRY(cli_outputs_check_data(outputs, 3, refits[f].dataset));
        sources[f] = (ba_group_source_t){refits[f].dataset, &refits[f].opts};
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    ba_group_opts_t opts;
    ba_group_info_t info;
    cli_refit_t *refits = NULL;
    ba_group_source_t *sources = NULL;
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(cli_outputs_check_files(
        &(cli_outputs_t){opts.output, opts.table, opts.map}, opts.files, opts.n_files));
    refits = cli_calloc(opts.n_files, sizeof *refits);
    sources = cli_calloc(opts.n_files, sizeof *sources);
    if (opts.null != BA_GROUP_NONE) {
        BA_TRY(open_sources(call, &opts, refits, sources));
        opts.sources = sources;
    }
    BA_TRY(ba_encode_group(call->ctx, &opts, &info));
    report(&opts, &info);
out:
    for (size_t f = 0; refits && f < opts.n_files; f++) {
        cli_refit_close(&refits[f]);
    }
    free(refits);
    free(sources);
    return status;
}

static const char *const description[] = {
    "Sums scores up over regions and subjects: means, medians, bootstrap intervals; "
    "Student's t, Wilcoxon's signed ranks and sign flips over subjects, with family-wise "
    "p by the maximum over regions or targets. Of one subject regions are summed up, "
    "without tests.",
    "Subjects who heard the same stimulus are not independent under the hypothesis that "
    "its features do not matter: a feature that happens to go along with what their "
    "brains do in common passes a t test over subjects. --null is the test for that: "
    "refit and shift move the features for all subjects alike and fit anew; joint "
    "permutes the stored predictions (--save weights,predictions), given the fits. Both "
    "find the data of each fit through the arguments stored in its file.",
    NULL,
};

static const cli_example_t examples[] = {
    {"encode group sub-*.h5 --rois atlas.nii.gz --null refit -o group.h5 --table "
     "group.tsv",
        "regions of a common space over subjects"},
    {"encode group enc.h5 --rois targets.tsv:roi --subjects targets.tsv:subject --null "
     "refit --permutations 400 -o group.h5",
        "all subjects' regions in one file"},
    {0},
};

const cli_command_t cli_encode_group = {
    .group = "encode",
    .verb = "group",
    .summary = "sum scores up over regions and subjects, and test them",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_COMPUTE | CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(group_args_t),
    .run = run,
};
