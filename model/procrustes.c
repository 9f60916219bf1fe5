/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orthogonal Procrustes, and hyperalignment by it.
 *
 * Among R with R'R = I, |X - T R'|^2 = |X|^2 - 2 tr(R' X'T) + |T|^2 is least at R = U V' of
 * the thin singular value decomposition X'T = U S V' (Schoenemann 1966); the same R has
 * orthonormal rows where X has fewer columns than T. With X = C Q' it is Q times that of C:
 * (C Q')'T = Q C'T, and Q has orthonormal columns.
 *
 * Hyperalignment (Haxby et al. 2011, Neuron 72:404): level 1 turns every subject in order to
 * the mean of those before, beginning with the columns of the first; level 2 turns every
 * subject to the mean of all others as level 1 left them, and the mean of what is turned
 * is the template; level 3 turns every subject to the template. All templates lie in the row
 * space of the first subject's X, so that they are kept as coordinates there (T = Z Q'). */
#include "model/alignment_impl.h"

#include "core/alloc.h"

#include <string.h>

/* Singular values below this share of the largest are rounding. */
#define LEAST_SINGULAR 1e-12

int
ba_polar(ba_cdmat_t a, ba_dmat_t out, size_t *rank)
{
    int status = BA_OK, turned = a.n_rows < a.n_cols;
    size_t m = turned ? a.n_cols : a.n_rows, k = turned ? a.n_rows : a.n_cols, r = 0;
    double *copy = NULL, *u = NULL, *v = NULL, *s = NULL;

    BA_TRY_ALLOC(copy, ba_malloc(m, k * sizeof *copy));
    BA_TRY_ALLOC(u, ba_malloc(m, k * sizeof *u));
    BA_TRY_ALLOC(v, ba_malloc(k, k * sizeof *v));
    BA_TRY_ALLOC(s, ba_malloc(k, sizeof *s));
    for (size_t j = 0; j < k; j++) {
        for (size_t i = 0; i < m; i++) {
            copy[i + j * m] = turned ? a.data[j + i * a.ld] : a.data[i + j * a.ld];
        }
    }
    BA_TRY(ba_svd_quick(
        ba_dmat(copy, m, k, m), s, ba_dmat(u, m, k, m), ba_dmat(v, k, k, k)));
    while (r < k && s[r] > LEAST_SINGULAR * s[0]) {
        r++;
    }
    if (turned) {
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(v, k, r, k), BA_TRANSPOSE,
            ba_cdmat(u, m, r, m), 0.0, out);
    } else {
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(u, m, r, m), BA_TRANSPOSE,
            ba_cdmat(v, k, r, k), 0.0, out);
    }
    if (rank) {
        *rank = r;
    }
out:
    ba_free(copy);
    ba_free(u);
    ba_free(v);
    ba_free(s);
    return status;
}

static int
polar_of_product(
    const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t target, ba_dmat_t out, size_t *rank)
{
    int status = BA_OK;
    size_t m = x.n_cols, k = target.n_cols;
    double *product = NULL;

    BA_TRY_ALLOC(product, ba_malloc(m, k * sizeof *product));
    ba_gemm_tiled(
        ctx, 1.0, BA_TRANSPOSE, x, BA_KEEP, target, 0.0, ba_dmat(product, m, k, m));
    BA_TRY(ba_polar(ba_cdmat(product, m, k, m), out, rank));
out:
    ba_free(product);
    return status;
}

int
ba_core_turn(const ba_ctx_t *ctx, const ba_cores_t *cores, size_t subject,
    ba_cdmat_t target, size_t *rank)
{
    size_t m = cores->width[subject];

    return polar_of_product(ctx, ba_core_of(cores, subject), target,
        ba_dmat(cores->w[subject], m, target.n_cols, m), rank);
}

int
ba_core_reduce(ba_dmat_t q, ba_dmat_t core)
{
    int status;
    size_t n = core.n_rows;

    BA_TRY(ba_qr(q, core));
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < j; i++) {
            core.data[j + i * core.ld] = core.data[i + j * core.ld];
            core.data[i + j * core.ld] = 0.0;
        }
    }
out:
    return status;
}

