/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inverting an encoding model against dense v x v algebra in Python (golden file D3):
 * seven noise covariances, two priors, evidence, candidates, fewer voxels than features. */
#include "tests/golden/inversion_golden.h"

typedef struct {
    char file[TEST_PATH_SIZE];
    size_t p, v, n_rows, n, n_candidates;
    double *w, *residuals, *y, *candidates, *mean, *covariance, *factor4;
    int32_t story[64];
    ba_prior_t full, deficient;
} study_t;

static double *
read_turned(const char *file, const char *path, size_t dims[2])
{
    golden_t x = golden_read(file, path);
    double *columns = turned(&x, x.rank > 1 ? x.dims[1] : 1);

    dims[0] = x.dims[0];
    dims[1] = x.rank > 1 ? x.dims[1] : 1;
    golden_free(&x);
    return columns;
}

static void
open_study(study_t *s)
{
    size_t dims[2], k;
    golden_t story = golden_read(s->file, "/story_of_residual_row");

    s->w = read_turned(s->file, "/W", dims);
    s->p = dims[0];
    s->v = dims[1];
    s->residuals = read_turned(s->file, "/residuals", dims);
    s->n_rows = dims[0];
    s->y = read_turned(s->file, "/y", dims);
    s->n = dims[0];
    s->candidates = read_turned(s->file, "/candidates", dims);
    s->n_candidates = dims[0];
    s->mean = read_turned(s->file, "/prior_mean", dims);
    s->covariance = read_turned(s->file, "/prior_cov", dims);
    s->factor4 = read_turned(s->file, "/prior_factor_rank4", dims);
    k = dims[1];
    for (size_t i = 0; i < story.n; i++) {
        s->story[i] = (int32_t) story.data[i];
    }
    must(ba_prior_from_covariance(
        NULL, s->mean, (ba_cdmat_t){s->covariance, s->p, s->p, s->p}, &s->full));
    must(ba_prior_from_factor(
        s->mean, (ba_cdmat_t){s->factor4, s->p, k, s->p}, &s->deficient));
    golden_free(&story);
}

static void
close_study(study_t *s)
{
    free(s->w);
    free(s->residuals);
    free(s->y);
    free(s->candidates);
    free(s->mean);
    free(s->covariance);
    free(s->factor4);
    ba_prior_free(&s->full);
    ba_prior_free(&s->deficient);
}

static void
compare_posterior(
    const study_t *s, const char *group, const char *prior, const ba_posterior_t *found)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", group, prior);
    compare(s->file, path, "map", found->mean, s->p, 1, 1e-10);
    compare(s->file, path, "log_evidence", found->evidence, 1, 0, 1e-11);
    if (found->covariance) {
        compare(s->file, path, "posterior_cov", found->covariance, 1, s->p, 1e-10);
        compare(s->file, path, "posterior_cov_diag", found->variance, 1, 0, 1e-10);
    }
}

/* Both forms for both priors, and the first seven voxels. */
static void
check_posteriors(const study_t *s, const char *group, const ba_noise_t *noise,
    const ba_inversion_t *inversion)
{
    const ba_inversion_data_t data = {{s->w, s->p, s->v, s->p}, {s->y, s->n, s->v, s->n}};
    const struct {
        const char *name;
        const ba_prior_t *prior;
    } priors[] = {{"full", &s->full}, {"rank_deficient", &s->deficient}};
    ba_posterior_t found;

    for (size_t i = 0; i < 2; i++) {
        must(ba_posterior_make(
            NULL, inversion, priors[i].prior, BA_POSTERIOR_COVARIANCE, &found));
        compare_posterior(s, group, priors[i].name, &found);
        ba_posterior_free(&found);
        must(ba_posterior_in_voxels(
            NULL, noise, &data, priors[i].prior, BA_POSTERIOR_COVARIANCE, &found));
        compare_posterior(s, group, priors[i].name, &found);
        ba_posterior_free(&found);
    }
}

/* Sigma cut to its first seven voxels, as diagonal and factor: its Cholesky factor below
 * a small diagonal would not be it exactly, so the rows of noise are asked for. */
