/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors of words, from text files of a word and its numbers a line (GloVe,
 * word2vec). */
#ifndef BA_DATASETS_WORD_VECTORS_H
#define BA_DATASETS_WORD_VECTORS_H

#include "core/texts.h"

typedef struct {
    ba_text_set_t words; /* numbered as the vectors */
    size_t n_features;
    double *values; /* n_features x words */
} ba_word_vectors_t;

/* Fields between blanks or tabs; a first line of two whole numbers (word2vec) or without
 * numbers (a header) is skipped. BA_FORMAT names the line: not as many numbers as in the
 * first, a field that is no finite number, a word twice, no line at all. BA_TOO_LARGE
 * where text and vectors are over `memory` bytes. The caller frees. */
int ba_word_vectors_read(
    const char *file, size_t memory, ba_word_vectors_t *out) BA_MUST_USE;
void ba_word_vectors_free(ba_word_vectors_t *vectors);

#endif
