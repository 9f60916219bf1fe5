/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Subjects and regions: from result files to a group. */
#include "encode/group_impl.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "encode/compare_impl.h"
#include "encode/score_table.h"
#include "model/subjects.h"

#include <math.h>
#include <string.h>

#define LEVEL 0.05

ba_group_opts_t
ba_group_opts_default(void)
{
    return (ba_group_opts_t){.score = BA_SCORE_R,
        .n_bootstrap = 1000,
        .n_permutations = 1000,
        .n_flips = 10000};
}

int
ba_group_check_memory(const group_t *group, size_t each)
{
    double bytes = 8.0 * (double) group->n_permutations * (double) each;
    double allowed = (double) ba_ctx_memory(group->ctx) / 4;

    if (bytes > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "memory: %zu permutations of %zu numbers need %.0f MiB, allowed are %.0f MiB "
            "(fewer permutations, or regions, need less)",
            group->n_permutations, each, ceil(bytes / 1048576), floor(allowed / 1048576));
    }
    return BA_OK;
}

int
ba_group_p(group_t *group, const double *null)
{
    int status = BA_OK;
    size_t n = group->n_permutations;
    double *maxima = NULL;
    ba_cdmat_t all = {null, n, group->n_units, n};

    BA_TRY_ALLOC(maxima, ba_malloc(n, sizeof *maxima));
    ba_p_of_null(group->mean, all, BA_TAIL_GREATER, group->p);
    ba_maxima_of_null(all, BA_TAIL_GREATER, maxima);
    BA_TRY(ba_p_of_maxima(
        group->mean, group->n_units, maxima, n, BA_TAIL_GREATER, group->p_fwe));
    BA_TRY(ba_fdr_bh(group->p, group->n_units, group->q));
out:
    ba_free(maxima);
    return status;
}

/* ---- over subjects ---- */

/* The interval of a mean: draws are shared by all units. values: n, NaN left out. */
static void
interval(const double *counts, size_t n_draws, const double *values, size_t n,
    double *draws, double *low, double *high)
{
    for (size_t b = 0; b < n_draws; b++) {
        double sum = 0.0, weight = 0.0;

        for (size_t i = 0; i < n; i++) {
            double count = isfinite(values[i]) ? counts[b + i * n_draws] : 0.0;

            sum += count > 0.0 ? count * values[i] : 0.0;
            weight += count;
        }
        draws[b] = sum / weight;
    }
    ba_compare_interval(draws, n_draws, low, high);
}

static int
over_subjects(group_t *group)
{
    int status = BA_OK;
    const ba_group_opts_t *opts = group->opts;
    size_t n = group->n_subjects, n_used;
    double *counts = NULL, *draws = NULL;

    BA_TRY(ba_compare_draws(opts->seed, opts->n_bootstrap, n, &counts));
    BA_TRY_ALLOC(draws, ba_malloc(opts->n_bootstrap, sizeof *draws));
    for (size_t u = 0; u < group->n_units; u++) {
        const double *scores = group->scores + u * n;

        group->mean[u] = ba_subjects_mean(scores, n, &n_used);
        BA_TRY(ba_subjects_median(scores, n, &group->median[u]));
        interval(
            counts, opts->n_bootstrap, scores, n, draws, &group->low[u], &group->high[u]);
        group->t[u] = ba_subjects_t(scores, n, &group->p_t[u]);
        BA_TRY(ba_subjects_wilcoxon(scores, n, &group->p_wilcoxon[u]));
    }
    BA_TRY(ba_subjects_flip(group->scores, n, group->n_units, opts->n_flips, opts->seed,
        group->p_flip, group->p_flip_fwe, &group->n_flips));
out:
    ba_free(counts);
    ba_free(draws);
    return status;
}

/* One subject: mean and median over the targets of a region, bootstrap over folds. */
static int
over_targets(group_t *group)
{
    int status = BA_OK;
    const ba_group_opts_t *opts = group->opts;
    const ba_fitted_t *file = &group->files[0];
    size_t folds = file->n_outer, v = file->n_targets, n_used;
    double *counts = NULL, *draws = NULL, *values = NULL, *by_fold = NULL;

    BA_TRY(ba_compare_draws(opts->seed, opts->n_bootstrap, folds, &counts));
    BA_TRY_ALLOC(draws, ba_malloc(opts->n_bootstrap, sizeof *draws));
    BA_TRY_ALLOC(values, ba_malloc(v, sizeof *values));
    BA_TRY_ALLOC(by_fold, ba_malloc(folds, sizeof *by_fold));
    for (size_t u = 0; u < group->n_units; u++) {
        for (size_t f = 0; f <= folds; f++) { /* the last: over all folds */
            const double *scores =
                f == folds
                    ? (opts->score == BA_SCORE_R ? file->r : file->r2)
                    : (opts->score == BA_SCORE_R ? file->r_by_fold : file->r2_by_fold) +
                          f * v;
            size_t n = 0;

            for (size_t k = 0; k < group->n_members[0]; k++) {
                if (group->members[0][k].unit == u && n < v) {
                    values[n++] = scores[group->members[0][k].target];
                }
            }
            if (f < folds) {
                by_fold[f] = ba_subjects_mean(values, n, &n_used);
            } else {
                group->mean[u] = ba_subjects_mean(values, n, &n_used);
                BA_TRY(ba_subjects_median(values, n, &group->median[u]));
            }
        }
        if (folds > 2) {
            interval(counts, opts->n_bootstrap, by_fold, folds, draws, &group->low[u],
                &group->high[u]);
        }
    }
out:
    ba_free(counts);
    ba_free(draws);
    ba_free(values);
    ba_free(by_fold);
    return status;
}

