/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/table.h"

#include "core/alloc.h"
#include "io/number.h"
#include "io/outfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct ba_table_writer {
    ba_outfile_t *outfile;
    size_t n_cells;  /* of the line so far */
    size_t n_wanted; /* of the first line, 0 before its end */
    size_t n_lines;
};

int
ba_table_create(const char *file, int force, ba_table_writer_t **out)
{
    ba_table_writer_t *writer = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(writer, ba_calloc(1, sizeof *writer));
    BA_TRY(ba_outfile_create(file, force, &writer->outfile));
    *out = writer;
    writer = NULL;
out:
    ba_table_writer_free(writer);
    return status;
}

static int
put(ba_table_writer_t *writer, const char *text)
{
    int status = BA_OK;

    if (writer->n_cells > 0) {
        BA_TRY(ba_outfile_write(writer->outfile, "\t", 1));
    }
    BA_TRY(ba_outfile_write(writer->outfile, text, strlen(text)));
    writer->n_cells++;
out:
    return status;
}

/* As RFC 4180 wants it where a cell holds a quote, and where a line would otherwise be
 * blank. */
static int
put_quoted(ba_table_writer_t *writer, const char *text)
{
    size_t n = 0;
    char *quoted;
    int status = BA_OK;

    BA_TRY_ALLOC(quoted, ba_malloc(strlen(text) + 2, 2));
    quoted[n++] = '"';
    for (const char *c = text; *c; c++) {
        if (*c == '"') {
            quoted[n++] = '"';
        }
        quoted[n++] = *c;
    }
    quoted[n++] = '"';
    quoted[n] = '\0';
    status = put(writer, quoted);
    ba_free(quoted);
out:
    return status;
}

int
ba_table_put_text(ba_table_writer_t *writer, const char *text)
{
    if (strpbrk(text, "\t\n\r")) {
        return ba_fail(BA_VALUE, "%s: cell '%.60s' holds a tab or a line end",
            ba_outfile_path(writer->outfile), text);
    }
    if (strchr(text, '"') || (text[0] == '\0' && writer->n_cells == 0)) {
        return put_quoted(writer, text);
    }
    return put(writer, text);
}

int
ba_table_put_number(ba_table_writer_t *writer, double value, int digits)
{
    char text[64];

    if (digits < 1 || digits > 17) {
        return ba_fail(BA_VALUE, "%s: %d significant digits, expected 1 to 17",
            ba_outfile_path(writer->outfile), digits);
    }
    ba_number_print(value, digits, text, sizeof text);
    return put(writer, text);
}

int
ba_table_put_integer(ba_table_writer_t *writer, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    return put(writer, text);
}

int
ba_table_end_row(ba_table_writer_t *writer)
{
    int status;

    writer->n_lines++;
    if (writer->n_wanted > 0 && writer->n_cells != writer->n_wanted) {
        return ba_fail(BA_VALUE, "%s: line %zu: %zu cells, expected %zu",
            ba_outfile_path(writer->outfile), writer->n_lines, writer->n_cells,
            writer->n_wanted);
    }
    BA_TRY(ba_outfile_write(writer->outfile, "\n", 1));
    writer->n_wanted = writer->n_cells;
    writer->n_cells = 0;
out:
    return status;
}

int
ba_table_finish(ba_table_writer_t *writer)
{
    int status = BA_OK;

    if (writer->n_cells > 0) {
        BA_TRY(ba_table_end_row(writer));
    }
    BA_TRY(ba_outfile_finish(writer->outfile));
out:
    return status;
}

int
ba_table_commit(ba_table_writer_t *writer)
{
    int status = BA_OK;

    BA_TRY(ba_table_finish(writer));
    BA_TRY(ba_outfile_commit(writer->outfile));
out:
    return status;
}

void
ba_table_writer_free(ba_table_writer_t *writer)
{
    if (writer) {
        ba_outfile_free(writer->outfile);
        ba_free(writer);
    }
}
