/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often each null rejects at 5 % where there is nothing to find:
 *
 *     null_level [SIMULATIONS]     (10,240 for each number by default)
 *
 * Predictions are those of a ridge on autocorrelated features (10 of them, delays 1 to 4)
 * that was trained on noise; responses are noise of the same autocorrelation, independent
 * of the training. Prints tables (docs/methods.md, Significance). Status 1 if the default
 * null leaves 3.5 to 6.5 % anywhere (a model that adds nothing may stay below), or if
 * short blocks do not fail, which would mean that the noise is no test. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V BA_NULL_TILE /* simulations that share a design */
#define N_FEATURES 10
#define N_DELAYS 4
#define P (N_FEATURES * N_DELAYS)
#define N_TRAIN 300
#define LONGEST 600
#define N_PERMUTATIONS 499

static const double level = 0.05, lowest = 0.035, highest = 0.065;

/* n samples in n_runs equal runs; AR(1) with coefficient phi in features and noise; to
 * the noise of responses a random walk of `drift` standard deviations is added. */
typedef struct {
    const char *name;
    size_t n, n_runs;
    double phi, drift;
} noise_t;

typedef struct {
    const char *name;
    ba_null_opts_t opts;
} method_t;

/* Responses, and two predictions. */
typedef struct {
    double y[LONGEST * V], p[LONGEST * V], q[LONGEST * V];
} sample_t;

/* One stationary AR(1) of variance 1. */
static void
fill_noise(ba_rng_t *rng, double phi, double *x, size_t n)
{
    double keep = sqrt(1 - phi * phi);

    x[0] = ba_rng_normal(rng);
    for (size_t t = 1; t < n; t++) {
        x[t] = phi * x[t - 1] + keep * ba_rng_normal(rng);
    }
}

/* A random walk, scaled to `size` standard deviations about its mean. */
static void
add_drift(ba_rng_t *rng, double size, double *x, size_t n)
{
    double walk[LONGEST], mean = 0, square = 0;

    for (size_t t = 0; t < n; t++) {
        walk[t] = (t > 0 ? walk[t - 1] : 0) + ba_rng_normal(rng);
        mean += walk[t] / (double) n;
    }
    for (size_t t = 0; t < n; t++) {
        square += (walk[t] - mean) * (walk[t] - mean) / (double) n;
    }
    for (size_t t = 0; t < n; t++) {
        x[t] += size * (walk[t] - mean) / sqrt(square);
    }
}

/* Delayed features of some runs, column-major. */
static void
fill_design(ba_rng_t *rng, double phi, size_t n, size_t n_runs, double *x)
{
    double series[LONGEST + N_DELAYS];
    size_t length = n / n_runs;

    for (size_t f = 0; f < N_FEATURES; f++) {
        for (size_t r = 0; r < n_runs; r++) {
            fill_noise(rng, phi, series, length + N_DELAYS);
            for (size_t d = 0; d < N_DELAYS; d++) {
                memcpy(x + (d * N_FEATURES + f) * n + r * length,
                    series + N_DELAYS - 1 - d, length * sizeof *x);
            }
        }
    }
}

/* Predictions of V ridges that were trained on noise. */
static int
predict(ba_rng_t *rng, const noise_t *noise, double *p)
{
    static double train[N_TRAIN * P], targets[N_TRAIN * V], x[LONGEST * P],
        weights[P * V];
    const double alpha = N_TRAIN;
    ba_ridge_opts_t opts = {BA_SOLVER_PRIMAL, BA_INTERCEPT_YES};
    int status = BA_OK;

    fill_design(rng, noise->phi, N_TRAIN, 1, train);
    fill_design(rng, noise->phi, noise->n, noise->n_runs, x);
    for (size_t j = 0; j < V; j++) {
        fill_noise(rng, noise->phi, targets + j * N_TRAIN, N_TRAIN);
    }
    BA_TRY(ba_ridge_solve(NULL, ba_cdmat(train, N_TRAIN, P, N_TRAIN),
        ba_cdmat(targets, N_TRAIN, V, N_TRAIN), &alpha, 1, &opts,
        ba_dmat(weights, P, V, P), NULL));
    ba_gemm_f64(1, BA_KEEP, ba_cdmat(x, noise->n, P, noise->n), BA_KEEP,
        ba_cdmat(weights, P, V, P), 0, ba_dmat(p, noise->n, V, noise->n));
out:
    return status;
}

