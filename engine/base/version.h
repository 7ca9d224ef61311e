/* engine/base/version.h - the version of this program and library */
#ifndef REAP_ENGINE_BASE_VERSION_H
#define REAP_ENGINE_BASE_VERSION_H

#define REAP_VERSION "0.1.0"

#endif /* REAP_ENGINE_BASE_VERSION_H */
