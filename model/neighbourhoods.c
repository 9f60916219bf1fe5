/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/neighbourhoods.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Share of the radius by which rounded coordinates may miss it. */
#define SLACK 1e-6

/* A point's place along the axis that is swept. */
typedef struct {
    double x;
    int32_t point;
} place_t;

static int
compare_places(const void *a, const void *b)
{
    const place_t *p = a, *q = b;

    if (p->x != q->x) {
        return p->x < q->x ? -1 : 1;
    }
    return (p->point > q->point) - (p->point < q->point);
}

static int
compare_points(const void *a, const void *b)
{
    const int32_t *p = a, *q = b;

    return (*p > *q) - (*p < *q);
}

static size_t
widest_axis(const double *at, size_t n, size_t n_dims)
{
    size_t best = 0;
    double most = -1.0;

    for (size_t d = 0; d < n_dims; d++) {
        double low = INFINITY, high = -(double) INFINITY;

        for (size_t i = 0; i < n; i++) {
            low = fmin(low, at[i * n_dims + d]);
            high = fmax(high, at[i * n_dims + d]);
        }
        if (high - low > most) {
            most = high - low;
            best = d;
        }
    }
    return best;
}

static int
is_near(const double *a, const double *b, size_t n_dims, ba_reach_t reach, double radius)
{
    double most = 0.0, square = 0.0;

    for (size_t d = 0; d < n_dims; d++) {
        double step = a[d] - b[d];

        most = fmax(most, fabs(step));
        square += step * step;
    }
    return reach == BA_REACH_CUBE ? most <= radius : square <= radius * radius;
}

typedef struct {
    const double *at;
    size_t n_dims;
    ba_reach_t reach;
    double radius;
    const place_t *places; /* n_places, ascending */
    size_t n_places;
} search_t;

/* Points near that of place p; members NULL = only how many. */
static size_t
collect(const search_t *search, size_t p, int32_t *members)
{
    const place_t *places = search->places;
    const double *own = search->at + (size_t) places[p].point * search->n_dims;
    size_t low = p, n = 0;

    while (low > 0 && places[p].x - places[low - 1].x <= search->radius) {
        low--;
    }
    for (size_t q = low;
         q < search->n_places && places[q].x - places[p].x <= search->radius; q++) {
        const double *other = search->at + (size_t) places[q].point * search->n_dims;

        if (is_near(own, other, search->n_dims, search->reach, search->radius)) {
            if (members) {
                members[n] = places[q].point;
            }
            n++;
        }
    }
    if (members) {
        qsort(members, n, sizeof *members, compare_points);
    }
    return n;
}

size_t
ba_neighbourhoods_bytes(const ba_neighbourhoods_t *neighbourhoods)
{
    size_t n = neighbourhoods->n;

    return neighbourhoods->first
               ? (n + 1) * sizeof *neighbourhoods->first +
                     neighbourhoods->first[n] * sizeof *neighbourhoods->member
               : 0;
}

static int
check_memory(const ba_ctx_t *ctx, const ba_neighbourhoods_t *counted)
{
    size_t bytes = ba_neighbourhoods_bytes(counted), allowed = ba_ctx_memory(ctx);

    if (bytes > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "memory: %.2g MiB for the members of %zu neighbourhoods of up to %zu, "
            "allowed are %.2g MiB",
            (double) bytes / 1048576, counted->n, counted->most,
            (double) allowed / 1048576);
    }
    return BA_OK;
}

static int
fill(const ba_ctx_t *ctx, const search_t *search, ba_neighbourhoods_t *out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(out->first, ba_calloc(out->n + 1, sizeof *out->first));
    for (size_t p = 0; p < search->n_places; p++) {
        size_t n = collect(search, p, NULL);

        out->first[(size_t) search->places[p].point + 1] = n;
        out->most = n > out->most ? n : out->most;
    }
    for (size_t i = 0; i < out->n; i++) {
        out->first[i + 1] += out->first[i];
    }
    BA_TRY(check_memory(ctx, out));
    BA_TRY_ALLOC(out->member, ba_malloc(out->first[out->n], sizeof *out->member));
    for (size_t p = 0; p < search->n_places; p++) {
        collect(search, p, out->member + out->first[search->places[p].point]);
    }
out:
    return status;
}

int
ba_neighbourhoods_find(const ba_ctx_t *ctx, const double *at, size_t n, size_t n_dims,
    ba_reach_t reach, double radius, const unsigned char *is_used,
    ba_neighbourhoods_t *out)
{
    int status = BA_OK;
    size_t axis = widest_axis(at, n, n_dims), n_places = 0;
    place_t *places = NULL;

    *out = (ba_neighbourhoods_t){.n = n};
    if (n > INT32_MAX) {
        BA_TRY(ba_fail(BA_TOO_LARGE, "neighbourhoods: of %zu points, wanted at most %d",
            n, INT32_MAX));
    }
    BA_TRY_ALLOC(places, ba_malloc(n, sizeof *places));
    for (size_t i = 0; i < n; i++) {
        if (!is_used || is_used[i]) {
            places[n_places++] = (place_t){at[i * n_dims + axis], (int32_t) i};
        }
    }
    qsort(places, n_places, sizeof *places, compare_places);
    BA_TRY(fill(ctx,
        &(search_t){.at = at,
            .n_dims = n_dims,
            .reach = reach,
            .radius = radius * (1.0 + SLACK),
            .places = places,
            .n_places = n_places},
        out));
out:
    ba_free(places);
    return status;
}

void
ba_neighbourhoods_free(ba_neighbourhoods_t *neighbourhoods)
{
    ba_free(neighbourhoods->first);
    ba_free(neighbourhoods->member);
    *neighbourhoods = (ba_neighbourhoods_t){0};
}
