/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode beam: words from held-out responses, fold by fold and run by run. Nothing of
 * the decoded fold but its responses and, unless the rate is predicted, the times of
 * its words has a part in what is decoded. */
#include "decode/beam_job.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

ba_beam_opts_t
ba_beam_opts_default(void)
{
    ba_prepare_opts_t prepare = ba_prepare_opts_default();

    return (ba_beam_opts_t){.model = {.share = NAN},
        .scan = prepare.scan,
        .resample = BA_PREPARE_LANCZOS,
        .lanczos_window = prepare.window,
        .cutoff_mult = prepare.cutoff_mult,
        .rate_delays = 4,
        .width = 200,
        .n_extensions = 10,
        .nucleus = 0.9,
        .lm_weight = NAN,
        .n_best = 10,
        .window_seconds = 20.0};
}

/* ---- room for words ---- */

static int
grow(ba_timed_word_t **list, size_t *size, size_t n)
{
    ba_timed_word_t *grown;

    if (n > *size) {
        grown = ba_realloc(*list, 2 * n, sizeof *grown);
        if (!grown) {
            return BA_NOMEM;
        }
        *list = grown;
        *size = 2 * n;
    }
    return BA_OK;
}

/* ---- a passage ---- */

/* Posterior of the best sequence's word at a slot, over all that were found. */
static double
marginal(const ba_found_t *found, size_t slot)
{
    double sum = 0.0;

    for (size_t h = 0; h < found->n; h++) {
        sum += found->words[h * found->n_slots + slot] == found->words[slot]
                   ? found->posterior[h]
                   : 0.0;
    }
    return sum;
}

static int
keep_found(ba_beam_job_t *job, const ba_beam_task_t *task, const size_t *items,
    const ba_found_t *found, ba_beam_passage_t *passage)
{
    int status = BA_OK;
    size_t n = found->n_slots;

    passage->n = n;
    passage->n_best = found->n < job->opts->n_best ? found->n : job->opts->n_best;
    passage->likelihood = found->likelihood[0];
    passage->log_p = found->log_p[0];
    passage->score = found->score[0];
    BA_TRY_ALLOC(passage->best, ba_malloc(passage->n_best, n * sizeof *passage->best));
    BA_TRY_ALLOC(
        passage->posterior, ba_malloc(passage->n_best, sizeof *passage->posterior));
    memcpy(passage->best, found->words, passage->n_best * n * sizeof *passage->best);
    memcpy(passage->posterior, found->posterior,
        passage->n_best * sizeof *passage->posterior);
    BA_TRY(grow(&job->decoded, &job->decoded_size, job->n_decoded + n));
    for (size_t i = 0; i < n; i++) {
        job->decoded[job->n_decoded++] = (ba_timed_word_t){.passage = job->n_passages,
            .word = found->words[i],
            .onset = task->words->onset[items[i]],
            .offset = task->words->offset[items[i]],
            .likelihood = found->step_likelihood[i],
            .log_p = found->step_log_p[i],
            .posterior = marginal(found, i)};
    }
out:
    return status;
}

/* The words that were said in the fold's samples of the run. */
static int
keep_said(ba_beam_job_t *job, size_t fold, size_t run, ba_beam_passage_t *passage)
{
    int status = BA_OK;
    const ba_run_words_t *given = &job->given[run];

    passage->first_said = job->n_reference;
    BA_TRY(grow(&job->reference, &job->reference_size, job->n_reference + given->n));
    for (size_t i = 0; i < given->n; i++) {
        size_t sample = given->sample[i];

        if (sample != SIZE_MAX && job->fold_of[sample] == (int32_t) fold &&
            given->word[i] != SIZE_MAX) {
            job->reference[job->n_reference++] =
                (ba_timed_word_t){.passage = job->n_passages,
                    .word = given->word[i],
                    .onset = given->onset[i],
                    .offset = given->offset[i]};
        }
    }
    passage->n_said = job->n_reference - passage->first_said;
out:
    return status;
}

/* Time from the first of the fold's samples in the run to the end of the last. */
static void
find_span(const ba_beam_job_t *job, size_t fold, size_t run, ba_beam_passage_t *passage)
{
    const ba_runs_t *runs = &job->timeline.scan.runs;
    const double *edges = job->timeline.scan.edges + run;

    passage->start = INFINITY;
    for (size_t s = runs->onset[run]; s < runs->onset[run + 1]; s++) {
        if (job->fold_of[s] == (int32_t) fold) {
            passage->start = fmin(passage->start, edges[s]);
            passage->stop = edges[s + 1];
        }
    }
}

/* ---- folds ---- */

