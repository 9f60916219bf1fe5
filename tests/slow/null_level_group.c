/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often the tests of a group reject at 5 % where a stimulus drives nothing, but all
 * subjects share what it does not explain:
 *
 *     null_level_group [SIMULATIONS [ROW]]     (1,280 for each number by default, from a row on)
 *
 * Five subjects, fitted by ba_encode_fit() on the same 5 features with delays 1 to 3 of 240
 * samples; half the variance of a target is a series common to all subjects, half their
 * own; features and all noise are autoregressive and independent, and start anew in each
 * run. Student's t over subjects, ba_encode_group()'s joint null of the stored predictions
 * and its refits with features moved by random signs and by shifts. The last row cuts one
 * recording into runs, against what a run is: shifts are not held to their level there.
 * Prints the table of docs/methods.md (Groups). Status 1 where a rate of refits leaves 3.5
 * to 6.5 %, or the joint one exceeds it. */
#include "tests/slow/level.h"

#include "brainalign.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 240, V = 32, N_FEATURES = 5, N_SUBJECTS = 5, N_PERMUTATIONS = 99 };

typedef struct {
    const char *name;
    double phi;
    size_t n_runs, n_folds; /* 0 folds: leave one run out */
    int is_cut;             /* 1 = runs are pieces of one recording */
} setting_t;

static const setting_t settings[] = {
    {"AR 0, 4 folds", 0.0, 1, 4, 0},
    {"AR .5, 4 folds", 0.5, 1, 4, 0},
    {"AR .5, 3 runs", 0.5, 3, 0, 0},
    {"AR .9, 4 folds", 0.9, 1, 4, 0},
    {"AR .9, 3 runs", 0.9, 3, 0, 0},
    {"AR .9, cut in 3", 0.9, 3, 0, 1},
};

/* Columns of the table. */
enum { T, JOINT, REFIT, SHIFT, N_TESTS };
static const ba_group_null_t nulls[N_TESTS] = {
    BA_GROUP_NONE, BA_GROUP_JOINT, BA_GROUP_REFIT, BA_GROUP_SHIFT};

typedef struct {
    double x[N * N_FEATURES], common[N * V], y[N_SUBJECTS][N * V];
    ba_dataset_t datasets[N_SUBJECTS];
    ba_source_t *features[N_SUBJECTS];
    char outputs[N_SUBJECTS][64], group[64];
} study_t;

static int
fill_study(study_t *study, const setting_t *setting, uint64_t seed)
{
    ba_rng_t *rng = ba_rng_new(seed, 23);
    size_t n_runs = setting->is_cut ? 1 : setting->n_runs;

    if (!rng) {
        return BA_NOMEM;
    }
    level_noise_runs(rng, setting->phi, study->x, N, N_FEATURES, n_runs);
    level_noise_runs(rng, setting->phi, study->common, N, V, n_runs);
    for (size_t s = 0; s < N_SUBJECTS; s++) {
        level_noise_runs(rng, setting->phi, study->y[s], N, V, n_runs);
        for (size_t i = 0; i < N * V; i++) {
            study->y[s][i] = (study->y[s][i] + study->common[i]) / sqrt(2.0);
        }
    }
    ba_rng_free(rng);
    return BA_OK;
}

static int
open_subject(study_t *study, const setting_t *setting, size_t s)
{
    int status;
    static char name[] = "features", *names[1] = {name};
    ba_dataset_t *dataset = &study->datasets[s];
    size_t onsets[3];

    for (size_t k = 0; k < setting->n_runs; k++) {
        onsets[k] = k * N / setting->n_runs;
    }
    *dataset = (ba_dataset_t){.n_spaces = 1, .space_names = names};
    dataset->train.features = &study->features[s];
    dataset->train.n_samples = N;
    dataset->train.n_repeats = 1;
    BA_TRY(ba_runs_from_onsets(onsets, setting->n_runs, N, &dataset->train.runs));
    BA_TRY(ba_source_from_memory(study->x, N, N_FEATURES, N, name, &study->features[s]));
    BA_TRY(
        ba_source_from_memory(study->y[s], N, V, N, "noise", &dataset->train.responses));
out:
    return status;
}

static void
close_subjects(study_t *study)
{
    for (size_t s = 0; s < N_SUBJECTS; s++) {
        ba_source_close(study->features[s]);
        ba_source_close(study->datasets[s].train.responses);
        ba_runs_free(&study->datasets[s].train.runs);
        study->features[s] = NULL;
        study->datasets[s] = (ba_dataset_t){0};
    }
}

