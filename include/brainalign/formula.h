/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formulas over sets of tokens: which combination of concepts is a neuron on for? */
#ifndef BRAINALIGN_FORMULA_H
#define BRAINALIGN_FORMULA_H

#include "brainalign/ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets of tokens, one bit each: token t of set m is bit t % 64 of bits[m * n_words +
 * t / 64]. Bits from n_tokens on are 0. */
typedef struct {
    size_t n_masks, n_tokens, n_words;
    uint64_t *bits;
    uint32_t *count; /* n_masks: tokens of each, once ba_masks_count() was called */
} ba_masks_t;

/* n_masks empty sets. BA_NOMEM, BA_TOO_LARGE (2^32 tokens and more). The caller frees. */
BA_API int ba_masks_create(size_t n_masks, size_t n_tokens, ba_masks_t **out);
BA_API void ba_masks_free(ba_masks_t *masks);
BA_API void ba_masks_set(ba_masks_t *masks, size_t mask, size_t token);
BA_API void ba_masks_count(ba_masks_t *masks);

/* How a leaf is joined to what stands left of it. */
typedef enum { BA_FORMULA_OR = 0, BA_FORMULA_AND, BA_FORMULA_AND_NOT } ba_formula_op_t;

/* Most leaves of a formula, and of one that the exact search looks at. */
#define BA_FORMULA_LEAVES 5
#define BA_FORMULA_EXACT_LEAVES 3

/* A chain ((leaf[0] op[1] leaf[1]) op[2] leaf[2]) ... and how well it fits. */
typedef struct {
    uint32_t n_leaves; /* 0 = no formula: nothing overlaps */
    uint32_t leaf[BA_FORMULA_LEAVES];
    uint8_t op[BA_FORMULA_LEAVES]; /* ba_formula_op_t, op[0] unused */
    uint32_t n_formula, n_both;    /* tokens of the formula, and of both */
    double score;
} ba_formula_t;

/* both / either; both / formula; both / neuron. 0 where there is nothing to divide by. */
typedef enum { BA_FORMULA_IOU = 0, BA_FORMULA_PRECISION, BA_FORMULA_RECALL } ba_fit_by_t;

typedef struct {
    ba_fit_by_t score; /* IOU */
    double penalty;    /* the score is multiplied by this for each leaf after the first
                          (1), above 0 and at most 1 */
    size_t n_leaves;   /* longest formula, 1 .. BA_FORMULA_LEAVES (5) */
    size_t beam;       /* formulas kept from one length to the next (10), at most 1,000 */
    int overlap_only;  /* 1 = longer formulas are made of leaves that overlap the neuron:
                          misses AND NOT of those that do not (0) */
    int keep_equal; /* 1 = formulas that differ by the order of operands alone take places
                       in the beam each (0) */
    int exact;      /* 1 = all chains of up to BA_FORMULA_EXACT_LEAVES leaves, by branch
                       and bound; IOU alone (0) */
} ba_formula_opts_t;

BA_API ba_formula_opts_t ba_formula_opts_default(void);

/* What a search did. */
typedef struct {
    size_t n_counted; /* formulas whose tokens were counted */
    size_t n_bounded; /* set aside because a bound on their score is not above the best */
    int proven;       /* longest length for which no chain of leaves is better, 0 = the
                         first only */
} ba_formula_info_t;

/* Scratch of one thread for searches over the same leaves. */
typedef struct ba_formula_search ba_formula_search_t;

/* `leaves` must be counted and outlive it. BA_VALUE, BA_NOMEM. */
BA_API int ba_formula_search_create(
    const ba_masks_t *leaves, const ba_formula_opts_t *opts, ba_formula_search_t **out);
BA_API void ba_formula_search_free(ba_formula_search_t *search);

/* The best formula of at most 1, 2 ... opts.n_leaves leaves for the tokens `on` (n_words
 * as in the leaves) to best[0 ..]. Beam search: the best leaves, then at each length the
 * best of the formulas so far and of each of them joined to each leaf; ties go to what was
 * made first (formulas in their order, leaves by index, OR, AND, AND NOT). With exact, a
 * branch and bound search follows that proves the first three. info may be NULL. Allocates
 * nothing, cannot fail. Cost: beam x leaves x tokens on / 64 a length, and tokens / 64 for
 * each formula that the bound lets through. */
BA_API void ba_formula_search_run(ba_formula_search_t *search, const uint64_t *on,
    ba_formula_t *best, ba_formula_info_t *info);

/* The tokens of a formula (n_words). */
BA_API void ba_formula_mask(
    const ba_formula_t *formula, const ba_masks_t *leaves, uint64_t *mask);

/* Counts and score of a formula on other tokens, `leaves` and `on` of the same ones. */
BA_API int ba_formula_rescore(const ba_formula_t *formula, const ba_masks_t *leaves,
    const uint64_t *on, ba_fit_by_t score, ba_formula_t *out);

/* "((a OR b) AND NOT c)"; the caller frees with free(). names: of the leaves. */
BA_API int ba_formula_text(
    const ba_formula_t *formula, const char *const *names, char **out);

#ifdef __cplusplus
}
#endif

#endif
