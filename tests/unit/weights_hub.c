/* Weights from a hub: a server on this machine that speaks its paths, the cache
 * of other programs, and what is said when there is no way. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file/le.h"
#include "io/weights/weights.h"
#include "tests/tap.h"

enum { PATH = 4096 };

static char dir[64];

/* A safetensors file of one tensor. */
static size_t weights(uint8_t *to)
{
    static const char head[] = "{\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],"
                               "\"data_offsets\":[0,8]}}";

    reap_le_put64(to, sizeof(head) - 1);
    memcpy(to + 8, head, sizeof(head) - 1);
    memset(to + 8 + sizeof(head) - 1, 0, 8);
    return sizeof(head) - 1 + 16;
}

static void answer(int c, const void *body, size_t n)
{
    dprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
    if (write(c, body, n) != (ssize_t)n)
        _exit(1);
}

/* o/plain, timm/net.a1_in1k, o/parts, and o/shut for those with a token. */
static void serve(int s)
{
    static const char index[] =
        "{\"weight_map\":{\"fc.bias\":\"a.safetensors\"}}";
    static const char config[] = "{\"pretrained_cfg\":{\"input_size\":[3,224,"
                                 "224],\"crop_pct\":0.95}}";
    char ask[2048];
    uint8_t file[256];

    for (int c; (c = accept(s, NULL, NULL)) >= 0; close(c)) {
        const ssize_t n = read(c, ask, sizeof(ask) - 1);
        const size_t len = weights(file);

        ask[n > 0 ? n : 0] = '\0';
        if (strstr(ask, "GET /o/shut/") && !strstr(ask, "Bearer secret"))
            dprintf(c, "HTTP/1.0 401 No\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(ask, "GET /o/plain/resolve/v1/model.safetensors ") ||
                 strstr(ask, "GET /timm/net.a1_in1k/resolve/main/model."
                             "safetensors ") ||
                 strstr(ask, "GET /o/shut/resolve/main/model.safetensors ") ||
                 strstr(ask, "GET /o/parts/resolve/main/a.safetensors "))
            answer(c, file, len);
        else if (strstr(ask, "GET /timm/net.a1_in1k/resolve/main/config.json "))
            answer(c, config, sizeof(config) - 1);
        else if (strstr(ask, "GET /o/parts/resolve/main/model.safetensors."
                             "index.json "))
            answer(c, index, sizeof(index) - 1);
        else
            dprintf(c, "HTTP/1.0 404 No\r\nContent-Length: 0\r\n\r\n");
    }
    _exit(0);
}

static pid_t start(unsigned *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(a);
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    pid_t pid;

    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 8) ||
        getsockname(s, (struct sockaddr *)&a, &n))
        return -1;
    *port = ntohs(a.sin_port);
    pid = fork();
    if (!pid)
        serve(s);
    close(s);
    return pid;
}

static void found(const char *arg, const char *preset)
{
    struct reap_weights *w = NULL;
    struct reap_err err = { 0 };
    char path[PATH];
    int rc = reap_weights_resolve(arg, NULL, path, sizeof(path), &err);

    if (!rc)
        rc = reap_weights_read(&w, path, &err);
    ok(!rc && reap_params_find(w->params, "fc.bias") &&
           !strcmp(w->preset, preset),
       "%s: %s", arg, rc ? err.msg : w->preset);
    reap_weights_free(&w);
}

static void missing(const char *arg, int code, const char *says)
{
    struct reap_err err = { 0 };
    char path[PATH];
    int rc = reap_weights_resolve(arg, NULL, path, sizeof(path), &err);

    ok(rc == code && strstr(err.msg, says), "%s: %s", arg, err.msg);
}

static void make(const char *name, const void *bytes, size_t n)
{
    char path[PATH];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (char *c = path + strlen(dir) + 1; (c = strchr(c, '/')); c++) {
        *c = '\0';
        mkdir(path, 0700);
        *c = '/';
    }
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f))
        abort();
}

static void theirs(void)
{
    uint8_t file[256];

    make("hub/models--o--cached/refs/main", "abc123\n", 7);
    make("hub/models--o--cached/snapshots/abc123/model.safetensors", file,
         weights(file));
    found("hf:o/cached", "");
    found("hf:o/cached@abc123", "");
}

int main(void)
{
    char url[64], rm[96];
    unsigned port = 0;
    pid_t pid;

    strcpy(dir, "/tmp/reap-hub-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    snprintf(rm, sizeof(rm), "%s/cache", dir);
    setenv("REAP_CACHE", rm, 1);
    setenv("HF_HOME", dir, 1);
    setenv("HOME", dir, 1);
    unsetenv("HF_HUB_CACHE");
    unsetenv("HF_TOKEN");
    unsetenv("HF_HUB_OFFLINE");
    unsetenv("XDG_CACHE_HOME");
    pid = start(&port);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
    setenv("HF_ENDPOINT", url, 1);
    if (pid < 0) {
        skip("no server can be started here");
        return done();
    }
    found("hf:o/plain@v1", "");
    found("timm:net.a1_in1k", "timm-a1");
    found("hf:o/parts", "");
    missing("hf:o/none", REAP_ENOTFOUND, "no such repository");
    missing("hf:o/shut", REAP_ENOTFOUND, "HF_TOKEN");
    setenv("HF_TOKEN", "secret", 1);
    found("hf:o/shut", "");
    missing("hf:o", REAP_EINVAL, "hf:OWNER/NAME");
    missing("hf:../x", REAP_EINVAL, "hf:OWNER/NAME");
    missing("hf:o/..", REAP_EINVAL, "hf:OWNER/NAME");
    missing("hf:o/a/b", REAP_EINVAL, "hf:OWNER/NAME");
    missing("timm:a b", REAP_EINVAL, "timm:NAME");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    found("hf:o/plain@v1", "");
    missing("hf:o/other", REAP_ENOTFOUND, "model.safetensors");
    setenv("HF_HUB_OFFLINE", "1", 1);
    missing("hf:o/other", REAP_ENOTFOUND, "HF_HUB_OFFLINE");
    theirs();
    snprintf(rm, sizeof(rm), "rm -rf %s", dir);
    return system(rm) ? 1 : done();
}
