// RUN: pg-opt %s --verify-evaluation -split-input-file -verify-diagnostics
// Scores that an evaluation may not report.

module attributes {pg.vocabulary = 7 : i64} {
  func.func @score(%tokens: tensor<1x4xi64>, %targets: tensor<1x4xi64>) -> (tensor<1x2xf32> {pg.name = "nll"}) attributes {pg.role = "score"} {
    %x = pg.convert %tokens : (tensor<1x4xi64>) -> tensor<1x4xf32>
    %c = pg.reshape %x : (tensor<1x4xf32>) -> tensor<1x4x1xf32>
    %z = pg.broadcast %c : (tensor<1x4x1xf32>) -> tensor<1x4x7xf32>
    %n = pg.token_nll %z, %targets : (tensor<1x4x7xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
    %s = pg.slice %n offsets [0, 2] sizes [1, 2] : (tensor<1x4xf32>) -> tensor<1x2xf32>
    return %s : tensor<1x2xf32>
  }
}

// -----

// An update before the score of the next token.
pg.variable @w : tensor<4xf32> {space = "parameter"}
func.func @score(%tokens: tensor<1x4xi64>, %targets: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "score"} {
  %x = pg.convert %tokens : (tensor<1x4xi64>) -> tensor<1x4xf32>
  %w = pg.reshape %x : (tensor<1x4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{changes 'w' in a function that scores}}
  pg.store %w, @w : tensor<4xf32>
  return %x : tensor<1x4xf32>
}

// -----

pg.variable @g : tensor<4xf32> {space = "gradient"}
func.func @logits(%tokens: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "logits"} {
  %x = pg.convert %tokens : (tensor<1x4xi64>) -> tensor<1x4xf32>
  %w = pg.reshape %x : (tensor<1x4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{changes 'g' in a function that scores}}
  pg.accumulate %w, @g : tensor<4xf32>
  return %x : tensor<1x4xf32>
}

// -----

// No softmax.
// expected-error@+1 {{are not negative logarithms of a softmax over the vocabulary}}
func.func @score(%tokens: tensor<1x4xi64>, %targets: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "score"} {
  %x = pg.convert %tokens : (tensor<1x4xi64>) -> tensor<1x4xf32>
  return %x : tensor<1x4xf32>
}

// -----

// A softmax over a part of the vocabulary.
module attributes {pg.vocabulary = 7 : i64} {
  func.func @score(%z: tensor<1x4x5xf32>, %targets: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "score"} {
    // expected-error@+1 {{has logits of 5 of the vocabulary's 7 tokens}}
    %n = pg.token_nll %z, %targets : (tensor<1x4x5xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
    return %n : tensor<1x4xf32>
  }
}

// -----

module attributes {pg.vocabulary = 7 : i64} {
  // expected-error@+1 {{has logits of 5 of the vocabulary's 7 tokens}}
  func.func @logits(%z: tensor<1x4x5xf32>) -> tensor<1x4x5xf32> attributes {pg.role = "logits"} {
    return %z : tensor<1x4x5xf32>
  }
}

// -----

// A score that is then made smaller.
// expected-error@+1 {{are not negative logarithms of a softmax}}
func.func @score(%z: tensor<1x4x5xf32>, %targets: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "score"} {
  %n = pg.token_nll %z, %targets : (tensor<1x4x5xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  %half = pg.constant dense<0.5> : tensor<f32>
  %y = pg.mul %n, %half : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// Scores of other tokens than the targets.
func.func @score(%tokens: tensor<1x4xi64>, %targets: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "score"} {
  %z = pg.constant dense<0.0> : tensor<1x4x5xf32>
  // expected-error@+1 {{scores something other than the targets}}
  %n = pg.token_nll %z, %tokens : (tensor<1x4x5xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  return %n : tensor<1x4xf32>
}

// -----

// Logits that know the answer.
func.func @score(%tokens: tensor<1x4xi64>, %targets: tensor<1x4xi64>) -> tensor<1x4xf32> attributes {pg.role = "score"} {
  %x = pg.convert %targets : (tensor<1x4xi64>) -> tensor<1x4xf32>
  %c = pg.reshape %x : (tensor<1x4xf32>) -> tensor<1x4x1xf32>
  %z = pg.broadcast %c : (tensor<1x4x1xf32>) -> tensor<1x4x7xf32>
  // expected-error@+1 {{scores logits that depend on the targets}}
  %n = pg.token_nll %z, %targets : (tensor<1x4x7xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  return %n : tensor<1x4xf32>
}

// -----

// expected-error@+1 {{updates parameters and reads tokens}}
func.func @adapt_update(%tokens: tensor<1x4xi64>) attributes {pg.role = "adapt_update"} {
  return
}
