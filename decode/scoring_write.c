/* SPDX-License-Identifier: GPL-3.0-or-later */
/* score.json and the table of items (docs/formats.md). */
#include "decode/scoring_impl.h"

#include "brainalign/hash.h"
#include "brainalign/version.h"
#include "core/alloc.h"
#include "core/resource.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Significant digits of the table. */
enum { DIGITS = 6 };

static const char *const similarity_words[] = {
    [BA_SIMILARITY_COSINE] = "cosine",
    [BA_SIMILARITY_CORRELATION] = "correlation",
    [BA_SIMILARITY_EUCLIDEAN] = "euclidean",
    [BA_SIMILARITY_SQUARED_EUCLIDEAN] = "sqeuclidean",
};

static const char *const null_words[] = {
    [BA_EXCHANGE_ITEMS] = "items",
    [BA_EXCHANGE_WITHIN_GROUPS] = "within-groups",
    [BA_EXCHANGE_GROUPS] = "groups",
    [BA_EXCHANGE_BLOCKS] = "blocks",
    [BA_EXCHANGE_CIRCULAR] = "circular",
    [BA_EXCHANGE_GIVEN] = "given",
};

static int
check_absent(const char *file, int force)
{
    if (file && !force && access(file, F_OK) == 0) {
        return ba_fail(BA_EXISTS, "%s: exists, --force replaces it", file);
    }
    return BA_OK;
}

int
ba_scoring_outputs_open(const ba_decode_score_opts_t *opts, ba_scoring_outputs_t *out)
{
    int status;

    *out = (ba_scoring_outputs_t){0};
    BA_TRY(check_absent(opts->output, opts->force));
    BA_TRY(check_absent(opts->table, opts->force));
    if (opts->dry_run) {
        goto out;
    }
    if (opts->output) {
        BA_TRY(ba_json_create(opts->output, opts->force, &out->json));
    }
    if (opts->table) {
        BA_TRY(ba_table_create(opts->table, opts->force, &out->table));
    }
out:
    return status;
}

void
ba_scoring_outputs_close(ba_scoring_outputs_t *outputs)
{
    ba_json_free(outputs->json);
    ba_table_writer_free(outputs->table);
}

static void
put_statistic(ba_json_writer_t *json, const char *name, const ba_statistic_t *statistic)
{
    ba_json_open_object(json, name, BA_JSON_LINE);
    ba_json_number(json, "value", statistic->value);
    ba_json_number(json, "chance", statistic->chance);
    ba_json_number(json, "p", statistic->p);
    ba_json_integer(json, "n", (int64_t) statistic->n);
    ba_json_number(json, "null_mean", statistic->null_mean);
    ba_json_number(json, "null_sd", statistic->null_sd);
    ba_json_integer(json, "null_distinct", (int64_t) statistic->n_distinct);
    ba_json_close(json);
}

static void
put_counts(ba_json_writer_t *json, const char *name, const size_t *counts, size_t n)
{
    ba_json_open_list(json, name, BA_JSON_LINE);
    for (size_t i = 0; i < n; i++) {
        ba_json_integer(json, NULL, (int64_t) counts[i]);
    }
    ba_json_close(json);
}

static void
put_numbers(ba_json_writer_t *json, const char *name, const double *numbers, size_t n)
{
    ba_json_open_list(json, name, BA_JSON_LINE);
    for (size_t i = 0; i < n; i++) {
        ba_json_number(json, NULL, numbers[i]);
    }
    ba_json_close(json);
}

static void
put_spec(ba_json_writer_t *json, const char *name, const char *spec)
{
    if (spec) {
        ba_json_string(json, name, spec);
    } else {
        ba_json_null(json, name);
    }
}

static void
put_options(ba_json_writer_t *json, const ba_decode_score_opts_t *opts,
    const ba_decode_scores_t *scores)
{
    ba_json_open_object(json, "options", BA_JSON_LINES);
    put_spec(json, "predicted", opts->predicted);
    put_spec(json, "true", opts->truth);
    put_spec(json, "gallery", opts->gallery);
    put_spec(json, "true_column", opts->own);
    put_spec(json, "groups", opts->groups);
    put_spec(json, "runs", opts->runs);
    put_spec(json, "repeats", opts->repeats);
    ba_json_string(json, "similarity", similarity_words[opts->similarity]);
    ba_json_string(json, "center", opts->is_centred ? "items" : "none");
    ba_json_integer(json, "segment", opts->segment > 1 ? (int64_t) opts->segment : 1);
    ba_json_integer(json, "min_distance", (int64_t) opts->min_distance);
    put_counts(json, "top", scores->top, scores->n_top);
    ba_json_close(json);
}

