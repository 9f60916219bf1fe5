/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testhdf5.h"

#include "core/alloc.h"
#include "io/neurox.h"

enum { LAYERS = 3, UNITS = 4, COLUMNS = LAYERS * UNITS };

/* Value of a unit of a token of a sentence. */
static double
value_at(size_t sentence, size_t token, size_t layer, size_t unit)
{
    return (double) (1000 * sentence + 100 * token + 10 * layer + unit);
}

static void
put_sentence(const char *name, size_t sentence, size_t n_tokens, hid_t type)
{
    hsize_t dims[3] = {LAYERS, n_tokens, UNITS};
    double *x = malloc(LAYERS * n_tokens * UNITS * sizeof *x);

    for (size_t i = 0; i < LAYERS * n_tokens * UNITS; i++) {
        x[i] = value_at(sentence, i / UNITS % n_tokens, i / UNITS / n_tokens, i % UNITS);
    }
    put(name, type, 3, dims, NULL, x);
    free(x);
}

static void
put_index(const char *json)
{
    hsize_t dims[1] = {1};
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, dims, NULL), dataset;

    H5Tset_size(type, H5T_VARIABLE);
    dataset = H5Dcreate2(
        file, "sentence_to_index", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                    (const void *) &json) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Tclose(type);
}

/* The order is that of the index, not of the names; a mark of repetition is no word, other
 * words in brackets are. */
static void
put_file(size_t n_last)
{
    put_sentence("10", 1, 2, H5T_IEEE_F32LE);
    put_sentence("2", 0, 3, H5T_IEEE_F64BE);
    put_sentence("7", 2, 3, H5T_NATIVE_DOUBLE);
    put_sentence("8", 3, n_last, H5T_NATIVE_FLOAT);
    put_index("{\"the  cat sat\": \"2\", \"a (Occurrence)\": \"10\", \"the  cat sat "
              "(Occurrence 2)\": \"7\", \"b (Occurrence 2) c\": \"8\"}");
}

static void
tokens_of_sentences(void **state)
{
    const size_t first[5] = {0, 3, 5, 8, 12};
    static const char *const words[12] = {"the", "cat", "sat", "a", "(Occurrence)", "the",
        "cat", "sat", "b", "(Occurrence", "2)", "c"};
    ba_source_t *source;
    ba_texts_t texts = {0};
    size_t *sentence;
    double x[12 * COLUMNS];

    (void) state;
    put_file(4);
    close_file();
    assert_true(ba_neurox_is_hdf5(path));
    assert_int_equal(ba_source_open(NULL, path, NULL, &source), BA_OK);
    assert_int_equal(ba_source_n_rows(source), 12);
    assert_int_equal(ba_source_n_cols(source), COLUMNS);
    assert_int_equal(ba_neurox_layer_size(source), UNITS);
    assert_int_equal(ba_source_read(source, 0, 0, 12, 0, COLUMNS, x, 12), BA_OK);
    for (size_t s = 0; s < 4; s++) {
        for (size_t t = first[s]; t < first[s + 1]; t++) {
            for (size_t j = 0; j < COLUMNS; j++) {
                assert_close(
                    x[t + 12 * j], value_at(s, t - first[s], j / UNITS, j % UNITS), 0);
            }
        }
    }
    /* From the middle of a sentence and of a layer on. */
    assert_int_equal(ba_source_read(source, 0, 4, 3, 2, 5, x, 12), BA_OK);
    assert_close(x[0], value_at(1, 1, 0, 2), 0);
    assert_close(x[2 + 12 * 4], value_at(2, 1, 1, 2), 0);
    assert_int_equal(ba_neurox_words(source, &texts, &sentence), BA_OK);
    for (size_t s = 0; s < 4; s++) {
        for (size_t t = first[s]; t < first[s + 1]; t++) {
            assert_string_equal(ba_texts_get(&texts, t), words[t]);
            assert_int_equal(sentence[t], s);
        }
    }
    ba_texts_free(&texts);
    free(sentence);
    ba_source_close(source);
}

