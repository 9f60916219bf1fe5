/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a probe is fitted on, made ready: neurons shifted to mean 0, weights of rows,
 * targets. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/clones.h"
#include "model/probe_impl.h"
#include "model/scale.h"

#include <math.h>

/* Weighted sum and sum of squares about `about`; in eight lanes. */
BA_CLONES static void
sums(const float *x, const double *weight, size_t n, double about, double out[2])
{
    double first[BA_LANES] = {0}, second[BA_LANES] = {0};
    size_t whole = n - n % BA_LANES;

    for (size_t i = 0; i < whole; i += BA_LANES) {
        for (size_t k = 0; k < BA_LANES; k++) {
            double d = (double) x[i + k] - about, w = weight[i + k];

            first[k] += w * d;
            second[k] += w * d * d;
        }
    }
    for (size_t i = whole; i < n; i++) {
        double d = (double) x[i] - about;

        first[i - whole] += weight[i] * d;
        second[i - whole] += weight[i] * d * d;
    }
    out[0] = ba_lanes_sum(first);
    out[1] = ba_lanes_sum(second);
}

/* Mean and mean square about it, from two passes: the first value is near enough to the
 * mean for the sums to be exact. */
static void
moments(const float *x, const double *weight, size_t n, double *mean, double *square)
{
    double out[2];

    sums(x, weight, n, (double) x[0], out);
    *mean = (double) x[0] + out[0];
    sums(x, weight, n, *mean, out);
    *mean += out[0];
    *square = fmax(out[1] - out[0] * out[0], 0);
}

static const float *
column_of(const ba_probe_data_t *data, size_t j)
{
    return data->x.data + (data->columns ? data->columns[j] : j) * data->x.ld;
}

static int
check_columns(const ba_probe_data_t *data)
{
    size_t n_cols = data->x.n_cols;

    for (size_t j = 0; data->columns && j < data->n_neurons; j++) {
        if (data->columns[j] >= n_cols) {
            return ba_fail(
                BA_VALUE, "probe: neuron %zu of %zu asked for", data->columns[j], n_cols);
        }
    }
    if (!data->columns && data->n_neurons > n_cols) {
        return ba_fail(BA_VALUE, "probe: %zu neurons asked for, there are %zu",
            data->n_neurons, n_cols);
    }
    if (data->n_neurons == 0 || data->x.n_rows == 0) {
        return ba_fail(BA_SHAPE, "probe: %zu tokens and %zu neurons, wanted some",
            data->x.n_rows, data->n_neurons);
    }
    return BA_OK;
}

static int
set_weights(const ba_probe_data_t *data, ba_probe_problem_t *problem)
{
    double sum = 0;

    for (size_t i = 0; i < problem->n; i++) {
        double w = data->row_weight ? data->row_weight[i] : 1;

        if (!(w >= 0 && isfinite(w))) {
            return ba_fail(BA_VALUE, "probe: row %zu weighs %g, wanted 0 or more", i, w);
        }
        sum += w;
    }
    if (!(sum > 0)) {
        return ba_fail(BA_SHAPE, "probe: no row of positive weight");
    }
    for (size_t i = 0; i < problem->n; i++) {
        problem->weight[i] = (data->row_weight ? data->row_weight[i] : 1) / sum;
    }
    return BA_OK;
}

void
ba_probe_normalise(double *weight, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += weight[i];
    }
    for (size_t i = 0; i < n; i++) {
        weight[i] /= sum;
    }
}

static int
set_neurons(const ba_probe_data_t *data, ba_probe_problem_t *problem)
{
    size_t p = problem->p;

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(problem->ctx))
    for (size_t j = 0; j < p; j++) {
        double scale = data->scale ? data->scale[j] : 1;

        problem->column[j] = column_of(data, j);
        problem->inverse[j] = 1 / scale;
        moments(problem->column[j], problem->weight, problem->n, &problem->shift[j],
            &problem->moment[j]);
        problem->moment[j] /= scale * scale;
    }
    for (size_t j = 0; j < p; j++) {
        if (!isfinite(problem->shift[j]) || !isfinite(problem->moment[j])) {
            return ba_fail(BA_NONFINITE,
                "probe: neuron %zu: a value that is not finite, or a scale of 0",
                data->columns ? data->columns[j] : j);
        }
    }
    return BA_OK;
}

/* The share of each class must be above 0, and below 1 unless it is regressed on. */
static int
check_class(const ba_probe_problem_t *problem, size_t c)
{
    double share = 0;

    for (size_t i = 0; i < problem->n; i++) {
        double y = problem->target[i + c * problem->n];

        if (problem->kind == BA_PROBE_ONE_VS_REST && !(y >= 0 && y <= 1)) {
            return ba_fail(
                BA_VALUE, "probe: row %zu: target %g, wanted between 0 and 1", i, y);
        }
        if (!isfinite(y)) {
            return ba_fail(BA_NONFINITE, "probe: row %zu: target %g", i, y);
        }
        share += problem->weight[i] * y;
    }
    if (problem->kind != BA_PROBE_REGRESSION && !(share > 0 && share < 1 - 1e-12)) {
        return ba_fail(BA_SHAPE, "probe: class %zu holds %s of the rows, wanted some", c,
            share > 0 ? "all" : "none");
    }
    return BA_OK;
}

