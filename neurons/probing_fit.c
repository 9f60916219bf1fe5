/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes on tokens in memory: choice of penalties, fits on some neurons, scores. */
#include "core/alloc.h"
#include "core/rng.h"
#include "neurons/probing_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_VALIDATION = 2 };

ba_probe_data_t
ba_probing_rows(const probing_t *probing, int part)
{
    const probing_part_t *rows = &probing->parts[part];

    return (ba_probe_data_t){.x = {rows->x, rows->n, probing->n_neurons, rows->n},
        .n_neurons = probing->n_neurons,
        .center = probing->center,
        .scale = probing->scale,
        .label = rows->label,
        .target = rows->target,
        .n_classes = probing->n_classes};
}

int
ba_probing_groups(const probing_t *probing, uint32_t **group, size_t *n_groups)
{
    const ba_concepts_t *concepts = probing->data->concepts;
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    size_t *place = NULL, n_tokens = concepts->n_tokens;
    int status = BA_OK;

    *n_groups = 0;
    BA_TRY_ALLOC(*group, ba_malloc(train->n, sizeof **group));
    BA_TRY_ALLOC(place, ba_calloc(n_tokens + 1, sizeof *place));
    for (size_t i = 0; i < train->n; i++) {
        size_t token = train->rows[i];
        size_t key = concepts->type       ? concepts->type[token]
                     : concepts->sentence ? concepts->sentence[token]
                                          : token;

        if (key > n_tokens) {
            key = n_tokens;
        }
        if (place[key] == 0) {
            place[key] = ++*n_groups;
        }
        (*group)[i] = (uint32_t) (place[key] - 1);
    }
out:
    ba_free(place);
    return status;
}

/* Marks whole groups until the share of rows is reached. */
static int
pick_validation(const probing_t *probing, unsigned char *is_validation)
{
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    size_t n_groups, *order = NULL, *sizes = NULL, taken = 0;
    uint32_t *group = NULL;
    ba_rng_t *rng = NULL;
    int status;

    BA_TRY(ba_probing_groups(probing, &group, &n_groups));
    BA_TRY_ALLOC(order, ba_calloc(n_groups, sizeof *order));
    BA_TRY_ALLOC(sizes, ba_calloc(n_groups, sizeof *sizes));
    BA_TRY_ALLOC(rng, ba_rng_new(probing->ctx->seed, STREAM_VALIDATION));
    for (size_t g = 0; g < n_groups; g++) {
        order[g] = g;
    }
    for (size_t i = 0; i < train->n; i++) {
        sizes[group[i]]++;
    }
    ba_rng_shuffle(rng, order, n_groups);
    for (size_t k = 0; k < n_groups; k++) {
        size_t after = taken + sizes[order[k]];

        /* A group that would overshoot by more than it brings is passed over. */
        if ((double) after > 1.2 * probing->opts->validation * (double) train->n) {
            continue;
        }
        taken = after;
        for (size_t i = 0; i < train->n; i++) {
            is_validation[i] |= group[i] == order[k];
        }
        if ((double) taken >= probing->opts->validation * (double) train->n) {
            break;
        }
    }
out:
    ba_free(group);
    ba_free(order);
    ba_free(sizes);
    ba_rng_free(rng);
    return status;
}

int
ba_probing_fit(probing_t *probing, ba_probe_t **out)
{
    const ba_probing_opts_t *opts = probing->opts;
    ba_probe_data_t data = ba_probing_rows(probing, PROBING_TRAIN);
    ba_probe_grid_t grid = {opts->n_penalties, opts->l1, opts->l2, NULL};
    unsigned char *is_validation = NULL;
    int status = BA_OK;

    if (opts->n_penalties > 1) {
        BA_TRY_ALLOC(is_validation, ba_calloc(data.x.n_rows, 1));
        BA_TRY_ALLOC(probing->steps, ba_calloc(grid.n, sizeof *probing->steps));
        BA_TRY(pick_validation(probing, is_validation));
        grid.is_validation = is_validation;
        BA_TRY(ba_probe_path(probing->ctx, &data, &probing->trainer.fit, &grid,
            probing->steps, &probing->best, out));
    }
    probing->trainer.fit.l1 = probing->trainer.adam.l1 = opts->l1[probing->best];
    probing->trainer.fit.l2 = probing->trainer.adam.l2 = opts->l2[probing->best];
    if (!is_validation) {
        BA_TRY(
            ba_probe_train(probing->ctx, &data, &probing->trainer, NULL, 0, NULL, out));
    }
out:
    ba_free(is_validation);
    return status;
}

int
ba_probing_score(const probing_t *probing, const ba_probe_t *probe, const size_t *list,
    size_t n_listed, const unsigned char *kept, ba_rest_t rest, ba_probe_score_t **out)
{
    ba_probe_data_t test = ba_probing_rows(probing, PROBING_TEST);
    double *logits = NULL;
    int status = BA_OK;

    if (list) {
        test.columns = list;
        test.n_neurons = n_listed;
    }
    BA_TRY_ALLOC(logits, ba_malloc(test.x.n_rows, test.n_classes * sizeof *logits));
    BA_TRY(
        ba_probe_logits(probing->ctx, probe, &test, kept, rest, probing->mean, logits));
    if (probing->kind == BA_PROBE_SOFTMAX) {
        BA_TRY(ba_probe_score(logits, test.x.n_rows, test.n_classes, test.label, out));
    } else {
        BA_TRY(ba_probe_score_binary(
            logits, test.x.n_rows, test.n_classes, test.target, probing->kind, out));
    }
out:
    ba_free(logits);
    return status;
}

int
ba_probing_retrain(const probing_t *probing, const size_t *list, size_t n_listed,
    ba_probe_t **probe, ba_probe_score_t **out)
{
    ba_probe_data_t data = ba_probing_rows(probing, PROBING_TRAIN);
    ba_probe_t *made = NULL;
    int status;

    BA_TRY(ba_probe_train(
        probing->ctx, &data, &probing->trainer, list, n_listed, NULL, &made));
    BA_TRY(ba_probing_score(probing, made, list, n_listed, NULL, BA_REST_ZERO, out));
    if (probe) {
        *probe = made;
        made = NULL;
    }
out:
    ba_probe_free(made);
    return status;
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return x < y ? -1 : x > y;
}

int
ba_probing_places(const probing_t *probing, const char *file, size_t *numbers, size_t n)
{
    const ba_neuron_table_t *table = &probing->data->activations->neurons;

    for (size_t i = 0; i < n; i++) {
        const size_t *found = &numbers[i];

        if (table->number) {
            found = bsearch(&numbers[i], table->number, table->n_neurons,
                sizeof *table->number, compare_sizes);
        } else if (numbers[i] >= table->n_neurons) {
            found = NULL;
        }
        if (!found) {
            return ba_fail(BA_SHAPE, "%s: neuron %zu is not among the %zu neurons", file,
                numbers[i], table->n_neurons);
        }
        numbers[i] = table->number ? (size_t) (found - table->number) : numbers[i];
    }
    return BA_OK;
}
