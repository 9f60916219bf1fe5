/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log likelihood of a sequence, one word after the other. Where slot i gets the
 * vector blank + d instead of blank, its quadratic form grows by exactly
 *
 *   g'd - 1/2 sum over a, b of K_ab d'A_ab d,
 *   g = sum over s of w(s) G_s,   K_ab = sum over responses t of w(t - d_a) w(t - d_b),
 *
 * G_s the gradient by the features of time s, given the words before; and the gradient
 * becomes G_s - sum over a, b of C_ab(s) A_ab d with C_ab(s) = w(s + d_a - d_b) where
 * time s + d_a has a response. K, C and d'A_ab d serve all hypotheses, A_ab d serves
 * all that end with the same word, so a word costs a hypothesis a few thousand flops
 * for each time in reach, whatever the number of voxels. */
#include "decode/beam_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <string.h>

/* Smallest and largest delay. */
static void
delay_range(const ba_passage_t *passage, long long *least, long long *largest)
{
    *least = *largest = passage->delays[0];
    for (size_t a = 1; a < passage->n_delays; a++) {
        *least = passage->delays[a] < *least ? passage->delays[a] : *least;
        *largest = passage->delays[a] > *largest ? passage->delays[a] : *largest;
    }
}

/* Times that a state must hold: from the first that a slot still to come reaches to the
 * last whose gradient a word said could change. */
static int
find_window(ba_evidence_t *evidence)
{
    int status = BA_OK;
    const ba_passage_t *passage = evidence->passage;
    size_t n = passage->n_slots, top = 0;
    long long least, largest;

    BA_TRY_ALLOC(evidence->low, ba_malloc(n + 1, sizeof *evidence->low));
    evidence->low[n] = passage->n_times;
    for (size_t i = n; i-- > 0;) {
        const ba_slot_t *slot = &passage->slots[i];

        evidence->low[i] = evidence->low[i + 1];
        if (slot->n > 0 && slot->first < evidence->low[i]) {
            evidence->low[i] = slot->first;
        }
    }
    delay_range(passage, &least, &largest);
    evidence->n_window = 1;
    for (size_t i = 0; i < n; i++) {
        const ba_slot_t *slot = &passage->slots[i];
        size_t end = slot->first + slot->n + (size_t) (largest - least);

        end = end < passage->n_times ? end : passage->n_times;
        top = slot->n > 0 && end > top ? end : top;
        if (top > evidence->low[i] + evidence->n_window) {
            evidence->n_window = top - evidence->low[i];
        }
    }
out:
    return status;
}

int
ba_evidence_new(
    const ba_passage_t *passage, ba_word_products_t *products, ba_evidence_t *out)
{
    int status = BA_OK;
    size_t n_blocks = passage->n_delays * passage->n_delays;

    *out = (ba_evidence_t){.passage = passage, .products = products};
    BA_TRY(find_window(out));
    BA_TRY_ALLOC(out->own, ba_malloc(n_blocks, sizeof *out->own));
    BA_TRY_ALLOC(out->base, ba_malloc(passage->n_features, sizeof *out->base));
    BA_TRY_ALLOC(out->pairs, ba_malloc(n_blocks, out->n_window * sizeof *out->pairs));
out:
    return status;
}

void
ba_evidence_free(ba_evidence_t *evidence)
{
    ba_free(evidence->low);
    ba_free(evidence->own);
    ba_free(evidence->base);
    ba_free(evidence->pairs);
    *evidence = (ba_evidence_t){.n_window = 0};
}

size_t
ba_evidence_size(const ba_evidence_t *evidence)
{
    return evidence->n_window * evidence->passage->n_features;
}

/* Weight of a slot at a time that need not exist. */
static double
weight_at(const ba_slot_t *slot, long long s)
{
    long long i = s - (long long) slot->first;

    return i >= 0 && i < (long long) slot->n ? slot->weight[i] : 0.0;
}

static int
has_response(const ba_passage_t *passage, long long t)
{
    return t >= 0 && t < (long long) passage->n_times && passage->response[t] != SIZE_MAX;
}

/* C_ab at the window's times after the slot, K_ab from those at its own. */
void
ba_evidence_slot(ba_evidence_t *evidence, size_t i)
{
    const ba_passage_t *passage = evidence->passage;
    const ba_slot_t *slot = &passage->slots[i];
    size_t d = passage->n_delays, q = passage->n_features;

    memset(evidence->own, 0, d * d * sizeof *evidence->own);
    memset(evidence->base, 0, q * sizeof *evidence->base);
    memset(evidence->pairs, 0, d * d * evidence->n_window * sizeof *evidence->pairs);
    for (size_t a = 0; a < d; a++) {
        for (size_t b = 0; b < d; b++) {
            long long shift = passage->delays[a] - passage->delays[b];
            size_t block = a + b * d;

            for (size_t k = 0; k < slot->n; k++) {
                long long s = (long long) (slot->first + k);

                if (has_response(passage, s + passage->delays[a])) {
                    evidence->own[block] += slot->weight[k] * weight_at(slot, s + shift);
                }
            }
            for (size_t k = 0; k < evidence->n_window; k++) {
                long long s = (long long) (evidence->low[i + 1] + k);

                if (s < (long long) passage->n_times &&
                    has_response(passage, s + passage->delays[a])) {
                    evidence->pairs[block + k * d * d] = weight_at(slot, s + shift);
                }
            }
        }
    }
    for (size_t k = 0; k < slot->n; k++) {
        const double *gradient = passage->gradient + (slot->first + k) * q;

        for (size_t f = 0; f < q; f++) {
            evidence->base[f] += slot->weight[k] * gradient[f];
        }
    }
}

void
ba_evidence_gradient(
    const ba_evidence_t *evidence, size_t i, const double *state, double *out)
{
    const ba_slot_t *slot = &evidence->passage->slots[i];
    size_t q = evidence->passage->n_features;

    memcpy(out, evidence->base, q * sizeof *out);
    for (size_t k = 0; k < slot->n; k++) {
        size_t at = slot->first + k - evidence->low[i];

        for (size_t f = 0; at < evidence->n_window && f < q; f++) {
            out[f] += slot->weight[k] * state[at * q + f];
        }
    }
}

double
ba_evidence_gain(const ba_evidence_t *evidence, const double *gradient, size_t word)
{
    const ba_word_products_t *products = evidence->products;
    const double *delta = products->said->delta + word * products->n_features;
    const double *form = products->form + word * products->n_blocks;

    return ba_word_products_dot(gradient, delta, products->n_features) -
           0.5 * ba_word_products_dot(evidence->own, form, products->n_blocks);
}

void
ba_evidence_append(
    const ba_evidence_t *evidence, size_t i, const double *from, size_t word, double *to)
{
    size_t q = evidence->passage->n_features, n = evidence->n_window;
    size_t moved = evidence->low[i + 1] - evidence->low[i];
    size_t kept = moved < n ? n - moved : 0;
    size_t n_blocks = evidence->products->n_blocks;

    memcpy(to, from + (n - kept) * q, kept * q * sizeof *to);
    memset(to + kept * q, 0, (n - kept) * q * sizeof *to);
    if (word == SIZE_MAX) {
        return;
    }
    ba_gemm_f64(-1.0, BA_KEEP,
        ba_cdmat(ba_word_products_get(evidence->products, word), q, n_blocks, q), BA_KEEP,
        ba_cdmat(evidence->pairs, n_blocks, n, n_blocks), 1.0, ba_dmat(to, q, n, q));
}
