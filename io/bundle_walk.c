/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/bundle_walk.h"

#include "core/alloc.h"
#include "io/bundle_impl.h"

#include <string.h>

/* A walk over a file. */
typedef struct {
    const ba_bundle_t *bundle;
    ba_bundle_content_t *content;
    size_t array_room, attr_room;
    char *object; /* that its attributes are listed of */
    int status;
} walk_t;

static int
grow(void **block, size_t n, size_t *room, size_t size)
{
    void *grown;

    if (n < *room) {
        return BA_OK;
    }
    grown = ba_realloc(*block, *room ? 2 * *room : 32, size);
    if (!grown) {
        return BA_NOMEM;
    }
    *block = grown;
    *room = *room ? 2 * *room : 32;
    return BA_OK;
}

static int
number_type(hid_t type, ba_dtype_t *out)
{
    static const ba_dtype_t all[] = {BA_F32, BA_F64, BA_I32, BA_I64, BA_U8, BA_U64};
    hid_t native = H5Tget_native_type(type, H5T_DIR_ASCEND);
    int found = 0;

    for (size_t i = 0; i < sizeof all / sizeof *all && !found; i++) {
        found = H5Tequal(native, ba_hdf5_memory_type(all[i])) > 0;
        *out = all[i];
    }
    H5Tclose(native);
    return found;
}

static int
describe_type(const ba_bundle_t *bundle, hid_t dataset, ba_bundle_array_t *array)
{
    hid_t type = H5Dget_type(dataset);
    H5T_class_t type_class = H5Tget_class(type);
    int known = 0;

    array->size = H5Tget_size(type);
    array->is_string = type_class == H5T_STRING && H5Tis_variable_str(type) == 0;
    if (array->is_string) {
        known = array->rank == 1;
    } else if (type_class == H5T_INTEGER || type_class == H5T_FLOAT) {
        known = number_type(type, &array->type);
    }
    H5Tclose(type);
    return known ? BA_OK
                 : ba_fail(BA_FORMAT,
                       "%s:%s: elements of a type that result files have "
                       "not",
                       bundle->path, array->path);
}

static int
add_array(walk_t *walk, const char *path)
{
    int status = BA_OK;
    ba_bundle_content_t *content = walk->content;
    ba_bundle_array_t *array;
    void *block = content->arrays;
    hid_t dataset = H5I_INVALID_HID;

    BA_TRY(grow(&block, content->n_arrays, &walk->array_room, sizeof *array));
    content->arrays = block;
    array = &content->arrays[content->n_arrays];
    *array = (ba_bundle_array_t){0};
    BA_TRY_ALLOC(array->path, ba_strdup(path));
    content->n_arrays++;
    BA_TRY(ba_hdf5_open_dataset(
        walk->bundle->file, walk->bundle->path, path, H5P_DEFAULT, &dataset));
    BA_TRY(ba_hdf5_shape(
        dataset, walk->bundle->path, path, BA_MAX_RANK, &array->rank, array->dims));
    BA_TRY(describe_type(walk->bundle, dataset, array));
out:
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return status;
}

static int
pack_attr(hid_t handle, hid_t type, hid_t space, ba_bundle_attr_t *attr)
{
    int status = BA_OK;
    size_t n_values, n;
    hssize_t n_points = H5Sget_simple_extent_npoints(space);
    int rank = H5Sget_simple_extent_ndims(space);
    unsigned char *values;

    if (rank < 0 || rank > 1 || n_points < 0 ||
        H5Tencode(type, NULL, &attr->n_type) < 0) {
        return BA_FORMAT;
    }
    BA_TRY(ba_multiply((size_t) n_points, H5Tget_size(type), &n_values));
    n = rank == 0 ? SIZE_MAX : (size_t) n_points;
    attr->n_bytes = attr->n_type + sizeof n + n_values;
    BA_TRY_ALLOC(attr->bytes, ba_calloc(attr->n_bytes, 1));
    values = attr->bytes + attr->n_type + sizeof n;
    memcpy(values - sizeof n, &n, sizeof n);
    if (H5Tencode(type, attr->bytes, &attr->n_type) < 0 ||
        (n_points > 0 && H5Aread(handle, type, values) < 0)) {
        return BA_FORMAT;
    }
out:
    return status;
}

static int
fill_attr(const walk_t *walk, hid_t object, ba_bundle_attr_t *attr)
{
    hid_t handle = H5Aopen(object, attr->name, H5P_DEFAULT);
    hid_t type = H5Aget_type(handle), space = H5Aget_space(handle);
    int status = handle < 0 || type < 0 || space < 0 || H5Tis_variable_str(type) != 0
                     ? BA_FORMAT
                     : pack_attr(handle, type, space, attr);

    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(handle);
    if (status == BA_FORMAT) {
        H5Eclear2(H5E_DEFAULT);
        ba_fail(status, "%s:%s: cannot read attribute '%s'", walk->bundle->path,
            attr->object, attr->name);
    }
    return status;
}

