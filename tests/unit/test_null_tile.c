/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Increments, tiles and shards, and the level under noise. */
#include "tests/testlib.h"

#include "brainalign/null.h"
#include "core/alloc.h"

#define N 90
#define V 600 /* three tiles, the last one partly filled */

/* One fold of two runs; NaN in a target, a constant one. */
typedef struct {
    ba_runs_t runs;
    double *y, *p, *q;
    ba_null_fold_t fold;
} study_t;

static void
make_study(study_t *study)
{
    const size_t onsets[] = {0, 43};

    assert_int_equal(ba_runs_from_onsets(onsets, 2, N, &study->runs), 0);
    study->y = malloc(N * V * sizeof(double));
    study->p = malloc(N * V * sizeof(double));
    study->q = malloc(N * V * sizeof(double));
    assert_true(study->y && study->p && study->q);
    test_fill_normal(study->y, N * V, 1);
    test_fill_normal(study->p, N * V, 2);
    test_fill_normal(study->q, N * V, 3);
    study->y[5 * N + 3] = (double) NAN;
    for (size_t t = 0; t < N; t++) {
        study->p[300 * N + t] = 2;
    }
    study->fold =
        (ba_null_fold_t){{study->y, N, V, N}, {study->p, N, V, N}, {study->q, N, V, N}};
}

static void
free_study(study_t *study)
{
    ba_runs_free(&study->runs);
    free(study->y);
    free(study->p);
    free(study->q);
}

/* Coefficient k of the cosine transform of a run, by definition. */
static double
cosine(const double *x, size_t n, size_t k)
{
    double sum = 0;

    for (size_t t = 0; t < n; t++) {
        sum +=
            x[t] * cos(3.141592653589793 * (double) k * ((double) t + 0.5) / (double) n);
    }
    return sum * sqrt((k > 0 ? 2.0 : 1.0) / (double) n);
}

/* Random signs of the parts that add up to the difference of r2: products of cosine
 * coefficients, or sums over blocks. */
static size_t
increment_parts(
    const study_t *study, ba_null_kind_t kind, size_t block, size_t j, double *parts)
{
    double a[N], b[N], mean = 0, square = 0;
    size_t n_parts = 0;

    for (size_t t = 0; t < N; t++) {
        double y = study->y[t + j * N], p = study->p[t + j * N], q = study->q[t + j * N];

        mean += y / N;
        a[t] = p - q;
        b[t] = 2 * y - p - q;
    }
    for (size_t t = 0; t < N; t++) {
        square += pow(study->y[t + j * N] - mean, 2);
    }
    for (size_t r = 0; r < 2; r++) {
        size_t first = study->runs.onset[r], n = study->runs.onset[r + 1] - first;

        for (size_t k = 0; k < n && kind == BA_NULL_COSINE; k++) {
            parts[n_parts++] = cosine(a + first, n, k) * cosine(b + first, n, k) / square;
        }
        for (size_t t = 0; t < n && kind == BA_NULL_BLOCKS; t++) {
            double term = a[first + t] * b[first + t] / square;

            if (t % block == 0) {
                parts[n_parts++] = 0;
            }
            parts[n_parts - 1] += term;
        }
    }
    return n_parts;
}

/* Few parts: the null of the engine can be listed. Its values must be signed sums of the
 * parts, with about all of them met; p must be theirs. */
