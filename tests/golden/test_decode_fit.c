/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign decode fit` against himalaya's KernelRidgeCV and scikit-learn's Ridge:
 * d1_haxby_onehot.h5, d1_narratives.h5, d4_selection.h5. */
#include "tests/golden/golden_fit.h"

#define HAXBY "golden/decode/d1_haxby_onehot.h5"
#define STORY "golden/decode/d1_narratives.h5"
#define SELECTION "golden/decode/d4_selection.h5"
#define DATA "data/narratives_black/narratives_black.h5"

/* A fit, and where its numbers stand. */
typedef struct {
    const char *name, *file, *group, *options;
    int is_haxby;
} case_t;

static void
add_data(golden_command_t *command, const case_t *test, char *golden, char *result)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];

    test_need_data(file, test->file);
    memcpy(golden, file, sizeof file);
    golden_add(command, golden_program);
    golden_add_words(command, "decode fit --quiet --force -j 1 --scale-responses zscore "
                              "--intercept no --select r2");
    if (test->is_haxby) {
        golden_add_spec(command, "--responses", "", golden, "/X");
        golden_add_spec(command, "--labels", "", golden, "/label");
        golden_add_spec(command, "--runs", "", golden, "/run");
        golden_add_words(command, "--response-delays 0 --alphas log:0,6,13");
    } else {
        test_need_data(data, DATA);
        golden_add_spec(command, "--responses", "", data, "/responses");
        golden_add_spec(command, "--features", "", data, "/features/tinylm[,192:256]");
        golden_add_spec(command, "--outer-cv", "rows:", data, "/fold");
        golden_add_words(command, "--response-delays 2,3,4,5");
        if (!strstr(test->options, "--alphas")) {
            golden_add_spec(command, "--cv", "rows:", data, "/fold");
            golden_add_words(command, "--alphas log:2,7,11");
        }
    }
    golden_add_words(command, test->options);
    golden_add(command, "-o");
    golden_add(command, test_join(result, golden_folder, "decoder.h5"));
}

static void
fit(const case_t *test, const char *more, char *golden, char *result)
{
    golden_command_t command = {.n = 0};

    add_data(&command, test, golden, result);
    golden_add_words(&command, more);
    golden_run(&command);
}

/* Chosen alphas, equal wherever the choice is clear; marks where they agree. */
static void
check_alphas(const case_t *test, const char *golden, const char *result, double margin,
    char *agree)
{
    golden_t found = golden_result(result, "/best_alphas_by_fold");
    golden_t wanted = golden_read_in(golden, test->group, "best_alphas");
    golden_t lead = golden_read_in(golden, test->group, "alpha_margin");
    size_t n_clear = 0;

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        agree[i] = (char) golden_same_alpha(found.data[i], wanted.data[i]);
        n_clear += lead.data[i] > margin;
        if (lead.data[i] > margin && !agree[i]) {
            fail_msg("%s: alpha at %zu: %g, wanted %g", test->name, i, found.data[i],
                wanted.data[i]);
        }
    }
    print_message("%-30s %-24s the same in %zu clear choices of %zu\n", test->name,
        "alphas", n_clear, wanted.n);
    assert_true(n_clear * 5 >= wanted.n * (margin < 1e-6 ? 4 : 2));
    golden_free(&found);
    golden_free(&wanted);
    golden_free(&lead);
}

static void
check_scores(const case_t *test, const char *golden, const char *result, const char *name,
    double tolerance, const char *agree)
{
    char path[TEST_PATH_SIZE];
    golden_t found, wanted = golden_read_in(golden, test->group, name);
    golden_check_t check = {.what = name};

    snprintf(path, sizeof path, "/scores/%s_by_fold",
        strncmp(name, "shared_", 7) == 0 ? name + 7 : name);
    found = golden_result(result, path);
    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        if (!agree || agree[i]) {
            golden_close(&check, i, found.data[i], wanted.data[i], tolerance);
        }
    }
    golden_report(test->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* Predictions in the scale of the training targets. Rows that we drop are at the end. */
static void
check_predictions(const case_t *test, const char *golden, const char *result,
    const char *name, double tolerance, const char *agree)
{
    golden_t found = golden_result(result, "/scaled/predictions");
    golden_t wanted = golden_read_in(golden, test->group, name);
    golden_t fold =
        golden_read_in(golden, test->is_haxby ? "/inner_none" : "/gap0", "fold");
    golden_check_t check = {.what = name};
    size_t d = found.dims[1], d_wanted = wanted.dims[1];

    assert_int_equal(wanted.dims[0], fold.n);
    assert_true(found.dims[0] >= fold.n && d >= d_wanted);
    for (size_t i = 0; i < fold.n; i++) {
        for (size_t j = 0; j < d_wanted; j++) {
            if (!agree || agree[(size_t) fold.data[i] * d + j]) {
                golden_close(&check, i * d_wanted + j, found.data[i * d + j],
                    wanted.data[i * d_wanted + j], tolerance);
            }
        }
    }
    for (size_t i = fold.n * d; i < found.n; i++) {
        assert_true(isnan(found.data[i]));
    }
    assert_true(check.n * 5 >= wanted.n * 4);
    golden_report(test->name, &check);
    golden_free(&found);
    golden_free(&wanted);
    golden_free(&fold);
}

static void
check_accuracy(
    const case_t *test, const char *golden, const char *result, const char *name)
{
    golden_t found, wanted;

    if (test->is_haxby) {
        found = golden_result(result, "/classes/accuracy");
        wanted = golden_read_in(golden, test->group, name);
        assert_true(found.data[0] == wanted.data[0]);
        print_message("%-30s %-24s %.4f\n", test->name, name, found.data[0]);
        golden_free(&found);
        golden_free(&wanted);
    }
}

/* One alpha a dimension, then one for all. */
static void
check_case(const case_t *test, const char *precision, double tolerance, double margin)
{
    char golden[TEST_PATH_SIZE], result[TEST_PATH_SIZE], more[128], agree[1024];
    int has_predictions = test->is_haxby || strcmp(test->group, "/gap0") == 0;
    int has_scores = strcmp(test->group, "/inner_centre") != 0;
    golden_t alphas, wanted;

    snprintf(more, sizeof more, "--precision %s", precision);
    fit(test, more, golden, result);
    check_alphas(test, golden, result, margin, agree);
    if (has_scores) {
        check_scores(test, golden, result, "r", tolerance, agree);
        check_scores(test, golden, result, "r2", tolerance, agree);
    }
    if (has_predictions) {
        check_predictions(test, golden, result, "predictions", tolerance, agree);
    }
    check_accuracy(test, golden, result, "accuracy_per_target_alpha");

    snprintf(more, sizeof more, "--precision %s --shared-alpha", precision);
    fit(test, more, golden, result);
    alphas = golden_result(result, "/best_alphas_by_fold");
    wanted = golden_read_in(golden, test->group, "shared_alpha");
    for (size_t i = 0; i < alphas.n; i++) {
        assert_true(golden_same_alpha(alphas.data[i], wanted.data[i / alphas.dims[1]]));
    }
    if (has_scores) {
        check_scores(test, golden, result, "shared_r", tolerance, NULL);
        check_predictions(
            test, golden, result, "shared_predictions_first8", tolerance, NULL);
    }
    check_accuracy(test, golden, result, "accuracy_shared_alpha");
    golden_free(&alphas);
    golden_free(&wanted);
}

static const case_t cases[] = {
    {"Haxby, inner none", HAXBY, "/inner_none", "--inner-scaling outer", 1},
    {"Haxby, inner centre", HAXBY, "/inner_centre", "--inner-scaling center", 1},
    {"narratives", STORY, "/gap0", "--inner-scaling outer --cv-gap 0", 0},
    {"narratives, gap", STORY, "/gap5", "--inner-scaling outer --cv-gap inner:0,outer:5",
        0},
};

static void
test_double(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], "double", 1e-9, 1e-8);
    }
}

static void
test_single(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], "single", cases[i].is_haxby ? 1e-3 : 1e-4, 1e-4);
    }
}

/* The figure of the data: r of one penalty, and segments told apart two by two. */
static void
test_fixed_alpha(void **state)
{
    case_t test = {"narratives, alpha 1e5", STORY, "/fixed_alpha_1e5",
        "--cv none --alphas 1e5 --precision double --cv-gap 0", 0};
    char golden[TEST_PATH_SIZE], result[TEST_PATH_SIZE], spec[2 * TEST_PATH_SIZE],
        json[TEST_PATH_SIZE], line[4096];
    golden_command_t command = {.n = 0};
    golden_t wanted;
    double found = NAN;
    FILE *file;

    (void) state;
    fit(&test, "", golden, result);
    check_scores(&test, golden, result, "r", 1e-9, NULL);
    golden_add(&command, golden_program);
    golden_add_words(&command, "decode score --quiet --force --permutations 0 --segments "
                               "20 --similarity correlation --predicted");
    snprintf(spec, sizeof spec, "%s:/scaled/predictions[0:533,]", result);
    golden_add(&command, spec);
    golden_add(&command, "--true");
    snprintf(spec, sizeof spec, "%s:/scaled/features[0:533,]", result);
    golden_add(&command, spec);
    golden_add(&command, "-o");
    golden_add(&command, test_join(json, golden_folder, "score.json"));
    golden_run(&command);
    file = fopen(json, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        sscanf(line, " \"pairwise_2v2\": {\"value\": %lf", &found);
    }
    fclose(file);
    wanted = golden_read_in(golden, test.group, "segment_two_v_two");
    assert_true(fabs(found - wanted.data[0]) < 1e-12);
    golden_free(&wanted);
}

/* Compares a whole array, C order; what was found may have more rows at its end. */
static void
check_array(const char *golden, const char *name, const char *result, const char *path,
    double tolerance)
{
    golden_t found = golden_result(result, path), wanted = golden_read(golden, name);
    golden_check_t check = {.what = name};

    assert_true(found.n >= wanted.n);
    assert_int_equal(found.dims[found.rank - 1], wanted.dims[wanted.rank - 1]);
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found.data[i], wanted.data[i], tolerance);
    }
    golden_report("selection", &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* 50 parcels chosen in each training fold, then decoded from with one alpha. */
static void
check_selection(const char *precision, double tolerance, int in_order)
{
    char file[TEST_PATH_SIZE], golden[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char more[2 * TEST_PATH_SIZE];
    case_t test = {"selection", SELECTION, "",
        "--inner-scaling outer --cv-gap 0 --alphas log:1,5,9 --shared-alpha", 0};
    golden_t alphas, wanted;

    test_need_data(file, DATA);
    snprintf(more, sizeof more,
        "--precision %s --n-voxels 50 --voxel-alphas log:2,5,7 --cv rows:%s:/fold",
        precision, file);
    fit(&test, more, golden, result);
    check_array(golden, "/scores", result, "/voxels/score_by_fold", tolerance);
    if (in_order) {
        check_array(golden, "/selected", result, "/selected", 0);
    }
    alphas = golden_result(result, "/best_alphas_by_fold");
    wanted = golden_read(golden, "/decoder_shared_alpha");
    for (size_t i = 0; i < alphas.n; i++) {
        assert_true(golden_same_alpha(alphas.data[i], wanted.data[i / alphas.dims[1]]));
    }
    check_array(golden, "/decoder_r", result, "/scores/r_by_fold", tolerance);
    check_array(golden, "/decoder_predictions", result, "/scaled/predictions", tolerance);
    golden_free(&alphas);
    golden_free(&wanted);
}

static void
test_selection(void **state)
{
    (void) state;
    check_selection("double", 1e-9, 1);
    check_selection("single", 1e-4, 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_fixed_alpha),
        cmocka_unit_test(test_selection),
    };

    (void) argc;
    golden_find_program(argv[0]);
    return cmocka_run_group_tests(tests, golden_begin, golden_end);
}
