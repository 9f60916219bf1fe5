/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the null distributions share.
 *
 * All but the exchange of blocks are one product: a permuted score is linear in products
 * of a target, which stand in `slots` (coefficient of the prediction times coefficient of
 * the response, or sums over blocks), with factors that all targets share:
 *
 *     values (permutations x targets) = factors (permutations x slots) products.
 *
 * Factors are stored small (signs, angles, shifts) and made in panels of BA_NULL_CHUNK
 * permutations. */
#ifndef BA_MODEL_NULL_IMPL_H
#define BA_MODEL_NULL_IMPL_H

#include "brainalign/null.h"
#include "model/spectrum.h"

/* Permutations of a panel. */
#define BA_NULL_CHUNK 128

/* A random phase is 2 pi / BA_NULL_ANGLES times an integer. */
#define BA_NULL_ANGLES 65536

#define BA_NULL_MOST_BLOCKS 1024

/* The draws of one fold. What its kind has no use for is NULL. */
typedef struct {
    ba_runs_t runs;
    const ba_spectrum_t **spectra; /* of each run, borrowed */
    size_t n_slots;                /* of signs: COSINE samples, BLOCKS blocks */
    size_t n_waves;                /* PHASE: frequencies of all runs */
    size_t n_full;                 /* BLOCKS: whole blocks of all runs */
    int8_t *signs;    /* COSINE, BLOCKS: chunk by chunk, CHUNK x n_slots; 0 = no more */
    uint16_t *angles; /* PHASE: chunk by chunk, CHUNK x n_waves */
    uint32_t *shifts; /* CIRCULAR: n_runs x n_permutations */
    uint16_t *orders; /* BLOCKS: n_full x n_permutations, numbers within runs: the block
                         that comes to this place */
} ba_null_draws_t;

struct ba_null {
    ba_null_opts_t opts;
    size_t n_permutations, n_chunks, n_folds, n_longest; /* most samples of a fold */
    size_t scratch;                                      /* most of any spectrum */
    ba_null_draws_t *folds;
    ba_spectrum_t **spectra; /* one of each length */
    size_t n_spectra;
    double *circle;  /* PHASE: cos and sin of all angles, interleaved */
    double widening; /* of permuted scores */
};

static inline size_t
ba_null_run_length(const ba_runs_t *runs, size_t r)
{
    return runs->onset[r + 1] - runs->onset[r];
}

/* Whether an order other than the observed one exists for a run of so many samples. */
int ba_null_can_move(const ba_null_opts_t *opts, size_t length);

/* Different shifts of a run; 1 where it cannot move. */
size_t ba_null_n_shifts(const ba_null_opts_t *opts, size_t length);

/* All shifts of all runs together, without the observed order. */
double ba_null_n_all_shifts(const ba_null_t *null);

/* Draws fold `f` of null, whose runs are there. */
int ba_null_draw(ba_null_t *null, size_t f);

/* The factors of chunk `chunk` of a fold: BA_NULL_CHUNK x slots, where slots are n_slots
 * or samples. */
void ba_null_panel(const ba_null_t *null, size_t fold, size_t chunk, double *panel);

/* The first coefficients of the runs, which stand at the onsets, become the differences
 * between the means of runs and those before them, in an orthonormal basis: 0 for the
 * first run, whose place is that of the mean of all. And back, for a mean of 0. */
void ba_null_contrast_runs(const ba_runs_t *runs, double *coefficients);
void ba_null_restore_runs(const ba_runs_t *runs, double *coefficients);

#endif
