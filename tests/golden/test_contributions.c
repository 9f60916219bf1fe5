/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of neurons on two recordings against the refits of golden file N8. */
#include "tests/golden/bridge.h"

/* ---- all neurons ---- */

typedef struct {
    double *block;
    ba_contributions_t at;
} found_t;

static found_t
contributions(const recording_t *recording, const fold_t *fold)
{
    size_t v = recording->v, size = recording->k * v;
    double *block = room(5 * size + 2 * v, sizeof(double)), *rest = block + 5 * size;
    found_t found = {block, {rest, rest + v, block, block + size, block + 2 * size,
                                block + 3 * size, block + 4 * size, NULL, NULL}};

    assert_int_equal(
        ba_contribution_targets(fold->contribution, training_responses(recording, fold),
            test_responses(recording, fold), &found.at),
        BA_OK);
    return found;
}

/* Stored neurons x targets. */
static void
compare(const char *file, const char *group, const char *name,
    const recording_t *recording, const double *found)
{
    golden_t wanted = golden_read_in(file, group, name);
    golden_check_t check = {.what = name};

    assert_int_equal(wanted.n, recording->k * recording->v);
    for (size_t j = 0; j < recording->k; j++) {
        for (size_t t = 0; t < recording->v; t++) {
            golden_close(&check, j * recording->v + t, found[t * recording->k + j],
                wanted.data[j * recording->v + t], 1e-9);
        }
    }
    golden_report(group, &check);
    golden_free(&wanted);
}

/* Training or held-out rows of the design as they are fitted, n x p. */
static double *
scaled_rows(
    const recording_t *recording, const fold_t *fold, const size_t *rows, size_t n)
{
    size_t p = ba_design_n_columns(recording->design);
    double *x = room(n * p, sizeof(double));

    ba_design_read(recording->design, rows, n, 0, p, x, n);
    for (size_t i = 0; i < n * p; i++) {
        x[i] = (x[i] - fold->mean[i / n]) / fold->scale[i / n];
    }
    return x;
}

/* Share of a neuron in what the mean of all predictions is, neuron after neuron for each
 * target, by a fit of its own. */
static double *
mean_parts(const recording_t *recording, const fold_t *fold, double alpha)
{
    size_t p = ba_design_n_columns(recording->design), v = recording->v;
    double *x = scaled_rows(recording, fold, fold->rows, fold->n_train);
    double *x_test = scaled_rows(recording, fold, fold->test_rows, fold->n_test);
    double *weights = room(p * v, sizeof(double));
    double *parts = room(recording->k * v, sizeof(double));
    ba_ridge_opts_t opts = {BA_SOLVER_DUAL, BA_INTERCEPT_NO};

    assert_int_equal(ba_ridge_solve(NULL, ba_cdmat(x, fold->n_train, p, fold->n_train),
                         training_responses(recording, fold), &alpha, 1, &opts,
                         ba_dmat(weights, p, v, p), NULL),
        BA_OK);
    for (size_t c = 0; c < p; c++) {
        double mean = 0.0;

        for (size_t i = 0; i < fold->n_test; i++) {
            mean += x_test[i + c * fold->n_test] / (double) fold->n_test;
        }
        for (size_t t = 0; t < v; t++) {
            parts[t * recording->k + c % recording->k] += mean * weights[c + t * p];
        }
    }
    free(x);
    free(x_test);
    free(weights);
    return parts;
}

/* The reference's shares, of 1 - SSE / sum y^2 and about 0, out of ours, of r2 and about
 * the means of the held-out rows. */
static double *
reference_shares(
    const recording_t *recording, const fold_t *fold, const double *ours, double alpha)
{
    size_t k = recording->k, v = recording->v;
    double *parts = mean_parts(recording, fold, alpha), m = (double) fold->n_test;
    double *shares = room(k * v, sizeof(double));

    for (size_t t = 0; t < v; t++) {
        double y_mean = 0.0, p_mean = 0.0, squares = 0.0, total;

        for (size_t i = 0; i < fold->n_test; i++) {
            double y = fold->y_test[i + t * fold->n_test];

            y_mean += y / m;
            squares += y * y;
        }
        for (size_t j = 0; j < k; j++) {
            p_mean += parts[t * k + j];
        }
        total = squares - m * y_mean * y_mean;
        for (size_t j = 0; j < k; j++) {
            double shift = y_mean - p_mean, level = m * shift * shift / (double) k;

            shares[t * k + j] = (ours[t * k + j] * total + level +
                                    m * parts[t * k + j] * (2.0 * y_mean - p_mean)) /
                                squares;
        }
    }
    free(parts);
    return shares;
}

static void
compare_uniqueness(
    const char *file, const char *group, const recording_t *recording, const fold_t *fold)
{
    golden_t wanted = golden_read_in(file, group, "uniqueness");
    double *found = room(wanted.n, sizeof(double));
    golden_check_t check = {.what = "uniqueness"};

    assert_int_equal(wanted.n, recording->k * DELAYS);
    ba_contribution_uniqueness(fold->contribution, found);
    for (size_t j = 0; j < recording->k; j++) {
        for (size_t d = 0; d < DELAYS; d++) {
            double value = wanted.data[d * recording->k + j];

            golden_close(
                &check, j * DELAYS + d, found[j * DELAYS + d] / value, 1.0, 1e-9);
        }
    }
    golden_report(group, &check);
    golden_free(&wanted);
    free(found);
}

