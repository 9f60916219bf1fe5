/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of a set of neurons: the identities of contribution.c with many columns at
 * once, and the refit on the set alone from X_S'X_S and X_S'Y, which the factorisation
 * holds: V_S diag(lambda) V_S' and V_S (XV)'Y in the primal, F_S F_S' and F_S U'Y with
 * F = X'U in the dual. */
#include "model/contribution_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

typedef struct {
    size_t k;
    double *f;        /* rank x k */
    double *h, *x;    /* m x k: columns of H and of the held-out rows */
    double *square;   /* k x k: G_SS, or the set's own Gram matrix and penalty */
    double *b;        /* k x v */
    double *solved;   /* k x v */
    double *change;   /* m x v: the prediction, or what leaves it */
    double *weighted; /* rank x k */
} set_t;

static void
free_set(set_t *set)
{
    ba_free(set->f);
    ba_free(set->h);
    ba_free(set->x);
    ba_free(set->square);
    ba_free(set->b);
    ba_free(set->solved);
    ba_free(set->change);
    ba_free(set->weighted);
}

static int
make_set(const ba_contribution_t *c, const size_t *neurons, size_t n_neurons, size_t v,
    set_t *set)
{
    int status = BA_OK;
    size_t k = 0, at = 0;

    for (size_t i = 0; i < n_neurons; i++) {
        k += c->start[neurons[i] + 1] - c->start[neurons[i]];
    }
    set->k = k;
    BA_TRY_ALLOC(set->f, ba_malloc(c->rank, k * sizeof *set->f));
    BA_TRY_ALLOC(set->h, ba_malloc(c->m, k * sizeof *set->h));
    BA_TRY_ALLOC(set->x, ba_malloc(c->m, k * sizeof *set->x));
    BA_TRY_ALLOC(set->square, ba_malloc(k, k * sizeof *set->square));
    BA_TRY_ALLOC(set->b, ba_malloc(k, v * sizeof *set->b));
    BA_TRY_ALLOC(set->solved, ba_malloc(k, v * sizeof *set->solved));
    BA_TRY_ALLOC(set->change, ba_malloc(c->m, v * sizeof *set->change));
    BA_TRY_ALLOC(set->weighted, ba_malloc(c->rank, k * sizeof *set->weighted));
    for (size_t i = 0; i < n_neurons; i++) {
        size_t first = c->start[neurons[i]], d = c->start[neurons[i] + 1] - first;

        memcpy(
            set->f + at * c->rank, c->f + first * c->rank, d * c->rank * sizeof *set->f);
        memcpy(set->x + at * c->m, c->x + first * c->m, d * c->m * sizeof *set->x);
        at += d;
    }
out:
    return status;
}

/* F_S scaled column by column. */
static void
weigh(const ba_contribution_t *c, set_t *set, const double *weights)
{
    for (size_t j = 0; j < set->k; j++) {
        for (size_t i = 0; i < c->rank; i++) {
            set->weighted[i + j * c->rank] = set->f[i + j * c->rank] * weights[i];
        }
    }
}

/* square = F_S diag(weights) F_S' + diagonal. */
static void
fill_square(const ba_contribution_t *c, set_t *set, double diagonal)
{
    size_t k = set->k, rank = c->rank;

    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(set->f, rank, k, rank), BA_KEEP,
        ba_cdmat(set->weighted, rank, k, rank), 0.0, ba_dmat(set->square, k, k, k));
    for (size_t j = 0; j < k; j++) {
        set->square[j + j * k] += diagonal;
    }
}

/* ---- scores ---- */

/* Of made->p + sign change, or of change alone with only = 1. */
static void
score(const ba_contribution_t *c, const ba_contributed_t *made, const double *change,
    int is_alone, const ba_set_scores_t *out)
{
    size_t m = c->m;

    for (size_t t = 0; t < made->v; t++) {
        const double *y = made->y + t * m, *p = made->p + t * m;
        double sse = 0.0, y_mean = 0.0, p_mean = 0.0, yy = 0.0, yp = 0.0, pp = 0.0;

        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < m; i++) {
                double delta = change ? change[i + t * m] : 0.0;
                double value = is_alone ? delta : p[i] - delta;

                if (pass == 0) {
                    sse += (y[i] - value) * (y[i] - value);
                    if (out->residual) {
                        out->residual[i + t * m] = y[i] - value;
                    }
                    y_mean += y[i] / (double) m;
                    p_mean += value / (double) m;
                } else {
                    yy += (y[i] - y_mean) * (y[i] - y_mean);
                    yp += (y[i] - y_mean) * (value - p_mean);
                    pp += (value - p_mean) * (value - p_mean);
                }
            }
        }
        if (out->sse) {
            out->sse[t] = sse;
        }
        if (out->r) {
            out->r[t] = yy > 0.0 && pp > 0.0 ? yp / sqrt(yy * pp) : (double) NAN;
        }
    }
}

