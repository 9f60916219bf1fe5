/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows are kept in blocks of block_rows rows; within a block columns stand one after the
 * other, so that any range of columns is one contiguous piece per block. A spool by
 * columns is a single block of all its rows. */
#define _XOPEN_SOURCE 700 /* P_tmpdir */

#include "io/spool.h"

#include "core/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_BLOCK_BYTES ((size_t) 32 << 20)
#define MAX_BLOCK_ROWS 1024

struct ba_spool {
    char *name;
    char *folder; /* of the temporary file */
    ba_precision_t precision;
    size_t size; /* bytes per number */
    int by_columns;
    size_t n_rows, n_cols; /* rows so far, or all of them when filled by columns */
    size_t n_columns_done; /* when filled by columns */
    size_t block_rows, block_bytes;
    size_t limit;     /* bytes that may stay in memory */
    char **blocks;    /* in memory: every block */
    size_t n_blocks;  /* in memory: length of blocks */
    FILE *file;       /* NULL while in memory */
    char *scratch;    /* in a file: the block being filled, then the buffer of reads */
    size_t n_scratch; /* numbers that scratch holds */
};

static int
create(const ba_ctx_t *ctx, const char *name, ba_precision_t precision, ba_spool_t **out)
{
    ba_spool_t *spool = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(spool, ba_calloc(1, sizeof *spool));
    BA_TRY_ALLOC(spool->name, ba_strdup(name));
    BA_TRY_ALLOC(
        spool->folder, ba_strdup(ctx && ctx->temp_dir ? ctx->temp_dir : P_tmpdir));
    spool->precision = precision;
    spool->size = precision == BA_SINGLE ? sizeof(float) : sizeof(double);
    spool->limit = ba_ctx_memory(ctx) / 4;
    *out = spool;
    return BA_OK;
out:
    ba_spool_free(spool);
    return status;
}

/* A file that has no name from the start: nothing is left behind whatever happens. */
static FILE *
open_nameless(const char *folder)
{
    char *path = ba_asprintf("%s/brainalign-XXXXXX", folder);
    FILE *file = NULL;
    int fd = path ? mkstemp(path) : -1;

    if (fd >= 0) {
        unlink(path);
        file = fdopen(fd, "w+b");
        if (!file) {
            close(fd);
        }
    }
    ba_free(path);
    return file;
}

static int
move_to_file(ba_spool_t *spool, size_t n_scratch)
{
    int status = BA_OK;

    BA_TRY_ALLOC(spool->scratch, ba_calloc(n_scratch, spool->size));
    spool->n_scratch = n_scratch;
    spool->file = open_nameless(spool->folder);
    if (!spool->file) {
        return ba_fail(BA_IO, "%s: cannot make a temporary file in %s: %s", spool->name,
            spool->folder, strerror(errno));
    }
out:
    return status;
}

static int
file_offset(const ba_spool_t *spool, size_t block, size_t n_numbers, off_t *out)
{
    size_t a, b;
    int status;

    BA_TRY(ba_multiply(block, spool->block_bytes, &a));
    BA_TRY(ba_multiply(n_numbers, spool->size, &b));
    if (__builtin_add_overflow(a, b, out)) {
        return ba_fail(BA_TOO_LARGE, "%s: too large for a temporary file", spool->name);
    }
out:
    return status;
}

static int
write_at(ba_spool_t *spool, off_t offset, const char *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = pwrite(fileno(spool->file), bytes, n_bytes, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ba_fail(BA_IO, "%s: cannot write a temporary file in %s: %s",
                spool->name, spool->folder,
                n < 0 ? strerror(errno) : "nothing was taken");
        }
        bytes += n;
        offset += n;
        n_bytes -= (size_t) n;
    }
    return BA_OK;
}

static int
read_at(ba_spool_t *spool, off_t offset, char *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = pread(fileno(spool->file), bytes, n_bytes, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ba_fail(BA_IO, "%s: cannot read its temporary file in %s: %s",
                spool->name, spool->folder, n < 0 ? strerror(errno) : "it is too short");
        }
        bytes += n;
        offset += n;
        n_bytes -= (size_t) n;
    }
    return BA_OK;
}

