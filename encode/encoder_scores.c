/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_scores.h"

#include "core/alloc.h"

/* A whole list of n elements. */
static int
read_list(const ba_bundle_t *bundle, const char *path, ba_dtype_t type, size_t size,
    size_t n, void **out)
{
    int status = BA_OK, rank;
    size_t dims[BA_MAX_RANK];

    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    if (rank != 1 || dims[0] != n) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: not a list of %zu numbers", path, n));
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, size));
    BA_TRY(ba_bundle_read(bundle, path, type, NULL, NULL, *out));
out:
    return status;
}

static int
read_numbers(const ba_bundle_t *bundle, const char *path, size_t n, double **out)
{
    void *list = NULL;
    int status = read_list(bundle, path, BA_F64, sizeof **out, n, &list);

    *out = list;
    return status;
}

static int
read_codes(const ba_bundle_t *bundle, const char *path, size_t n, int32_t **out)
{
    void *list = NULL;
    int status = read_list(bundle, path, BA_I32, sizeof **out, n, &list);

    *out = list;
    return status;
}

static int
read_sizes(const ba_bundle_t *bundle, ba_fit_result_t *out)
{
    int status = BA_OK, rank;
    int64_t n_samples, n_used, range[2];
    size_t dims[BA_MAX_RANK];

    BA_TRY(ba_bundle_get_i64(bundle, "/", "n_samples", 1, &n_samples, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "n_samples_used", 1, &n_used, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "target_range", 2, range, NULL));
    out->n_samples = (size_t) n_samples;
    out->n_used = (size_t) n_used;
    out->target_start = (size_t) range[0];
    BA_TRY(ba_bundle_shape(bundle, "/scores/r", &rank, dims));
    out->n_targets = dims[0];
    BA_TRY(ba_bundle_shape(bundle, "/alphas", &rank, dims));
    out->n_alphas = dims[0];
    if (ba_bundle_has(bundle, "/scores/r_by_fold")) {
        BA_TRY(ba_bundle_shape(bundle, "/scores/r_by_fold", &rank, dims));
        out->n_outer = dims[0];
    }
out:
    return status;
}

static int
check_codes(const ba_fit_result_t *result)
{
    static const int32_t last = BA_TARGET_NO_TEST;

    for (size_t t = 0; t < result->n_targets; t++) {
        if (result->status[t] < 0 || result->status[t] > last) {
            return ba_fail(BA_FORMAT, "/status: code %d, wanted 0 to %d",
                (int) result->status[t], (int) last);
        }
    }
    return BA_OK;
}

int
ba_encoder_scores_load(const ba_bundle_t *bundle, ba_fit_result_t *out)
{
    int status = BA_OK;
    size_t n;
    void *hashes = NULL;

    *out = (ba_fit_result_t){0};
    BA_TRY(read_sizes(bundle, out));
    n = out->n_targets;
    BA_TRY(read_numbers(bundle, "/scores/r", n, &out->r));
    BA_TRY(read_numbers(bundle, "/scores/r2", n, &out->r2));
    BA_TRY(read_numbers(bundle, "/best_alphas", n, &out->best_alphas));
    BA_TRY(read_numbers(bundle, "/alphas", out->n_alphas, &out->alphas));
    BA_TRY(read_codes(bundle, "/status", n, &out->status));
    BA_TRY(read_codes(bundle, "/splits/outer", out->n_samples, &out->outer_fold));
    BA_TRY(read_list(bundle, "/splits/response_hash", BA_U64, sizeof *out->target_hash,
        out->n_samples, &hashes));
    out->target_hash = hashes;
    BA_TRY(check_codes(out));
out:
    if (status != BA_OK) {
        ba_fit_result_free(out);
    }
    return status;
}

ba_score_columns_t
ba_encoder_scores_columns(const ba_fit_result_t *result, const ba_inference_t *inference)
{
    return (ba_score_columns_t){.target_start = result->target_start,
        .n_targets = result->n_targets,
        .n_samples = result->n_used,
        .r = result->r,
        .r2 = result->r2,
        .alpha = result->best_alphas,
        .p = inference->r.p,
        .q = inference->r.q,
        .ceiling = inference->ceiling,
        .r_norm = inference->r_normalized,
        .increment_r2 = inference->increment_r2,
        .p_increment = inference->increment.p,
        .q_increment = inference->increment.q,
        .control_r = inference->control_r,
        .control_r2 = inference->control_r2,
        .status = result->status};
}
