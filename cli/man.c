/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Manual pages in the man macros. */
#include "cli/exit.h"
#include "cli/help.h"

#include "brainalign/error.h"
#include "brainalign/version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Shown at the foot of every page; a constant, so that builds stay reproducible. */
static const char manual_date[] = "2026-11-25";

/* Text that is to appear as it stands. Dashes stay dashes that can be copied, and no line
 * begins with a request. */
static void
put(FILE *page, const char *text)
{
    static const struct {
        char c;
        const char *roff;
    } escapes[] = {{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"},
        {'^', "\\(ha"}, {'~', "\\(ti"}};

    if (*text == '.') {
        fputs("\\&", page);
    }
    for (; *text; text++) {
        const char *roff = NULL;

        for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
            roff = *text == escapes[i].c ? escapes[i].roff : roff;
        }
        if (roff) {
            fputs(roff, page);
        } else {
            putc(*text, page);
        }
    }
}

static void
put_line(FILE *page, const char *text)
{
    put(page, text);
    putc('\n', page);
}

/* Words filled to short lines, which is how roff sources are kept. */
static void
put_filled(FILE *page, const char *text)
{
    cli_text_t line = {0};

    while (*text) {
        size_t length = strcspn(text, " ");

        if (line.length > 0 && line.length + length > 60) {
            put_line(page, line.data);
            line.length = 0;
        }
        cli_text_addf(&line, "%s%.*s", line.length > 0 ? " " : "", (int) length, text);
        text += length + strspn(text + length, " ");
    }
    put_line(page, cli_text_get(&line));
    cli_text_free(&line);
}

/* Paragraphs after the first of a section need a break; literal lines keep their line
 * ends. */
static void
put_paragraphs(FILE *page, const char *const *paragraphs)
{
    int literal = 0;

    for (size_t i = 0; paragraphs[i]; i++) {
        int is_literal = paragraphs[i][0] == ' ';

        if (is_literal && !literal) {
            fputs(".PP\n.RS 4\n.nf\n", page);
        } else if (!is_literal && literal) {
            fputs(".fi\n.RE\n.PP\n", page);
        } else if (!is_literal && i > 0) {
            fputs(".PP\n", page);
        }
        literal = is_literal;
        if (is_literal) {
            put_line(page, paragraphs[i] + 1);
        } else {
            put_filled(page, paragraphs[i]);
        }
    }
    if (literal) {
        fputs(".fi\n.RE\n", page);
    }
}

static void
put_option(FILE *page, const cli_option_t *row)
{
    const char *metavar = cli_option_metavar(row);
    char *sentences = cli_help_sentences(row);

    fputs(".TP\n", page);
    if (row->letter) {
        fprintf(page, "\\fB\\-%c\\fP, ", row->letter);
    }
    if (row->name) {
        fputs("\\fB\\-\\-", page);
        put(page, row->name);
        fputs(*metavar ? "\\fP " : "\\fP", page);
    }
    if (*metavar) {
        fputs("\\fI", page);
        put(page, metavar);
        fputs("\\fP", page);
    }
    putc('\n', page);
    put_filled(page, sentences);
    free(sentences);
}

static void
put_options(FILE *page, const cli_command_t *command)
{
    cli_rows_t rows = cli_command_rows(command);
    const char *section = "";

    fputs(".SH OPTIONS\n", page);
    for (size_t i = 0; i < rows.n; i++) {
        const char *of_row = cli_rows_section(&rows, i);

        if (strcmp(section, of_row) != 0) {
            fputs(".SS ", page);
            put_line(page, of_row);
            section = of_row;
        }
        put_option(page, rows.row[i]);
    }
}

static void
put_examples(FILE *page, const cli_example_t *examples)
{
    if (examples) {
        fputs(".SH EXAMPLES\n", page);
    }
    for (; examples && examples->command; examples++) {
        fputs(".TP\n", page);
        put_line(page, examples->what);
        fputs("brainalign\n", page);
        put_filled(page, examples->command);
    }
}

