/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/cv.h"

#define N 50

static const size_t onsets[] = {0, 13, 14, 30};

static ba_runs_t
four_runs(void)
{
    ba_runs_t runs;

    assert_int_equal(ba_runs_from_onsets(onsets, 4, N, &runs), BA_OK);
    return runs;
}

static void
all_rows(size_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rows[i] = i;
    }
}

static void
test_parse(void **state)
{
    static const char *const bad[] = {"", "run", "kfold", "kfold:", "kfold:x", "kfold:5x",
        "kfold:-5", "kfold:99999999999", "chunks:5", "chunks:5,", "chunks:,5",
        "rows:", "None", "chunks:5,3,1", "bootstrap:3,4", "bootstrap:3,4,0",
        "bootstrap:3,4,5,6", "sets:"};
    ba_cv_opts_t opts;

    (void) state;
    assert_int_equal(ba_cv_parse("runs", &opts), BA_OK);
    assert_int_equal(opts.kind, BA_CV_RUNS);
    assert_int_equal(ba_cv_parse("none", &opts), BA_OK);
    assert_int_equal(opts.kind, BA_CV_NONE);
    assert_int_equal(ba_cv_parse("kfold:12", &opts), BA_OK);
    assert_true(opts.kind == BA_CV_KFOLD && opts.n_folds == 12);
    assert_int_equal(ba_cv_parse("chunks:40,5", &opts), BA_OK);
    assert_true(opts.kind == BA_CV_CHUNKS && opts.chunk_len == 40 && opts.n_folds == 5);
    assert_int_equal(ba_cv_parse("rows:a.h5:/fold", &opts), BA_OK);
    assert_int_equal(opts.kind, BA_CV_ROWS);
    assert_string_equal(opts.spec, "a.h5:/fold");
    assert_int_equal(ba_cv_parse("bootstrap:50,40,125", &opts), BA_OK);
    assert_true(opts.kind == BA_CV_BOOTSTRAP && opts.n_folds == 50);
    assert_true(opts.chunk_len == 40 && opts.n_chunks == 125);
    assert_int_equal(ba_cv_parse("sets:a.h5:/held", &opts), BA_OK);
    assert_int_equal(opts.kind, BA_CV_SETS);
    assert_string_equal(opts.spec, "a.h5:/held");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ba_cv_parse(bad[i], &opts), BA_VALUE);
        assert_contains(ba_error_message(), bad[i]);
    }
    assert_int_equal(ba_cv_parse("kfold:1", &opts), BA_VALUE);
    assert_string_equal(
        ba_error_message(), "cv: kfold:1: found 1 folds, wanted 2 or more");
    assert_int_equal(ba_cv_parse("chunks:0,5", &opts), BA_VALUE);
}

static void
test_runs(void **state)
{
    ba_cv_opts_t opts = {.kind = BA_CV_RUNS};
    ba_runs_t runs = four_runs();
    /* Run 1 (sample 13) is not in play: ordinals of the others close the gap. */
    const size_t rows[] = {0, 5, 12, 14, 29, 30, 49};
    const int32_t wanted[] = {0, 0, 0, 1, 1, 2, 2};
    int32_t fold[N];
    size_t n_folds;

    (void) state;
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 7, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 3);
    assert_memory_equal(fold, wanted, sizeof wanted);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 3, fold, &n_folds), BA_SHAPE);
    assert_string_equal(ba_error_message(), "cv: runs over 1 run: fewer than two folds");
    ba_runs_free(&runs);
}

