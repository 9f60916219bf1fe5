/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of the report of `datasets info`. */
#ifndef BA_CLI_INFO_H
#define BA_CLI_INFO_H

#include "brainalign/bundle.h"
#include "brainalign/source.h"

/* What a source holds, over all slabs. Minimum, maximum and mean are of the finite
 * values, NaN where there are none. */
typedef struct {
    size_t n_values, n_nan, n_infinite, n_cols;
    size_t n_constant; /* columns of 2 and more values without spread: below 1e-10 of the
                          largest absolute value */
    size_t n_empty;    /* columns without a finite value */
    double min, max, mean;
} cli_statistics_t;

/* Reads everything once, a block of columns at a time. */
int cli_statistics_read(
    const ba_ctx_t *ctx, ba_source_t *source, cli_statistics_t *statistics);
void cli_statistics_print(const cli_statistics_t *statistics);

/* Starts a line of the report. */
void cli_info_key(const char *key);

/* Arrays and attributes of a result file. */
int cli_info_bundle(const char *name, const ba_bundle_t *bundle);

#endif
