#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/le.h"
#include "io/mdb_check.h"

/* Offsets in a page; of a struct MDB_meta behind the page's header. */
enum {
    PAGE_FLAGS = 10,
    PAGE_LOWER = 12,
    PAGE_HEAD = 16,
    META_MAGIC = 16,
    META_VERSION = 20,
    META_MAP_SIZE = 32,
    META_PAGE_SIZE = 40,
    META_MAIN = 88, /* the default database */
    META_LAST_PAGE = 136,
    META_TXN = 144,
    META_END = 152
};
enum { DB_FLAGS = 4, DB_DEPTH = 6, DB_BRANCH = 8, DB_LEAF = 16 };
enum { DB_ENTRIES = 32, DB_ROOT = 40 };
enum { KIND_BRANCH = 1, KIND_LEAF = 2, KIND_META = 8 };
/* A node: data's length or child's page, flags, length of the key, key. */
enum { NODE_FLAGS = 4, NODE_KEY_LEN = 6, NODE_HEAD = 8 };
enum { NODE_BIG = 1, NODE_DB = 2 };
enum { KEY_MAX = 511, DEPTH_MAX = 31, MIN_PAGE = 512, MAX_PAGE = 32768 };

static const uint32_t magic = 0xbeefc0de, version = 1;
static const uint64_t no_page = UINT64_MAX;

struct walk {
    const char *path;
    const uint8_t *map;
    uint64_t size, pages; /* of the file: bytes, whole pages */
    struct reap_mdb_head head;
    uint8_t *seen; /* a bit per page */
    uint64_t entries;
};

static int bad(const struct walk *w, uint64_t page, const char *what,
               struct reap_err *err)
{
    return reap_fail(err, REAP_EFORMAT,
                     "%s is damaged: page %" PRIu64 ": %s; make it anew",
                     w->path, page, what);
}

/* ---- meta pages ---- */

static bool is_meta(const uint8_t *page)
{
    return reap_le_get16(page + PAGE_FLAGS) == KIND_META &&
           reap_le_get32(page + META_MAGIC) == magic;
}

static int check_first(struct walk *w, struct reap_err *err)
{
    uint32_t size;

    if (w->size < META_END || !is_meta(w->map))
        return reap_fail(err, REAP_EFORMAT, "%s is not an LMDB file", w->path);
    if (reap_le_get32(w->map + META_VERSION) != version)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: LMDB format %u, only %u is known", w->path,
                         reap_le_get32(w->map + META_VERSION), version);
    size = reap_le_get32(w->map + META_PAGE_SIZE);
    if (size < MIN_PAGE || size > MAX_PAGE || (size & (size - 1)))
        return bad(w, 0, "no page has such a size", err);
    w->head.page_size = size;
    w->pages = w->size / size;
    if (w->pages < 2)
        return reap_fail(err, REAP_EFORMAT, "%s is cut: %" PRIu64 " bytes",
                         w->path, w->size);
    return REAP_OK;
}

/* The newer meta page; LMDB keeps transaction n in meta page n % 2. */
static int read_head(struct walk *w, struct reap_err *err)
{
    struct reap_mdb_head *h = &w->head;
    const uint8_t *second = w->map + h->page_size, *m, *db;
    uint64_t txn[2];

    if (!is_meta(second) || reap_le_get32(second + META_VERSION) != version ||
        reap_le_get32(second + META_PAGE_SIZE) != h->page_size)
        return bad(w, 1, "not a meta page like the first", err);
    txn[0] = reap_le_get64(w->map + META_TXN);
    txn[1] = reap_le_get64(second + META_TXN);
    m = txn[1] > txn[0] ? second : w->map;
    h->txn = txn[m == second];
    if ((h->txn & 1) != (m == second))
        return bad(w, m == second, "transaction in the wrong place", err);
    db = m + META_MAIN;
    h->map_size = reap_le_get64(m + META_MAP_SIZE);
    h->last_page = reap_le_get64(m + META_LAST_PAGE);
    h->depth = reap_le_get16(db + DB_DEPTH);
    h->branch_pages = reap_le_get64(db + DB_BRANCH);
    h->leaf_pages = reap_le_get64(db + DB_LEAF);
    h->entries = reap_le_get64(db + DB_ENTRIES);
    h->root = reap_le_get64(db + DB_ROOT);
    if (reap_le_get16(db + DB_FLAGS))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: its keys have duplicates or another order; "
                         "a dataset has plain keys",
                         w->path);
    return REAP_OK;
}

