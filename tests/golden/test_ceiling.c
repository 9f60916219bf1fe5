/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise ceilings against the reference numbers of golden file E6. */
#include "tests/golden/golden.h"

#include "brainalign/ceiling.h"
#include "brainalign/detrend.h"

#define E6 "golden/encode/e6_ceiling.h5"
#define ALICE "data/alice_rois/alice_6mm.h5"
#define TOLERANCE 1e-10

#define MOST 27

/* Repeats of the file, column-major. */
typedef struct {
    double *data;
    size_t n, n_targets;
    ba_cdmat_t views[MOST];
    ba_repeats_t repeats;
} case_t;

static double *
new_doubles(size_t n)
{
    double *x = calloc(n, sizeof *x);

    assert_non_null(x);
    return x;
}

/* From C order (time x target) to column-major. */
static void
turn(const double *from, size_t n_rows, size_t n_cols, double *to)
{
    for (size_t i = 0; i < n_rows * n_cols; i++) {
        to[i / n_cols + i % n_cols * n_rows] = from[i];
    }
}

static void
set_views(case_t *study, size_t n_repeats)
{
    size_t size = study->n * study->n_targets;

    for (size_t i = 0; i < n_repeats; i++) {
        study->views[i] =
            (ba_cdmat_t){study->data + i * size, study->n, study->n_targets, study->n};
    }
    study->repeats = (ba_repeats_t){study->views, n_repeats};
}

static void
read_case(case_t *study, const char *file)
{
    golden_t x = golden_read(file, "/repeats");
    size_t size = x.dims[1] * x.dims[2];

    assert_int_equal(x.rank, 3);
    study->n = x.dims[1];
    study->n_targets = x.dims[2];
    study->data = new_doubles(x.n);
    for (size_t i = 0; i < x.dims[0]; i++) {
        turn(x.data + i * size, study->n, study->n_targets, study->data + i * size);
    }
    set_views(study, x.dims[0]);
    golden_free(&x);
}

/* found[j * stride] against the array of the file; NaN must be NaN. */
static void
compare(const char *file, const char *path, const double *found, size_t stride)
{
    golden_t wanted = golden_read(file, path);
    golden_check_t check = {.what = path};

    for (size_t j = 0; j < wanted.n; j++) {
        if (isnan(wanted.data[j])) {
            assert_true(isnan(found[j * stride]));
        } else {
            golden_close(&check, j, found[j * stride], wanted.data[j], TOLERANCE);
        }
    }
    golden_report("ceiling", &check);
    golden_free(&wanted);
}

static void
test_explainable_variance(void **state)
{
    static const char *const paths[2][2] = {{"/ev/bias1_zscore0", "/ev/bias0_zscore0"},
        {"/ev/bias1_zscore1", "/ev/bias0_zscore1"}};
    char file[TEST_PATH_SIZE];
    case_t study = {0};
    double *ev;

    (void) state;
    test_need_data(file, E6);
    read_case(&study, file);
    ev = new_doubles(study.n_targets);
    for (int scale = BA_REPEATS_AS_GIVEN; scale <= BA_REPEATS_ZSCORED; scale++) {
        for (int kind = BA_EV_CORRECTED; kind <= BA_EV_PLAIN; kind++) {
            assert_int_equal(ba_explainable_variance(&study.repeats,
                                 (ba_repeats_scale_t) scale, (ba_ev_t) kind, ev, NULL),
                0);
            compare(file, paths[scale][kind], ev, 1);
        }
    }
    assert_int_equal(ba_explainable_variance(
                         &study.repeats, BA_REPEATS_ZSCORED, BA_EV_CORRECTED, ev, NULL),
        0);
    compare(file, "/ev/bias1_zscore_ddof1", ev, 1);
    free(ev);
    free(study.data);
}

static void
test_split_half(void **state)
{
    char file[TEST_PATH_SIZE];
    case_t study = {0};
    golden_t orders, r, whole;
    double *found;
    size_t *order, n_splits, n_targets;
    golden_check_t check_r = {.what = "/split_half/r"};
    golden_check_t check_whole = {.what = "/split_half/spearman_brown"};

    (void) state;
    test_need_data(file, E6);
    read_case(&study, file);
    orders = golden_read(file, "/split_half/orders");
    r = golden_read(file, "/split_half/r");
    whole = golden_read(file, "/split_half/spearman_brown");
    n_splits = orders.dims[0];
    n_targets = study.n_targets;
    found = new_doubles(n_splits * n_targets);
    order = calloc(orders.n, sizeof *order);
    assert_non_null(order);
    for (size_t i = 0; i < orders.n; i++) {
        order[i] = (size_t) orders.data[i];
    }
    assert_int_equal(ba_split_half(&study.repeats, order, n_splits, found, NULL), 0);
    for (size_t k = 0; k < n_splits; k++) {
        for (size_t j = 0; j < n_targets; j++) {
            double value = found[k + j * n_splits];

            golden_close(&check_r, k, value, r.data[j + k * n_targets], TOLERANCE);
            golden_close(&check_whole, k, ba_spearman_brown(value, 2),
                whole.data[j + k * n_targets], TOLERANCE);
        }
    }
    golden_report("ceiling", &check_r);
    golden_report("ceiling", &check_whole);
    golden_free(&orders);
    golden_free(&r);
    golden_free(&whole);
    free(found);
    free(order);
    free(study.data);
}

