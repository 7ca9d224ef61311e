/* Reading and writing F.meta.json; what a command may overwrite is for
 * io/out/outfile_rule.h to decide. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/out/outfile.h"
#include "io/out/outfile_sidecar.h"
#include "io/file/text.h"

enum { PATH_SIZE = 4096, CHUNK = 1 << 18, MOST = 64 << 20 };
static const char ending[] = ".meta.json";

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

void reap_sidecar_path(const char *path, char *to, size_t size)
{
    const char *base = base_of(path), *dot = strrchr(base, '.');
    const size_t n = dot && dot > base ? (size_t)(dot - path) : strlen(path);

    snprintf(to, size, "%.*s%s", (int)n, path, ending);
}

/* A name of a file as a key of JSON, which has to be UTF-8. */
static const char *name_of(const char *path, char *buf, size_t size)
{
    const char *base = base_of(path);
    const struct reap_bytes b = { (const uint8_t *)base, strlen(base) };

    return reap_text_escape(buf, size, b);
}

int reap_sidecar_hash(int fd, char hex[65])
{
    unsigned char *chunk = reap_calloc(1, CHUNK), sum[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    bool good = chunk && h && EVP_DigestInit_ex(h, EVP_sha256(), NULL);
    ssize_t n = 0;

    errno = good ? 0 : ENOMEM;
    for (off_t at = 0; good && (n = pread(fd, chunk, CHUNK, at)) != 0; at += n)
        good = n > 0 && EVP_DigestUpdate(h, chunk, (size_t)n);
    good = good && EVP_DigestFinal_ex(h, sum, NULL);
    for (size_t i = 0; good && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(h);
    reap_free(chunk);
    return good ? 0 : -1;
}

/* ---- the object ---- */

/* NULL: it cannot be read, or is no object of ours. '*there': is a file. */
static json_t *load(const char *sidecar, bool *there)
{
    const int fd = open(sidecar, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *f = fd >= 0 ? fdopen(fd, "rb") : NULL;
    json_t *all = NULL;
    struct stat st;

    *there = fd >= 0 || errno != ENOENT;
    if (f && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size < MOST)
        all = json_loadf(f, 0, NULL);
    if (all && (!json_is_object(all) ||
                !(json_is_object(json_object_get(all, "files")) ||
                  json_object_get(all, "made_of")))) {
        json_decref(all);
        all = NULL;
    }
    if (f)
        fclose(f);
    else if (fd >= 0)
        close(fd);
    return all;
}

int reap_sidecar_read(json_t **out, const char *sidecar, struct reap_err *err)
{
    bool there;

    *out = load(sidecar, &there);
    if (!*out && there)
        return reap_fail(err, REAP_ECREATE,
                         "%s exists, and reap did not write it: what an output "
                         "is made of would be noted there; choose another name",
                         sidecar);
    if (!*out)
        *out = json_object();
    if (!json_is_object(json_object_get(*out, "files")))
        json_object_set_new(*out, "files", json_object());
    return *out ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");
}

int reap_sidecar_write(const json_t *all, const char *sidecar,
                       struct reap_err *err)
{
    char *text = json_dumps(all, JSON_INDENT(2));
    struct reap_outfile *f = NULL;
    int rc = text ? reap_outfile_open_own(&f, sidecar, err)
                  : reap_fail(err, REAP_ENOMEM, "no memory");

    if (!rc)
        rc = reap_outfile_write(f, text, strlen(text), err);
    if (!rc)
        rc = reap_outfile_write(f, "\n", 1, err);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    reap_outfile_abort(&f);
    free(text);
    return rc;
}

/* ---- asking ---- */

static bool lists(const char *sidecar, const char *path, char hash[2][65])
{
    char name[REAP_TEXT_ROOM(256)];
    bool there;
    json_t *all = load(sidecar, &there);
    json_t *one = json_object_get(json_object_get(all, "files"),
                                  name_of(path, name, sizeof(name)));
    const char *is = json_string_value(json_object_get(one, "sha256")),
               *was = json_string_value(json_object_get(one, "before"));

    snprintf(hash[0], 65, "%s", is ? is : "");
    snprintf(hash[1], 65, "%s", was ? was : "");
    json_decref(all);
    return is;
}

/* Is there one that lists the file? Names are tried from the longest. */
static bool find_lists(const char *sidecar, const char *path, char hash[2][65])
{
    char name[PATH_SIZE];
    size_t n = strlen(path);
    const char *base = base_of(path);

    if (sidecar && lists(sidecar, path, hash))
        return true;
    for (; n > (size_t)(base - path); n--) {
        if (path[n] && path[n] != '.')
            continue;
        if ((size_t)snprintf(name, sizeof(name), "%.*s%s", (int)n, path,
                             ending) < sizeof(name) &&
            lists(name, path, hash))
            return true;
    }
    return false;
}

enum reap_wrote reap_sidecar_ask(const char *sidecar, const char *path,
                                 char is[65])
{
    char hash[2][65];
    int fd;

    is[0] = '\0';
    if (!find_lists(sidecar, path, hash))
        return REAP_WROTE_NOT;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        if (reap_sidecar_hash(fd, is))
            is[0] = '\0';
        close(fd);
    }
    return *is && (!strcmp(is, hash[0]) || !strcmp(is, hash[1]))
               ? REAP_WROTE
               : REAP_WROTE_CHANGED;
}

int reap_sidecar_note(const char *sidecar, const char *path, const char *sha256,
                      uint64_t bytes, const struct reap_shape *shape,
                      const char *before, struct reap_err *err)
{
    char name[REAP_TEXT_ROOM(256)];
    json_t *all, *one;
    int rc = reap_sidecar_read(&all, sidecar, err);

    if (rc)
        return rc;
    one = json_pack("{ss,sI}", "sha256", sha256, "bytes", (json_int_t)bytes);
    if (shape->type[0]) {
        json_t *dims = json_array();

        for (size_t i = 0; i < shape->dims; i++)
            json_array_append_new(dims,
                                  json_integer((json_int_t)shape->dim[i]));
        json_object_set_new(one, "shape", dims);
        json_object_set_new(one, "type", json_string(shape->type));
    }
    if (before && strcmp(before, sha256) != 0)
        json_object_set_new(one, "before", json_string(before));
    json_object_set_new(json_object_get(all, "files"),
                        name_of(path, name, sizeof(name)), one);
    rc = reap_sidecar_write(all, sidecar, err);
    json_decref(all);
    return rc;
}

char *reap_shape_words(const struct reap_shape *s, char *buf, size_t size)
{
    size_t at = 0;

    buf[0] = '\0';
    for (size_t i = 0; s->type[0] && i < s->dims && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%llu", i ? " x " : "",
                               (unsigned long long)s->dim[i]);
    if (s->type[0] && at < size)
        snprintf(buf + at, size - at, " %s", s->type);
    return buf;
}
