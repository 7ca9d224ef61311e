/*
 * pipeline/prepare.h - from the bytes of a record to the pixels of a slot
 *
 * Decode, convert to RGB, resize and crop in one call that takes bytes and
 * fills a slot with crop, status and flags. It is done in a sandboxed child
 * (prepare_child.h) or in this process (prepare_here.h): nothing but bytes goes
 * in, nothing but pixels, a status and words comes out. One handle per thread.
 */
#ifndef REAP_PIPELINE_PREPARE_H
#define REAP_PIPELINE_PREPARE_H

#include <stdbool.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"
#include "io/dataset/dataset.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "io/image/decode.h" /* struct reap_limits */
#include "io/preset/preset.h"
#include "io/store/block.h"

struct reap_prepared {
    unsigned status, flags;
    char reason[REAP_REASON_MAX];
    size_t src_h, src_w;     /* of the image as decoded, 0 if unknown */
    size_t h, w;             /* of the pixels */
    enum reap_format format; /* REAP_N_FORMATS: raw or not known */
};

struct reap_prepare;

/*
 * From now on images are decoded by children in a sandbox (io/sandbox). Call it
 * first of all, before threads are started and libraries are used; without the
 * call they are decoded in this process. With 'strict' a child that this system
 * cannot lock up is none: reap_prepare_new() fails. A record may take 'seconds'
 * of computing, and one more for each 10 million pixels; then its status is
 * timeout. REAP_OK or REAP_ENOMEM.
 */
int reap_prepare_sandbox(bool strict, double seconds,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Bytes that the decoders of this process have had at most, together. */
uint64_t reap_prepare_memory(void);

/* '*p' and '*limits' are copied. Returns the codes of reap_decode_new() and
 * reap_resample_new(). */
int reap_prepare_new(struct reap_prepare **out, const struct reap_preset *p,
                     const struct reap_limits *limits,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Fill 'slot' with (h, w, 3) RGB pixels, bytes (float32 for float presets).
 * 'room' is the slot's size in bytes. Never fails as a call: what is wrong
 * with the image is in 'out'. A slot that is too small is too_large, with h and
 * w as they would be. Memory that a large image needed is given back.
 */
void reap_prepare_run(struct reap_prepare *p, const struct reap_image *image,
                      void *slot, size_t room, struct reap_prepared *out);

/* A view of an image that chance has chosen, for training. */
struct reap_augment {
    bool crop;       /* a part of the image, resized to the preset's size */
    bool flip;       /* perhaps mirrored, left to right */
    uint64_t chance; /* what is drawn follows from it */
};

/*
 * The same, but of a view. A crop has 8 to 100 % of the area and sides in a
 * ratio of 3:4 to 4:3, as torchvision's RandomResizedCrop; it takes the place
 * of the preset's resize and crop.
 */
void reap_prepare_view(struct reap_prepare *p, const struct reap_image *image,
                       const struct reap_augment *view, void *slot, size_t room,
                       struct reap_prepared *out);

/* Free '*p', which becomes NULL; NULL does nothing. */
void reap_prepare_free(struct reap_prepare **p);

#endif /* REAP_PIPELINE_PREPARE_H */
