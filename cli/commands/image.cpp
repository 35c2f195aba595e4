#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "format/units.hpp"
#include "parse/platform.hpp"
#include "parse/reference.hpp"

namespace gantry::cli {

namespace {

const ColumnHeads kHistoryHeads{
    {"ID", "IMAGE"},  {"CreatedSince", "CREATED"}, {"CreatedAt", "CREATED AT"}, {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"}, {"Comment", "COMMENT"}};

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\t') c = ' ';
  }
  return text;
}

Json history_row(const Json& layer, bool truncate, bool human) {
  const std::int64_t created = layer.value("Created", std::int64_t{0});
  const std::int64_t size = layer.value("Size", std::int64_t{0});
  const std::string id = layer.value("Id", "");
  const std::string by = one_line(layer.value("CreatedBy", ""));
  std::string stamp = local_time(created);
  if (stamp.size() > 24)
    stamp = stamp.substr(0, 10) + "T" + stamp.substr(11, 8) + stamp.substr(20, 3) + ":" + stamp.substr(23, 2);
  const auto utc = stamp.rfind("+00:00");
  if (utc != std::string::npos) stamp.replace(utc, 6, "Z");
  Json row = Json::object();
  row["Comment"] = layer.value("Comment", "");
  row["CreatedAt"] = stamp;
  row["CreatedBy"] = truncate ? ellipsis(by, 45) : by;
  row["CreatedSince"] = !human ? stamp : created <= 0 ? "N/A" : human_duration(std::time(nullptr) - created) + " ago";
  row["ID"] = truncate ? short_id(id) : id;
  row["Size"] = human ? human_size(static_cast<double>(size)) : std::to_string(size);
  return row;
}

}  // namespace

int image_history(Context& context) {
  bool human = true;
  bool full = false;
  bool quiet = false;
  std::string platform;
  ListFlags list;
  Flags flags;
  flags.toggle("human,H", human, "Print sizes and dates in human readable format")
      .toggle("no-trunc", full, "Don't truncate output")
      .text("platform", platform,
            "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")")
      .toggle("quiet,q", quiet, "Only show image IDs");
  list.declare_format(flags);
  const auto names = context.parse(flags, Arity::exactly(1));
  Query query;
  if (!platform.empty()) query.add("platform", parse_platform(platform).json());
  const Json layers = context.client().get("/images/" + escaped(names[0]) + "/history" + query.text());
  std::vector<Json> rows;
  for (const Json& layer : layers) rows.push_back(history_row(layer, !full, human));
  const std::string created = human ? "{{.CreatedSince}}" : "{{.CreatedAt}}";
  list.print({list.format, "{{.ID}}\t" + created + "\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}", kHistoryHeads,
              "*image.historyContext"},
             rows, quiet, "{{.ID}}");
  return 0;
}

int image_tag(Context& context) {
  Flags flags;
  const auto names = context.parse(flags, Arity::exactly(2));
  try {
    parse_reference(names[0]);
  } catch (const InvalidValue& error) {
    throw Failure("Error parsing reference: \"" + names[0] + "\" is not a valid repository/tag: " + error.what());
  }
  Reference target;
  try {
    target = parse_reference(names[1]);
  } catch (const InvalidValue& error) {
    throw Failure("Error parsing reference: \"" + names[1] + "\" is not a valid repository/tag: " + error.what());
  }
  if (!target.digest.empty()) throw Failure("refusing to create a tag with a digest reference");
  Query query;
  query.add("repo", target.name).add("tag", target.tag.empty() ? "latest" : target.tag);
  context.client().post("/images/" + escaped(names[0]) + "/tag" + query.text());
  return 0;
}

int image_rm(Context& context) {
  bool force = false;
  bool no_prune = false;
  std::vector<std::string> platforms;
  Flags flags;
  flags.toggle("force,f", force, "Force removal of the image")
      .toggle("no-prune", no_prune, "Do not delete untagged parents")
      .commas("platform", platforms,
              "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")");
  const auto names = context.parse(flags, Arity::at_least(1));
  Query query;
  query.add_if(force, "force").add_if(no_prune, "noprune");
  for (const std::string& platform : platforms) query.add("platforms", parse_platform(platform).json());
  std::string failures;
  bool fatal = false;
  for (const std::string& name : names) {
    try {
      const Json gone = Json::parse(context.client().call("DELETE", "/images/" + escaped(name) + query.text()));
      for (const Json& each : gone) {
        if (each.contains("Deleted")) {
          std::printf("Deleted: %s\n", each.value("Deleted", "").c_str());
        } else {
          std::printf("Untagged: %s\n", each.value("Untagged", "").c_str());
        }
      }
    } catch (const DaemonError& error) {
      fatal = fatal || error.status() != 404;
      failures += std::string(error.what()) + "\n";
    }
  }
  std::fflush(stdout);
  std::fputs(failures.c_str(), stderr);
  return !failures.empty() && (!force || fatal) ? 1 : 0;
}

}  // namespace gantry::cli
