/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times probes: bench_probe [TOKENS [NEURONS [CLASSES [LAMBDA [FILE]]]]], 20,000, 3,072,
 * 20 and 0.001 by default, on normal numbers of which one neuron in twenty is raised by 2
 * on the tokens of a class; classes have Zipf frequencies. FILE: the activations (float32,
 * tokens x neurons, C order) and then the labels (int32) are written there, so that
 * another program can fit the same. Prints the seconds of the elastic-net softmax to its
 * certified optimum in NeuroX's form and of NeuroX's own training. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"
#include "core/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    size_t n, p, n_classes;
    float *x;
    uint32_t *label;
    double *center, *scale;
} study_t;

static void
draw_labels(study_t *study, ba_rng_t *rng)
{
    double total = 0;

    for (size_t c = 0; c < study->n_classes; c++) {
        total += 1 / (double) (c + 1);
    }
    for (size_t i = 0; i < study->n; i++) {
        double at = ba_rng_uniform(rng) * total;
        uint32_t c = 0;

        while (c + 1 < study->n_classes && at >= 1 / (double) (c + 1)) {
            at -= 1 / (double) (c + 1);
            c++;
        }
        study->label[i] = i < study->n_classes ? (uint32_t) i : c;
    }
}

static int
make_study(study_t *study)
{
    ba_rng_t *rng = ba_rng_new(1, 0);
    int status = rng ? BA_OK : BA_NOMEM;

    BA_TRY(status);
    BA_TRY_ALLOC(study->x, ba_malloc(study->n, study->p * sizeof(float)));
    BA_TRY_ALLOC(study->label, ba_malloc(study->n, sizeof *study->label));
    BA_TRY_ALLOC(study->center, ba_malloc(study->p, sizeof(double)));
    BA_TRY_ALLOC(study->scale, ba_malloc(study->p, sizeof(double)));
    draw_labels(study, rng);
    for (size_t j = 0; j < study->p; j++) {
        uint32_t planted = j % 20 == 0 ? (uint32_t) (j / 20 % study->n_classes)
                                       : (uint32_t) study->n_classes;

        for (size_t i = 0; i < study->n; i++) {
            study->x[i + j * study->n] =
                (float) (ba_rng_normal(rng) + 2 * (study->label[i] == planted));
        }
    }
out:
    ba_rng_free(rng);
    return status;
}

static void
write_study(const study_t *study, const char *file)
{
    FILE *stream = fopen(file, "wb");
    float *row = malloc(study->p * sizeof *row);

    for (size_t i = 0; stream && row && i < study->n; i++) {
        for (size_t j = 0; j < study->p; j++) {
            row[j] = study->x[i + j * study->n];
        }
        fwrite(row, sizeof *row, study->p, stream);
    }
    if (!stream || !row ||
        fwrite(study->label, sizeof *study->label, study->n, stream) != study->n ||
        fclose(stream) != 0) {
        fprintf(stderr, "bench_probe: cannot write %s\n", file);
    }
    free(row);
}

static double
cpu_seconds(void)
{
    return (double) clock() / CLOCKS_PER_SEC;
}

static int
time_probes(const ba_ctx_t *ctx, study_t *study, double lambda)
{
    ba_probe_data_t data = {.x = {study->x, study->n, study->p, study->n},
        .n_neurons = study->p,
        .label = study->label,
        .n_classes = study->n_classes};
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_adam_t adam = ba_probe_adam_default();
    ba_probe_t *probe = NULL, *trained = NULL;
    double start = ba_seconds(), cpu = cpu_seconds();
    int status;

    opts.l1 = opts.l2 = adam.l1 = adam.l2 = lambda;
    BA_TRY(ba_probe_scale(ctx, &data, study->center, study->scale, NULL));
    data.center = study->center;
    data.scale = study->scale;
    printf("scaling                 %6.2f s, %6.2f s of CPU\n", ba_seconds() - start,
        cpu_seconds() - cpu);
    start = ba_seconds();
    cpu = cpu_seconds();
    BA_TRY(ba_probe_fit(ctx, &data, &opts, NULL, &probe));
    printf("optimum                 %6.2f s, %6.2f s of CPU: objective %.8f, gap %.1e, "
           "%zu weights of %zu neurons, %zu steps\n",
        ba_seconds() - start, cpu_seconds() - cpu, probe->objective, probe->gap,
        probe->n_nonzero, probe->n_neurons_used, probe->n_iterations);
    start = ba_seconds();
    cpu = cpu_seconds();
    BA_TRY(ba_probe_adam(ctx, &data, &adam, &trained));
    printf("NeuroX's training       %6.2f s, %6.2f s of CPU: objective %.8f\n",
        ba_seconds() - start, cpu_seconds() - cpu, trained->objective);
    printf("peak %.2f of the activations' bytes\n",
        (double) ba_peak_bytes() / (double) (study->n * study->p * sizeof(float)));
out:
    ba_probe_free(probe);
    ba_probe_free(trained);
    return status;
}

int
main(int argc, char **argv)
{
    size_t n[3] = {20000, 3072, 20};
    double lambda = argc > 4 ? strtod(argv[4], NULL) : 0.001;
    ba_ctx_t ctx = ba_ctx_default();
    study_t study = {.n = 0};
    int status;

    for (int i = 1; i < argc && i < 4; i++) {
        n[i - 1] = (size_t) strtoul(argv[i], NULL, 10);
    }
    study = (study_t){.n = n[0], .p = n[1], .n_classes = n[2]};
    printf("%zu tokens, %zu neurons, %zu classes, lambda %g, %d threads\n", n[0], n[1],
        n[2], lambda, ba_ctx_threads(&ctx));
    status = make_study(&study);
    if (status == BA_OK && argc > 5) {
        write_study(&study, argv[5]);
    }
    if (status == BA_OK) {
        status = time_probes(&ctx, &study, lambda);
    }
    if (status != BA_OK) {
        fprintf(stderr, "bench_probe: %s\n", ba_error_message());
    }
    ba_free(study.x);
    ba_free(study.label);
    ba_free(study.center);
    ba_free(study.scale);
    return status != BA_OK;
}
