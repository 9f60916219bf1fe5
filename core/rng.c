/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rng.h"
#include "core/alloc.h"

/* gsl_rng.h defines its functions in line. */
#define HAVE_INLINE

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

struct ba_rng {
    gsl_rng *generator;
};

/* splitmix64's finaliser: neighbouring (seed, stream) pairs give unrelated generator
 * seeds. */
static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

ba_rng_t *
ba_rng_new(uint64_t seed, uint64_t stream)
{
    ba_rng_t *rng = ba_calloc(1, sizeof *rng);

    if (!rng) {
        return NULL;
    }
    gsl_set_error_handler_off();
    rng->generator = gsl_rng_alloc(gsl_rng_mt19937);
    if (!rng->generator) {
        ba_fail(BA_NOMEM, "memory: no random generator could be had");
        ba_free(rng);
        return NULL;
    }
    gsl_rng_set(rng->generator, (unsigned long) (mix(mix(seed) ^ stream) & UINT32_MAX));
    return rng;
}

void
ba_rng_free(ba_rng_t *rng)
{
    if (rng) {
        gsl_rng_free(rng->generator);
        ba_free(rng);
    }
}

double
ba_rng_normal(ba_rng_t *rng)
{
    return gsl_ran_gaussian_ziggurat(rng->generator, 1.0);
}

double
ba_rng_gamma(ba_rng_t *rng, double shape)
{
    return gsl_ran_gamma(rng->generator, shape, 1.0);
}

double
ba_rng_uniform(ba_rng_t *rng)
{
    return gsl_rng_uniform(rng->generator);
}

size_t
ba_rng_below(ba_rng_t *rng, size_t n)
{
    return (size_t) gsl_rng_uniform_int(rng->generator, (unsigned long) n);
}

void
ba_rng_shuffle(ba_rng_t *rng, size_t *indices, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = ba_rng_below(rng, i), kept = indices[j];

        indices[j] = indices[i - 1];
        indices[i - 1] = kept;
    }
}
