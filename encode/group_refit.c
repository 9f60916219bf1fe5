/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The null of a common stimulus with refits: the features of all subjects are moved alike
 * within runs, and every model is chosen, fitted and scored anew. The moves are the random
 * signs of the cosine null, or shifts in a circle: with all of these taken once the
 * observed order is one of a group of equals, but a circle joins a run's end to its
 * beginning. */
#include "encode/each.h"
#include "encode/encoder_job.h"
#include "encode/group_impl.h"

#include "core/alloc.h"
#include "model/subjects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scores of a refit of the unmoved features may differ from the file's by so much. */
#define SAME_SCORE 1e-4

typedef struct {
    group_t *group;
    ba_null_t *null;
    double *scores; /* n_permutations x (n_subjects x n_units): sums, then means */
} refits_t;

/* A copy of a design's spaces whose numbers change. */
typedef struct {
    ba_space_t *spaces;
    float **single;
    double **full;
    double *series, *moved; /* n_samples */
    size_t n;
} moved_t;

static void
moved_free(moved_t *moved)
{
    for (size_t k = 0; moved->single && moved->full && k < moved->n; k++) {
        ba_free(moved->single[k]);
        ba_free(moved->full[k]);
    }
    ba_free(moved->spaces);
    ba_free(moved->single);
    ba_free(moved->full);
    ba_free(moved->series);
    ba_free(moved->moved);
}

static int
moved_make(const ba_predictors_t *predictors, size_t n_samples, moved_t *out)
{
    int status = BA_OK;
    size_t n = predictors->n_spaces;

    *out = (moved_t){.n = n};
    BA_TRY_ALLOC(out->spaces, ba_malloc(n, sizeof *out->spaces));
    BA_TRY_ALLOC(out->single, ba_calloc(n, sizeof *out->single));
    BA_TRY_ALLOC(out->full, ba_calloc(n, sizeof *out->full));
    BA_TRY_ALLOC(out->series, ba_malloc(n_samples, sizeof *out->series));
    BA_TRY_ALLOC(out->moved, ba_malloc(n_samples, sizeof *out->moved));
    for (size_t k = 0; k < n; k++) {
        const ba_space_t *space = &predictors->spaces[k];
        size_t size = n_samples * space->n_features;

        out->spaces[k] = *space;
        if (space->single) {
            BA_TRY_ALLOC(out->single[k], ba_malloc(size, sizeof **out->single));
            out->spaces[k].single = out->single[k];
        } else {
            BA_TRY_ALLOC(out->full[k], ba_malloc(size, sizeof **out->full));
            out->spaces[k].full = out->full[k];
        }
    }
out:
    return status;
}

static int
move(const ba_null_t *null, size_t b, const ba_predictors_t *predictors, size_t n_samples,
    moved_t *moved)
{
    int status = BA_OK;

    for (size_t k = 0; k < moved->n; k++) {
        const ba_space_t *space = &predictors->spaces[k];

        for (size_t j = 0; j < space->n_features; j++) {
            for (size_t i = 0; i < n_samples; i++) {
                moved->series[i] = space->single
                                       ? (double) space->single[i + j * n_samples]
                                       : space->full[i + j * n_samples];
            }
            BA_TRY(ba_null_permute(null, 0, b, moved->series, moved->moved));
            for (size_t i = 0; i < n_samples; i++) {
                if (space->single) {
                    moved->single[k][i + j * n_samples] = (float) moved->moved[i];
                } else {
                    moved->full[k][i + j * n_samples] = moved->moved[i];
                }
            }
        }
    }
out:
    return status;
}

/* ---- one file ---- */

static void
add_scores(refits_t *refits, size_t f, size_t b, const ba_fit_result_t *result)
{
    const group_t *group = refits->group;
    size_t cells = group->n_subjects * group->n_units;
    const double *scores = group->opts->score == BA_SCORE_R ? result->r : result->r2;

    for (size_t k = 0; k < group->n_members[f]; k++) {
        const member_t *member = &group->members[f][k];
        size_t at = member->subject + member->unit * group->n_subjects;

        if (group->n_defined[at] > 0 && isfinite(scores[member->target])) {
            refits->scores[b * cells + at] +=
                scores[member->target] / (double) group->n_defined[at];
        }
    }
}

