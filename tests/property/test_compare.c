/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparisons against plain loops over what the compared files hold. */
#include "tests/property/compare_study.h"

static ba_compare_opts_t
settings(size_t n_files)
{
    static const char *files[3];
    ba_compare_opts_t opts = ba_compare_opts_default();

    for (size_t i = 0; i < 3; i++) {
        files[i] = paths[i];
    }
    opts.files = files;
    opts.n_files = n_files;
    opts.output = in_folder("cmp.h5");
    opts.n_bootstrap = opts.n_permutations = 200;
    opts.force = 1;
    return opts;
}

/* The chosen model's score, by loops. */
static double
chosen_by_hand(double *const by_fold[3], size_t t)
{
    double sum = 0.0;

    for (size_t f = 0; f < 3; f++) {
        size_t best = 0;
        double most = -INFINITY;

        for (size_t m = 0; m < 3; m++) {
            double mean = 0.0;

            for (size_t g = 0; g < 3; g++) {
                mean += g != f ? by_fold[m][g * V + t] / 2 : 0.0;
            }
            if (mean > most) {
                most = mean;
                best = m;
            }
        }
        sum += by_fold[best][f * V + t] / 3;
    }
    return sum;
}

static void
check_choice(double *const by_fold[3])
{
    double *chosen = read_array("cmp.h5", "/targets/chosen", V);
    double *centre = read_array("cmp.h5", "/targets/centre_of_mass", V);
    double *r = read_array("cmp.h5", "/targets/r", 3 * V);

    for (size_t t = 0; t < V; t++) {
        double weights = 0.0, moment = 0.0;

        if (t == 7) {
            assert_true(isnan(chosen[t]) && isnan(centre[t]));
            continue;
        }
        for (size_t m = 0; m < 3; m++) {
            weights += fmax(r[m * V + t], 0.0);
            moment += (double) m * fmax(r[m * V + t], 0.0);
        }
        assert_close(chosen[t], chosen_by_hand(by_fold, t), 1e-12);
        assert_close(centre[t], moment / weights, 1e-12);
    }
    free(chosen);
    free(centre);
    free(r);
}

/* Differences are those of the files; a region of one target is that target, of many their
 * mean; p and intervals go along with the differences. */
static void
check_pairs(void)
{
    static const char *const files[] = {"each/a.h5", "each/b.h5", "each/stacked.h5"};
    double *r2[3], *d = read_array("cmp.h5", "/targets/difference", 2 * V);
    double *low = read_array("cmp.h5", "/targets/low", 2 * V);
    double *high = read_array("cmp.h5", "/targets/high", 2 * V);
    double *p = read_array("cmp.h5", "/targets/p", 2 * V);
    double *q = read_array("cmp.h5", "/targets/q", 2 * V);
    double *p_fwe = read_array("cmp.h5", "/targets/p_fwe", 2 * V);
    double *roi[] = {read_array("cmp.h5", "/rois/difference", 4),
        read_array("cmp.h5", "/rois/low", 4), read_array("cmp.h5", "/rois/high", 4),
        read_array("cmp.h5", "/rois/p", 4)};
    double mean = 0.0;

    for (size_t m = 0; m < 3; m++) {
        r2[m] = read_array(files[m], "/scores/r2", V);
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t t = 0; t < V; t++) {
            size_t at = k * V + t;

            assert_close(d[at], r2[k + 1][t] - r2[0][t], 1e-9);
            if (t != 7) {
                assert_true(low[at] <= d[at] && d[at] <= high[at]);
                assert_true(p[at] >= 1.0 / 201 && p[at] <= 1.0);
                assert_true(p_fwe[at] >= p[at] - 1e-12 && q[at] >= p[at] - 1e-12);
            } else {
                assert_true(isnan(p[at]) && isnan(low[at]));
            }
        }
    }
    for (size_t t = 10; t < 20; t++) {
        mean += d[t] / 10;
    }
    assert_close(roi[0][0], d[4], 1e-14); /* "one" comes first */
    assert_close(roi[1][0], low[4], 1e-12);
    assert_close(roi[2][0], high[4], 1e-12);
    assert_close(roi[3][0], p[4], 0.0);
    assert_close(roi[0][1], mean, 1e-14);
    assert_true(roi[1][1] < mean && mean < roi[2][1]);
    for (size_t i = 0; i < 4; i++) {
        free(roi[i]);
    }
    for (size_t m = 0; m < 3; m++) {
        free(r2[m]);
    }
    free(d);
    free(low);
    free(high);
    free(p);
    free(q);
    free(p_fwe);
}

