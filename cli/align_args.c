/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/align_args.h"

#include <stddef.h>

const cli_option_t cli_align_rows[] = {
    {.section = "Encoder",
        .name = "encoder",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "Encoder file of encode fit with outer folds, best a grid of --alphas. "
                "Its data are found by its arguments unless --features are given. Once "
                "for each subject who heard the same stimulus: targets then stand side "
                "by side.",
        .offset = offsetof(cli_align_args_t, encoders)},
    {.name = "fit",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Fit the encoder first, by options of encode fit in FILE, one a line "
                "(--output is --encoder's).",
        .offset = offsetof(cli_align_args_t, fit)},
    {.name = "control",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .help =
            "A feature space of the encoder that is no neurons: contributions are over "
            "and above it.",
        .offset = offsetof(cli_align_args_t, controls)},
    {.name = "layer-size",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "one layer",
        .help = "Columns of a layer within a feature space.",
        .offset = offsetof(cli_align_args_t, layer_size)},
    {.name = "regions",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Region of each target, one label a line: scores of neurons for each.",
        .offset = offsetof(cli_align_args_t, regions)},
    {.section = "Sets of neurons",
        .name = "set",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE",
        .help = "A list of neurons (neurons select) whose contribution together is "
                "wanted, by their numbers in --table.",
        .offset = offsetof(cli_align_args_t, sets)},
    {.name = "by",
        .kind = CLI_CHOICE,
        .metavar = "layer|component",
        .otherwise = "lists alone",
        .help = "Every layer, or every feature space, is a set too.",
        .offset = offsetof(cli_align_args_t, by)},
    {.name = "shapley",
        .kind = CLI_FLAG,
        .help = "Exact Shapley values of the sets, at most 12 and none with a neuron of "
                "another: shares of what r2 loses without all of them.",
        .offset = offsetof(cli_align_args_t, shapley)},
    {.name = "set-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A line for each set and region.",
        .offset = offsetof(cli_align_args_t, set_table)},
    {.section = "Minimal sets",
        .name = "elimination",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Backward elimination for all targets and each region: the neuron whose "
                "removal costs least goes, by refits within the training rows of an "
                "outer fold; what is left is scored on that fold. A line for each region "
                "and number of neurons.",
        .offset = offsetof(cli_align_args_t, elimination)},
    {.name = "tolerance",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.01",
        .help = "Share of the r2 of all neurons that a minimal set may lack.",
        .offset = offsetof(cli_align_args_t, tolerance)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help =
            "Neurons: mean contribution, its standard error over folds, p and q, for all "
            "targets and each region; r of the neuron alone, its weights, what only it "
            "has.",
        .offset = offsetof(cli_align_args_t, table)},
    {.name = "brain-ranking",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A ranking of neurons for all targets (*) and each region, for neurons "
                "select, compare and ablate to take.",
        .offset = offsetof(cli_align_args_t, ranking)},
    {.name = "map",
        .kind = CLI_STRING,
        .metavar = "FILE.nii.gz",
        .help = "What each set, and the neurons of each concept, add, as images in the "
                "grid of the responses: FILE with the name, as in FILE-nouns.nii.gz.",
        .offset = offsetof(cli_align_args_t, map)},
    {.name = "figure",
        .kind = CLI_STRING,
        .metavar = "FILE.svg",
        .help = "A picture: neurons, layers and regions, sets, minimal sets.",
        .offset = offsetof(cli_align_args_t, figure)},
    {.name = "save-folds",
        .kind = CLI_FLAG,
        .help = "Keep the contributions of every outer fold.",
        .offset = offsetof(cli_align_args_t, save_folds)},
    {0},
};

const cli_option_t cli_align_concept_rows[] = {
    {.section = "Concepts",
        .name = "ranking",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE.tsv",
        .help =
            "A ranking of the same neurons for concepts, made on other text. What the "
            "best neurons of each concept add together is tested, and their overlap "
            "with the neurons that add most. NAME goes in front of the concepts.",
        .offset = offsetof(cli_align_args_t, rankings)},
    {.name = "concept",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .otherwise = "all but *",
        .help = "A concept of the rankings to look at.",
        .offset = offsetof(cli_align_args_t, concepts)},
    {.name = "top",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "a twentieth of the neurons, at least 5",
        .help = "Neurons of a concept, and of a region in overlaps.",
        .offset = offsetof(cli_align_args_t, top)},
    {.name = "strata",
        .kind = CLI_CHOICE,
        .metavar = "layer-variance|layer|none",
        .value = "layer-variance",
        .help = "Random sets have as many neurons of every layer and decile of variance, "
                "or of every layer, and overlaps are expected within these.",
        .offset = offsetof(cli_align_args_t, strata)},
    {.name = "variance-bins",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Bins of variance, as many neurons in each: more where variance matters "
                "much.",
        .offset = offsetof(cli_align_args_t, n_bins)},
    {.name = "matched",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1000",
        .help =
            "Random sets for each concept, like it in strata and joint redundancy. 0 = "
            "none.",
        .offset = offsetof(cli_align_args_t, n_matched)},
    {.name = "label-null",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE.h5",
        .help = "The neurons that permuted labels choose, from neurons rank --save-null "
                "for the ranking of the same NAME: the primary test.",
        .offset = offsetof(cli_align_args_t, label_nulls)},
    {.name = "dissociation",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "none",
        .help = "Test double dissociations of all pairs of concepts and regions by N "
                "exchanges of neurons between the concepts.",
        .offset = offsetof(cli_align_args_t, n_exchanges)},
    {.name = "sweep",
        .kind = CLI_STRING,
        .metavar = "K[,K...]",
        .otherwise = "a quarter to four times --top",
        .help = "Overlaps at several numbers of neurons, with a p of the best of them.",
        .offset = offsetof(cli_align_args_t, tops)},
    {.name = "naive-overlap",
        .kind = CLI_FLAG,
        .help = "p of overlaps without strata as well, which is wrong where layer or "
                "variance matter.",
        .offset = offsetof(cli_align_args_t, naive_overlap)},
    {.name = "concept-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Concepts by regions: drop, tests, overlap.",
        .offset = offsetof(cli_align_args_t, concept_table)},
    {.name = "dissociation-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Double dissociations: both concepts and regions, simple effects.",
        .offset = offsetof(cli_align_args_t, dissociation_table)},
    {0},
};

const cli_option_t cli_align_group_rows[] = {
    {.section = "Subjects who heard the same stimulus",
        .name = "group-moves",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "no group",
        .help = "What sets and concepts add over subjects, against N surrogates: what "
                "the model without a set leaves is moved in time for all subjects alike "
                "(random signs of cosine coefficients within runs) and both models are "
                "fitted anew.",
        .offset = offsetof(cli_align_args_t, n_moves)},
    {.name = "subjects",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .otherwise = "each encoder is a subject",
        .help = "Subject of each target, one label a line.",
        .offset = offsetof(cli_align_args_t, subjects)},
    {.name = "group-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A line for each set or concept and region: mean over subjects, t, "
                "Wilcoxon and sign flips over subjects, the test against the moves.",
        .offset = offsetof(cli_align_args_t, group_table)},
    {0},
};
