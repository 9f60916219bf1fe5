/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The neurons that permuted labels put first, as ba_rank_null_save() keeps them. */
#ifndef BA_NEURONS_LABEL_NULL_H
#define BA_NEURONS_LABEL_NULL_H

#include "brainalign/activations.h"
#include "brainalign/error.h"

typedef struct {
    size_t n_concepts, n_permutations, top;
    char **names;      /* n_concepts, in one block */
    int32_t *observed; /* n_concepts x top: places in neurons, best first, -1 = none */
    int32_t *null;     /* n_concepts x n_permutations x top */
    ba_neuron_table_t neurons;
} ba_label_null_t;

/* BA_FORMAT, BA_MISSING, BA_IO. Free in any case. */
int ba_label_null_read(const char *file, ba_label_null_t *out) BA_MUST_USE;
void ba_label_null_free(ba_label_null_t *null);

#endif
