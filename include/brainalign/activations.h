/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons of a model on tokens: their activations, and what each column is. */
#ifndef BRAINALIGN_ACTIVATIONS_H
#define BRAINALIGN_ACTIVATIONS_H

#include "brainalign/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What each neuron is. Layers count from 0; units count from 0 within their layer and
 * component. Lists of strings are one block each, pointers and text. */
typedef struct {
    size_t n_neurons;
    size_t *number;    /* n_neurons, ascending: what tables call it, its column among all
                          files; NULL = its place here, as without a choice of layers */
    size_t *layer;     /* n_neurons */
    size_t *unit;      /* n_neurons */
    size_t *component; /* n_neurons: index into component_names */
    size_t n_components;
    char **component_names; /* "residual", "ffn", ... */
} ba_neuron_table_t;

typedef enum { BA_SUBWORD_LAST, BA_SUBWORD_FIRST, BA_SUBWORD_MEAN } ba_subword_t;

/* Where activations come from. Everything borrowed; unused members NULL or 0. */
typedef struct {
    const char *const *files; /* n_files of "[NAME=]SPEC", tokens x neurons, put side by
                                 side in this order; NAME is the component ("neurons").
                                 A NeuroX file (HDF5 with sentence_to_index, or JSON
                                 lines) is known by its content */
    size_t n_files;
    const char *neurons; /* TABLE.tsv with the columns neuron, layer, component, unit, or
                            layer and unit alone; NULL = by layer_size */
    const char *const *layer_sizes; /* n_layer_sizes of "[NAME=]N" columns of a layer;
                                       without one for a file it is one layer (NeuroX
                                       files know their own) */
    size_t n_layer_sizes;
    const char *layers;   /* "0,3:6": layers to keep, NULL = all */
    const char *subwords; /* SPEC or TABLE:COLUMN of the word of each row (from 0, below 0
                             none), NULL = one row per token */
    ba_subword_t subword; /* how the rows of a word become one (last) */
} ba_activations_opts_t;

/* Opened, nothing read but the table of sentences of NeuroX files. */
typedef struct {
    ba_source_t *source; /* n_tokens x n_neurons */
    size_t n_tokens;
    ba_neuron_table_t neurons;
    size_t
        *file_column; /* n_neurons: column of `source` of each neuron kept, ascending */
    char **words;     /* n_tokens, where the file tells them, else NULL */
    size_t *sentence; /* n_tokens, from 0, where the file tells, else NULL */
} ba_activations_t;

/* Errors: those of ba_source_open(); BA_SHAPE (rows of the files differ, columns are no
 * multiple of the layer size, a neuron table of another length), BA_VALUE (unknown layer,
 * a size for no file), BA_FORMAT. The caller frees. */
BA_API int ba_activations_open(
    const ba_ctx_t *ctx, const ba_activations_opts_t *opts, ba_activations_t **out);
BA_API void ba_activations_free(ba_activations_t *activations);

/* Reads the neurons neuron0 .. neuron0 + n_neurons - 1 of the tokens rows[0 .. n_rows - 1]
 * (ascending; NULL = the first n_rows) into column-major dst (ld >= n_rows).
 * BA_NONFINITE names token and neuron of the first value that is not finite. */
BA_API int ba_activations_read(ba_activations_t *activations, const size_t *rows,
    size_t n_rows, size_t neuron0, size_t n_neurons, double *dst, size_t ld);

/* The same as float32, for methods that hold all neurons at once. */
BA_API int ba_activations_read_single(ba_activations_t *activations, const size_t *rows,
    size_t n_rows, size_t neuron0, size_t n_neurons, float *dst, size_t ld);

#ifdef __cplusplus
}
#endif

#endif
