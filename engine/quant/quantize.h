/*
 * engine/quant/quantize.h - scales for int8, found by looking at images
 *
 * Each map after a ReLU becomes bytes times a scale. What scale is best is
 * measured: the fp32 network is run on the images of a calibration, and the
 * largest value, two percentiles and the least squared error are tried on the
 * whole network. Then each channel's bias is corrected, in rounds, by a part of
 * what its mean has moved, while that brings embeddings nearer to fp32's.
 * Sources: Krishnamoorthi, arXiv 1806.08342; Nagel et al., arXiv 1906.04721
 * (section 4.2, with means that are measured).
 */
#ifndef REAP_ENGINE_QUANT_QUANTIZE_H
#define REAP_ENGINE_QUANT_QUANTIZE_H

#include "engine/plan/backend.h"

struct reap_quantized {
    const char *range; /* what scales cover: "max", "99.99 %", ... */
    double plain;      /* mean cosine of embeddings to fp32 with it */
    double corrected;  /* and with corrected biases; as plain if not better */
    unsigned rounds;   /* of correction that were kept */
};

/*
 * Find scales and corrections for 'net' from n >= 1 images of (in_h, in_w, 3)
 * bytes and set them. 'about' may be NULL. Returns REAP_OK, REAP_EINVAL (a net
 * or CPU that int8 is not for: the message says why) or REAP_ENOMEM.
 */
int reap_quantize(struct reap_net *net, const struct reap_norm *norm, size_t n,
                  const void *const *images, struct reap_quantized *about,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_ENGINE_QUANT_QUANTIZE_H */
