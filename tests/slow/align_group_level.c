/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often layers that no response needs are found over subjects at 5 %:
 *
 *     align_group_level [SIMULATIONS [ROW]]     (1,024 for each number by default)
 *
 * Five subjects, 16 regions of one target each, 180 samples; 3 control features and 3 layers
 * of 4 neurons, delays 1 to 3, all autoregressive. Controls and the first layer drive each
 * region, alike in all subjects. The second layer is independent of them and adds nothing;
 * the third holds noisy copies of the first (r = .7), which a ridge model makes use of. Half
 * of a target's noise is common to all subjects. Fitted by ba_encode_fit() with its choice of
 * penalties, then ba_neurons_align() with moves: p, and that of Student's t over subjects.
 * Prints the table of docs/methods.md (Groups of subjects). Status 1 where the second layer,
 * or any where nothing drives, is found in more than 6.5 %. */
#include "tests/slow/level.h"

#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    N = 180,
    SUBJECTS = 5,
    REGIONS = 16,
    TARGETS = SUBJECTS * REGIONS,
    CONTROLS = 3,
    UNITS = 4,
    LAYERS = 3,
    N_MOVES = 99
};

typedef struct {
    const char *name;
    double phi;
    size_t n_runs;
    int is_banded; /* 1 = penalties of spaces */
    double signal; /* deviation of what drives, noise has 1 */
} setting_t;

static const setting_t settings[] = {
    {"AR .3, 5 folds", 0.3, 1, 0, 0.5},
    {"AR .8, 5 folds", 0.8, 1, 0, 0.5},
    {"AR .8, 3 runs", 0.8, 3, 0, 0.5},
    {"AR .8, 5 folds, bands", 0.8, 1, 1, 0.5},
    {"AR .8, 5 folds, strong", 0.8, 1, 0, 1.5},
    {"AR .8, 5 folds, nothing drives", 0.8, 1, 0, 0.0},
};

typedef struct {
    double control[N * CONTROLS], neurons[N * UNITS * LAYERS], y[N * TARGETS];
    double common[N * REGIONS], signal[N * REGIONS];
    char encoder[64], output[64], regions[64], subjects[64];
} study_t;

/* Columns of the table: each layer by moves, then by t; studies in which any region of the
 * independent layer is found family-wise. */
enum { FAMILY = 2 * LAYERS, N_COLUMNS };

/* Controls and the first layer, one and two samples ago, to deviation 1. */
static void
fill_signal(ba_rng_t *rng, study_t *study)
{
    for (size_t r = 0; r < REGIONS; r++) {
        double *signal = study->signal + r * N, squares = 0.0;

        memset(signal, 0, N * sizeof *signal);
        for (size_t j = 0; j < CONTROLS + UNITS; j++) {
            const double *x = j < CONTROLS ? study->control + j * N
                                           : study->neurons + (j - CONTROLS) * N;
            double weight[] = {ba_rng_normal(rng), ba_rng_normal(rng)};

            for (size_t i = 2; i < N; i++) {
                signal[i] += weight[0] * x[i - 1] + weight[1] * x[i - 2];
            }
        }
        for (size_t i = 0; i < N; i++) {
            squares += signal[i] * signal[i] / N;
        }
        for (size_t i = 0; i < N; i++) {
            signal[i] /= sqrt(squares);
        }
    }
}