static int
decode_passage(ba_beam_job_t *job, const ba_beam_task_t *task)
{
    int status = BA_OK;
    size_t fold = task->decoder->left_out.fold[0], *items = NULL, n_items;
    ba_beam_passage_t *out = &job->passages[job->n_passages];
    ba_passage_t passage = {.n_slots = 0};
    ba_found_t found = {.n = 0};

    BA_TRY(ba_beam_passage(
        job, task->decoder, fold, task->run, task->words, 0, &items, &n_items, &passage));
    *out = (ba_beam_passage_t){.fold = fold, .run = task->run, .first = job->n_decoded};
    find_span(job, fold, task->run, out);
    BA_TRY(keep_said(job, fold, task->run, out));
    if (n_items > 0) {
        BA_TRY(ba_beam_search(&job->search, &passage, task->products, &job->language,
            &task->search, job->opts->width, &found));
        BA_TRY(keep_found(job, task, items, &found, out));
        BA_TRY(ba_beam_nulls(job, task, out));
    }
    job->n_passages++;
out:
    ba_found_free(&found);
    ba_passage_free(&passage);
    ba_free(items);
    return status;
}

static int
decode_run(ba_beam_job_t *job, const ba_fold_decoder_t *decoder, size_t run,
    ba_word_products_t *products)
{
    int status = BA_OK;
    size_t fold = decoder->left_out.fold[0];
    ba_run_words_t predicted = {.n = 0};
    ba_beam_task_t task = {.decoder = decoder,
        .run = run,
        .words = &job->given[run],
        .products = products,
        .search = {.width = job->opts->width,
            .n_extensions = job->opts->n_extensions,
            .nucleus = job->opts->nucleus,
            .evidence_weight = job->evidence_weight[fold],
            .lm_weight = job->lm_weight[fold]}};

    if (job->opts->predict_rate) {
        BA_TRY(ba_run_words_predicted(job, fold, run, &predicted));
        task.words = &predicted;
    }
    BA_TRY(decode_passage(job, &task));
out:
    ba_run_words_free(&predicted);
    return status;
}

static int
decode_fold(ba_beam_job_t *job, size_t fold)
{
    int status = BA_OK;
    ba_fold_decoder_t decoder = {.n_rows = 0};
    ba_word_products_t products = {.n_delays = 0};

    BA_TRY(ba_fold_decoder_make(&job->decoding, fold, &decoder));
    job->info.n_voxels = decoder.n_voxels;
    job->evidence_weight[fold] = 1.0;
    job->lm_weight[fold] = job->opts->lm_weight;
    if (isnan(job->opts->lm_weight)) {
        BA_TRY(ba_beam_weights(
            job, &decoder, &job->evidence_weight[fold], &job->lm_weight[fold]));
    }
    if (job->opts->predict_rate) {
        BA_TRY(ba_beam_rate(job, &decoder));
    }
    BA_TRY(ba_word_products_new(&decoder.inversion, decoder.model.n_delays, &job->said,
        job->opts->width, &products));
    for (size_t run = 0; run < job->timeline.words.n_runs; run++) {
        if (ba_beam_n_responses(job, &decoder, run) > 0) {
            BA_TRY(decode_run(job, &decoder, run, &products));
        }
    }
out:
    ba_word_products_free(&products);
    ba_fold_decoder_free(&decoder);
    return status;
}

/* ---- all ---- */

static int
check_opts(const ba_beam_opts_t *opts)
{
    if (opts->width == 0 || opts->n_extensions == 0 || opts->n_best == 0) {
        return ba_fail(BA_VALUE,
            "beam: width %zu, %zu extensions, %zu best, wanted 1 or more of each",
            opts->width, opts->n_extensions, opts->n_best);
    }
    if (!(opts->nucleus > 0.0 && opts->nucleus <= 1.0)) {
        return ba_fail(
            BA_VALUE, "nucleus: found %g, wanted above 0 and at most 1", opts->nucleus);
    }
    if (!(opts->window_seconds > 0.0)) {
        return ba_fail(
            BA_VALUE, "window: found %g s, wanted more than 0", opts->window_seconds);
    }
    if (opts->lm_weight < 0.0) {
        return ba_fail(
            BA_VALUE, "lm weight: found %g, wanted 0 or more", opts->lm_weight);
    }
    if (opts->resample > BA_PREPARE_SUM) {
        return ba_fail(BA_VALUE, "resample: wanted lanczos, mean or sum");
    }
    if (opts->predict_rate && (opts->rate_delays == 0 || opts->model.in_sample)) {
        return ba_fail(BA_VALUE,
            "rate: found %s, wanted held-out responses at 1 or more "
            "delays",
            opts->model.in_sample ? "a decoding in sample" : "0 delays");
    }
    if (isnan(opts->lm_weight) && opts->model.in_sample) {
        return ba_fail(BA_VALUE, "lm weight: tuned in sample, wanted a given one");
    }
    return BA_OK;
}

