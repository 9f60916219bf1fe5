/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Helpers of every test program: data files, closeness, random numbers that do not come
 * from the library, temporary folders. Include it before anything else: it brings in
 * cmocka and what cmocka needs. */
#ifndef BA_TESTLIB_H
#define BA_TESTLIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_PATH_SIZE 1024

/* Writes the path of `relative` below the data folder ($BRAINALIGN_DATA, else ../shared)
 * to `path`; 0 when no such file can be read. */
static inline int
test_data_path(char *path, size_t size, const char *relative)
{
    const char *folder = getenv("BRAINALIGN_DATA");
    int length;

    if (!folder || !*folder) {
        folder = "../shared";
    }
    length = snprintf(path, size, "%s/%s", folder, relative);
    return length > 0 && (size_t) length < size && access(path, R_OK) == 0;
}

/* Skips the running cmocka test, saying so where nobody can miss it. */
#define test_skip(why)                                                                   \
    do {                                                                                 \
        fprintf(stderr, "SKIPPED: %s: %s\n", __func__, (why));                           \
        skip();                                                                          \
    } while (0)

/* test_data_path() or skip: `path` must be a char array. */
#define test_need_data(path, relative)                                                   \
    do {                                                                                 \
        if (!test_data_path((path), sizeof(path), (relative))) {                         \
            fprintf(stderr, "SKIPPED: %s: no data folder (looked for %s)\n", __func__,   \
                (path));                                                                 \
            skip();                                                                      \
        }                                                                                \
    } while (0)

/* Two NaN are close, and so are equal infinities. */
static inline int
test_is_close(double a, double b, double tolerance)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance;
}

static inline void
test_assert_close(
    double a, double b, double tolerance, const char *what, const char *file, int line)
{
    if (!test_is_close(a, b, tolerance)) {
        print_error("%s: %.17g and %.17g differ by %.3g, more than %.3g\n", what, a, b,
            fabs(a - b), tolerance);
        _fail(file, line);
    }
}

#define assert_close(a, b, tolerance)                                                    \
    test_assert_close((a), (b), (tolerance), #a " ~ " #b, __FILE__, __LINE__)

/* For arrays; the message names the first index that differs. */
static inline void
test_assert_all_close(const double *a, const double *b, size_t n, double tolerance,
    const char *what, const char *file, int line)
{
    for (size_t i = 0; i < n; i++) {
        if (!test_is_close(a[i], b[i], tolerance)) {
            print_error("%s: at %zu of %zu: %.17g and %.17g differ by %.3g, more than "
                        "%.3g\n",
                what, i, n, a[i], b[i], fabs(a[i] - b[i]), tolerance);
            _fail(file, line);
        }
    }
}

#define assert_all_close(a, b, n, tolerance)                                             \
    test_assert_all_close((a), (b), (n), (tolerance), #a " ~ " #b, __FILE__, __LINE__)

/* The words must stand in the text (an error message). */
static inline void
test_assert_contains(const char *text, const char *words, const char *file, int line)
{
    if (!strstr(text, words)) {
        print_error("\"%s\" does not contain \"%s\"\n", text, words);
        _fail(file, line);
    }
}

#define assert_contains(text, words)                                                     \
    test_assert_contains((text), (words), __FILE__, __LINE__)

/* splitmix64: the state is any number, the seed. */
static inline uint64_t
test_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Uniform on [0, 1). */
static inline double
test_uniform(uint64_t *state)
{
    return (double) (test_random(state) >> 11) * 0x1p-53;
}

/* 0 .. n - 1, n >= 1. */
static inline size_t
test_below(uint64_t *state, size_t n)
{
    return (size_t) (test_random(state) % n);
}

/* Standard normal deviate (Box-Muller). */
static inline double
test_normal(uint64_t *state)
{
    double u = 1.0 - test_uniform(state), angle = 6.283185307179586 * test_uniform(state);

    return sqrt(-2.0 * log(u)) * cos(angle);
}

static inline void
test_fill_normal(double *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = test_normal(&seed);
    }
}

static inline void
test_fill_normal_f32(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (float) test_normal(&seed);
    }
}

/* A fresh folder under $TMPDIR, else /tmp; its path goes to `path`. Fails the test when
 * none can be had. */
static inline void
test_make_folder(char path[TEST_PATH_SIZE])
{
    const char *base = getenv("TMPDIR");

    if (!base || !*base) {
        base = "/tmp";
    }
    snprintf(path, TEST_PATH_SIZE, "%s/brainalign-test-XXXXXX", base);
    if (!mkdtemp(path)) {
        fail_msg("%s: no temporary folder could be made", path);
    }
}

/* Removes a folder and all in it; links are removed, not followed. */
static inline void
test_remove_folder(const char *path)
{
    struct stat status;
    struct dirent *entry;
    DIR *folder = NULL;

    if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        folder = opendir(path);
    }
    while (folder && (entry = readdir(folder))) {
        size_t size = strlen(path) + strlen(entry->d_name) + 2;
        char *inner = malloc(size);

        if (inner && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            snprintf(inner, size, "%s/%s", path, entry->d_name);
            test_remove_folder(inner);
        }
        free(inner);
    }
    if (folder) {
        closedir(folder);
    }
    remove(path);
}

/* `folder`/`name` in `path`, a char array of TEST_PATH_SIZE; returns `path`. */
static inline char *
test_join(char path[TEST_PATH_SIZE], const char *folder, const char *name)
{
    int length = snprintf(path, TEST_PATH_SIZE, "%s/%s", folder, name);

    if (length < 0 || length >= TEST_PATH_SIZE) {
        fail_msg("%s/%s: too long a path", folder, name);
    }
    return path;
}

/* Writes bytes to a file, or fails the test. */
static inline void
test_write_file(const char *path, const void *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0) {
        fail_msg("%s: cannot be written", path);
    }
}

#endif
