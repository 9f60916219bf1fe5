/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode invert: features from held-out responses, fold by fold.
 *
 * Jointly, the features of all times that a stretch of responses depends on have one
 * posterior (model/inversion_series.c). By block, each response gives a posterior of the
 * delayed features of its own; a sample then has one for each delay, N(m_d, v_d) with the
 * prior N(m_0, v_0) in it, which are put together feature by feature as if the responses
 * were independent:  1/v = 1/v_0 + sum over d of (1/v_d - 1/v_0),
 * m / v = m_0/v_0 + sum over d of (m_d/v_d - m_0/v_0). */
#include "decode/invert_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

typedef struct {
    ba_decoding_t decoding;
    const ba_decode_invert_opts_t *opts;
    ba_inverted_t found;
    int32_t *fold_of; /* n_samples: that holds the sample out, -1 = none */
} inverting_t;

static int
numbers(size_t n, size_t m, double fill, double **out)
{
    int status = BA_OK;
    size_t size;

    BA_TRY(ba_multiply(n, m, &size));
    BA_TRY_ALLOC(*out, ba_malloc(size, sizeof **out));
    for (size_t i = 0; i < size; i++) {
        (*out)[i] = fill;
    }
out:
    return status;
}

static int
allocate(inverting_t *job)
{
    int status = BA_OK;
    ba_inverted_t *found = &job->found;
    const ba_decoding_t *decoding = &job->decoding;
    size_t n = decoding->n_samples, f, k = decoding->n_folds;

    BA_TRY(ba_inverted_features(decoding, job->opts, found));
    f = found->n_features;
    found->n_samples = n;
    found->n_folds = k;
    found->n_shares = decoding->n_shares;
    BA_TRY(numbers(n, f, NAN, &found->mean));
    BA_TRY(numbers(n, f, NAN, &found->variance));
    BA_TRY(numbers(n, 1, NAN, &found->evidence));
    BA_TRY(numbers(k, f, NAN, &found->r_by_fold));
    BA_TRY(numbers(k, 1, NAN, &found->share));
    BA_TRY(numbers(k, 1, NAN, &found->logdet));
    BA_TRY(numbers(k, 1, 0.0, &found->prior_ar));
    BA_TRY(numbers(k, found->n_shares, NAN, &found->share_scores));
    BA_TRY_ALLOC(found->n_responses, ba_calloc(n, sizeof *found->n_responses));
    BA_TRY_ALLOC(found->n_residuals, ba_calloc(k, sizeof *found->n_residuals));
    BA_TRY_ALLOC(found->n_voxels, ba_calloc(k, sizeof *found->n_voxels));
    BA_TRY_ALLOC(found->prior_rank, ba_calloc(k, sizeof *found->prior_rank));
    BA_TRY_ALLOC(found->stretches, ba_malloc(n, sizeof *found->stretches));
out:
    return status;
}

static void
release(inverting_t *job)
{
    ba_inverted_t *found = &job->found;

    ba_free(found->features);
    ba_free(found->space);
    ba_free(found->tells);
    ba_free(found->mean);
    ba_free(found->variance);
    ba_free(found->evidence);
    ba_free(found->r_by_fold);
    ba_free(found->share);
    ba_free(found->logdet);
    ba_free(found->prior_ar);
    ba_free(found->share_scores);
    ba_free(found->n_responses);
    ba_free(found->n_residuals);
    ba_free(found->n_voxels);
    ba_free(found->prior_rank);
    ba_free(found->stretches);
    ba_free(found->delayed_mean);
    ba_free(found->delayed_variance);
    ba_free(job->fold_of);
    ba_decoding_close(&job->decoding);
}

static ba_inverted_stretch_t *
add_stretch(inverting_t *job, const ba_fold_decoder_t *decoder, size_t first, size_t last)
{
    ba_inverted_stretch_t *out = &job->found.stretches[job->found.n_stretches++];

    *out = (ba_inverted_stretch_t){.fold = (int64_t) decoder->left_out.fold[0],
        .run = (int64_t) job->decoding.run[decoder->rows[first]],
        .first = (int64_t) job->decoding.kept[decoder->rows[first]],
        .n = (int64_t) (last - first),
        .evidence = NAN};
    return out;
}

/* How many of a stretch's responses depend on the sample at time s of the run. */
static int32_t
count_responses(const ba_inverted_t *found, const ba_fold_model_t *model,
    const ba_series_t *series, size_t s)
{
    int32_t n = 0;

    for (size_t d = 0; d < model->n_delays; d++) {
        long long t = (long long) s + model->delays[d];

        n += found->tells[d] && t >= (long long) series->first &&
             t < (long long) (series->first + series->n_times);
    }
    return n;
}

