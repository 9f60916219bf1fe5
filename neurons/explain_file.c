/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The result file and the tables of neurons explain (docs/formats.md). */
#include "neurons/explain_impl.h"

#include "core/alloc.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Numbers of ba_explained_t that are written, by data set. */
typedef struct {
    const char *path;
    size_t offset;
} number_t;

static const number_t numbers[] = {
    {"/score", offsetof(ba_explained_t, train.score)},
    {"/iou", offsetof(ba_explained_t, iou)},
    {"/precision", offsetof(ba_explained_t, precision)},
    {"/recall", offsetof(ba_explained_t, recall)},
    {"/test/iou", offsetof(ba_explained_t, test.score)},
    {"/test/precision", offsetof(ba_explained_t, precision_test)},
    {"/test/recall", offsetof(ba_explained_t, recall_test)},
    {"/p", offsetof(ba_explained_t, p)},
    {"/q", offsetof(ba_explained_t, q)},
};

enum { N_NUMBERS = sizeof numbers / sizeof numbers[0], DIGITS = 9 };

static double
number_of(const ba_explained_t *found, size_t which)
{
    double value;

    memcpy(&value, (const char *) found + numbers[which].offset, sizeof value);
    return value;
}

/* "n/a" where there is none; the caller frees. */
static char *
text_of(const ba_explaining_t *job, const ba_formula_t *formula)
{
    char *text = NULL;

    if (formula->n_leaves == 0) {
        return ba_strdup("n/a");
    }
    return ba_formula_text(formula, (const char *const *) job->leaves.names, &text) ==
                   BA_OK
               ? text
               : NULL;
}

static int
write_numbers(const ba_explaining_t *job, ba_bundle_t *bundle)
{
    size_t dims[] = {job->n_neurons, job->n_lengths}, n = dims[0] * dims[1];
    double *values = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_malloc(n, sizeof *values));
    for (size_t which = 0; which < N_NUMBERS; which++) {
        for (size_t i = 0; i < n; i++) {
            values[i] = number_of(&job->found[i], which);
        }
        BA_TRY(ba_bundle_write(bundle, numbers[which].path, BA_F64, 2, dims, values));
    }
out:
    ba_free(values);
    return status;
}

/* Tokens of formulas and of both, on training and test tokens. */
static int
write_counts(const ba_explaining_t *job, ba_bundle_t *bundle)
{
    static const char *const paths[] = {
        "/n_formula", "/n_both", "/test/n_formula", "/test/n_both"};
    size_t dims[] = {job->n_neurons, job->n_lengths}, n = dims[0] * dims[1];
    int64_t *values = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_malloc(n, sizeof *values));
    for (size_t which = 0; which < 4; which++) {
        for (size_t i = 0; i < n; i++) {
            const ba_formula_t *formula =
                which < 2 ? &job->found[i].train : &job->found[i].test;

            values[i] = which % 2 == 0 ? formula->n_formula : formula->n_both;
        }
        BA_TRY(ba_bundle_write(bundle, paths[which], BA_I64, 2, dims, values));
    }
    for (size_t which = 0; which < 2; which++) {
        for (size_t k = 0; k < job->n_neurons; k++) {
            values[k] = which == 0 ? job->n_on[k] : job->n_on_test[k];
        }
        BA_TRY(ba_bundle_write(
            bundle, which == 0 ? "/n_on" : "/test/n_on", BA_I64, 1, dims, values));
    }
    BA_TRY(ba_bundle_write(bundle, "/threshold", BA_F64, 1, dims, job->threshold));
    BA_TRY(ba_bundle_write(bundle, "/proven", BA_U8, 1, dims, job->proven));
out:
    ba_free(values);
    return status;
}

