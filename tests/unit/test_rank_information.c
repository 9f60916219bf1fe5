/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

static const double nan_value = (double) NAN;

/* Class of each of n values: 1 + class, 0 = not among them. */
typedef struct {
    double values[RANK_TOKENS];
    size_t class[RANK_TOKENS], n;
} sample_t;

static int
compare_numbers(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* Edges from all values of the neuron, as the library has them. */
static size_t
find_edges(const double *values, size_t n, size_t n_bins, double *edges)
{
    double sorted[RANK_TOKENS];
    size_t n_edges = 0;

    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    for (size_t i = 1; i < n_bins; i++) {
        double at = (double) i / (double) n_bins * (double) (n - 1),
               part = at - floor(at);
        double low = sorted[(size_t) at], high = sorted[(size_t) at + 1];
        double edge =
            part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);

        if (n_edges == 0 || edge > edges[n_edges - 1]) {
            edges[n_edges++] = edge;
        }
    }
    return n_edges;
}

/* By the definition, from a table of bins and classes. */
static double
binned(const sample_t *sample, const double *edges, size_t n_edges)
{
    double table[32][RANK_CONCEPTS + 2] = {{0}}, sum = 0, n = (double) sample->n;

    for (size_t i = 0; i < sample->n; i++) {
        size_t bin = 0;

        for (size_t e = 0; e < n_edges; e++) {
            bin += edges[e] <= sample->values[i];
        }
        table[bin][sample->class[i]]++;
    }
    for (size_t b = 0; b < 32; b++) {
        for (size_t c = 0; c < RANK_CONCEPTS + 2; c++) {
            double row = 0, column = 0;

            for (size_t k = 0; k < RANK_CONCEPTS + 2; k++) {
                row += table[b][k];
            }
            for (size_t k = 0; k < 32; k++) {
                column += table[k][c];
            }
            if (table[b][c] > 0) {
                sum += table[b][c] / n * log2(table[b][c] * n / (row * column));
            }
        }
    }
    return sum;
}

static double
digamma(size_t m)
{
    double sum = -0.57721566490153286061;

    for (size_t k = 1; k < m; k++) {
        sum += 1 / (double) k;
    }
    return sum;
}

static size_t
count_class(const sample_t *sample, size_t class)
{
    size_t n = 0;

    for (size_t i = 0; i < sample->n; i++) {
        n += sample->class[i] == class;
    }
    return n;
}

/* Distance to the k-th nearest of the same class. */
static double
kth_distance(const sample_t *sample, size_t i, size_t k)
{
    double distance[RANK_TOKENS];
    size_t n = 0;

    for (size_t j = 0; j < sample->n; j++) {
        if (j != i && sample->class[j] == sample->class[i]) {
            distance[n++] = fabs(sample->values[j] - sample->values[i]);
        }
    }
    qsort(distance, n, sizeof *distance, compare_numbers);
    return distance[k - 1];
}

/* Ross 2014 by comparing everything with everything. */
static double
nearest(const sample_t *sample, size_t neighbours)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < sample->n; i++) {
        n += count_class(sample, sample->class[i]) > 1;
    }
    for (size_t i = 0; i < sample->n; i++) {
        size_t in = count_class(sample, sample->class[i]), m = 0;
        size_t k = neighbours < in - 1 ? neighbours : in - 1;
        double r;

        if (in < 2) {
            continue;
        }
        r = kth_distance(sample, i, k);
        for (size_t j = 0; j < sample->n; j++) {
            double apart = fabs(sample->values[j] - sample->values[i]);

            m += count_class(sample, sample->class[j]) > 1 &&
                 (r > 0 ? apart < r : apart == 0);
        }
        sum += digamma(k) - digamma(in) - digamma(m);
    }
    return n > 0 ? fmax(0, digamma(n) + sum / (double) n) / log(2) : 0;
}

/* Concept c against the rest, or all classes (c = RANK_CONCEPTS) of tokens with one. */
static void
take(const rank_study_t *study, size_t neuron, size_t c, sample_t *sample)
{
    sample->n = 0;
    for (size_t i = 0; i < study->split.n_train; i++) {
        size_t token = study->train[i], e = study->first[token];
        int labelled = study->first[token + 1] > e;

        if (c < RANK_CONCEPTS || labelled) {
            sample->values[sample->n] = study->x[token + neuron * RANK_TOKENS];
            sample->class[sample->n++] = c < RANK_CONCEPTS
                                             ? (size_t) rank_has(study, token, c)
                                             : 1 + study->concept[e];
        }
    }
}

static void
check(uint64_t seed, int exclusive, size_t neighbours)
{
    rank_study_t *study = rank_study(seed, exclusive);
    ba_rank_opts_t opts = rank_plain("mi");
    ba_ranking_t *ranking;
    sample_t sample;
    double edges[32];

    opts.n_bins = 7;
    opts.n_neighbours = neighbours;
    ranking = rank_must(study, &opts, NULL);
    assert_int_equal(ranking->n_concepts, RANK_CONCEPTS + 1);
    for (size_t j = 0; j < RANK_NEURONS; j++) {
        size_t n_edges;

        take(study, j, 0, &sample);
        n_edges = find_edges(sample.values, sample.n, opts.n_bins, edges);
        for (size_t c = 0; c <= RANK_CONCEPTS; c++) {
            double found = ranking->score[c * RANK_NEURONS + j], wanted;

            take(study, j, c, &sample);
            wanted = neighbours > 0 ? nearest(&sample, neighbours)
                                    : binned(&sample, edges, n_edges);
            if (c == RANK_CONCEPTS && !exclusive) {
                wanted = nan_value;
            } else if (c < RANK_CONCEPTS && count_class(&sample, 1) == 0) {
                wanted = nan_value;
            }
            assert_close(found, wanted, 1e-12);
        }
    }
    ba_ranking_free(ranking);
    rank_study_free(study);
}

static void
test_bins(void **state)
{
    (void) state;
    check(1, 0, 0);
    check(2, 1, 0);
}

static void
test_neighbours(void **state)
{
    (void) state;
    check(1, 0, 3);
    check(2, 1, 1);
    check(3, 1, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins),
        cmocka_unit_test(test_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