static void
fill_responses(ba_rng_t *rng, const noise_t *noise, double *y)
{
    size_t length = noise->n / noise->n_runs;

    for (size_t i = 0; i < V * noise->n_runs; i++) {
        fill_noise(rng, noise->phi, y + i * length, length);
        if (noise->drift > 0) {
            add_drift(rng, noise->drift, y + i * length, length);
        }
    }
}

/* Scales predictions to a deviation of 0.3 each, so that two of them err by as much. */
static void
equalise(double *p, size_t n)
{
    for (size_t j = 0; j < V; j++) {
        double square = 0;

        for (size_t t = 0; t < n; t++) {
            square += p[t + j * n] * p[t + j * n];
        }
        for (size_t t = 0; t < n; t++) {
            p[t + j * n] *= 0.3 / sqrt(square / (double) n);
        }
    }
}

/* What is simulated: predictions that know nothing; two models that share all that they
 * know; a model that adds nothing to its baseline. */
typedef enum { NOTHING, EQUAL_MODELS, NESTED_MODEL } scenario_t;

static int
simulate(ba_rng_t *rng, const noise_t *noise, scenario_t scenario, sample_t *sample)
{
    size_t n = noise->n;
    double signal[LONGEST];
    int status = BA_OK;

    fill_responses(rng, noise, sample->y);
    BA_TRY(predict(rng, noise, sample->p));
    if (scenario == NOTHING) {
        return BA_OK;
    }
    BA_TRY(predict(rng, noise, sample->q));
    equalise(sample->p, n);
    equalise(sample->q, n);
    for (size_t j = 0; j < V; j++) {
        fill_noise(rng, noise->phi, signal, n);
        for (size_t t = 0; t < n; t++) {
            size_t i = t + j * n;

            sample->y[i] += signal[t] / 2;
            sample->q[i] += signal[t] / 4;
            sample->p[i] += scenario == EQUAL_MODELS ? signal[t] / 4 : sample->q[i];
        }
    }
out:
    return status;
}

static int
make_runs(const noise_t *noise, ba_runs_t *runs)
{
    size_t onsets[8];

    for (size_t r = 0; r < noise->n_runs; r++) {
        onsets[r] = r * (noise->n / noise->n_runs);
    }
    return ba_runs_from_onsets(onsets, noise->n_runs, noise->n, runs);
}

/* Simulations that reject, added to n_rejected of each method. */
static int
count_rejections(const noise_t *noise, const sample_t *sample, ba_null_statistic_t what,
    ba_null_t *const *nulls, size_t n_methods, size_t *n_rejected)
{
    size_t n = noise->n;
    ba_null_fold_t fold = {
        {sample->y, n, V, n}, {sample->p, n, V, n}, {sample->q, n, V, n}};
    double observed[V], p[V], maxima[N_PERMUTATIONS];
    int status = BA_OK;

    for (size_t m = 0; m < n_methods; m++) {
        BA_TRY(ba_null_test(NULL, nulls[m], what, &fold, BA_TAIL_GREATER,
            &(ba_null_result_t){observed, p, maxima}));
        for (size_t j = 0; j < V; j++) {
            n_rejected[m] += p[j] <= level;
        }
    }
out:
    return status;
}

#define MOST_METHODS 8

/* Rates of all methods for one kind of noise. Another seed of the permutations for every
 * design, as all its simulations share them. */
static int
measure(const noise_t *noise, scenario_t scenario, const method_t *methods,
    size_t n_methods, size_t n_simulations, double *rates)
{
    static sample_t sample;
    ba_runs_t runs = {0};
    ba_null_t *nulls[MOST_METHODS] = {NULL};
    ba_rng_t *rng = NULL;
    size_t n_rejected[MOST_METHODS] = {0}, n_done = 0;
    int status = BA_OK;

    BA_TRY(make_runs(noise, &runs));
    BA_TRY_ALLOC(rng, ba_rng_new(1, noise->n));
    for (uint64_t seed = 1; n_done < n_simulations; seed++, n_done += V) {
        BA_TRY(simulate(rng, noise, scenario, &sample));
        for (size_t m = 0; m < n_methods; m++) {
            ba_null_opts_t opts = methods[m].opts;

            opts.seed = seed;
            opts.n_permutations = N_PERMUTATIONS;
            BA_TRY(ba_null_new(&opts, &runs, 1, &nulls[m]));
        }
        BA_TRY(count_rejections(noise, &sample,
            scenario == NOTHING ? BA_NULL_R : BA_NULL_INCREMENT, nulls, n_methods,
            n_rejected));
        for (size_t m = 0; m < n_methods; m++) {
            ba_null_free(nulls[m]);
            nulls[m] = NULL;
        }
    }
    for (size_t m = 0; m < n_methods; m++) {
        rates[m] = (double) n_rejected[m] / (double) n_done;
    }
out:
    for (size_t m = 0; m < MOST_METHODS; m++) {
        ba_null_free(nulls[m]);
    }
    ba_rng_free(rng);
    ba_runs_free(&runs);
    return status;
}

