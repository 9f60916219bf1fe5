/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/dataset.h"
#include "brainalign/error.h"
#include "brainalign/hash.h"
#include "brainalign/synth.h"
#include "brainalign/table.h"
#include "core/alloc.h"
#include "datasets/synth_impl.h"

/* One study with the default options but fewer volumes, read by most tests. */
static char folder[TEST_PATH_SIZE], study_folder[TEST_PATH_SIZE];
static ba_synth_opts_t opts;

static const char *const FILES[] = {"study.h5", "truth.h5", "runs.tsv", "words.tsv",
    "neurons.tsv", "mask.nii.gz", "rois.nii.gz", "bold/run-01_bold.nii.gz",
    "bold/run-05_repeat-03_bold.nii.gz"};
enum { N_FILES = sizeof FILES / sizeof FILES[0] };

static int
write_study(uint64_t seed, const ba_synth_opts_t *wanted, const char *name, int force)
{
    ba_ctx_t ctx = ba_ctx_default();
    char path[TEST_PATH_SIZE];

    ctx.seed = seed;
    return ba_synth_write(&ctx, wanted, test_join(path, folder, name), force);
}

static int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(study_folder, folder, "study");
    opts = ba_synth_opts_default();
    opts.n_runs = 4;
    opts.run_length = 300;
    opts.n_test_repeats = 3;
    if (write_study(0, &opts, "study", 0) != BA_OK) {
        print_error("%s\n", ba_error_message());
        return 1;
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Reads a whole array of a file of the study; the caller frees. */
static double *
read_array(const char *file, const char *path, size_t dims[BA_MAX_RANK])
{
    char name[TEST_PATH_SIZE];
    ba_bundle_t *bundle;
    double *values;
    size_t n = 1;
    int rank;

    assert_int_equal(
        ba_bundle_open(test_join(name, study_folder, file), NULL, &bundle), BA_OK);
    if (ba_bundle_shape(bundle, path, &rank, dims) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    for (int i = 0; i < rank; i++) {
        n *= dims[i];
    }
    values = malloc(n * sizeof *values);
    assert_non_null(values);
    assert_int_equal(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, values), BA_OK);
    ba_bundle_free(bundle);
    return values;
}

/* Pearson correlation of two strided series, within one run. */
static double
correlate(const double *a, size_t a_step, const double *b, size_t b_step, size_t n)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;

    for (size_t t = 0; t < n; t++) {
        mean_a += a[t * a_step] / (double) n;
        mean_b += b[t * b_step] / (double) n;
    }
    for (size_t t = 0; t < n; t++) {
        double x = a[t * a_step] - mean_a, y = b[t * b_step] - mean_b;

        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return ab / sqrt(aa * bb);
}

static void
test_same_seed_same_bytes(void **state)
{
    (void) state;
    assert_int_equal(write_study(0, &opts, "again", 0), BA_OK);
    assert_int_equal(write_study(1, &opts, "other", 0), BA_OK);
    for (size_t i = 0; i < N_FILES; i++) {
        char name[TEST_PATH_SIZE], path[TEST_PATH_SIZE], hex[3][33];
        const char *const folders[3] = {"study", "again", "other"};
        uint64_t n_bytes;

        for (size_t k = 0; k < 3; k++) {
            test_join(name, folder, folders[k]);
            assert_int_equal(
                ba_hash_file(test_join(path, name, FILES[i]), hex[k], &n_bytes), BA_OK);
            assert_true(n_bytes > 0);
        }
        assert_string_equal(hex[0], hex[1]);
        if (strcmp(FILES[i], "runs.tsv") != 0 && !strstr(FILES[i], "mask") &&
            !strstr(FILES[i], "rois")) {
            assert_string_not_equal(hex[0], hex[2]);
        }
    }
}

/* A longer study has the words of the shorter one. */
static void
test_runs_have_streams_of_their_own(void **state)
{
    ba_synth_opts_t fewer = opts;
    char path[TEST_PATH_SIZE], inner[TEST_PATH_SIZE];
    ba_table_t *all, *some;

    (void) state;
    fewer.n_runs = 2;
    fewer.n_test_repeats = 0;
    assert_int_equal(write_study(0, &fewer, "fewer", 0), BA_OK);
    test_join(inner, folder, "fewer");
    assert_int_equal(
        ba_table_read(test_join(path, inner, "words.tsv"), BA_TABLE_HEADER, &some),
        BA_OK);
    assert_int_equal(
        ba_table_read(test_join(path, study_folder, "words.tsv"), BA_TABLE_HEADER, &all),
        BA_OK);
    assert_true(ba_table_n_rows(some) > 500);
    assert_true(ba_table_n_rows(all) > ba_table_n_rows(some));
    for (size_t i = 0; i < ba_table_n_rows(some); i++) {
        for (size_t j = 0; j < 5; j++) {
            assert_string_equal(ba_table_cell(some, i, j), ba_table_cell(all, i, j));
        }
    }
    ba_table_free(some);
    ba_table_free(all);
}

static void
test_existing_study(void **state)
{
    (void) state;
    assert_int_equal(write_study(0, &opts, "study", 0), BA_EXISTS);
    assert_contains(ba_error_message(), "a study stands there (study.h5)");
    assert_int_equal(write_study(0, &opts, "study", 1), BA_OK);
    assert_int_equal(write_study(0, &opts, "absent/study", 0), BA_IO);
    assert_int_equal(write_study(0, &opts, "study/study.h5", 0), BA_IO);
}

static void
expect_refusal(ba_synth_opts_t wanted, const char *words)
{
    assert_int_equal(write_study(0, &wanted, "refused", 0), BA_VALUE);
    assert_contains(ba_error_message(), words);
}

static void
test_bad_options(void **state)
{
    ba_synth_opts_t bad = opts;
    ba_ctx_t ctx = ba_ctx_default();

    (void) state;
    bad.n_layers = 0;
    expect_refusal(bad, "0 layers, wanted 1");
    bad = opts;
    bad.run_length = 7;
    expect_refusal(bad, "7 volumes per run, wanted 8");
    bad = opts;
    bad.neurons_per_concept = 25;
    expect_refusal(bad, "100 planted neurons in a layer of 96");
    bad = opts;
    bad.n_x = bad.n_y = bad.n_z = 1;
    expect_refusal(bad, "has 1 voxels inside its ellipsoid, wanted at least 8");
    bad = opts;
    bad.tr = nan("");
    expect_refusal(bad, "tr of nan s");
    bad = opts;
    bad.signal = 1;
    expect_refusal(bad, "signal of 1,");
    bad = opts;
    bad.autocorrelation = 1;
    expect_refusal(bad, "autocorrelation of 1,");
    ctx.memory = 1 << 20;
    assert_int_equal(ba_synth_write(&ctx, &opts, "refused", 0), BA_TOO_LARGE);
}

/* The noise-free signal correlates with every recording as truth.h5 says, and with the
 * mean of the repeats. */
static void
test_signal_share(void **state)
{
    size_t dims[BA_MAX_RANK], n = opts.run_length, n_voxels, n_driven = 0;
    double *y = read_array("study.h5", "/responses", dims);
    double *test_y = read_array("study.h5", "/test/responses", dims);
    double *signal = read_array("truth.h5", "/signal", dims);
    double *test_signal = read_array("truth.h5", "/test/signal", dims);
    double *expected = read_array("truth.h5", "/expected_r", dims);
    double *of_mean = read_array("truth.h5", "/test/expected_r", dims);
    double *share = read_array("truth.h5", "/signal_share", dims);
    double sums[4] = {0, 0, 0, 0};

    (void) state;
    n_voxels = dims[0];
    for (size_t v = 0; v < n_voxels; v++) {
        double mean[300], *second = test_y + n * n_voxels + v;

        if (share[v] == 0) {
            assert_close(signal[v], 0, 0);
            continue;
        }
        n_driven++;
        assert_close(expected[v], sqrt(share[v]), 1e-15);
        for (size_t run = 0; run < opts.n_runs; run++) {
            size_t at = run * n * n_voxels + v;

            sums[0] +=
                correlate(y + at, n_voxels, signal + at, n_voxels, n) - expected[v];
        }
        sums[1] +=
            correlate(test_y + v, n_voxels, test_signal + v, n_voxels, n) - expected[v];
        sums[2] += correlate(test_y + v, n_voxels, second, n_voxels, n) - share[v];
        for (size_t t = 0; t < n; t++) {
            mean[t] = test_y[t * n_voxels + v] + second[t * n_voxels] +
                      second[(t + n) * n_voxels];
        }
        sums[3] += correlate(mean, 1, test_signal + v, n_voxels, n) - of_mean[v];
    }
    /* 600 voxels with sampling errors of about 0.08 each; a shared signal makes them
     * depend on each other, and finite series lower r by about 0.01. */
    assert_close(sums[0] / (double) (n_driven * opts.n_runs), 0, 0.02);
    assert_close(sums[1] / (double) n_driven, 0, 0.03);
    assert_close(sums[2] / (double) n_driven, 0, 0.03);
    assert_close(sums[3] / (double) n_driven, 0, 0.03);
    assert_close((double) n_driven / (double) n_voxels, 7.0 / 8, 0.01);
    free(y);
    free(test_y);
    free(signal);
    free(test_signal);
    free(expected);
    free(of_mean);
    free(share);
}

static void
test_units(void **state)
{
    size_t dims[BA_MAX_RANK];
    double *y = read_array("study.h5", "/responses", dims);
    double sum = 0, change = 0;

    (void) state;
    for (size_t v = 0; v < dims[1]; v++) {
        double mean = 0, squares = 0;

        for (size_t t = 0; t < dims[0]; t++) {
            mean += y[t * dims[1] + v] / (double) dims[0];
        }
        for (size_t t = 0; t < dims[0]; t++) {
            squares += pow(y[t * dims[1] + v] - mean, 2) / (double) dims[0];
        }
        assert_in_range((uintmax_t) mean, 550, 1450);
        sum += mean / (double) dims[1];
        change += sqrt(squares) / mean / (double) dims[1];
    }
    assert_close(sum, 1000, 30);
    assert_close(change, 0.02, 0.005);
    free(y);
}

/* The signal is what the planted weights make of the layer's features and the voxel's
 * HRF. Features count words by volume, the signal knows their onsets: hence not 1. */
static void
test_truth_explains_signal(void **state)
{
    size_t dims[BA_MAX_RANK], n = opts.run_length, size = opts.layer_size, n_voxels;
    double *x[7], *signal = read_array("truth.h5", "/signal", dims);
    double *weights = read_array("truth.h5", "/weights", dims);
    double *gain = read_array("truth.h5", "/rate_gain", dims);
    double *roi = read_array("truth.h5", "/roi", dims);
    double *drives = read_array("truth.h5", "/rois/layer", dims);
    double *layer = read_array("study.h5", "/targets/layer", dims);
    double *hrf = read_array("truth.h5", "/hrf", dims);
    size_t n_taps = dims[1], n_sub = 16, n_each[8] = {0};

    (void) state;
    n_voxels = dims[0];
    x[0] = read_array("study.h5", "/features/word_rate", dims);
    for (size_t k = 1; k <= opts.n_layers; k++) {
        char path[64];

        snprintf(path, sizeof path, "/features/layer_%zu", k);
        x[k] = read_array("study.h5", path, dims);
        assert_int_equal(dims[1], size);
    }
    for (size_t v = 0; v < n_voxels; v++) {
        int drive = (int) drives[(size_t) roi[v]];
        double predicted[300], driven[300];

        n_each[(size_t) roi[v]]++;
        assert_int_equal(drive > 0 ? drive : 0, (int) layer[v]);
        for (size_t t = 0; t < n && drive >= 0; t++) {
            driven[t] = drive == 0 ? gain[v] * x[0][t] : 0;
            for (size_t j = 0; j < size && drive > 0; j++) {
                driven[t] += weights[v * size + j] * x[drive][t * size + j];
            }
            predicted[t] = 0;
            for (size_t d = 0; d <= t && d * n_sub < n_taps; d++) {
                predicted[t] += hrf[v * n_taps + d * n_sub] * driven[t - d];
            }
        }
        if (drive >= 0) {
            assert_true(correlate(predicted, 1, signal + v, n_voxels, n) > 0.95);
        }
    }
    for (size_t r = 0; r < 8; r++) {
        assert_in_range(n_each[r], n_voxels / 8, n_voxels / 8 + 1);
    }
    for (size_t k = 0; k <= opts.n_layers; k++) {
        free(x[k]);
    }
    free(signal);
    free(weights);
    free(gain);
    free(roi);
    free(drives);
    free(layer);
    free(hrf);
}

/* Words of each concept by volume of the training runs, n_train x n_concepts. */
static double *
count_concepts(void)
{
    size_t n_rows = opts.n_runs * opts.run_length;
    double *counts = calloc(n_rows * opts.n_concepts, sizeof *counts);
    char path[TEST_PATH_SIZE], **names;
    ba_bundle_t *truth;
    ba_table_t *words;
    size_t n;

    assert_non_null(counts);
    assert_int_equal(
        ba_bundle_open(test_join(path, study_folder, "truth.h5"), NULL, &truth), BA_OK);
    assert_int_equal(
        ba_bundle_read_strings(truth, "/layers/concepts", &n, &names), BA_OK);
    assert_int_equal(n, opts.n_concepts);
    assert_int_equal(ba_table_read(test_join(path, study_folder, "words.tsv"),
                         BA_TABLE_HEADER, &words),
        BA_OK);
    for (size_t i = 0; i < ba_table_n_rows(words); i++) {
        double run, onset;

        assert_int_equal(ba_table_number(words, i, 0, &run), BA_OK);
        assert_int_equal(ba_table_number(words, i, 1, &onset), BA_OK);
        for (size_t c = 0; c < n && (size_t) run <= opts.n_runs; c++) {
            if (strcmp(ba_table_cell(words, i, 4), names[c]) == 0) {
                counts[(((size_t) run - 1) * opts.run_length +
                           (size_t) (onset / opts.tr)) *
                           n +
                       c]++;
            }
        }
    }
    free(names);
    ba_table_free(words);
    ba_bundle_free(truth);
    return counts;
}

/* Every planted neuron follows its concept more than any other; plain ones hardly follow
 * one. Deeper layers remember longer, so their match within a volume is weaker. */
static void
test_planted_neurons(void **state)
{
    size_t dims[BA_MAX_RANK], size = opts.layer_size, n_concepts = opts.n_concepts;
    double *planted = read_array("truth.h5", "/layers/planted", dims);
    double *counts = count_concepts();

    (void) state;
    for (size_t k = 0; k < opts.n_layers; k++) {
        size_t n_planted = 0, n_rows;
        double *x, mean_planted = 0, mean_plain = 0;
        char path[64];

        snprintf(path, sizeof path, "/features/layer_%zu", k + 1);
        x = read_array("study.h5", path, dims);
        n_rows = dims[0];
        for (size_t j = 0; j < size; j++) {
            int own = (int) planted[k * size + j];
            double most = 0, r_own = 0;

            for (size_t c = 0; c < n_concepts; c++) {
                double r = correlate(x + j, size, counts + c, n_concepts, n_rows);

                r_own = (int) c == own ? r : r_own;
                most = (int) c == own ? most : fmax(most, fabs(r));
            }
            if (own >= 0) {
                assert_true(r_own > 0.15 && r_own > most);
                mean_planted += r_own;
                n_planted++;
            } else {
                mean_plain += most;
            }
        }
        assert_int_equal(n_planted, n_concepts / 2 * opts.neurons_per_concept);
        assert_true(mean_planted / (double) n_planted > (k < 3 ? 0.5 : 0.25));
        assert_true(mean_plain / (double) (size - n_planted) < 0.17);
        free(x);
    }
    free(planted);
    free(counts);
}

static void
test_time_constants(void **state)
{
    size_t dims[BA_MAX_RANK], size = opts.layer_size;
    double *tau = read_array("truth.h5", "/layers/time_constant", dims);
    double last = -1;

    (void) state;
    assert_close(tau[0], 0.3, 1e-12);
    assert_close(tau[opts.n_layers - 1], 24, 1e-9);
    for (size_t k = 0; k < opts.n_layers; k++) {
        char path[64];
        double *x, mean = 0;

        snprintf(path, sizeof path, "/features/layer_%zu", k + 1);
        x = read_array("study.h5", path, dims);
        for (size_t j = 0; j < size; j++) {
            mean += correlate(x + j, size, x + j + size, size, opts.run_length - 1) /
                    (double) size;
        }
        assert_true(mean > last);
        last = mean;
        free(x);
    }
    assert_true(last > 0.6);
    free(tau);
}

/* Power of the cosine of k half waves, the mean over runs; white noise of variance 1 has
 * 1. */
static double
wave_power(const double *x, size_t n_runs, size_t n, size_t k)
{
    double power = 0;

    for (size_t run = 0; run < n_runs; run++) {
        double sum = 0;

        for (size_t t = 0; t < n; t++) {
            sum += x[run * n + t] * cos(3.14159265358979323846 * (double) k *
                                        ((double) t + 0.5) / (double) n);
        }
        power += sum * sum / (double) n_runs / ((double) n / 2);
    }
    return power;
}

static double
mean_product(const double *x, size_t n_runs, size_t n, size_t lag)
{
    double sum = 0;

    for (size_t run = 0; run < n_runs; run++) {
        double mean = 0;

        for (size_t t = 0; t < n; t++) {
            mean += x[run * n + t] / (double) n;
        }
        for (size_t t = lag; t < n; t++) {
            sum += (x[run * n + t] - mean) * (x[run * n + t - lag] - mean);
        }
    }
    return sum / (double) (n_runs * n);
}

/* Variance 1 about the mean; 30 % of it drift with power proportional to 1 / frequency up
 * to 0.02 Hz; lag-1 autocorrelation of the rest as asked. */
static void
test_noise(void **state)
{
    enum { RUNS = 3000, LENGTH = 200 };
    const double rho[3] = {0, 0.4, 0.8};
    double *x = malloc(sizeof *x * RUNS * LENGTH), products[3];
    ba_rng_t *rng = ba_rng_new(3, 0);

    (void) state;
    assert_non_null(x);
    for (size_t i = 0; i < 3; i++) {
        double flat, waves = 0;

        for (size_t run = 0; run < RUNS; run++) {
            ba_synth_noise(rng, LENGTH, 2.0, rho[i], x + run * LENGTH);
        }
        assert_close(mean_product(x, RUNS, LENGTH, 0), 1, 0.02);
        products[i] = mean_product(x, RUNS, LENGTH, 1);
        for (size_t k = 1; k <= 16 && i == 0; k++) {
            waves += wave_power(x, RUNS, LENGTH, k) / LENGTH;
        }
        if (i == 0) {
            flat = wave_power(x, RUNS, LENGTH, 50);
            assert_close(flat, 0.7, 0.06);
            assert_close(wave_power(x, RUNS, LENGTH, 18), flat, 0.08);
            assert_close(waves, 0.3 + 16 * 0.7 / LENGTH, 0.02);
            assert_close((wave_power(x, RUNS, LENGTH, 4) - flat) /
                             (wave_power(x, RUNS, LENGTH, 8) - flat),
                2, 0.25);
        }
    }
    assert_close((products[1] - products[0]) / 0.7, 0.4, 0.02);
    assert_close((products[2] - products[0]) / 0.7, 0.8, 0.03);
    ba_rng_free(rng);
    free(x);
}

/* Every number of a slab of a source is that of a row-major matrix. */
static void
compare_source(ba_source_t *source, size_t slab, const double *wanted)
{
    size_t n = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    double *found = malloc(n * n_cols * sizeof *found);

    assert_non_null(found);
    assert_int_equal(ba_source_read(source, slab, 0, n, 0, n_cols, found, n), BA_OK);
    for (size_t i = 0; i < n * n_cols; i++) {
        assert_close(found[i], wanted[i % n * n_cols + i / n], 0);
    }
    free(found);
}

static void
compare_features(const ba_dataset_t *dataset, size_t space)
{
    char path[128];
    size_t dims[BA_MAX_RANK];
    double *x;

    snprintf(path, sizeof path, "/test/features/%.80s", dataset->space_names[space]);
    x = read_array("study.h5", path, dims);
    compare_source(dataset->test.features[space], 0, x);
    free(x);
    x = read_array("study.h5", path + strlen("/test"), dims);
    compare_source(dataset->train.features[space], 0, x);
    free(x);
}

/* The run table leads to the same numbers as study.h5. */
static void
test_run_table(void **state)
{
    char table[TEST_PATH_SIZE], mask[TEST_PATH_SIZE], label[64];
    ba_dataset_opts_t wanted = {.run_table = test_join(table, study_folder, "runs.tsv"),
        .mask = test_join(mask, study_folder, "mask.nii.gz")};
    size_t dims[BA_MAX_RANK], n = opts.run_length;
    double *y = read_array("study.h5", "/test/responses", dims);
    ba_dataset_t *dataset;

    (void) state;
    if (ba_dataset_open(NULL, &wanted, &dataset) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(dataset->train.runs.n_runs, opts.n_runs);
    assert_int_equal(dataset->train.n_samples, opts.n_runs * n);
    assert_int_equal(dataset->n_spaces, opts.n_layers + 1);
    assert_string_equal(dataset->space_names[opts.n_layers], "word_rate");
    assert_int_equal(dataset->test.n_repeats, opts.n_test_repeats);
    assert_int_equal(dataset->test.n_samples, n);
    assert_string_equal(dataset->test.run_names[0], "5");
    assert_non_null(ba_dataset_target_label(dataset, dims[2] - 1, label));
    assert_close(ba_image_tr(dataset->image), 2, 0);
    for (size_t slab = 0; slab < opts.n_test_repeats; slab++) {
        compare_source(dataset->test.responses, slab, y + slab * n * dims[2]);
    }
    free(y);
    y = read_array("study.h5", "/responses", dims);
    compare_source(dataset->train.responses, 0, y);
    free(y);
    for (size_t space = 0; space <= opts.n_layers; space++) {
        compare_features(dataset, space);
    }
    ba_dataset_free(dataset);
}

static void
test_neuron_table(void **state)
{
    size_t dims[BA_MAX_RANK];
    double *planted = read_array("truth.h5", "/layers/planted", dims);
    char path[TEST_PATH_SIZE];
    ba_table_t *table;

    (void) state;
    assert_int_equal(ba_table_read(test_join(path, study_folder, "neurons.tsv"),
                         BA_TABLE_HEADER, &table),
        BA_OK);
    assert_int_equal(ba_table_n_rows(table), opts.n_layers * opts.layer_size);
    for (size_t i = 0; i < ba_table_n_rows(table); i++) {
        double neuron, layer, unit;

        assert_int_equal(ba_table_number(table, i, 0, &neuron), BA_OK);
        assert_int_equal(ba_table_number(table, i, 1, &layer), BA_OK);
        assert_int_equal(ba_table_number(table, i, 3, &unit), BA_OK);
        assert_int_equal((size_t) neuron, i);
        assert_int_equal((size_t) layer, i / opts.layer_size + 1);
        assert_int_equal((size_t) unit, i % opts.layer_size);
        assert_int_equal(strcmp(ba_table_cell(table, i, 4), "n/a") == 0, planted[i] < 0);
    }
    ba_table_free(table);
    free(planted);
}

/* Zipf: the most frequent word is heard far more often than the tenth; concepts come in
 * bursts, so their counts vary more between stretches than by chance. */
static void
test_words(void **state)
{
    size_t n_rows = opts.n_runs * opts.run_length, n_concepts = opts.n_concepts;
    double *counts = count_concepts(), ratio = 0;
    enum { STRETCH = 6 };

    (void) state;
    for (size_t c = 0; c < n_concepts; c++) {
        double mean = 0, squares = 0, n = (double) (n_rows / STRETCH);

        for (size_t i = 0; i < n_rows / STRETCH; i++) {
            double sum = 0;

            for (size_t t = 0; t < STRETCH; t++) {
                sum += counts[(i * STRETCH + t) * n_concepts + c];
            }
            mean += sum / n;
            squares += sum * sum / n;
        }
        assert_true(mean > 0.2);
        ratio += (squares - mean * mean) / mean / (double) n_concepts;
    }
    assert_true(ratio > 1.4); /* 1 without bursts, with a deviation of 0.05 */
    free(counts);
}

/* The smallest study of each kind works. */
static void
test_small_studies(void **state)
{
    ba_synth_opts_t small = {.n_layers = 1,
        .layer_size = 1,
        .n_concepts = 1,
        .neurons_per_concept = 1,
        .n_runs = 1,
        .run_length = 8,
        .n_x = 3,
        .n_y = 3,
        .n_z = 1,
        .tr = 0.7};

    (void) state;
    assert_int_equal(write_study(4, &small, "small", 0), BA_OK);
    small.n_test_repeats = 1;
    small.signal = 0.7;
    small.autocorrelation = 0.99;
    small.n_layers = 5;
    small.n_concepts = 3;
    small.layer_size = 4;
    small.neurons_per_concept = 2;
    assert_int_equal(write_study(4, &small, "small", 1), BA_OK);
}

static int
always(void *payload)
{
    (void) payload;
    return 1;
}

/* Nothing but complete files is ever left; study.h5 comes last. */
static void
test_interrupt(void **state)
{
    ba_ctx_t ctx = ba_ctx_default();
    char inner[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

    (void) state;
    ctx.cancelled = always;
    test_join(inner, folder, "cancelled");
    assert_int_equal(ba_synth_write(&ctx, &opts, inner, 0), BA_CANCELLED);
    assert_int_not_equal(access(test_join(path, inner, "study.h5"), F_OK), 0);
    ctx.cancelled = NULL;
    assert_int_equal(ba_synth_write(&ctx, &opts, inner, 0), BA_OK);
}

static void
test_no_memory(void **state)
{
    ba_synth_opts_t small = {.n_layers = 2,
        .layer_size = 2,
        .n_concepts = 2,
        .neurons_per_concept = 1,
        .n_runs = 1,
        .run_length = 8,
        .n_test_repeats = 1,
        .n_x = 2,
        .n_y = 2,
        .n_z = 1,
        .tr = 1};
    int status = BA_NOMEM;
    size_t n;

    (void) state;
    for (n = 1; status != BA_OK && n < 5000; n++) {
        ba_alloc_fail_at(n);
        status = write_study(0, &small, "starved", 1);
        ba_alloc_fail_at(0);
        /* HDF5 knows its file driver's shortage of memory only as a failed write. */
        assert_true(status == BA_OK || status == BA_NOMEM || status == BA_IO);
    }
    assert_int_equal(status, BA_OK);
    assert_true(n > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_runs_have_streams_of_their_own),
        cmocka_unit_test(test_existing_study),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_signal_share),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_truth_explains_signal),
        cmocka_unit_test(test_planted_neurons),
        cmocka_unit_test(test_time_constants),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_run_table),
        cmocka_unit_test(test_neuron_table),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_small_studies),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
