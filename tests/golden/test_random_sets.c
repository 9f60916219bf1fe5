/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What concept neurons and stored random sets add to a fit, and p, against golden file
 * N8. */
#include "tests/golden/contribution_golden.h"

/* Mean drop over targets of a set, listed as numbers of the file. */
static double
mean_drop(
    const ba_drops_t *drops, const double *list, size_t n, double *per_target, size_t v)
{
    size_t neurons[64];
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        neurons[i] = (size_t) list[i];
    }
    assert_int_equal(ba_drops_set(drops, neurons, n, per_target), BA_OK);
    for (size_t t = 0; t < v; t++) {
        sum += per_target[t] / (double) v;
    }
    return sum;
}

static void
check_null(const char *file, const char *name, const ba_drops_t *drops, size_t v)
{
    char group[64];
    golden_t own, sets, wanted, wanted_p, drop_wanted;
    golden_check_t checks[] = {
        {.what = "mean_d_r2"}, {.what = "observed"}, {.what = "p_per_target"}};
    double *observed = room(2 * v, sizeof(double)), *one = observed + v;
    size_t *n_above = room(v, sizeof(size_t));

    snprintf(group, sizeof group, "/sets/%s", name);
    own = golden_read_in(file, group, "neuron");
    snprintf(group, sizeof group, "/null/%s", name);
    sets = golden_read_in(file, group, "random_set");
    wanted = golden_read_in(file, group, "mean_d_r2");
    wanted_p = golden_read_in(file, group, "p_per_target");
    drop_wanted = golden_read_in(file, group, "observed_d_r2_per_target");
    mean_drop(drops, own.data, own.n, observed, v);
    for (size_t b = 0; b < sets.dims[0]; b++) {
        double mean =
            mean_drop(drops, sets.data + b * sets.dims[1], sets.dims[1], one, v);

        golden_close(&checks[0], b, mean, wanted.data[b], 1e-10);
        for (size_t t = 0; t < v; t++) {
            n_above[t] += one[t] >= observed[t];
        }
    }
    for (size_t t = 0; t < v; t++) {
        golden_close(&checks[1], t, observed[t], drop_wanted.data[t], 1e-10);
        golden_close(&checks[2], t,
            (1.0 + (double) n_above[t]) / (1.0 + (double) sets.dims[0]), wanted_p.data[t],
            1e-12);
    }
    for (size_t i = 0; i < 3; i++) {
        golden_report(group, &checks[i]);
    }
    golden_free(&own);
    golden_free(&sets);
    golden_free(&wanted);
    golden_free(&wanted_p);
    golden_free(&drop_wanted);
    free(observed);
    free(n_above);
}

static void
test_random_sets(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t targets, ids;
    recording_t recording;
    fold_t fold;
    ba_inverse_t *inverse;
    ba_drops_t *drops;

    (void) state;
    test_need_data(file, N8);
    test_need_data(data, NARRATIVES);
    targets = golden_read(file, "/narratives_all_layers/target");
    ids = golden_read(data, "/fold");
    open_recording(&recording, data, 0, 384, &targets, 2);
    open_fold(&recording, &ids, 1, 10000, BA_SOLVER_DUAL, &fold);
    assert_int_equal(ba_inverse_new(NULL, fold.contribution, SIZE_MAX, &inverse), BA_OK);
    assert_int_equal(ba_drops_new(NULL, inverse, training_responses(&recording, &fold),
                         test_responses(&recording, &fold), &drops),
        BA_OK);
    check_null(file, "NOUN", drops, recording.v);
    check_null(file, "VERB", drops, recording.v);
    check_null(file, "PRON", drops, recording.v);
    ba_drops_free(drops);
    ba_inverse_free(inverse);
    close_fold(&fold);
    close_recording(&recording);
    golden_free(&targets);
    golden_free(&ids);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_sets)};

    return cmocka_run_group_tests_name("random_sets", tests, NULL, NULL);
}
