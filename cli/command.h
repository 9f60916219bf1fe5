/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of commands and the dispatch over it. */
#ifndef BA_CLI_COMMAND_H
#define BA_CLI_COMMAND_H

#include "cli/common.h"
#include "cli/option.h"

typedef struct cli_command cli_command_t;

/* One run of a command. Everything is borrowed. */
typedef struct {
    const cli_command_t *command;
    const ba_ctx_t *ctx;
    const cli_common_t *common;
    void *args; /* the command's own struct; starts with *common */
    int argc;   /* the program's name and its arguments, files of arguments opened up */
    const char *const *argv;
} cli_call_t;

typedef struct {
    const char *command; /* arguments after `brainalign` */
    const char *what;    /* what it does, one line */
} cli_example_t;

/* Returns a library status; a failure has its message set. */
typedef int (*cli_run_t)(const cli_call_t *call);

struct cli_command {
    const char *group;
    const char *verb;                  /* NULL: the group is the command */
    const char *summary;               /* one line, no full stop */
    const char *const *description;    /* paragraphs, ends with NULL */
    const cli_example_t *examples;     /* ends with an empty one; may be NULL */
    const cli_option_t *const *tables; /* rows before the shared ones, ends with NULL */
    unsigned share;                    /* CLI_SHARE_... */
    size_t args_size;
    cli_run_t run;
};

typedef struct {
    const char *name;
    const char *summary;
} cli_group_t;

/* Both end with an empty row. Only what works stands here. */
extern const cli_group_t cli_groups[];
extern const cli_command_t *const cli_commands[];

/* All rows of a command in the order of its help. */
cli_rows_t cli_command_rows(const cli_command_t *command);

/* "encode fit", or "help". `name` holds at least CLI_COMMAND_NAME bytes. */
enum { CLI_COMMAND_NAME = 48 };
void cli_command_name(const cli_command_t *command, char name[CLI_COMMAND_NAME]);

/* Looks a group up. BA_VALUE names the nearest one. */
int cli_find_group(const char *word, const cli_group_t **group);

/* The command that a group itself is, NULL where it has verbs. */
const cli_command_t *cli_group_command(const cli_group_t *group);

/* Looks a verb of a group up (NULL: the group itself must be a command). BA_VALUE names
 * the nearest one. */
int cli_find_verb(
    const cli_group_t *group, const char *word, const cli_command_t **command);

/* The whole program; returns the exit status. */
int cli_run(int argc, char **argv);

#endif
