/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons in order of the weight that classes put on them. NeuroX walks through shares of
 * mass q = 0, 1/100, ... and takes, at each, the union over classes of the shortest
 * prefixes of descending |W| with a sum of at least q times the whole (one neuron even at
 * q = 0). A neuron is in that union where it is the first of some class, or where the mass
 * strictly before it is below q of the whole: so one sort for each class and the least
 * share before each neuron say the same. Reference: Dalvi et al. 2019, AAAI. */
#include "core/alloc.h"
#include "model/probe_impl.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    double key;
    uint32_t neuron;
} item_t;

static int
compare_descending(const void *a, const void *b)
{
    const item_t *x = a, *y = b;

    if (x->key > y->key || x->key < y->key) {
        return x->key > y->key ? -1 : 1;
    }
    return x->neuron < y->neuron ? -1 : x->neuron > y->neuron;
}

static int
compare_ascending(const void *a, const void *b)
{
    const item_t *x = a, *y = b;

    if (x->key > y->key || x->key < y->key) {
        return x->key > y->key ? 1 : -1;
    }
    return x->neuron < y->neuron ? -1 : x->neuron > y->neuron;
}

/* |W| of a class, sorted; returns the sum in the order of neurons. */
static double
sort_class(const ba_probe_t *probe, size_t c, int ascending, item_t *items)
{
    const double *w = probe->weights + c * probe->n_neurons;
    double sum = 0;

    for (size_t j = 0; j < probe->n_neurons; j++) {
        items[j] = (item_t){fabs(w[j]), (uint32_t) j};
        sum += items[j].key;
    }
    qsort(items, probe->n_neurons, sizeof *items,
        ascending ? compare_ascending : compare_descending);
    return sum;
}

void
ba_probe_order_free(ba_probe_order_t *order)
{
    if (order) {
        ba_free(order->per_class);
        ba_free(order->need);
        ba_free(order->global);
        ba_free(order->enter);
        ba_free(order);
    }
}

static int
order_new(const ba_probe_t *probe, ba_probe_order_t **out)
{
    size_t p = probe->n_neurons;
    ba_probe_order_t *order;
    int status = BA_OK;

    BA_TRY_ALLOC(order, ba_calloc(1, sizeof *order));
    order->n_neurons = p;
    order->n_classes = probe->n_classes;
    BA_TRY_ALLOC(
        order->per_class, ba_calloc(p, probe->n_classes * sizeof *order->per_class));
    BA_TRY_ALLOC(order->need, ba_calloc(p, sizeof *order->need));
    BA_TRY_ALLOC(order->global, ba_calloc(p, sizeof *order->global));
    BA_TRY_ALLOC(order->enter, ba_calloc(p, sizeof *order->enter));
out:
    if (status != BA_OK) {
        ba_probe_order_free(order);
        order = NULL;
    }
    *out = order;
    return status;
}

/* The first step in which mass `before` of `total` lets a neuron in. */
static uint32_t
first_step(double before, double total)
{
    uint32_t step = (uint32_t) (BA_PROBE_STEPS * (before / total));

    step = step > 1 ? step - 1 : 1;
    while (step < BA_PROBE_STEPS && !(before < total * step / BA_PROBE_STEPS)) {
        step++;
    }
    return step;
}

static void
add_class(ba_probe_order_t *order, const item_t *items, size_t c, double total)
{
    double before = 0;

    for (size_t k = 0; k < order->n_neurons; k++) {
        uint32_t j = items[k].neuron;

        order->per_class[c * order->n_neurons + k] = j;
        if (total > 0 && items[k].key > 0) {
            uint32_t step = k == 0 ? 0 : first_step(before, total);

            order->need[j] = fmin(order->need[j], before / total);
            order->enter[j] = order->enter[j] < step ? order->enter[j] : step;
        }
        before += items[k].key;
    }
}

int
ba_probe_order(const ba_probe_t *probe, ba_probe_order_t **out)
{
    size_t p = probe->n_neurons;
    ba_probe_order_t *order = NULL;
    item_t *items = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY(order_new(probe, &order));
    BA_TRY_ALLOC(items, ba_calloc(p, sizeof *items));
    for (size_t j = 0; j < p; j++) {
        order->need[j] = 1;
        order->enter[j] = BA_PROBE_STEPS;
    }
    for (size_t c = 0; c < probe->n_classes; c++) {
        add_class(order, items, c, sort_class(probe, c, 0, items));
    }
    for (size_t j = 0; j < p; j++) {
        items[j] = (item_t){order->need[j], (uint32_t) j};
        for (size_t s = order->enter[j]; s <= BA_PROBE_STEPS; s++) {
            order->cutoffs[s]++;
        }
    }
    qsort(items, p, sizeof *items, compare_ascending);
    for (size_t j = 0; j < p; j++) {
        order->global[j] = items[j].neuron;
    }
    *out = order;
    order = NULL;
out:
    ba_probe_order_free(order);
    ba_free(items);
    return status;
}

/* How many of a class's sorted neurons stand in its set. */
static size_t
prefix(const item_t *items, size_t p, double total, ba_probe_set_by_t by, double value)
{
    double sum = 0;
    size_t n = 0;

    if (by == BA_BY_DIVISOR) {
        while (n < p && items[n].key > items[0].key / value) {
            n++;
        }
        return n;
    }
    do {
        sum += items[n++].key;
    } while (n < p && sum < value * total);
    return n;
}

int
ba_probe_set(const ba_probe_t *probe, ba_probe_set_by_t by, double value,
    unsigned char *flags, size_t *n_per_class)
{
    size_t p = probe->n_neurons;
    item_t *items = NULL;
    int status = BA_OK;

    if (by == BA_BY_DIVISOR ? !(value > 0) : !(value >= 0 && value <= 1)) {
        BA_TRY(ba_fail(BA_VALUE, "probe: %s %g, wanted %s",
            by == BA_BY_DIVISOR ? "divisor" : "share of mass", value,
            by == BA_BY_DIVISOR ? "above 0" : "0 to 1"));
    }
    BA_TRY_ALLOC(items, ba_calloc(p, sizeof *items));
    for (size_t j = 0; j < p; j++) {
        flags[j] = 0;
    }
    for (size_t c = 0; c < probe->n_classes; c++) {
        double total = sort_class(probe, c, by == BA_BY_BOTTOM, items);
        size_t n = prefix(items, p, total, by, value);

        for (size_t k = 0; k < n; k++) {
            flags[items[k].neuron] = 1;
        }
        if (n_per_class) {
            n_per_class[c] = n;
        }
    }
out:
    ba_free(items);
    return status;
}
