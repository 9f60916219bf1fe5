/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the volumes of each run were recorded. */
#ifndef BA_DATASETS_SCAN_H
#define BA_DATASETS_SCAN_H

#include "brainalign/error.h"
#include "brainalign/prepare.h"

typedef struct {
    double tr; /* seconds */
    ba_runs_t runs;
    double *times;  /* n_samples: seconds from the start of the run's scan to the moment
                       that a volume stands for */
    double *edges;  /* n_samples + n_runs: where volumes begin, and each run's last one
                       ends; run k's from onset[k] + k */
    double *starts; /* n_runs: of the words' clock, seconds of the scan */
    char **files;   /* n_files: behind the times */
    size_t n_files;
} ba_scan_t;

/* The scan of n_runs runs. n_responses: samples of the responses, 0 = not known.
 * BA_VALUE: no or negative tr; BA_SHAPE: lists that do not fit the runs, times that do not
 * ascend, responses of another length. The caller frees. */
int ba_scan_read(const ba_ctx_t *ctx, const ba_scan_opts_t *opts, size_t n_runs,
    const char *responses, size_t n_responses, ba_scan_t *out) BA_MUST_USE;
void ba_scan_free(ba_scan_t *scan);

#endif
