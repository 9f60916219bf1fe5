/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results of a fit as they stand in its file, for what is said and written about them
 * later. */
#ifndef BA_ENCODE_ENCODER_SCORES_H
#define BA_ENCODE_ENCODER_SCORES_H

#include "encode/encoder_job.h"
#include "encode/inference.h"
#include "encode/score_table.h"

/* Reads sizes, scores, alphas, status, outer folds and fingerprints of the responses; the
 * other arrays stay NULL. The caller frees with ba_fit_result_free(). */
int ba_encoder_scores_load(const ba_bundle_t *bundle, ba_fit_result_t *out) BA_MUST_USE;

/* Columns of a score table; borrowed from both. */
ba_score_columns_t ba_encoder_scores_columns(
    const ba_fit_result_t *result, const ba_inference_t *inference);

#endif
