/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fits every layer of a model over one reading of the responses, and one layer alone:
 * bench_each SIZE FOLDER. Prints seconds and CPU seconds of both, and whether all layers
 * cost at most as often what one costs beside its reading, plus 1.3 readings. */
#include "bench/bench_sizes.h"

#include "brainalign.h"
#include "core/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_LAYERS = 16, PATH_SIZE = 4096 };

/* What all of one reading may cost beside the fits. */
#define READINGS 1.3

typedef struct {
    char features[MOST_LAYERS][PATH_SIZE], responses[PATH_SIZE], output[PATH_SIZE];
    const char *specs[MOST_LAYERS];
    char delays[64];
} names_t;

typedef struct {
    double seconds, cpu;
} times_t;

static times_t
now(void)
{
    return (times_t){ba_seconds(), (double) clock() / CLOCKS_PER_SEC};
}

static times_t
since(times_t start)
{
    times_t stop = now();

    return (times_t){stop.seconds - start.seconds, stop.cpu - start.cpu};
}

static void
make_names(const bench_size_t *size, const char *folder, names_t *names)
{
    size_t width = size->n_features / size->n_spaces, length = 0;

    for (size_t k = 0; k < size->n_spaces; k++) {
        snprintf(names->features[k], PATH_SIZE, "layer_%zu=%s/X.npy[,%zu:%zu]", k, folder,
            k * width, (k + 1) * width);
        names->specs[k] = names->features[k];
    }
    snprintf(names->responses, PATH_SIZE, "%s/Y.h5:/Y", folder);
    for (size_t i = 0; i < size->n_delays; i++) {
        length += (size_t) snprintf(names->delays + length, sizeof names->delays - length,
            "%s%d", i ? "," : "", size->delays[i]);
    }
}

static ba_encode_fit_opts_t
settings(const names_t *names, const char *output)
{
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();

    opts.delays = names->delays;
    opts.output = output;
    opts.force = 1;
    opts.fit.outer_cv.kind = BA_CV_NONE;
    opts.fit.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    opts.fit.want_weights = 1;
    return opts;
}

/* Layers 0 .. n - 1, each by itself; of one layer the account. */
static int
fit_layers(const names_t *names, size_t n, const char *output, times_t *times,
    ba_encode_fit_info_t *one)
{
    int status = BA_OK;
    ba_ctx_t ctx = ba_ctx_default();
    ba_dataset_opts_t data = {
        .features = names->specs, .n_features = n, .responses = names->responses};
    ba_encode_fit_opts_t opts = settings(names, output);
    ba_dataset_t *dataset = NULL;
    times_t start = now();

    BA_TRY(ba_dataset_open(&ctx, &data, &dataset));
    BA_TRY(one ? ba_encode_fit(&ctx, dataset, &opts, one)
               : ba_encode_each(&ctx, dataset, &opts, 0, NULL, NULL));
    *times = since(start);
out:
    ba_dataset_free(dataset);
    return status;
}

static void
report(size_t n, const ba_encode_fit_info_t *one, times_t alone, times_t all)
{
    double reading = one->fit.seconds_read, rest = alone.seconds - reading;
    double bound = (double) n * rest + READINGS * reading;

    printf("one layer: %.2f s (CPU %.2f), of which reading and preparing responses %.2f; "
           "factorising %.2f, operators %.2f; %s\n",
        alone.seconds, alone.cpu, reading, one->fit.seconds_factor,
        one->fit.seconds_operators, one->fit.reason);
    printf("%zu layers over one reading: %.2f s (CPU %.2f, %.2f times one layer's); %zu "
           "x %.2f + %.1f x %.2f = %.2f s, of which it took %.2f\n",
        n, all.seconds, all.cpu, all.cpu / alone.cpu, n, rest, READINGS, reading, bound,
        all.seconds / bound);
}

static int
run(const bench_size_t *size, const char *folder)
{
    int status;
    names_t names = {0};
    char alone_file[PATH_SIZE + 16];
    times_t alone, all;
    ba_encode_fit_info_t one;

    make_names(size, folder, &names);
    snprintf(names.output, PATH_SIZE, "%s/each", folder);
    snprintf(alone_file, sizeof alone_file, "%s/alone.h5", folder);
    BA_TRY(fit_layers(&names, 1, alone_file, &alone, &one));
    BA_TRY(fit_layers(&names, size->n_spaces, names.output, &all, NULL));
    report(size->n_spaces, &one, alone, all);
out:
    return status;
}

int
main(int argc, char **argv)
{
    const bench_size_t *size = argc == 3 ? bench_size(argv[1]) : NULL;

    if (!size || size->n_spaces < 2 || size->n_spaces > MOST_LAYERS || !size->hdf5) {
        fprintf(stderr, "usage: bench_each E|e FOLDER\n");
        return 2;
    }
    printf("size %s: %zu layers of %zu features, %zu delays, n %zu, v %zu\n", size->name,
        size->n_spaces, size->n_features / size->n_spaces, size->n_delays,
        size->n_samples, size->n_targets);
    if (run(size, argv[2]) != BA_OK) {
        fprintf(stderr, "bench_each: %s\n", ba_error_message());
        return 1;
    }
    return 0;
}
