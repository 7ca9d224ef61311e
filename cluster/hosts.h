/* cluster/hosts.h - which hosts of a hostfile still answer */
#ifndef REAP_CLUSTER_HOSTS_H
#define REAP_CLUSTER_HOSTS_H

#include <stddef.h>

#include "engine/base/err.h"

/*
 * Ask every host of the hostfile at 'from' at once, by what mpirun would start
 * its helpers with (OMPI_MCA_plm_rsh_agent, else ssh), and write the lines of
 * those that answer within 'seconds' to 'to'. Inside Slurm, where srun starts
 * them, all are taken to answer. '*lost' receives how many do not; their names
 * are put into 'names' with a comma between. Returns REAP_OK, REAP_EIO,
 * REAP_ENOTFOUND (no host answers) or REAP_ENOMEM.
 */
int reap_hosts_answering(const char *from, const char *to, double seconds,
                         size_t *lost, char *names, size_t size,
                         struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_HOSTS_H */
