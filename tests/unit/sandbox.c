/* Children of the zygote: what a decoder can still do, and what becomes of a
 * record when it dies, hangs or lies. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/sandbox/lock_down.h"
#include "io/sandbox/zygote.h"
#include "pipeline/prepare.h"
#include "pipeline/prepare_box.h"
#include "pipeline/prepare_child.h"
#include "tests/tap.h"

enum trial {
    OPEN,
    SOCKET,
    EXEC,
    FORK,
    TRACE,
    KILL,
    MEMORY,
    UNLINK,
    PROCESS,
    N_TRIALS
};
static const char *const trial_name[N_TRIALS] = {
    "open a file", "make a socket",   "run a program",
    "fork",        "trace a process", "kill its parent",
    "take 16 GiB", "remove a file",   "read another process's memory"
};

/* True if a decoder can do it. */
static bool tries(enum trial t)
{
    char *const none[] = { NULL };
    void *p;
    pid_t pid;

    switch (t) {
    case OPEN:
        return open("/etc/passwd", O_RDONLY) >= 0;
    case SOCKET:
        return socket(AF_INET, SOCK_STREAM, 0) >= 0;
    case EXEC:
        execve("/bin/true", none, none);
        return false; /* it would have ended, which the test notices */
    case FORK:
        pid = fork();
        if (!pid)
            _exit(0);
        return pid > 0;
    case TRACE:
        return !ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    case KILL:
        return !kill(getppid(), SIGKILL);
    case MEMORY:
        p = mmap(NULL, (size_t)16 << 30, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return p != MAP_FAILED;
    case UNLINK:
        return !unlink("/tmp/reap-sandbox-test");
    case PROCESS:
        return open("/proc/1/mem", O_RDONLY) >= 0;
    default:
        return true;
    }
}

/* A child that answers each byte with what became of that trial. */
static void serve_trials(int sock, int memory)
{
    char byte = reap_lock_down(1 << 30) ? 'l' : 'o';

    (void)memory;
    while (write(sock, &byte, 1) == 1 && read(sock, &byte, 1) == 1)
        byte = tries((enum trial)byte) ? 'y' : 'n';
}

/* Either life, by what it finds in its memory. */
static void serve(int sock, int memory)
{
    char first = 0;

    if (pread(memory, &first, 1, 0) == 1 && first == 'T')
        serve_trials(sock, memory);
    else
        reap_prepare_serve(sock, memory);
}

static void trials(void)
{
    int ends[2], memory = memfd_create("trial", MFD_CLOEXEC);
    char byte = 'T';

    if (memory < 0 || write(memory, &byte, 1) != 1 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ||
        reap_zygote_spawn(ends[1], memory, NULL)) {
        ok(false, "a child starts");
        return;
    }
    close(ends[1]);
    ok(read(ends[0], &byte, 1) == 1, "a child starts");
    if (byte != 'l') {
        for (int t = 0; t < N_TRIALS; t++)
            skip("%s: no lock here: a sanitizer, or no seccomp", trial_name[t]);
        close(ends[0]);
        close(memory);
        return;
    }
    for (int t = 0; t < N_TRIALS; t++) {
        byte = (char)t;
        ok(write(ends[0], &byte, 1) == 1 && read(ends[0], &byte, 1) == 1 &&
               byte == 'n',
           "a decoder cannot %s", trial_name[t]);
    }
    close(ends[0]);
    close(memory);
}

/* The parent of a process; 0 if there is none. */
static pid_t parent_of(pid_t pid)
{
    char path[64], line[512];
    const char *at = NULL;
    int parent = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (f && fgets(line, sizeof(line), f))
        at = strrchr(line, ')');
    if (at && sscanf(at + 1, " %*c %d", &parent) != 1)
        parent = 0;
    if (f)
        fclose(f);
    return parent;
}

/* A decoder: a child of our child. 0 if there is none. */
static pid_t find_decoder(void)
{
    DIR *d = opendir("/proc");
    const struct dirent *e;
    pid_t found = 0;

    while (d && (e = readdir(d))) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

        if (pid > 1 && parent_of(pid) > 1 &&
            parent_of(parent_of(pid)) == getpid())
            found = pid;
    }
    if (d)
        closedir(d);
    return found;
}

/* A binary PPM of one colour. */
static size_t make_ppm(uint8_t *to, size_t side)
{
    int n = sprintf((char *)to, "P6\n%zu %zu\n255\n", side, side);

    memset(to + n, 77, side * side * 3);
    return (size_t)n + side * side * 3;
}

