/*
 * io/out/create.h - the only place where files are opened to be written
 *
 * Nothing is written through a link: what a stranger put into a shared folder
 * must not lead to a file elsewhere. The folder is opened first and the file
 * within it; only regular files are taken, and one with several names (hard
 * links) only in a folder of our own. tests/lint/opens.t sees that nobody else
 * opens a file to write. Any thread.
 */
#ifndef REAP_IO_OUT_CREATE_H
#define REAP_IO_OUT_CREATE_H

#include <stdbool.h>
#include <stddef.h>

enum { REAP_CREATE_NAME = 300 }; /* room for a temporary name */

/*
 * Open a file that reap keeps (a lock, a log, a state), by open(2)'s 'flags';
 * the umask counts. A descriptor that is closed on exec, or -1 and errno, which
 * reap_create_why() puts into words.
 */
int reap_create_own(const char *path, int flags);

/* The folder of 'path', as a descriptor for *at() calls; '*name' is what
 * follows it in 'path'. -1 and errno. */
int reap_create_folder(const char *path, const char **name);

/* A new file beside 'name' in the folder 'dir': "NAME.part-" and 16 hex digits
 * that nobody can foresee, told in 'temp'. -1 and errno. */
int reap_create_temp(int dir, const char *name, char temp[REAP_CREATE_NAME]);

/* Is 'entry' a name that reap_create_temp() gave a file beside 'name'? */
bool reap_create_is_temp(const char *entry, const char *name);

/* May a library open 'path' to write: is it missing, or a file that
 * reap_create_own() would open? If not, errno says why. */
bool reap_create_may(const char *path);

/* errno of the calls above for people. */
const char *reap_create_why(int code);

#endif /* REAP_IO_OUT_CREATE_H */
