/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign encode fit` where samples outnumber columns, against himalaya and
 * scikit-learn (golden file E3): 362 samples, 256 delayed columns, 168 targets of which 6
 * are zero throughout; a cubic taken out of the responses first. */
#include "tests/golden/golden_fit.h"

#include "brainalign/fit.h"

#define E3 "golden/encode/e3_primal.h5"
#define DATA "data/alice_rois/alice_6mm.h5"

#define N_FOLDS 5
#define N_ALPHAS 13
#define N_TARGETS 168

/* Targets without variance. */
#define FIRST_ZERO 48
#define LAST_ZERO 53

#define SIZES                                                                            \
    .n_targets = N_TARGETS, .n_alphas = N_ALPHAS, .n_low = 6, .zero_start = FIRST_ZERO,  \
    .zero_stop = LAST_ZERO + 1

static golden_fit_t fits[] = {
    {.name = "dual", .solver = "dual", SIZES, GOLDEN_DOUBLE},
    {.name = "primal", .solver = "primal", SIZES, GOLDEN_DOUBLE},
    {.name = "dual single", .solver = "dual", SIZES, GOLDEN_SINGLE},
    {.name = "primal single", .solver = "primal", SIZES, GOLDEN_SINGLE},
    {.name = "preset himalaya", .solver = "primal", SIZES, GOLDEN_DOUBLE},
    {.name = "one alpha", .solver = "auto", SIZES, GOLDEN_DOUBLE},
};

#define N_FITS (sizeof fits / sizeof fits[0])

static golden_command_t
fit_command(const golden_fit_t *fit, const char *data, char *result)
{
    golden_command_t command =
        golden_fit(data, "/features/tinylm[,320:384]", "1,2,3,4", result);

    golden_add_words(&command, "--detrend poly:3 --select r2");
    golden_add_words(&command, strcmp(fit->name, "preset himalaya") == 0
                                   ? "--preset himalaya --scale-features zscore"
                                   : "--inner-scaling outer");
    golden_add(&command, "--solver");
    golden_add(&command, fit->solver);
    golden_add(&command, "--precision");
    golden_add(&command, fit->precision);
    return command;
}

/* Zero targets, and only they, have a status, and no score. */
static void
check_status(const golden_fit_t *fit, const char *golden, const char *result)
{
    golden_t zeros = golden_read(golden, "/zero_variance_targets");
    golden_t status = golden_result(result, "/status");
    golden_t r = golden_result(result, "/scores/r");
    golden_t r2 = golden_result(result, "/scores/r2");
    golden_t n_folds = golden_result(result, "/scores/n_folds");

    assert_int_equal(zeros.n, LAST_ZERO - FIRST_ZERO + 1);
    assert_true(zeros.data[0] == FIRST_ZERO && zeros.data[zeros.n - 1] == LAST_ZERO);
    assert_int_equal(status.n, N_TARGETS);
    for (size_t j = 0; j < N_TARGETS; j++) {
        int zero = golden_is_zero(fit, j);

        assert_int_equal((int) status.data[j], zero ? BA_TARGET_CONSTANT : 0);
        assert_true((isnan(r.data[j]) != 0) == zero);
        assert_true((isnan(r2.data[j]) != 0) == zero);
        assert_true(n_folds.data[j] == (zero ? 0 : N_FOLDS));
    }
    golden_free(&zeros);
    golden_free(&status);
    golden_free(&r);
    golden_free(&r2);
    golden_free(&n_folds);
}

static void
test_alpha_per_target(void **state)
{
    const golden_fit_t *fit = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char agree[N_FOLDS * N_TARGETS];
    golden_command_t command;
    golden_t nested, full;

    test_need_data(golden, E3);
    test_need_data(data, DATA);
    command = fit_command(fit, data, result);
    golden_add_words(&command, "--alphas log:-1,5,13 --save weights,cv");
    golden_add_spec(&command, "--cv", "rows:", data, "/fold");
    golden_run(&command);

    nested = golden_read(golden, "/nested/best_alphas");
    full = golden_read(golden, "/full/best_alphas");
    assert_int_equal(nested.n, sizeof agree);
    golden_cv_scores(
        fit, result, "/cv_scores_by_fold", golden_read(golden, "/nested/cv_scores"));
    golden_alphas(fit, result, "/best_alphas_by_fold", &nested,
        golden_read(golden, "/nested/alpha_margin"), agree);
    golden_outer(fit, result, "/scores/r_by_fold", golden_read(golden, "/nested/r"),
        &nested, agree);
    golden_outer(fit, result, "/scores/r2_by_fold", golden_read(golden, "/nested/r2"),
        &nested, agree);
    golden_cv_scores(fit, result, "/cv_scores", golden_read(golden, "/full/cv_scores"));
    golden_alphas(fit, result, "/best_alphas", &full,
        golden_read(golden, "/full/alpha_margin"), agree);
    golden_weights(fit, result, golden_read(golden, "/full/weights"), NULL, agree);
    check_status(fit, golden, result);
    golden_free(&nested);
    golden_free(&full);
}

/* Fold 0 of a fit without inner splits, of row k of N_ALPHAS x N_TARGETS. */
static void
compare_fold0(const golden_fit_t *fit, golden_check_t *check, const char *result,
    const char *path, const golden_t *wanted, size_t k)
{
    golden_t found = golden_result(result, path);

    assert_int_equal(found.n, N_FOLDS * N_TARGETS);
    for (size_t j = 0; j < N_TARGETS; j++) {
        if (!golden_is_zero(fit, j)) {
            golden_close(check, k * N_TARGETS + j, found.data[j],
                wanted->data[k * N_TARGETS + j], k < fit->n_low ? fit->low : fit->high);
        }
    }
    golden_free(&found);
}

static void
test_every_alpha_alone(void **state)
{
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE], text[32];
    golden_check_t check_r = {.what = "fold 0 r"}, check_r2 = {.what = "fold 0 r2"};
    const golden_fit_t *fit = *state;
    golden_t alphas, r, r2;

    test_need_data(golden, E3);
    test_need_data(data, DATA);
    alphas = golden_read(golden, "/alphas");
    r = golden_read(golden, "/fold0_per_alpha/r");
    r2 = golden_read(golden, "/fold0_per_alpha/r2");
    assert_int_equal(alphas.n, N_ALPHAS);
    for (size_t k = 0; k < N_ALPHAS; k++) {
        golden_command_t command = fit_command(fit, data, result);

        snprintf(text, sizeof text, "%.17g", alphas.data[k]);
        golden_add_words(&command, "--cv none --save none --alphas");
        golden_add(&command, text);
        golden_run(&command);
        compare_fold0(fit, &check_r, result, "/scores/r_by_fold", &r, k);
        compare_fold0(fit, &check_r2, result, "/scores/r2_by_fold", &r2, k);
    }
    golden_report(fit->name, &check_r);
    golden_report(fit->name, &check_r2);
    golden_free(&alphas);
    golden_free(&r);
    golden_free(&r2);
}

int
main(int argc, char **argv)
{
    struct CMUnitTest tests[N_FITS];

    (void) argc;
    golden_find_program(argv[0]);
    for (size_t i = 0; i < N_FITS; i++) {
        tests[i] = (struct CMUnitTest){fits[i].name,
            strcmp(fits[i].name, "one alpha") == 0 ? test_every_alpha_alone
                                                   : test_alpha_per_target,
            NULL, NULL, &fits[i]};
    }
    return cmocka_run_group_tests(tests, golden_begin, golden_end);
}
