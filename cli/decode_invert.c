/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode invert: features from responses through a fitted encoder. */
#include "cli/decode_model.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_decode_t decode;
    const char *prior, *prior_mean, *prior_covariance, *prior_factor, *prior_ar;
    double prior_ridge;
    uint64_t prior_rank;
    int combine, save_delayed;
    cli_list_t spaces, prior_spaces;
} invert_args_t;

enum { COMBINE_NOT_GIVEN = -1 };

static const cli_option_t rows[] = {
    {.section = "Prior",
        .name = "prior",
        .kind = CLI_STRING,
        .metavar = "features|spaces|flat",
        .otherwise = "features; spaces with --prior-space",
        .help = "Mean and covariance of the training features of all spaces; spaces: "
                "those of each space, independent of the others; flat: none, the best "
                "linear unbiased estimate of each response's delayed features.",
        .offset = offsetof(invert_args_t, prior)},
    {.name = "prior-mean",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help =
            "The mean instead, a number for each feature in its own units; of delayed "
            "features with --combine block.",
        .offset = offsetof(invert_args_t, prior_mean)},
    {.name = "prior-cov",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help =
            "The covariance instead, features x features; the mean is 0 unless given.",
        .offset = offsetof(invert_args_t, prior_covariance)},
    {.name = "prior-factor",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Or a factor of it, features x any number: covariance = factor factor'.",
        .offset = offsetof(invert_args_t, prior_factor)},
    {.name = "prior-space",
        .kind = CLI_STRINGS,
        .metavar = "NAME=SPEC",
        .help =
            "The covariance of one space's features instead, with --prior spaces; the "
            "mean is that of the training features unless given.",
        .offset = offsetof(invert_args_t, prior_spaces)},
    {.name = "prior-ridge",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0",
        .help = "Added to the variances of the training features, as a share of their "
                "mean.",
        .offset = offsetof(invert_args_t, prior_ridge)},
    {.name = "prior-rank",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "all",
        .help = "Principal components of the training features that are kept.",
        .offset = offsetof(invert_args_t, prior_rank)},
    {.name = "prior-ar",
        .kind = CLI_STRING,
        .metavar = "auto|X",
        .value = "0",
        .help = "Correlation of the features of one sample with those of the next in a "
                "joint inversion; auto: that of the training features.",
        .offset = offsetof(invert_args_t, prior_ar)},
    {.section = "Inversion",
        .name = "combine",
        .kind = CLI_CHOICE,
        .metavar = "joint|block",
        .otherwise = "joint; block with --prior flat",
        .help = "One posterior of the whole feature series of a stretch of responses, or "
                "one of the delayed features of each response alone.",
        .offset = offsetof(invert_args_t, combine)},
    {.name = "space",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .otherwise = "all",
        .help = "Write the features of this space. All spaces are inverted together "
                "whatever is written: it is the marginal posterior.",
        .offset = offsetof(invert_args_t, spaces)},
    {.name = "save-delayed",
        .kind = CLI_FLAG,
        .help = "Keep the posteriors of delayed features of --combine block.",
        .offset = offsetof(invert_args_t, save_delayed)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5): /mean, /variance, /scores/r."),
    {0},
};

static const cli_option_t *const tables[] = {
    cli_decode_data_rows, cli_decode_noise_rows, rows, NULL};

static int
parse_ar(const char *text, double *ar)
{
    char *end;

    *ar = NAN;
    if (strcmp(text, "auto") == 0) {
        return BA_OK;
    }
    *ar = strtod(text, &end);
    if (end == text || *end || !(fabs(*ar) < 1.0)) {
        return ba_fail(BA_VALUE,
            "--prior-ar: found '%s', wanted auto or a number between -1 and 1", text);
    }
    return BA_OK;
}

/* Options of priors that contradict one another, or would do nothing. */
static int
check_prior(const invert_args_t *args, const ba_decode_invert_opts_t *opts)
{
    int is_given = args->prior_covariance || args->prior_factor;
    int is_flat = opts->flat_prior, is_trained;

    is_trained = args->prior && strcmp(args->prior, "features") == 0;
    if (args->prior && !is_flat && !opts->prior_by_space && !is_trained) {
        return ba_fail(BA_VALUE,
            "--prior: found '%s', wanted features, spaces or flat "
            "(--prior-cov and --prior-factor give another)",
            args->prior);
    }
    if (is_trained && (is_given || args->prior_spaces.n > 0)) {
        return ba_fail(BA_VALUE,
            "--prior: found 'features' beside --prior-%s, wanted one of them",
            args->prior_spaces.n > 0 ? "space"
            : args->prior_covariance ? "cov"
                                     : "factor");
    }
    if (args->prior_rank == 0 || !(args->prior_ridge >= 0.0)) {
        return ba_fail(
            BA_VALUE, "--prior-rank and --prior-ridge: wanted at least 1 and 0");
    }
    if (opts->prior_rank > 0 && args->prior_ridge > 0.0) {
        return ba_fail(
            BA_VALUE, "--prior-rank: found --prior-ridge as well, wanted one of them");
    }
    if ((opts->prior_rank > 0 || args->prior_ridge > 0.0) && (is_flat || is_given)) {
        return ba_fail(BA_VALUE,
            "--prior-%s: found with a prior that is %s, wanted that of the features",
            opts->prior_rank > 0 ? "rank" : "ridge", is_flat ? "flat" : "given");
    }
    return BA_OK;
}

