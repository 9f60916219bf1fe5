/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/rank_impl.h"

#include "brainalign/significance.h"
#include "core/alloc.h"

#include <math.h>
#include <string.h>

ba_rank_opts_t
ba_rank_opts_default(void)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.995};

    return (ba_rank_opts_t){.method = "ap",
        .zscore = 1,
        .quantiles = quantiles,
        .n_quantiles = sizeof quantiles / sizeof *quantiles,
        .n_bins = 10,
        .n_picks = 50,
        .min_stratum = 4,
        .n_halves = 1,
        .mass = 0.5};
}

void
ba_rank_report_free(ba_rank_report_t *report)
{
    if (!report) {
        return;
    }
    ba_free(report->n_positive);
    ba_free(report->n_positive_test);
    ba_free(report->classes);
    ba_free(report->chance);
    ba_free(report->n_undefined);
    ba_free(report->test);
    ba_free(report->p_fwe);
    ba_free(report->token_p);
    ba_free(report->ap);
    ba_free(report->auroc);
    ba_free(report->halves);
    ba_free(report->on_p50);
    ba_free(report->on_p90);
    ba_free(report->off_mean);
    ba_free(report->n_experts);
    ba_free(report->pick);
    ba_free(report->bits);
    ba_free(report->nmi);
    ba_free(report->layer_top);
    ba_free(report->layer_mass);
    ba_free(report->n_holding);
    ba_free(report->null_order);
    ba_free(report);
}

/* Options that the method has no use for are refused. */
static int
check_options(const ba_rank_opts_t *opts, const rank_method_t *method)
{
    const char *name = method->name;

    if (opts->direction != BA_RANK_POSITIVE && method->sign == RANK_UNSIGNED) {
        return ba_fail(BA_VALUE, "method %s: has no direction", name);
    }
    if (opts->token_p && !method->token_p) {
        return ba_fail(BA_VALUE,
            "method %s: has no p for single tokens; ap, auroc, "
            "spearman and welch have",
            name);
    }
    if (opts->n_permutations > 0 && method->rank) {
        return ba_fail(BA_VALUE, "method %s: cannot be tested by permutations", name);
    }
    if (opts->null_top > 0 && opts->n_permutations == 0) {
        return ba_fail(BA_VALUE, "null_top: kept of permutations, and there are none");
    }
    for (size_t k = 0; k < opts->n_quantiles; k++) {
        if (!(opts->quantiles[k] >= 0 && opts->quantiles[k] < 1)) {
            return ba_fail(
                BA_VALUE, "quantile: found %g, wanted 0 <= q < 1", opts->quantiles[k]);
        }
    }
    if (opts->n_quantiles == 0 || opts->n_bins < 2 || opts->n_picks < 1) {
        return ba_fail(BA_VALUE,
            "quantiles, bins, picks: found %zu, %zu, %zu, wanted at "
            "least 1, 2, 1",
            opts->n_quantiles, opts->n_bins, opts->n_picks);
    }
    if (!(opts->mass > 0 && opts->mass <= 1)) {
        return ba_fail(BA_VALUE, "mass: found %g, wanted 0 < mass <= 1", opts->mass);
    }
    return BA_OK;
}

static int
check_data(const ba_rank_data_t *data)
{
    if (data->activations->n_tokens != data->concepts->n_tokens) {
        return ba_fail(BA_SHAPE, "labels: %zu tokens, activations: %zu",
            data->concepts->n_tokens, data->activations->n_tokens);
    }
    if (data->split->n_train == 0 || data->concepts->n_concepts == 0) {
        return ba_fail(BA_SHAPE,
            "labels: %zu tokens to fit on, %zu concepts, wanted at "
            "least 1 of both",
            data->split->n_train, data->concepts->n_concepts);
    }
    return BA_OK;
}

/* Something must be there to tell from something else. */
static int
check_labels(const rank_job_t *job)
{
    const char *const *names = (const char *const *) job->data->concepts->names;
    size_t n_usable = 0, n_absent = 0, one = 0, absent = 0;

    for (size_t c = 0; c < job->labels.sets.n_concepts; c++) {
        size_t n = job->observed.count[c];

        n_usable += n > 0 && n < job->observed.n_in;
        n_absent += n == 0;
        one = n > 0 ? c : one;
        absent = n == 0 ? c : absent;
    }
    if (n_usable == 0 && job->observed.n_with == 0) {
        return ba_fail(BA_SHAPE,
            "labels: none of the %zu tokens to fit on carries a "
            "concept",
            job->observed.n_in);
    }
    if (n_usable == 0) {
        return ba_fail(BA_SHAPE,
            "labels: one class ('%s') in all %zu tokens to fit on, "
            "wanted two or more",
            names[one], job->observed.n_in);
    }
    if (n_absent > 0) {
        ba_ctx_log(job->ctx, BA_LOG_WARNING,
            "%zu concept%s without a token to fit on ('%s'%s): scores are missing",
            n_absent, n_absent > 1 ? "s" : "", names[absent],
            n_absent > 1 ? " and others" : "");
    }
    return BA_OK;
}

