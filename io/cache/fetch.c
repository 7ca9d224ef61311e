/* One download through libcurl, hashed while it comes in and renamed only if
 * the hash agrees. Where a file belongs and which hash it must have is its
 * caller's to know. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/cache/fetch.h"
#include "io/file/redact.h"
#include "io/out/create.h"

enum { CONNECT_S = 5, STALL_S = 60, MD5_DIGITS = 32 };

enum { SHOWN = 300 }; /* of an address in a message */
static const curl_off_t max_size = (curl_off_t)4 << 30;

struct fetch {
    FILE *to;
    EVP_MD_CTX *hash;
    int write_errno;
    reap_fetch_fn *told;
    void *ctx;
    const char *token; /* or NULL */
    long status;       /* of the answer, 0: none */
};

static const EVP_MD *fetch_kind_of(const char *hash)
{
    return hash && strlen(hash) == MD5_DIGITS ? EVP_md5() : EVP_sha256();
}

/* Do the digits agree, as far as 'want' has them? */
static bool agrees(EVP_MD_CTX *sum, const char *want, char *hex)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!EVP_DigestFinal_ex(sum, md, &n))
        return false;
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", md[i]);
    return !want || !strncasecmp(hex, want, strlen(want));
}

static size_t on_data(char *data, size_t one, size_t n, void *user)
{
    struct fetch *f = user;

    (void)one; /* always 1 */
    if (fwrite(data, 1, n, f->to) != n) {
        f->write_errno = errno;
        return 0;
    }
    EVP_DigestUpdate(f->hash, data, n);
    return n;
}

static int on_progress(void *user, curl_off_t total, curl_off_t done,
                       curl_off_t up_total, curl_off_t up)
{
    const struct fetch *f = user;

    (void)up_total;
    (void)up;
    if (f->told)
        f->told(f->ctx, (uint64_t)done, (uint64_t)total);
    return 0;
}

/* An encrypted way leads nowhere that is not. */
static bool is_https(const char *url)
{
    return !strncasecmp(url, "https:", 6);
}

static void set_up(CURL *c, const char *url, struct fetch *f, char *why)
{
    curl_easy_setopt(c, CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
                     is_https(url) ? "https" : "http,https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS,
                     is_https(url) ? CURLPROTO_HTTPS
                                   : CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "reap");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1000L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, max_size);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
    if (f->token) { /* libcurl keeps it from servers that this one names */
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, f->token);
    }
}

static int transfer(const char *url, const char *shown, struct fetch *f,
                    struct reap_err *err)
{
    char why[CURL_ERROR_SIZE] = "";
    CURL *c = curl_easy_init();
    CURLcode code;

    if (!c)
        return reap_fail(err, REAP_ENOMEM, "no memory to fetch %s", shown);
    set_up(c, url, f, why);
    code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &f->status);
    curl_easy_cleanup(c);
    if (f->write_errno)
        return reap_fail(err, REAP_EIO, "%s: writing it: %s", shown,
                         strerror(f->write_errno));
    if (code == CURLE_OUT_OF_MEMORY)
        return reap_fail(err, REAP_ENOMEM, "no memory to fetch %s", shown);
    if (code)
        return reap_fail(err, REAP_ENOTFOUND, "%s: %s", shown,
                         *why ? why : curl_easy_strerror(code));
    return REAP_OK;
}

static int fetch_check(struct fetch *f, const char *shown, const char *want,
                       struct reap_err *err)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";

    if (fflush(f->to) || fsync(fileno(f->to)))
        return reap_fail(err, REAP_EIO, "%s: writing it: %s", shown,
                         strerror(errno));
    if (!agrees(f->hash, want, hex))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: the download has the hash %s, but %s is expected",
                         shown, hex, want);
    return REAP_OK;
}

static int fetch_to(struct fetch *f, const char *url, const char *path,
                    const char *hash, struct reap_err *err)
{
    char shown[SHOWN]; /* the address without secrets */
    char temp[REAP_CREATE_NAME];
    const char *name;
    const int dir = reap_create_folder(path, &name);
    const int fd = dir < 0 ? -1 : reap_create_temp(dir, name, temp);
    int rc;

    reap_redact_text(shown, sizeof(shown), url);
    if (fd < 0) {
        rc = reap_fail(err, REAP_ECREATE, "%s: %s", path, strerror(errno));
        goto out;
    }
    f->to = fdopen(fd, "wb");
    f->hash = EVP_MD_CTX_new();
    if (!f->to || !f->hash ||
        !EVP_DigestInit_ex(f->hash, fetch_kind_of(hash), NULL))
        rc = reap_fail(err, REAP_ENOMEM, "no memory to fetch %s", shown);
    else
        rc = transfer(url, shown, f, err);
    if (!rc)
        rc = fetch_check(f, shown, hash, err);
    if (!rc && renameat(dir, temp, dir, name))
        rc = reap_fail(err, REAP_ECREATE, "%s: %s", path, strerror(errno));
    if (rc)
        unlinkat(dir, temp, 0);
    EVP_MD_CTX_free(f->hash);
    if (f->to)
        fclose(f->to);
    else
        close(fd);
out:
    if (dir >= 0)
        close(dir);
    return rc;
}

int reap_fetch(const char *url, const char *path, const char *hash,
               reap_fetch_fn *told, void *ctx, struct reap_err *err)
{
    struct fetch f = { .told = told, .ctx = ctx };

    return fetch_to(&f, url, path, hash, err);
}

int reap_fetch_as(const char *url, const char *path, const char *token,
                  long *status, struct reap_err *err)
{
    struct fetch f = { .token = token && *token ? token : NULL };
    int rc = fetch_to(&f, url, path, NULL, err);

    *status = f.status;
    return rc;
}

bool reap_fetch_matches(const char *path, const char *hash)
{
    enum { CHUNK = 1 << 16 };
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    uint8_t *chunk = reap_calloc(1, CHUNK);
    FILE *f = fopen(path, "rb");
    bool good =
        f && sum && chunk && EVP_DigestInit_ex(sum, fetch_kind_of(hash), NULL);

    for (size_t n; good && (n = fread(chunk, 1, CHUNK, f)) > 0;)
        EVP_DigestUpdate(sum, chunk, n);
    good = good && !ferror(f) && agrees(sum, hash, hex);
    if (f)
        fclose(f);
    EVP_MD_CTX_free(sum);
    reap_free(chunk);
    return good;
}
