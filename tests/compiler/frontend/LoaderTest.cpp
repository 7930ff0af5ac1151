#include "Texts.h"

#include "gtest/gtest.h"

using namespace pgc;
using pgc::test::Loaded;

namespace {
/// The first message with its place, or "" if all is well.
std::string firstError(const Loaded &loaded) {
  if (loaded.diagnostics.all().empty())
    return "";
  const Diagnostic &first = loaded.diagnostics.all().front();
  std::string place = loaded.sources.place(first.range);
  return (place.empty() ? "" : place + ": ") + first.message;
}
std::string firstError(const std::map<std::string, std::string> &files,
                       const Defines &defines = {}) {
  return firstError(Loaded(files, defines));
}
std::string firstError(const std::string &text, const Defines &defines = {}) {
  return firstError(Loaded(text, defines));
}
} // namespace

// --------------------------------------------------------------------------------------------------
// includes

TEST(Loader, PathsAreRelativeToTheFileAndFilesAreReadOnce) {
  Loaded loaded(
      std::map<std::string, std::string>{
          {"models/gallery/a.pgm",
           "include \"../base.pgm\"; include \"b.pgm\";"},
          {"models/gallery/b.pgm", "include \"../lib/../base.pgm\";"},
          {"models/base.pgm", "let x = 1;"}},
      {}, "models/gallery/a.pgm");
  ASSERT_TRUE(loaded.program) << loaded.messages();
  EXPECT_EQ(loaded.program->files.size(), 3u);
  EXPECT_EQ(loaded.sources.name(loaded.program->lookup("x")->top().file),
            "models/base.pgm");
}

TEST(Loader, MissingFilesAndCircles) {
  Loaded missing(
      std::map<std::string, std::string>{
          {"d/a.pgm", "let x = 1;\ninclude \"lib/no.pgm\";"}},
      {}, "d/a.pgm");
  EXPECT_EQ(missing.messages(),
            "d/a.pgm:2:9: error: cannot read 'lib/no.pgm': no such file\n"
            "    2 | include \"lib/no.pgm\";\n"
            "                ^~~~~~~~~~~~\n"
            "  looked for d/lib/no.pgm: paths are relative to the file that "
            "includes\n");
  EXPECT_EQ(firstError({{"main.pgm", "include \"a.pgm\";"},
                        {"a.pgm", "include \"b.pgm\";"},
                        {"b.pgm", "include \"a.pgm\";"}}),
            "b.pgm:1:1: includes go in a circle: a.pgm includes b.pgm includes "
            "a.pgm");
  EXPECT_EQ(
      firstError("include \"main.pgm\";"),
      "main.pgm:1:1: includes go in a circle: main.pgm includes main.pgm");
  EXPECT_EQ(firstError("include \"\";"),
            "main.pgm:1:9: cannot read '': there is no path");
  EXPECT_EQ(firstError("include \".\";"),
            "main.pgm:1:9: cannot read '.': it is a directory");
  EXPECT_EQ(firstError(std::map<std::string, std::string>{{"other.pgm", ""}}),
            "cannot read 'main.pgm': no such file");
}

TEST(Loader, IncludesNestToALimit) {
  std::map<std::string, std::string> files{{"main.pgm", "include \"0.pgm\";"},
                                           {"40.pgm", ""}};
  for (int i = 0; i < 40; ++i)
    files[std::to_string(i) + ".pgm"] =
        "include \"" + std::to_string(i + 1) + ".pgm\";";
  EXPECT_EQ(firstError(files), "31.pgm:1:1: includes nest more than 32 deep");
}

// ---------------------------------------------------------------------------------------
// definitions and overrides

TEST(Loader, Definitions) {
  EXPECT_EQ(firstError("let x = 1;\nlet x = 2;"),
            "main.pgm:2:5: 'x' is already defined");
  EXPECT_EQ(firstError("fn x() { return 1; }\nlet x = 2;"),
            "main.pgm:2:5: 'x' is already defined");
  EXPECT_EQ(firstError("loss { return 1; }\nloss { return 1; }"),
            "main.pgm:2:1: 'loss' is already defined");
  EXPECT_EQ(
      firstError("let sqrt = 1;"),
      "main.pgm:1:5: 'sqrt' is a word of the language and cannot be defined");
  EXPECT_EQ(
      firstError("fn step() { return 1; }"),
      "main.pgm:1:4: 'step' is a word of the language and cannot be defined");
  EXPECT_EQ(firstError("fn f(floor) { return floor; }"),
            ""); // locals may hide words
}

