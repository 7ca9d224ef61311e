/* A memory limit, then a seccomp filter of the few calls that reading needs.
 * Who goes in, and what comes out, is left to callers
 * (io/weights/keras/hdf5_child.c). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "io/sandbox/sandbox.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(ARCH) && !defined(SANITIZED)

#define ALLOW(call)                                    \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void forbid_calls(void)
{
    struct sock_filter rule[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_read),
        ALLOW(SYS_write),
        ALLOW(SYS_lseek),
        ALLOW(SYS_close),
        ALLOW(SYS_brk),
        ALLOW(SYS_mmap),
        ALLOW(SYS_munmap),
        ALLOW(SYS_mremap),
        ALLOW(SYS_mprotect),
        ALLOW(SYS_madvise),
        ALLOW(SYS_futex),
        ALLOW(SYS_rt_sigprocmask),
        ALLOW(SYS_rt_sigreturn),
        ALLOW(SYS_getpid),
        ALLOW(SYS_gettid),
        ALLOW(SYS_tgkill),
        ALLOW(SYS_getrandom),
        ALLOW(SYS_clock_gettime),
        ALLOW(SYS_exit),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = { sizeof(rule) / sizeof(*rule), rule };

    if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

void reap_sandbox_enter(size_t file_len)
{
    enum { MIB = 1 << 20 };
    /* on top of what the process has: copies of the file, and room to work */
    const rlim_t more = (rlim_t)file_len * 3 + 512 * (rlim_t)MIB;
    struct rlimit now;
    struct rusage use;

    if (!getrlimit(RLIMIT_DATA, &now) && now.rlim_cur == RLIM_INFINITY &&
        !getrusage(RUSAGE_SELF, &use)) {
        now.rlim_cur = (rlim_t)use.ru_maxrss * 1024 * 2 + more;
        now.rlim_max = now.rlim_cur;
        setrlimit(RLIMIT_DATA, &now);
    }
    forbid_calls();
}

#else

void reap_sandbox_enter(size_t file_len)
{
    (void)file_len; /* a sanitizer's own needs are not ours to bound */
}

#endif
