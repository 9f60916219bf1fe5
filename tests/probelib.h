/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small studies for tests of probes, and their objective written anew. */
#ifndef BA_PROBELIB_H
#define BA_PROBELIB_H

#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/probe.h"

typedef struct {
    size_t n, p, n_classes;
    float *x;
    uint32_t *label;
    double *target; /* of labels */
} probe_study_t;

/* Normal numbers; neuron j is raised by 1.5 on tokens of class j where there is one. */
static inline probe_study_t
probe_study(size_t n, size_t p, size_t n_classes, uint64_t seed)
{
    probe_study_t study = {n, p, n_classes, NULL, NULL, NULL};

    study.x = malloc(n * p * sizeof *study.x);
    study.label = malloc(n * sizeof *study.label);
    study.target = calloc(n * n_classes, sizeof *study.target);
    assert_true(study.x && study.label && study.target);
    for (size_t i = 0; i < n; i++) {
        study.label[i] = (uint32_t) (i < n_classes ? i : test_random(&seed) % n_classes);
        study.target[i + study.label[i] * n] = 1;
    }
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < n; i++) {
            study.x[i + j * n] =
                (float) (0.3 + test_normal(&seed) + 1.5 * (study.label[i] == j));
        }
    }
    return study;
}

static inline void
probe_study_free(probe_study_t *study)
{
    free(study->x);
    free(study->label);
    free(study->target);
}

static inline ba_probe_data_t
probe_study_data(const probe_study_t *study)
{
    return (ba_probe_data_t){.x = {study->x, study->n, study->p, study->n},
        .n_neurons = study->p,
        .label = study->label,
        .n_classes = study->n_classes};
}

/* Loss of one row by its logits. */
static inline double
probe_row_loss(ba_probe_kind_t kind, const double *z, const double *y, size_t n_classes)
{
    double sum = 0, loss = 0;

    for (size_t c = 0; c < n_classes; c++) {
        sum += exp(z[c]);
        if (kind == BA_PROBE_ONE_VS_REST) {
            loss += log(1 + exp(z[c])) - y[c] * z[c];
        } else if (kind == BA_PROBE_REGRESSION) {
            loss += (z[c] - y[c]) * (z[c] - y[c]);
        } else {
            loss -= y[c] * z[c];
        }
    }
    return kind == BA_PROBE_SOFTMAX ? loss + log(sum) : loss;
}

/* The objective at any weights (p x n_classes) and bias, from its definition. */
static inline double
probe_objective(const probe_study_t *study, const ba_probe_opts_t *opts, const double *w,
    const double *b)
{
    size_t n = study->n, p = study->p, n_classes = study->n_classes;
    double loss = 0, l1 = 0, square = 0, norms = 0, z[16], y[16];

    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < n_classes; c++) {
            z[c] = b[c];
            y[c] = study->label[i] == c;
            for (size_t j = 0; j < p; j++) {
                z[c] += (double) study->x[i + j * n] * w[j + c * p];
            }
        }
        loss += probe_row_loss(opts->kind, z, y, n_classes) / (double) n;
    }
    for (size_t c = 0; c < n_classes; c++) {
        double own = 0;

        for (size_t j = 0; j < p; j++) {
            l1 += fabs(w[j + c * p]);
            own += w[j + c * p] * w[j + c * p];
        }
        square += own;
        norms += sqrt(own);
    }
    if (opts->penalty == BA_PENALTY_SQUARED) {
        return loss + opts->l1 * l1 + opts->l2 / 2 * square;
    }
    return loss + opts->l1 * l1 +
           opts->l2 * (opts->kind == BA_PROBE_SOFTMAX ? sqrt(square) : norms);
}

#endif
