/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strata of neurons: those of a component and layer whose deviation over the encoder's
 * samples lies in the same bin (decile) of all neurons. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double
deviation_of(const double *x, size_t n)
{
    double mean = 0.0, squares = 0.0;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        squares += (x[i] - mean) * (x[i] - mean);
    }
    return sqrt(squares / (double) n);
}

static int
compare_numbers(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

/* Bin of each value: how many of the quantiles 1 / n_bins, 2 / n_bins, .. lie below
 * it. */
static int
cut(const double *value, size_t n, size_t n_bins, size_t *bin)
{
    int status = BA_OK;
    double *sorted = NULL;

    BA_TRY_ALLOC(sorted, ba_malloc(n, sizeof *sorted));
    memcpy(sorted, value, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    memset(bin, 0, n * sizeof *bin);
    for (size_t k = 1; k < n_bins; k++) {
        double at = (double) k / (double) n_bins * (double) (n - 1), quantile;
        size_t below = (size_t) at, above = below + 1 < n ? below + 1 : below;

        quantile =
            sorted[below] + (at - (double) below) * (sorted[above] - sorted[below]);
        for (size_t j = 0; j < n; j++) {
            bin[j] += value[j] > quantile;
        }
    }
out:
    ba_free(sorted);
    return status;
}

static int
cut_deviations(const ba_aligning_t *a, size_t *bin)
{
    int status = BA_OK;
    size_t n = a->n_used, k = a->neurons.n_neurons;
    double *column = NULL, *deviation = NULL;

    BA_TRY_ALLOC(column, ba_malloc(n, sizeof *column));
    BA_TRY_ALLOC(deviation, ba_malloc(k, sizeof *deviation));
    for (size_t j = 0; j < k; j++) {
        ba_design_read(a->design, a->kept, n, a->columns[a->start[j]], 1, column, n);
        deviation[j] = deviation_of(column, n);
    }
    BA_TRY(cut(deviation, k, a->opts->n_bins > 0 ? a->opts->n_bins : 10, bin));
out:
    ba_free(column);
    ba_free(deviation);
    return status;
}

typedef struct {
    size_t component, layer, bin, place;
} stratum_t;

static int
compare_strata(const void *left, const void *right)
{
    const stratum_t *a = left, *b = right;

    if (a->component != b->component) {
        return a->component < b->component ? -1 : 1;
    }
    if (a->layer != b->layer) {
        return a->layer < b->layer ? -1 : 1;
    }
    return (a->bin > b->bin) - (a->bin < b->bin);
}

int
ba_align_cells_make(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    const ba_aligning_t *a = concepts->aligning;
    size_t k = a->neurons.n_neurons, *bin = NULL;
    stratum_t *strata = NULL;

    BA_TRY_ALLOC(concepts->cell, ba_calloc(k, sizeof *concepts->cell));
    BA_TRY_ALLOC(bin, ba_calloc(k, sizeof *bin));
    BA_TRY_ALLOC(strata, ba_malloc(k, sizeof *strata));
    concepts->n_cells = 1;
    if (a->opts->strata == BA_STRATA_NONE) {
        ba_ctx_log(concepts->ctx, BA_LOG_WARNING,
            "no strata: neurons of all layers and variances are taken for alike, which "
            "finds overlaps and drops that those make");
    }
    if (a->opts->strata == BA_STRATA_LAYER_VARIANCE) {
        BA_TRY(cut_deviations(a, bin));
    }
    for (size_t j = 0; j < k; j++) {
        strata[j] =
            a->opts->strata == BA_STRATA_NONE
                ? (stratum_t){a->start[j + 1] - a->start[j], 0, 0, j}
                : (stratum_t){a->neurons.component[j], a->neurons.layer[j], bin[j], j};
    }
    qsort(strata, k, sizeof *strata, compare_strata);
    for (size_t i = 0; i < k; i++) {
        concepts->n_cells += i > 0 && compare_strata(&strata[i - 1], &strata[i]) != 0;
        concepts->cell[strata[i].place] = concepts->n_cells - 1;
    }
out:
    ba_free(bin);
    ba_free(strata);
    return status;
}
