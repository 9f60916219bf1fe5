/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A permutation re-indexes the columns of the similarity matrix S (item x own candidate of
 * item): with Q_ij = S[i, order[j]] each pair i < j needs Q_ii, Q_jj, Q_ij and Q_ji.
 *
 * S is kept as integers of 16 bits, q = round((S - middle) scale), so that many pairs are
 * compared at a time. A sum of four is off by 2 at most, a difference of two by 1: what is
 * nearer to 0 than that is compared with 8 more bits, and what these leave open in S itself,
 * in double precision and by the rule of ties. So the counts are those of S, exactly.
 *
 * Tiles of 32 x 32 places are counted (pair_tile.c, and pair_lanes.c where there are wider
 * vectors), those of a part of the table for several permutations in turn, so that what has
 * come into the cache serves all. */
#include "model/pair_table_impl.h"

#include "model/pair_lanes.h"

#include <math.h>
#include <stdlib.h>

/* Places of an area: as many rows of 1,000 columns are half a megabyte, and two areas are
 * at hand at a time. */
enum { STRIPS = 8, AREA = STRIPS * BA_PAIR_TILE };

/* One permutation of a table, by place. */
typedef struct {
    const ba_pair_table_t *table;
    const uint32_t *order; /* as given, by item */
    int32_t *fine;         /* Q_ii in 24 bits */
    uint32_t *column;      /* first number of the column in a strip */
    int16_t *own;          /* Q_ii in 16 bits, and 1 */
} permuted_t;

/* Places of the arrays of a permutation. */
static size_t
n_room(const ba_pair_table_t *table)
{
    return table->n_padded + BA_PAIR_TILE;
}

static size_t
scratch_of_one(const ba_pair_table_t *table)
{
    return n_room(table) * (sizeof(int32_t) + sizeof(uint32_t) + sizeof(int16_t));
}

size_t
ba_pair_table_scratch(const ba_pair_table_t *table)
{
    return BA_PAIR_ORDERS * scratch_of_one(table);
}

/* Row i of a column, in 24 bits. */
static inline size_t
cell_of(const ba_pair_table_t *table, size_t i, uint32_t column)
{
    return i / BA_PAIR_TILE * table->strip + column + i % BA_PAIR_TILE;
}

static inline int32_t
fine_at(const ba_pair_table_t *table, size_t i, uint32_t column)
{
    size_t at = cell_of(table, i, column);

    return 256 * table->q[at] + table->rest[at];
}

/* A pair of places by S itself. */
static ba_pair_wins_t
compare(const permuted_t *permuted, size_t place_i, size_t place_j)
{
    const ba_identification_t *problem = &permuted->table->problem;
    size_t i = permuted->table->item[place_i], j = permuted->table->item[place_j];
    size_t to_i = permuted->order[i], to_j = permuted->order[j];
    double own_i = ba_similarity_of(problem, i, to_i);
    double own_j = ba_similarity_of(problem, j, to_j);
    double ij = ba_similarity_of(problem, i, to_j);
    double ji = ba_similarity_of(problem, j, to_i);
    double sum = (own_i + own_j) - (ij + ji), tie = problem->tie;

    return (ba_pair_wins_t){
        sum > tie ? 2 : fabs(sum) <= tie, own_i - ij > tie && own_j - ji > tie};
}

/* Pairs that wait until their numbers have come from memory. */
enum { WAITING = 16 };

typedef struct {
    uint32_t i, j;
    int is_sum, is_strict; /* which is open */
} open_pair_t;

/* A permutation that is being counted. */
typedef struct {
    const permuted_t *permuted;
    ba_pair_wins_t *wins;
    ba_pair_count_t count;
    size_t n_waiting;
    open_pair_t waiting[WAITING];
} job_t;

/* A pair that 16 bits leave open, in the sum form or the strict form or both: it was counted
 * as won. */
