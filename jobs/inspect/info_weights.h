/* jobs/inspect/info_weights.h - tell what a weights file holds, for info and
 * weights */
#ifndef REAP_JOBS_INSPECT_INFO_WEIGHTS_H
#define REAP_JOBS_INSPECT_INFO_WEIGHTS_H

#include "io/weights/weights.h"
#include "jobs/cli/options.h"

/* Print what 'w', read from 'path', holds; --model names the network if its
 * tensors do not tell. 'net' is the network that they form, or NULL with the
 * reason in 'why'. */
void reap_info_weights_print(const char *path, const struct reap_weights *w,
                             const struct reap_net *net, const char *why,
                             const struct reap_options *o);

/* The network of the file's tensors, as --model and its config have it. '*net'
 * is owned. The codes of reap_net_new(). */
int reap_info_weights_net(struct reap_net **net, const struct reap_weights *w,
                          const char *model,
                          struct reap_err *err) REAP_MUST_CHECK;

/* The preset that the file tells, or else its family's usual one. */
const char *reap_info_weights_preset(const struct reap_weights *w,
                                     const struct reap_net *net);

#endif /* REAP_JOBS_INSPECT_INFO_WEIGHTS_H */
