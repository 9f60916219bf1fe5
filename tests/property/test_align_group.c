/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sets add over subjects, and its null distribution, are those of refits the long way:
 * residuals of the model without a set, moved, put back on its predictions, both models
 * fitted anew. Encoders of several subjects are one of all their targets; threads and memory
 * change no bit. */
#define STUDY_TARGETS 100
#include "tests/property/align_oracle.h"

#include "brainalign/align.h"
#include "brainalign/null.h"

enum { N_MOVES = 3, N_SETS = 2, N_REGIONS = 3, N_SUBJECTS = 2, SEED = 5 };

static const unsigned everything = (1u << (P + Q)) - 1;
static const unsigned sets[N_SETS] = {1u << 1 | 1u << 3, 1u << 0};

/* "*", front, side; a target of no subject. */
static size_t
region_of(size_t target)
{
    return target % 3;
}

static size_t
subject_of(size_t target)
{
    return target == 7 ? 0 : target < V / 2 ? 1 : 2;
}

static void
write_lists(void)
{
    static const char *const regions[] = {"n/a\n", "front\n", "side\n"};
    static const char *const subjects[] = {"n/a\n", "ann\n", "bob\n"};
    char text[2][8 * V];
    size_t at[2] = {0, 0};

    for (size_t t = 0; t < V; t++) {
        const char *labels[] = {regions[region_of(t)], subjects[subject_of(t)]};

        for (size_t k = 0; k < 2; k++) {
            size_t n = strlen(labels[k]);

            memcpy(text[k] + at[k], labels[k], n);
            at[k] += n;
        }
    }
    test_write_file(in_folder("regions.txt"), text[0], at[0]);
    test_write_file(in_folder("subjects.txt"), text[1], at[1]);
    test_write_file(in_folder("one.txt"), "1\n3\n", 4);
    test_write_file(in_folder("two.txt"), "0\n", 2);
}

static void
fit_range(const char *file, const char *delays, int is_banded, size_t start, size_t stop)
{
    ba_encode_fit_opts_t opts = fit_settings(file);

    opts.delays = delays;
    opts.gap_outer = 1;
    opts.force = 1;
    opts.bands = is_banded ? "5" : NULL;
    opts.fit.target_start = start;
    opts.fit.target_stop = stop;
    fit_to_file(2, 0, &opts);
}

typedef struct {
    char regions[TEST_PATH_SIZE], subjects[TEST_PATH_SIZE], other[TEST_PATH_SIZE];
    char sets[N_SETS][TEST_PATH_SIZE + 16];
    char encoder[TEST_PATH_SIZE], output[TEST_PATH_SIZE];
    const char *list[N_SETS];
    ba_dataset_t *dataset;
    ba_align_opts_t opts;
} call_t;

static void
open_call(const char *encoder, const char *output, call_t *call)
{
    static const char *const controls[] = {"b"};

    write_lists();
    snprintf(call->regions, sizeof call->regions, "%s", in_folder("regions.txt"));
    snprintf(call->subjects, sizeof call->subjects, "%s", in_folder("subjects.txt"));
    snprintf(call->encoder, sizeof call->encoder, "%s", in_folder(encoder));
    snprintf(call->output, sizeof call->output, "%s", in_folder(output));
    snprintf(call->sets[0], sizeof call->sets[0], "one=%s", in_folder("one.txt"));
    snprintf(call->sets[1], sizeof call->sets[1], "two=%s", in_folder("two.txt"));
    for (size_t s = 0; s < N_SETS; s++) {
        call->list[s] = call->sets[s];
    }
    call->dataset = open_for_fit(2, 0);
    call->opts = (ba_align_opts_t){.encoder = call->encoder,
        .dataset = call->dataset,
        .controls = controls,
        .n_controls = 1,
        .regions = call->regions,
        .subjects = call->subjects,
        .n_moves = N_MOVES,
        .sets = call->list,
        .n_sets = N_SETS,
        .output = call->output,
        .force = 1};
}

static void
run_call(call_t *call, const ba_ctx_t *settings)
{
    ba_ctx_t ctx = settings ? *settings : ba_ctx_default();
    ba_align_info_t info;

    ctx.seed = SEED;
    must(ba_neurons_align(&ctx, &call->opts, &info));
    assert_int_equal(info.n_subjects, N_SUBJECTS);
    ba_dataset_free(call->dataset);
}

/* ---- the long way ---- */

typedef struct {
    double scores[N_SETS][N_REGIONS][N_SUBJECTS], moved[N_SETS][N_REGIONS][N_MOVES];
    size_t n[N_REGIONS][N_SUBJECTS];
} wanted_t;

static double
drop(truth_t *truth, size_t target, unsigned set, double *residual)
{
    double sum = 0.0;

    for (size_t fold = 0; fold < FOLDS; fold++) {
        fit_t without;

        prepare_rows(truth, fold);
        prepare_target(truth, fold, target);
        without = refit(truth, everything & ~set);
        sum += (refit(truth, everything).r2 - without.r2) / FOLDS;
        for (size_t i = 0; residual && i < truth->n_test; i++) {
            residual[truth->test[i]] = truth->y_test[i];
            for (size_t c = 0; c < truth->p; c++) {
                residual[truth->test[i]] -=
                    truth->held[i + c * truth->n_test] * without.weights[c];
            }
        }
    }
    return sum;
}

