/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functional alignment: what its methods share. Subjects are centred; one with more columns
 * than samples is taken apart once, X' = Q R, and only its core C = R' enters the
 * iterations: the polar factor of X'T is Q times that of C'T. */
#include "model/alignment_impl.h"

#include "core/alloc.h"
#include "model/series.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_ITERATIONS = 100 };

#define DEFAULT_TOLERANCE 1e-7

ba_cdmat_t
ba_core_of(const ba_cores_t *cores, size_t subject)
{
    return (ba_cdmat_t){cores->core[subject], cores->n, cores->width[subject], cores->n};
}

/* Name of a subject for messages. */
static const char *
name_of(const ba_alignment_opts_t *opts, size_t subject, char room[32])
{
    if (opts->names) {
        return opts->names[subject];
    }
    snprintf(room, 32, "%zu (from 0)", subject);
    return room;
}

int
ba_core_check_rank(const ba_cores_t *cores, size_t subject, size_t rank, size_t wanted)
{
    char room[32];

    if (rank == wanted) {
        return BA_OK;
    }
    return ba_fail(BA_NUMERIC,
        "alignment: subject %s: its responses span %zu directions, wanted the %zu "
        "features "
        "of the common space",
        name_of(cores->opts, subject, room), rank, wanted);
}

double
ba_core_residual(const ba_ctx_t *ctx, const ba_cores_t *cores, size_t subject,
    const ba_alignment_t *out, double *room)
{
    size_t n = cores->n, m = cores->width[subject], k = out->n_directions;
    double sum = 0.0;

    memcpy(room, cores->core[subject], n * m * sizeof *room);
    ba_gemm_tiled(ctx, -1.0, BA_KEEP, ba_cdmat(out->shared, n, k, n), BA_TRANSPOSE,
        ba_cdmat(cores->w[subject], m, k, m), 1.0, ba_dmat(room, n, m, n));
    for (size_t i = 0; i < n * m; i++) {
        sum += room[i] * room[i];
    }
    return sum;
}

static void
cores_free(ba_cores_t *cores)
{
    for (size_t s = 0; s < cores->n_subjects; s++) {
        ba_free(cores->core ? cores->core[s] : NULL);
        ba_free(cores->q ? cores->q[s] : NULL);
        ba_free(cores->w ? cores->w[s] : NULL);
    }
    ba_free(cores->core);
    ba_free(cores->q);
    ba_free(cores->w);
    ba_free(cores->width);
    ba_free(cores->n_varies);
    ba_free(cores->square);
    *cores = (ba_cores_t){0};
}

static int
check(const ba_cdmat_t *responses, size_t n_subjects, const ba_alignment_opts_t *opts)
{
    char room[32];

    if (opts->kind == BA_ALIGNMENT_NONE) {
        return ba_fail(BA_VALUE, "alignment: found none, wanted a method");
    }
    if (n_subjects < 2) {
        return ba_fail(BA_SHAPE, "alignment: %zu subject, wanted 2 or more", n_subjects);
    }
    for (size_t s = 0; s < n_subjects; s++) {
        if (responses[s].n_rows != responses[0].n_rows) {
            return ba_fail(BA_SHAPE,
                "alignment: subject %s has %zu samples, wanted the %zu of the first",
                name_of(opts, s, room), responses[s].n_rows, responses[0].n_rows);
        }
    }
    if (responses[0].n_rows < 2) {
        return ba_fail(
            BA_SHAPE, "alignment: %zu samples, wanted 2 or more", responses[0].n_rows);
    }
    return ba_blas_check(responses[0].n_rows);
}

/* The centred columns of a subject, n x v, or their transpose. */
static void
centre(ba_cdmat_t x, const double *mean, int turned, double *to)
{
    for (size_t j = 0; j < x.n_cols; j++) {
        for (size_t i = 0; i < x.n_rows; i++) {
            to[turned ? j + i * x.n_cols : i + j * x.n_rows] =
                x.data[i + j * x.ld] - mean[j];
        }
    }
}

