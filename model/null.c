/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a null distribution is made of: folds, their runs, spectra of each length of run,
 * draws. */
#include "model/null_impl.h"
#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

ba_null_opts_t
ba_null_opts_default(void)
{
    return (ba_null_opts_t){.kind = BA_NULL_COSINE, .n_permutations = 1000, .block = 20};
}

static int
check_options(const ba_null_opts_t *opts)
{
    if (opts->n_permutations == 0 || opts->n_permutations > UINT32_MAX) {
        return ba_fail(
            BA_VALUE, "null: %zu permutations, wanted 1 or more", opts->n_permutations);
    }
    if (opts->kind == BA_NULL_BLOCKS && opts->block == 0) {
        return ba_fail(BA_VALUE, "null: blocks of 0 samples, wanted 1 or more");
    }
    return BA_OK;
}

int
ba_null_can_move(const ba_null_opts_t *opts, size_t length)
{
    switch (opts->kind) {
    case BA_NULL_CIRCULAR:
        return length >= 2 && length / 2 >= opts->min_shift;
    case BA_NULL_BLOCKS:
        return length / opts->block >= 2;
    case BA_NULL_COSINE:
    case BA_NULL_PHASE:
        break;
    }
    return length >= 2;
}

size_t
ba_null_n_shifts(const ba_null_opts_t *opts, size_t length)
{
    if (!ba_null_can_move(opts, length)) {
        return 1;
    }
    return opts->min_shift > 0 ? length - 2 * opts->min_shift + 1 : length;
}

double
ba_null_n_all_shifts(const ba_null_t *null)
{
    double n = 1;

    for (size_t f = 0; f < null->n_folds; f++) {
        const ba_runs_t *runs = &null->folds[f].runs;

        for (size_t r = 0; r < runs->n_runs; r++) {
            n *= (double) ba_null_n_shifts(&null->opts, ba_null_run_length(runs, r));
        }
    }
    return null->opts.min_shift > 0 ? n : n - 1;
}

/* What keeps a fold from having any other order. */
static int
refuse(const ba_null_opts_t *opts, size_t f, size_t longest)
{
    if (opts->kind == BA_NULL_BLOCKS) {
        return ba_fail(BA_SHAPE,
            "null: fold %zu (from 0) has no run of 2 blocks of %zu samples, its longest "
            "has %zu samples",
            f, opts->block, longest);
    }
    return ba_fail(BA_SHAPE,
        "null: the longest run of fold %zu (from 0) has %zu samples, wanted at least %zu "
        "to be permuted",
        f, longest,
        opts->kind == BA_NULL_CIRCULAR && opts->min_shift > 1 ? 2 * opts->min_shift
                                                              : (size_t) 2);
}

static int
check_fold(const ba_null_opts_t *opts, const ba_runs_t *runs, size_t f)
{
    size_t longest = 0, n_movable = 0;
    int status = BA_OK;

    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t length = ba_null_run_length(runs, r);

        longest = length > longest ? length : longest;
        n_movable += ba_null_can_move(opts, length) != 0;
        if (opts->kind == BA_NULL_BLOCKS && length / opts->block > BA_NULL_MOST_BLOCKS) {
            return ba_fail(BA_TOO_LARGE,
                "null: %zu blocks in run %zu of fold %zu (from 0), at most %d; take "
                "longer ones than %zu samples",
                length / opts->block, r, f, BA_NULL_MOST_BLOCKS, opts->block);
        }
    }
    BA_TRY(ba_blas_check(runs->n_samples));
    if (n_movable == 0 && !(opts->kind == BA_NULL_COSINE && runs->n_runs > 1)) {
        return refuse(opts, f, longest);
    }
out:
    return status;
}

/* The spectrum of a length, made where none is there yet. */
static int
find_spectrum(ba_null_t *null, size_t length, const ba_spectrum_t **out)
{
    ba_spectrum_kind_t kind =
        null->opts.kind == BA_NULL_COSINE ? BA_SPECTRUM_COSINE : BA_SPECTRUM_FOURIER;
    ba_spectrum_t **more;
    size_t scratch;
    int status = BA_OK;

    for (size_t i = 0; i < null->n_spectra; i++) {
        if (ba_spectrum_length(null->spectra[i]) == length) {
            *out = null->spectra[i];
            return BA_OK;
        }
    }
    BA_TRY_ALLOC(more, ba_realloc(null->spectra, null->n_spectra + 1, sizeof *more));
    null->spectra = more;
    BA_TRY(ba_spectrum_new(
        kind, length, BA_SPECTRUM_LONGEST_DENSE, &null->spectra[null->n_spectra]));
    *out = null->spectra[null->n_spectra++];
    scratch = ba_spectrum_scratch(*out);
    null->scratch = scratch > null->scratch ? scratch : null->scratch;
out:
    return status;
}

