/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With X_k = sum_t x_t exp(-2 pi i k t / L),
 *
 *     Fourier:  sqrt(2/L) Re X_k, -sqrt(2/L) Im X_k,  X_0 / sqrt(L),  X_(L/2) / sqrt(L),
 *     cosine:   C_k = sum_t x_t cos(pi k (2t + 1) / 2L) times sqrt(2/L), sqrt(1/L) at 0,
 *
 * both orthonormal. Short lengths: the matrix of waves W and products W'x and Wc. Long
 * ones: the discrete Fourier transform of any length as a convolution with the chirp
 * exp(i pi t^2 / L) (Bluestein 1970), made by FFTs of a power of two of at least 2L - 1;
 * C_k is the real part of exp(-i pi k / 2L) V_k, V the transform of the even samples
 * followed by the odd ones backwards (Makhoul 1980). All angles are reduced as integers.
 */
#include "model/spectrum.h"
#include "core/alloc.h"
#include "linalg/blas.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_fft_complex.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

struct ba_spectrum {
    ba_spectrum_kind_t kind;
    size_t length;
    double *circle;  /* 2 x length: see the header */
    double *waves;   /* length x length, or NULL: then by FFT */
    double *quarter; /* cosine by FFT: exp(-i pi k / 2L), 2 x length */
    double *chirp;   /* exp(-i pi t^2 / L), 2 x length */
    double *filter;  /* transform of the conjugate chirp, 2 x n_fft */
    size_t n_fft;
    gsl_fft_complex_wavetable *wavetable;
};

/* cos and sin of 2 pi j / n for j = 0 .. n_found - 1. */
static void
fill_circle(size_t n, size_t n_found, double *circle)
{
    for (size_t j = 0; j < n_found; j++) {
        double angle = 2 * pi * ((double) j / (double) n);

        circle[2 * j] = cos(angle);
        circle[2 * j + 1] = sin(angle);
    }
}

static int
fill_cosine_waves(ba_spectrum_t *s)
{
    size_t n = s->length;
    double *circle = ba_malloc(n, 8 * sizeof *circle);

    if (!circle) {
        return BA_NOMEM;
    }
    fill_circle(4 * n, 4 * n, circle);
    for (size_t k = 0; k < n; k++) {
        double norm = sqrt((k > 0 ? 2.0 : 1.0) / (double) n);

        for (size_t t = 0; t < n; t++) {
            s->waves[t + k * n] = norm * circle[2 * (k * (2 * t + 1) % (4 * n))];
        }
    }
    ba_free(circle);
    return BA_OK;
}

static void
fill_fourier_waves(ba_spectrum_t *s)
{
    size_t n = s->length;

    for (size_t i = 0; i < n; i++) {
        size_t k = (i + 1) / 2, is_sine = i > 0 && i % 2 == 0;
        double norm = sqrt((k > 0 && 2 * k < n ? 2.0 : 1.0) / (double) n);

        for (size_t t = 0; t < n; t++) {
            s->waves[t + i * n] = norm * s->circle[2 * (k * t % n) + is_sine];
        }
    }
}

static void
multiply(double *z, const double *w)
{
    double re = z[0] * w[0] - z[1] * w[1];

    z[1] = z[0] * w[1] + z[1] * w[0];
    z[0] = re;
}

static void
fft(const ba_spectrum_t *s, double *z, double *scratch, int is_forward)
{
    gsl_fft_complex_workspace workspace = {.n = s->n_fft, .scratch = scratch};

    if (is_forward) {
        gsl_fft_complex_forward(z, 1, s->n_fft, s->wavetable, &workspace);
    } else {
        gsl_fft_complex_inverse(z, 1, s->n_fft, s->wavetable, &workspace);
    }
}

