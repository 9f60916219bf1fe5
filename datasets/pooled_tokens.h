/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A matrix of a row per word over one of a row per subword. */
#ifndef BA_DATASETS_POOLED_TOKENS_H
#define BA_DATASETS_POOLED_TOKENS_H

#include "brainalign/activations.h"

/* Puts the source of words in the place of *source, which it takes ownership of on
 * success. `spec` says the word of each row, see ba_tokens_read(); as many words as it
 * names. */
int ba_pooled_tokens_wrap(const ba_ctx_t *ctx, const char *spec, ba_subword_t subword,
    ba_source_t **source) BA_MUST_USE;

#endif
