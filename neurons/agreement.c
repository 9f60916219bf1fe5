/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agreement of ranking tables, concept by concept. */
#include "brainalign/structure.h"
#include "core/alloc.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { DIGITS = 9 };

/* What is found for one concept. */
typedef struct {
    const char *name;
    size_t *row;                 /* n_files: the concept in each table */
    double *overlap, *vote;      /* n_files */
    double *jaccard, *rho, *tau; /* n_files x n_files */
    double *borda;               /* n_neurons */
} concept_t;

typedef struct {
    const ba_agreement_opts_t *opts;
    ba_provenance_t provenance;
    size_t n_files, n_neurons, n_concepts;
    ba_ranking_t **rankings;
    const char **names;
    concept_t *concepts;
    ba_bundle_t *bundle;
    ba_table_writer_t *table;
} agreement_t;

ba_agreement_opts_t
ba_agreement_opts_default(void)
{
    return (ba_agreement_opts_t){.top = 50, .depth = 100};
}

static size_t
find_concept(const ba_ranking_t *ranking, const char *name)
{
    for (size_t c = 0; c < ranking->n_concepts; c++) {
        if (strcmp(ranking->concepts[c], name) == 0) {
            return c;
        }
    }
    return SIZE_MAX;
}

/* All tables over as many neurons as the largest. */
static int
read_rankings(agreement_t *job)
{
    const ba_agreement_opts_t *opts = job->opts;
    int status = BA_OK;

    if (opts->n_files < 2) {
        return ba_fail(BA_SHAPE, "rankings: found %zu, wanted at least 2", opts->n_files);
    }
    BA_TRY_ALLOC(job->rankings, ba_calloc(opts->n_files, sizeof(ba_ranking_t *)));
    BA_TRY_ALLOC(job->names, ba_calloc(opts->n_files, sizeof *job->names));
    job->n_files = opts->n_files;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t f = 0; f < opts->n_files; f++) {
            ba_ranking_free(job->rankings[f]);
            job->rankings[f] = NULL;
            BA_TRY(ba_ranking_read(opts->files[f], job->n_neurons, &job->rankings[f]));
            job->names[f] = opts->names ? opts->names[f] : opts->files[f];
        }
        for (size_t f = 0; pass == 0 && f < opts->n_files; f++) {
            size_t n = job->rankings[f]->n_neurons;

            job->n_neurons = n > job->n_neurons ? n : job->n_neurons;
        }
    }
out:
    return status;
}

/* Concepts that every table has, or the one asked for. */
static int
find_concepts(agreement_t *job)
{
    const ba_ranking_t *first = job->rankings[0];
    int status = BA_OK;

    BA_TRY_ALLOC(job->concepts, ba_calloc(first->n_concepts, sizeof *job->concepts));
    for (size_t c = 0; c < first->n_concepts; c++) {
        concept_t *concept = &job->concepts[job->n_concepts];
        int everywhere = 1;

        if (job->opts->concept && strcmp(first->concepts[c], job->opts->concept) != 0) {
            continue;
        }
        for (size_t f = 1; f < job->n_files; f++) {
            everywhere &= find_concept(job->rankings[f], first->concepts[c]) != SIZE_MAX;
        }
        if (everywhere) {
            concept->name = first->concepts[c];
            BA_TRY_ALLOC(concept->row, ba_malloc(job->n_files, sizeof(size_t)));
            for (size_t f = 0; f < job->n_files; f++) {
                concept->row[f] = find_concept(job->rankings[f], concept->name);
            }
            job->n_concepts++;
        }
    }
    if (job->n_concepts == 0 && job->opts->concept) {
        BA_TRY(ba_fail(BA_MISSING, "rankings: no concept '%s' that all tables have",
            job->opts->concept));
    }
    if (job->n_concepts == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "rankings: found no concept that all tables have, "
                                 "wanted at least 1"));
    }
out:
    return status;
}

static const double *
scores_of(const agreement_t *job, const concept_t *concept, size_t f)
{
    return job->rankings[f]->score + concept->row[f] * job->n_neurons;
}

