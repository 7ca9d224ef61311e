/* Packed weights that are kept: the same bytes the second time, and none at
 * all from files that are damaged, strangers' or cannot be written. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/engine.h"
#include "io/cache/blob_cache.h"
#include "io/cache/hash_memo.h"
#include "tests/tap.h"

enum { LEN = 10000, HEADER = 4096, SIDE = 32 };

static char dir[] = "/tmp/reap-blobs-XXXXXX";
static char data[LEN];

static struct reap_blob_cache *cache_new(size_t most)
{
    struct reap_blob_cache *c = NULL;

    if (reap_blob_cache_new(&c, most, NULL) || !c)
        abort();
    return c;
}

/* Is the blob of that key there, and as it was? */
static bool there(struct reap_blob_cache *c, const char *key)
{
    const struct reap_blobs *b = reap_blob_cache_blobs(c);
    const void *blob = b->take(b->own, key, strlen(key), LEN);
    const bool same = blob && !memcmp(blob, data, LEN);

    if (blob)
        b->let_go(b->own, blob, LEN);
    else
        b->give_up(b->own);
    return same;
}

static bool keep(struct reap_blob_cache *c, const char *key)
{
    const struct reap_blobs *b = reap_blob_cache_blobs(c);
    const void *blob = b->take(b->own, key, strlen(key), LEN);

    if (!blob)
        blob = b->keep(b->own, data, LEN);
    if (!blob)
        return false;
    b->let_go(b->own, blob, LEN);
    return true;
}

/* Files in the folder; the path of the last one. */
static int files(char *path, size_t size)
{
    char packed[sizeof(dir) + 16];
    const struct dirent *e;
    int n = 0;
    DIR *d;

    snprintf(packed, sizeof(packed), "%s/packed", dir);
    d = opendir(packed);
    while (d && (e = readdir(d)))
        if (*e->d_name != '.') {
            n++;
            snprintf(path, size, "%s/%s", packed, e->d_name);
        }
    if (d)
        closedir(d);
    return n;
}

static void keeps(struct reap_blob_cache *c)
{
    char path[400];

    ok(!there(c, "a"), "there is no blob at first");
    ok(keep(c, "a") && there(c, "a"), "what was kept is there");
    ok(!there(c, "b"), "and under its own key alone");
    ok(files(path, sizeof(path)) == 1, "one file is all that stays");
}

/* Change the file of key "a", which then does not count, and is made anew. */
static void spoilt(struct reap_blob_cache *c, const char *how, off_t at,
                   off_t cut, mode_t mode)
{
    char path[400] = "", byte;
    int fd;

    if (!keep(c, "a") || files(path, sizeof(path)) != 1)
        abort();
    fd = open(path, O_RDWR);
    if (at >= 0 && (pread(fd, &byte, 1, at) != 1 ||
                    (byte ^= 1, pwrite(fd, &byte, 1, at) != 1)))
        abort();
    if ((cut >= 0 && ftruncate(fd, cut)) || (mode && fchmod(fd, mode)))
        abort();
    close(fd);
    ok(!there(c, "a"), "%s: is not taken", how);
    ok(keep(c, "a") && there(c, "a"), "%s: is made again", how);
}

static void damage(struct reap_blob_cache *c)
{
    spoilt(c, "a bit of the numbers", HEADER + LEN - 1, -1, 0);
    spoilt(c, "a bit of the magic", 0, -1, 0);
    spoilt(c, "a bit of the key", 20, -1, 0);
    spoilt(c, "a bit of the length", 48, -1, 0);
    spoilt(c, "a bit of the checksum", 56, -1, 0);
    spoilt(c, "cut by a byte", -1, HEADER + LEN - 1, 0);
    spoilt(c, "cut within the header", -1, 17, 0);
    spoilt(c, "empty", -1, 0, 0);
    spoilt(c, "longer", -1, HEADER + LEN + 1, 0);
    spoilt(c, "of others' writing", -1, -1, 0666);
}

/* While a process packs, a second one waits and takes what was made. */
static void waits(struct reap_blob_cache *c)
{
    const struct reap_blobs *b = reap_blob_cache_blobs(c);
    int status = -1;
    pid_t child;

    if (b->take(b->own, "w", 1, LEN))
        abort();
    child = fork();
    if (!child) {
        struct reap_blob_cache *mine = cache_new(1 << 20);

        _exit(there(mine, "w") ? 7 : 8);
    }
    usleep(200000);
    ok(!waitpid(child, &status, WNOHANG), "a second process waits");
    b->let_go(b->own, b->keep(b->own, data, LEN), LEN);
    waitpid(child, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "and takes the first's");
}

