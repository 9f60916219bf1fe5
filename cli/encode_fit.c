/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode fit: one cross-validated ridge model per target. */
#include "cli/each.h"
#include "cli/emit.h"
#include "cli/fit_args.h"
#include "cli/fitted_data.h"
#include "cli/list.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/preset.h"
#include "cli/summary.h"
#include "cli/verbs.h"

#include "brainalign/encode.h"
#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(cli_fit_args_t, significance) ==
                   offsetof(cli_significance_args_t, significance),
    "rows of the tests fill a struct that begins like this one");

/* Words of the choices; the values beside them are in the same order. */
static const char alpha_units[] = "penalty|squared|normalized";
enum { UNITS_PENALTY, UNITS_SQUARED, UNITS_NORMALIZED };
static const char selections[] = "mse|r2|r|huth-r2";
static const ba_score_t selection_of[] = {
    BA_SCORE_MSE, BA_SCORE_R2, BA_SCORE_R, BA_SCORE_HUTH_R2};
static const char inner_scalings[] = "outer|center|strict";
static const ba_inner_scaling_t inner_scaling_of[] = {
    BA_INNER_OUTER, BA_INNER_CENTER, BA_INNER_STRICT};
static const char solvers[] = "auto|primal|dual";
static const ba_solver_t solver_of[] = {BA_SOLVER_AUTO, BA_SOLVER_PRIMAL, BA_SOLVER_DUAL};
static const char saved[] = "weights|fold-weights|predictions|cv|none";
enum {
    SAVE_WEIGHTS = 1,
    SAVE_FOLD_WEIGHTS = 2,
    SAVE_PREDICTIONS = 4,
    SAVE_CV = 8,
    SAVE_NONE = 16
};

const cli_option_t cli_model_rows[] = {
    {.section = "Model",
        .name = "intercept",
        .kind = CLI_YESNO,
        .otherwise = "yes, unless both sides are centred",
        .help = "An intercept that is not penalised.",
        .offset = offsetof(cli_fit_args_t, intercept)},
    {.name = "alphas",
        .kind = CLI_STRING,
        .metavar = "auto|log:LO,HI,N|LIST",
        .value = "auto",
        .help = "Penalties to choose from, as in |Y - XB|^2 + alpha |B|^2. auto: a "
                "grid from the spectrum of the training design and the optimum "
                "between its nodes; log: exponents of ten, both ends included. 0 is "
                "allowed and gives the minimum-norm solution.",
        .offset = offsetof(cli_fit_args_t, alphas)},
    {.name = "alpha-units",
        .kind = CLI_CHOICE,
        .metavar = alpha_units,
        .value = "penalty",
        .help =
            "What --alphas are: the penalty itself; its square root, as where the "
            "filter is s / (s^2 + alpha^2) (squared); or that in units of the largest "
            "singular value of what each fit trains on (normalized). Results always "
            "state penalties.",
        .offset = offsetof(cli_fit_args_t, alpha_units)},
    {.name = "singular-cutoff",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0",
        .help = "Inner splits leave out directions whose singular value is not above X.",
        .offset = offsetof(cli_fit_args_t, singular_cutoff)},
    {.name = "shared-alpha",
        .kind = CLI_FLAG,
        .help = "One alpha for all targets instead of one each.",
        .offset = offsetof(cli_fit_args_t, shared_alpha)},
    {0},
};

static const cli_option_t cli_band_rows[] = {
    {.section = "Model",
        .name = "bands",
        .kind = CLI_STRING,
        .metavar = "N|file:SPEC|deltas:SPEC",
        .otherwise = "one penalty for all feature spaces",
        .help =
            "Banded ridge: every feature space k has a penalty alpha / gamma_k, and "
            "every target its own gammas. N candidates: all equal, each space alone, "
            "then samples of a Dirichlet distribution of concentration 0.1 and 1 in "
            "turn, by --seed. file: given ones, candidates x spaces. deltas: log(gamma "
            "/ alpha) instead, without --alphas.",
        .offset = offsetof(cli_fit_args_t, bands)},
    {.name = "band-refine",
        .kind = CLI_UNSIGNED,
        .metavar = "R",
        .value = "0",
        .help =
            "Rounds of new candidates around what the targets have chosen, in steps of "
            "log gamma from a factor of 4 downwards. A round tries a quarter of N, and "
            "at least two for each space.",
        .offset = offsetof(cli_fit_args_t, band_rounds)},
    {.name = "shared-bands",
        .kind = CLI_FLAG,
        .help = "One candidate for all targets, by the mean inner score. With "
                "--shared-alpha alone each candidate has one alpha, and each target its "
                "own candidate.",
        .offset = offsetof(cli_fit_args_t, shared_bands)},
    {0},
};

