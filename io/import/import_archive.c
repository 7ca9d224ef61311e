/* The members of an archive, read in one go; labels of WebDataset, links. */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/archive/archive.h"
#include "io/archive/links.h"
#include "io/file/crc.h"
#include "io/file/limits.h"
#include "io/file/string_set.h"
#include "io/import/import_impl.h"

static const uint64_t len_max = (uint64_t)1 << 30, text_max = (uint64_t)1 << 24;

struct members {
    struct reap_import *im;
    const struct reap_import_job *job;
    struct reap_archive *a;
    struct reap_links *links;
    uint32_t number; /* of the archive in this run */
    int64_t mtime;
    char last[200]; /* the member before, to say where a nameless one was */
};

/* WebDataset's stem: the path up to the first '.' of its last name. */
static size_t stem_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return (size_t)(name - path) + strcspn(name, ".");
}

static bool import_archive_ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);

    return n > m && !strcasecmp(path + n - m, ending);
}

/* How people call a member. */
static void name_of(const struct members *m, const char *path, char *to,
                    size_t size)
{
    if (*path)
        snprintf(to, size, "%s: %s", m->job->path, path);
    else if (m->last[0])
        snprintf(to, size, "%s: a member after %s", m->job->path, m->last);
    else
        snprintf(to, size, "%s: its first member", m->job->path);
}

/* Seen, and not to be had. */
static void not_taken(struct members *m, const char *path, const char *why)
{
    char name[600];

    name_of(m, path, name, sizeof(name));
    reap_import_add(m->im, &m->im->sum.seen, 1);
    reap_import_not_taken(m->im, name, why);
}

static void count(struct members *m, uint64_t *counter)
{
    reap_import_add(m->im, &m->im->sum.seen, 1);
    reap_import_add(m->im, counter, 1);
}

static void pass(struct members *m, struct reap_import_item *item,
                 const char *path)
{
    item->source = m->job->source;
    item->archive = m->number;
    item->mtime = m->mtime;
    name_of(m, path, item->name, sizeof(item->name));
    (void)reap_import_pass(m->im, m->im->items, item,
                           item->value.len + sizeof(*item));
}

static bool no_memory(struct members *m)
{
    return reap_import_no_memory(m->im, m->job->path);
}

/* ---- labels ---- */

static const char *label_ending(const struct members *m)
{
    const char *form = m->im->args->label_file;

    return !form || !strcmp(form, "cls") ? ".cls"
           : !strcmp(form, "txt")        ? ".txt"
                                         : ".json";
}

