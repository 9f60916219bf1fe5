/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons cosy: every neuron for every explanation, a block of neurons at a time. */
#include "brainalign/explain.h"
#include "brainalign/significance.h"
#include "core/alloc.h"
#include "core/error_keep.h"
#include "model/cosy_impl.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 9, BLOCK = 64 };

/* Samples of the control (the first) or of an explanation. */
typedef struct {
    const char *name;
    ba_activations_t *activations;
    size_t *rows, n; /* rows NULL = all; owned */
    double *x;       /* n x BLOCK */
} samples_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_cosy_opts_t *opts;
    ba_provenance_t provenance;
    const ba_neuron_table_t *neurons;
    size_t n_neurons, n_explanations;
    samples_t *samples; /* 1 + n_explanations */
    ba_cosy_t *scores;  /* n_neurons x n_explanations */
    double *q, *all;    /* all: a block of neurons on all samples of the common file */
    ba_bundle_t *bundle;
    ba_table_writer_t *table;
} cosy_job_t;

/* Samples of no explanation. */
static int
take_rest(const ba_concepts_t *groups, samples_t *control)
{
    int status = BA_OK;

    control->name = "control";
    BA_TRY_ALLOC(control->rows, ba_malloc(groups->n_tokens, sizeof(size_t)));
    for (size_t t = 0; t < groups->n_tokens; t++) {
        if (groups->first[t] == groups->first[t + 1]) {
            control->rows[control->n++] = t;
        }
    }
out:
    return status;
}

static int
take_groups(cosy_job_t *job)
{
    const ba_concepts_t *groups = job->opts->groups;
    size_t control = SIZE_MAX, at = 1;
    int status = BA_OK;

    if (groups->n_tokens != job->opts->activations->n_tokens) {
        return ba_fail(BA_SHAPE,
            "groups: found %zu samples, wanted the %zu of the "
            "activations",
            groups->n_tokens, job->opts->activations->n_tokens);
    }
    for (size_t c = 0; job->opts->control_name && c < groups->n_concepts; c++) {
        control = strcmp(groups->names[c], job->opts->control_name) == 0 ? c : control;
    }
    if (job->opts->control_name && control == SIZE_MAX) {
        return ba_fail(
            BA_MISSING, "control: no sample of label '%s'", job->opts->control_name);
    }
    job->n_explanations = groups->n_concepts - (control != SIZE_MAX);
    BA_TRY_ALLOC(job->samples, ba_calloc(job->n_explanations + 1, sizeof *job->samples));
    if (control == SIZE_MAX) {
        BA_TRY(take_rest(groups, &job->samples[0]));
    }
    for (size_t c = 0; c < groups->n_concepts; c++) {
        samples_t *samples = c == control ? &job->samples[0] : &job->samples[at++];

        samples->name = groups->names[c];
        BA_TRY(ba_concepts_tokens(groups, c, &samples->rows, &samples->n));
    }
    for (size_t e = 0; e <= job->n_explanations; e++) {
        job->samples[e].activations = job->opts->activations;
    }
out:
    return status;
}

static int
take_files(cosy_job_t *job)
{
    const ba_cosy_opts_t *opts = job->opts;
    int status = BA_OK;

    job->n_explanations = opts->n_explanations;
    BA_TRY_ALLOC(job->samples, ba_calloc(job->n_explanations + 1, sizeof *job->samples));
    job->samples[0] = (samples_t){
        .name = "control", .activations = opts->control, .n = opts->control->n_tokens};
    for (size_t e = 0; e < job->n_explanations; e++) {
        ba_activations_t *activations = opts->explanations[e];

        job->samples[e + 1] = (samples_t){.name = opts->names[e],
            .activations = activations,
            .n = activations->n_tokens};
        if (activations->neurons.n_neurons != opts->control->neurons.n_neurons) {
            return ba_fail(BA_SHAPE, "%s: found %zu neurons, wanted the %zu of control",
                opts->names[e], activations->neurons.n_neurons,
                opts->control->neurons.n_neurons);
        }
    }
out:
    return status;
}

static int
check_samples(const cosy_job_t *job)
{
    if (job->n_explanations == 0) {
        return ba_fail(BA_SHAPE, "explanations: found none, wanted at least 1");
    }
    if (job->samples[0].n < 2) {
        return ba_fail(BA_SHAPE, "control: found %zu sample(s), wanted at least 2",
            job->samples[0].n);
    }
    for (size_t e = 1; e <= job->n_explanations; e++) {
        if (job->samples[e].n < 1) {
            return ba_fail(
                BA_SHAPE, "%s: found no sample, wanted at least 1", job->samples[e].name);
        }
    }
    return BA_OK;
}

/* n neurons on all samples of control or an explanation: from its own file, or picked out
 * of what was read of the common one (all: n_all rows). */
