/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/figurelib.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"

enum { REGIONS = 3, LAYERS = 2, NEURONS = 4, FOLDS = 3, SETS = 2 };

typedef struct {
    size_t n_layers;
    int has_sets, has_elimination, is_short;
} kind_t;

static void
write_numbers(ba_bundle_t *bundle, const char *path, size_t a, size_t b, size_t c)
{
    size_t dims[] = {a, b, c}, n = a * b * c;
    double values[200];

    for (size_t i = 0; i < n; i++) {
        values[i] = 0.01 * (double) (i % 7) - 0.02;
    }
    assert_int_equal(
        ba_bundle_write(bundle, path, BA_F64, c > 1 ? 3 : 2, dims, values), BA_OK);
}

static void
write_result(const char *path, const kind_t *kind)
{
    static const char *const regions[] = {"*", "front", "back"};
    static const char *const components[] = {"lm", "lm"}, *const sets[] = {
                                                              "nouns", "verbs"};
    const int64_t layers[] = {0, 1};
    ba_bundle_t *bundle;
    size_t n = kind->n_layers;

    assert_int_equal(ba_bundle_create(path, 1, &bundle), BA_OK);
    assert_int_equal(
        ba_bundle_attr_string(bundle, "/", "format", "brainalign-align"), BA_OK);
    assert_int_equal(
        ba_bundle_attr_i64(bundle, "/", "format_version", 1, &(int64_t){1}), BA_OK);
    assert_int_equal(
        ba_bundle_write_strings(bundle, "/brain/region", REGIONS, regions), BA_OK);
    write_numbers(bundle, "/brain/delta_r2", REGIONS, NEURONS, 1);
    write_numbers(bundle, "/brain/se", REGIONS, NEURONS - (kind->is_short ? 1 : 0), 1);
    assert_int_equal(
        ba_bundle_write_strings(bundle, "/profile/component", n, components), BA_OK);
    assert_int_equal(
        ba_bundle_write(bundle, "/profile/layer", BA_I64, 1, &n, layers), BA_OK);
    write_numbers(bundle, "/profile/product_r2", REGIONS, n, 1);
    write_numbers(bundle, "/profile/product_r2_low", REGIONS, n, 1);
    write_numbers(bundle, "/profile/product_r2_high", REGIONS, n, 1);
    write_numbers(bundle, "/profile/delta_r2", REGIONS, n, 1);
    if (kind->has_sets) {
        assert_int_equal(
            ba_bundle_write_strings(bundle, "/sets/name", SETS, sets), BA_OK);
        write_numbers(bundle, "/sets/by_region/delta_r2", REGIONS, SETS, 1);
    }
    if (kind->has_elimination) {
        write_numbers(bundle, "/elimination/chosen_r2", REGIONS, FOLDS + 1, NEURONS + 1);
        write_numbers(bundle, "/elimination/held_out_r2", REGIONS, FOLDS, NEURONS + 1);
    }
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
}

static int
draw(ba_figure_t *figure, const void *path)
{
    return ba_figure_align(figure, path);
}

static void
everything(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], *text;

    (void) state;
    test_make_folder(folder);
    figure_path(path, folder, "a.h5");
    write_result(path, &(kind_t){LAYERS, 1, 1, 0});
    text = figure_drawn(draw, path);
    assert_int_equal(figure_count(text, ">Neurons, all targets<"), 1);
    assert_int_equal(figure_count(text, ">Share of r2 (product measure)<"), 1);
    assert_int_equal(figure_count(text, ">nouns<"), 1);
    assert_int_equal(figure_count(text, ">Shapley values<"), 0);
    assert_int_equal(figure_count(text, ">lm:1<"), 1);
    assert_int_equal(figure_count(text, ">folds that did not<"), 2 * REGIONS);
    /* Neurons, regions over layers, two curves a region. */
    assert_int_equal(figure_count(text, "<polyline"), 1 + REGIONS + 2 * REGIONS);
    free(text);
    figure_survives(draw, path, ba_alloc_fail_at);
    test_remove_folder(folder);
}

/* One layer, no sets, no elimination: what is not there is not drawn. */
static void
little(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], *text;

    (void) state;
    test_make_folder(folder);
    figure_path(path, folder, "a.h5");
    write_result(path, &(kind_t){1, 0, 0, 0});
    text = figure_drawn(draw, path);
    assert_int_equal(figure_count(text, "<polyline"), 1);
    assert_int_equal(figure_count(text, ">Share of r2 (product measure)<"), 0);
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
    write_result(path, &(kind_t){LAYERS, 0, 0, 1});
    assert_int_equal(figure_fails(draw, path), BA_FORMAT);
    assert_contains(ba_error_message(), "/brain/se: found another shape");
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything),
        cmocka_unit_test(little), cmocka_unit_test(other_files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
