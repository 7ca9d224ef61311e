/* io/file/limits.h - how long keys, labels and reasons may be, in bytes */
#ifndef REAP_IO_FILE_LIMITS_H
#define REAP_IO_FILE_LIMITS_H

enum {
    REAP_KEY_MAX = 511,   /* LMDB's own limit; without a NUL */
    REAP_LABEL_MAX = 255, /* without a NUL */
    REAP_REASON_MAX = 200 /* with its NUL */
};

#endif /* REAP_IO_FILE_LIMITS_H */
