/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/scale.h"

#include "core/alloc.h"
#include "model/clones.h"

#include <math.h>

BA_CLONES static double
sum_of(const double *x, size_t n)
{
    double sum[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sum[j] += x[i + j];
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sum[j] += x[i + j];
    }
    return ba_lanes_sum(sum);
}

BA_CLONES static double
squares_of(const double *x, size_t n, double mean)
{
    double sum[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sum[j] += (x[i + j] - mean) * (x[i + j] - mean);
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sum[j] += (x[i + j] - mean) * (x[i + j] - mean);
    }
    return ba_lanes_sum(sum);
}

/* The largest absolute value is at most |mean| + sqrt(squares), so that it is hardly ever
 * looked for. */
static int
varies(const double *x, size_t n, double mean, double squares, double scale)
{
    double largest = 0.0;

    if (scale > BA_CONSTANT * (fabs(mean) + sqrt(squares))) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(x[i]));
    }
    return scale > BA_CONSTANT * largest;
}

int
ba_mean_and_scale(const double *x, size_t n, double *mean, double *scale)
{
    double squares;

    *mean = n > 0 ? sum_of(x, n) / (double) n : 0.0;
    squares = squares_of(x, n, *mean);
    *scale = n > 0 ? sqrt(squares / (double) n) : 0.0;
    if (!varies(x, n, *mean, squares, *scale)) {
        *scale = 1.0;
        return 0;
    }
    return 1;
}

int
ba_design_scale(const ba_ctx_t *ctx, const ba_design_t *design, const size_t *rows,
    size_t n_rows, double *mean, double *scale)
{
    int status = BA_OK;
    size_t p = ba_design_n_columns(design);
    size_t n_threads = (size_t) ba_ctx_threads(ctx);
    double *columns = NULL;

    BA_TRY_ALLOC(columns, ba_malloc(n_rows, n_threads * sizeof *columns));
#pragma omp parallel for schedule(static) num_threads((int) n_threads)
    for (size_t t = 0; t < n_threads; t++) {
        double *x = columns + t * n_rows;

        for (size_t j = t; j < p; j += n_threads) {
            ba_design_read(design, rows, n_rows, j, 1, x, n_rows);
            ba_mean_and_scale(x, n_rows, mean + j, scale + j);
        }
    }
out:
    ba_free(columns);
    return status;
}
