/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mutual information of a neuron and a concept (or all classes together), in bits.
 *
 * By bins: edges are the distinct quantiles i / q of the neuron, i = 1 .. q - 1, the bin of
 * a value the number of edges that are not above it, and I = sum over bins and classes of
 * n_bc / n log2(n_bc n / (n_b n_c)). Its bias is about (bins - 1) (classes - 1) / (2 n ln
 * 2) (Miller 1955): the score of a neuron that tells nothing.
 *
 * By nearest neighbours (Ross 2014): r is the distance of a value to the k-th nearest of
 * its class, m the number of values nearer than r (those that equal it where r is 0), and
 * I = psi(n) + mean of psi(k) - psi(n_c) - psi(m), not below 0. Classes of one value are
 * left out, k is at most n_c - 1. */
#include "neurons/rank_impl.h"

#include <math.h>
#include <string.h>

/* Distinct quantiles; returns how many. */
static size_t
find_edges(rank_work_t *work)
{
    size_t n_edges = 0, q = work->opts->n_bins;

    for (size_t i = 1; i < q; i++) {
        double edge = ba_rank_quantile(work->value, work->n, (double) i / (double) q);

        if (n_edges == 0 || edge > work->edges[n_edges - 1]) {
            work->edges[n_edges++] = edge;
        }
    }
    return n_edges;
}

/* Counts rows of each bin: concept by concept, then all rows, then rows with a concept.
 */
static void
count_bins(rank_work_t *work, size_t n_edges)
{
    const rank_sets_t *sets = &work->labels->sets;
    size_t width = sets->n_concepts + 2, bin = 0;
    uint32_t *count = work->binned;

    memset(count, 0, (n_edges + 1) * width * sizeof *count);
    for (size_t i = 0; i < work->n; i++) {
        uint32_t set = work->seq[i] & RANK_NUMBER;

        while (bin < n_edges && work->edges[bin] <= (double) work->value[i]) {
            bin++;
            count += width;
        }
        for (uint32_t e = sets->first[set]; e < sets->first[set + 1]; e++) {
            count[sets->concept[e]]++;
        }
        count[width - 2]++;
        count[width - 1] += sets->first[set + 1] > sets->first[set];
    }
}

/* n_bc log2(n_bc n / (n_b n_c)). */
static double
term(double both, double bin, double class, double n)
{
    return both > 0 ? both * log2(both * n / (bin * class)) : 0;
}

static double
information(const rank_work_t *work, size_t n_edges, size_t concept)
{
    size_t width = work->labels->sets.n_concepts + 2;
    double n = (double) work->n, positives = work->labelling->count[concept], sum = 0;

    for (size_t b = 0; b <= n_edges; b++) {
        double in = work->binned[b * width + concept];
        double bin = work->binned[b * width + width - 2];

        sum += term(in, bin, positives, n) + term(bin - in, bin, n - positives, n);
    }
    return sum / n;
}

static double
information_of_all(const rank_work_t *work, size_t n_edges)
{
    size_t n_concepts = work->labels->sets.n_concepts, width = n_concepts + 2;
    double n = (double) work->labelling->n_with, sum = 0;

    for (size_t b = 0; b <= n_edges; b++) {
        const uint32_t *count = work->binned + b * width;

        for (size_t c = 0; c < n_concepts; c++) {
            sum += term(count[c], count[width - 1], work->labelling->count[c], n);
        }
    }
    return sum / n;
}