/* Means, and how many columns are not constant. */
static size_t
find_means(ba_cdmat_t x, double *mean)
{
    size_t n_varies = 0;

    for (size_t j = 0; j < x.n_cols; j++) {
        const double *column = x.data + j * x.ld;
        double least = column[0], most = column[0];

        mean[j] = ba_series_mean(column, x.n_rows);
        for (size_t i = 1; i < x.n_rows; i++) {
            least = fmin(least, column[i]);
            most = fmax(most, column[i]);
        }
        n_varies += most - least > BA_NEGLIGIBLE * fmax(fabs(most), fabs(least));
    }
    return n_varies;
}

/* C, and Q where there are more columns than samples. */
static int
make_core(ba_cores_t *cores, size_t s, ba_cdmat_t x, double *mean)
{
    int status = BA_OK;
    size_t n = x.n_rows, v = x.n_cols, m = n < v ? n : v;
    double *core, sum = 0.0;
    char room[32];

    cores->width[s] = m;
    cores->n_varies[s] = find_means(x, mean);
    BA_TRY(ba_blas_check(v));
    BA_TRY_ALLOC(cores->core[s], ba_malloc(n, m * sizeof **cores->core));
    core = cores->core[s];
    if (v <= n) {
        centre(x, mean, 0, core);
    } else {
        BA_TRY_ALLOC(cores->q[s], ba_malloc(v, n * sizeof **cores->q));
        centre(x, mean, 1, cores->q[s]);
        BA_TRY(ba_core_reduce(ba_dmat(cores->q[s], v, n, v), ba_dmat(core, n, n, n)));
    }
    for (size_t i = 0; i < n * m; i++) {
        sum += core[i] * core[i];
    }
    if (!isfinite(sum)) {
        BA_TRY(ba_fail(BA_NUMERIC,
            "alignment: a response of subject %s is not finite, wanted finite numbers",
            name_of(cores->opts, s, room)));
    }
    cores->square[s] = sum;
    cores->total += sum;
out:
    return status;
}

static int
make_cores(const ba_ctx_t *ctx, const ba_cdmat_t *responses, ba_cores_t *cores,
    ba_alignment_t *out)
{
    int status = BA_OK;
    size_t n_subjects = cores->n_subjects;

    BA_TRY_ALLOC(cores->width, ba_calloc(n_subjects, sizeof *cores->width));
    BA_TRY_ALLOC(cores->n_varies, ba_calloc(n_subjects, sizeof *cores->n_varies));
    BA_TRY_ALLOC(cores->square, ba_calloc(n_subjects, sizeof *cores->square));
    BA_TRY_ALLOC(cores->core, ba_calloc(n_subjects, sizeof *cores->core));
    BA_TRY_ALLOC(cores->q, ba_calloc(n_subjects, sizeof *cores->q));
    BA_TRY_ALLOC(cores->w, ba_calloc(n_subjects, sizeof *cores->w));
    BA_TRY_ALLOC(out->n_columns, ba_calloc(n_subjects, sizeof *out->n_columns));
    BA_TRY_ALLOC(out->mean, ba_calloc(n_subjects, sizeof *out->mean));
    BA_TRY_ALLOC(out->weights, ba_calloc(n_subjects, sizeof *out->weights));
    BA_TRY_ALLOC(out->explained, ba_calloc(n_subjects, sizeof *out->explained));
    for (size_t s = 0; s < n_subjects; s++) {
        BA_TRY(ba_ctx_check(ctx));
        out->n_columns[s] = responses[s].n_cols;
        BA_TRY_ALLOC(out->mean[s], ba_malloc(responses[s].n_cols, sizeof **out->mean));
        BA_TRY(make_core(cores, s, responses[s], out->mean[s]));
    }
out:
    return status;
}

static int
set_features(const ba_cores_t *cores, ba_alignment_t *out)
{
    size_t wanted = cores->opts->n_features, least = cores->n - 1, narrow = SIZE_MAX;
    char room[32];

    for (size_t s = 0; s < cores->n_subjects; s++) {
        if (cores->n_varies[s] < least) {
            least = cores->n_varies[s];
            narrow = s;
        }
    }
    if (wanted > cores->n - 1) {
        return ba_fail(BA_SHAPE,
            "alignment: %zu features, wanted at most %zu, one less than its samples",
            wanted, cores->n - 1);
    }
    if (wanted > least || least == 0) {
        return ba_fail(BA_SHAPE,
            "alignment: %zu features, wanted at most %zu, the columns with variance of "
            "subject %s",
            wanted > 0 ? wanted : 1, least, name_of(cores->opts, narrow, room));
    }
    out->n_features = wanted > 0                      ? wanted
                      : least < BA_ALIGNMENT_FEATURES ? least
                                                      : BA_ALIGNMENT_FEATURES;
    out->n_directions = out->n_features;
    return BA_OK;
}

