/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Items against candidates.
 *
 * By likelihood, log p(y | x) = x'z - x'Ax / 2 + const with the statistics z = W Sigma^-1
 * y and A = W Sigma^-1 W' (Kay et al. 2008, with a covariance); over several responses it
 * adds up. By correlation of responses and predictions over all voxels and times of the
 * item: the same statistics with Sigma = I give every sum that it needs. */
#include "decode/identify_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

/* Sums over an item's responses of a quantity of rows x gallery rows. */
static void
sum_over_times(const double *pairs, size_t n_rows, const size_t *row0,
    const ba_gallery_t *gallery, size_t length, ba_comparison_t *out)
{
    for (size_t a = 0; a < out->n_items; a++) {
        for (size_t c = 0; c < gallery->n; c++) {
            double sum = 0.0;

            for (size_t i = 0; i < length; i++) {
                sum +=
                    pairs[row0[a] + i + (gallery->base[c] + i * gallery->step) * n_rows];
                if (out->cumulative) {
                    out->cumulative[(a * length + i) * gallery->n + c] = sum;
                }
            }
            out->likelihood[a * gallery->n + c] = sum;
        }
    }
}

int
ba_compare_likelihood(const ba_decoding_t *decoding, size_t length,
    const ba_fold_decoder_t *decoder, const size_t *row0, const ba_gallery_t *gallery,
    ba_comparison_t *out)
{
    int status = BA_OK;
    size_t n = decoder->n_rows, g = gallery->n_rows;
    size_t p = decoder->inversion.n_features;
    double *pairs = NULL, constant = ba_inversion_constant(&decoder->inversion);

    BA_TRY_ALLOC(pairs, ba_malloc(n, g * sizeof *pairs));
    BA_TRY(ba_inversion_candidates(decoding->ctx, &decoder->inversion,
        ba_cdmat(gallery->rows, g, p, g), ba_dmat(pairs, n, g, n)));
    for (size_t i = 0; i < n * g; i++) {
        pairs[i] += constant;
    }
    sum_over_times(pairs, n, row0, gallery, length, out);
out:
    ba_free(pairs);
    return status;
}

/* What correlation needs of responses (or of predictions) besides the products. */
typedef struct {
    double sum, square;
} moments_t;

/* Sums over voxels of the responses, and of the predictions of gallery rows. */
static int
sum_voxels(const ba_fold_decoder_t *decoder, const ba_inversion_t *white,
    const ba_gallery_t *gallery, moments_t *responses, moments_t *predictions)
{
    int status = BA_OK;
    size_t n = decoder->n_rows, g = gallery->n_rows, p = white->n_features;
    size_t v = decoder->n_voxels;
    double *total = NULL, *ax = NULL;

    BA_TRY_ALLOC(total, ba_calloc(p, sizeof *total));
    BA_TRY_ALLOC(ax, ba_malloc(g, p * sizeof *ax));
    for (size_t j = 0; j < v; j++) {
        for (size_t c = 0; c < p; c++) {
            total[c] += decoder->model.weights[c + j * p];
        }
        for (size_t i = 0; i < n; i++) {
            responses[i].sum += decoder->responses[i + j * n];
        }
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(gallery->rows, g, p, g), BA_KEEP,
        ba_cdmat(white->a, p, p, p), 0.0, ba_dmat(ax, g, p, g));
    for (size_t i = 0; i < n; i++) {
        responses[i].square = white->norm[i];
    }
    for (size_t c = 0; c < p; c++) {
        for (size_t i = 0; i < g; i++) {
            double x = gallery->rows[i + c * g];

            predictions[i].sum += x * total[c];
            predictions[i].square += x * ax[i + c * g];
        }
    }
out:
    ba_free(total);
    ba_free(ax);
    return status;
}

/* Pearson r over voxels and times; 0 where one side does not vary. */
static double
correlation(moments_t y, moments_t x, double product, double n)
{
    double yy = y.square - y.sum * y.sum / n, xx = x.square - x.sum * x.sum / n;

    if (!(xx > 1e-12 * x.square) || !(yy > 1e-12 * y.square)) {
        return 0.0;
    }
    return (product - y.sum * x.sum / n) / sqrt(xx * yy);
}

static void
correlate(size_t length, const ba_fold_decoder_t *decoder, const size_t *row0,
    const ba_gallery_t *gallery, const double *products, const moments_t *y,
    const moments_t *x, ba_comparison_t *out)
{
    size_t n = decoder->n_rows;
    double count = (double) (length * decoder->n_voxels);

    for (size_t a = 0; a < out->n_items; a++) {
        for (size_t c = 0; c < gallery->n; c++) {
            moments_t own = {0.0, 0.0}, other = {0.0, 0.0};
            double product = 0.0;

            for (size_t i = 0; i < length; i++) {
                size_t row = row0[a] + i, at = gallery->base[c] + i * gallery->step;

                own.sum += y[row].sum;
                own.square += y[row].square;
                other.sum += x[at].sum;
                other.square += x[at].square;
                product += products[row + at * n];
            }
            out->correlation[a * gallery->n + c] =
                correlation(own, other, product, count);
        }
    }
}

int
ba_compare_correlation(const ba_decoding_t *decoding, size_t length,
    const ba_fold_decoder_t *decoder, const size_t *row0, const ba_gallery_t *gallery,
    ba_comparison_t *out)
{
    int status = BA_OK;
    size_t n = decoder->n_rows, g = gallery->n_rows, v = decoder->n_voxels;
    size_t p = decoder->inversion.n_features;
    ba_noise_t *noise = NULL;
    ba_inversion_t white = {.n_features = 0};
    double *ones = NULL, *products = NULL;
    moments_t *y = NULL, *x = NULL;

    BA_TRY_ALLOC(ones, ba_malloc(v, sizeof *ones));
    BA_TRY_ALLOC(products, ba_malloc(n, g * sizeof *products));
    BA_TRY_ALLOC(y, ba_calloc(n, sizeof *y));
    BA_TRY_ALLOC(x, ba_calloc(g, sizeof *x));
    for (size_t j = 0; j < v; j++) {
        ones[j] = 1.0;
    }
    BA_TRY(ba_noise_from_factor(
        ones, ba_cdmat(ones, 0, v, 1), decoding->opts->precision, &noise));
    BA_TRY(
        ba_inversion_make(decoding->ctx, noise, ba_cdmat(decoder->model.weights, p, v, p),
            ba_cdmat(decoder->responses, n, v, n), &white));
    ba_gemm_tiled(decoding->ctx, 1.0, BA_TRANSPOSE, ba_cdmat(white.z, p, n, p),
        BA_TRANSPOSE, ba_cdmat(gallery->rows, g, p, g), 0.0, ba_dmat(products, n, g, n));
    BA_TRY(sum_voxels(decoder, &white, gallery, y, x));
    correlate(length, decoder, row0, gallery, products, y, x, out);
out:
    ba_noise_free(noise);
    ba_inversion_free(&white);
    ba_free(ones);
    ba_free(products);
    ba_free(y);
    ba_free(x);
    return status;
}
