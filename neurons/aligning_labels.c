/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What permuted labels choose in place of the neurons of each concept. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"
#include "neurons/label_null.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *text, *file;
    size_t length; /* of the name in front */
    ba_label_null_t null;
    size_t *place; /* the encoder's neuron of each */
} labels_t;

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return (x > y) - (x < y);
}

/* The first of a list as neurons of the encoder, ascending. */
static int
take_list(const labels_t *labels, const char *concept, const int32_t *list, size_t top,
    size_t *out)
{
    for (size_t i = 0; i < top; i++) {
        if (list[i] < 0) {
            return ba_fail(BA_SHAPE,
                "%s: concept '%s': permuted labels left fewer than %zu neurons with a "
                "score",
                labels->file, concept, top);
        }
        out[i] = labels->place[list[i]];
    }
    qsort(out, top, sizeof *out, compare_sizes);
    return BA_OK;
}

/* The file must be of the ranking that the concept comes from. */
static int
take_concept(ba_align_concepts_t *concepts, const labels_t *labels, size_t c)
{
    int status = BA_OK;
    const ba_label_null_t *null = &labels->null;
    const char *name = concepts->own_names[c];
    size_t top = concepts->top, at = 0, *own = NULL;

    while (at < null->n_concepts && strcmp(null->names[at], name) != 0) {
        at++;
    }
    if (at == null->n_concepts) {
        return ba_fail(BA_MISSING, "%s: no concept '%s'", labels->file, name);
    }
    BA_TRY_ALLOC(own, ba_malloc(top, sizeof *own));
    BA_TRY(take_list(labels, name, null->observed + at * null->top, top, own));
    if (memcmp(own, concepts->neurons + c * top, top * sizeof *own) != 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: concept '%s': its best %zu neurons are others than those of the "
            "ranking, wanted the file of the same neurons rank",
            labels->file, name, top));
    }
    for (size_t b = 0; b < null->n_permutations; b++) {
        BA_TRY(take_list(labels, name,
            null->null + (at * null->n_permutations + b) * null->top, top,
            concepts->label_sets + (c * concepts->n_label + b) * top));
    }
out:
    ba_free(own);
    return status;
}

static int
open_labels(const ba_align_concepts_t *concepts, const char *text, labels_t *labels)
{
    int status;
    unsigned char *listed = NULL;

    *labels = (labels_t){.text = text};
    labels->length = ba_align_split(text, &labels->file);
    BA_TRY(ba_label_null_read(labels->file, &labels->null));
    if (labels->null.top < concepts->top) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: keeps the best %zu neurons, wanted %zu",
            labels->file, labels->null.top, concepts->top));
    }
    BA_TRY_ALLOC(listed, ba_malloc(labels->null.neurons.n_neurons, 1));
    memset(listed, 1, labels->null.neurons.n_neurons);
    BA_TRY_ALLOC(
        labels->place, ba_malloc(labels->null.neurons.n_neurons, sizeof *labels->place));
    BA_TRY(ba_align_match(
        concepts->aligning, labels->file, &labels->null.neurons, listed, labels->place));
out:
    ba_free(listed);
    return status;
}

/* The file whose name in front is that of the concept's ranking. */
static const labels_t *
labels_of(const ba_align_concepts_t *concepts, const labels_t *labels, size_t n, size_t c)
{
    const char *ranking = concepts->aligning->opts->rankings[concepts->source[c]], *file;
    size_t length = ba_align_split(ranking, &file);

    for (size_t i = 0; i < n; i++) {
        if (labels[i].length == length && memcmp(labels[i].text, ranking, length) == 0) {
            return &labels[i];
        }
    }
    return NULL;
}

static int
make_room(ba_align_concepts_t *concepts, const labels_t *labels, size_t n)
{
    int status;
    size_t size;

    concepts->n_label = labels[0].null.n_permutations;
    for (size_t i = 1; i < n; i++) {
        if (labels[i].null.n_permutations != concepts->n_label) {
            return ba_fail(BA_SHAPE, "%s: %zu permutations, wanted %zu as in %s",
                labels[i].file, labels[i].null.n_permutations, concepts->n_label,
                labels[0].file);
        }
    }
    BA_TRY(ba_multiply(concepts->n * concepts->n_label, concepts->top, &size));
    BA_TRY_ALLOC(concepts->label_sets, ba_malloc(size, sizeof *concepts->label_sets));
out:
    return status;
}

int
ba_align_labels_read(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    const ba_align_opts_t *opts = concepts->aligning->opts;
    size_t n = opts->n_label_nulls;
    labels_t *labels = NULL;

    if (n == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(labels, ba_calloc(n, sizeof *labels));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(open_labels(concepts, opts->label_nulls[i], &labels[i]));
    }
    BA_TRY(make_room(concepts, labels, n));
    for (size_t c = 0; c < concepts->n; c++) {
        const labels_t *own = labels_of(concepts, labels, n, c);

        if (!own) {
            BA_TRY(ba_fail(BA_VALUE,
                "concept '%s': no file of permuted labels for its ranking",
                concepts->names[c]));
        }
        BA_TRY(take_concept(concepts, own, c));
    }
out:
    for (size_t i = 0; labels && i < n; i++) {
        ba_label_null_free(&labels[i].null);
        ba_free(labels[i].place);
    }
    ba_free(labels);
    return status;
}
