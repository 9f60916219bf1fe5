/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A data set from a run table. */
#include "datasets/dataset_impl.h"

#include <string.h>

#include "core/alloc.h"
#include "datasets/run_table.h"
#include "io/confounds.h"
#include "io/source_impl.h"

/* What is being opened: one part of the data set. */
typedef struct {
    const ba_ctx_t *ctx; /* with one source's share of the memory */
    const ba_dataset_opts_t *opts;
    const ba_run_table_t *table;
    ba_run_plan_t plan;
    size_t *lengths; /* samples of each run, as what is opened first has them; 0 = not
                        known yet */
    unsigned char *lacks_features; /* by_run: of each run */
    ba_source_t **confounds; /* chosen columns of nuisance tables, as plan.rows counts
                                them, until they are stacked; NULL = read as they are */
} job_t;

/* Which cell of a row; features count from 0. */
enum { CELL_RESPONSES = -1, CELL_NUISANCE = -2 };

static const char *
cell_of(const job_t *job, size_t row, long what)
{
    const ba_run_row_t *found = &job->table->rows[row];

    if (what >= 0) {
        return ba_run_table_features(job->table, row, (size_t) what);
    }
    return what == CELL_RESPONSES ? found->responses : found->nuisance;
}

static const char *
column_of(const job_t *job, long what)
{
    if (what >= 0) {
        return ba_table_column(
            job->table->cells, job->table->space_columns[(size_t) what]);
    }
    return what == CELL_RESPONSES ? "responses" : "nuisance";
}

static int
open_cell(const job_t *job, size_t row, long what, ba_source_t **out)
{
    ba_source_opts_t masked = {.mask = job->opts->mask};
    const char *cell = cell_of(job, row, what);
    char *spec;
    int status;

    if (!cell) {
        return ba_fail(BA_FORMAT, "%s: row %zu: nothing in column '%s'", job->table->file,
            row + 1, column_of(job, what));
    }
    spec = ba_run_table_spec(job->table, cell);
    if (!spec) {
        return BA_NOMEM;
    }
    status = ba_source_open(job->ctx, spec, what == CELL_RESPONSES ? &masked : NULL, out);
    ba_free(spec);
    return status;
}

/* Tables of which columns are chosen are opened together, since all get the columns of
 * all. */
static int
open_confounds(job_t *job)
{
    size_t n = job->plan.n_runs * job->plan.n_repeats;
    char **specs = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(specs, ba_calloc(n, sizeof *specs));
    BA_TRY_ALLOC(job->confounds, ba_calloc(n, sizeof *job->confounds));
    for (size_t i = 0; i < n; i++) {
        const char *cell = cell_of(job, job->plan.rows[i], CELL_NUISANCE);

        if (!cell) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: row %zu: nothing in column 'nuisance'",
                job->table->file, job->plan.rows[i] + 1));
        }
        BA_TRY_ALLOC(specs[i], ba_run_table_spec(job->table, cell));
    }
    BA_TRY(ba_confounds_open(job->ctx, (const char *const *) specs, n,
        job->opts->nuisance_columns, job->confounds));
out:
    for (size_t i = 0; specs && i < n; i++) {
        ba_free(specs[i]);
    }
    ba_free(specs);
    return status;
}

/* Opens a cell, or takes what was opened with others. */
static int
open_part_of(job_t *job, size_t i, long what, ba_source_t **out)
{
    if (what == CELL_NUISANCE && job->confounds) {
        *out = job->confounds[i];
        job->confounds[i] = NULL;
        return BA_OK;
    }
    return open_cell(job, job->plan.rows[i], what, out);
}

/* Runs get their lengths from what is opened first. */
static int
check_length(const job_t *job, size_t run, const ba_source_t *source)
{
    size_t n = ba_source_n_rows(source);
    int by_responses = job->table->n_spaces == 0 || job->opts->by_run;
    long first = by_responses ? CELL_RESPONSES : 0;

    if (job->lengths[run] == 0) {
        job->lengths[run] = n;
    }
    if (n != job->lengths[run]) {
        return ba_fail(BA_SHAPE, "%s: %zu samples, but %s has %zu (%s, run '%s')",
            ba_source_name(source), n, cell_of(job, job->plan.rows[run], first),
            job->lengths[run], job->table->file,
            job->table->rows[job->plan.rows[run]].run);
    }
    return BA_OK;
}

static void
close_all(ba_source_t **sources, size_t n)
{
    for (size_t i = 0; sources && i < n; i++) {
        ba_source_close(sources[i]);
    }
    ba_free(sources);
}

static int
read_zeros(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    (void) state;
    (void) slab;
    (void) row0;
    (void) col0;
    for (size_t j = 0; j < n_cols; j++) {
        memset(dst + j * ld, 0, n_rows * sizeof *dst);
    }
    return BA_OK;
}

