/* jobs/network.h - the network that the options ask for, with its weights */
#ifndef REAP_JOBS_NETWORK_H
#define REAP_JOBS_NETWORK_H

#include "engine/net.h"
#include "io/weights.h"
#include "jobs/options.h"

struct reap_network {
    struct reap_weights *weights; /* its params are freed; NULL for random */
    struct reap_net *net;
    char path[4096]; /* of the weights file, "" for random */
    char id[80];     /* "sha256:..." or "seed:N" */
};

/* Read --weights, build --model. Without --weights: 'none' is an error that
 * says what to type, unless 'random' allows it. */
int reap_network_open(struct reap_network *n, const struct reap_options *o,
                      bool random, struct reap_err *err) REAP_MUST_CHECK;

void reap_network_close(struct reap_network *n);

#endif /* REAP_JOBS_NETWORK_H */
