/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many short strings in one block, numbered in the order they came, and sets of them. */
#ifndef BA_CORE_TEXTS_H
#define BA_CORE_TEXTS_H

#include "brainalign/error.h"

/* Starts as {0}. */
typedef struct {
    size_t n, size;
    size_t *start; /* n: where each begins in text */
    char *text;
    size_t n_text, text_size;
} ba_texts_t;

/* Adds the first `length` bytes of `text`. */
int ba_texts_add(ba_texts_t *texts, const char *text, size_t length) BA_MUST_USE;

/* Borrowed until the next one is added. */
const char *ba_texts_get(const ba_texts_t *texts, size_t i);
void ba_texts_free(ba_texts_t *texts);

/* Copies them: pointers and text in one block, for one ba_free(). */
int ba_texts_list(const ba_texts_t *texts, char ***out) BA_MUST_USE;

/* The same for any list of strings. */
int ba_strings_copy(const char *const *strings, size_t n, char ***out) BA_MUST_USE;

/* A set: every string once, numbered by first appearance. Starts as {0}. */
typedef struct {
    ba_texts_t texts;
    size_t *slots; /* number and one of the string there, 0 = free */
    size_t n_slots;
} ba_text_set_t;

/* Number of `text`, which is added where it is new. */
int ba_text_set_add(ba_text_set_t *set, const char *text, size_t *number) BA_MUST_USE;

/* Number of `text`, SIZE_MAX where it is not in the set. */
size_t ba_text_set_find(const ba_text_set_t *set, const char *text);
void ba_text_set_free(ba_text_set_t *set);

/* UTF-8 in lower case, in any locale: ASCII, Latin, Greek and Cyrillic letters. Never
 * longer than `text`; `out` may be `text` itself. */
void ba_text_lower(const char *text, char *out);

#endif
