/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From rows per token to rows per word. */
#ifndef BA_DATASETS_TOKENS_H
#define BA_DATASETS_TOKENS_H

#include "brainalign/error.h"
#include "brainalign/prepare.h"

/* Tokens of word i: first[i] .. first[i + 1] - 1, among those that belong to a word;
 * rows[k] is the row of token k. */
typedef struct {
    size_t n_tokens; /* rows */
    size_t n_words;
    size_t *first; /* n_words + 1 */
    size_t *rows;
    char *file; /* where it was read */
} ba_tokens_t;

/* Reads the word of every token: a SPEC of one column, or TABLE:COLUMN. Words count from
 * 0; below 0 the token belongs to none. n_words SIZE_MAX = as many as are named.
 * BA_SHAPE: words that go back, a word without a token, a word beyond n_words; BA_FORMAT:
 * no whole number, unknown column. The caller frees. */
int ba_tokens_read(
    const ba_ctx_t *ctx, const char *spec, size_t n_words, ba_tokens_t *out) BA_MUST_USE;
void ba_tokens_free(ba_tokens_t *tokens);

/* Pools the tokens of y.n_rows words. x holds the rows row0 .. of the token matrix. */
void ba_tokens_pool(const ba_tokens_t *tokens, ba_pool_t pool, const size_t *words,
    size_t row0, ba_cdmat_t x, ba_dmat_t y);

#endif
