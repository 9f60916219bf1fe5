/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The word stream of a synthetic study. Word frequencies follow Zipf and Mandelbrot, p(r)
 * proportional to 1 / (r + 2.7) (Mandelbrot 1953); function words are the most frequent
 * ones. Each concept has a topic that switches on and off (exponential stays); while it
 * is on, the concept's words are more frequent. */
#include "datasets/synth_impl.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"

enum { N_FUNCTION = 60, N_PER_CONCEPT = 20, N_OTHER = 240, N_SYLLABLES = 75 };

static const double ZIPF_SHIFT = 2.7;
static const double TOPIC_GAIN = 8;
static const double TOPIC_ON_SECONDS = 12, TOPIC_OFF_SECONDS = 68;
static const double SENTENCE_END = 1.0 / 11, PARAGRAPH_END = 1.0 / 90;
static const double FIRST_ONSET = 0.5;

static const char *const CONCEPTS[] = {
    "animal", "food", "tool", "body", "place", "emotion", "motion", "number"};

/* Writes syllable k, two letters. */
static void
put_syllable(char *text, size_t k)
{
    text[0] = "bdfgklmnprstvwz"[k / 5 % 15];
    text[1] = "aeiou"[k % 5];
}

/* One syllable for function words; content words start with a pair of syllables of their
 * own, a third of them has one more. */
static void
make_token(size_t word, char token[SYNTH_TOKEN_SIZE])
{
    size_t k = word - N_FUNCTION;
    size_t pair = k * 2657 % (N_SYLLABLES * N_SYLLABLES); /* prime to 3 and 5 */

    memset(token, 0, SYNTH_TOKEN_SIZE);
    if (word < N_FUNCTION) {
        put_syllable(token, word);
        return;
    }
    put_syllable(token, pair / N_SYLLABLES);
    put_syllable(token + 2, pair % N_SYLLABLES);
    if (k % 3 == 0) {
        put_syllable(token + 4, k * 31 % N_SYLLABLES);
    }
}

static int
make_vocabulary(synth_study_t *study)
{
    synth_language_t *language = &study->language;
    size_t n_concepts = study->opts.n_concepts, n_content, k = 0;
    size_t *order = NULL;
    ba_rng_t *rng = NULL;
    int status;

    n_content = n_concepts * N_PER_CONCEPT + N_OTHER;
    language->n_vocabulary = N_FUNCTION + n_content;
    BA_TRY_ALLOC(rng, ba_synth_rng(study, SYNTH_VOCABULARY, 0));
    BA_TRY_ALLOC(order, ba_malloc(n_content, sizeof *order));
    BA_TRY_ALLOC(
        language->tokens, ba_calloc(language->n_vocabulary, sizeof *language->tokens));
    BA_TRY_ALLOC(language->concepts,
        ba_malloc(language->n_vocabulary, sizeof *language->concepts));
    for (size_t i = 0; i < n_content; i++) {
        order[i] = i;
    }
    ba_rng_shuffle(rng, order, n_content);
    for (size_t i = 0; i < language->n_vocabulary; i++) {
        make_token(i, language->tokens[i]);
        language->concepts[i] = -1;
        if (i >= N_FUNCTION && order[k++] < n_concepts * N_PER_CONCEPT) {
            language->concepts[i] = (int32_t) (order[k - 1] / N_PER_CONCEPT);
        }
    }
    status = BA_OK;
out:
    ba_rng_free(rng);
    ba_free(order);
    return status;
}

static int
name_concepts(synth_study_t *study)
{
    size_t n = study->opts.n_concepts, n_known = sizeof CONCEPTS / sizeof CONCEPTS[0];
    char **names;
    int status = BA_OK;

    BA_TRY_ALLOC(names, ba_calloc(n, sizeof *names));
    study->language.concept_names = names;
    for (size_t i = 0; i < n; i++) {
        BA_TRY_ALLOC(names[i],
            i < n_known ? ba_strdup(CONCEPTS[i]) : ba_asprintf("concept_%zu", i + 1));
    }
out:
    return status;
}

/* State of a speaker within one run. */
typedef struct {
    const synth_study_t *study;
    ba_rng_t *rng;
    double *cumulated;  /* n_vocabulary: room for the distribution of the next word */
    unsigned char *on;  /* n_concepts: topics that are on */
    double time, speed; /* of the next onset; factor of the sentence's durations */
} speaker_t;

static double
exponential(ba_rng_t *rng, double mean)
{
    return -mean * log(1 - ba_rng_uniform(rng));
}

/* Topics after `seconds`, each a two-state Markov process. */
static void
move_topics(speaker_t *speaker, double seconds)
{
    for (size_t c = 0; c < speaker->study->opts.n_concepts; c++) {
        double stay = speaker->on[c] ? TOPIC_ON_SECONDS : TOPIC_OFF_SECONDS;

        if (ba_rng_uniform(speaker->rng) >= exp(-seconds / stay)) {
            speaker->on[c] = !speaker->on[c];
        }
    }
}