/* Sizes of what a method fills. */
static int
make_room(ba_cores_t *cores, ba_alignment_t *out)
{
    int status = BA_OK;

    if (cores->opts->kind == BA_ALIGNMENT_PROCRUSTES) {
        out->n_features = out->n_columns[0];
        out->n_directions = cores->width[0];
    } else {
        BA_TRY(set_features(cores, out));
    }
    BA_TRY_ALLOC(
        out->shared, ba_malloc(cores->n, out->n_directions * sizeof *out->shared));
    BA_TRY_ALLOC(
        out->objective, ba_calloc(cores->opts->n_iterations, sizeof *out->objective));
    for (size_t s = 0; s < cores->n_subjects; s++) {
        BA_TRY_ALLOC(cores->w[s],
            ba_malloc(cores->width[s], out->n_directions * sizeof **cores->w));
    }
out:
    return status;
}

/* Weights of the columns: Q w. */
static int
make_weights(const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out)
{
    int status = BA_OK;
    size_t k = out->n_directions, m;

    for (size_t s = 0; s < cores->n_subjects; s++) {
        size_t v = out->n_columns[s];

        m = cores->width[s];
        if (!cores->q[s]) {
            out->weights[s] = cores->w[s];
            cores->w[s] = NULL;
            continue;
        }
        BA_TRY_ALLOC(out->weights[s], ba_malloc(v, k * sizeof **out->weights));
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(cores->q[s], v, m, v), BA_KEEP,
            ba_cdmat(cores->w[s], m, k, m), 0.0, ba_dmat(out->weights[s], v, k, v));
        if (s > 0 || cores->opts->kind != BA_ALIGNMENT_PROCRUSTES) {
            ba_free(cores->q[s]);
            cores->q[s] = NULL;
        }
    }
    if (cores->opts->kind == BA_ALIGNMENT_PROCRUSTES) {
        out->basis = cores->q[0];
        cores->q[0] = NULL;
    }
out:
    return status;
}

static int
is_constant(const double *column, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (column[i] != column[0]) {
            return 0;
        }
    }
    return 1;
}

/* A column of the first subject that does not vary says nothing, where rounding would leave
 * weights that scaling makes large. */
static void
clear_constant(ba_cdmat_t first, ba_alignment_t *out)
{
    size_t v = out->n_columns[0];

    for (size_t j = 0; j < v; j++) {
        if (!is_constant(first.data + j * first.ld, first.n_rows)) {
            continue;
        }
        for (size_t k = 0; out->basis && k < out->n_directions; k++) {
            out->basis[j + k * v] = 0.0;
        }
        for (size_t s = 0; !out->basis && s < out->n_subjects; s++) {
            memset(out->weights[s] + j * out->n_columns[s], 0,
                out->n_columns[s] * sizeof *out->weights[s]);
        }
    }
}

static int
check_variance(const ba_cores_t *cores)
{
    char room[32];

    for (size_t s = 0; s < cores->n_subjects; s++) {
        if (cores->n_varies[s] == 0) {
            return ba_fail(BA_SHAPE,
                "alignment: subject %s: no column varies in the alignment runs, wanted "
                "responses",
                name_of(cores->opts, s, room));
        }
    }
    return BA_OK;
}

