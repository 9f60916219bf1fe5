/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit: ridge models from responses to features or categories. */
#include "cli/decode_fit_args.h"
#include "cli/fitted_data.h"
#include "cli/info.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/decode.h"
#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the option's words. */
static const ba_scale_t scale_of[] = {
    BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE, BA_SCALE_RUNS};

static const cli_option_t *const tables[] = {cli_feature_rows, cli_decode_response_rows,
    cli_decode_delay_rows, cli_trim_rows, cli_detrend_rows, cli_nuisance_rows,
    cli_decode_scale_rows, cli_model_rows, cli_selection_rows, cli_audit_rows,
    cli_decode_voxel_rows, cli_decode_align_rows, cli_decode_result_rows, NULL};

/* Options of encode fit that decoding does not have, as if they were not given. */
static cli_decode_fit_args_t
without_options(const cli_decode_fit_args_t *given)
{
    cli_decode_fit_args_t args = *given;

    args.fit.significance.null.permutations = CLI_NOT_GIVEN;
    args.fit.significance.null.min_shift = CLI_NOT_GIVEN;
    args.fit.significance.ceiling = CLI_CEILING_NONE;
    args.fit.significance.ceiling_floor = NAN;
    args.fit.shards.n_shards = CLI_NOT_GIVEN;
    args.fit.shards.emit = -1;
    args.fit.scale_responses = -1;
    return args;
}

static int
open_data(
    const cli_call_t *call, const cli_decode_fit_args_t *args, ba_dataset_t **dataset)
{
    const cli_data_t *data = &args->fit.shards.data;
    ba_dataset_opts_t opts = {.responses = data->responses,
        .mask = data->mask,
        .runs = data->runs,
        .nuisance = data->nuisance,
        .nuisance_columns = data->nuisance_columns,
        .run_table = data->run_table,
        .by_run = args->align != BA_ALIGNMENT_NONE,
        .no_features = args->labels != NULL};
    int status;

    if (!args->labels && args->align == BA_ALIGNMENT_NONE) {
        return cli_data_open(call, CLI_RESPONSES_TO_FIT, dataset);
    }
    if (args->align != BA_ALIGNMENT_NONE && !data->run_table) {
        return ba_fail(BA_VALUE, "--align: found without --run-table, wanted the runs of "
                                 "several subjects");
    }
    if (args->labels && data->features.n > 0) {
        return ba_fail(BA_VALUE, "--labels: found beside --features, wanted one or the "
                                 "other");
    }
    if (!data->run_table && !data->responses) {
        return ba_fail(
            BA_VALUE, "--responses: not given, wanted SPEC (or a --run-table)");
    }
    BA_TRY(cli_data_check_nuisance(data));
    BA_TRY(ba_dataset_open(call->ctx, &opts, dataset));
out:
    return status;
}

static int
set_voxels(const cli_decode_fit_args_t *args, ba_decode_fit_opts_t *opts)
{
    if (args->n_voxels == 0) {
        return ba_fail(BA_VALUE, "--n-voxels: found 0, wanted at least 1");
    }
    opts->voxel_score = (ba_voxel_score_t) args->voxel_score;
    opts->voxel_items = args->voxel_items;
    opts->n_voxels = args->n_voxels == CLI_NOT_GIVEN ? 0 : (size_t) args->n_voxels;
    opts->radius = args->radius;
    opts->voxel_positions = args->voxel_positions;
    opts->rois = args->rois.items;
    opts->n_rois = args->rois.n;
    opts->roi_names = args->roi_names.items;
    opts->n_roi_names = args->roi_names.n;
    opts->n_best_rois = args->n_rois != CLI_NOT_GIVEN        ? (size_t) args->n_rois
                        : opts->voxel_score == BA_VOXELS_ROI ? 1
                                                             : 0;
    return ba_alphas_parse(args->voxel_alphas, &opts->voxel_alphas);
}

static int
set_alignment(const cli_decode_fit_args_t *args, ba_decode_fit_opts_t *opts)
{
    if (args->align_features == 0) {
        return ba_fail(BA_VALUE, "--align-features: found 0, wanted at least 1");
    }
    opts->align = (ba_alignment_kind_t) args->align;
    opts->align_runs = args->align_runs;
    if (args->align_features != CLI_NOT_GIVEN) {
        opts->align_features = (size_t) args->align_features;
    }
    return BA_OK;
}

