/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Banded ridge against himalaya's multiple-kernel and group ridge (golden file E4): two
 * and three feature spaces, 60 targets, one outer fold, both forms. */
#include "tests/golden/golden_fit.h"

#define E4 "golden/encode/e4_banded.h5"
#define DATA "data/alice_rois/alice_6mm.h5"

#define N_TARGETS 60
#define FOLD 4 /* the one that is tested */

/* Features of the spaces, side by side, and delays 1 2 3 4 0. */
#define A_FEATURES 64
#define B_FEATURES 12
#define N_FEATURES(spaces) ((size_t) (spaces) == 3 ? 78u : 76u)
#define N_DELAYS 5

typedef struct {
    const char *name, *group, *solver, *precision;
    size_t n_spaces;
    double tolerance, weights, margin;
} banded_t;

#define IN_DOUBLE                                                                        \
    .precision = "double", .tolerance = 1e-9, .weights = 1e-8, .margin = 1e-8
#define IN_SINGLE                                                                        \
    .precision = "single", .tolerance = 1e-4, .weights = 5e-3, .margin = 1e-5

static banded_t fits[] = {
    {.name = "two dual", .group = "/two", .n_spaces = 2, .solver = "dual", IN_DOUBLE},
    {.name = "two primal", .group = "/two", .n_spaces = 2, .solver = "primal", IN_DOUBLE},
    {.name = "three dual", .group = "/three", .n_spaces = 3, .solver = "dual", IN_DOUBLE},
    {.name = "three primal",
        .group = "/three",
        .n_spaces = 3,
        .solver = "primal",
        IN_DOUBLE},
    {.name = "preset himalaya",
        .group = "/three",
        .n_spaces = 3,
        .solver = "primal",
        IN_DOUBLE},
    {.name = "three dual single",
        .group = "/three",
        .n_spaces = 3,
        .solver = "dual",
        IN_SINGLE},
    {.name = "three primal single",
        .group = "/three",
        .n_spaces = 3,
        .solver = "primal",
        IN_SINGLE},
};

#define N_FITS (sizeof fits / sizeof *fits)

/* Rows of numbers as a table. */
static void
write_table(const char *path, size_t n_rows, size_t n_columns, const double *row_major)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    for (size_t i = 0; i < n_rows * n_columns; i++) {
        fprintf(file, "%.17g%c", row_major[i], (i + 1) % n_columns ? ',' : '\n');
    }
    assert_int_equal(fclose(file), 0);
}

/* The responses of the targets, and the third space: word counts beside surprisal. */
static void
write_inputs(
    const char *golden, const char *data, char responses[TEST_PATH_SIZE], char *third)
{
    golden_t targets = golden_read(golden, "/targets");
    golden_t all = golden_read(data, "/responses");
    golden_t count = golden_read(data, "/features/word_count");
    golden_t surprisal = golden_read(data, "/features/tinylm_surprisal");
    size_t n = all.dims[0];
    double *rows = calloc(n * N_TARGETS, sizeof *rows);

    assert_non_null(rows);
    assert_int_equal(targets.n, N_TARGETS);
    for (size_t i = 0; i < n * N_TARGETS; i++) {
        rows[i] =
            all.data[i / N_TARGETS * all.dims[1] + (size_t) targets.data[i % N_TARGETS]];
    }
    write_table(test_join(responses, golden_folder, "responses.csv"), n, N_TARGETS, rows);
    for (size_t i = 0; i < n; i++) {
        rows[2 * i] = count.data[i];
        rows[2 * i + 1] = surprisal.data[i];
    }
    write_table(test_join(third, golden_folder, "third.csv"), n, 2, rows);
    free(rows);
    golden_free(&targets);
    golden_free(&all);
    golden_free(&count);
    golden_free(&surprisal);
}

