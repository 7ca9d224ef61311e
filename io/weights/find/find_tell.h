/*
 * io/weights/find/find_tell.h - what a file holds beside the network, in few
 * words
 *
 * Inside io/weights/find/. Names that leave the network's prefix at the same
 * place are one thing: "module.queue", "optimizer".
 */
#ifndef REAP_IO_WEIGHTS_FIND_FIND_TELL_H
#define REAP_IO_WEIGHTS_FIND_FIND_TELL_H

#include "engine/base/err.h"

struct reap_find_tell;

/* 'prefix' is borrowed. REAP_ENOMEM. */
int reap_find_tell_new(struct reap_find_tell **out, const char *prefix,
                       struct reap_err *err) REAP_MUST_CHECK;

/* A tensor of that name was left out. REAP_ENOMEM. */
int reap_find_tell_add(struct reap_find_tell *t, const char *name,
                       struct reap_err *err) REAP_MUST_CHECK;

/* "a, b and 3 more" in '*text', which the caller frees; NULL if there is
 * nothing to tell. REAP_ENOMEM. */
int reap_find_tell_text(const struct reap_find_tell *t, char **text,
                        struct reap_err *err) REAP_MUST_CHECK;

void reap_find_tell_free(struct reap_find_tell **t);

#endif /* REAP_IO_WEIGHTS_FIND_FIND_TELL_H */
