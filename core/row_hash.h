/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fingerprints of rows that can be put together from blocks of columns:
 *
 *   hash(row) = sum over columns j of mix(x_j) B^j  modulo 2^64,  B odd.
 *
 * The sums of two blocks add up to that of both, and numbering the columns from s on
 * multiplies the whole by B^s. For any cutting into tiles or shards the same. */
#ifndef BA_CORE_ROW_HASH_H
#define BA_CORE_ROW_HASH_H

#include <stddef.h>
#include <stdint.h>

#define BA_ROW_HASH_BASE UINT64_C(0xd1342543de82ef95)

/* B^column. */
static inline uint64_t
ba_row_hash_weight(size_t column)
{
    uint64_t weight = 1, power = BA_ROW_HASH_BASE;

    for (; column > 0; column >>= 1) {
        weight *= column & 1 ? power : 1;
        power *= power;
    }
    return weight;
}

/* What a number in a column of that weight adds to its row's fingerprint. Floats have
 * zeros in their low bits as doubles: the high half goes there first. */
static inline uint64_t
ba_row_hash_term(double number, uint64_t weight)
{
    union {
        double number;
        uint64_t bits;
    } value = {number};
    uint64_t mixed = (value.bits ^ (value.bits >> 32)) * UINT64_C(0x9e3779b97f4a7c15);

    return (mixed ^ (mixed >> 29)) * weight;
}

#endif
