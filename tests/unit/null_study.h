/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two folds of a few targets for the tests of null distributions. */
#ifndef BA_NULL_STUDY_H
#define BA_NULL_STUDY_H

#include "tests/testlib.h"

#include "brainalign/null.h"

#define V 11
#define LONGEST 200
#define N_FOLDS 2

/* Two folds: three runs (one of a single sample) and one run. */
typedef struct {
    ba_runs_t runs[N_FOLDS];
    double y[N_FOLDS][LONGEST * V], p[N_FOLDS][LONGEST * V], q[N_FOLDS][LONGEST * V];
    ba_null_fold_t folds[N_FOLDS];
} study_t;

static inline void
make_study(study_t *study)
{
    const size_t onsets[] = {0, 41, 42}, n[N_FOLDS] = {79, 60}, one = 0;

    assert_int_equal(ba_runs_from_onsets(onsets, 3, n[0], &study->runs[0]), 0);
    assert_int_equal(ba_runs_from_onsets(&one, 1, n[1], &study->runs[1]), 0);
    for (size_t f = 0; f < N_FOLDS; f++) {
        test_fill_normal(study->y[f], LONGEST * V, 10 + f);
        test_fill_normal(study->p[f], LONGEST * V, 20 + f);
        test_fill_normal(study->q[f], LONGEST * V, 30 + f);
        for (size_t i = 0; i < LONGEST * V; i++) {
            study->y[f][i] += 3 + 0.3 * study->p[f][i];
            study->p[f][i] = 5 + 2 * study->p[f][i];
        }
        study->folds[f] = (ba_null_fold_t){.responses = {study->y[f], n[f], V, LONGEST},
            .predictions = {study->p[f], n[f], V, LONGEST},
            .baseline = {study->q[f], n[f], V, LONGEST}};
    }
}

static inline void
free_study(study_t *study)
{
    for (size_t f = 0; f < N_FOLDS; f++) {
        ba_runs_free(&study->runs[f]);
    }
}

#endif
