/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The toy language model of a synthetic study. Word w has an embedding e_l(w) = (0.6
 * u(w), 0.8 v_l(w)), u shared by the layers, v_l the layer's own. Layer l sees the
 * context through a leaky sum with time constant tau_l,
 *   m_l(i) = a m_l(i - 1) + sqrt(1 - a^2) e_l(w_i),   a = exp(-(t_i - t_(i-1)) / tau_l),
 * and so does q for the indicator of a concept c, z(i) = [w_i belongs to c]. Neurons:
 *   plain     b_j + B_j m_l(i)
 *   planted   b_j + 2 (q_c(i) + z_c(i) / 2) + B_j m_l(i) / 2 */
#include "datasets/synth_impl.h"

#include <math.h>

#include "core/alloc.h"

enum { N_SHARED = 16, N_OWN = 16, N_DIMS = N_SHARED + N_OWN };

static const double SHARED_GAIN = 0.6, OWN_GAIN = 0.8; /* squares sum to 1 */
static const double FASTEST_SECONDS = 0.3, SLOWEST_SECONDS = 24, ONLY_SECONDS = 3;
static const double PLANTED_GAIN = 2, INSTANT_GAIN = 0.5, PLANTED_BACKGROUND = 0.5;
static const double BIAS_DEVIATION = 0.3;

/* Concepts that each layer carries. */
static size_t
n_carried(const ba_synth_opts_t *opts)
{
    return (opts->n_concepts + 1) / 2;
}

int
ba_synth_plant(synth_study_t *study)
{
    const ba_synth_opts_t *opts = &study->opts;
    size_t size = opts->layer_size, *order = NULL;
    ba_rng_t *rng = NULL;
    int status;

    BA_TRY_ALLOC(order, ba_malloc(size, sizeof *order));
    BA_TRY_ALLOC(
        study->planted, ba_malloc(opts->n_layers * size, sizeof *study->planted));
    BA_TRY_ALLOC(rng, ba_synth_rng(study, SYNTH_LAYER, 0));
    for (size_t layer = 0; layer < opts->n_layers; layer++) {
        size_t n = n_carried(opts) * opts->neurons_per_concept;

        for (size_t j = 0; j < size; j++) {
            order[j] = j;
        }
        ba_rng_shuffle(rng, order, size);
        for (size_t k = 0; k < size; k++) {
            size_t c = (layer + k / opts->neurons_per_concept) % opts->n_concepts;

            study->planted[layer * size + order[k]] = k < n ? (int32_t) c : -1;
        }
    }
    status = BA_OK;
out:
    ba_rng_free(rng);
    ba_free(order);
    return status;
}

double
ba_synth_time_constant(const ba_synth_opts_t *opts, size_t layer)
{
    double depth;

    if (opts->n_layers == 1) {
        return ONLY_SECONDS;
    }
    depth = (double) layer / (double) (opts->n_layers - 1);
    return FASTEST_SECONDS * pow(SLOWEST_SECONDS / FASTEST_SECONDS, depth);
}

/* Embeddings, n_vocabulary x N_DIMS. */
static int
embed(const synth_study_t *study, size_t layer, float *embedding)
{
    size_t n = study->language.n_vocabulary;
    ba_rng_t *shared = NULL, *own = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(shared, ba_synth_rng(study, SYNTH_EMBEDDING, 0));
    BA_TRY_ALLOC(own, ba_synth_rng(study, SYNTH_EMBEDDING, 1 + layer));
    for (size_t i = 0; i < n; i++) {
        float *row = embedding + i * N_DIMS;

        for (size_t d = 0; d < N_DIMS; d++) {
            row[d] = (float) (d < N_SHARED ? SHARED_GAIN * ba_rng_normal(shared)
                                           : OWN_GAIN * ba_rng_normal(own));
        }
    }
out:
    ba_rng_free(shared);
    ba_rng_free(own);
    return status;
}

