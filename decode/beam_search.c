/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Beam search: at every slot each hypothesis is continued by the words that the
 * language model finds likely, and the best by weighted log likelihood and log p stay.
 * Ties go to the better hypothesis, then to the likelier word. */
#include "decode/beam_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Histories that the language model is asked about at a time. */
enum { HISTORIES = 64 };

/* A hypothesis that stayed after its slot. */
typedef struct {
    size_t parent; /* among those of the slot before */
    size_t word;
    double likelihood, log_p, score; /* of all words so far */
    double step_likelihood, step_log_p;
} node_t;

typedef struct {
    size_t parent, rank; /* rank of the word among its hypothesis's candidates */
    node_t node;
} candidate_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_said_t *said;
    const ba_language_t *language;
    const ba_search_opts_t *opts;
    ba_evidence_t evidence;
    node_t *nodes;                            /* n_slots x width */
    size_t *n_kept;                           /* n_slots */
    double *states, *next_states, *gradients; /* width each */
    /* different histories, what they are followed by */
    size_t *histories, n_histories; /* width x n_context */
    size_t *history_of;             /* width: of each hypothesis */
    size_t *proposed, *n_proposed;  /* width x n_extensions by history, width */
    double *proposed_log_p;         /* width x n_extensions */
    double *p;                      /* HISTORIES x n_words */
    candidate_t *candidates;
    size_t *words; /* width x n_extensions, for what is made of them */
} search_t;

/* States, hypotheses of all slots, candidates and distributions of the language. */
static int
check_memory(const search_t *search)
{
    int status = BA_OK;
    size_t width = search->opts->width, n_slots = search->evidence.passage->n_slots;
    size_t states, nodes, candidates, language, bytes;

    BA_TRY(ba_multiply(
        width, 2 * ba_evidence_size(&search->evidence) * sizeof(double), &states));
    BA_TRY(ba_multiply(width, n_slots * sizeof(node_t), &nodes));
    BA_TRY(ba_multiply(width,
        search->opts->n_extensions * (sizeof(candidate_t) + 3 * sizeof(size_t)),
        &candidates));
    BA_TRY(ba_multiply(search->language->n_words, HISTORIES * sizeof(double), &language));
    bytes = states / 4 + nodes / 4 + candidates / 4 + language / 4;
    if (bytes > ba_ctx_memory(search->ctx) / 4) {
        BA_TRY(ba_fail(BA_TOO_LARGE,
            "memory: %zu MiB for %zu hypotheses of %zu words, but --memory leaves %zu "
            "MiB "
            "(a smaller --width takes less)",
            bytes >> 18, width, n_slots, ba_ctx_memory(search->ctx) >> 20));
    }
out:
    return status;
}

static int
allocate(search_t *search)
{
    int status = BA_OK;
    size_t width = search->opts->width, n_slots = search->evidence.passage->n_slots;
    size_t size = ba_evidence_size(&search->evidence), n_all, n_words;
    size_t q = search->said->n_features, context = search->language->n_context;

    BA_TRY(ba_multiply(width, search->opts->n_extensions, &n_all));
    BA_TRY(ba_multiply(search->language->n_words, HISTORIES, &n_words));
    BA_TRY_ALLOC(search->nodes, ba_malloc(n_slots, width * sizeof(node_t)));
    BA_TRY_ALLOC(search->n_kept, ba_calloc(n_slots, sizeof *search->n_kept));
    BA_TRY_ALLOC(search->states, ba_calloc(width, size * sizeof(double)));
    BA_TRY_ALLOC(search->next_states, ba_malloc(width, size * sizeof(double)));
    BA_TRY_ALLOC(search->gradients, ba_malloc(width, q * sizeof(double)));
    BA_TRY_ALLOC(search->histories, ba_malloc(width + 1, (context + 1) * sizeof(size_t)));
    BA_TRY_ALLOC(search->history_of, ba_malloc(width, sizeof(size_t)));
    BA_TRY_ALLOC(search->proposed, ba_malloc(n_all, sizeof(size_t)));
    BA_TRY_ALLOC(search->n_proposed, ba_malloc(width, sizeof(size_t)));
    BA_TRY_ALLOC(search->proposed_log_p, ba_malloc(n_all, sizeof(double)));
    BA_TRY_ALLOC(search->p, ba_malloc(n_words, sizeof(double)));
    BA_TRY_ALLOC(search->candidates, ba_malloc(n_all, sizeof(candidate_t)));
    BA_TRY_ALLOC(search->words, ba_malloc(n_all, sizeof(size_t)));
out:
    return status;
}

static void
release(search_t *search)
{
    ba_evidence_free(&search->evidence);
    ba_free(search->nodes);
    ba_free(search->n_kept);
    ba_free(search->states);
    ba_free(search->next_states);
    ba_free(search->gradients);
    ba_free(search->histories);
    ba_free(search->history_of);
    ba_free(search->proposed);
    ba_free(search->n_proposed);
    ba_free(search->proposed_log_p);
    ba_free(search->p);
    ba_free(search->candidates);
    ba_free(search->words);
}