static void
test_kfold(void **state)
{
    ba_cv_opts_t opts = {.kind = BA_CV_KFOLD, .n_folds = 5};
    ba_runs_t runs = four_runs();
    const int32_t wanted[] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4};
    size_t rows[N], n_folds;
    int32_t fold[N];

    (void) state;
    all_rows(rows, N);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows + 20, 13, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 5);
    assert_memory_equal(fold, wanted, sizeof wanted);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 5, fold, &n_folds), BA_OK);
    assert_int_equal(fold[4], 4);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 4, fold, &n_folds), BA_SHAPE);
    assert_string_equal(
        ba_error_message(), "cv: kfold:5 over 4 samples: fewer samples than folds");
    opts.n_folds = 1;
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 4, fold, &n_folds), BA_SHAPE);
    ba_runs_free(&runs);
}

static void
test_default(void **state)
{
    ba_cv_opts_t opts = {.kind = BA_CV_DEFAULT};
    ba_runs_t runs = four_runs();
    size_t rows[N], n_folds;
    int32_t fold[N];

    (void) state;
    all_rows(rows, N);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, N, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 4);
    assert_int_equal(fold[13], 1);
    /* Two runs only: contiguous folds. */
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 14, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 5);
    assert_int_equal(fold[13], 4);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 4, fold, &n_folds), BA_SHAPE);
    ba_runs_free(&runs);
}

/* Chunk of every row of the four runs, chunks of 5: 3 chunks (5 5 3), 1 (1), 4 (5 5 5 1),
 * 4 (5 5 5 5). */
static size_t
chunk_of(size_t t)
{
    const size_t first[] = {0, 3, 4, 8};

    for (size_t k = 4; k-- > 0;) {
        if (t >= onsets[k]) {
            return first[k] + (t - onsets[k]) / 5;
        }
    }
    return 0;
}

static void
test_chunks(void **state)
{
    ba_cv_opts_t opts = {.kind = BA_CV_CHUNKS, .n_folds = 5, .chunk_len = 5, .seed = 3};
    ba_runs_t runs = four_runs();
    size_t rows[N], n_folds;
    int32_t fold[N], again[N], of_chunk[12];
    size_t n_chunks[5] = {0};

    (void) state;
    all_rows(rows, N);
    memset(of_chunk, -1, sizeof of_chunk);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, N, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 5);
    for (size_t t = 0; t < N; t++) {
        int32_t *chunk = &of_chunk[chunk_of(t)];

        assert_in_range(fold[t], 0, 4);
        n_chunks[fold[t]] += *chunk < 0;
        *chunk = *chunk < 0 ? fold[t] : *chunk;
        assert_int_equal(*chunk, fold[t]);
    }
    /* 12 chunks to 5 folds in turn. */
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(n_chunks[k], k < 2 ? 3 : 2);
    }
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, N, again, &n_folds), BA_OK);
    assert_memory_equal(fold, again, sizeof fold);
    opts.seed = 4;
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, N, again, &n_folds), BA_OK);
    assert_memory_not_equal(fold, again, sizeof fold);
    opts.n_folds = 13;
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, N, again, &n_folds), BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "cv: chunks:5,13 over 50 samples: 12 chunks, fewer than folds");
    ba_runs_free(&runs);
}

/* Chunks are of the samples in play: with every second row gone they reach twice as
 * far. */
static void
test_chunks_of_rows_in_play(void **state)
{
    ba_cv_opts_t opts = {.kind = BA_CV_CHUNKS, .n_folds = 6, .chunk_len = 4};
    ba_runs_t runs;
    size_t rows[24], n_folds;
    int32_t fold[24];
    int seen[6] = {0};

    (void) state;
    assert_int_equal(ba_runs_one(48, &runs), BA_OK);
    for (size_t i = 0; i < 24; i++) {
        rows[i] = 2 * i;
    }
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 24, fold, &n_folds), BA_OK);
    for (size_t i = 0; i < 24; i++) {
        assert_int_equal(fold[i], fold[i / 4 * 4]);
        seen[fold[i]]++;
    }
    for (size_t k = 0; k < 6; k++) {
        assert_int_equal(seen[k], 4);
    }
    ba_runs_free(&runs);
}

