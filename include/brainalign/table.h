/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of text cells: read whole from CSV or TSV, written as TSV. */
#ifndef BRAINALIGN_TABLE_H
#define BRAINALIGN_TABLE_H

#include "brainalign/ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A table read whole. Cells are UTF-8 without surrounding quotes. */
typedef struct ba_table ba_table_t;

typedef enum { BA_TABLE_HEADER, BA_TABLE_NO_HEADER, BA_TABLE_DETECT } ba_table_header_t;

/* Reads FILE; the separator is a tab where the first line has one, else a comma. BOM, CR,
 * CRLF accepted; quotes as in RFC 4180. DETECT: a header when no cell of the first line
 * is a number or missing. Errors: BA_IO; BA_FORMAT with the line (ragged rows: cells
 * found and wanted, NUL bytes, unterminated quote, no rows, invalid UTF-8). */
BA_API int ba_table_read(const char *file, ba_table_header_t header, ba_table_t **out);
BA_API void ba_table_free(ba_table_t *table);

BA_API size_t ba_table_n_rows(const ba_table_t *table); /* without the header */
BA_API size_t ba_table_n_cols(const ba_table_t *table);

/* Header cell, NULL where there is no header. Borrowed. */
BA_API const char *ba_table_column(const ba_table_t *table, size_t column);

/* Index of a named column, or SIZE_MAX. */
BA_API size_t ba_table_find(const ba_table_t *table, const char *name);

/* Cell text, "" when empty. Borrowed. */
BA_API const char *ba_table_cell(const ba_table_t *table, size_t row, size_t column);

/* A cell as a number in the C locale: `n/a`, `nan`, empty (any case) are NaN. BA_FORMAT
 * naming row and column when it is neither. */
BA_API int ba_table_number(
    const ba_table_t *table, size_t row, size_t column, double *value);

/* A TSV file being written; appears under its name at commit. */
typedef struct ba_table_writer ba_table_writer_t;

/* Errors: BA_EXISTS without `force`, BA_IO. */
BA_API int ba_table_create(const char *file, int force, ba_table_writer_t **out);

/* Cells of the current line, left to right; end_row ends it. Text must not hold tabs or
 * line ends (BA_VALUE). Numbers: shortest form with `digits` significant digits, n/a for
 * NaN. */
BA_API int ba_table_put_text(ba_table_writer_t *writer, const char *text);
BA_API int ba_table_put_number(ba_table_writer_t *writer, double value, int digits);
BA_API int ba_table_put_integer(ba_table_writer_t *writer, int64_t value);
BA_API int ba_table_end_row(ba_table_writer_t *writer);

/* Finish writes everything out under the temporary name (what can run out of room),
 * commit renames; commit alone does both. */
BA_API int ba_table_finish(ba_table_writer_t *writer);
BA_API int ba_table_commit(ba_table_writer_t *writer);
BA_API void ba_table_writer_free(ba_table_writer_t *writer);

#ifdef __cplusplus
}
#endif

#endif
