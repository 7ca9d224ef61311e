/*
 * pipeline/prepare_box.h - the memory that a rank and a decoder share
 *
 * One box a decoder. The rank writes what stands before 'out' and the bytes of
 * the record; the decoder writes the rest and the pixels. One byte on the
 * socket says that it is the other's turn. What a decoder wrote is not trusted:
 * it is copied, then checked.
 */
#ifndef REAP_PIPELINE_PREPARE_BOX_H
#define REAP_PIPELINE_PREPARE_BOX_H

#include <stdatomic.h>

#include "pipeline/prepare.h"

enum { REAP_BOX_HEAD = 8192 }; /* bytes before the pixels */

struct reap_box {
    /* for good */
    struct reap_preset preset;
    struct reap_limits limits;
    int64_t pid; /* the decoder's own number, before its first record */
    /* of this record */
    struct reap_image image; /* bytes.data is not used */
    struct reap_augment view;
    bool has_view;
    uint64_t room;  /* of the pixels, which begin at REAP_BOX_HEAD */
    uint64_t bytes; /* where the record's bytes begin */
    uint64_t size;  /* of the whole memory */
    /* the answer */
    struct reap_prepared out;
    uint64_t memory;               /* most that the decoder has had */
    atomic_uint_fast64_t admitted; /* pixels that it holds of the budget */
    atomic_uint_fast64_t pixels;   /* of the image in hand, once known */
    atomic_bool waiting;           /* for others to let go of theirs */
};

/* Where the record's bytes begin behind 'room' bytes of pixels. */
static inline uint64_t reap_box_bytes(uint64_t room)
{
    return REAP_BOX_HEAD + (room + 63) / 64 * 64;
}

/*
 * Pixels of large images (over 16 million) that all decoders of a rank may
 * have in work at once. Made before the zygote, shared with its children.
 * take() waits; both count in box->admitted.
 */
void reap_budget_make(void);
void reap_budget_take(struct reap_box *box, uint64_t pixels);
void reap_budget_give(struct reap_box *box);

/* What a decoder does: reap_zygote_fn. */
void reap_prepare_serve(int socket, int memory);

#endif /* REAP_PIPELINE_PREPARE_BOX_H */