static int
prepare_fft(ba_spectrum_t *s)
{
    int status = BA_OK;
    size_t n = s->length;
    double *circle = NULL, *scratch = NULL;

    for (s->n_fft = 1; s->n_fft < 2 * n - 1; s->n_fft *= 2) {
    }
    gsl_set_error_handler_off();
    s->wavetable = gsl_fft_complex_wavetable_alloc(s->n_fft);
    if (!s->wavetable) {
        BA_TRY(ba_fail(BA_NOMEM, "memory: no table for a transform of %zu", s->n_fft));
    }
    BA_TRY_ALLOC(circle, ba_malloc(n, 4 * sizeof *circle));
    BA_TRY_ALLOC(scratch, ba_malloc(s->n_fft, 2 * sizeof *scratch));
    BA_TRY_ALLOC(s->quarter, ba_malloc(n, 2 * sizeof *s->quarter));
    BA_TRY_ALLOC(s->chirp, ba_malloc(n, 2 * sizeof *s->chirp));
    BA_TRY_ALLOC(s->filter, ba_calloc(s->n_fft, 2 * sizeof *s->filter));
    fill_circle(4 * n, n, s->quarter);
    fill_circle(2 * n, 2 * n, circle);
    for (size_t t = 0; t < n; t++) {
        const double *angle = circle + 2 * (t * t % (2 * n));
        double *early = s->filter + 2 * t, *late = s->filter + 2 * (s->n_fft - t);

        s->quarter[2 * t + 1] = -s->quarter[2 * t + 1];
        s->chirp[2 * t] = early[0] = angle[0];
        s->chirp[2 * t + 1] = -angle[1];
        early[1] = angle[1];
        if (t > 0) {
            memcpy(late, early, 2 * sizeof *late);
        }
    }
    fft(s, s->filter, scratch, 1);
out:
    ba_free(circle);
    ba_free(scratch);
    return status;
}

int
ba_spectrum_new(
    ba_spectrum_kind_t kind, size_t length, size_t longest_dense, ba_spectrum_t **out)
{
    int status = BA_OK;
    ba_spectrum_t *s = ba_calloc(1, sizeof *s);

    if (!s) {
        return BA_NOMEM;
    }
    s->kind = kind;
    s->length = length;
    BA_TRY_ALLOC(s->circle, ba_malloc(length, 2 * sizeof *s->circle));
    fill_circle(length, length, s->circle);
    if (length > longest_dense) {
        BA_TRY(prepare_fft(s));
    } else {
        BA_TRY_ALLOC(s->waves, ba_malloc(length, length * sizeof *s->waves));
        if (kind == BA_SPECTRUM_FOURIER) {
            fill_fourier_waves(s);
        } else {
            BA_TRY(fill_cosine_waves(s));
        }
    }
    *out = s;
    return BA_OK;
out:
    ba_spectrum_free(s);
    return status;
}

void
ba_spectrum_free(ba_spectrum_t *spectrum)
{
    if (spectrum) {
        ba_free(spectrum->circle);
        ba_free(spectrum->waves);
        ba_free(spectrum->quarter);
        ba_free(spectrum->chirp);
        ba_free(spectrum->filter);
        if (spectrum->wavetable) {
            gsl_fft_complex_wavetable_free(spectrum->wavetable);
        }
        ba_free(spectrum);
    }
}

size_t
ba_spectrum_length(const ba_spectrum_t *spectrum)
{
    return spectrum->length;
}

const double *
ba_spectrum_circle(const ba_spectrum_t *spectrum)
{
    return spectrum->circle;
}

/* One complex series of the length, and twice the padded one. */
size_t
ba_spectrum_scratch(const ba_spectrum_t *spectrum)
{
    return spectrum->waves ? 0 : 2 * spectrum->length + 4 * spectrum->n_fft;
}

/* z (2 x length) becomes its discrete Fourier transform. */
static void
transform(const ba_spectrum_t *s, double *z, double *padded)
{
    memset(padded, 0, 2 * s->n_fft * sizeof *padded);
    for (size_t t = 0; t < s->length; t++) {
        memcpy(padded + 2 * t, z + 2 * t, 2 * sizeof *z);
        multiply(padded + 2 * t, s->chirp + 2 * t);
    }
    fft(s, padded, padded + 2 * s->n_fft, 1);
    for (size_t k = 0; k < s->n_fft; k++) {
        multiply(padded + 2 * k, s->filter + 2 * k);
    }
    fft(s, padded, padded + 2 * s->n_fft, 0);
    for (size_t k = 0; k < s->length; k++) {
        memcpy(z + 2 * k, padded + 2 * k, 2 * sizeof *z);
        multiply(z + 2 * k, s->chirp + 2 * k);
    }
}