static herr_t
add_attr(hid_t object, const char *name, const H5A_info_t *info, void *payload)
{
    walk_t *walk = payload;
    ba_bundle_content_t *content = walk->content;
    ba_bundle_attr_t *attr;
    void *block = content->attrs;
    int status;

    (void) info;
    BA_TRY(grow(&block, content->n_attrs, &walk->attr_room, sizeof *attr));
    content->attrs = block;
    attr = &content->attrs[content->n_attrs++];
    *attr = (ba_bundle_attr_t){0};
    BA_TRY_ALLOC(attr->object, ba_strdup(walk->object));
    BA_TRY_ALLOC(attr->name, ba_strdup(name));
    BA_TRY(fill_attr(walk, object, attr));
out:
    walk->status = status;
    return status == BA_OK ? 0 : -1;
}

static herr_t
visit(hid_t root, const char *name, const H5O_info_t *info, void *payload)
{
    walk_t *walk = payload;
    hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    hsize_t start = 0;
    int status = BA_OK;

    BA_TRY_ALLOC(walk->object, ba_asprintf("/%s", strcmp(name, ".") == 0 ? "" : name));
    if (info->type == H5O_TYPE_DATASET) {
        BA_TRY(add_array(walk, walk->object));
    }
    if (object < 0 ||
        H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &start, add_attr, walk) < 0) {
        status = walk->status != BA_OK
                     ? walk->status
                     : ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read its attributes",
                           walk->bundle->path, walk->object);
    }
out:
    if (object >= 0) {
        H5Oclose(object);
    }
    ba_free(walk->object);
    walk->object = NULL;
    walk->status = status;
    return status == BA_OK ? 0 : -1;
}

int
ba_bundle_content(const ba_bundle_t *bundle, ba_bundle_content_t *out)
{
    walk_t walk = {.bundle = bundle, .content = out, .status = BA_OK};

    *out = (ba_bundle_content_t){0};
    ba_hdf5_quiet();
    if (H5Ovisit(bundle->file, H5_INDEX_NAME, H5_ITER_INC, visit, &walk) < 0) {
        if (walk.status == BA_OK) {
            return ba_hdf5_fail(BA_FORMAT, "%s: cannot be listed", bundle->path);
        }
        H5Eclear2(H5E_DEFAULT);
    }
    return walk.status;
}

void
ba_bundle_content_free(ba_bundle_content_t *content)
{
    for (size_t i = 0; i < content->n_arrays; i++) {
        ba_free(content->arrays[i].path);
    }
    for (size_t i = 0; i < content->n_attrs; i++) {
        ba_free(content->attrs[i].object);
        ba_free(content->attrs[i].name);
        ba_free(content->attrs[i].bytes);
    }
    ba_free(content->arrays);
    ba_free(content->attrs);
    *content = (ba_bundle_content_t){0};
}

const ba_bundle_array_t *
ba_bundle_find_array(const ba_bundle_content_t *content, const char *path)
{
    for (size_t i = 0; i < content->n_arrays; i++) {
        if (strcmp(content->arrays[i].path, path) == 0) {
            return &content->arrays[i];
        }
    }
    return NULL;
}

int
ba_bundle_copy_attr(const ba_bundle_attr_t *attr, ba_bundle_t *to)
{
    const unsigned char *values = attr->bytes + attr->n_type + sizeof(size_t);
    hid_t type = H5Tdecode(attr->bytes);
    size_t n;
    int status;

    memcpy(&n, values - sizeof n, sizeof n);
    status = ba_bundle_put_attr(to, attr->object, attr->name, type, type, n, values);
    H5Tclose(type);
    return status;
}

static int
copy_strings(const ba_bundle_t *from, const char *path, ba_bundle_t *to)
{
    int status = BA_OK;
    char **strings = NULL;
    size_t n;

    BA_TRY(ba_bundle_read_strings(from, path, &n, &strings));
    BA_TRY(ba_bundle_write_strings(to, path, n, (const char *const *) strings));
out:
    ba_free(strings);
    return status;
}

int
ba_bundle_copy_array(
    const ba_bundle_t *from, const ba_bundle_array_t *array, ba_bundle_t *to)
{
    int status = BA_OK;
    void *numbers = NULL;
    size_t n = 1;

    if (array->is_string) {
        return copy_strings(from, array->path, to);
    }
    for (int i = 0; i < array->rank; i++) {
        BA_TRY(ba_multiply(n, array->dims[i], &n));
    }
    BA_TRY_ALLOC(numbers, ba_malloc(n, array->size));
    BA_TRY(ba_bundle_read(from, array->path, array->type, NULL, NULL, numbers));
    BA_TRY(
        ba_bundle_write(to, array->path, array->type, array->rank, array->dims, numbers));
out:
    ba_free(numbers);
    return status;
}
