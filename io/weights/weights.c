/*
 * From a file to named tensors: tell the format by its first bytes, refuse what
 * is not weights with advice, let a reader list the tensors, translate their
 * names. Numbers are converted later and on demand (weights_list.c); where the
 * file comes from is weights_resolve.c's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/cache/hash_memo.h"
#include "io/file/le.h"
#include "io/weights/published.h"
#include "io/weights/weights_impl.h"
#include "io/weights/weights_names.h"

/* The largest network here has 508 MB. More is refused before it is read. */
static const size_t max_file = (size_t)4 << 30;

static const size_t max_index = (size_t)64 << 20;

enum { PATH = 4096 };

static bool is_safetensors(struct reap_bytes f)
{
    return f.len > 8 && f.data[8] == '{' && reap_le_get64(f.data) <= 100000000;
}

static bool weights_starts(struct reap_bytes f, size_t at, const char *bytes,
                           size_t n)
{
    return f.len >= n && f.len - n >= at && !memcmp(f.data + at, bytes, n);
}

/* The signature may follow a user block of 512, 1024, ... bytes. */
static bool is_hdf5(struct reap_bytes f)
{
    if (weights_starts(f, 0, "\x89HDF\r\n\x1a\n", 8))
        return true;
    for (size_t at = 512; at < f.len; at *= 2)
        if (weights_starts(f, at, "\x89HDF\r\n\x1a\n", 8))
            return true;
    return false;
}

/* {"metadata": ..., "weight_map": ...}, as transformers writes it. */
static bool is_index(struct reap_bytes f)
{
    static const char key[] = "\"weight_map\"";

    return f.len && f.len <= max_index && f.data[0] == '{' &&
           memmem(f.data, f.len, key, sizeof(key) - 1);
}

static bool is_zip(struct reap_bytes f)
{
    return weights_starts(f, 0, "PK\3\4", 4);
}

