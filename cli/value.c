/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/value.h"
#include "cli/memory.h"
#include "cli/nearest.h"

#include "brainalign/error.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
fail(const cli_option_t *row, const char *text, const char *wanted)
{
    return ba_fail(BA_VALUE, "--%s: found '%s', wanted %s", row->name, text, wanted);
}

static int
parse_unsigned(const cli_option_t *row, const char *text, uint64_t *target)
{
    char *end;
    unsigned long long number;

    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0') {
        return fail(row, text, "a whole number of 0 or more");
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno == ERANGE || number == CLI_NOT_GIVEN) {
        return fail(row, text, "a number below 2^64 - 1");
    }
    *target = number;
    return BA_OK;
}

/* strtod() alone would also take hexadecimal numbers, infinities and leading blanks. */
static int
is_decimal(const char *text, size_t length)
{
    return length > 0 && strspn(text, "0123456789+-.eE") == length;
}

static int
parse_real(const cli_option_t *row, const char *text, double *target)
{
    char *end = NULL;
    double number = 0;

    if (is_decimal(text, strlen(text))) {
        number = strtod(text, &end);
    }
    if (!end || *end != '\0' || end == text || !isfinite(number)) {
        return fail(row, text, "a number");
    }
    *target = number;
    return BA_OK;
}

static int
parse_size(const cli_option_t *row, const char *text, size_t *target)
{
    static const char suffixes[] = "KMGT";
    const char *wanted = "a size such as 800M or 1.5G (suffixes K, M, G, T)";
    size_t digits = strspn(text, "0123456789.");
    const char *suffix = text[digits] ? strchr(suffixes, text[digits]) : NULL;
    char *end = NULL;
    double bytes;

    if (digits == 0 || (text[digits] && (!suffix || text[digits + 1]))) {
        return fail(row, text, wanted);
    }
    bytes = strtod(text, &end);
    if (end != text + digits) {
        return fail(row, text, wanted);
    }
    if (suffix) {
        bytes = ldexp(bytes, 10 * (int) (suffix - suffixes + 1));
    }
    if (!(bytes >= 1)) {
        return fail(row, text, "at least one byte");
    }
    if (bytes >= ldexp(1, 63)) {
        return fail(row, text, "less than 2^63 bytes");
    }
    *target = (size_t) bytes;
    return BA_OK;
}

/* The word that `words` starts with, without the bar; *words moves past it. */
static void
next_word(const char **words, char word[CLI_LONGEST_WORD + 1])
{
    size_t length = strcspn(*words, "|");
    size_t kept = length < CLI_LONGEST_WORD ? length : CLI_LONGEST_WORD;

    memcpy(word, *words, kept);
    word[kept] = '\0';
    *words += length + ((*words)[length] == '|');
}

/* Index of `text` among the words of "a|b|c". */
static int
parse_word(const cli_option_t *row, const char *words, const char *text, int *target)
{
    const char *rest = words;
    cli_nearest_t nearest = {0};

    for (int index = 0; *rest; index++) {
        char word[CLI_LONGEST_WORD + 1];

        next_word(&rest, word);
        if (strcmp(word, text) == 0) {
            *target = index;
            return BA_OK;
        }
        cli_nearest_offer(&nearest, text, word);
    }
    return ba_fail(BA_VALUE, "--%s: unknown word '%s': nearest is '%s' of %s", row->name,
        text, nearest.word, words);
}

static int
parse_yesno(const cli_option_t *row, const char *text, int *target)
{
    int index = 0;
    int status = parse_word(row, "yes|no", text, &index);

    *target = index == 0;
    return status;
}

static int
parse_preset(const cli_option_t *row, const char *text, cli_preset_t *target)
{
    int index = 0;
    int status = parse_word(row, row->metavar, text, &index);

    target->chosen = status == BA_OK ? &row->presets[index] : NULL;
    return status;
}

static void
append(cli_list_t *list, const char *text)
{
    list->items = cli_realloc(list->items, list->n + 1, sizeof(*list->items));
    list->items[list->n++] = text;
}

int
cli_value_parse(const cli_option_t *row, const char *text, void *target)
{
    switch (row->kind) {
    case CLI_FLAG:
        *(int *) target = 1;
        return BA_OK;
    case CLI_STRING:
        *(const char **) target = text;
        return BA_OK;
    case CLI_STRINGS:
        append(target, text);
        return BA_OK;
    case CLI_SIZE:
        return parse_size(row, text, target);
    case CLI_UNSIGNED:
        return parse_unsigned(row, text, target);
    case CLI_REAL:
        return parse_real(row, text, target);
    case CLI_CHOICE:
        return parse_word(row, row->metavar, text, target);
    case CLI_YESNO:
        return parse_yesno(row, text, target);
    case CLI_PRESET:
        return parse_preset(row, text, target);
    }
    return BA_OK;
}

void
cli_value_unset(const cli_option_t *row, void *target)
{
    switch (row->kind) {
    case CLI_FLAG:
        *(int *) target = 0;
        break;
    case CLI_STRING:
        *(const char **) target = NULL;
        break;
    case CLI_STRINGS:
        *(cli_list_t *) target = (cli_list_t){0};
        break;
    case CLI_SIZE:
        *(size_t *) target = 0;
        break;
    case CLI_UNSIGNED:
        *(uint64_t *) target = CLI_NOT_GIVEN;
        break;
    case CLI_REAL:
        *(double *) target = (double) NAN;
        break;
    case CLI_CHOICE:
    case CLI_YESNO:
        *(int *) target = -1;
        break;
    case CLI_PRESET:
        *(cli_preset_t *) target = (cli_preset_t){0};
        break;
    }
}