static int
set_options(const cli_call_t *call, ba_decode_invert_opts_t *opts)
{
    const invert_args_t *args = call->args;
    const char *prior = args->prior ? args->prior : "features";
    int is_flat = strcmp(prior, "flat") == 0;
    int status;

    *opts = (ba_decode_invert_opts_t){.combine = BA_COMBINE_JOINT,
        .flat_prior = is_flat,
        .prior_mean = args->prior_mean,
        .prior_covariance = args->prior_covariance,
        .prior_factor = args->prior_factor,
        .prior_ridge = args->prior_ridge,
        .prior_rank = args->prior_rank == CLI_NOT_GIVEN ? 0 : (size_t) args->prior_rank,
        .prior_by_space = strcmp(prior, "spaces") == 0,
        .prior_spaces = args->prior_spaces.items,
        .n_prior_spaces = args->prior_spaces.n,
        .spaces = args->spaces.items,
        .n_spaces = args->spaces.n,
        .save_delayed = args->save_delayed,
        .output = call->common->output,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv};
    if (args->combine == 1 || (args->combine == COMBINE_NOT_GIVEN && is_flat)) {
        opts->combine = BA_COMBINE_BLOCK;
    }
    BA_TRY(check_prior(args, opts));
    BA_TRY(parse_ar(args->prior_ar, &opts->prior_ar));
    BA_TRY(cli_decode_options(call, &opts->model));
out:
    return status;
}

/* The result file is none of the priors. */
static int
check_priors(const invert_args_t *args, const char *file)
{
    const cli_output_t output = {"--output", file};
    const char *const inputs[] = {
        args->prior_mean, args->prior_covariance, args->prior_factor};
    int status;

    BA_TRY(cli_outputs_check_list(&output, 1, inputs, sizeof inputs / sizeof *inputs));
    BA_TRY(cli_outputs_check_list(
        &output, 1, args->prior_spaces.items, args->prior_spaces.n));
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    const invert_args_t *args = call->args;
    ba_decode_invert_opts_t opts;
    ba_decode_invert_info_t info;
    ba_dataset_t *dataset = NULL;
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(cli_decode_data_open(call, &dataset));
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, NULL, NULL},
        &args->decode.data, dataset, args->decode.encoder));
    BA_TRY(check_priors(args, opts.output));
    BA_TRY(ba_decode_invert(call->ctx, dataset, &opts, &info));
    cli_data_note(dataset);
    if (opts.dry_run) {
        cli_message_note("%zu fold%s, %zu features from %zu voxels", info.n_folds,
            cli_plural(info.n_folds), info.n_features, info.n_voxels);
        cli_decode_dry_note(info.bytes_planned);
        goto out;
    }
    cli_message_note("%zu samples of %zu fold%s decoded, %zu features from %zu voxels",
        info.n_decoded, info.n_folds, cli_plural(info.n_folds), info.n_features,
        info.n_voxels);
    if (info.n_spaces > 1) {
        cli_message_note("%zu feature spaces inverted together", info.n_spaces);
    }
    cli_decode_share_note(&opts.model, info.least_share, info.largest_share);
    cli_message_note("r of features and their decoded values: mean %.4f%s", info.mean_r,
        opts.model.in_sample ? " (in sample: the model was fitted on these rows)" : "");
    cli_message_note("wrote %s", opts.output);
out:
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "Turns a linear encoder round: with y = W'x + e, noise e of a covariance that is "
    "estimated from held-out residuals, and a Gaussian prior over features, the "
    "posterior "
    "of x given y is Gaussian in closed form. Each outer fold is decoded by the weights "
    "that were fitted without it; noise, prior, share and voxels come from the rows of "
    "the "
    "other folds that are outside its gap.",
    "With several delays a response depends on features of several samples, and a "
    "sample's "
    "features act on several responses. --combine joint gives the posterior of the whole "
    "series, given all held-out responses of a stretch; --combine block inverts each "
    "response alone and puts the estimates of a sample together feature by feature.",
    "Several feature spaces, with bands or without, are one model and are inverted "
    "together; --space says whose features are written.",
    "Data are found through the arguments stored in the encoder: run it in the folder of "
    "the fit, or give them again. They must be those of the fit, by their fingerprints.",
    NULL,
};

static const cli_example_t examples[] = {
    {"decode invert --encoder enc.h5 -o inv.h5",
        "the features of every held-out sample, noise shrunk as training folds say"},
    {"decode invert --encoder enc.h5 --prior-ar auto --prior-rank 100 --prewhiten -o "
     "inv.h5",
        "smooth features by their principal components, autocorrelated noise"},
    {0},
};

const cli_command_t cli_decode_invert = {
    .group = "decode",
    .verb = "invert",
    .summary = "decode features by inverting a fitted encoder",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(invert_args_t),
    .run = run,
};
