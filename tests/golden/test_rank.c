/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rankings of the neurons of a real model against the reference numbers of golden files N2
 * to N5 and N11 and the figures of scikit-learn that came with the data. */
#include "tests/golden/golden.h"

#include "brainalign/rank.h"

#include <stdbool.h>

#define DATA "data/tinylm_streusle/tinylm_streusle.h5"
#define FIGURES "data/tinylm_streusle/reference_ap.csv"
#define N2 "golden/neurons/n2_probeless.h5"
#define N3 "golden/neurons/n3_gaussian.h5"
#define N4 "golden/neurons/n4_rank_metrics.h5"
#define N5 "golden/neurons/n5_selectivity.h5"
#define N11 "golden/neurons/n11_structure.h5"

#define N_DEV 5396
#define N_NEURONS 1244
#define N_EXTRA 13

/* Labels of a column of the data, and the split that the golden file used. */
typedef struct {
    ba_activations_t *activations;
    ba_concepts_t *concepts;
    ba_token_split_t split;
} setting_t;

static size_t *
count_up(size_t start, size_t n)
{
    size_t *rows = malloc(n * sizeof *rows);

    assert_non_null(rows);
    for (size_t i = 0; i < n; i++) {
        rows[i] = start + i;
    }
    return rows;
}

/* Activations of the file, one column of labels, rows 0 .. n_train - 1 to fit on. */
static void
open_setting(const char *data, const char *column, size_t n_train, size_t n_test,
    setting_t *setting)
{
    char residual[TEST_PATH_SIZE + 64], ffn[TEST_PATH_SIZE + 64],
        labels[TEST_PATH_SIZE + 64];
    const char *files[] = {residual, ffn};
    const char *sources[] = {labels};
    ba_activations_opts_t opts = {.files = files, .n_files = 2};
    ba_concepts_opts_t wanted = {.labels = sources, .n_labels = 1};

    snprintf(residual, sizeof residual, "residual=%s:/activations/residual", data);
    snprintf(ffn, sizeof ffn, "ffn=%s:/activations/ffn", data);
    snprintf(labels, sizeof labels, "%s:/token/%s", data, column);
    if (ba_activations_open(NULL, &opts, &setting->activations) != 0 ||
        ba_concepts_read(NULL, &wanted, setting->activations, &setting->concepts) != 0) {
        fail_msg("%s", ba_error_message());
    }
    setting->split = (ba_token_split_t){.train = count_up(0, n_train),
        .test = count_up(n_train, n_test),
        .n_train = n_train,
        .n_test = n_test};
}

static void
close_setting(setting_t *setting)
{
    ba_activations_free(setting->activations);
    ba_concepts_free(setting->concepts);
    free(setting->split.train);
    free(setting->split.test);
}

static ba_ranking_t *
rank_with(const setting_t *setting, const ba_rank_opts_t *opts, ba_rank_report_t **report)
{
    ba_rank_data_t data = {setting->activations, setting->concepts, &setting->split};
    ba_ranking_t *ranking;

    if (ba_neurons_rank(NULL, &data, opts, &ranking, report) != 0) {
        fail_msg("%s", ba_error_message());
    }
    return ranking;
}

/* Raw activations, nothing besides. */
static ba_rank_opts_t
plain(const char *method)
{
    ba_rank_opts_t opts = ba_rank_opts_default();

    opts.method = method;
    opts.zscore = 0;
    opts.n_halves = 0;
    return opts;
}

/* found (row by row) against a data set that is concepts x neurons, or neurons x concepts
 * where turned; NaN must be NaN. */
static void
compare(const char *what, const double *found, const golden_t *wanted, bool turned,
    double absolute, double relative)
{
    golden_check_t check = {.what = what};
    size_t n_rows = wanted->rank == 2 ? wanted->dims[turned ? 1 : 0] : 1;
    size_t n_cols = wanted->n / n_rows;

    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < n_cols; j++) {
            double want = wanted->data[turned ? j * n_rows + r : r * n_cols + j];
            double got = found[r * n_cols + j];

            if (isnan(want)) {
                assert_true(isnan(got));
            } else {
                golden_close(
                    &check, r * n_cols + j, got, want, absolute + relative * fabs(want));
            }
        }
    }
    golden_report("rank", &check);
}

static void
compare_set(
    const char *file, const char *path, const double *found, bool turned, double absolute)
{
    golden_t wanted = golden_read(file, path);

    compare(path, found, &wanted, turned, absolute, 0);
    golden_free(&wanted);
}

static void
compare_order(const char *file, const char *path, const uint32_t *found)
{
    golden_t wanted = golden_read(file, path);

    for (size_t i = 0; i < wanted.n; i++) {
        if (found[i] != (uint32_t) wanted.data[i]) {
            fail_msg(
                "%s: at %zu: neuron %u, wanted %g", path, i, found[i], wanted.data[i]);
        }
    }
    golden_free(&wanted);
}

