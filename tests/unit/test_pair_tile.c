/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiles of pairs against loops over the same pairs in wide integers, with numbers as large
 * as they may be. */
#include "tests/testlib.h"

#include "model/pair_lanes.h"
#include "model/pair_tile.h"

enum {
    N_STRIPS = 4,
    N = N_STRIPS * BA_PAIR_TILE,
    N_COLUMNS = 70,
    STRIP = BA_PAIR_TILE * N_COLUMNS,
    N_TILES = 9
};

typedef struct {
    int16_t q[N_STRIPS * STRIP], own[N];
    uint32_t column[N + BA_PAIR_TILE];
    ba_pair_tile_t tiles[N_TILES];
    unsigned char open[N * N]; /* 1 = sum form, 2 = strict form */
    uint64_t n_told;
} case_t;

static void
tell(void *payload, size_t i, size_t j, int is_sum, int is_strict)
{
    case_t *data = payload;

    assert_true(i < N && j < N && (is_sum || is_strict));
    data->open[i * N + j] += (unsigned char) (is_sum + 2 * is_strict);
    data->n_told++;
}

/* Numbers over all of the range, at its ends, or near one another. */
static int16_t
draw(int sort, uint64_t *seed)
{
    switch (sort) {
    case 0:
        return (
            int16_t) ((int) test_below(seed, 2 * BA_PAIR_LARGEST + 1) - BA_PAIR_LARGEST);
    case 1:
        return test_below(seed, 2) ? BA_PAIR_LARGEST : -BA_PAIR_LARGEST;
    default:
        return (int16_t) ((int) test_below(seed, 9) - 4);
    }
}

static uint32_t
draw_mask(int is_whole, uint64_t *seed)
{
    size_t n_below = test_below(seed, 32), n_above = test_below(seed, 32);

    return is_whole ? UINT32_MAX : UINT32_MAX << n_below & UINT32_MAX >> n_above;
}

/* Tiles are in the list as often as they come; each pair of tiles once, so that open pairs
 * are told apart. */
static case_t *
make_case(int sort, int is_whole, uint64_t seed)
{
    case_t *data = aligned_alloc(64, (sizeof *data + 63) / 64 * 64);
    size_t n = 0;

    assert_non_null(data);
    memset(data, 0, sizeof *data);
    for (size_t k = 0; k < N_STRIPS * STRIP; k++) {
        data->q[k] = draw(sort, &seed);
    }
    for (size_t i = 0; i < N; i++) {
        data->own[i] = (int16_t) (1 + draw(sort, &seed));
        data->column[i] = (uint32_t) (BA_PAIR_TILE * test_below(&seed, N_COLUMNS));
    }
    for (size_t j = 0; j < N_STRIPS; j++) {
        for (size_t i = 0; i <= j && n < N_TILES; i++) {
            uint32_t rows = draw_mask(is_whole, &seed);

            data->tiles[n++] = (ba_pair_tile_t){.i0 = BA_PAIR_TILE * i,
                .j0 = BA_PAIR_TILE * j,
                .strip_i = data->q + STRIP * i,
                .strip_j = data->q + STRIP * j,
                .rows = rows,
                .lanes = i == j ? rows : draw_mask(is_whole, &seed)};
        }
    }
    return data;
}

/* Pairs of a tile that are won or open; those that are open must have been told once. */
static void
check_tile(const case_t *data, const ba_pair_tile_t *tile, uint64_t *sum,
    uint64_t *strict, uint64_t *n_open)
{
    for (size_t r = 0; r < BA_PAIR_TILE; r++) {
        for (size_t l = 0; l < BA_PAIR_TILE; l++) {
            size_t i = tile->i0 + r, j = tile->j0 + l;
            int first = data->own[i] - tile->strip_i[data->column[j] + r];
            int second = data->own[j] - tile->strip_j[data->column[i] + l];
            int both = first + second, less = first < second ? first : second;
            int open = (both >= 0 && both <= 4) + 2 * (less >= 0 && less <= 2);

            if (!(tile->rows >> r & tile->lanes >> l & 1) || i >= j) {
                assert_int_equal(data->open[i * N + j], 0);
                continue;
            }
            *sum += both >= 0;
            *strict += less >= 0;
            *n_open += open > 0;
            assert_int_equal(data->open[i * N + j], open);
        }
    }
}

static void
check(
    ba_pair_counter_t *count_tiles, int sort, int is_whole, size_t n_tiles, uint64_t seed)
{
    case_t *data = make_case(sort, is_whole, seed);
    uint64_t sum = 5, strict = 7, n_open = 0;
    ba_pair_count_t count = {{STRIP, data->column, data->own}, tell, data, sum, strict};

    count_tiles(&count, data->tiles, n_tiles);
    for (size_t t = 0; t < n_tiles; t++) {
        check_tile(data, data->tiles + t, &sum, &strict, &n_open);
    }
    assert_int_equal(count.sum, sum);
    assert_int_equal(count.strict, strict);
    assert_int_equal(data->n_told, n_open);
    free(data);
}

static void
check_all(ba_pair_counter_t *count_tiles)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (int sort = 0; sort < 3; sort++) {
            check(count_tiles, sort, 1, N_TILES, seed);
            check(count_tiles, sort, 0, N_TILES, seed);
            check(count_tiles, sort, 0, 1 + seed % N_TILES, seed);
        }
    }
}

static void
test_any_processor(void **state)
{
    (void) state;
    check_all(ba_pair_tiles_count);
}

static void
test_256_bits(void **state)
{
    (void) state;
    if (ba_pair_lanes_bits() < 256) {
        test_skip("no vectors of 256 bits");
    }
    check_all(ba_pair_lanes_256);
}

static void
test_512_bits(void **state)
{
    (void) state;
    if (ba_pair_lanes_bits() < 512) {
        test_skip("no vectors of 512 bits");
    }
    check_all(ba_pair_lanes_512);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_processor),
        cmocka_unit_test(test_256_bits),
        cmocka_unit_test(test_512_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
