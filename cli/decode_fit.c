/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit: ridge models from responses to features or categories. */
#include "cli/fit_args.h"
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

typedef struct {
    cli_fit_args_t fit;
    const char *response_delays, *labels, *blocks;
    int scale_responses, scale_features;
    uint64_t n_voxels;
    int voxel_score, multinomial;
    const char *voxel_alphas, *voxel_items;
    int align;
    const char *align_runs;
    uint64_t align_features;
} decode_args_t;

/* Words of the choice; the values beside them are in the same order. */
static const char response_scales[] = "zscore|center|none|runs";
static const char voxel_scores[] = "encoding|f|stability";     /* ba_voxel_score_t */
static const char alignments[] = "none|procrustes|srm|srm-em"; /* ba_alignment_kind_t */
static const char feature_scales[] = "zscore|center|none";
static const ba_scale_t scale_of[] = {
    BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE, BA_SCALE_RUNS};

static const cli_option_t response_rows[] = {
    {.section = "Data",
        .name = "responses",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "The responses, n_samples x n_voxels, or a time series of images: what "
                "is decoded from. A column with a value that is not finite is left out.",
        .offset = offsetof(cli_data_t, responses)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .otherwise = "every voxel",
        .help = "NIfTI image whose voxels other than 0 are used, x fastest.",
        .offset = offsetof(cli_data_t, mask)},
    {.name = "labels",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .otherwise = "--features",
        .help = "A category for each sample, in place of features: each becomes a column "
                "of 0 and 1, and the largest prediction is the category found (the first "
                "in byte order where several are equal). A table's column, strings or "
                "numbers of an HDF5 file, or one label a line.",
        .offset = offsetof(decode_args_t, labels)},
    {.name = "multinomial",
        .kind = CLI_FLAG,
        .help =
            "Beside ridge on 0 and 1, multinomial logistic regression with a ridge "
            "penalty on the same columns and splits: probabilities of held-out "
            "samples. Its penalties are --alphas, too: alpha / (2 n) |W|^2 beside the "
            "mean cross-entropy of n samples; auto: 5 around the mean eigenvalue.",
        .offset = offsetof(decode_args_t, multinomial)},
    {.name = "blocks",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "every sample by itself",
        .help = "A number for each recorded sample: one sample of the fit is the mean of "
                "the prepared responses, and of the features, over a number. Negative or "
                "missing: in no block.",
        .offset = offsetof(decode_args_t, blocks)},
    {0},
};

static const cli_option_t delay_rows[] = {
    {.section = "Preparation",
        .name = "response-delays",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "LIST",
        .help = "Sample t is decoded from the responses at t plus each of these, side by "
                "side, such as 2,3,4,5; 0 for one row per item. Samples whose responses "
                "are not all in their run are dropped.",
        .offset = offsetof(decode_args_t, response_delays)},
    {0},
};

static const cli_option_t scale_rows[] = {
    {.section = "Preparation",
        .name = "scale-responses",
        .kind = CLI_CHOICE,
        .metavar = response_scales,
        .otherwise = "runs with 2 or more runs, else zscore",
        .help = "Scaling of every delayed response column from the training rows; runs: "
                "z-scored in each run before that, without regard to the splits.",
        .offset = offsetof(decode_args_t, scale_responses)},
    {.name = "scale-features",
        .kind = CLI_CHOICE,
        .metavar = feature_scales,
        .otherwise = "zscore; center for labels",
        .help =
            "Scaling of the features, from the training rows. /predictions are in the "
            "features' own units whatever is chosen, /scaled/predictions in these.",
        .offset = offsetof(decode_args_t, scale_features)},
    {0},
};

