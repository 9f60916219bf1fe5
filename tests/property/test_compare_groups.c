/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups of subjects against plain loops over what their files hold; the level of the joint
 * null. */
#include "tests/property/compare_study.h"
#include "tests/testnifti.h"

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
        cmocka_unit_test_setup_teardown(test_group, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_group_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_group_maps, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_joint_level, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
