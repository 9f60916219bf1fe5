/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decode/decoder_study.h"

#include "core/alloc.h"

#include <string.h>

void
ba_study_free(ba_study_t *study)
{
    ba_free(study->subjects);
    ba_free(study->stimuli);
    ba_free(study->subject_of);
    ba_free(study->stimulus_of);
    ba_free(study->is_aligning);
    ba_free(study->aligning);
    ba_free(study->subject);
    ba_free(study->moment);
    ba_runs_free(&study->timeline);
    *study = (ba_study_t){0};
}

/* The place of a name among n, n where it is not there. */
static size_t
find_name(const char **names, size_t n, const char *name)
{
    size_t k = 0;

    while (k < n && strcmp(names[k], name) != 0) {
        k++;
    }
    return k;
}

/* Numbers names by their first appearance. */
static size_t
number_names(char *const *names, size_t n, const char **distinct, size_t *of)
{
    size_t n_distinct = 0;

    for (size_t i = 0; i < n; i++) {
        of[i] = find_name(distinct, n_distinct, names[i]);
        if (of[i] == n_distinct) {
            distinct[n_distinct++] = names[i];
        }
    }
    return n_distinct;
}

static int
make_room(const ba_dataset_part_t *part, ba_study_t *out)
{
    int status = BA_OK;
    size_t n = part->runs.n_runs;

    *out = (ba_study_t){.n_runs = n, .n_subjects = 1, .n_stimuli = n};
    BA_TRY_ALLOC(out->subjects, ba_calloc(n, sizeof *out->subjects));
    BA_TRY_ALLOC(out->stimuli, ba_calloc(n, sizeof *out->stimuli));
    BA_TRY_ALLOC(out->subject_of, ba_calloc(n, sizeof *out->subject_of));
    BA_TRY_ALLOC(out->stimulus_of, ba_calloc(n, sizeof *out->stimulus_of));
    BA_TRY_ALLOC(out->is_aligning, ba_calloc(n, 1));
    BA_TRY_ALLOC(out->aligning, ba_calloc(n, sizeof *out->aligning));
out:
    return status;
}

/* One name of the list. */
static int
add_aligning(const char *name, ba_study_t *study)
{
    size_t stimulus = find_name(study->stimuli, study->n_stimuli, name);

    if (stimulus == study->n_stimuli) {
        return ba_fail(BA_SHAPE,
            "align-runs: '%s' is not there, wanted names of the run table's column run",
            name);
    }
    for (size_t k = 0; k < study->n_aligning; k++) {
        if (study->aligning[k] == stimulus) {
            return ba_fail(BA_VALUE, "align-runs: '%s' is given twice", name);
        }
    }
    study->aligning[study->n_aligning++] = stimulus;
    for (size_t r = 0; r < study->n_runs; r++) {
        study->is_aligning[r] |= study->stimulus_of[r] == stimulus;
    }
    return BA_OK;
}

static int
parse_aligning(const char *text, ba_study_t *study)
{
    int status = BA_OK;
    char *copy, *name, *rest;

    BA_TRY_ALLOC(copy, ba_strdup(text));
    for (name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        BA_TRY(add_aligning(name, study));
    }
    if (study->n_aligning == 0) {
        BA_TRY(ba_fail(BA_VALUE, "align-runs: '%s', wanted names of runs", text));
    }
out:
    ba_free(copy);
    return status;
}

/* The recorded run of a subject and a stimulus, n_runs where there is none. */
static size_t
run_of(const ba_study_t *study, size_t subject, size_t stimulus)
{
    size_t r = 0;

    while (r < study->n_runs &&
           (study->subject_of[r] != subject || study->stimulus_of[r] != stimulus)) {
        r++;
    }
    return r;
}

