/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often neurons that a region does not need are found at 5 %:
 *
 *     align_level [STUDIES [KIND]]     (1000 studies of 12 such neurons, from a kind on)
 *
 * 240 samples, 16 neurons of delays 1 and 2, 12 targets with noise in common; neurons and
 * noise depend on their past (AR(1), .6). Four neurons drive the targets, 12 do not: they
 * are independent, have a common factor, or (last) are noisy copies of drivers, which a
 * ridge model uses and the test rightly finds. Mean delta_r2 of K contiguous folds is
 * tested as in neurons align (model/fold_test.h). "centred": the test of a driver whose
 * mean over all studies was taken off, which is what the variance is made for. Prints a
 * table (docs/methods.md, Brain ranking of neurons). Status 1 if neurons that are
 * independent of the drivers are found in more than 5 %, or the centred test rejects more
 * than 10 %. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"
#include "model/contribution.h"
#include "model/fold_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 240, P = 16, N_DRIVERS = 4, V = 12, DELAYS = 2, MOST_FOLDS = 10 };

typedef enum { INDEPENDENT, COMMON_FACTOR, NO_SIGNAL, COPIES, N_KINDS } kind_t;

static const char *const kinds[N_KINDS] = {"independent of the drivers",
    "with a factor in common", "no neuron drives anything",
    "noisy copies of the drivers (r = .7)"};

typedef struct {
    double x[N * P], y[N * V], y_train[N * V], y_test[N * V];
    double delta[MOST_FOLDS][P];
} study_t;

static void
fill_series(ba_rng_t *rng, double *x)
{
    double before = ba_rng_normal(rng);

    for (size_t i = 0; i < N; i++) {
        x[i] = before = 0.6 * before + 0.8 * ba_rng_normal(rng);
    }
}

static void
draw(ba_rng_t *rng, kind_t kind, study_t *study)
{
    double factor[N];

    fill_series(rng, factor);
    for (size_t j = 0; j < P; j++) {
        double *x = study->x + j * N;

        fill_series(rng, x);
        for (size_t i = 0; i < N && j >= N_DRIVERS; i++) {
            const double *driver = study->x + (j % N_DRIVERS) * N;

            if (kind == COMMON_FACTOR) {
                x[i] = 0.7 * x[i] + 0.7 * factor[i];
            } else if (kind == COPIES) {
                x[i] = 0.7 * x[i] + 0.7 * driver[i];
            }
        }
    }
    fill_series(rng, factor);
    for (size_t t = 0; t < V; t++) {
        double *y = study->y + t * N;

        fill_series(rng, y);
        for (size_t i = 0; i < N; i++) {
            y[i] = y[i] + factor[i];
            for (size_t j = 0; j < N_DRIVERS && i >= DELAYS && kind != NO_SIGNAL; j++) {
                double weight = 0.15 + 0.1 * (double) ((j + t) % 3);

                y[i] += weight * study->x[j * N + i - 1 - j % DELAYS];
            }
        }
    }
}

/* Mean delta_r2 of every neuron in a fold. */
static int
run_fold(study_t *study, const ba_design_t *design, size_t fold, size_t n_folds,
    double alpha, double *share)
{
    int status = BA_OK;
    size_t train[N], test[N], n_train = 0, n_test = 0, start[P + 1], columns[P * DELAYS];
    double block[4 * P * V + 2 * V], mean[P * DELAYS] = {0}, scale[P * DELAYS];
    ba_contributions_t found = {.r2 = block + 4 * P * V,
        .r = block + 4 * P * V + V,
        .delta_r2 = block,
        .delta_r = block + P * V,
        .zero_out_r2 = block + 2 * P * V,
        .product_r2 = block + 3 * P * V};
    ba_neuron_columns_t neurons = {P, start, columns};
    ba_training_t training = {design, train, 0, mean, scale};
    ba_ridge_factor_t *factor = NULL;
    ba_contribution_t *contribution = NULL;

    for (size_t i = DELAYS; i < N; i++) {
        size_t *list = i * n_folds / N == fold ? test : train;

        list[list == test ? n_test++ : n_train++] = i;
    }
    for (size_t c = 0; c < P * DELAYS; c++) {
        start[c / DELAYS] = c / DELAYS * DELAYS;
        columns[c] = c % DELAYS * P + c / DELAYS;
        scale[c] = 1.0;
    }
    start[P] = P * DELAYS;
    for (size_t t = 0; t < V; t++) {
        for (size_t i = 0; i < n_train; i++) {
            study->y_train[t * n_train + i] = study->y[t * N + train[i]];
        }
        for (size_t i = 0; i < n_test; i++) {
            study->y_test[t * n_test + i] = study->y[t * N + test[i]];
        }
    }
    training.n_rows = n_train;
    BA_TRY(ba_ridge_factor(NULL, &training, BA_SOLVER_AUTO, BA_INTERCEPT_YES, &factor));
    BA_TRY(ba_contribution_new(
        NULL, factor, &training, design, test, n_test, &neurons, &contribution));
    BA_TRY(ba_contribution_at(NULL, contribution, alpha));
    BA_TRY(ba_contribution_targets(contribution,
        ba_cdmat(study->y_train, n_train, V, n_train),
        ba_cdmat(study->y_test, n_test, V, n_test), &found));
    for (size_t j = 0; j < P; j++) {
        study->delta[fold][j] = 0.0;
        for (size_t t = 0; t < V; t++) {
            study->delta[fold][j] += found.delta_r2[t * P + j] / V;
        }
    }
    *share += (double) n_test / (double) n_train / (double) n_folds;
out:
    ba_contribution_free(contribution);
    ba_ridge_factor_free(factor);
    return status;
}

