/*
 * cluster/rank_marks.h - what ranks leave for the supervisor that started them
 *
 * A small file next to the store, named by the environment variable
 * REAP_RANK_MARKS, to which ranks append a line for each thing that the
 * supervisor cannot see from outside. Without that variable nothing is written.
 * Any thread.
 */
#ifndef REAP_CLUSTER_RANK_MARKS_H
#define REAP_CLUSTER_RANK_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#define REAP_RANK_MARKS "REAP_RANK_MARKS"

/* What the lines of such a file say. */
struct reap_rank_marks {
    size_t ready;  /* ranks that were about to join MPI: "ready" */
    bool met;      /* the ranks have agreed on the arithmetic: "met" */
    bool hello;    /* all ranks found each other: "hello" */
    bool time;     /* --time-limit was reached: "time" */
    bool drain;    /* a signal reached the first rank itself: "drain" */
    size_t beats;  /* the first rank is alive: "beat", every few seconds */
    bool ended;    /* the first rank ended in order: "end STATUS" */
    int status;    /* its exit status */
    size_t length; /* of the file, beats aside */
};

/* Was this process started by the supervisor? */
bool reap_rank_marks_wanted(void);

/* Append a line, "ready", "hello", ...; failures are not told: the supervisor
 * then falls back on what it sees. */
void reap_rank_mark(const char *word);

/* Append "end STATUS": the last thing the first rank does. */
void reap_rank_marks_end(int status);

/* From now on note every few seconds that this process lives, from a thread of
 * its own. For the first rank, once; where none can be started nothing is
 * noted. */
void reap_rank_marks_beat(void);

/* Read the file at 'path'; no file is no marks. */
void reap_rank_marks_read(const char *path, struct reap_rank_marks *out);

#endif /* REAP_CLUSTER_RANK_MARKS_H */
