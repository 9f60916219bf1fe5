/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many words begin in each volume, from the responses of the next ones: ridge
 * regression on all voxels at 1 .. rate_delays samples later, fitted on the training
 * rows of a fold. The penalty is that of a grid around the mean eigenvalue which
 * predicts training folds best that are left out, each with its gap; ties go to the
 * larger one. What comes out below 0 is 0. */
#include "decode/beam_job.h"

#include "brainalign/ridge.h"
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

/* Penalties 10^2 .. 10^-2 times the mean eigenvalue. */
enum { N_ALPHAS = 9 };

typedef struct {
    const ba_beam_job_t *job;
    const ba_fold_decoder_t *decoder;
    ba_runs_t runs;
    int *delays;
    ba_space_t space;
    ba_design_t *design;
    double *mean, *scale; /* of the columns */
    double *y, mean_y;    /* n_train: counts less their mean */
    ba_ridge_factor_t *factor;
    double *work, *maker; /* n_train squared */
    size_t *left_out, *predict, *stay;
} rate_t;

static void
release(rate_t *rate)
{
    ba_runs_free(&rate->runs);
    ba_free(rate->delays);
    ba_design_free(rate->design);
    ba_free(rate->mean);
    ba_free(rate->scale);
    ba_free(rate->y);
    ba_ridge_factor_free(rate->factor);
    ba_free(rate->work);
    ba_free(rate->maker);
    ba_free(rate->left_out);
    ba_free(rate->predict);
    ba_free(rate->stay);
}

/* Runs of the kept rows. */
static int
find_runs(rate_t *rate)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &rate->job->decoding;
    size_t *onsets = NULL, n = 0;

    BA_TRY_ALLOC(onsets, ba_malloc(decoding->n_kept, sizeof *onsets));
    for (size_t i = 0; i < decoding->n_kept; i++) {
        if (i == 0 || decoding->run[i] != decoding->run[i - 1]) {
            onsets[n++] = i;
        }
    }
    BA_TRY(ba_runs_from_onsets(onsets, n, decoding->n_kept, &rate->runs));
out:
    ba_free(onsets);
    return status;
}

static int
factorise(rate_t *rate)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &rate->job->decoding;
    const ba_fold_decoder_t *decoder = rate->decoder;
    size_t n = decoder->n_train, n_delays = rate->job->opts->rate_delays, p;

    BA_TRY(find_runs(rate));
    BA_TRY_ALLOC(rate->delays, ba_malloc(n_delays, sizeof *rate->delays));
    for (size_t d = 0; d < n_delays; d++) {
        rate->delays[d] = -(int) (d + 1);
    }
    rate->space = (ba_space_t){.name = "responses",
        .full = decoding->responses,
        .n_features = decoding->n_targets,
        .delays = rate->delays,
        .n_delays = n_delays};
    BA_TRY(
        ba_design_new(&rate->space, 1, &rate->runs, BA_DELAY_WITHIN_RUNS, &rate->design));
    p = ba_design_n_columns(rate->design);
    BA_TRY_ALLOC(rate->mean, ba_malloc(p, sizeof *rate->mean));
    BA_TRY_ALLOC(rate->scale, ba_malloc(p, sizeof *rate->scale));
    BA_TRY(ba_design_scale(
        rate->job->ctx, rate->design, decoder->train, n, rate->mean, rate->scale));
    BA_TRY(ba_ridge_factor(rate->job->ctx,
        &(ba_training_t){rate->design, decoder->train, n, rate->mean, rate->scale},
        BA_SOLVER_DUAL, BA_INTERCEPT_YES, &rate->factor));
    BA_TRY_ALLOC(rate->y, ba_malloc(n, sizeof *rate->y));
    for (size_t i = 0; i < n; i++) {
        rate->y[i] = rate->job->counts[decoding->kept[decoder->train[i]]];
        rate->mean_y += rate->y[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        rate->y[i] -= rate->mean_y;
    }
out:
    return status;
}

/* Adds the squared error of one training fold, left out with its gap. */
static int
add_error(rate_t *rate, double alpha, size_t fold, double *error)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &rate->job->decoding;
    size_t n = rate->decoder->n_train, n_out = 0, n_predict = 0, n_stay = 0;
    double *p = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t row = rate->decoder->train[i];
        int is_own = decoding->fold[row] == (int32_t) fold;

        if (is_own || ba_decoding_is_near(decoding, row, fold)) {
            if (is_own) {
                rate->predict[n_predict++] = n_out;
            }
            rate->left_out[n_out++] = i;
        } else {
            rate->stay[n_stay++] = i;
        }
    }
    if (n_predict == 0 || n_stay < 2) {
        return BA_OK;
    }
    BA_TRY_ALLOC(p, ba_malloc(n_predict, n_stay * sizeof *p));
    BA_TRY(ba_ridge_holdout(rate->factor, alpha, BA_INTERCEPT_YES,
        ba_cdmat(rate->maker, n, n, n), rate->left_out, n_out, rate->predict, n_predict,
        ba_dmat(p, n_predict, n_stay, n_predict)));
    for (size_t i = 0; i < n_predict; i++) {
        double residual = rate->y[rate->left_out[rate->predict[i]]];

        for (size_t k = 0; k < n_stay; k++) {
            residual -= p[i + k * n_predict] * rate->y[rate->stay[k]];
        }
        *error += residual * residual;
    }