static void
check_seven(const study_t *s, const char *group, const ba_noise_t *whole)
{
    enum { SEVEN = 7 };
    double *row = malloc(s->v * sizeof *row), sigma[SEVEN * SEVEN], least = INFINITY;
    double variance[SEVEN], root[SEVEN * SEVEN];
    ba_prior_t factor;
    ba_noise_t *noise;
    ba_posterior_t found;
    const ba_inversion_data_t data = {
        {s->w, s->p, SEVEN, s->p}, {s->y, s->n, SEVEN, s->n}};

    assert_non_null(row);
    for (size_t j = 0; j < SEVEN; j++) {
        ba_noise_row(whole, j, row);
        memcpy(sigma + j * SEVEN, row, SEVEN * sizeof *row);
        least = fmin(least, row[j]);
    }
    /* Half the smallest variance may be more than the smallest eigenvalue: a tenth. */
    for (size_t j = 0; j < SEVEN; j++) {
        variance[j] = 0.1 * least;
        sigma[j + j * SEVEN] -= variance[j];
    }
    must(ba_prior_from_covariance(
        NULL, NULL, (ba_cdmat_t){sigma, SEVEN, SEVEN, SEVEN}, &factor));
    for (size_t j = 0; j < SEVEN; j++) {
        for (size_t i = 0; i < factor.rank; i++) {
            root[i + j * factor.rank] = factor.factor[j + i * SEVEN];
        }
    }
    must(ba_noise_from_factor(variance,
        (ba_cdmat_t){root, factor.rank, SEVEN, factor.rank}, BA_DOUBLE, &noise));
    must(ba_posterior_from_data(
        NULL, noise, &data, &s->full, BA_POSTERIOR_VARIANCE, &found));
    compare_posterior(s, group, "first7voxels", &found);
    ba_posterior_free(&found);
    ba_noise_free(noise);
    ba_prior_free(&factor);
    free(row);
}

static void
check_candidates(const study_t *s, const char *group, const ba_inversion_t *inversion)
{
    size_t n = s->n, g = s->n_candidates;
    double *q = malloc(n * g * sizeof *q);

    assert_non_null(q);
    must(ba_inversion_candidates(NULL, inversion, (ba_cdmat_t){s->candidates, g, s->p, g},
        (ba_dmat_t){q, n, g, n}));
    compare(s->file, group, "candidate_quadratic", q, 1, n, 1e-11);
    for (size_t i = 0; i < n * g; i++) {
        q[i] += ba_inversion_constant(inversion);
    }
    compare(s->file, group, "candidate_loglik", q, 1, n, 1e-11);
    for (size_t i = 0; i < n; i++) {
        double largest = -INFINITY, sum = 0.0;

        for (size_t j = 0; j < g; j++) {
            largest = fmax(largest, q[i + j * n]);
        }
        for (size_t j = 0; j < g; j++) {
            q[i + j * n] = exp(q[i + j * n] - largest);
            sum += q[i + j * n];
        }
        for (size_t j = 0; j < g; j++) {
            q[i + j * n] /= sum;
        }
    }
    compare(s->file, group, "candidate_posterior_uniform_prior", q, 1, n, 1e-10);
    free(q);
}

static void
check_noise(const study_t *s, const char *group, const ba_noise_opts_t *opts)
{
    ba_noise_t *noise;
    ba_inversion_t inversion;
    ba_posterior_t flat;
    double *row = malloc(s->v * sizeof *row), trace;

    assert_non_null(row);
    must(ba_noise_new(
        NULL, (ba_cdmat_t){s->residuals, s->n_rows, s->v, s->n_rows}, opts, &noise));
    ba_noise_row(noise, 0, row);
    compare(s->file, group, "sigma_row0", row, 1, 0, 1e-13);
    trace = ba_noise_trace(noise);
    compare(s->file, group, "sigma_trace", &trace, 1, 0, 1e-13);
    must(ba_inversion_make(NULL, noise, (ba_cdmat_t){s->w, s->p, s->v, s->p},
        (ba_cdmat_t){s->y, s->n, s->v, s->n}, &inversion));
    compare(s->file, group, "sigma_logdet", &inversion.logdet, 1, 0, 1e-11);
    check_posteriors(s, group, noise, &inversion);
    must(ba_posterior_flat(NULL, &inversion, BA_POSTERIOR_VARIANCE, &flat));
    compare(s->file, group, "blue", flat.mean, s->p, 1, 1e-10);
    compare(s->file, group, "blue_cov_diag", flat.variance, 1, 0, 1e-10);
    check_candidates(s, group, &inversion);
    check_seven(s, group, noise);
    ba_posterior_free(&flat);
    ba_inversion_free(&inversion);
    ba_noise_free(noise);
    free(row);
}

