/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A permutation re-indexes the columns of the similarity matrix S (item x own candidate of
 * item): with Q_ij = S[i, order[j]] each pair i < j needs Q_ii, Q_jj, Q_ij and Q_ji.
 *
 * S is kept as integers of 16 bits, q = round((S - middle) scale), so that 16 pairs are
 * compared at a time. A sum of four is off by 2 at most, a difference of two by 1: what is
 * nearer to 0 than that is looked up in S itself, in double precision and by the rule of
 * ties. So the counts are those of S, exactly.
 *
 * For 16 consecutive items j the Q_ji are consecutive in column order[i]; the Q_ij stand in
 * 16 columns, which are transposed by four rounds of interleaving.
 *
 * Wider vectors (pair_lanes.c) take several permutations over one part of the table; pairs
 * to be looked up in S wait there until the numbers have come from memory. */
#include "model/pair_table_impl.h"

#include "model/clones.h"
#include "model/pair_lanes.h"

#include <math.h>
#include <string.h>

enum { LANES = 16, CHUNK = 128, STEP = 8 };

/* Blocks of 16 items that go together so that a line of the cache is used up while it is
 * at hand. */
enum { GROUP = 4 };

static size_t
scratch_of_one(const ba_pair_table_t *table)
{
    size_t n = table->n + BA_PAIR_LANES;

    return n + (n + 1) / 2;
}

size_t
ba_pair_table_scratch(const ba_pair_table_t *table)
{
    return BA_PAIR_ORDERS * scratch_of_one(table);
}

/* One permutation of a table: columns by place, and Q_ii of each place. */
typedef struct {
    const ba_pair_table_t *table;
    const uint32_t *order; /* as given, by item */
    const uint32_t *column;
    const int16_t *own;
} permuted_t;

/* A pair of items by S itself. */
static void
add_exact(const permuted_t *permuted, size_t i, size_t j, ba_pair_wins_t *wins)
{
    const ba_identification_t *problem = &permuted->table->problem;
    size_t to_i = permuted->order[i], to_j = permuted->order[j];
    double own_i = ba_similarity_of(problem, i, to_i);
    double own_j = ba_similarity_of(problem, j, to_j);
    double ij = ba_similarity_of(problem, i, to_j),
           ji = ba_similarity_of(problem, j, to_i);
    double sum = (own_i + own_j) - (ij + ji), tie = problem->tie;

    wins->sum_halves += sum > tie ? 2 : fabs(sum) <= tie;
    wins->strict += own_i - ij > tie && own_j - ji > tie;
}

/* out = a[0] b[0] a[1] b[1] ... */
static inline void
interleave(
    const int16_t *restrict a, const int16_t *restrict b, size_t n, int16_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = a[i];
        out[2 * i + 1] = b[i];
    }
}

/* n_rows of 16 columns, a row after another: out[16 r + l] = columns[l][r]. */
static inline void
transpose(const int16_t *const *columns, size_t n_rows, int16_t *spare, int16_t *out)
{
    size_t n = n_rows;

    for (size_t c = 0; c < 8; c++) {
        interleave(columns[c], columns[c + 8], n, spare + 2 * n * c);
    }
    n *= 2;
    for (size_t c = 0; c < 4; c++) {
        interleave(spare + n * c, spare + n * (c + 4), n, out + 2 * n * c);
    }
    n *= 2;
    for (size_t c = 0; c < 2; c++) {
        interleave(out + n * c, out + n * (c + 2), n, spare + 2 * n * c);
    }
    n *= 2;
    interleave(spare, spare + n, n, out);
}

/* 16 numbers in registers, of as many bits as the machine has. */
typedef int16_t lanes_t __attribute__((vector_size(LANES * sizeof(int16_t))));

/* Sure successes, and which pairs of some rows are unsure. */
typedef struct {
    lanes_t sum, strict, unsure[STEP];
} counts_t;

/* Item i with 16 items j: crossed = Q_ij, back = Q_ji; mask: 1 where the pair counts.
 * Comparisons of lanes are 0 or -1. By pointers, since how such values are handed on
 * depends on the instruction set. */
static inline void
compare_row(counts_t *counts, size_t row, int16_t own_i, const lanes_t *own_j,
    const int16_t *crossed_row, const int16_t *back_row, const int16_t *mask_row)
{
    lanes_t crossed, back, mask;
    lanes_t zero = {0}, one = zero + 1, two = zero + 2;
    lanes_t first, second, wins, loses, is_first, less, is_near, is_sure;

    memcpy(&crossed, crossed_row, sizeof crossed);
    memcpy(&back, back_row, sizeof back);
    memcpy(&mask, mask_row, sizeof mask);
    first = (zero + own_i) - crossed;
    second = *own_j - back;
    wins = first - two > -second;
    loses = first + two < -second;
    is_first = first < second;
    less = (is_first & first) | (~is_first & second);
    is_near = ~(wins | loses) | ((less >= -one) & (less <= one));
    is_sure = mask & ~is_near;
    counts->sum += wins & is_sure;
    counts->strict += (less > one) & is_sure;
    counts->unsure[row] = is_near & mask;
}

