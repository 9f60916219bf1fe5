/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What signals do to a running command. */
#ifndef BA_CLI_SIGNAL_H
#define BA_CLI_SIGNAL_H

/* SIGINT and SIGTERM ask the command to stop (a second one kills); SIGPIPE and SIGXFSZ
 * are ignored, so that the write that caused them fails and is reported. */
void cli_signals_install(void);

/* Non-zero once the command was asked to stop: the `cancelled` callback of a context. */
int cli_signals_cancelled(void *payload);

#endif
