/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/neuron_table.h"

#include "core/alloc.h"
#include "core/texts.h"
#include "brainalign/table.h"

#include <math.h>
#include <string.h>

/* Layers and units from here on are mistakes. */
#define MOST_LAYERS 1000000
#define MOST_UNITS 1e9

int
ba_neuron_table_make(
    size_t n, const char *const *components, size_t n_components, ba_neuron_table_t *out)
{
    int status = BA_OK;

    *out = (ba_neuron_table_t){.n_neurons = n, .n_components = n_components};
    BA_TRY_ALLOC(out->layer, ba_calloc(n, sizeof *out->layer));
    BA_TRY_ALLOC(out->unit, ba_calloc(n, sizeof *out->unit));
    BA_TRY_ALLOC(out->component, ba_calloc(n, sizeof *out->component));
    BA_TRY(ba_strings_copy(components, n_components, &out->component_names));
out:
    return status;
}

int
ba_neuron_table_copy(const ba_neuron_table_t *table, ba_neuron_table_t *out)
{
    size_t n_bytes = table->n_neurons * sizeof(size_t);
    int status;

    BA_TRY(ba_neuron_table_make(table->n_neurons,
        (const char *const *) table->component_names, table->n_components, out));
    memcpy(out->layer, table->layer, n_bytes);
    memcpy(out->unit, table->unit, n_bytes);
    memcpy(out->component, table->component, n_bytes);
    if (table->number) {
        BA_TRY_ALLOC(out->number, ba_malloc(table->n_neurons, sizeof(size_t)));
        memcpy(out->number, table->number, n_bytes);
    }
out:
    if (status != BA_OK) {
        ba_neuron_table_free(out);
    }
    return status;
}

void
ba_neuron_table_free(ba_neuron_table_t *table)
{
    ba_free(table->number);
    ba_free(table->layer);
    ba_free(table->unit);
    ba_free(table->component);
    ba_free(table->component_names);
    *table = (ba_neuron_table_t){0};
}

size_t
ba_neuron_number(const ba_neuron_table_t *table, size_t i)
{
    return table->number ? table->number[i] : i;
}

int
ba_neuron_place(const ba_neuron_table_t *table, size_t number, size_t *place)
{
    size_t low = 0, high = table->n_neurons;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ba_neuron_number(table, middle) < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *place = low;
    if (low == table->n_neurons || ba_neuron_number(table, low) != number) {
        return ba_fail(
            BA_SHAPE, "neuron %zu: not among those of the activations", number);
    }
    return BA_OK;
}

static int
read_integer(const char *file, const ba_table_t *table, size_t row, size_t column,
    double below, size_t *out)
{
    double value;
    int status;

    BA_TRY(ba_table_number(table, row, column, &value));
    if (!(value >= 0 && value < below && value == floor(value))) {
        return ba_fail(BA_FORMAT,
            "%s: row %zu, column %zu (%s): %s, wanted a whole "
            "number from 0 to %.0f",
            file, row + 1, column + 1, ba_table_column(table, column),
            ba_table_cell(table, row, column), below - 1);
    }
    *out = (size_t) value;
out:
    return status;
}

/* Where the columns stand; SIZE_MAX = not there. */
typedef struct {
    size_t neuron, layer, component, unit;
} columns_t;

static int
read_row(const char *file, const ba_table_t *table, size_t row, const columns_t *columns,
    unsigned char *seen, ba_text_set_t *components, ba_neuron_table_t *out)
{
    size_t neuron = row;
    int status = BA_OK;

    if (columns->neuron != SIZE_MAX) {
        BA_TRY(read_integer(
            file, table, row, columns->neuron, (double) out->n_neurons, &neuron));
    }
    if (seen[neuron]++) {
        return ba_fail(BA_FORMAT, "%s: row %zu: neuron %zu for the second time", file,
            row + 1, neuron);
    }
    BA_TRY(
        read_integer(file, table, row, columns->layer, MOST_LAYERS, &out->layer[neuron]));
    BA_TRY(read_integer(file, table, row, columns->unit, MOST_UNITS, &out->unit[neuron]));
    BA_TRY(ba_text_set_add(components,
        columns->component == SIZE_MAX ? "neurons"
                                       : ba_table_cell(table, row, columns->component),
        &out->component[neuron]));
out:
    return status;
}

