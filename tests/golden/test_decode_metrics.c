/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of identification against scipy's cdist, rankdata and hypergeom, and against
 * loops over pairs: d2_metrics.h5, d1_narratives.h5. */
#include "tests/golden/golden.h"

#include "brainalign/identification.h"

#define FILE_D2 "golden/decode/d2_metrics.h5"

/* Where a value of the library and one of the file belong together. */
typedef struct {
    char file[TEST_PATH_SIZE];
    const char *group;
    golden_check_t check;
} case_t;

static double
wanted(const case_t *test, const char *name)
{
    golden_t array = golden_read_in(test->file, test->group, name);
    double value = array.data[0];

    assert_int_equal(array.n, 1);
    golden_free(&array);
    return value;
}

static void
check_value(case_t *test, const char *name, double found, double tolerance)
{
    test->check.what = name;
    golden_close(&test->check, 0, found, wanted(test, name), tolerance);
}

/* C order of the file into columns. */
static double *
by_column(const golden_t *array)
{
    size_t n_rows = array->dims[0], n_cols = array->dims[1];
    double *out = malloc(array->n * sizeof *out);

    assert_non_null(out);
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            out[i + j * n_rows] = array->data[i * n_cols + j];
        }
    }
    return out;
}

static size_t *
integers(const char *file, const char *group, const char *name, size_t n)
{
    golden_t array = golden_read_in(file, group, name);
    size_t *out = malloc((n + 1) * sizeof *out);

    assert_non_null(out);
    assert_int_equal(array.n, n);
    for (size_t i = 0; i < n; i++) {
        out[i] = (size_t) array.data[i];
    }
    golden_free(&array);
    return out;
}

static void
check_items(case_t *test, const ba_identification_t *problem)
{
    size_t n = problem->similarity.n_rows, n_candidates = problem->similarity.n_cols;
    size_t *better = malloc(n * sizeof *better), *tied = malloc(n * sizeof *tied);
    size_t *want_better = integers(test->file, test->group, "n_better", n);
    size_t *want_tied = integers(test->file, test->group, "n_tied", n);
    golden_t rank = golden_read_in(test->file, test->group, "rank");
    golden_t accuracy = golden_read_in(test->file, test->group, "rank_accuracy_items");
    golden_t mrr = golden_read_in(test->file, test->group, "mrr_items");
    double of_middle = 0;

    assert_int_equal(ba_identification_ranks(problem, better, tied), BA_OK);
    for (size_t i = 0; i < n; i++) {
        double middle = ba_rank_middle(better[i], tied[i]);

        assert_int_equal(better[i], want_better[i]);
        assert_int_equal(tied[i], want_tied[i]);
        assert_true(middle == rank.data[i]);
        test->check.what = "rank_accuracy_items";
        golden_close(&test->check, i, 1 - (middle - 1) / ((double) n_candidates - 1),
            accuracy.data[i], 1e-15);
        test->check.what = "mrr_items";
        golden_close(
            &test->check, i, ba_rank_reciprocal(better[i], tied[i]), mrr.data[i], 1e-13);
        of_middle += 1 / middle / (double) n;
    }
    check_value(test, "mrr_of_midrank", of_middle, 1e-13);
    golden_free(&rank);
    golden_free(&accuracy);
    golden_free(&mrr);
    free(better);
    free(tied);
    free(want_better);
    free(want_tied);
}

static void
check_curve(case_t *test, const ba_identified_t *found, size_t n_gallery)
{
    static const char *const names[] = {"gallery/top1", "gallery/top5", "gallery/top10"};

    for (size_t k = 0; k < 3; k++) {
        golden_t curve = golden_read_in(test->file, test->group, names[k]);

        assert_int_equal(curve.n, n_gallery);
        test->check.what = names[k];
        for (size_t g = 0; g < n_gallery; g++) {
            golden_close(
                &test->check, g, found->curve[g * 3 + k].value, curve.data[g], 1e-13);
        }
        golden_free(&curve);
    }
}

