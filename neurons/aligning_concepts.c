/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Concepts of rankings among the encoder's neurons, and the order of the work on them. */
#include "neurons/aligning_concepts.h"

#include "brainalign/significance.h"
#include "brainalign/ranking.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
free_test(ba_align_test_t *test)
{
    ba_free(test->target_p);
    ba_free(test->target_q);
    ba_free(test->mean);
    ba_free(test->deviation);
    ba_free(test->z);
    ba_free(test->ratio);
    ba_free(test->p);
    ba_free(test->q);
    ba_free(test->p_fwe);
}

static void
free_results(ba_align_concepts_t *concepts)
{
    ba_free(concepts->sets);
    ba_free(concepts->drops.by_region);
    ba_free(concepts->drops.by_target);
    for (size_t i = 0; i < BA_SET_SHAPLEY; i++) {
        ba_free(concepts->own[i]);
    }
    ba_free(concepts->brain_drop);
    ba_free(concepts->shared_drop);
    free_test(&concepts->tests[0]);
    free_test(&concepts->tests[1]);
    ba_free(concepts->overlap);
    ba_free(concepts->overlap_q);
    ba_free(concepts->overlap_sweep_p);
    ba_free(concepts->overlap_label_p);
    ba_free(concepts->overlap_label_fwe);
    ba_free(concepts->overlap_naive_p);
    ba_free(concepts->tops);
    ba_free(concepts->sweep_p);
    ba_free(concepts->dissociations);
}

void
ba_align_concepts_free(ba_align_concepts_t *concepts)
{
    if (!concepts) {
        return;
    }
    for (size_t c = 0; c < concepts->n; c++) {
        ba_free(concepts->names[c]);
        ba_free(concepts->own_names[c]);
    }
    ba_free(concepts->names);
    ba_free(concepts->own_names);
    ba_free(concepts->source);
    ba_free(concepts->neurons);
    ba_free(concepts->order);
    ba_free(concepts->cell);
    ba_free(concepts->label_sets);
    ba_free(concepts->brain_order);
    ba_free(concepts->matched_sets);
    ba_free(concepts->matched);
    ba_free(concepts->pair_sets);
    free_results(concepts);
    ba_free(concepts);
}

/* ---- reading ---- */

/* Is a concept of a ranking to be looked at? */
static int
is_wanted(const ba_align_opts_t *opts, const char *name, const char *full_name)
{
    for (size_t i = 0; i < opts->n_concepts; i++) {
        if (strcmp(opts->concepts[i], name) == 0 ||
            strcmp(opts->concepts[i], full_name) == 0) {
            return 1;
        }
    }
    return opts->n_concepts == 0 && strcmp(name, "*") != 0;
}

static size_t
count_scores(const ba_ranking_t *ranking, size_t concept)
{
    size_t n = 0;

    for (size_t j = 0; j < ranking->n_neurons; j++) {
        n += isnan(ranking->score[concept * ranking->n_neurons + j]) ? 0 : 1;
    }
    return n;
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return (x > y) - (x < y);
}

/* Neurons with a score in the order of the ranking, then all others. */
static int
fill_order(const ba_ranking_t *ranking, size_t concept, const size_t *place,
    size_t n_neurons, uint32_t *order)
{
    int status = BA_OK;
    size_t n = 0;
    unsigned char *seen = NULL;

    BA_TRY_ALLOC(seen, ba_calloc(n_neurons, 1));
    for (size_t i = 0; i < ranking->n_neurons; i++) {
        size_t j = ranking->order[concept * ranking->n_neurons + i];

        if (!isnan(ranking->score[concept * ranking->n_neurons + j])) {
            order[n++] = (uint32_t) place[j];
            seen[place[j]] = 1;
        }
    }
    for (size_t j = 0; j < n_neurons; j++) {
        if (!seen[j]) {
            order[n++] = (uint32_t) j;
        }
    }
out:
    ba_free(seen);
    return status;
}

static int
add_concept(ba_align_concepts_t *concepts, const char *file, const ba_ranking_t *ranking,
    size_t concept, const size_t *place)
{
    int status = BA_OK;
    size_t at = concepts->n, top = concepts->top,
           p = concepts->aligning->neurons.n_neurons;
    size_t n_scores = count_scores(ranking, concept);

    if (n_scores == 0) {
        ba_ctx_log(concepts->ctx, BA_LOG_WARNING,
            "%s: concept '%s' has no scores and is left out", file,
            ranking->concepts[concept]);
        return BA_OK;
    }
    if (n_scores < top) {
        return ba_fail(BA_SHAPE,
            "%s: concept '%s': %zu neurons with a score, wanted the best %zu", file,
            ranking->concepts[concept], n_scores, top);
    }
    BA_TRY(fill_order(ranking, concept, place, p, concepts->order + at * p));
    for (size_t i = 0; i < top; i++) {
        concepts->neurons[at * top + i] = concepts->order[at * p + i];
    }
    qsort(concepts->neurons + at * top, top, sizeof *concepts->neurons, compare_sizes);
    BA_TRY_ALLOC(concepts->own_names[at], ba_strdup(ranking->concepts[concept]));
    concepts->n++;
    if (concepts->n_ranked == 0 || n_scores < concepts->n_ranked) {
        concepts->n_ranked = n_scores;
    }
out:
    return status;
}