static void
check_increment(const ba_null_opts_t *opts, const study_t *study)
{
    double observed[V], p[V], *maxima = malloc(opts->n_permutations * sizeof *maxima);
    ba_null_t *null;

    assert_non_null(maxima);
    assert_int_equal(ba_null_new(opts, &study->runs, 1, &null), 0);
    assert_int_equal(ba_null_test(NULL, null, BA_NULL_INCREMENT, &study->fold,
                         BA_TAIL_GREATER, &(ba_null_result_t){observed, p, maxima}),
        0);
    for (size_t j = 0; j < V; j += 50) {
        double parts[N], sum = 0, squares = 0, mean = 0;
        size_t n = increment_parts(study, opts->kind, opts->block, j, parts), above = 0;
        uint64_t random = j;

        for (size_t i = 0; i < n; i++) {
            sum += parts[i];
            squares += parts[i] * parts[i];
        }
        assert_close(observed[j], sum, 1e-12);
        for (size_t b = 0; b < 4000; b++) {
            double value = 0;

            for (size_t i = 0; i < n; i++) {
                value += test_uniform(&random) < 0.5 ? parts[i] : -parts[i];
            }
            above += value >= sum - 1e-12;
            mean += value / 4000;
        }
        assert_close(mean, 0, 5 * sqrt(squares / 4000));
        /* Two estimates of one p: five standard errors of their difference. */
        assert_close(
            p[j], (double) above / 4000, 0.001 + 5 * sqrt(p[j] * (1 - p[j]) / 2000));
    }
    assert_true(isnan(p[5]) && isnan(observed[5]));
    assert_true(p[300] > 0 && p[300] < 1); /* a constant prediction has an r2 */
    ba_null_free(null);
    free(maxima);
}

static void
test_increments(void **state)
{
    ba_null_opts_t opts = {BA_NULL_COSINE, 4000, 0, 8, 1, 0};
    study_t study;

    (void) state;
    make_study(&study);
    check_increment(&opts, &study);
    opts.kind = BA_NULL_BLOCKS;
    check_increment(&opts, &study);
    free_study(&study);
}

/* A model that only adds a useful part beats its baseline; the other way round it never
 * does. */
static void
test_increment_of_a_better_model(void **state)
{
    ba_null_opts_t opts = {BA_NULL_COSINE, 500, 0, 10, 1, 0};
    double observed[V], p[V], maxima[500];
    study_t study;
    ba_null_t *null;

    (void) state;
    make_study(&study);
    for (size_t i = 0; i < N * V; i++) {
        study.p[i] = study.q[i] + 0.5 * (study.y[i] - study.q[i]);
    }
    for (int kind = BA_NULL_COSINE; kind <= BA_NULL_BLOCKS; kind += BA_NULL_BLOCKS) {
        opts.kind = (ba_null_kind_t) kind;
        assert_int_equal(ba_null_new(&opts, &study.runs, 1, &null), 0);
        for (int back = 0; back < 2; back++) {
            ba_cdmat_t model = study.fold.predictions;

            assert_int_equal(
                ba_null_test(NULL, null, BA_NULL_INCREMENT, &study.fold, BA_TAIL_GREATER,
                    &(ba_null_result_t){observed, p, maxima}),
                0);
            for (size_t j = 0; j < V; j += 7) {
                assert_true(j == 5 || (observed[j] > 0) == !back);
                assert_true(j == 5 || (back ? p[j] > 0.9 : p[j] < 0.01));
            }
            study.fold.predictions = study.fold.baseline;
            study.fold.baseline = model;
        }
        ba_null_free(null);
    }
    free_study(&study);
}

/* The same bits for any number of threads, and for tiles in any order, of any shard that
 * starts at a multiple of a tile. */
