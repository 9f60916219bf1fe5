/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Permutations written out. */
#include "core/alloc.h"
#include "model/null_impl.h"
#include "model/series.h"

#include <string.h>

#define CHUNK BA_NULL_CHUNK

static void
shift(const ba_null_draws_t *fold, size_t index, const double *series, double *permuted)
{
    const ba_runs_t *runs = &fold->runs;

    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], n = runs->onset[r + 1] - first;
        size_t by = fold->shifts[index * runs->n_runs + r];

        memcpy(permuted + first + by, series + first, (n - by) * sizeof *series);
        memcpy(permuted + first, series + first + (n - by), by * sizeof *series);
    }
}

static void
exchange(const ba_null_draws_t *fold, size_t block, size_t index, const double *series,
    double *permuted)
{
    const ba_runs_t *runs = &fold->runs;
    const uint16_t *order = fold->orders + index * fold->n_full;

    memcpy(permuted, series, runs->n_samples * sizeof *series);
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], n = (runs->onset[r + 1] - first) / block;

        for (size_t i = 0; i < n; i++) {
            memcpy(permuted + first + i * block, series + first + order[i] * block,
                block * sizeof *series);
        }
        order += n;
    }
}

/* Turns the coefficients of a series (that of a fold, run after run) by its factors. */
static void
turn(const ba_null_t *null, const ba_runs_t *runs, const double *factors, double *c)
{
    if (null->opts.kind == BA_NULL_COSINE) {
        ba_null_contrast_runs(runs, c);
        for (size_t i = 0; i < runs->n_samples; i++) {
            c[i] *= factors[i * CHUNK];
        }
        ba_null_restore_runs(runs, c);
        return;
    }
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], n = runs->onset[r + 1] - first;

        for (size_t i = 1; i < n; i += 2) {
            double *wave = c + first + i, cosine = factors[(first + i) * CHUNK],
                   a = *wave;

            *wave *= cosine;
            if (i + 1 < n) {
                double sine = factors[(first + i + 1) * CHUNK];

                wave[0] -= wave[1] * sine;
                wave[1] = a * sine + wave[1] * cosine;
            }
        }
    }
}

/* ---- many series at once ---- */

struct ba_null_series {
    const ba_null_t *null;
    size_t fold, n_columns;
    double *values; /* n x n_columns: the series; of spectra the coefficients */
    double *mean;   /* n_columns, of spectra */
    double *panel;  /* factors of the chunk at hand */
    size_t chunk;   /* SIZE_MAX = none yet */
    double *turned; /* n x n_columns */
    double *scratch;
};

static int
is_spectral(const ba_null_t *null)
{
    return null->opts.kind == BA_NULL_COSINE || null->opts.kind == BA_NULL_PHASE;
}

/* Coefficients of the centred series, which stand in `turned` meanwhile. */
static void
to_coefficients(ba_null_series_t *out, ba_cdmat_t series)
{
    const ba_null_draws_t *draws = &out->null->folds[out->fold];
    const ba_runs_t *runs = &draws->runs;
    size_t n = runs->n_samples;

    for (size_t j = 0; j < out->n_columns; j++) {
        const double *column = series.data + j * series.ld;

        out->mean[j] = ba_series_mean(column, n);
        for (size_t i = 0; i < n; i++) {
            out->turned[i + j * n] = column[i] - out->mean[j];
        }
    }
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], length = runs->onset[r + 1] - first;

        ba_spectrum_forward(draws->spectra[r],
            (ba_cdmat_t){out->turned + first, length, out->n_columns, n},
            (ba_dmat_t){out->values + first, length, out->n_columns, n}, out->scratch);
    }
}

