/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/identification.h"

enum { N = 9, G = 140, D = 17 };

static double
slowly(ba_similarity_t kind, const double *p, const double *c, size_t i, size_t j)
{
    double mean_p = 0, mean_c = 0, pp = 0, cc = 0, pc = 0, distance = 0;

    for (size_t k = 0; k < D && kind == BA_SIMILARITY_CORRELATION; k++) {
        mean_p += p[i + k * N] / D;
        mean_c += c[j + k * G] / D;
    }
    for (size_t k = 0; k < D; k++) {
        double x = p[i + k * N] - mean_p, y = c[j + k * G] - mean_c;

        pp += x * x;
        cc += y * y;
        pc += x * y;
        distance += (x - y) * (x - y);
    }
    switch (kind) {
    case BA_SIMILARITY_EUCLIDEAN:
        return -sqrt(distance);
    case BA_SIMILARITY_SQUARED_EUCLIDEAN:
        return -distance;
    default:
        return pc / sqrt(pp * cc);
    }
}

static void
test_kinds(void **state)
{
    static double p[N * D], c[G * D], s[2][N * G];
    ba_ctx_t ctx = ba_ctx_default();

    (void) state;
    test_fill_normal(p, N * D, 1);
    test_fill_normal(c, G * D, 2);
    for (int kind = 0; kind < 4; kind++) {
        for (int k = 0; k < 2; k++) {
            ctx.n_threads = 1 + 2 * k;
            assert_int_equal(
                ba_similarity(&ctx, (ba_similarity_t) kind, (ba_cdmat_t){p, N, D, N},
                    (ba_cdmat_t){c, G, D, G}, (ba_dmat_t){s[k], N, G, N}),
                BA_OK);
        }
        assert_memory_equal(s[0], s[1], sizeof s[0]);
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < G; j++) {
                assert_close(
                    s[0][i + j * N], slowly((ba_similarity_t) kind, p, c, i, j), 1e-13);
            }
        }
    }
}

/* Row 0 is 0, row 1 constant, row 2 constant but for rounding. */
static void
test_undefined(void **state)
{
    double x[] = {0, 3, 1, 1, 0, 3, 1 + 1e-15, 2, 0, 3, 1, 4}, s[16], r[4];
    ba_cdmat_t rows = {x, 4, 3, 4};
    uint8_t flags[4];

    (void) state;
    assert_int_equal(ba_similarity_undefined(BA_SIMILARITY_COSINE, rows, flags), 1);
    assert_int_equal(flags[0], 1);
    assert_int_equal(ba_similarity_undefined(BA_SIMILARITY_CORRELATION, rows, flags), 3);
    assert_int_equal(flags[3], 0);
    assert_int_equal(ba_similarity_undefined(BA_SIMILARITY_EUCLIDEAN, rows, NULL), 0);
    assert_int_equal(ba_similarity(NULL, BA_SIMILARITY_CORRELATION, rows, rows,
                         (ba_dmat_t){s, 4, 4, 4}),
        BA_OK);
    for (size_t i = 0; i < 15; i++) {
        assert_true(s[i] == 0);
    }
    assert_close(s[15], 1, 1e-15);
    assert_int_equal(ba_pattern_r(rows, rows, r), BA_OK);
    assert_true(isnan(r[0]) && isnan(r[1]) && isnan(r[2]));
    assert_close(r[3], 1, 1e-15);
}

static void
test_profile(void **state)
{
    const double p[] = {1, 2, 3, 5, 5, 5}, t[] = {1, 3, 2, 1, 2, 3};
    double r[2];

    (void) state;
    assert_int_equal(
        ba_profile_r((ba_cdmat_t){p, 3, 2, 3}, (ba_cdmat_t){t, 3, 2, 3}, r), BA_OK);
    assert_close(r[0], 0.5, 1e-15);
    assert_true(isnan(r[1]));
}

static void
test_errors(void **state)
{
    double x[12] = {0}, s[12], r[4];
    ba_cdmat_t a = {x, 3, 4, 3}, b = {x, 4, 3, 4};

    (void) state;
    assert_int_equal(
        ba_similarity(NULL, BA_SIMILARITY_COSINE, a, b, (ba_dmat_t){s, 3, 4, 3}),
        BA_SHAPE);
    assert_contains(ba_error_message(), "4 dimensions, candidates of 3");
    assert_int_equal(
        ba_similarity(NULL, BA_SIMILARITY_COSINE, a, a, (ba_dmat_t){s, 3, 4, 3}),
        BA_SHAPE);
    assert_contains(ba_error_message(), "3 x 4, wanted 3 x 3");
    assert_int_equal(ba_pattern_r(a, b, r), BA_SHAPE);
    assert_int_equal(ba_profile_r(a, b, r), BA_SHAPE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
