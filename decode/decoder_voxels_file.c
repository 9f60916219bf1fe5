/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Response columns in the result file of decode fit: which there were, which were chosen
 * and by what, regions. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"

/* Columns of the responses as they came. */
static int
write_columns(ba_bundle_t *bundle, const ba_decoder_job_t *job, const char *path,
    int rank, const size_t *dims, const int32_t *columns)
{
    int status = BA_OK;
    size_t n = rank == 2 ? dims[0] * dims[1] : dims[0];
    const size_t *from = job->inputs.columns;
    int32_t *own = NULL;

    BA_TRY_ALLOC(own, ba_malloc(n, sizeof *own));
    for (size_t i = 0; i < n; i++) {
        own[i] = from && columns[i] >= 0 ? (int32_t) from[columns[i]] : columns[i];
    }
    BA_TRY(ba_bundle_write(bundle, path, BA_I32, rank, dims, own));
out:
    ba_free(own);
    return status;
}

/* Scores of columns, or of regions, and what was chosen by them. */
static int
write_chosen(ba_bundle_t *bundle, const ba_decoder_job_t *job)
{
    int status = BA_OK;
    const ba_chosen_t *chosen = &job->chosen;
    size_t folds = chosen->n_sets - 1, k = chosen->n, s = chosen->n_scores;
    size_t r = chosen->n_regions;

    if (folds > 0) {
        BA_TRY(write_columns(
            bundle, job, "/selected", 2, (size_t[]){folds, k}, chosen->columns));
        BA_TRY(ba_bundle_write(bundle,
            r > 0 ? "/regions/score_by_fold" : "/voxels/score_by_fold", BA_F64, 2,
            (size_t[]){folds, s}, chosen->scores));
    }
    if (folds > 0 && r > 0) {
        BA_TRY(ba_bundle_write(bundle, "/regions/selected", BA_I32, 2,
            (size_t[]){folds, r}, chosen->regions));
        BA_TRY(ba_decoder_write_status(
            bundle, "/regions/status_by_fold", 2, (size_t[]){folds, s}, chosen->status));
    }
    if (r > 0) {
        BA_TRY(ba_bundle_write(bundle, "/regions/selected_final", BA_I32, 1, &r,
            chosen->regions + folds * r));
        BA_TRY(ba_decoder_write_status(
            bundle, "/regions/status", 1, &s, chosen->status + folds * s));
    }
    BA_TRY(write_columns(
        bundle, job, "/selected_final", 1, &k, chosen->columns + folds * k));
    BA_TRY(ba_bundle_write(bundle, r > 0 ? "/regions/score" : "/voxels/score", BA_F64, 1,
        &s, chosen->scores + folds * s));
out:
    return status;
}

static int
write_regions(ba_bundle_t *bundle, const ba_decoder_job_t *job)
{
    int status = BA_OK;
    const ba_regions_t *list = &job->regions.list;
    size_t v = job->inputs.n_voxels, n = list->n;
    int32_t *numbers = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n > v ? n : v, sizeof *numbers));
    for (size_t j = 0; j < v; j++) {
        numbers[j] = (int32_t) job->inputs.columns[j];
    }
    BA_TRY(ba_bundle_write(bundle, "/voxels/column", BA_I32, 1, &v, numbers));
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (int32_t) list->n_members[i];
    }
    BA_TRY(ba_bundle_write_strings(
        bundle, "/regions/name", n, (const char *const *) list->names));
    BA_TRY(ba_bundle_write(bundle, "/regions/n_voxels", BA_I32, 1, &n, numbers));
out:
    ba_free(numbers);
    return status;
}

int
ba_decoder_voxels_write(ba_bundle_t *bundle, const ba_decoder_job_t *job)
{
    int status = BA_OK;
    const ba_decoder_inputs_t *inputs = &job->inputs;
    size_t v = inputs->n_voxels;
    int32_t *ijk = NULL;

    BA_TRY(ba_bundle_write(bundle, "/voxels/is_used", BA_U8, 1, &v, inputs->is_used));
    BA_TRY(job->chosen.n > 0 ? write_chosen(bundle, job) : BA_OK);
    BA_TRY(inputs->columns ? write_regions(bundle, job) : BA_OK);
    if (job->dataset->image && job->common.fit.n_subjects == 0) {
        BA_TRY_ALLOC(ijk, ba_malloc(v, 3 * sizeof *ijk));
        for (size_t j = 0; j < v; j++) {
            ba_image_voxel(job->dataset->image, inputs->columns ? inputs->columns[j] : j,
                ijk + 3 * j);
        }
        BA_TRY(ba_bundle_write(bundle, "/voxels/ijk", BA_I32, 2, (size_t[]){v, 3}, ijk));
    }
out:
    ba_free(ijk);
    return status;
}
