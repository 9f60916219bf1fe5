/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the searches over formulas share. */
#ifndef BA_MODEL_FORMULA_IMPL_H
#define BA_MODEL_FORMULA_IMPL_H

#include "brainalign/formula.h"

#include <math.h>

/* A formula with the tokens of it that the neuron is on for, and all of its tokens. */
typedef struct {
    ba_formula_t formula;
    uint64_t *on;   /* n_on_words: bit k = the k-th token that is on */
    uint64_t *mask; /* n_words */
} ba_candidate_t;

struct ba_formula_search {
    const ba_masks_t *leaves;
    ba_formula_opts_t opts;
    double factor[BA_FORMULA_LEAVES + 1]; /* penalty of each number of leaves */
    /* Of the current neuron. */
    size_t n_on, n_on_words;
    uint32_t *on;        /* n_on tokens, ascending */
    uint64_t *leaf_on;   /* n_masks x n_on_words */
    uint32_t *leaf_both; /* n_masks */
    uint32_t
        *overlap; /* n_masks: of the candidate at hand with each leaf and the neuron */
    ba_candidate_t *beam, *next;
    size_t n_beam, n_next;
    uint64_t *beam_words; /* what `on` and `mask` of both beams point into */
    uint32_t *front;      /* exact search: leaves that no other beats */
    size_t n_front;
    ba_candidate_t pair; /* exact search: the first two leaves */
    ba_formula_info_t info;
};

/* Score of counts without the penalty. */
static inline double
ba_formula_score(ba_fit_by_t by, size_t n_formula, size_t n_both, size_t n_on)
{
    size_t below = by == BA_FORMULA_IOU         ? n_formula + n_on - n_both
                   : by == BA_FORMULA_PRECISION ? n_formula
                                                : n_on;

    return below > 0 ? (double) n_both / (double) below : 0.0;
}

/* Counts of a formula joined to a leaf. */
typedef struct {
    size_t n_formula[3], n_both[3]; /* by ba_formula_op_t */
} ba_joined_t;

/* From |F|, |F and A|, |L|, |L and A|, |F and L|, |F and L and A|. */
static inline ba_joined_t
ba_formula_join(size_t f, size_t fa, size_t l, size_t la, size_t fl, size_t fla)
{
    return (ba_joined_t){{f + l - fl, fl, f - fl}, {fa + la - fla, fla, fa - fla}};
}

/* The largest score that the three can have while |F and L| is not known: each takes the
 * number of false alarms shared by F and L, between 0 or what does not fit beside one
 * another and the smaller of the two, that suits it best. */
static inline double
ba_formula_bound(
    const ba_formula_search_t *search, const ba_formula_t *f, size_t leaf, size_t fla)
{
    const ba_masks_t *leaves = search->leaves;
    size_t fa = f->n_both, la = search->leaf_both[leaf], outside;
    size_t f_out = f->n_formula - fa, l_out = leaves->count[leaf] - la, most, least;
    ba_joined_t high, low;
    double best;

    outside = leaves->n_tokens - search->n_on;
    most = f_out < l_out ? f_out : l_out;
    least = f_out + l_out > outside ? f_out + l_out - outside : 0;
    high = ba_formula_join(f->n_formula, fa, leaves->count[leaf], la, fla + most, fla);
    low = ba_formula_join(f->n_formula, fa, leaves->count[leaf], la, fla + least, fla);
    best = ba_formula_score(
        search->opts.score, high.n_formula[0], high.n_both[0], search->n_on);
    best = fmax(best, ba_formula_score(search->opts.score, low.n_formula[1],
                          low.n_both[1], search->n_on));
    return fmax(best, ba_formula_score(search->opts.score, high.n_formula[2],
                          high.n_both[2], search->n_on));
}

/* Bits that two sets of words share. */
size_t ba_formula_count(const uint64_t *a, const uint64_t *b, size_t n_words);

/* overlap[l] = bits that `on` shares with each leaf's part that is on. */
void ba_formula_overlaps(ba_formula_search_t *search, const uint64_t *on);

/* dst = left op right. */
void ba_formula_apply(uint64_t *dst, const uint64_t *left, ba_formula_op_t op,
    const uint64_t *right, size_t n_words);

/* `formula` joined to a leaf, its counts and score (penalty included) set. */
ba_formula_t ba_formula_joined(const ba_formula_search_t *search,
    const ba_formula_t *formula, size_t leaf, ba_formula_op_t op,
    const ba_joined_t *counts);

/* Proves or improves best[0 .. 2]. */
void ba_formula_exact(ba_formula_search_t *search, ba_formula_t *best);

/* Non-zero where two formulas are the same up to the order of operands: neighbouring ORs,
 * and neighbouring ANDs and AND NOTs, are sets. */
int ba_formula_is_equal(const ba_formula_t *a, const ba_formula_t *b);

#endif