static void
test_probeless(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("probeless");
    setting_t setting;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N2);
    test_need_data(data, DATA);
    open_setting(data, "upos", N_DEV, 0, &setting);
    ranking = rank_with(&setting, &opts, NULL);
    assert_int_equal(ranking->n_concepts, 18);
    assert_string_equal(ranking->concepts[17], "*");
    compare_set(file, "/score_per_class", ranking->score, false, 1e-11);
    compare_set(file, "/score_global", ranking->score + 17 * N_NEURONS, false, 1e-10);
    compare_order(file, "/order_per_class", ranking->order);
    compare_order(file, "/order_global", ranking->order + 17 * N_NEURONS);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

/* Neurons and labels made in memory; everything borrowed but the source. */
typedef struct {
    ba_activations_t activations;
    ba_concepts_t concepts;
    setting_t setting;
    double *x;
    size_t *zeros, *columns, *first;
    uint32_t *concept;
    ba_word_class_t classes[32];
    unsigned char is_words[32];
    char *names[32];
} made_t;

static void
make_setting(made_t *made, size_t n_rows, size_t n_neurons, size_t n_concepts)
{
    static char component[] = "neurons";
    static char *components[] = {component};
    static char name[] = "concept";

    made->zeros = calloc(n_neurons, sizeof(size_t));
    made->columns = count_up(0, n_neurons);
    made->first = count_up(0, n_rows + 1);
    assert_non_null(made->zeros);
    for (size_t c = 0; c < n_concepts; c++) {
        made->names[c] = name;
        made->classes[c] = BA_CLASS_UNKNOWN;
    }
    made->activations = (ba_activations_t){.n_tokens = n_rows,
        .neurons = {.n_neurons = n_neurons,
            .layer = made->zeros,
            .unit = made->columns,
            .component = made->zeros,
            .n_components = 1,
            .component_names = components},
        .file_column = made->columns};
    assert_int_equal(ba_source_from_memory(made->x, n_rows, n_neurons, n_rows, "made",
                         &made->activations.source),
        0);
    made->concepts = (ba_concepts_t){.n_tokens = n_rows,
        .n_concepts = n_concepts,
        .names = made->names,
        .classes = made->classes,
        .is_words = made->is_words,
        .first = made->first,
        .concept = made->concept,
        .is_exclusive = 1};
    made->setting = (setting_t){&made->activations, &made->concepts,
        {.train = count_up(0, n_rows), .n_train = n_rows}};
}

static void
made_free(made_t *made)
{
    ba_source_close(made->activations.source);
    free(made->setting.split.train);
    free(made->x);
    free(made->zeros);
    free(made->columns);
    free(made->first);
    free(made->concept);
}

static void
test_probeless_ties(void **state)
{
    char file[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("probeless");
    golden_t x, y;
    made_t made = {0};
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N2);
    x = golden_read(file, "/synthetic/x");
    y = golden_read(file, "/synthetic/y");
    made.x = malloc(x.n * sizeof(double));
    made.concept = malloc(y.n * sizeof(uint32_t));
    assert_non_null(made.x);
    assert_non_null(made.concept);
    for (size_t i = 0; i < x.n; i++) {
        made.x[i / 24 + i % 24 * 60] = x.data[i];
    }
    for (size_t i = 0; i < y.n; i++) {
        made.concept[i] = (uint32_t) y.data[i];
    }
    make_setting(&made, 60, 24, 4);
    ranking = rank_with(&made.setting, &opts, NULL);
    compare_set(file, "/synthetic/score_per_class", ranking->score, false, 1e-11);
    compare_set(file, "/synthetic/score_global", ranking->score + 4 * 24, false, 1e-11);
    compare_order(file, "/synthetic/order_global", ranking->order + 4 * 24);
    ba_ranking_free(ranking);
    golden_free(&x);
    golden_free(&y);
    made_free(&made);
}

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

static void
test_selectivity(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("concept-selectivity");
    setting_t setting;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N5);
    test_need_data(data, DATA);
    open_setting(data, "upos", N_DEV, 0, &setting);
    ranking = rank_with(&setting, &opts, NULL);
    compare_set(file, "/concept_selectivity", ranking->score, true, 1e-10);
    ba_ranking_free(ranking);
    opts.direction = BA_RANK_EITHER;
    ranking = rank_with(&setting, &opts, NULL);
    compare_order(file, "/concept_selectivity_order", ranking->order);
    ba_ranking_free(ranking);
    opts = plain("mean");
    ranking = rank_with(&setting, &opts, NULL);
    compare_set(file, "/mean_difference", ranking->score, true, 1e-10);
    compare_order(file, "/mean_select_order", ranking->order);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

