/* Fetching and finding weights, against a server of one small file. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/net/model.h"
#include "io/cache/fetch.h"
#include "io/file/redact.h"
#include "io/weights/published.h"
#include "io/weights/weights.h"
#include "tests/tap.h"

enum { PATH = 4096 };

static char dir[64];

/* sha256 and md5 of "hello\n" */
static const char sha[] =
    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
static const char md5[] = "b1946ac92492d2347c6235b4d2611184";

/* /hello is a file, /cut ends early, others are not there. */
static void serve(int s)
{
    char ask[1024];

    for (int c; (c = accept(s, NULL, NULL)) >= 0; close(c)) {
        const ssize_t n = read(c, ask, sizeof(ask) - 1);

        ask[n > 0 ? n : 0] = '\0';
        if (strstr(ask, "GET /hello"))
            dprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
        else if (strstr(ask, "GET /cut"))
            dprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: 60\r\n\r\nhello\n");
        else
            dprintf(c, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
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

static void fetches(unsigned port)
{
    struct reap_err err = { 0 };
    char url[128], path[128];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hello", port);
    snprintf(path, sizeof(path), "%s/f", dir);
    ok(!reap_fetch(url, path, sha, NULL, NULL, &err), "fetched: %s", err.msg);
    ok(reap_fetch_matches(path, sha) && reap_fetch_matches(path, md5) &&
           reap_fetch_matches(path, "5891b5b5"),
       "checked by sha256, its beginning, md5");
    ok(!reap_fetch_matches(path, "5891b5b6"), "another hash is another file");
    remove(path);
    ok(reap_fetch(url, path, "00000000", NULL, NULL, &err) == REAP_EFORMAT &&
           access(path, F_OK),
       "%s", err.msg);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/cut", port);
    ok(reap_fetch(url, path, NULL, NULL, NULL, &err) == REAP_ENOTFOUND &&
           access(path, F_OK),
       "cut off, nothing is left: %s", err.msg);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/none", port);
    ok(reap_fetch(url, path, NULL, NULL, NULL, &err) == REAP_ENOTFOUND, "%s",
       err.msg);
    ok(reap_fetch(url, "/nowhere/f", NULL, NULL, NULL, &err) == REAP_ECREATE,
       "%s", err.msg);
    ok(reap_fetch("http://127.0.0.1:1/x", path, NULL, NULL, NULL, &err) ==
           REAP_ENOTFOUND,
       "%s", err.msg);
    ok(reap_fetch("file:///etc/passwd", path, NULL, NULL, NULL, &err) ==
           REAP_ENOTFOUND,
       "%s", err.msg);
}

static void by_url(unsigned port)
{
    struct reap_err err = { 0 };
    char url[256], path[PATH], again[PATH];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hello#sha256=%s", port,
             sha);
    ok(!reap_weights_resolve(url, NULL, path, sizeof(path), &err) &&
           reap_fetch_matches(path, sha) && !strncmp(path, dir, strlen(dir)),
       "a URL is fetched into the cache: %s", err.msg);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hello", port);
    ok(!reap_weights_resolve(url, NULL, again, sizeof(again), &err) &&
           !strcmp(path, again),
       "and found there");
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hello-12345678.pth", port);
    ok(reap_weights_resolve(url, NULL, path, sizeof(path), &err) ==
           REAP_EFORMAT,
       "a hash in the name counts: %s", err.msg);
}

/* User names, passwords and tokens stay in the request. */
static void secrets(unsigned port)
{
    static const struct {
        const char *in, *out;
    } all[] = {
        { "https://u:S3CRET@host/w.pth?X-Sig=TOKEN", "https://host/w.pth?..." },
        { "https://host/w.pth?sig=a/b&c=d#sha256=00",
          "https://host/w.pth?...#sha256=00" },
        { "--weights http://tok@host:8/a?k=v -o store",
          "--weights http://host:8/a?... -o store" },
        { "HTTPS://A:B@H/p@q", "HTTPS://H/p@q" },
        { "mail@host ?x=1 ftp://u:p@h/", "mail@host ?x=1 ftp://u:p@h/" },
        { "http://u:p@h http://v:q@g?z", "http://h http://g?..." },
        { "", "" },
    };
    struct reap_err err = { 0 };
    char text[300], path[PATH];

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        ok(!strcmp(reap_redact_text(text, sizeof(text), all[i].in), all[i].out),
           "%s", text);
    snprintf(text, sizeof(text),
             "http://user:S3CRET@127.0.0.1:%u/none?sig=TO/KEN", port);
    ok(reap_weights_resolve(text, NULL, path, sizeof(path), &err) ==
               REAP_ENOTFOUND &&
           !strstr(err.msg, "S3CRET") && !strstr(err.msg, "KEN") &&
           !strstr(path, "KEN"),
       "%s", err.msg);
    ok(reap_weights_resolve("https://h/x#sha256=1234", NULL, path, sizeof(path),
                            &err) == REAP_EINVAL,
       "%s", err.msg);
}

static void by_name(void)
{
    struct reap_err err = { 0 };
    char path[PATH];

    ok(!reap_weights_resolve("some/file", NULL, path, sizeof(path), &err) &&
           !strcmp(path, "some/file"),
       "a path stays one");
    ok(reap_weights_resolve("imagenet", NULL, path, sizeof(path), &err) ==
           REAP_EINVAL,
       "%s", err.msg);
    ok(reap_weights_resolve("imagenet", "lenet", path, sizeof(path), &err) ==
           REAP_EINVAL,
       "%s", err.msg);
    ok(reap_weights_resolve("imagenet-v9", "resnet50", path, sizeof(path),
                            &err) == REAP_ENOTFOUND,
       "%s", err.msg);
    ok(reap_weights_resolve("imagenet", "torchvision/resnet50", path,
                            sizeof(path), &err) == REAP_ENOTFOUND &&
           strstr(err.msg, dir) && strstr(err.msg, "resnet50-0676ba61.pth"),
       "%s", err.msg);
}

static void table(void)
{
    struct reap_err none;
    unsigned n, good = 0;

    for (n = 0; reap_published_at(n); n++) {
        const struct reap_published *p = reap_published_at(n);
        const size_t digits = strlen(p->hash);

        good +=
            reap_model_find(p->model, &none) &&
            (digits == 8 ? strstr(p->file, p->hash) != NULL : digits == 32) &&
            reap_published_find(p->model, p->variant) == p &&
            reap_published_file(p->file) == p;
    }
    ok(n == good, "%u published files, each with model, hash and own name", n);
    for (n = 0; reap_model_at(n); n++)
        if (!reap_published_find(reap_model_at(n)->name, ""))
            break;
    ok(!reap_model_at(n), "each of %u networks has one", n);
}

int main(void)
{
    unsigned port = 0;
    pid_t pid;
    char rm[128];

    strcpy(dir, "/tmp/reap-fetch-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    setenv("REAP_CACHE", dir, 1);
    setenv("HOME", dir, 1);
    setenv("no_proxy", "127.0.0.1", 1);
    unsetenv("TORCH_HOME");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("KERAS_HOME");
    table();
    pid = start(&port);
    if (pid < 0) {
        skip("no server on this machine");
    } else {
        fetches(port);
        by_url(port);
        secrets(port);
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    /* a proxy where nobody listens: the outside cannot be reached */
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    by_name();
    snprintf(rm, sizeof(rm), "rm -rf %s", dir);
    return system(rm) || done();
}
