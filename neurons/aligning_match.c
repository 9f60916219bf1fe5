/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons of another file among those of an encoder. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

size_t
ba_align_split(const char *text, const char **file)
{
    const char *equals = strchr(text, '='), *slash = strchr(text, '/');
    size_t length = equals && (!slash || equals < slash) ? (size_t) (equals - text) : 0;

    *file = length > 0 ? equals + 1 : text;
    return length;
}

typedef struct {
    const char *component;
    size_t layer, unit, place;
} key_t;

static int
compare_keys(const void *left, const void *right)
{
    const key_t *a = left, *b = right;
    int order = strcmp(a->component, b->component);

    if (order == 0) {
        order = (a->layer > b->layer) - (a->layer < b->layer);
    }
    return order ? order : (a->unit > b->unit) - (a->unit < b->unit);
}

/* Components that neurons have, of those that a table names: one, or several. */
static size_t
count_components(const ba_neuron_table_t *neurons, const unsigned char *listed)
{
    size_t first = SIZE_MAX;

    for (size_t j = 0; j < neurons->n_neurons; j++) {
        if (listed && !listed[j]) {
            continue;
        }
        if (first != SIZE_MAX && neurons->component[j] != first) {
            return 2;
        }
        first = neurons->component[j];
    }
    return 1;
}

static int
make_keys(const ba_neuron_table_t *neurons, int has_one, key_t **out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_malloc(neurons->n_neurons, sizeof **out));
    for (size_t j = 0; j < neurons->n_neurons; j++) {
        (*out)[j] =
            (key_t){has_one ? "" : neurons->component_names[neurons->component[j]],
                neurons->layer[j], neurons->unit[j], j};
    }
    qsort(*out, neurons->n_neurons, sizeof **out, compare_keys);
out:
    return status;
}

int
ba_align_match(const ba_aligning_t *a, const char *file, const ba_neuron_table_t *neurons,
    const unsigned char *listed, size_t *place)
{
    int status = BA_OK;
    size_t n_listed = 0;
    int has_one = count_components(&a->neurons, NULL) == 1 &&
                  count_components(neurons, listed) == 1;
    key_t *keys = NULL;
    unsigned char *taken = NULL;

    BA_TRY_ALLOC(taken, ba_calloc(a->neurons.n_neurons, 1));
    BA_TRY(make_keys(&a->neurons, has_one, &keys));
    for (size_t j = 0; j < neurons->n_neurons; j++) {
        const char *component = neurons->component_names[neurons->component[j]];
        key_t wanted = {
            has_one ? "" : component, neurons->layer[j], neurons->unit[j], SIZE_MAX};
        const key_t *found;

        place[j] = SIZE_MAX;
        if (!listed[j]) {
            continue;
        }
        n_listed++;
        found = bsearch(&wanted, keys, a->neurons.n_neurons, sizeof *keys, compare_keys);
        if (!found) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: neuron %zu (%s, layer %zu, unit %zu) is none of the %zu neurons of "
                "%s: wanted a ranking of the same neurons",
                file, ba_neuron_number(neurons, j), component, neurons->layer[j],
                neurons->unit[j], a->neurons.n_neurons, a->opts->encoder));
        }
        if (taken[found->place]) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: neuron %zu (%s, layer %zu, unit %zu) is there twice: wanted columns "
                "layer and unit that tell neurons apart",
                file, ba_neuron_number(neurons, j), component, neurons->layer[j],
                neurons->unit[j]));
        }
        taken[found->place] = 1;
        place[j] = found->place;
    }
    if (n_listed == neurons->n_neurons && n_listed != a->neurons.n_neurons) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu neurons, but %s has %zu: wanted a ranking of the same neurons", file,
            n_listed, a->opts->encoder, a->neurons.n_neurons));
    }
out:
    ba_free(keys);
    ba_free(taken);
    return status;
}
