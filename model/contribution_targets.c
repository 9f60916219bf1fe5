/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of all neurons to a block of targets. */
#include "model/contribution_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

/* What is left of a prediction's variance counts as none below this share. */
#define NO_VARIANCE 1e-13

void
ba_contributed_free(ba_contributed_t *made)
{
    ba_free(made->projected);
    ba_free(made->filtered);
    ba_free(made->y);
    ba_free(made->p);
    *made = (ba_contributed_t){0};
}

int
ba_contributed_make(
    const ba_contribution_t *c, ba_cdmat_t y, ba_cdmat_t y_test, ba_contributed_t *out)
{
    int status = BA_OK;
    size_t v = y.n_cols, n = c->n, m = c->m;
    double *centred = NULL, *mean = NULL;

    *out = (ba_contributed_t){.v = v};
    BA_TRY_ALLOC(centred, ba_malloc(n, v * sizeof *centred));
    BA_TRY_ALLOC(mean, ba_calloc(v, sizeof *mean));
    BA_TRY_ALLOC(out->projected, ba_malloc(c->rank, v * sizeof *out->projected));
    BA_TRY_ALLOC(out->filtered, ba_malloc(c->rank, v * sizeof *out->filtered));
    BA_TRY_ALLOC(out->y, ba_malloc(m, v * sizeof *out->y));
    BA_TRY_ALLOC(out->p, ba_malloc(m, v * sizeof *out->p));
    for (size_t t = 0; t < v; t++) {
        for (size_t i = 0; c->has_center && i < n; i++) {
            mean[t] += y.data[i + t * y.ld] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            centred[i + t * n] = y.data[i + t * y.ld] - mean[t];
        }
        for (size_t i = 0; i < m; i++) {
            out->y[i + t * m] = y_test.data[i + t * y_test.ld] - mean[t];
        }
    }
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_ridge_factor_project(c->factor), BA_KEEP,
        ba_cdmat(centred, n, v, n), 0.0, ba_dmat(out->projected, c->rank, v, c->rank));
    for (size_t t = 0; t < v; t++) {
        for (size_t k = 0; k < c->rank; k++) {
            out->filtered[k + t * c->rank] =
                out->projected[k + t * c->rank] * c->filter[k];
        }
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(c->applied, m, c->rank, m), BA_KEEP,
        ba_cdmat(out->filtered, c->rank, v, c->rank), 0.0, ba_dmat(out->p, m, v, m));
out:
    ba_free(centred);
    ba_free(mean);
    return status;
}

/* Products of all columns with the targets of a block, n_columns x v each. */
typedef struct {
    double *b;       /* weights */
    double *own;     /* X'Y of the training rows, or NULL */
    double *hy, *hp; /* turned H with centred responses and predictions */
    double *xy, *xp; /* held-out columns with the same */
} products_t;

static void
free_products(products_t *products)
{
    ba_free(products->b);
    ba_free(products->own);
    ba_free(products->hy);
    ba_free(products->hp);
    ba_free(products->xy);
    ba_free(products->xp);
}

static int
make_product(const ba_contribution_t *c, const double *columns, size_t n_rows,
    const double *right, size_t v, double **out)
{
    size_t q = c->n_columns;

    *out = ba_malloc(q, v * sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(columns, n_rows, q, n_rows), BA_KEEP,
        ba_cdmat(right, n_rows, v, n_rows), 0.0, ba_dmat(*out, q, v, q));
    return BA_OK;
}

/* One target: sums over the held-out rows, responses and predictions centred on them. */
typedef struct {
    double yy, yp, pp, y_mean, p_mean, r;
} sums_t;

static sums_t
centre(double *y, double *p, size_t m)
{
    sums_t sums = {0};

    for (size_t i = 0; i < m; i++) {
        sums.y_mean += y[i];
        sums.p_mean += p[i];
    }
    sums.y_mean /= (double) m;
    sums.p_mean /= (double) m;
    for (size_t i = 0; i < m; i++) {
        y[i] -= sums.y_mean;
        p[i] -= sums.p_mean;
    }
    sums.yy = ba_contribution_dot(y, y, m);
    sums.yp = ba_contribution_dot(y, p, m);
    sums.pp = ba_contribution_dot(p, p, m);
    sums.r =
        sums.yy > 0.0 && sums.pp > 0.0 ? sums.yp / sqrt(sums.yy * sums.pp) : (double) NAN;
    return sums;
}

