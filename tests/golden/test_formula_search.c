/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formula searches against the reference numbers of golden file N7: exhaustive best of one
 * to three leaves, and the beam of compexp with and without its leaf filter. */
#include "tests/golden/golden.h"

#include "brainalign/formula.h"

#include <jansson.h>

#define N7 "golden/neurons/n7_compositional"

typedef struct {
    ba_masks_t *leaves, *on; /* concepts, neurons */
    json_t *wanted;
} n7_t;

/* Bit t & 7 of byte t >> 3 of a row is token t. */
static ba_masks_t *
read_masks(const char *file, const char *path, size_t n_tokens)
{
    golden_t bytes = golden_read(file, path);
    ba_masks_t *masks;

    assert_int_equal(ba_masks_create(bytes.dims[0], n_tokens, &masks), BA_OK);
    for (size_t m = 0; m < bytes.dims[0]; m++) {
        for (size_t t = 0; t < n_tokens; t++) {
            unsigned byte = (unsigned) bytes.data[m * bytes.dims[1] + t / 8];

            if ((byte >> (t % 8)) & 1) {
                ba_masks_set(masks, m, t);
            }
        }
    }
    ba_masks_count(masks);
    golden_free(&bytes);
    return masks;
}

static int
open_n7(n7_t *n7)
{
    char file[TEST_PATH_SIZE], json[TEST_PATH_SIZE];
    json_error_t error;
    size_t n_tokens;

    if (!test_data_path(file, sizeof file, N7 ".h5") ||
        !test_data_path(json, sizeof json, N7 ".json")) {
        return 0;
    }
    n7->wanted = json_load_file(json, 0, &error);
    assert_non_null(n7->wanted);
    n_tokens = (size_t) json_integer_value(json_object_get(n7->wanted, "n_tokens"));
    n7->leaves = read_masks(file, "concept_mask", n_tokens);
    n7->on = read_masks(file, "on_mask", n_tokens);
    return 1;
}

static void
close_n7(n7_t *n7)
{
    ba_masks_free(n7->leaves);
    ba_masks_free(n7->on);
    json_decref(n7->wanted);
}

static const json_t *
neuron_of(const n7_t *n7, size_t i)
{
    return json_array_get(json_object_get(n7->wanted, "neurons"), i);
}

static double
real_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Searches for every neuron; best has n_leaves formulas of each. */
static void
search_all(const n7_t *n7, const ba_formula_opts_t *opts, ba_formula_t *best)
{
    ba_formula_search_t *search;

    assert_int_equal(ba_formula_search_create(n7->leaves, opts, &search), BA_OK);
    for (size_t i = 0; i < n7->on->n_masks; i++) {
        ba_formula_info_t info;

        ba_formula_search_run(search, n7->on->bits + i * n7->on->n_words,
            best + i * opts->n_leaves, &info);
        assert_int_equal(info.proven, opts->exact ? 3 : 1);
    }
    ba_formula_search_free(search);
}

static void
test_exact(void **state)
{
    static const char *const keys[] = {"best1", "best2", "best3"};
    golden_check_t check = {.what = "best of 1 to 3 leaves"};
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_formula_t best[30 * 3];
    n7_t n7;

    (void) state;
    if (!open_n7(&n7)) {
        test_skip("no data folder");
    }
    opts.n_leaves = 3;
    opts.exact = 1;
    search_all(&n7, &opts, best);
    for (size_t i = 0; i < 30; i++) {
        const json_t *third = json_object_get(neuron_of(&n7, i), "best3");

        for (size_t k = 0; k < 3; k++) {
            golden_close(&check, 3 * i + k, best[3 * i + k].score,
                real_of(json_object_get(neuron_of(&n7, i), keys[k]), "iou"), 1e-12);
        }
        if (real_of(third, "n_best") == 1.0) {
            assert_int_equal(best[3 * i + 2].n_both, real_of(third, "intersection"));
            assert_int_equal(best[3 * i + 2].n_formula, real_of(third, "formula_count"));
        }
    }
    golden_report("N7", &check);
    close_n7(&n7);
}

static void
check_beam(const char *key, int overlap_only)
{
    golden_check_t check = {.what = key};
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_formula_t best[30 * 3];
    n7_t n7;

    if (!open_n7(&n7)) {
        test_skip("no data folder");
    }
    opts.n_leaves = 3;
    opts.overlap_only = overlap_only;
    opts.keep_equal = 1;
    search_all(&n7, &opts, best);
    for (size_t i = 0; i < 30; i++) {
        const json_t *list = json_object_get(neuron_of(&n7, i), key);

        for (size_t k = 0; k < 3; k++) {
            golden_close(&check, 3 * i + k, best[3 * i + k].score,
                real_of(json_array_get(list, k), "iou"), 1e-12);
        }
    }
    golden_report("N7", &check);
    close_n7(&n7);
}

static void
test_beam_of_compexp(void **state)
{
    (void) state;
    check_beam("beam10", 1);
}

static void
test_beam_of_all_leaves(void **state)
{
    (void) state;
    check_beam("beam10_all_leaves", 0);
}

/* Merging equal formulas leaves room for others: never worse. */
static void
test_merged_is_no_worse(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_formula_t best[30 * 3];
    size_t n_missed = 0;
    n7_t n7;

    (void) state;
    if (!open_n7(&n7)) {
        test_skip("no data folder");
    }
    opts.n_leaves = 3;
    search_all(&n7, &opts, best);
    for (size_t i = 0; i < 30; i++) {
        const json_t *neuron = neuron_of(&n7, i);
        double peer = real_of(
            json_array_get(json_object_get(neuron, "beam10_all_leaves"), 2), "iou");

        assert_true(best[3 * i + 2].score >= peer);
        n_missed += best[3 * i + 2].score <
            real_of(json_object_get(neuron, "best3"), "iou") - 1e-12;
    }
    print_message("N7: the merged beam misses the best of 3 leaves in %zu of 30\n",
        n_missed);
    assert_true(n_missed <= 4);
    close_n7(&n7);
}

static void
test_single_leaves(void **state)
{
    char file[TEST_PATH_SIZE];
    golden_check_t check = {.what = "iou of single leaves"};
    golden_t wanted;
    n7_t n7;

    (void) state;
    if (!open_n7(&n7)) {
        test_skip("no data folder");
    }
    test_need_data(file, N7 ".h5");
    wanted = golden_read(file, "iou_length1");
    for (size_t i = 0; i < wanted.n; i++) {
        ba_formula_t leaf = {.n_leaves = 1, .leaf = {(uint32_t) (i % 71)}}, found;

        assert_int_equal(ba_formula_rescore(&leaf, n7.leaves,
                             n7.on->bits + i / 71 * n7.on->n_words, BA_FORMULA_IOU, &found),
            BA_OK);
        golden_close(&check, i, found.score, wanted.data[i], 1e-12);
    }
    golden_report("N7", &check);
    golden_free(&wanted);
    close_n7(&n7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_leaves),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_beam_of_compexp),
        cmocka_unit_test(test_beam_of_all_leaves),
        cmocka_unit_test(test_merged_is_no_worse),
    };

    return cmocka_run_group_tests_name("formula_search", tests, NULL, NULL);
}
