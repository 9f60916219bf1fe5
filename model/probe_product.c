/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of activations with weights and residuals. Activations stay float32 as they
 * are; panels of them are shifted, scaled and promoted while they are in the cache, so
 * that float64 products need no float64 copy. Sums over rows are made slab by slab, and
 * slabs are added in order: the same bits for any number of threads. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/clones.h"
#include "model/probe_impl.h"

#include <omp.h>
#include <string.h>

#define REAL double
#define MATRIX ba_dmat_t
#define CMATRIX ba_cdmat_t
#define GEMM ba_gemm_f64
#define NAME(x) x##_f64
#include "model/probe_kernel.h"
#undef REAL
#undef MATRIX
#undef CMATRIX
#undef GEMM
#undef NAME

#define REAL float
#define MATRIX ba_mat_t
#define CMATRIX ba_cmat_t
#define GEMM ba_gemm_f32
#define NAME(x) x##_f32
#include "model/probe_kernel.h"

#define PANEL ((size_t) BA_PANEL_ROWS * BA_PANEL_COLS)

/* Scratch of each thread, and sums of each slab. */
struct ba_probe_hessian {
    const ba_probe_problem_t *problem;
    size_t a;
    float *panels;  /* one for each thread */
    float *blocks;  /* the same, each BA_PANEL_ROWS x n_classes */
    float *sums;    /* n_slabs x a x n_classes */
    double *sums_b; /* n_slabs x n_classes */
    float *v;       /* a x n_classes */
};

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int
alloc_numbers(size_t n, size_t a, size_t b, size_t size, void **out)
{
    size_t each;
    int status = ba_multiply(a, b, &each);

    *out = NULL;
    if (status == BA_OK) {
        status = ba_multiply(each, size, &each);
    }
    if (status == BA_OK) {
        *out = ba_malloc(n, each);
        status = *out ? BA_OK : BA_NOMEM;
    }
    return status;
}

int
ba_probe_panels_new(ba_probe_problem_t *problem)
{
    problem->panels =
        ba_malloc((size_t) ba_ctx_threads(problem->ctx), PANEL * sizeof *problem->panels);
    return problem->panels ? BA_OK : BA_NOMEM;
}

void
ba_probe_forward(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    const double *w, const double *b, double *z)
{
    size_t n = problem->n, n_classes = problem->n_classes;
    size_t n_blocks = (n + BA_PANEL_ROWS - 1) / BA_PANEL_ROWS;
    int n_threads = ba_probe_threads(problem, n * a * n_classes);

#pragma omp parallel for schedule(dynamic) num_threads(n_threads)
    for (size_t t = 0; t < n_blocks; t++) {
        size_t row0 = t * BA_PANEL_ROWS, rows = min_size(BA_PANEL_ROWS, n - row0);

        for (size_t c = 0; c < n_classes; c++) {
            for (size_t i = 0; i < rows; i++) {
                z[row0 + i + c * n] = b[c];
            }
        }
        rows_forward_f64(problem, cols, a, row0, rows, w,
            problem->panels + (size_t) omp_get_thread_num() * PANEL,
            ba_dmat(z + row0, rows, n_classes, n));
    }
}

/* g of one slab. */
static void
slab_backward(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    const double *r, size_t slab, double *panel, double *g)
{
    size_t n = problem->n, stop = min_size((slab + 1) * problem->slab_rows, n);

    memset(g, 0, a * problem->n_classes * sizeof *g);
    for (size_t row0 = slab * problem->slab_rows; row0 < stop; row0 += BA_PANEL_ROWS) {
        size_t rows = min_size(BA_PANEL_ROWS, stop - row0);

        rows_backward_f64(problem, cols, a, row0, rows,
            ba_cdmat(r + row0, rows, problem->n_classes, n), 0, panel, g);
    }
}

int
ba_probe_backward(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    const double *r, double *g)
{
    size_t size = a * problem->n_classes, n_slabs = problem->n_slabs;
    int n_threads = ba_probe_threads(problem, problem->n * size), status;
    void *sums = NULL;
    double *sum;

    BA_TRY(alloc_numbers(n_slabs, a, problem->n_classes, sizeof(double), &sums));
    sum = sums;
#pragma omp parallel for schedule(dynamic) num_threads(n_threads)
    for (size_t slab = 0; slab < n_slabs; slab++) {
        slab_backward(problem, cols, a, r, slab,
            problem->panels + (size_t) omp_get_thread_num() * PANEL, sum + slab * size);
    }
    for (size_t k = 0; k < size; k++) {
        g[k] = sum[k];
        for (size_t slab = 1; slab < n_slabs; slab++) {
            g[k] += sum[k + slab * size];
        }
    }
out:
    ba_free(sums);
    return status;
}

