/*
 * A child process and the shared memory through which its tensors come back.
 * The parent believes nothing of what it finds there: lengths are checked as
 * those of a file are. What the child runs is a reader of weights
 * (weights_h5.c, weights_keras.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/sandbox/sandbox.h"
#include "io/weights/keras/hdf5_child.h"

enum { CPU_S = 60, NAME = 512, WORDS = 3 + REAP_PARAM_DIMS };

/* What the child says besides the tensors. */
struct answer {
    int done; /* it came to its end */
    int rc;
    char msg[sizeof(((struct reap_err *)0)->msg)];
    char format[sizeof(((struct reap_weights *)0)->format)];
    size_t n_head;
    enum reap_activation head[8];
    double epsilon;
};

/* What the parent keeps: the child's tensors. */
struct apart {
    uint8_t *data;
    size_t len;
};

static void close_apart(void *own)
{
    struct apart *a = own;

    if (a->data)
        munmap(a->data, a->len);
    reap_free(a);
}

static int hdf5_child_put(int fd, const void *from, size_t len,
                          struct reap_err *err)
{
    const uint8_t *p = from;

    while (len) {
        const ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return reap_fail(err, REAP_ENOMEM, "no memory for its tensors");
        p += n;
        len -= (size_t)n;
    }
    return REAP_OK;
}

/* One tensor: length of the name, type, rank, sizes, then name and numbers. */
static int send_one(struct reap_weights_in *in, struct reap_raw *r, int fd,
                    struct reap_err *err)
{
    uint8_t word[WORDS * 8] = { 0 };
    const size_t name_len = strlen(r->name);
    int rc = in->load ? in->load(in, r, err) : REAP_OK;

    reap_le_put64(word, name_len);
    reap_le_put64(word + 8, r->dtype);
    reap_le_put64(word + 16, r->rank);
    for (size_t i = 0; i < r->rank; i++)
        reap_le_put64(word + 24 + 8 * i, r->dim[i]);
    if (!rc)
        rc = hdf5_child_put(fd, word, sizeof(word), err);
    if (!rc)
        rc = hdf5_child_put(fd, r->name, name_len, err);
    return rc ? rc
              : hdf5_child_put(fd, r->data,
                               r->count * reap_dtype_size(r->dtype), err);
}

static void hdf5_child_run(struct reap_weights_in *in, reap_weights_fn *fn,
                           int fd, struct answer *a)
{
    struct reap_err err = { 0 };

    a->rc = fn(in, &err);
    for (size_t i = 0; !a->rc && i < in->n; i++)
        a->rc = send_one(in, &in->raw[i], fd, &err);
    memcpy(a->msg, err.msg, sizeof(a->msg));
    memcpy(a->format, in->out->format, sizeof(a->format));
    memcpy(a->head, in->out->head, sizeof(a->head));
    a->n_head = in->out->n_head;
    a->epsilon = in->epsilon;
    a->done = 1;
}

/* A child that crashes must print nothing of ours and leave no core file. */
static void settle_in(size_t file_len)
{
    static const int signals[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                   SIGABRT, SIGTERM, SIGINT };
    const struct rlimit none = { 0, 0 }, cpu = { CPU_S, CPU_S };
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null >= 0)
        dup2(null, STDERR_FILENO);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CPU, &cpu);
    reap_sandbox_enter(file_len);
}

/* A whole number of the child's, at least in the file's own size. */
static int take_one(struct reap_weights_in *in, const struct apart *a,
                    size_t *at, struct reap_err *err)
{
    size_t dim[REAP_PARAM_DIMS], name_len, dtype, rank, bytes;
    const uint8_t *word = a->data + *at;
    struct reap_raw *r = NULL;
    char name[NAME];
    int rc;

    if (a->len - *at < WORDS * 8)
        return reap_fail(err, REAP_EFORMAT, "its reader stopped early");
    name_len = reap_le_get64(word);
    dtype = reap_le_get64(word + 8);
    rank = reap_le_get64(word + 16);
    *at += WORDS * 8;
    if (name_len >= NAME || name_len > a->len - *at || dtype > REAP_I64 ||
        rank > REAP_PARAM_DIMS)
        return reap_fail(err, REAP_EFORMAT,
                         "its reader gave impossible answers");
    for (size_t i = 0; i < rank; i++)
        dim[i] = reap_le_get64(word + 24 + 8 * i);
    memcpy(name, a->data + *at, name_len);
    name[name_len] = '\0';
    *at += name_len;
    rc = reap_weights_list(in, name, (enum reap_dtype)dtype, rank, dim,
                           a->data + *at, &r, err);
    if (rc)
        return rc;
    bytes = r->count * reap_dtype_size(r->dtype);
    if (bytes > a->len - *at)
        return reap_fail(err, REAP_EFORMAT, "its reader stopped early");
    *at += bytes;
    return REAP_OK;
}

static int take_all(struct reap_weights_in *in, int fd, struct reap_err *err)
{
    struct apart *a = reap_calloc(1, sizeof(*a));
    const off_t len = lseek(fd, 0, SEEK_END);
    size_t at = 0;
    int rc = REAP_OK;

    if (!a)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    in->own = a;
    in->close = close_apart;
    if (len <= 0)
        return REAP_OK; /* no tensors: the caller says so */
    a->len = (size_t)len;
    a->data = mmap(NULL, a->len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (a->data == MAP_FAILED) {
        a->data = NULL;
        return reap_fail(err, REAP_ENOMEM, "no memory for its tensors");
    }
    while (!rc && at < a->len)
        rc = take_one(in, a, &at, err);
    return rc;
}

static int hdf5_child_take(struct reap_weights_in *in, const struct answer *a,
                           int fd, int status, struct reap_err *err)
{
    struct reap_weights *w = in->out;

    if (!a->done && WIFSIGNALED(status))
        return reap_fail(err, REAP_EFORMAT, "libhdf5 cannot read it (%s)",
                         strsignal(WTERMSIG(status)));
    if (!a->done)
        return reap_fail(err, REAP_EFORMAT, "its reader failed");
    if (a->rc)
        return reap_fail(err, a->rc, "%.*s", (int)sizeof(a->msg) - 1, a->msg);
    memcpy(w->format, a->format, sizeof(w->format));
    w->format[sizeof(w->format) - 1] = '\0';
    for (size_t i = 0; i < a->n_head && i < 8; i++)
        if ((unsigned)a->head[i] <= REAP_SIGMOID)
            w->head[w->n_head++] = a->head[i];
    in->epsilon = a->epsilon;
    return take_all(in, fd, err);
}

static int hdf5_child_start(struct reap_weights_in *in, reap_weights_fn *fn,
                            int fd, struct answer *a, struct reap_err *err)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid < 0)
        return reap_fail(err, REAP_ENOMEM, "no process to read it in: %s",
                         strerror(errno));
    if (!pid) {
        settle_in(in->file.len);
        hdf5_child_run(in, fn, fd, a);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return hdf5_child_take(in, a, fd, status, err);
}

int reap_hdf5_child_run(struct reap_weights_in *in, reap_weights_fn *fn,
                        struct reap_err *err)
{
    const int fd = memfd_create("weights", MFD_CLOEXEC);
    struct answer *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rc;

    if (fd < 0 || a == MAP_FAILED)
        rc = reap_fail(err, REAP_ENOMEM, "no memory to read it: %s",
                       strerror(errno));
    else
        rc = hdf5_child_start(in, fn, fd, a, err);
    if (fd >= 0)
        close(fd);
    if (a != MAP_FAILED)
        munmap(a, sizeof(*a));
    return rc;
}
