/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiles in float32: products in single precision, sums of scores in double. */
#include "fit/bands.h"

#include "linalg/quadratic.h"
#include "model/ridge_reduced.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

#define REAL float
#define MATRIX ba_mat_t
#define CMATRIX ba_cmat_t
#define GEMM ba_gemm_f32
#define QUADRATIC ba_quadratic_f32
#define QUADRATIC_LOAD ba_quadratic_load_f32
#define QUADRATIC_ROOM ba_quadratic_room_f32
#define SQUARES ba_score_squares_f32
#define SPLIT ba_score_split_f32
#define SCORE ba_score_f32
#define SCORE_REST ba_score_rest_f32
#define SCORE_PROJECTED ba_score_projected_f32
#define NAME(x) x##_f32
#include "fit/tile_kernels.h"
