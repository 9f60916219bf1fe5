/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Praat reads a text file as a stream of free-standing strings, numbers and flags, and
 * skips everything else ("Text file formats" in its manual). So does this reader, and the
 * long form, whose words are comments then, is the short one. */
#include "io/textgrid.h"

#include "core/alloc.h"
#include "io/number.h"
#include "io/textfile.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef enum { END, STRING, NUMBER, FLAG } kind_t;

static const char *const KINDS[] = {"the end", "a string", "a number", "a flag"};

typedef struct {
    const char *file;
    char *at;
    size_t line; /* of `at` */
    kind_t kind; /* of the last token */
    size_t token_line;
    char *text; /* of a string or flag, in the file's own memory */
    double number;
} reader_t;

static int
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void
move(reader_t *reader)
{
    reader->line += *reader->at == '\n';
    reader->at++;
}

/* Up to the next character that may begin a token. */
static void
skip_blanks(reader_t *reader)
{
    while (is_blank(*reader->at) || *reader->at == '!') {
        if (*reader->at == '!') {
            while (*reader->at && *reader->at != '\n') {
                move(reader);
            }
        } else {
            move(reader);
        }
    }
}

/* Undoes doubled quotes in place. */
static int
read_string(reader_t *reader)
{
    char *end = reader->text = ++reader->at;

    for (; *reader->at && (*reader->at != '"' || reader->at[1] == '"'); move(reader)) {
        reader->at += *reader->at == '"';
        *end++ = *reader->at;
    }
    if (!*reader->at) {
        return ba_fail(BA_FORMAT, "%s: line %zu: a quote that is never closed",
            reader->file, reader->token_line);
    }
    reader->at++;
    *end = '\0';
    reader->kind = STRING;
    return BA_OK;
}

/* A word between blanks: a number, a flag, or nothing that counts. */
static void
read_word(reader_t *reader)
{
    char *start = reader->at, last;
    size_t n;

    while (*reader->at && !is_blank(*reader->at)) {
        reader->at++;
    }
    n = (size_t) (reader->at - start);
    last = *reader->at;
    *reader->at = '\0';
    if (ba_number_parse(start, &reader->number) && isfinite(reader->number)) {
        reader->kind = NUMBER;
    } else if (n > 2 && start[0] == '<' && start[n - 1] == '>') {
        reader->kind = FLAG;
        reader->text = start;
    }
    *reader->at = last;
}

static int
next_token(reader_t *reader)
{
    int status = BA_OK;

    for (reader->kind = END; reader->kind == END;) {
        skip_blanks(reader);
        reader->token_line = reader->line;
        if (!*reader->at) {
            break;
        }
        if (*reader->at == '"') {
            BA_TRY(read_string(reader));
        } else {
            read_word(reader);
        }
    }
out:
    return status;
}

static int
expect(reader_t *reader, kind_t kind, const char *what)
{
    int status;

    BA_TRY(next_token(reader));
    if (reader->kind != kind) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: line %zu: found %s, wanted %s, %s", reader->file,
            reader->token_line, KINDS[reader->kind], KINDS[kind], what));
    }
out:
    return status;
}

/* A number of things, each of which takes at least two more bytes of the file. */
static int
expect_count(reader_t *reader, const char *what, size_t *count)
{
    int status;

    BA_TRY(expect(reader, NUMBER, what));
    if (!(reader->number >= 0) || reader->number != floor(reader->number) ||
        reader->number > (double) strlen(reader->at)) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: line %zu: found %g, wanted %s", reader->file,
            reader->token_line, reader->number, what));
    }
    *count = (size_t) reader->number;
out:
    return status;
}

static int
read_entry(reader_t *reader, ba_tier_t *tier)
{
    size_t i = tier->n;
    int status;

    BA_TRY(expect(reader, NUMBER, "the start of an entry"));
    tier->start[i] = tier->stop[i] = reader->number;
    if (tier->is_intervals) {
        BA_TRY(expect(reader, NUMBER, "the end of an interval"));
        tier->stop[i] = reader->number;
    }
    BA_TRY(expect(reader, STRING, "a label"));
    BA_TRY_ALLOC(tier->labels[i], ba_strdup(reader->text));
    tier->n++;
out:
    return status;
}