/* Zeros for runs without features, under the name of their responses. */
static int
fill_missing(
    const job_t *job, const ba_dataset_part_t *part, size_t space, ba_source_t **parts)
{
    static const ba_source_ops_t ops = {
        .format = "none", .read = read_zeros, .close = ba_free};
    ba_source_shape_t shape = {.n_slabs = 1, .rank = 2};
    int status = BA_OK;

    for (size_t k = 0; k < job->plan.n_runs && shape.n_cols == 0; k++) {
        shape.n_cols = parts[k] ? ba_source_n_cols(parts[k]) : 0;
    }
    for (size_t k = 0; k < job->plan.n_runs; k++) {
        void *state;

        if (parts[k]) {
            continue;
        }
        if (shape.n_cols == 0) {
            return ba_fail(BA_FORMAT, "%s: row %zu: nothing in column '%s'",
                job->table->file, job->plan.rows[k] + 1,
                ba_table_column(job->table->cells, job->table->space_columns[space]));
        }
        shape.n_rows = job->lengths[k];
        BA_TRY_ALLOC(state, ba_malloc(1, 1));
        BA_TRY(ba_source_wrap(
            &ops, state, &shape, ba_source_file(part->run_responses[k], 0), &parts[k]));
        job->lacks_features[k] = 1;
    }
out:
    return status;
}

/* A feature space over runs whose responses are open; some may have none. */
static int
open_features_by_run(
    job_t *job, const ba_dataset_part_t *part, size_t space, ba_source_t **out)
{
    size_t n = job->plan.n_runs;
    ba_source_t **parts = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(parts, ba_calloc(n, sizeof *parts));
    for (size_t k = 0; k < n; k++) {
        BA_TRY(ba_ctx_check(job->ctx));
        if (cell_of(job, job->plan.rows[k], (long) space)) {
            BA_TRY(open_part_of(job, k, (long) space, &parts[k]));
            BA_TRY(check_length(job, k, parts[k]));
        }
    }
    BA_TRY(fill_missing(job, part, space, parts));
    BA_TRY(ba_source_stack(parts, n, out));
    ba_free(parts);
    return BA_OK;
out:
    close_all(parts, n);
    return status;
}

/* One kind of cell over the runs of one repeat, stacked. */
static int
open_stack(job_t *job, size_t repeat, long what, ba_source_t **out)
{
    size_t n = job->plan.n_runs;
    ba_source_t **parts = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(parts, ba_calloc(n, sizeof *parts));
    for (size_t k = 0; k < n; k++) {
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(open_part_of(job, k + repeat * n, what, &parts[k]));
        BA_TRY(check_length(job, k, parts[k]));
    }
    BA_TRY(ba_source_stack(parts, n, out));
    ba_free(parts);
    return BA_OK;
out:
    close_all(parts, n);
    return status;
}

/* The same for every repeat, one slab each. */
static int
open_slabs(job_t *job, long what, ba_source_t **out)
{
    size_t n = job->plan.n_repeats;
    ba_source_t **parts = NULL;
    int status = BA_OK;

    if (n == 1) {
        return open_stack(job, 0, what, out);
    }
    BA_TRY_ALLOC(parts, ba_calloc(n, sizeof *parts));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(open_stack(job, i, what, &parts[i]));
    }
    BA_TRY(ba_source_slabs(parts, n, out));
    ba_free(parts);
    return BA_OK;
out:
    close_all(parts, n);
    return status;
}

/* Opens responses or nuisance unless they are missing in every row. */
static int
open_optional(job_t *job, long what, ba_source_t **out)
{
    size_t n = job->plan.n_runs * job->plan.n_repeats;
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        if (cell_of(job, job->plan.rows[i], what)) {
            if (what == CELL_NUISANCE && job->opts->nuisance_columns) {
                BA_TRY(open_confounds(job));
            }
            BA_TRY(open_slabs(job, what, out));
            break;
        }
    }
out:
    return status;
}

/* Responses of every run by themselves. */
static int
open_apart(job_t *job, ba_dataset_part_t *part)
{
    size_t n = job->plan.n_runs;
    int status = BA_OK;

    BA_TRY_ALLOC(part->run_responses, ba_calloc(n + 1, sizeof *part->run_responses));
    BA_TRY_ALLOC(part->lacks_features, ba_calloc(n, 1));
    job->lacks_features = part->lacks_features;
    for (size_t k = 0; k < n; k++) {
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(open_part_of(job, k, CELL_RESPONSES, &part->run_responses[k]));
        BA_TRY(check_length(job, k, part->run_responses[k]));
    }
out:
    return status;
}

/* Repeats of a run have the same features: later ones say the same or nothing. */
static int
check_repeats(const job_t *job)
{
    const ba_run_plan_t *plan = &job->plan;

    for (size_t i = plan->n_runs; i < plan->n_runs * plan->n_repeats; i++) {
        for (size_t space = 0; space < job->table->n_spaces; space++) {
            size_t first = plan->rows[i % plan->n_runs];
            const char *a = cell_of(job, first, (long) space);
            const char *b = cell_of(job, plan->rows[i], (long) space);

            if (a && b && strcmp(a, b) != 0) {
                return ba_fail(BA_SHAPE,
                    "%s: row %zu: %s, but the first repeat of run '%s' has %s: repeats "
                    "share their features",
                    job->table->file, plan->rows[i] + 1, b, job->table->rows[first].run,
                    a);
            }
        }
    }
    return BA_OK;
}

