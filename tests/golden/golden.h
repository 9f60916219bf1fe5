/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the golden tests share: reference arrays of any rank, result files, running the
 * program, and comparisons that name what differs and keep the largest difference. */
#ifndef BA_GOLDEN_H
#define BA_GOLDEN_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"

#include <fcntl.h>
#include <hdf5.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/* A dense array in C order; a scalar has rank 0 and one number. */
typedef struct {
    double *data;
    size_t n;
    int rank;
    size_t dims[BA_MAX_RANK];
} golden_t;

static inline golden_t
golden_new(int rank, const size_t *dims)
{
    golden_t array = {.n = 1, .rank = rank};

    for (int i = 0; i < rank; i++) {
        array.dims[i] = dims[i];
        array.n *= dims[i];
    }
    array.data = malloc(array.n * sizeof(double));
    assert_non_null(array.data);
    return array;
}

static inline void
golden_free(golden_t *array)
{
    free(array->data);
    array->data = NULL;
}

/* Reads a data set with HDF5 itself: what is wanted must not pass through the reader
 * under test. */
static inline golden_t
golden_read(const char *file, const char *path)
{
    hid_t handle = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t dataset = handle < 0 ? -1 : H5Dopen2(handle, path, H5P_DEFAULT);
    hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
    hsize_t stored[BA_MAX_RANK];
    size_t dims[BA_MAX_RANK];
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    golden_t array;

    if (rank < 0 || rank > BA_MAX_RANK) {
        fail_msg("%s:%s cannot be read", file, path);
    }
    H5Sget_simple_extent_dims(space, stored, NULL);
    for (int i = 0; i < rank; i++) {
        dims[i] = (size_t) stored[i];
    }
    array = golden_new(rank, dims);
    if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.data) <
        0) {
        fail_msg("%s:%s cannot be read", file, path);
    }
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(handle);
    return array;
}

/* golden_read() of GROUP/NAME. */
static inline golden_t
golden_read_in(const char *file, const char *group, const char *name)
{
    char path[TEST_PATH_SIZE];

    test_join(path, group, name);
    return golden_read(file, path);
}

/* An array of a result file, which must be complete and an encoder. */
static inline golden_t
golden_result(const char *file, const char *path)
{
    ba_bundle_t *bundle;
    size_t dims[BA_MAX_RANK];
    int rank;
    golden_t array;

    if (ba_bundle_open(file, "brainalign-encoder", &bundle) != 0 ||
        ba_bundle_shape(bundle, path, &rank, dims) != 0) {
        fail_msg("%s", ba_error_message());
    }
    array = golden_new(rank, dims);
    if (ba_bundle_read(bundle, path, BA_F64, NULL, NULL, array.data) != 0) {
        fail_msg("%s", ba_error_message());
    }
    ba_bundle_free(bundle);
    return array;
}

/* ---- comparing ---- */

/* What is compared, and the largest difference met so far. */
typedef struct {
    const char *what;
    double worst;
    size_t n;
} golden_check_t;

static inline void
golden_close(
    golden_check_t *check, size_t index, double found, double wanted, double tolerance)
{
    /* Not test_is_close(): no golden number is NaN, so a NaN is never right here. */
    if (!(fabs(found - wanted) <= tolerance)) {
        fail_msg("%s: at %zu: %.17g, wanted %.17g within %.3g, differs by %.3g",
            check->what, index, found, wanted, tolerance, fabs(found - wanted));
    }
    check->worst = fmax(check->worst, fabs(found - wanted));
    check->n++;
}

static inline void
golden_report(const char *name, const golden_check_t *check)
{
    print_message("%-30s %-24s largest difference %8.2g over %zu\n", name, check->what,
        check->worst, check->n);
}

/* The grids are powers of ten made in two ways: the same up to rounding. */
static inline int
golden_same_alpha(double a, double b)
{
    return fabs(a - b) <= 1e-12 * b;
}

