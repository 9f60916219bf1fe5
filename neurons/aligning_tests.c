/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drops of concepts against those of their matched sets, and of the neurons that permuted
 * labels choose: per target with false discovery rates over targets, per region with the
 * maximum over concepts of z for the family-wise p. */
#include "neurons/aligning_concepts.h"

#include "brainalign/significance.h"
#include "core/alloc.h"

#include <math.h>

/* Drops of the sets b = 0 (the concept's own), 1 .. n of a test. */
typedef struct {
    const ba_align_concepts_t *concepts;
    size_t n, each, offset; /* sets of a concept, and where those of the test begin */
} null_t;

static size_t
set_of(const null_t *null, size_t c, size_t b)
{
    return c * null->each + (b == 0 ? 0 : null->offset + b - 1);
}

static int
make_test(size_t n_concepts, size_t n_targets, size_t n_regions, ba_align_test_t *test)
{
    int status = BA_OK;
    double **const regions[] = {&test->mean, &test->deviation, &test->z, &test->ratio,
        &test->p, &test->q, &test->p_fwe};

    BA_TRY_ALLOC(
        test->target_p, ba_malloc(n_concepts, n_targets * sizeof *test->target_p));
    BA_TRY_ALLOC(
        test->target_q, ba_malloc(n_concepts, n_targets * sizeof *test->target_q));
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        BA_TRY_ALLOC(*regions[i], ba_malloc(n_concepts, n_regions * sizeof **regions[i]));
    }
out:
    return status;
}

/* Each target of a concept. */
static int
test_targets(const null_t *null, size_t c, ba_align_test_t *test)
{
    size_t v = null->concepts->aligning->n_targets;
    const double *all = null->concepts->drops.by_target;
    const double *own = all + set_of(null, c, 0) * v;
    double *p = test->target_p + c * v;

    for (size_t t = 0; t < v; t++) {
        size_t n_above = 0;

        for (size_t b = 1; b <= null->n; b++) {
            n_above += !(all[set_of(null, c, b) * v + t] < own[t]);
        }
        p[t] = isnan(own[t]) ? (double) NAN : ba_permutation_p(n_above, null->n);
    }
    return ba_fdr_bh(p, v, test->target_q + c * v);
}

/* A concept in a region: moments of the null distribution, and p. */
static void
test_region(const null_t *null, size_t c, size_t r, ba_align_test_t *test)
{
    size_t n_regions = null->concepts->regions->n, at = c * n_regions + r, n_above = 0;
    const double *all = null->concepts->drops.by_region;
    double own = all[set_of(null, c, 0) * n_regions + r], n = (double) null->n;
    double mean = 0.0, squares = 0.0;

    for (size_t b = 1; b <= null->n; b++) {
        double value = all[set_of(null, c, b) * n_regions + r];

        mean += value / n;
        n_above += !(value < own);
    }
    for (size_t b = 1; b <= null->n; b++) {
        double value = all[set_of(null, c, b) * n_regions + r] - mean;

        squares += value * value;
    }
    test->mean[at] = mean;
    test->deviation[at] = null->n > 1 ? sqrt(squares / (n - 1.0)) : (double) NAN;
    test->z[at] =
        test->deviation[at] > 0.0 ? (own - mean) / test->deviation[at] : (double) NAN;
    test->ratio[at] = mean > 0.0 ? own / mean : (double) NAN;
    test->p[at] = ba_permutation_p(n_above, null->n);
}

/* Family-wise p of a region over concepts, whose null sets are drawn apart: maxima of
 * independent draws are the larger where concepts have neurons in common. */
static int
test_maxima(const null_t *null, size_t r, ba_align_test_t *test)
{
    int status = BA_OK;
    size_t n_regions = null->concepts->regions->n, n = null->concepts->n;
    const double *all = null->concepts->drops.by_region, **columns = NULL;
    double *drops = NULL, *own, *p;

    BA_TRY_ALLOC(columns, ba_malloc(n, sizeof *columns));
    BA_TRY_ALLOC(drops, ba_malloc(null->n + 2, n * sizeof *drops));
    own = drops + null->n * n;
    p = own + n;
    for (size_t c = 0; c < n; c++) {
        columns[c] = drops + c * null->n;
        own[c] = all[set_of(null, c, 0) * n_regions + r];
        for (size_t b = 0; b < null->n; b++) {
            drops[b + c * null->n] = all[set_of(null, c, b + 1) * n_regions + r];
        }
    }
    BA_TRY(ba_p_of_scaled_maxima(own, columns, n, null->n, p));
    for (size_t c = 0; c < n; c++) {
        test->p_fwe[c * n_regions + r] = p[c];
    }
out:
    ba_free(columns);
    ba_free(drops);
    return status;
}

/* False discovery rates over concepts x regions; all targets together are a family of
 * their own. */
int
ba_align_regions_q(const double *p, size_t n_concepts, size_t n_regions, double *q)
{
    int status = BA_OK;
    double *list = NULL;

    BA_TRY_ALLOC(list, ba_malloc(n_concepts, n_regions * sizeof *list));
    for (size_t family = 0; family < 2; family++) {
        size_t first = family, stop = family == 0 ? 1 : n_regions, n = 0;

        for (size_t i = 0; i < n_concepts; i++) {
            for (size_t r = first; r < stop; r++) {
                list[n++] = p[i * n_regions + r];
            }
        }
        BA_TRY(ba_fdr_bh(list, n, list));
        n = 0;
        for (size_t i = 0; i < n_concepts; i++) {
            for (size_t r = first; r < stop; r++) {
                q[i * n_regions + r] = list[n++];
            }
        }
    }
out:
    ba_free(list);
    return status;
}

static int
run_test(const null_t *null, ba_align_test_t *test)
{
    int status = BA_OK;
    const ba_align_concepts_t *concepts = null->concepts;
    size_t n_regions = concepts->regions->n;

    if (null->n == 0) {
        return BA_OK;
    }
    BA_TRY(make_test(concepts->n, concepts->aligning->n_targets, n_regions, test));
    for (size_t c = 0; c < concepts->n; c++) {
        BA_TRY(test_targets(null, c, test));
        for (size_t r = 0; r < n_regions; r++) {
            test_region(null, c, r, test);
        }
    }
    for (size_t r = 0; r < n_regions; r++) {
        BA_TRY(test_maxima(null, r, test));
    }
    BA_TRY(ba_align_regions_q(test->p, concepts->n, n_regions, test->q));
out:
    return status;
}

int
ba_align_tests_run(ba_align_concepts_t *concepts)
{
    int status;
    size_t n_matched = concepts->aligning->opts->n_matched, n_label = concepts->n_label;
    size_t each = 1 + n_matched + n_label;
    null_t matched = {concepts, n_matched, each, 1};
    null_t labels = {concepts, n_label, each, 1 + n_matched};

    BA_TRY(run_test(&matched, &concepts->tests[BA_ALIGN_MATCHED]));
    BA_TRY(run_test(&labels, &concepts->tests[BA_ALIGN_LABELS]));
out:
    return status;
}