static int
take_samples(
    samples_t *samples, size_t neuron0, size_t n, const double *all, size_t n_all)
{
    int status = BA_OK;

    if (!samples->x) {
        BA_TRY_ALLOC(samples->x, ba_malloc(samples->n, BLOCK * sizeof *samples->x));
    }
    if (!samples->rows) {
        BA_TRY(ba_activations_read(
            samples->activations, NULL, samples->n, neuron0, n, samples->x, samples->n));
    }
    for (size_t j = 0; samples->rows && j < n; j++) {
        for (size_t i = 0; i < samples->n; i++) {
            samples->x[i + j * samples->n] = all[samples->rows[i] + j * n_all];
        }
    }
out:
    return status;
}

static int
read_block(cosy_job_t *job, size_t neuron0, size_t n)
{
    ba_activations_t *activations = job->opts->activations;
    size_t n_all = activations ? activations->n_tokens : 0;
    int status = BA_OK;

    if (activations && !job->all) {
        BA_TRY_ALLOC(job->all, ba_malloc(n_all, BLOCK * sizeof *job->all));
    }
    if (activations) {
        BA_TRY(
            ba_activations_read(activations, NULL, n_all, neuron0, n, job->all, n_all));
    }
    for (size_t e = 0; e <= job->n_explanations; e++) {
        BA_TRY(take_samples(&job->samples[e], neuron0, n, job->all, n_all));
    }
out:
    return status;
}

/* One neuron for every explanation. */
static int
score_neuron(const cosy_job_t *job, size_t j, ba_cosy_t *scores)
{
    const samples_t *samples = job->samples;
    ba_cosy_control_t control = {0};
    int status;

    BA_TRY(ba_cosy_control(samples->x + j * samples->n, samples->n, &control));
    for (size_t e = 0; e < job->n_explanations; e++) {
        size_t n = samples[e + 1].n;

        BA_TRY(ba_cosy_score(&control, samples[e + 1].x + j * n, n, &scores[e]));
    }
out:
    ba_cosy_control_free(&control);
    return status;
}

static int
score_block(cosy_job_t *job, size_t neuron0, size_t n)
{
    ba_error_keep_t keep = {0};
    int n_threads = ba_ctx_threads(job->ctx);

#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t j = 0; j < n; j++) {
        ba_error_keep(&keep,
            score_neuron(job, j, job->scores + (neuron0 + j) * job->n_explanations));
    }
    return ba_error_raise(&keep);
}

static int
score_all(cosy_job_t *job)
{
    size_t n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(job->n_neurons, job->n_explanations, &n_all));
    BA_TRY_ALLOC(job->scores, ba_calloc(n_all, sizeof *job->scores));
    BA_TRY_ALLOC(job->q, ba_malloc(n_all, sizeof *job->q));
    for (size_t j = 0; j < job->n_neurons; j += BLOCK) {
        size_t left = job->n_neurons - j, n = left < BLOCK ? left : BLOCK;

        BA_TRY(ba_ctx_check(job->ctx));
        ba_ctx_progress(job->ctx, "neurons", (double) j, (double) job->n_neurons);
        BA_TRY(read_block(job, j, n));
        BA_TRY(score_block(job, j, n));
    }
    for (size_t i = 0; i < n_all; i++) {
        job->q[i] = job->scores[i].p;
    }
    BA_TRY(ba_fdr_bh(job->q, n_all, job->q));
out:
    return status;
}

static int
fill_table(const cosy_job_t *job)
{
    static const char *const names[] = {"explanation", "auc", "mad", "u", "p", "q",
        "n_explanation", "n_control", "exact"};
    size_t n_each = job->n_explanations;
    int status;

    BA_TRY(ba_neuron_put_header(job->table));
    BA_TRY(ba_table_put_names(job->table, names, 9));
    for (size_t i = 0; i < job->n_neurons * n_each; i++) {
        const ba_cosy_t *score = &job->scores[i];
        const samples_t *samples = &job->samples[i % n_each + 1];

        BA_TRY(ba_neuron_put(job->table, job->neurons, i / n_each));
        BA_TRY(ba_table_put_text(job->table, samples->name));
        BA_TRY(ba_table_put_number(job->table, score->auc, DIGITS));
        BA_TRY(ba_table_put_number(job->table, score->mad, DIGITS));
        BA_TRY(ba_table_put_number(job->table, score->u, DIGITS));
        BA_TRY(ba_table_put_number(job->table, score->p, DIGITS));
        BA_TRY(ba_table_put_number(job->table, job->q[i], DIGITS));
        BA_TRY(ba_table_put_integer(job->table, (int64_t) samples->n));
        BA_TRY(ba_table_put_integer(job->table, (int64_t) job->samples[0].n));
        BA_TRY(ba_table_put_text(job->table, score->exact ? "yes" : "no"));
        BA_TRY(ba_table_end_row(job->table));
    }
    BA_TRY(ba_table_finish(job->table));
out:
    return status;
}