/* The other way round, of a transform whose series is real. */
static void
transform_back(const ba_spectrum_t *s, double *z, double *padded)
{
    for (size_t k = 0; k < s->length; k++) {
        z[2 * k + 1] = -z[2 * k + 1];
    }
    transform(s, z, padded);
    for (size_t t = 0; t < s->length; t++) {
        z[2 * t] /= (double) s->length;
    }
}

/* Where sample t stands when the odd samples follow the even ones backwards. */
static size_t
folded(size_t t, size_t n)
{
    return t % 2 == 0 ? t / 2 : n - 1 - t / 2;
}

static void
column_forward(const ba_spectrum_t *s, const double *x, double *c, double *z)
{
    size_t n = s->length, cosine = s->kind == BA_SPECTRUM_COSINE;
    double norm = sqrt(2.0 / (double) n), first = sqrt(1.0 / (double) n);

    for (size_t t = 0; t < n; t++) {
        size_t at = cosine ? folded(t, n) : t;

        z[2 * at] = x[t];
        z[2 * at + 1] = 0;
    }
    transform(s, z, z + 2 * n);
    c[0] = first * z[0];
    for (size_t i = 1; i < n; i++) {
        size_t k = cosine ? i : (i + 1) / 2;

        if (cosine) {
            multiply(z + 2 * k, s->quarter + 2 * k);
            c[i] = norm * z[2 * k];
        } else if (2 * k == n) {
            c[i] = first * z[2 * k];
        } else {
            c[i] = i % 2 == 0 ? -norm * z[2 * k + 1] : norm * z[2 * k];
        }
    }
}

/* The transform whose real part, turned by a quarter angle, is the cosine spectrum. */
static void
unfold_cosine(const ba_spectrum_t *s, const double *c, double *z)
{
    size_t n = s->length;
    double norm = 1 / sqrt(2.0 / (double) n);

    z[0] = c[0] / sqrt(1.0 / (double) n);
    z[1] = 0;
    for (size_t k = 1; k < n; k++) {
        double back[2] = {s->quarter[2 * k], -s->quarter[2 * k + 1]};

        z[2 * k] = norm * c[k];
        z[2 * k + 1] = -norm * c[n - k];
        multiply(z + 2 * k, back);
    }
}

static void
unfold_fourier(const ba_spectrum_t *s, const double *c, double *z)
{
    size_t n = s->length;
    double norm = 1 / sqrt(2.0 / (double) n), first = 1 / sqrt(1.0 / (double) n);

    z[0] = first * c[0];
    z[1] = 0;
    for (size_t k = 1; 2 * k <= n; k++) {
        double *low = z + 2 * k, *high = z + 2 * (n - k);

        if (2 * k == n) {
            low[0] = first * c[n - 1];
            low[1] = 0;
            continue;
        }
        low[0] = high[0] = norm * c[2 * k - 1];
        low[1] = -norm * c[2 * k];
        high[1] = -low[1];
    }
}

static void
column_inverse(const ba_spectrum_t *s, const double *c, double *x, double *z)
{
    size_t n = s->length, cosine = s->kind == BA_SPECTRUM_COSINE;

    if (cosine) {
        unfold_cosine(s, c, z);
    } else {
        unfold_fourier(s, c, z);
    }
    transform_back(s, z, z + 2 * n);
    for (size_t t = 0; t < n; t++) {
        x[t] = z[2 * (cosine ? folded(t, n) : t)];
    }
}

void
ba_spectrum_forward(
    const ba_spectrum_t *spectrum, ba_cdmat_t x, ba_dmat_t coefficients, double *scratch)
{
    size_t n = spectrum->length;

    if (spectrum->waves) {
        ba_gemm_f64(1, BA_TRANSPOSE, ba_cdmat(spectrum->waves, n, n, n), BA_KEEP, x, 0,
            coefficients);
        return;
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        column_forward(spectrum, x.data + j * x.ld,
            coefficients.data + j * coefficients.ld, scratch);
    }
}

void
ba_spectrum_inverse(
    const ba_spectrum_t *spectrum, ba_cdmat_t coefficients, ba_dmat_t x, double *scratch)
{
    size_t n = spectrum->length;

    if (spectrum->waves) {
        ba_gemm_f64(
            1, BA_KEEP, ba_cdmat(spectrum->waves, n, n, n), BA_KEEP, coefficients, 0, x);
        return;
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        column_inverse(spectrum, coefficients.data + j * coefficients.ld,
            x.data + j * x.ld, scratch);
    }
}
