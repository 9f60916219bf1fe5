/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a call of ba_identify() holds. */
#ifndef BA_MODEL_IDENTIFY_IMPL_H
#define BA_MODEL_IDENTIFY_IMPL_H

#include "model/identification_impl.h"
#include "model/rank_scores.h"

/* Scores in the order of a permutation's values; rank scores follow, then traces. */
enum {
    BA_VALUE_SUM = 0,
    BA_VALUE_SINGLE,
    BA_VALUE_STRICT,
    BA_VALUE_WITHIN,
    BA_VALUE_BETWEEN,
    BA_N_PAIR_VALUES
};

typedef struct {
    const ba_ctx_t *ctx;
    const ba_identification_t *problem;
    const ba_identify_opts_t *opts;
    size_t n, n_candidates, n_values;
    ba_rank_scores_t ranks;
    ba_pair_counts_t pairs, within, between;
    size_t *better, *tied;  /* observed */
    ba_statistic_t *values; /* n_values */
} ba_identify_work_t;

/* Mean of a trace under an order (NULL = as they are); NaN where nothing is defined. */
double ba_trace_mean(const ba_trace_t *trace, const uint32_t *order);

/* Ascending order of doubles, for qsort(). */
int ba_compare_values(const void *a, const void *b);

/* Fills p and the null distributions of the observed values. */
int ba_identify_test(ba_identify_work_t *work) BA_MUST_USE;

#endif
