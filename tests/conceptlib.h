/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files of labels in a fresh folder, and concepts read from them. */
#ifndef BA_CONCEPTLIB_H
#define BA_CONCEPTLIB_H

#include "tests/testlib.h"

#include "brainalign/concepts.h"
#include "brainalign/error.h"

static char folder[TEST_PATH_SIZE];

static inline int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static inline int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Writes FOLDER/name and returns FOLDER/name + `column`; eight at a time are valid. */
static inline const char *
label_file(const char *name, const char *text, const char *column)
{
    static char spec[8][TEST_PATH_SIZE + 64];
    static size_t next;
    char *here = spec[next++ % 8];
    char path[TEST_PATH_SIZE];

    test_join(path, folder, name);
    test_write_file(path, text, strlen(text));
    snprintf(here, sizeof spec[0], "%s%s", path, column);
    return here;
}

/* "A:0,2 B:1" and the like: the tokens of every concept. */
static inline void
assert_tokens(const ba_concepts_t *concepts, const char *wanted)
{
    char found[512] = "";
    size_t used = 0;

    for (size_t c = 0; c < concepts->n_concepts; c++) {
        size_t *tokens, n;

        assert_int_equal(ba_concepts_tokens(concepts, c, &tokens, &n), BA_OK);
        used += (size_t) snprintf(
            found + used, sizeof found - used, "%s%s:", c ? " " : "", concepts->names[c]);
        for (size_t i = 0; i < n; i++) {
            used += (size_t) snprintf(
                found + used, sizeof found - used, "%s%zu", i ? "," : "", tokens[i]);
        }
        free(tokens);
    }
    assert_string_equal(found, wanted);
}

#endif
