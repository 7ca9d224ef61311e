/* cluster/cause.h - why a job cannot start or was killed, in plain words */
#ifndef REAP_CLUSTER_CAUSE_H
#define REAP_CLUSTER_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reap_cause {
    uint64_t killed; /* the memory limit's kills when it was first looked at */
    char events[4096];
};

/* Look at this process's cgroup before the job begins. */
void reap_cause_begin(struct reap_cause *c);

/*
 * What on this machine would explain that 'ranks' ranks do not start or were
 * killed: the memory limit, a full temporary folder, too few descriptors or
 * processes. 'status' is mpirun's, as waitpid() gave it. In 'out', which is
 * returned; "" if nothing stands out.
 */
const char *reap_cause_find(const struct reap_cause *c, uint64_t ranks,
                            int status, char *out, size_t size);

#endif /* REAP_CLUSTER_CAUSE_H */
