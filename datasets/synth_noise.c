/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The noise of a synthetic study, one run of n samples:
 *   e(t) = sqrt(0.7) u(t) + sqrt(0.3) d(t)
 * u: short memory, sqrt(w) white + sqrt(1 - w) first-order autoregressive with
 * coefficient phi; w = (1 - rho) / 2 and phi = rho / (1 - w), so that the lag-1
 * autocorrelation of u is rho. d: scanner drift, cosines of the frequencies f_k = k / (2
 * n tr), k = 1, 2, ... up to 0.02 Hz with independent normal amplitudes of variance
 * proportional to 1 / f_k. Both have an expected variance of 1 about the mean of the run:
 * cosines have mean 0; that of u is divided by 1 - var(mean of u) = 1 - w / n - (1 - w)
 * ((1 + phi) / (1 - phi)
 *                        - 2 phi (1 - phi^n) / (n (1 - phi)^2)) / n. */
#include "datasets/synth_impl.h"

#include <math.h>

#include "core/alloc.h"

static const double DRIFT_SHARE = 0.3, DRIFT_HZ = 0.02;
static const double RUN_DEVIATION = 0.005; /* of baselines between runs */
static const double PI = 3.14159265358979323846;

static void
add_short_memory(ba_rng_t *rng, size_t n, double rho, double gain, double *x)
{
    double white = (1 - rho) / 2, phi = rho / (1 - white), size = (double) n;
    double of_mean =
        white / size + (1 - white) *
                           ((1 + phi) / (1 - phi) - 2 * phi * (1 - pow(phi, size)) /
                                                        (size * (1 - phi) * (1 - phi))) /
                           size;
    double scale = gain / sqrt(1 - of_mean);
    double state = ba_rng_normal(rng);

    for (size_t t = 0; t < n; t++) {
        x[t] += scale * (sqrt(white) * ba_rng_normal(rng) + sqrt(1 - white) * state);
        state = phi * state + sqrt(1 - phi * phi) * ba_rng_normal(rng);
    }
}

static void
add_drift(ba_rng_t *rng, size_t n, double tr, double gain, double *x)
{
    size_t n_waves = (size_t) (2 * (double) n * tr * DRIFT_HZ);
    double sum = 0;

    n_waves = n_waves < 1 ? 1 : n_waves > n - 1 ? n - 1 : n_waves;
    for (size_t k = 1; k <= n_waves; k++) {
        sum += 0.5 / (double) k;
    }
    for (size_t k = 1; k <= n_waves; k++) {
        double amplitude = gain * ba_rng_normal(rng) / sqrt((double) k * sum);

        for (size_t t = 0; t < n; t++) {
            x[t] += amplitude * cos(PI * (double) k * ((double) t + 0.5) / (double) n);
        }
    }
}

void
ba_synth_noise(ba_rng_t *rng, size_t n, double tr, double autocorrelation, double *x)
{
    for (size_t t = 0; t < n; t++) {
        x[t] = 0;
    }
    add_short_memory(rng, n, autocorrelation, sqrt(1 - DRIFT_SHARE), x);
    add_drift(rng, n, tr, sqrt(DRIFT_SHARE), x);
}

/* One recording of a run: `signal` and `responses` point to its first volume. */
static void
record(const synth_study_t *study, size_t v, ba_rng_t *rng, double *noise,
    const float *signal, float *responses)
{
    const synth_brain_t *brain = &study->brain;
    const ba_synth_opts_t *opts = &study->opts;
    double gain = brain->deviation[v] * sqrt(1 - brain->share[v]);
    double level = brain->baseline[v] * (1 + RUN_DEVIATION * ba_rng_normal(rng));

    ba_synth_noise(rng, opts->run_length, opts->tr, opts->autocorrelation, noise);
    for (size_t t = 0; t < opts->run_length; t++) {
        size_t at = t * brain->n_voxels + v;

        responses[at] = (float) (level + (double) signal[at] + gain * noise[t]);
    }
}

int
ba_synth_respond(synth_study_t *study)
{
    synth_brain_t *brain = &study->brain;
    size_t block = study->opts.run_length * brain->n_voxels;
    size_t n_recordings = study->opts.n_runs + study->opts.n_test_repeats;
    double *noise = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(noise, ba_malloc(study->opts.run_length, sizeof *noise));
    for (size_t v = 0; v < brain->n_voxels; v++) {
        BA_TRY(ba_ctx_check(study->ctx));
        BA_TRY_ALLOC(rng, ba_synth_rng(study, SYNTH_NOISE, v));
        for (size_t k = 0; k < n_recordings; k++) {
            size_t run = k < study->opts.n_runs ? k : study->opts.n_runs;

            record(study, v, rng, noise, brain->signal + run * block,
                brain->responses + k * block);
        }
        ba_rng_free(rng);
        rng = NULL;
    }
out:
    ba_rng_free(rng);
    ba_free(noise);
    return status;
}
