/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of neurons over the outer folds of an encoder: windows of targets, in each
 * all folds. */
#include "neurons/aligning_split.h"
#include "neurons/aligning_write.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* The refit's r2 may differ from the file's by so much, of fits in single precision. */
#define TOLERANCE 2e-3

typedef struct {
    ba_aligning_t aligning;
    ba_align_regions_t regions;
    ba_align_output_t output;
    ba_brain_scores_t scores;
    ba_align_profile_t profile;
    ba_align_sets_t sets;
    ba_align_maps_t maps;
    ba_align_elimination_t elimination;
    ba_align_concepts_t *concepts; /* NULL = none */
    ba_align_group_t group;
    ba_aligned_t fold, mean;      /* of a window */
    uint16_t *counts[BA_ALIGN_N]; /* folds behind each number of mean */
    uint16_t *n_scored;           /* behind mean.r2 */
    ba_align_info_t *info;
} job_t;

static void
close_job(job_t *job)
{
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        ba_free(job->counts[s]);
    }
    ba_free(job->n_scored);
    ba_aligned_free(&job->fold);
    ba_aligned_free(&job->mean);
    ba_brain_scores_free(&job->scores);
    ba_align_profile_free(&job->profile);
    ba_align_maps_free(&job->maps);
    ba_align_sets_free(&job->sets);
    ba_align_elimination_free(&job->elimination);
    ba_align_group_free(&job->group);
    ba_align_concepts_free(job->concepts);
    ba_align_output_free(&job->output);
    ba_align_regions_free(&job->regions);
    ba_aligning_close(&job->aligning);
}

/* A refit that scores otherwise than the encoder was not of the same data or settings. */
static int
check_scores(const ba_aligning_t *a, const ba_aligned_t *fold, size_t k, double *worst)
{
    for (size_t i = 0, e = 0; i < fold->n; i++) {
        size_t t = fold->first + i;
        double wanted = a->r2_by_fold[k * a->n_targets + t], found = fold->r2[i];

        if (isnan(wanted)) {
            continue;
        }
        *worst = fmax(*worst, fabs(found - wanted));
        while (t >= a->first_target[e + 1]) {
            e++;
        }
        if (!(fabs(found - wanted) <= TOLERANCE * (1.0 + fabs(wanted)))) {
            return ba_fail(BA_SHAPE,
                "%s: fold %zu, target %zu (from 0): the refit has r2 %.6g, the file "
                "%.6g: wanted the features, responses and nuisance regressors of the fit",
                ba_align_encoder(a, e), k, t - a->first_target[e], found, wanted);
        }
    }
    return BA_OK;
}

/* ---- means over folds where defined: sums and counts first ---- */

static void
add(const double *values, size_t n, double *sums, uint16_t *counts)
{
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            sums[i] = counts[i] > 0 ? sums[i] + values[i] : values[i];
            counts[i]++;
        }
    }
}

static void
divide(size_t n, double *sums, const uint16_t *counts)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] /= counts[i] > 0 ? counts[i] : 1.0;
    }
}

static void
clear_window(job_t *job, size_t first, size_t n)
{
    job->fold.first = job->mean.first = first;
    job->fold.n = job->mean.n = n;
    ba_aligned_clear(&job->aligning, &job->mean);
    memset(job->n_scored, 0, n * sizeof *job->n_scored);
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        memset(job->counts[s], 0,
            job->aligning.neurons.n_neurons * n * sizeof *job->counts[s]);
    }
}

static void
sum_up(job_t *job)
{
    size_t k = job->aligning.neurons.n_neurons;

    for (size_t t = 0; t < job->mean.n; t++) {
        for (size_t j = 0; !isnan(job->mean.r2[t]) && j < k; j++) {
            job->info->mean_delta_r2 += job->mean.values[BA_ALIGN_DELTA_R2][t * k + j];
        }
        job->info->n_scored += isnan(job->mean.r2[t]) ? 0 : 1;
    }
}

static int
run_window(const ba_ctx_t *ctx, job_t *job, size_t first, size_t n)
{
    int status = BA_OK;
    const ba_aligning_t *a = &job->aligning;
    size_t size = a->neurons.n_neurons * n;

    clear_window(job, first, n);
    for (size_t k = 0; k < a->n_folds; k++) {
        double done = (double) (first * a->n_folds + n * (k + 1));

        ba_aligned_clear(a, &job->fold);
        BA_TRY(ba_align_fold(ctx, a, k, &job->fold));
        BA_TRY(check_scores(a, &job->fold, k, &job->info->difference));
        for (size_t s = 0; s < BA_ALIGN_N; s++) {
            add(job->fold.values[s], size, job->mean.values[s], job->counts[s]);
        }
        add(job->fold.r2, n, job->mean.r2, job->n_scored);
        ba_brain_add_fold(&job->scores, &job->regions, k, &job->fold);
        ba_align_profile_add(&job->profile, k, &job->fold);
        BA_TRY(ba_align_output_fold(&job->output, k, &job->fold));
        job->info->n_alphas += job->fold.n_alphas;
        ba_ctx_progress(ctx, "folds", done, (double) (a->n_targets * a->n_folds));
    }
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        divide(size, job->mean.values[s], job->counts[s]);
    }
    divide(n, job->mean.r2, job->n_scored);
    ba_brain_add_mean(&job->scores, &job->regions, &job->mean);
    BA_TRY(ba_align_output_mean(&job->output, &job->mean));
    sum_up(job);
