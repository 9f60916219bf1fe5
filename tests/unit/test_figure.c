/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page, and the panels that other commands draw on it. */
#include "tests/figurelib.h"

#include "core/alloc.h"

static int
draw_card(ba_figure_t *figure, const void *data)
{
    static const char *const names[] = {"dog", "a<b"}, *const notes[] = {"n 3", NULL};
    static const char *const lines[] = {"one line",
        "words that go on and on and on until they no longer fit one line of the card, "
        "nor "
        "two of them, nor three of them, and are cut in the end, since nobody reads so "
        "many words on a card of a neuron"};
    static const double values[] = {1, 0.5};
    static const unsigned char kinds[] = {0, 1};

    int status = ba_figure_title(figure, "T & U", "a note");

    (void) data;
    return status != BA_OK ? status
                           : ba_figure_card(figure, &(ba_figure_card_t){.title = "card",
                                                        .subtitle = "sub",
                                                        .lines = lines,
                                                        .n_lines = 2,
                                                        .n_bars = 2,
                                                        .names = names,
                                                        .notes = notes,
                                                        .values = values,
                                                        .kinds = kinds});
}

static void
card(void **state)
{
    char *text = figure_drawn(draw_card, NULL);

    (void) state;
    assert_int_equal(figure_count(text, ">T &amp; U<"), 2);
    assert_int_equal(figure_count(text, ">a&lt;b</text>"), 1);
    assert_int_equal(figure_count(text, "width=\"140\""), 1);
    assert_int_equal(figure_count(text, "width=\"70\""), 1);
    assert_int_equal(figure_count(text, ">words that"), 1);
    assert_int_equal(figure_count(text, "\xe2\x80\xa6</text>"), 1);
    /* Title and note of the page; title, subtitle, 1 + 3 lines, 2 names, 1 note. */
    assert_int_equal(figure_count(text, "<text"), 2 + 2 + 4 + 3);
    free(text);
    figure_survives(draw_card, NULL, ba_alloc_fail_at);
}

static int
draw_matrix(ba_figure_t *figure, const void *data)
{
    return ba_figure_matrix(figure, data);
}

static void
matrix(void **state)
{
    static const char *const rows[] = {"r0", "r1"}, *const columns[] = {
                                                        "long name", "c1", "c2"};
    const double values[] = {0, 1, 2, (double) NAN, 4, 3};
    ba_figure_matrix_t data = {.title = "M",
        .row_label = "rows",
        .column_label = "columns",
        .value_label = "score",
        .n_rows = 2,
        .n_columns = 3,
        .rows = rows,
        .columns = columns,
        .values = values};
    char *text = figure_drawn(draw_matrix, &data);

    (void) state;
    assert_int_equal(figure_count(text, "<rect"), 6 + 32 + 1 + 1); /* scale, n/a, page */
    assert_int_equal(figure_count(text, "<title>"), 6);
    assert_int_equal(figure_count(text, "<title>r1, c1: 4</title>"), 1);
    assert_int_equal(
        figure_count(text, "fill=\"#c8c8c8\"><title>r1, long name: n/a</title>"), 1);
    assert_int_equal(
        figure_count(text, "fill=\"#f4f8fb\"><title>r0, long name: 0</title>"), 1);
    assert_int_equal(figure_count(text, "fill=\"#0b2f5e\"><title>r1, c1: 4</title>"), 1);
    assert_int_equal(figure_count(text, ">score</text>"), 1);
    free(text);
    figure_survives(draw_matrix, &data, ba_alloc_fail_at);

    /* Around 0: the middle colour. */
    data.palette = BA_PALETTE_DIVERGING;
    text = figure_drawn(draw_matrix, &data);
    assert_int_equal(figure_count(text, "fill=\"#f6f6f6\"><title>r0, long name: 0"), 1);
    free(text);

    data.n_rows = 0;
    assert_int_equal(figure_fails(draw_matrix, &data), BA_VALUE);
    data.n_rows = 100000;
    assert_int_equal(figure_fails(draw_matrix, &data), BA_TOO_LARGE);
    data.n_rows = SIZE_MAX;
    assert_int_equal(figure_fails(draw_matrix, &data), BA_TOO_LARGE);
}

static int
draw_plot(ba_figure_t *figure, const void *data)
{
    return ba_figure_plot(figure, data);
}

