/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "tests/beamlib.h"

static double
block_of(const beam_case_t *c, size_t a, size_t b, size_t word, size_t f)
{
    double sum = 0.0;

    for (size_t k = 0; k < BEAM_FEATURES; k++) {
        sum += c->a[a * BEAM_FEATURES + f + (b * BEAM_FEATURES + k) * BEAM_P] *
               c->delta[k + word * BEAM_FEATURES];
    }
    return sum;
}

static void
check_word(const beam_case_t *c, const ba_word_products_t *products, size_t word)
{
    const double *product = ba_word_products_get(products, word);

    for (size_t a = 0; a < BEAM_DELAYS; a++) {
        for (size_t b = 0; b < BEAM_DELAYS; b++) {
            double form = 0.0;
            size_t block = a + b * BEAM_DELAYS;

            for (size_t f = 0; f < BEAM_FEATURES; f++) {
                double wanted = block_of(c, a, b, word, f);

                assert_close(product[f + block * BEAM_FEATURES], wanted, 1e-12);
                form += c->delta[f + word * BEAM_FEATURES] * wanted;
            }
            assert_close(products->form[block + word * products->n_blocks], form, 1e-12);
        }
    }
}

/* Both against loops, with as few places as there may be: words come, go and come
 * back. */
static void
test_equals_loops_whatever_is_kept(void **state)
{
    static const size_t words[][3] = {{0, 1, 1}, {2, 3, 0}, {4, 5, 4}, {0, 5, 1}};
    static beam_case_t c;
    ba_word_products_t products;

    (void) state;
    beam_case(&c, 2, 1);
    assert_int_equal(
        ba_word_products_new(&c.inversion, BEAM_DELAYS, &c.said, 3, &products), 0);
    products.capacity = 3;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ba_word_products_forms(NULL, &products, words[i], 3), 0);
        assert_int_equal(ba_word_products_take(NULL, &products, words[i], 3), 0);
        for (size_t k = 0; k < 3; k++) {
            check_word(&c, &products, words[i][k]);
        }
    }
    ba_word_products_free(&products);
    ba_resampler_free(&c.resampler);
}

static void
test_dot(void **state)
{
    double x[7], y[7], sum = 0.0;

    (void) state;
    for (size_t n = 0; n <= 7; n++) {
        assert_close(ba_word_products_dot(x, y, n), sum, 1e-14);
        if (n < 7) {
            x[n] = (double) n + 1.0;
            y[n] = 2.0 - (double) n;
            sum += x[n] * y[n];
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_loops_whatever_is_kept),
        cmocka_unit_test(test_dot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
