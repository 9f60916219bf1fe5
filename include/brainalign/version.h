/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Version of the library, of its build and of the numerical libraries under it. */
#ifndef BRAINALIGN_VERSION_H
#define BRAINALIGN_VERSION_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BA_VERSION_MAJOR 0
#define BA_VERSION_MINOR 1
#define BA_VERSION_PATCH 0
#define BA_VERSION "0.1.0"

/* "0.1.0": the version of the library that is linked. */
BA_API const char *ba_version(void);

/* Compiler and mode of the build, one line. */
BA_API const char *ba_version_build(void);

/* Core type that the linked BLAS runs its kernels for ("SkylakeX"). */
BA_API const char *ba_version_blas_core(void);

/* Non-zero when the BLAS core in use is below what this CPU can do (for instance pinned
 * by OPENBLAS_CORETYPE): the same numbers at half the speed or less. */
BA_API int ba_version_blas_is_pinned(void);

#ifdef __cplusplus
}
#endif

#endif
