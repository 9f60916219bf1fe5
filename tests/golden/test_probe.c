/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes against scikit-learn, torch and NeuroX. */
#include "tests/golden/probe_data.h"

#define DATA "data/tinylm_streusle/tinylm_streusle.h5"
#define LCA "golden/neurons/n1_lca.h5"

typedef struct {
    char file[TEST_PATH_SIZE], source[TEST_PATH_SIZE];
    probe_data_t train, test;
} study_t;

static void
open_study(study_t *study)
{
    golden_t x, rows, labels;

    assert_true(test_data_path(study->file, sizeof study->file, LCA));
    assert_true(test_data_path(study->source, sizeof study->source, DATA));
    x = golden_read(study->source, "/activations/residual");
    rows = golden_read(study->file, "/row_train");
    labels = golden_read(study->file, "/label_train");
    study->train = probe_data_take(&x, &rows, 384, 0, &labels);
    golden_free(&rows);
    golden_free(&labels);
    rows = golden_read(study->file, "/row_test");
    labels = golden_read(study->file, "/label_test");
    study->test = probe_data_take(&x, &rows, 384, 0, &labels);
    golden_free(&rows);
    golden_free(&labels);
    golden_free(&x);
}

static void
close_study(study_t *study)
{
    probe_data_free(&study->train);
    probe_data_free(&study->test);
}

static size_t
count_correct(
    const ba_probe_t *probe, const ba_probe_data_t *data, const unsigned char *kept)
{
    double *logits = malloc(data->x.n_rows * data->n_classes * sizeof *logits);
    ba_probe_score_t *score;
    size_t n;

    assert_int_equal(
        ba_probe_logits(NULL, probe, data, kept, BA_REST_ZERO, NULL, logits), BA_OK);
    assert_int_equal(
        ba_probe_score(logits, data->x.n_rows, data->n_classes, data->label, &score),
        BA_OK);
    n = score->n_correct;
    ba_probe_score_free(score);
    free(logits);
    return n;
}

/* Objective, weights and zeros of one convex case. The zeros must agree where the least
 * weight and the least slack are larger than a solver's error. */
