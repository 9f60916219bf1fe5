/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Similarities of models against golden file N6: six layers of a language model on two
 * stories, fewer rows than neurons, and collinear neurons. */
#include "tests/golden/golden.h"

#include "brainalign/similarity.h"

#define N6 "golden/neurons/n6_crossmodel.h5"
#define NARRATIVES "data/narratives_black/narratives_black.h5"
#define ALICE "data/alice_rois/alice_6mm.h5"

enum { MOST = 6 };

typedef struct {
    const char *group;
    ba_cdmat_t models[MOST];
    double *data[MOST];
    size_t n_models, n_all;
    char file[TEST_PATH_SIZE];
} case_t;

/* Rows from `row0` on and columns of a layer. */
static double *
layer_of(const golden_t *words, size_t row0, size_t n, size_t layer)
{
    double *x = malloc(n * 64 * sizeof *x);

    assert_non_null(x);
    for (size_t j = 0; j < 64; j++) {
        for (size_t i = 0; i < n; i++) {
            x[i + j * n] = words->data[(row0 + i) * 384 + 64 * layer + j];
        }
    }
    return x;
}

static void
add_model(case_t *c, double *x, size_t n, size_t p)
{
    c->data[c->n_models] = x;
    c->models[c->n_models++] = (ba_cdmat_t){x, n, p, n};
    c->n_all += p;
}

static int
open_layers(case_t *c, const char *group, const char *data, size_t row0, size_t n)
{
    char path[TEST_PATH_SIZE];
    golden_t words;

    *c = (case_t){.group = group};
    if (!test_data_path(path, sizeof path, data) ||
        !test_data_path(c->file, sizeof c->file, N6)) {
        return 0;
    }
    words = golden_read(path, "word/tinylm");
    for (size_t layer = 0; layer < 6; layer++) {
        add_model(c, layer_of(&words, row0, n, layer), n, 64);
    }
    golden_free(&words);
    return 1;
}

/* Layer 0; 32 columns of layer 1, 16 of them again, 10 combinations, one of zeros; layer
 * 5. */
static int
open_collinear(case_t *c)
{
    enum { N = 300, P = 59 };
    double *second;
    golden_t words;
    char path[TEST_PATH_SIZE];

    *c = (case_t){.group = "collinear"};
    if (!test_data_path(path, sizeof path, NARRATIVES) ||
        !test_data_path(c->file, sizeof c->file, N6)) {
        return 0;
    }
    words = golden_read(path, "word/tinylm");
    second = calloc(N * P, sizeof *second);
    assert_non_null(second);
    for (size_t i = 0; i < N; i++) {
        const double *row = words.data + 384 * i;

        for (size_t j = 0; j < 58; j++) {
            second[i + j * N] = j < 32   ? row[64 + j]
                                : j < 48 ? row[64 + j - 32]
                                         : 2.0 * row[80 + j - 48] - row[64 + j - 48];
        }
    }
    add_model(c, layer_of(&words, 0, N, 0), N, 64);
    add_model(c, second, N, P);
    add_model(c, layer_of(&words, 0, N, 5), N, 64);
    golden_free(&words);
    return 1;
}

static void
close_case(case_t *c)
{
    for (size_t m = 0; m < c->n_models; m++) {
        free(c->data[m]);
    }
}

static void
compare(const case_t *c, const char *name, const double *found, double tolerance)
{
    golden_t wanted = golden_read_in(c->file, c->group, name);
    golden_check_t check = {.what = name};

    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found[i], wanted.data[i], tolerance);
    }
    golden_report(c->group, &check);
    golden_free(&wanted);
}

