#include "tests/runtime/toy/ToyPlan.h"
#include "runtime/data/tokenizer.pb.h"
#include "runtime/plan/PlanCheck.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

namespace pgrt::toy {

namespace {
constexpr int64_t positions = rows * seq, tableBytes = vocab * vocab * 4;
constexpr int64_t biasOffset = 704; // behind the table, a multiple of 64
constexpr int64_t parameterBytes =
    biasOffset +
    vocab * vocab * 4; // b is updated as a table too: its tail is unused

enum ArenaIndex : uint32_t {
  Parameters,
  Gradients,
  OtherGradients,
  Averages,
  States,
  Packed,
  Activations,
  Ports,
  Hessians,
  Leaves,
  Velocity
};

/// Offsets in Activations and in Ports.
constexpr int64_t dzAt = 0, nllAt = 1024, lossAt = 2048, termAt = 2112,
                  tailAt = 2176, logitsAt = 3072, tokensAt = 0, targetsAt = 128;

/// Offsets in Leaves.
constexpr int64_t codesAt = 0, scalesAt = 704, halvesAt = 768;

class Builder {
public:
  explicit Builder(const ToyOptions &options) : options(options) {}

  plan::Plan build() {
    plan.set_producer("a test");
    plan.set_model_name("toy");
    plan.set_source("# nothing");
    plan.set_numerics("f32");
    plan.set_vocab(vocab);
    arena("parameters", parameterBytes);
    arena("gradients", parameterBytes)
        ->set_instances(gradientInstances(options.parts));
    arena("gradients.other", parameterBytes)->set_alias_of("gradients");
    arena("averages", parameterBytes);
    arena("states", 64);
    arena("packed", tableBytes);
    arena("activations", 4096);
    arena("io", 256);
    parameter("table", {vocab, vocab}, 0)
        ->mutable_init()
        ->mutable_normal()
        ->set_std(0.1);
    parameter("bias", {vocab}, biasOffset)
        ->mutable_init()
        ->mutable_constant()
        ->add_values(0.25);
    plan::State *count = plan.add_states();
    count->set_name("count");
    count->set_type(plan::F32);
    count->mutable_init()->mutable_constant()->add_values(7);
    place(count->mutable_slot(), States, 0);
    addKernels();
    addScalars();
    if (options.quantizes)
      addQuantization();
    if (options.trains)
      addTrainingPrograms();
    addPrograms();
    if (options.trains)
      addTraining();
    addEvaluation("trained", "chunked", score);
    if (options.quantizes)
      addArtifactPrograms();
    plan::Code *code = plan.add_code();
    code->set_target(options.gpu ? "sm_90a" : "test");
    if (options.gpu)
      code->set_ptx(readFile(TOY_PTX));
    else
      code->set_object(readFile(TOY_KERNELS));
    return plan;
  }

private:
  plan::Arena *arena(const char *name, int64_t bytes) {
    plan::Arena *arena = plan.add_arenas();
    arena->set_name(name);
    arena->set_bytes(bytes);
    return arena;
  }

  static void place(plan::Slot *slot, uint32_t arena, int64_t offset) {
    slot->set_arena(arena);
    slot->set_offset(offset);
  }

  plan::Parameter *parameter(const char *name, std::vector<int64_t> shape,
                             int64_t offset) {
    plan::Parameter *parameter = plan.add_parameters();
    parameter->set_name(name);
    for (int64_t size : shape)
      parameter->add_shape(size);
    parameter->set_type(plan::F32);
    parameter->set_group("all");
    place(parameter->mutable_slot(), Parameters, offset);
    place(parameter->mutable_gradient(), Gradients, offset);
    place(parameter->mutable_average(), Averages, offset);
    return parameter;
  }

  uint32_t kernel(const char *symbol, int64_t chunks,
                  std::vector<int64_t> buffers, uint32_t results,
                  uint32_t scalars, int64_t scratch = 0) {
    plan::Kernel *kernel = plan.add_kernels();
    kernel->set_symbol(symbol);
    kernel->set_kind("loops");
    if (options.gpu) {
      plan::GpuLaunch *gpu = kernel->mutable_gpu();
      gpu->set_grid_x(uint32_t(chunks));
      gpu->set_grid_y(1);
      gpu->set_grid_z(1);
      gpu->set_threads(1);
    } else {
      kernel->set_chunks(chunks);
      kernel->set_scratch_bytes(scratch);
    }
    for (int64_t bytes : buffers)
      kernel->add_buffer_bytes(bytes);
    kernel->set_results(results);
    kernel->set_scalars(scalars);
    kernel->set_flops(1e3);
    kernel->set_bytes(1e3);
    return uint32_t(plan.kernels_size() - 1);
  }

