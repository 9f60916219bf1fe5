/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files around n-gram models: texts, and models as ARPA files. */
#ifndef BRAINALIGN_NGRAM_FILE_H
#define BRAINALIGN_NGRAM_FILE_H

#include "brainalign/ngram.h"
#include "brainalign/prepare.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is done to words of a text. */
typedef struct {
    int lowercase;
    int strip_punctuation; /* ASCII punctuation at either end; what is left empty goes */
} ba_text_opts_t;

/* Adds the sentences of a text file, one a line, words between white space. BA_IO;
 * BA_FORMAT (not UTF-8; <s> or </s> in a line, which is named). opts NULL = as it is. */
BA_API int ba_corpus_read_text(
    ba_corpus_t *corpus, const char *file, const ba_text_opts_t *opts);

/* Adds the words of tables with times (those of datasets prepare, or any table with a
 * column of words): a sentence each where the table tells, else a run each. */
BA_API int ba_corpus_read_words(
    ba_corpus_t *corpus, const ba_word_opts_t *words, const ba_text_opts_t *opts);

/* A list of words, one a line, each once; *words is one block, freed by free(). */
BA_API int ba_word_list_read(
    const char *file, const ba_text_opts_t *opts, size_t *n, char ***words);

/* Reads a model in ARPA format, of any tool. BA_FORMAT names the line: a missing section,
 * a number of n-grams other than declared, a word that is no unigram, an n-gram without
 * the shorter one that it continues, a probability above 1, one n-gram twice. */
BA_API int ba_ngram_read(const char *file, ba_ngram_t **out);

/* Writes one: log10 with 9 digits, -99 for 0; back-off weights where an n-gram is
 * continued. BA_EXISTS without `force`. */
BA_API int ba_ngram_write(const ba_ngram_t *ngram, const char *file, int force);

#ifdef __cplusplus
}
#endif

#endif
