/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/alphas.h"
#include "core/alloc.h"
#include "model/numeral.h"

#include <string.h>

#define MAX_NODES 100000
#define MAX_EXPONENT 300 /* 10 to this, times a sum of squares, is still finite */

#define AUTO_DECADES 5.4
#define AUTO_ABOVE 10.0    /* times the largest eigenvalue: the curve is flat beyond */
#define AUTO_BELOW 0.1     /* times the smallest that counts */
#define EIGEN_COUNTS 1e-12 /* of the largest: smaller ones are rounding errors */

static int
bad_text(const char *text)
{
    return ba_fail(BA_VALUE,
        "alphas: found \"%s\", wanted auto, log:LO,HI,N or numbers such as 1,10,100",
        text);
}

static int
compare_values(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static void
sort_unique(ba_alphas_t *alphas)
{
    size_t n = 0;

    qsort(alphas->values, alphas->n, sizeof *alphas->values, compare_values);
    for (size_t i = 0; i < alphas->n; i++) {
        if (n == 0 || alphas->values[i] != alphas->values[n - 1]) {
            alphas->values[n++] = alphas->values[i];
        }
    }
    alphas->n = n;
}

static int
parse_log(const char *text, ba_alphas_t *out)
{
    const char *at = text + strlen("log:");
    double low, high, step;
    size_t n;

    if (!ba_numeral_double(&at, &low) || *at++ != ',' || !ba_numeral_double(&at, &high) ||
        *at++ != ',' || !ba_numeral_size(&at, MAX_NODES, &n) || *at) {
        return bad_text(text);
    }
    if (fabs(low) > MAX_EXPONENT || fabs(high) > MAX_EXPONENT) {
        return ba_fail(BA_VALUE, "alphas: %s: wanted exponents from -%d to %d", text,
            MAX_EXPONENT, MAX_EXPONENT);
    }
    if (n == 0 || (n == 1 && low != high)) {
        return ba_fail(BA_VALUE, "alphas: %s: %zu values, wanted at least %d", text, n,
            low != high ? 2 : 1);
    }
    out->values = ba_malloc(n, sizeof *out->values);
    if (!out->values) {
        return BA_NOMEM;
    }
    step = n > 1 ? (high - low) / (double) (n - 1) : 0;
    for (size_t i = 0; i < n; i++) {
        out->values[i] = pow(10, i + 1 < n ? low + (double) i * step : high);
    }
    out->n = n;
    sort_unique(out);
    return BA_OK;
}

/* One number and the character after it. */
static int
parse_value(const char *text, const char **at, char next, double *out)
{
    double value;

    if (!ba_numeral_double(at, &value) || *(*at)++ != next) {
        return bad_text(text);
    }
    if (value < 0) {
        return ba_fail(BA_VALUE, "alphas: found %.15g, wanted 0 or more", value);
    }
    *out = fabs(value); /* there is no negative zero among penalties */
    return BA_OK;
}

static int
parse_list(const char *text, ba_alphas_t *out)
{
    const char *at = text;
    ba_alphas_t alphas = {.n = 1};
    int status = BA_OK;

    for (const char *c = text; *c; c++) {
        alphas.n += *c == ',';
    }
    BA_TRY_ALLOC(alphas.values, ba_malloc(alphas.n, sizeof *alphas.values));
    for (size_t i = 0; i < alphas.n; i++) {
        BA_TRY(parse_value(text, &at, i + 1 < alphas.n ? ',' : '\0', &alphas.values[i]));
    }
    sort_unique(&alphas);
    *out = alphas;
    return BA_OK;
out:
    ba_alphas_free(&alphas);
    return status;
}

int
ba_alphas_parse(const char *text, ba_alphas_t *out)
{
    if (strcmp(text, "auto") == 0) {
        *out = (ba_alphas_t){0};
        return BA_OK;
    }
    if (strncmp(text, "log:", strlen("log:")) == 0) {
        return parse_log(text, out);
    }
    return parse_list(text, out);
}

void
ba_alphas_free(ba_alphas_t *alphas)
{
    if (alphas) {
        ba_free(alphas->values);
        *alphas = (ba_alphas_t){0};
    }
}

int
ba_alphas_auto(const double *lambda, size_t n, double nodes[BA_AUTO_NODES])
{
    double largest = 0, smallest, low, high;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(lambda[i])) {
            return ba_fail(BA_NUMERIC,
                "alphas: eigenvalue %zu of the design is %g, wanted finite numbers", i,
                lambda[i]);
        }
        largest = lambda[i] > largest ? lambda[i] : largest;
    }
    if (largest <= 0) {
        return ba_fail(BA_NUMERIC,
            "alphas: none of the %zu eigenvalues of the design is positive, wanted a "
            "design "
            "that varies",
            n);
    }
    smallest = largest;
    for (size_t i = 0; i < n; i++) {
        if (lambda[i] > EIGEN_COUNTS * largest && lambda[i] < smallest) {
            smallest = lambda[i];
        }
    }
    high = AUTO_ABOVE * largest;
    low = fmax(high / pow(10, AUTO_DECADES), AUTO_BELOW * smallest);
    for (size_t i = 0; i < BA_AUTO_NODES; i++) {
        nodes[i] = low * pow(high / low, (double) i / (BA_AUTO_NODES - 1));
    }
    nodes[BA_AUTO_NODES - 1] = high;
    return BA_OK;
}

size_t
ba_alphas_argmax(const double *scores, size_t n, size_t stride)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++) {
        double score = scores[i * stride];

        if (!isnan(score) && (best == n || score >= scores[best * stride])) {
            best = i;
        }
    }
    return best;
}