/* ---- all ---- */

static int
make_units(group_t *group)
{
    double **lists[] = {&group->mean, &group->median, &group->low, &group->high,
        &group->t, &group->p_t, &group->p_wilcoxon, &group->p_flip, &group->p_flip_fwe,
        &group->p, &group->p_fwe, &group->q, &group->t_rate};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        *lists[i] = ba_malloc(group->n_units, sizeof **lists[i]);
        if (!*lists[i]) {
            return BA_NOMEM;
        }
        for (size_t u = 0; u < group->n_units; u++) {
            (*lists[i])[u] = NAN;
        }
    }
    return BA_OK;
}

static int
work(group_t *group)
{
    int status;
    const ba_group_opts_t *opts = group->opts;

    BA_TRY(ba_group_panel(group));
    BA_TRY(make_units(group));
    if (group->n_subjects == 1) {
        if (opts->null != BA_GROUP_NONE || !group->has_regions) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: one subject, wanted 2 or more for a group (--rois alone sums up "
                "one)",
                group->subjects[0]));
        }
        BA_TRY(over_targets(group));
    } else {
        ba_ctx_log(group->ctx, BA_LOG_WARNING,
            "t, Wilcoxon and sign flips ask whether scores are above 0 over subjects; "
            "where all heard the same stimulus they do not say that its features matter "
            "(a shifted stimulus passes them too): %s",
            opts->null == BA_GROUP_NONE
                ? "the test for that is --null refit, shift or joint"
                : "p of the null is the test for that");
        BA_TRY(over_subjects(group));
    }
    if (opts->dry_run) {
        goto out;
    }
    if (opts->null == BA_GROUP_JOINT) {
        BA_TRY(ba_group_joint(group));
    } else if (opts->null != BA_GROUP_NONE) {
        BA_TRY(ba_group_refit(group));
    }
    BA_TRY(ba_group_write(group));
out:
    return status;
}

static void
sum_up(const group_t *group, ba_group_info_t *info)
{
    size_t n = group->n_units, n_used;

    *info = (ba_group_info_t){.n_subjects = group->n_subjects, .n_units = n};
    info->n_permutations = group->n_permutations;
    info->smallest_p = group->smallest_p;
    info->mean = ba_subjects_mean(group->mean, n, &n_used);
    info->n_p = ba_count_below(group->p, n, LEVEL);
    info->n_fwe = ba_count_below(group->p_fwe, n, LEVEL);
    info->n_t = ba_count_below(group->p_t, n, LEVEL);
    info->t_rate = ba_subjects_mean(group->t_rate, n, &n_used);
}

static void
tear_down(group_t *group)
{
    double *lists[] = {group->mean, group->median, group->low, group->high, group->t,
        group->p_t, group->p_wilcoxon, group->p_flip, group->p_flip_fwe, group->p,
        group->p_fwe, group->q, group->t_rate, group->scores};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        ba_free(lists[i]);
    }
    for (size_t f = 0; f < group->n_files; f++) {
        ba_fitted_close(&group->files[f]);
        ba_free(group->members ? group->members[f] : NULL);
    }
    for (size_t i = 0; i < group->n_subjects; i++) {
        ba_free(group->subjects[i]);
    }
    for (size_t i = 0; group->units && i < group->n_units; i++) {
        ba_free(group->units[i]);
    }
    ba_free(group->files);
    ba_free(group->members);
    ba_free(group->n_members);
    ba_free(group->subjects);
    ba_free(group->units);
    ba_free(group->n_defined);
    ba_free(group->n_scored);
}

int
ba_encode_group(const ba_ctx_t *ctx, const ba_group_opts_t *opts, ba_group_info_t *info)
{
    int status;
    group_t group = {.ctx = ctx, .opts = opts, .smallest_p = NAN};

    BA_TRY(ba_score_outputs_check(NULL, opts->output, opts->table, NULL, opts->force));
    BA_TRY(ba_group_check_maps(opts));
    BA_TRY(work(&group));
    if (info) {
        sum_up(&group, info);
    }
out:
    tear_down(&group);
    return status;
}
