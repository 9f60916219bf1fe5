/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/figurelib.h"

#include "core/alloc.h"
#include "report/svg.h"

#include <locale.h>

static char *
text_of(ba_svg_t *svg)
{
    ba_svg_put(svg, "");
    assert_int_equal(ba_svg_status(svg), BA_OK);
    return strndup(svg->n > 0 ? svg->text : "", svg->n);
}

static void
assert_number(double value, const char *wanted)
{
    ba_svg_t svg = {.text = NULL};
    char *text;

    ba_svg_put_number(&svg, value);
    text = text_of(&svg);
    assert_string_equal(text, wanted);
    free(text);
    ba_svg_free(&svg);
}

/* Two decimals at most, none that says nothing; never an exponent, nan or a minus zero. */
static void
numbers(void **state)
{
    (void) state;
    assert_number(0, "0");
    assert_number(-0.001, "0");
    assert_number(1.5, "1.5");
    assert_number(-1.05, "-1.05");
    assert_number(12.345678, "12.35");
    assert_number(0.999, "1");
    assert_number(-0.5, "-0.5");
    assert_number(123456789, "123456789");
    assert_number((double) NAN, "0");
    assert_number(1e300, "1000000000");
}

/* In a locale with a decimal comma too, where there is one. */
static void
locale(void **state)
{
    (void) state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        test_skip("no locale with a decimal comma is installed");
    }
    assert_number(1.25, "1.25");
    setlocale(LC_ALL, "C");
}

static void
escaping(void **state)
{
    ba_svg_t svg = {.text = NULL};
    char *text;

    (void) state;
    ba_svg_put_text(
        &svg, "<a href=\"x\"> & 'b'\n\x01 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    /* A lone byte, an overlong slash, a surrogate, U+FFFF, a character cut short. */
    ba_svg_put_text(&svg, "|\xff|\xc0\xaf|\xed\xa0\x80|\xef\xbf\xbf|\xe2\x82");
    text = text_of(&svg);
    assert_string_equal(text,
        "&lt;a href=&quot;x&quot;&gt; &amp; 'b'\n\xef\xbf\xbd "
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
        "|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd|"
        "\xef\xbf\xbd\xef\xbf\xbd");
    free(text);
    ba_svg_free(&svg);
}

static void
elements(void **state)
{
    const ba_font_t font = {11, BA_ANCHOR_END, 0x0000ff, 1, -90};
    const double points[] = {0, 1, 2.5, 3};
    ba_svg_t svg = {.text = NULL};
    char *text;

    (void) state;
    ba_svg_open(&svg, 1, 2);
    ba_svg_rect(&svg, (ba_box_t){0, 1, 2, 3}, 0xabcdef, "a < b");
    ba_svg_text(&svg, 5, 6, &font, "x & y");
    ba_svg_polyline(&svg, points, 2, (ba_pen_t){0xff0000, 1.5, 1}, NULL);
    ba_svg_polygon(&svg, points, 2, 0x00ff00);
    ba_svg_circle(&svg, points, 3, 0, NULL);
    ba_svg_close(&svg);
    text = text_of(&svg);
    assert_true(figure_is_xml(text));
    assert_non_null(strstr(text, "<g transform=\"translate(1,2)\">"));
    assert_non_null(strstr(text,
        "<rect x=\"0\" y=\"1\" width=\"2\" height=\"3\" fill=\"#abcdef\"><title>a &lt; "
        "b</title></rect>"));
    assert_non_null(strstr(text, "text-anchor=\"end\" font-weight=\"bold\" "
                                 "transform=\"rotate(-90 5 6)\">x &amp; y</text>"));
    assert_non_null(strstr(text, "stroke=\"#ff0000\" stroke-width=\"1.5\" "
                                 "stroke-dasharray=\"5 3\" points=\"0,1 2.5,3\"/>"));
    free(text);
    ba_svg_free(&svg);
}

/* The checker itself must see faults. */
static void
checker(void **state)
{
    (void) state;
    assert_true(figure_is_xml("<?xml version=\"1.0\"?><a b=\"c\"><d/>x &amp; y</a>"));
    assert_false(figure_is_xml("<a><b></a></b>"));
    assert_false(figure_is_xml("<a>&</a>"));
    assert_false(figure_is_xml("<a b=\"<\"/>"));
    assert_false(figure_is_xml("<a b=c/>"));
    assert_false(figure_is_xml("<a>"));
    assert_false(figure_is_xml("<a/><b/>"));
    assert_false(figure_is_xml("<a>\x01</a>"));
}

static void
widths(void **state)
{
    char *cut;

    (void) state;
    assert_true(ba_text_width("mmm", 10) > ba_text_width("iii", 10));
    assert_close(ba_text_width("abab", 20), 4 * ba_text_width("a", 20), 1e-9);
    assert_int_equal(ba_text_fitting("abc", 10, 1000), 3);
    assert_int_equal(ba_text_fitting("\xc3\xa9\xc3\xa9", 10, 7), 2);
    cut = ba_text_cut("abc", 10, 100);
    assert_string_equal(cut, "abc");
    ba_free(cut);
    cut = ba_text_cut("abcdefghijkl", 10, 40);
    assert_true(strlen(cut) < 10 && ba_text_width(cut, 10) <= 42);
    assert_string_equal(cut + strlen(cut) - 3, "\xe2\x80\xa6");
    ba_free(cut);
}

/* The first failure is kept; nothing is added after it. */
static void
failing(void **state)
{
    ba_svg_t svg = {.text = NULL};

    (void) state;
    ba_alloc_fail_at(1);
    ba_svg_put(&svg, "x");
    ba_alloc_fail_at(0);
    ba_svg_put(&svg, "y");
    assert_int_equal(ba_svg_status(&svg), BA_NOMEM);
    assert_int_equal(svg.n, 0);
    ba_svg_free(&svg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers),
        cmocka_unit_test(locale), cmocka_unit_test(escaping), cmocka_unit_test(elements),
        cmocka_unit_test(checker), cmocka_unit_test(widths), cmocka_unit_test(failing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
