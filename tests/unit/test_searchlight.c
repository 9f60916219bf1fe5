/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The searchlight against ridge fits of every neighbourhood and split, predictions and
 * all. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/ridge.h"
#include "model/searchlight.h"

enum { N = 40, V = 30, D = 70, SPLITS = 4, ALPHAS = 3, MOST = 12 };

static const double alphas[ALPHAS] = {0.5, 20, 300};

typedef struct {
    double x[N * V], y[N * D];
    size_t stay[SPLITS][N], validate[SPLITS][N];
    ba_inner_rows_t inner[SPLITS];
    ba_neighbourhoods_t near;
    ba_searchlight_t light;
} study_t;

static void
column(const void *payload, size_t j, double *x)
{
    const study_t *study = payload;

    memcpy(x, study->x + j * N, N * sizeof *x);
}

/* Columns on a line, each predicting some dimensions; folds of 10 rows, with a gap of
 * `gap` rows beside what validates. */
static void
start(study_t *study, size_t gap)
{
    double at[V];
    unsigned char is_used[V];

    test_fill_normal(study->x, N * V, 11);
    test_fill_normal(study->y, N * D, 12);
    for (size_t j = 0; j < V; j++) {
        at[j] = (double) (j % 10) + 0.1 * (double) (j / 10);
        is_used[j] = j != 17;
        for (size_t i = 0; i < N; i++) {
            study->x[i + j * N] += 0.5 * study->y[i + (j % 9) * N];
            study->x[i + j * N] = j == 5 ? 3 : 50 + 2 * study->x[i + j * N];
        }
    }
    assert_int_equal(ba_neighbourhoods_find(
                         NULL, at, V, 1, BA_REACH_SPHERE, 0.95, is_used, &study->near),
        BA_OK);
    assert_true(study->near.most > 3 && study->near.most <= MOST);
    for (size_t f = 0; f < SPLITS; f++) {
        size_t n = 0, m = 0;

        for (size_t i = 0; i < N; i++) {
            if (i / 10 == f) {
                study->validate[f][m++] = i;
            } else if (i + gap < f * 10 || i >= f * 10 + 10 + gap) {
                study->stay[f][n++] = i;
            }
        }
        study->inner[f] = (ba_inner_rows_t){study->stay[f], study->validate[f], n, m};
    }
    study->light = (ba_searchlight_t){.n = N,
        .n_columns = V,
        .column = column,
        .payload = study,
        .y = {study->y, N, D, N},
        .neighbourhoods = &study->near,
        .inner = study->inner,
        .n_inner = SPLITS,
        .alphas = alphas,
        .n_alphas = ALPHAS};
}

/* Correlations of held-out predictions of all dimensions by columns z (N x k). */
static void
add_split(const study_t *study, const double *z, size_t k, size_t f, double alpha,
    double *sum, double *count)
{
    const ba_inner_rows_t *rows = study->inner + f;
    double x[N * MOST], y[N * D], w[MOST * D], intercept[D];
    ba_ridge_opts_t opts = {.intercept = BA_INTERCEPT_YES};
    size_t n = rows->n_stay;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) {
            x[i + j * n] = z[rows->stay[i] + j * N];
        }
        for (size_t d = 0; d < D; d++) {
            y[i + d * n] = study->y[rows->stay[i] + d * N];
        }
    }
    assert_int_equal(
        ba_ridge_solve(NULL, (ba_cdmat_t){x, n, k, n}, (ba_cdmat_t){y, n, D, n}, &alpha,
            1, &opts, (ba_dmat_t){w, k, D, k}, intercept),
        BA_OK);
    for (size_t d = 0; d < D; d++) {
        double p[N], t[N], mp = 0, mt = 0, pp = 0, tt = 0, pt = 0, m = 0;

        for (size_t i = 0; i < rows->n_validate; i++) {
            p[i] = intercept[d];
            t[i] = study->y[rows->validate[i] + d * N];
            for (size_t j = 0; j < k; j++) {
                p[i] += z[rows->validate[i] + j * N] * w[j + d * k];
            }
            mp += p[i];
            mt += t[i];
            m++;
        }
        for (size_t i = 0; i < rows->n_validate; i++) {
            pp += (p[i] - mp / m) * (p[i] - mp / m);
            tt += (t[i] - mt / m) * (t[i] - mt / m);
            pt += (p[i] - mp / m) * (t[i] - mt / m);
        }
        if (tt > 1e-12) {
            sum[d] += pt / sqrt(pp * tt);
            count[d]++;
        }
    }
}

