/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons probe: a probe on all neurons and on sets of them, and what its accuracy is
 * worth. */
#include "core/alloc.h"
#include "core/resource.h"
#include "core/rng.h"
#include "neurons/probing_result.h"
#include "brainalign/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_CODE = 3 };

static const unsigned tasks[2] = {BA_CONTROL_SAME, BA_CONTROL_UNIFORM};

ba_neurons_probe_opts_t
ba_neurons_probe_opts_default(void)
{
    return (ba_neurons_probe_opts_t){
        .probing = ba_probing_opts_default(), .n_draws = 1, .minimal = -1};
}

static void
result_free(probing_result_t *result)
{
    ba_probe_free(result->probe);
    ba_probe_order_free(result->order);
    for (size_t i = 0; i < result->n_entries; i++) {
        ba_free(result->entries[i].name);
        ba_probe_score_free(result->entries[i].score);
    }
    ba_free(result->entries);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; result->draws[k] && i < result->n_draws; i++) {
            ba_free(result->draws[k][i].labels);
        }
        ba_free(result->draws[k]);
    }
    ba_free(result->code_order);
    ba_free(result->frequency);
    ba_free(result->any);
}

/* Takes the score over, and the name where it succeeds. */
static int
add_entry(probing_result_t *result, const char *name, size_t n_neurons,
    const ba_probe_t *probe, ba_probe_score_t *score)
{
    probing_entry_t *entries, *entry;
    int status = BA_OK;

    if (result->n_entries == result->capacity) {
        size_t capacity = result->capacity * 2 + 8;

        BA_TRY_ALLOC(entries, ba_realloc(result->entries, capacity, sizeof *entries));
        result->entries = entries;
        result->capacity = capacity;
    }
    entry = &result->entries[result->n_entries];
    *entry = (probing_entry_t){.n_neurons = n_neurons,
        .n_used = probe->n_neurons_used,
        .gap = probe->gap,
        .score = score};
    BA_TRY_ALLOC(entry->name, ba_strdup(name));
    result->n_entries++;
    score = NULL;
out:
    ba_probe_score_free(score);
    return status;
}

/* Scores the probe with the listed neurons kept, or these at 0 or their mean. */
static int
score_set(const probing_t *probing, probing_result_t *result, const char *name,
    const char *file, ba_rest_t rest)
{
    size_t p = probing->n_neurons, *list = NULL, n;
    int is_keep = strcmp(name, "keep") == 0, status = BA_OK;
    unsigned char *kept = NULL;
    ba_probe_score_t *score = NULL;

    if (!file) {
        return BA_OK;
    }
    BA_TRY(ba_neuron_list_read(file, 0, &list, &n));
    BA_TRY(ba_probing_places(probing, file, list, n));
    BA_TRY_ALLOC(kept, ba_malloc(p, 1));
    memset(kept, !is_keep, p);
    for (size_t i = 0; i < n; i++) {
        kept[list[i]] = (unsigned char) is_keep;
    }
    BA_TRY(ba_probing_score(probing, result->probe, NULL, 0, kept, rest, &score));
    BA_TRY(add_entry(result, name, is_keep ? n : p - n, result->probe, score));
out:
    ba_free(list);
    ba_free(kept);
    return status;
}

static int
retrain_list(const probing_t *probing, probing_result_t *result, const char *name,
    const size_t *list, size_t n)
{
    ba_probe_t *probe = NULL;
    ba_probe_score_t *score = NULL;
    int status;

    BA_TRY(ba_probing_retrain(probing, list, n, &probe, &score));
    BA_TRY(add_entry(result, name, n, probe, score));
out:
    ba_probe_free(probe);
    return status;
}

static int
retrain_file(const probing_t *probing, probing_result_t *result, const char *file)
{
    size_t *list = NULL, n;
    int status = BA_OK;

    if (!file) {
        return BA_OK;
    }
    BA_TRY(ba_neuron_list_read(file, 0, &list, &n));
    BA_TRY(ba_probing_places(probing, file, list, n));
    BA_TRY(retrain_list(probing, result, "retrain", list, n));
out:
    ba_free(list);
    return status;
}

