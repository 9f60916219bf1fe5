/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens, classes and activations of a probe, from files into memory. */
#include "core/alloc.h"
#include "neurons/probing_impl.h"
#include "brainalign/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ba_probing_opts_t
ba_probing_opts_default(void)
{
    static const double penalty[] = {1e-3};

    return (ba_probing_opts_t){
        .trainer = {.fit = ba_probe_opts_default(), .adam = ba_probe_adam_default()},
        .zscore = 1,
        .l1 = penalty,
        .l2 = penalty,
        .n_penalties = 1,
        .validation = 0.1};
}

static int
choose_kind(const ba_concepts_t *concepts, ba_probing_kind_t wanted, ba_probe_kind_t *out)
{
    if (wanted == BA_PROBING_AUTO) {
        wanted = concepts->is_exclusive && concepts->n_concepts > 1
                     ? BA_PROBING_SOFTMAX
                     : BA_PROBING_ONE_VS_REST;
    }
    *out = wanted == BA_PROBING_SOFTMAX       ? BA_PROBE_SOFTMAX
           : wanted == BA_PROBING_ONE_VS_REST ? BA_PROBE_ONE_VS_REST
                                              : BA_PROBE_REGRESSION;
    if (wanted == BA_PROBING_SOFTMAX && concepts->n_concepts < 2) {
        return ba_fail(BA_SHAPE,
            "probe: one class, '%s', wanted at least 2 (or a "
            "one-vs-rest probe)",
            concepts->n_concepts > 0 ? concepts->names[0] : "");
    }
    if (wanted == BA_PROBING_SOFTMAX && !concepts->is_exclusive) {
        return ba_fail(BA_SHAPE, "probe: tokens with two concepts, a softmax wants one "
                                 "for each (or a one-vs-rest probe)");
    }
    return BA_OK;
}

/* The class of a token, UINT32_MAX = none. */
static uint32_t
class_of(const ba_concepts_t *concepts, size_t token)
{
    size_t at = concepts->first[token];

    return at < concepts->first[token + 1] ? concepts->concept[at] : UINT32_MAX;
}

/* Tokens of one side that take part: of a softmax those with a class. */
static int
pick_rows(const probing_t *probing, const size_t *rows, size_t n, probing_part_t *part)
{
    const ba_concepts_t *concepts = probing->data->concepts;
    size_t n_classes = probing->n_classes;
    int is_softmax = probing->kind == BA_PROBE_SOFTMAX, status = BA_OK;

    BA_TRY_ALLOC(part->rows, ba_calloc(n, sizeof *part->rows));
    for (size_t i = 0; i < n; i++) {
        if (!is_softmax || class_of(concepts, rows[i]) != UINT32_MAX) {
            part->rows[part->n++] = rows[i];
        }
    }
    if (is_softmax) {
        BA_TRY_ALLOC(part->label, ba_calloc(part->n, sizeof *part->label));
    } else {
        BA_TRY_ALLOC(part->target, ba_calloc(part->n, n_classes * sizeof *part->target));
    }
    for (size_t i = 0; i < part->n; i++) {
        size_t token = part->rows[i];

        if (is_softmax) {
            part->label[i] = class_of(concepts, token);
            continue;
        }
        for (size_t k = concepts->first[token]; k < concepts->first[token + 1]; k++) {
            part->target[i + concepts->concept[k] * part -> n] = 1;
        }
    }
out:
    return status;
}

/* Tokens of a part with a class. */
static size_t
count_class(const probing_part_t *part, size_t c)
{
    size_t n = 0;

    for (size_t i = 0; i < part->n; i++) {
        n += part->label ? part->label[i] == c : part->target[i + c * part->n] > 0.5;
    }
    return n;
}