TEST(Loader, OverridesNeedSomethingOfTheirKind) {
  EXPECT_EQ(firstError("let layers = 1;\noverride let layer = 2;"),
            "main.pgm:2:14: nothing to override: no 'layer' was defined "
            "before; did you mean 'layers'?");
  EXPECT_EQ(
      firstError("override train { }"),
      "main.pgm:1:10: nothing to override: no 'train' was defined before");
  EXPECT_EQ(firstError("fn f() { return 1; }\noverride let f = 2;"),
            "main.pgm:2:14: 'f' is a function; a constant cannot override it");
  EXPECT_EQ(firstError("param p : [] = 0 in g;\noverride fn p() { return 1; }"),
            "main.pgm:2:13: 'p' is a parameter; a function cannot override it");
  EXPECT_EQ(
      firstError("fn f(a, b) { return 1; }\noverride fn f(b, a) { return 1; }"),
      "main.pgm:2:13: 'f' takes (a, b); this override takes (b, a)");
  EXPECT_EQ(firstError("let n = -1;\noverride let n = -1.5;"),
            "main.pgm:2:18: 'n' is an integer; -1.5 is a float");
  EXPECT_EQ(firstError("let n = 1.5;\noverride let n = 1;"), "");
}

TEST(Loader, InheritedNeedsSomethingBelow) {
  EXPECT_EQ(
      firstError("fn f() { return inherited(); }"),
      "main.pgm:1:17: there is nothing below that 'inherited' could mean");
  EXPECT_EQ(firstError("train { inherited(); }"),
            "main.pgm:1:9: there is nothing below that 'inherited' could mean");
  EXPECT_EQ(firstError("let a = 1; override let a = inherited;"),
            "main.pgm:1:29: in a 'let' 'inherited' is called: inherited()");
  EXPECT_EQ(firstError("let a = 1; override let a = inherited(2);"),
            "main.pgm:1:29: in a 'let' 'inherited()' takes no arguments");
  EXPECT_EQ(
      firstError(
          "param p : [] = 0 in g; override param p : [] = inherited() in g;"),
      "main.pgm:1:48: 'inherited' cannot be used in a 'param'");
  EXPECT_EQ(
      firstError("loss { return 1; } override loss { return inherited(3); }"),
      "main.pgm:1:43: in 'loss' 'inherited()' takes no arguments");
  EXPECT_EQ(firstError("fn f(x) { return x; } override fn f(x) { fn g() { "
                       "return inherited(x); } return g(); }"),
            "");
}

TEST(Loader, AnOverrideMayNotDropWhatASiblingBroughtIn) {
  const std::map<std::string, std::string> files{
      {"base.pgm", "fn dense(x) { return x; }\n"},
      {"ste.pgm",
       "include \"base.pgm\";\noverride fn dense(x) { return 1; }\n"},
      {"ternary.pgm",
       "include \"base.pgm\";\noverride fn dense(x) { return 2; }\n"},
      {"more.pgm", "include \"base.pgm\";\noverride fn dense(x) { return 2 * "
                   "inherited(x); }\n"}};
  auto with = [&](const std::string &main) {
    std::map<std::string, std::string> all = files;
    all["main.pgm"] = main;
    return all;
  };
  Loaded both(with("include \"ste.pgm\";\ninclude \"ternary.pgm\";\n"));
  EXPECT_EQ(
      both.messages(),
      "main.pgm:2:1: error: this override drops another one: 'dense' from "
      "ste.pgm is never called\n"
      "    2 | include \"ternary.pgm\";\n"
      "        ^~~~~~~~~~~~~~~~~~~~~\n"
      "ste.pgm:2:13: note: dropped here\n"
      "    2 | override fn dense(x) { return 1; }\n"
      "                    ^~~~~\n"
      "ternary.pgm:2:13: note: because this one does not call inherited()\n"
      "    2 | override fn dense(x) { return 2; }\n"
      "                    ^~~~~\n"
      "  help: include one of them, or write in this file the 'override fn "
      "dense' that you mean\n");
  // One that calls inherited() drops nothing; nor is anything wrong if the main
  // file replaces both.
  EXPECT_EQ(firstError(with("include \"ste.pgm\"; include \"more.pgm\";")), "");
  EXPECT_EQ(firstError(with("include \"more.pgm\"; include \"ste.pgm\";")),
            "main.pgm:1:21: this override drops another one: 'dense' from "
            "more.pgm is never called");
  EXPECT_EQ(firstError(with("include \"ste.pgm\"; include \"ternary.pgm\"; "
                            "override fn dense(x) { return 3; }")),
            "");
  EXPECT_EQ(firstError(with("include \"ste.pgm\"; include \"ternary.pgm\"; "
                            "override fn dense(x) { return inherited(x); }")),
            "main.pgm:1:20: this override drops another one: 'dense' from "
            "ste.pgm is never called");
}

