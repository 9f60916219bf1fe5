/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The probabilistic shared response model by expectation maximisation (Chen et al. 2015):
 * a sample of subject s is x_s ~ N(W_s h, rho_s^2 I) with W_s'W_s = I and h ~ N(0, Sigma).
 * With r = sum of 1 / rho_s^2 and b = sum of W_s'x_s / rho_s^2 the posterior of h has
 * covariance P = (Sigma^-1 + r I)^-1 and mean P b. The maximisation turns every subject to
 * the means S by Procrustes and takes Sigma = P + S'S / n and
 * rho_s^2 = (|X_s - S W_s'|^2 / n + tr P) / columns. The log likelihood of the samples,
 *
 *     -n/2 [sum v_s log(2 pi rho_s^2) + log det(I + r Sigma)]
 *     - 1/2 [sum |X_s|^2 / rho_s^2 - sum b' P b],
 *
 * never falls. Sigma enters by its eigenvectors, so that it may be singular. */
#include "model/alignment_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586

/* Noise below this share of a subject's variance is rounding. */
#define LEAST_NOISE 1e-12

typedef struct {
    size_t n, k;
    double *sigma;  /* k x k */
    double *vector; /* its eigenvectors */
    double *lambda; /* its eigenvalues */
    double *after;  /* P */
    double *work;   /* k x k */
    double *b;      /* n x k */
    double *room;   /* n x the widest subject */
    double trace;   /* of P */
} em_t;

static void
em_free(em_t *em)
{
    ba_free(em->sigma);
    ba_free(em->vector);
    ba_free(em->lambda);
    ba_free(em->after);
    ba_free(em->work);
    ba_free(em->b);
    ba_free(em->room);
}

static int
em_start(const ba_cores_t *cores, size_t k, em_t *em)
{
    int status = BA_OK;
    size_t widest = 0;

    *em = (em_t){.n = cores->n, .k = k};
    for (size_t s = 0; s < cores->n_subjects; s++) {
        widest = cores->width[s] > widest ? cores->width[s] : widest;
    }
    BA_TRY_ALLOC(em->sigma, ba_malloc(k, k * sizeof *em->sigma));
    BA_TRY_ALLOC(em->vector, ba_malloc(k, k * sizeof *em->vector));
    BA_TRY_ALLOC(em->lambda, ba_malloc(k, sizeof *em->lambda));
    BA_TRY_ALLOC(em->after, ba_calloc(k, k * sizeof *em->after));
    BA_TRY_ALLOC(em->work, ba_malloc(k, k * sizeof *em->work));
    BA_TRY_ALLOC(em->b, ba_malloc(cores->n, k * sizeof *em->b));
    BA_TRY_ALLOC(em->room, ba_malloc(cores->n, widest * sizeof *em->room));
out:
    return status;
}

/* Sigma and the noise of every subject from the means S and P. */
static void
maximise(const ba_ctx_t *ctx, const ba_cores_t *cores, em_t *em, ba_alignment_t *out)
{
    size_t n = em->n, k = em->k;

    memcpy(em->sigma, em->after, k * k * sizeof *em->sigma);
    ba_syrk_tiled(ctx, 1.0 / (double) n, BA_TRANSPOSE, ba_cdmat(out->shared, n, k, n),
        1.0, ba_dmat(em->sigma, k, k, k));
    for (size_t s = 0; s < cores->n_subjects; s++) {
        double v = (double) cores->n_varies[s];
        double rest = ba_core_residual(ctx, cores, s, out, em->room) / (double) n;

        out->noise[s] = fmax(
            (rest + em->trace) / v, LEAST_NOISE * cores->square[s] / ((double) n * v));
    }
}

/* The means S, P and the log likelihood. */
static int
expect(const ba_ctx_t *ctx, const ba_cores_t *cores, em_t *em, ba_alignment_t *out,
    double *likelihood)
{
    int status;
    size_t n = em->n, k = em->k;
    double r = 0.0, logs = 0.0, squares = 0.0;

    for (size_t s = 0; s < cores->n_subjects; s++) {
        size_t m = cores->width[s];
        double v = (double) cores->n_varies[s];

        r += 1.0 / out->noise[s];
        logs += v * log(TWO_PI * out->noise[s]);
        squares += cores->square[s] / out->noise[s];
        ba_gemm_tiled(ctx, 1.0 / out->noise[s], BA_KEEP, ba_core_of(cores, s), BA_KEEP,
            ba_cdmat(cores->w[s], m, k, m), s == 0 ? 0.0 : 1.0, ba_dmat(em->b, n, k, n));
    }
    memcpy(em->vector, em->sigma, k * k * sizeof *em->vector);
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(em->vector, k, k, k), em->lambda));
    em->trace = 0.0;
    for (size_t j = 0; j < k; j++) {
        double lambda = fmax(em->lambda[j], 0.0), after = lambda / (1.0 + r * lambda);

        logs += log1p(r * lambda);
        em->trace += after;
        for (size_t i = 0; i < k; i++) {
            em->work[i + j * k] = em->vector[i + j * k] * after;
        }
    }
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(em->work, k, k, k), BA_TRANSPOSE,
        ba_cdmat(em->vector, k, k, k), 0.0, ba_dmat(em->after, k, k, k));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(em->b, n, k, n), BA_KEEP,
        ba_cdmat(em->after, k, k, k), 0.0, ba_dmat(out->shared, n, k, n));
    for (size_t i = 0; i < n * k; i++) {
        squares -= em->b[i] * out->shared[i];
    }
    *likelihood = -0.5 * ((double) n * logs + squares);
out:
    return status;
}

int
ba_align_by_srm_em(const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out)
{
    int status;
    em_t em;
    double before = 0.0;

    BA_TRY(em_start(cores, out->n_directions, &em));
    BA_TRY_ALLOC(out->noise, ba_calloc(cores->n_subjects, sizeof *out->noise));
    BA_TRY(ba_srm_start(ctx, cores, out));
    ba_srm_average(ctx, cores, out);
    maximise(ctx, cores, &em, out);
    for (size_t i = 0; i < cores->opts->n_iterations && !out->is_converged; i++) {
        double now;

        BA_TRY(expect(ctx, cores, &em, out, &now));
        out->objective[i] = now;
        out->n_iterations = i + 1;
        out->is_converged =
            i > 0 && now - before <= cores->opts->tolerance * fabs(before);
        before = now;
        BA_TRY(ba_srm_turn(ctx, cores, out));
        maximise(ctx, cores, &em, out);
    }
out:
    em_free(&em);
    return status;
}
