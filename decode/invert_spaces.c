/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature spaces of an inversion: all are inverted together, and those that were asked for
 * are written: their part of the joint posterior is their marginal one. */
#include "decode/invert_impl.h"

#include "core/alloc.h"

#include <string.h>

int
ba_decoding_space(
    const ba_decoding_t *decoding, const char *option, const char *name, size_t *space)
{
    const ba_encoder_t *encoder = decoding->encoder;

    for (*space = 0; *space < encoder->n_spaces; ++*space) {
        if (strcmp(encoder->space_names[*space], name) == 0) {
            return BA_OK;
        }
    }
    return ba_fail(BA_VALUE, "%s: '%s', wanted one of %zu spaces of %s such as '%s'",
        option, name, encoder->n_spaces, encoder->path, encoder->space_names[0]);
}

int
ba_inverted_features(const ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts,
    ba_inverted_t *found)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    unsigned char *is_wanted = NULL;
    size_t at = 0;

    BA_TRY_ALLOC(is_wanted, ba_calloc(encoder->n_spaces, sizeof *is_wanted));
    for (size_t i = 0; i < opts->n_spaces; i++) {
        size_t space;

        BA_TRY(ba_decoding_space(decoding, "space", opts->spaces[i], &space));
        is_wanted[space] = 1;
    }
    BA_TRY_ALLOC(
        found->features, ba_malloc(decoding->n_features, sizeof *found->features));
    BA_TRY_ALLOC(found->space, ba_malloc(decoding->n_features, sizeof *found->space));
    for (size_t s = 0; s < encoder->n_spaces; s++) {
        for (size_t j = 0; j < encoder->space_features[s]; j++, at++) {
            if (opts->n_spaces == 0 || is_wanted[s]) {
                found->space[found->n_features] = (int32_t) s;
                found->features[found->n_features++] = at;
            }
        }
    }
out:
    ba_free(is_wanted);
    return status;
}

/* Whether a feature that is written has a weight at a delay. */
static int
acts(const ba_inverted_t *found, const ba_fold_model_t *model, size_t delay)
{
    size_t p = model->n_delays * model->n_features;

    for (size_t v = 0; v < model->n_targets; v++) {
        const double *w = model->weights + v * p + delay * model->n_features;

        for (size_t j = 0; j < found->n_features; j++) {
            if (w[found->features[j]] != 0.0) {
                return 1;
            }
        }
    }
    return 0;
}

int
ba_inverted_delays(ba_inverted_t *found, const ba_fold_model_t *model)
{
    int status = BA_OK;

    ba_free(found->tells);
    BA_TRY_ALLOC(found->tells, ba_malloc(model->n_delays, sizeof *found->tells));
    for (size_t d = 0; d < model->n_delays; d++) {
        found->tells[d] = acts(found, model, d) != 0;
    }
out:
    return status;
}

int
ba_decoding_check_flat(const ba_decoding_t *decoding)
{
    const ba_encoder_t *encoder = decoding->encoder;

    for (size_t i = 0; i < encoder->n_spaces * encoder->n_delays; i++) {
        if (!encoder->space_delays[i]) {
            return ba_fail(BA_VALUE,
                "prior: flat, but no response tells of space '%s' at delay %d, wanted a "
                "prior",
                encoder->space_names[i / encoder->n_delays],
                encoder->delays[i % encoder->n_delays]);
        }
    }
    return BA_OK;
}

int
ba_inverted_write_spaces(
    const ba_decoding_t *decoding, const ba_inverted_t *found, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;

    BA_TRY(ba_bundle_write_strings(bundle, "/features/space_names", encoder->n_spaces,
        (const char *const *) encoder->space_names));
    BA_TRY(ba_bundle_write(
        bundle, "/features/space", BA_I32, 1, &found->n_features, found->space));
out:
    return status;
}