/* The data and settings must be those that gave the file. */
static int
check_same(const group_t *group, size_t f, const ba_fit_result_t *result)
{
    const ba_fitted_t *file = &group->files[f];

    if (result->n_targets != file->n_targets) {
        return ba_fail(BA_SHAPE, "%s: %zu targets, but its data have %zu", file->path,
            file->n_targets, result->n_targets);
    }
    for (size_t t = 0; t < file->n_targets; t++) {
        if (isfinite(file->r[t]) && !(fabs(file->r[t] - result->r[t]) < SAME_SCORE)) {
            return ba_fail(BA_SHAPE,
                "%s: target %zu has r %.6f, a fit of its data gives %.6f, wanted the "
                "same "
                "(were they changed?)",
                file->path, t, file->r[t], result->r[t]);
        }
    }
    return BA_OK;
}

/* The unmoved fit, then all others. */
static int
run_moves(refits_t *refits, size_t f, ba_encode_job_t *job)
{
    int status;
    const group_t *group = refits->group;
    ba_fit_data_t data = job->data;
    ba_fit_info_t info;
    ba_fit_result_t result = {0};
    ba_design_t *design = NULL;
    moved_t moved = {.n = 0};
    size_t n_samples = data.runs->n_samples;

    BA_TRY(ba_fit_plan(group->ctx, &data, &job->fit, &info));
    if (info.keeps_responses) {
        BA_TRY(ba_fit_responses_new(info.n_in_flight, &data.responses));
    }
    BA_TRY(ba_fit_run(group->ctx, &data, &job->fit, NULL, &result, NULL));
    BA_TRY(check_same(group, f, &result));
    BA_TRY(moved_make(&job->train, n_samples, &moved));
    for (size_t b = 0; b < group->n_permutations; b++) {
        BA_TRY(move(refits->null, b, &job->train, n_samples, &moved));
        BA_TRY(ba_design_new(moved.spaces, moved.n, data.runs,
            group->opts->sources[f].fit->delay_across_runs ? BA_DELAY_ACROSS_RUNS
                                                           : BA_DELAY_WITHIN_RUNS,
            &design));
        data.design = design;
        ba_fit_result_free(&result);
        BA_TRY(ba_fit_run(group->ctx, &data, &job->fit, NULL, &result, NULL));
        add_scores(refits, f, b, &result);
        ba_design_free(design);
        design = NULL;
        ba_ctx_progress(group->ctx, "refits",
            (double) (f * group->n_permutations + b + 1),
            (double) (group->n_files * group->n_permutations));
    }
out:
    ba_fit_result_free(&result);
    ba_design_free(design);
    moved_free(&moved);
    ba_fit_responses_free(data.responses);
    return status;
}

/* The moves of the first file's runs; the same for all. */
static int
start(refits_t *refits, const ba_runs_t *runs)
{
    int status;
    group_t *group = refits->group;
    ba_null_opts_t opts = ba_null_opts_default();

    opts.kind = group->opts->null == BA_GROUP_SHIFT ? BA_NULL_CIRCULAR : BA_NULL_COSINE;
    opts.n_permutations = group->opts->n_permutations;
    opts.seed = group->opts->seed;
    BA_TRY(ba_null_new(&opts, runs, 1, &refits->null));
    group->n_permutations = ba_null_info(refits->null, BA_NULL_R).n_permutations;
    group->smallest_p = 1.0 / (1.0 + (double) group->n_permutations);
    BA_TRY(ba_group_check_memory(group, group->n_subjects * group->n_units));
    BA_TRY_ALLOC(
        refits->scores, ba_calloc(group->n_permutations,
                            group->n_subjects * group->n_units * sizeof *refits->scores));
out:
    return status;
}

