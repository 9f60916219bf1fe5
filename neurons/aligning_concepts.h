/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Concepts in neurons align: what their neurons add to the encoder, and tests of it. */
#ifndef BA_NEURONS_ALIGNING_CONCEPTS_H
#define BA_NEURONS_ALIGNING_CONCEPTS_H

#include "brainalign/overlap.h"
#include "model/matched.h"
#include "neurons/aligning_sets.h"
#include "neurons/brain_score.h"

/* Sets of neurons that are taken out one after the other. */
typedef struct {
    const size_t *neurons; /* n, ascending */
    size_t n;
} ba_align_set_t;

/* Sums over folds and regions of what sets add: the first n_kept by target as well. */
typedef struct {
    size_t n_sets, n_kept;
    const ba_align_set_t *sets;
    double *by_region; /* n_sets x n_regions: mean over scored targets */
    double *by_target; /* n_kept x n_targets: mean over folds, NaN without a score */
} ba_align_drops_t;

/* Against a null distribution: of targets (n_concepts x n_targets) and of regions
 * (n_concepts x n_regions). */
typedef struct {
    double *target_p, *target_q;
    double *mean, *deviation, *z, *ratio, *p, *q, *p_fwe;
} ba_align_test_t;

typedef struct {
    size_t a, b, region_a, region_b; /* concept a in region_a, b in region_b */
    double difference; /* (a - b) in region_a less (a - b) in region_b, in z */
    double p_difference, p_a,
        p_b;     /* p_a: a over b in region_a, p_b: b over a in region_b */
    double p, q; /* both hold: the larger */
} ba_align_dissociation_t;

struct ba_align_concepts {
    const ba_ctx_t *ctx;
    const ba_aligning_t *aligning;
    const ba_align_regions_t *regions;
    /* concepts, aligning_concepts.c */
    size_t n, top, n_ranked; /* neurons with a score for every concept: the fewest */
    char **names;
    size_t *source;   /* n: which of the rankings */
    char **own_names; /* n: as that calls it */
    size_t *neurons;  /* n x top, ascending */
    uint32_t *order;  /* n x n_neurons, best first */
    size_t *cell;     /* n_neurons */
    size_t n_cells;
    /* labels permuted, aligning_labels.c */
    size_t n_label, *label_sets;     /* n x n_label x top */
    const ba_brain_scores_t *scores; /* finished, borrowed */
    uint32_t *brain_order; /* n_regions x n_neurons: by their scores over all folds */
    /* random sets, aligning_matched.c: n x n_matched x top */
    size_t *matched_sets;
    ba_matched_info_t *matched;
    /* exchanges between two concepts, aligning_dissociation.c */
    size_t n_pairs, *pair_sets; /* n_pairs x n_exchanges x 2 x top */
    /* results */
    ba_align_set_t *sets;
    ba_align_drops_t drops;
    double *own[BA_SET_SHAPLEY]; /* n x n_targets, mean over folds; but delta_r2, which
                                    stands in drops */
    double *brain_drop, *shared_drop;    /* n_regions, n x n_regions */
    ba_align_test_t tests[2];            /* matched sets, permuted labels */
    ba_overlap_t *overlap;               /* n x n_regions */
    double *overlap_q, *overlap_sweep_p; /* n x n_regions */
    double *overlap_label_p, *overlap_label_fwe, *overlap_naive_p;
    size_t n_tops, *tops;
    double *sweep_p; /* n x n_regions x n_tops */
    size_t n_dissociations;
    ba_align_dissociation_t *dissociations;
};

typedef struct ba_align_concepts ba_align_concepts_t;

enum { BA_ALIGN_MATCHED, BA_ALIGN_LABELS };

/* Reads rankings and permuted labels and matches them with the encoder's neurons; *out
 * NULL where there is no ranking. Checks all that can be checked before any fold is
 * fitted. */
int ba_align_concepts_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, ba_align_concepts_t **out) BA_MUST_USE;
void ba_align_concepts_free(ba_align_concepts_t *concepts);

