/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rankings of the neurons of tinylm_streusle and of neurons made in memory, compared with
 * golden data sets. */
#ifndef BA_RANK_GOLDEN_H
#define BA_RANK_GOLDEN_H

#include "tests/golden/golden.h"

#include "brainalign/rank.h"

#include <stdbool.h>

#define DATA "data/tinylm_streusle/tinylm_streusle.h5"
#define N_DEV 5396
#define N_NEURONS 1244

/* Labels of a column of the data, and the split that the golden file used. */
typedef struct {
    ba_activations_t *activations;
    ba_concepts_t *concepts;
    ba_token_split_t split;
} setting_t;

static inline size_t *
count_up(size_t start, size_t n)
{
    size_t *rows = malloc(n * sizeof *rows);

    assert_non_null(rows);
    for (size_t i = 0; i < n; i++) {
        rows[i] = start + i;
    }
    return rows;
}

/* Activations of the file, one column of labels, rows 0 .. n_train - 1 to fit on. */
static inline void
open_setting(const char *data, const char *column, size_t n_train, size_t n_test,
    setting_t *setting)
{
    char residual[TEST_PATH_SIZE + 64], ffn[TEST_PATH_SIZE + 64],
        labels[TEST_PATH_SIZE + 64];
    const char *files[] = {residual, ffn};
    const char *sources[] = {labels};
    ba_activations_opts_t opts = {.files = files, .n_files = 2};
    ba_concepts_opts_t wanted = {.labels = sources, .n_labels = 1};

    snprintf(residual, sizeof residual, "residual=%s:/activations/residual", data);
    snprintf(ffn, sizeof ffn, "ffn=%s:/activations/ffn", data);
    snprintf(labels, sizeof labels, "%s:/token/%s", data, column);
    if (ba_activations_open(NULL, &opts, &setting->activations) != 0 ||
        ba_concepts_read(NULL, &wanted, setting->activations, &setting->concepts) != 0) {
        fail_msg("%s", ba_error_message());
    }
    setting->split = (ba_token_split_t){.train = count_up(0, n_train),
        .test = count_up(n_train, n_test),
        .n_train = n_train,
        .n_test = n_test};
}

static inline void
close_setting(setting_t *setting)
{
    ba_activations_free(setting->activations);
    ba_concepts_free(setting->concepts);
    free(setting->split.train);
    free(setting->split.test);
}

static inline ba_ranking_t *
rank_with(const setting_t *setting, const ba_rank_opts_t *opts, ba_rank_report_t **report)
{
    ba_rank_data_t data = {setting->activations, setting->concepts, &setting->split};
    ba_ranking_t *ranking;

    if (ba_neurons_rank(NULL, &data, opts, &ranking, report) != 0) {
        fail_msg("%s", ba_error_message());
    }
    return ranking;
}

/* Raw activations, nothing besides. */
static inline ba_rank_opts_t
plain(const char *method)
{
    ba_rank_opts_t opts = ba_rank_opts_default();

    opts.method = method;
    opts.zscore = 0;
    opts.n_halves = 0;
    return opts;
}

/* found (row by row) against a data set that is concepts x neurons, or neurons x concepts
 * where turned; NaN must be NaN. */
static inline void
compare(const char *what, const double *found, const golden_t *wanted, bool turned,
    double absolute, double relative)
{
    golden_check_t check = {.what = what};
    size_t n_rows = wanted->rank == 2 ? wanted->dims[turned ? 1 : 0] : 1;
    size_t n_cols = wanted->n / n_rows;

    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < n_cols; j++) {
            double want = wanted->data[turned ? j * n_rows + r : r * n_cols + j];
            double got = found[r * n_cols + j];

            if (isnan(want)) {
                assert_true(isnan(got));
            } else {
                golden_close(
                    &check, r * n_cols + j, got, want, absolute + relative * fabs(want));
            }
        }
    }
    golden_report("rank", &check);
}

static inline void
compare_set(
    const char *file, const char *path, const double *found, bool turned, double absolute)
{
    golden_t wanted = golden_read(file, path);

    compare(path, found, &wanted, turned, absolute, 0);
    golden_free(&wanted);
}

static inline void
compare_order(const char *file, const char *path, const uint32_t *found)
{
    golden_t wanted = golden_read(file, path);

    for (size_t i = 0; i < wanted.n; i++) {
        if (found[i] != (uint32_t) wanted.data[i]) {
            fail_msg(
                "%s: at %zu: neuron %u, wanted %g", path, i, found[i], wanted.data[i]);
        }
    }
    golden_free(&wanted);
}

/* Neurons and labels made in memory; everything borrowed but the source. */
typedef struct {
    ba_activations_t activations;
    ba_concepts_t concepts;
    setting_t setting;
    double *x;
    size_t *zeros, *columns, *first;
    uint32_t *concept;
    ba_word_class_t classes[32];
    unsigned char is_words[32];
    char *names[32];
} made_t;

static inline void
make_setting(made_t *made, size_t n_rows, size_t n_neurons, size_t n_concepts)
{
    static char component[] = "neurons";
    static char *components[] = {component};
    static char name[] = "concept";

    made->zeros = calloc(n_neurons, sizeof(size_t));
    made->columns = count_up(0, n_neurons);
    made->first = count_up(0, n_rows + 1);
    assert_non_null(made->zeros);
    for (size_t c = 0; c < n_concepts; c++) {
        made->names[c] = name;
        made->classes[c] = BA_CLASS_UNKNOWN;
    }
    made->activations = (ba_activations_t){.n_tokens = n_rows,
        .neurons = {.n_neurons = n_neurons,
            .layer = made->zeros,
            .unit = made->columns,
            .component = made->zeros,
            .n_components = 1,
            .component_names = components},
        .file_column = made->columns};
    assert_int_equal(ba_source_from_memory(made->x, n_rows, n_neurons, n_rows, "made",
                         &made->activations.source),
        0);
    made->concepts = (ba_concepts_t){.n_tokens = n_rows,
        .n_concepts = n_concepts,
        .names = made->names,
        .classes = made->classes,
        .is_words = made->is_words,
        .first = made->first,
        .concept = made->concept,
        .is_exclusive = 1};
    made->setting = (setting_t){&made->activations, &made->concepts,
        {.train = count_up(0, n_rows), .n_train = n_rows}};
}

static inline void
made_free(made_t *made)
{
    ba_source_close(made->activations.source);
    free(made->setting.split.train);
    free(made->x);
    free(made->zeros);
    free(made->columns);
    free(made->first);
    free(made->concept);
}

#endif