static inline int
is_any(const lanes_t *flags)
{
    uint64_t words[LANES / 4];

    memcpy(words, flags, sizeof words);
    return (words[0] | words[1] | words[2] | words[3]) != 0;
}

/* The unsure pairs of some rows. */
static void
add_unsure(const permuted_t *permuted, size_t first_row, size_t j0, const lanes_t *unsure,
    ba_pair_wins_t *wins)
{
    const size_t *item = permuted->table->item;

    for (size_t r = 0; r < STEP; r++) {
        for (size_t l = 0; l < LANES && is_any(&unsure[r]); l++) {
            if (unsure[r][l]) {
                add_exact(permuted, item[first_row + r], item[j0 + l], wins);
            }
        }
    }
}

/* n_rows items from `first_row` (a multiple of STEP of them) with the 16 items from j0.
 * mask: a row of lanes, mask_step further for each next item. */
BA_CLONES static void
add_rows(const permuted_t *permuted, size_t first_row, size_t n_rows, size_t j0,
    const int16_t *const *columns, const int16_t *mask, size_t mask_step,
    ba_pair_wins_t *wins)
{
    const ba_pair_table_t *table = permuted->table;
    int16_t crossed[LANES * CHUNK], spare[LANES * CHUNK];
    const int16_t *starts[LANES];
    counts_t counts = {{0}, {0}, {{0}}};
    lanes_t any;
    lanes_t own_j;

    memcpy(&own_j, permuted->own + j0, sizeof own_j);
    for (size_t l = 0; l < LANES; l++) {
        starts[l] = columns[l] + first_row;
    }
    transpose(starts, n_rows, spare, crossed);
    for (size_t r = 0; r < n_rows; r += STEP) {
        any = (lanes_t){0};
        /* The columns of the next rows lie anywhere. */
        for (size_t s = 0; s < STEP && r + STEP < n_rows; s++) {
            __builtin_prefetch(
                table->q + j0 + table->ld * permuted->column[first_row + r + STEP + s]);
        }
        for (size_t s = 0; s < STEP; s++) {
            size_t i = first_row + r + s;

            compare_row(&counts, s, permuted->own[i], &own_j, crossed + LANES * (r + s),
                table->q + j0 + table->ld * permuted->column[i],
                mask + mask_step * (r + s));
            any |= counts.unsure[s];
        }
        if (is_any(&any)) {
            add_unsure(permuted, first_row + r, j0, counts.unsure, wins);
        }
    }
    for (size_t l = 0; l < LANES; l++) {
        wins->sum_halves += 2 * (uint64_t) counts.sum[l];
        wins->strict += (uint64_t) counts.strict[l];
    }
}

/* 16 items from j0, those before `end`: their columns, and which of them there are. */
typedef struct {
    size_t j0;
    const int16_t *columns[LANES];
    int16_t inside[LANES];
} block_t;

static block_t
make_block(const permuted_t *permuted, size_t j0, size_t end)
{
    const ba_pair_table_t *table = permuted->table;
    block_t block = {.j0 = j0};

    for (size_t l = 0; l < LANES; l++) {
        size_t j = j0 + l < end ? j0 + l : end - 1;

        block.columns[l] = table->q + table->ld * permuted->column[j];
        block.inside[l] = j0 + l < end;
    }
    return block;
}

/* The pairs among the 16 items. */
static void
add_triangle(const permuted_t *permuted, const block_t *block, ba_pair_wins_t *wins)
{
    int16_t triangle[LANES * LANES];

    for (size_t r = 0; r < LANES; r++) {
        for (size_t l = 0; l < LANES; l++) {
            triangle[r * LANES + l] = r < l && block->inside[l];
        }
    }
    add_rows(
        permuted, block->j0, LANES, block->j0, block->columns, triangle, LANES, wins);
}

/* All pairs of the places start .. end - 1, 16 at a time. */
static void
add_range(const permuted_t *permuted, size_t start, size_t end, ba_pair_wins_t *wins)
{
    for (size_t first = start; first < end; first += GROUP * LANES) {
        block_t blocks[GROUP];
        size_t n_blocks = 0, last = first;

        for (size_t j0 = first; j0 < end && n_blocks < GROUP; j0 += LANES) {
            blocks[n_blocks] = make_block(permuted, j0, end);
            add_triangle(permuted, &blocks[n_blocks++], wins);
            last = j0;
        }
        for (size_t i = start; i < last; i += CHUNK) {
            for (size_t k = 0; k < n_blocks; k++) {
                size_t j0 = blocks[k].j0, n_rows = j0 > i ? j0 - i : 0;

                add_rows(permuted, i, n_rows < CHUNK ? n_rows : CHUNK, j0,
                    blocks[k].columns, blocks[k].inside, 0, wins);
            }
        }
    }
}

