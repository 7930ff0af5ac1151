#include "runtime/collective/mpi/MpiDriver.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

/* Counts of MPI-3 are int: longer messages travel in pieces. */
static const int64_t pieceBytes = (int64_t)1 << 30;

static MPI_Comm world = MPI_COMM_NULL;
static char message[MPI_MAX_ERROR_STRING + 64];

typedef struct {
  int count;
  MPI_Request requests[];
} Transfers;

static int failed(const char *what, int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  snprintf(message, sizeof message, "%s: %s", what, text);
  return 1;
}

static int init(int *rank, int *size) {
  int provided, code;
  code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code != MPI_SUCCESS)
    return failed("MPI_Init_thread", code);
  if ((code = MPI_Comm_dup(MPI_COMM_WORLD, &world)) != MPI_SUCCESS)
    return failed("MPI_Comm_dup", code);
  MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
  MPI_Comm_rank(world, rank);
  MPI_Comm_size(world, size);
  return 0;
}

static int pieces(const PgrtMpiMessage *messages, int count) {
  int64_t sum = 0;
  for (int i = 0; i < count; ++i)
    sum += (messages[i].bytes + pieceBytes - 1) / pieceBytes;
  return (int)sum;
}

static int startOne(Transfers *transfers, const PgrtMpiMessage *one, int send) {
  for (int64_t at = 0; at < one->bytes; at += pieceBytes) {
    int64_t left = one->bytes - at;
    int count = (int)(left < pieceBytes ? left : pieceBytes);
    char *data = (char *)one->data + at;
    MPI_Request *request = &transfers->requests[transfers->count++];
    int code =
        send ? MPI_Isend(data, count, MPI_BYTE, one->peer, 0, world, request)
             : MPI_Irecv(data, count, MPI_BYTE, one->peer, 0, world, request);
    if (code != MPI_SUCCESS)
      return failed(send ? "MPI_Isend" : "MPI_Irecv", code);
  }
  return 0;
}

static int start(const PgrtMpiMessage *sends, int sendCount,
                 const PgrtMpiMessage *receives, int receiveCount,
                 void **handle) {
  int all = pieces(sends, sendCount) + pieces(receives, receiveCount);
  Transfers *transfers =
      malloc(sizeof(Transfers) + (size_t)all * sizeof(MPI_Request));
  if (!transfers) {
    snprintf(message, sizeof message, "not enough memory");
    return 1;
  }
  transfers->count = 0;
  *handle = transfers;
  for (int i = 0; i < receiveCount; ++i)
    if (startOne(transfers, &receives[i], 0))
      return 1;
  for (int i = 0; i < sendCount; ++i)
    if (startOne(transfers, &sends[i], 1))
      return 1;
  return 0;
}

static int test(void *handle, int *done) {
  Transfers *transfers = handle;
  int code = MPI_Testall(transfers->count, transfers->requests, done,
                         MPI_STATUSES_IGNORE);
  if (code != MPI_SUCCESS)
    return failed("MPI_Testall", code);
  if (*done)
    free(transfers);
  return 0;
}

static int finalize(void) {
  int code = MPI_Finalize();
  return code == MPI_SUCCESS ? 0 : failed("MPI_Finalize", code);
}

static const char *error(void) { return message; }

const PgrtMpiDriver *pgrtMpi(void) {
  static const PgrtMpiDriver driver = {init, start, test, finalize, error};
  return &driver;
}
