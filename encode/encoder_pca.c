/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_pca.h"

#include "core/alloc.h"

#include <stdio.h>

/* Blocks of `n` numbers out of every fold's components of one space, folds first. */
typedef struct {
    const ba_pca_t *first; /* of the first fold; the next is `stride` further */
    size_t n_folds, stride, p, k;
} folds_t;

static int
write_one(ba_bundle_t *bundle, const char *name, const char *what, int by_fold, int rank,
    const size_t *dims, const double *numbers)
{
    int status = BA_OK;
    char *path = NULL;

    BA_TRY_ALLOC(
        path, ba_asprintf("/pca/%s/%s%s", name, what, by_fold ? "_by_fold" : ""));
    BA_TRY(
        ba_bundle_write(bundle, path, BA_F64, rank - !by_fold, dims + !by_fold, numbers));
out:
    ba_free(path);
    return status;
}

/* Components of a space that is column-major in memory are components x features in C
 * order. */
static int
write_space(ba_bundle_t *bundle, const char *name, const folds_t *folds, int by_fold)
{
    int status = BA_OK;
    size_t n = folds->n_folds, p = folds->p, k = folds->k;
    double *numbers = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n * p, k * sizeof *numbers));
    for (size_t f = 0; f < n; f++) {
        const ba_pca_t *pca = folds->first + f * folds->stride;

        for (size_t i = 0; i < p * k; i++) {
            numbers[f * p * k + i] = pca->components[i];
        }
    }
    BA_TRY(
        write_one(bundle, name, "components", by_fold, 3, (size_t[]){n, k, p}, numbers));
    for (size_t i = 0; i < n * p; i++) {
        numbers[i] = folds->first[i / p * folds->stride].mean[i % p];
    }
    BA_TRY(write_one(bundle, name, "mean", by_fold, 2, (size_t[]){n, p}, numbers));
    for (size_t i = 0; i < n * k; i++) {
        const ba_pca_t *pca = folds->first + i / k * folds->stride;

        numbers[i] = pca->total > 0.0 ? pca->variance[i % k] / pca->total : 0.0;
    }
    BA_TRY(write_one(
        bundle, name, "explained_variance", by_fold, 2, (size_t[]){n, k}, numbers));
out:
    ba_free(numbers);
    return status;
}

int
ba_encoder_pca_write(
    ba_bundle_t *bundle, const ba_predictors_t *predictors, const ba_fit_result_t *result)
{
    int status = BA_OK;

    for (size_t s = 0; s < result->n_pca; s++) {
        const ba_space_t *space = &predictors->spaces[s];
        folds_t folds = {
            result->pca + s, 1, result->n_pca, space->n_features, space->n_components};

        if (space->n_components == 0) {
            continue;
        }
        BA_TRY(write_space(bundle, space->name, &folds, 0));
        if (result->pca_by_fold) {
            folds.first = result->pca_by_fold + s;
            folds.n_folds = result->n_outer;
            BA_TRY(write_space(bundle, space->name, &folds, 1));
        }
    }
out:
    return status;
}
