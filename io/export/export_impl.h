/* io/export/export_impl.h - what an exporter is; for export*.c */
#ifndef REAP_IO_EXPORT_EXPORT_IMPL_H
#define REAP_IO_EXPORT_EXPORT_IMPL_H

#include "io/export/export.h"
#include "io/out/outfile.h"

/* The export at hand, made by export.c. */
struct reap_export {
    const struct reap_export_args *args;
    const struct reap_schema *schema;
    const char *stem; /* of names of files: the path without its ending */
    char *meta;       /* name of F.meta.json; NULL: to standard output */
    bool numbers;     /* one with companions, .keys.txt and .failed.tsv */
    int top;          /* column of best classes, -1 if there is none */
    size_t n_top;     /* classes a row to be written */
};

/* One key. 'values' has a pointer per column, NULL where the exporter does not
 * want the column or the row has no values. */
struct reap_export_row {
    const struct reap_row *row;
    const float *const *values;
};

struct reap_exporter {
    bool numbers; /* matrices, with the files of their keys */
    /* Does it want the values of this column? */
    bool (*wants)(const struct reap_export *e, size_t column);
    int (*open)(void **ctx, const struct reap_export *e, struct reap_err *err);
    int (*row)(void *ctx, const struct reap_export *e,
               const struct reap_export_row *r, struct reap_err *err);
    /* The files appear. 'ctx' is freed by abort() in every case. */
    int (*commit)(void *ctx, struct reap_err *err);
    void (*abort)(void *ctx);
};

#define EXPORTER(name, ending, about) \
    extern const struct reap_exporter reap_export_##name;
#include "io/export/exporters.def"
#undef EXPORTER

/* Begin the file 'stem' + 'more'. */
int reap_export_beside(struct reap_outfile **out, const struct reap_export *e,
                       const char *more, struct reap_err *err) REAP_MUST_CHECK;

/* REAP_ECREATE if F.meta.json tells of other rows, whose files are still there,
 * or is somebody else's. */
int reap_export_meta_check(const struct reap_export *e,
                           struct reap_err *err) REAP_MUST_CHECK;

/* Write F.meta.json. */
int reap_export_meta(const struct reap_export *e,
                     const struct reap_exported *counts,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_EXPORT_EXPORT_IMPL_H */
