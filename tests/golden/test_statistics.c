/* SPDX-License-Identifier: GPL-3.0-or-later */
/* q, permutation p and nulls of shifted and exchanged series against the reference
 * numbers of golden file E7. */
#include "tests/golden/golden.h"

#include "brainalign/null.h"
#include "brainalign/score.h"

#define E7 "golden/encode/e7_statistics.h5"
#define NARRATIVES "data/narratives_black/narratives_black.h5"
#define TOLERANCE 1e-14

#define N 538
#define V 400

static double *
new_doubles(size_t n)
{
    double *x = calloc(n, sizeof *x);

    assert_non_null(x);
    return x;
}

/* From C order to column-major. */
static double *
turned(const golden_t *from)
{
    double *to = new_doubles(from->n);

    for (size_t i = 0; i < from->n; i++) {
        to[i / from->dims[1] + i % from->dims[1] * from->dims[0]] = from->data[i];
    }
    return to;
}

static void
compare(const char *file, const char *path, const double *found, double tolerance)
{
    golden_t wanted = golden_read(file, path);
    golden_check_t check = {.what = path};

    for (size_t j = 0; j < wanted.n; j++) {
        if (isnan(wanted.data[j])) {
            assert_true(isnan(found[j]));
        } else {
            golden_close(&check, j, found[j], wanted.data[j], tolerance);
        }
    }
    golden_report("statistics", &check);
    golden_free(&wanted);
}

static void
check_rejected(
    const char *file, const char *path, const double *q, size_t n, double level)
{
    golden_t wanted = golden_read(file, path);
    size_t found = 0;

    for (size_t j = 0; j < n; j++) {
        found += q[j] <= level;
    }
    assert_int_equal(found, wanted.data[0]);
    golden_free(&wanted);
}

static void
test_false_discoveries(void **state)
{
    char file[TEST_PATH_SIZE];
    golden_t p;
    double *q;

    (void) state;
    test_need_data(file, E7);
    p = golden_read(file, "/fdr/p");
    q = new_doubles(p.n);
    assert_int_equal(ba_fdr_bh(p.data, p.n, q), 0);
    compare(file, "/fdr/q_bh", q, TOLERANCE);
    check_rejected(file, "/fdr/rejected_bh_0.05", q, p.n, 0.05);
    check_rejected(file, "/fdr/rejected_bh_0.20", q, p.n, 0.20);
    assert_int_equal(ba_fdr_by(p.data, p.n, q), 0);
    compare(file, "/fdr/q_by", q, TOLERANCE);
    check_rejected(file, "/fdr/rejected_by_0.05", q, p.n, 0.05);
    check_rejected(file, "/fdr/rejected_by_0.20", q, p.n, 0.20);
    golden_free(&p);
    free(q);
}

static void
test_permutation(void **state)
{
    static const char *const p_own[] = {
        "/permutation/p_greater", "/permutation/p_two_sided"};
    static const char *const p_max[] = {
        "/permutation/p_max_greater", "/permutation/p_max_two_sided"};
    static const char *const p_step[] = {
        "/permutation/p_stepdown_greater", "/permutation/p_stepdown_two_sided"};
    static const char *const q_own[] = {
        "/permutation/q_bh_of_p_greater", "/permutation/q_bh_of_p_two_sided"};
    char file[TEST_PATH_SIZE];
    golden_t observed, stored;
    ba_cdmat_t null;
    double *values, *p, *maxima;

    (void) state;
    test_need_data(file, E7);
    observed = golden_read(file, "/permutation/observed");
    stored = golden_read(file, "/permutation/null");
    values = turned(&stored);
    null = (ba_cdmat_t){values, stored.dims[0], stored.dims[1], stored.dims[0]};
    p = new_doubles(null.n_cols);
    maxima = new_doubles(null.n_rows);
    for (int two = 0; two < 2; two++) {
        ba_tail_t tail = two ? BA_TAIL_TWO_SIDED : BA_TAIL_GREATER;

        ba_p_of_null(observed.data, null, tail, p);
        compare(file, p_own[two], p, TOLERANCE);
        assert_int_equal(ba_fdr_bh(p, null.n_cols, p), 0);
        compare(file, q_own[two], p, TOLERANCE);
        ba_maxima_of_null(null, tail, maxima);
        assert_int_equal(
            ba_p_of_maxima(observed.data, null.n_cols, maxima, null.n_rows, tail, p), 0);
        compare(file, p_max[two], p, TOLERANCE);
        assert_int_equal(ba_p_step_down(observed.data, null, tail, p), 0);
        compare(file, p_step[two], p, TOLERANCE);
    }
    golden_free(&observed);
    golden_free(&stored);
    free(values);
    free(p);
    free(maxima);
}

