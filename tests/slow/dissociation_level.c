/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often a double dissociation of two concepts and two regions is found at 5 %:
 *
 *     dissociation_level [STUDIES [FIRST]]     (1,000 of every row from 0 on)
 *
 * See align_study.h; regions are the first and the last two responses. The neurons of
 * both concepts follow layers and variance, which the weights follow too; strata are
 * layers and three bins. In turn neither drives the brain more than its like; the
 * first drives the first region (weights times 4); and the second the second region as
 * well. Prints how often a simple effect, the difference of both, and both simple
 * effects are found (docs/methods.md, Concepts and the brain); status 1 if the first
 * simple effect or both of them are found in more than 6.5 % where they are not there. */
#include "neurons/aligning_concepts.h"
#include "tests/slow/align_study.h"

enum {
    CONCEPTS = 2,
    REGIONS = 3,
    EACH = 1 + N_NULL,
    SETS = CONCEPTS * EACH + 2 * N_NULL
};

static const char *const scenarios[] = {"none", "one", "both"};

typedef struct {
    size_t neurons[CONCEPTS * TOP], matched[CONCEPTS * N_NULL * TOP];
    double by_region[SETS * REGIONS], mean[CONCEPTS * REGIONS],
        deviation[CONCEPTS * REGIONS];
} sets_t;

static void
choose(ba_rng_t *rng, const align_study_t *study, size_t *neurons)
{
    for (size_t c = 0; c < CONCEPTS; c++) {
        double score[NEURONS];

        for (size_t j = 0; j < NEURONS; j++) {
            score[j] = study->profile[j / UNITS] + 0.7 * study->log_deviation[j] +
                       ba_rng_normal(rng);
        }
        align_study_best(score, neurons + c * TOP);
    }
}

/* All targets, the first two, the last two. */
static int
fill_row(const align_study_t *study, const size_t *set, double *row)
{
    int status;

    BA_TRY(align_study_drop(study, set, 0, TARGETS, &row[0]));
    BA_TRY(align_study_drop(study, set, 0, 2, &row[1]));
    BA_TRY(align_study_drop(study, set, 2, 2, &row[2]));
out:
    return status;
}

static int
fill_concept(const align_study_t *study, sets_t *sets, size_t c, uint64_t seed)
{
    int status;
    ba_matched_info_t info;
    size_t *drawn = sets->matched + c * N_NULL * TOP;
    double *rows = sets->by_region + c * EACH * REGIONS;

    BA_TRY(ba_matched_sets(study->inverse, study->cell, NEURONS, sets->neurons + c * TOP,
        TOP, N_NULL, seed, c, drawn, &info));
    BA_TRY(fill_row(study, sets->neurons + c * TOP, rows));
    for (size_t b = 0; b < N_NULL; b++) {
        BA_TRY(fill_row(study, drawn + b * TOP, rows + (b + 1) * REGIONS));
    }
    for (size_t r = 0; r < REGIONS; r++) {
        double mean = 0.0, squares = 0.0;

        for (size_t b = 1; b <= N_NULL; b++) {
            mean += rows[b * REGIONS + r] / N_NULL;
        }
        for (size_t b = 1; b <= N_NULL; b++) {
            squares += (rows[b * REGIONS + r] - mean) * (rows[b * REGIONS + r] - mean);
        }
        sets->mean[c * REGIONS + r] = mean;
        sets->deviation[c * REGIONS + r] = sqrt(squares / (N_NULL - 1));
    }
out:
    return status;
}

/* Counts of p <= .05: simple effect, difference, both. */
static int
test_sets(align_study_t *study, sets_t *sets, uint64_t seed, size_t counts[3])
{
    int status;
    ba_ctx_t ctx = ba_ctx_default();
    ba_align_opts_t opts = {.n_exchanges = N_NULL, .n_matched = N_NULL};
    ba_aligning_t aligning = {.opts = &opts};
    ba_align_regions_t regions = {.n = REGIONS};
    ba_align_concepts_t concepts = {.ctx = &ctx,
        .aligning = &aligning,
        .regions = &regions,
        .n = CONCEPTS,
        .top = TOP,
        .neurons = sets->neurons,
        .cell = study->cell};

    ctx.seed = seed;
    aligning.neurons.n_neurons = NEURONS;
    BA_TRY(ba_align_dissociation_make(&concepts));
    for (size_t i = 0; i < 2 * N_NULL; i++) {
        BA_TRY(fill_row(study, concepts.pair_sets + i * TOP,
            sets->by_region + (CONCEPTS * EACH + i) * REGIONS));
    }
    concepts.drops.n_kept = CONCEPTS * EACH;
    concepts.drops.by_region = sets->by_region;
    concepts.tests[BA_ALIGN_MATCHED].mean = sets->mean;
    concepts.tests[BA_ALIGN_MATCHED].deviation = sets->deviation;
    BA_TRY(ba_align_dissociation_run(&concepts));
    counts[0] += concepts.dissociations[0].p_a <= 0.05;
    counts[1] += concepts.dissociations[0].p_difference <= 0.05;
    counts[2] += concepts.dissociations[0].p <= 0.05;
out:
    ba_free(concepts.pair_sets);
    ba_free(concepts.dissociations);
    return status;
}

static int
do_study(
    size_t n_effects, uint64_t seed, align_study_t *study, sets_t *sets, size_t counts[3])
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;

    BA_TRY_ALLOC(rng, ba_rng_new(seed, n_effects));
    align_study_draw(rng, 0.7, 0.7, study);
    for (size_t j = 0; j < NEURONS; j++) {
        study->cell[j] = study->cell[j] / BINS * BINS + study->cell[j] % BINS / 4;
    }
    choose(rng, study, sets->neurons);
    for (size_t c = 0; c < n_effects; c++) {
        for (size_t i = 0; i < 2 * TOP; i++) {
            study->weight[sets->neurons[c * TOP + i % TOP] +
                          (2 * c + i / TOP) * NEURONS] *= 4.0;
        }
    }
    align_study_respond(rng, study);
    BA_TRY(align_study_fit(study));
    for (size_t c = 0; c < CONCEPTS; c++) {
        BA_TRY(fill_concept(study, sets, c, seed));
    }
    BA_TRY(test_sets(study, sets, seed, counts));
out:
    align_study_close(study);
    ba_rng_free(rng);
    return status;
}

int
main(int argc, char **argv)
{
    size_t n_studies = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 1000;
    size_t first = argc > 2 ? (size_t) strtoul(argv[2], NULL, 10) : 0;
    static align_study_t study;
    static sets_t sets;
    int n_bad = 0;

    ba_blas_single_thread();
    printf("| effects that are there | first simple effect | difference | both simple "
           "effects |\n| --- | ---: | ---: | ---: |\n");
    for (size_t s = first; s < sizeof scenarios / sizeof *scenarios; s++) {
        size_t counts[3] = {0};

        for (size_t i = 0; i < n_studies; i++) {
            if (do_study(s, i, &study, &sets, counts) != BA_OK) {
                fprintf(stderr, "dissociation_level: %s\n", ba_error_message());
                return 1;
            }
        }
        printf("| %s |", scenarios[s]);
        for (size_t k = 0; k < 3; k++) {
            double share = 100.0 * (double) counts[k] / (double) n_studies;

            printf(" %.1f%s", share, k < 2 ? " |" : " |\n");
            n_bad += share > 6.5 && ((s == 0 && k != 1) || (s == 1 && k == 2));
        }
        fflush(stdout);
    }
    return n_bad > 0;
}
