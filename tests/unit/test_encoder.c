/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/encoder.h"
#include "brainalign/error.h"
#include "core/alloc.h"

enum { N_DELAYS = 2, N_FEATURES = 5, N_TARGETS = 4, N_SPACES = 2, N_ROWS = 7 };

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

/* What a test changes of a well-formed file. */
typedef struct {
    const char *leave_out, *format;
    size_t n_features_of_mean, n_listed_delays, n_response_hashes;
    int64_t first_size, first_delay;
} recipe_t;

static const recipe_t WELL_FORMED = {
    "", BA_ENCODER_FORMAT, N_FEATURES, N_DELAYS, N_ROWS, 3, 1};

static double
weight_at(size_t delay, size_t feature, size_t target)
{
    return 100 * (double) delay + 10 * (double) feature + (double) target;
}

static int
wants(const recipe_t *recipe, const char *name)
{
    return strcmp(recipe->leave_out, name) != 0;
}

static void
write_doubles(ba_bundle_t *bundle, const recipe_t *recipe, const char *name, int rank,
    const size_t *dims, double first)
{
    double values[64];

    for (size_t i = 0; i < 64; i++) {
        values[i] = first + (double) i;
    }
    if (wants(recipe, name)) {
        assert_int_equal(
            ba_bundle_write(bundle, name, BA_F64, rank, dims, values), BA_OK);
    }
}

static void
write_weights(ba_bundle_t *bundle, const recipe_t *recipe)
{
    const size_t dims[3] = {N_DELAYS, N_FEATURES, N_TARGETS};
    float weights[N_DELAYS][N_FEATURES][N_TARGETS];

    for (size_t d = 0; d < N_DELAYS; d++) {
        for (size_t j = 0; j < N_FEATURES; j++) {
            for (size_t t = 0; t < N_TARGETS; t++) {
                weights[d][j][t] = (float) weight_at(d, j, t);
            }
        }
    }
    if (wants(recipe, "/weights")) {
        assert_int_equal(
            ba_bundle_write(bundle, "/weights", BA_F32, 3, dims, weights), BA_OK);
    }
}

static void
write_spaces(ba_bundle_t *bundle, const recipe_t *recipe)
{
    static const char *const names[N_SPACES] = {"sem", "rate"};
    const size_t dims[2] = {N_SPACES, N_DELAYS};
    const int64_t sizes[N_SPACES] = {recipe->first_size, 2};
    const uint8_t has_delay[N_SPACES * N_DELAYS] = {1, 1, 0, 1};

    if (!wants(recipe, "spaces")) {
        return;
    }
    assert_int_equal(
        ba_bundle_write_strings(bundle, "/features/space_names", N_SPACES, names), BA_OK);
    assert_int_equal(
        ba_bundle_write(bundle, "/features/space_sizes", BA_I64, 1, dims, sizes), BA_OK);
    assert_int_equal(
        ba_bundle_write(bundle, "/features/space_delays", BA_U8, 2, dims, has_delay),
        BA_OK);
}

static void
write_hashes(ba_bundle_t *bundle, const recipe_t *recipe)
{
    const size_t n = N_ROWS;
    uint64_t hashes[N_ROWS];

    for (size_t i = 0; i < N_ROWS; i++) {
        hashes[i] = UINT64_MAX - i;
    }
    if (wants(recipe, "hashes")) {
        assert_int_equal(
            ba_bundle_write(bundle, "/splits/feature_hash", BA_U64, 1, &n, hashes),
            BA_OK);
    }
    if (wants(recipe, "hashes") && wants(recipe, "/splits/response_hash")) {
        assert_int_equal(ba_bundle_write(bundle, "/splits/response_hash", BA_U64, 1,
                             &recipe->n_response_hashes, hashes),
            BA_OK);
    }
}

