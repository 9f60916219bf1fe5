/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode identify: which candidate a stretch of responses belongs to. */
#include "decode/identify_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

typedef struct {
    ba_decoding_t decoding;
    const ba_decode_identify_opts_t *opts;
    ba_candidates_t candidates;
    ba_identified_t found;
} identifying_t;

/* ---- items ---- */

/* Segments of the fold's responses, each inside one stretch; what is left is dropped.
 * Their first rows (of decoder->rows) go to row0. */
static int
list_items(identifying_t *job, const ba_fold_decoder_t *decoder, size_t *row0, size_t *n)
{
    const ba_decoding_t *decoding = &job->decoding;
    size_t length = job->opts->segment;

    *n = 0;
    for (size_t first = 0; first < decoder->n_rows;) {
        size_t last =
            ba_decoding_stretch(decoding, decoder->rows, decoder->n_rows, first);

        for (size_t i = first; i + length <= last; i += length) {
            size_t at = job->found.n_items + *n;

            job->found.items[at] =
                (ba_item_t){.fold = (int64_t) decoder->left_out.fold[0],
                    .run = (int64_t) decoding->run[decoder->rows[i]],
                    .first = (int64_t) decoding->kept[decoder->rows[i]],
                    .truth = -1};
            row0[(*n)++] = i;
        }
        first = last;
    }
    if (*n == 0 || (!job->opts->gallery && *n < 2)) {
        return ba_fail(BA_SHAPE, "fold %zu: %zu items of %zu responses, wanted %s",
            decoder->left_out.fold[0], *n, length,
            job->opts->gallery ? "1 or more" : "2 or more to tell apart");
    }
    return BA_OK;
}

/* The items of a fold as each other's candidates. */
static int
own_gallery(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    const size_t *row0, size_t n, ba_gallery_t *out)
{
    int status = BA_OK;
    size_t p = decoder->model.n_delays * decoder->model.n_features;

    *out = (ba_gallery_t){.n = n, .step = 1, .n_rows = decoder->n_rows};
    BA_TRY_ALLOC(out->base, ba_malloc(n, sizeof *out->base));
    BA_TRY_ALLOC(out->rows, ba_malloc(decoder->n_rows, p * sizeof *out->rows));
    memcpy(out->base, row0, n * sizeof *row0);
    ba_fold_model_design(
        decoding, &decoder->model, decoder->rows, decoder->n_rows, out->rows);
out:
    return status;
}

/* Truth of items from a given list, or the item itself. */
static int
set_truth(identifying_t *job, size_t first, size_t n)
{
    const ba_candidates_t *given = &job->candidates;

    for (size_t i = 0; i < n; i++) {
        if (!job->opts->gallery) {
            job->found.items[first + i].truth = (int64_t) (first + i);
        } else if (given->truth && first + i < given->n_truth) {
            job->found.items[first + i].truth = given->truth[first + i];
        } else if (given->truth) {
            return ba_fail(BA_SHAPE,
                "%s: %zu true candidates, wanted one for each item, of which there are "
                "more",
                job->opts->truth, given->n_truth);
        }
    }
    return BA_OK;
}

/* ---- ranks ---- */

/* Mid-rank of candidate `own` among n, from 1. */
static double
rank_of(const double *score, size_t n, size_t own)
{
    double better = 0.0, tied = 0.0;

    for (size_t c = 0; c < n; c++) {
        better += score[c] > score[own] ? 1.0 : 0.0;
        tied += c != own && score[c] == score[own] ? 1.0 : 0.0;
    }
    return 1.0 + better + tied / 2.0;
}

/* Posterior of candidate `own` (all of them to `out` where it is not NULL). */
static double
posterior_of(const double *score, size_t n, size_t own, double *out)
{
    double largest = -INFINITY, sum = 0.0;

    for (size_t c = 0; c < n; c++) {
        largest = fmax(largest, score[c]);
    }
    for (size_t c = 0; c < n; c++) {
        sum += exp(score[c] - largest);
    }
    for (size_t c = 0; out && c < n; c++) {
        out[c] = exp(score[c] - largest) / sum;
    }
    return exp(score[own] - largest) / sum;
}

/* The first n_top candidates of one item; ties go to the lower number. */
static void
take_top(identifying_t *job, size_t item, const double *score, const double *posterior,
    const ba_comparison_t *fold)
{
    size_t k = job->found.n_top, n = fold->n_candidates;

    for (size_t place = 0; place < k; place++) {
        int64_t *top = job->found.top + item * k;
        size_t best = SIZE_MAX;

        for (size_t c = 0; place < n && c < n; c++) {
            int is_taken = 0;

            for (size_t i = 0; i < place; i++) {
                is_taken |= top[i] == (int64_t) (fold->first_candidate + c);
            }
            if (!is_taken && (best == SIZE_MAX || score[c] > score[best])) {
                best = c;
            }
        }
        top[place] = best == SIZE_MAX ? -1 : (int64_t) (fold->first_candidate + best);
        job->found.top_posterior[item * k + place] =
            best == SIZE_MAX ? (double) NAN : posterior[best];
    }
}

