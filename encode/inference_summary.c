/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The account of tests, ceilings and increments. */
#include "encode/inference.h"

#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL 0.05

static void
sum_up_test(const ba_test_t *test, size_t v, ba_test_info_t *info)
{
    info->null = test->info;
    for (size_t t = 0; test->p && t < v; t++) {
        info->n_tested += isnan(test->p[t]) ? 0 : 1;
        info->n_q += test->q[t] < LEVEL;
        info->n_fwe += test->p_fwe[t] < LEVEL;
    }
}

static double
mean_of(const double *values, size_t v, size_t *n)
{
    double sum = 0.0;

    *n = 0;
    for (size_t t = 0; values && t < v; t++) {
        if (!isnan(values[t])) {
            sum += values[t];
            (*n)++;
        }
    }
    return *n > 0 ? sum / (double) *n : (double) NAN;
}

static int
compare_numbers(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static int
sum_up_ceiling(const ba_inference_t *inference, ba_inference_info_t *info)
{
    int status = BA_OK;
    size_t v = inference->n_targets, n = 0;
    double *sorted = NULL;

    BA_TRY_ALLOC(sorted, ba_malloc(v, sizeof *sorted));
    for (size_t t = 0; t < v; t++) {
        if (!isnan(inference->ceiling[t])) {
            sorted[n++] = inference->ceiling[t];
        } else if (inference->reason[t] <= BA_CEILING_NO_SIGNAL) {
            info->n_no_ceiling[inference->reason[t]]++;
        }
    }
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    info->n_ceiling = n;
    if (n > 0) {
        info->median_ceiling = 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
    }
    info->mean_normalized = mean_of(inference->r_normalized, v, &info->n_normalized);
out:
    ba_free(sorted);
    return status;
}

int
ba_inference_sum_up(const ba_inference_t *inference, ba_inference_info_t *info)
{
    int status = BA_OK;
    size_t v = inference->n_targets, n;

    *info = (ba_inference_info_t){.median_ceiling = NAN, .mean_normalized = NAN};
    memcpy(info->null_words, inference->null_words, sizeof info->null_words);
    memcpy(info->ceiling_words, inference->ceiling_words, sizeof info->ceiling_words);
    memcpy(info->control_words, inference->control_words, sizeof info->control_words);
    sum_up_test(&inference->r, v, &info->r);
    sum_up_test(&inference->increment, v, &info->increment);
    info->mean_control_r = mean_of(inference->control_r, v, &n);
    info->mean_control_r2 = mean_of(inference->control_r2, v, &n);
    info->mean_increment_r2 = mean_of(inference->increment_r2, v, &n);
    if (inference->ceiling) {
        BA_TRY(sum_up_ceiling(inference, info));
    }
out:
    return status;
}
