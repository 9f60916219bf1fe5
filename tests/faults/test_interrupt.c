/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ends a fit at every moment that it passes: asked to stop, it leaves nothing; killed, it
 * leaves nothing unfinished under the outputs' names, and the next try succeeds. */
#include "tests/testlib.h"

#include "brainalign.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { DONE = 0, FAILED = 1 };

static char folder[TEST_PATH_SIZE], out_folder[TEST_PATH_SIZE];
static char output[TEST_PATH_SIZE], table[TEST_PATH_SIZE];
static char features[TEST_PATH_SIZE], responses[TEST_PATH_SIZE], runs[TEST_PATH_SIZE];

/* Moments passed in this process, and the one that is its last; 0 = none. */
static size_t n_moments, last_moment;

/* Checks for a request to stop, and the one that is answered with yes; 0 = none. */
static size_t n_checks, stop_at;

static void
pass_moment(void)
{
    if (++n_moments == last_moment) {
        raise(SIGKILL);
    }
}

/* The library's way to disk leads through here: before and after are moments too. */
int
fsync(int fd)
{
    int result;

    pass_moment();
    result = fdatasync(fd);
    pass_moment();
    return result;
}

int
rename(const char *from, const char *to)
{
    int result;

    pass_moment();
    result = renameat(AT_FDCWD, from, AT_FDCWD, to);
    pass_moment();
    return result;
}

static void
progress(const char *stage, double done, double total, void *payload)
{
    (void) stage;
    (void) done;
    (void) total;
    (void) payload;
    pass_moment();
}

static int
cancelled(void *payload)
{
    (void) payload;
    return ++n_checks == stop_at;
}

static ba_ctx_t
watched_ctx(void)
{
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 1;
    ctx.memory = (size_t) 256 << 20;
    ctx.progress = progress;
    ctx.cancelled = cancelled;
    return ctx;
}

static int
fit(void)
{
    const char *spaces[1] = {features};
    ba_ctx_t ctx = watched_ctx();
    ba_dataset_opts_t data = {
        .features = spaces, .n_features = 1, .responses = responses, .runs = runs};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();
    ba_dataset_t *dataset = NULL;
    int status;

    opts.delays = "1,2";
    opts.output = output;
    opts.table = table;
    opts.fit.want_weights = 1;
    opts.fit.want_fold_weights = 1;
    opts.fit.want_predictions = 1;
    BA_TRY(ba_alphas_parse("1,100", &opts.fit.alphas));
    BA_TRY(ba_dataset_open(&ctx, &data, &dataset));
    BA_TRY(ba_encode_fit(&ctx, dataset, &opts, NULL));
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    return status;
}

static size_t
count_outputs(void)
{
    DIR *entries = opendir(out_folder);
    struct dirent *entry;
    size_t n = 0;

    assert_non_null(entries);
    while ((entry = readdir(entries))) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(entries);
    return n;
}

/* What stands under the outputs' names is whole. */
static void
check_whole(void)
{
    ba_encoder_t *encoder = NULL;
    ba_table_t *scores = NULL;

    if (access(output, F_OK) == 0) {
        assert_int_equal(ba_encoder_load(output, &encoder), BA_OK);
        assert_true(encoder->n_targets > 256);
        ba_encoder_free(encoder);
    }
    if (access(table, F_OK) == 0) {
        assert_int_equal(ba_table_read(table, BA_TABLE_HEADER, &scores), BA_OK);
        assert_true(ba_table_n_rows(scores) > 256);
        ba_table_free(scores);
    }
}

/* A request to stop, at every check in turn. */
static void
stopped(void **state)
{
    size_t n_stops = 0;
    int status;

    (void) state;
    do {
        n_checks = 0;
        stop_at = ++n_stops;
        status = fit();
        if (status != BA_OK) {
            assert_int_equal(status, BA_CANCELLED);
            assert_int_equal(count_outputs(), 0);
        }
    } while (status != BA_OK);
    stop_at = 0;
    assert_true(n_stops > 10);
    assert_int_equal(count_outputs(), 2);
    check_whole();
    remove(output);
    remove(table);
}

/* A fit in a process of its own, which dies at a moment. Returns whether it died. */
static int
killed_at(size_t moment)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        n_moments = 0;
        last_moment = moment;
        _exit(fit() == BA_OK ? DONE : FAILED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), DONE);
        return 0;
    }
    assert_int_equal(WTERMSIG(status), SIGKILL);
    return 1;
}

static void
killed(void **state)
{
    size_t n_deaths = 0, n_unfinished = 0, n_finished = 0;

    (void) state;
    while (killed_at(n_deaths + 1)) {
        n_deaths++;
        check_whole();
        n_finished += access(output, F_OK) == 0;
        n_unfinished += access(output, F_OK) != 0;
        remove(output);
        remove(table);
        /* The next try, beside what the dead process left under other names. */
        if (n_deaths % 8 == 0) {
            assert_int_equal(killed_at(0), 0);
            check_whole();
            assert_int_equal(access(output, F_OK), 0);
            assert_int_equal(access(table, F_OK), 0);
            remove(output);
            remove(table);
        }
    }
    assert_true(n_unfinished > 10);
    assert_true(n_finished > 0);
    check_whole();
}

static int
make_study(void **state)
{
    ba_ctx_t ctx = watched_ctx();
    ba_synth_opts_t opts = ba_synth_opts_default();

    (void) state;
    test_make_folder(folder);
    test_join(out_folder, folder, "out");
    test_join(output, out_folder, "enc.h5");
    test_join(table, out_folder, "scores.tsv");
    test_join(features, folder, "study.h5:/features/layer_1");
    test_join(responses, folder, "study.h5:/responses");
    test_join(runs, folder, "study.h5:/run");
    assert_int_equal(mkdir(out_folder, 0777), 0);
    opts.n_layers = 1;
    opts.layer_size = 16;
    opts.n_concepts = 2;
    opts.neurons_per_concept = 2;
    opts.n_runs = 3;
    opts.run_length = 24;
    opts.n_test_repeats = 1;
    opts.n_x = opts.n_y = 12;
    opts.n_z = 6;
    return ba_synth_write(&ctx, &opts, folder, 0);
}

static int
remove_study(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped),
        cmocka_unit_test(killed),
    };

    return cmocka_run_group_tests(tests, make_study, remove_study);
}
