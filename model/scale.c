/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/scale.h"

#include "core/alloc.h"

#include <math.h>

int
ba_mean_and_scale(const double *x, size_t n, double *mean, double *scale)
{
    double sum = 0.0, squares = 0.0, largest = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        largest = fmax(largest, fabs(x[i]));
    }
    *mean = n > 0 ? sum / (double) n : 0.0;
    for (size_t i = 0; i < n; i++) {
        squares += (x[i] - *mean) * (x[i] - *mean);
    }
    *scale = n > 0 ? sqrt(squares / (double) n) : 0.0;
    if (!(*scale > BA_CONSTANT * largest)) {
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
