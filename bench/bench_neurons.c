/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times a ranking: bench_neurons FOLDER [METHOD [NEURONS [TOKENS [PERMUTATIONS]]]]. 20,000 tokens x
 * 3,072 neurons, 20 classes whose frequency falls as 1 / rank (Zipf). Makes FOLDER/x.npy
 * (float32) and FOLDER/y.npy once, then prints seconds and peak memory. ap gives average
 * precision, AUROC and Mann-Whitney p of all classes in one pass. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_CLASSES = 20, N_TYPES = 4000 };

typedef struct {
    const char *folder, *method;
    size_t n_neurons, n_tokens, n_permutations;
} task_t;

/* Class of each token: Zipf over classes, and over word types for the permutations. */
static void
make_labels(ba_rng_t *rng, size_t n, uint32_t *class, uint32_t *type)
{
    double total = 0;

    for (size_t c = 0; c < N_CLASSES; c++) {
        total += 1 / (double) (c + 1);
    }
    for (size_t i = 0; i < n; i++) {
        double u = ba_rng_uniform(rng) * total;
        uint32_t c = 0;

        while (c + 1 < N_CLASSES && u > 1 / (double) (c + 1)) {
            u -= 1 / (double) (++c);
        }
        class[i] = c;
        type[i] = (uint32_t) (pow(N_TYPES, ba_rng_uniform(rng))) - 1;
    }
}

static int
write_npy(FILE *file, const char *type, const char *shape)
{
    char header[128];
    int length = snprintf(header, sizeof header,
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);

    memset(header + length, ' ', sizeof header - (size_t) length);
    header[117] = '\n';
    return fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file) == 10 &&
           fwrite(header, 1, 118, file) == 118;
}

/* Noise; neuron j is higher by 1 on tokens of class j modulo 40. */
static int
make_data(
    const task_t *task, const char *x_name, const char *y_name, const uint32_t *class)
{
    FILE *x = fopen(x_name, "wb"), *y = fopen(y_name, "wb");
    ba_rng_t *rng = ba_rng_new(2, 0);
    float *row = ba_malloc(task->n_neurons, sizeof *row);
    char shape[64];
    int ok = x && y && rng && row;

    snprintf(shape, sizeof shape, "%zu, %zu", task->n_tokens, task->n_neurons);
    ok = ok && write_npy(x, "<f4", shape);
    snprintf(shape, sizeof shape, "%zu,", task->n_tokens);
    ok = ok && write_npy(y, "<u4", shape);
    for (size_t i = 0; ok && i < task->n_tokens; i++) {
        for (size_t j = 0; j < task->n_neurons; j++) {
            row[j] = (float) ba_rng_normal(rng) + (j % 40 == class[i] ? 1.0F : 0.0F);
        }
        ok = fwrite(row, sizeof *row, task->n_neurons, x) == task->n_neurons;
    }
    ok = ok && fwrite(class, sizeof *class, task->n_tokens, y) == task->n_tokens;
    ok = ok && fclose(x) == 0 && fclose(y) == 0;
    ba_rng_free(rng);
    ba_free(row);
    return ok ? BA_OK : ba_fail(BA_IO, "%s: cannot be written", x_name);
}

