/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A synthetic study from its options to its files. study.h5 is committed last: where it
 * stands, everything does. */
#include "datasets/synth_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "brainalign/bundle.h"
#include "core/alloc.h"

/* Words of the study are distinct up to here. */
enum { MAX_CONCEPTS = 200, MAX_LAYERS = 1000, MIN_RUN_LENGTH = 8 };

ba_synth_opts_t
ba_synth_opts_default(void)
{
    return (ba_synth_opts_t){.n_layers = 6,
        .layer_size = 96,
        .n_concepts = 8,
        .neurons_per_concept = 4,
        .n_runs = 6,
        .run_length = 200,
        .n_test_repeats = 4,
        .n_x = 16,
        .n_y = 16,
        .n_z = 6,
        .tr = 2.0,
        .signal = 0.3,
        .autocorrelation = 0.4};
}

ba_rng_t *
ba_synth_rng(const synth_study_t *study, synth_stream_t stream, size_t index)
{
    uint64_t seed = study->ctx ? study->ctx->seed : 0;

    return ba_rng_new(seed, (uint64_t) stream << 48 | (uint64_t) index);
}

/* A count and what it may be. NIfTI-1 sets the limits of the grid and of run lengths. */
typedef struct {
    const char *what;
    size_t found, least, most;
} limit_t;

static int
check_opts(const ba_synth_opts_t *opts)
{
    const limit_t limits[] = {
        {"layers", opts->n_layers, 1, MAX_LAYERS},
        {"neurons per layer", opts->layer_size, 1, 1000000},
        {"concepts", opts->n_concepts, 1, MAX_CONCEPTS},
        {"neurons per concept", opts->neurons_per_concept, 1, 1000000},
        {"runs", opts->n_runs, 1, 10000},
        {"volumes per run", opts->run_length, MIN_RUN_LENGTH, 32767},
        {"test repeats", opts->n_test_repeats, 0, 1000},
        {"voxels along x", opts->n_x, 1, 1000},
        {"voxels along y", opts->n_y, 1, 1000},
        {"voxels along z", opts->n_z, 1, 1000},
    };
    size_t planted = (opts->n_concepts + 1) / 2 * opts->neurons_per_concept;

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (limits[i].found < limits[i].least || limits[i].found > limits[i].most) {
            return ba_fail(BA_VALUE, "study: %zu %s, wanted %zu to %zu", limits[i].found,
                limits[i].what, limits[i].least, limits[i].most);
        }
    }
    if (planted > opts->layer_size) {
        return ba_fail(BA_VALUE,
            "study: %zu planted neurons in a layer of %zu, wanted at most all", planted,
            opts->layer_size);
    }
    if (!(opts->tr >= 0.1 && opts->tr <= 10)) {
        return ba_fail(BA_VALUE, "study: tr of %g s, wanted 0.1 to 10", opts->tr);
    }
    if (!(opts->signal >= 0 && opts->signal <= 0.7)) {
        return ba_fail(
            BA_VALUE, "study: signal of %g, wanted a share of 0 to 0.7", opts->signal);
    }
    if (!(opts->autocorrelation >= 0 && opts->autocorrelation < 1)) {
        return ba_fail(BA_VALUE, "study: autocorrelation of %g, wanted 0 to below 1",
            opts->autocorrelation);
    }
    return BA_OK;
}

/* What stands in memory at a time: signal, responses, one layer's activations (at most
 * six words a second) and features. */
static int
check_memory(const synth_study_t *study)
{
    const ba_synth_opts_t *opts = &study->opts;
    double n_voxels = (double) opts->n_x * (double) opts->n_y * (double) opts->n_z;
    double n_volumes = (double) study->n_volumes;
    double n_recorded =
        (double) (opts->n_runs + opts->n_test_repeats) * (double) opts->run_length;
    double bytes =
        4 * ((n_volumes + n_recorded) * n_voxels +
                (double) opts->layer_size * (n_voxels + n_volumes * (1 + 6 * opts->tr)));
    double allowed = (double) ba_ctx_memory(study->ctx);

    if (bytes > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "study: %.0f MiB of memory would be needed, %.0f are allowed",
            bytes / 1048576, allowed / 1048576);
    }
    return BA_OK;
}

static int
make_folder(const char *folder)
{
    struct stat info;

    if (mkdir(folder, 0777) == 0) {
        return BA_OK;
    }
    if (errno != EEXIST) {
        return ba_fail(
            BA_IO, "%s: the folder cannot be made: %s", folder, strerror(errno));
    }
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return ba_fail(BA_IO, "%s: not a folder", folder);
    }
    return BA_OK;
}

static int
make_folders(const char *folder)
{
    char *bold = NULL;
    int status;

    BA_TRY(make_folder(folder));
    BA_TRY_ALLOC(bold, ba_asprintf("%s/bold", folder));
    BA_TRY(make_folder(bold));
out:
    ba_free(bold);
    return status;
}

