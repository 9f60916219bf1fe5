/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minimises a probe's objective over a working set of neurons. Within the orthant of its
 * signs the objective is smooth; a step
 *
 *   1. takes as free what is not 0 and what wants to leave 0,
 *   2. solves H d = -v there by conjugate gradients with a diagonal preconditioner (v =
 *      least element of the subdifferential, float64; products with the Hessian in
 *      float32: a rough d is as good, v is exact),
 *   3. cuts w + d off at the borders of the orthant, which makes exact zeros, and goes
 *      along the segment from w to there until the objective falls.
 *
 * Where that fails, or where a whole group stands at 0, whose norm has no Hessian, it is a
 * step of the proximal gradient instead, which always falls. Near the optimum the signs
 * stand still and the steps are Newton's. Compare Byrd, Chin, Nocedal, Oztoprak 2016,
 * Mathematical Programming 159:435. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

#define ENOUGH 1e-4     /* share of the predicted fall that a step must give */
#define ROUNDING 4e-16  /* of the objective, times a few */
#define MOST_HALVINGS 3 /* of a Newton step: shorter ones are not worth it */
#define MOST_STALLS 2   /* walks that bring nothing but rounding */
#define FIRST_WALK 20   /* proximal steps, twice as many each time */
#define MOST_CG 150
#define MOST_FREE 4096 /* weights whose Hessian is made */
#define ROUGH 0.1      /* relative residual of conjugate gradients far from the optimum */
#define FINE 1e-4      /* and close to it: what float32 products allow */

typedef struct {
    const ba_probe_problem_t *problem;
    ba_probe_point_t *point;
    ba_probe_hessian_t *hessian;
    size_t size; /* a x n_classes */
    double *v;   /* size: least subgradient */
    /* size + n_classes each: weights and biases */
    double *d, *residual, *direction, *product, *diagonal;
    double *trial; /* size + n_classes */
    double *z;     /* n x n_classes: logits of the trial */
    unsigned char *is_free;
    double curvature; /* of the proximal step, 0 = not known */
    double first_kkt;
} work_t;

static void
work_free(work_t *work)
{
    ba_probe_hessian_free(work->hessian);
    ba_free(work->v);
    ba_free(work->d);
    ba_free(work->z);
    ba_free(work->is_free);
}

static int
work_new(const ba_probe_problem_t *problem, ba_probe_point_t *point, work_t *work)
{
    size_t size = point->a * problem->n_classes, all = size + problem->n_classes;
    int status = BA_OK;

    *work = (work_t){.problem = problem, .point = point, .size = size};
    BA_TRY_ALLOC(work->v, ba_calloc(size, sizeof *work->v));
    BA_TRY_ALLOC(work->d, ba_calloc(6, all * sizeof *work->d));
    work->residual = work->d + all;
    work->direction = work->residual + all;
    work->product = work->direction + all;
    work->diagonal = work->product + all;
    work->trial = work->diagonal + all;
    BA_TRY_ALLOC(work->z, ba_malloc(problem->n, problem->n_classes * sizeof *work->z));
    BA_TRY_ALLOC(work->is_free, ba_malloc(size, 1));
    BA_TRY(ba_probe_hessian_new(problem, point->a, &work->hessian));
out:
    return status;
}

static double
dot(const double *x, const double *y, size_t n)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        sum += x[k] * y[k];
    }
    return sum;
}

/* Residuals and gradient at the point. */
static int
look(work_t *work)
{
    ba_probe_point_t *point = work->point;
    int status = BA_OK;

    BA_TRY(ba_probe_residual(work->problem, point, BA_PROBE_BALANCED));
    BA_TRY(ba_probe_backward(work->problem, point->cols, point->a, point->r, point->g));
out:
    return status;
}

