/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons compare: the models, and what is computed of them. */
#include "neurons/crossmodel.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

ba_crossmodel_opts_t
ba_crossmodel_opts_default(void)
{
    return (ba_crossmodel_opts_t){.what = BA_COMPARE_ALL,
        .similarity = ba_similarity_opts_default(),
        .rsa_tokens = 2000};
}

static int
is_by_layer(const ba_crossmodel_opts_t *opts)
{
    return opts->by == BA_MODEL_LAYER ||
           (opts->by == BA_MODEL_DEFAULT && opts->activations->neurons.n_components == 1);
}

/* The model of neuron i among those found so far, which it may be new to. */
static size_t
model_of(const ba_neuron_table_t *neurons, int by_layer, const size_t *example,
    size_t n_models, size_t i)
{
    for (size_t m = 0; m < n_models; m++) {
        if (neurons->component[example[m]] == neurons->component[i] &&
            (!by_layer || neurons->layer[example[m]] == neurons->layer[i])) {
            return m;
        }
    }
    return n_models;
}

static char *
name_of(const ba_neuron_table_t *neurons, int by_layer, size_t i)
{
    const char *component = neurons->component_names[neurons->component[i]];

    return by_layer ? ba_asprintf("%s:%zu", component, neurons->layer[i])
                    : ba_strdup(component);
}

/* Models in order of their first neuron, and their neurons. */
static int
find_models(ba_crossmodel_t *job)
{
    const ba_neuron_table_t *neurons = &job->opts->activations->neurons;
    size_t n = neurons->n_neurons, *example = NULL, *model = NULL, at = 0;
    int by_layer = is_by_layer(job->opts), status = BA_OK;

    BA_TRY_ALLOC(example, ba_malloc(n, sizeof *example));
    BA_TRY_ALLOC(model, ba_malloc(n, sizeof *model));
    for (size_t i = 0; i < n; i++) {
        model[i] = model_of(neurons, by_layer, example, job->n_models, i);
        if (model[i] == job->n_models) {
            example[job->n_models++] = i;
        }
    }
    if (job->n_models < 2) {
        BA_TRY(ba_fail(BA_SHAPE, "models: found %zu %s, wanted at least 2", job->n_models,
            by_layer ? "layer" : "component"));
    }
    BA_TRY_ALLOC(job->names, ba_calloc(job->n_models, sizeof *job->names));
    BA_TRY_ALLOC(job->first, ba_calloc(job->n_models + 1, sizeof *job->first));
    BA_TRY_ALLOC(job->place, ba_malloc(n, sizeof *job->place));
    for (size_t m = 0; m < job->n_models; m++) {
        BA_TRY_ALLOC(job->names[m], name_of(neurons, by_layer, example[m]));
        for (size_t i = 0; i < n; i++) {
            if (model[i] == m) {
                job->place[at++] = i;
            }
        }
        job->first[m + 1] = at;
    }
    job->n_neurons = n;
out:
    ba_free(example);
    ba_free(model);
    return status;
}

static int
check_memory(const ba_crossmodel_t *job)
{
    size_t bytes;
    int status;

    BA_TRY(ba_multiply(job->n_tokens, job->n_neurons, &bytes));
    BA_TRY(ba_multiply(bytes, 3 * sizeof(double), &bytes));
    if (bytes > ba_ctx_memory(job->ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "activations: %zu tokens x %zu neurons need %.3g GiB, wanted at most %.3g",
            job->n_tokens, job->n_neurons, (double) bytes * 0x1p-30,
            (double) ba_ctx_memory(job->ctx) * 0x1p-30);
    }
out:
    return status;
}

/* Neurons in the order of the models, neighbours in one reading. */
static int
read_models(ba_crossmodel_t *job)
{
    size_t n = job->n_tokens, n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(n, job->n_neurons, &n_all));
    BA_TRY_ALLOC(job->x, ba_malloc(n_all, sizeof *job->x));
    BA_TRY_ALLOC(job->models, ba_calloc(job->n_models, sizeof *job->models));
    for (size_t k = 0; k < job->n_neurons;) {
        size_t run = 1;

        while (k + run < job->n_neurons && job->place[k + run] == job->place[k] + run) {
            run++;
        }
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(ba_activations_read(
            job->opts->activations, NULL, n, job->place[k], run, job->x + k * n, n));
        k += run;
    }
    for (size_t m = 0; m < job->n_models; m++) {
        job->models[m] = (ba_cdmat_t){
            job->x + job->first[m] * n, n, job->first[m + 1] - job->first[m], n};
    }
out:
    return status;
}

static int
allocate(ba_crossmodel_t *job)
{
    unsigned what = job->opts->what;
    size_t n = job->n_neurons, pairs = job->n_models * job->n_models, n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(n, job->n_models, &n_all));
    if (what & BA_COMPARE_CORR) {
        BA_TRY_ALLOC(job->most, ba_malloc(n, sizeof(double)));
        BA_TRY_ALLOC(job->least, ba_malloc(n, sizeof(double)));
        BA_TRY_ALLOC(job->best, ba_malloc(n_all, sizeof(double)));
        BA_TRY_ALLOC(job->partner, ba_malloc(n_all, sizeof(uint32_t)));
    }
    if (what & BA_COMPARE_LINREG) {
        BA_TRY_ALLOC(job->linreg, ba_malloc(n, sizeof(double)));
        BA_TRY_ALLOC(job->rank, ba_calloc(job->n_models, sizeof(size_t)));
    }
    if (what & BA_COMPARE_SVCCA) {
        BA_TRY_ALLOC(job->spaces.svcca, ba_calloc(pairs, sizeof(double)));
        BA_TRY_ALLOC(job->spaces.svcca_kept, ba_calloc(pairs, sizeof(double)));
    }
    if (what & BA_COMPARE_PWCCA) {
        BA_TRY_ALLOC(job->spaces.pwcca, ba_calloc(pairs, sizeof(double)));
    }
    if (what & BA_COMPARE_CKA) {
        BA_TRY_ALLOC(job->spaces.cka, ba_calloc(pairs, sizeof(double)));
        BA_TRY_ALLOC(job->spaces.cka_debiased, ba_calloc(pairs, sizeof(double)));
    }
    if (what & BA_COMPARE_RSA) {
        BA_TRY_ALLOC(job->rsa, ba_calloc(pairs, sizeof(double)));
    }
