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
 * 16 columns, which are transposed by four rounds of interleaving. */
#include "model/pair_table.h"

#include "core/alloc.h"
#include "model/clones.h"
#include "model/pair_lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, CHUNK = 128, STEP = 8 };

/* Numbers in a line of the cache, and blocks of 16 items that go together so that a line is
 * used up while it is at hand. */
enum { LINE = 32, GROUP = 4 };

/* Largest size of a q: a difference of two, give or take 2, fits 16 bits. */
#define LARGEST 16382

struct ba_pair_table {
    ba_identification_t problem;
    const size_t *groups;
    size_t min_distance;
    size_t n, ld;
    int16_t *q;      /* ld x n, items in the order of `item` */
    size_t *item;    /* the item at each place: groups one after another */
    size_t *place;   /* of each item */
    size_t *onset;   /* n_groups + 1: first place of each group */
    size_t n_groups; /* 0 without groups */
};

/* Items of a column: room beyond the last, and an odd number of lines of the cache, so that
 * columns do not all fall into the same few of its sets. */
static size_t
padded(size_t n_items)
{
    return ((n_items + BA_PAIR_LANES + LINE - 1) / LINE | 1) * LINE;
}

size_t
ba_pair_table_bytes(size_t n_items)
{
    return padded(n_items) * n_items * sizeof(int16_t);
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
    scale = fmin(LARGEST / fmax(high - middle, middle - low), 0.25 / table->problem.tie);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n; i++) {
            double s = ba_similarity_of(&table->problem, table->item[i], table->item[j]);

            table->q[i + j * table->ld] =
                (int16_t) (isfinite(scale) ? nearbyint((s - middle) * scale) : 0);
        }
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
    table->ld = padded(n);
    BA_TRY(ba_multiply(table->ld, n, &size));
    BA_TRY_ALLOC(table->q, ba_calloc(size, sizeof *table->q));
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
        ba_free(table->item);
        ba_free(table->place);
        ba_free(table->onset);
        ba_free(table);
    }
}

size_t
ba_pair_table_scratch(const ba_pair_table_t *table)
{
    size_t n = table->n + BA_PAIR_LANES;

    return n + (n + 1) / 2;
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

typedef struct {
    const permuted_t *permuted;
    ba_pair_wins_t *wins;
} unsure_t;

static void
settle(void *payload, size_t i, size_t j)
{
    const unsure_t *unsure = payload;
    const size_t *item = unsure->permuted->table->item;

    add_exact(unsure->permuted, item[i], item[j], unsure->wins);
}

/* The same by wider vectors, where there are any. */
static void
add_pairs(const permuted_t *permuted, size_t start, size_t end, ba_pair_wins_t *wins)
{
    const ba_pair_table_t *table = permuted->table;
    ba_pair_lanes_t lanes = {table->q, table->ld, permuted->column, permuted->own};
    unsure_t unsure = {permuted, wins};
    uint64_t sum = 0, strict = 0;

    if (!ba_pair_lanes_is_usable()) {
        add_range(permuted, start, end, wins);
        return;
    }
    ba_pair_lanes_count(&lanes, start, end, settle, &unsure, &sum, &strict);
    wins->sum_halves += 2 * sum;
    wins->strict += strict;
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

void
ba_pair_table_count(const ba_pair_table_t *table, const uint32_t *order,
    uint32_t *scratch, ba_pair_wins_t *all, ba_pair_wins_t *within)
{
    uint32_t *column = scratch;
    int16_t *own = (void *) (scratch + table->n + BA_PAIR_LANES);
    permuted_t permuted = {table, order, column, own};

    for (size_t i = 0; i < table->n; i++) {
        column[i] = (uint32_t) table->place[order[table->item[i]]];
        own[i] = table->q[i + table->ld * column[i]];
    }
    /* Places beyond the last are compared and masked. */
    memset(column + table->n, 0, BA_PAIR_LANES * sizeof *column);
    memset(own + table->n, 0, BA_PAIR_LANES * sizeof *own);
    *all = *within = (ba_pair_wins_t){0};
    add_pairs(&permuted, 0, table->n, all);
    for (size_t g = 0; g < table->n_groups; g++) {
        add_pairs(&permuted, table->onset[g], table->onset[g + 1], within);
    }
    remove_near(&permuted, all, within);
}
