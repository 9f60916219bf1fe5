/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons in order of what they tell of concepts. */
#ifndef BRAINALIGN_RANKING_H
#define BRAINALIGN_RANKING_H

#include "brainalign/concepts.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scores of neurons for concepts, of any method. Scores are n_concepts x n_neurons, row by
 * row; a score that is not defined is NaN and comes last. Ties go to the lowest neuron. */
typedef struct {
    char *method;
    size_t n_neurons, n_concepts;
    char **concepts; /* "*" = all classes together */
    double *score;
    uint32_t *order;   /* n_concepts x n_neurons: neuron at each rank, best first */
    double *p, *q;     /* NULL = not tested */
    double *stability; /* NULL, or what the method or the halves of the tokens say of it,
                          see the method */
    ba_neuron_table_t neurons;
} ba_ranking_t;

/* A ranking of n_concepts named concepts over all neurons of a table (copied), all scores
 * NaN; p, q and stability are NULL. BA_NOMEM. The caller frees. */
BA_API int ba_ranking_create(const char *method, size_t n_concepts,
    const char *const *concepts, const ba_neuron_table_t *neurons, ba_ranking_t **out);
BA_API void ba_ranking_free(ba_ranking_t *ranking);

/* Fills `order` from `score`. */
BA_API int ba_ranking_sort(ba_ranking_t *ranking);

/* The table of docs/formats.md: rank neuron layer component unit concept score p q, best
 * first within each concept, and stability where there is one; top 0 = all neurons. A
 * neuron is called by its number. BA_EXISTS without force. */
BA_API int ba_ranking_write(
    const ba_ranking_t *ranking, const char *file, size_t top, int force);

/* Reads such a table. BA_FORMAT names row and column; a table cut short at some rank holds
 * NaN for the rest. n_neurons 0 = the largest neuron number and one; a number that
 * n_neurons does not hold is BA_SHAPE. */
BA_API int ba_ranking_read(const char *file, size_t n_neurons, ba_ranking_t **out);

/* A list of neurons, as neurons select writes it: a table with the column neuron (and
 * layer, component, unit), or one number a line. BA_SHAPE: a neuron that n_neurons (0 =
 * any) does not hold; BA_FORMAT: twice the same. *out is ascending and the caller's to
 * free(). */
BA_API int ba_neuron_list_read(
    const char *file, size_t n_neurons, size_t **out, size_t *n_listed);

/* Tables call a neuron by its number: list (numbers, ascending) becomes places in
 * *neurons, which differ after a choice of layers. BA_SHAPE: one that is not there. */
BA_API int ba_neuron_list_places(
    const ba_neuron_table_t *neurons, size_t *list, size_t n_listed);

/* list: places in *neurons, in the order of the file. */
BA_API int ba_neuron_list_write(const char *file, const ba_neuron_table_t *neurons,
    const size_t *list, size_t n_listed, int force);

#ifdef __cplusplus
}
#endif

#endif