out:
    return status;
}

static int
compute_rsa(ba_crossmodel_t *job)
{
    size_t n = job->n_tokens, *tokens = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(tokens, ba_malloc(job->n_rsa, sizeof *tokens));
    for (size_t i = 0; i < job->n_rsa; i++) {
        tokens[i] = (size_t) ((double) i * (double) n / (double) job->n_rsa);
    }
    BA_TRY(ba_similarity_rsa(job->ctx, job->models, job->n_models,
        job->opts->dissimilarity, tokens, job->n_rsa, job->rsa));
out:
    ba_free(tokens);
    return status;
}

static int
compute(ba_crossmodel_t *job)
{
    const ba_crossmodel_opts_t *opts = job->opts;
    int status = BA_OK;

    if (job->most) {
        BA_TRY(ba_similarity_correlation(job->ctx, job->models, job->n_models, job->most,
            job->least, job->best, job->partner));
    }
    if (job->linreg) {
        BA_TRY(ba_similarity_linreg(job->ctx, job->models, job->n_models,
            &opts->similarity, job->linreg, job->rank));
    }
    if (opts->what & (BA_COMPARE_SVCCA | BA_COMPARE_PWCCA | BA_COMPARE_CKA)) {
        BA_TRY(ba_similarity_spaces(
            job->ctx, job->models, job->n_models, &opts->similarity, &job->spaces));
    }
    if (job->rsa) {
        BA_TRY(compute_rsa(job));
    }
out:
    return status;
}

static void
sum_up(const ba_crossmodel_t *job, ba_crossmodel_info_t *info)
{
    for (size_t m = 0; job->rank && m < job->n_models; m++) {
        info->n_full += job->rank[m] + 1 >= job->n_tokens;
    }
    if (info->n_full > 0) {
        ba_ctx_log(job->ctx, BA_LOG_WARNING,
            "%zu of %zu models have as many directions as %zu tokens allow: they predict "
            "every neuron, and LinReg and canonical correlations are 1 whatever it is",
            info->n_full, job->n_models, job->n_tokens);
    }
    for (size_t a = 0; job->spaces.cka && a < job->n_models; a++) {
        for (size_t b = 0; b < a; b++) {
            double cka = job->spaces.cka[a * job->n_models + b];

            info->least_cka = fmin(info->least_cka, cka);
            info->most_cka = fmax(info->most_cka, cka);
        }
    }
}

static void
free_job(ba_crossmodel_t *job)
{
    for (size_t m = 0; job->names && m < job->n_models; m++) {
        ba_free(job->names[m]);
    }
    ba_free(job->names);
    ba_free(job->first);
    ba_free(job->place);
    ba_free(job->models);
    ba_free(job->x);
    ba_free(job->most);
    ba_free(job->least);
    ba_free(job->best);
    ba_free(job->partner);
    ba_free(job->linreg);
    ba_free(job->rank);
    ba_free(job->spaces.svcca);
    ba_free(job->spaces.svcca_kept);
    ba_free(job->spaces.pwcca);
    ba_free(job->spaces.cka);
    ba_free(job->spaces.cka_debiased);
    ba_free(job->rsa);
}

int
ba_neurons_compare(
    const ba_ctx_t *ctx, const ba_crossmodel_opts_t *opts, ba_crossmodel_info_t *info)
{
    ba_crossmodel_t job = {.ctx = ctx,
        .opts = opts,
        .n_tokens = opts->activations->n_tokens,
        .provenance = ba_provenance_start(ctx, opts->argc, opts->argv)};
    ba_crossmodel_outputs_t outputs = {0};
    int status;

    if (opts->ranking && !(opts->what & (BA_COMPARE_CORR | BA_COMPARE_LINREG))) {
        return ba_fail(BA_VALUE,
            "ranking: found no measure of single neurons, wanted corr or linreg");
    }
    BA_TRY(find_models(&job));
    BA_TRY(check_memory(&job));
    job.n_rsa = job.n_tokens < opts->rsa_tokens ? job.n_tokens : opts->rsa_tokens;
    *info = (ba_crossmodel_info_t){.n_models = job.n_models,
        .n_tokens = job.n_tokens,
        .n_neurons = job.n_neurons,
        .least_cka = (double) NAN,
        .most_cka = (double) NAN};
    if (!opts->dry_run) {
        BA_TRY(ba_crossmodel_outputs_create(opts, &outputs));
        BA_TRY(read_models(&job));
        BA_TRY(allocate(&job));
        BA_TRY(compute(&job));
        sum_up(&job, info);
        BA_TRY(ba_crossmodel_outputs_write(&job, &outputs));
    }
out:
    ba_crossmodel_outputs_free(&outputs);
    free_job(&job);
    return status;
}
