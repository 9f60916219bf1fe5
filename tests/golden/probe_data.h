/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activations and labels that the golden probes were fitted on. */
#ifndef BA_GOLDEN_PROBE_DATA_H
#define BA_GOLDEN_PROBE_DATA_H

#include "tests/golden/golden.h"

#include "brainalign/probe.h"

/* Rows and columns of the activations as float32, column-major, and labels. */
typedef struct {
    size_t n, p;
    float *x;
    uint32_t *label;
    double *center, *scale;
} probe_data_t;

static inline double
probe_attr(const char *file, const char *group, const char *name)
{
    hid_t handle = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t attr = H5Aopen_by_name(handle, group, name, H5P_DEFAULT, H5P_DEFAULT);
    double value = (double) NAN;

    if (attr < 0 || H5Aread(attr, H5T_NATIVE_DOUBLE, &value) < 0) {
        fail_msg("%s:%s has no %s", file, group, name);
    }
    H5Aclose(attr);
    H5Fclose(handle);
    return value;
}

/* Columns columns[0 .. p - 1] (NULL = the first p) of the rows of `from`. */
static inline probe_data_t
probe_data_take(const golden_t *from, const golden_t *rows, size_t p, size_t first,
    const golden_t *labels)
{
    probe_data_t data = {.n = rows->n, .p = p};

    data.x = malloc(data.n * p * sizeof *data.x);
    data.label = malloc(data.n * sizeof *data.label);
    data.center = malloc(p * sizeof *data.center);
    data.scale = malloc(p * sizeof *data.scale);
    assert_true(data.x && data.label && data.center && data.scale);
    for (size_t i = 0; i < data.n; i++) {
        size_t row = (size_t) rows->data[i];

        data.label[i] = (uint32_t) labels->data[i];
        for (size_t j = 0; j < p; j++) {
            data.x[i + j * data.n] = (float) from->data[row * from->dims[1] + first + j];
        }
    }
    return data;
}

static inline ba_probe_data_t
probe_data_view(const probe_data_t *data, size_t n_classes)
{
    return (ba_probe_data_t){.x = {data->x, data->n, data->p, data->n},
        .n_neurons = data->p,
        .label = data->label,
        .n_classes = n_classes};
}

static inline void
probe_data_free(probe_data_t *data)
{
    free(data->x);
    free(data->label);
    free(data->center);
    free(data->scale);
}

#endif
