/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two formats of NeuroX share. */
#ifndef BA_IO_NEUROX_IMPL_H
#define BA_IO_NEUROX_IMPL_H

#include "io/neurox.h"
#include "io/spool.h"

/* The first member of both states. */
typedef struct {
    size_t n_layers, n_units;
    size_t n_tokens, n_sentences;
    ba_texts_t words; /* n_tokens */
    size_t *row0;     /* n_sentences + 1: first token of each */
} ba_neurox_words_t;

void ba_neurox_words_free(ba_neurox_words_t *words);

/* Adds the first token of one more sentence; call once more at the end. */
int ba_neurox_words_border(ba_neurox_words_t *words) BA_MUST_USE;

/* Adds the words of a sentence, split at white space, without the mark of a second
 * occurrence at its end. */
int ba_neurox_words_split(ba_neurox_words_t *words, const char *sentence) BA_MUST_USE;

/* Sentences and the names of their data sets out of sentence_to_index, in its order. */
int ba_neurox_index_parse(const char *file, const char *json, ba_texts_t *sentences,
    ba_texts_t *names) BA_MUST_USE;

/* Reads JSON lines into a spool of a row per token. */
int ba_neurox_lines_read(const ba_ctx_t *ctx, const char *file, ba_neurox_words_t *words,
    ba_spool_t **spool) BA_MUST_USE;

#endif
