/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores and result file of decode invert, and what it shares with that of decode
 * identify. */
#include "decode/invert_impl.h"

#include "core/alloc.h"

#include <math.h>

static const char *const noise_words[] = {"shrunk", "white", "diagonal", "low-rank"};
static const char *const target_words[] = {"diagonal", "scaled", "identity"};

static int
flag(ba_bundle_t *bundle, const char *name, int value)
{
    int64_t number = value;

    return ba_bundle_attr_i64(bundle, "/", name, 1, &number);
}

int
ba_decoding_write(const ba_decoding_t *decoding, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_decode_model_opts_t *opts = decoding->opts;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t n = decoding->n_samples, v = decoding->n_targets;
    int32_t *fold = NULL;
    int64_t *index = NULL, *delays = NULL;

    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(flag(bundle, "in_sample", opts->in_sample));
    BA_TRY(flag(bundle, "prewhitened", opts->prewhiten));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "noise", noise_words[opts->noise]));
    if (opts->noise == BA_NOISE_SHRUNK) {
        BA_TRY(ba_bundle_attr_string(bundle, "/", "noise_target",
            opts->ledoit_wolf ? "scaled" : target_words[opts->target]));
        BA_TRY(ba_bundle_attr_string(bundle, "/", "share_by",
            opts->ledoit_wolf    ? "ledoit-wolf"
            : isnan(opts->share) ? "identification"
                                 : "given"));
        BA_TRY(flag(bundle, "normalised_folds", opts->normalise_folds));
    }
    BA_TRY_ALLOC(delays, ba_malloc(encoder->n_delays, sizeof *delays));
    for (size_t i = 0; i < encoder->n_delays; i++) {
        delays[i] = encoder->delays[i];
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "delays", encoder->n_delays, delays));
    BA_TRY_ALLOC(fold, ba_malloc(n, sizeof *fold));
    for (size_t i = 0; i < n; i++) {
        fold[i] = -1;
    }
    for (size_t i = 0; i < decoding->n_kept; i++) {
        fold[decoding->kept[i]] = decoding->fold[i];
    }
    BA_TRY(ba_bundle_write(bundle, "/fold", BA_I32, 1, &n, fold));
    BA_TRY_ALLOC(index, ba_malloc(v, sizeof *index));
    for (size_t j = 0; j < v; j++) {
        index[j] = (int64_t) decoding->targets[j];
    }
    BA_TRY(ba_bundle_write(bundle, "/targets/index", BA_I64, 1, &v, index));
    BA_TRY(ba_bundle_write(
        bundle, "/noise/shares", BA_F64, 1, &decoding->n_shares, decoding->shares));
out:
    ba_free(delays);
    ba_free(fold);
    ba_free(index);
    return status;
}

/* Correlation of each feature with its posterior mean over the fold's samples. */
void
ba_inverted_score(const ba_decoding_t *decoding, const int32_t *fold_of, size_t fold,
    ba_inverted_t *found)
{
    size_t f = found->n_features, n = decoding->n_samples;

    for (size_t j = 0; j < f; j++) {
        double count = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;

        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < n; i++) {
                double a = decoding->features[i + found->features[j] * n],
                       b = found->mean[i * f + j];

                if (fold_of[i] != (int32_t) fold || isnan(b)) {
                    continue;
                }
                if (pass == 0) {
                    count += 1.0;
                    x += a;
                    y += b;
                } else {
                    xx += (a - x / count) * (a - x / count);
                    yy += (b - y / count) * (b - y / count);
                    xy += (a - x / count) * (b - y / count);
                }
            }
        }
        found->r_by_fold[fold * f + j] =
            xx > 0.0 && yy > 0.0 ? xy / sqrt(xx * yy) : (double) NAN;
    }
}

static int
write_stretches(const ba_inverted_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    static const char *const paths[] = {
        "/stretches/fold", "/stretches/run", "/stretches/first", "/stretches/n"};
    size_t n = found->n_stretches;
    int64_t *numbers = NULL;
    double *evidence = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n, sizeof *numbers));
    BA_TRY_ALLOC(evidence, ba_malloc(n, sizeof *evidence));
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < n; i++) {
            const ba_inverted_stretch_t *s = &found->stretches[i];

            numbers[i] = k == 0 ? s->fold : k == 1 ? s->run : k == 2 ? s->first : s->n;
            evidence[i] = s->evidence;
        }
        BA_TRY(ba_bundle_write(bundle, paths[k], BA_I64, 1, &n, numbers));
    }
    BA_TRY(ba_bundle_write(bundle, "/stretches/log_evidence", BA_F64, 1, &n, evidence));
