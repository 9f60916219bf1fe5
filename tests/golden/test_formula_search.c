/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formula searches against the reference numbers of golden file N7: exhaustive best of one
 * to three leaves, and the beam of compexp with and without its leaf filter. */
#include "tests/golden/golden.h"

#include "brainalign/explain.h"

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

        ba_formula_search_run(
            search, n7->on->bits + i * n7->on->n_words, best + i * opts->n_leaves, &info);
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
    print_message(
        "N7: the merged beam misses the best of 3 leaves in %zu of 30\n", n_missed);
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

        assert_int_equal(
            ba_formula_rescore(&leaf, n7.leaves, n7.on->bits + i / 71 * n7.on->n_words,
                BA_FORMULA_IOU, &found),
            BA_OK);
        golden_close(&check, i, found.score, wanted.data[i], 1e-12);
    }
    golden_report("N7", &check);
    golden_free(&wanted);
    close_n7(&n7);
}

/* Everything from the files on: activations, labels of four kinds, thresholds, search. */
static ba_activations_t *
open_activations(const char *data)
{
    char residual[TEST_PATH_SIZE + 64], ffn[TEST_PATH_SIZE + 64];
    const char *files[] = {residual, ffn}, *sizes[] = {"residual=64", "ffn=172"};
    ba_activations_opts_t opts = {
        .files = files, .n_files = 2, .layer_sizes = sizes, .n_layer_sizes = 2};
    ba_ctx_t ctx = ba_ctx_default();
    ba_activations_t *activations;

    snprintf(residual, sizeof residual, "residual=%s:activations/residual", data);
    snprintf(ffn, sizeof ffn, "ffn=%s:activations/ffn", data);
    if (ba_activations_open(&ctx, &opts, &activations) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return activations;
}

static ba_concepts_t *
read_concepts(const char *data, const char *lists, const ba_activations_t *activations)
{
    char upos[TEST_PATH_SIZE + 64], ss[TEST_PATH_SIZE + 64], lemmas[TEST_PATH_SIZE + 64];
    char forms[TEST_PATH_SIZE + 64];
    const char *labels[] = {upos, ss};
    ba_concepts_opts_t opts = {.labels = labels,
        .n_labels = 2,
        .word_lists = &lists,
        .n_word_lists = 1,
        .forms = forms,
        .lemmas = lemmas,
        .min_tokens = 20};
    ba_ctx_t ctx = ba_ctx_default();
    ba_concepts_t *concepts;

    snprintf(upos, sizeof upos, "%s:token/upos", data);
    snprintf(ss, sizeof ss, "%s:token/supersense", data);
    snprintf(lemmas, sizeof lemmas, "%s:token/lemma", data);
    snprintf(forms, sizeof forms, "%s:token/form", data);
    if (ba_concepts_read(&ctx, &opts, activations, &concepts) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return concepts;
}

static void
check_explained(const char *output, const n7_t *n7, const golden_t *threshold)
{
    static const char *const keys[] = {"best1", "best2", "best3"};
    golden_check_t check = {.what = "from the files"};
    ba_bundle_t *bundle;
    double iou[30 * 3], found[30];

    assert_int_equal(ba_bundle_open(output, "brainalign-explain", &bundle), BA_OK);
    assert_int_equal(ba_bundle_read(bundle, "/iou", BA_F64, NULL, NULL, iou), BA_OK);
    assert_int_equal(
        ba_bundle_read(bundle, "/threshold", BA_F64, NULL, NULL, found), BA_OK);
    ba_bundle_free(bundle);
    for (size_t i = 0; i < 30; i++) {
        assert_close(found[i], threshold->data[i], 1e-12);
        for (size_t k = 0; k < 3; k++) {
            golden_close(&check, 3 * i + k, iou[3 * i + k],
                real_of(json_object_get(neuron_of(n7, i), keys[k]), "iou"), 1e-12);
        }
    }
    golden_report("N7", &check);
}

static void
test_from_files(void **state)
{
    char data[TEST_PATH_SIZE], lists[TEST_PATH_SIZE], file[TEST_PATH_SIZE];
    char folder[TEST_PATH_SIZE], output[TEST_PATH_SIZE];
    ba_ctx_t ctx = ba_ctx_default();
    ba_explain_opts_t opts = ba_explain_opts_default();
    ba_activations_t *activations;
    ba_concepts_t *concepts;
    ba_token_split_t split = {0};
    ba_explain_info_t info;
    golden_t neurons, threshold;
    size_t only[30];
    n7_t n7;

    (void) state;
    test_need_data(data, "data/tinylm_streusle/tinylm_streusle.h5");
    test_need_data(lists, "data/lexicon/concepts");
    test_need_data(file, N7 ".h5");
    assert_true(open_n7(&n7));
    neurons = golden_read(file, "neuron");
    threshold = golden_read(file, "threshold");
    for (size_t i = 0; i < 30; i++) {
        only[i] = (size_t) neurons.data[i];
    }
    test_make_folder(folder);
    opts.output = test_join(output, folder, "out.h5");
    activations = open_activations(data);
    concepts = read_concepts(data, lists, activations);
    assert_int_equal(concepts->n_concepts, 71);
    assert_int_equal(
        ba_concepts_split(concepts, BA_SPLIT_TYPES, 0.0, 0, 0, &split), BA_OK);
    opts.split = &split;
    opts.only = only;
    opts.n_only = 30;
    opts.n_permutations = 0;
    opts.formula.n_leaves = 3;
    opts.formula.exact = 1;
    if (ba_neurons_explain(&ctx, activations, concepts, &opts, &info) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(info.n_explained, 30);
    check_explained(output, &n7, &threshold);
    test_remove_folder(folder);
    ba_token_split_free(&split);
    ba_concepts_free(concepts);
    ba_activations_free(activations);
    golden_free(&neurons);
    golden_free(&threshold);
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
        cmocka_unit_test(test_from_files),
    };

    return cmocka_run_group_tests_name("formula_search", tests, NULL, NULL);
}
