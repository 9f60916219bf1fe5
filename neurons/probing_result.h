/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What neurons probe finds, between computing and writing. */
#ifndef BA_NEURONS_PROBING_RESULT_H
#define BA_NEURONS_PROBING_RESULT_H

#include "neurons/probing_impl.h"

typedef struct {
    ba_probe_t *probe; /* on all neurons */
    ba_probe_order_t *order;
    size_t n_entries, capacity;
    probing_entry_t *entries;
    size_t n_draws;           /* of each control task */
    probing_draw_t *draws[2]; /* SAME, UNIFORM; NULL = not asked */
    int has_code;
    ba_probe_code_t code;
    size_t *code_order;      /* positions among the training tokens */
    double *frequency, *any; /* stability, NULL = not asked */
    size_t n_redrawn;
    int has_minimal;
    ba_probe_minimal_t minimal;
} probing_result_t;

/* probing_write.c: the result file and the table. */
int ba_probing_save(const probing_t *probing, const probing_result_t *result) BA_MUST_USE;

#endif
