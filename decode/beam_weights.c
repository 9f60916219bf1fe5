/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much the evidence of the responses and the language model count. On each training
 * fold, decoded without it and without the fold in hand, the word said in a slot is one
 * of the words that the beam would have to choose from after the words said before it.
 * With evidence x and log p l of each, the weights b >= 0 and k >= 0 make the words said
 * most probable under
 *
 *   p(c) = exp(b x_c + k l_c) / sum over i of exp(b x_i + k l_i),
 *
 * a concave problem of two numbers (conditional logit, McFadden 1974). b is below 1
 * where responses are less independent than the noise model has it, and 0 where they
 * say nothing. Slots whose word is not among the candidates have no part. */
#include "decode/beam_job.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* ---- the two numbers ---- */

typedef struct {
    double value, b, k, bb, bk, kk; /* and derivatives */
} choice_sum_t;

static choice_sum_t
sum_choices(const double *x, const double *l, const size_t *start, size_t n_choices,
    double b, double k)
{
    choice_sum_t sum = {.value = 0.0};

    for (size_t c = 0; c < n_choices; c++) {
        double largest = -(double) INFINITY, total = 0.0, mx = 0.0, ml = 0.0;
        double xx = 0.0, xl = 0.0, ll = 0.0;

        for (size_t i = start[c]; i < start[c + 1]; i++) {
            largest = fmax(largest, b * x[i] + k * l[i]);
        }
        for (size_t i = start[c]; i < start[c + 1]; i++) {
            double p = exp(b * x[i] + k * l[i] - largest);

            total += p;
            mx += p * x[i];
            ml += p * l[i];
        }
        mx /= total;
        ml /= total;
        for (size_t i = start[c]; i < start[c + 1]; i++) {
            double p = exp(b * x[i] + k * l[i] - largest) / total;

            xx += p * (x[i] - mx) * (x[i] - mx);
            xl += p * (x[i] - mx) * (l[i] - ml);
            ll += p * (l[i] - ml) * (l[i] - ml);
        }
        sum.value += b * x[start[c]] + k * l[start[c]] - largest - log(total);
        sum.b += x[start[c]] - mx;
        sum.k += l[start[c]] - ml;
        sum.bb += xx;
        sum.bk += xl;
        sum.kk += ll;
    }
    return sum;
}

/* Newton steps from 0, halved until they climb, along those weights that are free; the
 * others stay 0. Returns the sum that is reached. */
static double
climb(const double *x, const double *l, const size_t *start, size_t n_choices,
    const int is_free[2], double w[2])
{
    /* Weights of separable choices run away: a ridge so small that it changes no weight
     * that the choices determine. */
    const double ridge = 1e-8;
    choice_sum_t now = sum_choices(x, l, start, n_choices, w[0] = 0.0, w[1] = 0.0);

    for (size_t step = 0; step < 100; step++) {
        double bb = now.bb + ridge, kk = now.kk + ridge;
        double bk = is_free[0] && is_free[1] ? now.bk : 0.0;
        double gb = is_free[0] ? now.b - ridge * w[0] : 0.0;
        double gk = is_free[1] ? now.k - ridge * w[1] : 0.0;
        double determinant = bb * kk - bk * bk, size = 1.0;
        double db = (kk * gb - bk * gk) / determinant;
        double dk = (bb * gk - bk * gb) / determinant;
        choice_sum_t next = sum_choices(x, l, start, n_choices, w[0] + db, w[1] + dk);

        while (next.value < now.value && size > 1e-10) {
            size /= 2.0;
            next =
                sum_choices(x, l, start, n_choices, w[0] + size * db, w[1] + size * dk);
        }
        w[0] += size * db;
        w[1] += size * dk;
        if (fabs(next.value - now.value) <= 1e-13 * (1.0 + fabs(now.value))) {
            return next.value;
        }
        now = next;
    }
    return now.value;
}

