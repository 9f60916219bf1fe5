/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoders of one stimulus side by side: the targets of all of them are those of one design,
 * with the penalties that each file has. */
#include "neurons/aligning.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings of the fit ---- */

typedef struct {
    int64_t gap[2], trim[2], zscore_runs;
    char *features, *responses;
    int has_intercept; /* -1 = not known, where no response varies */
} settings_t;

static void
free_settings(settings_t *settings)
{
    free(settings->features);
    free(settings->responses);
    *settings = (settings_t){.features = NULL};
}

static int
read_settings(const ba_encoder_t *encoder, settings_t *out)
{
    int status;
    const ba_bundle_t *bundle = encoder->bundle;

    *out = (settings_t){.features = NULL};
    BA_TRY(ba_bundle_get_string(bundle, "/", "scale_features", &out->features));
    BA_TRY(ba_bundle_get_string(bundle, "/", "scale_responses", &out->responses));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "cv_gap", 2, out->gap, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "trim", 2, out->trim, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "zscore_runs", 1, &out->zscore_runs, NULL));
    if (encoder->zscore_features) {
        BA_TRY(ba_fail(BA_UNSUPPORTED,
            "%s: features were z-scored per run, wanted an encoder that scales them on "
            "training rows",
            encoder->path));
    }
    out->has_intercept = -1;
    for (size_t t = 0; t < encoder->n_targets && out->has_intercept < 1; t++) {
        if (encoder->status[t] == 0 && isfinite(encoder->intercept[t])) {
            out->has_intercept = encoder->intercept[t] != 0.0;
        }
    }
out:
    return status;
}

static int
take_settings(ba_aligning_t *a)
{
    int status;
    settings_t found = {.features = NULL}, other = found;

    BA_TRY(read_settings(a->encoder, &found));
    for (size_t e = 1; e < a->n_encoders && found.has_intercept < 0; e++) {
        BA_TRY(read_settings(a->encoders[e], &other));
        found.has_intercept = other.has_intercept;
        free_settings(&other);
    }
    a->gap = found.gap[1] > 0 ? (size_t) found.gap[1] : 0;
    a->scale_features = strcmp(found.features, "none") == 0     ? 0
                        : strcmp(found.features, "center") == 0 ? 1
                                                                : 2;
    a->centre_responses = !found.zscore_runs && strcmp(found.responses, "none") != 0 &&
                          strcmp(found.responses, "runs") != 0;
    a->intercept = found.has_intercept > 0 ? BA_INTERCEPT_YES : BA_INTERCEPT_NO;
out:
    free_settings(&found);
    free_settings(&other);
    return status;
}

/* ---- are they of one stimulus? ---- */

/* What differs, NULL = nothing. */
static const char *
find_difference(const ba_encoder_t *a, const ba_encoder_t *b, const settings_t *x,
    const settings_t *y)
{
    int same_columns = a->n_spaces == b->n_spaces && a->n_delays == b->n_delays &&
                       a->n_features == b->n_features &&
                       memcmp(a->delays, b->delays, a->n_delays * sizeof *a->delays) == 0;

    for (size_t k = 0; same_columns && k < a->n_spaces; k++) {
        same_columns = strcmp(a->space_names[k], b->space_names[k]) == 0 &&
                       a->space_features[k] == b->space_features[k];
    }
    if (!same_columns ||
        memcmp(a->space_delays, b->space_delays, a->n_spaces * a->n_delays) != 0 ||
        a->delay_across_runs != b->delay_across_runs) {
        return "feature spaces or delays";
    }
    if (a->n_rows != b->n_rows ||
        memcmp(a->feature_hash, b->feature_hash, a->n_rows * sizeof *a->feature_hash)) {
        return "features (by their fingerprints)";
    }
    if (x->gap[1] != y->gap[1] || memcmp(x->trim, y->trim, sizeof x->trim) != 0) {
        return "gap or trimmed samples";
    }
    if (strcmp(x->features, y->features) != 0 ||
        strcmp(x->responses, y->responses) != 0 || x->zscore_runs != y->zscore_runs ||
        (x->has_intercept >= 0 && y->has_intercept >= 0 &&
            x->has_intercept != y->has_intercept) ||
        ba_bundle_has(a->bundle, "/bands/gammas_by_fold") !=
            ba_bundle_has(b->bundle, "/bands/gammas_by_fold")) {
        return "scaling, intercept or bands";
    }
    return NULL;
}

static int
has_splits(const ba_encoder_t *encoder, size_t n_samples)
{
    int rank;
    size_t dims[BA_MAX_RANK];

    return ba_bundle_shape(encoder->bundle, "/splits/outer", &rank, dims) == BA_OK &&
           rank == 1 && dims[0] == n_samples;
}

static int
has_runs(const ba_runs_t *a, const ba_runs_t *b)
{
    return a->n_runs == b->n_runs && a->n_samples == b->n_samples &&
           memcmp(a->onset, b->onset, (a->n_runs + 1) * sizeof *a->onset) == 0;
}

/* A recording cannot be two subjects. */
static int
check_apart(const ba_aligning_t *a, size_t e)
{
    const ba_encoder_t *encoder = a->encoders[e];

    if (encoder->n_rows == 0) {
        return ba_fail(BA_SHAPE,
            "%s: tells no fingerprints of its rows, wanted those by which subjects are "
            "known to have heard the same stimulus",
            encoder->path);
    }
    for (size_t k = 0; k < e; k++) {
        if (a->encoders[k]->n_rows == encoder->n_rows &&
            memcmp(a->encoders[k]->response_hash, encoder->response_hash,
                encoder->n_rows * sizeof *encoder->response_hash) == 0) {
            return ba_fail(BA_SHAPE,
                "%s: has the responses of %s, wanted those of another subject",
                encoder->path, a->encoders[k]->path);
        }
    }
    return BA_OK;
}

