/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often `decode score` finds predictions that know nothing, at 5 %:
 *
 *     decode_level [SIMULATIONS]     (1,000 of each row)
 *
 * 120 items in two runs of 60, 8 dimensions. Predictions and targets are independent
 * series, of first order with a correlation PHI from one item to the next, started anew in
 * each run. Prints, for every exchange, the share of simulations with p <= .05 of 2v2, of
 * rank accuracy and of the mean r of dimensions (docs/methods.md, Scores of decoding).
 * Status 1 if an exchange finds 3.5 % or less or 6.5 % or more of white series, if items
 * exchanged one by one find less than 10 % of slow ones (phi 0.8 and more), or if shifts or
 * blocks of 15 find 10 % where phi is 0.8 or less. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 120, RUNS = 2, RUN = ITEMS / RUNS, DIMS = 8, PERMUTATIONS = 199 };

typedef struct {
    const char *name;
    ba_exchange_kind_t kind;
    size_t block;
} way_t;

static const way_t ways[] = {
    {"items", BA_EXCHANGE_ITEMS, 0},
    {"blocks of 5", BA_EXCHANGE_BLOCKS, 5},
    {"blocks of 15", BA_EXCHANGE_BLOCKS, 15},
    {"circular shifts", BA_EXCHANGE_CIRCULAR, 0},
};

static const double phis[] = {0.0, 0.5, 0.8, 0.95};

enum { N_WAYS = sizeof ways / sizeof *ways, N_PHIS = sizeof phis / sizeof *phis };

/* What p is of. */
enum { SUM, RANK, MEAN_R, N_SCORES };

static void
draw(ba_rng_t *rng, double phi, double *x)
{
    for (size_t j = 0; j < DIMS; j++) {
        double state = 0.0;

        for (size_t i = 0; i < ITEMS; i++) {
            double noise = ba_rng_normal(rng);

            state = i % RUN == 0 ? noise : phi * state + sqrt(1 - phi * phi) * noise;
            x[i + j * ITEMS] = state;
        }
    }
}

/* Mean 0 and length 1 of every column. */
static void
standardise(const double *x, double *z)
{
    for (size_t j = 0; j < DIMS; j++) {
        double mean = 0.0, square = 0.0;

        for (size_t i = 0; i < ITEMS; i++) {
            mean += x[i + j * ITEMS] / ITEMS;
        }
        for (size_t i = 0; i < ITEMS; i++) {
            z[i + j * ITEMS] = x[i + j * ITEMS] - mean;
            square += z[i + j * ITEMS] * z[i + j * ITEMS];
        }
        for (size_t i = 0; i < ITEMS; i++) {
            z[i + j * ITEMS] /= sqrt(square);
        }
    }
}

/* Cells of which the mean over items is the mean r of dimensions. */
static void
make_trace(const double *p, const double *t, double *matrix)
{
    double zp[ITEMS * DIMS], zt[ITEMS * DIMS];

    standardise(p, zp);
    standardise(t, zt);
    for (size_t j = 0; j < ITEMS; j++) {
        for (size_t i = 0; i < ITEMS; i++) {
            double sum = 0.0;

            for (size_t k = 0; k < DIMS; k++) {
                sum += zp[i + k * ITEMS] * zt[j + k * ITEMS];
            }
            matrix[i + j * ITEMS] = sum * ITEMS / DIMS;
        }
    }
}

static int
simulate(ba_rng_t *rng, double phi, uint64_t seed, size_t found[N_WAYS][N_SCORES])
{
    static double p[ITEMS * DIMS], t[ITEMS * DIMS], s[ITEMS * ITEMS], m[ITEMS * ITEMS];
    ba_trace_t trace = {{m, ITEMS, ITEMS, ITEMS}, DIMS};
    ba_identification_t problem = {.similarity = {s, ITEMS, ITEMS, ITEMS}, .tie = 1e-12};
    ba_runs_t runs = {0};
    size_t onsets[RUNS];
    int status = BA_OK;

    for (size_t r = 0; r < RUNS; r++) {
        onsets[r] = r * RUN;
    }
    draw(rng, phi, p);
    draw(rng, phi, t);
    make_trace(p, t, m);
    BA_TRY(ba_runs_from_onsets(onsets, RUNS, ITEMS, &runs));
    BA_TRY(ba_similarity(NULL, BA_SIMILARITY_CORRELATION,
        (ba_cdmat_t){p, ITEMS, DIMS, ITEMS}, (ba_cdmat_t){t, ITEMS, DIMS, ITEMS},
        (ba_dmat_t){s, ITEMS, ITEMS, ITEMS}));
    for (size_t w = 0; w < N_WAYS; w++) {
        ba_exchange_opts_t exchange = {.kind = ways[w].kind,
            .n_permutations = PERMUTATIONS,
            .runs = &runs,
            .block = ways[w].block,
            .seed = seed};
        ba_identify_opts_t opts = {.traces = &trace, .n_traces = 1};
        ba_identified_t out = {0};

        BA_TRY(ba_exchange_new(&exchange, ITEMS, &opts.exchange));
        status = ba_identify(NULL, &problem, &opts, &out);
        ba_exchange_free(opts.exchange);
        BA_TRY(status);
        found[w][SUM] += out.sum.p <= 0.05;
        found[w][RANK] += out.rank_accuracy.p <= 0.05;
        found[w][MEAN_R] += out.traces[0].p <= 0.05;
        ba_identified_free(&out);
    }
out:
    ba_runs_free(&runs);
    return status;
}

/* Whether a row is what it must be. */
static int
is_right(const way_t *way, double phi, const double *share)
{
    int keeps_order = way->kind == BA_EXCHANGE_CIRCULAR ||
                      (way->kind == BA_EXCHANGE_BLOCKS && way->block >= 15);

    for (size_t v = 0; v < N_SCORES; v++) {
        if (phi == 0.0 && !(share[v] > 0.035 && share[v] < 0.065)) {
            return 0;
        }
        if (phi >= 0.8 && way->kind == BA_EXCHANGE_ITEMS && !(share[v] > 0.1)) {
            return 0;
        }
        if (phi <= 0.8 && keeps_order && !(share[v] < 0.1)) {
            return 0;
        }
    }
    return 1;
}

int
main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    int n_wrong = 0;

    printf("%-16s %5s %8s %8s %8s\n", "exchange", "phi", "2v2", "rank", "mean r");
    for (size_t k = 0; k < N_PHIS; k++) {
        size_t found[N_WAYS][N_SCORES] = {{0}};
        ba_rng_t *rng = ba_rng_new(k, 0);

        for (size_t b = 0; rng && b < n; b++) {
            if (simulate(rng, phis[k], b, found) != BA_OK) {
                fprintf(stderr, "decode_level: %s\n", ba_error_message());
                return 1;
            }
        }
        ba_rng_free(rng);
        for (size_t w = 0; w < N_WAYS; w++) {
            double share[N_SCORES];

            for (size_t v = 0; v < N_SCORES; v++) {
                share[v] = (double) found[w][v] / (double) n;
            }
            n_wrong += !is_right(&ways[w], phis[k], share);
            printf("%-16s %5.2f %8.3f %8.3f %8.3f%s\n", ways[w].name, phis[k], share[SUM],
                share[RANK], share[MEAN_R],
                is_right(&ways[w], phis[k], share) ? "" : "  WRONG");
        }
        fflush(stdout);
    }
    return n_wrong > 0;
}
