/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The result file and the table of decode identify. */
#include "decode/identify_impl.h"

#include "brainalign/table.h"
#include "core/alloc.h"

#include <math.h>

/* Whole numbers of the items, one array after the other. */
static int
write_integers(const ba_identified_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    static const char *const paths[] = {"/items/fold", "/items/run", "/items/first",
        "/items/true", "/items/n_candidates"};
    size_t n = found->n_items;
    int64_t *numbers = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n, sizeof *numbers));
    for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
        for (size_t i = 0; i < n; i++) {
            const ba_item_t *item = &found->items[i];
            const int64_t all[] = {item->fold, item->run, item->first, item->truth,
                (int64_t) item->n_candidates};

            numbers[i] = all[k];
        }
        BA_TRY(ba_bundle_write(bundle, paths[k], BA_I64, 1, &n, numbers));
    }
out:
    ba_free(numbers);
    return status;
}

static int
write_numbers(const ba_identified_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    static const char *const paths[] = {"/items/rank", "/items/rank_by_correlation",
        "/items/log_likelihood", "/items/posterior"};
    size_t n = found->n_items;
    double *numbers = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n, sizeof *numbers));
    for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
        for (size_t i = 0; i < n; i++) {
            const ba_item_t *item = &found->items[i];
            const double all[] = {
                item->rank, item->r_rank, item->log_likelihood, item->posterior};

            numbers[i] = all[k];
        }
        BA_TRY(ba_bundle_write(bundle, paths[k], BA_F64, 1, &n, numbers));
    }
out:
    ba_free(numbers);
    return status;
}

/* Every item with every candidate; NaN where a fold's gallery lacks the candidate. */
static int
write_pairs(const ba_identified_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const size_t dims[2] = {found->n_items, found->n_columns};
    const size_t times[3] = {found->n_items, found->segment, found->n_columns};
    ba_sink_t *likelihood, *correlation, *cumulative = NULL;

    BA_TRY(ba_bundle_reserve(bundle, "/log_likelihood", BA_F64, 2, dims, &likelihood));
    BA_TRY(ba_bundle_reserve(bundle, "/correlation", BA_F64, 2, dims, &correlation));
    if (found->folds[0].cumulative) {
        BA_TRY(ba_bundle_reserve(
            bundle, "/evidence/log_likelihood", BA_F64, 3, times, &cumulative));
    }
    for (size_t k = 0; k < found->n_folds; k++) {
        const ba_comparison_t *fold = &found->folds[k];
        const size_t start[2] = {fold->first_item, fold->first_candidate};
        const size_t count[2] = {fold->n_items, fold->n_candidates};

        BA_TRY(ba_sink_write(likelihood, start, count, fold->likelihood));
        BA_TRY(ba_sink_write(correlation, start, count, fold->correlation));
        if (cumulative) {
            BA_TRY(ba_sink_write(cumulative, (size_t[]){start[0], 0, start[1]},
                (size_t[]){count[0], found->segment, count[1]}, fold->cumulative));
        }
    }
out:
    return status;
}

static int
write_scores(const ba_identified_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const struct {
        const char *name;
        double value;
    } scores[] = {
        {"rank_accuracy", found->rank_accuracy},
        {"top1", found->top1},
        {"correlation_rank_accuracy", found->r_rank_accuracy},
        {"two_v_two", found->two_v_two},
    };

    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        BA_TRY(
            ba_bundle_attr_f64(bundle, "/scores", scores[i].name, 1, &scores[i].value));
    }
out:
    return status;
}

