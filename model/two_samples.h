/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of two samples from their counts, ranks or moments. */
#ifndef BA_MODEL_TWO_SAMPLES_H
#define BA_MODEL_TWO_SAMPLES_H

/* Two-sided p of Mann and Whitney's U by the normal approximation with corrections for
 * ties and continuity. u: pairs of which the first sample has the larger value, ties half;
 * ties: sum of t^3 - t over groups of t equal values. NaN for an empty sample, 1 where all
 * values are equal. */
double ba_mann_whitney_p(double u, double n_first, double n_second, double ties);

/* Size, mean and variance (n - 1) of a sample. */
typedef struct {
    double n, mean, variance;
} ba_sample_t;

typedef struct {
    double t, df;
} ba_welch_t;

/* Welch's t of first minus second and its degrees of freedom; NaN where a sample has fewer
 * than two values or neither varies. */
ba_welch_t ba_welch(ba_sample_t first, ba_sample_t second);

/* Two-sided p of Student's t; NaN where it is not finite. */
double ba_student_p(double t, double df);

#endif
