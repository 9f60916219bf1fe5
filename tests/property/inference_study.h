/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of inference add to the study in files: repeats of its test set. Include
 * encode_study.h or shard_study.h first. */
#ifndef BA_PROPERTY_INFERENCE_STUDY_H
#define BA_PROPERTY_INFERENCE_STUDY_H

#include "brainalign/inference.h"

#include <math.h>

enum { N_REPEATS = 3 };

/* Repeats in the order of the file: repeat, sample, target. Target 3 has no variance in
 * one of them, target 5 a value that is missing, target 6 is noise alone. */
static inline double *
make_repeats(void)
{
    double *all = malloc(N_REPEATS * N_TEST * V * sizeof *all);
    double *signal = malloc(N_TEST * V * sizeof *signal);
    uint64_t seed = 77;

    assert_non_null(all);
    assert_non_null(signal);
    test_fill_normal(signal, N_TEST * V, 78);
    for (size_t k = 0; k < N_REPEATS; k++) {
        for (size_t i = 0; i < N_TEST; i++) {
            for (size_t v = 0; v < V; v++) {
                double s = v == 6 ? 0.0 : signal[i + v * N_TEST];

                all[(k * N_TEST + i) * V + v] =
                    40.0 * (double) (k + 1) +
                    (1.0 + (double) k) * (s + test_normal(&seed));
            }
        }
    }
    for (size_t i = 0; i < N_TEST; i++) {
        all[(N_TEST + i) * V + 3] = 4.0;
    }
    all[2 * V + 5] = NAN;
    free(signal);
    return all;
}

/* The repeats become the test responses of the study. */
static inline void
write_repeats(const char *name)
{
    size_t n_bytes = N_REPEATS * N_TEST * V * sizeof(double);
    char *file = malloc(128 + n_bytes);
    double *all = make_repeats();
    int length;

    assert_non_null(file);
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    length = snprintf(file + 10, 117,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d, %d), }", N_REPEATS,
        N_TEST, V);
    file[10 + length] = ' ';
    file[127] = '\n';
    memcpy(file + 128, all, n_bytes);
    test_write_file(in_folder(name), file, 128 + n_bytes);
    free(file);
    free(all);
}

/* z-scoring per run by the text book, of `column`; the same shift and scale are taken off
 * `other` (which may be NULL). */
static inline void
zscore_runs(const size_t *onset, size_t n_runs, double *column, double *other)
{
    for (size_t k = 0; k < n_runs; k++) {
        double mean = 0.0, square = 0.0, scale, n = (double) (onset[k + 1] - onset[k]);

        for (size_t i = onset[k]; i < onset[k + 1]; i++) {
            mean += column[i] / n;
        }
        for (size_t i = onset[k]; i < onset[k + 1]; i++) {
            square += (column[i] - mean) * (column[i] - mean) / n;
        }
        scale = sqrt(square);
        for (size_t i = onset[k]; i < onset[k + 1]; i++) {
            column[i] = (column[i] - mean) / scale;
            if (other) {
                other[i] = (other[i] - mean) / scale;
            }
        }
    }
}

static inline double
correlation(const double *a, const double *b, size_t n)
{
    double ma = 0.0, mb = 0.0, ab = 0.0, aa = 0.0, bb = 0.0;

    for (size_t i = 0; i < n; i++) {
        ma += a[i] / (double) n;
        mb += b[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

static const char *const the_control[] = {"a"};

/* Tests, controls and (with a test set) a ceiling. */
static inline void
ask_for_everything(ba_encode_fit_opts_t *opts, int with_ceiling)
{
    opts->inference.null.n_permutations = 99;
    opts->inference.null.seed = 4;
    opts->inference.controls = the_control;
    opts->inference.n_controls = 1;
    opts->inference.has_ceiling = with_ceiling;
}

#endif
