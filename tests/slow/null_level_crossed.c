/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often the tests of a cross-validated fit reject at 5 % where there is nothing to
 * find:
 *
 *     null_level_crossed [SIMULATIONS]     (5,120 for each number by default)
 *
 * Features (two spaces of 5, delays 1 to 4) and responses are independent autoregressive
 * noise, fitted as encode fit does, with an alpha for every target; the score is the mean
 * over the outer folds. Prints the table of docs/methods.md (Significance,
 * Cross-validation). Status 1 if the widened cosine null rejects more than 6.5 % anywhere,
 * or if folds permuted as if they were independent do not, which would mean that the
 * simulation shows nothing. */
#include "tests/slow/level.h"

#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V = 256, N_FEATURES = 5, N_MOST = 300, N_PERMUTATIONS = 499 };

static const int delays[] = {1, 2, 3, 4};

typedef struct {
    const char *name;
    double phi;
    size_t n, n_runs, n_folds; /* 0 folds: leave one run out */
} setting_t;

static const setting_t settings[] = {
    {"AR 0, 2 folds", 0.0, 300, 1, 2},
    {"AR 0, 5 folds", 0.0, 300, 1, 5},
    {"AR 0, 3 runs", 0.0, 300, 3, 0},
    {"AR .5, 2 folds", 0.5, 300, 1, 2},
    {"AR .5, 5 folds", 0.5, 300, 1, 5},
    {"AR .5, 3 runs", 0.5, 300, 3, 0},
    {"AR .9, 2 folds", 0.9, 300, 1, 2},
    {"AR .9, 5 folds", 0.9, 300, 1, 5},
    {"AR .9, 3 runs", 0.9, 300, 3, 0},
};

/* Columns of the table. */
enum { ALONE, COSINE, CIRCULAR, INCREMENT_ALONE, INCREMENT, N_TESTS };

static const struct {
    const char *name;
    ba_null_statistic_t statistic;
    ba_null_kind_t kind;
    int is_crossed;
} tests[N_TESTS] = {
    {"r, as if independent", BA_NULL_R, BA_NULL_COSINE, 0},
    {"r, cosine", BA_NULL_R, BA_NULL_COSINE, 1},
    {"r, circular", BA_NULL_R, BA_NULL_CIRCULAR, 1},
    {"increment, as if independent", BA_NULL_INCREMENT, BA_NULL_COSINE, 0},
    {"increment, cosine", BA_NULL_INCREMENT, BA_NULL_COSINE, 1},
};

typedef struct {
    double x[2][N_MOST * N_FEATURES], y[N_MOST * V];
    double predicted[2][N_MOST * V]; /* fold by fold */
    double responses[N_MOST * V];
    ba_runs_t folds[8]; /* one stretch each */
    size_t n_folds;
    double *taking;
    size_t at;
} study_t;

/* Folds come in order, a single tile each. */
static int
take_fold(void *payload, int fold, const size_t *rows, size_t n_rows, size_t target0,
    size_t n, const double *predictions)
{
    study_t *study = payload;
    size_t n_samples = study->at;
    int status;

    (void) target0;
    memcpy(study->taking, predictions, n_rows * n * sizeof *predictions);
    study->taking += n_rows * n;
    if (study->n_folds > (size_t) fold) {
        return BA_OK;
    }
    BA_TRY(ba_runs_one(n_rows, &study->folds[fold]));
    study->n_folds = (size_t) fold + 1;
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            study->responses[rows[0] * V + i + j * n_rows] =
                study->y[rows[i] + j * n_samples];
        }
    }
out:
    return status;
}

