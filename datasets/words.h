/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a stimulus: when they were said, run by run. */
#ifndef BA_DATASETS_WORDS_H
#define BA_DATASETS_WORDS_H

#include "brainalign/error.h"
#include "brainalign/prepare.h"
#include "brainalign/table.h"

/* Every row of the tables, in order; per word, except where stated. */
typedef struct {
    size_t n_words, n_runs;
    size_t room;               /* for words, in the arrays */
    size_t *first;             /* n_runs + 1: first word of each run */
    char **run_names;          /* n_runs */
    const char **files;        /* n_runs, borrowed from the options */
    size_t *rows;              /* of its file, from 1, for messages */
    double *onset, *offset;    /* seconds in the words' own clock; NaN = not known. Both
                                  are or none is */
    char **text;               /* "" where there is no column */
    double *surprisal;         /* NULL = no column; n/a is 0 */
    double *sentence_position; /* from 1; means nothing without has_sentences */
    size_t n_missing;          /* words without a time */
    size_t n_no_surprisal;     /* cells of n/a */
    int has_text, has_sentences;
} ba_words_t;

/* Reads the words of all files. BA_FORMAT, beside what the readers say: unknown column
 * (nearest named), no run of words, a run that comes back, an offset before its onset, a
 * file without any time. The caller frees. */
int ba_words_read(const ba_word_opts_t *opts, ba_words_t *out) BA_MUST_USE;
void ba_words_free(ba_words_t *words);

/* "words.csv: row 12 ('word')", at most `size` bytes. */
const char *ba_words_where(const ba_words_t *words, size_t word, char *text, size_t size);

/* Number of characters without ASCII punctuation at either end. */
double ba_word_length(const char *text);

/* What the readers of single files share. `words` grows by appended words; a run is
 * opened by ba_words_open_run() before its first word. */
typedef struct {
    double onset, offset, surprisal;
    const char *text;
    size_t row;
    int starts_sentence;
} ba_word_t;

int ba_words_open_run(ba_words_t *words, const char *file, const char *name) BA_MUST_USE;
int ba_words_append(ba_words_t *words, const ba_word_t *word) BA_MUST_USE;

/* ---- words_table.c, words_tier.c: one file; `name` is that of its run where the file
 * itself tells no runs apart ---- */
int ba_words_read_table(const ba_word_opts_t *opts, const char *file, const char *name,
    ba_words_t *words) BA_MUST_USE;
int ba_words_read_tier(const ba_word_opts_t *opts, const char *file, const char *name,
    ba_words_t *words) BA_MUST_USE;

#endif
