/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out anywhere in neurons explain, cosy, compare and cluster: BA_NOMEM,
 * nothing under the outputs' names, no leak (MODE=asan). */
#include "tests/explainlib.h"

#include "brainalign/structure.h"
#include "core/alloc.h"

static explain_study_t study;
static ba_ctx_t ctx;

static int
open_study(void **state)
{
    (void) state;
    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    explain_write_files(&study);
    explain_open(&study, 0.2);
    return 0;
}

static int
close_study(void **state)
{
    (void) state;
    explain_close(&study);
    return 0;
}

static const size_t only[] = {0, 4, 5};

static int
run_explain(void)
{
    ba_explain_opts_t opts = explain_opts(&study);
    ba_explain_info_t info;
    char words[TEST_PATH_SIZE], contexts[TEST_PATH_SIZE];

    opts.only = only;
    opts.n_only = 3;
    opts.n_permutations = 2;
    opts.n_contexts = 2;
    opts.table = study.table;
    opts.words = test_join(words, study.folder, "w.tsv");
    opts.contexts = test_join(contexts, study.folder, "c.tsv");
    return ba_neurons_explain(&ctx, study.opened, study.concepts, &opts, &info);
}

static int
run_cosy(void)
{
    ba_cosy_opts_t opts = {.activations = study.opened,
        .groups = study.concepts,
        .control_name = "pos0",
        .output = study.output,
        .table = study.table,
        .force = 1};
    ba_cosy_info_t info;

    return ba_neurons_cosy(&ctx, &opts, &info);
}

static int
run_compare(void)
{
    ba_crossmodel_opts_t opts = ba_crossmodel_opts_default();
    ba_crossmodel_info_t info;
    char pairs[TEST_PATH_SIZE];

    opts.activations = study.opened;
    opts.rsa_tokens = 50;
    opts.output = study.output;
    opts.table = study.table;
    opts.pairs = test_join(pairs, study.folder, "p.tsv");
    opts.force = 1;
    return ba_neurons_compare(&ctx, &opts, &info);
}

static int
run_cluster(void)
{
    ba_grouping_opts_t opts = ba_grouping_opts_default();
    ba_grouping_info_t info;

    opts.activations = study.opened;
    opts.cluster.n_bootstrap = 1;
    opts.output = study.output;
    opts.table = study.table;
    opts.force = 1;
    return ba_neurons_group(&ctx, &opts, &info);
}

static int
run_factors(void)
{
    ba_grouping_opts_t opts = ba_grouping_opts_default();
    ba_grouping_info_t info;

    opts.activations = study.opened;
    opts.only = only;
    opts.n_only = 3;
    opts.factors = 1;
    opts.nmf.rank = 2;
    opts.nmf.n_rounds = 5;
    opts.output = study.output;
    opts.table = study.table;
    opts.force = 1;
    return ba_neurons_group(&ctx, &opts, &info);
}

/* The first 60 allocations each, then every seventh. */
static void
check(int (*run)(void), size_t least)
{
    int status = BA_NOMEM;
    size_t n = 0;

    while (status == BA_NOMEM) {
        n += n < 60 ? 1 : 7;
        remove(study.output);
        ba_alloc_fail_at(n);
        status = run();
        ba_alloc_fail_at(0);
        if (status == BA_NOMEM) {
            assert_int_equal(access(study.output, F_OK), -1);
        }
    }
    if (status != BA_OK) {
        fail_msg("allocation %zu: %s", n, ba_error_message());
    }
    assert_true(n > least);
    assert_int_equal(access(study.output, F_OK), 0);
}

static void
test_explain(void **state)
{
    (void) state;
    check(run_explain, 60);
}

static void
test_cosy(void **state)
{
    (void) state;
    check(run_cosy, 60);
}

static void
test_compare(void **state)
{
    (void) state;
    check(run_compare, 60);
}

static void
test_cluster(void **state)
{
    (void) state;
    check(run_cluster, 30);
}

static void
test_factors(void **state)
{
    (void) state;
    check(run_factors, 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_cosy),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_factors),
    };

    return cmocka_run_group_tests_name("neurons_memory", tests, open_study, close_study);
}
