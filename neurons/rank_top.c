/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/rank_top.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>

int
ba_rank_tops_make(size_t n_lists, size_t top, ba_rank_tops_t *out)
{
    int status;
    size_t n;

    *out = (ba_rank_tops_t){.n_lists = n_lists, .top = top};
    BA_TRY(ba_multiply(n_lists, top, &n));
    BA_TRY_ALLOC(out->n, ba_calloc(n_lists, sizeof *out->n));
    BA_TRY_ALLOC(out->entries, ba_malloc(n, sizeof *out->entries));
out:
    return status;
}

void
ba_rank_tops_free(ba_rank_tops_t *tops)
{
    ba_free(tops->n);
    ba_free(tops->entries);
    *tops = (ba_rank_tops_t){0};
}

static int
is_better(const ba_rank_entry_t *a, const ba_rank_entry_t *b)
{
    return a->score > b->score || (a->score == b->score && a->neuron < b->neuron);
}

static void
swap(ba_rank_entry_t *a, ba_rank_entry_t *b)
{
    ba_rank_entry_t kept = *a;

    *a = *b;
    *b = kept;
}

/* Every entry is better than the one at half its place. */
static void
sift_up(ba_rank_entry_t *heap, size_t at)
{
    while (at > 0 && is_better(&heap[(at - 1) / 2], &heap[at])) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void
sift_down(ba_rank_entry_t *heap, size_t n)
{
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1, worst = at;

        for (size_t c = child; c < child + 2 && c < n; c++) {
            worst = is_better(&heap[worst], &heap[c]) ? c : worst;
        }
        if (worst == at) {
            return;
        }
        swap(&heap[at], &heap[worst]);
        at = worst;
    }
}

void
ba_rank_tops_add(ba_rank_tops_t *tops, size_t list, double score, size_t neuron)
{
    ba_rank_entry_t *heap = tops->entries + list * tops->top;
    ba_rank_entry_t entry = {score, (uint32_t) neuron};

    if (isnan(score)) {
        return;
    }
    if (tops->n[list] < tops->top) {
        heap[tops->n[list]] = entry;
        sift_up(heap, tops->n[list]++);
    } else if (is_better(&entry, &heap[0])) {
        heap[0] = entry;
        sift_down(heap, tops->top);
    }
}

void
ba_rank_tops_merge(ba_rank_tops_t *tops, const ba_rank_tops_t *other)
{
    for (size_t list = 0; list < other->n_lists; list++) {
        const ba_rank_entry_t *entries = other->entries + list * other->top;

        for (size_t i = 0; i < other->n[list]; i++) {
            ba_rank_tops_add(tops, list, entries[i].score, entries[i].neuron);
        }
    }
}

static int
compare_entries(const void *left, const void *right)
{
    return is_better(left, right) ? -1 : is_better(right, left);
}

void
ba_rank_tops_take(ba_rank_tops_t *tops, size_t list, uint32_t *out)
{
    ba_rank_entry_t *entries = tops->entries + list * tops->top;

    qsort(entries, tops->n[list], sizeof *entries, compare_entries);
    for (size_t i = 0; i < tops->top; i++) {
        out[i] = i < tops->n[list] ? entries[i].neuron : UINT32_MAX;
    }
}