/* x'Gx of a d x d block. */
static double
quadratic(const double *gram, const double *x, size_t d)
{
    double sum = 0.0;

    for (size_t b = 0; b < d; b++) {
        for (size_t a = 0; a < d; a++) {
            sum += x[a] * gram[a + b * d] * x[b];
        }
    }
    return sum;
}

/* What leaves the prediction with a neuron: its products with both, its mean, its squares. */
typedef struct {
    double y, p, mean, square;
} gone_t;

/* z = L^-1 B_S on the fly: the change of the prediction is D z. */
static gone_t
refit_change(const ba_contribution_t *c, const products_t *products, size_t j,
    size_t column0, double *z)
{
    size_t first = c->start[j], d = c->start[j + 1] - first;
    const double *l = c->l + c->block[j];
    gone_t gone = {0};

    for (size_t a = 0; a < d; a++) {
        size_t at = column0 + first + a;
        double value = products->b[at];

        for (size_t k = 0; k < a; k++) {
            value -= l[a + k * d] * z[k];
        }
        z[a] = value / l[a + a * d];
        gone.y += products->hy[at] * z[a];
        gone.p += products->hp[at] * z[a];
        gone.mean += c->h_mean[first + a] * z[a];
    }
    gone.square = quadratic(c->h_gram + c->block[j], z, d);
    return gone;
}

static gone_t
zero_change(
    const ba_contribution_t *c, const products_t *products, size_t j, size_t column0)
{
    size_t first = c->start[j], d = c->start[j + 1] - first;
    const double *b = products->b + column0 + first;
    gone_t gone = {0};

    for (size_t a = 0; a < d; a++) {
        gone.y += products->xy[column0 + first + a] * b[a];
        gone.p += products->xp[column0 + first + a] * b[a];
        gone.mean += c->x_mean[first + a] * b[a];
    }
    gone.square = quadratic(c->x_gram + c->block[j], b, d);
    return gone;
}

/* Growth of the squared error when `gone` leaves the prediction. */
static double
error_growth(const gone_t *gone, const sums_t *sums, double m)
{
    double error = gone->y - gone->p + m * gone->mean * (sums->y_mean - sums->p_mean);

    return 2.0 * error + gone->square;
}

static double
drop_of_r(const gone_t *gone, const sums_t *sums, double m)
{
    double variance =
        sums->pp - 2.0 * gone->p + gone->square - m * gone->mean * gone->mean;

    if (!(variance > NO_VARIANCE * sums->pp)) {
        return NAN;
    }
    return sums->r - (sums->yp - gone->y) / sqrt(variance * sums->yy);
}

/* Square root of a sum of d squares. */
static double
norm(const double *x, size_t d)
{
    double sum = 0.0;

    for (size_t a = 0; a < d; a++) {
        sum += x[a] * x[a];
    }
    return sqrt(sum);
}

/* r of the fit on the neuron's columns alone, whose weights b = (X_S'X_S + alpha)^-1 X_S'y
 * go through z. */
static double
alone(const ba_contribution_t *c, const products_t *products, size_t j, size_t column0,
    const sums_t *sums, double *z)
{
    size_t first = c->start[j], d = c->start[j + 1] - first;
    const double *l = c->own + c->block[j];
    double yp = 0.0, mean = 0.0, squares, pp;

    for (size_t a = 0; a < d; a++) {
        z[a] = products->own[column0 + first + a];
        for (size_t k = 0; k < a; k++) {
            z[a] -= l[a + k * d] * z[k];
        }
        z[a] /= l[a + a * d];
    }
    for (size_t a = d; a-- > 0;) {
        for (size_t k = a + 1; k < d; k++) {
            z[a] -= l[k + a * d] * z[k];
        }
        z[a] /= l[a + a * d];
    }
    for (size_t a = 0; a < d; a++) {
        yp += products->xy[column0 + first + a] * z[a];
        mean += c->x_mean[first + a] * z[a];
    }
    squares = quadratic(c->x_gram + c->block[j], z, d);
    pp = squares - (double) c->m * mean * mean;
    return sums->yy > 0.0 && pp > NO_VARIANCE * squares ? yp / sqrt(pp * sums->yy)
                                                        : (double) NAN;
}

