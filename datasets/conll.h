/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Annotated text of one word a line: CoNLL-U and CoNLL-2000. */
#ifndef BA_DATASETS_CONLL_H
#define BA_DATASETS_CONLL_H

#include "datasets/label_file.h"

typedef enum { BA_CONLL_NONE, BA_CONLL_U, BA_CONLL_2000 } ba_conll_t;

/* What the first line that is no comment looks like. CONLL_U: ten cells or more between
 * tabs, the first one a number. CONLL_2000: two to four words between single blanks. */
ba_conll_t ba_conll_kind(const char *text);

/* Takes a column out of `text`, which is changed on the way. `name` is that of the column
 * or its number from 1; `file` is for messages. CoNLL-U: ID FORM LEMMA UPOS XPOS FEATS
 * HEAD DEPREL DEPS MISC, those of "# global.columns", and of STREUSLE's .conllulex SMWE
 * LEXCAT LEXLEMMA SS SS2 WMWE WCAT WLEMMA LEXTAG, in any case; ranges of words (1-2) and
 * empty nodes (1.1) are no words. CoNLL-2000: FORM POS CHUNK NER; -DOCSTART- is no word.
 * BA_FORMAT names the line (other number of cells, words out of order); BA_MISSING the
 * nearest column. */
int ba_conll_read(ba_conll_t kind, const char *file, char *text, const char *name,
    ba_label_column_t *out) BA_MUST_USE;

#endif
