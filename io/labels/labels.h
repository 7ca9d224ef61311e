/*
 * io/labels/labels.h - names of classes
 *
 * ImageNet's 1000 are built in (imagenet_classes.def); others come from a file
 * or from the weights' own metadata. Constant after opening: any thread.
 */
#ifndef REAP_IO_LABELS_LABELS_H
#define REAP_IO_LABELS_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

struct reap_labels;

/*
 * The names of a head's 'classes' classes. 'file' NULL: ImageNet's if there
 * are 1000, or 1001 of which the first is the "background", in Keras's spelling
 * ("great_grey_owl") or torchvision's ("great grey owl"), else empty names.
 * 'file' holds a name a line; or columns between tabs, [index] [wnid] name; or
 * JSON: a list of names, or an object from index to name or [wnid, name]
 * (imagenet_class_index.json). A byte order mark, CRLF and a line of headings
 * are passed over; 1000 names may name 1001 classes after a background.
 * Returns REAP_OK, REAP_EINVAL (names and classes differ in number: the message
 * tells both), REAP_ENOTFOUND, REAP_EACCESS, REAP_EFORMAT, REAP_EIO or
 * REAP_ENOMEM.
 */
int reap_labels_open(struct reap_labels **out, const char *file, size_t classes,
                     bool keras, struct reap_err *err) REAP_MUST_CHECK;

/* The same from 'n' names in memory, as struct reap_weights has them; copied.
 * Returns REAP_OK, REAP_EINVAL or REAP_ENOMEM. */
int reap_labels_from(struct reap_labels **out, char *const *name, size_t n,
                     size_t classes, struct reap_err *err) REAP_MUST_CHECK;

/* How many classes there are: the 'classes' it was opened with. */
size_t reap_labels_count(const struct reap_labels *l);

/* Name and WordNet id of class i < count, "" if there is none. Borrowed. */
const char *reap_labels_name(const struct reap_labels *l, size_t i);
const char *reap_labels_wnid(const struct reap_labels *l, size_t i);

/* 1 if there are 1001 classes of which the first is a background, else 0. */
size_t reap_labels_background(const struct reap_labels *l);

/* All of them as text, "wnid TAB name" a line each; tabs and line ends in a
 * name become spaces. NULL if no class has a name, or without memory. Owned:
 * reap_free(). */
char *reap_labels_text(const struct reap_labels *l);

/* Close '*l', which becomes NULL; NULL does nothing. */
void reap_labels_close(struct reap_labels **l);

#endif /* REAP_IO_LABELS_LABELS_H */