/* Pairs that wait until S is at hand for them. */
enum { WAITING = 32 };

typedef struct {
    const permuted_t *permuted;
    ba_pair_wins_t *wins;
    size_t n;
    uint32_t pair[WAITING][2];
} unsure_t;

static void
settle(unsure_t *unsure)
{
    for (size_t k = 0; k < unsure->n; k++) {
        add_exact(unsure->permuted, unsure->pair[k][0], unsure->pair[k][1], unsure->wins);
    }
    unsure->n = 0;
}

static void
wait_for(void *payload, size_t place_i, size_t place_j)
{
    unsure_t *unsure = payload;
    const permuted_t *permuted = unsure->permuted;
    const ba_identification_t *problem = &permuted->table->problem;
    size_t i = permuted->table->item[place_i], j = permuted->table->item[place_j];
    size_t to_i = ba_own_column(problem, permuted->order[i]);
    size_t to_j = ba_own_column(problem, permuted->order[j]);

    __builtin_prefetch(problem->similarity.data + i + to_i * problem->similarity.ld);
    __builtin_prefetch(problem->similarity.data + j + to_j * problem->similarity.ld);
    __builtin_prefetch(problem->similarity.data + i + to_j * problem->similarity.ld);
    __builtin_prefetch(problem->similarity.data + j + to_i * problem->similarity.ld);
    unsure->pair[unsure->n][0] = (uint32_t) i;
    unsure->pair[unsure->n][1] = (uint32_t) j;
    if (++unsure->n == WAITING) {
        settle(unsure);
    }
}

/* The same by wider vectors, where there are any, for some permutations. */
static void
add_pairs(const permuted_t *permuted, size_t n_orders, size_t start, size_t end,
    ba_pair_wins_t *wins)
{
    const ba_pair_table_t *table = permuted->table;
    unsure_t unsure[BA_PAIR_ORDERS];
    ba_pair_count_t counts[BA_PAIR_ORDERS];

    if (!ba_pair_lanes_is_usable()) {
        for (size_t k = 0; k < n_orders; k++) {
            add_range(permuted + k, start, end, wins + k);
        }
        return;
    }
    for (size_t k = 0; k < n_orders; k++) {
        unsure[k].permuted = permuted + k;
        unsure[k].wins = wins + k;
        unsure[k].n = 0;
        counts[k] = (ba_pair_count_t){
            {table->q, table->ld, permuted[k].column, permuted[k].own}, unsure + k, 0, 0};
    }
    ba_pair_lanes_count(counts, n_orders, start, end, wait_for);
    for (size_t k = 0; k < n_orders; k++) {
        settle(unsure + k);
        wins[k].sum_halves += 2 * counts[k].sum;
        wins[k].strict += counts[k].strict;
    }
}

/* Takes pairs of items nearer than min_distance out again. */
static void
remove_near(const permuted_t *permuted, ba_pair_wins_t *all, ba_pair_wins_t *within)
{
    const ba_pair_table_t *table = permuted->table;

    for (size_t i = 0; i < table->n; i++) {
        for (size_t d = 1; d < table->min_distance && d < table->n - i; d++) {
            ba_pair_wins_t pair = {0};

            add_exact(permuted, i, i + d, &pair);
            all->sum_halves -= pair.sum_halves;
            all->strict -= pair.strict;
            if (table->groups && table->groups[i] == table->groups[i + d]) {
                within->sum_halves -= pair.sum_halves;
                within->strict -= pair.strict;
            }
        }
    }
}

/* Places beyond the last are compared and masked. */
static permuted_t
permute(const ba_pair_table_t *table, const uint32_t *order, uint32_t *scratch)
{
    uint32_t *column = scratch;
    int16_t *own = (void *) (scratch + table->n + BA_PAIR_LANES);

    for (size_t i = 0; i < table->n; i++) {
        column[i] = (uint32_t) table->place[order[table->item[i]]];
        own[i] = table->q[i + table->ld * column[i]];
    }
    memset(column + table->n, 0, BA_PAIR_LANES * sizeof *column);
    memset(own + table->n, 0, BA_PAIR_LANES * sizeof *own);
    return (permuted_t){table, order, column, own};
}

void
ba_pair_table_count(const ba_pair_table_t *table, const uint32_t *orders, size_t n_orders,
    uint32_t *scratch, ba_pair_wins_t *all, ba_pair_wins_t *within)
{
    size_t size = scratch_of_one(table);
    permuted_t permuted[BA_PAIR_ORDERS] = {{0}};

    for (size_t k = 0; k < n_orders; k++) {
        permuted[k] = permute(table, orders + k * table->n, scratch + k * size);
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