static void
check_ranks(
    case_t *test, const ba_identification_t *problem, const ba_identified_t *found)
{
    check_value(test, "rank_accuracy", found->rank_accuracy.value, 1e-13);
    check_value(test, "mean_rank", found->mean_rank, 1e-13 * found->mean_rank);
    check_value(test, "median_rank", found->median_rank, 0);
    check_value(test, "mrr", found->mrr.value, 1e-13);
    check_value(test, "top1", found->top[0].value, 1e-13);
    check_value(test, "top5", found->top[1].value, 1e-13);
    check_value(test, "top10", found->top[2].value, 1e-13);
    check_items(test, problem);
}

static void
check_pairs(case_t *test, const ba_identified_t *found)
{
    double with_ties = (double) found->pairs.any_tied / (double) found->pairs.n_pairs;

    check_value(test, "two_v_two_sum", found->sum.value, 1e-13);
    check_value(test, "pairwise_single", found->single.value, 1e-13);
    check_value(test, "pairwise_strict", found->strict.value, 1e-13);
    check_value(test, "pairwise_strict_share_of_pairs_with_ties", with_ties, 1e-13);
}

/* The permuted scores themselves come out of p, mean and deviation. */
static void
check_null(case_t *test, const char *null_name, const char *p_name,
    const ba_statistic_t *statistic)
{
    golden_t null = golden_read_in(test->file, test->group, null_name);
    double mean = 0, square = 0;

    for (size_t b = 0; b < null.n; b++) {
        mean += null.data[b] / (double) null.n;
    }
    for (size_t b = 0; b < null.n; b++) {
        square += (null.data[b] - mean) * (null.data[b] - mean);
    }
    check_value(test, p_name, statistic->p, 1e-15);
    test->check.what = null_name;
    golden_close(&test->check, 0, statistic->null_mean, mean, 1e-13);
    golden_close(
        &test->check, 1, statistic->null_sd, sqrt(square / ((double) null.n - 1)), 1e-13);
    golden_free(&null);
}

/* All scores of a similarity matrix; `groups` and `own` may be NULL. */
static void
check_matrix(case_t *test, const ba_identification_t *problem, const size_t *groups)
{
    static const size_t top[] = {1, 5, 10};
    size_t n = problem->similarity.n_rows;
    golden_t sizes = golden_read_in(test->file, test->group, "gallery/size");
    size_t *gallery = integers(test->file, test->group, "gallery/size", sizes.n);
    ba_identify_opts_t opts = {.top = top,
        .n_top = 3,
        .gallery = gallery,
        .n_gallery = sizes.n,
        .groups = groups};
    ba_exchange_opts_t given = {.kind = BA_EXCHANGE_GIVEN};
    uint32_t *orders = NULL;
    ba_identified_t found;

    if (!problem->own) {
        golden_t perms = golden_read_in(test->file, test->group, "permutation/perms");

        orders = malloc(perms.n * sizeof *orders);
        assert_non_null(orders);
        for (size_t i = 0; i < perms.n; i++) {
            orders[i] = (uint32_t) perms.data[i];
        }
        given.given = orders;
        given.n_permutations = perms.dims[0];
        assert_int_equal(ba_exchange_new(&given, n, &opts.exchange), BA_OK);
        golden_free(&perms);
    }
    assert_int_equal(ba_identify(NULL, problem, &opts, &found), BA_OK);
    check_ranks(test, problem, &found);
    check_curve(test, &found, sizes.n);
    if (!problem->own) {
        check_pairs(test, &found);
        check_null(
            test, "permutation/two_v_two_null", "permutation/two_v_two_p", &found.sum);
        check_null(test, "permutation/rank_accuracy_null", "permutation/rank_accuracy_p",
            &found.rank_accuracy);
    }
    if (groups) {
        check_value(test, "two_v_two_within_group", found.within_sum.value, 1e-13);
        check_value(test, "two_v_two_between_groups", found.between_sum.value, 1e-13);
    }
    ba_identified_free(&found);
    ba_exchange_free(opts.exchange);
    golden_free(&sizes);
    free(gallery);
    free(orders);
}

