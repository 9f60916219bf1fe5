/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Response columns scored by the training samples of each fold themselves, without a
 * model: by how much they differ between categories, or how well repeats of the same items
 * agree. A sample's response is the mean over its delays. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "fit/training_rows.h"
#include "model/voxel_score.h"

#include <math.h>
#include <string.h>

/* Training samples of one set: the kind of each (-1 = none), and for stability the sample
 * of every item and repeat. */
typedef struct {
    const ba_decoder_job_t *job;
    const int32_t *kind; /* n: of the samples */
    size_t n_kinds;
    int32_t *group;  /* n: kind in this set */
    size_t *samples; /* n_items x n_repeats */
    size_t n_items, n_repeats;
} set_t;

double
ba_decoder_response(const ba_decoder_job_t *job, size_t voxel, size_t i)
{
    const ba_space_t *space = &job->inputs.space;
    size_t n = job->blocks.n;
    double sum = 0.0;

    for (size_t d = 0; d < space->n_delays; d++) {
        size_t at = voxel * n + (size_t) ((ptrdiff_t) i - space->delays[d]);

        sum += space->single ? (double) space->single[at] : space->full[at];
    }
    return sum / (double) space->n_delays;
}

/* As many repeats of every item that is there as the rarest has, in order of time. */
static int
order_repeats(set_t *set, size_t number)
{
    size_t n = set->job->blocks.n, least = n, rarest = 0, item = 0;
    size_t *count = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(count, ba_calloc(set->n_kinds, sizeof *count));
    for (size_t i = 0; i < n; i++) {
        if (set->group[i] >= 0) {
            count[set->group[i]]++;
        }
    }
    set->n_items = 0;
    for (size_t k = 0; k < set->n_kinds; k++) {
        set->n_items += count[k] > 0;
        if (count[k] > 0 && count[k] < least) {
            least = count[k];
            rarest = k;
        }
    }
    set->n_repeats = least;
    if (least < 2 || set->n_items < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "voxel-score: stability: item %zu (from 0, in byte order) comes once among "
            "the "
            "training samples of fit %zu, wanted repeats of 2 items at least",
            rarest, number));
    }
    for (size_t k = 0; k < set->n_kinds; k++) {
        size_t repeat = 0;

        for (size_t i = 0; count[k] > 0 && repeat < least; i++) {
            if (set->group[i] == (int32_t) k) {
                set->samples[item + repeat++ * set->n_items] = i;
            }
        }
        item += count[k] > 0;
    }
out:
    ba_free(count);
    return status;
}

static double
score_column(const set_t *set, size_t voxel, double *x, double *work)
{
    size_t n = set->job->blocks.n;

    if (set->job->opts->voxel_score == BA_VOXELS_F) {
        for (size_t i = 0; i < n; i++) {
            x[i] = set->group[i] >= 0 ? ba_decoder_response(set->job, voxel, i) : 0.0;
        }
        return ba_f_statistic(x, set->group, n, set->n_kinds, work);
    }
    for (size_t at = 0; at < set->n_items * set->n_repeats; at++) {
        x[at] = ba_decoder_response(set->job, voxel, set->samples[at]);
    }
    return ba_stability(x, set->n_items, set->n_repeats);
}

static int
score_set(const ba_ctx_t *ctx, const set_t *set, double *scores)
{
    int status = BA_OK;
    size_t n = set->job->blocks.n, v = set->job->inputs.n_voxels;
    size_t n_threads = (size_t) ba_ctx_threads(ctx), size = n + 2 * set->n_kinds;
    double *work = NULL;

    BA_TRY_ALLOC(work, ba_malloc(n_threads, size * sizeof *work));
#pragma omp parallel for schedule(static) num_threads((int) n_threads)
    for (size_t t = 0; t < n_threads; t++) {
        double *own = work + t * size;

        for (size_t j = t; j < v; j += n_threads) {
            scores[j] = set->job->inputs.is_used[j] ? score_column(set, j, own, own + n)
                                                    : (double) NAN;
        }
    }
out:
    ba_free(work);
    return status;
}

int
ba_decoder_measure(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, double **scores, size_t *n_sets)
{
    int status;
    size_t n = job->blocks.n, v = job->inputs.n_voxels, size = 0;
    unsigned char *is_training = NULL;
    set_t set = {
        .job = job, .kind = job->targets.category, .n_kinds = job->targets.n_dims};

    *scores = NULL;
    if (job->opts->voxel_score == BA_VOXELS_STABILITY) {
        set.kind = job->items.category;
        set.n_kinds = job->items.n_dims;
    }
    BA_TRY(ba_fit_training_rows(&job->data, &job->fit, &is_training, n_sets));
    BA_TRY(ba_multiply(*n_sets, v, &size));
    BA_TRY_ALLOC(*scores, ba_malloc(size, sizeof **scores));
    BA_TRY_ALLOC(set.group, ba_malloc(n, sizeof *set.group));
    BA_TRY_ALLOC(set.samples, ba_malloc(n, sizeof *set.samples));
    for (size_t k = 0; k < *n_sets; k++) {
        for (size_t i = 0; i < n; i++) {
            set.group[i] = is_training[k * n + i] ? set.kind[i] : -1;
        }
        if (job->opts->voxel_score == BA_VOXELS_STABILITY) {
            BA_TRY(order_repeats(&set, k));
        }
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(score_set(ctx, &set, *scores + k * v));
    }
out:
    if (status != BA_OK) {
        ba_free(*scores);
        *scores = NULL;
    }
    ba_free(is_training);
    ba_free(set.group);
    ba_free(set.samples);
    return status;
}
