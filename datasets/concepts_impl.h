/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that make ba_concepts_t share. */
#ifndef BA_DATASETS_CONCEPTS_IMPL_H
#define BA_DATASETS_CONCEPTS_IMPL_H

#include "core/texts.h"
#include "datasets/label_file.h"
#include "brainalign/concepts.h"

/* Concepts being collected. Starts as {0}. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_concepts_opts_t *opts;
    const ba_activations_t *activations; /* may be NULL */
    size_t n_tokens;                     /* 0 = not known yet */
    char *counted_by;                    /* who said how many */
    ba_label_column_t words;             /* cells = forms; n = 0: not known */
    char *words_of;                      /* the file they came from */
    size_t *sentence;                    /* owned; NULL = not known */
    ba_text_set_t names;
    unsigned char *is_words; /* for each name: all its sources are sets of words */
    size_t n_is_words;       /* room there */
    size_t *token, *concept; /* n_pairs */
    size_t n_pairs, pairs_size;
} ba_collecting_t;

/* Notes that `token` carries the concept of that name. */
int ba_collecting_add(ba_collecting_t *collecting, size_t token, const char *name,
    int is_words) BA_MUST_USE;

/* Adds what the labels of the options say; the first file tells the number of tokens,
 * forms and sentences where nothing else does. BA_SHAPE where two files differ. */
int ba_collecting_labels(ba_collecting_t *collecting) BA_MUST_USE;

/* Adds what word lists and the WordNet table of the options say of the forms or
 * lemmas. */
int ba_collecting_words(ba_collecting_t *collecting) BA_MUST_USE;

/* BA_SHAPE unless `column` has a cell for each token. `spec` is for messages. */
int ba_collecting_check(ba_collecting_t *collecting, const char *spec,
    const ba_label_column_t *column) BA_MUST_USE;

/* Compares two lists of words; BA_SHAPE names sentence, token and both words of the first
 * pair that differs. `sentence` may be NULL. */
int ba_words_compare(const char *spec, const ba_texts_t *words, const char *other,
    const char *const *others, size_t n_others, const size_t *sentence) BA_MUST_USE;

/* Open or closed class by the name of a tag, of the tag sets in docs/formats.md. */
ba_word_class_t ba_word_class_of_tag(const char *name);

/* Decides where the name of a concept did not, by the words of a table with the column
 * form: closed where more than half of the tokens are among them, else open; punctuation
 * and symbols stay neither. */
int ba_word_class_by_table(ba_concepts_t *concepts, const char *file) BA_MUST_USE;

#endif