static void
put_sizes(ba_json_writer_t *json, const ba_decode_scores_t *scores)
{
    ba_json_integer(json, "n_rows", (int64_t) scores->n_rows);
    ba_json_integer(json, "n_rows_left_out", (int64_t) scores->n_left_out);
    ba_json_integer(json, "n_rows_not_decoded", (int64_t) scores->n_missing);
    ba_json_integer(json, "n_items", (int64_t) scores->n_items);
    ba_json_integer(json, "n_candidates", (int64_t) scores->n_candidates);
    ba_json_integer(json, "n_dimensions", (int64_t) scores->n_dims);
    ba_json_integer(json, "n_groups", (int64_t) scores->n_groups);
    ba_json_integer(json, "n_runs", (int64_t) scores->n_runs);
    ba_json_integer(
        json, "n_predictions_without_norm", (int64_t) scores->n_zero_predictions);
    ba_json_integer(
        json, "n_candidates_without_norm", (int64_t) scores->n_zero_candidates);
    ba_json_integer(json, "n_identical_candidates", (int64_t) scores->n_identical);
    ba_json_integer(json, "n_tied_items", (int64_t) scores->scores.n_tied);
    ba_json_integer(json, "n_constant_dimensions", (int64_t) scores->n_constant);
}

static void
put_null(ba_json_writer_t *json, const ba_provenance_t *provenance,
    const ba_decode_score_opts_t *opts, const ba_exchange_info_t *info)
{
    if (opts->n_permutations == 0) {
        ba_json_null(json, "null");
        return;
    }
    ba_json_open_object(json, "null", BA_JSON_LINE);
    ba_json_string(json, "exchanges", null_words[opts->null]);
    if (opts->null == BA_EXCHANGE_BLOCKS) {
        ba_json_integer(json, "block", (int64_t) opts->block);
    }
    ba_json_integer(json, "n_permutations", (int64_t) info->n_permutations);
    ba_json_number(json, "n_orders", info->n_distinct);
    ba_json_bool(json, "is_exact", info->is_exact);
    ba_json_number(json, "smallest_p", info->smallest_p);
    ba_json_integer(json, "seed", provenance->ctx ? (int64_t) provenance->ctx->seed : 0);
    ba_json_close(json);
}

static void
put_pairs(ba_json_writer_t *json, const ba_identified_t *scores)
{
    put_statistic(json, "pairwise_2v2", &scores->sum);
    put_statistic(json, "pairwise_single", &scores->single);
    put_statistic(json, "pairwise_strict", &scores->strict);
    if (scores->within.n_pairs + scores->between.n_pairs > 0) {
        put_statistic(json, "pairwise_2v2_within_groups", &scores->within_sum);
        put_statistic(json, "pairwise_2v2_between_groups", &scores->between_sum);
    }
    ba_json_open_object(json, "pair_ties", BA_JSON_LINE);
    ba_json_integer(json, "sum", (int64_t) scores->pairs.sum_tied);
    ba_json_integer(json, "single", (int64_t) scores->pairs.single_tied);
    ba_json_integer(json, "pairs_with_any", (int64_t) scores->pairs.any_tied);
    ba_json_close(json);
}

/* A list with one number of each statistic of the curve at k: value, chance or p. */
static void
put_curve_numbers(
    ba_json_writer_t *json, const char *name, const ba_decode_scores_t *scores, size_t k)
{
    ba_json_open_list(json, name, BA_JSON_LINE);
    for (size_t g = 0; g < scores->n_gallery_sizes; g++) {
        const ba_statistic_t *statistic = &scores->scores.curve[g * scores->n_top + k];

        ba_json_number(json, NULL,
            *name == 'v'   ? statistic->value
            : *name == 'c' ? statistic->chance
                           : statistic->p);
    }
    ba_json_close(json);
}

