/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What neurons respond to: formulas of concepts, words, contexts; and whether textual
 * explanations hold. */
#ifndef BRAINALIGN_EXPLAIN_H
#define BRAINALIGN_EXPLAIN_H

#include "brainalign/concepts.h"
#include "brainalign/formula.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How tokens that a neuron is on for are moved in permutations. */
typedef enum {
    BA_EXPLAIN_NULL_DEFAULT = 0, /* types where forms are known, else circular */
    BA_EXPLAIN_NULL_CIRCULAR,    /* all moved on by the same number of tokens */
    BA_EXPLAIN_NULL_TYPES        /* handed from word type to word type of about the same
                             frequency */
} ba_explain_null_t;

typedef struct {
    ba_formula_opts_t formula;
    double quantile;  /* a neuron is on above this quantile of the training tokens, linear
                         between values (0.98) */
    double threshold; /* on above this, for all neurons; NaN = by the quantile (NaN) */
    size_t min_on; /* neurons that are on for fewer training tokens are left out (10) */
    const ba_token_split_t *split; /* borrowed; n_test 0 = nothing held out */
    const size_t *only; /* n_only neurons (their places, ascending), NULL = all */
    size_t n_only;
    size_t n_permutations; /* 0 = no p (100) */
    ba_explain_null_t null;
    const char *vectors;     /* SPEC, n_words x n_dimensions; NULL = no NEIGHBORS */
    const char *vocabulary;  /* FILE[:COLUMN]: the words of its rows */
    size_t n_neighbours;     /* words nearest to a word that NEIGHBORS takes in (5) */
    size_t neighbour_tokens; /* NEIGHBORS of words with so many training tokens (20) */
    size_t n_words;          /* top words of each neuron (20) */
    size_t n_contexts;       /* top contexts of each neuron (10) */
    size_t window;           /* tokens on either side of a context (8) */
    const char *output;
    const char *table, *words, *contexts; /* NULL = none; words and contexts want forms */
    int force, dry_run;                   /* dry_run: check only; nothing is written */
    uint64_t seed;
    int argc;
    const char *const *argv;
    const char *const
        *inputs; /* more files that were read, ends with NULL; NULL = none */
} ba_explain_opts_t;

BA_API ba_explain_opts_t ba_explain_opts_default(void);

typedef struct {
    size_t n_neurons, n_explained, n_few; /* left out: on for too few tokens */
    size_t n_leaves, n_neighbours;        /* leaves in all, of them NEIGHBORS */
    size_t n_train, n_test, n_shifts;     /* distinct circular shifts, 0 = of types */
    size_t n_proven; /* neurons whose formulas of up to three leaves are proven best */
    double score[BA_FORMULA_LEAVES], iou_test[BA_FORMULA_LEAVES]; /* means by length */
    size_t n_significant; /* neurons with q < 0.05 at the longest length */
    double smallest_p;
} ba_explain_info_t;

/* Searches the best formula of each neuron on the training tokens, scores it on the test
 * tokens, and repeats the search on permuted neurons: p counts the permutations whose best
 * formula of the same length scores as high (ba_permutation_p()), q is over neurons at
 * each length. Words and contexts are of all tokens. Same bits for any number of threads.
 * Errors: BA_VALUE, BA_SHAPE (no neuron is on often enough, too few tokens), those of
 * reading. Cost: (1 + n_permutations) ba_formula_search_run() a neuron. */
BA_API int ba_neurons_explain(const ba_ctx_t *ctx, ba_activations_t *activations,
    const ba_concepts_t *concepts, const ba_explain_opts_t *opts,
    ba_explain_info_t *info);

typedef struct {
    ba_activations_t *activations; /* on all samples, control and explanations, */
    const ba_concepts_t *groups;   /* and what the samples are: concepts are explanations;
                                      NULL where control is given */
    const char *control_name;  /* the concept that is control; NULL = samples of none */
    ba_activations_t *control; /* or activations on control samples alone, and */
    ba_activations_t *const *explanations; /* n_explanations of them */
    const char *const *names;
    size_t n_explanations;
    const char *output, *table;
    int force, dry_run;
    int argc;
    const char *const *argv;
    const char *const
        *inputs; /* more files that were read, ends with NULL; NULL = none */
} ba_cosy_opts_t;

typedef struct {
    size_t n_neurons, n_explanations, n_control;
    size_t n_significant; /* pairs with q < 0.05 */
    double best_auc;
    size_t best_neuron, best_explanation;
} ba_cosy_info_t;

/* ba_cosy() of every neuron for every explanation; q over all pairs of a neuron and an
 * explanation. Errors: BA_SHAPE (columns differ, too few samples), BA_MISSING (no such
 * control), BA_NONFINITE, those of reading. */
BA_API int ba_neurons_cosy(
    const ba_ctx_t *ctx, const ba_cosy_opts_t *opts, ba_cosy_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
