/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of a fit about what comes before the model: delays, components, scaling. */
#include "cli/fit_args.h"
#include "cli/list.h"

#include "brainalign/error.h"

#include <stddef.h>
#include <string.h>

/* Words of the choices; the values beside them are in the same order. */
static const char feature_scales[] = "zscore|center|none|runs";
static const ba_scale_t feature_scale_of[] = {
    BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE, BA_SCALE_RUNS};
static const char response_scales[] = "runs|zscore|center|none";
static const ba_scale_t response_scale_of[] = {
    BA_SCALE_RUNS, BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
const cli_option_t cli_delay_rows[] = {
    {.section = "Preparation",
        .name = "delays",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "[NAME:]LIST",
        .help = "Copies of the features moved later by so many samples, such as "
                "1,2,3,4, zero-filled at every run start; 0 for designs of one row "
                "per item. NAME:LIST is for one space.",
        .offset = offsetof(cli_fit_args_t, delays)},
    {.name = "delay-across-runs",
        .kind = CLI_FLAG,
        .help = "Let delays run over the borders of runs, over the whole series.",
        .offset = offsetof(cli_fit_args_t, delay_across_runs)},
    {.name = "pca",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]K",
        .otherwise = "the features themselves",
        .help = "K principal components of every feature space, or of one, in place of "
                "its features: fitted on the training rows of each outer fold and of the "
                "final fit, before the delays. NAME=0 leaves a space as it is.",
        .offset = offsetof(cli_fit_args_t, pca)},
    {0},
};

const cli_option_t cli_scale_rows[] = {
    {.section = "Preparation",
        .name = "scale-features",
        .kind = CLI_CHOICE,
        .metavar = feature_scales,
        .value = "zscore",
        .help = "Scaling of every delayed column, from the training rows; or runs: every "
                "feature "
                "is z-scored in each run by itself, before the delays.",
        .offset = offsetof(cli_fit_args_t, scale_features)},
    {.name = "scale-responses",
        .kind = CLI_CHOICE,
        .metavar = response_scales,
        .otherwise = "runs with 2 or more runs, else zscore",
        .help = "Scaling of the responses: runs z-scores each run by itself, the "
                "others use the training rows.",
        .offset = offsetof(cli_fit_args_t, scale_responses)},
    {0},
};

/* NAME of NAME:LIST must not stand among the n that came before. */
static int
check_named(const char *const *named, size_t n, const char *item)
{
    size_t length = (size_t) (strchr(item, ':') - item) + 1;

    for (size_t i = 0; i < n; i++) {
        if (strncmp(named[i], item, length) == 0) {
            return ba_fail(BA_VALUE,
                "--delays: found '%s' and '%s', wanted one list for a space", named[i],
                item);
        }
    }
    return BA_OK;
}

/* --delays LIST once, --delays NAME:LIST for single spaces. `named` has room for all of
 * them. */
static int
split_delays(const cli_list_t *delays, const char **named, ba_encode_fit_opts_t *opts)
{
    int status = BA_OK;

    opts->space_delays = named;
    for (size_t i = 0; i < delays->n; i++) {
        const char *item = delays->items[i];

        if (strchr(item, ':')) {
            BA_TRY(check_named(named, opts->n_space_delays, item));
            named[opts->n_space_delays++] = item;
        } else if (opts->delays) {
            BA_TRY(ba_fail(BA_VALUE,
                "--delays: found '%s' and '%s', wanted one list (NAME:LIST for one "
                "space)",
                opts->delays, item));
        } else {
            opts->delays = item;
        }
    }
out:
    return status;
}

/* One number for a space, and one for all others. */
static int
check_pca(const cli_list_t *pca)
{
    for (size_t i = 0; i < pca->n; i++) {
        const char *equals = strchr(pca->items[i], '=');
        size_t length = equals ? (size_t) (equals - pca->items[i]) + 1 : 0;

        for (size_t k = 0; k < i; k++) {
            const char *before = pca->items[k];

            if (equals ? strncmp(before, pca->items[i], length) == 0
                       : !strchr(before, '=')) {
                return ba_fail(BA_VALUE,
                    "--pca: found '%s' and '%s', wanted one number for a space", before,
                    pca->items[i]);
            }
        }
    }
    return BA_OK;
}

int
cli_preparation_set(
    const cli_fit_args_t *args, const char **named, ba_encode_fit_opts_t *opts)
{
    const cli_data_t *data = &args->shards.data;
    ba_fit_opts_t *fit = &opts->fit;
    int status;

    opts->delay_across_runs = args->delay_across_runs;
    opts->detrend = data->detrend;
    BA_TRY(cli_tr_check(data->tr, &opts->tr));
    BA_TRY(cli_trim_parse(data->trim, &fit->trim_first, &fit->trim_last));
    BA_TRY(split_delays(&args->delays, named, opts));
    BA_TRY(check_pca(&args->pca));
    opts->pca = args->pca.items;
    opts->n_pca = args->pca.n;
    fit->scale_features = feature_scale_of[args->scale_features];
    if (args->scale_responses >= 0) {
        fit->scale_targets = response_scale_of[args->scale_responses];
    }
out:
    return status;
}
