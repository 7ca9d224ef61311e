/*
 * Weights in several files with an index, {"weight_map": {"name": "file"}}.
 * Source: utils/hub.py of transformers. Each file is read by the reader of its
 * own format; the index decides which of them has a tensor.
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/string_set.h"
#include "io/weights/weights_impl.h"

enum { FILES = 256, PATH = 4096 };

struct shards {
    size_t n;
    struct reap_weights_in *part[FILES];
};

static void close_shards(void *own)
{
    struct shards *s = own;

    for (size_t i = 0; i < s->n; i++) {
        struct reap_weights *w = s->part[i] ? s->part[i]->out : NULL;

        reap_weights_in_free(&s->part[i]);
        if (w)
            reap_weights_free(&w);
    }
    reap_free(s);
}

static int weights_sharded_load(struct reap_weights_in *in, struct reap_raw *r,
                                struct reap_err *err)
{
    (void)in;
    return r->of->load ? r->of->load(r->of, r, err) : REAP_OK;
}

/* The hash of the hashes: of all before, and of this file. */
static int weights_sharded_hash(char hex[65], const char part[65],
                                struct reap_err *err)
{
    unsigned char sum[32];
    char both[130];

    snprintf(both, sizeof(both), "%s%s", hex, part);
    if (!EVP_Digest(both, strlen(both), sum, NULL, EVP_sha256(), NULL))
        return reap_fail(err, REAP_ENOMEM, "sha256 failed");
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return REAP_OK;
}

/* A name in the same folder, and nothing else. */
static bool plain(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/') &&
           strlen(name) < 256;
}

static int open_parts(struct reap_weights_in *in, struct shards *s,
                      const struct reap_string_set *files, struct reap_err *err)
{
    const size_t n = reap_string_set_count(files);
    char path[PATH];
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < n; i++) {
        const char *name = reap_string_set_text(files, i);

        if (snprintf(path, sizeof(path), "%s/%s", in->dir, name) >= PATH)
            return reap_fail(err, REAP_EFORMAT, "%s: the path is too long",
                             name);
        rc = reap_weights_part(&s->part[i], path, err);
        s->n = i + 1;
        if (!rc)
            rc = weights_sharded_hash(in->out->sha256, s->part[i]->out->sha256,
                                      err);
        if (!rc)
            in->holds += s->part[i]->holds;
    }
    return rc;
}

static struct reap_raw *weights_sharded_find(struct reap_weights_in *part,
                                             const char *name)
{
    for (size_t i = 0; i < part->n; i++)
        if (!strcmp(part->raw[i].name, name))
            return &part->raw[i];
    return NULL;
}

static int weights_sharded_move(struct reap_weights_in *in,
                                struct reap_weights_in *part, const char *name,
                                const char *file, struct reap_err *err)
{
    struct reap_raw *from = weights_sharded_find(part, name), *to;
    char *own;
    int rc;

    if (!from)
        return reap_fail(err, REAP_EFORMAT,
                         "the index says that %s is in %s, which does not have "
                         "it",
                         name, file);
    rc = reap_weights_list(in, name, from->dtype, from->rank, from->dim,
                           from->data, &to, err);
    if (rc)
        return rc;
    own = to->name;
    *to = *from;
    to->name = own;
    to->of = part;
    from->why = NULL; /* moved */
    return REAP_OK;
}

/* The files that the map names, each once. */
static int list_files(const json_t *map, struct reap_string_set *files,
                      struct reap_err *err)
{
    const char *name;
    const json_t *file;
    uint32_t number;
    int rc = REAP_OK;

    json_object_foreach((json_t *)(uintptr_t)map, name, file)
    {
        if (!plain(json_string_value(file)))
            return reap_fail(err, REAP_EFORMAT,
                             "the index: %.100s: the name of a file beside it "
                             "is expected",
                             name);
        rc = reap_string_set_add(files, json_string_value(file), &number, err);
        if (!rc && number >= FILES)
            rc = reap_fail(err, REAP_EFORMAT, "the index names over %d files",
                           FILES);
        if (rc)
            break;
    }
    return rc;
}

static int follow_map(struct reap_weights_in *in, const json_t *map,
                      struct shards *s, struct reap_string_set *files,
                      struct reap_err *err)
{
    const char *name;
    const json_t *file;
    int rc = list_files(map, files, err);

    if (!rc)
        rc = open_parts(in, s, files, err);
    json_object_foreach((json_t *)(uintptr_t)map, name, file)
    {
        const char *in_file = json_string_value(file);

        if (rc)
            break;
        rc = weights_sharded_move(in,
                                  s->part[reap_string_set_find(files, in_file)],
                                  name, in_file, err);
    }
    return rc;
}

int reap_weights_sharded(struct reap_weights_in *in, struct reap_err *err)
{
    struct shards *s = reap_calloc(1, sizeof(*s));
    struct reap_string_set *files = NULL;
    json_error_t why;
    json_t *root, *map;
    int rc;

    strcpy(in->out->format, "sharded");
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    in->own = s;
    in->close = close_shards;
    in->load = weights_sharded_load;
    root = json_loadb((const char *)in->file.data, in->file.len,
                      JSON_REJECT_DUPLICATES, &why);
    map = json_object_get(root, "weight_map");
    if (!json_is_object(map))
        rc = reap_fail(err, REAP_EFORMAT,
                       "an index of weights: an object weight_map is expected");
    else if (!in->dir)
        rc = reap_fail(err, REAP_EFORMAT,
                       "an index of weights, whose files are not here");
    else
        rc = reap_string_set_new(&files, err);
    if (!rc)
        rc = follow_map(in, map, s, files, err);
    reap_string_set_free(&files);
    json_decref(root);
    return rc;
}
