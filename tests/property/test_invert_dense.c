/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inversion of a banded encoder against one Gaussian of all responses and features of a
 * run, written out from ridge by the normal equations. */
#include "tests/property/band_study.h"

/* Delayed columns: space a at 1 and 2, b at 1. */
enum { COLUMNS = 2 * A + B };

/* Column c of a model: space, delay, feature. */
static double
column(const study_t *s, size_t sample, size_t c)
{
    return c < 2 * A ? feature(s, sample, 1 + (long) (c / A), c % A)
                     : feature(s, sample, 1, A + c - 2 * A);
}

/* Weights COLUMNS x V and offsets of ridge on the runs that are not left out, with a
 * penalty alpha / gamma for each space, from the normal equations. */
static void
fit_by_hand(const study_t *s, size_t fold, size_t other, const double *alphas,
    const double *gammas, double *weights, double *offset)
{
    double z[N * COLUMNS], mean[COLUMNS], scale[COLUMNS];
    size_t rows[N], n = 0;

    for (size_t i = 0; i < N; i++) {
        if (i / RUN != fold && i / RUN != other) {
            rows[n++] = i;
        }
    }
    for (size_t c = 0; c < COLUMNS; c++) {
        double square = 0;

        mean[c] = 0;
        for (size_t i = 0; i < n; i++) {
            mean[c] += column(s, rows[i], c) / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            z[i + c * n] = column(s, rows[i], c) - mean[c];
            square += z[i + c * n] * z[i + c * n] / (double) n;
        }
        scale[c] = sqrt(square);
        for (size_t i = 0; i < n; i++) {
            z[i + c * n] /= scale[c];
        }
    }
    for (size_t j = 0; j < V; j++) {
        double g[COLUMNS * COLUMNS], *w = weights + j * COLUMNS, centre = 0;

        for (size_t i = 0; i < n; i++) {
            centre += s->y[rows[i] + j * N] / (double) n;
        }
        for (size_t c = 0; c < COLUMNS; c++) {
            w[c] = 0;
            for (size_t i = 0; i < n; i++) {
                w[c] += z[i + c * n] * (s->y[rows[i] + j * N] - centre);
            }
            for (size_t d = 0; d < COLUMNS; d++) {
                g[c + d * COLUMNS] =
                    c == d
                        ? alphas[fold * V + j] / gammas[(fold * 2 + (c >= 2 * A)) * V + j]
                        : 0;
                for (size_t i = 0; i < n; i++) {
                    g[c + d * COLUMNS] += z[i + c * n] * z[i + d * n];
                }
            }
        }
        must(ba_cholesky(ba_dmat(g, COLUMNS, COLUMNS, COLUMNS)));
        ba_cholesky_solve(
            ba_cdmat(g, COLUMNS, COLUMNS, COLUMNS), ba_dmat(w, COLUMNS, 1, COLUMNS));
        offset[j] = centre;
        for (size_t c = 0; c < COLUMNS; c++) {
            w[c] /= scale[c];
            offset[j] -= w[c] * mean[c];
        }
    }
}

/* Noise of a fold from refits without it and each of the others. */
static void
noise_by_hand(const study_t *s, size_t fold, const double *alphas, const double *gammas,
    double *sigma)
{
    double weights[COLUMNS * V], offset[V];

    memset(sigma, 0, V * V * sizeof *sigma);
    for (size_t other = 0; other < RUNS; other++) {
        if (other == fold) {
            continue;
        }
        fit_by_hand(s, fold, other, alphas, gammas, weights, offset);
        for (size_t i = other * RUN; i < (other + 1) * RUN; i++) {
            double e[V];

            for (size_t j = 0; j < V; j++) {
                e[j] = s->y[i + j * N] - offset[j];
                for (size_t c = 0; c < COLUMNS; c++) {
                    e[j] -= column(s, i, c) * weights[c + j * COLUMNS];
                }
            }
            for (size_t j = 0; j < V * V; j++) {
                sigma[j] += e[j % V] * e[j / V] / (N - RUN);
            }
        }
    }
    for (size_t j = 0; j < V * V; j++) {
        sigma[j] *= j % V == j / V ? 1.0 : 1.0 - SHARE;
    }
}

/* Mean and covariance of the training features; of spaces by themselves, or of all. */
static void
prior_by_hand(
    const study_t *s, size_t fold, int by_space, double *mean, double *covariance)
{
    size_t n = N - RUN;

    for (size_t f = 0; f < F; f++) {
        mean[f] = 0;
        for (size_t i = 0; i < N; i++) {
            mean[f] += i / RUN == fold ? 0 : s->x[i + f * N] / (double) n;
        }
    }
    for (size_t f = 0; f < F; f++) {
        for (size_t g = 0; g < F; g++) {
            covariance[f + g * F] = 0;
            for (size_t i = 0; i < N; i++) {
                if (i / RUN != fold && !(by_space && (f < A) != (g < A))) {
                    covariance[f + g * F] += (s->x[i + f * N] - mean[f]) *
                                             (s->x[i + g * N] - mean[g]) / (double) n;
                }
            }
        }
    }
}

/* The weight of feature f of time `from` on voxel j at time t. */
static double
weight(const double *weights, size_t t, size_t from, size_t f, size_t j)
{
    size_t lag = t - from;

    if (t < from || lag < 1 || lag > 2 || (lag == 2 && f >= A)) {
        return 0;
    }
    return weights[(f < A ? (lag - 1) * A + f : 2 * A + f - A) + j * COLUMNS];
}