TEST(Loader, LetsThatReachNobody) {
  EXPECT_EQ(
      firstError("fn f(x) {\n let y = x;\n if x { let y = 2; }\n return y; }"),
      "main.pgm:3:13: nobody reads this 'y', and it does not change the outer "
      "one");
  EXPECT_EQ(firstError("fn f(x) { if x { let x = 2; return x; } return x; }"),
            "");
  EXPECT_EQ(
      firstError("fn f(x) { if x { let x = 2; return \"{x}\"; } return x; }"),
      "");
  EXPECT_EQ(firstError("fn f(x) { let x = x + 1; return x; }"), "");
  EXPECT_EQ(firstError("fn f(x) { if x { let y = 2; } return x; }"), "");
  EXPECT_EQ(firstError("loss { let x = 1; fn g() { let x = 2; return 3; } "
                       "return x + g(); }"),
            "main.pgm:1:32: nobody reads this 'x', and it does not change the "
            "outer one");
}

TEST(Loader, Switches) {
  Loaded loaded("train { switch a = step > 1; }\noverride train { inherited(); "
                "switch b = step > 2; }");
  ASSERT_TRUE(loaded.program) << loaded.messages();
  ASSERT_EQ(loaded.program->switches().size(), 2u);
  EXPECT_EQ(loaded.program->switches()[1]->name.text, "b");
  EXPECT_EQ(firstError("train { switch a = 1; switch a = 2; }"),
            "main.pgm:1:30: 'a' is already defined");
  EXPECT_EQ(firstError("let a = 1;\ntrain { switch a = 1; }"),
            "main.pgm:2:16: 'a' is already defined");
  EXPECT_EQ(
      firstError("train { switch step = 1; }"),
      "main.pgm:1:16: 'step' is a word of the language and cannot be defined");
}

// ------------------------------------------------------------------------------------------------------
// -D name=expr

TEST(Loader, DefinesOverrideConstants) {
  Loaded loaded("let n = 1, list = [1];", {"n=2", "list = [n, 3]", "n=4"});
  ASSERT_TRUE(loaded.program) << loaded.messages();
  const Symbol *n = loaded.program->lookup("n");
  EXPECT_TRUE(n->top().fromCommandLine);
  EXPECT_EQ(print(*n->top().let().value), "4");
  EXPECT_EQ(loaded.sources.place(Symbol::nameRange(n->top())),
            "<command line>:3:4");
  EXPECT_EQ(print(*loaded.program->lookup("list")->top().let().value),
            "[n, 3]");
}

TEST(Loader, DefinesThatAreWrong) {
  Loaded loaded("let matrix_lr = 0.022;", {"matirx_lr=0.02"});
  EXPECT_EQ(loaded.messages(), "<command line>:1:4: error: no constant is "
                               "called 'matirx_lr'; did you mean 'matrix_lr'?\n"
                               "    1 | -D matirx_lr=0.02\n"
                               "           ^~~~~~~~~\n"
                               "main.pgm:1:5: note: declared here\n"
                               "    1 | let matrix_lr = 0.022;\n"
                               "            ^~~~~~~~~\n");
  EXPECT_EQ(firstError("let n = 1;", {"n"}),
            "<command line>:1:4: expected  name=expression");
  EXPECT_EQ(firstError("let n = 1;", {""}),
            "<command line>:1:4: expected  name=expression");
  EXPECT_EQ(firstError("let n = 1;", {"n="}),
            "<command line>:1:6: expected an expression, found nothing");
  EXPECT_EQ(
      firstError("let n = 1;", {"n=1", "n=2 3"}),
      "<command line>:2:8: expected nothing more behind this value, found '3'");
  EXPECT_EQ(firstError("let n = 1;", {"n=1.5"}),
            "<command line>:1:6: 'n' is an integer; 1.5 is a float");
  EXPECT_EQ(firstError("fn f() { return 1; }", {"f=1"}),
            "<command line>:1:4: 'f' is a function; -D sets constants");
}

