/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Multinomial logistic regression with a ridge penalty, for categories: of the same scaled
 * columns, training rows and inner splits as the ridge fit.
 *
 * Minimises mean cross-entropy + alpha / (2 n) |W|^2, the biases free. Both are the same
 * for XR and R'W with R orthonormal, so that n x p columns with p >> n become n x n ones:
 * with the centred X = U S V' the probe sees US (held-out rows: their x V), and no p x C
 * matrix is formed. What X does not reach is left out, and so is the constant direction,
 * which a free bias is. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "fit/training_rows.h"
#include "model/scale.h"

#include "brainalign/probe.h"

#include <math.h>
#include <string.h>

/* Penalties where none are given: the mean eigenvalue of X'X times 10, 1, ... */
enum { N_AUTO = 5 };

/* Share of the objective to which an optimum is certified. */
#define GAP 1e-7

/* Eigenvalues below are no part of X. */
#define LEAST_EIGENVALUE 1e-10

/* One outer fold. */
typedef struct {
    const ba_decoder_job_t *job;
    size_t n_train, n_test, rank;
    size_t *rows;   /* n_train samples, then n_test */
    int32_t *inner; /* n_train: inner fold, -1 = none */
    size_t n_inner;
    float *z;        /* (n_train + n_test) x rank */
    uint32_t *label; /* of all rows */
    double *weight;  /* of all rows: 1 = fitted on */
    double *alphas;
    size_t n_alphas;
    double *logits; /* all rows x categories */
} fold_t;

static void
fold_free(fold_t *fold)
{
    ba_free(fold->rows);
    ba_free(fold->inner);
    ba_free(fold->z);
    ba_free(fold->label);
    ba_free(fold->weight);
    ba_free(fold->alphas);
    ba_free(fold->logits);
    *fold = (fold_t){0};
}

static int
find_rows(const ba_decoder_job_t *job, const ba_fit_result_t *result,
    const unsigned char *is_training, const int32_t *outer, size_t k, fold_t *fold)
{
    int status = BA_OK;
    size_t n = job->blocks.n, m = 0;

    *fold = (fold_t){.job = job};
    BA_TRY_ALLOC(fold->rows, ba_malloc(n, sizeof *fold->rows));
    BA_TRY_ALLOC(fold->inner, ba_malloc(n, sizeof *fold->inner));
    BA_TRY_ALLOC(fold->label, ba_malloc(n, sizeof *fold->label));
    BA_TRY_ALLOC(fold->weight, ba_malloc(n, sizeof *fold->weight));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            if (pass == 0 ? is_training[k * n + i] != 0 : outer[i] == (int32_t) k) {
                int32_t inner = result->inner_fold_by_fold[k * n + i];

                fold->inner[m] = inner;
                if (pass == 0 && inner >= 0 && (size_t) inner >= fold->n_inner) {
                    fold->n_inner = (size_t) inner + 1;
                }
                fold->label[m] = (uint32_t) job->targets.category[i];
                fold->rows[m++] = i;
            }
        }
        fold->n_train = pass == 0 ? m : fold->n_train;
    }
    fold->n_test = m - fold->n_train;
out:
    return status;
}

/* Coordinates of rows in the directions that X reaches: `given` (n_rows x all directions)
 * times what each of them needs. */
static void
take(const fold_t *fold, const double *given, size_t n_rows, size_t first,
    const size_t *kept, const double *factor)
{
    size_t ld = fold->n_train + fold->n_test;

    for (size_t c = 0; c < fold->rank; c++) {
        for (size_t i = 0; i < n_rows; i++) {
            fold->z[first + i + c * ld] =
                (float) (given[i + kept[c] * n_rows] * factor[c]);
        }
    }
}

