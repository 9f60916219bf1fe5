/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What probes are used for, against numbers computed apart: the fewest neurons, control
 * tasks, code length. */
#include "tests/golden/probe_data.h"

#define DATA "data/tinylm_streusle/tinylm_streusle.h5"
#define LCA "golden/neurons/n1_lca.h5"
#define CONTROL "golden/neurons/n5_selectivity.h5"
#define CODE "golden/neurons/n11_structure.h5"

/* Rows 0 .. n - 1 counted from row0 on. */
static golden_t
count_rows(size_t row0, size_t n)
{
    golden_t rows = golden_new(1, &n);

    for (size_t i = 0; i < n; i++) {
        rows.data[i] = (double) (row0 + i);
    }
    return rows;
}

static ba_probe_trainer_t
trainer_of(const char *file, const golden_t *w0, const golden_t *b0, double *weights)
{
    ba_probe_trainer_t trainer = {.is_neurox = 1, .adam = ba_probe_adam_default()};

    trainer.adam.l1 = probe_attr(file, "/minimal", "l1");
    trainer.adam.l2 = probe_attr(file, "/minimal", "l2");
    trainer.adam.batch = (size_t) probe_attr(file, "/minimal", "bs");
    for (size_t c = 0; c < 17; c++) {
        for (size_t j = 0; j < 384; j++) {
            weights[j + c * 384] = w0->data[c * 384 + j];
        }
    }
    trainer.adam.weights0 = weights;
    trainer.adam.bias0 = b0->data;
    return trainer;
}

