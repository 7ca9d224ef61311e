/* Trees of pages, followed with bounds of our own. */
#include <inttypes.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/lmdb/mdb_walk.h"

/* Offsets in a page and in a struct MDB_db. */
enum { PAGE_FLAGS = 10, PAGE_LOWER = 12, PAGE_HEAD = REAP_MDB_PAGE_HEAD };
enum { DB_FLAGS = 4, DB_DEPTH = 6, DB_BRANCH = 8, DB_LEAF = 16 };
enum { DB_ENTRIES = 32, DB_ROOT = 40 };
enum { KIND_BRANCH = 1, KIND_LEAF = 2 };
/* A node: data's length or child's page, flags, length of the key, key. */
enum { NODE_FLAGS = 4, NODE_KEY_LEN = 6, NODE_HEAD = 8 };
enum { NODE_BIG = 1, NODE_DB = 2 };

static const uint64_t no_page = UINT64_MAX;

int reap_mdb_walk_bad(const struct reap_mdb_walk *w, uint64_t page,
                      const char *what, struct reap_err *err)
{
    return reap_fail(err, REAP_EFORMAT,
                     "%s is damaged: page %" PRIu64 ": %s; %s", w->path, page,
                     what, w->advice);
}

int reap_mdb_walk_root(const struct reap_mdb_walk *w, uint64_t page,
                       const uint8_t *db, struct reap_mdb_tree *out,
                       struct reap_err *err)
{
    out->flags = reap_le_get16(db + DB_FLAGS);
    out->depth = reap_le_get16(db + DB_DEPTH);
    out->branch_pages = reap_le_get64(db + DB_BRANCH);
    out->leaf_pages = reap_le_get64(db + DB_LEAF);
    out->entries = reap_le_get64(db + DB_ENTRIES);
    out->root = reap_le_get64(db + DB_ROOT);
    if ((out->root == no_page) != (out->depth == 0) ||
        out->depth > REAP_MDB_DEPTH_MAX ||
        (out->root == no_page) != (out->entries == 0))
        return reap_mdb_walk_bad(w, page, "impossible root", err);
    return REAP_OK;
}

static const uint8_t *page_at(const struct reap_mdb_walk *w, uint64_t page)
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

/* Where the value of a leaf's node lies: there, or in pages of its own. */
static int find_value(const struct reap_mdb_walk *w, uint64_t page,
                      const uint8_t *node, size_t room,
                      struct reap_mdb_value *v, struct reap_err *err)
{
    const unsigned flags = reap_le_get16(node + NODE_FLAGS);
    const size_t size = w->head.page_size;
    uint64_t first, n;

    v->key = node + NODE_HEAD;
    v->key_len = reap_le_get16(node + NODE_KEY_LEN);
    v->data = v->key + v->key_len;
    v->len = reap_le_get32(node);
    v->db = flags == NODE_DB;
    if ((flags & ~(unsigned)NODE_BIG && !v->db) || !v->key_len)
        return reap_mdb_walk_bad(w, page, "a record of no known kind", err);
    if (!(flags & NODE_BIG))
        return NODE_HEAD + v->key_len + v->len <= room
                   ? REAP_OK
                   : reap_mdb_walk_bad(w, page, "a value leaves its page", err);
    if (NODE_HEAD + v->key_len + sizeof(first) > room)
        return reap_mdb_walk_bad(w, page, "a value leaves its page", err);
    first = reap_le_get64(v->data);
    n = (PAGE_HEAD + v->len + size - 1) / size;
    if (first < 2 || first >= w->pages || n > w->pages - first)
        return reap_mdb_walk_bad(w, page, "a value is not within the file",
                                 err);
    v->data = page_at(w, first) + PAGE_HEAD;
    return REAP_OK;
}

static int check_node(struct reap_mdb_walk *w, uint64_t page, size_t i,
                      bool leaf, struct reap_err *err)
{
    const uint8_t *p = page_at(w, page), *node = node_at(p, i);
    const size_t at = (size_t)(node - p), size = w->head.page_size;
    struct reap_mdb_value v;
    size_t key;
    int rc;

    if ((at & 1) || at < reap_le_get16(p + PAGE_LOWER) || at + NODE_HEAD > size)
        return reap_mdb_walk_bad(w, page, "a node is not within its page", err);
    key = reap_le_get16(node + NODE_KEY_LEN);
    if (key > REAP_KEY_MAX || at + NODE_HEAD + key > size)
        return reap_mdb_walk_bad(w, page, "a key leaves its page", err);
    if (!leaf)
        return REAP_OK;
    rc = find_value(w, page, node, size - at, &v, err);
    return rc ? rc : w->value(w, page, &v, err);
}

