/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores by the order of the values of a neuron against the reference numbers of golden
 * file N4, and the figures of scikit-learn that came with the data. */
#include "tests/golden/rank_golden.h"

#define FIGURES "data/tinylm_streusle/reference_ap.csv"
#define N4 "golden/neurons/n4_rank_metrics.h5"
#define N_EXTRA 13

/* The columns of N4: all neurons, then rounded, constant, negated and binary ones. */
static void
make_columns(const char *data, made_t *made)
{
    golden_t residual = golden_read(data, "/activations/residual");
    golden_t ffn = golden_read(data, "/activations/ffn");

    made->x = calloc((size_t) N_DEV * (N_NEURONS + N_EXTRA), sizeof(double));
    assert_non_null(made->x);
    for (size_t i = 0; i < N_DEV; i++) {
        for (size_t j = 0; j < N_NEURONS; j++) {
            made->x[i + j * N_DEV] =
                j < 384 ? residual.data[i * 384 + j] : ffn.data[i * 860 + j - 384];
        }
        for (size_t k = 0; k < N_EXTRA; k++) {
            double *at = &made->x[i + (N_NEURONS + k) * N_DEV];

            if (k < 6) {
                *at = rint(made->x[i + k * N_DEV] * 4) / 4;
            } else if (k < 8) {
                *at = k == 6 ? 0 : 3.5;
            } else {
                *at = k == 8 ? -made->x[i] : made->x[i + (k - 9) * N_DEV] > 0.5;
            }
        }
    }
    golden_free(&residual);
    golden_free(&ffn);
}

/* The setting of N4: labels of the file and a concept that nothing carries. */
static void
make_n4(const char *data, made_t *made)
{
    setting_t setting;

    open_setting(data, "upos", N_DEV, 0, &setting);
    make_columns(data, made);
    made->concept = malloc(N_DEV * sizeof(uint32_t));
    assert_non_null(made->concept);
    for (size_t i = 0; i < N_DEV; i++) {
        assert_int_equal(setting.concepts->first[i], i);
        made->concept[i] = setting.concepts->concept[i];
    }
    make_setting(made, N_DEV, N_NEURONS + N_EXTRA, 18);
    close_setting(&setting);
}

/* One quantile's slice of an array neurons x quantiles x classes. */
static golden_t
slice(const golden_t *all, size_t k)
{
    golden_t part = golden_new(2, (size_t[]){all->dims[0], all->dims[2]});

    for (size_t i = 0; i < part.n; i++) {
        part.data[i] = all->data[(i / all->dims[2] * all->dims[1] + k) * all->dims[2] +
                                 i % all->dims[2]];
    }
    return part;
}

static void
check_iou(const char *file, const made_t *made)
{
    golden_t quantile = golden_read(file, "/quantile"), all = golden_read(file, "/iou");

    for (size_t k = 0; k < quantile.n; k++) {
        ba_rank_opts_t opts = plain("iou");
        golden_t wanted = slice(&all, k);
        ba_ranking_t *ranking;

        opts.quantiles = &quantile.data[k];
        opts.n_quantiles = 1;
        ranking = rank_with(&made->setting, &opts, NULL);
        compare("/iou", ranking->score, &wanted, true, 0, 1e-7);
        ba_ranking_free(ranking);
        golden_free(&wanted);
    }
    golden_free(&quantile);
    golden_free(&all);
}

/* p of float32 is compared where it has all its digits. */
static void
check_p(const char *file, const double *found)
{
    golden_t wanted = golden_read(file, "/p_two_sided");
    golden_check_t check = {.what = "/p_two_sided (relative)"};

    for (size_t i = 0; i < wanted.n; i++) {
        double got = found[i % 18 * (N_NEURONS + N_EXTRA) + i / 18];

        if (isnan(wanted.data[i])) {
            assert_true(isnan(got));
        } else if (wanted.data[i] > 1e-30) {
            golden_close(&check, i, got / wanted.data[i], 1, 1e-6);
        }
    }
    golden_report("rank", &check);
    golden_free(&wanted);
}

/* 2 U of the positives is an exact integer. */
static void
check_pairs(const char *file, const double *auroc, const size_t *n_positive)
{
    golden_t wanted = golden_read(file, "/u2");

    for (size_t i = 0; i < wanted.n; i++) {
        size_t c = i % 18, n = n_positive[c];
        double pairs = (double) (n * (N_DEV - n));

        if (n > 0) {
            double u2 = 2 * pairs * auroc[c * (N_NEURONS + N_EXTRA) + i / 18];

            assert_true(fabs(u2 - wanted.data[i]) < 1e-3);
        }
    }
    golden_free(&wanted);
}

