/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Losses of a probe by its logits z, with rows of weight w that sum to 1:
 *
 *   softmax       sum_i w_i (log sum_c exp z_ic - sum_c y_ic z_ic)
 *   one-vs-rest   sum_i w_i sum_c (log(1 + exp z_ic) - y_ic z_ic)
 *   regression    sum_i w_i sum_c (z_ic - y_ic)^2
 *
 * The conjugate of a row's loss at u = dl/dz is, with q = y + u, sum q log q (softmax),
 * q log q + (1 - q) log(1 - q) (one-vs-rest), u^2 / 4 + u y (regression). */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

/* Newton steps on the bias, and a mean residual from which a step that does not help is
 * rounding. */
#define MOST_STEPS 30
#define ROUNDED 1e-11

/* Sums of one slab. */
typedef struct {
    double loss;
    double *delta;   /* n_classes: sum of the residuals */
    double *hessian; /* n_classes x n_classes: by the bias */
} sums_t;

typedef struct {
    size_t row0, rows;
    double *p, *pw; /* BA_PANEL_ROWS x n_classes */
} block_t;

/* Probabilities of a block; returns its loss. */
static double
softmax_block(const ba_probe_problem_t *problem, const double *z, const block_t *block)
{
    size_t n = problem->n, n_classes = problem->n_classes;
    double loss = 0;

    for (size_t i = 0; i < block->rows; i++) {
        size_t row = block->row0 + i;
        double most = z[row], sum = 0, fit = 0;

        for (size_t c = 1; c < n_classes; c++) {
            most = z[row + c * n] > most ? z[row + c * n] : most;
        }
        for (size_t c = 0; c < n_classes; c++) {
            double e = exp(z[row + c * n] - most);

            block->p[i + c * BA_PANEL_ROWS] = e;
            sum += e;
            fit += problem->target[row + c * n] * (z[row + c * n] - most);
        }
        for (size_t c = 0; c < n_classes; c++) {
            block->p[i + c * BA_PANEL_ROWS] /= sum;
        }
        loss += problem->weight[row] * (log(fmax(sum, 1)) - fit);
    }
    return loss;
}

static double
logistic_block(const ba_probe_problem_t *problem, const double *z, const block_t *block)
{
    size_t n = problem->n;
    double loss = 0;

    for (size_t c = 0; c < problem->n_classes; c++) {
        for (size_t i = 0; i < block->rows; i++) {
            size_t k = block->row0 + i + c * n;
            double e = exp(-fabs(z[k]));

            block->p[i + c * BA_PANEL_ROWS] = (z[k] > 0 ? 1 : e) / (1 + e);
            loss += problem->weight[block->row0 + i] *
                    (fmax(z[k], 0) + log1p(e) - problem->target[k] * z[k]);
        }
    }
    return loss;
}

static double
square_block(const ba_probe_problem_t *problem, const double *z, const block_t *block)
{
    size_t n = problem->n;
    double loss = 0;

    for (size_t c = 0; c < problem->n_classes; c++) {
        for (size_t i = 0; i < block->rows; i++) {
            size_t k = block->row0 + i + c * n;
            double error = z[k] - problem->target[k];

            block->p[i + c * BA_PANEL_ROWS] = z[k];
            loss += problem->weight[block->row0 + i] * error * error;
        }
    }
    return loss;
}

/* Predictions of a block (probabilities, or values) into its p; returns the loss. */
static double
predict_block(const ba_probe_problem_t *problem, const double *z, const block_t *block)
{
    switch (problem->kind) {
    case BA_PROBE_SOFTMAX:
        return softmax_block(problem, z, block);
    case BA_PROBE_ONE_VS_REST:
        return logistic_block(problem, z, block);
    default:
        return square_block(problem, z, block);
    }
}

/* The loss of rows row0 .. stop - 1, without predictions. */
static double
loss_rows(const ba_probe_problem_t *problem, const double *z, size_t row0, size_t stop)
{
    size_t n = problem->n, n_classes = problem->n_classes;
    double loss = 0;

    for (size_t i = row0; i < stop; i++) {
        double most = z[i], sum = 0, row = 0;

        for (size_t c = 1; c < n_classes; c++) {
            most = z[i + c * n] > most ? z[i + c * n] : most;
        }
        for (size_t c = 0; c < n_classes; c++) {
            double at = z[i + c * n], y = problem->target[i + c * n];

            if (problem->kind == BA_PROBE_SOFTMAX) {
                sum += exp(at - most);
                row -= y * (at - most);
            } else if (problem->kind == BA_PROBE_ONE_VS_REST) {
                row += fmax(at, 0) + log1p(exp(-fabs(at))) - y * at;
            } else {
                row += (at - y) * (at - y);
            }
        }
        row += problem->kind == BA_PROBE_SOFTMAX ? log(sum) : 0;
        loss += problem->weight[i] * row;
    }
    return loss;
}