static void
put_curve(ba_json_writer_t *json, const ba_decode_scores_t *scores)
{
    char name[32];

    ba_json_open_object(json, "gallery_curve", BA_JSON_LINES);
    ba_json_integer(json, "n", (int64_t) scores->n_items);
    put_counts(json, "size", scores->gallery_sizes, scores->n_gallery_sizes);
    for (size_t k = 0; k < scores->n_top; k++) {
        snprintf(name, sizeof name, "top%zu", scores->top[k]);
        ba_json_open_object(json, name, BA_JSON_LINES);
        put_curve_numbers(json, "value", scores, k);
        put_curve_numbers(json, "chance", scores, k);
        put_curve_numbers(json, "p", scores, k);
        ba_json_close(json);
    }
    ba_json_close(json);
}

static void
put_scores(ba_json_writer_t *json, const ba_decode_scores_t *scores)
{
    const ba_identified_t *found = &scores->scores;
    char name[32];

    put_pairs(json, found);
    put_statistic(json, "rank_accuracy", &found->rank_accuracy);
    for (size_t k = 0; k < scores->n_top; k++) {
        snprintf(name, sizeof name, "top%zu", scores->top[k]);
        put_statistic(json, name, &found->top[k]);
    }
    put_statistic(json, "mrr", &found->mrr);
    put_statistic(json, "d_prime", &found->d_prime);
    put_statistic(json, "r_mean", &scores->r_mean);
    put_statistic(json, "pattern_r_mean", &scores->pattern_r);
    ba_json_open_object(json, "rank", BA_JSON_LINE);
    ba_json_number(json, "mean", found->mean_rank);
    ba_json_number(json, "median", found->median_rank);
    ba_json_number(json, "chance", ba_chance_rank(scores->n_candidates));
    ba_json_close(json);
    ba_json_open_object(json, "hubness", BA_JSON_LINE);
    for (size_t k = 0; k < scores->n_top; k++) {
        snprintf(name, sizeof name, "top%zu", scores->top[k]);
        ba_json_number(json, name, scores->hubness[k]);
    }
    ba_json_close(json);
    put_curve(json, scores);
    put_numbers(json, "r_by_dimension", scores->r, scores->n_dims);
}

static void
put_ceiling(ba_json_writer_t *json, const ba_decode_score_opts_t *opts,
    const ba_decode_scores_t *scores)
{
    const ba_repeat_identification_t *ceiling = &scores->ceiling;
    char name[32];

    if (ceiling->n_comparisons == 0) {
        return;
    }
    ba_json_open_object(json, "ceiling", BA_JSON_LINES);
    ba_json_string(json, "of",
        opts->against == BA_AGAINST_ONE ? "one repeat in another"
                                        : "one repeat in the mean of the others");
    ba_json_integer(json, "n_repeats", (int64_t) scores->n_repeats);
    ba_json_integer(json, "n_comparisons", (int64_t) ceiling->n_comparisons);
    ba_json_number(json, "pairwise_2v2", ceiling->sum);
    ba_json_number(json, "pairwise_single", ceiling->single);
    ba_json_number(json, "pairwise_strict", ceiling->strict);
    ba_json_number(json, "rank_accuracy", ceiling->rank_accuracy);
    for (size_t k = 0; k < scores->n_top; k++) {
        snprintf(name, sizeof name, "top%zu", scores->top[k]);
        ba_json_number(json, name, ceiling->top[k]);
    }
    ba_json_number(json, "mrr", ceiling->mrr);
    ba_json_number(json, "d_prime", ceiling->d_prime);
    ba_json_close(json);
}

/* The files behind every source. */
static int
put_inputs(ba_json_writer_t *json, const ba_scoring_inputs_t *inputs)
{
    const ba_source_t *const sources[] = {inputs->predicted, inputs->truth,
        inputs->gallery, inputs->own, inputs->groups, inputs->repeats};
    const char *file;
    char hex[33];
    uint64_t n_bytes;
    int status = BA_OK;

    ba_json_open_list(json, "inputs", BA_JSON_LINES);
    for (size_t s = 0; s < sizeof sources / sizeof *sources; s++) {
        for (size_t i = 0; sources[s] && (file = ba_source_file(sources[s], i)); i++) {
            BA_TRY(ba_hash_file(file, hex, &n_bytes));
            ba_json_open_object(json, NULL, BA_JSON_LINE);
            ba_json_string(json, "file", file);
            ba_json_integer(json, "bytes", (int64_t) n_bytes);
            ba_json_string(json, "xxh3_128", hex);
            ba_json_close(json);
        }
    }
    ba_json_close(json);
out:
    return status;
}

