/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode fit: from an opened data set to a result file. */
#include "encode/encoder_file.h"
#include "encode/score_table.h"

#include "brainalign/version.h"
#include "core/alloc.h"
#include "core/resource.h"
#include "datasets/fold_ids.h"
#include "datasets/provenance.h"
#include "encode/fingerprint.h"

#include <math.h>
#include <string.h>

/* Seconds next to a held-out sample in which haemodynamic responses still overlap. */
#define HAEMODYNAMIC_SECONDS 16.0

ba_encode_fit_opts_t
ba_encode_fit_opts_default(void)
{
    return (ba_encode_fit_opts_t){
        .fit = ba_fit_opts_default(), .gap_inner = -1, .gap_outer = -1};
}

/* Everything between the options and the fit. */
typedef struct {
    ba_predictors_t train, test;
    ba_fit_data_t data;
    ba_fit_opts_t fit;
    ba_detrend_opts_t detrend;
    int32_t *cv_ids, *outer_ids;
    char *id_files[3]; /* of fold ids, ends with NULL */
} job_t;

/* The file of a SPEC of fold ids joins the list of inputs. */
static int
note_id_file(job_t *job, const char *text)
{
    int status = BA_OK;
    ba_spec_t spec;
    size_t n = job->id_files[0] ? 1 : 0;

    BA_TRY(ba_spec_parse(text, &spec));
    job->id_files[n] = ba_strdup(spec.file);
    ba_spec_free(&spec);
    status = job->id_files[n] ? BA_OK : BA_NOMEM;
out:
    return status;
}

static int
read_fold_ids(
    const ba_ctx_t *ctx, size_t n_samples, ba_cv_opts_t *cv, job_t *job, int32_t **ids)
{
    int status = BA_OK;

    if (cv->kind == BA_CV_ROWS && !cv->ids) {
        BA_TRY(note_id_file(job, cv->spec));
    }
    BA_TRY(ba_fold_ids_read(ctx, n_samples, cv, ids));
out:
    return status;
}

static size_t
default_gap(const job_t *job, double tr)
{
    int smallest, largest;
    size_t gap, seconds;

    ba_predictors_delay_range(&job->train, &smallest, &largest);
    if (smallest == 0 && largest == 0) {
        return 0;
    }
    gap = (size_t) (largest > -smallest ? largest : -smallest);
    seconds = tr > 0.0 ? (size_t) ceil(HAEMODYNAMIC_SECONDS / tr - 1e-9) : 0;
    return seconds > gap ? seconds : gap;
}

static int
set_up_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, job_t *job)
{
    int status = BA_OK;
    size_t gap = default_gap(job, opts->tr);

    job->fit = opts->fit;
    job->fit.gap_inner = opts->gap_inner < 0 ? gap : (size_t) opts->gap_inner;
    job->fit.gap_outer = opts->gap_outer < 0 ? gap : (size_t) opts->gap_outer;
    BA_TRY(read_fold_ids(ctx, dataset->train.n_samples, &job->fit.cv, job, &job->cv_ids));
    BA_TRY(read_fold_ids(
        ctx, dataset->train.n_samples, &job->fit.outer_cv, job, &job->outer_ids));
    BA_TRY(ba_detrend_parse(opts->detrend ? opts->detrend : "none", &job->detrend));
    job->detrend.tr = opts->tr;
out:
    return status;
}

static ba_cdmat_t
nuisance_of(const ba_predictors_t *predictors, size_t n_samples)
{
    return (ba_cdmat_t){
        predictors->nuisance, n_samples, predictors->n_nuisance, n_samples};
}

static int
set_up(const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    job_t *job)
{
    int status = BA_OK;
    const ba_dataset_part_t *train = &dataset->train, *test = &dataset->test;

    if (!train->responses) {
        BA_TRY(ba_fail(
            BA_VALUE, "responses: none given, wanted --responses or a run table"));
    }
    BA_TRY(ba_predictors_read(ctx, dataset, train, opts->delays, opts->space_delays,
        opts->n_space_delays, opts->delay_across_runs, &job->train));
    job->data = (ba_fit_data_t){.design = job->train.design,
        .runs = &train->runs,
        .targets = train->responses,
        .detrend = &job->detrend,
        .nuisance = nuisance_of(&job->train, train->n_samples)};
    if (test->n_samples > 0 && train->nuisance && !test->nuisance) {
        BA_TRY(ba_fail(BA_VALUE, "nuisance: given for training but not for the test set, "
                                 "wanted both (a run table "
                                 "holds both)"));
    }
    if (test->n_samples > 0) {
        BA_TRY(ba_predictors_read(ctx, dataset, test, opts->delays, opts->space_delays,
            opts->n_space_delays, opts->delay_across_runs, &job->test));
        job->data.test_design = job->test.design;
        job->data.test_runs = &test->runs;
        job->data.test_targets = test->responses;
        job->data.test_nuisance = nuisance_of(&job->test, test->n_samples);
    }
    BA_TRY(set_up_fit(ctx, dataset, opts, job));
out:
    return status;
}

