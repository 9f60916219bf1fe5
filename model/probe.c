/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elastic-net probes solved to their optimum: a working set of neurons grows by those
 * whose gradient at the optimum over the set is above l1, until the duality gap over all
 * neurons, in float64, is small. Most neurons never enter, and cost one product per
 * round. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/probe_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Neurons taken in at a time at least; sets up to SMALL are taken whole. */
#define FIRST_SET 128
#define SMALL 384

/* A working set is solved so much better than all neurons were known. */
#define AHEAD 0.1

/* A set that holds every neuron it needs is solved anew with goals up to so much smaller;
 * beyond that it is rounding that stands in the way. */
#define STRICTEST 1e-3

typedef struct {
    double violation;
    size_t neuron;
} candidate_t;

ba_probe_opts_t
ba_probe_opts_default(void)
{
    return (ba_probe_opts_t){.kind = BA_PROBE_SOFTMAX,
        .penalty = BA_PENALTY_NEUROX,
        .l1 = 1e-3,
        .l2 = 1e-3,
        .gap = 1e-6,
        .kkt = (double) INFINITY,
        .max_iterations = 500};
}

int
ba_probe_point_new(const ba_probe_problem_t *problem, size_t a, ba_probe_point_t *point)
{
    size_t n_classes = problem->n_classes, rows = problem->n * n_classes;
    int status = BA_OK;

    *point = (ba_probe_point_t){.a = a};
    BA_TRY_ALLOC(point->cols, ba_calloc(a, sizeof *point->cols));
    BA_TRY_ALLOC(point->w, ba_calloc(a, n_classes * sizeof *point->w));
    BA_TRY_ALLOC(point->g, ba_calloc(a, n_classes * sizeof *point->g));
    BA_TRY_ALLOC(point->b, ba_calloc(n_classes, sizeof *point->b));
    BA_TRY_ALLOC(point->s, ba_calloc(n_classes, sizeof *point->s));
    BA_TRY_ALLOC(point->z, ba_calloc(rows, sizeof *point->z));
    BA_TRY_ALLOC(point->r, ba_calloc(rows, sizeof *point->r));
    BA_TRY_ALLOC(point->curve, ba_calloc(rows, sizeof *point->curve));
out:
    if (status != BA_OK) {
        ba_probe_point_free(point);
    }
    return status;
}

void
ba_probe_point_free(ba_probe_point_t *point)
{
    ba_free(point->cols);
    ba_free(point->w);
    ba_free(point->g);
    ba_free(point->b);
    ba_free(point->s);
    ba_free(point->z);
    ba_free(point->r);
    ba_free(point->curve);
    *point = (ba_probe_point_t){.a = 0};
}

/* All neurons' weights, and the point of the working set. */
typedef struct {
    const ba_probe_problem_t *problem;
    const ba_probe_opts_t *opts;
    ba_probe_point_t all; /* all neurons; its z, r and curve are those of the point */
    ba_probe_point_t set;
    unsigned char *is_in;
    candidate_t *candidates;
    double *v;
    double gap, kkt;
    size_t n_iterations;
} solver_t;

static void
solver_free(solver_t *solver)
{
    ba_probe_point_free(&solver->all);
    ba_probe_point_free(&solver->set);
    ba_free(solver->is_in);
    ba_free(solver->candidates);
    ba_free(solver->v);
}

static int
solver_new(const ba_probe_problem_t *problem, const ba_probe_opts_t *opts,
    const ba_probe_t *start, solver_t *solver)
{
    size_t p = problem->p, size = p * problem->n_classes;
    int status = BA_OK;

    *solver = (solver_t){.problem = problem, .opts = opts};
    BA_TRY(ba_probe_point_new(problem, p, &solver->all));
    BA_TRY_ALLOC(solver->is_in, ba_calloc(p, 1));
    BA_TRY_ALLOC(solver->candidates, ba_calloc(p, sizeof *solver->candidates));
    BA_TRY_ALLOC(solver->v, ba_malloc(size, sizeof *solver->v));
    for (size_t j = 0; j < p; j++) {
        solver->all.cols[j] = j;
    }
    if (start) {
        memcpy(solver->all.w, start->weights, size * sizeof *start->weights);
        memcpy(solver->all.b, start->bias, problem->n_classes * sizeof *start->bias);
    }
    for (size_t k = 0; k < size; k++) {
        solver->is_in[k % p] |= fabs(solver->all.w[k]) > 0;
    }
out:
    return status;
}

static int
compare_candidates(const void *a, const void *b)
{
    const candidate_t *x = a, *y = b;

    if (x->violation > y->violation || x->violation < y->violation) {
        return x->violation > y->violation ? -1 : 1;
    }
    return x->neuron < y->neuron ? -1 : x->neuron > y->neuron;
}