  void addKernels() {
    constexpr int64_t dzBytes = positions * vocab * 4, idBytes = positions * 8;
    forward = kernel(
        "toy_forward", positions,
        {tableBytes, vocab * 4, idBytes, idBytes, dzBytes, positions * 4}, 2, 1,
        vocab * 4);
    scoring = forward;
    if (options.forward != std::string("toy_forward"))
      scoring = kernel(
          options.forward, positions,
          {tableBytes, vocab * 4, idBytes, idBytes, dzBytes, positions * 4}, 2,
          1, vocab * 4);
    loss = kernel("toy_loss", 1, {positions * 4, 4, 4}, 2, 0);
    tableGradient = kernel("toy_table_gradient", vocab,
                           {dzBytes, idBytes, tableBytes}, 1, 0);
    biasGradient = kernel("toy_bias_gradient", (vocab + 3) / 4,
                          {dzBytes, vocab * 4}, 1, 0);
    add = kernel("toy_add", vocab, {tableBytes, tableBytes}, 1, 0);
    update = kernel("toy_update", vocab,
                    {tableBytes, tableBytes, tableBytes, 4}, 3, 2);
  }

  uint32_t scalar(plan::ScalarExpr::Op op, std::vector<uint32_t> args,
                  double value = 0) {
    plan::ScalarExpr *expr = plan.add_scalars();
    expr->set_op(op);
    for (uint32_t arg : args)
      expr->add_args(arg);
    expr->set_value(value);
    return uint32_t(plan.scalars_size() - 1);
  }

  void addScalars() {
    using Expr = plan::ScalarExpr;
    seed = scalar(Expr::CONSTANT, {},
                  1.0 / double(options.parts * options.micros));
    decay = scalar(Expr::CONSTANT, {}, options.decay);
    uint32_t progress = scalar(Expr::PROGRESS, {}),
             at = scalar(Expr::CONSTANT, {}, options.switchAt);
    condition = scalar(Expr::GE, {progress, at});
    uint32_t high = scalar(Expr::CONSTANT, {}, options.lr),
             tenth = scalar(Expr::CONSTANT, {}, options.lr / 10);
    lr = scalar(Expr::SELECT, {condition, tenth, high});
  }

  plan::Launch *launch(plan::Program *program, uint32_t kernel,
                       std::vector<std::pair<uint32_t, int64_t>> buffers,
                       std::vector<uint32_t> scalars = {}) {
    plan::Launch *launch = program->add_commands()->mutable_launch();
    launch->set_kernel(kernel);
    for (auto [arena, offset] : buffers)
      place(launch->add_buffers(), arena, offset);
    for (uint32_t index : scalars)
      launch->add_scalars(index);
    return launch;
  }

  plan::Program *program(const char *name, const char *role,
                         std::vector<const char *> phases = {}) {
    plan::Program *program = plan.add_programs();
    program->set_name(name);
    program->set_role(role);
    for (const char *phase : phases)
      program->add_phases(phase);
    return program;
  }

  static void port(plan::Port *port, const char *name, plan::Type type,
                   std::vector<int64_t> shape, uint32_t arena, int64_t offset) {
    int64_t bytes = typeBytes(type);
    port->set_name(name);
    port->set_type(type);
    for (int64_t size : shape) {
      port->add_shape(size);
      bytes *= size;
    }
    port->set_bytes(bytes);
    place(port->mutable_slot(), arena, offset);
  }

  void addPorts(plan::Program *program) {
    program->set_batch(rows);
    program->set_seq(seq);
    port(program->add_inputs(), "tokens", plan::I64, {rows, seq}, Ports,
         tokensAt);
    port(program->add_inputs(), "targets", plan::I64, {rows, seq}, Ports,
         targetsAt);
  }

