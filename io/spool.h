/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A matrix that is filled in one pass and then read by column range: in memory while it
 * fits a quarter of the budget, else in an unnamed temporary file. */
#ifndef BA_IO_SPOOL_H
#define BA_IO_SPOOL_H

#include "brainalign/ctx.h"

typedef struct ba_spool ba_spool_t;

/* A spool of n_cols columns filled row by row (a volume, a line); the number of rows need
 * not be known. `precision` is that of the numbers kept. `name` (copied) begins the
 * messages of failures. The caller frees with ba_spool_free(). */
int ba_spool_by_rows(const ba_ctx_t *ctx, const char *name, size_t n_cols,
    ba_precision_t precision, ba_spool_t **out) BA_MUST_USE;

/* A spool of n_rows x n_cols filled column by column. */
int ba_spool_by_columns(const ba_ctx_t *ctx, const char *name, size_t n_rows,
    size_t n_cols, ba_precision_t precision, ba_spool_t **out) BA_MUST_USE;

/* Adds the next row (n_cols values) or, in a spool by columns, the next column (n_rows
 * values). Errors: BA_NOMEM, BA_IO (disk full), BA_TOO_LARGE, BA_SHAPE (one column too
 * many). */
int ba_spool_append(ba_spool_t *spool, const double *values) BA_MUST_USE;

/* Ends the filling; nothing can be read before. BA_SHAPE when a spool by columns lacks
 * columns. */
int ba_spool_finish(ba_spool_t *spool) BA_MUST_USE;

size_t ba_spool_n_rows(const ba_spool_t *spool);

/* Non-zero when the numbers stand in a file. */
int ba_spool_is_file(const ba_spool_t *spool);

/* Reads a block into column-major dst (dst[i + j * ld]); bounds must be right. One thread
 * at a time. */
int ba_spool_read(ba_spool_t *spool, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld) BA_MUST_USE;

/* NULL is fine. */
void ba_spool_free(ba_spool_t *spool);

#endif
