/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiles in float64. */
#include "fit/bands.h"

#include "linalg/quadratic.h"
#include "model/ridge_reduced.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

#define REAL double
#define MATRIX ba_dmat_t
#define CMATRIX ba_cdmat_t
#define GEMM ba_gemm_f64
#define QUADRATIC ba_quadratic_f64
#define QUADRATIC_LOAD ba_quadratic_load_f64
#define QUADRATIC_ROOM ba_quadratic_room_f64
#define SQUARES ba_score_squares_f64
#define SPLIT ba_score_split_f64
#define SCORE ba_score_f64
#define SCORE_REST ba_score_rest_f64
#define SCORE_PROJECTED ba_score_projected_f64
#define NAME(x) x##_f64
#include "fit/tile_kernels.h"
