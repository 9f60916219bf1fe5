/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode score: a fitted encoder against responses that it has not seen. */
#include "encode/applier.h"
#include "encode/encoder_file.h"
#include "encode/fingerprint.h"
#include "encode/score_table.h"
#include "encode/score_test.h"

#include "brainalign/encode.h"
#include "core/alloc.h"
#include "core/error_keep.h"
#include "core/row_hash.h"
#include "datasets/provenance.h"
#include "fit/fit_impl.h"

#include <math.h>
#include <omp.h>
#include <string.h>

typedef struct {
    const ba_ctx_t *ctx;
    const ba_dataset_t *dataset;
    const ba_encode_apply_opts_t *opts;
    ba_applier_t applier;
    ba_detrend_opts_t detrend;
    tiles_t *tiles;
    size_t trim_first, trim_last;
    size_t target_start; /* first target of the encoder in the numbering of its fit */
    size_t column0;      /* and its column in these responses */
    size_t *rows;
    ba_runs_t runs;
    uint64_t *row_hash;
    double *r, *r2;
    int32_t *status;
    size_t n_in_flight; /* tiles that are tested side by side */
    ba_score_test_t test;
} scoring_t;

/* The encoder of a shard takes its columns out of all responses, or all columns of as
 * many. */
static int
find_targets(scoring_t *scoring)
{
    const ba_source_t *responses = scoring->dataset->train.responses;
    const ba_encoder_t *encoder = scoring->applier.encoder;
    size_t v = encoder->n_targets;
    int64_t range[2] = {0, 0}, total = 0;

    if (!responses) {
        return ba_fail(
            BA_VALUE, "responses: none given, wanted --responses or a run table");
    }
    if (ba_bundle_get_i64(encoder->bundle, "/", "target_range", 2, range, NULL) ==
            BA_OK &&
        ba_bundle_get_i64(encoder->bundle, "/", "n_targets_total", 1, &total, NULL) ==
            BA_OK) {
        scoring->target_start = (size_t) range[0];
    }
    if (ba_source_n_cols(responses) == v) {
        scoring->column0 = 0;
    } else if (ba_source_n_cols(responses) == (size_t) total) {
        scoring->column0 = scoring->target_start;
    } else {
        return ba_fail(BA_SHAPE, "%s: %zu targets, the encoder %s has %zu",
            ba_source_name(responses), ba_source_n_cols(responses),
            scoring->opts->encoder, v);
    }
    return BA_OK;
}

/* The encoder's voxels and those of these responses, one by one. */
static int
check_voxels(const scoring_t *scoring)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = scoring->applier.encoder;
    const ba_image_t *image = scoring->dataset->image;
    int32_t *wanted = NULL, found[3];

    if (!image || !ba_bundle_has(encoder->bundle, "/targets/ijk")) {
        return BA_OK;
    }
    BA_TRY_ALLOC(wanted, ba_malloc(encoder->n_targets, 3 * sizeof *wanted));
    BA_TRY(ba_bundle_read(encoder->bundle, "/targets/ijk", BA_I32, NULL, NULL, wanted));
    for (size_t t = 0; t < encoder->n_targets; t++) {
        const int32_t *at = wanted + 3 * t;

        ba_image_voxel(image, scoring->column0 + t, found);
        if (memcmp(found, at, sizeof found) != 0) {
            BA_TRY(ba_fail(BA_SHAPE,
                "mask: voxel %zu is (%d, %d, %d), the encoder %s was fitted on (%d, %d, "
                "%d) there",
                t, (int) found[0], (int) found[1], (int) found[2], encoder->path,
                (int) at[0], (int) at[1], (int) at[2]));
        }
    }
out:
    ba_free(wanted);
    return status;
}

static int
refuse(const scoring_t *scoring, const char *what, size_t n)
{
    return ba_fail(BA_SHAPE,
        "%s: %zu rows are known as rows that the encoder %s was fitted on, wanted new "
        "ones "
        "(--in-sample scores them all the same, and says so)",
        what, n, scoring->opts->encoder);
}

static int
check_features_are_new(const scoring_t *scoring)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = scoring->applier.encoder;
    size_t n = scoring->applier.n_samples, n_known = 0;

    if (scoring->opts->in_sample || encoder->n_rows == 0 || !encoder->feature_hash) {
        return BA_OK;
    }
    BA_TRY(ba_fingerprint_count(scoring->applier.predictors.row_hash, n,
        encoder->feature_hash, encoder->n_rows, &n_known));
    if ((double) n_known > BA_COINCIDENCES * (double) n) {
        BA_TRY(refuse(scoring, "features", n_known));
    }
out:
    return status;
}

