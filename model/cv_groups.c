/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Splits of several subjects who met the same stimuli: what one of them met in training must
 * not be tested in another, unless that is the question (BA_CV_SUBJECTS). A rule over
 * samples is therefore applied to the moments of the stimuli, once each, and every sample
 * goes where its moment goes. */
#include "model/cv_groups.h"

#include "core/alloc.h"

#include <stdlib.h>

/* Numbers things as they come: the place of `id` among those that were met. */
static int32_t
ordinal_of(size_t id, int32_t *place, size_t *n)
{
    if (place[id] < 0) {
        place[id] = (int32_t) (*n)++;
    }
    return place[id];
}

static size_t
stimulus_of(const ba_cv_groups_t *groups, size_t sample)
{
    return ba_runs_of(groups->stimuli, groups->moment[sample]);
}

/* Folds by subject, or by subject and run of the stimuli, in order of appearance. */
static int
fold_subjects(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows, int32_t *fold,
    size_t *n_folds)
{
    int status = BA_OK;
    const ba_cv_groups_t *groups = opts->groups;
    int is_crossed = opts->kind == BA_CV_CROSSED;
    size_t n_stimuli = is_crossed ? groups->stimuli->n_runs : 1, n_subjects = 0, n;
    int32_t *place = NULL;

    for (size_t i = 0; i < n_rows; i++) {
        size_t subject = (size_t) groups->subject[rows[i]];

        n_subjects = subject >= n_subjects ? subject + 1 : n_subjects;
    }
    n = n_subjects * n_stimuli;
    BA_TRY_ALLOC(place, ba_malloc(n, sizeof *place));
    for (size_t i = 0; i < n; i++) {
        place[i] = -1;
    }
    *n_folds = 0;
    for (size_t i = 0; i < n_rows; i++) {
        size_t id = (size_t) groups->subject[rows[i]] * n_stimuli;

        id += is_crossed ? stimulus_of(groups, rows[i]) : 0;
        fold[i] = ordinal_of(id, place, n_folds);
    }
    if (*n_folds < 2) {
        BA_TRY(ba_fail(BA_SHAPE, "cv: %s: fewer than two folds over %zu samples",
            is_crossed ? "crossed" : "subjects", n_rows));
    }
out:
    ba_free(place);
    return status;
}

/* Ids as given, for moments: those of all samples of a moment are the same. */
static int
ids_of_moments(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows, int32_t *id,
    size_t *from)
{
    const ba_cv_groups_t *groups = opts->groups;

    for (size_t m = 0; m < groups->stimuli->n_samples; m++) {
        from[m] = SIZE_MAX;
    }
    for (size_t i = 0; i < n_rows; i++) {
        size_t m = groups->moment[rows[i]];

        if (from[m] == SIZE_MAX) {
            from[m] = rows[i];
            id[m] = opts->ids[rows[i]];
        }
        if (id[m] != opts->ids[rows[i]]) {
            return ba_fail(BA_SHAPE,
                "cv: rows: fold %d of sample %zu and fold %d of sample %zu (from 0, of "
                "those "
                "that are split), the same moment of the stimuli in two subjects: wanted "
                "one fold",
                (int) id[m], from[m], (int) opts->ids[rows[i]], rows[i]);
        }
    }
    return BA_OK;
}

/* Lists the moments of the rows, ascending; at[m] becomes the place of moment m. */
static size_t
list_moments(const ba_cv_groups_t *groups, const size_t *rows, size_t n_rows,
    size_t *moments, size_t *at)
{
    size_t n = 0;

    for (size_t m = 0; m < groups->stimuli->n_samples; m++) {
        at[m] = 0;
    }
    for (size_t i = 0; i < n_rows; i++) {
        at[groups->moment[rows[i]]] = 1;
    }
    for (size_t m = 0; m < groups->stimuli->n_samples; m++) {
        if (at[m]) {
            moments[n] = m;
            at[m] = n++;
        }
    }
    return n;
}

static int
fold_moments(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows, int32_t *fold,
    size_t *n_folds)
{
    int status = BA_OK;
    const ba_cv_groups_t *groups = opts->groups;
    size_t n_all = groups->stimuli->n_samples, n_moments, *moments = NULL, *at = NULL;
    int32_t *of_moment = NULL, *ids = NULL;
    ba_cv_opts_t own = *opts;

    own.groups = NULL;
    BA_TRY_ALLOC(moments, ba_malloc(n_all, sizeof *moments));
    BA_TRY_ALLOC(at, ba_malloc(n_all, sizeof *at));
    BA_TRY_ALLOC(of_moment, ba_malloc(n_all, sizeof *of_moment));
    if (opts->kind == BA_CV_ROWS) {
        BA_TRY_ALLOC(ids, ba_calloc(n_all, sizeof *ids));
        BA_TRY(ids_of_moments(opts, rows, n_rows, ids, at));
        own.ids = ids;
    }
    n_moments = list_moments(groups, rows, n_rows, moments, at);
    BA_TRY(ba_cv_folds(&own, groups->stimuli, moments, n_moments, of_moment, n_folds));
    for (size_t i = 0; i < n_rows; i++) {
        fold[i] = of_moment[at[groups->moment[rows[i]]]];
    }
out:
    ba_free(moments);
    ba_free(at);
    ba_free(of_moment);
    ba_free(ids);
    return status;
}

int
ba_cv_fold_groups(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows,
    int32_t *fold, size_t *n_folds)
{
    return opts->kind == BA_CV_SUBJECTS || opts->kind == BA_CV_CROSSED
               ? fold_subjects(opts, rows, n_rows, fold, n_folds)
               : fold_moments(opts, rows, n_rows, fold, n_folds);
}

int
ba_cv_split_by(const ba_cv_opts_t *opts, const ba_runs_t *runs, const size_t *rows,
    size_t n_rows, const int32_t *fold, int32_t k, size_t gap, size_t *train,
    size_t *n_train, size_t *test, size_t *n_test)
{
    int status;
    const ba_cv_groups_t *groups = opts->groups;
    size_t n_kept = 0, tested, stimulus;

    BA_TRY(ba_cv_split(runs, rows, n_rows, fold, k, gap, train, n_train, test, n_test));
    if (opts->kind != BA_CV_CROSSED || !groups || *n_test == 0) {
        return BA_OK;
    }
    /* All of a fold are of one subject and one run. */
    tested = rows[test[0]];
    stimulus = stimulus_of(groups, tested);
    for (size_t i = 0; i < *n_train; i++) {
        size_t sample = rows[train[i]];

        if (groups->subject[sample] != groups->subject[tested] &&
            stimulus_of(groups, sample) != stimulus) {
            train[n_kept++] = train[i];
        }
    }
    *n_train = n_kept;
    if (n_kept == 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "cv: crossed: fold %d: no other subject has another run, wanted some to "
            "train "
            "on",
            (int) k));
    }
out:
    return status;
}