static void
test_rows(void **state)
{
    const int32_t ids[] = {9, 9, -1, 4, 100, -7, 4, 9, 2};
    const size_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7}; /* id 2 is not in play */
    const int32_t wanted[] = {1, 1, -1, 0, 2, -1, 0, 1};
    ba_cv_opts_t opts = {.kind = BA_CV_ROWS, .ids = ids};
    ba_runs_t runs;
    int32_t fold[8];
    size_t n_folds;

    (void) state;
    assert_int_equal(ba_runs_one(9, &runs), BA_OK);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 8, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 3);
    assert_memory_equal(fold, wanted, sizeof wanted);
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 3, fold, &n_folds), BA_SHAPE);
    assert_string_equal(
        ba_error_message(), "cv: rows: 1 fold over 3 samples: fewer than two folds");
    opts.kind = BA_CV_NONE;
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 8, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(fold[i], -1);
    }
    ba_runs_free(&runs);
}

/* Every pair of samples by the words of the header. */
static void
check_split(const ba_runs_t *runs, const size_t *rows, size_t n, const int32_t *fold,
    int32_t k, size_t gap)
{
    size_t train[N], test[N], n_train, n_test, i_train = 0, i_test = 0;
    int status = ba_cv_split(runs, rows, n, fold, k, gap, train, &n_train, test, &n_test);

    for (size_t i = 0; i < n; i++) {
        int stays = fold[i] != k;

        for (size_t j = 0; j < n; j++) {
            size_t distance = rows[i] > rows[j] ? rows[i] - rows[j] : rows[j] - rows[i];

            stays &= !(fold[j] == k &&
                       ba_runs_of(runs, rows[i]) == ba_runs_of(runs, rows[j]) &&
                       distance <= gap);
        }
        if (fold[i] == k) {
            assert_true(i_test < n_test && test[i_test] == i);
            i_test++;
        } else if (stays) {
            assert_true(i_train < n_train && train[i_train] == i);
            i_train++;
        }
    }
    assert_int_equal(i_test, n_test);
    assert_int_equal(i_train, n_train);
    assert_int_equal(status, n_train > 0 ? BA_OK : BA_SHAPE);
}

static void
test_split(void **state)
{
    static const size_t gaps[] = {0, 1, 2, 5, 16, SIZE_MAX};
    ba_runs_t runs = four_runs();
    uint64_t seed = 8;

    (void) state;
    for (int trial = 0; trial < 60; trial++) {
        size_t rows[N], n = 0;
        int32_t fold[N];
        int n_ids = trial % 3 == 0 ? 2 : 9;

        for (size_t t = 0; t < N; t++) {
            if (test_below(&seed, 5) > 0) {
                fold[n] = (int32_t) test_below(&seed, (size_t) n_ids) - 1;
                fold[n] = n > 0 && test_below(&seed, 3) > 0 ? fold[n - 1] : fold[n];
                rows[n++] = t;
            }
        }
        for (size_t g = 0; g < 6; g++) {
            for (int32_t k = 0; k + 1 < n_ids; k++) {
                check_split(&runs, rows, n, fold, k, gaps[g]);
            }
        }
    }
    ba_runs_free(&runs);
}

static void
test_gap_empties_training(void **state)
{
    const size_t rows[] = {0, 1, 2, 3};
    const int32_t fold[] = {0, 0, 1, 1};
    size_t train[4], test[4], n_train, n_test;
    ba_runs_t runs;

    (void) state;
    assert_int_equal(ba_runs_one(4, &runs), BA_OK);
    assert_int_equal(
        ba_cv_split(&runs, rows, 4, fold, 0, 1, train, &n_train, test, &n_test), BA_OK);
    assert_int_equal(n_train, 1);
    assert_int_equal(train[0], 3);
    assert_int_equal(
        ba_cv_split(&runs, rows, 4, fold, 0, 2, train, &n_train, test, &n_test),
        BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "cv: fold 0: no training samples are left of 4 (2 held out, gap of 2), wanted a "
        "smaller gap or fewer held out");
    ba_runs_free(&runs);
}

