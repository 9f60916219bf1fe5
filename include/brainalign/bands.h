/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Banded ridge: feature spaces with penalties of their own. */
#ifndef BRAINALIGN_BANDS_H
#define BRAINALIGN_BANDS_H

#include "brainalign/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The model is |Y - sum_k X_k B_k|^2 + sum_k (alpha / gamma_k) |B_k|^2: ridge of columns
 * that are multiplied by sqrt(gamma_k). A candidate is one gamma for every space; gamma 0
 * leaves a space out. Weights are stated for the columns as they are without gamma.
 * delta_k = log(gamma_k / alpha). */
typedef struct {
    const double *gammas; /* n_candidates x n_spaces, candidate after candidate; borrowed;
                             NULL = none: all spaces share one penalty */
    size_t n_candidates, n_spaces;
    size_t n_rounds;       /* of refinement around what the targets have chosen */
    int shared;            /* 1 = one candidate for all targets */
    const int32_t *models; /* several models side by side: n_candidates, the model that a
                              candidate belongs to, ascending from 0; NULL = one model */
    size_t n_models;
} ba_bands_t;

/* Fills n_candidates rows of non-negative numbers that add up to 1: the centre (all
 * equal), each space alone, then samples of a Dirichlet distribution whose concentration
 * is 0.1 and 1 in turn (sparse ones, and uniform on the simplex). Row i depends on the
 * seed, n_spaces and i alone. BA_VALUE for no candidates or no spaces; BA_NOMEM. */
BA_API int ba_bands_sample(
    size_t n_candidates, size_t n_spaces, uint64_t seed, double *gammas);

/* BA_VALUE unless every candidate has finite numbers, none negative, not all 0. */
BA_API int ba_bands_check(const ba_bands_t *bands);

/* Candidates of some spaces alone: those of `bands` with gamma 0 where wanted[k] is 0,
 * without repetitions and without those that have nothing left; what added up to 1 does so
 * again. gammas: room for all of them. Returns how many. */
BA_API size_t ba_bands_part(
    const ba_bands_t *bands, const uint8_t *wanted, double *gammas);

/* Number of models, and the candidates of one: [start, stop). */
BA_API size_t ba_bands_n_models(const ba_bands_t *bands);
BA_API void ba_bands_model(
    const ba_bands_t *bands, size_t model, size_t *start, size_t *stop);

/* New candidates around those that are the best of some target: one or two steps along an
 * axis of log gamma, by `factor` up or down. scores: n_candidates x n_targets, larger is
 * better, NaN = none. Of these moves and of `others` (n_others x n_spaces), those that are
 * not there already, the ones are taken that the targets together can expect most of, given what scores are known (band_moves.c). A
 * gamma of 0 stays 0. Writes at most `most` rows to moves and returns how many, or a
 * negative error code. Cost: (candidates + most) x 4 candidates x spaces x targets. */
BA_API int ba_bands_moves(const double *gammas, size_t n_candidates, size_t n_spaces,
    const double *scores, size_t n_targets, const double *others, size_t n_others,
    double factor, size_t most, double *moves);

#ifdef __cplusplus
}
#endif

#endif