static int
fill_study(study_t *study, const setting_t *setting, uint64_t seed)
{
    ba_rng_t *rng = ba_rng_new(seed, 29);
    size_t n_runs = setting->n_runs;

    if (!rng) {
        return BA_NOMEM;
    }
    level_noise_runs(rng, setting->phi, study->control, N, CONTROLS, n_runs);
    level_noise_runs(rng, setting->phi, study->neurons, N, UNITS * LAYERS, n_runs);
    for (size_t i = 0; i < N * UNITS; i++) {
        double *third = study->neurons + 2 * N * UNITS + i;

        *third = 0.7 * study->neurons[i] + sqrt(1 - 0.49) * *third;
    }
    fill_signal(rng, study);
    level_noise_runs(rng, setting->phi, study->common, N, REGIONS, n_runs);
    level_noise_runs(rng, setting->phi, study->y, N, TARGETS, n_runs);
    for (size_t i = 0; i < N * TARGETS; i++) {
        size_t at = i % (N * REGIONS);

        study->y[i] = (study->y[i] + study->common[at]) / sqrt(2.0) +
                      setting->signal * study->signal[at];
    }
    ba_rng_free(rng);
    return BA_OK;
}

static int
fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset, const setting_t *setting,
    const char *output)
{
    int status;
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();

    opts.delays = "1,2,3";
    opts.gap_inner = opts.gap_outer = 6;
    opts.bands = setting->is_banded ? "10" : NULL;
    opts.fit.scale_targets = BA_SCALE_ZSCORE;
    opts.fit.outer_cv.kind = setting->n_runs > 1 ? BA_CV_RUNS : BA_CV_KFOLD;
    opts.fit.outer_cv.n_folds = 5;
    opts.fit.want_weights = 1;
    opts.output = output;
    opts.force = 1;
    BA_TRY(ba_alphas_parse("log:0,4,9", &opts.fit.alphas));
    BA_TRY(ba_encode_fit(ctx, dataset, &opts, NULL));
out:
    ba_alphas_free(&opts.fit.alphas);
    return status;
}

/* p (LAYERS x (1 + REGIONS), all targets first) of the regions. */
static int
count(const ba_bundle_t *bundle, const char *path, size_t layer, size_t *n_rejected)
{
    size_t start[] = {layer, 1}, n[] = {1, REGIONS};
    double p[REGIONS];
    int status = ba_bundle_read(bundle, path, BA_F64, start, n, p);

    if (status == BA_OK) {
        level_count(p, REGIONS, n_rejected);
    }
    return status;
}

static int
align(const ba_ctx_t *ctx, const ba_dataset_t *dataset, const study_t *study,
    size_t n_rejected[N_COLUMNS])
{
    int status;
    static const char *const controls[] = {"control"};
    ba_align_opts_t opts = {.encoder = study->encoder,
        .dataset = dataset,
        .controls = controls,
        .n_controls = 1,
        .layer_size = UNITS,
        .sets_by = BA_SETS_LAYERS,
        .regions = study->regions,
        .subjects = study->subjects,
        .n_moves = N_MOVES,
        .output = study->output,
        .force = 1};
    ba_align_info_t info;
    ba_bundle_t *bundle = NULL;
    size_t n_family = 0;

    BA_TRY(ba_neurons_align(ctx, &opts, &info));
    BA_TRY(ba_bundle_open(study->output, "brainalign-align", &bundle));
    for (size_t l = 0; l < LAYERS; l++) {
        BA_TRY(count(bundle, "/group/p", l, &n_rejected[l]));
        BA_TRY(count(bundle, "/group/p_t", l, &n_rejected[LAYERS + l]));
    }
    BA_TRY(count(bundle, "/group/p_fwe", 1, &n_family));
    n_rejected[FAMILY] += n_family > 0 ? REGIONS : 0;
out:
    ba_bundle_free(bundle);
    return status;
}