/* Held-out samples of a stretch from the posterior of all times that it depends on. */
static void
take_samples(inverting_t *job, const ba_fold_decoder_t *decoder, size_t first,
    const ba_series_t *series, const ba_series_posterior_t *posterior)
{
    size_t f = job->found.n_features;
    size_t sample0 = job->decoding.kept[decoder->rows[first]];
    size_t run_start = sample0 - series->first;
    /* Whitening used the sample before the first response up. */
    size_t low = series->first - (decoder->ar && series->first > 0 ? 1 : 0);

    for (size_t i = 0; i < posterior->n_times; i++) {
        size_t s = posterior->first + i, sample = run_start + s;

        if (s < low || s >= series->first + series->n_times ||
            job->fold_of[sample] != (int32_t) decoder->left_out.fold[0]) {
            continue;
        }
        job->found.n_responses[sample] =
            count_responses(&job->found, &decoder->model, series, s);
        if (job->found.n_responses[sample] == 0) {
            continue;
        }
        for (size_t j = 0; j < f; j++) {
            size_t from = job->found.features[j] + i * job->decoding.n_features;

            job->found.mean[sample * f + j] = posterior->mean[from];
            job->found.variance[sample * f + j] = posterior->variance[from];
        }
    }
}

static int
invert_jointly(inverting_t *job, const ba_fold_decoder_t *decoder,
    const ba_prior_t *prior, double ar)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &job->decoding;
    ba_series_posterior_t posterior = {.n_times = 0};

    for (size_t first = 0; first < decoder->n_rows;) {
        size_t last =
            ba_decoding_stretch(decoding, decoder->rows, decoder->n_rows, first);
        ba_series_t series = {.delays = decoder->model.delays,
            .n_delays = decoder->model.n_delays,
            .n_features = decoding->n_features,
            .response0 = first,
            .n_times = last - first,
            .autoregression = ar};

        series.first =
            ba_decoding_time(decoding, decoder->rows[first], &series.run_length);
        BA_TRY(ba_series_invert(
            decoding->ctx, &decoder->inversion, prior, &series, &posterior));
        add_stretch(job, decoder, first, last)->evidence = posterior.evidence;
        take_samples(job, decoder, first, &series, &posterior);
        ba_series_posterior_free(&posterior);
        first = last;
    }
out:
    ba_series_posterior_free(&posterior);
    return status;
}

/* ---- by block ---- */

/* Adds what response i says of the sample at one of its delays. */
static void
add_block(inverting_t *job, const ba_fold_decoder_t *decoder, size_t i, size_t d,
    const ba_posterior_t *posterior, const double *prior_variance,
    const ba_prior_t *prior)
{
    const ba_decoding_t *decoding = &job->decoding;
    size_t all = decoding->n_features, p = all * decoder->model.n_delays;
    size_t f = job->found.n_features, length, sample;
    size_t time = ba_decoding_time(decoding, decoder->rows[i], &length);
    long long s = (long long) time - decoder->model.delays[d];

    if (s < 0 || s >= (long long) length) {
        return;
    }
    sample = decoding->kept[decoder->rows[i]] - time + (size_t) s;
    if (job->fold_of[sample] != (int32_t) decoder->left_out.fold[0]) {
        return;
    }
    for (size_t j = 0; j < f; j++) {
        size_t c = d * all + job->found.features[j], at = sample * f + j;
        double own = 1.0 / posterior->variance[c], before = 0.0, centre = 0.0;

        if (prior_variance && prior_variance[c] > 0.0) {
            before = 1.0 / prior_variance[c];
            centre = prior->mean[c];
        }
        if (isnan(job->found.mean[at])) {
            job->found.mean[at] = before * centre;
            job->found.variance[at] = before;
        }
        job->found.mean[at] += own * posterior->mean[c + i * p] - before * centre;
        job->found.variance[at] += own - before;
    }
    job->found.n_responses[sample] += job->found.tells[d];
}

/* From sums of precisions to means and variances. */
static void
finish_blocks(inverting_t *job, size_t fold)
{
    size_t f = job->found.n_features;

    for (size_t sample = 0; sample < job->decoding.n_samples; sample++) {
        if (job->fold_of[sample] != (int32_t) fold) {
            continue;
        }
        for (size_t j = 0; j < f; j++) {
            double *mean = job->found.mean + sample * f + j;
            double *variance = job->found.variance + sample * f + j;

            *mean = job->found.n_responses[sample] > 0 ? *mean / *variance : (double) NAN;
            *variance =
                job->found.n_responses[sample] > 0 ? 1.0 / *variance : (double) NAN;
        }
    }
}

