/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/source.h"

#include "core/alloc.h"

#include <string.h>
#include <unistd.h>

/* Reads digits up to `end`; *value keeps its default when there are none. */
static int
parse_bound(const char *spec, const char *text, const char *end, size_t *value)
{
    size_t n = 0;

    if (text == end) {
        return BA_OK;
    }
    for (const char *c = text; c < end; c++) {
        if (*c < '0' || *c > '9') {
            return ba_fail(BA_VALUE, "%s: bound '%.*s', expected a whole number from 0",
                spec, (int) (end - text), text);
        }
        if (__builtin_mul_overflow(n, (size_t) 10, &n) ||
            __builtin_add_overflow(n, (size_t) (*c - '0'), &n)) {
            return ba_fail(BA_VALUE, "%s: bound '%.*s' is too large", spec,
                (int) (end - text), text);
        }
    }
    *value = n;
    return BA_OK;
}

static int
parse_range(const char *spec, const char *what, const char *text, const char *end,
    size_t *start, size_t *stop)
{
    const char *colon = memchr(text, ':', (size_t) (end - text));
    int status = BA_OK;

    *start = 0;
    *stop = SIZE_MAX;
    if (text == end) {
        return BA_OK;
    }
    if (!colon) {
        return ba_fail(BA_VALUE, "%s: %s '%.*s', expected a half-open range a:b", spec,
            what, (int) (end - text), text);
    }
    BA_TRY(parse_bound(spec, text, colon, start));
    BA_TRY(parse_bound(spec, colon + 1, end, stop));
    if (*start >= *stop) {
        return ba_fail(BA_VALUE, "%s: %s %zu:%zu, expected a start below the stop", spec,
            what, *start, *stop);
    }
out:
    return status;
}

/* [ROWS,COLS] between `open` and the closing bracket at `end`. */
static int
parse_ranges(const char *spec, const char *open, const char *end, ba_spec_t *out)
{
    const char *comma = memchr(open, ',', (size_t) (end - open));
    int status;

    if (!comma || memchr(comma + 1, ',', (size_t) (end - comma - 1))) {
        return ba_fail(BA_VALUE, "%s: ranges '%.*s', expected [ROWS,COLS]", spec,
            (int) (end - open + 1), open);
    }
    BA_TRY(parse_range(spec, "rows", open + 1, comma, &out->row_start, &out->row_stop));
    BA_TRY(parse_range(spec, "columns", comma + 1, end, &out->col_start, &out->col_stop));
out:
    return status;
}

/* Splits FILE[:PATH]. A data set may have colons in its name and a file too: the split is
 * at the last colon before which an existing file is named, else at the last one. */
static int
split_path(const char *text, ba_spec_t *out)
{
    size_t n = strlen(text);
    size_t split = 0; /* 0: no path, since FILE is not empty */
    int status = BA_OK;

    BA_TRY_ALLOC(out->file, ba_strdup(text));
    if (access(text, F_OK) == 0) {
        return BA_OK;
    }
    for (size_t i = n - 1; i-- > 1;) {
        int exists;

        if (text[i] != ':') {
            continue;
        }
        out->file[i] = '\0';
        exists = access(out->file, F_OK) == 0;
        out->file[i] = ':';
        if (exists || (split == 0 && text[n - 1] != ':')) {
            split = i;
        }
        if (exists) {
            break;
        }
    }
    if (split > 0) {
        BA_TRY_ALLOC(out->path, ba_strdup(text + split + 1));
        out->file[split] = '\0';
    }
out:
    return status;
}

int
ba_spec_parse(const char *spec, ba_spec_t *out)
{
    size_t n = strlen(spec);
    char *text = NULL;
    char *open;
    int status = BA_OK;

    *out = (ba_spec_t){.row_stop = SIZE_MAX, .col_stop = SIZE_MAX};
    BA_TRY_ALLOC(text, ba_strdup(spec));
    if (n > 0 && text[n - 1] == ']' && access(spec, F_OK) != 0) {
        open = strrchr(text, '[');
        if (!open) {
            status = ba_fail(BA_VALUE, "%s: a ']' without its '['", spec);
            goto out;
        }
        BA_TRY(parse_ranges(spec, open, text + n - 1, out));
        *open = '\0';
    }
    if (text[0] == '\0' || text[0] == ':') {
        status = ba_fail(
            BA_VALUE, "'%s': no file name, expected FILE[:PATH][[ROWS,COLS]]", spec);
        goto out;
    }
    BA_TRY(split_path(text, out));
out:
    ba_free(text);
    if (status != BA_OK) {
        ba_spec_free(out);
    }
    return status;
}

void
ba_spec_free(ba_spec_t *spec)
{
    if (spec) {
        ba_free(spec->file);
        ba_free(spec->path);
        *spec = (ba_spec_t){.row_stop = SIZE_MAX, .col_stop = SIZE_MAX};
    }
}
