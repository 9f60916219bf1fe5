/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out residuals that know nothing of the rows to be decoded.
 *
 * The stored model of a training fold j was fitted on the rows of the test fold k. Its
 * residuals hold what those rows said of the weights, and a noise covariance made of them
 * finds test rows again: on pure noise, with the share chosen by such residuals, rank
 * accuracy is 0.6 instead of 0.5. So the residuals of fold j are those of a fit without k
 * and j, and where fold j is identified to choose the share, the noise is of fits without
 * k, j and the fold that they leave out. Penalties are those that fold k chose: one alpha a
 * target, and with bands a gamma for every space, which is a column's scale times gamma to
 * the power -1/2 (0: the space is left out). Targets with the same gammas share a
 * factorisation. */
#include "decode/invert_impl.h"

#include "brainalign/ridge.h"
#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "model/scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int
ba_decoding_is_near(const ba_decoding_t *decoding, size_t row, size_t fold)
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

/* Neither in one of the folds nor in its gap. */
static int
is_clear(const ba_decoding_t *decoding, size_t row, const ba_left_out_t *left_out)
{
    for (size_t i = 0; i < left_out->n; i++) {
        if (decoding->fold[row] == (int32_t) left_out->fold[i] ||
            ba_decoding_is_near(decoding, row, left_out->fold[i])) {
            return 0;
        }
    }
    return 1;
}

/* A target of the model and the gammas of its spaces. */
typedef struct {
    const double *gammas; /* n_gammas, 0 of them without bands */
    size_t n_gammas, at;
} member_t;

/* The fit's rows and their scaled, centred design. */
typedef struct {
    size_t *rows, *samples, n; /* kept rows and their samples */
    double *mean, *scale;      /* of the columns */
    double *alphas;            /* of the usable targets */
    double *gammas;            /* usable targets x n_spaces, NULL without bands */
    member_t *members;         /* n_voxels, those with the same gammas side by side */
    size_t *first, n_groups;   /* of each group of them; then n_voxels */
} refit_t;

static void
release(refit_t *refit)
{
    ba_free(refit->rows);
    ba_free(refit->samples);
    ba_free(refit->mean);
    ba_free(refit->scale);
    ba_free(refit->alphas);
    ba_free(refit->gammas);
    ba_free(refit->members);
    ba_free(refit->first);
}

/* A number for each target of the file, those of the usable ones to every stride-th place
 * of out. */
static int
read_penalties(const ba_decoding_t *decoding, const char *path, const size_t *start,
    const size_t *count, size_t stride, double *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    double *all = NULL;

    BA_TRY_ALLOC(all, ba_malloc(encoder->n_targets, sizeof *all));
    BA_TRY(ba_bundle_read(encoder->bundle, path, BA_F64, start, count, all));
    for (size_t j = 0; j < decoding->n_targets; j++) {
        double value = all[decoding->targets[j]];

        if (!(value >= 0.0) || !isfinite(value)) {
            BA_TRY(ba_fail(BA_FORMAT, "%s:%s: %g for target %zu, wanted a penalty",
                encoder->path, path, value, decoding->targets[j]));
        }
        out[j * stride] = value;
    }
out:
    ba_free(all);
    return status;
}

/* What fold left_out->fold[0] chose. */
static int
read_choice(const ba_decoding_t *decoding, size_t fold, refit_t *refit)
{
    static const char gammas[] = "/bands/gammas_by_fold";
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t v = encoder->n_targets, n_spaces = encoder->n_spaces;

    BA_TRY_ALLOC(refit->alphas, ba_malloc(decoding->n_targets, sizeof *refit->alphas));
    BA_TRY(read_penalties(decoding, "/best_alphas_by_fold", (size_t[]){fold, 0},
        (size_t[]){1, v}, 1, refit->alphas));
    if (ba_bundle_has(encoder->bundle, gammas)) {
        BA_TRY_ALLOC(refit->gammas,
            ba_malloc(decoding->n_targets, n_spaces * sizeof *refit->gammas));
        for (size_t s = 0; s < n_spaces; s++) {
            BA_TRY(read_penalties(decoding, gammas, (size_t[]){fold, s, 0},
                (size_t[]){1, 1, v}, n_spaces, refit->gammas + s));
        }
    }
out:
    return status;
}

static int
compare_gammas(const member_t *a, const member_t *b)
{
    for (size_t s = 0; s < a->n_gammas; s++) {
        if (a->gammas[s] != b->gammas[s]) {
            return a->gammas[s] < b->gammas[s] ? -1 : 1;
        }
    }
    return 0;
}

