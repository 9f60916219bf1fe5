/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random sets for every concept, like it in strata and joint redundancy. That is measured
 * on all rows of the encoder, features alone, controls and penalties as they are in the
 * fits: at the geometric mean of the penalties that targets have over the folds. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

static const uint64_t stream_of_chains = UINT64_C(0x6d746368) << 32;

/* Geometric mean of what scored targets have in all folds; values: n_folds x n_of_fold
 * rows of n_targets, of which row `row` of each fold counts. */
static double
typical(const ba_aligning_t *a, const double *values, size_t n_of_fold, size_t row)
{
    double sum = 0.0, n = 0.0;

    for (size_t f = 0; f < a->n_folds; f++) {
        for (size_t t = 0; t < a->n_targets; t++) {
            double value = values[(f * n_of_fold + row) * a->n_targets + t];

            if (value > 0.0 && isfinite(value) &&
                !isnan(a->r2_by_fold[f * a->n_targets + t])) {
                sum += log(value);
                n++;
            }
        }
    }
    return n > 0.0 ? exp(sum / n) : 1.0;
}

typedef struct {
    double *mean, *scale;
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
    ba_inverse_t *inverse;
} redundancy_t;

static void
close_redundancy(redundancy_t *all)
{
    ba_inverse_free(all->inverse);
    ba_contribution_free(all->contribution);
    ba_ridge_factor_free(all->factor);
    ba_free(all->mean);
    ba_free(all->scale);
}

static int
open_redundancy(const ba_ctx_t *ctx, const ba_aligning_t *a, redundancy_t *all)
{
    int status = BA_OK;
    size_t p = ba_design_n_columns(a->design), n_spaces = a->encoder->n_spaces;
    ba_neuron_columns_t neurons = {a->neurons.n_neurons, a->start, a->columns};
    ba_training_t training;

    BA_TRY_ALLOC(all->mean, ba_calloc(p, sizeof *all->mean));
    BA_TRY_ALLOC(all->scale, ba_malloc(p, sizeof *all->scale));
    if (a->scale_features > 0) {
        BA_TRY(
            ba_design_scale(ctx, a->design, a->kept, a->n_used, all->mean, all->scale));
    }
    for (size_t c = 0; c < p; c++) {
        size_t space = ba_design_column(a->design, c).space;

        all->scale[c] = a->scale_features < 2 ? 1.0 : all->scale[c];
        if (a->gammas) {
            all->scale[c] /= sqrt(typical(a, a->gammas, n_spaces, space));
        }
    }
    training = (ba_training_t){a->design, a->kept, a->n_used, all->mean, all->scale};
    BA_TRY(ba_ridge_factor(ctx, &training, BA_SOLVER_AUTO, a->intercept, &all->factor));
    BA_TRY(ba_contribution_new(ctx, all->factor, &training, a->design, a->kept, 1,
        &neurons, &all->contribution));
    BA_TRY(ba_contribution_at(ctx, all->contribution, typical(a, a->alphas, 1, 0)));
    BA_TRY(ba_inverse_new(ctx, all->contribution, ba_ctx_memory(ctx) / 4, &all->inverse));
out:
    return status;
}

static int
make_sets(ba_align_concepts_t *concepts, const ba_inverse_t *inverse, size_t c)
{
    int status;
    const ba_align_opts_t *opts = concepts->aligning->opts;
    size_t top = concepts->top, n = opts->n_matched;

    status = ba_matched_sets(inverse, concepts->cell,
        concepts->aligning->neurons.n_neurons, concepts->neurons + c * top, top, n,
        concepts->ctx ? concepts->ctx->seed : 0, stream_of_chains + c,
        concepts->matched_sets + c * n * top, &concepts->matched[c]);
    return status == BA_OK ? BA_OK
                           : ba_fail_within(status, "concept '%s'", concepts->names[c]);
}

int
ba_align_matched_make(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    size_t n = concepts->aligning->opts->n_matched, size;
    redundancy_t all = {0};
    ba_error_keep_t keep = {0};

    if (n == 0) {
        return BA_OK;
    }
    ba_blas_single_thread();
    BA_TRY(ba_multiply(concepts->n * concepts->top, n, &size));
    BA_TRY_ALLOC(concepts->matched_sets, ba_malloc(size, sizeof *concepts->matched_sets));
    BA_TRY_ALLOC(concepts->matched, ba_calloc(concepts->n, sizeof *concepts->matched));
    BA_TRY(open_redundancy(concepts->ctx, concepts->aligning, &all));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(concepts->ctx))
    for (size_t c = 0; c < concepts->n; c++) {
        ba_error_keep(&keep, make_sets(concepts, all.inverse, c));
    }
    BA_TRY(ba_error_raise(&keep));
    for (size_t c = 0; c < concepts->n; c++) {
        if (concepts->matched[c].accepted < 0.02) {
            ba_ctx_log(concepts->ctx, BA_LOG_WARNING,
                "concept '%s': few sets match it (%.1f %% of exchanges): its test has "
                "little power",
                concepts->names[c], 100.0 * concepts->matched[c].accepted);
        }
    }
out:
    close_redundancy(&all);
    return status;
}
