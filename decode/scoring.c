/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode score: files -> items -> one similarity matrix -> every figure -> a report. */
#include "decode/scoring_impl.h"

#include "core/alloc.h"
#include "core/resource.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

static const size_t default_top[] = {1, 5, 10};

enum { N_DEFAULT_TOP = 3, MAX_DEFAULT_SIZES = 64 };

ba_decode_score_opts_t
ba_decode_score_opts_default(void)
{
    return (ba_decode_score_opts_t){
        .n_permutations = 10000, .against = BA_AGAINST_OTHERS};
}

/* What is in memory between reading and writing. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_decode_score_opts_t *opts;
    ba_scoring_inputs_t inputs;
    ba_patterns_t predicted, truth, gallery;
    size_t *own, *groups; /* NULL = item i has candidate i; no groups */
    double *similarity;
    ba_identification_t problem;
    ba_exchange_t *exchange;
    ba_scoring_means_t means;
    size_t *better, *tied;
    ba_scoring_outputs_t outputs;
    ba_decode_scores_t *out;
} work_t;

static int
copy_sizes(const size_t *from, size_t n, size_t **out)
{
    size_t *copy = ba_malloc(n, sizeof *copy);

    if (!copy) {
        return BA_NOMEM;
    }
    memcpy(copy, from, n * sizeof *copy);
    *out = copy;
    return BA_OK;
}

/* 2, 5, 10, 20, ... below the number of candidates, and that. */
static int
set_sizes(work_t *work)
{
    static const size_t steps[] = {2, 5, 10};
    const ba_decode_score_opts_t *opts = work->opts;
    size_t n_candidates = work->inputs.n_candidates, sizes[MAX_DEFAULT_SIZES], n = 0;
    ba_decode_scores_t *out = work->out;
    int status;

    for (size_t scale = 1; scale < n_candidates && n + 4 < MAX_DEFAULT_SIZES;
         scale *= 10) {
        for (size_t k = 0; k < 3 && steps[k] * scale < n_candidates; k++) {
            sizes[n++] = steps[k] * scale;
        }
    }
    sizes[n++] = n_candidates;
    out->n_top = opts->top ? opts->n_top : N_DEFAULT_TOP;
    BA_TRY(copy_sizes(opts->top ? opts->top : default_top, out->n_top, &out->top));
    out->n_gallery_sizes = opts->gallery_sizes ? opts->n_gallery_sizes : n;
    BA_TRY(copy_sizes(opts->gallery_sizes ? opts->gallery_sizes : sizes,
        out->n_gallery_sizes, &out->gallery_sizes));
out:
    return status;
}

static int
plan(work_t *work)
{
    const ba_scoring_inputs_t *inputs = &work->inputs;
    const ba_decode_score_opts_t *opts = work->opts;
    ba_decode_scores_t *out = work->out;
    double n = (double) inputs->n_items, n_candidates = (double) inputs->n_candidates;
    double d = (double) inputs->n_dims, length = (double) inputs->segment;
    double copies = (length > 1 ? 2 : 1) * (2 + (opts->n_permutations > 0 ? 2 : 0));
    double bytes = 8 * (copies * n * length * d + n * n_candidates);
    int status;

    if (inputs->gallery) {
        bytes += 8 * n_candidates * length * d * (length > 1 ? 2 : 1);
    }
    if (opts->n_permutations > 0) {
        bytes += n * n * (16 + 18 + (inputs->gallery ? 8 : 0));
    }
    out->n_rows = inputs->n_rows;
    out->n_missing = inputs->n_missing;
    out->n_left_out = inputs->n_rows - inputs->n_items * inputs->segment;
    out->n_items = inputs->n_items;
    out->n_candidates = inputs->n_candidates;
    out->n_dims = inputs->n_dims;
    out->n_runs = inputs->runs.n_runs;
    out->n_repeats = inputs->repeats ? ba_source_n_slabs(inputs->repeats) : 0;
    out->bytes_planned = bytes;
    if (bytes > (double) ba_ctx_memory(work->ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "%zu items, %zu candidates: %.0f kB needed, wanted at "
            "most %.0f kB",
            out->n_items, out->n_candidates, bytes / 1e3,
            (double) ba_ctx_memory(work->ctx) / 1e3);
    }
    BA_TRY(set_sizes(work));
    BA_TRY(ba_scoring_groups(inputs, &work->groups, &out->n_groups));
    if (opts->n_permutations > 0) {
        ba_exchange_opts_t exchange = {.kind = opts->null,
            .n_permutations = opts->n_permutations,
            .groups = work->groups,
            .runs = &inputs->item_runs,
            .block = opts->block,
            .seed = work->ctx ? work->ctx->seed : 0};

        BA_TRY(ba_exchange_new(&exchange, inputs->n_items, &work->exchange));
        out->exchange = ba_exchange_info(work->exchange);
    }
out:
    return status;
}

