/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reliability by correlation: of halves of the repeats, of pairs, of subjects. */
#include "brainalign/ceiling.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "model/repeats.h"
#include "model/series.h"

#include <math.h>
#include <string.h>

double
ba_spearman_brown(double reliability, double factor)
{
    return factor * reliability / (1 + (factor - 1) * reliability);
}

double
ba_fisher_mean(const double *r, size_t n)
{
    double sum = 0;
    size_t n_defined = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isnan(r[i])) {
            sum += atanh(r[i]);
            n_defined++;
        }
    }
    return n_defined > 0 ? tanh(sum / (double) n_defined) : (double) NAN;
}

/* Different splits of n repeats in halves: binomial(n, h) / 2 for even n, n times that of
 * n - 1 for odd n, as one is left out. */
static double
count_splits(size_t n)
{
    size_t half = n / 2;
    double count = n % 2 == 1 ? (double) n : 1;

    for (size_t i = 1; i <= half; i++) {
        count *= (double) (half + i) / (double) i;
    }
    return round(count / 2);
}

/* The next of the ascending choices of h out of 0 .. n - 1; 0 after the last. */
static int
next_choice(size_t *choice, size_t h, size_t n)
{
    for (size_t i = h; i-- > 0;) {
        if (choice[i] < n - h + i) {
            choice[i]++;
            for (size_t k = i + 1; k < h; k++) {
                choice[k] = choice[k - 1] + 1;
            }
            return 1;
        }
    }
    return 0;
}

/* An order from a choice of h out of the repeats other than `left_out` (n: none is). */
static void
write_order(const size_t *choice, size_t h, size_t left_out, size_t n, size_t *order)
{
    size_t n_first = 0, n_second = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        if (i == left_out) {
            order[n - 1] = i;
        } else if (n_first < h && choice[n_first] == at++) {
            order[n_first++] = i;
        } else {
            order[h + n_second++] = i;
        }
    }
}

/* All of them: the first repeat that is in is always in the first half. */
static void
list_splits(size_t n, size_t *choice, size_t *orders)
{
    size_t h = n / 2, n_in = 2 * h;

    for (size_t out = n % 2 == 1 ? 0 : n; out <= n - n % 2; out++) {
        for (size_t i = 0; i < h; i++) {
            choice[i] = i;
        }
        do {
            write_order(choice, h, out, n, orders);
            orders += n;
        } while (next_choice(choice, h, n_in) && choice[0] == 0);
    }
}

int
ba_split_halves(
    size_t n_repeats, size_t n_splits, uint64_t seed, size_t *orders, size_t *n_found)
{
    int status = BA_OK;
    size_t *choice = NULL;
    ba_rng_t *rng = NULL;
    double n_all = count_splits(n_repeats);

    if (n_repeats < 2) {
        return ba_fail(
            BA_SHAPE, "noise ceiling: found %zu repeats, wanted 2 or more", n_repeats);
    }
    if (n_all <= (double) n_splits) {
        BA_TRY_ALLOC(choice, ba_malloc(n_repeats, sizeof *choice));
        list_splits(n_repeats, choice, orders);
        *n_found = (size_t) n_all;
        goto out;
    }
    BA_TRY_ALLOC(rng, ba_rng_new(seed, UINT64_C(0x73706c69) << 32));
    for (size_t k = 0; k < n_splits; k++) {
        for (size_t i = 0; i < n_repeats; i++) {
            orders[i + k * n_repeats] = i;
        }
        ba_rng_shuffle(rng, orders + k * n_repeats, n_repeats);
    }
    *n_found = n_splits;
out:
    ba_free(choice);
    ba_rng_free(rng);
    return status;
}

/* Sum over h repeats of a half. */
static void
sum_half(const double *x, size_t n, const size_t *members, size_t h, double *sum)
{
    ba_series_fill(sum, n, 0);
    for (size_t i = 0; i < h; i++) {
        for (size_t t = 0; t < n; t++) {
            sum[t] += x[t + members[i] * n];
        }
    }
}

static void
fill_nan(double *x, size_t n)
{
    ba_series_fill(x, n, (double) NAN);
}

static int
check_orders(const size_t *orders, size_t n_splits, size_t n_repeats)
{
    for (size_t i = 0; i < n_splits * n_repeats; i++) {
        if (orders[i] >= n_repeats) {
            return ba_fail(BA_VALUE,
                "split half: repeat %zu in split %zu, wanted below %zu", orders[i],
                i / n_repeats, n_repeats);
        }
    }
    return BA_OK;
}