/* What is found over all studies. */
typedef struct {
    size_t n_null, n_driver;
    double *values, sum, share; /* of the first driver: n_studies x n_folds */
} found_t;

static int
run_study(study_t *study, size_t n_folds, double alpha, double *of_driver, found_t *found)
{
    static const int delays[DELAYS] = {1, 2};
    int status;
    double values[MOST_FOLDS];
    ba_space_t space = {"lm", NULL, study->x, P, delays, DELAYS, 0};
    ba_runs_t runs = {0};
    ba_design_t *design = NULL;

    found->share = 0.0;
    BA_TRY(ba_runs_one(N, &runs));
    BA_TRY(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design));
    for (size_t k = 0; k < n_folds; k++) {
        BA_TRY(run_fold(study, design, k, n_folds, alpha, &found->share));
        of_driver[k] = study->delta[k][0];
        found->sum += of_driver[k];
    }
    for (size_t j = 0; j < P; j++) {
        for (size_t k = 0; k < n_folds; k++) {
            values[k] = study->delta[k][j];
        }
        if (ba_fold_test(values, n_folds, found->share).p <= 0.05) {
            found->n_null += j >= N_DRIVERS ? 1 : 0;
            found->n_driver += j < N_DRIVERS ? 1 : 0;
        }
    }
out:
    ba_design_free(design);
    ba_runs_free(&runs);
    return status;
}

static double
centred_rate(const found_t *found, size_t n_studies, size_t n_folds)
{
    double mean = found->sum / (double) (n_studies * n_folds), values[MOST_FOLDS];
    size_t n = 0;

    for (size_t s = 0; s < n_studies; s++) {
        for (size_t k = 0; k < n_folds; k++) {
            values[k] = found->values[s * n_folds + k] - mean;
        }
        n += ba_fold_test(values, n_folds, found->share).p <= 0.05 ? 1 : 0;
    }
    return 100.0 * (double) n / (double) n_studies;
}

static int
measure(kind_t kind, size_t n_folds, double alpha, size_t n_studies, int *n_bad)
{
    int status = BA_OK;
    double n = (double) n_studies, null_rate, centred;
    study_t *study = NULL;
    ba_rng_t *rng = NULL;
    found_t found = {0};

    BA_TRY_ALLOC(study, ba_malloc(1, sizeof *study));
    BA_TRY_ALLOC(found.values, ba_malloc(n_studies, n_folds * sizeof *found.values));
    BA_TRY_ALLOC(rng, ba_rng_new(1, (uint64_t) kind));
    for (size_t s = 0; s < n_studies; s++) {
        draw(rng, kind, study);
        BA_TRY(run_study(study, n_folds, alpha, found.values + s * n_folds, &found));
    }
    null_rate = 100.0 * (double) found.n_null / (n * (P - N_DRIVERS));
    centred = centred_rate(&found, n_studies, n_folds);
    printf("| %s | %zu | %g | %.1f | %.1f | %.1f |\n", kinds[kind], n_folds, alpha,
        null_rate, 100.0 * (double) found.n_driver / (n * N_DRIVERS), centred);
    fflush(stdout);
    *n_bad += (kind != COPIES && null_rate > 5) || centred > 10;
out:
    ba_rng_free(rng);
    ba_free(found.values);
    ba_free(study);
    return status;
}

int
main(int argc, char **argv)
{
    size_t n_studies = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 1000;
    kind_t first = argc > 2 ? (kind_t) strtoul(argv[2], NULL, 10) : INDEPENDENT;
    static const struct {
        size_t n_folds;
        double alpha;
    } forms[] = {{5, 30}, {5, 300}, {3, 30}, {10, 30}};
    int n_bad = 0;

    printf("| other neurons | folds | alpha | found of them, %% | found of drivers, %% | "
           "driver centred, %% |\n| --- | --- | --- | --- | --- | --- |\n");
    for (kind_t kind = first; kind < N_KINDS; kind++) {
        for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
            if (measure(kind, forms[f].n_folds, forms[f].alpha, n_studies, &n_bad) !=
                BA_OK) {
                fprintf(stderr, "align_level: %s\n", ba_error_message());
                return 1;
            }
        }
    }
    return n_bad > 0;
}