/* Room for more concepts. */
static int
grow(ba_align_concepts_t *concepts, size_t n)
{
    int status = BA_OK;
    size_t p = concepts->aligning->neurons.n_neurons, size;

    BA_TRY(ba_multiply(n, p, &size));
    BA_TRY_ALLOC(
        concepts->names, ba_realloc(concepts->names, n, sizeof *concepts->names));
    BA_TRY_ALLOC(concepts->own_names,
        ba_realloc(concepts->own_names, n, sizeof *concepts->own_names));
    BA_TRY_ALLOC(
        concepts->source, ba_realloc(concepts->source, n, sizeof *concepts->source));
    BA_TRY_ALLOC(concepts->neurons,
        ba_realloc(concepts->neurons, n * concepts->top, sizeof *concepts->neurons));
    BA_TRY_ALLOC(
        concepts->order, ba_realloc(concepts->order, size, sizeof *concepts->order));
    memset(concepts->names + concepts->n, 0, (n - concepts->n) * sizeof *concepts->names);
    memset(concepts->own_names + concepts->n, 0,
        (n - concepts->n) * sizeof *concepts->own_names);
out:
    return status;
}

static int
read_ranking(ba_align_concepts_t *concepts, size_t source)
{
    int status;
    const char *file;
    size_t length = ba_align_split(concepts->aligning->opts->rankings[source], &file);
    ba_ranking_t *ranking = NULL;
    unsigned char *listed = NULL;
    size_t *place = NULL;
    char *name = NULL;

    BA_TRY(ba_ranking_read(file, 0, &ranking));
    BA_TRY_ALLOC(listed, ba_calloc(ranking->n_neurons, 1));
    BA_TRY_ALLOC(place, ba_malloc(ranking->n_neurons, sizeof *place));
    for (size_t i = 0; i < ranking->n_concepts * ranking->n_neurons; i++) {
        if (!isnan(ranking->score[i])) {
            listed[i % ranking->n_neurons] = 1;
        }
    }
    BA_TRY(ba_align_match(concepts->aligning, file, &ranking->neurons, listed, place));
    BA_TRY(grow(concepts, concepts->n + ranking->n_concepts));
    for (size_t c = 0; c < ranking->n_concepts; c++) {
        size_t before = concepts->n;

        BA_TRY_ALLOC(name, ba_asprintf("%.*s%s%s", (int) length,
                               concepts->aligning->opts->rankings[source],
                               length ? ":" : "", ranking->concepts[c]));
        if (is_wanted(concepts->aligning->opts, ranking->concepts[c], name)) {
            BA_TRY(add_concept(concepts, file, ranking, c, place));
        }
        if (concepts->n > before) {
            concepts->source[before] = source;
            concepts->names[before] = name;
            name = NULL;
        }
        ba_free(name);
        name = NULL;
    }
out:
    ba_free(name);
    ba_free(place);
    ba_free(listed);
    ba_ranking_free(ranking);
    return status;
}

/* Concepts must be told from one another: by name, and by their neurons. */
static int
check_concepts(const ba_align_concepts_t *concepts)
{
    const ba_align_opts_t *opts = concepts->aligning->opts;
    size_t n_bytes = concepts->top * sizeof *concepts->neurons;

    for (size_t i = 0; i < opts->n_concepts; i++) {
        size_t c = 0;

        while (c < concepts->n && strcmp(concepts->names[c], opts->concepts[i]) != 0 &&
               strcmp(concepts->own_names[c], opts->concepts[i]) != 0) {
            c++;
        }
        if (c == concepts->n) {
            return ba_fail(
                BA_VALUE, "concept '%s': in none of the rankings", opts->concepts[i]);
        }
    }
    if (concepts->n == 0) {
        return ba_fail(BA_SHAPE, "rankings: no concept with scores");
    }
    for (size_t c = 0; c < concepts->n; c++) {
        for (size_t e = 0; e < c; e++) {
            if (strcmp(concepts->names[c], concepts->names[e]) == 0) {
                return ba_fail(BA_VALUE,
                    "concept '%s': twice, wanted NAME=FILE for rankings of the same "
                    "concepts",
                    concepts->names[c]);
            }
            if (memcmp(concepts->neurons + c * concepts->top,
                    concepts->neurons + e * concepts->top, n_bytes) == 0) {
                return ba_fail(BA_SHAPE,
                    "concepts '%s' and '%s': the same %zu neurons, wanted sets that "
                    "differ",
                    concepts->names[e], concepts->names[c], concepts->top);
            }
        }
    }
    return BA_OK;
}