/* Directions with an eigenvalue, without the constant. */
static size_t
find_directions(const ba_ridge_factor_t *factor, size_t *kept)
{
    ba_cdmat_t project = ba_ridge_factor_project(factor);
    const double *lambda = ba_ridge_factor_lambda(factor);
    size_t rank = ba_ridge_factor_rank(factor), n = 0;
    double largest = 0.0;

    for (size_t j = 0; j < rank; j++) {
        largest = fmax(largest, lambda[j]);
    }
    for (size_t j = 0; j < rank; j++) {
        double sum = 0.0, square = 0.0;

        for (size_t i = 0; i < project.n_rows; i++) {
            double x = project.data[i + j * project.ld];

            sum += x;
            square += x * x;
        }
        if (lambda[j] > LEAST_EIGENVALUE * largest &&
            sum * sum < 0.5 * square * (double) project.n_rows) {
            kept[n++] = j;
        }
    }
    return n;
}

static int
set_alphas(fold_t *fold, const double *lambda, const size_t *kept)
{
    int status = BA_OK;
    const ba_alphas_t *given = &fold->job->fit.alphas;
    double mean = 0.0;

    fold->n_alphas = given->n > 0 ? given->n : N_AUTO;
    BA_TRY_ALLOC(fold->alphas, ba_malloc(fold->n_alphas, sizeof *fold->alphas));
    for (size_t c = 0; c < fold->rank; c++) {
        mean += lambda[kept[c]] / (double) fold->rank;
    }
    for (size_t a = 0; a < fold->n_alphas; a++) {
        fold->alphas[a] =
            given->n > 0 ? given->values[a] : mean * pow(10.0, 1.0 - (double) a);
    }
out:
    return status;
}

/* The fold's rows in the basis of its training rows. */
static int
make_coordinates(const ba_ctx_t *ctx, const ba_design_t *design, fold_t *fold)
{
    int status;
    size_t p = ba_design_n_columns(design), n = fold->n_train, all = n + fold->n_test;
    double *mean = NULL, *scale = NULL, *apply = NULL, *factor_of = NULL;
    size_t *kept = NULL, rank;
    ba_ridge_factor_t *factor = NULL;
    ba_training_t training = {.design = design, .rows = fold->rows, .n_rows = n};
    int is_dual;

    if (fold->job->fit.scale_features != BA_SCALE_NONE) {
        BA_TRY_ALLOC(mean, ba_malloc(p, sizeof *mean));
        BA_TRY_ALLOC(scale, ba_malloc(p, sizeof *scale));
        BA_TRY(ba_design_scale(ctx, design, fold->rows, n, mean, scale));
        for (size_t j = 0; fold->job->fit.scale_features == BA_SCALE_CENTER && j < p;
             j++) {
            scale[j] = 1.0;
        }
        training.mean = mean;
        training.scale = scale;
    }
    BA_TRY(ba_ridge_factor(ctx, &training, BA_SOLVER_AUTO, BA_INTERCEPT_YES, &factor));
    rank = ba_ridge_factor_rank(factor);
    is_dual = ba_ridge_factor_solver(factor) == BA_SOLVER_DUAL;
    BA_TRY_ALLOC(kept, ba_malloc(rank, sizeof *kept));
    BA_TRY_ALLOC(factor_of, ba_malloc(rank, sizeof *factor_of));
    BA_TRY_ALLOC(apply, ba_malloc(fold->n_test, rank * sizeof *apply));
    BA_TRY(ba_ridge_factor_apply(ctx, factor, design, fold->rows + n, fold->n_test,
        (ba_dmat_t){apply, fold->n_test, rank, fold->n_test}));
    fold->rank = find_directions(factor, kept);
    BA_TRY_ALLOC(fold->z, ba_malloc(all, fold->rank * sizeof *fold->z));
    for (size_t c = 0; c < fold->rank; c++) {
        factor_of[c] = is_dual ? sqrt(ba_ridge_factor_lambda(factor)[kept[c]]) : 1.0;
    }
    take(fold, ba_ridge_factor_project(factor).data, n, 0, kept, factor_of);
    for (size_t c = 0; c < fold->rank; c++) {
        factor_of[c] = 1.0 / factor_of[c];
    }
    take(fold, apply, fold->n_test, n, kept, factor_of);
    BA_TRY(set_alphas(fold, ba_ridge_factor_lambda(factor), kept));
out:
    ba_ridge_factor_free(factor);
    ba_free(mean);
    ba_free(scale);
    ba_free(apply);
    ba_free(factor_of);
    ba_free(kept);
    return status;
}