/* Pearson correlation of two columns with their strides. */
static inline double
golden_pearson(
    const double *x, size_t stride_x, const double *y, size_t stride_y, size_t n)
{
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;

    for (size_t i = 0; i < n; i++) {
        mean_x += x[i * stride_x] / (double) n;
        mean_y += y[i * stride_y] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        double dx = x[i * stride_x] - mean_x, dy = y[i * stride_y] - mean_y;

        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return xy / sqrt(xx * yy);
}

/* ---- running the program ---- */

#define GOLDEN_ARGUMENTS 64

static char golden_program[TEST_PATH_SIZE], golden_folder[TEST_PATH_SIZE];

/* The program is $BRAINALIGN, else the one of the build that this test belongs to:
 * BUILD/MODE/brainalign beside BUILD/MODE/tests/golden/test_NAME. */
static inline void
golden_find_program(const char *argv0)
{
    const char *given = getenv("BRAINALIGN");
    int length;

    if (given && *given) {
        length = snprintf(golden_program, sizeof golden_program, "%s", given);
    } else {
        const char *slash = strrchr(argv0, '/');

        length = snprintf(golden_program, sizeof golden_program, "%.*s/../../brainalign",
            slash ? (int) (slash - argv0) : 1, slash ? argv0 : ".");
    }
    if (length < 0 || (size_t) length >= sizeof golden_program) {
        fprintf(stderr, "the path of the program is too long\n");
        exit(1);
    }
}

/* Group fixtures: one temporary folder for all tests of a program. */
static inline int
golden_begin(void **state)
{
    (void) state;
    test_make_folder(golden_folder);
    return 0;
}

static inline int
golden_end(void **state)
{
    (void) state;
    test_remove_folder(golden_folder);
    return 0;
}

/* Arguments of one call of the program. */
typedef struct {
    char *argv[GOLDEN_ARGUMENTS + 1];
    size_t n;
} golden_command_t;

static inline void
golden_add(golden_command_t *command, const char *argument)
{
    assert_true(command->n < GOLDEN_ARGUMENTS);
    command->argv[command->n] = strdup(argument);
    assert_non_null(command->argv[command->n]);
    command->argv[++command->n] = NULL;
}

/* Adds --NAME and PREFIX FILE:PATH as its value. */
static inline void
golden_add_spec(golden_command_t *command, const char *name, const char *prefix,
    const char *file, const char *path)
{
    char spec[2 * TEST_PATH_SIZE];

    snprintf(spec, sizeof spec, "%s%s:%s", prefix, file, path);
    golden_add(command, name);
    golden_add(command, spec);
}

/* Adds words separated by single spaces. */
static inline void
golden_add_words(golden_command_t *command, const char *words)
{
    char *copy = strdup(words), *rest = copy, *word;

    assert_non_null(copy);
    while ((word = strtok_r(rest, " ", &rest))) {
        golden_add(command, word);
    }
    free(copy);
}

static inline void
golden_print_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1024];

    while (file && fgets(line, sizeof line, file)) {
        print_error("  | %s", line);
    }
    if (file) {
        fclose(file);
    }
}

/* Runs the program to its end with both outputs in a log, which is shown where it fails,
 * and frees the arguments. */
static inline void
golden_run(golden_command_t *command)
{
    char log[TEST_PATH_SIZE];
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = -1;

    test_join(log, golden_folder, "log");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(
        &actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    if (posix_spawn(&child, golden_program, &actions, NULL, command->argv, environ) !=
        0) {
        fail_msg("%s: cannot be run: is it built?", golden_program);
    }
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        for (size_t i = 0; i < command->n; i++) {
            print_error("%s ", command->argv[i]);
        }
        print_error("\n");
        golden_print_file(log);
        fail_msg("the program ended with wait status %d", status);
    }
    for (size_t i = 0; i < command->n; i++) {
        free(command->argv[i]);
    }
    command->n = 0;
}

/* `brainalign encode fit` up to the data: responses and folds of `data`, features of it,
 * no gap, z-scored on the training rows, no intercept, result in `result`. */
static inline golden_command_t
golden_fit(const char *data, const char *features, const char *delays, char *result)
{
    golden_command_t command = {.n = 0};

    golden_add(&command, golden_program);
    golden_add_words(&command, "encode fit --quiet --force -o");
    golden_add(&command, test_join(result, golden_folder, "encoder.h5"));
    golden_add_spec(&command, "--features", "", data, features);
    golden_add_spec(&command, "--responses", "", data, "/responses");
    golden_add_spec(&command, "--outer-cv", "rows:", data, "/fold");
    golden_add_words(&command, "--cv-gap 0 --scale-responses zscore --intercept no");
    golden_add(&command, "--delays");
    golden_add(&command, delays);
    return command;
}

#endif
