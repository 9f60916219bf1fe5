/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_group.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/subjects.h"

#include <math.h>
#include <string.h>

/* Sign flips of subjects; all 2^n where there are no more. */
enum { N_FLIPS = 10000 };

void
ba_align_group_free(ba_align_group_t *group)
{
    ba_align_group_tests_t *tests = &group->tests;
    double *lists[] = {tests->mean, tests->t, tests->p_t, tests->p_wilcoxon,
        tests->p_flip, tests->p_flip_fwe, tests->null_mean, tests->null_deviation,
        tests->z, tests->p, tests->q, tests->p_fwe, group->scores, group->moved};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        ba_free(lists[i]);
    }
    ba_align_regions_free(&group->subjects);
    ba_free(group->names);
    ba_free(group->sets);
    ba_free(group->n_targets);
    ba_free(group->n_used);
    *group = (ba_align_group_t){.n = 0};
}

/* ---- who and what ---- */

/* Labels, or the encoder file that each target is of. */
static int
read_subjects(ba_align_group_t *group)
{
    int status;
    const ba_aligning_t *a = group->aligning;
    ba_align_regions_t *subjects = &group->subjects;

    BA_TRY(ba_align_regions_read(a->opts->subjects, a->n_targets, subjects));
    for (size_t e = 0; !a->opts->subjects && e < a->n_encoders; e++) {
        BA_TRY_ALLOC(subjects->name[e + 1], ba_strdup(ba_align_encoder(a, e)));
        subjects->n++;
        for (size_t t = a->first_target[e]; t < a->first_target[e + 1]; t++) {
            subjects->region[t] = e + 1;
        }
    }
    group->n_subjects = subjects->n - 1;
    if (group->n_subjects < 2) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu subject%s, wanted 2 or more for a group",
            a->opts->subjects ? a->opts->subjects : a->opts->encoder, group->n_subjects,
            group->n_subjects == 1 ? "" : "s"));
    }
out:
    return status;
}

static int
list_sets(ba_align_group_t *group, const ba_align_sets_t *sets,
    const ba_align_concepts_t *concepts)
{
    int status = BA_OK;

    group->n_of_sets = sets->n;
    group->n = sets->n + (concepts ? concepts->n : 0);
    if (group->n == 0) {
        return ba_fail(
            BA_VALUE, "group moves: found no sets and no rankings, wanted sets to test");
    }
    BA_TRY_ALLOC(group->names, ba_malloc(group->n, sizeof *group->names));
    BA_TRY_ALLOC(group->sets, ba_malloc(group->n, sizeof *group->sets));
    for (size_t s = 0; s < sets->n; s++) {
        group->names[s] = sets->names[s];
        group->sets[s] = (ba_align_set_t){
            sets->neurons + sets->start[s], sets->start[s + 1] - sets->start[s]};
    }
    for (size_t c = 0; sets->n + c < group->n; c++) {
        group->names[sets->n + c] = concepts->names[c];
        group->sets[sets->n + c] =
            (ba_align_set_t){concepts->neurons + c * concepts->top, concepts->top};
    }
out:
    return status;
}

/* Targets with a score by region and subject, subjects with one by region. */
static int
count_targets(ba_align_group_t *group)
{
    int status = BA_OK;
    const ba_aligning_t *a = group->aligning;
    size_t n_regions = group->regions->n, n = group->n_subjects;

    BA_TRY_ALLOC(group->n_targets, ba_calloc(n_regions, n * sizeof *group->n_targets));
    BA_TRY_ALLOC(group->n_used, ba_calloc(n_regions, sizeof *group->n_used));
    for (size_t t = 0; t < a->n_targets; t++) {
        size_t r = group->regions->region[t], s = group->subjects.region[t];

        if (s > 0 && ba_align_folds_of(a, t) > 0) {
            group->n_targets[s - 1]++;
            group->n_targets[r * n + s - 1] += r > 0;
        }
    }
    for (size_t i = 0; i < n_regions * n; i++) {
        group->n_used[i / n] += group->n_targets[i] > 0;
    }
    if (group->n_used[0] < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu subject%s with a scored target, wanted 2 or more for a group",
            a->opts->subjects ? a->opts->subjects : a->opts->encoder, group->n_used[0],
            group->n_used[0] == 1 ? "" : "s"));
    }