  void addForward(plan::Program *program, uint32_t kernel) {
    launch(program, kernel,
           {{Packed, 0},
            {Parameters, biasOffset},
            {Ports, tokensAt},
            {Ports, targetsAt},
            {Activations, dzAt},
            {Activations, nllAt}},
           {seed});
    launch(
        program, loss,
        {{Activations, nllAt}, {Activations, lossAt}, {Activations, termAt}});
  }

  void addTrainingPrograms() {
    for (const char *phase : {"plain", "late"}) {
      plan::Program *train = program(
          phase[0] == 'p' ? "train.plain" : "train.late", "train", {phase});
      addPorts(train);
      port(train->add_outputs(), "loss", plan::F32, {}, Activations, lossAt);
      port(train->add_outputs(), "term.half", plan::F32, {}, Activations,
           termAt);
      plan::Fill *fill = train->add_commands()->mutable_fill();
      place(fill->mutable_to(), Activations, nllAt);
      fill->set_bytes(positions * 4);
      fill->set_pattern(0x7fc00000); // not a number: whoever reads it before it
                                     // is written is found out
      addForward(train, forward);
      launch(train, tableGradient,
             {{Activations, dzAt}, {Ports, tokensAt}, {Gradients, 0}});
      launch(train, biasGradient,
             {{Activations, dzAt}, {Gradients, biasOffset}});
    }
    plan::Program *combine = program("combine", "combine");
    for (int64_t offset : {int64_t(0), biasOffset})
      launch(combine, add, {{OtherGradients, offset}, {Gradients, offset}});
    plan::Program *step = program("update", "update", {"plain", "late"});
    for (int64_t offset : {int64_t(0), biasOffset})
      launch(step, update,
             {{Gradients, offset},
              {Parameters, offset},
              {Averages, offset},
              {States, 0}},
             {lr, decay});
  }

  void addPrograms() {
    plan::Program *prepare = program("prepare", "prepare");
    plan::Copy *copy = prepare->add_commands()->mutable_copy();
    place(copy->mutable_from(), Parameters, 0);
    place(copy->mutable_to(), Packed, 0);
    copy->set_bytes(tableBytes);
    plan::Program *all = program("score", "score");
    score = uint32_t(plan.programs_size() - 1);
    addPorts(all);
    addForward(all, scoring);
    port(all->add_outputs(), "nll", plan::F32, {rows, seq}, Activations, nllAt);
  }

  plan::Evaluation *addEvaluation(const char *stage, const char *kind,
                                  uint32_t program) {
    plan::Evaluation *evaluation = plan.add_evaluations();
    evaluation->set_stage(stage);
    evaluation->set_kind(kind);
    evaluation->set_seq(seq);
    evaluation->set_score(program);
    return evaluation;
  }

  void addQuantization() {
    arena("hessians", 704);
    arena("leaves", 832);
    arena("velocity", 704);
    place(plan.mutable_parameters(0)->mutable_hessian(), Hessians, 0);
    plan::State *state = plan.add_states();
    state->set_name("table:v");
    state->set_type(plan::F32);
    state->add_shape(vocab);
    state->add_shape(vocab);
    state->set_evaluation(3);
    place(state->mutable_slot(), Velocity, 0);

    plan::Quantization *quantization = plan.mutable_quantization();
    quantization->set_batches(4);
    plan::Quantizer *table = quantization->add_quantizers();
    table->set_parameter(0);
    table->set_rule("gptq_sdclip(bits = 6)");
    leaf(table, plan::Leaf::CODES, {vocab, vocab}, codesAt);
    leaf(table, plan::Leaf::F16, {vocab, 1}, scalesAt);
    plan::Quantizer *bias = quantization->add_quantizers();
    bias->set_parameter(1);
    bias->set_rule("half()");
    leaf(bias, plan::Leaf::F16, {vocab}, halvesAt);

    plan::Pack *pack = plan.mutable_pack();
    codec(pack, "shuffle", 2);
    codec(pack, "brotli", 11);
    pack->set_cap(options.cap);
    if (options.solves)
      pack->set_solve("k");
    pack->set_zero_ones(options.zeroOnes);
  }

  static void codec(plan::Pack *pack, const char *name, int64_t argument) {
    plan::Pack::Codec *codec = pack->add_codecs();
    codec->set_name(name);
    codec->set_argument(argument);
  }