static int
check_responses_are_new(const scoring_t *scoring)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = scoring->applier.encoder;
    size_t n_known = 0, n_samples = scoring->applier.n_samples;
    /* The encoder counts columns as its own responses did. */
    uint64_t shift = ba_row_hash_weight(scoring->target_start - scoring->column0);

    if (scoring->opts->in_sample || encoder->n_rows == 0 || !encoder->response_hash ||
        encoder->n_targets < 2) {
        return BA_OK;
    }
    for (size_t i = 0; i < n_samples; i++) {
        scoring->row_hash[i] *= shift;
    }
    BA_TRY(ba_fingerprint_count(
        scoring->row_hash, n_samples, encoder->response_hash, encoder->n_rows, &n_known));
    if (n_known > 0) {
        BA_TRY(
            refuse(scoring, ba_source_name(scoring->dataset->train.responses), n_known));
    }
out:
    return status;
}

/* "As in the fit" comes from the encoder file. */
static int
wants_zscore(const scoring_t *scoring)
{
    int64_t fitted = 0;

    if (scoring->opts->zscore_runs >= 0) {
        return scoring->opts->zscore_runs;
    }
    return ba_bundle_get_i64(scoring->applier.encoder->bundle, "/", "zscore_runs", 1,
               &fitted, NULL) == BA_OK &&
           fitted != 0;
}

/* Trim and detrending: given, or as the encoder file has them. */
static int
find_transforms(scoring_t *scoring)
{
    int status = BA_OK;
    const ba_encode_apply_opts_t *opts = scoring->opts;
    const ba_bundle_t *bundle = scoring->applier.encoder->bundle;
    int64_t trim[2] = {0, 0};
    double tr = opts->tr;
    char *detrend = NULL;

    scoring->trim_first = opts->trim_first;
    scoring->trim_last = opts->trim_last;
    if (opts->trim_first == BA_AS_IN_FIT) {
        BA_TRY(ba_bundle_get_i64(bundle, "/", "trim", 2, trim, NULL));
        scoring->trim_first = (size_t) trim[0];
        scoring->trim_last = (size_t) trim[1];
    }
    if (!opts->detrend) {
        BA_TRY(ba_bundle_get_string(bundle, "/", "detrend", &detrend));
    }
    if (tr <= 0.0) {
        BA_TRY(ba_bundle_get_f64(bundle, "/", "tr", 1, &tr, NULL));
    }
    BA_TRY(ba_detrend_parse(detrend ? detrend : opts->detrend, &scoring->detrend));
    scoring->detrend.tr = tr;
out:
    ba_free(detrend);
    return status;
}

static int
open_responses(scoring_t *scoring)
{
    int status = BA_OK;
    const ba_dataset_part_t *part = &scoring->dataset->train;
    const ba_predictors_t *predictors = &scoring->applier.predictors;
    tiles_opts_t settings = {0};

    BA_TRY_ALLOC(scoring->rows, ba_malloc(part->n_samples, sizeof *scoring->rows));
    BA_TRY(find_transforms(scoring));
    BA_TRY(ba_runs_trim(&part->runs, scoring->trim_first, scoring->trim_last,
        scoring->rows, &scoring->runs));
    scoring->n_in_flight = 1;
    if (scoring->opts->null.n_permutations > 0) {
        scoring->n_in_flight = (size_t) ba_ctx_threads(scoring->ctx);
        BA_TRY(ba_score_test_new(scoring->ctx, &scoring->opts->null, &scoring->runs,
            scoring->applier.encoder->n_targets, scoring->n_in_flight, &scoring->test));
    }
    settings = (tiles_opts_t){
        .source = part->responses,
        .rows = scoring->rows,
        .n_rows = scoring->runs.n_samples,
        .runs = &scoring->runs,
        .detrend = &scoring->detrend,
        .nuisance = {predictors->nuisance, part->n_samples, predictors->n_nuisance,
            part->n_samples},
        .zscore_runs = wants_zscore(scoring),
        .precision = BA_DOUBLE,
        .target_start = scoring->column0,
        .target_stop = scoring->column0 + scoring->applier.encoder->n_targets,
        .status = scoring->status,
        .row_hash = scoring->row_hash,
        .n_in_flight = scoring->n_in_flight,
    };
    BA_TRY(ba_tiles_open(scoring->ctx, &settings, &scoring->tiles));
out:
    return status;
}

