/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/rank_note.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/text.h"

#include "brainalign/significance.h"
#include <math.h>
#include <stdlib.h>

enum { SHOWN = 20 };

static const char *const class_words[] = {"", "open, ", "closed, "};

/* "VERB (open, 491 tokens): best 1001 (ffn 3, unit 101) 0.523, test 0.551; ..." */
static void
note_concept(const ba_ranking_t *ranking, const ba_rank_report_t *report, size_t r)
{
    const ba_neuron_table_t *neurons = &ranking->neurons;
    size_t p = ranking->n_neurons, best = ranking->order[r * p];
    cli_text_t text = {0};

    cli_text_addf(&text, "%s (%s%zu tokens): ", ranking->concepts[r],
        class_words[report->classes[r]], report->n_positive[r]);
    if (report->n_undefined[r] == p) {
        cli_text_add(&text, "no score");
        cli_message_note("%s", cli_text_get(&text));
        cli_text_free(&text);
        return;
    }
    cli_text_addf(&text, "best %zu (%s of layer %zu, unit %zu) %.4g",
        neurons->number ? neurons->number[best] : best,
        neurons->component_names[neurons->component[best]], neurons->layer[best],
        neurons->unit[best], ranking->score[r * p + best]);
    if (report->test) {
        cli_text_addf(&text, ", test %.4g", report->test[r * p + best]);
    }
    if (report->n_layers > 1) {
        cli_text_addf(&text, "; best %zu by layer", report->n_top);
        for (size_t k = 0; k < report->n_layers; k++) {
            cli_text_addf(&text, " %zu", report->layer_top[r * report->n_layers + k]);
        }
    }
    if (report->n_picks == 0) {
        cli_text_addf(
            &text, "; %g of the score in %zu", report->mass, report->n_holding[r]);
    }
    if (report->halves && !isnan(report->halves[r])) {
        cli_text_addf(&text, "; halves r %.2f", report->halves[r]);
    }
    if (ranking->q) {
        cli_text_addf(
            &text, "; %zu with q < .05", ba_count_below(ranking->q + r * p, p, 0.05));
    }
    if (report->p_fwe) {
        cli_text_addf(
            &text, ", %zu family-wise", ba_count_below(report->p_fwe + r * p, p, 0.05));
    }
    if (report->n_undefined[r] > 0) {
        cli_text_addf(&text, "; %zu without a score", report->n_undefined[r]);
    }
    cli_message_note("%s", cli_text_get(&text));
    cli_text_free(&text);
}

static int
compare_numbers(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* Median number of neurons that hold the mass, over concepts of a class; NaN for none. */
static double
median_holding(const ba_rank_report_t *report, ba_word_class_t class, size_t *n)
{
    double *values = cli_calloc(report->n_concepts, sizeof *values), median;

    *n = 0;
    for (size_t r = 0; r < report->n_concepts; r++) {
        if (report->classes[r] == class && report->n_undefined[r] < report->n_neurons) {
            values[(*n)++] = (double) report->n_holding[r];
        }
    }
    qsort(values, *n, sizeof *values, compare_numbers);
    median = *n > 0 ? (values[(*n - 1) / 2] + values[*n / 2]) / 2 : (double) NAN;
    free(values);
    return median;
}

static void
note_classes(const ba_rank_report_t *report)
{
    size_t n_open, n_closed;
    double open = median_holding(report, BA_CLASS_OPEN, &n_open);
    double closed = median_holding(report, BA_CLASS_CLOSED, &n_closed);

    if (n_open > 0 && n_closed > 0) {
        cli_message_note("neurons that hold %g of the score above chance, median: %g for "
                         "%zu open class%s, %g for %zu closed one%s",
            report->mass, open, n_open, n_open == 1 ? "" : "es", closed, n_closed,
            cli_plural(n_closed));
    }
}

void
cli_rank_note(const ba_ranking_t *ranking, const ba_rank_report_t *report, int all)
{
    size_t n = ranking->n_concepts;

    cli_message_note("%s: %zu concept%s on %zu tokens, %zu to test on", ranking->method,
        n, cli_plural(n), report->n_train, report->n_test);
    for (size_t r = 0; r < n && (all || r < SHOWN); r++) {
        note_concept(ranking, report, r);
    }
    if (!all && n > SHOWN) {
        cli_message_note("and %zu more concepts (-v shows all)", n - SHOWN);
    }
    if (report->n_picks > 0) {
        cli_message_note("%zu picks: %.4f bits, %.4f of the labels' %.4f",
            report->n_picks, report->bits[report->n_picks - 1],
            report->nmi[report->n_picks - 1], report->entropy);
    } else {
        note_classes(report);
    }
    if (report->halves_by_tokens) {
        cli_message_note("halves are of single tokens: neither words nor sentences are "
                         "known");
    }
    if (report->n_permutations > 0) {
        cli_message_note(
            "tests: %zu permutations, smallest p %.3g; %zu word types, %zu of them never "
            "exchanged, strata of frequency: %zu",
            report->n_permutations, 1 / (1 + (double) report->n_permutations),
            report->n_types, report->n_fixed, report->n_strata);
    }
}
