/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that the program says on stderr besides progress: one line each, as text or
 * as JSON. */
#ifndef BA_CLI_MESSAGE_H
#define BA_CLI_MESSAGE_H

#include "brainalign/ctx.h"

typedef enum { CLI_QUIET, CLI_NORMAL, CLI_VERBOSE } cli_verbosity_t;
typedef enum { CLI_LOG_TEXT = 0, CLI_LOG_JSON = 1 } cli_log_t;

/* `command` ("encode fit", "" for none) is borrowed and stands in front of every line. */
void cli_message_command(const char *command);
void cli_message_format(cli_log_t format, cli_verbosity_t verbosity);

/* "brainalign encode fit", what lines start with. */
const char *cli_message_prefix(void);
const char *cli_message_name(void);

/* Seconds since the program started. */
double cli_message_seconds(void);

/* Prints the library's stored message of a failure with this status; returns the exit
 * status. */
int cli_message_error(int status);

/* The `log` callback of a context: warnings and information unless quiet, debugging only
 * when verbose. */
void cli_message_log(ba_log_level_t level, const char *line, void *payload);

/* One line of the summary at the end of a command; not printed when quiet. */
void cli_message_note(const char *format, ...) BA_PRINTF(1, 2);

#endif