static double
by_hand(const study_t *study, size_t j)
{
    double z[N * MOST], best = NAN;
    size_t k = 0;

    if (study->near.first[j] == study->near.first[j + 1] || j == 5) {
        return NAN;
    }
    for (size_t i = study->near.first[j]; i < study->near.first[j + 1]; i++, k++) {
        const double *x = study->x + (size_t) study->near.member[i] * N;
        double mean = 0, square = 0;

        for (size_t t = 0; t < N; t++) {
            mean += x[t] / N;
        }
        for (size_t t = 0; t < N; t++) {
            square += (x[t] - mean) * (x[t] - mean) / N;
        }
        for (size_t t = 0; t < N; t++) {
            z[t + k * N] = square > 0 ? (x[t] - mean) / sqrt(square) : 0;
        }
    }
    for (size_t a = 0; a < ALPHAS; a++) {
        double sum[D] = {0}, count[D] = {0};

        for (size_t f = 0; f < SPLITS; f++) {
            add_split(study, z, k, f, alphas[a], sum, count);
        }
        for (size_t d = 0; d < D; d++) {
            best = count[d] > 0 ? fmax(best, sum[d] / count[d]) : best;
        }
    }
    return best;
}

static void
check(study_t *study)
{
    double scores[V];
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 1;
    assert_int_equal(ba_searchlight_scores(&ctx, &study->light, scores), BA_OK);
    for (size_t j = 0; j < V; j++) {
        assert_close(scores[j], by_hand(study, j), 1e-12);
    }
    assert_true(isnan(scores[5]) && isnan(scores[17]) && scores[0] > 0.3);
    ba_neighbourhoods_free(&study->near);
}

static void
test_by_hand(void **state)
{
    static study_t study;

    (void) state;
    start(&study, 0);
    check(&study);
    start(&study, 2);
    check(&study);
}

/* A dimension that does not vary in a split has its mean over the others; one that varies
 * nowhere has no score. */
static void
test_constant(void **state)
{
    static study_t study;
    double scores[V];

    (void) state;
    start(&study, 0);
    for (size_t i = 0; i < 10; i++) {
        study.y[i] = 1;
    }
    check(&study);
    start(&study, 0);
    study.light.y.n_cols = 1;
    for (size_t i = 0; i < N; i++) {
        study.y[i] = 1;
    }
    assert_int_equal(ba_searchlight_scores(NULL, &study.light, scores), BA_OK);
    for (size_t j = 0; j < V; j++) {
        assert_true(isnan(scores[j]));
    }
    ba_neighbourhoods_free(&study.near);
}

/* Threads and memory change no bit; what no memory can hold is refused. */
static void
test_bits(void **state)
{
    static study_t study;
    double scores[V], other[V];
    ba_ctx_t ctx = ba_ctx_default();
    ba_searchlight_plan_t plan;
    size_t n_tiles;

    (void) state;
    start(&study, 1);
    ctx.n_threads = 1;
    assert_int_equal(ba_searchlight_scores(&ctx, &study.light, scores), BA_OK);
    ctx.n_threads = 3;
    assert_int_equal(ba_searchlight_scores(&ctx, &study.light, other), BA_OK);
    assert_memory_equal(scores, other, sizeof scores);
    ctx.n_threads = 1;
    assert_int_equal(ba_searchlight_plan(&ctx, &study.light, &plan), BA_OK);
    n_tiles = plan.n_held;
    assert_true(n_tiles > 1);
    for (size_t n = n_tiles; n-- > 0;) {
        ctx.memory = plan.bytes;
        assert_int_equal(ba_searchlight_plan(&ctx, &study.light, &plan), BA_OK);
        assert_int_equal(plan.n_held, n + 1);
        assert_int_equal(plan.bytes, ctx.memory);
        assert_int_equal(ba_searchlight_scores(&ctx, &study.light, other), BA_OK);
        assert_memory_equal(scores, other, sizeof scores);
        ctx.memory -= sizeof(double);
        assert_int_equal(
            ba_searchlight_plan(&ctx, &study.light, &plan), n > 0 ? BA_OK : BA_TOO_LARGE);
    }
    assert_int_equal(ba_searchlight_scores(&ctx, &study.light, other), BA_TOO_LARGE);
    ba_neighbourhoods_free(&study.near);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
