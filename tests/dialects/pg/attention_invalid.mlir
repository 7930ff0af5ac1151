// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @heads(%q: tensor<1x3x5x8xf32>, %k: tensor<1x3x2x8xf32>) {
  // expected-error @+2 {{takes heads [B, T, H, D] and [B, T, K, D], H a multiple of K, not [1, 3, 5, 8] and [1, 3, 2, 8]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0, %1 = pg.attention %q, %k, %k : (tensor<1x3x5x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>) -> (tensor<1x3x5x8xf32>, tensor<1x3x5xf32>)
  return
}

// -----

func.func @segment(%q: tensor<1x3x2x8xf32>, %s: tensor<3xi64>) {
  // expected-error @+2 {{takes segments [B, T], not [3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0, %1 = pg.attention %q, %q, %q segment %s : (tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>, tensor<3xi64>) -> (tensor<1x3x2x8xf32>, tensor<1x3x2xf32>)
  return
}

// -----

func.func @angles(%x: tensor<1x3x2x8xf32>, %c: tensor<3x5xf32>) {
  // expected-error @+2 {{'pg.rope' takes x [B, T, H, D] and angles [T, n], 2n ≤ D}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.rope %x, %c, %c : (tensor<1x3x2x8xf32>, tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<1x3x2x8xf32>
  return
}
