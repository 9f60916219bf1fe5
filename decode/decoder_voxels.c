/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Response columns chosen inside each training fold: by an encoding model here, whose
 * inner folds hold training rows only, or by one of the measures of other files. The
 * decoder of a fold is then fitted on its own columns. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "io/source_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t
ba_decoder_n_columns(const ba_decoder_job_t *job)
{
    return job->opts->voxel_score == BA_VOXELS_ROI ? ba_decoder_most_columns(job)
           : job->opts->n_voxels > 0               ? job->opts->n_voxels
                                                   : job->inputs.n_voxels;
}

int
ba_decoder_chooses(const ba_decode_fit_opts_t *opts)
{
    return opts->n_voxels > 0 || opts->voxel_score == BA_VOXELS_ROI;
}

void
ba_chosen_free(ba_chosen_t *chosen)
{
    ba_free(chosen->columns);
    ba_free(chosen->scores);
    ba_free(chosen->regions);
    ba_free(chosen->status);
    *chosen = (ba_chosen_t){0};
}

/* ---- the responses as targets ---- */

static int
read_responses(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const ba_decoder_job_t *job = *(const ba_decoder_job_t **) state;
    const ba_decoder_inputs_t *inputs = &job->inputs;

    (void) slab;
    for (size_t j = 0; j < n_cols; j++) {
        size_t at = (col0 + j) * job->blocks.n + row0;

        for (size_t i = 0; i < n_rows; i++) {
            dst[i + j * ld] =
                inputs->single ? (double) inputs->single[at + i] : inputs->full[at + i];
        }
    }
    return BA_OK;
}

static int
responses_open(const ba_decoder_job_t *job, ba_source_t **out)
{
    static const ba_source_ops_t ops = {
        .format = "memory", .read = read_responses, .close = ba_free};
    ba_source_shape_t shape = {.n_slabs = 1,
        .n_rows = job->blocks.n,
        .n_cols = job->inputs.n_voxels,
        .rank = 2,
        .is_double = job->inputs.full != NULL};
    const ba_decoder_job_t **state = ba_malloc(1, sizeof *state);

    if (!state) {
        return BA_NOMEM;
    }
    *state = job;
    return ba_source_wrap(&ops, state, &shape, "responses", out);
}

/* ---- splits of the encoding models ---- */

/* Fold ids of all samples: one that decoding drops, whose features still predict, belongs
 * to the fold of the nearest sample before it in its run, else after it. */
static int
extend_folds(const ba_decoder_job_t *job, int32_t *ids)
{
    int status = BA_OK;
    const ba_runs_t *runs = &job->blocks.runs;
    size_t n_folds, *kept = NULL;
    int32_t *fold = NULL;
    ba_runs_t kept_runs = {0};

    BA_TRY_ALLOC(kept, ba_malloc(runs->n_samples, sizeof *kept));
    BA_TRY_ALLOC(fold, ba_malloc(runs->n_samples, sizeof *fold));
    BA_TRY(ba_runs_trim(runs, job->fit.trim_first, job->fit.trim_last, kept, &kept_runs));
    BA_TRY(
        ba_cv_folds(&job->fit.outer_cv, runs, kept, kept_runs.n_samples, fold, &n_folds));
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t i = kept_runs.onset[r];

        for (size_t t = runs->onset[r]; t < runs->onset[r + 1]; t++) {
            while (i + 1 < kept_runs.onset[r + 1] && kept[i + 1] <= t) {
                i++;
            }
            ids[t] = fold[i];
        }
    }
out:
    ba_runs_free(&kept_runs);
    ba_free(kept);
    ba_free(fold);
    return status;
}

/* A response is encoded from features up to the largest delay away: they keep the gap from
 * what is held out, too, unless the gap was given. */
static size_t
encoding_gap(const ba_decoder_job_t *job)
{
    size_t most = 0;

    for (size_t i = 0; i < job->inputs.n_lags && !job->opts->blocks; i++) {
        size_t size = (size_t) abs(job->inputs.lags[i]);

        most = size > most ? size : most;
    }
    return job->fit.gap_outer + (job->opts->gap_outer < 0 ? most : 0);
}

static int
encoding_splits(const ba_decoder_job_t *job, ba_fit_opts_t *fit, int32_t **ids)
{
    int status = BA_OK;
    ba_cv_kind_t kind = job->fit.outer_cv.kind;

    if (kind == BA_CV_NONE || kind == BA_CV_ROWS || kind == BA_CV_SUBJECTS ||
        kind == BA_CV_CROSSED) {
        return BA_OK;
    }
    BA_TRY_ALLOC(*ids, ba_malloc(job->blocks.n, sizeof **ids));
    BA_TRY(extend_folds(job, *ids));
    fit->outer_cv = (ba_cv_opts_t){.kind = BA_CV_ROWS, .ids = *ids};
out:
    return status;
}

