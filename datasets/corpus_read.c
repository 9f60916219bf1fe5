/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences of text files and of tables of words. */
#include "brainalign/ngram_file.h"
#include "core/alloc.h"
#include "core/texts.h"
#include "datasets/corpus_read.h"
#include "datasets/words.h"
#include "io/textfile.h"

#include <string.h>

static const char SPACE[] = " \t\r\f\v";

static int
is_punctuation(char c)
{
    return c != '\0' && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c) != NULL;
}

/* "<unk>" stays what it is. */
char *
ba_text_word(char *word, const ba_text_opts_t *opts)
{
    size_t n = strlen(word);

    if (!opts || strcmp(word, "<unk>") == 0) {
        return word;
    }
    if (opts->lowercase) {
        ba_text_lower(word, word);
        n = strlen(word);
    }
    if (opts->strip_punctuation) {
        while (n > 0 && is_punctuation(word[n - 1])) {
            word[--n] = '\0';
        }
        while (is_punctuation(*word)) {
            word++;
        }
    }
    return word;
}

/* Words of the sentence being read; pointers into the text. */
typedef struct {
    const char **words;
    size_t n, size;
} sentence_t;

static int
add_word(sentence_t *sentence, char *word, const ba_text_opts_t *opts)
{
    int status = BA_OK;
    const char **words;

    word = ba_text_word(word, opts);
    if (*word == '\0') {
        return BA_OK;
    }
    if (sentence->n == sentence->size) {
        size_t size = 2 * sentence->size + 64;

        BA_TRY_ALLOC(words, ba_realloc(sentence->words, size, sizeof *words));
        sentence->words = words;
        sentence->size = size;
    }
    sentence->words[sentence->n++] = word;
out:
    return status;
}

int
ba_corpus_read_text(ba_corpus_t *corpus, const char *file, const ba_text_opts_t *opts)
{
    int status = BA_OK;
    sentence_t sentence = {.n = 0};
    char *text = NULL, *next;
    size_t line = 0;

    BA_TRY(ba_textfile_read(file, &text));
    for (char *at = text; at; at = next) {
        char *word = at, *end;

        line++;
        next = strchr(at, '\n');
        if (next) {
            *next++ = '\0';
        }
        sentence.n = 0;
        for (word += strspn(word, SPACE); *word; word = end + strspn(end, SPACE)) {
            end = word + strcspn(word, SPACE);
            if (*end) {
                *end++ = '\0';
            }
            BA_TRY(add_word(&sentence, word, opts));
        }
        status = ba_corpus_add(corpus, sentence.words, sentence.n);
        if (status != BA_OK) {
            BA_TRY(ba_fail_within(status, "%s: line %zu", file, line));
        }
    }
out:
    ba_free(sentence.words);
    ba_free(text);
    return status;
}

int
ba_corpus_read_words(
    ba_corpus_t *corpus, const ba_word_opts_t *words, const ba_text_opts_t *opts)
{
    int status = BA_OK;
    sentence_t sentence = {.n = 0};
    ba_words_t read = {0};

    BA_TRY(ba_words_read(words, &read));
    if (!read.has_text) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: no column of words, wanted one", words->files[0]));
    }
    for (size_t k = 0; k < read.n_runs; k++) {
        sentence.n = 0;
        for (size_t i = read.first[k]; i < read.first[k + 1]; i++) {
            if (read.has_sentences && read.sentence_position[i] == 1.0) {
                BA_TRY(ba_corpus_add(corpus, sentence.words, sentence.n));
                sentence.n = 0;
            }
            BA_TRY(add_word(&sentence, read.text[i], opts));
        }
        status = ba_corpus_add(corpus, sentence.words, sentence.n);
        if (status != BA_OK) {
            BA_TRY(
                ba_fail_within(status, "%s: run '%s'", read.files[k], read.run_names[k]));
        }
    }
out:
    ba_free(sentence.words);
    ba_words_free(&read);
    return status;
}

int
ba_word_list_read(const char *file, const ba_text_opts_t *opts, size_t *n, char ***words)
{
    int status = BA_OK;
    char *text = NULL, *next;
    ba_text_set_t set = {.slots = NULL};
    size_t number;

    BA_TRY(ba_textfile_read(file, &text));
    for (char *at = text; at; at = next) {
        char *word;

        next = strchr(at, '\n');
        if (next) {
            *next++ = '\0';
        }
        word = at + strspn(at, SPACE);
        word[strcspn(word, SPACE)] = '\0';
        word = ba_text_word(word, opts);
        if (*word) {
            BA_TRY(ba_text_set_add(&set, word, &number));
        }
    }
    if (set.texts.n == 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: found no words, wanted one a line", file));
    }
    *n = set.texts.n;
    BA_TRY(ba_texts_list(&set.texts, words));
out:
    ba_text_set_free(&set);
    ba_free(text);
    return status;
}