static int
score_without(const ba_contribution_t *c, const ba_contributed_t *made, set_t *set,
    const ba_set_scores_t *out)
{
    int status;
    size_t k = set->k, m = c->m, v = made->v;
    ba_dmat_t square = ba_dmat(set->square, k, k, k),
              solved = ba_dmat(set->solved, k, v, k);

    weigh(c, set, c->w);
    fill_square(c, set, c->base);
    for (size_t i = 0; i < m * k; i++) {
        set->h[i] = c->base * set->x[i];
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(c->applied, m, c->rank, m), BA_KEEP,
        ba_cdmat(set->weighted, c->rank, k, c->rank), 1.0, ba_dmat(set->h, m, k, m));
    memcpy(set->solved, set->b, k * v * sizeof *set->solved);
    BA_TRY(ba_cholesky(square));
    ba_cholesky_solve(ba_dmat_const(square), solved);
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(set->h, m, k, m), BA_KEEP, ba_dmat_const(solved),
        0.0, ba_dmat(set->change, m, v, m));
    score(c, made, set->change, 0, out);
out:
    return status;
}

static int
score_only(const ba_contribution_t *c, const ba_contributed_t *made, set_t *set,
    const ba_set_scores_t *out)
{
    int status;
    size_t k = set->k, m = c->m, v = made->v, rank = c->rank;
    const double *lambda = ba_ridge_factor_lambda(c->factor);
    ba_dmat_t square = ba_dmat(set->square, k, k, k),
              solved = ba_dmat(set->solved, k, v, k);

    if (c->is_primal) {
        weigh(c, set, lambda);
    } else {
        memcpy(set->weighted, set->f, rank * k * sizeof *set->f);
    }
    fill_square(c, set, c->alpha);
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(set->f, rank, k, rank), BA_KEEP,
        ba_cdmat(made->projected, rank, v, rank), 0.0, solved);
    BA_TRY(ba_cholesky(square));
    ba_cholesky_solve(ba_dmat_const(square), solved);
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(set->x, m, k, m), BA_KEEP, ba_dmat_const(solved),
        0.0, ba_dmat(set->change, m, v, m));
    score(c, made, set->change, 1, out);
out:
    return status;
}

static int
is_wanted(const ba_set_scores_t *scores)
{
    return scores && (scores->sse || scores->r || scores->residual);
}

int
ba_contribution_set(const ba_contribution_t *c, ba_cdmat_t y, ba_cdmat_t y_test,
    const size_t *neurons, size_t n_neurons, const ba_set_scores_t *whole,
    const ba_set_scores_t *without, const ba_set_scores_t *zeroed,
    const ba_set_scores_t *only)
{
    int status = BA_OK;
    size_t v = y.n_cols, m = c->m, rank = c->rank;
    ba_contributed_t made = {0};
    set_t set = {0};

    BA_TRY(ba_contributed_make(c, y, y_test, &made));
    BA_TRY(make_set(c, neurons, n_neurons, v, &set));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(set.f, rank, set.k, rank), BA_KEEP,
        ba_cdmat(made.filtered, rank, v, rank), 0.0, ba_dmat(set.b, set.k, v, set.k));
    if (is_wanted(whole)) {
        score(c, &made, NULL, 0, whole);
    }
    if (is_wanted(zeroed)) {
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(set.x, m, set.k, m), BA_KEEP,
            ba_cdmat(set.b, set.k, v, set.k), 0.0, ba_dmat(set.change, m, v, m));
        score(c, &made, set.change, 0, zeroed);
    }
    if (is_wanted(without)) {
        BA_TRY(score_without(c, &made, &set, without));
    }
    if (is_wanted(only)) {
        BA_TRY(score_only(c, &made, &set, only));
    }
out:
    ba_contributed_free(&made);
    free_set(&set);
    return status;
}