/* A matrix of the report, full of NaN. */
static int
matrix_new(const rank_job_t *job, double **out)
{
    size_t size;
    int status = ba_multiply(job->n_out, job->ranking->n_neurons, &size);

    BA_TRY(status);
    BA_TRY_ALLOC(*out, ba_malloc(size, sizeof **out));
    for (size_t i = 0; i < size; i++) {
        (*out)[i] = (double) NAN;
    }
out:
    return status;
}

static int
report_matrices(rank_job_t *job)
{
    int status = BA_OK;
    ba_rank_report_t *report = job->report;
    const ba_rank_opts_t *opts = job->opts;
    size_t size = 0;

    if (job->test.n_in > 0 && !job->method->rank) {
        BA_TRY(matrix_new(job, &report->test));
    }
    if (opts->token_p) {
        BA_TRY(matrix_new(job, &report->token_p));
    }
    if (opts->sorted_scores && job->method->needs & RANK_SORTS) {
        BA_TRY(matrix_new(job, &report->ap));
        BA_TRY(matrix_new(job, &report->auroc));
    }
    if (strcmp(job->method->name, "expert") == 0) {
        BA_TRY(matrix_new(job, &report->on_p50));
        BA_TRY(matrix_new(job, &report->on_p90));
        BA_TRY(matrix_new(job, &report->off_mean));
    }
    if (opts->n_permutations > 0) {
        BA_TRY(matrix_new(job, &report->p_fwe));
        BA_TRY(ba_multiply(job->n_out, job->ranking->n_neurons, &size));
        BA_TRY_ALLOC(job->ranking->p, ba_calloc(size, sizeof *job->ranking->p));
        report->null_top = opts->null_top < job->ranking->n_neurons
                               ? opts->null_top
                               : job->ranking->n_neurons;
    }
    if (opts->n_halves > 0) {
        BA_TRY_ALLOC(report->halves, ba_calloc(job->n_out, sizeof *report->halves));
    }
out:
    return status;
}

/* Counts, classes and chance of each row of the ranking. */
static int
report_new(rank_job_t *job)
{
    int status = BA_OK;
    size_t n_out = job->n_out, n_concepts = job->labels.sets.n_concepts;
    ba_rank_report_t *report = NULL;

    BA_TRY_ALLOC(report, ba_calloc(1, sizeof *report));
    job->report = report;
    BA_TRY_ALLOC(report->n_positive, ba_calloc(n_out, sizeof *report->n_positive));
    BA_TRY_ALLOC(
        report->n_positive_test, ba_calloc(n_out, sizeof *report->n_positive_test));
    BA_TRY_ALLOC(report->classes, ba_calloc(n_out, sizeof *report->classes));
    BA_TRY_ALLOC(report->chance, ba_calloc(n_out, sizeof *report->chance));
    BA_TRY_ALLOC(report->n_undefined, ba_calloc(n_out, sizeof *report->n_undefined));
    report->n_neurons = job->ranking->n_neurons;
    report->n_concepts = n_out;
    report->n_train = job->observed.n_in;
    report->n_test = job->test.n_in;
    report->n_dropped = job->data->split->n_dropped;
    report->mass = job->opts->mass;
    report->n_permutations = job->opts->n_permutations;
    report->n_types = job->types.n_types;
    report->n_strata = job->types.n_strata;
    report->n_fixed = job->types.n_fixed;
    for (size_t r = 0; r < n_out; r++) {
        size_t c = job->method->only_all ? n_concepts : r;
        int all = c == n_concepts;

        report->n_positive[r] = all ? job->observed.n_with : job->observed.count[c];
        report->n_positive_test[r] = all ? job->test.n_with : job->test.count[c];
        report->classes[r] = all ? BA_CLASS_UNKNOWN : job->data->concepts->classes[c];
        report->chance[r] = job->method->chance ? job->method->chance(&job->labels,
                                                      &job->observed, job->opts, c)
                                                : job->method->centre;
    }
    BA_TRY(report_matrices(job));
out:
    return status;
}

