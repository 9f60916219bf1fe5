/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a probe's solver share. Inside, every neuron is shifted to mean 0 (the
 * bias is free of penalty, so this changes nothing but the conditioning), rows weigh
 * `weight` with sum 1, and matrices over neurons hold the columns of a working set only. */
#ifndef BA_MODEL_PROBE_IMPL_H
#define BA_MODEL_PROBE_IMPL_H

#include "brainalign/error.h"
#include "brainalign/probe.h"

/* Rows and columns that are converted at a time: 1 MiB of float64. */
enum { BA_PANEL_ROWS = 256, BA_PANEL_COLS = 512 };

/* Sums over rows are made in at most so many slabs, each in order. */
enum { BA_MAX_SLABS = 16 };

typedef struct {
    const ba_ctx_t *ctx;
    ba_probe_kind_t kind;
    ba_penalty_t penalty;
    double l1, l2;
    size_t n, p, n_classes;
    size_t n_slabs, slab_rows;
    const float **column;    /* p: values of each neuron */
    double *shift, *inverse; /* p: (x - shift) * inverse */
    double *moment;          /* p: its weighted mean square */
    double *weight;          /* n, sum 1 */
    double *target;          /* n x n_classes */
    double *panels;          /* scratch of products, one for each thread */
} ba_probe_problem_t;

/* A point of the working set `cols`. */
typedef struct {
    size_t a;      /* neurons of the working set */
    size_t *cols;  /* a */
    double *w, *g; /* a x n_classes: weights; gradient of the loss */
    double *b;     /* n_classes */
    double *z;     /* n x n_classes: logits */
    double *r;     /* n x n_classes: weighted residuals, derivative of the loss by z */
    float *curve;  /* n x n_classes: probabilities (SOFTMAX), weighted p (1 - p) */
    double *s;     /* n_classes, scratch of the certificate */
    double loss;
} ba_probe_point_t;

/* Arrays for a working set of `a` neurons, all 0; cols is the caller's to fill. */
int ba_probe_point_new(
    const ba_probe_problem_t *problem, size_t a, ba_probe_point_t *point) BA_MUST_USE;
void ba_probe_point_free(ba_probe_point_t *point);

/* Makes what does not depend on penalties. */
int ba_probe_problem_new(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    ba_probe_kind_t kind, ba_probe_problem_t *problem) BA_MUST_USE;
void ba_probe_problem_free(ba_probe_problem_t *problem);

/* probe_product.c: makes room for products; z = X w + b. */
int ba_probe_panels_new(ba_probe_problem_t *problem) BA_MUST_USE;
void ba_probe_forward(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    const double *w, const double *b, double *z);

/* g = X' r. */
int ba_probe_backward(const ba_probe_problem_t *problem, const size_t *cols, size_t a,
    const double *r, double *g) BA_MUST_USE;

/* Products of the Hessian of the loss with directions, in float32. */
typedef struct ba_probe_hessian ba_probe_hessian_t;
int ba_probe_hessian_new(
    const ba_probe_problem_t *problem, size_t a, ba_probe_hessian_t **out) BA_MUST_USE;
void ba_probe_hessian_free(ba_probe_hessian_t *hessian);

/* h (a x n_classes) and hb (n_classes) = the Hessian at `point` times v and vb. */
void ba_probe_hessian_apply(ba_probe_hessian_t *hessian, const ba_probe_point_t *point,
    const double *v, const double *vb, double *h, double *hb);

/* probe_loss.c: the loss at point->z. */
double ba_probe_loss(const ba_probe_problem_t *problem, const double *z);

/* Newton steps on the bias alone (which keep z in step) until its derivative is at most
 * `balance`, then residuals and curvature. */
#define BA_PROBE_BALANCED 1e-15
int ba_probe_residual(const ba_probe_problem_t *problem, ba_probe_point_t *point,
    double balance) BA_MUST_USE;

/* The mean over rows of the conjugate of the loss at s r; s of each class. */
double ba_probe_conjugate(
    const ba_probe_problem_t *problem, const ba_probe_point_t *point, const double *s);

/* probe_penalty.c: groups share one norm: all classes of a softmax, else each class. */
size_t ba_probe_n_groups(const ba_probe_problem_t *problem);
double ba_probe_penalty(const ba_probe_problem_t *problem, const double *w, size_t a);

/* w = argmin 1/2 |w - v|^2 + step penalty(w). */
void ba_probe_prox(
    const ba_probe_problem_t *problem, const double *v, size_t a, double step, double *w);

/* v = the element of least norm of the subdifferential of the objective in w, for the
 * groups that are not 0; returns the largest distance of 0 from it, zero groups
 * included. */
double ba_probe_subgradient(const ba_probe_problem_t *problem, const double *w,
    const double *g, size_t a, double *v);

/* Upper bound of objective minus least objective from a point with residuals and
 * gradient; infinite where there is none. */
double ba_probe_gap(const ba_probe_problem_t *problem, const ba_probe_point_t *point);

/* probe_fista.c: at most so many accelerated proximal steps from the point, until the zeros
 * stand still; *curvature is the inverse of the step and is kept up. */
int ba_probe_fista(const ba_probe_problem_t *problem, ba_probe_point_t *point,
    size_t most, double *curvature, size_t *n_iterations) BA_MUST_USE;

/* probe_quadratic.c: the minimum x (n_free weights, then biases) of the penalised
 * quadratic at the point over the weights list[0 .. n_free - 1], ascending. kkt: how far
 * the point is from the optimum. */
int ba_probe_quadratic(const ba_probe_problem_t *problem, const ba_probe_point_t *point,
    const size_t *list, size_t n_free, double kkt, double *x) BA_MUST_USE;

/* probe_newton.c: minimises over the working set until gap and kkt are below; moves w, b,
 * z and g; n_iterations counts up. */
int ba_probe_minimise(const ba_probe_problem_t *problem, ba_probe_point_t *point,
    double gap, double kkt, size_t max_iterations, size_t *n_iterations) BA_MUST_USE;

/* probe.c: a probe of zeros for data; counts of its weights; a bias of sum 0. */
int ba_probe_new(
    const ba_probe_data_t *data, ba_probe_kind_t kind, ba_probe_t **out) BA_MUST_USE;
void ba_probe_count(ba_probe_t *probe);
void ba_probe_center_bias(ba_probe_t *probe);

int ba_probe_copy(const ba_probe_t *probe, ba_probe_t **out) BA_MUST_USE;

/* Divides weights of rows by their sum. */
void ba_probe_normalise(double *weight, size_t n);

/* ba_probe_fit() of a problem made before. */
int ba_probe_solve(ba_probe_problem_t *problem, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_t *start, ba_probe_t **out) BA_MUST_USE;

/* Threads for so many multiplications and additions: waiting for one another costs more
 * than few are worth. The bits do not depend on it. */
#define BA_PROBE_FEW 20000000
static inline int
ba_probe_threads(const ba_probe_problem_t *problem, size_t work)
{
    return work < BA_PROBE_FEW ? 1 : ba_ctx_threads(problem->ctx);
}

/* The same for exponentials of every logit, which count for so many each. */
#define BA_PROBE_EXP 40
static inline int
ba_probe_logit_threads(const ba_probe_problem_t *problem)
{
    return ba_probe_threads(problem, problem->n * problem->n_classes * BA_PROBE_EXP);
}

static inline double
ba_probe_objective(const ba_probe_problem_t *problem, const ba_probe_point_t *point)
{
    return point->loss + ba_probe_penalty(problem, point->w, point->a);
}

#endif
