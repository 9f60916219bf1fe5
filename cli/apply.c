/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/apply.h"
#include "cli/info.h"
#include "cli/text.h"

#include "brainalign/encoder.h"
#include "brainalign/error.h"

#include <stddef.h>
#include <stdio.h>

const cli_option_t cli_encoder_rows[] = {
    {.section = "Model",
        .name = "encoder",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "The result file of encode fit, with its weights.",
        .offset = offsetof(cli_apply_t, encoder)},
    {0},
};

void
cli_apply_options(const cli_call_t *call, ba_encode_apply_opts_t *opts)
{
    const cli_apply_t *args = call->args;

    *opts = (ba_encode_apply_opts_t){
        .encoder = args->encoder,
        .output = call->common->output,
        .zscore_runs = -1,
        .trim_first = BA_AS_IN_FIT,
        .force = call->common->force,
        .argc = call->argc,
        .argv = call->argv,
    };
}

int
cli_apply_dry_run(const cli_call_t *call, const ba_dataset_t *dataset)
{
    const cli_apply_t *args = call->args;
    ba_encoder_t *encoder = NULL;
    int status;

    BA_TRY(ba_encoder_load(args->encoder, &encoder));
    BA_TRY(ba_encoder_check(encoder, dataset));
    cli_info_key("samples");
    printf("%zu in %zu run%s\n", dataset->train.n_samples, dataset->train.runs.n_runs,
        cli_plural(dataset->train.runs.n_runs));
    cli_info_key("features");
    printf("%zu with %zu delay%s\n", encoder->n_features, encoder->n_delays,
        cli_plural(encoder->n_delays));
    cli_info_key("targets");
    printf("%zu\n", encoder->n_targets);
    cli_info_key("written");
    puts("nothing: this was a dry run");
out:
    ba_encoder_free(encoder);
    return status;
}
