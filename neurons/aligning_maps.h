/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sets of neurons and the neurons of concepts add, as images. */
#ifndef BA_NEURONS_ALIGNING_MAPS_H
#define BA_NEURONS_ALIGNING_MAPS_H

#include "neurons/aligning_concepts.h"
#include "neurons/aligning_sets.h"

typedef struct {
    const ba_align_sets_t *sets;
    const ba_align_concepts_t *concepts; /* NULL = none */
    size_t n;
    char **files; /* n: one a set, then one a concept */
    ba_map_t **maps;
} ba_align_maps_t;

/* Names them, before the work; n = 0 where none are asked for. BA_VALUE: responses that are
 * no image, two sets of the same name. BA_EXISTS. Free in any case. */
int ba_align_maps_open(const ba_align_sets_t *sets, const ba_align_concepts_t *concepts,
    ba_align_maps_t *out) BA_MUST_USE;
void ba_align_maps_free(ba_align_maps_t *maps);

int ba_align_maps_make(ba_align_maps_t *maps) BA_MUST_USE;
int ba_align_maps_commit(ba_align_maps_t *maps) BA_MUST_USE;

#endif
