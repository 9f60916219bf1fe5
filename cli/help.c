/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/help.h"
#include "cli/exit.h"

#include "brainalign/version.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 90, OPTION_COLUMN = 30, NAME_COLUMN = 14 };

char *
cli_help_sentences(const cli_option_t *row)
{
    cli_text_t text = {0};

    cli_text_add(&text, row->help);
    for (const cli_presets_t *preset = row->presets; preset && preset->name; preset++) {
        cli_text_addf(&text, " %s (%s):", preset->name, preset->what);
        for (const cli_setting_t *one = preset->settings; one->option; one++) {
            cli_text_addf(&text, " --%s%s%s%s", one->option, one->value ? " " : "",
                one->value ? one->value : "", one[1].option ? "" : ".");
        }
    }
    if (row->kind == CLI_STRINGS && row->name) {
        cli_text_add(&text, " Repeatable.");
    }
    if (row->required) {
        cli_text_add(&text, " Required.");
    }
    if (row->value || row->otherwise) {
        cli_text_addf(&text, " (default: %s)", row->value ? row->value : row->otherwise);
    }
    return text.data;
}

char *
cli_help_synopsis(const cli_command_t *command)
{
    cli_rows_t rows = cli_command_rows(command);
    cli_text_t text = {0};
    char name[CLI_COMMAND_NAME];

    cli_command_name(command, name);
    cli_text_addf(&text, "%s [options]", name);
    for (size_t i = 0; i < rows.n; i++) {
        const cli_option_t *row = rows.row[i];

        if (!row->name) {
            cli_text_addf(&text, row->required ? " %s%s" : " [%s%s]", row->metavar,
                row->kind == CLI_STRINGS ? "..." : "");
        }
    }
    return text.data;
}

static void
print_paragraph(const char *paragraph)
{
    if (paragraph[0] == ' ') {
        printf("   %s\n", paragraph);
    } else {
        cli_text_wrap(stdout, paragraph, 0, 0, WIDTH);
    }
}

/* A blank line stands between paragraphs, none between literal lines. */
static void
print_paragraphs(const char *const *paragraphs)
{
    for (size_t i = 0; paragraphs[i]; i++) {
        if (i > 0 && !(paragraphs[i][0] == ' ' && paragraphs[i - 1][0] == ' ')) {
            putchar('\n');
        }
        print_paragraph(paragraphs[i]);
    }
}

static void
print_entry(const char *left, size_t column, const char *words)
{
    size_t length = strlen(left);

    fputs(left, stdout);
    if (length + 2 > column) {
        putchar('\n');
        length = 0;
    }
    cli_text_wrap(stdout, words, length, column, WIDTH);
}

static void
print_option(const cli_option_t *row)
{
    const char *metavar = cli_option_metavar(row);
    char *sentences = cli_help_sentences(row);
    cli_text_t left = {0};

    if (!row->name) {
        cli_text_addf(&left, "  %s", metavar);
    } else if (row->letter) {
        cli_text_addf(&left, "  -%c, --%s", row->letter, row->name);
    } else {
        cli_text_addf(&left, "      --%s", row->name);
    }
    if (row->name && *metavar) {
        cli_text_addf(&left, " %s", metavar);
    }
    print_entry(left.data, OPTION_COLUMN, sentences);
    cli_text_free(&left);
    free(sentences);
}

static void
print_options(const cli_command_t *command)
{
    cli_rows_t rows = cli_command_rows(command);
    const char *section = "";

    for (size_t i = 0; i < rows.n; i++) {
        const char *of_row = cli_rows_section(&rows, i);

        if (strcmp(section, of_row) != 0) {
            printf("\n%s\n", of_row);
            section = of_row;
        }
        print_option(rows.row[i]);
    }
}

static void
print_examples(const cli_example_t *examples)
{
    if (examples) {
        puts("\nExamples");
    }
    for (; examples && examples->command; examples++) {
        printf("  # %s\n", examples->what);
        printf("  brainalign ");
        cli_text_wrap_command(stdout, examples->command, 13, 6, WIDTH);
    }
}

void
cli_help_command(const cli_command_t *command)
{
    char *synopsis = cli_help_synopsis(command);

    printf("Usage: brainalign %s\n\n", synopsis);
    print_paragraphs(command->description);
    print_options(command);
    print_examples(command->examples);
    free(synopsis);
}

static void
print_commands(const cli_group_t *group)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        if (strcmp(cli_commands[i]->group, group->name) == 0) {
            char name[CLI_COMMAND_NAME];
            cli_text_t left = {0};

            cli_command_name(cli_commands[i], name);
            cli_text_addf(&left, "  %s", name);
            print_entry(left.data, OPTION_COLUMN - 8, cli_commands[i]->summary);
            cli_text_free(&left);
        }
    }
}

void
cli_help_group(const cli_group_t *group)
{
    printf("Usage: brainalign %s VERB [options]\n\n", group->name);
    printf("%s\n\n", group->summary);
    print_commands(group);
    printf("\n'brainalign %s VERB --help' says more.\n", group->name);
}

static void
print_exit_statuses(void)
{
    puts("\nExit status");
    for (const cli_exit_row_t *row = cli_exit_rows; row->words; row++) {
        char left[16];

        snprintf(left, sizeof(left), "  %3d", row->status);
        cli_text_wrap(
            stdout, row->words, (size_t) printf("%s", left), NAME_COLUMN / 2, WIDTH);
    }
}

static const char about[] =
    "How well do the neurons of a language model predict a brain, which of them do, "
    "and what does the brain say back?";

void
cli_help_program(void)
{
    puts("Usage: brainalign GROUP VERB [options]\n");
    cli_text_wrap(stdout, about, 0, 0, WIDTH);
    for (const cli_group_t *group = cli_groups; group->name; group++) {
        printf("\n%s\n", group->summary);
        print_commands(group);
    }
    puts("\n'brainalign GROUP VERB --help' or 'brainalign help GROUP VERB' says more.");
    for (const cli_topic_t *topic = cli_topics; topic->heading; topic++) {
        printf("\n%s\n", topic->heading);
        print_paragraphs(topic->paragraphs);
    }
    print_exit_statuses();
}
