/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/rank_brain.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"

#include "brainalign/align.h"
#include "brainalign/error.h"
#include "brainalign/figure.h"
#include "brainalign/table.h"

#include <string.h>

static int
check(const cli_call_t *call, const cli_rank_brain_t *args)
{
    const char *output = call->common->output;
    const cli_output_t outputs[] = {{"--output", output}, {"--figure", args->figure}};
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
    if (!args->figure != !args->against) {
        return ba_fail(BA_VALUE, "--%s: found no --%s, wanted both or neither",
            args->figure ? "figure" : "against", args->figure ? "against" : "figure");
    }
    BA_TRY(cli_outputs_check_list(outputs, 2, &args->align, 1));
    if (args->against) {
        BA_TRY(cli_outputs_check_list(outputs, 2, &args->against, 1));
    }
    BA_TRY(ba_table_create(output, call->common->force, &writer));
out:
    ba_table_writer_free(writer);
    return status;
}

static int
draw(const cli_rank_brain_t *args, const ba_ranking_t *brain, ba_figure_t *figure)
{
    ba_ranking_t *against = NULL;
    int status = BA_OK;

    if (!figure) {
        return BA_OK;
    }
    BA_TRY(ba_ranking_read(args->against, brain->n_neurons, &against));
    BA_TRY(ba_figure_title(figure, "Neurons by concept and brain", NULL));
    BA_TRY(ba_figure_scatter(figure, against, brain, args->region));
    BA_TRY(ba_figure_commit(figure));
out:
    ba_ranking_free(against);
    return status;
}

int
cli_rank_brain(const cli_call_t *call, const cli_rank_brain_t *args)
{
    ba_ranking_t *ranking = NULL;
    ba_figure_t *figure = NULL;
    int status;

    BA_TRY(check(call, args));
    if (args->figure) {
        BA_TRY(ba_figure_create(args->figure, call->common->force, &figure));
    }
    BA_TRY(ba_align_ranking_read(args->align, (ba_brain_by_t) args->by, &ranking));
    cli_message_note("%zu neurons, %zu region%s and all targets together",
        ranking->n_neurons, ranking->n_concepts - 1, cli_plural(ranking->n_concepts - 1));
    if (call->common->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        goto out;
    }
    BA_TRY(draw(args, ranking, figure));
    BA_TRY(
        ba_ranking_write(ranking, call->common->output, args->top, call->common->force));
    cli_message_note("wrote %s", call->common->output);
out:
    ba_ranking_free(ranking);
    ba_figure_free(figure);
    return status;
}
