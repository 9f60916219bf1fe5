/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing HDF5 files on disks that may be full. When a write fails inside HDF5, closing
 * the file may report success, fail for ever, or crash the process at its end. So files
 * are written through a driver of ours, which tells HDF5 that all went well, writes
 * nothing more, and tells us the error. */
#ifndef BA_IO_HDF5_DRIVER_H
#define BA_IO_HDF5_DRIVER_H

#include <hdf5.h>

/* A new registration of the driver, negative on failure. H5FDunregister() it after the
 * last file was closed: HDF5 looks at it until then, whatever its own count says. */
hid_t ba_hdf5_driver_register(void);

/* Makes H5Fcreate() with `fapl` use the driver; the file must exist, and is emptied.
 * *error receives the errno of the first thing that fails; it must live, and be looked
 * at, until the file is closed. Negative on failure. */
herr_t ba_hdf5_driver_use(hid_t driver, hid_t fapl, int *error);

#endif