static int
make_fold(ba_null_t *null, const ba_runs_t *runs, size_t f)
{
    ba_null_draws_t *fold = &null->folds[f];
    int status = BA_OK;

    BA_TRY(check_fold(&null->opts, runs, f));
    BA_TRY(ba_runs_from_onsets(runs->onset, runs->n_runs, runs->n_samples, &fold->runs));
    if (runs->n_samples > null->n_longest) {
        null->n_longest = runs->n_samples;
    }
    if (null->opts.kind == BA_NULL_BLOCKS) {
        return BA_OK;
    }
    BA_TRY_ALLOC(fold->spectra, ba_calloc(runs->n_runs, sizeof *fold->spectra));
    for (size_t r = 0; r < runs->n_runs; r++) {
        BA_TRY(find_spectrum(null, ba_null_run_length(runs, r), &fold->spectra[r]));
    }
out:
    return status;
}

static int
make_circle(ba_null_t *null)
{
    null->circle = ba_malloc(BA_NULL_ANGLES, 2 * sizeof *null->circle);
    if (!null->circle) {
        return BA_NOMEM;
    }
    for (size_t j = 0; j < BA_NULL_ANGLES; j++) {
        double angle = 2 * acos(-1.0) * ((double) j / BA_NULL_ANGLES);

        null->circle[2 * j] = cos(angle);
        null->circle[2 * j + 1] = sin(angle);
    }
    return BA_OK;
}

int
ba_null_new(
    const ba_null_opts_t *opts, const ba_runs_t *folds, size_t n_folds, ba_null_t **out)
{
    int status = BA_OK;
    ba_null_t *null = NULL;

    ba_blas_single_thread();
    BA_TRY(check_options(opts));
    BA_TRY_ALLOC(null, ba_calloc(1, sizeof *null));
    null->opts = *opts;
    null->n_folds = n_folds;
    null->widening = opts->is_crossed && n_folds > 1 ? sqrt(2.0) : 1.0;
    BA_TRY_ALLOC(null->folds, ba_calloc(n_folds, sizeof *null->folds));
    for (size_t f = 0; f < n_folds; f++) {
        BA_TRY(make_fold(null, &folds[f], f));
    }
    null->n_permutations = opts->n_permutations;
    if (opts->kind == BA_NULL_CIRCULAR &&
        ba_null_n_all_shifts(null) <= (double) opts->n_permutations) {
        null->n_permutations = (size_t) ba_null_n_all_shifts(null);
    }
    null->n_chunks = (null->n_permutations + BA_NULL_CHUNK - 1) / BA_NULL_CHUNK;
    if (opts->kind == BA_NULL_PHASE) {
        BA_TRY(make_circle(null));
    }
    for (size_t f = 0; f < n_folds; f++) {
        BA_TRY(ba_null_draw(null, f));
    }
    *out = null;
    return BA_OK;
out:
    ba_null_free(null);
    return status;
}

void
ba_null_free(ba_null_t *null)
{
    if (!null) {
        return;
    }
    for (size_t f = 0; null->folds && f < null->n_folds; f++) {
        ba_runs_free(&null->folds[f].runs);
        ba_free(null->folds[f].spectra);
        ba_free(null->folds[f].signs);
        ba_free(null->folds[f].angles);
        ba_free(null->folds[f].shifts);
        ba_free(null->folds[f].orders);
    }
    for (size_t i = 0; i < null->n_spectra; i++) {
        ba_spectrum_free(null->spectra[i]);
    }
    ba_free(null->spectra);
    ba_free(null->circle);
    ba_free(null->folds);
    ba_free(null);
}

/* Different orders of one fold. */
static double
n_orders(const ba_null_t *null, const ba_null_draws_t *fold, ba_null_statistic_t what)
{
    double n = 1;

    if (null->opts.kind == BA_NULL_COSINE || what == BA_NULL_INCREMENT) {
        return pow(2, (double) fold->n_slots - (what == BA_NULL_INCREMENT ? 0 : 1));
    }
    for (size_t r = 0; r < fold->runs.n_runs; r++) {
        size_t length = ba_null_run_length(&fold->runs, r);

        if (null->opts.kind == BA_NULL_BLOCKS) {
            n *= round(tgamma((double) (length / null->opts.block) + 1));
        } else if (length >= 2) {
            n *= length == 2 ? 2 : (double) INFINITY;
        }
    }
    return n;
}

ba_null_info_t
ba_null_info(const ba_null_t *null, ba_null_statistic_t statistic)
{
    ba_null_info_t info = {.n_permutations = null->n_permutations, .n_distinct = 1};

    if (null->opts.kind == BA_NULL_CIRCULAR) {
        info.n_distinct = ba_null_n_all_shifts(null) + 1;
    } else {
        for (size_t f = 0; f < null->n_folds; f++) {
            info.n_distinct *= n_orders(null, &null->folds[f], statistic);
        }
    }
    info.smallest_p = 1 / fmin(info.n_distinct, (double) info.n_permutations + 1);
    return info;
}
