/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of pairs of items, counted: shares are exact whatever the order. */
#include "model/identification_impl.h"

#include <math.h>

void
ba_pair_add(
    const ba_identification_t *problem, size_t i, size_t j, ba_pair_counts_t *counts)
{
    double tie = problem->tie;
    double own_i = ba_similarity_of(problem, i, i),
           own_j = ba_similarity_of(problem, j, j);
    double ij = ba_similarity_of(problem, i, j), ji = ba_similarity_of(problem, j, i);
    double sum = (own_i + own_j) - (ij + ji), first = own_i - ij, second = own_j - ji;
    int is_first = first > tie, is_second = second > tie;
    int ties_first = fabs(first) <= tie, ties_second = fabs(second) <= tie;

    counts->n_pairs++;
    counts->sum_won += sum > tie;
    counts->sum_tied += fabs(sum) <= tie;
    counts->single_won += (size_t) (is_first + is_second);
    counts->single_tied += (size_t) (ties_first + ties_second);
    counts->strict_won += (size_t) (is_first && is_second);
    counts->any_tied += (size_t) (ties_first || ties_second);
}

static int
is_counted(const ba_pair_opts_t *opts, size_t i, size_t j)
{
    if (j - i < opts->min_distance) {
        return 0;
    }
    return opts->pairs == BA_PAIRS_ALL ||
           (opts->groups[i] == opts->groups[j]) == (opts->pairs == BA_PAIRS_WITHIN);
}

int
ba_identification_pairs(const ba_identification_t *problem, const ba_pair_opts_t *opts,
    ba_pair_counts_t *counts)
{
    static const ba_pair_opts_t all = {0};
    int status;

    *counts = (ba_pair_counts_t){0};
    BA_TRY(ba_identification_check(problem));
    opts = opts ? opts : &all;
    if (opts->pairs != BA_PAIRS_ALL && !opts->groups) {
        status = ba_fail(BA_VALUE, "pairs within or between groups: found no groups, "
                                   "wanted one an item");
        goto out;
    }
    for (size_t j = 1; j < problem->similarity.n_rows; j++) {
        for (size_t i = 0; i < j; i++) {
            if (is_counted(opts, i, j)) {
                ba_pair_add(problem, i, j, counts);
            }
        }
    }
out:
    return status;
}

double
ba_pairs_sum(const ba_pair_counts_t *counts)
{
    return ((double) counts->sum_won + (double) counts->sum_tied / 2) /
           (double) counts->n_pairs;
}

double
ba_pairs_single(const ba_pair_counts_t *counts)
{
    return ((double) counts->single_won + (double) counts->single_tied / 2) /
           (2 * (double) counts->n_pairs);
}

double
ba_pairs_strict(const ba_pair_counts_t *counts)
{
    return (double) counts->strict_won / (double) counts->n_pairs;
}