/* The one space of the file, where others were fitted beside it by --each. */
static int
find_space(const ba_fitted_t *file, const ba_dataset_t *dataset, size_t *at, size_t *n)
{
    int status;
    char **names = NULL;

    *at = SIZE_MAX;
    BA_TRY(ba_bundle_read_strings(file->bundle, "/features/space_names", n, &names));
    for (size_t k = 0; *n == 1 && k < dataset->n_spaces; k++) {
        if (strcmp(names[0], dataset->space_names[k]) == 0) {
            *at = k;
        }
    }
    if (*n != dataset->n_spaces && *at == SIZE_MAX) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: feature space '%s' is none of its data", file->path,
            names[0]));
    }
out:
    ba_free(names);
    return status;
}

static int
run_file(refits_t *refits, size_t f)
{
    int status;
    group_t *group = refits->group;
    const ba_group_source_t *source = &group->opts->sources[f];
    const ba_fitted_t *file = &group->files[f];
    ba_each_t each = {.ctx = group->ctx, .dataset = source->dataset, .opts = source->fit};
    ba_each_space_t space = {.opts = *source->fit};
    ba_encode_job_t job = {0};
    size_t at, n;

    if (file->is_test_set || source->dataset->test.n_samples > 0) {
        return ba_fail(BA_UNSUPPORTED,
            "%s: scored on a fixed test set, wanted outer splits for refits (or the "
            "joint "
            "null)",
            file->path);
    }
    if (ba_bundle_has(file->bundle, "/bands") ||
        ba_bundle_has(file->bundle, "/stack/weights")) {
        return ba_fail(BA_UNSUPPORTED,
            "%s: bands or a stack, wanted a plain fit for refits (or the joint null)",
            file->path);
    }
    BA_TRY(find_space(file, source->dataset, &at, &n));
    space.dataset = *source->dataset;
    if (n == 1 && source->dataset->n_spaces > 1) {
        BA_TRY(ba_each_space_open(&each, at, &space));
    }
    BA_TRY(ba_encode_job_open(group->ctx, &space.dataset, &space.opts, &job));
    job.fit.want_weights = job.fit.want_fold_weights = 0;
    job.fit.want_predictions = job.fit.want_cv = 0;
    job.fit.target_start = file->target_start;
    job.fit.target_stop = file->target_start + file->n_targets;
    if (f == 0) {
        BA_TRY(start(refits, job.data.runs));
    }
    BA_TRY(run_moves(refits, f, &job));
out:
    ba_encode_job_close(&job);
    ba_each_space_close(&space);
    return status;
}

/* Means over subjects, and how often a t test over subjects would have found something. */
static int
finish(refits_t *refits)
{
    int status = BA_OK;
    group_t *group = refits->group;
    size_t n = group->n_permutations, s = group->n_subjects, n_used;
    double *null = NULL, *values = NULL;

    BA_TRY_ALLOC(null, ba_malloc(n, group->n_units * sizeof *null));
    BA_TRY_ALLOC(values, ba_malloc(s, sizeof *values));
    for (size_t u = 0; u < group->n_units; u++) {
        size_t n_found = 0;

        for (size_t b = 0; b < n; b++) {
            double p;

            for (size_t i = 0; i < s; i++) {
                values[i] = group->n_defined[i + u * s] > 0
                                ? refits->scores[(b * group->n_units + u) * s + i]
                                : (double) NAN;
            }
            null[b + u * n] = ba_subjects_mean(values, s, &n_used);
            (void) ba_subjects_t(values, s, &p);
            n_found += p < 0.05;
        }
        group->t_rate[u] = (double) n_found / (double) n;
    }
    BA_TRY(ba_group_p(group, null));
out:
    ba_free(null);
    ba_free(values);
    return status;
}

int
ba_group_refit(group_t *group)
{
    int status = BA_OK;
    refits_t refits = {.group = group};

    for (size_t f = 0; f < group->n_files; f++) {
        BA_TRY(run_file(&refits, f));
    }
    BA_TRY(finish(&refits));
out:
    ba_null_free(refits.null);
    ba_free(refits.scores);
    return status;
}
