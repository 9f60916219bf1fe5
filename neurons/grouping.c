/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons cluster: clusters of correlated neurons, or nonnegative factors, as files. */
#include "brainalign/structure.h"
#include "core/alloc.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stdlib.h>

enum { DIGITS = 9 };

typedef struct {
    const ba_ctx_t *ctx;
    const ba_grouping_opts_t *opts;
    const ba_neuron_table_t *neurons;
    ba_provenance_t provenance;
    size_t n, p;
    double *x; /* n x p */
    ba_clusters_t *clusters;
    ba_nmf_t *nmf;
    ba_bundle_t *bundle;
    ba_table_writer_t *table;
} grouping_t;

ba_grouping_opts_t
ba_grouping_opts_default(void)
{
    return (ba_grouping_opts_t){
        .cluster = ba_cluster_opts_default(), .nmf = ba_nmf_opts_default()};
}

static size_t
place_of(const grouping_t *job, size_t k)
{
    return job->opts->only ? job->opts->only[k] : k;
}

static int
check_memory(const grouping_t *job)
{
    size_t bytes;
    int status;

    BA_TRY(ba_multiply(job->n, job->p, &bytes));
    BA_TRY(ba_multiply(bytes, 3 * sizeof(double), &bytes));
    if (bytes > ba_ctx_memory(job->ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "activations: %zu tokens x %zu neurons need %.3g GiB, wanted at most %.3g",
            job->n, job->p, (double) bytes * 0x1p-30,
            (double) ba_ctx_memory(job->ctx) * 0x1p-30);
    }
out:
    return status;
}

static int
is_constant(const double *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (x[i] != x[0]) {
            return 0;
        }
    }
    return 1;
}

static int
read_neurons(grouping_t *job, ba_grouping_info_t *info)
{
    size_t n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(job->n, job->p, &n_all));
    BA_TRY_ALLOC(job->x, ba_malloc(n_all, sizeof *job->x));
    for (size_t k = 0; k < job->p;) {
        size_t first = place_of(job, k), run = 1;

        while (k + run < job->p && place_of(job, k + run) == first + run) {
            run++;
        }
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(ba_activations_read(job->opts->activations, NULL, job->n, first, run,
            job->x + k * job->n, job->n));
        k += run;
    }
    for (size_t k = 0; k < job->p; k++) {
        info->n_constant += (size_t) is_constant(job->x + k * job->n, job->n);
    }
    if (info->n_constant == job->p) {
        BA_TRY(ba_fail(BA_SHAPE,
            "neurons: found %zu that are all constant, wanted one that varies", job->p));
    }
out:
    return status;
}

static int
put_cluster(const grouping_t *job, size_t k)
{
    const ba_clusters_t *clusters = job->clusters;
    size_t c = clusters->label[k];
    int status;

    BA_TRY(ba_neuron_put(job->table, job->neurons, place_of(job, k)));
    BA_TRY(ba_table_put_integer(job->table, (int64_t) c));
    BA_TRY(ba_table_put_integer(job->table, (int64_t) clusters->size[c]));
    BA_TRY(ba_table_put_integer(
        job->table, (int64_t) ba_neuron_number(
                        job->neurons, place_of(job, clusters->representative[c]))));
    BA_TRY(ba_table_put_number(job->table, clusters->mean_r[c], DIGITS));
    BA_TRY(ba_table_put_number(
        job->table, clusters->stability ? clusters->stability[c] : (double) NAN, DIGITS));
    BA_TRY(ba_table_end_row(job->table));
out:
    return status;
}

static int
fill_cluster_table(const grouping_t *job)
{
    static const char *const names[] = {
        "cluster", "size", "representative", "mean_r", "stability"};
    int status;

    BA_TRY(ba_neuron_put_header(job->table));
    BA_TRY(ba_table_put_names(job->table, names, 5));
    for (size_t k = 0; k < job->p; k++) {
        BA_TRY(put_cluster(job, k));
    }
out:
    return status;
}

static int
write_u32(ba_bundle_t *bundle, const char *path, size_t n, const uint32_t *values)
{
    int64_t *wide = ba_malloc(n, sizeof *wide);
    int status;

    if (!wide) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        wide[i] = values[i];
    }
    status = ba_bundle_write(bundle, path, BA_I64, 1, &n, wide);
    ba_free(wide);
    return status;
}