/* LMDB itself may leave a few last pages unwritten that nothing refers to. */
static int check_length(struct walk *w, struct reap_err *err)
{
    enum { SPARE = 64 };
    const struct reap_mdb_head *h = &w->head;

    if (h->last_page < 1 || h->last_page >= UINT64_MAX / MAX_PAGE)
        return bad(w, h->txn & 1, "impossible last page", err);
    if (w->pages + SPARE <= h->last_page)
        return reap_fail(err, REAP_EFORMAT,
                         "%s is cut: %" PRIu64 " bytes, %" PRIu64
                         " are needed; copy it again",
                         w->path, w->size, (h->last_page + 1) * h->page_size);
    if (w->pages > h->last_page + 1)
        w->pages = h->last_page + 1;
    if ((h->root == no_page) != (h->depth == 0) || h->depth > DEPTH_MAX ||
        (h->root == no_page) != (h->entries == 0))
        return bad(w, h->txn & 1, "impossible root", err);
    return REAP_OK;
}

/* ---- the tree ---- */

static const uint8_t *page_at(const struct walk *w, uint64_t page)
{
    return w->map + page * w->head.page_size;
}

static size_t n_nodes(const uint8_t *page)
{
    return (size_t)(reap_le_get16(page + PAGE_LOWER) - PAGE_HEAD) / 2;
}

static const uint8_t *node_at(const uint8_t *page, size_t i)
{
    return page + reap_le_get16(page + PAGE_HEAD + 2 * i);
}

static uint64_t child_at(const uint8_t *page, size_t i)
{
    const uint8_t *node = node_at(page, i);

    return reap_le_get32(node) | (uint64_t)reap_le_get16(node + NODE_FLAGS)
                                     << 32;
}

static int check_leaf_node(const struct walk *w, uint64_t page,
                           const uint8_t *node, size_t room,
                           struct reap_err *err)
{
    const size_t key = reap_le_get16(node + NODE_KEY_LEN),
                 size = w->head.page_size;
    const unsigned flags = reap_le_get16(node + NODE_FLAGS);
    const uint64_t len = reap_le_get32(node);
    uint64_t first, n;

    if (flags & NODE_DB)
        return reap_fail(err, REAP_EFORMAT,
                         "%s holds named databases (such as '%.*s'): it is no "
                         "dataset of records",
                         w->path, (int)(key < 40 ? key : 40),
                         (const char *)node + NODE_HEAD);
    if ((flags & ~(unsigned)NODE_BIG) || !key)
        return bad(w, page, "a record of no known kind", err);
    if (!(flags & NODE_BIG))
        return NODE_HEAD + key + len <= room
                   ? REAP_OK
                   : bad(w, page, "a value leaves its page", err);
    if (NODE_HEAD + key + sizeof(first) > room)
        return bad(w, page, "a value leaves its page", err);
    first = reap_le_get64(node + NODE_HEAD + key);
    n = (PAGE_HEAD + len + size - 1) / size;
    if (first < 2 || first >= w->pages || n > w->pages - first)
        return bad(w, page, "a value is not within the file", err);
    return REAP_OK;
}

static int check_node(const struct walk *w, uint64_t page, size_t i, bool leaf,
                      struct reap_err *err)
{
    const uint8_t *p = page_at(w, page), *node = node_at(p, i);
    const size_t at = (size_t)(node - p), size = w->head.page_size;
    size_t key;

    if ((at & 1) || at < reap_le_get16(p + PAGE_LOWER) || at + NODE_HEAD > size)
        return bad(w, page, "a node is not within its page", err);
    key = reap_le_get16(node + NODE_KEY_LEN);
    if (key > KEY_MAX || at + NODE_HEAD + key > size)
        return bad(w, page, "a key leaves its page", err);
    return leaf ? check_leaf_node(w, page, node, size - at, err) : REAP_OK;
}

static int check_page(const struct walk *w, uint64_t page, bool leaf,
                      struct reap_err *err)
{
    const uint8_t *p;
    size_t lower, n;
    int rc = REAP_OK;

    if (page < 2 || page >= w->pages)
        return bad(w, page, "not a page of this file", err);
    p = page_at(w, page);
    lower = reap_le_get16(p + PAGE_LOWER);
    if (reap_le_get16(p + PAGE_FLAGS) != (leaf ? KIND_LEAF : KIND_BRANCH))
        return bad(w, page, leaf ? "not a leaf" : "not a branch", err);
    if (lower < PAGE_HEAD || lower > w->head.page_size || (lower & 1))
        return bad(w, page, "impossible number of nodes", err);
    n = n_nodes(p);
    if (n < (leaf ? 1 : 2))
        return bad(w, page, "too few nodes", err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = check_node(w, page, i, leaf, err);
    return rc;
}

static int visit(struct walk *w, uint64_t page, bool leaf, struct reap_err *err)
{
    int rc = check_page(w, page, leaf, err);

    if (rc)
        return rc;
    if (w->seen[page / 8] >> page % 8 & 1)
        return bad(w, page, "twice in the tree", err);
    w->seen[page / 8] |= (uint8_t)(1 << page % 8);
    if (leaf)
        w->entries += n_nodes(page_at(w, page));
    return REAP_OK;
}

static int walk_all(struct walk *w, struct reap_err *err)
{
    const unsigned depth = w->head.depth;
    uint64_t page[DEPTH_MAX + 1];
    size_t next[DEPTH_MAX + 1] = { 0 };
    unsigned level = 0;
    int rc;

    w->seen = reap_calloc((size_t)(w->pages / 8 + 1), 1);
    if (!w->seen)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to check it",
                         w->path);
    page[0] = w->head.root;
    rc = visit(w, page[0], depth == 1, err);
    while (!rc) {
        const uint8_t *p = page_at(w, page[level]);

        if (level + 1 == depth || next[level] == n_nodes(p)) {
            if (!level)
                break;
            level--;
            continue;
        }
        page[level + 1] = child_at(p, next[level]++);
        next[++level] = 0;
        rc = visit(w, page[level], level + 1 == depth, err);
    }
    if (!rc && w->entries != w->head.entries)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s is damaged: %" PRIu64
                       " records, its head says %" PRIu64 "; make it anew",
                       w->path, w->entries, w->head.entries);
    return rc;
}

