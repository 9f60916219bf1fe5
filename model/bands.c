/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Candidates of banded ridge: samples of the simplex, and steps between them.
 *
 * A Dirichlet deviate is a vector of gamma deviates over their sum. Concentration 1 is
 * uniform on the simplex, 0.1 puts most of the weight on few spaces; the two in turn, with
 * all equal first, is the search of Dupre la Tour et al. (2022, NeuroImage 264:119728).
 * The corners are added because a model of one space alone is what the others are held
 * to. */
#include "brainalign/bands.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Streams of the generator, one a candidate. */
static const uint64_t stream_of_bands = UINT64_C(0x62616e64) << 32;

/* A quarter of a step, in which two candidates count as one. */
#define CLOSE 0.25

static int
sample(uint64_t seed, size_t i, size_t n_spaces, double *gamma)
{
    double concentration = i % 2 ? 1.0 : 0.1, sum = 0.0;
    ba_rng_t *rng = ba_rng_new(seed, stream_of_bands + i);

    if (!rng) {
        return BA_NOMEM;
    }
    /* All of them may underflow where the concentration is small. */
    while (!(sum > 0.0)) {
        sum = 0.0;
        for (size_t k = 0; k < n_spaces; k++) {
            gamma[k] = ba_rng_gamma(rng, concentration);
            sum += gamma[k];
        }
    }
    for (size_t k = 0; k < n_spaces; k++) {
        gamma[k] /= sum;
    }
    ba_rng_free(rng);
    return BA_OK;
}

int
ba_bands_sample(size_t n_candidates, size_t n_spaces, uint64_t seed, double *gammas)
{
    int status = BA_OK;
    size_t n_fixed = n_spaces > 1 ? n_spaces + 1 : 1;

    if (n_candidates == 0 || n_spaces == 0) {
        return ba_fail(BA_VALUE, "bands: %zu candidates of %zu spaces, wanted both",
            n_candidates, n_spaces);
    }
    for (size_t i = 0; i < n_candidates; i++) {
        double *gamma = gammas + i * n_spaces;

        if (i >= n_fixed) {
            BA_TRY(sample(seed, i - n_fixed, n_spaces, gamma));
            continue;
        }
        for (size_t k = 0; k < n_spaces; k++) {
            gamma[k] = i == 0 ? 1.0 / (double) n_spaces : (double) (k + 1 == i);
        }
    }
out:
    return status;
}

int
ba_bands_check(const ba_bands_t *bands)
{
    for (size_t i = 0; i < bands->n_candidates; i++) {
        double largest = 0.0;

        for (size_t k = 0; k < bands->n_spaces; k++) {
            double gamma = bands->gammas[i * bands->n_spaces + k];

            if (!(gamma >= 0.0) || isinf(gamma)) {
                return ba_fail(BA_VALUE,
                    "bands: %g for space %zu in row %zu, wanted finite numbers of at "
                    "least 0",
                    gamma, k, i);
            }
            largest = fmax(largest, gamma);
        }
        if (largest == 0.0) {
            return ba_fail(
                BA_VALUE, "bands: all spaces are 0 in row %zu, wanted one at least", i);
        }
    }
    return BA_OK;
}

size_t
ba_bands_n_models(const ba_bands_t *bands)
{
    return bands->models ? bands->n_models : 1;
}

void
ba_bands_model(const ba_bands_t *bands, size_t model, size_t *start, size_t *stop)
{
    *start = 0;
    *stop = bands->n_candidates;
    if (!bands->models) {
        return;
    }
    while (*start < *stop && bands->models[*start] != (int32_t) model) {
        ++*start;
    }
    *stop = *start;
    while (*stop < bands->n_candidates && bands->models[*stop] == (int32_t) model) {
        ++*stop;
    }
}

/* ---- moves ---- */

typedef struct {
    size_t votes, origin; /* origin: order in which it was thought of first */
    double *gamma;
} move_t;

