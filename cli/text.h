/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A string that grows, and paragraphs wrapped to a width. */
#ifndef BA_CLI_TEXT_H
#define BA_CLI_TEXT_H

#include "brainalign/api.h"

#include <stdio.h>

/* Starts as {0}; `data` is NULL until something was added. */
typedef struct {
    char *data;
    size_t length, capacity;
} cli_text_t;

void cli_text_add(cli_text_t *text, const char *more);
void cli_text_addf(cli_text_t *text, const char *format, ...) BA_PRINTF(2, 3);

/* What was written so far, "" for nothing. Borrowed. */
const char *cli_text_get(const cli_text_t *text);
void cli_text_free(cli_text_t *text);

/* "s" unless n is 1. */
const char *cli_plural(size_t n);

/* Prints words filled to `width` columns. The cursor stands at `column`; later lines
 * start at `indent`. Ends with a line end. */
void cli_text_wrap(
    FILE *stream, const char *words, size_t column, size_t indent, size_t width);

/* The same for a command of the shell: broken lines end with a backslash. */
void cli_text_wrap_command(
    FILE *stream, const char *words, size_t column, size_t indent, size_t width);

#endif
