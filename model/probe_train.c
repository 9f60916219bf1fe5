/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes on some of the neurons, and the fewest neurons that do: NeuroX's sizes and rule
 * (Dalvi et al. 2020, "Analyzing redundancy in pretrained transformer models"). */
#include "core/alloc.h"
#include "model/probe_impl.h"

#include <math.h>
#include <stdlib.h>

/* Per mille of the neurons that are tried: up to TENTH by 1, to HALF by 50, then by 100. */
enum { TENTH = 100, HALF = 500, WHOLE = 1000 };

/* Numbers of the listed neurons: n_listed x n_columns from n_neurons x n_columns. */
static int
restrict_numbers(const double *from, size_t n_neurons, size_t n_columns,
    const size_t *list, size_t n_listed, double **out)
{
    *out = NULL;
    if (!from) {
        return BA_OK;
    }
    *out = ba_malloc(n_listed, n_columns * sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t c = 0; c < n_columns; c++) {
        for (size_t k = 0; k < n_listed; k++) {
            (*out)[k + c * n_listed] = from[list[k] + c * n_neurons];
        }
    }
    return BA_OK;
}

static int
train(const ba_ctx_t *ctx, const ba_probe_data_t *data, const ba_probe_trainer_t *trainer,
    const double *weights0, const ba_probe_t *begin, ba_probe_t **out)
{
    ba_probe_adam_t adam = trainer->adam;

    if (!trainer->is_neurox) {
        return ba_probe_fit(ctx, data, &trainer->fit, begin, out);
    }
    adam.weights0 = weights0;
    return ba_probe_adam(ctx, data, &adam, out);
}

int
ba_probe_train(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_trainer_t *trainer, const size_t *list, size_t n_listed,
    const ba_probe_t *start, ba_probe_t **out)
{
    ba_probe_data_t part = *data;
    double *center = NULL, *scale = NULL, *weights = NULL;
    size_t *columns = NULL;
    int status = BA_OK;

    *out = NULL;
    if (!list) {
        return train(ctx, data, trainer, trainer->adam.weights0, start, out);
    }
    BA_TRY_ALLOC(columns, ba_malloc(n_listed, sizeof *columns));
    for (size_t k = 0; k < n_listed; k++) {
        if (list[k] >= data->n_neurons) {
            BA_TRY(ba_fail(BA_VALUE, "probe: neuron %zu of %zu asked for", list[k],
                data->n_neurons));
        }
        columns[k] = data->columns ? data->columns[list[k]] : list[k];
    }
    BA_TRY(restrict_numbers(data->center, data->n_neurons, 1, list, n_listed, &center));
    BA_TRY(restrict_numbers(data->scale, data->n_neurons, 1, list, n_listed, &scale));
    BA_TRY(restrict_numbers(trainer->adam.weights0, data->n_neurons, data->n_classes,
        list, n_listed, &weights));
    part.columns = columns;
    part.n_neurons = n_listed;
    part.center = center;
    part.scale = scale;
    BA_TRY(train(ctx, &part, trainer, weights, start, out));
out:
    ba_free(columns);
    ba_free(center);
    ba_free(scale);
    ba_free(weights);
    return status;
}

/* Rows of dev that a probe on the listed neurons, fitted on train, has right. */
static int
count_right(const ba_ctx_t *ctx, const ba_probe_data_t *fit_on,
    const ba_probe_data_t *dev, const ba_probe_trainer_t *trainer, const size_t *list,
    size_t n_listed, size_t *n_correct)
{
    ba_probe_t *probe = NULL;
    ba_probe_score_t *score = NULL;
    ba_probe_data_t part = *dev;
    size_t *columns = NULL;
    double *logits = NULL;
    int status = BA_OK;

    BA_TRY(ba_probe_train(ctx, fit_on, trainer, list, n_listed, NULL, &probe));
    BA_TRY_ALLOC(columns, ba_malloc(n_listed, sizeof *columns));
    for (size_t k = 0; k < n_listed; k++) {
        columns[k] = dev->columns ? dev->columns[list[k]] : list[k];
    }
    part.columns = columns;
    part.n_neurons = n_listed;
    BA_TRY_ALLOC(logits, ba_malloc(dev->x.n_rows, dev->n_classes * sizeof *logits));
    BA_TRY(ba_probe_logits(ctx, probe, &part, NULL, BA_REST_ZERO, NULL, logits));
    BA_TRY(ba_probe_score(logits, dev->x.n_rows, dev->n_classes, dev->label, &score));
    *n_correct = score->n_correct;
out:
    ba_probe_free(probe);
    ba_probe_score_free(score);
    ba_free(columns);
    ba_free(logits);
    return status;
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return x < y ? -1 : x > y;
}

int
ba_probe_minimal(const ba_ctx_t *ctx, const ba_probe_data_t *fit_on,
    const ba_probe_data_t *dev, const ba_probe_trainer_t *trainer, const uint32_t *order,
    double delta, ba_probe_minimal_t *out)
{
    size_t p = fit_on->n_neurons, *list, last = 0;
    int status = BA_OK;

    *out = (ba_probe_minimal_t){.n_base = 0};
    BA_TRY_ALLOC(list, ba_malloc(p, sizeof *list));
    for (size_t j = 0; j < p; j++) {
        list[j] = j;
    }
    BA_TRY(count_right(ctx, fit_on, dev, trainer, list, p, &out->n_base));
    for (size_t share = 1; share <= WHOLE && out->n_minimal == 0;
         share += share < TENTH  ? 1
                  : share < HALF ? 50
                                 : 100) {
        size_t k = p * share / WHOLE, n_correct;

        if (k == last) {
            continue;
        }
        last = k;
        for (size_t j = 0; j < k; j++) {
            list[j] = order[j];
        }
        qsort(list, k, sizeof *list, compare_sizes);
        BA_TRY(count_right(ctx, fit_on, dev, trainer, list, k, &n_correct));
        out->sizes[out->n_sizes] = k;
        out->n_correct[out->n_sizes++] = n_correct;
        if ((double) n_correct > (double) out->n_base * (1 - delta)) {
            out->n_minimal = k;
        }
    }
out:
    ba_free(list);
    return status;
}
