/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seeded random numbers (GSL's Mersenne twister). A stream is keyed by (seed, stream),
 * never by a thread. */
#ifndef BA_CORE_RNG_H
#define BA_CORE_RNG_H

#include "brainalign/error.h"

typedef struct ba_rng ba_rng_t;

/* A generator for stream number `stream` of `seed`; NULL with BA_NOMEM's message when
 * memory runs out. */
ba_rng_t *ba_rng_new(uint64_t seed, uint64_t stream) BA_MUST_USE;
void ba_rng_free(ba_rng_t *rng);

/* Standard normal deviate. */
double ba_rng_normal(ba_rng_t *rng);

/* Gamma deviate of that shape (> 0) and scale 1. */
double ba_rng_gamma(ba_rng_t *rng, double shape);

/* Uniform on [0, 1). */
double ba_rng_uniform(ba_rng_t *rng);

/* Uniform integer 0..n-1, n >= 1. */
size_t ba_rng_below(ba_rng_t *rng, size_t n);

/* Shuffles n indices in place (Fisher-Yates). */
void ba_rng_shuffle(ba_rng_t *rng, size_t *indices, size_t n);

#endif
