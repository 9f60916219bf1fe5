/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What drives the voxels of a synthetic study. Voxel v of a region that layer l drives
 * responds at the middle t_n of volume n to the words i of the run by
 *   s_v(n) = sum_i d_v(i) h_v(t_n - t_i),   d_v(i) = sum_j w_vj a_lj(i),
 * a region that the word rate drives with d_v(i) = 1. Three quarters of the variance of
 * d_v over the words come from the planted neurons of the layer, a quarter from a few
 * others. */
#include "datasets/synth_impl.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"

enum { N_OTHERS = 12 };

static const double PLANTED_SHARE = 0.75;

/* Weights of a region before they are scaled, layer_size each; what its voxels vary
 * about. */
typedef struct {
    double *planted, *others;
} region_t;

/* A concept weighs the same on all of its neurons. */
static void
weigh_region(const synth_study_t *study, size_t layer, ba_rng_t *rng, region_t *region)
{
    size_t size = study->opts.layer_size, n_plain = 0;
    const int32_t *planted = study->planted + layer * size;

    for (size_t j = 0; j < size; j++) {
        region->planted[j] = region->others[j] = 0;
        n_plain += planted[j] < 0;
    }
    for (size_t c = 0; c < study->opts.n_concepts; c++) {
        double weight = 0.3 + fabs(ba_rng_normal(rng));

        for (size_t j = 0; j < size; j++) {
            if (planted[j] == (int32_t) c) {
                region->planted[j] = weight;
            }
        }
    }
    for (size_t k = 0; k < N_OTHERS && n_plain > 0; k++) {
        size_t at = ba_rng_below(rng, n_plain), j = 0;

        for (; planted[j] >= 0 || at > 0; j++) {
            at -= planted[j] < 0;
        }
        region->others[j] += ba_rng_normal(rng);
    }
}

/* drive(i) += sum_j weights_j a_j(i) for every word i. */
static void
combine(const synth_study_t *study, const double *weights, const float *activations,
    double *drive)
{
    size_t n = study->language.n_words;

    for (size_t j = 0; j < study->opts.layer_size; j++) {
        const float *a = activations + j * n;

        for (size_t i = 0; i < n && weights[j] != 0; i++) {
            drive[i] += weights[j] * (double) a[i];
        }
    }
}

static double
variance_of(const double *x, size_t n)
{
    double mean = 0, variance = 0;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        variance += (x[i] - mean) * (x[i] - mean) / (double) n;
    }
    return variance;
}

/* Adds the words' responses to a voxel's column of the signal. */
static void
convolve(synth_study_t *study, size_t v, const double *drive)
{
    synth_brain_t *brain = &study->brain;
    const float *hrf = brain->hrf + v * brain->n_taps;

    for (size_t i = 0; i < study->language.n_words; i++) {
        const synth_word_t *word = &study->language.words[i];
        size_t volume = ba_synth_volume_of(study, word);
        size_t end = (word->run + 1) * study->opts.run_length;
        size_t start = (size_t) (word->onset / brain->tap_seconds);
        size_t middle = (volume - word->run * study->opts.run_length) * brain->n_sub +
                        brain->n_sub / 2;

        for (; volume < end; volume++, middle += brain->n_sub) {
            if (middle >= start + brain->n_taps) {
                break;
            }
            if (middle >= start) {
                brain->signal[volume * brain->n_voxels + v] +=
                    (float) (drive[i] * (double) hrf[middle - start]);
            }
        }
    }
}

/* Scales a voxel's signal to its share of variance within runs. Returns the factor. */
static double
scale_signal(synth_study_t *study, size_t v)
{
    synth_brain_t *brain = &study->brain;
    size_t n = study->opts.run_length, step = brain->n_voxels;
    double sum_squares = 0, factor;

    for (size_t run = 0; run < study->n_runs; run++) {
        float *x = brain->signal + run * n * step + v;
        double mean = 0;

        for (size_t t = 0; t < n; t++) {
            mean += (double) x[t * step] / (double) n;
        }
        for (size_t t = 0; t < n; t++) {
            sum_squares += ((double) x[t * step] - mean) * ((double) x[t * step] - mean);
        }
    }
    if (!(sum_squares > 0)) {
        brain->share[v] = 0; /* nothing was said that this voxel responds to */
        return 0;
    }
    factor = brain->deviation[v] * sqrt(brain->share[v]) /
             sqrt(sum_squares / (double) study->n_volumes);
    for (size_t t = 0; t < study->n_volumes; t++) {
        brain->signal[t * step + v] =
            (float) (factor * (double) brain->signal[t * step + v]);
    }
    return factor;
}