static int
correlate_scores(const agreement_t *job, concept_t *concept)
{
    size_t n = job->n_files;
    int status = BA_OK;

    for (size_t a = 0; a < n; a++) {
        for (size_t b = a; b < n; b++) {
            const double *x = scores_of(job, concept, a);
            const double *y = scores_of(job, concept, b);

            BA_TRY(ba_spearman(x, y, job->n_neurons, &concept->rho[a * n + b]));
            BA_TRY(ba_kendall(x, y, job->n_neurons, &concept->tau[a * n + b]));
            concept->rho[b * n + a] = concept->rho[a * n + b];
            concept->tau[b * n + a] = concept->tau[a * n + b];
        }
    }
out:
    return status;
}

static int
compare_concept(const agreement_t *job, concept_t *concept)
{
    size_t n = job->n_files;
    const uint32_t **orders = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(orders, ba_malloc(n, sizeof *orders));
    BA_TRY_ALLOC(concept->overlap, ba_malloc(n, sizeof(double)));
    BA_TRY_ALLOC(concept->vote, ba_malloc(n, sizeof(double)));
    BA_TRY_ALLOC(concept->jaccard, ba_malloc(n, n * sizeof(double)));
    BA_TRY_ALLOC(concept->rho, ba_malloc(n, n * sizeof(double)));
    BA_TRY_ALLOC(concept->tau, ba_malloc(n, n * sizeof(double)));
    BA_TRY_ALLOC(concept->borda, ba_malloc(job->n_neurons, sizeof(double)));
    for (size_t f = 0; f < n; f++) {
        orders[f] = job->rankings[f]->order + concept->row[f] * job->n_neurons;
    }
    BA_TRY(
        ba_ranking_agreement(orders, n, job->n_neurons, job->opts->top, job->opts->depth,
            concept->overlap, concept->vote, concept->jaccard, concept->borda));
    BA_TRY(correlate_scores(job, concept));
out:
    ba_free(orders);
    return status;
}

/* One member of all concepts as an array, whose first dimension is the concepts. */
static int
write_member(
    const agreement_t *job, const char *path, size_t offset, int rank, const size_t *dims)
{
    size_t n_each = rank == 2 ? dims[1] : dims[1] * dims[2];
    double *all = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(all, ba_malloc(job->n_concepts, n_each * sizeof *all));
    for (size_t c = 0; c < job->n_concepts; c++) {
        const char *concept = (const char *) &job->concepts[c];
        const double *values = *(double *const *) (const void *) (concept + offset);

        memcpy(all + c * n_each, values, n_each * sizeof *all);
    }
    BA_TRY(ba_bundle_write(job->bundle, path, BA_F64, rank, dims, all));
out:
    ba_free(all);
    return status;
}

static int
fill_bundle(const agreement_t *job)
{
    size_t by_method[] = {job->n_concepts, job->n_files, job->n_files};
    size_t by_neuron[] = {job->n_concepts, job->n_neurons};
    int64_t top = (int64_t) job->opts->top, depth = (int64_t) job->opts->depth;
    const char **names = NULL, **files = NULL;
    int status;

    BA_TRY(ba_neuron_write_format(job->bundle, "brainalign-agreement"));
    BA_TRY(ba_bundle_attr_i64(job->bundle, "/", "top", 1, &top));
    BA_TRY(ba_bundle_attr_i64(job->bundle, "/", "depth", 1, &depth));
    BA_TRY(ba_bundle_write_strings(job->bundle, "/methods", job->n_files, job->names));
    BA_TRY_ALLOC(names, ba_malloc(job->n_concepts, sizeof *names));
    for (size_t c = 0; c < job->n_concepts; c++) {
        names[c] = job->concepts[c].name;
    }
    BA_TRY(ba_bundle_write_strings(job->bundle, "/concepts", job->n_concepts, names));
    BA_TRY(write_member(job, "/overlap", offsetof(concept_t, overlap), 2, by_method));
    BA_TRY(write_member(job, "/vote", offsetof(concept_t, vote), 2, by_method));
    BA_TRY(write_member(job, "/jaccard", offsetof(concept_t, jaccard), 3, by_method));
    BA_TRY(write_member(job, "/spearman", offsetof(concept_t, rho), 3, by_method));
    BA_TRY(write_member(job, "/kendall", offsetof(concept_t, tau), 3, by_method));
    BA_TRY(write_member(job, "/borda", offsetof(concept_t, borda), 2, by_neuron));
    BA_TRY_ALLOC(files, ba_calloc(job->n_files + 1, sizeof *files));
    memcpy(files, job->opts->files, job->n_files * sizeof *files);
    BA_TRY(ba_neuron_write_provenance(job->bundle, &job->provenance, NULL, 0, files));
out:
    ba_free(files);
    ba_free(names);
    return status;
}