/* Takes the neurons outside whose gradient is farthest above l1. */
static size_t
grow(solver_t *solver)
{
    const ba_probe_problem_t *problem = solver->problem;
    size_t p = problem->p, n = 0, most, n_in = 0;

    for (size_t j = 0; j < p; j++) {
        double largest = 0;

        n_in += solver->is_in[j];
        for (size_t c = 0; c < problem->n_classes && !solver->is_in[j]; c++) {
            largest = fmax(largest, fabs(solver->all.g[j + c * p]));
        }
        if (largest > problem->l1) {
            solver->candidates[n++] = (candidate_t){largest, j};
        }
    }
    qsort(solver->candidates, n, sizeof *solver->candidates, compare_candidates);
    most = n_in > FIRST_SET ? n_in : FIRST_SET;
    if (p <= SMALL || problem->l1 <= 0) {
        most = n;
    }
    n = n < most ? n : most;
    for (size_t i = 0; i < n; i++) {
        solver->is_in[solver->candidates[i].neuron] = 1;
    }
    return n;
}

/* Weights between all neurons and the working set. */
static void
copy_weights(solver_t *solver, int to_set)
{
    size_t p = solver->problem->p, a = solver->set.a;

    for (size_t c = 0; c < solver->problem->n_classes; c++) {
        for (size_t k = 0; k < a; k++) {
            double *all = &solver->all.w[solver->set.cols[k] + c * p];
            double *set = &solver->set.w[k + c * a];

            if (to_set) {
                *set = *all;
            } else {
                *all = *set;
            }
        }
    }
}

/* A point of the working set as it is now, its logits made. */
static int
open_set(solver_t *solver)
{
    const ba_probe_problem_t *problem = solver->problem;
    ba_probe_point_t *set = &solver->set;
    size_t a = 0;
    int status = BA_OK;

    for (size_t j = 0; j < problem->p; j++) {
        a += solver->is_in[j];
    }
    ba_probe_point_free(set);
    BA_TRY(ba_probe_point_new(problem, a, set));
    a = 0;
    for (size_t j = 0; j < problem->p; j++) {
        if (solver->is_in[j]) {
            set->cols[a++] = j;
        }
    }
    copy_weights(solver, 1);
    memcpy(set->b, solver->all.b, problem->n_classes * sizeof *set->b);
    ba_probe_forward(problem, set->cols, set->a, set->w, set->b, set->z);
out:
    return status;
}

/* Gap and kkt over all neurons, from the logits of the working set. */
static int
certify(solver_t *solver)
{
    const ba_probe_problem_t *problem = solver->problem;
    ba_probe_point_t *all = &solver->all;
    size_t n_classes = problem->n_classes;
    int status = BA_OK;

    copy_weights(solver, 0);
    memcpy(all->b, solver->set.b, n_classes * sizeof *all->b);
    memcpy(all->z, solver->set.z, problem->n * n_classes * sizeof *all->z);
    BA_TRY(ba_probe_residual(problem, all, BA_PROBE_BALANCED));
    BA_TRY(ba_probe_backward(problem, all->cols, all->a, all->r, all->g));
    solver->gap = ba_probe_gap(problem, all);
    solver->kkt = ba_probe_subgradient(problem, all->w, all->g, all->a, solver->v);
out:
    return status;
}

static int
is_done(const solver_t *solver)
{
    double objective = ba_probe_objective(solver->problem, &solver->all);

    return solver->kkt <= solver->opts->kkt &&
           (!isfinite(solver->opts->gap) || solver->gap <= solver->opts->gap * objective);
}

/* How well the working set is to be solved next: while neurons keep coming in, only so
 * much better than all of them were known. */
static void
set_goals(solver_t *solver, double *strict, double *gap, double *kkt)
{
    const ba_probe_opts_t *opts = solver->opts;
    size_t n_new = grow(solver), n_in = 0;

    for (size_t j = 0; j < solver->problem->p; j++) {
        n_in += solver->is_in[j];
    }
    *gap = opts->gap * ba_probe_objective(solver->problem, &solver->all) / 2;
    *kkt = opts->kkt;
    if (n_new > 0 && n_in < solver->problem->p) {
        *gap = fmax(*gap, AHEAD * solver->gap);
        *kkt = fmax(*kkt, AHEAD * solver->kkt);
    } else if (n_new == 0) {
        *gap *= *strict;
        *kkt *= *strict;
        *strict *= AHEAD;
    }
}

static int
solve(solver_t *solver)
{
    const ba_probe_opts_t *opts = solver->opts;
    double strict = 1, gap, kkt;
    int status;

    BA_TRY(open_set(solver));
    BA_TRY(certify(solver));
    while (!is_done(solver) && strict > STRICTEST &&
           solver->n_iterations < opts->max_iterations) {
        set_goals(solver, &strict, &gap, &kkt);
        BA_TRY(open_set(solver));
        BA_TRY(ba_probe_minimise(solver->problem, &solver->set, gap, kkt,
            opts->max_iterations, &solver->n_iterations));
        BA_TRY(certify(solver));
    }
out:
    return status;
}

