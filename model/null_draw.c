/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Draws, one generator for each fold, permutation after permutation, so that permutation
 * b does not depend on how many follow; and their factors in panels. */
#include "model/null_impl.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <string.h>

#define CHUNK BA_NULL_CHUNK

/* Apart from the streams of everything else that is drawn by the same seed. */
static const uint64_t stream_of_null = UINT64_C(0x6e756c6c) << 32;

/* n_slots x chunks x CHUNK items of `size` bytes. */
static void *
new_chunks(const ba_null_t *null, size_t n_slots, size_t size)
{
    size_t bytes = 0;

    if (ba_multiply(n_slots, size, &bytes) != BA_OK ||
        ba_multiply(bytes, CHUNK, &bytes) != BA_OK) {
        return NULL;
    }
    return ba_calloc(null->n_chunks, bytes);
}

/* Where permutation b has its item of the first slot; the next slot's is CHUNK further.
 */
static size_t
chunk_place(size_t b, size_t n_slots)
{
    return b / CHUNK * n_slots * CHUNK + b % CHUNK;
}

static int
draw_signs(const ba_null_t *null, ba_null_draws_t *fold, ba_rng_t *rng)
{
    fold->signs = new_chunks(null, fold->n_slots, sizeof *fold->signs);
    if (!fold->signs) {
        return BA_NOMEM;
    }
    for (size_t b = 0; b < null->n_permutations; b++) {
        int8_t *signs = fold->signs + chunk_place(b, fold->n_slots);

        for (size_t i = 0; i < fold->n_slots; i++) {
            signs[i * CHUNK] = ba_rng_below(rng, 2) == 1 ? -1 : 1;
        }
    }
    return BA_OK;
}

static int
draw_angles(const ba_null_t *null, ba_null_draws_t *fold, ba_rng_t *rng)
{
    fold->n_waves = 0;
    for (size_t r = 0; r < fold->runs.n_runs; r++) {
        fold->n_waves += ba_null_run_length(&fold->runs, r) / 2;
    }
    fold->angles = new_chunks(null, fold->n_waves, sizeof *fold->angles);
    if (!fold->angles) {
        return BA_NOMEM;
    }
    for (size_t b = 0; b < null->n_permutations; b++) {
        uint16_t *angles = fold->angles + chunk_place(b, fold->n_waves);

        for (size_t i = 0; i < fold->n_waves; i++) {
            angles[i * CHUNK] = (uint16_t) ba_rng_below(rng, BA_NULL_ANGLES);
        }
    }
    return BA_OK;
}

/* Shift number `which` of a run. */
static uint32_t
shift_of(const ba_null_opts_t *opts, size_t length, size_t which)
{
    return (uint32_t) (ba_null_can_move(opts, length) ? opts->min_shift + which : 0);
}

/* All shifts count through: number b of all folds and runs is written in the numbers of
 * shifts of the runs, the first run of the first fold fastest. The observed order, which
 * is number 0 where there is no smallest shift, is left out. */
static void
count_shifts(const ba_null_t *null, size_t f, size_t b, uint32_t *shifts)
{
    size_t rest = null->opts.min_shift > 0 ? b : b + 1;

    for (size_t g = 0; g <= f; g++) {
        const ba_runs_t *runs = &null->folds[g].runs;

        for (size_t r = 0; r < runs->n_runs; r++) {
            size_t length = ba_null_run_length(runs, r), n;

            n = ba_null_n_shifts(&null->opts, length);
            if (g == f) {
                shifts[r] = shift_of(&null->opts, length, rest % n);
            }
            rest /= n;
        }
    }
}

static int
draw_shifts(const ba_null_t *null, size_t f, ba_rng_t *rng)
{
    ba_null_draws_t *fold = &null->folds[f];
    size_t n_runs = fold->runs.n_runs;
    int all = ba_null_n_all_shifts(null) <= (double) null->opts.n_permutations;

    fold->shifts = ba_malloc(null->n_permutations, n_runs * sizeof *fold->shifts);
    if (!fold->shifts) {
        return BA_NOMEM;
    }
    for (size_t b = 0; b < null->n_permutations; b++) {
        uint32_t *shifts = fold->shifts + b * n_runs;

        for (size_t r = 0; r < n_runs && !all; r++) {
            size_t length = ba_null_run_length(&fold->runs, r);
            size_t n = ba_null_n_shifts(&null->opts, length);

            shifts[r] = shift_of(&null->opts, length, ba_rng_below(rng, n));
        }
        if (all) {
            count_shifts(null, f, b, shifts);
        }
    }
    return BA_OK;
}

/* The orders of whole blocks, and after them the signs of all blocks. */
static int
draw_blocks(const ba_null_t *null, ba_null_draws_t *fold, ba_rng_t *rng)
{
    int status = BA_OK;
    size_t block = null->opts.block, *order = NULL;

    fold->n_slots = fold->n_full = 0;
    for (size_t r = 0; r < fold->runs.n_runs; r++) {
        size_t length = ba_null_run_length(&fold->runs, r);

        fold->n_full += length / block;
        fold->n_slots += length / block + (length % block > 0);
    }
    BA_TRY_ALLOC(order, ba_malloc(BA_NULL_MOST_BLOCKS, sizeof *order));
    BA_TRY_ALLOC(fold->orders,
        ba_malloc(null->n_permutations, fold->n_full * sizeof *fold->orders));
    for (size_t b = 0, at = 0; b < null->n_permutations; b++) {
        for (size_t r = 0; r < fold->runs.n_runs; r++) {
            size_t n = ba_null_run_length(&fold->runs, r) / block;

            for (size_t i = 0; i < n; i++) {
                order[i] = i;
            }
            if (n > 1) {
                ba_rng_shuffle(rng, order, n);
            }
            for (size_t i = 0; i < n; i++) {
                fold->orders[at++] = (uint16_t) order[i];
            }
        }
    }
    BA_TRY(draw_signs(null, fold, rng));
out:
    ba_free(order);
    return status;
}

