/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time of a compositional explanation: 10,000 tokens x 2,000 concepts, formulas of up to
 * five leaves, one thread. compexp took 94.4 s a neuron of this size. Neurons are on for 2 %
 * of the tokens, half of them drawn from three concepts. */
#include "brainalign/error.h"
#include "brainalign/formula.h"
#include "core/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_TOKENS = 10000, N_CONCEPTS = 2000, N_NEURONS = 50 };

static const double compexp_seconds = 94.4;

/* Concepts as frequent as words: the k-th on 1 / (k + 10) of the tokens. */
static void
fill_concepts(ba_rng_t *rng, ba_masks_t *concepts)
{
    for (size_t c = 0; c < N_CONCEPTS; c++) {
        for (size_t t = 0; t < N_TOKENS; t++) {
            if (ba_rng_uniform(rng) < 1.0 / (double) (c + 10)) {
                ba_masks_set(concepts, c, t);
            }
        }
    }
    ba_masks_count(concepts);
}

static void
fill_neurons(ba_rng_t *rng, const ba_masks_t *concepts, ba_masks_t *neurons)
{
    for (size_t i = 0; i < N_NEURONS; i++) {
        for (size_t k = 0; k < 3; k++) {
            const uint64_t *bits =
                concepts->bits + ba_rng_below(rng, N_CONCEPTS) * concepts->n_words;

            for (size_t t = 0; t < N_TOKENS; t++) {
                if (((bits[t / 64] >> (t % 64)) & 1) && ba_rng_uniform(rng) < 0.5) {
                    ba_masks_set(neurons, i, t);
                }
            }
        }
        for (size_t k = 0; k < N_TOKENS / 100; k++) {
            ba_masks_set(neurons, i, ba_rng_below(rng, N_TOKENS));
        }
    }
}

static int
run(const char *what, const ba_formula_opts_t *opts, const ba_masks_t *concepts,
    const ba_masks_t *neurons, size_t n_neurons)
{
    ba_formula_search_t *search;
    ba_formula_t best[BA_FORMULA_LEAVES];
    ba_formula_info_t info;
    double seconds, sum = 0.0;
    clock_t start;
    int status;

    BA_TRY(ba_formula_search_create(concepts, opts, &search));
    start = clock();
    for (size_t i = 0; i < n_neurons; i++) {
        ba_formula_search_run(search, neurons->bits + i * neurons->n_words, best, &info);
        sum += best[opts->n_leaves - 1].score;
    }
    seconds = (double) (clock() - start) / CLOCKS_PER_SEC / (double) n_neurons;
    printf("%-28s counted %zu bounded %zu %10.5f s of CPU a neuron, mean iou %.4f", what,
        info.n_counted, info.n_bounded, seconds, sum / (double) n_neurons);
    if (!opts->exact) {
        printf(", compexp / this %.0f", compexp_seconds / seconds);
    }
    printf("\n");
    ba_formula_search_free(search);
out:
    return status;
}

int
main(void)
{
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_masks_t *concepts = NULL, *neurons = NULL;
    ba_rng_t *rng = ba_rng_new(1, 0);
    int status = rng ? BA_OK : BA_NOMEM;

    if (!rng) {
        goto out;
    }
    BA_TRY(ba_masks_create(N_CONCEPTS, N_TOKENS, &concepts));
    BA_TRY(ba_masks_create(N_NEURONS, N_TOKENS, &neurons));
    fill_concepts(rng, concepts);
    fill_neurons(rng, concepts, neurons);
    BA_TRY(run("beam 10, length 5", &opts, concepts, neurons, N_NEURONS));
    opts.overlap_only = 1;
    opts.keep_equal = 1;
    BA_TRY(run("compexp's rule, length 5", &opts, concepts, neurons, N_NEURONS));
    opts = ba_formula_opts_default();
    opts.n_leaves = 3;
    opts.exact = 1;
    BA_TRY(run("exact, length 3", &opts, concepts, neurons, 5));
out:
    if (status != BA_OK) {
        fprintf(stderr, "bench_explain: %s\n", ba_error_message());
    }
    ba_rng_free(rng);
    ba_masks_free(concepts);
    ba_masks_free(neurons);
    return status != BA_OK;
}