/* ---- candidates ---- */

/* The words before slot i of a hypothesis, oldest first. */
static void
trace_history(const search_t *search, size_t i, size_t hypothesis, size_t *out)
{
    for (size_t k = search->language->n_context; k-- > 0;) {
        const node_t *node;

        if (i == 0) {
            out[k] = SIZE_MAX;
            continue;
        }
        node = &search->nodes[--i * search->opts->width + hypothesis];
        out[k] = node->word;
        hypothesis = node->parent;
    }
}

/* Different histories in the order of the first hypothesis that has each. */
static void
list_histories(search_t *search, size_t i, size_t n)
{
    size_t context = search->language->n_context;

    search->n_histories = 0;
    for (size_t h = 0; h < n; h++) {
        size_t *own = search->histories + search->n_histories * context, at = 0;

        trace_history(search, i, h, own);
        while (at < search->n_histories && memcmp(search->histories + at * context, own,
                                               context * sizeof *own) != 0) {
            at++;
        }
        search->history_of[h] = at;
        search->n_histories += at == search->n_histories;
    }
}

static int
propose(search_t *search)
{
    int status = BA_OK;
    const ba_language_t *language = search->language;
    size_t most = search->opts->n_extensions, n_words = language->n_words;

    for (size_t h0 = 0; h0 < search->n_histories; h0 += HISTORIES) {
        size_t n = search->n_histories - h0;
        int threads = ba_beam_threads(search->ctx, 4.0 * HISTORIES * (double) n_words);

        n = n < HISTORIES ? n : HISTORIES;
        BA_TRY(language->next(language->model, search->ctx,
            search->histories + h0 * language->n_context, n, search->p));
#pragma omp parallel for schedule(static) num_threads(threads)
        for (size_t h = 0; h < n; h++) {
            const double *p = search->p + h * n_words;
            size_t *words = search->proposed + (h0 + h) * most;

            search->n_proposed[h0 + h] = ba_language_nucleus(
                p, n_words, search->said->allowed, search->opts->nucleus, most, words);
            for (size_t k = 0; k < search->n_proposed[h0 + h]; k++) {
                search->proposed_log_p[(h0 + h) * most + k] = log(p[words[k]]);
            }
        }
    }
out:
    return status;
}

/* Every different word that is proposed gets its form. */
static int
make_forms(search_t *search)
{
    size_t most = search->opts->n_extensions, n = 0;

    for (size_t h = 0; h < search->n_histories; h++) {
        memcpy(search->words + n, search->proposed + h * most,
            search->n_proposed[h] * sizeof *search->words);
        n += search->n_proposed[h];
    }
    return ba_word_products_forms(
        search->ctx, search->evidence.products, search->words, n);
}

/* ---- one slot ---- */

static const node_t start = {.parent = 0};

/* All candidates of a hypothesis to their places. */
static void
weigh(search_t *search, size_t i, size_t hypothesis, size_t first)
{
    const ba_search_opts_t *opts = search->opts;
    size_t history = search->history_of[hypothesis];
    size_t size = ba_evidence_size(&search->evidence);
    double *gradient = search->gradients + hypothesis * search->said->n_features;
    const node_t *before =
        i == 0 ? &start : &search->nodes[(i - 1) * opts->width + hypothesis];

    ba_evidence_gradient(
        &search->evidence, i, search->states + hypothesis * size, gradient);
    for (size_t k = 0; k < search->n_proposed[history]; k++) {
        size_t at = history * opts->n_extensions + k;
        candidate_t *to = &search->candidates[first + k];
        double log_p = search->proposed_log_p[at];
        double gain = ba_evidence_gain(&search->evidence, gradient, search->proposed[at]);

        *to = (candidate_t){.parent = hypothesis,
            .rank = k,
            .node = {.parent = hypothesis,
                .word = search->proposed[at],
                .likelihood = before->likelihood + gain,
                .log_p = before->log_p + log_p,
                .score = before->score + opts->evidence_weight * gain +
                         opts->lm_weight * log_p,
                .step_likelihood = gain,
                .step_log_p = log_p}};
    }
}

static int
compare_candidates(const void *a, const void *b)
{
    const candidate_t *x = a, *y = b;

    if (x->node.score != y->node.score) {
        return x->node.score < y->node.score ? 1 : -1;
    }
    if (x->parent != y->parent) {
        return x->parent < y->parent ? -1 : 1;
    }
    return (x->rank > y->rank) - (x->rank < y->rank);
}

/* Weighs all candidates; returns their number. */
static size_t
weigh_all(search_t *search, size_t i, size_t n)
{
    size_t n_all = 0;
    int threads;

    for (size_t h = 0; h < n; h++) {
        search->words[h] = n_all; /* where its candidates begin */
        n_all += search->n_proposed[search->history_of[h]];
    }
    threads = ba_beam_threads(
        search->ctx, 2.0 * (double) (n_all + 8 * n) * (double) search->said->n_features);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t h = 0; h < n; h++) {
        weigh(search, i, h, search->words[h]);
    }
    return n_all;
}

