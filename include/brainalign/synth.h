/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A synthetic study with known truth: for demonstrations, tests and calibration. */
#ifndef BRAINALIGN_SYNTH_H
#define BRAINALIGN_SYNTH_H

#include "brainalign/ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Size and noise of the study. */
typedef struct {
    size_t n_layers;            /* layers of the toy language model (6) */
    size_t layer_size;          /* neurons per layer (96) */
    size_t n_concepts;          /* lexical concepts, each with planted neurons (8) */
    size_t neurons_per_concept; /* planted neurons per concept and layer that carries it
                                   (4) */
    size_t n_runs;              /* training runs (6) */
    size_t run_length;          /* volumes per run (200) */
    size_t n_test_repeats;      /* repeats of one extra test run (4) */
    size_t n_x, n_y,
        n_z;       /* brain grid (16 x 16 x 6); voxels inside an ellipsoid are brain */
    double tr;     /* seconds per volume (2.0) */
    double signal; /* share of a responsive voxel's variance that the stimulus drives
                      (0.3) */
    double autocorrelation; /* lag-1 autocorrelation of the noise's short-memory part
                               (0.4) */
} ba_synth_opts_t;

BA_API ba_synth_opts_t ba_synth_opts_default(void);

/* Writes into `folder` (made when missing; BA_EXISTS when a study stands there and force
 * is 0) from the seed of ctx: study.h5     /features/layer_K (n_samples x layer_size
 * float32, one row per volume), /features/word_rate, /responses (n_samples x n_voxels),
 * /run (id per sample), /test/features/layer_K, /test/responses (n_test_repeats x
 * run_length x n_voxels), /words/{token,time,concept,run}, /words/activations (n_words x n_layers layer_size), /targets/{roi,layer}
 *   bold/run-NN_bold.nii.gz, mask.nii.gz, rois.nii.gz, runs.tsv (a run table over images
 * and feature files) words.tsv    every word: run, onset, duration, word, concept
 *   neurons.tsv  every neuron: neuron, layer, component, unit, concept (or n/a)
 *   truth.h5     planted weights, which layer drives which ROI, HRF per voxel, signal
 * share per voxel (the expected r of a perfect model) The model of the study is
 * documented in docs/methods.md: a word stream with Zipf frequencies and concept bursts;
 * layer k's neurons mix context with time constants that grow with k, planted neurons
 * follow their concept; ROIs are driven by one layer each through a haemodynamic response
 * that varies between voxels; noise is white + first-order autoregressive + 1/f drift. */
BA_API int ba_synth_write(
    const ba_ctx_t *ctx, const ba_synth_opts_t *opts, const char *folder, int force);

#ifdef __cplusplus
}
#endif

#endif
