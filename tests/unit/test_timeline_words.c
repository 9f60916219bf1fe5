/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ba_prepare() refuses, and that it leaves nothing behind. */
#include "tests/timelinelib.h"

#include "tests/faults/exhaust.h"

static void
assert_refused(int wanted, const ba_prepare_opts_t *opts, const char *words)
{
    assert_int_equal(ba_prepare(NULL, opts, NULL), wanted);
    assert_contains(ba_error_message(), words);
    assert_int_equal(access(output, F_OK), -1);
}

static void
put_words(const char *text)
{
    test_write_file(words_path, text, strlen(text));
}

static void
test_bad_words(void **state)
{
    ba_prepare_opts_t opts = small();
    ba_prepare_info_t info;

    (void) state;
    opts.n_activations = 0;
    put_words("word,onset,offset\na,1,2\nb,3,4\nc,2,3\n");
    assert_refused(BA_FORMAT, &opts,
        "row 3 ('c'): begins at 2 s, before row 2 at 3 s, wanted words in the order");
    put_words("word,onset,offset\na,1,2\nb,1.9995,4\nc,3.5,4\n");
    assert_refused(BA_FORMAT, &opts,
        "row 3 ('c'): begins at 3.5 s, but the words before it last until 4 s");
    opts.allow_overlap = 1;
    must_prepare(NULL, &opts, &info);
    assert_int_equal(info.n_overlapping, 1);
    remove(output);
    put_words("word,onset,offset\na,1,2\nb,12,13\nc,14,15\n");
    assert_refused(BA_SHAPE, &opts,
        "row 2 ('b'): begins at 12 s of the scan, wanted within the 6 volumes of run "
        "'words', 0 to 12 s (2 such words)");
    put_words("word,onset,offset\na,-0.5,2\n");
    assert_refused(BA_SHAPE, &opts, "begins at -0.5 s");
    put_words("word,onset,offset\na,1000,2000\nb,9000,9500\n");
    assert_refused(BA_SHAPE, &opts, "are the times milliseconds?");
    opts.words.milliseconds = 1;
    must_prepare(NULL, &opts, &info);
    assert_close(info.last_seconds, 9, 1e-12);
    remove(output);
    opts.words.milliseconds = 0;
    opts.allow_outside = 1;
    must_prepare(NULL, &opts, &info);
    assert_int_equal(info.n_outside, 2);
    remove(output);
    put_words("run,word,onset,offset\n1,a,1,2\n2,b,n/a,n/a\n");
    assert_refused(BA_FORMAT, &opts, "run '2' has no word with a time");
}

static void
test_bad_activations(void **state)
{
    ba_prepare_opts_t opts = small();
    char spec[TEST_PATH_SIZE + 20];

    (void) state;
    activations[0] = spec;
    snprintf(spec, sizeof spec, "x=%s[1:,]", x_path);
    assert_refused(BA_SHAPE, &opts,
        "x.csv[1:,]: 23 rows, but"); /* as many as words with a time, which is worth a hint */
    assert_contains(ba_error_message(), "words without a time have rows too");
    snprintf(spec, sizeof spec, "x=%s[:20,]", x_path);
    assert_refused(BA_SHAPE, &opts, "words.csv has 24 words in all runs");
    activations[0] = x_path;
    test_write_file(x_path, "1\n2\nnan\n", 8);
    put_words("word,onset,offset\na,1,2\nb,2,3\nc,3,4\n");
    assert_refused(BA_NONFINITE, &opts, "row 3 ('c')");
    put_words("word,onset,offset\na,1,2\nb,2,3\nc,n/a,n/a\n");
    must_prepare(NULL, &opts, NULL); /* of a word without a time nothing is asked */
}

static void
test_bad_options(void **state)
{
    ba_prepare_opts_t opts = small();

    (void) state;
    opts.window = 0;
    assert_refused(BA_VALUE, &opts, "window: found 0");
    opts = small();
    opts.cutoff_mult = -1;
    assert_refused(BA_VALUE, &opts, "cutoff: found -1");
    opts = small();
    opts.oasm_sigma = (double) NAN;
    assert_refused(BA_VALUE, &opts, "OASM: sigma nan");
    opts = small();
    opts.resample = BA_PREPARE_EVENTS;
    assert_refused(BA_VALUE, &opts, "events without a haemodynamic response");
    opts = small();
    opts.boxcar = 1;
    assert_refused(BA_VALUE, &opts, "lasting ones");
    opts = small();
    opts.controls = 0;
    opts.n_activations = 0;
    assert_refused(BA_VALUE, &opts, "nothing to write");
    opts = small();
    opts.responses = x_path;
    assert_refused(BA_SHAPE, &opts, "24 samples, but the runs have 12 volumes");
    opts = small();
    opts.scan.volumes = &(size_t){1};
    opts.allow_outside = 1;
    assert_refused(BA_SHAPE, &opts, "run 'a': Lanczos: 1 volume");
    opts = small();
    opts.output = x_path;
    assert_refused(BA_VALUE, &opts, "output and input at once");
    opts = small();
    opts.dry_run = 1;
    assert_int_equal(ba_prepare(NULL, &opts, NULL), BA_OK);
    assert_int_equal(access(output, F_OK), -1);
}

static void
test_no_memory(void **state)
{
    ba_prepare_opts_t opts = small();
    size_t n_failures = 0;

    (void) state;
    opts.controls |= BA_CONTROL_OASM;
    opts.hrf = BA_PREPARE_HRF_SPM;
    for (size_t n = 1;; n++) {
        int status, pending;

        ba_alloc_fail_at(n);
        status = ba_prepare(NULL, &opts, NULL);
        pending = is_pending(n);
        if (status != BA_OK && status != BA_NOMEM) {
            fail_msg("allocation %zu: %s", n, ba_error_message());
        }
        n_failures += status == BA_NOMEM;
        if (pending) {
            assert_int_equal(status, BA_OK);
            break;
        }
        remove(output);
    }
    assert_true(n_failures > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bad_words, make, drop),
        cmocka_unit_test_setup_teardown(test_bad_activations, make, drop),
        cmocka_unit_test_setup_teardown(test_bad_options, make, drop),
        cmocka_unit_test_setup_teardown(test_no_memory, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
