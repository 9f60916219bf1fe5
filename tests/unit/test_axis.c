/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "report/axis.h"
#include "report/palette.h"

static ba_axis_t
axis_of(double low, double high, int is_log)
{
    ba_axis_t axis = {(double) INFINITY, -(double) INFINITY, is_log, 0, 100};

    ba_axis_include(&axis, low);
    ba_axis_include(&axis, high);
    ba_axis_include(&axis, (double) NAN);
    ba_axis_finish(&axis, !is_log);
    return axis;
}

static void
linear(void **state)
{
    ba_axis_t axis = axis_of(0.155, 0.857, 0);
    const double wanted[] = {0, 0.2, 0.4, 0.6, 0.8, 1};
    double ticks[BA_MOST_TICKS];

    (void) state;
    assert_int_equal(ba_axis_ticks(&axis, ticks), 6);
    assert_all_close(ticks, wanted, 6, 1e-12);
    assert_close(axis.low, 0, 1e-12);
    assert_close(axis.high, 1, 1e-12);
    assert_close(ba_axis_at(&axis, 0.25), 25, 1e-9);
    assert_close(ba_axis_at(&axis, 7), 100, 0);
}

/* No extent, nothing at all, around 0: still an axis with ticks in it. */
static void
extents(void **state)
{
    const double ends[][2] = {
        {3, 3}, {0, 0}, {-5, -5}, {-1e-9, 1e-9}, {-3e8, 7e12}, {NAN, NAN}, {-2, 5}};
    double ticks[BA_MOST_TICKS];

    (void) state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        ba_axis_t axis = axis_of(ends[i][0], ends[i][1], 0);
        size_t n = ba_axis_ticks(&axis, ticks);

        assert_true(axis.low < axis.high);
        assert_true(
            isnan(ends[i][0]) || (axis.low <= ends[i][0] && axis.high >= ends[i][1]));
        assert_true(n >= 3 && n < BA_MOST_TICKS);
        for (size_t k = 1; k < n; k++) {
            assert_true(ticks[k] > ticks[k - 1]);
        }
    }
}

static void
logarithmic(void **state)
{
    ba_axis_t axis = axis_of(1, 1000, 1);
    double ticks[BA_MOST_TICKS];
    const double wanted[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

    (void) state;
    assert_int_equal(ba_axis_ticks(&axis, ticks), 10);
    assert_all_close(ticks, wanted, 10, 1e-9);
    assert_close(ba_axis_at(&axis, 10), 100.0 / 3, 1e-9);
    assert_false(ba_axis_shows(&axis, 0));
    axis = axis_of(1, 1e30, 1);
    assert_true(ba_axis_ticks(&axis, ticks) <= BA_MOST_TICKS);
    axis = axis_of(7, 7, 1);
    assert_true(axis.low < 7 && axis.high > 7);
}

static void
tick_texts(void **state)
{
    char text[BA_TICK_TEXT];

    (void) state;
    ba_axis_tick_text(0.1 + 0.2, text);
    assert_string_equal(text, "0.3");
    ba_axis_tick_text(1000, text);
    assert_string_equal(text, "1000");
}

static unsigned
lightness(uint32_t colour)
{
    return (colour >> 16) * 2126 + (colour >> 8 & 0xff) * 7152 + (colour & 0xff) * 722;
}

/* Sequential colours only darken; diverging ones are lightest in the middle. */
static void
palettes(void **state)
{
    (void) state;
    for (int i = 1; i <= 100; i++) {
        unsigned before = lightness(ba_palette_at(BA_PALETTE_SEQUENTIAL, (i - 1) / 100.));

        assert_true(lightness(ba_palette_at(BA_PALETTE_SEQUENTIAL, i / 100.)) < before);
    }
    assert_int_equal(ba_palette_at(BA_PALETTE_DIVERGING, 0.5), 0xf6f6f6);
    assert_int_equal(ba_palette_at(BA_PALETTE_SEQUENTIAL, (double) NAN), BA_COLOUR_NONE);
    assert_int_equal(
        ba_palette_at(BA_PALETTE_SEQUENTIAL, 9), ba_palette_at(BA_PALETTE_SEQUENTIAL, 1));
    assert_int_equal(ba_palette_colour(0), ba_palette_colour(8));
    assert_int_not_equal(ba_palette_colour(0), ba_palette_colour(1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(linear),
        cmocka_unit_test(extents), cmocka_unit_test(logarithmic),
        cmocka_unit_test(tick_texts), cmocka_unit_test(palettes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