static void
write_encoder(const recipe_t *recipe)
{
    const size_t columns[2] = {N_DELAYS, recipe->n_features_of_mean}, n = N_TARGETS;
    const int64_t delays[N_DELAYS] = {recipe->first_delay, 4}, across = 1;
    const int32_t status[N_TARGETS] = {0, 2, 0, 1};
    ba_bundle_t *bundle;

    assert_int_equal(ba_bundle_create(path, 1, &bundle), BA_OK);
    write_weights(bundle, recipe);
    write_doubles(bundle, recipe, "/scaling/feature_mean", 2, columns, 10);
    write_doubles(bundle, recipe, "/scaling/feature_scale", 2,
        (const size_t[]){N_DELAYS, N_FEATURES}, 20);
    write_doubles(bundle, recipe, "/scaling/response_mean", 1, &n, 30);
    write_doubles(bundle, recipe, "/scaling/response_scale", 1, &n, 40);
    write_doubles(bundle, recipe, "/intercept", 1, &n, 50);
    write_spaces(bundle, recipe);
    write_hashes(bundle, recipe);
    if (wants(recipe, "/status")) {
        assert_int_equal(
            ba_bundle_write(bundle, "/status", BA_I32, 1, &n, status), BA_OK);
    }
    if (wants(recipe, "delays")) {
        assert_int_equal(
            ba_bundle_attr_i64(bundle, "/", "delays", recipe->n_listed_delays, delays),
            BA_OK);
    }
    if (wants(recipe, "delay_across_runs")) {
        assert_int_equal(
            ba_bundle_attr_i64(bundle, "/", "delay_across_runs", 1, &across), BA_OK);
    }
    assert_int_equal(ba_bundle_attr_string(bundle, "/", "format", recipe->format), BA_OK);
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
}

static int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "enc.h5");
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static ba_encoder_t *
load_or_fail(const recipe_t *recipe)
{
    ba_encoder_t *encoder;

    write_encoder(recipe);
    if (ba_encoder_load(path, &encoder) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return encoder;
}

static void
expect_failure(const recipe_t *recipe, int wanted, const char *words)
{
    ba_encoder_t *encoder;

    write_encoder(recipe);
    assert_int_equal(ba_encoder_load(path, &encoder), wanted);
    assert_null(encoder);
    assert_contains(ba_error_message(), words);
    assert_contains(ba_error_message(), "enc.h5");
}

static void
test_everything(void **state)
{
    const uint8_t has_delay[N_SPACES * N_DELAYS] = {1, 1, 0, 1};
    const int32_t status[N_TARGETS] = {0, 2, 0, 1};
    ba_encoder_t *encoder = load_or_fail(&WELL_FORMED);

    (void) state;
    assert_string_equal(encoder->path, path);
    assert_int_equal(encoder->n_delays, N_DELAYS);
    assert_int_equal(encoder->n_features, N_FEATURES);
    assert_int_equal(encoder->n_targets, N_TARGETS);
    assert_int_equal(encoder->n_spaces, N_SPACES);
    assert_int_equal(encoder->delays[0], 1);
    assert_int_equal(encoder->delays[1], 4);
    assert_int_equal(encoder->delay_across_runs, 1);
    assert_string_equal(encoder->space_names[0], "sem");
    assert_string_equal(encoder->space_names[1], "rate");
    assert_int_equal(encoder->space_features[0], 3);
    assert_int_equal(encoder->space_features[1], 2);
    assert_memory_equal(encoder->space_delays, has_delay, sizeof has_delay);
    assert_memory_equal(encoder->status, status, sizeof status);
    assert_close(encoder->feature_mean[1 * N_FEATURES + 2], 17, 0);
    assert_close(encoder->feature_scale[9], 29, 0);
    assert_close(encoder->response_mean[3], 33, 0);
    assert_close(encoder->response_scale[0], 40, 0);
    assert_close(encoder->intercept[2], 52, 0);
    assert_int_equal(encoder->n_rows, N_ROWS);
    assert_true(encoder->feature_hash[6] == UINT64_MAX - 6);
    assert_true(encoder->response_hash[1] == UINT64_MAX - 1);
    ba_encoder_free(encoder);
}

static void
test_weights(void **state)
{
    double weights[N_DELAYS * N_FEATURES * N_TARGETS];
    ba_encoder_t *encoder = load_or_fail(&WELL_FORMED);

    (void) state;
    for (size_t t0 = 0; t0 < N_TARGETS; t0++) {
        for (size_t n = 1; n <= N_TARGETS - t0; n++) {
            assert_int_equal(ba_encoder_read_weights(encoder, t0, n, weights), BA_OK);
            for (size_t i = 0; i < N_DELAYS * N_FEATURES * n; i++) {
                double wanted =
                    weight_at(i / n / N_FEATURES, i / n % N_FEATURES, t0 + i % n);

                assert_close(weights[i], wanted, 0);
            }
        }
    }
    assert_int_equal(ba_encoder_read_weights(encoder, N_TARGETS, 0, weights), BA_OK);
    assert_int_equal(ba_encoder_read_weights(encoder, 2, 3, weights), BA_VALUE);
    assert_contains(ba_error_message(), "targets 2 to 5, but there are 4");
    assert_int_equal(ba_encoder_read_weights(encoder, 5, 1, weights), BA_VALUE);
    ba_encoder_free(encoder);
}

static void
test_optional_parts(void **state)
{
    recipe_t recipe = WELL_FORMED;
    ba_encoder_t *encoder;

    (void) state;
    recipe.leave_out = "spaces";
    encoder = load_or_fail(&recipe);
    assert_int_equal(encoder->n_spaces, 1);
    assert_string_equal(encoder->space_names[0], "features");
    assert_int_equal(encoder->space_features[0], N_FEATURES);
    assert_int_equal(encoder->space_delays[0] + encoder->space_delays[1], 2);
    ba_encoder_free(encoder);
    recipe.leave_out = "hashes";
    encoder = load_or_fail(&recipe);
    assert_int_equal(encoder->n_rows, 0);
    assert_null(encoder->feature_hash);
    assert_null(encoder->response_hash);
    ba_encoder_free(encoder);
    recipe.leave_out = "/splits/response_hash";
    encoder = load_or_fail(&recipe);
    assert_int_equal(encoder->n_rows, N_ROWS);
    assert_non_null(encoder->feature_hash);
    assert_null(encoder->response_hash);
    ba_encoder_free(encoder);
    recipe.leave_out = "/status";
    encoder = load_or_fail(&recipe);
    assert_int_equal(encoder->status[1], 0);
    ba_encoder_free(encoder);
    recipe.leave_out = "delay_across_runs";
    encoder = load_or_fail(&recipe);
    assert_int_equal(encoder->delay_across_runs, 0);
    ba_encoder_free(encoder);
}

static void
test_missing_parts(void **state)
{
    static const char *const needed[] = {"/scaling/feature_mean",
        "/scaling/feature_scale", "/scaling/response_mean", "/scaling/response_scale",
        "/intercept", "delays"};
    recipe_t recipe = WELL_FORMED;

    (void) state;
    recipe.leave_out = "/weights";
    expect_failure(&recipe, BA_MISSING, "saved without its weights");
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        recipe.leave_out = needed[i];
        expect_failure(&recipe, BA_MISSING, needed[i]);
    }
}

