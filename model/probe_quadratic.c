/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The l1-penalised quadratic that a probe's objective is near a point, over few free
 * weights: its Hessian made once, in float32 (a direction need not be exact, the gradient
 * is), its minimum by coordinate descent, which makes exact zeros, and by conjugate
 * gradients among what is not 0. With p the probabilities and rows of weight w, weights of
 * neuron j for class c and k for d:
 *
 *   H = sum_i w_i x_ij x_ik (p_ic [c = d] - p_ic p_id)
 *
 * Reference: Friedman, Hastie, Tibshirani 2010, J. Statistical Software 33(1), with the
 * curvature between classes kept. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/clones.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

#define CHUNK 1024 /* rows at a time */
#define TILE 192   /* of the Hessian */
#define ROUNDS 6
#define SWEEPS 40
#define EVERY 8 /* sweeps over all, between those over what is not 0 */
#define MOST_CG 200
#define CG_GOAL 1e-3 /* of the residual */
#define INNER 0.01   /* coordinate descent: of the distance to the optimum */

typedef struct {
    const ba_probe_problem_t *problem;
    const ba_probe_point_t *point;
    const size_t *list; /* n_free: index in weights */
    size_t n_free, m;   /* m = n_free + n_classes: biases last */
    float *hessian;     /* m x m */
    float *own;         /* the blocks of each class, one after the other */
    size_t *first;      /* n_classes + 1: free weights of each class */
    float *u, *v;       /* CHUNK x m */
    double *g, *x, *hd; /* m: gradient, minimum so far, H times the way there */
    double *r, *p, *hp;
} quadratic_t;

static void
quadratic_free(quadratic_t *q)
{
    ba_free(q->hessian);
    ba_free(q->own);
    ba_free(q->first);
    ba_free(q->u);
    ba_free(q->v);
    ba_free(q->g);
}

static int
quadratic_new(quadratic_t *q)
{
    size_t n_classes = q->problem->n_classes, own = 0, m = q->m;
    int status = BA_OK;

    BA_TRY_ALLOC(q->first, ba_calloc(n_classes + 1, sizeof *q->first));
    for (size_t k = 0; k < q->n_free; k++) {
        q->first[q->list[k] / q->point->a + 1]++;
    }
    for (size_t c = 0; c < n_classes; c++) {
        own += (q->first[c + 1] + 1) * (q->first[c + 1] + 1);
        q->first[c + 1] += q->first[c];
    }
    BA_TRY_ALLOC(q->hessian, ba_calloc(m, m * sizeof *q->hessian));
    BA_TRY_ALLOC(q->own, ba_calloc(own, sizeof *q->own));
    BA_TRY_ALLOC(q->u, ba_malloc(m, CHUNK * sizeof *q->u));
    BA_TRY_ALLOC(q->v, ba_malloc(m, CHUNK * sizeof *q->v));
    BA_TRY_ALLOC(q->g, ba_calloc(6, m * sizeof *q->g));
    q->x = q->g + m;
    q->hd = q->x + m;
    q->r = q->hd + m;
    q->p = q->r + m;
    q->hp = q->p + m;
out:
    return status;
}

/* Class of row or column k of the Hessian. */
static size_t
class_of(const quadratic_t *q, size_t k)
{
    return k < q->n_free ? q->list[k] / q->point->a : k - q->n_free;
}

/* Columns of a chunk of rows: x p sqrt(w), and x times the root of the class's own
 * curvature. */
BA_CLONES static void
fill(quadratic_t *q, size_t row0, size_t rows, size_t k)
{
    const ba_probe_problem_t *problem = q->problem;
    size_t c = class_of(q, k);
    const float *curve = q->point->curve + row0 + c * problem->n;
    const double *weight = problem->weight + row0;
    const float *x = NULL;
    float shift = 0, inverse = 1, *u = q->u + k * CHUNK, *v = q->v + k * CHUNK;

    if (k < q->n_free) {
        size_t j = q->point->cols[q->list[k] % q->point->a];

        x = problem->column[j] + row0;
        shift = (float) problem->shift[j];
        inverse = (float) problem->inverse[j];
    }
    for (size_t i = 0; i < rows; i++) {
        float at = x ? (x[i] - shift) * inverse : 1, root = sqrtf((float) weight[i]);

        if (problem->kind == BA_PROBE_SOFTMAX) {
            u[i] = at * root * curve[i];
            v[i] = at * root * sqrtf(fmaxf(curve[i] * (1 - curve[i]), 0));
        } else {
            v[i] = at * sqrtf(curve[i]);
        }
    }
}

/* -u'u of one tile, minus what stands there. */
static void
add_tile(quadratic_t *q, size_t rows, size_t i0, size_t j0)
{
    size_t m = q->m, ni = m - i0 < TILE ? m - i0 : TILE;
    size_t nj = m - j0 < TILE ? m - j0 : TILE;

    ba_gemm_f32(-1, BA_TRANSPOSE, ba_cmat(q->u + i0 * CHUNK, rows, ni, CHUNK), BA_KEEP,
        ba_cmat(q->u + j0 * CHUNK, rows, nj, CHUNK), 1,
        ba_mat(q->hessian + i0 + j0 * m, ni, nj, m));
}

