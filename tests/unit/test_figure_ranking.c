/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/figurelib.h"

#include "tests/rankinglib.h"

#include "core/alloc.h"

enum { NEURONS = 10, MOST = 30 };

typedef struct {
    ba_ranking_t *ranking;
    ba_rank_report_t report;
    ba_word_class_t classes[MOST];
    double chance[MOST];
    size_t n_holding[MOST];
} study_t;

/* Components a (layers 0 and 2, 3 units each) and b (layer 0, 4 units); layer 1 is not
 * there. Concept 0 is all in neuron 0, concept 1 even over b, others have no score. */
static void
make_study(study_t *study, size_t n_concepts)
{
    static const char *const components[] = {"a<", "b"};
    static const char *const base[] = {"N&N", "DET", "X"};
    const char *names[MOST];
    ba_neuron_table_t neurons;
    double *score;

    *study = (study_t){.ranking = NULL};
    for (size_t r = 0; r < n_concepts; r++) {
        names[r] = base[r < 2 ? r : 2];
        study->chance[r] = 0.25;
        study->classes[r] = r == 0   ? BA_CLASS_OPEN
                            : r == 1 ? BA_CLASS_CLOSED
                                     : BA_CLASS_UNKNOWN;
        study->n_holding[r] = r == 0 ? 1 : r == 1 ? 2 : 0;
    }
    assert_int_equal(ba_neuron_table_make(NEURONS, components, 2, &neurons), BA_OK);
    for (size_t j = 0; j < NEURONS; j++) {
        neurons.component[j] = j >= 6;
        neurons.layer[j] = j >= 3 && j < 6 ? 2 : 0;
        neurons.unit[j] = j < 6 ? j % 3 : j - 6;
    }
    assert_int_equal(
        ba_ranking_create("ap", n_concepts, names, &neurons, &study->ranking), BA_OK);
    ba_neuron_table_free(&neurons);
    score = study->ranking->score;
    for (size_t j = 0; j < NEURONS; j++) {
        score[j] = j == 0 ? 0.75 : 0.125;
        score[NEURONS + j] = j >= 6 ? 0.5 : 0.25;
    }
    assert_int_equal(ba_ranking_sort(study->ranking), BA_OK);
    study->report = (ba_rank_report_t){.n_neurons = NEURONS,
        .n_concepts = n_concepts,
        .n_train = 77,
        .classes = study->classes,
        .chance = study->chance,
        .n_holding = study->n_holding,
        .mass = 0.5};
}

static int
draw(ba_figure_t *figure, const void *data)
{
    const study_t *study = data;

    return ba_figure_ranking(figure, study->ranking, &study->report);
}

/* What stands between two words. */
static char *
part_of(const char *text, const char *first, const char *last)
{
    const char *from = strstr(text, first), *to = from ? strstr(from, last) : NULL;

    assert_non_null(from);
    assert_non_null(to);
    return strndup(from, (size_t) (to - from));
}

static void
three_concepts(void **state)
{
    study_t study;
    char *text, *part;

    (void) state;
    make_study(&study, 3);
    text = figure_drawn(draw, &study);
    assert_int_equal(figure_count(text, ">Neurons of concepts by ap<"), 2);
    assert_int_equal(
        figure_count(text, "10 neurons, 77 training tokens, 3 concepts."), 1);
    /* Curves of the two that have a score above chance; the half is marked. */
    assert_int_equal(figure_count(text, "<polyline"), 2);
    assert_int_equal(figure_count(text, "<title>N&amp;N</title></polyline>"), 1);
    assert_int_equal(figure_count(text, "stroke-dasharray"), 1);
    assert_int_equal(figure_count(text, ">Neurons that hold 50 % of it<"), 1);
    /* Shares: 3 concepts x the 3 cells that have neurons. */
    assert_int_equal(figure_count(text, "</title></rect>"), 9);
    assert_int_equal(figure_count(text, "<title>N&amp;N, a&lt; 0: 1</title>"), 1);
    assert_int_equal(figure_count(text, "<title>N&amp;N, b 0: 0</title>"), 1);
    assert_int_equal(figure_count(text, "<title>DET, b 0: 1</title>"), 1);
    assert_int_equal(figure_count(text, "<title>X, a&lt; 2: n/a</title>"), 1);
    assert_int_equal(figure_count(text, ">N&amp;N (open class)</text>"), 1);
    assert_int_equal(figure_count(text, ">DET (closed class)</text>"), 1);
    assert_int_equal(figure_count(text, ">X</text>"), 3); /* bar, row, panel */

    /* The panel of concept 0: its scale; the best unit in the darkest colour, the two
     * after it as one; layer 2 and component b in the lightest. */
    part = part_of(text, ">N&amp;N (open class)<", ">DET (closed class)<");
    assert_int_equal(figure_count(part, ">ap 0.25 (chance)<"), 1);
    assert_int_equal(figure_count(part, ">0.75 (best)<"), 1);
    assert_int_equal(figure_count(part, "x=\"40\" y=\"68\" width=\"95.26\" height=\"14\" "
                                        "fill=\"#0b2f5e\""),
        1);
    assert_int_equal(figure_count(part, "x=\"135.26\" y=\"68\" width=\"69.74\" "
                                        "height=\"14\" fill=\"#f4f8fb\""),
        1);
    assert_int_equal(
        figure_count(part, "y=\"54\" width=\"165\" height=\"14\" fill=\"#f4f8fb\""), 1);
    assert_int_equal(
        figure_count(part, "y=\"68\" width=\"165\" height=\"14\" fill=\"#f4f8fb\""), 1);
    assert_int_equal(figure_count(part, ">100 %<"), 1);
    assert_int_equal(figure_count(part, ">0 %<"), 1);
    free(part);

    /* Concept 1: component b in the darkest colour, layers of a in the lightest. */
    part = part_of(text, ">DET (closed class)<", ">X</text>\n<text x=\"0\"");
    assert_int_equal(figure_count(part, "x=\"215\" y=\"68\" width=\"165\" "
                                        "height=\"14\" fill=\"#0b2f5e\""),
        1);
    assert_int_equal(figure_count(part, "x=\"40\" y=\"68\" width=\"165\" "
                                        "height=\"14\" fill=\"#f4f8fb\""),
        1);
    free(part);
    free(text);
    figure_survives(draw, &study, ba_alloc_fail_at);
    ba_ranking_free(study.ranking);
}

static void
many_concepts(void **state)
{
    study_t study;
    char *text;

    (void) state;
    make_study(&study, MOST);
    text = figure_drawn(draw, &study);
    assert_int_equal(figure_count(text, "the first 24 of 30 concepts"), 1);
    assert_int_equal(figure_count(text, "</title></rect>"), 24 * 3);
    assert_int_equal(figure_count(text, ">share of layer<"), 24);
    free(text);
    ba_ranking_free(study.ranking);
}

static void
another_report(void **state)
{
    study_t study;

    (void) state;
    make_study(&study, 2);
    study.report.n_neurons = 9;
    assert_int_equal(figure_fails(draw, &study), BA_SHAPE);
    ba_ranking_free(study.ranking);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(three_concepts),
        cmocka_unit_test(many_concepts), cmocka_unit_test(another_report)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