/* h += the curvature of the l2 penalty times v, over free weights; the rest becomes 0. */
static void
add_penalty_curvature(const work_t *work, const double *v, double *h)
{
    const ba_probe_problem_t *problem = work->problem;
    size_t n_groups = ba_probe_n_groups(problem), size = work->size / n_groups;
    double l2 = problem->l2;

    for (size_t group = 0; group < n_groups; group++) {
        const double *w = work->point->w + group * size;
        const double *vg = v + group * size;
        double *hg = h + group * size, norm = 1, along = 0;

        if (problem->penalty == BA_PENALTY_NEUROX && l2 > 0) {
            norm = sqrt(dot(w, w, size));
            along = norm > 0 ? dot(w, vg, size) / (norm * norm) : 0;
        }
        for (size_t k = 0; k < size; k++) {
            double more = norm > 0 ? l2 * (vg[k] - along * w[k]) / norm : 0;

            hg[k] = work->is_free[group * size + k] ? hg[k] + more : 0;
        }
    }
}

static void
apply(work_t *work, const double *v, double *h)
{
    ba_probe_hessian_apply(
        work->hessian, work->point, v, v + work->size, h, h + work->size);
    add_penalty_curvature(work, v, h);
}

/* About the diagonal of the Hessian: neurons count as independent of the residuals. */
static void
set_diagonal(work_t *work)
{
    const ba_probe_problem_t *problem = work->problem;
    const ba_probe_point_t *point = work->point;
    size_t n = problem->n, a = point->a;
    int is_root = problem->penalty == BA_PENALTY_NEUROX;
    double all = sqrt(dot(point->w, point->w, work->size));

    for (size_t c = 0; c < problem->n_classes; c++) {
        const float *curve = point->curve + c * n;
        double bend = 0, norm = all, *to = work->diagonal + c * a;

        for (size_t i = 0; i < n; i++) {
            double p = (double) curve[i];

            bend +=
                problem->kind == BA_PROBE_SOFTMAX ? problem->weight[i] * p * (1 - p) : p;
        }
        bend = fmax(bend, 1e-12);
        if (ba_probe_n_groups(problem) > 1) {
            norm = sqrt(dot(point->w + c * a, point->w + c * a, a));
        }
        norm = is_root && norm > 0 ? norm : 1;
        for (size_t k = 0; k < a; k++) {
            to[k] =
                bend * fmax(problem->moment[point->cols[k]], 1e-12) + problem->l2 / norm;
        }
        work->diagonal[work->size + c] = bend;
    }
}

/* d = about -H^-1 v over what is free. */
static void
conjugate_gradients(work_t *work, double tolerance)
{
    size_t all = work->size + work->problem->n_classes;
    double *r = work->residual, *p = work->direction, *h = work->product;
    double rho = 0, last, norm, goal;

    memset(work->d, 0, all * sizeof *work->d);
    for (size_t k = 0; k < all; k++) {
        r[k] = k < work->size && work->is_free[k] ? -work->v[k] : 0;
        p[k] = r[k] / work->diagonal[k];
        rho += r[k] * p[k];
    }
    goal = tolerance * tolerance * rho;
    for (size_t step = 0; step < MOST_CG && rho > goal; step++) {
        double bend, length;

        apply(work, p, h);
        bend = dot(p, h, all);
        if (!(bend > 0)) {
            return;
        }
        length = rho / bend;
        last = rho;
        rho = 0;
        for (size_t k = 0; k < all; k++) {
            work->d[k] += length * p[k];
            r[k] -= length * h[k];
            rho += r[k] * r[k] / work->diagonal[k];
        }
        norm = rho / last;
        for (size_t k = 0; k < all; k++) {
            p[k] = r[k] / work->diagonal[k] + norm * p[k];
        }
    }
}

/* w + d cut off at the orthant's borders, into trial; returns the slope along the way
 * there. */