/* Every subject has the alignment runs, sample by sample. */
static int
check_aligning(const ba_runs_t *runs, const ba_study_t *study)
{
    if (study->n_subjects < 2) {
        return ba_fail(BA_SHAPE,
            "align: found %zu subject, wanted 2 or more in the run table's column "
            "subject",
            study->n_subjects);
    }
    for (size_t k = 0; k < study->n_aligning; k++) {
        const char *name = study->stimuli[study->aligning[k]];
        size_t wanted = 0;

        for (size_t s = 0; s < study->n_subjects; s++) {
            size_t r = run_of(study, s, study->aligning[k]), length;

            if (r == study->n_runs) {
                return ba_fail(BA_SHAPE, "align-runs: subject '%s' has no run '%s'",
                    study->subjects[s], name);
            }
            length = runs->onset[r + 1] - runs->onset[r];
            wanted = s == 0 ? length : wanted;
            if (length != wanted) {
                return ba_fail(BA_SHAPE,
                    "align-runs: run '%s' has %zu samples of subject '%s', wanted the "
                    "%zu "
                    "of subject '%s'",
                    name, length, study->subjects[s], wanted, study->subjects[0]);
            }
        }
    }
    return BA_OK;
}

/* Runs that are decoded have something to decode. */
static int
check_features(const ba_dataset_part_t *part, const ba_study_t *study)
{
    for (size_t r = 0; part->lacks_features && r < study->n_runs; r++) {
        if (part->lacks_features[r] && !study->is_aligning[r]) {
            return ba_fail(BA_SHAPE,
                "features: none for run '%s', wanted some in all runs that serve no "
                "alignment",
                part->run_names[r]);
        }
    }
    return BA_OK;
}

int
ba_study_read(
    const ba_dataset_part_t *part, const ba_decode_fit_opts_t *opts, ba_study_t *out)
{
    int status;

    BA_TRY(make_room(part, out));
    if (part->run_subjects) {
        out->n_subjects =
            number_names(part->run_subjects, out->n_runs, out->subjects, out->subject_of);
    }
    if (part->run_stimuli) {
        out->n_stimuli =
            number_names(part->run_stimuli, out->n_runs, out->stimuli, out->stimulus_of);
    }
    if (!opts->align_runs) {
        return BA_OK;
    }
    if (!part->run_stimuli) {
        BA_TRY(ba_fail(BA_VALUE, "align-runs: found without a run table, wanted both"));
    }
    BA_TRY(parse_aligning(opts->align_runs, out));
    if (out->n_aligning == out->n_stimuli) {
        BA_TRY(ba_fail(BA_SHAPE,
            "align-runs: all %zu runs of the table, wanted others to "
            "decode",
            out->n_stimuli));
    }
    if (opts->align != BA_ALIGNMENT_NONE) {
        BA_TRY(check_aligning(&part->runs, out));
    }
    BA_TRY(check_features(part, out));
out:
    return status;
}

/* The timeline of the stimuli: each as long as its longest run. onset[u] becomes the first
 * moment of stimulus u. */
static int
make_timeline(
    const ba_runs_t *runs, const size_t *stimulus, ba_study_t *study, size_t *onset)
{
    int status = BA_OK;
    size_t *length = NULL, *onsets = NULL, n = 0, n_moments = 0;

    BA_TRY_ALLOC(length, ba_calloc(study->n_stimuli, sizeof *length));
    BA_TRY_ALLOC(onsets, ba_malloc(study->n_stimuli, sizeof *onsets));
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t own = runs->onset[r + 1] - runs->onset[r], u = stimulus[r];

        length[u] = own > length[u] ? own : length[u];
    }
    for (size_t u = 0; u < study->n_stimuli; u++) {
        onset[u] = n_moments;
        if (length[u] > 0) {
            onsets[n++] = n_moments;
            n_moments += length[u];
        }
    }
    BA_TRY(ba_runs_from_onsets(onsets, n, n_moments, &study->timeline));
out:
    ba_free(length);
    ba_free(onsets);
    return status;
}

