/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out anywhere in a fit whose kernels are reduced to bands: BA_NOMEM, no
 * leak (MODE=asan). */
#include "tests/property/study.h"

#include "tests/faults/exhaust.h"

static double alphas[] = {1, 3, 10, 30, 100};
static study_t study;
static inputs_t inputs;
static pool_t pool;

static int
open_study(void **state)
{
    shape_t shape = {.n_samples = 84,
        .n_runs = 2,
        .n_features = 200,
        .n_delays = 1,
        .n_targets = 2,
        .seed = 7};

    (void) state;
    study = study_make(&pool, &shape);
    study.opts.solver = BA_SOLVER_DUAL;
    study.opts.alphas = (ba_alphas_t){alphas, 5};
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    study.opts.scale_features = BA_SCALE_ZSCORE;
    study.opts.scale_targets = BA_SCALE_ZSCORE;
    inputs_open(&study, &inputs);
    test_make_folder(out_folder);
    test_join(out_path, out_folder, "none"); /* nothing is written */
    return 0;
}

static int
close_study(void **state)
{
    (void) state;
    inputs_close(&inputs);
    pool_free(&pool);
    test_remove_folder(out_folder);
    return 0;
}

static int
run_fit(void)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_fit_result_t result = {0};
    ba_fit_info_t info;
    int status;

    ctx.n_threads = 1;
    status = ba_fit_run(&ctx, &inputs.data, &study.opts, NULL, &result, &info);
    if (status == BA_OK) {
        assert_int_equal(info.n_reduced, 3);
    }
    ba_fit_result_free(&result);
    return status;
}

static void
test_fit(void **state)
{
    (void) state;
    for (int precision = 0; precision < 2; precision++) {
        study.opts.precision = precision ? BA_SINGLE : BA_DOUBLE;
        exhaust(run_fit, 100);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit)};

    return cmocka_run_group_tests(tests, open_study, close_study);
}
