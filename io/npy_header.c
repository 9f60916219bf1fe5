/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/npy_header.h"

#include "core/alloc.h"

#include <string.h>

/* A dictionary of plain numbers takes about a hundred bytes. */
#define MAX_HEADER ((size_t) 1 << 20)

int
ba_npy_prefix(const char *file, const unsigned char *head, size_t n_head,
    size_t file_size, size_t *start, size_t *n)
{
    if (n_head < 10 || memcmp(head, "\x93NUMPY", 6) != 0) {
        return ba_fail(
            BA_FORMAT, "%s: not an NPY file, or cut within its first bytes", file);
    }
    if (head[6] < 1 || head[6] > 3) {
        return ba_fail(
            BA_FORMAT, "%s: NPY version %u, expected 1, 2 or 3", file, head[6]);
    }
    *start = head[6] == 1 ? 10 : 12;
    *n = (size_t) head[8] | (size_t) head[9] << 8;
    if (head[6] > 1) {
        if (n_head < 12) {
            return ba_fail(BA_FORMAT, "%s: cut within its first bytes", file);
        }
        *n |= (size_t) head[10] << 16 | (size_t) head[11] << 24;
    }
    if (*n > MAX_HEADER || *n > file_size - *start) {
        return ba_fail(BA_FORMAT, "%s: header of %zu bytes, the file has %zu after it",
            file, *n, file_size - *start);
    }
    return BA_OK;
}

typedef struct {
    const char *file;
    const char *at;
    const char *end;
} cursor_t;

static void
skip_space(cursor_t *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) && *cursor->at) {
        cursor->at++;
    }
}

/* Takes one character after any space; 0 when another one stands there. */
static int
take(cursor_t *cursor, char c)
{
    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == c) {
        cursor->at++;
        return 1;
    }
    return 0;
}

static int
fail_header(const cursor_t *cursor, const char *wanted)
{
    int n = cursor->end - cursor->at < 20 ? (int) (cursor->end - cursor->at) : 20;

    return ba_fail(BA_FORMAT, "%s: NPY header: '%.*s', expected %s", cursor->file, n,
        cursor->at, wanted);
}

/* A quoted string without escapes: *text is not terminated. */
static int
take_string(cursor_t *cursor, const char **text, size_t *n)
{
    const char *close;
    char quote;

    skip_space(cursor);
    if (cursor->at == cursor->end || (*cursor->at != '\'' && *cursor->at != '"')) {
        return fail_header(cursor, "a string in quotes");
    }
    quote = *cursor->at;
    close = memchr(cursor->at + 1, quote, (size_t) (cursor->end - cursor->at - 1));
    if (!close) {
        return fail_header(cursor, "a string in quotes");
    }
    *text = cursor->at + 1;
    *n = (size_t) (close - *text);
    cursor->at = close + 1;
    return BA_OK;
}

static int
take_word(cursor_t *cursor, const char *word)
{
    size_t n = strlen(word);

    skip_space(cursor);
    if ((size_t) (cursor->end - cursor->at) < n || memcmp(cursor->at, word, n) != 0) {
        return 0;
    }
    cursor->at += n;
    return 1;
}

static int
parse_order(cursor_t *cursor, npy_header_t *out)
{
    if (take_word(cursor, "True")) {
        out->fortran_order = 1;
    } else if (take_word(cursor, "False")) {
        out->fortran_order = 0;
    } else {
        return fail_header(cursor, "True or False");
    }
    return BA_OK;
}

/* Python 2 wrote large sizes as 10L. */
static int
parse_size(cursor_t *cursor, size_t *value)
{
    const char *first;

    skip_space(cursor);
    first = cursor->at;
    for (*value = 0; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
         cursor->at++) {
        if (__builtin_mul_overflow(*value, (size_t) 10, value) ||
            __builtin_add_overflow(*value, (size_t) (*cursor->at - '0'), value)) {
            return ba_fail(
                BA_FORMAT, "%s: NPY header: a size beyond 64 bits", cursor->file);
        }
    }
    if (cursor->at == first) {
        return fail_header(cursor, "a size");
    }
    take(cursor, 'L');
    return BA_OK;
}

static int
parse_shape(cursor_t *cursor, npy_header_t *out)
{
    int status = BA_OK;

    if (!take(cursor, '(')) {
        return fail_header(cursor, "a shape (rows, columns)");
    }
    out->rank = 0;
    while (!take(cursor, ')')) {
        if (out->rank == NPY_MAX_RANK) {
            return ba_fail(BA_FORMAT, "%s: NPY header: more than %d dimensions",
                cursor->file, NPY_MAX_RANK);
        }
        BA_TRY(parse_size(cursor, &out->shape[out->rank++]));
        if (!take(cursor, ',')) {
            if (!take(cursor, ')')) {
                return fail_header(cursor, "',' or ')'");
            }
            break;
        }
    }
out:
    return status;
}

