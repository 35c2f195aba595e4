#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/each.hpp"
#include "commands/list_flags.hpp"
#include "commands/rows.hpp"
#include "format/template.hpp"
#include "parse/pairs.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

const ColumnHeads kVolumeHeads{
    {"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}, {"Scope", "SCOPE"}, {"Mountpoint", "MOUNTPOINT"},
    {"Labels", "LABELS"}, {"Size", "SIZE"},        {"Links", "LINKS"}, {"Availability", "AVAILABILITY"},
    {"Group", "GROUP"},   {"Status", "STATUS"}};

}  // namespace

Json volume_row(const Json& volume) {
  const Json labels = volume.contains("Labels") && volume["Labels"].is_object() ? volume["Labels"] : Json::object();
  Json row = Json::object();
  row["Availability"] = "N/A";
  row["Driver"] = volume.value("Driver", "");
  row["Group"] = "N/A";
  row["Labels"] = joined_labels(labels);
  row["Links"] = "N/A";
  row["Mountpoint"] = volume.value("Mountpoint", "");
  row["Name"] = volume.value("Name", "");
  row["Scope"] = volume.value("Scope", "");
  row["Size"] = "N/A";
  row["Status"] = "N/A";
  row[std::string(kRowLabels)] = labels;
  return row;
}

int volume_create(Context& context) {
  std::string driver = "local";
  std::string name;
  std::vector<std::string> labels;
  std::vector<std::string> options;
  Flags flags;
  flags.text("driver,d", driver, "Specify volume driver name")
      .custom("label", "list", "Set metadata for a volume",
              [&](const std::string& text) { labels.push_back(checked_label(text)); })
      .text("name", name, "Specify volume name")
      .hidden()
      .list("opt,o", options, "Set driver specific options", "map");
  const auto words = context.parse(flags, Arity::between(0, 1));
  if (!words.empty()) {
    if (!name.empty())
      throw Failure("conflicting options: cannot specify a volume-name through both --name and as a positional arg");
    name = words[0];
  }
  Json body = {{"Driver", driver}, {"Labels", object_of_pairs(labels)}};
  if (!options.empty()) body["DriverOpts"] = object_of_pairs(options);
  if (!name.empty()) body["Name"] = name;
  const Json volume = context.client().post("/volumes/create", body);
  std::printf("%s\n", volume.value("Name", "").c_str());
  return 0;
}

int volume_ls(Context& context) {
  bool quiet = false;
  ListFlags list;
  Flags flags;
  flags.toggle("quiet,q", quiet, "Only display volume names");
  list.declare_filter(flags, "Provide filter values (e.g. \"dangling=true\")");
  list.declare_format(flags);
  context.parse(flags, Arity::none());
  if (list.format.empty() && !quiet) list.format = context.config().text("volumesFormat");
  Query query;
  list.add_filters(query);
  const Json answer = context.client().get("/volumes" + query.text());
  std::vector<Json> rows;
  if (answer.contains("Volumes") && answer["Volumes"].is_array()) {
    for (const Json& volume : answer["Volumes"]) rows.push_back(volume_row(volume));
  }
  std::sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) { return a["Name"] < b["Name"]; });
  list.print({list.format, "{{.Driver}}\t{{.Name}}", kVolumeHeads, "*formatter.volumeContext",
              "name: {{.Name}}\ndriver: {{.Driver}}\n", "name: {{.Name}}"},
             rows, quiet, "{{.Name}}");
  return 0;
}

int volume_rm(Context& context) {
  bool force = false;
  Flags flags;
  flags.toggle("force,f", force, "Force the removal of one or more volumes");
  const auto names = context.parse(flags, Arity::at_least(1));
  return for_each_name(names, [&](const std::string& name) {
    context.client().call("DELETE", "/volumes/" + escaped(name) + (force ? "?force=1" : ""));
  });
}

}  // namespace gantry::cli