/* bias of logits by (x - center) / scale from one of (x - shift) / scale, or back. */
static void
move_bias(
    const ba_probe_problem_t *problem, const ba_probe_t *probe, double sign, double *bias)
{
    size_t p = probe->n_neurons;

    for (size_t c = 0; c < probe->n_classes; c++) {
        for (size_t j = 0; j < p; j++) {
            bias[c] += sign * (probe->center[j] - problem->shift[j]) *
                       problem->inverse[j] * probe->weights[j + c * p];
        }
    }
}

static int
check_options(const ba_probe_opts_t *opts)
{
    if (!(opts->l1 >= 0 && isfinite(opts->l1)) ||
        !(opts->l2 >= 0 && isfinite(opts->l2))) {
        return ba_fail(BA_VALUE, "probe: penalties l1 = %g and l2 = %g, wanted 0 or more",
            opts->l1, opts->l2);
    }
    if (!(opts->gap > 0) || !(opts->kkt > 0)) {
        return ba_fail(BA_VALUE,
            "probe: tolerances gap = %g and kkt = %g, wanted above 0", opts->gap,
            opts->kkt);
    }
    return BA_OK;
}

static int
check_start(const ba_probe_data_t *data, const ba_probe_t *start)
{
    if (start &&
        (start->n_neurons != data->n_neurons || start->n_classes != data->n_classes)) {
        return ba_fail(BA_SHAPE,
            "probe: a start of %zu neurons and %zu classes, wanted %zu and %zu",
            start->n_neurons, start->n_classes, data->n_neurons, data->n_classes);
    }
    return BA_OK;
}

int
ba_probe_solve(ba_probe_problem_t *problem, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_t *start, ba_probe_t **out)
{
    ba_probe_opts_t wanted = *opts;
    ba_probe_t *probe = NULL;
    solver_t solver = {.gap = 0};
    size_t size = problem->p * problem->n_classes;
    int status = BA_OK;

    problem->penalty = opts->penalty;
    problem->l1 = opts->l1;
    problem->l2 = opts->l2;
    if (opts->l1 <= 0 && opts->l2 <= 0) {
        wanted.gap = (double) INFINITY;
        wanted.kkt = fmin(opts->kkt, 1e-6);
    }
    BA_TRY(solver_new(problem, &wanted, start, &solver));
    BA_TRY(ba_probe_new(data, problem->kind, &probe));
    if (start) {
        memcpy(probe->weights, start->weights, size * sizeof *probe->weights);
        move_bias(problem, probe, -1, solver.all.b);
    }
    BA_TRY(solve(&solver));
    memcpy(probe->weights, solver.all.w, size * sizeof *probe->weights);
    memcpy(probe->bias, solver.all.b, problem->n_classes * sizeof *probe->bias);
    move_bias(problem, probe, 1, probe->bias);
    ba_probe_center_bias(probe);
    probe->objective = ba_probe_objective(problem, &solver.all);
    probe->loss = solver.all.loss;
    probe->gap = solver.gap;
    probe->kkt = solver.kkt;
    probe->n_iterations = solver.n_iterations;
    probe->is_converged = is_done(&solver);
    ba_probe_count(probe);
    *out = probe;
    probe = NULL;
out:
    solver_free(&solver);
    ba_probe_free(probe);
    return status;
}

int
ba_probe_fit(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_t *start, ba_probe_t **out)
{
    ba_probe_problem_t problem = {.n = 0};
    int status = BA_OK;

    *out = NULL;
    BA_TRY(check_options(opts));
    BA_TRY(check_start(data, start));
    BA_TRY(ba_probe_problem_new(ctx, data, opts->kind, &problem));
    BA_TRY(ba_probe_solve(&problem, data, opts, start, out));
out:
    ba_probe_problem_free(&problem);
    return status;
}

int
ba_probe_l1_max(const ba_ctx_t *ctx, const ba_probe_data_t *data, ba_probe_kind_t kind,
    double *l1_max)
{
    ba_probe_problem_t problem = {.n = 0};
    ba_probe_point_t point = {.a = 0};
    int status = BA_OK;

    BA_TRY(ba_probe_problem_new(ctx, data, kind, &problem));
    BA_TRY(ba_probe_point_new(&problem, problem.p, &point));
    for (size_t j = 0; j < problem.p; j++) {
        point.cols[j] = j;
    }
    BA_TRY(ba_probe_residual(&problem, &point, BA_PROBE_BALANCED));
    BA_TRY(ba_probe_backward(&problem, point.cols, point.a, point.r, point.g));
    *l1_max = 0;
    for (size_t k = 0; k < problem.p * problem.n_classes; k++) {
        *l1_max = fmax(*l1_max, fabs(point.g[k]));
    }
out:
    ba_probe_point_free(&point);
    ba_probe_problem_free(&problem);
    return status;
}