static int
variances_of(const ba_prior_t *prior, double **out)
{
    int status = BA_OK;
    size_t p = prior->n_features;

    BA_TRY_ALLOC(*out, ba_calloc(p, sizeof **out));
    for (size_t k = 0; k < prior->rank; k++) {
        for (size_t j = 0; j < p; j++) {
            (*out)[j] += prior->factor[j + k * p] * prior->factor[j + k * p];
        }
    }
out:
    return status;
}

/* Posteriors of delayed features as they are: for each delay those that are written. */
static int
keep_delayed(
    inverting_t *job, const ba_fold_decoder_t *decoder, const ba_posterior_t *posterior)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &job->decoding;
    ba_inverted_t *found = &job->found;
    size_t f = found->n_features, all = decoding->n_features;
    size_t p = f * decoder->model.n_delays, n_posterior = all * decoder->model.n_delays;

    found->n_delayed = p;
    if (!found->delayed_mean) {
        BA_TRY(numbers(found->n_samples, p, NAN, &found->delayed_mean));
        BA_TRY(numbers(found->n_folds, p, NAN, &found->delayed_variance));
    }
    for (size_t c = 0; c < p; c++) {
        size_t from = c / f * all + found->features[c % f];

        found->delayed_variance[decoder->left_out.fold[0] * p + c] =
            posterior->variance[from];
        for (size_t i = 0; i < decoder->n_rows; i++) {
            found->delayed_mean[decoding->kept[decoder->rows[i]] * p + c] =
                posterior->mean[i * n_posterior + from];
        }
    }
out:
    return status;
}

static void
keep_evidence(inverting_t *job, const ba_fold_decoder_t *decoder, const double *evidence)
{
    const ba_decoding_t *decoding = &job->decoding;

    for (size_t first = 0; first < decoder->n_rows;) {
        size_t last =
            ba_decoding_stretch(decoding, decoder->rows, decoder->n_rows, first);
        ba_inverted_stretch_t *stretch = add_stretch(job, decoder, first, last);

        stretch->evidence = evidence ? 0.0 : (double) NAN;
        for (size_t i = first; evidence && i < last; i++) {
            job->found.evidence[decoding->kept[decoder->rows[i]]] = evidence[i];
            stretch->evidence += evidence[i];
        }
        first = last;
    }
}

/* prior NULL: flat. */
static int
invert_by_block(
    inverting_t *job, const ba_fold_decoder_t *decoder, const ba_prior_t *prior)
{
    int status = BA_OK;
    const ba_ctx_t *ctx = job->decoding.ctx;
    ba_posterior_t posterior = {NULL, NULL, NULL, NULL};
    double *variance = NULL;

    if (prior) {
        BA_TRY(variances_of(prior, &variance));
        BA_TRY(ba_posterior_make(
            ctx, &decoder->inversion, prior, BA_POSTERIOR_VARIANCE, &posterior));
    } else {
        BA_TRY(ba_posterior_flat(
            ctx, &decoder->inversion, BA_POSTERIOR_VARIANCE, &posterior));
    }
    for (size_t i = 0; i < decoder->n_rows; i++) {
        for (size_t d = 0; d < decoder->model.n_delays; d++) {
            add_block(job, decoder, i, d, &posterior, variance, prior);
        }
    }
    finish_blocks(job, decoder->left_out.fold[0]);
    keep_evidence(job, decoder, posterior.evidence);
    if (job->opts->save_delayed) {
        BA_TRY(keep_delayed(job, decoder, &posterior));
    }
out:
    ba_posterior_free(&posterior);
    ba_free(variance);
    return status;
}

/* ---- folds ---- */