/* Word rate moved down by 3 rows, and the responses, column-major. */
typedef struct {
    double x[N], *y, *r;
} real_t;

static void
read_real(real_t *real, const char *file, const char *data)
{
    golden_t rate = golden_read(data, "/features/word_rate");
    golden_t responses = golden_read(data, "/responses");

    assert_int_equal(rate.n, N);
    assert_int_equal(responses.n, N * V);
    memset(real->x, 0, sizeof real->x);
    memcpy(real->x + 3, rate.data, (N - 3) * sizeof *real->x);
    real->y = turned(&responses);
    real->r = new_doubles(V);
    for (size_t j = 0; j < V; j++) {
        ba_score_f64(BA_SCORE_R, real->y + j * N, N, real->x, N, N, 1, &real->r[j]);
    }
    compare(file, "/real/r", real->r, 1e-12);
    golden_free(&rate);
    golden_free(&responses);
}

static void
free_real(real_t *real)
{
    free(real->y);
    free(real->r);
}

/* r of all targets with one series. */
static void
correlate(const real_t *real, const double *x, double *r, size_t stride)
{
    for (size_t j = 0; j < V; j++) {
        ba_score_f64(BA_SCORE_R, real->y + j * N, N, x, N, N, 1, &r[j * stride]);
    }
}

/* p and maxima of 99 permutations (99 x V) against a group of the file. */
static void
check_null(const char *file, const char *group, const real_t *real, const double *values)
{
    ba_cdmat_t null = {values, 99, V, 99};
    char path[TEST_PATH_SIZE];
    double p[V], maxima[99];

    ba_p_of_null(real->r, null, BA_TAIL_GREATER, p);
    compare(file, test_join(path, group, "p_greater"), p, TOLERANCE);
    ba_maxima_of_null(null, BA_TAIL_GREATER, maxima);
    compare(file, test_join(path, group, "null_max"), maxima, 1e-12);
    assert_int_equal(ba_p_of_maxima(real->r, V, maxima, 99, BA_TAIL_GREATER, p), 0);
    compare(file, test_join(path, group, "p_max_greater"), p, TOLERANCE);
}

/* The engine counts all shifts through, number b being a shift by b + 1: its maxima at
 * the stored shifts. */
static void
check_engine(const char *file, const real_t *real, const double *shifts)
{
    ba_null_opts_t opts = {.kind = BA_NULL_CIRCULAR, .n_permutations = N};
    double *x = new_doubles(N * V), maxima[N], p[V], r[V], found[99];
    ba_null_fold_t fold = {{real->y, N, V, N}, {x, N, V, N}, {.data = NULL}};
    ba_runs_t runs;
    ba_null_t *null;

    for (size_t j = 0; j < V; j++) {
        memcpy(x + j * N, real->x, N * sizeof *x);
    }
    assert_int_equal(ba_runs_one(N, &runs), 0);
    assert_int_equal(ba_null_new(&opts, &runs, 1, &null), 0);
    assert_int_equal(ba_null_info(null, BA_NULL_R).n_permutations, N - 1);
    assert_int_equal(ba_null_test(NULL, null, BA_NULL_R, &fold, BA_TAIL_GREATER,
                         &(ba_null_result_t){r, p, maxima}),
        0);
    for (size_t b = 0; b < 99; b++) {
        found[b] = maxima[(size_t) shifts[b] - 1];
    }
    compare(file, "/real/circular/null_max", found, 1e-12);
    ba_null_free(null);
    ba_runs_free(&runs);
    free(x);
}

