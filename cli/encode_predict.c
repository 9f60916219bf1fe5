/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode predict: responses that a fitted encoder expects. */
#include "cli/apply.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <stddef.h>

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output",
        "The result file (HDF5): /predictions, n_samples x "
        "n_targets, in the units of the fitted responses (z-scores of a run "
        "where these were z-scored per run)."),
    {0},
};

static const cli_option_t *const tables[] = {
    cli_encoder_rows, cli_feature_rows, result_rows, NULL};

static int
run(const cli_call_t *call)
{
    ba_encode_apply_opts_t opts;
    ba_dataset_t *dataset = NULL;
    int status;

    cli_apply_options(call, &opts);
    BA_TRY(cli_data_open(call, CLI_RESPONSES_UNUSED, &dataset));
    BA_TRY(cli_outputs_check(
        &(cli_outputs_t){opts.output, NULL, NULL}, call->args, dataset, opts.encoder));
    if (call->common->dry_run) {
        BA_TRY(cli_apply_dry_run(call, dataset));
    } else {
        BA_TRY(ba_encode_predict(call->ctx, dataset, &opts));
        cli_data_note(dataset);
        cli_message_note("wrote %s", opts.output);
    }
out:
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "Predicts the responses to new features with the final weights of an encoder. "
    "Feature spaces must be those of the fit: as many, in the same order, with the same "
    "numbers of features and, where there are several, the same names. Delays are "
    "applied "
    "as in the fit. Of a run table the test runs are taken if it has any, else all.",
    NULL,
};

static const cli_example_t examples[] = {
    {"encode predict --encoder enc.h5 --features new.h5:/layer_12 --runs new.h5:/run -o "
     "pred.h5",
        "responses to a new stimulus"},
    {0},
};

const cli_command_t cli_encode_predict = {
    .group = "encode",
    .verb = "predict",
    .summary = "predict responses to features with a fitted encoder",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cli_apply_t),
    .run = run,
};
