// All operations of the `pg` dialect, by family.
#ifndef PG_OPS
#define PG_OPS

include "dialects/pg/PgElementwiseOps.td"
include "dialects/pg/PgShapeOps.td"
include "dialects/pg/PgProductOps.td"
include "dialects/pg/PgNormOps.td"
include "dialects/pg/PgAttentionOps.td"
include "dialects/pg/PgRecurrenceOps.td"
include "dialects/pg/PgVariableOps.td"
include "dialects/pg/PgOptimizerOps.td"
include "dialects/pg/PgQuantizeOps.td"

#endif