static int
simulate(
    study_t *study, const setting_t *setting, uint64_t seed, size_t n_rejected[N_COLUMNS])
{
    int status;
    static char control[] = "control", lm[] = "lm", *names[2] = {control, lm};
    size_t onsets[3];
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *features[2] = {NULL, NULL};
    ba_dataset_t dataset = {.n_spaces = 2,
        .space_names = names,
        .train = {.features = features, .n_samples = N, .n_repeats = 1}};

    ctx.n_threads = 1; /* the fits are small */
    ctx.seed = seed;
    for (size_t k = 0; k < setting->n_runs; k++) {
        onsets[k] = k * N / setting->n_runs;
    }
    BA_TRY(fill_study(study, setting, seed));
    BA_TRY(ba_runs_from_onsets(onsets, setting->n_runs, N, &dataset.train.runs));
    BA_TRY(ba_source_from_memory(study->control, N, CONTROLS, N, control, &features[0]));
    BA_TRY(ba_source_from_memory(study->neurons, N, UNITS * LAYERS, N, lm, &features[1]));
    BA_TRY(ba_source_from_memory(
        study->y, N, TARGETS, N, "responses", &dataset.train.responses));
    BA_TRY(fit(&ctx, &dataset, setting, study->encoder));
    BA_TRY(align(&ctx, &dataset, study, n_rejected));
out:
    ba_source_close(features[0]);
    ba_source_close(features[1]);
    ba_source_close(dataset.train.responses);
    ba_runs_free(&dataset.train.runs);
    return status;
}

/* One line of the table; whether its rates are as they should be. */
static int
run_setting(study_t *study, const setting_t *setting, size_t n_studies, int *is_good)
{
    int status = BA_OK;
    size_t n_rejected[N_COLUMNS] = {0};
    double rate[N_COLUMNS];

    for (size_t i = 0; i < n_studies; i++) {
        BA_TRY(simulate(study, setting, i, n_rejected));
    }
    level_line(setting->name, n_rejected, N_COLUMNS, n_studies * REGIONS, rate);
    *is_good = rate[1] <= highest && rate[FAMILY] <= highest;
    for (size_t l = 0; l < LAYERS && !(setting->signal > 0.0); l++) {
        *is_good &= rate[l] <= highest;
    }
out:
    return status;
}

/* Labels of the targets: subject by subject, all regions. */
static int
write_labels(const study_t *study)
{
    FILE *regions = fopen(study->regions, "w"), *subjects = fopen(study->subjects, "w");
    int is_good = regions && subjects;

    for (size_t t = 0; is_good && t < TARGETS; t++) {
        is_good = fprintf(regions, "r%zu\n", t % REGIONS) > 0 &&
                  fprintf(subjects, "s%zu\n", t / REGIONS) > 0;
    }
    is_good &= regions && fclose(regions) == 0;
    is_good &= subjects && fclose(subjects) == 0;
    return is_good;
}

int
main(int argc, char **argv)
{
    int status = BA_OK, all_good = 1;
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    size_t row = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    study_t *study = calloc(1, sizeof *study);
    const char *folder = getenv("TMPDIR");
    static const char *const ends[] = {"h5", "align.h5", "regions", "subjects"};

    if (!study) {
        return 1;
    }
    for (size_t k = 0; k < 4; k++) {
        char *names[] = {study->encoder, study->output, study->regions, study->subjects};

        snprintf(names[k], sizeof study->encoder, "%.20s/align_group.%ld.%s",
            folder ? folder : "/tmp", (long) getpid(), ends[k]);
    }
    if (!write_labels(study)) {
        status = ba_fail(BA_IO, "%s: cannot write", study->regions);
    }
    printf("| noise, outer folds | drives: moves | independent: moves | copies: moves "
           "| drives: t | independent: t | copies: t | independent: any, family-wise |\n"
           "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t i = row; status == BA_OK && i < sizeof settings / sizeof *settings; i++) {
        int is_good = 0;

        BA_TRY(run_setting(study, &settings[i], (n + REGIONS - 1) / REGIONS, &is_good));
        all_good &= is_good;
    }
out:
    if (status != BA_OK) {
        fprintf(stderr, "align_group_level: %s\n", ba_error_message());
    } else if (!all_good) {
        fprintf(stderr, "align_group_level: a rate is not where it should be\n");
    }
    remove(study->encoder);
    remove(study->output);
    remove(study->regions);
    remove(study->subjects);
    free(study);
    return status == BA_OK && all_good ? 0 : 1;
}