/* Posterior of the features of a run's times 0 .. RUN - 2 from all of its responses, as one
 * Gaussian of RUN V numbers; returns the evidence. */
static double
posterior_by_hand(const study_t *s, size_t fold, int by_space, const double *alphas,
    const double *gammas, double *mean, double *variance)
{
    enum { Y = RUN * V, X = (RUN - 1) * F };
    static double h[Y * X], ph[Y * X], cross[Y * X], v[Y * Y];
    double weights[COLUMNS * V], offset[V], sigma[V * V], mu[F], c[F * F], r[Y], u[Y];
    double evidence = -0.5 * Y * log(2 * acos(-1));

    fit_by_hand(s, fold, fold, alphas, gammas, weights, offset);
    noise_by_hand(s, fold, alphas, gammas, sigma);
    prior_by_hand(s, fold, by_space, mu, c);
    for (size_t y = 0; y < Y; y++) {
        size_t t = y / V, j = y % V;

        r[y] = s->y[fold * RUN + t + j * N] - offset[j];
        for (size_t x = 0; x < X; x++) {
            h[y + x * Y] = weight(weights, t, x / F, x % F, j);
            r[y] -= h[y + x * Y] * mu[x % F];
        }
    }
    for (size_t y = 0; y < Y; y++) {
        for (size_t x = 0; x < X; x++) {
            ph[y + x * Y] = 0;
            for (size_t f = 0; f < F; f++) {
                ph[y + x * Y] += h[y + (x / F * F + f) * Y] * c[f + x % F * F];
            }
        }
    }
    for (size_t y = 0; y < Y; y++) {
        for (size_t z = 0; z < Y; z++) {
            v[y + z * Y] = y / V == z / V ? sigma[y % V + z % V * V] : 0;
            for (size_t x = 0; x < X; x++) {
                v[y + z * Y] += ph[y + x * Y] * h[z + x * Y];
            }
        }
    }
    memcpy(u, r, sizeof u);
    memcpy(cross, ph, sizeof cross);
    must(ba_cholesky(ba_dmat(v, Y, Y, Y)));
    ba_cholesky_solve(ba_cdmat(v, Y, Y, Y), ba_dmat(u, Y, 1, Y));
    ba_cholesky_solve(ba_cdmat(v, Y, Y, Y), ba_dmat(cross, Y, X, Y));
    for (size_t x = 0; x < X; x++) {
        mean[x] = mu[x % F];
        variance[x] = c[x % F + x % F * F];
        for (size_t y = 0; y < Y; y++) {
            mean[x] += ph[y + x * Y] * u[y];
            variance[x] -= ph[y + x * Y] * cross[y + x * Y];
        }
    }
    for (size_t y = 0; y < Y; y++) {
        evidence -= log(v[y + y * Y]) + 0.5 * r[y] * u[y];
    }
    return evidence;
}

static void
check_by_hand(study_t *s, int by_space)
{
    static const char *const only_b = "b";
    ba_decode_invert_opts_t opts = {.prior_by_space = by_space};
    double alphas[RUNS * V], gammas[RUNS * 2 * V], mean[N * F], variance[N * F];
    double of_b[N * B], variance_of_b[N * B], evidence[RUNS], wanted[RUN * F],
        wanted_variance[RUN * F], n_responses[N];

    read_numbers("enc.h5", "/best_alphas_by_fold", RUNS * V, alphas);
    read_numbers("enc.h5", "/bands/gammas_by_fold", RUNS * 2 * V, gammas);
    invert(s, &opts, "inv.h5");
    read_numbers("inv.h5", "/mean", N * F, mean);
    read_numbers("inv.h5", "/variance", N * F, variance);
    read_numbers("inv.h5", "/stretches/log_evidence", RUNS, evidence);
    opts.spaces = &only_b;
    opts.n_spaces = 1;
    invert(s, &opts, "b.h5");
    read_numbers("b.h5", "/mean", N * B, of_b);
    read_numbers("b.h5", "/variance", N * B, variance_of_b);
    read_numbers("b.h5", "/n_responses", N, n_responses);
    for (size_t k = 0; k < RUNS; k++) {
        double found =
            posterior_by_hand(s, k, by_space, alphas, gammas, wanted, wanted_variance);

        assert_close(evidence[k], found, 1e-8);
        assert_all_close(mean + k * RUN * F, wanted, (RUN - 1) * F, 1e-8);
        assert_all_close(variance + k * RUN * F, wanted_variance, (RUN - 1) * F, 1e-8);
        for (size_t t = 0; t < RUN; t++) {
            size_t i = k * RUN + t;

            assert_true(n_responses[i] == (t + 1 < RUN ? 1.0 : 0.0));
            for (size_t f = 0; f < B; f++) {
                assert_close(of_b[i * B + f], mean[i * F + A + f], 0.0);
                assert_close(variance_of_b[i * B + f], variance[i * F + A + f], 0.0);
                assert_true(t + 1 < RUN || isnan(of_b[i * B + f]));
            }
        }
    }
}

static void
test_by_hand(void **state)
{
    study_t s;

    (void) state;
    make_study(&s);
    fit(&s, "0.2,0.8\n0.9,0.1\n0.4,0.6\n", 1.0, "b:1");
    check_by_hand(&s, 0);
    check_by_hand(&s, 1);
    free_study(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
