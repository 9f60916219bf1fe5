/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of tokens and formulas over them (Mu and Andreas 2020). */
#include "brainalign/formula.h"
#include "core/alloc.h"
#include "model/clones.h"
#include "model/formula_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ba_masks_create(size_t n_masks, size_t n_tokens, ba_masks_t **out)
{
    int status = BA_OK;
    ba_masks_t *masks = NULL;
    size_t n_words = n_tokens / 64 + (n_tokens % 64 != 0), n_all;

    *out = NULL;
    if (n_tokens > UINT32_MAX || n_masks > UINT32_MAX) {
        return ba_fail(BA_TOO_LARGE,
            "sets of tokens: found %zu of %zu, wanted below 2^32", n_masks, n_tokens);
    }
    BA_TRY_ALLOC(masks, ba_calloc(1, sizeof *masks));
    BA_TRY(ba_multiply(n_masks, n_words, &n_all));
    BA_TRY_ALLOC(masks->bits, ba_calloc(n_all, sizeof *masks->bits));
    BA_TRY_ALLOC(masks->count, ba_calloc(n_masks, sizeof *masks->count));
    masks->n_masks = n_masks;
    masks->n_tokens = n_tokens;
    masks->n_words = n_words;
    *out = masks;
    return BA_OK;
out:
    ba_masks_free(masks);
    return status;
}

void
ba_masks_free(ba_masks_t *masks)
{
    if (masks) {
        ba_free(masks->bits);
        ba_free(masks->count);
        ba_free(masks);
    }
}

void
ba_masks_set(ba_masks_t *masks, size_t mask, size_t token)
{
    masks->bits[mask * masks->n_words + token / 64] |= (uint64_t) 1 << (token % 64);
}

void
ba_masks_count(ba_masks_t *masks)
{
    for (size_t m = 0; m < masks->n_masks; m++) {
        const uint64_t *bits = masks->bits + m * masks->n_words;

        masks->count[m] = (uint32_t) ba_formula_count(bits, bits, masks->n_words);
    }
}

static BA_CLONES size_t
count_common(const uint64_t *a, const uint64_t *b, size_t n_words)
{
    size_t count = 0;

    for (size_t w = 0; w < n_words; w++) {
        count += (size_t) __builtin_popcountll(a[w] & b[w]);
    }
    return count;
}

size_t
ba_formula_count(const uint64_t *a, const uint64_t *b, size_t n_words)
{
    return count_common(a, b, n_words);
}

void
ba_formula_apply(uint64_t *dst, const uint64_t *left, ba_formula_op_t op,
    const uint64_t *right, size_t n_words)
{
    for (size_t w = 0; w < n_words; w++) {
        dst[w] = op == BA_FORMULA_OR    ? left[w] | right[w]
                 : op == BA_FORMULA_AND ? left[w] & right[w]
                                        : left[w] & ~right[w];
    }
}

void
ba_formula_mask(const ba_formula_t *formula, const ba_masks_t *leaves, uint64_t *mask)
{
    memset(mask, 0, leaves->n_words * sizeof *mask);
    for (size_t i = 0; i < formula->n_leaves; i++) {
        ba_formula_apply(mask, mask,
            i == 0 ? BA_FORMULA_OR : (ba_formula_op_t) formula->op[i],
            leaves->bits + formula->leaf[i] * leaves->n_words, leaves->n_words);
    }
}

int
ba_formula_rescore(const ba_formula_t *formula, const ba_masks_t *leaves,
    const uint64_t *on, ba_fit_by_t score, ba_formula_t *out)
{
    uint64_t *mask = ba_malloc(leaves->n_words, sizeof *mask);
    size_t n_on;

    if (!mask) {
        return BA_NOMEM;
    }
    *out = *formula;
    ba_formula_mask(formula, leaves, mask);
    n_on = ba_formula_count(on, on, leaves->n_words);
    out->n_formula = (uint32_t) ba_formula_count(mask, mask, leaves->n_words);
    out->n_both = (uint32_t) ba_formula_count(mask, on, leaves->n_words);
    out->score = ba_formula_score(score, out->n_formula, out->n_both, n_on);
    ba_free(mask);
    return BA_OK;
}

int
ba_formula_text(const ba_formula_t *formula, const char *const *names, char **out)
{
    static const char *const words[] = {" OR ", " AND ", " AND NOT "};
    size_t room = 1, length = 0;

    for (size_t i = 0; i < formula->n_leaves; i++) {
        room += strlen(names[formula->leaf[i]]) + sizeof "( AND NOT )";
    }
    *out = ba_calloc(room, 1);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t i = 1; i < formula->n_leaves; i++) {
        (*out)[length++] = '(';
    }
    for (size_t i = 0; i < formula->n_leaves; i++) {
        length += (size_t) snprintf(*out + length, room - length, "%s%s%s",
            i > 0 ? words[formula->op[i]] : "", names[formula->leaf[i]],
            i > 0 ? ")" : "");
    }
    return BA_OK;
}

/* The sets that a chain consists of, one after another: each its kind, then its members
 * (twice the leaf, one more where it is negated) ascending, each once. A leaf alone
 * belongs to the set of the operator that follows it. */
typedef struct {
    size_t n;
    uint32_t code[3 * BA_FORMULA_LEAVES];
} formula_key_t;

enum { KIND_NONE = 0, KIND_OR = 1, KIND_AND = 2 };

/* Puts a member into the set that starts (with its kind) at `start`. */
static void
insert(formula_key_t *key, size_t start, uint32_t member)
{
    size_t at = start + 1;

    while (at < key->n && key->code[at] < member) {
        at++;
    }
    if (at < key->n && key->code[at] == member) {
        return;
    }
    memmove(key->code + at + 1, key->code + at, (key->n - at) * sizeof *key->code);
    key->code[at] = member;
    key->n++;
}

static formula_key_t
key_of(const ba_formula_t *formula)
{
    formula_key_t key = {.n = 1};
    size_t start = 0;

    for (size_t i = 0; i < formula->n_leaves; i++) {
        uint32_t kind = formula->op[i] == BA_FORMULA_OR ? KIND_OR : KIND_AND;
        uint32_t member = 2 * formula->leaf[i] +
                          (uint32_t) (i > 0 && formula->op[i] == BA_FORMULA_AND_NOT);

        if (i > 0 && start == 0 && key.n == 2) {
            key.code[0] = kind;
        } else if (i > 0 && key.code[start] != kind) {
            start = key.n++;
            key.code[start] = kind;
        }
        insert(&key, start, member);
    }
    if (key.n == 2) {
        key.code[0] = KIND_NONE;
    }
    return key;
}

int
ba_formula_is_equal(const ba_formula_t *a, const ba_formula_t *b)
{
    formula_key_t left = key_of(a), right = key_of(b);

    return left.n == right.n &&
           memcmp(left.code, right.code, left.n * sizeof *left.code) == 0;
}
