/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stacking the spaces that were fitted each: from their files to OUTPUT/stacked.h5. */
#include "encode/each.h"
#include "encode/encoder_file.h"
#include "encode/encoder_job.h"
#include "encode/score_table.h"

#include "brainalign/encoder.h"
#include "core/alloc.h"
#include "datasets/provenance.h"
#include "fit/stack.h"
#include "io/bundle_walk.h"

#include <math.h>
#include <string.h>

typedef struct {
    ba_each_t *each;
    size_t n; /* models */
    ba_each_space_t *spaces;
    ba_encode_job_t *jobs;
    ba_stack_model_t *models;
    double **alphas; /* 2 n: final, by fold */
    char *file;      /* OUTPUT/stacked.h5 */
    char *table, *map;
} stacking_t;

static int
name_outputs(stacking_t *stacking)
{
    int status = BA_OK;
    const ba_encode_fit_opts_t *opts = stacking->each->opts;

    BA_TRY_ALLOC(stacking->file, ba_asprintf("%s/stacked.h5", opts->output));
    BA_TRY(ba_output_name(opts->table, "stacked", &stacking->table));
    BA_TRY(ba_output_name(opts->map, "stacked", &stacking->map));
out:
    return status;
}

static void
free_names(stacking_t *stacking)
{
    ba_free(stacking->file);
    ba_free(stacking->table);
    ba_free(stacking->map);
}

int
ba_each_stack_check(ba_each_t *each)
{
    int status;
    stacking_t names = {.each = each};

    BA_TRY(name_outputs(&names));
    BA_TRY(ba_score_outputs_check(
        each->dataset, names.file, names.table, names.map, each->opts->force));
    if (each->dataset->n_spaces < 2 || each->dataset->n_spaces > BA_MOST_MODELS) {
        BA_TRY(ba_fail(BA_VALUE, "stack: %zu feature spaces, wanted 2 to %d",
            each->dataset->n_spaces, BA_MOST_MODELS));
    }
out:
    free_names(&names);
    return status;
}

static int
read_numbers(const ba_bundle_t *bundle, const char *path, double **out)
{
    int status, rank;
    size_t dims[BA_MAX_RANK], n = 1;

    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    for (int i = 0; i < rank; i++) {
        n *= dims[i];
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    BA_TRY(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, *out));
out:
    return status;
}

