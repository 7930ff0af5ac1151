// The language server of the `pg` and `sched` dialects, for editors.
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry
      .insert<pg::PgDialect, pg::sched::SchedDialect, mlir::func::FuncDialect,
              mlir::arith::ArithDialect, mlir::math::MathDialect>();
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
