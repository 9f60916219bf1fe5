/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/decode_model.h"
#include "cli/fitted_data.h"
#include "cli/message.h"
#include "cli/summary.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const cli_option_t cli_decode_data_rows[] = {
    {.section = "Model",
        .name = "encoder",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "The result file of encode fit with --save weights,fold-weights.",
        .offset = offsetof(cli_decode_t, encoder)},
    {.name = "in-sample",
        .kind = CLI_FLAG,
        .help = "Decode all rows by the final weights, which were fitted on them. The "
                "output says so.",
        .offset = offsetof(cli_decode_t, in_sample)},
    {.section = "Data",
        .name = "features",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]SPEC",
        .otherwise = "as in the arguments stored in the encoder",
        .help = "The features of the fit, where they stand elsewhere now; then "
                "--responses too, and --runs, --mask, --nuisance as in the fit.",
        .offset = offsetof(cli_data_t, features)},
    {.name = "responses",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Its responses.",
        .offset = offsetof(cli_data_t, responses)},
    {.name = "runs",
        .kind = CLI_STRING,
        .metavar = "SPEC|onsets:LIST",
        .help = "Its runs.",
        .offset = offsetof(cli_data_t, runs)},
    {.name = "run-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Or its run table.",
        .offset = offsetof(cli_data_t, run_table)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Its mask.",
        .offset = offsetof(cli_data_t, mask)},
    {.name = "nuisance",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Its nuisance regressors.",
        .offset = offsetof(cli_data_t, nuisance)},
    {.name = "nuisance-columns",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .help = "Columns of the nuisance tables.",
        .offset = offsetof(cli_data_t, nuisance_columns)},
    {0},
};

const cli_option_t cli_decode_noise_rows[] = {
    {.section = "Noise",
        .name = "noise",
        .kind = CLI_CHOICE,
        .metavar = "shrunk|white|diagonal|low-rank",
        .value = "shrunk",
        .help = "Covariance of the noise, from held-out residuals of the other folds: "
                "shrunk towards --shrink-to; one variance; a variance for each voxel; or "
                "--noise-rank components and a variance for each voxel.",
        .offset = offsetof(cli_decode_t, noise)},
    {.name = "shrink-to",
        .kind = CLI_CHOICE,
        .metavar = "diagonal|scaled|identity",
        .otherwise = "diagonal; scaled with --share ledoit-wolf",
        .help =
            "Target of the shrinkage: the variances, their mean times the identity, or "
            "the identity.",
        .offset = offsetof(cli_decode_t, shrink_to)},
    {.name = "share",
        .kind = CLI_STRING,
        .metavar = "cv|ledoit-wolf|X",
        .otherwise = "cv",
        .help =
            "Share of the target, above 0 and at most 1; cv: the one of 9 by which the "
            "training folds are identified best; ledoit-wolf: towards scaled.",
        .offset = offsetof(cli_decode_t, share)},
    {.name = "normalise-folds",
        .kind = CLI_FLAG,
        .help = "Divide the residual covariance of each fold by its mean variance first "
                "(Tang et al. 2023). Evidence has no scale then.",
        .offset = offsetof(cli_decode_t, normalise_folds)},
    {.name = "noise-rank",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "10",
        .help = "Components of --noise low-rank.",
        .offset = offsetof(cli_decode_t, noise_rank)},
    {.name = "prewhiten",
        .kind = CLI_FLAG,
        .help = "Take the first-order autocorrelation of each voxel's residuals out of "
                "responses and model.",
        .offset = offsetof(cli_decode_t, prewhiten)},
    {.name = "n-voxels",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "all",
        .help = "Use the voxels with the best scores in the other folds.",
        .offset = offsetof(cli_decode_t, n_voxels)},
    {0},
};

static int
parse_share(const cli_decode_t *args, ba_decode_model_opts_t *opts)
{
    char *end;

    opts->share = NAN;
    if (!args->share || strcmp(args->share, "cv") == 0) {
        return BA_OK;
    }
    if (strcmp(args->share, "ledoit-wolf") == 0) {
        opts->ledoit_wolf = 1;
        return args->normalise_folds
                   ? ba_fail(BA_VALUE, "--normalise-folds: found --share ledoit-wolf as "
                                       "well, wanted one of them")
                   : BA_OK;
    }
    opts->share = strtod(args->share, &end);
    if (end == args->share || *end || !(opts->share > 0.0 && opts->share <= 1.0)) {
        return ba_fail(BA_VALUE,
            "--share: found '%s', wanted cv, ledoit-wolf or a number above 0 and at most "
            "1",
            args->share);
    }
    return BA_OK;
}

