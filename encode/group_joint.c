/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The null of a common stimulus, given the fitted models: the coefficients of the stored
 * predictions of all subjects get the same random signs, so that what subjects share by
 * the stimulus and what their responses have in common stay as they are. */
#include "encode/group_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

typedef struct {
    group_t *group;
    ba_null_t *null;
    ba_null_tile_t *tile;
    double *sums;   /* n_permutations x n_units */
    double *maxima; /* not looked at */
} joint_t;

/* Members with targets first .. first + n - 1, from *at on. */
static void
add_members(joint_t *joint, size_t f, size_t first, size_t n, size_t *at)
{
    const group_t *group = joint->group;
    size_t n_permutations = group->n_permutations;

    for (; *at < group->n_members[f] && group->members[f][*at].target < first + n;
         (*at)++) {
        const member_t *member = &group->members[f][*at];
        const double *values = ba_null_tile_values(joint->tile, member->target - first);
        double weight = ba_group_weight(group, member);

        for (size_t b = 0; values && b < n_permutations; b++) {
            joint->sums[b + member->unit * n_permutations] += weight * values[b];
        }
    }
}

static int
run_tile(
    joint_t *joint, ba_held_t *held, size_t f, size_t t, double *predictions, size_t *at)
{
    int status;
    const group_t *group = joint->group;
    size_t first, n;
    double observed[BA_TILE], p[BA_TILE];

    BA_TRY(ba_held_load(held, t, &first, &n));
    BA_TRY(ba_held_predictions(held, &group->files[f], t, predictions));
    BA_TRY(ba_null_tile_begin(
        joint->tile, group->opts->score == BA_SCORE_R ? BA_NULL_R : BA_NULL_R2, n));
    for (size_t k = 0; k < held->n_folds; k++) {
        size_t start = held->start[k], rows = held->start[k + 1] - start;
        ba_null_fold_t fold = {
            .responses = ba_cdmat(held->responses + start, rows, n, held->n_held),
            .predictions = ba_cdmat(predictions + start, rows, n, held->n_held)};

        BA_TRY(ba_null_tile_add(joint->tile, k, &fold));
    }
    ba_null_tile_finish(
        joint->tile, BA_TAIL_GREATER, &(ba_null_result_t){observed, p, joint->maxima});
    add_members(joint, f, first, n, at);
out:
    return status;
}

/* The permutations are those of the folds of the first file. */
static int
start(joint_t *joint, const ba_held_t *held)
{
    int status;
    group_t *group = joint->group;
    ba_null_opts_t opts = ba_null_opts_default();

    opts.n_permutations = group->opts->n_permutations;
    opts.seed = group->opts->seed;
    opts.is_crossed = 1;
    BA_TRY(ba_null_new(&opts, held->folds, held->n_folds, &joint->null));
    group->n_permutations = ba_null_info(joint->null, BA_NULL_R).n_permutations;
    group->smallest_p = ba_null_info(joint->null, BA_NULL_R).smallest_p;
    BA_TRY(ba_group_check_memory(group, group->n_units));
    BA_TRY(ba_null_tile_new(joint->null, &joint->tile));
    BA_TRY_ALLOC(joint->sums,
        ba_calloc(group->n_permutations, group->n_units * sizeof *joint->sums));
    BA_TRY_ALLOC(joint->maxima, ba_calloc(group->n_permutations, sizeof *joint->maxima));
out:
    return status;
}

static int
run_file(joint_t *joint, size_t f)
{
    int status;
    const group_t *group = joint->group;
    ba_held_t held = {0};
    double *predictions = NULL;
    size_t at = 0;

    BA_TRY(ba_held_open(
        group->ctx, group->opts->sources[f].dataset, &group->files[f], &held));
    if (f == 0) {
        BA_TRY(start(joint, &held));
    }
    BA_TRY_ALLOC(predictions, ba_malloc(held.n_held, BA_TILE * sizeof *predictions));
    for (size_t t = 0; t < ba_tiles_count(held.tiles); t++) {
        BA_TRY(run_tile(joint, &held, f, t, predictions, &at));
    }
    BA_TRY(ba_held_check(&held));
out:
    ba_held_close(&held);
    ba_free(predictions);
    return status;
}

int
ba_group_joint(group_t *group)
{
    int status = BA_OK;
    joint_t joint = {.group = group};

    ba_blas_single_thread();
    for (size_t f = 0; f < group->n_files; f++) {
        BA_TRY(run_file(&joint, f));
        ba_ctx_progress(group->ctx, "null", (double) (f + 1), (double) group->n_files);
    }
    BA_TRY(ba_group_p(group, joint.sums));
out:
    ba_null_tile_free(joint.tile);
    ba_null_free(joint.null);
    ba_free(joint.sums);
    ba_free(joint.maxima);
    return status;
}
