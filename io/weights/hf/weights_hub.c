/*
 * hf:OWNER/NAME and timm:NAME to a folder: the cache of Hugging Face's own
 * programs first, then ours, then the hub. Source: file_download.py and
 * constants.py of huggingface_hub. Configs are fetched before the weights, so
 * that a folder with weights is whole.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/cache/cache.h"
#include "io/cache/fetch.h"
#include "io/weights/weights_impl.h"

enum { PATH = 3800, NAME = 200, NOT_FOUND = 404 };

static const char endpoint[] = "https://huggingface.co";

struct repo {
    char owner[NAME], name[NAME], rev[NAME];
    char dir[PATH]; /* in our own cache */
};

/* Letters, digits and "-_.", not a dot first or twice in a row. */
static bool word(const char *s)
{
    for (const char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
            return false;
    return *s && *s != '.' && !strstr(s, "..");
}

static int weights_hub_parse(const char *arg, struct repo *r,
                             struct reap_err *err)
{
    char text[NAME] = "";
    char *at, *slash, *name = text;
    const bool timm = !strncmp(arg, "timm:", 5);

    if (strlen(arg) < NAME)
        strcpy(text, strchr(arg, ':') + 1);
    at = strchr(text, '@');
    if (at)
        *at++ = '\0';
    slash = strchr(text, '/');
    if (!timm && slash) {
        *slash = '\0';
        name = slash + 1;
    }
    if (!*text || (!timm && !slash) || !word(name) ||
        !word(timm ? "timm" : text) || (at && !word(at)))
        return reap_fail(err, REAP_EINVAL,
                         "%.80s: hf:OWNER/NAME[@REVISION] or timm:NAME is "
                         "expected",
                         arg);
    snprintf(r->owner, sizeof(r->owner), "%s", timm ? "timm" : text);
    snprintf(r->name, sizeof(r->name), "%s", name);
    snprintf(r->rev, sizeof(r->rev), "%s", at ? at : "main");
    return REAP_OK;
}

static const char *set_to(const char *name)
{
    const char *s = getenv(name);

    return s && *s ? s : NULL;
}

/* The first line of a small file; false if there is none that is a word. */
static bool first_line(const char *path, char to[NAME])
{
    FILE *f = fopen(path, "rb");
    const bool read = f && fgets(to, NAME, f);

    if (f)
        fclose(f);
    if (read)
        to[strcspn(to, "\r\n")] = '\0';
    return read && word(to);
}

/* What transformers, timm or huggingface-cli fetched before. */
static bool in_their_cache(const struct repo *r, char *path, size_t size)
{
    static const struct {
        const char *env, *dir;
    } places[] = {
        { "HF_HUB_CACHE", "" },
        { "HF_HOME", "/hub" },
        { "XDG_CACHE_HOME", "/huggingface/hub" },
        { "HOME", "/.cache/huggingface/hub" },
    };
    char ref[2 * PATH], commit[NAME], file[PATH];

    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const char *root = set_to(places[i].env);

        if (!root)
            continue;
        snprintf(ref, sizeof(ref), "%.2000s%s/models--%s--%s/refs/%s", root,
                 places[i].dir, r->owner, r->name, r->rev);
        if (!first_line(ref, commit))
            snprintf(commit, sizeof(commit), "%s", r->rev);
        if (snprintf(path, size, "%.2000s%s/models--%s--%s/snapshots/%s", root,
                     places[i].dir, r->owner, r->name, commit) < (int)size &&
            !reap_weights_in_folder(path, file, sizeof(file), NULL))
            return true;
    }
    return false;
}

/* May a token be sent there? Not in the clear, but to this machine. */
static bool safe(const char *url)
{
    return !strncmp(url, "https://", 8) ||
           !strncmp(url, "http://127.0.0.1:", 17) ||
           !strncmp(url, "http://localhost:", 17);
}

/* One file of the repository; '*there' is false if it has none of that name. */
static int get(const struct repo *r, const char *name, const char *as,
               bool *there, struct reap_err *err)
{
    const char *root = set_to("HF_ENDPOINT");
    char url[2 * PATH], to[PATH + NAME];
    long status;
    int rc;

    snprintf(url, sizeof(url), "%.2000s/%s/%s/resolve/%s/%s",
             root ? root : endpoint, r->owner, r->name, r->rev, name);
    snprintf(to, sizeof(to), "%s/%s", r->dir, as);
    rc = reap_fetch_as(url, to, safe(url) ? set_to("HF_TOKEN") : NULL, &status,
                       err);
    *there = !rc;
    if (rc == REAP_ENOTFOUND && status == NOT_FOUND)
        return REAP_OK;
    if (rc == REAP_ENOTFOUND && (status == 401 || status == 403))
        return reap_fail(err, rc,
                         "%s/%s is not open to all, or not there (%ld): set "
                         "HF_TOKEN to a token that may read it",
                         r->owner, r->name, status);
    return rc;
}

