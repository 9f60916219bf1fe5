/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a long call needs from its caller: log, progress, cancel, threads, memory budget,
 * seed. */
#ifndef BRAINALIGN_CTX_H
#define BRAINALIGN_CTX_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BA_LOG_WARNING = 0, BA_LOG_INFO = 1, BA_LOG_DEBUG = 2 } ba_log_level_t;

/* Context of a call. Plain data: fill it after ba_ctx_default(), it owns nothing.
 * Callbacks may be NULL and are called from the thread that made the call, never from a
 * parallel region. */
typedef struct {
    int n_threads; /* threads for parallel loops; 0 = all cores */
    size_t memory; /* budget in bytes for buffers whose size is a choice; 0 = half of the
                      machine's */
    uint64_t seed; /* seed of everything random */
    const char *temp_dir; /* folder of unnamed temporary files; NULL = the system's */
    void *payload;        /* handed to the callbacks */
    void (*log)(ba_log_level_t level, const char *line, void *payload);
    void (*progress)(const char *stage, double done, double total, void *payload);
    int (*cancelled)(
        void *payload); /* non-zero asks the call to stop with BA_CANCELLED */
} ba_ctx_t;

/* All cores, half of the machine's memory, seed 0, no callbacks. */
BA_API ba_ctx_t ba_ctx_default(void);

/* Number of threads that a parallel loop under `ctx` uses (at least 1). NULL = default
 * context. */
BA_API int ba_ctx_threads(const ba_ctx_t *ctx);

/* Memory budget in bytes under `ctx`. */
BA_API size_t ba_ctx_memory(const ba_ctx_t *ctx);

/* Sends one line to the log callback, if there is one. */
BA_API void ba_ctx_log(const ba_ctx_t *ctx, ba_log_level_t level, const char *format, ...)
    BA_PRINTF(3, 4);

/* Reports progress of a stage, `done` of `total` in units of the stage's own. */
BA_API void ba_ctx_progress(
    const ba_ctx_t *ctx, const char *stage, double done, double total);

/* BA_OK, or BA_CANCELLED with its message once the caller asked to stop. */
BA_API int ba_ctx_check(const ba_ctx_t *ctx);

#ifdef __cplusplus
}
#endif

#endif
