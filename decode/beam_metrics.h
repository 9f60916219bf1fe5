/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How close decoded words come to those said. Words are numbers, equal for equal
 * words. */
#ifndef BA_DECODE_BEAM_METRICS_H
#define BA_DECODE_BEAM_METRICS_H

#include "brainalign/error.h"

/* Fewest insertions, deletions and substitutions that make one of the other. Cost: n m.
 * BA_NOMEM. */
int ba_edit_distance(const size_t *reference, size_t n, const size_t *decoded, size_t m,
    size_t *out) BA_MUST_USE;

/* BLEU-1: share of decoded words that stand in the reference, each counted at most as
 * often as there, times exp(1 - n / m) where fewer words were decoded than said. 0
 * without decoded words. Cost: n m. */
double ba_bleu1(const size_t *reference, size_t n, const size_t *decoded, size_t m);

/* Unit vectors of words, n_features each, and weights of reference words; a word without
 * one (has = 0) counts for nothing. */
typedef struct {
    size_t n_features, n_words;
    const double *unit;       /* n_features x n_words */
    const double *weight;     /* n_words */
    const unsigned char *has; /* n_words */
} ba_word_space_t;

/* Weighted mean over reference words of the largest cosine to a decoded word, 0 where
 * there is none; NaN where no reference word counts. */
double ba_word_similarity(const ba_word_space_t *space, const size_t *reference, size_t n,
    const size_t *decoded, size_t m);

#endif
