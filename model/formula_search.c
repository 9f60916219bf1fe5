/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Beam search over formulas. With F a formula, L a leaf and A the tokens that the neuron
 * is on for,
 *   |F or L| = |F| + |L| - |F and L|,   |F and not L| = |F| - |F and L|,
 * and the same within A, so that one count serves all three operators. A is small: leaves
 * and formulas are kept a second time as bits over its tokens alone, and the counts within
 * A bound the scores (ba_formula_bound()), so that |F and L| over all tokens is counted
 * only where the beam could change. */
#include "core/alloc.h"
#include "model/clones.h"
#include "model/formula_impl.h"

#include <string.h>

enum { MOST_BEAM = 1000 };

ba_formula_opts_t
ba_formula_opts_default(void)
{
    return (ba_formula_opts_t){.score = BA_FORMULA_IOU,
        .penalty = 1.0,
        .n_leaves = BA_FORMULA_LEAVES,
        .beam = 10};
}

static int
check_opts(const ba_formula_opts_t *opts)
{
    if (opts->n_leaves < 1 || opts->n_leaves > BA_FORMULA_LEAVES) {
        return ba_fail(BA_VALUE, "length: found %zu leaves, wanted 1 to %d",
            opts->n_leaves, BA_FORMULA_LEAVES);
    }
    if (opts->beam < 1 || opts->beam > MOST_BEAM) {
        return ba_fail(
            BA_VALUE, "beam: found %zu, wanted 1 to %d", opts->beam, MOST_BEAM);
    }
    if (!(opts->penalty > 0.0 && opts->penalty <= 1.0)) {
        return ba_fail(BA_VALUE, "length penalty: found %g, wanted above 0, at most 1",
            opts->penalty);
    }
    if (opts->exact && opts->score != BA_FORMULA_IOU) {
        return ba_fail(BA_VALUE, "exact search: found another score, wanted iou");
    }
    return BA_OK;
}

/* Both beams, one formula more each (the one that falls out), and the pair: words for all
 * tokens and for those that are on, which may be all. */
static int
create_beams(ba_formula_search_t *search)
{
    size_t n_words = search->leaves->n_words, n = 2 * search->opts.beam + 1, n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(n, 2 * n_words, &n_all));
    BA_TRY_ALLOC(search->beam_words, ba_calloc(n_all, sizeof *search->beam_words));
    BA_TRY_ALLOC(search->beam, ba_calloc(n, sizeof *search->beam));
    for (size_t i = 0; i < n; i++) {
        search->beam[i].on = search->beam_words + 2 * i * n_words;
        search->beam[i].mask = search->beam[i].on + n_words;
    }
    search->next = search->beam + search->opts.beam;
    search->pair = search->beam[n - 1];
out:
    return status;
}

int
ba_formula_search_create(
    const ba_masks_t *leaves, const ba_formula_opts_t *opts, ba_formula_search_t **out)
{
    ba_formula_search_t *search = NULL;
    size_t n_all;
    int status = BA_OK;

    *out = NULL;
    BA_TRY(check_opts(opts));
    BA_TRY_ALLOC(search, ba_calloc(1, sizeof *search));
    search->leaves = leaves;
    search->opts = *opts;
    search->factor[1] = 1.0;
    for (size_t i = 2; i <= BA_FORMULA_LEAVES; i++) {
        search->factor[i] = search->factor[i - 1] * opts->penalty;
    }
    BA_TRY(ba_multiply(leaves->n_masks, leaves->n_words, &n_all));
    BA_TRY_ALLOC(search->on, ba_calloc(leaves->n_tokens, sizeof *search->on));
    BA_TRY_ALLOC(search->leaf_on, ba_calloc(n_all, sizeof *search->leaf_on));
    BA_TRY_ALLOC(search->leaf_both, ba_calloc(leaves->n_masks, sizeof(uint32_t)));
    BA_TRY_ALLOC(search->overlap, ba_calloc(leaves->n_masks, sizeof(uint32_t)));
    BA_TRY_ALLOC(search->front, ba_calloc(leaves->n_masks, sizeof(uint32_t)));
    BA_TRY(create_beams(search));
    *out = search;
    return BA_OK;
out:
    ba_formula_search_free(search);
    return status;
}