/* A probe for each layer of each component. */
static int
probe_layers(const probing_t *probing, probing_result_t *result)
{
    const ba_neuron_table_t *table = &probing->data->activations->neurons;
    size_t p = probing->n_neurons, n_layers = 0, *list = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(list, ba_malloc(p, sizeof *list));
    for (size_t j = 0; j < p; j++) {
        n_layers = table->layer[j] + 1 > n_layers ? table->layer[j] + 1 : n_layers;
    }
    for (size_t k = 0; k < table->n_components * n_layers; k++) {
        size_t n = 0;
        char *name;

        for (size_t j = 0; j < p; j++) {
            if (table->component[j] * n_layers + table->layer[j] == k) {
                list[n++] = j;
            }
        }
        if (n == 0) {
            continue;
        }
        BA_TRY(ba_ctx_check(probing->ctx));
        BA_TRY_ALLOC(name, ba_asprintf("layer %s:%zu",
                               table->component_names[k / n_layers], k % n_layers));
        status = retrain_list(probing, result, name, list, n);
        ba_free(name);
        BA_TRY(status);
        ba_ctx_progress(probing->ctx, "layers", (double) (k + 1),
            (double) (table->n_components * n_layers));
    }
out:
    ba_free(list);
    return status;
}

static int
run_controls(const probing_t *probing, const ba_neurons_probe_opts_t *opts,
    probing_result_t *result, ba_neurons_probe_info_t *info)
{
    int status = BA_OK;

    result->n_draws = opts->n_draws;
    if (opts->control && !ba_probing_shares_words(probing)) {
        ba_ctx_log(probing->ctx, BA_LOG_WARNING,
            "no word of the test tokens was fitted on: a control task cannot be learned "
            "and selectivity is close to the accuracy (--split sentences shares words)");
    }
    for (size_t k = 0; k < 2; k++) {
        double sum = 0;

        info->selectivity[k] = (double) NAN;
        if (!(opts->control & tasks[k])) {
            continue;
        }
        BA_TRY_ALLOC(
            result->draws[k], ba_calloc(opts->n_draws, sizeof *result->draws[k]));
        for (size_t i = 0; i < opts->n_draws; i++) {
            BA_TRY(ba_ctx_check(probing->ctx));
            BA_TRY(ba_probing_control(
                probing, tasks[k], i, info->accuracy, &result->draws[k][i]));
            sum += result->draws[k][i].selectivity;
        }
        info->selectivity[k] = sum / (double) opts->n_draws;
    }
out:
    return status;
}

static int
measure_code(const probing_t *probing, probing_result_t *result)
{
    ba_probe_data_t data = ba_probing_rows(probing, PROBING_TRAIN);
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(
        result->code_order, ba_malloc(data.x.n_rows, sizeof *result->code_order));
    BA_TRY_ALLOC(rng, ba_rng_new(probing->ctx->seed, STREAM_CODE));
    for (size_t i = 0; i < data.x.n_rows; i++) {
        result->code_order[i] = i;
    }
    ba_rng_shuffle(rng, result->code_order, data.x.n_rows);
    BA_TRY(ba_probe_code_length(probing->ctx, &data, &probing->trainer.fit,
        result->code_order, probing->opts->zscore, &result->code));
    result->has_code = 1;
out:
    ba_rng_free(rng);
    return status;
}

