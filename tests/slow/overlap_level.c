/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often two sets of neurons that have nothing to do with one another overlap at 5
 * %:
 *
 *     overlap_level [STUDIES]     (1,000)
 *
 * 12 layers of 100 neurons. A neuron's score for the concept and its score for the
 * brain are a profile over layers, a multiple of its log deviation, and noise of its
 * own each; so they are independent given layer and deviation. The profile has the
 * deviation of the noise, or is absent; the slope is 0, .4 or 1. The first 60 of each
 * are compared. Prints a table (docs/methods.md, Concepts and the brain); status 1 if
 * the test within layers and bins of the deviation (deciles: but for the slope 1), or
 * the sweep over tops, rejects more than 6.5 %, or if the one without strata does not
 * fail. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LAYERS = 12,
    UNITS = 100,
    NEURONS = LAYERS * UNITS,
    TOP = 60,
    DECILES = 10,
    MANY = 40
};
enum { NAIVE, BY_LAYER, BY_CELL, BY_MANY, SWEEP, SWEEP_MANY, N_TESTS };

typedef struct {
    const char *name;
    double profile, slope;
} scenario_t;

static const scenario_t scenarios[] = {
    {"nothing", 0.0, 0.0},
    {"a profile over layers", 1.0, 0.0},
    {"a profile and the variance", 1.0, 0.4},
    {"a profile and much of the variance", 1.0, 1.0},
};

typedef struct {
    double score[2][NEURONS], deviation[NEURONS];
    uint32_t order[2][NEURONS];
    size_t layer[NEURONS], cell[NEURONS], small_cell[NEURONS];
    unsigned char flags[2][NEURONS];
} study_t;

static const double *sorting;

static int
compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;

    if (sorting[a] != sorting[b]) {
        return sorting[a] > sorting[b] ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static void
draw(ba_rng_t *rng, const scenario_t *scenario, study_t *study)
{
    double profile[LAYERS];
    uint32_t by_deviation[NEURONS];

    for (size_t l = 0; l < LAYERS; l++) {
        profile[l] = scenario->profile * ba_rng_normal(rng);
    }
    for (uint32_t j = 0; j < NEURONS; j++) {
        double shared;

        study->layer[j] = j / UNITS;
        study->deviation[j] = ba_rng_normal(rng);
        shared = profile[study->layer[j]] + scenario->slope * study->deviation[j];
        for (size_t s = 0; s < 2; s++) {
            study->score[s][j] = shared + ba_rng_normal(rng);
            study->order[s][j] = j;
        }
        by_deviation[j] = j;
    }
    sorting = study->deviation;
    qsort(by_deviation, NEURONS, sizeof *by_deviation, compare);
    for (size_t i = 0; i < NEURONS; i++) {
        size_t j = by_deviation[i];

        study->cell[j] = study->layer[j] * DECILES + i * DECILES / NEURONS;
        study->small_cell[j] = study->layer[j] * MANY + i * MANY / NEURONS;
    }
    memset(study->flags, 0, sizeof study->flags);
    for (size_t s = 0; s < 2; s++) {
        sorting = study->score[s];
        qsort(study->order[s], NEURONS, sizeof *study->order[s], compare);
        for (size_t i = 0; i < TOP; i++) {
            study->flags[s][study->order[s][i]] = 1;
        }
    }
}

static int
test_study(const study_t *study, uint64_t seed, size_t counts[N_TESTS])
{
    static const size_t tops[] = {15, 30, 60, 120, 240};
    const size_t *const strata[] = {NULL, study->layer, study->cell, study->small_cell};
    int status = BA_OK;
    ba_overlap_t found[5];
    double p;

    for (size_t t = NAIVE; t <= BY_MANY; t++) {
        BA_TRY(ba_overlap_test(
            study->flags[0], study->flags[1], strata[t], NEURONS, &found[0]));
        counts[t] += found[0].p_greater <= 0.05;
    }
    for (size_t t = SWEEP; t <= SWEEP_MANY; t++) {
        BA_TRY(ba_overlap_sweep(study->order[0], study->order[1],
            t == SWEEP ? study->cell : study->small_cell, NEURONS, tops, 5, 99, seed,
            found, &p));
        counts[t] += p <= 0.05;
    }
out:
    return status;
}

int
main(int argc, char **argv)
{
    size_t n_studies = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 1000;
    static study_t study;
    int n_bad = 0;

    printf(
        "| both follow | no strata | layers | layers and 10 bins | and 40 bins | sweep, "
        "10 bins | 40 bins |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t s = 0; s < sizeof scenarios / sizeof *scenarios; s++) {
        ba_rng_t *rng = ba_rng_new(1, s);
        size_t counts[N_TESTS] = {0};

        for (size_t i = 0; rng && i < n_studies; i++) {
            draw(rng, &scenarios[s], &study);
            if (test_study(&study, i, counts) != BA_OK) {
                fprintf(stderr, "overlap_level: %s\n", ba_error_message());
                return 1;
            }
        }
        ba_rng_free(rng);
        printf("| %s |", scenarios[s].name);
        for (size_t t = 0; t < N_TESTS; t++) {
            double share = 100.0 * (double) counts[t] / (double) n_studies;

            printf(" %.1f%s", share, t + 1 < N_TESTS ? " |" : " |\n");
            n_bad += (t == BY_MANY || t == SWEEP_MANY) && share > 6.5;
            n_bad += (t == BY_CELL || t == SWEEP) && s < 3 && share > 6.5;
            n_bad += t == NAIVE && s == 2 && share < 50.0;
        }
        fflush(stdout);
    }
    return n_bad > 0;
}