// --------------------------------------------------------------------------------------------------------
// printing

TEST(Flatten, InheritedBecomesAFunctionOfItsOwn) {
  Loaded loaded(
      "fn f(x) { return x; }\noverride fn f(x) { return 2 * inherited(x); }\n"
      "override fn f(x) { return g(inherited, x); }\nfn g(h, x) { return h(x); "
      "}\n"
      "let n = 1; override let n = inherited() + 1;\nlet unused = 2;\n"
      "loss { return f(n); }\noverride loss { return inherited() + 1; }\n");
  const std::string flat = "fn f.inherited(x) { return x; }\n"
                           "fn f.inherited2(x) { return 2 * f.inherited(x); }\n"
                           "fn f(x) { return g(f.inherited2, x); }\n"
                           "fn g(h, x) { return h(x); }\n\n"
                           "let n.inherited = 1;\n"
                           "let n = n.inherited + 1;\n\n"
                           "fn loss.inherited() { return f(n); }\n\n"
                           "loss { return loss.inherited() + 1; }\n";
  EXPECT_EQ(loaded.flat(), flat);
  EXPECT_EQ(Loaded(flat).flat(), flat);
}

TEST(Flatten, NewNamesAreNotTaken) {
  Loaded loaded(
      "fn f() { return f.inherited; }\nlet f.inherited = 3;\noverride fn f() { "
      "return inherited(); }\nloss { return f(); }");
  EXPECT_EQ(loaded.flat(), "fn f.inherited2() { return f.inherited; }\nfn f() "
                           "{ return f.inherited2(); }\n\n"
                           "let f.inherited = 3;\n\nloss { return f(); }\n");
}

TEST(Flatten, SectionsTakeInTheItemsBelow) {
  Loaded loaded(
      "train { data(\"a\"); switch s = step > 1; }\n"
      "override train { batch(parts = 1); inherited(); }\noverride train { "
      "inherited(); clip_norm(max = 1); }\n"
      "pack { cap(bytes = 1); }\noverride pack { brotli(quality = 1); }\n"
      "evaluate { trained => ttt(a = 1) { all => sgd(lr = 1); } }");
  const std::string flat = "train {\n  batch(parts = 1);\n  data(\"a\");\n  "
                           "switch s = step > 1;\n  clip_norm(max = 1);\n}\n\n"
                           "pack {\n  brotli(quality = 1);\n}\n\n"
                           "evaluate {\n  trained => ttt(a = 1) {\n    all => "
                           "sgd(lr = 1);\n  }\n}\n";
  EXPECT_EQ(loaded.flat(), flat);
  EXPECT_EQ(Loaded(flat).flat(), flat);
}

TEST(Flatten, StatementsPrintAsTheyParse) {
  const std::string flat = "param w \"path.{n}\" : [n, 2] = 0 in g;\n\n"
                           "let n = 2;\n\n"
                           "fn f(x : [..., _, n], i) under \"a.{i}\" {\n"
                           "  let [a, _] = x;\n"
                           "  state m : shape(x) = 0 then m + 1;\n"
                           "  assert i > 0, \"i is {i}\";\n"
                           "  if i { return 1; } else if a {\n"
                           "    let b : [...] = 2;\n"
                           "    return b;\n"
                           "  } else { return 3; }\n"
                           "  param s : [] = 1 in g;\n"
                           "  return s;\n"
                           "}\n\n"
                           "model {\n  output logits = f(1, 2);\n}\n";
  EXPECT_EQ(Loaded(flat).flat(), flat);
}

TEST(Flatten, DefinesAreApplied) {
  EXPECT_EQ(Loaded("let n = 1; loss { return n; }", {"n=2 + 3"}).flat(),
            "let n = 2 + 3;\n\nloss { return n; }\n");
}
