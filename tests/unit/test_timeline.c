/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ba_prepare() from end to end on small tables, against loops written out. */
#include "tests/timelinelib.h"

#include "brainalign/bundle.h"

/* C order. */
static void
read_array(const char *path, size_t n_rows, size_t n_cols, double *values)
{
    ba_bundle_t *bundle;
    size_t dims[BA_MAX_RANK];
    int rank = 0;

    if (ba_bundle_open(output, "brainalign-dataset", &bundle) != BA_OK ||
        ba_bundle_shape(bundle, path, &rank, dims) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(dims[0], n_rows);
    assert_int_equal(rank == 2 ? dims[1] : 1, n_cols);
    assert_int_equal(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, values), BA_OK);
    ba_bundle_free(bundle);
}

/* Weight of word i in volume t of the same run. */
typedef double weight_t(size_t t, size_t i);

static double
lanczos(size_t t, size_t i)
{
    return ba_lanczos_weight(2 * (double) t + 1 - (onset[i] + offset[i]) / 2, 0.5, 3);
}

static double
sum(size_t t, size_t i)
{
    return floor(onset[i] / 2) == (double) t;
}

static double
count(size_t run, size_t t)
{
    double n = 0;

    for (size_t i = 12 * run; i < 12 * run + 12; i++) {
        n += is_timed(i) ? sum(t, i) : 0;
    }
    return n;
}

static double
mean(size_t t, size_t i)
{
    return sum(t, i) > 0 ? sum(t, i) / count(i / 12, t) : 0;
}

static double
last(size_t t, size_t i)
{
    for (size_t k = i + 1; k < 12 * (i / 12) + 12; k++) {
        if (is_timed(k) && sum(t, k) > 0) {
            return 0;
        }
    }
    return sum(t, i);
}

static double
spm(size_t t, size_t i)
{
    return ba_hrf_value(BA_HRF_SPM, BA_HRF_CANONICAL, 2 * (double) t + 1 - onset[i]);
}

static double
spm_by_time(size_t t, size_t i)
{
    return ba_hrf_value(BA_HRF_SPM, BA_HRF_TIME, 2 * (double) t + 1 - onset[i]);
}

static double
expected(weight_t *weight, size_t row, const double *values)
{
    double total = 0;

    for (size_t i = row / N_RUN * 12; i < row / N_RUN * 12 + 12; i++) {
        total += is_timed(i) ? weight(row % N_RUN, i) * values[i] : 0;
    }
    return total;
}

/* Columns col0.. of what was written. */
static void
assert_features(const char *path, size_t n_cols, size_t col0, weight_t *weight)
{
    double *found = malloc(N_VOLUMES * n_cols * sizeof *found);

    assert_non_null(found);
    read_array(path, N_VOLUMES, n_cols, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        for (size_t j = 0; j < N_FEATURES; j++) {
            assert_close(found[t * n_cols + col0 + j],
                expected(weight, t, x + j * N_WORDS), 1e-13);
        }
    }
    free(found);
}

static void
test_methods(void **state)
{
    weight_t *const weights[] = {lanczos, mean, sum, last};
    ba_prepare_opts_t opts = small();
    ba_prepare_info_t info;

    (void) state;
    for (int how = BA_PREPARE_LANCZOS; how <= BA_PREPARE_LAST; how++) {
        opts.resample = (ba_prepare_resample_t) how;
        must_prepare(NULL, &opts, &info);
        assert_features("/features/x", N_FEATURES, 0, weights[how]);
    }
    assert_int_equal(info.n_runs, 2);
    assert_int_equal(info.n_words, N_WORDS);
    assert_int_equal(info.n_missing, 1);
    assert_int_equal(info.n_volumes, N_VOLUMES);
    assert_int_equal(info.n_features, N_FEATURES);
    assert_int_equal(info.n_empty, 0);
}