static void records(void)
{
    static uint8_t file[64 + 300 * 300 * 3], slot[224 * 224 * 3];
    const struct reap_image image = { .bytes = { file, make_ppm(file, 300) } };
    struct reap_limits limits = { .formats = ~0u };
    struct reap_prepare *p = NULL;
    struct reap_prepared out;
    struct reap_preset preset;
    double since;
    pid_t pid;

    if (reap_preset_find("torchvision-v1", &preset, NULL) ||
        reap_prepare_new(&p, &preset, &limits, NULL)) {
        ok(false, "a decoder");
        return;
    }
    reap_prepare_run(p, &image, slot, sizeof(slot), &out);
    ok(out.status == REAP_STATUS_ok && slot[0] == 77 && out.h == 224,
       "a record is decoded (%s)", out.reason);
    ok(reap_prepare_memory() > 0, "its memory is told");

    pid = find_decoder();
    ok(pid > 0 && !kill(pid, SIGKILL), "its decoder is killed meanwhile");
    for (int i = 0; i < 100 && find_decoder() == pid; i++)
        reap_nap(0.05);
    memset(slot, 0, sizeof(slot));
    reap_prepare_run(p, &image, slot, sizeof(slot), &out);
    ok(out.status == REAP_STATUS_ok && slot[0] == 77,
       "the next record has another (%s)", out.reason);

    pid = find_decoder();
    ok(pid > 0 && !kill(pid, SIGSTOP), "its decoder is stopped");
    since = reap_clock();
    reap_prepare_run(p, &image, slot, sizeof(slot), &out);
    ok(out.status == REAP_STATUS_timeout && strstr(out.reason, "longer than"),
       "that record is a timeout after %.1f s", reap_clock() - since);
    reap_prepare_run(p, &image, slot, sizeof(slot), &out);
    ok(out.status == REAP_STATUS_ok, "the next is decoded again");
    reap_prepare_free(&p);
    ok(!reap_prepare_memory(), "no memory is counted once it is gone");
    for (int i = 0; i < 100 && find_decoder(); i++)
        reap_nap(0.05);
    ok(!find_decoder(), "and no decoder is left");
}

/* Bytes of a map that cannot be read are that record's status. */
static void unreadable(void)
{
    char path[] = "/tmp/reap-sandbox-XXXXXX";
    static uint8_t slot[224 * 224 * 3];
    struct reap_limits limits = { 0 };
    struct reap_prepare *p = NULL;
    struct reap_image image = { 0 };
    struct reap_prepared out;
    struct reap_preset preset;
    int fd = mkstemp(path);
    void *map = MAP_FAILED;

    if (fd >= 0 && !ftruncate(fd, 1 << 16))
        map = mmap(NULL, 1 << 16, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || ftruncate(fd, 0) ||
        reap_preset_find("torchvision-v1", &preset, NULL) ||
        reap_prepare_new(&p, &preset, &limits, NULL)) {
        ok(false, "a map whose file has gone");
        return;
    }
    image.bytes = (struct reap_bytes){ map, 1 << 16 };
    reap_prepare_run(p, &image, slot, sizeof(slot), &out);
    ok(out.status == REAP_STATUS_io_error, "bytes that cannot be read: %s",
       out.reason);
    reap_prepare_free(&p);
    munmap(map, 1 << 16);
    close(fd);
    unlink(path);
}

/* Large images wait for each other, and one that dies gives back its part. */
static void budget(void)
{
    static struct reap_box a, b;

    reap_budget_take(&a, 150000000);
    ok(atomic_load(&a.admitted) == 150000000, "a large image is counted");
    reap_budget_take(&b, 1000);
    ok(!atomic_load(&b.admitted), "a small one is not");
    reap_budget_give(&a);
    reap_budget_take(&b, 190000000);
    ok(atomic_load(&b.admitted) == 190000000, "what was given back is there");
    reap_budget_give(&b);
    reap_budget_give(&b);
    reap_budget_take(&a, 200000000);
    ok(atomic_load(&a.admitted) == 200000000, "giving twice counts once");
    reap_budget_give(&a);
}

int main(void)
{
    reap_prepare_child_settings(false, 1);
    reap_budget_make();
    if (reap_zygote_start(serve, NULL)) {
        ok(false, "a zygote starts");
        return done();
    }
    ok(reap_zygote_is_up(), "a zygote starts");
    trials();
    records();
    unreadable();
    budget();
    return done();
}