static void
put_exit_statuses(FILE *page)
{
    fputs(".SH EXIT STATUS\n", page);
    for (const cli_exit_row_t *row = cli_exit_rows; row->words; row++) {
        fprintf(page, ".TP\n%d\n", row->status);
        put_filled(page, row->words);
    }
}

/* "brainalign-encode-fit" */
static void
page_name(const cli_command_t *command, char name[CLI_COMMAND_NAME + 12])
{
    char words[CLI_COMMAND_NAME];

    cli_command_name(command, words);
    for (char *c = words; *c; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
    snprintf(name, CLI_COMMAND_NAME + 12, "brainalign-%s", words);
}

static void
put_header(FILE *page, const char *name, const char *summary)
{
    fputs(".TH ", page);
    for (const char *c = name; *c; c++) {
        fputs(*c == '-' ? "\\" : "", page);
        putc(toupper((unsigned char) *c), page);
    }
    fprintf(page, " 1 \"%s\" \"brainalign %s\" \"brainalign manual\"\n", manual_date,
        ba_version());
    fputs(".SH NAME\n", page);
    put(page, name);
    fputs(" \\-\n", page);
    put_filled(page, summary);
    fputs(".SH SYNOPSIS\n", page);
}

static void
put_command_page(FILE *page, const cli_command_t *command)
{
    char name[CLI_COMMAND_NAME + 12];
    char *synopsis = cli_help_synopsis(command);

    page_name(command, name);
    put_header(page, name, command->summary);
    fputs(".B brainalign\n", page);
    put_line(page, synopsis);
    fputs(".SH DESCRIPTION\n", page);
    put_paragraphs(page, command->description);
    put_options(page, command);
    put_exit_statuses(page);
    put_examples(page, command->examples);
    fputs(".SH SEE ALSO\n.BR brainalign (1)\n", page);
    free(synopsis);
}

static void
put_program_page(FILE *page, const cli_command_t *unused)
{
    (void) unused;
    put_header(page, "brainalign", "language model neurons, brain responses and words");
    fputs(".B brainalign\n.I GROUP VERB\n[options]\n.SH DESCRIPTION\n", page);
    put_filled(page,
        "Says how well the neurons of a language model predict a brain, which of "
        "them do, and what the brain says back.");
    fputs(".SH COMMANDS\n", page);
    for (size_t i = 0; cli_commands[i]; i++) {
        char name[CLI_COMMAND_NAME + 12];

        page_name(cli_commands[i], name);
        fputs(".TP\n.BR ", page);
        put(page, name);
        fputs(" (1)\n", page);
        put_filled(page, cli_commands[i]->summary);
    }
    for (const cli_topic_t *topic = cli_topics; topic->heading; topic++) {
        fputs(".SH ", page);
        put_line(page, topic->heading);
        put_paragraphs(page, topic->paragraphs);
    }
    put_exit_statuses(page);
}

static int
write_page(const char *folder, const char *name, const cli_command_t *command,
    void (*put_page)(FILE *, const cli_command_t *))
{
    cli_text_t file = {0}, temporary = {0};
    int status = BA_OK;
    FILE *page;

    cli_text_addf(&file, "%s/%s.1", folder, name);
    cli_text_addf(&temporary, "%s.part", file.data);
    page = fopen(temporary.data, "w");
    if (!page) {
        status = ba_fail(BA_IO, "%s: cannot open: %s", temporary.data, strerror(errno));
        goto out;
    }
    put_page(page, command);
    if (ferror(page) | fclose(page) || rename(temporary.data, file.data) != 0) {
        status = ba_fail(BA_IO, "%s: cannot write: %s", file.data, strerror(errno));
        remove(temporary.data);
    }
out:
    cli_text_free(&file);
    cli_text_free(&temporary);
    return status;
}

int
cli_man_write(const char *folder)
{
    int status;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return ba_fail(BA_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
    }
    BA_TRY(write_page(folder, "brainalign", NULL, put_program_page));
    for (size_t i = 0; cli_commands[i]; i++) {
        char name[CLI_COMMAND_NAME + 12];

        page_name(cli_commands[i], name);
        BA_TRY(write_page(folder, name, cli_commands[i], put_command_page));
    }
out:
    return status;
}
