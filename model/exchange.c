/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every kind of exchange is the same thing: strata of units that change places, a unit
 * being a list of items. A stratum that turns in a circle has one order for each of its
 * units instead of n! . */
#include "brainalign/exchange.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys the random stream. */
#define STREAM UINT64_C(0x65786368616e6765)

struct ba_exchange {
    ba_exchange_opts_t opts;
    ba_exchange_info_t info;
    size_t n_items, n_units, n_strata;
    size_t *items;        /* n_items: of all units one after another */
    size_t *unit_start;   /* n_units + 1, into items */
    size_t *stratum_unit; /* n_strata + 1, first unit */
    size_t *place;        /* n_units: the unit that comes in the place of each */
    size_t n_taken;
    ba_rng_t *rng;
};

static size_t
stratum_size(const ba_exchange_t *exchange, size_t stratum)
{
    return exchange->stratum_unit[stratum + 1] - exchange->stratum_unit[stratum];
}

/* The next `n` items are one unit. */
static void
end_unit(ba_exchange_t *exchange, size_t n)
{
    size_t start = exchange->unit_start[exchange->n_units];

    exchange->unit_start[++exchange->n_units] = start + n;
}

static void
end_stratum(ba_exchange_t *exchange)
{
    exchange->stratum_unit[++exchange->n_strata] = exchange->n_units;
}

static void
set_items(ba_exchange_t *exchange)
{
    for (size_t i = 0; i < exchange->n_items; i++) {
        exchange->items[i] = i;
        end_unit(exchange, 1);
    }
    end_stratum(exchange);
}

/* Consecutive units of `block` items in each run. */
static void
set_runs(ba_exchange_t *exchange, const ba_runs_t *runs, size_t block)
{
    for (size_t r = 0; r < runs->n_runs; r++) {
        for (size_t t = runs->onset[r]; runs->onset[r + 1] - t >= block; t += block) {
            size_t start = exchange->unit_start[exchange->n_units];

            for (size_t i = 0; i < block; i++) {
                exchange->items[start + i] = t + i;
            }
            end_unit(exchange, block);
        }
        end_stratum(exchange);
    }
}

typedef struct {
    size_t n; /* members of the group; 0 where that does not matter */
    size_t label, item;
} member_t;

static int
compare_members(const void *a, const void *b)
{
    const member_t *x = a, *y = b;

    if (x->n != y->n) {
        return x->n < y->n ? -1 : 1;
    }
    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    return x->item < y->item ? -1 : x->item > y->item;
}

static void
count_members(member_t *members, size_t n)
{
    for (size_t i = 0, end = 0; i < n; i = end) {
        while (end < n && members[end].label == members[i].label) {
            end++;
        }
        for (size_t j = i; j < end; j++) {
            members[j].n = end - i;
        }
    }
}

/* Units are the groups in strata of one size, or the items in strata of one group. */
static int
set_groups(ba_exchange_t *exchange, int is_whole)
{
    int status = BA_OK;
    size_t n = exchange->n_items, in_unit = 0;
    member_t *members = NULL;

    if (!exchange->opts.groups) {
        return ba_fail(BA_SHAPE, "exchange of groups: found none, wanted one an item");
    }
    BA_TRY_ALLOC(members, ba_calloc(n, sizeof *members));
    for (size_t i = 0; i < n; i++) {
        members[i] = (member_t){.label = exchange->opts.groups[i], .item = i};
    }
    qsort(members, n, sizeof *members, compare_members);
    if (is_whole) {
        count_members(members, n);
        qsort(members, n, sizeof *members, compare_members);
    }
    for (size_t i = 0; i < n; i++) {
        int is_last = i + 1 == n;
        int ends_group = is_last || members[i + 1].label != members[i].label;
        int ends_size = is_last || members[i + 1].n != members[i].n;

        exchange->items[i] = members[i].item;
        in_unit++;
        if (!is_whole || ends_group) {
            end_unit(exchange, in_unit);
            in_unit = 0;
        }
        if (is_whole ? ends_size : ends_group) {
            end_stratum(exchange);
        }
    }
out:
    ba_free(members);
    return status;
}

