/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs: stretches of samples recorded without a break. Every transform stops at their
 * borders. */
#ifndef BRAINALIGN_RUNS_H
#define BRAINALIGN_RUNS_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Run k holds the samples onset[k] .. onset[k + 1] - 1; onset has n_runs + 1 entries, the
 * last is n_samples. */
typedef struct {
    size_t n_samples, n_runs;
    size_t *onset;
} ba_runs_t;

/* One run of n_samples. BA_NOMEM. The caller frees with ba_runs_free(). */
BA_API int ba_runs_one(size_t n_samples, ba_runs_t *out);

/* Runs from the run id of each sample: a new run begins where the id changes. `name` is
 * for messages. BA_SHAPE when an id comes back after another run (id and row named);
 * BA_NONFINITE for a NaN id. */
BA_API int ba_runs_from_ids(
    const double *ids, size_t n_samples, const char *name, ba_runs_t *out);

/* Runs from their first samples, ascending from 0. BA_VALUE when they do not ascend from
 * 0 or pass n_samples. */
BA_API int ba_runs_from_onsets(
    const size_t *onsets, size_t n_onsets, size_t n_samples, ba_runs_t *out);

/* Drops `first` samples at the start and `last` at the end of each run. kept (room for
 * runs->n_samples) receives the indices that stay; *out the runs of the kept samples,
 * renumbered. BA_SHAPE when nothing of a run would be left (run and length named). */
BA_API int ba_runs_trim(
    const ba_runs_t *runs, size_t first, size_t last, size_t *kept, ba_runs_t *out);

/* The run that sample t belongs to. Cost: logarithmic in the number of runs. */
BA_API size_t ba_runs_of(const ba_runs_t *runs, size_t t);

BA_API void ba_runs_free(ba_runs_t *runs);

#ifdef __cplusplus
}
#endif

#endif
