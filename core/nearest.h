/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The word of a list that somebody may have meant. */
#ifndef BA_CORE_NEAREST_H
#define BA_CORE_NEAREST_H

#include <stddef.h>

/* Single-letter changes (insertion, deletion, substitution; case is free) between two
 * words, looked at up to their 63rd byte. */
size_t ba_word_distance(const char *a, const char *b);

#endif