int
ba_null_series_new(
    const ba_null_t *null, size_t fold, ba_cdmat_t series, ba_null_series_t **out)
{
    int status = BA_OK;
    size_t n, v = series.n_cols;
    ba_null_series_t *made = NULL;

    *out = NULL;
    if (fold >= null->n_folds) {
        return ba_fail(BA_VALUE, "null: fold %zu, wanted below %zu", fold, null->n_folds);
    }
    n = null->folds[fold].runs.n_samples;
    if (series.n_rows != n) {
        return ba_fail(
            BA_SHAPE, "null: series of %zu samples, wanted %zu", series.n_rows, n);
    }
    BA_TRY_ALLOC(made, ba_calloc(1, sizeof *made));
    *made =
        (ba_null_series_t){.null = null, .fold = fold, .n_columns = v, .chunk = SIZE_MAX};
    BA_TRY_ALLOC(made->values, ba_malloc(n, v * sizeof *made->values));
    if (!is_spectral(null)) {
        for (size_t j = 0; j < v; j++) {
            memcpy(made->values + j * n, series.data + j * series.ld,
                n * sizeof *made->values);
        }
        goto out;
    }
    BA_TRY_ALLOC(made->mean, ba_malloc(v, sizeof *made->mean));
    BA_TRY_ALLOC(made->panel, ba_calloc(n, CHUNK * sizeof *made->panel));
    BA_TRY_ALLOC(made->turned, ba_malloc(n, v * sizeof *made->turned));
    BA_TRY_ALLOC(made->scratch, ba_malloc(null->scratch, sizeof *made->scratch));
    to_coefficients(made, series);
out:
    if (status != BA_OK) {
        ba_null_series_free(made);
        made = NULL;
    }
    *out = made;
    return status;
}

void
ba_null_series_free(ba_null_series_t *series)
{
    if (series) {
        ba_free(series->values);
        ba_free(series->mean);
        ba_free(series->panel);
        ba_free(series->turned);
        ba_free(series->scratch);
        ba_free(series);
    }
}

static void
respectrum(ba_null_series_t *series, size_t index, ba_dmat_t permuted)
{
    const ba_null_t *null = series->null;
    const ba_null_draws_t *draws = &null->folds[series->fold];
    const ba_runs_t *runs = &draws->runs;
    size_t n = runs->n_samples, v = series->n_columns;

    if (series->chunk != index / CHUNK) {
        series->chunk = index / CHUNK;
        ba_null_panel(null, series->fold, series->chunk, series->panel);
    }
    memcpy(series->turned, series->values, n * v * sizeof *series->turned);
    for (size_t j = 0; j < v; j++) {
        turn(null, runs, series->panel + index % CHUNK, series->turned + j * n);
    }
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], length = runs->onset[r + 1] - first;

        ba_spectrum_inverse(draws->spectra[r],
            (ba_cdmat_t){series->turned + first, length, v, n},
            (ba_dmat_t){permuted.data + first, length, v, permuted.ld}, series->scratch);
    }
    for (size_t j = 0; j < v; j++) {
        for (size_t i = 0; i < n; i++) {
            permuted.data[i + j * permuted.ld] += series->mean[j];
        }
    }
}

int
ba_null_series_permute(ba_null_series_t *series, size_t index, ba_dmat_t permuted)
{
    const ba_null_t *null = series->null;
    const ba_null_draws_t *draws = &null->folds[series->fold];
    size_t n = draws->runs.n_samples;

    if (index >= null->n_permutations) {
        return ba_fail(BA_VALUE, "null: permutation %zu, wanted below %zu", index,
            null->n_permutations);
    }
    if (is_spectral(null)) {
        respectrum(series, index, permuted);
        return BA_OK;
    }
    for (size_t j = 0; j < series->n_columns; j++) {
        const double *column = series->values + j * n;
        double *dst = permuted.data + j * permuted.ld;

        if (null->opts.kind == BA_NULL_CIRCULAR) {
            shift(draws, index, column, dst);
        } else {
            exchange(draws, null->opts.block, index, column, dst);
        }
    }
    return BA_OK;
}

int
ba_null_permute(const ba_null_t *null, size_t fold, size_t index, const double *series,
    double *permuted)
{
    int status;
    ba_null_series_t *one = NULL;
    size_t n = fold < null->n_folds ? null->folds[fold].runs.n_samples : 0;

    BA_TRY(ba_null_series_new(null, fold, (ba_cdmat_t){series, n, 1, n}, &one));
    BA_TRY(ba_null_series_permute(one, index, (ba_dmat_t){permuted, n, 1, n}));
out:
    ba_null_series_free(one);
    return status;
}
