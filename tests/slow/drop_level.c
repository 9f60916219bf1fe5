/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often the neurons of a concept that has nothing to do with the brain are found
 * to add more than random sets, at 5 %:
 *
 *     drop_level [STUDIES [FIRST]]     (1,000 of every row from 0 on)
 *
 * See align_study.h. The concept has the 12 neurons with the highest score: the
 * profile of their layers and the slope times their deviation as in the weights, minus
 * a multiple of their redundancy, and noise. Random sets of 12 neurons, 99 each: any;
 * as many of each layer and bin of the deviation; those as redundant together as well
 * (ba_matched_sets()). The last column: concepts that do drive the responses, their
 * weights doubled, in sets as redundant. Prints a table (docs/methods.md, Concepts and
 * the brain); status 1 if matched sets leave more than 6.5 % or less than 3 %, or any
 * sets do not fail. */
#include "tests/slow/align_study.h"

enum { ANY, CELLS, MATCHED, N_WAYS };

typedef struct {
    const char *name;
    double profile, slope, redundancy;
} scenario_t;

static const scenario_t scenarios[] = {
    {"nothing", 0.0, 0.0, 0.0},
    {"layer and variance", 0.7, 0.7, 0.0},
    {"layer, variance, little redundancy", 0.7, 0.7, 4.0},
    {"layer, variance, much redundancy", 0.7, 0.7, -4.0},
};

/* A set with the counts of cells (or none) of `set`, at random. */
static void
draw_set(ba_rng_t *rng, const size_t *cell, const size_t *set, size_t *out)
{
    size_t order[NEURONS], n = 0, wanted[NEURONS] = {0};

    for (size_t j = 0; j < NEURONS; j++) {
        order[j] = j;
    }
    for (size_t i = 0; i < TOP; i++) {
        wanted[cell ? cell[set[i]] : 0]++;
    }
    ba_rng_shuffle(rng, order, NEURONS);
    for (size_t i = 0; i < NEURONS; i++) {
        size_t c = cell ? cell[order[i]] : 0;

        if (wanted[c] > 0) {
            wanted[c]--;
            out[n++] = order[i];
        }
    }
    qsort(out, TOP, sizeof *out, align_study_compare);
}

static int
test_sets(
    const align_study_t *study, const size_t *set, const size_t *sets, size_t *found)
{
    int status;
    double own, other;
    size_t n_above = 0;

    BA_TRY(align_study_drop(study, set, 0, TARGETS, &own));
    for (size_t b = 0; b < N_NULL; b++) {
        BA_TRY(align_study_drop(study, sets + b * TOP, 0, TARGETS, &other));
        n_above += other >= own;
    }
    *found += ba_permutation_p(n_above, N_NULL) <= 0.05;
out:
    return status;
}

static int
do_study(const scenario_t *scenario, uint64_t seed, align_study_t *study,
    size_t counts[N_WAYS + 1])
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;
    double score[NEURONS];
    size_t set[TOP], sets[N_NULL * TOP];
    ba_matched_info_t info;

    BA_TRY_ALLOC(rng, ba_rng_new(seed, (uint64_t) (scenario - scenarios)));
    align_study_draw(rng, scenario->profile, scenario->slope, study);
    for (size_t j = 0; j < NEURONS; j++) {
        score[j] = study->profile[j / UNITS] + scenario->slope * study->log_deviation[j] -
                   scenario->redundancy * study->common[j] + ba_rng_normal(rng);
    }
    align_study_best(score, set);
    for (int drives = 0; drives < 2; drives++) {
        for (size_t i = 0; drives && i < TOP * TARGETS; i++) {
            study->weight[set[i % TOP] + i / TOP * NEURONS] *= 2.0;
        }
        align_study_respond(rng, study);
        BA_TRY(align_study_fit(study));
        for (size_t way = drives ? MATCHED : ANY; way < N_WAYS; way++) {
            for (size_t b = 0; b < N_NULL && way < MATCHED; b++) {
                draw_set(rng, way == ANY ? NULL : study->cell, set, sets + b * TOP);
            }
            if (way == MATCHED) {
                BA_TRY(ba_matched_sets(study->inverse, study->cell, NEURONS, set, TOP,
                    N_NULL, seed, 1, sets, &info));
            }
            BA_TRY(test_sets(study, set, sets, &counts[drives ? N_WAYS : way]));
        }
        align_study_close(study);
    }
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
    int n_bad = 0;

    ba_blas_single_thread();
    printf(
        "| what chooses the concept's neurons | any sets | layer and variance | and "
        "redundancy | found where they drive |\n| --- | ---: | ---: | ---: | ---: |\n");
    for (size_t s = first; s < sizeof scenarios / sizeof *scenarios; s++) {
        size_t counts[N_WAYS + 1] = {0};

        for (size_t i = 0; i < n_studies; i++) {
            if (do_study(&scenarios[s], i, &study, counts) != BA_OK) {
                fprintf(stderr, "drop_level: %s\n", ba_error_message());
                return 1;
            }
        }
        printf("| %s |", scenarios[s].name);
        for (size_t way = 0; way <= N_WAYS; way++) {
            double share = 100.0 * (double) counts[way] / (double) n_studies;

            printf(" %.1f%s", share, way < N_WAYS ? " |" : " |\n");
            n_bad += way == MATCHED && (share > 6.5 || share < 3.0);
            n_bad += way == ANY && s == 2 && share < 20.0;
        }
        fflush(stdout);
    }
    return n_bad > 0;
}
