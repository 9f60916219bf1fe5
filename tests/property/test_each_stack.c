/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stack of feature spaces that were fitted each is what textbook loops give. */
#include "tests/property/encode_study.h"

#include "brainalign/compare.h"

enum { MOST_COLUMNS = 15, TARGETS = 9 };

typedef struct {
    size_t n_features;
    double x[N][MOST_COLUMNS]; /* delayed 0, 1, 2 within runs */
    size_t p;
} design_t;

static size_t
run_of(size_t i)
{
    return i < 21 ? 0 : i < 40 ? 1 : 2;
}

static void
make_design(const char *file, size_t n_features, design_t *out)
{
    ba_source_t *source = NULL;
    double raw[N * P];

    must(ba_source_open(NULL, in_folder(file), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, n_features, raw, N));
    ba_source_close(source);
    out->p = 3 * n_features;
    for (size_t d = 0; d < 3; d++) {
        for (size_t j = 0; j < n_features; j++) {
            for (size_t i = 0; i < N; i++) {
                out->x[i][d * n_features + j] =
                    i >= d && run_of(i - d) == run_of(i) ? raw[i - d + j * N] : 0.0;
            }
        }
    }
}

/* Predictions of `test` rows by a ridge on `train` rows: columns z-scored, y centred. */
static void
ridge(const design_t *design, const double *y, const int *train, const int *test,
    double alpha, double *predicted)
{
    double mean[MOST_COLUMNS] = {0}, scale[MOST_COLUMNS] = {0}, y_mean = 0.0, n = 0.0;
    double y_scale = 0.0, a[MOST_COLUMNS][MOST_COLUMNS + 1] = {{0}};
    size_t p = design->p;

    for (size_t i = 0; i < N; i++) {
        n += train[i];
        y_mean += train[i] * y[i];
        for (size_t j = 0; j < p; j++) {
            mean[j] += train[i] * design->x[i][j];
        }
    }
    y_mean /= n;
    for (size_t j = 0; j < p; j++) {
        mean[j] /= n;
        for (size_t i = 0; i < N; i++) {
            scale[j] += train[i] * pow(design->x[i][j] - mean[j], 2) / n;
        }
        scale[j] = sqrt(scale[j]);
    }
    for (size_t i = 0; i < N; i++) {
        y_scale += train[i] * pow(y[i] - y_mean, 2) / n;
    }
    y_scale = sqrt(y_scale);
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < N; i++) {
            double xj = train[i] * (design->x[i][j] - mean[j]) / scale[j];

            for (size_t k = 0; k < p; k++) {
                a[j][k] += xj * (design->x[i][k] - mean[k]) / scale[k];
            }
            a[j][p] += xj * (y[i] - y_mean) / y_scale;
        }
        a[j][j] += alpha;
    }
    for (size_t k = 0; k < p; k++) {
        for (size_t j = 0; j < p; j++) {
            double f = j == k ? 0.0 : a[j][k] / a[k][k];

            for (size_t c = 0; c <= p; c++) {
                a[j][c] -= f * a[k][c];
            }
        }
    }
    for (size_t i = 0; i < N; i++) {
        predicted[i] = NAN;
        if (test[i]) {
            predicted[i] = y_mean;
            for (size_t j = 0; j < p; j++) {
                predicted[i] +=
                    y_scale * (design->x[i][j] - mean[j]) / scale[j] * a[j][p] / a[j][j];
            }
        }
    }
}

typedef struct {
    design_t designs[2];
    double *y, *alphas[2], *outer, *inner;
} reference_t;

/* Weight of the first of two models: G as it falls, clipped to the segment. */
static double
weight_of(const reference_t *ref, size_t fold, size_t t)
{
    double g[2][2] = {{0}}, predicted[2][N];

    for (int k = 0; k < 3; k++) {
        int train[N], test[N];

        for (size_t i = 0; i < N; i++) {
            int in = (size_t) ref->outer[i] != fold;

            test[i] = in && (int) ref->inner[fold * N + i] == k;
            train[i] = in && !test[i];
        }
        for (size_t m = 0; m < 2; m++) {
            ridge(&ref->designs[m], ref->y + t * N, train, test,
                ref->alphas[m][fold * V + t], predicted[m]);
        }
        for (size_t i = 0; i < N; i++) {
            for (size_t m = 0; test[i] && m < 4; m++) {
                g[m / 2][m % 2] += (ref->y[i + t * N] - predicted[m / 2][i]) *
                                   (ref->y[i + t * N] - predicted[m % 2][i]);
            }
        }
    }
    return fmin(1.0, fmax(0.0, (g[1][1] - g[0][1]) / (g[0][0] + g[1][1] - 2 * g[0][1])));
}

