/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "core/texts.h"

/* Far more strings than the first room of anything holds, each kept once. */
static void
set_numbers_by_appearance(void **state)
{
    ba_text_set_t set = {0};
    char text[32];
    size_t number;

    (void) state;
    assert_int_equal(ba_text_set_find(&set, "x"), SIZE_MAX);
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "word%zu", i * 7919 % 5000);
            assert_int_equal(ba_text_set_add(&set, text, &number), BA_OK);
            assert_int_equal(number, i);
        }
    }
    assert_int_equal(set.texts.n, 5000);
    assert_string_equal(ba_texts_get(&set.texts, 1), "word2919");
    assert_int_equal(ba_text_set_find(&set, "word2919"), 1);
    assert_int_equal(ba_text_set_find(&set, "word5000"), SIZE_MAX);
    ba_text_set_free(&set);
}

static void
list_is_a_copy(void **state)
{
    ba_texts_t texts = {0};
    char **list;

    (void) state;
    assert_int_equal(ba_texts_list(&texts, &list), BA_OK);
    ba_free(list);
    assert_int_equal(ba_texts_add(&texts, "ab and more", 2), BA_OK);
    assert_int_equal(ba_texts_add(&texts, "", 0), BA_OK);
    assert_int_equal(ba_texts_add(&texts, "c", 1), BA_OK);
    assert_int_equal(ba_texts_list(&texts, &list), BA_OK);
    ba_texts_free(&texts);
    assert_string_equal(list[0], "ab");
    assert_string_equal(list[1], "");
    assert_string_equal(list[2], "c");
    ba_free(list);
}

static void
assert_lower(const char *text, const char *wanted)
{
    char out[64];

    ba_text_lower(text, out);
    assert_string_equal(out, wanted);
}

static void
lower_case(void **state)
{
    char own[] = "\xc3\x84Q"; /* in place */

    (void) state;
    assert_lower("The END-3", "the end-3");
    assert_lower("\xc3\x89T\xc3\x89 \xc3\x97", "\xc3\xa9t\xc3\xa9 \xc3\x97");
    assert_lower("\xc4\x8c\xc5\xa0\xc5\xb8\xc5\xbd\xc5\x81", /* C S Y Z L with marks */
        "\xc4\x8d\xc5\xa1\xc3\xbf\xc5\xbe\xc5\x82");
    assert_lower("\xce\x91\xce\xa9\xce\x86", "\xce\xb1\xcf\x89\xce\xac");
    assert_lower("\xd0\x9c\xd0\x81\xd0\xaf", "\xd0\xbc\xd1\x91\xd1\x8f");
    assert_lower("\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_lower("\xc3", "\xc3");
    ba_text_lower(own, own);
    assert_string_equal(own, "\xc3\xa4q");
}

static void
no_memory(void **state)
{
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_text_set_t set = {0};
        size_t number;
        char text[16];

        status = BA_OK;
        ba_alloc_fail_at(n);
        for (size_t i = 0; i < 200 && status == BA_OK; i++) {
            snprintf(text, sizeof text, "%zu", i);
            status = ba_text_set_add(&set, text, &number);
        }
        ba_alloc_fail_at(0);
        assert_true(n < 50);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_text_set_free(&set);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(set_numbers_by_appearance),
        cmocka_unit_test(list_is_a_copy), cmocka_unit_test(lower_case),
        cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