/* All files that an index names; the index itself last. */
static int get_parts(const struct repo *r, const char *index,
                     struct reap_err *err)
{
    char part[PATH + NAME];
    const char *tensor;
    json_t *root, *map, *file;
    json_error_t why;
    bool there = true;
    int rc = REAP_OK;

    snprintf(part, sizeof(part), "%s/index.part", r->dir);
    root = json_load_file(part, 0, &why);
    map = json_object_get(root, "weight_map");
    if (!json_is_object(map))
        rc = reap_fail(err, REAP_EFORMAT, "%s: no weight_map in it", index);
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        char have[PATH + NAME];

        if (rc)
            break;
        if (!name || !word(name) || strlen(name) >= NAME) {
            rc = reap_fail(err, REAP_EFORMAT, "%s: a file's name is expected",
                           index);
            break;
        }
        snprintf(have, sizeof(have), "%s/%s", r->dir, name);
        if (access(have, F_OK))
            rc = get(r, name, name, &there, err);
        if (!rc && !there)
            rc = reap_fail(err, REAP_ENOTFOUND, "%s is not there", name);
    }
    json_decref(root);
    return rc ? rc : get(r, index, index, &there, err);
}

static int get_weights(const struct repo *r, struct reap_err *err)
{
    static const char *const single[] = { "model.safetensors",
                                          "pytorch_model.bin" };
    static const char *const several[] = { "model.safetensors.index.json",
                                           "pytorch_model.bin.index.json" };
    bool there;
    int rc;

    for (size_t i = 0; i < 2; i++) {
        rc = get(r, single[i], single[i], &there, err);
        if (rc || there)
            return rc;
        rc = get(r, several[i], "index.part", &there, err);
        if (rc || there)
            return rc ? rc : get_parts(r, several[i], err);
    }
    return reap_fail(err, REAP_ENOTFOUND,
                     "%s/%s at %s: no such repository, or neither "
                     "model.safetensors nor pytorch_model.bin is in it",
                     r->owner, r->name, r->rev);
}

static int weights_hub_fetch(const struct repo *r, struct reap_err *err)
{
    bool there;
    int rc = REAP_OK;

    if (set_to("HF_HUB_OFFLINE") && strcmp(set_to("HF_HUB_OFFLINE"), "0") != 0)
        rc = reap_fail(err, REAP_ENOTFOUND, "HF_HUB_OFFLINE is set");
    if (!rc)
        rc = reap_cache_make_dir(r->dir, err);
    if (!rc)
        rc = get(r, "config.json", "config.json", &there, err);
    if (!rc)
        rc = get(r, "preprocessor_config.json", "preprocessor_config.json",
                 &there, err);
    if (!rc)
        rc = get_weights(r, err);
    if (rc == REAP_ENOTFOUND && err) {
        const struct reap_err why = *err;

        rc = reap_fail(err, rc,
                       "%.200s; or put its model.safetensors, config.json and "
                       "preprocessor_config.json into %s",
                       why.msg, r->dir);
    }
    return rc;
}

int reap_weights_hub(const char *arg, char *path, size_t size,
                     struct reap_err *err)
{
    struct repo r;
    char file[PATH], place[3 * NAME + 20];
    int rc = weights_hub_parse(arg, &r, err);

    if (rc)
        return rc;
    if (in_their_cache(&r, path, size))
        return REAP_OK;
    snprintf(place, sizeof(place), "hub/%s--%s@%s", r.owner, r.name, r.rev);
    rc = reap_cache_path(r.dir, sizeof(r.dir), place, err);
    if (!rc && reap_weights_in_folder(r.dir, file, sizeof(file), NULL))
        rc = weights_hub_fetch(&r, err);
    if (!rc && snprintf(path, size, "%s", r.dir) >= (int)size)
        rc = reap_fail(err, REAP_EINVAL, "%s: the path is too long", r.dir);
    return rc;
}
