/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An encoder with its data in memory: features, prepared responses, held-out
 * residuals. */
#include "decode/invert_impl.h"

#include "brainalign/detrend.h"
#include "core/alloc.h"
#include "core/row_hash.h"
#include "fit/fit_impl.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

static const double default_shares[] = {
    1.0, 0.9, 0.8, 2.0 / 3.0, 0.5, 0.35, 0.2, 0.1, 0.05};

/* ---- responses ---- */

static int
find_targets(ba_decoding_t *decoding)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;

    BA_TRY_ALLOC(
        decoding->targets, ba_malloc(encoder->n_targets, sizeof *decoding->targets));
    for (size_t t = 0; t < encoder->n_targets; t++) {
        if (encoder->status[t] == 0) {
            decoding->targets[decoding->n_targets++] = t;
        }
    }
    if (decoding->n_targets == 0) {
        BA_TRY(
            ba_fail(BA_SHAPE, "%s: no target has a model, wanted some", encoder->path));
    }
out:
    return status;
}

/* Preparation as in the fit. */
static int
find_preparation(const ba_bundle_t *bundle, ba_detrend_opts_t *detrend, int *zscore_runs)
{
    int status = BA_OK;
    int64_t zscore = 0;
    char *text = NULL;

    BA_TRY(ba_bundle_get_i64(bundle, "/", "zscore_runs", 1, &zscore, NULL));
    BA_TRY(ba_bundle_get_string(bundle, "/", "detrend", &text));
    BA_TRY(ba_detrend_parse(text, detrend));
    BA_TRY(ba_bundle_get_f64(bundle, "/", "tr", 1, &detrend->tr, NULL));
    *zscore_runs = zscore != 0;
out:
    ba_free(text);
    return status;
}

static int
read_nuisance(const ba_dataset_part_t *part, double **out, size_t *n_columns)
{
    int status = BA_OK;
    size_t n = part->n_samples, repeats = part->n_repeats > 0 ? part->n_repeats : 1, k;

    *n_columns = 0;
    if (!part->nuisance) {
        return BA_OK;
    }
    k = ba_source_n_cols(part->nuisance);
    *n_columns = k * repeats;
    BA_TRY_ALLOC(*out, ba_malloc(n, *n_columns * sizeof **out));
    for (size_t slab = 0; slab < repeats; slab++) {
        size_t from = ba_source_n_slabs(part->nuisance) > 1 ? slab : 0;

        BA_TRY(ba_source_read(part->nuisance, from, 0, n, 0, k, *out + slab * k * n, n));
    }
out:
    return status;
}

/* First column of the encoder's targets in these responses. */
static int
find_column(const ba_decoding_t *decoding, size_t *column0, size_t *target_start)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    const ba_source_t *responses = decoding->dataset->train.responses;
    int64_t range[2] = {0, 0}, total = 0;
    size_t n;

    if (!responses) {
        BA_TRY(ba_fail(BA_VALUE, "responses: none, wanted those of the fit"));
    }
    n = ba_source_n_cols(responses);
    BA_TRY(ba_bundle_get_i64(encoder->bundle, "/", "target_range", 2, range, NULL));
    BA_TRY(ba_bundle_get_i64(encoder->bundle, "/", "n_targets_total", 1, &total, NULL));
    *target_start = (size_t) range[0];
    *column0 = n == (size_t) total ? *target_start : 0;
    if (n != (size_t) total && n != encoder->n_targets) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu targets, the encoder %s has %zu",
            ba_source_name(responses), n, encoder->path, encoder->n_targets));
    }
out:
    return status;
}

static int
check_hashes(const ba_decoding_t *decoding, const uint64_t *hash, uint64_t shift)
{
    const ba_encoder_t *encoder = decoding->encoder;

    for (size_t i = 0; encoder->response_hash && i < decoding->n_samples; i++) {
        if (i >= encoder->n_rows || hash[i] * shift != encoder->response_hash[i]) {
            return ba_fail(BA_SHAPE,
                "responses: row %zu (from 0) is another than %s was fitted on, by its "
                "fingerprint, wanted the responses of the fit",
                i, encoder->path);
        }
    }
    return BA_OK;
}

/* Usable columns of every tile. */
static int
copy_tiles(ba_decoding_t *decoding, tiles_t *tiles)
{
    int status = BA_OK;
    size_t n = decoding->n_kept, v = decoding->encoder->n_targets, at = 0;
    size_t n_tiles = 0, done = 0;

    for (size_t t = 0; done < v; t++, n_tiles++) {
        size_t first, width, column, loaded;
        const double *base;

        BA_TRY(ba_ctx_check(decoding->ctx));
        BA_TRY(ba_tiles_load(decoding->ctx, tiles, t, &loaded));
        ba_tiles_range(tiles, t, &first, &width, &column);
        base = ba_tiles_get(tiles, t).base;
        for (size_t j = 0; j < width; j++) {
            if (at < decoding->n_targets && decoding->targets[at] == first + j) {
                memcpy(decoding->responses + at * n, base + (column + j) * n,
                    n * sizeof *base);
                at++;
            }
        }
        done += width;
    }
out:
    return status;
}

