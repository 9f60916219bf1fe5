/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Subjects who heard the same stimulus in neurons align: what sets of neurons and those of
 * concepts add, over subjects, and the test against the stimulus that they share. */
#ifndef BA_NEURONS_ALIGNING_GROUP_H
#define BA_NEURONS_ALIGNING_GROUP_H

#include "neurons/aligning_concepts.h"
#include "neurons/aligning_sets.h"

/* n sets (those of /sets, then those of concepts) x n_regions each. */
typedef struct {
    double *mean, *t, *p_t, *p_wilcoxon, *p_flip, *p_flip_fwe;
    double *null_mean, *null_deviation, *z, *p, *q, *p_fwe;
    size_t n_flips;
} ba_align_group_tests_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_aligning_t *aligning;
    const ba_align_regions_t *regions;
    ba_align_regions_t subjects; /* as regions: of each target, from 1 */
    size_t n, n_of_sets;         /* sets; the first are those of /sets */
    const char **names;
    ba_align_set_t *sets;
    size_t n_subjects, n_moves;
    double *scores; /* n x n_regions x n_subjects: mean delta_r2 of a subject's targets,
                       NaN where there are none */
    double *moved;  /* n x n_regions x n_moves: means over subjects */
    /* by region and subject: targets with a score; by region: subjects with one */
    size_t *n_targets, *n_used;
    ba_align_group_tests_t tests;
} ba_align_group_t;

/* n = 0 where no group is asked for. BA_SHAPE: not one label a target, fewer than 2
 * subjects; BA_VALUE: no sets; BA_TOO_LARGE. concepts may be NULL. Free in any case. */
int ba_align_group_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, const ba_align_sets_t *sets,
    const ba_align_concepts_t *concepts, ba_align_group_t *out) BA_MUST_USE;
void ba_align_group_free(ba_align_group_t *group);

int ba_align_group_run(ba_align_group_t *group) BA_MUST_USE;

/* Counts for the caller. */
void ba_align_group_sum_up(const ba_align_group_t *group, ba_align_info_t *info);

/* aligning_group_moves.c: scores and moved, all folds. */
int ba_align_group_move(ba_align_group_t *group) BA_MUST_USE;

/* aligning_group_file.c: /group, and a line for each set and region, finished but not
 * committed. */
int ba_align_group_write(const ba_align_group_t *group, ba_bundle_t *bundle) BA_MUST_USE;
int ba_align_group_write_table(const ba_align_group_t *group, const char *file, int force,
    ba_table_writer_t **out) BA_MUST_USE;

#endif
