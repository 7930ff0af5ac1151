// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @shapes(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error @+2 {{'pg.add' cannot line up [2, 3] and [2]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.add %a, %b : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @elements(%a: tensor<3xf32>, %b: tensor<3xf64>) {
  // expected-error @+2 {{'pg.mul' needs operands of one element type, not 'f32' and 'f64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.mul %a, %b : (tensor<3xf32>, tensor<3xf64>) -> tensor<3xf32>
  return
}

// -----

func.func @result(%a: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<3xf32>' are incompatible with return type(s) of operation 'tensor<4xf32>'}}
  %0 = pg.add %a, %a : (tensor<3xf32>, tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @dynamic(%a: tensor<?xf32>) {
  // expected-error @+1 {{operand #0 must be static tensor}}
  %0 = pg.exp %a : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @integers(%a: tensor<3xi64>) {
  // expected-error @+1 {{operand #0 must be static tensor of 32-bit float or 64-bit float values}}
  %0 = pg.div %a, %a : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @mask(%c: tensor<2xi1>, %a: tensor<3xf32>) {
  // expected-error @+2 {{'pg.select' cannot line up [2] and [3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.select %c, %a, %a : (tensor<2xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @convert(%a: tensor<3xf32>) {
  // expected-error @+1 {{keeps the shape: [3] to [4]}}
  %0 = pg.convert %a : (tensor<3xf32>) -> tensor<4xbf16>
  return
}
