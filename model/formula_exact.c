/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All chains of up to three leaves, by branch and bound, from the formulas that the beam
 * found. A pair F of leaves is extended by a third one only where something could come
 * out better than the best known: with A the tokens that are on,
 *   F or L:       at most min(|A|, |F and A| + max |L and A|) hits beside the false alarms
 *                 that F has already,
 *   F and (not) L: at most the hits of F, and no false alarm;
 * a third leaf is counted over all tokens only where ba_formula_bound() is above the best.
 * When the loops end, nothing better exists: that is the proof. */
#include "model/formula_impl.h"

#include <math.h>
#include <string.h>

/* At least as high as the score of any third leaf joined to F. */
static double
bound_of_pair(const ba_formula_search_t *search, size_t n_formula, size_t n_both,
    size_t most_both)
{
    size_t hits = n_both + most_both;
    double by_or, by_and;

    hits = hits < search->n_on ? hits : search->n_on;
    by_or = ba_formula_score(
        BA_FORMULA_IOU, hits + (n_formula - n_both), hits, search->n_on);
    by_and = ba_formula_score(BA_FORMULA_IOU, n_both, n_both, search->n_on);
    return search->factor[3] * fmax(by_or, by_and);
}

static void
keep_better(ba_formula_t *best, const ba_formula_t *formula)
{
    if (formula->score > best->score) {
        *best = *formula;
    }
}

/* The pair's tokens, all of them and those that are on. */
static void
make_pair(ba_formula_search_t *search, const ba_formula_t *pair)
{
    const ba_masks_t *leaves = search->leaves;
    size_t a = pair->leaf[0], b = pair->leaf[1];
    ba_formula_op_t op = (ba_formula_op_t) pair->op[1];

    search->pair.formula = *pair;
    ba_formula_apply(search->pair.mask, leaves->bits + a * leaves->n_words, op,
        leaves->bits + b * leaves->n_words, leaves->n_words);
    ba_formula_apply(search->pair.on, search->leaf_on + a * search->n_on_words, op,
        search->leaf_on + b * search->n_on_words, search->n_on_words);
}

/* Every third leaf. */
static void
extend_pair(ba_formula_search_t *search, const ba_formula_t *pair, ba_formula_t *best)
{
    const ba_masks_t *leaves = search->leaves;

    make_pair(search, pair);
    ba_formula_overlaps(search, search->pair.on);
    for (size_t l = 0; l < leaves->n_masks; l++) {
        size_t fla = search->overlap[l], fl;
        ba_joined_t counts;

        if (!(search->factor[3] * ba_formula_bound(search, pair, l, fla) >
                best->score)) {
            search->info.n_bounded += 3;
            continue;
        }
        fl = ba_formula_count(
            search->pair.mask, leaves->bits + l * leaves->n_words, leaves->n_words);
        counts = ba_formula_join(pair->n_formula, pair->n_both, leaves->count[l],
            search->leaf_both[l], fl, fla);
        search->info.n_counted += 3;
        for (int op = BA_FORMULA_OR; op <= BA_FORMULA_AND_NOT; op++) {
            ba_formula_t joined =
                ba_formula_joined(search, pair, l, (ba_formula_op_t) op, &counts);

            keep_better(best, &joined);
        }
    }
}

/* The chains that start with leaf a and go on with leaf b. */
static void
look_at_pair(ba_formula_search_t *search, size_t a, size_t b, const ba_joined_t *counts,
    size_t most_both, ba_formula_t *best)
{
    ba_formula_t first = {.n_leaves = 1, .leaf = {(uint32_t) a}};

    for (int op = a < b ? BA_FORMULA_OR : BA_FORMULA_AND_NOT; op <= BA_FORMULA_AND_NOT;
         op++) {
        ba_formula_t pair =
            ba_formula_joined(search, &first, b, (ba_formula_op_t) op, counts);

        keep_better(&best[1], &pair);
        if (search->opts.n_leaves < 3) {
            continue;
        }
        keep_better(&best[2], &pair);
        if (bound_of_pair(search, pair.n_formula, pair.n_both, most_both) >
            best[2].score) {
            extend_pair(search, &pair, &best[2]);
        } else {
            search->info.n_bounded += 3 * search->leaves->n_masks;
        }
    }
}

static ba_joined_t
count_pair(ba_formula_search_t *search, size_t a, size_t b)
{
    const ba_masks_t *leaves = search->leaves;
    size_t fla, fl;

    fla = ba_formula_count(search->leaf_on + a * search->n_on_words,
        search->leaf_on + b * search->n_on_words, search->n_on_words);
    fl = ba_formula_count(leaves->bits + a * leaves->n_words,
        leaves->bits + b * leaves->n_words, leaves->n_words);
    search->info.n_counted += a < b ? 3 : 1;
    return ba_formula_join(leaves->count[a], search->leaf_both[a], leaves->count[b],
        search->leaf_both[b], fl, fla);
}

void
ba_formula_exact(ba_formula_search_t *search, ba_formula_t *best)
{
    const ba_masks_t *leaves = search->leaves;
    size_t n = leaves->n_masks, most_both = 0;

    if (search->opts.n_leaves < 2) {
        return;
    }
    for (size_t l = 0; l < n; l++) {
        most_both = search->leaf_both[l] > most_both ? search->leaf_both[l] : most_both;
    }
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            ba_joined_t counts;

            if (b != a) {
                counts = count_pair(search, a, b);
                look_at_pair(search, a, b, &counts, most_both, best);
            }
        }
    }
    search->info.proven = search->opts.n_leaves < BA_FORMULA_EXACT_LEAVES
        ? (int) search->opts.n_leaves
        : BA_FORMULA_EXACT_LEAVES;
    for (size_t i = 1; i < search->opts.n_leaves; i++) {
        keep_better(&best[i], &best[i - 1]);
    }
}
