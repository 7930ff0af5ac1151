// RUN: pg-opt %s | pg-opt | FileCheck %s
// Products and tables, printed and parsed again.

func.func @f(%x: tensor<2x3x4xf32>, %w: tensor<5x4xf32>, %h: tensor<5x4xbf16>, %ids: tensor<2x3xi64>) {
  // CHECK: pg.linear {{.*}}, {{.*}} : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  %0 = pg.linear %x, %w : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  // CHECK: pg.linear {{.*}}, {{.*}} : (tensor<5x4xbf16>, tensor<5x4xbf16>) -> tensor<5x5xf32>
  %1 = pg.linear %h, %h : (tensor<5x4xbf16>, tensor<5x4xbf16>) -> tensor<5x5xf32>
  // CHECK: pg.matmul {{.*}}, {{.*}} {transpose_b} : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  %2 = pg.matmul %x, %w {transpose_b} : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  // CHECK: pg.matmul {{.*}}, {{.*}} {transpose_a} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x4x4xf32>
  %3 = pg.matmul %x, %x {transpose_a} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x4x4xf32>
  // CHECK: pg.pack nk {{.*}} {panel = 2 : i64} : (tensor<5x4xf32>) -> tensor<3x4x2xf32>
  %4 = pg.pack nk %w {panel = 2 : i64} : (tensor<5x4xf32>) -> tensor<3x4x2xf32>
  // CHECK: pg.pack kn {{.*}} {group = 2 : i64, panel = 16 : i64} : (tensor<5x4xbf16>) -> tensor<1x3x16x2xbf16>
  %5 = pg.pack kn %h {group = 2 : i64, panel = 16 : i64} : (tensor<5x4xbf16>) -> tensor<1x3x16x2xbf16>
  // CHECK: pg.packed_matmul {{.*}}, {{.*}} {n = 5 : i64} : (tensor<2x3x4xf32>, tensor<3x4x2xf32>) -> tensor<2x3x5xf32>
  %6 = pg.packed_matmul %x, %4 {n = 5 : i64} : (tensor<2x3x4xf32>, tensor<3x4x2xf32>) -> tensor<2x3x5xf32>
  // CHECK: pg.embed {{.*}}, {{.*}} : (tensor<5x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  %7 = pg.embed %w, %ids : (tensor<5x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  // CHECK: pg.embed_grad {{.*}}, {{.*}} {rows = 5 : i64} : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<5x4xf32>
  %8 = pg.embed_grad %7, %ids {rows = 5 : i64} : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<5x4xf32>
  // CHECK: pg.pick {{.*}}, {{.*}} : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<2x3x1xf32>
  %9 = pg.pick %x, %ids : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<2x3x1xf32>
  return
}
