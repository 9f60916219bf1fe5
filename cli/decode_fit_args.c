/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/decode_fit_args.h"

#include <stddef.h>

/* The values are enumerations of decode.h in the same order. */
static const char response_scales[] = "zscore|center|none|runs";
static const char voxel_scores[] =
    "encoding|f|stability|searchlight|roi";                    /* ba_voxel_score_t */
static const char alignments[] = "none|procrustes|srm|srm-em"; /* ba_alignment_kind_t */
static const char feature_scales[] = "zscore|center|none";

const cli_option_t cli_decode_response_rows[] = {
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
        .offset = offsetof(cli_decode_fit_args_t, labels)},
    {.name = "multinomial",
        .kind = CLI_FLAG,
        .help =
            "Beside ridge on 0 and 1, multinomial logistic regression with a ridge "
            "penalty on the same columns and splits: probabilities of held-out "
            "samples. Its penalties are --alphas, too: alpha / (2 n) |W|^2 beside the "
            "mean cross-entropy of n samples; auto: 5 around the mean eigenvalue.",
        .offset = offsetof(cli_decode_fit_args_t, multinomial)},
    {.name = "blocks",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "every sample by itself",
        .help = "A number for each recorded sample: one sample of the fit is the mean of "
                "the prepared responses, and of the features, over a number. Negative or "
                "missing: in no block.",
        .offset = offsetof(cli_decode_fit_args_t, blocks)},
    {0},
};

const cli_option_t cli_decode_delay_rows[] = {
    {.section = "Preparation",
        .name = "response-delays",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "LIST",
        .help = "Sample t is decoded from the responses at t plus each of these, side by "
                "side, such as 2,3,4,5; 0 for one row per item. Samples whose responses "
                "are not all in their run are dropped.",
        .offset = offsetof(cli_decode_fit_args_t, response_delays)},
    {0},
};

const cli_option_t cli_decode_scale_rows[] = {
    {.section = "Preparation",
        .name = "scale-responses",
        .kind = CLI_CHOICE,
        .metavar = response_scales,
        .otherwise = "runs with 2 or more runs, else zscore",
        .help = "Scaling of every delayed response column from the training rows; runs: "
                "z-scored in each run before that, without regard to the splits.",
        .offset = offsetof(cli_decode_fit_args_t, scale_responses)},
    {.name = "scale-features",
        .kind = CLI_CHOICE,
        .metavar = feature_scales,
        .otherwise = "zscore; center for labels",
        .help =
            "Scaling of the features, from the training rows. /predictions are in the "
            "features' own units whatever is chosen, /scaled/predictions in these.",
        .offset = offsetof(cli_decode_fit_args_t, scale_features)},
    {0},
};

const cli_option_t cli_decode_voxel_rows[] = {
    {.section = "Choice of responses",
        .name = "rois",
        .kind = CLI_STRINGS,
        .metavar = "SPEC",
        .help =
            "Regions: a label image, NAME=MASK.nii.gz, a table FILE.tsv:COLUMN with a "
            "label for each response column, or whole numbers FILE:PATH. Columns in "
            "none are not read.",
        .offset = offsetof(cli_decode_fit_args_t, rois)},
    {.name = "roi",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .otherwise = "all of --rois",
        .help = "Of these regions only.",
        .offset = offsetof(cli_decode_fit_args_t, roi_names)},
    {.name = "n-voxels",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "all of them",
        .help = "The K best response columns, chosen anew in each outer fold from its "
                "training rows. /selected lists them.",
        .offset = offsetof(cli_decode_fit_args_t, n_voxels)},
    {.name = "voxel-score",
        .kind = CLI_CHOICE,
        .metavar = voxel_scores,
        .value = "encoding",
        .help =
            "What is best. encoding: the largest mean r2 of the inner splits over "
            "alphas of an encoding model with the same delays; f: one-way analysis of "
            "variance over the categories of --labels; stability: mean correlation "
            "between repeats over items (--voxel-items, else --labels), as many "
            "repeats as the rarest item has, in order of time; searchlight: largest over "
            "dimensions of the mean r of the inner splits of ridge from the columns "
            "around it (--radius); roi: the same r, mean over dimensions, from a whole "
            "region: the --n-rois best ones are used.",
        .offset = offsetof(cli_decode_fit_args_t, voxel_score)},
    {.name = "voxel-items",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .otherwise = "--labels",
        .help =
            "What each sample was, for stability: samples of one item are its repeats.",
        .offset = offsetof(cli_decode_fit_args_t, voxel_items)},
    {.name = "radius",
        .kind = CLI_STRING,
        .metavar = "R|Rmm",
        .otherwise = "the cube of 3 x 3 x 3 voxels",
        .help =
            "Of the searchlight: columns at most so far away, in voxels or in mm of the "
            "images, or in units of --voxel-positions, without mm.",
        .offset = offsetof(cli_decode_fit_args_t, radius)},
    {.name = "voxel-positions",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "voxels of the images",
        .help = "Coordinates of every response column, n_voxels x n_coordinates.",
        .offset = offsetof(cli_decode_fit_args_t, voxel_positions)},
    {.name = "n-rois",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "1 with --voxel-score roi",
        .help = "The K best regions, chosen anew in each outer fold from its training "
                "rows. /regions/selected lists them.",
        .offset = offsetof(cli_decode_fit_args_t, n_rois)},
    {.name = "voxel-alphas",
        .kind = CLI_STRING,
        .metavar = "auto|log:LO,HI,N|LIST",
        .value = "auto",
        .help = "Penalties of that encoding model, searchlight or region, as --alphas; "
                "auto for a searchlight: 0.01, 0.1, 1 and 10 times the training samples.",
        .offset = offsetof(cli_decode_fit_args_t, voxel_alphas)},
    {0},
};

const cli_option_t cli_decode_align_rows[] = {
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
        .offset = offsetof(cli_decode_fit_args_t, align)},
    {.name = "align-runs",
        .kind = CLI_STRING,
        .metavar = "NAME,...",
        .help =
            "Runs (column run) that the alignment is fitted to, sample by sample the "
            "same stimulus in all subjects. They serve nothing else: neither decoders "
            "nor scores see them, with --align none either. With a method their "
            "features may be n/a.",
        .offset = offsetof(cli_decode_fit_args_t, align_runs)},
    {.name = "align-features",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "50, or as many as samples - 1 and columns allow",
        .help = "Features of a shared response model.",
        .offset = offsetof(cli_decode_fit_args_t, align_features)},
    {0},
};

const cli_option_t cli_decode_result_rows[] = {
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
