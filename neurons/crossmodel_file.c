/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The result file and the tables of neurons compare (docs/formats.md). */
#include "neurons/crossmodel.h"

#include "core/alloc.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <unistd.h>

enum { DIGITS = 9 };

int
ba_crossmodel_outputs_create(
    const ba_crossmodel_opts_t *opts, ba_crossmodel_outputs_t *outputs)
{
    int status;

    if (opts->ranking && !opts->force && access(opts->ranking, F_OK) == 0) {
        return ba_fail(BA_EXISTS, "%s: exists already", opts->ranking);
    }
    BA_TRY(ba_bundle_create(opts->output, opts->force, &outputs->bundle));
    if (opts->table) {
        BA_TRY(ba_table_create(opts->table, opts->force, &outputs->table));
    }
    if (opts->pairs) {
        BA_TRY(ba_table_create(opts->pairs, opts->force, &outputs->pairs));
    }
out:
    return status;
}

void
ba_crossmodel_outputs_free(ba_crossmodel_outputs_t *outputs)
{
    ba_table_writer_free(outputs->table);
    ba_table_writer_free(outputs->pairs);
    ba_bundle_free(outputs->bundle);
}

static int
write_some(ba_bundle_t *bundle, const char *path, int rank, const size_t *dims,
    const double *values)
{
    return values ? ba_bundle_write(bundle, path, BA_F64, rank, dims, values) : BA_OK;
}

/* Model of each neuron, partners as numbers of neurons (-1 in its own model), ranks. */
static int
write_integers(const ba_crossmodel_t *job, ba_bundle_t *bundle)
{
    const ba_neuron_table_t *neurons = &job->opts->activations->neurons;
    size_t dims[] = {job->n_neurons, job->n_models};
    int64_t *values = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_malloc(dims[0], dims[1] * sizeof *values));
    for (size_t m = 0; m < job->n_models; m++) {
        for (size_t k = job->first[m]; k < job->first[m + 1]; k++) {
            values[k] = (int64_t) m;
        }
    }
    BA_TRY(ba_bundle_write(bundle, "/neurons/model", BA_I64, 1, dims, values));
    if (job->partner) {
        for (size_t i = 0; i < dims[0] * dims[1]; i++) {
            values[i] = job->partner[i] == UINT32_MAX
                            ? -1
                            : (int64_t) ba_neuron_number(neurons,
                                  job->place[job->first[i % dims[1]] + job->partner[i]]);
        }
        BA_TRY(ba_bundle_write(bundle, "/neurons/partner", BA_I64, 2, dims, values));
    }
    if (job->rank) {
        for (size_t m = 0; m < job->n_models; m++) {
            values[m] = (int64_t) job->rank[m];
        }
        BA_TRY(ba_bundle_write(bundle, "/models/rank", BA_I64, 1, dims + 1, values));
    }
out:
    ba_free(values);
    return status;
}

static int
write_attributes(const ba_crossmodel_t *job, ba_bundle_t *bundle)
{
    static const char *const kinds[] = {"correlation", "cosine", "euclidean"};
    const ba_crossmodel_opts_t *opts = job->opts;
    const int64_t counts[] = {(int64_t) job->n_tokens, (int64_t) job->n_rsa,
        opts->similarity.centre, (int64_t) opts->similarity.more};
    static const char *const names[] = {
        "n_tokens", "n_rsa_tokens", "centred", "svcca_more"};
    int status;

    BA_TRY(ba_neuron_write_format(bundle, "brainalign-compare-neurons"));
    for (size_t i = 0; i < 4; i++) {
        BA_TRY(ba_bundle_attr_i64(bundle, "/", names[i], 1, &counts[i]));
    }
    BA_TRY(
        ba_bundle_attr_f64(bundle, "/", "svcca_variance", 1, &opts->similarity.variance));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "rank_cut", 1, &opts->similarity.cut));
    BA_TRY(
        ba_bundle_attr_string(bundle, "/", "dissimilarity", kinds[opts->dissimilarity]));
out:
    return status;
}

static int
fill_bundle(const ba_crossmodel_t *job, ba_bundle_t *bundle)
{
    size_t neurons[] = {job->n_neurons, job->n_models};
    size_t pairs[] = {job->n_models, job->n_models};
    int status;

    BA_TRY(write_attributes(job, bundle));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/models/name", job->n_models, (const char *const *) job->names));
    BA_TRY(ba_neuron_write(bundle, "/neurons", &job->opts->activations->neurons,
        job->place, job->n_neurons));
    BA_TRY(write_integers(job, bundle));
    BA_TRY(write_some(bundle, "/neurons/maxcorr", 1, neurons, job->most));
    BA_TRY(write_some(bundle, "/neurons/mincorr", 1, neurons, job->least));
    BA_TRY(write_some(bundle, "/neurons/best_r", 2, neurons, job->best));
    BA_TRY(write_some(bundle, "/neurons/linreg", 1, neurons, job->linreg));
    BA_TRY(write_some(bundle, "/models/svcca", 2, pairs, job->spaces.svcca));
    BA_TRY(write_some(bundle, "/models/svcca_kept", 2, pairs, job->spaces.svcca_kept));
    BA_TRY(write_some(bundle, "/models/pwcca", 2, pairs, job->spaces.pwcca));
    BA_TRY(write_some(bundle, "/models/cka", 2, pairs, job->spaces.cka));
    BA_TRY(
        write_some(bundle, "/models/cka_debiased", 2, pairs, job->spaces.cka_debiased));
    BA_TRY(write_some(bundle, "/models/rsa", 2, pairs, job->rsa));
    BA_TRY(ba_neuron_write_provenance(
        bundle, &job->provenance, &job->opts->activations->source, 1, NULL));
out:
    return status;
}

