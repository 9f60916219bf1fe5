/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ceilings from variances over repeats x_i, i = 1 .. R, with mean m; variances over time
 * with ddof 1, expected values for signal variance s and noise variance e of one repeat:
 *
 *     EV = var m / mean var x_i                    (s + e/R) / (s + e)
 *     EV - (1 - EV) / (R - 1)                      s / (s + e)
 *     SP = (var sum x_i - sum var x_i) / (R (R - 1))         s
 *     SP / var m                                   s / (s + e/R)
 *     ncsnr^2 = max(0, var m - nv / R) / nv        s / e
 *
 * nv the variance over repeats at each time, averaged over time. Sahani & Linden 2003;
 * Schoppe et al. 2016; Allen et al. 2022. */
#include "brainalign/ceiling.h"
#include "core/alloc.h"
#include "model/repeats.h"
#include "model/series.h"

#include <math.h>

/* Buffers for one target. */
typedef struct {
    size_t n, n_repeats, n_targets;
    double *x, *mean;
} block_t;

static int
make_block(const ba_repeats_t *repeats, block_t *block)
{
    int status = BA_OK;
    size_t n_values;

    BA_TRY(ba_repeats_check(repeats));
    block->n = repeats->repeat[0].n_rows;
    block->n_repeats = repeats->n_repeats;
    block->n_targets = repeats->repeat[0].n_cols;
    BA_TRY(ba_multiply(block->n, block->n_repeats, &n_values));
    BA_TRY_ALLOC(block->x, ba_malloc(n_values, sizeof *block->x));
    BA_TRY_ALLOC(block->mean, ba_malloc(block->n, sizeof *block->mean));
out:
    return status;
}

static void
free_block(block_t *block)
{
    ba_free(block->x);
    ba_free(block->mean);
}

const char *
ba_ceiling_reason_words(ba_ceiling_reason_t reason)
{
    switch (reason) {
    case BA_CEILING_OK:
        return "defined";
    case BA_CEILING_NONFINITE:
        return "a value is not finite";
    case BA_CEILING_CONSTANT:
        return "no variance";
    case BA_CEILING_NO_SIGNAL:
        return "no signal variance";
    }
    return "unknown";
}

/* Mean over the repeats of their variances. */
static double
mean_variance(const block_t *block)
{
    double sum = 0;

    for (size_t i = 0; i < block->n_repeats; i++) {
        sum += ba_repeats_variance(block->x + i * block->n, block->n);
    }
    return sum / (double) block->n_repeats;
}

int
ba_explainable_variance(const ba_repeats_t *repeats, ba_repeats_scale_t scale,
    ba_ev_t kind, double *ev, uint8_t *reason)
{
    int status = BA_OK;
    block_t block = {0};
    ba_gather_t how = scale == BA_REPEATS_ZSCORED ? BA_GATHER_ZSCORED : BA_GATHER_CENTRED;

    BA_TRY(make_block(repeats, &block));
    for (size_t j = 0; j < block.n_targets; j++) {
        ba_ceiling_reason_t found = ba_repeats_gather(repeats, j, how, block.x);

        ev[j] = (double) NAN;
        if (found == BA_CEILING_OK) {
            ba_repeats_mean(block.x, block.n, block.n_repeats, block.mean);
            ev[j] = ba_repeats_variance(block.mean, block.n) / mean_variance(&block);
            if (kind == BA_EV_CORRECTED) {
                ev[j] -= (1 - ev[j]) / (double) (block.n_repeats - 1);
            }
        }
        ba_repeats_reason(reason, j, found);
    }
out:
    free_block(&block);
    return status;
}

/* Of the centred repeats in the block, whose mean is made. */
static double
signal_power(block_t *block, double *variance_of_mean)
{
    double n = (double) block->n_repeats;

    ba_repeats_mean(block->x, block->n, block->n_repeats, block->mean);
    *variance_of_mean = ba_repeats_variance(block->mean, block->n);
    return (n * *variance_of_mean - mean_variance(block)) / (n - 1);
}

int
ba_signal_power(
    const ba_repeats_t *repeats, double *power, double *cc_max, uint8_t *reason)
{
    int status = BA_OK;
    block_t block = {0};

    BA_TRY(make_block(repeats, &block));
    for (size_t j = 0; j < block.n_targets; j++) {
        ba_ceiling_reason_t found =
            ba_repeats_gather(repeats, j, BA_GATHER_CENTRED, block.x);
        double variance = 0;

        power[j] = cc_max[j] = (double) NAN;
        if (found == BA_CEILING_OK) {
            power[j] = signal_power(&block, &variance);
            found = power[j] > 0 ? BA_CEILING_OK : BA_CEILING_NO_SIGNAL;
        }
        if (found == BA_CEILING_OK) {
            cc_max[j] = sqrt(power[j] / variance);
        }
        ba_repeats_reason(reason, j, found);
    }
out:
    free_block(&block);
    return status;
}

