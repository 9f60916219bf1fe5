/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Response columns scored by what the columns around them say of the targets in the inner
 * splits of each fold (model/searchlight.c). A sample's response is the mean over its
 * delays. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "fit/fit_impl.h"
#include "model/scale.h"
#include "model/searchlight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Penalties where none are given, times the training rows: with z-scored columns that is
 * the mean eigenvalue of a neighbourhood. */
static const double auto_alphas[] = {0.01, 0.1, 1.0, 10.0};

enum { N_AUTO = sizeof auto_alphas / sizeof *auto_alphas };

/* ---- neighbourhoods ---- */

/* Where the columns are: n_voxels x n_dims. */
typedef struct {
    double *at;
    size_t n_dims;
    ba_reach_t reach;
    double radius;
} positions_t;

static int
parse_radius(const char *text, double *radius, int *is_mm)
{
    char *end;

    *radius = strtod(text, &end);
    *is_mm = strcmp(end, "mm") == 0;
    if (end == text || (*end && !*is_mm) || !(*radius > 0.0) || isinf(*radius)) {
        return ba_fail(BA_VALUE,
            "radius: '%s', wanted a positive number of voxels such as 2, or 6mm", text);
    }
    return BA_OK;
}

/* Coordinates that were given, of the columns that are used. */
static int
read_positions(const ba_ctx_t *ctx, const ba_decoder_job_t *job, positions_t *out)
{
    int status = BA_OK;
    const char *spec = job->opts->voxel_positions;
    const ba_decoder_inputs_t *inputs = &job->inputs;
    size_t n_cols = ba_source_n_cols(job->dataset->train.responses), n;
    ba_source_t *source = NULL;
    double *all = NULL;

    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    n = ba_source_n_rows(source);
    out->n_dims = ba_source_n_cols(source);
    if (n != n_cols) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu positions, wanted one for each of %zu response columns", spec, n,
            n_cols));
    }
    BA_TRY_ALLOC(all, ba_malloc(n, out->n_dims * sizeof *all));
    BA_TRY_ALLOC(out->at, ba_malloc(inputs->n_voxels, out->n_dims * sizeof *out->at));
    BA_TRY(ba_source_read(source, 0, 0, n, 0, out->n_dims, all, n));
    for (size_t i = 0; i < inputs->n_voxels * out->n_dims; i++) {
        size_t j = i / out->n_dims, d = i % out->n_dims;
        size_t row = inputs->columns ? inputs->columns[j] : j;

        out->at[i] = all[row + d * n];
        if (!isfinite(out->at[i])) {
            BA_TRY(ba_fail(BA_NONFINITE,
                "%s: row %zu, column %zu (from 0) is %g, wanted finite numbers", spec,
                row, d, out->at[i]));
        }
    }
out:
    ba_source_close(source);
    ba_free(all);
    return status;
}

static int
take_voxels(const ba_decoder_job_t *job, int is_mm, positions_t *out)
{
    int status = BA_OK;
    const ba_decoder_inputs_t *inputs = &job->inputs;
    int32_t *ijk = NULL;
    double *mm = NULL;

    BA_TRY(ba_places_of_image(job->dataset->image, &ijk, &mm));
    out->n_dims = 3;
    BA_TRY_ALLOC(out->at, ba_malloc(inputs->n_voxels, 3 * sizeof *out->at));
    for (size_t i = 0; i < 3 * inputs->n_voxels; i++) {
        size_t column = inputs->columns ? inputs->columns[i / 3] : i / 3;
        size_t from = 3 * column + i % 3;

        out->at[i] = is_mm ? mm[from] : (double) ijk[from];
    }
out:
    ba_free(ijk);
    ba_free(mm);
    return status;
}