/* Repeats of one target, and two series. */
typedef struct {
    double *x, *a, *b;
} buffers_t;

static int
make_buffers(const ba_repeats_t *repeats, buffers_t *buffers)
{
    int status = BA_OK;
    size_t n, n_values;

    BA_TRY(ba_repeats_check(repeats));
    n = repeats->repeat[0].n_rows;
    BA_TRY(ba_multiply(n, repeats->n_repeats, &n_values));
    BA_TRY_ALLOC(buffers->x, ba_malloc(n_values, sizeof *buffers->x));
    BA_TRY_ALLOC(buffers->a, ba_malloc(n, sizeof *buffers->a));
    BA_TRY_ALLOC(buffers->b, ba_malloc(n, sizeof *buffers->b));
out:
    return status;
}

static void
free_buffers(buffers_t *buffers)
{
    ba_free(buffers->x);
    ba_free(buffers->a);
    ba_free(buffers->b);
}

int
ba_split_half(const ba_repeats_t *repeats, const size_t *orders, size_t n_splits,
    double *r, uint8_t *reason)
{
    int status = BA_OK;
    buffers_t buffers = {0};
    size_t n, h = repeats->n_repeats / 2;

    BA_TRY(make_buffers(repeats, &buffers));
    BA_TRY(check_orders(orders, n_splits, repeats->n_repeats));
    n = repeats->repeat[0].n_rows;
    for (size_t j = 0; j < repeats->repeat[0].n_cols; j++) {
        ba_ceiling_reason_t found =
            ba_repeats_gather(repeats, j, BA_GATHER_CENTRED, buffers.x);

        fill_nan(r + j * n_splits, n_splits);
        for (size_t k = 0; found == BA_CEILING_OK && k < n_splits; k++) {
            const size_t *order = orders + k * repeats->n_repeats;

            sum_half(buffers.x, n, order, h, buffers.a);
            sum_half(buffers.x, n, order + h, h, buffers.b);
            r[k + j * n_splits] = ba_repeats_r(buffers.a, buffers.b, n);
        }
        ba_repeats_reason(reason, j, found);
    }
out:
    free_buffers(&buffers);
    return status;
}

int
ba_pairwise_r(const ba_repeats_t *repeats, double *r, uint8_t *reason)
{
    int status = BA_OK;
    buffers_t buffers = {0};
    size_t n, n_repeats = repeats->n_repeats;

    BA_TRY(make_buffers(repeats, &buffers));
    n = repeats->repeat[0].n_rows;
    for (size_t j = 0; j < repeats->repeat[0].n_cols; j++) {
        ba_ceiling_reason_t found =
            ba_repeats_gather(repeats, j, BA_GATHER_CENTRED, buffers.x);

        for (size_t a = 0; a < n_repeats; a++) {
            for (size_t b = a + 1; b < n_repeats; b++) {
                *r++ = found == BA_CEILING_NONFINITE
                           ? (double) NAN
                           : ba_repeats_r(buffers.x + a * n, buffers.x + b * n, n);
            }
        }
        ba_repeats_reason(reason, j, found);
    }
out:
    free_buffers(&buffers);
    return status;
}

int
ba_isc(const ba_repeats_t *subjects, ba_repeats_scale_t scale, ba_isc_t kind, double *r,
    uint8_t *reason)
{
    int status = BA_OK;
    buffers_t buffers = {0};
    size_t n, n_subjects = subjects->n_repeats;
    ba_gather_t how = scale == BA_REPEATS_ZSCORED ? BA_GATHER_ZSCORED : BA_GATHER_CENTRED;

    BA_TRY(make_buffers(subjects, &buffers));
    n = subjects->repeat[0].n_rows;
    for (size_t j = 0; j < subjects->repeat[0].n_cols; j++) {
        ba_ceiling_reason_t found = ba_repeats_gather(subjects, j, how, buffers.x);

        fill_nan(r + j * n_subjects, n_subjects);
        if (found != BA_CEILING_NONFINITE) {
            ba_repeats_mean(buffers.x, n, n_subjects, buffers.a);
        }
        for (size_t i = 0; found != BA_CEILING_NONFINITE && i < n_subjects; i++) {
            const double *own = buffers.x + i * n;

            for (size_t t = 0; t < n; t++) {
                buffers.b[t] = buffers.a[t] * (double) n_subjects -
                               (kind == BA_ISC_OTHERS ? own[t] : 0);
            }
            r[i + j * n_subjects] = ba_repeats_r(own, buffers.b, n);
        }
        ba_repeats_reason(reason, j, found);
    }
out:
    free_buffers(&buffers);
    return status;
}
