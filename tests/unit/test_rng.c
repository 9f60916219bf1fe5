/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders that a seed has once given stay the same ones. */
#include "tests/testlib.h"

#include "core/rng.h"

static void
test_shuffle(void **state)
{
    enum { N = 12 };
    static const size_t want[2][N] = {
        {0, 3, 7, 8, 9, 6, 11, 4, 1, 5, 10, 2}, {8, 1, 3, 5, 0, 4, 2, 7, 9, 11, 10, 6}};
    ba_rng_t *rng = ba_rng_new(3, 17);

    (void) state;
    assert_non_null(rng);
    for (size_t k = 0; k < 2; k++) {
        size_t order[N];

        for (size_t i = 0; i < N; i++) {
            order[i] = i;
        }
        ba_rng_shuffle(rng, order, N);
        assert_memory_equal(order, want[k], sizeof order);
        ba_rng_shuffle(rng, order, 1);
        ba_rng_shuffle(rng, order, 0);
    }
    ba_rng_free(rng);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shuffle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