/* Where the block of a class starts in `own`; its last row and column are the bias's. */
static size_t
own_start(const quadratic_t *q, size_t c)
{
    size_t at = 0;

    for (size_t d = 0; d < c; d++) {
        size_t n = q->first[d + 1] - q->first[d] + 1;

        at += n * n;
    }
    return at;
}

static void
add_own(quadratic_t *q, size_t rows, size_t c)
{
    size_t n = q->first[c + 1] - q->first[c];
    float *own = q->own + own_start(q, c);
    ba_cmat_t v = ba_cmat(q->v + q->first[c] * CHUNK, rows, n, CHUNK);
    ba_cmat_t bias = ba_cmat(q->v + (q->n_free + c) * CHUNK, rows, 1, CHUNK);

    ba_gemm_f32(1, BA_TRANSPOSE, v, BA_KEEP, v, 1, ba_mat(own, n, n, n + 1));
    ba_gemm_f32(
        1, BA_TRANSPOSE, v, BA_KEEP, bias, 1, ba_mat(own + n * (n + 1), n, 1, n + 1));
    ba_gemm_f32(1, BA_TRANSPOSE, bias, BA_KEEP, v, 1, ba_mat(own + n, 1, n, n + 1));
    ba_gemm_f32(1, BA_TRANSPOSE, bias, BA_KEEP, bias, 1,
        ba_mat(own + n + n * (n + 1), 1, 1, n + 1));
}

static void
put_own(quadratic_t *q, size_t c)
{
    size_t n = q->first[c + 1] - q->first[c], m = q->m;
    const float *own = q->own + own_start(q, c);

    for (size_t j = 0; j <= n; j++) {
        size_t column = j < n ? q->first[c] + j : q->n_free + c;

        for (size_t i = 0; i <= n; i++) {
            size_t row = i < n ? q->first[c] + i : q->n_free + c;

            q->hessian[row + column * m] = own[i + j * (n + 1)];
        }
    }
}

/* The Hessian of the loss. Chunks of rows come one after the other and tiles are made by
 * one thread each, so the bits do not depend on their number. */
static void
make_hessian(quadratic_t *q)
{
    const ba_probe_problem_t *problem = q->problem;
    size_t m = q->m, side = (m + TILE - 1) / TILE, n_classes = problem->n_classes;
    int n_threads = ba_probe_threads(problem, problem->n * m * m);

    for (size_t row0 = 0; row0 < problem->n; row0 += CHUNK) {
        size_t rows = problem->n - row0 < CHUNK ? problem->n - row0 : CHUNK;

#pragma omp parallel num_threads(n_threads)
        {
#pragma omp for schedule(static)
            for (size_t k = 0; k < m; k++) {
                fill(q, row0, rows, k);
            }
#pragma omp for schedule(dynamic)
            for (size_t c = 0; c < n_classes; c++) {
                add_own(q, rows, c);
            }
#pragma omp for schedule(dynamic)
            for (size_t t = 0; t < side * side; t++) {
                if (problem->kind == BA_PROBE_SOFTMAX && t / side <= t % side) {
                    add_tile(q, rows, t % side * TILE, t / side * TILE);
                }
            }
        }
    }
    for (size_t j = 0; j < m; j++) {
        for (size_t i = 0; i < j; i++) {
            q->hessian[i + j * m] = q->hessian[j + i * m];
        }
    }
    for (size_t c = 0; c < n_classes; c++) {
        put_own(q, c);
    }
}

/* Gradient and curvature of the l2 penalty. */
static void
add_penalty(quadratic_t *q)
{
    const ba_probe_problem_t *problem = q->problem;
    size_t n_groups = ba_probe_n_groups(problem), m = q->m;
    size_t size = q->point->a * problem->n_classes / n_groups;

    for (size_t k = 0; k < q->n_free; k++) {
        size_t group = q->list[k] / size;
        const double *w = q->point->w + group * size;
        double norm = 1, cube = 0, at = q->point->w[q->list[k]];

        if (problem->penalty == BA_PENALTY_NEUROX) {
            norm = 0;
            for (size_t i = 0; i < size; i++) {
                norm += w[i] * w[i];
            }
            norm = sqrt(norm);
            cube = norm * norm * norm;
        }
        if (norm <= 0) {
            continue;
        }
        q->g[k] += problem->l2 * at / norm;
        q->hessian[k + k * m] += (float) (problem->l2 / norm);
        for (size_t i = 0; i < q->n_free && cube > 0; i++) {
            if (q->list[i] / size == group) {
                q->hessian[i + k * m] -=
                    (float) (problem->l2 * at * q->point->w[q->list[i]] / cube);
            }
        }
    }
}

