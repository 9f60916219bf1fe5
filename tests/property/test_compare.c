/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparisons and groups against plain loops over what the compared files hold. */
#include "tests/property/encode_study.h"

#include "brainalign/compare.h"
#include "tests/testnifti.h"

static char paths[3][TEST_PATH_SIZE];

/* Two spaces fitted each, with predictions; the third file is the stack. */
static void
fit_both(ba_encode_fit_opts_t opts)
{
    ba_dataset_t *dataset = open_for_fit(2, 0);

    opts.output = in_folder("each");
    opts.force = 1;
    must(ba_encode_each(NULL, dataset, &opts, 1, NULL, NULL));
    ba_dataset_free(dataset);
    snprintf(paths[0], sizeof paths[0], "%s", in_folder("each/a.h5"));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("each/b.h5"));
    snprintf(paths[2], sizeof paths[2], "%s", in_folder("each/stacked.h5"));
}

/* Region "one" is target 4 alone, "many" are targets 10 to 19. */
static void
write_labels(const char *name, size_t n)
{
    char text[24 * V + 64];
    size_t length = (size_t) sprintf(text, "target\troi\tsubject\n");

    for (size_t t = 0; t < n; t++) {
        length += (size_t) sprintf(text + length, "%zu\t%s\ts%zu\n", t,
            t == 4              ? "one"
            : t >= 10 && t < 20 ? "many"
                                : "n/a",
            t % 5);
    }
    test_write_file(in_folder(name), text, length);
}

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

/* ---- groups ---- */

static ba_group_opts_t
group_settings(const char *labels, const char *const *roi)
{
    static const char *file;
    ba_group_opts_t opts = ba_group_opts_default();

    file = paths[0];
    opts.files = &file;
    opts.n_files = 1;
    opts.subjects = labels;
    opts.rois = roi;
    opts.n_rois = 1;
    opts.n_permutations = 40;
    opts.n_bootstrap = 200;
    opts.output = in_folder("group.h5");
    opts.force = 1;
    return opts;
}

static void
check_group_means(void)
{
    double *r = read_array("each/a.h5", "/scores/r", V);
    double *mean = read_array("group.h5", "/group/mean", 2);
    double *scores = read_array("group.h5", "/subjects/scores", 5 * 2);
    double all = 0.0;

    /* Subjects in order of appearance: s4 has "one", then s0 of target 10. */
    assert_close(mean[0], r[4], 0.0);
    for (size_t s = 0; s < 5; s++) {
        double of_subject = (r[10 + s] + r[15 + s]) / 2;
        size_t at = s == 4 ? 0 : s + 1;

        assert_close(scores[2 * at + 1], of_subject, 1e-15);
        all += of_subject / 5;
    }
    assert_close(mean[1], all, 1e-14);
    free(r);
    free(mean);
    free(scores);
}

static void
test_group(void **state)
{
    char labels[TEST_PATH_SIZE];
    const char *roi = labels;
    ba_encode_fit_opts_t fit = fit_settings("unused");
    ba_dataset_t *dataset;
    ba_group_source_t source;
    ba_group_opts_t opts;
    ba_group_info_t info;
    double *p;

    (void) state;
    fit_both(fit);
    write_labels("labels.tsv", V);
    snprintf(labels, sizeof labels, "%s", in_folder("labels.tsv"));
    opts = group_settings(labels, &roi);
    dataset = open_for_fit(2, 0); /* both spaces: the file's own is found */
    source = (ba_group_source_t){dataset, &fit};
    opts.sources = &source;
    must(ba_encode_group(NULL, &opts, &info));
    assert_int_equal(info.n_subjects, 5);
    check_group_means();
    for (int null = BA_GROUP_JOINT; null <= BA_GROUP_SHIFT; null++) {
        opts.null = (ba_group_null_t) null;
        must(ba_encode_group(NULL, &opts, &info));
        assert_int_equal(info.n_permutations, 40);
        p = read_array("group.h5", "/group/p", 2);
        assert_close(p[1], 1.0 / 41, 1e-12); /* the responses follow the features */
        free(p);
    }
    fit.fit.alphas.n = 1; /* other settings than those of the file */
    assert_int_equal(ba_encode_group(NULL, &opts, &info), BA_SHAPE);
    assert_contains(ba_error_message(), "wanted the same");
    ba_dataset_free(dataset);
}

static void
test_group_refused(void **state)
{
    static const char *two[2];
    char labels[TEST_PATH_SIZE];
    const char *roi = labels;
    ba_group_opts_t opts;
    ba_group_info_t info;

    (void) state;
    fit_both(fit_settings("unused"));
    write_labels("labels.tsv", V);
    snprintf(labels, sizeof labels, "%s", in_folder("labels.tsv"));
    opts = group_settings(NULL, &roi);
    must(ba_encode_group(NULL, &opts, &info)); /* one subject, summed up */
    assert_int_equal(info.n_subjects, 1);
    opts.null = BA_GROUP_JOINT;
    assert_int_equal(ba_encode_group(NULL, &opts, &info), BA_SHAPE);
    assert_contains(ba_error_message(), "one subject");
    opts.null = BA_GROUP_NONE;
    opts.n_rois = 0;
    assert_int_equal(ba_encode_group(NULL, &opts, &info), BA_SHAPE);
    opts.n_rois = 1;
    two[0] = two[1] = paths[0];
    opts.files = two;
    opts.n_files = 2;
    assert_int_equal(ba_encode_group(NULL, &opts, &info), BA_VALUE);
    assert_contains(ba_error_message(), "given twice");
    two[1] = paths[1];
    opts.n_rois = 0; /* a common space: every target */
    must(ba_encode_group(NULL, &opts, &info));
    assert_int_equal(info.n_units, V);
    opts.subjects = labels;
    assert_int_equal(ba_encode_group(NULL, &opts, &info), BA_VALUE);
}

