/*
 * jobs/review/review.h - the rows worth a human look, and why
 *
 * Each reason (reasons.def) makes a list of rows, the most pressing first; the
 * budget is filled from these lists in turns. Memory: some 100 bytes a row, the
 * embeddings of labelled rows, their probabilities. One thread at a time; it
 * starts its own.
 */
#ifndef REAP_JOBS_REVIEW_REVIEW_H
#define REAP_JOBS_REVIEW_REVIEW_H

#include "jobs/judge/labelled.h"

enum reap_reason {
#define REASON(name, about) REAP_REASON_##name,
#include "jobs/review/reasons.def"
#undef REASON
    REAP_N_REASONS
};

struct reap_review_args {
    struct reap_labelled_args of;
    const char *embeddings; /* a store; NULL: those of the store, if any */
    size_t budget;          /* rows to choose */
    size_t neighbours;      /* that vote */
    double duplicate;       /* cosine of near duplicates */
    size_t threads;
};

/* A row with a result. */
struct reap_reviewed {
    struct reap_bytes key;
    int32_t label;               /* class, -1: none */
    int32_t guess;               /* class */
    float prob, entropy, margin; /* NAN where not known */
    float own;                   /* probability of the label, NAN likewise */
    int32_t near;                /* class of most neighbours, -1: none */
    float near_share, near_own;  /* of the neighbours: this, the label */
    int32_t twin;                /* a near duplicate of another label, -1 */
    float twin_cosine;
    unsigned why; /* bits: 1 << reason */
};

struct reap_review {
    struct reap_labelled of;
    size_t rows, without; /* of the store; those without a result */
    struct reap_reviewed *row;
    size_t n, room, labelled;
    size_t unknown; /* labels that are not a class */
    bool has_near;  /* neighbours were looked for */
    bool has_suspects;
    size_t found[REAP_N_REASONS]; /* rows in each list */
    size_t *chosen, n_chosen;     /* rows, in the order of the list */
};

/* Find what there is. Remarks on what cannot be found. Errors are those of what
 * is opened, REAP_ENOTFOUND if no row has a result. To be closed in any case.
 */
int reap_review_open(struct reap_review *r, const struct reap_review_args *a,
                     const struct reap_options *o,
                     struct reap_err *err) REAP_MUST_CHECK;

/* "unsure", ..., and the sentence of reasons.def. */
const char *reap_reason_name(unsigned reason);
const char *reap_reason_about(unsigned reason);

/* The class that a person should consider: the guess, or where that is the
 * label, the one of the neighbours or of the duplicate. */
int32_t reap_review_suggested(const struct reap_review *r,
                              const struct reap_reviewed *row);

/* Close all of it; a cleared struct stays so. */
void reap_review_close(struct reap_review *r);

#endif /* REAP_JOBS_REVIEW_REVIEW_H */