static int
find_positions(const ba_ctx_t *ctx, const ba_decoder_job_t *job, positions_t *out)
{
    int status = BA_OK, is_mm = 0;
    const ba_decode_fit_opts_t *opts = job->opts;

    *out = (positions_t){.reach = BA_REACH_CUBE, .radius = 1.0};
    if (opts->radius) {
        out->reach = BA_REACH_SPHERE;
        BA_TRY(parse_radius(opts->radius, &out->radius, &is_mm));
    }
    if (!opts->voxel_positions && !job->dataset->image) {
        BA_TRY(ba_fail(BA_VALUE, "voxel-score: searchlight without places of response "
                                 "columns, wanted images or voxel-positions"));
    }
    if (opts->voxel_positions && is_mm) {
        BA_TRY(ba_fail(BA_VALUE,
            "radius: '%s' with voxel-positions, wanted a number in their units",
            opts->radius));
    }
    if (opts->voxel_positions && !opts->radius) {
        BA_TRY(ba_fail(BA_VALUE,
            "voxel-positions: found without radius, wanted one in their units"));
    }
    BA_TRY(opts->voxel_positions ? read_positions(ctx, job, out)
                                 : take_voxels(job, is_mm, out));
out:
    return status;
}

int
ba_decoder_place(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    int status = BA_OK;
    positions_t positions;
    const ba_alphas_t *alphas = &job->opts->voxel_alphas;

    BA_TRY(find_positions(ctx, job, &positions));
    if (alphas->n > 0 && alphas->values[0] == 0.0) {
        BA_TRY(ba_fail(
            BA_VALUE, "voxel-alphas: 0 with searchlight, wanted positive numbers"));
    }
    BA_TRY(ba_neighbourhoods_find(ctx, positions.at, job->inputs.n_voxels,
        positions.n_dims, positions.reach, positions.radius, job->inputs.is_used,
        &job->neighbourhoods));
out:
    ba_free(positions.at);
    return status;
}

/* ---- one training set ---- */

typedef struct {
    const ba_decoder_job_t *job;
    size_t n;
    size_t *samples; /* n: training rows */
    double *y;       /* n x n_dims, z-scored */
    size_t *rows;    /* of all inner splits */
    ba_inner_rows_t *inner;
    size_t n_inner;
} set_t;

static void
read_column(const void *payload, size_t j, double *x)
{
    const set_t *set = payload;

    for (size_t i = 0; i < set->n; i++) {
        x[i] = ba_decoder_response(set->job, j, set->samples[i]);
    }
}

static void
set_free(set_t *set)
{
    ba_free(set->samples);
    ba_free(set->y);
    ba_free(set->rows);
    ba_free(set->inner);
    *set = (set_t){0};
}

/* Positions among the kept rows become places among the training rows. */
static size_t *
put_rows(const size_t *place, const size_t *positions, size_t n, size_t *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = place[positions[i]];
    }
    return to + n;
}

static int
make_splits(const plan_t *plan, const problem_t *problem, set_t *out)
{
    int status = BA_OK;
    size_t n_rows = 0, *place = NULL, *to;

    out->n_inner = problem->n_inner;
    for (size_t f = 0; f < problem->n_inner; f++) {
        n_rows += problem->inner[f].n_stay + problem->inner[f].n_validate;
    }
    BA_TRY_ALLOC(place, ba_calloc(plan->n_used, sizeof *place));
    BA_TRY_ALLOC(out->rows, ba_malloc(n_rows, sizeof *out->rows));
    BA_TRY_ALLOC(out->inner, ba_malloc(problem->n_inner, sizeof *out->inner));
    for (size_t i = 0; i < problem->n_train; i++) {
        place[problem->train[i]] = i;
    }
    to = out->rows;
    for (size_t f = 0; f < problem->n_inner; f++) {
        const split_t *split = problem->inner + f;
        ba_inner_rows_t *rows = out->inner + f;

        *rows = (ba_inner_rows_t){
            .stay = to, .n_stay = split->n_stay, .n_validate = split->n_validate};
        to = put_rows(place, split->stay, split->n_stay, to);
        rows->validate = to;
        to = put_rows(place, split->validate, split->n_validate, to);
    }
out:
    ba_free(place);
    return status;
}