static const cli_option_t voxel_rows[] = {
    {.section = "Choice of responses",
        .name = "n-voxels",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "all of them",
        .help = "The K best response columns, chosen anew in each outer fold from its "
                "training rows. /selected lists them.",
        .offset = offsetof(decode_args_t, n_voxels)},
    {.name = "voxel-score",
        .kind = CLI_CHOICE,
        .metavar = voxel_scores,
        .value = "encoding",
        .help =
            "What is best. encoding: the largest mean r2 of the inner splits over "
            "alphas of an encoding model with the same delays; f: one-way analysis of "
            "variance over the categories of --labels; stability: mean correlation "
            "between repeats over items (--voxel-items, else --labels), as many "
            "repeats as the rarest item has, in order of time.",
        .offset = offsetof(decode_args_t, voxel_score)},
    {.name = "voxel-items",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .otherwise = "--labels",
        .help =
            "What each sample was, for stability: samples of one item are its repeats.",
        .offset = offsetof(decode_args_t, voxel_items)},
    {.name = "voxel-alphas",
        .kind = CLI_STRING,
        .metavar = "auto|log:LO,HI,N|LIST",
        .value = "auto",
        .help = "Penalties of that encoding model, as --alphas.",
        .offset = offsetof(decode_args_t, voxel_alphas)},
    {0},
};

static const cli_option_t align_rows[] = {
    {.section = "Several subjects",
        .name = "align",
        .kind = CLI_CHOICE,
        .metavar = alignments,
        .value = "none",
        .help =
            "How responses of the subjects of a --run-table, who may differ in columns, "
            "come into one space. procrustes: hyperalignment to the columns of the first "
            "subject; srm: a shared response model of a few features; srm-em: the same "
            "as "
            "a probabilistic model; none: columns as they are.",
        .offset = offsetof(decode_args_t, align)},
    {.name = "align-runs",
        .kind = CLI_STRING,
        .metavar = "NAME,...",
        .help =
            "Runs (column run) that the alignment is fitted to, sample by sample the "
            "same stimulus in all subjects. They serve nothing else: neither decoders "
            "nor scores see them, with --align none either. With a method their "
            "features may be n/a.",
        .offset = offsetof(decode_args_t, align_runs)},
    {.name = "align-features",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "50, or as many as samples - 1 and columns allow",
        .help = "Features of a shared response model.",
        .offset = offsetof(decode_args_t, align_features)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output", "The result file (HDF5): predictions of every sample by the "
                             "model of the fold that held it out, scores, alphas, "
                             "splits, categories, provenance."),
    {.name = "save",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .value = "none",
        .help = "What to keep beside predictions and scores, separated by commas: "
                "weights, fold-weights, cv, or none. Weights are never formed unless "
                "asked for.",
        .offset = offsetof(cli_fit_args_t, save)},
    {0},
};

static const cli_option_t *const tables[] = {cli_feature_rows, response_rows, delay_rows,
    cli_trim_rows, cli_detrend_rows, cli_nuisance_rows, scale_rows, cli_model_rows,
    cli_selection_rows, cli_audit_rows, voxel_rows, align_rows, result_rows, NULL};

/* Options of encode fit that decoding does not have, as if they were not given. */
static decode_args_t
without_options(const decode_args_t *given)
{
    decode_args_t args = *given;

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
open_data(const cli_call_t *call, const decode_args_t *args, ba_dataset_t **dataset)
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
    return ba_dataset_open(call->ctx, &opts, dataset);
}

static int
set_voxels(const decode_args_t *args, ba_decode_fit_opts_t *opts)
{
    if (args->n_voxels == 0) {
        return ba_fail(BA_VALUE, "--n-voxels: found 0, wanted at least 1");
    }
    opts->voxel_score = (ba_voxel_score_t) args->voxel_score;
    opts->voxel_items = args->voxel_items;
    opts->n_voxels = args->n_voxels == CLI_NOT_GIVEN ? 0 : (size_t) args->n_voxels;
    return ba_alphas_parse(args->voxel_alphas, &opts->voxel_alphas);
}

static int
set_alignment(const decode_args_t *args, ba_decode_fit_opts_t *opts)
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
set_options(const cli_call_t *call, const decode_args_t *args,
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
    if (info->n_chosen > 0) {
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

static int
run(const cli_call_t *call)
{
    decode_args_t args = without_options(call->args);
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
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, NULL, NULL},
        &args.fit.shards.data, dataset, args.labels));
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
    .args_size = sizeof(decode_args_t),
    .run = run,
};
