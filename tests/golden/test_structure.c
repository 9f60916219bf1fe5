/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clusters and factors against golden file N11, scores of explanations against N10. */
#include "tests/golden/golden.h"

#include "brainalign/cluster.h"
#include "brainalign/cosy.h"

#define N10 "golden/neurons/n10_cosy.h5"
#define N11 "golden/neurons/n11_structure.h5"
#define STREUSLE "data/tinylm_streusle/tinylm_streusle.h5"

/* Rows and columns of the activations, residual then ffn; column-major. */
static double *
activations(const char *file, const golden_t *rows, const golden_t *columns)
{
    golden_t residual = golden_read(file, "activations/residual");
    golden_t ffn = golden_read(file, "activations/ffn");
    double *x = malloc(rows->n * columns->n * sizeof *x);

    assert_non_null(x);
    for (size_t j = 0; j < columns->n; j++) {
        size_t neuron = (size_t) columns->data[j];
        const golden_t *from = neuron < 384 ? &residual : &ffn;
        size_t column = neuron < 384 ? neuron : neuron - 384;

        for (size_t i = 0; i < rows->n; i++) {
            x[i + j * rows->n] =
                from->data[(size_t) rows->data[i] * from->dims[1] + column];
        }
    }
    golden_free(&residual);
    golden_free(&ffn);
    return x;
}

static double *
cluster_data(const char *file, golden_t *rows, golden_t *columns)
{
    char data[TEST_PATH_SIZE];

    if (!test_data_path(data, sizeof data, STREUSLE)) {
        return NULL;
    }
    *rows = golden_read(file, "cluster/row");
    *columns = golden_read(file, "cluster/column");
    return activations(data, rows, columns);
}

static void
check_labels(const char *file, const char *path, const ba_clusters_t *found)
{
    golden_t wanted = golden_read(file, path);

    for (size_t i = 0; i < wanted.n; i++) {
        assert_int_equal(found->label[i], wanted.data[i]);
    }
    golden_free(&wanted);
}

static void
check_clusters(int is_signed, const char *group)
{
    static const double cuts[] = {0.3, 0.5, 0.7};
    golden_check_t check = {.what = group};
    char file[TEST_PATH_SIZE], path[TEST_PATH_SIZE], name[32];
    ba_ctx_t ctx = ba_ctx_default();
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    golden_t rows, columns, height;
    double *x;

    test_need_data(file, N11);
    x = cluster_data(file, &rows, &columns);
    if (!x) {
        test_skip("no data folder");
    }
    test_join(path, group, "merge_height");
    height = golden_read(file, path);
    opts.is_signed = is_signed;
    for (size_t c = 0; c < 3; c++) {
        ba_cdmat_t view = {x, rows.n, columns.n, rows.n};
        ba_clusters_t *found;

        opts.cut = cuts[c];
        assert_int_equal(ba_neurons_cluster(&ctx, view, &opts, &found), 0);
        for (size_t k = 0; k < height.n; k++) {
            golden_close(
                &check, k, found->height[k], height.data[k], 1e-9 * fabs(height.data[k]));
        }
        snprintf(name, sizeof name, "label_%.1f", cuts[c]);
        test_join(path, group, name);
        check_labels(file, path, found);
        opts.n_clusters = found->n_clusters;
        ba_clusters_free(found);
        opts.cut = 0.0;
        assert_int_equal(ba_neurons_cluster(&ctx, view, &opts, &found), 0);
        check_labels(file, path, found);
        ba_clusters_free(found);
        opts.n_clusters = 0;
    }
    golden_report("N11", &check);
    golden_free(&height);
    golden_free(&rows);
    golden_free(&columns);
    free(x);
}

static void
test_clusters(void **state)
{
    (void) state;
    check_clusters(0, "cluster/abs");
    check_clusters(1, "cluster/signed");
}

/* C order to column-major. */
static double *
turned(const golden_t *from)
{
    double *to = malloc(from->n * sizeof *to);

    assert_non_null(to);
    for (size_t i = 0; i < from->n; i++) {
        to[i / from->dims[1] + i % from->dims[1] * from->dims[0]] = from->data[i];
    }
    return to;
}

static void
check_factor(const char *file, const char *path, const double *found)
{
    golden_check_t check = {.what = path};
    golden_t wanted = golden_read(file, path);
    double *columns = turned(&wanted), largest = 0.0;

    for (size_t i = 0; i < wanted.n; i++) {
        largest = fmax(largest, fabs(columns[i]));
    }
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found[i], columns[i], 1e-9 * largest);
    }
    golden_report("N11", &check);
    free(columns);
    golden_free(&wanted);
}