/* Settings of the shrinkage do nothing without it, nor does a target beside that of Ledoit
 * and Wolf. */
static int
check_shrinkage(const cli_decode_t *args, const ba_decode_model_opts_t *opts)
{
    if (opts->noise != BA_NOISE_SHRUNK && (args->share || args->shrink_to >= 0)) {
        return ba_fail(BA_VALUE, "--%s: found without --noise shrunk",
            args->share ? "share" : "shrink-to");
    }
    if (opts->ledoit_wolf && args->shrink_to >= 0 && opts->target != BA_SHRINK_SCALED) {
        return ba_fail(BA_VALUE, "--shrink-to: found with --share ledoit-wolf, whose "
                                 "target is scaled");
    }
    return BA_OK;
}

int
cli_decode_options(const cli_call_t *call, ba_decode_model_opts_t *opts)
{
    static const ba_noise_kind_t kinds[] = {
        BA_NOISE_SHRUNK, BA_NOISE_WHITE, BA_NOISE_DIAGONAL, BA_NOISE_LOW_RANK};
    static const ba_shrink_t targets[] = {
        BA_SHRINK_DIAGONAL, BA_SHRINK_SCALED, BA_SHRINK_IDENTITY};
    const cli_decode_t *args = call->args;
    int has_rank = args->noise_rank != CLI_NOT_GIVEN;
    int status;

    *opts = (ba_decode_model_opts_t){.encoder = args->encoder,
        .noise = kinds[args->noise],
        .target = args->shrink_to < 0 ? BA_SHRINK_DIAGONAL : targets[args->shrink_to],
        .normalise_folds = args->normalise_folds,
        .noise_rank = has_rank ? (size_t) args->noise_rank : 10,
        .prewhiten = args->prewhiten,
        .n_voxels = args->n_voxels == CLI_NOT_GIVEN ? 0 : (size_t) args->n_voxels,
        .precision = (ba_precision_t) call->common->precision,
        .in_sample = args->in_sample};
    if (has_rank && opts->noise != BA_NOISE_LOW_RANK) {
        return ba_fail(BA_VALUE, "--noise-rank: found without --noise low-rank");
    }
    if (args->n_voxels == 0) {
        return ba_fail(BA_VALUE, "--n-voxels: found 0, wanted at least 1");
    }
    BA_TRY(parse_share(args, opts));
    BA_TRY(check_shrinkage(args, opts));
    if (args->in_sample && opts->noise == BA_NOISE_SHRUNK && isnan(opts->share) &&
        !opts->ledoit_wolf) {
        BA_TRY(ba_fail(BA_VALUE, "--share: found cv with --in-sample, wanted a number or "
                                 "ledoit-wolf"));
    }
out:
    return status;
}

int
cli_decode_data_open(const cli_call_t *call, ba_dataset_t **dataset)
{
    const cli_decode_t *args = call->args;
    const cli_data_t *data = &args->data;
    cli_refit_t refit;
    int status;

    *dataset = NULL;
    if (data->features.n > 0 || data->responses || data->run_table || data->mask ||
        data->runs || data->nuisance || data->nuisance_columns) {
        return cli_data_open(call, CLI_RESPONSES_TO_FIT, dataset);
    }
    status = cli_refit_open(call, args->encoder, "--responses gives", &refit);
    *dataset = refit.dataset;
    refit.dataset = NULL;
    cli_refit_close(&refit);
    return status;
}

void
cli_decode_dry_note(size_t bytes)
{
    char text[32];

    cli_message_note("%s of memory at the peak for data, models and refits; nothing "
                     "written: this was a dry run",
        cli_bytes_text((double) bytes, text));
}

void
cli_decode_share_note(const ba_decode_model_opts_t *opts, double least, double largest)
{
    if (opts->noise == BA_NOISE_SHRUNK && isnan(opts->share)) {
        cli_message_note("share of the target, by %s: %.3g to %.3g",
            opts->ledoit_wolf ? "Ledoit-Wolf" : "identification of training folds", least,
            largest);
    }
}