static void
compare_fold(const char *file, const char *group, const recording_t *recording,
    const fold_t *fold, double alpha)
{
    found_t found = contributions(recording, fold);
    double *shares = reference_shares(recording, fold, found.at.product_r2, alpha);
    golden_t r = golden_read_in(file, group, "r_full");
    golden_check_t check = {.what = "r_full"};

    compare(file, group, "d_r2", recording, found.at.delta_r2);
    compare(file, group, "d_r", recording, found.at.delta_r);
    compare(file, group, "product_share_r2", recording, shares);
    compare(file, group, "product_share_r", recording, found.at.product_r);
    for (size_t t = 0; t < r.n; t++) {
        golden_close(&check, t, found.at.r[t], r.data[t], 1e-9);
    }
    golden_report(group, &check);
    compare_uniqueness(file, group, recording, fold);
    golden_free(&r);
    free(shares);
    free(found.block);
}

static void
check_one_fold(const char *group, const char *data_file, size_t column0, size_t k,
    int fold, double alpha, int first_delay, int is_detrended)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    golden_t targets, ids;
    recording_t recording;

    test_need_data(file, N8);
    test_need_data(data, data_file);
    targets = golden_read_in(file, group, "target");
    ids = golden_read(data, "/fold");
    open_recording(&recording, data, column0, k, &targets, first_delay);
    if (is_detrended) {
        detrend(&recording);
    }
    snprintf(path, sizeof path, "%s/fold%d", group, fold);
    for (ba_solver_t solver = BA_SOLVER_PRIMAL; solver <= BA_SOLVER_DUAL; solver++) {
        fold_t made;

        open_fold(&recording, &ids, fold, alpha, solver, &made);
        compare_fold(file, path, &recording, &made, alpha);
        close_fold(&made);
    }
    close_recording(&recording);
    golden_free(&targets);
    golden_free(&ids);
}

static void
test_narratives_layer(void **state)
{
    (void) state;
    check_one_fold("/narratives_layer3", NARRATIVES, 192, 64, 2, 1000, 2, 0);
}

static void
test_alice_layer(void **state)
{
    (void) state;
    check_one_fold("/alice_layer5", ALICE, 320, 64, 0, 1000, 1, 1);
}

static void
test_more_columns_than_rows(void **state)
{
    (void) state;
    check_one_fold("/narratives_all_layers", NARRATIVES, 0, 384, 1, 10000, 2, 0);
}

/* ---- sets ---- */

static void
compare_scores(const char *file, const char *group, const char *kind, const char *what,
    const double *found, size_t v)
{
    char name[64];
    golden_t wanted;
    golden_check_t check = {.what = name};

    snprintf(name, sizeof name, "%s_%s", what, kind);
    wanted = golden_read_in(file, group, name);
    assert_int_equal(wanted.n, v);
    for (size_t t = 0; t < v; t++) {
        golden_close(
            &check, t, found[t], wanted.data[t], 1e-9 * fmax(1.0, wanted.data[t]));
    }
    golden_report(group, &check);
    golden_free(&wanted);
}

static void
check_set(
    const char *file, const char *name, const recording_t *recording, const fold_t *fold)
{
    static const char *const kinds[] = {"refit_without", "zero_out", "refit_only"};
    char group[64];
    size_t v = recording->v, *neurons;
    double *block = room(6 * v, sizeof(double));
    ba_set_scores_t scores[3];
    golden_t listed;

    snprintf(group, sizeof group, "/sets/%s", name);
    listed = golden_read_in(file, group, "neuron");
    neurons = room(listed.n, sizeof(size_t));
    for (size_t i = 0; i < listed.n; i++) {
        neurons[i] = (size_t) listed.data[i];
    }
    for (size_t k = 0; k < 3; k++) {
        scores[k] =
            (ba_set_scores_t){.sse = block + 2 * k * v, .r = block + (2 * k + 1) * v};
    }
    assert_int_equal(
        ba_contribution_set(fold->contribution, training_responses(recording, fold),
            test_responses(recording, fold), neurons, listed.n, NULL, &scores[0],
            &scores[1], &scores[2]),
        BA_OK);
    for (size_t k = 0; k < 3; k++) {
        compare_scores(file, group, kinds[k], "sse", scores[k].sse, v);
        compare_scores(file, group, kinds[k], "r", scores[k].r, v);
    }
    golden_free(&listed);
    free(neurons);
    free(block);
}

static void
test_sets(void **state)
{
    static const char *const names[] = {"NOUN", "VERB", "PRON", "PUNCT", "n.PERSON",
        "n.FOOD", "v.motion", "layer0", "layer1", "layer2", "layer3", "layer4", "layer5"};
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t targets, ids;
    recording_t recording;

    (void) state;
    test_need_data(file, N8);
    test_need_data(data, NARRATIVES);
    targets = golden_read(file, "/narratives_all_layers/target");
    ids = golden_read(data, "/fold");
    open_recording(&recording, data, 0, 384, &targets, 2);
    for (ba_solver_t solver = BA_SOLVER_PRIMAL; solver <= BA_SOLVER_DUAL; solver++) {
        fold_t fold;

        open_fold(&recording, &ids, 1, 10000, solver, &fold);
        for (size_t s = 0; s < sizeof names / sizeof *names; s++) {
            check_set(file, names[s], &recording, &fold);
        }
        close_fold(&fold);
    }
    close_recording(&recording);
    golden_free(&targets);
    golden_free(&ids);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narratives_layer),
        cmocka_unit_test(test_alice_layer),
        cmocka_unit_test(test_more_columns_than_rows),
        cmocka_unit_test(test_sets),
    };

    return cmocka_run_group_tests_name("contributions", tests, NULL, NULL);
}
