/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rankings from given scores. */
#ifndef BA_RANKINGLIB_H
#define BA_RANKINGLIB_H

#include "tests/conceptlib.h"

#include "datasets/neuron_table.h"
#include "brainalign/ranking.h"

/* Neurons in layers of layer_size, all of one component; sorted. */
static inline ba_ranking_t *
make_ranking(size_t n_concepts, const char *const *concepts, size_t n_neurons,
    size_t layer_size, const double *score)
{
    static const char *const names[] = {"ffn"};
    ba_neuron_table_t neurons;
    ba_ranking_t *ranking;

    assert_int_equal(ba_neuron_table_make(n_neurons, names, 1, &neurons), BA_OK);
    for (size_t i = 0; i < n_neurons; i++) {
        neurons.layer[i] = i / layer_size;
        neurons.unit[i] = i % layer_size;
    }
    assert_int_equal(
        ba_ranking_create("test", n_concepts, concepts, &neurons, &ranking), BA_OK);
    memcpy(ranking->score, score, n_concepts * n_neurons * sizeof *score);
    assert_int_equal(ba_ranking_sort(ranking), BA_OK);
    ba_neuron_table_free(&neurons);
    return ranking;
}

#endif
