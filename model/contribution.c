/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ridge fit without the columns S, at the same penalty, predicts P - H_S G_SS^-1 B_S with
 * G = (X'X + alpha)^-1, H = X_test G: the block inverse. With G_SS = L L', z = L^-1 B_S and
 * D = H_S L^-T the change is D z, so that per target and neuron a few numbers are left:
 * D'y, D'p (two products for all neurons together), z and D'D. */
#include "model/contribution_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

void
ba_contribution_free(ba_contribution_t *contribution)
{
    if (!contribution) {
        return;
    }
    ba_free(contribution->start);
    ba_free(contribution->block);
    ba_free(contribution->f);
    ba_free(contribution->x);
    ba_free(contribution->applied);
    ba_free(contribution->w);
    ba_free(contribution->filter);
    ba_free(contribution->h);
    ba_free(contribution->h_mean);
    ba_free(contribution->x_mean);
    ba_free(contribution->l);
    ba_free(contribution->h_gram);
    ba_free(contribution->x_gram);
    ba_free(contribution->gram);
    ba_free(contribution->own);
    ba_free(contribution->diagonal);
    ba_free(contribution);
}

double
ba_contribution_dot(const double *x, const double *y, size_t n)
{
    double sums[8] = {0};
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sums[k] += x[i + k] * y[i + k];
        }
    }
    for (; i < n; i++) {
        sums[0] += x[i] * y[i];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
           ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static double
mean_of(const double *x, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double) n;
}

/* ---- held-out columns and F, in the order of the neurons ---- */

static int
allocate(ba_contribution_t *c, const ba_neuron_columns_t *neurons)
{
    int status = BA_OK;
    size_t k = neurons->n_neurons, q = neurons->start[k], n_blocks;

    c->n_neurons = k;
    c->n_columns = q;
    BA_TRY_ALLOC(c->start, ba_malloc(k + 1, sizeof *c->start));
    BA_TRY_ALLOC(c->block, ba_malloc(k + 1, sizeof *c->block));
    c->start[0] = c->block[0] = 0;
    for (size_t j = 0; j < k; j++) {
        size_t d = neurons->start[j + 1] - neurons->start[j];

        c->start[j + 1] = neurons->start[j + 1];
        c->block[j + 1] = c->block[j] + d * d;
    }
    n_blocks = c->block[k];
    BA_TRY_ALLOC(c->f, ba_malloc(c->rank, q * sizeof *c->f));
    BA_TRY_ALLOC(c->x, ba_malloc(c->m, q * sizeof *c->x));
    BA_TRY_ALLOC(c->h, ba_malloc(c->m, q * sizeof *c->h));
    BA_TRY_ALLOC(c->applied, ba_malloc(c->m, c->rank * sizeof *c->applied));
    BA_TRY_ALLOC(c->w, ba_malloc(c->rank, sizeof *c->w));
    BA_TRY_ALLOC(c->filter, ba_malloc(c->rank, sizeof *c->filter));
    BA_TRY_ALLOC(c->h_mean, ba_malloc(q, sizeof *c->h_mean));
    BA_TRY_ALLOC(c->x_mean, ba_malloc(q, sizeof *c->x_mean));
    BA_TRY_ALLOC(c->diagonal, ba_malloc(q, sizeof *c->diagonal));
    BA_TRY_ALLOC(c->l, ba_malloc(n_blocks, sizeof *c->l));
    BA_TRY_ALLOC(c->h_gram, ba_malloc(n_blocks, sizeof *c->h_gram));
    BA_TRY_ALLOC(c->x_gram, ba_malloc(n_blocks, sizeof *c->x_gram));
    BA_TRY_ALLOC(c->gram, ba_malloc(n_blocks, sizeof *c->gram));
    BA_TRY_ALLOC(c->own, ba_malloc(n_blocks, sizeof *c->own));
out:
    return status;
}

static void
read_columns(ba_contribution_t *c, const ba_training_t *training,
    const ba_design_t *design, const size_t *rows, const size_t *columns)
{
    const double *center = ba_ridge_factor_center(c->factor);

    for (size_t j = 0; j < c->n_columns; j++) {
        size_t from = columns[j];
        double mean = training->mean ? training->mean[from] : 0.0;
        double scale = training->scale ? training->scale[from] : 1.0;
        double middle = center ? center[from] : 0.0, *x = c->x + j * c->m;

        ba_design_read(design, rows, c->m, from, 1, x, c->m);
        for (size_t i = 0; i < c->m; i++) {
            x[i] = (x[i] - mean) / scale - middle;
        }
        c->x_mean[j] = mean_of(x, c->m);
    }
}

