/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of neurons explain. */
#ifndef BA_NEURONS_EXPLAIN_IMPL_H
#define BA_NEURONS_EXPLAIN_IMPL_H

#include "brainalign/explain.h"

#include "brainalign/bundle.h"
#include "brainalign/table.h"
#include "core/texts.h"
#include "datasets/provenance.h"

/* What formulas are made of, on training and on test tokens. */
typedef struct {
    size_t n_leaves, n_neighbours;
    char **names; /* n_leaves, one block */
    ba_masks_t *train, *test;
} ba_leaves_t;

/* Best formulas of one neuron at one length, and what else is known of it. */
typedef struct {
    ba_formula_t train, test; /* test.score: IoU; NaN without test tokens */
    double precision, recall, precision_test, recall_test, iou;
    size_t n_above; /* permutations that score as high */
    double p, q;
} ba_explained_t;

/* A word type of a neuron. */
typedef struct {
    uint32_t type;
    double score, mean, most; /* mean z, largest activation */
} ba_top_word_t;

typedef struct {
    const ba_ctx_t *ctx;
    ba_activations_t *activations;
    const ba_concepts_t *concepts;
    const ba_explain_opts_t *opts;
    ba_provenance_t provenance;
    ba_leaves_t leaves;
    size_t n_neurons; /* explained ones and others */
    const size_t *only;
    size_t n_lengths, n_train, n_test, n_tokens;
    const size_t *train, *test;
    ba_explain_null_t null;
    size_t n_shifts;
    double *threshold; /* n_neurons */
    uint32_t *n_on, *n_on_test;
    unsigned char *proven;
    ba_explained_t *found; /* n_neurons x n_lengths */
    ba_top_word_t *words;  /* n_neurons x n_words, type UINT32_MAX = no more */
    uint32_t *contexts;    /* n_neurons x n_contexts: tokens */
    double *context_value;
    size_t *n_of_type; /* tokens of each word type, NULL where no words are wanted */
} ba_explaining_t;

/* Neuron k of those explained. */
static inline size_t
ba_explaining_neuron(const ba_explaining_t *job, size_t k)
{
    return job->only ? job->only[k] : k;
}

/* Concepts, then NEIGHBORS of words. */
int ba_leaves_create(ba_explaining_t *job) BA_MUST_USE;
void ba_leaves_free(ba_leaves_t *leaves);

/* NEIGHBORS(word) for frequent words: appends names and, for each, the word types that it
 * takes in (n_neighbours + 1 each, SIZE_MAX = no more). */
int ba_neighbours_find(const ba_explaining_t *job, ba_texts_t *names, size_t **types,
    size_t *n_found) BA_MUST_USE;

/* Fills everything per neuron, a block of neurons at a time. */
int ba_explain_all(ba_explaining_t *job) BA_MUST_USE;

/* Moves of the states of training tokens: in permutation b that of token t goes to to[t]. */
typedef struct ba_explain_moves ba_explain_moves_t;
int ba_explain_moves_create(
    const ba_explaining_t *job, ba_explain_moves_t **out) BA_MUST_USE;
void ba_explain_moves_free(ba_explain_moves_t *moves);
int ba_explain_moves_draw(
    ba_explain_moves_t *moves, uint64_t seed, size_t b, uint32_t *to) BA_MUST_USE;
size_t ba_explain_moves_shifts(const ba_explain_moves_t *moves);

/* Top words and contexts of neuron k from its activations on all tokens. room: 3 n_types
 * numbers. */
void ba_explain_words(
    const ba_explaining_t *job, size_t k, const double *x, double *room);

/* Result file and tables: made before the work, so that one that exists is refused then,
 * and filled after it. */
typedef struct {
    ba_bundle_t *bundle;
    ba_table_writer_t *tables[3];
} ba_explain_outputs_t;

int ba_explain_outputs_create(
    const ba_explain_opts_t *opts, ba_explain_outputs_t *outputs) BA_MUST_USE;
int ba_explain_outputs_write(
    const ba_explaining_t *job, ba_explain_outputs_t *outputs) BA_MUST_USE;
void ba_explain_outputs_free(ba_explain_outputs_t *outputs);

#endif
