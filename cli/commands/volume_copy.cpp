#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/archive_file.hpp"
#include "commands/commands.hpp"
#include "commands/file_source.hpp"
#include "gantry/unique_fd.hpp"
#include "parse/pairs.hpp"
#include "parse/text.hpp"
#include "terminal/terminal.hpp"

/// Copies of volumes, other names for them, and their data as tar: docs/extensions.md.
namespace gantry::cli {

namespace {

int copy_volume(Context& context, bool snapshot, const Arity& arity) {
  bool force = false;
  std::vector<std::string> labels;
  Flags flags;
  flags.toggle("force,f", force, "Copy also while a running container may write to the volume")
      .custom("label", "list", "Set metadata for the copy",
              [&](const std::string& text) { labels.push_back(checked_label(text)); });
  const auto words = context.parse(flags, arity);
  Json body = {{"Snapshot", snapshot}, {"Force", force}, {"Labels", object_of_pairs(labels)}};
  if (words.size() > 1) body["Name"] = words[1];
  const Json made = context.client().post("/volumes/" + escaped(words[0]) + "/clone", body);
  std::printf("%s\n", made.value("Name", "").c_str());
  return 0;
}

}  // namespace

int volume_clone(Context& context) { return copy_volume(context, false, Arity::exactly(2)); }

int volume_snapshot(Context& context) { return copy_volume(context, true, Arity::between(1, 2)); }

int volume_rename(Context& context) {
  Flags flags;
  const auto words = context.parse(flags, Arity::exactly(2));
  context.client().post("/volumes/" + escaped(words[0]) + "/rename?name=" + escaped(words[1]), Json());
  return 0;
}

int volume_export(Context& context) {
  std::string output;
  Flags flags;
  flags.text("output,o", output, "Write to a file, instead of STDOUT");
  const auto words = context.parse(flags, Arity::exactly(1));
  if (output.empty() && is_terminal(STDOUT_FILENO)) {
    throw Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  check_output_path(output, "failed to export volume");
  const auto exchange = context.client().stream("GET", "/volumes/" + escaped(words[0]) + "/export");
  write_archive(*exchange, output);
  return 0;
}

int volume_import(Context& context) {
  std::string driver = "local";
  std::vector<std::string> labels;
  std::vector<std::string> options;
  Flags flags;
  flags.text("driver,d", driver, "Specify volume driver name")
      .custom("label", "list", "Set metadata for the volume",
              [&](const std::string& text) { labels.push_back(checked_label(text)); })
      .list("opt,o", options, "Set driver specific options", "map");
  const auto words = context.parse(flags, Arity::exactly(2));
  Query query;
  query.add("name", words[0]);
  query.add("driver", driver);
  query.add_if(!labels.empty(), "labels", object_of_pairs(labels).dump());
  query.add_if(!options.empty(), "driverOpts", object_of_pairs(options).dump());
  UniqueFd file;
  if (words[1] != "-") file = open_archive(words[1]);
  FileSource source(file ? file.get() : STDIN_FILENO);
  const auto exchange = context.client().upload("POST", "/volumes/import" + query.text(), [&] { return source(); },
                                                {{"Content-Type", "application/x-tar"}});
  std::printf("%s\n", words[0].c_str());
  return 0;
}

}  // namespace gantry::cli