/* The pickle of PyTorch's magic number. */
static bool is_pth_legacy(struct reap_bytes f)
{
    return weights_starts(
        f, 0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
}

/* Any other pickle of a protocol that writes its number first. */
static bool is_pickle(struct reap_bytes f)
{
    return f.len > 2 && f.data[0] == 0x80 && f.data[1] >= 2 && f.data[1] <= 5;
}

static const struct {
    bool (*is)(struct reap_bytes f);
    reap_weights_fn *list;
} formats[] = {
    { is_hdf5, reap_weights_h5 },
    { is_zip, reap_weights_zip },
    { is_pth_legacy, reap_weights_pth_legacy },
    { is_pickle, reap_weights_pickle },
    { is_safetensors, reap_weights_safetensors },
    { is_index, reap_weights_sharded },
};

/* What people take for weights, by its first bytes, and what to do. */
static const struct {
    const char *bytes;
    size_t n, at;
    const char *hint;
} strangers[] = {
    { "\x80", 1, 0,
      "a pickled object; save model.state_dict() with torch.save()" },
    { "ustar", 5, 257,
      "a tar archive (torch of 2016 saved so); load and save it again" },
    { "\x1f\x8b", 2, 0, "compressed by gzip; unpack it" },
    { "\x93NUMPY", 6, 0, "a numpy array; save as safetensors" },
    { "version https://git-lfs", 23, 0,
      "a pointer of git-lfs, not the file; run 'git lfs pull'" },
    { "<", 1, 0, "a web page; the download went wrong" },
    { "\xff\xd8\xff", 3, 0, "a JPEG image" },
    { "\x08\x03\x12", 3, 0, "perhaps ONNX; save the weights as safetensors" },
};

enum {
    N_FORMATS = sizeof(formats) / sizeof(*formats),
    N_STRANGERS = sizeof(strangers) / sizeof(*strangers),
};

static int not_weights(struct reap_bytes f, struct reap_err *err)
{
    for (size_t i = 0; i < N_STRANGERS; i++)
        if (weights_starts(f, strangers[i].at, strangers[i].bytes,
                           strangers[i].n))
            return reap_fail(
                err, REAP_EFORMAT,
                "not a weights file that reap reads: it looks like "
                "%s",
                strangers[i].hint);
    return reap_fail(err, REAP_EFORMAT,
                     "not a weights file that reap reads: safetensors, .pth, "
                     ".h5, .weights.h5 or .keras is expected");
}

static int weights_cannot_open(int why, struct reap_err *err)
{
    if (why == ENOENT || why == ENOTDIR)
        return reap_fail(err, REAP_ENOTFOUND, "there is no such file");
    if (why == EACCES || why == EPERM)
        return reap_fail(err, REAP_EACCESS, "no permission to read it");
    return reap_fail(err, REAP_EIO, "%s", strerror(why));
}

static int check_kind(const struct stat *st, struct reap_err *err)
{
    if (!S_ISREG(st->st_mode))
        return reap_fail(err, REAP_EFORMAT, "not a regular file");
    if (!st->st_size)
        return reap_fail(err, REAP_ENOTFOUND, "the file is empty");
    if ((size_t)st->st_size > max_file)
        return reap_fail(err, REAP_EFORMAT,
                         "%lld bytes; no ResNet has more than %zu",
                         (long long)st->st_size, max_file);
    return REAP_OK;
}

static int weights_read_all(int fd, uint8_t *to, size_t len,
                            struct reap_err *err)
{
    for (size_t at = 0; at < len;) {
        const ssize_t n = read(fd, to + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return reap_fail(err, REAP_EIO, "reading: %s", strerror(errno));
        if (!n)
            return reap_fail(err, REAP_EIO,
                             "ended at byte %zu of %zu while it was read", at,
                             len);
        at += (size_t)n;
    }
    return REAP_OK;
}

static int weights_hash(struct reap_bytes f, char hex[65], struct reap_err *err)
{
    unsigned char sum[32];

    if (!EVP_Digest(f.data, f.len, sum, NULL, EVP_sha256(), NULL))
        return reap_fail(err, REAP_ENOMEM, "sha256 failed");
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return REAP_OK;
}

static int weights_list(struct reap_weights_in *in, struct reap_err *err)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (formats[i].is(in->file))
            return formats[i].list(in, err);
    return not_weights(in->file, err);
}

/* Names as a whole file has them, where no network stands out. */
static int rename_all(struct reap_weights_in *in, struct reap_err *err)
{
    char **name = reap_calloc(in->n + 1, sizeof(*name));
    bool old_keras;
    int rc;

    if (!name)
        return reap_fail(err, REAP_ENOMEM, "no memory for names");
    for (size_t i = 0; i < in->n; i++)
        name[i] = in->raw[i].name;
    rc = reap_weights_names(name, in->n, &old_keras, err);
    for (size_t i = 0; i < in->n; i++)
        in->raw[i].name = name[i];
    reap_free(name);
    if (old_keras && !(in->epsilon > 0))
        in->epsilon = 1e-3;
    return rc;
}

/* Tensors that have no numbers for us are left out, if any is left. */
static int leave_closed(struct reap_weights_in *in, struct reap_err *err)
{
    const struct reap_raw *closed = NULL;
    size_t open = 0;

    for (size_t i = 0; i < in->n; i++) {
        struct reap_raw *r = &in->raw[i];

        open += !r->why;
        if (!r->why)
            continue;
        closed = closed ? closed : r;
        if (strstr(r->why, "code"))
            closed = r;
    }
    if (closed && (!open || strstr(closed->why, "code")))
        return reap_fail(err, REAP_EFORMAT, "%s: %s", closed->name,
                         closed->why);
    for (size_t i = 0; i < in->n; i++)
        if (in->raw[i].why)
            in->raw[i].name[0] = '\0';
    return REAP_OK;
}

/* Keras's names are paths; of all others a network is looked for. */
static bool is_keras(const struct reap_weights_in *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (strchr(in->raw[i].name, '/'))
            return true;
    return false;
}

static int settle_names(struct reap_weights_in *in, struct reap_err *err)
{
    bool found = false;
    int rc = is_keras(in) ? REAP_OK : reap_weights_choose(in, &found, err);

    if (rc || found)
        return rc;
    if (in->want)
        return reap_fail(err, REAP_EFORMAT,
                         "no network stands under '%s' in it: none of its %zu "
                         "tensors is a ResNet's first",
                         in->want, in->n);
    rc = leave_closed(in, err);
    return rc ? rc : rename_all(in, err);
}

/* A published file says nothing of its preprocessing; its authors do. */
static void recognise(struct reap_weights *w)
{
    const struct reap_published *p = reap_published_sha256(w->sha256);

    if (p && !*w->preset) {
        snprintf(w->preset, sizeof(w->preset), "%s", p->preset);
        strcpy(w->preset_from, "those who published the file");
    }
    if (p && !*w->model)
        snprintf(w->model, sizeof(w->model), "%s", p->model);
}

static int weights_parse(struct reap_weights_in *in, struct reap_err *err)
{
    int rc =
        in->fd < 0 ? weights_list(in, err) : reap_weights_safetensors(in, err);

    recognise(in->out);

    if (!rc && !in->n)
        rc = reap_fail(err, REAP_EFORMAT, "no tensors in it");
    if (!rc)
        rc = settle_names(in, err);
    return rc ? rc : reap_weights_settle(in, err);
}

/* A place for what is found, and a file to find it in. */
static int weights_begin(struct reap_weights_in **in, struct reap_err *err)
{
    *in = reap_calloc(1, sizeof(**in));
    if (!*in)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    (*in)->fd = -1;
    (*in)->out = reap_calloc(1, sizeof(*(*in)->out));
    return (*in)->out ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");
}

/* Hand over what was made from 'in'. */
static int weights_finish(struct reap_weights_in *in, struct reap_weights **out,
                          int rc)
{
    struct reap_weights *w = in ? in->out : NULL;

    if (rc) {
        reap_weights_in_free(&in);
        if (w)
            reap_weights_free(&w);
    }
    *out = w;
    return rc;
}

/* All numbers now, and the file is closed. */
static int fetch_all(struct reap_weights *w, struct reap_err *err)
{
    int rc = REAP_OK;

    for (size_t i = 0; i < reap_params_count(w->params) && !rc; i++)
        rc = reap_params_need(w->params, reap_params_at(w->params, i), err);
    reap_params_settled(w->params);
    return rc;
}

int reap_weights_parse(struct reap_weights **out, struct reap_bytes file,
                       struct reap_err *err)
{
    struct reap_weights_in *in = NULL;
    int rc = weights_begin(&in, err);

    if (!rc) {
        in->file = file;
        in->holds = file.len;
        rc = weights_hash(file, in->out->sha256, err);
    }
    if (!rc)
        rc = weights_parse(in, err);
    rc = weights_finish(in, out, rc);
    if (!rc)
        rc = fetch_all(*out, err);
    if (rc)
        reap_weights_free(out);
    return rc;
}

/*
 * Room for all of the file, of which the head is read: 8 bytes and as many as
 * they tell. A map would end the process if the file shrank.
 */
static int read_head(struct reap_weights_in *in, int fd, struct reap_err *err)
{
    int rc = in->file.len > 8 ? weights_read_all(fd, in->bytes, 8, err)
                              : REAP_EFORMAT;
    uint64_t n = rc ? 0 : reap_le_get64(in->bytes);

    if (rc == REAP_EFORMAT || (!rc && n > in->file.len - 8))
        return reap_fail(err, REAP_EFORMAT, "it changed while it was read");
    if (!rc)
        rc = weights_read_all(fd, in->bytes + 8, n, err);
    in->fd = rc ? -1 : dup(fd);
    if (!rc && in->fd < 0)
        rc = reap_fail(err, REAP_EIO, "%s", strerror(errno));
    return rc;
}

/* The file's bytes, or the head if its hash is known and that is enough. */
static int weights_read_file(struct reap_weights_in *in, int fd, bool lasting,
                             struct reap_err *err)
{
    char note[REAP_MEMO_NOTE];
    struct stat st;
    bool known;
    int rc;

    if (fstat(fd, &st))
        return reap_fail(err, REAP_EIO, "%s", strerror(errno));
    rc = check_kind(&st, err);
    if (rc)
        return rc;
    in->holds = in->file.len = (size_t)st.st_size;
    in->file.data = in->bytes = reap_aligned(in->file.len);
    if (!in->bytes)
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu bytes",
                         in->file.len);
    known = lasting && reap_hash_memo_find(&st, in->out->sha256, note);
    if (known && !strcmp(note, "safetensors"))
        rc = read_head(in, fd, err);
    else
        rc = weights_read_all(fd, in->bytes, in->file.len, err);
    if (!rc && !known)
        rc = weights_hash(in->file, in->out->sha256, err);
    if (!rc)
        rc = weights_parse(in, err);
    if (!rc && lasting && !known && strcmp(in->out->format, "sharded") != 0)
        reap_hash_memo_put(&st, in->out->sha256, in->out->format);
    return rc;
}

