// The syntax tree of a .pgm file, as written: nothing is resolved here.
// Grammar: language.md section 12.
//
// Nodes are made by the Parser only, owned by their parents, and never changed.
// Every node has a SourceRange. An expression's range leaves out parentheses
// around it. Use llvm::isa/cast/dyn_cast on `const Expr *` and `const Stmt *`.
#pragma once

#include "compiler/frontend/SourceManager.h"

#include "llvm/Support/Casting.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgc::ast {

/// A name where it stands.
struct Identifier {
  std::string text;
  SourceRange range;
};

// ----------------------------------------------------------------------------------------------------
// expressions

class Expr {
public:
  enum class Kind {
    Integer,
    Float,
    String,
    Name,
    List,
    Comprehension,
    Unary,
    Binary,
    Range,
    Conditional,
    Call,
    Index,
    Ellipsis
  };
  virtual ~Expr() = default;
  Kind kind() const { return theKind; }
  SourceRange range;

protected:
  Expr(Kind kind, SourceRange range) : range(range), theKind(kind) {}

private:
  Kind theKind;
};
using ExprPtr = std::unique_ptr<Expr>;

/// Gives a node its kind and the classof that llvm::isa needs.
template <class Base, typename Base::Kind K> class Node : public Base {
public:
  explicit Node(SourceRange range) : Base(K, range) {}
  static bool classof(const Base *node) { return node->kind() == K; }
};
template <Expr::Kind K> using ExprNode = Node<Expr, K>;

/// 16_000_000
struct Integer : ExprNode<Expr::Kind::Integer> {
  using Node::Node;
  int64_t value = 0; ///< never negative: a sign is a Unary
  std::string spelling;
};

/// 1e-7
struct Float : ExprNode<Expr::Kind::Float> {
  using Node::Node;
  double value = 0; ///< finite; the nearest double
  std::string spelling;
};

/// "blocks.{i}": literal pieces and names, in order. "" has no pieces.
struct String : ExprNode<Expr::Kind::String> {
  using Node::Node;
  struct Piece {
    bool isName = false;
    std::string text; ///< the literal text, or the name
    SourceRange range;
  };
  std::vector<Piece> pieces;
  std::string spelling; ///< between the quotes, as written
  bool isLiteral() const {
    return pieces.empty() || (pieces.size() == 1 && !pieces[0].isName);
  }
};

/// x, attn.c_q.weight, or _ (in patterns)
struct Name : ExprNode<Expr::Kind::Name> {
  using Node::Node;
  std::string text;
};

/// [a, b]; the first element may be an Ellipsis: [..., heads, d]
struct List : ExprNode<Expr::Kind::List> {
  using Node::Node;
  std::vector<ExprPtr> elements;
};

/// [for j in list: element]
struct Comprehension : ExprNode<Expr::Kind::Comprehension> {
  using Node::Node;
  Identifier variable;
  ExprPtr list;
  ExprPtr element;
};

enum class UnaryOp { Negate, Not };

struct Unary : ExprNode<Expr::Kind::Unary> {
  using Node::Node;
  UnaryOp op = UnaryOp::Negate;
  SourceRange opRange;
  ExprPtr operand;
};

enum class BinaryOp {
  Or,
  And, ///< for numbers
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract, ///< Add also joins lists
  Multiply,
  Divide,
  FloorDivide,
  Modulo, ///< Multiply also repeats lists
  MatMul, ///< @
  Power
};
/// "==", "//", "or", ...
const char *spelling(BinaryOp op);

struct Binary : ExprNode<Expr::Kind::Binary> {
  using Node::Node;
  BinaryOp op = BinaryOp::Add;
  SourceRange opRange; ///< errors about the operation itself point here
  ExprPtr left, right;
};

/// a..b, half open. `end` is null only directly in an Index: x[k..].
struct Range : ExprNode<Expr::Kind::Range> {
  using Node::Node;
  SourceRange opRange;
  ExprPtr begin, end;
};

/// if c then a else b
struct Conditional : ExprNode<Expr::Kind::Conditional> {
  using Node::Node;
  ExprPtr condition, thenValue, elseValue;
};

/// One argument; `name` is empty (and has no place) for a positional one.
struct Argument {
  Identifier name;
  ExprPtr value;
  bool isNamed() const { return !name.text.empty(); }
};

/// f(a, b = c)
struct Call : ExprNode<Expr::Kind::Call> {
  using Node::Node;
  ExprPtr callee; ///< usually a Name; any postfix expression
  std::vector<Argument> arguments;
  /// The callee's name, or "" if it is not a Name.
  const std::string &calleeName() const;
};

/// x[i, j..k, l..]; the first index may be an Ellipsis
struct Index : ExprNode<Expr::Kind::Index> {
  using Node::Node;
  ExprPtr base;
  std::vector<ExprPtr> indices;
};

/// ... as the first element of a list or of an index
struct Ellipsis : ExprNode<Expr::Kind::Ellipsis> {
  using Node::Node;
};

