/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A probe as an object: made, copied, counted, brought to a bias of sum 0. */
#include "core/alloc.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

int
ba_probe_new(const ba_probe_data_t *data, ba_probe_kind_t kind, ba_probe_t **out)
{
    size_t p = data->n_neurons, n_classes = data->n_classes;
    ba_probe_t *probe;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(probe, ba_calloc(1, sizeof *probe));
    probe->kind = kind;
    probe->n_neurons = p;
    probe->n_classes = n_classes;
    BA_TRY_ALLOC(probe->weights, ba_calloc(p, n_classes * sizeof *probe->weights));
    BA_TRY_ALLOC(probe->bias, ba_calloc(n_classes, sizeof *probe->bias));
    BA_TRY_ALLOC(probe->center, ba_calloc(p, sizeof *probe->center));
    BA_TRY_ALLOC(probe->scale, ba_calloc(p, sizeof *probe->scale));
    for (size_t j = 0; j < p; j++) {
        probe->center[j] = data->center ? data->center[j] : 0;
        probe->scale[j] = data->scale ? data->scale[j] : 1;
    }
out:
    if (status != BA_OK) {
        ba_probe_free(probe);
        probe = NULL;
    }
    *out = probe;
    return status;
}

void
ba_probe_free(ba_probe_t *probe)
{
    if (probe) {
        ba_free(probe->weights);
        ba_free(probe->bias);
        ba_free(probe->center);
        ba_free(probe->scale);
        ba_free(probe);
    }
}

int
ba_probe_copy(const ba_probe_t *probe, ba_probe_t **out)
{
    size_t p = probe->n_neurons, n_classes = probe->n_classes;
    ba_probe_data_t data = {.n_neurons = p,
        .n_classes = n_classes,
        .center = probe->center,
        .scale = probe->scale};
    ba_probe_t *copy;
    int status = BA_OK;

    BA_TRY(ba_probe_new(&data, probe->kind, &copy));
    memcpy(copy->weights, probe->weights, p * n_classes * sizeof *copy->weights);
    memcpy(copy->bias, probe->bias, n_classes * sizeof *copy->bias);
out:
    *out = copy;
    return status;
}

void
ba_probe_count(ba_probe_t *probe)
{
    size_t p = probe->n_neurons;

    probe->n_nonzero = probe->n_neurons_used = 0;
    for (size_t j = 0; j < p; j++) {
        size_t n = 0;

        for (size_t c = 0; c < probe->n_classes; c++) {
            n += fabs(probe->weights[j + c * p]) > 0;
        }
        probe->n_nonzero += n;
        probe->n_neurons_used += n > 0;
    }
}

void
ba_probe_center_bias(ba_probe_t *probe)
{
    double mean = 0;

    if (probe->kind != BA_PROBE_SOFTMAX) {
        return;
    }
    for (size_t c = 0; c < probe->n_classes; c++) {
        mean += probe->bias[c] / (double) probe->n_classes;
    }
    for (size_t c = 0; c < probe->n_classes; c++) {
        probe->bias[c] -= mean;
    }
}
