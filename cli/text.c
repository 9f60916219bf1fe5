/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/text.h"
#include "cli/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void
reserve(cli_text_t *text, size_t more)
{
    size_t wanted = text->length + more + 1;

    if (wanted > text->capacity) {
        text->capacity = wanted < 128 ? 256 : 2 * wanted;
        text->data = cli_realloc(text->data, text->capacity, 1);
    }
}

void
cli_text_add(cli_text_t *text, const char *more)
{
    size_t length = strlen(more);

    reserve(text, length);
    memcpy(text->data + text->length, more, length + 1);
    text->length += length;
}

void
cli_text_addf(cli_text_t *text, const char *format, ...)
{
    va_list list;
    int length;

    va_start(list, format);
    length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0) {
        return;
    }
    reserve(text, (size_t) length);
    va_start(list, format);
    vsnprintf(text->data + text->length, (size_t) length + 1, format, list);
    va_end(list);
    text->length += (size_t) length;
}

const char *
cli_text_get(const cli_text_t *text)
{
    return text->data ? text->data : "";
}

void
cli_text_free(cli_text_t *text)
{
    free(text->data);
    *text = (cli_text_t){0};
}

const char *
cli_plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void
wrap(FILE *stream, const char *words, size_t column, size_t indent, size_t width,
    const char *line_end)
{
    int at_start = 1;

    for (;;) {
        size_t length;

        words += strspn(words, " ");
        length = strcspn(words, " ");
        if (length == 0) {
            break;
        }
        if (!at_start && column + 1 + length > width) {
            fprintf(stream, "%s%*s", line_end, (int) indent, "");
            column = indent;
        } else if (!at_start) {
            putc(' ', stream);
            column++;
        } else if (column < indent) {
            fprintf(stream, "%*s", (int) (indent - column), "");
            column = indent;
        }
        fprintf(stream, "%.*s", (int) length, words);
        column += length;
        words += length;
        at_start = 0;
    }
    putc('\n', stream);
}

void
cli_text_wrap(FILE *stream, const char *words, size_t column, size_t indent, size_t width)
{
    wrap(stream, words, column, indent, width, "\n");
}

void
cli_text_wrap_command(
    FILE *stream, const char *words, size_t column, size_t indent, size_t width)
{
    wrap(stream, words, column, indent, width - 2, " \\\n");
}
