/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/argfile.h"
#include "cli/memory.h"

#include "brainalign/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static void
add(cli_arguments_t *arguments, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = cli_calloc(length, 1);

    memcpy(copy, text, length);
    arguments->items =
        cli_realloc(arguments->items, arguments->n + 1, sizeof(*arguments->items));
    arguments->items[arguments->n++] = copy;
}

/* The line without line end and surrounding blanks, NULL for an empty line or a comment.
 */
static char *
strip(char *line, size_t number)
{
    static const char blanks[] = " \t\r\n\f\v";
    size_t length;

    if (number == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
    }
    line += strspn(line, blanks);
    length = strlen(line);
    while (length > 0 && strchr(blanks, line[length - 1])) {
        line[--length] = '\0';
    }
    return length == 0 || line[0] == '#' ? NULL : line;
}

static int
add_line(cli_arguments_t *out, const char *file, size_t number, char *line, size_t length)
{
    if (strlen(line) != length) {
        return ba_fail(BA_FORMAT, "%s:%zu: found a zero byte, wanted text", file, number);
    }
    line = strip(line, number);
    if (!line) {
        return BA_OK;
    }
    if (line[0] == '@') {
        return ba_fail(BA_VALUE,
            "%s:%zu: found '%s', wanted no file of arguments inside one", file, number,
            line);
    }
    add(out, line);
    return BA_OK;
}

static int
add_file(cli_arguments_t *out, const char *file)
{
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t length;
    int status = BA_OK;
    FILE *stream = fopen(file, "r");

    if (!stream) {
        return ba_fail(BA_IO, "@%s: cannot open: %s", file, strerror(errno));
    }
    errno = 0;
    while (status == BA_OK && (length = getline(&line, &capacity, stream)) >= 0) {
        status = add_line(out, file, ++number, line, (size_t) length);
    }
    if (status == BA_OK && !feof(stream)) {
        status = ba_fail(BA_IO, "@%s: cannot read: %s", file, strerror(errno));
    }
    free(line);
    fclose(stream);
    return status;
}

static int
has_ended(const cli_arguments_t *arguments)
{
    for (size_t i = 0; i < arguments->n; i++) {
        if (strcmp(arguments->items[i], "--") == 0) {
            return 1;
        }
    }
    return 0;
}

int
cli_arguments_expand(size_t n, char *const *given, cli_arguments_t *out)
{
    int status = BA_OK;

    add(out, "brainalign");
    for (size_t i = 0; i < n && status == BA_OK; i++) {
        if (given[i][0] == '@' && given[i][1] && !has_ended(out)) {
            status = add_file(out, given[i] + 1);
        } else {
            add(out, given[i]);
        }
    }
    return status;
}

void
cli_arguments_free(cli_arguments_t *arguments)
{
    for (size_t i = 0; i < arguments->n; i++) {
        free(arguments->items[i]);
    }
    free(arguments->items);
    *arguments = (cli_arguments_t){0};
}
