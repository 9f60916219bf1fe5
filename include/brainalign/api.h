/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every public header needs: the export mark and fixed-width types. */
#ifndef BRAINALIGN_API_H
#define BRAINALIGN_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define BA_API __attribute__((visibility("default")))
#define BA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define BA_MUST_USE __attribute__((warn_unused_result))
#else
#define BA_API
#define BA_PRINTF(fmt, first)
#define BA_MUST_USE
#endif

/* Bulk arithmetic of a run: float32 with float64 factorisations and score sums, or all
 * float64. */
typedef enum { BA_SINGLE = 0, BA_DOUBLE = 1 } ba_precision_t;

#endif