static int
set_units(ba_exchange_t *exchange)
{
    const ba_exchange_opts_t *opts = &exchange->opts;
    ba_runs_t one = {0};
    const ba_runs_t *runs = opts->runs;
    int status = BA_OK;

    switch (opts->kind) {
    case BA_EXCHANGE_WITHIN_GROUPS:
    case BA_EXCHANGE_GROUPS:
        return set_groups(exchange, opts->kind == BA_EXCHANGE_GROUPS);
    case BA_EXCHANGE_BLOCKS:
    case BA_EXCHANGE_CIRCULAR:
        if (!runs) {
            BA_TRY(ba_runs_one(exchange->n_items, &one));
            runs = &one;
        }
        if (runs->n_samples != exchange->n_items) {
            status = ba_fail(BA_SHAPE, "runs of exchange: %zu items, wanted %zu",
                runs->n_samples, exchange->n_items);
            goto out;
        }
        set_runs(exchange, runs, opts->kind == BA_EXCHANGE_BLOCKS ? opts->block : 1);
        break;
    default:
        set_items(exchange);
    }
out:
    ba_runs_free(&one);
    return status;
}

static double
count_orders(const ba_exchange_t *exchange)
{
    double n = 1;

    for (size_t s = 0; s < exchange->n_strata; s++) {
        size_t m = stratum_size(exchange, s);

        if (exchange->opts.kind == BA_EXCHANGE_CIRCULAR) {
            n *= (double) m;
        }
        for (size_t i = 2; exchange->opts.kind != BA_EXCHANGE_CIRCULAR && i <= m; i++) {
            n *= (double) i;
        }
    }
    return n;
}

static int
fail_one_order(const ba_exchange_t *exchange)
{
    static const char *const why[] = {
        [BA_EXCHANGE_ITEMS] = "there is one item",
        [BA_EXCHANGE_WITHIN_GROUPS] = "no group has two items",
        [BA_EXCHANGE_GROUPS] = "no two groups have the same number of items",
        [BA_EXCHANGE_BLOCKS] = "no run has two blocks",
        [BA_EXCHANGE_CIRCULAR] = "no run has two items",
    };

    return ba_fail(BA_SHAPE, "permutations: found one order of %zu items (%s), wanted 2",
        exchange->n_items, why[exchange->opts.kind]);
}

static int
set_info(ba_exchange_t *exchange)
{
    const ba_exchange_opts_t *opts = &exchange->opts;
    ba_exchange_info_t *info = &exchange->info;

    info->n_permutations = opts->n_permutations;
    if (opts->kind == BA_EXCHANGE_GIVEN) {
        info->n_distinct = INFINITY;
    } else {
        info->n_distinct = count_orders(exchange);
        if (info->n_distinct < 2) {
            return fail_one_order(exchange);
        }
        if (info->n_distinct - 1 <= (double) opts->n_permutations) {
            info->is_exact = 1;
            info->n_permutations = (size_t) info->n_distinct - 1;
        }
    }
    info->smallest_p = 1 / (1 + (double) info->n_permutations);
    return BA_OK;
}

int
ba_exchange_new(const ba_exchange_opts_t *opts, size_t n_items, ba_exchange_t **out)
{
    ba_exchange_t *exchange = NULL;
    int status = BA_OK;

    *out = NULL;
    if (opts->n_permutations == 0) {
        return ba_fail(BA_VALUE, "permutations: found 0, wanted at least 1");
    }
    if (opts->kind == BA_EXCHANGE_BLOCKS && opts->block == 0) {
        return ba_fail(BA_VALUE, "blocks of exchange: found 0 items, wanted at least 1");
    }
    if (n_items > UINT32_MAX) {
        return ba_fail(BA_TOO_LARGE, "exchange: %zu items, at most 2^32 - 1", n_items);
    }
    BA_TRY_ALLOC(exchange, ba_calloc(1, sizeof *exchange));
    exchange->opts = *opts;
    exchange->n_items = n_items;
    BA_TRY_ALLOC(exchange->items, ba_calloc(n_items + 1, sizeof(size_t)));
    BA_TRY_ALLOC(exchange->unit_start, ba_calloc(n_items + 1, sizeof(size_t)));
    BA_TRY_ALLOC(exchange->stratum_unit, ba_calloc(n_items + 2, sizeof(size_t)));
    BA_TRY_ALLOC(exchange->place, ba_calloc(n_items + 1, sizeof(size_t)));
    BA_TRY_ALLOC(exchange->rng, ba_rng_new(opts->seed, STREAM));
    BA_TRY(set_units(exchange));
    for (size_t u = 0; u < exchange->n_units; u++) {
        exchange->place[u] = u;
    }
    BA_TRY(set_info(exchange));
    *out = exchange;
    exchange = NULL;
out:
    ba_exchange_free(exchange);
    return status;
}

