/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models of the same responses side by side.
 *
 * The best of several models has too high a score when the same data choose and score it.
 * So for every fold the model is chosen by its mean score over the other folds and scored
 * on this one: score = mean over folds of s(argmax_m mean_{g != f} s_mg, f). The centre of
 * mass is sum_m m max(s_m, 0) / sum_m max(s_m, 0), models counted from 0 in the order
 * given. A region's score is the mean over its targets, before any choice. */
#include "encode/compare_impl.h"

#include "core/alloc.h"
#include "encode/score_table.h"

#include <math.h>
#include <string.h>

ba_compare_opts_t
ba_compare_opts_default(void)
{
    return (ba_compare_opts_t){
        .score = BA_SCORE_R, .n_bootstrap = 1000, .n_permutations = 1000};
}

/* ---- choosing ---- */

/* scores: n_models x n_folds of one unit. Mean of model m without fold f (SIZE_MAX =
 * all), over the folds where it is defined. */
static double
mean_without(const double *scores, size_t n_folds, size_t m, size_t f)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t g = 0; g < n_folds; g++) {
        if (g != f && isfinite(scores[m * n_folds + g])) {
            sum += scores[m * n_folds + g];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

/* Ties go to the first. */
static int32_t
choose(const double *scores, size_t n_models, size_t n_folds, size_t f)
{
    int32_t best = -1;
    double most = -INFINITY;

    for (size_t m = 0; m < n_models; m++) {
        double mean = mean_without(scores, n_folds, m, f);

        if (mean > most) {
            most = mean;
            best = (int32_t) m;
        }
    }
    return best;
}

static double
centre_of_mass(const double *scores, size_t n_models, size_t n_folds)
{
    double sum = 0.0, moment = 0.0;

    for (size_t m = 0; m < n_models; m++) {
        double weight = fmax(mean_without(scores, n_folds, m, SIZE_MAX), 0.0);

        sum += weight;
        moment += (double) m * weight;
    }
    return sum > 0.0 ? moment / sum : (double) NAN;
}

/* Unit i from its scores by fold. */
static void
judge(const compare_t *compare, const double *scores, size_t i, comparison_t *out)
{
    size_t n_folds = compare->n_folds, n = 0;
    double sum = 0.0;

    out->best[i] = choose(scores, compare->n_models, n_folds, SIZE_MAX);
    out->centre[i] = centre_of_mass(scores, compare->n_models, n_folds);
    for (size_t f = 0; f < n_folds; f++) {
        int32_t m = n_folds > 1 ? choose(scores, compare->n_models, n_folds, f) : -1;

        out->best_fold[f * out->n + i] = m;
        if (m >= 0 && isfinite(scores[(size_t) m * n_folds + f])) {
            sum += scores[(size_t) m * n_folds + f];
            n++;
        }
    }
    out->chosen[i] = n > 0 ? sum / (double) n : (double) NAN;
}

static const double *
by_fold(const compare_t *compare, size_t m)
{
    return compare->opts->score == BA_SCORE_R ? compare->models[m].r_by_fold
                                              : compare->models[m].r2_by_fold;
}

static int
judge_targets(compare_t *compare)
{
    int status = BA_OK;
    size_t v = compare->n_targets, folds = compare->n_folds;
    double *scores = NULL;

    BA_TRY_ALLOC(scores, ba_malloc(compare->n_models, folds * sizeof *scores));
    for (size_t t = 0; t < v; t++) {
        for (size_t m = 0; m < compare->n_models; m++) {
            for (size_t f = 0; f < folds; f++) {
                scores[m * folds + f] = by_fold(compare, m)[f * v + t];
            }
            compare->targets.r[m * v + t] = compare->models[m].r[t];
            compare->targets.r2[m * v + t] = compare->models[m].r2[t];
        }
        judge(compare, scores, t, &compare->targets);
    }
out:
    ba_free(scores);
    return status;
}

/* Over the members of a region where defined. */
static double
mean_of(const double *values, const ba_regions_t *regions, size_t i)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t k = 0; k < regions->n_members[i]; k++) {
        double value = values[regions->members[i][k]];

        if (isfinite(value)) {
            sum += value;
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static int
judge_regions(compare_t *compare)
{
    int status = BA_OK;
    size_t v = compare->n_targets, folds = compare->n_folds, n = compare->regions.n;
    double *scores = NULL;

    BA_TRY_ALLOC(scores, ba_malloc(compare->n_models, folds * sizeof *scores));
    for (size_t i = 0; i < n; i++) {
        for (size_t m = 0; m < compare->n_models; m++) {
            for (size_t f = 0; f < folds; f++) {
                scores[m * folds + f] =
                    mean_of(by_fold(compare, m) + f * v, &compare->regions, i);
            }
            compare->rois.r[m * n + i] =
                mean_of(compare->models[m].r, &compare->regions, i);
            compare->rois.r2[m * n + i] =
                mean_of(compare->models[m].r2, &compare->regions, i);
        }
        judge(compare, scores, i, &compare->rois);
    }
out:
    ba_free(scores);
    return status;
}

/* ---- set-up ---- */

static int
new_numbers(size_t n, double **out)
{
    *out = ba_malloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = NAN;
    }
    return BA_OK;
}

static int
comparison_make(const compare_t *compare, size_t n, comparison_t *out)
{
    int status = BA_OK;
    size_t models = compare->n_models * n, pairs = compare->n_pairs * n;

    out->n = n;
    BA_TRY(new_numbers(models, &out->r));
    BA_TRY(new_numbers(models, &out->r2));
    BA_TRY(new_numbers(n, &out->chosen));
    BA_TRY(new_numbers(n, &out->centre));
    BA_TRY(new_numbers(pairs, &out->difference));
    BA_TRY(new_numbers(pairs, &out->low));
    BA_TRY(new_numbers(pairs, &out->high));
    BA_TRY(new_numbers(pairs, &out->p));
    BA_TRY(new_numbers(pairs, &out->q));
    BA_TRY_ALLOC(out->best, ba_calloc(n, sizeof *out->best));
    BA_TRY_ALLOC(out->best_fold, ba_calloc(compare->n_folds, n * sizeof *out->best_fold));
out:
    return status;
}

static void
comparison_free(comparison_t *comparison)
{
    ba_free(comparison->r);
    ba_free(comparison->r2);
    ba_free(comparison->chosen);
    ba_free(comparison->centre);
    ba_free(comparison->difference);
    ba_free(comparison->low);
    ba_free(comparison->high);
    ba_free(comparison->p);
    ba_free(comparison->q);
    ba_free(comparison->best);
    ba_free(comparison->best_fold);
}

/* Files of equal names in different folders are told apart by their paths. */
static int
settle_names(compare_t *compare)
{
    int status = BA_OK;

    for (size_t a = 0; a < compare->n_models; a++) {
        for (size_t b = 0; b < a; b++) {
            if (strcmp(compare->models[a].path, compare->models[b].path) == 0) {
                BA_TRY(ba_fail(
                    BA_VALUE, "%s: given twice, wanted once", compare->models[a].path));
            }
            if (strcmp(compare->models[a].name, compare->models[b].name) == 0) {
                char *path;

                BA_TRY_ALLOC(path, ba_strdup(compare->models[a].path));
                ba_free(compare->models[a].name);
                compare->models[a].name = path;
            }
        }
    }
out:
    return status;
}

static int
open_models(compare_t *compare)
{
    int status = BA_OK;
    const ba_compare_opts_t *opts = compare->opts;

    if (opts->n_files < 2 || opts->n_files > BA_MOST_MODELS) {
        return ba_fail(BA_VALUE, "files: %zu to compare, wanted 2 to %d", opts->n_files,
            BA_MOST_MODELS);
    }
    BA_TRY_ALLOC(compare->models, ba_calloc(opts->n_files, sizeof *compare->models));
    compare->n_models = opts->n_files;
    for (size_t m = 0; m < opts->n_files; m++) {
        BA_TRY(ba_fitted_open(opts->files[m], &compare->models[m]));
        BA_TRY(
            ba_fitted_same(&compare->models[0], &compare->models[m], BA_SAME_RESPONSES));
    }
    compare->n_folds = compare->models[0].n_outer;
    compare->n_targets = compare->models[0].n_targets;
    if (compare->n_folds == 0) {
        BA_TRY(ba_fail(BA_MISSING,
            "%s: no scores, wanted a fit with outer splits or a "
            "test set",
            compare->models[0].path));
    }
    BA_TRY(settle_names(compare));
out:
    return status;
}

static int
find_baseline(const compare_t *compare, size_t *out)
{
    const char *wanted = compare->opts->baseline;

    for (*out = 0; wanted && *out < compare->n_models; (*out)++) {
        const ba_fitted_t *model = &compare->models[*out];

        if (strcmp(model->name, wanted) == 0 || strcmp(model->path, wanted) == 0) {
            return BA_OK;
        }
    }
    return wanted ? ba_fail(BA_VALUE,
                        "baseline: '%s' is none of the files, wanted the name of one",
                        wanted)
                  : BA_OK;
}

static int
list_pairs(compare_t *compare)
{
    int status = BA_OK;
    size_t n = compare->n_models, baseline, most = n * (n - 1) / 2 + n;

    BA_TRY(find_baseline(compare, &baseline));
    BA_TRY_ALLOC(compare->first, ba_malloc(most, sizeof *compare->first));
    BA_TRY_ALLOC(compare->second, ba_malloc(most, sizeof *compare->second));
    for (size_t b = 0; b < n; b++) {
        for (size_t a = b + 1; compare->opts->all_pairs && a < n; a++) {
            compare->first[compare->n_pairs] = a;
            compare->second[compare->n_pairs++] = b;
        }
        if (!compare->opts->all_pairs && b != baseline) {
            compare->first[compare->n_pairs] = b;
            compare->second[compare->n_pairs++] = baseline;
        }
    }
    compare->tail = compare->opts->baseline && !compare->opts->all_pairs
                        ? BA_TAIL_GREATER
                        : BA_TAIL_TWO_SIDED;
out:
    return status;
}

static int
set_up(compare_t *compare)
{
    int status;

    BA_TRY(open_models(compare));
    BA_TRY(ba_fitted_regions(compare->ctx, &compare->models[0], compare->opts->rois,
        compare->opts->n_rois, &compare->regions));
    BA_TRY(list_pairs(compare));
    BA_TRY(comparison_make(compare, compare->n_targets, &compare->targets));
    BA_TRY(comparison_make(compare, compare->regions.n, &compare->rois));
    BA_TRY(new_numbers(compare->n_pairs * compare->n_targets, &compare->p_fwe));
out:
    return status;
}

static int
adjust(const compare_t *compare, comparison_t *comparison)
{
    int status = BA_OK;

    for (size_t k = 0; k < compare->n_pairs; k++) {
        BA_TRY(ba_fdr_bh(comparison->p + k * comparison->n, comparison->n,
            comparison->q + k * comparison->n));
    }
out:
    return status;
}

static void
sum_up(const compare_t *compare, ba_compare_info_t *info)
{
    double chosen = 0.0;
    size_t n_chosen = 0, v = compare->n_targets;

    *info = (ba_compare_info_t){.n_models = compare->n_models, .n_targets = v};
    info->n_rois = compare->regions.n;
    info->n_pairs = compare->n_pairs;
    info->n_folds = compare->n_folds;
    info->n_units = compare->n_units;
    info->unit_is_run = compare->unit_is_run;
    info->smallest_p = compare->smallest_p;
    for (size_t m = 0; m < compare->n_models; m++) {
        const double *scores =
            (compare->opts->score == BA_SCORE_R ? compare->targets.r
                                                : compare->targets.r2) +
            m * v;
        size_t n = 0;

        for (size_t t = 0; t < v; t++) {
            if (isfinite(scores[t])) {
                info->mean[m] += scores[t];
                n++;
            }
            info->n_best[m] += compare->targets.best[t] == (int32_t) m;
        }
        info->mean[m] = n > 0 ? info->mean[m] / (double) n : (double) NAN;
    }
    for (size_t t = 0; t < v; t++) {
        if (isfinite(compare->targets.chosen[t])) {
            chosen += compare->targets.chosen[t];
            n_chosen++;
        }
    }
    info->chosen = n_chosen > 0 ? chosen / (double) n_chosen : (double) NAN;
}

static void
tear_down(compare_t *compare)
{
    for (size_t m = 0; m < compare->n_models; m++) {
        ba_fitted_close(&compare->models[m]);
    }
    ba_free(compare->models);
    ba_regions_free(&compare->regions);
    comparison_free(&compare->targets);
    comparison_free(&compare->rois);
    ba_free(compare->first);
    ba_free(compare->second);
    ba_free(compare->p_fwe);
}

int
ba_encode_compare(const ba_ctx_t *ctx, const ba_dataset_t *responses,
    const ba_compare_opts_t *opts, ba_compare_info_t *info)
{
    int status;
    compare_t compare = {.ctx = ctx, .opts = opts, .smallest_p = NAN};

    BA_TRY(ba_score_outputs_check(NULL, opts->output, opts->table, NULL, opts->force));
    BA_TRY(set_up(&compare));
    BA_TRY(judge_targets(&compare));
    BA_TRY(judge_regions(&compare));
    if (responses && !opts->dry_run) {
        BA_TRY(ba_compare_pairs(&compare, responses));
        BA_TRY(adjust(&compare, &compare.targets));
        BA_TRY(adjust(&compare, &compare.rois));
    }
    if (!opts->dry_run) {
        BA_TRY(ba_compare_write(&compare, responses));
    }
    if (info) {
        sum_up(&compare, info);
    }
out:
    tear_down(&compare);
    return status;
}