static void
job_free(job_t *job)
{
    ba_predictors_free(&job->train);
    ba_predictors_free(&job->test);
    ba_free(job->id_files[0]);
    ba_free(job->id_files[1]);
    ba_free(job->cv_ids);
    ba_free(job->outer_ids);
}

/* ---- warnings ---- */

static void
warn_before(const ba_ctx_t *ctx, const ba_dataset_t *dataset, double tr)
{
    double header_tr = dataset->image ? ba_image_tr(dataset->image) : 0.0;

    if (dataset->n_spaces > 1) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu feature spaces share one alpha; their scales decide between them",
            dataset->n_spaces);
    }
    if (tr > 30.0) {
        ba_ctx_log(
            ctx, BA_LOG_WARNING, "tr: %g seconds a sample; were milliseconds meant?", tr);
    }
    if (header_tr > 0.0 && tr > 0.0 && fabs(header_tr - tr) > 0.01 * header_tr) {
        ba_ctx_log(ctx, BA_LOG_WARNING, "tr: %g s given, the image header says %g s", tr,
            header_tr);
    }
}

static void
warn_after(const ba_ctx_t *ctx, const ba_fit_result_t *result, const ba_fit_info_t *info,
    int is_auto)
{
    static const char *const why[] = {
#define STATUS_NAME(name, value, words) words,
        BA_TARGET_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };
    double edges = info->edge_low + info->edge_high;

    if (ba_version_blas_is_pinned()) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "the BLAS runs its %s kernels, below what this CPU can do: same numbers, "
            "slower "
            "(is OPENBLAS_CORETYPE set?)",
            ba_version_blas_core());
    }
    if (edges > 0.05) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "alphas: of the targets with a positive inner score %.1f %% chose the "
            "smallest (%g) "
            "and %.1f %% the largest alpha (%g)%s",
            100 * info->edge_low, result->alphas[0], 100 * info->edge_high,
            result->alphas[result->n_alphas - 1],
            is_auto ? "" : "; a wider grid would serve them better");
    }
    for (int32_t code = 1; code < (int32_t) (sizeof why / sizeof *why); code++) {
        size_t n = 0;

        for (size_t t = 0; t < result->n_targets; t++) {
            n += result->status[t] == code;
        }
        if (n > 0 && code != BA_TARGET_NO_TEST) {
            ba_ctx_log(ctx, BA_LOG_WARNING, "%zu of %zu targets have no score: %s", n,
                result->n_targets, why[code]);
        }
    }
}

/* A test set that repeats the training stimulus misleads; one that repeats the recording
 * is no test. */
static int
check_test_is_new(const ba_ctx_t *ctx, const job_t *job, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = 0, n_test;

    if (!job->data.test_design) {
        return BA_OK;
    }
    n_test = job->data.test_runs->n_samples;
    BA_TRY(ba_fingerprint_count(
        job->test.row_hash, n_test, job->train.row_hash, result->n_samples, &n));
    if ((double) n > BA_COINCIDENCES * (double) n_test) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu of %zu feature rows of the test set are training rows too: the scores "
            "are not "
            "of a new stimulus",
            n, n_test);
    }
    if (result->n_targets < 2) {
        return BA_OK;
    }
    BA_TRY(ba_fingerprint_count(
        result->test_target_hash, n_test, result->target_hash, result->n_samples, &n));
    if (n > 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu rows of the test set are rows of the training responses, wanted new "
            "ones",
            ba_source_name(job->data.test_targets), n));
    }
out:
    return status;
}

/* Response rows that stand in more than one outer fold: the same recording given twice.
 */
static int
warn_duplicates(const ba_ctx_t *ctx, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = 0;

    if (result->n_targets < 2 || result->n_outer < 2) {
        return BA_OK;
    }
    BA_TRY(ba_fingerprint_duplicates(
        result->target_hash, result->outer_fold, result->n_samples, &n));
    if (n > 0) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu response rows stand in more than one outer fold: is a recording given "
            "twice?",
            n);
    }
out:
    return status;
}

static void
debug_account(const ba_ctx_t *ctx, const ba_fit_info_t *info)
{
    ba_ctx_log(ctx, BA_LOG_DEBUG,
        "factorisations: %zu%s; responses read %zu times; at most %.0f MiB planned",
        info->n_factorisations, info->shared_outer ? ", one for all outer folds" : "",
        info->n_passes, (double) info->bytes_planned / 1048576);
    ba_ctx_log(ctx, BA_LOG_DEBUG,
        "seconds: factorising %.2f, operators %.2f, tiles %.2f (waiting for responses "
        "%.2f); "
        "tiles at %.1f GFLOP/s",
        info->seconds_factor, info->seconds_operators, info->seconds_tiles,
        info->seconds_read, info->flops_tiles / info->seconds_tiles / 1e9);
}

/* ---- account ---- */