const cli_option_t cli_selection_rows[] = {
    {.section = "Model",
        .name = "select",
        .kind = CLI_CHOICE,
        .metavar = selections,
        .value = "mse",
        .help = "What the inner splits choose alpha by: the unweighted mean over "
                "them. Exact ties go to the larger alpha. huth-r2 is sign(q) sqrt|q| of "
                "q = 1 - "
                "2 var(y - p) / (1 + var y).",
        .offset = offsetof(cli_fit_args_t, select)},
    {.name = "solver",
        .kind = CLI_CHOICE,
        .metavar = solvers,
        .value = "auto",
        .help = "Form of the solution. auto takes the cheaper one; it never depends "
                "on --target-range.",
        .offset = offsetof(cli_fit_args_t, solver)},
    {.section = "Splits",
        .name = "cv",
        .kind = CLI_STRING,
        .metavar = "SPLITS",
        .otherwise = "runs with 3 or more runs, else kfold:5",
        .help = "Inner splits, which choose alpha: runs (leave one out), kfold:K "
                "(contiguous), chunks:LEN,K (contiguous chunks dealt to K folds by "
                "seed), rows:SPEC (fold id per sample before trimming), "
                "bootstrap:N,LEN,CHUNKS (N times so many of the chunks of LEN training "
                "samples, by seed), sets:SPEC (samples x sets, 1 = held out), none (one "
                "alpha only).",
        .offset = offsetof(cli_fit_args_t, cv)},
    {.name = "outer-cv",
        .kind = CLI_STRING,
        .metavar = "SPLITS",
        .otherwise = "as for --cv",
        .help = "Outer splits, which score, each sample once; none for a model without "
                "scores.",
        .offset = offsetof(cli_fit_args_t, outer_cv)},
    {.name = "cv-gap",
        .kind = CLI_STRING,
        .metavar = "N|inner:N,outer:M",
        .otherwise = "0 with delays of 0 only, else the larger of the largest delay and "
                     "16 s where --tr is given",
        .help = "Training samples dropped next to held-out samples of the same run.",
        .offset = offsetof(cli_fit_args_t, cv_gap)},
    {.name = "inner-scaling",
        .kind = CLI_CHOICE,
        .metavar = inner_scalings,
        .value = "center",
        .help = "Scaling within inner splits: that of the outer training rows; the "
                "same, centred anew in each split; or all fitted anew in each split.",
        .offset = offsetof(cli_fit_args_t, inner_scaling)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output",
        "The result file (HDF5): scores, alphas, weights, scaling, splits, provenance."),
    {.name = "save",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .value = "weights",
        .help = "What to keep beside the scores, separated by commas: weights, "
                "fold-weights, predictions, cv, or none. Without weights nothing can be "
                "predicted or scored later.",
        .offset = offsetof(cli_fit_args_t, save)},
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Scores as a table as well, one line a target.",
        .offset = offsetof(cli_fit_args_t, table)},
    {.name = "map",
        .kind = CLI_STRING,
        .metavar = "FILE.nii.gz",
        .help = "Scores (r) as an image in the grid of the responses or of --mask.",
        .offset = offsetof(cli_fit_args_t, map)},
    {0},
};

static const cli_option_t *const tables[] = {cli_feature_rows, cli_each_rows,
    cli_response_rows, cli_delay_rows, cli_trim_rows, cli_detrend_rows, cli_nuisance_rows,
    cli_scale_rows, cli_preset_rows, cli_model_rows, cli_band_rows, cli_selection_rows,
    cli_audit_rows, cli_test_rows, cli_significance_rows, result_rows, cli_shard_rows,
    NULL};

static int
set_saved(const char *text, ba_fit_opts_t *fit)
{
    unsigned chosen;
    int status;

    BA_TRY(cli_words_parse("save", saved, text, &chosen));
    if ((chosen & SAVE_NONE) && chosen != SAVE_NONE) {
        return ba_fail(BA_VALUE, "--save: found '%s', wanted none alone", text);
    }
    fit->want_weights = (chosen & SAVE_WEIGHTS) != 0;
    fit->want_fold_weights = (chosen & SAVE_FOLD_WEIGHTS) != 0;
    fit->want_predictions = (chosen & SAVE_PREDICTIONS) != 0;
    fit->want_cv = (chosen & SAVE_CV) != 0;
out:
    return status;
}

