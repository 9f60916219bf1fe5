/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decoder of one fold: its rows, voxels and noise; and the share of the noise's
 * target, chosen by identification: each training fold is identified by its own weights
 * and the noise of the other training folds, among the features of its own rows. The best
 * mean rank accuracy wins, ties go to the larger share. No row of the decoded fold has a
 * part in any of it (invert_refit.c). */
#include "decode/invert_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ba_noise_opts_t
ba_decoding_noise(const ba_decoding_t *decoding, double share, const int32_t *story)
{
    const ba_decode_model_opts_t *opts = decoding->opts;

    return (ba_noise_opts_t){.kind = opts->noise,
        .target = opts->target,
        .share = share,
        .ledoit_wolf = opts->ledoit_wolf,
        .rank = opts->noise_rank,
        .story = opts->normalise_folds ? story : NULL,
        .precision = opts->precision};
}

static int
list_rows(const ba_decoding_t *decoding, ba_fold_decoder_t *out)
{
    int status = BA_OK, in_sample = decoding->opts->in_sample;
    size_t own = out->left_out.fold[0];

    BA_TRY_ALLOC(out->rows, ba_malloc(decoding->n_kept, sizeof *out->rows));
    BA_TRY_ALLOC(out->train, ba_malloc(decoding->n_kept, sizeof *out->train));
    for (size_t i = 0; i < decoding->n_kept; i++) {
        int32_t fold = decoding->fold[i];

        if (fold == (int32_t) own) {
            out->rows[out->n_rows++] = i;
        }
        if (in_sample || (fold >= 0 && fold != (int32_t) own &&
                             !ba_decoding_is_near(decoding, i, own))) {
            out->train[out->n_train++] = i;
        }
    }
out:
    return status;
}

typedef struct {
    double score;
    size_t voxel;
} ranked_t;

static int
compare_ranked(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;

    if (x->score != y->score) {
        return x->score < y->score ? 1 : -1;
    }
    return (x->voxel > y->voxel) - (x->voxel < y->voxel);
}

static int
compare_sizes(const void *a, const void *b)
{
    const size_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Share of a voxel's variance over the training rows that refits explain. */
static double
explained(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    const double *residuals, size_t j)
{
    const double *y = decoding->responses + j * decoding->n_kept;
    const double *e = residuals + j * decoder->n_train;
    double mean = 0.0, total = 0.0, left = 0.0;

    for (size_t i = 0; i < decoder->n_train; i++) {
        mean += y[decoder->train[i]] / (double) decoder->n_train;
    }
    for (size_t i = 0; i < decoder->n_train; i++) {
        total += (y[decoder->train[i]] - mean) * (y[decoder->train[i]] - mean);
        left += e[i] * e[i];
    }
    return total > 0.0 ? 1.0 - left / total : -(double) INFINITY;
}

/* The best voxels by residuals of all, in their order; residuals keeps theirs. */
static int
choose_voxels(
    const ba_decoding_t *decoding, ba_fold_decoder_t *decoder, double *residuals)
{
    int status = BA_OK;
    size_t v = decoder->n_voxels, wanted = decoding->opts->n_voxels;
    size_t n = decoder->n_train;
    ranked_t *ranked = NULL;

    if (wanted == 0 || wanted >= v) {
        return BA_OK;
    }
    BA_TRY_ALLOC(ranked, ba_malloc(v, sizeof *ranked));
    for (size_t j = 0; j < v; j++) {
        ranked[j] = (ranked_t){explained(decoding, decoder, residuals, j), j};
    }
    qsort(ranked, v, sizeof *ranked, compare_ranked);
    for (size_t j = 0; j < wanted; j++) {
        decoder->voxels[j] = ranked[j].voxel;
    }
    qsort(decoder->voxels, wanted, sizeof *decoder->voxels, compare_sizes);
    decoder->n_voxels = wanted;
    for (size_t j = 0; j < wanted; j++) {
        memmove(
            residuals + j * n, residuals + decoder->voxels[j] * n, n * sizeof *residuals);
    }
out:
    ba_free(ranked);
    return status;
}

/* ---- the share ---- */

/* Sum over rows of the rank accuracy of the own candidate, ties one half. */
static double
sum_of_ranks(const double *likelihood, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        double own = likelihood[i + i * n], above = 0.0;

        for (size_t j = 0; j < n; j++) {
            double other = likelihood[i + j * n];

            above += j == i ? 0.0 : own > other ? 1.0 : own == other ? 0.5 : 0.0;
        }
        sum += above / (double) (n - 1);
    }
    return sum;
}