static int
time_ranking(const task_t *task, const char *spec, ba_concepts_t *concepts)
{
    int status = BA_OK;
    ba_activations_t *activations = NULL;
    ba_ranking_t *ranking = NULL;
    ba_rank_report_t *report = NULL;
    size_t *rows = NULL;
    ba_rank_opts_t opts = ba_rank_opts_default();
    const char *files[] = {spec};
    double start, seconds, single;
    clock_t cpu;

    BA_TRY(ba_activations_open(
        NULL, &(ba_activations_opts_t){.files = files, .n_files = 1}, &activations));
    BA_TRY_ALLOC(rows, ba_malloc(task->n_tokens, sizeof *rows));
    for (size_t i = 0; i < task->n_tokens; i++) {
        rows[i] = i;
    }
    opts.method = task->method;
    opts.n_halves = 0;
    opts.n_permutations = task->n_permutations;
    opts.token_p = opts.sorted_scores = strcmp(task->method, "ap") == 0;
    start = ba_seconds();
    cpu = clock();
    BA_TRY(ba_neurons_rank(NULL,
        &(ba_rank_data_t){activations, concepts,
            &(ba_token_split_t){.train = rows, .n_train = task->n_tokens}},
        &opts, &ranking, &report));
    seconds = ba_seconds() - start;
    cpu = clock() - cpu;
    single = (double) task->n_tokens * (double) task->n_neurons * sizeof(float);
    printf("rank %.3f s, %.2f s of CPU: %s of %zu tokens x %zu neurons x %d classes, %zu "
           "permutations, "
           "%d threads; peak memory %.0f MiB, %.2f of the activations in float32\n",
        seconds, (double) cpu / CLOCKS_PER_SEC, task->method, task->n_tokens,
        task->n_neurons, N_CLASSES, task->n_permutations, ba_ctx_threads(NULL),
        (double) ba_peak_bytes() / 1048576, (double) ba_peak_bytes() / single);
out:
    ba_rank_report_free(report);
    ba_ranking_free(ranking);
    ba_activations_free(activations);
    ba_free(rows);
    return status;
}

static int
run(const task_t *task)
{
    static char names[N_CLASSES][16];
    char *name_list[N_CLASSES], x_name[4096], y_name[4096];
    ba_word_class_t classes[N_CLASSES] = {0};
    unsigned char is_words[N_CLASSES] = {0};
    int status = BA_OK;
    uint32_t *class = NULL, *type = NULL;
    size_t *first = NULL;
    ba_rng_t *rng = ba_rng_new(1, 0);
    ba_concepts_t concepts;
    FILE *there;

    snprintf(x_name, sizeof x_name, "%s/x.npy", task->folder);
    snprintf(y_name, sizeof y_name, "%s/y.npy", task->folder);
    BA_TRY_ALLOC(class, ba_malloc(task->n_tokens, sizeof *class));
    BA_TRY_ALLOC(type, ba_malloc(task->n_tokens, sizeof *type));
    BA_TRY_ALLOC(first, ba_malloc(task->n_tokens + 1, sizeof *first));
    make_labels(rng, task->n_tokens, class, type);
    for (size_t i = 0; i <= task->n_tokens; i++) {
        first[i] = i;
    }
    for (size_t c = 0; c < N_CLASSES; c++) {
        snprintf(names[c], sizeof names[c], "class%02zu", c);
        name_list[c] = names[c];
    }
    concepts = (ba_concepts_t){.n_tokens = task->n_tokens,
        .n_concepts = N_CLASSES,
        .n_types = N_TYPES,
        .names = name_list,
        .classes = classes,
        .is_words = is_words,
        .first = first,
        .concept = class,
        .is_exclusive = 1,
        .type = type};
    there = fopen(x_name, "rb");
    if (there) {
        fclose(there);
    } else {
        BA_TRY(make_data(task, x_name, y_name, class));
    }
    BA_TRY(time_ranking(task, x_name, &concepts));
out:
    ba_rng_free(rng);
    ba_free(class);
    ba_free(type);
    ba_free(first);
    return status;
}

static size_t
number(int argc, char **argv, int at, size_t otherwise)
{
    return argc > at ? (size_t) strtoul(argv[at], NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
    task_t task;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_neurons FOLDER [METHOD [NEURONS [TOKENS "
                        "[PERMUTATIONS]]]]\n");
        return 2;
    }
    task = (task_t){argv[1], argc > 2 ? argv[2] : "ap", number(argc, argv, 3, 3072),
        number(argc, argv, 4, 20000), number(argc, argv, 5, 0)};
    if (run(&task) != BA_OK) {
        fprintf(stderr, "bench_neurons: %s\n", ba_error_message());
        return 1;
    }
    return 0;
}