/* ---- scores and choice ---- */

/* Where a score and its column belong together. */
typedef struct {
    double score;
    int32_t column;
} scored_t;

/* Best first; undefined scores last; equal ones by column. */
static int
compare_scored(const void *a, const void *b)
{
    const scored_t *x = a, *y = b;
    int x_undefined = isnan(x->score) != 0, y_undefined = isnan(y->score) != 0;

    if (x_undefined != y_undefined) {
        return x_undefined - y_undefined;
    }
    if (!x_undefined && x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return (x->column > y->column) - (x->column < y->column);
}

int
ba_decoder_best(const double *scores, size_t n_scores, size_t n, const char *option,
    const char *what, int32_t *out)
{
    int status = BA_OK;
    size_t n_defined = 0;
    scored_t *scored = NULL;

    BA_TRY_ALLOC(scored, ba_malloc(n_scores, sizeof *scored));
    for (size_t j = 0; j < n_scores; j++) {
        scored[j] = (scored_t){scores[j], (int32_t) j};
        n_defined += isnan(scores[j]) ? 0 : 1;
    }
    qsort(scored, n_scores, sizeof *scored, compare_scored);
    if (n_defined < n) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu, but one fit scores %zu of %zu %s, wanted as many as are "
            "chosen in each",
            option, n, n_defined, n_scores, what));
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = scored[i].column;
    }
out:
    ba_free(scored);
    return status;
}

/* Takes the scores, n_sets x v, over. */
static int
choose_by(double *scores, size_t n_sets, size_t v, size_t n, ba_chosen_t *out)
{
    int status = BA_OK;

    *out = (ba_chosen_t){.n = n, .n_sets = n_sets, .n_scores = v, .scores = scores};
    BA_TRY_ALLOC(out->columns, ba_malloc(n_sets, n * sizeof *out->columns));
    for (size_t k = 0; k < n_sets; k++) {
        BA_TRY(ba_decoder_best(
            scores + k * v, v, n, "n-voxels", "response columns", out->columns + k * n));
    }
out:
    return status;
}

int
ba_decoder_largest(const ba_fit_result_t *result, double **out)
{
    size_t v = result->n_targets, n_alphas = result->n_alphas;
    size_t folds = result->n_outer;
    double *scores = ba_malloc(folds + 1, v * sizeof *scores);

    *out = scores;
    if (!scores) {
        return BA_NOMEM;
    }
    for (size_t k = 0; k <= folds; k++) {
        const double *cv =
            k < folds ? result->cv_scores_by_fold + k * n_alphas * v : result->cv_scores;

        for (size_t j = 0; j < v; j++) {
            double *best = scores + k * v + j;

            *best = NAN;
            for (size_t a = 0; a < n_alphas; a++) {
                double score = cv[a * v + j];

                *best = !isnan(*best) && !(score > *best) ? *best : score;
            }
        }
    }
    return BA_OK;
}

static int
check_measure(const ba_decoder_job_t *job)
{
    const ba_decode_fit_opts_t *opts = job->opts;

    if (opts->voxel_score == BA_VOXELS_F && !job->targets.category) {
        return ba_fail(
            BA_VALUE, "voxel-score: f without categories, wanted labels beside it");
    }
    if (opts->voxel_score == BA_VOXELS_STABILITY && !job->items.category) {
        return ba_fail(BA_VALUE,
            "voxel-score: stability without items, wanted labels or voxel-items");
    }
    return BA_OK;
}

int
ba_decoder_check_choice(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    if (job->opts->blocks && job->inputs.n_lags > 1) {
        return ba_fail(BA_UNSUPPORTED,
            "%s: found with blocks and %zu response delays, wanted one delay",
            job->opts->voxel_score == BA_VOXELS_ROI ? "n-rois" : "n-voxels",
            job->inputs.n_lags);
    }
    if (job->opts->voxel_score == BA_VOXELS_F ||
        job->opts->voxel_score == BA_VOXELS_STABILITY) {
        return check_measure(job);
    }
    if (job->fit.cv.kind == BA_CV_NONE) {
        return ba_fail(BA_VALUE,
            "%s: found with cv none, wanted inner splits to score by",
            job->opts->voxel_score == BA_VOXELS_ROI ? "n-rois" : "n-voxels");
    }
    return job->opts->voxel_score == BA_VOXELS_SEARCHLIGHT ? ba_decoder_place(ctx, job)
                                                           : BA_OK;
}

