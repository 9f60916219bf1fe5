/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/brain_score.h"

#include "brainalign/significance.h"
#include "brainalign/similarity.h"
#include "core/alloc.h"
#include "model/fold_test.h"

#include <math.h>

int
ba_brain_scores_make(
    size_t n_regions, size_t n_neurons, size_t n_folds, ba_brain_scores_t *out)
{
    int status = BA_OK;
    size_t n;
    double **arrays[] = {&out->delta_r2, &out->positive, &out->alone_r, &out->weight_norm,
        &out->unique, &out->se, &out->p, &out->q, &out->positive_folds};

    *out = (ba_brain_scores_t){
        .n_regions = n_regions, .n_neurons = n_neurons, .n_folds = n_folds};
    BA_TRY(ba_multiply(n_regions, n_neurons, &n));
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        BA_TRY_ALLOC(*arrays[i], ba_calloc(n, sizeof(double)));
    }
    BA_TRY_ALLOC(out->by_fold, ba_calloc(n, n_folds * sizeof *out->by_fold));
    BA_TRY_ALLOC(out->stability, ba_calloc(n_regions, sizeof *out->stability));
    BA_TRY_ALLOC(out->n_alone, ba_calloc(n, sizeof *out->n_alone));
    BA_TRY_ALLOC(out->n_targets, ba_calloc(n_regions, sizeof *out->n_targets));
    BA_TRY_ALLOC(out->n_in_fold, ba_calloc(n_regions, n_folds * sizeof *out->n_in_fold));
out:
    return status;
}

void
ba_brain_scores_free(ba_brain_scores_t *scores)
{
    ba_free(scores->delta_r2);
    ba_free(scores->positive);
    ba_free(scores->alone_r);
    ba_free(scores->weight_norm);
    ba_free(scores->unique);
    ba_free(scores->by_fold);
    ba_free(scores->se);
    ba_free(scores->p);
    ba_free(scores->q);
    ba_free(scores->positive_folds);
    ba_free(scores->stability);
    ba_free(scores->n_alone);
    ba_free(scores->n_targets);
    ba_free(scores->n_in_fold);
    *scores = (ba_brain_scores_t){0};
}

/* ---- sums over targets ---- */

/* A target counts for all targets together and for its own region. */
static size_t
regions_of(const ba_align_regions_t *regions, size_t target, size_t list[2])
{
    list[0] = 0;
    list[1] = regions->region[target];
    return list[1] > 0 ? 2 : 1;
}

void
ba_brain_add_fold(ba_brain_scores_t *scores, const ba_align_regions_t *regions,
    size_t fold, const ba_aligned_t *values)
{
    size_t k = scores->n_neurons, list[2];

    for (size_t t = 0; t < values->n; t++) {
        size_t n = regions_of(regions, values->first + t, list);

        for (size_t i = 0; i < n && !isnan(values->r2[t]); i++) {
            size_t row = fold * scores->n_regions + list[i];

            scores->n_in_fold[row]++;
            for (size_t j = 0; j < k; j++) {
                scores->by_fold[row * k + j] +=
                    values->values[BA_ALIGN_DELTA_R2][t * k + j];
            }
        }
    }
}

static void
add_target(ba_brain_scores_t *scores, size_t region, const ba_aligned_t *values, size_t t)
{
    size_t k = scores->n_neurons;

    scores->n_targets[region]++;
    for (size_t j = 0; j < k; j++) {
        size_t at = region * k + j, from = t * k + j;
        double delta = values->values[BA_ALIGN_DELTA_R2][from];
        double alone = values->values[BA_ALIGN_ALONE_R][from];

        scores->delta_r2[at] += delta;
        scores->positive[at] += delta > 0.0 ? 1.0 : 0.0;
        scores->weight_norm[at] += values->values[BA_ALIGN_WEIGHT][from];
        scores->unique[at] += values->values[BA_ALIGN_UNIQUE][from];
        scores->alone_r[at] += isnan(alone) ? 0.0 : alone;
        scores->n_alone[at] += isnan(alone) ? 0 : 1;
    }
}

void
ba_brain_add_mean(ba_brain_scores_t *scores, const ba_align_regions_t *regions,
    const ba_aligned_t *values)
{
    size_t list[2];

    for (size_t t = 0; t < values->n; t++) {
        size_t n = regions_of(regions, values->first + t, list);

        for (size_t i = 0; i < n && !isnan(values->r2[t]); i++) {
            add_target(scores, list[i], values, t);
        }
    }
}

/* ---- means, and what folds say ---- */

static double
count_or_nan(uint32_t count)
{
    return count > 0 ? (double) count : (double) NAN;
}

static void
divide(ba_brain_scores_t *scores)
{
    size_t k = scores->n_neurons, n = scores->n_regions * k;

    for (size_t i = 0; i < n; i++) {
        double count = count_or_nan(scores->n_targets[i / k]);

        scores->delta_r2[i] /= count;
        scores->positive[i] /= count;
        scores->weight_norm[i] /= count;
        scores->unique[i] /= count;
        scores->alone_r[i] /= count_or_nan(scores->n_alone[i]);
    }
    for (size_t i = 0; i < scores->n_folds * n; i++) {
        scores->by_fold[i] /= count_or_nan(scores->n_in_fold[i / k]);
    }
}

static int
test_region(ba_brain_scores_t *scores, size_t region, double share)
{
    int status = BA_OK;
    size_t k = scores->n_neurons, first = region * k;
    double *values = NULL;

    BA_TRY_ALLOC(values, ba_malloc(scores->n_folds, sizeof *values));
    for (size_t j = 0; j < k; j++) {
        ba_fold_test_t test;
        size_t n_positive = 0;

        for (size_t f = 0; f < scores->n_folds; f++) {
            values[f] = scores->by_fold[f * scores->n_regions * k + first + j];
            n_positive += values[f] > 0.0 ? 1 : 0;
        }
        test = ba_fold_test(values, scores->n_folds, share);
        scores->se[first + j] = test.se;
        scores->p[first + j] = test.p;
        scores->positive_folds[first + j] =
            test.n > 0 ? (double) n_positive / (double) test.n : (double) NAN;
    }
    BA_TRY(ba_fdr_bh(scores->p + first, k, scores->q + first));
out:
    ba_free(values);
    return status;
}

/* Mean over pairs of folds of Spearman's correlation of the neurons' scores. */
static int
find_stability(ba_brain_scores_t *scores, size_t region)
{
    int status = BA_OK;
    size_t k = scores->n_neurons, stride = scores->n_regions * k, n = 0;
    double sum = 0.0;

    for (size_t f = 0; f < scores->n_folds; f++) {
        for (size_t g = f + 1; g < scores->n_folds; g++) {
            const double *a = scores->by_fold + f * stride + region * k;
            const double *b = scores->by_fold + g * stride + region * k;
            double rho = NAN;

            if (k > 2 && !isnan(a[0]) && !isnan(b[0])) {
                BA_TRY(ba_spearman(a, b, k, &rho));
            }
            sum += isnan(rho) ? 0.0 : rho;
            n += isnan(rho) ? 0 : 1;
        }
    }
    scores->stability[region] = n > 0 ? sum / (double) n : (double) NAN;
out:
    return status;
}

int
ba_brain_finish(ba_brain_scores_t *scores, double share)
{
    int status = BA_OK;

    divide(scores);
    for (size_t r = 0; r < scores->n_regions; r++) {
        BA_TRY(test_region(scores, r, share));
        BA_TRY(find_stability(scores, r));
    }
out:
    return status;
}
