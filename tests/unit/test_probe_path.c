/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Penalties chosen on other rows, neurons that stay, the fewest that do, code length. */
#include "tests/probelib.h"

#include "core/alloc.h"

enum { N = 240, P = 12, C = 3 };

static void
test_path(void **state)
{
    static const double l1[] = {0.2, 0.05, 0.01}, l2[] = {0, 0.01, 0.01};
    probe_study_t study = probe_study(N, P, C, 1);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    unsigned char held[N];
    ba_probe_grid_t grid = {3, l1, l2, held};
    ba_probe_step_t steps[3];
    ba_probe_t *probe, *direct;
    size_t best;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        held[i] = i % 4 == 1;
    }
    opts.gap = 1e-10;
    assert_int_equal(
        ba_probe_path(NULL, &data, &opts, &grid, steps, &best, &probe), BA_OK);
    for (size_t i = 0; i < 3; i++) {
        double weight[N], loss = 0;
        size_t n = 0;

        for (size_t k = 0; k < N; k++) {
            weight[k] = !held[k];
        }
        data.row_weight = weight;
        opts.l1 = l1[i];
        opts.l2 = l2[i];
        assert_int_equal(ba_probe_fit(NULL, &data, &opts, NULL, &direct), BA_OK);
        for (size_t k = 0; k < N; k++) {
            double z[C], y[C];

            for (size_t c = 0; c < C && held[k]; c++) {
                z[c] = direct->bias[c];
                y[c] = study.label[k] == c;
                for (size_t j = 0; j < P; j++) {
                    z[c] += (double) study.x[k + j * N] * direct->weights[j + c * P];
                }
            }
            if (held[k]) {
                loss += probe_row_loss(BA_PROBE_SOFTMAX, z, y, C);
                n++;
            }
        }
        assert_close(steps[i].loss, loss / (double) n, 1e-6);
        assert_true(steps[best].loss <= steps[i].loss);
        ba_probe_free(direct);
    }
    data.row_weight = NULL;
    opts.l1 = l1[best];
    opts.l2 = l2[best];
    assert_int_equal(ba_probe_fit(NULL, &data, &opts, NULL, &direct), BA_OK);
    assert_close(direct->objective, probe->objective, 1e-9);
    ba_probe_free(direct);
    ba_probe_free(probe);
    memset(held, 0, sizeof held);
    assert_int_equal(
        ba_probe_path(NULL, &data, &opts, &grid, steps, &best, &probe), BA_SHAPE);
    probe_study_free(&study);
}

/* The neurons that carry the classes are always in use, the others seldom; the same seed
 * gives the same. */
static void
test_stability(void **state)
{
    probe_study_t study = probe_study(N, P, C, 2);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    uint32_t group[N];
    ba_probe_bootstrap_t bootstrap = {group, 40, 12, 5};
    double frequency[P * C], any[P], again[P];
    size_t n_redrawn;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        group[i] = (uint32_t) (i % 40);
    }
    opts.l1 = 0.06;
    opts.l2 = 0;
    assert_int_equal(ba_probe_stability(NULL, &data, &opts, &bootstrap, NULL, frequency,
                         any, &n_redrawn),
        BA_OK);
    for (size_t j = 0; j < P; j++) {
        double most = 0;

        for (size_t c = 0; c < C; c++) {
            most = fmax(most, frequency[j + c * P]);
        }
        assert_true(most <= any[j] + 1e-12 && any[j] <= 1 + 1e-12);
        assert_true(j < C ? any[j] > 0.99 : any[j] < 0.9);
    }
    assert_int_equal(
        ba_probe_stability(NULL, &data, &opts, &bootstrap, NULL, frequency, again, NULL),
        BA_OK);
    assert_memory_equal(any, again, sizeof any);
    bootstrap.n_groups = 39;
    assert_int_equal(
        ba_probe_stability(NULL, &data, &opts, &bootstrap, NULL, frequency, any, NULL),
        BA_VALUE);
    for (size_t i = 0; i < N; i++) {
        group[i] = study.label[i];
    }
    bootstrap.n_groups = C;
    bootstrap.n_draws = 40;
    assert_int_equal(ba_probe_stability(NULL, &data, &opts, &bootstrap, NULL, frequency,
                         any, &n_redrawn),
        BA_OK);
    assert_true(n_redrawn > 0);
    probe_study_free(&study);
}

static void
test_minimal(void **state)
{
    probe_study_t study = probe_study(2 * N, 40, C, 3);
    ba_probe_data_t train = probe_study_data(&study), dev = train;
    ba_probe_trainer_t trainer = {.fit = ba_probe_opts_default()};
    uint32_t order[40];
    ba_probe_minimal_t found;

    (void) state;
    train.x.n_rows = dev.x.n_rows = N;
    dev.x.data += N;
    dev.label += N;
    for (uint32_t j = 0; j < 40; j++) {
        order[j] = j;
    }
    assert_int_equal(
        ba_probe_minimal(NULL, &train, &dev, &trainer, order, 0.05, &found), BA_OK);
    assert_true(found.n_minimal >= 2 && found.n_minimal <= 4);
    assert_int_equal(found.sizes[0], 1);
    for (size_t i = 0; i < found.n_sizes; i++) {
        int is_enough = (double) found.n_correct[i] > 0.95 * (double) found.n_base;

        assert_int_equal(is_enough, i + 1 == found.n_sizes);
    }
    assert_int_equal(found.sizes[found.n_sizes - 1], found.n_minimal);
    probe_study_free(&study);
}

