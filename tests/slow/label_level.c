/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often labels that fall on words at random choose neurons that seem to matter, at
 * 5 %:
 *
 *     label_level [STUDIES [FIRST]]     (1,000 of every row from 0 on)
 *
 * See align_study.h. Other text: 360 tokens of 90 word types of Zipf frequency, a
 * value of its own for every type plus noise of each token. The concept falls on
 * types, in the second case more on frequent ones, where neurons of high deviation are
 * higher too. Neurons are ranked by the difference of means, which prefers those of
 * high deviation; these add more. The first 12 are compared with what 99 exchanges of
 * labels between word types within strata of frequency choose (neurons rank
 * --save-null): their drop, and their overlap with the 12 that add most. Prints a
 * table (docs/methods.md, Concepts and the brain); status 1 if one is found in more
 * than 6.5 %. */
#include "tests/slow/align_study.h"

enum { TOKENS = 360, TYPES = 90 };

typedef struct {
    const char *name;
    double frequency; /* slope of labels and neurons over log frequency */
} scenario_t;

static const scenario_t scenarios[] = {
    {"any word types", 0.0},
    {"frequent ones, neurons too", 0.4},
};

typedef struct {
    double x[TOKENS * NEURONS], types[TYPES * NEURONS], log_frequency[TYPES];
    size_t rows[TOKENS], first[TOKENS + 1], layer[NEURONS], unit[NEURONS], zeros[NEURONS];
    uint32_t type[TOKENS], concept[TOKENS];
} text_t;

static void
draw_types(ba_rng_t *rng, text_t *text)
{
    double below[TYPES], total = 0.0;
    size_t counts[TYPES] = {0};

    for (size_t k = 0; k < TYPES; k++) {
        below[k] = total += 1.0 / (double) (k + 5);
    }
    for (size_t i = 0; i < TOKENS; i++) {
        double u = ba_rng_uniform(rng) * total;
        uint32_t k = 0;

        while (below[k] < u) {
            k++;
        }
        text->type[i] = k;
        text->rows[i] = i;
        counts[k]++;
    }
    for (size_t k = 0; k < TYPES; k++) {
        text->log_frequency[k] = log((double) (counts[k] > 0 ? counts[k] : 1));
    }
}

static void
draw_text(
    ba_rng_t *rng, const scenario_t *scenario, const align_study_t *study, text_t *text)
{
    unsigned char carries[TYPES];
    size_t n = 0;

    draw_types(rng, text);
    align_study_values(rng, study, TYPES, text->types);
    for (size_t k = 0; k < TYPES; k++) {
        double odds = 2.0 * scenario->frequency * text->log_frequency[k] - 1.5;

        carries[k] = ba_rng_uniform(rng) < 1.0 / (1.0 + exp(-odds));
    }
    carries[0] |= memchr(carries, 1, TYPES) == NULL;
    for (size_t i = 0; i < TOKENS; i++) {
        text->first[i] = n;
        if (carries[text->type[i]]) {
            text->concept[n++] = 0;
        }
    }
    text->first[TOKENS] = n;
    for (size_t j = 0; j < NEURONS; j++) {
        double deviation = exp(study->log_deviation[j]);

        text->layer[j] = j / UNITS;
        text->unit[j] = j % UNITS;
        for (size_t i = 0; i < TOKENS; i++) {
            size_t k = text->type[i];

            text->x[i + j * TOKENS] =
                text->types[k + j * TYPES] +
                deviation * (scenario->frequency * text->log_frequency[k] +
                                0.5 * ba_rng_normal(rng));
        }
    }
}