int
ba_probe_hessian_new(
    const ba_probe_problem_t *problem, size_t a, ba_probe_hessian_t **out)
{
    ba_probe_hessian_t *h = ba_calloc(1, sizeof *h);
    size_t threads;
    void *sums = NULL;
    int status = BA_OK;

    BA_TRY(h ? BA_OK : BA_NOMEM);
    h->problem = problem;
    h->a = a;
    threads = (size_t) ba_ctx_threads(problem->ctx);
    BA_TRY_ALLOC(h->panels, ba_malloc(threads, PANEL * sizeof *h->panels));
    BA_TRY_ALLOC(h->blocks,
        ba_malloc(threads, BA_PANEL_ROWS * problem->n_classes * sizeof *h->blocks));
    BA_TRY_ALLOC(h->v, ba_malloc(a * problem->n_classes, sizeof *h->v));
    BA_TRY_ALLOC(
        h->sums_b, ba_malloc(problem->n_slabs * problem->n_classes, sizeof *h->sums_b));
    BA_TRY(alloc_numbers(problem->n_slabs, a, problem->n_classes, sizeof(float), &sums));
    h->sums = sums;
out:
    if (status != BA_OK) {
        ba_probe_hessian_free(h);
        h = NULL;
    }
    *out = h;
    return status;
}

void
ba_probe_hessian_free(ba_probe_hessian_t *hessian)
{
    if (hessian) {
        ba_free(hessian->panels);
        ba_free(hessian->blocks);
        ba_free(hessian->v);
        ba_free(hessian->sums);
        ba_free(hessian->sums_b);
        ba_free(hessian);
    }
}

/* q (rows x n_classes) becomes the Hessian of the loss by the logits times q. */
BA_CLONES static void
bend(const ba_probe_problem_t *problem, const float *curve, size_t row0, size_t rows,
    float *q)
{
    size_t n = problem->n, n_classes = problem->n_classes;
    float mean[BA_PANEL_ROWS] = {0};

    if (problem->kind == BA_PROBE_SOFTMAX) {
        for (size_t c = 0; c < n_classes; c++) {
            const float *p = curve + row0 + c * n;

            for (size_t i = 0; i < rows; i++) {
                mean[i] += p[i] * q[i + c * BA_PANEL_ROWS];
            }
        }
    }
    for (size_t c = 0; c < n_classes; c++) {
        const float *p = curve + row0 + c * n;
        const double *weight = problem->weight + row0;
        float *to = q + c * BA_PANEL_ROWS;

        if (problem->kind == BA_PROBE_SOFTMAX) {
            for (size_t i = 0; i < rows; i++) {
                to[i] = (float) weight[i] * p[i] * (to[i] - mean[i]);
            }
        } else {
            for (size_t i = 0; i < rows; i++) {
                to[i] *= p[i];
            }
        }
    }
}

static void
slab_hessian(ba_probe_hessian_t *h, const ba_probe_point_t *point, const double *vb,
    size_t slab, int thread)
{
    const ba_probe_problem_t *problem = h->problem;
    size_t a = h->a, n_classes = problem->n_classes;
    size_t stop = min_size((slab + 1) * problem->slab_rows, problem->n);
    float *panel = h->panels + (size_t) thread * PANEL;
    float *q = h->blocks + (size_t) thread * BA_PANEL_ROWS * n_classes;
    float *g = h->sums + slab * a * n_classes;
    double *gb = h->sums_b + slab * n_classes;

    memset(g, 0, a * n_classes * sizeof *g);
    memset(gb, 0, n_classes * sizeof *gb);
    for (size_t row0 = slab * problem->slab_rows; row0 < stop; row0 += BA_PANEL_ROWS) {
        size_t rows = min_size(BA_PANEL_ROWS, stop - row0);

        for (size_t k = 0; k < BA_PANEL_ROWS * n_classes; k++) {
            q[k] = (float) vb[k / BA_PANEL_ROWS];
        }
        rows_forward_f32(problem, point->cols, a, row0, rows, h->v, panel,
            ba_mat(q, rows, n_classes, BA_PANEL_ROWS));
        bend(problem, point->curve, row0, rows, q);
        for (size_t c = 0; c < n_classes; c++) {
            for (size_t i = 0; i < rows; i++) {
                gb[c] += (double) q[i + c * BA_PANEL_ROWS];
            }
        }
        rows_backward_f32(problem, point->cols, a, row0, rows,
            ba_cmat(q, rows, n_classes, BA_PANEL_ROWS), a <= BA_PANEL_COLS, panel, g);
    }
}

void
ba_probe_hessian_apply(ba_probe_hessian_t *hessian, const ba_probe_point_t *point,
    const double *v, const double *vb, double *h, double *hb)
{
    size_t n_classes = hessian->problem->n_classes, size = hessian->a * n_classes;
    size_t n_slabs = hessian->problem->n_slabs;
    int n_threads = ba_probe_threads(hessian->problem, 2 * hessian->problem->n * size);

    for (size_t k = 0; k < size; k++) {
        hessian->v[k] = (float) v[k];
    }
#pragma omp parallel for schedule(dynamic) num_threads(n_threads)
    for (size_t slab = 0; slab < n_slabs; slab++) {
        slab_hessian(hessian, point, vb, slab, omp_get_thread_num());
    }
    memset(h, 0, size * sizeof *h);
    memset(hb, 0, n_classes * sizeof *hb);
    for (size_t slab = 0; slab < n_slabs; slab++) {
        for (size_t k = 0; k < size; k++) {
            h[k] += (double) hessian->sums[k + slab * size];
        }
        for (size_t c = 0; c < n_classes; c++) {
            hb[c] += hessian->sums_b[c + slab * n_classes];
        }
    }
}
