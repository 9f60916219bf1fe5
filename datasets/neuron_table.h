/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each neuron is: made, read, copied. */
#ifndef BA_DATASETS_NEURON_TABLE_H
#define BA_DATASETS_NEURON_TABLE_H

#include "brainalign/activations.h"

/* Room for n neurons, all of layer 0, unit 0 and the one component. Free in any case. */
int ba_neuron_table_make(size_t n, const char *const *components, size_t n_components,
    ba_neuron_table_t *out) BA_MUST_USE;
int ba_neuron_table_copy(
    const ba_neuron_table_t *table, ba_neuron_table_t *out) BA_MUST_USE;
void ba_neuron_table_free(ba_neuron_table_t *table);

/* What tables call neuron `i`. */
size_t ba_neuron_number(const ba_neuron_table_t *table, size_t i);

/* The other way round. BA_SHAPE where no neuron has that number. */
int ba_neuron_place(
    const ba_neuron_table_t *table, size_t number, size_t *place) BA_MUST_USE;

/* Reads columns layer and unit, and where there are such, neuron (any order, each of 0 ..
 * n - 1 once) and component. BA_SHAPE: not one line for each of `n` neurons. */
int ba_neuron_table_read(const char *file, size_t n, ba_neuron_table_t *out) BA_MUST_USE;

/* Keeps the neurons of `layers` = "0,3:6"; *kept lists their places, for the caller to
 * free. NULL = all. BA_VALUE: a layer that no neuron is of. */
int ba_neuron_table_layers(
    ba_neuron_table_t *table, const char *layers, size_t **kept) BA_MUST_USE;

#endif