int
ba_null_draw(ba_null_t *null, size_t f)
{
    ba_null_draws_t *fold = &null->folds[f];
    ba_rng_t *rng = ba_rng_new(null->opts.seed, stream_of_null + f);
    int status = BA_NOMEM;

    if (!rng) {
        return BA_NOMEM;
    }
    switch (null->opts.kind) {
    case BA_NULL_COSINE:
        fold->n_slots = fold->runs.n_samples;
        status = draw_signs(null, fold, rng);
        break;
    case BA_NULL_PHASE:
        status = draw_angles(null, fold, rng);
        break;
    case BA_NULL_CIRCULAR:
        status = draw_shifts(null, f, rng);
        break;
    case BA_NULL_BLOCKS:
        status = draw_blocks(null, fold, rng);
        break;
    }
    ba_rng_free(rng);
    return status;
}

/* cos and sin of the angles of one frequency for CHUNK permutations. */
static void
fill_wave(const double *circle, const size_t *angles, double *cosines, double *sines)
{
    for (size_t i = 0; i < CHUNK; i++) {
        cosines[i] = circle[2 * angles[i]];
    }
    for (size_t i = 0; sines && i < CHUNK; i++) {
        sines[i] = circle[2 * angles[i] + 1];
    }
}

/* Angles of frequency k of run r, as places on the circle of the run's length. */
static void
shift_angles(const ba_null_t *null, const ba_null_draws_t *fold, size_t chunk, size_t r,
    size_t k, size_t angles[CHUNK])
{
    size_t length = ba_null_run_length(&fold->runs, r), first = chunk * CHUNK;

    memset(angles, 0, CHUNK * sizeof *angles);
    for (size_t i = 0; i < CHUNK && first + i < null->n_permutations; i++) {
        angles[i] = k * fold->shifts[(first + i) * fold->runs.n_runs + r] % length;
    }
}

/* A phase of the frequency that alternates in sign is 0 or half a turn. */
static void
phase_angles(const uint16_t *drawn, int is_last, size_t angles[CHUNK])
{
    for (size_t i = 0; i < CHUNK; i++) {
        angles[i] =
            is_last ? drawn[i] / (BA_NULL_ANGLES / 2) * (BA_NULL_ANGLES / 2) : drawn[i];
    }
}

/* Slots of a run: the mean (which stays, 0 here), then cosine and sine of each frequency;
 * see spectrum.h. */
static void
fourier_panel(const ba_null_t *null, size_t f, size_t chunk, double *panel)
{
    const ba_null_draws_t *fold = &null->folds[f];
    const uint16_t *drawn =
        fold->angles ? fold->angles + chunk * fold->n_waves * CHUNK : NULL;
    size_t angles[CHUNK];

    for (size_t r = 0; r < fold->runs.n_runs; r++) {
        size_t length = ba_null_run_length(&fold->runs, r);
        double *slots = panel + fold->runs.onset[r] * CHUNK;

        memset(slots, 0, CHUNK * sizeof *slots);
        for (size_t k = 1; k <= length / 2; k++) {
            int is_last = 2 * k == length;
            double *cosines = slots + (2 * k - 1) * CHUNK;

            if (drawn) {
                phase_angles(drawn, is_last, angles);
                drawn += CHUNK;
            } else {
                shift_angles(null, fold, chunk, r, k, angles);
            }
            fill_wave(drawn ? null->circle : ba_spectrum_circle(fold->spectra[r]), angles,
                cosines, is_last ? NULL : cosines + CHUNK);
        }
    }
}

void
ba_null_panel(const ba_null_t *null, size_t fold, size_t chunk, double *panel)
{
    const ba_null_draws_t *draws = &null->folds[fold];
    const int8_t *signs;
    size_t n = draws->n_slots * CHUNK;

    if (!draws->signs) {
        fourier_panel(null, fold, chunk, panel);
        return;
    }
    signs = draws->signs + chunk * n;
    for (size_t i = 0; i < n; i++) {
        panel[i] = signs[i];
    }
}

void
ba_null_contrast_runs(const ba_runs_t *runs, double *coefficients)
{
    double n_before = 0, sum = 0;

    for (size_t r = 0; r < runs->n_runs; r++) {
        double n = (double) ba_null_run_length(runs, r),
               *first = coefficients + runs->onset[r];
        double total = *first * sqrt(n);

        *first = r == 0
                     ? 0
                     : (total / n - sum / n_before) * sqrt(n * n_before / (n + n_before));
        sum += total;
        n_before += n;
    }
}

void
ba_null_restore_runs(const ba_runs_t *runs, double *coefficients)
{
    double mean = 0;

    for (size_t r = runs->n_runs; r-- > 0;) {
        double n = (double) ba_null_run_length(runs, r),
               *first = coefficients + runs->onset[r];
        double n_before = (double) runs->onset[r], contrast = *first;

        if (r == 0) {
            *first = mean * sqrt(n);
            break;
        }
        *first = (mean + contrast * sqrt(n_before / (n * (n + n_before)))) * sqrt(n);
        mean -= contrast * sqrt(n / (n_before * (n + n_before)));
    }
}