/* Inner products of the columns of every neuron. */
static void
fill_gram(const ba_contribution_t *c, const double *columns, double *gram)
{
    for (size_t j = 0; j < c->n_neurons; j++) {
        size_t first = c->start[j], d = c->start[j + 1] - first;

        for (size_t a = 0; a < d; a++) {
            for (size_t b = 0; b <= a; b++) {
                double value = ba_contribution_dot(
                    columns + (first + a) * c->m, columns + (first + b) * c->m, c->m);

                gram[c->block[j] + a + b * d] = gram[c->block[j] + b + a * d] = value;
            }
        }
    }
}

/* X_S'X_S of the training rows: F_S diag(lambda) F_S' in the primal, F_S F_S' in the dual.
 */
static void
fill_training_gram(ba_contribution_t *c)
{
    const double *lambda = ba_ridge_factor_lambda(c->factor);

    for (size_t j = 0; j < c->n_neurons; j++) {
        size_t first = c->start[j], d = c->start[j + 1] - first;

        for (size_t a = 0; a < d; a++) {
            for (size_t b = 0; b <= a; b++) {
                const double *f = c->f + (first + a) * c->rank;
                const double *g = c->f + (first + b) * c->rank;
                double sum = 0.0;

                for (size_t i = 0; i < c->rank; i++) {
                    sum += f[i] * g[i] * (c->is_primal ? lambda[i] : 1.0);
                }
                c->gram[c->block[j] + a + b * d] = c->gram[c->block[j] + b + a * d] = sum;
            }
        }
    }
}

static int
read_back(const ba_ctx_t *ctx, ba_contribution_t *c, size_t p, const size_t *columns)
{
    int status = BA_OK;
    double *back = NULL;

    BA_TRY_ALLOC(back, ba_malloc(p, c->rank * sizeof *back));
    BA_TRY(ba_ridge_factor_back(ctx, c->factor, ba_dmat(back, p, c->rank, p)));
    for (size_t j = 0; j < c->n_columns; j++) {
        for (size_t i = 0; i < c->rank; i++) {
            c->f[i + j * c->rank] = back[columns[j] + i * p];
        }
    }
out:
    ba_free(back);
    return status;
}

int
ba_contribution_new(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    const ba_training_t *training, const ba_design_t *test_design,
    const size_t *test_rows, size_t n_test, const ba_neuron_columns_t *neurons,
    ba_contribution_t **out)
{
    int status = BA_OK;
    ba_contribution_t *c;

    BA_TRY_ALLOC(c, ba_calloc(1, sizeof *c));
    c->factor = factor;
    c->is_primal = ba_ridge_factor_solver(factor) == BA_SOLVER_PRIMAL;
    c->has_center = ba_ridge_factor_center(factor) != NULL;
    c->rank = ba_ridge_factor_rank(factor);
    c->n = training->n_rows;
    c->m = n_test;
    c->n_all = ba_design_n_columns(test_design);
    BA_TRY(allocate(c, neurons));
    BA_TRY(read_back(ctx, c, c->n_all, neurons->columns));
    read_columns(c, training, test_design, test_rows, neurons->columns);
    fill_gram(c, c->x, c->x_gram);
    fill_training_gram(c);
    BA_TRY(ba_ridge_factor_apply(ctx, factor, test_design, test_rows, n_test,
        ba_dmat(c->applied, n_test, c->rank, n_test)));
out:
    if (status != BA_OK) {
        ba_contribution_free(c);
        c = NULL;
    }
    *out = c;
    return status;
}

/* ---- one penalty ---- */