out:
    ba_free(p);
    return status;
}

static int
choose_alpha(rate_t *rate, double *out)
{
    int status = BA_OK;
    size_t n = rate->decoder->n_train, rank = ba_ridge_factor_rank(rate->factor);
    const double *lambda = ba_ridge_factor_lambda(rate->factor);
    double mean = 0.0, best = INFINITY;

    BA_TRY_ALLOC(rate->work, ba_malloc(n, n * sizeof *rate->work));
    BA_TRY_ALLOC(rate->maker, ba_malloc(n, n * sizeof *rate->maker));
    BA_TRY_ALLOC(rate->left_out, ba_malloc(n, sizeof *rate->left_out));
    BA_TRY_ALLOC(rate->predict, ba_malloc(n, sizeof *rate->predict));
    BA_TRY_ALLOC(rate->stay, ba_malloc(n, sizeof *rate->stay));
    for (size_t i = 0; i < rank; i++) {
        mean += lambda[i] / (double) rank;
    }
    *out = mean;
    for (size_t a = 0; a < N_ALPHAS; a++) {
        double alpha = mean * pow(10.0, 2.0 - 0.5 * (double) a), error = 0.0;

        BA_TRY(ba_ctx_check(rate->job->ctx));
        ba_ridge_residual_maker(rate->job->ctx, rate->factor, alpha, BA_INTERCEPT_YES,
            ba_dmat(rate->work, n, n, n), ba_dmat(rate->maker, n, n, n));
        for (size_t k = 0; k < rate->job->decoding.n_folds; k++) {
            BA_TRY(add_error(rate, alpha, k, &error));
        }
        if (error < best) {
            best = error;
            *out = alpha;
        }
    }
out:
    return status;
}

/* Predictions of the decoded fold's rows. */
static int
predict(rate_t *rate, double alpha, double *predicted)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &rate->job->decoding;
    size_t fold = rate->decoder->left_out.fold[0], n = 0, *rows = NULL;
    size_t rank = ba_ridge_factor_rank(rate->factor), n_train = rate->decoder->n_train;
    ba_cdmat_t project = ba_ridge_factor_project(rate->factor);
    double *x = NULL, *d = NULL, *inner = NULL;

    BA_TRY_ALLOC(rows, ba_malloc(decoding->n_kept, sizeof *rows));
    for (size_t i = 0; i < decoding->n_kept; i++) {
        if (decoding->fold[i] == (int32_t) fold) {
            rows[n++] = i;
        }
    }
    BA_TRY_ALLOC(x, ba_malloc(n, rank * sizeof *x));
    BA_TRY_ALLOC(d, ba_malloc(rank, sizeof *d));
    BA_TRY_ALLOC(inner, ba_calloc(rank, sizeof *inner));
    BA_TRY(ba_ridge_factor_apply(
        rate->job->ctx, rate->factor, rate->design, rows, n, ba_dmat(x, n, rank, n)));
    ba_ridge_factor_filter(rate->factor, alpha, d);
    for (size_t k = 0; k < rank; k++) {
        for (size_t i = 0; i < n_train; i++) {
            inner[k] += project.data[i + k * project.ld] * rate->y[i];
        }
        inner[k] *= d[k];
    }
    for (size_t i = 0; i < n; i++) {
        double sum = rate->mean_y;

        for (size_t k = 0; k < rank; k++) {
            sum += x[i + k * n] * inner[k];
        }
        predicted[decoding->kept[rows[i]]] = fmax(sum, 0.0);
    }
out:
    ba_free(rows);
    ba_free(x);
    ba_free(d);
    ba_free(inner);
    return status;
}

int
ba_beam_rate(ba_beam_job_t *job, const ba_fold_decoder_t *decoder)
{
    int status = BA_OK;
    rate_t rate = {.job = job, .decoder = decoder};
    double alpha;

    BA_TRY(factorise(&rate));
    BA_TRY(choose_alpha(&rate, &alpha));
    BA_TRY(predict(&rate, alpha, job->predicted));
out:
    release(&rate);
    return status;
}
