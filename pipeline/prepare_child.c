/* Decoders as their rank sees them: started, asked, waited for, replaced. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/sandbox/zygote.h"
#include "pipeline/prepare_box.h"
#include "pipeline/prepare_child.h"

/*
 * Seconds. START: until a new decoder is ready. PIXELS_A_SECOND: for so many
 * pixels a record has a second more; WALL: how much longer that may take
 * by the clock on a busy machine. LOOK: between two looks.
 */
static const double START = 60, PIXELS_A_SECOND = 1e7, WALL = 6, LOOK = 0.2;
enum { TRIES = 3, GRAIN = 1 << 20 };

struct reap_prepare_child {
    int socket; /* -1: no decoder */
    int memory;
    pid_t pid; /* of the decoder; 0: not known */
    struct reap_box *box;
    uint64_t mapped;
    uint64_t counted; /* of its memory in the sum of all */
};

static bool strict;             /* set once, at the start, as is the next */
static double time_of_one = 10; /* seconds of computing for a record */
static atomic_uint_fast64_t all_memory; /* of all decoders of this process */

void reap_prepare_child_settings(bool locked, double seconds)
{
    strict = locked;
    time_of_one = seconds;
}

uint64_t reap_prepare_memory(void)
{
    return atomic_load(&all_memory);
}

static void count_memory(struct reap_prepare_child *c, uint64_t now)
{
    atomic_fetch_add(&all_memory, now - c->counted);
    c->counted = now;
}

/* ---- the decoder's life ---- */

static void drop(struct reap_prepare_child *c)
{
    if (c->socket < 0)
        return;
    /* While the socket is open on its side, so is the number its own. */
    if (c->pid > 1)
        kill(c->pid, SIGKILL);
    close(c->socket);
    c->socket = -1;
    c->pid = 0;
    reap_budget_give(c->box);
}

/* Wait for one byte: 1, 0 at the end of the socket, -1 if it is late. */
static int wait_byte(int socket, double seconds, char *byte)
{
    struct pollfd p = { socket, POLLIN, 0 };
    int n = poll(&p, 1, (int)(seconds * 1000) + 1);

    if (n <= 0)
        return n < 0 && errno != EINTR ? 0 : -1;
    return read(socket, byte, 1) == 1;
}

static int begin(struct reap_prepare_child *c, struct reap_err *err)
{
    double end = reap_clock() + START;
    char byte = 0;
    int ends[2], got = -1, rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return reap_fail(err, REAP_ENOMEM, "no socket for a decoder: %s",
                         strerror(errno));
    rc = reap_zygote_spawn(ends[1], c->memory, err);
    close(ends[1]);
    while (!rc && got < 0 && reap_clock() < end)
        got = wait_byte(ends[0], LOOK, &byte);
    if (!rc && got > 0 && byte != 'l' && strict)
        rc = reap_fail(err, REAP_EINVAL,
                       "--sandbox on: this system cannot lock decoders up "
                       "(seccomp); --sandbox auto goes on without");
    if (!rc && got <= 0)
        rc = reap_fail(err, REAP_ENOMEM,
                       "no process to decode in: too many processes, or no "
                       "memory");
    if (rc) {
        close(ends[0]);
        return rc;
    }
    c->socket = ends[0];
    /* It has not seen a record yet: what it says of itself now is true. */
    c->pid = (pid_t)c->box->pid;
    return REAP_OK;
}

/* ---- the box ---- */

static bool grow(struct reap_prepare_child *c, uint64_t size)
{
    void *p;

    if (size <= c->mapped)
        return true;
    size = (size + GRAIN - 1) / GRAIN * GRAIN;
    if (ftruncate(c->memory, (off_t)size))
        return false;
    p = c->box ? mremap(c->box, c->mapped, size, MREMAP_MAYMOVE)
               : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->memory,
                      0);
    if (p == MAP_FAILED)
        return false;
    c->box = p;
    c->mapped = size;
    return true;
}

/* Bytes of a map that may fail to be read: the kernel copies, and says so. */
static bool put_bytes(struct reap_prepare_child *c, const void *from, size_t n,
                      uint64_t at)
{
    const uint8_t *p = from;

    while (n) {
        ssize_t did = pwrite(c->memory, p, n, (off_t)at);

        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return false;
        p += did;
        at += (uint64_t)did;
        n -= (size_t)did;
    }
    return true;
}

/* ---- one record ---- */

static void child_fail(struct reap_prepared *out, unsigned status,
                       const char *why)
{
    memset(out, 0, sizeof(*out));
    out->format = REAP_N_FORMATS;
    out->status = status;
    snprintf(out->reason, sizeof(out->reason), "%s", why);
}