/* score[c] = what candidates are ranked by for likelihoods: log prior added. */
static void
add_prior(const identifying_t *job, const double *likelihood, size_t n, double *score)
{
    for (size_t c = 0; c < n; c++) {
        score[c] = likelihood[c] +
                   (job->candidates.log_prior ? job->candidates.log_prior[c] : 0.0);
    }
}

static int
rank_fold(identifying_t *job, const ba_comparison_t *fold, const double *pairs)
{
    int status = BA_OK;
    size_t n = fold->n_candidates, length = job->opts->segment;
    double *score = NULL, *posterior = NULL;

    BA_TRY_ALLOC(score, ba_malloc(n, sizeof *score));
    BA_TRY_ALLOC(posterior, ba_malloc(n, sizeof *posterior));
    for (size_t a = 0; a < fold->n_items; a++) {
        size_t at = fold->first_item + a;
        ba_item_t *item = &job->found.items[at];
        size_t own =
            item->truth >= 0 ? (size_t) item->truth - fold->first_candidate : SIZE_MAX;

        item->n_candidates = n;
        item->rank = item->r_rank = item->posterior = item->log_likelihood = NAN;
        add_prior(job, fold->likelihood + a * n, n, score);
        posterior_of(score, n, 0, posterior);
        if (own != SIZE_MAX) {
            item->rank = rank_of(score, n, own);
            item->posterior = posterior[own];
            item->log_likelihood = fold->likelihood[a * n + own];
            item->r_rank = rank_of(fold->correlation + a * n, n, own);
        }
        memcpy(fold->score + a * n,
            job->opts->by_correlation ? fold->correlation + a * n : score,
            n * sizeof *score);
        take_top(job, at, fold->score + a * n, posterior, fold);
        for (size_t i = 0; own != SIZE_MAX && i < length; i++) {
            add_prior(job, pairs + (a * length + i) * n, n, score);
            job->found.time_rank[at * length + i] = rank_of(score, n, own);
            job->found.time_posterior[at * length + i] =
                posterior_of(score, n, own, NULL);
        }
    }
out:
    ba_free(score);
    ba_free(posterior);
    return status;
}

/* ---- folds ---- */

static int
compare_fold(identifying_t *job, const ba_fold_decoder_t *decoder, size_t *row0,
    ba_gallery_t *gallery, ba_comparison_t *out)
{
    int status = BA_OK;
    size_t n = 0, length = job->opts->segment, size;

    *out = (ba_comparison_t){.first_item = job->found.n_items};
    BA_TRY(list_items(job, decoder, row0, &n));
    BA_TRY(set_truth(job, job->found.n_items, n));
    if (job->opts->gallery) {
        BA_TRY(ba_candidates_gallery(&job->candidates, &decoder->model, gallery));
    } else {
        BA_TRY(own_gallery(&job->decoding, decoder, row0, n, gallery));
        out->first_candidate = job->found.n_items;
    }
    out->n_items = n;
    out->n_candidates = gallery->n;
    BA_TRY(ba_multiply(n * length, gallery->n, &size));
    BA_TRY_ALLOC(out->likelihood, ba_malloc(n * gallery->n, sizeof(double)));
    BA_TRY_ALLOC(out->correlation, ba_malloc(n * gallery->n, sizeof(double)));
    BA_TRY_ALLOC(out->score, ba_malloc(n * gallery->n, sizeof(double)));
    BA_TRY_ALLOC(out->cumulative, ba_malloc(size, sizeof(double)));
    BA_TRY(ba_compare_likelihood(&job->decoding, length, decoder, row0, gallery, out));
    BA_TRY(ba_compare_correlation(&job->decoding, length, decoder, row0, gallery, out));
    BA_TRY(rank_fold(job, out, out->cumulative));
    if (!job->opts->save_evidence) {
        ba_free(out->cumulative);
        out->cumulative = NULL;
    }
    job->found.n_items += n;
out:
    return status;
}

static int
identify_fold(identifying_t *job, size_t fold)
{
    int status = BA_OK;
    ba_identified_t *found = &job->found;
    ba_fold_decoder_t decoder = {.n_rows = 0};
    ba_gallery_t gallery = {.n = 0};
    size_t *row0 = NULL, n_shares = job->decoding.n_shares;

    BA_TRY(ba_fold_decoder_make(&job->decoding, fold, &decoder));
    BA_TRY_ALLOC(row0, ba_malloc(decoder.n_rows, sizeof *row0));
    BA_TRY(compare_fold(job, &decoder, row0, &gallery, &found->folds[fold]));
    found->share[fold] = decoder.share;
    memcpy(found->share_scores + fold * n_shares, decoder.share_scores,
        n_shares * sizeof *decoder.share_scores);
    found->n_voxels[fold] = (int64_t) decoder.n_voxels;
    found->n_residuals[fold] = (int64_t) decoder.n_residuals;
out:
    ba_free(row0);
    ba_gallery_free(&gallery);
    ba_fold_decoder_free(&decoder);
    return status;
}

