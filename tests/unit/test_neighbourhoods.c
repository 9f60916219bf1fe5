/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neighbourhoods against all pairs of points. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "model/neighbourhoods.h"

enum { N = 300 };

static int
is_near(const double *a, const double *b, size_t n_dims, ba_reach_t reach, double radius)
{
    double most = 0, square = 0;

    for (size_t d = 0; d < n_dims; d++) {
        most = fmax(most, fabs(a[d] - b[d]));
        square += (a[d] - b[d]) * (a[d] - b[d]);
    }
    return reach == BA_REACH_CUBE ? most <= radius : sqrt(square) <= radius;
}

static void
check(const double *at, size_t n_dims, ba_reach_t reach, double radius,
    const unsigned char *is_used)
{
    ba_neighbourhoods_t found;
    size_t most = 0;

    assert_int_equal(
        ba_neighbourhoods_find(NULL, at, N, n_dims, reach, radius, is_used, &found),
        BA_OK);
    for (size_t i = 0; i < N; i++) {
        size_t k = found.first[i];

        for (size_t j = 0; j < N; j++) {
            if (is_used[i] && is_used[j] &&
                is_near(at + i * n_dims, at + j * n_dims, n_dims, reach,
                    radius * (1 + 1e-9))) {
                assert_true(k < found.first[i + 1]);
                assert_int_equal(found.member[k++], j);
            }
        }
        assert_int_equal(k, found.first[i + 1]);
        most = k - found.first[i] > most ? k - found.first[i] : most;
    }
    assert_int_equal(most, found.most);
    ba_neighbourhoods_free(&found);
}

static void
test_points(void **state)
{
    double at[3 * N];
    unsigned char is_used[N];

    (void) state;
    test_fill_normal(at, 3 * N, 4);
    for (size_t i = 0; i < N; i++) {
        is_used[i] = i % 7 != 3;
    }
    check(at, 3, BA_REACH_SPHERE, 0.7, is_used);
    check(at, 3, BA_REACH_CUBE, 0.5, is_used);
    check(at, 1, BA_REACH_SPHERE, 0.1, is_used);
    check(at, 2, BA_REACH_SPHERE, 0.0, is_used);
}

/* Corners of a grid: 27 in the cube, 7 in the sphere of radius 1, 19 in that of root 2,
 * whose square is above 2 by rounding or below. */
static void
test_grid(void **state)
{
    double at[3 * N];
    unsigned char is_used[N];
    ba_neighbourhoods_t found;
    size_t middle = 2 + 5 * 2 + 5 * 10 * 2;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        at[3 * i] = (double) (i % 5);
        at[3 * i + 1] = (double) (i / 5 % 10);
        at[3 * i + 2] = (double) (i / 50);
        is_used[i] = 1;
    }
    check(at, 3, BA_REACH_CUBE, 1, is_used);
    check(at, 3, BA_REACH_SPHERE, sqrt(2), is_used);
    for (int wanted = 7; wanted <= 27; wanted += wanted == 7 ? 12 : 8) {
        assert_int_equal(ba_neighbourhoods_find(NULL, at, N, 3,
                             wanted == 27 ? BA_REACH_CUBE : BA_REACH_SPHERE,
                             wanted == 19 ? sqrt(2) : 1, NULL, &found),
            BA_OK);
        assert_int_equal(found.first[middle + 1] - found.first[middle], wanted);
        ba_neighbourhoods_free(&found);
    }
}

/* Members are counted before there is room for them. */
static void
test_memory(void **state)
{
    double at[N];
    ba_neighbourhoods_t found;
    ba_ctx_t ctx = ba_ctx_default();

    (void) state;
    for (size_t i = 0; i < N; i++) {
        at[i] = (double) (i % 3);
    }
    ctx.memory = (N + 1) * sizeof(size_t) + N * N * sizeof(int32_t);
    assert_int_equal(
        ba_neighbourhoods_find(&ctx, at, N, 1, BA_REACH_SPHERE, 2, NULL, &found), BA_OK);
    assert_int_equal(ba_neighbourhoods_bytes(&found), ctx.memory);
    ba_neighbourhoods_free(&found);
    ctx.memory--;
    assert_int_equal(
        ba_neighbourhoods_find(&ctx, at, N, 1, BA_REACH_SPHERE, 2, NULL, &found),
        BA_TOO_LARGE);
    ba_neighbourhoods_free(&found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