static int
read_tier(reader_t *reader, ba_tier_t *tier)
{
    size_t n = 0;
    int status;

    BA_TRY(expect(reader, STRING, "the class of a tier"));
    tier->is_intervals = strcmp(reader->text, "IntervalTier") == 0;
    if (!tier->is_intervals && strcmp(reader->text, "TextTier") != 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: line %zu: tier of class '%.60s', wanted IntervalTier or TextTier",
            reader->file, reader->token_line, reader->text));
    }
    BA_TRY(expect(reader, STRING, "the name of a tier"));
    BA_TRY_ALLOC(tier->name, ba_strdup(reader->text));
    BA_TRY(expect(reader, NUMBER, "the start of a tier"));
    BA_TRY(expect(reader, NUMBER, "the end of a tier"));
    BA_TRY(expect_count(reader, "the number of a tier's entries", &n));
    BA_TRY_ALLOC(tier->start, ba_calloc(n, sizeof *tier->start));
    BA_TRY_ALLOC(tier->stop, ba_calloc(n, sizeof *tier->stop));
    BA_TRY_ALLOC(tier->labels, ba_calloc(n, sizeof *tier->labels));
    while (tier->n < n) {
        BA_TRY(read_entry(reader, tier));
    }
out:
    return status;
}

static int
read_head(reader_t *reader)
{
    int status;

    BA_TRY(expect(reader, STRING, "the type of the file"));
    if (strncmp(reader->text, "Praat chronological", 19) == 0) {
        BA_TRY(ba_fail(BA_UNSUPPORTED,
            "%s: a chronological TextGrid, wanted a plain one (save it as text file)",
            reader->file));
    }
    if (strcmp(reader->text, "ooTextFile") != 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: type '%.60s', wanted ooTextFile", reader->file,
            reader->text));
    }
    BA_TRY(expect(reader, STRING, "the class of the object"));
    if (strcmp(reader->text, "TextGrid") != 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: object of class '%.60s', wanted TextGrid",
            reader->file, reader->text));
    }
    BA_TRY(expect(reader, NUMBER, "the start of the file"));
    BA_TRY(expect(reader, NUMBER, "the end of the file"));
    BA_TRY(expect(reader, FLAG, "<exists>"));
    if (strncmp(reader->text, "<exists>", 8) != 0) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s: line %zu: no tiers", reader->file, reader->token_line));
    }
out:
    return status;
}

int
ba_textgrid_read(const char *file, ba_textgrid_t *out)
{
    reader_t reader = {.file = file, .line = 1};
    char *text = NULL;
    size_t n = 0;
    int status;

    *out = (ba_textgrid_t){0};
    BA_TRY(ba_textfile_read(file, &text));
    reader.at = text;
    BA_TRY(read_head(&reader));
    BA_TRY(expect_count(&reader, "the number of tiers", &n));
    BA_TRY_ALLOC(out->tiers, ba_calloc(n, sizeof *out->tiers));
    while (out->n_tiers < n) {
        BA_TRY(read_tier(&reader, &out->tiers[out->n_tiers++]));
    }
out:
    ba_free(text);
    if (status != BA_OK) {
        ba_textgrid_free(out);
    }
    return status;
}

void
ba_textgrid_free(ba_textgrid_t *grid)
{
    for (size_t k = 0; k < grid->n_tiers; k++) {
        ba_tier_t *tier = &grid->tiers[k];

        for (size_t i = 0; i < tier->n; i++) {
            ba_free(tier->labels[i]);
        }
        ba_free(tier->labels);
        ba_free(tier->start);
        ba_free(tier->stop);
        ba_free(tier->name);
    }
    ba_free(grid->tiers);
    *grid = (ba_textgrid_t){0};
}

/* The first bytes, without the zeros that UTF-16 has between ASCII letters. */
static size_t
read_start(const char *file, char *text, size_t size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? pread(fd, text, size - 1, 0) : 0;
    size_t n = 0;

    if (fd >= 0) {
        close(fd);
    }
    for (size_t i = 0; got > 0 && i < (size_t) got; i++) {
        if (text[i] != '\0') {
            text[n++] = text[i];
        }
    }
    text[n] = '\0';
    return n;
}

int
ba_textgrid_is(const char *file)
{
    char start[128];
    size_t n = strlen(file);

    if (read_start(file, start, sizeof start) > 0) {
        return strstr(start, "ooTextFile") != NULL ||
               strstr(start, "Praat chronological") != NULL;
    }
    return n > 9 && strcasecmp(file + n - 9, ".TextGrid") == 0;
}