/* More columns than samples: the core takes the place of x. */
static int
turn_wide(const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t target, ba_dmat_t rotation,
    size_t *rank)
{
    int status = BA_OK;
    size_t n = x.n_rows, v = x.n_cols, k = target.n_cols;
    double *q = NULL, *core = NULL, *w = NULL;

    BA_TRY_ALLOC(q, ba_malloc(v, n * sizeof *q));
    BA_TRY_ALLOC(core, ba_malloc(n, n * sizeof *core));
    BA_TRY_ALLOC(w, ba_malloc(n, k * sizeof *w));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < v; j++) {
            q[j + i * v] = x.data[i + j * x.ld];
        }
    }
    BA_TRY(ba_core_reduce(ba_dmat(q, v, n, v), ba_dmat(core, n, n, n)));
    BA_TRY(polar_of_product(
        ctx, ba_cdmat(core, n, n, n), target, ba_dmat(w, n, k, n), rank));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(q, v, n, v), BA_KEEP, ba_cdmat(w, n, k, n),
        0.0, rotation);
out:
    ba_free(q);
    ba_free(core);
    ba_free(w);
    return status;
}

int
ba_procrustes(const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t target, ba_dmat_t rotation,
    size_t *rank)
{
    if (x.n_rows != target.n_rows || rotation.n_rows != x.n_cols ||
        rotation.n_cols != target.n_cols || x.n_rows == 0) {
        return ba_fail(BA_SHAPE,
            "procrustes: %zu x %zu to %zu x %zu by %zu x %zu, wanted n x v to n x k by v "
            "x k",
            x.n_rows, x.n_cols, target.n_rows, target.n_cols, rotation.n_rows,
            rotation.n_cols);
    }
    ba_blas_single_thread();
    return x.n_cols > x.n_rows ? turn_wide(ctx, x, target, rotation, rank)
                               : polar_of_product(ctx, x, target, rotation, rank);
}

/* to = a to + b C w. */
static void
add_turned(const ba_ctx_t *ctx, const ba_cores_t *cores, size_t subject, double a,
    double b, ba_dmat_t to)
{
    size_t m = cores->width[subject];

    ba_gemm_tiled(ctx, b, BA_KEEP, ba_core_of(cores, subject), BA_KEEP,
        ba_cdmat(cores->w[subject], m, to.n_cols, m), a, to);
}

/* Level 1: z becomes the mean of all subjects, each turned to the mean of those before. */
static int
first_level(const ba_ctx_t *ctx, ba_cores_t *cores, ba_dmat_t z)
{
    int status = BA_OK;
    size_t k = z.n_cols;

    memcpy(z.data, cores->core[0], cores->n * k * sizeof *z.data);
    memset(cores->w[0], 0, k * k * sizeof *z.data);
    for (size_t j = 0; j < k; j++) {
        cores->w[0][j + j * k] = 1.0;
    }
    for (size_t s = 1; s < cores->n_subjects; s++) {
        double before = (double) s;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_core_turn(ctx, cores, s, ba_dmat_const(z), NULL));
        add_turned(ctx, cores, s, before / (before + 1.0), 1.0 / (before + 1.0), z);
    }
out:
    return status;
}

/* Level 2: z, the mean of what level 1 turned, becomes the mean of all subjects, each
 * turned to the others. */
static int
second_level(const ba_ctx_t *ctx, ba_cores_t *cores, ba_dmat_t z)
{
    int status = BA_OK;
    size_t n = cores->n * z.n_cols, n_subjects = cores->n_subjects;
    double share = 1.0 / (double) n_subjects, *others = NULL, *next = NULL;

    BA_TRY_ALLOC(others, ba_malloc(n, sizeof *others));
    BA_TRY_ALLOC(next, ba_calloc(n, sizeof *next));
    for (size_t s = 0; s < n_subjects; s++) {
        ba_dmat_t rest = {others, z.n_rows, z.n_cols, z.n_rows};

        BA_TRY(ba_ctx_check(ctx));
        memcpy(others, z.data, n * sizeof *others);
        add_turned(ctx, cores, s, (double) n_subjects / (double) (n_subjects - 1),
            -1.0 / (double) (n_subjects - 1), rest);
        BA_TRY(ba_core_turn(ctx, cores, s, ba_dmat_const(rest), NULL));
        add_turned(
            ctx, cores, s, 1.0, share, ba_dmat(next, z.n_rows, z.n_cols, z.n_rows));
    }
    memcpy(z.data, next, n * sizeof *next);
out:
    ba_free(others);
    ba_free(next);
    return status;
}

int
ba_align_by_procrustes(const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out)
{
    int status = BA_OK;
    ba_dmat_t z = {out->shared, cores->n, out->n_directions, cores->n};

    BA_TRY(first_level(ctx, cores, z));
    BA_TRY(second_level(ctx, cores, z));
    BA_TRY(ba_srm_turn(ctx, cores, out));
    out->n_iterations = 1;
    out->is_converged = 1;
out:
    return status;
}