static int
check_same(const ba_aligning_t *a, size_t e, const settings_t *first)
{
    int status;
    const ba_encoder_t *encoder = a->encoders[e];
    const ba_dataset_t *dataset = a->opts->others[e - 1].dataset;
    settings_t settings = {.features = NULL};
    int32_t *ids = NULL;
    const char *what;

    BA_TRY(check_apart(a, e));
    BA_TRY(read_settings(encoder, &settings));
    what = find_difference(a->encoder, encoder, first, &settings);
    if (!what && !has_runs(&a->opts->dataset->train.runs, &dataset->train.runs)) {
        what = "runs";
    }
    if (!what) {
        what = "outer splits";
        BA_TRY_ALLOC(ids, ba_malloc(a->n_samples, 2 * sizeof *ids));
        if (has_splits(encoder, a->n_samples)) {
            BA_TRY(ba_bundle_read(
                a->encoder->bundle, "/splits/outer", BA_I32, NULL, NULL, ids));
            BA_TRY(ba_bundle_read(encoder->bundle, "/splits/outer", BA_I32, NULL, NULL,
                ids + a->n_samples));
            what = memcmp(ids, ids + a->n_samples, a->n_samples * sizeof *ids) == 0
                       ? NULL
                       : what;
        }
    }
    if (what) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: has other %s than %s, wanted subjects who heard the same stimulus",
            encoder->path, what, a->opts->encoder));
    }
out:
    ba_free(ids);
    free_settings(&settings);
    return status;
}

int
ba_align_encoders_load(ba_aligning_t *a)
{
    int status = BA_OK;
    size_t n = 1 + a->opts->n_others, dims[BA_MAX_RANK];
    int rank;
    settings_t first = {.features = NULL};

    BA_TRY_ALLOC(a->encoders, ba_calloc(n, sizeof(ba_encoder_t *)));
    a->n_encoders = n;
    BA_TRY_ALLOC(a->first_target, ba_calloc(n + 1, sizeof *a->first_target));
    for (size_t e = 0; e < n; e++) {
        BA_TRY(ba_encoder_load(ba_align_encoder(a, e), &a->encoders[e]));
        a->first_target[e + 1] = a->first_target[e] + a->encoders[e]->n_targets;
    }
    a->encoder = a->encoders[0];
    a->n_targets = a->first_target[n];
    BA_TRY(ba_bundle_shape(a->encoder->bundle, "/splits/outer", &rank, dims));
    if (!has_splits(a->encoder, a->n_samples)) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: fitted on %zu samples, but the data set has %zu",
            a->opts->encoder, dims[0], a->n_samples));
    }
    BA_TRY(take_settings(a));
    BA_TRY(read_settings(a->encoder, &first));
    for (size_t e = 1; e < n; e++) {
        BA_TRY(check_same(a, e, &first));
    }
out:
    free_settings(&first);
    return status;
}

/* ---- penalties and scores ---- */

/* n_rows x targets of an encoder, into columns of n_rows x all targets. */
static int
read_matrix(const ba_aligning_t *a, size_t e, const char *path, int rank,
    const size_t *dims, double *out)
{
    int status, found_rank;
    const ba_encoder_t *encoder = a->encoders[e];
    size_t found[BA_MAX_RANK], n_rows = 1, v = encoder->n_targets;
    double *own = NULL;

    BA_TRY(ba_bundle_shape(encoder->bundle, path, &found_rank, found));
    for (int i = 0; i < rank; i++) {
        if (found_rank != rank || found[i] != (i < rank - 1 ? dims[i] : v)) {
            BA_TRY(ba_fail(BA_FORMAT, "%s:%s: found another shape than its splits have",
                encoder->path, path));
        }
        n_rows *= i < rank - 1 ? dims[i] : 1;
    }
    BA_TRY_ALLOC(own, ba_malloc(n_rows, v * sizeof *own));
    BA_TRY(ba_bundle_read(encoder->bundle, path, BA_F64, NULL, NULL, own));
    for (size_t i = 0; i < n_rows; i++) {
        memcpy(out + i * a->n_targets + a->first_target[e], own + i * v, v * sizeof *own);
    }
out:
    ba_free(own);
    return status;
}

int
ba_align_read_targets(ba_aligning_t *a)
{
    int status;
    size_t dims[] = {a->n_folds, a->encoder->n_spaces}, n, n_gammas;
    int has_gammas = ba_bundle_has(a->encoder->bundle, "/bands/gammas_by_fold");

    BA_TRY(ba_multiply(a->n_folds, a->n_targets, &n));
    BA_TRY(ba_multiply(n, a->encoder->n_spaces, &n_gammas));
    BA_TRY_ALLOC(a->alphas, ba_malloc(n, sizeof *a->alphas));
    BA_TRY_ALLOC(a->r2_by_fold, ba_malloc(n, sizeof *a->r2_by_fold));
    if (has_gammas) {
        BA_TRY_ALLOC(a->gammas, ba_malloc(n_gammas, sizeof *a->gammas));
    }
    for (size_t e = 0; e < a->n_encoders; e++) {
        BA_TRY(read_matrix(a, e, "/best_alphas_by_fold", 2, dims, a->alphas));
        BA_TRY(read_matrix(a, e, "/scores/r2_by_fold", 2, dims, a->r2_by_fold));
        if (has_gammas) {
            BA_TRY(read_matrix(a, e, "/bands/gammas_by_fold", 3, dims, a->gammas));
        }
    }
out:
    return status;
}
