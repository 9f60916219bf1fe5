/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the result file of decode fit says of subjects and of their alignment. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "model/series.h"

#include <math.h>
#include <string.h>

/* Sums over the held-out samples of a subject in one fold. */
typedef struct {
    double n, x, y, xx, yy, xy, rest;
} sums_t;

static void
add(sums_t *sums, double x, double y)
{
    sums->n += 1.0;
    sums->x += x;
    sums->y += y;
    sums->rest += (x - y) * (x - y);
}

static void
add_deviations(sums_t *sums, double x, double y)
{
    double dx = x - sums->x / sums->n, dy = y - sums->y / sums->n;

    sums->xx += dx * dx;
    sums->yy += dy * dy;
    sums->xy += dx * dy;
}

/* Whether a sum of squared deviations is more than rounding beside the mean. */
static int
varies(double square, double sum, double n)
{
    return sqrt(square / n) > BA_NEGLIGIBLE * (fabs(sum / n) + sqrt(square));
}

/* r and r2 of dimension j, for each subject the mean over the folds where defined. sums:
 * n_outer x n_subjects; two passes, as sums of squares lose what is beside large means. */
static void
score_dimension(const ba_decoder_file_t *file, size_t j, size_t n_outer, sums_t *sums,
    double *r, double *r2)
{
    const ba_decoder_job_t *job = file->job;
    size_t n_subjects = job->study.n_subjects, n = job->targets.n_samples;
    size_t d = job->targets.n_dims;

    memset(sums, 0, n_outer * n_subjects * sizeof *sums);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            double x = file->predictions[i * d + j], y = job->targets.values[i + j * n];

            if (file->fold[i] >= 0 && isfinite(x)) {
                sums_t *own =
                    sums + (size_t) file->fold[i] * n_subjects + job->study.subject[i];

                pass == 0 ? add(own, x, y) : add_deviations(own, x, y);
            }
        }
    }
    for (size_t s = 0; s < n_subjects; s++) {
        double sum_r = 0.0, sum_r2 = 0.0, n_r = 0.0, n_r2 = 0.0;

        for (size_t k = 0; k < n_outer; k++) {
            const sums_t *own = sums + k * n_subjects + s;

            if (own->n > 0.0 && varies(own->xx, own->x, own->n) &&
                varies(own->yy, own->y, own->n)) {
                sum_r += own->xy / sqrt(own->xx * own->yy);
                n_r += 1.0;
            }
            if (own->n > 0.0 && varies(own->yy, own->y, own->n)) {
                sum_r2 += 1.0 - own->rest / own->yy;
                n_r2 += 1.0;
            }
        }
        r[s * d + j] = sum_r / n_r;
        r2[s * d + j] = sum_r2 / n_r2;
    }
}

/* Shares of right decisions of each subject; NaN without any. */
static int
write_accuracy(const ba_decoder_file_t *file, const char *path, const int32_t *predicted)
{
    int status = BA_OK;
    const ba_decoder_job_t *job = file->job;
    size_t n_subjects = job->study.n_subjects;
    double *right = NULL, *n = NULL;

    BA_TRY_ALLOC(right, ba_calloc(n_subjects, sizeof *right));
    BA_TRY_ALLOC(n, ba_calloc(n_subjects, sizeof *n));
    for (size_t i = 0; i < job->targets.n_samples; i++) {
        if (predicted[i] >= 0) {
            n[job->study.subject[i]] += 1.0;
            right[job->study.subject[i]] += predicted[i] == job->targets.category[i];
        }
    }
    for (size_t s = 0; s < n_subjects; s++) {
        right[s] /= n[s];
    }
    BA_TRY(ba_bundle_write(file->bundle, path, BA_F64, 1, &n_subjects, right));
out:
    ba_free(right);
    ba_free(n);
    return status;
}

static int
write_scores(const ba_decoder_file_t *file, size_t n_outer)
{
    int status = BA_OK;
    size_t n_subjects = file->job->study.n_subjects, d = file->job->targets.n_dims;
    size_t dims[2] = {n_subjects, d};
    sums_t *sums = NULL;
    double *r = NULL, *r2 = NULL;

    BA_TRY_ALLOC(sums, ba_malloc(n_outer, n_subjects * sizeof *sums));
    BA_TRY_ALLOC(r, ba_malloc(n_subjects, d * sizeof *r));
    BA_TRY_ALLOC(r2, ba_malloc(n_subjects, d * sizeof *r2));
    for (size_t j = 0; j < d; j++) {
        score_dimension(file, j, n_outer, sums, r, r2);
    }
    BA_TRY(ba_bundle_write(file->bundle, "/scores/r_by_subject", BA_F64, 2, dims, r));
    BA_TRY(ba_bundle_write(file->bundle, "/scores/r2_by_subject", BA_F64, 2, dims, r2));
out:
    ba_free(sums);
    ba_free(r);
    ba_free(r2);
    return status;
}