/* A line with a hole is two lines with two bands; points of a log axis are above 0. */
static void
plot(void **state)
{
    const double x[] = {0, 1, 2, 3, 4, 5}, y[] = {1, 2, (double) NAN, 4, 5, 6};
    const double low[] = {0, 1, 1, 3, 4, 5}, high[] = {2, 3, 3, 5, 6, 7};
    static const char *const labels[] = {"p0", "p1", "p2", "p3", "p4", "p5"};
    ba_figure_series_t series[] = {
        {.name = "line", .n = 6, .x = x, .y = y, .low = low, .high = high},
        {.name = "points",
            .kind = BA_SERIES_POINTS,
            .n = 6,
            .x = x,
            .y = y,
            .low = low,
            .high = high,
            .labels = labels},
        {.tip = "hidden", .kind = BA_SERIES_BOTH, .n = 2, .x = x, .y = y}};
    const ba_figure_mark_t mark = {"chance", 3.5};
    ba_figure_plot_t data = {.title = "P",
        .x_label = "size (neurons)",
        .y_label = "accuracy",
        .series = series,
        .n_series = 3,
        .marks = &mark,
        .n_marks = 1};
    char *text = figure_drawn(draw_plot, &data);

    (void) state;
    assert_int_equal(figure_count(text, "<polyline"), 3);
    assert_int_equal(figure_count(text, "<polygon"), 2);
    assert_int_equal(figure_count(text, "<circle"), 5 + 2 + 1); /* and in the legend */
    assert_int_equal(figure_count(text, "<title>p3</title>"), 1);
    assert_int_equal(figure_count(text, "<title>p2</title>"), 0);
    assert_int_equal(figure_count(text, ">chance</text>"), 1);
    assert_int_equal(figure_count(text, ">size (neurons)</text>"), 1);
    assert_int_equal(figure_count(text, ">hidden</text>"), 0);
    free(text);
    figure_survives(draw_plot, &data, ba_alloc_fail_at);

    data.x_is_log = 1;
    text = figure_drawn(draw_plot, &data);
    assert_int_equal(figure_count(text, "<circle"), 4 + 1 + 1);
    free(text);
    data.n_series = 0;
    assert_int_equal(figure_fails(draw_plot, &data), BA_VALUE);
    data.n_series = 3;
    series[1].n = SIZE_MAX;
    assert_int_equal(figure_fails(draw_plot, &data), BA_TOO_LARGE);
}

static int
draw_bars(ba_figure_t *figure, const void *data)
{
    return ba_figure_bars(figure, data);
}

static void
bars(void **state)
{
    static const char *const names[] = {"A", "B", "C"}, *const groups[] = {"g0", "g1"};
    const double values[] = {1, 2, 3, (double) NAN, 4, -1}, low[] = {0, 1, 2, 0, 3, -2};
    const double high[] = {2, 3, 4, 0, 5, 0};
    ba_figure_bars_t data = {.title = "B",
        .value_label = "share",
        .n_names = 3,
        .n_groups = 2,
        .names = names,
        .groups = groups,
        .values = values,
        .low = low,
        .high = high,
        .digits = 3};
    char *text = figure_drawn(draw_bars, &data);

    (void) state;
    assert_int_equal(figure_count(text, "<rect"), 5 + 2 + 1); /* legend, page */
    assert_int_equal(figure_count(text, "stroke=\"#222222\""), 5);
    assert_int_equal(figure_count(text, ">share</text>"), 1);
    free(text);
    figure_survives(draw_bars, &data, ba_alloc_fail_at);
    data.n_groups = 0;
    assert_int_equal(figure_fails(draw_bars, &data), BA_VALUE);
}

/* Ends of stacked bars touch: 1 and 2 of at most 3 on 300 pixels. */
static void
stacked(void **state)
{
    static const char *const names[] = {"A"};
    const double values[] = {1, 2};
    const ba_figure_bars_t data = {.n_names = 1,
        .n_groups = 2,
        .names = names,
        .values = values,
        .is_stacked = 1,
        .digits = 3,
        .width = 300};
    char *text = figure_drawn(draw_bars, &data);

    (void) state;
    assert_int_equal(figure_count(text, "width=\"100\""), 1);
    assert_int_equal(figure_count(text, "width=\"200\""), 1);
    free(text);
}

static int
draw_three(ba_figure_t *figure, const void *data)
{
    int status = BA_OK;

    for (size_t i = 0; i < 4 && status == BA_OK; i++) {
        status = draw_card(figure, data);
        if (i == 2) {
            ba_figure_break(figure);
            ba_figure_break(figure);
        }
    }
    return status;
}

/* Three cards fill a line; a break that begins an empty line does nothing. */
static void
flow(void **state)
{
    char *text = figure_drawn(draw_three, NULL);

    (void) state;
    assert_int_equal(figure_count(text, "translate(0,0)"), 1);
    assert_int_equal(figure_count(text, "translate(354,0)"), 1);
    assert_int_equal(figure_count(text, "translate(708,0)"), 1);
    assert_int_equal(figure_count(text, "translate(0,"), 2);
    free(text);
}

static void
files(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], inner[TEST_PATH_SIZE];
    ba_figure_t *figure = NULL, *other = NULL;

    (void) state;
    test_make_folder(folder);
    figure_path(path, folder, "f.svg");
    figure_path(inner, folder, "no/f.svg");
    assert_int_equal(ba_figure_create(inner, 0, &figure), BA_IO);
    assert_null(figure);
    assert_int_equal(ba_figure_create(path, 0, &figure), BA_OK);
    assert_int_equal(ba_figure_commit(figure), BA_VALUE);
    assert_contains(ba_error_message(), "f.svg: found no panel");
    assert_int_equal(draw_card(figure, NULL), BA_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(ba_figure_commit(figure), BA_OK);
    assert_int_equal(access(path, F_OK), 0);
    ba_figure_free(figure);
    assert_int_equal(ba_figure_create(path, 0, &other), BA_EXISTS);
    assert_null(other);
    assert_int_equal(ba_figure_create(path, 1, &other), BA_OK);
    ba_figure_free(other);
    ba_figure_free(NULL);
    assert_int_equal(access(path, F_OK), 0);
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(card), cmocka_unit_test(matrix),
        cmocka_unit_test(plot), cmocka_unit_test(bars), cmocka_unit_test(stacked),
        cmocka_unit_test(flow), cmocka_unit_test(files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