static int
write_clusters(const grouping_t *job)
{
    const ba_clusters_t *clusters = job->clusters;
    size_t n = clusters->n_clusters, merges = job->p - 1, pairs[] = {job->p - 1, 2};
    const ba_cluster_opts_t *opts = &job->opts->cluster;
    const int64_t counts[] = {
        opts->is_signed, (int64_t) opts->n_bootstrap, (int64_t) opts->block};
    int64_t *wide = NULL;
    int status = BA_OK;

    BA_TRY(ba_bundle_attr_i64(job->bundle, "/", "signed", 1, &counts[0]));
    BA_TRY(ba_bundle_attr_i64(job->bundle, "/", "n_bootstrap", 1, &counts[1]));
    BA_TRY(ba_bundle_attr_i64(job->bundle, "/", "block", 1, &counts[2]));
    if (opts->n_clusters == 0) {
        BA_TRY(ba_bundle_attr_f64(job->bundle, "/", "cut", 1, &opts->cut));
    }
    BA_TRY(write_u32(job->bundle, "/neurons/cluster", job->p, clusters->label));
    BA_TRY_ALLOC(wide, ba_malloc(2 * job->p, sizeof *wide));
    for (size_t c = 0; c < n; c++) {
        wide[c] = (int64_t) ba_neuron_number(
            job->neurons, place_of(job, clusters->representative[c]));
    }
    BA_TRY(ba_bundle_write(job->bundle, "/clusters/representative", BA_I64, 1, &n, wide));
    BA_TRY(ba_bundle_write(
        job->bundle, "/clusters/mean_r", BA_F64, 1, &n, clusters->mean_r));
    if (clusters->stability) {
        BA_TRY(ba_bundle_write(
            job->bundle, "/clusters/stability", BA_F64, 1, &n, clusters->stability));
    }
    BA_TRY(ba_bundle_write(
        job->bundle, "/tree/height", BA_F64, 1, &merges, clusters->height));
    for (size_t i = 0; i < 2 * merges; i++) {
        wide[i] = clusters->merge[i];
    }
    BA_TRY(ba_bundle_write(job->bundle, "/tree/merge", BA_I64, 2, pairs, wide));
out:
    ba_free(wide);
    return status;
}

/* The factor with the largest loading of a neuron, SIZE_MAX where all are 0. */
static size_t
factor_of(const ba_nmf_t *nmf, size_t k)
{
    size_t best = SIZE_MAX;

    for (size_t f = 0; f < nmf->rank; f++) {
        double loading = nmf->h[f + k * nmf->rank];

        if (loading > (best == SIZE_MAX ? 0.0 : nmf->h[best + k * nmf->rank])) {
            best = f;
        }
    }
    return best;
}

static int
fill_factor_table(const grouping_t *job)
{
    static const char *const names[] = {"factor", "loading", "share", "stability"};
    const ba_nmf_t *nmf = job->nmf;
    int status;

    BA_TRY(ba_neuron_put_header(job->table));
    BA_TRY(ba_table_put_names(job->table, names, 4));
    for (size_t k = 0; k < job->p; k++) {
        size_t f = factor_of(nmf, k);
        double loading = f == SIZE_MAX ? (double) NAN : nmf->h[f + k * nmf->rank];
        double sum = 0.0;

        for (size_t g = 0; g < nmf->rank; g++) {
            sum += nmf->h[g + k * nmf->rank];
        }
        BA_TRY(ba_neuron_put(job->table, job->neurons, place_of(job, k)));
        BA_TRY(ba_table_put_integer(job->table, f == SIZE_MAX ? -1 : (int64_t) f));
        BA_TRY(ba_table_put_number(job->table, loading, DIGITS));
        BA_TRY(ba_table_put_number(job->table, loading / sum, DIGITS));
        BA_TRY(ba_table_put_number(job->table,
            nmf->stability && f != SIZE_MAX ? nmf->stability[f] : (double) NAN, DIGITS));
        BA_TRY(ba_table_end_row(job->table));
    }
out:
    return status;
}

/* Column-major memory is C order of the transpose: loadings as neurons x factors,
 * activities as factors x tokens. */
static int
write_factors(const grouping_t *job)
{
    const ba_nmf_t *nmf = job->nmf;
    size_t loadings[] = {nmf->n_cols, nmf->rank}, activities[] = {nmf->rank, nmf->n_rows};
    size_t n_seeds = nmf->n_seeds;
    int64_t best = (int64_t) nmf->best;
    int status;

    BA_TRY(
        ba_bundle_write(job->bundle, "/factors/loadings", BA_F64, 2, loadings, nmf->h));
    BA_TRY(ba_bundle_write(
        job->bundle, "/factors/activities", BA_F64, 2, activities, nmf->w));
    if (nmf->stability) {
        BA_TRY(ba_bundle_write(
            job->bundle, "/factors/stability", BA_F64, 1, loadings + 1, nmf->stability));
    }
    BA_TRY(
        ba_bundle_write(job->bundle, "/starts/error", BA_F64, 1, &n_seeds, nmf->error));
    BA_TRY(ba_bundle_attr_i64(job->bundle, "/starts", "best", 1, &best));
out:
    return status;
}

