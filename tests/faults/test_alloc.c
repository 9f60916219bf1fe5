/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every allocation of every entry point fails once: of reading, of a whole fit, of
 * writing. */
#include "tests/faults/exhaust.h"

#include "brainalign.h"

enum { N_SAMPLES = 24, N_FEATURES = 3, N_TARGETS = 4 };

static char folder[TEST_PATH_SIZE];
static char h5_spec[TEST_PATH_SIZE], y_spec[TEST_PATH_SIZE], run_spec[TEST_PATH_SIZE];
static char csv_path[TEST_PATH_SIZE], npy_path[TEST_PATH_SIZE], nii_path[TEST_PATH_SIZE];
static char gz_path[TEST_PATH_SIZE], mask_path[TEST_PATH_SIZE],
    table_path[TEST_PATH_SIZE];
static char encoder_path[TEST_PATH_SIZE];
static double x[N_SAMPLES * N_FEATURES], y[N_SAMPLES * N_TARGETS];

/* One thread: the n-th allocation is then the same one in every run. */
static ba_ctx_t
quiet_ctx(void)
{
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 1;
    ctx.memory = (size_t) 256 << 20;
    return ctx;
}

/* ---- sources and tables ---- */

static int
read_source(const char *spec, const char *mask)
{
    ba_ctx_t ctx = quiet_ctx();
    ba_source_opts_t opts = {.mask = mask};
    ba_source_t *source = NULL;
    double block[4];
    int status = ba_source_open(&ctx, spec, &opts, &source);

    if (status == BA_OK) {
        status = ba_source_read(source, 0, 1, 2, 1, 2, block, 2);
    } else {
        assert_null(source);
    }
    ba_source_close(source);
    return status;
}

static int
read_hdf5(void)
{
    return read_source(h5_spec, NULL);
}

static int
read_npy(void)
{
    return read_source(npy_path, NULL);
}

static int
read_csv(void)
{
    return read_source(csv_path, NULL);
}

static int
read_nifti(void)
{
    return read_source(nii_path, NULL);
}

static int
read_masked_nifti(void)
{
    return read_source(gz_path, mask_path);
}

static int
read_table(void)
{
    ba_table_t *table = NULL;
    int status = ba_table_read(table_path, BA_TABLE_HEADER, &table);

    assert_true((status == BA_OK) == (table != NULL));
    ba_table_free(table);
    return status;
}

static void
sources(void **state)
{
    (void) state;
    exhaust(read_hdf5, 5);
    exhaust(read_npy, 3);
    exhaust(read_csv, 5);
    exhaust(read_nifti, 3);
    exhaust(read_masked_nifti, 5);
}

static void
tables(void **state)
{
    (void) state;
    exhaust(read_table, 3);
}

/* ---- data sets ---- */

static int
open_from_table(void)
{
    ba_ctx_t ctx = quiet_ctx();
    ba_dataset_opts_t opts = {.run_table = table_path, .mask = mask_path};
    ba_dataset_t *dataset = NULL;
    int status = ba_dataset_open(&ctx, &opts, &dataset);

    assert_true((status == BA_OK) == (dataset != NULL));
    ba_dataset_free(dataset);
    return status;
}

static int
open_from_specs(ba_dataset_t **dataset)
{
    static const char *features;
    ba_ctx_t ctx = quiet_ctx();
    ba_dataset_opts_t opts = {.features = &features,
        .n_features = 1,
        .responses = y_spec,
        .runs = run_spec,
        .mask = mask_path};

    features = h5_spec;
    return ba_dataset_open(&ctx, &opts, dataset);
}

static int
open_and_free(void)
{
    ba_ctx_t ctx = quiet_ctx();
    ba_dataset_t *dataset = NULL;
    float *single = NULL;
    double *full = NULL;
    int status;

    BA_TRY(open_from_specs(&dataset));
    BA_TRY(ba_dataset_read_features(
        &ctx, dataset->train.features[0], "features", &single, &full));
out:
    free(single);
    free(full);
    ba_dataset_free(dataset);
    return status;
}

static void
data_sets(void **state)
{
    (void) state;
    exhaust(open_from_table, 20);
    exhaust(open_and_free, 10);
}

/* ---- bundles ---- */

static int
write_bundle(void)
{
    static const char *const words[2] = {"one", "two"};
    const size_t dims[2] = {N_TARGETS, N_SAMPLES}, zero[2] = {0, 0};
    ba_bundle_t *bundle = NULL;
    ba_sink_t *sink;
    int status;

    BA_TRY(ba_bundle_create(out_path, 0, &bundle));
    BA_TRY(ba_bundle_write(bundle, "/a/y", BA_F64, 2, dims, y));
    BA_TRY(ba_bundle_write_strings(bundle, "/a/words", 2, words));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-test"));
    BA_TRY(ba_bundle_attr_strings(bundle, "/a", "names", 2, words));
    BA_TRY(ba_bundle_attr_f64(bundle, "/a", "values", 3, x));
    BA_TRY(ba_bundle_reserve(bundle, "/b", BA_F64, 2, dims, &sink));
    BA_TRY(ba_sink_write(sink, zero, dims, y));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    return status;
}

