/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The deterministic shared response model (Chen et al. 2015, NIPS 28:460): X_s ~ S W_s'
 * with W_s'W_s = I. Minimises f = sum over subjects of |X_s - S W_s'|^2 in turns: W_s by
 * Procrustes to S, S as the mean of X_s W_s. With that S,
 *
 *     f = sum |X_s|^2 - (number of subjects) |S|^2,
 *
 * which no turn raises. */
#include "model/alignment_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

double
ba_srm_average(const ba_ctx_t *ctx, const ba_cores_t *cores, ba_alignment_t *out)
{
    size_t n = cores->n, k = out->n_directions;
    double share = 1.0 / (double) cores->n_subjects, square = 0.0;

    for (size_t s = 0; s < cores->n_subjects; s++) {
        size_t m = cores->width[s];

        ba_gemm_tiled(ctx, share, BA_KEEP, ba_core_of(cores, s), BA_KEEP,
            ba_cdmat(cores->w[s], m, k, m), s == 0 ? 0.0 : 1.0,
            ba_dmat(out->shared, n, k, n));
    }
    for (size_t i = 0; i < n * k; i++) {
        square += out->shared[i] * out->shared[i];
    }
    return square;
}

int
ba_srm_turn(const ba_ctx_t *ctx, ba_cores_t *cores, const ba_alignment_t *out)
{
    int status = BA_OK;
    ba_cdmat_t shared = {out->shared, cores->n, out->n_directions, cores->n};
    int is_procrustes = cores->opts->kind == BA_ALIGNMENT_PROCRUSTES;

    for (size_t s = 0; s < cores->n_subjects; s++) {
        size_t rank = 0;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_core_turn(ctx, cores, s, shared, &rank));
        if (!is_procrustes) {
            BA_TRY(ba_core_check_rank(cores, s, rank, out->n_directions));
        }
    }
out:
    return status;
}

/* The sign of an eigenvector is the library's whim: its largest number is positive. */
static void
take_vector(const double *vector, double lambda, size_t n, double *to)
{
    double scale = sqrt(fmax(lambda, 0.0));
    size_t largest = 0;

    for (size_t i = 1; i < n; i++) {
        largest = fabs(vector[i]) > fabs(vector[largest]) ? i : largest;
    }
    scale = vector[largest] < 0.0 ? -scale : scale;
    for (size_t i = 0; i < n; i++) {
        to[i] = scale * vector[i];
    }
}

int
ba_srm_start(const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out)
{
    int status = BA_OK;
    size_t n = cores->n;
    double *gram = NULL, *lambda = NULL;

    BA_TRY_ALLOC(gram, ba_malloc(n, n * sizeof *gram));
    BA_TRY_ALLOC(lambda, ba_malloc(n, sizeof *lambda));
    for (size_t s = 0; s < cores->n_subjects; s++) {
        /* As much of every subject, however large its numbers. */
        ba_syrk_tiled(ctx, cores->square[s] > 0.0 ? 1.0 / cores->square[s] : 0.0, BA_KEEP,
            ba_core_of(cores, s), s == 0 ? 0.0 : 1.0, ba_dmat(gram, n, n, n));
    }
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(gram, n, n, n), lambda));
    for (size_t j = 0; j < out->n_directions; j++) {
        size_t at = n - 1 - j;

        take_vector(gram + at * n, lambda[at], n, out->shared + j * n);
    }
    BA_TRY(ba_srm_turn(ctx, cores, out));
out:
    ba_free(gram);
    ba_free(lambda);
    return status;
}

int
ba_align_by_srm(const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out)
{
    int status;
    double before = 1.0;

    BA_TRY(ba_srm_start(ctx, cores, out));
    for (size_t i = 0; i < cores->opts->n_iterations && !out->is_converged; i++) {
        double square = ba_srm_average(ctx, cores, out);
        double now = 1.0 - (double) cores->n_subjects * square / cores->total;

        out->objective[i] = now;
        out->n_iterations = i + 1;
        out->is_converged = i > 0 && before - now <= cores->opts->tolerance;
        before = now;
        BA_TRY(ba_srm_turn(ctx, cores, out));
    }
out:
    return status;
}