static void
check_min_distance(case_t *test, const ba_identification_t *problem)
{
    ba_pair_opts_t opts = {.min_distance = 4};
    ba_pair_counts_t counts;

    assert_int_equal(ba_identification_pairs(problem, &opts, &counts), BA_OK);
    check_value(test, "two_v_two_min_distance_4", ba_pairs_sum(&counts), 1e-13);
}

static void
check_undefined(case_t *test, ba_similarity_t kind, ba_cdmat_t rows, const char *name)
{
    golden_t undefined = golden_read_in(test->file, test->group, name);
    uint8_t flags[64];

    assert_int_equal(ba_similarity_undefined(kind, rows, flags), undefined.n);
    for (size_t i = 0; i < undefined.n; i++) {
        assert_int_equal(flags[(size_t) undefined.data[i]], 1);
    }
    golden_free(&undefined);
}

/* The items whose rows have a similarity, by themselves. */
static void
check_without_undefined(
    case_t *test, ba_similarity_t kind, ba_cdmat_t predicted, ba_cdmat_t targets)
{
    size_t n = predicted.n_rows, kept = 0, d = predicted.n_cols;
    double *p = malloc(n * d * sizeof *p), *t = malloc(n * d * sizeof *t);
    double *s = malloc(n * n * sizeof *s);
    uint8_t bad_p[64], bad_t[64];
    ba_identification_t problem = {.tie = 1e-12};
    ba_identify_opts_t opts = {0};
    ba_identified_t found;

    ba_similarity_undefined(kind, predicted, bad_p);
    ba_similarity_undefined(kind, targets, bad_t);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; !bad_p[i] && !bad_t[i] && j < d; j++) {
            p[kept + j * n] = predicted.data[i + j * predicted.ld];
            t[kept + j * n] = targets.data[i + j * targets.ld];
        }
        kept += !bad_p[i] && !bad_t[i];
    }
    assert_int_equal(ba_similarity(NULL, kind, (ba_cdmat_t){p, kept, d, n},
                         (ba_cdmat_t){t, kept, d, n}, (ba_dmat_t){s, kept, kept, n}),
        BA_OK);
    problem.similarity = (ba_cdmat_t){s, kept, kept, n};
    assert_int_equal(ba_identify(NULL, &problem, &opts, &found), BA_OK);
    check_value(test, "without_undefined/two_v_two_sum", found.sum.value, 1e-13);
    check_value(
        test, "without_undefined/rank_accuracy", found.rank_accuracy.value, 1e-13);
    ba_identified_free(&found);
    free(p);
    free(t);
    free(s);
}

static void
check_vectors(case_t *test, const char *group, ba_similarity_t kind)
{
    char path[TEST_PATH_SIZE];
    golden_t predicted = golden_read_in(test->file, group, "pred");
    golden_t targets = golden_read_in(test->file, group, "true"), similarity;
    size_t n = predicted.dims[0], d = predicted.dims[1];
    double *p = by_column(&predicted), *t = by_column(&targets), *want;
    double *s = malloc(n * n * sizeof *s);
    ba_cdmat_t p_view = {p, n, d, n}, t_view = {t, n, d, n};
    size_t *groups;
    ba_identification_t problem = {{s, n, n, n}, NULL, 1e-12};

    snprintf(path, sizeof path, "%s/%s", group,
        kind == BA_SIMILARITY_COSINE ? "cosine" : "correlation");
    test->group = path;
    assert_int_equal(
        ba_similarity(NULL, kind, p_view, t_view, (ba_dmat_t){s, n, n, n}), BA_OK);
    similarity = golden_read_in(test->file, path, "S");
    want = by_column(&similarity);
    test->check.what = "S";
    for (size_t i = 0; i < n * n; i++) {
        golden_close(&test->check, i, s[i], want[i], 1e-12);
    }
    groups = integers(test->file, path, "groups", n);
    check_matrix(test, &problem, groups);
    check_min_distance(test, &problem);
    problem.similarity.data = want;
    check_matrix(test, &problem, groups);
    check_undefined(test, kind, p_view, "undefined_pred_rows");
    check_undefined(test, kind, t_view, "undefined_true_rows");
    check_without_undefined(test, kind, p_view, t_view);
    golden_report(path, &(golden_check_t){"all", test->check.worst, test->check.n});
    golden_free(&predicted);
    golden_free(&targets);
    golden_free(&similarity);
    free(p);
    free(t);
    free(s);
    free(want);
    free(groups);
}

