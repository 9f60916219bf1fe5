/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All 65,536 halves, by their definition and as HDF5 converts them. */
#include "tests/testhdf5.h"

#include "io/half.h"
#include "io/hdf5_read.h"

enum { ALL = 65536 };

static double
by_definition(unsigned half)
{
    double sign = half >> 15 ? -1 : 1;
    int exponent = half >> 10 & 31;
    double fraction = half & 1023;

    if (exponent == 31) {
        return fraction > 0 ? (double) NAN : sign * (double) INFINITY;
    }
    return sign *
           (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

static void
every_half(void **state)
{
    (void) state;
    for (unsigned half = 0; half < ALL; half++) {
        double value = ba_half_to_double((uint16_t) half);

        assert_close(value, by_definition(half), 0);
        assert_int_equal(signbit(value) != 0, half >> 15);
    }
}

static hid_t
float_type(size_t sign, size_t exponent_size, size_t fraction_size, size_t bias)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);

    H5Tset_fields(type, sign, fraction_size, exponent_size, 0, fraction_size);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, bias);
    return type;
}

static void
put_bits(const char *name, hid_t type)
{
    hsize_t dims[1] = {ALL};
    hid_t space = H5Screate_simple(1, dims, NULL), memory = H5Tcopy(type);
    hid_t dataset =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    uint16_t *bits = malloc(ALL * sizeof *bits);

    for (size_t i = 0; i < ALL; i++) {
        bits[i] = (uint16_t) i;
    }
    H5Tset_order(memory, H5Tget_order(H5T_NATIVE_UINT16));
    assert_true(H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, bits) >= 0);
    free(bits);
    H5Dclose(dataset);
    H5Tclose(memory);
    H5Sclose(space);
}

/* Half in both byte orders, and bfloat16, which is something else. */
static void
as_hdf5_converts(void **state)
{
    static const char *const names[] = {"little", "big", "brain"};
    double *ours = malloc(ALL * sizeof *ours), *theirs = malloc(ALL * sizeof *theirs);
    hid_t half = float_type(15, 5, 10, 15), brain = float_type(15, 8, 7, 127);

    (void) state;
    put_bits("little", half);
    put_bits("brain", brain);
    H5Tset_order(half, H5T_ORDER_BE);
    put_bits("big", half);
    H5Tclose(half);
    H5Tclose(brain);
    for (size_t k = 0; k < 3; k++) {
        hid_t dataset = H5Dopen2(file, names[k], H5P_DEFAULT);
        hid_t space = H5Dget_space(dataset);

        assert_true(ba_hdf5_read_doubles(dataset, space, space, ALL, ours) >= 0);
        assert_true(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                        theirs) >= 0);
        assert_all_close(ours, theirs, ALL, 0);
        assert_close(ours[0x3f80], k == 2 ? 1 : by_definition(0x3f80), 0);
        H5Sclose(space);
        H5Dclose(dataset);
    }
    free(ours);
    free(theirs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_half),
        cmocka_unit_test_setup_teardown(as_hdf5_converts, make_file, remove_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
