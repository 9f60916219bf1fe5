/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coalitions of layers, Shapley values and backward elimination on two recordings against
 * the refits of golden file N8. */
#include "tests/golden/bridge.h"

#include "model/contribution_region.h"
#include "model/shapley.h"

enum { LAYERS = 6, UNITS = 64, COALITIONS = 1 << LAYERS };

static double *
totals(const recording_t *recording, const fold_t *fold)
{
    double *sst = room(recording->v, sizeof(double)), m = (double) fold->n_test;

    for (size_t t = 0; t < recording->v; t++) {
        double sum = 0.0, squares = 0.0;

        for (size_t i = 0; i < fold->n_test; i++) {
            double y = fold->y_test[i + t * fold->n_test];

            sum += y;
            squares += y * y;
        }
        sst[t] = squares - sum * sum / m;
    }
    return sst;
}

static void
check_layers(const char *file, const recording_t *recording, const fold_t *fold)
{
    golden_t wanted = golden_read(file, "/shapley/coalition_r2");
    golden_t values = golden_read(file, "/shapley/value");
    size_t v = recording->v, start[LAYERS + 1] = {0}, neurons[LAYERS * UNITS];
    double *r2 = room(COALITIONS * v, sizeof(double)), *sst = totals(recording, fold);
    double *found = room(LAYERS * v, sizeof(double));
    ba_neuron_groups_t groups = {LAYERS, start, neurons};
    golden_check_t coalition = {.what = "coalition_r2"}, value = {.what = "value"};

    for (size_t j = 0; j < LAYERS * UNITS; j++) {
        neurons[j] = j;
        start[j / UNITS + 1] = j + 1;
    }
    assert_int_equal(ba_contribution_coalitions(fold->contribution,
                         training_responses(recording, fold),
                         test_responses(recording, fold), &groups, r2),
        BA_OK);
    for (size_t i = 0; i < COALITIONS * v; i++) {
        r2[i] = 1.0 - r2[i] / sst[i % v];
        golden_close(&coalition, i, r2[i], wanted.data[i], 1e-9);
    }
    ba_shapley_values(r2, LAYERS, v, found);
    for (size_t i = 0; i < LAYERS * v; i++) {
        golden_close(&value, i, found[i], values.data[i], 1e-9);
    }
    golden_report("/shapley", &coalition);
    golden_report("/shapley", &value);
    golden_free(&wanted);
    golden_free(&values);
    free(r2);
    free(sst);
    free(found);
}

static void
test_layers(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t targets, ids;
    recording_t recording;

    (void) state;
    test_need_data(file, N8);
    test_need_data(data, NARRATIVES);
    targets = golden_read(file, "/narratives_all_layers/target");
    ids = golden_read(data, "/fold");
    open_recording(&recording, data, 0, LAYERS * UNITS, &targets, 2);
    for (ba_solver_t solver = BA_SOLVER_PRIMAL; solver <= BA_SOLVER_DUAL; solver++) {
        fold_t fold;

        open_fold(&recording, &ids, 1, 10000, solver, &fold);
        check_layers(file, &recording, &fold);
        close_fold(&fold);
    }
    close_recording(&recording);
    golden_free(&targets);
    golden_free(&ids);
}

/* ---- backward elimination ---- */

/* Means over subjects of every region of the z-scored columns of `recording`, z-scored. */
static double *
region_means(const recording_t *recording, const golden_t *targets)
{
    size_t n = recording->n;
    double *means = room(6 * n, sizeof(double)), mean, scale;

    for (size_t t = 0; t < recording->v; t++) {
        const double *y = recording->y + t * n;
        size_t region = (size_t) targets->data[t] % 6;

        standardise(y, NULL, n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            means[region * n + i] += (y[i] - mean) / scale;
        }
    }
    for (size_t r = 0; r < 6; r++) {
        standardise(means + r * n, NULL, n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            means[r * n + i] = (means[r * n + i] - mean) / scale;
        }
    }
    return means;
}

/* A fit on all folds but 4, of neurons at one delay; everything z-scored over all rows. */
typedef struct {
    ba_design_t *design;
    size_t train[400], test[400], n_train, n_test, start[UNITS + 1], columns[UNITS];
    double mean[UNITS], scale[UNITS];
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
    ba_contribution_region_t *region;
} region_fit_t;

static void
split_rows(const golden_t *ids, region_fit_t *fit)
{
    fit->n_train = fit->n_test = 0;
    for (size_t i = 0; i < ids->n; i++) {
        if ((int) ids->data[i] == 4) {
            fit->test[fit->n_test++] = i;
        } else {
            fit->train[fit->n_train++] = i;
        }
    }
}