static void
test_vectors(void **state)
{
    case_t test = {0};

    (void) state;
    test_need_data(test.file, FILE_D2);
    for (int kind = 0; kind < 2; kind++) {
        check_vectors(&test, "/clean", (ba_similarity_t) kind);
        check_vectors(&test, "/ties", (ba_similarity_t) kind);
    }
}

static void
test_matrices(void **state)
{
    static const char *const groups[] = {"/dyadic", "/rectangular"};
    case_t test = {0};

    (void) state;
    test_need_data(test.file, FILE_D2);
    for (size_t k = 0; k < 2; k++) {
        golden_t similarity = golden_read_in(test.file, groups[k], "S");
        double *s = by_column(&similarity);
        size_t n = similarity.dims[0];
        size_t *own = k == 1 ? integers(test.file, groups[k], "true_column", n) : NULL;
        ba_identification_t problem = {{s, n, similarity.dims[1], n}, own, 1e-12};

        test.group = groups[k];
        check_matrix(&test, &problem, NULL);
        golden_report(
            groups[k], &(golden_check_t){"all", test.check.worst, test.check.n});
        golden_free(&similarity);
        free(s);
        free(own);
    }
}

static double
sum_of(ba_similarity_t kind, ba_cdmat_t p, ba_cdmat_t t)
{
    size_t n = p.n_rows;
    double *s = malloc(n * n * sizeof *s);
    ba_identification_t problem = {{s, n, n, n}, NULL, 0};
    ba_pair_counts_t counts;

    assert_int_equal(ba_similarity(NULL, kind, p, t, (ba_dmat_t){s, n, n, n}), BA_OK);
    problem.tie = ba_similarity_tie(kind, problem.similarity);
    assert_int_equal(ba_identification_pairs(&problem, NULL, &counts), BA_OK);
    free(s);
    return ba_pairs_sum(&counts);
}

/* NaN stands for what the file has as 0 in r of dimensions. */
static void
check_r(case_t *test, const char *name, const double *r, double instead)
{
    golden_t want = golden_read_in(test->file, test->group, name);

    test->check.what = name;
    for (size_t i = 0; i < want.n; i++) {
        if (isnan(want.data[i])) {
            assert_true(isnan(r[i]));
        } else {
            golden_close(
                &test->check, i, isnan(r[i]) ? instead : r[i], want.data[i], 1e-12);
        }
    }
    golden_free(&want);
}

