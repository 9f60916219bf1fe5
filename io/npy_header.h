/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of an NPY file. */
#ifndef BA_IO_NPY_HEADER_H
#define BA_IO_NPY_HEADER_H

#include "brainalign/error.h"

/* Bytes before the dictionary, at most. */
#define NPY_PREFIX_SIZE 12

/* What a dictionary may hold of dimensions; a source takes three at most. */
#define NPY_MAX_RANK 32

typedef struct {
    char kind;        /* f, i, u or b */
    size_t item_size; /* bytes per number */
    int is_big;       /* most significant byte first */
    int fortran_order;
    int rank;
    size_t shape[NPY_MAX_RANK];
    size_t data_offset; /* of the first number in the file; the caller sets it */
    size_t n_bytes;     /* of all numbers */
} npy_header_t;

/* Checks magic, version and length from the first bytes; the dictionary is *n bytes from
 * *start on. BA_FORMAT. */
int ba_npy_prefix(const char *file, const unsigned char *head, size_t n_head,
    size_t file_size, size_t *start, size_t *n) BA_MUST_USE;

/* Reads the dictionary (n bytes, then a NUL). Errors: BA_FORMAT (malformed; not n_left
 * bytes of numbers), BA_UNSUPPORTED (objects, records, complex numbers, strings),
 * BA_TOO_LARGE. */
int ba_npy_header(const char *file, const char *text, size_t n, size_t n_left,
    npy_header_t *out) BA_MUST_USE;

#endif
