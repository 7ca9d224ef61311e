/*
 * A Caffe Datum. Samples are 8 bits, planar, in OpenCV's order BGR. Writers
 * forget the flag 'encoded', so that a file's first bytes count as well.
 */
#include <stdio.h>

#include "engine/base/mem.h"
#include "io/dataset/caffe.pb-c.h"
#include "io/dataset/layout.h"
#include "io/file/status.h"

static void *layout_datum_take(void *failed, size_t size)
{
    void *p = reap_calloc(1, size ? size : 1);

    if (!p)
        *(bool *)failed = true;
    return p;
}

static void layout_datum_give(void *failed, void *p)
{
    (void)failed;
    reap_free(p);
}

static void free_datum(Reap__Caffe__Datum *d)
{
    bool failed = false;
    ProtobufCAllocator memory = { layout_datum_take, layout_datum_give,
                                  &failed };

    if (d)
        reap__caffe__datum__free_unpacked(d, &memory);
}

void reap_layout_scratch_clear(struct reap_layout_scratch *s)
{
    free_datum(s->datum);
    s->datum = NULL;
}

static Reap__Caffe__Datum *layout_datum_unpack(struct reap_bytes value,
                                               bool *failed)
{
    ProtobufCAllocator memory = { layout_datum_take, layout_datum_give,
                                  failed };

    *failed = false;
    return reap__caffe__datum__unpack(&memory, value.len, value.data);
}

static bool is_encoded(const Reap__Caffe__Datum *d)
{
    return d->has_data && ((d->has_encoded && d->encoded) ||
                           reap_layout_is_image((struct reap_bytes){
                               d->data.data, d->data.len }));
}

/* Samples of one or three channels, as many as there have to be? */
static bool is_raw(const Reap__Caffe__Datum *d)
{
    uint64_t plane;

    if (!d->has_data || d->height < 1 || d->width < 1 ||
        (d->channels != 1 && d->channels != 3))
        return false;
    plane = (uint64_t)d->height * (uint64_t)d->width; /* below 2^62 */
    return d->data.len % (size_t)d->channels == 0 &&
           d->data.len / (size_t)d->channels == plane;
}

bool reap_layout_datum_knows(struct reap_bytes value)
{
    Reap__Caffe__Datum *d;
    bool failed, known;

    /* The first field's tag: channels, height, width, data or label. */
    if (!value.len || (value.data[0] != 0x08 && value.data[0] != 0x10 &&
                       value.data[0] != 0x18 && value.data[0] != 0x22 &&
                       value.data[0] != 0x28))
        return false;
    d = layout_datum_unpack(value, &failed);
    known = d && (is_raw(d) || is_encoded(d));
    free_datum(d);
    return known;
}

unsigned reap_layout_datum_image(struct reap_bytes value,
                                 struct reap_layout_scratch *s,
                                 struct reap_image *out)
{
    const Reap__Caffe__Datum *d;
    bool failed;

    reap_layout_scratch_clear(s);
    if (!value.len)
        return REAP_STATUS_empty;
    d = s->datum = layout_datum_unpack(value, &failed);
    if (!d)
        return failed ? REAP_STATUS_io_error : REAP_STATUS_corrupt;
    if (d->has_label)
        snprintf(out->label, sizeof(out->label), "%d", (int)d->label);
    out->bytes = (struct reap_bytes){ d->data.data, d->data.len };
    if (is_raw(d) && !(d->has_encoded && d->encoded)) {
        out->raw = out->planar = out->bgr = true;
        out->height = (size_t)d->height;
        out->width = (size_t)d->width;
        out->channels = (size_t)d->channels;
        return REAP_STATUS_ok;
    }
    if (!d->has_data || !d->data.len)
        return d->has_data && !d->n_float_data ? REAP_STATUS_empty
                                               : REAP_STATUS_corrupt;
    return is_encoded(d) ? REAP_STATUS_ok : REAP_STATUS_corrupt;
}
