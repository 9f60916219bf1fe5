/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words and activations in a fresh folder for the tests of ba_prepare(). */
#ifndef BA_TIMELINELIB_H
#define BA_TIMELINELIB_H

#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/prepare.h"

enum { N_WORDS = 24, N_FEATURES = 5, N_RUN = 6, N_VOLUMES = 2 * N_RUN };

static char folder[TEST_PATH_SIZE], words_path[TEST_PATH_SIZE], x_path[TEST_PATH_SIZE];
static char output[TEST_PATH_SIZE];
static double onset[N_WORDS], offset[N_WORDS], x[N_WORDS * N_FEATURES];
static const char *word_files[1] = {words_path};
static const char *activations[2] = {x_path, x_path};

/* Two runs of 12 words in 6 volumes of 2 s; word 7 has no time. */
static inline int
is_timed(size_t i)
{
    return i != 7;
}

static inline int
make(void **state)
{
    FILE *file;

    (void) state;
    test_make_folder(folder);
    test_join(output, folder, "prep.h5");
    test_fill_normal(x, N_WORDS * N_FEATURES, 4);
    file = fopen(test_join(words_path, folder, "words.csv"), "w");
    assert_non_null(file);
    fprintf(file, "run,sentence,word,onset,offset,surprisal\n");
    for (size_t i = 0; i < N_WORDS; i++) {
        onset[i] = 0.9 * (double) (i % 12) + 0.25;
        offset[i] = onset[i] + 0.5;
        if (is_timed(i)) {
            fprintf(file, "%c,%zu,%.*s,%.17g,%.17g,%zu\n", 'a' + (int) (i / 12), i / 5,
                (int) (i % 4 + 1), "word", onset[i], offset[i], i);
        } else {
            fprintf(file, "a,1,word,n/a,n/a,%zu\n", i);
        }
    }
    assert_int_equal(fclose(file), 0);
    file = fopen(test_join(x_path, folder, "x.csv"), "w");
    assert_non_null(file);
    for (size_t i = 0; i < N_WORDS; i++) {
        for (size_t j = 0; j < N_FEATURES; j++) {
            fprintf(file, "%.17g%c", x[i + j * N_WORDS], j + 1 < N_FEATURES ? ',' : '\n');
        }
    }
    assert_int_equal(fclose(file), 0);
    return 0;
}

static inline int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static inline ba_prepare_opts_t
small(void)
{
    static const size_t volumes[] = {N_RUN};
    ba_prepare_opts_t opts = ba_prepare_opts_default();

    opts.words.files = word_files;
    opts.words.n_files = 1;
    opts.scan.tr = 2;
    opts.scan.volumes = volumes;
    opts.scan.n_volumes = 1;
    opts.activations = activations;
    opts.n_activations = 1;
    opts.precision = BA_DOUBLE;
    opts.output = output;
    opts.force = 1;
    return opts;
}

static inline void
must_prepare(const ba_ctx_t *ctx, const ba_prepare_opts_t *opts, ba_prepare_info_t *info)
{
    if (ba_prepare(ctx, opts, info) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

#endif
