/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ba_alignment_fit() holds at a time, in its order: cores of all subjects; beside them
 * what turning one subject takes, or the start of a shared response model; weights of the
 * columns, each in the place of a Q that then goes. */
#include "model/alignment_impl.h"

#include <math.h>

typedef struct {
    const size_t *columns;
    size_t n_subjects;
    double n, k; /* samples, directions */
    ba_alignment_kind_t kind;
} sizes_t;

static double
width_of(const sizes_t *sizes, size_t subject)
{
    return fmin(sizes->n, (double) sizes->columns[subject]);
}

/* Numbers of Q, which a subject with no more columns than samples does not have. */
static double
basis_of(const sizes_t *sizes, size_t subject)
{
    double v = (double) sizes->columns[subject];

    return v > sizes->n ? v * sizes->n : 0.0;
}

/* The polar factor of a product m x k: the product, its copy, both sides of the singular
 * value decomposition, and the workspace of that (4 squares). */
static double
turning(double m, double k)
{
    double most = fmax(m, k), least = fmin(m, k);

    return 3 * most * least + 5 * least * least;
}

/* Beside cores, turns and what is shared. */
static double
iterating(const sizes_t *sizes)
{
    double most = 0.0, widest = 0.0, n = sizes->n, k = sizes->k;

    for (size_t s = 0; s < sizes->n_subjects; s++) {
        most = fmax(most, turning(width_of(sizes, s), k));
        widest = fmax(widest, width_of(sizes, s));
    }
    if (sizes->kind == BA_ALIGNMENT_PROCRUSTES) {
        most += 2 * n * k;
    } else {
        /* The Gram matrix over subjects, its eigenvectors and their workspace. */
        most = fmax(most, 3 * n * n);
    }
    if (sizes->kind == BA_ALIGNMENT_SRM_EM) {
        most += 4 * k * k + n * k + n * widest;
    }
    return fmax(most, n * widest);
}

/* The most of Q and weights of subjects with more columns than samples. */
static double
weighing(const sizes_t *sizes)
{
    double bases = 0.0, weights = 0.0, most = 0.0;
    int keeps_first = sizes->kind == BA_ALIGNMENT_PROCRUSTES;

    for (size_t s = 0; s < sizes->n_subjects; s++) {
        bases += basis_of(sizes, s);
    }
    for (size_t s = 0; s < sizes->n_subjects; s++) {
        double own = basis_of(sizes, s);

        weights += own > 0.0 ? (double) sizes->columns[s] * sizes->k : 0.0;
        most = fmax(most, bases + weights);
        bases -= keeps_first && s == 0 ? 0.0 : own;
    }
    return most;
}

void
ba_alignment_plan(const size_t *n_columns, size_t n_subjects, size_t n_samples,
    const ba_alignment_opts_t *opts, ba_alignment_plan_t *out)
{
    sizes_t sizes = {n_columns, n_subjects, (double) n_samples, 0.0, opts->kind};
    double columns = 0.0, widths = 0.0, bases = 0.0, k;
    size_t features = opts->n_features > 0 ? opts->n_features : BA_ALIGNMENT_FEATURES;

    if (opts->kind == BA_ALIGNMENT_PROCRUSTES) {
        features = n_columns[0];
    }
    for (size_t s = 0; s < n_subjects; s++) {
        features = features < n_columns[s] || opts->kind == BA_ALIGNMENT_PROCRUSTES
                       ? features
                       : n_columns[s];
        columns += (double) n_columns[s];
    }
    out->n_features = features;
    out->n_directions = features < n_samples ? features : n_samples;
    k = sizes.k = (double) out->n_directions;
    for (size_t s = 0; s < n_subjects; s++) {
        widths += width_of(&sizes, s);
        bases += basis_of(&sizes, s);
    }
    out->making = sizeof(double) * (columns + sizes.n * k + widths * (sizes.n + k) +
                                       fmax(bases + iterating(&sizes), weighing(&sizes)));
    out->made = sizeof(double) * (columns * (k + 1) + sizes.n * k);
    if (opts->kind == BA_ALIGNMENT_PROCRUSTES) {
        out->made += sizeof(double) * basis_of(&sizes, 0);
    }
}
