/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words as texts, tables and vectors have them in common. */
#ifndef BA_DATASETS_CORPUS_READ_H
#define BA_DATASETS_CORPUS_READ_H

#include "brainalign/ngram_file.h"

/* Lower case and stripping in place; returns where the word begins now. opts may be
 * NULL. */
char *ba_text_word(char *word, const ba_text_opts_t *opts);

#endif