out:
    return status;
}

static int
make_results(ba_align_group_t *group)
{
    int status;
    ba_align_group_tests_t *tests = &group->tests;
    size_t n = group->n * group->regions->n, size;
    double **const lists[] = {&tests->mean, &tests->t, &tests->p_t, &tests->p_wilcoxon,
        &tests->p_flip, &tests->p_flip_fwe, &tests->null_mean, &tests->null_deviation,
        &tests->z, &tests->p, &tests->q, &tests->p_fwe};
    double bytes = sizeof(double) * (double) n * (double) group->n_moves;

    if (bytes > (double) ba_ctx_memory(group->ctx) / 4) {
        return ba_fail(BA_TOO_LARGE,
            "%zu sets, %zu regions, %zu moves need %.3g GiB, wanted at most %.3g: fewer "
            "moves or regions",
            group->n, group->regions->n, group->n_moves, bytes * 0x1p-30,
            (double) ba_ctx_memory(group->ctx) / 4 * 0x1p-30);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        BA_TRY_ALLOC(*lists[i], ba_malloc(n, sizeof **lists[i]));
    }
    BA_TRY(ba_multiply(n, group->n_subjects, &size));
    BA_TRY_ALLOC(group->scores, ba_calloc(size, sizeof *group->scores));
    BA_TRY(ba_multiply(n, group->n_moves, &size));
    BA_TRY_ALLOC(group->moved, ba_calloc(size, sizeof *group->moved));
out:
    return status;
}

int
ba_align_group_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, const ba_align_sets_t *sets,
    const ba_align_concepts_t *concepts, ba_align_group_t *out)
{
    int status = BA_OK;
    const ba_align_opts_t *opts = aligning->opts;

    *out = (ba_align_group_t){
        .ctx = ctx, .aligning = aligning, .regions = regions, .n_moves = opts->n_moves};
    if (opts->n_moves == 0) {
        if (opts->group_table || opts->subjects) {
            return ba_fail(BA_VALUE,
                "%s: found no moves of the group, wanted some to test with",
                opts->group_table ? "group table" : "subjects");
        }
        return BA_OK;
    }
    BA_TRY(list_sets(out, sets, concepts));
    BA_TRY(read_subjects(out));
    BA_TRY(count_targets(out));
    BA_TRY(make_results(out));
out:
    return status;
}

/* ---- tests ---- */

/* A unit that has fewer than 2 subjects has no test. */
static void
leave_out(ba_align_group_t *group, size_t at)
{
    ba_align_group_tests_t *tests = &group->tests;
    double *const all[] = {tests->mean, tests->t, tests->p_t, tests->p_wilcoxon,
        tests->p_flip, tests->p_flip_fwe, tests->null_mean, tests->null_deviation,
        tests->z, tests->p, tests->q, tests->p_fwe};

    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        all[k][at] = NAN;
    }
}

/* One set in one region. */
static int
test_one(ba_align_group_t *group, size_t at)
{
    int status;
    ba_align_group_tests_t *tests = &group->tests;
    size_t n = group->n_subjects, n_moves = group->n_moves, n_used;
    const double *scores = group->scores + at * n, *moved = group->moved + at * n_moves;
    double mean = 0.0, squares = 0.0;

    tests->mean[at] = ba_subjects_mean(scores, n, &n_used);
    tests->t[at] = ba_subjects_t(scores, n, &tests->p_t[at]);
    BA_TRY(ba_subjects_wilcoxon(scores, n, &tests->p_wilcoxon[at]));
    for (size_t b = 0; b < n_moves; b++) {
        mean += moved[b] / (double) n_moves;
    }
    for (size_t b = 0; b < n_moves; b++) {
        squares += (moved[b] - mean) * (moved[b] - mean);
    }
    tests->null_mean[at] = mean;
    tests->null_deviation[at] =
        n_moves > 1 ? sqrt(squares / ((double) n_moves - 1.0)) : (double) NAN;
    tests->z[at] = tests->null_deviation[at] > 0.0
                       ? (tests->mean[at] - mean) / tests->null_deviation[at]
                       : (double) NAN;
    ba_p_of_null(&tests->mean[at], ba_cdmat(moved, n_moves, 1, n_moves), BA_TAIL_GREATER,
        &tests->p[at]);
out:
    return status;
}