static void
check_on_values(const char *file, const ba_rank_report_t *report)
{
    static const char *const paths[] = {"/on_p50", "/on_p90", "/off_mean"};
    const double *found[] = {report->on_p50, report->on_p90, report->off_mean};

    for (size_t k = 0; k < 3; k++) {
        golden_t wanted = golden_read(file, paths[k]);
        golden_check_t check = {.what = paths[k]};

        for (size_t i = 0; i < wanted.n; i++) {
            golden_close(&check, i, found[k][i % 17 * (N_NEURONS + N_EXTRA) + i / 17],
                wanted.data[i], 1e-12);
        }
        golden_report("rank", &check);
        golden_free(&wanted);
    }
}

/* One walk gives average precision, AUROC, p and the values of expert units. */
static void
test_sorted(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("expert");
    made_t made = {0};
    ba_ranking_t *ranking;
    ba_rank_report_t *report;

    (void) state;
    test_need_data(file, N4);
    test_need_data(data, DATA);
    make_n4(data, &made);
    opts.token_p = opts.sorted_scores = 1;
    ranking = rank_with(&made.setting, &opts, &report);
    compare_set(file, "/ap", ranking->score, true, 1e-12);
    compare_set(file, "/auroc", report->auroc, true, 1e-12);
    check_p(file, ranking->p);
    check_pairs(file, report->auroc, report->n_positive);
    check_on_values(file, report);
    assert_int_equal(report->n_undefined[17], N_NEURONS + N_EXTRA);
    assert_int_equal(report->n_undefined[0], 0);
    check_iou(file, &made);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    made_free(&made);
}

/* What NeuroX calls IoU: average precision of values below .05 set to 0. */
static void
test_thresholded(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("ap");
    made_t made = {0};
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N4);
    test_need_data(data, DATA);
    make_n4(data, &made);
    for (size_t i = 0; i < (size_t) N_DEV * (N_NEURONS + N_EXTRA); i++) {
        made.x[i] = fabs(made.x[i]) < 0.05 ? 0 : made.x[i];
    }
    ranking = rank_with(&made.setting, &opts, NULL);
    compare_set(file, "/thresholded/ap", ranking->score + 7 * (N_NEURONS + N_EXTRA),
        false, 1e-12);
    ba_ranking_free(ranking);
    made_free(&made);
}

/* One line of the figures: label, concept, neuron, AP on dev and on test. */
static bool
read_figure(
    FILE *stream, char *label, char *concept, size_t *neuron, double *dev, double *test)
{
    char line[256];

    return fgets(line, sizeof line, stream) &&
           sscanf(line, "%31[^,],%63[^,],%zu,%lf,%lf", label, concept, neuron, dev,
               test) == 5;
}

/* The ten best neurons of a concept, in order, with AP on both parts to the six digits
 * given. */
static void
test_figures(void **state)
{
    static const char *const columns[] = {"upos", "supersense", "xpos"};
    char path[TEST_PATH_SIZE], data[TEST_PATH_SIZE], line[256], label[32], concept[64];
    golden_check_t check = {.what = "reference_ap.csv"};
    size_t n_lines = 0;

    (void) state;
    test_need_data(path, FIGURES);
    test_need_data(data, DATA);
    for (size_t k = 0; k < 3; k++) {
        FILE *stream = fopen(path, "r");
        ba_rank_opts_t opts = plain("ap");
        setting_t setting;
        ba_ranking_t *ranking;
        ba_rank_report_t *report;
        size_t neuron, rank = 0, c = 0;
        double dev, test;

        assert_non_null(stream);
        assert_non_null(fgets(line, sizeof line, stream));
        open_setting(data, columns[k], N_DEV, 10777 - N_DEV, &setting);
        ranking = rank_with(&setting, &opts, &report);
        while (read_figure(stream, label, concept, &neuron, &dev, &test)) {
            if (strcmp(label, columns[k]) != 0) {
                continue;
            }
            if (strcmp(ranking->concepts[c], concept) != 0) {
                for (c = 0, rank = 0; strcmp(ranking->concepts[c], concept) != 0; c++) {
                }
            }
            assert_int_equal(ranking->order[c * N_NEURONS + rank++], neuron);
            golden_close(
                &check, n_lines, ranking->score[c * N_NEURONS + neuron], dev, 5.1e-7);
            golden_close(
                &check, n_lines++, report->test[c * N_NEURONS + neuron], test, 5.1e-7);
        }
        fclose(stream);
        ba_ranking_free(ranking);
        ba_rank_report_free(report);
        close_setting(&setting);
    }
    assert_int_equal(n_lines, 180);
    golden_report("rank", &check);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_thresholded),
        cmocka_unit_test(test_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