/* The alphas that the fit chose, from its file: it may have been finished before. */
static int
read_alphas(const char *file, double **final, double **by_fold)
{
    int status;
    ba_bundle_t *bundle = NULL;

    BA_TRY(ba_bundle_open(file, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(read_numbers(bundle, "/best_alphas", final));
    if (ba_bundle_has(bundle, "/best_alphas_by_fold")) {
        BA_TRY(read_numbers(bundle, "/best_alphas_by_fold", by_fold));
    }
out:
    ba_bundle_free(bundle);
    return status;
}

static int
open_models(stacking_t *stacking)
{
    int status = BA_OK;
    size_t n = stacking->n;

    BA_TRY_ALLOC(stacking->spaces, ba_calloc(n, sizeof *stacking->spaces));
    BA_TRY_ALLOC(stacking->jobs, ba_calloc(n, sizeof *stacking->jobs));
    BA_TRY_ALLOC(stacking->models, ba_calloc(n, sizeof *stacking->models));
    BA_TRY_ALLOC(stacking->alphas, ba_calloc(2 * n, sizeof *stacking->alphas));
    for (size_t k = 0; k < n; k++) {
        ba_each_space_t *space = &stacking->spaces[k];
        ba_encode_job_t *job = &stacking->jobs[k];
        const ba_fit_opts_t *first = &stacking->jobs[0].fit;

        BA_TRY(ba_each_space_open(stacking->each, k, space));
        BA_TRY(
            ba_encode_job_open(stacking->each->ctx, &space->dataset, &space->opts, job));
        if (job->fit.gap_inner != first->gap_inner ||
            job->fit.gap_outer != first->gap_outer) {
            BA_TRY(ba_fail(BA_VALUE,
                "stack: gaps of %zu and %zu samples by the delays of the spaces, wanted "
                "one (--cv-gap)",
                first->gap_inner, job->fit.gap_inner));
        }
        job->data.responses = stacking->each->responses;
        BA_TRY(read_alphas(
            space->file, &stacking->alphas[2 * k], &stacking->alphas[2 * k + 1]));
        stacking->models[k] = (ba_stack_model_t){
            &job->data, stacking->alphas[2 * k], stacking->alphas[2 * k + 1]};
    }
out:
    return status;
}

static void
close_models(stacking_t *stacking)
{
    for (size_t k = 0; stacking->jobs && stacking->spaces && k < stacking->n; k++) {
        ba_encode_job_close(&stacking->jobs[k]);
        ba_each_space_close(&stacking->spaces[k]);
    }
    for (size_t k = 0; stacking->alphas && k < 2 * stacking->n; k++) {
        ba_free(stacking->alphas[k]);
    }
    ba_free(stacking->spaces);
    ba_free(stacking->jobs);
    ba_free(stacking->models);
    ba_free(stacking->alphas);
    free_names(stacking);
}

/* What is the same for a stack as for any of its models: preparation, splits, targets. */
static int
copy_common(const char *file, ba_bundle_t *to)
{
    int status;
    static const char *const attrs[] = {"n_samples", "n_samples_used", "target_range",
        "n_targets_total", "precision", "cv", "outer_cv", "cv_gap", "scale_responses",
        "zscore_runs", "trim", "tr", "detrend"};
    static const char *const arrays[] = {"/splits/run", "/splits/outer", "/splits/inner",
        "/splits/response_hash", "/targets/name", "/targets/ijk", "/targets/mm"};
    ba_bundle_t *from = NULL;
    ba_bundle_content_t content = {0};

    BA_TRY(ba_bundle_open(file, BA_ENCODER_FORMAT, &from));
    BA_TRY(ba_bundle_content(from, &content));
    for (size_t i = 0; i < content.n_attrs; i++) {
        for (size_t k = 0; k < sizeof attrs / sizeof *attrs; k++) {
            if (strcmp(content.attrs[i].object, "/") == 0 &&
                strcmp(content.attrs[i].name, attrs[k]) == 0) {
                BA_TRY(ba_bundle_copy_attr(&content.attrs[i], to));
            }
        }
    }
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
        const ba_bundle_array_t *array = ba_bundle_find_array(&content, arrays[k]);

        if (array) {
            BA_TRY(ba_bundle_copy_array(from, array, to));
        }
    }
out:
    ba_bundle_content_free(&content);
    ba_bundle_free(from);
    return status;
}

static int
write_scores(ba_bundle_t *bundle, const ba_stack_result_t *result)
{
    int status;
    size_t v = result->n_targets, n = result->n_outer, m = result->n_models;

    BA_TRY(ba_bundle_write(bundle, "/scores/r", BA_F64, 1, &v, result->r));
    BA_TRY(ba_bundle_write(bundle, "/scores/r2", BA_F64, 1, &v, result->r2));
    BA_TRY(ba_bundle_write(bundle, "/scores/n_folds", BA_I32, 1, &v, result->n_folds));
    BA_TRY(ba_bundle_write(
        bundle, "/stack/weights", BA_F64, 2, (size_t[]){m, v}, result->weights));
    if (n > 0) {
        BA_TRY(ba_bundle_write(
            bundle, "/scores/r_by_fold", BA_F64, 2, (size_t[]){n, v}, result->r_by_fold));
        BA_TRY(ba_bundle_write(bundle, "/scores/r2_by_fold", BA_F64, 2, (size_t[]){n, v},
            result->r2_by_fold));
        BA_TRY(ba_bundle_write(bundle, "/stack/weights_by_fold", BA_F64, 3,
            (size_t[]){n, m, v}, result->weights_by_fold));
    }
    BA_TRY(ba_bundle_attr_f64(bundle, "/stack", "certificate", 1, &result->certificate));
    BA_TRY(ba_encoder_file_status(bundle, v, result->status));
out:
    return status;
}

static int
write_file(const stacking_t *stacking, const ba_provenance_t *provenance,
    const ba_stack_result_t *result, ba_bundle_t *bundle)
{
    int status;
    const ba_dataset_t *dataset = stacking->each->dataset;
    const char **files = NULL;

    BA_TRY_ALLOC(files, ba_calloc(stacking->n + 1, sizeof *files));
    for (size_t k = 0; k < stacking->n; k++) {
        files[k] = stacking->spaces[k].file;
    }
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-stack"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(copy_common(stacking->spaces[0].file, bundle));
    BA_TRY(write_scores(bundle, result));
    BA_TRY(ba_bundle_write_strings(bundle, "/features/space_names", stacking->n,
        (const char *const *) dataset->space_names));
    BA_TRY(ba_provenance_write(provenance, dataset, files, bundle));
out:
    ba_free(files);
    return status;
}

/* Table and map first, under temporary names, as encode fit writes them. */
static int
write_outputs(const stacking_t *stacking, const ba_provenance_t *provenance,
    const ba_stack_result_t *result, ba_bundle_t *bundle)
{
    int status;
    const ba_each_t *each = stacking->each;
    ba_score_outputs_t outputs = {NULL, NULL};
    ba_score_columns_t columns = {.target_start = result->target_start,
        .n_targets = result->n_targets,
        .n_samples = result->n_used,
        .r = result->r,
        .r2 = result->r2,
        .status = result->status};

    BA_TRY(ba_score_outputs_make(each->dataset, &columns, stacking->table, stacking->map,
        each->opts->force, &outputs));
    BA_TRY(write_file(stacking, provenance, result, bundle));
    BA_TRY(ba_bundle_commit(bundle));
    BA_TRY(ba_score_outputs_commit(&outputs));
out:
    ba_score_outputs_free(&outputs);
    return status;
}

static double
mean_score(const ba_stack_result_t *result)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t t = 0; t < result->n_targets; t++) {
        if (result->status[t] == BA_TARGET_SCORED) {
            sum += result->r[t];
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static int
fit_stack(stacking_t *stacking, ba_encode_each_info_t *info)
{
    int status;
    const ba_each_t *each = stacking->each;
    const ba_dataset_t *dataset = each->dataset;
    ba_provenance_t provenance =
        ba_provenance_start(each->ctx, each->opts->argc, each->opts->argv);
    ba_encode_fit_opts_t opts = stacking->spaces[0].opts;
    const ba_encode_job_t *job = &stacking->jobs[0];
    ba_encoder_file_t file = {0};
    ba_stack_result_t result = {0};
    ba_fit_sink_t sink;
    size_t n_rows =
        dataset->test.n_samples ? dataset->test.n_samples : dataset->train.n_samples;
    size_t stop =
        job->fit.target_stop ? job->fit.target_stop : ba_source_n_cols(job->data.targets);

    opts.output = stacking->file;
    opts.fit.want_weights = opts.fit.want_fold_weights = 0;
    BA_TRY(ba_encoder_file_create(
        &opts, job->train.design, n_rows, stop - job->fit.target_start, 0, &file));
    sink = ba_encoder_file_sink(&file);
    BA_TRY(ba_stack_fit(
        each->ctx, stacking->models, stacking->n, &job->fit, &sink, &result));
    info->stack_r = mean_score(&result);
    BA_TRY(write_outputs(stacking, &provenance, &result, file.bundle));
out:
    ba_stack_result_free(&result);
    ba_encoder_file_close(&file);
    ba_bundle_free(file.bundle);
    return status;
}

int
ba_each_stack(ba_each_t *each, ba_encode_each_info_t *info)
{
    int status;
    stacking_t stacking = {.each = each, .n = each->dataset->n_spaces};

    BA_TRY(name_outputs(&stacking));
    BA_TRY(open_models(&stacking));
    BA_TRY(fit_stack(&stacking, info));
out:
    close_models(&stacking);
    return status;
}
