// RUN: pg-opt %s | pg-opt | FileCheck %s
// Attention and what goes with it, printed and parsed again.

func.func @f(%q: tensor<2x3x4x8xf32>, %k: tensor<2x3x2x8xf32>, %c: tensor<3x2xf32>, %s: tensor<2x3xi64>) {
  // CHECK: pg.rope {{.*}}, {{.*}}, {{.*}} : (tensor<2x3x4x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<2x3x4x8xf32>
  %0 = pg.rope %q, %c, %c : (tensor<2x3x4x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<2x3x4x8xf32>
  // CHECK: pg.rope {{.*}}, {{.*}}, {{.*}} inverse : (tensor<2x3x4x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<2x3x4x8xf32>
  %1 = pg.rope %q, %c, %c inverse : (tensor<2x3x4x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<2x3x4x8xf32>
  // CHECK: pg.attention {{.*}}, {{.*}}, {{.*}} : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x3x4xf32>)
  %o, %l = pg.attention %q, %k, %k : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x3x4xf32>)
  // CHECK: pg.attention {{.*}}, {{.*}}, {{.*}} segment {{.*}} : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3xi64>) -> (tensor<2x3x4x8xf32>, tensor<2x3x4xf32>)
  %p, %m = pg.attention %q, %k, %k segment %s : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3xi64>) -> (tensor<2x3x4x8xf32>, tensor<2x3x4xf32>)
  // CHECK: pg.attention_grad {{.*}}, {{.*}}, {{.*}}, {{.*}}, {{.*}}, {{.*}} : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4xf32>, tensor<2x3x4x8xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>)
  %2:3 = pg.attention_grad %q, %k, %k, %o, %l, %o : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4xf32>, tensor<2x3x4x8xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>, tensor<2x3x2x8xf32>)
  // CHECK: pg.xsa {{.*}}, {{.*}} : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>) -> tensor<2x3x4x8xf32>
  %3 = pg.xsa %o, %k : (tensor<2x3x4x8xf32>, tensor<2x3x2x8xf32>) -> tensor<2x3x4x8xf32>
  return
}