static void
test_factors(void **state)
{
    golden_check_t check = {.what = "nmf/objective"};
    char file[TEST_PATH_SIZE];
    ba_ctx_t ctx = ba_ctx_default();
    golden_t rows, columns, w0, h0, objective;
    double *x, *part, *w, *h, found[200];
    size_t n_done;

    (void) state;
    test_need_data(file, N11);
    x = cluster_data(file, &rows, &columns);
    if (!x) {
        test_skip("no data folder");
    }
    part = malloc(400 * 64 * sizeof *part);
    assert_non_null(part);
    for (size_t j = 0; j < 64; j++) {
        for (size_t i = 0; i < 400; i++) {
            part[i + j * 400] = fmax(x[i + (128 + j) * rows.n], 0.0);
        }
    }
    w0 = golden_read(file, "nmf/W0");
    h0 = golden_read(file, "nmf/H0");
    objective = golden_read(file, "nmf/objective");
    w = turned(&w0);
    h = turned(&h0);
    assert_int_equal(ba_nmf_run(&ctx, (ba_cdmat_t){part, 400, 64, 400}, 8, 200, 0.0, w, h,
                         found, &n_done),
        0);
    assert_int_equal(n_done, 200);
    for (size_t i = 0; i < 200; i++) {
        golden_close(&check, i, found[i], objective.data[i], 1e-9 * objective.data[i]);
    }
    golden_report("N11", &check);
    check_factor(file, "nmf/W", w);
    check_factor(file, "nmf/H", h);
    golden_free(&rows);
    golden_free(&columns);
    golden_free(&w0);
    golden_free(&h0);
    golden_free(&objective);
    free(x);
    free(part);
    free(w);
    free(h);
}

static void
check_cosy(golden_check_t *check, size_t i, const ba_cosy_t *found, const double *wanted)
{
    golden_close(check, i, found->auc, wanted[0], 1e-12);
    golden_close(check, i, found->mad, wanted[1], 1e-12 * fmax(1.0, fabs(wanted[1])));
    golden_close(check, i, found->u, wanted[2], 0.0);
    golden_close(check, i, found->p, wanted[3], 1e-10 * wanted[3]);
}

static void
test_cosy_synthetic(void **state)
{
    static const char *const names[] = {"synthetic/all_equal",
        "synthetic/constant_control", "synthetic/exact_small",
        "synthetic/large_n_no_ties", "synthetic/ties"};
    golden_check_t check = {.what = "synthetic"};
    char file[TEST_PATH_SIZE];

    (void) state;
    test_need_data(file, N10);
    for (size_t i = 0; i < 5; i++) {
        golden_t a0 = golden_read_in(file, names[i], "a0");
        golden_t a1 = golden_read_in(file, names[i], "a1");
        golden_t wanted = golden_read_in(file, names[i], "auc_mad_u1_p");
        ba_cosy_t found;

        assert_int_equal(ba_cosy(a0.data, a0.n, a1.data, a1.n, &found), 0);
        check_cosy(&check, i, &found, wanted.data);
        golden_free(&a0);
        golden_free(&a1);
        golden_free(&wanted);
    }
    golden_report("N10", &check);
}

static void
check_concept(const char *file, const char *group, const double *control, size_t n0,
    const golden_t *neurons, const char *data)
{
    static const char *const names[] = {"auc", "mad", "u1", "p"};
    golden_check_t check = {.what = group};
    golden_t rows = golden_read_in(file, group, "row"), wanted[4];
    double *x = activations(data, &rows, neurons);

    for (int k = 0; k < 4; k++) {
        wanted[k] = golden_read_in(file, group, names[k]);
    }
    for (size_t j = 0; j < neurons->n; j++) {
        ba_cosy_t found;
        double row[4];

        for (int k = 0; k < 4; k++) {
            row[k] = wanted[k].data[j];
        }
        assert_int_equal(
            ba_cosy(control + j * n0, n0, x + j * rows.n, rows.n, &found), 0);
        check_cosy(&check, j, &found, row);
    }
    golden_report("N10", &check);
    for (int k = 0; k < 4; k++) {
        golden_free(&wanted[k]);
    }
    golden_free(&rows);
    free(x);
}

static void
test_cosy_concepts(void **state)
{
    static const char *const groups[] = {"concept/list_food", "concept/list_say_verb",
        "concept/ss_n.PERSON", "concept/upos_NUM"};
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    golden_t neurons, rows;
    double *control;

    (void) state;
    test_need_data(file, N10);
    test_need_data(data, STREUSLE);
    neurons = golden_read(file, "neuron");
    rows = golden_read(file, "row_control");
    control = activations(data, &rows, &neurons);
    for (size_t i = 0; i < 4; i++) {
        check_concept(file, groups[i], control, rows.n, &neurons, data);
    }
    golden_free(&neurons);
    golden_free(&rows);
    free(control);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_cosy_synthetic),
        cmocka_unit_test(test_cosy_concepts),
    };

    return cmocka_run_group_tests_name("structure", tests, NULL, NULL);
}
