/*
 * Two ways to be the one writer: an flock that the system drops, or, where
 * locks are not to be trusted, a file that only one process can create and that
 * a thread touches every two seconds. The hard part is to take over from a dead
 * holder while others try the same: see bury(). What the lock protects is
 * store.c's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/out/create.h"
#include "io/store/store_lock.h"

enum { TEXT = 512, PATH = 4096, WAIT = 15, BEAT = 2, SILENT = 30 };

/* Who holds: what the files say, one "name=value" a line. */
struct holder {
    char host[128], boot[64], space[64]; /* space: of process ids */
    long pid, start;                     /* start: in the host's ticks */
};

struct reap_store_lock {
    int fd;
    bool held;
    char path[PATH];
    struct holder me;
    unsigned long beats;
    bool beating, stop;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

static void read_line(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "re");

    buf[0] = '\0';
    if (!f)
        return;
    if (fgets(buf, (int)size, f))
        buf[strcspn(buf, "\n")] = '\0';
    fclose(f);
}

/* When the process started, in ticks since boot; 0 if there is none. */
static long start_of(long pid)
{
    char path[64], line[1024], *p;
    long start = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    read_line(path, line, sizeof(line));
    p = strrchr(line, ')'); /* a name may hold anything */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p)
        start = strtol(p, NULL, 10);
    return start;
}

static void who_am_i(struct holder *h)
{
    memset(h, 0, sizeof(*h));
    gethostname(h->host, sizeof(h->host) - 1);
    read_line("/proc/sys/kernel/random/boot_id", h->boot, sizeof(h->boot));
    if (readlink("/proc/self/ns/pid", h->space, sizeof(h->space) - 1) < 0)
        strcpy(h->space, "?");
    h->pid = getpid();
    h->start = start_of(h->pid);
}

static void store_lock_get_text(const char *text, const char *name, char *buf,
                                size_t size)
{
    const char *p = strstr(text, name);
    size_t n = p ? strcspn(p + strlen(name), "\n") : 0;

    if (n >= size)
        n = size - 1;
    if (p)
        memcpy(buf, p + strlen(name), n);
    buf[n] = '\0';
}

static void parse_holder(const char *text, struct holder *h)
{
    char number[32];

    store_lock_get_text(text, "host=", h->host, sizeof(h->host));
    store_lock_get_text(text, "boot=", h->boot, sizeof(h->boot));
    store_lock_get_text(text, "space=", h->space, sizeof(h->space));
    store_lock_get_text(text, "pid=", number, sizeof(number));
    h->pid = strtol(number, NULL, 10);
    store_lock_get_text(text, "start=", number, sizeof(number));
    h->start = strtol(number, NULL, 10);
}

static void read_holder(int fd, struct holder *h)
{
    char text[TEXT + 1] = "";
    ssize_t n = pread(fd, text, TEXT, 0);

    text[n > 0 ? n : 0] = '\0';
    parse_holder(text, h);
}

static bool same_holder(const struct holder *a, const struct holder *b)
{
    return !strcmp(a->host, b->host) && !strcmp(a->boot, b->boot) &&
           !strcmp(a->space, b->space) && a->pid == b->pid &&
           a->start == b->start;
}

/* One write of a fixed length: a reader sees it whole or not at all. */
static bool write_holder(struct reap_store_lock *l)
{
    char text[TEXT + 1];
    int n = snprintf(text, sizeof(text),
                     "host=%s\nboot=%s\nspace=%s\npid=%ld\nstart=%ld\n"
                     "beat=%lu\n",
                     l->me.host, l->me.boot, l->me.space, l->me.pid,
                     l->me.start, l->beats++);

    memset(text + n, '\n', (size_t)(TEXT - n));
    return pwrite(l->fd, text, TEXT, 0) == TEXT;
}

static double wait_limit(void)
{
    const char *text = getenv("REAP_STORE_WAIT");

    return text ? strtod(text, NULL) : WAIT;
}

static void nap(void)
{
    reap_nap(0.1);
}

static int cannot(const char *path, struct reap_err *err)
{
    int code = errno == EACCES || errno == EPERM ? REAP_EACCESS : REAP_ECREATE;

    return reap_fail(err, code, "%s: %s", path, reap_create_why(errno));
}

static int busy(const char *dir, const struct holder *h, struct reap_err *err)
{
    if (!h->pid)
        return reap_fail(err, REAP_ECREATE, "%s is held by another run", dir);
    return reap_fail(err, REAP_ECREATE,
                     "%s is held by another run: host %s, process %ld", dir,
                     h->host, h->pid);
}

static int take_flock(struct reap_store_lock *l, const char *dir, double until,
                      struct reap_err *err)
{
    struct holder h;