/* Whole chunks from the first row, the tail never; sets of their own, which more sets do
 * not change. */
static void
test_bootstrap(void **state)
{
    enum { ROWS = 47, LEN = 5, CHUNKS = 4, SETS = 6 };
    ba_cv_opts_t opts = {.kind = BA_CV_BOOTSTRAP,
        .n_folds = SETS,
        .chunk_len = LEN,
        .n_chunks = CHUNKS,
        .seed = 3};
    static int32_t held[SETS * ROWS], fewer[SETS * ROWS];
    size_t rows[ROWS], n_times[ROWS / LEN] = {0}, n_same = 0;

    (void) state;
    all_rows(rows, ROWS);
    assert_true(ba_cv_is_overlapping(&opts));
    assert_int_equal(ba_cv_sets(&opts, rows, ROWS, ROWS, held), BA_OK);
    for (size_t s = 0; s < SETS; s++) {
        size_t n = 0;

        for (size_t i = 0; i < ROWS; i++) {
            int is_held = held[s * ROWS + i] == 0;

            assert_true(is_held || held[s * ROWS + i] == -1);
            assert_false(is_held && i >= ROWS / LEN * LEN);
            assert_true(i % LEN == 0 || i >= ROWS / LEN * LEN ||
                        held[s * ROWS + i] == held[s * ROWS + i - 1]);
            n += (size_t) is_held;
        }
        assert_int_equal(n, LEN * CHUNKS);
        for (size_t c = 0; c < ROWS / LEN; c++) {
            n_times[c] += held[s * ROWS + c * LEN] == 0;
        }
        n_same += s > 0 && memcmp(held, held + s * ROWS, sizeof *held * ROWS) == 0;
    }
    assert_true(n_same < SETS - 1);
    for (size_t c = 0; c < ROWS / LEN; c++) {
        assert_true(n_times[c] < SETS); /* no chunk stands still */
    }
    opts.n_folds = 2;
    assert_int_equal(ba_cv_sets(&opts, rows, ROWS, ROWS, fewer), BA_OK);
    assert_memory_equal(held, fewer, 2 * ROWS * sizeof *held);
    opts.seed = 4;
    assert_int_equal(ba_cv_sets(&opts, rows, ROWS, ROWS, fewer), BA_OK);
    assert_memory_not_equal(held, fewer, 2 * ROWS * sizeof *held);
    opts.n_chunks = ROWS / LEN;
    assert_int_equal(ba_cv_sets(&opts, rows, ROWS, ROWS, fewer), BA_SHAPE);
    assert_contains(ba_error_message(), "9 whole chunks, wanted more");
}

static void
test_given_sets(void **state)
{
    static const uint8_t given[] = {1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1};
    ba_cv_opts_t opts = {.kind = BA_CV_SETS, .n_folds = 3, .held = given};
    const size_t rows[] = {1, 2, 4}, few[] = {0, 1, 2, 3};
    const int32_t wanted[] = {0, -1, -1, -1, 0, -1, -1, -1, 0};
    ba_runs_t runs = four_runs();
    int32_t held[12];
    size_t n_folds;

    (void) state;
    assert_int_equal(ba_cv_sets(&opts, rows, 3, 5, held), BA_OK);
    assert_memory_equal(held, wanted, sizeof wanted);
    assert_int_equal(ba_cv_sets(&opts, few, 4, 5, held), BA_SHAPE);
    assert_contains(ba_error_message(), "set 2 holds out none of the 4");
    assert_int_equal(ba_cv_folds(&opts, &runs, rows, 3, held, &n_folds), BA_VALUE);
    assert_contains(ba_error_message(), "more than once");
    ba_runs_free(&runs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_kfold),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_of_rows_in_play),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_gap_empties_training),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_given_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