/* A decoder of one training fold by the others. */
static int
split_training(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    size_t fold, ba_fold_decoder_t *out)
{
    int status = BA_OK;

    *out = (ba_fold_decoder_t){.left_out = decoder->left_out,
        .voxels = decoder->voxels,
        .n_voxels = decoder->n_voxels,
        .ar = decoder->ar};
    out->left_out.fold[out->left_out.n++] = fold;
    BA_TRY_ALLOC(out->rows, ba_malloc(decoder->n_train, sizeof *out->rows));
    BA_TRY_ALLOC(out->train, ba_malloc(decoder->n_train, sizeof *out->train));
    for (size_t i = 0; i < decoder->n_train; i++) {
        size_t row = decoder->train[i];

        if (decoding->fold[row] == (int32_t) fold) {
            out->rows[out->n_rows++] = row;
        } else if (!ba_decoding_is_near(decoding, row, fold)) {
            out->train[out->n_train++] = row;
        }
    }
    BA_TRY(ba_fold_model_refit(
        decoding, &out->left_out, out->voxels, out->n_voxels, &out->model));
    BA_TRY(ba_fold_decoder_responses(decoding, out));
out:
    return status;
}

static int
make_noise(const ba_decoding_t *decoding, double share, ba_fold_decoder_t *out)
{
    int status = BA_OK;
    ba_noise_opts_t opts = ba_decoding_noise(decoding, share, out->story);

    BA_TRY(ba_noise_new(decoding->ctx,
        ba_cdmat(out->residuals, out->n_residuals, out->n_voxels, out->n_residuals),
        &opts, &out->noise));
out:
    return status;
}

/* Adds what each share scores on one training fold. */
static int
score_fold(const ba_decoding_t *decoding, ba_fold_decoder_t *part, double *scores)
{
    int status = BA_OK;
    size_t n = part->n_rows, v = part->n_voxels;
    size_t p = part->model.n_delays * part->model.n_features;
    ba_inversion_gram_t *gram = NULL;
    ba_inversion_t inversion = {.n_features = 0};
    double *design = NULL, *likelihood = NULL;

    BA_TRY(ba_fold_residuals(decoding, part, &part->residuals));
    BA_TRY(ba_fold_decoder_residuals(decoding, part, part->residuals));
    BA_TRY(make_noise(decoding, 1.0, part));
    BA_TRY_ALLOC(design, ba_malloc(n, p * sizeof *design));
    BA_TRY_ALLOC(likelihood, ba_malloc(n, n * sizeof *likelihood));
    ba_fold_model_design(decoding, &part->model, part->rows, n, design);
    BA_TRY(ba_inversion_gram(decoding->ctx, part->noise,
        ba_cdmat(part->model.weights, p, v, p), ba_cdmat(part->responses, n, v, n),
        &gram));
    for (size_t i = 0; i < decoding->n_shares; i++) {
        BA_TRY(ba_inversion_at(decoding->ctx, gram, decoding->shares[i], &inversion));
        BA_TRY(ba_inversion_candidates(decoding->ctx, &inversion,
            ba_cdmat(design, n, p, n), ba_dmat(likelihood, n, n, n)));
        scores[i] += sum_of_ranks(likelihood, n);
        ba_inversion_free(&inversion);
    }
out:
    ba_inversion_free(&inversion);
    ba_inversion_gram_free(gram);
    ba_free(design);
    ba_free(likelihood);
    return status;
}

int
ba_fold_decoder_part(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    size_t fold, ba_fold_decoder_t *out)
{
    int status = BA_OK;
    size_t p;

    BA_TRY(split_training(decoding, decoder, fold, out));
    BA_TRY(ba_fold_residuals(decoding, out, &out->residuals));
    BA_TRY(ba_fold_decoder_residuals(decoding, out, out->residuals));
    BA_TRY(make_noise(decoding, decoder->share, out));
    p = out->model.n_delays * out->model.n_features;
    BA_TRY(ba_inversion_make(decoding->ctx, out->noise,
        ba_cdmat(out->model.weights, p, out->n_voxels, p),
        ba_cdmat(out->responses, out->n_rows, out->n_voxels, out->n_rows),
        &out->inversion));
out:
    return status;
}

void
ba_fold_decoder_part_free(ba_fold_decoder_t *part)
{
    part->voxels = NULL;
    part->ar = NULL;
    ba_fold_decoder_free(part);
}

