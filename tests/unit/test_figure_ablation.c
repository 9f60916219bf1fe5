/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/figurelib.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"

enum { SETS = 5, SIZES = 3, MODES = 4 };

/* Modes keep and retrain were asked for; top is better than bottom. */
static void
write_result(const char *path, size_t n_sets, size_t n_sizes, int has_majority)
{
    const size_t dims[] = {n_sets, SIZES, MODES};
    const int64_t sizes[] = {1, 10, 100};
    const double all = 0.9, majority = 0.1;
    double accuracy[SETS * SIZES * MODES], area[SETS * MODES];
    ba_bundle_t *bundle;

    for (size_t i = 0; i < n_sets * SIZES * MODES; i++) {
        size_t set = i / MODES / SIZES, size = i / MODES % SIZES;

        accuracy[i] = i % 2 ? (double) NAN : 0.1 * (double) (set + 2 * size + 1);
        accuracy[i] = i % MODES == 3 ? 0.5 : accuracy[i];
        accuracy[i] = i % MODES == 2 ? (double) NAN : accuracy[i];
        area[set * MODES + i % MODES] = 0.125 * (double) (set + 1);
    }
    assert_int_equal(ba_bundle_create(path, 1, &bundle), BA_OK);
    assert_int_equal(
        ba_bundle_attr_string(bundle, "/", "format", "brainalign-ablation"), BA_OK);
    assert_int_equal(
        ba_bundle_attr_i64(bundle, "/", "format_version", 1, &(int64_t){1}), BA_OK);
    assert_int_equal(
        ba_bundle_write(bundle, "/accuracy", BA_F64, 3, dims, accuracy), BA_OK);
    assert_int_equal(
        ba_bundle_write(bundle, "/area", BA_F64, 2, (size_t[]){n_sets, MODES}, area),
        BA_OK);
    assert_int_equal(
        ba_bundle_write(bundle, "/n_neurons", BA_I64, 1, &n_sizes, sizes), BA_OK);
    assert_int_equal(ba_bundle_attr_f64(bundle, "/", "accuracy_all", 1, &all), BA_OK);
    if (has_majority) {
        assert_int_equal(
            ba_bundle_attr_f64(bundle, "/", "majority", 1, &majority), BA_OK);
    }
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
}

static int
draw(ba_figure_t *figure, const void *path)
{
    return ba_figure_ablation(figure, path);
}

static void
curves(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], *text;

    (void) state;
    test_make_folder(folder);
    figure_path(path, folder, "a.h5");
    write_result(path, SETS, SIZES, 1);
    text = figure_drawn(draw, path);
    assert_int_equal(figure_count(text, ">keep: the rest at 0<"), 1);
    assert_int_equal(figure_count(text, ">retrain: a probe on these<"), 1);
    assert_int_equal(figure_count(text, ">zero"), 0);
    assert_int_equal(figure_count(text, "<polyline"), 2 * 3);
    assert_int_equal(figure_count(text, "<polygon"), 2);
    assert_int_equal(figure_count(text, "<circle"), 2 * 3 * (SIZES + 1));
    assert_int_equal(figure_count(text, ">all neurons<"), 2);
    assert_int_equal(figure_count(text, ">most frequent class<"), 2);
    assert_int_equal(figure_count(text, ">top (12.5 %)</text>"), 2);
    assert_int_equal(figure_count(text, ">random (50 %)</text>"), 2);
    /* The axis goes from 0 to 1 over 220 pixels: top 0.1, 0.3, 0.5; random 0.4 .. 0.8. */
    assert_int_equal(
        figure_count(text, "points=\"62,224 212,180 362,136\"><title>top"), 1);
    assert_int_equal(
        figure_count(text, "points=\"62,158 212,114 362,70\"><title>ran"), 1);
    /* Of three draws 0.3, 0.4, 0.5 from 0.305 to 0.495. */
    assert_int_equal(figure_count(text, "points=\"62,178.9 "), 1);
    assert_int_equal(figure_count(text, " 62,137.1\""), 1);
    free(text);
    figure_survives(draw, path, ba_alloc_fail_at);

    write_result(path, 2, SIZES, 1);
    text = figure_drawn(draw, path);
    assert_int_equal(figure_count(text, "<polyline"), 2 * 2);
    assert_int_equal(figure_count(text, "<polygon"), 0);
    free(text);
    test_remove_folder(folder);
}

static void
other_files(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

    (void) state;
    test_make_folder(folder);
    figure_path(path, folder, "a.h5");
    assert_int_equal(figure_fails(draw, path), BA_IO);
    write_result(path, SETS, 2, 1);
    assert_int_equal(figure_fails(draw, path), BA_FORMAT);
    assert_contains(ba_error_message(), "/n_neurons: found 2 numbers, wanted 3");
    write_result(path, 1, SIZES, 1);
    assert_int_equal(figure_fails(draw, path), BA_FORMAT);
    assert_contains(ba_error_message(), "/accuracy");
    write_result(path, SETS, SIZES, 0);
    assert_int_equal(figure_fails(draw, path), BA_MISSING);
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves), cmocka_unit_test(other_files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
