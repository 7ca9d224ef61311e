/* jobs/search/photo_vector.h - a photo as the vector that its row would hold */
#ifndef REAP_JOBS_SEARCH_PHOTO_VECTOR_H
#define REAP_JOBS_SEARCH_PHOTO_VECTOR_H

#include "jobs/search/vectors.h"

struct reap_photo_vector;

/* Weights, preset and arithmetic of the store; --weights where the file is not
 * where it was. Returns REAP_EMISFIT (rows like these cannot be made here), or
 * what opening the network returns; the message says what to type. */
int reap_photo_vector_open(struct reap_photo_vector **out,
                           const struct reap_vectors *v,
                           struct reap_err *err) REAP_MUST_CHECK;

/* Of the image file at 'path', v->width numbers. Returns REAP_EFORMAT if it
 * cannot be decoded, REAP_ENOTFOUND, REAP_EACCESS, REAP_EIO or REAP_ENOMEM. */
int reap_photo_vector_run(struct reap_photo_vector *p, const char *path,
                          float *to, struct reap_err *err) REAP_MUST_CHECK;

void reap_photo_vector_close(struct reap_photo_vector **p);

#endif /* REAP_JOBS_SEARCH_PHOTO_VECTOR_H */