/* The states of those that stay, from those of their parents. */
static int
append_all(search_t *search, size_t i, size_t n)
{
    int status = BA_OK;
    size_t size = ba_evidence_size(&search->evidence);
    double *swap = search->states;
    const node_t *nodes = search->nodes + i * search->opts->width;
    int threads = ba_beam_threads(search->ctx,
        2.0 * (double) (n * size) * (double) search->evidence.products->n_blocks);

    for (size_t h = 0; h < n; h++) {
        search->words[h] = nodes[h].word;
    }
    BA_TRY(
        ba_word_products_take(search->ctx, search->evidence.products, search->words, n));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t h = 0; h < n; h++) {
        ba_evidence_append(&search->evidence, i, search->states + nodes[h].parent * size,
            nodes[h].word, search->next_states + h * size);
    }
    search->states = search->next_states;
    search->next_states = swap;
out:
    return status;
}

/* *n hypotheses go in, and come out. */
static int
advance(search_t *search, size_t i, size_t *n)
{
    int status = BA_OK;
    size_t n_all, width = search->opts->width;

    list_histories(search, i, *n);
    BA_TRY(propose(search));
    BA_TRY(make_forms(search));
    ba_evidence_slot(&search->evidence, i);
    n_all = weigh_all(search, i, *n);
    if (n_all == 0) {
        BA_TRY(ba_fail(BA_NUMERIC,
            "language model: no word with a vector can follow at word %zu of a passage",
            i + 1));
    }
    qsort(search->candidates, n_all, sizeof *search->candidates, compare_candidates);
    *n = n_all < width ? n_all : width;
    for (size_t h = 0; h < *n; h++) {
        search->nodes[i * width + h] = search->candidates[h].node;
    }
    search->n_kept[i] = *n;
    BA_TRY(append_all(search, i, *n));
out:
    return status;
}

/* ---- result ---- */

static int
take_found(const search_t *search, size_t n_best, size_t n, ba_found_t *out)
{
    int status = BA_OK;
    size_t n_slots = search->evidence.passage->n_slots, width = search->opts->width;
    const node_t *last = search->nodes + (n_slots - 1) * width;
    double sum = 0.0;

    out->n = n < n_best ? n : n_best;
    out->n_slots = n_slots;
    BA_TRY_ALLOC(out->words, ba_malloc(out->n, n_slots * sizeof *out->words));
    BA_TRY_ALLOC(out->score, ba_malloc(out->n, sizeof *out->score));
    BA_TRY_ALLOC(out->likelihood, ba_malloc(out->n, sizeof *out->likelihood));
    BA_TRY_ALLOC(out->log_p, ba_malloc(out->n, sizeof *out->log_p));
    BA_TRY_ALLOC(out->posterior, ba_malloc(out->n, sizeof *out->posterior));
    BA_TRY_ALLOC(out->step_likelihood, ba_malloc(n_slots, sizeof *out->step_likelihood));
    BA_TRY_ALLOC(out->step_log_p, ba_malloc(n_slots, sizeof *out->step_log_p));
    for (size_t h = 0; h < n; h++) {
        sum += exp(last[h].score - last[0].score);
    }
    for (size_t h = 0; h < out->n; h++) {
        size_t at = h;

        out->score[h] = last[h].score;
        out->likelihood[h] = last[h].likelihood;
        out->log_p[h] = last[h].log_p;
        out->posterior[h] = exp(last[h].score - last[0].score) / sum;
        for (size_t i = n_slots; i-- > 0;) {
            const node_t *node = &search->nodes[i * width + at];

            out->words[h * n_slots + i] = node->word;
            if (h == 0) {
                out->step_likelihood[i] = node->step_likelihood;
                out->step_log_p[i] = node->step_log_p;
            }
            at = node->parent;
        }
    }
out:
    return status;
}

int
ba_beam_search(const ba_ctx_t *ctx, const ba_passage_t *passage,
    ba_word_products_t *products, const ba_language_t *language,
    const ba_search_opts_t *opts, size_t n_best, ba_found_t *out)
{
    int status = BA_OK;
    size_t n = 1;
    search_t search = {
        .ctx = ctx, .said = products->said, .language = language, .opts = opts};

    *out = (ba_found_t){.n = 0};
    if (passage->n_slots == 0) {
        return BA_OK;
    }
    BA_TRY(ba_evidence_new(passage, products, &search.evidence));
    BA_TRY(check_memory(&search));
    BA_TRY(allocate(&search));
    ba_blas_single_thread();
    for (size_t i = 0; i < passage->n_slots; i++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(advance(&search, i, &n));
    }
    BA_TRY(take_found(&search, n_best, n, out));
out:
    release(&search);
    return status;
}

void
ba_found_free(ba_found_t *found)
{
    ba_free(found->words);
    ba_free(found->score);
    ba_free(found->likelihood);
    ba_free(found->log_p);
    ba_free(found->posterior);
    ba_free(found->step_likelihood);
    ba_free(found->step_log_p);
    *found = (ba_found_t){.n = 0};
}
