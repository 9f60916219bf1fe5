/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fitting each feature space and stacking them share. */
#ifndef BA_ENCODE_EACH_H
#define BA_ENCODE_EACH_H

#include "brainalign/compare.h"

typedef struct {
    const ba_ctx_t *ctx;
    const ba_dataset_t *dataset; /* all spaces */
    const ba_encode_fit_opts_t *opts;
    size_t at;                     /* space at hand */
    int is_quiet;                  /* its log is not passed on */
    int can_share;                 /* every fit keeps the responses */
    size_t n_in_flight;            /* least of all fits */
    ba_fit_responses_t *responses; /* shared, NULL = not */
} ba_each_t;

/* A data set of one space, borrowed from that of all, and its settings. */
typedef struct {
    ba_dataset_t dataset;
    ba_encode_fit_opts_t opts;
    const char **delays, **pca;
    char *file;        /* OUTPUT/NAME.h5 */
    char *table, *map; /* NAME inserted before the extension; NULL = not wanted */
} ba_each_space_t;

/* Call ba_each_space_close() afterwards in any case. */
int ba_each_space_open(const ba_each_t *each, size_t k, ba_each_space_t *out) BA_MUST_USE;
void ba_each_space_close(ba_each_space_t *space);

/* ---- encode_stack.c ---- */

/* BA_EXISTS where an output of the stack stands in the way; BA_VALUE for too many spaces.
 */
int ba_each_stack_check(ba_each_t *each) BA_MUST_USE;

/* Weights of the fitted spaces, and their scores: OUTPUT/stacked.h5. */
int ba_each_stack(ba_each_t *each, ba_encode_each_info_t *info) BA_MUST_USE;

#endif