static void
test_compare(void **state)
{
    ba_compare_opts_t opts;
    ba_compare_info_t info;
    ba_dataset_t *responses = NULL;
    ba_dataset_opts_t names = {.runs = runs_of_training, .no_features = 1};
    ba_ctx_t one_thread = ba_ctx_default();
    char labels[TEST_PATH_SIZE], *response_file;
    const char *roi = labels;
    double *by_fold[3], *first, *again;

    (void) state;
    names.responses = response_file = strdup(in_folder("y.npy"));
    for (int scale = 0; scale < 2; scale++) {
        ba_encode_fit_opts_t fit = fit_settings("unused");

        fit.fit.scale_targets = scale ? BA_SCALE_RUNS : BA_SCALE_ZSCORE;
        fit.detrend = scale ? "poly:1" : NULL;
        fit_both(fit);
        write_labels("labels.tsv", V);
        snprintf(labels, sizeof labels, "%s", in_folder("labels.tsv"));
        must(ba_dataset_open(NULL, &names, &responses));
        opts = settings(3);
        opts.rois = &roi;
        opts.n_rois = 1;
        must(ba_encode_compare(NULL, responses, &opts, &info));
        assert_int_equal(info.n_pairs, 2);
        assert_int_equal(info.n_rois, 2);
        by_fold[0] = read_array("each/a.h5", "/scores/r_by_fold", 3 * V);
        by_fold[1] = read_array("each/b.h5", "/scores/r_by_fold", 3 * V);
        by_fold[2] = read_array("each/stacked.h5", "/scores/r_by_fold", 3 * V);
        check_choice(by_fold);
        check_pairs();
        for (size_t m = 0; m < 3; m++) {
            free(by_fold[m]);
        }
        ba_dataset_free(responses);
    }
    /* Threads change no bit. */
    must(ba_dataset_open(NULL, &names, &responses));
    first = read_array("cmp.h5", "/targets/p", 2 * V);
    one_thread.n_threads = 1;
    must(ba_encode_compare(&one_thread, responses, &opts, NULL));
    again = read_array("cmp.h5", "/targets/p", 2 * V);
    assert_memory_equal(first, again, 2 * V * sizeof *first);
    free(first);
    free(again);
    ba_dataset_free(responses);
    free(response_file);
}

static void
refuse(const ba_dataset_t *responses, const ba_compare_opts_t *opts, int code,
    const char *words)
{
    assert_int_equal(ba_encode_compare(NULL, responses, opts, NULL), code);
    assert_contains(ba_error_message(), words);
}

static void
test_compare_refused(void **state)
{
    ba_encode_fit_opts_t fit = fit_settings("unused");
    ba_compare_opts_t opts;
    ba_dataset_t *responses = NULL;
    char labels[TEST_PATH_SIZE];
    const char *roi = labels;

    (void) state;
    fit_both(fit);
    opts = settings(2);
    responses = open_for_fit(1, 1);
    must(ba_encode_compare(NULL, responses, &opts, NULL));
    opts.baseline = "nobody";
    refuse(responses, &opts, BA_VALUE, "'nobody' is none of the files");
    opts.baseline = NULL;
    opts.n_files = 1;
    refuse(responses, &opts, BA_VALUE, "1 to compare");
    opts = settings(2);
    write_labels("short.tsv", V - 1);
    snprintf(labels, sizeof labels, "%s", in_folder("short.tsv"));
    opts.rois = &roi;
    opts.n_rois = 1;
    refuse(responses, &opts, BA_SHAPE, "269 labels");
    write_labels("short.tsv", V);
    snprintf(labels, sizeof labels, "%s:name", in_folder("short.tsv"));
    refuse(responses, &opts, BA_FORMAT, "no column 'name'");
    snprintf(labels, sizeof labels, "%s", in_folder("y.npy"));
    refuse(responses, &opts, BA_SHAPE, "labels");
    opts.n_rois = 0;
    ba_dataset_free(responses);
    responses = open_for_use(1, 0, "y.npy");
    fit.detrend = "poly:1";
    fit.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
    fit.output = in_folder("other.h5");
    fit_to_file(1, 0, &fit);
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("other.h5"));
    refuse(responses, &opts, BA_SHAPE, "other outer splits");
    fit = fit_settings("bare.h5");
    fit.fit.want_predictions = 0;
    fit_to_file(1, 0, &fit);
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("bare.h5"));
    refuse(responses, &opts, BA_MISSING, "--save weights,predictions");
    must(ba_encode_compare(NULL, NULL, &opts, NULL)); /* scores alone */
    ba_dataset_free(responses);
}

/* Responses of another recording with as many rows. */
static void
test_other_responses(void **state)
{
    static double y[N * V];
    ba_compare_opts_t opts;
    ba_dataset_t *responses;

    (void) state;
    fit_both(fit_settings("unused"));
    test_fill_normal(y, N * V, 5);
    write_npy("other.npy", y, N, V);
    responses = open_for_use(1, 0, "other.npy");
    opts = settings(2);
    refuse(responses, &opts, BA_SHAPE, "by its fingerprint");
    ba_dataset_free(responses);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_compare, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_compare_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_other_responses, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