static void
score_neurons(const ba_contribution_t *c, const products_t *products, size_t t,
    const sums_t *sums, double *z, const ba_contributions_t *out)
{
    double m = (double) c->m, total = sums->yy > 0.0 ? sums->yy : (double) NAN;
    double shift = sums->y_mean - sums->p_mean, level = m * shift * shift;
    size_t column0 = t * c->n_columns;

    for (size_t j = 0; j < c->n_neurons; j++) {
        size_t at = t * c->n_neurons + j;
        gone_t refit = refit_change(c, products, j, column0, z);
        gone_t zero = zero_change(c, products, j, column0);
        size_t first = c->start[j], d = c->start[j + 1] - first;

        out->delta_r2[at] = error_growth(&refit, sums, m) / total;
        out->delta_r[at] = drop_of_r(&refit, sums, m);
        out->zero_out_r2[at] = error_growth(&zero, sums, m) / total;
        out->product_r2[at] =
            (2.0 * zero.y - zero.p - level * (double) d / (double) c->n_all) / total;
        if (out->product_r) {
            out->product_r[at] =
                isnan(sums->r) ? (double) NAN : zero.y / sqrt(sums->yy * sums->pp);
        }
        if (out->alone_r) {
            out->alone_r[at] = alone(c, products, j, column0, sums, z);
        }
        if (out->weight_norm) {
            out->weight_norm[at] = norm(products->b + column0 + first, d);
        }
    }
}

static size_t
most_columns(const ba_contribution_t *c)
{
    size_t most = 1;

    for (size_t j = 0; j < c->n_neurons; j++) {
        size_t d = c->start[j + 1] - c->start[j];

        most = d > most ? d : most;
    }
    return most;
}

int
ba_contribution_targets(const ba_contribution_t *c, ba_cdmat_t y, ba_cdmat_t y_test,
    const ba_contributions_t *out)
{
    int status = BA_OK;
    size_t v = y.n_cols, m = c->m;
    ba_contributed_t made = {0};
    products_t products = {0};
    sums_t *sums = NULL;
    double *z = NULL;

    BA_TRY(ba_contributed_make(c, y, y_test, &made));
    BA_TRY_ALLOC(sums, ba_malloc(v, sizeof *sums));
    BA_TRY_ALLOC(z, ba_malloc(most_columns(c), sizeof *z));
    for (size_t t = 0; t < v; t++) {
        double shift;

        sums[t] = centre(made.y + t * m, made.p + t * m, m);
        shift = sums[t].y_mean - sums[t].p_mean;
        out->r[t] = sums[t].r;
        out->r2[t] = sums[t].yy > 0.0
                         ? (2.0 * sums[t].yp - sums[t].pp - (double) m * shift * shift) /
                               sums[t].yy
                         : (double) NAN;
    }
    BA_TRY(make_product(c, c->f, c->rank, made.filtered, v, &products.b));
    if (out->alone_r) {
        BA_TRY(make_product(c, c->f, c->rank, made.projected, v, &products.own));
    }
    BA_TRY(make_product(c, c->h, m, made.y, v, &products.hy));
    BA_TRY(make_product(c, c->h, m, made.p, v, &products.hp));
    BA_TRY(make_product(c, c->x, m, made.y, v, &products.xy));
    BA_TRY(make_product(c, c->x, m, made.p, v, &products.xp));
    for (size_t t = 0; t < v; t++) {
        score_neurons(c, &products, t, &sums[t], z, out);
    }
out:
    ba_contributed_free(&made);
    free_products(&products);
    ba_free(sums);
    ba_free(z);
    return status;
}
