/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of an identification over its items. Ties count one half. */
#include "decode/identify_impl.h"

#include <math.h>

/* Share of the place of a mid-rank below the first that is still among the first: the own
 * candidate shares its places with those it is tied with. */
static double
is_first(const ba_comparison_t *fold, const double *score, size_t own)
{
    double tied = 1.0;

    for (size_t c = 0; c < fold->n_candidates; c++) {
        if (score[c] > score[own]) {
            return 0.0;
        }
        tied += c != own && score[c] == score[own] ? 1.0 : 0.0;
    }
    return 1.0 / tied;
}

/* Pairs of items of a fold that are each other's candidates: the sum of the own scores
 * against that of the crossed ones. */
static void
add_pairs(const ba_comparison_t *fold, double *won, double *n_pairs)
{
    size_t n = fold->n_candidates;

    for (size_t i = 0; i < fold->n_items; i++) {
        for (size_t j = i + 1; j < fold->n_items; j++) {
            double own = fold->likelihood[i * n + i] + fold->likelihood[j * n + j];
            double crossed = fold->likelihood[i * n + j] + fold->likelihood[j * n + i];

            *won += own > crossed ? 1.0 : own == crossed ? 0.5 : 0.0;
            *n_pairs += 1.0;
        }
    }
}

static double
mean(double sum, double n)
{
    return n > 0.0 ? sum / n : (double) NAN;
}

static void
find_shares(const ba_identified_t *found, ba_decode_identify_info_t *info)
{
    info->least_share = INFINITY;
    info->largest_share = -INFINITY;
    for (size_t k = 0; k < found->n_folds; k++) {
        info->least_share = fmin(info->least_share, found->share[k]);
        info->largest_share = fmax(info->largest_share, found->share[k]);
        info->n_voxels = (size_t) found->n_voxels[k];
    }
}

void
ba_identified_score(ba_identified_t *found, int is_own, ba_decode_identify_info_t *info)
{
    double n = 0.0, accuracy = 0.0, top1 = 0.0, by_r = 0.0, won = 0.0, pairs = 0.0;

    for (size_t k = 0; k < found->n_folds; k++) {
        const ba_comparison_t *fold = &found->folds[k];
        double others = (double) fold->n_candidates - 1.0;

        for (size_t a = 0; a < fold->n_items; a++) {
            const ba_item_t *item = &found->items[fold->first_item + a];

            if (item->truth >= 0) {
                n += 1.0;
                accuracy += 1.0 - (item->rank - 1.0) / others;
                by_r += 1.0 - (item->r_rank - 1.0) / others;
                top1 += is_first(fold, fold->score + a * fold->n_candidates,
                    (size_t) item->truth - fold->first_candidate);
            }
        }
        if (is_own) {
            add_pairs(fold, &won, &pairs);
        }
        found->n_columns = is_own ? found->n_items : fold->n_candidates;
    }
    found->rank_accuracy = info->rank_accuracy = mean(accuracy, n);
    found->top1 = info->top1 = mean(top1, n);
    found->r_rank_accuracy = info->correlation_rank_accuracy = mean(by_r, n);
    found->two_v_two = info->two_v_two = mean(won, pairs);
    info->n_items = found->n_items;
    info->n_candidates = found->n_columns;
    find_shares(found, info);
}
