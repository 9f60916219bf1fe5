/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What result files of the neurons module share. */
#ifndef BA_NEURONS_NEURON_OUTPUT_H
#define BA_NEURONS_NEURON_OUTPUT_H

#include "brainalign/activations.h"
#include "brainalign/bundle.h"
#include "brainalign/ranking.h"
#include "brainalign/table.h"
#include "datasets/neuron_table.h"
#include "datasets/provenance.h"

/* The four cells neuron, layer, component, unit, and their header. */
int ba_neuron_put(
    ba_table_writer_t *table, const ba_neuron_table_t *neurons, size_t i) BA_MUST_USE;
int ba_neuron_put_header(ba_table_writer_t *table) BA_MUST_USE;

/* GROUP/neuron, layer, component (text), unit of n neurons; only NULL = the first n. */
int ba_neuron_write(ba_bundle_t *bundle, const char *group,
    const ba_neuron_table_t *neurons, const size_t *only, size_t n) BA_MUST_USE;

/* Attributes format and format_version of the file. */
int ba_neuron_write_format(ba_bundle_t *bundle, const char *format) BA_MUST_USE;

/* Provenance with the files behind sources, and those of `more` (NULL at the end, NULL =
 * none) that are not among them. */
int ba_neuron_write_provenance(ba_bundle_t *bundle, const ba_provenance_t *provenance,
    ba_source_t *const *sources, size_t n_sources, const char *const *more) BA_MUST_USE;

/* ba_ranking_write() but for the commit. */
int ba_ranking_table(const ba_ranking_t *ranking, const char *file, size_t top, int force,
    ba_table_writer_t **out) BA_MUST_USE;

/* Puts n header cells and ends the row. */
int ba_table_put_names(
    ba_table_writer_t *table, const char *const *names, size_t n) BA_MUST_USE;

#endif
