/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/info.h"
#include "cli/memory.h"

#include "brainalign/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const size_t most_bytes = (size_t) 64 << 20;
static const size_t most_rows = (size_t) 1 << 20;
static const double constant_below = 1e-10;

typedef struct {
    size_t n_finite;
    double min, max, sum;
} column_t;

/* The buffer and the columns of the block at hand. */
typedef struct {
    size_t n_rows, n_cols;
    double *values;
    column_t *columns;
} block_t;

static void
make_block(const ba_ctx_t *ctx, const ba_source_t *source, block_t *block)
{
    size_t n_rows = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    size_t bytes =
        ba_ctx_memory(ctx) / 8 < most_bytes ? ba_ctx_memory(ctx) / 8 : most_bytes;

    block->n_rows = n_rows < most_rows ? n_rows : most_rows;
    block->n_cols = bytes / sizeof(double) / (block->n_rows > 0 ? block->n_rows : 1);
    block->n_cols = block->n_cols > 0 ? block->n_cols : 1;
    block->n_cols = block->n_cols < n_cols ? block->n_cols : n_cols;
    block->values = cli_calloc(block->n_rows * block->n_cols, sizeof(double));
    block->columns = cli_calloc(block->n_cols, sizeof(column_t));
}

static void
add_values(cli_statistics_t *statistics, column_t *column, const double *values, size_t n)
{
    statistics->n_values += n;
    for (size_t i = 0; i < n; i++) {
        double x = values[i];

        if (isnan(x)) {
            statistics->n_nan++;
        } else if (isinf(x)) {
            statistics->n_infinite++;
        } else {
            column->min = fmin(column->min, x);
            column->max = fmax(column->max, x);
            column->sum += x;
            column->n_finite++;
        }
    }
}

static int
read_columns(ba_source_t *source, block_t *block, size_t col0, size_t n_cols,
    cli_statistics_t *statistics)
{
    size_t total = ba_source_n_rows(source);
    int status = BA_OK;

    for (size_t slab = 0; slab < ba_source_n_slabs(source); slab++) {
        for (size_t row0 = 0; row0 < total; row0 += block->n_rows) {
            size_t n = total - row0 < block->n_rows ? total - row0 : block->n_rows;

            BA_TRY(ba_source_read(
                source, slab, row0, n, col0, n_cols, block->values, block->n_rows));
            for (size_t j = 0; j < n_cols; j++) {
                add_values(
                    statistics, &block->columns[j], block->values + j * block->n_rows, n);
            }
        }
    }
out:
    return status;
}

static void
add_column(cli_statistics_t *statistics, const column_t *column, double *sum)
{
    double size = fmax(fabs(column->min), fabs(column->max));

    if (column->n_finite == 0) {
        statistics->n_empty++;
        return;
    }
    statistics->n_constant +=
        column->n_finite > 1 && column->max - column->min <= constant_below * size;
    statistics->min = fmin(statistics->min, column->min);
    statistics->max = fmax(statistics->max, column->max);
    *sum += column->sum;
}

int
cli_statistics_read(
    const ba_ctx_t *ctx, ba_source_t *source, cli_statistics_t *statistics)
{
    static const column_t empty = {.min = (double) INFINITY, .max = -(double) INFINITY};
    size_t total = ba_source_n_cols(source), n_finite;
    double sum = 0;
    block_t block;
    int status = BA_OK;

    *statistics = (cli_statistics_t){
        .n_cols = total, .min = (double) NAN, .max = (double) NAN, .mean = (double) NAN};
    make_block(ctx, source, &block);
    for (size_t col0 = 0; col0 < total; col0 += block.n_cols) {
        size_t n = total - col0 < block.n_cols ? total - col0 : block.n_cols;

        BA_TRY(ba_ctx_check(ctx));
        ba_ctx_progress(ctx, "reading", (double) col0, (double) total);
        for (size_t j = 0; j < n; j++) {
            block.columns[j] = empty;
        }
        BA_TRY(read_columns(source, &block, col0, n, statistics));
        for (size_t j = 0; j < n; j++) {
            add_column(statistics, &block.columns[j], &sum);
        }
    }
    ba_ctx_progress(ctx, "reading", (double) total, (double) total);
    n_finite = statistics->n_values - statistics->n_nan - statistics->n_infinite;
    if (n_finite > 0) {
        statistics->mean = sum / (double) n_finite;
    }
out:
    free(block.values);
    free(block.columns);
    return status;
}

void
cli_statistics_print(const cli_statistics_t *statistics)
{
    cli_info_key("range");
    if (isnan(statistics->mean)) {
        puts("no finite value");
    } else {
        printf("%.6g to %.6g, mean %.6g\n", statistics->min, statistics->max,
            statistics->mean);
    }
    cli_info_key("not finite");
    printf("%zu NaN, %zu infinite of %zu values\n", statistics->n_nan,
        statistics->n_infinite, statistics->n_values);
    cli_info_key("constant columns");
    printf("%zu of %zu", statistics->n_constant, statistics->n_cols);
    if (statistics->n_empty > 0) {
        printf(", and %zu without a finite value", statistics->n_empty);
    }
    putchar('\n');
}
