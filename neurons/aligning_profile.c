/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_profile.h"

#include "core/alloc.h"
#include "model/fold_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[BA_PROFILE_N] = {
    "positive_delta_r2", "product_r2", "delta_r2"};

void
ba_align_profile_free(ba_align_profile_t *profile)
{
    ba_free(profile->layer_of);
    ba_free(profile->first);
    ba_free(profile->n_neurons);
    ba_free(profile->by_fold);
    ba_free(profile->n_targets);
    ba_free(profile->now);
    ba_free(profile->mean);
    ba_free(profile->low);
    ba_free(profile->high);
    *profile = (ba_align_profile_t){0};
}

/* Neurons of a layer stand together. */
static int
find_layers(ba_align_profile_t *profile)
{
    int status = BA_OK;
    const ba_neuron_table_t *neurons = &profile->aligning->neurons;
    size_t n = neurons->n_neurons;

    BA_TRY_ALLOC(profile->layer_of, ba_malloc(n, sizeof *profile->layer_of));
    BA_TRY_ALLOC(profile->first, ba_malloc(n, sizeof *profile->first));
    BA_TRY_ALLOC(profile->n_neurons, ba_calloc(n, sizeof *profile->n_neurons));
    for (size_t j = 0; j < n; j++) {
        if (j == 0 || neurons->component[j] != neurons->component[j - 1] ||
            neurons->layer[j] != neurons->layer[j - 1]) {
            profile->first[profile->n_layers++] = j;
        }
        profile->layer_of[j] = profile->n_layers - 1;
        profile->n_neurons[profile->n_layers - 1]++;
    }
out:
    return status;
}

int
ba_align_profile_make(
    const ba_aligning_t *a, const ba_align_regions_t *regions, ba_align_profile_t *out)
{
    int status;
    size_t n;

    *out = (ba_align_profile_t){.aligning = a, .regions = regions};
    BA_TRY(find_layers(out));
    BA_TRY(ba_multiply(regions->n, BA_PROFILE_N * out->n_layers, &n));
    BA_TRY_ALLOC(out->by_fold, ba_calloc(a->n_folds, n * sizeof *out->by_fold));
    BA_TRY_ALLOC(
        out->n_targets, ba_calloc(a->n_folds, regions->n * sizeof *out->n_targets));
    BA_TRY_ALLOC(out->now, ba_malloc(BA_PROFILE_N, out->n_layers * sizeof *out->now));
    BA_TRY_ALLOC(out->mean, ba_malloc(n, sizeof *out->mean));
    BA_TRY_ALLOC(out->low, ba_malloc(n, sizeof *out->low));
    BA_TRY_ALLOC(out->high, ba_malloc(n, sizeof *out->high));
out:
    return status;
}

static size_t
place(const ba_align_profile_t *profile, size_t kind, size_t fold, size_t region)
{
    size_t n_folds = profile->aligning->n_folds;

    return ((kind * n_folds + fold) * profile->regions->n + region) * profile->n_layers;
}

/* All layers of one target into `now`. */
static void
sum_target(ba_align_profile_t *profile, const ba_aligned_t *values, size_t t)
{
    size_t n_neurons = profile->aligning->neurons.n_neurons, n = profile->n_layers;
    const double *delta = values->values[BA_ALIGN_DELTA_R2] + t * n_neurons;
    const double *product = values->values[BA_ALIGN_PRODUCT] + t * n_neurons;

    memset(profile->now, 0, BA_PROFILE_N * n * sizeof *profile->now);
    for (size_t j = 0; j < n_neurons; j++) {
        size_t layer = profile->layer_of[j];

        profile->now[BA_PROFILE_POSITIVE * n + layer] += fmax(delta[j], 0.0);
        profile->now[BA_PROFILE_PRODUCT * n + layer] += product[j];
        profile->now[BA_PROFILE_DROP * n + layer] +=
            delta[j] / (double) profile->n_neurons[layer];
    }
}