/* The true rows, where only the gallery and its rows are given. */
static int
take_truth(work_t *work)
{
    const ba_patterns_t *gallery = &work->gallery;
    size_t n = work->inputs.n_items, length = gallery->segment, d = gallery->n_dims;
    ba_patterns_t *truth = &work->truth;
    int status = BA_OK;

    *truth = (ba_patterns_t){.n_items = n, .segment = length, .n_dims = d};
    BA_TRY_ALLOC(truth->rows, ba_malloc(n * length, d * sizeof(double)));
    for (size_t j = 0; j < d; j++) {
        for (size_t i = 0; i < n; i++) {
            memcpy(truth->rows + i * length + j * n * length,
                gallery->rows + work->own[i] * length + j * gallery->n_items * length,
                length * sizeof(double));
        }
    }
    BA_TRY(ba_patterns_flatten(truth));
out:
    return status;
}

static int
read_patterns(work_t *work)
{
    const ba_scoring_inputs_t *inputs = &work->inputs;
    int status;

    BA_TRY(ba_patterns_read(inputs->predicted, 0, inputs->starts, inputs->n_items,
        inputs->segment, &work->predicted));
    if (inputs->truth) {
        BA_TRY(ba_patterns_read(inputs->truth, 0, inputs->starts, inputs->n_items,
            inputs->segment, &work->truth));
    }
    if (inputs->gallery) {
        BA_TRY(ba_scoring_gallery(inputs, &work->gallery));
        BA_TRY(ba_scoring_own(inputs, &work->truth, &work->gallery, &work->own));
    }
    if (!inputs->truth) {
        BA_TRY(take_truth(work));
    }
out:
    return status;
}

/* Subtracts the mean over items from every column of a copy. */
static int
centred(const ba_patterns_t *patterns, double **out)
{
    size_t n = patterns->n_items, n_cols = patterns->segment * patterns->n_dims;
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_malloc(n, n_cols * sizeof **out));
    for (size_t j = 0; j < n_cols; j++) {
        const double *x = patterns->flat + j * n;
        double mean = 0;

        for (size_t i = 0; i < n; i++) {
            mean += x[i] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            (*out)[i + j * n] = x[i] - mean;
        }
    }
out:
    return status;
}

static int
make_similarity(work_t *work)
{
    const ba_patterns_t *candidates =
        work->inputs.gallery ? &work->gallery : &work->truth;
    ba_similarity_t kind = work->opts->similarity;
    size_t n = work->inputs.n_items, n_candidates = work->inputs.n_candidates;
    size_t n_cols = candidates->segment * candidates->n_dims;
    double *p = NULL, *c = NULL;
    ba_cdmat_t rows, columns;
    int status;

    if (work->opts->is_centred) {
        BA_TRY(centred(&work->predicted, &p));
        BA_TRY(centred(candidates, &c));
    }
    rows = ba_cdmat(p ? p : work->predicted.flat, n, n_cols, n);
    columns = ba_cdmat(c ? c : candidates->flat, n_candidates, n_cols, n_candidates);
    BA_TRY_ALLOC(work->similarity, ba_malloc(n, n_candidates * sizeof(double)));
    BA_TRY(ba_similarity(
        work->ctx, kind, rows, columns, ba_dmat(work->similarity, n, n_candidates, n)));
    work->problem.similarity = ba_cdmat(work->similarity, n, n_candidates, n);
    work->problem.own = work->own;
    work->problem.tie = ba_similarity_tie(kind, work->problem.similarity);
    work->out->n_zero_predictions = ba_similarity_undefined(kind, rows, NULL);
    work->out->n_zero_candidates = ba_similarity_undefined(kind, columns, NULL);
    BA_TRY(ba_scoring_identical(candidates, &work->out->n_identical));
out:
    ba_free(p);
    ba_free(c);
    return status;
}