static int
measure_stability(const probing_t *probing, size_t n_draws, probing_result_t *result)
{
    ba_probe_data_t data = ba_probing_rows(probing, PROBING_TRAIN);
    ba_probe_bootstrap_t bootstrap = {.n_draws = n_draws, .seed = probing->ctx->seed};
    uint32_t *group = NULL;
    int status = BA_OK;

    BA_TRY(ba_probing_groups(probing, &group, &bootstrap.n_groups));
    bootstrap.group = group;
    BA_TRY_ALLOC(result->frequency,
        ba_calloc(probing->n_neurons, probing->n_classes * sizeof(double)));
    BA_TRY_ALLOC(result->any, ba_calloc(probing->n_neurons, sizeof(double)));
    BA_TRY(ba_probe_stability(probing->ctx, &data, &probing->trainer.fit, &bootstrap,
        result->probe, result->frequency, result->any, &result->n_redrawn));
out:
    ba_free(group);
    return status;
}

/* On the test tokens: what is wanted is a size, not a score that is free of choice. */
static int
find_minimal(const probing_t *probing, double delta, probing_result_t *result)
{
    ba_probe_data_t train = ba_probing_rows(probing, PROBING_TRAIN);
    ba_probe_data_t test = ba_probing_rows(probing, PROBING_TEST);
    int status = BA_OK;

    BA_TRY(ba_probe_minimal(probing->ctx, &train, &test, &probing->trainer,
        result->order->global, delta, &result->minimal));
    result->has_minimal = 1;
out:
    return status;
}

/* The fewest neurons as a list, ascending. */
static int
list_minimal(const probing_t *probing, const ba_neurons_probe_opts_t *opts,
    const probing_result_t *result)
{
    const ba_neuron_table_t *neurons = &probing->data->activations->neurons;
    size_t n = result->minimal.n_minimal, n_listed = 0, *list = NULL;
    char *chosen = NULL;
    int status = BA_OK;

    if (n == 0) {
        return ba_fail(BA_SHAPE,
            "probe: no set of neurons loses at most %g of the accuracy, wanted one to "
            "list",
            opts->minimal);
    }
    BA_TRY_ALLOC(chosen, ba_calloc(neurons->n_neurons, 1));
    BA_TRY_ALLOC(list, ba_malloc(n, sizeof *list));
    for (size_t i = 0; i < n; i++) {
        chosen[result->order->global[i]] = 1;
    }
    for (size_t j = 0; j < neurons->n_neurons; j++) {
        if (chosen[j]) {
            list[n_listed++] = j;
        }
    }
    BA_TRY(ba_neuron_list_write(
        opts->probing.list, neurons, list, n_listed, opts->probing.force));
out:
    ba_free(chosen);
    ba_free(list);
    return status;
}

/* Lists whose neurons there are. */
static int
check_lists(const probing_t *probing, const ba_neurons_probe_opts_t *opts)
{
    const char *const files[] = {opts->keep, opts->zero, opts->mean, opts->retrain};
    int status = BA_OK;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t *list = NULL, n;

        if (files[i]) {
            BA_TRY(ba_neuron_list_read(files[i], 0, &list, &n));
            status = ba_probing_places(probing, files[i], list, n);
            ba_free(list);
            BA_TRY(status);
        }
    }
out:
    return status;
}

/* What cannot be had is said before any work. */
static int
check_requests(const probing_t *probing, const ba_neurons_probe_opts_t *opts)
{
    int is_softmax = probing->kind == BA_PROBE_SOFTMAX;
    int is_neurox = opts->probing.trainer.is_neurox;
    double least = (double) INFINITY;

    for (size_t i = 0; i < opts->probing.n_penalties; i++) {
        least = fmin(least, opts->probing.l1[i]);
    }
    if (opts->control && (!probing->data->concepts->type || !is_softmax)) {
        return ba_fail(BA_SHAPE, "control task: %s",
            is_softmax ? "no words of tokens, wanted their forms"
                       : "classes that stand by themselves, wanted a softmax probe");
    }
    if (opts->code_length && (is_neurox || !is_softmax)) {
        return ba_fail(BA_VALUE, "code length: of solved softmax probes only");
    }
    if (opts->n_bootstrap > 0 && (is_neurox || !(least > 0))) {
        return ba_fail(BA_VALUE,
            "stability: of solved probes with an l1 penalty only, others use every "
            "neuron");
    }
    if (opts->probing.list && !(opts->minimal > 0)) {
        return ba_fail(BA_VALUE, "probe: a list of the fewest neurons, wanted a share "
                                 "above 0 that they may lose");
    }
    if (opts->minimal >= 0 && (!is_softmax || !(opts->minimal < 1))) {
        return ba_fail(BA_VALUE, "fewest neurons: of a softmax probe only, a share of "
                                 "accuracy below 1");
    }
    return check_lists(probing, opts);
}