    snprintf(l->path, sizeof(l->path), "%s/reap.lock", dir);
    l->fd = reap_create_own(l->path, O_RDWR | O_CREAT);
    if (l->fd < 0)
        return cannot(l->path, err);
    while (flock(l->fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return reap_fail(err, REAP_EIO,
                             "%s: %s; REAP_STORE_LOCK=file does without",
                             l->path, strerror(errno));
        if (reap_clock() >= until) {
            read_holder(l->fd, &h);
            return busy(dir, &h, err);
        }
        nap();
    }
    /* The flock decides; who holds it is for people, and may fail. */
    (void)!write_holder(l);
    return REAP_OK;
}

/* Seconds since 'fd' was written, by the clock of its file server. */
static double silence(const char *dir, int fd)
{
    char path[PATH];
    struct stat then, here;
    double age = 0;
    int touch;

    snprintf(path, sizeof(path), "%s/reap.lock", dir);
    touch = reap_create_own(path, O_RDWR | O_CREAT);
    if (touch >= 0 && !futimens(touch, NULL) && !fstat(touch, &here) &&
        !fstat(fd, &then))
        age = difftime(here.st_mtime, then.st_mtime);
    if (touch >= 0)
        close(touch);
    return age;
}

static bool is_dead(const char *dir, int fd, const struct holder *h)
{
    struct holder me;

    who_am_i(&me);
    if (h->pid && !strcmp(h->host, me.host)) {
        if (strcmp(h->boot, me.boot) != 0)
            return true;
        if (!strcmp(h->space, me.space))
            return start_of(h->pid) != h->start;
    }
    return silence(dir, fd) > SILENT;
}

/*
 * Remove the file of a dead holder. Another run may do so too and hold the
 * store already: what was moved away is looked at again, and put back if it is
 * not the dead one's.
 */
static void bury(const char *path, const struct holder *dead)
{
    char grave[PATH + 32];
    struct holder h = { .pid = 0 };
    int fd;

    snprintf(grave, sizeof(grave), "%s.%ld", path, (long)getpid());
    if (rename(path, grave))
        return;
    fd = open(grave, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        read_holder(fd, &h);
        close(fd);
    }
    if (!same_holder(&h, dead) && link(grave, path) && errno != EEXIST)
        (void)!rename(grave, path);
    unlink(grave);
}

static void *beat(void *arg)
{
    struct reap_store_lock *l = arg;
    struct timespec t;

    pthread_mutex_lock(&l->mutex);
    while (!l->stop) {
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec += BEAT;
        pthread_cond_timedwait(&l->wake, &l->mutex, &t);
        if (!l->stop && write_holder(l))
            fsync(l->fd);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static int start_beating(struct reap_store_lock *l, struct reap_err *err)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    l->beating = !pthread_create(&l->thread, NULL, beat, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return l->beating ? REAP_OK
                      : reap_fail(err, REAP_ENOMEM, "no thread for a lock");
}

static int take_held(struct reap_store_lock *l, const char *dir, double until,
                     struct reap_err *err)
{
    snprintf(l->path, sizeof(l->path), "%s/reap.held", dir);
    for (;;) {
        struct holder h;
        bool dead;
        int fd;

        l->fd = reap_create_own(l->path, O_RDWR | O_CREAT | O_EXCL);
        if (l->fd >= 0)
            break;
        if (errno != EEXIST)
            return cannot(l->path, err);
        fd = open(l->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue; /* it has just gone */
        read_holder(fd, &h);
        dead = is_dead(dir, fd, &h);
        close(fd);
        if (dead)
            bury(l->path, &h);
        else if (reap_clock() >= until)
            return reap_wrap(err, busy(dir, &h, err),
                             "remove %s if that run is dead", l->path);
        else
            nap();
    }
    (void)silence(dir, l->fd); /* makes reap.lock, the mark of a store */
    if (!write_holder(l) || fsync(l->fd)) {
        int code = errno;

        unlink(l->path);
        return reap_fail(err, REAP_EIO, "%s: %s", l->path, strerror(code));
    }
    return start_beating(l, err);
}

int reap_store_lock_take(struct reap_store_lock **out, const char *dir,
                         bool held, struct reap_err *err)
{
    struct reap_store_lock *l = reap_calloc(1, sizeof(*l));
    double until = reap_clock() + wait_limit();
    int rc;

    *out = NULL;
    if (!l)
        return reap_fail(err, REAP_ENOMEM, "no memory for a lock");
    l->fd = -1;
    l->held = held;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->wake, NULL);
    who_am_i(&l->me);
    rc = held ? take_held(l, dir, until, err) : take_flock(l, dir, until, err);
    if (rc && l->fd >= 0 && !held) { /* not ours: leave its text alone */
        close(l->fd);
        l->fd = -1;
    }
    if (rc)
        reap_store_lock_release(&l);
    *out = l;
    return rc;
}

int reap_store_lock_check(struct reap_store_lock *l, struct reap_err *err)
{
    struct holder h = { .pid = 0 };

    if (!l->held)
        return REAP_OK;
    for (int tries = 0; tries < 10; tries++) { /* see bury() */
        int fd = open(l->path, O_RDONLY | O_CLOEXEC);

        if (fd >= 0) {
            read_holder(fd, &h);
            close(fd);
        }
        if (same_holder(&h, &l->me))
            return REAP_OK;
        nap();
    }
    return reap_fail(err, REAP_EIO,
                     "%s: another run took the lock; this one stops", l->path);
}

int reap_store_lock_look(const char *dir, bool held, struct reap_err *err)
{
    char path[PATH];
    struct holder h;
    int fd, rc = REAP_OK;

    snprintf(path, sizeof(path), "%s/reap.%s", dir, held ? "held" : "lock");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return REAP_OK;
    read_holder(fd, &h);
    if (held ? !is_dead(dir, fd, &h) : flock(fd, LOCK_SH | LOCK_NB) != 0)
        rc = busy(dir, &h, err);
    close(fd);
    return rc;
}

void reap_store_lock_release(struct reap_store_lock **lock)
{
    struct reap_store_lock *l = *lock;

    if (!l)
        return;
    if (l->beating) {
        pthread_mutex_lock(&l->mutex);
        l->stop = true;
        pthread_cond_signal(&l->wake);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    if (l->fd >= 0 && l->held && !reap_store_lock_check(l, NULL))
        unlink(l->path);
    if (l->fd >= 0 && !l->held)
        (void)!ftruncate(l->fd, 0);
    if (l->fd >= 0)
        close(l->fd);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->mutex);
    reap_free(l);
    *lock = NULL;
}
