/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hot loops are compiled for several instruction sets and picked when the program loads,
 * because the build has no -march=native. Every loop marked so keeps eight partial sums
 * in a fixed order, and contraction to fused multiply-add is off, so that all versions
 * give the same bits. */
#ifndef BA_MODEL_CLONES_H
#define BA_MODEL_CLONES_H

/* clang 14 cannot clone static functions, and a resolver must not run before the address
 * sanitiser is up. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) &&                   \
    defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__)
#define BA_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BA_CLONES
#endif

/* Partial sums of a loop over samples: sample i goes to sum i modulo BA_LANES. */
#define BA_LANES 8

/* Adds the partial sums in one fixed order. */
static inline double
ba_lanes_sum(const double lanes[BA_LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

#endif
