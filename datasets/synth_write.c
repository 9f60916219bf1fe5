/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HDF5 files of a synthetic study: the study as an experimenter has it, and the truth. */
#include "datasets/synth_impl.h"

#include <math.h>

#include "core/alloc.h"

enum { FORMAT_VERSION = 1 };

static int
write_identity(const synth_study_t *study, ba_bundle_t *bundle, const char *format)
{
    const ba_synth_opts_t *opts = &study->opts;
    const struct {
        const char *name;
        size_t value;
    } counts[] = {{"n_layers", opts->n_layers}, {"layer_size", opts->layer_size},
        {"n_concepts", opts->n_concepts},
        {"neurons_per_concept", opts->neurons_per_concept}, {"n_runs", opts->n_runs},
        {"run_length", opts->run_length}, {"n_test_repeats", opts->n_test_repeats},
        {"n_x", opts->n_x}, {"n_y", opts->n_y}, {"n_z", opts->n_z},
        {"format_version", FORMAT_VERSION},
        {"seed", study->ctx ? (size_t) study->ctx->seed : 0}};
    int status;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", format));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int64_t value = (int64_t) counts[i].value;

        BA_TRY(ba_bundle_attr_i64(bundle, "/", counts[i].name, 1, &value));
    }
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "tr", 1, &opts->tr));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "signal", 1, &opts->signal));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "autocorrelation", 1, &opts->autocorrelation));
out:
    return status;
}

