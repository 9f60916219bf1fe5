/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons explain: checks, the job as a whole, and p and q. */
#include "neurons/explain_impl.h"

#include "brainalign/significance.h"
#include "core/alloc.h"

#include <math.h>
#include <string.h>

ba_explain_opts_t
ba_explain_opts_default(void)
{
    return (ba_explain_opts_t){.formula = ba_formula_opts_default(),
        .quantile = 0.98,
        .threshold = (double) NAN,
        .min_on = 10,
        .n_permutations = 100,
        .n_neighbours = 5,
        .neighbour_tokens = 20,
        .n_words = 20,
        .n_contexts = 10,
        .window = 8};
}

static int
check_opts(const ba_concepts_t *concepts, const ba_explain_opts_t *opts)
{
    if (isnan(opts->threshold) && !(opts->quantile > 0.0 && opts->quantile < 1.0)) {
        return ba_fail(
            BA_VALUE, "quantile: found %g, wanted above 0 and below 1", opts->quantile);
    }
    if (opts->min_on < 1) {
        return ba_fail(BA_VALUE, "min-on: found 0, wanted at least 1");
    }
    if (!opts->split || opts->split->n_train < 2) {
        return ba_fail(BA_SHAPE, "training tokens: found %zu, wanted at least 2",
            opts->split ? opts->split->n_train : 0);
    }
    if ((opts->words || opts->contexts || opts->vectors) && !concepts->type) {
        return ba_fail(BA_VALUE, "%s: found no words of the tokens, wanted them (forms)",
            opts->vectors ? "word vectors"
            : opts->words ? "top words"
                          : "contexts");
    }
    if (!opts->vectors != !opts->vocabulary) {
        return ba_fail(BA_VALUE,
            "word vectors: found %s alone, wanted vectors and "
            "vocabulary",
            opts->vectors ? "vectors" : "a vocabulary");
    }
    if (opts->null == BA_EXPLAIN_NULL_TYPES && !concepts->type) {
        return ba_fail(
            BA_VALUE, "null: found no words of the tokens, wanted them for types");
    }
    return BA_OK;
}

static int
check_tokens(const ba_activations_t *activations, const ba_concepts_t *concepts)
{
    if (activations->n_tokens != concepts->n_tokens) {
        return ba_fail(BA_SHAPE,
            "labels: found %zu tokens, wanted the %zu of the "
            "activations",
            concepts->n_tokens, activations->n_tokens);
    }
    if (concepts->n_concepts == 0) {
        return ba_fail(BA_SHAPE, "labels: found no concept, wanted at least 1");
    }
    return BA_OK;
}

/* Sets of tokens, a copy of the training ones for each thread, and what is found. */
static int
check_memory(const ba_explaining_t *job)
{
    size_t threads = (size_t) ba_ctx_threads(job->ctx), sets, found;
    int status;

    BA_TRY(ba_multiply(job->concepts->n_concepts,
        ((threads + 1) * job->n_train + job->n_test) / 8, &sets));
    BA_TRY(ba_multiply(job->n_neurons, job->n_lengths * sizeof *job->found, &found));
    if (sets > ba_ctx_memory(job->ctx) || found > ba_ctx_memory(job->ctx) - sets) {
        return ba_fail(BA_TOO_LARGE,
            "formulas: %zu concepts of %zu tokens and %zu neurons need %.3g GiB, wanted "
            "at "
            "most %.3g",
            job->concepts->n_concepts, job->n_tokens, job->n_neurons,
            ((double) sets + (double) found) * 0x1p-30,
            (double) ba_ctx_memory(job->ctx) * 0x1p-30);
    }
out:
    return status;
}

static int
allocate_words(ba_explaining_t *job)
{
    const ba_explain_opts_t *opts = job->opts;
    size_t n = job->n_neurons, n_all;
    int status = BA_OK;

    if (!job->concepts->type) {
        return BA_OK;
    }
    BA_TRY_ALLOC(
        job->n_of_type, ba_calloc(job->concepts->n_types, sizeof *job->n_of_type));
    for (size_t t = 0; t < job->n_tokens; t++) {
        job->n_of_type[job->concepts->type[t]]++;
    }
    if (opts->words && opts->n_words > 0) {
        BA_TRY(ba_multiply(n, opts->n_words, &n_all));
        BA_TRY_ALLOC(job->words, ba_malloc(n_all, sizeof *job->words));
        for (size_t i = 0; i < n_all; i++) {
            job->words[i] = (ba_top_word_t){.type = UINT32_MAX};
        }
    }
    if (opts->contexts && opts->n_contexts > 0) {
        BA_TRY(ba_multiply(n, opts->n_contexts, &n_all));
        BA_TRY_ALLOC(job->contexts, ba_malloc(n_all, sizeof *job->contexts));
        BA_TRY_ALLOC(job->context_value, ba_malloc(n_all, sizeof *job->context_value));
        memset(job->contexts, 0xff, n_all * sizeof *job->contexts);
    }
out:
    return status;
}

static int
allocate(ba_explaining_t *job)
{
    size_t n = job->n_neurons, n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(n, job->n_lengths, &n_all));
    BA_TRY_ALLOC(job->threshold, ba_calloc(n, sizeof *job->threshold));
    BA_TRY_ALLOC(job->n_on, ba_calloc(n, sizeof *job->n_on));
    BA_TRY_ALLOC(job->n_on_test, ba_calloc(n, sizeof *job->n_on_test));
    BA_TRY_ALLOC(job->proven, ba_calloc(n, 1));
    BA_TRY_ALLOC(job->found, ba_calloc(n_all, sizeof *job->found));
    for (size_t i = 0; i < n_all; i++) {
        ba_explained_t *found = &job->found[i];

        found->iou = found->precision = found->recall = (double) NAN;
        found->test.score = found->precision_test = found->recall_test = (double) NAN;
        found->train.score = found->p = found->q = (double) NAN;
    }
    BA_TRY(allocate_words(job));
