/* A record of a dataset for show_image.c. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/status.h"
#include "io/file/text.h"
#include "jobs/inspect/show_image.h"

static int seek(struct reap_cursor *c, struct reap_bytes key,
                struct reap_record *rec, struct reap_err *err)
{
    int rc = reap_cursor_seek(c, key, rec, err);

    if (!rc && (rec->key.len != key.len ||
                memcmp(rec->key.data, key.data, key.len) != 0))
        rc = REAP_ENOTFOUND;
    return rc;
}

/* The key as it was typed, else the bytes that its escapes mean. */
static int show_record_find(struct reap_cursor *c, const char *typed,
                            struct reap_record *rec, struct reap_err *err)
{
    struct reap_bytes key = { (const uint8_t *)typed, strlen(typed) };
    unsigned char *plain;
    int rc = seek(c, key, rec, err);

    if (rc != REAP_ENOTFOUND || !strchr(typed, '\\'))
        return rc;
    plain = reap_calloc(1, key.len + 1);
    if (!plain)
        return reap_fail(err, REAP_ENOMEM, "no memory for a key");
    key = (struct reap_bytes){ plain, reap_text_unescape(typed, plain) };
    rc = seek(c, key, rec, err);
    reap_free(plain);
    return rc;
}

int reap_show_record(const char *path, const char *key,
                     const struct reap_options *o, struct reap_err *err)
{
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record rec;
    struct reap_image image;
    unsigned status;
    uint32_t crc;
    int rc = reap_dataset_open(&ds, path, err);

    if (!rc)
        rc = reap_cursor_open(&c, ds, err);
    if (rc)
        goto out;
    rc = show_record_find(c, key, &rec, err);
    if (rc) {
        if (rc == REAP_ENOTFOUND)
            rc = reap_fail(err, rc, "%s has no record with the key %s", path,
                           key);
        goto out;
    }
    status = reap_dataset_image(ds, c, &rec, REAP_LABEL_NONE, &image, &crc);
    if (status != REAP_STATUS_ok && status != REAP_STATUS_empty)
        rc = reap_fail(err, REAP_EFORMAT, "%s: %s", key,
                       reap_status_name(status));
    else
        rc = reap_show_image(key, &image, o, err);
out:
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
    return rc;
}
