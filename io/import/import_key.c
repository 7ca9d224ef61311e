/* Paths to keys, and items that bear them. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset_impl.h"
#include "io/file/limits.h"
#include "io/import/import_impl.h"

enum { KEPT = 440, DIGITS = 32 };

bool reap_import_is_image(const char *name)
{
    static const char *const ending[] = {
#define ENDING(name) name,
#include "io/import/endings.def"
#undef ENDING
    };
    const char *slash = strrchr(name, '/'), *dot;

    name = slash ? slash + 1 : name;
    dot = strrchr(name, '.');
    if (!dot || dot == name) /* of a hidden file's name: no ending */
        return false;
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        if (!strcasecmp(dot + 1, ending[i]))
            return true;
    return false;
}

bool reap_import_is_skipped(const char *name, bool folder)
{
    static const char *const folders[] = {
#define SKIPPED_FOLDER(name) name,
#include "io/import/names.def"
    };
    static const char *const files[] = {
#define SKIPPED_FILE(beginning) beginning,
#include "io/import/names.def"
    };

    if (folder && *name == '.' && strcmp(name, ".") && strcmp(name, ".."))
        return true;
    for (size_t i = 0; folder && i < sizeof(folders) / sizeof(folders[0]); i++)
        if (!strcmp(name, folders[i]))
            return true;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (!strncmp(name, files[i], strlen(files[i])))
            return true;
    return false;
}

bool reap_import_is_skipped_path(const char *path)
{
    char name[256];

    for (const char *p = path; *p;) {
        const size_t n = strcspn(p, "/");

        snprintf(name, sizeof(name), "%.*s", (int)(n < 255 ? n : 255), p);
        if (reap_import_is_skipped(name, p[n] == '/'))
            return true;
        p += n + (p[n] == '/');
    }
    return false;
}

/* What follows the last ".." of a path. */
static const char *after_parents(const char *path)
{
    for (const char *p = path; *p;) {
        const size_t n = strcspn(p, "/");
        const bool up = n == 2 && !memcmp(p, "..", 2);

        p += n + (p[n] == '/');
        if (up)
            path = p;
    }
    return path;
}

char *reap_import_path(const char *prefix, const char *path)
{
    const size_t n = strlen(prefix);
    char *out = reap_calloc(n + strlen(path) + 2, 1), *to = out;

    if (!out)
        return NULL;
    if (n) {
        memcpy(out, prefix, n);
        out[n] = '/';
        to = out + n + 1;
    }
    for (const char *p = after_parents(path); *p;) {
        const size_t len = strcspn(p, "/");

        if (len && !(len == 1 && *p == '.')) {
            if (to > out && to[-1] != '/')
                *to++ = '/';
            memcpy(to, p, len);
            to += len;
        }
        p += len;
        p += *p == '/';
    }
    return out;
}

char *reap_import_join(const char *dir, const char *name)
{
    const size_t m = strlen(name);
    size_t n = *name == '/' ? 0 : strlen(dir);
    char *out = reap_calloc(n + m + 3, 1);

    if (!out)
        return NULL;
    memcpy(out, dir, n);
    if (n && out[n - 1] != '/')
        out[n++] = '/';
    memcpy(out + n, name, m);
    return out;
}

size_t reap_import_key(const char *path, uint8_t *to)
{
    const struct reap_bytes whole = { (const uint8_t *)path, strlen(path) };
    uint8_t sha[SHA256_DIGEST_LENGTH];
    char hex[DIGITS + 1];

    if (reap_dataset_is_reserved(whole)) {
        memcpy(to, "./", 2);
        memcpy(to + 2, path, whole.len);
        return whole.len + 2;
    }
    if (whole.len <= REAP_KEY_MAX) {
        memcpy(to, path, whole.len);
        return whole.len;
    }
    SHA256(whole.data, whole.len, sha);
    for (size_t i = 0; i < DIGITS / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha[i]);
    memcpy(to, path, KEPT);
    to[KEPT] = '~';
    memcpy(to + KEPT + 1, hex, DIGITS);
    return KEPT + 1 + DIGITS;
}

struct reap_import_item *reap_import_item_new(const char *path, size_t len,
                                              uint8_t **value)
{
    uint8_t key[REAP_KEY_MAX];
    const size_t n_key = reap_import_key(path, key), n_path = strlen(path);
    const bool same = n_key == n_path && !memcmp(key, path, n_key);
    struct reap_import_item *item =
        reap_calloc(1, sizeof(*item) + n_key + (same ? 0 : n_path) + len);
    uint8_t *p;

    if (!item)
        return NULL;
    p = (uint8_t *)(item + 1);
    memcpy(p, key, n_key);
    item->key = (struct reap_bytes){ p, n_key };
    p += n_key;
    if (!same) {
        memcpy(p, path, n_path);
        item->path = (struct reap_bytes){ p, n_path };
        p += n_path;
    }
    item->value = (struct reap_bytes){ p, len };
    *value = p;
    return item;
}