void
ba_choice_weights(const double *x, const double *l, const size_t *start, size_t n_choices,
    double *b, double *k)
{
    static const int is_free[4][2] = {{1, 1}, {1, 0}, {0, 1}, {0, 0}};
    double best = -(double) INFINITY;

    *b = *k = 0.0;
    /* The sum is concave: with both weights free it is largest, where they may be so. */
    for (size_t i = 0; i < 4; i++) {
        double w[2], value = climb(x, l, start, n_choices, is_free[i], w);

        if (w[0] >= 0.0 && w[1] >= 0.0 && value > best) {
            best = value;
            *b = w[0];
            *k = w[1];
        }
    }
}

/* ---- the choices ---- */

typedef struct {
    double *x, *l;
    size_t *start, n, n_all, size, start_size;
} choices_t;

static int
make_room(choices_t *choices, size_t more)
{
    int status = BA_OK;
    double *numbers;
    size_t *start;

    if (choices->n_all + more > choices->size) {
        size_t size = 2 * (choices->n_all + more);

        BA_TRY_ALLOC(numbers, ba_realloc(choices->x, size, sizeof *numbers));
        choices->x = numbers;
        BA_TRY_ALLOC(numbers, ba_realloc(choices->l, size, sizeof *numbers));
        choices->l = numbers;
        choices->size = size;
    }
    if (choices->n + 2 > choices->start_size) {
        size_t size = 2 * (choices->n + 2);

        BA_TRY_ALLOC(start, ba_realloc(choices->start, size, sizeof *start));
        choices->start = start;
        choices->start_size = size;
    }
out:
    return status;
}

/* What one passage's slots are chosen from. */
typedef struct {
    const ba_beam_job_t *job;
    const ba_run_words_t *words;
    const size_t *items;
    ba_evidence_t evidence;
    double *state, *next, *gradient, *p;
    size_t *history, *candidates;
} teacher_t;

/* Its number in the language, where it may be decoded; else SIZE_MAX. */
static size_t
said_word(const teacher_t *teacher, size_t slot)
{
    const ba_said_t *said = &teacher->job->said;
    size_t word = teacher->words->word[teacher->items[slot]];

    return word < said->n_words && said->allowed[word] ? word : SIZE_MAX;
}

/* The words said before a slot: those of the passage alone, as in the search. */
static void
set_history(const teacher_t *teacher, size_t slot)
{
    size_t context = teacher->job->language.n_context;

    for (size_t k = 0; k < context; k++) {
        size_t back = context - k, word = SIZE_MAX;

        if (back <= slot) {
            word = teacher->words->word[teacher->items[slot - back]];
            word = word < teacher->job->language.n_words ? word : SIZE_MAX;
        }
        teacher->history[k] = word;
    }
}

/* The slot's choice, the word said first. */
static int
add_choice(teacher_t *teacher, size_t slot, choices_t *choices)
{
    int status = BA_OK;
    const ba_beam_job_t *job = teacher->job;
    const ba_language_t *language = &job->language;
    size_t word = said_word(teacher, slot), n, own;

    set_history(teacher, slot);
    BA_TRY(language->next(language->model, job->ctx, teacher->history, 1, teacher->p));
    n = ba_language_nucleus(teacher->p, language->n_words, job->said.allowed,
        job->opts->nucleus, job->opts->n_extensions, teacher->candidates);
    for (own = 0; own < n && teacher->candidates[own] != word; own++) {
    }
    if (own == n || n < 2) {
        return BA_OK;
    }
    teacher->candidates[own] = teacher->candidates[0];
    teacher->candidates[0] = word;
    BA_TRY(make_room(choices, n));
    BA_TRY(ba_word_products_forms(
        job->ctx, teacher->evidence.products, teacher->candidates, n));
    ba_evidence_gradient(&teacher->evidence, slot, teacher->state, teacher->gradient);
    choices->start[choices->n++] = choices->n_all;
    for (size_t i = 0; i < n; i++) {
        choices->x[choices->n_all] = ba_evidence_gain(
            &teacher->evidence, teacher->gradient, teacher->candidates[i]);
        choices->l[choices->n_all++] = log(teacher->p[teacher->candidates[i]]);
    }
    choices->start[choices->n] = choices->n_all;
out:
    return status;
}

