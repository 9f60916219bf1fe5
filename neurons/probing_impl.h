/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What probing commands share: tokens and classes in memory, probes on them. */
#ifndef BA_NEURONS_PROBING_IMPL_H
#define BA_NEURONS_PROBING_IMPL_H

#include "datasets/provenance.h"
#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "brainalign/probing.h"

enum { PROBING_TRAIN = 0, PROBING_TEST = 1 };

typedef struct {
    size_t n;
    size_t *rows;    /* n: tokens */
    float *x;        /* n x n_neurons */
    uint32_t *label; /* n: class; NULL where classes stand by themselves */
    double *target;  /* n x n_classes there */
} probing_part_t;

typedef struct {
    const ba_ctx_t *ctx; /* never NULL */
    ba_ctx_t defaults;
    const ba_probing_data_t *data;
    const ba_probing_opts_t *opts;
    ba_probe_kind_t kind;
    size_t n_classes, n_neurons, n_constant;
    char *const *classes; /* borrowed */
    probing_part_t parts[2];
    double *center, *scale, *mean; /* n_neurons; mean of the training tokens */
    ba_probe_trainer_t trainer;    /* with the penalties in use */
    double *weights0, *bias0;
    size_t *order;
    ba_probe_step_t *steps; /* n_penalties, NULL where there was no choice */
    size_t best;
    double majority;
    ba_provenance_t provenance; /* noted at the start */
} probing_t;

/* Tokens, classes, activations; nothing is fitted. With dry_run nothing is read. */
int ba_probing_open(const ba_ctx_t *ctx, const ba_probing_data_t *data,
    const ba_probing_opts_t *opts, probing_t *probing) BA_MUST_USE;
void ba_probing_close(probing_t *probing);

ba_probe_data_t ba_probing_rows(const probing_t *probing, int part);

/* The probe on all neurons; penalties are chosen, and kept for those that follow. */
int ba_probing_fit(probing_t *probing, ba_probe_t **out) BA_MUST_USE;

/* Scores a probe on the test tokens. list: the neurons it was made on (NULL = all); kept:
 * flags over these, NULL = all. */
int ba_probing_score(const probing_t *probing, const ba_probe_t *probe,
    const size_t *list, size_t n_listed, const unsigned char *kept, ba_rest_t rest,
    ba_probe_score_t **out) BA_MUST_USE;

/* Fits on the listed neurons and scores. probe may be NULL. */
int ba_probing_retrain(const probing_t *probing, const size_t *list, size_t n_listed,
    ba_probe_t **probe, ba_probe_score_t **out) BA_MUST_USE;

/* Places of numbers of neurons, ascending, in place; BA_SHAPE names one there is not. */
int ba_probing_places(
    const probing_t *probing, const char *file, size_t *numbers, size_t n) BA_MUST_USE;

/* Groups of the training tokens: word types where known, else sentences, else themselves.
 * *group is the caller's to ba_free(). */
int ba_probing_groups(
    const probing_t *probing, uint32_t **group, size_t *n_groups) BA_MUST_USE;

/* Classes, splits, neurons, options and provenance of a result file. */
int ba_probing_write(const probing_t *probing, ba_bundle_t *bundle) BA_MUST_USE;

/* Arrays by shape; nothing where data is NULL. */
int ba_probing_put(ba_bundle_t *bundle, const char *path, ba_dtype_t type, size_t n_rows,
    size_t n_cols, const void *data) BA_MUST_USE;

/* One probe's scores under a name; owned by whoever keeps it. */
typedef struct {
    char *name;
    size_t n_neurons, n_used;
    double gap;
    ba_probe_score_t *score;
} probing_entry_t;

/* One drawing of a control task. */
typedef struct {
    int32_t *labels; /* n_tokens, -1 = none */
    double accuracy, selectivity;
} probing_draw_t;

/* Whether some test token is of a word type that was fitted on. */
int ba_probing_shares_words(const probing_t *probing);

/* Draws control labels for every token by its word type, fits and scores. */
int ba_probing_control(const probing_t *probing, unsigned task, size_t draw,
    double accuracy, probing_draw_t *out) BA_MUST_USE;

#endif