  void leaf(plan::Quantizer *quantizer, plan::Leaf::Kind kind,
            std::vector<int64_t> shape, int64_t offset) {
    plan::Leaf *leaf = quantizer->add_leaves();
    leaf->set_kind(kind);
    if (kind == plan::Leaf::CODES) {
      leaf->set_lo(-31);
      leaf->set_hi(31);
    }
    for (int64_t size : shape)
      leaf->add_shape(size);
    place(leaf->mutable_slot(), Leaves, offset);
  }

  void addCapture() {
    using Expr = plan::ScalarExpr;
    constexpr int64_t idBytes = positions * 8;
    uint32_t quarter = scalar(Expr::CONSTANT, {}, 0.25),
             k = scalar(Expr::SOLVED, {}, options.k);
    plan::Program *capture = program("capture", "capture");
    addPorts(capture);
    launch(capture, kernel("toy_capture", 1, {idBytes, tableBytes}, 1, 1),
           {{Ports, tokensAt}, {Hessians, 0}}, {quarter});
    plan::Program *quantize = program("quantize", "quantize");
    launch(quantize, kernel("toy_scales", vocab, {tableBytes, vocab * 4}, 1, 1),
           {{Parameters, 0}, {Leaves, scalesAt}}, {k});
    plan::Gptq *gptq = quantize->add_commands()->mutable_gptq();
    place(gptq->mutable_weight(), Parameters, 0);
    place(gptq->mutable_hessian(), Hessians, 0);
    place(gptq->mutable_scale(), Leaves, scalesAt);
    place(gptq->mutable_codes(), Leaves, codesAt);
    gptq->set_rows(vocab);
    gptq->set_cols(vocab);
    gptq->set_type(plan::F32);
    gptq->set_top(31);
    gptq->set_block(4);
    gptq->set_damp(0.01);
    launch(quantize, kernel("toy_half", 1, {vocab * 4, vocab * 4}, 1, 0),
           {{Parameters, biasOffset}, {Leaves, halvesAt}});
  }

  void addArtifactPrograms() {
    using Expr = plan::ScalarExpr;
    constexpr int64_t idBytes = positions * 8;
    if (options.trains)
      addCapture();
    plan::Program *decode = program("decode", "decode");
    launch(
        decode,
        kernel("toy_decode", vocab, {tableBytes, vocab * 4, tableBytes}, 1, 0),
        {{Leaves, codesAt}, {Leaves, scalesAt}, {Parameters, 0}});
    plan::Copy *copy = decode->add_commands()->mutable_copy();
    place(copy->mutable_from(), Leaves, halvesAt);
    place(copy->mutable_to(), Parameters, biasOffset);
    copy->set_bytes(vocab * 4);

    plan::Program *tail = program("score.tail", "score");
    uint32_t tailIndex = uint32_t(plan.programs_size() - 1);
    addPorts(tail);
    tail->set_scored(stride);
    addForward(tail, scoring);
    launch(tail,
           kernel("toy_tail", rows, {positions * 4, rows * stride * 4}, 1, 0),
           {{Activations, nllAt}, {Activations, tailAt}});
    port(tail->add_outputs(), "nll", plan::F32, {rows, stride}, Activations,
         tailAt);

    plan::Program *logits = program("logits", "logits");
    addPorts(logits);
    launch(logits,
           kernel("toy_logits", positions,
                  {tableBytes, vocab * 4, idBytes, positions * vocab * 4}, 1,
                  0),
           {{Packed, 0},
            {Parameters, biasOffset},
            {Ports, tokensAt},
            {Activations, logitsAt}});
    port(logits->add_outputs(), "logits", plan::F32, {rows, seq, vocab},
         Activations, logitsAt);

    plan::Program *adapt = program("adapt", "adapt");
    uint32_t adaptIndex = uint32_t(plan.programs_size() - 1);
    adapt->set_batch(1);
    adapt->set_seq(seq);
    port(adapt->add_inputs(), "tokens", plan::I64, {1, seq}, Ports, tokensAt);
    port(adapt->add_inputs(), "targets", plan::I64, {1, seq}, Ports, targetsAt);
    launch(adapt,
           kernel("toy_adapt", 1,
                  {tableBytes, vocab * 4, seq * 8, seq * 8, tableBytes, 4}, 2,
                  1, vocab * 4),
           {{Packed, 0},
            {Parameters, biasOffset},
            {Ports, tokensAt},
            {Ports, targetsAt},
            {Gradients, 0},
            {Activations, lossAt}},
           {scalar(Expr::SEQUENCES, {})});
    port(adapt->add_outputs(), "loss", plan::F32, {}, Activations, lossAt);

    plan::Program *learn = program("adapt_update", "adapt_update");
    uint32_t learnIndex = uint32_t(plan.programs_size() - 1),
             one = scalar(Expr::CONSTANT, {}, 1.0),
             left = scalar(Expr::SUB, {one, scalar(Expr::PROGRESS, {})});
    // An argument must come before: the progress does, its difference follows.
    uint32_t rate =
        scalar(Expr::MUL, {scalar(Expr::CONSTANT, {}, adaptLr), left});
    launch(learn,
           kernel("toy_adapt_update", vocab,
                  {tableBytes, tableBytes, tableBytes}, 2, 2),
           {{Gradients, 0}, {Parameters, 0}, {Velocity, 0}},
           {rate, scalar(Expr::CONSTANT, {}, adaptMomentum)});

    addEvaluation("quantized", "chunked", score);
    for (const char *kind : {"sliding", "ttt"}) {
      plan::Evaluation *slides = addEvaluation("quantized", kind, score);
      slides->set_tail(tailIndex);
      slides->set_stride(stride);
    }
    plan::Evaluation *learns = plan.mutable_evaluations(3);
    learns->set_chunk(chunk);
    learns->set_epochs(epochs);
    learns->set_sequences(sequences);
    learns->set_adapt(adaptIndex);
    learns->set_adapt_update(learnIndex);
  }

