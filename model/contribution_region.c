/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/contribution_region.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "model/contribution_impl.h"

#include <math.h>
#include <string.h>

struct ba_contribution_region {
    const ba_contribution_t *contribution;
    size_t q, m, n_neurons, n_targets;
    size_t *start;            /* n_neurons + 1 */
    unsigned char *removed;   /* n_neurons */
    double *f, *h;            /* rank x q and m x q, until finished */
    double *carry;            /* q x m: B E', until finished */
    double *g, *m1, *m2, *m3; /* q x q */
    double r2;                /* a sum until finished */
};

void
ba_contribution_region_free(ba_contribution_region_t *region)
{
    if (!region) {
        return;
    }
    ba_free(region->start);
    ba_free(region->removed);
    ba_free(region->f);
    ba_free(region->h);
    ba_free(region->carry);
    ba_free(region->g);
    ba_free(region->m1);
    ba_free(region->m2);
    ba_free(region->m3);
    ba_free(region);
}

/* Takes over f, h, G and the beginnings of all neurons. */
static int
take_columns(ba_contribution_region_t *region)
{
    int status = BA_OK;
    size_t n = region->n_neurons, *all = NULL;
    ba_contribution_columns_t columns = {0};

    BA_TRY_ALLOC(all, ba_malloc(n, sizeof *all));
    for (size_t j = 0; j < n; j++) {
        all[j] = j;
    }
    BA_TRY(ba_contribution_columns_make(region->contribution, all, n, &columns));
    region->q = columns.k;
    region->start = columns.from;
    region->f = columns.f;
    region->h = columns.h;
    region->g = columns.g;
    columns.from = NULL;
    columns.f = columns.h = columns.g = NULL;
out:
    ba_contribution_columns_free(&columns);
    ba_free(all);
    return status;
}

int
ba_contribution_region_new(const ba_contribution_t *c, ba_contribution_region_t **out)
{
    int status = BA_OK;
    size_t q;
    ba_contribution_region_t *region;

    BA_TRY_ALLOC(region, ba_calloc(1, sizeof *region));
    region->contribution = c;
    region->m = c->m;
    region->n_neurons = c->n_neurons;
    BA_TRY_ALLOC(region->removed, ba_calloc(c->n_neurons, sizeof *region->removed));
    BA_TRY(take_columns(region));
    q = region->q;
    BA_TRY_ALLOC(region->carry, ba_calloc(q, c->m * sizeof *region->carry));
    BA_TRY_ALLOC(region->m1, ba_malloc(q, q * sizeof *region->m1));
    BA_TRY_ALLOC(region->m2, ba_calloc(q, q * sizeof *region->m2));
    BA_TRY_ALLOC(region->m3, ba_malloc(q, q * sizeof *region->m3));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(region->h, c->m, q, c->m), BA_KEEP,
        ba_cdmat(region->h, c->m, q, c->m), 0.0, ba_dmat(region->m3, q, q, q));
out:
    if (status != BA_OK) {
        ba_contribution_region_free(region);
        region = NULL;
    }
    *out = region;
    return status;
}

/* Residuals in place of responses, divided by the root of SST; returns r2, NaN without
 * variance, which also makes the column 0. */
static double
scale_residuals(double *y, const double *p, size_t m, double *factor)
{
    double mean = 0.0, total = 0.0, squares = 0.0;

    for (size_t i = 0; i < m; i++) {
        mean += y[i] / (double) m;
    }
    for (size_t i = 0; i < m; i++) {
        total += (y[i] - mean) * (y[i] - mean);
    }
    *factor = total > 0.0 ? 1.0 / sqrt(total) : 0.0;
    for (size_t i = 0; i < m; i++) {
        y[i] = (y[i] - p[i]) * *factor;
        squares += y[i] * y[i];
    }
    return total > 0.0 ? 1.0 - squares : (double) NAN;
}

int
ba_contribution_region_add(
    ba_contribution_region_t *region, ba_cdmat_t y, ba_cdmat_t y_test)
{
    int status;
    const ba_contribution_t *c = region->contribution;
    size_t v = y.n_cols, q = region->q, m = region->m, rank = c->rank;
    ba_contributed_t made = {0};
    double *b = NULL;

    BA_TRY(ba_contributed_make(c, y, y_test, &made));
    BA_TRY_ALLOC(b, ba_malloc(q, v * sizeof *b));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(region->f, rank, q, rank), BA_KEEP,
        ba_cdmat(made.filtered, rank, v, rank), 0.0, ba_dmat(b, q, v, q));
    for (size_t t = 0; t < v; t++) {
        double factor, r2 = scale_residuals(made.y + t * m, made.p + t * m, m, &factor);

        for (size_t i = 0; i < q; i++) {
            b[i + t * q] *= factor;
        }
        region->r2 += isnan(r2) ? 0.0 : r2;
        region->n_targets += isnan(r2) ? 0 : 1;
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(b, q, v, q), BA_TRANSPOSE,
        ba_cdmat(made.y, m, v, m), 1.0, ba_dmat(region->carry, q, m, q));
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(b, q, v, q), BA_TRANSPOSE, ba_cdmat(b, q, v, q),
        1.0, ba_dmat(region->m2, q, q, q));
