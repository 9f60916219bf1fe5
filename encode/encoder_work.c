/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_work.h"

#include "brainalign/encoder.h"
#include "brainalign/hash.h"
#include "brainalign/version.h"
#include "core/alloc.h"
#include "encode/encoder_job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The parts, in the order of the text. */
enum {
    VERSION,
    FEATURES,
    RUNS,
    RESPONSES,
    NUISANCE,
    PREPARATION,
    MODEL,
    SPLITS,
    TESTS,
    SAVED,
    N_PARTS
};

static const char *const part_names[N_PARTS] = {"version", "features", "runs",
    "responses", "nuisance", "preparation", "model", "splits", "tests", "saved"};

static void
add_bytes(uint64_t *hash, const void *data, size_t n_bytes)
{
    *hash = ba_hash_bytes(data, n_bytes, *hash);
}

static void
add_count(uint64_t *hash, uint64_t count)
{
    add_bytes(hash, &count, sizeof count);
}

/* -0 and 0 are one. */
static void
add_number(uint64_t *hash, double number)
{
    number = number == 0.0 ? 0.0 : number;
    add_bytes(hash, &number, sizeof number);
}

static void
add_text(uint64_t *hash, const char *text)
{
    add_count(hash, strlen(text));
    add_bytes(hash, text, strlen(text));
}

static uint64_t
hash_version(void)
{
    uint64_t hash = 0;

    add_text(&hash, ba_version());
    add_count(&hash, BA_ENCODER_FORMAT_VERSION);
    return hash;
}

/* What they hold, not where they stand. */
static uint64_t
hash_features(const ba_dataset_t *dataset, const ba_encode_job_t *job)
{
    uint64_t hash = 0;

    add_count(&hash, dataset->n_spaces);
    for (size_t k = 0; k < dataset->n_spaces; k++) {
        add_text(&hash, dataset->space_names[k]);
        add_count(&hash, job->train.spaces[k].n_features);
    }
    add_count(&hash, dataset->train.n_samples);
    add_bytes(&hash, job->train.row_hash,
        dataset->train.n_samples * sizeof *job->train.row_hash);
    add_count(&hash, dataset->test.n_samples);
    if (dataset->test.n_samples > 0) {
        add_bytes(&hash, job->test.row_hash,
            dataset->test.n_samples * sizeof *job->test.row_hash);
    }
    return hash;
}

static void
add_runs(uint64_t *hash, const ba_dataset_part_t *part)
{
    add_count(hash, part->n_samples);
    add_count(hash, part->n_repeats);
    for (size_t k = 0; part->n_samples > 0 && k < part->runs.n_runs; k++) {
        add_count(hash, part->runs.onset[k]);
    }
}

static uint64_t
hash_runs(const ba_dataset_t *dataset)
{
    uint64_t hash = 0;

    add_runs(&hash, &dataset->train);
    add_runs(&hash, &dataset->test);
    return hash;
}

