// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @features(%x: tensor<2x512xf32>, %w: tensor<8x12xf32>) {
  // expected-error @+2 {{'pg.linear': x has 512 features, w takes 12}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.linear %x, %w : (tensor<2x512xf32>, tensor<8x12xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @mixed(%x: tensor<2x4xf32>, %w: tensor<8x4xbf16>) {
  // expected-error @+2 {{'pg.linear' needs operands of one element type, not 'f32' and 'bf16'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.linear %x, %w : (tensor<2x4xf32>, tensor<8x4xbf16>) -> tensor<2x8xf32>
  return
}

// -----

func.func @contract(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.matmul' contracts 3 with 2 elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.matmul %a, %b : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @vector(%a: tensor<3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @+2 {{'pg.matmul' takes matrices, not [3] and [3, 2]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.matmul %a, %b : (tensor<3xf32>, tensor<3x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @lead(%a: tensor<2x3x3xf32>, %b: tensor<4x3x3xf32>) {
  // expected-error @+2 {{'pg.matmul' cannot line up the leading axes of [2, 3, 3] and [4, 3, 3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.matmul %a, %b : (tensor<2x3x3xf32>, tensor<4x3x3xf32>) -> tensor<2x3x3xf32>
  return
}

// -----

func.func @columns(%a: tensor<2x4xf32>, %p: tensor<3x4x2xf32>) {
  // expected-error @+2 {{'pg.packed_matmul': 3 panels of 2 columns do not hold 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.packed_matmul %a, %p {n = 4 : i64} : (tensor<2x4xf32>, tensor<3x4x2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @ids(%z: tensor<2x4xf32>, %ids: tensor<3xi64>) {
  // expected-error @+2 {{'pg.pick' takes z [..., V] and ids [...], not [2, 4] and [3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.pick %z, %ids : (tensor<2x4xf32>, tensor<3xi64>) -> tensor<3x1xf32>
  return
}

// -----

func.func @coefficients(%u: tensor<2x4xf32>) {
  // expected-error @+2 {{'pg.newton_schulz' takes three coefficients a step, not 2 in all}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.newton_schulz plain %u {coeffs = array<f64: 1.0, 2.0>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}
