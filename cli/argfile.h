/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of the program after @FILE was replaced by the lines of FILE. */
#ifndef BA_CLI_ARGFILE_H
#define BA_CLI_ARGFILE_H

#include <stddef.h>

/* Starts as {0}. */
typedef struct {
    size_t n;
    char **items;
} cli_arguments_t;

/* Stores the program's name, "brainalign", then copies the `n` arguments after it. Up to
 * a `--`, each @FILE is replaced by the lines of FILE: one argument a line, blanks at
 * both ends dropped, empty lines and lines that start with # skipped. BA_IO; BA_FORMAT
 * naming file and line. Call cli_arguments_free() afterwards in any case. */
int cli_arguments_expand(size_t n, char *const *given, cli_arguments_t *out);
void cli_arguments_free(cli_arguments_t *arguments);

#endif
