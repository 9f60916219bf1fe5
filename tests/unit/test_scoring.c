/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode score from files: items, galleries and means against the same by hand. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/scoring.h"

#include <jansson.h>

enum { ROWS = 23, D = 3, L = 2, ITEMS = 11, N_PERMUTATIONS = 60 };

/* First rows of segments of 2 in runs of 9 and 14 rows. */
static const size_t starts[ITEMS] = {0, 2, 4, 6, 9, 11, 13, 15, 17, 19, 21};

typedef struct {
    char folder[TEST_PATH_SIZE], predicted[TEST_PATH_SIZE], truth[TEST_PATH_SIZE];
    char json[TEST_PATH_SIZE], table[TEST_PATH_SIZE];
    double p[ROWS * D], t[ROWS * D]; /* C order */
} study_t;

static void
write_csv(const char *file, const double *x, size_t n_rows, size_t n_cols)
{
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    for (size_t i = 0; i < n_rows * n_cols; i++) {
        fprintf(stream, "%.17g%c", x[i], i % n_cols == n_cols - 1 ? '\n' : ',');
    }
    assert_int_equal(fclose(stream), 0);
}

static void
start_study(study_t *study)
{
    test_make_folder(study->folder);
    test_fill_normal(study->t, ROWS * D, 1);
    test_fill_normal(study->p, ROWS * D, 2);
    for (size_t i = 0; i < ROWS * D; i++) {
        study->p[i] += study->t[i] / 2;
    }
    write_csv(test_join(study->predicted, study->folder, "p.csv"), study->p, ROWS, D);
    write_csv(test_join(study->truth, study->folder, "t.csv"), study->t, ROWS, D);
    test_join(study->json, study->folder, "s.json");
    test_join(study->table, study->folder, "s.tsv");
}

static ba_decode_score_opts_t
options(const study_t *study)
{
    ba_decode_score_opts_t opts = ba_decode_score_opts_default();

    opts.predicted = study->predicted;
    opts.truth = study->truth;
    opts.runs = "onsets:0,9";
    opts.segment = L;
    opts.n_permutations = N_PERMUTATIONS;
    return opts;
}

