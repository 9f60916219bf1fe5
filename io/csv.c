/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libcsv is fed one physical line at a time, so that lines can be counted; what it would
 * let pass in silence (byte order marks, NUL bytes, blank lines, a quote that swallows
 * the rest of the file) is caught here. */
#include "io/csv.h"

#include "core/alloc.h"
#include "io/number.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t) 1 << 18)

/* No cell is longer than this; an opening quote that is never closed is found before it
 * has taken all memory. */
#define MAX_CELL ((size_t) 64 << 20)

typedef struct {
    const char *file;
    ba_csv_take_t *take;
    void *payload;
    struct csv_parser parser;
    int has_parser;
    size_t line;     /* of the byte being read, from 1 */
    size_t row_line; /* where the row being read starts; 0 between rows */
    size_t blank;    /* first blank line since the last row, 0 = none */
    int last_was_cr; /* a line feed that follows belongs to the same line end */
    size_t n_wanted; /* cells per row, 0 before the first */
    char *text;      /* cells of the row, each with its NUL */
    size_t n_text, text_size;
    size_t *starts; /* where in text each cell starts */
    const char **cells;
    size_t n_cells, cells_size;
    unsigned utf8_left;                /* continuation bytes that must follow */
    unsigned char utf8_low, utf8_high; /* range of the next one */
    int status;
} reader_t;

static int
grow_cells(reader_t *reader)
{
    size_t size = reader->cells_size ? 2 * reader->cells_size : 64;
    size_t *starts;
    const char **cells;
    int status = BA_OK;

    BA_TRY_ALLOC(starts, ba_realloc(reader->starts, size, sizeof *starts));
    reader->starts = starts;
    BA_TRY_ALLOC(cells, ba_realloc(reader->cells, size, sizeof *cells));
    reader->cells = cells;
    reader->cells_size = size;
out:
    return status;
}

static int
grow_text(reader_t *reader, size_t needed)
{
    size_t size = reader->text_size ? reader->text_size : 1024;
    char *text;
    int status = BA_OK;

    while (size < needed) {
        size *= 2;
    }
    BA_TRY_ALLOC(text, ba_realloc(reader->text, size, 1));
    reader->text = text;
    reader->text_size = size;
out:
    return status;
}

static void
take_cell(void *bytes, size_t n, void *client)
{
    reader_t *reader = client;
    int status = reader->status;

    BA_TRY(status);
    if (reader->n_cells == reader->cells_size) {
        BA_TRY(grow_cells(reader));
    }
    if (reader->text_size - reader->n_text < n + 1) {
        BA_TRY(grow_text(reader, reader->n_text + n + 1));
    }
    reader->starts[reader->n_cells++] = reader->n_text;
    if (n > 0) {
        memcpy(reader->text + reader->n_text, bytes, n);
    }
    reader->text[reader->n_text + n] = '\0';
    reader->n_text += n + 1;
out:
    reader->status = status;
}

static void
take_row(int terminator, void *client)
{
    reader_t *reader = client;
    ba_csv_row_t row = {
        .cells = reader->cells, .n_cells = reader->n_cells, .line = reader->row_line};

    (void) terminator;
    if (reader->status == BA_OK && reader->n_wanted > 0 &&
        row.n_cells != reader->n_wanted) {
        reader->status = ba_fail(BA_FORMAT, "%s: line %zu: %zu cells, expected %zu",
            reader->file, row.line, row.n_cells, reader->n_wanted);
    }
    if (reader->status == BA_OK) {
        for (size_t i = 0; i < row.n_cells; i++) {
            reader->cells[i] = reader->text + reader->starts[i];
        }
        reader->n_wanted = row.n_cells;
        reader->status = reader->take(reader->payload, &row);
    }
    reader->n_cells = 0;
    reader->n_text = 0;
    reader->row_line = 0;
}