static int
teach(teacher_t *teacher, choices_t *choices)
{
    int status = BA_OK;
    const ba_beam_job_t *job = teacher->job;
    size_t size = ba_evidence_size(&teacher->evidence);

    BA_TRY_ALLOC(teacher->state, ba_calloc(size, sizeof *teacher->state));
    BA_TRY_ALLOC(teacher->next, ba_calloc(size, sizeof *teacher->next));
    BA_TRY_ALLOC(
        teacher->gradient, ba_malloc(job->said.n_features, sizeof *teacher->gradient));
    BA_TRY_ALLOC(teacher->p, ba_malloc(job->language.n_words, sizeof *teacher->p));
    BA_TRY_ALLOC(
        teacher->history, ba_malloc(job->language.n_context, sizeof *teacher->history));
    BA_TRY_ALLOC(teacher->candidates,
        ba_malloc(job->opts->n_extensions, sizeof *teacher->candidates));
    for (size_t i = 0; i < teacher->evidence.passage->n_slots; i++) {
        size_t word = said_word(teacher, i);
        double *swap = teacher->state;

        ba_evidence_slot(&teacher->evidence, i);
        BA_TRY(add_choice(teacher, i, choices));
        if (word != SIZE_MAX) {
            BA_TRY(ba_word_products_take(job->ctx, teacher->evidence.products, &word, 1));
        }
        ba_evidence_append(&teacher->evidence, i, teacher->state, word, teacher->next);
        teacher->state = teacher->next;
        teacher->next = swap;
    }
out:
    ba_free(teacher->state);
    ba_free(teacher->next);
    ba_free(teacher->gradient);
    ba_free(teacher->p);
    ba_free(teacher->history);
    ba_free(teacher->candidates);
    return status;
}

/* The choices of one training fold. */
static int
add_fold(const ba_beam_job_t *job, const ba_fold_decoder_t *part, size_t fold,
    choices_t *choices)
{
    int status = BA_OK;
    size_t *items = NULL, n_items;
    ba_passage_t passage = {.n_slots = 0};
    ba_word_products_t products = {.n_delays = 0};
    teacher_t teacher = {.job = job};

    BA_TRY(ba_word_products_new(
        &part->inversion, part->model.n_delays, &job->said, 1, &products));
    for (size_t run = 0; run < job->timeline.words.n_runs; run++) {
        if (ba_beam_n_responses(job, part, run) == 0) {
            continue;
        }
        BA_TRY(ba_beam_passage(
            job, part, fold, run, &job->given[run], 0, &items, &n_items, &passage));
        if (n_items > 0) {
            teacher = (teacher_t){.job = job, .words = &job->given[run], .items = items};
            BA_TRY(ba_evidence_new(&passage, &products, &teacher.evidence));
            BA_TRY(teach(&teacher, choices));
            ba_evidence_free(&teacher.evidence);
        }
        ba_passage_free(&passage);
        ba_free(items);
        items = NULL;
    }
out:
    ba_evidence_free(&teacher.evidence);
    ba_passage_free(&passage);
    ba_word_products_free(&products);
    ba_free(items);
    return status;
}

int
ba_beam_weights(const ba_beam_job_t *job, const ba_fold_decoder_t *decoder,
    double *evidence_weight, double *lm_weight)
{
    int status = BA_OK;
    ba_fold_decoder_t part = {.n_rows = 0};
    choices_t choices = {.n = 0};

    for (size_t k = 0; k < job->decoding.n_folds; k++) {
        if (k == decoder->left_out.fold[0]) {
            continue;
        }
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(ba_fold_decoder_part(&job->decoding, decoder, k, &part));
        BA_TRY(add_fold(job, &part, k, &choices));
        ba_fold_decoder_part_free(&part);
    }
    if (choices.n == 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "lm weight: no word of the training folds is among the candidates of the "
            "language model, wanted some to choose it by (or a given weight)"));
    }
    ba_choice_weights(
        choices.x, choices.l, choices.start, choices.n, evidence_weight, lm_weight);
out:
    ba_fold_decoder_part_free(&part);
    ba_free(choices.x);
    ba_free(choices.l);
    ba_free(choices.start);
    return status;
}
