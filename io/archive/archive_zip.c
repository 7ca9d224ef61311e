/* A zip with its directory, by libzip: each member on its own, so that what is
 * wrong with one says nothing of the next. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "engine/base/mem.h"
#include "io/archive/archive_impl.h"

enum { UNIX = 3, KIND = 0170000, LINK = 0120000, FOLDER = 0040000 };
enum { REGULAR = 0100000, TARGET_MAX = 4095 };

struct zip_file_of {
    zip_t *z;
    zip_int64_t at, n;
    uint64_t most, out;
    char *path; /* the member's, if its separators were changed */
    char link[TARGET_MAX + 1], why[REAP_ARCHIVE_WHY];
    bool bomb;
};

static const char *keep(struct zip_file_of *f, const char *why)
{
    snprintf(f->why, sizeof(f->why), "%s", why);
    return f->why;
}

static const char *zip_bytes(struct zip_file_of *f, uint8_t *to, size_t len)
{
    zip_file_t *in = zip_fopen_index(f->z, (zip_uint64_t)f->at, 0);
    const char *why = NULL;
    uint8_t beyond;
    size_t at = 0;

    if (!in)
        return keep(f, zip_strerror(f->z));
    while (at < len) {
        const zip_int64_t n = zip_fread(in, to + at, len - at);

        if (n <= 0) {
            why = keep(f, n ? zip_file_strerror(in) : "it ends early");
            break;
        }
        at += (size_t)n;
    }
    /* The checksum is compared at the end. */
    if (!why && zip_fread(in, &beyond, 1) != 0)
        why = keep(f, zip_error_code_zip(zip_file_get_error(in))
                          ? zip_file_strerror(in)
                          : "it is longer than its size");
    (void)zip_fclose(in);
    return why;
}

/* Made under Windows without a '/' in it: backslashes separate. */
static const char *separators(struct zip_file_of *f, const char *name,
                              unsigned system)
{
    reap_free(f->path);
    f->path = NULL;
    if (strchr(name, '/') || !strchr(name, '\\') ||
        (system != ZIP_OPSYS_DOS && system != ZIP_OPSYS_WINDOWS_NTFS &&
         system != ZIP_OPSYS_VFAT))
        return name;
    f->path = reap_strdup(name);
    for (char *p = f->path; p && (p = strchr(p, '\\'));)
        *p = '/';
    return f->path ? f->path : name;
}

static void zip_kind(struct zip_file_of *f, struct reap_member *m)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    const size_t n = strlen(m->path);
    unsigned kind;

    (void)zip_file_get_external_attributes(f->z, (zip_uint64_t)f->at, 0,
                                           &system, &attributes);
    m->path = separators(f, m->path, system);
    kind = system == UNIX ? attributes >> 16 & KIND : 0;
    m->kind = REAP_MEMBER_FILE;
    if ((n && m->path[n - 1] == '/') || kind == FOLDER)
        m->kind = REAP_MEMBER_FOLDER;
    else if (kind == LINK)
        m->kind = REAP_MEMBER_SYMBOLIC_LINK;
    else if (kind && kind != REGULAR)
        m->kind = REAP_MEMBER_OTHER;
}

static bool zip_next(void *self, struct reap_member *m)
{
    struct zip_file_of *f = self;
    zip_stat_t st;

    if (f->bomb || ++f->at >= f->n)
        return false;
    m->path = zip_get_name(f->z, (zip_uint64_t)f->at, ZIP_FL_ENC_RAW);
    if (!m->path || zip_stat_index(f->z, (zip_uint64_t)f->at, 0, &st) ||
        !(st.valid & ZIP_STAT_SIZE)) {
        m->bad = m->path ? "its size is not known" : "its name cannot be read";
        m->path = m->path ? m->path : "";
        return true;
    }
    m->size = st.size;
    zip_kind(f, m);
    if (st.valid & ZIP_STAT_ENCRYPTION_METHOD &&
        st.encryption_method != ZIP_EM_NONE)
        m->bad = "it is encrypted";
    if (m->kind != REAP_MEMBER_SYMBOLIC_LINK || m->bad)
        return true;
    memset(f->link, 0, sizeof(f->link));
    m->link = f->link;
    if (st.size > TARGET_MAX)
        m->bad = "a link to too long a path";
    else
        m->bad = zip_bytes(f, (uint8_t *)f->link, (size_t)st.size);
    return true;
}

static const char *zip_read(void *self, uint8_t *to, size_t len)
{
    struct zip_file_of *f = self;

    if (len > f->most - f->out) {
        f->bomb = true;
        return reap_archive_bomb;
    }
    f->out += len;
    return zip_bytes(f, to, len);
}

static const char *zip_trouble(const void *self)
{
    const struct zip_file_of *f = self;

    return f->bomb ? reap_archive_bomb : NULL;
}

static void zip_done(void *self)
{
    struct zip_file_of *f = self;

    zip_discard(f->z);
    reap_free(f->path);
    reap_free(f);
}

const struct reap_archive_kind reap_archive_zip = { zip_next, zip_read,
                                                    zip_trouble, zip_done };

int reap_archive_zip_open(void **self, const char *path, uint64_t most,
                          struct reap_err *err)
{
    struct zip_file_of *f = reap_calloc(1, sizeof(*f));
    struct stat st;
    int code = 0;

    *self = f;
    if (!f)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
    f->at = -1;
    f->z = stat(path, &st) ? NULL : zip_open(path, ZIP_RDONLY, &code);
    if (!f->z) {
        zip_error_t why;

        reap_free(f);
        zip_error_init_with_code(&why, code);
        reap_fail(err, code == ZIP_ER_MEMORY ? REAP_ENOMEM : REAP_EFORMAT,
                  "%s: %s", path, zip_error_strerror(&why));
        zip_error_fini(&why);
        return code == ZIP_ER_MEMORY ? REAP_ENOMEM : REAP_EFORMAT;
    }
    f->n = zip_get_num_entries(f->z, 0);
    f->most = reap_archive_bound(most, (uint64_t)st.st_size);
    return REAP_OK;
}
