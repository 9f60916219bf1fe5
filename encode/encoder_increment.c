/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all spaces predict beyond some of them: the controls are fitted alone, with the
 * same splits and alphas of their own. */
#include "encode/inference.h"

#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int
is_named(const ba_inference_opts_t *opts, const char *space)
{
    for (size_t i = 0; i < opts->n_controls; i++) {
        if (strcmp(opts->controls[i], space) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The named spaces in the order of the data set. */
static int
pick_spaces(const ba_dataset_t *dataset, const ba_inference_opts_t *opts,
    const ba_predictors_t *from, const ba_runs_t *runs, int across_runs,
    ba_space_t **spaces, ba_design_t **design)
{
    int status = BA_OK;
    size_t n = 0;

    BA_TRY_ALLOC(*spaces, ba_calloc(from->n_spaces, sizeof **spaces));
    for (size_t k = 0; k < from->n_spaces; k++) {
        if (is_named(opts, dataset->space_names[k])) {
            (*spaces)[n++] = from->spaces[k];
        }
    }
    BA_TRY(ba_design_new(*spaces, n, runs,
        across_runs ? BA_DELAY_ACROSS_RUNS : BA_DELAY_WITHIN_RUNS, design));
out:
    return status;
}

/* The candidates that these spaces have by themselves. */
static int
pick_gammas(
    const ba_dataset_t *dataset, const ba_inference_opts_t *opts, ba_encode_job_t *job)
{
    int status = BA_OK;
    const ba_bands_t *bands = &job->fit.bands;
    ba_control_t *control = &job->control;
    uint8_t *wanted = NULL;
    size_t n = bands->n_spaces;

    BA_TRY_ALLOC(wanted, ba_calloc(n, sizeof *wanted));
    BA_TRY_ALLOC(
        control->gammas, ba_calloc(bands->n_candidates, n * sizeof *control->gammas));
    for (size_t k = 0; k < n; k++) {
        wanted[k] = (uint8_t) is_named(opts, dataset->space_names[k]);
        control->n_spaces += wanted[k];
    }
    control->n_gammas = ba_bands_part(bands, wanted, control->gammas);
    if (control->n_gammas == 0) {
        BA_TRY(ba_fail(
            BA_VALUE, "bands: no candidate with a control space, wanted one at least"));
    }
    for (size_t i = 0, at = 0; i < control->n_gammas * n; i++) {
        if (wanted[i % n]) {
            control->gammas[at++] = control->gammas[i];
        }
    }
out:
    ba_free(wanted);
    return status;
}

int
ba_inference_controls(
    const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts, ba_encode_job_t *job)
{
    int status = BA_OK;
    ba_control_t *control = &job->control;

    if (opts->inference.n_controls == 0) {
        return BA_OK;
    }
    BA_TRY(pick_spaces(dataset, &opts->inference, &job->train, job->data.runs,
        opts->delay_across_runs, &control->spaces, &control->design));
    if (job->data.test_design) {
        BA_TRY(pick_spaces(dataset, &opts->inference, &job->test, job->data.test_runs,
            opts->delay_across_runs, &control->test_spaces, &control->test_design));
    }
    if (job->fit.bands.gammas) {
        BA_TRY(pick_gammas(dataset, &opts->inference, job));
    }
out:
    return status;
}

ba_fit_opts_t
ba_encode_control_opts(const ba_encode_job_t *job)
{
    ba_fit_opts_t opts = job->fit;

    opts.want_weights = opts.want_fold_weights = opts.want_cv = 0;
    opts.want_predictions = job->inference.null.n_permutations > 0;
    if (job->control.gammas) {
        opts.bands.gammas = job->control.gammas;
        opts.bands.n_candidates = job->control.n_gammas;
        opts.bands.n_spaces = job->control.n_spaces;
    }
    return opts;
}

/* Takes an array out of a result. */
static double *
take(double **from)
{
    double *array = *from;

    *from = NULL;
    return array;
}

void
ba_encode_mean_increment(
    const ba_fit_result_t *full, const ba_fit_result_t *control, double *out)
{
    size_t v = full->n_targets;

    for (size_t t = 0; t < v; t++) {
        double sum = 0.0;
        size_t n = 0;

        for (size_t f = 0; f < full->n_outer; f++) {
            double gain = full->r2_by_fold[f * v + t] - control->r2_by_fold[f * v + t];

            if (isfinite(gain)) {
                sum += gain;
                n++;
            }
        }
        out[t] = n > 0 ? sum / (double) n : (double) NAN;
    }
}

static void
name_controls(const ba_inference_opts_t *opts, char *words, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < opts->n_controls && length < size; i++) {
        length += (size_t) snprintf(
            words + length, size - length, "%s%s", i > 0 ? ", " : "", opts->controls[i]);
    }
}

int
ba_encode_increment(
    ba_inferring_t *inferring, const ba_fit_result_t *result, ba_inference_t *out)
{
    int status = BA_OK;
    const ba_encode_job_t *job = inferring->job;
    ba_fit_opts_t opts = ba_encode_control_opts(job);
    ba_fit_data_t data = job->data;
    ba_fit_sink_t sink = {0}, nothing = {0};
    ba_fit_result_t control = {0};

    data.design = job->control.design;
    data.test_design = job->control.test_design;
    if (inferring->null) {
        BA_TRY(ba_kept_new(&inferring->ctx, &inferring->plan, inferring->in_memory,
            &inferring->control));
        sink = ba_kept_sink(&inferring->control, nothing);
    }
    status = ba_fit_run(&inferring->ctx, &data, &opts, &sink, &control, NULL);
    if (status != BA_OK) {
        status = status == BA_CANCELLED ? status : ba_fail_within(status, "controls");
        goto out;
    }
    if (inferring->null) {
        BA_TRY(ba_kept_finish(&inferring->control));
    }
    name_controls(&job->inference, out->control_words, sizeof out->control_words);
    BA_TRY_ALLOC(
        out->increment_r2, ba_malloc(result->n_targets, sizeof *out->increment_r2));
    ba_encode_mean_increment(result, &control, out->increment_r2);
    out->control_r = take(&control.r);
    out->control_r2 = take(&control.r2);
out:
    ba_fit_result_free(&control);
    return status;
}
