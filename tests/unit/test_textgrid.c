/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/textgrid.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static const char LONG_FORM[] = "File type = \"ooTextFile\"\n"
                                "Object class = \"TextGrid\"\n\n"
                                "xmin = 0 \n"
                                "xmax = 2.5 \n"
                                "tiers? <exists> \n"
                                "size = 2 \n"
                                "item []: \n"
                                "    item [1]:\n"
                                "        class = \"IntervalTier\" \n"
                                "        name = \"words\" \n"
                                "        xmin = 0 \n"
                                "        xmax = 2.5 \n"
                                "        intervals: size = 3 \n"
                                "        intervals [1]:\n"
                                "            xmin = 0 \n"
                                "            xmax = 0.25 \n"
                                "            text = \"\" \n"
                                "        intervals [2]:\n"
                                "            xmin = 0.25 \n"
                                "            xmax = 1.5 \n"
                                "            text = \"say \"\"no\"\" 7 ! <x>\" \n"
                                "        intervals [3]:\n"
                                "            xmin = 1.5 \n"
                                "            xmax = 2.5 \n"
                                "            text = \"na\xc3\xafve\" \n"
                                "    item [2]:\n"
                                "        class = \"TextTier\" \n"
                                "        name = \"clicks\" \n"
                                "        xmin = 0 \n"
                                "        xmax = 2.5 \n"
                                "        points: size = 1 \n"
                                "        points [1]:\n"
                                "            number = 0.75 \n"
                                "            mark = \"x\" \n";

static const char SHORT_FORM[] = "File type = \"ooTextFile\"\n"
                                 "\"TextGrid\"\n\n"
                                 "0\n2.5\n<exists>\n2\n"
                                 "\"IntervalTier\"\n\"words\"\n0\n2.5\n3\n"
                                 "0\n0.25\n\"\"\n0.25\n1.5\n\"say \"\"no\"\" 7 ! <x>\"\n"
                                 "1.5\n2.5\n\"na\xc3\xafve\"\n"
                                 "\"TextTier\"\n\"clicks\"\n0\n2.5\n1\n0.75\n\"x\"\n";

