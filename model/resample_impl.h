/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a kind of resampling fills a ba_resampler_t. */
#ifndef BA_MODEL_RESAMPLE_IMPL_H
#define BA_MODEL_RESAMPLE_IMPL_H

#include "brainalign/error.h"
#include "brainalign/resample.h"

/* What an item has to do with a row: it comes before, within or after the row's support.
 */
typedef enum { BA_ITEM_BEFORE = -1, BA_ITEM_WITHIN, BA_ITEM_AFTER } ba_item_side_t;

typedef struct {
    const void *self;
    const double *item_times; /* what `side` looks at: where they ascend, so do sides */
    size_t n_items, n_rows;
    ba_item_side_t (*side)(const void *self, size_t row, size_t item);
    double (*weight)(const void *self, size_t row, size_t item);
} ba_resample_rule_t;

/* Weights of every item within a row's support; the supports of later rows start later.
 */
int ba_resampler_build(const ba_resample_rule_t *rule, ba_resampler_t *out) BA_MUST_USE;

/* BA_SHAPE unless the n times ascend strictly; `what` is for the message. */
int ba_times_check(const char *what, const double *times, size_t n) BA_MUST_USE;

#endif
