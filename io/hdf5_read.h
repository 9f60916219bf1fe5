/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of a data set as doubles. */
#ifndef BA_IO_HDF5_READ_H
#define BA_IO_HDF5_READ_H

#include <stddef.h>

#include "io/hdf5_util.h"

/* H5Dread() of n numbers into `dst`, as HDF5 itself converts them, but float16, which it
 * converts bit by bit in about 60 ns each: that is done here. Negative on failure. */
herr_t ba_hdf5_read_doubles(
    hid_t dataset, hid_t in_memory, hid_t in_file, size_t n, double *dst);

#endif
