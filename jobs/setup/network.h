/* jobs/setup/network.h - the network that the options ask for, with its weights
 */
#ifndef REAP_JOBS_SETUP_NETWORK_H
#define REAP_JOBS_SETUP_NETWORK_H

#include "engine/net/net.h"
#include "io/weights/weights.h"
#include "jobs/cli/options.h"

/*
 * The file that 'arg' (a published name, an address, a path) means, fetched if
 * it has to be. REAP_EINVAL for plain http without #sha256=, which anybody on
 * the way can change, unless --insecure; else as reap_weights_resolve().
 */
int reap_network_resolve(const struct reap_options *o, const char *arg,
                         const char *model, char *path, size_t size,
                         struct reap_err *err) REAP_MUST_CHECK;

struct reap_network {
    /* NULL for random; the params are freed once the net is folded. */
    struct reap_weights *weights;
    struct reap_net *net;
    char path[4096]; /* of the weights file, "" for random */
    char id[600];    /* "sha256:..." or "seed:N"; of several networks in a
                        file also ":PREFIX" */
};

/* Read --weights, build --model. Without --weights: an error that says what to
 * type, unless 'random' allows random ones. Returns REAP_OK, REAP_EINVAL, or
 * the codes of reap_weights_resolve(), reap_weights_read() and reap_net_new().
 */
int reap_network_open(struct reap_network *n, const struct reap_options *o,
                      bool random, struct reap_err *err) REAP_MUST_CHECK;

/*
 * The same, but numbers of the weights are read when an engine packs them:
 * make it, then call reap_network_settle(), which frees what was read. If
 * 'lasting', the hash of the file is taken from an earlier start where there
 * was one.
 */
int reap_network_open_later(struct reap_network *n,
                            const struct reap_options *o, bool lasting,
                            struct reap_err *err) REAP_MUST_CHECK;

/* Free the numbers that were read for an engine. */
void reap_network_settle(struct reap_network *n);

/* Lines for a person: which network of the file was taken, and what was left
 * out. Nothing where there is nothing to say. */
void reap_network_remarks(const struct reap_network *n,
                          const struct reap_options *o);

/* Free all of it; a cleared struct stays so. */
void reap_network_close(struct reap_network *n);

#endif /* REAP_JOBS_SETUP_NETWORK_H */
