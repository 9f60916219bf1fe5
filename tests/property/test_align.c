/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions of neurons in a file are those of refits the long way, in both forms, with
 * and without bands; threads and memory change no bit; what a fold holds responses out for
 * does not know them. */
#define STUDY_TARGETS 100
#include "tests/property/align_oracle.h"

#include "brainalign/align.h"

/* ---- files ---- */

static ba_encode_fit_opts_t
encoder_settings(const char *output, const char *delays, int is_banded)
{
    ba_encode_fit_opts_t opts = fit_settings(output);

    opts.delays = delays;
    opts.gap_outer = 1;
    if (is_banded) {
        opts.bands = "5";
    }
    return opts;
}

static ba_align_opts_t
align_settings(const char *encoder, const char *output, const ba_dataset_t *dataset)
{
    static const char *const controls[] = {"b"};
    static char sets[2][TEST_PATH_SIZE + 16];
    static const char *list[] = {sets[0], sets[1]};

    test_write_file(in_folder("one.txt"), "1\n3\n", 4);
    test_write_file(in_folder("two.txt"), "0\n", 2);
    snprintf(sets[0], sizeof sets[0], "one=%s", in_folder("one.txt"));
    snprintf(sets[1], sizeof sets[1], "two=%s", in_folder("two.txt"));
    return (ba_align_opts_t){.encoder = in_folder(encoder),
        .dataset = dataset,
        .controls = controls,
        .n_controls = 1,
        .sets = list,
        .n_sets = 2,
        .shapley = 1,
        .output = in_folder(output),
        .elimination = in_folder("elimination.tsv"),
        .tolerance = 0.01,
        .force = 1};
}

static void
align(const ba_ctx_t *ctx, const char *encoder, const char *output)
{
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_align_opts_t opts = align_settings(encoder, output, dataset);
    ba_align_info_t info;

    must(ba_neurons_align(ctx, &opts, &info));
    assert_int_equal(info.n_neurons, P);
    assert_int_equal(info.n_controls, Q);
    ba_dataset_free(dataset);
}

/* Responses as the study was written with, N x V; the caller frees. */
static double *
read_responses_of_study(void)
{
    ba_dataset_t *dataset = open_for_fit(1, 0);
    double *y = malloc(N * V * sizeof *y);

    assert_non_null(y);
    must(ba_source_read(dataset->train.responses, 0, 0, N, 0, V, y, N));
    ba_dataset_free(dataset);
    return y;
}

/* ---- comparisons ---- */

enum { DELTA_R2, DELTA_R, ZERO_OUT, ALONE_R, N_COMPARED };
static const char *const compared[] = {
    "/delta_r2", "/delta_r", "/zero_out_r2", "/alone_r"};

static const unsigned everything = (1u << (P + Q)) - 1;

static void
add_neurons(const truth_t *truth, double sums[N_COMPARED][P])
{
    fit_t whole = refit(truth, everything);

    for (size_t j = 0; j < P; j++) {
        fit_t without = refit(truth, everything & ~(1u << j));
        fit_t alone = refit(truth, 1u << j), zero = zeroed(truth, &whole, j);

        sums[DELTA_R2][j] += (whole.r2 - without.r2) / FOLDS;
        sums[DELTA_R][j] += (whole.r - without.r) / FOLDS;
        sums[ZERO_OUT][j] += (whole.r2 - zero.r2) / FOLDS;
        sums[ALONE_R][j] += alone.r / FOLDS;
    }
}

/* Sets {1, 3} and {0}. */
enum { SET_DELTA, SET_ONLY, SET_SHAPLEY, N_SET_KINDS };

static void
add_sets(const truth_t *truth, double sums[N_SET_KINDS][2])
{
    static const unsigned sets[] = {1u << 1 | 1u << 3, 1u << 0};
    double whole = refit(truth, everything).r2;
    double none = refit(truth, everything & ~(sets[0] | sets[1])).r2;

    for (size_t s = 0; s < 2; s++) {
        double without = refit(truth, everything & ~sets[s]).r2;
        double with = refit(truth, everything & ~sets[1 - s]).r2;

        sums[SET_DELTA][s] += (whole - without) / FOLDS;
        sums[SET_ONLY][s] += refit(truth, sets[s]).r2 / FOLDS;
        sums[SET_SHAPLEY][s] += (0.5 * (whole - without) + 0.5 * (with - none)) / FOLDS;
    }
}

