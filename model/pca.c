/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Principal components (Pearson 1901; Hotelling 1933): directions V of largest variance
 * of the rows X, centred on their mean. With X'X = V L V' for no more columns than rows,
 * else from XX' = U L U' as V = X'U, each made of length 1. Columns are not scaled:
 * components are then a rotation of the features, and weights of components are weights
 * of features, V times them; scaling would raise features that hardly vary to the rank of
 * others.
 *
 * Rounding of the Gram matrix is about eps n of the largest eigenvalue. A direction whose
 * variance is not above that is noise that scaling would blow up: it becomes 0. */
#include "brainalign/pca.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/design_impl.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double
value_at(const ba_space_t *space, size_t at)
{
    return space->full ? space->full[at] : (double) space->single[at];
}

/* Columns j0 .. of a space at some rows, centred; rows NULL = the first n_rows
 * samples. */
static void
read_panel(const ba_ctx_t *ctx, const ba_space_t *space, size_t n_samples,
    const double *mean, const size_t *rows, size_t n_rows, size_t j0, size_t width,
    double *dst)
{
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < width; j++) {
        size_t start = (j0 + j) * n_samples;

        for (size_t i = 0; i < n_rows; i++) {
            dst[i + j * n_rows] =
                value_at(space, start + (rows ? rows[i] : i)) - mean[j0 + j];
        }
    }
}

static void
find_mean(const ba_ctx_t *ctx, const ba_space_t *space, size_t n_samples,
    const size_t *rows, size_t n_rows, double *mean)
{
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < space->n_features; j++) {
        double sum = 0.0;

        for (size_t i = 0; i < n_rows; i++) {
            sum += value_at(space, j * n_samples + rows[i]);
        }
        mean[j] = sum / (double) n_rows;
    }
}

/* What one space's fit works with; panels have the given rows. */
typedef struct {
    const ba_space_t *space;
    size_t n_samples, n_rows, p, m; /* m: size of the Gram matrix */
    const size_t *rows;
    double *gram, *lambda, *panel;
} fitting_t;

static void
read_rows(const ba_ctx_t *ctx, const fitting_t *fit, const ba_pca_t *pca, size_t j0,
    size_t width)
{
    read_panel(ctx, fit->space, fit->n_samples, pca->mean, fit->rows, fit->n_rows, j0,
        width, fit->panel);
}

static size_t
panel_width(const fitting_t *fit, size_t j0)
{
    size_t most = fit->p == fit->m ? fit->p : BA_PCA_PANEL;

    return fit->p - j0 < most ? fit->p - j0 : most;
}

static int
make_gram(const ba_ctx_t *ctx, fitting_t *fit, ba_pca_t *pca)
{
    int status = BA_OK;
    size_t n = fit->n_rows, m = fit->m;
    ba_op_t op = m == fit->p ? BA_TRANSPOSE : BA_KEEP;

    for (size_t j0 = 0, width; j0 < fit->p; j0 += width) {
        width = panel_width(fit, j0);
        BA_TRY(ba_ctx_check(ctx));
        read_rows(ctx, fit, pca, j0, width);
        ba_syrk_tiled(ctx, 1.0, op, ba_cdmat(fit->panel, n, width, n),
            j0 == 0 ? 0.0 : 1.0, ba_dmat(fit->gram, m, m, m));
    }
    for (size_t i = 0; i < m; i++) {
        double square = fit->gram[i + i * m];

        if (!isfinite(square)) {
            BA_TRY(ba_fail(BA_NUMERIC,
                "pca: feature space '%s': the Gram matrix is not finite, wanted features "
                "of moderate size",
                fit->space->name));
        }
        pca->total += square / (double) n;
    }
out:
    return status;
}

/* Component k stands in column m - 1 - k of the eigenvectors. */
static int
make_directions(const ba_ctx_t *ctx, fitting_t *fit, ba_pca_t *pca)
{
    int status = BA_OK;
    size_t n = fit->n_rows, m = fit->m, k = pca->n_components;
    ba_cdmat_t vectors = ba_cdmat(fit->gram + (m - k) * m, m, k, m);

    if (m == fit->p) {
        for (size_t j = 0; j < k; j++) {
            memcpy(pca->components + j * m, vectors.data + (k - 1 - j) * m,
                m * sizeof *vectors.data);
        }
        return BA_OK;
    }
    for (size_t j = 0; j < k / 2; j++) {
        for (size_t i = 0; i < m; i++) {
            double *a = fit->gram + (m - k + j) * m + i;
            double *b = fit->gram + (m - 1 - j) * m + i, kept = *a;

            *a = *b;
            *b = kept;
        }
    }
    for (size_t j0 = 0, width; j0 < fit->p; j0 += width) {
        width = panel_width(fit, j0);
        BA_TRY(ba_ctx_check(ctx));
        read_rows(ctx, fit, pca, j0, width);
        ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(fit->panel, n, width, n), BA_KEEP,
            vectors, 0.0, ba_dmat(pca->components + j0, width, k, fit->p));
    }