static void
settle(job_t *job, open_pair_t pair)
{
    const permuted_t *permuted = job->permuted;
    const ba_pair_table_t *table = permuted->table;
    size_t i = pair.i, j = pair.j;
    int32_t first = permuted->fine[i] - fine_at(table, i, permuted->column[j]);
    int32_t second = permuted->fine[j] - fine_at(table, j, permuted->column[i]);
    int32_t sum = first + second, less = first < second ? first : second;
    ba_pair_wins_t wins = {sum > 0 ? 2 : 0, less > 0};

    if ((pair.is_sum && abs(sum) <= table->near) ||
        (pair.is_strict && abs(less) <= table->near)) {
        wins = compare(permuted, i, j);
    }
    job->wins->sum_halves -= pair.is_sum ? 2 - wins.sum_halves : 0;
    job->wins->strict -= pair.is_strict ? 1 - wins.strict : 0;
}

static void
settle_all(job_t *job)
{
    for (size_t k = 0; k < job->n_waiting; k++) {
        settle(job, job->waiting[k]);
    }
    job->n_waiting = 0;
}

static void
wait_for(void *payload, size_t i, size_t j, int is_sum, int is_strict)
{
    job_t *job = payload;
    const ba_pair_table_t *table = job->permuted->table;
    const uint32_t *column = job->permuted->column;

    __builtin_prefetch(table->rest + cell_of(table, i, column[j]));
    __builtin_prefetch(table->rest + cell_of(table, j, column[i]));
    job->waiting[job->n_waiting++] =
        (open_pair_t){(uint32_t) i, (uint32_t) j, is_sum, is_strict};
    if (job->n_waiting == WAITING) {
        settle_all(job);
    }
}

/* Which of 32 places from `first` are among start .. end - 1. */
static uint32_t
inside(size_t first, size_t start, size_t end)
{
    uint64_t mask = UINT32_MAX;

    if (end - first < BA_PAIR_TILE) {
        mask = (UINT64_C(1) << (end - first)) - 1;
    }
    return (uint32_t) (start > first ? mask >> (start - first) << (start - first) : mask);
}

/* Tiles of the places start .. end - 1 in the areas from first_i and first_j. */
static size_t
list_tiles(const ba_pair_table_t *table, size_t first_i, size_t first_j, size_t start,
    size_t end, ba_pair_tile_t *tiles)
{
    size_t n = 0;

    for (size_t j0 = first_j; j0 < end && j0 < first_j + AREA; j0 += BA_PAIR_TILE) {
        for (size_t i0 = first_i; i0 <= j0 && i0 < first_i + AREA; i0 += BA_PAIR_TILE) {
            tiles[n++] = (ba_pair_tile_t){.i0 = i0,
                .j0 = j0,
                .strip_i = table->q + i0 / BA_PAIR_TILE * table->strip,
                .strip_j = table->q + j0 / BA_PAIR_TILE * table->strip,
                .rows = inside(i0, start, end),
                .lanes = inside(j0, start, end)};
        }
    }
    return n;
}

/* All pairs of the places start .. end - 1, for some permutations. */
static void
add_pairs(const permuted_t *permuted, size_t n_orders, size_t start, size_t end,
    ba_pair_wins_t *wins)
{
    const ba_pair_table_t *table = permuted->table;
    size_t first = start / BA_PAIR_TILE * BA_PAIR_TILE;
    size_t last = end < table->n ? end : table->n_padded; /* whole tiles are faster */
    job_t jobs[BA_PAIR_ORDERS];
    ba_pair_tile_t tiles[STRIPS * STRIPS];
    int n_bits = ba_pair_lanes_bits();
    ba_pair_counter_t *count = n_bits == 512   ? ba_pair_lanes_512
                               : n_bits == 256 ? ba_pair_lanes_256
                                               : ba_pair_tiles_count;

    for (size_t k = 0; k < n_orders; k++) {
        jobs[k].permuted = permuted + k;
        jobs[k].wins = wins + k;
        jobs[k].count =
            (ba_pair_count_t){.view = {table->strip, permuted[k].column, permuted[k].own},
                .open = wait_for,
                .payload = jobs + k};
        jobs[k].n_waiting = 0;
    }
    for (size_t j = first; j < last; j += AREA) {
        for (size_t i = first; i <= j; i += AREA) {
            size_t n_tiles = list_tiles(table, i, j, start, last, tiles);

            for (size_t k = 0; k < n_orders; k++) {
                count(&jobs[k].count, tiles, n_tiles);
            }
        }
    }
    for (size_t k = 0; k < n_orders; k++) {
        settle_all(jobs + k);
        wins[k].sum_halves += 2 * jobs[k].count.sum;
        wins[k].strict += jobs[k].count.strict;
    }
}