static int
put_some(ba_table_writer_t *table, const double *values, size_t i)
{
    return ba_table_put_number(table, values ? values[i] : (double) NAN, DIGITS);
}

/* The model, and there the neuron, that a neuron correlates with most. */
static int
put_partner(const ba_crossmodel_t *job, ba_table_writer_t *table, size_t k)
{
    size_t n = job->n_models, best = SIZE_MAX;
    int status;

    for (size_t m = 0; job->best && m < n; m++) {
        if (!isnan(job->best[k * n + m]) &&
            (best == SIZE_MAX || job->best[k * n + m] > job->best[k * n + best])) {
            best = m;
        }
    }
    if (best == SIZE_MAX || job->partner[k * n + best] == UINT32_MAX) {
        BA_TRY(ba_table_put_text(table, "n/a"));
        BA_TRY(ba_table_put_text(table, "n/a"));
        return BA_OK;
    }
    BA_TRY(ba_table_put_text(table, job->names[best]));
    BA_TRY(ba_table_put_integer(
        table, (int64_t) ba_neuron_number(&job->opts->activations->neurons,
                   job->place[job->first[best] + job->partner[k * n + best]])));
out:
    return status;
}

static int
fill_table(const ba_crossmodel_t *job, ba_table_writer_t *table)
{
    static const char *const names[] = {
        "model", "maxcorr", "mincorr", "best_model", "best_neuron", "linreg"};
    int status;

    BA_TRY(ba_neuron_put_header(table));
    BA_TRY(ba_table_put_names(table, names, 6));
    for (size_t m = 0; m < job->n_models; m++) {
        for (size_t k = job->first[m]; k < job->first[m + 1]; k++) {
            BA_TRY(ba_neuron_put(table, &job->opts->activations->neurons, job->place[k]));
            BA_TRY(ba_table_put_text(table, job->names[m]));
            BA_TRY(put_some(table, job->most, k));
            BA_TRY(put_some(table, job->least, k));
            BA_TRY(put_partner(job, table, k));
            BA_TRY(put_some(table, job->linreg, k));
            BA_TRY(ba_table_end_row(table));
        }
    }
out:
    return status;
}

static int
fill_pairs(const ba_crossmodel_t *job, ba_table_writer_t *table)
{
    static const char *const names[] = {"model_a", "model_b", "svcca", "svcca_kept",
        "pwcca_a", "pwcca_b", "cka", "cka_debiased", "rsa"};
    size_t n = job->n_models;
    int status;

    BA_TRY(ba_table_put_names(table, names, 9));
    for (size_t a = 0; a < n; a++) {
        for (size_t b = a + 1; b < n; b++) {
            BA_TRY(ba_table_put_text(table, job->names[a]));
            BA_TRY(ba_table_put_text(table, job->names[b]));
            BA_TRY(put_some(table, job->spaces.svcca, a * n + b));
            BA_TRY(put_some(table, job->spaces.svcca_kept, a * n + b));
            BA_TRY(put_some(table, job->spaces.pwcca, a * n + b));
            BA_TRY(put_some(table, job->spaces.pwcca, b * n + a));
            BA_TRY(put_some(table, job->spaces.cka, a * n + b));
            BA_TRY(put_some(table, job->spaces.cka_debiased, a * n + b));
            BA_TRY(put_some(table, job->rsa, a * n + b));
            BA_TRY(ba_table_end_row(table));
        }
    }
out:
    return status;
}

/* The measures of single neurons as rankings, in the order of the activations. */
static int
write_ranking(const ba_crossmodel_t *job)
{
    const double *const measures[] = {job->most, job->least, job->linreg};
    static const char *const all_names[] = {"maxcorr", "mincorr", "linreg"};
    const char *names[3];
    const double *scores[3];
    ba_ranking_t *ranking = NULL;
    size_t n = 0;
    int status;

    for (size_t i = 0; i < 3; i++) {
        if (measures[i]) {
            names[n] = all_names[i];
            scores[n++] = measures[i];
        }
    }
    BA_TRY(ba_ranking_create(
        "compare", n, names, &job->opts->activations->neurons, &ranking));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < job->n_neurons; k++) {
            ranking->score[i * job->n_neurons + job->place[k]] = scores[i][k];
        }
    }
    BA_TRY(ba_ranking_sort(ranking));
    BA_TRY(ba_ranking_write(ranking, job->opts->ranking, 0, job->opts->force));
out:
    ba_ranking_free(ranking);
    return status;
}

int
ba_crossmodel_outputs_write(const ba_crossmodel_t *job, ba_crossmodel_outputs_t *outputs)
{
    int status;

    BA_TRY(fill_bundle(job, outputs->bundle));
    if (outputs->table) {
        BA_TRY(fill_table(job, outputs->table));
        BA_TRY(ba_table_finish(outputs->table));
    }
    if (outputs->pairs) {
        BA_TRY(fill_pairs(job, outputs->pairs));
        BA_TRY(ba_table_finish(outputs->pairs));
    }
    if (job->opts->ranking) {
        BA_TRY(write_ranking(job));
    }
    BA_TRY(ba_bundle_commit(outputs->bundle));
    if (outputs->table) {
        BA_TRY(ba_table_commit(outputs->table));
    }
    if (outputs->pairs) {
        BA_TRY(ba_table_commit(outputs->pairs));
    }
out:
    return status;
}
