/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often neurons that know nothing of a concept are found at 5 %:
 *
 *     rank_level [DESIGNS [MIN_STRATUM]]     (200 designs of 16 neurons)
 *
 * 2,000 tokens of 400 word types of Zipf frequency. A neuron is a value of its own for
 * every type plus as much noise of each token; the concept falls on types at random. In
 * turn: as many tokens of rare and frequent types carry it; frequent types carry it more
 * often and neurons rise with frequency; types carry it in part of their tokens. Prints a
 * table (docs/methods.md, Rankings). Status 1 if labels exchanged within strata leave 3.5
 * to 6.5 % anywhere, or if p of single tokens does not fail. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_TOKENS = 2000, N_TYPES = 400, N_NEURONS = 16, N_PERMUTATIONS = 199 };

typedef struct {
    const char *name;
    double slope; /* of neurons and of the concept's log odds over log frequency */
    int ambiguous;
} scenario_t;

static const scenario_t scenarios[] = {
    {"types, whatever their frequency", 0, 0},
    {"more in frequent types, neurons too", 0.35, 0},
    {"part of a type's tokens", 0, 1},
};

static const char *const methods[] = {"auroc", "ap", "mean"};

enum {
    N_SCENARIOS = sizeof scenarios / sizeof *scenarios,
    N_METHODS = sizeof methods / sizeof *methods
};

/* p of single tokens, types all in one stratum, types within strata. */
enum { TOKENS, ONE_STRATUM, STRATA, N_WAYS };

typedef struct {
    double x[N_TOKENS * N_NEURONS];
    size_t rows[N_TOKENS], first[N_TOKENS + 1], units[N_NEURONS], zeros[N_NEURONS];
    uint32_t type[N_TOKENS], concept[N_TOKENS];
} design_t;

/* Word type of each token: P(type k) falls as 1 / (k + 1). */
static void
draw_types(ba_rng_t *rng, design_t *design, double *log_frequency)
{
    double total = 0, below[N_TYPES];
    size_t count[N_TYPES] = {0};

    for (size_t k = 0; k < N_TYPES; k++) {
        below[k] = total += 1 / (double) (k + 1);
    }
    for (size_t i = 0; i < N_TOKENS; i++) {
        double u = ba_rng_uniform(rng) * total;
        uint32_t k = 0;

        while (below[k] < u) {
            k++;
        }
        design->type[i] = k;
        count[k]++;
    }
    for (size_t k = 0; k < N_TYPES; k++) {
        log_frequency[k] = log((double) (count[k] > 0 ? count[k] : 1));
    }
}

static void
draw(ba_rng_t *rng, const scenario_t *scenario, design_t *design)
{
    double log_frequency[N_TYPES], chance[N_TYPES];
    size_t n = 0;

    draw_types(rng, design, log_frequency);
    for (size_t k = 0; k < N_TYPES; k++) {
        double odds = scenario->slope * 2 * log_frequency[k] - 1.5;
        double share = 1 / (1 + exp(-odds));

        chance[k] = ba_rng_uniform(rng) < share ? 1 : 0;
        if (scenario->ambiguous) {
            chance[k] = pow(ba_rng_uniform(rng), 3);
        }
    }
    for (size_t i = 0; i < N_TOKENS; i++) {
        design->first[i] = n;
        if (ba_rng_uniform(rng) < chance[design->type[i]]) {
            design->concept[n++] = 0;
        }
        design->rows[i] = i;
    }
    design->first[N_TOKENS] = n;
    for (size_t j = 0; j < N_NEURONS; j++) {
        double own[N_TYPES];

        for (size_t k = 0; k < N_TYPES; k++) {
            own[k] = ba_rng_normal(rng) + scenario->slope * log_frequency[k];
        }
        for (size_t i = 0; i < N_TOKENS; i++) {
            design->x[i + j * N_TOKENS] = own[design->type[i]] + ba_rng_normal(rng);
        }
    }
}

