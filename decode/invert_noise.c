/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decoder of one fold: its rows, voxels and noise; and the share of the noise's
 * target, chosen by identification: each training fold is identified by its own weights
 * and the noise of the other training folds, among the features of its own rows. The best
 * mean rank accuracy wins, ties go to the larger share. */
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

/* Non-zero when a row is within the gap of a row of the fold, in its run. Rows ascend with
 * their samples. */
static int
is_near(const ba_decoding_t *decoding, size_t row, size_t fold)
{
    for (size_t i = row; i-- > 0;) {
        if (decoding->run[i] != decoding->run[row] ||
            decoding->kept[row] - decoding->kept[i] > decoding->gap) {
            break;
        }
        if (decoding->fold[i] == (int32_t) fold) {
            return 1;
        }
    }
    for (size_t i = row + 1; i < decoding->n_kept; i++) {
        if (decoding->run[i] != decoding->run[row] ||
            decoding->kept[i] - decoding->kept[row] > decoding->gap) {
            break;
        }
        if (decoding->fold[i] == (int32_t) fold) {
            return 1;
        }
    }
    return 0;
}

static int
list_rows(const ba_decoding_t *decoding, ba_fold_decoder_t *out)
{
    int status = BA_OK, in_sample = decoding->opts->in_sample;

    BA_TRY_ALLOC(out->rows, ba_malloc(decoding->n_kept, sizeof *out->rows));
    BA_TRY_ALLOC(out->train, ba_malloc(decoding->n_kept, sizeof *out->train));
    for (size_t i = 0; i < decoding->n_kept; i++) {
        int32_t fold = decoding->fold[i];

        if (fold == (int32_t) out->fold) {
            out->rows[out->n_rows++] = i;
        }
        if (in_sample || (fold >= 0 && fold != (int32_t) out->fold &&
                             !is_near(decoding, i, out->fold))) {
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

/* All voxels, or those of the best mean score in the other folds, in their order. */
static int
list_voxels(const ba_decoding_t *decoding, ba_fold_decoder_t *out)
{
    int status = BA_OK;
    size_t v = decoding->n_targets;
    ranked_t *ranked = NULL;

    BA_TRY_ALLOC(out->voxels, ba_malloc(v, sizeof *out->voxels));
    out->n_voxels = decoding->scores ? decoding->opts->n_voxels : v;
    if (!decoding->scores) {
        for (size_t j = 0; j < v; j++) {
            out->voxels[j] = j;
        }
        return BA_OK;
    }
    BA_TRY_ALLOC(ranked, ba_calloc(v, sizeof *ranked));
    for (size_t j = 0; j < v; j++) {
        ranked[j].voxel = j;
        for (size_t k = 0; k < decoding->n_folds; k++) {
            double r = decoding->scores[k * v + j];

            ranked[j].score += k == out->fold || isnan(r) ? 0.0 : r;
        }
    }
    qsort(ranked, v, sizeof *ranked, compare_ranked);
    for (size_t j = 0; j < out->n_voxels; j++) {
        out->voxels[j] = ranked[j].voxel;
    }
    qsort(out->voxels, out->n_voxels, sizeof *out->voxels, compare_sizes);
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

/* Splits the training rows of a decoder: those of one fold, and the others. */
static int
split_training(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    size_t fold, ba_fold_decoder_t *out)
{
    int status = BA_OK;

    *out = (ba_fold_decoder_t){
        .fold = fold, .voxels = decoder->voxels, .n_voxels = decoder->n_voxels};
    out->ar = decoder->ar;
    BA_TRY_ALLOC(out->rows, ba_malloc(decoder->n_train, sizeof *out->rows));
    BA_TRY_ALLOC(out->train, ba_malloc(decoder->n_train, sizeof *out->train));
    for (size_t i = 0; i < decoder->n_train; i++) {
        size_t row = decoder->train[i];

        if (decoding->fold[row] == (int32_t) fold) {
            out->rows[out->n_rows++] = row;
        } else if (!is_near(decoding, row, fold)) {
            out->train[out->n_train++] = row;
        }
    }
out:
    return status;
}

/* Adds what each share scores on one training fold. */
static int
score_fold(const ba_decoding_t *decoding, ba_fold_decoder_t *part, double *scores,
    size_t *n_scored)
{
    int status = BA_OK;
    size_t n, p, v = part->n_voxels;
    int32_t *story = NULL;
    ba_noise_opts_t opts;
    ba_inversion_gram_t *gram = NULL;
    ba_inversion_t inversion = {.n_features = 0};
    double *design = NULL, *likelihood = NULL;

    BA_TRY(ba_fold_decoder_prepare(decoding, part->fold, part));
    n = part->n_rows;
    if (n < 2) {
        return BA_OK;
    }
    BA_TRY(ba_fold_residuals(decoding, part, part->train, part->n_train,
        &part->residuals, &story, &part->n_residuals));
    opts = ba_decoding_noise(decoding, 1.0, story);
    BA_TRY(ba_noise_new(decoding->ctx,
        ba_cdmat(part->residuals, part->n_residuals, v, part->n_residuals), &opts,
        &part->noise));
    p = part->model.n_delays * part->model.n_features;
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
    *n_scored += n;
out:
    ba_inversion_free(&inversion);
    ba_inversion_gram_free(gram);
    ba_free(story);
    ba_free(design);
    ba_free(likelihood);
    return status;
}

int
ba_fold_share_choose(const ba_decoding_t *decoding, ba_fold_decoder_t *decoder)
{
    int status = BA_OK;
    size_t n_scored = 0, best = 0;
    ba_fold_decoder_t part = {.fold = 0};

    for (size_t i = 0; i < decoding->n_shares; i++) {
        decoder->share_scores[i] = 0.0;
    }
    for (size_t k = 0; k < decoding->n_folds; k++) {
        if (k == decoder->fold) {
            continue;
        }
        BA_TRY(ba_ctx_check(decoding->ctx));
        BA_TRY(split_training(decoding, decoder, k, &part));
        BA_TRY(score_fold(decoding, &part, decoder->share_scores, &n_scored));
        part.voxels = NULL;
        part.ar = NULL;
        ba_fold_decoder_free(&part);
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
    part.voxels = NULL;
    part.ar = NULL;
    ba_fold_decoder_free(&part);
    return status;
}

/* ---- all together ---- */

static int
make_noise(const ba_decoding_t *decoding, ba_fold_decoder_t *out)
{
    int status = BA_OK;
    int32_t *story = NULL;
    ba_noise_opts_t opts;

    BA_TRY(ba_fold_residuals(decoding, out, out->train, out->n_train, &out->residuals,
        &story, &out->n_residuals));
    opts = ba_decoding_noise(decoding, out->share, story);
    BA_TRY(ba_noise_new(decoding->ctx,
        ba_cdmat(out->residuals, out->n_residuals, out->n_voxels, out->n_residuals),
        &opts, &out->noise));
    out->share = ba_noise_share(out->noise);
out:
    ba_free(story);
    return status;
}

int
ba_fold_decoder_make(const ba_decoding_t *decoding, size_t fold, ba_fold_decoder_t *out)
{
    int status = BA_OK;
    const ba_decode_model_opts_t *opts = decoding->opts;
    size_t p;

    *out = (ba_fold_decoder_t){.fold = fold, .share = opts->share};
    BA_TRY_ALLOC(
        out->share_scores, ba_malloc(decoding->n_shares, sizeof *out->share_scores));
    for (size_t i = 0; i < decoding->n_shares; i++) {
        out->share_scores[i] = NAN;
    }
    BA_TRY(list_rows(decoding, out));
    BA_TRY(list_voxels(decoding, out));
    BA_TRY(ba_fold_decoder_prepare(decoding, fold, out));
    if (isnan(opts->share) && opts->noise == BA_NOISE_SHRUNK && !opts->ledoit_wolf) {
        BA_TRY(ba_fold_share_choose(decoding, out));
    }
    BA_TRY(make_noise(decoding, out));
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
    ba_free(decoder->share_scores);
    *decoder = (ba_fold_decoder_t){.n_rows = 0};
}