/* Words go with the rows of a SPEC; a layer size only with whole layers. */
static void
part_of_a_file(void **state)
{
    ba_source_t *source;
    ba_texts_t texts = {0};
    size_t *sentence;

    (void) state;
    put_file(4);
    close_file();
    snprintf(spec, sizeof spec, "%s[4:6,4:12]", path);
    assert_int_equal(ba_source_open(NULL, spec, NULL, &source), BA_OK);
    assert_int_equal(ba_neurox_layer_size(source), UNITS);
    assert_int_equal(ba_neurox_words(source, &texts, &sentence), BA_OK);
    assert_int_equal(texts.n, 2);
    assert_string_equal(ba_texts_get(&texts, 1), "the");
    assert_int_equal(sentence[0], 1);
    assert_int_equal(sentence[1], 2);
    ba_texts_free(&texts);
    free(sentence);
    ba_source_close(source);
    snprintf(spec, sizeof spec, "%s[,1:9]", path);
    assert_int_equal(ba_source_open(NULL, spec, NULL, &source), BA_OK);
    assert_int_equal(ba_neurox_layer_size(source), 0);
    ba_source_close(source);
}

static void
assert_refused(int wanted, const char *words)
{
    ba_source_t *source;

    close_file();
    assert_int_equal(ba_source_open(NULL, path, NULL, &source), wanted);
    assert_null(source);
    assert_contains(ba_error_message(), words);
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

static void
refused(void **state)
{
    hsize_t two[2] = {2, UNITS}, narrow[3] = {LAYERS, 1, 2};

    (void) state;
    put_file(3);
    assert_refused(BA_SHAPE, "x.h5:8: sentence 3 (from 0) has 3 tokens, but 4 words: 'b");
    put_sentence("0", 0, 1, H5T_NATIVE_DOUBLE);
    put_index("{\"a\": \"0\", \"a\": \"0\"}");
    assert_refused(BA_FORMAT, "x.h5:/sentence_to_index: duplicate object key");
    put_sentence("0", 0, 1, H5T_NATIVE_DOUBLE);
    put_index("{\"a\": \"0\", \"b\": 0}");
    assert_refused(BA_FORMAT, "sentences 0 and 1 (from 0) are both data set '0'");
    put_sentence("0", 0, 1, H5T_NATIVE_DOUBLE);
    put_index("{\"a\": \"0\", \"b\": \"1\"}");
    assert_refused(BA_MISSING, "x.h5:1: no such data set");
    put_index("[1, 2]");
    assert_refused(BA_FORMAT, "no object, or an empty one, wanted a JSON object");
    put_index("{\"a\": [0]}");
    assert_refused(BA_FORMAT, "sentence 0 (from 0): no name of a data set");
    put("0", H5T_NATIVE_DOUBLE, 2, two, NULL, NULL);
    put_index("{\"a b\": \"0\"}");
    assert_refused(BA_SHAPE, "x.h5:0: 2 dimensions, expected 3 (layers, tokens, units)");
    put_sentence("0", 0, 1, H5T_NATIVE_DOUBLE);
    put("1", H5T_NATIVE_DOUBLE, 3, narrow, NULL, NULL);
    put_index("{\"a\": \"0\", \"b\": \"1\"}");
    assert_refused(BA_SHAPE,
        "x.h5:1: 3 layers of 2 units, expected 3 of 4 as in the first sentence");
}

static void
no_memory(void **state)
{
    int status = BA_NOMEM;

    (void) state;
    put_file(4);
    close_file();
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_source_t *source;

        ba_alloc_fail_at(n);
        status = ba_neurox_hdf5_open(path, &source);
        ba_alloc_fail_at(0);
        assert_true(n < 100);
        if (status != BA_OK) {
            assert_int_equal(status, BA_NOMEM);
            assert_null(source);
        }
        ba_source_close(source);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_of_sentences, make_file, remove_file),
        cmocka_unit_test_setup_teardown(part_of_a_file, make_file, remove_file),
        cmocka_unit_test_setup_teardown(refused, make_file, remove_file),
        cmocka_unit_test_setup_teardown(no_memory, make_file, remove_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
