/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/ctx.h"
#include "brainalign/error.h"

#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

ba_ctx_t
ba_ctx_default(void)
{
    return (ba_ctx_t){.n_threads = 0};
}

int
ba_ctx_threads(const ba_ctx_t *ctx)
{
    int n = ctx ? ctx->n_threads : 0;

    return n > 0 ? n : omp_get_num_procs();
}

size_t
ba_ctx_memory(const ba_ctx_t *ctx)
{
    long n_pages, page_size;

    if (ctx && ctx->memory > 0) {
        return ctx->memory;
    }
    n_pages = sysconf(_SC_PHYS_PAGES);
    page_size = sysconf(_SC_PAGESIZE);
    if (n_pages <= 0 || page_size <= 0) {
        return (size_t) 2 << 30;
    }
    return (size_t) n_pages * (size_t) page_size / 2;
}

void
ba_ctx_log(const ba_ctx_t *ctx, ba_log_level_t level, const char *format, ...)
{
    char line[1024];
    va_list args;

    if (!ctx || !ctx->log) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ctx->log(level, line, ctx->payload);
}

void
ba_ctx_progress(const ba_ctx_t *ctx, const char *stage, double done, double total)
{
    if (ctx && ctx->progress) {
        ctx->progress(stage, done, total, ctx->payload);
    }
}

int
ba_ctx_check(const ba_ctx_t *ctx)
{
    if (ctx && ctx->cancelled && ctx->cancelled(ctx->payload)) {
        return ba_fail(BA_CANCELLED, "interrupted: nothing was written");
    }
    return BA_OK;
}