/* Values below x (or not above it) among n ascending ones. */
static size_t
count_below(const float *value, size_t n, double x, int or_equal)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        double at = (double) value[middle];

        if (at < x || (or_equal && at == x)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Values of `all` nearer to x than r; those equal to x where r is 0. A difference of two
 * float32 is exact in float64 unless they are far apart, where rounding of x + r may not
 * move a value across: so it is compared as a difference. */
static size_t
count_near(const float *all, size_t n, double x, double r)
{
    size_t low = count_below(all, n, x - r, 0), high = count_below(all, n, x + r, 1);

    if (!(r > 0)) {
        return high - low;
    }
    while (low < high && x - (double) all[low] >= r) {
        low++;
    }
    while (high > low && (double) all[high - 1] - x >= r) {
        high--;
    }
    return high - low;
}

/* Sum over the n_in values of a class of psi(k) - psi(n_in) - psi(m). */
static double
add_class(
    const rank_work_t *work, const float *in, size_t n_in, const float *all, size_t n)
{
    size_t k = work->opts->n_neighbours < n_in - 1 ? work->opts->n_neighbours : n_in - 1;
    double sum = 0;
    size_t low = 0;

    for (size_t i = 0; i < n_in; i++) {
        double x = (double) in[i], r;

        /* The k + 1 values low .. low + k hold the nearest; they move with i. */
        low = i > k && low < i - k ? i - k : low;
        while (low < i && low + k + 1 < n_in &&
               (double) in[low + k + 1] - x < x - (double) in[low]) {
            low++;
        }
        r = fmax(x - (double) in[low], (double) in[low + k] - x);
        sum += work->digamma[k] - work->digamma[n_in] -
               work->digamma[count_near(all, n, x, r)];
    }
    return sum;
}

/* Splits the sorted values into those of a concept and the rest. */
static size_t
part_values(rank_work_t *work, size_t concept)
{
    const rank_sets_t *sets = &work->labels->sets;
    size_t n_one = 0, n_other = 0;

    for (size_t i = 0; i < work->n; i++) {
        uint32_t set = work->seq[i] & RANK_NUMBER;
        int in = 0;

        for (uint32_t e = sets->first[set]; e < sets->first[set + 1]; e++) {
            in |= sets->concept[e] == concept;
        }
        if (in) {
            work->one[n_one++] = work->value[i];
        } else {
            work->other[n_other++] = work->value[i];
        }
    }
    return n_one;
}

static double
in_bits(double sum, double psi, size_t n)
{
    return fmax(0, psi + sum / (double) n) / log(2);
}

static double
near_information(rank_work_t *work, size_t concept)
{
    size_t n_one = part_values(work, concept), n_other = work->n - n_one;
    double sum;

    if (n_one < 2 || n_other < 2) {
        return 0;
    }
    sum = add_class(work, work->one, n_one, work->value, work->n) +
          add_class(work, work->other, n_other, work->value, work->n);
    return in_bits(sum, work->digamma[work->n], work->n);
}

/* The values of classes of two or more rows, sorted, into work->other. */
static size_t
keep_classes(rank_work_t *work)
{
    const rank_sets_t *sets = &work->labels->sets;
    size_t n = 0;

    for (size_t i = 0; i < work->n; i++) {
        uint32_t e = sets->first[work->seq[i] & RANK_NUMBER];

        if (sets->first[(work->seq[i] & RANK_NUMBER) + 1] > e &&
            work->labelling->count[sets->concept[e]] > 1) {
            work->other[n++] = work->value[i];
        }
    }
    return n;
}

static double
near_information_of_all(rank_work_t *work)
{
    const rank_sets_t *sets = &work->labels->sets;
    size_t n = keep_classes(work);
    double sum = 0;

    for (size_t c = 0; c < sets->n_concepts; c++) {
        size_t n_one = 0;

        if (work->labelling->count[c] < 2) {
            continue;
        }
        for (size_t i = 0; i < work->n; i++) {
            uint32_t set = work->seq[i] & RANK_NUMBER, e = sets->first[set];

            if (sets->first[set + 1] > e && sets->concept[e] == c) {
                work->one[n_one++] = work->value[i];
            }
        }
        sum += add_class(work, work->one, n_one, work->other, n);
    }
    return n > 0 ? in_bits(sum, work->digamma[n], n) : 0;
}

void
ba_rank_score_mi(rank_work_t *work, double *score)
{
    size_t n_concepts = work->labels->sets.n_concepts;
    int near = work->opts->n_neighbours > 0;
    size_t n_edges = near || work->n == 0 ? 0 : find_edges(work);

    if (!near) {
        count_bins(work, n_edges);
    }
    for (size_t c = 0; c < n_concepts; c++) {
        if (work->labelling->count[c] == 0) {
            score[c] = (double) NAN;
        } else {
            score[c] = near ? near_information(work, c) : information(work, n_edges, c);
        }
    }
    if (!work->labels->is_exclusive || work->labelling->n_with == 0) {
        score[n_concepts] = (double) NAN;
    } else {
        score[n_concepts] =
            near ? near_information_of_all(work) : information_of_all(work, n_edges);
    }
}

double
ba_rank_chance_mi(const rank_labels_t *labels, const rank_labelling_t *observed,
    const ba_rank_opts_t *opts, size_t concept)
{
    size_t n_classes = 0, n_concepts = labels->sets.n_concepts;
    double n = (double) (concept < n_concepts ? observed->n_in : observed->n_with);

    if (opts->n_neighbours > 0) {
        return 0;
    }
    for (size_t c = 0; c < n_concepts; c++) {
        n_classes += observed->count[c] > 0;
    }
    n_classes = concept < n_concepts ? 2 : n_classes;
    return (double) (opts->n_bins - 1) * ((double) n_classes - 1) / (2 * n * log(2));
}