static void
check_minimal(const char *file, const ba_probe_data_t *train, const ba_probe_data_t *dev)
{
    golden_t w0 = golden_read(file, "/adam_file_order/W0");
    golden_t b0 = golden_read(file, "/adam_file_order/b0");
    golden_t global = golden_read(file, "/ordering/global");
    golden_t sizes = golden_read(file, "/minimal/k");
    golden_t right = golden_read(file, "/minimal/n_correct_dev");
    double weights[384 * 17];
    uint32_t order[384];
    ba_probe_trainer_t trainer = trainer_of(file, &w0, &b0, weights);
    ba_probe_minimal_t found;

    for (size_t j = 0; j < 384; j++) {
        order[j] = (uint32_t) global.data[j];
    }
    if (ba_probe_minimal(NULL, train, dev, &trainer, order, 0.01, &found) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(found.n_base, probe_attr(file, "/minimal", "base_n_correct_dev"));
    assert_int_equal(found.n_minimal, probe_attr(file, "/minimal", "minimal_k_delta1"));
    assert_int_equal(found.n_sizes, sizes.n);
    for (size_t i = 0; i < sizes.n; i++) {
        assert_int_equal(found.sizes[i], sizes.data[i]);
        assert_close((double) found.n_correct[i], right.data[i], 1);
    }
    if (ba_probe_minimal(NULL, train, dev, &trainer, order, 0.05, &found) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(found.n_minimal, probe_attr(file, "/minimal", "minimal_k_delta5"));
    golden_free(&w0);
    golden_free(&b0);
    golden_free(&global);
    golden_free(&sizes);
    golden_free(&right);
}

static void
test_minimal(void **state)
{
    char file[TEST_PATH_SIZE], source[TEST_PATH_SIZE];
    golden_t x, rows, labels;
    probe_data_t all;
    ba_probe_data_t train, dev;
    size_t n_dev;

    (void) state;
    test_need_data(source, DATA);
    test_need_data(file, LCA);
    x = golden_read(source, "/activations/residual");
    rows = golden_read(file, "/row_train");
    labels = golden_read(file, "/label_train");
    all = probe_data_take(&x, &rows, 384, 0, &labels);
    n_dev = (size_t) probe_attr(file, "/minimal", "n_dev");
    train = dev = probe_data_view(&all, 17);
    train.x.n_rows = all.n - n_dev;
    dev.x.n_rows = n_dev;
    dev.x.data += train.x.n_rows;
    dev.label += train.x.n_rows;
    check_minimal(file, &train, &dev);
    probe_data_free(&all);
    golden_free(&x);
    golden_free(&rows);
    golden_free(&labels);
}

/* The part of the tokens that is fitted on, or the other. */
static golden_t
part_rows(const char *file, int is_train)
{
    golden_t flags = golden_read(file, "/control/is_train"), rows;
    size_t n = 0;

    for (size_t i = 0; i < flags.n; i++) {
        n += (flags.data[i] > 0) == is_train;
    }
    rows = golden_new(1, &n);
    n = 0;
    for (size_t i = 0; i < flags.n; i++) {
        if ((flags.data[i] > 0) == is_train) {
            rows.data[n++] = (double) i;
        }
    }
    golden_free(&flags);
    return rows;
}

/* Test tokens that a probe fitted on the training tokens has right. */
static size_t
control_right(const char *file, const probe_data_t parts[2], const golden_t rows[2],
    const char *task, ba_probe_kind_t kind, double *objective)
{
    char name[32];
    golden_t labels;
    ba_probe_data_t data[2];
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *probe;
    ba_probe_score_t *score = NULL;
    double *logits = malloc(parts[1].n * 17 * sizeof *logits);
    size_t n_correct;

    snprintf(name, sizeof name, "label_%s", task);
    labels = golden_read_in(file, "/control", name);
    for (size_t k = 0; k < 2; k++) {
        data[k] = probe_data_view(&parts[k], 17);
        data[k].center = parts[0].center;
        data[k].scale = parts[0].scale;
        for (size_t i = 0; i < parts[k].n; i++) {
            parts[k].label[i] = (uint32_t) labels.data[(size_t) rows[k].data[i]];
        }
    }
    opts.kind = kind;
    opts.penalty = BA_PENALTY_SQUARED;
    opts.l1 = 0;
    opts.l2 = probe_attr(file, "/control", "softmax_l2");
    if (kind == BA_PROBE_REGRESSION) {
        opts.l2 = 2 * probe_attr(file, "/control", "ridge_alpha") / (double) parts[0].n;
    }
    opts.kkt = 1e-10;
    assert_non_null(logits);
    if (ba_probe_fit(NULL, &data[0], &opts, NULL, &probe) != BA_OK ||
        ba_probe_logits(NULL, probe, &data[1], NULL, BA_REST_ZERO, NULL, logits) !=
            BA_OK ||
        ba_probe_score(logits, parts[1].n, 17, data[1].label, &score) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    *objective = probe->objective;
    if (kind == BA_PROBE_REGRESSION) {
        golden_t b;

        snprintf(name, sizeof name, "ridge_B_%s", task);
        b = golden_read_in(file, "/control", name);
        for (size_t k = 0; k < b.n; k++) {
            assert_close(probe->weights[k / 17 + k % 17 * 64], b.data[k], 1e-8);
        }
        golden_free(&b);
    }
    n_correct = score->n_correct;
    ba_probe_score_free(score);
    ba_probe_free(probe);
    golden_free(&labels);
    free(logits);
    return n_correct;
}

static void
test_control(void **state)
{
    static const char *const tasks[] = {"task", "same", "uniform"};
    char file[TEST_PATH_SIZE], source[TEST_PATH_SIZE], name[48];
    golden_t x, columns, rows[2], none;
    probe_data_t parts[2];
    double objective;

    (void) state;
    test_need_data(source, DATA);
    test_need_data(file, CONTROL);
    columns = golden_read(file, "/control/column");
    x = golden_read(
        source, columns.data[0] < 384 ? "/activations/residual" : "/activations/ffn");
    for (size_t k = 0; k < 2; k++) {
        rows[k] = part_rows(file, k == 0);
        none = count_rows(0, rows[k].n);
        parts[k] =
            probe_data_take(&x, &rows[k], 64, (size_t) columns.data[0] % 384, &none);
        golden_free(&none);
    }
    assert_int_equal(columns.data[63] - columns.data[0], 63);
    assert_int_equal(ba_probe_scale(NULL,
                         &(ba_probe_data_t){.x = {parts[0].x, parts[0].n, 64, parts[0].n},
                             .n_neurons = 64},
                         parts[0].center, parts[0].scale, NULL),
        BA_OK);
    for (size_t i = 0; i < 3; i++) {
        size_t n =
            control_right(file, parts, rows, tasks[i], BA_PROBE_SOFTMAX, &objective);

        snprintf(name, sizeof name, "softmax_%s", tasks[i]);
        assert_close((double) n, probe_attr(file, "/control", name), 1);
        snprintf(name, sizeof name, "softmax_objective_%s", tasks[i]);
        assert_close(objective, probe_attr(file, "/control", name), 1e-10);
        n = control_right(file, parts, rows, tasks[i], BA_PROBE_REGRESSION, &objective);
        snprintf(name, sizeof name, "ridge_%s", tasks[i]);
        assert_close((double) n, probe_attr(file, "/control", name), 1);
    }
    for (size_t k = 0; k < 2; k++) {
        golden_free(&rows[k]);
        probe_data_free(&parts[k]);
    }
    golden_free(&columns);
    golden_free(&x);
}

static void
test_code_length(void **state)
{
    char file[TEST_PATH_SIZE], source[TEST_PATH_SIZE];
    golden_t x, rows, labels, order, cuts, bits;
    golden_check_t check = {.what = "bits"};
    probe_data_t all;
    ba_probe_data_t data;
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_code_t code;
    size_t *sent;

    (void) state;
    test_need_data(source, DATA);
    test_need_data(file, CODE);
    x = golden_read(source, "/activations/residual");
    rows = golden_read(file, "/mdl/row");
    labels = golden_read(file, "/mdl/label");
    order = golden_read(file, "/mdl/order");
    cuts = golden_read(file, "/mdl/cut");
    bits = golden_read(file, "/mdl/block_bits");
    all = probe_data_take(&x, &rows, 64, 192, &labels);
    data = probe_data_view(&all, (size_t) probe_attr(file, "/mdl", "n_classes"));
    sent = malloc(order.n * sizeof *sent);
    assert_non_null(sent);
    /* The labels stand in the order of the code already. */
    for (size_t i = 0; i < order.n; i++) {
        sent[i] = (size_t) order.data[i];
        all.label[sent[i]] = (uint32_t) labels.data[i];
    }
    opts.penalty = BA_PENALTY_SQUARED;
    opts.l1 = 0;
    opts.l2 = probe_attr(file, "/mdl", "l2");
    opts.kkt = 1e-11;
    if (ba_probe_code_length(NULL, &data, &opts, sent, 1, &code) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(code.n_cuts, cuts.n);
    for (size_t i = 0; i < cuts.n; i++) {
        assert_int_equal(code.cut[i], cuts.data[i]);
        golden_close(&check, i, code.bits[i], bits.data[i], 1e-6);
    }
    assert_close(code.total, probe_attr(file, "/mdl", "total_bits"), 1e-6);
    assert_close(code.uniform, probe_attr(file, "/mdl", "uniform_bits"), 1e-9);
    golden_report("code length", &check);
    free(sent);
    golden_free(&x);
    golden_free(&rows);
    golden_free(&labels);
    golden_free(&order);
    golden_free(&cuts);
    golden_free(&bits);
    probe_data_free(&all);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_control), cmocka_unit_test(test_code_length)};

    return cmocka_run_group_tests_name("golden: uses of probes", tests, NULL, NULL);
}
