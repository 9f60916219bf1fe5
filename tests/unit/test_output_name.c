/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/compare.h"
#include "core/alloc.h"

static void
test_names(void **state)
{
    static const char *const names[][2] = {{"scores.tsv", "scores.t.tsv"},
        {"out.d/map.nii.gz", "out.d/map.t.nii.gz"}, {"a.b/map", "a.b/map.t"},
        {"map.gz", "map.t.gz"}, {"v1.2.map.nii", "v1.2.map.t.nii"},
        {".hidden", ".hidden.t"}, {".hidden.gz", ".hidden.t.gz"},
        {"dir/.gz", "dir/.gz.t"}, {"", ".t"}};
    char *out = NULL;

    (void) state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(ba_output_name(names[i][0], "t", &out), BA_OK);
        assert_string_equal(out, names[i][1]);
        ba_free(out);
    }
    assert_int_equal(ba_output_name(NULL, "t", &out), BA_OK);
    assert_null(out);
}

static void
test_no_memory(void **state)
{
    char *out = NULL;

    (void) state;
    ba_alloc_fail_at(1);
    assert_int_equal(ba_output_name("a.tsv", "t", &out), BA_NOMEM);
    ba_alloc_fail_at(0);
    assert_null(out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
