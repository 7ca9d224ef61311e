/* io/file/netfs.h - is a path on a network file system? */
#ifndef REAP_IO_FILE_NETFS_H
#define REAP_IO_FILE_NETFS_H

/* The name of the network file system 'path' lies on, a row of netfs.def;
 * NULL if it is a local one or cannot be told. */
const char *reap_netfs_name(const char *path);

#endif /* REAP_IO_FILE_NETFS_H */
