/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit of several subjects with every allocation failing in turn. */
#include "tests/faults/exhaust.h"
#include "tests/unit/subjects_study.h"

static subjects_study_t study;
static ba_decode_fit_opts_t opts;
static ba_dataset_t *dataset;

static int
attempt(void)
{
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 1;
    return ba_decode_fit(&ctx, dataset, &opts, NULL);
}

static void
test_methods(void **state)
{
    static const ba_alignment_kind_t kinds[] = {
        BA_ALIGNMENT_PROCRUSTES, BA_ALIGNMENT_SRM, BA_ALIGNMENT_SRM_EM};
    ba_dataset_opts_t data = {.run_table = study.table, .by_run = 1};
    ba_alphas_t alphas;

    (void) state;
    start_subjects(&study);
    assert_int_equal(ba_dataset_open(NULL, &data, &dataset), BA_OK);
    test_make_folder(out_folder);
    test_join(out_path, out_folder, "dec.h5");
    for (size_t k = 0; k < 3; k++) {
        opts = subjects_options(&study, &alphas);
        opts.align = kinds[k];
        opts.align_features = kinds[k] == BA_ALIGNMENT_PROCRUSTES ? 0 : 2;
        opts.fit.outer_cv.kind = BA_CV_RUNS;
        opts.fit.cv.kind = BA_CV_NONE;
        opts.output = out_path;
        exhaust(attempt, 500);
        ba_alphas_free(&alphas);
    }
    ba_dataset_free(dataset);
    test_remove_folder(out_folder);
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_methods)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
