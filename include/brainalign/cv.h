/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Splits: which samples train, validate and test. A split plan is data: fold ids per
 * sample. */
#ifndef BRAINALIGN_CV_H
#define BRAINALIGN_CV_H

#include "brainalign/runs.h"
#include "brainalign/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    BA_CV_DEFAULT = 0, /* runs with 3 or more runs, else kfold:5 */
    BA_CV_RUNS,        /* leave one run out */
    BA_CV_KFOLD,       /* n_folds contiguous folds, the first n mod n_folds one longer */
    BA_CV_CHUNKS, /* contiguous chunks of chunk_len within runs, dealt to n_folds folds by
                     seed */
    BA_CV_ROWS,   /* fold id per sample, given */
    BA_CV_NONE    /* inner: one alpha only; outer: no scores */
} ba_cv_kind_t;

typedef struct {
    ba_cv_kind_t kind;
    size_t n_folds, chunk_len;
    const char
        *spec; /* BA_CV_ROWS: the SPEC after "rows:", borrowed from the parsed text */
    const int32_t *ids; /* BA_CV_ROWS: fold id of each sample before trimming; negative =
                           never held out */
    uint64_t seed;      /* BA_CV_CHUNKS */
} ba_cv_opts_t;

/* Parses runs | kfold:K | chunks:LEN,K | rows:SPEC | none. BA_VALUE names what was found.
 */
BA_API int ba_cv_parse(const char *text, ba_cv_opts_t *out);

/* Deals `rows` (ascending sample indices before trimming, n_rows of them) to folds:
 * fold[i] is the ordinal of row i's fold in ascending fold id, or -1 when it is never
 * held out. BA_CV_NONE holds out nothing: all -1, no folds. BA_SHAPE: fewer than two
 * folds, fewer samples (or chunks) than folds. */
BA_API int ba_cv_folds(const ba_cv_opts_t *opts, const ba_runs_t *runs,
    const size_t *rows, size_t n_rows, int32_t *fold, size_t *n_folds);

/* One split. test: positions (into rows) whose fold is k; train: positions of all others
 * that are farther than `gap` samples from every test sample of their run; both
 * ascending, each with room for n_rows. BA_SHAPE when nothing is left to train on. */
BA_API int ba_cv_split(const ba_runs_t *runs, const size_t *rows, size_t n_rows,
    const int32_t *fold, int32_t k, size_t gap, size_t *train, size_t *n_train,
    size_t *test, size_t *n_test);

#ifdef __cplusplus
}
#endif

#endif
