/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What formulas are made of: the tokens of each concept, and those of a word and its
 * neighbours. */
#include "neurons/explain_impl.h"

#include "core/alloc.h"

#include <string.h>

void
ba_leaves_free(ba_leaves_t *leaves)
{
    ba_free(leaves->names);
    ba_masks_free(leaves->train);
    ba_masks_free(leaves->test);
    memset(leaves, 0, sizeof *leaves);
}

/* Concepts of some tokens, in their order. */
static void
set_concepts(const ba_concepts_t *concepts, const size_t *tokens, ba_masks_t *masks)
{
    for (size_t i = 0; i < masks->n_tokens; i++) {
        size_t t = tokens[i];

        for (size_t k = concepts->first[t]; k < concepts->first[t + 1]; k++) {
            ba_masks_set(masks, concepts->concept[k], i);
        }
    }
}

/* Tokens of the word types of each leaf from `first` on. */
static void
set_neighbours(const ba_explaining_t *job, const size_t *tokens, const size_t *types,
    size_t n_each, ba_masks_t *masks)
{
    size_t first = job->concepts->n_concepts;

    for (size_t l = first; l < masks->n_masks; l++) {
        const size_t *own = types + (l - first) * n_each;

        for (size_t i = 0; i < masks->n_tokens; i++) {
            for (size_t k = 0; k < n_each && own[k] != SIZE_MAX; k++) {
                if (job->concepts->type[tokens[i]] == own[k]) {
                    ba_masks_set(masks, l, i);
                    break;
                }
            }
        }
    }
}

static int
make_masks(const ba_explaining_t *job, const size_t *tokens, size_t n_tokens,
    const size_t *types, ba_masks_t **out)
{
    int status;

    BA_TRY(ba_masks_create(job->leaves.n_leaves, n_tokens, out));
    set_concepts(job->concepts, tokens, *out);
    if (types) {
        set_neighbours(job, tokens, types, job->opts->n_neighbours + 1, *out);
    }
    ba_masks_count(*out);
out:
    return status;
}

int
ba_leaves_create(ba_explaining_t *job)
{
    ba_leaves_t *leaves = &job->leaves;
    ba_texts_t names = {0};
    size_t *types = NULL;
    int status = BA_OK;

    for (size_t c = 0; c < job->concepts->n_concepts; c++) {
        const char *name = job->concepts->names[c];

        BA_TRY(ba_texts_add(&names, name, strlen(name)));
    }
    if (job->opts->vectors) {
        BA_TRY(ba_neighbours_find(job, &names, &types, &leaves->n_neighbours));
    }
    leaves->n_leaves = names.n;
    BA_TRY(ba_texts_list(&names, &leaves->names));
    BA_TRY(make_masks(job, job->train, job->n_train, types, &leaves->train));
    BA_TRY(make_masks(job, job->test, job->n_test, types, &leaves->test));
out:
    ba_texts_free(&names);
    ba_free(types);
    return status;
}
