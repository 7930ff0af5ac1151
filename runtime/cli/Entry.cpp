// pgrt entry RUN RUN RUN: several runs become an entry.

#include "runtime/entry/Entry.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Options.h"
#include "runtime/support/Error.h"

#include <cstdio>

namespace pgrt {

int runEntry(const std::vector<std::string> &arguments) {
  std::string out;
  double against = 0;
  bool help = false;
  const std::string usage =
      "pgrt entry RUN RUN RUN … --out DIR [--against SCORE]";
  OptionTable table(
      usage, "Puts the folders of finished runs together: submission.json, "
             "README.md, the model's file, each run's log.\n"
             "Refuses runs whose plans or data differ.");
  table.text("--out", "DIR", "the entry's folder", out);
  table.number("--against", "SCORE",
               "the record's bits per byte: tests whether these runs lie below "
               "it less 0.005 nats a token",
               against, 0);
  table.flag("--help", "print this", help);
  std::vector<std::string> folders = table.parse(arguments);
  if (help) {
    std::printf("%s", table.help().c_str());
    return 0;
  }
  if (folders.empty() || out.empty())
    failUsage("something is missing: ", usage);
  std::vector<EntryRun> runs;
  for (const std::string &folder : folders)
    runs.push_back(readRun(folder));
  checkRuns(runs);
  EntryFigures figures = entryFigures(
      runs, against > 0 ? std::optional<double>(against) : std::nullopt);
  writeEntry(out, runs, figures);
  std::printf("%zu runs: val_bpb %.6f, standard deviation %.6f\n", runs.size(),
              figures.bpb, figures.deviation);
  if (figures.against)
    std::printf("against %.6f less %.3f nats (%.6f): t = %.3f, p = %.3g: %s\n",
                *figures.against, recordNats, *figures.threshold, *figures.t,
                *figures.p,
                *figures.p < 0.01 ? "a record at p < 0.01"
                                  : "not a record at p < 0.01");
  std::printf("wrote %s\n", out.c_str());
  return 0;
}

} // namespace pgrt