int
ba_neuron_table_read(const char *file, size_t n, ba_neuron_table_t *out)
{
    ba_table_t *table = NULL;
    ba_text_set_t components = {0};
    unsigned char *seen = NULL;
    columns_t columns;
    int status;

    *out = (ba_neuron_table_t){0};
    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, &table));
    columns = (columns_t){ba_table_find(table, "neuron"), ba_table_find(table, "layer"),
        ba_table_find(table, "component"), ba_table_find(table, "unit")};
    if (columns.layer == SIZE_MAX || columns.unit == SIZE_MAX) {
        BA_TRY(ba_fail(BA_MISSING, "%s: no column '%s'", file,
            columns.layer == SIZE_MAX ? "layer" : "unit"));
    }
    if (ba_table_n_rows(table) != n) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu rows, wanted one for each of %zu neurons", file,
            ba_table_n_rows(table), n));
    }
    BA_TRY(ba_neuron_table_make(n, NULL, 0, out));
    BA_TRY_ALLOC(seen, ba_calloc(n, 1));
    for (size_t row = 0; row < n; row++) {
        BA_TRY(read_row(file, table, row, &columns, seen, &components, out));
    }
    ba_free(out->component_names);
    out->component_names = NULL;
    BA_TRY(ba_texts_list(&components.texts, &out->component_names));
    out->n_components = components.texts.n;
out:
    ba_free(seen);
    ba_text_set_free(&components);
    ba_table_free(table);
    if (status != BA_OK) {
        ba_neuron_table_free(out);
    }
    return status;
}

/* Digits at *text, which moves behind them; 0 = there are none, or too many. */
static int
parse_layer(const char **text, size_t *layer)
{
    const char *digits = *text;

    for (*layer = 0; **text >= '0' && **text <= '9' && *layer < MOST_LAYERS; ++*text) {
        *layer = 10 * *layer + (size_t) (**text - '0');
    }
    return *text > digits && *layer < MOST_LAYERS;
}

/* One of "3" and "3:6" at *text, which moves behind it and its comma. */
static int
parse_range(const char *layers, const char **text, size_t *start, size_t *stop)
{
    int is_good = parse_layer(text, start);

    *stop = *start + 1;
    if (is_good && **text == ':') {
        ++*text;
        is_good = parse_layer(text, stop) && *stop > *start;
    }
    if (!is_good || (**text && (**text != ',' || !(*text)[1]))) {
        return ba_fail(BA_VALUE,
            "layers: '%.60s', wanted a list such as 0,3:6 (half-open ranges)", layers);
    }
    *text += **text == ',';
    return BA_OK;
}

static int
mark_layers(const char *layers, size_t n_layers, const unsigned char *exists,
    unsigned char *wanted)
{
    const char *text = layers;
    int status = BA_OK;

    do {
        size_t start = 0, stop = 0;

        BA_TRY(parse_range(layers, &text, &start, &stop));
        for (size_t layer = start; layer < stop; layer++) {
            if (layer >= n_layers || !exists[layer]) {
                return ba_fail(BA_VALUE,
                    "layers: %zu, but there is no such layer: the "
                    "last one is %zu",
                    layer, n_layers - 1);
            }
            wanted[layer] = 1;
        }
    } while (*text);
out:
    return status;
}

static int
keep(ba_neuron_table_t *table, const unsigned char *wanted, size_t *kept)
{
    size_t n = 0;
    int status = BA_OK;

    if (wanted) {
        BA_TRY_ALLOC(table->number, ba_malloc(table->n_neurons, sizeof(size_t)));
    }
    for (size_t i = 0; i < table->n_neurons; i++) {
        if (wanted && !wanted[table->layer[i]]) {
            continue;
        }
        if (wanted) {
            table->number[n] = i;
        }
        table->layer[n] = table->layer[i];
        table->unit[n] = table->unit[i];
        table->component[n] = table->component[i];
        kept[n++] = i;
    }
    table->n_neurons = n;
out:
    return status;
}

int
ba_neuron_table_layers(ba_neuron_table_t *table, const char *layers, size_t **kept)
{
    unsigned char *exists = NULL, *wanted = NULL;
    size_t n_layers = 0, n = table->n_neurons;
    int status = BA_OK;

    BA_TRY_ALLOC(*kept, ba_malloc(n, sizeof **kept));
    for (size_t i = 0; i < n; i++) {
        n_layers = table->layer[i] >= n_layers ? table->layer[i] + 1 : n_layers;
    }
    if (layers) {
        BA_TRY_ALLOC(exists, ba_calloc(n_layers, 1));
        BA_TRY_ALLOC(wanted, ba_calloc(n_layers, 1));
        for (size_t i = 0; i < n; i++) {
            exists[table->layer[i]] = 1;
        }
        BA_TRY(mark_layers(layers, n_layers, exists, wanted));
    }
    BA_TRY(keep(table, wanted, *kept));
out:
    ba_free(exists);
    ba_free(wanted);
    return status;
}