/* Every word of every run: token, seconds from the start of its run, concept, run. */
static int
write_words(const synth_study_t *study, ba_bundle_t *bundle)
{
    const synth_language_t *language = &study->language;
    size_t n = language->n_words;
    const char **text = NULL;
    double *time = NULL;
    int32_t *run = NULL;
    int status;

    BA_TRY_ALLOC(text, ba_malloc(n, sizeof *text));
    BA_TRY_ALLOC(time, ba_malloc(n, sizeof *time));
    BA_TRY_ALLOC(run, ba_malloc(n, sizeof *run));
    for (size_t i = 0; i < n; i++) {
        text[i] = language->tokens[language->words[i].word];
        time[i] = language->words[i].onset;
        run[i] = (int32_t) language->words[i].run + 1;
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/words/token", n, text));
    for (size_t i = 0; i < n; i++) {
        int32_t concept = language->concepts[language->words[i].word];

        text[i] = concept < 0 ? "n/a" : language->concept_names[concept];
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/words/concept", n, text));
    BA_TRY(ba_bundle_write(bundle, "/words/time", BA_F64, 1, &n, time));
    BA_TRY(ba_bundle_write(bundle, "/words/run", BA_I32, 1, &n, run));
out:
    ba_free(text);
    ba_free(time);
    ba_free(run);
    return status;
}

int
ba_synth_write_activations(const synth_study_t *study, size_t layer,
    const float *activations, float *room, size_t n_rows, ba_sink_t *sink)
{
    size_t size = study->opts.layer_size, n = study->language.n_words;
    int status = BA_OK;

    for (size_t first = 0; first < n; first += n_rows) {
        size_t start[2] = {first, layer * size};
        size_t count[2] = {n - first < n_rows ? n - first : n_rows, size};

        for (size_t i = 0; i < count[0]; i++) {
            for (size_t j = 0; j < size; j++) {
                room[i * size + j] = activations[first + i + j * n];
            }
        }
        BA_TRY(ba_sink_write(sink, start, count, room));
    }
out:
    return status;
}

static int
write_targets(const synth_study_t *study, ba_bundle_t *bundle)
{
    const synth_brain_t *brain = &study->brain;
    size_t n = brain->n_voxels;
    const char **roi = NULL;
    int32_t *layer = NULL;
    int status;

    BA_TRY_ALLOC(roi, ba_malloc(n, sizeof *roi));
    BA_TRY_ALLOC(layer, ba_malloc(n, sizeof *layer));
    for (size_t v = 0; v < n; v++) {
        int32_t drive = brain->roi_drives[brain->roi[v]];

        roi[v] = brain->roi_names[brain->roi[v]];
        layer[v] = drive > 0 ? drive : 0;
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/targets/roi", n, roi));
    BA_TRY(ba_bundle_write(bundle, "/targets/layer", BA_I32, 1, &n, layer));
out:
    ba_free(roi);
    ba_free(layer);
    return status;
}

int
ba_synth_write_study(const synth_study_t *study, ba_bundle_t *bundle)
{
    const synth_brain_t *brain = &study->brain;
    const size_t dims[2] = {study->n_train, brain->n_voxels};
    const size_t test_dims[3] = {
        study->opts.n_test_repeats, study->opts.run_length, brain->n_voxels};
    int32_t *run = NULL;
    int status;

    BA_TRY_ALLOC(run, ba_malloc(study->n_train, sizeof *run));
    for (size_t t = 0; t < study->n_train; t++) {
        run[t] = (int32_t) (t / study->opts.run_length) + 1;
    }
    BA_TRY(ba_bundle_write(bundle, "/run", BA_I32, 1, dims, run));
    BA_TRY(ba_bundle_write(bundle, "/responses", BA_F32, 2, dims, brain->responses));
    if (study->opts.n_test_repeats > 0) {
        BA_TRY(ba_bundle_write(bundle, "/test/responses", BA_F32, 3, test_dims,
            brain->responses + study->n_train * brain->n_voxels));
    }
    BA_TRY(write_words(study, bundle));
    BA_TRY(write_targets(study, bundle));
    BA_TRY(write_identity(study, bundle, "brainalign-study"));
out:
    ba_free(run);
    return status;
}

/* Expected correlation of the noise-free signal with one recording and with the mean of
 * the test repeats: shares s and s / (s + (1 - s) / R) of the variance within runs. */
static int
write_expectations(const synth_study_t *study, ba_bundle_t *bundle)
{
    const synth_brain_t *brain = &study->brain;
    size_t n = brain->n_voxels, n_repeats = study->opts.n_test_repeats;
    double *r = ba_malloc(n, sizeof *r);
    int status;

    if (!r) {
        return BA_NOMEM;
    }
    for (size_t v = 0; v < n; v++) {
        r[v] = sqrt(brain->share[v]);
    }
    BA_TRY(ba_bundle_write(bundle, "/signal_share", BA_F64, 1, &n, brain->share));
    BA_TRY(ba_bundle_write(bundle, "/expected_r", BA_F64, 1, &n, r));
    for (size_t v = 0; v < n && n_repeats > 0; v++) {
        double s = brain->share[v];

        r[v] = sqrt(s / (s + (1 - s) / (double) n_repeats));
    }
    if (n_repeats > 0) {
        BA_TRY(ba_bundle_write(bundle, "/test/expected_r", BA_F64, 1, &n, r));
    }
out:
    ba_free(r);
    return status;
}

static int
write_language_truth(const synth_study_t *study, ba_bundle_t *bundle)
{
    const ba_synth_opts_t *opts = &study->opts;
    const size_t dims[2] = {opts->n_layers, opts->layer_size};
    double *tau = NULL;
    int status;

    BA_TRY_ALLOC(tau, ba_malloc(opts->n_layers, sizeof *tau));
    for (size_t layer = 0; layer < opts->n_layers; layer++) {
        tau[layer] = ba_synth_time_constant(opts, layer);
    }
    BA_TRY(ba_bundle_write(bundle, "/layers/planted", BA_I32, 2, dims, study->planted));
    BA_TRY(ba_bundle_write(bundle, "/layers/time_constant", BA_F64, 1, dims, tau));
    BA_TRY(ba_bundle_write_strings(bundle, "/layers/concepts", opts->n_concepts,
        (const char *const *) study->language.concept_names));
out:
    ba_free(tau);
    return status;
}

static int
write_brain_truth(const synth_study_t *study, ba_bundle_t *bundle)
{
    const synth_brain_t *brain = &study->brain;
    size_t n = brain->n_voxels;
    const size_t weights[2] = {n, study->opts.layer_size};
    const size_t hrf[2] = {n, brain->n_taps};
    const size_t signal[2] = {study->n_train, n};
    const size_t test[2] = {study->opts.run_length, n};
    int status;

    BA_TRY(ba_bundle_write_strings(
        bundle, "/rois/name", brain->n_rois, (const char *const *) brain->roi_names));
    BA_TRY(ba_bundle_write(
        bundle, "/rois/layer", BA_I32, 1, &brain->n_rois, brain->roi_drives));
    BA_TRY(ba_bundle_write(bundle, "/roi", BA_I32, 1, &n, brain->roi));
    BA_TRY(ba_bundle_write(bundle, "/weights", BA_F32, 2, weights, brain->weights));
    BA_TRY(ba_bundle_write(bundle, "/rate_gain", BA_F32, 1, &n, brain->rate_gain));
    BA_TRY(ba_bundle_write(bundle, "/hrf", BA_F32, 2, hrf, brain->hrf));
    BA_TRY(ba_bundle_attr_f64(bundle, "/hrf", "seconds", 1, &brain->tap_seconds));
    BA_TRY(ba_bundle_write(bundle, "/hrf_delay", BA_F64, 1, &n, brain->delay));
    BA_TRY(ba_bundle_write(bundle, "/hrf_dispersion", BA_F64, 1, &n, brain->dispersion));
    BA_TRY(ba_bundle_write(bundle, "/signal", BA_F32, 2, signal, brain->signal));
    if (study->opts.n_test_repeats > 0) {
        BA_TRY(ba_bundle_write(
            bundle, "/test/signal", BA_F32, 2, test, brain->signal + study->n_train * n));
    }
out:
    return status;
}

int
ba_synth_write_truth(const synth_study_t *study, const char *folder, int force)
{
    ba_bundle_t *bundle = NULL;
    char *path = NULL;
    int status;

    BA_TRY_ALLOC(path, ba_asprintf("%s/truth.h5", folder));
    BA_TRY(ba_bundle_create(path, force, &bundle));
    BA_TRY(write_expectations(study, bundle));
    BA_TRY(write_language_truth(study, bundle));
    BA_TRY(write_brain_truth(study, bundle));
    BA_TRY(write_identity(study, bundle, "brainalign-study-truth"));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    ba_free(path);
    return status;
}