static int
write_samples(const ba_decoder_file_t *file)
{
    int status = BA_OK;
    const ba_study_t *study = &file->job->study;
    size_t n = file->job->targets.n_samples;
    int64_t *moment = NULL;

    BA_TRY_ALLOC(moment, ba_malloc(n, sizeof *moment));
    for (size_t i = 0; i < n; i++) {
        moment[i] = (int64_t) study->moment[i];
    }
    BA_TRY(ba_bundle_write_strings(
        file->bundle, "/subjects/name", study->n_subjects, study->subjects));
    BA_TRY(
        ba_bundle_write(file->bundle, "/splits/subject", BA_I32, 1, &n, study->subject));
    BA_TRY(ba_bundle_write(file->bundle, "/splits/moment", BA_I64, 1, &n, moment));
out:
    ba_free(moment);
    return status;
}

/* What one subject's new samples are projected by. C order in the file. */
static int
write_projection(ba_bundle_t *bundle, const ba_alignment_t *fit, size_t s)
{
    int status = BA_OK;
    size_t v = fit->n_columns[s], d = fit->n_directions, dims[2] = {v, d};
    double *weights = NULL;
    char *path = NULL;

    BA_TRY_ALLOC(weights, ba_malloc(v, d * sizeof *weights));
    for (size_t at = 0; at < v * d; at++) {
        weights[at] = fit->weights[s][at / d + at % d * v];
    }
    BA_TRY_ALLOC(path, ba_asprintf("/alignment/subject_%zu/weights", s));
    BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, dims, weights));
    ba_free(path);
    BA_TRY_ALLOC(path, ba_asprintf("/alignment/subject_%zu/mean", s));
    BA_TRY(ba_bundle_write(bundle, path, BA_F64, 1, &v, fit->mean[s]));
out:
    ba_free(weights);
    ba_free(path);
    return status;
}

/* A column-major matrix in C order. */
static int
write_turned(ba_bundle_t *bundle, const char *path, const double *x, size_t n, size_t k)
{
    int status = BA_OK;
    size_t dims[2] = {n, k};
    double *turned = NULL;

    BA_TRY_ALLOC(turned, ba_malloc(n, k * sizeof *turned));
    for (size_t at = 0; at < n * k; at++) {
        turned[at] = x[at / k + at % k * n];
    }
    BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, dims, turned));
out:
    ba_free(turned);
    return status;
}

static int
write_projections(ba_bundle_t *bundle, const ba_alignment_t *fit)
{
    int status = BA_OK;

    for (size_t s = 0; s < fit->n_subjects; s++) {
        BA_TRY(write_projection(bundle, fit, s));
    }
    BA_TRY(write_turned(
        bundle, "/alignment/shared", fit->shared, fit->n_samples, fit->n_directions));
    if (fit->basis) {
        BA_TRY(write_turned(
            bundle, "/alignment/basis", fit->basis, fit->n_features, fit->n_directions));
    }
out:
    return status;
}

static int
write_alignment(const ba_decoder_file_t *file)
{
    int status = BA_OK;
    static const char *const methods[] = {"none", "procrustes", "srm", "srm-em"};
    const ba_decoder_job_t *job = file->job;
    const ba_alignment_t *fit = &job->common.fit;
    ba_bundle_t *bundle = file->bundle;
    int64_t n = (int64_t) fit->n_features, samples = (int64_t) fit->n_samples;
    int64_t converged = fit->is_converged, *columns = NULL;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "align", methods[job->opts->align]));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "align_runs", job->opts->align_runs ? job->opts->align_runs : ""));
    if (fit->n_subjects == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(columns, ba_malloc(fit->n_subjects, sizeof *columns));
    for (size_t s = 0; s < fit->n_subjects; s++) {
        columns[s] = (int64_t) fit->n_columns[s];
    }
    BA_TRY(ba_bundle_write(
        bundle, "/alignment/n_columns", BA_I64, 1, &fit->n_subjects, columns));
    BA_TRY(ba_bundle_write(
        bundle, "/alignment/explained", BA_F64, 1, &fit->n_subjects, fit->explained));
    BA_TRY(ba_bundle_write(
        bundle, "/alignment/objective", BA_F64, 1, &fit->n_iterations, fit->objective));
    if (fit->noise) {
        BA_TRY(ba_bundle_write(
            bundle, "/alignment/noise", BA_F64, 1, &fit->n_subjects, fit->noise));
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/alignment", "n_features", 1, &n));
    BA_TRY(ba_bundle_attr_i64(bundle, "/alignment", "n_samples", 1, &samples));
    BA_TRY(ba_bundle_attr_i64(bundle, "/alignment", "converged", 1, &converged));
    if (job->fit.want_weights || job->fit.want_fold_weights) {
        BA_TRY(write_projections(bundle, fit));
    }
out:
    ba_free(columns);
    return status;
}

int
ba_decoder_write_study(const ba_decoder_file_t *file, const ba_fit_result_t *result,
    const ba_decisions_t *decisions, const ba_softmax_t *softmax)
{
    int status;

    BA_TRY(write_alignment(file));
    if (file->job->study.n_subjects < 2) {
        return BA_OK;
    }
    BA_TRY(write_samples(file));
    if (result->n_outer > 0) {
        BA_TRY(write_scores(file, result->n_outer));
    }
    if (decisions->predicted) {
        BA_TRY(
            write_accuracy(file, "/classes/accuracy_by_subject", decisions->predicted));
    }
    if (softmax->probability) {
        BA_TRY(write_accuracy(file, "/classes/multinomial/accuracy_by_subject",
            softmax->decisions.predicted));
    }
out:
    return status;
}
