/*
 * jobs/search/listing.h - where answers go: the screen, or a file of lines
 */
#ifndef REAP_JOBS_SEARCH_LISTING_H
#define REAP_JOBS_SEARCH_LISTING_H

#include <stdio.h>

#include "io/out/outfile.h"
#include "jobs/search/vectors.h"

enum reap_listing_form {
    REAP_LISTING_TEXT,
    REAP_LISTING_CSV,
    REAP_LISTING_JSON
};

struct reap_listing {
    FILE *to;
    enum reap_listing_form form;
    struct reap_outfile *file; /* NULL: stdout */
    size_t fields;             /* of the CSV line at hand */
    bool safe;                 /* --csv-safe */
};

/* -o FILE.csv or FILE.jsonl, which appears whole when it is closed; else
 * stdout, as text or by --json. Returns REAP_EINVAL for another ending, or the
 * codes of reap_outfile_open(). */
int reap_listing_open(struct reap_listing *l, const struct reap_options *o,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The fields of a CSV line, "end" it after the last. */
void reap_listing_field(struct reap_listing *l, const char *text);
void reap_listing_number(struct reap_listing *l, double x);
void reap_listing_end(struct reap_listing *l);

/* A row's key and label as fields; as members of the JSON object 'to'. */
void reap_listing_row(struct reap_listing *l, const struct reap_vectors *v,
                      size_t i);
void reap_listing_json(void *to, const struct reap_vectors *v, size_t i);

/* The same for people, to the end of the line. */
void reap_listing_text(const struct reap_listing *l,
                       const struct reap_vectors *v, size_t i);

/* Print the JSON object on a line of its own, and let go of it. */
void reap_listing_object(FILE *to, void *object);

/* Commit the file unless 'rc', and return 'rc' or what that gave. */
int reap_listing_close(struct reap_listing *l, int rc,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SEARCH_LISTING_H */
