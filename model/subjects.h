/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One score per subject: is their mean above 0? */
#ifndef BA_MODEL_SUBJECTS_H
#define BA_MODEL_SUBJECTS_H

#include "brainalign/error.h"

#include <stddef.h>
#include <stdint.h>

/* All of these take n scores; NaN are left out. One-sided: large scores are extreme. NaN
 * where fewer than 2 are left, or no deviation. */

double ba_subjects_mean(const double *x, size_t n, size_t *n_used);

/* BA_NOMEM. The mean of the two middle ones for an even number. */
int ba_subjects_median(const double *x, size_t n, double *median) BA_MUST_USE;

/* Student's t of the mean, and its p. */
double ba_subjects_t(const double *x, size_t n, double *p);

/* Wilcoxon's signed ranks: zeros left out, ties share their mean rank, p from all 2^n
 * assignments of signs (counted exactly, by rank sums). BA_NOMEM. Cost: n^3. */
int ba_subjects_wilcoxon(const double *x, size_t n, double *p) BA_MUST_USE;

/* Sign flips of whole subjects, units (columns of x, n x n_units) together: p of each
 * unit's mean, and family-wise by the maximum of t over units. All 2^n flips where these
 * are at most n_flips (the observed one among them, p = count / 2^n), else n_flips random
 * ones with (1 + b) / (1 + n_flips). A unit with a NaN is flipped without that subject.
 * *n_used flips. BA_NOMEM. */
int ba_subjects_flip(const double *x, size_t n, size_t n_units, size_t n_flips,
    uint64_t seed, double *p, double *p_fwe, size_t *n_used) BA_MUST_USE;

#endif
