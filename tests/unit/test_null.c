/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many permutations there are, which ones are drawn, and what is refused. */
#include "tests/unit/null_study.h"

/* A fold of 72 samples has 72 shifts; with fewer permutations asked for, or with runs
 * that multiply them, they are drawn. */
static void
test_number_of_shifts(void **state)
{
    ba_null_opts_t opts = {.kind = BA_NULL_CIRCULAR, .n_permutations = 1000};
    size_t onsets[] = {0, 30};
    ba_runs_t one, two;
    ba_null_info_t info;
    ba_null_t *null;

    (void) state;
    assert_int_equal(ba_runs_one(72, &one), 0);
    assert_int_equal(ba_runs_from_onsets(onsets, 2, 72, &two), 0);
    assert_int_equal(ba_null_new(&opts, &one, 1, &null), 0);
    info = ba_null_info(null, BA_NULL_R);
    assert_int_equal(info.n_permutations, 71);
    assert_close(info.n_distinct, 72, 0);
    assert_close(info.smallest_p, 1.0 / 72, 1e-15);
    for (size_t b = 0; b < 71; b++) {
        double x[72] = {1}, permuted[72];

        assert_int_equal(ba_null_permute(null, 0, b, x, permuted), 0);
        assert_close(permuted[b + 1], 1, 0);
    }
    ba_null_free(null);
    opts.min_shift = 10;
    assert_int_equal(ba_null_new(&opts, &one, 1, &null), 0);
    assert_int_equal(ba_null_info(null, BA_NULL_R).n_permutations, 53); /* 10 .. 62 */
    assert_close(ba_null_info(null, BA_NULL_R).n_distinct, 54, 0);
    ba_null_free(null);
    opts.min_shift = 0;
    assert_int_equal(ba_null_new(&opts, &two, 1, &null), 0);
    info = ba_null_info(null, BA_NULL_R);
    assert_int_equal(info.n_permutations, 1000);
    assert_close(info.n_distinct, 30 * 42, 0);
    assert_close(info.smallest_p, 1.0 / 1001, 1e-15);
    ba_null_free(null);
    ba_runs_free(&one);
    ba_runs_free(&two);
}

/* Shifts over two folds count through all pairs, each once. */
static void
test_shifts_of_folds(void **state)
{
    ba_null_opts_t opts = {.kind = BA_NULL_CIRCULAR, .n_permutations = 100};
    int seen[5 * 4] = {0};
    ba_runs_t runs[2];
    ba_null_t *null;

    (void) state;
    assert_int_equal(ba_runs_one(5, &runs[0]), 0);
    assert_int_equal(ba_runs_one(4, &runs[1]), 0);
    assert_int_equal(ba_null_new(&opts, runs, 2, &null), 0);
    assert_int_equal(ba_null_info(null, BA_NULL_R).n_permutations, 19);
    for (size_t b = 0; b < 19; b++) {
        double x[5] = {1}, permuted[5];
        size_t shift[2] = {0};

        for (size_t f = 0; f < 2; f++) {
            assert_int_equal(ba_null_permute(null, f, b, x, permuted), 0);
            while (permuted[shift[f]] < 1) {
                shift[f]++;
            }
        }
        seen[shift[0] * 4 + shift[1]]++;
    }
    assert_int_equal(seen[0], 0);
    for (size_t i = 1; i < 20; i++) {
        assert_int_equal(seen[i], 1);
    }
    ba_null_free(null);
    ba_runs_free(&runs[0]);
    ba_runs_free(&runs[1]);
}

