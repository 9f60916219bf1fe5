/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a group analysis share: who is what (group_panel.c), statistics over
 * subjects (group.c), nulls (group_joint.c, group_refit.c), outputs (group_write.c). */
#ifndef BA_ENCODE_GROUP_IMPL_H
#define BA_ENCODE_GROUP_IMPL_H

#include "brainalign/compare.h"
#include "encode/fitted.h"

/* A target that counts for a subject's unit. */
typedef struct {
    size_t target, subject, unit;
} member_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_group_opts_t *opts;
    size_t n_files, n_subjects, n_units;
    ba_fitted_t *files;
    char **subjects, **units;
    int has_regions;
    member_t **members; /* of each file, ascending targets */
    size_t *n_members;
    size_t *n_defined; /* n_subjects x n_units (column a unit): targets with a score */
    size_t *n_scored;  /* n_units: subjects with a score */
    double *scores;    /* n_subjects x n_units */
    double *mean, *median, *low, *high, *t, *p_t, *p_wilcoxon, *p_flip, *p_flip_fwe;
    double *p, *p_fwe, *q, *t_rate; /* n_units: of the null asked for */
    size_t n_flips, n_permutations;
    double smallest_p;
} group_t;

/* Opens the files and settles subjects, units, members and scores. */
int ba_group_panel(group_t *group) BA_MUST_USE;

/* The share that a target has in its unit's mean over subjects of means over targets. */
static inline double
ba_group_weight(const group_t *group, const member_t *member)
{
    size_t n = group->n_defined[member->subject + member->unit * group->n_subjects];

    return n > 0 ? 1.0 / ((double) n * (double) group->n_scored[member->unit]) : 0.0;
}

/* p, p_fwe and q from null (n_permutations x n_units). */
int ba_group_p(group_t *group, const double *null) BA_MUST_USE;

int ba_group_joint(group_t *group) BA_MUST_USE;
int ba_group_refit(group_t *group) BA_MUST_USE;
int ba_group_write(const group_t *group) BA_MUST_USE;

/* BA_EXISTS where the map, or one beside it, stands in the way. */
int ba_group_check_maps(const ba_group_opts_t *opts) BA_MUST_USE;

/* BA_TOO_LARGE unless n_permutations x `each` numbers fit a quarter of the budget. */
int ba_group_check_memory(const group_t *group, size_t each) BA_MUST_USE;

#endif
