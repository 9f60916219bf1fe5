/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/synthlib.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal_share),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_truth_explains_signal),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