static void
test_fineness(void **state)
{
    ba_null_opts_t opts = {.kind = BA_NULL_BLOCKS, .n_permutations = 1000, .block = 20};
    ba_runs_t runs;
    ba_null_t *null;

    (void) state;
    assert_int_equal(ba_runs_one(70, &runs), 0);
    assert_int_equal(ba_null_new(&opts, &runs, 1, &null), 0);
    assert_close(ba_null_info(null, BA_NULL_R).n_distinct, 6, 0); /* 3 whole blocks */
    assert_close(ba_null_info(null, BA_NULL_R).smallest_p, 1.0 / 6, 1e-15);
    assert_close(ba_null_info(null, BA_NULL_INCREMENT).n_distinct, 16, 0);
    ba_null_free(null);
    opts.kind = BA_NULL_COSINE;
    assert_int_equal(ba_null_new(&opts, &runs, 1, &null), 0);
    assert_close(ba_null_info(null, BA_NULL_R).n_distinct, pow(2, 69), 0);
    assert_close(ba_null_info(null, BA_NULL_INCREMENT).n_distinct, pow(2, 70), 0);
    ba_null_free(null);
    opts.kind = BA_NULL_PHASE;
    assert_int_equal(ba_null_new(&opts, &runs, 1, &null), 0);
    assert_true(isinf(ba_null_info(null, BA_NULL_R2).n_distinct));
    assert_close(ba_null_info(null, BA_NULL_R2).smallest_p, 1.0 / 1001, 1e-15);
    ba_null_free(null);
    ba_runs_free(&runs);
}

/* The first permutations of a longer list are those of a shorter one; another seed gives
 * others. */
static void
test_prefix_and_seed(void **state)
{
    static study_t study;

    (void) state;
    make_study(&study);
    for (int kind = BA_NULL_COSINE; kind <= BA_NULL_PHASE; kind++) {
        ba_null_opts_t opts = {(ba_null_kind_t) kind, 30, 0, 7, 1, 0};
        double few[LONGEST], many[LONGEST], other[LONGEST], change = 0;
        ba_null_t *a, *b, *c;

        assert_int_equal(ba_null_new(&opts, study.runs, N_FOLDS, &a), 0);
        opts.n_permutations = 300;
        assert_int_equal(ba_null_new(&opts, study.runs, N_FOLDS, &b), 0);
        opts.seed = 2;
        assert_int_equal(ba_null_new(&opts, study.runs, N_FOLDS, &c), 0);
        for (size_t f = 0; f < N_FOLDS; f++) {
            size_t n = study.runs[f].n_samples;

            assert_int_equal(ba_null_permute(a, f, 29, study.p[f], few), 0);
            assert_int_equal(ba_null_permute(b, f, 29, study.p[f], many), 0);
            assert_int_equal(ba_null_permute(c, f, 29, study.p[f], other), 0);
            assert_memory_equal(few, many, n * sizeof *few);
            for (size_t t = 0; t < n; t++) {
                change = fmax(change, fabs(few[t] - other[t]));
            }
        }
        assert_true(change > 0.1);
        ba_null_free(a);
        ba_null_free(b);
        ba_null_free(c);
    }
    free_study(&study);
}

static void
expect(int wanted, const char *words, const ba_null_opts_t *opts, const ba_runs_t *runs)
{
    ba_null_t *null = NULL;

    assert_int_equal(ba_null_new(opts, runs, 1, &null), wanted);
    assert_null(null);
    assert_contains(ba_error_message(), words);
}

