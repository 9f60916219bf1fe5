/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Figures as SVG: panels on a page, light and fit to print, in colours that colour-blind
 * readers tell apart. No fonts, scripts or files from outside; the same input gives the
 * same bytes. */
#ifndef BRAINALIGN_FIGURE_H
#define BRAINALIGN_FIGURE_H

#include "brainalign/rank.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A page being drawn: panels from left to right, then in the next line. All texts and
 * arrays that are given are borrowed for the call; texts may be NULL. */
typedef struct ba_figure ba_figure_t;

/* Starts a figure that will be called `file`; it appears at commit. Errors: BA_EXISTS
 * without `force`, BA_IO. */
BA_API int ba_figure_create(const char *file, int force, ba_figure_t **out);

/* Title of the page and a line under it; again = instead. */
BA_API int ba_figure_title(ba_figure_t *figure, const char *title, const char *note);

/* The next panel begins a line. */
BA_API void ba_figure_break(ba_figure_t *figure);

/* Writes the file. BA_VALUE when nothing was drawn, BA_IO. */
BA_API int ba_figure_commit(ba_figure_t *figure);

/* Without a commit nothing is left. NULL is fine. */
BA_API void ba_figure_free(ba_figure_t *figure);

typedef enum {
    BA_PALETTE_SEQUENTIAL, /* from light to dark */
    BA_PALETTE_DIVERGING   /* two hues around the middle of the range */
} ba_palette_t;

/* A matrix in colours, with its scale. */
typedef struct {
    const char *title, *row_label, *column_label, *value_label;
    size_t n_rows, n_columns;
    const char *const *rows, *const *columns; /* NULL = numbers from 0 */
    const double *values; /* n_rows x n_columns, row by row; NaN = grey */
    double low, high;     /* of the colours; equal = smallest and largest value, diverging
                             the same on either side of 0 */
    ba_palette_t palette;
} ba_figure_matrix_t;

/* One rectangle for every value. BA_TOO_LARGE above 250,000. */
BA_API int ba_figure_matrix(ba_figure_t *figure, const ba_figure_matrix_t *matrix);

typedef enum { BA_SERIES_LINE, BA_SERIES_POINTS, BA_SERIES_BOTH } ba_series_kind_t;

/* Points of a plot; a line breaks where one of the numbers is not finite. */
typedef struct {
    const char *name; /* in the legend; NULL = not there */
    const char *tip;  /* shown under the pointer; NULL = the name */
    ba_series_kind_t kind;
    size_t n;
    const double *x, *y;
    const double *low, *high;  /* a band around a line, whiskers on points; or NULL */
    const char *const *labels; /* n texts beside the points, or NULL */
    uint32_t colour;           /* 0xRRGGBB, 0 = the next of the palette */
    double width;              /* of the line, 0 = 1.8 */
    int is_dashed;
} ba_figure_series_t;

/* A dashed line across at a value of y. */
typedef struct {
    const char *name;
    double y;
} ba_figure_mark_t;

typedef struct {
    const char *title, *x_label, *y_label;
    int x_is_log, y_is_log;              /* values at or below 0 are left out */
    double x_low, x_high, y_low, y_high; /* equal = of the data */
    const ba_figure_series_t *series;
    size_t n_series;
    const ba_figure_mark_t *marks;
    size_t n_marks;
    double width, height; /* of the plot without its texts, 0 = 340 and 220 */
} ba_figure_plot_t;

/* Lines with bands, or points. BA_TOO_LARGE above 250,000 points. */
BA_API int ba_figure_plot(ba_figure_t *figure, const ba_figure_plot_t *plot);

/* Bars from left to right, a line for every name. */
typedef struct {
    const char *title, *value_label;
    size_t n_names, n_groups;
    const char *const *names;
    const char *const *groups; /* legend, NULL or with holes */
    const double *values;      /* n_names x n_groups, row by row; NaN = none */
    const double *low, *high;  /* whiskers, or NULL; not of stacked bars */
    int is_stacked;            /* groups end to end instead of one below the other */
    int digits;   /* significant ones of the number behind the bars, 0 = none */
    double width; /* of the longest bar, 0 = 240 */
} ba_figure_bars_t;

BA_API int ba_figure_bars(ba_figure_t *figure, const ba_figure_bars_t *bars);

/* A box of text with bars under it. */
typedef struct {
    const char *title, *subtitle;
    const char *const *lines; /* n_lines, broken where too long, cut after three */
    size_t n_lines;
    size_t n_bars;
    const char *const *names, *const *notes; /* notes stand behind the bars, or NULL */
    const double *values;       /* 0 to 1; below 0 or above 1 is drawn as 0 and 1 */
    const unsigned char *kinds; /* colour of each bar from the palette, NULL = all 0 */
} ba_figure_card_t;

BA_API int ba_figure_card(ba_figure_t *figure, const ba_figure_card_t *card);

/* Where the neurons of concepts are, of the first 24 concepts of a ranking: the share of
 * all neurons' score above chance that the best k hold, how few hold `mass` of it, its
 * share by component and layer; then for each concept the scores of all units of every
 * layer, best first (width by the square root of the rank), and the layers' shares.
 * `report` is that of the ranking. BA_SHAPE when it is not. */
BA_API int ba_figure_ranking(
    ba_figure_t *figure, const ba_ranking_t *ranking, const ba_rank_report_t *report);

/* Accuracy by the number of neurons, a panel for each mode of a result file of neurons
 * ablate: top, bottom and random sets (mean, 2.5 to 97.5 %), all neurons and the most
 * frequent class. Errors: those of ba_bundle_open(). */
BA_API int ba_figure_ablation(ba_figure_t *figure, const char *file);

/* A result file of neurons align: contributions of the neurons, of layers in each region,
 * and where the file has them, of sets, and of what a backward elimination leaves. Errors:
 * those of ba_bundle_open(); BA_FORMAT, BA_TOO_LARGE (regions x layers or sets). */
BA_API int ba_figure_align(ba_figure_t *figure, const char *file);

/* Neurons as points, a panel for each of the first 12 concepts of x: their score there
 * against that for one concept of y, and the rank correlation. BA_SHAPE (not as many
 * neurons), BA_MISSING (no such concept). */
BA_API int ba_figure_scatter(ba_figure_t *figure, const ba_ranking_t *x,
    const ba_ranking_t *y, const char *concept);

/* A card for each of the n_cards neurons whose formulas fit best (IoU of the longest on
 * test tokens, else on training tokens): the first and the longest formula, and the ten
 * words of the highest score in the table `words` of neurons explain. Errors: those of
 * ba_bundle_open() and ba_table_read(); BA_MISSING (a column), BA_VALUE (no cards). */
BA_API int ba_figure_words(
    ba_figure_t *figure, const char *file, const char *words, size_t n_cards);

#ifdef __cplusplus
}
#endif

#endif
