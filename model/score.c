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
