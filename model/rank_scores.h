/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores that depend on the place of the own candidate alone: rank accuracy, reciprocal
 * rank, top-k, and top-k in random galleries. */
#ifndef BA_MODEL_RANK_SCORES_H
#define BA_MODEL_RANK_SCORES_H

#include "model/identification_impl.h"

/* The first scores; then n_top of top-k, then n_gallery x n_top of the curve. */
enum { BA_RANK_ACCURACY = 0, BA_RANK_RECIPROCAL, BA_RANK_TOP };

typedef struct {
    size_t n_scores;
    double *at;  /* n_candidates x n_scores: of a place without ties */
    double *sum; /* (n_candidates + 1) x n_scores: of all places before */
} ba_rank_scores_t;

/* BA_NOMEM. */
int ba_rank_scores_new(const ba_identify_opts_t *opts, size_t n_candidates,
    ba_rank_scores_t *out) BA_MUST_USE;
void ba_rank_scores_free(ba_rank_scores_t *scores);

/* total[n_scores] += the scores of a place. */
void ba_rank_scores_add(const ba_rank_scores_t *scores, ba_place_t place, double *total);

#endif
