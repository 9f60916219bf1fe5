/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small run of responses with a model, for tests of decoding words. Include testlib.h
 * first. */
#ifndef BA_TESTS_BEAMLIB_H
#define BA_TESTS_BEAMLIB_H

#include "decode/beam_impl.h"

enum {
    BEAM_FEATURES = 3,
    BEAM_DELAYS = 3,
    BEAM_P = BEAM_FEATURES * BEAM_DELAYS,
    BEAM_TIMES = 14,
    BEAM_VOXELS = 11,
    BEAM_WORDS = 6,
    BEAM_ITEMS = 9
};

/* y_t = W'X_t + noise of variances D: everything at hand for a computation by the
 * book. */
typedef struct {
    double w[BEAM_P][BEAM_VOXELS], variance[BEAM_VOXELS];
    double y[BEAM_TIMES][BEAM_VOXELS]; /* of responses by place */
    int delays[BEAM_DELAYS];
    size_t response[BEAM_TIMES], n_responses;
    double a[BEAM_P * BEAM_P], z[BEAM_P * BEAM_TIMES];
    ba_inversion_t inversion;
    double blank[BEAM_FEATURES], delta[BEAM_FEATURES * BEAM_WORDS];
    unsigned char allowed[BEAM_WORDS];
    ba_said_t said;
    ba_resampler_t resampler;
    size_t items[BEAM_ITEMS];
} beam_case_t;

static inline double
beam_normal(uint64_t *seed)
{
    double sum = -6.0;

    for (size_t i = 0; i < 12; i++) {
        sum += test_uniform(seed);
    }
    return sum;
}

/* A = W D^-1 W', z = W D^-1 y. */
static inline void
beam_statistics(beam_case_t *c)
{
    for (size_t i = 0; i < BEAM_P; i++) {
        for (size_t j = 0; j < BEAM_P; j++) {
            c->a[i + j * BEAM_P] = 0.0;
            for (size_t v = 0; v < BEAM_VOXELS; v++) {
                c->a[i + j * BEAM_P] += c->w[i][v] * c->w[j][v] / c->variance[v];
            }
        }
        for (size_t t = 0; t < c->n_responses; t++) {
            c->z[i + t * BEAM_P] = 0.0;
            for (size_t v = 0; v < BEAM_VOXELS; v++) {
                c->z[i + t * BEAM_P] += c->w[i][v] * c->y[t][v] / c->variance[v];
            }
        }
    }
    c->inversion = (ba_inversion_t){.n_features = BEAM_P,
        .n_responses = c->n_responses,
        .n_voxels = BEAM_VOXELS,
        .a = c->a,
        .z = c->z};
}

/* lanczos: words reach several times; else the mean of the words of a time. Some times
 * have no response; one delay is negative with odd seeds. */
static inline void
beam_case(beam_case_t *c, uint64_t seed, int lanczos)
{
    double times[BEAM_TIMES], edges[BEAM_TIMES + 1], moments[BEAM_ITEMS];

    c->n_responses = 0;
    for (size_t t = 0; t < BEAM_TIMES; t++) {
        c->response[t] = t == 5 || t == 12 ? SIZE_MAX : c->n_responses++;
        times[t] = (double) t + 0.5;
        edges[t] = (double) t;
    }
    edges[BEAM_TIMES] = BEAM_TIMES;
    for (size_t i = 0; i < BEAM_DELAYS; i++) {
        c->delays[i] = (int) i + 1 - 2 * (int) (seed % 2);
    }
    c->delays[2]++;
    for (size_t i = 0; i < BEAM_ITEMS; i++) {
        moments[i] = 0.3 + 1.4 * (double) i + 0.5 * test_uniform(&seed);
        c->items[i] = i;
    }
    for (size_t v = 0; v < BEAM_VOXELS; v++) {
        c->variance[v] = 0.5 + test_uniform(&seed);
        for (size_t i = 0; i < BEAM_P; i++) {
            c->w[i][v] = beam_normal(&seed);
        }
        for (size_t t = 0; t < BEAM_TIMES; t++) {
            c->y[t][v] = beam_normal(&seed);
        }
    }
    for (size_t f = 0; f < BEAM_FEATURES; f++) {
        c->blank[f] = 0.3 * beam_normal(&seed);
        for (size_t w = 0; w < BEAM_WORDS; w++) {
            c->delta[f + w * BEAM_FEATURES] = 0.3 * beam_normal(&seed);
        }
    }
    memset(c->allowed, 1, sizeof c->allowed);
    c->said = (ba_said_t){.n_features = BEAM_FEATURES,
        .n_words = BEAM_WORDS,
        .blank = c->blank,
        .delta = c->delta,
        .allowed = c->allowed};
    beam_statistics(c);
    if (lanczos) {
        assert_int_equal(ba_resampler_lanczos(moments, BEAM_ITEMS, times, BEAM_TIMES, 2.0,
                             1.0, &c->resampler),
            0);
    } else {
        assert_int_equal(ba_resampler_bins(BA_BIN_MEAN, moments, BEAM_ITEMS, edges,
                             BEAM_TIMES, &c->resampler),
            0);
    }
}

/* Features of the run with these words at the items; SIZE_MAX = unknown. */
static inline void
beam_features(const beam_case_t *c, const size_t *words, double *features)
{
    for (size_t t = 0; t < BEAM_TIMES; t++) {
        for (size_t f = 0; f < BEAM_FEATURES; f++) {
            double *x = &features[f + t * BEAM_FEATURES];

            *x = 0.0;
            for (size_t k = c->resampler.start[t]; k < c->resampler.start[t + 1]; k++) {
                size_t item = c->resampler.first[t] + k - c->resampler.start[t];
                double value =
                    c->blank[f] + (words[item] == SIZE_MAX
                                          ? 0.0
                                          : c->delta[f + words[item] * BEAM_FEATURES]);

                *x += c->resampler.weights[k] * value;
            }
        }
    }
}

/* -1/2 sum (y - W'X)'D^-1(y - W'X), voxel by voxel. */
static inline double
beam_log_likelihood(const beam_case_t *c, const double *features)
{
    double sum = 0.0;

    for (size_t t = 0; t < BEAM_TIMES; t++) {
        for (size_t v = 0; c->response[t] != SIZE_MAX && v < BEAM_VOXELS; v++) {
            double e = c->y[c->response[t]][v];

            for (size_t a = 0; a < BEAM_DELAYS; a++) {
                int s = (int) t - c->delays[a];

                for (size_t f = 0; s >= 0 && s < BEAM_TIMES && f < BEAM_FEATURES; f++) {
                    e -= c->w[a * BEAM_FEATURES + f][v] *
                         features[f + (size_t) s * BEAM_FEATURES];
                }
            }
            sum -= 0.5 * e * e / c->variance[v];
        }
    }
    return sum;
}

static inline void
beam_passage(const beam_case_t *c, ba_passage_t *out)
{
    assert_int_equal(
        ba_passage_make(NULL, &c->inversion, c->delays, BEAM_DELAYS, c->response,
            BEAM_TIMES, &c->resampler, c->items, BEAM_ITEMS, c->blank, out),
        0);
}

#endif
