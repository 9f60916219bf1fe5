/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A permutation re-indexes the columns of the similarity matrix S (item x own candidate of
 * item): with Q_ij = S[i, order[j]] each pair i < j needs Q_ii, Q_jj, Q_ij and Q_ji.
 *
 * S is kept as integers of 16 bits, q = round((S - middle) scale), so that many pairs are
 * compared at a time. A sum of four is off by 2 at most, a difference of two by 1: what is
 * nearer to 0 than that is looked up in S itself, in double precision and by the rule of
 * ties. So the counts are those of S, exactly.
 *
 * Tiles of 32 x 32 places are counted (pair_tile.c, and pair_lanes.c where there are wider
 * vectors), those of a part of the table for several permutations in turn, so that what has
 * come into the cache serves all. Pairs to be looked up in S wait there until the numbers
 * have come from memory. */
#include "model/pair_table_impl.h"

#include "model/pair_lanes.h"

#include <math.h>

/* Places of an area: as many rows of 1,000 columns are half a megabyte, and two areas are
 * at hand at a time. */
enum { STRIPS = 8, AREA = STRIPS * BA_PAIR_TILE };

/* Pairs that wait until S is at hand for them. */
enum { WAITING = 32 };

/* One permutation of a table, by place. */
typedef struct {
    const ba_pair_table_t *table;
    double *exact;       /* Q_ii */
    uint32_t *candidate; /* column of S */
    uint32_t *column;    /* first number of the column in a strip */
    int16_t *own;        /* Q_ii of the table, and 1 */
} permuted_t;

static size_t
scratch_of_one(const ba_pair_table_t *table)
{
    size_t n = table->n_padded + BA_PAIR_TILE;

    return n * (sizeof(double) + 2 * sizeof(uint32_t) + sizeof(int16_t));
}

size_t
ba_pair_table_scratch(const ba_pair_table_t *table)
{
    return BA_PAIR_ORDERS * scratch_of_one(table);
}

static const double *
similarity_at(const permuted_t *permuted, size_t i, size_t j)
{
    ba_cdmat_t s = permuted->table->problem.similarity;

    return s.data + permuted->table->item[i] + permuted->candidate[j] * s.ld;
}

/* A pair of places by S itself. */
static ba_pair_wins_t
compare(const permuted_t *permuted, size_t i, size_t j)
{
    double tie = permuted->table->problem.tie;
    double own_i = permuted->exact[i], own_j = permuted->exact[j];
    double ij = *similarity_at(permuted, i, j), ji = *similarity_at(permuted, j, i);
    double sum = (own_i + own_j) - (ij + ji);

    return (ba_pair_wins_t){
        sum > tie ? 2 : fabs(sum) <= tie, own_i - ij > tie && own_j - ji > tie};
}

typedef struct {
    uint32_t i, j;
    int is_sum, is_strict; /* which is open */
} waiting_t;

/* A permutation that is being counted. */
typedef struct {
    const permuted_t *permuted;
    ba_pair_wins_t *wins;
    ba_pair_count_t count;
    size_t n_waiting;
    waiting_t waiting[WAITING];
} job_t;

/* Open pairs were counted as won. */
static void
settle(job_t *job)
{
    for (size_t k = 0; k < job->n_waiting; k++) {
        waiting_t pair = job->waiting[k];
        ba_pair_wins_t wins = compare(job->permuted, pair.i, pair.j);

        if (pair.is_sum) {
            job->wins->sum_halves -= 2 - wins.sum_halves;
        }
        if (pair.is_strict) {
            job->wins->strict -= 1 - wins.strict;
        }
    }
    job->n_waiting = 0;
}

static void
wait_for(void *payload, size_t i, size_t j0, uint32_t sum, uint32_t strict)
{
    job_t *job = payload;

    for (uint32_t open = sum | strict; open; open &= open - 1) {
        uint32_t lane = (uint32_t) __builtin_ctz(open);
        size_t j = j0 + lane;

        __builtin_prefetch(similarity_at(job->permuted, i, j));
        __builtin_prefetch(similarity_at(job->permuted, j, i));
        job->waiting[job->n_waiting++] = (waiting_t){(uint32_t) i, (uint32_t) j,
            (int) (sum >> lane & 1), (int) (strict >> lane & 1)};
        if (job->n_waiting == WAITING) {
            settle(job);
        }
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
    job_t jobs[BA_PAIR_ORDERS];
    ba_pair_tile_t tiles[STRIPS * STRIPS];
    void (*count)(ba_pair_count_t *, const ba_pair_tile_t *, size_t) =
        ba_pair_lanes_is_usable() ? ba_pair_lanes_count : ba_pair_tiles_count;

    for (size_t k = 0; k < n_orders; k++) {
        jobs[k].permuted = permuted + k;
        jobs[k].wins = wins + k;
        jobs[k].count =
            (ba_pair_count_t){.view = {table->strip, permuted[k].column, permuted[k].own},
                .open = wait_for,
                .payload = jobs + k};
        jobs[k].n_waiting = 0;
    }
    for (size_t j = first; j < end; j += AREA) {
        for (size_t i = first; i <= j; i += AREA) {
            size_t n_tiles = list_tiles(table, i, j, start, end, tiles);

            for (size_t k = 0; k < n_orders; k++) {
                count(&jobs[k].count, tiles, n_tiles);
            }
        }
    }
    for (size_t k = 0; k < n_orders; k++) {
        settle(jobs + k);
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

/* Places beyond the last are compared with a column that is there, and masked. */
static permuted_t
permute(const ba_pair_table_t *table, const uint32_t *order, void *scratch)
{
    size_t n = table->n_padded + BA_PAIR_TILE;
    permuted_t permuted = {.table = table, .exact = scratch};

    permuted.candidate = (void *) (permuted.exact + n);
    permuted.column = permuted.candidate + n;
    permuted.own = (void *) (permuted.column + n);
    for (size_t i = 0; i < n; i++) {
        permuted.column[i] = 0;
        permuted.own[i] = 0;
    }
    for (size_t i = 0; i < table->n; i++) {
        size_t to = order[table->item[i]];
        const int16_t *strip = table->q + i / BA_PAIR_TILE * table->strip;

        permuted.column[i] = (uint32_t) (BA_PAIR_TILE * table->place[to]);
        permuted.own[i] = (int16_t) (1 + strip[permuted.column[i] + i % BA_PAIR_TILE]);
        permuted.candidate[i] = (uint32_t) ba_own_column(&table->problem, to);
        permuted.exact[i] = *similarity_at(&permuted, i, i);
    }
    return permuted;
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
    add_pairs(permuted, n_orders, 0, table->n, all);
    for (size_t g = 0; g < table->n_groups; g++) {
        add_pairs(permuted, n_orders, table->onset[g], table->onset[g + 1], within);
    }
    for (size_t k = 0; k < n_orders; k++) {
        remove_near(&permuted[k], &all[k], &within[k]);
    }
}