void
ba_formula_search_free(ba_formula_search_t *search)
{
    if (search) {
        /* The beams change places: the block starts at the lower one. */
        ba_free(search->beam < search->next ? search->beam : search->next);
        ba_free(search->beam_words);
        ba_free(search->on);
        ba_free(search->leaf_on);
        ba_free(search->leaf_both);
        ba_free(search->overlap);
        ba_free(search->front);
        ba_free(search);
    }
}

/* The leaves as bits over the tokens that are on. */
static void
take_neuron(ba_formula_search_t *search, const uint64_t *on)
{
    const ba_masks_t *leaves = search->leaves;

    search->n_on = 0;
    for (size_t w = 0; w < leaves->n_words; w++) {
        for (uint64_t rest = on[w]; rest; rest &= rest - 1) {
            search->on[search->n_on++] =
                (uint32_t) (64 * w + (size_t) __builtin_ctzll(rest));
        }
    }
    search->n_on_words = search->n_on / 64 + (search->n_on % 64 != 0);
    for (size_t l = 0; l < leaves->n_masks; l++) {
        const uint64_t *bits = leaves->bits + l * leaves->n_words;
        uint64_t *to = search->leaf_on + l * search->n_on_words;

        for (size_t w = 0; w < search->n_on_words; w++) {
            size_t first = 64 * w, n = search->n_on - first;
            uint64_t word = 0;

            for (size_t k = 0; k < (n < 64 ? n : 64); k++) {
                uint32_t t = search->on[first + k];

                word |= ((bits[t / 64] >> (t % 64)) & 1) << k;
            }
            to[w] = word;
        }
        search->leaf_both[l] = (uint32_t) ba_formula_count(to, to, search->n_on_words);
    }
}

static BA_CLONES void
count_overlaps(const uint64_t *leaf, size_t n_leaves, const uint64_t *on, size_t n_words,
    uint32_t *overlap)
{
    for (size_t l = 0; l < n_leaves; l++, leaf += n_words) {
        int count = 0;

        for (size_t w = 0; w < n_words; w++) {
            count += __builtin_popcountll(leaf[w] & on[w]);
        }
        overlap[l] = (uint32_t) count;
    }
}

void
ba_formula_overlaps(ba_formula_search_t *search, const uint64_t *on)
{
    count_overlaps(search->leaf_on, search->leaves->n_masks, on, search->n_on_words,
        search->overlap);
}

ba_formula_t
ba_formula_joined(const ba_formula_search_t *search, const ba_formula_t *formula,
    size_t leaf, ba_formula_op_t op, const ba_joined_t *counts)
{
    ba_formula_t joined = *formula;

    joined.leaf[joined.n_leaves] = (uint32_t) leaf;
    joined.op[joined.n_leaves] = (uint8_t) op;
    joined.n_leaves++;
    joined.n_formula = (uint32_t) counts->n_formula[op];
    joined.n_both = (uint32_t) counts->n_both[op];
    joined.score = search->factor[joined.n_leaves] * ba_formula_score(search->opts.score,
                                                         joined.n_formula, joined.n_both,
                                                         search->n_on);
    return joined;
}

/* What a formula must be above to enter the next beam; one that scores 0 never does. */
static double
lowest(const ba_formula_search_t *search)
{
    return search->n_next < search->opts.beam
               ? 0.0
               : search->next[search->n_next - 1].formula.score;
}

/* Puts a formula into the next beam behind those that score as much. Its tokens are made
 * when all are known. */
