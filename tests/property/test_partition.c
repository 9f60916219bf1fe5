/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A partition is what separate banded fits of its combinations give, to the bit, and its
 * parts what a Venn diagram says; its tests are those of a fit with controls. */
#define STUDY_TARGETS 40
#include "tests/property/encode_study.h"

#include "brainalign/partition.h"

#include <unistd.h>

enum { N_CANDIDATES = 6, FOLDS = 3 };

static const double gammas[] = {0.4, 0.3, 0.3, 1, 0, 0, 0, 0.7, 0.3, 0.05, 0.9, 0.05,
    0.001, 0.099, 0.9, 0.3, 0.3, 0.4};

/* Columns 0 and 1 of x, the others, and z; the first n of them. */
static ba_dataset_t *
open_spaces(size_t n_spaces, int with_test)
{
    static char text[6][TEST_PATH_SIZE + 16];
    const char *specs[6];
    ba_dataset_t *dataset = NULL;
    ba_dataset_opts_t opts = {.features = specs,
        .n_features = n_spaces,
        .responses = in_folder("y.npy"),
        .runs = runs_of_training};

    for (size_t i = 0; i < 6; i++) {
        static const char *const files[] = {"x.npy", "x.npy", "z.npy"};
        static const char *const columns[] = {"[,0:2]", "[,2:5]", ""};
        const char *file = files[i % 3];

        snprintf(text[i], sizeof text[i], "%c=%s/%.1s%s%s%s", (char) ('a' + i % 3),
            folder, file, i < 3 ? "" : "t", file + 1, columns[i % 3]);
        specs[i] = text[i];
    }
    if (with_test) {
        opts.test_features = specs + 3;
        opts.n_test_features = n_spaces;
        opts.test_responses = in_folder("yt.npy");
        opts.test_runs = runs_of_test;
    }
    must(ba_dataset_open(NULL, &opts, &dataset));
    return dataset;
}

/* Candidates as a table for file:. */
static const char *
write_candidates(const char *name, const double *rows, size_t n, size_t n_spaces)
{
    static char spec[2][TEST_PATH_SIZE + 8];
    static size_t next = 0;
    double columns[N_CANDIDATES * 3];

    for (size_t i = 0; i < n * n_spaces; i++) {
        columns[i / n_spaces + i % n_spaces * n] = rows[i];
    }
    write_npy(name, columns, n, n_spaces);
    next = 1 - next;
    snprintf(spec[next], sizeof spec[next], "file:%s", in_folder(name));
    return spec[next];
}

static ba_encode_fit_opts_t
partition_settings(const char *output, size_t n_spaces)
{
    ba_encode_fit_opts_t opts = fit_settings(output);
    double rows[N_CANDIDATES * 3];

    for (size_t i = 0; i < N_CANDIDATES * n_spaces; i++) {
        rows[i] = gammas[i / n_spaces * 3 + i % n_spaces];
    }
    opts.fit.want_weights = opts.fit.want_predictions = 0;
    opts.bands =
        write_candidates("all.npy", rows, n_spaces == 3 ? N_CANDIDATES : 2, n_spaces);
    return opts;
}

/* The banded fit of one combination, by candidates in which the other spaces are 0. */
static void
check_model(size_t n_spaces, int with_test, const double *r2_by_fold, size_t n_folds,
    const uint8_t *wanted, const ba_encode_fit_opts_t *like)
{
    ba_dataset_t *dataset = open_spaces(n_spaces, with_test);
    ba_encode_fit_opts_t opts = *like;
    double rows[N_CANDIDATES * 3], given[N_CANDIDATES * 3];
    ba_bands_t bands = {.gammas = given,
        .n_candidates = n_spaces == 3 ? N_CANDIDATES : 2,
        .n_spaces = n_spaces};
    double *r2;

    for (size_t i = 0; i < bands.n_candidates * n_spaces; i++) {
        given[i] = gammas[i / n_spaces * 3 + i % n_spaces];
    }
    opts.bands =
        write_candidates("part.npy", rows, ba_bands_part(&bands, wanted, rows), n_spaces);
    opts.output = in_folder("one.h5");
    opts.force = 1;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    r2 = read_array("one.h5", "/scores/r2_by_fold", n_folds * V);
    assert_memory_equal(r2, r2_by_fold, n_folds * V * sizeof *r2);
    free(r2);
    ba_dataset_free(dataset);
}

/* R(S) = sum of the components that touch S. */
static void
check_components(const double *r2, const double *components, const double *unique,
    const double *total, const double *shared, const double *spaces, size_t n_models,
    size_t n)
{
    for (size_t t = 0; t < V; t++) {
        for (size_t m = 0; m < n_models; m++) {
            double sum = 0.0;

            for (size_t c = 0; c < n_models; c++) {
                int touches = 0;

                for (size_t k = 0; k < n; k++) {
                    touches |= spaces[m * n + k] > 0 && spaces[c * n + k] > 0;
                }
                sum += touches ? components[c * V + t] : 0.0;
            }
            assert_true(test_is_close(sum, r2[m * V + t], 1e-12));
        }
        for (size_t k = 0; k < n; k++) {
            /* Models come by size: single spaces first. */
            assert_true(test_is_close(total[k * V + t], r2[k * V + t], 0));
            assert_true(test_is_close(unique[k * V + t], components[k * V + t], 1e-14));
            assert_true(test_is_close(
                shared[k * V + t], total[k * V + t] - unique[k * V + t], 0));
        }
    }
}