static void
check_target(
    const reference_t *ref, size_t t, const double *weights, const double *predictions)
{
    for (size_t fold = 0; fold < 3; fold++) {
        double w = weight_of(ref, fold, t), predicted[2][N];
        int train[N], test[N];

        assert_close(weights[(fold * 2 + 0) * V + t], w, 1e-8);
        assert_close(weights[(fold * 2 + 1) * V + t], 1.0 - w, 1e-8);
        for (size_t i = 0; i < N; i++) {
            test[i] = (size_t) ref->outer[i] == fold;
            train[i] = !test[i];
        }
        for (size_t m = 0; m < 2; m++) {
            ridge(&ref->designs[m], ref->y + t * N, train, test,
                ref->alphas[m][fold * V + t], predicted[m]);
        }
        for (size_t i = 0; i < N; i++) {
            if (test[i]) {
                assert_close(predictions[i * V + t],
                    w * predicted[0][i] + (1.0 - w) * predicted[1][i], 1e-7);
            }
        }
    }
}

static void
test_stack(void **state)
{
    static reference_t ref;
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_encode_fit_opts_t opts = fit_settings("stack");
    ba_encode_each_info_t info;
    ba_source_t *source = NULL;
    double *weights, *predictions, *r;
    size_t n_inside = 0;

    (void) state;
    opts.gap_inner = opts.gap_outer = 0;
    must(ba_cv_parse("kfold:3", &opts.fit.cv));
    must(ba_encode_each(NULL, dataset, &opts, 1, NULL, &info));
    ba_dataset_free(dataset);
    make_design("x.npy", P, &ref.designs[0]);
    make_design("z.npy", Q, &ref.designs[1]);
    ref.y = malloc(N * TARGETS * sizeof *ref.y);
    must(ba_source_open(NULL, in_folder("y.npy"), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, TARGETS, ref.y, N));
    ba_source_close(source);
    ref.alphas[0] = read_array("stack/a.h5", "/best_alphas_by_fold", 3 * V);
    ref.alphas[1] = read_array("stack/b.h5", "/best_alphas_by_fold", 3 * V);
    ref.outer = read_array("stack/a.h5", "/splits/outer", N);
    ref.inner = read_array("stack/a.h5", "/splits/inner_by_fold", 3 * N);
    weights = read_array("stack/stacked.h5", "/stack/weights_by_fold", 3 * 2 * V);
    predictions = read_array("stack/stacked.h5", "/predictions", N * V);
    r = read_array("stack/stacked.h5", "/scores/r", V);
    for (size_t t = 0; t < TARGETS; t++) {
        if (t == 7) { /* holds a NaN */
            assert_true(isnan(weights[t]) && isnan(r[t]) && isnan(predictions[t]));
            continue;
        }
        check_target(&ref, t, weights, predictions);
        n_inside += weights[t] > 0.0 && weights[t] < 1.0;
    }
    assert_true(n_inside > 4);
    assert_true(isfinite(info.stack_r) && info.stack_r > 0.3);
    free(ref.y);
    free(ref.alphas[0]);
    free(ref.alphas[1]);
    free(ref.outer);
    free(ref.inner);
    free(weights);
    free(predictions);
    free(r);
}

/* A model that knows nothing gets little weight, with a fixed test set as well; and the
 * predictions give the scores that are stated. */
static void
test_stack_on_test_set(void **state)
{
    ba_dataset_t *dataset = open_for_fit(2, 1);
    ba_encode_fit_opts_t opts = fit_settings("stack_test");
    double *weights, *final, *r;

    (void) state;
    opts.fit.precision = BA_SINGLE;
    must(ba_encode_each(NULL, dataset, &opts, 1, NULL, NULL));
    ba_dataset_free(dataset);
    weights = read_array("stack_test/stacked.h5", "/stack/weights_by_fold", 2 * V);
    final = read_array("stack_test/stacked.h5", "/stack/weights", 2 * V);
    r = read_array("stack_test/stacked.h5", "/scores/r", V);
    for (size_t t = 0; t < V; t++) {
        if (t != 7) {
            assert_close(weights[t] + weights[V + t], 1.0, 1e-12);
            assert_close(weights[t], final[t], 0.0);
            assert_true(r[t] > -0.5);
        }
    }
    free(weights);
    free(final);
    free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stack, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_stack_on_test_set, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
