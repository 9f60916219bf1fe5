/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests against the golden file D3 share. */
#ifndef BA_INVERSION_GOLDEN_H
#define BA_INVERSION_GOLDEN_H

#include "tests/golden/golden.h"

#include "brainalign/inversion.h"

#define D3 "golden/decode/d3_inversion.h5"

/* Column-major copy of rows x columns; the caller frees. */
static inline double *
turned(const golden_t *x, size_t n_cols)
{
    size_t n = x->dims[0], width = x->rank > 1 ? x->dims[1] : 1;
    double *columns = malloc(n * n_cols * sizeof *columns);

    assert_non_null(columns);
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < n; i++) {
            columns[i + j * n] = x->data[i * width + j];
        }
    }
    return columns;
}

static inline void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

/* Relative to the largest number wanted. found: element (i, j) at i * row + j *
 * column. */
static inline void
compare(const char *file, const char *group, const char *name, const double *found,
    size_t row, size_t column, double tolerance)
{
    golden_t wanted = golden_read_in(file, group, name);
    char what[200];
    golden_check_t check = {.what = what};
    size_t width = wanted.rank > 1 ? wanted.dims[1] : 1;
    double largest = 0.0;

    snprintf(what, sizeof what, "%s/%s", group, name);
    for (size_t i = 0; i < wanted.n; i++) {
        largest = fmax(largest, fabs(wanted.data[i]));
    }
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found[i / width * row + i % width * column],
            wanted.data[i], tolerance * largest);
    }
    golden_report("D3", &check);
    golden_free(&wanted);
}

#endif
