/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The progress of a command on stderr: one line rewritten in place on a terminal, else
 * one line per 10 %. */
#ifndef BA_CLI_PROGRESS_H
#define BA_CLI_PROGRESS_H

#include "cli/message.h"

typedef enum {
    CLI_PROGRESS_AUTO,
    CLI_PROGRESS_ALWAYS,
    CLI_PROGRESS_NEVER
} cli_progress_mode_t;

void cli_progress_setup(cli_progress_mode_t mode, cli_log_t format);

/* The `progress` callback of a context. `auto` is silent in the first second of a stage,
 * so that short commands stay quiet. */
void cli_progress_update(const char *stage, double done, double total, void *payload);

/* Takes the rewritten line off the terminal, before another line or at the end. */
void cli_progress_erase(void);

#endif
