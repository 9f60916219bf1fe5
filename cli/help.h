/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help, manual pages and docs/cli.md, all generated from the tables of commands and
 * options. */
#ifndef BA_CLI_HELP_H
#define BA_CLI_HELP_H

#include "cli/command.h"
#include "cli/text.h"

/* Terminal help, wrapped at 90 columns, to stdout: of the program, a group, a command. */
void cli_help_program(void);
void cli_help_group(const cli_group_t *group);
void cli_help_command(const cli_command_t *command);

/* The sentences of a row with whether it is required or repeatable and its default. The
 * caller frees. */
char *cli_help_sentences(const cli_option_t *row);

/* "encode fit [options] SPEC...": the call of a command after the program's name. The
 * caller frees. */
char *cli_help_synopsis(const cli_command_t *command);

/* docs/cli.md to `stream`. */
void cli_markdown_write(FILE *stream);

/* brainalign.1 and a page per command into a folder, made where it is missing. BA_IO. */
int cli_man_write(const char *folder);

/* What holds for every command: a heading and paragraphs; an empty heading ends the list.
 * Lines that start with a blank are literal. */
typedef struct {
    const char *heading;
    const char *const *paragraphs; /* ends with NULL */
} cli_topic_t;

extern const cli_topic_t cli_topics[];

#endif
