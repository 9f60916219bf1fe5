/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ridge regression as in a textbook, to compare the library with: plain loops, Gaussian
 * elimination in long double, nothing of the library's own. Matrices are column-major
 * without gaps. Include it after tests/testlib.h. */
#ifndef BA_PROPERTY_ORACLE_H
#define BA_PROPERTY_ORACLE_H

#include "tests/testlib.h"

/* Everything that an oracle allocates, freed at once. */
typedef struct {
    void **blocks;
    size_t n_blocks;
} pool_t;

/* n zeroed elements of `size` bytes. */
static inline void *
pool_get(pool_t *pool, size_t n, size_t size)
{
    void **blocks = realloc(pool->blocks, (pool->n_blocks + 1) * sizeof *blocks);
    void *block = calloc(n > 0 ? n : 1, size);

    if (!blocks || !block) {
        fail_msg("oracle: out of memory");
        abort(); /* fail_msg() does not come back, which a compiler may not know */
    }
    pool->blocks = blocks;
    pool->blocks[pool->n_blocks++] = block;
    return block;
}

static inline double *
pool_doubles(pool_t *pool, size_t n)
{
    return pool_get(pool, n, sizeof(double));
}

/* Forgets all blocks but the first n. */
static inline void
pool_shrink(pool_t *pool, size_t n)
{
    while (pool->n_blocks > n) {
        free(pool->blocks[--pool->n_blocks]);
    }
    if (n == 0) {
        free(pool->blocks);
        pool->blocks = NULL;
    }
}

static inline void
pool_free(pool_t *pool)
{
    pool_shrink(pool, 0);
}

/* b (n x m) becomes a^-1 b, a (n x n) is destroyed: elimination with partial pivoting. */
static inline void
oracle_solve(long double *a, size_t n, long double *b, size_t m)
{
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;

        for (size_t i = k + 1; i < n; i++) {
            pivot = fabsl(a[i + k * n]) > fabsl(a[pivot + k * n]) ? i : pivot;
        }
        for (size_t j = 0; j < n + m; j++) {
            long double *column = j < n ? a + j * n : b + (j - n) * n, kept = column[k];

            column[k] = column[pivot];
            column[pivot] = kept;
        }
        for (size_t j = k + 1; j < n + m; j++) {
            long double *column = j < n ? a + j * n : b + (j - n) * n;

            column[k] /= a[k + k * n];
            for (size_t i = k + 1; i < n; i++) {
                column[i] -= a[i + k * n] * column[k];
            }
        }
    }
    for (size_t j = 0; j < m; j++) {
        for (size_t k = n; k-- > 0;) {
            for (size_t i = 0; i < k; i++) {
                b[i + j * n] -= a[i + k * n] * b[k + j * n];
            }
        }
    }
}

/* Normal equations (Z'Z + diag(penalty)) W = Z'Y, Z n x p, Y n x v, W p x v. */
static inline void
oracle_normal_equations(pool_t *pool, const double *z, size_t n, size_t p,
    const double *penalty, const double *y, size_t v, double *w)
{
    size_t mark = pool->n_blocks;
    long double *gram = pool_get(pool, p * p, sizeof *gram);
    long double *right = pool_get(pool, p * v, sizeof *right);

    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i <= j; i++) {
            long double sum = i == j ? (long double) penalty[i] : 0.0L;

            for (size_t t = 0; t < n; t++) {
                sum += (long double) z[t + i * n] * (long double) z[t + j * n];
            }
            gram[i + j * p] = gram[j + i * p] = sum;
        }
        for (size_t k = 0; k < v; k++) {
            for (size_t t = 0; t < n; t++) {
                right[j + k * p] +=
                    (long double) z[t + j * n] * (long double) y[t + k * n];
            }
        }
    }
    oracle_solve(gram, p, right, v);
    for (size_t i = 0; i < p * v; i++) {
        w[i] = (double) right[i];
    }
    pool_shrink(pool, mark);
}

static inline double
oracle_mean(const double *y, size_t n)
{
    long double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (long double) y[i];
    }
    return n > 0 ? (double) (sum / (long double) n) : 0.0;
}

/* Orthonormal basis of the rows of x in q (p x rank): Gram-Schmidt with the largest
 * remaining row next, each orthogonalised twice. */
static inline size_t
oracle_row_space(pool_t *pool, const double *x, size_t n, size_t p, double *q)
{
    double *left = pool_doubles(pool, n * p), first = 0;
    size_t rank = 0;

    memcpy(left, x, n * p * sizeof *left);
    while (rank < n && rank < p) {
        size_t best = 0;
        double largest = 0;

        for (size_t t = 0; t < n; t++) {
            double square = 0;

            for (size_t j = 0; j < p; j++) {
                square += left[t + j * n] * left[t + j * n];
            }
            best = square > largest ? t : best;
            largest = square > largest ? square : largest;
        }
        first = rank == 0 ? largest : first;
        if (largest <= 1e-20 * first) {
            break;
        }
        for (size_t j = 0; j < p; j++) {
            q[j + rank * p] = left[best + j * n] / sqrt(largest);
        }
        rank++;
        for (size_t t = 0; t < 2 * n; t++) {
            double product = 0;

            for (size_t j = 0; j < p; j++) {
                product += left[t % n + j * n] * q[j + (rank - 1) * p];
            }
            for (size_t j = 0; j < p; j++) {
                left[t % n + j * n] -= product * q[j + (rank - 1) * p];
            }
        }
    }
    return rank;
}

