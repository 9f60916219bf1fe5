/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One neighbourhood: Z are its k columns. With G = Z'Z of the rows that stay about their
 * means, G = Q L Q', and C = Z'Y of the same rows, the weights at alpha are Q u, u =
 * (L + alpha)^-1 Q'C. Over the validation rows, with their own centred products G_V and
 * C_V, a prediction covaries with its target by u'(Q'C_V) and has the sum of squares
 * u'(Q'G_V Q)u: no prediction is formed. Products of the rows that stay are those of all
 * rows less those left out; z-scores keep the difference from losing digits. */
#include "model/searchlight_impl.h"

#include "linalg/blas.h"

#include <math.h>
#include <string.h>

/* Share of the largest sum of squares that weights of their size could give below which a
 * prediction does not vary. */
#define NO_VARIANCE 1e-13

typedef struct {
    size_t n, k;
    double *z, *part;        /* n x k; some of its rows */
    double *total, *sum;     /* k x k, k: of all rows */
    double *left, *left_sum; /* of rows left out */
    double *valid;           /* k x k: of validation rows, centred */
    double *valid_sum;
    double *basis, *lambda, *rotated, *room; /* Q; L; Q'G_V Q; k x k */
    double *gathered, *b, *c, *u, *hu;       /* TILE x k each */
    double *score, *count;                   /* n_alphas x (n_tiles TILE) */
} room_t;

size_t
ba_light_work_size(const ba_searchlight_t *light, size_t n_tiles)
{
    size_t k = light->neighbourhoods->most;

    return 2 * light->n * k + 6 * k * k + 4 * k + 5 * BA_LIGHT_TILE * k +
           2 * light->n_alphas * n_tiles * BA_LIGHT_TILE;
}

static double *
take(double **work, size_t n)
{
    double *out = *work;

    *work += n;
    return out;
}

static room_t
lay_out(const ba_light_t *at_hand, size_t k, double *work)
{
    const ba_searchlight_t *light = at_hand->light;
    size_t n_scores = light->n_alphas * at_hand->n_tiles * BA_LIGHT_TILE;
    room_t room = {.n = light->n, .k = k};
    double **matrices[] = {
        &room.total, &room.left, &room.valid, &room.basis, &room.rotated, &room.room};
    double **vectors[] = {&room.sum, &room.left_sum, &room.valid_sum, &room.lambda};
    double **tiles[] = {&room.gathered, &room.b, &room.c, &room.u, &room.hu};

    room.z = take(&work, light->n * k);
    room.part = take(&work, light->n * k);
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        *matrices[i] = take(&work, k * k);
    }
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        *vectors[i] = take(&work, k);
    }
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        *tiles[i] = take(&work, BA_LIGHT_TILE * k);
    }
    room.score = take(&work, n_scores);
    room.count = take(&work, n_scores);
    memset(room.score, 0, n_scores * sizeof *room.score);
    memset(room.count, 0, n_scores * sizeof *room.count);
    return room;
}

void
ba_light_column(const ba_light_t *at_hand, size_t j, double *z)
{
    const ba_searchlight_t *light = at_hand->light;
    double mean = at_hand->mean[j], scale = at_hand->scale[j];

    if (scale == 0.0) {
        memset(z, 0, light->n * sizeof *z);
        return;
    }
    light->column(light->payload, j, z);
    for (size_t i = 0; i < light->n; i++) {
        z[i] = (z[i] - mean) / scale;
    }
}

/* Products and sums of n rows of z, the whole symmetric matrix. */
static void
multiply(const double *z, size_t n, size_t k, double *gram, double *sum)
{
    ba_syrk_f64(1.0, BA_TRANSPOSE, ba_cdmat(z, n, k, n), 0.0, ba_dmat(gram, k, k, k));
    for (size_t j = 0; j < k; j++) {
        sum[j] = 0.0;
        for (size_t i = 0; i < n; i++) {
            sum[j] += z[i + j * n];
        }
        for (size_t i = 0; i < j; i++) {
            gram[i + j * k] = gram[j + i * k];
        }
    }
}

static void
multiply_rows(const room_t *room, const size_t *rows, size_t n, double *gram, double *sum)
{
    for (size_t j = 0; j < room->k; j++) {
        for (size_t i = 0; i < n; i++) {
            room->part[i + j * n] = room->z[rows[i] + j * room->n];
        }
    }
    multiply(room->part, n, room->k, gram, sum);
}

static void
centre(double *gram, const double *sum, size_t k, size_t n)
{
    for (size_t j = 0; j < k; j++) {
        for (size_t i = 0; i < k; i++) {
            gram[i + j * k] -= sum[i] * sum[j] / (double) n;
        }
    }
}