static int
invert_fold(inverting_t *job, size_t fold)
{
    int status = BA_OK;
    ba_inverted_t *found = &job->found;
    ba_fold_decoder_t decoder = {.n_rows = 0};
    ba_prior_t prior = {.n_features = 0};

    BA_TRY(ba_fold_decoder_make(&job->decoding, fold, &decoder));
    BA_TRY(ba_inverted_delays(found, &decoder.model));
    if (!job->opts->flat_prior) {
        BA_TRY(ba_fold_prior(
            &job->decoding, &decoder, job->opts, &prior, &found->prior_ar[fold]));
    }
    if (job->opts->combine == BA_COMBINE_JOINT) {
        BA_TRY(invert_jointly(job, &decoder, &prior, found->prior_ar[fold]));
    } else {
        BA_TRY(invert_by_block(job, &decoder, job->opts->flat_prior ? NULL : &prior));
    }
    found->share[fold] = decoder.share;
    memcpy(found->share_scores + fold * found->n_shares, decoder.share_scores,
        found->n_shares * sizeof *found->share_scores);
    found->logdet[fold] = decoder.inversion.logdet;
    found->n_residuals[fold] = (int64_t) decoder.n_residuals;
    found->n_voxels[fold] = (int64_t) decoder.n_voxels;
    found->prior_rank[fold] = (int64_t) prior.rank;
    ba_inverted_score(&job->decoding, job->fold_of, fold, found);
out:
    ba_prior_free(&prior);
    ba_fold_decoder_free(&decoder);
    return status;
}

static int
number_samples(inverting_t *job)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &job->decoding;

    BA_TRY_ALLOC(job->fold_of, ba_malloc(decoding->n_samples, sizeof *job->fold_of));
    for (size_t i = 0; i < decoding->n_samples; i++) {
        job->fold_of[i] = -1;
    }
    for (size_t i = 0; i < decoding->n_kept; i++) {
        job->fold_of[decoding->kept[i]] = decoding->fold[i];
    }
out:
    return status;
}

static int
check_opts(const ba_decode_invert_opts_t *opts)
{
    if (opts->flat_prior && opts->combine == BA_COMBINE_JOINT) {
        return ba_fail(BA_VALUE,
            "prior: flat over a whole series, wanted a prior, or one "
            "response at a time (--combine block)");
    }
    if (opts->save_delayed && opts->combine == BA_COMBINE_JOINT) {
        return ba_fail(BA_VALUE, "save: delayed features of a joint inversion, wanted "
                                 "--combine block");
    }
    return ba_inverted_check_prior(opts);
}

static void
summarise(const inverting_t *job, ba_decode_invert_info_t *info)
{
    const ba_inverted_t *found = &job->found;
    size_t f = found->n_features, n = 0;

    *info = (ba_decode_invert_info_t){.n_folds = found->n_folds,
        .n_features = f,
        .n_spaces = job->decoding.encoder->n_spaces,
        .n_voxels = job->decoding.n_targets,
        .bytes_planned = ba_decoding_bytes(&job->decoding),
        .least_share = INFINITY,
        .largest_share = -INFINITY};
    for (size_t i = 0; i < found->n_samples; i++) {
        info->n_decoded += found->n_responses[i] > 0;
    }
    for (size_t i = 0; i < found->n_folds * f; i++) {
        if (!isnan(found->r_by_fold[i])) {
            info->mean_r += found->r_by_fold[i];
            n++;
        }
    }
    info->mean_r = n > 0 ? info->mean_r / (double) n : (double) NAN;
    for (size_t k = 0; k < found->n_folds; k++) {
        info->least_share = fmin(info->least_share, found->share[k]);
        info->largest_share = fmax(info->largest_share, found->share[k]);
        if (found->n_voxels[k] > 0) { /* not in a dry run */
            info->n_voxels = (size_t) found->n_voxels[k];
        }
    }
}

int
ba_decode_invert(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_invert_opts_t *opts, ba_decode_invert_info_t *info)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    inverting_t job = {.opts = opts};
    ba_bundle_t *bundle = NULL;

    BA_TRY(check_opts(opts));
    if (!opts->dry_run) {
        BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    }
    BA_TRY(ba_decoding_open(ctx, dataset, &opts->model, &job.decoding));
    BA_TRY(ba_decoding_check_prior(&job.decoding, opts));
    BA_TRY(allocate(&job));
    BA_TRY(number_samples(&job));
    if (opts->combine == BA_COMBINE_JOINT) {
        BA_TRY(ba_decoding_plan_series(&job.decoding, opts));
    }
    for (size_t k = 0; !opts->dry_run && k < job.decoding.n_folds; k++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(invert_fold(&job, k));
        ba_ctx_progress(ctx, "invert", (double) (k + 1), (double) job.decoding.n_folds);
    }
    summarise(&job, info);
    if (!opts->dry_run) {
        BA_TRY(ba_inverted_write(&job.decoding, opts, &job.found, bundle));
        BA_TRY(ba_provenance_write(&provenance, dataset,
            (const char *const *) job.decoding.files.names, bundle));
        BA_TRY(ba_bundle_commit(bundle));
    }
out:
    ba_bundle_free(bundle);
    release(&job);
    return status;
}