/* Takes pairs of items nearer than min_distance out again. */
static void
remove_near(const permuted_t *permuted, ba_pair_wins_t *all, ba_pair_wins_t *within)
{
    const ba_pair_table_t *table = permuted->table;

    for (size_t i = 0; i < table->n; i++) {
        for (size_t d = 1; d < table->min_distance && d < table->n - i; d++) {
            ba_pair_wins_t pair = compare(permuted, table->place[i], table->place[i + d]);

            all->sum_halves -= pair.sum_halves;
            all->strict -= pair.strict;
            if (table->groups && table->groups[i] == table->groups[i + d]) {
                within->sum_halves -= pair.sum_halves;
                within->strict -= pair.strict;
            }
        }
    }
}

/* Columns of all places. Those beyond the last have any column, in which their rows are 0,
 * and lose. */
static permuted_t
permute(const ba_pair_table_t *table, const uint32_t *order, void *scratch)
{
    size_t n = n_room(table);
    permuted_t permuted = {.table = table, .order = order, .fine = scratch};

    permuted.column = (void *) (permuted.fine + n);
    permuted.own = (void *) (permuted.column + n);
    for (size_t i = 0; i < table->n; i++) {
        permuted.column[i] =
            (uint32_t) (BA_PAIR_TILE * table->place[order[table->item[i]]]);
    }
    for (size_t i = table->n; i < n; i++) {
        permuted.column[i] = 0;
        permuted.own[i] = BA_PAIR_LOST;
    }
    return permuted;
}

/* Q_ii of the places of a strip. */
static void
look_up_own(const permuted_t *permuted, size_t strip)
{
    const ba_pair_table_t *table = permuted->table;

    for (size_t i = strip; i < table->n && i < strip + BA_PAIR_TILE; i++) {
        permuted->fine[i] = fine_at(table, i, permuted->column[i]);
        permuted->own[i] = (int16_t) (1 + (permuted->fine[i] >> 8));
    }
}

void
ba_pair_table_count(const ba_pair_table_t *table, const uint32_t *orders, size_t n_orders,
    void *scratch, ba_pair_wins_t *all, ba_pair_wins_t *within)
{
    size_t size = scratch_of_one(table);
    permuted_t permuted[BA_PAIR_ORDERS] = {{0}};

    for (size_t k = 0; k < n_orders; k++) {
        permuted[k] = permute(table, orders + k * table->n, (char *) scratch + k * size);
        all[k] = within[k] = (ba_pair_wins_t){0};
    }
    for (size_t i = 0; i < table->n; i += BA_PAIR_TILE) {
        for (size_t k = 0; k < n_orders; k++) {
            look_up_own(&permuted[k], i);
        }
    }
    add_pairs(permuted, n_orders, 0, table->n, all);
    for (size_t g = 0; g < table->n_groups; g++) {
        add_pairs(permuted, n_orders, table->onset[g], table->onset[g + 1], within);
    }
    for (size_t k = 0; k < n_orders; k++) {
        remove_near(&permuted[k], &all[k], &within[k]);
    }
}