/* Fits on the rows with a weight; logits of all rows. */
static int
fit_rows(const ba_ctx_t *ctx, fold_t *fold, double alpha, ba_probe_t **probe)
{
    int status;
    size_t all = fold->n_train + fold->n_test;
    ba_probe_data_t data = {.x = {fold->z, all, fold->rank, all},
        .n_neurons = fold->rank,
        .row_weight = fold->weight,
        .label = fold->label,
        .n_classes = fold->job->targets.n_dims};
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *start = *probe;
    double n = 0.0;

    *probe = NULL;
    for (size_t i = 0; i < all; i++) {
        n += fold->weight[i];
    }
    opts.kind = BA_PROBE_SOFTMAX;
    opts.penalty = BA_PENALTY_SQUARED;
    opts.l1 = 0.0;
    opts.l2 = alpha / n;
    opts.gap = GAP;
    BA_TRY(ba_probe_fit(ctx, &data, &opts, start, probe));
    BA_TRY(ba_probe_logits(ctx, *probe, &data, NULL, BA_REST_ZERO, NULL, fold->logits));
out:
    ba_probe_free(start);
    return status;
}

/* Minus the log of the share that softmax gives to category `of` of a row. */
static double
surprise(const fold_t *fold, size_t row, size_t of)
{
    size_t all = fold->n_train + fold->n_test, c = fold->job->targets.n_dims;
    size_t best = 0;
    double sum = 1.0; /* in units of the largest */

    for (size_t k = 1; k < c; k++) {
        best = fold->logits[row + k * all] > fold->logits[row + best * all] ? k : best;
    }
    for (size_t k = 0; k < c; k++) {
        sum += k == best
                   ? 0.0
                   : exp(fold->logits[row + k * all] - fold->logits[row + best * all]);
    }
    return log(sum) + fold->logits[row + best * all] - fold->logits[row + of * all];
}

/* Rows that inner fold f fits on, by the rules of the fit; its validation rows in test. */
static int
split_inner(fold_t *fold, size_t f, size_t *train, size_t *test, size_t *n_test)
{
    int status;
    size_t n_stay = 0;

    BA_TRY(ba_cv_split_by(&fold->job->fit.cv, &fold->job->blocks.runs, fold->rows,
        fold->n_train, fold->inner, (int32_t) f, fold->job->fit.gap_inner, train, &n_stay,
        test, n_test));
    memset(fold->weight, 0, (fold->n_train + fold->n_test) * sizeof *fold->weight);
    for (size_t i = 0; i < n_stay; i++) {
        fold->weight[train[i]] = 1.0;
    }
out:
    return status;
}

/* The place of the penalty with the least mean held-out cross-entropy; equal ones: the
 * larger. */
static int
choose_alpha(const ba_ctx_t *ctx, fold_t *fold, size_t *best)
{
    int status = BA_OK;
    size_t *train = NULL, *test = NULL, n_test;
    double *loss = NULL;
    ba_probe_t *probe = NULL;

    *best = 0;
    if (fold->n_inner == 0 || fold->n_alphas == 1) {
        return BA_OK;
    }
    BA_TRY_ALLOC(train, ba_malloc(fold->n_train, sizeof *train));
    BA_TRY_ALLOC(test, ba_malloc(fold->n_train, sizeof *test));
    BA_TRY_ALLOC(loss, ba_calloc(fold->n_alphas, sizeof *loss));
    for (size_t f = 0; f < fold->n_inner; f++) {
        BA_TRY(split_inner(fold, f, train, test, &n_test));
        for (size_t a = 0; a < fold->n_alphas; a++) {
            BA_TRY(fit_rows(ctx, fold, fold->alphas[a], &probe));
            for (size_t i = 0; i < n_test; i++) {
                loss[a] += surprise(fold, test[i], fold->label[test[i]]) /
                           ((double) n_test * (double) fold->n_inner);
            }
        }
    }
    for (size_t a = 1; a < fold->n_alphas; a++) {
        int is_larger = fold->alphas[a] > fold->alphas[*best];

        *best =
            loss[a] < loss[*best] || (loss[a] == loss[*best] && is_larger) ? a : *best;
    }
out:
    ba_probe_free(probe);
    ba_free(train);
    ba_free(test);
    ba_free(loss);
    return status;
}