static void
test_circular(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    double *values, x[N];
    golden_t shifts;
    real_t real;

    (void) state;
    test_need_data(file, E7);
    test_need_data(data, NARRATIVES);
    read_real(&real, file, data);
    shifts = golden_read(file, "/real/circular/shifts");
    assert_int_equal(shifts.n, 99);
    values = new_doubles(99 * V);
    for (size_t b = 0; b < 99; b++) {
        for (size_t t = 0; t < N; t++) {
            x[t] = real.x[(t + N - (size_t) shifts.data[b]) % N];
        }
        correlate(&real, x, values + b, 99);
    }
    check_null(file, "/real/circular", &real, values);
    check_engine(file, &real, shifts.data);
    golden_free(&shifts);
    free(values);
    free_real(&real);
}

static void
test_blocks(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    double *values, x[N];
    golden_t orders, length, index;
    real_t real;
    size_t block;

    (void) state;
    test_need_data(file, E7);
    test_need_data(data, NARRATIVES);
    read_real(&real, file, data);
    orders = golden_read(file, "/real/block/orders");
    length = golden_read(file, "/real/block/length");
    index = golden_read(file, "/real/block/index_first3");
    block = (size_t) length.data[0];
    values = new_doubles(99 * V);
    for (size_t b = 0; b < 99; b++) {
        size_t n = 0;

        for (size_t i = 0; i < orders.dims[1]; i++) {
            size_t first = (size_t) orders.data[i + b * orders.dims[1]] * block;

            for (size_t t = first; t < first + block && t < N; t++) {
                assert_true(b >= 3 || (double) t == index.data[n + b * N]);
                x[n++] = real.x[t];
            }
        }
        assert_int_equal(n, N);
        correlate(&real, x, values + b, 99);
    }
    check_null(file, "/real/block", &real, values);
    golden_free(&orders);
    golden_free(&length);
    golden_free(&index);
    free(values);
    free_real(&real);
}

static void
test_circular_within_run(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t fold, shifts, index, r;
    golden_check_t check = {.what = "/real/circular_within_run/r"};
    double x[N], found[V];
    ba_runs_t runs;
    real_t real;

    (void) state;
    test_need_data(file, E7);
    test_need_data(data, NARRATIVES);
    read_real(&real, file, data);
    fold = golden_read(file, "/real/circular_within_run/fold");
    shifts = golden_read(file, "/real/circular_within_run/shifts");
    index = golden_read(file, "/real/circular_within_run/index");
    r = golden_read(file, "/real/circular_within_run/r");
    assert_int_equal(ba_runs_from_ids(fold.data, N, "fold", &runs), 0);
    for (size_t b = 0; b < shifts.dims[0]; b++) {
        for (size_t k = 0; k < runs.n_runs; k++) {
            size_t first = runs.onset[k], n = runs.onset[k + 1] - first;
            size_t by = (size_t) shifts.data[k + b * runs.n_runs];

            for (size_t t = 0; t < n; t++) {
                size_t from = first + (t + n - by % n) % n;

                assert_int_equal(from, index.data[first + t + b * N]);
                x[first + t] = real.x[from];
            }
        }
        correlate(&real, x, found, 1);
        for (size_t j = 0; j < V; j++) {
            golden_close(&check, j, found[j], r.data[j + b * V], 1e-12);
        }
    }
    golden_report("statistics", &check);
    ba_runs_free(&runs);
    golden_free(&fold);
    golden_free(&shifts);
    golden_free(&index);
    golden_free(&r);
    free_real(&real);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_false_discoveries),
        cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_circular),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_circular_within_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
