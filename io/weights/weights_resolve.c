/* From what --weights says to a file on this machine: a path, a published name,
 * an address; caches of other programs are looked into before anything is
 * fetched (io/cache/fetch.c). What is in the file is weights.c's. */
#define _GNU_SOURCE
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/meant.h"
#include "engine/net/model.h"
#include "io/cache/cache.h"
#include "io/cache/fetch.h"
#include "io/weights/published.h"
#include "io/weights/weights_impl.h"

enum { PATH = 3800 };

/* A file that can be had from the web, and what it must be. */
struct wanted {
    char url[1024], file[256], hash[72]; /* hash "": not known */
};

static bool there(const char *path, const struct wanted *w)
{
    return !access(path, R_OK) &&
           (!*w->hash || reap_fetch_matches(path, w->hash));
}

/* What PyTorch or Keras fetched before serves us as well. */
static bool elsewhere(const struct wanted *w, char *path, size_t size)
{
    static const struct {
        const char *env, *dir;
    } places[] = {
        { "TORCH_HOME", "hub/checkpoints" },
        { "XDG_CACHE_HOME", "torch/hub/checkpoints" },
        { "HOME", ".cache/torch/hub/checkpoints" },
        { "KERAS_HOME", "models" },
        { "HOME", ".keras/models" },
    };

    for (size_t i = 0; *w->hash && i < sizeof(places) / sizeof(*places); i++) {
        const char *root = getenv(places[i].env);

        if (root && *root &&
            snprintf(path, size, "%s/%s/%s", root, places[i].dir, w->file) <
                (int)size &&
            there(path, w))
            return true;
    }
    return false;
}

static int weights_resolve_get(const struct wanted *w, char *path, size_t size,
                               struct reap_err *err)
{
    char dir[PATH];
    int rc = reap_cache_path(dir, sizeof(dir), "", err);

    if (rc)
        return rc;
    if (snprintf(path, size, "%s/%s", dir, w->file) >= (int)size)
        return reap_fail(err, REAP_EINVAL, "REAP_CACHE is too long");
    if (there(path, w))
        return REAP_OK;
    if (elsewhere(w, path, size))
        return REAP_OK;
    snprintf(path, size, "%s/%s", dir, w->file);
    rc = reap_cache_make_dir(dir, err);
    if (!rc)
        rc = reap_fetch(w->url, path, *w->hash ? w->hash : NULL, NULL, NULL,
                        err);
    if (rc == REAP_ENOTFOUND && err) {
        struct reap_err why = *err;

        rc = reap_fail(err, rc,
                       "%s; fetch it elsewhere and put it at %s, or name "
                       "another file with --weights",
                       why.msg, path);
    }
    return rc;
}

static int get_published(const struct reap_published *p, char *path,
                         size_t size, struct reap_err *err)
{
    struct wanted w;

    snprintf(w.url, sizeof(w.url), "%s%s", p->base, p->file);
    snprintf(w.file, sizeof(w.file), "%s", p->file);
    snprintf(w.hash, sizeof(w.hash), "%s", p->hash);
    return weights_resolve_get(&w, path, size, err);
}

/* "imagenet", or "imagenet-" and a variant. */
static int imagenet(const char *variant, const char *name, char *path,
                    size_t size, struct reap_err *err)
{
    const struct reap_model *m;
    const struct reap_published *p;

    if (!name)
        return reap_fail(err, REAP_EINVAL,
                         "imagenet: the weights of which network? Its name "
                         "says the same, such as torchvision/resnet50 in place "
                         "of imagenet; reap help models lists them");
    m = reap_model_find(name, err);
    if (!m)
        return REAP_EINVAL;
    variant += strspn(variant, "-");
    p = reap_published_find(m->name, variant);
    if (!p)
        return reap_fail(err, REAP_ENOTFOUND,
                         "no published weights 'imagenet%s%s' for %s",
                         *variant ? "-" : "", variant, m->name);
    return get_published(p, path, size, err);
}