/* What is made of the r of all splits, and the halves of odd and even repeats. */
static void
test_split_half_summaries(void **state)
{
    char file[TEST_PATH_SIZE];
    case_t study = {0};
    golden_t r;
    size_t n_targets, odd_even[10] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    double *fisher, *of_fisher, *mean, *halves, column[100];

    (void) state;
    test_need_data(file, E6);
    read_case(&study, file);
    r = golden_read(file, "/split_half/r");
    n_targets = study.n_targets;
    fisher = new_doubles(n_targets);
    of_fisher = new_doubles(n_targets);
    mean = new_doubles(n_targets);
    halves = new_doubles(n_targets);
    assert_true(r.dims[0] <= 100);
    for (size_t j = 0; j < n_targets; j++) {
        for (size_t k = 0; k < r.dims[0]; k++) {
            column[k] = r.data[j + k * n_targets];
            mean[j] += ba_spearman_brown(column[k], 2) / (double) r.dims[0];
        }
        fisher[j] = ba_fisher_mean(column, r.dims[0]);
        of_fisher[j] = ba_spearman_brown(fisher[j], 2);
    }
    compare(file, "/split_half/fisher_mean_r", fisher, 1);
    compare(file, "/split_half/spearman_brown_of_fisher_mean", of_fisher, 1);
    compare(file, "/split_half/mean_spearman_brown", mean, 1);
    assert_int_equal(ba_split_half(&study.repeats, odd_even, 1, halves, NULL), 0);
    compare(file, "/split_half/odd_even_r", halves, 1);
    golden_free(&r);
    free(fisher);
    free(of_fisher);
    free(mean);
    free(halves);
    free(study.data);
}

static void
test_pairwise(void **state)
{
    char file[TEST_PATH_SIZE];
    case_t study = {0};
    double *r, *mean, *whole;

    (void) state;
    test_need_data(file, E6);
    read_case(&study, file);
    r = new_doubles(45 * study.n_targets);
    mean = new_doubles(study.n_targets);
    whole = new_doubles(study.n_targets);
    assert_int_equal(ba_pairwise_r(&study.repeats, r, NULL), 0);
    for (size_t j = 0; j < study.n_targets; j++) {
        for (size_t i = 0; i < 45; i++) {
            mean[j] += r[i + j * 45] / 45;
        }
        whole[j] = ba_spearman_brown(mean[j], 10);
    }
    compare(file, "/pairwise/mean_r", mean, 1);
    compare(file, "/pairwise/spearman_brown_N", whole, 1);
    free(r);
    free(mean);
    free(whole);
    free(study.data);
}

/* The file has a share of a negative signal power too, which is none: NaN here. */
static void
compare_explained(const char *file, const double *found)
{
    golden_t wanted = golden_read(file, "/schoppe/signal_power_explained");
    golden_t power = golden_read(file, "/schoppe/signal_power_ddof1");
    golden_check_t check = {.what = "/schoppe/signal_power_explained"};

    for (size_t j = 0; j < wanted.n; j++) {
        if (power.data[j] > 0) {
            golden_close(&check, j, found[j], wanted.data[j], TOLERANCE);
        } else {
            assert_true(isnan(found[j]));
        }
    }
    golden_report("ceiling", &check);
    assert_true(check.n > 40);
    golden_free(&wanted);
    golden_free(&power);
}

static void
test_schoppe(void **state)
{
    char file[TEST_PATH_SIZE];
    case_t study = {0};
    golden_t p;
    double *a, *b, *c, *prediction;
    ba_cdmat_t view;

    (void) state;
    test_need_data(file, E6);
    read_case(&study, file);
    p = golden_read(file, "/prediction");
    a = new_doubles(study.n_targets);
    b = new_doubles(study.n_targets);
    c = new_doubles(study.n_targets);
    prediction = new_doubles(p.n);
    turn(p.data, study.n, study.n_targets, prediction);
    view = (ba_cdmat_t){prediction, study.n, study.n_targets, study.n};
    assert_int_equal(ba_signal_power(&study.repeats, a, b, NULL), 0);
    compare(file, "/schoppe/signal_power_ddof1", a, 1);
    compare(file, "/schoppe/cc_max", b, 1);
    for (size_t j = 0; j < study.n_targets; j++) {
        a[j] *= ((double) study.n - 1) / (double) study.n;
    }
    compare(file, "/schoppe/signal_power_ddof0", a, 1);
    assert_int_equal(ba_schoppe(&study.repeats, view, &(ba_schoppe_t){a, b, c}, NULL), 0);
    compare(file, "/schoppe/cc_abs", a, 1);
    compare(file, "/schoppe/cc_norm", b, 1);
    compare_explained(file, c);
    golden_free(&p);
    free(a);
    free(b);
    free(c);
    free(prediction);
    free(study.data);
}