/* A listed part is what a study of these columns alone gives. */
static void
test_train_part(void **state)
{
    probe_study_t study = probe_study(N, P, C, 4);
    ba_probe_data_t data = probe_study_data(&study), part = data;
    ba_probe_trainer_t trainer = {.fit = ba_probe_opts_default()};
    const size_t list[] = {0, 2, 7};
    double center[P], scale[P], mine[3], its[3];
    ba_probe_t *found, *wanted;
    const size_t too_far[] = {0, P};

    (void) state;
    assert_int_equal(ba_probe_scale(NULL, &data, center, scale, NULL), BA_OK);
    data.center = center;
    data.scale = scale;
    part.columns = list;
    part.n_neurons = 3;
    assert_int_equal(ba_probe_scale(NULL, &part, mine, its, NULL), BA_OK);
    part.center = mine;
    part.scale = its;
    assert_int_equal(ba_probe_train(NULL, &data, &trainer, list, 3, NULL, &found), BA_OK);
    assert_int_equal(ba_probe_fit(NULL, &part, &trainer.fit, NULL, &wanted), BA_OK);
    assert_memory_equal(found->weights, wanted->weights, 9 * sizeof(double));
    ba_probe_free(found);
    ba_probe_free(wanted);
    assert_int_equal(
        ba_probe_train(NULL, &data, &trainer, too_far, 2, NULL, &found), BA_VALUE);
    probe_study_free(&study);
}

static void
test_code_length(void **state)
{
    probe_study_t study = probe_study(400, P, C, 5);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_code_t code;
    size_t order[400];
    double sum = 0;

    (void) state;
    opts.penalty = BA_PENALTY_SQUARED;
    opts.l1 = 0;
    opts.l2 = 0.1;
    assert_int_equal(ba_probe_code_length(NULL, &data, &opts, NULL, 1, &code), BA_OK);
    assert_int_equal(code.cut[0], 50);
    assert_int_equal(code.cut[code.n_cuts - 1], 400);
    assert_close(code.bits[0], 50 * log2(3), 1e-10);
    assert_close(code.uniform, 400 * log2(3), 1e-10);
    for (size_t i = 0; i < code.n_cuts; i++) {
        sum += code.bits[i];
    }
    assert_close(sum, code.total, 1e-9);
    assert_true(code.total < 0.8 * code.uniform);
    /* All rows of the last class at the end: no cut before they come. */
    for (size_t i = 0, at = 0; i < 3; i++) {
        for (size_t k = 0; k < 400; k++) {
            if (study.label[k] == i) {
                order[at++] = k;
            }
        }
    }
    assert_int_equal(ba_probe_code_length(NULL, &data, &opts, order, 1, &code), BA_SHAPE);
    assert_contains(ba_error_message(), "all classes seen after");
    probe_study_free(&study);
}

/* One batch of one epoch: a step of Adam is rate times the sign of the gradient. */
static void
test_adam(void **state)
{
    probe_study_t study = probe_study(20, 4, 2, 6);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_adam_t adam = ba_probe_adam_default();
    ba_probe_opts_t opts = ba_probe_opts_default();
    double w0[8], b0[2] = {0.1, -0.2}, h = 1e-6;
    uint64_t seed = 9;
    ba_probe_t *probe;

    (void) state;
    for (size_t k = 0; k < 8; k++) {
        w0[k] = 0.3 * test_normal(&seed);
    }
    opts.l1 = opts.l2 = adam.l1 = adam.l2 = 0.01;
    adam.epochs = 1;
    adam.batch = 20;
    adam.weights0 = w0;
    adam.bias0 = b0;
    assert_int_equal(ba_probe_adam(NULL, &data, &adam, &probe), BA_OK);
    for (size_t k = 0; k < 8; k++) {
        double up, down, g, at = w0[k];

        w0[k] = at + h;
        up = probe_objective(&study, &opts, w0, b0);
        w0[k] = at - h;
        down = probe_objective(&study, &opts, w0, b0);
        w0[k] = at;
        g = (up - down) / (2 * h);
        assert_close(probe->weights[k], at - 1e-3 * g / (fabs(g) + 1e-8), 1e-8);
    }
    assert_close(probe->objective,
        probe_objective(&study, &opts, probe->weights, probe->bias), 1e-12);
    assert_true(isnan(probe->gap) && !probe->is_converged);
    ba_probe_free(probe);
    adam.batch = 0;
    assert_int_equal(ba_probe_adam(NULL, &data, &adam, &probe), BA_VALUE);
    probe_study_free(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_path),
        cmocka_unit_test(test_stability), cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_train_part), cmocka_unit_test(test_code_length),
        cmocka_unit_test(test_adam)};

    return cmocka_run_group_tests_name("probe path", tests, NULL, NULL);
}
