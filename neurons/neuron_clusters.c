/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/neuron_clusters.h"

#include "core/alloc.h"
#include "datasets/neuron_table.h"
#include "brainalign/cluster.h"

#include <math.h>

static int
has_score(const ba_ranking_t *ranking, size_t neuron)
{
    for (size_t c = 0; c < ranking->n_concepts; c++) {
        if (!isnan(ranking->score[c * ranking->n_neurons + neuron])) {
            return 1;
        }
    }
    return 0;
}

/* Neighbours are read together. */
static int
read_columns(ba_activations_t *activations, const size_t *places, size_t n, double *x)
{
    size_t n_tokens = activations->n_tokens;
    int status = BA_OK;

    for (size_t i = 0; i < n;) {
        size_t k = 1;

        while (i + k < n && places[i + k] == places[i] + k) {
            k++;
        }
        BA_TRY(ba_activations_read(
            activations, NULL, n_tokens, places[i], k, x + i * n_tokens, n_tokens));
        i += k;
    }
out:
    return status;
}

static int
check_memory(const ba_ctx_t *ctx, size_t n_tokens, size_t n)
{
    double bytes = 8.0 * (double) n * ((double) n + 2.0 * (double) n_tokens);

    if (bytes > (double) ba_ctx_memory(ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "selection: clusters of %zu neurons over %zu tokens need %.3g MB, the budget "
            "is %.3g MB",
            n, n_tokens, bytes / 1e6, (double) ba_ctx_memory(ctx) / 1e6);
    }
    return BA_OK;
}

int
ba_neuron_clusters_find(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    ba_activations_t *activations, double cut, uint32_t **label)
{
    size_t n_tokens = activations->n_tokens, n = 0, n_numbers;
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    ba_clusters_t *clusters = NULL;
    size_t *neurons = NULL, *places = NULL;
    double *x = NULL;
    int status = BA_OK;

    *label = NULL;
    opts.cut = cut;
    BA_TRY_ALLOC(neurons, ba_malloc(ranking->n_neurons, sizeof *neurons));
    BA_TRY_ALLOC(places, ba_malloc(ranking->n_neurons, sizeof *places));
    for (size_t i = 0; i < ranking->n_neurons; i++) {
        if (has_score(ranking, i)) {
            BA_TRY(ba_neuron_place(&activations->neurons, i, &places[n]));
            neurons[n++] = i;
        }
    }
    BA_TRY(check_memory(ctx, n_tokens, n));
    BA_TRY(ba_multiply(n_tokens, n, &n_numbers));
    BA_TRY_ALLOC(x, ba_malloc(n_numbers, sizeof *x));
    BA_TRY(read_columns(activations, places, n, x));
    BA_TRY(ba_neurons_cluster(
        ctx, (ba_cdmat_t){x, n_tokens, n, n_tokens}, &opts, &clusters));
    BA_TRY_ALLOC(*label, ba_malloc(ranking->n_neurons, sizeof **label));
    for (size_t i = 0; i < ranking->n_neurons; i++) {
        (*label)[i] = UINT32_MAX;
    }
    for (size_t k = 0; k < n; k++) {
        (*label)[neurons[k]] = clusters->label[k];
    }
out:
    ba_clusters_free(clusters);
    ba_free(neurons);
    ba_free(places);
    ba_free(x);
    return status;
}
