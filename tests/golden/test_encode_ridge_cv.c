/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign encode fit` with one alpha per target and with one for all, against
 * himalaya's numbers (golden file E1, E2): 538 samples, 1200 delayed columns, 400
 * targets, nested cross-validation. */
#include "tests/golden/golden_fit.h"

#define E1 "golden/encode/e1_ridge_cv.h5"
#define DATA "data/narratives_black/narratives_black.h5"

#define N_FOLDS 5
#define N_TARGETS 400
#define N_SAMPLES 538

#define SIZES .n_targets = N_TARGETS, .n_alphas = 13, .n_low = 4
#define NONE .group = "whole/inner_none", .scaling = "outer", SIZES
#define CENTRE .group = "whole/inner_centre", .scaling = "center", SIZES
#define ZSCORE .group = "whole/inner_zscore", .scaling = "strict", SIZES
#define RESET .group = "reset/inner_none", .scaling = "outer", SIZES

static golden_fit_t per_target[] = {
    {.name = "whole/none dual", .solver = "dual", NONE, GOLDEN_DOUBLE},
    {.name = "whole/centre dual", .solver = "dual", CENTRE, GOLDEN_DOUBLE},
    {.name = "whole/zscore dual", .solver = "dual", ZSCORE, GOLDEN_DOUBLE},
    {.name = "reset/none dual", .solver = "dual", RESET, GOLDEN_DOUBLE},
    {.name = "whole/centre primal", .solver = "primal", CENTRE, GOLDEN_DOUBLE},
    {.name = "reset/none primal", .solver = "primal", RESET, GOLDEN_DOUBLE},
    {.name = "whole/none single", .solver = "dual", NONE, GOLDEN_SINGLE},
    {.name = "reset/none single", .solver = "dual", RESET, GOLDEN_SINGLE},
};

/* Every alpha of E2 is 10000, and the refit does not depend on the inner scaling: more
 * cases would repeat these. */
static golden_fit_t shared[] = {
    {.name = "whole/none shared", .solver = "dual", NONE, GOLDEN_DOUBLE},
    {.name = "whole/centre shared", .solver = "dual", CENTRE, GOLDEN_DOUBLE},
    {.name = "reset/none shared", .solver = "dual", RESET, GOLDEN_DOUBLE},
};

#define N_PER_TARGET (sizeof per_target / sizeof per_target[0])
#define N_SHARED (sizeof shared / sizeof shared[0])

/* The file has no fit of all samples with the scaling refitted in every inner fold. */
static int
has_full(const golden_fit_t *fit)
{
    return strcmp(fit->scaling, "strict") != 0;
}

static golden_command_t
fit_command(const golden_fit_t *fit, const char *data, char *result)
{
    golden_command_t command =
        golden_fit(data, "/features/glove_content", "2,3,4,5", result);

    golden_add_spec(&command, "--cv", "rows:", data, "/fold");
    golden_add_words(&command, "--alphas log:0,6,13 --inner-scaling");
    golden_add(&command, fit->scaling);
    golden_add(&command, "--solver");
    golden_add(&command, fit->solver);
    golden_add(&command, "--precision");
    golden_add(&command, fit->precision);
    if (strncmp(fit->group, "reset", 5) == 0) {
        golden_add_spec(&command, "--runs", "", data, "/fold");
    } else {
        golden_add(&command, "--delay-across-runs");
    }
    return command;
}

/* Correlation of column j of two n_samples x n_targets arrays. */
static double
pearson(const golden_t *a, const golden_t *b, size_t j)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;

    for (size_t i = j; i < a->n; i += N_TARGETS) {
        mean_a += a->data[i] / N_SAMPLES;
        mean_b += b->data[i] / N_SAMPLES;
    }
    for (size_t i = j; i < a->n; i += N_TARGETS) {
        aa += pow(a->data[i] - mean_a, 2);
        bb += pow(b->data[i] - mean_b, 2);
        ab += (a->data[i] - mean_a) * (b->data[i] - mean_b);
    }
    return ab / sqrt(aa * bb);
}

/* r over all samples of the joined predictions, in the responses' own units, where every
 * fold chose the same alpha. */
static void
compare_concatenated(const golden_fit_t *fit, const char *data, const char *result,
    golden_t wanted, const char *agree)
{
    golden_t y = golden_read(data, "/responses");
    golden_t predictions = golden_result(result, "/predictions");
    golden_check_t check = {.what = "r of /predictions"};

    assert_int_equal(y.n, N_SAMPLES * N_TARGETS);
    assert_int_equal(predictions.n, y.n);
    for (size_t j = 0; j < N_TARGETS; j++) {
        int all = 1;

        for (size_t fold = 0; fold < N_FOLDS; fold++) {
            all = all && agree[fold * N_TARGETS + j];
        }
        if (all) {
            golden_close(&check, j, pearson(&predictions, &y, j), wanted.data[j], fit->r);
        }
    }
    golden_report(fit->name, &check);
    golden_free(&y);
    golden_free(&predictions);
    golden_free(&wanted);
}

static void
compare_nested(
    const golden_fit_t *fit, const char *golden, const char *data, const char *result)
{
    char nested[64], agree[N_FOLDS * N_TARGETS];
    golden_t alphas;

    snprintf(nested, sizeof nested, "%s/nested", fit->group);
    alphas = golden_read_in(golden, nested, "best_alphas");
    assert_int_equal(alphas.n, sizeof agree);
    golden_cv_scores(
        fit, result, "/cv_scores_by_fold", golden_read_in(golden, nested, "cv_scores"));
    golden_alphas(fit, result, "/best_alphas_by_fold", &alphas,
        golden_read_in(golden, nested, "alpha_margin"), agree);
    golden_outer(fit, result, "/scores/r_by_fold", golden_read_in(golden, nested, "r"),
        &alphas, agree);
    golden_outer(fit, result, "/scores/r2_by_fold", golden_read_in(golden, nested, "r2"),
        &alphas, agree);
    compare_concatenated(
        fit, data, result, golden_read_in(golden, nested, "r_concat"), agree);
    golden_free(&alphas);
}

static void
compare_full(const golden_fit_t *fit, const char *golden, const char *result)
{
    char full[64], agree[N_TARGETS];
    golden_t targets = golden_read(golden, "/weight_targets");
    golden_t alphas;

    snprintf(full, sizeof full, "%s/full", fit->group);
    alphas = golden_read_in(golden, full, "best_alphas");
    assert_int_equal(alphas.n, sizeof agree);
    golden_cv_scores(
        fit, result, "/cv_scores", golden_read_in(golden, full, "cv_scores"));
    golden_alphas(fit, result, "/best_alphas", &alphas,
        golden_read_in(golden, full, "alpha_margin"), agree);
    golden_weights(fit, result, golden_read_in(golden, full, "weights"), &targets, agree);
    golden_free(&alphas);
    golden_free(&targets);
}

static void
test_alpha_per_target(void **state)
{
    const golden_fit_t *fit = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_command_t command;

    test_need_data(golden, E1);
    test_need_data(data, DATA);
    command = fit_command(fit, data, result);
    golden_add_words(&command, "--select r2 --save weights,cv,predictions");
    golden_run(&command);
    compare_nested(fit, golden, data, result);
    if (has_full(fit)) {
        compare_full(fit, golden, result);
    }
}

/* The one alpha of every fold stands for every target. */
static void
compare_shared_alphas(
    const golden_fit_t *fit, const char *result, const char *path, golden_t wanted)
{
    golden_t found = golden_result(result, path);

    assert_int_equal(found.n, wanted.n * N_TARGETS);
    for (size_t i = 0; i < found.n; i++) {
        if (!golden_same_alpha(found.data[i], wanted.data[i / N_TARGETS])) {
            fail_msg("%s %s: at %zu: %g, wanted %g", fit->name, path, i, found.data[i],
                wanted.data[i / N_TARGETS]);
        }
    }
    golden_free(&found);
    golden_free(&wanted);
}

static void
compare_shared_scores(
    const golden_fit_t *fit, const char *result, const char *path, golden_t wanted)
{
    golden_t found = golden_result(result, path);
    golden_check_t check = {.what = path};

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found.data[i], wanted.data[i], fit->high);
    }
    golden_report(fit->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

static void
fit_shared(const golden_fit_t *fit, const char *data, const char *select, char *result)
{
    golden_command_t command = fit_command(fit, data, result);

    golden_add_words(&command, "--shared-alpha --select");
    golden_add(&command, select);
    golden_run(&command);
}

static void
test_shared_alpha(void **state)
{
    const golden_fit_t *fit = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char group[64], full[64];
    golden_t targets;

    test_need_data(golden, E1);
    test_need_data(data, DATA);
    targets = golden_read(golden, "/weight_targets");
    snprintf(group, sizeof group, "%s/shared_alpha", fit->group);
    snprintf(full, sizeof full, "%s/full", fit->group);
    fit_shared(fit, data, "r2", result);
    compare_shared_alphas(
        fit, result, "/best_alphas_by_fold", golden_read_in(golden, group, "alpha_r2"));
    compare_shared_scores(
        fit, result, "/scores/r_by_fold", golden_read_in(golden, group, "r"));
    compare_shared_scores(
        fit, result, "/scores/r2_by_fold", golden_read_in(golden, group, "r2"));
    compare_shared_alphas(
        fit, result, "/best_alphas", golden_read_in(golden, full, "shared_alpha"));
    golden_weights(
        fit, result, golden_read_in(golden, full, "shared_weights"), &targets, NULL);
    if (strcmp(fit->scaling, "outer") == 0) {
        fit_shared(fit, data, "mse", result);
        compare_shared_alphas(fit, result, "/best_alphas_by_fold",
            golden_read_in(golden, group, "alpha_l2"));
    }
    golden_free(&targets);
}

int
main(int argc, char **argv)
{
    struct CMUnitTest tests[N_PER_TARGET + N_SHARED];

    (void) argc;
    golden_find_program(argv[0]);
    for (size_t i = 0; i < N_PER_TARGET; i++) {
        tests[i] = (struct CMUnitTest){
            per_target[i].name, test_alpha_per_target, NULL, NULL, &per_target[i]};
    }
    for (size_t i = 0; i < N_SHARED; i++) {
        tests[N_PER_TARGET + i] = (struct CMUnitTest){
            shared[i].name, test_shared_alpha, NULL, NULL, &shared[i]};
    }
    return cmocka_run_group_tests(tests, golden_begin, golden_end);
}
