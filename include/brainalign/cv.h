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
    BA_CV_NONE,   /* inner: one alpha only; outer: no scores */
    BA_CV_BOOTSTRAP, /* n_folds times n_chunks of the contiguous chunks of chunk_len rows
                        are held out, drawn by seed; inner splits only */
    BA_CV_SETS,      /* n_folds sets of samples, given; inner splits only */
    BA_CV_SUBJECTS,  /* leave one subject out; outer splits only */
    BA_CV_CROSSED /* leave out a run of one subject; other runs of that subject, and that
                        run of other subjects, are not trained on either */
} ba_cv_kind_t;

/* Several subjects who met the same stimuli. All borrowed. */
typedef struct {
    const int32_t *subject;   /* of each sample before trimming, from 0 */
    const size_t *moment;     /* the sample of the stimuli that it is: the same in all
                               subjects; within a run of a subject ascending */
    const ba_runs_t *stimuli; /* runs of these */
} ba_cv_groups_t;

typedef struct {
    ba_cv_kind_t kind;
    size_t n_folds, chunk_len, n_chunks;
    const char
        *spec; /* BA_CV_ROWS, BA_CV_SETS: the SPEC after "rows:" or "sets:", borrowed
                         from the parsed text */
    const int32_t *ids;  /* BA_CV_ROWS: fold id of each sample before trimming; negative =
                           never held out */
    const uint8_t *held; /* BA_CV_SETS: n_folds x samples before trimming, 1 = held out */
    uint64_t seed;       /* BA_CV_CHUNKS, BA_CV_BOOTSTRAP */
    const ba_cv_groups_t *groups; /* NULL = one subject. Else runs, kfold and chunks deal
                                     the moments of the stimuli, and every sample goes
                                     where its moment goes */
} ba_cv_opts_t;

/* Parses runs | kfold:K | chunks:LEN,K | rows:SPEC | bootstrap:N,LEN,CHUNKS | sets:SPEC |
 * subjects | crossed | none. BA_VALUE names what was found. */
BA_API int ba_cv_parse(const char *text, ba_cv_opts_t *out);

/* Deals `rows` (ascending sample indices before trimming, n_rows of them) to folds:
 * fold[i] is the ordinal of row i's fold in ascending fold id, or -1 when it is never
 * held out. BA_CV_NONE holds out nothing: all -1, no folds. BA_SHAPE: fewer than two
 * folds, fewer samples (or chunks) than folds; with groups, given ids that part a moment.
 * BA_VALUE: a rule whose sets may overlap, which ba_cv_sets() is for; a rule over subjects
 * without groups. */
BA_API int ba_cv_folds(const ba_cv_opts_t *opts, const ba_runs_t *runs,
    const size_t *rows, size_t n_rows, int32_t *fold, size_t *n_folds);

/* Whether held-out sets may overlap or leave samples out: bootstrap and given sets. */
BA_API int ba_cv_is_overlapping(const ba_cv_opts_t *opts);

/* The sets of such a rule among `rows`: held (n_folds x n_rows) is 0 for positions that
 * are held out in a set and -1 for all others, so that row s of it is the `fold` of
 * ba_cv_split() with k = 0. Chunks of a bootstrap are counted from the first row,
 * whatever the runs; rows after the last whole chunk are never held out. BA_SHAPE: as
 * many chunks held out as there are, a set without rows. */
BA_API int ba_cv_sets(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows,
    size_t n_samples, int32_t *held);

/* One split. test: positions (into rows) whose fold is k; train: positions of all others
 * that are farther than `gap` samples from every test sample of their run; both
 * ascending, each with room for n_rows. BA_SHAPE when nothing is left to train on. */
BA_API int ba_cv_split(const ba_runs_t *runs, const size_t *rows, size_t n_rows,
    const int32_t *fold, int32_t k, size_t gap, size_t *train, size_t *n_train,
    size_t *test, size_t *n_test);

/* The same by a rule: of BA_CV_CROSSED without the samples that share their subject or
 * their run of the stimuli with a test sample. */
BA_API int ba_cv_split_by(const ba_cv_opts_t *opts, const ba_runs_t *runs,
    const size_t *rows, size_t n_rows, const int32_t *fold, int32_t k, size_t gap,
    size_t *train, size_t *n_train, size_t *test, size_t *n_test);

#ifdef __cplusplus
}
#endif

#endif
