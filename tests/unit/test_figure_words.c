/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/figurelib.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"

enum { NEURONS = 3, LENGTHS = 2 };

typedef struct {
    char result[TEST_PATH_SIZE], words[TEST_PATH_SIZE];
    size_t n_cards;
} files_t;

/* Neuron 9 fits best on test tokens, 4 on training tokens; 7 has no formula. */
static void
write_result(const char *path, size_t n_formulas)
{
    const size_t dims[] = {NEURONS, LENGTHS}, n = NEURONS;
    static const int64_t neuron[] = {4, 7, 9}, layer[] = {0, 0, 1}, unit[] = {4, 7, 2};
    static const char *const component[] = {"ffn", "ffn", "a&b"};
    static const char *const formula[] = {"N", "(N OR V)", "n/a", "n/a", "D", "D"};
    const double nan = (double) NAN;
    const double iou[] = {0.5, 0.625, nan, nan, 0.25, 0.25};
    const double test[] = {0.125, 0.25, nan, nan, 0.375, 0.375};
    const double q[] = {0.01, nan, nan, nan, 0.5, 0.5};
    ba_bundle_t *b;

    assert_int_equal(ba_bundle_create(path, 1, &b), BA_OK);
    assert_int_equal(
        ba_bundle_attr_string(b, "/", "format", "brainalign-explain"), BA_OK);
    assert_int_equal(
        ba_bundle_attr_i64(b, "/", "format_version", 1, &(int64_t){1}), BA_OK);
    assert_int_equal(ba_bundle_write(b, "/iou", BA_F64, 2, dims, iou), BA_OK);
    assert_int_equal(ba_bundle_write(b, "/test/iou", BA_F64, 2, dims, test), BA_OK);
    assert_int_equal(ba_bundle_write(b, "/q", BA_F64, 2, dims, q), BA_OK);
    assert_int_equal(ba_bundle_write(b, "/neurons/neuron", BA_I64, 1, &n, neuron), BA_OK);
    assert_int_equal(ba_bundle_write(b, "/neurons/layer", BA_I64, 1, &n, layer), BA_OK);
    assert_int_equal(ba_bundle_write(b, "/neurons/unit", BA_I64, 1, &n, unit), BA_OK);
    assert_int_equal(
        ba_bundle_write_strings(b, "/neurons/component", n, component), BA_OK);
    assert_int_equal(ba_bundle_write_strings(b, "/formula", n_formulas, formula), BA_OK);
    assert_int_equal(ba_bundle_commit(b), BA_OK);
    ba_bundle_free(b);
}

static void
write_words(const char *path, const char *header)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "neuron\tword\t%s\tmean_z\tn_tokens\n", header);
    for (int i = 0; i < 12; i++) {
        fprintf(file, "4\tw%d\t%g\t1\t3\n", i, 1 - 0.0625 * i);
    }
    fprintf(file, "9\t<b>\t1\t-1\t5\n");
    assert_int_equal(fclose(file), 0);
}

static void
make_files(files_t *files, char folder[TEST_PATH_SIZE])
{
    test_make_folder(folder);
    figure_path(files->result, folder, "e.h5");
    figure_path(files->words, folder, "words.tsv");
    write_result(files->result, NEURONS * LENGTHS);
    write_words(files->words, "score");
    files->n_cards = 24;
}

static int
draw(ba_figure_t *figure, const void *data)
{
    const files_t *files = data;

    return ba_figure_words(figure, files->result, files->words, files->n_cards);
}

static void
cards(void **state)
{
    char folder[TEST_PATH_SIZE], *text, *first, *second;
    files_t files;

    (void) state;
    make_files(&files, folder);
    text = figure_drawn(draw, &files);
    first = strstr(text, ">a&amp;b, layer 1, unit 2<");
    second = strstr(text, ">ffn, layer 0, unit 4<");
    assert_true(first && second && first < second);
    assert_null(strstr(text, "unit 7"));
    assert_int_equal(figure_count(text, "fill=\"none\""), 2); /* frames */
    /* One formula where the longest is the first, the first ten words. */
    assert_int_equal(figure_count(text, ">D: IoU\xc2\xa0"
                                        "25\xc2\xa0%"),
        1);
    assert_int_equal(figure_count(text, ">N: IoU\xc2\xa0"
                                        "50\xc2\xa0%, on test tokens "
                                        "12.5\xc2\xa0%, q\xc2\xa0"
                                        "0.01<"),
        1);
    assert_int_equal(figure_count(text, ">(N OR V): IoU\xc2\xa0"
                                        "62.5\xc2\xa0%"),
        1);
    assert_int_equal(figure_count(text, ">n 3<"), 10);
    assert_int_equal(figure_count(text, ">w9<"), 1);
    assert_int_equal(figure_count(text, ">w10<"), 0);
    assert_int_equal(figure_count(text, ">&lt;b&gt;<"), 1);
    /* Above the mean blue, below it orange. */
    assert_int_equal(figure_count(text, "fill=\"#0072b2\""), 10);
    assert_int_equal(
        figure_count(text, "width=\"140\" height=\"10\" fill=\"#d55e00\""), 1);
    free(text);
    figure_survives(draw, &files, ba_alloc_fail_at);
    files.n_cards = 1;
    text = figure_drawn(draw, &files);
    assert_int_equal(figure_count(text, "unit 4"), 0);
    assert_int_equal(figure_count(text, "unit 2"), 1);
    free(text);
    test_remove_folder(folder);
}

static void
bad_files(void **state)
{
    char folder[TEST_PATH_SIZE];
    files_t files;

    (void) state;
    make_files(&files, folder);
    files.n_cards = 0;
    assert_int_equal(figure_fails(draw, &files), BA_VALUE);
    files.n_cards = 1;
    write_words(files.words, "other");
    assert_int_equal(figure_fails(draw, &files), BA_MISSING);
    assert_contains(ba_error_message(), "words.tsv: no column 'score'");
    write_words(files.words, "score");
    write_result(files.result, 5);
    assert_int_equal(figure_fails(draw, &files), BA_FORMAT);
    assert_contains(ba_error_message(), "/formula: found 5 texts, wanted 6");
    remove(files.words);
    write_result(files.result, NEURONS * LENGTHS);
    assert_int_equal(figure_fails(draw, &files), BA_IO);
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards), cmocka_unit_test(bad_files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
