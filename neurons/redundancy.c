/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Correlations of the columns of a file, only those that are asked for. The file is read
 * once, in blocks of neighbouring columns; what is kept of it are the candidates, as
 * float32: a product of unit vectors is then exact to about 1e-7. */
#include "neurons/redundancy.h"

#include "core/alloc.h"
#include "datasets/neuron_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of a block that is read. */
#define BLOCK_NUMBERS ((size_t) 4 << 20)

/* A column whose deviation is below this share of its largest value is constant. */
#define CONSTANT 1e-10

struct ba_redundancy {
    size_t n_tokens, n_held; /* candidates in memory */
    float *columns;          /* n_tokens x n_held, each of length 1 or all zeros */
};

/* A candidate and its place among the activations. */
typedef struct {
    size_t column, candidate;
} wanted_t;

static int
compare_wanted(const void *a, const void *b)
{
    size_t x = ((const wanted_t *) a)->column, y = ((const wanted_t *) b)->column;

    return x < y ? -1 : x > y;
}

static void
scale(const double *x, size_t n, float *unit)
{
    double mean = 0, sum = 0, largest = 0;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
        largest = fmax(largest, fabs(x[i]));
    }
    for (size_t i = 0; i < n; i++) {
        sum += (x[i] - mean) * (x[i] - mean);
    }
    if (sqrt(sum / (double) n) <= CONSTANT * largest) {
        memset(unit, 0, n * sizeof *unit);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        unit[i] = (float) ((x[i] - mean) / sqrt(sum));
    }
}

static int
read_columns(const ba_ctx_t *ctx, ba_activations_t *activations, const wanted_t *wanted,
    size_t n_wanted, ba_redundancy_t *redundancy)
{
    size_t n_tokens = redundancy->n_tokens;
    size_t width = BLOCK_NUMBERS / n_tokens + 1;
    double *block = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(block, ba_malloc(n_tokens * width, sizeof *block));
    for (size_t i = 0; i < n_wanted;) {
        size_t column = wanted[i].column, n = 1, stop = i + 1;

        while (stop < n_wanted && wanted[stop].column - column < width) {
            n = wanted[stop++].column - column + 1;
        }
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(
            ba_activations_read(activations, NULL, n_tokens, column, n, block, n_tokens));
        for (; i < stop; i++) {
            scale(block + (wanted[i].column - column) * n_tokens, n_tokens,
                redundancy->columns + wanted[i].candidate * n_tokens);
        }
    }
out:
    ba_free(block);
    return status;
}

int
ba_redundancy_open(const ba_ctx_t *ctx, ba_activations_t *activations,
    const size_t *candidates, size_t n_candidates, ba_redundancy_t **out)
{
    ba_redundancy_t *redundancy = NULL;
    wanted_t *wanted = NULL;
    size_t n_fit, n_numbers;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(redundancy, ba_calloc(1, sizeof *redundancy));
    redundancy->n_tokens = activations->n_tokens;
    n_fit = ba_ctx_memory(ctx) / 2 / sizeof(float) / activations->n_tokens;
    redundancy->n_held = n_candidates < n_fit ? n_candidates : n_fit;
    BA_TRY_ALLOC(wanted, ba_malloc(redundancy->n_held, sizeof *wanted));
    for (size_t i = 0; i < redundancy->n_held; i++) {
        wanted[i].candidate = i;
        BA_TRY(ba_neuron_place(&activations->neurons, candidates[i], &wanted[i].column));
    }
    qsort(wanted, redundancy->n_held, sizeof *wanted, compare_wanted);
    BA_TRY(ba_multiply(redundancy->n_held, activations->n_tokens, &n_numbers));
    BA_TRY_ALLOC(redundancy->columns, ba_malloc(n_numbers, sizeof(float)));
    BA_TRY(read_columns(ctx, activations, wanted, redundancy->n_held, redundancy));
    *out = redundancy;
    redundancy = NULL;
out:
    ba_free(wanted);
    ba_redundancy_free(redundancy);
    return status;
}

void
ba_redundancy_free(ba_redundancy_t *redundancy)
{
    if (redundancy) {
        ba_free(redundancy->columns);
        ba_free(redundancy);
    }
}

static double
product(const float *x, const float *y, size_t n)
{
    double sum[4] = {0, 0, 0, 0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++) {
            sum[k] += (double) x[i + k] * (double) y[i + k];
        }
    }
    for (; i < n; i++) {
        sum[0] += (double) x[i] * (double) y[i];
    }
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

int
ba_redundancy_check(const ba_redundancy_t *redundancy, size_t i, const size_t *kept,
    size_t n_kept, double most, int *is_new)
{
    size_t n = redundancy->n_tokens;

    *is_new = 1;
    if (i >= redundancy->n_held) {
        return ba_fail(BA_TOO_LARGE,
            "selection: %zu columns of %zu tokens fit the memory budget, more would have "
            "to be compared",
            redundancy->n_held, n);
    }
    for (size_t k = 0; k < n_kept && *is_new; k++) {
        double r =
            product(redundancy->columns + i * n, redundancy->columns + kept[k] * n, n);

        *is_new = fmin(fabs(r), 1) <= most; /* a copy may round to above 1 */
    }
    return BA_OK;
}