static const noise_t noises[] = {
    {"AR 0", 150, 1, 0, 0},
    {"AR 0", 300, 1, 0, 0},
    {"AR 0", 600, 1, 0, 0},
    {"AR .3", 150, 1, 0.3, 0},
    {"AR .3", 300, 1, 0.3, 0},
    {"AR .3", 600, 1, 0.3, 0},
    {"AR .5", 150, 1, 0.5, 0},
    {"AR .5", 300, 1, 0.5, 0},
    {"AR .5", 600, 1, 0.5, 0},
    {"AR .7", 150, 1, 0.7, 0},
    {"AR .7", 300, 1, 0.7, 0},
    {"AR .7", 600, 1, 0.7, 0},
    {"AR .9", 150, 1, 0.9, 0},
    {"AR .9", 300, 1, 0.9, 0},
    {"AR .9", 600, 1, 0.9, 0},
    {"AR .9", 72, 1, 0.9, 0},
    {"AR .9, 3 runs", 300, 3, 0.9, 0},
    {"AR .5 + drift", 300, 1, 0.5, 1},
    {"AR .9 + drift", 150, 1, 0.9, 1},
};

#define N_NOISES (sizeof noises / sizeof *noises)

/* One table; the first method is the default, whose rates must lie within the band.
 * Returns the number of those that do not, or a negative status. */
static int
print_table(const char *title, scenario_t scenario, const method_t *methods,
    size_t n_methods, size_t n_simulations)
{
    double rates[MOST_METHODS], last = 1;
    int n_bad = 0, status;

    printf("\n%s\n\n| noise | n |", title);
    for (size_t m = 0; m < n_methods; m++) {
        printf(" %s |", methods[m].name);
    }
    printf("\n| --- | --- |");
    for (size_t m = 0; m < n_methods; m++) {
        printf(" --- |");
    }
    for (size_t i = 0; i < N_NOISES; i++) {
        BA_TRY(measure(&noises[i], scenario, methods, n_methods, n_simulations, rates));
        printf("\n| %s | %zu |", noises[i].name, noises[i].n);
        for (size_t m = 0; m < n_methods; m++) {
            printf(" %.1f |", 100 * rates[m]);
        }
        fflush(stdout);
        n_bad += rates[0] > highest || (scenario != NESTED_MODEL && rates[0] < lowest);
        last = rates[n_methods - 1];
    }
    printf("\n");
    /* The last noise is strong, and the last method hardly heeds it. */
    n_bad += scenario != NESTED_MODEL && last < 0.12;
    return n_bad;
out:
    return status;
}

#define N_FAMILY 50

/* Whether the smallest family-wise p of a family is at most 5 %: N_FAMILY targets, half
 * of whose noise is made common. */
static int
reject_family(ba_rng_t *rng, const noise_t *noise, const ba_runs_t *runs, uint64_t seed,
    const ba_null_fold_t *fold, double *y, size_t *n_rejected)
{
    size_t n = noise->n;
    double r[N_FAMILY], p[N_FAMILY], maxima[N_PERMUTATIONS], shared[LONGEST];
    double smallest = 1;
    ba_null_opts_t opts = ba_null_opts_default();
    ba_null_t *null = NULL;
    int status = BA_OK;

    opts.n_permutations = N_PERMUTATIONS;
    opts.seed = seed;
    fill_noise(rng, noise->phi, shared, n);
    for (size_t i = 0; i < N_FAMILY * n; i++) {
        y[i] += shared[i % n];
    }
    BA_TRY(ba_null_new(&opts, runs, 1, &null));
    BA_TRY(ba_null_test(
        NULL, null, BA_NULL_R, fold, BA_TAIL_GREATER, &(ba_null_result_t){r, p, maxima}));
    BA_TRY(ba_p_of_maxima(r, N_FAMILY, maxima, N_PERMUTATIONS, BA_TAIL_GREATER, p));
    for (size_t j = 0; j < N_FAMILY; j++) {
        smallest = p[j] < smallest ? p[j] : smallest;
    }
    *n_rejected += smallest <= level;
out:
    ba_null_free(null);
    return status;
}

