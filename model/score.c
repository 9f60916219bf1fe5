/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/score.h"
#include "model/clones.h"
#include "model/series.h"

#include <math.h>

static inline double
squared(double x)
{
    return x * x;
}

/* The Huth laboratory's score: responses are taken to have a variance of about 1. */
static double
signed_root(double residual_variance, double variance)
{
    double q = 1 - 2 * residual_variance / (1 + variance);

    return copysign(sqrt(fabs(q)), q);
}

#define SCORE_NUMBER double
#define SCORE_NAME(x) x##_f64
#include "model/score_kernel.h"
#undef SCORE_NUMBER
#undef SCORE_NAME

#define SCORE_NUMBER float
#define SCORE_NAME(x) x##_f32
#include "model/score_kernel.h"
#undef SCORE_NUMBER
#undef SCORE_NAME

void
ba_score_f64(ba_score_t kind, const double *y, size_t ld_y, const double *p, size_t ld_p,
    size_t n, size_t n_targets, double *scores)
{
    score_f64(kind, y, ld_y, p, ld_p, n, n_targets, scores);
}

void
ba_score_f32(ba_score_t kind, const float *y, size_t ld_y, const float *p, size_t ld_p,
    size_t n, size_t n_targets, double *scores)
{
    score_f32(kind, y, ld_y, p, ld_p, n, n_targets, scores);
}

void
ba_score_rest_f64(const double *y, size_t ld_y, size_t n, const double *o, size_t ld_o,
    size_t m, size_t n_targets, double *square, double *rest)
{
    project_rest_f64(y, ld_y, n, o, ld_o, m, n_targets, square, rest);
}

void
ba_score_projected_f64(ba_score_t kind, const double *o, size_t ld_o, const double *s,
    size_t ld_s, size_t m, size_t n, const double *square, const double *rest,
    size_t n_targets, double *scores)
{
    score_projected_f64(kind, o, ld_o, s, ld_s, m, n, square, rest, n_targets, scores);
}

void
ba_score_rest_f32(const float *y, size_t ld_y, size_t n, const float *o, size_t ld_o,
    size_t m, size_t n_targets, double *square, double *rest)
{
    project_rest_f32(y, ld_y, n, o, ld_o, m, n_targets, square, rest);
}

void
ba_score_projected_f32(ba_score_t kind, const float *o, size_t ld_o, const float *s,
    size_t ld_s, size_t m, size_t n, const double *square, const double *rest,
    size_t n_targets, double *scores)
{
    score_projected_f32(kind, o, ld_o, s, ld_s, m, n, square, rest, n_targets, scores);
}

void
ba_score_squares_f64(
    const double *y, size_t ld_y, size_t n, size_t n_targets, double *squares)
{
    for (size_t j = 0; j < n_targets; j++) {
        squares[j] = square_f64(y + j * ld_y, n, 0.0);
    }
}

void
ba_score_squares_f32(
    const float *y, size_t ld_y, size_t n, size_t n_targets, double *squares)
{
    for (size_t j = 0; j < n_targets; j++) {
        squares[j] = square_f32(y + j * ld_y, n, 0.0);
    }
}

void
ba_score_split_f64(const double *y, const double *p, const double *part, size_t n,
    size_t n_targets, double *r2, double *r)
{
    split_f64(y, p, part, n, n_targets, r2, r);
}

void
ba_score_split_f32(const float *y, const float *p, const float *part, size_t n,
    size_t n_targets, double *r2, double *r)
{
    split_f32(y, p, part, n, n_targets, r2, r);
}
