/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "decode/beam_job.h"

enum { CHOICES = 400, OPTIONS = 5, ALL = CHOICES * OPTIONS };

static double x[ALL], l[ALL];
static size_t start[CHOICES + 1];

/* Choices drawn with these weights; the chosen one goes first. */
static void
draw(double b, double k, uint64_t seed)
{
    for (size_t c = 0; c < CHOICES; c++) {
        double p[OPTIONS], sum = 0.0, drawn;
        size_t first = c * OPTIONS, at = 0;

        start[c] = first;
        for (size_t i = 0; i < OPTIONS; i++) {
            x[first + i] = 3.0 * test_normal(&seed);
            l[first + i] = -2.0 + test_normal(&seed);
            p[i] = exp(b * x[first + i] + k * l[first + i]);
            sum += p[i];
        }
        drawn = sum * test_uniform(&seed);
        while (at + 1 < OPTIONS && drawn >= p[at]) {
            drawn -= p[at++];
        }
        double swap_x = x[first], swap_l = l[first];
        x[first] = x[first + at];
        l[first] = l[first + at];
        x[first + at] = swap_x;
        l[first + at] = swap_l;
    }
    start[CHOICES] = ALL;
}

static double
value(double b, double k)
{
    double sum = 0.0;

    for (size_t c = 0; c < CHOICES; c++) {
        double total = 0.0;

        for (size_t i = start[c]; i < start[c + 1]; i++) {
            total += exp(b * x[i] + k * l[i]);
        }
        sum += b * x[start[c]] + k * l[start[c]] - log(total);
    }
    return sum;
}

/* Nothing near or far is better, and the weights are those that were drawn with, to the
 * error of so many choices. */
static void
test_finds_the_largest_sum(void **state)
{
    double b, k;

    (void) state;
    draw(0.3, 0.8, 1);
    ba_choice_weights(x, l, start, CHOICES, &b, &k);
    assert_close(b, 0.3, 0.1);
    assert_close(k, 0.8, 0.25);
    for (double db = -0.3; db < 1.0; db += 0.05) {
        for (double dk = -0.8; dk < 1.0; dk += 0.05) {
            assert_true(value(b + db, k + dk) <= value(b, k) + 1e-6);
        }
    }
    assert_true(value(b + 1e-3, k) < value(b, k) && value(b - 1e-3, k) < value(b, k));
    assert_true(value(b, k + 1e-3) < value(b, k) && value(b, k - 1e-3) < value(b, k));
}

/* What speaks against the words said has no weight. */
static void
test_no_weight_is_negative(void **state)
{
    double b, k;

    (void) state;
    draw(-0.3, 0.8, 2);
    ba_choice_weights(x, l, start, CHOICES, &b, &k);
    assert_true(b == 0.0);
    assert_true(k > 0.5 && value(0.0, k) >= value(0.0, k + 1e-3) &&
                value(0.0, k) >= value(0.0, k - 1e-3));
    draw(0.3, -0.8, 3);
    ba_choice_weights(x, l, start, CHOICES, &b, &k);
    assert_true(k == 0.0 && b > 0.1);
    draw(-0.3, -0.8, 4);
    ba_choice_weights(x, l, start, CHOICES, &b, &k);
    assert_true(k == 0.0 && b == 0.0);
}

/* Choices that one weight tells apart without an error: it is large, and finite. */
static void
test_separable_choices_end(void **state)
{
    double b, k;

    (void) state;
    draw(0.3, 0.8, 5);
    for (size_t i = 0; i < ALL; i++) {
        x[i] = i % OPTIONS == 0 ? 1.0 : -1.0;
    }
    ba_choice_weights(x, l, start, CHOICES, &b, &k);
    assert_true(b > 3.0 && isfinite(b) && isfinite(k));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_largest_sum),
        cmocka_unit_test(test_no_weight_is_negative),
        cmocka_unit_test(test_separable_choices_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
