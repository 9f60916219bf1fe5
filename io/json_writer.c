/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/json_writer.h"

#include "core/alloc.h"
#include "io/number.h"
#include "io/outfile.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

typedef struct {
    char end; /* what closes it */
    ba_json_layout_t layout;
    size_t n_members;
} level_t;

struct ba_json_writer {
    ba_outfile_t *outfile;
    int status; /* of the first write that failed */
    int is_finished;
    size_t depth;
    level_t levels[MAX_DEPTH];
};

static void
put(ba_json_writer_t *json, const void *bytes, size_t n)
{
    if (json->status == BA_OK) {
        json->status = ba_outfile_write(json->outfile, bytes, n);
    }
}

static void
put_text(ba_json_writer_t *json, const char *text)
{
    put(json, text, strlen(text));
}

static void
put_line_end(ba_json_writer_t *json)
{
    put_text(json, "\n");
    for (size_t i = 0; i < json->depth; i++) {
        put_text(json, "  ");
    }
}

/* Length of the valid UTF-8 sequence that starts at `s`, 0 where none does. */
static size_t
sequence_length(const unsigned char *s)
{
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    int is_overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    int is_no_character = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);

    if (length > 1 && (s[0] < 0xC2 || s[0] > 0xF4 || is_overlong || is_no_character)) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static void
put_quoted(ba_json_writer_t *json, const char *text)
{
    const unsigned char *s = (const unsigned char *) text;
    char escape[8];

    put_text(json, "\"");
    while (*s) {
        size_t length = sequence_length(s);

        if (length == 0) {
            put_text(json, "\xEF\xBF\xBD");
            length = 1;
        } else if (*s == '"' || *s == '\\') {
            put_text(json, "\\");
            put(json, s, 1);
        } else if (*s < 0x20 || *s == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", *s);
            put_text(json, escape);
        } else {
            put(json, s, length);
        }
        s += length;
    }
    put_text(json, "\"");
}

/* What stands before a member's value. */
static void
begin(ba_json_writer_t *json, const char *name)
{
    level_t *level = &json->levels[json->depth - 1];

    if (level->n_members++ > 0) {
        put_text(json, level->layout == BA_JSON_LINE ? ", " : ",");
    }
    if (level->layout != BA_JSON_LINE) {
        put_line_end(json);
    }
    if (name) {
        put_quoted(json, name);
        put_text(json, ": ");
    }
}

static void
open_level(ba_json_writer_t *json, char end, ba_json_layout_t layout)
{
    if (json->depth == MAX_DEPTH) {
        json->status = ba_fail(BA_UNSUPPORTED, "JSON: more than %d levels", MAX_DEPTH);
        return;
    }
    put_text(json, end == '}' ? "{" : "[");
    json->levels[json->depth++] = (level_t){end, layout, 0};
}

int
ba_json_create(const char *file, int force, ba_json_writer_t **out)
{
    ba_json_writer_t *json = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(json, ba_calloc(1, sizeof *json));
    BA_TRY(ba_outfile_create(file, force, &json->outfile));
    open_level(json, '}', BA_JSON_LINES);
    *out = json;
    json = NULL;
out:
    ba_json_free(json);
    return status;
}

void
ba_json_string(ba_json_writer_t *json, const char *name, const char *value)
{
    begin(json, name);
    put_quoted(json, value);
}

void
ba_json_number(ba_json_writer_t *json, const char *name, double value)
{
    char text[40] = "null";
    double back = NAN;

    for (int digits = 15; isfinite(value) && digits <= 17 && back != value; digits++) {
        ba_number_print(value, digits, text, sizeof text);
        ba_number_parse(text, &back);
    }
    begin(json, name);
    put_text(json, text);
}

void
ba_json_integer(ba_json_writer_t *json, const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    begin(json, name);
    put_text(json, text);
}

void
ba_json_bool(ba_json_writer_t *json, const char *name, int value)
{
    begin(json, name);
    put_text(json, value ? "true" : "false");
}

void
ba_json_null(ba_json_writer_t *json, const char *name)
{
    begin(json, name);
    put_text(json, "null");
}

void
ba_json_open_object(ba_json_writer_t *json, const char *name, ba_json_layout_t layout)
{
    begin(json, name);
    open_level(json, '}', layout);
}

void
ba_json_open_list(ba_json_writer_t *json, const char *name, ba_json_layout_t layout)
{
    begin(json, name);
    open_level(json, ']', layout);
}

void
ba_json_close(ba_json_writer_t *json)
{
    level_t level = json->levels[--json->depth];

    if (level.layout != BA_JSON_LINE && level.n_members > 0) {
        put_line_end(json);
    }
    put(json, &level.end, 1);
}

int
ba_json_finish(ba_json_writer_t *json)
{
    while (json->depth > 0) {
        ba_json_close(json);
    }
    put_text(json, "\n");
    json->is_finished = 1;
    return json->status == BA_OK ? ba_outfile_finish(json->outfile) : json->status;
}

int
ba_json_commit(ba_json_writer_t *json)
{
    int status = BA_OK;

    if (!json->is_finished) {
        BA_TRY(ba_json_finish(json));
    }
    BA_TRY(ba_outfile_commit(json->outfile));
out:
    return status;
}

void
ba_json_free(ba_json_writer_t *json)
{
    if (json) {
        ba_outfile_free(json->outfile);
        ba_free(json);
    }
}