int reap_weights_part(struct reap_weights_in **out, const char *path,
                      struct reap_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct reap_weights_in *in = NULL;
    struct stat st;
    int rc = fd < 0 ? weights_cannot_open(errno, err) : weights_begin(&in, err);

    *out = in;
    if (!rc)
        rc = fstat(fd, &st) ? reap_fail(err, REAP_EIO, "%s", strerror(errno))
                            : check_kind(&st, err);
    if (!rc) {
        in->holds = in->file.len = (size_t)st.st_size;
        in->file.data = in->bytes = reap_aligned(in->file.len);
        rc = in->bytes ? weights_read_all(fd, in->bytes, in->file.len, err)
                       : reap_fail(err, REAP_ENOMEM, "no memory for %zu bytes",
                                   in->file.len);
    }
    if (!rc)
        rc = weights_hash(in->file, in->out->sha256, err);
    if (!rc && is_index(in->file))
        rc = reap_fail(err, REAP_EFORMAT, "an index inside an index");
    if (!rc)
        rc = weights_list(in, err);
    if (fd >= 0)
        close(fd);
    return rc ? reap_wrap(err, rc, "%s", strrchr(path, '/') + 1) : REAP_OK;
}

/* Where ":PREFIX" begins in "FILE:PREFIX"; NULL if 'path' is a file itself, or
 * nothing before a colon is one. */
