/* libhdf5 over bytes in memory, kept to what weights need: hard links, text
 * attributes, contiguous floats. It runs inside hdf5_child.c; what the groups
 * mean is for weights_h5.c and keras_layers.c. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/keras/h5.h"

enum { PATH = 1024, MAX_TEXTS = 100000 };

/* The image is read where it is: the library asks for copies of it and gets
 * the one there is. 'udata' is the struct reap_h5. */
static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *udata)
{
    const struct reap_h5 *h = udata;

    (void)op;
    return size <= h->image.len ? (void *)(uintptr_t)h->image.data : NULL;
}

static void *image_memcpy(void *to, const void *from, size_t size,
                          H5FD_file_image_op_t op, void *udata)
{
    (void)from;
    (void)size;
    (void)op;
    (void)udata;
    return to;
}

static void *image_realloc(void *p, size_t size, H5FD_file_image_op_t op,
                           void *udata)
{
    (void)p;
    (void)size;
    (void)op;
    (void)udata;
    return NULL; /* only writing would need it */
}

static herr_t image_free(void *p, H5FD_file_image_op_t op, void *udata)
{
    (void)p;
    (void)op;
    (void)udata;
    return 0;
}

static void *keep_udata(void *udata)
{
    return udata;
}

static herr_t drop_udata(void *udata)
{
    (void)udata;
    return 0;
}

