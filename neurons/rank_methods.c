/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of methods. A new one is a row here and a function. */
#include "core/nearest.h"
#include "neurons/rank_impl.h"

#include <string.h>

const rank_method_t ba_rank_methods[] = {
    {.name = "lca",
        .words = "weights of an elastic-net probe, as shares of a class's mass",
        .sign = RANK_UNSIGNED,
        .has_all = 1,
        .rank = ba_rank_lca},
    {.name = "probeless",
        .words = "differences of class means",
        .needs = RANK_SCALES,
        .sign = RANK_UNSIGNED,
        .has_all = 1,
        .score = ba_rank_score_probeless},
    {.name = "gaussian",
        .words = "mutual information of a Gaussian probe, greedy",
        .sign = RANK_UNSIGNED,
        .has_all = 1,
        .only_all = 1,
        .rank = ba_rank_gaussian},
    {.name = "ap",
        .words = "average precision",
        .needs = RANK_SORTS,
        .sign = RANK_TURNED,
        .walks = 1,
        .score = ba_rank_score_ap,
        .token_p = ba_rank_p_mann_whitney,
        .chance = ba_rank_chance_ap,
        .is_relative = 1},
    {.name = "expert",
        .words = "average precision, with values of the neuron on and off the concept",
        .needs = RANK_SORTS,
        .sign = RANK_TURNED,
        .walks = 1,
        .score = ba_rank_score_ap,
        .token_p = ba_rank_p_mann_whitney,
        .chance = ba_rank_chance_ap,
        .is_relative = 1},
    {.name = "auroc",
        .words = "area under the ROC curve",
        .needs = RANK_SORTS,
        .sign = RANK_SIGNED,
        .centre = 0.5,
        .walks = 1,
        .score = ba_rank_score_auroc,
        .token_p = ba_rank_p_mann_whitney},
    {.name = "iou",
        .words = "intersection over union above a quantile",
        .needs = RANK_SORTS | RANK_VALUES,
        .sign = RANK_TURNED,
        .score = ba_rank_score_iou,
        .chance = ba_rank_chance_iou,
        .is_relative = 1},
    {.name = "mean",
        .words = "mean of the concept minus mean of the rest",
        .needs = RANK_SCALES,
        .sign = RANK_SIGNED,
        .score = ba_rank_score_mean},
    {.name = "concept-selectivity",
        .words = "mean of the concept minus mean of the rest, over the range",
        .needs = RANK_SCALES,
        .sign = RANK_SIGNED,
        .score = ba_rank_score_selectivity},
    {.name = "welch",
        .words = "Welch's t of absolute activations",
        .needs = RANK_SCALES,
        .sign = RANK_SIGNED,
        .score = ba_rank_score_welch,
        .token_p = ba_rank_p_welch},
    {.name = "corr",
        .words = "correlation with the concept",
        .needs = RANK_SCALES,
        .sign = RANK_SIGNED,
        .score = ba_rank_score_corr},
    {.name = "spearman",
        .words = "correlation of ranks with the concept",
        .needs = RANK_SORTS,
        .sign = RANK_SIGNED,
        .walks = 1,
        .score = ba_rank_score_spearman,
        .token_p = ba_rank_p_mann_whitney},
    {.name = "mi",
        .words = "mutual information with the concept",
        .needs = RANK_SORTS | RANK_VALUES,
        .sign = RANK_UNSIGNED,
        .has_all = 1,
        .score = ba_rank_score_mi,
        .chance = ba_rank_chance_mi},
    {0},
};

int
ba_rank_method_find(const char *name, const rank_method_t **out)
{
    const rank_method_t *nearest = ba_rank_methods;

    for (const rank_method_t *m = ba_rank_methods; m->name; m++) {
        if (strcmp(m->name, name) == 0) {
            *out = m;
            return BA_OK;
        }
        if (ba_word_distance(name, m->name) < ba_word_distance(name, nearest->name)) {
            nearest = m;
        }
    }
    return ba_fail(
        BA_VALUE, "method '%s': unknown, nearest is '%s'", name, nearest->name);
}

const char *
ba_rank_method_name(size_t i)
{
    return i + 1 < sizeof ba_rank_methods / sizeof *ba_rank_methods
               ? ba_rank_methods[i].name
               : NULL;
}

const char *
ba_rank_method_words(size_t i)
{
    return i + 1 < sizeof ba_rank_methods / sizeof *ba_rank_methods
               ? ba_rank_methods[i].words
               : NULL;
}