out:
    ba_free(numbers);
    ba_free(evidence);
    return status;
}

/* Mean over the folds where a feature has a score. */
static int
write_scores(const ba_inverted_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t f = found->n_features;
    double *mean = NULL;

    BA_TRY_ALLOC(mean, ba_malloc(f, sizeof *mean));
    for (size_t j = 0; j < f; j++) {
        double sum = 0.0, n = 0.0;

        for (size_t k = 0; k < found->n_folds; k++) {
            double r = found->r_by_fold[k * f + j];

            sum += isnan(r) ? 0.0 : r;
            n += isnan(r) ? 0.0 : 1.0;
        }
        mean[j] = n > 0.0 ? sum / n : (double) NAN;
    }
    BA_TRY(ba_bundle_write(bundle, "/scores/r", BA_F64, 1, &f, mean));
    BA_TRY(ba_bundle_write(bundle, "/scores/r_by_fold", BA_F64, 2,
        (size_t[]){found->n_folds, f}, found->r_by_fold));
out:
    ba_free(mean);
    return status;
}

static int
write_parameters(const ba_inverted_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t k = found->n_folds;

    BA_TRY(ba_bundle_write(bundle, "/noise/share", BA_F64, 1, &k, found->share));
    BA_TRY(ba_bundle_write(bundle, "/noise/share_scores", BA_F64, 2,
        (size_t[]){k, found->n_shares}, found->share_scores));
    BA_TRY(ba_bundle_write(bundle, "/noise/logdet", BA_F64, 1, &k, found->logdet));
    BA_TRY(
        ba_bundle_write(bundle, "/noise/n_residuals", BA_I64, 1, &k, found->n_residuals));
    BA_TRY(ba_bundle_write(bundle, "/noise/n_voxels", BA_I64, 1, &k, found->n_voxels));
    BA_TRY(ba_bundle_write(bundle, "/prior/rank", BA_I64, 1, &k, found->prior_rank));
    BA_TRY(
        ba_bundle_write(bundle, "/prior/autoregression", BA_F64, 1, &k, found->prior_ar));
out:
    return status;
}

int
ba_inverted_write(const ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts,
    const ba_inverted_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK, is_joint = opts->combine == BA_COMBINE_JOINT;
    size_t n = found->n_samples, f = found->n_features, p = found->n_delayed;
    int is_given = opts->prior_covariance || opts->prior_factor;
    int by_space = opts->prior_by_space || opts->n_prior_spaces > 0;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-inversion"));
    BA_TRY(ba_decoding_write(decoding, bundle));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "combine", is_joint ? "joint" : "block"));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "prior",
        opts->flat_prior ? "flat"
        : is_given       ? "given"
        : by_space       ? "spaces"
                         : "features"));
    BA_TRY(ba_bundle_write(bundle, "/mean", BA_F64, 2, (size_t[]){n, f}, found->mean));
    BA_TRY(ba_bundle_write(
        bundle, "/variance", BA_F64, 2, (size_t[]){n, f}, found->variance));
    BA_TRY(ba_bundle_write(bundle, "/n_responses", BA_I32, 1, &n, found->n_responses));
    if (!is_joint) {
        BA_TRY(ba_bundle_write(bundle, "/log_evidence", BA_F64, 1, &n, found->evidence));
    }
    if (found->delayed_mean) {
        BA_TRY(ba_bundle_write(
            bundle, "/delayed/mean", BA_F64, 2, (size_t[]){n, p}, found->delayed_mean));
        BA_TRY(ba_bundle_write(bundle, "/delayed/variance", BA_F64, 2,
            (size_t[]){found->n_folds, p}, found->delayed_variance));
    }
    BA_TRY(ba_inverted_write_spaces(decoding, found, bundle));
    BA_TRY(write_stretches(found, bundle));
    BA_TRY(write_scores(found, bundle));
    BA_TRY(write_parameters(found, bundle));
out:
    return status;
}
