/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons by rank. The threshold by mass is that of linear probes: with a_i = |score_i| in
 * descending order (ascending for the bottom) the shortest prefix with
 *
 *   a_1 + .. + a_k >= mass * (a_1 + .. + a_n),
 *
 * one neuron at least (Dalvi et al. 2019, What is one grain of sand in the desert?). */
#include "brainalign/neuron_select.h"

#include "core/alloc.h"
#include "core/nearest.h"
#include "core/rng.h"
#include "datasets/neuron_table.h"
#include "neurons/neuron_clusters.h"
#include "neurons/redundancy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Stream of random numbers of the first concept. */
#define STREAM_PICK (UINT64_C(0x6e7069) << 32)

/* A concept on the way. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_ranking_t *ranking;
    ba_activations_t *activations;
    const ba_neuron_select_opts_t *opts;
    size_t concept;
    size_t *candidates; /* neurons, best first */
    size_t n_candidates, n_wanted;
    int is_prefix;     /* the candidates are all wanted, as far as quota and r allow */
    uint32_t *cluster; /* of each neuron, NULL = not asked for */
    unsigned char *chosen; /* n_neurons, over all concepts */
} selecting_t;

ba_neuron_select_opts_t
ba_neuron_select_default(void)
{
    return (ba_neuron_select_opts_t){.fraction = (double) NAN,
        .mass = (double) NAN,
        .max_correlation = (double) NAN,
        .cluster_cut = (double) NAN};
}

typedef struct {
    double key;
    size_t neuron;
} keyed_t;

static int
compare_keyed(const void *a, const void *b)
{
    const keyed_t *x = a, *y = b;

    if (x->key != y->key) {
        return x->key > y->key ? -1 : 1;
    }
    return x->neuron < y->neuron ? -1 : x->neuron > y->neuron;
}

/* Defined scores in the order asked for; ties go to the lowest neuron. */
static int
sort_candidates(selecting_t *selecting, const double *score)
{
    const ba_neuron_select_opts_t *opts = selecting->opts;
    int is_absolute = opts->by_absolute || !isnan(opts->mass);
    size_t n = selecting->ranking->n_neurons, k = 0;
    keyed_t *keyed = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(keyed, ba_malloc(n, sizeof *keyed));
    for (size_t i = 0; i < n; i++) {
        if (!isnan(score[i])) {
            double key = is_absolute ? fabs(score[i]) : score[i];

            keyed[k++] = (keyed_t){opts->pick == BA_PICK_BOTTOM ? -key : key, i};
        }
    }
    qsort(keyed, k, sizeof *keyed, compare_keyed);
    for (size_t i = 0; i < k; i++) {
        selecting->candidates[i] = keyed[i].neuron;
    }
    selecting->n_candidates = k;
out:
    ba_free(keyed);
    return status;
}

static int
shuffle_candidates(selecting_t *selecting)
{
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(
        rng, ba_rng_new(selecting->opts->seed, STREAM_PICK + selecting->concept));
    ba_rng_shuffle(rng, selecting->candidates, selecting->n_candidates);
out:
    ba_rng_free(rng);
    return status;
}

static size_t
mass_prefix(const size_t *candidates, size_t n, const double *score, double mass)
{
    double total = 0, sum = 0;
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        total += fabs(score[candidates[i]]);
    }
    do {
        sum += k < n ? fabs(score[candidates[k]]) : 0;
        k++;
    } while (k < n && sum < mass * total);
    return k < n ? k : n;
}

/* How many are wanted of the candidates. */
static int
count_wanted(selecting_t *selecting, const double *score)
{
    const ba_neuron_select_opts_t *opts = selecting->opts;
    size_t n_neurons = selecting->ranking->n_neurons;
    const char *concept = selecting->ranking->concepts[selecting->concept];

    if (selecting->n_candidates == 0) {
        return ba_fail(BA_SHAPE, "selection: concept '%s' has no defined score", concept);
    }
    if (!isnan(opts->mass)) {
        selecting->is_prefix = 1;
        selecting->n_candidates = mass_prefix(
            selecting->candidates, selecting->n_candidates, score, opts->mass);
        selecting->n_wanted = selecting->n_candidates;
        return BA_OK;
    }
    selecting->n_wanted = opts->n;
    if (!isnan(opts->fraction)) {
        size_t n = (size_t) floor((double) selecting->n_candidates * opts->fraction);

        selecting->n_wanted = n > 1 ? n : 1;
    }
    if (selecting->n_wanted > selecting->n_candidates) {
        return ba_fail(BA_SHAPE,
            "selection: %zu neurons wanted for concept '%s', but there are %zu%s",
            selecting->n_wanted, concept, selecting->n_candidates,
            selecting->n_candidates < n_neurons ? " with a defined score" : "");
    }
    return BA_OK;
}

