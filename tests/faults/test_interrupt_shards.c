/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kills a fit in shards at every moment that it passes, the joining and the renaming of
 * all outputs included: nothing unfinished stands under a name that counts, and the next
 * call goes on, ends with what an undisturbed fit gives, and clears everything away. */
#include "tests/testlib.h"

#include "brainalign.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { DONE = 0, FAILED = 1, N_SHARDS = 3 };

static char folder[TEST_PATH_SIZE], out_folder[TEST_PATH_SIZE];
static char output[TEST_PATH_SIZE], table[TEST_PATH_SIZE], calm_table[TEST_PATH_SIZE];
static char calm[TEST_PATH_SIZE];
static char features[TEST_PATH_SIZE], responses[TEST_PATH_SIZE], runs[TEST_PATH_SIZE];

/* Moments passed in this process, and the one that is its last; 0 = none. */
static size_t n_moments, last_moment;

static void
pass_moment(void)
{
    if (++n_moments == last_moment) {
        raise(SIGKILL);
    }
}

/* The library's way to disk and back leads through here: before and after are moments
 * too. */
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

int
unlink(const char *path)
{
    int result;

    pass_moment();
    result = unlinkat(AT_FDCWD, path, 0);
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
fit(const char *encoder, const char *scores, size_t n_shards, size_t *n_resumed)
{
    const char *spaces[1] = {features};
    ba_ctx_t ctx = ba_ctx_default();
    ba_dataset_opts_t data = {
        .features = spaces, .n_features = 1, .responses = responses, .runs = runs};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();
    ba_encode_fit_info_t info = {0};
    ba_dataset_t *dataset = NULL;
    int status;

    ctx.n_threads = 1;
    ctx.memory = (size_t) 256 << 20;
    ctx.progress = progress;
    opts.delays = "1,2";
    opts.output = encoder;
    opts.table = scores;
    opts.fit.want_weights = opts.fit.want_predictions = 1;
    opts.n_shards = n_shards;
    opts.resume = n_shards > 0;
    BA_TRY(ba_alphas_parse("1,100", &opts.fit.alphas));
    BA_TRY(ba_dataset_open(&ctx, &data, &dataset));
    BA_TRY(ba_encode_fit(&ctx, dataset, &opts, &info));
    *n_resumed = info.n_resumed;
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    return status;
}

/* A fit in a process of its own, which dies at a moment. Returns whether it died. */
static int
killed_at(size_t moment)
{
    int status;
    size_t n_resumed;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        n_moments = 0;
        last_moment = moment;
        _exit(fit(output, table, N_SHARDS, &n_resumed) == BA_OK ? DONE : FAILED);
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
assert_same_bytes(const char *a, const char *b)
{
    FILE *one = fopen(a, "rb"), *two = fopen(b, "rb");
    int c;

    assert_non_null(one);
    assert_non_null(two);
    do {
        c = getc(one);
        assert_int_equal(c, getc(two));
    } while (c != EOF);
    fclose(one);
    fclose(two);
}

static void
check_whole(const char *path)
{
    ba_bundle_t *bundle = NULL;

    if (access(path, F_OK) == 0) {
        assert_int_equal(ba_bundle_open(path, BA_ENCODER_FORMAT, &bundle), BA_OK);
        ba_bundle_free(bundle);
    }
}

static size_t
count_shards(void)
{
    size_t n = 0;

    for (size_t k = 1; k <= N_SHARDS; k++) {
        char name[64], path[TEST_PATH_SIZE];

        snprintf(name, sizeof name, "enc.h5.shards/%zu-of-%d.h5", k, N_SHARDS);
        check_whole(test_join(path, out_folder, name));
        n += access(path, F_OK) == 0;
    }
    return n;
}

/* The outputs and nothing else. */
static void
check_cleared(void)
{
    DIR *entries = opendir(out_folder);
    const struct dirent *entry;

    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, "enc.h5") != 0 &&
            strcmp(entry->d_name, "enc.tsv") != 0 && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            fail_msg("%s is left", entry->d_name);
        }
    }
    closedir(entries);
}

static void
killed_and_resumed(void **state)
{
    size_t n_deaths = 0, n_kept = 0, n_resumed;

    (void) state;
    while (killed_at(n_deaths + 1)) {
        size_t n_finished;
        int was_whole;

        n_deaths++;
        check_whole(output);
        n_finished = count_shards();
        was_whole = access(output, F_OK) == 0;
        n_moments = last_moment = 0;
        assert_int_equal(fit(output, table, N_SHARDS, &n_resumed), BA_OK);
        assert_int_equal(n_resumed, was_whole ? 0 : n_finished);
        n_kept += n_finished > 0;
        assert_same_bytes(table, calm_table);
        check_whole(output);
        check_cleared();
        remove(output);
        remove(table);
    }
    assert_same_bytes(table, calm_table);
    check_cleared();
    assert_true(n_deaths > 60);
    assert_true(n_kept > 40);
}

static int
make_study(void **state)
{
    ba_synth_opts_t opts = ba_synth_opts_default();
    size_t n_resumed;
    int status;

    (void) state;
    test_make_folder(folder);
    test_join(out_folder, folder, "out");
    test_join(output, out_folder, "enc.h5");
    test_join(table, out_folder, "enc.tsv");
    test_join(calm, folder, "calm.h5");
    test_join(calm_table, folder, "calm.tsv");
    test_join(features, folder, "study.h5:/features/layer_1");
    test_join(responses, folder, "study.h5:/responses");
    test_join(runs, folder, "study.h5:/run");
    assert_int_equal(mkdir(out_folder, 0777), 0);
    opts.n_layers = 1;
    opts.layer_size = 8;
    opts.n_concepts = 2;
    opts.neurons_per_concept = 2;
    opts.n_runs = 3;
    opts.run_length = 24;
    opts.n_test_repeats = 1;
    opts.n_x = opts.n_y = 14;
    opts.n_z = 8;
    BA_TRY(ba_synth_write(NULL, &opts, folder, 0));
    BA_TRY(fit(calm, calm_table, 0, &n_resumed));
out:
    return status;
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_and_resumed)};

    return cmocka_run_group_tests(tests, make_study, remove_study);
}