double
ba_probe_loss(const ba_probe_problem_t *problem, const double *z)
{
    double loss[BA_MAX_SLABS] = {0}, sum = 0;

#pragma omp parallel for schedule(dynamic) num_threads(ba_probe_logit_threads(problem))
    for (size_t slab = 0; slab < problem->n_slabs; slab++) {
        size_t row0 = slab * problem->slab_rows;
        size_t stop = row0 + problem->slab_rows;

        stop = stop < problem->n ? stop : problem->n;
        loss[slab] = loss_rows(problem, z, row0, stop);
    }
    for (size_t slab = 0; slab < problem->n_slabs; slab++) {
        sum += loss[slab];
    }
    return sum;
}

/* Residuals, curvature and sums of a block whose predictions are made. */
static void
differentiate(const ba_probe_problem_t *problem, ba_probe_point_t *point,
    const block_t *block, sums_t *sums)
{
    size_t n = problem->n, n_classes = problem->n_classes;
    double slope = problem->kind == BA_PROBE_REGRESSION ? 2 : 1;

    for (size_t c = 0; c < n_classes; c++) {
        double delta = 0, bend = 0;

        for (size_t i = 0; i < block->rows; i++) {
            size_t row = block->row0 + i, k = row + c * n;
            double w = problem->weight[row], p = block->p[i + c * BA_PANEL_ROWS];
            double variance = problem->kind == BA_PROBE_REGRESSION ? 2 : p * (1 - p);

            point->r[k] = slope * w * (p - problem->target[k]);
            point->curve[k] =
                (float) (problem->kind == BA_PROBE_SOFTMAX ? p : w * variance);
            block->pw[i + c * BA_PANEL_ROWS] = w * p;
            delta += point->r[k];
            bend += problem->kind == BA_PROBE_SOFTMAX ? w * p : w * variance;
        }
        sums->delta[c] += delta;
        sums->hessian[c + c * n_classes] += bend;
    }
    if (problem->kind == BA_PROBE_SOFTMAX) {
        ba_gemm_f64(-1, BA_TRANSPOSE,
            ba_cdmat(block->p, block->rows, n_classes, BA_PANEL_ROWS), BA_KEEP,
            ba_cdmat(block->pw, block->rows, n_classes, BA_PANEL_ROWS), 1,
            ba_dmat(sums->hessian, n_classes, n_classes, n_classes));
    }
}

static void
slab_differentiate(const ba_probe_problem_t *problem, ba_probe_point_t *point,
    size_t slab, block_t block, sums_t *sums)
{
    size_t n_classes = problem->n_classes, stop = (slab + 1) * problem->slab_rows;

    stop = stop < problem->n ? stop : problem->n;
    sums->loss = 0;
    memset(sums->delta, 0, n_classes * sizeof *sums->delta);
    memset(sums->hessian, 0, n_classes * n_classes * sizeof *sums->hessian);
    for (block.row0 = slab * problem->slab_rows; block.row0 < stop;
         block.row0 += BA_PANEL_ROWS) {
        block.rows = stop - block.row0 < BA_PANEL_ROWS ? stop - block.row0
                                                       : (size_t) BA_PANEL_ROWS;
        sums->loss += predict_block(problem, point->z, &block);
        differentiate(problem, point, &block, sums);
    }
}

/* Scratch of all slabs, and the sums over them in the first. */
typedef struct {
    double *numbers;
    sums_t sums[BA_MAX_SLABS];
    block_t blocks[BA_MAX_SLABS];
    double *last, *half; /* the bias before the last step; one on the way there */
} scratch_t;

static int
scratch_new(const ba_probe_problem_t *problem, scratch_t *scratch)
{
    size_t n_classes = problem->n_classes, panel = BA_PANEL_ROWS * n_classes;
    size_t each = n_classes + n_classes * n_classes + 2 * panel;
    double *at;

    scratch->numbers =
        ba_malloc(problem->n_slabs * each + 2 * n_classes, sizeof *scratch->numbers);
    if (!scratch->numbers) {
        return BA_NOMEM;
    }
    at = scratch->numbers;
    for (size_t slab = 0; slab < problem->n_slabs; slab++, at += each) {
        scratch->sums[slab] = (sums_t){0, at, at + n_classes};
        scratch->blocks[slab] = (block_t){0, 0, at + n_classes * (n_classes + 1),
            at + n_classes * (n_classes + 1) + panel};
    }
    scratch->last = at;
    scratch->half = at + n_classes;
    return BA_OK;
}

/* Everything at z; returns the largest mean residual. */
static double
differentiate_all(
    const ba_probe_problem_t *problem, ba_probe_point_t *point, scratch_t *scratch)
{
    size_t n_classes = problem->n_classes;
    sums_t *sum = &scratch->sums[0];
    double largest = 0;

#pragma omp parallel for schedule(dynamic) num_threads(ba_probe_logit_threads(problem))
    for (size_t slab = 0; slab < problem->n_slabs; slab++) {
        slab_differentiate(
            problem, point, slab, scratch->blocks[slab], &scratch->sums[slab]);
    }
    for (size_t slab = 1; slab < problem->n_slabs; slab++) {
        const sums_t *more = &scratch->sums[slab];

        sum->loss += more->loss;
        for (size_t c = 0; c < n_classes; c++) {
            sum->delta[c] += more->delta[c];
        }
        for (size_t k = 0; k < n_classes * n_classes; k++) {
            sum->hessian[k] += more->hessian[k];
        }
    }
    for (size_t c = 0; c < n_classes; c++) {
        largest = fmax(largest, fabs(sum->delta[c]));
    }
    point->loss = sum->loss;
    return largest;
}