out:
    return status;
}

static void
free_job(ba_explaining_t *job)
{
    ba_leaves_free(&job->leaves);
    ba_free(job->threshold);
    ba_free(job->n_on);
    ba_free(job->n_on_test);
    ba_free(job->proven);
    ba_free(job->found);
    ba_free(job->words);
    ba_free(job->contexts);
    ba_free(job->context_value);
    ba_free(job->n_of_type);
}

/* p of each formula and q over the neurons at each length. */
static int
set_significance(ba_explaining_t *job)
{
    size_t n = job->n_neurons;
    double *p = NULL;
    int status = BA_OK;

    if (job->opts->n_permutations == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(p, ba_malloc(n, sizeof *p));
    for (size_t i = 0; i < job->n_lengths; i++) {
        for (size_t k = 0; k < n; k++) {
            ba_explained_t *found = &job->found[k * job->n_lengths + i];

            if (job->n_on[k] >= job->opts->min_on) {
                found->p = ba_permutation_p(found->n_above, job->opts->n_permutations);
            }
            p[k] = found->p;
        }
        BA_TRY(ba_fdr_bh(p, n, p));
        for (size_t k = 0; k < n; k++) {
            job->found[k * job->n_lengths + i].q = p[k];
        }
    }
out:
    ba_free(p);
    return status;
}

/* Means over the explained neurons. */
static void
sum_up(const ba_explaining_t *job, ba_explain_info_t *info)
{
    double n_test[BA_FORMULA_LEAVES] = {0.0};

    for (size_t k = 0; k < job->n_neurons; k++) {
        const ba_explained_t *found = job->found + k * job->n_lengths;

        if (job->n_on[k] < job->opts->min_on) {
            info->n_few++;
            continue;
        }
        info->n_explained++;
        info->n_proven += job->proven[k] > 1;
        for (size_t i = 0; i < job->n_lengths; i++) {
            info->score[i] += found[i].train.score;
            if (!isnan(found[i].test.score)) {
                info->iou_test[i] += found[i].test.score;
                n_test[i] += 1.0;
            }
            info->smallest_p = fmin(info->smallest_p, found[i].p);
        }
        info->n_significant += found[job->n_lengths - 1].q < 0.05;
    }
    for (size_t i = 0; i < job->n_lengths; i++) {
        info->score[i] /= (double) info->n_explained;
        info->iou_test[i] /= n_test[i];
    }
}

static void
start_info(const ba_explaining_t *job, ba_explain_info_t *info)
{
    *info = (ba_explain_info_t){.n_neurons = job->n_neurons,
        .n_leaves = job->leaves.n_leaves,
        .n_neighbours = job->leaves.n_neighbours,
        .n_train = job->n_train,
        .n_test = job->n_test,
        .smallest_p = (double) NAN};
}

static int
run_job(ba_explaining_t *job, ba_explain_info_t *info)
{
    ba_explain_outputs_t outputs = {0};
    int status;

    BA_TRY(ba_explain_outputs_create(job->opts, &outputs));
    BA_TRY(allocate(job));
    BA_TRY(ba_explain_all(job));
    BA_TRY(set_significance(job));
    info->n_shifts = job->n_shifts;
    sum_up(job, info);
    if (info->n_explained == 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "neurons: found none of %zu that is on for %zu training tokens, wanted at "
            "least 1",
            job->n_neurons, job->opts->min_on));
    }
    BA_TRY(ba_explain_outputs_write(job, &outputs));
out:
    ba_explain_outputs_free(&outputs);
    return status;
}

int
ba_neurons_explain(const ba_ctx_t *ctx, ba_activations_t *activations,
    const ba_concepts_t *concepts, const ba_explain_opts_t *opts, ba_explain_info_t *info)
{
    ba_explaining_t job = {.ctx = ctx,
        .activations = activations,
        .concepts = concepts,
        .opts = opts,
        .provenance = ba_provenance_start(ctx, opts->argc, opts->argv)};
    ba_formula_search_t *search = NULL;
    int status;

    BA_TRY(check_opts(concepts, opts));
    BA_TRY(check_tokens(activations, concepts));
    job.only = opts->only;
    job.n_neurons = opts->only ? opts->n_only : activations->neurons.n_neurons;
    job.n_lengths = opts->formula.n_leaves;
    job.n_tokens = concepts->n_tokens;
    job.train = opts->split->train;
    job.n_train = opts->split->n_train;
    job.test = opts->split->test;
    job.n_test = opts->split->n_test;
    job.null = opts->null != BA_EXPLAIN_NULL_DEFAULT ? opts->null
               : concepts->type                      ? BA_EXPLAIN_NULL_TYPES
                                                     : BA_EXPLAIN_NULL_CIRCULAR;
    BA_TRY(check_memory(&job));
    BA_TRY(ba_leaves_create(&job));
    BA_TRY(ba_formula_search_create(job.leaves.train, &opts->formula, &search));
    start_info(&job, info);
    if (!opts->dry_run) {
        BA_TRY(run_job(&job, info));
    }
out:
    ba_formula_search_free(search);
    free_job(&job);
    return status;
}
