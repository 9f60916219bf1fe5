/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small encoding study in files, made on the spot, and the calls that fit, predict and
 * score it. The data sets: x, z, y for training (one NaN in target 7), xt, zt, yt for
 * test. */
#ifndef BA_PROPERTY_ENCODE_STUDY_H
#define BA_PROPERTY_ENCODE_STUDY_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/encode.h"
#include "brainalign/encoder.h"
#include "tests/bundlelib.h"

#ifndef STUDY_TARGETS
#define STUDY_TARGETS 270
#endif

enum { N = 60, N_TEST = 34, P = 5, Q = 3, V = STUDY_TARGETS };

static char folder[TEST_PATH_SIZE];

/* Path of a file in the folder; eight may be in use at a time. */
static inline const char *
in_folder(const char *name)
{
    static char paths[8][TEST_PATH_SIZE];
    static size_t next = 0;

    next = (next + 1) % 8;
    return test_join(paths[next], folder, name);
}

static inline void
write_npy(const char *name, const double *x, size_t n_rows, size_t n_cols)
{
    size_t size = 128 + n_rows * n_cols * sizeof *x;
    char *file = malloc(size);
    int length;

    assert_non_null(file);
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    length = snprintf(file + 10, 117,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }", n_rows,
        n_cols);
    file[10 + length] = ' ';
    file[127] = '\n';
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            memcpy(
                file + 128 + (i * n_cols + j) * sizeof *x, x + i + j * n_rows, sizeof *x);
        }
    }
    test_write_file(in_folder(name), file, size);
    free(file);
}

/* Two recordings: features of two spaces, responses that follow them. */
static inline void
write_study(void)
{
    static double x[N * P], z[N * Q], y[N * V], xt[N_TEST * P], zt[N_TEST * Q];
    static double yt[N_TEST * V];
    uint64_t seed = 3;

    test_fill_normal(x, N * P, 11);
    test_fill_normal(z, N * Q, 12);
    test_fill_normal(xt, N_TEST * P, 13);
    test_fill_normal(zt, N_TEST * Q, 14);
    for (size_t v = 0; v < V; v++) {
        for (size_t i = 0; i < N; i++) {
            y[i + v * N] = 40.0 + x[(i + N - 1) % N + v % P * N] + z[i + v % Q * N] +
                           test_normal(&seed);
        }
        for (size_t i = 0; i < N_TEST; i++) {
            yt[i + v * N_TEST] = 40.0 + xt[(i + N_TEST - 1) % N_TEST + v % P * N_TEST] +
                                 zt[i + v % Q * N_TEST] + test_normal(&seed);
        }
    }
    y[3 + 7 * N] = NAN;
    write_npy("x.npy", x, N, P);
    write_npy("z.npy", z, N, Q);
    write_npy("y.npy", y, N, V);
    write_npy("xt.npy", xt, N_TEST, P);
    write_npy("zt.npy", zt, N_TEST, Q);
    write_npy("yt.npy", yt, N_TEST, V);
}

static inline int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    write_study();
    return 0;
}

static inline int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* ---- opening ---- */

static const char *const runs_of_training = "onsets:0,21,40";
static const char *const runs_of_test = "onsets:0,18";

/* SPECs "name=file" of the two spaces, or of the first alone. */
static inline const char *const *
spaces(int is_test)
{
    static char text[4][TEST_PATH_SIZE + 8];
    static const char *specs[4];
    static const char *const names[] = {"a=x.npy", "b=z.npy", "a=xt.npy", "b=zt.npy"};

    for (size_t i = 0; i < 4; i++) {
        snprintf(text[i], sizeof text[i], "%.2s%s/%s", names[i], folder, names[i] + 2);
        specs[i] = text[i];
    }
    return specs + (is_test ? 2 : 0);
}

static inline ba_dataset_t *
open_for_fit(size_t n_spaces, int with_test)
{
    ba_dataset_t *dataset = NULL;
    ba_dataset_opts_t opts = {.features = spaces(0),
        .n_features = n_spaces,
        .responses = in_folder("y.npy"),
        .runs = runs_of_training};

    if (with_test) {
        opts.test_features = spaces(1);
        opts.n_test_features = n_spaces;
        opts.test_responses = in_folder("yt.npy");
        opts.test_runs = runs_of_test;
    }
    assert_int_equal(ba_dataset_open(NULL, &opts, &dataset), BA_OK);
    return dataset;
}

/* A data set to predict or score: one of the two recordings, or a mixture. */
static inline ba_dataset_t *
open_for_use(size_t n_spaces, int features_of_test, const char *responses)
{
    ba_dataset_t *dataset = NULL;
    ba_dataset_opts_t opts = {.features = spaces(features_of_test),
        .n_features = n_spaces,
        .responses = responses ? in_folder(responses) : NULL,
        .runs = features_of_test ? runs_of_test : runs_of_training};

    assert_int_equal(ba_dataset_open(NULL, &opts, &dataset), BA_OK);
    return dataset;
}

static inline ba_encode_fit_opts_t
fit_settings(const char *output)
{
    static double grid[] = {1.0, 10.0, 100.0};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();

    opts.fit.precision = BA_DOUBLE;
    opts.fit.scale_targets = BA_SCALE_ZSCORE;
    opts.fit.alphas = (ba_alphas_t){grid, 3};
    opts.fit.want_weights = opts.fit.want_predictions = 1;
    opts.delays = "0,1,2";
    opts.output = in_folder(output);
    return opts;
}

static inline ba_encode_apply_opts_t
apply_settings(const char *encoder, const char *output)
{
    return (ba_encode_apply_opts_t){.encoder = in_folder(encoder),
        .output = in_folder(output),
        .trim_first = BA_AS_IN_FIT,
        .zscore_runs = -1};
}

static inline void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

/* An array of doubles of a result file; the caller frees. */
static inline double *
read_array(const char *name, const char *path, size_t n)
{
    return test_read_array(in_folder(name), NULL, path, n);
}

static inline void
fit_to_file(size_t n_spaces, int with_test, const ba_encode_fit_opts_t *opts)
{
    ba_dataset_t *dataset = open_for_fit(n_spaces, with_test);

    must(ba_encode_fit(NULL, dataset, opts, NULL));
    ba_dataset_free(dataset);
}

#endif
