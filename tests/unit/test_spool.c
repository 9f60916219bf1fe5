/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/spool.h"

#include <signal.h>
#include <sys/resource.h>

/* A quarter of the first holds the matrices below, of the second not. */
#define LARGE ((size_t) 1 << 24)
#define SMALL ((size_t) 1 << 14)

#define N_ROWS 157
#define N_COLS 43

static double
number(size_t i, size_t j)
{
    return (double) i * 1000.0 + (double) j + 0.1;
}

static ba_spool_t *
fill(size_t memory, int by_columns, ba_precision_t precision)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_spool_t *spool;
    double record[N_ROWS > N_COLS ? N_ROWS : N_COLS];
    size_t n_records = by_columns ? N_COLS : N_ROWS;
    size_t n = by_columns ? N_ROWS : N_COLS;

    ctx.memory = memory;
    if (by_columns) {
        assert_int_equal(
            ba_spool_by_columns(&ctx, "m", N_ROWS, N_COLS, precision, &spool), BA_OK);
    } else {
        assert_int_equal(ba_spool_by_rows(&ctx, "m", N_COLS, precision, &spool), BA_OK);
    }
    for (size_t k = 0; k < n_records; k++) {
        for (size_t i = 0; i < n; i++) {
            record[i] = by_columns ? number(i, k) : number(k, i);
        }
        assert_int_equal(ba_spool_append(spool, record), BA_OK);
    }
    assert_int_equal(ba_spool_finish(spool), BA_OK);
    return spool;
}

static void
check_block(ba_spool_t *spool, size_t row0, size_t n_rows, size_t col0, size_t n_cols,
    ba_precision_t precision)
{
    double block[(N_ROWS + 3) * N_COLS];
    size_t ld = n_rows + 3;

    for (size_t i = 0; i < ld * n_cols; i++) {
        block[i] = -1.0;
    }
    assert_int_equal(ba_spool_read(spool, row0, n_rows, col0, n_cols, block, ld), BA_OK);
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < ld; i++) {
            double wanted = number(row0 + i, col0 + j);

            if (precision == BA_SINGLE) {
                wanted = (double) (float) wanted;
            }
            assert_true(block[i + j * ld] == (i < n_rows ? wanted : -1.0));
        }
    }
}

static void
blocks_come_back(void **state)
{
    (void) state;
    for (int kind = 0; kind < 8; kind++) {
        int by_columns = kind & 1;
        ba_precision_t precision = kind & 2 ? BA_DOUBLE : BA_SINGLE;
        size_t memory = kind & 4 ? LARGE : SMALL;
        ba_spool_t *spool = fill(memory, by_columns, precision);
        uint64_t seed = 3;

        assert_int_equal(ba_spool_is_file(spool), memory == SMALL);
        assert_int_equal(ba_spool_n_rows(spool), N_ROWS);
        check_block(spool, 0, N_ROWS, 0, N_COLS, precision);
        check_block(spool, N_ROWS - 1, 1, N_COLS - 1, 1, precision);
        for (int i = 0; i < 50; i++) {
            size_t row0 = test_below(&seed, N_ROWS), col0 = test_below(&seed, N_COLS);

            check_block(spool, row0, 1 + test_below(&seed, N_ROWS - row0), col0,
                1 + test_below(&seed, N_COLS - col0), precision);
        }
        ba_spool_free(spool);
    }
}

static void
edges(void **state)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_spool_t *spool;
    double row[3] = {1.0, (double) NAN, (double) INFINITY}, back[3];

    (void) state;
    assert_int_equal(ba_spool_by_rows(&ctx, "m", 3, BA_SINGLE, &spool), BA_OK);
    assert_int_equal(ba_spool_n_rows(spool), 0);
    assert_int_equal(ba_spool_append(spool, row), BA_OK);
    assert_int_equal(ba_spool_finish(spool), BA_OK);
    assert_int_equal(ba_spool_read(spool, 0, 1, 0, 3, back, 1), BA_OK);
    assert_true(back[0] == 1.0 && isnan(back[1]) && isinf(back[2]));
    ba_spool_free(spool);
    /* Rows wider than the whole budget still work, one row per block. */
    ctx.memory = 4;
    assert_int_equal(ba_spool_by_rows(&ctx, "m", 3, BA_SINGLE, &spool), BA_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ba_spool_append(spool, row), BA_OK);
    }
    assert_int_equal(ba_spool_finish(spool), BA_OK);
    assert_true(ba_spool_is_file(spool));
    assert_int_equal(ba_spool_read(spool, 4, 1, 0, 1, back, 1), BA_OK);
    assert_true(back[0] == 1.0);
    ba_spool_free(spool);
    ba_spool_free(NULL);
    assert_int_equal(
        ba_spool_by_rows(&ctx, "m", SIZE_MAX / 2, BA_DOUBLE, &spool), BA_TOO_LARGE);
    assert_null(spool);
}

static void
wrong_number_of_columns(void **state)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_spool_t *spool;
    double column[2] = {1.0, 2.0};

    (void) state;
    assert_int_equal(ba_spool_by_columns(&ctx, "m", 2, 2, BA_DOUBLE, &spool), BA_OK);
    assert_int_equal(ba_spool_append(spool, column), BA_OK);
    assert_int_equal(ba_spool_finish(spool), BA_SHAPE);
    assert_contains(ba_error_message(), "m: 1 columns, expected 2");
    assert_int_equal(ba_spool_append(spool, column), BA_OK);
    assert_int_equal(ba_spool_append(spool, column), BA_SHAPE);
    ba_spool_free(spool);
}

/* A limit on the size of files stands for a full disk. */
static void
full_disk(void **state)
{
    struct rlimit before, small = {.rlim_cur = 8192};
    ba_ctx_t ctx = ba_ctx_default();
    ba_spool_t *spool;
    double row[64] = {0.0};
    int status = BA_OK;

    (void) state;
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    ctx.memory = SMALL;
    assert_int_equal(ba_spool_by_rows(&ctx, "bold.nii.gz", 64, BA_DOUBLE, &spool), BA_OK);
    for (int i = 0; i < 1000 && status == BA_OK; i++) {
        status = ba_spool_append(spool, row);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, BA_IO);
    assert_contains(ba_error_message(), "bold.nii.gz: cannot write a temporary file");
    ba_spool_free(spool);
}

static void
no_memory(void **state)
{
    ba_ctx_t ctx = ba_ctx_default();
    double row[8] = {0.0};

    (void) state;
    for (size_t n = 1; n < 7; n++) {
        ba_spool_t *spool;
        int status;

        ba_alloc_fail_at(n);
        status = ba_spool_by_rows(&ctx, "m", 8, BA_DOUBLE, &spool);
        if (status == BA_OK) {
            status = ba_spool_append(spool, row);
        }
        ba_alloc_fail_at(0);
        assert_int_equal(status, n <= 5 ? BA_NOMEM : BA_OK);
        ba_spool_free(spool);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_come_back),
        cmocka_unit_test(edges), cmocka_unit_test(wrong_number_of_columns),
        cmocka_unit_test(full_disk), cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
