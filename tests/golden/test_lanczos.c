/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lanczos resampling against the Huth lab's code (golden file E5): a whole story of 1,544
 * words and 538 volumes, and a small case with words on a volume, twice at the same time,
 * on the edge of the window and far outside. */
#include "tests/golden/golden.h"

#include "brainalign/resample.h"

#define E5 "golden/encode/e5_lanczos_huth.h5"
#define DATA "data/narratives_black/narratives_black.h5"

/* Columns first.. of C-ordered rows, column-major. */
static double *
turned(const golden_t *x, size_t first, size_t n_cols)
{
    size_t n = x->dims[0];
    double *columns = malloc(n * n_cols * sizeof *columns);

    assert_non_null(columns);
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < n; i++) {
            columns[i + j * n] = x->data[i * x->dims[1] + first + j];
        }
    }
    return columns;
}

static void
compare(const char *what, const golden_t *words, const golden_t *times, const double *x,
    const golden_t *wanted)
{
    golden_check_t check = {.what = what};
    size_t n = times->n, n_cols = wanted->dims[1];
    double *y = malloc(n * n_cols * sizeof *y);
    ba_resampler_t r;

    assert_non_null(y);
    assert_int_equal(
        ba_resampler_lanczos(words->data, words->n, times->data, n, 3, 1, &r), BA_OK);
    ba_resampler_apply(NULL, &r, (ba_cdmat_t){x, words->n, n_cols, words->n},
        (ba_dmat_t){y, n, n_cols, n});
    for (size_t i = 0; i < wanted->n; i++) {
        golden_close(&check, i, y[i / n_cols + i % n_cols * n], wanted->data[i], 1e-12);
    }
    golden_report("E5", &check);
    ba_resampler_free(&r);
    free(y);
}

static void
test_story(void **state)
{
    char e5[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t words, times, wanted, activations;
    double *x;

    (void) state;
    test_need_data(e5, E5);
    test_need_data(data, DATA);
    words = golden_read_in(e5, "/lanczos", "word_times");
    times = golden_read_in(e5, "/lanczos", "tr_times");
    wanted = golden_read_in(e5, "/lanczos", "result");
    activations = golden_read(data, "/word/tinylm");
    x = turned(&activations, 192, wanted.dims[1]);
    compare("story", &words, &times, x, &wanted);
    free(x);
    golden_free(&words);
    golden_free(&times);
    golden_free(&wanted);
    golden_free(&activations);
}

static void
test_small(void **state)
{
    char e5[TEST_PATH_SIZE];
    golden_t words, times, wanted, features;
    double *x;

    (void) state;
    test_need_data(e5, E5);
    words = golden_read_in(e5, "/lanczos/small", "times");
    times = golden_read_in(e5, "/lanczos/small", "tr_times");
    wanted = golden_read_in(e5, "/lanczos/small", "result");
    features = golden_read_in(e5, "/lanczos/small", "features");
    x = turned(&features, 0, wanted.dims[1]);
    compare("small", &words, &times, x, &wanted);
    free(x);
    golden_free(&words);
    golden_free(&times);
    golden_free(&wanted);
    golden_free(&features);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story), cmocka_unit_test(test_small)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