/* A fit with `rows` of `bands` as candidates or deltas, and what else is asked for. */
static void
fit(const banded_t *how, const char *golden, const char *data, const char *kind,
    const double *bands, size_t n_rows, const char *more, char result[TEST_PATH_SIZE])
{
    char responses[TEST_PATH_SIZE], third[TEST_PATH_SIZE], table[TEST_PATH_SIZE];
    char text[2 * TEST_PATH_SIZE];
    golden_command_t command = {.n = 0};

    write_inputs(golden, data, responses, third);
    write_table(
        test_join(table, golden_folder, "bands.csv"), n_rows, how->n_spaces, bands);
    golden_add(&command, golden_program);
    golden_add_words(&command, "encode fit --quiet --force -o");
    golden_add(&command, test_join(result, golden_folder, "encoder.h5"));
    golden_add_spec(&command, "--features", "A=", data, "/features/tinylm[,320:384]");
    golden_add_spec(&command, "--features", "B=", data, "/features/published12");
    if (how->n_spaces == 3) {
        snprintf(text, sizeof text, "C=%s", third);
        golden_add(&command, "--features");
        golden_add(&command, text);
    }
    golden_add(&command, "--responses");
    golden_add(&command, responses);
    golden_add_spec(&command, "--outer-cv", "rows:", data, "/fold");
    golden_add_words(&command, "--delays 1,2,3,4 --delays B:0 --detrend poly:3");
    golden_add_words(&command, "--scale-features zscore --scale-responses zscore");
    /* Deltas say what the penalties are: the preset's grid has no place beside them. */
    golden_add_words(
        &command, strcmp(how->name, "preset himalaya") == 0 && strcmp(kind, "file") == 0
                      ? "--preset himalaya"
                      : "--cv-gap 0 --inner-scaling outer");
    golden_add_words(&command, "--select r2 --save fold-weights,predictions,cv --bands");
    snprintf(text, sizeof text, "%s:%s", kind, table);
    golden_add(&command, text);
    golden_add(&command, "--solver");
    golden_add(&command, how->solver);
    golden_add(&command, "--precision");
    golden_add(&command, how->precision);
    golden_add_words(&command, more);
    if (strcmp(kind, "file") == 0) {
        golden_add_spec(&command, "--cv", "rows:", data, "/fold");
        golden_add_words(&command, "--alphas log:0,5,11");
    }
    golden_run(&command);
}

/* The fold of the golden file out of an array by fold. */
static golden_t
of_fold(const char *result, const char *path)
{
    golden_t all = golden_result(result, path);
    size_t n = all.n / all.dims[0];

    assert_int_equal(all.dims[0], 5);
    memmove(all.data, all.data + FOLD * n, n * sizeof *all.data);
    all.n = n;
    return all;
}

/* Row `row` of `wanted` (targets last) against the fold of a result; `agree` (NULL =
 * everywhere) says for which targets. Frees both. */