/* Digits of a sha256 that the name itself bears: resnet50-0676ba61.pth. */
static void hash_in_name(struct wanted *w)
{
    const char *dash = strrchr(w->file, '-');
    size_t n = dash ? strspn(dash + 1, "0123456789abcdef") : 0;

    if (n >= 8 && n <= 64 && dash[1 + n] == '.')
        snprintf(w->hash, sizeof(w->hash), "%.*s", (int)n, dash + 1);
}

/* A URL's file in the cache is named by the URL's own hash and last part. */
static int from_url(const char *url, char *path, size_t size,
                    struct reap_err *err)
{
    static const char mark[] = "#sha256=";
    const char *hash = strstr(url, mark), *base;
    unsigned char sum[32];
    struct wanted w = { .hash = "" };
    size_t n = hash ? (size_t)(hash - url) : strcspn(url, "#");

    if (n >= sizeof(w.url))
        return reap_fail(err, REAP_EINVAL,
                         "the address of the weights is too "
                         "long");
    if (hash && (strlen(hash + 8) != 64 ||
                 strspn(hash + 8, "0123456789abcdefABCDEF") != 64))
        return reap_fail(err, REAP_EINVAL,
                         "#sha256= takes the 64 digits of the file's hash, as "
                         "sha256sum prints them");
    memcpy(w.url, url, n);
    w.url[n] = '\0';
    base = w.url + strcspn(w.url, "?"); /* a query may hold slashes */
    while (base[-1] != '/')
        base--;
    if (reap_published_file(base))
        return get_published(reap_published_file(base), path, size, err);
    if (!EVP_Digest(w.url, n, sum, NULL, EVP_sha256(), NULL))
        return reap_fail(err, REAP_ENOMEM, "sha256 failed");
    snprintf(w.file, sizeof(w.file), "%02x%02x%02x%02x-%.*s", sum[0], sum[1],
             sum[2], sum[3], (int)strcspn(base, "?"), base);
    hash_in_name(&w);
    if (hash)
        snprintf(w.hash, sizeof(w.hash), "%s", hash + 8);
    return weights_resolve_get(&w, path, size, err);
}

/* Neither a file nor a name: was a network's name mistyped? */
static int no_file(const char *arg, struct reap_err *err)
{
    struct reap_meant m;

    reap_meant_begin(&m, arg);
    for (size_t i = 0; reap_model_at(i) && !strchr(arg, '.'); i++)
        reap_meant_try(&m, reap_model_at(i)->name);
    if (m.best)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: there is no such file; did you mean %s, the "
                         "published weights?",
                         arg, m.best);
    return REAP_OK; /* whoever opens it says what is wrong */
}

int reap_weights_resolve(const char *arg, const char *model, char *path,
                         size_t size, struct reap_err *err)
{
    const struct reap_published *p = reap_published_file(arg);
    struct reap_err none;

    if (!strcmp(arg, "imagenet") || !strncmp(arg, "imagenet-", 9))
        return imagenet(arg + 8, model, path, size, err);
    if (!strncmp(arg, "https://", 8) || !strncmp(arg, "http://", 7))
        return from_url(arg, path, size, err);
    if ((!strncmp(arg, "hf:", 3) || !strncmp(arg, "timm:", 5)) &&
        access(arg, F_OK))
        return reap_weights_hub(arg, path, size, err);
    if (access(arg, F_OK) && p)
        return get_published(p, path, size, err);
    if (access(arg, F_OK) && reap_model_find(arg, &none))
        return imagenet("", arg, path, size, err);
    if (snprintf(path, size, "%s", arg) >= (int)size)
        return reap_fail(err, REAP_EINVAL, "%.60s...: the path is too long",
                         arg);
    return access(arg, F_OK) ? no_file(arg, err) : REAP_OK;
}