double
ba_contribution_inverse(const ba_contribution_t *c, size_t i, size_t j)
{
    const double *a = c->f + i * c->rank, *b = c->f + j * c->rank;
    double sums[4] = {0};
    size_t k = 0;

    for (; k + 4 <= c->rank; k += 4) {
        for (size_t s = 0; s < 4; s++) {
            sums[s] += a[k + s] * b[k + s] * c->w[k + s];
        }
    }
    for (; k < c->rank; k++) {
        sums[0] += a[k] * b[k] * c->w[k];
    }
    return (i == j ? c->base : 0.0) + ((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/* A d x d block becomes its Cholesky factor; 0 where it is not positive definite. */
static int
factor_square(double *l, size_t d)
{
    for (size_t b = 0; b < d; b++) {
        for (size_t a = b; a < d; a++) {
            double value = l[a + b * d];

            for (size_t k = 0; k < b; k++) {
                value -= l[a + k * d] * l[b + k * d];
            }
            if (a == b && !(value > 0.0)) {
                return 0;
            }
            l[a + b * d] = a == b ? sqrt(value) : value / l[b + b * d];
        }
    }
    return 1;
}

/* L of G_SS and of the neuron's own fit. */
static int
factor_block(ba_contribution_t *c, size_t j)
{
    size_t first = c->start[j], d = c->start[j + 1] - first;
    double *l = c->l + c->block[j], *own = c->own + c->block[j];

    memcpy(own, c->gram + c->block[j], d * d * sizeof *own);
    for (size_t a = 0; a < d; a++) {
        for (size_t b = 0; b <= a; b++) {
            l[a + b * d] = ba_contribution_inverse(c, first + a, first + b);
        }
        c->diagonal[first + a] = l[a + a * d];
        own[a + a * d] += c->alpha;
    }
    return factor_square(l, d) && factor_square(own, d);
}

/* H_S L^-T in place of H_S. */
static void
turn_block(ba_contribution_t *c, size_t j)
{
    size_t first = c->start[j], d = c->start[j + 1] - first, m = c->m;
    const double *l = c->l + c->block[j];

    for (size_t b = 0; b < d; b++) {
        double *column = c->h + (first + b) * m;

        for (size_t k = 0; k < b; k++) {
            const double *before = c->h + (first + k) * m;

            for (size_t i = 0; i < m; i++) {
                column[i] -= l[b + k * d] * before[i];
            }
        }
        for (size_t i = 0; i < m; i++) {
            column[i] /= l[b + b * d];
        }
        c->h_mean[first + b] = mean_of(column, m);
    }
}

static void
set_filter(ba_contribution_t *c, double alpha)
{
    const double *lambda = ba_ridge_factor_lambda(c->factor);

    c->alpha = alpha;
    c->base = c->is_primal ? 0.0 : 1.0 / alpha;
    for (size_t i = 0; i < c->rank; i++) {
        c->filter[i] = 1.0 / (lambda[i] + alpha);
        c->w[i] = c->is_primal ? c->filter[i] : -c->filter[i] / alpha;
    }
}

int
ba_contribution_held_out(const ba_ctx_t *ctx, const ba_contribution_t *c, double *h)
{
    int status = BA_OK;
    size_t m = c->m, q = c->n_columns;
    double *weighted = NULL;

    BA_TRY_ALLOC(weighted, ba_malloc(m, c->rank * sizeof *weighted));
    for (size_t k = 0; k < c->rank; k++) {
        for (size_t i = 0; i < m; i++) {
            weighted[i + k * m] = c->applied[i + k * m] * c->w[k];
        }
    }
    for (size_t i = 0; i < m * q; i++) {
        h[i] = c->base * c->x[i];
    }
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(weighted, m, c->rank, m), BA_KEEP,
        ba_cdmat(c->f, c->rank, q, c->rank), 1.0, ba_dmat(h, m, q, m));
out:
    ba_free(weighted);
    return status;
}

int
ba_contribution_at(const ba_ctx_t *ctx, ba_contribution_t *c, double alpha)
{
    int status = BA_OK, n_bad = 0;

    if (!(alpha > 0.0) || !isfinite(alpha)) {
        return ba_fail(BA_VALUE,
            "alpha: found %g, wanted a penalty above 0: without one a neuron's own "
            "contribution is not defined where columns depend on one another",
            alpha);
    }
    set_filter(c, alpha);
    BA_TRY(ba_contribution_held_out(ctx, c, c->h));
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx)) \
    reduction(+ : n_bad)
    for (size_t j = 0; j < c->n_neurons; j++) {
        if (factor_block(c, j)) {
            turn_block(c, j);
        } else {
            n_bad++;
        }
    }
    if (n_bad > 0) {
        BA_TRY(ba_fail(BA_NUMERIC,
            "alpha %g: the inverse of %d neurons is not positive in double precision: "
            "the penalty is too small for this design",
            alpha, n_bad));
    }
    fill_gram(c, c->h, c->h_gram);
out:
    return status;
}

void
ba_contribution_uniqueness(const ba_contribution_t *c, double *uniqueness)
{
    for (size_t j = 0; j < c->n_columns; j++) {
        uniqueness[j] = 1.0 / c->diagonal[j];
    }
}
