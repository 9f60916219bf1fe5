/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out anywhere in decode invert of several spaces with bands: BA_NOMEM,
 * nothing under the output's name, no leak (MODE=asan). */
#include "tests/property/band_study.h"

#include "tests/faults/exhaust.h"

static study_t study;

static int
open_study(void **state)
{
    make_folder(state);
    make_study(&study);
    fit(&study, "0.2,0.8\n1,0\n", 1.0, "b:1");
    snprintf(out_folder, sizeof out_folder, "%s", folder);
    snprintf(out_path, sizeof out_path, "%s", in_folder("inv.h5"));
    return 0;
}

static int
close_study(void **state)
{
    free_study(&study);
    return remove_folder(state);
}

static int
run_space(void)
{
    static const char *const names[] = {"b"};
    ba_decode_invert_opts_t opts = {.prior_by_space = 1,
        .spaces = names,
        .n_spaces = 1,
        .output = out_path,
        .force = 1};
    ba_decode_invert_info_t info;

    opts.model = (ba_decode_model_opts_t){
        .encoder = in_folder("enc.h5"), .share = SHARE, .precision = BA_DOUBLE};
    return ba_decode_invert(alone(), &study.dataset, &opts, &info);
}

static void
test_space(void **state)
{
    (void) state;
    exhaust(run_space, 50);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space),
    };

    return cmocka_run_group_tests(tests, open_study, close_study);
}