static void
check_partition(size_t n_spaces, int with_test, ba_solver_t solver)
{
    size_t n_models = n_spaces == 3 ? 7 : 3, n_folds = with_test ? 1 : FOLDS;
    ba_dataset_t *dataset = open_spaces(n_spaces, with_test);
    ba_encode_fit_opts_t opts = partition_settings("parts.h5", n_spaces);
    ba_partition_info_t info;
    double *r2_by_fold, *r2, *components, *unique, *total, *shared, *members;

    opts.fit.solver = solver;
    opts.force = 1;
    must(ba_encode_partition(NULL, dataset, &opts, &info));
    assert_int_equal(info.n_models, n_models);
    assert_int_equal(info.n_components, n_models);
    r2_by_fold = read_array("parts.h5", "/models/r2_by_fold", n_models * n_folds * V);
    r2 = read_array("parts.h5", "/models/r2", n_models * V);
    components = read_array("parts.h5", "/components", n_models * V);
    unique = read_array("parts.h5", "/parts/unique", n_spaces * V);
    total = read_array("parts.h5", "/parts/total", n_spaces * V);
    shared = read_array("parts.h5", "/parts/shared", n_spaces * V);
    members = read_array("parts.h5", "/models/spaces", n_models * n_spaces);
    for (size_t m = 0; m < n_models; m++) {
        uint8_t wanted[3];

        for (size_t k = 0; k < n_spaces; k++) {
            wanted[k] = (uint8_t) members[m * n_spaces + k];
        }
        check_model(
            n_spaces, with_test, r2_by_fold + m * n_folds * V, n_folds, wanted, &opts);
    }
    check_components(r2, components, unique, total, shared, members, n_models, n_spaces);
    free(r2_by_fold);
    free(r2);
    free(components);
    free(unique);
    free(total);
    free(shared);
    free(members);
    ba_dataset_free(dataset);
}

static void
test_parts_are_fits(void **state)
{
    (void) state;
    check_partition(3, 0, BA_SOLVER_PRIMAL);
    check_partition(3, 0, BA_SOLVER_DUAL);
    check_partition(3, 1, BA_SOLVER_AUTO);
    check_partition(2, 0, BA_SOLVER_DUAL);
}

/* Unique variance of space c: increment over controls a and b. */
static void
test_increments(void **state)
{
    static const char *const controls[] = {"a", "b"};
    ba_dataset_t *dataset = open_spaces(3, 0);
    ba_encode_fit_opts_t opts = partition_settings("parts.h5", 3);
    double *p, *q, *p_fwe, *wanted;

    (void) state;
    opts.force = 1;
    opts.inference.null.n_permutations = 50;
    opts.inference.null.seed = 4;
    must(ba_encode_partition(NULL, dataset, &opts, NULL));
    opts.inference.controls = controls;
    opts.inference.n_controls = 2;
    opts.output = in_folder("controls.h5");
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    p = read_array("parts.h5", "/parts/p", 3 * V);
    q = read_array("parts.h5", "/parts/q", 3 * V);
    p_fwe = read_array("parts.h5", "/parts/p_fwe", 3 * V);
    wanted = read_array("controls.h5", "/scores/p_increment", V);
    assert_memory_equal(p + 2 * V, wanted, V * sizeof *p);
    free(wanted);
    wanted = read_array("controls.h5", "/scores/q_increment", V);
    assert_memory_equal(q + 2 * V, wanted, V * sizeof *p);
    free(wanted);
    wanted = read_array("controls.h5", "/scores/p_fwe_increment", V);
    assert_memory_equal(p_fwe + 2 * V, wanted, V * sizeof *p);
    free(wanted);
    free(p);
    free(q);
    free(p_fwe);
    ba_dataset_free(dataset);
}

static void
test_refusals(void **state)
{
    ba_dataset_t *dataset = open_spaces(3, 0), *one = open_spaces(1, 0);
    ba_encode_fit_opts_t opts = partition_settings("refused.h5", 3);

    (void) state;
    assert_int_equal(ba_encode_partition(NULL, one, &opts, NULL), BA_SHAPE);
    opts.bands = NULL;
    assert_int_equal(ba_encode_partition(NULL, dataset, &opts, NULL), BA_VALUE);
    opts.bands = "5";
    opts.fit.outer_cv.kind = BA_CV_NONE;
    assert_int_equal(ba_encode_partition(NULL, dataset, &opts, NULL), BA_VALUE);
    opts.fit.outer_cv.kind = BA_CV_DEFAULT;
    opts.fit.bands.n_rounds = 1;
    assert_int_equal(ba_encode_partition(NULL, dataset, &opts, NULL), BA_VALUE);
    opts.fit.bands.n_rounds = 0;
    opts.inference.null.n_permutations = 10;
    opts.inference.null.kind = BA_NULL_CIRCULAR;
    assert_int_equal(ba_encode_partition(NULL, dataset, &opts, NULL), BA_VALUE);
    assert_int_not_equal(access(in_folder("refused.h5"), F_OK), 0);
    ba_dataset_free(dataset);
    ba_dataset_free(one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_fits),
        cmocka_unit_test(test_increments),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