static void
offer(ba_formula_search_t *search, const ba_formula_t *formula)
{
    ba_candidate_t *next = search->next, spare;
    size_t at;

    if (!(formula->score > lowest(search))) {
        return;
    }
    for (size_t i = 0; !search->opts.keep_equal && i < search->n_next; i++) {
        if (next[i].formula.score == formula->score &&
            ba_formula_is_equal(&next[i].formula, formula)) {
            return;
        }
    }
    at = search->n_next < search->opts.beam ? search->n_next++ : search->n_next - 1;
    spare = next[at];
    for (; at > 0 && next[at - 1].formula.score < formula->score; at--) {
        next[at] = next[at - 1];
    }
    next[at] = spare;
    next[at].formula = *formula;
}

static void
offer_leaves(ba_formula_search_t *search)
{
    const ba_masks_t *leaves = search->leaves;

    for (size_t l = 0; l < leaves->n_masks; l++) {
        ba_formula_t formula = {.n_leaves = 1,
            .leaf = {(uint32_t) l},
            .n_formula = leaves->count[l],
            .n_both = search->leaf_both[l]};

        formula.score = ba_formula_score(
            search->opts.score, formula.n_formula, formula.n_both, search->n_on);
        offer(search, &formula);
    }
    search->info.n_counted += leaves->n_masks;
}

/* All formulas that `from` becomes by one more leaf. */
static void
extend(ba_formula_search_t *search, const ba_candidate_t *from)
{
    const ba_masks_t *leaves = search->leaves;
    const ba_formula_t *f = &from->formula;
    double factor = search->factor[f->n_leaves + 1];

    ba_formula_overlaps(search, from->on);
    for (size_t l = 0; l < leaves->n_masks; l++) {
        size_t fla = search->overlap[l], fl;
        ba_joined_t counts;

        if (search->opts.overlap_only && search->leaf_both[l] == 0) {
            continue;
        }
        if (!(factor * ba_formula_bound(search, f, l, fla) > lowest(search))) {
            search->info.n_bounded += 3;
            continue;
        }
        fl = ba_formula_count(
            from->mask, leaves->bits + l * leaves->n_words, leaves->n_words);
        counts = ba_formula_join(
            f->n_formula, f->n_both, leaves->count[l], search->leaf_both[l], fl, fla);
        search->info.n_counted += 3;
        for (int op = BA_FORMULA_OR; op <= BA_FORMULA_AND_NOT; op++) {
            ba_formula_t joined =
                ba_formula_joined(search, f, l, (ba_formula_op_t) op, &counts);

            offer(search, &joined);
        }
    }
}

/* The next beam becomes the current one, with its tokens. */
static void
advance(ba_formula_search_t *search)
{
    const ba_masks_t *leaves = search->leaves;
    ba_candidate_t *beam = search->next;

    for (size_t i = 0; i < search->n_next; i++) {
        ba_formula_mask(&beam[i].formula, leaves, beam[i].mask);
        memset(beam[i].on, 0, search->n_on_words * sizeof *beam[i].on);
        for (size_t k = 0; k < search->n_on; k++) {
            uint32_t t = search->on[k];

            beam[i].on[k / 64] |= ((beam[i].mask[t / 64] >> (t % 64)) & 1) << (k % 64);
        }
    }
    search->next = search->beam;
    search->beam = beam;
    search->n_beam = search->n_next;
    search->n_next = 0;
}

void
ba_formula_search_run(ba_formula_search_t *search, const uint64_t *on, ba_formula_t *best,
    ba_formula_info_t *info)
{
    search->info = (ba_formula_info_t){.proven = 1};
    take_neuron(search, on);
    for (size_t length = 1; length <= search->opts.n_leaves; length++) {
        for (size_t i = 0; length > 1 && i < search->n_beam; i++) {
            offer(search, &search->beam[i].formula);
        }
        if (length == 1) {
            offer_leaves(search);
        }
        for (size_t i = 0; length > 1 && i < search->n_beam; i++) {
            extend(search, &search->beam[i]);
        }
        advance(search);
        best[length - 1] =
            search->n_beam > 0 ? search->beam[0].formula : (ba_formula_t){0};
    }
    if (search->opts.exact) {
        ba_formula_exact(search, best);
    }
    if (info) {
        *info = search->info;
    }
}