void
ba_exchange_free(ba_exchange_t *exchange)
{
    if (exchange) {
        ba_free(exchange->items);
        ba_free(exchange->unit_start);
        ba_free(exchange->stratum_unit);
        ba_free(exchange->place);
        ba_rng_free(exchange->rng);
        ba_free(exchange);
    }
}

ba_exchange_info_t
ba_exchange_info(const ba_exchange_t *exchange)
{
    return exchange->info;
}

static void
reverse(size_t *x, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        size_t kept = x[i];

        x[i] = x[n - 1 - i];
        x[n - 1 - i] = kept;
    }
}

/* The next order of ascending numbers; 0 where that is the first again. */
static int
next_order(size_t *x, size_t n)
{
    size_t i = n, j = n;
    size_t kept;

    while (i > 1 && x[i - 2] > x[i - 1]) {
        i--;
    }
    if (i < 2) {
        reverse(x, n);
        return 0;
    }
    do {
        j--;
    } while (x[j] < x[i - 2]);
    kept = x[j];
    x[j] = x[i - 2];
    x[i - 2] = kept;
    reverse(x + i - 1, n - i + 1);
    return 1;
}

/* Turns a stratum that counts from `first` by `shift`. */
static void
turn(size_t *place, size_t n, size_t first, size_t shift)
{
    for (size_t i = 0; i < n; i++) {
        place[i] = first + (place[i] - first + shift) % n;
    }
}

/* The strata as digits of a counter. */
static void
take_next(ba_exchange_t *exchange)
{
    int is_carried = 1;

    for (size_t s = 0; s < exchange->n_strata && is_carried; s++) {
        size_t first = exchange->stratum_unit[s], m = stratum_size(exchange, s);

        if (m == 0) {
            continue;
        }
        if (exchange->opts.kind == BA_EXCHANGE_CIRCULAR) {
            turn(exchange->place + first, m, first, 1);
            is_carried = exchange->place[first] == first;
        } else {
            is_carried = !next_order(exchange->place + first, m);
        }
    }
}

static void
take_random(ba_exchange_t *exchange)
{
    for (size_t s = 0; s < exchange->n_strata; s++) {
        size_t first = exchange->stratum_unit[s], m = stratum_size(exchange, s);

        if (m > 1 && exchange->opts.kind == BA_EXCHANGE_CIRCULAR) {
            turn(exchange->place + first, m, first, ba_rng_below(exchange->rng, m));
        } else if (m > 1) {
            ba_rng_shuffle(exchange->rng, exchange->place + first, m);
        }
    }
}

void
ba_exchange_next(ba_exchange_t *exchange, uint32_t *order)
{
    size_t n = exchange->n_items;

    if (exchange->opts.kind == BA_EXCHANGE_GIVEN) {
        memcpy(order, exchange->opts.given + exchange->n_taken++ * n, n * sizeof *order);
        return;
    }
    if (exchange->info.is_exact) {
        take_next(exchange);
    } else {
        take_random(exchange);
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t) i;
    }
    for (size_t u = 0; u < exchange->n_units; u++) {
        const size_t *to = exchange->items + exchange->unit_start[u];
        const size_t *from = exchange->items + exchange->unit_start[exchange->place[u]];
        size_t n_unit = exchange->unit_start[u + 1] - exchange->unit_start[u];

        for (size_t i = 0; i < n_unit; i++) {
            order[to[i]] = (uint32_t) from[i];
        }
    }
}