static void
test_what_does_not_fit(void **state)
{
    recipe_t recipe = WELL_FORMED;

    (void) state;
    recipe.format = "brainalign-decoder";
    expect_failure(&recipe, BA_FORMAT, "brainalign-decoder");
    recipe = WELL_FORMED;
    recipe.n_features_of_mean = 4;
    expect_failure(
        &recipe, BA_FORMAT, "/scaling/feature_mean: dimension 2 is 4, wanted 5");
    recipe = WELL_FORMED;
    recipe.n_listed_delays = 1;
    expect_failure(&recipe, BA_FORMAT, "1 delays, but the weights have 2");
    recipe = WELL_FORMED;
    recipe.first_delay = INT64_MAX;
    expect_failure(&recipe, BA_FORMAT, "a delay of 9223372036854775807 samples");
    recipe = WELL_FORMED;
    recipe.n_response_hashes = 6;
    expect_failure(&recipe, BA_FORMAT, "/splits/response_hash: dimension 1 is 6");
    recipe = WELL_FORMED;
    recipe.first_size = 2;
    expect_failure(&recipe, BA_FORMAT, "4 features in all, but the weights have 5");
    recipe.first_size = 4;
    expect_failure(&recipe, BA_FORMAT, "2 features in space 'rate', wanted 5 in all");
    recipe.first_size = -1;
    expect_failure(&recipe, BA_FORMAT, "-1 features in space 'sem'");
}

static void
test_no_file(void **state)
{
    ba_encoder_t *encoder;
    char absent[TEST_PATH_SIZE];

    (void) state;
    assert_int_equal(
        ba_encoder_load(test_join(absent, folder, "absent.h5"), &encoder), BA_IO);
    assert_null(encoder);
    test_write_file(absent, "not HDF5", 8);
    assert_int_equal(ba_encoder_load(absent, &encoder), BA_FORMAT);
    ba_encoder_free(NULL);
}

static void
test_no_memory(void **state)
{
    ba_encoder_t *encoder = NULL;
    int status = BA_NOMEM;

    (void) state;
    write_encoder(&WELL_FORMED);
    for (size_t n = 1; status != BA_OK && n < 300; n++) {
        ba_alloc_fail_at(n);
        status = ba_encoder_load(path, &encoder);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
    ba_encoder_free(encoder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_optional_parts),
        cmocka_unit_test(test_missing_parts),
        cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