static int
put_provenance(ba_json_writer_t *json, const ba_provenance_t *provenance,
    const ba_scoring_inputs_t *inputs)
{
    int status;

    ba_json_open_object(json, "provenance", BA_JSON_LINES);
    ba_json_string(json, "version", ba_version());
    ba_json_string(json, "build", ba_version_build());
    ba_json_string(json, "blas_core", ba_version_blas_core());
    ba_json_open_list(json, "arguments", BA_JSON_LINE);
    for (int i = 0; i < provenance->argc; i++) {
        ba_json_string(json, NULL, provenance->argv[i]);
    }
    ba_json_close(json);
    BA_TRY(put_inputs(json, inputs));
    ba_json_integer(json, "seed", provenance->ctx ? (int64_t) provenance->ctx->seed : 0);
    ba_json_integer(json, "threads", ba_ctx_threads(provenance->ctx));
    ba_json_string(json, "start", provenance->start);
    ba_json_number(json, "wall_seconds", ba_seconds() - provenance->start_seconds);
    ba_json_integer(json, "peak_bytes", (int64_t) ba_peak_bytes());
    ba_json_close(json);
out:
    return status;
}

static int
write_table(ba_table_writer_t *table, const ba_scoring_inputs_t *inputs,
    const size_t *better, const size_t *tied, const ba_decode_scores_t *scores)
{
    static const char *const columns[] = {
        "item", "row", "rank", "better", "tied", "rank_accuracy", "mrr", "pattern_r"};
    int status = BA_OK;

    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        BA_TRY(ba_table_put_text(table, columns[c]));
    }
    BA_TRY(ba_table_end_row(table));
    for (size_t i = 0; i < scores->n_items; i++) {
        double rank = ba_rank_middle(better[i], tied[i]);
        double n_others = (double) scores->n_candidates - 1;

        BA_TRY(ba_table_put_integer(table, (int64_t) i));
        BA_TRY(ba_table_put_integer(table, (int64_t) inputs->starts[i]));
        BA_TRY(ba_table_put_number(table, rank, 15));
        BA_TRY(ba_table_put_integer(table, (int64_t) better[i]));
        BA_TRY(ba_table_put_integer(table, (int64_t) tied[i]));
        BA_TRY(ba_table_put_number(table, 1 - (rank - 1) / n_others, DIGITS));
        BA_TRY(
            ba_table_put_number(table, ba_rank_reciprocal(better[i], tied[i]), DIGITS));
        BA_TRY(ba_table_put_number(table, scores->pattern[i], DIGITS));
        BA_TRY(ba_table_end_row(table));
    }
out:
    return status;
}

int
ba_scoring_write(const ba_scoring_outputs_t *outputs, const ba_provenance_t *provenance,
    const ba_decode_score_opts_t *opts, const ba_scoring_inputs_t *inputs,
    const size_t *better, const size_t *tied, const ba_decode_scores_t *scores)
{
    ba_json_writer_t *json = outputs->json;
    int status = BA_OK;

    if (outputs->table) {
        BA_TRY(write_table(outputs->table, inputs, better, tied, scores));
        BA_TRY(ba_table_finish(outputs->table));
    }
    if (json) {
        ba_json_string(json, "format", "brainalign-decode-score");
        ba_json_integer(json, "format_version", 1);
        put_options(json, opts, scores);
        put_sizes(json, scores);
        put_null(json, provenance, opts, &scores->exchange);
        put_scores(json, scores);
        put_ceiling(json, opts, scores);
        BA_TRY(put_provenance(json, provenance, inputs));
        BA_TRY(ba_json_commit(json));
    }
    if (outputs->table) {
        BA_TRY(ba_table_commit(outputs->table));
    }
out:
    return status;
}
