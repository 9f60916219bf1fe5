/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variance partitioning by banded refits.
 *
 * R(S): cross-validated r2 of the model with the spaces S, each with penalties of its
 * own, R() = 0. In a Venn diagram of variance the spaces S cover R(S); what a set B has
 * that the others do not is U(B) = R(all) - R(all but B) = sum of the components within B,
 * so that component A = sum over B of A of (-1)^(|A| - |B|) U(B) (Moebius inversion; de
 * Heer et al. 2017, J. Neurosci. 37:6539 for three spaces). Cross-validated r2 is no
 * measure: noise and correlations of opposite sign make components negative. They are
 * left as they are. */
#include "encode/partition_impl.h"

#include "core/alloc.h"
#include "core/resource.h"
#include "datasets/provenance.h"

#include <math.h>
#include <string.h>

/* Mean over the folds where defined. */
static double
mean_of_folds(const double *by_fold, size_t n_folds, size_t v, size_t t)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t f = 0; f < n_folds; f++) {
        if (isfinite(by_fold[f * v + t])) {
            sum += by_fold[f * v + t];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static int
find_scores(ba_partition_t *partition)
{
    int status = BA_OK;
    const ba_fit_result_t *result = &partition->result;
    size_t v = result->n_targets, n = partition->parts.n_models, folds = result->n_outer;

    BA_TRY_ALLOC(partition->r, ba_malloc(n, v * sizeof *partition->r));
    BA_TRY_ALLOC(partition->r2, ba_malloc(n, v * sizeof *partition->r2));
    for (size_t m = 0; m < n; m++) {
        for (size_t t = 0; t < v; t++) {
            partition->r[m * v + t] =
                mean_of_folds(result->model_r_by_fold + m * folds * v, folds, v, t);
            partition->r2[m * v + t] =
                mean_of_folds(result->model_r2_by_fold + m * folds * v, folds, v, t);
        }
    }
out:
    return status;
}

/* R(all but B) of target t, 0 where nothing is left. */
static double
without(const ba_partition_t *partition, uint32_t set, size_t t)
{
    const ba_parts_t *parts = &partition->parts;
    size_t v = partition->result.n_targets;
    uint32_t left = parts->sets[parts->n_models - 1] & ~set;
    double all = partition->r2[(parts->n_models - 1) * v + t];

    return left ? partition->r2[ba_parts_model(parts, left) * v + t] : 0.0 * all;
}

static double
component(const ba_partition_t *partition, uint32_t set, size_t t)
{
    const ba_parts_t *parts = &partition->parts;
    size_t v = partition->result.n_targets;
    double all = partition->r2[(parts->n_models - 1) * v + t], sum = 0.0;

    for (uint32_t part = set; part; part = (part - 1) & set) {
        uint32_t absent = set & ~part;
        double sign = 1.0;

        for (; absent; absent &= absent - 1) {
            sign = -sign;
        }
        sum += sign * (all - without(partition, part, t));
    }
    return sum;
}

static int
find_parts(ba_partition_t *partition)
{
    int status = BA_OK;
    const ba_parts_t *parts = &partition->parts;
    size_t v = partition->result.n_targets, n = parts->n_spaces;
    const double *all = partition->r2 + (parts->n_models - 1) * v;

    BA_TRY_ALLOC(partition->unique, ba_malloc(n, v * sizeof *partition->unique));
    BA_TRY_ALLOC(partition->total, ba_malloc(n, v * sizeof *partition->total));
    BA_TRY_ALLOC(partition->shared, ba_malloc(n, v * sizeof *partition->shared));
    for (size_t k = 0; k < n; k++) {
        const double *rest = partition->r2 + parts->without[k] * v;

        for (size_t t = 0; t < v; t++) {
            size_t at = k * v + t;

            partition->total[at] = partition->r2[parts->alone[k] * v + t];
            partition->unique[at] = all[t] - rest[t];
            partition->shared[at] = partition->total[at] - partition->unique[at];
        }
    }
    if (n > BA_MOST_VENN) {
        return BA_OK;
    }
    partition->n_components = parts->n_models;
    BA_TRY_ALLOC(partition->components,
        ba_malloc(parts->n_models, v * sizeof *partition->components));
    for (size_t i = 0; i < parts->n_models; i++) {
        for (size_t t = 0; t < v; t++) {
            partition->components[i * v + t] = component(partition, parts->sets[i], t);
        }
    }
out:
    return status;
}

static double
mean_of_scored(const double *values, const ba_fit_result_t *result)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t t = 0; t < result->n_targets; t++) {
        if (result->status[t] == BA_TARGET_SCORED && isfinite(values[t])) {
            sum += values[t];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static void
sum_up(const ba_partition_t *partition, ba_partition_info_t *info)
{
    const ba_fit_result_t *result = &partition->result;
    size_t v = result->n_targets, n = partition->parts.n_spaces;

    info->n_components = partition->n_components;
    for (size_t t = 0; t < v; t++) {
        info->n_scored += result->status[t] == BA_TARGET_SCORED;
    }
    info->mean_r2 =
        mean_of_scored(partition->r2 + (partition->parts.n_models - 1) * v, result);
    for (size_t k = 0; k < n; k++) {
        info->total[k] = mean_of_scored(partition->total + k * v, result);
        info->unique[k] = mean_of_scored(partition->unique + k * v, result);
        info->shared[k] = mean_of_scored(partition->shared + k * v, result);
        for (size_t t = 0; partition->tests && t < v; t++) {
            info->n_q[k] += partition->tests[k].q[t] < 0.05;
            info->n_fwe[k] += partition->tests[k].p_fwe[t] < 0.05;
        }
    }
    if (partition->tests) {
        info->null = partition->tests[0].info;
    }
}

static int
check_options(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts)
{
    const ba_inference_opts_t *inference = &opts->inference;

    if (!opts->output && !opts->dry_run) {
        return ba_fail(
            BA_VALUE, "output: none given, wanted the name of the result file");
    }
    if (!opts->bands) {
        return ba_fail(BA_VALUE, "bands: none, wanted candidates for a partition");
    }
    if (dataset->n_spaces < 2 || dataset->n_spaces > BA_MOST_PARTS) {
        return ba_fail(BA_SHAPE, "partition: %zu feature spaces, wanted 2 to %d",
            dataset->n_spaces, BA_MOST_PARTS);
    }
    if (opts->fit.bands.n_rounds > 0) {
        return ba_fail(BA_VALUE, "bands: refinement, which a partition does not do");
    }
    if (inference->n_controls > 0 || inference->has_ceiling || opts->map ||
        opts->n_shards > 0 || opts->resume) {
        return ba_fail(BA_VALUE, "partition: controls, ceilings, maps and shards are of "
                                 "fits, wanted none of them");
    }
    if (inference->null.n_permutations > 0 &&
        (inference->refit == BA_REFIT_ALWAYS ||
            (inference->null.kind != BA_NULL_COSINE &&
                inference->null.kind != BA_NULL_BLOCKS))) {
        return ba_fail(
            BA_VALUE, "null: wanted cosine or blocks:L, which test increments");
    }
    if (opts->fit.outer_cv.kind == BA_CV_NONE && dataset->test.n_samples == 0) {
        return ba_fail(BA_VALUE,
            "outer-cv: none without a fixed test set, wanted scores to partition");
    }
    return BA_OK;
}

static int
set_up(ba_partition_t *partition)
{
    int status;
    ba_fit_opts_t *fit = &partition->fit;

    BA_TRY(check_options(partition->dataset, partition->opts));
    BA_TRY(ba_score_outputs_check(partition->dataset, partition->opts->output,
        partition->opts->table, NULL, partition->opts->force));
    BA_TRY(ba_encode_job_open(
        partition->ctx, partition->dataset, partition->opts, &partition->job));
    BA_TRY(ba_parts_make(&partition->job.fit.bands, &partition->parts));
    *fit = partition->job.fit;
    fit->bands = partition->parts.bands;
    fit->want_weights = fit->want_fold_weights = fit->want_cv = 0;
    fit->want_predictions = partition->opts->inference.null.n_permutations > 0;
    fit->scores_only = 1;
    partition->job.fit = *fit;
    BA_TRY(ba_partition_test_start(partition));
out:
    return status;
}

static int
run(ba_partition_t *partition, ba_partition_info_t *info)
{
    int status;
    const ba_encode_fit_opts_t *opts = partition->opts;
    ba_provenance_t provenance =
        ba_provenance_start(partition->ctx, opts->argc, opts->argv);
    ba_fit_sink_t sink = ba_partition_sink(partition);

    BA_TRY(ba_fit_run(&partition->inferring.ctx, &partition->job.data, &partition->fit,
        &sink, &partition->result, &info->fit));
    BA_TRY(ba_encode_check_test(&partition->job, &partition->result));
    BA_TRY(ba_encode_warn_after(
        partition->ctx, &partition->result, &info->fit, opts->fit.alphas.n == 0));
    BA_TRY(find_scores(partition));
    BA_TRY(find_parts(partition));
    BA_TRY(ba_partition_test(partition));
    sum_up(partition, info);
    BA_TRY(ba_partition_write(partition, &provenance, &info->fit));
out:
    return status;
}

static void
tear_down(ba_partition_t *partition)
{
    ba_partition_test_free(partition);
    ba_fit_result_free(&partition->result);
    ba_free(partition->r);
    ba_free(partition->r2);
    ba_free(partition->unique);
    ba_free(partition->total);
    ba_free(partition->shared);
    ba_free(partition->components);
    ba_parts_free(&partition->parts);
    ba_encode_job_close(&partition->job);
}

int
ba_encode_partition(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_partition_info_t *info)
{
    int status;
    ba_partition_t partition = {.ctx = ctx, .dataset = dataset, .opts = opts};
    ba_partition_info_t account = {0};
    ba_encode_fit_info_t plan = {0};
    double start = ba_seconds();

    BA_TRY(set_up(&partition));
    BA_TRY(ba_encode_job_plan(&partition.inferring.ctx, &partition.job, &plan));
    BA_TRY(ba_encode_warn_before(ctx, dataset, &partition.job));
    account.fit = plan.fit;
    account.n_samples = plan.n_samples;
    account.n_used = plan.n_used;
    account.n_targets = plan.n_targets;
    account.n_spaces = partition.parts.n_spaces;
    account.n_models = partition.parts.n_models;
    if (!opts->dry_run) {
        BA_TRY(run(&partition, &account));
    }
    account.seconds = ba_seconds() - start;
    account.peak_bytes = ba_peak_bytes();
    if (info) {
        *info = account;
    }
out:
    tear_down(&partition);
    return status;
}