/* Path number i of 'n' takes, at each level, the child that lies i / n of the
 * way along; then a mix of i chooses, so that no two paths are alike. */
static int walk_paths(const struct walk *w, struct reap_err *err)
{
    for (uint64_t i = 0; i < REAP_MDB_WALK_PATHS; i++) {
        uint64_t page = w->head.root, mix = i * 0x9e3779b97f4a7c15;

        for (unsigned level = 1; level <= w->head.depth; level++) {
            const bool leaf = level == w->head.depth;
            int rc = check_page(w, page, leaf, err);
            size_t n;

            if (rc || leaf) {
                if (rc)
                    return rc;
                break;
            }
            n = n_nodes(page_at(w, page));
            page = child_at(page_at(w, page), level == 1
                                                  ? i * n / REAP_MDB_WALK_PATHS
                                                  : (size_t)((mix >> 33) % n));
            mix = mix * 6364136223846793005 + 1442695040888963407;
        }
    }
    return REAP_OK;
}

static int check(struct walk *w, struct reap_err *err)
{
    const struct reap_mdb_head *h = &w->head;
    int rc = check_first(w, err);

    if (!rc)
        rc = read_head(w, err);
    if (!rc)
        rc = check_length(w, err);
    if (rc || !h->depth)
        return rc;
    if (w->pages <= REAP_MDB_WALK_PAGES ||
        (h->branch_pages <= REAP_MDB_WALK_PAGES &&
         h->leaf_pages <= REAP_MDB_WALK_PAGES - h->branch_pages))
        return walk_all(w, err);
    return walk_paths(w, err);
}

static int map_file(struct walk *w, int fd, struct reap_err *err)
{
    struct stat st;
    void *map;

    if (fstat(fd, &st))
        return reap_fail(err, REAP_EIO, "%s: %s", w->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return reap_fail(err, REAP_EFORMAT, "%s is not a file", w->path);
    if (!st.st_size)
        return reap_fail(err, REAP_ENOTFOUND, "%s is empty", w->path);
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return reap_fail(err, errno == ENOMEM ? REAP_ENOMEM : REAP_EIO,
                         "%s: cannot be mapped: %s", w->path, strerror(errno));
    w->map = map;
    w->size = (uint64_t)st.st_size;
    return REAP_OK;
}

/* Once over the file; 'txn' receives the transaction that was looked at. */
static int check_once(const char *path, struct reap_mdb_head *out,
                      uint64_t *txn, struct reap_err *err)
{
    struct walk w = { .path = path };
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    union {
        const void *in;
        void *out;
    } map;
    int rc;

    if (fd < 0)
        return reap_fail(err,
                         errno == ENOENT || errno == ENOTDIR ? REAP_ENOTFOUND
                         : errno == EACCES                   ? REAP_EACCESS
                                                             : REAP_EIO,
                         "%s: %s", path, strerror(errno));
    rc = map_file(&w, fd, err);
    close(fd);
    if (!rc)
        rc = check(&w, err);
    *txn = w.head.txn;
    if (!rc && out)
        *out = w.head;
    map.in = w.map;
    if (map.out)
        munmap(map.out, (size_t)w.size);
    reap_free(w.seen);
    return rc;
}

/* Pages may be used anew while they are looked at, if a writer commits
 * meanwhile: then the transaction is another one the next time. */
int reap_mdb_check(const char *path, struct reap_mdb_head *out,
                   struct reap_err *err)
{
    enum { TRIES = 8 };
    uint64_t txn, before;
    int rc = check_once(path, out, &txn, err);

    for (int i = 1; i < TRIES && rc == REAP_EFORMAT; i++) {
        before = txn;
        rc = check_once(path, out, &txn, err);
        if (txn == before)
            break;
    }
    return rc;
}
