/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of a synthetic study: language (words), layers (activations), brain
 * (responses), files. */
#ifndef BA_DATASETS_SYNTH_IMPL_H
#define BA_DATASETS_SYNTH_IMPL_H

#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "brainalign/synth.h"
#include "core/rng.h"

/* Streams of random numbers; the low half counts layers, runs or voxels, so that a larger
 * study shares what a smaller one has. */
typedef enum {
    SYNTH_VOCABULARY = 1,
    SYNTH_WORDS,
    SYNTH_EMBEDDING,
    SYNTH_LAYER,
    SYNTH_ROI,
    SYNTH_WEIGHTS,
    SYNTH_VOXEL,
    SYNTH_NOISE
} synth_stream_t;

typedef struct {
    double onset, duration; /* seconds from the start of the run */
    size_t run;             /* from 0; the test run is the last */
    size_t word;            /* into the vocabulary, most frequent first */
} synth_word_t;

enum { SYNTH_TOKEN_SIZE = 8 };

typedef struct {
    size_t n_vocabulary;
    char (*tokens)[SYNTH_TOKEN_SIZE];
    int32_t *concepts; /* of each word of the vocabulary, -1 = none */
    size_t n_words;
    synth_word_t *words;  /* run by run, ascending onsets */
    char **concept_names; /* n_concepts */
} synth_language_t;

/* What a region responds to. */
enum { SYNTH_DRIVE_NONE = -1, SYNTH_DRIVE_RATE = 0 }; /* 1, 2, ... = a layer */

typedef struct {
    size_t n_voxels, n_rois;
    size_t *grid;        /* n_voxels: grid indices, x fastest */
    int32_t *roi;        /* n_voxels, from 0 */
    char **roi_names;    /* n_rois */
    int32_t *roi_drives; /* n_rois */
    double *share;       /* n_voxels: share of the variance within runs that the stimulus
                            drives */
    double *baseline, *deviation; /* n_voxels, units of the responses */
    double *delay, *dispersion; /* n_voxels: HRF moved later by seconds, and stretched */
    size_t n_taps, n_sub;       /* HRF samples; samples per volume */
    double tap_seconds;
    float *hrf;       /* n_voxels x n_taps, peak 1 */
    float *weights;   /* n_voxels x layer_size, on the neurons of the voxel's layer */
    float *rate_gain; /* n_voxels, on the words */
    float *signal;    /* n_volumes x n_voxels, units of the responses */
    float *responses; /* (n_train + n_test_repeats * run_length) x n_voxels */
} synth_brain_t;

typedef struct {
    const ba_ctx_t *ctx;
    ba_synth_opts_t opts;
    size_t n_runs;    /* the test run, if there is one, included */
    size_t n_train;   /* volumes of the training runs */
    size_t n_volumes; /* of all runs, repeats not counted */
    int32_t *planted; /* n_layers x layer_size: concept of each neuron, -1 = none */
    synth_language_t language;
    synth_brain_t brain;
} synth_study_t;

/* A generator of the study, NULL = BA_NOMEM. */
ba_rng_t *ba_synth_rng(
    const synth_study_t *study, synth_stream_t stream, size_t index) BA_MUST_USE;

/* ---- synth_words.c ---- */
int ba_synth_language_make(synth_study_t *study) BA_MUST_USE;
void ba_synth_language_free(synth_study_t *study);

/* Volume that word i begins in, over all runs. */
size_t ba_synth_volume_of(const synth_study_t *study, const synth_word_t *word);

/* ---- synth_layers.c ---- */

/* Fills study->planted. */
int ba_synth_plant(synth_study_t *study) BA_MUST_USE;

/* Seconds over which a layer (from 0) forgets. */
double ba_synth_time_constant(const ba_synth_opts_t *opts, size_t layer);

/* Activations of a layer (from 0) at every word: n_words x layer_size, column-major. */
int ba_synth_activations(
    const synth_study_t *study, size_t layer, float *activations) BA_MUST_USE;

/* Rows of features: activations summed over the words that begin in a volume, n_volumes x
 * layer_size, row-major. */
void ba_synth_features(
    const synth_study_t *study, const float *activations, float *features);

/* ---- synth_brain.c ---- */
int ba_synth_brain_make(synth_study_t *study) BA_MUST_USE;
void ba_synth_brain_free(synth_study_t *study);

/* ---- synth_signal.c ---- */

/* Signal of the voxels that `drive` drives; activations of that layer, NULL for the word
 * rate. */
int ba_synth_signal(
    synth_study_t *study, int32_t drive, const float *activations) BA_MUST_USE;

/* ---- synth_noise.c ---- */

/* n samples of noise, one run: expected variance about the run's own mean 1. */
void ba_synth_noise(
    ba_rng_t *rng, size_t n, double tr, double autocorrelation, double *x);

/* Baselines, signal and noise of every voxel into brain.responses. */
int ba_synth_respond(synth_study_t *study) BA_MUST_USE;

/* ---- synth_write.c: HDF5 ---- */

/* A layer's columns of /words/activations; room: layer_size numbers for each of n_rows words
 * that are written at a time. */
int ba_synth_write_activations(const synth_study_t *study, size_t layer,
    const float *activations, float *room, size_t n_rows, ba_sink_t *sink) BA_MUST_USE;

/* What study.h5 holds beside the features. */
int ba_synth_write_study(const synth_study_t *study, ba_bundle_t *bundle) BA_MUST_USE;
int ba_synth_write_truth(
    const synth_study_t *study, const char *folder, int force) BA_MUST_USE;

/* ---- synth_files.c: tables and images ---- */

/* BA_EXISTS naming the first file of a study that stands in `folder`. */
int ba_synth_check_folder(const char *folder) BA_MUST_USE;

int ba_synth_write_tables(
    const synth_study_t *study, const char *folder, int force) BA_MUST_USE;
int ba_synth_write_images(
    const synth_study_t *study, const char *folder, int force) BA_MUST_USE;

#endif