static int
rank(text_t *text, uint64_t seed, ba_ranking_t **ranking, ba_rank_report_t **report)
{
    static char component[] = "neurons", name[] = "concept";
    char *components[] = {component}, *names[] = {name};
    ba_word_class_t class = BA_CLASS_UNKNOWN;
    unsigned char is_words = 0;
    ba_ctx_t ctx = ba_ctx_default();
    int status;
    ba_activations_t activations = {.n_tokens = TOKENS,
        .neurons = {.n_neurons = NEURONS,
            .layer = text->layer,
            .unit = text->unit,
            .component = text->zeros,
            .n_components = 1,
            .component_names = components},
        .file_column = text->unit};
    ba_concepts_t concepts = {.n_tokens = TOKENS,
        .n_concepts = 1,
        .n_types = TYPES,
        .names = names,
        .classes = &class,
        .is_words = &is_words,
        .first = text->first,
        .concept = text->concept,
        .is_exclusive = 1,
        .type = text->type};
    ba_token_split_t split = {.train = text->rows, .n_train = TOKENS};
    ba_rank_data_t data = {&activations, &concepts, &split};
    ba_rank_opts_t opts = ba_rank_opts_default();

    ctx.seed = seed;
    ctx.n_threads = 1;
    opts.method = "mean";
    opts.zscore = 0;
    opts.n_halves = 0;
    opts.n_permutations = N_NULL;
    opts.null_top = TOP;
    BA_TRY(ba_source_from_memory(
        text->x, TOKENS, NEURONS, TOKENS, "made", &activations.source));
    BA_TRY(ba_neurons_rank(&ctx, &data, &opts, ranking, report));
out:
    ba_source_close(activations.source);
    return status;
}

/* The neurons that add most, one by one. */
static int
find_best(const align_study_t *study, unsigned char *is_best)
{
    int status = BA_OK;
    double score[NEURONS], drop[TARGETS];
    size_t set[TOP];

    for (size_t j = 0; j < NEURONS; j++) {
        BA_TRY(ba_drops_set(study->drops, &j, 1, drop));
        score[j] = drop[0] + drop[1] + drop[2] + drop[3];
    }
    align_study_best(score, set);
    memset(is_best, 0, NEURONS);
    for (size_t i = 0; i < TOP; i++) {
        is_best[set[i]] = 1;
    }
out:
    return status;
}

static int
look(const align_study_t *study, const uint32_t *list, const unsigned char *is_best,
    double *drop, size_t *overlap)
{
    size_t set[TOP];

    *overlap = 0;
    for (size_t i = 0; i < TOP; i++) {
        set[i] = list[i];
        *overlap += is_best[list[i]];
    }
    qsort(set, TOP, sizeof *set, align_study_compare);
    return align_study_drop(study, set, 0, TARGETS, drop);
}

static int
do_study(const scenario_t *scenario, uint64_t seed, align_study_t *study, text_t *text,
    size_t counts[2])
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;
    ba_ranking_t *ranking = NULL;
    ba_rank_report_t *report = NULL;
    unsigned char is_best[NEURONS];
    double own, other;
    size_t shared, n_shared, n_above[2] = {0};

    BA_TRY_ALLOC(rng, ba_rng_new(seed, (uint64_t) (scenario - scenarios)));
    align_study_draw(rng, 0.7, 0.7, study);
    align_study_respond(rng, study);
    BA_TRY(align_study_fit(study));
    draw_text(rng, scenario, study, text);
    BA_TRY(rank(text, seed, &ranking, &report));
    BA_TRY(find_best(study, is_best));
    BA_TRY(look(study, ranking->order, is_best, &own, &shared));
    for (size_t b = 0; b < N_NULL; b++) {
        BA_TRY(look(study, report->null_order + b * TOP, is_best, &other, &n_shared));
        n_above[0] += other >= own;
        n_above[1] += n_shared >= shared;
    }
    for (size_t k = 0; k < 2; k++) {
        counts[k] += ba_permutation_p(n_above[k], N_NULL) <= 0.05;
    }
out:
    align_study_close(study);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    ba_rng_free(rng);
    return status;
}

int
main(int argc, char **argv)
{
    size_t n_studies = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 1000;
    size_t first = argc > 2 ? (size_t) strtoul(argv[2], NULL, 10) : 0;
    static align_study_t study;
    static text_t text;
    int n_bad = 0;

    ba_blas_single_thread();
    printf("| labels fall on | drop | overlap |\n| --- | ---: | ---: |\n");
    for (size_t s = first; s < sizeof scenarios / sizeof *scenarios; s++) {
        size_t counts[2] = {0};

        for (size_t i = 0; i < n_studies; i++) {
            if (do_study(&scenarios[s], i, &study, &text, counts) != BA_OK) {
                fprintf(stderr, "label_level: %s\n", ba_error_message());
                return 1;
            }
        }
        printf("| %s |", scenarios[s].name);
        for (size_t k = 0; k < 2; k++) {
            double share = 100.0 * (double) counts[k] / (double) n_studies;

            printf(" %.1f%s", share, k == 0 ? " |" : " |\n");
            n_bad += share > 6.5;
        }
        fflush(stdout);
    }
    return n_bad > 0;
}
