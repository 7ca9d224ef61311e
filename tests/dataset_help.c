#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/dataset_help.h"

static const char *plain_key(int i, char *buf, int size)
{
    snprintf(buf, (size_t)size, "%05d", i);
    return buf;
}

static struct reap_bytes plain_value(int i, uint8_t *buf, int size)
{
    const int len = i % 7 * 3000 + 20;

    (void)size;
    memset(buf, i, (size_t)len);
    memcpy(buf, "\xff\xd8\xff\xe0", 4);
    return (struct reap_bytes){ buf, (size_t)len };
}

const struct dataset_maker dataset_plain = { plain_key, plain_value };

static int put_all(MDB_txn *txn, const struct dataset_maker *how, int n)
{
    static uint8_t value[65536];
    char key[600];
    MDB_dbi dbi;
    int mrc = mdb_dbi_open(txn, NULL, 0, &dbi);

    for (int i = 0; i < n && !mrc; i++) {
        const char *k = how->key(i, key, sizeof(key));
        struct reap_bytes b = how->value(i, value, sizeof(value));
        MDB_val mk = { strlen(k), (void *)(uintptr_t)k };
        MDB_val mv = { b.len, (void *)(uintptr_t)b.data };

        mrc = mdb_put(txn, dbi, &mk, &mv, 0);
    }
    return mrc;
}

int dataset_make(const char *path, const struct dataset_maker *how, int n)
{
    MDB_env *env = NULL;
    MDB_txn *txn;
    int mrc = mdb_env_create(&env);

    mkdir(path, 0777);
    if (!mrc)
        mrc = mdb_env_set_mapsize(env, 64 << 20);
    if (!mrc)
        mrc = mdb_env_open(env, path, MDB_NOSYNC, 0666);
    if (!mrc)
        mrc = mdb_txn_begin(env, NULL, 0, &txn);
    if (!mrc) {
        mrc = put_all(txn, how, n);
        if (mrc)
            mdb_txn_abort(txn);
        else
            mrc = mdb_txn_commit(txn);
    }
    mdb_env_close(env);
    return mrc;
}

static const char *one_key;
static struct reap_bytes one_value;

static const char *get_key(int i, char *buf, int size)
{
    (void)i;
    (void)buf;
    (void)size;
    return one_key;
}

static struct reap_bytes get_value(int i, uint8_t *buf, int size)
{
    (void)i;
    (void)buf;
    (void)size;
    return one_value;
}

int dataset_put(const char *path, const char *key, struct reap_bytes value)
{
    const struct dataset_maker one = { get_key, get_value };

    one_key = key;
    one_value = value;
    return dataset_make(path, &one, 1);
}