/* Room for one voxel. */
typedef struct {
    double *weights, *total; /* layer_size */
    double *part, *drive;    /* n_words */
} work_t;

/* A voxel's own variation of its region's weights, both kinds scaled to their shares of
 * the variance. */
static void
weigh_voxel(const synth_study_t *study, const region_t *region, const float *activations,
    ba_rng_t *rng, const work_t *work)
{
    size_t size = study->opts.layer_size, n_words = study->language.n_words;
    const double *kinds[2] = {region->planted, region->others};
    const double shares[2] = {PLANTED_SHARE, 1 - PLANTED_SHARE};

    memset(work->total, 0, size * sizeof *work->total);
    memset(work->drive, 0, n_words * sizeof *work->drive);
    for (size_t kind = 0; kind < 2; kind++) {
        double variance, scale;

        for (size_t j = 0; j < size; j++) {
            work->weights[j] = kinds[kind][j];
            if (kinds[kind][j] != 0) {
                work->weights[j] *= 1 + 0.3 * ba_rng_normal(rng);
            }
        }
        memset(work->part, 0, n_words * sizeof *work->part);
        combine(study, work->weights, activations, work->part);
        variance = variance_of(work->part, n_words);
        scale = variance > 0 ? sqrt(shares[kind] / variance) : 0;
        for (size_t j = 0; j < size; j++) {
            work->total[j] += scale * work->weights[j];
        }
        for (size_t i = 0; i < n_words; i++) {
            work->drive[i] += scale * work->part[i];
        }
    }
}

static int
drive_by_layer(synth_study_t *study, size_t v, const region_t *region,
    const float *activations, const work_t *work)
{
    size_t size = study->opts.layer_size;
    float *weights = study->brain.weights + v * size;
    double factor;
    ba_rng_t *rng = ba_synth_rng(study, SYNTH_WEIGHTS, v);

    if (!rng) {
        return BA_NOMEM;
    }
    weigh_voxel(study, region, activations, rng, work);
    ba_rng_free(rng);
    convolve(study, v, work->drive);
    factor = scale_signal(study, v);
    for (size_t j = 0; j < size; j++) {
        weights[j] = (float) (factor * work->total[j]);
    }
    return BA_OK;
}

static int
drive_voxels(synth_study_t *study, int32_t drive, const region_t *region,
    const float *activations, const work_t *work)
{
    synth_brain_t *brain = &study->brain;
    int status = BA_OK;

    for (size_t v = 0; v < brain->n_voxels; v++) {
        if (brain->roi_drives[brain->roi[v]] != drive) {
            continue;
        }
        BA_TRY(ba_ctx_check(study->ctx));
        if (drive != SYNTH_DRIVE_RATE) {
            BA_TRY(drive_by_layer(study, v, region, activations, work));
        } else {
            convolve(study, v, work->drive);
            brain->rate_gain[v] = (float) scale_signal(study, v);
        }
    }
out:
    return status;
}

int
ba_synth_signal(synth_study_t *study, int32_t drive, const float *activations)
{
    size_t size = study->opts.layer_size, n_words = study->language.n_words;
    double *room = NULL;
    ba_rng_t *rng = NULL;
    region_t region;
    work_t work;
    int status = BA_OK;

    BA_TRY_ALLOC(room, ba_calloc(4 * size + 2 * n_words, sizeof *room));
    region = (region_t){.planted = room, .others = room + size};
    work = (work_t){.weights = room + 2 * size,
        .total = room + 3 * size,
        .part = room + 4 * size,
        .drive = room + 4 * size + n_words};
    BA_TRY_ALLOC(rng, ba_synth_rng(study, SYNTH_ROI, 1 + (size_t) drive));
    if (drive != SYNTH_DRIVE_RATE) {
        weigh_region(study, (size_t) drive - 1, rng, &region);
    }
    for (size_t i = 0; i < n_words; i++) {
        work.drive[i] = 1;
    }
    BA_TRY(drive_voxels(study, drive, &region, activations, &work));
out:
    ba_rng_free(rng);
    ba_free(room);
    return status;
}
