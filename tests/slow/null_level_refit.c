/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often the refit null of a cross-validated fit rejects at 5 % where there is nothing
 * to find:
 *
 *     null_level_refit [SIMULATIONS [ROW]]     (5,120 for each number by default, from a row on)
 *
 * ba_encode_fit() of two spaces of 5 features with delays 1 to 4 to 300 samples, with an
 * alpha for every target. r: features and responses are independent autoregressive noise that starts anew in each run.
 * Increment: the second space is correlated with the first (r = .7), which is the control
 * and drives the responses as far as noise lets it; the second adds nothing. Prints the
 * table of docs/methods.md (Significance, Refits). Status 1 where a rate leaves 3.5 to
 * 6.5 %, but for increments, which may be lower. */
#include "tests/slow/level.h"

#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 300, V = 128, N_FEATURES = 5, N_PERMUTATIONS = 99 };

static const char *const controls[] = {"first"};

typedef struct {
    const char *name;
    double phi;
    size_t n_runs, n_folds; /* 0 folds: leave one run out */
} setting_t;

static const setting_t settings[] = {
    {"AR 0, 2 folds", 0.0, 1, 2},
    {"AR 0, 5 folds", 0.0, 1, 5},
    {"AR 0, 3 runs", 0.0, 3, 0},
    {"AR .5, 2 folds", 0.5, 1, 2},
    {"AR .5, 5 folds", 0.5, 1, 5},
    {"AR .5, 3 runs", 0.5, 3, 0},
    {"AR .9, 2 folds", 0.9, 1, 2},
    {"AR .9, 5 folds", 0.9, 1, 5},
    {"AR .9, 3 runs", 0.9, 3, 0},
};

/* Columns of the table. */
enum { R, INCREMENT, N_TESTS };

typedef struct {
    double x[2][N * N_FEATURES], y[N * V], noise[N * V];
    char output[64];
} study_t;

/* The first space 2 samples ago drives the responses; the second is like it. */
static void
add_signal(ba_rng_t *rng, study_t *study)
{
    for (size_t i = 0; i < N * N_FEATURES; i++) {
        study->x[1][i] = 0.7 * study->x[0][i] + sqrt(1 - 0.49) * study->x[1][i];
    }
    for (size_t j = 0; j < V; j++) {
        for (size_t k = 0; k < N_FEATURES; k++) {
            double weight = 0.3 * ba_rng_normal(rng);

            for (size_t t = 2; t < N; t++) {
                study->y[t + j * N] += weight * study->x[0][t - 2 + k * N];
            }
        }
    }
}

static int
open_data(const study_t *study, const setting_t *setting, ba_dataset_t *dataset)
{
    int status;
    static char first[] = "first", second[] = "second", *names[2] = {first, second};
    size_t onsets[3];

    for (size_t k = 0; k < setting->n_runs; k++) {
        onsets[k] = k * N / setting->n_runs;
    }
    dataset->n_spaces = 2;
    dataset->space_names = names;
    dataset->train.n_samples = N;
    dataset->train.n_repeats = 1;
    BA_TRY(ba_runs_from_onsets(onsets, setting->n_runs, N, &dataset->train.runs));
    for (size_t k = 0; k < 2; k++) {
        BA_TRY(ba_source_from_memory(
            study->x[k], N, N_FEATURES, N, names[k], &dataset->train.features[k]));
    }
    BA_TRY(ba_source_from_memory(study->y, N, V, N, "noise", &dataset->train.responses));
out:
    return status;
}

static int
fit(const study_t *study, const setting_t *setting, uint64_t seed, int which,
    size_t *n_rejected)
{
    int status;
    double p[V];
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *features[2] = {NULL, NULL};
    ba_dataset_t dataset = {.train.features = features};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();
    ba_bundle_t *bundle = NULL;

    BA_TRY(open_data(study, setting, &dataset));
    opts.delays = "1,2,3,4";
    opts.gap_inner = opts.gap_outer = 8;
    opts.fit.scale_targets = BA_SCALE_ZSCORE;
    opts.fit.outer_cv.kind = setting->n_folds > 0 ? BA_CV_KFOLD : BA_CV_RUNS;
    opts.fit.outer_cv.n_folds = setting->n_folds;
    opts.inference.null.n_permutations = N_PERMUTATIONS;
    opts.inference.null.seed = seed;
    opts.inference.refit = BA_REFIT_ALWAYS;
    opts.inference.controls = which == INCREMENT ? controls : NULL;
    opts.inference.n_controls = which == INCREMENT;
    opts.output = study->output;
    opts.force = 1;
    BA_TRY(ba_encode_fit(&ctx, &dataset, &opts, NULL));
    BA_TRY(ba_bundle_open(study->output, "brainalign-encoder", &bundle));
    BA_TRY(level_count_file(bundle,
        which == INCREMENT ? "/scores/p_increment" : "/scores/p", V, p, n_rejected));
out:
    ba_bundle_free(bundle);
    ba_source_close(features[0]);
    ba_source_close(features[1]);
    ba_source_close(dataset.train.responses);
    ba_runs_free(&dataset.train.runs);
    return status;
}

static int
simulate(
    study_t *study, const setting_t *setting, uint64_t seed, size_t n_rejected[N_TESTS])
{
    int status;
    ba_rng_t *rng = ba_rng_new(seed, 17);

    if (!rng) {
        return BA_NOMEM;
    }
    level_noise_runs(rng, setting->phi, study->x[0], N, N_FEATURES, setting->n_runs);
    level_noise_runs(rng, setting->phi, study->x[1], N, N_FEATURES, setting->n_runs);
    level_noise_runs(rng, setting->phi, study->y, N, V, setting->n_runs);
    BA_TRY(fit(study, setting, seed, R, &n_rejected[R]));
    add_signal(rng, study);
    BA_TRY(fit(study, setting, seed, INCREMENT, &n_rejected[INCREMENT]));
out:
    ba_rng_free(rng);
    return status;
}

/* One line of the table; whether its rates are as they should be. */
static int
run_setting(study_t *study, const setting_t *setting, size_t n_studies, int *is_good)
{
    int status = BA_OK;
    size_t n_rejected[N_TESTS] = {0};
    double rate[N_TESTS];

    for (size_t i = 0; i < n_studies; i++) {
        BA_TRY(simulate(study, setting, i, n_rejected));
    }
    level_line(setting->name, n_rejected, N_TESTS, n_studies * V, rate);
    *is_good = rate[R] >= lowest && rate[R] <= highest && rate[INCREMENT] <= highest;
out:
    return status;
}

int
main(int argc, char **argv)
{
    int status = BA_OK, all_good = 1;
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 5120;
    size_t row = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    study_t *study = calloc(1, sizeof *study);
    const char *folder = getenv("TMPDIR");

    if (!study) {
        return 1;
    }
    snprintf(study->output, sizeof study->output, "%.30s/null_level_refit.%ld.h5",
        folder ? folder : "/tmp", (long) getpid());
    printf("| noise, outer folds | r | increment |\n| --- | ---: | ---: |\n");
    for (size_t i = row; i < sizeof settings / sizeof *settings; i++) {
        int is_good = 0;

        BA_TRY(run_setting(study, &settings[i], (n + V - 1) / V, &is_good));
        all_good &= is_good;
    }
out:
    if (status != BA_OK) {
        fprintf(stderr, "null_level_refit: %s\n", ba_error_message());
    } else if (!all_good) {
        fprintf(stderr, "null_level_refit: a rate is not where it should be\n");
    }
    remove(study->output);
    free(study);
    return status == BA_OK && all_good ? 0 : 1;
}
