#include "compiler/frontend/Diagnostics.h"

#include "gtest/gtest.h"

using namespace pgc;

TEST(Diagnostics, LooksAsInTheReference) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId my = sources.addBuffer("my.pgm", "a\n  return y * f(x);\n");
  FileId base = sources.addBuffer("base.pgm", "let x = 1;\n");
  diagnostics.error({my, 15, 19}, "linear: x has 512 features, w takes 12")
      .detail("x : [dim=512]    w : [gate_width=12]")
      .note({base, 4, 5}, "x is declared here")
      .help("write x[0..12]")
      .note("in 'f', called from 'g'");
  EXPECT_EQ(diagnostics.str(),
            "my.pgm:2:14: error: linear: x has 512 features, w takes 12\n"
            "    2 |   return y * f(x);\n"
            "                     ^~~~\n"
            "  x : [dim=512]    w : [gate_width=12]\n"
            "base.pgm:1:5: note: x is declared here\n"
            "    1 | let x = 1;\n"
            "            ^\n"
            "  help: write x[0..12]\n"
            "  note: in 'f', called from 'g'\n");
}

TEST(Diagnostics, ColumnsCountCodePointsAndTabsAreShownAsSpaces) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  const std::string text = "\t\"ü…\" x\r\n";
  FileId id = sources.addBuffer("a", text);
  auto x = uint32_t(text.find('x'));
  diagnostics.error({id, x, x + 1}, "here");
  EXPECT_EQ(diagnostics.str(), "a:1:7: error: here\n"
                               "    1 |         \"ü…\" x\n"
                               "                     ^\n");
}

TEST(Diagnostics, LongRangesEndWithTheirLine) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("a", "ab {\n}\n");
  diagnostics.error({id, 1, 6}, "here");
  diagnostics.error({id, 7, 7}, "end");
  EXPECT_EQ(diagnostics.str(), "a:1:2: error: here\n"
                               "    1 | ab {\n"
                               "         ^~~\n"
                               "a:3:1: error: end\n"
                               "    3 | \n"
                               "        ^\n");
}

TEST(Diagnostics, SaysThingsOnce) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("a", "abc");
  diagnostics.error({id, 0, 1}, "one").note("kept");
  diagnostics.error({id, 0, 1}, "one").note("dropped");
  diagnostics.error({id, 1, 2}, "one");
  EXPECT_EQ(diagnostics.numErrors(), 2u);
  EXPECT_EQ(diagnostics.str().find("dropped"), std::string::npos);
}

TEST(Diagnostics, StopsAtTwentyErrors) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  for (int i = 0; i < 30; ++i)
    diagnostics.error({}, "error " + std::to_string(i)).note("note");
  EXPECT_EQ(diagnostics.all().size(), 20u);
  EXPECT_TRUE(diagnostics.tooManyErrors());
  std::string text = diagnostics.str();
  EXPECT_NE(text.find("error: error 19\n  note: note\n  note: 10 more errors "
                      "are not shown\n"),
            std::string::npos);
}

TEST(Diagnostics, WarningsHaveNamesAndCanBeErrors) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("a", "abc");
  diagnostics.warning({id, 0, 1}, "inert", "no effect");
  EXPECT_FALSE(diagnostics.hasErrors());
  EXPECT_EQ(diagnostics.str().substr(0, 34),
            "a:1:1: warning: no effect [inert]\n");
  diagnostics.treatWarningAsError("inert");
  diagnostics.ignoreWarning("dead");
  diagnostics.warning({id, 1, 2}, "inert", "no effect");
  diagnostics.warning({id, 2, 3}, "dead", "dead");
  EXPECT_EQ(diagnostics.numErrors(), 1u);
  EXPECT_EQ(diagnostics.numWarnings(), 1u);
}

TEST(Diagnostics, NearestName) {
  std::vector<std::string> names{"matrix_wd", "matrix_lr", "embed_lr", "x"};
  EXPECT_EQ(didYouMean("matirx_lr", names), "; did you mean 'matrix_lr'?");
  EXPECT_EQ(nearestName("embedlr", names), "embed_lr");
  EXPECT_EQ(nearestName("something", names), "");
  EXPECT_EQ(nearestName("y", names),
            ""); // one wrong letter of one is another name
}