static void
shift_bias(const ba_probe_problem_t *problem, ba_probe_point_t *point, const double *b)
{
    size_t n = problem->n;

    for (size_t c = 0; c < problem->n_classes; c++) {
        double step = b[c] - point->b[c];

        for (size_t i = 0; i < n; i++) {
            point->z[i + c * n] += step;
        }
        point->b[c] = b[c];
    }
}

/* One Newton step from the sums; 0 where the Hessian is singular. The common shift of a
 * softmax, which changes nothing, is held by a term of rank one. */
static int
bias_step(const ba_probe_problem_t *problem, ba_probe_point_t *point, scratch_t *scratch)
{
    size_t n_classes = problem->n_classes;
    double *hessian = scratch->sums[0].hessian, *delta = scratch->sums[0].delta;

    if (problem->kind == BA_PROBE_SOFTMAX) {
        double trace = 0;

        for (size_t c = 0; c < n_classes; c++) {
            trace += hessian[c + c * n_classes];
        }
        for (size_t k = 0; k < n_classes * n_classes; k++) {
            hessian[k] += trace / (double) (n_classes * n_classes);
        }
    }
    if (ba_cholesky(ba_dmat(hessian, n_classes, n_classes, n_classes)) != BA_OK) {
        return 0;
    }
    ba_cholesky_solve(ba_cdmat(hessian, n_classes, n_classes, n_classes),
        ba_dmat(delta, n_classes, 1, n_classes));
    for (size_t c = 0; c < n_classes; c++) {
        scratch->last[c] = point->b[c];
        delta[c] = point->b[c] - delta[c];
    }
    shift_bias(problem, point, delta);
    return 1;
}

/* Goes back towards the bias before the step until the loss is no greater. */
static double
shorten(const ba_probe_problem_t *problem, ba_probe_point_t *point, scratch_t *scratch,
    double loss, double before)
{
    double largest = differentiate_all(problem, point, scratch);
    double *half = scratch->half;

    for (size_t i = 0; before > ROUNDED && i < MOST_STEPS; i++) {
        if (point->loss < loss || largest < before) {
            break;
        }
        for (size_t c = 0; c < problem->n_classes; c++) {
            half[c] = (point->b[c] + scratch->last[c]) / 2;
        }
        shift_bias(problem, point, half);
        largest = differentiate_all(problem, point, scratch);
    }
    return largest;
}

int
ba_probe_residual(
    const ba_probe_problem_t *problem, ba_probe_point_t *point, double balance)
{
    scratch_t scratch;
    double largest;
    int status = scratch_new(problem, &scratch);

    if (status != BA_OK) {
        return status;
    }
    largest = differentiate_all(problem, point, &scratch);
    for (size_t i = 0; i < MOST_STEPS && largest > balance; i++) {
        double before = largest, loss = point->loss;

        if (!bias_step(problem, point, &scratch)) {
            break;
        }
        largest = shorten(problem, point, &scratch, loss, before);
        if (largest >= before && point->loss >= loss) {
            break;
        }
    }
    ba_free(scratch.numbers);
    return BA_OK;
}

static double
entropy(double q)
{
    return q > 0 ? q * log(q) : 0;
}

static double
conjugate_rows(const ba_probe_problem_t *problem, const double *r, const double *s,
    size_t row0, size_t stop)
{
    double sum = 0;

    for (size_t c = 0; c < problem->n_classes; c++) {
        for (size_t i = row0; i < stop; i++) {
            size_t k = i + c * problem->n;
            double w = problem->weight[i], y = problem->target[k], u, value;

            if (w <= 0) {
                continue;
            }
            u = s[c] * r[k] / w;
            if (problem->kind == BA_PROBE_REGRESSION) {
                value = u * (u / 4 + y);
            } else {
                value = entropy(y + u);
                value += problem->kind == BA_PROBE_SOFTMAX ? 0 : entropy(1 - y - u);
            }
            sum += w * value;
        }
    }
    return sum;
}

double
ba_probe_conjugate(
    const ba_probe_problem_t *problem, const ba_probe_point_t *point, const double *s)
{
    double sums[BA_MAX_SLABS] = {0}, sum = 0;

#pragma omp parallel for schedule(dynamic) num_threads(ba_probe_logit_threads(problem))
    for (size_t slab = 0; slab < problem->n_slabs; slab++) {
        size_t row0 = slab * problem->slab_rows, stop = row0 + problem->slab_rows;

        sums[slab] = conjugate_rows(
            problem, point->r, s, row0, stop < problem->n ? stop : problem->n);
    }
    for (size_t slab = 0; slab < problem->n_slabs; slab++) {
        sum += sums[slab];
    }
    return sum;
}
