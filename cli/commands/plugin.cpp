#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/each.hpp"
#include "commands/list_flags.hpp"
#include "format/go_value.hpp"

namespace gantry::cli {

namespace {

const ColumnHeads kPluginHeads{
    {"Kind", "KIND"},         {"Name", "NAME"},   {"Version", "VERSION"},           {"Interface", "INTERFACE"},
    {"File", "FILE"},         {"Error", "ERROR"}, {"Capabilities", "CAPABILITIES"}, {"Enabled", "ENABLED"},
    {"Isolated", "ISOLATED"}, {"Pids", "PIDS"}};

Json plugin_row(const Json& plugin) {
  const auto text = [&](const char* key) {
    const auto found = plugin.find(key);
    return found == plugin.end() || found->is_null() ? std::string() : go_text(*found);
  };
  std::string capabilities;
  for (const Json& each : plugin.value("Capabilities", Json::array())) {
    capabilities += (capabilities.empty() ? "" : ",") + go_text(each);
  }
  Json row = Json::object();
  row["Capabilities"] = capabilities;
  row["Enabled"] = plugin.value("Enabled", true) ? "true" : "false";
  row["Error"] = text("Error");
  std::string pids;
  for (const Json& each : plugin.value("Pids", Json::array())) pids += (pids.empty() ? "" : ",") + go_text(each);
  row["Isolated"] = plugin.value("Isolated", false) ? "true" : "false";
  row["Pids"] = pids;
  row["File"] = text("File");
  row["Interface"] = text("Interface");
  row["Kind"] = text("Kind");
  row["Name"] = text("Name");
  row["Version"] = text("Version");
  return row;
}

int change_each(Context& context, const char* verb) {
  Flags flags;
  const auto names = context.parse(flags, Arity::at_least(1));
  return for_each_name(
      names, [&](const std::string& name) { context.client().post("/gantry/plugins/" + escaped(name) + "/" + verb); });
}

}  // namespace

int plugin_enable(Context& context) { return change_each(context, "enable"); }
int plugin_disable(Context& context) { return change_each(context, "disable"); }
int plugin_reload(Context& context) { return change_each(context, "reload"); }

int plugin_ls(Context& context) {
  bool quiet = false;
  bool full = false;
  ListFlags list;
  Flags flags;
  flags.toggle("no-trunc", full, "Don't truncate output").toggle("quiet,q", quiet, "Only display plugin names");
  list.declare_format(flags);
  context.parse(flags, Arity::none());
  if (list.format.empty() && !quiet) list.format = context.config().text("pluginsFormat");
  const Json plugins = context.client().get("/gantry/plugins");
  std::vector<Json> rows;
  bool failed = false;
  bool disabled = false;
  bool isolated = false;
  for (const Json& plugin : plugins) {
    rows.push_back(plugin_row(plugin));
    failed = failed || rows.back()["Error"] != "";
    isolated = isolated || rows.back()["Isolated"] == "true";
    disabled = disabled || rows.back()["Enabled"] == "false";
  }
  std::string table = "{{.Kind}}\t{{.Name}}\t{{.Version}}\t{{.Interface}}\t{{.File}}";
  if (isolated) table += "\t{{.Pids}}";
  if (disabled) table += "\t{{.Enabled}}";
  if (failed) table += "\t{{.Error}}";
  list.print({list.format, table, kPluginHeads}, rows, quiet, "{{.Name}}");
  return 0;
}

}  // namespace gantry::cli