static int
write_formulas(const ba_explaining_t *job, ba_bundle_t *bundle)
{
    size_t n = job->n_neurons * job->n_lengths;
    char **texts = NULL;
    int64_t *counts = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(texts, ba_calloc(n, sizeof *texts));
    for (size_t i = 0; i < n; i++) {
        BA_TRY_ALLOC(texts[i], text_of(job, &job->found[i].train));
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/formula", n, (const char *const *) texts));
    BA_TRY(ba_bundle_write_strings(bundle, "/leaves/name", job->leaves.n_leaves,
        (const char *const *) job->leaves.names));
    BA_TRY_ALLOC(counts, ba_malloc(job->leaves.n_leaves, sizeof *counts));
    for (size_t l = 0; l < job->leaves.n_leaves; l++) {
        counts[l] = job->leaves.train->count[l];
    }
    BA_TRY(ba_bundle_write(
        bundle, "/leaves/n_tokens", BA_I64, 1, &job->leaves.n_leaves, counts));
out:
    for (size_t i = 0; texts && i < n; i++) {
        ba_free(texts[i]);
    }
    ba_free(texts);
    ba_free(counts);
    return status;
}

static int
write_attributes(const ba_explaining_t *job, ba_bundle_t *bundle)
{
    static const char *const scores[] = {"iou", "precision", "recall"};
    const ba_explain_opts_t *opts = job->opts;
    const int64_t counts[] = {(int64_t) opts->formula.n_leaves,
        (int64_t) opts->formula.beam, opts->formula.overlap_only,
        opts->formula.keep_equal, opts->formula.exact, (int64_t) opts->min_on,
        (int64_t) opts->n_permutations, (int64_t) job->n_train, (int64_t) job->n_test,
        (int64_t) job->n_shifts};
    static const char *const names[] = {"n_lengths", "beam", "overlap_only", "keep_equal",
        "exact", "min_on", "n_permutations", "n_train", "n_test", "n_shifts"};
    double quantile = isnan(opts->threshold) ? opts->quantile : (double) NAN;
    int status;

    BA_TRY(ba_neuron_write_format(bundle, "brainalign-explain"));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "score", scores[opts->formula.score]));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "null",
        opts->n_permutations == 0            ? "none"
        : job->null == BA_EXPLAIN_NULL_TYPES ? "types"
                                             : "circular"));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        BA_TRY(ba_bundle_attr_i64(bundle, "/", names[i], 1, &counts[i]));
    }
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "quantile", 1, &quantile));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "penalty", 1, &opts->formula.penalty));
out:
    return status;
}

static int
fill_bundle(const ba_explaining_t *job, ba_bundle_t *bundle)
{
    int status;

    BA_TRY(write_attributes(job, bundle));
    BA_TRY(ba_neuron_write(
        bundle, "/neurons", &job->activations->neurons, job->only, job->n_neurons));
    BA_TRY(write_numbers(job, bundle));
    BA_TRY(write_counts(job, bundle));
    BA_TRY(write_formulas(job, bundle));
    BA_TRY(ba_neuron_write_provenance(
        bundle, &job->provenance, &job->activations->source, 1, job->opts->inputs));
out:
    return status;
}

static int
put_formula(const ba_explaining_t *job, ba_table_writer_t *table, size_t k, size_t i)
{
    const ba_explained_t *found = &job->found[k * job->n_lengths + i];
    char *text = NULL;
    int status = BA_OK;

    BA_TRY(
        ba_neuron_put(table, &job->activations->neurons, ba_explaining_neuron(job, k)));
    BA_TRY(ba_table_put_integer(table, (int64_t) i + 1));
    BA_TRY_ALLOC(text, text_of(job, &found->train));
    BA_TRY(ba_table_put_text(table, text));
    for (size_t which = 0; which < N_NUMBERS; which++) {
        BA_TRY(ba_table_put_number(table, number_of(found, which), DIGITS));
    }
    BA_TRY(ba_table_put_integer(table, job->n_on[k]));
    BA_TRY(ba_table_put_integer(table, found->train.n_formula));
    BA_TRY(ba_table_put_integer(table, found->train.n_both));
    BA_TRY(ba_table_put_number(table, job->threshold[k], DIGITS));
    BA_TRY(ba_table_put_text(table, job->proven[k] > i ? "yes" : "no"));
    BA_TRY(ba_table_end_row(table));
out:
    ba_free(text);
    return status;
}

static int
fill_table(const ba_explaining_t *job, ba_table_writer_t *table)
{
    static const char *const names[] = {"length", "formula", "score", "iou", "precision",
        "recall", "iou_test", "precision_test", "recall_test", "p", "q", "n_on",
        "n_formula", "n_both", "threshold", "proven"};
    int status;

    BA_TRY(ba_neuron_put_header(table));
    BA_TRY(ba_table_put_names(table, names, sizeof names / sizeof names[0]));
    for (size_t k = 0; k < job->n_neurons; k++) {
        for (size_t i = 0; i < job->n_lengths; i++) {
            BA_TRY(put_formula(job, table, k, i));
        }
    }
out:
    return status;
}

static int
fill_words(const ba_explaining_t *job, ba_table_writer_t *table)
{
    static const char *const names[] = {
        "rank", "word", "score", "mean_z", "largest", "n_tokens"};
    int status;

    BA_TRY(ba_neuron_put_header(table));
    BA_TRY(ba_table_put_names(table, names, sizeof names / sizeof names[0]));
    for (size_t i = 0; job->words && i < job->n_neurons * job->opts->n_words; i++) {
        const ba_top_word_t *word = &job->words[i];
        size_t k = i / job->opts->n_words;

        if (word->type == UINT32_MAX) {
            continue;
        }
        BA_TRY(ba_neuron_put(
            table, &job->activations->neurons, ba_explaining_neuron(job, k)));
        BA_TRY(ba_table_put_integer(table, (int64_t) (i % job->opts->n_words) + 1));
        BA_TRY(ba_table_put_text(table, job->concepts->type_names[word->type]));
        BA_TRY(ba_table_put_number(table, word->score, DIGITS));
        BA_TRY(ba_table_put_number(table, word->mean, DIGITS));
        BA_TRY(ba_table_put_number(table, word->most, DIGITS));
        BA_TRY(ba_table_put_integer(table, (int64_t) job->n_of_type[word->type]));
        BA_TRY(ba_table_end_row(table));
    }
out:
    return status;
}

