/*
 * A record goes through its stages here, one after the other in one thread,
 * each charged its time: read, prepare into a slot, then the engine for all
 * slots at once, then rows into the shard's block. Where records come from is
 * source.c's, pixels prepare.c's.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/head/l2.h"
#include "io/file/limits.h"
#include "pipeline/batch.h"
#include "pipeline/trace.h"

/* What a slot's row needs besides its values. */
struct slot {
    struct reap_item item;
    uint32_t crc;
    unsigned flags;
    char label[REAP_LABEL_MAX + 1];
};

struct reap_batch {
    const struct reap_flow_args *a; /* borrowed */
    struct reap_source *source;     /* borrowed */
    struct reap_cursor *cursor;     /* for the import's index */
    struct reap_prepare *prepare;
    struct reap_session *session;
    struct reap_image image; /* of the record in hand */
    struct slot *slot;
    size_t room; /* bytes of one slot's pixels */
    uint8_t *pixels;
    const void **images;
    void *out[REAP_MAX_OUTPUTS];
    size_t stride[REAP_MAX_OUTPUTS]; /* 4-byte values per image */
    size_t n;
    double mark; /* when the stage in hand began */
    struct reap_flow_times times;
};

/* Charge the time since the last call to a stage. */
static void charge(struct reap_batch *b, double *stage)
{
    double t = reap_clock();

    *stage += t - b->mark;
    b->mark = t;
}

/* Memory for the slots and for what the engine writes. */
static int batch_make_room(struct reap_batch *b, struct reap_err *err)
{
    const struct reap_flow_args *a = b->a;
    size_t h, w, value = a->preset->norm.float_in ? sizeof(float) : 1;

    reap_preset_size(a->preset, &h, &w);
    b->room = (h * w * 3 * value + 63) / 64 * 64;
    b->slot = reap_calloc(a->batch, sizeof(*b->slot));
    b->images = reap_calloc(a->batch, sizeof(*b->images));
    b->pixels = reap_aligned(a->batch * b->room);
    if (!b->slot || !b->images || !b->pixels)
        return reap_fail(err, REAP_ENOMEM, "no memory for a batch of %zu",
                         a->batch);
    for (size_t i = 0; i < a->batch; i++)
        b->images[i] = b->pixels + i * b->room;
    for (size_t i = 0; i < a->schema.n; i++) {
        b->stride[i] = reap_column_count(&a->schema.column[i]);
        b->out[i] = reap_aligned(a->batch * b->stride[i] * sizeof(float));
        if (!b->out[i])
            return reap_fail(err, REAP_ENOMEM, "no memory for a batch of %zu",
                             a->batch);
    }
    return REAP_OK;
}

int reap_batch_new(struct reap_batch **out, const struct reap_flow_args *a,
                   struct reap_source *source, struct reap_err *err)
{
    struct reap_batch *b = reap_calloc(1, sizeof(*b));
    int rc;

    *out = NULL;
    if (!b)
        return reap_fail(err, REAP_ENOMEM, "no memory for a batch");
    b->a = a;
    b->source = source;
    b->mark = reap_clock();
    rc = batch_make_room(b, err);
    if (!rc)
        rc = reap_cursor_open(&b->cursor, a->dataset, err);
    if (!rc)
        rc = reap_prepare_new(&b->prepare, a->preset, &a->limits, err);
    if (!rc)
        rc = reap_session_new(&b->session, a->engine, err);
    if (rc)
        reap_batch_free(&b);
    *out = b;
    return rc;
}

size_t reap_batch_filled(const struct reap_batch *b)
{
    return b->n;
}

bool reap_batch_full(const struct reap_batch *b)
{
    return b->n == b->a->batch;
}

/* All rows are set: send the block away. */
static int batch_finish(struct reap_batch *b, struct reap_shard *sh,
                        struct reap_err *err)
{
    const struct reap_flow_args *a = b->a;
    struct reap_origin from = { .shard = sh->lease.shard,
                                .attempt = sh->lease.attempt,
                                .rank = a->rank };
    uint8_t *bytes = NULL;
    size_t len;
    int rc;

    from.seconds = reap_clock() - sh->since;
    gethostname(from.host, sizeof(from.host) - 1);
    snprintf(from.level, sizeof(from.level), "%s",
             reap_engine_level(a->engine));
    rc = reap_block_encode(sh->block, &from, &bytes, &len, err);
    if (!rc)
        rc = a->sink.put(a->sink.ctx, &sh->lease, bytes, len, err);
    if (rc)
        reap_free(bytes);
    reap_source_release(b->source, sh);
    return rc;
}

static int set_row(struct reap_batch *b, const struct reap_item *item,
                   const struct reap_row *row, const void *const *values,
                   struct reap_err *err)
{
    int rc = reap_block_set(item->shard->block, item->index, row, values, err);

    b->times.rows++;
    b->times.bad += row->status != REAP_STATUS_ok;
    if (rc)
        return rc;
    if (atomic_fetch_sub(&item->shard->missing, 1) == 1)
        return batch_finish(b, item->shard, err);
    return REAP_OK;
}

