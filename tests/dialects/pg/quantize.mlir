// RUN: pg-opt %s | pg-opt | FileCheck %s
// RUN: pg-opt %s --decompose | FileCheck %s --check-prefix=DECOMPOSED
// RUN: pg-opt %s --canonicalize | FileCheck %s --check-prefix=FOLDED

// CHECK-LABEL: @quantise
// DECOMPOSED-LABEL: @quantise
func.func @quantise(%w: tensor<6x4xf32>, %h: tensor<4x4xf32>, %x: tensor<6x1xf32>) -> tensor<6x4xf32> {
  // CHECK: pg.round_f16 %arg2 : (tensor<6x1xf32>) -> tensor<6x1xf32>
  %s = pg.round_f16 %x : (tensor<6x1xf32>) -> tensor<6x1xf32>
  // CHECK: pg.gptq %arg0, %arg1, %0 {block = 128 : i64, damp = 1.000000e-02 : f64, top = 31 : i64} : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<6x1xf32>) -> tensor<6x4xf32>
  %q = pg.gptq %w, %h, %s {top = 31 : i64, block = 128 : i64, damp = 0.01 : f64}
    : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<6x1xf32>) -> tensor<6x4xf32>
  // CHECK: pg.codes %1 {hi = 31 : i64, lo = -31 : i64} : (tensor<6x4xf32>) -> tensor<6x4xf32>
  // DECOMPOSED-NOT: pg.codes
  // DECOMPOSED: return %1
  %c = pg.codes %q {lo = -31 : i64, hi = 31 : i64} : (tensor<6x4xf32>) -> tensor<6x4xf32>
  return %c : tensor<6x4xf32>
}

// CHECK-LABEL: @svd
func.func @svd(%w: tensor<6x4xf64>) -> (tensor<6x2xf64>, tensor<2xf64>, tensor<2x4xf64>) {
  // CHECK: pg.svd %arg0 {rank = 2 : i64} : (tensor<6x4xf64>) -> (tensor<6x2xf64>, tensor<2xf64>, tensor<2x4xf64>)
  %u, %s, %v = pg.svd %w {rank = 2 : i64} : (tensor<6x4xf64>) -> (tensor<6x2xf64>, tensor<2xf64>, tensor<2x4xf64>)
  return %u, %s, %v : tensor<6x2xf64>, tensor<2xf64>, tensor<2x4xf64>
}

// CHECK-LABEL: @solved
func.func @solved() -> f64 {
  // CHECK: pg.solved 1.285
  %0 = pg.solved 12.85
  return %0 : f64
}

// What is rounded stays so; constants are rounded once: 1/3, the largest number, what is beyond it, the least, half of that.
// FOLDED-LABEL: @rounded
func.func @rounded(%x: tensor<3xf32>)
    -> (tensor<3xf32>, tensor<f32>, tensor<f64>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
  // FOLDED-DAG: %[[X:.*]] = pg.round_f16 %arg0
  // FOLDED-DAG: pg.constant dense<0.333251953> : tensor<f32>
  // FOLDED-DAG: pg.constant dense<6.550400e+04> : tensor<f64>
  // FOLDED-DAG: pg.constant dense<0x7F800000> : tensor<f32>
  // FOLDED-DAG: pg.constant dense<5.96046448E-8> : tensor<f32>
  // FOLDED-DAG: pg.constant dense<0.000000e+00> : tensor<f32>
  // FOLDED-DAG: pg.constant dense<-0.000000e+00> : tensor<f32>
  // FOLDED: return %[[X]],
  %0 = pg.round_f16 %x : (tensor<3xf32>) -> tensor<3xf32>
  %1 = pg.round_f16 %0 : (tensor<3xf32>) -> tensor<3xf32>
  %a = pg.constant dense<0.333333343> : tensor<f32>
  %2 = pg.round_f16 %a : (tensor<f32>) -> tensor<f32>
  %b = pg.constant dense<65519.9> : tensor<f64>
  %3 = pg.round_f16 %b : (tensor<f64>) -> tensor<f64>
  %c = pg.constant dense<65520.0> : tensor<f32>
  %4 = pg.round_f16 %c : (tensor<f32>) -> tensor<f32>
  %d = pg.constant dense<3.1e-8> : tensor<f32>
  %5 = pg.round_f16 %d : (tensor<f32>) -> tensor<f32>
  %e = pg.constant dense<2.98023224E-8> : tensor<f32>
  %6 = pg.round_f16 %e : (tensor<f32>) -> tensor<f32>
  %f = pg.constant dense<-1.0e-9> : tensor<f32>
  %7 = pg.round_f16 %f : (tensor<f32>) -> tensor<f32>
  return %1, %2, %3, %4, %5, %6, %7
    : tensor<3xf32>, tensor<f32>, tensor<f64>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}