/* Random sets like each concept; BA_SHAPE where none is. concepts may be NULL. */
int ba_align_concepts_match(ba_align_concepts_t *concepts) BA_MUST_USE;

/* All of the other work, after that on single neurons. scores: finished, as long as concepts are.
 * concepts may be NULL. */
int ba_align_concepts_run(
    ba_align_concepts_t *concepts, const ba_brain_scores_t *scores) BA_MUST_USE;

/* Counts for the caller, as far as the work has got. concepts may be NULL. */
void ba_align_concepts_sum_up(const ba_align_concepts_t *concepts, ba_align_info_t *info);

/* /concepts, /regions, /ablation, /overlap, /dissociation, and the tables. concepts
 * may be NULL. */
int ba_align_concepts_write(
    const ba_align_concepts_t *concepts, ba_bundle_t *bundle) BA_MUST_USE;
/* n_targets: what a concept's neurons add, mean over folds. */
const double *ba_align_concepts_drop(const ba_align_concepts_t *concepts, size_t concept);

/* The tables, finished but not committed. */
int ba_align_concepts_table(
    const ba_align_concepts_t *concepts, ba_table_writer_t **out) BA_MUST_USE;
int ba_align_dissociation_table(
    const ba_align_concepts_t *concepts, ba_table_writer_t **out) BA_MUST_USE;

/* n_neurons texts for the caller to free one by one, also after an error: the names of the
 * concepts whose neuron each is, with commas; NULL = none. */
int ba_align_concepts_of_neurons(
    const ba_align_concepts_t *concepts, char ***out) BA_MUST_USE;

/* ---- inside ---- */

/* aligning_cells.c: the strata of neurons. */
int ba_align_cells_make(ba_align_concepts_t *concepts) BA_MUST_USE;

/* aligning_match.c: the encoder's neuron of each one of another file, by component, layer
 * and unit; SIZE_MAX for those not listed. A component is not looked at where both sides
 * have one only. BA_SHAPE: a neuron that the encoder has not. */
int ba_align_match(const ba_aligning_t *aligning, const char *file,
    const ba_neuron_table_t *neurons, const unsigned char *listed,
    size_t *place) BA_MUST_USE;

/* FILE and length of NAME of "[NAME=]FILE". */
size_t ba_align_split(const char *text, const char **file);

/* aligning_labels.c */
int ba_align_labels_read(ba_align_concepts_t *concepts) BA_MUST_USE;

/* aligning_matched.c */
int ba_align_matched_make(ba_align_concepts_t *concepts) BA_MUST_USE;

/* aligning_brain.c: the order of neurons by their mean delta_r2 in every region; and in one
 * region over the folds other than `without`, into `order` (n_neurons). */
int ba_align_brain_make(ba_align_concepts_t *concepts) BA_MUST_USE;
int ba_align_brain_without(const ba_align_concepts_t *concepts, size_t region,
    size_t without, uint32_t *order) BA_MUST_USE;

/* aligning_drops.c: whether the budget allows the sets, and all folds. */
int ba_align_drops_check(const ba_align_concepts_t *concepts) BA_MUST_USE;
int ba_align_drops_run(ba_align_concepts_t *concepts) BA_MUST_USE;

/* aligning_tests.c. q of concepts x regions: the first region is a family of its own. */
int ba_align_tests_run(ba_align_concepts_t *concepts) BA_MUST_USE;
int ba_align_regions_q(
    const double *p, size_t n_concepts, size_t n_regions, double *q) BA_MUST_USE;

/* aligning_overlap.c. The tops of the sweep, before the work: those asked for, or a quarter to
 * four times the one; at most n_ranked. */
int ba_align_tops_make(ba_align_concepts_t *concepts) BA_MUST_USE;
int ba_align_overlap_run(ba_align_concepts_t *concepts) BA_MUST_USE;

/* aligning_dissociation.c: the sets of exchanges, then their test. */
int ba_align_dissociation_make(ba_align_concepts_t *concepts) BA_MUST_USE;
int ba_align_dissociation_run(ba_align_concepts_t *concepts) BA_MUST_USE;

#endif