static void
bundles(void **state)
{
    (void) state;
    exhaust(write_bundle, 10);
}

/* ---- ridge and fit ---- */

static int
solve_in(ba_solver_t solver)
{
    ba_ctx_t ctx = quiet_ctx();
    const double alphas[N_TARGETS] = {0, 1, 10, 10};
    ba_ridge_opts_t opts = {.solver = solver, .intercept = BA_INTERCEPT_YES};
    double weights[N_FEATURES * N_TARGETS], intercepts[N_TARGETS];

    return ba_ridge_solve(&ctx, (ba_cdmat_t){x, N_SAMPLES, N_FEATURES, N_SAMPLES},
        (ba_cdmat_t){y, N_SAMPLES, N_TARGETS, N_SAMPLES}, alphas, N_TARGETS, &opts,
        (ba_dmat_t){weights, N_FEATURES, N_TARGETS, N_FEATURES}, intercepts);
}

static int
solve_primal(void)
{
    return solve_in(BA_SOLVER_PRIMAL);
}

static int
solve_dual(void)
{
    return solve_in(BA_SOLVER_DUAL);
}

static void
ridge(void **state)
{
    (void) state;
    exhaust(solve_primal, 3);
    exhaust(solve_dual, 3);
}

static ba_fit_opts_t fit_opts;
static size_t fit_components;

static int
run_fit(void)
{
    static const int delays[2] = {0, 1};
    static const size_t onsets[3] = {0, 8, 16};
    ba_ctx_t ctx = quiet_ctx();
    ba_space_t space = {.name = "x",
        .full = x,
        .n_features = N_FEATURES,
        .delays = delays,
        .n_delays = 2,
        .n_components = fit_components};
    ba_detrend_opts_t detrend;
    ba_fit_data_t data = {.detrend = &detrend};
    ba_design_t *design = NULL;
    ba_fit_result_t result = {0};
    ba_fit_info_t info;
    ba_runs_t runs = {0};
    int status;

    BA_TRY(ba_detrend_parse("poly:1", &detrend));
    BA_TRY(ba_runs_from_onsets(onsets, 3, N_SAMPLES, &runs));
    BA_TRY(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design));
    BA_TRY(ba_source_from_memory(y, N_SAMPLES, N_TARGETS, N_SAMPLES, "y", &data.targets));
    data.design = design;
    data.runs = &runs;
    BA_TRY(ba_fit_run(&ctx, &data, &fit_opts, NULL, &result, &info));
out:
    ba_fit_result_free(&result);
    ba_source_close(data.targets);
    ba_design_free(design);
    ba_runs_free(&runs);
    return status;
}

static void
fits(void **state)
{
    static double grid[2] = {1, 10};
    static const ba_solver_t solvers[2] = {BA_SOLVER_PRIMAL, BA_SOLVER_DUAL};

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        fit_opts = ba_fit_opts_default();
        fit_opts.solver = solvers[i];
        fit_opts.precision = i == 0 ? BA_SINGLE : BA_DOUBLE;
        fit_opts.want_fold_weights = 1;
        fit_opts.want_predictions = 1;
        fit_opts.want_cv = 1;
        exhaust(run_fit, 50);
        fit_opts.alphas = (ba_alphas_t){grid, 2};
        fit_opts.inner_scaling = BA_INNER_STRICT;
        fit_components = 2;
        exhaust(run_fit, 50);
        fit_components = 0;
        fit_opts.inner_scaling = BA_INNER_OUTER;
        fit_opts.alphas_relative = 1;
        fit_opts.cv = (ba_cv_opts_t){
            .kind = BA_CV_BOOTSTRAP, .n_folds = 2, .chunk_len = 2, .n_chunks = 1};
        exhaust(run_fit, 50);
    }
}

/* ---- encoders ---- */

static int
fit_encoder(const char *output)
{
    ba_ctx_t ctx = quiet_ctx();
    static const char *const components[] = {"1"};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();
    ba_dataset_t *dataset = NULL;
    int status;

    opts.delays = "1";
    opts.pca = components;
    opts.n_pca = 1;
    opts.fit.scale_features = BA_SCALE_RUNS;
    opts.output = output;
    opts.fit.want_weights = 1;
    opts.fit.want_fold_weights = 1;
    opts.fit.want_predictions = 1;
    opts.fit.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    opts.fit.outer_cv = opts.fit.cv;
    BA_TRY(ba_alphas_parse("1,10", &opts.fit.alphas));
    BA_TRY(open_from_specs(&dataset));
    BA_TRY(ba_encode_fit(&ctx, dataset, &opts, NULL));
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    return status;
}