static int
set_splits(const cli_fit_args_t *args, uint64_t seed, ba_encode_fit_opts_t *opts)
{
    int status = BA_OK;

    if (args->cv) {
        BA_TRY(ba_cv_parse(args->cv, &opts->fit.cv));
    }
    if (args->outer_cv) {
        BA_TRY(ba_cv_parse(args->outer_cv, &opts->fit.outer_cv));
    }
    if (args->cv_gap) {
        BA_TRY(cli_gap_parse(args->cv_gap, &opts->gap_inner, &opts->gap_outer));
    }
    opts->fit.cv.seed = seed;
    opts->fit.outer_cv.seed = seed;
out:
    return status;
}

/* The library knows penalties, and multiples of the largest eigenvalue: both are squares
 * of what others call alpha. */
static int
set_units(const cli_fit_args_t *args, ba_fit_opts_t *fit)
{
    if (args->alpha_units != UNITS_PENALTY && fit->alphas.n == 0) {
        return ba_fail(BA_VALUE,
            "--alpha-units: found with automatic alphas, wanted a grid or a list of "
            "--alphas");
    }
    for (size_t i = 0; args->alpha_units != UNITS_PENALTY && i < fit->alphas.n; i++) {
        fit->alphas.values[i] *= fit->alphas.values[i];
    }
    fit->alphas_relative = args->alpha_units == UNITS_NORMALIZED;
    if (args->singular_cutoff < 0.0) {
        return ba_fail(BA_VALUE, "--singular-cutoff: found %g, wanted 0 or more",
            args->singular_cutoff);
    }
    fit->singular_cutoff = args->singular_cutoff;
    return BA_OK;
}

static int
set_fit(const cli_fit_args_t *args, ba_fit_opts_t *fit)
{
    int status;

    fit->intercept = args->intercept;
    fit->shared_alpha = args->shared_alpha;
    fit->select = selection_of[args->select];
    fit->inner_scaling = inner_scaling_of[args->inner_scaling];
    fit->solver = solver_of[args->solver];
    fit->precision = (ba_precision_t) args->shards.data.common.precision;
    if (args->save) {
        BA_TRY(set_saved(args->save, fit));
    }
    BA_TRY(ba_alphas_parse(args->alphas, &fit->alphas));
    BA_TRY(set_units(args, fit));
out:
    return status;
}

static int
set_options(const cli_call_t *call, const char **named, ba_encode_fit_opts_t *opts)
{
    const cli_fit_args_t *args = call->args;
    int status;

    *opts = ba_encode_fit_opts_default();
    opts->bands = args->bands;
    opts->fit.bands.n_rounds = (size_t) args->band_rounds;
    opts->fit.bands.shared = args->shared_bands;
    opts->output = call->common->output;
    opts->table = args->table;
    opts->map = args->map;
    opts->force = call->common->force;
    opts->dry_run = call->common->dry_run;
    opts->audit = args->audit;
    opts->argc = call->argc;
    opts->argv = call->argv;
    BA_TRY(cli_preparation_set(args, named, opts));
    BA_TRY(set_splits(args, call->ctx->seed, opts));
    BA_TRY(set_fit(args, &opts->fit));
    BA_TRY(cli_significance_set(&args->significance, call->ctx->seed, &opts->inference));
    BA_TRY(cli_shards_set(&args->shards, opts));
out:
    return status;
}

int
cli_fit_settings(const cli_call_t *call, const char ***named, ba_encode_fit_opts_t *opts)
{
    const cli_fit_args_t *args = call->args;

    *named = cli_calloc(args->delays.n, sizeof(**named));
    return set_options(call, *named, opts);
}

/* A test set may also come from a run table, so this has to wait for the data set. */
static int
check_test(const cli_fit_args_t *args, const ba_dataset_t *dataset)
{
    if (args->outer_cv && dataset->test.n_samples > 0 &&
        !cli_preset_set(&args->preset, "outer-cv")) {
        return ba_fail(BA_VALUE,
            "--outer-cv: found '%s' beside a fixed test set, wanted one or the other",
            args->outer_cv);
    }
    return BA_OK;
}

/* A script instead of the fit, whose tasks go on with whatever is finished. */
static int
emit(const cli_call_t *call, const ba_dataset_t *dataset, ba_encode_fit_opts_t *opts)
{
    ba_encode_fit_info_t info;
    int status;

    BA_TRY(cli_emit_check(call, opts));
    opts->dry_run = opts->resume = 1;
    BA_TRY(ba_encode_fit(call->ctx, dataset, opts, &info));
    if (info.was_complete) {
        BA_TRY(ba_fail(BA_EXISTS, "%s: complete, of the same work", opts->output));
    }
    cli_emit_slurm(call, opts, &info);
out:
    return status;
}