static void
add_target(truth_t *truth, const ba_null_t *null, size_t target, wanted_t *wanted)
{
    size_t subject = subject_of(target) - 1, list[] = {0, region_of(target)};
    double y[N], residual[N], moved[N];

    memcpy(y, truth->y + target * N, sizeof y);
    for (size_t s = 0; s < N_SETS; s++) {
        double own = drop(truth, target, sets[s], residual);

        for (size_t k = 0; k < (list[1] > 0 ? 2 : 1); k++) {
            wanted->scores[s][list[k]][subject] +=
                own / (double) wanted->n[list[k]][subject];
        }
        for (size_t b = 0; b < N_MOVES; b++) {
            double value;

            must(ba_null_permute(null, 0, b, residual, moved));
            for (size_t i = 0; i < N; i++) {
                truth->y[i + target * N] = y[i] - residual[i] + moved[i];
            }
            value = drop(truth, target, sets[s], NULL);
            for (size_t k = 0; k < (list[1] > 0 ? 2 : 1); k++) {
                wanted->moved[s][list[k]][b] +=
                    value / (double) wanted->n[list[k]][subject] / N_SUBJECTS;
            }
        }
        memcpy(truth->y + target * N, y, sizeof y);
    }
}

static void
make_wanted(const char *encoder, const char *delays, int is_banded, wanted_t *wanted)
{
    truth_t *truth = malloc(sizeof *truth);
    ba_dataset_t *dataset = open_for_fit(1, 0);
    ba_null_opts_t opts = ba_null_opts_default();
    ba_runs_t runs;
    ba_null_t *null;

    *wanted = (wanted_t){.n = {{0}}};
    assert_non_null(truth);
    read_study(encoder, delays, is_banded, truth);
    must(ba_source_read(dataset->train.responses, 0, 0, N, 0, V, truth->y, N));
    opts.n_permutations = N_MOVES;
    opts.seed = SEED;
    must(ba_runs_from_onsets((const size_t[]){0, 21, 40}, 3, N, &runs));
    must(ba_null_new(&opts, &runs, 1, &null));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t t = 0; t < V; t++) {
            if (subject_of(t) == 0) {
                continue;
            }
            if (pass == 0) {
                wanted->n[0][subject_of(t) - 1]++;
                wanted->n[region_of(t)][subject_of(t) - 1] += region_of(t) > 0;
            } else {
                add_target(truth, null, t, wanted);
            }
        }
    }
    ba_null_free(null);
    ba_runs_free(&runs);
    free_truth(truth);
    free(truth);
    ba_dataset_free(dataset);
}

static void
check_moved(const wanted_t *wanted, size_t s, size_t r, size_t at, double *found[4])
{
    const double *moved = wanted->moved[s][r];
    double own = (wanted->scores[s][r][0] + wanted->scores[s][r][1]) / 2, mean = 0.0;
    double squares = 0.0;
    size_t n_above = 1;

    for (size_t b = 0; b < N_MOVES; b++) {
        mean += moved[b] / N_MOVES;
        n_above += moved[b] >= own;
    }
    for (size_t b = 0; b < N_MOVES; b++) {
        squares += (moved[b] - mean) * (moved[b] - mean) / (N_MOVES - 1);
    }
    assert_close(found[0][at], own, 1e-9);
    assert_close(found[1][at], mean, 1e-9);
    assert_close(found[2][at], sqrt(squares), 1e-9);
    assert_close(found[3][at], (double) n_above / (1 + N_MOVES), 1e-15);
}

static void
check_refits(const char *delays, int is_banded)
{
    static const char *const paths[] = {
        "/group/delta_r2", "/group/null_mean", "/group/null_sd", "/group/p"};
    wanted_t *wanted = malloc(sizeof *wanted);
    call_t *call = malloc(sizeof *call);
    double *scores, *found[4];

    assert_non_null(wanted);
    assert_non_null(call);
    fit_range("enc.h5", delays, is_banded, 0, 0);
    make_wanted("enc.h5", delays, is_banded, wanted);
    open_call("enc.h5", "group.h5", call);
    run_call(call, NULL);
    scores = read_array("group.h5", "/group/scores", N_SETS * N_REGIONS * N_SUBJECTS);
    for (size_t k = 0; k < 4; k++) {
        found[k] = read_array("group.h5", paths[k], N_SETS * N_REGIONS);
    }
    for (size_t at = 0; at < N_SETS * N_REGIONS; at++) {
        for (size_t i = 0; i < N_SUBJECTS; i++) {
            assert_close(scores[at * N_SUBJECTS + i],
                wanted->scores[at / N_REGIONS][at % N_REGIONS][i], 1e-9);
        }
        check_moved(wanted, at / N_REGIONS, at % N_REGIONS, at, found);
    }
    for (size_t k = 0; k < 4; k++) {
        free(found[k]);
    }
    free(scores);
    free(call);
    free(wanted);
}