static void
test_distances_and_r(void **state)
{
    static const char *const groups[] = {"/clean", "/ties"};
    case_t test = {0};
    double r[64];

    (void) state;
    test_need_data(test.file, FILE_D2);
    for (size_t k = 0; k < 2; k++) {
        golden_t predicted = golden_read_in(test.file, groups[k], "pred");
        golden_t targets = golden_read_in(test.file, groups[k], "true");
        size_t n = predicted.dims[0], d = predicted.dims[1];
        double *p = by_column(&predicted), *t = by_column(&targets);
        ba_cdmat_t p_view = {p, n, d, n}, t_view = {t, n, d, n};

        test.group = groups[k];
        check_value(&test, "euclidean_two_v_two_sum",
            sum_of(BA_SIMILARITY_EUCLIDEAN, p_view, t_view), 1e-13);
        check_value(&test, "sqeuclidean_two_v_two_sum",
            sum_of(BA_SIMILARITY_SQUARED_EUCLIDEAN, p_view, t_view), 1e-13);
        assert_int_equal(ba_pattern_r(p_view, t_view, r), BA_OK);
        check_r(&test, "pattern_r_items", r, NAN);
        assert_int_equal(ba_profile_r(p_view, t_view, r), BA_OK);
        check_r(&test, "profile_r_dims", r, 0);
        p_view.n_cols = t_view.n_cols = 1;
        check_value(&test, "two_v_two_one_dimension",
            sum_of(BA_SIMILARITY_SQUARED_EUCLIDEAN, p_view, t_view), 1e-13);
        golden_free(&predicted);
        golden_free(&targets);
        free(p);
        free(t);
    }
}

static void
test_dprime(void **state)
{
    case_t test = {.group = "/dprime"};
    golden_t d, rank, sum, top1, gallery;

    (void) state;
    test_need_data(test.file, FILE_D2);
    d = golden_read_in(test.file, test.group, "d");
    rank = golden_read_in(test.file, test.group, "rank_accuracy");
    sum = golden_read_in(test.file, test.group, "two_v_two");
    top1 = golden_read_in(test.file, test.group, "top1");
    gallery = golden_read_in(test.file, test.group, "gallery");
    for (size_t i = 0; i < d.n; i++) {
        test.check.what = "rank and sum";
        golden_close(&test.check, i, ba_rank_of_dprime(d.data[i]), rank.data[i], 1e-13);
        golden_close(&test.check, i, ba_sum_of_dprime(d.data[i]), sum.data[i], 1e-13);
        golden_close(&test.check, i, ba_dprime_of_rank(rank.data[i]), d.data[i], 1e-11);
        golden_close(&test.check, i, ba_dprime_of_sum(sum.data[i]), d.data[i], 1e-11);
        test.check.what = "top1";
        for (size_t g = 0; g < gallery.n; g++) {
            size_t size = (size_t) gallery.data[g];
            double want = top1.data[i * gallery.n + g];

            golden_close(&test.check, g, ba_top1_of_dprime(d.data[i], size), want, 2e-12);
            golden_close(&test.check, g, ba_dprime_of_top1(want, size), d.data[i], 1e-9);
        }
    }
    golden_report("/dprime", &test.check);
    golden_free(&d);
    golden_free(&rank);
    golden_free(&sum);
    golden_free(&top1);
    golden_free(&gallery);
}

/* Segments of a story from decoded layers of a language model. */
static void
test_narratives_segments(void **state)
{
    case_t test = {.group = "/fixed_alpha_1e5"};
    golden_t similarity;
    double *s;
    ba_identification_t problem = {.tie = 1e-12};
    ba_pair_counts_t counts;

    (void) state;
    test_need_data(test.file, "golden/decode/d1_narratives.h5");
    similarity = golden_read_in(test.file, test.group, "segment_similarity");
    s = by_column(&similarity);
    problem.similarity =
        (ba_cdmat_t){s, similarity.dims[0], similarity.dims[1], similarity.dims[0]};
    assert_int_equal(ba_identification_pairs(&problem, NULL, &counts), BA_OK);
    check_value(&test, "segment_two_v_two", ba_pairs_sum(&counts), 1e-13);
    golden_report("/fixed_alpha_1e5", &test.check);
    golden_free(&similarity);
    free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_matrices),
        cmocka_unit_test(test_distances_and_r),
        cmocka_unit_test(test_dprime),
        cmocka_unit_test(test_narratives_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