/* What the units of a family have in common: all targets (region 0), or sets x regions.
 * at: places of n units. */
static int
test_family(ba_align_group_t *group, const size_t *at, size_t n)
{
    int status = BA_OK;
    ba_align_group_tests_t *tests = &group->tests;
    size_t s = group->n_subjects;
    const double **columns = NULL;
    double *scores = NULL, *room = NULL;

    BA_TRY_ALLOC(columns, ba_malloc(n, sizeof *columns));
    BA_TRY_ALLOC(scores, ba_malloc(s, n * sizeof *scores));
    BA_TRY_ALLOC(room, ba_malloc(3 * n, sizeof *room));
    for (size_t i = 0; i < n; i++) {
        columns[i] = group->moved + at[i] * group->n_moves;
        memcpy(scores + i * s, group->scores + at[i] * s, s * sizeof *scores);
        room[i] = tests->mean[at[i]];
        room[n + i] = tests->p[at[i]];
    }
    BA_TRY(ba_p_of_scaled_maxima(room, columns, n, group->n_moves, room + 2 * n));
    BA_TRY(ba_fdr_bh(room + n, n, room + n));
    for (size_t i = 0; i < n; i++) {
        tests->p_fwe[at[i]] = room[2 * n + i];
        tests->q[at[i]] = room[n + i];
    }
    BA_TRY(ba_subjects_flip(scores, s, n, N_FLIPS, group->ctx ? group->ctx->seed : 0,
        room, room + n, &tests->n_flips));
    for (size_t i = 0; i < n; i++) {
        tests->p_flip[at[i]] = room[i];
        tests->p_flip_fwe[at[i]] = room[n + i];
    }
out:
    ba_free(columns);
    ba_free(scores);
    ba_free(room);
    return status;
}

static int
test(ba_align_group_t *group)
{
    int status = BA_OK;
    size_t n_regions = group->regions->n, n_units = group->n * n_regions, *list = NULL;

    BA_TRY_ALLOC(list, ba_malloc(n_units, sizeof *list));
    for (size_t at = 0; at < n_units; at++) {
        if (group->n_used[at % n_regions] < 2) {
            leave_out(group, at);
        } else {
            BA_TRY(test_one(group, at));
        }
    }
    for (size_t family = 0; family < (n_regions > 1 ? 2 : 1); family++) {
        size_t n = 0;

        for (size_t at = 0; at < n_units; at++) {
            if ((at % n_regions > 0) == (family > 0) &&
                group->n_used[at % n_regions] > 1) {
                list[n++] = at;
            }
        }
        if (n > 0) {
            BA_TRY(test_family(group, list, n));
        }
    }
out:
    ba_free(list);
    return status;
}

int
ba_align_group_run(ba_align_group_t *group)
{
    int status = BA_OK;
    size_t n = group->n_subjects, n_regions = group->regions ? group->regions->n : 0;

    if (group->n == 0) {
        return BA_OK;
    }
    ba_ctx_log(group->ctx, BA_LOG_WARNING,
        "t, Wilcoxon and sign flips take subjects as independent, which they are not "
        "where all heard the same stimulus, and a set that adds nothing as adding 0, "
        "where it "
        "costs something: p of the moves is the test");
    BA_TRY(ba_align_group_move(group));
    for (size_t i = 0; i < group->n * n_regions * n; i++) {
        if (group->n_targets[i % (n_regions * n)] == 0) {
            group->scores[i] = NAN;
        }
    }
    BA_TRY(test(group));
out:
    return status;
}

void
ba_align_group_sum_up(const ba_align_group_t *group, ba_align_info_t *info)
{
    size_t n = group->n > 0 ? group->n * group->regions->n : 0;

    info->n_group[0] = ba_count_below(group->tests.p, n, 0.05);
    info->n_group[1] = ba_count_below(group->tests.q, n, 0.05);
    info->n_group[2] = ba_count_below(group->tests.p_t, n, 0.05);
}