static int
refuse_type(const cursor_t *cursor, char kind, const char *descr, size_t n)
{
    if (kind == 'O') {
        return ba_fail(BA_UNSUPPORTED,
            "%s: an array of Python objects (pickled), expected numbers: save it again "
            "with numpy.save(FILE, numpy.asarray(x, dtype='f4'))",
            cursor->file);
    }
    if (kind == 'c') {
        return ba_fail(
            BA_UNSUPPORTED, "%s: complex numbers, expected real ones", cursor->file);
    }
    return ba_fail(BA_UNSUPPORTED,
        "%s: type '%.*s', expected f2 f4 f8, i1 to i8, u1 to u8 or b1", cursor->file,
        n < 40 ? (int) n : 40, descr);
}

static int
parse_type(cursor_t *cursor, npy_header_t *out)
{
    const char *descr = NULL;
    size_t n = 0, size;
    char order, kind;
    int status = BA_OK;

    if (take(cursor, '[')) {
        return ba_fail(
            BA_UNSUPPORTED, "%s: an array of records, expected numbers", cursor->file);
    }
    BA_TRY(take_string(cursor, &descr, &n));
    if (n < 2) {
        return refuse_type(cursor, '?', descr, n);
    }
    order = descr[0];
    kind = descr[1];
    size = n == 3 && descr[2] >= '1' && descr[2] <= '8' ? (size_t) (descr[2] - '0') : 0;
    if (!strchr("<>|", order) || !strchr("fiub", kind) || (size & (size - 1)) != 0 ||
        size == 0 || (kind == 'f' && size == 1) || (kind == 'b' && size != 1)) {
        return refuse_type(cursor, kind, descr, n);
    }
    out->kind = kind;
    out->item_size = size;
    out->is_big = order == '>';
out:
    return status;
}

/* One "'key': value"; `seen` collects which keys were met. */
static int
parse_entry(cursor_t *cursor, npy_header_t *out, unsigned *seen)
{
    static const struct {
        const char *key;
        int (*parse)(cursor_t *cursor, npy_header_t *out);
    } entries[] = {
        {"descr", parse_type}, {"fortran_order", parse_order}, {"shape", parse_shape}};
    const char *key = NULL;
    size_t n = 0;
    int status;

    BA_TRY(take_string(cursor, &key, &n));
    if (!take(cursor, ':')) {
        return fail_header(cursor, "':'");
    }
    for (unsigned i = 0; i < 3; i++) {
        if (strlen(entries[i].key) == n && memcmp(entries[i].key, key, n) == 0) {
            if (*seen & 1U << i) {
                break;
            }
            *seen |= 1U << i;
            return entries[i].parse(cursor, out);
        }
    }
    status = ba_fail(BA_FORMAT, "%s: NPY header: key '%.*s' unknown or twice",
        cursor->file, n < 40 ? (int) n : 40, key);
out:
    return status;
}

static int
check_bytes(const char *file, size_t n_left, npy_header_t *out)
{
    size_t n = out->item_size;

    for (int i = 0; i < out->rank; i++) {
        if (__builtin_mul_overflow(n, out->shape[i], &n)) {
            return ba_fail(BA_FORMAT, "%s: NPY header: the shape exceeds 64 bits", file);
        }
    }
    if (n != n_left) {
        return ba_fail(BA_FORMAT, "%s: %zu bytes of numbers, expected %zu%s", file,
            n_left, n, n_left < n ? " (truncated?)" : "");
    }
    out->n_bytes = n;
    return BA_OK;
}

int
ba_npy_header(
    const char *file, const char *text, size_t n, size_t n_left, npy_header_t *out)
{
    cursor_t cursor = {.file = file, .at = text, .end = text + n};
    unsigned seen = 0;
    int status = BA_OK;

    if (!take(&cursor, '{')) {
        return fail_header(&cursor, "'{'");
    }
    while (!take(&cursor, '}')) {
        BA_TRY(parse_entry(&cursor, out, &seen));
        if (!take(&cursor, ',')) {
            if (!take(&cursor, '}')) {
                return fail_header(&cursor, "',' or '}'");
            }
            break;
        }
    }
    skip_space(&cursor);
    if (cursor.at != cursor.end) {
        return fail_header(&cursor, "nothing after '}'");
    }
    if (seen != 7) {
        return ba_fail(
            BA_FORMAT, "%s: NPY header: lacks one of descr, fortran_order, shape", file);
    }
    BA_TRY(check_bytes(file, n_left, out));
out:
    return status;
}
