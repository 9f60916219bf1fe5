/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activations as NeuroX writes them: the words of sentences in all layers. */
#ifndef BA_IO_NEUROX_H
#define BA_IO_NEUROX_H

#include "core/texts.h"
#include "brainalign/source.h"

/* Non-zero for HDF5 with the data set sentence_to_index. */
int ba_neurox_is_hdf5(const char *file);

/* Tokens x (layers x units), layer-major. HDF5: one data set of layers x tokens x units
 * for each sentence; sentence_to_index is one JSON object from sentences to names of data
 * sets, whose order is that of the tokens. JSON lines: an object for each sentence,
 * features[].token, .layers[].values; read once into a spool. BA_FORMAT, BA_SHAPE name
 * the sentence (from 0). */
int ba_neurox_hdf5_open(const char *file, ba_source_t **out) BA_MUST_USE;
int ba_neurox_json_open(
    const ba_ctx_t *ctx, const char *file, ba_source_t **out) BA_MUST_USE;

/* Units of a layer; 0 unless `source` is one of these with whole layers. */
size_t ba_neurox_layer_size(const ba_source_t *source);

/* Non-zero when `source` tells words. */
int ba_neurox_tells(const ba_source_t *source);

/* The word of each row, added to *words, and its sentence in a list; both are the
 * caller's to free. */
int ba_neurox_words(
    const ba_source_t *source, ba_texts_t *words, size_t **sentence) BA_MUST_USE;

#endif
