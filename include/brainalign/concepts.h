/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which tokens carry which concept. */
#ifndef BRAINALIGN_CONCEPTS_H
#define BRAINALIGN_CONCEPTS_H

#include "brainalign/activations.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BA_CLASS_UNKNOWN, BA_CLASS_OPEN, BA_CLASS_CLOSED } ba_word_class_t;

/* Labels of tokens. Concepts stand in byte order of their names; word types are the
 * distinct forms (lower case unless case matters), in order of first appearance. */
typedef struct {
    size_t n_tokens, n_concepts, n_types;
    char **names;             /* n_concepts */
    ba_word_class_t *classes; /* n_concepts: open or closed class of words */
    unsigned char *is_words;  /* n_concepts: 1 = defined as a set of words */
    size_t *first;            /* n_tokens + 1 */
    uint32_t *concept;   /* concept[first[t]] .. concept[first[t + 1] - 1]: those of token
                          t, ascending */
    int is_exclusive;    /* 1 = no token has two: a tag set, whose concepts are classes */
    char **forms;        /* n_tokens, NULL = not known */
    uint32_t *type;      /* n_tokens: word type, NULL where forms are not known */
    char **type_names;   /* n_types */
    size_t *sentence;    /* n_tokens, from 0, NULL = not known */
    unsigned char *part; /* n_tokens: 0 = to fit on, 1 = to test on, NULL = not given */
} ba_concepts_t;

/* Where labels come from; everything borrowed. Several sources add their concepts up. */
typedef struct {
    const char *const *labels; /* n_labels of [PREFIX=]FILE[:COLUMN]: a table's column, a
                                  string data set of an HDF5 file, a column of CoNLL-U
                                  (upos, xpos, feats, deprel, ...; more columns by number)
                                  or CoNLL-2000 (pos, chunk), or a file of one label a
                                  line. `_`, n/a and empty are no label. PREFIX goes in
                                  front of the names as PREFIX:NAME */
    size_t n_labels;
    const char *const
        *word_lists; /* n_word_lists files of words, one a line (what follows
                                      a tab is ignored); the concept is named by the file,
                                      or [NAME=]FILE; a folder stands for its files */
    size_t n_word_lists;
    const char *wordnet; /* table lemma, pos, ..., supersense: supersenses as concepts */
    const char *forms;   /* FILE[:COLUMN] as above of the word itself; NULL = what the
                            labels' file says (CoNLL-U, CoNLL-2000), else what the
                            activations say */
    const char
        *lemmas; /* word lists and wordnet are looked up by lemma instead of form */
    const char *sentences; /* FILE[:COLUMN] of the sentence of each token */
    const char *parts;     /* FILE[:COLUMN]: 0 or train, 1 or test */
    int case_matters;
    const char *closed_words; /* table with the column form: a concept whose name does not
                                 tell (docs/formats.md) is of the closed class where more
                                 than half of its tokens are among these words, else of
                                 the open one; NULL = by names alone */
    const char *const *only;  /* n_only concepts to keep, NULL = all */
    size_t n_only;
    size_t min_tokens; /* concepts of fewer tokens are left out (1) */
} ba_concepts_opts_t;

/* Reads labels, and checks them against the tokens of `activations` (NULL = unchecked):
 * their number, and word by word where both sides know the words: BA_SHAPE names
 * sentence, token and both words of the first that differs. Errors: BA_IO, BA_FORMAT,
 * BA_MISSING (unknown concept: nearest names), BA_VALUE. The caller frees. */
BA_API int ba_concepts_read(const ba_ctx_t *ctx, const ba_concepts_opts_t *opts,
    const ba_activations_t *activations, ba_concepts_t **out);
BA_API void ba_concepts_free(ba_concepts_t *concepts);

/* The tokens that carry a concept, ascending: *out is the caller's to free(). */
BA_API int ba_concepts_tokens(
    const ba_concepts_t *concepts, size_t concept, size_t **out, size_t *n_tokens);

/* Rows to fit on and rows to test on, both ascending and the caller's to free(). */
typedef struct {
    size_t *train, *test;
    size_t n_train, n_test;
    size_t n_dropped; /* tokens of neither */
} ba_token_split_t;

typedef enum {
    BA_SPLIT_PARTS,    /* by `part` of the concepts */
    BA_SPLIT_TYPES,    /* no word type on both sides: types dealt by seed, as near to the
                       tokens asked for as can be within each stratum of frequency */
    BA_SPLIT_SENTENCES /* whole sentences dealt by seed */
} ba_token_split_by_t;

/* fraction: of the tokens to test on; 0 = all to fit on. BA_SPLIT_PARTS ignores it. With
 * disjoint_types test tokens whose type the training side holds are dropped. BA_VALUE (no
 * parts, forms or sentences), BA_SHAPE (an empty side). */
BA_API int ba_concepts_split(const ba_concepts_t *concepts, ba_token_split_by_t by,
    double fraction, int disjoint_types, uint64_t seed, ba_token_split_t *out);
BA_API void ba_token_split_free(ba_token_split_t *split);

#ifdef __cplusplus
}
#endif

#endif
