/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of figures share: reading an SVG file back, whether it is well-formed, and
 * how many elements it has. */
#ifndef BA_FIGURELIB_H
#define BA_FIGURELIB_H

#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/figure.h"

#include <ctype.h>

static inline void
figure_path(char path[TEST_PATH_SIZE], const char *folder, const char *name)
{
    assert_true(snprintf(path, TEST_PATH_SIZE, "%s/%s", folder, name) < TEST_PATH_SIZE);
}

/* A whole file, for free(). */
static inline char *
figure_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text;
    long n;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    n = ftell(file);
    assert_true(n >= 0);
    rewind(file);
    text = calloc((size_t) n + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t) n, file), (size_t) n);
    fclose(file);
    return text;
}

static inline size_t
figure_count(const char *text, const char *words)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, words)); at += strlen(words)) {
        n++;
    }
    return n;
}

/* Characters of XML, and `&` only as one of the five entities; NULL, else where not. */
static inline const char *
figure_bad_text(const char *text, const char *end)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};

    for (; text < end; text++) {
        int is_fine = *text != '&' && *text != '<';

        for (size_t i = 0; i < 5; i++) {
            is_fine |= strncmp(text, entities[i], strlen(entities[i])) == 0;
        }
        if (!is_fine || ((unsigned char) *text < 0x20 && *text != '\n')) {
            return text;
        }
    }
    return NULL;
}

/* The attributes of a tag: NAME="VALUE" each with one space in front. */
static inline int
figure_has_attributes(const char *text, const char *end)
{
    while (text < end) {
        const char *quote, *close;

        if (*text != ' ') {
            return 0;
        }
        for (quote = text + 1; quote < end && (isalnum((unsigned char) *quote) ||
                                                  *quote == '-' || *quote == ':');
             quote++) {
        }
        if (quote == text + 1 || end - quote < 3 || strncmp(quote, "=\"", 2) != 0) {
            return 0;
        }
        close = memchr(quote + 2, '"', (size_t) (end - quote - 2));
        if (!close || figure_bad_text(quote + 2, close)) {
            return 0;
        }
        text = close + 1;
    }
    return 1;
}

/* Whether all tags are closed in order, with well-formed attributes and text. */
static inline int
figure_is_xml(const char *text)
{
    const char *open[64], *at = strstr(text, "?>");
    size_t lengths[64], depth = 0, n_roots = 0;

    at = at ? at + 2 : text;
    while ((text = strchr(at, '<'))) {
        const char *end = strchr(text, '>'), *name = text + 1 + (text[1] == '/');
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        int is_end = text[1] == '/', is_empty;

        if (!end || length == 0 || figure_bad_text(at, text)) {
            return 0;
        }
        is_empty = end[-1] == '/';
        if (is_end &&
            (depth == 0 || lengths[depth - 1] != length || name[length] != '>' ||
                strncmp(open[depth - 1], name, length) != 0)) {
            return 0;
        }
        if (!is_end && !figure_has_attributes(name + length, end - is_empty)) {
            return 0;
        }
        n_roots += depth == 0;
        if (!is_end && !is_empty) {
            if (depth == 64) {
                return 0;
            }
            open[depth] = name;
            lengths[depth++] = length;
        }
        depth -= is_end ? 1 : 0;
        at = end + 1;
    }
    return depth == 0 && n_roots == 1 && !figure_bad_text(at, at + strlen(at));
}

typedef int (*figure_draw_t)(ba_figure_t *figure, const void *data);

/* Draws twice: both must be well-formed and the same bytes; one is returned. */
static inline char *
figure_drawn(figure_draw_t draw, const void *data)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], *texts[2];

    test_make_folder(folder);
    figure_path(path, folder, "f.svg");
    for (size_t i = 0; i < 2; i++) {
        ba_figure_t *figure = NULL;

        assert_int_equal(ba_figure_create(path, (int) i, &figure), BA_OK);
        assert_int_equal(draw(figure, data), BA_OK);
        assert_int_equal(ba_figure_commit(figure), BA_OK);
        ba_figure_free(figure);
        texts[i] = figure_read(path);
    }
    test_remove_folder(folder);
    assert_true(figure_is_xml(texts[0]));
    assert_string_equal(texts[0], texts[1]);
    free(texts[1]);
    return texts[0];
}

/* What drawing fails with. */
static inline int
figure_fails(figure_draw_t draw, const void *data)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    ba_figure_t *figure = NULL;
    int status;

    test_make_folder(folder);
    figure_path(path, folder, "f.svg");
    assert_int_equal(ba_figure_create(path, 0, &figure), BA_OK);
    status = draw(figure, data);
    ba_figure_free(figure);
    assert_int_not_equal(access(path, F_OK), 0);
    test_remove_folder(folder);
    return status;
}

/* Every allocation of a drawing fails once. */
static inline void
figure_survives(figure_draw_t draw, const void *data, void (*fail_at)(size_t))
{
    int status = BA_NOMEM;

    for (size_t n = 1; status == BA_NOMEM; n++) {
        char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
        ba_figure_t *figure = NULL;

        test_make_folder(folder);
        figure_path(path, folder, "f.svg");
        fail_at(n);
        status = ba_figure_create(path, 0, &figure);
        status = status == BA_OK ? draw(figure, data) : status;
        status = status == BA_OK ? ba_figure_commit(figure) : status;
        fail_at(0);
        ba_figure_free(figure);
        assert_true(status == BA_OK || access(path, F_OK) != 0);
        test_remove_folder(folder);
        assert_true(n < 20000);
    }
    assert_int_equal(status, BA_OK);
}

#endif
