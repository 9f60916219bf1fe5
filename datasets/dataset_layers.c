/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All layers of a model in one file: one feature space each. */
#include "datasets/dataset_impl.h"

#include <string.h>

#include "core/alloc.h"

typedef struct {
    ba_source_t **sources;
    size_t n;
} layers_t;

static void
layers_free(layers_t *layers)
{
    for (size_t k = 0; layers->sources && k < layers->n; k++) {
        ba_source_close(layers->sources[k]);
    }
    ba_free(layers->sources);
}

/* Takes the last source of a part apart. */
static int
take_apart(ba_dataset_part_t *part, size_t n_spaces, size_t layer_size, layers_t *layers)
{
    int status;

    BA_TRY(ba_source_layers(
        part->features[n_spaces - 1], layer_size, &layers->sources, &layers->n));
    part->features[n_spaces - 1] = NULL;
out:
    return status;
}

/* Room for the layers, empty. */
static int
make_room(ba_dataset_part_t *part, size_t n_spaces, size_t n_layers)
{
    ba_source_t **all =
        ba_realloc(part->features, n_spaces - 1 + n_layers, sizeof(ba_source_t *));

    if (!all) {
        return BA_NOMEM;
    }
    memset(all + n_spaces - 1, 0, n_layers * sizeof(ba_source_t *));
    part->features = all;
    return BA_OK;
}

static void
put(ba_dataset_part_t *part, size_t n_spaces, layers_t *layers)
{
    memcpy(part->features + n_spaces - 1, layers->sources,
        layers->n * sizeof(ba_source_t *));
    layers->n = 0;
}

/* n - 1 spaces before, then layer_0, layer_1, ... */
static int
name_layers(ba_dataset_t *dataset, size_t n_layers)
{
    int status = BA_OK;
    size_t before = dataset->n_spaces - 1;
    char **names = ba_realloc(dataset->space_names, before + n_layers, sizeof(char *));

    if (!names) {
        return BA_NOMEM;
    }
    dataset->space_names = names;
    ba_free(names[before]);
    memset(names + before, 0, n_layers * sizeof *names);
    dataset->n_spaces = before + n_layers;
    for (size_t k = 0; k < n_layers; k++) {
        BA_TRY_ALLOC(names[before + k], ba_asprintf("layer_%zu", k));
        for (size_t i = 0; i < before; i++) {
            if (strcmp(names[i], names[before + k]) == 0) {
                BA_TRY(ba_fail(BA_VALUE,
                    "%s: a feature space is called so, and a layer of the model too",
                    names[i]));
            }
        }
    }
out:
    return status;
}

int
ba_dataset_split_layers(const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    int status = BA_OK, has_test = dataset->test.n_samples > 0;
    size_t n = dataset->n_spaces;
    layers_t train = {NULL, 0}, test = {NULL, 0};

    if (n == 0 || (!opts->layers && n > 1)) {
        return ba_fail(BA_VALUE,
            "layer size: %zu feature spaces, wanted one that holds all layers (or "
            "layers given apart)",
            n);
    }
    BA_TRY(take_apart(&dataset->train, n, opts->layer_size, &train));
    if (has_test) {
        BA_TRY(take_apart(&dataset->test, n, opts->layer_size, &test));
        if (test.n != train.n) {
            BA_TRY(ba_fail(
                BA_SHAPE, "layers: %zu in the test set, wanted %zu", test.n, train.n));
        }
        BA_TRY(make_room(&dataset->test, n, test.n));
    }
    BA_TRY(make_room(&dataset->train, n, train.n));
    BA_TRY(name_layers(dataset, train.n));
    put(&dataset->train, n, &train);
    if (has_test) {
        put(&dataset->test, n, &test);
    }
out:
    layers_free(&train);
    layers_free(&test);
    return status;
}