int
ba_identified_write(const ba_decoding_t *decoding, const ba_decode_identify_opts_t *opts,
    const ba_identified_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t n = found->n_items, k = found->n_folds;
    const size_t top[2] = {n, found->n_top}, times[2] = {n, found->segment};
    int64_t segment = (int64_t) found->segment;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-identification"));
    BA_TRY(ba_decoding_write(decoding, bundle));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "segment", 1, &segment));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "by", opts->by_correlation ? "correlation" : "likelihood"));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "gallery", opts->gallery ? opts->gallery : "items of the fold"));
    BA_TRY(write_integers(found, bundle));
    BA_TRY(write_numbers(found, bundle));
    BA_TRY(write_pairs(found, bundle));
    BA_TRY(ba_bundle_write(bundle, "/top/candidate", BA_I64, 2, top, found->top));
    BA_TRY(
        ba_bundle_write(bundle, "/top/posterior", BA_F64, 2, top, found->top_posterior));
    BA_TRY(ba_bundle_write(
        bundle, "/evidence/posterior", BA_F64, 2, times, found->time_posterior));
    BA_TRY(ba_bundle_write(bundle, "/evidence/rank", BA_F64, 2, times, found->time_rank));
    BA_TRY(write_scores(found, bundle));
    BA_TRY(ba_bundle_write(bundle, "/noise/share", BA_F64, 1, &k, found->share));
    BA_TRY(ba_bundle_write(bundle, "/noise/share_scores", BA_F64, 2,
        (size_t[]){k, decoding->n_shares}, found->share_scores));
    BA_TRY(ba_bundle_write(bundle, "/noise/n_voxels", BA_I64, 1, &k, found->n_voxels));
    BA_TRY(
        ba_bundle_write(bundle, "/noise/n_residuals", BA_I64, 1, &k, found->n_residuals));
out:
    return status;
}

/* ---- table ---- */

static int
put_header(const ba_identified_t *found, ba_table_writer_t *writer)
{
    int status = BA_OK;
    static const char *const names[] = {"item", "fold", "run", "first", "true", "rank",
        "rank_accuracy", "posterior", "log_likelihood", "rank_by_correlation"};
    char *name = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        BA_TRY(ba_table_put_text(writer, names[i]));
    }
    for (size_t i = 0; i < found->n_top; i++) {
        BA_TRY_ALLOC(name, ba_asprintf("top%zu", i + 1));
        BA_TRY(ba_table_put_text(writer, name));
        ba_free(name);
        name = NULL;
    }
    BA_TRY(ba_table_end_row(writer));
out:
    ba_free(name);
    return status;
}

static int
put_item(const ba_identified_t *found, size_t i, ba_table_writer_t *writer)
{
    int status = BA_OK;
    const ba_item_t *item = &found->items[i];
    double accuracy = 1.0 - (item->rank - 1.0) / ((double) item->n_candidates - 1.0);

    BA_TRY(ba_table_put_integer(writer, (int64_t) i));
    BA_TRY(ba_table_put_integer(writer, item->fold));
    BA_TRY(ba_table_put_integer(writer, item->run));
    BA_TRY(ba_table_put_integer(writer, item->first));
    BA_TRY(item->truth < 0 ? ba_table_put_text(writer, "n/a")
                           : ba_table_put_integer(writer, item->truth));
    BA_TRY(ba_table_put_number(writer, item->rank, 7));
    BA_TRY(ba_table_put_number(writer, accuracy, 7));
    BA_TRY(ba_table_put_number(writer, item->posterior, 7));
    BA_TRY(ba_table_put_number(writer, item->log_likelihood, 10));
    BA_TRY(ba_table_put_number(writer, item->r_rank, 7));
    for (size_t k = 0; k < found->n_top; k++) {
        int64_t top = found->top[i * found->n_top + k];

        BA_TRY(top < 0 ? ba_table_put_text(writer, "n/a")
                       : ba_table_put_integer(writer, top));
    }
    BA_TRY(ba_table_end_row(writer));
out:
    return status;
}

int
ba_identified_table(const ba_decode_identify_opts_t *opts, const ba_identified_t *found)
{
    int status = BA_OK;
    ba_table_writer_t *writer = NULL;

    BA_TRY(ba_table_create(opts->table, opts->force, &writer));
    BA_TRY(put_header(found, writer));
    for (size_t i = 0; i < found->n_items; i++) {
        BA_TRY(put_item(found, i, writer));
    }
    BA_TRY(ba_table_commit(writer));
out:
    ba_table_writer_free(writer);
    return status;
}