static void
check_target(truth_t *truth, size_t target, const char *file)
{
    static const char *const paths[] = {
        "/sets/delta_r2", "/sets/only_r2", "/sets/shapley"};
    double neurons[N_COMPARED][P] = {{0}}, sets[N_SET_KINDS][2] = {{0}};

    for (size_t fold = 0; fold < FOLDS; fold++) {
        prepare_rows(truth, fold);
        prepare_target(truth, fold, target);
        add_neurons(truth, neurons);
        add_sets(truth, sets);
    }
    for (size_t kind = 0; kind < N_COMPARED; kind++) {
        double *found = read_array(file, compared[kind], P * V);

        for (size_t j = 0; j < P; j++) {
            assert_close(found[j * V + target], neurons[kind][j], 1e-8);
        }
        free(found);
    }
    for (size_t kind = 0; kind < N_SET_KINDS; kind++) {
        double *found = read_array(file, paths[kind], 2 * V);

        for (size_t s = 0; s < 2; s++) {
            assert_close(found[s * V + target], sets[kind][s], 1e-8);
        }
        free(found);
    }
}

/* Without a score, without a contribution. */
static void
check_undefined(const char *file)
{
    double *found = read_array(file, "/delta_r2", P * V);

    for (size_t j = 0; j < P; j++) {
        assert_true(isnan(found[j * V + 7]));
        assert_true(isfinite(found[j * V + 8]));
    }
    free(found);
}

static void
check_study(const char *delays, int is_banded)
{
    static truth_t truth;
    ba_encode_fit_opts_t opts = encoder_settings("enc.h5", delays, is_banded);
    double *y;

    opts.force = 1;
    fit_to_file(2, 0, &opts);
    align(NULL, "enc.h5", "align.h5");
    read_study("enc.h5", delays, is_banded, &truth);
    y = read_responses_of_study();
    memcpy(truth.y, y, sizeof truth.y);
    for (size_t target = 0; target < V; target += 33) {
        check_target(&truth, target, "align.h5");
    }
    check_undefined("align.h5");
    free(y);
    free_truth(&truth);
}

static void
test_primal(void **state)
{
    (void) state;
    check_study("0,1,2", 0);
    check_study("1,2", 1);
}

static void
test_dual(void **state)
{
    (void) state;
    check_study("0,1,2,3,4,5,6,7", 0);
    check_study("0,1,2,3,4,5,6,7", 1);
}

/* Of the one layer: r2 is the sum of its shares, and folds tell the rest. */
static void
check_profile(const double *r2)
{
    double *product = read_array("align.h5", "/profile/product_r2", 1);
    double *positive = read_array("align.h5", "/profile/positive_delta_r2", 1);
    double *drop = read_array("align.h5", "/profile/delta_r2", 1);
    double *low = read_array("align.h5", "/profile/delta_r2_low", 1);
    double *high = read_array("align.h5", "/profile/delta_r2_high", 1);
    double *folds = read_array("align.h5", "/delta_r2_by_fold", FOLDS * P * V);
    double sums[3] = {0};

    for (size_t t = 0; t < V; t++) {
        sums[0] += t == 7 ? 0.0 : r2[t] / (V - 1);
    }
    for (size_t i = 0; i < FOLDS * P * V; i++) {
        double share = i % V == 7 ? 0.0 : folds[i] / (FOLDS * (V - 1));

        sums[1] += fmax(share, 0.0);
        sums[2] += share / P;
    }
    assert_close(*product, sums[0], 1e-12);
    assert_close(*positive, sums[1], 1e-12);
    assert_close(*drop, sums[2], 1e-12);
    assert_true(*low <= *drop && *drop <= *high && *low < *high);
    free(product);
    free(positive);
    free(drop);
    free(low);
    free(high);
    free(folds);
}

/* Without controls the shares of neurons are all there is. */
static void
test_shares_add_up(void **state)
{
    ba_encode_fit_opts_t opts = encoder_settings("enc.h5", "0,2", 0);
    ba_dataset_t *dataset = open_for_fit(1, 0);
    ba_align_opts_t settings;
    ba_align_info_t info;
    double *shares, *r2;

    (void) state;
    opts.force = 1;
    fit_to_file(1, 0, &opts);
    settings = align_settings("enc.h5", "align.h5", dataset);
    settings.n_controls = 0;
    settings.save_folds = 1;
    must(ba_neurons_align(NULL, &settings, &info));
    shares = read_array("align.h5", "/product_r2", P * V);
    r2 = read_array("align.h5", "/r2", V);
    for (size_t t = 0; t < V; t++) {
        double sum = 0.0;

        for (size_t j = 0; j < P; j++) {
            sum += shares[j * V + t];
        }
        assert_close(sum, r2[t], 1e-12);
    }
    check_profile(r2);
    free(shares);
    free(r2);
    ba_dataset_free(dataset);
}

/* ---- bits ---- */