static int
allocate(ba_beam_job_t *job)
{
    int status = BA_OK;
    size_t k = job->decoding.n_folds, n_runs = job->decoding.borders.n_runs;

    BA_TRY_ALLOC(job->evidence_weight, ba_malloc(k, sizeof(double)));
    BA_TRY_ALLOC(job->lm_weight, ba_malloc(k, sizeof(double)));
    BA_TRY_ALLOC(job->passages, ba_calloc(k * n_runs, sizeof *job->passages));
    BA_TRY_ALLOC(job->nulls, ba_calloc(job->opts->n_nulls, sizeof *job->nulls));
out:
    return status;
}

static void
release(ba_beam_job_t *job)
{
    size_t n_passages = job->decoding.n_folds * job->decoding.borders.n_runs;

    /* The one at hand too, where it failed. */
    for (size_t p = 0; job->passages && p < n_passages; p++) {
        ba_free(job->passages[p].best);
        ba_free(job->passages[p].posterior);
    }
    for (size_t i = 0; job->nulls && i < job->opts->n_nulls; i++) {
        ba_free(job->nulls[i]);
    }
    ba_free(job->evidence_weight);
    ba_free(job->lm_weight);
    ba_free(job->passages);
    ba_free(job->nulls);
    ba_free(job->decoded);
    ba_free(job->reference);
    ba_free(job->null_scores);
    ba_free(job->window_start);
    ba_free(job->window_passage);
    ba_free(job->window_scores);
    ba_beam_inputs_free(job);
    ba_decoding_close(&job->decoding);
}

/* Correlation of predicted and true counts over all samples that have both. */
static double
rate_correlation(const ba_beam_job_t *job)
{
    double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;

    for (size_t s = 0; s < job->decoding.n_samples; s++) {
        double a = job->predicted[s], b = job->counts[s];

        if (!isnan(a)) {
            n += 1.0;
            xx += (a - x) * (a - x) * (n - 1.0) / n;
            xy += (a - x) * (b - y) * (n - 1.0) / n;
            yy += (b - y) * (b - y) * (n - 1.0) / n;
            x += (a - x) / n;
            y += (b - y) / n;
        }
    }
    return xx > 0.0 && yy > 0.0 ? xy / sqrt(xx * yy) : (double) NAN;
}

static void
set_info(ba_beam_job_t *job)
{
    ba_beam_info_t *info = &job->info;

    info->n_words = job->n_decoded;
    info->n_reference = job->n_reference;
    info->rate_r = rate_correlation(job);
    info->least_evidence_weight = info->least_lm_weight = INFINITY;
    info->largest_evidence_weight = info->largest_lm_weight = -INFINITY;
    for (size_t k = 0; k < job->decoding.n_folds; k++) {
        info->least_evidence_weight =
            fmin(info->least_evidence_weight, job->evidence_weight[k]);
        info->largest_evidence_weight =
            fmax(info->largest_evidence_weight, job->evidence_weight[k]);
        info->least_lm_weight = fmin(info->least_lm_weight, job->lm_weight[k]);
        info->largest_lm_weight = fmax(info->largest_lm_weight, job->lm_weight[k]);
    }
}

static int
run_all(ba_beam_job_t *job, const ba_provenance_t *provenance, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_beam_opts_t *opts = job->opts;

    for (size_t k = 0; k < job->decoding.n_folds; k++) {
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(decode_fold(job, k));
        ba_ctx_progress(
            job->ctx, "beam", (double) (k + 1), (double) job->decoding.n_folds);
    }
    set_info(job);
    BA_TRY(ba_beam_score(job));
    BA_TRY(ba_beam_write(job, bundle));
    BA_TRY(ba_provenance_write(provenance, job->decoding.dataset,
        (const char *const *) job->decoding.files.names, bundle));
    BA_TRY(ba_bundle_commit(bundle));
    if (opts->table) {
        BA_TRY(ba_beam_write_table(job));
    }
out:
    return status;
}

int
ba_decode_beam(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_beam_opts_t *opts, ba_beam_info_t *info)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    ba_beam_job_t job = {.ctx = ctx, .opts = opts};
    ba_bundle_t *bundle = NULL;

    *info = (ba_beam_info_t){.n_folds = 0};
    BA_TRY(check_opts(opts));
    if (!opts->dry_run) {
        BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    }
    BA_TRY(ba_decoding_open(ctx, dataset, &opts->model, &job.decoding));
    BA_TRY(ba_beam_inputs(&job));
    BA_TRY(allocate(&job));
    job.info.n_folds = job.decoding.n_folds;
    job.info.n_voxels = job.decoding.n_targets;
    job.info.bytes_planned = ba_decoding_bytes(&job.decoding);
    if (!opts->dry_run) {
        BA_TRY(run_all(&job, &provenance, bundle));
    }
    *info = job.info;
out:
    ba_bundle_free(bundle);
    release(&job);
    return status;
}