static double
cut_off(work_t *work)
{
    const double *w = work->point->w;
    double slope = 0;

    for (size_t k = 0; k < work->size; k++) {
        double to = w[k] + work->d[k];
        double sign = w[k] > 0 || (w[k] >= 0 && work->v[k] < 0) ? 1 : -1;

        work->trial[k] = work->is_free[k] && to * sign > 0 ? to : 0;
        slope += work->v[k] * (work->trial[k] - w[k]);
    }
    for (size_t c = 0; c < work->problem->n_classes; c++) {
        work->trial[work->size + c] = work->point->b[c] + work->d[work->size + c];
    }
    return slope;
}

/* Moves the point the share t of the way to the trial. */
static void
move(work_t *work, double t)
{
    ba_probe_point_t *point = work->point;
    size_t n = work->problem->n * work->problem->n_classes;

    if (t >= 1) {
        memcpy(point->w, work->trial, work->size * sizeof *point->w);
        memcpy(point->z, work->z, n * sizeof *point->z);
    } else {
        for (size_t k = 0; k < work->size; k++) {
            point->w[k] += t * (work->trial[k] - point->w[k]);
        }
        for (size_t k = 0; k < n; k++) {
            point->z[k] += t * (work->z[k] - point->z[k]);
        }
    }
    for (size_t c = 0; c < work->problem->n_classes; c++) {
        point->b[c] += t * (work->trial[work->size + c] - point->b[c]);
    }
}

/* Objective the share t of the way to the trial; `z` and `w` are scratch. */
static double
objective_at(work_t *work, double t, double *w, double *z)
{
    const ba_probe_point_t *point = work->point;
    size_t n = work->problem->n * work->problem->n_classes;

    if (t >= 1) {
        return ba_probe_loss(work->problem, work->z) +
               ba_probe_penalty(work->problem, work->trial, point->a);
    }
    for (size_t k = 0; k < work->size; k++) {
        w[k] = point->w[k] + t * (work->trial[k] - point->w[k]);
    }
    for (size_t k = 0; k < n; k++) {
        z[k] = point->z[k] + t * (work->z[k] - point->z[k]);
    }
    return ba_probe_loss(work->problem, z) + ba_probe_penalty(work->problem, w, point->a);
}

/* The minimum of the penalised quadratic over free weights, into trial; returns the fall
 * of the objective that the gradient promises on the way there (below 0). */
static int
quadratic_goal(work_t *work, size_t n_free, double kkt, double *slope)
{
    const ba_probe_problem_t *problem = work->problem;
    const ba_probe_point_t *point = work->point;
    size_t *list, n = 0;
    double *x = work->direction, before;
    int status = BA_OK;

    BA_TRY_ALLOC(list, ba_malloc(n_free, sizeof *list));
    for (size_t k = 0; k < work->size; k++) {
        if (work->is_free[k]) {
            list[n++] = k;
        }
    }
    BA_TRY(ba_probe_quadratic(problem, point, list, n_free, kkt, x));
    memset(work->trial, 0, work->size * sizeof *work->trial);
    before = ba_probe_penalty(problem, point->w, point->a);
    *slope = 0;
    for (size_t k = 0; k < n_free; k++) {
        work->trial[list[k]] = x[k];
        *slope += point->g[list[k]] * (x[k] - point->w[list[k]]);
    }
    memcpy(work->trial + work->size, x + n_free, problem->n_classes * sizeof *x);
    *slope += ba_probe_penalty(problem, work->trial, point->a) - before;
out:
    ba_free(list);
    return status;
}

/* *moved = 0 where no step along the segment falls enough. The residuals are made anew
 * after every step: they serve as scratch. */
