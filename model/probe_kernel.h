/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Panels of shifted and scaled activations and their products, written once and compiled
 * for float and for double. The including file defines REAL, MATRIX, CMATRIX, GEMM and
 * NAME(x). Nothing here allocates or fails. */

/* rows x n_cols values from row0 on of the neurons cols[0 ..], into a panel of leading
 * dimension BA_PANEL_ROWS. */
BA_CLONES static void
NAME(convert)(const ba_probe_problem_t *problem, const size_t *cols, size_t n_cols,
    size_t row0, size_t rows, REAL *panel)
{
    for (size_t k = 0; k < n_cols; k++) {
        size_t j = cols[k];
        const float *x = problem->column[j] + row0;
        REAL shift = (REAL) problem->shift[j], inverse = (REAL) problem->inverse[j];
        REAL *dst = panel + k * BA_PANEL_ROWS;

        for (size_t i = 0; i < rows; i++) {
            dst[i] = ((REAL) x[i] - shift) * inverse;
        }
    }
}

/* z (rows x n_classes) += the rows' product with v (a x n_classes). The panel holds the
 * last columns afterwards: all of them where a is at most BA_PANEL_COLS. */
static void
NAME(rows_forward)(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    size_t row0, size_t rows, const REAL *v, REAL *panel, MATRIX z)
{
    for (size_t k = 0; k < a; k += BA_PANEL_COLS) {
        size_t n = a - k < BA_PANEL_COLS ? a - k : BA_PANEL_COLS;

        NAME(convert)(problem, cols + k, n, row0, rows, panel);
        GEMM(1, BA_KEEP, (CMATRIX){panel, rows, n, BA_PANEL_ROWS}, BA_KEEP,
            (CMATRIX){v + k, n, problem->n_classes, a}, 1, z);
    }
}

/* g (a x n_classes) += the transposed rows times r. `is_converted`: the panel holds them
 * already. */
static void
NAME(rows_backward)(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    size_t row0, size_t rows, CMATRIX r, int is_converted, REAL *panel, REAL *g)
{
    for (size_t k = 0; k < a; k += BA_PANEL_COLS) {
        size_t n = a - k < BA_PANEL_COLS ? a - k : BA_PANEL_COLS;

        if (!is_converted) {
            NAME(convert)(problem, cols + k, n, row0, rows, panel);
        }
        GEMM(1, BA_TRANSPOSE, (CMATRIX){panel, rows, n, BA_PANEL_ROWS}, BA_KEEP, r, 1,
            (MATRIX){g + k, n, problem->n_classes, a});
    }
}