static void
test_ncsnr(void **state)
{
    char file[TEST_PATH_SIZE];
    case_t study = {0};
    double *ratio, *one, *mean;

    (void) state;
    test_need_data(file, E6);
    read_case(&study, file);
    ratio = new_doubles(study.n_targets);
    one = new_doubles(study.n_targets);
    mean = new_doubles(study.n_targets);
    assert_int_equal(ba_ncsnr(&study.repeats, ratio, NULL), 0);
    for (size_t j = 0; j < study.n_targets; j++) {
        one[j] = ba_ncsnr_ceiling(ratio[j], 1);
        mean[j] = ba_ncsnr_ceiling(ratio[j], study.repeats.n_repeats);
    }
    compare(file, "/ncsnr/ncsnr", ratio, 1);
    compare(file, "/ncsnr/nc_single", one, 1);
    compare(file, "/ncsnr/nc_mean_of_N", mean, 1);
    free(ratio);
    free(one);
    free(mean);
    free(study.data);
}

/* 27 subjects x 6 regions out of the 168 columns of alice, a cubic removed. */
static void
read_subjects(case_t *study, const char *file, const char *data)
{
    golden_t y = golden_read(data, "/responses");
    golden_t subjects = golden_read(file, "/isc/subjects");
    ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = 3};
    ba_detrend_t *detrend;
    ba_runs_t runs;
    double *all = new_doubles(y.n);

    study->n = y.dims[0];
    study->n_targets = 6;
    turn(y.data, y.dims[0], y.dims[1], all);
    assert_int_equal(ba_runs_one(study->n, &runs), 0);
    assert_int_equal(ba_detrend_new(&opts, &runs, (ba_cdmat_t){0}, &detrend), 0);
    assert_int_equal(
        ba_detrend_apply(detrend, (ba_dmat_t){all, study->n, y.dims[1], study->n}), 0);
    study->data = new_doubles(subjects.n * 6 * study->n);
    assert_int_equal(subjects.n, MOST);
    for (size_t i = 0; i < subjects.n; i++) {
        memcpy(study->data + i * 6 * study->n,
            all + (size_t) subjects.data[i] * 6 * study->n, 6 * study->n * sizeof *all);
    }
    set_views(study, subjects.n);
    ba_detrend_free(detrend);
    ba_runs_free(&runs);
    golden_free(&y);
    golden_free(&subjects);
    free(all);
}

/* subjects x regions of the file against r[i + j n_subjects]. */
static void
compare_subjects(const char *file, const char *path, const double *r, size_t n)
{
    double *turned = new_doubles(n * 6);

    for (size_t i = 0; i < n * 6; i++) {
        turned[i] = r[i / 6 + i % 6 * n];
    }
    compare(file, path, turned, 1);
    free(turned);
}

static void
test_isc(void **state)
{
    static const char *const lower[] = {
        "/isc/raw_leave_one_out", "/isc/zscored_leave_one_out"};
    static const char *const upper[] = {"/isc/raw_upper", "/isc/zscored_upper"};
    static const char *const mean[] = {"/isc/raw_mean", "/isc/zscored_mean"};
    static const char *const fisher[] = {
        "/isc/raw_fisher_mean", "/isc/zscored_fisher_mean"};
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    case_t study = {0};
    double *r, means[6], fishers[6];

    (void) state;
    test_need_data(file, E6);
    test_need_data(data, ALICE);
    read_subjects(&study, file, data);
    r = new_doubles(351 * 6);
    for (int scale = BA_REPEATS_AS_GIVEN; scale <= BA_REPEATS_ZSCORED; scale++) {
        ba_repeats_scale_t how = (ba_repeats_scale_t) scale;

        assert_int_equal(ba_isc(&study.repeats, how, BA_ISC_OTHERS, r, NULL), 0);
        compare_subjects(file, lower[scale], r, MOST);
        for (size_t j = 0; j < 6; j++) {
            means[j] = 0;
            for (size_t i = 0; i < MOST; i++) {
                means[j] += r[i + j * MOST] / MOST;
            }
            fishers[j] = ba_fisher_mean(r + j * MOST, MOST);
        }
        compare(file, mean[scale], means, 1);
        compare(file, fisher[scale], fishers, 1);
        assert_int_equal(ba_isc(&study.repeats, how, BA_ISC_ALL, r, NULL), 0);
        compare_subjects(file, upper[scale], r, MOST);
    }
    assert_int_equal(ba_pairwise_r(&study.repeats, r, NULL), 0);
    compare_subjects(file, "/isc/pairwise", r, 351);
    free(r);
    free(study.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explainable_variance),
        cmocka_unit_test(test_split_half),
        cmocka_unit_test(test_split_half_summaries),
        cmocka_unit_test(test_pairwise),
        cmocka_unit_test(test_schoppe),
        cmocka_unit_test(test_ncsnr),
        cmocka_unit_test(test_isc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
