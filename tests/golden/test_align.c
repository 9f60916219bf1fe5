/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign neurons align` on two recordings, from the encoder file on, against the refits
 * of golden file N8. */
#include "tests/golden/golden_fit.h"

#define N8 "golden/neurons/n8_bridge.h5"
#define NARRATIVES "data/narratives_black/narratives_black.h5"
#define ALICE "data/alice_rois/alice_6mm.h5"

enum { UNITS = 64 };

/* Fits columns `features` and aligns with the folds kept. */
static void
align(const char *data, const char *features, const char *delays, const char *words,
    char *result)
{
    char encoder[TEST_PATH_SIZE];
    golden_command_t command = golden_fit(data, features, delays, encoder);

    golden_add_words(&command, "--precision double");
    golden_add_words(&command, words);
    golden_run(&command);
    golden_add(&command, golden_program);
    golden_add_words(&command, "neurons align --quiet --force --save-folds --encoder");
    golden_add(&command, encoder);
    golden_add(&command, "-o");
    golden_add(&command, test_join(result, golden_folder, "align.h5"));
    golden_run(&command);
}

/* Neurons x targets of the golden file against those columns of an array of the result that
 * begins with `before` matrices. */
static void
compare(const char *file, const char *group, const char *name, const golden_t *targets,
    const golden_t *found, size_t before)
{
    golden_t wanted = golden_read_in(file, group, name);
    golden_check_t check = {.what = name};
    size_t v = found->dims[found->rank - 1];

    assert_int_equal(wanted.n, UNITS * targets->n);
    assert_int_equal(found->dims[found->rank - 2], UNITS);
    for (size_t j = 0; j < UNITS; j++) {
        for (size_t t = 0; t < targets->n; t++) {
            size_t at = (before * UNITS + j) * v + (size_t) targets->data[t];

            golden_close(&check, j * targets->n + t, found->data[at],
                wanted.data[j * targets->n + t], 1e-9);
        }
    }
    golden_report(group, &check);
    golden_free(&wanted);
}

static void
compare_fold(const char *file, const char *group, size_t fold, const golden_t *targets,
    const char *result)
{
    golden_t r2 = golden_result(result, "/delta_r2_by_fold");
    golden_t r = golden_result(result, "/delta_r_by_fold");
    char path[TEST_PATH_SIZE];

    snprintf(path, sizeof path, "%s/fold%zu", group, fold);
    compare(file, path, "d_r2", targets, &r2, fold);
    compare(file, path, "d_r", targets, &r, fold);
    golden_free(&r2);
    golden_free(&r);
}

/* Shares add up to r2; scores of a region are means over its scored targets. */
static void
compare_sums(const char *result)
{
    golden_t shares = golden_result(result, "/product_r2");
    golden_t delta = golden_result(result, "/delta_r2");
    golden_t r2 = golden_result(result, "/r2");
    golden_t score = golden_result(result, "/brain/delta_r2");
    golden_check_t check = {.what = "sum of product_r2"};
    size_t v = r2.n, n_scored = 0;

    for (size_t t = 0; t < v; t++) {
        double sum = 0.0;

        for (size_t j = 0; j < UNITS && !isnan(r2.data[t]); j++) {
            sum += shares.data[j * v + t];
        }
        n_scored += isnan(r2.data[t]) ? 0 : 1;
        golden_close(&check, t, sum, isnan(r2.data[t]) ? 0.0 : r2.data[t], 1e-12);
    }
    golden_report(result, &check);
    for (size_t j = 0; j < UNITS; j++) {
        double sum = 0.0;

        for (size_t t = 0; t < v; t++) {
            sum += isnan(r2.data[t]) ? 0.0 : delta.data[j * v + t];
        }
        assert_close(score.data[j], sum / (double) n_scored, 1e-12);
    }
    golden_free(&shares);
    golden_free(&delta);
    golden_free(&r2);
    golden_free(&score);
}

static void
test_alice(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_t targets, delta[2];

    (void) state;
    test_need_data(file, N8);
    test_need_data(data, ALICE);
    align(data, "/features/tinylm[,320:384]", "1,2,3,4",
        "--detrend poly:3 --cv none --alphas 1000", result);
    targets = golden_read(file, "/alice_layer5/target");
    delta[0] = golden_result(result, "/delta_r2");
    delta[1] = golden_result(result, "/delta_r");
    compare(file, "/alice_layer5", "mean_folds_d_r2", &targets, &delta[0], 0);
    compare(file, "/alice_layer5", "mean_folds_d_r", &targets, &delta[1], 0);
    compare_fold(file, "/alice_layer5", 0, &targets, result);
    compare_sums(result);
    golden_free(&targets);
    golden_free(&delta[0]);
    golden_free(&delta[1]);
}

static void
test_narratives(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_t targets;

    (void) state;
    test_need_data(file, N8);
    test_need_data(data, NARRATIVES);
    align(
        data, "/features/tinylm[,192:256]", "2,3,4,5", "--cv none --alphas 1000", result);
    targets = golden_read(file, "/narratives_layer3/target");
    compare_fold(file, "/narratives_layer3", 2, &targets, result);
    compare_sums(result);
    golden_free(&targets);
}

/* Products of this size go through the kernels of BLAS that a large study uses: windows of
 * targets, and threads, must not be seen in any bit. With several alphas a target's place
 * in its block depends on the window. */
static void
test_windows(void **state)
{
    static const char *const arrays[] = {"/delta_r2", "/delta_r", "/zero_out_r2",
        "/product_r2", "/alone_r", "/brain/p", "/brain/unique"};
    static const char *const calls[] = {"neurons align --quiet --force --encoder",
        "neurons align --quiet --force --memory 7500K -j 3 --encoder"};
    static const char *const names[] = {"whole.h5", "windows.h5"};
    char data[TEST_PATH_SIZE], encoder[TEST_PATH_SIZE], results[2][TEST_PATH_SIZE];
    golden_command_t command;

    (void) state;
    test_need_data(data, NARRATIVES);
    command = golden_fit(data, "/features/tinylm[,192:256]", "2,3,4,5", encoder);
    golden_add_spec(&command, "--features", "rate=", data, "/features/word_rate");
    golden_add_words(&command, "--alphas log:1,5,9 --precision double");
    golden_run(&command);
    for (size_t i = 0; i < 2; i++) {
        golden_add(&command, golden_program);
        golden_add_words(&command, calls[i]);
        golden_add(&command, encoder);
        golden_add(&command, "-o");
        golden_add(&command, test_join(results[i], golden_folder, names[i]));
        golden_run(&command);
    }
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        golden_t a = golden_result(results[0], arrays[i]),
                 b = golden_result(results[1], arrays[i]);

        assert_int_equal(a.n, b.n);
        if (memcmp(a.data, b.data, a.n * sizeof *a.data) != 0) {
            fail_msg("%s: other bits in windows of targets", arrays[i]);
        }
        golden_free(&a);
        golden_free(&b);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alice),
        cmocka_unit_test(test_narratives),
        cmocka_unit_test(test_windows),
    };

    (void) argc;
    golden_find_program(argv[0]);
    return cmocka_run_group_tests_name("align", tests, golden_begin, golden_end);
}
