/* A value that is an image file. */
#include "io/dataset/layout.h"
#include "io/file/status.h"

bool reap_layout_encoded_knows(struct reap_bytes value)
{
    return reap_layout_is_image(value);
}

unsigned reap_layout_encoded_image(struct reap_bytes value,
                                   struct reap_layout_scratch *s,
                                   struct reap_image *out)
{
    (void)s;
    out->bytes = value;
    return value.len ? REAP_STATUS_ok : REAP_STATUS_empty;
}