static int
read_responses(ba_decoding_t *decoding, const ba_runs_t *runs)
{
    int status = BA_OK, zscore_runs;
    const ba_dataset_part_t *part = &decoding->dataset->train;
    size_t n_nuisance, column0, target_start, v = decoding->encoder->n_targets;
    ba_detrend_opts_t detrend;
    double *nuisance = NULL;
    int32_t *codes = NULL;
    uint64_t *hash = NULL;
    tiles_t *tiles = NULL;

    BA_TRY(find_column(decoding, &column0, &target_start));
    BA_TRY(find_preparation(decoding->encoder->bundle, &detrend, &zscore_runs));
    BA_TRY(read_nuisance(part, &nuisance, &n_nuisance));
    BA_TRY_ALLOC(codes, ba_calloc(v, sizeof *codes));
    BA_TRY_ALLOC(hash, ba_calloc(part->n_samples, sizeof *hash));
    BA_TRY_ALLOC(decoding->responses,
        ba_malloc(decoding->n_kept, decoding->n_targets * sizeof(double)));
    BA_TRY(ba_tiles_open(decoding->ctx,
        &(tiles_opts_t){.source = part->responses,
            .rows = decoding->kept,
            .n_rows = decoding->n_kept,
            .runs = runs,
            .detrend = &detrend,
            .nuisance = {nuisance, part->n_samples, n_nuisance, part->n_samples},
            .zscore_runs = zscore_runs,
            .precision = BA_DOUBLE,
            .target_start = column0,
            .target_stop = column0 + v,
            .status = codes,
            .row_hash = hash,
            .n_in_flight = 1},
        &tiles));
    BA_TRY(copy_tiles(decoding, tiles));
    BA_TRY(check_hashes(decoding, hash, ba_row_hash_weight(target_start - column0)));
out:
    ba_tiles_close(tiles);
    ba_free(nuisance);
    ba_free(codes);
    ba_free(hash);
    return status;
}

static int
copy_shares(ba_decoding_t *decoding)
{
    int status = BA_OK;
    const ba_decode_model_opts_t *opts = decoding->opts;
    size_t n =
        opts->shares ? opts->n_shares : sizeof default_shares / sizeof *default_shares;
    const double *shares = opts->shares ? opts->shares : default_shares;

    BA_TRY_ALLOC(decoding->shares, ba_malloc(n, sizeof *shares));
    memcpy(decoding->shares, shares, n * sizeof *shares);
    decoding->n_shares = n;
    for (size_t i = 0; i < n; i++) {
        if (!(shares[i] > 0.0 && shares[i] <= 1.0) ||
            (i > 0 && shares[i] >= shares[i - 1])) {
            BA_TRY(ba_fail(BA_VALUE,
                "shares: %g in place %zu, wanted numbers above 0 and at most 1, "
                "descending",
                shares[i], i + 1));
        }
    }
out:
    return status;
}

/* Features that the model was fitted on as they are. */
static int
check_features(const ba_encoder_t *encoder)
{
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        if (encoder->pca[k].n_components > 0) {
            return ba_fail(BA_UNSUPPORTED,
                "%s: features '%s' were fitted by principal components, which differ "
                "between folds, wanted features as they are",
                encoder->path, encoder->space_names[k]);
        }
    }
    if (encoder->zscore_features) {
        return ba_fail(BA_UNSUPPORTED,
            "%s: features were z-scored per run, wanted another --scale-features",
            encoder->path);
    }
    return BA_OK;
}

/* Enough folds to leave out two (three where the share is chosen), and a model that can
 * be fitted again. */
static int
check_folds(const ba_decoding_t *decoding)
{
    const ba_decode_model_opts_t *opts = decoding->opts;
    int chooses =
        isnan(opts->share) && opts->noise == BA_NOISE_SHRUNK && !opts->ledoit_wolf;
    size_t wanted = chooses ? 4 : 3;

    if (opts->in_sample) {
        return chooses ? ba_fail(BA_VALUE, "share: chosen by identification in sample, "
                                           "wanted a given one or Ledoit-Wolf")
                       : BA_OK;
    }
    if (decoding->n_folds < wanted) {
        return ba_fail(BA_SHAPE,
            "%s: %zu outer folds, wanted %zu or more: one is decoded, another left out "
            "for "
            "residuals%s",
            decoding->encoder->path, decoding->n_folds, wanted,
            chooses ? ", a third to choose the share (3 do with a given --share)"
                    : " of a fit to the rest");
    }
    return BA_OK;
}

int
ba_decoding_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_model_opts_t *opts, ba_decoding_t *out)
{
    int status = BA_OK;
    ba_runs_t runs = {.n_samples = 0};

    *out = (ba_decoding_t){.ctx = ctx,
        .dataset = dataset,
        .opts = opts,
        .n_samples = dataset->train.n_samples};
    ba_blas_single_thread();
    BA_TRY(ba_encoder_load(opts->encoder, &out->encoder));
    BA_TRY(ba_input_files_add(&out->files, opts->encoder));
    BA_TRY(check_features(out->encoder));
    BA_TRY(copy_shares(out));
    BA_TRY(find_targets(out));
    BA_TRY(ba_decoding_rows(out, &runs));
    BA_TRY(check_folds(out));
    BA_TRY(ba_decoding_delays(out));
    BA_TRY(ba_decoding_plan(out));
    BA_TRY(ba_decoding_features(out));
    BA_TRY(read_responses(out, &runs));
    BA_TRY(ba_decoding_design(out));
out:
    ba_runs_free(&runs);
    return status;
}

void
ba_decoding_close(ba_decoding_t *decoding)
{
    ba_encoder_free(decoding->encoder);
    ba_free(decoding->features);
    ba_runs_free(&decoding->borders);
    ba_free(decoding->kept);
    ba_free(decoding->delays);
    ba_free(decoding->run);
    ba_free(decoding->fold);
    ba_free(decoding->targets);
    ba_free(decoding->responses);
    ba_design_free(decoding->design);
    ba_free(decoding->spaces);
    ba_free(decoding->space_delays);
    ba_free(decoding->shares);
    ba_input_files_free(&decoding->files);
    *decoding = (ba_decoding_t){.n_folds = 0};
}