static int
write_all(grouping_t *job)
{
    int factors = job->nmf != NULL, status;

    BA_TRY(ba_neuron_write_format(
        job->bundle, factors ? "brainalign-factors" : "brainalign-clusters"));
    BA_TRY(
        ba_neuron_write(job->bundle, "/neurons", job->neurons, job->opts->only, job->p));
    BA_TRY(factors ? write_factors(job) : write_clusters(job));
    BA_TRY(ba_neuron_write_provenance(
        job->bundle, &job->provenance, &job->opts->activations->source, 1, NULL));
    if (job->table) {
        BA_TRY(factors ? fill_factor_table(job) : fill_cluster_table(job));
        BA_TRY(ba_table_finish(job->table));
    }
    BA_TRY(ba_bundle_commit(job->bundle));
    if (job->table) {
        BA_TRY(ba_table_commit(job->table));
    }
out:
    return status;
}

static int
by_number(const void *left, const void *right)
{
    const size_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static int
write_representatives(const grouping_t *job)
{
    size_t n = job->clusters->n_clusters, *list = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(list, ba_malloc(n, sizeof *list));
    for (size_t c = 0; c < n; c++) {
        list[c] = place_of(job, job->clusters->representative[c]);
    }
    qsort(list, n, sizeof *list, by_number);
    BA_TRY(ba_neuron_list_write(
        job->opts->representatives, job->neurons, list, n, job->opts->force));
out:
    ba_free(list);
    return status;
}

static void
sum_up(const grouping_t *job, ba_grouping_info_t *info)
{
    const ba_clusters_t *clusters = job->clusters;
    double sum = 0.0;
    size_t n = 0;

    if (job->nmf) {
        info->n_groups = n = job->nmf->rank;
        info->error = job->nmf->error[job->nmf->best];
        for (size_t f = 0; job->nmf->stability && f < n; f++) {
            sum += job->nmf->stability[f];
        }
        info->stability = job->nmf->stability ? sum / (double) n : (double) NAN;
        return;
    }
    info->n_groups = clusters->n_clusters;
    for (size_t c = 0; c < clusters->n_clusters; c++) {
        size_t size = clusters->size[c];

        info->n_alone += size == 1;
        info->largest = size > info->largest ? size : info->largest;
        if (clusters->stability && size > 1) {
            sum += clusters->stability[c];
            n++;
        }
    }
    info->stability = n > 0 ? sum / (double) n : (double) NAN;
}

static int
compute(grouping_t *job)
{
    int status;

    if (job->opts->factors) {
        for (size_t i = 0; i < job->n * job->p; i++) {
            job->x[i] = fmax(job->x[i], 0.0);
        }
        BA_TRY(ba_nmf(job->ctx, (ba_cdmat_t){job->x, job->n, job->p, job->n},
            &job->opts->nmf, &job->nmf));
    } else {
        BA_TRY(ba_neurons_cluster(job->ctx, (ba_cdmat_t){job->x, job->n, job->p, job->n},
            &job->opts->cluster, &job->clusters));
    }
out:
    return status;
}

int
ba_neurons_group(
    const ba_ctx_t *ctx, const ba_grouping_opts_t *opts, ba_grouping_info_t *info)
{
    const ba_neuron_table_t *neurons = &opts->activations->neurons;
    grouping_t job = {.ctx = ctx,
        .opts = opts,
        .neurons = neurons,
        .n = opts->activations->n_tokens,
        .p = opts->only ? opts->n_only : neurons->n_neurons,
        .provenance = ba_provenance_start(ctx, opts->argc, opts->argv)};
    int status;

    *info = (ba_grouping_info_t){.n_tokens = job.n,
        .n_neurons = job.p,
        .stability = (double) NAN,
        .error = (double) NAN};
    BA_TRY(check_memory(&job));
    if (opts->dry_run) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_create(opts->output, opts->force, &job.bundle));
    if (opts->table) {
        BA_TRY(ba_table_create(opts->table, opts->force, &job.table));
    }
    BA_TRY(read_neurons(&job, info));
    BA_TRY(compute(&job));
    sum_up(&job, info);
    if (opts->representatives && job.clusters) {
        BA_TRY(write_representatives(&job));
    }
    BA_TRY(write_all(&job));
out:
    ba_clusters_free(job.clusters);
    ba_nmf_free(job.nmf);
    ba_table_writer_free(job.table);
    ba_bundle_free(job.bundle);
    ba_free(job.x);
    return status;
}
