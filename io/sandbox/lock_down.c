/* Limits, Landlock, and a list of the calls that decoding needs. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/sandbox/lock_down.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "mmap", "mprotect", "mremap", "munmap",
    /* the descriptors that are there */
    "close", "fstat", "lseek", "newfstatat", "poll", "ppoll", "read", "write",
    /* threads of libvips; clone itself is allowed below, for threads alone */
    "exit", "exit_group", "futex", "getpid", "getpriority", "gettid", "rseq",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
    "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_setattr",
    "sched_yield", "set_robust_list", "setpriority", "tgkill",
    /* time, signals, chance */
    "clock_gettime", "clock_nanosleep", "getrandom", "getrusage",
    "gettimeofday", "nanosleep", "restart_syscall", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack"
};

/* Address space in use, from /proc/self/statm. */
static uint64_t in_use(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f && fscanf(f, "%llu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit(int what, uint64_t value)
{
    struct rlimit r = { (rlim_t)value, (rlim_t)value };

    setrlimit((__rlimit_resource_t)what, &r);
}

/* A ruleset of Landlock without a rule: no file can be opened, whatever the
 * call. Kernels without it have the list alone. */
static void forbid_files(void)
{
#ifdef SYS_landlock_create_ruleset
    const uint64_t all = (1u << 13) - 1; /* what version 1 knows */
    int fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

    if (fd < 0)
        return;
    syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
#endif
}

#ifndef SANITIZED
static bool allow_calls(scmp_filter_ctx c)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);

        if (number != __NR_SCMP_ERROR &&
            seccomp_rule_add(c, SCMP_ACT_ALLOW, number, 0) < 0)
            return false;
    }
    /* a thread, not a process; glibc asks for clone3 first, whose flags cannot
     * be looked at, and then for clone */
    return !seccomp_rule_add(
               c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) &&
           !seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}
#endif

bool reap_lock_down(uint64_t memory)
{
#ifdef SANITIZED
    (void)memory; /* a sanitizer's own needs are not ours to bound */
    (void)allowed;
    (void)in_use;
    (void)limit;
    (void)forbid_files;
    return false;
#else
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool done;

    limit(RLIMIT_AS, in_use() + memory);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, 8);
    prctl(PR_SET_DUMPABLE, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return false;
    forbid_files();
    done = c && allow_calls(c) && !seccomp_load(c);
    if (c)
        seccomp_release(c);
    return done;
#endif
}
