/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Principal components as in a textbook: the covariance matrix of the rows, rotated until
 * it is diagonal. Include it after tests/property/study.h. */
#ifndef BA_PROPERTY_PCA_ORACLE_H
#define BA_PROPERTY_PCA_ORACLE_H

#include "tests/property/study.h"

/* Turns directions a and b of a symmetric p x p matrix until its entry (a, b) is 0; the
 * rotations add up in v. */
static inline void
rotate(double *c, double *v, size_t p, size_t a, size_t b)
{
    double angle = 0.5 * atan2(2.0 * c[a + b * p], c[a + a * p] - c[b + b * p]);
    double cosine = cos(angle), sine = sin(angle);

    for (size_t i = 0; i < p; i++) {
        double x = c[i + a * p], y = c[i + b * p];

        c[i + a * p] = cosine * x + sine * y;
        c[i + b * p] = cosine * y - sine * x;
        x = v[i + a * p];
        y = v[i + b * p];
        v[i + a * p] = cosine * x + sine * y;
        v[i + b * p] = cosine * y - sine * x;
    }
    for (size_t i = 0; i < p; i++) {
        double x = c[a + i * p], y = c[b + i * p];

        c[a + i * p] = cosine * x + sine * y;
        c[b + i * p] = cosine * y - sine * x;
    }
}

/* mean (p) and the first k components (p x k) of some rows of x (n x p, column-major):
 * falling variance, the entry of largest size positive. */
static inline void
oracle_pca(pool_t *pool, const double *x, size_t n, size_t p, const size_t *rows,
    size_t n_rows, size_t k, double *mean, double *components)
{
    double *c = pool_doubles(pool, p * p), *v = pool_doubles(pool, p * p);
    char *taken = pool_get(pool, p, 1);

    for (size_t j = 0; j < p; j++) {
        mean[j] = 0.0;
        v[j + j * p] = 1.0;
        for (size_t i = 0; i < n_rows; i++) {
            mean[j] += x[rows[i] + j * n] / (double) n_rows;
        }
    }
    for (size_t i = 0; i < p * p; i++) {
        for (size_t t = 0; t < n_rows; t++) {
            c[i] += (x[rows[t] + i % p * n] - mean[i % p]) *
                    (x[rows[t] + i / p * n] - mean[i / p]);
        }
    }
    for (size_t sweep = 0; sweep < 15; sweep++) {
        for (size_t a = 0; a < p; a++) {
            for (size_t b = a + 1; b < p; b++) {
                rotate(c, v, p, a, b);
            }
        }
    }
    for (size_t j = 0; j < k; j++) {
        size_t best = 0, largest = 0;

        for (size_t i = 0; i < p; i++) {
            if (!taken[i] && (taken[best] || c[i + i * p] > c[best + best * p])) {
                best = i;
            }
        }
        taken[best] = 1;
        for (size_t i = 0; i < p; i++) {
            largest = fabs(v[i + best * p]) > fabs(v[largest + best * p]) ? i : largest;
        }
        for (size_t i = 0; i < p; i++) {
            components[i + j * p] =
                v[i + best * p] * (v[largest + best * p] < 0.0 ? -1.0 : 1.0);
        }
    }
}

/* A recording with k components of each space in place of its features (n_features of
 * them), fitted on some samples of `from`. */
static inline void
oracle_project(pool_t *pool, const study_t *study, const recording_t *from,
    const size_t *rows, size_t n_rows, recording_t *recording)
{
    size_t k = study->n_components, n_spaces = study->n_spaces > 0 ? study->n_spaces : 1;
    size_t n = recording->n, first = 0;
    const double *x = recording->x;

    recording->x = pool_doubles(pool, n * k * n_spaces);
    for (size_t s = 0; s < n_spaces; s++) {
        size_t p = study->n_spaces > 0 ? study->space_features[s] : study->n_features;
        double *mean = pool_doubles(pool, p), *components = pool_doubles(pool, p * k);

        oracle_pca(pool, from->x + first * from->n, from->n, p, rows, n_rows, k, mean,
            components);
        for (size_t i = 0; i < n * k; i++) {
            for (size_t j = 0; j < p; j++) {
                recording->x[i + s * k * n] +=
                    (x[i % n + (first + j) * n] - mean[j]) * components[j + i / n * p];
            }
        }
        first += p;
    }
}

/* The same study with components by hand, fitted on some samples of the recording. */
static inline study_t
study_by_hand(pool_t *pool, const study_t *study, const size_t *rows, size_t n_rows)
{
    study_t other = *study;
    size_t n_spaces = study->n_spaces > 0 ? study->n_spaces : 1;

    oracle_project(pool, study, &study->train, rows, n_rows, &other.train);
    if (study->test.n > 0) {
        oracle_project(pool, study, &study->train, rows, n_rows, &other.test);
    }
    other.n_features = n_spaces * study->n_components;
    for (size_t s = 0; s < study->n_spaces; s++) {
        other.space_features[s] = study->n_components;
    }
    other.n_components = 0;
    return other;
}

#endif
