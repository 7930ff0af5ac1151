// RUN: pg-opt %s --verify-schedule -split-input-file -verify-diagnostics

sched.arena @activations bytes(256)
sched.program @p attributes {role = "score", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{is read before it was written}}
  sched.copy <@activations + 0 : 64> to <@activations + 64 : 64>
}

// -----

sched.arena @activations bytes(256)
sched.program @p attributes {role = "score", phase = "", inputs = [], outputs = []} {
  sched.fill <@activations + 0 : 64> with zero
  // expected-error@+1 {{lies outside its arena, which has 256 bytes, 64 of them padding}}
  sched.copy <@activations + 0 : 64> to <@activations + 160 : 64>
}

// -----

sched.program @p attributes {role = "score", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{a buffer lies in @t0, which is no arena}}
  sched.fill <@t0 + 0 : 64> with zero
}

// -----

sched.arena @activations bytes(256)
sched.arena @parameters bytes(256)
sched.program @p attributes {role = "update", phase = "", inputs = [], outputs = []} {
  sched.fill <@activations + 0 : 128> with zero
  sched.fill <@activations + 64 : 128> with zero
  // expected-error@+1 {{is read after a part of it was overwritten}}
  sched.copy <@activations + 0 : 128> to <@parameters + 0 : 128>
}

// -----

// Side by side, and each whole: as the parts of a concat.
sched.arena @activations bytes(256)
sched.arena @parameters bytes(256)
sched.program @p attributes {role = "update", phase = "", inputs = [], outputs = []} {
  sched.fill <@activations + 0 : 64> with zero
  sched.fill <@activations + 64 : 128> with zero
  sched.copy <@activations + 0 : 192> to <@parameters + 0 : 192>
}

// -----

sched.arena @states bytes(512)
sched.kernel @smear(%x: tensor<16xf32>) attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["store"]} {
  %s = pg.shift %x axis 0 by 1 : (tensor<16xf32>) -> tensor<16xf32>
  %y = pg.add %x, %s : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  sched.yield %y : tensor<16xf32>
}
sched.program @p attributes {role = "update", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{result 0 overlaps operand 0, and may not}}
  sched.launch @smear chunks(1) buffers [#sched.buf<@states + 0 : 64>, #sched.buf<@states + 0 : 64>]
}

// -----

sched.arena @states bytes(512)
sched.kernel @neg(%x: tensor<16xf32>) attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["store"]} {
  %y = pg.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  sched.yield %y : tensor<16xf32>
}
sched.program @p attributes {role = "update", phase = "", inputs = [], outputs = []} {
  sched.launch @neg chunks(1) buffers [#sched.buf<@states + 0 : 64>, #sched.buf<@states + 0 : 64>]
  // expected-error@+1 {{does not start at a multiple of 64}}
  sched.launch @neg chunks(1) buffers [#sched.buf<@states + 0 : 64>, #sched.buf<@states + 96 : 64>]
}

// -----

sched.arena @io bytes(512)
// expected-error@+1 {{is read before it was written}}
sched.program @p attributes {role = "score", phase = "", inputs = [],
    outputs = [#sched.port<"nll" of tensor<16xf32> at <@io + 0 : 64>>]} {
}

// -----

// An update that precedes a later token's score.
sched.arena @activations bytes(256)
sched.arena @parameters bytes(256)
sched.kernel @step(%g: tensor<16xf32>) attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["accumulate"]} {
  sched.yield %g : tensor<16xf32>
}
sched.program @p attributes {role = "score", phase = "", inputs = [], outputs = []} {
  sched.fill <@activations + 0 : 64> with zero
  // expected-error@+1 {{in a program that scores: it must change nothing that later scores depend on}}
  sched.launch @step chunks(1) buffers [#sched.buf<@activations + 0 : 64>, #sched.buf<@parameters + 0 : 64>]
}

// -----

sched.arena @activations bytes(256)
sched.arena @derived bytes(256)
sched.program @p attributes {role = "logits", phase = "", inputs = [], outputs = []} {
  sched.fill <@activations + 0 : 64> with zero
  // expected-error@+1 {{in a program that scores}}
  sched.copy <@activations + 0 : 64> to <@derived + 0 : 64>
}
