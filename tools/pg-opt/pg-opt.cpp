// Runs passes on files of the `pg` and `sched` dialects, as mlir-opt does.
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "compiler/pgc/Passes.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry
      .insert<pg::PgDialect, pg::sched::SchedDialect, mlir::func::FuncDialect,
              mlir::arith::ArithDialect, mlir::math::MathDialect>();
  mlir::registerTransformsPasses();
  pgc::registerModelPasses();
  pgc::registerFusionPasses();
  pgc::registerSchedulePasses();
  pgc::registerCodegenPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "passes on models of language\n", registry));
}