/* Predictions of the kept rows of tile t, at the columns of the tile. */
static int
predict_tile(scoring_t *scoring, size_t t, double *predictions, double *kept)
{
    int status;
    size_t first, n, column, n_rows = scoring->runs.n_samples;
    size_t n_samples = scoring->applier.n_samples;

    ba_tiles_range(scoring->tiles, t, &first, &n, &column);
    memset(kept, 0, n_rows * BA_TILE * sizeof *kept);
    BA_TRY(ba_applier_predict(&scoring->applier, first, n, predictions));
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            kept[i + (column + j) * n_rows] =
                predictions[scoring->rows[i] + j * n_samples];
        }
    }
out:
    return status;
}

/* Scores of tile t. */
static void
score_tile(scoring_t *scoring, size_t t, const double *kept)
{
    size_t first, n, column, n_rows = scoring->runs.n_samples;
    const double *base = ba_tiles_get(scoring->tiles, t).base;

    ba_tiles_range(scoring->tiles, t, &first, &n, &column);
    base += column * n_rows;
    kept += column * n_rows;
    ba_score_f64(BA_SCORE_R, base, n_rows, kept, n_rows, n_rows, n, scoring->r + first);
    ba_score_f64(BA_SCORE_R2, base, n_rows, kept, n_rows, n_rows, n, scoring->r2 + first);
}

/* Whether target t has neither a score nor a test. */
static int
is_unscored(const scoring_t *scoring, size_t t)
{
    int32_t fitted = scoring->applier.encoder->status[t];

    return isnan(scoring->r[t]) || scoring->status[t] != BA_TARGET_SCORED ||
           fitted == BA_TARGET_NONFINITE || fitted == BA_TARGET_CONSTANT;
}

/* The test of tile t by one worker, with room for its responses. */
static int
test_tile(scoring_t *scoring, size_t t, size_t worker, double *kept, double *responses)
{
    size_t first, n, column, n_rows = scoring->runs.n_samples;

    ba_tiles_range(scoring->tiles, t, &first, &n, &column);
    for (size_t j = 0; j < n; j++) {
        if (is_unscored(scoring, first + j)) {
            kept[(column + j) * n_rows] = (double) NAN;
        }
    }
    memcpy(responses, ba_tiles_get(scoring->tiles, t).base,
        n_rows * BA_TILE * sizeof *responses);
    return ba_score_test_tile(&scoring->test, worker, responses, kept, first, n, column);
}

