/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Backward eliminations in files. */
#include "neurons/aligning_elimination.h"

#include "core/alloc.h"
#include "model/fold_test.h"

#include <math.h>

enum { DIGITS = 9 };

/* How many went before each neuron in the elimination by all folds, n_regions x n_neurons. */
static void
fill_scores(const ba_align_elimination_t *e, double *scores)
{
    size_t k = e->aligning->n_folds, n = e->aligning->neurons.n_neurons;

    for (size_t r = 0; r < e->regions->n; r++) {
        const int64_t *order = e->order + (r * (k + 1) + k) * n;

        for (size_t i = 0; i < n; i++) {
            if (order[0] < 0) {
                scores[r * n + i] = NAN;
            } else {
                scores[r * n + (size_t) order[i]] = (double) i;
            }
        }
    }
}

/* Of each fold the minimal set that the others chose, n_regions x n_folds. */
static void
fill_minimal(const ba_align_elimination_t *e, double *r2)
{
    size_t k = e->aligning->n_folds, n = e->aligning->neurons.n_neurons;

    for (size_t i = 0; i < e->regions->n * k; i++) {
        int64_t size = e->size[i / k * (k + 1) + i % k];

        r2[i] = size < 0 ? (double) NAN : e->held[i * (n + 1) + n - (size_t) size];
    }
}

int
ba_align_elimination_write(const ba_align_elimination_t *e, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t k = e->aligning->n_folds, n = e->aligning->neurons.n_neurons;
    size_t r = e->regions->n;
    double *scores = NULL, *minimal = NULL;

    if (!e->order) {
        return BA_OK;
    }
    BA_TRY_ALLOC(scores, ba_malloc(r, n * sizeof *scores));
    BA_TRY_ALLOC(minimal, ba_malloc(r, k * sizeof *minimal));
    fill_scores(e, scores);
    fill_minimal(e, minimal);
    BA_TRY(ba_bundle_write_strings(
        bundle, "/elimination/region", r, (const char *const *) e->regions->name));
    BA_TRY(ba_bundle_write(
        bundle, "/elimination/score", BA_F64, 2, (size_t[]){r, n}, scores));
    BA_TRY(ba_bundle_write(
        bundle, "/elimination/order", BA_I64, 3, (size_t[]){r, k + 1, n}, e->order));
    BA_TRY(ba_bundle_write(
        bundle, "/elimination/size", BA_I64, 2, (size_t[]){r, k + 1}, e->size));
    BA_TRY(ba_bundle_write(bundle, "/elimination/chosen_r2", BA_F64, 3,
        (size_t[]){r, k + 1, n + 1}, e->chosen));
    BA_TRY(ba_bundle_write(
        bundle, "/elimination/held_out_r2", BA_F64, 3, (size_t[]){r, k, n + 1}, e->held));
    BA_TRY(ba_bundle_write(
        bundle, "/elimination/minimal_r2", BA_F64, 2, (size_t[]){r, k}, minimal));
    BA_TRY(ba_bundle_attr_f64(
        bundle, "/elimination", "tolerance", 1, &e->aligning->opts->tolerance));
out:
    ba_free(scores);
    ba_free(minimal);
    return status;
}

/* On the folds that did not choose. */
static ba_fold_test_t
held_out(const ba_align_elimination_t *e, size_t region, size_t gone, double share,
    double *values)
{
    size_t k = e->aligning->n_folds, n = e->aligning->neurons.n_neurons;

    for (size_t f = 0; f < k; f++) {
        values[f] = e->held[(region * k + f) * (n + 1) + gone];
    }
    return ba_fold_test(values, k, share);
}

static int
put_row(ba_table_writer_t *table, const ba_align_elimination_t *e, size_t region,
    size_t gone, ba_fold_test_t test)
{
    int status;
    size_t k = e->aligning->n_folds, n = e->aligning->neurons.n_neurons;
    size_t row = region * (k + 1) + k;
    int64_t size = e->size[row], last = gone > 0 ? e->order[row * n + gone - 1] : -1;

    BA_TRY(ba_table_put_text(table, e->regions->name[region]));
    BA_TRY(ba_table_put_number(table, (double) (n - gone), DIGITS));
    BA_TRY(ba_table_put_number(table, last < 0 ? (double) NAN : (double) last, DIGITS));
    BA_TRY(ba_table_put_number(table, e->chosen[row * (n + 1) + gone], DIGITS));
    BA_TRY(ba_table_put_number(table, test.mean, DIGITS));
    BA_TRY(ba_table_put_number(table, test.se, DIGITS));
    BA_TRY(
        ba_table_put_text(table, size >= 0 && (size_t) size == n - gone ? "yes" : "no"));
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

int
ba_align_elimination_write_table(const ba_align_elimination_t *e, double share,
    const char *file, int force, ba_table_writer_t **out)
{
    static const char *const header[] = {
        "region", "n_left", "removed", "chosen_r2", "held_out_r2", "se", "minimal"};
    int status;
    size_t n = e->aligning->neurons.n_neurons;
    double *values = NULL;

    BA_TRY(ba_table_create(file, force, out));
    BA_TRY_ALLOC(values, ba_malloc(e->aligning->n_folds, sizeof *values));
    for (size_t i = 0; i < sizeof header / sizeof *header; i++) {
        BA_TRY(ba_table_put_text(*out, header[i]));
    }
    BA_TRY(ba_table_end_row(*out));
    for (size_t r = 0; r < e->regions->n; r++) {
        for (size_t gone = 0; gone <= n; gone++) {
            BA_TRY(put_row(*out, e, r, gone, held_out(e, r, gone, share, values)));
        }
    }
    BA_TRY(ba_table_finish(*out));
out:
    ba_free(values);
    return status;
}
