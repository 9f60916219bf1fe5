/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accelerated proximal gradients (Beck & Teboulle 2009, SIAM J. Imaging Sciences 2:183),
 * started anew where the objective rises (O'Donoghue & Candes 2015): they find out which
 * weights are 0 far from the optimum, where Newton's quadratic means little. The bias is
 * minimised over at every look; logits of extrapolated points are extrapolated, so a step
 * costs one product each way. */
#include "core/alloc.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

#define SHRINK 0.9     /* of the curvature after a step */
#define GROWTH 2       /* of the curvature where a step was too long */
#define BALANCED 1e-7  /* of the bias, whose derivative this is */
#define STABLE 0.01    /* share of the weights in use that come or go in a step ... */
#define STABLE_STEPS 3 /* ... in so many steps in a row */
#define ROUNDING 4e-16 /* of the loss, times a few */

typedef struct {
    double *w, *b, *z;
    double objective;
} place_t;

typedef struct {
    const ba_probe_problem_t *problem;
    ba_probe_point_t *point; /* where the gradient is looked at */
    place_t places[3];
    place_t *now, *last, *next;
    double *target; /* size: the argument of the prox */
    size_t size, rows;
} fista_t;

static void
fista_free(fista_t *fista)
{
    for (size_t i = 0; i < 3; i++) {
        ba_free(fista->places[i].w);
        ba_free(fista->places[i].b);
        ba_free(fista->places[i].z);
    }
    ba_free(fista->target);
}

static int
fista_new(const ba_probe_problem_t *problem, ba_probe_point_t *point, fista_t *fista)
{
    size_t n_classes = problem->n_classes;
    int status = BA_OK;

    *fista = (fista_t){.problem = problem, .point = point};
    fista->size = point->a * n_classes;
    fista->rows = problem->n * n_classes;
    for (size_t i = 0; i < 3; i++) {
        place_t *place = &fista->places[i];

        BA_TRY_ALLOC(place->w, ba_calloc(fista->size, sizeof *place->w));
        BA_TRY_ALLOC(place->b, ba_calloc(n_classes, sizeof *place->b));
        BA_TRY_ALLOC(place->z, ba_calloc(fista->rows, sizeof *place->z));
    }
    BA_TRY_ALLOC(fista->target, ba_calloc(fista->size, sizeof *fista->target));
    fista->now = &fista->places[0];
    fista->last = &fista->places[1];
    fista->next = &fista->places[2];
out:
    return status;
}

static void
extrapolate(const double *now, const double *last, double share, size_t n, double *to)
{
    for (size_t k = 0; k < n; k++) {
        to[k] = now[k] + share * (now[k] - last[k]);
    }
}

/* Moves the point to now + share (now - last), and makes its gradient. */
static int
look_ahead(fista_t *fista, double share)
{
    const ba_probe_problem_t *problem = fista->problem;
    ba_probe_point_t *point = fista->point;
    int status = BA_OK;

    extrapolate(fista->now->w, fista->last->w, share, fista->size, point->w);
    extrapolate(fista->now->b, fista->last->b, share, problem->n_classes, point->b);
    extrapolate(fista->now->z, fista->last->z, share, fista->rows, point->z);
    BA_TRY(ba_probe_residual(problem, point, BALANCED));
    BA_TRY(ba_probe_backward(problem, point->cols, point->a, point->r, point->g));
out:
    return status;
}

/* `next` = the proximal step from the point, of a length that the loss bears out. */
static void
step(fista_t *fista, double *curvature)
{
    const ba_probe_problem_t *problem = fista->problem;
    ba_probe_point_t *point = fista->point;
    place_t *next = fista->next;

    memcpy(next->b, point->b, problem->n_classes * sizeof *next->b);
    for (;;) {
        double bound = point->loss, loss;

        for (size_t k = 0; k < fista->size; k++) {
            fista->target[k] = point->w[k] - point->g[k] / *curvature;
        }
        ba_probe_prox(problem, fista->target, point->a, 1 / *curvature, next->w);
        for (size_t k = 0; k < fista->size; k++) {
            double d = next->w[k] - point->w[k];

            bound += point->g[k] * d + *curvature / 2 * d * d;
        }
        ba_probe_forward(problem, point->cols, point->a, next->w, next->b, next->z);
        loss = ba_probe_loss(problem, next->z);
        if (loss <= bound + ROUNDING * (1 + loss)) {
            next->objective = loss + ba_probe_penalty(problem, next->w, point->a);
            break;
        }
        *curvature *= GROWTH;
    }
    *curvature *= SHRINK;
}

/* Whether few weights came or went between two places. */
static int
is_stable(const fista_t *fista)
{
    size_t moved = 0, used = 0;

    for (size_t k = 0; k < fista->size; k++) {
        int is = fabs(fista->next->w[k]) > 0;

        moved += is != (fabs(fista->now->w[k]) > 0);
        used += (size_t) is;
    }
    return (double) moved <= STABLE * (double) used;
}

static void
turn(fista_t *fista)
{
    place_t *place = fista->last;

    fista->last = fista->now;
    fista->now = fista->next;
    fista->next = place;
}

static void
copy_place(fista_t *fista, const place_t *from, place_t *to)
{
    memcpy(to->w, from->w, fista->size * sizeof *to->w);
    memcpy(to->b, from->b, fista->problem->n_classes * sizeof *to->b);
    memcpy(to->z, from->z, fista->rows * sizeof *to->z);
    to->objective = from->objective;
}

static int
walk(fista_t *fista, size_t most, double *curvature, size_t *n_iterations)
{
    double t = 1;
    size_t stable = 0;
    int status = BA_OK;

    for (size_t i = 0; i < most && stable < STABLE_STEPS; i++, (*n_iterations)++) {
        double after = (1 + sqrt(1 + 4 * t * t)) / 2;

        BA_TRY(ba_ctx_check(fista->problem->ctx));
        BA_TRY(look_ahead(fista, (t - 1) / after));
        step(fista, curvature);
        if (fista->next->objective > fista->now->objective && t > 1) {
            copy_place(fista, fista->now, fista->last);
            t = 1;
            continue;
        }
        stable = is_stable(fista) ? stable + 1 : 0;
        turn(fista);
        t = after;
    }
out:
    return status;
}

int
ba_probe_fista(const ba_probe_problem_t *problem, ba_probe_point_t *point, size_t most,
    double *curvature, size_t *n_iterations)
{
    place_t at = {point->w, point->b, point->z, 0};
    fista_t fista;
    int status;

    BA_TRY(fista_new(problem, point, &fista));
    at.objective =
        ba_probe_loss(problem, point->z) + ba_probe_penalty(problem, point->w, point->a);
    copy_place(&fista, &at, fista.now);
    copy_place(&fista, &at, fista.last);
    BA_TRY(walk(&fista, most, curvature, n_iterations));
    copy_place(&fista, fista.now, &at);
out:
    fista_free(&fista);
    return status;
}