static void
test_tiles_and_threads(void **state)
{
    enum { B = 300 };
    study_t study;

    (void) state;
    make_study(&study);
    for (int kind = BA_NULL_COSINE; kind <= BA_NULL_PHASE; kind++) {
        ba_null_opts_t opts = {(ba_null_kind_t) kind, B, 0, 8, 1, 0};
        static double r[2][V], p[2][V], maxima[2][B];
        ba_ctx_t ctx = ba_ctx_default();
        ba_null_t *null;
        ba_null_tile_t *tile;

        assert_int_equal(ba_null_new(&opts, &study.runs, 1, &null), 0);
        ctx.n_threads = 3;
        assert_int_equal(ba_null_test(&ctx, null, BA_NULL_R, &study.fold, BA_TAIL_GREATER,
                             &(ba_null_result_t){r[0], p[0], maxima[0]}),
            0);
        ctx.n_threads = 1;
        assert_int_equal(ba_null_test(&ctx, null, BA_NULL_R, &study.fold, BA_TAIL_GREATER,
                             &(ba_null_result_t){r[1], p[1], maxima[1]}),
            0);
        assert_memory_equal(r[0], r[1], sizeof r[0]);
        assert_memory_equal(p[0], p[1], sizeof p[0]);
        assert_memory_equal(maxima[0], maxima[1], sizeof maxima[0]);
        assert_int_equal(ba_null_tile_new(null, &tile), 0);
        for (size_t b = 0; b < B; b++) {
            maxima[1][b] = -(double) INFINITY;
        }
        for (size_t first = 2 * BA_NULL_TILE + BA_NULL_TILE; first > 0;) {
            size_t n;
            ba_null_fold_t part = study.fold;

            first -= BA_NULL_TILE;
            n = V - first < BA_NULL_TILE ? V - first : BA_NULL_TILE;
            part.responses = (ba_cdmat_t){study.y + first * N, N, n, N};
            part.predictions = (ba_cdmat_t){study.p + first * N, N, n, N};
            assert_int_equal(ba_null_tile_begin(tile, BA_NULL_R, n), 0);
            assert_int_equal(ba_null_tile_add(tile, 0, &part), 0);
            ba_null_tile_finish(tile, BA_TAIL_GREATER,
                &(ba_null_result_t){r[1] + first, p[1] + first, maxima[1]});
        }
        assert_memory_equal(r[0], r[1], sizeof r[0]);
        assert_memory_equal(p[0], p[1], sizeof p[0]);
        assert_memory_equal(maxima[0], maxima[1], sizeof maxima[0]);
        ba_null_tile_free(tile);
        ba_null_free(null);
    }
    free_study(&study);
}

/* White noise: p is uniform (Kolmogorov-Smirnov at 0.1 %). */
static void
test_uniform_p(void **state)
{
    enum { B = 199 };
    static const double limit = 1.95;
    study_t study;

    (void) state;
    make_study(&study);
    for (int kind = BA_NULL_COSINE; kind <= BA_NULL_PHASE; kind++) {
        ba_null_opts_t opts = {(ba_null_kind_t) kind, B, 0, 5, 9, 0};
        double r[V], p[V], maxima[B];
        size_t counts[11] = {0}, n = 0;
        ba_null_t *null;

        assert_int_equal(ba_null_new(&opts, &study.runs, 1, &null), 0);
        assert_int_equal(ba_null_test(NULL, null, BA_NULL_R, &study.fold, BA_TAIL_GREATER,
                             &(ba_null_result_t){r, p, maxima}),
            0);
        for (size_t j = 0; j < V; j++) {
            for (size_t k = 0; k <= 10 && !isnan(p[j]); k++) {
                counts[k] += p[j] <= (double) k / 10 + 1e-12;
            }
            n += isnan(p[j]) ? 0 : 1;
        }
        assert_int_equal(n, V - 2);
        for (size_t k = 0; k <= 10; k++) {
            assert_close((double) counts[k] / (double) n, (double) k / 10,
                limit / sqrt((double) n));
        }
        ba_null_free(null);
    }
    free_study(&study);
}

static void
test_memory(void **state)
{
    ba_null_opts_t opts = {BA_NULL_PHASE, 10, 0, 5, 9, 0};
    double r[V], p[V], maxima[10];
    ba_ctx_t ctx = ba_ctx_default();
    study_t study;

    (void) state;
    make_study(&study);
    ctx.n_threads = 2;
    for (int kind = BA_NULL_COSINE; kind <= BA_NULL_PHASE; kind++) {
        int status = BA_NOMEM;

        opts.kind = (ba_null_kind_t) kind;
        for (size_t n = 1; status != BA_OK; n++) {
            ba_null_t *null = NULL;

            assert_true(n < 200);
            ba_alloc_fail_at(n);
            status = ba_null_new(&opts, &study.runs, 1, &null);
            if (status == BA_OK) {
                status = ba_null_test(&ctx, null, BA_NULL_R, &study.fold, BA_TAIL_GREATER,
                    &(ba_null_result_t){r, p, maxima});
            }
            if (status == BA_OK) {
                status = ba_null_permute(null, 0, 0, study.y, r);
            }
            ba_null_free(null);
            assert_true(status == BA_OK || status == BA_NOMEM);
        }
        ba_alloc_fail_at(0);
    }
    free_study(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_increments),
        cmocka_unit_test(test_increment_of_a_better_model),
        cmocka_unit_test(test_tiles_and_threads),
        cmocka_unit_test(test_uniform_p),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