/* Tiles t0 .. t0 + n - 1, which are loaded. kept and responses: one area a tile. */
static int
score_loaded(scoring_t *scoring, size_t t0, size_t n, double *predictions, double *kept)
{
    int status = BA_OK;
    size_t area = scoring->runs.n_samples * BA_TILE;
    double *responses = kept + scoring->n_in_flight * area;
    ba_error_keep_t keep = {.status = BA_OK};

    for (size_t i = 0; i < n; i++) {
        BA_TRY(predict_tile(scoring, t0 + i, predictions, kept + i * area));
        score_tile(scoring, t0 + i, kept + i * area);
    }
    if (scoring->opts->null.n_permutations == 0) {
        goto out;
    }
#pragma omp parallel for schedule(dynamic) num_threads((int) scoring->n_in_flight)
    for (size_t i = 0; i < n; i++) {
        ba_error_keep(&keep, test_tile(scoring, t0 + i, (size_t) omp_get_thread_num(),
                                 kept + i * area, responses + i * area));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    return status;
}

static int
score_tiles(scoring_t *scoring)
{
    int status = BA_OK;
    size_t n_tiles = ba_tiles_count(scoring->tiles), n, n_rows = scoring->runs.n_samples;
    double *predictions = NULL, *kept = NULL;

    BA_TRY_ALLOC(predictions,
        ba_malloc(scoring->applier.n_samples, BA_TILE * sizeof *predictions));
    BA_TRY_ALLOC(
        kept, ba_malloc(2 * scoring->n_in_flight * n_rows, BA_TILE * sizeof *kept));
    for (size_t t0 = 0; t0 < n_tiles; t0 += n) {
        BA_TRY(ba_tiles_load(scoring->ctx, scoring->tiles, t0, &n));
        BA_TRY(score_loaded(scoring, t0, n, predictions, kept));
        ba_ctx_progress(scoring->ctx, "score", (double) (t0 + n), (double) n_tiles);
    }
    if (scoring->opts->null.n_permutations > 0) {
        BA_TRY(ba_score_test_finish(&scoring->test));
    }
out:
    ba_free(predictions);
    ba_free(kept);
    return status;
}

/* Unusable targets and models have no score; what is left undefined lacks test variance.
 */
static double
finish(scoring_t *scoring)
{
    const ba_encoder_t *encoder = scoring->applier.encoder;
    double sum = 0.0;
    size_t n = 0;

    for (size_t t = 0; t < encoder->n_targets; t++) {
        int32_t fitted = encoder->status[t];

        if (scoring->status[t] == BA_TARGET_SCORED &&
            (fitted == BA_TARGET_NONFINITE || fitted == BA_TARGET_CONSTANT)) {
            scoring->status[t] = fitted;
        }
        if (scoring->status[t] != BA_TARGET_SCORED) {
            scoring->r[t] = scoring->r2[t] = NAN;
        } else if (isnan(scoring->r[t])) {
            scoring->status[t] = BA_TARGET_NO_TEST_VARIANCE;
        } else {
            sum += scoring->r[t];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static int
write_bundle(
    const scoring_t *scoring, const ba_provenance_t *provenance, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t v = scoring->applier.encoder->n_targets;
    const char *more[] = {scoring->opts->encoder, NULL};

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-scores"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(ba_bundle_attr_i64(
        bundle, "/", "in_sample", 1, (int64_t[]){scoring->opts->in_sample}));
    BA_TRY(ba_bundle_write(bundle, "/scores/r", BA_F64, 1, &v, scoring->r));
    BA_TRY(ba_bundle_write(bundle, "/scores/r2", BA_F64, 1, &v, scoring->r2));
    BA_TRY(ba_inference_write_r(&scoring->opts->null, &scoring->test.found, bundle));
    BA_TRY(ba_encoder_file_targets(bundle, scoring->dataset, scoring->column0, v));
    BA_TRY(ba_encoder_file_status(bundle, v, scoring->status));
    BA_TRY(ba_provenance_write(provenance, scoring->dataset, more, bundle));
    BA_TRY(ba_bundle_commit(bundle));
out:
    return status;
}

static int
write_outputs(
    const scoring_t *scoring, const ba_provenance_t *provenance, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_encode_apply_opts_t *opts = scoring->opts;
    ba_score_outputs_t outputs = {NULL, NULL};
    ba_score_columns_t columns = {scoring->column0, scoring->applier.encoder->n_targets,
        scoring->runs.n_samples, scoring->r, scoring->r2, NULL, scoring->status,
        .p = scoring->test.found.r.p, .q = scoring->test.found.r.q};

    BA_TRY(ba_score_outputs_make(
        scoring->dataset, &columns, opts->table, opts->map, opts->force, &outputs));
    BA_TRY(write_bundle(scoring, provenance, bundle));
    BA_TRY(ba_score_outputs_commit(&outputs));
out:
    ba_score_outputs_free(&outputs);
    return status;
}

static void
scoring_free(scoring_t *scoring)
{
    ba_tiles_close(scoring->tiles);
    ba_score_test_free(&scoring->test);
    ba_applier_close(&scoring->applier);
    ba_runs_free(&scoring->runs);
    ba_free(scoring->rows);
    ba_free(scoring->row_hash);
    ba_free(scoring->r);
    ba_free(scoring->r2);
    ba_free(scoring->status);
}

static int
set_up(scoring_t *scoring)
{
    int status = BA_OK;
    size_t v;

    BA_TRY(ba_applier_open(
        scoring->ctx, scoring->opts->encoder, scoring->dataset, &scoring->applier));
    BA_TRY(find_targets(scoring));
    BA_TRY(check_voxels(scoring));
    BA_TRY(check_features_are_new(scoring));
    v = scoring->applier.encoder->n_targets;
    BA_TRY_ALLOC(scoring->r, ba_malloc(v, sizeof *scoring->r));
    BA_TRY_ALLOC(scoring->r2, ba_malloc(v, sizeof *scoring->r2));
    BA_TRY_ALLOC(scoring->status, ba_calloc(v, sizeof *scoring->status));
    BA_TRY_ALLOC(scoring->row_hash,
        ba_calloc(scoring->applier.n_samples, sizeof *scoring->row_hash));
    BA_TRY(open_responses(scoring));
out:
    return status;
}

int
ba_encode_score(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_apply_opts_t *opts, ba_encode_score_info_t *info)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    scoring_t scoring = {.ctx = ctx, .dataset = dataset, .opts = opts};
    ba_bundle_t *bundle = NULL;
    double mean;

    BA_TRY(ba_score_outputs_check(
        dataset, opts->output, opts->table, opts->map, opts->force));
    BA_TRY(set_up(&scoring));
    BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    BA_TRY(score_tiles(&scoring));
    BA_TRY(check_responses_are_new(&scoring));
    mean = finish(&scoring);
    BA_TRY(write_outputs(&scoring, &provenance, bundle));
    if (info) {
        info->mean_r = mean;
        BA_TRY(ba_inference_sum_up(&scoring.test.found, &info->inference));
    }
out:
    ba_bundle_free(bundle);
    scoring_free(&scoring);
    return status;
}
