/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "datasets/run_table.h"

/* Writes `text` as a run table and reads it. */
static int
read_text(const char *text, ba_run_table_t **table)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    int status;

    test_make_folder(folder);
    test_join(path, folder, "runs.tsv");
    test_write_file(path, text, strlen(text));
    status = ba_run_table_read(path, table);
    test_remove_folder(folder);
    return status;
}

static void
expect_failure(const char *text, int wanted, const char *words)
{
    ba_run_table_t *table;

    assert_int_equal(read_text(text, &table), wanted);
    assert_null(table);
    assert_contains(ba_error_message(), words);
}

static void
test_minimal(void **state)
{
    ba_run_table_t *table;
    ba_run_plan_t plan;

    (void) state;
    assert_int_equal(read_text("run\tresponses\tfeatures\n"
                               "a\ty1.npy\tx1.npy\n"
                               "b\ty2.npy\tx2.npy\n",
                         &table),
        BA_OK);
    assert_int_equal(table->n_rows, 2);
    assert_int_equal(table->n_spaces, 1);
    assert_string_equal(table->space_names[0], "features");
    assert_string_equal(table->rows[1].run, "b");
    assert_string_equal(table->rows[1].responses, "y2.npy");
    assert_null(table->rows[0].nuisance);
    assert_string_equal(ba_run_table_features(table, 1, 0), "x2.npy");
    assert_int_equal(ba_run_table_plan(table, 0, &plan), BA_OK);
    assert_int_equal(plan.n_runs, 2);
    assert_int_equal(plan.n_repeats, 1);
    assert_int_equal(plan.rows[0], 0);
    assert_int_equal(plan.rows[1], 1);
    ba_free(plan.rows);
    assert_int_equal(ba_run_table_plan(table, 1, &plan), BA_OK);
    assert_int_equal(plan.n_runs, 0);
    ba_free(plan.rows);
    ba_run_table_free(table);
}

/* Spaces keep the order of their columns; test rows may be sorted by repeat. */
static void
test_spaces_and_repeats(void **state)
{
    const size_t wanted[4] = {1, 2, 4, 3};
    ba_run_table_t *table;
    ba_run_plan_t plan;

    (void) state;
    assert_int_equal(
        read_text("role\tfeatures:sem\trun\trepeat\tfeatures:pho\tresponses\n"
                  "train\ts1\t1\tn/a\tp1\ty1\n"
                  "test\ts2\t7\tone\tp2\ty2\n"
                  "test\ts3\t8\tone\tp3\ty3\n"
                  "test\tn/a\t8\ttwo\tn/a\ty4\n"
                  "test\tn/a\t7\ttwo\tn/a\ty5\n",
            &table),
        BA_OK);
    assert_int_equal(table->n_spaces, 2);
    assert_string_equal(table->space_names[0], "sem");
    assert_string_equal(table->space_names[1], "pho");
    assert_string_equal(ba_run_table_features(table, 2, 1), "p3");
    assert_null(ba_run_table_features(table, 3, 0));
    assert_int_equal(ba_run_table_plan(table, 1, &plan), BA_OK);
    assert_int_equal(plan.n_runs, 2);
    assert_int_equal(plan.n_repeats, 2);
    assert_memory_equal(plan.rows, wanted, sizeof wanted);
    ba_free(plan.rows);
    ba_run_table_free(table);
}

static void
test_specs_and_labels(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], wanted[TEST_PATH_SIZE];
    const char *text = "subject\trun\tresponses\tfeatures\n"
                       "anna\t1\ty\tx\n"
                       "bert\t1\ty\tx\n";
    ba_run_table_t *table;
    char *made;

    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "runs.tsv");
    test_write_file(path, text, strlen(text));
    assert_int_equal(ba_run_table_read(path, &table), BA_OK);
    made = ba_run_table_spec(table, "sub/x.h5:/a[0:3,]");
    assert_string_equal(made, test_join(wanted, folder, "sub/x.h5:/a[0:3,]"));
    ba_free(made);
    made = ba_run_table_spec(table, "/data/x.npy");
    assert_string_equal(made, "/data/x.npy");
    ba_free(made);
    made = ba_run_table_label(table, 1);
    assert_string_equal(made, "bert/1");
    ba_free(made);
    ba_run_table_free(table);
    test_remove_folder(folder);
}