static int
fit_out(void)
{
    return fit_encoder(out_path);
}

static int
load_encoder(void)
{
    ba_encoder_t *encoder = NULL;
    double *weights = NULL;
    int status;

    BA_TRY(ba_encoder_load(encoder_path, &encoder));
    BA_TRY_ALLOC(
        weights, ba_calloc(encoder->n_delays * encoder->n_features, sizeof *weights));
    BA_TRY(ba_encoder_read_weights(encoder, 1, 1, weights));
out:
    ba_free(weights);
    ba_encoder_free(encoder);
    return status;
}

static int
apply(int (*verb)(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_apply_opts_t *opts))
{
    ba_ctx_t ctx = quiet_ctx();
    ba_encode_apply_opts_t opts = {
        .encoder = encoder_path, .output = out_path, .zscore_runs = -1, .in_sample = 1};
    ba_dataset_t *dataset = NULL;
    int status;

    BA_TRY(open_from_specs(&dataset));
    BA_TRY(verb(&ctx, dataset, &opts));
out:
    ba_dataset_free(dataset);
    return status;
}

static int
predict_out(void)
{
    return apply(ba_encode_predict);
}

static int
score(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_apply_opts_t *opts)
{
    return ba_encode_score(ctx, dataset, opts, NULL);
}

static int
score_out(void)
{
    return apply(score);
}

static void
encoders(void **state)
{
    (void) state;
    assert_int_equal(fit_encoder(encoder_path), BA_OK);
    exhaust(fit_out, 100);
    exhaust(load_encoder, 10);
    exhaust(predict_out, 20);
    exhaust(score_out, 20);
}

/* ---- files ---- */

static void
write_csv_and_npy(void)
{
    static const char header[] = "\x93NUMPY\x01\x00\x76\x00"
                                 "{'descr': '<f8', 'fortran_order': True, 'shape': (24, "
                                 "3), }";
    unsigned char npy[128 + sizeof x];
    FILE *csv = fopen(csv_path, "w");

    assert_non_null(csv);
    fprintf(csv, "a,b,c\n");
    for (size_t i = 0; i < N_SAMPLES; i++) {
        fprintf(csv, "%.9g,%.9g,%.9g\n", x[i], x[i + N_SAMPLES], x[i + 2 * N_SAMPLES]);
    }
    assert_int_equal(fclose(csv), 0);
    memset(npy, ' ', 128);
    memcpy(npy, header, sizeof header - 1);
    npy[127] = '\n';
    memcpy(npy + 128, x, sizeof x);
    test_write_file(npy_path, npy, sizeof npy);
}

static void
name_files(void)
{
    test_join(out_folder, folder, "out");
    assert_int_equal(mkdir(out_folder, 0777), 0);
    test_join(out_path, out_folder, "result.h5");
    test_join(csv_path, folder, "x.csv");
    test_join(npy_path, folder, "x.npy");
    test_join(encoder_path, folder, "enc.h5");
    test_join(h5_spec, folder, "study.h5:/features/layer_1");
    test_join(run_spec, folder, "study.h5:/run");
    test_join(y_spec, folder, "study.h5:/responses");
    test_join(nii_path, folder, "bold/run-01_bold.nii.gz[,0:3]");
    test_join(gz_path, folder, "bold/run-01_bold.nii.gz");
    test_join(mask_path, folder, "mask.nii.gz");
    test_join(table_path, folder, "runs.tsv");
}

/* A small study: HDF5, images, a run table; and the arrays x and y. */
static int
make_files(void **state)
{
    ba_ctx_t ctx = quiet_ctx();
    ba_synth_opts_t opts = ba_synth_opts_default();

    (void) state;
    test_make_folder(folder);
    name_files();
    test_fill_normal(x, N_SAMPLES * N_FEATURES, 1);
    test_fill_normal(y, N_SAMPLES * N_TARGETS, 2);
    write_csv_and_npy();
    opts.n_layers = 1;
    opts.layer_size = 4;
    opts.n_concepts = 1;
    opts.neurons_per_concept = 1;
    opts.n_runs = 2;
    opts.run_length = 12;
    opts.n_test_repeats = 1;
    opts.n_x = opts.n_y = 4;
    opts.n_z = 2;
    return ba_synth_write(&ctx, &opts, folder, 0);
}

static int
remove_files(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources),
        cmocka_unit_test(tables),
        cmocka_unit_test(data_sets),
        cmocka_unit_test(bundles),
        cmocka_unit_test(ridge),
        cmocka_unit_test(fits),
        cmocka_unit_test(encoders),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
