/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/rank_brain.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"

#include "brainalign/align.h"
#include "brainalign/error.h"
#include "brainalign/table.h"

#include <string.h>

static int
check(const cli_call_t *call, const cli_rank_brain_t *args)
{
    const char *output = call->common->output;
    const cli_output_t outputs[] = {{"--output", output}};
    const char *dot = strrchr(output, '.');
    ba_table_writer_t *writer = NULL;
    int status;

    if (!args->align) {
        return ba_fail(BA_VALUE, "--align: not given, wanted a file of neurons align for "
                                 "--method brain");
    }
    if (args->has_tokens) {
        return ba_fail(BA_VALUE, "--method: found brain with --activations or --labels, "
                                 "wanted --align alone");
    }
    if (dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0)) {
        return ba_fail(BA_VALUE,
            "--output: found '%s', wanted a table: all scores of --method brain stand in "
            "%s",
            output, args->align);
    }
    BA_TRY(cli_outputs_check_list(outputs, 1, &args->align, 1));
    BA_TRY(ba_table_create(output, call->common->force, &writer));
out:
    ba_table_writer_free(writer);
    return status;
}

int
cli_rank_brain(const cli_call_t *call, const cli_rank_brain_t *args)
{
    ba_ranking_t *ranking = NULL;
    int status;

    BA_TRY(check(call, args));
    BA_TRY(ba_align_ranking_read(args->align, (ba_brain_by_t) args->by, &ranking));
    cli_message_note("%zu neurons, %zu region%s and all targets together",
        ranking->n_neurons, ranking->n_concepts - 1, cli_plural(ranking->n_concepts - 1));
    if (call->common->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        goto out;
    }
    BA_TRY(
        ba_ranking_write(ranking, call->common->output, args->top, call->common->force));
    cli_message_note("wrote %s", call->common->output);
out:
    ba_ranking_free(ranking);
    return status;
}