/* Runs of a part from their lengths, and their labels. */
static int
label_runs(const job_t *job, ba_dataset_part_t *part)
{
    size_t n = job->plan.n_runs, *onsets = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(onsets, ba_calloc(n, sizeof *onsets));
    for (size_t k = 1; k < n; k++) {
        onsets[k] = onsets[k - 1] + job->lengths[k - 1];
    }
    BA_TRY(ba_runs_from_onsets(onsets, n, part->n_samples, &part->runs));
    BA_TRY_ALLOC(part->run_names, ba_calloc(n, sizeof *part->run_names));
    BA_TRY_ALLOC(part->run_stimuli, ba_calloc(n, sizeof *part->run_stimuli));
    if (job->table->rows[0].subject) {
        BA_TRY_ALLOC(part->run_subjects, ba_calloc(n, sizeof *part->run_subjects));
    }
    for (size_t k = 0; k < n; k++) {
        const ba_run_row_t *row = &job->table->rows[job->plan.rows[k]];

        BA_TRY_ALLOC(
            part->run_names[k], ba_run_table_label(job->table, job->plan.rows[k]));
        BA_TRY_ALLOC(part->run_stimuli[k], ba_strdup(row->run));
        if (part->run_subjects) {
            BA_TRY_ALLOC(part->run_subjects[k], ba_strdup(row->subject));
        }
    }
out:
    ba_free(onsets);
    return status;
}

static int
open_part(job_t *job, int is_test, ba_dataset_part_t *part)
{
    size_t n = job->table->n_spaces;
    int status;

    BA_TRY(ba_run_table_plan(job->table, is_test, &job->plan));
    if (job->plan.n_runs == 0) {
        goto out;
    }
    BA_TRY_ALLOC(job->lengths, ba_calloc(job->plan.n_runs, sizeof *job->lengths));
    BA_TRY(check_repeats(job));
    BA_TRY_ALLOC(part->features, ba_calloc(n, sizeof *part->features));
    if (job->opts->by_run) {
        BA_TRY(open_apart(job, part));
    }
    for (size_t i = 0; i < n; i++) {
        BA_TRY(job->opts->by_run ? open_features_by_run(job, part, i, &part->features[i])
                                 : open_stack(job, 0, (long) i, &part->features[i]));
    }
    part->n_repeats = job->plan.n_repeats;
    if (!job->opts->by_run) {
        BA_TRY(open_optional(job, CELL_RESPONSES, &part->responses));
    }
    if (n == 0 && !part->responses && !part->run_responses) {
        BA_TRY(
            ba_fail(BA_FORMAT, "%s: neither features nor responses", job->table->file));
    }
    part->n_samples = 0;
    for (size_t k = 0; k < job->plan.n_runs; k++) {
        part->n_samples += job->lengths[k];
    }
    BA_TRY(open_optional(job, CELL_NUISANCE, &part->nuisance));
    BA_TRY(label_runs(job, part));
out:
    close_all(job->confounds, job->plan.n_runs * job->plan.n_repeats);
    job->confounds = NULL;
    ba_free(job->lengths);
    ba_free(job->plan.rows);
    job->lengths = NULL;
    job->plan.rows = NULL;
    return status;
}

int
ba_dataset_from_table(
    const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    ba_ctx_t share = ctx ? *ctx : ba_ctx_default();
    ba_run_table_t *table = NULL;
    job_t job = {.ctx = &share, .opts = opts};
    int status;

    BA_TRY(ba_run_table_read(opts->run_table, &table));
    job.table = table;
    if (table->n_spaces == 0 && !opts->no_features) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s: no column 'features' or 'features:NAME'", table->file));
    }
    share.memory = ba_ctx_memory(ctx) / table->n_rows;
    BA_TRY_ALLOC(
        dataset->space_names, ba_calloc(table->n_spaces, sizeof *dataset->space_names));
    for (size_t i = 0; i < table->n_spaces; i++) {
        BA_TRY_ALLOC(dataset->space_names[i], ba_strdup(table->space_names[i]));
        dataset->n_spaces++;
    }
    if (opts->to_apply) {
        BA_TRY(open_part(&job, 1, &dataset->train));
    }
    if (dataset->train.n_samples == 0) {
        BA_TRY(open_part(&job, 0, &dataset->train));
    }
    if (dataset->train.n_samples == 0) {
        BA_TRY(ba_fail(
            BA_SHAPE, "%s: no training run among %zu rows", table->file, table->n_rows));
    }
    if (opts->nuisance_columns && !dataset->train.nuisance) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: no nuisance tables, wanted some for columns '%s'",
            table->file, opts->nuisance_columns));
    }
    if (!opts->to_apply) {
        BA_TRY(open_part(&job, 1, &dataset->test));
    }
    if (dataset->test.n_samples > 0 && dataset->train.responses &&
        !dataset->test.responses) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: test runs without responses", table->file));
    }
out:
    ba_run_table_free(table);
    return status;
}
