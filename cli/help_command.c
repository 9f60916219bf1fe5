/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/help.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <stddef.h>

typedef struct {
    cli_common_t common;
    int markdown;
    const char *man_pages;
    const char *group, *verb;
} help_args_t;

static const cli_option_t rows[] = {
    {.section = "What to print",
        .kind = CLI_STRING,
        .metavar = "GROUP",
        .help = "The group of commands to explain.",
        .otherwise = "all",
        .offset = offsetof(help_args_t, group)},
    {.kind = CLI_STRING,
        .metavar = "VERB",
        .help = "The command of that group to explain.",
        .otherwise = "all",
        .offset = offsetof(help_args_t, verb)},
    {.name = "markdown",
        .kind = CLI_FLAG,
        .help = "Print the reference of all commands in Markdown.",
        .offset = offsetof(help_args_t, markdown)},
    {.name = "man-pages",
        .kind = CLI_STRING,
        .metavar = "DIR",
        .help = "Write the manual pages of all commands into a folder.",
        .offset = offsetof(help_args_t, man_pages)},
    {0},
};

static int
help_about(const help_args_t *args)
{
    const cli_group_t *group;
    const cli_command_t *command;
    int status;

    BA_TRY(cli_find_group(args->group, &group));
    if (!args->verb && !cli_group_command(group)) {
        cli_help_group(group);
        return BA_OK;
    }
    BA_TRY(cli_find_verb(group, args->verb, &command));
    cli_help_command(command);
out:
    return status;
}

static const cli_option_t *const tables[] = {rows, NULL};

static int
run(const cli_call_t *call)
{
    const help_args_t *args = call->args;

    if (args->man_pages) {
        return cli_man_write(args->man_pages);
    }
    if (args->markdown) {
        cli_markdown_write(stdout);
    } else if (args->group) {
        return help_about(args);
    } else {
        cli_help_program();
    }
    return BA_OK;
}

static const char *const description[] = {
    "Explains the program, a group of commands or one command, from the tables that "
    "also parse the options.",
    NULL,
};

static const cli_example_t examples[] = {
    {"help datasets info", "what a command does and takes"},
    {"help --man-pages man1", "write the manual pages"},
    {0},
};

const cli_command_t cli_help = {
    .group = "help",
    .summary = "explain the program, a group or a command",
    .description = description,
    .examples = examples,
    .tables = tables,
    .args_size = sizeof(help_args_t),
    .run = run,
};
