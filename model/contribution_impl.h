/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of contributions share. With Z the columns as they are penalised, G = (Z'Z
 * + alpha)^-1 = base I + F diag(w) F': primal F = V, w = 1 / (lambda + alpha), base = 0; dual
 * F = Z'U, w = -1 / (alpha (lambda + alpha)), base = 1 / alpha. Weights are F diag(1 / (lambda
 * + alpha)) project'Y in both. */
#ifndef BA_MODEL_CONTRIBUTION_IMPL_H
#define BA_MODEL_CONTRIBUTION_IMPL_H

#include "model/contribution.h"

struct ba_contribution {
    const ba_ridge_factor_t *factor;
    int is_primal, has_center;
    size_t n_columns; /* of neurons, in their order; controls have none */
    size_t n_all;     /* with those of controls */
    size_t rank, n, m, n_neurons;
    size_t *start;   /* n_neurons + 1 */
    size_t *block;   /* n_neurons + 1: where the d x d matrices of a neuron begin */
    double *f;       /* rank x n_columns: F' */
    double *x;       /* m x n_columns: held-out rows */
    double *applied; /* m x rank: held-out rows times F */
    double alpha;
    double *w, *filter; /* rank */
    double base;
    double *h;        /* m x n_columns: H_S L^-T of each neuron, G_SS = L L', H = X G */
    double *h_mean;   /* n_columns */
    double *x_mean;   /* n_columns */
    double *l;        /* blocks: L */
    double *h_gram;   /* blocks: its columns' inner products */
    double *x_gram;   /* blocks: those of the held-out columns */
    double *gram;     /* blocks: those of the training columns */
    double *own;      /* blocks: L L' = gram + alpha, the neuron's own fit */
    double *diagonal; /* n_columns: G_jj */
};

/* Targets as a block works on them. */
typedef struct {
    size_t v;
    double *projected; /* rank x v: project'Y */
    double *filtered;  /* rank x v: diag(1 / (lambda + alpha)) project'Y */
    double *y, *p; /* m x v: held-out responses and predictions, from the training mean */
} ba_contributed_t;

int ba_contributed_make(const ba_contribution_t *contribution, ba_cdmat_t y,
    ba_cdmat_t y_test, ba_contributed_t *out) BA_MUST_USE;
void ba_contributed_free(ba_contributed_t *made);

/* h (m x n_columns) = X_test G at the present alpha. */
int ba_contribution_held_out(
    const ba_ctx_t *ctx, const ba_contribution_t *contribution, double *h) BA_MUST_USE;

/* x'y in a fixed order. */
double ba_contribution_dot(const double *x, const double *y, size_t n);

/* Entry of G between two columns of neurons. */
double ba_contribution_inverse(const ba_contribution_t *contribution, size_t i, size_t j);

/* Columns of some neurons side by side at the penalty that is set. */
typedef struct {
    size_t k;
    double *f;    /* rank x k */
    double *x;    /* m x k: held-out rows */
    double *h;    /* m x k: columns of H */
    double *g;    /* k x k: G */
    size_t *from; /* of each neuron in the list, n + 1: where its columns begin */
} ba_contribution_columns_t;

/* Cost: 2 rank k (k + m). Free in any case. */
int ba_contribution_columns_make(const ba_contribution_t *contribution,
    const size_t *neurons, size_t n_neurons, ba_contribution_columns_t *out) BA_MUST_USE;
void ba_contribution_columns_free(ba_contribution_columns_t *columns);

#endif