/* An encoding model of all response columns, with the splits of the decoder. */
typedef struct {
    ba_space_t space; /* stays where it is: the design reads it */
    int no_delay;
    ba_fit_data_t data;
    ba_fit_opts_t fit;
    ba_design_t *design;
    int32_t *ids;
} encoding_t;

static void
encoding_free(encoding_t *encoding)
{
    ba_source_close(encoding->data.targets);
    ba_design_free(encoding->design);
    ba_free(encoding->ids);
}

static void
set_encoding_fit(const ba_decoder_job_t *job, ba_fit_opts_t *fit)
{
    *fit = job->fit;
    fit->scale_features = fit->scale_targets = BA_SCALE_ZSCORE;
    fit->alphas = job->opts->voxel_alphas;
    fit->alphas_relative = 0;
    fit->singular_cutoff = 0.0;
    fit->shared_alpha = fit->want_weights = fit->want_fold_weights = 0;
    fit->want_predictions = 0;
    fit->want_cv = 1;
    fit->gap_outer = encoding_gap(job);
    fit->select = BA_SCORE_R2;
    fit->solver = BA_SOLVER_AUTO;
    fit->trim_first = job->opts->fit.trim_first;
    fit->trim_last = job->opts->fit.trim_last;
    if (fit->cv.kind == BA_CV_DEFAULT && fit->alphas.n == 1) {
        fit->cv =
            (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5, .groups = fit->cv.groups};
    }
}

/* Call encoding_free() in any case. */
static int
encoding_start(const ba_decoder_job_t *job, encoding_t *out)
{
    int status, by_block = job->opts->blocks != NULL;

    *out = (encoding_t){.data.runs = &job->blocks.runs};
    out->space = (ba_space_t){.name = "features",
        .full = job->targets.values,
        .n_features = job->targets.n_dims,
        .delays = by_block ? &out->no_delay : job->inputs.lags,
        .n_delays = by_block ? 1 : job->inputs.n_lags};
    BA_TRY(ba_design_new(
        &out->space, 1, out->data.runs, BA_DELAY_WITHIN_RUNS, &out->design));
    BA_TRY(responses_open(job, &out->data.targets));
    out->data.design = out->design;
    set_encoding_fit(job, &out->fit);
    BA_TRY(encoding_splits(job, &out->fit, &out->ids));
out:
    return status;
}

int
ba_decoder_encoding_bytes(const ba_ctx_t *ctx, const ba_decoder_job_t *job, size_t *bytes)
{
    int status;
    encoding_t encoding;
    ba_fit_info_t info;

    BA_TRY(encoding_start(job, &encoding));
    BA_TRY(ba_fit_plan(ctx, &encoding.data, &encoding.fit, &info));
    *bytes = info.bytes_planned;
out:
    encoding_free(&encoding);
    return status;
}

static int
score_by_encoding(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, double **scores, size_t *n_sets)
{
    int status;
    size_t n_outer = 0;
    encoding_t encoding;
    ba_fit_result_t result = {0};

    BA_TRY(encoding_start(job, &encoding));
    BA_TRY(ba_fit_n_outer(&job->data, &job->fit, &n_outer));
    BA_TRY(ba_fit_run(ctx, &encoding.data, &encoding.fit, NULL, &result, NULL));
    if (result.n_outer != n_outer) {
        BA_TRY(ba_fail(BA_SHAPE,
            "n-voxels: %zu outer folds of all samples, %zu of those "
            "that have responses",
            result.n_outer, n_outer));
    }
    *n_sets = n_outer + 1;
    BA_TRY(ba_decoder_largest(&result, scores));
out:
    ba_fit_result_free(&result);
    encoding_free(&encoding);
    return status;
}

int
ba_decoder_choose(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    int status = BA_OK;
    double *scores = NULL;
    size_t n_sets = 0;

    switch (job->opts->voxel_score) {
    case BA_VOXELS_ROI:
        return ba_decoder_choose_regions(ctx, job);
    case BA_VOXELS_SEARCHLIGHT:
        BA_TRY(ba_decoder_searchlight(ctx, job, &scores, &n_sets));
        break;
    case BA_VOXELS_ENCODING:
        BA_TRY(score_by_encoding(ctx, job, &scores, &n_sets));
        break;
    default:
        BA_TRY(ba_decoder_measure(ctx, job, &scores, &n_sets));
    }
    BA_TRY(choose_by(
        scores, n_sets, job->inputs.n_voxels, job->opts->n_voxels, &job->chosen));
out:
    return status;
}
