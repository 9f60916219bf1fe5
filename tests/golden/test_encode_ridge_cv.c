/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign encode fit` with one alpha per target and with one for all, against
 * himalaya's numbers (golden file E1, E2): 538 samples, 1200 delayed columns, 400
 * targets, nested cross-validation.
 *
 * Tolerances are those that two unrelated float64 programs need: 1e-9 from alpha 100 on,
 * 1e-8 below, where a design wider than long nearly interpolates; and for float32 what
 * its rounding costs. A choice of alpha is only defined where the best score leads by
 * more than that. */
#include "tests/golden/golden.h"

#define E1 "golden/encode/e1_ridge_cv.h5"
#define DATA "data/narratives_black/narratives_black.h5"

#define N_FOLDS 5
#define N_ALPHAS 13
#define N_TARGETS 400
#define N_SAMPLES 538
#define N_COLUMNS 1200

typedef struct {
    const char *name, *group, *scaling, *solver, *precision;
    int reset;        /* every fold a run of its own */
    int has_full;     /* the file has the fit of all rows too */
    double low, high; /* tolerance of scores below and from alpha 100 */
    double r, weights, margin;
} fit_case_t;

#define DOUBLE_CASE(label, group, scaling, solver, reset, has_full)                      \
    {                                                                                    \
        label, group, scaling, solver, "double", reset, has_full, 1e-8, 1e-9, 1e-9,      \
            1e-8, 1e-8                                                                   \
    }
#define SINGLE_CASE(label, group, scaling, reset, has_full)                              \
    {                                                                                    \
        label, group, scaling, "dual", "single", reset, has_full, 2e-3, 1e-4, 1e-4,      \
            5e-3, 1e-4                                                                   \
    }

static fit_case_t fit_cases[] = {
    DOUBLE_CASE("whole/none dual", "whole/inner_none", "outer", "dual", 0, 1),
    DOUBLE_CASE("whole/centre dual", "whole/inner_centre", "center", "dual", 0, 1),
    DOUBLE_CASE("whole/zscore dual", "whole/inner_zscore", "strict", "dual", 0, 0),
    DOUBLE_CASE("reset/none dual", "reset/inner_none", "outer", "dual", 1, 1),
    DOUBLE_CASE("whole/centre primal", "whole/inner_centre", "center", "primal", 0, 1),
    DOUBLE_CASE("reset/none primal", "reset/inner_none", "outer", "primal", 1, 1),
    SINGLE_CASE("whole/none single", "whole/inner_none", "outer", 0, 1),
    SINGLE_CASE("whole/centre single", "whole/inner_centre", "center", 0, 1),
    SINGLE_CASE("whole/zscore single", "whole/inner_zscore", "strict", 0, 0),
    SINGLE_CASE("reset/none single", "reset/inner_none", "outer", 1, 1),
};

#define N_FIT_CASES (sizeof fit_cases / sizeof fit_cases[0])

typedef struct {
    const char *name, *group, *scaling;
    int reset, has_mse;
} shared_case_t;

static shared_case_t shared_cases[] = {
    {"whole/none shared", "whole/inner_none", "outer", 0, 1},
    {"whole/centre shared", "whole/inner_centre", "center", 0, 0},
    {"whole/zscore shared", "whole/inner_zscore", "strict", 0, 0},
    {"reset/none shared", "reset/inner_none", "outer", 1, 1},
};

#define N_SHARED_CASES (sizeof shared_cases / sizeof shared_cases[0])

static golden_command_t
fit_command(const char *data, const char *scaling, int reset, char *result)
{
    golden_command_t command =
        golden_fit(data, "/features/glove_content", "2,3,4,5", result);

    golden_add_spec(&command, "--cv", "rows:", data, "/fold");
    golden_add_words(&command, "--alphas log:0,6,13 --inner-scaling");
    golden_add(&command, scaling);
    if (reset) {
        golden_add_spec(&command, "--runs", "", data, "/fold");
    } else {
        golden_add(&command, "--delay-across-runs");
    }
    return command;
}

/* Every score of every alpha: n_sets x n_alphas x n_targets. */
static void
compare_cv_scores(
    const fit_case_t *c, const char *result, const char *path, golden_t wanted)
{
    golden_t found = golden_result(result, path);
    golden_check_t check = {.what = path};

    assert_int_equal(found.n, wanted.n);
    assert_int_equal(found.dims[found.rank - 2], N_ALPHAS);
    for (size_t i = 0; i < wanted.n; i++) {
        size_t alpha = i / N_TARGETS % N_ALPHAS; /* 10^(alpha / 2) */

        golden_close(
            &check, i, found.data[i], wanted.data[i], alpha < 4 ? c->low : c->high);
    }
    golden_report(c->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* Compares the chosen alphas where the choice is defined, and marks where they agree. At
 * most one in fifty may go undecided. */
static void
compare_alphas(const fit_case_t *c, const char *result, const char *path, golden_t wanted,
    golden_t margin, char *agree)
{
    golden_t found = golden_result(result, path);
    size_t n_compared = 0;

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        agree[i] = (char) golden_same_alpha(found.data[i], wanted.data[i]);
        if (margin.data[i] <= c->margin) {
            continue;
        }
        n_compared++;
        if (!agree[i]) {
            fail_msg("%s %s: at %zu: %g, wanted %g, ahead by %g", c->name, path, i,
                found.data[i], wanted.data[i], margin.data[i]);
        }
    }
    print_message("%-30s %-24s the same in %zu of %zu with a clear choice\n", c->name,
        path, n_compared, wanted.n);
    assert_true(n_compared * 50 >= wanted.n * 49);
    golden_free(&found);
    golden_free(&margin);
}

/* Scores of the outer folds, where both chose the same alpha. */
static void
compare_outer(const fit_case_t *c, const char *result, const char *path, golden_t wanted,
    const golden_t *alphas, const char *agree)
{
    golden_t found = golden_result(result, path);
    golden_check_t check = {.what = path};
    int is_r = strstr(path, "/r_") != NULL;

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        double tolerance = alphas->data[i] < 99 ? c->low : c->high;

        if (agree[i]) {
            golden_close(&check, i, found.data[i], wanted.data[i],
                is_r && strcmp(c->precision, "single") == 0 ? c->r : tolerance);
        }
    }
    golden_report(c->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* r over all samples of the joined predictions, back in the responses' own units. */
static void
compare_concatenated(const fit_case_t *c, const char *data, const char *result,
    golden_t wanted, const char *agree)
{
    golden_t y = golden_read(data, "/responses");
    golden_t predictions = golden_result(result, "/predictions");
    golden_check_t check = {.what = "r of /predictions"};

    assert_int_equal(predictions.n, y.n);
    for (size_t j = 0; j < N_TARGETS; j++) {
        int all = 1;

        for (size_t fold = 0; fold < N_FOLDS; fold++) {
            all = all && agree[fold * N_TARGETS + j];
        }
        if (all) {
            golden_close(&check, j,
                golden_pearson(
                    predictions.data + j, N_TARGETS, y.data + j, N_TARGETS, N_SAMPLES),
                wanted.data[j], c->r);
        }
    }
    golden_report(c->name, &check);
    golden_free(&y);
    golden_free(&predictions);
    golden_free(&wanted);
}

/* Weights of every twentieth target, in units of the target's largest. */
static void
compare_weights(const char *name, double tolerance, const char *result, golden_t wanted,
    const golden_t *targets, const char *agree)
{
    golden_t found = golden_result(result, "/weights");
    golden_check_t check = {.what = "/weights"};

    assert_int_equal(found.n, N_COLUMNS * N_TARGETS);
    assert_int_equal(wanted.n, N_COLUMNS * targets->n);
    for (size_t k = 0; k < targets->n; k++) {
        size_t target = (size_t) targets->data[k];
        double unit = 0;

        for (size_t i = 0; i < N_COLUMNS; i++) {
            unit = fmax(unit, fabs(wanted.data[i * targets->n + k]));
        }
        for (size_t i = 0; i < N_COLUMNS && (!agree || agree[target]); i++) {
            golden_close(&check, i * targets->n + k,
                found.data[i * N_TARGETS + target] / unit,
                wanted.data[i * targets->n + k] / unit, tolerance);
        }
    }
    golden_report(name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

static void
compare_nested(
    const fit_case_t *c, const char *golden, const char *data, const char *result)
{
    char nested[64], agree[N_FOLDS * N_TARGETS];
    golden_t alphas;

    snprintf(nested, sizeof nested, "%s/nested", c->group);
    alphas = golden_read_in(golden, nested, "best_alphas");
    assert_int_equal(alphas.n, N_FOLDS * N_TARGETS);
    compare_cv_scores(
        c, result, "/cv_scores_by_fold", golden_read_in(golden, nested, "cv_scores"));
    compare_alphas(c, result, "/best_alphas_by_fold", alphas,
        golden_read_in(golden, nested, "alpha_margin"), agree);
    compare_outer(c, result, "/scores/r_by_fold", golden_read_in(golden, nested, "r"),
        &alphas, agree);
    compare_outer(c, result, "/scores/r2_by_fold", golden_read_in(golden, nested, "r2"),
        &alphas, agree);
    compare_concatenated(
        c, data, result, golden_read_in(golden, nested, "r_concat"), agree);
    golden_free(&alphas);
}

static void
compare_full(const fit_case_t *c, const char *golden, const char *result)
{
    char full[64], agree[N_TARGETS];
    golden_t targets = golden_read(golden, "/weight_targets");
    golden_t alphas;

    snprintf(full, sizeof full, "%s/full", c->group);
    alphas = golden_read_in(golden, full, "best_alphas");
    assert_int_equal(alphas.n, N_TARGETS);
    compare_cv_scores(c, result, "/cv_scores", golden_read_in(golden, full, "cv_scores"));
    compare_alphas(c, result, "/best_alphas", alphas,
        golden_read_in(golden, full, "alpha_margin"), agree);
    compare_weights(c->name, c->weights, result, golden_read_in(golden, full, "weights"),
        &targets, agree);
    golden_free(&alphas);
    golden_free(&targets);
}

static void
test_alpha_per_target(void **state)
{
    const fit_case_t *c = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_command_t command;

    test_need_data(golden, E1);
    test_need_data(data, DATA);
    command = fit_command(data, c->scaling, c->reset, result);
    golden_add_words(&command, "--select r2 --save weights,cv,predictions --solver");
    golden_add(&command, c->solver);
    golden_add(&command, "--precision");
    golden_add(&command, c->precision);
    golden_run(&command);
    compare_nested(c, golden, data, result);
    if (c->has_full) {
        compare_full(c, golden, result);
    }
}

static void
fit_shared(const char *data, const shared_case_t *c, const char *select, char *result)
{
    golden_command_t command = fit_command(data, c->scaling, c->reset, result);

    golden_add_words(
        &command, "--shared-alpha --precision double --solver dual --select");
    golden_add(&command, select);
    golden_run(&command);
}

/* The one alpha of every fold stands for every target. */
static void
compare_shared_alphas(const char *result, const char *path, golden_t wanted)
{
    golden_t found = golden_result(result, path);

    assert_int_equal(found.n, wanted.n * N_TARGETS);
    for (size_t i = 0; i < found.n; i++) {
        if (!golden_same_alpha(found.data[i], wanted.data[i / N_TARGETS])) {
            fail_msg("%s: at %zu: %g, wanted %g", path, i, found.data[i],
                wanted.data[i / N_TARGETS]);
        }
    }
    golden_free(&found);
    golden_free(&wanted);
}

static void
compare_shared_scores(
    const char *name, const char *result, const char *path, golden_t wanted)
{
    golden_t found = golden_result(result, path);
    golden_check_t check = {.what = path};

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found.data[i], wanted.data[i], 1e-9);
    }
    golden_report(name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

static void
test_shared_alpha(void **state)
{
    const shared_case_t *c = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char group[64], full[64];

    test_need_data(golden, E1);
    test_need_data(data, DATA);
    snprintf(group, sizeof group, "%s/shared_alpha", c->group);
    snprintf(full, sizeof full, "%s/full", c->group);
    fit_shared(data, c, "r2", result);
    compare_shared_alphas(
        result, "/best_alphas_by_fold", golden_read_in(golden, group, "alpha_r2"));
    compare_shared_scores(
        c->name, result, "/scores/r_by_fold", golden_read_in(golden, group, "r"));
    compare_shared_scores(
        c->name, result, "/scores/r2_by_fold", golden_read_in(golden, group, "r2"));
    if (strcmp(c->scaling, "strict") != 0) {
        golden_t targets = golden_read(golden, "/weight_targets");

        compare_shared_alphas(
            result, "/best_alphas", golden_read_in(golden, full, "shared_alpha"));
        compare_weights(c->name, 1e-8, result,
            golden_read_in(golden, full, "shared_weights"), &targets, NULL);
        golden_free(&targets);
    }
    if (c->has_mse) {
        fit_shared(data, c, "mse", result);
        compare_shared_alphas(
            result, "/best_alphas_by_fold", golden_read_in(golden, group, "alpha_l2"));
    }
}

int
main(int argc, char **argv)
{
    struct CMUnitTest tests[N_FIT_CASES + N_SHARED_CASES];

    (void) argc;
    golden_find_program(argv[0]);
    for (size_t i = 0; i < N_FIT_CASES; i++) {
        tests[i] = (struct CMUnitTest){
            fit_cases[i].name, test_alpha_per_target, NULL, NULL, &fit_cases[i]};
    }
    for (size_t i = 0; i < N_SHARED_CASES; i++) {
        tests[N_FIT_CASES + i] = (struct CMUnitTest){
            shared_cases[i].name, test_shared_alpha, NULL, NULL, &shared_cases[i]};
    }
    return cmocka_run_group_tests(tests, golden_begin, golden_end);
}