/* Rows of the training runs to /features/NAME, those of the test run to
 * /test/features/NAME. */
static int
write_features(const synth_study_t *study, ba_bundle_t *bundle, const char *name,
    size_t n_features, const float *features)
{
    const size_t dims[2] = {study->n_train, n_features};
    const size_t test_dims[2] = {study->opts.run_length, n_features};
    char *path = NULL;
    int status;

    BA_TRY_ALLOC(path, ba_asprintf("/test/features/%s", name));
    BA_TRY(ba_bundle_write(bundle, path + strlen("/test"), BA_F32, 2, dims, features));
    if (study->n_runs > study->opts.n_runs) {
        BA_TRY(ba_bundle_write(
            bundle, path, BA_F32, 2, test_dims, features + study->n_train * n_features));
    }
out:
    ba_free(path);
    return status;
}

/* One layer: activations and features to the file, its signal to the brain. */
static int
make_layer(synth_study_t *study, size_t layer, ba_bundle_t *bundle, ba_sink_t *words,
    float *activations, float *rows)
{
    char name[32];
    int status;

    snprintf(name, sizeof name, "layer_%zu", layer + 1);
    ba_ctx_progress(study->ctx, "layers", (double) layer, (double) study->opts.n_layers);
    BA_TRY(ba_synth_activations(study, layer, activations));
    BA_TRY(ba_synth_write_activations(
        study, layer, activations, rows, study->n_volumes, words));
    ba_synth_features(study, activations, rows);
    BA_TRY(write_features(study, bundle, name, study->opts.layer_size, rows));
    BA_TRY(ba_synth_signal(study, (int32_t) layer + 1, activations));
out:
    return status;
}

static int
make_rate(synth_study_t *study, ba_bundle_t *bundle, float *rows)
{
    int status;

    memset(rows, 0, study->n_volumes * sizeof *rows);
    for (size_t i = 0; i < study->language.n_words; i++) {
        rows[ba_synth_volume_of(study, &study->language.words[i])] += 1;
    }
    BA_TRY(write_features(study, bundle, "word_rate", 1, rows));
    BA_TRY(ba_synth_signal(study, SYNTH_DRIVE_RATE, NULL));
out:
    return status;
}

static int
make_responses(synth_study_t *study, ba_bundle_t *bundle)
{
    const ba_synth_opts_t *opts = &study->opts;
    size_t size = opts->layer_size;
    float *activations = NULL, *rows = NULL;
    ba_sink_t *words = NULL; /* the bundle's */
    size_t dims[2];
    int status;

    BA_TRY(ba_synth_language_make(study));
    BA_TRY(ba_synth_plant(study));
    BA_TRY(ba_synth_brain_make(study));
    BA_TRY_ALLOC(
        activations, ba_malloc(study->language.n_words * size, sizeof *activations));
    BA_TRY_ALLOC(rows, ba_malloc(study->n_volumes * size, sizeof *rows));
    dims[0] = study->language.n_words;
    dims[1] = opts->n_layers * size;
    BA_TRY(ba_bundle_reserve(bundle, "/words/activations", BA_F32, 2, dims, &words));
    for (size_t layer = 0; layer < opts->n_layers; layer++) {
        BA_TRY(make_layer(study, layer, bundle, words, activations, rows));
    }
    BA_TRY(make_rate(study, bundle, rows));
    BA_TRY(ba_synth_respond(study));
    ba_ctx_progress(
        study->ctx, "layers", (double) opts->n_layers, (double) opts->n_layers);
out:
    ba_free(activations);
    ba_free(rows);
    return status;
}

int
ba_synth_write(
    const ba_ctx_t *ctx, const ba_synth_opts_t *opts, const char *folder, int force)
{
    synth_study_t study = {.ctx = ctx, .opts = opts ? *opts : ba_synth_opts_default()};
    ba_bundle_t *bundle = NULL;
    char *path = NULL;
    int status;

    study.n_runs = study.opts.n_runs + (study.opts.n_test_repeats > 0);
    study.n_train = study.opts.n_runs * study.opts.run_length;
    study.n_volumes = study.n_runs * study.opts.run_length;
    BA_TRY(check_opts(&study.opts));
    BA_TRY(check_memory(&study));
    if (!force) {
        BA_TRY(ba_synth_check_folder(folder));
    }
    BA_TRY(make_folders(folder));
    BA_TRY_ALLOC(path, ba_asprintf("%s/study.h5", folder));
    BA_TRY(ba_bundle_create(path, force, &bundle));
    BA_TRY(make_responses(&study, bundle));
    BA_TRY(ba_synth_write_study(&study, bundle));
    BA_TRY(ba_synth_write_truth(&study, folder, force));
    BA_TRY(ba_synth_write_tables(&study, folder, force));
    BA_TRY(ba_synth_write_images(&study, folder, force));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    ba_synth_language_free(&study);
    ba_synth_brain_free(&study);
    ba_free(study.planted);
    ba_free(path);
    return status;
}
