/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which target counts for whom. */
#include "encode/group_impl.h"

#include "brainalign/table.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Index of a name in a list that grows. */
static int
find_name(char ***names, size_t *n, const char *name, size_t *at)
{
    int status = BA_OK;
    char **grown;

    for (*at = 0; *at < *n; (*at)++) {
        if (strcmp((*names)[*at], name) == 0) {
            return BA_OK;
        }
    }
    BA_TRY_ALLOC(grown, ba_realloc(*names, *n + 1, sizeof *grown));
    *names = grown;
    BA_TRY_ALLOC(grown[*n], ba_strdup(name));
    (*n)++;
out:
    return status;
}

static int
compare_members(const void *a, const void *b)
{
    const member_t *x = a, *y = b;

    return (x->target > y->target) - (x->target < y->target);
}

/* labels: subject of each target, NULL = the file is one. */
static int
add_regions(group_t *group, size_t f, const char *const *labels, size_t subject)
{
    int status;
    ba_regions_t regions = {0};
    size_t n_all = 0, n = 0;

    BA_TRY(ba_fitted_regions(
        group->ctx, &group->files[f], group->opts->rois, group->opts->n_rois, &regions));
    for (size_t i = 0; i < regions.n; i++) {
        n_all += regions.n_members[i];
    }
    BA_TRY_ALLOC(group->members[f], ba_malloc(n_all, sizeof **group->members));
    for (size_t i = 0; i < regions.n; i++) {
        size_t unit;

        BA_TRY(find_name(&group->units, &group->n_units, regions.names[i], &unit));
        for (size_t k = 0; k < regions.n_members[i]; k++) {
            size_t target = regions.members[i][k];

            if (labels && !labels[target]) {
                continue;
            }
            if (labels) {
                BA_TRY(find_name(
                    &group->subjects, &group->n_subjects, labels[target], &subject));
            }
            group->members[f][n++] = (member_t){target, subject, unit};
        }
    }
    qsort(group->members[f], n, sizeof **group->members, compare_members);
    group->n_members[f] = n;
out:
    ba_regions_free(&regions);
    return status;
}

/* Every target of a common space is a unit. */
static int
add_targets(group_t *group, size_t f)
{
    int status;
    size_t n = group->files[f].n_targets;

    BA_TRY(ba_fitted_same(&group->files[0], &group->files[f], BA_SAME_TARGETS));
    BA_TRY_ALLOC(group->members[f], ba_malloc(n, sizeof **group->members));
    for (size_t t = 0; t < n; t++) {
        group->members[f][t] = (member_t){t, f, t};
    }
    group->n_members[f] = n;
out:
    return status;
}

static int
name_targets(group_t *group)
{
    int status = BA_OK;
    const ba_fitted_t *first = &group->files[0];

    BA_TRY_ALLOC(group->units, ba_calloc(first->n_targets, sizeof *group->units));
    group->n_units = first->n_targets;
    for (size_t t = 0; t < first->n_targets; t++) {
        BA_TRY_ALLOC(group->units[t], first->names
                                          ? ba_strdup(first->names[t])
                                          : ba_asprintf("%zu", first->target_start + t));
    }
out:
    return status;
}

/* FILE.tsv[:COLUMN]. */
static int
add_by_label(group_t *group)
{
    int status;
    ba_spec_t spec = {.file = NULL};
    ba_table_t *table = NULL;
    const char **labels = NULL;
    ba_places_t places = ba_fitted_places(&group->files[0]);

    BA_TRY(ba_spec_parse(group->opts->subjects, &spec));
    BA_TRY(ba_regions_labels(
        &places, spec.file, spec.path ? spec.path : "subject", &table, &labels));
    BA_TRY(add_regions(group, 0, labels, 0));
    if (group->n_subjects == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: no target of a region has a subject, wanted some",
            group->opts->subjects));
    }
out:
    ba_table_free(table);
    ba_free(labels);
    ba_spec_free(&spec);
    return status;
}