static const char *find_prefix(const char *path)
{
    const char *colon = strrchr(path, ':');
    char file[PATH];

    if (!colon || !access(path, F_OK) || colon - path >= PATH)
        return NULL;
    snprintf(file, sizeof(file), "%.*s", (int)(colon - path), path);
    return access(file, F_OK) ? NULL : colon;
}

int reap_weights_split(const char *arg, char *path, size_t size,
                       const char **prefix, struct reap_err *err)
{
    const char *colon = find_prefix(arg);
    const size_t len = colon ? (size_t)(colon - arg) : strlen(arg);

    *prefix = colon ? colon + 1 : NULL;
    if (len >= size)
        return reap_fail(err, REAP_EINVAL, "%.60s...: the path is too long",
                         arg);
    memcpy(path, arg, len);
    path[len] = '\0';
    return REAP_OK;
}

/* The file that 'arg' means; a folder has one. */
static int find_file(const char *arg, char path[PATH], char dir[PATH],
                     const char **want, bool *folder, struct reap_err *err)
{
    const char *slash;
    struct stat st;
    int rc = reap_weights_split(arg, dir, PATH, want, err);

    if (rc)
        return rc;
    *folder = !stat(dir, &st) && S_ISDIR(st.st_mode);
    if (*folder)
        return reap_weights_in_folder(dir, path, PATH, err);
    strcpy(path, dir);
    slash = strrchr(dir, '/');
    if (slash)
        dir[slash - dir] = '\0';
    else
        strcpy(dir, ".");
    return REAP_OK;
}

