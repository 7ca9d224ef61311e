/*
 * io/weights/find/find_head.h - the classifier of a network in a file
 *
 * Inside io/weights/find/. A head stands under the network's prefix (fc), or
 * beside the network (head.fc, classifier); its dense layers lead on from the
 * features. What projects features for training without labels is none.
 */
#ifndef REAP_IO_WEIGHTS_FIND_FIND_HEAD_H
#define REAP_IO_WEIGHTS_FIND_FIND_HEAD_H

#include "io/weights/find/find_names.h"
#include "io/weights/weights_impl.h"

struct reap_find_head {
    char root[REAP_FIND_NAME]; /* prefix of its names, "" if there is none */
    bool stacked;              /* several dense layers, by number */
};

/* Look for the head of the network of 'features' channels under 'prefix', which
 * ends in a dot or is "". */
void reap_find_head(const struct reap_weights_in *in, enum reap_dialect d,
                    const char *prefix, size_t features,
                    struct reap_find_head *out);

/* The name that a tensor of the head gets; false if it is none. */
bool reap_find_head_name(const struct reap_find_head *h, const char *name,
                         char to[REAP_FIND_NAME]);

#endif /* REAP_IO_WEIGHTS_FIND_FIND_HEAD_H */
