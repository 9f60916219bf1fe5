/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Figures of single items. An own candidate with b others above it and t tied, itself
 * included, takes the places b + 1 .. b + t with equal probability; every figure is the
 * mean over them. */
#include "model/identification_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

int
ba_identification_check(const ba_identification_t *problem)
{
    size_t n = problem->similarity.n_rows, n_candidates = problem->similarity.n_cols;

    if (n == 0) {
        return ba_fail(BA_SHAPE, "items: found none, wanted at least 1");
    }
    if (n_candidates < 2) {
        return ba_fail(
            BA_SHAPE, "candidates: found %zu, wanted at least 2", n_candidates);
    }
    if (n > UINT32_MAX || n_candidates > UINT32_MAX) {
        return ba_fail(BA_TOO_LARGE,
            "identification: %zu items, %zu candidates, at most "
            "2^32 - 1",
            n, n_candidates);
    }
    if (!problem->own && n > n_candidates) {
        return ba_fail(BA_SHAPE,
            "candidates: found %zu, wanted one for each of %zu items", n_candidates, n);
    }
    for (size_t i = 0; problem->own && i < n; i++) {
        if (problem->own[i] >= n_candidates) {
            return ba_fail(BA_SHAPE,
                "candidate of item %zu: found number %zu, wanted "
                "below %zu",
                i, problem->own[i], n_candidates);
        }
    }
    return BA_OK;
}

int
ba_identification_ranks(const ba_identification_t *problem, size_t *better, size_t *tied)
{
    ba_cdmat_t s = problem->similarity;
    int status;

    BA_TRY(ba_identification_check(problem));
    memset(better, 0, s.n_rows * sizeof *better);
    memset(tied, 0, s.n_rows * sizeof *tied);
    for (size_t c = 0; c < s.n_cols; c++) {
        for (size_t i = 0; i < s.n_rows; i++) {
            double more = s.data[i + c * s.ld] - ba_similarity_of(problem, i, i);

            better[i] += more > problem->tie;
            tied[i] += fabs(more) <= problem->tie;
        }
    }
out:
    return status;
}

double
ba_rank_middle(size_t better, size_t tied)
{
    return 1 + (double) better + ((double) tied - 1) / 2;
}

double
ba_rank_reciprocal(size_t better, size_t tied)
{
    double sum = 0;

    for (size_t i = 1; i <= tied; i++) {
        sum += 1 / (double) (better + i);
    }
    return sum / (double) tied;
}

double
ba_rank_top(size_t better, size_t tied, size_t k)
{
    if (k <= better) {
        return 0;
    }
    return k - better < tied ? (double) (k - better) / (double) tied : 1;
}

/* P(at most k - 1 of m - 1 drawn out of n are among g marked). The probability of the
 * fewest possible marked ones is a product, the others follow by ratios. */
static double
hypergeometric(size_t n, size_t g, size_t drawn, size_t k)
{
    size_t unmarked = n - g;
    size_t x = drawn > unmarked ? drawn - unmarked : 0;
    size_t n_factors = x > 0 ? n - drawn : (drawn < g ? drawn : g);
    size_t from = x > 0 ? g : (drawn < g ? unmarked : n - drawn);
    double p = 1, sum = 0;

    for (size_t i = 0; i < n_factors; i++) {
        p *= (double) (from - i) / (double) (n - i);
    }
    for (; x < k && x <= g && x <= drawn; x++) {
        sum += p;
        p *= (double) (g - x) / (double) (x + 1) *
             ((double) (drawn - x) / (double) (unmarked + x + 1 - drawn));
    }
    return sum < 1 ? sum : 1;
}

double
ba_rank_gallery(size_t better, size_t tied, size_t n_candidates, size_t size, size_t k)
{
    double sum = 0;

    for (size_t u = 0; u < tied; u++) {
        sum += hypergeometric(n_candidates - 1, better + u, size - 1, k);
    }
    return sum / (double) tied;
}

static double
skewness_of(const double *x, size_t n)
{
    double mean = 0, square = 0, cube = 0;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - mean;

        square += d * d / (double) n;
        cube += d * d * d / (double) n;
    }
    return square > 1e-20 ? cube / (square * sqrt(square)) : (double) NAN;
}

int
ba_hubness(const ba_identification_t *problem, size_t k, double *skewness)
{
    ba_cdmat_t s = problem->similarity;
    double *row = NULL, *n_chosen = NULL;
    ba_ranked_t *spare = NULL;
    ba_place_t *places = NULL;
    int status;

    BA_TRY(ba_identification_check(problem));
    BA_TRY_ALLOC(row, ba_malloc(s.n_cols, sizeof *row));
    BA_TRY_ALLOC(spare, ba_malloc(s.n_cols, 2 * sizeof *spare));
    BA_TRY_ALLOC(n_chosen, ba_calloc(s.n_cols, sizeof *n_chosen));
    BA_TRY_ALLOC(places, ba_malloc(s.n_cols, sizeof *places));
    for (size_t i = 0; i < s.n_rows; i++) {
        for (size_t c = 0; c < s.n_cols; c++) {
            row[c] = s.data[i + c * s.ld];
        }
        ba_places_of_row(row, s.n_cols, problem->tie, spare, places);
        for (size_t c = 0; c < s.n_cols; c++) {
            n_chosen[c] += ba_rank_top(places[c].better, places[c].tied, k);
        }
    }
    *skewness = skewness_of(n_chosen, s.n_cols);
out:
    ba_free(row);
    ba_free(spare);
    ba_free(n_chosen);
    ba_free(places);
    return status;
}
