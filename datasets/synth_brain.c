/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The brain of a synthetic study. Brain = the voxels of an ellipsoid, cut into wedges of
 * equal size around the z axis, one region each. The haemodynamic response of voxel v is
 *   h_v(t) = h((t - delay_v) / dispersion_v),
 *   h(t) = t^5 exp(-t) / 5! - t^15 exp(-t) / (6 * 15!),
 * the double gamma function of Friston et al. (1998), scaled to peak 1. */
#include "datasets/synth_impl.h"

#include <math.h>
#include <stdlib.h>

#include "core/alloc.h"

static const double HRF_SECONDS = 32, TAP_SECONDS = 0.125;
static const double DELAY_DEVIATION = 0.6, DELAY_LIMIT = 1.5, DISPERSION_DEVIATION = 0.1;
static const double BASELINE = 1000, BASELINE_DEVIATION = 0.1;
static const double CHANGE = 0.02, CHANGE_DEVIATION = 0.2;

/* A voxel of the ellipsoid and where it stands around the z axis. */
typedef struct {
    double angle;
    size_t voxel;
} azimuth_t;

static int
compare_azimuths(const void *a, const void *b)
{
    const azimuth_t *left = a, *right = b;

    if (left->angle != right->angle) {
        return left->angle < right->angle ? -1 : 1;
    }
    return (left->voxel > right->voxel) - (left->voxel < right->voxel);
}

/* Place of a voxel's middle from -1 to 1 along each axis. */
static void
locate(const ba_synth_opts_t *opts, size_t at, double place[3])
{
    const size_t n[3] = {opts->n_x, opts->n_y, opts->n_z};

    for (size_t i = 0; i < 3; i++) {
        place[i] = (2 * (double) (at % n[i]) + 1) / (double) n[i] - 1;
        at /= n[i];
    }
}

/* Lists the voxels of the ellipsoid. */
static int
carve(const ba_synth_opts_t *opts, synth_brain_t *brain, azimuth_t *order)
{
    size_t n_grid = opts->n_x * opts->n_y * opts->n_z;

    for (size_t at = 0; at < n_grid; at++) {
        double p[3];

        locate(opts, at, p);
        if (p[0] * p[0] + p[1] * p[1] + p[2] * p[2] <= 1) {
            order[brain->n_voxels] =
                (azimuth_t){.angle = atan2(p[1], p[0]), .voxel = brain->n_voxels};
            brain->grid[brain->n_voxels++] = at;
        }
    }
    if (brain->n_voxels < brain->n_rois) {
        return ba_fail(BA_VALUE,
            "study: a grid of %zu x %zu x %zu has %zu voxels inside its ellipsoid, "
            "wanted "
            "at least %zu, one for each region",
            opts->n_x, opts->n_y, opts->n_z, brain->n_voxels, brain->n_rois);
    }
    return BA_OK;
}

/* One region per layer, in shuffled order, so that a region's number does not give its
 * layer away; one for the word rate; one that responds to nothing. */
static int
name_rois(const synth_study_t *study, synth_brain_t *brain)
{
    size_t n_layers = study->opts.n_layers, *layers = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(brain->roi_names, ba_calloc(brain->n_rois, sizeof(char *)));
    BA_TRY_ALLOC(brain->roi_drives, ba_malloc(brain->n_rois, sizeof *brain->roi_drives));
    BA_TRY_ALLOC(layers, ba_malloc(n_layers, sizeof *layers));
    BA_TRY_ALLOC(rng, ba_synth_rng(study, SYNTH_ROI, 0));
    for (size_t i = 0; i < n_layers; i++) {
        layers[i] = i + 1;
    }
    ba_rng_shuffle(rng, layers, n_layers);
    for (size_t r = 0; r < brain->n_rois; r++) {
        if (r < n_layers) {
            brain->roi_drives[r] = (int32_t) layers[r];
            BA_TRY_ALLOC(brain->roi_names[r], ba_asprintf("roi_%zu", r + 1));
        } else {
            brain->roi_drives[r] = r == n_layers ? SYNTH_DRIVE_RATE : SYNTH_DRIVE_NONE;
            BA_TRY_ALLOC(brain->roi_names[r], ba_strdup(r == n_layers ? "rate" : "null"));
        }
    }
out:
    ba_rng_free(rng);
    ba_free(layers);
    return status;
}

static int
make_regions(const synth_study_t *study, synth_brain_t *brain)
{
    const ba_synth_opts_t *opts = &study->opts;
    size_t n_grid = opts->n_x * opts->n_y * opts->n_z;
    azimuth_t *order = NULL;
    int status;

    brain->n_rois = opts->n_layers + 2;
    BA_TRY_ALLOC(order, ba_malloc(n_grid, sizeof *order));
    BA_TRY_ALLOC(brain->grid, ba_malloc(n_grid, sizeof *brain->grid));
    BA_TRY(carve(opts, brain, order));
    BA_TRY_ALLOC(brain->roi, ba_malloc(brain->n_voxels, sizeof *brain->roi));
    qsort(order, brain->n_voxels, sizeof *order, compare_azimuths);
    for (size_t i = 0; i < brain->n_voxels; i++) {
        brain->roi[order[i].voxel] = (int32_t) (i * brain->n_rois / brain->n_voxels);
    }
    BA_TRY(name_rois(study, brain));
out:
    ba_free(order);
    return status;
}