static int
add_by_file(group_t *group)
{
    int status = BA_OK;

    for (size_t f = 0; f < group->n_files; f++) {
        size_t subject;

        BA_TRY(find_name(
            &group->subjects, &group->n_subjects, group->files[f].path, &subject));
        if (subject != f) {
            BA_TRY(
                ba_fail(BA_VALUE, "%s: given twice, wanted once", group->files[f].path));
        }
        if (group->has_regions) {
            BA_TRY(add_regions(group, f, NULL, f));
        } else {
            BA_TRY(add_targets(group, f));
        }
    }
    if (!group->has_regions) {
        BA_TRY(name_targets(group));
    }
out:
    return status;
}

/* ---- scores ---- */

static double
score_of(const group_t *group, size_t f, size_t target)
{
    return group->opts->score == BA_SCORE_R ? group->files[f].r[target]
                                            : group->files[f].r2[target];
}

static int
find_scores(group_t *group)
{
    int status = BA_OK;
    size_t n = group->n_subjects * group->n_units;

    BA_TRY_ALLOC(group->scores, ba_calloc(n, sizeof *group->scores));
    BA_TRY_ALLOC(group->n_defined, ba_calloc(n, sizeof *group->n_defined));
    BA_TRY_ALLOC(group->n_scored, ba_calloc(group->n_units, sizeof *group->n_scored));
    for (size_t f = 0; f < group->n_files; f++) {
        for (size_t k = 0; k < group->n_members[f]; k++) {
            const member_t *member = &group->members[f][k];
            size_t at = member->subject + member->unit * group->n_subjects;
            double score = score_of(group, f, member->target);

            if (isfinite(score)) {
                group->scores[at] += score;
                group->n_defined[at]++;
            }
        }
    }
    for (size_t at = 0; at < n; at++) {
        group->scores[at] = group->n_defined[at] > 0
                                ? group->scores[at] / (double) group->n_defined[at]
                                : (double) NAN;
        group->n_scored[at / group->n_subjects] += group->n_defined[at] > 0;
    }
out:
    return status;
}

static int
open_files(group_t *group)
{
    int status = BA_OK;
    const ba_group_opts_t *opts = group->opts;

    BA_TRY_ALLOC(group->files, ba_calloc(opts->n_files, sizeof *group->files));
    group->n_files = opts->n_files;
    BA_TRY_ALLOC(group->members, ba_calloc(opts->n_files, sizeof *group->members));
    BA_TRY_ALLOC(group->n_members, ba_calloc(opts->n_files, sizeof *group->n_members));
    for (size_t f = 0; f < opts->n_files; f++) {
        BA_TRY(ba_fitted_open(opts->files[f], &group->files[f]));
        if (group->files[f].n_outer == 0) {
            BA_TRY(ba_fail(BA_MISSING,
                "%s: no scores, wanted a fit with outer splits or "
                "a test set",
                opts->files[f]));
        }
        if (opts->null != BA_GROUP_NONE) {
            BA_TRY(ba_fitted_same(&group->files[0], &group->files[f], BA_SAME_SPLITS));
        }
    }
out:
    return status;
}

int
ba_group_panel(group_t *group)
{
    int status;
    const ba_group_opts_t *opts = group->opts;

    group->has_regions = opts->n_rois > 0;
    if (opts->n_files == 0) {
        return ba_fail(BA_VALUE, "files: none given, wanted one for each subject");
    }
    if (opts->subjects && (opts->n_files != 1 || !group->has_regions)) {
        return ba_fail(BA_VALUE,
            "%s: subjects of the targets of one file, found %zu "
            "files%s",
            opts->subjects, opts->n_files,
            group->has_regions ? "" : " and no regions, wanted them");
    }
    BA_TRY(open_files(group));
    BA_TRY(opts->subjects ? add_by_label(group) : add_by_file(group));
    BA_TRY(find_scores(group));
out:
    return status;
}