static int
allocate(identifying_t *job)
{
    int status = BA_OK;
    ba_identified_t *found = &job->found;
    size_t n = job->decoding.n_kept, k = job->decoding.n_folds;

    found->segment = job->opts->segment;
    found->n_top = job->opts->n_top;
    found->n_folds = k;
    BA_TRY_ALLOC(found->items, ba_calloc(n, sizeof *found->items));
    BA_TRY_ALLOC(found->folds, ba_calloc(k, sizeof *found->folds));
    BA_TRY_ALLOC(found->top, ba_malloc(n, found->n_top * sizeof *found->top));
    BA_TRY_ALLOC(found->top_posterior, ba_malloc(n, found->n_top * sizeof(double)));
    BA_TRY_ALLOC(found->time_rank, ba_malloc(n, sizeof *found->time_rank));
    BA_TRY_ALLOC(found->time_posterior, ba_malloc(n, sizeof(double)));
    BA_TRY_ALLOC(found->share, ba_malloc(k, sizeof *found->share));
    BA_TRY_ALLOC(
        found->share_scores, ba_malloc(k, job->decoding.n_shares * sizeof(double)));
    BA_TRY_ALLOC(found->n_voxels, ba_malloc(k, sizeof *found->n_voxels));
    BA_TRY_ALLOC(found->n_residuals, ba_malloc(k, sizeof *found->n_residuals));
    for (size_t i = 0; i < n; i++) {
        found->time_rank[i] = found->time_posterior[i] = NAN;
    }
out:
    return status;
}

static void
release(identifying_t *job)
{
    ba_identified_t *found = &job->found;

    for (size_t k = 0; found->folds && k < found->n_folds; k++) {
        ba_free(found->folds[k].likelihood);
        ba_free(found->folds[k].correlation);
        ba_free(found->folds[k].score);
        ba_free(found->folds[k].cumulative);
    }
    ba_free(found->items);
    ba_free(found->folds);
    ba_free(found->top);
    ba_free(found->top_posterior);
    ba_free(found->time_rank);
    ba_free(found->time_posterior);
    ba_free(found->share);
    ba_free(found->share_scores);
    ba_free(found->n_voxels);
    ba_free(found->n_residuals);
    ba_candidates_free(&job->candidates);
    ba_decoding_close(&job->decoding);
}

static int
check_opts(const ba_decode_identify_opts_t *opts)
{
    if (opts->segment == 0 || opts->n_top == 0) {
        return ba_fail(BA_VALUE,
            "identify: items of %zu responses, the first %zu "
            "candidates, wanted 1 or more of both",
            opts->segment, opts->n_top);
    }
    return BA_OK;
}

static int
write_results(
    const identifying_t *job, const ba_provenance_t *provenance, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_decode_identify_opts_t *opts = job->opts;

    BA_TRY(ba_identified_write(&job->decoding, opts, &job->found, bundle));
    BA_TRY(ba_provenance_write(provenance, job->decoding.dataset,
        (const char *const *) job->decoding.files.names, bundle));
    BA_TRY(ba_bundle_commit(bundle));
    if (opts->table) {
        BA_TRY(ba_identified_table(opts, &job->found));
    }
out:
    return status;
}

int
ba_decode_identify(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_identify_opts_t *opts, ba_decode_identify_info_t *info)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    identifying_t job = {.opts = opts};
    ba_bundle_t *bundle = NULL;

    *info = (ba_decode_identify_info_t){.n_folds = 0};
    BA_TRY(check_opts(opts));
    if (!opts->dry_run) {
        BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    }
    BA_TRY(ba_decoding_open(ctx, dataset, &opts->model, &job.decoding));
    BA_TRY(ba_candidates_read(&job.decoding, opts, &job.candidates));
    BA_TRY(ba_input_files_add_spec(&job.decoding.files, opts->gallery));
    BA_TRY(ba_input_files_add_spec(&job.decoding.files, opts->truth));
    BA_TRY(ba_input_files_add_spec(&job.decoding.files, opts->log_prior));
    BA_TRY(allocate(&job));
    info->n_folds = job.decoding.n_folds;
    info->n_voxels = job.decoding.n_targets;
    info->bytes_planned = ba_decoding_bytes(&job.decoding);
    for (size_t k = 0; !opts->dry_run && k < job.decoding.n_folds; k++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(identify_fold(&job, k));
        ba_ctx_progress(ctx, "identify", (double) (k + 1), (double) job.decoding.n_folds);
    }
    if (!opts->dry_run) {
        if (job.candidates.truth && job.candidates.n_truth != job.found.n_items) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: %zu true candidates, wanted one for each of %zu "
                "items",
                opts->truth, job.candidates.n_truth, job.found.n_items));
        }
        ba_identified_score(&job.found, !opts->gallery, info);
        BA_TRY(write_results(&job, &provenance, bundle));
    }
out:
    ba_bundle_free(bundle);
    release(&job);
    return status;
}
