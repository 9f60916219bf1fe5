/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of neurons over the outer folds of an encoder. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* The refit's r2 may differ from the file's by so much, of fits in single precision. */
#define TOLERANCE 2e-3

/* A refit that scores otherwise than the encoder was not of the same data or settings. */
static int
check_scores(
    const ba_aligning_t *a, const ba_aligned_t *fold, size_t k, double *difference)
{
    for (size_t t = 0; t < a->n_targets; t++) {
        double wanted = a->r2_by_fold[k * a->n_targets + t], found = fold->r2[t];

        if (isnan(wanted)) {
            continue;
        }
        *difference = fmax(*difference, fabs(found - wanted));
        if (!(fabs(found - wanted) <= TOLERANCE * (1.0 + fabs(wanted)))) {
            return ba_fail(BA_SHAPE,
                "%s: fold %zu, target %zu (from 0): the refit has r2 %.6g, the file "
                "%.6g: "
                "wanted the features, responses and nuisance regressors of the fit",
                a->opts->encoder, k, t, found, wanted);
        }
    }
    return BA_OK;
}

/* Means over folds where defined: sums and counts first. */
static void
add(const ba_aligned_t *fold, const ba_aligning_t *a, ba_aligned_t *sum,
    uint16_t *counts[])
{
    size_t n = a->neurons.n_neurons * a->n_targets;

    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        for (size_t i = 0; i < n; i++) {
            if (!isnan(fold->values[s][i])) {
                sum->values[s][i] = counts[s][i] > 0
                                        ? sum->values[s][i] + fold->values[s][i]
                                        : fold->values[s][i];
                counts[s][i]++;
            }
        }
    }
    for (size_t t = 0; t < a->n_targets; t++) {
        if (!isnan(fold->r2[t])) {
            sum->r2[t] = isnan(sum->r2[t]) ? fold->r2[t] : sum->r2[t] + fold->r2[t];
        }
    }
}

static void
divide(const ba_aligning_t *a, ba_aligned_t *sum, uint16_t *counts[])
{
    size_t n = a->neurons.n_neurons * a->n_targets;

    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        for (size_t i = 0; i < n; i++) {
            sum->values[s][i] /= counts[s][i] > 0 ? counts[s][i] : 1.0;
        }
    }
    for (size_t t = 0; t < a->n_targets; t++) {
        size_t n_folds = 0;

        for (size_t k = 0; k < a->n_folds; k++) {
            n_folds += isnan(a->r2_by_fold[k * a->n_targets + t]) ? 0 : 1;
        }
        sum->r2[t] /= n_folds > 0 ? (double) n_folds : 1.0;
    }
}

static int
run_folds(const ba_ctx_t *ctx, const ba_aligning_t *a, ba_align_concepts_t *concepts,
    ba_aligned_t *folds, ba_aligned_t *mean, ba_align_info_t *info)
{
    int status = BA_OK;
    size_t n = a->neurons.n_neurons * a->n_targets;
    uint16_t *counts[BA_ALIGN_N] = {NULL};
    ba_aligned_t own = {0};

    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        BA_TRY_ALLOC(counts[s], ba_calloc(n, sizeof *counts[s]));
    }
    for (size_t k = 0; k < a->n_folds; k++) {
        ba_aligned_t *fold = a->opts->save_folds ? &folds[k] : &own;

        ba_aligned_free(fold);
        BA_TRY(ba_aligned_make(a, fold));
        BA_TRY(ba_align_fold(ctx, a, k, fold));
        BA_TRY(check_scores(a, fold, k, &info->difference));
        add(fold, a, mean, counts);
        BA_TRY(ba_align_concepts_take(concepts, k, fold));
        info->n_alphas += fold->n_alphas;
        ba_ctx_progress(ctx, "folds", (double) (k + 1), (double) a->n_folds);
    }
    divide(a, mean, counts);
out:
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        ba_free(counts[s]);
    }
    ba_aligned_free(&own);
    return status;
}

static void
sum_up(const ba_aligning_t *a, const ba_aligned_t *mean, ba_align_info_t *info)
{
    size_t k = a->neurons.n_neurons;
    double sum = 0.0;

    for (size_t t = 0; t < a->n_targets; t++) {
        if (isnan(mean->r2[t])) {
            continue;
        }
        info->n_scored++;
        for (size_t j = 0; j < k; j++) {
            sum += mean->values[BA_ALIGN_DELTA_R2][t * k + j];
        }
    }
    info->mean_delta_r2 = sum / ((double) info->n_scored * (double) k);
}

/* Outputs that exist are refused before the work. */
static int
check_tables(const ba_align_opts_t *opts)
{
    const char *const files[] = {
        opts->table, opts->ranking, opts->concept_table, opts->dissociation_table};
    int status = BA_OK;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ba_table_writer_t *writer = NULL;

        if (files[i]) {
            BA_TRY(ba_table_create(files[i], opts->force, &writer));
            ba_table_writer_free(writer);
        }
    }
out:
    return status;
}

static int
work(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, ba_align_concepts_t *concepts,
    ba_align_info_t *info)
{
    int status = BA_OK;
    ba_bundle_t *bundle = NULL;
    ba_aligned_t mean = {0}, *folds = NULL;

    BA_TRY(ba_bundle_create(aligning->opts->output, aligning->opts->force, &bundle));
    BA_TRY(check_tables(aligning->opts));
    BA_TRY_ALLOC(folds, ba_calloc(aligning->n_folds, sizeof *folds));
    BA_TRY(ba_aligned_make(aligning, &mean));
    BA_TRY(run_folds(ctx, aligning, concepts, folds, &mean, info));
    sum_up(aligning, &mean, info);
    BA_TRY(ba_align_concepts_run(concepts, &mean));
    ba_align_concepts_sum_up(concepts, info);
    BA_TRY(ba_align_concepts_write(concepts, bundle));
    BA_TRY(ba_align_write(ctx, aligning, regions, &mean, folds, info, bundle));
    BA_TRY(ba_align_concepts_table(concepts));
    BA_TRY(ba_align_dissociation_table(concepts));
out:
    for (size_t k = 0; folds && k < aligning->n_folds; k++) {
        ba_aligned_free(&folds[k]);
    }
    ba_free(folds);
    ba_aligned_free(&mean);
    ba_bundle_free(bundle);
    return status;
}

int
ba_neurons_align(const ba_ctx_t *ctx, const ba_align_opts_t *opts, ba_align_info_t *info)
{
    int status;
    ba_aligning_t aligning;
    ba_align_regions_t regions = {0};
    ba_align_concepts_t *concepts = NULL;

    *info = (ba_align_info_t){0};
    BA_TRY(ba_aligning_open(ctx, opts, &aligning));
    BA_TRY(ba_align_regions_read(opts->regions, aligning.n_targets, &regions));
    BA_TRY(ba_align_concepts_open(ctx, &aligning, &regions, &concepts));
    ba_align_concepts_sum_up(concepts, info);
    info->n_neurons = aligning.neurons.n_neurons;
    info->n_controls = aligning.encoder->n_features - info->n_neurons;
    info->n_targets = aligning.n_targets;
    info->n_folds = aligning.n_folds;
    info->n_regions = regions.n - 1;
    if (!opts->dry_run) {
        BA_TRY(work(ctx, &aligning, &regions, concepts, info));
    }
out:
    ba_align_concepts_free(concepts);
    ba_align_regions_free(&regions);
    ba_aligning_close(&aligning);
    return status;
}
