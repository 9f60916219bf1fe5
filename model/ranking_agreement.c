/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do rankings of neurons by several methods agree (Fan et al. 2023)? */
#include "brainalign/similarity.h"
#include "core/alloc.h"
#include "brainalign/error.h"

#include <string.h>

/* Adds (sign 1) or takes away (-1) the points that a ranking gives. */
static void
add_points(const uint32_t *order, size_t n, size_t depth, double sign, double *points)
{
    for (size_t i = 0; i < n && i < depth; i++) {
        points[order[i]] += sign * (double) (depth - i);
    }
}

/* Marks the `top` neurons with the most points; few are wanted, so each is looked for. */
static void
mark_top(const double *points, size_t n, size_t top, unsigned char *marks)
{
    memset(marks, 0, n);
    for (size_t k = 0; k < top; k++) {
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < n; i++) {
            if (!marks[i] && (best == SIZE_MAX || points[i] > points[best])) {
                best = i;
            }
        }
        marks[best] = 1;
    }
}

/* Jaccard index of a ranking's first `top` and a set of as many. */
static double
jaccard(const uint32_t *order, size_t top, const unsigned char *marks)
{
    size_t both = 0;

    for (size_t i = 0; i < top; i++) {
        both += marks[order[i]];
    }
    return (double) both / (double) (2 * top - both);
}

static int
check_sizes(size_t n_methods, size_t n, size_t top)
{
    if (n_methods < 2) {
        return ba_fail(BA_SHAPE, "rankings: found %zu, wanted at least 2", n_methods);
    }
    if (top < 1 || top > n) {
        return ba_fail(
            BA_VALUE, "top: found %zu of %zu neurons, wanted 1 to all", top, n);
    }
    return BA_OK;
}

int
ba_ranking_agreement(const uint32_t *const *orders, size_t n_methods, size_t n,
    size_t top, size_t depth, double *overlap, double *vote, double *pairs, double *borda)
{
    unsigned char *marks = NULL;
    double *points = NULL;
    int status = BA_OK;

    BA_TRY(check_sizes(n_methods, n, top));
    BA_TRY_ALLOC(marks, ba_calloc(n, 1));
    BA_TRY_ALLOC(points, ba_calloc(n, sizeof *points));
    for (size_t m = 0; m < n_methods; m++) {
        add_points(orders[m], n, depth, 1.0, points);
    }
    if (borda) {
        memcpy(borda, points, n * sizeof *points);
    }
    for (size_t m = 0; m < n_methods; m++) {
        double sum = 0.0;

        memset(marks, 0, n);
        for (size_t i = 0; i < top; i++) {
            marks[orders[m][i]] = 1;
        }
        for (size_t other = 0; other < n_methods; other++) {
            double index = jaccard(orders[other], top, marks);

            sum += other == m ? 0.0 : index;
            if (pairs) {
                pairs[m * n_methods + other] = index;
            }
        }
        if (overlap) {
            overlap[m] = sum / (double) (n_methods - 1);
        }
        if (vote) {
            /* Points are whole numbers: taking them away leaves no rounding. */
            add_points(orders[m], n, depth, -1.0, points);
            mark_top(points, n, top, marks);
            vote[m] = jaccard(orders[m], top, marks);
            add_points(orders[m], n, depth, 1.0, points);
        }
    }
out:
    ba_free(marks);
    ba_free(points);
    return status;
}