static int
measure_families(const noise_t *noise, size_t n_families, double *rate)
{
    static sample_t sample;
    ba_runs_t runs = {0};
    ba_rng_t *rng = NULL;
    size_t n = noise->n, n_rejected = 0;
    int status = BA_OK;

    BA_TRY(make_runs(noise, &runs));
    BA_TRY_ALLOC(rng, ba_rng_new(2, n));
    for (size_t family = 0; family < n_families; family++) {
        size_t place = family % (V / N_FAMILY) * N_FAMILY * n;
        ba_null_fold_t fold = {{sample.y + place, n, N_FAMILY, n},
            {sample.p + place, n, N_FAMILY, n}, {NULL, 0, 0, 0}};

        if (place == 0) {
            BA_TRY(simulate(rng, noise, NOTHING, &sample));
        }
        BA_TRY(reject_family(
            rng, noise, &runs, family, &fold, sample.y + place, &n_rejected));
    }
    *rate = (double) n_rejected / (double) n_families;
out:
    ba_rng_free(rng);
    ba_runs_free(&runs);
    return status;
}

static int
print_families(size_t n_families)
{
    int n_bad = 0, status;
    double rate;

    printf("\nAny of 50 targets, noise half in common, cosine, maxima\n\n");
    printf("| noise | n | rate |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < N_NOISES; i += 3) {
        BA_TRY(measure_families(&noises[i], n_families, &rate));
        printf("| %s | %zu | %.1f |\n", noises[i].name, noises[i].n, 100 * rate);
        fflush(stdout);
        n_bad += rate > highest || rate < lowest;
    }
    return n_bad;
out:
    return status;
}

static int
run(size_t n)
{
    static const method_t of_r[] = {{"cosine", {.kind = BA_NULL_COSINE}},
        {"circular", {.kind = BA_NULL_CIRCULAR}},
        {"circular, 10 or more", {.kind = BA_NULL_CIRCULAR, .min_shift = 10}},
        {"phase", {.kind = BA_NULL_PHASE}},
        {"blocks of 30", {.kind = BA_NULL_BLOCKS, .block = 30}},
        {"blocks of 10", {.kind = BA_NULL_BLOCKS, .block = 10}},
        {"blocks of 5", {.kind = BA_NULL_BLOCKS, .block = 5}}};
    static const method_t of_increments[] = {{"cosine", {.kind = BA_NULL_COSINE}},
        {"blocks of 30", {.kind = BA_NULL_BLOCKS, .block = 30}},
        {"blocks of 10", {.kind = BA_NULL_BLOCKS, .block = 10}},
        {"blocks of 5", {.kind = BA_NULL_BLOCKS, .block = 5}}};
    int parts[4], n_bad = 0;

    printf("%% rejected at 5 %%, %zu simulations each (standard error %.2f)\n", n,
        100 * sqrt(level * (1 - level) / (double) n));
    parts[0] = print_table("r of predictions that know nothing", NOTHING, of_r, 7, n);
    parts[1] = print_table("Increment of one of two models that predict equally well",
        EQUAL_MODELS, of_increments, 4, n);
    parts[2] = print_table("Increment of a model that adds nothing to its baseline",
        NESTED_MODEL, of_increments, 4, n);
    parts[3] = print_families(n / 5);
    for (size_t i = 0; i < 4; i++) {
        if (parts[i] < 0) {
            fprintf(stderr, "null_level: %s\n", ba_error_message());
            return 1;
        }
        n_bad += parts[i];
    }
    printf("\n%d rates of the default outside the band\n", n_bad);
    return n_bad > 0;
}

int
main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 40 * V;

    if (n < V) {
        fprintf(stderr, "usage: null_level [SIMULATIONS, at least %d]\n", V);
        return 2;
    }
    return run(n);
}
