/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Average linkage by nearest-neighbour chains (Murtagh 1983): follow nearest neighbours
 * until two are each other's, merge them, go on from what is left of the chain. Average
 * linkage never brings a merged cluster nearer to a third than its parts were, so the
 * merges are those of the greedy algorithm in another order; sorted by height they are its
 * tree. The distance to a merged cluster is the mean weighted by sizes (Lance and Williams
 * 1967). */
#include "model/linkage.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    double height;
    uint32_t a, b; /* points that stand for the clusters joined */
    size_t order;
} merge_t;

static int
by_height(const void *left, const void *right)
{
    const merge_t *a = left, *b = right;
    int by = (a->height > b->height) - (a->height < b->height);

    return by ? by : (a->order > b->order) - (a->order < b->order);
}

/* The nearest of the active points to x; `before` (the one x was come to from, or x) wins
 * ties, then the lowest index. */
static size_t
nearest(const double *d, size_t n, const size_t *size, size_t x, size_t before)
{
    double least = before == x ? (double) INFINITY : d[before + x * n];
    size_t best = before;

    for (size_t i = 0; i < n; i++) {
        if (size[i] > 0 && i != x && d[i + x * n] < least) {
            least = d[i + x * n];
            best = i;
        }
    }
    return best;
}

/* b takes a in. */
static void
join(double *d, size_t n, size_t *size, size_t a, size_t b)
{
    double n_a = (double) size[a], n_b = (double) size[b];

    for (size_t i = 0; i < n; i++) {
        if (size[i] > 0 && i != a && i != b) {
            double mean = (n_a * d[i + a * n] + n_b * d[i + b * n]) / (n_a + n_b);

            d[i + b * n] = d[b + i * n] = mean;
        }
    }
    size[b] += size[a];
    size[a] = 0;
}

static void
run_chains(double *d, size_t n, size_t *size, size_t *chain, merge_t *merges)
{
    size_t length = 0, start = 0;

    for (size_t k = 0; k + 1 < n; k++) {
        size_t x, y;

        if (length == 0) {
            while (size[start] == 0) {
                start++;
            }
            chain[length++] = start;
        }
        for (;;) {
            size_t before = length > 1 ? chain[length - 2] : chain[length - 1];

            x = chain[length - 1];
            y = nearest(d, n, size, x, before);
            if (length > 1 && y == before) {
                break;
            }
            chain[length++] = y;
        }
        length -= 2;
        merges[k] = (merge_t){
            d[x + y * n], (uint32_t) (x < y ? x : y), (uint32_t) (x < y ? y : x), k};
        join(d, n, size, x < y ? x : y, x < y ? y : x);
    }
}

static uint32_t
root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* From points to numbers of clusters, in the order of the heights. */
static void
number_merges(
    const merge_t *merges, size_t n, uint32_t *parent, double *height, uint32_t *merge)
{
    for (size_t i = 0; i < 2 * n - 1; i++) {
        parent[i] = (uint32_t) i;
    }
    for (size_t k = 0; k + 1 < n; k++) {
        uint32_t a = root_of(parent, merges[k].a), b = root_of(parent, merges[k].b);

        height[k] = merges[k].height;
        merge[2 * k] = a < b ? a : b;
        merge[2 * k + 1] = a < b ? b : a;
        parent[a] = parent[b] = (uint32_t) (n + k);
    }
}

int
ba_linkage_average(double *d, size_t n, double *height, uint32_t *merge)
{
    size_t *size = NULL, *chain = NULL;
    merge_t *merges = NULL;
    uint32_t *parent = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(size, ba_malloc(n, sizeof *size));
    BA_TRY_ALLOC(chain, ba_malloc(n + 1, sizeof *chain));
    BA_TRY_ALLOC(merges, ba_malloc(n, sizeof *merges));
    BA_TRY_ALLOC(parent, ba_malloc(n, 2 * sizeof *parent));
    for (size_t i = 0; i < n; i++) {
        size[i] = 1;
    }
    run_chains(d, n, size, chain, merges);
    if (n > 1) {
        qsort(merges, n - 1, sizeof *merges, by_height);
        number_merges(merges, n, parent, height, merge);
    }
out:
    ba_free(size);
    ba_free(chain);
    ba_free(merges);
    ba_free(parent);
    return status;
}

size_t
ba_linkage_cut(
    const uint32_t *merge, size_t n, size_t n_merges, uint32_t *label, uint32_t *room)
{
    uint32_t *parent = room, *number = room + 2 * n, n_clusters = 0;

    for (size_t i = 0; i < 2 * n; i++) {
        parent[i] = (uint32_t) i;
        number[i] = UINT32_MAX;
    }
    for (size_t k = 0; k < n_merges; k++) {
        parent[merge[2 * k]] = parent[merge[2 * k + 1]] = (uint32_t) (n + k);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t root = root_of(parent, (uint32_t) i);

        if (number[root] == UINT32_MAX) {
            number[root] = n_clusters++;
        }
        label[i] = number[root];
    }
    return n_clusters;
}