static int
newton_step(work_t *work, double kkt, int *moved)
{
    ba_probe_point_t *point = work->point;
    double before = ba_probe_objective(work->problem, point), slope, t = 1;
    double tolerance = fmin(ROUGH, fmax(FINE, sqrt(kkt / work->first_kkt)));
    size_t n_free = 0;
    int status = BA_OK;

    *moved = 0;
    for (size_t k = 0; k < work->size; k++) {
        work->is_free[k] = fabs(point->w[k]) > 0 || fabs(work->v[k]) > 0;
        n_free += work->is_free[k];
    }
    if (n_free <= MOST_FREE && work->problem->l1 > 0) {
        BA_TRY(quadratic_goal(work, n_free, kkt, &slope));
    } else {
        set_diagonal(work);
        conjugate_gradients(work, tolerance);
        slope = cut_off(work);
    }
    if (!(slope < 0)) {
        return BA_OK;
    }
    ba_probe_forward(work->problem, point->cols, point->a, work->trial,
        work->trial + work->size, work->z);
    for (size_t i = 0; i < MOST_HALVINGS; i++, t /= 2) {
        double after = objective_at(work, t, work->direction, point->r);

        if (after <= before + ENOUGH * t * slope + ROUNDING * (1 + fabs(before))) {
            move(work, t);
            *moved = 1;
            break;
        }
    }
out:
    return status;
}

/* The curvature of the loss along the gradient: where the search for a step starts. */
static double
curvature_along(work_t *work)
{
    const ba_probe_point_t *point = work->point;
    double squares = dot(point->g, point->g, work->size), bend;

    memcpy(work->direction, point->g, work->size * sizeof *point->g);
    memset(work->direction + work->size, 0,
        work->problem->n_classes * sizeof *work->direction);
    ba_probe_hessian_apply(work->hessian, point, work->direction,
        work->direction + work->size, work->product, work->product + work->size);
    bend = dot(work->product, point->g, work->size);
    return squares > 0 && bend > 0 ? bend / squares : 1;
}

/* Whether a group stands at 0 whose norm wants it to leave. */
static int
has_stuck_group(const work_t *work, double largest)
{
    double most = 0;

    if (work->problem->penalty != BA_PENALTY_NEUROX || work->problem->l2 <= 0) {
        return 0;
    }
    for (size_t k = 0; k < work->size; k++) {
        most = fmax(most, fabs(work->v[k]));
    }
    return largest > most;
}

/* Whether the objective is below what it was by more than rounding. */
static int
falls(const work_t *work, double before)
{
    double after = ba_probe_loss(work->problem, work->point->z) +
                   ba_probe_penalty(work->problem, work->point->w, work->point->a);

    return after < before - ROUNDING * (1 + fabs(before));
}

int
ba_probe_minimise(const ba_probe_problem_t *problem, ba_probe_point_t *point, double gap,
    double kkt, size_t max_iterations, size_t *n_iterations)
{
    work_t work;
    size_t walk = FIRST_WALK, n_stalls = 0;
    int status, is_new = problem->l1 > 0;

    BA_TRY(work_new(problem, point, &work));
    for (;;) {
        double largest;
        int moved = 0;

        BA_TRY(ba_ctx_check(problem->ctx));
        BA_TRY(look(&work));
        largest = ba_probe_subgradient(problem, point->w, point->g, point->a, work.v);
        work.first_kkt = fmax(work.first_kkt, largest);
        if (*n_iterations >= max_iterations || n_stalls > MOST_STALLS || largest <= 0 ||
            (largest <= kkt && (!isfinite(gap) || ba_probe_gap(problem, point) <= gap))) {
            break;
        }
        if (!is_new && !has_stuck_group(&work, largest)) {
            BA_TRY(newton_step(&work, largest, &moved));
        }
        if (!moved) {
            double before = ba_probe_objective(problem, point);
            size_t left = max_iterations - *n_iterations;

            if (work.curvature <= 0) {
                BA_TRY(look(&work));
                work.curvature = curvature_along(&work);
            }
            BA_TRY(ba_probe_fista(problem, point, walk < left ? walk : left,
                &work.curvature, n_iterations));
            walk += walk;
            n_stalls = is_new || falls(&work, before) ? 0 : n_stalls + 1;
        }
        is_new = 0;
        (*n_iterations)++;
    }
out:
    work_free(&work);
    return status;
}