static void
report(const cli_call_t *call, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_fit_info_t *info)
{
    if (info->was_complete) {
        cli_message_note("%s: complete, of the same work: nothing to do", opts->output);
    } else if (opts->dry_run) {
        cli_plan_print(dataset, opts, info, ba_ctx_threads(call->ctx));
    } else {
        if (opts->audit) {
            cli_audit_note(&info->audit);
        }
        cli_summary_note(dataset, opts, info);
    }
}

static int
run(const cli_call_t *call)
{
    const cli_fit_args_t *args = call->args;
    const char **named = NULL;
    char *words = NULL;
    ba_dataset_t *dataset = NULL;
    ba_encode_fit_opts_t opts;
    ba_encode_fit_info_t info;
    int status;

    BA_TRY(cli_fit_settings(call, &named, &opts));
    opts.preset = words = cli_preset_words(&args->preset);
    BA_TRY(cli_each_check(&args->shards.data));
    BA_TRY(cli_data_open(call, CLI_RESPONSES_TO_FIT, &dataset));
    BA_TRY(check_test(args, dataset));
    cli_preset_note(&args->preset);
    if (args->shards.data.each) {
        BA_TRY(cli_each_run(call, dataset, &opts, args->shards.emit >= 0));
        goto out;
    }
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, opts.table, opts.map},
        &args->shards.data, dataset, NULL));
    if (args->shards.emit == CLI_EMIT_SLURM) {
        BA_TRY(emit(call, dataset, &opts));
        goto out;
    }
    BA_TRY(ba_encode_fit(call->ctx, dataset, &opts, &info));
    report(call, dataset, &opts, &info);
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    free(named);
    free(words);
    return status;
}

static const char *const description[] = {
    "Fits one ridge model per target (voxel): how well do the features predict each "
    "response? An outer cross-validation, or a fixed test set, scores; an inner one "
    "chooses alpha on the training rows of each outer split; a final fit on all rows "
    "gives the weights.",
    "The order is always: delays, trim, detrend and nuisance in one projection per "
    "run, z-scoring per run if asked for, splits and gap, scaling from the training "
    "rows, solver. Several feature spaces share one alpha, unless --bands gives them "
    "penalties of their own.",
    "Shards are parts of the targets. Each has to be set up anew, and all of them joined "
    "are the same, to the last bit, as a fit in one piece.",
    "A target that cannot be scored is NaN with a status, counted at the end, and "
    "stops nothing.",
    NULL,
};

static const cli_example_t examples[] = {
    {"encode fit --features feats.h5:/layer_12 --responses bold.h5:/responses --runs "
     "bold.h5:/run --delays 1,2,3,4 --tr 2 -o enc.h5",
        "one layer, leaving one run out"},
    {"encode fit --features x.npy --responses y.npy --delays 0 --alphas log:-2,5,20 --cv "
     "kfold:5 --outer-cv kfold:5 --precision double --table scores.tsv -o enc.h5",
        "independent items, an explicit grid, scores as a table"},
    {"encode fit --run-table runs.tsv --mask mask.nii.gz --delays 2,3,4,5 --tr 1.5 "
     "--detrend poly:2 --map r.nii.gz -o enc.h5",
        "images, one line per run, a map of the scores"},
    {"encode fit --each --features rate=x.h5:/rate --layers x.h5:/hidden --layer-size "
     "768 --responses y.h5 --delays 1,2,3,4 --tr 2 --stack --save weights,predictions -o "
     "layers",
        "every layer of a model by itself and a stack of them: layers/layer_0.h5, ..."},
    {"encode fit --features lm=x.h5:/lm --features rate=x.h5:/rate --responses y.h5 "
     "--runs "
     "y.h5:/run --delays 1,2,3,4 --tr 2 --permutations 1000 --control rate --table t.tsv "
     "-o enc.h5",
        "p values, and what the model adds to word rate"},
    {"encode fit --features x.h5 --responses y.h5 --delays 1,2,3,4 --tr 2 --resume -o "
     "enc.h5",
        "a long fit: the same call again goes on where this one was stopped"},
    {"encode fit --features x.h5 --responses y.h5 --delays 1,2,3,4 --tr 2 --shards 20 "
     "--emit slurm -o enc.h5",
        "a script for 20 nodes of a cluster"},
    {0},
};

const cli_command_t cli_encode_fit = {
    .group = "encode",
    .verb = "fit",
    .summary = "fit and score a cross-validated ridge model per target",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cli_fit_args_t),
    .run = run,
};
