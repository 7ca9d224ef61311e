/* The process that forks others: how it is asked, and what its children are
 * left with. What they do is the caller's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/sandbox/zygote.h"

static int asking = -1; /* our end; set once, before any thread */

/* Close all descriptors from 'from' on. */
static void close_from(int from)
{
#ifdef SYS_close_range
    if (!syscall(SYS_close_range, (unsigned)from, ~0u, 0))
        return;
#endif
    for (int fd = from; fd < 1024; fd++)
        close(fd);
}

/* 0, 1 and 2 become /dev/null. */
static void mute(void)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

/* In a child: the two descriptors become 3 and 4, and the only ones. */
static void zygote_child(reap_zygote_fn *serve, int socket, int memory)
{
    int s = fcntl(socket, F_DUPFD, 10), m = fcntl(memory, F_DUPFD, 10);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (s < 0 || m < 0 || dup2(s, 3) < 0 || dup2(m, 4) < 0)
        _exit(71);
    close_from(5);
    serve(3, 4);
    _exit(0);
}

/* Two descriptors from the message that asks. False at the end. */
static bool zygote_hear(int from, int fds[2])
{
    char byte;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec io = { &byte, 1 };
    struct msghdr m = { .msg_iov = &io,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof(control.room) };
    struct cmsghdr *c;
    ssize_t n;

    do
        n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
    if (!c || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return false;
    memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    return true;
}

static void zygote_run(reap_zygote_fn *serve, int from, pid_t parent)
{
    int fds[2];

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* nobody waits for children */
    prctl(PR_SET_NAME, "reap-zygote");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    mute();
    while (zygote_hear(from, fds)) {
        if (!fork())
            zygote_child(serve, fds[0], fds[1]);
        close(fds[0]);
        close(fds[1]);
    }
    _exit(0);
}

int reap_zygote_start(reap_zygote_fn *serve, struct reap_err *err)
{
    const pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    if (asking >= 0)
        return REAP_OK;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return reap_fail(err, REAP_ENOMEM, "no socket for decoders: %s",
                         strerror(errno));
    pid = fork();
    if (!pid) {
        close(ends[0]);
        if (dup2(ends[1], 3) < 0)
            _exit(71);
        close_from(4);
        zygote_run(serve, 3, parent);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return reap_fail(err, REAP_ENOMEM, "no process for decoders: %s",
                         strerror(errno));
    }
    asking = ends[0];
    return REAP_OK;
}

bool reap_zygote_is_up(void)
{
    return asking >= 0;
}

int reap_zygote_spawn(int socket, int memory, struct reap_err *err)
{
    const int fds[2] = { socket, memory };
    char byte = 1;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(fds))];
    } control;
    struct iovec io = { &byte, 1 };
    struct msghdr m = { .msg_iov = &io,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof(control.room) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    ssize_t n;

    memset(&control, 0, sizeof(control));
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    do
        n = sendmsg(asking, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        return REAP_OK;
    return reap_fail(err, REAP_ENOMEM, "no process to decode in: %s",
                     strerror(errno));
}