static double
mean_defined(const double *x, size_t n)
{
    double sum = 0;
    size_t n_defined = 0;

    for (size_t i = 0; i < n; i++) {
        sum += isnan(x[i]) ? 0 : x[i];
        n_defined += (size_t) !isnan(x[i]);
    }
    return n_defined > 0 ? sum / (double) n_defined : (double) NAN;
}

/* The mean itself is that of the r; the trace's, of tests (NULL without), differs in the
 * last bits. */
static ba_statistic_t
mean_statistic(const ba_statistic_t *trace, double value, size_t n)
{
    ba_statistic_t statistic = {
        .value = value, .p = NAN, .null_mean = NAN, .null_sd = NAN, .n = n};

    if (trace && n > 0) {
        statistic = *trace;
        statistic.value = value;
    }
    return statistic;
}

static int
identify(work_t *work)
{
    ba_decode_scores_t *out = work->out;
    ba_scoring_means_t *means = &work->means;
    size_t n = work->inputs.n_items;
    int is_tested = work->exchange != NULL;
    ba_trace_t traces[2];
    ba_identify_opts_t opts = {.top = out->top,
        .n_top = out->n_top,
        .gallery = out->gallery_sizes,
        .n_gallery = out->n_gallery_sizes,
        .groups = work->groups,
        .min_distance = work->opts->min_distance,
        .traces = traces,
        .n_traces = is_tested ? 2 : 0,
        .exchange = work->exchange};
    int status;

    BA_TRY(ba_scoring_means(work->ctx, &work->predicted, &work->truth, is_tested, means));
    traces[0] = (ba_trace_t){ba_cdmat(means->r_matrix, n, n, n), means->n_r};
    traces[1] = (ba_trace_t){ba_cdmat(means->pattern_matrix, n, n, n), means->n_pattern};
    BA_TRY(ba_identify(work->ctx, &work->problem, &opts, &out->scores));
    out->r_mean = mean_statistic(is_tested ? &out->scores.traces[0] : NULL,
        mean_defined(means->r, out->n_dims), means->n_r);
    out->pattern_r = mean_statistic(is_tested ? &out->scores.traces[1] : NULL,
        mean_defined(means->pattern, n), means->n_pattern);
    if (!is_tested) {
        out->r_mean.chance = out->pattern_r.chance = 0;
    }
    out->n_constant = out->n_dims - means->n_r;
    out->r = means->r;
    out->pattern = means->pattern;
    means->r = means->pattern = NULL;
    BA_TRY_ALLOC(work->better, ba_malloc(n, sizeof *work->better));
    BA_TRY_ALLOC(work->tied, ba_malloc(n, sizeof *work->tied));
    BA_TRY(ba_identification_ranks(&work->problem, work->better, work->tied));
    BA_TRY_ALLOC(out->hubness, ba_malloc(out->n_top, sizeof *out->hubness));
    for (size_t k = 0; k < out->n_top; k++) {
        BA_TRY(ba_hubness(&work->problem, out->top[k], &out->hubness[k]));
    }
out:
    return status;
}