out:
    return status;
}

/* Length 1, and the entry of largest size (the first of equals) positive. */
static void
normalise(double *component, size_t p)
{
    double squares = 0.0, factor;
    size_t largest = 0;

    for (size_t i = 0; i < p; i++) {
        squares += component[i] * component[i];
        largest = fabs(component[i]) > fabs(component[largest]) ? i : largest;
    }
    factor = (component[largest] < 0.0 ? -1.0 : 1.0) / sqrt(squares);
    for (size_t i = 0; i < p; i++) {
        component[i] *= factor;
    }
}

static void
finish(const fitting_t *fit, ba_pca_t *pca)
{
    double n = (double) fit->n_rows, p = (double) fit->p;
    double least = fit->lambda[fit->m - 1] * DBL_EPSILON * (n > p ? n : p);

    for (size_t k = 0; k < pca->n_components; k++) {
        double lambda = fit->lambda[fit->m - 1 - k];
        double *component = pca->components + k * fit->p;

        if (!(lambda > least)) {
            memset(component, 0, fit->p * sizeof *component);
            continue;
        }
        pca->variance[k] = lambda / n;
        normalise(component, fit->p);
    }
}

static void
release(ba_pca_t *pca)
{
    ba_free(pca->mean);
    ba_free(pca->components);
    ba_free(pca->variance);
    *pca = (ba_pca_t){0};
}

static int
allocate(size_t n_features, size_t n_components, ba_pca_t *out)
{
    int status = BA_OK;

    out->n_features = n_features;
    out->n_components = n_components;
    BA_TRY_ALLOC(out->mean, ba_malloc(n_features, sizeof(double)));
    BA_TRY_ALLOC(out->components, ba_malloc(n_features, n_components * sizeof(double)));
    BA_TRY_ALLOC(out->variance, ba_calloc(n_components, sizeof(double)));
out:
    return status;
}

static int
fit_space(const ba_ctx_t *ctx, const ba_space_t *space, size_t n_samples,
    const size_t *rows, size_t n_rows, ba_pca_t *out)
{
    int status = BA_OK;
    fitting_t fit = {.space = space,
        .n_samples = n_samples,
        .n_rows = n_rows,
        .p = space->n_features,
        .rows = rows};

    if (n_rows < space->n_components + 1) {
        return ba_fail(BA_SHAPE,
            "pca: %zu components of feature space '%s' from %zu training samples, wanted "
            "fewer components than samples",
            space->n_components, space->name, n_rows);
    }
    fit.m = fit.p <= n_rows ? fit.p : n_rows;
    BA_TRY(ba_blas_check(fit.p));
    BA_TRY(ba_blas_check(n_rows));
    BA_TRY(allocate(fit.p, space->n_components, out));
    BA_TRY_ALLOC(fit.gram, ba_calloc(fit.m, fit.m * sizeof *fit.gram));
    BA_TRY_ALLOC(fit.lambda, ba_malloc(fit.m, sizeof *fit.lambda));
    BA_TRY_ALLOC(fit.panel, ba_malloc(n_rows, panel_width(&fit, 0) * sizeof *fit.panel));
    find_mean(ctx, space, n_samples, rows, n_rows, out->mean);
    BA_TRY(make_gram(ctx, &fit, out));
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(fit.gram, fit.m, fit.m, fit.m), fit.lambda));
    BA_TRY(make_directions(ctx, &fit, out));
    finish(&fit, out);
out:
    ba_free(fit.gram);
    ba_free(fit.lambda);
    ba_free(fit.panel);
    return status;
}

int
ba_pca_fit(const ba_ctx_t *ctx, const ba_design_t *design, const size_t *rows,
    size_t n_rows, ba_pca_t **out)
{
    int status = BA_OK;
    ba_pca_t *pca = NULL;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY_ALLOC(pca, ba_calloc(design->n_spaces, sizeof *pca));
    for (size_t s = 0; s < design->n_spaces; s++) {
        if (design->spaces[s].n_components > 0) {
            BA_TRY(fit_space(
                ctx, &design->spaces[s], design->runs->n_samples, rows, n_rows, &pca[s]));
        }
    }
    *out = pca;
    pca = NULL;
out:
    ba_pca_free(pca, design->n_spaces);
    return status;
}

