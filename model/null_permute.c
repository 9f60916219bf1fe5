/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One permutation written out. */
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

static int
respectrum(const ba_null_t *null, size_t fold, size_t index, const double *series,
    double *permuted)
{
    const ba_null_draws_t *draws = &null->folds[fold];
    const ba_runs_t *runs = &draws->runs;
    size_t n = runs->n_samples;
    double *panel = NULL, *centred = NULL, *c = NULL, *scratch = NULL, mean;
    int status = BA_OK;

    BA_TRY_ALLOC(panel, ba_calloc(n, CHUNK * sizeof *panel));
    BA_TRY_ALLOC(centred, ba_malloc(n, sizeof *centred));
    BA_TRY_ALLOC(c, ba_malloc(n, sizeof *c));
    BA_TRY_ALLOC(scratch, ba_malloc(null->scratch, sizeof *scratch));
    ba_null_panel(null, fold, index / CHUNK, panel);
    mean = ba_series_mean(series, n);
    for (size_t i = 0; i < n; i++) {
        centred[i] = series[i] - mean;
    }
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], length = runs->onset[r + 1] - first;

        ba_spectrum_forward(draws->spectra[r],
            (ba_cdmat_t){centred + first, length, 1, n},
            (ba_dmat_t){c + first, length, 1, n}, scratch);
    }
    turn(null, runs, panel + index % CHUNK, c);
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], length = runs->onset[r + 1] - first;

        ba_spectrum_inverse(draws->spectra[r], (ba_cdmat_t){c + first, length, 1, n},
            (ba_dmat_t){permuted + first, length, 1, n}, scratch);
    }
    for (size_t i = 0; i < n; i++) {
        permuted[i] += mean;
    }
out:
    ba_free(panel);
    ba_free(centred);
    ba_free(c);
    ba_free(scratch);
    return status;
}

int
ba_null_permute(const ba_null_t *null, size_t fold, size_t index, const double *series,
    double *permuted)
{
    if (fold >= null->n_folds || index >= null->n_permutations) {
        return ba_fail(BA_VALUE,
            "null: permutation %zu of fold %zu, wanted below %zu and %zu", index, fold,
            null->n_permutations, null->n_folds);
    }
    switch (null->opts.kind) {
    case BA_NULL_CIRCULAR:
        shift(&null->folds[fold], index, series, permuted);
        return BA_OK;
    case BA_NULL_BLOCKS:
        exchange(&null->folds[fold], null->opts.block, index, series, permuted);
        return BA_OK;
    case BA_NULL_COSINE:
    case BA_NULL_PHASE:
        break;
    }
    return respectrum(null, fold, index, series, permuted);
}