static int
find_ceiling(work_t *work)
{
    const ba_scoring_inputs_t *inputs = &work->inputs;
    ba_decode_scores_t *out = work->out;
    ba_identify_opts_t opts = {
        .top = out->top, .n_top = out->n_top, .min_distance = work->opts->min_distance};
    size_t n_repeats = out->n_repeats, n = inputs->n_items, n_cols;
    ba_patterns_t *patterns = NULL;
    ba_cdmat_t *views = NULL;
    int status = BA_OK;

    if (n_repeats == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(patterns, ba_calloc(n_repeats, sizeof *patterns));
    BA_TRY_ALLOC(views, ba_calloc(n_repeats, sizeof *views));
    for (size_t r = 0; r < n_repeats; r++) {
        BA_TRY(ba_patterns_read(
            inputs->repeats, r, inputs->starts, n, inputs->segment, &patterns[r]));
        n_cols = patterns[r].segment * patterns[r].n_dims;
        views[r] = ba_cdmat(patterns[r].flat, n, n_cols, n);
    }
    BA_TRY(ba_repeat_identification(work->ctx, work->opts->similarity, views, n_repeats,
        work->opts->against, &opts, &out->ceiling));
out:
    for (size_t r = 0; patterns && r < n_repeats; r++) {
        ba_patterns_free(&patterns[r]);
    }
    ba_free(patterns);
    ba_free(views);
    return status;
}

static void
warn(const work_t *work)
{
    const ba_decode_scores_t *out = work->out;
    const char *what = work->opts->similarity == BA_SIMILARITY_CORRELATION
                           ? "are constant"
                           : "have no norm";

    if (out->n_zero_predictions > 0) {
        ba_ctx_log(work->ctx, BA_LOG_WARNING,
            "%zu of %zu predictions %s: similarity 0 to every candidate",
            out->n_zero_predictions, out->n_items, what);
    }
    if (out->n_zero_candidates > 0) {
        ba_ctx_log(work->ctx, BA_LOG_WARNING,
            "%zu of %zu candidates %s: similarity 0 to every prediction",
            out->n_zero_candidates, out->n_candidates, what);
    }
    if (out->n_identical > 0) {
        ba_ctx_log(work->ctx, BA_LOG_WARNING,
            "%zu of %zu candidates equal an earlier one: such ties count half",
            out->n_identical, out->n_candidates);
    }
    if (out->n_constant > 0) {
        ba_ctx_log(work->ctx, BA_LOG_WARNING,
            "%zu of %zu dimensions are constant: left out of the mean r", out->n_constant,
            out->n_dims);
    }
}

static void
free_work(work_t *work)
{
    ba_scoring_close(&work->inputs);
    ba_scoring_outputs_close(&work->outputs);
    ba_patterns_free(&work->predicted);
    ba_patterns_free(&work->truth);
    ba_patterns_free(&work->gallery);
    ba_scoring_means_free(&work->means);
    ba_exchange_free(work->exchange);
    ba_free(work->own);
    ba_free(work->groups);
    ba_free(work->similarity);
    ba_free(work->better);
    ba_free(work->tied);
}

int
ba_decode_score(
    const ba_ctx_t *ctx, const ba_decode_score_opts_t *opts, ba_decode_scores_t *out)
{
    work_t work = {.ctx = ctx, .opts = opts, .out = out};
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    int status;

    *out = (ba_decode_scores_t){0};
    BA_TRY(ba_scoring_open(ctx, opts, &work.inputs));
    BA_TRY(plan(&work));
    BA_TRY(ba_scoring_outputs_open(opts, &work.outputs));
    if (opts->dry_run) {
        goto out;
    }
    BA_TRY(read_patterns(&work));
    BA_TRY(make_similarity(&work));
    BA_TRY(identify(&work));
    BA_TRY(find_ceiling(&work));
    warn(&work);
    BA_TRY(ba_scoring_write(
        &work.outputs, &provenance, opts, &work.inputs, work.better, work.tied, out));
    out->seconds = ba_seconds() - provenance.start_seconds;
out:
    free_work(&work);
    if (status != BA_OK) {
        ba_decode_scores_free(out);
    }
    return status;
}

void
ba_decode_scores_free(ba_decode_scores_t *scores)
{
    ba_free(scores->top);
    ba_free(scores->gallery_sizes);
    ba_identified_free(&scores->scores);
    ba_repeat_identification_free(&scores->ceiling);
    ba_free(scores->r);
    ba_free(scores->pattern);
    ba_free(scores->hubness);
    *scores = (ba_decode_scores_t){0};
}
