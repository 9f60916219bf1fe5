/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The benchmark problems. */
#ifndef BA_BENCH_SIZES_H
#define BA_BENCH_SIZES_H

#include <stddef.h>
#include <string.h>

typedef struct {
    const char *name;
    size_t n_samples, n_features, n_targets;
    int delays[4];
    size_t n_delays; /* p = n_features x n_delays */
    int hdf5;        /* responses in HDF5 instead of NPY */
    size_t n_spaces; /* equal parts of the features; 0 = one */
} bench_size_t;

static const bench_size_t bench_sizes[] = {
    {"S", 1000, 768, 5000, {0}, 1, 0, 0},
    {"M", 3000, 768, 20000, {1, 2, 3, 4}, 4, 0, 0},
    {"T", 6000, 768, 5000, {0}, 1, 0, 0},
    {"L", 6000, 768, 80000, {1, 2, 3, 4}, 4, 1, 0},
    {"W", 1000, 768, 60000, {1, 2, 3, 4}, 4, 0, 0},
    {"B", 3000, 2304, 20000, {1, 2, 3, 4}, 4, 0, 3},
    {"b", 600, 384, 4000, {1, 2, 3, 4}, 4, 0, 3},
    {"E", 3000, 9216, 20000, {1, 2, 3, 4}, 4, 1, 12},
    {"e", 1000, 9216, 20000, {1, 2}, 2, 1, 12},
};

static inline const bench_size_t *
bench_size(const char *name)
{
    for (size_t i = 0; i < sizeof bench_sizes / sizeof *bench_sizes; i++) {
        if (strcmp(bench_sizes[i].name, name) == 0) {
            return &bench_sizes[i];
        }
    }
    return NULL;
}

#endif