/* Stores n values `step` numbers apart. */
static void
store(const ba_spool_t *spool, char *block, size_t first, size_t step,
    const double *values, size_t n)
{
    if (spool->precision == BA_SINGLE) {
        float *to = (float *) (void *) block + first;

        for (size_t i = 0; i < n; i++) {
            to[i * step] = (float) values[i];
        }
    } else {
        double *to = (double *) (void *) block + first;

        for (size_t i = 0; i < n; i++) {
            to[i * step] = values[i];
        }
    }
}

/* Fetches n values that stand side by side. */
static void
fetch(const ba_spool_t *spool, const char *block, size_t first, double *values, size_t n)
{
    if (spool->precision == BA_SINGLE) {
        const float *from = (const float *) (const void *) block + first;

        for (size_t i = 0; i < n; i++) {
            values[i] = (double) from[i];
        }
    } else {
        memcpy(values, block + first * sizeof(double), n * sizeof(double));
    }
}

int
ba_spool_by_rows(const ba_ctx_t *ctx, const char *name, size_t n_cols,
    ba_precision_t precision, ba_spool_t **out)
{
    ba_spool_t *spool = NULL;
    size_t row_bytes, aim;
    int status;

    *out = NULL;
    BA_TRY(create(ctx, name, precision, &spool));
    spool->n_cols = n_cols;
    BA_TRY(ba_multiply(n_cols, spool->size, &row_bytes));
    aim = spool->limit / 4 < MAX_BLOCK_BYTES ? spool->limit / 4 : MAX_BLOCK_BYTES;
    spool->block_rows = row_bytes > 0 ? aim / row_bytes : MAX_BLOCK_ROWS;
    if (spool->block_rows < 1) {
        spool->block_rows = 1;
    }
    if (spool->block_rows > MAX_BLOCK_ROWS) {
        spool->block_rows = MAX_BLOCK_ROWS;
    }
    BA_TRY(ba_multiply(spool->block_rows, row_bytes, &spool->block_bytes));
    *out = spool;
    spool = NULL;
out:
    ba_spool_free(spool);
    return status;
}

static int
add_block(ba_spool_t *spool)
{
    char **longer;
    int status = BA_OK;

    BA_TRY_ALLOC(
        longer, ba_realloc(spool->blocks, spool->n_blocks + 1, sizeof *spool->blocks));
    spool->blocks = longer;
    BA_TRY_ALLOC(spool->blocks[spool->n_blocks], ba_calloc(spool->block_bytes, 1));
    spool->n_blocks++;
out:
    return status;
}

int
ba_spool_by_columns(const ba_ctx_t *ctx, const char *name, size_t n_rows, size_t n_cols,
    ba_precision_t precision, ba_spool_t **out)
{
    ba_spool_t *spool = NULL;
    size_t n_numbers;
    int status;

    *out = NULL;
    BA_TRY(create(ctx, name, precision, &spool));
    spool->by_columns = 1;
    spool->n_rows = spool->block_rows = n_rows;
    spool->n_cols = n_cols;
    BA_TRY(ba_multiply(n_rows, n_cols, &n_numbers));
    BA_TRY(ba_multiply(n_numbers, spool->size, &spool->block_bytes));
    if (spool->block_bytes <= spool->limit) {
        BA_TRY(add_block(spool));
    } else {
        BA_TRY(move_to_file(spool, n_rows));
    }
    *out = spool;
    spool = NULL;
out:
    ba_spool_free(spool);
    return status;
}

static void
free_blocks(ba_spool_t *spool)
{
    for (size_t b = 0; b < spool->n_blocks; b++) {
        ba_free(spool->blocks[b]);
    }
    ba_free(spool->blocks);
    spool->blocks = NULL;
    spool->n_blocks = 0;
}

static int
spill(ba_spool_t *spool)
{
    off_t offset;
    int status;

    BA_TRY(move_to_file(spool, spool->block_bytes / spool->size));
    for (size_t b = 0; b < spool->n_blocks; b++) {
        BA_TRY(file_offset(spool, b, 0, &offset));
        BA_TRY(write_at(spool, offset, spool->blocks[b], spool->block_bytes));
    }
    free_blocks(spool);
out:
    return status;
}