static void
set_options(const cli_call_t *call, const cli_decode_fit_args_t *args,
    const ba_encode_fit_opts_t *shared, ba_decode_fit_opts_t *opts)
{
    *opts = ba_decode_fit_opts_default();
    opts->fit = shared->fit;
    opts->response_delays = args->response_delays;
    opts->labels = args->labels;
    opts->blocks = args->blocks;
    opts->multinomial = args->multinomial;
    if (args->scale_responses >= 0) {
        opts->scale_responses = scale_of[args->scale_responses];
    }
    if (args->scale_features >= 0) {
        opts->scale_features = scale_of[args->scale_features];
    }
    opts->tr = shared->tr;
    opts->detrend = shared->detrend;
    opts->gap_inner = shared->gap_inner;
    opts->gap_outer = shared->gap_outer;
    opts->output = shared->output;
    opts->force = shared->force;
    opts->dry_run = shared->dry_run;
    opts->audit = args->fit.audit;
    opts->argc = call->argc;
    opts->argv = call->argv;
}

static void
print_plan(const ba_decode_fit_info_t *info)
{
    char text[32];

    cli_info_key("samples");
    printf("%zu, %zu used\n", info->n_samples, info->n_used);
    if (info->n_subjects > 1) {
        cli_info_key("subjects");
        printf("%zu", info->n_subjects);
        if (info->n_common > 0) {
            printf(", aligned by %zu samples to %zu columns", info->n_aligned,
                info->n_common);
        }
        putchar('\n');
    }
    cli_info_key("columns");
    printf("%zu, response columns times delays\n", info->n_columns);
    cli_info_key(info->n_classes > 0 ? "categories" : "dimensions");
    printf("%zu\n", info->n_dims);
    cli_info_key("splits");
    printf("%zu outer folds, up to %zu inner; gap %zu inner, %zu outer; fits train on "
           "%zu to %zu samples\n",
        info->n_outer, info->fit.n_inner, info->fit.gap_inner, info->fit.gap_outer,
        info->fit.train_least, info->fit.train_most);
    cli_info_key("solver");
    puts(info->fit.reason);
    cli_info_key("memory");
    printf("%s at the peak, beside the program\n",
        cli_bytes_text((double) info->fit.bytes_planned, text));
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

static void
report(const ba_decode_fit_opts_t *opts, const ba_decode_fit_info_t *info)
{
    char seconds[32], bytes[32];

    if (opts->audit) {
        cli_audit_note(&info->audit);
    }
    cli_message_note("%zu samples (%zu used), %zu columns, %zu %s, %zu outer folds",
        info->n_samples, info->n_used, info->n_columns, info->n_dims,
        info->n_classes > 0 ? "categories" : "dimensions", info->n_outer);
    if (info->n_common > 0) {
        cli_message_note("%zu subjects aligned to %zu columns by %zu samples each, of "
                         "which these explain "
                         "%.4f",
            info->n_subjects, info->n_common, info->n_aligned, info->explained);
    }
    cli_message_note(
        "gap of %zu samples inside, %zu outside; fits train on %zu to %zu samples",
        info->fit.gap_inner, info->fit.gap_outer, info->fit.train_least,
        info->fit.train_most);
    cli_message_note("%s", info->fit.reason);
    if (info->n_regions > 0) {
        cli_message_note(
            "%zu response columns in %zu regions", info->n_voxels, info->n_regions);
    }
    if (info->n_best_rois > 0) {
        cli_message_note("%zu of %zu regions chosen in each fold, at most %zu columns",
            info->n_best_rois, info->n_regions, info->n_chosen);
    } else if (info->n_chosen > 0) {
        cli_message_note("%zu of %zu response columns chosen in each fold",
            info->n_chosen, info->n_voxels);
    }
    if (info->n_outer > 0) {
        cli_message_note("r: mean %.4f of %zu; r2: mean %.4f", info->mean_r,
            info->n_scored, info->mean_r2);
    }
    if (info->n_outer > 0 && info->n_classes > 0) {
        cli_message_note("category found for %.4f of %zu held-out samples",
            info->accuracy, info->n_decided);
    }
    if (info->n_outer > 0 && opts->multinomial) {
        cli_message_note(
            "by multinomial regression for %.4f", info->multinomial_accuracy);
    }
    cli_message_note("wrote %s in %s, at most %s of memory", opts->output,
        cli_seconds_text(info->seconds, seconds),
        cli_bytes_text((double) info->peak_bytes, bytes));
}

/* The file of splits "rows:SPEC" or "sets:SPEC"; NULL = others. */
static const char *
split_file(const char *text)
{
    int has_file =
        text && (strncmp(text, "rows:", 5) == 0 || strncmp(text, "sets:", 5) == 0);

    return has_file ? text + 5 : NULL;
}

/* The result file is none of the files that options name. */
static int
check_output(const cli_decode_fit_args_t *args, const ba_decode_fit_opts_t *opts,
    const ba_dataset_t *dataset)
{
    const cli_output_t output = {"--output", opts->output};
    const char *const inputs[] = {args->labels, args->blocks, args->voxel_items,
        args->voxel_positions, split_file(args->fit.cv), split_file(args->fit.outer_cv)};
    int status;

    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts->output, NULL, NULL},
        &args->fit.shards.data, dataset, args->labels));
    BA_TRY(cli_outputs_check_list(&output, 1, inputs, sizeof inputs / sizeof *inputs));
    BA_TRY(cli_outputs_check_list(&output, 1, args->rois.items, args->rois.n));
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    cli_decode_fit_args_t args = without_options(call->args);
    cli_call_t own = *call;
    const char **named = NULL;
    ba_dataset_t *dataset = NULL;
    ba_encode_fit_opts_t shared;
    ba_decode_fit_opts_t opts = {.output = NULL};
    ba_decode_fit_info_t info;
    int status;

    own.args = &args;
    BA_TRY(cli_fit_settings(&own, &named, &shared));
    set_options(call, &args, &shared, &opts);
    BA_TRY(set_voxels(&args, &opts));
    BA_TRY(set_alignment(&args, &opts));
    BA_TRY(open_data(&own, &args, &dataset));
    BA_TRY(check_output(&args, &opts, dataset));
    BA_TRY(ba_decode_fit(call->ctx, dataset, &opts, &info));
    if (opts.dry_run) {
        print_plan(&info);
    } else {
        report(&opts, &info);
    }