static void
check_map(const char *file, const char *array)
{
    double *wanted = read_array("group.h5", array, V), found[V];
    ba_source_t *source = NULL;

    must(ba_source_open(NULL, in_folder(file), NULL, &source));
    assert_int_equal(ba_source_n_rows(source) * ba_source_n_cols(source), V);
    must(ba_source_read(source, 0, 0, 1, 0, V, found, 1));
    for (size_t t = 0; t < V; t++) {
        assert_close(found[t], (double) (float) wanted[t], 0.0);
    }
    ba_source_close(source);
    free(wanted);
}

static void
test_group_maps(void **state)
{
    static const char *two[2];
    static double ones[V];
    test_nifti_t mask = test_nifti_default(1, 2, V, 1, 1, 1);
    char grid[TEST_PATH_SIZE], map[TEST_PATH_SIZE], output[TEST_PATH_SIZE];
    ba_group_opts_t opts;

    (void) state;
    for (size_t t = 0; t < V; t++) {
        ones[t] = 1.0;
    }
    fit_both(fit_settings("unused"));
    snprintf(grid, sizeof grid, "%s", in_folder("grid.nii.gz"));
    snprintf(map, sizeof map, "%s", in_folder("group.nii.gz"));
    snprintf(output, sizeof output, "%s", in_folder("group.h5"));
    test_write_nifti(grid, &mask, ones, V);
    opts = group_settings(NULL, NULL);
    two[0] = paths[0];
    two[1] = paths[1];
    opts.files = two;
    opts.n_files = 2;
    opts.n_rois = 0;
    opts.grid = grid;
    opts.map = map;
    opts.output = output;
    must(ba_encode_group(NULL, &opts, NULL));
    check_map("group.nii.gz", "/group/mean");
    check_map("group.t.nii.gz", "/group/t");
    check_map("group.p_t.nii.gz", "/group/p_t");
    assert_int_not_equal(access(in_folder("group.p.nii.gz"), F_OK), 0);
    opts.force = 0;
    assert_int_equal(remove(map), 0);
    assert_int_equal(remove(output), 0);
    assert_int_equal(ba_encode_group(NULL, &opts, NULL), BA_EXISTS);
    assert_contains(ba_error_message(), "group.t.nii.gz");
}

/* Joint p of responses that share noise but know no stimulus: uniform, where a t test over
 * subjects finds something far too often. Every round is a study of 8 subjects whose
 * responses have a slow part in common. */
static void
test_joint_level(void **state)
{
    enum { ROUNDS = 40, SUBJECTS = 8 };
    static double x[N * P], y[N * V];
    char labels[TEST_PATH_SIZE];
    const char *roi = labels;
    char text[64 * 20] = "roi\tsubject\n";
    size_t n_joint = 0, n_t = 0;

    (void) state;
    for (size_t s = 0; s < SUBJECTS; s++) {
        sprintf(text + strlen(text), "all\ts%zu\n", s);
    }
    test_write_file(in_folder("s.tsv"), text, strlen(text));
    snprintf(labels, sizeof labels, "%s", in_folder("s.tsv"));
    for (uint64_t round = 0; round < ROUNDS; round++) {
        ba_encode_fit_opts_t fit = fit_settings("level.h5");
        ba_dataset_t *dataset = NULL;
        ba_group_source_t source;
        ba_group_opts_t opts;
        ba_group_info_t info;
        ba_dataset_opts_t names = {.n_features = 1, .runs = runs_of_training};
        uint64_t seed = 1000 + round;
        double common = 0.0;
        char feature[TEST_PATH_SIZE], response[TEST_PATH_SIZE];
        const char *features = feature;

        test_fill_normal(x, N * P, 77 + round);
        for (size_t i = 0; i < N; i++) {
            common = 0.7 * common + test_normal(&seed);
            for (size_t s = 0; s < SUBJECTS; s++) {
                y[i + s * N] = common + 0.5 * test_normal(&seed);
            }
        }
        write_npy("lx.npy", x, N, P);
        write_npy("ly.npy", y, N, SUBJECTS);
        snprintf(feature, sizeof feature, "%s", in_folder("lx.npy"));
        snprintf(response, sizeof response, "%s", in_folder("ly.npy"));
        names.features = &features;
        names.responses = response;
        fit.force = 1;
        must(ba_dataset_open(NULL, &names, &dataset));
        must(ba_encode_fit(NULL, dataset, &fit, NULL));
        snprintf(paths[0], sizeof paths[0], "%s", in_folder("level.h5"));
        opts = group_settings(labels, &roi);
        source = (ba_group_source_t){dataset, &fit};
        opts.sources = &source;
        opts.null = BA_GROUP_JOINT;
        opts.n_permutations = 99;
        opts.n_bootstrap = 20;
        opts.n_flips = 100;
        must(ba_encode_group(NULL, &opts, &info));
        n_joint += info.n_p;
        n_t += info.n_t;
        ba_dataset_free(dataset);
    }
    /* 5 % of 40 are 2: 7 or more happen once in 300 (binomial); the t test finds
     * something in 17. */
    assert_true(n_joint <= 6);
    assert_true(n_t >= 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_compare, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_compare_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_other_responses, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_group, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_group_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_group_maps, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_joint_level, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
