/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interpolated modified Kneser-Ney. With a(hw) the adjusted count and D the discount of
 * its size, over all n-grams that were counted,
 *
 *   p(w | h) = (a(hw) - D(a(hw))) / a(h.) + b(h) p(w | h'),
 *   b(h) = sum over w of D(a(hw)) / a(h.),   a(h.) = sum over w of a(hw),
 *
 * down to the uniform distribution over all words but <s>. An n-gram that is left out
 * gives its whole a(hw) to b(h). What is stored for a listed n-gram is the interpolated
 * sum, so that backing off finds it again.
 *
 * Discounts of an order, from the number n_i of its n-grams with adjusted count i: D_i
 * = i - (i + 1) Y n_(i+1) / n_i, Y = n_1 / (n_1 + 2 n_2). Chen & Goodman (1998), An
 * empirical study of smoothing techniques for language modeling, equation 26. */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

#include <math.h>
#include <string.h>

static const double fallback[3] = {0.5, 1.0, 1.5};

/* Discounts of one order; 1 where the counts allow none of their own. */
static int
find_discounts(const ba_count_level_t *level, int is_unigram, double discount[3])
{
    double n[5] = {0.0}, y;

    for (size_t e = 0; e < level->n; e++) {
        size_t a = level->adjusted[e];

        if (a >= 1 && a <= 4 && !(is_unigram && e == BA_WORD_BEGIN)) {
            n[a] += 1.0;
        }
    }
    if (n[1] > 0.0 && n[2] > 0.0 && n[3] > 0.0 && n[4] > 0.0) {
        y = n[1] / (n[1] + 2.0 * n[2]);
        for (size_t i = 0; i < 3; i++) {
            double count = (double) i + 1.0;

            discount[i] = count - (count + 1.0) * y * n[i + 2] / n[i + 1];
        }
        if (discount[0] > 0.0 && discount[1] > 0.0 && discount[2] > 0.0) {
            return 0;
        }
    }
    memcpy(discount, fallback, sizeof fallback);
    return 1;
}

static double
discount_of(const double discount[3], size_t count)
{
    return count == 0 ? 0.0 : discount[count < 3 ? count - 1 : 2];
}

static void
smooth_unigrams(const ba_count_level_t *level, const double discount[3], double *p)
{
    double total = 0.0, given = 0.0, n_words = (double) level->n - 1.0;

    for (size_t w = 0; w < level->n; w++) {
        if (w != BA_WORD_BEGIN) {
            total += (double) level->adjusted[w];
            given += discount_of(discount, level->adjusted[w]);
        }
    }
    for (size_t w = 0; w < level->n; w++) {
        p[w] = ((double) level->adjusted[w] - discount_of(discount, level->adjusted[w])) /
                   total +
               given / total / n_words;
    }
    p[BA_WORD_BEGIN] = 0.0;
}

/* One order's probabilities and the back-off weights of the contexts below. `most`:
 * n-grams with so many occurrences or fewer are left out. */
static void
smooth_level(const ba_counts_t *counts, size_t k, size_t most, const double discount[3],
    const double *lower, double *p, double *backoff)
{
    const ba_count_level_t *before = &counts->level[k - 1], *level = &counts->level[k];

    for (size_t c = 0; c < before->n; c++) {
        double total = 0.0, given = 0.0;

        for (size_t e = before->first[c]; e < before->first[c + 1]; e++) {
            double a = (double) level->adjusted[e];

            total += a;
            given +=
                level->count[e] > most ? discount_of(discount, level->adjusted[e]) : a;
        }
        backoff[c] = total > 0.0 ? given / total : 1.0;
        for (size_t e = before->first[c]; e < before->first[c + 1]; e++) {
            double a = (double) level->adjusted[e];

            p[e] = (a - discount_of(discount, level->adjusted[e])) / total +
                   backoff[c] * lower[level->suffix[e]];
        }
    }
}

static size_t
prune_at(const ba_ngram_opts_t *opts, size_t k)
{
    return opts->n_prune == 0 ? 0
                              : opts->prune[k < opts->n_prune ? k : opts->n_prune - 1];
}

/* Entries of an order that stay: places[e] is where, SIZE_MAX for those that go. */
static size_t
place_entries(const ba_count_level_t *level, size_t most, int is_unigram, size_t *places)
{
    size_t n = 0;

    for (size_t e = 0; e < level->n; e++) {
        places[e] = is_unigram || level->count[e] > most ? n++ : SIZE_MAX;
    }
    return n;
}

/* Copies what stays of an order. next: places of the order above, NULL at the highest. */
static void
copy_level(const ba_count_level_t *level, const double *p, const double *backoff,
    const size_t *places, const size_t *next, ba_ngram_level_t *to)
{
    size_t n = 0;

    for (size_t e = 0; e < level->n; e++) {
        if (places[e] != SIZE_MAX) {
            to->word[places[e]] = level->word[e];
            to->log_p[places[e]] = log(p[e]);
        }
        if (next && places[e] != SIZE_MAX) {
            to->first[places[e]] = n;
            to->backoff[places[e]] = log(backoff[e]);
        }
        /* What continues an n-gram that goes has no more occurrences, and goes too. */
        for (size_t c = next ? level->first[e] : 0; next && c < level->first[e + 1];
             c++) {
            n += next[c] != SIZE_MAX;
        }
    }
    if (next) {
        to->first[to->n] = n;
    }
}

typedef struct {
    double *p[BA_NGRAM_MAX_ORDER], *backoff[BA_NGRAM_MAX_ORDER];
    size_t *places[BA_NGRAM_MAX_ORDER];
} smoothing_t;

static int
smooth_all(const ba_counts_t *counts, const ba_ngram_opts_t *opts, smoothing_t *work,
    ba_ngram_info_t *info)
{
    int status = BA_OK;

    for (size_t k = 0; k < counts->order; k++) {
        const ba_count_level_t *level = &counts->level[k];

        BA_TRY_ALLOC(work->p[k], ba_malloc(level->n, sizeof(double)));
        BA_TRY_ALLOC(work->backoff[k], ba_malloc(level->n, sizeof(double)));
        BA_TRY_ALLOC(work->places[k], ba_malloc(level->n, sizeof(size_t)));
        info->is_fallback[k] = find_discounts(level, k == 0, info->discount[k]);
        if (k == 0) {
            smooth_unigrams(level, info->discount[k], work->p[k]);
        } else {
            smooth_level(counts, k, prune_at(opts, k), info->discount[k], work->p[k - 1],
                work->p[k], work->backoff[k - 1]);
        }
        info->n_counted[k] = level->n;
        info->n_kept[k] =
            place_entries(level, prune_at(opts, k), k == 0, work->places[k]);
    }
out:
    return status;
}

int
ba_ngram_smooth(const ba_counts_t *counts, const ba_ngram_opts_t *opts, ba_ngram_t *ngram,
    ba_ngram_info_t *info)
{
    int status = BA_OK;
    smoothing_t work = {.p = {NULL}};

    BA_TRY(smooth_all(counts, opts, &work, info));
    for (size_t k = 0; k < counts->order; k++) {
        BA_TRY(ba_ngram_level_new(ngram, k, info->n_kept[k]));
        copy_level(&counts->level[k], work.p[k], work.backoff[k], work.places[k],
            k + 1 < counts->order ? work.places[k + 1] : NULL, &ngram->level[k]);
    }
out:
    for (size_t k = 0; k < BA_NGRAM_MAX_ORDER; k++) {
        ba_free(work.p[k]);
        ba_free(work.backoff[k]);
        ba_free(work.places[k]);
    }
    return status;
}