static void
test_welch(void **state)
{
    static const size_t classes[] = {7, 15, 12};
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("welch");
    golden_t t, p, q, top;
    setting_t setting;
    ba_ranking_t *ranking;
    golden_check_t checks[] = {
        {.what = "/welch/t"}, {.what = "/welch/p"}, {.what = "/welch/p_bh"}};

    (void) state;
    test_need_data(file, N5);
    test_need_data(data, DATA);
    t = golden_read(file, "/welch/t");
    p = golden_read(file, "/welch/p");
    q = golden_read(file, "/welch/p_bh");
    top = golden_read(file, "/welch/top");
    open_setting(data, "upos", N_DEV, 0, &setting);
    opts.token_p = 1;
    ranking = rank_with(&setting, &opts, NULL);
    for (size_t i = 0; i < t.n; i++) {
        size_t at = classes[i / N_NEURONS] * N_NEURONS + i % N_NEURONS;

        golden_close(&checks[0], i, ranking->score[at], t.data[i], 1e-10);
        golden_close(&checks[1], i, ranking->p[at], p.data[i], 1e-10);
        golden_close(&checks[2], i, ranking->q[at], q.data[i], 1e-10);
    }
    for (size_t i = 0; i < top.n; i++) {
        assert_int_equal(
            ranking->order[classes[i / 12] * N_NEURONS + i % 12], top.data[i]);
    }
    for (size_t k = 0; k < 3; k++) {
        golden_report("rank", &checks[k]);
    }
    golden_free(&t);
    golden_free(&p);
    golden_free(&q);
    golden_free(&top);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

/* Rows of a golden list, and the labels of N3 (0 .. 5) as concepts. */
static size_t *
list_of(const char *file, const char *path, size_t *n)
{
    golden_t rows = golden_read(file, path);
    size_t *list = malloc(rows.n * sizeof *list);

    assert_non_null(list);
    for (size_t i = 0; i < rows.n; i++) {
        list[i] = (size_t) rows.data[i];
    }
    *n = rows.n;
    golden_free(&rows);
    return list;
}

static void
check_variant(const char *file, const char *group, ba_gaussian_variant_t variant,
    const setting_t *setting)
{
    ba_rank_opts_t opts = plain("gaussian");
    ba_ranking_t *ranking;
    ba_rank_report_t *report;
    golden_t bits = golden_read_in(file, group, "mi_bit");
    golden_t nmi = golden_read_in(file, group, "nmi");
    golden_t pick = golden_read_in(file, group, "pick");
    golden_check_t checks[] = {{.what = "mi_bit"}, {.what = "nmi"}};

    opts.gaussian = variant;
    opts.n_picks = 10;
    ranking = rank_with(setting, &opts, &report);
    assert_int_equal(ranking->n_concepts, 1);
    assert_int_equal(report->n_picks, 10);
    for (size_t k = 0; k < 10; k++) {
        golden_close(&checks[0], k, report->bits[k], bits.data[k], 1e-9);
        golden_close(&checks[1], k, report->nmi[k], nmi.data[k], 1e-9);
        assert_int_equal(report->pick[k], pick.data[k]);
        assert_int_equal(ranking->order[k], pick.data[k]);
    }
    golden_report(group, &checks[0]);
    golden_report(group, &checks[1]);
    golden_free(&bits);
    golden_free(&nmi);
    golden_free(&pick);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
}

static void
test_gaussian(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE], spec[TEST_PATH_SIZE + 64];
    const char *files[] = {spec};
    ba_activations_opts_t opts = {.files = files, .n_files = 1};
    setting_t setting, narrow;

    (void) state;
    test_need_data(file, N3);
    test_need_data(data, DATA);
    open_setting(data, "upos", 1, 1, &setting);
    snprintf(spec, sizeof spec, "%s:/activations/residual[,192:256]", data);
    narrow = setting;
    assert_int_equal(ba_activations_open(NULL, &opts, &narrow.activations), 0);
    narrow.split.train = list_of(file, "/row_train", &narrow.split.n_train);
    narrow.split.test = list_of(file, "/row_dev", &narrow.split.n_test);
    check_variant(file, "/authors", BA_GAUSSIAN_AUTHORS, &narrow);
    check_variant(file, "/pitfalls", BA_GAUSSIAN_PITFALLS, &narrow);
    check_variant(file, "/neurox", BA_GAUSSIAN_NEUROX, &narrow);
    ba_activations_free(narrow.activations);
    free(narrow.split.train);
    free(narrow.split.test);
    close_setting(&setting);
}

static void
test_information(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("mi");
    golden_check_t check = {.what = "/mutual_information/mi_bit"};
    golden_t bits, neuron;
    setting_t setting;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N11);
    test_need_data(data, DATA);
    bits = golden_read(file, "/mutual_information/mi_bit");
    neuron = golden_read(file, "/mutual_information/neuron");
    open_setting(data, "upos", N_DEV, 0, &setting);
    ranking = rank_with(&setting, &opts, NULL);
    for (size_t i = 0; i < bits.n; i++) {
        golden_close(&check, i, ranking->score[17 * N_NEURONS + (size_t) neuron.data[i]],
            bits.data[i], 1e-12);
    }
    golden_report("rank", &check);
    golden_free(&bits);
    golden_free(&neuron);
    ba_ranking_free(ranking);
    close_setting(&setting);
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
        cmocka_unit_test(test_probeless),
        cmocka_unit_test(test_probeless_ties),
        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_thresholded),
        cmocka_unit_test(test_selectivity),
        cmocka_unit_test(test_welch),
        cmocka_unit_test(test_gaussian),
        cmocka_unit_test(test_information),
        cmocka_unit_test(test_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
