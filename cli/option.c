/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/option.h"
#include "cli/nearest.h"
#include "cli/value.h"

#include "brainalign/error.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The arguments on their way through the parser. */
typedef struct {
    const cli_rows_t *rows;
    char *args;
    size_t n, at;
    const char *const *arguments;
    int only_positional; /* after -- */
    int stopped;
    unsigned char given[CLI_MAX_ROWS];
} parser_t;

static int
is_end(const cli_option_t *row)
{
    return !row->name && !row->metavar;
}

void
cli_rows_add(cli_rows_t *rows, const cli_option_t *table)
{
    for (; !is_end(table); table++) {
        assert(rows->n < CLI_MAX_ROWS);
        rows->row[rows->n++] = table;
    }
}

const char *
cli_rows_section(const cli_rows_t *rows, size_t i)
{
    while (!rows->row[i]->section && i > 0) {
        i--;
    }
    return rows->row[i]->section;
}

const char *
cli_option_metavar(const cli_option_t *row)
{
    if (row->kind == CLI_YESNO) {
        return "yes|no";
    }
    return row->metavar ? row->metavar : "";
}

/* Row of a long option given as NAME or NAME=VALUE (without dashes), or NULL. */
static const cli_option_t *
find_name(const cli_rows_t *rows, const char *name)
{
    size_t length = strcspn(name, "=");

    for (size_t i = 0; i < rows->n; i++) {
        const char *row = rows->row[i]->name;

        if (row && strlen(row) == length && strncmp(row, name, length) == 0) {
            return rows->row[i];
        }
    }
    return NULL;
}

static const cli_option_t *
find_letter(const cli_rows_t *rows, char letter)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (letter && rows->row[i]->letter == letter) {
            return rows->row[i];
        }
    }
    return NULL;
}

/* Whether an argument, as a whole, is an option of this command or the end of options. */
static int
is_option(const cli_rows_t *rows, const char *argument)
{
    if (strncmp(argument, "--", 2) == 0) {
        return argument[2] == '\0' || find_name(rows, argument + 2) != NULL;
    }
    return argument[0] == '-' && argument[1] && !argument[2] &&
           find_letter(rows, argument[1]);
}

/* The option, long or short, that an unknown one was most likely meant to be. */
static cli_nearest_t
nearest_option(const cli_rows_t *rows, const char *typed)
{
    cli_nearest_t nearest = {0};

    for (size_t i = 0; i < rows->n; i++) {
        const cli_option_t *row = rows->row[i];
        char option[CLI_LONGEST_WORD + 1];

        if (row->name) {
            snprintf(option, sizeof(option), "--%s", row->name);
            cli_nearest_offer(&nearest, typed, option);
        }
        if (row->letter) {
            snprintf(option, sizeof(option), "-%c", row->letter);
            cli_nearest_offer(&nearest, typed, option);
        }
    }
    return nearest;
}

static int
fail_unknown(const parser_t *parser, const char *argument)
{
    int length = (int) strcspn(argument, "= ");
    char typed[CLI_LONGEST_WORD + 1];
    cli_nearest_t nearest;

    snprintf(typed, sizeof(typed), "%.*s", length, argument);
    nearest = nearest_option(parser->rows, typed);
    if (argument[length] == ' ') {
        return ba_fail(BA_VALUE,
            "unknown option '%s': a blank inside, wanted option and value as two "
            "arguments or as '%s=...' (in a file of arguments: one per line)",
            argument, nearest.word);
    }
    return ba_fail(BA_VALUE, "unknown option '%s': nearest is '%s'", typed, nearest.word);
}

static size_t
row_index(const cli_rows_t *rows, const cli_option_t *row)
{
    size_t i = 0;

    while (rows->row[i] != row) {
        i++;
    }
    return i;
}

static int
store(parser_t *parser, const cli_option_t *row, const char *text)
{
    size_t i = row_index(parser->rows, row);

    if (row->name && parser->given[i] && row->kind != CLI_STRINGS &&
        row->kind != CLI_FLAG) {
        return ba_fail(BA_VALUE, "--%s: given twice, wanted once", row->name);
    }
    parser->given[i] = 1;
    parser->stopped = row->stops;
    return cli_value_parse(row, text, parser->args + row->offset);
}

/* An option whose value, if it takes one, is the next argument. */
static int
store_with_next(parser_t *parser, const cli_option_t *row)
{
    const char *value;

    if (row->kind == CLI_FLAG) {
        return store(parser, row, NULL);
    }
    if (parser->at == parser->n) {
        return ba_fail(
            BA_VALUE, "--%s: no value, wanted %s", row->name, cli_option_metavar(row));
    }
    value = parser->arguments[parser->at];
    if (is_option(parser->rows, value)) {
        return ba_fail(BA_VALUE, "--%s: found option '%s', wanted a value, %s", row->name,
            value, cli_option_metavar(row));
    }
    parser->at++;
    return store(parser, row, value);
}