/* Basis, eigenvalues and the rotated products of the validation rows. */
static int
decompose(const ba_light_t *at_hand, size_t split, room_t *room)
{
    int status = BA_OK;
    const ba_inner_rows_t *rows = at_hand->light->inner + split;
    const ba_light_split_t *left = at_hand->splits + split;
    size_t k = room->k;
    ba_ctx_t alone = ba_ctx_default();
    ba_cdmat_t q = ba_cdmat(room->basis, k, k, k);

    alone.n_threads = 1;
    multiply_rows(room, left->out, left->n_out, room->left, room->left_sum);
    if (left->is_whole) {
        memcpy(room->valid, room->left, k * k * sizeof *room->valid);
        memcpy(room->valid_sum, room->left_sum, k * sizeof *room->valid_sum);
    } else {
        multiply_rows(
            room, rows->validate, rows->n_validate, room->valid, room->valid_sum);
    }
    for (size_t i = 0; i < k * k; i++) {
        room->basis[i] = room->total[i] - room->left[i];
    }
    for (size_t i = 0; i < k; i++) {
        room->left_sum[i] = room->sum[i] - room->left_sum[i];
    }
    centre(room->basis, room->left_sum, k, rows->n_stay);
    centre(room->valid, room->valid_sum, k, rows->n_validate);
    BA_TRY(ba_eigen_symmetric(&alone, ba_dmat(room->basis, k, k, k), room->lambda));
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(room->valid, k, k, k), BA_KEEP, q, 0.0,
        ba_dmat(room->room, k, k, k));
    ba_gemm_f64(1.0, BA_TRANSPOSE, q, BA_KEEP, ba_cdmat(room->room, k, k, k), 0.0,
        ba_dmat(room->rotated, k, k, k));
out:
    return status;
}

/* Products of the neighbourhood with the targets in the basis, TILE x k. */
static void
rotate(const double *products, const int32_t *member, const room_t *room, double *out)
{
    size_t k = room->k;

    for (size_t i = 0; i < k; i++) {
        memcpy(room->gathered + i * BA_LIGHT_TILE,
            products + (size_t) member[i] * BA_LIGHT_TILE,
            BA_LIGHT_TILE * sizeof *products);
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(room->gathered, BA_LIGHT_TILE, k, BA_LIGHT_TILE),
        BA_KEEP, ba_cdmat(room->basis, k, k, k), 0.0,
        ba_dmat(out, BA_LIGHT_TILE, k, BA_LIGHT_TILE));
}

/* Adds the correlations of a tile at one alpha. */
static void
correlate(const room_t *room, double alpha, const double *square, double trace,
    double *score, double *count)
{
    size_t k = room->k;
    double cross[BA_LIGHT_TILE] = {0.0}, own[BA_LIGHT_TILE] = {0.0},
           size[BA_LIGHT_TILE] = {0.0};

    for (size_t i = 0; i < k; i++) {
        double filter = 1.0 / (fmax(room->lambda[i], 0.0) + alpha);

        for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
            room->u[d + i * BA_LIGHT_TILE] = filter * room->b[d + i * BA_LIGHT_TILE];
        }
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(room->u, BA_LIGHT_TILE, k, BA_LIGHT_TILE), BA_KEEP,
        ba_cdmat(room->rotated, k, k, k), 0.0,
        ba_dmat(room->hu, BA_LIGHT_TILE, k, BA_LIGHT_TILE));
    for (size_t i = 0; i < k; i++) {
        for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
            size_t at = d + i * BA_LIGHT_TILE;

            cross[d] += room->u[at] * room->c[at];
            own[d] += room->u[at] * room->hu[at];
            size[d] += room->u[at] * room->u[at];
        }
    }
    for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
        double r = cross[d] / sqrt(own[d] * square[d]);

        if (own[d] > NO_VARIANCE * size[d] * trace && isfinite(r)) {
            score[d] += r;
            count[d] += 1.0;
        }
    }
}

static void
score_split(const ba_light_t *at_hand, size_t split, const int32_t *member, room_t *room)
{
    const ba_searchlight_t *light = at_hand->light;
    size_t size = light->n_columns * BA_LIGHT_TILE, k = room->k;
    double trace = 0.0;

    for (size_t i = 0; i < k; i++) {
        trace += room->valid[i + i * k];
    }
    for (size_t t = 0; t < at_hand->n_tiles; t++) {
        size_t at = t * light->n_inner + split;
        const double *products = at_hand->products + at * 2 * size;

        rotate(products, member, room, room->b);
        rotate(products + size, member, room, room->c);
        for (size_t a = 0; a < light->n_alphas; a++) {
            size_t place = (a * at_hand->n_tiles + t) * BA_LIGHT_TILE;

            correlate(room, light->alphas[a], at_hand->square + at * BA_LIGHT_TILE, trace,
                room->score + place, room->count + place);
        }
    }
}

int
ba_light_score(const ba_light_t *at_hand, size_t j, double *work, double *score)
{
    int status = BA_OK;
    const ba_searchlight_t *light = at_hand->light;
    const size_t *first = light->neighbourhoods->first + j;
    const int32_t *member = light->neighbourhoods->member + first[0];
    size_t k = first[1] - first[0];
    room_t room = lay_out(at_hand, k, work);

    *score = NAN;
    if (k == 0 || at_hand->scale[j] == 0.0) {
        return BA_OK;
    }
    for (size_t i = 0; i < k; i++) {
        ba_light_column(at_hand, (size_t) member[i], room.z + i * room.n);
    }
    multiply(room.z, room.n, k, room.total, room.sum);
    for (size_t split = 0; split < light->n_inner; split++) {
        BA_TRY(decompose(at_hand, split, &room));
        score_split(at_hand, split, member, &room);
    }
    for (size_t i = 0; i < light->n_alphas * at_hand->n_tiles * BA_LIGHT_TILE; i++) {
        *score =
            room.count[i] > 0.0 ? fmax(*score, room.score[i] / room.count[i]) : *score;
    }
out:
    return status;
}
