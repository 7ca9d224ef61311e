/*
 * The list of tensors that a reader fills, and the conversion of their numbers
 * to float32 in row-major order whatever strides and type the file has, one
 * tensor at a time when it is needed. Shapes are bounded here, so that no file
 * can claim more numbers than it has.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/half.h"
#include "io/file/le.h"
#include "io/weights/weights_impl.h"

/* Far more tensors than a checkpoint with its optimiser and its averages has
 * (ResNet-152: 932 in the network alone). */
enum { MAX_TENSORS = 100000, SLACK = 256, WHY = 300 };

size_t reap_dtype_size(enum reap_dtype d)
{
    static const size_t size[] = {
        [REAP_F32] = 4, [REAP_F16] = 2, [REAP_BF16] = 2,
        [REAP_F64] = 8, [REAP_I64] = 8,
    };

    return size[d];
}

static int weights_list_grow(struct reap_weights_in *in)
{
    struct reap_raw *raw;

    if (in->n < in->room)
        return REAP_OK;
    raw = reap_realloc(in->raw, (in->room * 2 + 64) * sizeof(*raw));
    if (!raw)
        return REAP_ENOMEM;
    in->raw = raw;
    in->room = in->room * 2 + 64;
    return REAP_OK;
}

/* Elements of that shape; false if there cannot be so many. */
static bool countable(size_t rank, const size_t *dim, size_t *count)
{
    size_t n = 1;

    for (size_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(n, dim[i], &n))
            return false;
    *count = n;
    return true;
}

/* A tensor of more numbers than the file has bytes wants our memory; for all
 * of them together see reap_weights_settle(). */
static int weights_list_check(const struct reap_weights_in *in,
                              const char *name, size_t rank, const size_t *dim,
                              size_t *count, struct reap_err *err)
{
    if (!*name)
        return reap_fail(err, REAP_EFORMAT, "tensor %zu has no name", in->n);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return reap_fail(err, REAP_EFORMAT,
                             "tensor %zu has a name with control bytes", in->n);
    if (in->n == MAX_TENSORS)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: tensor %d of the file; no network has so many",
                         name, MAX_TENSORS + 1);
    if (rank > REAP_PARAM_DIMS)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: %zu dimensions; at most %d are expected", name,
                         rank, REAP_PARAM_DIMS);
    if (!countable(rank, dim, count) || *count > in->holds + SLACK)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: its shape asks for more numbers than a file of "
                         "%zu bytes can hold",
                         name, in->holds);
    return REAP_OK;
}

int reap_weights_list(struct reap_weights_in *in, const char *name,
                      enum reap_dtype dtype, size_t rank, const size_t *dim,
                      const uint8_t *data, struct reap_raw **out,
                      struct reap_err *err)
{
    struct reap_raw *r;
    size_t count = 0, step = 1;
    int rc = weights_list_check(in, name, rank, dim, &count, err);

    if (rc)
        return rc;
    if (weights_list_grow(in))
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", name);
    r = &in->raw[in->n];
    *r = (struct reap_raw){ .name = reap_strdup(name),
                            .dtype = dtype,
                            .rank = rank,
                            .count = count,
                            .data = data };
    if (!r->name)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", name);
    for (size_t i = rank; i-- > 0; step *= dim[i]) {
        r->dim[i] = dim[i];
        r->stride[i] = step;
    }
    in->n++;
    if (out)
        *out = r;
    return REAP_OK;
}

int reap_weights_list_closed(struct reap_weights_in *in, const char *name,
                             size_t rank, const size_t *dim,
                             struct reap_err *err, const char *fmt, ...)
{
    struct reap_raw *r = NULL;
    char why[WHY];
    va_list args;
    int rc = reap_weights_list(in, name, REAP_F32, rank, dim, NULL, &r, err);

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    if (rc)
        return rc;
    r->why = reap_strdup(why);
    return r->why ? REAP_OK
                  : reap_fail(err, REAP_ENOMEM, "%s: no memory", name);
}