out:
    ba_contributed_free(&made);
    ba_free(b);
    return status;
}

int
ba_contribution_region_finish(ba_contribution_region_t *region)
{
    size_t q = region->q, m = region->m;
    double share = 1.0 / (double) region->n_targets;

    if (region->n_targets == 0) {
        return ba_fail(BA_NUMERIC, "region: no target has variance on the held-out rows");
    }
    ba_gemm_f64(share, BA_KEEP, ba_cdmat(region->carry, q, m, q), BA_KEEP,
        ba_cdmat(region->h, m, q, m), 0.0, ba_dmat(region->m1, q, q, q));
    for (size_t i = 0; i < q * q; i++) {
        region->m2[i] *= share;
    }
    region->r2 *= share;
    ba_free(region->carry);
    ba_free(region->f);
    ba_free(region->h);
    region->carry = region->f = region->h = NULL;
    return BA_OK;
}

size_t
ba_contribution_region_n_targets(const ba_contribution_region_t *region)
{
    return region->n_targets;
}

double
ba_contribution_region_r2(const ba_contribution_region_t *region)
{
    return region->r2;
}

/* ---- one set ---- */

/* Four k x k matrices: G_SS, M1_SS, M2_SS, M3_SS. */
static void
gather(const ba_contribution_region_t *region, const size_t *columns, size_t k,
    double *squares)
{
    const double *const from[] = {region->g, region->m1, region->m2, region->m3};

    for (size_t s = 0; s < 4; s++) {
        for (size_t b = 0; b < k; b++) {
            for (size_t a = 0; a < k; a++) {
                squares[s * k * k + b * k + a] =
                    from[s][columns[b] * region->q + columns[a]];
            }
        }
    }
}

/* squares: as gathered, overwritten. */
static int
drop_of(double *squares, size_t k, double *drop)
{
    int status;
    ba_dmat_t g = ba_dmat(squares, k, k, k);
    double *m1 = squares + k * k, *m2 = m1 + k * k, *m3 = m2 + k * k;

    *drop = 0.0;
    BA_TRY(ba_cholesky(g));
    ba_cholesky_solve(ba_dmat_const(g), ba_dmat(m1, k, 3 * k, k));
    for (size_t i = 0; i < k; i++) {
        *drop += 2.0 * m1[i + i * k];
        for (size_t j = 0; j < k; j++) {
            *drop += m2[i + j * k] * m3[j + i * k];
        }
    }
out:
    return status;
}

int
ba_contribution_region_set(const ba_contribution_region_t *region, const size_t *neurons,
    size_t n_neurons, double *drop)
{
    int status = BA_OK;
    size_t k = 0, at = 0, *columns = NULL;
    double *squares = NULL;

    for (size_t i = 0; i < n_neurons; i++) {
        k += region->start[neurons[i] + 1] - region->start[neurons[i]];
    }
    BA_TRY_ALLOC(columns, ba_malloc(k, sizeof *columns));
    BA_TRY_ALLOC(squares, ba_malloc(k, 4 * k * sizeof *squares));
    for (size_t i = 0; i < n_neurons; i++) {
        for (size_t c = region->start[neurons[i]]; c < region->start[neurons[i] + 1];
             c++) {
            columns[at++] = c;
        }
    }
    gather(region, columns, k, squares);
    BA_TRY(drop_of(squares, k, drop));
out:
    ba_free(columns);
    ba_free(squares);
    return status;
}

int
ba_contribution_region_drops(const ba_contribution_region_t *region, double *drops)
{
    int status = BA_OK;
    size_t most = 1, *columns = NULL;
    double *squares = NULL;

    for (size_t j = 0; j < region->n_neurons; j++) {
        size_t d = region->start[j + 1] - region->start[j];

        most = d > most ? d : most;
    }
    BA_TRY_ALLOC(columns, ba_malloc(most, sizeof *columns));
    BA_TRY_ALLOC(squares, ba_malloc(most, 4 * most * sizeof *squares));
    for (size_t j = 0; j < region->n_neurons; j++) {
        size_t first = region->start[j], d = region->start[j + 1] - first;

        drops[j] = NAN;
        if (region->removed[j]) {
            continue;
        }
        for (size_t a = 0; a < d; a++) {
            columns[a] = first + a;
        }
        gather(region, columns, d, squares);
        BA_TRY(drop_of(squares, d, &drops[j]));
    }
out:
    ba_free(columns);
    ba_free(squares);
    return status;
}

/* ---- for good ---- */

/* Rows first .. first + d - 1 of a symmetric matrix, less its own block times t. */
static void
reduce_rows(
    const double *matrix, size_t q, size_t first, size_t d, const double *t, double *out)
{
    for (size_t c = 0; c < q; c++) {
        for (size_t a = 0; a < d; a++) {
            double value = matrix[first + a + c * q];

            for (size_t b = 0; b < d; b++) {
                value -= matrix[first + a + (first + b) * q] * t[b + c * d];
            }
            out[a + c * d] = value;
        }
    }
}

