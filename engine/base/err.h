/*
 * engine/base/err.h - how a function says that it failed, and why
 *
 * A function that can fail returns REAP_OK or one of the codes below, and takes
 * a 'struct reap_err *' (which may be NULL) for the message. The message is
 * written where the failure is noticed and is fit to print as it stands.
 */
#ifndef REAP_ENGINE_BASE_ERR_H
#define REAP_ENGINE_BASE_ERR_H

enum reap_code {
    REAP_OK = 0,
#define CODE(name, value, status, about) REAP_##name = value,
#include "engine/base/codes.def"
#undef CODE
};

struct reap_err {
    int code;
    char msg[400];
};

#define REAP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define REAP_MUST_CHECK __attribute__((warn_unused_result))

/* Write the message, if 'err' is not NULL, and return 'code'. */
int reap_fail(struct reap_err *err, int code, const char *fmt, ...)
    REAP_PRINTF(3, 4);

/* Put "fmt: " before the message that a callee left, and return 'code'. */
int reap_wrap(struct reap_err *err, int code, const char *fmt, ...)
    REAP_PRINTF(3, 4);

/* The exit status that stands for 'code': 0 for REAP_OK, see codes.def. */
int reap_exit_status(int code);

#endif /* REAP_ENGINE_BASE_ERR_H */