/* Mean of a row without its own place; NaN values are passed over. */
static double
mean_of_others(const double *row, size_t n, size_t own)
{
    double sum = 0.0;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (i != own && !isnan(row[i])) {
            sum += row[i];
            used++;
        }
    }
    return used > 0 ? sum / (double) used : (double) NAN;
}

static int
fill_table(const agreement_t *job)
{
    static const char *const names[] = {
        "concept", "ranking", "overlap", "vote", "spearman", "kendall"};
    size_t n = job->n_files;
    int status;

    BA_TRY(ba_table_put_names(job->table, names, 6));
    for (size_t i = 0; i < job->n_concepts * n; i++) {
        const concept_t *concept = &job->concepts[i / n];
        size_t f = i % n;

        BA_TRY(ba_table_put_text(job->table, concept->name));
        BA_TRY(ba_table_put_text(job->table, job->names[f]));
        BA_TRY(ba_table_put_number(job->table, concept->overlap[f], DIGITS));
        BA_TRY(ba_table_put_number(job->table, concept->vote[f], DIGITS));
        BA_TRY(ba_table_put_number(
            job->table, mean_of_others(concept->rho + f * n, n, f), DIGITS));
        BA_TRY(ba_table_put_number(
            job->table, mean_of_others(concept->tau + f * n, n, f), DIGITS));
        BA_TRY(ba_table_end_row(job->table));
    }
    BA_TRY(ba_table_finish(job->table));
out:
    return status;
}

static void
sum_up(const agreement_t *job, ba_agreement_info_t *info)
{
    size_t n = job->n_files, used = 0;
    double all = (double) (job->n_concepts * n);

    for (size_t i = 0; i < job->n_concepts * n; i++) {
        const concept_t *concept = &job->concepts[i / n];
        double rho = mean_of_others(concept->rho + i % n * n, n, i % n);

        info->overlap += concept->overlap[i % n] / all;
        info->vote += concept->vote[i % n] / all;
        if (!isnan(rho)) {
            info->spearman += rho;
            used++;
        }
    }
    info->spearman = used > 0 ? info->spearman / (double) used : (double) NAN;
}

static void
free_job(agreement_t *job)
{
    for (size_t c = 0; c < job->n_concepts; c++) {
        concept_t *concept = &job->concepts[c];

        ba_free(concept->row);
        ba_free(concept->overlap);
        ba_free(concept->vote);
        ba_free(concept->jaccard);
        ba_free(concept->rho);
        ba_free(concept->tau);
        ba_free(concept->borda);
    }
    for (size_t f = 0; job->rankings && f < job->n_files; f++) {
        ba_ranking_free(job->rankings[f]);
    }
    ba_free(job->rankings);
    ba_free(job->names);
    ba_free(job->concepts);
    ba_table_writer_free(job->table);
    ba_bundle_free(job->bundle);
}

int
ba_neurons_agree(
    const ba_ctx_t *ctx, const ba_agreement_opts_t *opts, ba_agreement_info_t *info)
{
    agreement_t job = {
        .opts = opts, .provenance = ba_provenance_start(ctx, opts->argc, opts->argv)};
    int status;

    BA_TRY(read_rankings(&job));
    BA_TRY(find_concepts(&job));
    *info = (ba_agreement_info_t){.n_methods = job.n_files,
        .n_concepts = job.n_concepts,
        .n_neurons = job.n_neurons};
    for (size_t c = 0; c < job.n_concepts; c++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(compare_concept(&job, &job.concepts[c]));
    }
    sum_up(&job, info);
    if (!opts->dry_run) {
        BA_TRY(ba_bundle_create(opts->output, opts->force, &job.bundle));
        if (opts->table) {
            BA_TRY(ba_table_create(opts->table, opts->force, &job.table));
            BA_TRY(fill_table(&job));
        }
        BA_TRY(fill_bundle(&job));
        BA_TRY(ba_bundle_commit(job.bundle));
        if (opts->table) {
            BA_TRY(ba_table_commit(job.table));
        }
    }
out:
    free_job(&job);
    return status;
}