static int
fit_model(study_t *study, const setting_t *setting, size_t which)
{
    int status;
    ba_ctx_t ctx = ba_ctx_default();
    ba_fit_opts_t opts = ba_fit_opts_default();
    ba_fit_sink_t sink = {.payload = study, .predictions = take_fold};
    ba_fit_result_t result = {0};
    ba_fit_data_t data = {0};
    ba_space_t space = {"x", NULL, study->x[which], N_FEATURES, delays, 4, 0};
    ba_design_t *design = NULL;
    ba_source_t *source = NULL;
    ba_runs_t runs = {0};
    size_t onsets[3];

    for (size_t k = 0; k < setting->n_runs; k++) {
        onsets[k] = k * setting->n / setting->n_runs;
    }
    BA_TRY(ba_runs_from_onsets(onsets, setting->n_runs, setting->n, &runs));
    BA_TRY(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design));
    BA_TRY(ba_source_from_memory(study->y, setting->n, V, setting->n, "noise", &source));
    data.design = design;
    data.runs = &runs;
    data.targets = source;
    opts.precision = BA_DOUBLE;
    opts.scale_targets = BA_SCALE_ZSCORE;
    opts.want_predictions = 1;
    opts.gap_inner = opts.gap_outer = 8;
    opts.outer_cv.kind = setting->n_folds > 0 ? BA_CV_KFOLD : BA_CV_RUNS;
    opts.outer_cv.n_folds = setting->n_folds;
    study->taking = study->predicted[which];
    study->at = setting->n;
    BA_TRY(ba_fit_run(&ctx, &data, &opts, &sink, &result, NULL));
out:
    ba_fit_result_free(&result);
    ba_source_close(source);
    ba_design_free(design);
    ba_runs_free(&runs);
    return status;
}

static int
count_rejected(const study_t *study, size_t which, uint64_t seed, size_t *n_rejected)
{
    int status;
    ba_null_opts_t opts = ba_null_opts_default();
    ba_null_t *null = NULL;
    ba_null_fold_t folds[8];
    double observed[V], p[V], maxima[N_PERMUTATIONS];
    size_t at = 0;

    opts.kind = tests[which].kind;
    opts.is_crossed = tests[which].is_crossed;
    opts.n_permutations = N_PERMUTATIONS;
    opts.seed = seed;
    for (size_t f = 0; f < study->n_folds; f++) {
        size_t n = study->folds[f].n_samples;

        folds[f] = (ba_null_fold_t){{study->responses + at, n, V, n},
            {study->predicted[0] + at, n, V, n}, {study->predicted[1] + at, n, V, n}};
        at += n * V;
    }
    BA_TRY(ba_null_new(&opts, study->folds, study->n_folds, &null));
    BA_TRY(ba_null_test(NULL, null, tests[which].statistic, folds, BA_TAIL_GREATER,
        &(ba_null_result_t){observed, p, maxima}));
    level_count(p, V, n_rejected);
out:
    ba_null_free(null);
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
    level_noise_runs(
        rng, setting->phi, study->x[0], setting->n, N_FEATURES, setting->n_runs);
    level_noise_runs(
        rng, setting->phi, study->x[1], setting->n, N_FEATURES, setting->n_runs);
    level_noise_runs(rng, setting->phi, study->y, setting->n, V, setting->n_runs);
    study->n_folds = 0;
    BA_TRY(fit_model(study, setting, 0));
    BA_TRY(fit_model(study, setting, 1));
    for (size_t k = 0; k < N_TESTS; k++) {
        BA_TRY(count_rejected(study, k, seed, &n_rejected[k]));
    }
out:
    for (size_t f = 0; f < study->n_folds; f++) {
        ba_runs_free(&study->folds[f]);
    }
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
    *is_good = rate[COSINE] <= highest && rate[CIRCULAR] <= highest &&
               rate[INCREMENT] <= highest && rate[ALONE] > highest;
out:
    return status;
}

int
main(int argc, char **argv)
{
    int status = BA_OK, all_good = 1;
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 5120;
    study_t *study = calloc(1, sizeof *study);

    if (!study) {
        return 1;
    }
    printf("| noise, outer folds |");
    for (size_t k = 0; k < N_TESTS; k++) {
        printf(" %s |", tests[k].name);
    }
    printf("\n");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int is_good = 0;

        BA_TRY(run_setting(study, &settings[i], (n + V - 1) / V, &is_good));
        all_good &= is_good;
    }
out:
    if (status != BA_OK) {
        fprintf(stderr, "null_level_crossed: %s\n", ba_error_message());
    } else if (!all_good) {
        fprintf(stderr, "null_level_crossed: a rate is not where it should be\n");
    }
    free(study);
    return status == BA_OK && all_good ? 0 : 1;
}
