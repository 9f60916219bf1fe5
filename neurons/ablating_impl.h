/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons ablate between computing (ablating.c) and writing (ablating_write.c). */
#ifndef BA_NEURONS_ABLATING_IMPL_H
#define BA_NEURONS_ABLATING_IMPL_H

#include "neurons/probing_impl.h"

/* Numbers of sets; random ones follow. */
enum { ABLATING_TOP = 0, ABLATING_BOTTOM = 1, ABLATING_RANDOM = 2 };
enum { ABLATING_MODES = 4 };

typedef struct {
    double accuracy, f1_macro, loss;
} ablating_score_t;

typedef struct {
    const ba_neurons_ablate_opts_t *opts;
    probing_t probing;
    ba_probe_t *probe; /* on all neurons */
    double accuracy;   /* its own */
    size_t n_ranked, *order;
    size_t *k; /* n_sizes */
    size_t n_sets;
    ablating_score_t *scores; /* n_sets x n_sizes x ABLATING_MODES */
} ablating_t;

ablating_score_t *ba_ablating_at(
    const ablating_t *ablating, size_t set, size_t size, size_t mode);

/* Area under the accuracies of a set. */
double ba_ablating_area(const ablating_t *ablating, size_t set, size_t mode);

int ba_ablating_save(const ablating_t *ablating) BA_MUST_USE;

#endif