static int open_file(struct reap_weights_in **in, const char *path,
                     const char *dir, const char *want, bool lasting,
                     struct reap_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? weights_cannot_open(errno, err) : weights_begin(in, err);

    if (!rc) {
        (*in)->want = want;
        (*in)->dir = dir;
        rc = weights_read_file(*in, fd, lasting, err);
        (*in)->want = (*in)->dir = NULL; /* the caller's */
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

int reap_weights_open(struct reap_weights **out, const char *arg, bool lasting,
                      struct reap_err *err)
{
    struct reap_weights_in *in = NULL;
    const char *want = NULL;
    char path[PATH], dir[PATH];
    bool folder = false;
    int rc = find_file(arg, path, dir, &want, &folder, err);

    *out = NULL;
    if (rc)
        return reap_wrap(err, rc, "%s", arg);
    rc = open_file(&in, path, dir, want, lasting, err);
    rc = weights_finish(in, out, rc);
    if (!rc)
        rc = reap_weights_beside(*out, path, folder, err);
    if (rc)
        reap_weights_free(out);
    return rc ? reap_wrap(err, rc, "%s", path) : REAP_OK;
}

int reap_weights_read(struct reap_weights **out, const char *path,
                      struct reap_err *err)
{
    int rc = reap_weights_open(out, path, false, err);

    if (!rc) {
        rc = fetch_all(*out, err);
        if (rc) {
            reap_weights_free(out);
            rc = reap_wrap(err, rc, "%s", path);
        }
    }
    return rc;
}

static struct reap_about *find_about(const struct reap_weights *w,
                                     const char *name)
{
    for (size_t i = 0; i < w->n_about; i++)
        if (!strcmp(w->about[i].name, name))
            return &w->about[i];
    return NULL;
}

const char *reap_weights_about(const struct reap_weights *w, const char *name)
{
    const struct reap_about *a = find_about(w, name);

    return a ? a->text : NULL;
}

int reap_weights_note(struct reap_weights *w, const char *name,
                      const char *text, struct reap_err *err)
{
    struct reap_about *a = find_about(w, name), *more;
    char *copy = reap_strdup(text), *key = a ? NULL : reap_strdup(name);

    if (!a && copy && key) {
        more = reap_realloc(w->about, (w->n_about + 1) * sizeof(*more));
        if (more) {
            w->about = more;
            a = &more[w->n_about++];
            *a = (struct reap_about){ .name = key };
            key = NULL;
        }
    }
    if (!a || !copy) {
        reap_free(copy);
        reap_free(key);
        return reap_fail(err, REAP_ENOMEM, "no memory for metadata");
    }
    reap_free(a->text);
    a->text = copy;
    return REAP_OK;
}

const struct reap_candidate *reap_weights_taken(const struct reap_weights *w)
{
    for (size_t i = 0; i < w->n_candidates; i++)
        if (w->candidate[i].taken)
            return &w->candidate[i];
    return NULL;
}

void reap_weights_free(struct reap_weights **w)
{
    if (!*w)
        return;
    reap_params_free(&(*w)->params);
    for (size_t i = 0; i < (*w)->n_about; i++) {
        reap_free((*w)->about[i].name);
        reap_free((*w)->about[i].text);
    }
    reap_free((*w)->about);
    for (size_t i = 0; i < (*w)->n_candidates; i++)
        reap_free((*w)->candidate[i].prefix);
    reap_free((*w)->candidate);
    reap_free((*w)->left_out);
    for (size_t i = 0; i < (*w)->n_labels; i++)
        reap_free((*w)->labels[i]);
    reap_free((*w)->labels);
    reap_free(*w);
    *w = NULL;
}
