/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Status codes and the one-line message of the last failure. */
#ifndef BRAINALIGN_ERROR_H
#define BRAINALIGN_ERROR_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* code, value, words. The command line's exit status: 1 failed, 2 usage, 3 bad input, 4
 * memory limit, 130 interrupted. */
#define BA_STATUS_LIST(X)                                                                \
    X(BA_OK, 0, "done")                                                                  \
    X(BA_NOMEM, -1, "out of memory")                                                     \
    X(BA_IO, -2, "cannot open, read or write")                                           \
    X(BA_FORMAT, -3, "the file is malformed")                                            \
    X(BA_SHAPE, -4, "inputs do not fit together")                                        \
    X(BA_VALUE, -5, "an option or argument has no valid value")                          \
    X(BA_NUMERIC, -6, "the data are degenerate")                                         \
    X(BA_TOO_LARGE, -7, "more memory than allowed would be needed")                      \
    X(BA_UNSUPPORTED, -8, "not supported")                                               \
    X(BA_CANCELLED, -9, "interrupted")                                                   \
    X(BA_MISSING, -10, "no such data set in the file")                                   \
    X(BA_EXISTS, -11, "the output exists")                                               \
    X(BA_NONFINITE, -12, "the data are not finite")

typedef enum {
#define BA_STATUS_ENUM(name, value, words) name = value,
    BA_STATUS_LIST(BA_STATUS_ENUM)
#undef BA_STATUS_ENUM
} ba_status_t;

/* The words of a status code, for instance "out of memory". Never NULL. */
BA_API const char *ba_status_words(int status);

/* The calling thread's last failure as one line, "what: found, wanted". Empty before the
 * first. */
BA_API const char *ba_error_message(void);

/* Stores the one-line message of a failure and returns `status`, so that `return
 * ba_fail(...)` is one line. A message that is already there is replaced: call it only
 * where the failure is detected. */
BA_API int ba_fail(int status, const char *format, ...) BA_PRINTF(2, 3);

/* Puts "prefix: " before the stored message (where, before what), and returns `status`.
 */
BA_API int ba_fail_within(int status, const char *format, ...) BA_PRINTF(2, 3);

/* Leaves the function through its `out:` label when a call fails; `status` must be in
 * scope. */
#define BA_TRY(call)                                                                     \
    do {                                                                                 \
        status = (call);                                                                 \
        if (status != BA_OK) {                                                           \
            goto out;                                                                    \
        }                                                                                \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