static int check_page(struct reap_mdb_walk *w, uint64_t page, bool leaf,
                      struct reap_err *err)
{
    const uint8_t *p;
    size_t lower, n;
    int rc = REAP_OK;

    if (page < 2 || page >= w->pages)
        return reap_mdb_walk_bad(w, page, "not a page of this file", err);
    p = page_at(w, page);
    lower = reap_le_get16(p + PAGE_LOWER);
    if (reap_le_get16(p + PAGE_FLAGS) != (leaf ? KIND_LEAF : KIND_BRANCH))
        return reap_mdb_walk_bad(w, page, leaf ? "not a leaf" : "not a branch",
                                 err);
    if (lower < PAGE_HEAD || lower > w->head.page_size || (lower & 1))
        return reap_mdb_walk_bad(w, page, "impossible number of nodes", err);
    n = n_nodes(p);
    if (n < (leaf ? 1 : 2))
        return reap_mdb_walk_bad(w, page, "too few nodes", err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = check_node(w, page, i, leaf, err);
    return rc;
}

static int visit(struct reap_mdb_walk *w, uint64_t page, bool leaf,
                 struct reap_err *err)
{
    int rc = check_page(w, page, leaf, err);

    if (rc)
        return rc;
    if (w->seen[page / 8] >> page % 8 & 1)
        return reap_mdb_walk_bad(w, page, "twice in the trees", err);
    w->seen[page / 8] |= (uint8_t)(1 << page % 8);
    if (leaf)
        w->entries += n_nodes(page_at(w, page));
    return REAP_OK;
}

static int see_pages(struct reap_mdb_walk *w, struct reap_err *err)
{
    if (!w->seen)
        w->seen = reap_calloc((size_t)(w->pages / 8 + 1), 1);
    return w->seen ? REAP_OK
                   : reap_fail(err, REAP_ENOMEM, "%s: no memory to check it",
                               w->path);
}

static int walk_all(struct reap_mdb_walk *w, const struct reap_mdb_tree *t,
                    struct reap_err *err)
{
    uint64_t page[REAP_MDB_DEPTH_MAX + 1];
    size_t next[REAP_MDB_DEPTH_MAX + 1] = { 0 };
    unsigned level = 0;
    int rc = see_pages(w, err);

    page[0] = t->root;
    w->entries = 0;
    if (!rc)
        rc = visit(w, page[0], t->depth == 1, err);
    while (!rc) {
        const uint8_t *p = page_at(w, page[level]);

        if (level + 1 == t->depth || next[level] == n_nodes(p)) {
            if (!level)
                break;
            level--;
            continue;
        }
        page[level + 1] = child_at(p, next[level]++);
        next[++level] = 0;
        rc = visit(w, page[level], level + 1 == t->depth, err);
    }
    if (!rc && w->entries != t->entries)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s is damaged: %" PRIu64
                       " records, its head says %" PRIu64 "; %s",
                       w->path, w->entries, t->entries, w->advice);
    return rc;
}

/* Path number i of 'n' takes, at each level, the child that lies i / n of the
 * way along; then a mix of i chooses, so that no two paths are alike. */
static int walk_paths(struct reap_mdb_walk *w, const struct reap_mdb_tree *t,
                      struct reap_err *err)
{
    for (uint64_t i = 0; i < REAP_MDB_WALK_PATHS; i++) {
        uint64_t page = t->root, mix = i * 0x9e3779b97f4a7c15;

        for (unsigned level = 1; level <= t->depth; level++) {
            const bool leaf = level == t->depth;
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

int reap_mdb_walk_tree(struct reap_mdb_walk *w, const struct reap_mdb_tree *t,
                       bool whole, struct reap_err *err)
{
    if (!t->depth)
        return REAP_OK;
    if (whole || w->pages <= REAP_MDB_WALK_PAGES ||
        (t->branch_pages <= REAP_MDB_WALK_PAGES &&
         t->leaf_pages <= REAP_MDB_WALK_PAGES - t->branch_pages))
        return walk_all(w, t, err);
    w->sampled = true;
    return walk_paths(w, t, err);
}
