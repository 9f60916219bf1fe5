/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/resample.h"
#include "core/alloc.h"

/* Words on edges, an empty volume, a word before and one after the scan. */
static const double ITEMS[] = {-0.5, 0, 0.7, 1.999, 2, 6.1, 7.9, 8};
static const double X[] = {100, 1, 2, 4, 8, 16, 32, 200};
static const double EDGES[] = {0, 2, 4, 6, 8};
enum { N_ITEMS = 8, N_BINS = 4 };

static void
assert_bins(ba_bin_t how, const double wanted[N_BINS])
{
    ba_resampler_t r;
    double y[N_BINS];

    assert_int_equal(ba_resampler_bins(how, ITEMS, N_ITEMS, EDGES, N_BINS, &r), BA_OK);
    ba_resampler_apply(NULL, &r, (ba_cdmat_t){X, N_ITEMS, 1, N_ITEMS},
        (ba_dmat_t){y, N_BINS, 1, N_BINS});
    assert_all_close(y, wanted, N_BINS, 1e-15);
    ba_resampler_free(&r);
}

static void
test_bins(void **state)
{
    (void) state;
    assert_bins(BA_BIN_SUM, (double[]){7, 8, 0, 48});
    assert_bins(BA_BIN_MEAN, (double[]){7.0 / 3, 8, 0, 24});
    assert_bins(BA_BIN_LAST, (double[]){4, 8, 0, 32});
}

/* Last is last in the order given, wherever the bin's items stand. */
static void
test_unsorted(void **state)
{
    const double items[] = {3, 1, 9, 0.5, 2.5, 1.5}, x[] = {1, 2, 4, 8, 16, 32};
    const double edges[] = {0, 2, 4};
    double y[2];
    ba_resampler_t r;

    (void) state;
    for (int how = BA_BIN_MEAN; how <= BA_BIN_LAST; how++) {
        const double wanted[3][2] = {{14, 8.5}, {42, 17}, {32, 16}};

        assert_int_equal(
            ba_resampler_bins((ba_bin_t) how, items, 6, edges, 2, &r), BA_OK);
        ba_resampler_apply(NULL, &r, (ba_cdmat_t){x, 6, 1, 6}, (ba_dmat_t){y, 2, 1, 2});
        assert_all_close(y, wanted[how], 2, 1e-14);
        ba_resampler_free(&r);
    }
}

/* Threads share columns: not a bit may depend on their number. */
static void
test_threads(void **state)
{
    enum { N = 50, N_COLS = 7 };
    double items[N], x[N * N_COLS], y[2][N_BINS * N_COLS];
    ba_ctx_t ctx = ba_ctx_default();
    ba_resampler_t r;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        items[i] = 0.16 * (double) i;
    }
    test_fill_normal(x, N * N_COLS, 3);
    assert_int_equal(ba_resampler_bins(BA_BIN_MEAN, items, N, EDGES, N_BINS, &r), BA_OK);
    for (int threads = 1; threads <= 2; threads++) {
        ctx.n_threads = threads;
        ba_resampler_apply(&ctx, &r, (ba_cdmat_t){x, N, N_COLS, N},
            (ba_dmat_t){y[threads - 1], N_BINS, N_COLS, N_BINS});
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    ba_resampler_free(&r);
}

static void
test_errors(void **state)
{
    const double edges[] = {0, 2, 1};
    ba_resampler_t r;

    (void) state;
    assert_int_equal(
        ba_resampler_bins(BA_BIN_SUM, ITEMS, N_ITEMS, edges, 2, &r), BA_SHAPE);
    assert_contains(ba_error_message(), "edges of volumes: number 2 (from 0) is 1 s");
    for (size_t n = 1; n <= 3; n++) {
        ba_alloc_fail_at(n);
        assert_int_equal(
            ba_resampler_bins(BA_BIN_SUM, ITEMS, N_ITEMS, EDGES, N_BINS, &r), BA_NOMEM);
        assert_null(r.weights);
    }
    ba_alloc_fail_at(0);
    assert_int_equal(ba_resampler_bins(BA_BIN_SUM, ITEMS, 0, EDGES, N_BINS, &r), BA_OK);
    assert_int_equal(r.start[N_BINS], 0);
    ba_resampler_free(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bins),
        cmocka_unit_test(test_unsorted), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_errors)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
