/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sets of neurons add, in files. */
#include "neurons/aligning_sets.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "model/fold_test.h"

#include <math.h>
#include <stdio.h>

enum { DIGITS = 9 };

static const char *const names[BA_SET_N] = {
    "delta_r2", "delta_r", "zero_out_r2", "only_r2", "only_r", "shapley"};

/* n_regions x n each, over the folds. */
typedef struct {
    double *mean[BA_SET_N], *se[BA_SET_N], *p[BA_SET_N], *q[BA_SET_N];
    double *block;
} summary_t;

static ba_fold_test_t
test_set(const ba_align_sets_t *sets, size_t region, size_t kind, size_t set,
    double share, double *values)
{
    size_t n_folds = sets->aligning->n_folds;

    for (size_t f = 0; f < n_folds; f++) {
        values[f] = sets->by_fold[ba_align_sets_at(sets, f, region, kind) + set];
    }
    return ba_fold_test(values, n_folds, share);
}

/* Only contributions to r2 are tested against 0. */
static int
summarise(const ba_align_sets_t *sets, double share, summary_t *summary)
{
    int status = BA_OK;
    size_t n = sets->regions->n * sets->n;
    double *values = NULL;

    BA_TRY_ALLOC(values, ba_malloc(sets->aligning->n_folds, sizeof *values));
    BA_TRY_ALLOC(summary->block, ba_malloc(n, 4 * BA_SET_N * sizeof *summary->block));
    for (size_t kind = 0; kind < BA_SET_N; kind++) {
        double **arrays[] = {&summary->mean[kind], &summary->se[kind], &summary->p[kind],
            &summary->q[kind]};

        for (size_t i = 0; i < 4; i++) {
            *arrays[i] = summary->block + (4 * kind + i) * n;
        }
        for (size_t i = 0; i < n; i++) {
            ba_fold_test_t test =
                test_set(sets, i / sets->n, kind, i % sets->n, share, values);

            summary->mean[kind][i] = test.mean;
            summary->se[kind][i] = test.se;
            summary->p[kind][i] = test.p;
        }
        for (size_t r = 0; r < sets->regions->n; r++) {
            BA_TRY(ba_fdr_bh(
                summary->p[kind] + r * sets->n, sets->n, summary->q[kind] + r * sets->n));
        }
    }
out:
    ba_free(values);
    return status;
}

static int
has_kind(const ba_align_sets_t *sets, size_t kind)
{
    return kind != BA_SET_SHAPLEY || sets->aligning->opts->shapley;
}

static int
is_tested(size_t kind)
{
    return kind == BA_SET_DELTA_R2 || kind == BA_SET_SHAPLEY;
}

static int
write_members(ba_bundle_t *bundle, const ba_align_sets_t *sets)
{
    int status = BA_OK;
    size_t n = sets->n, n_members = sets->start[n], dims[] = {n_members, 2}, s = 0;
    int64_t *members = NULL;

    BA_TRY_ALLOC(members, ba_malloc(n_members, 2 * sizeof *members));
    for (size_t i = 0; i < n_members; i++) {
        while (sets->start[s + 1] <= i) {
            s++;
        }
        members[2 * i] = (int64_t) s;
        members[2 * i + 1] = (int64_t) sets->neurons[i];
    }
    BA_TRY(ba_bundle_write_strings(
        bundle, "/sets/name", n, (const char *const *) sets->names));
    BA_TRY(ba_bundle_write(bundle, "/sets/members", BA_I64, 2, dims, members));
out:
    ba_free(members);
    return status;
}

