/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making the table that pair_table.c counts over: similarities as integers of 16 bits, items
 * of a group side by side. */
#include "model/pair_table_impl.h"

#include "core/alloc.h"
#include "model/pair_tile.h"

#include <math.h>
#include <stdlib.h>

static size_t
padded(size_t n_items)
{
    return (n_items + BA_PAIR_TILE - 1) / BA_PAIR_TILE * BA_PAIR_TILE;
}

size_t
ba_pair_table_bytes(size_t n_items)
{
    return padded(n_items) * n_items * (sizeof(int16_t) + sizeof(uint8_t));
}

typedef struct {
    size_t label, item;
} labelled_t;

static int
compare_labels(const void *a, const void *b)
{
    const labelled_t *x = a, *y = b;

    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    return x->item < y->item ? -1 : x->item > y->item;
}

static int
sort_items(ba_pair_table_t *table)
{
    labelled_t *items = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(items, ba_malloc(table->n, sizeof *items));
    for (size_t i = 0; i < table->n; i++) {
        items[i] = (labelled_t){table->groups ? table->groups[i] : 0, i};
    }
    qsort(items, table->n, sizeof *items, compare_labels);
    for (size_t i = 0; i < table->n; i++) {
        table->item[i] = items[i].item;
        table->place[items[i].item] = i;
        if (table->groups && (i == 0 || items[i].label != items[i - 1].label)) {
            table->onset[table->n_groups++] = i;
        }
    }
    table->onset[table->n_groups] = table->n;
out:
    ba_free(items);
    return status;
}

/* Column j of the table: q to the nearest integer, with the rest 24 bits rounded down. */
static void
fill_column(ba_pair_table_t *table, size_t j, double middle, double scale)
{
    const ba_identification_t *problem = &table->problem;
    const double *s = problem->similarity.data +
                      ba_own_column(problem, table->item[j]) * problem->similarity.ld;

    for (size_t i = 0; i < table->n; i++) {
        size_t at = i / BA_PAIR_TILE * table->strip + BA_PAIR_TILE * j + i % BA_PAIR_TILE;
        double x = (s[table->item[i]] - middle) * scale + (BA_PAIR_LARGEST + 0.5);
        int32_t whole = (int32_t) x;

        table->q[at] = (int16_t) (whole - BA_PAIR_LARGEST);
        table->rest[at] = (uint8_t) (256 * (x - whole));
    }
}

static void
fill(ba_pair_table_t *table)
{
    size_t n = table->n;
    double low = INFINITY, high = -INFINITY, middle, scale;

    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n; i++) {
            double s = ba_similarity_of(&table->problem, i, j);

            low = s < low ? s : low;
            high = s > high ? s : high;
        }
    }
    middle = low + (high - low) / 2;
    /* A unit has to be more than a tie, too. */
    scale = fmin(
        BA_PAIR_LARGEST / fmax(high - middle, middle - low), 0.25 / table->problem.tie);
    if (!isfinite(middle) || !(scale > 0.0)) { /* every pair is looked up */
        scale = INFINITY;
    }
    /* Four are off by less than 1 each. */
    table->near = isfinite(scale) ? 3 + (int32_t) (256 * scale * table->problem.tie) : 0;
    for (size_t j = 0; isfinite(scale) && j < n; j++) {
        fill_column(table, j, middle, scale);
    }
}

int
ba_pair_table_new(const ba_identification_t *problem, const size_t *groups,
    size_t min_distance, ba_pair_table_t **out)
{
    ba_pair_table_t *table = NULL;
    size_t n = problem->similarity.n_rows, size;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(table, ba_calloc(1, sizeof *table));
    table->problem = *problem;
    table->groups = groups;
    table->min_distance = min_distance;
    table->n = n;
    table->n_padded = padded(n);
    table->strip = BA_PAIR_TILE * n;
    BA_TRY(ba_multiply(table->n_padded, n, &size));
    BA_TRY_ALLOC(table->q, ba_calloc(size, sizeof *table->q));
    BA_TRY_ALLOC(table->rest, ba_calloc(size, sizeof *table->rest));
    BA_TRY_ALLOC(table->item, ba_calloc(n, sizeof *table->item));
    BA_TRY_ALLOC(table->place, ba_calloc(n, sizeof *table->place));
    BA_TRY_ALLOC(table->onset, ba_calloc(n + 1, sizeof *table->onset));
    BA_TRY(sort_items(table));
    fill(table);
    *out = table;
    table = NULL;
out:
    ba_pair_table_free(table);
    return status;
}

void
ba_pair_table_free(ba_pair_table_t *table)
{
    if (table) {
        ba_free(table->q);
        ba_free(table->rest);
        ba_free(table->item);
        ba_free(table->place);
        ba_free(table->onset);
        ba_free(table);
    }
}