void
ba_align_profile_add(ba_align_profile_t *profile, size_t fold, const ba_aligned_t *values)
{
    size_t n = profile->n_layers;

    for (size_t t = 0; t < values->n; t++) {
        size_t list[] = {0, profile->regions->region[values->first + t]};

        if (isnan(values->r2[t])) {
            continue;
        }
        sum_target(profile, values, t);
        for (size_t r = 0; r < (list[1] > 0 ? 2 : 1); r++) {
            profile->n_targets[fold * profile->regions->n + list[r]]++;
            for (size_t i = 0; i < BA_PROFILE_N * n; i++) {
                profile->by_fold[place(profile, i / n, fold, list[r]) + i % n] +=
                    profile->now[i];
            }
        }
    }
}

/* One number over the folds, whose sums become means. */
static int
finish_one(ba_align_profile_t *profile, size_t kind, size_t region, size_t layer,
    ba_rng_t *rng, double *values)
{
    int status;
    size_t n_folds = profile->aligning->n_folds, n_regions = profile->regions->n;
    size_t at = (kind * n_regions + region) * profile->n_layers + layer;

    for (size_t f = 0; f < n_folds; f++) {
        double *sum = profile->by_fold + place(profile, kind, f, region) + layer;
        uint32_t count = profile->n_targets[f * n_regions + region];

        *sum /= count > 0 ? (double) count : (double) NAN;
        values[f] = *sum;
    }
    profile->mean[at] = ba_fold_test(values, n_folds, 0.0).mean;
    BA_TRY(
        ba_fold_bootstrap(values, n_folds, rng, &profile->low[at], &profile->high[at]));
out:
    return status;
}

int
ba_align_profile_finish(const ba_ctx_t *ctx, ba_align_profile_t *profile)
{
    int status = BA_OK;
    size_t n = profile->n_layers, n_regions = profile->regions->n;
    double *values = NULL;
    ba_rng_t *rng = NULL;

    BA_TRY_ALLOC(values, ba_malloc(profile->aligning->n_folds, sizeof *values));
    BA_TRY_ALLOC(rng, ba_rng_new(ctx ? ctx->seed : 0, 0));
    for (size_t i = 0; i < BA_PROFILE_N * n_regions * n; i++) {
        BA_TRY(finish_one(
            profile, i / n / n_regions, i / n % n_regions, i % n, rng, values));
    }
out:
    ba_free(values);
    ba_rng_free(rng);
    return status;
}

static int
write_layers(const ba_align_profile_t *profile, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_neuron_table_t *neurons = &profile->aligning->neurons;
    size_t n = profile->n_layers;
    const char **components = NULL;
    int64_t *numbers = NULL;

    BA_TRY_ALLOC(components, ba_malloc(n, sizeof *components));
    BA_TRY_ALLOC(numbers, ba_malloc(n, 2 * sizeof *numbers));
    for (size_t i = 0; i < n; i++) {
        size_t j = profile->first[i];

        components[i] = neurons->component_names[neurons->component[j]];
        numbers[i] = (int64_t) neurons->layer[j];
        numbers[n + i] = (int64_t) profile->n_neurons[i];
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/profile/component", n, components));
    BA_TRY(ba_bundle_write(bundle, "/profile/layer", BA_I64, 1, &n, numbers));
    BA_TRY(ba_bundle_write(bundle, "/profile/n_neurons", BA_I64, 1, &n, numbers + n));
    BA_TRY(ba_bundle_write_strings(bundle, "/profile/region", profile->regions->n,
        (const char *const *) profile->regions->name));
out:
    ba_free(components);
    ba_free(numbers);
    return status;
}

int
ba_align_profile_write(const ba_align_profile_t *profile, ba_bundle_t *bundle)
{
    static const char *const ends[] = {"", "_low", "_high"};
    const double *const arrays[] = {profile->mean, profile->low, profile->high};
    size_t dims[] = {profile->aligning->n_folds, profile->regions->n, profile->n_layers};
    char path[64];
    int status;

    BA_TRY(write_layers(profile, bundle));
    for (size_t kind = 0; kind < BA_PROFILE_N; kind++) {
        for (size_t i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "/profile/%s%s", names[kind], ends[i]);
            BA_TRY(ba_bundle_write(
                bundle, path, BA_F64, 2, dims + 1, arrays[i] + kind * dims[1] * dims[2]));
        }
        snprintf(path, sizeof path, "/profile/%s_by_fold", names[kind]);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 3, dims,
            profile->by_fold + place(profile, kind, 0, 0)));
    }
out:
    return status;
}
