/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "io/json_writer.h"

#include <float.h>
#include <jansson.h>

static ba_json_writer_t *
start(const char *file)
{
    ba_json_writer_t *json;

    if (ba_json_create(file, 0, &json) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return json;
}

static json_t *
read_back(const char *file)
{
    json_error_t error;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);

    if (!root) {
        fail_msg("%s: line %d: %s", file, error.line, error.text);
    }
    return root;
}

static double
number(json_t *root, const char *name)
{
    json_t *value = json_object_get(root, name);

    return json_is_null(value) ? (double) NAN : json_number_value(value);
}

static void
test_values(void **state)
{
    char folder[TEST_PATH_SIZE], file[TEST_PATH_SIZE];
    ba_json_writer_t *json;
    json_t *root, *list;

    (void) state;
    test_make_folder(folder);
    json = start(test_join(file, folder, "a.json"));
    ba_json_string(json, "text", "a \"quote\" \\ \t \xC3\xA9 \xFF");
    ba_json_number(json, "third", 1.0 / 3);
    ba_json_number(json, "tiny", DBL_MIN);
    ba_json_number(json, "nan", NAN);
    ba_json_number(json, "infinite", INFINITY);
    ba_json_integer(json, "integer", INT64_MIN);
    ba_json_open_list(json, "list", BA_JSON_LINE);
    ba_json_bool(json, NULL, 1);
    ba_json_open_object(json, NULL, BA_JSON_LINES);
    ba_json_null(json, "nothing");
    ba_json_close(json);
    ba_json_open_list(json, NULL, BA_JSON_LINES);
    ba_json_close(json);
    ba_json_close(json);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(ba_json_commit(json), BA_OK);
    ba_json_free(json);
    root = read_back(file);
    assert_string_equal(json_string_value(json_object_get(root, "text")),
        "a \"quote\" \\ \t \xC3\xA9 \xEF\xBF\xBD");
    assert_true(number(root, "third") == 1.0 / 3);
    assert_true(number(root, "tiny") == DBL_MIN);
    assert_true(isnan(number(root, "nan")) && isnan(number(root, "infinite")));
    assert_true(json_integer_value(json_object_get(root, "integer")) == INT64_MIN);
    list = json_object_get(root, "list");
    assert_int_equal(json_array_size(list), 3);
    assert_true(json_is_true(json_array_get(list, 0)));
    assert_true(json_is_null(json_object_get(json_array_get(list, 1), "nothing")));
    json_decref(root);
    test_remove_folder(folder);
}

static void
test_layout(void **state)
{
    static const char want[] = "{\n  \"a\": 0.1,\n  \"b\": {\"c\": 1, \"d\": []}\n}\n";
    char folder[TEST_PATH_SIZE], file[TEST_PATH_SIZE], text[100] = "";
    ba_json_writer_t *json;
    FILE *stream;

    (void) state;
    test_make_folder(folder);
    json = start(test_join(file, folder, "a.json"));
    ba_json_number(json, "a", 0.1);
    ba_json_open_object(json, "b", BA_JSON_LINE);
    ba_json_integer(json, "c", 1);
    ba_json_open_list(json, "d", BA_JSON_LINE);
    ba_json_close(json);
    ba_json_close(json);
    assert_int_equal(ba_json_finish(json), BA_OK);
    assert_int_equal(ba_json_commit(json), BA_OK);
    ba_json_free(json);
    stream = fopen(file, "r");
    assert_non_null(stream);
    assert_int_equal(fread(text, 1, sizeof text - 1, stream), sizeof want - 1);
    fclose(stream);
    assert_string_equal(text, want);
    test_remove_folder(folder);
}

static void
test_errors(void **state)
{
    char folder[TEST_PATH_SIZE], file[TEST_PATH_SIZE];
    ba_json_writer_t *json;

    (void) state;
    test_make_folder(folder);
    test_write_file(test_join(file, folder, "a.json"), "x", 1);
    assert_int_equal(ba_json_create(file, 0, &json), BA_EXISTS);
    assert_null(json);
    assert_int_equal(ba_json_create("/no/such/folder/a.json", 0, &json), BA_IO);
    assert_int_equal(ba_json_create(file, 1, &json), BA_OK);
    for (int i = 0; i < 16; i++) {
        ba_json_open_list(json, i ? NULL : "deep", BA_JSON_LINE);
    }
    assert_int_equal(ba_json_commit(json), BA_UNSUPPORTED);
    ba_json_free(json);
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