static int
compare_members(const void *a, const void *b)
{
    const member_t *x = a, *y = b;
    int order = compare_gammas(x, y);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static int
list_members(
    const ba_decoding_t *decoding, const size_t *voxels, size_t n_voxels, refit_t *refit)
{
    int status = BA_OK;
    size_t n_spaces = refit->gammas ? decoding->encoder->n_spaces : 0;

    BA_TRY_ALLOC(refit->members, ba_malloc(n_voxels, sizeof *refit->members));
    for (size_t j = 0; j < n_voxels; j++) {
        refit->members[j] = (member_t){
            n_spaces > 0 ? refit->gammas + voxels[j] * n_spaces : NULL, n_spaces, j};
    }
    qsort(refit->members, n_voxels, sizeof *refit->members, compare_members);
    BA_TRY_ALLOC(refit->first, ba_malloc(n_voxels + 1, sizeof *refit->first));
    for (size_t j = 0; j < n_voxels; j++) {
        if (j == 0 || compare_gammas(refit->members + j - 1, refit->members + j) != 0) {
            refit->first[refit->n_groups++] = j;
        }
    }
    refit->first[refit->n_groups] = n_voxels;
out:
    return status;
}

static int
scale_columns(const ba_decoding_t *decoding, size_t p, refit_t *refit)
{
    int status = BA_OK;
    char *word = NULL;

    BA_TRY(ba_bundle_get_string(decoding->encoder->bundle, "/", "scale_features", &word));
    BA_TRY_ALLOC(refit->mean, ba_calloc(p, sizeof *refit->mean));
    BA_TRY_ALLOC(refit->scale, ba_malloc(p, sizeof *refit->scale));
    BA_TRY(ba_design_scale(decoding->ctx, decoding->design, refit->samples, refit->n,
        refit->mean, refit->scale));
    if (strcmp(word, "center") == 0 || strcmp(word, "none") == 0) {
        for (size_t c = 0; c < p; c++) {
            refit->scale[c] = 1.0;
        }
    }
out:
    ba_free(word);
    return status;
}

static int
prepare(const ba_decoding_t *decoding, const ba_left_out_t *left_out,
    const size_t *voxels, size_t n_voxels, refit_t *refit)
{
    int status = BA_OK;
    size_t n = decoding->n_kept;

    BA_TRY_ALLOC(refit->rows, ba_malloc(n, sizeof *refit->rows));
    BA_TRY_ALLOC(refit->samples, ba_malloc(n, sizeof *refit->samples));
    for (size_t i = 0; i < n; i++) {
        if (is_clear(decoding, i, left_out)) {
            refit->rows[refit->n] = i;
            refit->samples[refit->n++] = decoding->kept[i];
        }
    }
    if (refit->n < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "folds: %zu rows outside of %zu folds and their gaps, wanted 2 or more to "
            "fit "
            "(a given --share leaves out fewer)",
            refit->n, left_out->n));
    }
    BA_TRY(read_choice(decoding, left_out->fold[0], refit));
    BA_TRY(list_members(decoding, voxels, n_voxels, refit));
    BA_TRY(scale_columns(decoding, ba_design_n_columns(decoding->design), refit));
out:
    return status;
}

/* What targets with the same gammas share; buffers of BA_REFIT_TARGETS of them: y n_rows,
 * inner rank, scaled columns long each; d of the rank. */
typedef struct {
    const ba_ctx_t *ctx;
    double *scale; /* of the columns */
    ba_ridge_factor_t *factor;
    double *back; /* n_columns x rank */
    size_t rank;
    double *y, *inner, *scaled, *d, means[BA_REFIT_TARGETS];
} group_t;

static void
group_free(group_t *group)
{
    ba_free(group->scale);
    ba_ridge_factor_free(group->factor);
    ba_free(group->back);
    ba_free(group->y);
    ba_free(group->inner);
    ba_free(group->scaled);
    ba_free(group->d);
}

/* The factorisation for targets like this one. */
static int
factorise(const ba_decoding_t *decoding, const refit_t *refit, const member_t *like,
    group_t *group)
{
    int status = BA_OK;
    size_t p = ba_design_n_columns(decoding->design);
    ba_training_t training = {
        decoding->design, refit->samples, refit->n, refit->mean, NULL};

    BA_TRY_ALLOC(group->scale, ba_malloc(p, sizeof *group->scale));
    for (size_t c = 0; c < p; c++) {
        size_t space = ba_design_column(decoding->design, c).space;

        group->scale[c] = like->n_gammas > 0 ? refit->scale[c] / sqrt(like->gammas[space])
                                             : refit->scale[c];
    }
    training.scale = group->scale;
    BA_TRY(ba_ridge_factor(
        group->ctx, &training, BA_SOLVER_AUTO, BA_INTERCEPT_YES, &group->factor));
    group->rank = ba_ridge_factor_rank(group->factor);
    BA_TRY_ALLOC(group->back, ba_malloc(p, group->rank * sizeof *group->back));
    BA_TRY(ba_ridge_factor_back(
        group->ctx, group->factor, (ba_dmat_t){group->back, p, group->rank, p}));
    BA_TRY_ALLOC(group->y, ba_malloc(refit->n, BA_REFIT_TARGETS * sizeof(double)));
    BA_TRY_ALLOC(group->inner, ba_malloc(group->rank, BA_REFIT_TARGETS * sizeof(double)));
    BA_TRY_ALLOC(group->scaled, ba_malloc(p, BA_REFIT_TARGETS * sizeof(double)));
    BA_TRY_ALLOC(group->d, ba_malloc(group->rank, sizeof(double)));
out:
    return status;
}

