/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/outfile.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "out.tsv");
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

static void
assert_holds(const char *file, const char *wanted)
{
    char text[64] = "";
    FILE *stream = fopen(file, "rb");

    assert_non_null(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    assert_string_equal(text, wanted);
}

static void
appears_at_commit(void **state)
{
    ba_outfile_t *outfile;
    struct stat info;
    mode_t mask = umask(027);

    (void) state;
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    assert_string_equal(ba_outfile_path(outfile), path);
    assert_int_equal(ba_outfile_write(outfile, "abc", 3), BA_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(ba_outfile_temporary(outfile), F_OK), 0);
    assert_int_equal(ba_outfile_commit(outfile), BA_OK);
    ba_outfile_free(outfile);
    umask(mask);
    assert_holds(path, "abc");
    assert_int_equal(n_files(), 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void
abandoned(void **state)
{
    ba_outfile_t *outfile;

    (void) state;
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    assert_int_equal(ba_outfile_write(outfile, "abc", 3), BA_OK);
    ba_outfile_free(outfile);
    assert_int_equal(n_files(), 0);
    ba_outfile_free(NULL);
}

static void
existing_target(void **state)
{
    ba_outfile_t *outfile, *other;

    (void) state;
    test_write_file(path, "old", 3);
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_EXISTS);
    assert_contains(ba_error_message(), "out.tsv: exists, --force replaces it");
    assert_null(outfile);
    assert_int_equal(n_files(), 1);
    /* With force the old file stands until the commit. */
    assert_int_equal(ba_outfile_create(path, 1, &outfile), BA_OK);
    assert_int_equal(ba_outfile_write(outfile, "new", 3), BA_OK);
    assert_holds(path, "old");
    assert_int_equal(ba_outfile_commit(outfile), BA_OK);
    ba_outfile_free(outfile);
    assert_holds(path, "new");
    /* Two writers without force: the second to finish loses. */
    unlink(path);
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    assert_int_equal(ba_outfile_create(path, 0, &other), BA_OK);
    assert_int_equal(ba_outfile_write(other, "other", 5), BA_OK);
    assert_int_equal(ba_outfile_commit(other), BA_OK);
    assert_int_equal(ba_outfile_commit(outfile), BA_EXISTS);
    ba_outfile_free(outfile);
    ba_outfile_free(other);
    assert_holds(path, "other");
    assert_int_equal(n_files(), 1);
}

static void
places_that_cannot_be_written(void **state)
{
    ba_outfile_t *outfile;
    char inner[TEST_PATH_SIZE];

    (void) state;
    test_join(inner, folder, "none/out.tsv");
    assert_int_equal(ba_outfile_create(inner, 1, &outfile), BA_IO);
    assert_contains(ba_error_message(), "no folder '");
    assert_int_equal(ba_outfile_create(folder, 1, &outfile), BA_IO);
    assert_contains(ba_error_message(), "it is a folder");
    test_join(inner, folder, "");
    assert_int_equal(ba_outfile_create(inner, 1, &outfile), BA_IO);
    assert_int_equal(ba_outfile_create("", 1, &outfile), BA_IO);
    assert_int_equal(ba_outfile_create("/dev/null", 1, &outfile), BA_IO);
    assert_contains(ba_error_message(), "not a regular file");
    if (geteuid() != 0) {
        chmod(folder, 0500);
        assert_int_equal(ba_outfile_create(path, 1, &outfile), BA_IO);
        assert_contains(ba_error_message(), "is not writable");
        chmod(folder, 0700);
    }
}

static void
symbolic_links(void **state)
{
    ba_outfile_t *outfile;
    char link[TEST_PATH_SIZE];
    struct stat info;

    (void) state;
    test_write_file(path, "old", 3);
    assert_int_equal(symlink("out.tsv", test_join(link, folder, "link")), 0);
    assert_int_equal(ba_outfile_create(link, 1, &outfile), BA_OK);
    assert_int_equal(ba_outfile_write(outfile, "new", 3), BA_OK);
    assert_int_equal(ba_outfile_commit(outfile), BA_OK);
    ba_outfile_free(outfile);
    assert_holds(path, "new");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    unlink(path);
    assert_int_equal(ba_outfile_create(link, 1, &outfile), BA_IO);
    assert_contains(ba_error_message(), "leads nowhere");
}

/* Another library may empty and fill the temporary file itself. */
static void
written_by_others(void **state)
{
    ba_outfile_t *outfile;

    (void) state;
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    test_write_file(ba_outfile_temporary(outfile), "theirs", 6);
    assert_int_equal(ba_outfile_commit(outfile), BA_OK);
    ba_outfile_free(outfile);
    assert_holds(path, "theirs");
}

static void
large_writes_keep_their_order(void **state)
{
    size_t n = 200001;
    char *bytes = malloc(n), *back = malloc(n + 1);
    ba_outfile_t *outfile;
    FILE *stream;

    (void) state;
    assert_true(bytes && back);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char) (i * 7 % 251);
    }
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 90001 + 1) {
        step = n - at < step ? n - at : step;
        assert_int_equal(ba_outfile_write(outfile, bytes + at, step), BA_OK);
    }
    assert_int_equal(ba_outfile_commit(outfile), BA_OK);
    ba_outfile_free(outfile);
    stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fread(back, 1, n + 1, stream), n);
    fclose(stream);
    assert_memory_equal(bytes, back, n);
    free(bytes);
    free(back);
}

/* A limit on the size of files stands for a full disk. */
static void
full_disk(void **state)
{
    struct rlimit before, small = {.rlim_cur = 1000};
    ba_outfile_t *outfile;
    char bytes[4096] = {0};
    int written, committed;

    (void) state;
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_OK);
    setrlimit(RLIMIT_FSIZE, &small);
    written = ba_outfile_write(outfile, bytes, sizeof bytes);
    committed = ba_outfile_commit(outfile);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(written, BA_OK);
    assert_int_equal(committed, BA_IO);
    assert_contains(ba_error_message(), "out.tsv: cannot write: ");
    /* The disk has room again, but what was lost stays lost. */
    assert_int_equal(ba_outfile_commit(outfile), BA_IO);
    ba_outfile_free(outfile);
    assert_int_equal(n_files(), 0);
}

static void
no_memory(void **state)
{
    (void) state;
    for (size_t n = 1; n <= 6; n++) {
        ba_outfile_t *outfile;

        ba_alloc_fail_at(n);
        assert_int_equal(ba_outfile_create(path, 0, &outfile), BA_NOMEM);
        assert_null(outfile);
    }
    ba_alloc_fail_at(0);
    assert_int_equal(n_files(), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(appears_at_commit), TEST(abandoned),
        TEST(existing_target), TEST(places_that_cannot_be_written), TEST(symbolic_links),
        TEST(written_by_others), TEST(large_writes_keep_their_order), TEST(full_disk),
        TEST(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