BA_CLONES static void
add_column(const float *h, double step, size_t m, double *hd)
{
    for (size_t i = 0; i < m; i++) {
        hd[i] += step * (double) h[i];
    }
}

/* One coordinate to its minimum; returns how far its derivative was off. */
static double
descend(quadratic_t *q, size_t k)
{
    double h = (double) q->hessian[k + k * q->m], to, step;

    if (!(h > 1e-14)) {
        return 0;
    }
    to = q->x[k] - (q->g[k] + q->hd[k]) / h;
    if (k < q->n_free) {
        double threshold = q->problem->l1 / h;

        to = to > threshold ? to - threshold : to < -threshold ? to + threshold : 0;
    }
    step = to - q->x[k];
    if (fabs(step) > 0) {
        q->x[k] = to;
        add_column(q->hessian + k * q->m, step, q->m, q->hd);
    }
    return fabs(step) * h;
}

static double
sweep_coordinates(quadratic_t *q, double goal)
{
    double most = 0;

    for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
        int is_whole = sweep % EVERY == 0;

        most = 0;
        for (size_t k = 0; k < q->m; k++) {
            if (is_whole || k >= q->n_free || fabs(q->x[k]) > 0) {
                most = fmax(most, descend(q, k));
            }
        }
        if (most <= goal && is_whole) {
            break;
        }
        if (most <= goal) {
            sweep += EVERY - 1 - sweep % EVERY;
        }
    }
    return most;
}

static int
is_used(const quadratic_t *q, size_t k)
{
    return k >= q->n_free || fabs(q->x[k]) > 0;
}

/* hp = H p. */
static void
multiply(quadratic_t *q)
{
    memset(q->hp, 0, q->m * sizeof *q->hp);
    for (size_t k = 0; k < q->m; k++) {
        if (fabs(q->p[k]) > 0) {
            add_column(q->hessian + k * q->m, q->p[k], q->m, q->hp);
        }
    }
}

/* Residual of the used part into r, its preconditioned square returned. */
static double
residual(quadratic_t *q)
{
    double rho = 0;

    for (size_t k = 0; k < q->m; k++) {
        double sign = k >= q->n_free ? 0 : q->x[k] > 0 ? 1 : -1;
        double h = (double) q->hessian[k + k * q->m];

        q->r[k] = is_used(q, k) && h > 1e-14
                      ? -(q->g[k] + q->hd[k] + q->problem->l1 * sign)
                      : 0;
        rho += h > 1e-14 ? q->r[k] * q->r[k] / h : 0;
    }
    return rho;
}

/* The longest step along p up to `length` that changes no sign. */
static double
stay(const quadratic_t *q, double length)
{
    for (size_t k = 0; k < q->n_free; k++) {
        if (q->x[k] * q->p[k] < 0 && fabs(q->x[k]) < length * fabs(q->p[k])) {
            length = fabs(q->x[k] / q->p[k]);
        }
    }
    return length;
}

/* Conjugate gradients among what is not 0, up to the first sign that would change. */
static void
polish(quadratic_t *q)
{
    double rho = residual(q), goal = rho * CG_GOAL * CG_GOAL, last = 0;

    for (size_t step = 0; step < MOST_CG && rho > goal; step++) {
        double bend = 0, length, allowed;

        for (size_t k = 0; k < q->m; k++) {
            double h = (double) q->hessian[k + k * q->m];

            q->p[k] =
                (h > 1e-14 ? q->r[k] / h : 0) + (step > 0 ? rho / last * q->p[k] : 0);
        }
        multiply(q);
        for (size_t k = 0; k < q->m; k++) {
            bend += q->p[k] * q->hp[k];
        }
        if (!(bend > 0)) {
            return;
        }
        length = rho / bend;
        allowed = stay(q, length);
        for (size_t k = 0; k < q->m; k++) {
            q->x[k] += allowed * q->p[k];
            q->hd[k] += allowed * q->hp[k];
        }
        if (allowed < length) {
            return;
        }
        last = rho;
        rho = residual(q);
    }
}

int
ba_probe_quadratic(const ba_probe_problem_t *problem, const ba_probe_point_t *point,
    const size_t *list, size_t n_free, double kkt, double *x)
{
    quadratic_t q = {.problem = problem,
        .point = point,
        .list = list,
        .n_free = n_free,
        .m = n_free + problem->n_classes};
    int status;

    BA_TRY(quadratic_new(&q));
    make_hessian(&q);
    for (size_t k = 0; k < n_free; k++) {
        q.g[k] = point->g[list[k]];
        q.x[k] = point->w[list[k]];
    }
    add_penalty(&q);
    for (size_t c = 0; c < problem->n_classes; c++) {
        q.x[n_free + c] = point->b[c];
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        double most = sweep_coordinates(&q, INNER * kkt);

        polish(&q);
        if (most <= INNER * kkt) {
            break;
        }
    }
    memcpy(x, q.x, q.m * sizeof *x);
out:
    quadratic_free(&q);
    return status;
}
