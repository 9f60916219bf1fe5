/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons that predict a brain, for calibrations of what concepts add to it.
 *
 * 4 layers of 30 neurons, three common factors a layer. A neuron has a share c of its
 * layer's factor (0 to .95: how redundant it is) and a log deviation s. Its weight in
 * each of 4 responses is normal, times exp(profile of its layer + slope s): layers and
 * variance decide how much neurons matter, and so may decide which a concept has. */
#ifndef BA_TESTS_ALIGN_STUDY_H
#define BA_TESTS_ALIGN_STUDY_H

#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"
#include "model/matched.h"
#include "model/scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LAYERS = 4,
    UNITS = 30,
    NEURONS = LAYERS * UNITS,
    FACTORS = 3,
    TRAIN = 160,
    TEST = 60,
    ROWS = TRAIN + TEST,
    TARGETS = 4,
    TOP = 12,
    BINS = 10,
    N_NULL = 99
};

typedef struct {
    double x[ROWS * NEURONS], y[TRAIN * TARGETS], y_test[TEST * TARGETS];
    double profile[LAYERS], common[NEURONS], log_deviation[NEURONS];
    double weight[NEURONS * TARGETS], mean[NEURONS], scale[NEURONS];
    size_t cell[NEURONS], rows[ROWS], start[NEURONS + 1], columns[NEURONS];
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
    ba_inverse_t *inverse;
    ba_drops_t *drops;
} align_study_t;

/* Studies are small: threads would wait for one another. */
static const ba_ctx_t align_study_ctx = {.n_threads = 1};

/* Values of all neurons in some situations, rows x NEURONS. */
static inline void
align_study_values(ba_rng_t *rng, const align_study_t *study, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        double factor[LAYERS * FACTORS];

        for (size_t f = 0; f < LAYERS * FACTORS; f++) {
            factor[f] = ba_rng_normal(rng);
        }
        for (size_t j = 0; j < NEURONS; j++) {
            double c = study->common[j];
            double value = c * factor[j / UNITS * FACTORS + j % FACTORS] +
                           sqrt(1.0 - c * c) * ba_rng_normal(rng);

            out[i + j * n] = exp(study->log_deviation[j]) * value;
        }
    }
}

static inline void
align_study_cells(align_study_t *study)
{
    for (size_t j = 0; j < NEURONS; j++) {
        size_t below = 0;

        for (size_t l = 0; l < NEURONS; l++) {
            below += study->log_deviation[l] < study->log_deviation[j];
        }
        study->cell[j] = j / UNITS * BINS + below * BINS / NEURONS;
    }
}

/* What neurons are like, without any fit. */
static inline void
align_study_draw(ba_rng_t *rng, double profile, double slope, align_study_t *study)
{
    for (size_t l = 0; l < LAYERS; l++) {
        study->profile[l] = profile * ba_rng_normal(rng);
    }
    for (size_t j = 0; j < NEURONS; j++) {
        study->common[j] = 0.95 * ba_rng_uniform(rng);
        study->log_deviation[j] = 0.7 * ba_rng_normal(rng);
        for (size_t t = 0; t < TARGETS; t++) {
            study->weight[j + t * NEURONS] =
                ba_rng_normal(rng) *
                exp(study->profile[j / UNITS] + slope * study->log_deviation[j]);
        }
    }
    align_study_cells(study);
    align_study_values(rng, study, ROWS, study->x);
}

/* Responses from the neurons as z-scored, and as much noise. */
static inline void
align_study_respond(ba_rng_t *rng, align_study_t *study)
{
    for (size_t t = 0; t < TARGETS; t++) {
        double signal[ROWS] = {0}, squares = 0.0;

        for (size_t j = 0; j < NEURONS; j++) {
            double weight = study->weight[j + t * NEURONS] / exp(study->log_deviation[j]);

            for (size_t i = 0; i < ROWS; i++) {
                signal[i] += weight * study->x[i + j * ROWS];
            }
        }
        for (size_t i = 0; i < ROWS; i++) {
            squares += signal[i] * signal[i] / ROWS;
        }
        for (size_t i = 0; i < ROWS; i++) {
            double value = signal[i] / sqrt(squares) + ba_rng_normal(rng);

            *(i < TRAIN ? &study->y[i + t * TRAIN]
                        : &study->y_test[i - TRAIN + t * TEST]) = value;
        }
    }
}