static const char FREE_FORM[] =
    "\"ooTextFile\" \"TextGrid\" 0 2.5 <exists> two tiers: 2 ! 9 \"not data\"\n"
    "\"IntervalTier\" \"words\" from 0 to 2.5 3 0 0.25 \"\" 0.25 1.5\r\n"
    "\"say \"\"no\"\" 7 ! <x>\" 1.5 2.5 \"na\xc3\xafve\" \"TextTier\" \"clicks\" 0 2.5 1 "
    "0.75 \"x\"";

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "x.TextGrid");
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static void
assert_grid(const char *bytes, size_t n)
{
    ba_textgrid_t grid;

    test_write_file(path, bytes, n);
    assert_true(ba_textgrid_is(path));
    if (ba_textgrid_read(path, &grid) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(grid.n_tiers, 2);
    assert_string_equal(grid.tiers[0].name, "words");
    assert_true(grid.tiers[0].is_intervals);
    assert_int_equal(grid.tiers[0].n, 3);
    assert_all_close(grid.tiers[0].start, ((double[]){0, 0.25, 1.5}), 3, 0);
    assert_all_close(grid.tiers[0].stop, ((double[]){0.25, 1.5, 2.5}), 3, 0);
    assert_string_equal(grid.tiers[0].labels[0], "");
    assert_string_equal(grid.tiers[0].labels[1], "say \"no\" 7 ! <x>");
    assert_string_equal(grid.tiers[0].labels[2], "na\xc3\xafve");
    assert_string_equal(grid.tiers[1].name, "clicks");
    assert_false(grid.tiers[1].is_intervals);
    assert_close(grid.tiers[1].start[0], 0.75, 0);
    assert_close(grid.tiers[1].stop[0], 0.75, 0);
    ba_textgrid_free(&grid);
}

static void
test_forms(void **state)
{
    (void) state;
    assert_grid(LONG_FORM, sizeof LONG_FORM - 1);
    assert_grid(SHORT_FORM, sizeof SHORT_FORM - 1);
    assert_grid(FREE_FORM, sizeof FREE_FORM - 1);
}

/* What Praat writes where a label is not ASCII: UTF-16, big end first, with a mark. */
static void
test_utf16(void **state)
{
    char wide[2 * sizeof LONG_FORM];
    size_t n = 0;

    (void) state;
    wide[n++] = '\xfe';
    wide[n++] = '\xff';
    for (const char *c = LONG_FORM; *c; c++) {
        int is_two = *c == '\xc3'; /* of a with two dots: U+00EF */

        wide[n++] = 0;
        wide[n++] = is_two ? '\xef' : *c;
        c += is_two;
    }
    assert_grid(wide, n);
}

static void
assert_refused(int wanted, const char *text, const char *words)
{
    ba_textgrid_t grid;

    test_write_file(path, text, strlen(text));
    assert_int_equal(ba_textgrid_read(path, &grid), wanted);
    assert_contains(ba_error_message(), words);
    assert_null(grid.tiers);
}

static void
test_errors(void **state)
{
    (void) state;
    assert_refused(BA_FORMAT, "", "line 1: found the end, wanted a string, the type");
    assert_refused(BA_FORMAT, "\"ooTextFile\"\n\"Pitch\"", "class 'Pitch'");
    assert_refused(BA_FORMAT, "\"mine\"", "type 'mine', wanted ooTextFile");
    assert_refused(BA_UNSUPPORTED, "\"Praat chronological TextGrid text file\"",
        "a chronological TextGrid");
    assert_refused(BA_FORMAT, "\"ooTextFile\"\n\"TextGrid\"\n0\n2\n<absent>", "no tiers");
    assert_refused(BA_FORMAT, "\"ooTextFile\"\n\"TextGrid\"\n0\n2\n<exists>\n1.5\n",
        "line 6: found 1.5, wanted the number of tiers");
    assert_refused(BA_FORMAT, "\"ooTextFile\"\n\"TextGrid\"\n0\n2\n<exists>\n9999999\n",
        "line 6: found 1e+07, wanted the number of tiers");
    assert_refused(BA_FORMAT,
        "\"ooTextFile\"\n\"TextGrid\"\n0\n2\n<exists>\n1\n\"PitchTier\"\n",
        "line 7: tier of class 'PitchTier'");
    assert_refused(BA_FORMAT,
        "\"ooTextFile\"\n\"TextGrid\"\n0\n2\n<exists>\n1\n\"IntervalTier\"\n\"w\" 0 2 "
        "1\n0\n\"a\"\n",
        "line 10: found a string, wanted a number, the end of an interval");
    assert_refused(BA_FORMAT,
        "\"ooTextFile\"\n\"TextGrid\"\n0\n2\n<exists>\n1\n\"IntervalTier\"\n\"w 0\n2\n",
        "line 8: a quote that is never closed");
}

static void
test_is(void **state)
{
    (void) state;
    test_write_file(path, "onset\n1\n", 8);
    assert_false(ba_textgrid_is(path));
    assert_true(ba_textgrid_is("/no/such/x.textgrid"));
    assert_false(ba_textgrid_is("/no/such/x.csv"));
}

static void
test_no_memory(void **state)
{
    ba_textgrid_t grid;
    int status = BA_NOMEM;
    size_t n = 0;

    (void) state;
    test_write_file(path, SHORT_FORM, sizeof SHORT_FORM - 1);
    while (status == BA_NOMEM) {
        ba_alloc_fail_at(++n);
        status = ba_textgrid_read(path, &grid);
        assert_true(status == BA_OK || !grid.tiers);
    }
    ba_alloc_fail_at(0);
    assert_int_equal(status, BA_OK);
    assert_true(n > 10);
    ba_textgrid_free(&grid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forms, make, drop),
        cmocka_unit_test_setup_teardown(test_utf16, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop),
        cmocka_unit_test_setup_teardown(test_is, make, drop),
        cmocka_unit_test_setup_teardown(test_no_memory, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