static void
check_convex(const study_t *study, const ba_probe_data_t *data, size_t number)
{
    char group[32];
    ba_probe_opts_t opts = ba_probe_opts_default();
    golden_check_t weights = {.what = "weights"}, bias = {.what = "bias"};
    ba_probe_t *probe;
    golden_t w, b;
    double wanted;

    snprintf(group, sizeof group, "/convex/%zu", number);
    opts.penalty = number < 4 ? BA_PENALTY_NEUROX : BA_PENALTY_SQUARED;
    opts.l1 = probe_attr(study->file, group, "l1");
    opts.l2 = probe_attr(study->file, group, "l2");
    opts.gap = 1e-9;
    opts.kkt = 1e-11;
    if (ba_probe_fit(NULL, data, &opts, NULL, &probe) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    w = golden_read_in(study->file, group, "W");
    b = golden_read_in(study->file, group, "b");
    for (size_t k = 0; k < w.n; k++) {
        size_t c = k / 384, j = k % 384;

        golden_close(&weights, k, probe->weights[j + c * 384], w.data[k], 1e-7);
        assert_int_equal(fabs(probe->weights[j + c * 384]) > 0, fabs(w.data[k]) > 0);
    }
    for (size_t c = 0; c < 17; c++) {
        golden_close(&bias, c, probe->bias[c], b.data[c], 1e-7);
    }
    wanted = probe_attr(study->file, group, "objective");
    assert_close(probe->objective, wanted, 1e-12);
    assert_close(probe->loss, probe_attr(study->file, group, "cross_entropy"), 1e-9);
    assert_true(probe->is_converged);
    assert_true(probe->gap <= 1e-9 * wanted && probe->kkt <= 1e-9);
    assert_int_equal(probe->n_nonzero, probe_attr(study->file, group, "n_nonzero"));
    assert_int_equal(count_correct(probe, data, NULL),
        probe_attr(study->file, group, "correct_train"));
    golden_report(group, &weights);
    golden_report(group, &bias);
    golden_free(&w);
    golden_free(&b);
    ba_probe_free(probe);
}

static void
test_convex(void **state)
{
    study_t study;
    ba_probe_data_t data;
    char path[TEST_PATH_SIZE];

    (void) state;
    test_need_data(path, LCA);
    open_study(&study);
    data = probe_data_view(&study.train, 17);
    assert_int_equal(
        ba_probe_scale(NULL, &data, study.train.center, study.train.scale, NULL), BA_OK);
    data.center = study.train.center;
    data.scale = study.train.scale;
    for (size_t i = 0; i < 8; i++) {
        check_convex(&study, &data, i);
    }
    close_study(&study);
}

/* Weights as stored, classes x neurons, against column-major ones. */
static void
check_weights(
    const study_t *study, const char *group, const char *epoch, const ba_probe_t *probe)
{
    golden_check_t check = {.what = epoch};
    size_t p = probe->n_neurons;
    char name[32];
    golden_t w, b;

    snprintf(name, sizeof name, "W_epoch%s", epoch);
    w = golden_read_in(study->file, group, name);
    snprintf(name, sizeof name, "b_epoch%s", epoch);
    b = golden_read_in(study->file, group, name);
    for (size_t k = 0; k < w.n; k++) {
        golden_close(&check, k, probe->weights[k % p + k / p * p], w.data[k], 1e-10);
    }
    for (size_t c = 0; c < b.n; c++) {
        golden_close(&check, c, probe->bias[c], b.data[c], 1e-10);
    }
    golden_report(group, &check);
    golden_free(&w);
    golden_free(&b);
}

/* The training of a group of the file, after so many epochs. */
static ba_probe_t *
train(const study_t *study, const char *group, const char *start,
    const ba_probe_data_t *data, size_t epochs, const size_t *kept, size_t n_kept)
{
    ba_probe_adam_t opts = ba_probe_adam_default();
    golden_t w0 = golden_read_in(study->file, start, "W0");
    golden_t b0 = golden_read_in(study->file, start, "b0");
    ba_probe_data_t part = *data;
    double *weights = malloc(w0.n * sizeof *weights);
    size_t *order = NULL;
    ba_probe_t *probe;

    assert_non_null(weights);
    opts.l1 = probe_attr(study->file, group, "l1");
    opts.l2 = probe_attr(study->file, group, "l2");
    opts.rate = probe_attr(study->file, group, "lr");
    opts.batch = (size_t) probe_attr(study->file, group, "bs");
    opts.epochs = epochs;
    opts.bias0 = b0.data;
    opts.weights0 = weights;
    if (kept) {
        part.columns = kept;
        part.n_neurons = n_kept;
    }
    for (size_t c = 0; c < 17; c++) {
        for (size_t k = 0; k < part.n_neurons; k++) {
            weights[k + c * part.n_neurons] = w0.data[c * 384 + (kept ? kept[k] : k)];
        }
    }
    if (strcmp(group, "/adam_stored_order") == 0) {
        golden_t stored = golden_read_in(study->file, group, "order");

        order = malloc(stored.n * sizeof *order);
        for (size_t k = 0; order && k < stored.n; k++) {
            order[k] = (size_t) stored.data[k];
        }
        opts.order = order;
        opts.n_order = stored.dims[1];
        golden_free(&stored);
    }
    if (ba_probe_adam(NULL, &part, &opts, &probe) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    golden_free(&w0);
    golden_free(&b0);
    free(weights);
    free(order);
    return probe;
}

static void
test_adam(void **state)
{
    static const struct {
        const char *group, *epoch;
    } cases[] = {{"/adam_file_order", "1"}, {"/adam_file_order", "10"},
        {"/adam_stored_order", "1"}, {"/adam_stored_order", "3"}};
    study_t study;
    ba_probe_data_t data;
    char path[TEST_PATH_SIZE];

    (void) state;
    test_need_data(path, LCA);
    open_study(&study);
    data = probe_data_view(&study.train, 17);
    for (size_t i = 0; i < 4; i++) {
        size_t epochs = strtoul(cases[i].epoch, NULL, 10);
        ba_probe_t *probe =
            train(&study, cases[i].group, cases[i].group, &data, epochs, NULL, 0);

        check_weights(&study, cases[i].group, cases[i].epoch, probe);
        ba_probe_free(probe);
    }
    close_study(&study);
}

/* The probe whose weights the file stores, with W row by row. */
static ba_probe_t
stored_probe(const study_t *study, golden_t *w, golden_t *b, double *zero, double *one)
{
    *w = golden_read(study->file, "/adam_file_order/W_epoch10");
    *b = golden_read(study->file, "/adam_file_order/b_epoch10");
    for (size_t j = 0; j < 384; j++) {
        zero[j] = 0;
        one[j] = 1;
    }
    return (ba_probe_t){.n_neurons = 384,
        .n_classes = 17,
        .weights = w->data,
        .bias = b->data,
        .center = zero,
        .scale = one};
}

/* Each of n whole numbers. */
static void
check_counts(const char *what, const uint32_t *found, const golden_t *wanted)
{
    for (size_t k = 0; k < wanted->n; k++) {
        if (found[k] != (uint32_t) wanted->data[k]) {
            fail_msg("%s: at %zu: %u, wanted %.0f", what, k, found[k], wanted->data[k]);
        }
    }
}

static void
test_order(void **state)
{
    static const char *const names[] = {"per_class", "global", "enter_step", "cutoffs"};
    double zero[384], one[384];
    study_t study;
    golden_t w, b, wanted;
    ba_probe_t probe;
    ba_probe_order_t *order;
    char path[TEST_PATH_SIZE];

    (void) state;
    test_need_data(path, LCA);
    open_study(&study);
    probe = stored_probe(&study, &w, &b, zero, one);
    assert_int_equal(ba_probe_order(&probe, &order), BA_OK);
    for (size_t i = 0; i < 4; i++) {
        const uint32_t *found[] = {
            order->per_class, order->global, order->enter, order->cutoffs};

        wanted = golden_read_in(study.file, "/ordering", names[i]);
        check_counts(names[i], found[i], &wanted);
        golden_free(&wanted);
    }
    wanted = golden_read(study.file, "/ordering/need");
    assert_all_close(order->need, wanted.data, 384, 1e-14);
    golden_free(&wanted);
    ba_probe_order_free(order);
    golden_free(&w);
    golden_free(&b);
    close_study(&study);
}

static void
check_set(const study_t *study, const ba_probe_t *probe, const char *group,
    ba_probe_set_by_t by, double value)
{
    const char *prefix = by == BA_BY_BOTTOM ? "bottom" : "top";
    const char *count = by == BA_BY_DIVISOR  ? "count_per_class"
                        : by == BA_BY_BOTTOM ? "bottom_count_per_class"
                                             : "top_count_per_class";
    golden_t list = golden_read_in(study->file, group, prefix);
    golden_t counts = golden_read_in(study->file, group, count);
    unsigned char flags[384];
    size_t n_per_class[17], n = 0;

    assert_int_equal(ba_probe_set(probe, by, value, flags, n_per_class), BA_OK);
    for (size_t j = 0; j < 384; j++) {
        n += flags[j];
    }
    assert_int_equal(n, list.n);
    for (size_t k = 0; k < list.n; k++) {
        assert_true(flags[(size_t) list.data[k]]);
    }
    for (size_t c = 0; c < 17; c++) {
        assert_int_equal(n_per_class[c], counts.data[c]);
    }
    golden_free(&list);
    golden_free(&counts);
}

static void
test_sets(void **state)
{
    static const double masses[] = {0, 0.05, 0.2, 0.5, 0.9}, divisors[] = {1.5, 2, 4};
    double zero[384], one[384];
    char group[64], path[TEST_PATH_SIZE];
    study_t study;
    golden_t w, b;
    ba_probe_t probe;

    (void) state;
    test_need_data(path, LCA);
    open_study(&study);
    probe = stored_probe(&study, &w, &b, zero, one);
    for (size_t i = 0; i < 5; i++) {
        snprintf(group, sizeof group, "/sets/mass_%g", masses[i]);
        check_set(&study, &probe, group, BA_BY_MASS, masses[i]);
        check_set(&study, &probe, group, BA_BY_BOTTOM, masses[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(group, sizeof group, "/sets/hard_%g", divisors[i]);
        check_set(&study, &probe, group, BA_BY_DIVISOR, divisors[i]);
    }
    golden_free(&w);
    golden_free(&b);
    close_study(&study);
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return x < y ? -1 : x > y;
}

/* The k neurons of one end of the order (or of the random one), ascending. */
static void
take(const uint32_t *global, const golden_t *random, size_t which, size_t k, size_t *set)
{
    for (size_t i = 0; i < k; i++) {
        set[i] = which == 0   ? global[i]
                 : which == 1 ? global[383 - i]
                              : (size_t) random->data[i];
    }
    qsort(set, k, sizeof *set, compare_sizes);
}

/* Test tokens right with the set kept, with it zeroed, and of a probe trained on it. */
static void
check_ablation(const study_t *study, const ba_probe_t *probe, const size_t *set, size_t k,
    const double wanted[3])
{
    ba_probe_data_t train_data = probe_data_view(&study->train, 17), test;
    unsigned char kept[2][384];
    ba_probe_t *again;

    test = probe_data_view(&study->test, 17);
    for (size_t j = 0; j < 384; j++) {
        kept[0][j] = 0;
        kept[1][j] = 1;
    }
    for (size_t i = 0; i < k; i++) {
        kept[0][set[i]] = 1;
        kept[1][set[i]] = 0;
    }
    again = train(study, "/adam_file_order", "/adam_file_order", &train_data, 10, set, k);
    assert_close((double) count_correct(probe, &test, kept[0]), wanted[0], 1);
    assert_close((double) count_correct(probe, &test, kept[1]), wanted[1], 1);
    test.columns = set;
    test.n_neurons = k;
    assert_close((double) count_correct(again, &test, NULL), wanted[2], 1);
    ba_probe_free(again);
}

static void
test_ablation(void **state)
{
    char path[TEST_PATH_SIZE];
    study_t study;
    ba_probe_data_t data;
    ba_probe_t *probe;
    ba_probe_order_t *order;
    golden_t sizes, random, wanted;
    size_t set[384];

    (void) state;
    test_need_data(path, LCA);
    open_study(&study);
    data = probe_data_view(&study.train, 17);
    probe = train(&study, "/adam_file_order", "/adam_file_order", &data, 10, NULL, 0);
    assert_int_equal(ba_probe_order(probe, &order), BA_OK);
    sizes = golden_read(study.file, "/ablation/k");
    random = golden_read(study.file, "/ablation/random_order");
    wanted = golden_read(study.file, "/ablation/n_correct_test");
    for (size_t which = 0; which < 3; which++) {
        for (size_t i = 0; i < sizes.n; i++) {
            size_t k = (size_t) sizes.data[i];

            take(order->global, &random, which, k, set);
            check_ablation(
                &study, probe, set, k, wanted.data + (which * sizes.n + i) * 3);
        }
    }
    golden_free(&sizes);
    golden_free(&random);
    golden_free(&wanted);
    ba_probe_order_free(order);
    ba_probe_free(probe);
    close_study(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convex),
        cmocka_unit_test(test_adam), cmocka_unit_test(test_order),
        cmocka_unit_test(test_sets), cmocka_unit_test(test_ablation)};

    return cmocka_run_group_tests_name("golden: probe", tests, NULL, NULL);
}