static void
test_noise_models(void **state)
{
    study_t s = {.p = 0};
    const double third = 2.0 / 3.0;

    (void) state;
    test_need_data(s.file, D3);
    open_study(&s);
    const struct {
        const char *group;
        ba_noise_opts_t opts;
    } cases[] = {
        {"sigma_identity_two_thirds", {.target = BA_SHRINK_IDENTITY, .share = third}},
        {"sigma_tang_two_thirds",
            {.target = BA_SHRINK_IDENTITY, .share = third, .story = s.story}},
        {"sigma_scaled_identity_two_thirds",
            {.target = BA_SHRINK_SCALED, .share = third}},
        {"sigma_diagonal_two_thirds", {.target = BA_SHRINK_DIAGONAL, .share = third}},
        {"sigma_ledoit_wolf_centred", {.ledoit_wolf = 1}},
        {"sigma_ledoit_wolf_mean_removed", {.ledoit_wolf = 1, .remove_mean = 1}},
        {"sigma_white", {.kind = BA_NOISE_WHITE, .variance = 1.7}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ba_noise_opts_t opts = cases[i].opts;

        opts.precision = BA_DOUBLE;
        check_noise(&s, cases[i].group, &opts);
    }
    close_study(&s);
}

static void
test_intensities(void **state)
{
    study_t s = {.p = 0};
    static const char *const names[] = {
        "ledoit_wolf_intensity_centred", "ledoit_wolf_intensity_mean_removed"};

    (void) state;
    test_need_data(s.file, D3);
    open_study(&s);
    for (int i = 0; i < 2; i++) {
        ba_noise_t *noise;
        double share;
        ba_noise_opts_t opts = {
            .ledoit_wolf = 1, .remove_mean = i, .precision = BA_DOUBLE};

        must(ba_noise_new(
            NULL, (ba_cdmat_t){s.residuals, s.n_rows, s.v, s.n_rows}, &opts, &noise));
        share = ba_noise_share(noise);
        compare(s.file, "/", names[i], &share, 1, 0, 1e-12);
        ba_noise_free(noise);
    }
    close_study(&s);
}

static void
test_ridge_equivalent(void **state)
{
    study_t s = {.p = 0};
    ba_noise_t *noise;
    ba_posterior_t found;
    ba_prior_t prior;
    double identity[64 * 64] = {0};
    const ba_noise_opts_t opts = {
        .kind = BA_NOISE_WHITE, .variance = 1.7, .precision = BA_DOUBLE};

    (void) state;
    test_need_data(s.file, D3);
    open_study(&s);
    for (size_t i = 0; i < s.p; i++) {
        identity[i + i * s.p] = 0.8;
    }
    must(ba_prior_from_covariance(
        NULL, NULL, (ba_cdmat_t){identity, s.p, s.p, s.p}, &prior));
    must(ba_noise_new(
        NULL, (ba_cdmat_t){s.residuals, s.n_rows, s.v, s.n_rows}, &opts, &noise));
    must(ba_posterior_from_data(NULL, noise,
        &(ba_inversion_data_t){{s.w, s.p, s.v, s.p}, {s.y, s.n, s.v, s.n}}, &prior,
        BA_POSTERIOR_VARIANCE, &found));
    compare(s.file, "sigma_white/ridge_equivalent", "map", found.mean, s.p, 1, 1e-10);
    ba_posterior_free(&found);
    ba_prior_free(&prior);
    ba_noise_free(noise);
    close_study(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_models),
        cmocka_unit_test(test_intensities),
        cmocka_unit_test(test_ridge_equivalent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