/* A moment is the same part of a stimulus in all subjects: the blocks of a run are told apart
 * by their order, so that a block which one subject lacks would make other moments of those
 * after it. */
static int
check_moments(
    const ba_runs_t *recorded, const ba_blocks_t *blocks, const ba_study_t *study)
{
    int status = BA_OK;
    size_t *first = NULL, *last, n = study->timeline.n_samples;

    BA_TRY_ALLOC(first, ba_malloc(n, 2 * sizeof *first));
    last = first + n;
    for (size_t m = 0; m < n; m++) {
        first[m] = SIZE_MAX;
    }
    for (size_t i = 0; i < blocks->n; i++) {
        size_t m = study->moment[i], row = blocks->rows[blocks->first[i]];
        size_t run = ba_runs_of(recorded, row), onset = recorded->onset[run];
        size_t end = blocks->rows[blocks->first[i + 1] - 1] - onset;

        if (first[m] == SIZE_MAX) {
            first[m] = row - onset;
            last[m] = end;
        }
        if (first[m] != row - onset || last[m] != end) {
            BA_TRY(ba_fail(BA_SHAPE,
                "blocks: subject %s has a block at samples %zu to %zu of run %s, another "
                "one has %zu to %zu, wanted the same blocks of a stimulus in all "
                "subjects",
                study->subjects[study->subject_of[run]], row - onset, end,
                study->stimuli[study->stimulus_of[run]], first[m], last[m]));
        }
    }
out:
    ba_free(first);
    return status;
}

int
ba_study_group(const ba_runs_t *recorded, const ba_blocks_t *blocks, ba_study_t *study)
{
    int status = BA_OK;
    const ba_runs_t *runs = &blocks->runs;
    size_t *stimulus = NULL, *onset = NULL;

    if (study->n_subjects < 2) {
        return BA_OK;
    }
    BA_TRY_ALLOC(stimulus, ba_malloc(runs->n_runs, sizeof *stimulus));
    BA_TRY_ALLOC(onset, ba_malloc(study->n_stimuli, sizeof *onset));
    BA_TRY_ALLOC(study->subject, ba_malloc(blocks->n, sizeof *study->subject));
    BA_TRY_ALLOC(study->moment, ba_malloc(blocks->n, sizeof *study->moment));
    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t of = ba_runs_of(recorded, blocks->rows[blocks->first[runs->onset[r]]]);

        stimulus[r] = study->stimulus_of[of];
        for (size_t i = runs->onset[r]; i < runs->onset[r + 1]; i++) {
            study->subject[i] = (int32_t) study->subject_of[of];
        }
    }
    BA_TRY(make_timeline(runs, stimulus, study, onset));
    for (size_t r = 0; r < runs->n_runs; r++) {
        for (size_t i = runs->onset[r]; i < runs->onset[r + 1]; i++) {
            study->moment[i] = onset[stimulus[r]] + i - runs->onset[r];
        }
    }
    BA_TRY(check_moments(recorded, blocks, study));
    study->groups = (ba_cv_groups_t){study->subject, study->moment, &study->timeline};
out:
    ba_free(stimulus);
    ba_free(onset);
    return status;
}

int
ba_study_set_splits(const ba_study_t *study, ba_fit_opts_t *fit)
{
    if ((study->n_subjects > 1 || study->n_aligning > 0) &&
        ba_cv_is_overlapping(&fit->cv)) {
        return ba_fail(BA_UNSUPPORTED,
            "cv: inner sets that may overlap with several subjects or alignment runs, "
            "wanted folds");
    }
    if (study->n_subjects < 2) {
        return BA_OK;
    }
    if (fit->cv.kind == BA_CV_SUBJECTS) {
        return ba_fail(BA_VALUE,
            "cv: subjects inside would choose alpha on stimuli that it was fitted on, "
            "wanted runs, kfold, chunks, rows, crossed or none");
    }
    fit->cv.groups = fit->outer_cv.groups = &study->groups;
    return BA_OK;
}
