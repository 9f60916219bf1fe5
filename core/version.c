/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/version.h"

#ifndef BA_BUILD_MODE
#define BA_BUILD_MODE "unknown"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown compiler"
#endif

const char *
ba_version(void)
{
    return BA_VERSION;
}

const char *
ba_version_build(void)
{
    return COMPILER ", " BA_BUILD_MODE;
}
