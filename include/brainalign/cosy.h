/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a neuron respond to what an explanation says of it? */
#ifndef BRAINALIGN_COSY_H
#define BRAINALIGN_COSY_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of activations on samples of the explanation against those on control samples (Kopf et
 * al. 2024). */
typedef struct {
    double auc; /* that a sample of the explanation is above one of control, ties half */
    double mad; /* difference of the means over the deviation (n - 1) of control; 0 where
                   that is 0 */
    double u;   /* Mann and Whitney's U of control */
    double p;   /* two-sided: exact where a side has at most 8 samples and no two values
                   are the same, else normal with the corrections for ties and continuity */
    int exact;
} ba_cosy_t;

/* BA_SHAPE: fewer than 2 control samples or none of the explanation. BA_NONFINITE.
 * BA_NOMEM. Cost: n log n; exact: smaller side^2 x larger. */
BA_API int ba_cosy(const double *control, size_t n_control, const double *explanation,
    size_t n_explanation, ba_cosy_t *out);

#ifdef __cplusplus
}
#endif

#endif
