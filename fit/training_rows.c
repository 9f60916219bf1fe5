/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fit/training_rows.h"

#include "core/alloc.h"
#include "fit/fit_impl.h"

int
ba_fit_training_rows(const ba_fit_data_t *data, const ba_fit_opts_t *opts,
    unsigned char **out, size_t *n_sets)
{
    int status;
    plan_t plan = {0};
    ba_fit_opts_t all = *opts;

    *out = NULL;
    all.only_fold = 0;
    all.scores_only = 0;
    BA_TRY(ba_plan_make(NULL, data, &all, &plan));
    *n_sets = plan.n_problems;
    BA_TRY_ALLOC(*out, ba_calloc(plan.n_problems, plan.n_samples));
    for (size_t k = 0; k < plan.n_problems; k++) {
        const problem_t *problem = &plan.problems[k];

        for (size_t i = 0; i < problem->n_train; i++) {
            (*out)[k * plan.n_samples + plan.rows[problem->train[i]]] = 1;
        }
    }
out:
    ba_plan_free(&plan);
    return status;
}
