/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One column of text, a cell per token, out of any kind of file. */
#ifndef BA_DATASETS_LABEL_FILE_H
#define BA_DATASETS_LABEL_FILE_H

#include "core/texts.h"
#include "brainalign/ctx.h"

/* Starts as {0}. */
typedef struct {
    char *name;        /* of the column, "" where it has none */
    ba_texts_t cells;  /* one per token */
    ba_texts_t forms;  /* the words, n = 0 where the file does not tell */
    size_t *sentence;  /* of each token from 0, NULL where the file does not tell */
    size_t n_sentence; /* room in it */
} ba_label_column_t;

/* Reads FILE[:COLUMN][[ROWS,]]: HDF5 (strings or numbers), CoNLL-U, CoNLL-2000, a table
 * with a header, or one label a line; known by content. BA_FORMAT names the line;
 * BA_MISSING: no such column (nearest name). The caller frees in any case. */
int ba_label_column_read(
    const ba_ctx_t *ctx, const char *spec, ba_label_column_t *out) BA_MUST_USE;
void ba_label_column_free(ba_label_column_t *column);

/* Notes the sentence of the last cell. */
int ba_label_column_sentence(ba_label_column_t *column, size_t sentence) BA_MUST_USE;

/* Non-zero when a cell says that there is no label. */
int ba_label_is_missing(const char *cell);

#endif
