/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/outfile.h"

#include <signal.h>
#include <sys/wait.h>

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], other[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "out.h5");
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static size_t
n_files(void)
{
    size_t n = 0;
    DIR *dir = opendir(folder);

    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

/* A process that starts to write and dies, by a bundle or by a plain file. */
static void
die_writing(int is_bundle)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        ba_bundle_t *bundle;
        ba_outfile_t *outfile;

        status = is_bundle ? ba_bundle_create(path, 1, &bundle)
                           : ba_outfile_create(path, 1, &outfile);
        if (status == BA_OK) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void
dead_writers_leave_stale_files(void **state)
{
    (void) state;
    die_writing(0);
    die_writing(1);
    assert_int_equal(n_files(), 2);
    assert_int_equal(ba_outfile_remove_stale(path), BA_OK);
    assert_int_equal(n_files(), 0);
    die_writing(0);
    assert_int_equal(ba_outfile_remove_stale(test_join(other, folder, "")), BA_OK);
    assert_int_equal(n_files(), 0);
}

/* From the making to the renaming a file is its writer's. */
static void
living_writers_keep_theirs(void **state)
{
    ba_outfile_t *outfile;
    ba_bundle_t *bundle;

    (void) state;
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    assert_int_equal(ba_bundle_create(test_join(other, folder, "b.h5"), 0, &bundle), 0);
    assert_int_equal(ba_outfile_write(outfile, "abc", 3), BA_OK);
    assert_int_equal(ba_outfile_remove_stale(path), BA_OK);
    assert_int_equal(ba_outfile_remove_stale(other), BA_OK);
    assert_int_equal(n_files(), 2);
    assert_int_equal(ba_outfile_finish(outfile), BA_OK);
    assert_int_equal(ba_outfile_remove_stale(path), BA_OK);
    assert_int_equal(ba_outfile_commit(outfile), BA_OK);
    ba_outfile_free(outfile);
    assert_int_equal(ba_bundle_attr_string(bundle, "/", "format", "brainalign-x"), BA_OK);
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(n_files(), 2);
}

static void
names_that_are_not_ours(void **state)
{
    static const char *const names[] = {".out.h5.12-1.tmpx", ".out.h5.12-.tmp",
        ".out.h5.-1.tmp", ".out.h5.a-1.tmp", "out.h5.12-1.tmp", ".out.h55.12-1.tmp",
        ".out.h5.9.12-1.tmp", "..12-1.tmp", ".12-1.tmp", ".tmp", ".out.h5"};
    size_t n = sizeof names / sizeof *names;

    (void) state;
    for (size_t i = 0; i < n; i++) {
        test_write_file(test_join(other, folder, names[i]), "x", 1);
    }
    assert_int_equal(ba_outfile_remove_stale(path), BA_OK);
    assert_int_equal(n_files(), n);
    test_write_file(test_join(other, folder, ".out.h5.12-1.tmp"), "x", 1);
    assert_int_equal(ba_outfile_remove_stale(path), BA_OK);
    assert_int_equal(n_files(), n);
    /* A folder that is not there holds nothing. */
    assert_int_equal(ba_outfile_remove_stale(test_join(other, folder, "no/x")), BA_OK);
    ba_alloc_fail_at(1);
    assert_int_equal(ba_outfile_remove_stale(path), BA_NOMEM);
    ba_alloc_fail_at(0);
}

/* Names longer than a temporary one can repeat. */
static void
long_names(void **state)
{
    char name[241];
    ba_outfile_t *outfile;

    (void) state;
    memset(name, 'n', 240);
    name[240] = '\0';
    test_join(path, folder, name);
    die_writing(0);
    assert_int_equal(n_files(), 1);
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    assert_int_equal(ba_outfile_remove_stale(path), BA_OK);
    assert_int_equal(n_files(), 1);
    ba_outfile_free(outfile);
    assert_int_equal(n_files(), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(dead_writers_leave_stale_files),
        TEST(living_writers_keep_theirs), TEST(names_that_are_not_ours),
        TEST(long_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
