/*
 * jobs/tune/tune_views.h - from images to the features of the frozen border
 *
 * The frozen part of a network is run once for each image and the features go
 * to a file; with augmentation it is run for every view. A file of features is
 * used again if it holds what is wanted, and a stopped run is resumed from it.
 * Ranks share the work and the file, which all of them have to see.
 */
#ifndef REAP_JOBS_TUNE_VIEWS_H
#define REAP_JOBS_TUNE_VIEWS_H

#include "engine/base/crew.h"
#include "engine/base/team.h"
#include "engine/engine.h"
#include "jobs/tune/tune_data.h"
#include "pipeline/prepare.h"

enum { REAP_VIEWS_AT_ONCE = 4 }; /* images of a pass */

struct reap_views_args {
    const struct reap_tune_data *data; /* borrowed, as is all of this */
    const struct reap_engine *engine;  /* its one output is the border,
                                          its batch REAP_VIEWS_AT_ONCE */
    const struct reap_preset *preset;
    const struct reap_limits *limits;
    struct reap_crew *crew;
    struct reap_team team;
    const char *path;             /* of the file of features */
    const char *fingerprint_text; /* what decides them */
    bool augment;                 /* all images are viewed: no file */
    void *ctx;
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    bool (*stop)(void *ctx); /* asked now and then; NULL: never */
};

struct reap_views;

/* Bytes that the file will have. */
uint64_t reap_views_bytes(const struct reap_views_args *a);

/*
 * Prepare all images: their features to the file or, with 'augment', only a
 * look at whether they can be decoded. All ranks call it. Returns REAP_OK,
 * REAP_ESTOPPED, REAP_ECREATE or REAP_EIO (the file), REAP_ENOMEM.
 */
int reap_views_open(struct reap_views **out, const struct reap_views_args *a,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Can image i be decoded? */
bool reap_views_good(const struct reap_views *v, size_t i);

/*
 * The features of n images, one after the other, to 'to'. 'view' says for each
 * what to draw; NULL: the images as they are. REAP_EIO, or REAP_EFORMAT if an
 * image was good before and is not now.
 */
int reap_views_load(struct reap_views *v, const size_t *item, size_t n,
                    const struct reap_augment *view, float *to,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Close '*v', which becomes NULL; NULL does nothing. */
void reap_views_close(struct reap_views **v);

#endif /* REAP_JOBS_TUNE_VIEWS_H */
