/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/runs.h"

static void
test_one(void **state)
{
    ba_runs_t runs;

    (void) state;
    assert_int_equal(ba_runs_one(7, &runs), BA_OK);
    assert_int_equal(runs.n_samples, 7);
    assert_int_equal(runs.n_runs, 1);
    assert_int_equal(runs.onset[0], 0);
    assert_int_equal(runs.onset[1], 7);
    ba_runs_free(&runs);
    assert_null(runs.onset);
    ba_runs_free(&runs);
    ba_runs_free(NULL);
}

static void
test_from_ids(void **state)
{
    const double ids[] = {3, 3, 3, -1, 8, 8};
    const double single[] = {5};
    ba_runs_t runs;

    (void) state;
    assert_int_equal(ba_runs_from_ids(ids, 6, "r.tsv", &runs), BA_OK);
    assert_int_equal(runs.n_runs, 3);
    assert_int_equal(runs.onset[0], 0);
    assert_int_equal(runs.onset[1], 3);
    assert_int_equal(runs.onset[2], 4);
    assert_int_equal(runs.onset[3], 6);
    for (size_t t = 0; t < 6; t++) {
        const size_t run[] = {0, 0, 0, 1, 2, 2};

        assert_int_equal(ba_runs_of(&runs, t), run[t]);
    }
    ba_runs_free(&runs);
    assert_int_equal(ba_runs_from_ids(single, 1, "r.tsv", &runs), BA_OK);
    assert_int_equal(runs.n_runs, 1);
    ba_runs_free(&runs);
}

static void
test_bad_ids(void **state)
{
    /* Both 1 (row 4) and 2 (row 5) come back: the earliest is named. */
    const double back[] = {2, 1, 1, 7, 1, 2};
    const double nan[] = {1, 1, (double) NAN};
    ba_runs_t runs;

    (void) state;
    assert_int_equal(ba_runs_from_ids(back, 6, "r.tsv", &runs), BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "r.tsv: run 1 comes back at row 4 after run 7, wanted every run in one piece");
    assert_int_equal(ba_runs_from_ids(nan, 3, "r.tsv", &runs), BA_NONFINITE);
    assert_contains(ba_error_message(), "r.tsv: the run of row 2 is");
    assert_int_equal(ba_runs_from_ids(nan, 0, "r.tsv", &runs), BA_SHAPE);
}

static void
test_from_onsets(void **state)
{
    const size_t good[] = {0, 1, 5}, late[] = {1, 5}, same[] = {0, 3, 3}, past[] = {0, 6};
    ba_runs_t runs;

    (void) state;
    assert_int_equal(ba_runs_from_onsets(good, 3, 6, &runs), BA_OK);
    assert_int_equal(runs.n_samples, 6);
    assert_int_equal(runs.onset[2], 5);
    assert_int_equal(runs.onset[3], 6);
    ba_runs_free(&runs);
    assert_int_equal(ba_runs_from_onsets(late, 2, 6, &runs), BA_VALUE);
    assert_contains(ba_error_message(), "the first onset is 1");
    assert_int_equal(ba_runs_from_onsets(same, 3, 6, &runs), BA_VALUE);
    assert_contains(ba_error_message(), "onset 3 comes after 3");
    assert_int_equal(ba_runs_from_onsets(past, 2, 6, &runs), BA_VALUE);
    assert_contains(ba_error_message(), "onset 6, wanted less than the 6 samples");
    assert_int_equal(ba_runs_from_onsets(past, 0, 6, &runs), BA_VALUE);
}

static void
test_trim(void **state)
{
    const size_t onsets[] = {0, 4, 9};
    const size_t wanted[] = {1, 5, 6, 10};
    ba_runs_t runs, trimmed;
    size_t kept[12];

    (void) state;
    assert_int_equal(ba_runs_from_onsets(onsets, 3, 13, &runs), BA_OK);
    assert_int_equal(ba_runs_trim(&runs, 1, 2, kept, &trimmed), BA_OK);
    assert_int_equal(trimmed.n_samples, 4);
    assert_int_equal(trimmed.n_runs, 3);
    assert_int_equal(trimmed.onset[1], 1);
    assert_int_equal(trimmed.onset[2], 3);
    assert_int_equal(trimmed.onset[3], 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kept[i], wanted[i]);
    }
    ba_runs_free(&trimmed);
    assert_int_equal(ba_runs_trim(&runs, 2, 2, kept, &trimmed), BA_SHAPE);
    assert_contains(ba_error_message(), "run 0 (counted from 0) has 4 samples");
    assert_int_equal(ba_runs_trim(&runs, SIZE_MAX, 2, kept, &trimmed), BA_SHAPE);
    assert_int_equal(ba_runs_trim(&runs, 1, SIZE_MAX, kept, &trimmed), BA_SHAPE);
    ba_runs_free(&runs);
}

/* Many runs of random lengths: ba_runs_of() against a walk. */
static void
test_of_many(void **state)
{
    uint64_t seed = 11;
    double ids[2000];
    ba_runs_t runs;
    double id = 0;

    (void) state;
    for (size_t t = 0; t < 2000; t++) {
        id += test_below(&seed, 5) == 0;
        ids[t] = -id;
    }
    assert_int_equal(ba_runs_from_ids(ids, 2000, "ids", &runs), BA_OK);
    for (size_t t = 0, k = 0; t < 2000; t++) {
        k += t > 0 && ids[t] != ids[t - 1];
        assert_int_equal(ba_runs_of(&runs, t), k);
    }
    ba_runs_free(&runs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_from_ids),
        cmocka_unit_test(test_bad_ids),
        cmocka_unit_test(test_from_onsets),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