static void
add_regions(const double *means, size_t n, region_fit_t *fit)
{
    double *y = room(6 * fit->n_train, sizeof(double));
    double *y_test = room(6 * fit->n_test, sizeof(double));

    for (size_t r = 0; r < 6; r++) {
        for (size_t i = 0; i < fit->n_train; i++) {
            y[r * fit->n_train + i] = means[r * n + fit->train[i]];
        }
        for (size_t i = 0; i < fit->n_test; i++) {
            y_test[r * fit->n_test + i] = means[r * n + fit->test[i]];
        }
    }
    assert_int_equal(ba_contribution_region_new(fit->contribution, &fit->region), BA_OK);
    assert_int_equal(ba_contribution_region_add(fit->region,
                         ba_cdmat(y, fit->n_train, 6, fit->n_train),
                         ba_cdmat(y_test, fit->n_test, 6, fit->n_test)),
        BA_OK);
    assert_int_equal(ba_contribution_region_finish(fit->region), BA_OK);
    free(y);
    free(y_test);
}

static void
fit_regions(const recording_t *recording, const golden_t *ids, const double *means,
    region_fit_t *fit)
{
    static const int delay[] = {2};
    static size_t all[400];
    ba_space_t space = {"lm", NULL, recording->x, UNITS, delay, 1, 0};
    ba_neuron_columns_t neurons = {UNITS, fit->start, fit->columns};
    ba_training_t training = {NULL, fit->train, 0, fit->mean, fit->scale};
    double column[400];

    split_rows(ids, fit);
    assert_int_equal(
        ba_design_new(&space, 1, &recording->runs, BA_DELAY_WITHIN_RUNS, &fit->design),
        BA_OK);
    for (size_t i = 0; i < recording->n; i++) {
        all[i] = i;
    }
    for (size_t c = 0; c < UNITS; c++) {
        ba_design_read(fit->design, all, recording->n, c, 1, column, recording->n);
        standardise(column, NULL, recording->n, &fit->mean[c], &fit->scale[c]);
        fit->start[c + 1] = c + 1;
        fit->columns[c] = c;
    }
    training.design = fit->design;
    training.n_rows = fit->n_train;
    assert_int_equal(
        ba_ridge_factor(NULL, &training, BA_SOLVER_AUTO, BA_INTERCEPT_NO, &fit->factor),
        BA_OK);
    assert_int_equal(ba_contribution_new(NULL, fit->factor, &training, fit->design,
                         fit->test, fit->n_test, &neurons, &fit->contribution),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, fit->contribution, 100.0), BA_OK);
    add_regions(means, recording->n, fit);
}

static void
compare_elimination(const char *file, const size_t *order, const double *r2)
{
    golden_t removed = golden_read(file, "/backward/removed");
    golden_t after = golden_read(file, "/backward/mean_r2_after");
    golden_check_t check = {.what = "mean_r2_after"};

    assert_int_equal(removed.n, UNITS - 1);
    for (size_t i = 0; i < removed.n; i++) {
        assert_int_equal(order[i], (size_t) removed.data[i]);
        golden_close(&check, i, r2[i + 1], after.data[i], 1e-9);
    }
    assert_int_equal(order[UNITS - 1], 20);
    golden_report("/backward", &check);
    golden_free(&removed);
    golden_free(&after);
}

static void
test_backward(void **state)
{
    static region_fit_t fit;
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t targets, ids;
    recording_t recording;
    size_t order[UNITS];
    double *means, r2[UNITS + 1];

    (void) state;
    test_need_data(file, N8);
    test_need_data(data, ALICE);
    targets = golden_read(file, "/alice_layer5/target");
    ids = golden_read(data, "/fold");
    open_recording(&recording, data, 320, UNITS, &targets, 1);
    detrend(&recording);
    means = region_means(&recording, &targets);
    fit_regions(&recording, &ids, means, &fit);
    assert_int_equal(
        ba_contribution_eliminate(NULL, &fit.region, 1, 1, order, r2), BA_OK);
    compare_elimination(file, order, r2);
    ba_contribution_region_free(fit.region);
    ba_contribution_free(fit.contribution);
    ba_ridge_factor_free(fit.factor);
    ba_design_free(fit.design);
    close_recording(&recording);
    golden_free(&targets);
    golden_free(&ids);
    free(means);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_backward),
    };

    return cmocka_run_group_tests_name("neuron groups", tests, NULL, NULL);
}