static int
make_set(const ba_decoder_job_t *job, const plan_t *plan, size_t k, set_t *out)
{
    int status = BA_OK;
    const problem_t *problem = plan->problems + k;
    size_t n = problem->n_train, d = job->targets.n_dims;

    *out = (set_t){.job = job, .n = n};
    BA_TRY_ALLOC(out->samples, ba_malloc(n, sizeof *out->samples));
    BA_TRY_ALLOC(out->y, ba_malloc(n, d * sizeof *out->y));
    for (size_t i = 0; i < n; i++) {
        out->samples[i] = plan->rows[problem->train[i]];
    }
    for (size_t j = 0; j < d; j++) {
        const double *from = job->targets.values + j * job->targets.n_samples;
        double *y = out->y + j * n, mean, scale;

        for (size_t i = 0; i < n; i++) {
            y[i] = from[out->samples[i]];
        }
        ba_mean_and_scale(y, n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            y[i] = (y[i] - mean) / scale;
        }
    }
    BA_TRY(make_splits(plan, problem, out));
out:
    return status;
}

/* Penalties: room for N_AUTO of them. */
static ba_searchlight_t
light_of(const ba_decoder_job_t *job, const set_t *set, double *alphas)
{
    const ba_alphas_t *given = &job->opts->voxel_alphas;

    for (size_t a = 0; a < N_AUTO; a++) {
        alphas[a] = auto_alphas[a] * (double) set->n;
    }
    return (ba_searchlight_t){.n = set->n,
        .n_columns = job->inputs.n_voxels,
        .column = read_column,
        .payload = set,
        .y = {set->y, set->n, job->targets.n_dims, set->n},
        .neighbourhoods = &job->neighbourhoods,
        .inner = set->inner,
        .n_inner = set->n_inner,
        .alphas = given->n > 0 ? given->values : alphas,
        .n_alphas = given->n > 0 ? given->n : N_AUTO};
}

/* Inner splits there have to be, whatever alphas the decoder has. */
static int
plan_sets(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, ba_fit_opts_t *opts, plan_t *plan)
{
    *opts = job->fit;
    opts->alphas = (ba_alphas_t){0};
    opts->alphas_relative = opts->scores_only = 0;
    opts->only_fold = 0;
    return ba_plan_make(ctx, &job->data, opts, plan);
}

int
ba_decoder_searchlight_bytes(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, size_t *bytes)
{
    int status = BA_OK;
    ba_fit_opts_t opts;
    plan_t plan = {0};
    set_t set = {0};
    double alphas[N_AUTO];

    *bytes = 0;
    BA_TRY(plan_sets(ctx, job, &opts, &plan));
    for (size_t k = 0; k < plan.n_problems; k++) {
        ba_searchlight_t light;
        ba_searchlight_plan_t own;

        BA_TRY(make_set(job, &plan, k, &set));
        light = light_of(job, &set, alphas);
        BA_TRY(ba_searchlight_plan(ctx, &light, &own));
        own.bytes += set.n * job->targets.n_dims * sizeof *set.y +
                     plan.n_problems * job->inputs.n_voxels * sizeof(double);
        *bytes = own.bytes > *bytes ? own.bytes : *bytes;
        set_free(&set);
    }
out:
    set_free(&set);
    ba_plan_free(&plan);
    return status;
}

int
ba_decoder_searchlight(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, double **scores, size_t *n_sets)
{
    int status = BA_OK;
    size_t v = job->inputs.n_voxels, size = 0;
    ba_fit_opts_t opts;
    plan_t plan = {0};
    set_t set = {0};
    double alphas[N_AUTO];

    *scores = NULL;
    BA_TRY(plan_sets(ctx, job, &opts, &plan));
    *n_sets = plan.n_problems;
    BA_TRY(ba_multiply(plan.n_problems, v, &size));
    BA_TRY_ALLOC(*scores, ba_malloc(size, sizeof **scores));
    for (size_t k = 0; k < plan.n_problems; k++) {
        ba_searchlight_t light;

        BA_TRY(make_set(job, &plan, k, &set));
        light = light_of(job, &set, alphas);
        BA_TRY(ba_searchlight_scores(ctx, &light, *scores + k * v));
        set_free(&set);
    }
out:
    if (status != BA_OK) {
        ba_free(*scores);
        *scores = NULL;
    }
    set_free(&set);
    ba_plan_free(&plan);
    return status;
}
