/* The few calls of MPI that pgrt makes, behind a table of functions. The driver
 * is a shared object of its own, pgrt-mpi.so beside pgrt, linked with the
 * machine's libmpi: pgrt opens it when it was started by an MPI launcher, and
 * runs without MPI otherwise. */
#ifndef PGRT_MPI_DRIVER_H
#define PGRT_MPI_DRIVER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int peer;
  void *data; /* of a send: only read */
  int64_t bytes;
} PgrtMpiMessage;

/* Each function but pgrtMpi returns 0, or 1 with a message that error() tells.
 * All of them are called by one thread. */
typedef struct {
  int (*init)(int *rank, int *size);
  /* Starts transfers; *handle stands for them until test says done. */
  int (*start)(const PgrtMpiMessage *sends, int sendCount,
               const PgrtMpiMessage *receives, int receiveCount, void **handle);
  /* Lets MPI go on; *done is set to 1 when all is transferred. */
  int (*test)(void *handle, int *done);
  int (*finalize)(void);
  const char *(*error)(void);
} PgrtMpiDriver;

const PgrtMpiDriver *pgrtMpi(void);

#ifdef __cplusplus
}
#endif
#endif