static void prunes(void)
{
    struct reap_blob_cache *c = cache_new(3 * (HEADER + LEN));
    char path[400], key[2] = "p";

    for (int i = 0; i < 5; i++) {
        key[0] = (char)('p' + i);
        ok(keep(c, key), "blob %d is kept", i + 1);
        usleep(20000);
    }
    ok(files(path, sizeof(path)) <= 3, "the folder keeps to its size");
    ok(there(c, "t"), "the last one stays");
    reap_blob_cache_free(&c);
    c = cache_new(LEN / 2);
    ok(!keep(c, "z"), "nothing larger than the folder may be is kept");
    reap_blob_cache_free(&c);
}

/* A limit on the size of files fails as a full disk does. */
static void disk_full(struct reap_blob_cache *c)
{
    struct rlimit was, little;
    char path[400];
    int before = files(path, sizeof(path));

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    little = was;
    little.rlim_cur = HEADER + LEN / 2;
    setrlimit(RLIMIT_FSIZE, &little);
    ok(!keep(c, "full"), "a full disk: nothing is kept");
    setrlimit(RLIMIT_FSIZE, &was);
    ok(files(path, sizeof(path)) == before, "and nothing is left of it");
}

static void no_folder(void)
{
    char file[sizeof(dir) + 8];
    struct reap_blob_cache *c;
    int fd;

    snprintf(file, sizeof(file), "%s/file", dir);
    fd = open(file, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        abort();
    close(fd);
    setenv("REAP_CACHE", file, 1);
    c = cache_new(1 << 20);
    ok(!keep(c, "a"), "a folder that cannot be made: nothing is kept");
    reap_blob_cache_free(&c);
    setenv("REAP_CACHE", dir, 1);
}

static int features(const struct reap_net *net, const struct reap_blobs *b,
                    float *out)
{
    static const char *const outputs[] = { "avg" };
    static uint8_t pixels[SIDE * SIDE * 3];
    const struct reap_engine_args a = {
        .net = net,
        .norm = { .div = 255, .std = { 1, 1, 1 } },
        .precision = REAP_FP32,
        .max_batch = 1,
        .n_outputs = 1,
        .outputs = outputs,
        .blobs = b,
        .id = "seed:0",
    };
    const void *image = pixels;
    void *to = out;
    struct reap_session *s = NULL;
    struct reap_engine *e = NULL;
    int rc;

    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    rc = reap_engine_new(&e, &a, NULL);
    if (!rc)
        rc = reap_session_new(&s, e, NULL);
    if (!rc)
        reap_session_run(s, 1, &image, &to);
    reap_session_free(&s);
    reap_engine_free(&e);
    return rc;
}

static void engine(struct reap_blob_cache *c)
{
    const struct reap_blobs *b = reap_blob_cache_blobs(c);
    static float out[3][512];
    const struct reap_net_args n = { .model = "torchvision/resnet18",
                                     .in_h = SIDE,
                                     .in_w = SIDE };
    struct reap_net *net = NULL;

    if (reap_net_new(&net, &n, NULL, NULL))
        abort();
    ok(!features(net, NULL, out[0]) && !features(net, b, out[1]) &&
           !features(net, b, out[2]),
       "an engine without a cache, one that fills it, one that takes from it");
    ok(!memcmp(out[0], out[1], sizeof(out[0])) &&
           !memcmp(out[0], out[2], sizeof(out[0])),
       "give the same bytes");
    reap_net_free(&net);
}

static void memo(void)
{
    char sha[65], note[REAP_MEMO_NOTE], hash[65] = "";
    struct stat st;

    memset(hash, 'a', 64);
    if (stat(dir, &st))
        abort();
    reap_hash_memo_put(&st, hash, "now");
    ok(!reap_hash_memo_find(&st, sha, note),
       "the hash of a file just written is not remembered");
    st.st_mtim.tv_sec -= 10;
    st.st_ctim.tv_sec -= 10;
    reap_hash_memo_put(&st, hash, "word");
    ok(reap_hash_memo_find(&st, sha, note) && !strcmp(sha, hash) &&
           !strcmp(note, "word"),
       "that of an older one is");
    st.st_ctim.tv_nsec ^= 1;
    ok(!reap_hash_memo_find(&st, sha, note), "not if it has changed since");
    st.st_ctim.tv_nsec ^= 1;
    st.st_size++;
    ok(!reap_hash_memo_find(&st, sha, note), "nor if it has grown");
}

int main(void)
{
    char clean[sizeof(dir) + 16];
    struct reap_blob_cache *c;

    if (!mkdtemp(dir))
        return 1;
    setenv("REAP_CACHE", dir, 1);
    for (size_t i = 0; i < LEN; i++)
        data[i] = (char)(i * 31 >> 3);
    c = cache_new((size_t)1 << 30);
    keeps(c);
    damage(c);
    waits(c);
    disk_full(c);
    engine(c);
    reap_blob_cache_free(&c);
    prunes();
    no_folder();
    memo();
    snprintf(clean, sizeof(clean), "rm -rf %s", dir);
    return system(clean) ? 1 : done();
}
