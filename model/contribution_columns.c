/* SPDX-License-Identifier: GPL-3.0-or-later */
/* G and H of a few neurons, without what contribution_at() turns them into. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution_impl.h"

#include <string.h>

void
ba_contribution_columns_free(ba_contribution_columns_t *columns)
{
    ba_free(columns->f);
    ba_free(columns->x);
    ba_free(columns->h);
    ba_free(columns->g);
    ba_free(columns->from);
    *columns = (ba_contribution_columns_t){0};
}

static int
gather(const ba_contribution_t *c, const size_t *neurons, size_t n_neurons,
    ba_contribution_columns_t *out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(out->from, ba_malloc(n_neurons + 1, sizeof *out->from));
    out->from[0] = 0;
    for (size_t i = 0; i < n_neurons; i++) {
        out->from[i + 1] = out->from[i] + c->start[neurons[i] + 1] - c->start[neurons[i]];
    }
    out->k = out->from[n_neurons];
    BA_TRY_ALLOC(out->f, ba_malloc(c->rank, out->k * sizeof *out->f));
    BA_TRY_ALLOC(out->x, ba_malloc(c->m, out->k * sizeof *out->x));
    for (size_t i = 0; i < n_neurons; i++) {
        size_t first = c->start[neurons[i]], d = out->from[i + 1] - out->from[i];

        memcpy(out->f + out->from[i] * c->rank, c->f + first * c->rank,
            d * c->rank * sizeof *out->f);
        memcpy(
            out->x + out->from[i] * c->m, c->x + first * c->m, d * c->m * sizeof *out->x);
    }
out:
    return status;
}

int
ba_contribution_columns_make(const ba_contribution_t *c, const size_t *neurons,
    size_t n_neurons, ba_contribution_columns_t *out)
{
    int status;
    size_t k, rank = c->rank;
    double *weighted = NULL;

    *out = (ba_contribution_columns_t){0};
    BA_TRY(gather(c, neurons, n_neurons, out));
    k = out->k;
    BA_TRY_ALLOC(out->h, ba_malloc(c->m, k * sizeof *out->h));
    BA_TRY_ALLOC(out->g, ba_malloc(k, k * sizeof *out->g));
    BA_TRY_ALLOC(weighted, ba_malloc(rank, k * sizeof *weighted));
    for (size_t i = 0; i < rank * k; i++) {
        weighted[i] = out->f[i] * c->w[i % rank];
    }
    for (size_t i = 0; i < c->m * k; i++) {
        out->h[i] = c->base * out->x[i];
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(c->applied, c->m, rank, c->m), BA_KEEP,
        ba_cdmat(weighted, rank, k, rank), 1.0, ba_dmat(out->h, c->m, k, c->m));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(out->f, rank, k, rank), BA_KEEP,
        ba_cdmat(weighted, rank, k, rank), 0.0, ba_dmat(out->g, k, k, k));
    for (size_t i = 0; i < k; i++) {
        out->g[i + i * k] += c->base;
    }
out:
    ba_free(weighted);
    return status;
}