static hid_t open_image(struct reap_h5 *h)
{
    H5FD_file_image_callbacks_t calls = {
        .image_malloc = image_malloc,
        .image_memcpy = image_memcpy,
        .image_realloc = image_realloc,
        .image_free = image_free,
        .udata_copy = keep_udata,
        .udata_free = drop_udata,
        .udata = h,
    };
    const hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = -1;

    if (how >= 0 && H5Pset_fapl_core(how, 1 << 16, 0) >= 0 &&
        H5Pset_fclose_degree(how, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_file_image_callbacks(how, &calls) >= 0 &&
        H5Pset_file_image(how, (void *)(uintptr_t)h->image.data,
                          h->image.len) >= 0)
        file = H5Fopen("weights", H5F_ACC_RDONLY, how);
    if (how >= 0)
        H5Pclose(how);
    return file;
}

static void close_h5(void *own)
{
    struct reap_h5 *h = own;

    if (h->file >= 0)
        H5Fclose(h->file);
    reap_free(h->numbers);
    reap_free(h->owned);
    reap_free(h);
}

static bool is_bfloat16(hid_t set, hid_t type)
{
    char **text = NULL;
    size_t n = 0;
    bool is;

    if (H5Tget_class(type) != H5T_OPAQUE || H5Tget_size(type) != 2)
        return false;
    is = !reap_h5_texts(set, "dtype", &text, &n, NULL) && n == 1 &&
         !strcmp(text[0], "bfloat16");
    reap_h5_texts_free(text, n);
    return is;
}

static bool is_half(hid_t type)
{
    size_t sign, exp, exp_size, frac, frac_size;

    return H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == 2 &&
           H5Tget_fields(type, &sign, &exp, &exp_size, &frac, &frac_size) >=
               0 &&
           sign == 15 && exp == 10 && exp_size == 5 && frac == 0 &&
           frac_size == 10 && H5Tget_ebias(type) == 15;
}

/* What the library shall give us, and whether it can: the bytes of a
 * bfloat16, doubles as they are, other floats as float32. */
static bool h5_kind_of(hid_t set, hid_t type, enum reap_dtype *dtype)
{
    if (H5Tequal(type, H5T_IEEE_F32LE) > 0 ||
        H5Tequal(type, H5T_IEEE_F32BE) > 0 || is_half(type))
        *dtype = REAP_F32;
    else if (H5Tequal(type, H5T_IEEE_F64LE) > 0 ||
             H5Tequal(type, H5T_IEEE_F64BE) > 0)
        *dtype = REAP_F64;
    else if (is_bfloat16(set, type))
        *dtype = REAP_BF16;
    else
        return false;
    return true;
}

static int h5_load(struct reap_weights_in *in, struct reap_raw *r,
                   struct reap_err *err)
{
    struct reap_h5 *h = in->own;
    const hid_t set = (hid_t)r->where, own = H5Dget_type(set);
    const hid_t as = r->dtype == REAP_F32   ? H5T_IEEE_F32LE
                     : r->dtype == REAP_F64 ? H5T_IEEE_F64LE
                                            : own;
    int rc = REAP_OK;

    reap_free(h->numbers);
    h->numbers = reap_aligned(r->count * reap_dtype_size(r->dtype) + 1);
    if (!h->numbers)
        rc = reap_fail(err, REAP_ENOMEM, "%s: no memory", r->name);
    else if (r->count &&
             H5Dread(set, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, h->numbers) < 0)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s: its numbers cannot be read (cut off?)", r->name);
    if (own >= 0)
        H5Tclose(own);
    r->data = h->numbers;
    return rc;
}

int reap_h5_open(struct reap_weights_in *in, struct reap_bytes image,
                 uint8_t *owned, struct reap_h5 **out, struct reap_err *err)
{
    struct reap_h5 *h = reap_calloc(1, sizeof(*h));

    *out = h;
    if (!h) {
        reap_free(owned);
        return reap_fail(err, REAP_ENOMEM, "no memory for an HDF5 file");
    }
    h->image = image;
    h->owned = owned;
    in->own = h;
    in->close = close_h5;
    in->load = h5_load;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    h->file = open_image(h);
    if (h->file < 0)
        return reap_fail(err, REAP_EFORMAT,
                         "the HDF5 file cannot be opened (cut off?)");
    return REAP_OK;
}

bool reap_h5_has(hid_t group, const char *name)
{
    return H5Lexists(group, name, H5P_DEFAULT) > 0;
}

/* One step: the member 'name', which must be linked plainly. */
static int h5_step(hid_t from, const char *name, hid_t *out,
                   struct reap_err *err)
{
    H5L_info_t link;

    *out = -1;
    if (H5Lget_info(from, name, &link, H5P_DEFAULT) < 0)
        return reap_fail(err, REAP_EFORMAT, "HDF5: there is no %s", name);
    if (link.type != H5L_TYPE_HARD)
        return reap_fail(err, REAP_EFORMAT,
                         "HDF5: %s is a soft or external link; links are not "
                         "followed",
                         name);
    *out = H5Oopen(from, name, H5P_DEFAULT);
    return *out < 0
               ? reap_fail(err, REAP_EFORMAT, "HDF5: %s cannot be opened", name)
               : REAP_OK;
}

int reap_h5_walk(hid_t from, const char *path, hid_t *out, struct reap_err *err)
{
    char copy[PATH], *save = NULL;
    hid_t at = from, next;
    int rc = REAP_OK;

    *out = -1;
    if (strlen(path) >= sizeof(copy))
        return reap_fail(err, REAP_EFORMAT, "HDF5: a path of %zu bytes",
                         strlen(path));
    strcpy(copy, path);
    for (char *name = strtok_r(copy, "/", &save); name && !rc;
         name = strtok_r(NULL, "/", &save)) {
        rc = h5_step(at, name, &next, err);
        if (at != from)
            H5Oclose(at);
        at = next;
    }
    if (!rc && at == from)
        rc = reap_fail(err, REAP_EFORMAT, "HDF5: an empty name");
    if (!rc)
        *out = at;
    return rc;
}

static int h5_append(char ***text, size_t *n, const char *from, size_t len,
                     struct reap_err *err)
{
    char **wide = reap_realloc(*text, (*n + 1) * sizeof(*wide));

    if (wide)
        *text = wide;
    if (wide && (wide[*n] = reap_calloc(1, len + 1))) {
        memcpy(wide[(*n)++], from, len);
        return REAP_OK;
    }
    return reap_fail(err, REAP_ENOMEM, "no memory for names");
}

/* Texts of a fixed size, one after the other, or pointers to texts. */
static int collect(hid_t attr, hid_t type, size_t count, size_t size,
                   char ***text, size_t *n, struct reap_err *err)
{
    const bool loose = H5Tis_variable_str(type) > 0;
    char *raw = reap_calloc(count + 1, size);
    hid_t space;
    int rc = REAP_OK;

    if (!raw)
        return reap_fail(err, REAP_ENOMEM, "no memory for names");
    if (H5Aread(attr, type, raw) < 0) {
        reap_free(raw);
        return reap_fail(err, REAP_EFORMAT,
                         "HDF5: an attribute cannot be read");
    }
    for (size_t i = 0; !rc && i < count; i++) {
        const char *s = raw + i * size;

        if (loose)
            memcpy(&s, raw + i * size, sizeof(s));
        rc = h5_append(text, n, s ? s : "",
                       !s      ? 0
                       : loose ? strlen(s)
                               : strnlen(s, size),
                       err);
    }
    space = H5Aget_space(attr);
    if (loose)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw);
    H5Sclose(space);
    reap_free(raw);
    return rc;
}

static int read_texts(hid_t object, const char *name, char ***text, size_t *n,
                      struct reap_err *err)
{
    const hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    const hid_t type = attr >= 0 ? H5Aget_type(attr) : -1;
    const hid_t space = attr >= 0 ? H5Aget_space(attr) : -1;
    const hssize_t count =
        space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    const size_t size = type >= 0 ? H5Tget_size(type) : 0;
    int rc;

