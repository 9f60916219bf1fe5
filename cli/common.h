/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that long commands share, and the context made from them. */
#ifndef BA_CLI_COMMON_H
#define BA_CLI_COMMON_H

#include "cli/option.h"

#include "brainalign/ctx.h"

/* Every command's argument struct starts with this one, so that its rows hold for all of
 * them. */
typedef struct {
    int help;
    const char *output;
    int force, dry_run;
    uint64_t threads, seed;
    size_t memory;
    int precision; /* ba_precision_t */
    int progress;  /* cli_progress_mode_t */
    int log;       /* cli_log_t */
    int quiet, verbose;
} cli_common_t;

/* Which of the shared rows a command has. --help is always there; -o stands in the
 * command's own table by CLI_OUTPUT_ROW, because what the file holds is for the command
 * to say. */
enum {
    CLI_SHARE_OUTPUT = 1,   /* --force --dry-run */
    CLI_SHARE_COMPUTE = 2,  /* -j --seed --precision */
    CLI_SHARE_MEMORY = 4,   /* --memory */
    CLI_SHARE_MESSAGES = 8, /* --progress --log -q -v */
    CLI_SHARE_ALL = 15
};

#define CLI_OUTPUT_ROW(heading, what)                                                    \
    {                                                                                    \
        .section = (heading), .name = "output", .letter = 'o', .kind = CLI_STRING,       \
        .required = 1, .metavar = "FILE", .help = (what),                                \
        .offset = offsetof(cli_common_t, output)                                         \
    }

void cli_common_rows(cli_rows_t *rows, unsigned share);

/* Sets up messages and progress and fills the context. BA_VALUE where options contradict
 * one another. */
int cli_common_apply(const cli_common_t *common, unsigned share, ba_ctx_t *ctx);

#endif
