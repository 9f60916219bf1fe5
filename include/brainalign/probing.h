/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes on recorded activations: how well neurons, or some of them, tell concepts. */
#ifndef BRAINALIGN_PROBING_H
#define BRAINALIGN_PROBING_H

#include "brainalign/concepts.h"
#include "brainalign/probe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is probed for what; borrowed. */
typedef struct {
    ba_activations_t *activations;
    const ba_concepts_t *concepts;
    const ba_token_split_t *split; /* fitted on train, scored on test */
} ba_probing_data_t;

typedef enum {
    BA_PROBING_AUTO, /* softmax over concepts of which no token has two, else one-vs-rest,
                        which one concept alone is too */
    BA_PROBING_SOFTMAX,
    BA_PROBING_ONE_VS_REST,
    BA_PROBING_REGRESSION
} ba_probing_kind_t;

/* How probes are made and where results go. */
typedef struct {
    ba_probing_kind_t kind;
    ba_probe_trainer_t trainer; /* its kind is set from the above, penalties from below */
    int zscore;                 /* of every neuron on the training tokens */
    const double *l1, *l2; /* n_penalties pairs: the one with the least loss on part of
                                   the training tokens is taken */
    size_t n_penalties;
    double validation; /* that part: share of word types, else of sentences (0.1) */
    const char *start_weights,
        *start_bias;   /* SPECs of n_classes x n_neurons and n_classes
                                               numbers for NeuroX's training */
    const char *order; /* SPEC of n_epochs x n_rows numbers: its rows, among those fitted
                          on */
    const char *output, *table;
    const char *list; /* of the fewest neurons (ba_neurons_probe()), as
                         ba_neuron_list_write() has it; NULL = none */
    int force, dry_run;
    int argc;
    const char *const *argv;
    const char *const *inputs; /* files that were read, ends with NULL */
} ba_probing_opts_t;

BA_API ba_probing_opts_t ba_probing_opts_default(void);

/* Control tasks (Hewitt & Liang 2019): every word type carries one random class. */
enum {
    BA_CONTROL_SAME = 1,   /* drawn from the classes of the training tokens */
    BA_CONTROL_UNIFORM = 2 /* all classes alike */
};

typedef struct {
    ba_probing_opts_t probing;
    const char *keep, *zero, *mean, *retrain; /* lists of neurons: the rest at 0; these at
                                                 0; these at their mean; a probe on these
                                                 alone. NULL = none */
    unsigned control;                         /* BA_CONTROL_ */
    size_t n_draws;                           /* of each control task (1) */
    int code_length;    /* with the training tokens in an order drawn by seed */
    int by_layer;       /* a probe for every layer of every component */
    size_t n_bootstrap; /* draws of word types, else sentences, for stability; 0 = none */
    double minimal;     /* accuracy that the fewest neurons may lose, share; below 0 = not
                           asked */
} ba_neurons_probe_opts_t;

BA_API ba_neurons_probe_opts_t ba_neurons_probe_opts_default(void);

typedef struct {
    size_t n_train, n_test, n_classes, n_neurons, n_constant, n_undefined;
    double accuracy, majority, f1_macro; /* of all neurons on the test tokens; majority:
                                            always the most frequent class */
    double l1, l2, objective, gap;
    int is_converged;
    size_t n_nonzero, n_neurons_used;
    double selectivity[2]; /* SAME, UNIFORM; NaN where not asked */
    double bits, uniform_bits;
    size_t n_minimal;
    double seconds;
} ba_neurons_probe_info_t;

/* Fits and scores probes and writes them (docs/formats.md). Errors: those of
 * ba_activations_read(), ba_probe_fit(); BA_SHAPE (one class, a class without a token to
 * fit on, all neurons constant, a list with neurons that there are not), BA_TOO_LARGE,
 * BA_EXISTS. Memory: float32 activations, or twice with code_length. */
BA_API int ba_neurons_probe(const ba_ctx_t *ctx, const ba_probing_data_t *data,
    const ba_neurons_probe_opts_t *opts, ba_neurons_probe_info_t *info);

/* What is done with a set of neurons. */
enum {
    BA_ABLATE_KEEP = 1,   /* the rest at 0 */
    BA_ABLATE_ZERO = 2,   /* these at 0 */
    BA_ABLATE_MEAN = 4,   /* these at their mean */
    BA_ABLATE_RETRAIN = 8 /* a probe on these alone */
};

typedef struct {
    ba_probing_opts_t probing;
    const char *ranking; /* table of neurons rank */
    const char *concept; /* of the ranking; NULL = "*", else the only one */
    const double *sizes; /* n_sizes, ascending: numbers of neurons, or shares of them */
    size_t n_sizes;
    int sizes_are_shares;
    unsigned modes;  /* BA_ABLATE_ */
    size_t n_random; /* random sets of each size (10) */
} ba_neurons_ablate_opts_t;

BA_API ba_neurons_ablate_opts_t ba_neurons_ablate_opts_default(void);

/* Rows top, bottom, random; columns keep, zero, mean, retrain. */
typedef struct {
    size_t n_train, n_test, n_classes, n_neurons, n_sizes;
    double accuracy, majority;
    double area[3]
               [4]; /* mean accuracy over the sizes' range (trapezoids over the share of
                          neurons); NaN where not asked */
    double seconds;
} ba_neurons_ablate_info_t;

/* A probe without some of its neurons: those at the top and the bottom of a ranking, and
 * random ones by seed (nested sets). Errors: as ba_neurons_probe(), BA_FORMAT and
 * BA_MISSING of the ranking, BA_SHAPE for more neurons than it ranks. */
BA_API int ba_neurons_ablate(const ba_ctx_t *ctx, const ba_probing_data_t *data,
    const ba_neurons_ablate_opts_t *opts, ba_neurons_ablate_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