    if (count == 0)
        rc = REAP_OK;
    else if (count < 0 || count > MAX_TEXTS || !size || size > 1 << 24 ||
             (size_t)count * size > 1 << 26 || H5Tget_class(type) != H5T_STRING)
        rc = reap_fail(err, REAP_EFORMAT,
                       "HDF5: attribute %s: texts are expected", name);
    else
        rc = collect(attr, type, (size_t)count, size, text, n, err);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attr >= 0)
        H5Aclose(attr);
    return rc;
}

int reap_h5_texts(hid_t object, const char *name, char ***text, size_t *n,
                  struct reap_err *err)
{
    char part[80];
    int rc = REAP_OK;

    *text = NULL;
    *n = 0;
    if (H5Aexists(object, name) > 0)
        rc = read_texts(object, name, text, n, err);
    else
        for (unsigned i = 0; !rc; i++) {
            snprintf(part, sizeof(part), "%s%u", name, i);
            if (H5Aexists(object, part) <= 0)
                break;
            rc = read_texts(object, part, text, n, err);
        }
    if (!rc)
        return REAP_OK;
    reap_h5_texts_free(*text, *n);
    *text = NULL;
    *n = 0;
    return rc;
}

void reap_h5_texts_free(char **text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        reap_free(text[i]);
    reap_free(text);
}

/* The numbers lie in this file, all of them and as they are. */
static bool h5_plain(const struct reap_h5 *h, hid_t set, size_t bytes)
{
    const hid_t how = H5Dget_create_plist(set);
    const H5D_layout_t layout =
        how >= 0 ? H5Pget_layout(how) : H5D_LAYOUT_ERROR;
    bool good = (layout == H5D_CONTIGUOUS || layout == H5D_COMPACT ||
                 layout == H5D_CHUNKED) &&
                H5Pget_nfilters(how) == 0 && H5Pget_external_count(how) == 0 &&
                H5Dget_storage_size(set) >= bytes;

    if (good && layout == H5D_CONTIGUOUS && bytes) {
        const haddr_t at = H5Dget_offset(set);

        good = at != HADDR_UNDEF && at <= h->image.len &&
               bytes <= h->image.len - at;
    }
    if (how >= 0)
        H5Pclose(how);
    return good;
}

static int shape_of(hid_t set, size_t *rank, size_t *dim)
{
    const hid_t space = H5Dget_space(set);
    hsize_t size[H5S_MAX_RANK];
    const int n = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    const bool good = n >= 0 && n <= REAP_PARAM_DIMS &&
                      H5Sget_simple_extent_type(space) != H5S_NULL &&
                      H5Sget_simple_extent_dims(space, size, NULL) == n;

    if (space >= 0)
        H5Sclose(space);
    for (int i = 0; good && i < n; i++)
        dim[i] = size[i];
    *rank = (size_t)n;
    return good ? 0 : -1;
}

static int h5_list(struct reap_weights_in *in, hid_t set, const char *name,
                   struct reap_err *err)
{
    const hid_t type = H5Dget_type(set);
    size_t dim[REAP_PARAM_DIMS], rank, size;
    enum reap_dtype dtype = REAP_F32;
    struct reap_raw *r = NULL;
    bool known;
    int rc;

    known = type >= 0 && h5_kind_of(set, type, &dtype);
    size = type >= 0 ? H5Tget_size(type) : 0;
    if (type >= 0)
        H5Tclose(type);
    if (!known)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: float32, half, bfloat16 or double is expected",
                         name);
    if (shape_of(set, &rank, dim))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: at most %d dimensions are expected", name,
                         REAP_PARAM_DIMS);
    rc = reap_weights_list(in, name, dtype, rank, dim, NULL, &r, err);
    if (rc)
        return rc;
    if (!h5_plain(in->own, set, r->count * size))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: %zu numbers inside the file, not compressed, are "
                         "expected",
                         name, r->count);
    r->where = (size_t)set;
    return REAP_OK;
}

int reap_h5_tensor(struct reap_weights_in *in, hid_t from, const char *path,
                   const char *name, struct reap_err *err)
{
    hid_t set;
    int rc = reap_h5_walk(from, path, &set, err);

    if (rc)
        return reap_wrap(err, rc, "%s", name);
    if (H5Iget_type(set) != H5I_DATASET) {
        H5Oclose(set);
        return reap_fail(err, REAP_EFORMAT, "%s: a dataset is expected", name);
    }
    return h5_list(in, set, name, err); /* closed with the file */
}
