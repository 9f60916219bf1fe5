/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the tokens that a neuron is on for are moved, so that it is on as often but for
 * other tokens.
 *   circular: all by the same number of tokens, at least 10 and no less from the end. Keeps
 *     how the neuron's states follow one another.
 *   types: tokens of a word type are not exchangeable with others one by one, since a
 *     neuron answers to the type; and a frequent type not with a rare one. Word types are
 *     put into strata of frequency (half octaves; a stratum of fewer than 4 types joins
 *     the next lower one), the types of a stratum are shuffled, and their tokens, type by
 *     type, hand their states to the tokens of the stratum in the order of old. Types of
 *     the same frequency change places as wholes. */
#include "neurons/explain_impl.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <string.h>

enum { LEAST_SHIFT = 10, LEAST_TYPES = 4, STRATA = 64 };

/* A stream of the seed that nothing else uses. */
static const uint64_t stream_base = UINT64_C(1) << 40;

struct ba_explain_moves {
    size_t n_tokens;
    int by_types;
    /* Of types: tokens by type, types by stratum. */
    size_t n_types;
    size_t *first;      /* n_types + 1: of each type in `token` */
    uint32_t *token;    /* n_tokens: training tokens by type, ascending */
    size_t *by_stratum; /* n_types: types, stratum by stratum */
    size_t stratum[STRATA + 1], n_strata;
    size_t *shuffled; /* n_types */
};

void
ba_explain_moves_free(ba_explain_moves_t *moves)
{
    if (moves) {
        ba_free(moves->first);
        ba_free(moves->token);
        ba_free(moves->by_stratum);
        ba_free(moves->shuffled);
        ba_free(moves);
    }
}

static size_t
shifts_of(size_t n)
{
    return n > 2 * LEAST_SHIFT ? n - 2 * LEAST_SHIFT + 1 : 0;
}

size_t
ba_explain_moves_shifts(const ba_explain_moves_t *moves)
{
    return moves->by_types ? 0 : shifts_of(moves->n_tokens);
}

/* Training tokens of each word type. */
static void
sort_tokens(const ba_explaining_t *job, ba_explain_moves_t *moves)
{
    const uint32_t *type = job->concepts->type;

    for (size_t i = 0; i < job->n_train; i++) {
        moves->first[type[job->train[i]] + 1]++;
    }
    for (size_t k = 0; k < moves->n_types; k++) {
        moves->first[k + 1] += moves->first[k];
    }
    for (size_t i = 0; i < job->n_train; i++) {
        moves->token[moves->first[type[job->train[i]]]++] = (uint32_t) i;
    }
    for (size_t k = moves->n_types; k > 0; k--) {
        moves->first[k] = moves->first[k - 1];
    }
    moves->first[0] = 0;
}

static unsigned
level_of(const ba_explain_moves_t *moves, size_t type)
{
    uint64_t n = moves->first[type + 1] - moves->first[type];
    unsigned level = 0;

    for (n *= n; n > 1;) {
        n /= 2;
        level++;
    }
    return level;
}

/* Strata from the frequent down; types that no training token has are in none. */
static void
sort_types(ba_explain_moves_t *moves)
{
    size_t n = 0, start = 0;

    for (unsigned level = STRATA; level-- > 0;) {
        for (size_t k = 0; k < moves->n_types; k++) {
            if (moves->first[k + 1] > moves->first[k] && level_of(moves, k) == level) {
                moves->by_stratum[n++] = k;
            }
        }
        if (n - start >= LEAST_TYPES || (level == 0 && n > start)) {
            moves->stratum[moves->n_strata++] = start;
            start = n;
        }
    }
    moves->stratum[moves->n_strata] = n;
}

int
ba_explain_moves_create(const ba_explaining_t *job, ba_explain_moves_t **out)
{
    ba_explain_moves_t *moves = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(moves, ba_calloc(1, sizeof *moves));
    moves->n_tokens = job->n_train;
    moves->by_types = job->null == BA_EXPLAIN_NULL_TYPES;
    if (moves->by_types) {
        moves->n_types = job->concepts->n_types;
        BA_TRY_ALLOC(moves->first, ba_calloc(moves->n_types + 2, sizeof *moves->first));
        BA_TRY_ALLOC(moves->token, ba_malloc(job->n_train, sizeof *moves->token));
        BA_TRY_ALLOC(
            moves->by_stratum, ba_malloc(moves->n_types, sizeof *moves->by_stratum));
        BA_TRY_ALLOC(moves->shuffled, ba_malloc(moves->n_types, sizeof *moves->shuffled));
        sort_tokens(job, moves);
        sort_types(moves);
    } else if (shifts_of(job->n_train) < 1) {
        BA_TRY(ba_fail(BA_SHAPE,
            "permutations: found %zu training tokens, wanted more than %d to shift",
            job->n_train, 2 * LEAST_SHIFT));
    }
    *out = moves;
    return BA_OK;
out:
    ba_explain_moves_free(moves);
    return status;
}

/* The tokens of the shuffled types of a stratum, one after another, to those of the types
 * in the order of old. */
static void
move_stratum(ba_explain_moves_t *moves, ba_rng_t *rng, size_t s, uint32_t *to)
{
    size_t start = moves->stratum[s], n = moves->stratum[s + 1] - start;
    const size_t *old = moves->by_stratum + start;
    size_t k = 0, at = moves->first[old[0]];

    memcpy(moves->shuffled, old, n * sizeof *old);
    ba_rng_shuffle(rng, moves->shuffled, n);
    for (size_t i = 0; i < n; i++) {
        size_t type = moves->shuffled[i];

        for (size_t t = moves->first[type]; t < moves->first[type + 1]; t++) {
            while (at == moves->first[old[k] + 1]) {
                at = moves->first[old[++k]];
            }
            to[moves->token[t]] = moves->token[at++];
        }
    }
}

int
ba_explain_moves_draw(ba_explain_moves_t *moves, uint64_t seed, size_t b, uint32_t *to)
{
    ba_rng_t *rng = ba_rng_new(seed, stream_base + b);
    size_t n = moves->n_tokens;

    if (!rng) {
        return BA_NOMEM;
    }
    if (moves->by_types) {
        for (size_t s = 0; s < moves->n_strata; s++) {
            move_stratum(moves, rng, s, to);
        }
    } else {
        size_t shift = LEAST_SHIFT + ba_rng_below(rng, shifts_of(n));

        for (size_t t = 0; t < n; t++) {
            to[t] = (uint32_t) ((t + shift) % n);
        }
    }
    ba_rng_free(rng);
    return BA_OK;
}
