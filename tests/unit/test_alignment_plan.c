/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of an alignment against what is fitted. */
#include "tests/testlib.h"

#include "model/alignment_impl.h"

enum { SUBJECTS = 3, N = 12, WIDEST = 30 };

static void
check(const size_t *widths, const ba_alignment_opts_t *opts)
{
    static double values[SUBJECTS][N * WIDEST];
    ba_cdmat_t x[SUBJECTS];
    ba_alignment_t found;
    ba_alignment_plan_t plan;
    size_t numbers;

    for (size_t s = 0; s < SUBJECTS; s++) {
        test_fill_normal(values[s], N * widths[s], s + 1);
        x[s] = (ba_cdmat_t){values[s], N, widths[s], N};
    }
    assert_int_equal(ba_alignment_fit(NULL, x, SUBJECTS, opts, &found), BA_OK);
    ba_alignment_plan(widths, SUBJECTS, N, opts, &plan);
    assert_int_equal(plan.n_features, found.n_features);
    assert_int_equal(plan.n_directions, found.n_directions);
    numbers = N * found.n_directions;
    numbers += found.basis ? found.n_features * found.n_directions : 0;
    for (size_t s = 0; s < SUBJECTS; s++) {
        numbers += widths[s] * (found.n_directions + 1);
    }
    assert_int_equal((size_t) plan.made, numbers * sizeof(double));
    assert_true(plan.making >= plan.made);
    ba_alignment_free(&found);
}

/* Subjects narrower and wider than the samples, first or later, of all methods. */
static void
test_sizes(void **state)
{
    static const size_t widths[][SUBJECTS] = {
        {5, 4, 15}, {30, 20, 25}, {20, 6, 7}, {12, 12, 12}};

    (void) state;
    for (size_t c = 0; c < sizeof widths / sizeof *widths; c++) {
        check(widths[c], &(ba_alignment_opts_t){.kind = BA_ALIGNMENT_PROCRUSTES});
        check(
            widths[c], &(ba_alignment_opts_t){.kind = BA_ALIGNMENT_SRM, .n_features = 3});
        check(widths[c],
            &(ba_alignment_opts_t){.kind = BA_ALIGNMENT_SRM_EM, .n_features = 4});
    }
}

/* Without a number the features of a shared response model are those that all allow. */
static void
test_default(void **state)
{
    static const size_t widths[SUBJECTS] = {5, 4, 15};

    (void) state;
    check(widths, &(ba_alignment_opts_t){.kind = BA_ALIGNMENT_SRM});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_default)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
