/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/identification.h"

enum { N = 12, D = 8, R = 3 };

static const size_t top[] = {1, 3};

/* Repeats of one pattern with noise. */
static void
make_repeats(double noise, double x[R][N * D], ba_cdmat_t views[R])
{
    double pattern[N * D];

    test_fill_normal(pattern, N * D, 1);
    for (size_t r = 0; r < R; r++) {
        test_fill_normal(x[r], N * D, 2 + r);
        for (size_t i = 0; i < N * D; i++) {
            x[r][i] = pattern[i] + noise * x[r][i];
        }
        views[r] = (ba_cdmat_t){x[r], N, D, N};
    }
}

static double
sum_of(ba_cdmat_t predicted, ba_cdmat_t targets)
{
    double s[N * N];
    ba_identification_t problem = {{s, N, N, N}, NULL, 1e-12};
    ba_pair_counts_t counts;

    assert_int_equal(ba_similarity(NULL, BA_SIMILARITY_CORRELATION, predicted, targets,
                         (ba_dmat_t){s, N, N, N}),
        BA_OK);
    assert_int_equal(ba_identification_pairs(&problem, NULL, &counts), BA_OK);
    return ba_pairs_sum(&counts);
}

static void
test_means(void **state)
{
    double x[R][N * D], others[N * D], want = 0;
    ba_cdmat_t views[R];
    ba_identify_opts_t opts = {.top = top, .n_top = 2};
    ba_repeat_identification_t found;

    (void) state;
    make_repeats(2, x, views);
    for (size_t a = 0; a < R; a++) {
        for (size_t b = 0; b < R; b++) {
            want += a != b ? sum_of(views[a], views[b]) / 6 : 0;
        }
    }
    assert_int_equal(ba_repeat_identification(NULL, BA_SIMILARITY_CORRELATION, views, R,
                         BA_AGAINST_ONE, &opts, &found),
        BA_OK);
    assert_int_equal(found.n_comparisons, 6);
    assert_close(found.sum, want, 1e-14);
    assert_close(found.d_prime, ba_dprime_of_rank(found.rank_accuracy), 1e-14);
    assert_true(found.top[1] > found.top[0]);
    ba_repeat_identification_free(&found);
    want = 0;
    for (size_t a = 0; a < R; a++) {
        for (size_t i = 0; i < N * D; i++) {
            others[i] = (x[0][i] + x[1][i] + x[2][i] - x[a][i]) / 2;
        }
        want += sum_of(views[a], (ba_cdmat_t){others, N, D, N}) / R;
    }
    assert_int_equal(ba_repeat_identification(NULL, BA_SIMILARITY_CORRELATION, views, R,
                         BA_AGAINST_OTHERS, &opts, &found),
        BA_OK);
    assert_int_equal(found.n_comparisons, R);
    assert_close(found.sum, want, 1e-14);
    ba_repeat_identification_free(&found);
}

static void
test_without_noise(void **state)
{
    double x[R][N * D];
    ba_cdmat_t views[R];
    ba_identify_opts_t opts = {.top = top, .n_top = 2};
    ba_repeat_identification_t found;

    (void) state;
    make_repeats(0, x, views);
    assert_int_equal(ba_repeat_identification(NULL, BA_SIMILARITY_COSINE, views, R,
                         BA_AGAINST_ONE, &opts, &found),
        BA_OK);
    assert_true(found.sum == 1 && found.strict == 1 && found.top[0] == 1);
    assert_close(found.mrr, 1, 1e-15);
    ba_repeat_identification_free(&found);
}

static void
test_errors(void **state)
{
    double x[R][N * D];
    ba_cdmat_t views[R];
    ba_identify_opts_t opts = {0};
    ba_repeat_identification_t found;

    (void) state;
    make_repeats(1, x, views);
    assert_int_equal(ba_repeat_identification(NULL, BA_SIMILARITY_COSINE, views, 1,
                         BA_AGAINST_ONE, &opts, &found),
        BA_SHAPE);
    assert_contains(ba_error_message(), "repeats: found 1, wanted at least 2");
    views[2].n_rows--;
    assert_int_equal(ba_repeat_identification(NULL, BA_SIMILARITY_COSINE, views, R,
                         BA_AGAINST_ONE, &opts, &found),
        BA_SHAPE);
    assert_contains(ba_error_message(), "repeat 2: found 11 x 8, wanted 12 x 8");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_without_noise),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