static void
test_refits(void **state)
{
    (void) state;
    check_refits("0,2", 0);             /* fewer columns than rows */
    check_refits("0,2", 1);             /* with bands */
    check_refits("0,1,2,3,4,5,6,7", 0); /* more */
}

/* ---- bits, and encoders side by side ---- */

static void
assert_same(const char *one, const char *other, double tolerance)
{
    static const struct {
        const char *path;
        size_t n;
    } arrays[] = {{"/group/scores", N_SETS * N_REGIONS * N_SUBJECTS},
        {"/group/null_mean", N_SETS * N_REGIONS}, {"/group/null_sd", N_SETS * N_REGIONS},
        {"/group/p_fwe", N_SETS * N_REGIONS}, {"/group/p_flip", N_SETS * N_REGIONS},
        {"/group/q", N_SETS * N_REGIONS}, {"/delta_r2", P * V}, {"/r2", V}};

    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        double *a = read_array(one, arrays[i].path, arrays[i].n);
        double *b = read_array(other, arrays[i].path, arrays[i].n);

        for (size_t j = 0; j < arrays[i].n; j++) {
            assert_close(a[j], b[j], tolerance);
        }
        if (tolerance == 0.0) {
            assert_memory_equal(a, b, arrays[i].n * sizeof *a);
        }
        free(a);
        free(b);
    }
}

static void
test_threads_and_memory(void **state)
{
    call_t *call = malloc(sizeof *call);
    ba_ctx_t one = ba_ctx_default(), three = one, tight = one;

    (void) state;
    assert_non_null(call);
    fit_range("enc.h5", "0,1,2", 0, 0, 0);
    one.n_threads = 1;
    three.n_threads = 3;
    tight.n_threads = 1;
    tight.memory = 1620000; /* some windows */
    open_call("enc.h5", "one.h5", call);
    run_call(call, &one);
    open_call("enc.h5", "three.h5", call);
    run_call(call, &three);
    open_call("enc.h5", "tight.h5", call);
    run_call(call, &tight);
    assert_same("one.h5", "three.h5", 0.0);
    assert_same("one.h5", "tight.h5", 0.0);
    free(call);
}

static void
test_encoders_side_by_side(void **state)
{
    call_t *call = malloc(sizeof *call);
    ba_align_other_t other;

    (void) state;
    assert_non_null(call);
    fit_range("enc.h5", "0,1,2", 1, 0, 0);
    fit_range("first.h5", "0,1,2", 1, 0, V / 2);
    fit_range("second.h5", "0,1,2", 1, V / 2, V);
    open_call("enc.h5", "one.h5", call);
    run_call(call, NULL);
    open_call("first.h5", "two.h5", call);
    snprintf(call->other, sizeof call->other, "%s", in_folder("second.h5"));
    other = (ba_align_other_t){call->other, call->dataset};
    call->opts.others = &other;
    call->opts.n_others = 1;
    run_call(call, NULL);
    assert_same("one.h5", "two.h5", 1e-12);
    free(call);
}

static void
test_refusals(void **state)
{
    call_t *call = malloc(sizeof *call);
    ba_align_other_t other;
    ba_align_info_t info;

    (void) state;
    assert_non_null(call);
    fit_range("first.h5", "0,1,2", 1, 0, V / 2);
    fit_range("second.h5", "0,1", 1, V / 2, V);
    open_call("first.h5", "two.h5", call);
    snprintf(call->other, sizeof call->other, "%s", in_folder("second.h5"));
    other = (ba_align_other_t){call->other, call->dataset};
    call->opts.others = &other;
    call->opts.n_others = 1;
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_SHAPE);
    assert_contains(ba_error_message(), "feature spaces or delays");
    fit_range("second.h5", "0,1,2", 0, V / 2, V);
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_SHAPE);
    assert_contains(ba_error_message(), "bands");
    fit_range("second.h5", "0,1,2", 1, V / 2, V);
    call->opts.map = "map.nii.gz";
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_UNSUPPORTED);
    call->opts.map = NULL;
    call->opts.n_sets = 0;
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_VALUE);
    call->opts.n_sets = N_SETS;
    call->opts.n_moves = 0;
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_VALUE);
    call->opts.n_moves = N_MOVES;
    call->opts.n_others = 0; /* labels of more targets than there are */
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_SHAPE);
    call->opts.regions = call->opts.subjects = NULL; /* one encoder, one subject */
    assert_int_equal(ba_neurons_align(NULL, &call->opts, &info), BA_SHAPE);
    assert_contains(ba_error_message(), "1 subject");
    ba_dataset_free(call->dataset);
    free(call);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refits),
        cmocka_unit_test(test_threads_and_memory),
        cmocka_unit_test(test_encoders_side_by_side),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