/* Seconds that a process has computed; 0 if that cannot be told. */
static double computed(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (pid <= 1 || clock_getcpuclockid(pid, &clock) ||
        clock_gettime(clock, &t))
        return 0;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Wait for the answer. False, and the decoder is gone, if there is none. */
static bool hear_answer(struct reap_prepare_child *c, struct reap_prepared *out)
{
    const double from = computed(c->pid);
    double wall = 0, looked = reap_clock();

    for (;;) {
        const double allowed =
            time_of_one +
            (double)atomic_load(&c->box->pixels) / PIXELS_A_SECOND;
        char byte;
        int got = wait_byte(c->socket, LOOK, &byte);
        double t = reap_clock();

        if (got > 0)
            return true;
        if (!got) {
            child_fail(out, REAP_STATUS_crashed, "the decoder crashed on it");
            break;
        }
        /* waiting for others costs it nothing, nor does a pause of ours */
        if (!atomic_load(&c->box->waiting))
            wall += t - looked < 1 ? t - looked : 1;
        looked = t;
        if (computed(c->pid) - from > allowed || wall > WALL * allowed) {
            child_fail(out, REAP_STATUS_timeout, "");
            snprintf(out->reason, sizeof(out->reason),
                     "decoding takes longer than %.0f seconds", allowed);
            break;
        }
    }
    drop(c);
    return false;
}

/* What the decoder says, copied and looked at. */
static void take_answer(struct reap_prepare_child *c, void *slot, size_t room,
                        struct reap_prepared *out)
{
    const size_t value = c->box->preset.norm.float_in ? sizeof(float) : 1;
    size_t bytes = 0;

    *out = c->box->out;
    out->reason[sizeof(out->reason) - 1] = '\0';
    if (out->status >= REAP_N_STATUS || out->format > REAP_N_FORMATS ||
        (!out->status &&
         (__builtin_mul_overflow(out->h, out->w, &bytes) ||
          __builtin_mul_overflow(bytes, 3 * value, &bytes) || bytes > room))) {
        child_fail(out, REAP_STATUS_crashed, "the decoder lost its way");
        drop(c);
        return;
    }
    if (!out->status)
        memcpy(slot, (const uint8_t *)c->box + REAP_BOX_HEAD, bytes);
    count_memory(c, c->box->memory);
}

/* The record into the box; false, and why, if that cannot be. */
static bool put_record(struct reap_prepare_child *c,
                       const struct reap_image *image,
                       const struct reap_augment *view, size_t room,
                       struct reap_prepared *out)
{
    const uint64_t at = reap_box_bytes(room);
    struct reap_box *box;

    if (!grow(c, at + image->bytes.len)) {
        child_fail(out, REAP_STATUS_too_large, "no memory for the record");
        return false;
    }
    box = c->box;
    box->image = *image;
    box->image.bytes.data = NULL;
    box->has_view = view != NULL;
    if (view)
        box->view = *view;
    box->room = room;
    box->bytes = at;
    box->size = c->mapped;
    atomic_store(&box->pixels, 0);
    atomic_store(&box->waiting, false);
    if (!put_bytes(c, image->bytes.data, image->bytes.len, at)) {
        child_fail(out, REAP_STATUS_io_error, "its bytes cannot be read");
        return false;
    }
    return true;
}

void reap_prepare_child_view(struct reap_prepare_child *c,
                             const struct reap_image *image,
                             const struct reap_augment *view, void *slot,
                             size_t room, struct reap_prepared *out)
{
    if (!image->bytes.len) {
        child_fail(out, REAP_STATUS_empty, "no bytes");
        return;
    }
    child_fail(out, REAP_STATUS_io_error, "no process to decode in");
    for (int i = 0; i < TRIES; i++) {
        bool asked;

        if (i)
            reap_nap(i == 1 ? 0 : 1);
        if (c->socket < 0 && begin(c, NULL))
            continue;
        if (!put_record(c, image, view, room, out))
            return;
        /* One that died before it was asked is no fault of this record. */
        asked = send(c->socket, "r", 1, MSG_NOSIGNAL) == 1;
        if (asked) {
            if (hear_answer(c, out))
                take_answer(c, slot, room, out);
            return;
        }
        drop(c);
    }
}

int reap_prepare_child_new(struct reap_prepare_child **out,
                           const struct reap_preset *p,
                           const struct reap_limits *limits,
                           struct reap_err *err)
{
    struct reap_prepare_child *c = reap_calloc(1, sizeof(*c));
    int rc = REAP_OK;

    *out = NULL;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "no memory for a decoder");
    c->socket = -1;
    c->memory = memfd_create("reap-decode", MFD_CLOEXEC);
    if (c->memory < 0 || !grow(c, REAP_BOX_HEAD))
        rc =
            reap_fail(err, REAP_ENOMEM, "no memory to share with a decoder: %s",
                      strerror(errno));
    if (!rc) {
        c->box->preset = *p;
        c->box->limits = *limits;
        rc = begin(c, err);
    }
    if (rc)
        reap_prepare_child_free(&c);
    *out = c;
    return rc;
}

void reap_prepare_child_free(struct reap_prepare_child **p)
{
    struct reap_prepare_child *c = *p;

    if (!c)
        return;
    if (c->box)
        drop(c);
    if (c->box)
        munmap(c->box, c->mapped);
    if (c->memory >= 0)
        close(c->memory);
    count_memory(c, 0);
    reap_free(c);
    *p = NULL;
}
