/* The table of backends, in the order of backends.def. */
#include "engine/plan/backend.h"

#define BACKEND(name) extern const struct reap_backend reap_backend_##name;
#include "engine/plan/backends.def"
#undef BACKEND

const struct reap_backend *const reap_backends[] = {
#define BACKEND(name) &reap_backend_##name,
#include "engine/plan/backends.def"
#undef BACKEND
    NULL,
};