/* A file that is too large to be read for this is known by its size and its time. */
static int
add_file(uint64_t *hash, const char *file)
{
    struct stat info;

    if (stat(file, &info) != 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    add_count(hash, (uint64_t) info.st_size);
    add_count(hash, (uint64_t) info.st_mtim.tv_sec);
    add_count(hash, (uint64_t) info.st_mtim.tv_nsec);
    return BA_OK;
}

static int
add_source(uint64_t *hash, const ba_source_t *source)
{
    int status = BA_OK;
    const char *file, *name;

    if (!source) {
        return BA_OK;
    }
    add_count(hash, ba_source_n_cols(source));
    for (size_t i = 0; (file = ba_source_file(source, i)) != NULL; i++) {
        BA_TRY(add_file(hash, file));
    }
    /* The data set and the ranges within the file. */
    name = ba_source_name(source);
    file = ba_source_file(source, 0);
    if (file && strncmp(name, file, strlen(file)) == 0) {
        add_text(hash, name + strlen(file));
    }
out:
    return status;
}

/* Of training and test set, with masks, run tables and what else files there are. */
static int
hash_responses(const ba_dataset_t *dataset, uint64_t *hash)
{
    int status = BA_OK;

    BA_TRY(add_source(hash, dataset->train.responses));
    BA_TRY(add_source(hash, dataset->test.responses));
    for (size_t i = 0; i < dataset->n_other_files; i++) {
        BA_TRY(add_file(hash, dataset->other_files[i]));
    }
out:
    return status;
}

static void
add_nuisance(uint64_t *hash, const ba_predictors_t *predictors, size_t n_samples)
{
    add_count(hash, predictors->n_nuisance);
    if (predictors->nuisance) {
        add_bytes(hash, predictors->nuisance,
            n_samples * predictors->n_nuisance * sizeof *predictors->nuisance);
    }
}

static uint64_t
hash_nuisance(const ba_dataset_t *dataset, const ba_encode_job_t *job)
{
    uint64_t hash = 0;

    add_nuisance(&hash, &job->train, dataset->train.n_samples);
    add_nuisance(&hash, &job->test, dataset->test.n_samples);
    return hash;
}

static uint64_t
hash_preparation(const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job)
{
    uint64_t hash = 0;
    const ba_fit_opts_t *fit = &job->fit;

    for (size_t k = 0; k < job->train.n_spaces; k++) {
        const ba_space_t *space = &job->train.spaces[k];

        add_count(&hash, space->n_delays);
        add_bytes(&hash, space->delays, space->n_delays * sizeof *space->delays);
        add_count(&hash, space->n_components);
    }
    add_count(&hash, opts->delay_across_runs != 0);
    add_count(&hash, fit->trim_first);
    add_count(&hash, fit->trim_last);
    add_text(&hash, opts->detrend ? opts->detrend : "none");
    add_number(&hash, opts->tr);
    add_count(&hash, fit->scale_features);
    add_count(&hash, fit->scale_targets);
    return hash;
}

static void
add_bands(uint64_t *hash, const ba_bands_t *bands)
{
    add_count(hash, bands->n_candidates);
    add_count(hash, bands->n_spaces);
    for (size_t i = 0; i < bands->n_candidates * bands->n_spaces; i++) {
        add_number(hash, bands->gammas[i]);
    }
    add_count(hash, bands->n_rounds);
    add_count(hash, bands->shared != 0);
}

static uint64_t
hash_model(const ba_fit_opts_t *fit)
{
    uint64_t hash = 0;

    add_number(&hash, fit->intercept);
    add_count(&hash, fit->alphas.n);
    for (size_t i = 0; i < fit->alphas.n; i++) {
        add_number(&hash, fit->alphas.values[i]);
    }
    add_count(&hash, fit->alphas_relative != 0);
    add_number(&hash, fit->singular_cutoff);
    add_count(&hash, fit->shared_alpha != 0);
    add_count(&hash, fit->select);
    add_count(&hash, fit->inner_scaling);
    add_count(&hash, fit->solver);
    add_count(&hash, fit->precision);
    if (fit->bands.gammas) {
        add_bands(&hash, &fit->bands);
    }
    return hash;
}

static void
add_splits(uint64_t *hash, const ba_cv_opts_t *cv, size_t n_samples)
{
    add_count(hash, cv->kind);
    add_count(hash, cv->n_folds);
    add_count(hash, cv->chunk_len);
    add_count(hash, cv->n_chunks);
    add_count(
        hash, cv->kind == BA_CV_CHUNKS || cv->kind == BA_CV_BOOTSTRAP ? cv->seed : 0);
    if (cv->kind == BA_CV_SETS) {
        add_bytes(hash, cv->held, n_samples * cv->n_folds);
    }
    if (cv->kind == BA_CV_ROWS) {
        add_bytes(hash, cv->ids, n_samples * sizeof *cv->ids);
    }
}

static uint64_t
hash_splits(const ba_fit_opts_t *fit, size_t n_samples)
{
    uint64_t hash = 0;

    add_splits(&hash, &fit->cv, n_samples);
    add_splits(&hash, &fit->outer_cv, n_samples);
    add_count(&hash, fit->gap_inner);
    add_count(&hash, fit->gap_outer);
    return hash;
}

/* Tests, ceilings and controls. */
static uint64_t
hash_tests(const ba_inference_opts_t *opts)
{
    uint64_t hash = 0;

    add_count(&hash, opts->null.n_permutations);
    if (opts->null.n_permutations > 0) {
        add_count(&hash, opts->refit);
        add_count(&hash, opts->null.kind);
        add_count(&hash, opts->null.kind == BA_NULL_CIRCULAR ? opts->null.min_shift : 0);
        add_count(&hash, opts->null.kind == BA_NULL_BLOCKS ? opts->null.block : 0);
        add_count(&hash, opts->null.seed);
    }
    add_count(&hash, opts->has_ceiling != 0);
    if (opts->has_ceiling) {
        add_count(&hash, opts->ceiling);
        add_number(&hash, opts->ceiling_floor);
        add_count(&hash, opts->ceiling == BA_CEILING_SPLIT_HALF ? opts->ceiling_seed : 0);
    }
    for (size_t i = 0; i < opts->n_controls; i++) {
        add_text(&hash, opts->controls[i]);
    }
    return hash;
}

static uint64_t
hash_saved(const ba_fit_opts_t *fit)
{
    uint64_t hash = 0;

    add_count(&hash, fit->want_weights != 0);
    add_count(&hash, fit->want_fold_weights != 0);
    add_count(&hash, fit->want_predictions != 0);
    add_count(&hash, fit->want_cv != 0);
    return hash;
}

int
ba_work_make(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_job_t *job, ba_work_t *out)
{
    int status, length = 0;
    uint64_t parts[N_PARTS] = {
        [VERSION] = hash_version(),
        [FEATURES] = hash_features(dataset, job),
        [RUNS] = hash_runs(dataset),
        [NUISANCE] = hash_nuisance(dataset, job),
        [PREPARATION] = hash_preparation(opts, job),
        [MODEL] = hash_model(&job->fit),
        [SPLITS] = hash_splits(&job->fit, dataset->train.n_samples),
        [TESTS] = hash_tests(&job->inference),
        [SAVED] = hash_saved(&job->fit),
    };

    BA_TRY(hash_responses(dataset, &parts[RESPONSES]));
    for (size_t i = 0; i < N_PARTS; i++) {
        length += snprintf(out->text + length, sizeof out->text - (size_t) length,
            "%s%s:%016" PRIx64, i > 0 ? " " : "", part_names[i], parts[i]);
    }
out:
    return status;
}

int
ba_work_read(const ba_bundle_t *bundle, const char *file, ba_work_t *out)
{
    char *text = NULL;
    int status = ba_bundle_get_string(bundle, "/provenance", "work", &text);

    if (status != BA_OK && status != BA_NOMEM) {
        return ba_fail(BA_FORMAT,
            "%s:/provenance: no attribute 'work', by which shards of one job are known",
            file);
    }
    if (status == BA_OK) {
        snprintf(out->text, sizeof out->text, "%s", text);
    }
    ba_free(text);
    return status;
}

/* The hash of a part, "" where the text has no such part. */
static void
find_part(const ba_work_t *work, const char *name, char hash[20])
{
    char key[32];
    const char *at;

    snprintf(key, sizeof key, "%s:", name);
    at = strstr(work->text, key);
    snprintf(hash, 20, "%.16s", at ? at + strlen(key) : "");
}

int
ba_work_is_same(const ba_work_t *a, const ba_work_t *b, char difference[BA_WORK_BYTES])
{
    size_t length = 0;

    difference[0] = '\0';
    if (strcmp(a->text, b->text) == 0) {
        return 1;
    }
    for (size_t i = 0; i < N_PARTS; i++) {
        char of_a[20], of_b[20];

        find_part(a, part_names[i], of_a);
        find_part(b, part_names[i], of_b);
        if (strcmp(of_a, of_b) != 0) {
            length += (size_t) snprintf(difference + length, BA_WORK_BYTES - length,
                "%sother %s", length > 0 ? ", " : "", part_names[i]);
        }
    }
    return 0;
}
