/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/common.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/signal.h"

#include <stdlib.h>
#include "brainalign/error.h"

#include <inttypes.h>

static const uint64_t most_threads = 4096;

static const cli_option_t output_rows[] = {
    {.section = "Output",
        .name = "force",
        .kind = CLI_FLAG,
        .help = "Replace outputs that exist; without it they are refused.",
        .offset = offsetof(cli_common_t, force)},
    {.name = "dry-run",
        .kind = CLI_FLAG,
        .help = "Open and check everything, print shapes, solver, memory and time "
                "estimate; write nothing.",
        .offset = offsetof(cli_common_t, dry_run)},
    {0},
};

static const cli_option_t compute_rows[] = {
    {.section = "Computation",
        .name = "threads",
        .letter = 'j',
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "all cores",
        .help = "Threads to use. Results do not depend on it.",
        .offset = offsetof(cli_common_t, threads)},
    {.name = "seed",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "0",
        .help = "Seed of everything that is random.",
        .offset = offsetof(cli_common_t, seed)},
    {.name = "precision",
        .kind = CLI_CHOICE,
        .metavar = "single|double",
        .value = "single",
        .help = "Arithmetic on bulk data. Factorisations and sums of scores are "
                "always double.",
        .offset = offsetof(cli_common_t, precision)},
    {0},
};

static const cli_option_t memory_rows[] = {
    {.section = "Computation",
        .name = "memory",
        .kind = CLI_SIZE,
        .metavar = "SIZE",
        .otherwise = "half of the machine's",
        .help = "Memory that buffers may take, such as 800M or 6G. Results do not "
                "depend on it.",
        .offset = offsetof(cli_common_t, memory)},
    {0},
};

static const cli_option_t message_rows[] = {
    {.section = "Messages",
        .name = "progress",
        .kind = CLI_CHOICE,
        .metavar = "auto|always|never",
        .value = "auto",
        .help = "Progress on stderr: one rewritten line on a terminal, else one line "
                "per 10 %. auto keeps still in the first second of a stage.",
        .offset = offsetof(cli_common_t, progress)},
    {.name = "log",
        .kind = CLI_CHOICE,
        .metavar = "text|json",
        .value = "text",
        .help =
            "Form of messages, progress and errors on stderr; json is one object a line.",
        .offset = offsetof(cli_common_t, log)},
    {.name = "quiet",
        .letter = 'q',
        .kind = CLI_FLAG,
        .help = "Say nothing but errors.",
        .offset = offsetof(cli_common_t, quiet)},
    {.name = "verbose",
        .letter = 'v',
        .kind = CLI_FLAG,
        .help = "Say more about what is done and why.",
        .offset = offsetof(cli_common_t, verbose)},
    {0},
};

static const cli_option_t help_rows[] = {
    {.section = "Messages",
        .name = "help",
        .letter = 'h',
        .kind = CLI_FLAG,
        .stops = 1,
        .help = "Print this help.",
        .offset = offsetof(cli_common_t, help)},
    {0},
};

void
cli_common_rows(cli_rows_t *rows, unsigned share)
{
    if (share & CLI_SHARE_OUTPUT) {
        cli_rows_add(rows, output_rows);
    }
    if (share & CLI_SHARE_COMPUTE) {
        cli_rows_add(rows, compute_rows);
    }
    if (share & CLI_SHARE_MEMORY) {
        cli_rows_add(rows, memory_rows);
    }
    if (share & CLI_SHARE_MESSAGES) {
        cli_rows_add(rows, message_rows);
    }
    cli_rows_add(rows, help_rows);
}

static int
threads_of(const cli_common_t *common, int *n_threads)
{
    if (common->threads == CLI_NOT_GIVEN) {
        *n_threads = 0;
        return BA_OK;
    }
    if (common->threads == 0 || common->threads > most_threads) {
        return ba_fail(BA_VALUE, "--threads: found %" PRIu64 ", wanted 1 to %" PRIu64,
            common->threads, most_threads);
    }
    *n_threads = (int) common->threads;
    return BA_OK;
}

static int
apply_messages(const cli_common_t *common)
{
    cli_progress_mode_t progress = (cli_progress_mode_t) common->progress;
    cli_verbosity_t verbosity = common->verbose ? CLI_VERBOSE : CLI_NORMAL;

    if (common->quiet && common->verbose) {
        return ba_fail(BA_VALUE, "--quiet: found --verbose as well, wanted one of them");
    }
    if (common->quiet) {
        progress = CLI_PROGRESS_NEVER;
        verbosity = CLI_QUIET;
    }
    cli_message_format((cli_log_t) common->log, verbosity);
    cli_progress_setup(progress, (cli_log_t) common->log);
    return BA_OK;
}

int
cli_common_apply(const cli_common_t *common, unsigned share, ba_ctx_t *ctx)
{
    int status = BA_OK;

    *ctx = ba_ctx_default();
    ctx->temp_dir = getenv("TMPDIR");
    ctx->log = cli_message_log;
    ctx->progress = cli_progress_update;
    ctx->cancelled = cli_signals_cancelled;
    if (share & CLI_SHARE_MESSAGES) {
        status = apply_messages(common);
    }
    if (share & CLI_SHARE_MEMORY) {
        ctx->memory = common->memory;
    }
    if (status == BA_OK && (share & CLI_SHARE_COMPUTE)) {
        ctx->seed = common->seed;
        status = threads_of(common, &ctx->n_threads);
    }
    return status;
}
