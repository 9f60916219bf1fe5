/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Levels of guessing, and figures of identification turned into one another.
 *
 * Model: all similarities are independent and standard normal, own ones larger by d'. One
 * comparison has the difference N(d', 2), so that the single form and rank accuracy are
 * Phi(d' / sqrt 2); the sum form compares two with two, N(2 d', 4): Phi(d'). Top-1 among
 * G is the probability that G - 1 others stay below the own one.
 *
 * Under no relation the kernel of the sum form is a U-statistic of items; the variance of
 * its projection gives sd = sqrt(4 asin(1/4) / (2 pi) / n). */
#include "brainalign/identification.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>

/* The trapezoid rule over +-REACH in steps of STEP: exact to rounding, since the integrand
 * is smooth and vanishes at both ends. */
#define REACH 9.5
#define STEP 0.005

#define PI 3.14159265358979323846

double
ba_chance_top(size_t k, size_t n_candidates)
{
    return k < n_candidates ? (double) k / (double) n_candidates : 1;
}

double
ba_chance_reciprocal(size_t n_candidates)
{
    double sum = 0;

    for (size_t i = n_candidates; i > 0; i--) {
        sum += 1 / (double) i;
    }
    return sum / (double) n_candidates;
}

double
ba_chance_rank(size_t n_candidates)
{
    return ((double) n_candidates + 1) / 2;
}

double
ba_null_sd_sum(size_t n_items)
{
    return sqrt(4 * asin(0.25) / (2 * PI) / (double) n_items);
}

double
ba_null_sd_single(size_t n_items)
{
    return 1 / sqrt(12 * (double) n_items);
}

double
ba_dprime_of_rank(double rank_accuracy)
{
    return sqrt(2) * gsl_cdf_ugaussian_Pinv(rank_accuracy);
}

double
ba_dprime_of_sum(double pairwise_sum)
{
    return gsl_cdf_ugaussian_Pinv(pairwise_sum);
}

double
ba_rank_of_dprime(double dprime)
{
    return gsl_cdf_ugaussian_P(dprime / sqrt(2));
}

double
ba_sum_of_dprime(double dprime)
{
    return gsl_cdf_ugaussian_P(dprime);
}

double
ba_top1_of_dprime(double dprime, size_t n_candidates)
{
    double sum = 0, n_others = (double) n_candidates - 1;

    if (isnan(dprime)) {
        return NAN;
    }
    if (isinf(dprime)) {
        return dprime > 0 || n_candidates < 2;
    }
    for (int i = (int) (-REACH / STEP); i <= (int) (REACH / STEP); i++) {
        double x = i * STEP, z = x + dprime;
        /* log Phi(z), without loss at either end. */
        double log_below = z > 0 ? log1p(-gsl_cdf_ugaussian_Q(z))
                                 : gsl_sf_log_erfc(-z / sqrt(2)) - log(2);

        sum += exp(-x * x / 2 + n_others * log_below);
    }
    return sum * STEP / sqrt(2 * PI);
}

double
ba_dprime_of_top1(double top1, size_t n_candidates)
{
    double low = -40, high = 40;

    if (!(top1 >= 0 && top1 <= 1) || n_candidates < 2) {
        return NAN;
    }
    if (top1 == 0 || top1 == 1) {
        return top1 > 0 ? INFINITY : -INFINITY;
    }
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;

        if (ba_top1_of_dprime(middle, n_candidates) < top1) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}