static void
test_responses(void **state)
{
    ba_prepare_opts_t opts = small();
    double events[N_VOLUMES * 2], series[N_VOLUMES];

    (void) state;
    opts.resample = BA_PREPARE_EVENTS;
    opts.hrf = BA_PREPARE_HRF_SPM;
    opts.hrf_basis = BA_HRF_TIME;
    must_prepare(NULL, &opts, NULL);
    assert_features("/features/x", 2 * N_FEATURES, 0, spm);
    assert_features("/features/x", 2 * N_FEATURES, N_FEATURES, spm_by_time);
    read_array("/control/word_rate", N_VOLUMES, 2, events);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        double ones[N_WORDS];

        for (size_t i = 0; i < N_WORDS; i++) {
            ones[i] = 1;
        }
        assert_close(events[2 * t], expected(spm, t, ones), 1e-13);
    }
    /* Of the series of word counts, 2 s bins: about 4 s of 0.9 s words a volume, so the
     * two agree to what the bins blur. */
    opts.resample = BA_PREPARE_SUM;
    opts.hrf_basis = BA_HRF_CANONICAL;
    must_prepare(NULL, &opts, NULL);
    read_array("/control/word_rate", N_VOLUMES, 1, series);
    for (size_t t = 2; t < N_RUN; t++) {
        assert_close(series[t], 2 * events[2 * t], 0.25);
    }
}

static void
test_controls(void **state)
{
    ba_prepare_opts_t opts = small();
    double length[N_WORDS], surprisal[N_WORDS], position[N_WORDS], found[N_VOLUMES];
    double oasm[N_VOLUMES * N_VOLUMES], in_sentence = 0;

    (void) state;
    opts.resample = BA_PREPARE_MEAN;
    opts.controls |= BA_CONTROL_OASM;
    opts.oasm_sigma = 1.5;
    must_prepare(NULL, &opts, NULL);
    for (size_t i = 0; i < N_WORDS; i++) {
        int is_first = i == 0 || i == 12 || (i % 5 == 0);

        length[i] = (double) (i % 4 + 1);
        surprisal[i] = (double) i;
        in_sentence = is_first ? 1 : in_sentence + 1;
        position[i] = in_sentence;
    }
    read_array("/control/word_length", N_VOLUMES, 1, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        assert_close(found[t], expected(mean, t, length), 1e-13);
    }
    read_array("/control/surprisal", N_VOLUMES, 1, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        assert_close(found[t], expected(mean, t, surprisal), 1e-13);
    }
    read_array("/control/sentence_position", N_VOLUMES, 1, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        assert_close(found[t], expected(mean, t, position), 1e-13);
    }
    read_array("/control/word_rate", N_VOLUMES, 1, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        assert_close(found[t], count(t / N_RUN, t % N_RUN), 0); /* not the mean, 1 */
    }
    read_array("/control/run_position", N_VOLUMES, 1, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        assert_close(found[t], ((double) (t % N_RUN) + 0.5) / N_RUN, 1e-15);
    }
    read_array("/control/oasm", N_VOLUMES, N_VOLUMES, oasm);
    assert_close(oasm[1] / oasm[0], exp(-1 / 4.5), 1e-14);
    assert_close(oasm[N_RUN - 1 + 1], 0, 0); /* another run */
}

static void
test_frame(void **state)
{
    ba_prepare_opts_t opts = small();
    double found[N_WORDS];
    ba_bundle_t *bundle;
    char **names;
    size_t n;

    (void) state;
    opts.scan.stimulus_start = &(double){0.5};
    opts.scan.n_starts = 1;
    opts.scan.slice_time = 0.25;
    must_prepare(NULL, &opts, NULL);
    read_array("/run", N_VOLUMES, 1, found);
    for (size_t t = 0; t < N_VOLUMES; t++) {
        assert_close(found[t], (double) (t / N_RUN + 1), 0);
    }
    read_array("/times", N_VOLUMES, 1, found);
    assert_close(found[N_RUN + 2], 4.25, 0);
    read_array("/words/onset", N_WORDS, 1, found);
    assert_close(found[13], onset[13] + 0.5, 1e-15);
    assert_true(isnan(found[7]));
    read_array("/words/volume", N_WORDS, 1, found);
    assert_close(found[7], -1, 0);
    assert_close(found[14], N_RUN + floor((onset[14] + 0.5) / 2), 0);
    assert_int_equal(ba_bundle_open(output, "brainalign-dataset", &bundle), BA_OK);
    assert_int_equal(ba_bundle_read_strings(bundle, "/run_names", &n, &names), BA_OK);
    assert_int_equal(n, 2);
    assert_string_equal(names[1], "b");
    free(names);
    assert_int_equal(
        ba_bundle_read_strings(bundle, "/provenance/inputs", &n, &names), BA_OK);
    assert_int_equal(n, 2);
    free(names);
    ba_bundle_free(bundle);
}

