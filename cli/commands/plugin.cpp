#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/each.hpp"
#include "commands/list_flags.hpp"
#include "format/go_value.hpp"
#include "parse/text.hpp"

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

/// Docker's two, and which driver it is for.
void check_plugin_filters(const std::vector<std::string>& filters) {
  for (const std::string& filter : filters) {
    const std::string key = lower(trimmed(filter.substr(0, filter.find('='))));
    if (key != "capability" && key != "enabled" && key != "kind") throw Failure("invalid filter '" + key + "'");
    const std::string value = filter.substr(filter.find('=') + 1);
    if (key == "enabled" && value != "true" && value != "false") {
      throw Failure("invalid filter 'enabled=[" + value + "]'");
    }
  }
}

/// Of several values for one key any will do.
bool fits(const Json& row, const std::vector<std::string>& filters) {
  std::map<std::string, bool> met;
  for (const std::string& filter : filters) {
    const auto pair = cut(filter, '=');
    const std::string key = lower(trimmed(pair->first));
    const std::string value = trimmed(pair->second);
    bool& fit = met[key];
    if (key == "capability") {
      const auto all = split(row["Capabilities"].get<std::string>(), ',');
      fit = fit || std::find(all.begin(), all.end(), value) != all.end();
    } else {
      fit = fit || row[key == "enabled" ? "Enabled" : "Kind"] == value;
    }
  }
  return std::all_of(met.begin(), met.end(), [](const auto& each) { return each.second; });
}

int change_each(Context& context, const char* verb) {
  bool force = false;
  std::int64_t timeout = 30;
  Flags flags;
  // Docker's flags: a driver that is in use is never cut off, and takes no time to come back.
  if (std::string_view(verb) == "disable") flags.toggle("force,f", force, "Taken, and without effect").hidden();
  if (std::string_view(verb) == "enable") flags.integer("timeout", timeout, "Taken, and without effect").hidden();
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
  list.declare_filter(flags, "Provide filter values (e.g. \"enabled=true\")");
  list.declare_format(flags);
  context.parse(flags, Arity::none());
  check_plugin_filters(list.filters);
  if (list.format.empty() && !quiet) list.format = context.config().text("pluginsFormat");
  const Json plugins = context.client().get("/gantry/plugins");
  std::vector<Json> rows;
  bool failed = false;
  bool disabled = false;
  bool isolated = false;
  for (const Json& plugin : plugins) {
    Json row = plugin_row(plugin);
    if (!fits(row, list.filters)) continue;
    rows.push_back(std::move(row));
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