static int
append_row(ba_spool_t *spool, const double *values)
{
    size_t b = spool->n_rows / spool->block_rows;
    size_t i = spool->n_rows % spool->block_rows;
    off_t offset;
    int status = BA_OK;

    if (i == 0 && !spool->file) {
        if (spool->block_bytes > spool->limit / (b + 1)) {
            BA_TRY(spill(spool));
        } else {
            BA_TRY(add_block(spool));
        }
    }
    store(spool, spool->file ? spool->scratch : spool->blocks[b], i, spool->block_rows,
        values, spool->n_cols);
    if (spool->file && i + 1 == spool->block_rows) {
        BA_TRY(file_offset(spool, b, 0, &offset));
        BA_TRY(write_at(spool, offset, spool->scratch, spool->block_bytes));
    }
    spool->n_rows++;
out:
    return status;
}

static int
append_column(ba_spool_t *spool, const double *values)
{
    off_t offset;
    int status = BA_OK;

    if (spool->n_columns_done == spool->n_cols) {
        return ba_fail(BA_SHAPE, "%s: more than the %zu columns expected", spool->name,
            spool->n_cols);
    }
    if (spool->file) {
        store(spool, spool->scratch, 0, 1, values, spool->n_rows);
        BA_TRY(file_offset(spool, 0, spool->n_columns_done * spool->n_rows, &offset));
        BA_TRY(write_at(spool, offset, spool->scratch, spool->n_rows * spool->size));
    } else {
        store(spool, spool->blocks[0], spool->n_columns_done * spool->n_rows, 1, values,
            spool->n_rows);
    }
    spool->n_columns_done++;
out:
    return status;
}

int
ba_spool_append(ba_spool_t *spool, const double *values)
{
    return spool->by_columns ? append_column(spool, values) : append_row(spool, values);
}

int
ba_spool_finish(ba_spool_t *spool)
{
    off_t offset;
    int status = BA_OK;

    if (spool->by_columns && spool->n_columns_done < spool->n_cols) {
        return ba_fail(BA_SHAPE, "%s: %zu columns, expected %zu", spool->name,
            spool->n_columns_done, spool->n_cols);
    }
    if (!spool->by_columns && spool->file && spool->n_rows % spool->block_rows != 0) {
        BA_TRY(file_offset(spool, spool->n_rows / spool->block_rows, 0, &offset));
        BA_TRY(write_at(spool, offset, spool->scratch, spool->block_bytes));
    }
out:
    return status;
}

size_t
ba_spool_n_rows(const ba_spool_t *spool)
{
    return spool->n_rows;
}

int
ba_spool_is_file(const ba_spool_t *spool)
{
    return spool->file != NULL;
}

/* Rows first..first+n of one block in the file, as many columns at a time as scratch
 * holds. */
static int
read_file_block(ba_spool_t *spool, size_t block, size_t first, size_t n, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    size_t rows = spool->block_rows;
    size_t at_once = spool->n_scratch / rows;
    off_t offset;
    int status = BA_OK;

    for (size_t j = 0; j < n_cols; j += at_once) {
        size_t width = n_cols - j < at_once ? n_cols - j : at_once;

        BA_TRY(file_offset(spool, block, (col0 + j) * rows, &offset));
        BA_TRY(read_at(spool, offset, spool->scratch, width * rows * spool->size));
        for (size_t k = 0; k < width; k++) {
            fetch(spool, spool->scratch, k * rows + first, dst + (j + k) * ld, n);
        }
    }
out:
    return status;
}

int
ba_spool_read(ba_spool_t *spool, size_t row0, size_t n_rows, size_t col0, size_t n_cols,
    double *dst, size_t ld)
{
    size_t done = 0;
    int status = BA_OK;

    while (done < n_rows) {
        size_t b = (row0 + done) / spool->block_rows;
        size_t first = (row0 + done) % spool->block_rows;
        size_t left = spool->block_rows - first;
        size_t n = n_rows - done < left ? n_rows - done : left;

        if (spool->file) {
            BA_TRY(read_file_block(spool, b, first, n, col0, n_cols, dst + done, ld));
        } else {
            for (size_t j = 0; j < n_cols; j++) {
                fetch(spool, spool->blocks[b], (col0 + j) * spool->block_rows + first,
                    dst + done + j * ld, n);
            }
        }
        done += n;
    }
out:
    return status;
}

void
ba_spool_free(ba_spool_t *spool)
{
    if (!spool) {
        return;
    }
    free_blocks(spool);
    if (spool->file) {
        fclose(spool->file);
    }
    ba_free(spool->scratch);
    ba_free(spool->name);
    ba_free(spool->folder);
    ba_free(spool);
}