static int add_bad(struct reap_batch *b, const struct reap_item *item,
                   uint32_t crc, const struct reap_prepared *p,
                   const char *label, struct reap_err *err)
{
    struct reap_row row = { .key = item->rec.key,
                            .status = (uint8_t)p->status,
                            .flags = (uint16_t)p->flags,
                            .crc = crc,
                            .label = label,
                            .reason = p->reason };
    int rc = set_row(b, item, &row, NULL, err);

    charge(b, &b->times.sink);
    return rc;
}

/* Two ranks died with this record alone in hand: it is not touched again. */
static int add_condemned(struct reap_batch *b, const struct reap_item *item,
                         struct reap_err *err)
{
    struct reap_prepared p = { .status = REAP_STATUS_crashed,
                               .flags = REAP_FLAG_quarantined,
                               .reason = "two processes died with this record "
                                         "in hand" };

    return add_bad(b, item, 0, &p, "", err);
}

static void why(struct reap_prepared *p, unsigned status)
{
    static const char *const words[REAP_N_STATUS] = {
        [REAP_STATUS_empty] = "the record holds no bytes",
        [REAP_STATUS_corrupt] = "the record is not of the dataset's layout",
        [REAP_STATUS_checksum] = "size or CRC-32C differ from the import's",
    };

    memset(p, 0, sizeof(*p));
    p->status = status;
    snprintf(p->reason, sizeof(p->reason), "%s",
             words[status] ? words[status] : reap_status_name(status));
}

int reap_batch_add(struct reap_batch *b, const struct reap_item *item,
                   struct reap_err *err)
{
    struct slot *slot = &b->slot[b->n];
    struct reap_prepared p;
    unsigned status;

    if (item->shard->lease.flags & REAP_LEASE_CONDEMNED)
        return add_condemned(b, item, err);
    b->image.label[0] = '\0';
    status = reap_dataset_image(b->a->dataset, b->cursor, &item->rec,
                                b->a->label_from, &b->image, &slot->crc);
    charge(b, &b->times.read);
    if (status == REAP_STATUS_ok)
        reap_prepare_run(b->prepare, &b->image, (void *)b->images[b->n],
                         b->room, &p);
    else
        why(&p, status);
    charge(b, &b->times.prepare);
    if (p.status != REAP_STATUS_ok)
        return add_bad(b, item, slot->crc, &p, b->image.label, err);
    slot->item = *item;
    slot->flags = p.flags;
    memcpy(slot->label, b->image.label, sizeof(slot->label));
    b->n++;
    return REAP_OK;
}

static int batch_release(struct reap_batch *b, size_t i, struct reap_err *err)
{
    const void *values[REAP_MAX_OUTPUTS];
    struct slot *slot = &b->slot[i];
    struct reap_row row = { .key = slot->item.rec.key,
                            .status = REAP_STATUS_ok,
                            .flags = (uint16_t)slot->flags,
                            .crc = slot->crc,
                            .label = slot->label,
                            .reason = "" };

    for (size_t c = 0; c < b->a->schema.n; c++) {
        float *x = (float *)b->out[c] + i * b->stride[c];

        if (b->a->l2 & 1u << c)
            reap_l2(x, b->stride[c]);
        values[c] = x;
    }
    return set_row(b, &slot->item, &row, values, err);
}

int reap_batch_run(struct reap_batch *b, struct reap_err *err)
{
    int rc = REAP_OK;

    if (!b->n)
        return REAP_OK;
    for (size_t i = 0; i < b->n; i++)
        reap_trace_run(b->slot[i].item.rec.key);
    charge(b, &b->times.sink);
    reap_session_run(b->session, b->n, b->images, b->out);
    charge(b, &b->times.engine);
    for (size_t i = 0; i < b->n && !rc; i++)
        rc = batch_release(b, i, err);
    b->n = 0;
    charge(b, &b->times.sink);
    return rc;
}

void reap_batch_waited(struct reap_batch *b, double seconds)
{
    b->times.wait += seconds;
    b->mark = reap_clock();
}

void reap_batch_times(struct reap_batch *b, struct reap_flow_times *sum)
{
#define STAGE(name, about) sum->name += b->times.name;
#include "pipeline/stages.def"
#undef STAGE
    sum->rows += b->times.rows;
    sum->bad += b->times.bad;
    memset(&b->times, 0, sizeof(b->times));
}

void reap_batch_free(struct reap_batch **b)
{
    struct reap_batch *old = *b;

    if (!old)
        return;
    reap_session_free(&old->session);
    reap_prepare_free(&old->prepare);
    reap_cursor_close(&old->cursor);
    for (size_t i = 0; i < REAP_MAX_OUTPUTS; i++)
        reap_free(old->out[i]);
    reap_free(old->pixels);
    reap_free(old->images);
    reap_free(old->slot);
    reap_free(old);
    *b = NULL;
}