static int
set_targets(const ba_probe_data_t *data, ba_probe_problem_t *problem)
{
    size_t n = problem->n, n_classes = problem->n_classes;
    int status = BA_OK;

    if (n_classes < 1 || (problem->kind == BA_PROBE_SOFTMAX && n_classes < 2)) {
        return ba_fail(BA_SHAPE, "probe: %zu class%s, wanted at least 2", n_classes,
            n_classes == 1 ? "" : "es");
    }
    for (size_t i = 0; i < n; i++) {
        if (!data->target && problem->kind == BA_PROBE_SOFTMAX &&
            data->label[i] >= n_classes && problem->weight[i] > 0) {
            return ba_fail(BA_SHAPE, "probe: row %zu has no class, wanted one", i);
        }
        for (size_t c = 0; c < n_classes; c++) {
            problem->target[i + c * n] =
                data->target ? data->target[i + c * n] : data->label[i] == c;
        }
    }
    for (size_t c = 0; c < n_classes; c++) {
        BA_TRY(check_class(problem, c));
    }
out:
    return status;
}

int
ba_probe_problem_new(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    ba_probe_kind_t kind, ba_probe_problem_t *problem)
{
    size_t n = data->x.n_rows, p = data->n_neurons, n_targets, blocks;
    int status = BA_OK;

    *problem = (ba_probe_problem_t){
        .ctx = ctx, .kind = kind, .n = n, .p = p, .n_classes = data->n_classes};
    ba_blas_single_thread();
    BA_TRY(check_columns(data));
    BA_TRY(ba_blas_check(n));
    BA_TRY(ba_blas_check(p));
    BA_TRY(ba_multiply(n, data->n_classes, &n_targets));
    blocks = (n + BA_PANEL_ROWS - 1) / BA_PANEL_ROWS;
    problem->slab_rows = (blocks + BA_MAX_SLABS - 1) / BA_MAX_SLABS * BA_PANEL_ROWS;
    problem->n_slabs = (n + problem->slab_rows - 1) / problem->slab_rows;
    BA_TRY_ALLOC(problem->column, ba_calloc(p, sizeof *problem->column));
    BA_TRY_ALLOC(problem->shift, ba_calloc(p, sizeof *problem->shift));
    BA_TRY_ALLOC(problem->inverse, ba_calloc(p, sizeof *problem->inverse));
    BA_TRY_ALLOC(problem->moment, ba_calloc(p, sizeof *problem->moment));
    BA_TRY_ALLOC(problem->weight, ba_calloc(n, sizeof *problem->weight));
    BA_TRY_ALLOC(problem->target, ba_calloc(n_targets, sizeof *problem->target));
    BA_TRY(ba_probe_panels_new(problem));
    BA_TRY(set_weights(data, problem));
    BA_TRY(set_targets(data, problem));
    BA_TRY(set_neurons(data, problem));
out:
    if (status != BA_OK) {
        ba_probe_problem_free(problem);
    }
    return status;
}

void
ba_probe_problem_free(ba_probe_problem_t *problem)
{
    ba_free(problem->column);
    ba_free(problem->shift);
    ba_free(problem->inverse);
    ba_free(problem->moment);
    ba_free(problem->weight);
    ba_free(problem->target);
    ba_free(problem->panels);
    *problem = (ba_probe_problem_t){.n = 0};
}

int
ba_probe_scale(const ba_ctx_t *ctx, const ba_probe_data_t *data, double *center,
    double *scale, size_t *n_constant)
{
    size_t n = data->x.n_rows, n_found = 0;
    double *weight;
    int status = BA_OK;

    BA_TRY_ALLOC(weight, ba_malloc(n, sizeof *weight));
    BA_TRY(check_columns(data));
    for (size_t i = 0; i < n; i++) {
        weight[i] = 1 / (double) n;
    }
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < data->n_neurons; j++) {
        const float *x = column_of(data, j);
        float largest = 0;

        moments(x, weight, n, &center[j], &scale[j]);
        for (size_t i = 0; i < n; i++) {
            largest = fmaxf(largest, fabsf(x[i]));
        }
        scale[j] = sqrt(scale[j]);
        if (scale[j] <= BA_CONSTANT * (double) largest) {
            scale[j] = 1;
            center[j] = isfinite(center[j]) ? (double) x[0] : center[j];
#pragma omp atomic
            n_found++;
        }
    }
    for (size_t j = 0; j < data->n_neurons; j++) {
        if (!isfinite(center[j]) || !isfinite(scale[j])) {
            BA_TRY(ba_fail(BA_NONFINITE, "probe: neuron %zu: a value that is not finite",
                data->columns ? data->columns[j] : j));
        }
    }
    if (n_constant) {
        *n_constant = n_found;
    }
out:
    ba_free(weight);
    return status;
}