static int
write_numbers(const cosy_job_t *job)
{
    static const char *const paths[] = {"/auc", "/mad", "/u", "/p"};
    size_t dims[] = {job->n_neurons, job->n_explanations}, n = dims[0] * dims[1];
    double *values = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_malloc(n, sizeof *values));
    for (size_t which = 0; which < 4; which++) {
        for (size_t i = 0; i < n; i++) {
            const ba_cosy_t *score = &job->scores[i];

            values[i] = which == 0   ? score->auc
                        : which == 1 ? score->mad
                        : which == 2 ? score->u
                                     : score->p;
        }
        BA_TRY(ba_bundle_write(job->bundle, paths[which], BA_F64, 2, dims, values));
    }
    BA_TRY(ba_bundle_write(job->bundle, "/q", BA_F64, 2, dims, job->q));
out:
    ba_free(values);
    return status;
}

static int
fill_bundle(const cosy_job_t *job)
{
    size_t n = job->n_explanations;
    int64_t *counts = NULL, n_control = (int64_t) job->samples[0].n;
    const char **names = NULL;
    ba_source_t **sources = NULL;
    int status;

    BA_TRY(ba_neuron_write_format(job->bundle, "brainalign-cosy"));
    BA_TRY(ba_bundle_attr_i64(job->bundle, "/", "n_control", 1, &n_control));
    BA_TRY(ba_neuron_write(job->bundle, "/neurons", job->neurons, NULL, job->n_neurons));
    BA_TRY(write_numbers(job));
    BA_TRY_ALLOC(counts, ba_malloc(n, sizeof *counts));
    BA_TRY_ALLOC(names, ba_malloc(n, sizeof *names));
    BA_TRY_ALLOC(sources, ba_malloc(n + 1, sizeof *sources));
    sources[0] = job->samples[0].activations->source;
    for (size_t e = 0; e < n; e++) {
        counts[e] = (int64_t) job->samples[e + 1].n;
        names[e] = job->samples[e + 1].name;
        sources[e + 1] = job->samples[e + 1].activations->source;
    }
    BA_TRY(ba_bundle_write_strings(job->bundle, "/explanations/name", n, names));
    BA_TRY(
        ba_bundle_write(job->bundle, "/explanations/n_samples", BA_I64, 1, &n, counts));
    BA_TRY(ba_neuron_write_provenance(
        job->bundle, &job->provenance, sources, n + 1, job->opts->inputs));
out:
    ba_free(counts);
    ba_free(names);
    ba_free(sources);
    return status;
}

static int
write_all(cosy_job_t *job)
{
    int status;

    BA_TRY(fill_bundle(job));
    if (job->table) {
        BA_TRY(fill_table(job));
    }
    BA_TRY(ba_bundle_commit(job->bundle));
    if (job->table) {
        BA_TRY(ba_table_commit(job->table));
    }
out:
    return status;
}

static void
sum_up(const cosy_job_t *job, ba_cosy_info_t *info)
{
    for (size_t i = 0; i < job->n_neurons * job->n_explanations; i++) {
        info->n_significant += job->q[i] < 0.05;
        if (i == 0 || job->scores[i].auc > info->best_auc) {
            info->best_auc = job->scores[i].auc;
            info->best_neuron = ba_neuron_number(job->neurons, i / job->n_explanations);
            info->best_explanation = i % job->n_explanations;
        }
    }
}

static void
free_job(cosy_job_t *job)
{
    for (size_t e = 0; job->samples && e <= job->n_explanations; e++) {
        free(job->samples[e].rows);
        ba_free(job->samples[e].x);
    }
    ba_free(job->samples);
    ba_free(job->scores);
    ba_free(job->q);
    ba_free(job->all);
    ba_table_writer_free(job->table);
    ba_bundle_free(job->bundle);
}

int
ba_neurons_cosy(const ba_ctx_t *ctx, const ba_cosy_opts_t *opts, ba_cosy_info_t *info)
{
    cosy_job_t job = {.ctx = ctx,
        .opts = opts,
        .provenance = ba_provenance_start(ctx, opts->argc, opts->argv)};
    int status;

    BA_TRY(opts->groups ? take_groups(&job) : take_files(&job));
    BA_TRY(check_samples(&job));
    job.neurons = &job.samples[0].activations->neurons;
    job.n_neurons = job.neurons->n_neurons;
    *info = (ba_cosy_info_t){.n_neurons = job.n_neurons,
        .n_explanations = job.n_explanations,
        .n_control = job.samples[0].n};
    if (opts->dry_run) {
        goto out;
    }
    BA_TRY(ba_bundle_create(opts->output, opts->force, &job.bundle));
    if (opts->table) {
        BA_TRY(ba_table_create(opts->table, opts->force, &job.table));
    }
    BA_TRY(score_all(&job));
    sum_up(&job, info);
    BA_TRY(write_all(&job));
out:
    free_job(&job);
    return status;
}