static const struct {
    const char *path;
    size_t n;
} arrays[] = {{"/delta_r2", P *V}, {"/delta_r", P *V}, {"/zero_out_r2", P *V},
    {"/product_r2", P *V}, {"/alone_r", P *V}, {"/r2", V}, {"/brain/p", P},
    {"/brain/weight_norm", P}, {"/brain/unique", P}, {"/profile/delta_r2_low", 1},
    {"/sets/delta_r2", 2 * V}, {"/sets/shapley", 2 * V},
    {"/elimination/held_out_r2", FOLDS *(P + 1)}};

static void
assert_same_files(const char *one, const char *other)
{
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        double *a = read_array(one, arrays[i].path, arrays[i].n);
        double *b = read_array(other, arrays[i].path, arrays[i].n);

        if (memcmp(a, b, arrays[i].n * sizeof *a) != 0) {
            fail_msg("%s: other bits in %s and %s", arrays[i].path, one, other);
        }
        free(a);
        free(b);
    }
}

static void
test_threads_and_memory(void **state)
{
    ba_encode_fit_opts_t opts = encoder_settings("enc.h5", "0,1,2", 0);
    ba_ctx_t one = ba_ctx_default(), three = one, tight = one;

    (void) state;
    opts.force = 1;
    fit_to_file(2, 0, &opts);
    one.n_threads = 1;
    three.n_threads = 3;
    tight.memory = 150000; /* a window of 48 targets */
    align(&one, "enc.h5", "one.h5");
    align(&three, "enc.h5", "three.h5");
    align(&tight, "enc.h5", "tight.h5");
    assert_same_files("one.h5", "three.h5");
    assert_same_files("one.h5", "tight.h5");
}

/* ---- leaks ---- */

/* The order that is scored on fold 1 was found without its responses. */
static void
test_elimination_does_not_know_its_fold(void **state)
{
    ba_encode_fit_opts_t opts = encoder_settings("enc.h5", "0,1,2", 0);
    double *y = read_responses_of_study(), *before[2], *after[2];
    size_t n = (FOLDS + 1) * P, same = 0;

    (void) state;
    opts.force = 1;
    fit_to_file(2, 0, &opts);
    align(NULL, "enc.h5", "align.h5");
    before[0] = read_array("align.h5", "/elimination/order", n);
    before[1] = read_array("align.h5", "/elimination/held_out_r2", FOLDS * (P + 1));
    for (size_t v = 0; v < V; v++) {
        for (size_t i = 21; i < 40; i++) {
            y[i + v * N] = -y[i + v * N];
        }
    }
    write_npy("y.npy", y, N, V);
    fit_to_file(2, 0, &opts);
    align(NULL, "enc.h5", "align.h5");
    after[0] = read_array("align.h5", "/elimination/order", n);
    after[1] = read_array("align.h5", "/elimination/held_out_r2", FOLDS * (P + 1));
    for (size_t j = 0; j < n; j++) {
        same += before[0][j] == after[0][j] ? 1 : 0;
    }
    assert_memory_equal(before[0] + P, after[0] + P, P * sizeof(double));
    assert_true(same < n);
    assert_false(before[1][P + 1] == after[1][P + 1]);
    write_study();
    free(y);
    for (size_t i = 0; i < 2; i++) {
        free(before[i]);
        free(after[i]);
    }
}

/* ---- refusals ---- */

static void
test_refusals(void **state)
{
    ba_encode_fit_opts_t opts = encoder_settings("enc.h5", "0,1,2", 0);
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_align_opts_t settings;
    ba_align_info_t info;
    const char *overlapping[2];

    (void) state;
    opts.force = 1;
    fit_to_file(2, 0, &opts);
    settings = align_settings("enc.h5", "align.h5", dataset);
    overlapping[0] = overlapping[1] = settings.sets[0];
    settings.sets = overlapping;
    assert_int_equal(ba_neurons_align(NULL, &settings, &info), BA_SHAPE);
    settings = align_settings("enc.h5", "align.h5", dataset);
    settings.n_sets = 0;
    assert_int_equal(ba_neurons_align(NULL, &settings, &info), BA_VALUE);
    settings = align_settings("enc.h5", "align.h5", dataset);
    settings.tolerance = 1.5;
    assert_int_equal(ba_neurons_align(NULL, &settings, &info), BA_VALUE);
    test_write_file(in_folder("one.txt"), "1\n9\n", 4);
    settings.tolerance = 0.1;
    assert_int_equal(ba_neurons_align(NULL, &settings, &info), BA_SHAPE);
    ba_dataset_free(dataset);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_primal),
        cmocka_unit_test(test_dual),
        cmocka_unit_test(test_shares_add_up),
        cmocka_unit_test(test_threads_and_memory),
        cmocka_unit_test(test_elimination_does_not_know_its_fold),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
