/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All chains of up to three leaves, by branch and bound, from the formulas that the beam
 * found. A pair F of leaves is extended by a third one only where something could come
 * out better than the best known: with A the tokens that are on,
 *   F or L:        at most min(|A|, |F and A| + |L and A|) hits beside as many false alarms
 *                  as the worse of the two has: the best over all L is one of the few
 *                  leaves that no other leaf beats in hits and false alarms both,
 *   F and (not) L: at most the hits of F, and no false alarm;
 * a third leaf is counted over all tokens only where ba_formula_bound() is above the best.
 * When the loops end, nothing better exists: that is the proof. */
#include "model/formula_impl.h"

#include <math.h>
#include <string.h>

/* Whether more hits or fewer false alarms make leaf a the better one. */
static int
is_beaten(const ba_formula_search_t *search, size_t a, size_t b)
{
    const uint32_t *both = search->leaf_both, *count = search->leaves->count;
    size_t out_a = count[a] - both[a], out_b = count[b] - both[b];

    return both[b] >= both[a] && out_b <= out_a &&
           (both[b] > both[a] || out_b < out_a || b < a);
}

/* The leaves that no other beats, to search->front. */
static size_t
find_front(ba_formula_search_t *search)
{
    size_t n = search->leaves->n_masks, n_front = 0;

    for (size_t a = 0; a < n; a++) {
        int beaten = 0;

        for (size_t b = 0; b < n && !beaten; b++) {
            beaten = is_beaten(search, a, b);
        }
        if (!beaten) {
            search->front[n_front++] = (uint32_t) a;
        }
    }
    return n_front;
}

/* At least as high as the score of any third leaf joined to F. */
static double
bound_of_pair(const ba_formula_search_t *search, const ba_formula_t *f)
{
    const uint32_t *both = search->leaf_both, *count = search->leaves->count;
    size_t f_out = f->n_formula - f->n_both;
    double bound = ba_formula_score(BA_FORMULA_IOU, f->n_both, f->n_both, search->n_on);

    for (size_t i = 0; i < search->n_front; i++) {
        size_t l = search->front[i], out = count[l] - both[l];
        size_t hits = f->n_both + both[l];

        hits = hits < search->n_on ? hits : search->n_on;
        out = out > f_out ? out : f_out;
        bound =
            fmax(bound, ba_formula_score(BA_FORMULA_IOU, hits + out, hits, search->n_on));
    }
    return search->factor[3] * bound;
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

        if (!(search->factor[3] * ba_formula_bound(search, pair, l, fla) > best->score)) {
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
    ba_formula_t *best)
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
        if (bound_of_pair(search, &pair) > best[2].score) {
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
    size_t n = search->leaves->n_masks;

    if (search->opts.n_leaves < 2) {
        return;
    }
    search->n_front = find_front(search);
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            ba_joined_t counts;

            if (b != a) {
                counts = count_pair(search, a, b);
                look_at_pair(search, a, b, &counts, best);
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