/* Scaled weights p x n to plain ones of the model's targets. */
static void
put_weights(const ba_decoding_t *decoding, const refit_t *refit, const group_t *group,
    const member_t *members, size_t n, ba_fold_model_t *out)
{
    size_t columns = ba_design_n_columns(decoding->design);
    size_t p = out->n_delays * out->n_features;
    const double *centre = ba_ridge_factor_center(group->factor);

    for (size_t j = 0; j < n; j++) {
        double *w = out->weights + members[j].at * p, offset = group->means[j];

        for (size_t c = 0; c < columns; c++) {
            ba_column_t place = ba_design_column(decoding->design, c);
            double scale = group->scale[c];

            if (!isinf(scale)) {
                double plain = group->scaled[c + j * columns] / scale;

                w[place.delay_index * out->n_features + place.feature_index] = plain;
                offset -= plain * (refit->mean[c] + centre[c] * scale);
            }
        }
        out->offset[members[j].at] = offset;
    }
}

/* n targets of the group, BA_REFIT_TARGETS at most. */
static void
fit_block(const ba_decoding_t *decoding, const refit_t *refit, const size_t *voxels,
    const member_t *members, size_t n, group_t *group)
{
    size_t rows = refit->n, rank = group->rank;
    size_t columns = ba_design_n_columns(decoding->design);
    ba_cdmat_t project = ba_ridge_factor_project(group->factor);

    for (size_t j = 0; j < n; j++) {
        const double *y = decoding->responses + voxels[members[j].at] * decoding->n_kept;
        double *column = group->y + j * rows, mean = 0.0;

        for (size_t i = 0; i < rows; i++) {
            mean += y[refit->rows[i]] / (double) rows;
        }
        for (size_t i = 0; i < rows; i++) {
            column[i] = y[refit->rows[i]] - mean;
        }
        group->means[j] = mean;
    }
    ba_gemm_tiled(group->ctx, 1.0, BA_TRANSPOSE, project, BA_KEEP,
        ba_cdmat(group->y, rows, n, rows), 0.0, ba_dmat(group->inner, rank, n, rank));
    for (size_t j = 0; j < n; j++) {
        ba_ridge_factor_filter(
            group->factor, refit->alphas[voxels[members[j].at]], group->d);
        for (size_t i = 0; i < rank; i++) {
            group->inner[i + j * rank] *= group->d[i];
        }
    }
    ba_gemm_tiled(group->ctx, 1.0, BA_KEEP, ba_cdmat(group->back, columns, rank, columns),
        BA_KEEP, ba_cdmat(group->inner, rank, n, rank), 0.0,
        ba_dmat(group->scaled, columns, n, columns));
}

static int
fit_group(const ba_ctx_t *ctx, const ba_decoding_t *decoding, const refit_t *refit,
    const size_t *voxels, size_t g, ba_fold_model_t *out)
{
    int status = BA_OK;
    const member_t *members = refit->members + refit->first[g];
    size_t n_members = refit->first[g + 1] - refit->first[g];
    group_t group = {.ctx = ctx};

    BA_TRY(factorise(decoding, refit, members, &group));
    for (size_t t0 = 0; t0 < n_members; t0 += BA_REFIT_TARGETS) {
        size_t n = n_members - t0 < BA_REFIT_TARGETS ? n_members - t0 : BA_REFIT_TARGETS;

        fit_block(decoding, refit, voxels, members + t0, n, &group);
        put_weights(decoding, refit, &group, members + t0, n, out);
    }
out:
    group_free(&group);
    return status;
}

/* One group by all threads, several by a thread each, as many as memory allows: the same
 * bits. */