/* Whether the spaces stand to one another as in the other, within part of a step. */
static int
is_close(const double *a, const double *b, size_t n, double step)
{
    double least = INFINITY, most = -INFINITY;

    for (size_t k = 0; k < n; k++) {
        double difference;

        if ((a[k] > 0.0) != (b[k] > 0.0)) {
            return 0;
        }
        if (a[k] > 0.0) {
            difference = log(a[k] / b[k]);
            least = fmin(least, difference);
            most = fmax(most, difference);
        }
    }
    return most - least < CLOSE * step;
}

static void
normalise(double *gamma, size_t n)
{
    double sum = 0.0;

    for (size_t k = 0; k < n; k++) {
        sum += gamma[k];
    }
    for (size_t k = 0; k < n; k++) {
        gamma[k] /= sum;
    }
}

/* Adds the votes of a move to the list, or a new line; returns the lines. */
static size_t
propose(move_t *list, size_t n, const double *gamma, size_t n_spaces, size_t votes,
    double step)
{
    for (size_t i = 0; i < n; i++) {
        if (is_close(list[i].gamma, gamma, n_spaces, step)) {
            list[i].votes += votes;
            return n;
        }
    }
    memcpy(list[n].gamma, gamma, n_spaces * sizeof *gamma);
    list[n].votes = votes;
    list[n].origin = n;
    return n + 1;
}

static int
compare_moves(const void *a, const void *b)
{
    const move_t *left = a, *right = b;

    if (left->votes != right->votes) {
        return left->votes < right->votes ? 1 : -1;
    }
    return (left->origin > right->origin) - (left->origin < right->origin);
}

static int
is_there(const double *gammas, size_t n, const double *gamma, size_t n_spaces, double step)
{
    for (size_t i = 0; i < n; i++) {
        if (is_close(gammas + i * n_spaces, gamma, n_spaces, step)) {
            return 1;
        }
    }
    return 0;
}

/* All moves from one candidate. */
static size_t
moves_from(const double *gammas, size_t n_candidates, size_t from, size_t n_spaces,
    size_t votes, double factor, move_t *list, size_t n, double *gamma)
{
    double step = log(factor);

    for (size_t i = 0; i < 2 * n_spaces; i++) {
        memcpy(gamma, gammas + from * n_spaces, n_spaces * sizeof *gamma);
        gamma[i / 2] *= i % 2 ? 1.0 / factor : factor;
        normalise(gamma, n_spaces);
        if (!is_there(gammas, n_candidates, gamma, n_spaces, step)) {
            n = propose(list, n, gamma, n_spaces, votes, step);
        }
    }
    return n;
}

int
ba_bands_moves(const double *gammas, size_t n_candidates, size_t n_spaces,
    const int32_t *chosen, size_t n_targets, double factor, size_t most, double *moves)
{
    int status = BA_OK;
    size_t n = 0, *votes = NULL, room = 2 * n_spaces * n_candidates;
    move_t *list = NULL;
    double *numbers = NULL;

    BA_TRY_ALLOC(votes, ba_calloc(n_candidates, sizeof *votes));
    BA_TRY_ALLOC(list, ba_calloc(room, sizeof *list));
    BA_TRY_ALLOC(numbers, ba_calloc(room + 1, n_spaces * sizeof *numbers));
    for (size_t t = 0; t < n_targets; t++) {
        if (chosen[t] >= 0) {
            votes[chosen[t]]++;
        }
    }
    for (size_t i = 0; i < room; i++) {
        list[i].gamma = numbers + (i + 1) * n_spaces;
    }
    for (size_t i = 0; i < n_candidates; i++) {
        if (votes[i] > 0) {
            n = moves_from(gammas, n_candidates, i, n_spaces, votes[i], factor, list, n,
                numbers);
        }
    }
    qsort(list, n, sizeof *list, compare_moves);
    n = n < most ? n : most;
    for (size_t i = 0; i < n; i++) {
        memcpy(moves + i * n_spaces, list[i].gamma, n_spaces * sizeof *moves);
    }
out:
    ba_free(votes);
    ba_free(list);
    ba_free(numbers);
    return status == BA_OK ? (int) n : status;
}