/* matrix -= T'rows + matrix_:S T, matrix_:S copied first. */
static void
reduce(double *matrix, size_t q, size_t first, size_t d, const double *t,
    const double *rows, double *columns)
{
    memcpy(columns, matrix + first * q, d * q * sizeof *columns);
    ba_gemm_f64(-1.0, BA_TRANSPOSE, ba_cdmat(t, d, q, d), BA_KEEP,
        ba_cdmat(rows, d, q, d), 1.0, ba_dmat(matrix, q, q, q));
    ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(columns, q, d, q), BA_KEEP, ba_cdmat(t, d, q, d),
        1.0, ba_dmat(matrix, q, q, q));
}

/* T = G_SS^-1 G_S: and M_S: - M_SS T of the three others make the smaller model's. */
static int
shrink(ba_contribution_region_t *region, size_t first, size_t d, double *work)
{
    int status;
    size_t q = region->q, size = d * q;
    double *t = work, *rows1 = t + size, *rows2 = rows1 + size, *rows3 = rows2 + size;
    double *columns = rows3 + size, *square = columns + size;
    ba_dmat_t factor = ba_dmat(square, d, d, d);

    for (size_t c = 0; c < q; c++) {
        memcpy(t + c * d, region->g + first + c * q, d * sizeof *t);
    }
    memcpy(square, t + first * d, d * d * sizeof *square);
    BA_TRY(ba_cholesky(factor));
    ba_cholesky_solve(ba_dmat_const(factor), ba_dmat(t, d, q, d));
    reduce_rows(region->m1, q, first, d, t, rows1);
    reduce_rows(region->m2, q, first, d, t, rows2);
    reduce_rows(region->m3, q, first, d, t, rows3);
    reduce(region->m1, q, first, d, t, rows1, columns);
    reduce(region->m2, q, first, d, t, rows2, columns);
    reduce(region->m3, q, first, d, t, rows3, columns);
    ba_cholesky_solve(ba_dmat_const(factor), ba_dmat(rows3, d, q, d));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(rows2, d, q, d), BA_KEEP,
        ba_cdmat(rows3, d, q, d), 1.0, ba_dmat(region->m1, q, q, q));
    memcpy(columns, region->g + first * q, size * sizeof *columns);
    ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(columns, q, d, q), BA_KEEP, ba_cdmat(t, d, q, d),
        1.0, ba_dmat(region->g, q, q, q));
out:
    return status;
}

int
ba_contribution_region_remove(ba_contribution_region_t *region, size_t neuron)
{
    int status;
    size_t first = region->start[neuron], d = region->start[neuron + 1] - first;
    double *work = NULL, drop;

    BA_TRY(ba_contribution_region_set(region, &neuron, 1, &drop));
    BA_TRY_ALLOC(work, ba_malloc(d, (5 * region->q + d) * sizeof *work));
    BA_TRY(shrink(region, first, d, work));
    region->r2 -= drop;
    region->removed[neuron] = 1;
out:
    ba_free(work);
    return status;
}

/* ---- backward elimination ---- */

/* The neuron whose removal costs the voters least; drops: n_voters x n. */
static size_t
cheapest(const double *drops, size_t n_voters, size_t n)
{
    size_t best = SIZE_MAX;
    double least = INFINITY;

    for (size_t j = 0; j < n; j++) {
        double sum = 0.0;

        for (size_t r = 0; r < n_voters; r++) {
            sum += drops[r * n + j];
        }
        if (sum < least) {
            least = sum;
            best = j;
        }
    }
    return best;
}

int
ba_contribution_eliminate(const ba_ctx_t *ctx, ba_contribution_region_t *const *regions,
    size_t n_regions, size_t n_voters, size_t *order, double *r2)
{
    int status = BA_OK;
    size_t n = regions[0]->n_neurons;
    double *drops = NULL;

    BA_TRY_ALLOC(drops, ba_malloc(n_voters, n * sizeof *drops));
    for (size_t r = 0; r < n_regions; r++) {
        r2[r * (n + 1)] = regions[r]->r2;
    }
    for (size_t step = 0; step < n; step++) {
        ba_error_keep_t error = {0};
        size_t next;

        BA_TRY(ba_ctx_check(ctx));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
        for (size_t r = 0; r < n_voters; r++) {
            ba_error_keep(
                &error, ba_contribution_region_drops(regions[r], drops + r * n));
        }
        BA_TRY(ba_error_raise(&error));
        next = cheapest(drops, n_voters, n);
        if (next == SIZE_MAX) {
            BA_TRY(ba_fail(BA_NUMERIC, "elimination: no neuron has a finite drop"));
        }
        order[step] = next;
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
        for (size_t r = 0; r < n_regions; r++) {
            ba_error_keep(&error, ba_contribution_region_remove(regions[r], next));
            r2[r * (n + 1) + step + 1] = regions[r]->r2;
        }
        BA_TRY(ba_error_raise(&error));
    }
out:
    ba_free(drops);
    return status;
}
