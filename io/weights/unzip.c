/*
 * libzip over bytes in memory, kept to stored members whose checksum is right.
 */
#include <zip.h>

#include "engine/base/mem.h"
#include "io/weights/unzip.h"

struct reap_unzip {
    zip_t *zip;
    size_t len;
};

static int refuse(zip_error_t *e, struct reap_err *err)
{
    const int code = zip_error_code_zip(e);
    const int rc = code == ZIP_ER_MEMORY ? REAP_ENOMEM : REAP_EFORMAT;

    reap_fail(err, rc, "zip archive: %s (cut off?)", zip_error_strerror(e));
    zip_error_fini(e);
    return rc;
}

int reap_unzip_open(struct reap_unzip **out, struct reap_bytes bytes,
                    struct reap_err *err)
{
    struct reap_unzip *z = reap_calloc(1, sizeof(*z));
    zip_source_t *source;
    zip_error_t e;

    *out = NULL;
    if (!z)
        return reap_fail(err, REAP_ENOMEM, "no memory for a zip archive");
    zip_error_init(&e);
    z->len = bytes.len;
    source = zip_source_buffer_create(bytes.data, bytes.len, 0, &e);
    if (source)
        z->zip = zip_open_from_source(source, ZIP_RDONLY, &e);
    if (!z->zip) {
        if (source)
            zip_source_free(source);
        reap_free(z);
        return refuse(&e, err);
    }
    zip_error_fini(&e);
    *out = z;
    return REAP_OK;
}

const char *reap_unzip_name(const struct reap_unzip *z, size_t i)
{
    return zip_get_name(z->zip, i, ZIP_FL_ENC_RAW);
}

bool reap_unzip_has(const struct reap_unzip *z, const char *name)
{
    return zip_name_locate(z->zip, name, ZIP_FL_ENC_RAW) >= 0;
}

/* All of an open member; its CRC is compared when its end is read. */
static int unzip_read_all(zip_file_t *f, const char *name, uint8_t *to,
                          size_t len, struct reap_err *err)
{
    uint8_t more;

    if (zip_fread(f, to, len) != (zip_int64_t)len ||
        zip_fread(f, &more, 1) != 0)
        return reap_fail(err, REAP_EFORMAT,
                         "member %s of %zu bytes cannot be read: %s", name, len,
                         zip_file_strerror(f));
    return REAP_OK;
}

int reap_unzip_read(struct reap_unzip *z, const char *name, uint8_t **data,
                    size_t *len, struct reap_err *err)
{
    zip_file_t *f;
    zip_stat_t st;
    int rc;

    *data = NULL;
    if (zip_stat(z->zip, name, ZIP_FL_ENC_RAW, &st))
        return reap_fail(err, REAP_EFORMAT, "no member %s in the zip archive",
                         name);
    if (!(st.valid & ZIP_STAT_SIZE) || !(st.valid & ZIP_STAT_COMP_METHOD) ||
        st.comp_method != ZIP_CM_STORE || st.size > z->len)
        return reap_fail(err, REAP_EFORMAT,
                         "member %s of %llu bytes: stored, not compressed, and "
                         "smaller than the archive is expected",
                         name, (unsigned long long)st.size);
    *len = st.size;
    *data = reap_aligned(*len + 1);
    if (!*data)
        return reap_fail(err, REAP_ENOMEM, "member %s: no memory", name);
    f = zip_fopen_index(z->zip, st.index, 0);
    rc = f ? unzip_read_all(f, name, *data, *len, err)
           : reap_fail(err, REAP_EFORMAT, "member %s: %s", name,
                       zip_strerror(z->zip));
    if (f)
        zip_fclose(f);
    if (rc) {
        reap_free(*data);
        *data = NULL;
    }
    return rc;
}

void reap_unzip_close(struct reap_unzip **z)
{
    if (!*z)
        return;
    zip_discard((*z)->zip);
    reap_free(*z);
    *z = NULL;
}