static int
write_regions(ba_bundle_t *bundle, const ba_align_sets_t *sets, const summary_t *summary)
{
    int status = BA_OK;
    size_t dims[] = {sets->regions->n, sets->n};
    char path[64];

    BA_TRY(ba_bundle_write_strings(bundle, "/sets/by_region/region", sets->regions->n,
        (const char *const *) sets->regions->name));
    for (size_t kind = 0; kind < BA_SET_N; kind++) {
        const double *const arrays[] = {
            summary->mean[kind], summary->se[kind], summary->p[kind], summary->q[kind]};
        static const char *const ends[] = {"", "_se", "_p", "_q"};

        for (size_t i = 0; has_kind(sets, kind) && i < (is_tested(kind) ? 4 : 1); i++) {
            snprintf(path, sizeof path, "/sets/by_region/%s%s", names[kind], ends[i]);
            BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, dims, arrays[i]));
        }
    }
out:
    return status;
}

int
ba_align_sets_write(const ba_align_sets_t *sets, double share, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t v = sets->aligning->n_targets, dims[] = {sets->n, v};
    char path[64];
    summary_t summary = {.block = NULL};

    if (sets->n == 0) {
        return BA_OK;
    }
    BA_TRY(summarise(sets, share, &summary));
    BA_TRY(write_members(bundle, sets));
    for (size_t kind = 0; kind < BA_SET_N; kind++) {
        if (has_kind(sets, kind)) {
            snprintf(path, sizeof path, "/sets/%s", names[kind]);
            BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, dims,
                sets->mean + ba_align_sets_place(sets, kind, 0)));
        }
    }
    if (sets->aligning->opts->shapley) {
        BA_TRY(ba_bundle_write(bundle, "/sets/empty_r2", BA_F64, 1, &v,
            sets->mean + ba_align_sets_place(sets, BA_SET_N, 0)));
    }
    BA_TRY(write_regions(bundle, sets, &summary));
out:
    ba_free(summary.block);
    return status;
}

static int
put_row(ba_table_writer_t *table, const ba_align_sets_t *sets, const summary_t *summary,
    size_t region, size_t set)
{
    int status;
    size_t at = region * sets->n + set;

    BA_TRY(ba_table_put_text(table, sets->names[set]));
    BA_TRY(ba_table_put_number(
        table, (double) (sets->start[set + 1] - sets->start[set]), DIGITS));
    BA_TRY(ba_table_put_text(table, sets->regions->name[region]));
    for (size_t kind = 0; kind < BA_SET_N; kind++) {
        if (!has_kind(sets, kind)) {
            continue;
        }
        BA_TRY(ba_table_put_number(table, summary->mean[kind][at], DIGITS));
        if (is_tested(kind)) {
            BA_TRY(ba_table_put_number(table, summary->se[kind][at], DIGITS));
            BA_TRY(ba_table_put_number(table, summary->p[kind][at], DIGITS));
            BA_TRY(ba_table_put_number(table, summary->q[kind][at], DIGITS));
        }
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

int
ba_align_sets_write_table(const ba_align_sets_t *sets, double share, const char *file,
    int force, ba_table_writer_t **out)
{
    static const char *const header[] = {"set", "n_neurons", "region", "delta_r2", "se",
        "p", "q", "delta_r", "zero_out_r2", "only_r2", "only_r", "shapley", "shapley_se",
        "shapley_p", "shapley_q"};
    int status;
    size_t n_cells = sizeof header / sizeof *header;
    summary_t summary = {.block = NULL};

    BA_TRY(ba_table_create(file, force, out));
    BA_TRY(summarise(sets, share, &summary));
    for (size_t i = 0; i < (has_kind(sets, BA_SET_SHAPLEY) ? n_cells : n_cells - 4);
         i++) {
        BA_TRY(ba_table_put_text(*out, header[i]));
    }
    BA_TRY(ba_table_end_row(*out));
    for (size_t s = 0; s < sets->n; s++) {
        for (size_t r = 0; r < sets->regions->n; r++) {
            BA_TRY(put_row(*out, sets, &summary, r, s));
        }
    }
    BA_TRY(ba_table_finish(*out));
out:
    ba_free(summary.block);
    return status;
}