static int
explain(const ba_ctx_t *ctx, const ba_cores_t *cores, ba_alignment_t *out)
{
    int status = BA_OK;
    size_t widest = 0;
    double *room = NULL, sum = 0.0;

    for (size_t s = 0; s < cores->n_subjects; s++) {
        widest = cores->width[s] > widest ? cores->width[s] : widest;
    }
    BA_TRY_ALLOC(room, ba_malloc(cores->n, widest * sizeof *room));
    for (size_t s = 0; s < cores->n_subjects; s++) {
        double rest = ba_core_residual(ctx, cores, s, out, room);

        sum += rest;
        out->explained[s] = 1.0 - rest / cores->square[s];
    }
    if (cores->opts->kind == BA_ALIGNMENT_PROCRUSTES) {
        out->objective[0] = sum / cores->total;
    }
out:
    ba_free(room);
    return status;
}

int
ba_alignment_fit(const ba_ctx_t *ctx, const ba_cdmat_t *responses, size_t n_subjects,
    const ba_alignment_opts_t *opts, ba_alignment_t *out)
{
    int status;
    ba_alignment_opts_t own = *opts;
    ba_cores_t cores = {.n_subjects = n_subjects, .opts = &own};

    *out = (ba_alignment_t){.n_subjects = n_subjects};
    own.n_iterations = opts->n_iterations > 0 ? opts->n_iterations : DEFAULT_ITERATIONS;
    own.tolerance = opts->tolerance > 0.0 ? opts->tolerance : DEFAULT_TOLERANCE;
    BA_TRY(check(responses, n_subjects, opts));
    ba_blas_single_thread();
    out->n_samples = cores.n = responses[0].n_rows;
    BA_TRY(make_cores(ctx, responses, &cores, out));
    BA_TRY(check_variance(&cores));
    BA_TRY(make_room(&cores, out));
    BA_TRY(own.kind == BA_ALIGNMENT_PROCRUSTES ? ba_align_by_procrustes(ctx, &cores, out)
           : own.kind == BA_ALIGNMENT_SRM      ? ba_align_by_srm(ctx, &cores, out)
                                               : ba_align_by_srm_em(ctx, &cores, out));
    BA_TRY(explain(ctx, &cores, out));
    BA_TRY(make_weights(ctx, &cores, out));
    if (own.kind == BA_ALIGNMENT_PROCRUSTES) {
        clear_constant(responses[0], out);
    }
out:
    cores_free(&cores);
    if (status != BA_OK) {
        ba_alignment_free(out);
    }
    return status;
}

void
ba_alignment_free(ba_alignment_t *alignment)
{
    for (size_t s = 0; s < alignment->n_subjects; s++) {
        ba_free(alignment->mean ? alignment->mean[s] : NULL);
        ba_free(alignment->weights ? alignment->weights[s] : NULL);
    }
    ba_free(alignment->mean);
    ba_free(alignment->weights);
    ba_free(alignment->n_columns);
    ba_free(alignment->explained);
    ba_free(alignment->noise);
    ba_free(alignment->objective);
    ba_free(alignment->shared);
    ba_free(alignment->basis);
    *alignment = (ba_alignment_t){0};
}

void
ba_alignment_add(const ba_ctx_t *ctx, const ba_alignment_t *alignment, size_t subject,
    size_t first, ba_dmat_t rows, ba_dmat_t coordinates)
{
    const double *mean = alignment->mean[subject] + first;
    size_t v = alignment->n_columns[subject];

    for (size_t j = 0; j < rows.n_cols; j++) {
        for (size_t i = 0; i < rows.n_rows; i++) {
            rows.data[i + j * rows.ld] -= mean[j];
        }
    }
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_dmat_const(rows), BA_KEEP,
        ba_cdmat(
            alignment->weights[subject] + first, rows.n_cols, alignment->n_directions, v),
        1.0, coordinates);
}

void
ba_alignment_columns(const ba_ctx_t *ctx, const ba_alignment_t *alignment,
    ba_dmat_t coordinates, size_t first, ba_dmat_t columns)
{
    size_t k = alignment->n_features, d = alignment->n_directions;

    for (size_t j = 0; !alignment->basis && j < columns.n_cols; j++) {
        memcpy(columns.data + j * columns.ld,
            coordinates.data + (first + j) * coordinates.ld,
            columns.n_rows * sizeof *columns.data);
    }
    if (alignment->basis) {
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_dmat_const(coordinates), BA_TRANSPOSE,
            ba_cdmat(alignment->basis + first, columns.n_cols, d, k), 0.0, columns);
    }
}