static int
fit_groups(const ba_decoding_t *decoding, const refit_t *refit, const size_t *voxels,
    ba_fold_model_t *out)
{
    ba_error_keep_t keep = {.status = BA_OK};
    ba_ctx_t alone = ba_ctx_default();
    size_t n_threads;

    alone.n_threads = 1;
    n_threads = ba_decoding_groups(decoding, refit->n_groups);
    if (refit->n_groups == 1) {
        return fit_group(decoding->ctx, decoding, refit, voxels, 0, out);
    }
#pragma omp parallel for schedule(dynamic) num_threads((int) n_threads)
    for (size_t g = 0; g < refit->n_groups; g++) {
        ba_error_keep(&keep, fit_group(&alone, decoding, refit, voxels, g, out));
    }
    return ba_error_raise(&keep);
}

int
ba_fold_model_refit(const ba_decoding_t *decoding, const ba_left_out_t *left_out,
    const size_t *voxels, size_t n_voxels, ba_fold_model_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t p = encoder->n_delays * encoder->n_features;
    refit_t refit = {.n = 0};

    *out = (ba_fold_model_t){.n_delays = encoder->n_delays,
        .n_features = encoder->n_features,
        .n_targets = n_voxels};
    BA_TRY(ba_ctx_check(decoding->ctx));
    BA_TRY(prepare(decoding, left_out, voxels, n_voxels, &refit));
    BA_TRY_ALLOC(out->delays, ba_malloc(encoder->n_delays, sizeof *out->delays));
    memcpy(out->delays, encoder->delays, encoder->n_delays * sizeof *out->delays);
    BA_TRY_ALLOC(out->weights, ba_calloc(p, n_voxels * sizeof *out->weights));
    BA_TRY_ALLOC(out->offset, ba_malloc(n_voxels, sizeof *out->offset));
    BA_TRY(fit_groups(decoding, &refit, voxels, out));
out:
    release(&refit);
    ba_alloc_trim();
    return status;
}

/* y less what a model predicts at some kept rows, n x n_targets of the model, to rows
 * at[i] of out. */
static int
subtract(const ba_decoding_t *decoding, const ba_fold_model_t *model,
    const size_t *voxels, const size_t *rows, const size_t *at, size_t n, ba_dmat_t out)
{
    int status = BA_OK;
    size_t p = model->n_delays * model->n_features, v = model->n_targets;
    double *design = NULL, *predicted = NULL;

    BA_TRY_ALLOC(design, ba_malloc(n, p * sizeof *design));
    BA_TRY_ALLOC(predicted, ba_malloc(n, v * sizeof *predicted));
    ba_fold_model_design(decoding, model, rows, n, design);
    ba_gemm_tiled(decoding->ctx, 1.0, BA_KEEP, ba_cdmat(design, n, p, n), BA_KEEP,
        ba_cdmat(model->weights, p, v, p), 0.0, ba_dmat(predicted, n, v, n));
    for (size_t j = 0; j < v; j++) {
        const double *y = decoding->responses + voxels[j] * decoding->n_kept;

        for (size_t i = 0; i < n; i++) {
            out.data[at[i] + j * out.ld] =
                y[rows[i]] - model->offset[j] - predicted[i + j * n];
        }
    }
out:
    ba_free(design);
    ba_free(predicted);
    return status;
}

int
ba_fold_residuals(
    const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder, double **out)
{
    int status = BA_OK, in_sample = decoding->opts->in_sample;
    size_t n_train = decoder->n_train, n, *rows = NULL, *at = NULL;
    ba_fold_model_t model = {.n_delays = 0};

    BA_TRY_ALLOC(*out, ba_malloc(n_train, decoder->n_voxels * sizeof **out));
    BA_TRY_ALLOC(rows, ba_malloc(n_train, sizeof *rows));
    BA_TRY_ALLOC(at, ba_malloc(n_train, sizeof *at));
    for (size_t k = 0; k < decoding->n_folds; k++) {
        ba_left_out_t left_out = decoder->left_out;

        n = 0;
        for (size_t i = 0; i < n_train; i++) {
            if (decoding->fold[decoder->train[i]] == (int32_t) k) {
                at[n] = i;
                rows[n++] = decoder->train[i];
            }
        }
        if (n == 0) {
            continue;
        }
        left_out.fold[left_out.n++] = k;
        if (in_sample) {
            BA_TRY(ba_fold_model_read(decoding, SIZE_MAX, &model));
            ba_fold_model_select(&model, decoder->voxels, decoder->n_voxels);
        } else {
            BA_TRY(ba_fold_model_refit(
                decoding, &left_out, decoder->voxels, decoder->n_voxels, &model));
        }
        BA_TRY(subtract(decoding, &model, decoder->voxels, rows, at, n,
            ba_dmat(*out, n_train, decoder->n_voxels, n_train)));
        ba_fold_model_free(&model);
    }
out:
    ba_fold_model_free(&model);
    ba_free(rows);
    ba_free(at);
    return status;
}