/* Forms of tokens `first` up to `stop`, with spaces between. */
static int
put_span(const ba_explaining_t *job, ba_table_writer_t *table, size_t first, size_t stop)
{
    char *text = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(text, ba_strdup(""));
    for (size_t t = first; t < stop; t++) {
        char *longer =
            ba_asprintf("%s%s%s", text, t > first ? " " : "", job->concepts->forms[t]);

        ba_free(text);
        BA_TRY_ALLOC(text, longer);
    }
    BA_TRY(ba_table_put_text(table, text));
out:
    ba_free(text);
    return status;
}

static int
put_context(const ba_explaining_t *job, ba_table_writer_t *table, size_t i)
{
    const size_t *sentence = job->concepts->sentence;
    size_t k = i / job->opts->n_contexts, t = job->contexts[i], first = t, stop = t + 1;
    size_t window = job->opts->window;
    int status;

    while (first > 0 && t - first < window &&
           (!sentence || sentence[first - 1] == sentence[t])) {
        first--;
    }
    while (stop < job->n_tokens && stop - t <= window &&
           (!sentence || sentence[stop] == sentence[t])) {
        stop++;
    }
    BA_TRY(
        ba_neuron_put(table, &job->activations->neurons, ba_explaining_neuron(job, k)));
    BA_TRY(ba_table_put_integer(table, (int64_t) (i % job->opts->n_contexts) + 1));
    BA_TRY(ba_table_put_integer(table, (int64_t) t));
    BA_TRY(ba_table_put_integer(table, sentence ? (int64_t) sentence[t] : -1));
    BA_TRY(ba_table_put_number(table, job->context_value[i], DIGITS));
    BA_TRY(put_span(job, table, first, t));
    BA_TRY(put_span(job, table, t, t + 1));
    BA_TRY(put_span(job, table, t + 1, stop));
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
fill_contexts(const ba_explaining_t *job, ba_table_writer_t *table)
{
    static const char *const names[] = {
        "rank", "token", "sentence", "activation", "left", "word", "right"};
    int status;

    BA_TRY(ba_neuron_put_header(table));
    BA_TRY(ba_table_put_names(table, names, sizeof names / sizeof names[0]));
    for (size_t i = 0; job->contexts && i < job->n_neurons * job->opts->n_contexts; i++) {
        if (job->contexts[i] != UINT32_MAX) {
            BA_TRY(put_context(job, table, i));
        }
    }
out:
    return status;
}

int
ba_explain_outputs_create(const ba_explain_opts_t *opts, ba_explain_outputs_t *outputs)
{
    const char *const files[] = {opts->table, opts->words, opts->contexts};
    int status;

    BA_TRY(ba_bundle_create(opts->output, opts->force, &outputs->bundle));
    for (size_t i = 0; i < 3; i++) {
        if (files[i]) {
            BA_TRY(ba_table_create(files[i], opts->force, &outputs->tables[i]));
        }
    }
out:
    return status;
}

/* Everything is written out before the first file gets its name. */
int
ba_explain_outputs_write(const ba_explaining_t *job, ba_explain_outputs_t *outputs)
{
    int (*const fill[])(const ba_explaining_t *, ba_table_writer_t *) = {
        fill_table, fill_words, fill_contexts};
    int status;

    BA_TRY(fill_bundle(job, outputs->bundle));
    for (size_t i = 0; i < 3; i++) {
        if (outputs->tables[i]) {
            BA_TRY(fill[i](job, outputs->tables[i]));
            BA_TRY(ba_table_finish(outputs->tables[i]));
        }
    }
    BA_TRY(ba_bundle_commit(outputs->bundle));
    for (size_t i = 0; i < 3; i++) {
        if (outputs->tables[i]) {
            BA_TRY(ba_table_commit(outputs->tables[i]));
        }
    }
out:
    return status;
}

void
ba_explain_outputs_free(ba_explain_outputs_t *outputs)
{
    for (size_t i = 0; i < 3; i++) {
        ba_table_writer_free(outputs->tables[i]);
    }
    ba_bundle_free(outputs->bundle);
}