/* The buffers of a small budget hold one column: the same bits. */
static void
test_blocks(void **state)
{
    ba_prepare_opts_t opts = small();
    double wide[N_VOLUMES * N_FEATURES], narrow[N_VOLUMES * N_FEATURES];
    ba_ctx_t ctx = ba_ctx_default();

    (void) state;
    must_prepare(NULL, &opts, NULL);
    read_array("/features/x", N_VOLUMES, N_FEATURES, wide);
    ctx.memory = 1000;
    must_prepare(&ctx, &opts, NULL);
    read_array("/features/x", N_VOLUMES, N_FEATURES, narrow);
    assert_memory_equal(wide, narrow, sizeof wide);
}

/* The same name again adds rows: a file for each run. */
static void
test_parts(void **state)
{
    char first[TEST_PATH_SIZE + 20], second[TEST_PATH_SIZE + 20];
    ba_prepare_opts_t opts = small();

    (void) state;
    snprintf(first, sizeof first, "lm=%s[:12,]", x_path);
    snprintf(second, sizeof second, "lm=%s[12:,]", x_path);
    activations[0] = first;
    activations[1] = second;
    opts.n_activations = 2;
    must_prepare(NULL, &opts, NULL);
    assert_features("/features/lm", N_FEATURES, 0, lanczos);
    activations[0] = activations[1] = x_path;
}

/* Three dimensions: a data set for each layer. */
static void
test_layers(void **state)
{
    const size_t dims[3] = {2, N_WORDS, N_FEATURES};
    double layers[2 * N_WORDS * N_FEATURES];
    char file[TEST_PATH_SIZE], spec[TEST_PATH_SIZE + 20];
    ba_prepare_opts_t opts = small();
    ba_prepare_info_t info;
    ba_bundle_t *bundle;

    (void) state;
    for (size_t i = 0; i < N_WORDS * N_FEATURES; i++) {
        layers[i] = 77;
        layers[N_WORDS * N_FEATURES + i] = x[i / N_FEATURES + i % N_FEATURES * N_WORDS];
    }
    assert_int_equal(
        ba_bundle_create(test_join(file, folder, "l.h5"), 0, &bundle), BA_OK);
    assert_int_equal(ba_bundle_write(bundle, "/act", BA_F64, 3, dims, layers), BA_OK);
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
    snprintf(spec, sizeof spec, "lm=%s:/act", file);
    activations[0] = spec;
    must_prepare(NULL, &opts, &info);
    assert_int_equal(info.n_spaces, 2);
    assert_features("/features/lm_1", N_FEATURES, 0, lanczos);
    activations[0] = x_path;
}

/* Every word two tokens, the second of which counts. */
static void
test_tokens(void **state)
{
    char tokens[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    ba_prepare_opts_t opts = small();
    FILE *file = fopen(test_join(path, folder, "t.csv"), "w");
    FILE *map = fopen(test_join(tokens, folder, "map.csv"), "w");

    (void) state;
    assert_non_null(file);
    assert_non_null(map);
    for (size_t i = 0; i < 2 * N_WORDS; i++) {
        for (size_t j = 0; j < N_FEATURES; j++) {
            fprintf(file, "%.17g%c", i % 2 ? x[i / 2 + j * N_WORDS] : 77.0,
                j + 1 < N_FEATURES ? ',' : '\n');
        }
        fprintf(map, "%zu\n", i / 2);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(fclose(map), 0);
    activations[0] = path;
    opts.token_words = tokens;
    must_prepare(NULL, &opts, NULL);
    assert_features("/features/t", N_FEATURES, 0, lanczos);
    activations[0] = x_path;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_methods, make, drop),
        cmocka_unit_test_setup_teardown(test_responses, make, drop),
        cmocka_unit_test_setup_teardown(test_controls, make, drop),
        cmocka_unit_test_setup_teardown(test_frame, make, drop),
        cmocka_unit_test_setup_teardown(test_blocks, make, drop),
        cmocka_unit_test_setup_teardown(test_parts, make, drop),
        cmocka_unit_test_setup_teardown(test_layers, make, drop),
        cmocka_unit_test_setup_teardown(test_tokens, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
