/* Tensors grouped by class of layer, in Keras's order, written by libhdf5 into
 * memory and then whole. The order is keras_order.c's, which this reads
 * backwards. */
#include <hdf5.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/model.h"
#include "io/out/outfile.h"
#include "io/weights/keras/keras_order.h"
#include "io/weights/keras/keras_write.h"

enum { GROW = 16 << 20, NAME = 64 };

struct out {
    const struct reap_params *params;
    hid_t layers; /* the group */
    hid_t plain;  /* how groups and datasets are made: without a date */
    struct reap_err *err;
};

static int broken(struct out *o, const char *what)
{
    return reap_fail(o->err, REAP_ENOMEM, "HDF5 cannot write %s", what);
}

/* The tensors of each class of layer, in Keras's order. */
static const struct {
    const char *group;
    const char *vars[4];
} classes[] = {
    { "conv2d", { "kernel", "bias" } },
    { "batch_normalization",
      { "gamma", "beta", "moving_mean", "moving_variance" } },
    { "dense", { "kernel", "bias" } },
};

enum { CONV, NORM, DENSE };

static int dataset(struct out *o, hid_t vars, size_t number,
                   const struct reap_param *p)
{
    hsize_t dim[REAP_PARAM_DIMS];
    char name[24];
    hid_t space, how = H5Pcreate(H5P_DATASET_CREATE), set;
    int rc = REAP_OK;

    for (size_t i = 0; i < p->rank; i++)
        dim[i] = p->dim[i];
    snprintf(name, sizeof(name), "%zu", number);
    H5Pset_obj_track_times(how, 0);
    space = H5Screate_simple((int)p->rank, dim, NULL);
    set = H5Dcreate2(vars, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, how,
                     H5P_DEFAULT);
    if (set < 0 || H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL,
                            H5P_DEFAULT, p->data) < 0)
        rc = broken(o, p->name);
    if (set >= 0)
        H5Dclose(set);
    H5Sclose(space);
    H5Pclose(how);
    return rc;
}

/* The layer's own name, as text of any length. */
static int keras_write_put_name(struct out *o, hid_t vars, const char *name)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    hid_t attr;
    int rc = REAP_OK;

    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    attr = H5Acreate2(vars, "name", type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0 || H5Awrite(attr, type, &name) < 0)
        rc = broken(o, name);
    if (attr >= 0)
        H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    return rc;
}

static hid_t group(const struct out *o, hid_t in, const char *name)
{
    return H5Gcreate2(in, name, H5P_DEFAULT, o->plain, H5P_DEFAULT);
}

/* Layer 'name', number i of its class. Variables that it has not (a bias) are
 * left out, but for the first. */
static int layer(struct out *o, int class, size_t i, const char *name)
{
    char text[2 * NAME];
    hid_t own, vars;
    size_t n = 0;
    int rc = REAP_OK;

    snprintf(text, sizeof(text), i ? "%s_%zu" : "%s", classes[class].group, i);
    own = group(o, o->layers, text);
    vars = own >= 0 ? group(o, own, "vars") : -1;
    if (vars < 0)
        rc = broken(o, name);
    if (!rc)
        rc = keras_write_put_name(o, vars, name);
    for (int v = 0; !rc && v < 4 && classes[class].vars[v]; v++) {
        const struct reap_param *p;

        snprintf(text, sizeof(text), "%s/%s", name, classes[class].vars[v]);
        p = reap_params_find(o->params, text);
        if (p)
            rc = dataset(o, vars, n++, p);
        else if (!v || class == NORM)
            rc = reap_fail(o->err, REAP_EMISFIT, "%s is missing", text);
    }
    if (vars >= 0)
        H5Gclose(vars);
    if (own >= 0)
        H5Gclose(own);
    return rc;
}

/* How many layers of a class the tensors tell of. */
static size_t keras_write_count(const struct reap_params *p, const char *var,
                                size_t rank)
{
    size_t n = 0;

    for (size_t i = 0; i < reap_params_count(p); i++) {
        const struct reap_param *t = reap_params_at(p, i);
        const char *slash = strrchr(t->name, '/');

        n += t->rank == rank && slash && !strcmp(slash + 1, var);
    }
    return n;
}

static int keras_write_fill(struct out *o, const struct reap_net *net)
{
    const size_t convs = keras_write_count(o->params, "kernel", 4);
    const size_t norms = keras_write_count(o->params, "gamma", 1);
    char name[NAME];
    int rc = REAP_OK;

    for (int class = CONV; class <= NORM; class ++)
        for (size_t i = 0; !rc && i < (class == CONV ? convs : norms); i++)
            rc = reap_keras_order(convs, norms, class == CONV, i, name,
                                  sizeof(name))
                     ? layer(o, class, i, name)
                     : reap_fail(o->err, REAP_EMISFIT,
                                 "%zu convolutions and %zu batch norms are no "
                                 "network of Keras's",
                                 convs, norms);
    for (size_t i = 0; !rc && i < net->n_dense; i++)
        rc = layer(o, DENSE, i, net->dense[i].name);
    return rc;
}

/* The file as bytes in memory, owned. */
static int image(struct out *o, const struct reap_net *net, uint8_t **bytes,
                 size_t *size)
{
    const hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = -1, vars = -1;
    ssize_t n;
    int rc = REAP_OK;

    o->plain = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(o->plain, 0);
    H5Pset_fclose_degree(how, H5F_CLOSE_STRONG);
    if (H5Pset_fapl_core(how, GROW, 0) >= 0)
        file = H5Fcreate("weights", H5F_ACC_TRUNC, H5P_DEFAULT, how);
    o->layers = file >= 0 ? group(o, file, "layers") : -1;
    vars = file >= 0 ? group(o, file, "vars") : -1; /* Keras has it, empty */
    rc = vars < 0 ? broken(o, "groups") : keras_write_fill(o, net);
    if (!rc && H5Fflush(file, H5F_SCOPE_GLOBAL) < 0)
        rc = broken(o, "the file");
    n = rc ? 0 : H5Fget_file_image(file, NULL, 0);
    if (n > 0)
        *bytes = reap_aligned((size_t)n);
    if (!rc && (!*bytes || H5Fget_file_image(file, *bytes, (size_t)n) != n))
        rc = broken(o, "the file");
    *size = (size_t)n;
    if (file >= 0)
        H5Fclose(file); /* and all that is open in it */
    H5Pclose(o->plain);
    H5Pclose(how);
    return rc;
}

int reap_keras_write(const struct reap_weights *w, const struct reap_net *net,
                     const char *path, struct reap_err *err)
{
    struct out o = { .params = w->params, .err = err };
    struct reap_outfile *f = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc;

    if (!reap_model_keras(net->model))
        return reap_fail(err, REAP_EINVAL,
                         "%s is torchvision's: no network of Keras's computes "
                         "it (other strides); --to torch writes it",
                         net->model->name);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    rc = image(&o, net, &bytes, &size);
    if (!rc)
        rc = reap_outfile_open(&f, path, err);
    if (!rc)
        rc = reap_outfile_write(f, bytes, size, err);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    reap_outfile_abort(&f);
    reap_free(bytes);
    return rc;
}