/* The least-squares weights of smallest norm: least squares within the row space. */
static inline void
oracle_minimum_norm(pool_t *pool, const double *x, size_t n, size_t p, const double *y,
    size_t v, double *w)
{
    double *q = pool_doubles(pool, p * (n < p ? n : p) + 1);
    size_t rank = oracle_row_space(pool, x, n, p, q);
    double *z = pool_doubles(pool, n * rank), *c = pool_doubles(pool, rank * v);

    for (size_t k = 0; k < rank; k++) {
        for (size_t j = 0; j < p; j++) {
            for (size_t t = 0; t < n; t++) {
                z[t + k * n] += x[t + j * n] * q[j + k * p];
            }
        }
    }
    oracle_normal_equations(pool, z, n, rank, pool_doubles(pool, rank), y, v, c);
    memset(w, 0, p * v * sizeof *w);
    for (size_t k = 0; k < v; k++) {
        for (size_t r = 0; r < rank; r++) {
            for (size_t j = 0; j < p; j++) {
                w[j + k * p] += q[j + r * p] * c[r + k * rank];
            }
        }
    }
}

/* Takes every column's mean out of a copy; means (n_columns) are kept. */
static inline double *
oracle_centred(pool_t *pool, const double *x, size_t n, size_t n_columns, double *means)
{
    double *centred = pool_doubles(pool, n * n_columns);

    for (size_t j = 0; j < n_columns; j++) {
        means[j] = oracle_mean(x + j * n, n);
        for (size_t t = 0; t < n; t++) {
            centred[t + j * n] = x[t + j * n] - means[j];
        }
    }
    return centred;
}

/* Ridge weights (p x v) and intercepts (v) of x (n x p) on y (n x v). alpha > 0: the
 * intercept is one more column that no penalty touches. alpha = 0: minimum norm, after
 * centring where there is an intercept. */
static inline void
oracle_ridge(pool_t *pool, const double *x, size_t n, size_t p, const double *y, size_t v,
    double alpha, int intercept, double *w, double *b)
{
    size_t mark = pool->n_blocks, width = p + (intercept ? 1 : 0);
    double *z = pool_doubles(pool, n * width), *penalty = pool_doubles(pool, width);
    double *solution = pool_doubles(pool, width * v);

    memset(b, 0, v * sizeof *b);
    if (alpha == 0.0 && intercept) {
        double *mean_x = pool_doubles(pool, p), *mean_y = pool_doubles(pool, v);

        oracle_minimum_norm(pool, oracle_centred(pool, x, n, p, mean_x), n, p,
            oracle_centred(pool, y, n, v, mean_y), v, w);
        for (size_t k = 0; k < v; k++) {
            b[k] = mean_y[k];
            for (size_t j = 0; j < p; j++) {
                b[k] -= mean_x[j] * w[j + k * p];
            }
        }
    } else if (alpha == 0.0) {
        oracle_minimum_norm(pool, x, n, p, y, v, w);
    } else {
        memcpy(z, x, n * p * sizeof *z);
        for (size_t t = 0; intercept && t < n; t++) {
            z[t + p * n] = 1.0;
        }
        for (size_t j = 0; j < p; j++) {
            penalty[j] = alpha;
        }
        oracle_normal_equations(pool, z, n, width, penalty, y, v, solution);
        for (size_t k = 0; k < v; k++) {
            memcpy(w + k * p, solution + k * width, p * sizeof *w);
            b[k] = intercept ? solution[p + k * width] : 0.0;
        }
    }
    pool_shrink(pool, mark);
}

/* x w + b, n x v. */
static inline void
oracle_predict(const double *x, size_t n, size_t p, const double *w, const double *b,
    size_t v, double *out)
{
    for (size_t k = 0; k < v; k++) {
        for (size_t t = 0; t < n; t++) {
            long double sum = (long double) b[k];

            for (size_t j = 0; j < p; j++) {
                sum += (long double) x[t + j * n] * (long double) w[j + k * p];
            }
            out[t + k * n] = (double) sum;
        }
    }
}

/* Population standard deviation; 0 where it is below 1e-10 of the largest size. */
static inline double
oracle_deviation(const double *y, size_t n, double size)
{
    double mean = oracle_mean(y, n), square = 0;

    for (size_t i = 0; i < n; i++) {
        square += (y[i] - mean) * (y[i] - mean);
    }
    return n > 0 && sqrt(square / (double) n) > 1e-10 * size ? sqrt(square / (double) n)
                                                             : 0.0;
}

static inline double
oracle_largest(const double *y, size_t n)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(y[i]));
    }
    return largest;
}

static inline double
oracle_minus_mse(const double *y, const double *p, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (y[i] - p[i]) * (y[i] - p[i]);
    }
    return -sum / (double) n;
}

static inline double
oracle_r2(const double *y, const double *p, size_t n)
{
    double deviation = oracle_deviation(y, n, oracle_largest(y, n));

    return n < 2 || deviation == 0.0
               ? (double) NAN
               : 1.0 + oracle_minus_mse(y, p, n) / (deviation * deviation);
}

static inline double
oracle_r(const double *y, const double *p, size_t n)
{
    double dy = oracle_deviation(y, n, oracle_largest(y, n));
    double dp = oracle_deviation(p, n, oracle_largest(p, n));
    double my = oracle_mean(y, n), mp = oracle_mean(p, n), sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (y[i] - my) * (p[i] - mp);
    }
    return n < 2 || dy == 0.0 || dp == 0.0 ? (double) NAN : sum / (double) n / (dy * dp);
}

#endif
