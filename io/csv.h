/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of cells from CSV or TSV text. */
#ifndef BA_IO_CSV_H
#define BA_IO_CSV_H

#include "brainalign/error.h"

/* One row, valid during the call that hands it over. Cells are UTF-8, NUL-terminated,
 * without the surrounding quotes, spaces kept. */
typedef struct {
    const char *const *cells;
    size_t n_cells;
    size_t line; /* where it starts, from 1 */
} ba_csv_row_t;

/* Takes a row; anything but BA_OK ends the reading with that status. */
typedef int ba_csv_take_t(void *payload, const ba_csv_row_t *row);

/* Reads all of `file`, which has a tab as separator where the first line has one, else a
 * comma. Every row has as many cells as the first. BOM, CR and CRLF are accepted, blank
 * lines only at the end. Errors: BA_IO; BA_FORMAT with the line (cells found and wanted,
 * NUL byte, invalid UTF-8, UTF-16, quotes against RFC 4180, unterminated quote, blank
 * line). */
int ba_csv_read(const char *file, ba_csv_take_t *take, void *payload) BA_MUST_USE;

/* Non-zero when a first row is a header: no cell is a number or missing. */
int ba_csv_is_header(const ba_csv_row_t *row);

/* A header cell without the spaces around it; the caller frees with ba_free(). NULL
 * without memory. */
char *ba_csv_label(const char *cell) BA_MUST_USE;

#endif
