/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/row_hash.h"

enum { COLUMNS = 500 };

/* The fingerprint of columns start .. stop - 1 of a row that are numbered from `first` on. */
static uint64_t
hash_of(const double *row, size_t start, size_t stop, size_t first)
{
    uint64_t hash = 0;

    for (size_t j = start; j < stop; j++) {
        hash += ba_row_hash_term(row[j], ba_row_hash_weight(first + j - start));
    }
    return hash;
}

static void
weights_are_powers(void **state)
{
    uint64_t power = 1;

    (void) state;
    for (size_t j = 0; j < 1000; j++) {
        assert_true(ba_row_hash_weight(j) == power);
        power *= BA_ROW_HASH_BASE;
    }
}

static void
parts_add_up(void **state)
{
    double row[COLUMNS];
    uint64_t whole;

    (void) state;
    test_fill_normal(row, COLUMNS, 1);
    whole = hash_of(row, 0, COLUMNS, 0);
    for (size_t cut = 0; cut <= COLUMNS; cut += 50) {
        assert_true(hash_of(row, 0, cut, 0) + hash_of(row, cut, COLUMNS, cut) == whole);
        assert_true(hash_of(row, cut, COLUMNS, 0) * ba_row_hash_weight(cut) ==
                    hash_of(row, cut, COLUMNS, cut));
    }
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}

/* Rows of few, small, whole numbers, and rows that differ in the order alone: all their
 * fingerprints differ. 3^9 rows and their 2 x 9 neighbours in one number. */
static void
rows_differ(void **state)
{
    enum { ROWS = 19683, LENGTH = 9 };
    static uint64_t hashes[ROWS];

    (void) state;
    for (size_t i = 0; i < ROWS; i++) {
        double row[LENGTH];
        size_t rest = i;

        for (size_t j = 0; j < LENGTH; j++) {
            row[j] = (double) (rest % 3) - 1.0;
            rest /= 3;
        }
        hashes[i] = hash_of(row, 0, LENGTH, 0);
    }
    qsort(hashes, ROWS, sizeof *hashes, compare);
    for (size_t i = 1; i < ROWS; i++) {
        assert_true(hashes[i] != hashes[i - 1]);
    }
}

/* Upper and lower bits of the fingerprints of similar rows fill their range: of 65536
 * boxes no more are empty than chance leaves, 1/e of them and six deviations. */
static void
bits_are_spread(void **state)
{
    enum { BOXES = 65536 };
    static unsigned char high[BOXES], low[BOXES];
    size_t n_high = 0, n_low = 0;

    (void) state;
    for (size_t i = 0; i < BOXES; i++) {
        double row[4] = {(double) (float) (1.0 + (double) i / BOXES), 0.5, 0.25, 1.0};
        uint64_t hash = hash_of(row, 0, 4, 0);

        high[hash >> 48] = 1;
        low[hash & 0xffff] = 1;
    }
    for (size_t i = 0; i < BOXES; i++) {
        n_high += !high[i];
        n_low += !low[i];
    }
    assert_true((double) n_high < BOXES * exp(-1.0) + 6 * 76.0);
    assert_true((double) n_low < BOXES * exp(-1.0) + 6 * 76.0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_powers),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(rows_differ),
        cmocka_unit_test(bits_are_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