static int
check_classes(probing_t *probing)
{
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    const probing_part_t *test = &probing->parts[PROBING_TEST];
    size_t most = 0, best = 0, negatives = 0;

    if (train->n == 0 || test->n == 0) {
        return ba_fail(BA_SHAPE,
            "probe: %zu tokens to fit on and %zu to test on, wanted "
            "some of both",
            train->n, test->n);
    }
    for (size_t c = 0; c < probing->n_classes; c++) {
        size_t n = count_class(train, c);

        if (n == 0 || n == train->n) {
            return ba_fail(BA_SHAPE,
                "concept '%s': %s of the %zu tokens to fit on, wanted some (--min-tokens "
                "and --concept leave concepts out)",
                probing->classes[c], n == 0 ? "none" : "all", train->n);
        }
        if (n > most) {
            most = n;
            best = c;
        }
        negatives +=
            2 * n < train->n ? test->n - count_class(test, c) : count_class(test, c);
    }
    probing->majority =
        probing->kind == BA_PROBE_SOFTMAX
            ? (double) count_class(test, best) / (double) test->n
            : (double) negatives / (double) (test->n * probing->n_classes);
    return BA_OK;
}

static int
check_memory(const probing_t *probing)
{
    size_t n = probing->parts[0].n + probing->parts[1].n, bytes;
    int status = ba_multiply(n, probing->n_neurons * sizeof(float), &bytes);

    if (status == BA_OK && bytes > ba_ctx_memory(probing->ctx)) {
        status = ba_fail(BA_TOO_LARGE,
            "memory: the activations of %zu tokens need %.2f GiB, allowed are %.2f GiB",
            n, (double) bytes / (1 << 30),
            (double) ba_ctx_memory(probing->ctx) / (1 << 30));
    }
    return status;
}

static int
read_part(probing_t *probing, probing_part_t *part)
{
    int status = BA_OK;

    BA_TRY_ALLOC(part->x, ba_malloc(part->n, probing->n_neurons * sizeof *part->x));
    BA_TRY(ba_activations_read_single(probing->data->activations, part->rows, part->n, 0,
        probing->n_neurons, part->x, part->n));
out:
    return status;
}

static int
set_scale(probing_t *probing)
{
    ba_probe_data_t train = ba_probing_rows(probing, PROBING_TRAIN);
    size_t p = probing->n_neurons;
    int status = BA_OK;

    BA_TRY_ALLOC(probing->center, ba_calloc(p, sizeof *probing->center));
    BA_TRY_ALLOC(probing->scale, ba_calloc(p, sizeof *probing->scale));
    BA_TRY_ALLOC(probing->mean, ba_calloc(p, sizeof *probing->mean));
    BA_TRY(ba_probe_scale(
        probing->ctx, &train, probing->mean, probing->scale, &probing->n_constant));
    if (probing->n_constant == p) {
        BA_TRY(ba_fail(BA_SHAPE,
            "activations: all %zu neurons are constant over the tokens to fit on", p));
    }
    for (size_t j = 0; j < p; j++) {
        probing->center[j] = probing->opts->zscore ? probing->mean[j] : 0;
        probing->scale[j] = probing->opts->zscore ? probing->scale[j] : 1;
    }
out:
    return status;
}

/* Numbers of a SPEC, rows x cols wanted (rows 0 = any), column-major. */
static int
read_spec(const ba_ctx_t *ctx, const char *spec, size_t rows, size_t cols, double **out,
    size_t *n_rows, size_t *n_cols)
{
    ba_source_t *source = NULL;
    int status;

    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    *n_rows = ba_source_n_rows(source);
    *n_cols = ba_source_n_cols(source);
    if ((rows > 0 && *n_rows != rows) || (cols > 0 && *n_cols != cols)) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu x %zu numbers, wanted %zu x %zu", spec, *n_rows,
            *n_cols, rows > 0 ? rows : *n_rows, cols > 0 ? cols : *n_cols));
    }
    BA_TRY_ALLOC(*out, ba_malloc(*n_rows, *n_cols * sizeof **out));
    BA_TRY(ba_source_read(source, 0, 0, *n_rows, 0, *n_cols, *out, *n_rows));
out:
    ba_source_close(source);
    return status;
}

