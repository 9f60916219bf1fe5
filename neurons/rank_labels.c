/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/rank_impl.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

/* What a row carries, to be sorted so that equal sets meet. */
typedef struct {
    const uint32_t *list;
    size_t n, row;
} carried_t;

static int
compare_carried(const void *a, const void *b)
{
    const carried_t *left = a, *right = b;

    if (left->n != right->n) {
        return left->n < right->n ? -1 : 1;
    }
    for (size_t i = 0; i < left->n; i++) {
        if (left->list[i] != right->list[i]) {
            return left->list[i] < right->list[i] ? -1 : 1;
        }
    }
    return (left->row > right->row) - (left->row < right->row);
}

static int
same_list(const carried_t *a, const carried_t *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->list, b->list, a->n * sizeof *a->list) == 0);
}

/* Numbers the distinct sets of sorted rows. */
static int
number_sets(const carried_t *carried, size_t n_rows, rank_labels_t *labels)
{
    int status = BA_OK;
    rank_sets_t *sets = &labels->sets;
    size_t total = 0, n_sets = 0;

    for (size_t i = 0; i < n_rows; i++) {
        if (i == 0 || !same_list(&carried[i - 1], &carried[i])) {
            total += carried[i].n;
            n_sets++;
        }
    }
    BA_TRY_ALLOC(sets->first, ba_malloc(n_sets + 1, sizeof *sets->first));
    BA_TRY_ALLOC(sets->concept, ba_malloc(total, sizeof *sets->concept));
    sets->first[0] = 0;
    sets->n_sets = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (i == 0 || !same_list(&carried[i - 1], &carried[i])) {
            size_t n = carried[i].n, s = sets->n_sets++;

            if (n > 0) {
                memcpy(sets->concept + sets->first[s], carried[i].list,
                    n * sizeof *sets->concept);
            }
            sets->first[s + 1] = sets->first[s] + (uint32_t) n;
        }
        labels->set[carried[i].row] = (uint32_t) sets->n_sets - 1;
    }
out:
    return status;
}

/* Training and test rows in one ascending list. */
static void
merge_rows(const ba_token_split_t *split, rank_labels_t *labels)
{
    size_t a = 0, b = 0, n = 0;

    while (a < split->n_train || b < split->n_test) {
        int test = a == split->n_train ||
                   (b < split->n_test && split->test[b] < split->train[a]);

        labels->test[n] = (unsigned char) test;
        labels->rows[n++] = test ? split->test[b++] : split->train[a++];
    }
}

int
ba_rank_labels_new(const ba_rank_data_t *data, rank_labels_t *out)
{
    int status = BA_OK;
    const ba_concepts_t *concepts = data->concepts;
    const ba_token_split_t *split = data->split;
    rank_labels_t labels = {.n_rows = split->n_train + split->n_test,
        .n_train = split->n_train,
        .is_exclusive = concepts->is_exclusive};
    carried_t *carried = NULL;

    labels.sets.n_concepts = concepts->n_concepts;
    if (labels.n_rows > RANK_NUMBER) {
        BA_TRY(ba_fail(BA_TOO_LARGE, "tokens: found %zu, at most %zu can be ranked on",
            labels.n_rows, (size_t) RANK_NUMBER));
    }
    BA_TRY_ALLOC(labels.rows, ba_malloc(labels.n_rows, sizeof *labels.rows));
    BA_TRY_ALLOC(labels.test, ba_malloc(labels.n_rows, 1));
    BA_TRY_ALLOC(labels.set, ba_malloc(labels.n_rows, sizeof *labels.set));
    BA_TRY_ALLOC(carried, ba_malloc(labels.n_rows, sizeof *carried));
    merge_rows(split, &labels);
    for (size_t i = 0; i < labels.n_rows; i++) {
        size_t token = labels.rows[i], first = concepts->first[token];

        carried[i] =
            (carried_t){concepts->concept + first, concepts->first[token + 1] - first, i};
    }
    qsort(carried, labels.n_rows, sizeof *carried, compare_carried);
    BA_TRY(number_sets(carried, labels.n_rows, &labels));
    *out = labels;
    labels = (rank_labels_t){0};
out:
    ba_rank_labels_free(&labels);
    ba_free(carried);
    return status;
}

void
ba_rank_labels_free(rank_labels_t *labels)
{
    ba_free(labels->rows);
    ba_free(labels->test);
    ba_free(labels->set);
    ba_free(labels->sets.first);
    ba_free(labels->sets.concept);
    *labels = (rank_labels_t){0};
}

int
ba_rank_labelling_new(const rank_labels_t *labels, rank_labelling_t *out)
{
    int status = BA_OK;

    *out = (rank_labelling_t){0};
    BA_TRY_ALLOC(out->set, ba_malloc(labels->n_rows, sizeof *out->set));
    BA_TRY_ALLOC(out->count, ba_calloc(labels->sets.n_concepts, sizeof *out->count));
out:
    return status;
}

void
ba_rank_labelling_free(rank_labelling_t *labelling)
{
    ba_free(labelling->set);
    ba_free(labelling->count);
    *labelling = (rank_labelling_t){0};
}

void
ba_rank_labelling_count(const rank_labels_t *labels, rank_labelling_t *labelling)
{
    const rank_sets_t *sets = &labels->sets;

    memset(labelling->count, 0, sets->n_concepts * sizeof *labelling->count);
    labelling->n_in = labelling->n_with = 0;
    for (size_t i = 0; i < labels->n_rows; i++) {
        uint32_t set = labelling->set[i];

        if (set == RANK_LEFT_OUT) {
            continue;
        }
        labelling->n_in++;
        labelling->n_with += sets->first[set + 1] > sets->first[set];
        for (uint32_t e = sets->first[set]; e < sets->first[set + 1]; e++) {
            labelling->count[sets->concept[e]]++;
        }
    }
}

void
ba_rank_labelling_part(
    const rank_labels_t *labels, unsigned char part, rank_labelling_t *labelling)
{
    for (size_t i = 0; i < labels->n_rows; i++) {
        labelling->set[i] = labels->test[i] == part ? labels->set[i] : RANK_LEFT_OUT;
    }
    ba_rank_labelling_count(labels, labelling);
}