static void
sum_up(const ba_fit_result_t *result, ba_encode_fit_info_t *info)
{
    double sum_r = 0.0, sum_r2 = 0.0;

    info->n_outer = result->n_outer;
    info->max_r = NAN;
    for (size_t t = 0; t < result->n_targets; t++) {
        info->n_status[result->status[t]]++;
        if (result->status[t] != BA_TARGET_SCORED) {
            continue;
        }
        info->n_scored++;
        sum_r += result->r[t];
        sum_r2 += result->r2[t];
        if (!(result->r[t] <= info->max_r)) {
            info->max_r = result->r[t];
            info->max_r_target = result->target_start + t;
        }
    }
    info->mean_r = info->n_scored ? sum_r / (double) info->n_scored : (double) NAN;
    info->mean_r2 = info->n_scored ? sum_r2 / (double) info->n_scored : (double) NAN;
}

static int
plan(const ba_ctx_t *ctx, const job_t *job, ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    size_t features = ba_predictors_bytes(&job->train, job->data.runs->n_samples);
    size_t *kept = NULL;
    ba_runs_t runs = {0};

    info->n_samples = job->data.runs->n_samples;
    info->n_columns = ba_design_n_columns(job->data.design);
    info->n_targets = (job->fit.target_stop ? job->fit.target_stop
                                            : ba_source_n_cols(job->data.targets)) -
                      job->fit.target_start;
    BA_TRY_ALLOC(kept, ba_malloc(info->n_samples, sizeof *kept));
    BA_TRY(ba_runs_trim(
        job->data.runs, job->fit.trim_first, job->fit.trim_last, kept, &runs));
    info->n_used = runs.n_samples;
    BA_TRY(ba_fit_plan(ctx, &job->data, &job->fit, &info->fit));
    info->fit.bytes_planned += features;
    info->n_outer = info->fit.n_outer;
out:
    ba_runs_free(&runs);
    ba_free(kept);
    return status;
}

/* ---- writing ---- */

static int
write_outputs(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts, job_t *job,
    const ba_provenance_t *provenance, const ba_fit_result_t *result,
    const ba_fit_info_t *info, ba_encoder_file_t *file)
{
    int status = BA_OK;
    ba_score_outputs_t outputs = {NULL, NULL};
    ba_score_columns_t columns = {result->target_start, result->n_targets, result->n_used,
        result->r, result->r2, result->best_alphas, result->status};

    BA_TRY(ba_score_outputs_make(
        dataset, &columns, opts->table, opts->map, opts->force, &outputs));
    BA_TRY(
        ba_encoder_file_write(file, dataset, opts, &job->fit, &job->train, result, info));
    BA_TRY(ba_provenance_write(
        provenance, dataset, (const char *const *) job->id_files, file->bundle));
    BA_TRY(ba_bundle_commit(file->bundle));
    BA_TRY(ba_score_outputs_commit(&outputs));
out:
    ba_score_outputs_free(&outputs);
    return status;
}

static int
fit_and_write(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, job_t *job, ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    ba_encoder_file_t file = {0};
    ba_fit_result_t result = {0};
    ba_fit_sink_t sink;
    size_t features = ba_predictors_bytes(&job->train, job->data.runs->n_samples);
    size_t n_rows =
        dataset->test.n_samples ? dataset->test.n_samples : dataset->train.n_samples;
    size_t n_folds = 0;

    if (job->fit.want_fold_weights && !job->data.test_design) {
        BA_TRY(ba_fit_n_outer(&job->data, &job->fit, &n_folds));
    }
    BA_TRY(ba_encoder_file_create(
        opts, job->train.design, n_rows, info->n_targets, n_folds, &file));
    sink = ba_encoder_file_sink(&file);
    BA_TRY(ba_fit_run(ctx, &job->data, &job->fit, &sink, &result, &info->fit));
    info->fit.bytes_planned += features;
    BA_TRY(check_test_is_new(ctx, job, &result));
    BA_TRY(warn_duplicates(ctx, &result));
    debug_account(ctx, &info->fit);
    warn_after(ctx, &result, &info->fit, opts->fit.alphas.n == 0);
    sum_up(&result, info);
    BA_TRY(write_outputs(dataset, opts, job, &provenance, &result, &info->fit, &file));
    info->seconds = ba_seconds() - provenance.start_seconds;
    info->peak_bytes = ba_peak_bytes();
out:
    ba_encoder_file_close(&file);
    ba_bundle_free(file.bundle);
    ba_fit_result_free(&result);
    return status;
}

int
ba_encode_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    job_t job = {0};
    ba_encode_fit_info_t account = {0};

    if (!opts->output && !opts->dry_run) {
        BA_TRY(
            ba_fail(BA_VALUE, "output: none given, wanted the name of the result file"));
    }
    if (opts->map && opts->fit.outer_cv.kind == BA_CV_NONE &&
        dataset->test.n_samples == 0) {
        BA_TRY(ba_fail(BA_VALUE, "map: there are no scores to map with outer-cv none"));
    }
    BA_TRY(ba_score_outputs_check(
        dataset, opts->output, opts->table, opts->map, opts->force));
    BA_TRY(set_up(ctx, dataset, opts, &job));
    BA_TRY(plan(ctx, &job, &account));
    warn_before(ctx, dataset, opts->tr);
    if (!opts->dry_run) {
        BA_TRY(fit_and_write(ctx, dataset, opts, &job, &account));
    }
    if (info) {
        *info = account;
    }
out:
    job_free(&job);
    return status;
}