/* scores = (x - mean)' components of all samples, n_samples x n_components. */
static int
project(const ba_ctx_t *ctx, const ba_pca_t *pca, const ba_space_t *space,
    size_t n_samples, double *scores)
{
    int status = BA_OK;
    size_t p = pca->n_features, k = pca->n_components;
    double *panel = NULL;

    BA_TRY_ALLOC(panel, ba_malloc(n_samples, BA_PCA_PANEL * sizeof *panel));
    for (size_t j0 = 0; j0 < p; j0 += BA_PCA_PANEL) {
        size_t width = p - j0 < BA_PCA_PANEL ? p - j0 : BA_PCA_PANEL;

        BA_TRY(ba_ctx_check(ctx));
        read_panel(ctx, space, n_samples, pca->mean, NULL, n_samples, j0, width, panel);
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(panel, n_samples, width, n_samples),
            BA_KEEP, ba_cdmat(pca->components + j0, width, k, p), j0 == 0 ? 0.0 : 1.0,
            ba_dmat(scores, n_samples, k, n_samples));
    }
out:
    ba_free(panel);
    return status;
}

static int
project_spaces(const ba_ctx_t *ctx, const ba_pca_t *pca, const ba_design_t *design,
    ba_space_t *spaces, double **owned)
{
    int status = BA_OK;
    size_t n = design->runs->n_samples;

    for (size_t s = 0; s < design->n_spaces; s++) {
        spaces[s] = design->spaces[s];
        if (pca[s].n_components == 0) {
            continue;
        }
        if (pca[s].n_features != design->spaces[s].n_features) {
            BA_TRY(ba_fail(BA_SHAPE,
                "pca: components of %zu features, feature space '%s' has %zu",
                pca[s].n_features, design->spaces[s].name, design->spaces[s].n_features));
        }
        BA_TRY(ba_blas_check(n));
        BA_TRY_ALLOC(owned[s], ba_malloc(n, pca[s].n_components * sizeof **owned));
        BA_TRY(project(ctx, &pca[s], &design->spaces[s], n, owned[s]));
        spaces[s].single = NULL;
        spaces[s].full = owned[s];
        spaces[s].n_features = pca[s].n_components;
        spaces[s].n_components = 0;
    }
out:
    return status;
}

int
ba_pca_design(const ba_ctx_t *ctx, const ba_pca_t *pca, const ba_design_t *design,
    ba_design_t **out)
{
    int status = BA_OK;
    ba_design_t *made = NULL;
    ba_space_t *spaces = NULL;
    double **owned = NULL;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY_ALLOC(made, ba_calloc(1, sizeof *made));
    BA_TRY_ALLOC(spaces, ba_calloc(design->n_spaces, sizeof *spaces));
    BA_TRY_ALLOC(owned, ba_calloc(design->n_spaces, sizeof *owned));
    made->n_spaces = design->n_spaces;
    made->own_spaces = spaces;
    made->owned = owned;
    BA_TRY(project_spaces(ctx, pca, design, spaces, owned));
    BA_TRY(ba_design_adopt(made, spaces, owned, design));
    *out = made;
    return BA_OK;
out:
    if (made && !made->own_spaces) {
        ba_free(spaces);
        ba_free(owned);
    }
    ba_design_free(made);
    return status;
}

size_t
ba_pca_most(const ba_design_t *design)
{
    size_t most = 0;

    for (size_t s = 0; s < design->n_spaces; s++) {
        size_t n = design->spaces[s].n_components;

        most = n > most ? n : most;
    }
    return most;
}

int
ba_pca_copy(const ba_pca_t *pca, size_t n_spaces, ba_pca_t **out)
{
    int status = BA_OK;
    ba_pca_t *copy = NULL;

    BA_TRY_ALLOC(copy, ba_calloc(n_spaces, sizeof *copy));
    for (size_t s = 0; s < n_spaces; s++) {
        size_t p = pca[s].n_features, k = pca[s].n_components;

        if (k == 0) {
            continue;
        }
        BA_TRY(allocate(p, k, &copy[s]));
        copy[s].total = pca[s].total;
        memcpy(copy[s].mean, pca[s].mean, p * sizeof(double));
        memcpy(copy[s].components, pca[s].components, p * k * sizeof(double));
        memcpy(copy[s].variance, pca[s].variance, k * sizeof(double));
    }
    *out = copy;
    copy = NULL;
out:
    ba_pca_free(copy, n_spaces);
    return status;
}

void
ba_pca_free(ba_pca_t *pca, size_t n_spaces)
{
    for (size_t s = 0; pca && s < n_spaces; s++) {
        release(&pca[s]);
    }
    ba_free(pca);
}
