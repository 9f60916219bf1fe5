/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exit statuses of the program, in one place. */
#ifndef BA_CLI_EXIT_H
#define BA_CLI_EXIT_H

typedef enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_BAD_INPUT = 3,
    CLI_OVER_MEMORY = 4,
    CLI_INTERRUPTED = 130
} cli_exit_t;

/* The exit status that a library status leads to. */
int cli_exit_status(int status);

/* One row of the list that help and manual print; the last has NULL words. */
typedef struct {
    int status;
    const char *words;
} cli_exit_row_t;

extern const cli_exit_row_t cli_exit_rows[];

#endif
