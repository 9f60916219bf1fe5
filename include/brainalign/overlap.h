/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do two sets of neurons share more than strata of neurons make them share? */
#ifndef BRAINALIGN_OVERLAP_H
#define BRAINALIGN_OVERLAP_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t observed;  /* neurons of both sets */
    double expected;  /* sum over strata of n_a n_b / n */
    double ratio;     /* observed / expected, NaN where nothing is expected */
    double p_greater; /* exact: P(as many or more) */
} ba_overlap_t;

/* a, b: n flags; stratum: n numbers below n, NULL = all in one, the hypergeometric
 * test: wrong where layer or variance drive both sets. Null hypothesis: within every
 * stratum all subsets with a's number of neurons are equally likely. p is the tail of
 * the convolution of the strata's hypergeometric distributions. BA_VALUE (no neurons,
 * a stratum of n or more), BA_NOMEM. Cost: (number of strata) n_a^2 at most. */
BA_API int ba_overlap_test(const unsigned char *a, const unsigned char *b,
    const size_t *stratum, size_t n, ba_overlap_t *out);

/* The same for the first top[i] of two orders (each neuron once, best first), for
 * n_tops values of top at once: out[i]. *p_sweep: of the smallest p_greater, under
 * n_draws exchanges of the neurons of order a within strata: (1 + draws whose smallest
 * p is as small) / (1 + n_draws). BA_VALUE (a top of 0 or over n, an order that does
 * not hold every neuron once). Cost: n (n_draws + n_tops), and that of
 * ba_overlap_test(). */
BA_API int ba_overlap_sweep(const uint32_t *order_a, const uint32_t *order_b,
    const size_t *stratum, size_t n, const size_t *tops, size_t n_tops, size_t n_draws,
    uint64_t seed, ba_overlap_t *out, double *p_sweep);

#ifdef __cplusplus
}
#endif

#endif
