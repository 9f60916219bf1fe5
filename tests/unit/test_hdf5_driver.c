/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver under result files: full disks, memory that runs out, equal bytes. */
#include "tests/testlib.h"

#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "core/alloc.h"

static char folder[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
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
count_files(void)
{
    DIR *opened = opendir(folder);
    size_t n = 0;

    assert_non_null(opened);
    while (readdir(opened)) {
        n++;
    }
    closedir(opened);
    return n - 2;
}

/* A file like a small fit's; the first failure. */
static int
write_example(const char *path)
{
    static double values[3000];
    const size_t dims[2] = {3, 1000}, start[2] = {0, 250}, count[2] = {3, 500};
    ba_bundle_t *bundle = NULL;
    ba_sink_t *sink;
    char name[40];
    int status;

    BA_TRY(ba_bundle_create(path, 0, &bundle));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-test"));
    BA_TRY(ba_bundle_reserve(bundle, "/scores/r", BA_F64, 2, dims, &sink));
    BA_TRY(ba_sink_write(sink, start, count, values));
    BA_TRY(ba_bundle_write(bundle, "/alphas", BA_F64, 1, dims + 1, values));
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "/many/group%d/value", i);
        BA_TRY(ba_bundle_write(bundle, name, BA_F64, 0, NULL, values));
    }
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    return status;
}

/* Runs write_example() in a process whose files cannot grow beyond `limit` bytes; its
 * status. A crash, even at the end of the process, and anything printed fail the test. */
static int
write_limited(const char *path, size_t limit)
{
    struct rlimit bound = {limit, limit};
    int outcome, printed[2];
    char text[200];
    ssize_t n;
    pid_t child;

    fflush(NULL);
    assert_int_equal(pipe(printed), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        alarm(60);
        dup2(printed[1], STDOUT_FILENO);
        dup2(printed[1], STDERR_FILENO);
        close(printed[0]);
        close(printed[1]);
        exit(setrlimit(RLIMIT_FSIZE, &bound) != 0 ? 99 : -write_example(path));
    }
    close(printed[1]);
    n = read(printed[0], text, sizeof(text) - 1);
    close(printed[0]);
    assert_int_equal(waitpid(child, &outcome, 0), child);
    if (n != 0) {
        text[n < 0 ? 0 : n] = 0;
        fail_msg("limit %zu: the library printed '%s'", limit, text);
    }
    if (!WIFEXITED(outcome)) {
        fail_msg("limit %zu: the process died of signal %d", limit, WTERMSIG(outcome));
    }
    return -WEXITSTATUS(outcome);
}

static void
full_disk(void **state)
{
    char path[TEST_PATH_SIZE];
    struct stat info;
    size_t size;

    (void) state;
    test_join(path, folder, "full.h5");
    assert_int_equal(write_example(path), BA_OK);
    assert_int_equal(stat(path, &info), 0);
    size = (size_t) info.st_size;
    remove(path);
    for (size_t limit = 0; limit < size; limit += 331) {
        assert_int_equal(write_limited(path, limit), BA_IO);
        assert_int_equal(count_files(), 0);
    }
    assert_int_equal(write_limited(path, size - 1), BA_IO);
    assert_int_equal(count_files(), 0);
    assert_int_equal(write_limited(path, 2 * size), BA_OK);
    assert_int_equal(count_files(), 1);
    remove(path);
}

/* In this process too, early and in the commit: the message names the file and the cause,
 * and no HDF5 object stays open. */
static void
full_disk_is_explained(void **state)
{
    static const char *const WORDS[2] = {
        "full.h5:/scores/r: cannot write: File too large",
        "full.h5: cannot write: File too large"};
    char path[TEST_PATH_SIZE];
    struct rlimit before, bound;
    struct stat info;

    (void) state;
    test_join(path, folder, "full.h5");
    assert_int_equal(write_example(path), BA_OK);
    assert_int_equal(stat(path, &info), 0);
    remove(path);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    bound = before;
    for (size_t i = 0; i < 2; i++) {
        bound.rlim_cur = i == 0 ? 4000 : (rlim_t) info.st_size - 1;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &bound), 0);
        assert_int_equal(write_example(path), BA_IO);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_contains(ba_error_message(), WORDS[i]);
        assert_int_equal(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
        assert_int_equal(count_files(), 0);
    }
}

static void
equal_content_is_equal_bytes(void **state)
{
    static unsigned char bytes[2][1 << 20];
    char path[TEST_PATH_SIZE];
    size_t n[2];

    (void) state;
    test_join(path, folder, "bytes.h5");
    for (size_t i = 0; i < 2; i++) {
        FILE *file;

        assert_int_equal(write_example(path), BA_OK);
        file = fopen(path, "rb");
        assert_non_null(file);
        n[i] = fread(bytes[i], 1, sizeof(bytes[i]), file);
        fclose(file);
        remove(path);
        sleep(i == 0); /* a time in the file would differ */
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
}

/* Every allocation of ours may fail; then nothing is left. */
static void
memory_runs_out(void **state)
{
    char path[TEST_PATH_SIZE];
    size_t n = 0;
    int status;

    (void) state;
    test_join(path, folder, "memory.h5");
    do {
        ba_alloc_fail_at(++n);
        status = write_example(path);
        ba_alloc_fail_at(0);
        if (status != BA_OK) {
            /* BA_IO where it happens inside of HDF5, which then says "cannot write". */
            assert_true(status == BA_NOMEM || status == BA_IO);
            assert_int_equal(count_files(), 0);
        }
    } while (status != BA_OK);
    assert_true(n > 40);
    remove(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk),
        cmocka_unit_test(full_disk_is_explained),
        cmocka_unit_test(equal_content_is_equal_bytes),
        cmocka_unit_test(memory_runs_out),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