out:
    return status;
}

static int
allocate(job_t *job)
{
    int status;
    const ba_aligning_t *a = &job->aligning;
    size_t n = a->window < a->n_targets ? a->window : a->n_targets;

    BA_TRY(ba_aligned_make(a, 0, n, &job->fold));
    BA_TRY(ba_aligned_make(a, 0, n, &job->mean));
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        BA_TRY_ALLOC(
            job->counts[s], ba_malloc(a->neurons.n_neurons, n * sizeof *job->counts[s]));
    }
    BA_TRY_ALLOC(job->n_scored, ba_malloc(n, sizeof *job->n_scored));
    BA_TRY(ba_brain_scores_make(
        job->regions.n, a->neurons.n_neurons, a->n_folds, &job->scores));
    BA_TRY(ba_align_profile_make(a, &job->regions, &job->profile));
out:
    return status;
}

static int
work(const ba_ctx_t *ctx, job_t *job)
{
    int status;
    const ba_aligning_t *a = &job->aligning;
    ba_align_info_t *info = job->info;
    ba_align_results_t results = {.regions = &job->regions,
        .scores = &job->scores,
        .profile = &job->profile,
        .sets = &job->sets,
        .maps = &job->maps,
        .elimination = &job->elimination,
        .concepts = job->concepts,
        .group = &job->group,
        .info = info};

    BA_TRY(ba_align_output_open(ctx, a, &job->output));
    BA_TRY(ba_align_concepts_match(job->concepts));
    BA_TRY(allocate(job));
    for (size_t t = 0; t < a->n_targets; t += a->window) {
        size_t left = a->n_targets - t;

        BA_TRY(run_window(ctx, job, t, left < a->window ? left : a->window));
    }
    info->mean_delta_r2 /= (double) info->n_scored * (double) info->n_neurons;
    BA_TRY(ba_align_split_share(a, &results.share));
    BA_TRY(ba_brain_finish(&job->scores, results.share));
    BA_TRY(ba_align_profile_finish(ctx, &job->profile));
    BA_TRY(ba_align_sets_run(ctx, &job->sets));
    BA_TRY(ba_align_eliminate(ctx, a, &job->regions, &job->elimination));
    BA_TRY(ba_align_concepts_run(job->concepts, &job->scores));
    ba_align_concepts_sum_up(job->concepts, info);
    BA_TRY(ba_align_group_run(&job->group));
    ba_align_group_sum_up(&job->group, info);
    info->n_minimal =
        job->elimination.size ? (size_t) job->elimination.size[a->n_folds] : 0;
    info->stability = job->scores.stability[0];
    for (size_t j = 0; j < info->n_neurons; j++) {
        info->n_significant += job->scores.q[j] < 0.05 ? 1 : 0;
    }
    BA_TRY(ba_align_output_finish(&job->output, &results));
out:
    return status;
}

int
ba_neurons_align(const ba_ctx_t *ctx, const ba_align_opts_t *opts, ba_align_info_t *info)
{
    int status;
    job_t job = {.info = info};

    *info = (ba_align_info_t){0};
    BA_TRY(ba_aligning_open(ctx, opts, &job.aligning));
    BA_TRY(ba_align_regions_read(opts->regions, job.aligning.n_targets, &job.regions));
    BA_TRY(ba_align_sets_open(ctx, &job.aligning, &job.regions, &job.sets));
    BA_TRY(ba_align_elimination_check(ctx, &job.aligning));
    BA_TRY(ba_align_concepts_open(ctx, &job.aligning, &job.regions, &job.concepts));
    ba_align_concepts_sum_up(job.concepts, info);
    BA_TRY(ba_align_group_open(
        ctx, &job.aligning, &job.regions, &job.sets, job.concepts, &job.group));
    info->n_subjects = job.group.n_subjects;
    BA_TRY(ba_align_maps_open(&job.sets, job.concepts, &job.maps));
    info->n_sets = job.sets.n;
    info->n_neurons = job.aligning.neurons.n_neurons;
    info->n_controls = job.aligning.encoder->n_features - info->n_neurons;
    info->n_targets = job.aligning.n_targets;
    info->n_folds = job.aligning.n_folds;
    info->n_regions = job.regions.n - 1;
    if (!opts->dry_run) {
        BA_TRY(work(ctx, &job));
    }
out:
    close_job(&job);
    return status;
}