/* Mixing weights (layer_size x N_DIMS, unit expected variance of a neuron) and biases. */
static int
mix(const synth_study_t *study, size_t layer, double *mixing, double *bias)
{
    ba_rng_t *rng = ba_synth_rng(study, SYNTH_LAYER, 1 + layer);

    if (!rng) {
        return BA_NOMEM;
    }
    for (size_t j = 0; j < study->opts.layer_size; j++) {
        bias[j] = BIAS_DEVIATION * ba_rng_normal(rng);
        for (size_t d = 0; d < N_DIMS; d++) {
            mixing[j * N_DIMS + d] = ba_rng_normal(rng) / sqrt((double) N_SHARED);
        }
    }
    ba_rng_free(rng);
    return BA_OK;
}

/* What a layer remembers. */
typedef struct {
    double context[N_DIMS];
    double *concept; /* n_concepts */
} memory_t;

static void
advance(const synth_study_t *study, size_t i, double tau, const float *embedding,
    memory_t *memory)
{
    const synth_word_t *word = &study->language.words[i];
    const float *e = embedding + word->word * N_DIMS;
    int32_t said = study->language.concepts[word->word];
    int first = i == 0 || word[-1].run != word->run;
    double keep = first ? 0 : exp(-(word->onset - word[-1].onset) / tau);
    double take = sqrt(1 - keep * keep);

    for (size_t d = 0; d < N_DIMS; d++) {
        memory->context[d] = keep * memory->context[d] + take * (double) e[d];
    }
    for (size_t c = 0; c < study->opts.n_concepts; c++) {
        memory->concept[c] = keep * memory->concept[c] + ((int32_t) c == said ? take : 0);
    }
}

static double
activate(const memory_t *memory, const double *mixing, int32_t concept, int32_t said)
{
    double background = 0;

    for (size_t d = 0; d < N_DIMS; d++) {
        background += mixing[d] * memory->context[d];
    }
    if (concept < 0) {
        return background;
    }
    return PLANTED_BACKGROUND * background +
           PLANTED_GAIN *
               (memory->concept[concept] + (concept == said ? INSTANT_GAIN : 0));
}

int
ba_synth_activations(const synth_study_t *study, size_t layer, float *activations)
{
    const synth_language_t *language = &study->language;
    size_t size = study->opts.layer_size;
    const int32_t *planted = study->planted + layer * size;
    double tau = ba_synth_time_constant(&study->opts, layer);
    double *mixing = NULL, *bias = NULL;
    float *embedding = NULL;
    memory_t memory = {.concept = NULL};
    int status;

    BA_TRY_ALLOC(
        embedding, ba_malloc(language->n_vocabulary * N_DIMS, sizeof *embedding));
    BA_TRY_ALLOC(mixing, ba_malloc(size * N_DIMS, sizeof *mixing));
    BA_TRY_ALLOC(bias, ba_malloc(size, sizeof *bias));
    BA_TRY_ALLOC(
        memory.concept, ba_calloc(study->opts.n_concepts, sizeof *memory.concept));
    BA_TRY(embed(study, layer, embedding));
    BA_TRY(mix(study, layer, mixing, bias));
    for (size_t i = 0; i < language->n_words; i++) {
        int32_t said = language->concepts[language->words[i].word];

        advance(study, i, tau, embedding, &memory);
        for (size_t j = 0; j < size; j++) {
            double own = activate(&memory, mixing + j * N_DIMS, planted[j], said);

            activations[i + j * language->n_words] = (float) (bias[j] + own);
        }
    }
out:
    ba_free(embedding);
    ba_free(mixing);
    ba_free(bias);
    ba_free(memory.concept);
    return status;
}

void
ba_synth_features(const synth_study_t *study, const float *activations, float *features)
{
    size_t size = study->opts.layer_size;

    for (size_t i = 0; i < study->n_volumes * size; i++) {
        features[i] = 0;
    }
    for (size_t i = 0; i < study->language.n_words; i++) {
        float *row =
            features + ba_synth_volume_of(study, &study->language.words[i]) * size;

        for (size_t j = 0; j < size; j++) {
            row[j] += activations[i + j * study->language.n_words];
        }
    }
}