/* Neurons of each model by descending score, the lower one first on ties. */
static void
check_order(const case_t *c, const char *name, const double *score)
{
    golden_t wanted = golden_read_in(c->file, c->group, name);
    size_t first = 0;

    for (size_t m = 0; m < c->n_models; m++) {
        size_t n = c->models[m].n_cols;

        for (size_t i = 0; i < n; i++) {
            size_t rank = 0;

            for (size_t k = 0; k < n; k++) {
                /* Duplicated neurons tie but for rounding. */
                double gap = score[first + k] - score[first + i];

                rank += gap > 1e-13 || (fabs(gap) <= 1e-13 && k < i);
            }
            assert_int_equal(wanted.data[first + rank], i);
        }
        first += n;
    }
    golden_free(&wanted);
}

static void
check_neurons(const case_t *c)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_similarity_opts_t opts = ba_similarity_opts_default();
    double *most = malloc(c->n_all * sizeof *most), ranks[MOST];
    double *least = malloc(c->n_all * sizeof *least);
    size_t rank[MOST];

    assert_non_null(most);
    assert_non_null(least);
    assert_int_equal(
        ba_similarity_correlation(&ctx, c->models, c->n_models, most, least, NULL, NULL),
        0);
    compare(c, "maxcorr", most, 1e-9);
    compare(c, "mincorr", least, 1e-9);
    check_order(c, "maxcorr_order", most);
    check_order(c, "mincorr_order", least);
    assert_int_equal(
        ba_similarity_linreg(&ctx, c->models, c->n_models, &opts, least, rank), 0);
    compare(c, "linreg_min", least, 1e-8);
    for (size_t m = 0; m < c->n_models; m++) {
        ranks[m] = (double) rank[m];
    }
    compare(c, "rank", ranks, 0.0);
    free(most);
    free(least);
}

static void
check_spaces(const case_t *c)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_similarity_opts_t opts = ba_similarity_opts_default();
    double svcca[MOST * MOST], cka[MOST * MOST], *example;
    ba_similarity_spaces_t out = {.svcca = svcca, .cka = cka};
    size_t n;

    assert_int_equal(ba_similarity_spaces(&ctx, c->models, c->n_models, &opts, &out), 0);
    compare(c, "svcca_mean_centred", svcca, 1e-9);
    compare(c, "cka_centred", cka, 1e-9);
    opts.more = 1;
    assert_int_equal(ba_similarity_spaces(&ctx, c->models, c->n_models, &opts, &out), 0);
    compare(c, "svcca_mean_centred_plus1", svcca, 1e-9);
    opts.more = 0;
    assert_int_equal(ba_similarity_svcca(&ctx, c->models[1], c->models[c->n_models - 1],
                         &opts, &example, &n),
        0);
    compare(c, "svcca_centred_example", example, 1e-9);
    free(example);
    opts.centre = 0;
    assert_int_equal(ba_similarity_spaces(&ctx, c->models, c->n_models, &opts, &out), 0);
    compare(c, "svcca_mean_raw", svcca, 1e-9);
    compare(c, "cka_raw", cka, 1e-9);
}

static void
check_case(case_t *c, int opened)
{
    if (!opened) {
        test_skip("no data folder");
    }
    check_neurons(c);
    check_spaces(c);
    close_case(c);
}

static void
test_narratives(void **state)
{
    case_t c;

    (void) state;
    check_case(&c, open_layers(&c, "narratives_words", NARRATIVES, 0, 1544));
}

static void
test_alice(void **state)
{
    case_t c;

    (void) state;
    check_case(&c, open_layers(&c, "alice_words", ALICE, 0, 2127));
}

static void
test_fewer_rows(void **state)
{
    case_t c;

    (void) state;
    check_case(
        &c, open_layers(&c, "alice_48_words_fewer_rows_than_neurons", ALICE, 100, 48));
}

static void
test_collinear(void **state)
{
    case_t c;

    (void) state;
    check_case(&c, open_collinear(&c));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narratives),
        cmocka_unit_test(test_alice),
        cmocka_unit_test(test_fewer_rows),
        cmocka_unit_test(test_collinear),
    };

    return cmocka_run_group_tests_name("similarity", tests, NULL, NULL);
}