static size_t
draw_word(speaker_t *speaker)
{
    const synth_language_t *language = &speaker->study->language;
    double sum = 0, target;
    size_t low = 0, high = language->n_vocabulary - 1;

    for (size_t i = 0; i < language->n_vocabulary; i++) {
        int32_t c = language->concepts[i];

        sum +=
            (c >= 0 && speaker->on[c] ? TOPIC_GAIN : 1) / ((double) (i + 1) + ZIPF_SHIFT);
        speaker->cumulated[i] = sum;
    }
    target = sum * ba_rng_uniform(speaker->rng);
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (speaker->cumulated[middle] > target) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Seconds of silence after a word: none within sentences; a new sentence has a speed of
 * its own. */
static double
draw_pause(speaker_t *speaker)
{
    if (ba_rng_uniform(speaker->rng) >= SENTENCE_END) {
        return 0;
    }
    speaker->speed = exp(0.2 * ba_rng_normal(speaker->rng));
    if (ba_rng_uniform(speaker->rng) < PARAGRAPH_END / SENTENCE_END) {
        return 2 + exponential(speaker->rng, 1.5);
    }
    return 0.3 + exponential(speaker->rng, 0.4);
}

/* Milliseconds are what tables show: what they show is what counts. */
static double
to_millisecond(double seconds)
{
    return rint(seconds * 1000) / 1000;
}

static int
append_word(synth_language_t *language, size_t *room, const synth_word_t *word)
{
    if (language->n_words == *room) {
        size_t n = *room ? 2 * *room : 1024;
        synth_word_t *grown = ba_realloc(language->words, n, sizeof *grown);

        if (!grown) {
            return BA_NOMEM;
        }
        language->words = grown;
        *room = n;
    }
    language->words[language->n_words++] = *word;
    return BA_OK;
}

static int
speak_run(speaker_t *speaker, size_t run, synth_language_t *language, size_t *room)
{
    const ba_synth_opts_t *opts = &speaker->study->opts;
    double end = (double) opts->run_length * opts->tr, last = 0;
    int status = BA_OK;

    for (size_t c = 0; c < opts->n_concepts; c++) {
        speaker->on[c] = ba_rng_uniform(speaker->rng) <
                         TOPIC_ON_SECONDS / (TOPIC_ON_SECONDS + TOPIC_OFF_SECONDS);
    }
    speaker->time = FIRST_ONSET < end ? FIRST_ONSET : 0;
    speaker->speed = 1;
    while (to_millisecond(speaker->time) < end) {
        synth_word_t word = {.onset = to_millisecond(speaker->time), .run = run};
        double letters;

        move_topics(speaker, speaker->time - last);
        last = speaker->time;
        word.word = draw_word(speaker);
        letters = (double) strlen(language->tokens[word.word]);
        word.duration = to_millisecond(speaker->speed * (0.14 + 0.05 * letters) *
                                       exp(0.2 * ba_rng_normal(speaker->rng)));
        speaker->time += word.duration + draw_pause(speaker);
        BA_TRY(append_word(language, room, &word));
    }
out:
    return status;
}

int
ba_synth_language_make(synth_study_t *study)
{
    speaker_t speaker = {.study = study};
    size_t room = 0;
    int status;

    BA_TRY(make_vocabulary(study));
    BA_TRY(name_concepts(study));
    BA_TRY_ALLOC(speaker.cumulated,
        ba_malloc(study->language.n_vocabulary, sizeof *speaker.cumulated));
    BA_TRY_ALLOC(speaker.on, ba_calloc(study->opts.n_concepts, 1));
    for (size_t run = 0; run < study->n_runs; run++) {
        BA_TRY_ALLOC(speaker.rng, ba_synth_rng(study, SYNTH_WORDS, run));
        BA_TRY(speak_run(&speaker, run, &study->language, &room));
        ba_rng_free(speaker.rng);
        speaker.rng = NULL;
    }
out:
    ba_rng_free(speaker.rng);
    ba_free(speaker.cumulated);
    ba_free(speaker.on);
    return status;
}

void
ba_synth_language_free(synth_study_t *study)
{
    synth_language_t *language = &study->language;

    for (size_t i = 0; language->concept_names && i < study->opts.n_concepts; i++) {
        ba_free(language->concept_names[i]);
    }
    ba_free(language->concept_names);
    ba_free(language->tokens);
    ba_free(language->concepts);
    ba_free(language->words);
}

size_t
ba_synth_volume_of(const synth_study_t *study, const synth_word_t *word)
{
    size_t volume = (size_t) (word->onset / study->opts.tr);

    /* The quotient may round up to the run's end. */
    if (volume >= study->opts.run_length) {
        volume = study->opts.run_length - 1;
    }
    return word->run * study->opts.run_length + volume;
}
