// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.reduce' has no axis 2 in a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.reduce sum %x axes [2] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @twice(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.transpose' names axis 1 twice}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.transpose %x permutation [1, 1] : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @elements(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{keeps the elements: 6 cannot become 5}}
  %0 = pg.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @outside(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.slice' of 2 from 2 leaves axis 1, of size 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.slice %x offsets [0, 2] sizes [2, 2] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @numbers(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.pad' needs 2 numbers, one an axis, not 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.pad %x low [0] high [0, 0] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @negative(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.pad' cannot take elements away}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.pad %x low [-1, 0] high [0, 0] : (tensor<2x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @spread(%x: tensor<2xf32>) {
  // expected-error @+1 {{cannot spread [2] to [2, 3]}}
  %0 = pg.broadcast %x : (tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @splat(%x: f64) {
  // expected-error @+1 {{makes a tensor of shape [], not [2]}}
  %0 = pg.splat %x : (f64) -> tensor<2xf32>
  return
}

// -----

func.func @chunks(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'pg.partial_sum' has no 3 leading axes in a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.partial_sum %x {chunks = 2 : i64, outer = 3 : i64} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}