/* A twentieth of the neurons, but 5 where there are so many. */
static int
choose_top(ba_align_concepts_t *concepts)
{
    size_t p = concepts->aligning->neurons.n_neurons, top = p / 20 > 5 ? p / 20 : 5;

    concepts->top = concepts->aligning->opts->top;
    if (concepts->top == 0) {
        concepts->top = top < p ? top : p;
    }
    if (concepts->top > p) {
        return ba_fail(
            BA_SHAPE, "top: found %zu, wanted at most the %zu neurons", concepts->top, p);
    }
    return BA_OK;
}

/* Options that want rankings, or one another. */
static int
check_options(const ba_align_opts_t *opts, const ba_align_regions_t *regions)
{
    if (opts->n_rankings == 0 && (opts->concept_table || opts->n_label_nulls > 0 ||
                                     opts->n_exchanges > 0 || opts->n_concepts > 0)) {
        return ba_fail(
            BA_VALUE, "rankings: none, wanted one for the options about concepts");
    }
    if (opts->dissociation_table && opts->n_exchanges == 0) {
        return ba_fail(BA_VALUE, "dissociation table: wanted exchanges to test with");
    }
    if (opts->n_exchanges > 0 && opts->n_matched < 2) {
        return ba_fail(BA_VALUE,
            "exchanges: wanted matched sets as well, whose deviations they go by");
    }
    if (opts->n_exchanges > 0 && regions->n < 3) {
        return ba_fail(
            BA_VALUE, "exchanges: %zu regions, wanted two or more", regions->n - 1);
    }
    return BA_OK;
}

int
ba_align_concepts_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, ba_align_concepts_t **out)
{
    int status = BA_OK;
    ba_align_concepts_t *concepts = NULL;

    *out = NULL;
    BA_TRY(check_options(aligning->opts, regions));
    if (aligning->opts->n_rankings == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(concepts, ba_calloc(1, sizeof *concepts));
    concepts->ctx = ctx;
    concepts->aligning = aligning;
    concepts->regions = regions;
    BA_TRY(choose_top(concepts));
    for (size_t i = 0; i < aligning->opts->n_rankings; i++) {
        BA_TRY(read_ranking(concepts, i));
    }
    BA_TRY(check_concepts(concepts));
    BA_TRY(ba_align_cells_make(concepts));
    BA_TRY(ba_align_labels_read(concepts));
    BA_TRY(ba_align_tops_make(concepts));
    BA_TRY(ba_align_drops_check(concepts));
    *out = concepts;
    concepts = NULL;
out:
    ba_align_concepts_free(concepts);
    return status;
}

int
ba_align_concepts_match(ba_align_concepts_t *concepts)
{
    return concepts ? ba_align_matched_make(concepts) : BA_OK;
}

int
ba_align_concepts_run(ba_align_concepts_t *concepts, const ba_brain_scores_t *scores)
{
    int status = BA_OK;

    if (!concepts) {
        return BA_OK;
    }
    concepts->scores = scores;
    BA_TRY(ba_align_brain_make(concepts));
    BA_TRY(ba_align_dissociation_make(concepts));
    BA_TRY(ba_align_drops_run(concepts));
    BA_TRY(ba_align_tests_run(concepts));
    BA_TRY(ba_align_overlap_run(concepts));
    BA_TRY(ba_align_dissociation_run(concepts));
out:
    return status;
}

void
ba_align_concepts_sum_up(const ba_align_concepts_t *concepts, ba_align_info_t *info)
{
    size_t n;

    if (!concepts) {
        return;
    }
    n = concepts->n * concepts->regions->n;
    info->n_concepts = concepts->n;
    info->top = concepts->top;
    info->n_found[0] = ba_count_below(concepts->tests[BA_ALIGN_MATCHED].q, n, 0.05);
    info->n_found[1] = ba_count_below(concepts->tests[BA_ALIGN_LABELS].q, n, 0.05);
    info->n_found[2] = ba_count_below(concepts->overlap_q, n, 0.05);
    info->n_dissociations = 0;
    for (size_t i = 0; i < concepts->n_dissociations; i++) {
        info->n_dissociations += concepts->dissociations[i].q < 0.05;
    }
}
