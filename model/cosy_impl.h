/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_MODEL_COSY_IMPL_H
#define BA_MODEL_COSY_IMPL_H

#include "brainalign/cosy.h"

#include "brainalign/error.h"

/* A neuron's control samples, once for all explanations. */
typedef struct {
    double *sorted;
    size_t n;
    double mean, deviation; /* 0 where all are the same */
    double ties;            /* sum over ties of t^3 - t */
} ba_cosy_control_t;

/* As ba_cosy(). */
int ba_cosy_control(const double *x, size_t n, ba_cosy_control_t *out) BA_MUST_USE;
void ba_cosy_control_free(ba_cosy_control_t *control);
int ba_cosy_score(const ba_cosy_control_t *control, const double *explanation, size_t n,
    ba_cosy_t *out) BA_MUST_USE;

#endif
