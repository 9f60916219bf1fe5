/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a problem with bands has instead of a factorisation. */
#include "fit/bands.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* BA_BAND_NODES nodes over the range that a single model would have, for the mean of the
 * kernels. No candidate's kernel on the simplex is more than n_spaces times that. */
static int
automatic_alphas(const ba_ctx_t *ctx, prepared_t *prepared)
{
    int status = BA_OK;
    const ba_spaces_t *spaces = &prepared->band->spaces;
    double *lambda = NULL, nodes[BA_AUTO_NODES], low, high;

    BA_TRY_ALLOC(lambda, ba_malloc(spaces->n_unknowns, sizeof *lambda));
    BA_TRY(ba_spaces_spectrum(ctx, spaces, lambda));
    prepared->n_factorisations++;
    BA_TRY(ba_alphas_auto(lambda, spaces->n_unknowns, nodes));
    low = nodes[0];
    high = nodes[BA_AUTO_NODES - 1];
    for (size_t i = 0; i < BA_BAND_NODES; i++) {
        prepared->alphas[i] = low * pow(high / low, (double) i / (BA_BAND_NODES - 1));
    }
    prepared->alphas[BA_BAND_NODES - 1] = high;
out:
    ba_free(lambda);
    return status;
}

int
ba_band_make(const ba_ctx_t *ctx, prepared_t *prepared)
{
    int status = BA_OK;
    const plan_t *plan = prepared->plan;
    const ba_alphas_t *given = &plan->opts->alphas;
    band_t *band;

    BA_TRY_ALLOC(band, ba_calloc(1, sizeof *band));
    prepared->band = band;
    BA_TRY(ba_spaces_make(ctx, &prepared->training, plan->opts->bands.n_spaces,
        plan->solver, plan->factor_intercept, &band->spaces));
    prepared->used = band->spaces.columns;
    prepared->factor_positions = prepared->problem->train;
    prepared->n_factor = prepared->problem->n_train;
    prepared->n_alphas = ba_plan_n_alphas(plan);
    BA_TRY_ALLOC(
        prepared->alphas, ba_malloc(prepared->n_alphas, sizeof *prepared->alphas));
    if (given->n > 0) {
        memcpy(prepared->alphas, given->values, given->n * sizeof *prepared->alphas);
        goto out;
    }
    BA_TRY(automatic_alphas(ctx, prepared));
out:
    return status;
}

void
ba_band_free(band_t *band)
{
    if (band) {
        for (size_t k = 0; band->removals && k < band->n_removals; k++) {
            ba_removal_free(&band->removals[k]);
        }
        ba_free(band->removals);
        ba_spaces_free(&band->spaces);
        ba_free(band);
    }
}