static int
ranking_new(rank_job_t *job)
{
    int status = BA_OK;
    const ba_concepts_t *concepts = job->data->concepts;
    size_t n = concepts->n_concepts, first = job->method->only_all ? n : 0;
    const char **names = NULL;

    job->n_out = n - first + (job->method->has_all ? 1 : 0);
    BA_TRY_ALLOC(names, ba_malloc(n + 1, sizeof *names));
    for (size_t c = 0; c < n; c++) {
        names[c] = concepts->names[c];
    }
    names[n] = "*";
    BA_TRY(ba_ranking_create(job->method->name, job->n_out, names + first,
        &job->data->activations->neurons, &job->ranking));
out:
    ba_free(names);
    return status;
}

static int
prepare(rank_job_t *job)
{
    int status = BA_OK;
    const ba_concepts_t *concepts = job->data->concepts;

    BA_TRY(check_data(job->data));
    BA_TRY(ba_rank_labels_new(job->data, &job->labels));
    BA_TRY(ba_rank_labelling_new(&job->labels, &job->observed));
    BA_TRY(ba_rank_labelling_new(&job->labels, &job->test));
    ba_rank_labelling_part(&job->labels, 0, &job->observed);
    ba_rank_labelling_part(&job->labels, 1, &job->test);
    BA_TRY(check_labels(job));
    if (job->opts->n_permutations > 0) {
        if (!concepts->type) {
            BA_TRY(ba_fail(BA_SHAPE, "permutations: the word of each token is not known, "
                                     "and labels are exchanged between word types"));
        }
        BA_TRY(ba_rank_types_new(
            &job->labels, concepts->type, job->opts->min_stratum, &job->types));
    }
    BA_TRY(ranking_new(job));
    BA_TRY(report_new(job));
out:
    return status;
}

/* p of single tokens stands in the ranking only where there is no better one. */
static int
finish(rank_job_t *job)
{
    int status = BA_OK;
    ba_ranking_t *ranking = job->ranking;
    size_t p = ranking->n_neurons, size;

    BA_TRY(ba_multiply(job->n_out, p, &size));
    if (job->report->token_p) {
        ba_ctx_log(job->ctx, BA_LOG_WARNING,
            "p of single tokens takes tokens of one word for independent: far too small; "
            "permutations exchange labels between words");
        if (!ranking->p) {
            BA_TRY_ALLOC(ranking->p, ba_malloc(size, sizeof *ranking->p));
            memcpy(ranking->p, job->report->token_p, size * sizeof *ranking->p);
        }
    }
    if (ranking->p) {
        BA_TRY_ALLOC(ranking->q, ba_malloc(size, sizeof *ranking->q));
        for (size_t r = 0; r < job->n_out; r++) {
            BA_TRY(ba_fdr_bh(ranking->p + r * p, p, ranking->q + r * p));
        }
    }
    if (!job->method->rank) {
        BA_TRY(ba_ranking_sort(ranking));
    }
    BA_TRY(ba_rank_summary(job));
out:
    return status;
}

static void
job_free(rank_job_t *job)
{
    ba_ranking_free(job->ranking);
    ba_rank_report_free(job->report);
    ba_rank_labelling_free(&job->observed);
    ba_rank_labelling_free(&job->test);
    ba_rank_types_free(&job->types);
    ba_rank_labels_free(&job->labels);
}

static int
job_new(const ba_ctx_t *ctx, const ba_rank_data_t *data, const ba_rank_opts_t *opts,
    rank_job_t *job)
{
    int status = BA_OK;

    *job = (rank_job_t){.ctx = ctx, .data = data, .opts = opts};
    BA_TRY(ba_rank_method_find(opts->method, &job->method));
    BA_TRY(check_options(opts, job->method));
    BA_TRY(prepare(job));
out:
    return status;
}

int
ba_neurons_rank_check(
    const ba_ctx_t *ctx, const ba_rank_data_t *data, const ba_rank_opts_t *opts)
{
    ba_rank_opts_t defaults = ba_rank_opts_default();
    rank_job_t job;
    int status = job_new(ctx, data, opts ? opts : &defaults, &job);

    job_free(&job);
    return status;
}

int
ba_neurons_rank(const ba_ctx_t *ctx, const ba_rank_data_t *data,
    const ba_rank_opts_t *opts, ba_ranking_t **out, ba_rank_report_t **report)
{
    int status = BA_OK;
    ba_rank_opts_t defaults = ba_rank_opts_default();
    rank_job_t job;

    BA_TRY(job_new(ctx, data, opts ? opts : &defaults, &job));
    BA_TRY(job.method->rank ? job.method->rank(&job) : ba_rank_stream(&job));
    BA_TRY(job.method->rank ? ba_rank_halves_of_all(&job) : BA_OK);
    BA_TRY(finish(&job));
    *out = job.ranking;
    job.ranking = NULL;
    if (report) {
        *report = job.report;
        job.report = NULL;
    }
out:
    job_free(&job);
    return status;
}