/* Neurons kept so far of each layer of each component; clusters that one is kept of. */
typedef struct {
    size_t n_layers;
    size_t *counts;
    unsigned char *is_taken;
} quota_t;

static int
make_quota(const ba_neuron_table_t *neurons, quota_t *quota)
{
    size_t n;
    int status;

    for (size_t i = 0; i < neurons->n_neurons; i++) {
        quota->n_layers = neurons->layer[i] >= quota->n_layers ? neurons->layer[i] + 1
                                                               : quota->n_layers;
    }
    BA_TRY(ba_multiply(quota->n_layers, neurons->n_components, &n));
    BA_TRY_ALLOC(quota->counts, ba_calloc(n, sizeof *quota->counts));
    /* There are no more clusters than neurons. */
    BA_TRY_ALLOC(quota->is_taken, ba_calloc(neurons->n_neurons, 1));
out:
    return status;
}

/* Takes from the candidates as long as some are wanted; *n_kept counts them. */
static int
walk(selecting_t *selecting, const ba_redundancy_t *redundancy, quota_t *quota,
    size_t *kept, size_t *n_kept)
{
    const ba_neuron_select_opts_t *opts = selecting->opts;
    const ba_neuron_table_t *neurons = &selecting->ranking->neurons;
    int status = BA_OK;

    for (size_t i = 0; i < selecting->n_candidates && *n_kept < selecting->n_wanted;
         i++) {
        size_t neuron = selecting->candidates[i];
        size_t *count = &quota->counts[neurons->layer[neuron] +
                                       quota->n_layers * neurons->component[neuron]];
        int is_new = 1;

        if ((opts->layer_quota > 0 && *count >= opts->layer_quota) ||
            (selecting->cluster && quota->is_taken[selecting->cluster[neuron]])) {
            continue;
        }
        if (redundancy) {
            BA_TRY(ba_redundancy_check(
                redundancy, i, kept, *n_kept, opts->max_correlation, &is_new));
        }
        if (is_new) {
            kept[(*n_kept)++] = i;
            ++*count;
            if (selecting->cluster) {
                quota->is_taken[selecting->cluster[neuron]] = 1;
            }
            selecting->chosen[neuron] = 1;
        }
    }
out:
    return status;
}

static int
take(selecting_t *selecting)
{
    const ba_neuron_select_opts_t *opts = selecting->opts;
    ba_redundancy_t *redundancy = NULL;
    size_t *kept = NULL, n_kept = 0;
    quota_t quota = {0};
    int status;

    BA_TRY(make_quota(&selecting->ranking->neurons, &quota));
    BA_TRY_ALLOC(kept, ba_malloc(selecting->n_candidates, sizeof *kept));
    if (!isnan(opts->max_correlation)) {
        BA_TRY(ba_redundancy_open(selecting->ctx, selecting->activations,
            selecting->candidates, selecting->n_candidates, &redundancy));
    }
    BA_TRY(walk(selecting, redundancy, &quota, kept, &n_kept));
    if (n_kept < selecting->n_wanted && !selecting->is_prefix) {
        BA_TRY(ba_fail(BA_SHAPE,
            "selection: %zu neurons wanted for concept '%s', but the other rules "
            "leave %zu",
            selecting->n_wanted, selecting->ranking->concepts[selecting->concept],
            n_kept));
    }
out:
    ba_redundancy_free(redundancy);
    ba_free(kept);
    ba_free(quota.counts);
    ba_free(quota.is_taken);
    return status;
}

static int
select_concept(selecting_t *selecting)
{
    const double *score =
        selecting->ranking->score + selecting->concept * selecting->ranking->n_neurons;
    int status;

    selecting->is_prefix = 0;
    BA_TRY(sort_candidates(selecting, score));
    if (selecting->opts->pick == BA_PICK_RANDOM) {
        BA_TRY(shuffle_candidates(selecting));
    }
    BA_TRY(count_wanted(selecting, score));
    BA_TRY(take(selecting));
out:
    return status;
}

