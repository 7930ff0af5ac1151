// RUN: pg-opt %s | pg-opt | FileCheck %s
// Elementwise operations, printed and parsed again.

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3xf32>, %i: tensor<4xi64>, %m: tensor<2x1xi1>) {
  // CHECK: pg.add {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %0 = pg.add %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.sub {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = pg.sub %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.mul {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = pg.mul %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.div {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %3 = pg.div %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.pow {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %4 = pg.pow %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.max {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %5 = pg.max %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.min {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %6 = pg.min %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.floordiv {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %7 = pg.floordiv %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.mod {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %8 = pg.mod %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.add {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %9 = pg.add %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.sub {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %10 = pg.sub %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.mul {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %11 = pg.mul %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.max {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %12 = pg.max %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.min {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %13 = pg.min %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.floordiv {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %14 = pg.floordiv %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.mod {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %15 = pg.mod %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.xor {{.*}}, {{.*}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %16 = pg.xor %i, %i : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  // CHECK: pg.and {{.*}}, {{.*}} : (tensor<2x1xi1>, tensor<2x1xi1>) -> tensor<2x1xi1>
  %17 = pg.and %m, %m : (tensor<2x1xi1>, tensor<2x1xi1>) -> tensor<2x1xi1>
  // CHECK: pg.or {{.*}}, {{.*}} : (tensor<2x1xi1>, tensor<2x1xi1>) -> tensor<2x1xi1>
  %18 = pg.or %m, %m : (tensor<2x1xi1>, tensor<2x1xi1>) -> tensor<2x1xi1>
  // CHECK: pg.neg {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %19 = pg.neg %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.abs {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %20 = pg.abs %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.sqrt {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %21 = pg.sqrt %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.rsqrt {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %22 = pg.rsqrt %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.exp {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %23 = pg.exp %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.log {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %24 = pg.log %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.tanh {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %25 = pg.tanh %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.sigmoid {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %26 = pg.sigmoid %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.cos {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %27 = pg.cos %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.sin {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %28 = pg.sin %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.floor {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %29 = pg.floor %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.round {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %30 = pg.round %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.stop_gradient {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %31 = pg.stop_gradient %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.f32 {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %32 = pg.f32 %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.compare eq {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %33 = pg.compare eq %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: pg.compare ne {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %34 = pg.compare ne %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: pg.compare lt {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %35 = pg.compare lt %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: pg.compare le {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %36 = pg.compare le %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: pg.compare gt {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %37 = pg.compare gt %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: pg.compare ge {{.*}}, {{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %38 = pg.compare ge %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: pg.select {{.*}}, {{.*}}, {{.*}} : (tensor<2x1xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %39 = pg.select %m, %a, %b : (tensor<2x1xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: pg.convert {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xbf16>
  %40 = pg.convert %a : (tensor<2x3xf32>) -> tensor<2x3xbf16>
  // CHECK: pg.convert {{.*}} : (tensor<4xi64>) -> tensor<4xf32>
  %41 = pg.convert %i : (tensor<4xi64>) -> tensor<4xf32>
  return
}