/* libcsv's message is a word; the two ways to break RFC 4180 deserve more. */
static int
fail_parse(const reader_t *reader, size_t line, int code)
{
    if (code == CSV_EPARSE) {
        return ba_fail(BA_FORMAT,
            "%s: line %zu: a quote inside a cell, expected it doubled and the whole cell "
            "in quotes",
            reader->file, line);
    }
    return ba_fail(BA_NOMEM, "%s: line %zu: no memory for a cell", reader->file, line);
}

/* Ranges of the byte after a lead byte that rule out overlong forms, surrogates and code
 * points beyond U+10FFFF (Unicode, table 3-7). */
static int
start_sequence(reader_t *reader, unsigned char c)
{
    reader->utf8_low = 0x80;
    reader->utf8_high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        reader->utf8_left = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        reader->utf8_left = 2;
        reader->utf8_low = c == 0xe0 ? 0xa0 : 0x80;
        reader->utf8_high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        reader->utf8_left = 3;
        reader->utf8_low = c == 0xf0 ? 0x90 : 0x80;
        reader->utf8_high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    return 1;
}

static int
check_byte(reader_t *reader, unsigned char c)
{
    int valid = 1;

    if (c == 0 && reader->utf8_left == 0) {
        return ba_fail(BA_FORMAT, "%s: line %zu: a NUL byte, expected text", reader->file,
            reader->line);
    }
    if (reader->utf8_left > 0) {
        valid = c >= reader->utf8_low && c <= reader->utf8_high;
        reader->utf8_left--;
        reader->utf8_low = 0x80;
        reader->utf8_high = 0xbf;
    } else if (c >= 0x80) {
        valid = start_sequence(reader, c);
    }
    if (!valid) {
        return ba_fail(BA_FORMAT, "%s: line %zu: byte 0x%02x is not valid UTF-8",
            reader->file, reader->line, c);
    }
    return BA_OK;
}

static int
fail_blank(const reader_t *reader)
{
    return ba_fail(BA_FORMAT, "%s: line %zu: blank line, expected %zu cells",
        reader->file, reader->blank, reader->n_wanted ? reader->n_wanted : 1);
}

/* Hands libcsv bytes of one physical line (all of it or its next part). */
static int
feed_line(reader_t *reader, const unsigned char *bytes, size_t n)
{
    int is_start = reader->row_line == 0;

    if (is_start && n == 1 && (bytes[0] == '\n' || bytes[0] == '\r')) {
        if (!reader->last_was_cr || bytes[0] == '\r') {
            reader->blank = reader->blank ? reader->blank : reader->line;
        }
        return BA_OK;
    }
    if (is_start) {
        if (reader->blank) {
            return fail_blank(reader);
        }
        reader->row_line = reader->line;
    }
    if (csv_parse(&reader->parser, bytes, n, take_cell, take_row, reader) != n) {
        return fail_parse(reader, reader->line, csv_error(&reader->parser));
    }
    if (csv_get_buffer_size(&reader->parser) > MAX_CELL) {
        return ba_fail(BA_FORMAT,
            "%s: line %zu: a cell longer than %zu MiB (a quote never closed?)",
            reader->file, reader->row_line, MAX_CELL >> 20);
    }
    return reader->status;
}

static int
feed(reader_t *reader, const unsigned char *bytes, size_t n)
{
    size_t start = 0;
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = bytes[i];

        BA_TRY(check_byte(reader, c));
        if (c != '\n' && c != '\r') {
            continue;
        }
        BA_TRY(feed_line(reader, bytes + start, i + 1 - start));
        /* "\r\n" ends one line: it was counted at the '\r'. */
        reader->line += !(c == '\n' && i == start && reader->last_was_cr);
        reader->last_was_cr = c == '\r';
        start = i + 1;
    }
    if (start < n) {
        BA_TRY(feed_line(reader, bytes + start, n - start));
        reader->last_was_cr = 0;
    }
out:
    return status;
}

static int
no_space(unsigned char c)
{
    (void) c;
    return 0;
}

static void *
grow_cell(void *block, size_t n_bytes)
{
    return ba_realloc(block, n_bytes, 1);
}

