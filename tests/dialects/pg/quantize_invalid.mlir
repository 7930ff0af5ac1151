// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @codes(%x: tensor<4xf32>) {
  // expected-error @+1 {{'pg.codes' op needs lo <= hi, not 3 and -3}}
  %0 = pg.codes %x {lo = 3 : i64, hi = -3 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @vector(%w: tensor<4xf32>, %h: tensor<4x4xf32>, %s: tensor<4x1xf32>) {
  // expected-error @+2 {{'pg.gptq' takes a matrix w, not [4]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.gptq %w, %h, %s {top = 1 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<4xf32>, tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @hessian(%w: tensor<6x4xf32>, %h: tensor<6x6xf32>, %s: tensor<6x1xf32>) {
  // expected-error @+2 {{'pg.gptq': h of w with 4 columns is [4, 4], not [6, 6]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.gptq %w, %h, %s {top = 1 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<6x4xf32>, tensor<6x6xf32>, tensor<6x1xf32>) -> tensor<6x4xf32>
  return
}

// -----

func.func @scale(%w: tensor<6x4xf32>, %h: tensor<4x4xf32>, %s: tensor<1x4xf32>) {
  // expected-error @+2 {{'pg.gptq': the scale of w with 6 rows is [6, 1], not [1, 4]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.gptq %w, %h, %s {top = 1 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<6x4xf32>
  return
}

// -----

func.func @mixed(%w: tensor<6x4xf64>, %h: tensor<4x4xf32>, %s: tensor<6x1xf64>) {
  // expected-error @+2 {{'pg.gptq' needs operands of one element type}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = pg.gptq %w, %h, %s {top = 1 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<6x4xf64>, tensor<4x4xf32>, tensor<6x1xf64>) -> tensor<6x4xf64>
  return
}

// -----

func.func @top(%w: tensor<6x4xf32>, %h: tensor<4x4xf32>, %s: tensor<6x1xf32>) {
  // expected-error @+1 {{'pg.gptq' op needs top and block of at least 1}}
  %0 = pg.gptq %w, %h, %s {top = 0 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<6x1xf32>) -> tensor<6x4xf32>
  return
}

// -----

func.func @damp(%w: tensor<6x4xf32>, %h: tensor<4x4xf32>, %s: tensor<6x1xf32>) {
  // expected-error @+1 {{'pg.gptq' op needs a finite damp of at least 0}}
  %0 = pg.gptq %w, %h, %s {top = 1 : i64, block = 1 : i64, damp = -1.0 : f64} : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<6x1xf32>) -> tensor<6x4xf32>
  return
}

// -----

func.func @rank(%w: tensor<6x4xf32>) {
  // expected-error @+2 {{'pg.svd' of [6, 4] has 1 … 4 singular values, not 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = pg.svd %w {rank = 5 : i64} : (tensor<6x4xf32>) -> (tensor<6x5xf32>, tensor<5xf32>, tensor<5x4xf32>)
  return
}
