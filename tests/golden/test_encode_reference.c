/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `brainalign encode fit` with one given alpha against figures of scikit-learn that came
 * with the data: mean r over the folds of every target, rounded to six decimals. */
#include "tests/golden/golden_fit.h"

#define NARRATIVES "data/narratives_black/narratives_black.h5"
#define NARRATIVES_R "data/narratives_black/reference_r.csv"
#define ALICE "data/alice_rois/alice_6mm.h5"
#define ALICE_R "data/alice_rois/reference_r_6mm.csv"

#define MOST_TARGETS 400

/* Rounding costs up to 5e-7; in float32 the fit costs more. */
#define TOLERANCE_DOUBLE 2e-6
#define TOLERANCE_SINGLE 1e-4

typedef struct {
    const char *name; /* the column of the figures */
    const char *data, *figures, *features, *delays, *detrend, *alpha;
    size_t n_targets, n_missing; /* targets; those without a figure */
} figures_t;

static figures_t figures[] = {
    {"glove_content_a10000", NARRATIVES, NARRATIVES_R, "/features/glove_content",
        "2,3,4,5", "none", "10000", 400, 0},
    {"tinylm_layer3_a1000", NARRATIVES, NARRATIVES_R, "/features/tinylm[,192:256]",
        "2,3,4,5", "none", "1000", 400, 0},
    {"word_rate_a1", NARRATIVES, NARRATIVES_R, "/features/word_rate", "2,3,4,5", "none",
        "1", 400, 0},
    {"tinylm_layer5_a1000", ALICE, ALICE_R, "/features/tinylm[,320:384]", "1,2,3,4",
        "poly:3", "1000", 168, 6},
    {"published12_a100", ALICE, ALICE_R, "/features/published12", "0", "poly:3", "100",
        168, 6},
    {"word_count_a1", ALICE, ALICE_R, "/features/word_count", "1,2,3,4", "poly:3", "1",
        168, 6},
};

#define N_FIGURES (sizeof figures / sizeof figures[0])

/* Field k of a line, taken out of it. NULL past the last. */
static char *
field(char *line, size_t k)
{
    char *start = line;

    line[strcspn(line, "\r\n")] = '\0';
    for (; start && k > 0; k--) {
        start = strchr(start, ',');
        start = start ? start + 1 : NULL;
    }
    if (start) {
        start[strcspn(start, ",")] = '\0';
    }
    return start;
}

/* The number of the column that the header calls `name`. */
static size_t
find_column(const char *header, const char *name)
{
    for (size_t k = 0;; k++) {
        char copy[1024];
        const char *label;

        snprintf(copy, sizeof copy, "%s", header);
        label = field(copy, k);
        if (!label) {
            fail_msg("no column %s", name);
        } else if (strcmp(label, name) == 0) {
            return k;
        }
    }
}

/* Reads a column of figures, empty ones as NaN. */
static size_t
read_figures(const char *file, const char *name, double *values)
{
    FILE *stream = fopen(file, "r");
    char line[1024];
    size_t column, n = 0;

    assert_non_null(stream);
    assert_non_null(fgets(line, sizeof line, stream));
    column = find_column(line, name);
    while (fgets(line, sizeof line, stream)) {
        const char *text = field(line, column);

        assert_true(n < MOST_TARGETS);
        assert_non_null(text);
        values[n++] = *text ? strtod(text, NULL) : (double) NAN;
    }
    fclose(stream);
    return n;
}

static void
fit_one_alpha(const figures_t *f, const char *data, const char *precision, char *result)
{
    golden_command_t command = golden_fit(data, f->features, f->delays, result);

    golden_add_words(&command, "--cv none --save none --detrend");
    golden_add(&command, f->detrend);
    golden_add(&command, "--alphas");
    golden_add(&command, f->alpha);
    golden_add(&command, "--precision");
    golden_add(&command, precision);
    golden_run(&command);
}

/* What has no figure (no variance) has no score either. */
static void
compare_figures(const figures_t *f, const char *result, const double *wanted,
    const char *precision, double tolerance)
{
    golden_t found = golden_result(result, "/scores/r");
    golden_check_t check = {.what = precision};

    assert_int_equal(found.n, f->n_targets);
    for (size_t j = 0; j < f->n_targets; j++) {
        if (isnan(wanted[j])) {
            assert_true(isnan(found.data[j]));
        } else {
            golden_close(&check, j, found.data[j], wanted[j], tolerance);
        }
    }
    assert_int_equal(check.n, f->n_targets - f->n_missing);
    golden_report(f->name, &check);
    golden_free(&found);
}

static void
test_figures(void **state)
{
    const figures_t *f = *state;
    char data[TEST_PATH_SIZE], file[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    double wanted[MOST_TARGETS];

    test_need_data(data, f->data);
    test_need_data(file, f->figures);
    assert_int_equal(read_figures(file, f->name, wanted), f->n_targets);
    fit_one_alpha(f, data, "double", result);
    compare_figures(f, result, wanted, "double", TOLERANCE_DOUBLE);
    fit_one_alpha(f, data, "single", result);
    compare_figures(f, result, wanted, "single", TOLERANCE_SINGLE);
}

int
main(int argc, char **argv)
{
    struct CMUnitTest tests[N_FIGURES];

    (void) argc;
    golden_find_program(argv[0]);
    for (size_t i = 0; i < N_FIGURES; i++) {
        tests[i] =
            (struct CMUnitTest){figures[i].name, test_figures, NULL, NULL, &figures[i]};
    }
    return cmocka_run_group_tests(tests, golden_begin, golden_end);
}