static int
find_concept(const ba_ranking_t *ranking, const char *name, size_t *concept)
{
    size_t nearest = 0;

    for (size_t i = 0; i < ranking->n_concepts; i++) {
        if (strcmp(ranking->concepts[i], name) == 0) {
            *concept = i;
            return BA_OK;
        }
        if (ba_word_distance(name, ranking->concepts[i]) <
            ba_word_distance(name, ranking->concepts[nearest])) {
            nearest = i;
        }
    }
    return ba_fail(BA_MISSING,
        "concept '%s': not among the %zu of the ranking, nearest %s", name,
        ranking->n_concepts, ranking->concepts[nearest]);
}

static int
check(const ba_neuron_select_opts_t *opts, const ba_activations_t *activations)
{
    int n_rules = (opts->n > 0) + !isnan(opts->fraction) + !isnan(opts->mass);

    if (n_rules != 1) {
        return ba_fail(BA_VALUE,
            "selection: %d of number, fraction and mass given, wanted "
            "exactly one",
            n_rules);
    }
    if (!isnan(opts->fraction) && !(opts->fraction > 0 && opts->fraction <= 1)) {
        return ba_fail(
            BA_VALUE, "selection: a fraction of %g, wanted above 0 to 1", opts->fraction);
    }
    if (!isnan(opts->mass) && !(opts->mass >= 0 && opts->mass <= 1)) {
        return ba_fail(BA_VALUE, "selection: a mass of %g, wanted 0 to 1", opts->mass);
    }
    if (!isnan(opts->mass) && opts->pick == BA_PICK_RANDOM) {
        return ba_fail(BA_VALUE, "selection: a mass at random, wanted a number or a "
                                 "fraction");
    }
    if (!isnan(opts->max_correlation) &&
        !(opts->max_correlation >= 0 && opts->max_correlation <= 1)) {
        return ba_fail(BA_VALUE, "selection: a correlation of %g, wanted 0 to 1",
            opts->max_correlation);
    }
    if (!isnan(opts->cluster_cut) &&
        !(opts->cluster_cut >= 0 && opts->cluster_cut <= 1)) {
        return ba_fail(
            BA_VALUE, "selection: clusters cut at %g, wanted 0 to 1", opts->cluster_cut);
    }
    if ((!isnan(opts->max_correlation) || !isnan(opts->cluster_cut)) && !activations) {
        return ba_fail(
            BA_VALUE, "selection: a correlation, but no activations to find it from");
    }
    return BA_OK;
}

static int
select_all(selecting_t *selecting)
{
    const ba_ranking_t *ranking = selecting->ranking;
    const ba_neuron_select_opts_t *opts = selecting->opts;
    int status = BA_OK;

    for (size_t i = 0; i < opts->n_concepts; i++) {
        BA_TRY(find_concept(ranking, opts->concepts[i], &selecting->concept));
        BA_TRY(select_concept(selecting));
    }
    if (opts->n_concepts > 0) {
        return BA_OK;
    }
    for (size_t i = 0; i < ranking->n_concepts; i++) {
        if (strcmp(ranking->concepts[i], "*") == 0) {
            selecting->concept = i;
            return select_concept(selecting);
        }
    }
    for (size_t i = 0; i < ranking->n_concepts; i++) {
        selecting->concept = i;
        BA_TRY(select_concept(selecting));
    }
out:
    return status;
}

int
ba_neurons_select(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    ba_activations_t *activations, const ba_neuron_select_opts_t *opts, size_t **list,
    size_t *n_listed)
{
    selecting_t selecting = {
        .ctx = ctx, .ranking = ranking, .activations = activations, .opts = opts};
    size_t n = ranking->n_neurons;
    int status;

    *list = NULL;
    *n_listed = 0;
    BA_TRY(check(opts, activations));
    BA_TRY_ALLOC(selecting.candidates, ba_malloc(n, sizeof *selecting.candidates));
    BA_TRY_ALLOC(selecting.chosen, ba_calloc(n, 1));
    if (!isnan(opts->cluster_cut)) {
        BA_TRY(ba_neuron_clusters_find(
            ctx, ranking, activations, opts->cluster_cut, &selecting.cluster));
    }
    BA_TRY(select_all(&selecting));
    BA_TRY_ALLOC(*list, ba_malloc(n, sizeof **list));
    for (size_t i = 0; i < n; i++) {
        if (selecting.chosen[i]) {
            (*list)[(*n_listed)++] = i;
        }
    }
out:
    ba_free(selecting.candidates);
    ba_free(selecting.chosen);
    ba_free(selecting.cluster);
    return status;
}