/* Rejections of the neurons of a design, added to n_rejected. */
static int
test_design(design_t *design, const char *method, uint64_t seed, size_t min_stratum,
    size_t n_rejected[N_WAYS])
{
    static char component[] = "neurons", name[] = "concept";
    char *components[] = {component}, *names[] = {name};
    ba_word_class_t class = BA_CLASS_UNKNOWN;
    unsigned char is_words = 0;
    ba_ctx_t ctx = ba_ctx_default();
    int status = BA_OK;
    ba_activations_t activations = {.n_tokens = N_TOKENS,
        .neurons = {.n_neurons = N_NEURONS,
            .layer = design->zeros,
            .unit = design->units,
            .component = design->zeros,
            .n_components = 1,
            .component_names = components},
        .file_column = design->units};
    ba_concepts_t concepts = {.n_tokens = N_TOKENS,
        .n_concepts = 1,
        .n_types = N_TYPES,
        .names = names,
        .classes = &class,
        .is_words = &is_words,
        .first = design->first,
        .concept = design->concept,
        .is_exclusive = 1,
        .type = design->type};
    ba_token_split_t split = {.train = design->rows, .n_train = N_TOKENS};
    ba_rank_data_t data = {&activations, &concepts, &split};
    ba_ranking_t *ranking = NULL;
    ba_rank_report_t *report = NULL;

    ctx.seed = seed;
    BA_TRY(ba_source_from_memory(
        design->x, N_TOKENS, N_NEURONS, N_TOKENS, "made", &activations.source));
    for (int way = ONE_STRATUM; way < N_WAYS; way++) {
        ba_rank_opts_t opts = ba_rank_opts_default();

        opts.method = method;
        opts.n_halves = 0;
        opts.n_permutations = N_PERMUTATIONS;
        opts.min_stratum = way == ONE_STRATUM ? N_TYPES : min_stratum;
        opts.token_p = strcmp(method, "auroc") == 0;
        BA_TRY(ba_neurons_rank(&ctx, &data, &opts, &ranking, &report));
        for (size_t j = 0; j < N_NEURONS; j++) {
            n_rejected[way] += ranking->p[j] <= 0.05;
            n_rejected[TOKENS] +=
                opts.token_p && way == STRATA && report->token_p[j] <= 0.05;
        }
        ba_ranking_free(ranking);
        ba_rank_report_free(report);
        ranking = NULL;
        report = NULL;
    }
out:
    ba_source_close(activations.source);
    return status;
}

static int
measure(const scenario_t *scenario, size_t n_designs, size_t min_stratum,
    size_t counts[N_METHODS][N_WAYS])
{
    int status = BA_OK;
    design_t *design = NULL;
    ba_rng_t *rng = NULL;

    BA_TRY_ALLOC(design, ba_calloc(1, sizeof *design));
    BA_TRY_ALLOC(rng, ba_rng_new(1, (uint64_t) (scenario - scenarios)));
    for (size_t j = 0; j < N_NEURONS; j++) {
        design->units[j] = j;
    }
    for (size_t d = 0; d < n_designs; d++) {
        draw(rng, scenario, design);
        for (size_t m = 0; m < N_METHODS; m++) {
            BA_TRY(test_design(design, methods[m], d + 1, min_stratum, counts[m]));
        }
    }
out:
    ba_rng_free(rng);
    ba_free(design);
    return status;
}

int
main(int argc, char **argv)
{
    size_t n_designs = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 200;
    size_t min_stratum = argc > 2 ? (size_t) strtoul(argv[2], NULL, 10)
                                  : ba_rank_opts_default().min_stratum;
    double n = (double) (n_designs * N_NEURONS);
    int n_bad = 0;

    printf("| the concept falls on | score | single tokens | types, one stratum | types "
           "within strata |\n| --- | --- | --- | --- | --- |\n");
    for (size_t s = 0; s < N_SCENARIOS; s++) {
        size_t counts[N_METHODS][N_WAYS] = {{0}};

        if (measure(&scenarios[s], n_designs, min_stratum, counts) != BA_OK) {
            fprintf(stderr, "rank_level: %s\n", ba_error_message());
            return 1;
        }
        for (size_t m = 0; m < N_METHODS; m++) {
            double strata = 100 * (double) counts[m][STRATA] / n;

            printf("| %s | %s |", scenarios[s].name, methods[m]);
            if (m == 0) {
                printf(" %.1f |", 100 * (double) counts[m][TOKENS] / n);
                n_bad += (double) counts[m][TOKENS] < 0.2 * n;
            } else {
                printf(" |");
            }
            printf(" %.1f | %.1f |\n", 100 * (double) counts[m][ONE_STRATUM] / n, strata);
            n_bad += strata < 3.5 || strata > 6.5;
        }
        fflush(stdout);
    }
    return n_bad > 0;
}
