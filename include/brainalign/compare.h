/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several models of the same responses: fitted side by side, stacked, compared, and
 * summed up over regions and subjects. */
#ifndef BRAINALIGN_COMPARE_H
#define BRAINALIGN_COMPARE_H

#include "brainalign/encode.h"
#include "brainalign/null.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most models of a stack or a comparison. */
#define BA_MOST_MODELS 128

/* What was done for all feature spaces together. */
typedef struct {
    int is_shared;   /* 1 = the prepared responses were kept for all spaces */
    size_t n_passes; /* readings of the responses by all fits */
    double seconds;
    double stack_r; /* stacking: mean r over scored targets, NaN without scores */
} ba_encode_each_info_t;

/* Fits every feature space of the data set by itself: opts->output is a folder, made
 * where it is missing, and space NAME becomes OUTPUT/NAME.h5, what ba_encode_fit() of this
 * space alone writes, to the last bit outside /provenance. Everything is checked before
 * the first fit. The responses are read and prepared once where every fit's budget lets
 * them be kept; else each fit reads them for itself, and a warning says so. opts->table
 * and opts->map must be NULL; one shard or range is fine, several shards are not. With
 * resume, spaces whose file is complete are not fitted again. stack: 1 = OUTPUT/stacked.h5
 * as well (ba_encode_stack()). spaces (n_spaces accounts) and info may be NULL. Errors:
 * those of ba_encode_fit(); BA_VALUE. Cost: n_spaces fits with one reading. */
BA_API int ba_encode_each(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, int stack, ba_encode_fit_info_t *spaces,
    ba_encode_each_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