static void
fill_info(const probing_t *probing, const probing_result_t *result,
    ba_neurons_probe_info_t *info)
{
    const ba_probe_t *probe = result->probe;
    const ba_probe_score_t *score = result->entries[0].score;

    info->accuracy = score->accuracy;
    info->f1_macro = score->f1_macro;
    info->n_undefined = score->n_undefined;
    info->objective = probe->objective;
    info->gap = probe->gap;
    info->is_converged = probe->is_converged;
    info->n_nonzero = probe->n_nonzero;
    info->n_neurons_used = probe->n_neurons_used;
    info->l1 = probing->trainer.fit.l1;
    info->l2 = probing->trainer.fit.l2;
}

static int
compute(probing_t *probing, const ba_neurons_probe_opts_t *opts, probing_result_t *result,
    ba_neurons_probe_info_t *info)
{
    ba_probe_score_t *score = NULL;
    int status;

    BA_TRY(ba_probing_fit(probing, &result->probe));
    BA_TRY(ba_probe_order(result->probe, &result->order));
    BA_TRY(ba_probing_score(probing, result->probe, NULL, 0, NULL, BA_REST_ZERO, &score));
    BA_TRY(add_entry(result, "all", probing->n_neurons, result->probe, score));
    fill_info(probing, result, info);
    BA_TRY(score_set(probing, result, "keep", opts->keep, BA_REST_ZERO));
    BA_TRY(score_set(probing, result, "zero", opts->zero, BA_REST_ZERO));
    BA_TRY(score_set(probing, result, "mean", opts->mean, BA_REST_MEAN));
    BA_TRY(retrain_file(probing, result, opts->retrain));
    if (opts->by_layer) {
        BA_TRY(probe_layers(probing, result));
    }
    BA_TRY(run_controls(probing, opts, result, info));
    if (opts->code_length) {
        BA_TRY(measure_code(probing, result));
        info->bits = result->code.total;
        info->uniform_bits = result->code.uniform;
    }
    if (opts->n_bootstrap > 0) {
        BA_TRY(measure_stability(probing, opts->n_bootstrap, result));
    }
    if (opts->minimal >= 0) {
        BA_TRY(find_minimal(probing, opts->minimal, result));
        info->n_minimal = result->minimal.n_minimal;
    }
out:
    return status;
}

int
ba_neurons_probe(const ba_ctx_t *ctx, const ba_probing_data_t *data,
    const ba_neurons_probe_opts_t *opts, ba_neurons_probe_info_t *info)
{
    double start = ba_seconds();
    probing_result_t result = {.probe = NULL};
    probing_t probing;
    int status;

    *info = (ba_neurons_probe_info_t){.n_train = 0};
    BA_TRY(ba_probing_open(ctx, data, &opts->probing, &probing));
    BA_TRY(check_requests(&probing, opts));
    info->n_train = probing.parts[PROBING_TRAIN].n;
    info->n_test = probing.parts[PROBING_TEST].n;
    info->n_classes = probing.n_classes;
    info->n_neurons = probing.n_neurons;
    info->n_constant = probing.n_constant;
    info->majority = probing.majority;
    if (!opts->probing.dry_run) {
        BA_TRY(compute(&probing, opts, &result, info));
        if (opts->probing.list) {
            BA_TRY(list_minimal(&probing, opts, &result));
        }
        BA_TRY(ba_probing_save(&probing, &result));
    }
    info->seconds = ba_seconds() - start;
out:
    result_free(&result);
    ba_probing_close(&probing);
    return status;
}
