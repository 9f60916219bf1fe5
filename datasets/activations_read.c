/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows in any choice, columns of kept neurons, in one or the other precision. Files are
 * read in pieces of whole rows of the columns asked for, each piece once. */
#include "brainalign/activations.h"

#include "core/alloc.h"
#include "datasets/neuron_table.h"

#include <math.h>
#include <string.h>

/* Numbers of a piece. */
#define PIECE_NUMBERS ((size_t) 1 << 20)

/* Where numbers go: one of the two is NULL. */
typedef struct {
    double *wide;
    float *single;
    size_t ld;
} target_t;

/* What is asked for: neighbouring columns of the source. */
typedef struct {
    ba_activations_t *activations;
    const size_t *rows; /* NULL = the first n_rows */
    size_t n_rows;
    size_t neuron0, n_neurons; /* of those kept */
    size_t col0;
    target_t target;
} block_t;

static size_t
row_at(const block_t *block, size_t i)
{
    return block->rows ? block->rows[i] : i;
}

static int
fail_value(const block_t *block, size_t i, size_t j, double value)
{
    const ba_activations_t *activations = block->activations;
    const ba_neuron_table_t *neurons = &activations->neurons;
    size_t neuron = block->neuron0 + j;

    return ba_fail(BA_NONFINITE,
        "%s: token %zu, neuron %zu (layer %zu, %s unit %zu; all from 0): found %g, "
        "wanted "
        "finite numbers",
        ba_source_name(activations->source), row_at(block, i),
        ba_neuron_number(neurons, neuron), neurons->layer[neuron],
        neurons->component_names[neurons->component[neuron]], neurons->unit[neuron],
        value);
}

/* Rows i .. stop - 1 of those asked for out of a piece that starts at file row row0. */
static int
put_rows(const block_t *block, size_t i, size_t stop, const double *piece, size_t row0,
    size_t ld)
{
    const target_t *target = &block->target;

    for (size_t j = 0; j < block->n_neurons; j++) {
        for (size_t k = i; k < stop; k++) {
            double value = piece[row_at(block, k) - row0 + j * ld];

            if (!isfinite(value)) {
                return fail_value(block, k, j, value);
            }
            if (target->wide) {
                target->wide[k + j * target->ld] = value;
            } else {
                target->single[k + j * target->ld] = (float) value;
            }
        }
    }
    return BA_OK;
}

static int
read_block(const block_t *block, double *piece, size_t most_rows)
{
    int status = BA_OK;

    for (size_t i = 0; i < block->n_rows;) {
        size_t row0 = row_at(block, i), stop = i + 1, n;

        while (stop < block->n_rows && row_at(block, stop) - row0 < most_rows) {
            stop++;
        }
        n = row_at(block, stop - 1) - row0 + 1;
        BA_TRY(ba_source_read(block->activations->source, 0, row0, n, block->col0,
            block->n_neurons, piece, n));
        BA_TRY(put_rows(block, i, stop, piece, row0, n));
        i = stop;
    }
out:
    return status;
}

static int
check(const ba_activations_t *activations, const size_t *rows, size_t n_rows,
    size_t neuron0, size_t n_neurons, size_t ld)
{
    size_t n_tokens = activations->n_tokens, n = activations->neurons.n_neurons;
    int is_bad =
        n_rows > n_tokens || ld < n_rows || neuron0 > n || n_neurons > n - neuron0;

    for (size_t i = 0; rows && i < n_rows && !is_bad; i++) {
        is_bad = rows[i] >= n_tokens || (i > 0 && rows[i] <= rows[i - 1]);
    }
    if (is_bad) {
        return ba_fail(BA_VALUE,
            "%s: %zu rows, neurons %zu + %zu asked (leading dimension %zu), there are "
            "%zu x %zu; rows must ascend",
            ba_source_name(activations->source), n_rows, neuron0, n_neurons, ld, n_tokens,
            n);
    }
    return BA_OK;
}

static int
read_all(ba_activations_t *activations, const size_t *rows, size_t n_rows, size_t neuron0,
    size_t n_neurons, const target_t *target)
{
    const size_t *column = activations->file_column;
    double *piece = NULL;
    size_t most_rows, most_cols = n_neurons ? n_neurons : 1;
    int status;

    BA_TRY(check(activations, rows, n_rows, neuron0, n_neurons, target->ld));
    most_rows = PIECE_NUMBERS / most_cols + 1;
    BA_TRY_ALLOC(piece, ba_malloc(most_rows * most_cols, sizeof *piece));
    for (size_t j = 0; j < n_neurons;) {
        size_t n = 1;
        block_t block = {
            activations, rows, n_rows, neuron0 + j, 0, column[neuron0 + j], *target};

        while (j + n < n_neurons && column[neuron0 + j + n] == block.col0 + n) {
            n++;
        }
        block.n_neurons = n;
        if (target->wide) {
            block.target.wide += j * target->ld;
        } else {
            block.target.single += j * target->ld;
        }
        BA_TRY(read_block(&block, piece, most_rows));
        j += n;
    }
out:
    ba_free(piece);
    return status;
}

int
ba_activations_read(ba_activations_t *activations, const size_t *rows, size_t n_rows,
    size_t neuron0, size_t n_neurons, double *dst, size_t ld)
{
    return read_all(
        activations, rows, n_rows, neuron0, n_neurons, &(target_t){dst, NULL, ld});
}

int
ba_activations_read_single(ba_activations_t *activations, const size_t *rows,
    size_t n_rows, size_t neuron0, size_t n_neurons, float *dst, size_t ld)
{
    return read_all(
        activations, rows, n_rows, neuron0, n_neurons, &(target_t){NULL, dst, ld});
}
