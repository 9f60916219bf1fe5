/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running `brainalign encode fit` and holding its result file to a peer's. */
#ifndef BA_GOLDEN_FIT_H
#define BA_GOLDEN_FIT_H

#include "tests/golden/golden.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

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

/* ---- comparing ---- */

/* A fit, and how close it must come. */
typedef struct {
    const char *name, *group, *scaling, *solver, *precision;
    size_t n_targets, n_alphas;
    size_t n_low;                 /* alphas of the grid below 100 */
    size_t zero_start, zero_stop; /* targets without variance: the peers score them 0,
                                     here they are undefined */
    double low, high;             /* tolerance of scores below alpha 100, and above */
    double r, weights;
    double margin; /* lead of the best alpha from which on the choice is defined */
} golden_fit_t;

/* Tolerances of the float64 path: what two unrelated programs need, 1e-9, and 1e-8 where
 * the fit nearly interpolates. */
#define GOLDEN_DOUBLE                                                                    \
    .precision = "double", .low = 1e-8, .high = 1e-9, .r = 1e-9, .weights = 1e-8,        \
    .margin = 1e-8

/* Of float32: what its rounding may cost. */
#define GOLDEN_SINGLE                                                                    \
    .precision = "single", .low = 2e-3, .high = 1e-4, .r = 1e-4, .weights = 5e-3,        \
    .margin = 1e-4

static inline int
golden_is_zero(const golden_fit_t *fit, size_t index)
{
    size_t target = index % fit->n_targets;

    return target >= fit->zero_start && target < fit->zero_stop;
}

/* Every score of every alpha, (n_sets x) n_alphas x n_targets; frees `wanted`. */
static inline void
golden_cv_scores(
    const golden_fit_t *fit, const char *result, const char *path, golden_t wanted)
{
    golden_t found = golden_result(result, path);
    golden_check_t check = {.what = path};

    assert_int_equal(found.n, wanted.n);
    assert_int_equal(found.dims[found.rank - 2], fit->n_alphas);
    for (size_t i = 0; i < wanted.n; i++) {
        size_t alpha = i / fit->n_targets % fit->n_alphas;

        if (golden_is_zero(fit, i)) {
            assert_true(isnan(found.data[i]) && wanted.data[i] == 0);
        } else {
            golden_close(&check, i, found.data[i], wanted.data[i],
                alpha < fit->n_low ? fit->low : fit->high);
        }
    }
    golden_report(fit->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* Compares the chosen alphas where the choice is defined, and marks where they agree;
 * frees `margin`. In float32 a tenth of these choices is undecided; more than a fifth
 * would test little. */
static inline void
golden_alphas(const golden_fit_t *fit, const char *result, const char *path,
    const golden_t *wanted, golden_t margin, char *agree)
{
    golden_t found = golden_result(result, path);
    size_t n_clear = 0;

    assert_int_equal(found.n, wanted->n);
    assert_int_equal(margin.n, wanted->n);
    for (size_t i = 0; i < wanted->n; i++) {
        /* Without any score the choice is defined too: the largest alpha. */
        int clear = margin.data[i] > fit->margin || golden_is_zero(fit, i);

        agree[i] = (char) golden_same_alpha(found.data[i], wanted->data[i]);
        n_clear += (size_t) clear;
        if (clear && !agree[i]) {
            fail_msg("%s %s: at %zu: %g, wanted %g, ahead by %g", fit->name, path, i,
                found.data[i], wanted->data[i], margin.data[i]);
        }
    }
    print_message("%-30s %-24s the same in %zu clear choices of %zu\n", fit->name, path,
        n_clear, wanted->n);
    assert_true(n_clear * 5 >= wanted->n * 4);
    golden_free(&found);
    golden_free(&margin);
}

/* Scores of the outer folds, where both chose the same alpha; frees `wanted`. */
static inline void
golden_outer(const golden_fit_t *fit, const char *result, const char *path,
    golden_t wanted, const golden_t *alphas, const char *agree)
{
    golden_t found = golden_result(result, path);
    golden_check_t check = {.what = path};
    int single_r = strstr(path, "/r_") && strcmp(fit->precision, "single") == 0;

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        double tolerance = alphas->data[i] < 99 ? fit->low : fit->high;

        if (golden_is_zero(fit, i)) {
            assert_true(isnan(found.data[i]) && wanted.data[i] == 0);
        } else if (agree[i]) {
            golden_close(
                &check, i, found.data[i], wanted.data[i], single_r ? fit->r : tolerance);
        }
    }
    golden_report(fit->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* Weights of the listed targets (NULL = all), n_columns x n_listed, in units of the
 * target's largest, where `agree` (NULL = everywhere); exactly 0 for targets without
 * variance. Frees `wanted`. */
static inline void
golden_weights(const golden_fit_t *fit, const char *result, golden_t wanted,
    const golden_t *targets, const char *agree)
{
    golden_t found = golden_result(result, "/weights");
    golden_check_t check = {.what = "/weights"};
    size_t n_listed = wanted.dims[1], n_columns = wanted.dims[0];

    assert_int_equal(found.n, n_columns * fit->n_targets);
    for (size_t k = 0; k < n_listed; k++) {
        size_t j = targets ? (size_t) targets->data[k] : k;
        double unit = 0;

        for (size_t i = 0; i < n_columns; i++) {
            unit = fmax(unit, fabs(wanted.data[i * n_listed + k]));
        }
        unit = unit > 0 ? unit : 1;
        for (size_t i = 0; i < n_columns && (!agree || agree[j]); i++) {
            golden_close(&check, i * n_listed + k,
                found.data[i * fit->n_targets + j] / unit,
                wanted.data[i * n_listed + k] / unit,
                golden_is_zero(fit, j) ? 0 : fit->weights);
        }
    }
    golden_report(fit->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

#endif
