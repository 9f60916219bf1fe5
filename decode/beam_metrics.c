/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Word error rate (Levenshtein 1966), BLEU-1 (Papineni et al. 2002), and the recall of
 * BERTScore (Zhang et al. 2020) over static vectors. */
#include "decode/beam_metrics.h"

#include "core/alloc.h"

#include <math.h>

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

int
ba_edit_distance(
    const size_t *reference, size_t n, const size_t *decoded, size_t m, size_t *out)
{
    int status = BA_OK;
    size_t *row = NULL;

    BA_TRY_ALLOC(row, ba_malloc(m + 1, sizeof *row));
    for (size_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];

            row[j] = least(least(above, row[j - 1]) + 1,
                diagonal + (reference[i - 1] != decoded[j - 1]));
            diagonal = above;
        }
    }
    *out = row[m];
out:
    ba_free(row);
    return status;
}

static size_t
count(const size_t *words, size_t n, size_t word)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        found += words[i] == word;
    }
    return found;
}

double
ba_bleu1(const size_t *reference, size_t n, const size_t *decoded, size_t m)
{
    double matched = 0.0, precision;

    for (size_t j = 0; j < m; j++) {
        if (count(decoded, j, decoded[j]) == 0) {
            matched += (double) least(
                count(decoded, m, decoded[j]), count(reference, n, decoded[j]));
        }
    }
    if (m == 0) {
        return 0.0;
    }
    precision = matched / (double) m;
    return m < n ? precision * exp(1.0 - (double) n / (double) m) : precision;
}

double
ba_word_similarity(const ba_word_space_t *space, const size_t *reference, size_t n,
    const size_t *decoded, size_t m)
{
    double sum = 0.0, total = 0.0;
    size_t q = space->n_features;

    for (size_t i = 0; i < n; i++) {
        double best = -(double) INFINITY;

        if (!space->has[reference[i]]) {
            continue;
        }
        for (size_t j = 0; j < m; j++) {
            double cosine = 0.0;

            for (size_t f = 0; space->has[decoded[j]] && f < q; f++) {
                cosine +=
                    space->unit[reference[i] * q + f] * space->unit[decoded[j] * q + f];
            }
            best = space->has[decoded[j]] ? fmax(best, cosine) : best;
        }
        sum += space->weight[reference[i]] * (isinf(best) ? 0.0 : best);
        total += space->weight[reference[i]];
    }
    return total > 0.0 ? sum / total : (double) NAN;
}
