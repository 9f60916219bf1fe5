/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "model/spectrum.h"

#define LONGEST 70
#define V 3

static const double pi = 3.14159265358979323846;

/* Wave i of an orthonormal basis at sample t, by definition. */
static double
wave(ba_spectrum_kind_t kind, size_t n, size_t i, size_t t)
{
    double k = (double) ((i + 1) / 2), size = (double) n;

    if (kind == BA_SPECTRUM_COSINE) {
        return sqrt((i > 0 ? 2 : 1) / size) *
               cos(pi * (double) i * ((double) t + 0.5) / size);
    }
    if (i == 0 || (n % 2 == 0 && i == n - 1)) {
        return sqrt(1 / size) * cos(2 * pi * k * (double) t / size);
    }
    return sqrt(2 / size) * (i % 2 == 1 ? cos(2 * pi * k * (double) t / size)
                                        : sin(2 * pi * k * (double) t / size));
}

static void
check_length(ba_spectrum_kind_t kind, size_t n, size_t longest_dense)
{
    double x[LONGEST * V], found[LONGEST * V], back[LONGEST * V], *scratch;
    ba_spectrum_t *spectrum;

    test_fill_normal(x, n * V, n);
    assert_int_equal(ba_spectrum_new(kind, n, longest_dense, &spectrum), 0);
    assert_int_equal(ba_spectrum_length(spectrum), n);
    scratch = calloc(ba_spectrum_scratch(spectrum) + 1, sizeof *scratch);
    assert_non_null(scratch);
    ba_spectrum_forward(
        spectrum, (ba_cdmat_t){x, n, V, n}, (ba_dmat_t){found, n, V, n}, scratch);
    for (size_t j = 0; j < V; j++) {
        for (size_t i = 0; i < n; i++) {
            double wanted = 0;

            for (size_t t = 0; t < n; t++) {
                wanted += wave(kind, n, i, t) * x[t + j * n];
            }
            assert_close(found[i + j * n], wanted, 1e-13 * (double) (n + 10));
        }
    }
    ba_spectrum_inverse(
        spectrum, (ba_cdmat_t){found, n, V, n}, (ba_dmat_t){back, n, V, n}, scratch);
    assert_all_close(back, x, n * V, 1e-13);
    free(scratch);
    ba_spectrum_free(spectrum);
}

static void
test_against_definition(void **state)
{
    (void) state;
    for (size_t n = 1; n <= LONGEST; n++) {
        for (size_t dense = 0; dense <= LONGEST; dense += LONGEST) {
            check_length(BA_SPECTRUM_COSINE, n, dense);
            check_length(BA_SPECTRUM_FOURIER, n, dense);
        }
    }
}

/* Long series of prime length: the FFT against the matrix of waves. */
static void
test_forms_agree(void **state)
{
    enum { N = 1021 };
    static double x[N], dense[N], fast[N];

    (void) state;
    test_fill_normal(x, N, 5);
    for (int kind = BA_SPECTRUM_COSINE; kind <= BA_SPECTRUM_FOURIER; kind++) {
        ba_spectrum_t *a, *b;
        double *scratch;

        assert_int_equal(ba_spectrum_new((ba_spectrum_kind_t) kind, N, N, &a), 0);
        assert_int_equal(ba_spectrum_new((ba_spectrum_kind_t) kind, N, N - 1, &b), 0);
        assert_int_equal(ba_spectrum_scratch(a), 0);
        scratch = calloc(ba_spectrum_scratch(b), sizeof *scratch);
        assert_non_null(scratch);
        ba_spectrum_forward(
            a, (ba_cdmat_t){x, N, 1, N}, (ba_dmat_t){dense, N, 1, N}, NULL);
        ba_spectrum_forward(
            b, (ba_cdmat_t){x, N, 1, N}, (ba_dmat_t){fast, N, 1, N}, scratch);
        assert_all_close(fast, dense, N, 1e-12);
        free(scratch);
        ba_spectrum_free(a);
        ba_spectrum_free(b);
    }
}

static void
test_circle(void **state)
{
    ba_spectrum_t *spectrum;
    const double *circle;

    (void) state;
    assert_int_equal(ba_spectrum_new(BA_SPECTRUM_FOURIER, 12, 12, &spectrum), 0);
    circle = ba_spectrum_circle(spectrum);
    assert_close(circle[0], 1, 0);
    assert_close(circle[2], sqrt(0.75), 1e-15);
    assert_close(circle[3], 0.5, 1e-15);
    assert_close(circle[2 * 6], -1, 1e-15);
    ba_spectrum_free(spectrum);
    ba_spectrum_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_circle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
