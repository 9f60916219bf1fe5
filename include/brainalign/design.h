/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The finite-impulse-response design: copies of the features moved later by each delay,
 * made on the fly. */
#ifndef BRAINALIGN_DESIGN_H
#define BRAINALIGN_DESIGN_H

#include "brainalign/runs.h"
#include "brainalign/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One feature space in memory, column-major n_samples x n_features, as float32 or float64
 * (the other pointer NULL). */
typedef struct {
    const char *name;
    const float *single;
    const double *full;
    size_t n_features;
    const int *delays; /* samples; positive = the feature acts later */
    size_t n_delays;
    size_t n_components; /* so many principal components (pca.h) stand for the features;
                            0 = none, the features themselves */
} ba_space_t;

/* Opaque. Columns run delay by delay (delays of all spaces in order of first appearance),
 * within a delay space by space, within a space feature by feature, or component by
 * component. Only the undelayed features are in memory. Where a space has components, the
 * design knows its columns, but cannot be read: ba_pca_fit() and ba_pca_design() make one
 * that can. */
typedef struct ba_design ba_design_t;

/* Where a column comes from. */
typedef struct {
    size_t space, feature; /* feature (or component) within its space */
    size_t delay_index;    /* into ba_design_delays() */
    size_t feature_index;  /* within all spaces side by side */
} ba_column_t;

typedef enum {
    BA_DELAY_WITHIN_RUNS =
        0, /* zero-filled at every run start (and end, for negative delays) */
    BA_DELAY_ACROSS_RUNS = 1 /* over the whole series */
} ba_delay_borders_t;

/* Makes a design over spaces with equal n_samples = runs->n_samples. Spaces and runs are
 * borrowed and must outlive it. BA_SHAPE when a delay is not shorter than the shortest
 * run it must stay in (delay, run and length named); BA_VALUE when a delay is given
 * twice, or more components are wanted than there are features. */
BA_API int ba_design_new(const ba_space_t *spaces, size_t n_spaces, const ba_runs_t *runs,
    ba_delay_borders_t borders, ba_design_t **out);
BA_API void ba_design_free(ba_design_t *design);

BA_API size_t ba_design_n_columns(const ba_design_t *design);
BA_API size_t ba_design_n_spaces(const ba_design_t *design);
BA_API size_t ba_design_n_features(
    const ba_design_t *design); /* of all spaces, undelayed; components where they stand
                                   for them */
BA_API const int *ba_design_delays(const ba_design_t *design, size_t *n_delays);
BA_API ba_column_t ba_design_column(const ba_design_t *design, size_t column);

/* Writes columns col0 .. col0 + n_cols - 1 at the given samples (indices before trimming)
 * to dst (n_rows x n_cols, column-major, ld >= n_rows). */
BA_API void ba_design_read(const ba_design_t *design, const size_t *rows, size_t n_rows,
    size_t col0, size_t n_cols, double *dst, size_t ld);

/* Parses "1,2,3,4" or "-1,0,1" into *delays (caller frees with free()). BA_VALUE. */
BA_API int ba_delays_parse(const char *text, int **delays, size_t *n_delays);

#ifdef __cplusplus
}
#endif

#endif