static int
test_group(const ba_ctx_t *ctx, study_t *study, const ba_encode_fit_opts_t *fits,
    uint64_t seed, size_t n_rejected[N_TESTS])
{
    int status = BA_OK;
    double p[V];
    const char *files[N_SUBJECTS];
    ba_group_source_t sources[N_SUBJECTS];
    ba_bundle_t *bundle = NULL;
    ba_group_opts_t opts = ba_group_opts_default();

    for (size_t s = 0; s < N_SUBJECTS; s++) {
        files[s] = study->outputs[s];
        sources[s] = (ba_group_source_t){&study->datasets[s], &fits[s]};
    }
    opts.files = files;
    opts.n_files = N_SUBJECTS;
    opts.sources = sources;
    opts.n_permutations = N_PERMUTATIONS;
    opts.n_bootstrap = 10;
    opts.n_flips = 32;
    opts.seed = seed;
    opts.output = study->group;
    opts.force = 1;
    for (int which = JOINT; which < N_TESTS; which++) {
        opts.null = nulls[which];
        BA_TRY(ba_encode_group(ctx, &opts, NULL));
        BA_TRY(ba_bundle_open(study->group, "brainalign-group", &bundle));
        BA_TRY(level_count_file(bundle, "/group/p", V, p, &n_rejected[which]));
        if (which == JOINT) {
            BA_TRY(level_count_file(bundle, "/group/p_t", V, p, &n_rejected[T]));
        }
        ba_bundle_free(bundle);
        bundle = NULL;
    }
out:
    ba_bundle_free(bundle);
    return status;
}

static int
simulate(
    study_t *study, const setting_t *setting, uint64_t seed, size_t n_rejected[N_TESTS])
{
    int status;
    ba_ctx_t ctx = ba_ctx_default();
    ba_encode_fit_opts_t fits[N_SUBJECTS];

    ctx.n_threads = 1; /* the fits are small */
    BA_TRY(fill_study(study, setting, seed));
    for (size_t s = 0; s < N_SUBJECTS; s++) {
        ba_encode_fit_opts_t *fit = &fits[s];

        BA_TRY(open_subject(study, setting, s));
        *fit = ba_encode_fit_opts_default();
        fit->delays = "1,2,3";
        fit->gap_inner = fit->gap_outer = 6;
        fit->fit.scale_targets = BA_SCALE_ZSCORE;
        fit->fit.outer_cv.kind = setting->n_folds > 0 ? BA_CV_KFOLD : BA_CV_RUNS;
        fit->fit.outer_cv.n_folds = setting->n_folds;
        fit->fit.want_predictions = 1;
        fit->output = study->outputs[s];
        fit->force = 1;
        BA_TRY(ba_encode_fit(&ctx, &study->datasets[s], fit, NULL));
    }
    BA_TRY(test_group(&ctx, study, fits, seed, n_rejected));
out:
    close_subjects(study);
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
    *is_good = rate[REFIT] >= lowest && rate[REFIT] <= highest && rate[JOINT] <= highest;
    *is_good &= setting->is_cut || (rate[SHIFT] >= lowest && rate[SHIFT] <= highest);
out:
    return status;
}

int
main(int argc, char **argv)
{
    int status = BA_OK, all_good = 1;
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1280;
    size_t row = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    study_t *study = calloc(1, sizeof *study);
    const char *folder = getenv("TMPDIR");

    if (!study) {
        return 1;
    }
    folder = folder ? folder : "/tmp";
    for (size_t s = 0; s < N_SUBJECTS; s++) {
        snprintf(study->outputs[s], sizeof study->outputs[s],
            "%.20s/group_level.%ld.%zu.h5", folder, (long) getpid(), s);
    }
    snprintf(study->group, sizeof study->group, "%.20s/group_level.%ld.h5", folder,
        (long) getpid());
    printf("| noise, outer folds | t over subjects | joint | refit | shift |\n"
           "| --- | ---: | ---: | ---: | ---: |\n");
    for (size_t i = row; i < sizeof settings / sizeof *settings; i++) {
        int is_good = 0;

        BA_TRY(run_setting(study, &settings[i], (n + V - 1) / V, &is_good));
        all_good &= is_good;
    }
out:
    if (status != BA_OK) {
        fprintf(stderr, "null_level_group: %s\n", ba_error_message());
    } else if (!all_good) {
        fprintf(stderr, "null_level_group: a rate is not where it should be\n");
    }
    for (size_t s = 0; s < N_SUBJECTS; s++) {
        remove(study->outputs[s]);
    }
    remove(study->group);
    free(study);
    return status == BA_OK && all_good ? 0 : 1;
}
