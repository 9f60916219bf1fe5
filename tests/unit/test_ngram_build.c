/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "lm/ngram_impl.h"

static const size_t lines[] = {7, 8, 9, 10, 11};

static void
make(ba_ngram_t **out)
{
    static const uint32_t words[] = {1, 0, 3, 2, 4};
    static const double log_p[] = {-9, -1, -2, -3, -4}, backoff[] = {-5, -6, -7, -8, -9};
    const ba_ngram_list_t list = {"m", 5, words, log_p, backoff, lines};
    size_t number;

    assert_int_equal(ba_ngram_new(2, out), BA_OK);
    assert_int_equal(ba_text_set_add(&(*out)->words, "a", &number), BA_OK);
    assert_int_equal(ba_text_set_add(&(*out)->words, "b", &number), BA_OK);
    assert_int_equal(ba_ngram_build(*out, 1, &list), BA_OK);
}

/* In any order, each is found with its own numbers. */
static void
test_sorts_what_comes(void **state)
{
    static const uint32_t words[] = {4, 3, 1, 4, 3, 2, 1, 3, 3, 4};
    static const double log_p[] = {-0.1, -0.2, -0.3, -0.4, -0.5};
    const ba_ngram_list_t list = {"m", 5, words, log_p, log_p, lines};
    ba_ngram_t *ngram;

    (void) state;
    make(&ngram);
    assert_int_equal(ba_ngram_build(ngram, 2, &list), BA_OK);
    assert_int_equal(ba_ngram_count(ngram, 2), 5);
    for (size_t i = 0; i < 5; i++) {
        size_t pair[2] = {words[2 * i], words[2 * i + 1]};

        assert_close(ba_ngram_log_p(ngram, pair, 1, pair[1]), log_p[i], 0.0);
    }
    /* Not listed: back-off weight of 4, probability of 4. */
    assert_close(ba_ngram_log_p(ngram, (const size_t[]){4}, 1, 4), -9.0 - 4.0, 0.0);
    ba_ngram_free(ngram);
}

static void
test_refuses_what_does_not_fit(void **state)
{
    static const uint32_t twice[] = {3, 4, 4, 4, 3, 4}, strange[] = {3, 4, 9, 4};
    static const double log_p[] = {-1, -1, -1};
    const ba_ngram_list_t first = {"m", 3, twice, log_p, log_p, lines};
    const ba_ngram_list_t second = {"m", 2, strange, log_p, log_p, lines};
    ba_ngram_t *ngram;

    (void) state;
    make(&ngram);
    assert_int_equal(ba_ngram_build(ngram, 2, &first), BA_FORMAT);
    assert_contains(ba_error_message(), "m: line 9: the 2-gram of line 7 again");
    ba_ngram_free(ngram);
    make(&ngram);
    assert_int_equal(ba_ngram_build(ngram, 2, &second), BA_FORMAT);
    assert_contains(ba_error_message(), "m: line 8: a 2-gram whose first 1 words");
    ba_ngram_free(ngram);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_what_comes),
        cmocka_unit_test(test_refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
