/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "linalg/blas.h"

#include "brainalign/version.h"
#include "core/alloc.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <string.h>

/* Address space that OpenBLAS takes for each thread at its first product. */
#define BLAS_BUFFER (130 << 20)

int
ba_blas_check(size_t n)
{
    if (n > INT_MAX) {
        return ba_fail(
            BA_TOO_LARGE, "matrix: a dimension of %zu, at most %d", n, INT_MAX);
    }
    return BA_OK;
}

static int
blas_int(size_t n)
{
    assert(n <= INT_MAX);
    return (int) n;
}

void
ba_blas_single_thread(void)
{
    openblas_set_num_threads(1);
}

static CBLAS_TRANSPOSE
transpose(ba_op_t op)
{
    return op == BA_TRANSPOSE ? CblasTrans : CblasNoTrans;
}

int
ba_blas_check_room(int n_threads)
{
    void *room = ba_malloc((size_t) n_threads, BLAS_BUFFER);

    ba_free(room);
    return room ? BA_OK
                : ba_fail(BA_NOMEM,
                      "memory: the limit on the address space leaves no room for the "
                      "buffers of the linear algebra, %d MiB for each of %d threads",
                      BLAS_BUFFER >> 20, n_threads);
}

void
ba_gemm_f64(double alpha, ba_op_t op_a, ba_cdmat_t a, ba_op_t op_b, ba_cdmat_t b,
    double beta, ba_dmat_t c)
{
    size_t inner = op_a == BA_TRANSPOSE ? a.n_rows : a.n_cols;

    if (c.n_rows == 0 || c.n_cols == 0) {
        return;
    }
    cblas_dgemm(CblasColMajor, transpose(op_a), transpose(op_b), blas_int(c.n_rows),
        blas_int(c.n_cols), blas_int(inner), alpha, a.data, blas_int(a.ld), b.data,
        blas_int(b.ld), beta, c.data, blas_int(c.ld));
}

void
ba_gemm_f32(float alpha, ba_op_t op_a, ba_cmat_t a, ba_op_t op_b, ba_cmat_t b, float beta,
    ba_mat_t c)
{
    size_t inner = op_a == BA_TRANSPOSE ? a.n_rows : a.n_cols;

    if (c.n_rows == 0 || c.n_cols == 0) {
        return;
    }
    cblas_sgemm(CblasColMajor, transpose(op_a), transpose(op_b), blas_int(c.n_rows),
        blas_int(c.n_cols), blas_int(inner), alpha, a.data, blas_int(a.ld), b.data,
        blas_int(b.ld), beta, c.data, blas_int(c.ld));
}

void
ba_syrk_f64(double alpha, ba_op_t op, ba_cdmat_t a, double beta, ba_dmat_t c)
{
    size_t inner = op == BA_TRANSPOSE ? a.n_rows : a.n_cols;

    if (c.n_rows > 0) {
        cblas_dsyrk(CblasColMajor, CblasLower, transpose(op), blas_int(c.n_rows),
            blas_int(inner), alpha, a.data, blas_int(a.ld), beta, c.data, blas_int(c.ld));
    }
}

void
ba_trmm_f64(ba_cdmat_t u, ba_dmat_t b)
{
    if (b.n_rows > 0 && b.n_cols > 0) {
        cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit,
            blas_int(b.n_rows), blas_int(b.n_cols), 1.0, u.data, blas_int(u.ld), b.data,
            blas_int(b.ld));
    }
}

void
ba_trmm_lower_f64(ba_side_t side, ba_op_t op, double times, ba_cdmat_t l, ba_dmat_t b)
{
    if (b.n_rows > 0 && b.n_cols > 0) {
        cblas_dtrmm(CblasColMajor, side == BA_LEFT ? CblasLeft : CblasRight, CblasLower,
            transpose(op), CblasNonUnit, blas_int(b.n_rows), blas_int(b.n_cols), times,
            l.data, blas_int(l.ld), b.data, blas_int(b.ld));
    }
}

void
ba_trmm_f32(ba_cmat_t u, ba_mat_t b)
{
    if (b.n_rows > 0 && b.n_cols > 0) {
        cblas_strmm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit,
            blas_int(b.n_rows), blas_int(b.n_cols), 1.0f, u.data, blas_int(u.ld), b.data,
            blas_int(b.ld));
    }
}

const char *
ba_version_blas_core(void)
{
    return openblas_get_corename();
}

/* Cores that OpenBLAS has AVX-512 kernels for. */
static int
core_uses_avx512(const char *core)
{
    static const char *const names[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(core, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int
core_uses_avx2(const char *core)
{
    return core_uses_avx512(core) || strcmp(core, "Haswell") == 0 ||
           strcmp(core, "Zen") == 0 || strcmp(core, "Excavator") == 0;
}

int
ba_version_blas_is_pinned(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    const char *core = ba_version_blas_core();

    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
        return !core_uses_avx512(core);
    }
    return __builtin_cpu_supports("avx2") && !core_uses_avx2(core);
#else
    return 0;
#endif
}