/* One subject only: the run alone is the label. */
static void
test_one_subject(void **state)
{
    ba_run_table_t *table;
    char *label;

    (void) state;
    assert_int_equal(read_text("subject\trun\tresponses\tfeatures\n"
                               "anna\tr1\ty\tx\n"
                               "anna\tr2\ty\tx\n",
                         &table),
        BA_OK);
    label = ba_run_table_label(table, 1);
    assert_string_equal(label, "r2");
    ba_free(label);
    ba_run_table_free(table);
}

static void
test_bad_columns(void **state)
{
    (void) state;
    expect_failure("run\tresponses\tfeatures\tcolour\n1\ty\tx\tred\n", BA_FORMAT,
        "column 'colour', wanted run, responses");
    expect_failure("run\tfeatures\n1\tx\n", BA_FORMAT, "no column 'responses'");
    expect_failure("responses\tfeatures\ny\tx\n", BA_FORMAT, "no column 'run'");
    expect_failure(
        "run\tresponses\tfeatures\tfeatures:a\n1\ty\tx\tx\n", BA_FORMAT, "one kind only");
    expect_failure("run\tresponses\tfeatures:\n1\ty\tx\n", BA_FORMAT, "wanted a name");
    expect_failure("run\tresponses\tfeatures:a\tfeatures:a\n1\ty\tx\tx\n", BA_FORMAT,
        "'features:a' stands there twice");
}

static void
test_bad_rows(void **state)
{
    (void) state;
    expect_failure("run\tresponses\tfeatures\n1\ty\tx\nn/a\ty\tx\n", BA_FORMAT,
        "row 2: no run label");
    expect_failure("run\tresponses\tfeatures\trole\n1\ty\tx\tvalidate\n", BA_FORMAT,
        "role 'validate', wanted train or test");
    expect_failure("run\tresponses\tfeatures\n1\ty\tx\n2\ty\tx\n1\ty\tx\n", BA_SHAPE,
        "run '1' of row 1 comes back in row 3");
    expect_failure("run\tresponses\tfeatures\trole\trepeat\n"
                   "1\ty\tx\ttrain\tn/a\n2\ty\tx\ttest\t1\n2\ty\tx\ttest\t1\n",
        BA_SHAPE, "rows 2 and 3 without different repeats");
    expect_failure("run\tresponses\tfeatures\tsubject\n1\ty\tx\ta\n2\ty\tx\tn/a\n",
        BA_FORMAT, "row 2: subject in some rows only");
    expect_failure("run\tresponses\tfeatures\tsubject\n1\ty\tx\tn/a\n2\ty\tx\ta\n",
        BA_FORMAT, "row 1: subject in some rows only");
}

static void
test_uneven_repeats(void **state)
{
    ba_run_table_t *table;
    ba_run_plan_t plan;

    (void) state;
    assert_int_equal(read_text("run\tresponses\tfeatures\trole\trepeat\n"
                               "1\ty\tx\ttrain\t\n"
                               "2\ty\tx\ttest\t1\n"
                               "2\ty\tx\ttest\t2\n"
                               "3\ty\tx\ttest\t1\n",
                         &table),
        BA_OK);
    assert_int_equal(ba_run_table_plan(table, 1, &plan), BA_SHAPE);
    assert_null(plan.rows);
    assert_contains(ba_error_message(), "'3' has 1 repeats, wanted 2 as run '2'");
    ba_run_table_free(table);
}

/* The same label may stand in both parts: they are counted apart. */
static void
test_roles_apart(void **state)
{
    ba_run_table_t *table;

    (void) state;
    assert_int_equal(read_text("run\tresponses\tfeatures\trole\n"
                               "1\ty\tx\ttrain\n"
                               "1\ty\tx\ttest\n",
                         &table),
        BA_OK);
    ba_run_table_free(table);
}

/* Every allocation that fails is reported, and nothing leaks. */
static void
test_no_memory(void **state)
{
    const char *text = "run\tresponses\tfeatures\trole\n1\ty\tx\ttrain\n2\ty\tx\ttest\n";
    ba_run_table_t *table = NULL;
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status != BA_OK && n < 200; n++) {
        ba_alloc_fail_at(n);
        status = read_text(text, &table);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
    ba_run_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_spaces_and_repeats),
        cmocka_unit_test(test_specs_and_labels),
        cmocka_unit_test(test_one_subject),
        cmocka_unit_test(test_bad_columns),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_uneven_repeats),
        cmocka_unit_test(test_roles_apart),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