static void
compare(const banded_t *how, const char *what, golden_t found, golden_t wanted,
    size_t row, double tolerance, const char *agree)
{
    golden_check_t check = {.what = what};

    assert_true(wanted.n >= (row + 1) * found.n && found.n % N_TARGETS == 0);
    for (size_t i = 0; i < found.n; i++) {
        if (!agree || agree[i % N_TARGETS]) {
            golden_close(
                &check, i, found.data[i], wanted.data[row * found.n + i], tolerance);
        }
    }
    golden_report(how->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* Where column c of the golden design stands among delays x features. */
static size_t
place_of(const banded_t *how, size_t c)
{
    size_t n = N_FEATURES(how->n_spaces);

    if (c < 4 * A_FEATURES) {
        return c / A_FEATURES * n + c % A_FEATURES;
    }
    c -= 4 * A_FEATURES;
    if (c < B_FEATURES) {
        return 4 * n + A_FEATURES + c;
    }
    c -= B_FEATURES;
    return c / 2 * n + A_FEATURES + B_FEATURES + c % 2;
}

/* Weights of the first ten targets, in units of the target's largest. */
static void
compare_weights(const banded_t *how, const char *result, golden_t wanted, size_t row,
    const char *agree)
{
    golden_t found = of_fold(result, "/fold_weights");
    golden_check_t check = {.what = "/fold_weights"};
    size_t n_columns = wanted.dims[wanted.rank - 2];
    const double *rows = wanted.data + row * n_columns * 10;

    assert_int_equal(found.n, N_DELAYS * N_FEATURES(how->n_spaces) * N_TARGETS);
    for (size_t t = 0; t < 10; t++) {
        double unit = 0;

        for (size_t c = 0; c < n_columns; c++) {
            unit = fmax(unit, fabs(rows[c * 10 + t]));
        }
        for (size_t c = 0; c < n_columns && (!agree || agree[t]); c++) {
            golden_close(&check, c * 10 + t,
                found.data[place_of(how, c) * N_TARGETS + t] / unit,
                rows[c * 10 + t] / unit, how->weights);
        }
    }
    golden_report(how->name, &check);
    golden_free(&found);
    golden_free(&wanted);
}

/* Predictions of the test rows, in units of the z-scored responses. */
static void
compare_predictions(
    const banded_t *how, const char *golden, const char *result, size_t row)
{
    golden_t found = golden_result(result, "/predictions");
    golden_t rows = golden_read(golden, "/test_rows");
    golden_t mean = of_fold(result, "/scaling/response_mean_by_fold");
    golden_t scale = of_fold(result, "/scaling/response_scale_by_fold");
    golden_t wanted = golden_read_in(golden, how->group, "fixed/predictions");
    golden_check_t check = {.what = "/predictions"};

    for (size_t i = 0; i < rows.n * N_TARGETS; i++) {
        size_t t = i % N_TARGETS, at = (size_t) rows.data[i / N_TARGETS] * N_TARGETS + t;

        golden_close(&check, i, (found.data[at] - mean.data[t]) / scale.data[t],
            wanted.data[row * rows.n * N_TARGETS + i], how->weights);
    }
    golden_report(how->name, &check);
    golden_free(&found);
    golden_free(&rows);
    golden_free(&mean);
    golden_free(&scale);
    golden_free(&wanted);
}

static void
test_fixed(void **state)
{
    const banded_t *how = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char path[TEST_PATH_SIZE];
    golden_t deltas;

    test_need_data(golden, E4);
    test_need_data(data, DATA);
    deltas = golden_read_in(golden, how->group, "fixed/deltas");
    assert_int_equal(deltas.dims[0], 3);
    test_join(path, how->group, "fixed");
    for (size_t i = 0; i < 3; i++) {
        fit(how, golden, data, "deltas", deltas.data + i * how->n_spaces, 1, "--cv none",
            result);
        compare(how, "r", of_fold(result, "/scores/r_by_fold"),
            golden_read_in(golden, path, "r"), i, how->tolerance, NULL);
        compare(how, "r2_split", of_fold(result, "/bands/r2_split_by_fold"),
            golden_read_in(golden, path, "r2_split"), i, how->tolerance, NULL);
        compare(how, "r_split", of_fold(result, "/bands/r_split_by_fold"),
            golden_read_in(golden, path, "r_split"), i, how->tolerance, NULL);
        compare(how, "r2", of_fold(result, "/scores/r2_by_fold"),
            golden_read_in(golden, path, "r2"), i, how->tolerance, NULL);
        compare_predictions(how, golden, result, i);
        compare_weights(
            how, result, golden_read_in(golden, path, "weights_first10"), i, NULL);
    }
    golden_free(&deltas);
}

/* Deltas where the choice is clear, and for which targets it was the same. */
static void
compare_deltas(const banded_t *how, const char *result, golden_t wanted, golden_t margin,
    char *agree)
{
    golden_t found = of_fold(result, "/bands/deltas_by_fold");
    size_t n_clear = 0;

    assert_int_equal(found.n, how->n_spaces * N_TARGETS);
    for (size_t t = 0; t < N_TARGETS; t++) {
        agree[t] = 1;
        n_clear += margin.data[t] > how->margin;
        for (size_t k = 0; k < how->n_spaces; k++) {
            size_t at = k * N_TARGETS + t;
            int same = fabs(found.data[at] - wanted.data[at]) <= 1e-12;

            agree[t] = (char) (agree[t] && same);
            if (margin.data[t] > how->margin && !same) {
                fail_msg("%s: delta of space %zu, target %zu: %g, wanted %g", how->name,
                    k, t, found.data[at], wanted.data[at]);
            }
        }
    }
    print_message(
        "%-30s the same in %zu clear choices of %d\n", how->name, n_clear, N_TARGETS);
    assert_true(n_clear * 10 >= N_TARGETS * 9);
    golden_free(&found);
    golden_free(&wanted);
    golden_free(&margin);
}

static void
test_search(void **state)
{
    const banded_t *how = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char path[TEST_PATH_SIZE], agree[N_TARGETS];
    golden_t gammas;

    test_need_data(golden, E4);
    test_need_data(data, DATA);
    test_join(path, how->group, "search");
    gammas = golden_read_in(golden, path, "gammas");
    fit(how, golden, data, "file", gammas.data, gammas.dims[0], "", result);
    compare_deltas(how, result, golden_read_in(golden, path, "best_deltas"),
        golden_read_in(golden, path, "margin"), agree);
    compare(how, "scores of candidates", of_fold(result, "/bands/cv_scores_by_fold"),
        golden_read_in(golden, path, "cv_scores"), 0, how->tolerance, NULL);
    compare(how, "r", of_fold(result, "/scores/r_by_fold"),
        golden_read_in(golden, path, "r"), 0, how->tolerance, agree);
    compare(how, "r2", of_fold(result, "/scores/r2_by_fold"),
        golden_read_in(golden, path, "r2"), 0, how->tolerance, agree);
    compare(how, "r2_split", of_fold(result, "/bands/r2_split_by_fold"),
        golden_read_in(golden, path, "r2_split"), 0, how->tolerance, agree);
    compare(how, "r_split", of_fold(result, "/bands/r_split_by_fold"),
        golden_read_in(golden, path, "r_split"), 0, how->tolerance, agree);
    compare(how, "gammas", of_fold(result, "/bands/gammas_by_fold"),
        golden_read_in(golden, path, "best_gammas"), 0, 1e-15, agree);
    compare(how, "alphas", of_fold(result, "/best_alphas_by_fold"),
        golden_read_in(golden, path, "best_alphas"), 0, 1e-7, agree);
    compare_weights(
        how, result, golden_read_in(golden, path, "weights_first10"), 0, agree);
    fit(how, golden, data, "file", gammas.data, 1, "", result);
    compare(how, "scores of the first", of_fold(result, "/cv_scores_by_fold"),
        golden_read_in(golden, path, "cv_scores_gamma0"), 0, how->tolerance * 20, NULL);
    golden_free(&gammas);
}

/* One alpha for every candidate. */
static void
test_shared_alpha(void **state)
{
    const banded_t *how = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char path[TEST_PATH_SIZE];
    golden_t gammas, scores, best;
    golden_check_t check = {.what = "best scores"};

    test_need_data(golden, E4);
    test_need_data(data, DATA);
    test_join(path, how->group, "search_shared_alpha");
    gammas = golden_read_in(golden, how->group, "search/gammas");
    fit(how, golden, data, "file", gammas.data, gammas.dims[0], "--shared-alpha", result);
    compare(how, "deltas", of_fold(result, "/bands/deltas_by_fold"),
        golden_read_in(golden, path, "best_deltas"), 0, 1e-12, NULL);
    scores = of_fold(result, "/bands/cv_scores_by_fold");
    best = golden_read_in(golden, path, "best_scores");
    for (size_t t = 0; t < N_TARGETS; t++) {
        double largest = -INFINITY;

        for (size_t c = 0; c < gammas.dims[0]; c++) {
            largest = fmax(largest, scores.data[c * N_TARGETS + t]);
        }
        golden_close(&check, t, largest, best.data[t], 2e-9);
    }
    golden_report(how->name, &check);
    golden_free(&gammas);
    golden_free(&scores);
    golden_free(&best);
}

/* One candidate and one alpha. */
static void
test_shared_all(void **state)
{
    const banded_t *how = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char path[TEST_PATH_SIZE];
    golden_t gammas, found, wanted, scores, means;
    golden_check_t check = {.what = "deltas of all"}, check_means = {.what = "means"};

    test_need_data(golden, E4);
    test_need_data(data, DATA);
    test_join(path, how->group, "search_shared_all");
    gammas = golden_read_in(golden, how->group, "search/gammas");
    fit(how, golden, data, "file", gammas.data, gammas.dims[0],
        "--shared-alpha --shared-bands", result);
    found = of_fold(result, "/bands/deltas_by_fold");
    wanted = golden_read_in(golden, path, "deltas");
    for (size_t i = 0; i < found.n; i++) {
        golden_close(&check, i, found.data[i], wanted.data[i / N_TARGETS], 1e-12);
    }
    scores = of_fold(result, "/bands/cv_scores_by_fold");
    means = golden_read_in(golden, path, "mean_score_per_gamma");
    for (size_t c = 0; c < means.n; c++) {
        double sum = 0;

        for (size_t t = 0; t < N_TARGETS; t++) {
            sum += scores.data[c * N_TARGETS + t] / N_TARGETS;
        }
        golden_close(&check_means, c, sum, means.data[c], 2e-9);
    }
    golden_report(how->name, &check);
    golden_report(how->name, &check_means);
    golden_free(&gammas);
    golden_free(&found);
    golden_free(&wanted);
    golden_free(&scores);
    golden_free(&means);
}

/* A space alone for every target. */
static void
test_winner_take_all(void **state)
{
    static const double identity[] = {1, 0, 0, 1};
    const banded_t *how = *state;
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_t best, gammas;

    test_need_data(golden, E4);
    test_need_data(data, DATA);
    fit(how, golden, data, "file", identity, 2, "", result);
    compare(how, "scores of spaces", of_fold(result, "/bands/cv_scores_by_fold"),
        golden_read(golden, "/winner_take_all/cv_scores"), 0, 2e-9, NULL);
    best = golden_read(golden, "/winner_take_all/best_space");
    gammas = of_fold(result, "/bands/gammas_by_fold");
    for (size_t t = 0; t < N_TARGETS; t++) {
        assert_true(gammas.data[(size_t) best.data[t] * N_TARGETS + t] == 1.0);
        assert_true(gammas.data[(1 - (size_t) best.data[t]) * N_TARGETS + t] == 0.0);
    }
    golden_free(&best);
    golden_free(&gammas);
}

int
main(int argc, char **argv)
{
    struct CMUnitTest tests[5 * N_FITS];
    size_t n = 0;

    (void) argc;
    golden_find_program(argv[0]);
    for (size_t i = 0; i < N_FITS; i++) {
        int is_double = strcmp(fits[i].precision, "double") == 0;

        tests[n++] = (struct CMUnitTest){"fixed", test_fixed, NULL, NULL, &fits[i]};
        tests[n++] = (struct CMUnitTest){"search", test_search, NULL, NULL, &fits[i]};
        if (is_double) {
            tests[n++] = (struct CMUnitTest){
                "shared alpha", test_shared_alpha, NULL, NULL, &fits[i]};
            tests[n++] =
                (struct CMUnitTest){"shared all", test_shared_all, NULL, NULL, &fits[i]};
        }
        if (is_double && fits[i].n_spaces == 2) {
            tests[n++] = (struct CMUnitTest){
                "winner take all", test_winner_take_all, NULL, NULL, &fits[i]};
        }
    }
    return _cmocka_run_group_tests("banded", tests, n, golden_begin, golden_end);
}
