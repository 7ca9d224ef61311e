#include "io/codec/jpeg_io.h"

#include <jerror.h>

#include "engine/base/mem.h"

enum { FIRST = 1 << 16 /* bytes of a sink, doubled as needed */ };

static void nothing(j_decompress_ptr c)
{
    (void)c;
}

static boolean fill(j_decompress_ptr c)
{
    static const JOCTET end[] = { 0xff, JPEG_EOI };
    struct reap_jpeg_source *s = (struct reap_jpeg_source *)c->src;

    s->ended = true;
    if (!s->keep)
        return FALSE;
    WARNMS(c, JWRN_JPEG_EOF);
    s->pub.next_input_byte = end;
    s->pub.bytes_in_buffer = sizeof(end);
    return TRUE;
}

static void skip(j_decompress_ptr c, long n)
{
    struct jpeg_source_mgr *s = c->src;
    size_t step = n > 0 ? (size_t)n : 0;

    if (step > s->bytes_in_buffer)
        step = s->bytes_in_buffer; /* the next read finds the end */
    s->next_input_byte += step;
    s->bytes_in_buffer -= step;
}

void reap_jpeg_source(j_decompress_ptr c, struct reap_jpeg_source *s,
                      struct reap_bytes bytes, bool keep)
{
    *s = (struct reap_jpeg_source){ .keep = keep };
    s->pub.next_input_byte = bytes.data;
    s->pub.bytes_in_buffer = bytes.len;
    s->pub.init_source = nothing;
    s->pub.fill_input_buffer = fill;
    s->pub.skip_input_data = skip;
    s->pub.resync_to_restart = jpeg_resync_to_restart;
    s->pub.term_source = nothing;
    c->src = &s->pub;
}

static void sink_grow(j_compress_ptr c)
{
    struct reap_jpeg_sink *s = (struct reap_jpeg_sink *)c->dest;
    size_t room = s->room ? 2 * s->room : FIRST;
    uint8_t *more = reap_realloc(s->data, room);

    if (!more)
        ERREXIT1(c, JERR_OUT_OF_MEMORY, 0);
    s->data = more;
    s->pub.next_output_byte = more + s->room;
    s->pub.free_in_buffer = room - s->room;
    s->room = room;
}

static boolean sink_empty(j_compress_ptr c)
{
    sink_grow(c);
    return TRUE;
}

static void sink_end(j_compress_ptr c)
{
    struct reap_jpeg_sink *s = (struct reap_jpeg_sink *)c->dest;

    s->len = s->room - s->pub.free_in_buffer;
}

void reap_jpeg_sink(j_compress_ptr c, struct reap_jpeg_sink *s)
{
    s->pub.init_destination = sink_grow;
    s->pub.empty_output_buffer = sink_empty;
    s->pub.term_destination = sink_end;
    c->dest = &s->pub;
}