static int
start_parser(reader_t *reader, const unsigned char *bytes, size_t n)
{
    size_t end = 0;

    if (csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return ba_fail(BA_NOMEM, "%s: the parser could not be started", reader->file);
    }
    reader->has_parser = 1;
    while (end < n && bytes[end] != '\n' && bytes[end] != '\r') {
        end++;
    }
    if (end > 0 && memchr(bytes, '\t', end)) {
        csv_set_delim(&reader->parser, CSV_TAB);
    }
    csv_set_space_func(&reader->parser, no_space);
    csv_set_realloc_func(&reader->parser, grow_cell);
    csv_set_free_func(&reader->parser, ba_free);
    return BA_OK;
}

/* Fills `buffer` as far as the file goes. */
static int
fill(int fd, const char *file, unsigned char *buffer, size_t *n)
{
    *n = 0;
    while (*n < BUFFER_SIZE) {
        ssize_t got = read(fd, buffer + *n, BUFFER_SIZE - *n);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ba_fail(BA_IO, "%s: cannot read: %s", file, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        *n += (size_t) got;
    }
    return BA_OK;
}

static int
finish(reader_t *reader)
{
    if (reader->utf8_left > 0) {
        return ba_fail(BA_FORMAT, "%s: line %zu: ends within a UTF-8 character",
            reader->file, reader->line);
    }
    if (csv_fini(&reader->parser, take_cell, take_row, reader) != 0) {
        return ba_fail(BA_FORMAT, "%s: line %zu: a quote that is never closed",
            reader->file, reader->row_line);
    }
    return reader->status;
}

static int
read_all(reader_t *reader, int fd, unsigned char *buffer)
{
    size_t n, skip = 0;
    int status;

    BA_TRY(fill(fd, reader->file, buffer, &n));
    if (n >= 2 &&
        (memcmp(buffer, "\xff\xfe", 2) == 0 || memcmp(buffer, "\xfe\xff", 2) == 0)) {
        return ba_fail(BA_FORMAT, "%s: line 1: UTF-16, expected UTF-8", reader->file);
    }
    if (n >= 3 && memcmp(buffer, "\xef\xbb\xbf", 3) == 0) {
        skip = 3;
    }
    BA_TRY(start_parser(reader, buffer + skip, n - skip));
    while (n > 0) {
        BA_TRY(feed(reader, buffer + skip, n - skip));
        skip = 0;
        BA_TRY(fill(fd, reader->file, buffer, &n));
    }
    BA_TRY(finish(reader));
out:
    return status;
}

static int
open_text(const char *file, int *fd)
{
    struct stat info;

    *fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    if (fstat(*fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(*fd);
        *fd = -1;
        return ba_fail(BA_IO, "%s: cannot open: not a regular file", file);
    }
    return BA_OK;
}

int
ba_csv_read(const char *file, ba_csv_take_t *take, void *payload)
{
    reader_t reader = {.file = file, .take = take, .payload = payload, .line = 1};
    unsigned char *buffer = NULL;
    int fd = -1;
    int status;

    BA_TRY(open_text(file, &fd));
    BA_TRY_ALLOC(buffer, ba_malloc(BUFFER_SIZE, 1));
    BA_TRY(read_all(&reader, fd, buffer));
out:
    if (fd >= 0) {
        close(fd);
    }
    if (reader.has_parser) {
        csv_free(&reader.parser);
    }
    ba_free(reader.text);
    ba_free(reader.starts);
    ba_free(reader.cells);
    ba_free(buffer);
    return status;
}

int
ba_csv_is_header(const ba_csv_row_t *row)
{
    double value;

    for (size_t i = 0; i < row->n_cells; i++) {
        if (ba_number_parse(row->cells[i], &value)) {
            return 0;
        }
    }
    return 1;
}

char *
ba_csv_label(const char *cell)
{
    size_t n;
    char *label;

    cell += strspn(cell, " \t");
    n = strlen(cell);
    while (n > 0 && (cell[n - 1] == ' ' || cell[n - 1] == '\t')) {
        n--;
    }
    label = ba_malloc(n + 1, 1);
    if (label) {
        memcpy(label, cell, n);
        label[n] = '\0';
    }
    return label;
}
