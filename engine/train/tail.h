/*
 * engine/train/tail.h - the late layers of a network and its head, trained
 *
 * The nodes from the frozen border on, in float32, and dense layers after the
 * average pool. Batch norms keep their running statistics (inference mode); of
 * each convolution the kernel, its bias, gamma and beta are trained, of each
 * dense layer weights and bias.
 *
 * A batch of n images is cut into a power of two of parts of at most 8 images,
 * whatever the number of threads and ranks. Gradients are summed within each
 * part, and the parts as a binary tree: (0 + 1) + (2 + 3). A rank computes a
 * whole subtree, so that any number of ranks ends with the same bytes.
 *
 * One thread calls; the crew computes. A step is forward, backward, the sum
 * over the ranks, update.
 */
#ifndef REAP_ENGINE_TRAIN_TAIL_H
#define REAP_ENGINE_TRAIN_TAIL_H

#include "engine/base/crew.h"
#include "engine/base/team.h"
#include "engine/net/graph.h"
#include "engine/net/params.h"
#include "engine/train/gemm.h"
#include "engine/train/unfreeze.h"

enum { REAP_TAIL_DENSE = 8, REAP_TAIL_PART = 8 };

struct reap_tail_args {
    const struct reap_graph *graph;   /* borrowed until the tail is freed */
    const struct reap_params *params; /* its tensors; checked, and copied */
    struct reap_unfreeze from;
    /* The head, copied; at most REAP_TAIL_DENSE layers. Hidden activations are
     * REAP_LINEAR or REAP_RELU, the last REAP_SOFTMAX or REAP_SIGMOID. */
    size_t n_dense;
    const struct reap_dense *dense;
    float dropout; /* share of each hidden layer's outputs to drop, 0: none */
    size_t max_batch;
    struct reap_team team;
    struct reap_crew *crew;       /* borrowed */
    const struct reap_gemm *gemm; /* likewise */
};

/* What a rank does of a batch of n: images 'from' to 'to', parts 'part' to
 * 'part' + 'parts'. 'ranks' is how many ranks have work, a power of two; the
 * others have none. */
struct reap_tail_share {
    size_t from, to, part, parts, all_parts, ranks;
};
struct reap_tail_share reap_tail_share(size_t n, size_t rank, size_t ranks);

/* Bytes that a tail takes, 0 if there is no memory to count them; '*numbers'
 * receives how many floats one of its vectors has. */
size_t reap_tail_bytes(const struct reap_tail_args *a, size_t *numbers);

struct reap_tail;

/* Returns REAP_OK, REAP_EMISFIT (a tensor is missing or has another shape, the
 * head takes another length: the message tells both) or REAP_ENOMEM. */
int reap_tail_new(struct reap_tail **out, const struct reap_tail_args *a,
                  struct reap_err *err) REAP_MUST_CHECK;
void reap_tail_free(struct reap_tail **t);

/* Where the features of this rank's images go: (share, h, w, c) of the border,
 * to be filled before each forward pass. */
float *reap_tail_input(struct reap_tail *t);
size_t reap_tail_input_size(const struct reap_tail *t); /* floats an image */

/* What a batch gave: the loss and whether the label was right, summed over the
 * images of each part. Parts of other ranks are 0, to be added up. */
enum { REAP_TAIL_SUMS = 2 };
struct reap_tail_result {
    double (*sums)[REAP_TAIL_SUMS]; /* (all_parts): loss, right; borrowed */
    size_t parts;
};

/*
 * Run the batch of n. 'target' is (n, classes), of all images: 1 for what is
 * right, else 0. Softmax cross entropy, or for REAP_SIGMOID binary cross
 * entropy, the mean over the classes. 'dice' decides what is dropped; 0: drop
 * nothing (evaluation). Then 'probs', if not NULL, receives (share, classes).
 */
void reap_tail_forward(struct reap_tail *t, size_t n, const float *target,
                       uint64_t dice, struct reap_tail_result *out,
                       float *probs);

/* Gradients of the mean loss of the batch that forward() ran. */
void reap_tail_backward(struct reap_tail *t);

/*
 * Add up what the ranks have: the gradients, and the sums of the result of
 * forward(). All ranks call it. Returns REAP_OK or what the team's share()
 * returned.
 */
int reap_tail_add_up(struct reap_tail *t, struct reap_err *err) REAP_MUST_CHECK;
int reap_tail_add_results(struct reap_tail *t, struct reap_tail_result *r,
                          struct reap_err *err) REAP_MUST_CHECK;

/* All numbers that are trained, as vectors of 'count' floats of one order:
 * gradients of backward(), this rank's share until they were added up; the
 * numbers; the two moments of Adam. */
enum reap_tail_vector {
    REAP_TAIL_GRADIENT,
    REAP_TAIL_WEIGHT,
    REAP_TAIL_MOMENT1,
    REAP_TAIL_MOMENT2,
    REAP_TAIL_VECTORS
};
size_t reap_tail_count(const struct reap_tail *t);
float *reap_tail_vector(struct reap_tail *t, enum reap_tail_vector which);

/* How Adam steps, in Keras's form: alpha = rate * sqrt(1 - b2^t) / (1 - b1^t),
 * w -= alpha * m / (sqrt(v) + epsilon); t counts from 1. */
struct reap_adam {
    double rate, b1, b2, epsilon;
    uint64_t t;
};

/* Turn the sums into gradients and step. Every rank does it, and alike. */
void reap_tail_update(struct reap_tail *t, const struct reap_adam *a);

/* The first half of an update alone, for tests: afterwards the gradients of
 * reap_tail_get() are true ones. */
void reap_tail_finish_gradient(struct reap_tail *t);

/* Call after the weights were set from outside. */
void reap_tail_refresh(struct reap_tail *t);

/* The numbers as tensors: those of the network under the framework's
 * names and in its order of axes, then for each dense layer i "i/weight"
 * (out, in) and "i/bias". */
size_t reap_tail_tensors(const struct reap_tail *t);
void reap_tail_tensor(const struct reap_tail *t, size_t i,
                      struct reap_tensor_spec *out);
void reap_tail_get(struct reap_tail *t, size_t i, enum reap_tail_vector which,
                   float *to);

#endif /* REAP_ENGINE_TRAIN_TAIL_H */