static void
test_refusals(void **state)
{
    ba_null_opts_t opts = {BA_NULL_BLOCKS, 100, 0, 30, 0, 0};
    double x[50] = {0};
    ba_null_fold_t fold = {{x, 50, 1, 50}, {x, 50, 1, 50}, {NULL, 0, 0, 0}};
    ba_null_result_t result = {x, x, x};
    ba_runs_t runs, single;
    ba_null_t *null;
    ba_null_tile_t *tile;

    (void) state;
    assert_int_equal(ba_runs_one(50, &runs), 0);
    assert_int_equal(ba_runs_one(1, &single), 0);
    expect(BA_SHAPE, "no run of 2 blocks of 30 samples", &opts, &runs);
    opts.block = 0;
    expect(BA_VALUE, "blocks of 0 samples", &opts, &runs);
    opts = (ba_null_opts_t){BA_NULL_CIRCULAR, 0, 0, 0, 0, 0};
    expect(BA_VALUE, "0 permutations", &opts, &runs);
    opts = (ba_null_opts_t){BA_NULL_CIRCULAR, 10, 26, 0, 0, 0};
    expect(BA_SHAPE, "has 50 samples, wanted at least 52", &opts, &runs);
    opts = (ba_null_opts_t){BA_NULL_COSINE, 10, 0, 0, 0, 0};
    expect(BA_SHAPE, "has 1 samples, wanted at least 2", &opts, &single);
    opts.kind = BA_NULL_PHASE;
    assert_int_equal(ba_null_new(&opts, &runs, 1, &null), 0);
    assert_int_equal(
        ba_null_test(NULL, null, BA_NULL_INCREMENT, &fold, BA_TAIL_GREATER, &result),
        BA_UNSUPPORTED);
    fold.predictions.n_rows = 49;
    assert_int_equal(
        ba_null_test(NULL, null, BA_NULL_R, &fold, BA_TAIL_GREATER, &result), BA_SHAPE);
    assert_contains(ba_error_message(), "predictions of 49 x 1");
    fold.predictions.n_cols = 2;
    assert_int_equal(
        ba_null_test(NULL, null, BA_NULL_R, &fold, BA_TAIL_GREATER, &result), BA_SHAPE);
    assert_int_equal(ba_null_permute(null, 0, 10, x, x), BA_VALUE);
    assert_int_equal(ba_null_permute(null, 1, 0, x, x), BA_VALUE);
    assert_int_equal(ba_null_tile_new(null, &tile), 0);
    assert_int_equal(ba_null_tile_begin(tile, BA_NULL_R, BA_NULL_TILE + 1), BA_VALUE);
    assert_int_equal(ba_null_tile_begin(tile, BA_NULL_R, 1), 0);
    assert_int_equal(ba_null_tile_add(tile, 1, &fold), BA_SHAPE);
    ba_null_tile_free(tile);
    ba_null_free(null);
    ba_null_free(NULL);
    ba_null_tile_free(NULL);
    ba_runs_free(&runs);
    ba_runs_free(&single);
}

/* Permuted scores of crossed folds are wider by sqrt(2); one fold is crossed with nothing.
 */
static void
test_crossed_folds(void **state)
{
    static const ba_null_statistic_t statistics[] = {BA_NULL_R, BA_NULL_INCREMENT};
    static study_t study;
    double observed[2][V], p[2][V], maxima[2][50];

    (void) state;
    make_study(&study);
    for (size_t n_folds = 1; n_folds <= 2; n_folds++) {
        for (size_t k = 0; k < 2; k++) {
            for (int crossed = 0; crossed < 2; crossed++) {
                ba_null_opts_t opts = {BA_NULL_COSINE, 50, 0, 0, 3, crossed};
                ba_null_t *null;

                assert_int_equal(ba_null_new(&opts, study.runs, n_folds, &null), 0);
                assert_int_equal(
                    ba_null_test(NULL, null, statistics[k], study.folds, BA_TAIL_GREATER,
                        &(ba_null_result_t){
                            observed[crossed], p[crossed], maxima[crossed]}),
                    0);
                ba_null_free(null);
            }
            assert_all_close(observed[0], observed[1], V, 0);
            for (size_t b = 0; b < 50; b++) {
                assert_close(
                    maxima[1][b], (n_folds > 1 ? sqrt(2) : 1) * maxima[0][b], 1e-13);
            }
        }
    }
    free_study(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_of_shifts),
        cmocka_unit_test(test_shifts_of_folds),
        cmocka_unit_test(test_fineness),
        cmocka_unit_test(test_prefix_and_seed),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_crossed_folds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