static double
double_gamma(double t)
{
    if (t <= 0) {
        return 0;
    }
    return exp(5 * log(t) - t - lgamma(6)) - exp(15 * log(t) - t - lgamma(16)) / 6;
}

static void
sample_hrf(const synth_brain_t *brain, size_t v, float *hrf)
{
    double peak = 0;

    for (size_t k = 0; k < brain->n_taps; k++) {
        double t = (double) k * brain->tap_seconds;

        peak = fmax(peak, double_gamma((t - brain->delay[v]) / brain->dispersion[v]));
    }
    for (size_t k = 0; k < brain->n_taps; k++) {
        double t = (double) k * brain->tap_seconds;

        hrf[k] =
            (float) (double_gamma((t - brain->delay[v]) / brain->dispersion[v]) / peak);
    }
}

/* What is a voxel's own: response function, size, share of signal. */
static int
make_voxels(const synth_study_t *study, synth_brain_t *brain)
{
    int status = BA_OK;

    for (size_t v = 0; v < brain->n_voxels; v++) {
        int32_t drive = brain->roi_drives[brain->roi[v]];
        ba_rng_t *rng;
        double z;

        BA_TRY_ALLOC(rng, ba_synth_rng(study, SYNTH_VOXEL, v));
        z = DELAY_DEVIATION * ba_rng_normal(rng);
        brain->delay[v] = fmax(-DELAY_LIMIT, fmin(DELAY_LIMIT, z));
        brain->dispersion[v] = exp(DISPERSION_DEVIATION * ba_rng_normal(rng));
        z = 1 + BASELINE_DEVIATION * ba_rng_normal(rng);
        brain->baseline[v] = BASELINE * fmax(0.6, fmin(1.4, z));
        brain->deviation[v] =
            brain->baseline[v] * CHANGE * exp(CHANGE_DEVIATION * ba_rng_normal(rng));
        z = study->opts.signal * (0.6 + 0.8 * ba_rng_uniform(rng));
        brain->share[v] = drive == SYNTH_DRIVE_NONE ? 0 : fmin(z, 0.98);
        ba_rng_free(rng);
        sample_hrf(brain, v, brain->hrf + v * brain->n_taps);
    }
out:
    return status;
}

int
ba_synth_brain_make(synth_study_t *study)
{
    const ba_synth_opts_t *opts = &study->opts;
    synth_brain_t *brain = &study->brain;
    size_t n, n_rows = study->n_train + opts->n_test_repeats * opts->run_length;
    int status;

    BA_TRY(make_regions(study, brain));
    n = brain->n_voxels;
    brain->n_sub = (size_t) ceil(opts->tr / TAP_SECONDS);
    brain->tap_seconds = opts->tr / (double) brain->n_sub;
    brain->n_taps = (size_t) ceil(HRF_SECONDS / brain->tap_seconds);
    BA_TRY_ALLOC(brain->share, ba_calloc(n, sizeof *brain->share));
    BA_TRY_ALLOC(brain->baseline, ba_calloc(n, sizeof *brain->baseline));
    BA_TRY_ALLOC(brain->deviation, ba_calloc(n, sizeof *brain->deviation));
    BA_TRY_ALLOC(brain->delay, ba_calloc(n, sizeof *brain->delay));
    BA_TRY_ALLOC(brain->dispersion, ba_calloc(n, sizeof *brain->dispersion));
    BA_TRY_ALLOC(brain->hrf, ba_calloc(n * brain->n_taps, sizeof *brain->hrf));
    BA_TRY_ALLOC(brain->weights, ba_calloc(n * opts->layer_size, sizeof *brain->weights));
    BA_TRY_ALLOC(brain->rate_gain, ba_calloc(n, sizeof *brain->rate_gain));
    BA_TRY_ALLOC(brain->signal, ba_calloc(study->n_volumes * n, sizeof *brain->signal));
    BA_TRY_ALLOC(brain->responses, ba_calloc(n_rows * n, sizeof *brain->responses));
    BA_TRY(make_voxels(study, brain));
out:
    return status;
}

void
ba_synth_brain_free(synth_study_t *study)
{
    synth_brain_t *brain = &study->brain;

    for (size_t r = 0; brain->roi_names && r < brain->n_rois; r++) {
        ba_free(brain->roi_names[r]);
    }
    ba_free(brain->roi_names);
    ba_free(brain->roi_drives);
    ba_free(brain->grid);
    ba_free(brain->roi);
    ba_free(brain->share);
    ba_free(brain->baseline);
    ba_free(brain->deviation);
    ba_free(brain->delay);
    ba_free(brain->dispersion);
    ba_free(brain->hrf);
    ba_free(brain->weights);
    ba_free(brain->rate_gain);
    ba_free(brain->signal);
    ba_free(brain->responses);
}