out:
    ba_alphas_free(&shared.fit.alphas);
    ba_alphas_free(&opts.voxel_alphas);
    ba_dataset_free(dataset);
    free(named);
    return status;
}

static const char *const description[] = {
    "Fits one ridge model per feature column, or per category, from the responses: what "
    "do they say of the stimulus? As encode fit with the roles exchanged. An outer "
    "cross-validation predicts every sample by a model that has not seen it, an inner "
    "one chooses alpha on the training rows of each outer split.",
    "The order is always: detrend and nuisance in one projection per run and z-scoring "
    "per run of the responses, blocks, delays, samples without responses dropped, splits "
    "and gap, scaling from the training rows, solver. With more response columns than "
    "samples the solution is found among samples, and no weights are formed unless "
    "--save asks for them.",
    "With 2 or more subjects in the run table, runs of the same name are the same "
    "stimulus, "
    "and go to the same side of every split: runs leaves one out in all subjects, kfold "
    "and "
    "chunks deal the samples of the stimuli. --outer-cv subjects leaves one subject out, "
    "whose stimuli others were trained on; crossed leaves out a run of one subject, and "
    "trains on other runs of other subjects alone.",
    "decode score tells from the predictions whether they identify what they were "
    "decoded from.",
    NULL,
};

static const cli_example_t examples[] = {
    {"decode fit --responses bold.h5:/responses --features feats.h5:/layer_3 --runs "
     "bold.h5:/run --response-delays 2,3,4,5 --tr 1.5 -o dec.h5",
        "a layer of a model from the responses of 3 to 7.5 seconds later"},
    {"decode fit --run-table runs.tsv --mask vt.nii.gz --detrend poly:2 --labels "
     "volumes.tsv:category --blocks volumes.tsv:block --response-delays 2 --alphas "
     "log:0,6,13 -o dec.h5",
        "categories of blocks from images, leaving one run out"},
    {"decode fit --responses betas.npy --features vectors.npy --response-delays 0 "
     "--shared-alpha --save weights -o dec.h5",
        "one row per item, one alpha, with weights"},
    {"decode fit --run-table subjects.tsv --response-delays 2,3,4,5 --tr 2 --align srm "
     "--align-runs film1,film2 --align-features 30 --outer-cv crossed -o dec.h5",
        "stories of one listener from decoders of the other listeners, aligned by films"},
    {0},
};

const cli_command_t cli_decode_fit = {
    .group = "decode",
    .verb = "fit",
    .summary = "fit and score cross-validated models from responses to features",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cli_decode_fit_args_t),
    .run = run,
};