/* var m - var(m - p) = 2 cov(m, p) - var p, without a third series. */
static ba_ceiling_reason_t
score_target(block_t *block, const double *prediction, double scores[3])
{
    double var_m, power = signal_power(block, &var_m);
    double mean = ba_series_mean(prediction, block->n), covariance = 0;
    double var_p = ba_repeats_variance(prediction, block->n);
    double largest = ba_series_max_abs(prediction, block->n);
    int varies = sqrt(var_p) > BA_NEGLIGIBLE * largest;

    for (size_t t = 0; t < block->n; t++) {
        covariance += block->mean[t] * (prediction[t] - mean);
    }
    covariance /= (double) (block->n - 1);
    if (varies) {
        scores[0] = ba_repeats_r(block->mean, prediction, block->n);
    }
    if (power <= 0) {
        return BA_CEILING_NO_SIGNAL;
    }
    if (varies) {
        scores[1] = covariance / sqrt(var_p * power);
    }
    scores[2] = (2 * covariance - var_p) / power;
    return varies ? BA_CEILING_OK : BA_CEILING_CONSTANT;
}

static void
store(double *dst, size_t j, double value)
{
    if (dst) {
        dst[j] = value;
    }
}

int
ba_schoppe(const ba_repeats_t *repeats, ba_cdmat_t prediction, const ba_schoppe_t *scores,
    uint8_t *reason)
{
    int status = BA_OK;
    block_t block = {0};

    BA_TRY(make_block(repeats, &block));
    if (prediction.n_rows != block.n || prediction.n_cols != block.n_targets) {
        BA_TRY(ba_fail(BA_SHAPE,
            "noise ceiling: predictions of %zu samples x %zu targets, wanted %zu x %zu "
            "as "
            "the repeats",
            prediction.n_rows, prediction.n_cols, block.n, block.n_targets));
    }
    for (size_t j = 0; j < block.n_targets; j++) {
        const double *p = prediction.data + j * prediction.ld;
        double found[3] = {(double) NAN, (double) NAN, (double) NAN};
        ba_ceiling_reason_t why =
            ba_repeats_gather(repeats, j, BA_GATHER_CENTRED, block.x);

        if (!ba_series_is_finite(p, block.n)) {
            why = BA_CEILING_NONFINITE;
        }
        if (why == BA_CEILING_OK) {
            why = score_target(&block, p, found);
        }
        store(scores->cc_abs, j, found[0]);
        store(scores->cc_norm, j, found[1]);
        store(scores->spe, j, found[2]);
        ba_repeats_reason(reason, j, why);
    }
out:
    free_block(&block);
    return status;
}

/* Variance over the repeats at each time, ddof 1, averaged over time. */
static double
noise_variance(const block_t *block)
{
    double sum = 0;

    for (size_t i = 0; i < block->n_repeats; i++) {
        for (size_t t = 0; t < block->n; t++) {
            double off = block->x[t + i * block->n] - block->mean[t];

            sum += off * off;
        }
    }
    return sum / (double) (block->n_repeats - 1) / (double) block->n;
}

int
ba_ncsnr(const ba_repeats_t *repeats, double *ncsnr, uint8_t *reason)
{
    int status = BA_OK;
    block_t block = {0};

    BA_TRY(make_block(repeats, &block));
    for (size_t j = 0; j < block.n_targets; j++) {
        /* Constant repeats show once they are centred; the offsets count as noise. */
        ba_ceiling_reason_t found =
            ba_repeats_gather(repeats, j, BA_GATHER_CENTRED, block.x);

        ncsnr[j] = (double) NAN;
        if (found == BA_CEILING_OK) {
            double noise, signal;

            ba_repeats_gather(repeats, j, BA_GATHER_RAW, block.x);
            ba_repeats_mean(block.x, block.n, block.n_repeats, block.mean);
            noise = noise_variance(&block);
            signal = ba_repeats_variance(block.mean, block.n) -
                     noise / (double) block.n_repeats;
            ncsnr[j] = signal > 0 ? sqrt(signal / noise) : 0;
        }
        ba_repeats_reason(reason, j, found);
    }
out:
    free_block(&block);
    return status;
}

double
ba_ncsnr_ceiling(double ncsnr, size_t n_averaged)
{
    double square = ncsnr * ncsnr;

    if (isinf(square)) {
        return 1;
    }
    return square / (square + 1 / (double) n_averaged);
}