  void addTraining() {
    plan::Training *training = plan.mutable_training();
    training->set_data("toy");
    training->set_seq(seq);
    training->set_order("shuffled");
    training->set_parts(options.parts);
    training->set_micro_batch(rows);
    training->set_batch_tokens(options.parts * options.micros * rows * seq);
    training->set_steps(options.steps);
    training->set_lr(lr);
    plan::Switch *late = training->add_switches();
    late->set_name("late");
    late->set_condition(condition);
  }

  const ToyOptions &options;
  plan::Plan plan;
  uint32_t forward = 0, scoring = 0, score = 0, loss = 0, tableGradient = 0,
           biasGradient = 0, add = 0, update = 0;
  uint32_t seed = 0, decay = 0, condition = 0, lr = 0;
};
} // namespace

plan::Plan makePlan(const ToyOptions &options) {
  return Builder(options).build();
}

std::string testFolder() {
  const testing::TestInfo *info =
      testing::UnitTest::GetInstance()->current_test_info();
  std::string path = testing::TempDir() + "pgrt-" + std::to_string(getpid()) +
                     "-" + info->test_suite_name() + "." + info->name();
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), std::streamsize(bytes.size()));
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

void writeShard(const std::string &path, const std::vector<uint16_t> &tokens) {
  int32_t header[256] = {20240520, 1, int32_t(tokens.size())};
  std::string bytes(reinterpret_cast<const char *>(header), sizeof header);
  bytes.append(reinterpret_cast<const char *>(tokens.data()),
               2 * tokens.size());
  writeFile(path, bytes);
}

void writeTokenizer(const std::string &path, bool withSpace) {
  using Piece = tokenizer::Model::Piece;
  tokenizer::Model model;
  auto add = [&](const char *text, Piece::Type type) {
    Piece *piece = model.add_pieces();
    piece->set_piece(text);
    if (type != Piece::NORMAL) // as SentencePiece does
      piece->set_type(type);
  };
  add("<unk>", Piece::UNKNOWN);
  add("<s>", Piece::CONTROL);
  add("</s>", Piece::CONTROL);
  add("never", Piece::UNUSED);
  if (withSpace)
    add("▁", Piece::USER_DEFINED);
  add("<0x41>", Piece::BYTE);
  add("ab", Piece::NORMAL);
  add("▁the", Piece::NORMAL);
  add("é", Piece::NORMAL);
  writeFile(path, model.SerializeAsString());
}

std::vector<uint16_t> makeTokens(int64_t count, int64_t vocab) {
  std::vector<uint16_t> tokens;
  uint32_t state = 12345, token = 1;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    token = state >> 30 ? (token * 5 + 3) % uint32_t(vocab)
                        : (state >> 8) % uint32_t(vocab);
    tokens.push_back(uint16_t(token));
  }
  return tokens;
}

} // namespace pgrt::toy