static int
run_fold(const ba_ctx_t *ctx, fold_t *fold, size_t k, ba_softmax_t *out)
{
    int status;
    size_t all = fold->n_train + fold->n_test, c = fold->job->targets.n_dims, best;
    ba_probe_t *probe = NULL;

    BA_TRY_ALLOC(fold->logits, ba_malloc(all, c * sizeof *fold->logits));
    BA_TRY(choose_alpha(ctx, fold, &best));
    for (size_t i = 0; i < all; i++) {
        fold->weight[i] = i < fold->n_train;
    }
    BA_TRY(fit_rows(ctx, fold, fold->alphas[best], &probe));
    out->alpha[k] = fold->alphas[best];
    out->gap[k] = probe->gap / probe->objective;
    for (size_t i = fold->n_train; i < all; i++) {
        for (size_t j = 0; j < c; j++) {
            out->probability[fold->rows[i] * c + j] = exp(-surprise(fold, i, j));
        }
    }
out:
    ba_probe_free(probe);
    return status;
}

static int
make_room(const ba_decoder_job_t *job, size_t n_outer, ba_softmax_t *out)
{
    int status = BA_OK;
    size_t n = job->blocks.n * job->targets.n_dims;

    *out = (ba_softmax_t){0};
    BA_TRY_ALLOC(out->probability, ba_malloc(n, sizeof *out->probability));
    for (size_t i = 0; i < n; i++) {
        out->probability[i] = NAN;
    }
    BA_TRY_ALLOC(out->alpha, ba_malloc(n_outer, sizeof *out->alpha));
    BA_TRY_ALLOC(out->gap, ba_malloc(n_outer, sizeof *out->gap));
out:
    return status;
}

int
ba_softmax_run(const ba_ctx_t *ctx, const ba_decoder_job_t *job,
    const ba_fit_result_t *result, const int32_t *outer, ba_softmax_t *out)
{
    int status;
    size_t n_sets = 0, n_outer = result->n_outer;
    unsigned char *is_training = NULL;
    fold_t fold = {0};

    BA_TRY(make_room(job, n_outer, out));
    BA_TRY(ba_fit_training_rows(&job->data, &job->fit, &is_training, &n_sets));
    for (size_t k = 0; k < n_outer; k++) {
        ba_decoder_part_t part = {0};

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(find_rows(job, result, is_training, outer, k, &fold));
        if (job->chosen.n > 0) {
            status = ba_decoder_part_make(job, k, &part);
        }
        status = status != BA_OK
                     ? status
                     : make_coordinates(
                           ctx, part.design ? part.design : job->inputs.design, &fold);
        ba_decoder_part_free(&part);
        BA_TRY(status);
        BA_TRY(run_fold(ctx, &fold, k, out));
        fold_free(&fold);
    }
    BA_TRY(ba_decisions_make(
        &job->targets, out->probability, outer, n_outer, &out->decisions));
out:
    ba_free(is_training);
    fold_free(&fold);
    return status;
}

void
ba_softmax_free(ba_softmax_t *softmax)
{
    ba_free(softmax->probability);
    ba_free(softmax->alpha);
    ba_free(softmax->gap);
    ba_decisions_free(&softmax->decisions);
    *softmax = (ba_softmax_t){0};
}
