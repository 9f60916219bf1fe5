/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses of runs, read in blocks of columns and prepared within runs. */
#ifndef BA_DECODE_DECODER_READING_H
#define BA_DECODE_DECODER_READING_H

#include "brainalign/decode.h"

/* Columns that are read at a time. */
enum { BA_READING_COLUMNS = 256 };

typedef struct {
    const ba_dataset_part_t *part;
    const size_t *which; /* n runs of the part, NULL = all */
    ba_runs_t own_runs;  /* of those */
    const ba_runs_t *runs;
    ba_detrend_t *detrend; /* NULL = none */
    int zscore_runs;
    double *buffer; /* samples of the runs x BA_READING_COLUMNS */
    double *size;   /* runs x BA_READING_COLUMNS */
} ba_reading_t;

/* Whether responses are z-scored in each run. */
int ba_decoder_zscores_runs(const ba_decode_fit_opts_t *opts, size_t n_runs);

/* Reads runs which[0] .. which[n - 1] (which NULL: all) of a part: their responses are
 * the part's, or stand apart by run. */
int ba_reading_start(const ba_dataset_part_t *part, const size_t *which, size_t n,
    const ba_decode_fit_opts_t *opts, ba_reading_t *out) BA_MUST_USE;
void ba_reading_free(ba_reading_t *reading);

/* Prepared columns first .. first + n_columns - 1 in the buffer. is_used[j] = 0 for one
 * with a value that is not finite, which is all zeros then. hash: NULL, or a fingerprint
 * of every sample that the raw numbers are added to. */
int ba_reading_columns(ba_reading_t *reading, size_t first, size_t n_columns,
    unsigned char *is_used, uint64_t *hash) BA_MUST_USE;

#endif