static inline void
align_study_close(align_study_t *study)
{
    ba_drops_free(study->drops);
    ba_inverse_free(study->inverse);
    ba_contribution_free(study->contribution);
    ba_ridge_factor_free(study->factor);
    ba_design_free(study->design);
    ba_runs_free(&study->runs);
    study->drops = NULL;
    study->inverse = NULL;
    study->contribution = NULL;
    study->factor = NULL;
    study->design = NULL;
}

static inline int
align_study_fit(align_study_t *study)
{
    static const int delay = 0;
    int status;
    ba_training_t training;
    ba_neuron_columns_t neurons = {NEURONS, study->start, study->columns};

    for (size_t j = 0; j <= NEURONS; j++) {
        study->start[j] = j;
        study->columns[j % NEURONS] = j % NEURONS;
    }
    for (size_t i = 0; i < ROWS; i++) {
        study->rows[i] = i;
    }
    study->space = (ba_space_t){"lm", NULL, study->x, NEURONS, &delay, 1, 0};
    BA_TRY(ba_runs_one(ROWS, &study->runs));
    BA_TRY(ba_design_new(
        &study->space, 1, &study->runs, BA_DELAY_WITHIN_RUNS, &study->design));
    BA_TRY(ba_design_scale(
        &align_study_ctx, study->design, study->rows, TRAIN, study->mean, study->scale));
    training =
        (ba_training_t){study->design, study->rows, TRAIN, study->mean, study->scale};
    BA_TRY(ba_ridge_factor(
        &align_study_ctx, &training, BA_SOLVER_AUTO, BA_INTERCEPT_YES, &study->factor));
    BA_TRY(ba_contribution_new(&align_study_ctx, study->factor, &training, study->design,
        study->rows + TRAIN, TEST, &neurons, &study->contribution));
    BA_TRY(ba_contribution_at(&align_study_ctx, study->contribution, 30.0));
    BA_TRY(
        ba_inverse_new(&align_study_ctx, study->contribution, SIZE_MAX, &study->inverse));
    BA_TRY(ba_drops_new(&align_study_ctx, study->inverse,
        ba_cdmat(study->y, TRAIN, TARGETS, TRAIN),
        ba_cdmat(study->y_test, TEST, TARGETS, TEST), &study->drops));
out:
    return status;
}

/* Mean drop of a set over targets first .. first + n - 1. */
static inline int
align_study_drop(
    const align_study_t *study, const size_t *set, size_t first, size_t n, double *mean)
{
    int status;
    double drop[TARGETS];

    BA_TRY(ba_drops_set(study->drops, set, TOP, drop));
    *mean = 0.0;
    for (size_t t = first; t < first + n; t++) {
        *mean += drop[t] / (double) n;
    }
out:
    return status;
}

static inline int
align_study_compare(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return (x > y) - (x < y);
}

/* The TOP neurons with the highest scores, ascending. */
static inline void
align_study_best(const double *score, size_t *set)
{
    for (size_t i = 0; i < TOP; i++) {
        size_t best = SIZE_MAX;

        for (size_t j = 0; j < NEURONS; j++) {
            int is_taken = 0;

            for (size_t l = 0; l < i; l++) {
                is_taken |= set[l] == j;
            }
            if (!is_taken && (best == SIZE_MAX || score[j] > score[best])) {
                best = j;
            }
        }
        set[i] = best;
    }
    qsort(set, TOP, sizeof *set, align_study_compare);
}

#endif
