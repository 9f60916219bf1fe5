/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the automatic alphas lose in inner r2 beside an explicit grid of 37 alphas over the
 * same range: the continuous optimum must be worth more than the finest grid point. */
#include "tests/property/study.h"

#define N_FINE 37
#define MEAN_REGRET 2e-5

typedef struct {
    double mean, largest, positive;
} regret_t;

/* The spline through all fine scores is exact to far below what is measured. */
static double
score_at(const double *alphas, const double *scores, double alpha)
{
    double x = log(alpha / alphas[0]) / log(alphas[1] / alphas[0]);
    size_t i = x < 1 ? 1 : x > N_FINE - 3 ? N_FINE - 3 : (size_t) x;
    double sum = 0.0;

    /* Lagrange through the four nearest nodes. */
    for (size_t a = i - 1; a <= i + 2; a++) {
        double weight = 1.0;

        for (size_t b = i - 1; b <= i + 2; b++) {
            weight *= a == b ? 1.0 : (x - (double) b) / ((double) a - (double) b);
        }
        sum += weight * scores[a];
    }
    return sum;
}

static regret_t
measure(study_t *study, pool_t *pool)
{
    outcome_of_fit_t automatic, grid;
    regret_t regret = {0.0, 0.0, 0.0};
    double *fine = pool_doubles(pool, N_FINE), scores[N_FINE], low, high;
    size_t v = study->v;

    study->opts.select = BA_SCORE_R2;
    study->opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
    study->opts.alphas = (ba_alphas_t){0};
    automatic = study_fit(study, NULL);
    low = automatic.result.alphas[0];
    high = automatic.result.alphas[automatic.result.n_alphas - 1];
    for (size_t a = 0; a < N_FINE; a++) {
        fine[a] = low * pow(high / low, (double) a / (N_FINE - 1));
    }
    study->opts.alphas = (ba_alphas_t){fine, N_FINE};
    grid = study_fit(study, NULL);
    for (size_t t = 0; t < v; t++) {
        double best = -INFINITY, lost;

        for (size_t a = 0; a < N_FINE; a++) {
            scores[a] = grid.result.cv_scores[a * v + t];
            best = fmax(best, scores[a]);
        }
        lost = best - score_at(fine, scores, automatic.result.best_alphas[t]);
        regret.mean += lost / (double) v;
        regret.positive += fmax(0.0, lost) / (double) v;
        regret.largest = fmax(regret.largest, lost);
    }
    print_message("regret: mean %.1e, mean of the positive part %.1e, largest %.1e\n",
        regret.mean, regret.positive, regret.largest);
    fit_free(&automatic);
    fit_free(&grid);
    return regret;
}

/* Features with a spectrum over five decades, slow in time, and responses that follow
 * them from not at all to well. */
static void
make_realistic(pool_t *pool, study_t *study, uint64_t seed)
{
    size_t n = study->train.n, q = study->n_features;
    double *x = pool_doubles(pool, n * q), *y = pool_doubles(pool, n * study->v);

    for (size_t j = 0; j < q; j++) {
        double past = 0.0, size = pow((double) (j + 1), -0.8);

        for (size_t i = 0; i < n; i++) {
            past = 0.6 * past + 0.8 * test_normal(&seed);
            x[i + j * n] = size * past;
        }
    }
    for (size_t t = 0; t < study->v; t++) {
        double noise = 0.3 + 4.0 * (double) t / (double) study->v;

        for (size_t i = 0; i < n; i++) {
            y[i + t * n] = noise * test_normal(&seed);
        }
        for (size_t j = 0; j < q; j++) {
            double weight = test_normal(&seed);

            for (size_t i = 0; i < n; i++) {
                y[i + t * n] += weight * x[i + j * n];
            }
        }
    }
    study->train.x = x;
    study->train.y = y;
}

static void
check_regret(size_t n_features, ba_scale_t scale, uint64_t seed)
{
    pool_t pool = {0};
    shape_t shape = {.n_samples = 240,
        .n_features = n_features,
        .n_delays = 1,
        .n_targets = 60,
        .seed = seed};
    study_t study = study_make(&pool, &shape);
    regret_t regret;

    make_realistic(&pool, &study, seed);
    study.opts.scale_features = scale;
    regret = measure(&study, &pool);
    assert_true(regret.mean < MEAN_REGRET);
    assert_true(regret.positive < 2 * MEAN_REGRET);
    assert_true(regret.largest < 2e-3);
    pool_free(&pool);
}

static void
test_narrow(void **state)
{
    (void) state;
    check_regret(40, BA_SCALE_ZSCORE, 1);
    check_regret(40, BA_SCALE_CENTER, 2);
}

static void
test_wide(void **state)
{
    (void) state;
    check_regret(300, BA_SCALE_ZSCORE, 3);
    check_regret(300, BA_SCALE_CENTER, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_wide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