static ba_decode_scores_t
score(const ba_decode_score_opts_t *opts)
{
    ba_decode_scores_t scores;

    if (ba_decode_score(NULL, opts, &scores) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return scores;
}

/* The items side by side, by columns. */
static void
flatten(const double *x, double *flat)
{
    for (size_t i = 0; i < ITEMS; i++) {
        for (size_t k = 0; k < L * D; k++) {
            flat[i + k * ITEMS] = x[starts[i] * D + k];
        }
    }
}

/* Mean over dimensions of r over rows, predictions of item i with targets of order[i]. */
static double
mean_r(const study_t *study, const uint32_t *order)
{
    double sum = 0, x[ITEMS * L], y[ITEMS * L], r;

    for (size_t j = 0; j < D; j++) {
        for (size_t i = 0; i < ITEMS * L; i++) {
            x[i] = study->p[(starts[i / L] + i % L) * D + j];
            y[i] = study->t[(starts[order[i / L]] + i % L) * D + j];
        }
        assert_int_equal(ba_profile_r((ba_cdmat_t){x, ITEMS * L, 1, ITEMS * L},
                             (ba_cdmat_t){y, ITEMS * L, 1, ITEMS * L}, &r),
            BA_OK);
        sum += r / D;
    }
    return sum;
}

static void
test_segments(void **state)
{
    study_t study;
    double p[ITEMS * L * D], t[ITEMS * L * D], s[ITEMS * ITEMS], null_mean = 0;
    ba_cdmat_t p_view = {p, ITEMS, L * D, ITEMS}, t_view = {t, ITEMS, L * D, ITEMS};
    ba_identification_t problem = {{s, ITEMS, ITEMS, ITEMS}, NULL, 1e-12};
    ba_exchange_opts_t items = {.n_permutations = N_PERMUTATIONS};
    ba_decode_score_opts_t opts;
    ba_decode_scores_t scores;
    ba_pair_counts_t pairs;
    ba_exchange_t *exchange;
    uint32_t order[ITEMS];
    size_t n_extreme = 0;

    (void) state;
    start_study(&study);
    opts = options(&study);
    scores = score(&opts);
    assert_int_equal(scores.n_items, ITEMS);
    assert_int_equal(scores.n_left_out, 1);
    flatten(study.p, p);
    flatten(study.t, t);
    assert_int_equal(ba_similarity(NULL, BA_SIMILARITY_COSINE, p_view, t_view,
                         (ba_dmat_t){s, ITEMS, ITEMS, ITEMS}),
        BA_OK);
    assert_int_equal(ba_identification_pairs(&problem, NULL, &pairs), BA_OK);
    assert_close(scores.scores.sum.value, ba_pairs_sum(&pairs), 1e-15);
    for (uint32_t i = 0; i < ITEMS; i++) {
        order[i] = i;
    }
    assert_close(scores.r_mean.value, mean_r(&study, order), 1e-14);
    assert_int_equal(ba_exchange_new(&items, ITEMS, &exchange), BA_OK);
    for (size_t b = 0; b < N_PERMUTATIONS; b++) {
        double r;

        ba_exchange_next(exchange, order);
        r = mean_r(&study, order);
        null_mean += r / N_PERMUTATIONS;
        n_extreme += r >= scores.r_mean.value;
    }
    assert_close(scores.r_mean.null_mean, null_mean, 1e-13);
    assert_close(scores.r_mean.p, (1 + (double) n_extreme) / (1 + N_PERMUTATIONS), 1e-15);
    ba_exchange_free(exchange);
    ba_decode_scores_free(&scores);
    test_remove_folder(study.folder);
}

/* The true rows found in a gallery, in the order that --true-column says, and the scores of
 * the file's members. */
static void
test_gallery(void **state)
{
    study_t study;
    double gallery[2 * ROWS * D], own[ROWS];
    char gallery_file[TEST_PATH_SIZE], own_file[TEST_PATH_SIZE];
    ba_decode_score_opts_t opts;
    ba_decode_scores_t found, told, refused;
    json_t *root;
    json_error_t error;

    (void) state;
    start_study(&study);
    test_fill_normal(gallery, 2 * ROWS * D, 7);
    for (size_t i = 0; i < ROWS; i++) {
        own[i] = (double) (2 * ROWS - 1 - 2 * i);
        memcpy(gallery + (size_t) own[i] * D, study.t + i * D, D * sizeof(double));
    }
    write_csv(test_join(gallery_file, study.folder, "g.csv"), gallery, 2 * ROWS, D);
    write_csv(test_join(own_file, study.folder, "o.csv"), own, ROWS, 1);
    opts = options(&study);
    opts.segment = 0;
    opts.gallery = gallery_file;
    found = score(&opts);
    opts.truth = NULL;
    opts.own = own_file;
    opts.output = study.json;
    opts.table = study.table;
    told = score(&opts);
    assert_int_equal(found.n_candidates, 2 * ROWS);
    assert_true(found.scores.mrr.value == told.scores.mrr.value);
    assert_true(found.scores.sum.p == told.scores.sum.p);
    assert_true(found.r_mean.value == told.r_mean.value);
    assert_close(told.scores.top[1].chance, 5.0 / (2 * ROWS), 1e-16);
    root = json_load_file(study.json, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    assert_true(json_number_value(json_object_get(
                    json_object_get(root, "mrr"), "value")) == told.scores.mrr.value);
    assert_true(json_integer_value(json_object_get(root, "n_candidates")) == 2 * ROWS);
    json_decref(root);
    assert_int_equal(ba_decode_score(NULL, &opts, &refused), BA_EXISTS);
    ba_decode_scores_free(&found);
    ba_decode_scores_free(&told);
    test_remove_folder(study.folder);
}

/* Identical rows and rows of zeros are counted; groups and centring. */
static void
test_counts(void **state)
{
    study_t study;
    double groups[ROWS];
    char groups_file[TEST_PATH_SIZE];
    ba_decode_score_opts_t opts;
    ba_decode_scores_t scores;

    (void) state;
    start_study(&study);
    memcpy(study.t + 4 * D, study.t + 9 * D, D * sizeof(double));
    memset(study.p + 2 * D, 0, D * sizeof(double));
    for (size_t i = 0; i < ROWS; i++) {
        groups[i] = (double) (i / 5) - 2;
    }
    write_csv(study.predicted, study.p, ROWS, D);
    write_csv(study.truth, study.t, ROWS, D);
    write_csv(test_join(groups_file, study.folder, "g.csv"), groups, ROWS, 1);
    opts = options(&study);
    opts.segment = 1;
    opts.groups = groups_file;
    scores = score(&opts);
    assert_int_equal(scores.n_zero_predictions, 1);
    assert_int_equal(scores.n_zero_candidates, 0);
    assert_int_equal(scores.n_identical, 1);
    assert_int_equal(scores.n_groups, 5);
    assert_int_equal(scores.scores.n_tied, 3);
    assert_int_equal(scores.scores.within.n_pairs, 4 * 10 + 3);
    ba_decode_scores_free(&scores);
    opts.is_centred = 1;
    scores = score(&opts);
    assert_int_equal(scores.n_zero_predictions, 0);
    ba_decode_scores_free(&scores);
    opts.segment = 4;
    assert_int_equal(ba_decode_score(NULL, &opts, &scores), BA_SHAPE);
    assert_contains(ba_error_message(), "inside a segment");
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_gallery),
        cmocka_unit_test(test_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
