/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mean of a score over tied places is a difference of two sums. */
#include "model/rank_scores.h"

#include "core/alloc.h"
#include "model/clones.h"

static void
fill_place(const ba_identify_opts_t *opts, size_t n_candidates, size_t better, double *at)
{
    size_t n_top = opts->n_top;

    at[BA_RANK_ACCURACY] = 1 - (double) better / ((double) n_candidates - 1);
    at[BA_RANK_RECIPROCAL] = 1 / ((double) better + 1);
    for (size_t k = 0; k < n_top; k++) {
        at[BA_RANK_TOP + k] = ba_rank_top(better, 1, opts->top[k]);
    }
    for (size_t g = 0; g < opts->n_gallery; g++) {
        for (size_t k = 0; k < n_top; k++) {
            at[BA_RANK_TOP + n_top + g * n_top + k] =
                ba_rank_gallery(better, 1, n_candidates, opts->gallery[g], opts->top[k]);
        }
    }
}

int
ba_rank_scores_new(
    const ba_identify_opts_t *opts, size_t n_candidates, ba_rank_scores_t *out)
{
    size_t n = BA_RANK_TOP + opts->n_top + opts->n_gallery * opts->n_top, size;
    int status;

    *out = (ba_rank_scores_t){.n_scores = n};
    BA_TRY(ba_multiply(n_candidates + 1, n, &size));
    BA_TRY_ALLOC(out->at, ba_malloc(size, sizeof(double)));
    BA_TRY_ALLOC(out->sum, ba_calloc(size, sizeof(double)));
    for (size_t r = 0; r < n_candidates; r++) {
        fill_place(opts, n_candidates, r, out->at + r * n);
        for (size_t s = 0; s < n; s++) {
            out->sum[(r + 1) * n + s] = out->sum[r * n + s] + out->at[r * n + s];
        }
    }
out:
    return status;
}

void
ba_rank_scores_free(ba_rank_scores_t *scores)
{
    ba_free(scores->at);
    ba_free(scores->sum);
}

/* As ba_rank_scores_add(). */
BA_CLONES static void
add_scores(const ba_rank_scores_t *scores, ba_place_t place, double *total)
{
    size_t n = scores->n_scores;
    const double *at = scores->at + place.better * n;
    const double *before = scores->sum + place.better * n;
    const double *after = before + place.tied * n;

    if (place.tied == 1) {
        for (size_t s = 0; s < n; s++) {
            total[s] += at[s];
        }
        return;
    }
    for (size_t s = 0; s < n; s++) {
        total[s] += (after[s] - before[s]) / place.tied;
    }
}

void
ba_rank_scores_add(const ba_rank_scores_t *scores, ba_place_t place, double *total)
{
    add_scores(scores, place, total);
}
