/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign encode fit --preset` against the numbers of the tools whose conventions the
 * presets name: bootstrap ridge of the Huth laboratory (golden file E5) from the
 * program's options alone, himalaya's RidgeCV (E1).
 *
 * E5 z-scores the delayed training and test rows each by themselves; so are they given
 * here, with delay 0. ridge_corr(), which trains on some rows and scores others, is one
 * given inner set. */
#include "tests/golden/golden_fit.h"

#define E5 "golden/encode/e5_lanczos_huth.h5"
#define E1 "golden/encode/e1_ridge_cv.h5"
#define DATA "data/narratives_black/narratives_black.h5"

enum {
    N = 538,
    P = 64,
    DELAYS = 4,
    COLUMNS = P * DELAYS,
    V = 80,
    BOOTS = 5,
    REPEATED = 20
};

/* The rows of E5: training first, then test rows. */
typedef struct {
    char e5[TEST_PATH_SIZE], x[TEST_PATH_SIZE], y[TEST_PATH_SIZE];
    char sets[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_t train, test;
} story_t;

/* Columns of n rows, listed by `rows`, each z-scored over these rows. */
static void
zscore(const double *columns, const golden_t *rows, size_t n_columns, double *out,
    size_t out_row)
{
    size_t n = rows->n;

    for (size_t j = 0; j < n_columns; j++) {
        double mean = 0, square = 0;

        for (size_t i = 0; i < n; i++) {
            mean += columns[(size_t) rows->data[i] + j * N] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            square += pow(columns[(size_t) rows->data[i] + j * N] - mean, 2) / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            out[(out_row + i) * n_columns + j] =
                (columns[(size_t) rows->data[i] + j * N] - mean) / sqrt(square);
        }
    }
}

/* C-ordered rows as a NPY file. */
static void
write_rows(const char *file, const double *x, size_t n_rows, size_t n_columns)
{
    size_t size = 128 + n_rows * n_columns * sizeof *x;
    char *bytes = malloc(size);
    int length;

    assert_non_null(bytes);
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    length = snprintf(bytes + 10, 117,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }", n_rows,
        n_columns);
    bytes[10 + length] = ' ';
    bytes[127] = '\n';
    memcpy(bytes + 128, x, n_rows * n_columns * sizeof *x);
    test_write_file(file, bytes, size);
    free(bytes);
}

/* Training and test rows of some columns, each part z-scored by itself; the first
 * `repeated` columns once more at the end. */
static void
write_parts(const story_t *story, const double *columns, size_t n_columns,
    size_t repeated, const char *file)
{
    size_t width = n_columns + repeated;
    double *wide = malloc(N * width * sizeof *wide),
           *out = malloc(N * width * sizeof *out);

    assert_true(wide && out);
    memcpy(wide, columns, N * n_columns * sizeof *wide);
    memcpy(wide + N * n_columns, columns, N * repeated * sizeof *wide);
    zscore(wide, &story->train, width, out, 0);
    zscore(wide, &story->test, width, out, story->train.n);
    write_rows(file, out, N, width);
    free(wide);
    free(out);
}

/* Writes features and responses as E5 has them. */
static void
open_story(story_t *story, size_t repeated)
{
    char data[TEST_PATH_SIZE];
    golden_t lanczos, responses;
    double *x = calloc(N * COLUMNS, sizeof *x), *y = calloc(N * V, sizeof *y);

    test_need_data(story->e5, E5);
    test_need_data(data, DATA);
    assert_true(x && y);
    story->train = golden_read(story->e5, "/train_rows");
    story->test = golden_read(story->e5, "/test_rows");
    lanczos = golden_read(story->e5, "/lanczos/result");
    responses = golden_read(data, "/responses");
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t delay = 1 + c / P;

        for (size_t i = delay; i < N; i++) {
            x[i + c * N] = lanczos.data[(i - delay) * P + c % P];
        }
    }
    for (size_t i = 0; i < N * V; i++) {
        y[i] = responses.data[i % N * responses.dims[1] + 5 * (i / N)];
    }
    test_join(story->x, golden_folder, "x.npy");
    test_join(story->y, golden_folder, "y.npy");
    test_join(story->sets, golden_folder, "sets.npy");
    write_parts(story, x, COLUMNS, repeated, story->x);
    write_parts(story, y, V, 0, story->y);
    golden_free(&lanczos);
    golden_free(&responses);
    free(x);
    free(y);
}

static void
close_story(story_t *story)
{
    golden_free(&story->train);
    golden_free(&story->test);
}

/* FILE[0:n,] or the rows from n on. */
static void
add_rows(golden_command_t *command, const char *option, const char *file, size_t n,
    int is_test)
{
    char text[TEST_PATH_SIZE + 32];

    snprintf(text, sizeof text, is_test ? "%s[%zu:,]" : "%s[0:%zu,]", file, n);
    golden_add(command, option);
    golden_add(command, text);
}

/* The preset, on columns that are delayed and scaled already; alphas in Huth's units. */
static golden_command_t
huth(story_t *story, const golden_t *alphas)
{
    golden_command_t command = {.n = 0};
    char text[1024];
    int length = 0;

    for (size_t a = 0; a < alphas->n; a++) {
        length += snprintf(text + length, sizeof text - (size_t) length, "%s%.17g",
            a > 0 ? "," : "", alphas->data[a]);
    }
    golden_add(&command, golden_program);
    golden_add_words(&command, "encode fit --quiet --force --preset huth --delays 0 "
                               "--scale-features none --scale-responses none "
                               "--precision double --save weights,cv -o");
    golden_add(&command, test_join(story->result, golden_folder, "huth.h5"));
    golden_add(&command, "--alphas");
    golden_add(&command, text);
    golden_add_spec(&command, "--cv", "sets:", story->sets, "");
    command.argv[command.n - 1][strlen(command.argv[command.n - 1]) - 1] = '\0';
    return command;
}

/* The held-out rows of every bootstrap as stored, one column each. */
static void
write_held(const story_t *story, const char *group)
{
    golden_t held = golden_read_in(story->e5, group, "valinds");
    double *sets = calloc(story->train.n * BOOTS, sizeof *sets);

    assert_non_null(sets);
    for (size_t i = 0; i < held.n; i++) {
        sets[(size_t) held.data[i] * BOOTS + i / held.dims[1]] = 1;
    }
    write_rows(story->sets, sets, story->train.n, BOOTS);
    golden_free(&held);
    free(sets);
}

/* The mean over bootstraps of every score. */
static void
compare_scores(const story_t *story, const char *name, const char *group)
{
    golden_t scores = golden_read_in(story->e5, group, "scores");
    golden_t found = golden_result(story->result, "/cv_scores");
    golden_check_t check = {.what = "cv_scores"};

    assert_int_equal(found.n * BOOTS, scores.n);
    for (size_t i = 0; i < found.n; i++) {
        double mean = 0;

        for (size_t b = 0; b < BOOTS; b++) {
            mean += scores.data[i * BOOTS + b] / BOOTS;
        }
        golden_close(&check, i, found.data[i], mean, 1e-9);
    }
    golden_report(name, &check);
    golden_free(&scores);
    golden_free(&found);
}

/* The place of each choice in the grid: results state penalties, not Huth's alphas. */
static void
compare_choices(
    const story_t *story, const char *name, const char *group, const golden_t *alphas)
{
    golden_t margin = golden_read_in(story->e5, group, "margin");
    golden_t chosen = golden_read_in(story->e5, group, "valphas");
    golden_t grid = golden_result(story->result, "/alphas");
    golden_t found = golden_result(story->result, "/best_alphas");
    size_t n_clear = 0;

    for (size_t t = 0; t < V; t++) {
        for (size_t a = 0; a < alphas->n && margin.data[t] > 1e-8; a++) {
            int here = golden_same_alpha(alphas->data[a], chosen.data[t]);

            n_clear += (size_t) here;
            assert_true(here == golden_same_alpha(found.data[t], grid.data[a]));
        }
    }
    print_message(
        "%-30s %-24s the same in all %zu clear choices\n", name, "alphas", n_clear);
    assert_true(n_clear * 5 >= V * 4);
    golden_free(&margin);
    golden_free(&chosen);
    golden_free(&grid);
    golden_free(&found);
}

/* Weights of ten targets, r of the test rows. With use_corr=False the peer's test score is
 * another one, and no r. */
static void
compare_refit(const story_t *story, const char *name, const char *group)
{
    golden_t weights = golden_read_in(story->e5, group, "weights_first10");
    golden_t test = golden_read_in(story->e5, group, "test_scores");
    golden_t found = golden_result(story->result, "/weights");
    golden_check_t w = {.what = "weights"}, r = {.what = "test r"};

    for (size_t i = 0; i < weights.n; i++) {
        size_t t = i % weights.dims[1], c = i / weights.dims[1];

        golden_close(&w, i, found.data[c * V + t], weights.data[i], 1e-9);
    }
    golden_report(name, &w);
    golden_free(&found);
    found = golden_result(story->result, "/scores/r");
    for (size_t t = 0; t < V && strcmp(name, "r2") != 0; t++) {
        golden_close(&r, t, found.data[t], test.data[t], 1e-9);
    }
    golden_report(name, &r);
    golden_free(&weights);
    golden_free(&test);
    golden_free(&found);
}

/* bootstrap_ridge() with the chunks that it drew. */
static void
check_bootstrap(const char *name, const char *more, const char *alphas_path)
{
    story_t story;
    char group[64];
    golden_t alphas;
    golden_command_t command;

    open_story(&story, 0);
    snprintf(group, sizeof group, "/bootstrap/%s", name);
    alphas = golden_read(story.e5, alphas_path);
    write_held(&story, group);
    command = huth(&story, &alphas);
    golden_add_words(&command, more);
    add_rows(&command, "--features", story.x, story.train.n, 0);
    add_rows(&command, "--responses", story.y, story.train.n, 0);
    add_rows(&command, "--test-features", story.x, story.train.n, 1);
    add_rows(&command, "--test-responses", story.y, story.train.n, 1);
    golden_run(&command);
    compare_scores(&story, name, group);
    compare_choices(&story, name, group, &alphas);
    compare_refit(&story, name, group);
    golden_free(&alphas);
    close_story(&story);
}

static void
test_bootstrap(void **state)
{
    (void) state;
    check_bootstrap("corr_per_target", "", "/alphas");
}

static void
test_bootstrap_normalized(void **state)
{
    (void) state;
    check_bootstrap("normalpha", "--alpha-units normalized", "/alphas_normalpha");
}

static void
test_bootstrap_r2(void **state)
{
    (void) state;
    check_bootstrap("r2", "--select huth-r2", "/alphas");
}

static void
test_bootstrap_single_alpha(void **state)
{
    (void) state;
    check_bootstrap("single_alpha", "--shared-alpha", "/alphas");
}

/* ridge_corr(): one set, the test rows. */
static void
check_corr(const char *name, const char *more, const char *alphas_path,
    const char *scores_path, size_t repeated)
{
    story_t story;
    golden_t alphas, scores, found;
    golden_check_t check = {.what = scores_path};
    golden_command_t command;
    double sets[N];

    open_story(&story, repeated);
    alphas = golden_read(story.e5, alphas_path);
    scores = golden_read(story.e5, scores_path);
    for (size_t i = 0; i < N; i++) {
        sets[i] = i >= story.train.n;
    }
    write_rows(story.sets, sets, N, 1);
    command = huth(&story, &alphas);
    golden_add_words(&command, more);
    golden_add_words(&command, "--outer-cv none --features");
    golden_add(&command, story.x);
    golden_add(&command, "--responses");
    golden_add(&command, story.y);
    golden_run(&command);
    found = golden_result(story.result, "/cv_scores");
    assert_int_equal(found.n, scores.n);
    for (size_t i = 0; i < scores.n; i++) {
        golden_close(&check, i, found.data[i], scores.data[i], 1e-9);
    }
    golden_report(name, &check);
    golden_free(&alphas);
    golden_free(&scores);
    golden_free(&found);
    close_story(&story);
}

static void
test_corr(void **state)
{
    (void) state;
    for (int primal = 0; primal < 2; primal++) {
        check_corr("ridge_corr", primal ? "--solver primal" : "--solver dual", "/alphas",
            "/ridge_corr/normalpha0_corr", 0);
        check_corr("ridge_corr, normalised",
            primal ? "--solver primal --alpha-units normalized"
                   : "--solver dual --alpha-units normalized",
            "/alphas_normalpha", "/ridge_corr/normalpha1_corr", 0);
        check_corr("ridge_corr, r2",
            primal ? "--solver primal --select huth-r2"
                   : "--solver dual --select huth-r2",
            "/alphas", "/ridge_corr/normalpha0_signed_sqrt_r2", 0);
    }
}

static void
test_singular_cutoff(void **state)
{
    char e5[TEST_PATH_SIZE], more[64];
    golden_t cutoff;

    (void) state;
    test_need_data(e5, E5);
    cutoff = golden_read(e5, "/singcutoff/large_cutoff");
    snprintf(more, sizeof more, "--singular-cutoff %.17g", cutoff.data[0]);
    check_corr("large cutoff", more, "/alphas", "/singcutoff/large_cutoff_scores", 0);
    golden_free(&cutoff);
    for (int primal = 0; primal < 2; primal++) {
        check_corr("repeated columns",
            primal ? "--singular-cutoff 1e-8 --solver primal"
                   : "--singular-cutoff 1e-8 --solver dual",
            "/singcutoff/alphas", "/singcutoff/scores", REPEATED);
    }
}

/* RidgeCV behind a scaler: what the preset says, but for scaling, grid and criterion. */
static void
run_himalaya(const char *data, const char *more, char *result)
{
    golden_command_t command = {.n = 0};

    golden_add(&command, golden_program);
    golden_add_words(&command,
        "encode fit --quiet --force --preset himalaya --scale-features zscore "
        "--scale-responses zscore --delays 2,3,4,5 --alphas log:0,6,13 "
        "--precision double --save weights,cv -o");
    golden_add(&command, test_join(result, golden_folder, "himalaya.h5"));
    golden_add_spec(&command, "--features", "", data, "/features/glove_content");
    golden_add_spec(&command, "--responses", "", data, "/responses");
    golden_add_spec(&command, "--outer-cv", "rows:", data, "/fold");
    golden_add_spec(&command, "--cv", "rows:", data, "/fold");
    golden_add_words(&command, more);
    golden_run(&command);
}

/* E2: one alpha for all, by the preset's own criterion, the mean squared error. */
static void
test_himalaya_shared(void **state)
{
    char e1[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    golden_t alphas, found, r;
    golden_check_t check = {.what = "r_by_fold"};

    (void) state;
    test_need_data(e1, E1);
    test_need_data(data, DATA);
    run_himalaya(data, "--shared-alpha", result);
    alphas = golden_read(e1, "/whole/inner_none/shared_alpha/alpha_l2");
    found = golden_result(result, "/best_alphas_by_fold");
    assert_int_equal(alphas.n, 5);
    for (size_t i = 0; i < found.n; i++) {
        assert_true(golden_same_alpha(found.data[i], alphas.data[i / 400]));
    }
    golden_free(&found);
    found = golden_result(result, "/scores/r_by_fold");
    r = golden_read(e1, "/whole/inner_none/shared_alpha/r");
    for (size_t i = 0; i < found.n; i++) {
        golden_close(&check, i, found.data[i], r.data[i], 1e-9);
    }
    golden_report("himalaya, one alpha", &check);
    golden_free(&found);
    golden_free(&alphas);
    golden_free(&r);
}

static void
test_himalaya(void **state)
{
    static const golden_fit_t fit = {.name = "himalaya",
        .group = "whole/inner_none",
        .n_targets = 400,
        .n_alphas = 13,
        .n_low = 4,
        GOLDEN_DOUBLE};
    char e1[TEST_PATH_SIZE], data[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    char agree[5 * 400];
    golden_t alphas;

    (void) state;
    test_need_data(e1, E1);
    test_need_data(data, DATA);
    run_himalaya(data, "--select r2", result);
    alphas = golden_read(e1, "/whole/inner_none/nested/best_alphas");
    golden_cv_scores(&fit, result, "/cv_scores_by_fold",
        golden_read(e1, "/whole/inner_none/nested/cv_scores"));
    golden_alphas(&fit, result, "/best_alphas_by_fold", &alphas,
        golden_read(e1, "/whole/inner_none/nested/alpha_margin"), agree);
    golden_outer(&fit, result, "/scores/r_by_fold",
        golden_read(e1, "/whole/inner_none/nested/r"), &alphas, agree);
    golden_free(&alphas);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_bootstrap_normalized),
        cmocka_unit_test(test_bootstrap_r2),
        cmocka_unit_test(test_bootstrap_single_alpha),
        cmocka_unit_test(test_corr),
        cmocka_unit_test(test_singular_cutoff),
        cmocka_unit_test(test_himalaya),
        cmocka_unit_test(test_himalaya_shared),
    };

    (void) argc;
    golden_find_program(argv[0]);
    return cmocka_run_group_tests(tests, golden_begin, golden_end);
}