static float from_f32(const uint8_t *p)
{
    const uint32_t bits = reap_le_get32(p);
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static float from_f64(const uint8_t *p)
{
    const uint64_t bits = reap_le_get64(p);
    double d;

    memcpy(&d, &bits, sizeof(d));
    return (float)d;
}

static float from_f16(const uint8_t *p)
{
    return reap_half_to_float(reap_le_get16(p));
}

static float from_bf16(const uint8_t *p)
{
    const uint32_t bits = (uint32_t)reap_le_get16(p) << 16;
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static float from_i64(const uint8_t *p)
{
    return (float)(int64_t)reap_le_get64(p);
}

static float (*const convert[])(const uint8_t *) = {
    [REAP_F32] = from_f32, [REAP_F16] = from_f16, [REAP_BF16] = from_bf16,
    [REAP_F64] = from_f64, [REAP_I64] = from_i64,
};

static bool contiguous(const struct reap_raw *r)
{
    size_t step = 1;

    for (size_t i = r->rank; i-- > 0; step *= r->dim[i])
        if (r->dim[i] > 1 && r->stride[i] != step)
            return false;
    return true;
}

/* All elements in row-major order: an odometer over the dimensions. */
static void weights_list_gather(const struct reap_raw *r, float *to)
{
    const size_t size = reap_dtype_size(r->dtype);
    size_t at[REAP_PARAM_DIMS] = { 0 }, offset = 0;

    for (size_t n = 0; n < r->count; n++) {
        to[n] = convert[r->dtype](r->data + offset * size);
        for (size_t i = r->rank; i-- > 0;) {
            offset += r->stride[i];
            if (++at[i] < r->dim[i])
                break;
            offset -= r->dim[i] * r->stride[i];
            at[i] = 0;
        }
    }
}

static void weights_list_fill(const struct reap_raw *r, float *to)
{
    const size_t size = reap_dtype_size(r->dtype);

    if (!contiguous(r))
        weights_list_gather(r, to);
    else
        for (size_t n = 0; n < r->count; n++)
            to[n] = convert[r->dtype](r->data + n * size);
}

/* The networks have Keras's 1.001e-5. Where a file was made for another
 * epsilon, the difference goes into the variance: the sums are the same. */
static void change_epsilon(const struct reap_raw *r, double from, float *to)
{
    static const double known = 1.001e-5;
    const char *var = strrchr(r->name, '/');

    if (from > 0 && from != known && var && !strcmp(var, "/moving_variance"))
        for (size_t n = 0; n < r->count; n++)
            to[n] = (float)(to[n] + (from - known));
}

/* Read the numbers of a tensor of a file of which only the head was read. */
static int read_now(struct reap_weights_in *in, const struct reap_raw *r,
                    struct reap_err *err)
{
    const size_t from = (size_t)(r->data - in->bytes);
    const size_t len = r->count * reap_dtype_size(r->dtype);

    for (size_t at = 0; at < len;) {
        const ssize_t n =
            pread(in->fd, in->bytes + from + at, len - at, (off_t)(from + at));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return reap_fail(err, REAP_EIO, "reading %s: %s", r->name,
                             strerror(errno));
        if (!n)
            return reap_fail(err, REAP_EIO,
                             "%s: the file ended while it was read", r->name);
        at += (size_t)n;
    }
    return REAP_OK;
}

static int fetch(void *own, const struct reap_param *t, float *to,
                 struct reap_err *err)
{
    struct reap_weights_in *in = own;
    struct reap_raw *r = &in->raw[in->raw_of[t->index]];
    int rc = REAP_OK;

    if (in->load)
        rc = in->load(in, r, err);
    else if (in->fd >= 0)
        rc = read_now(in, r, err);
    if (rc)
        return rc;
    weights_list_fill(r, to);
    change_epsilon(r, in->epsilon, to);
    return REAP_OK;
}

static void close_in(void *own)
{
    struct reap_weights_in *in = own;

    reap_weights_in_free(&in);
}

int reap_weights_settle(struct reap_weights_in *in, struct reap_err *err)
{
    struct reap_params *params;
    size_t total = 0;
    int rc = reap_params_new(&in->out->params, err);

    params = in->out->params;
    in->raw_of = reap_calloc(in->n, sizeof(*in->raw_of));
    if (!rc && !in->raw_of)
        rc = reap_fail(err, REAP_ENOMEM, "no memory");
    if (!rc)
        reap_params_later(params,
                          &(struct reap_fetch_numbers){ in, fetch, NULL });
    for (size_t i = 0; !rc && i < in->n; i++) {
        const struct reap_raw *r = &in->raw[i];
        struct reap_param *p;

        if (!*r->name)
            continue; /* of what stands around the network */
        if (r->why)
            return reap_fail(err, REAP_EFORMAT, "%s: %s", r->name, r->why);
        total += r->count;
        if (total > in->holds + SLACK)
            return reap_fail(err, REAP_EFORMAT,
                             "%s: it and the tensors before it have more "
                             "numbers than a file of %zu bytes can hold",
                             r->name, in->holds);
        rc = reap_params_add(params, r->name, r->rank, r->dim, &p, err);
        if (!rc)
            in->raw_of[p->index] = i;
    }
    if (!rc) /* theirs from here on */
        reap_params_later(params,
                          &(struct reap_fetch_numbers){ in, fetch, close_in });
    return rc;
}

void reap_weights_in_free(struct reap_weights_in **in)
{
    struct reap_weights_in *i = *in;

    *in = NULL;
    if (!i)
        return;
    for (size_t k = 0; k < i->n; k++) {
        reap_free(i->raw[k].name);
        reap_free(i->raw[k].why);
    }
    reap_free(i->raw);
    reap_free(i->raw_of);
    if (i->close)
        i->close(i->own);
    if (i->fd >= 0)
        close(i->fd);
    reap_free(i->bytes);
    reap_free(i);
}