/// [..., _, dim]: what the shape of a formal or of a let is checked against.
/// The name _ is any size.
struct Pattern {
  SourceRange range;
  bool leadingEllipsis = false;
  std::vector<ExprPtr> sizes; ///< without the ellipsis
  static bool isAny(const Expr &size);
};

// -----------------------------------------------------------------------------------------------------
// statements

class Stmt {
public:
  enum class Kind {
    Let,
    Fn,
    Param,
    State,
    Assert,
    Output,
    Return,
    If,
    Inherited,
    Switch,
    Setting,
    Rule
  };
  virtual ~Stmt() = default;
  Kind kind() const { return theKind; }
  SourceRange
      range; ///< whole, with the final ';' or '}' (a Let: its binding only)

protected:
  Stmt(Kind kind, SourceRange range) : range(range), theKind(kind) {}

private:
  Kind theKind;
};
using StmtPtr = std::unique_ptr<Stmt>;
template <Stmt::Kind K> using StmtNode = Node<Stmt, K>;

/// { statements } or { items }
struct Block {
  SourceRange range; ///< with the braces
  std::vector<StmtPtr> statements;
};

/// One binding; "let a = 1, b = 2;" makes two of them.
struct Let : StmtNode<Stmt::Kind::Let> {
  using Node::Node;
  std::vector<Identifier> targets; ///< one, or with takesApart at least one
  bool takesApart = false;         ///< let [a, b] = e;
  std::optional<Pattern> pattern;
  ExprPtr value;
};

struct Formal {
  Identifier name;
  std::optional<Pattern> pattern;
};

/// fn name(formals) under prefix { body }
struct Fn : StmtNode<Stmt::Kind::Fn> {
  using Node::Node;
  Identifier name;
  std::vector<Formal> formals;
  ExprPtr under; ///< null if there is none
  Block body;
};

/// param name "path" : shape = init in group;
struct Param : StmtNode<Stmt::Kind::Param> {
  using Node::Node;
  Identifier name;
  std::unique_ptr<String> path; ///< null: the name is the path
  ExprPtr shape, init;
  Identifier group;
};

/// state name : shape = init then next;
struct State : StmtNode<Stmt::Kind::State> {
  using Node::Node;
  Identifier name;
  ExprPtr shape, init, next;
};

struct Assert : StmtNode<Stmt::Kind::Assert> {
  using Node::Node;
  ExprPtr condition;
  std::unique_ptr<String> text;
};

struct Output : StmtNode<Stmt::Kind::Output> {
  using Node::Node;
  Identifier name;
  ExprPtr value;
};

struct Return : StmtNode<Stmt::Kind::Return> {
  using Node::Node;
  ExprPtr value;
};

/// if condition { } else { }; "else if" is an elseBlock that holds one If and
/// has `elseIf` set.
struct If : StmtNode<Stmt::Kind::If> {
  using Node::Node;
  ExprPtr condition;
  Block thenBlock;
  std::optional<Block> elseBlock;
  bool elseIf = false;
};

/// inherited();  in a section other than loss: the items of the section below
/// stand here
struct Inherited : StmtNode<Stmt::Kind::Inherited> {
  using Node::Node;
};

/// switch name = condition;   (in train)
struct Switch : StmtNode<Stmt::Kind::Switch> {
  using Node::Node;
  Identifier name;
  ExprPtr condition;
};

/// word(arguments);
struct Setting : StmtNode<Stmt::Kind::Setting> {
  using Node::Node;
  std::unique_ptr<Call> call;
};

/// who => what(arguments);   or   who => what(arguments) { items }
struct Rule : StmtNode<Stmt::Kind::Rule> {
  using Node::Node;
  ExprPtr who;
  SourceRange arrowRange;
  std::unique_ptr<Call> what;
  std::optional<Block> items;
};

// -----------------------------------------------------------------------------------------------------------
// files

enum class SectionKind { Model, Loss, Train, Quantize, Pack, Evaluate };
inline constexpr unsigned numSectionKinds = 6;
/// "model", ...
const char *spelling(SectionKind kind);

struct Section {
  SectionKind kind = SectionKind::Model;
  SourceRange range;        ///< whole
  SourceRange keywordRange; ///< the word "model", ...
  Block body; ///< model and loss: statements; the others: Let, Inherited,
              ///< Switch, Setting, Rule
};

struct Include {
  SourceRange range; ///< whole, without the ';'
  std::string path;  ///< as written
  SourceRange pathRange;
};

/// One element of a file, in order. Exactly one of the pointers is set.
struct TopLevel {
  bool isOverride = false;
  SourceRange overrideRange;
  std::unique_ptr<Include> include;
  StmtPtr definition; ///< Let (one name), Fn, Param, or Assert
  std::unique_ptr<Section> section;
};

struct File {
  FileId id = noFile;
  std::vector<TopLevel> elements;
};

} // namespace pgc::ast