static int
parse_long(parser_t *parser, const char *argument)
{
    const cli_option_t *row = find_name(parser->rows, argument + 2);
    const char *value = strchr(argument, '=');

    if (!row) {
        return fail_unknown(parser, argument);
    }
    if (!value) {
        return store_with_next(parser, row);
    }
    if (row->kind == CLI_FLAG) {
        return ba_fail(
            BA_VALUE, "--%s: found value '%s', wanted none", row->name, value + 1);
    }
    return store(parser, row, value + 1);
}

/* -q, -qv, -j 4, -j4. A long option with one dash too few must not turn into "-o utput".
 */
static int
parse_short(parser_t *parser, const char *argument)
{
    if (find_name(parser->rows, argument + 1)) {
        return fail_unknown(parser, argument);
    }
    for (const char *letter = argument + 1; *letter && !parser->stopped; letter++) {
        const cli_option_t *row = find_letter(parser->rows, *letter);
        int status;

        if (!row) {
            return fail_unknown(parser, argument);
        }
        if (row->kind != CLI_FLAG && letter[1]) {
            return store(parser, row, letter + 1);
        }
        status = store_with_next(parser, row);
        if (status != BA_OK) {
            return status;
        }
    }
    return BA_OK;
}

static int
parse_positional(parser_t *parser, const char *argument)
{
    const cli_rows_t *rows = parser->rows;

    for (size_t i = 0; i < rows->n; i++) {
        const cli_option_t *row = rows->row[i];

        if (!row->name && (row->kind == CLI_STRINGS || !parser->given[i])) {
            return store(parser, row, argument);
        }
    }
    if (find_name(rows, argument)) {
        return ba_fail(BA_VALUE, "unexpected argument '%s': nearest is '--%.*s'",
            argument, (int) strcspn(argument, "="), argument);
    }
    return ba_fail(BA_VALUE, "unexpected argument '%s': wanted options only", argument);
}

static int
parse_next(parser_t *parser)
{
    const char *argument = parser->arguments[parser->at++];

    if (parser->only_positional || argument[0] != '-' || argument[1] == '\0') {
        return parse_positional(parser, argument);
    }
    if (strcmp(argument, "--") == 0) {
        parser->only_positional = 1;
        return BA_OK;
    }
    return argument[1] == '-' ? parse_long(parser, argument)
                              : parse_short(parser, argument);
}

static int
fill_unset(const cli_rows_t *rows, char *args)
{
    for (size_t i = 0; i < rows->n; i++) {
        const cli_option_t *row = rows->row[i];
        int status = BA_OK;

        cli_value_unset(row, args + row->offset);
        if (row->value) {
            status = cli_value_parse(row, row->value, args + row->offset);
        }
        if (status != BA_OK) {
            return status;
        }
    }
    return BA_OK;
}

/* The settings of a chosen preset whose options were not given count as given. */
static int
apply_preset(parser_t *parser, const cli_option_t *row)
{
    void *target = parser->args + row->offset;
    cli_preset_t *preset = target;
    int status = BA_OK;

    for (size_t i = 0; preset->chosen && preset->chosen->settings[i].option; i++) {
        const cli_setting_t *setting = &preset->chosen->settings[i];
        const cli_option_t *other = find_name(parser->rows, setting->option);

        assert(other && i < CLI_MAX_SETTINGS);
        if (!parser->given[row_index(parser->rows, other)]) {
            BA_TRY(store(parser, other, setting->value));
            preset->applied[i] = 1;
        }
    }
out:
    return status;
}

static int
apply_presets(parser_t *parser)
{
    int status = BA_OK;

    for (size_t i = 0; i < parser->rows->n; i++) {
        if (parser->rows->row[i]->kind == CLI_PRESET) {
            BA_TRY(apply_preset(parser, parser->rows->row[i]));
        }
    }
out:
    return status;
}

static int
check_required(const parser_t *parser)
{
    for (size_t i = 0; i < parser->rows->n; i++) {
        const cli_option_t *row = parser->rows->row[i];

        if (row->required && !parser->given[i]) {
            return ba_fail(BA_VALUE, "%s%s: not given, wanted %s", row->name ? "--" : "",
                row->name ? row->name : row->metavar,
                row->name ? cli_option_metavar(row) : "at least one");
        }
    }
    return BA_OK;
}

int
cli_options_parse(
    const cli_rows_t *rows, size_t n, const char *const *arguments, void *args)
{
    parser_t parser = {.rows = rows, .args = args, .n = n, .arguments = arguments};
    int status = fill_unset(rows, args);

    while (status == BA_OK && !parser.stopped && parser.at < n) {
        status = parse_next(&parser);
    }
    if (status == BA_OK && !parser.stopped) {
        status = apply_presets(&parser);
    }
    if (status == BA_OK && !parser.stopped) {
        status = check_required(&parser);
    }
    return status;
}

void
cli_options_free(const cli_rows_t *rows, void *args)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->row[i]->kind == CLI_STRINGS) {
            void *target = (char *) args + rows->row[i]->offset;
            cli_list_t *list = target;

            free(list->items);
            *list = (cli_list_t){0};
        }
    }
}