static int
choose_share(const ba_decoding_t *decoding, ba_fold_decoder_t *decoder)
{
    int status = BA_OK;
    size_t n_scored = 0, best = 0;
    ba_fold_decoder_t part = {.n_rows = 0};

    for (size_t i = 0; i < decoding->n_shares; i++) {
        decoder->share_scores[i] = 0.0;
    }
    for (size_t k = 0; k < decoding->n_folds; k++) {
        if (k == decoder->left_out.fold[0]) {
            continue;
        }
        BA_TRY(ba_ctx_check(decoding->ctx));
        BA_TRY(split_training(decoding, decoder, k, &part));
        if (part.n_rows >= 2) {
            BA_TRY(score_fold(decoding, &part, decoder->share_scores));
            n_scored += part.n_rows;
        }
        ba_fold_decoder_part_free(&part);
    }
    if (n_scored == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "share: no training rows to identify, wanted 2 or more "
                                 "in a fold"));
    }
    for (size_t i = 0; i < decoding->n_shares; i++) {
        decoder->share_scores[i] /= (double) n_scored;
        best = decoder->share_scores[i] > decoder->share_scores[best] ? i : best;
    }
    decoder->share = decoding->shares[best];
out:
    ba_fold_decoder_part_free(&part);
    return status;
}

/* ---- all together ---- */

/* Rows, voxels, autocorrelation and residuals. */
static int
prepare(const ba_decoding_t *decoding, ba_fold_decoder_t *out)
{
    int status = BA_OK;

    BA_TRY(list_rows(decoding, out));
    BA_TRY_ALLOC(out->voxels, ba_malloc(decoding->n_targets, sizeof *out->voxels));
    out->n_voxels = decoding->n_targets;
    for (size_t j = 0; j < out->n_voxels; j++) {
        out->voxels[j] = j;
    }
    BA_TRY(ba_fold_residuals(decoding, out, &out->residuals));
    BA_TRY(choose_voxels(decoding, out, out->residuals));
    if (decoding->opts->prewhiten) {
        BA_TRY(ba_fold_autocorrelation(decoding, out, out->residuals));
    }
    BA_TRY(ba_fold_decoder_residuals(decoding, out, out->residuals));
out:
    return status;
}

int
ba_fold_decoder_make(const ba_decoding_t *decoding, size_t fold, ba_fold_decoder_t *out)
{
    int status = BA_OK;
    const ba_decode_model_opts_t *opts = decoding->opts;
    size_t p;

    *out =
        (ba_fold_decoder_t){.left_out = {.fold = {fold}, .n = 1}, .share = opts->share};
    BA_TRY_ALLOC(
        out->share_scores, ba_malloc(decoding->n_shares, sizeof *out->share_scores));
    for (size_t i = 0; i < decoding->n_shares; i++) {
        out->share_scores[i] = NAN;
    }
    BA_TRY(prepare(decoding, out));
    BA_TRY(ba_fold_model_read(decoding, opts->in_sample ? SIZE_MAX : fold, &out->model));
    ba_fold_model_select(&out->model, out->voxels, out->n_voxels);
    BA_TRY(ba_fold_decoder_responses(decoding, out));
    if (isnan(opts->share) && opts->noise == BA_NOISE_SHRUNK && !opts->ledoit_wolf) {
        BA_TRY(choose_share(decoding, out));
    }
    BA_TRY(make_noise(decoding, out->share, out));
    out->share = ba_noise_share(out->noise);
    p = out->model.n_delays * out->model.n_features;
    BA_TRY(ba_inversion_make(decoding->ctx, out->noise,
        ba_cdmat(out->model.weights, p, out->n_voxels, p),
        ba_cdmat(out->responses, out->n_rows, out->n_voxels, out->n_rows),
        &out->inversion));
out:
    return status;
}

void
ba_fold_decoder_free(ba_fold_decoder_t *decoder)
{
    ba_noise_free(decoder->noise);
    ba_inversion_free(&decoder->inversion);
    ba_fold_model_free(&decoder->model);
    ba_free(decoder->rows);
    ba_free(decoder->train);
    ba_free(decoder->voxels);
    ba_free(decoder->ar);
    ba_free(decoder->responses);
    ba_free(decoder->residuals);
    ba_free(decoder->story);
    ba_free(decoder->share_scores);
    *decoder = (ba_fold_decoder_t){.n_rows = 0};
}