/* Starting weights and the order of rows of NeuroX's training. */
static int
read_start(probing_t *probing)
{
    const ba_probing_opts_t *opts = probing->opts;
    size_t p = probing->n_neurons, n_classes = probing->n_classes, rows, cols;
    double *numbers = NULL;
    int status = BA_OK;

    if (opts->start_weights) {
        BA_TRY(read_spec(
            probing->ctx, opts->start_weights, n_classes, p, &numbers, &rows, &cols));
        BA_TRY_ALLOC(probing->weights0, ba_malloc(p, n_classes * sizeof *numbers));
        for (size_t k = 0; k < p * n_classes; k++) {
            probing->weights0[k / n_classes + k % n_classes * p] = numbers[k];
        }
        probing->trainer.adam.weights0 = probing->weights0;
    }
    if (opts->start_bias) {
        BA_TRY(read_spec(
            probing->ctx, opts->start_bias, n_classes, 1, &probing->bias0, &rows, &cols));
        probing->trainer.adam.bias0 = probing->bias0;
    }
    if (opts->order) {
        ba_free(numbers);
        numbers = NULL;
        BA_TRY(read_spec(probing->ctx, opts->order, 0, 0, &numbers, &rows, &cols));
        BA_TRY_ALLOC(probing->order, ba_malloc(rows, cols * sizeof *probing->order));
        for (size_t k = 0; k < rows * cols; k++) {
            double row = numbers[k / cols + k % cols * rows];

            probing->order[k] = row >= 0 ? (size_t) row : SIZE_MAX;
        }
        probing->trainer.adam.order = probing->order;
        probing->trainer.adam.n_order = cols;
        probing->trainer.adam.epochs = rows;
    }
out:
    ba_free(numbers);
    return status;
}

/* Outputs that exist are refused before any work. */
static int
check_outputs(const ba_probing_opts_t *opts)
{
    const char *const files[3] = {opts->output, opts->table, opts->list};

    for (size_t i = 0; i < 3 && !opts->force; i++) {
        if (files[i] && access(files[i], F_OK) == 0) {
            return ba_fail(BA_EXISTS, "%s: exists, --force replaces it", files[i]);
        }
    }
    return BA_OK;
}

int
ba_probing_open(const ba_ctx_t *ctx, const ba_probing_data_t *data,
    const ba_probing_opts_t *opts, probing_t *probing)
{
    const ba_token_split_t *split = data->split;
    int status = BA_OK;

    *probing = (probing_t){.ctx = ctx,
        .data = data,
        .opts = opts,
        .n_classes = data->concepts->n_concepts,
        .classes = data->concepts->names,
        .n_neurons = data->activations->neurons.n_neurons,
        .trainer = opts->trainer};
    if (!ctx) {
        probing->defaults = ba_ctx_default();
        probing->ctx = &probing->defaults;
    }
    probing->provenance = ba_provenance_start(probing->ctx, opts->argc, opts->argv);
    BA_TRY(check_outputs(opts));
    BA_TRY(choose_kind(data->concepts, opts->kind, &probing->kind));
    probing->trainer.fit.kind = probing->trainer.adam.kind = probing->kind;
    if (opts->trainer.is_neurox && opts->n_penalties > 1) {
        BA_TRY(ba_fail(BA_VALUE, "probe: %zu penalties, NeuroX's training wants one",
            opts->n_penalties));
    }
    if (opts->trainer.is_neurox && probing->kind == BA_PROBE_ONE_VS_REST) {
        BA_TRY(ba_fail(BA_VALUE,
            "probe: NeuroX trains no one-vs-rest probes, wanted a softmax or a "
            "regression"));
    }
    BA_TRY(pick_rows(probing, split->train, split->n_train, &probing->parts[0]));
    BA_TRY(pick_rows(probing, split->test, split->n_test, &probing->parts[1]));
    BA_TRY(check_classes(probing));
    BA_TRY(check_memory(probing));
    if (!opts->dry_run) {
        BA_TRY(read_part(probing, &probing->parts[0]));
        BA_TRY(read_part(probing, &probing->parts[1]));
        BA_TRY(set_scale(probing));
        BA_TRY(read_start(probing));
    }
out:
    return status;
}

void
ba_probing_close(probing_t *probing)
{
    for (size_t k = 0; k < 2; k++) {
        ba_free(probing->parts[k].rows);
        ba_free(probing->parts[k].x);
        ba_free(probing->parts[k].label);
        ba_free(probing->parts[k].target);
    }
    ba_free(probing->center);
    ba_free(probing->scale);
    ba_free(probing->mean);
    ba_free(probing->weights0);
    ba_free(probing->bias0);
    ba_free(probing->order);
    ba_free(probing->steps);
}