/* The value at "a.b" of a JSON text, as text. NULL, or why there is none. */
static const char *json_label(const char *text, size_t len, const char *at,
                              char *to, size_t size)
{
    json_t *all = json_loadb(text, len, JSON_DECODE_ANY, NULL), *v = all;
    const char *why = all ? NULL : "its JSON cannot be read";
    char key[128];

    while (v && *at) {
        const size_t n = strcspn(at, ".");

        snprintf(key, sizeof(key), "%.*s", (int)n, at);
        v = json_object_get(v, key);
        at += n + (at[n] == '.');
    }
    *to = '\0';
    if (!why && !v)
        why = "its JSON has no such key";
    else if (json_is_string(v) && json_string_length(v) < size)
        snprintf(to, size, "%s", json_string_value(v));
    else if (json_is_integer(v))
        snprintf(to, size, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(to, size, "%.15g", json_real_value(v));
    else if (json_is_boolean(v))
        snprintf(to, size, "%s", json_is_true(v) ? "true" : "false");
    else if (!why && !json_is_null(v))
        why = json_is_string(v) ? "longer than 255 bytes"
                                : "its JSON has no text or number there";
    json_decref(all);
    return why;
}

/* The one line of a text, without blanks at its ends and a mark before it. */
static const char *line_label(const char *text, size_t len, char *to,
                              size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";

    if (memchr(text, '\0', len))
        return "it holds a zero byte: is it UTF-16?";
    text += strncmp(text, mark, 3) ? 0 : 3;
    text += strspn(text, " \t\r\n");
    len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (len >= size)
        return "longer than 255 bytes";
    if (memchr(text, '\n', len))
        return "it has more than one line";
    snprintf(to, size, "%.*s", (int)len, text);
    return NULL;
}

static void do_label(struct members *m, const char *path, uint64_t len)
{
    const char *form = m->im->args->label_file, *why = "larger than 16 MiB";
    char *whole = reap_import_path(m->job->key, path),
         *text = len <= text_max ? reap_calloc((size_t)len + 1, 1) : NULL;
    struct reap_import_item *item = NULL;
    char label[REAP_LABEL_MAX + 1], name[600];
    uint8_t *none;

    label[0] = '\0';
    if (text)
        why = reap_archive_read(m->a, (uint8_t *)text, (size_t)len);
    if (text && !why)
        why =
            form && !strncmp(form, "json:", 5)
                ? json_label(text, (size_t)len, form + 5, label, sizeof(label))
                : line_label(text, (size_t)len, label, sizeof(label));
    reap_free(text);
    name_of(m, path, name, sizeof(name));
    if (why)
        reap_import_label_lost(m->im, name, why);
    if (!why && *label && whole) {
        whole[stem_len(whole)] = '\0';
        item = reap_import_item_new(whole, 0, &none);
    }
    if (item) {
        item->kind = REAP_ITEM_LABEL;
        snprintf(item->label, sizeof(item->label), "%s", label);
        pass(m, item, path);
    } else if (!why && *label) {
        (void)no_memory(m);
    }
    reap_free(whole);
}

/* ---- images ---- */

/* The bytes of the member at hand, as the record of 'path'. */
static void do_image(struct members *m, const char *path, uint64_t len)
{
    char *whole = reap_import_path(m->job->key, path);
    struct reap_import_item *item;
    uint8_t key[REAP_KEY_MAX], *value;
    const char *why;
    bool known;

    if (!whole) {
        (void)no_memory(m);
        return;
    }
    if (!*whole || len > len_max) {
        not_taken(m, path, *whole ? "larger than 1 GiB" : "it has no name");
        reap_free(whole);
        return;
    }
    known = reap_import_writer_knows(
        m->im->writer, (struct reap_bytes){ key, reap_import_key(whole, key) },
        m->job->source, len, m->mtime);
    item = reap_import_item_new(whole, known ? 0 : (size_t)len, &value);
    reap_free(whole);
    if (!item) {
        (void)no_memory(m);
        return;
    }
    why = known ? NULL : reap_archive_read(m->a, value, (size_t)len);
    if (why) {
        not_taken(m, path, why);
        reap_free(item);
        return;
    }
    reap_import_add(m->im, &m->im->sum.seen, 1);
    item->kind = known ? REAP_ITEM_KNOWN : REAP_ITEM_FILE;
    item->size = len;
    item->crc = known ? 0 : reap_crc_32c(value, (size_t)len);
    pass(m, item, path);
}

static bool is_wanted(const struct members *m, const char *path)
{
    return m->im->args->all || reap_import_is_image(path);
}

static void keep_link(struct members *m, const struct reap_member *e)
{
    const bool hard = e->kind == REAP_MEMBER_HARD_LINK;
    char *path = reap_import_path("", e->path),
         *to = hard ? reap_import_path("", e->link) : reap_strdup(e->link);

    if (!path || !to || !reap_links_add(m->links, path, to, hard))
        (void)no_memory(m);
    reap_free(path);
    reap_free(to);
}

/* One member. */
static void do_member(struct members *m, const struct reap_member *e)
{
    const bool link = e->kind == REAP_MEMBER_HARD_LINK ||
                      e->kind == REAP_MEMBER_SYMBOLIC_LINK;
    const bool label = import_archive_ends_in(e->path, label_ending(m));

    if (e->kind == REAP_MEMBER_FOLDER && !e->bad)
        return;
    if (link && !e->bad)
        keep_link(m, e);
    if (reap_import_is_skipped_path(e->path))
        count(m, &m->im->sum.skipped);
    else if (e->bad && (label || is_wanted(m, e->path) || !*e->path))
        not_taken(m, e->path, e->bad);
    else if (link && is_wanted(m, e->path))
        return; /* when all of them are known */
    else if (e->kind == REAP_MEMBER_FILE && label)
        do_label(m, e->path, e->size);
    else if (!is_wanted(m, e->path))
        count(m, &m->im->sum.not_images);
    else if (e->kind != REAP_MEMBER_FILE)
        not_taken(m, e->path, "not a file");
    else
        do_image(m, e->path, e->size);
}

/* ---- links ---- */

/* Links to what is no record itself: which they are, by their target. */
struct others {
    struct reap_string_set *targets;
    size_t *target, n; /* of each link; SIZE_MAX: none of these */
};

/* A link to an image's record. */
static void pass_link(struct members *m, const char *path, const char *to)
{
    char *whole = reap_import_path(m->job->key, path),
         *target = reap_import_path(m->job->key, to);
    struct reap_import_item *item = NULL;
    uint8_t key[REAP_KEY_MAX], *value;
    const size_t n = target ? reap_import_key(target, key) : 0;

    if (whole && target)
        item = reap_import_item_new(whole, n, &value);
    if (item) {
        memcpy(value, key, n);
        item->target = item->value;
        item->value = (struct reap_bytes){ 0 };
        item->kind = REAP_ITEM_LINK;
        reap_import_add(m->im, &m->im->sum.seen, 1);
        pass(m, item, path);
    } else {
        (void)no_memory(m);
    }
    reap_free(whole);
    reap_free(target);
}

static void sort_links(struct members *m, struct others *o)
{
    for (size_t i = 0; i < o->n && !reap_import_stopped(m->im); i++) {
        const char *path = reap_links_path(m->links, i), *why;
        char *to;
        uint32_t number;

        o->target[i] = SIZE_MAX;
        if (!is_wanted(m, path) || reap_import_is_skipped_path(path))
            continue;
        to = reap_links_resolve(m->links, i, &why);
        if (!to)
            not_taken(m, path, why);
        else if (is_wanted(m, to) && !reap_import_is_skipped_path(to))
            pass_link(m, path, to);
        else if (reap_string_set_add(o->targets, to, &number, NULL))
            (void)no_memory(m);
        else
            o->target[i] = number;
        reap_free(to);
    }
}

static bool open_archive(struct members *m)
{
    struct reap_err err;
    const size_t n = strlen(m->job->path);
    const char *why = err.msg;
    int rc =
        reap_archive_open(&m->a, m->job->path, m->im->args->max_archive, &err);

    if (!rc)
        return true;
    if (!strncmp(why, m->job->path, n))
        why += n + strspn(why + n, ": ");
    reap_import_add(m->im, &m->im->sum.seen, 1);
    reap_import_not_taken(m->im, m->job->path, why);
    return false;
}

/* A record of link 'path' with the bytes of the member it leads to. */
static void pass_copy(struct members *m, const char *path, const uint8_t *bytes,
                      size_t len)
{
    char *whole = reap_import_path(m->job->key, path);
    uint8_t *value;
    struct reap_import_item *item =
        whole ? reap_import_item_new(whole, len, &value) : NULL;

    reap_free(whole);
    if (!item) {
        (void)no_memory(m);
        return;
    }
    if (len)
        memcpy(value, bytes, len);
    reap_import_add(m->im, &m->im->sum.seen, 1);
    item->size = len;
    item->crc = reap_crc_32c(value, len);
    pass(m, item, path);
}

/* A member that links lead to: its bytes for each of them. */
static void read_other(struct members *m, struct others *o, size_t target,
                       uint64_t len)
{
    uint8_t *bytes = len <= len_max ? reap_calloc((size_t)len + 1, 1) : NULL;
    const char *why = !bytes ? "larger than 1 GiB"
                             : reap_archive_read(m->a, bytes, (size_t)len);

    for (size_t i = 0; i < o->n; i++) {
        if (o->target[i] != target)
            continue;
        o->target[i] = SIZE_MAX;
        if (why)
            not_taken(m, reap_links_path(m->links, i), why);
        else
            pass_copy(m, reap_links_path(m->links, i), bytes, (size_t)len);
    }
    reap_free(bytes);
}

/* The archive once more. */
static void read_others(struct members *m, struct others *o)
{
    struct reap_member e;

    while (!reap_import_stopped(m->im) && reap_archive_next(m->a, &e)) {
        char *path = reap_import_path("", e.path);
        const uint32_t t = path && e.kind == REAP_MEMBER_FILE && !e.bad
                               ? reap_string_set_find(o->targets, path)
                               : UINT32_MAX;

        reap_free(path);
        if (t != UINT32_MAX)
            read_other(m, o, t, e.size);
    }
}

static void do_links(struct members *m)
{
    struct others o = { .n = reap_links_count(m->links) };

    o.target = reap_calloc(o.n + 1, sizeof(*o.target));
    if (!o.target || reap_string_set_new(&o.targets, NULL)) {
        reap_free(o.target);
        (void)no_memory(m);
        return;
    }
    sort_links(m, &o);
    if (reap_string_set_count(o.targets)) {
        reap_archive_close(&m->a);
        if (open_archive(m))
            read_others(m, &o);
    }
    for (size_t i = 0; i < o.n && !reap_import_stopped(m->im); i++)
        if (o.target[i] != SIZE_MAX)
            not_taken(m, reap_links_path(m->links, i),
                      "a link to what is not in the archive");
    reap_string_set_free(&o.targets);
    reap_free(o.target);
}

/* ---- the whole ---- */

/* False: it was not read to a good end. */
static bool read_members(struct members *m)
{
    struct reap_member e;
    const char *trouble;

    while (!reap_import_stopped(m->im) && reap_archive_next(m->a, &e)) {
        do_member(m, &e);
        if (*e.path && !e.bad)
            snprintf(m->last, sizeof(m->last), "%s", e.path);
    }
    if (reap_import_stopped(m->im))
        return false;
    trouble = reap_archive_trouble(m->a);
    if (!trouble)
        return true;
    reap_import_add(m->im, &m->im->sum.seen, 1);
    reap_import_not_taken(m->im, m->job->path, trouble);
    return false;
}

void reap_import_archive(struct reap_import *im,
                         const struct reap_import_job *job)
{
    struct members m = { .im = im, .job = job };
    struct reap_import_item *end;
    struct stat st;
    uint8_t *none;

    pthread_mutex_lock(&im->mutex);
    m.number = ++im->archives;
    pthread_mutex_unlock(&im->mutex);
    m.links = reap_links_new();
    if (!m.links)
        (void)no_memory(&m);
    /* A member's own time says little; the archive's changes with each. */
    if (!stat(job->path, &st))
        m.mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (m.links && open_archive(&m)) {
        const bool whole = read_members(&m);

        if (reap_links_count(m.links) && !reap_import_stopped(im))
            do_links(&m);
        end = reap_import_item_new(job->key, 0, &none);
        if (end) {
            end->kind = REAP_ITEM_END;
            end->says = whole ? REAP_SAYS_NONE : REAP_SAYS_NOTHING;
            pass(&m, end, "");
        } else {
            (void)no_memory(&m);
        }
    }
    reap_archive_close(&m.a);
    reap_links_free(&m.links);
}
