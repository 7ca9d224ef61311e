/* statfs(2) and the table of file systems in netfs.def. What to do on a network
 * file system is for its callers to decide. */
#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>

#include "io/file/netfs.h"

static const struct {
    uint32_t magic;
    const char *name;
} row[] = {
#define NETFS(magic, name) { magic, name },
#include "io/file/netfs.def"
#undef NETFS
};

const char *reap_netfs_name(const char *path)
{
    struct statfs fs;

    if (statfs(path, &fs))
        return NULL;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if ((uint32_t)fs.f_type == row[i].magic)
            return row[i].name;
    return NULL;
}
