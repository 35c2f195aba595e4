#include <array>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "commands/commands.hpp"
#include "commands/inspect.hpp"
#include "commands/list_flags.hpp"
#include "format/reindent.hpp"
#include "format/template.hpp"

namespace gantry::cli {

namespace {

using Fetch = std::function<std::string(const std::string&)>;

std::string formatted(const Template& text, const std::string& raw) {
  try {
    return text.execute(Json::parse(raw));
  } catch (const TemplateError& error) {
    throw Failure(std::string("template parsing error: ") + error.what());
  }
}

std::string as_array(const std::vector<std::string>& found) {
  std::string all = "[";
  for (const std::string& raw : found) all += (all.size() > 1 ? "," : "") + raw;
  return reindent(all + "]") + "\n";
}

std::string with_template(const std::string& format, const std::vector<std::string>& found, std::string& failures) {
  std::string out;
  try {
    const Template text(format == "json" ? "{{json .}}" : format);
    for (const std::string& raw : found) out += formatted(text, raw) + "\n";
  } catch (const TemplateError& error) {
    throw Failure(std::string("template parsing error: ") + error.what(), 64);
  } catch (const Failure& failure) {
    out += "\n";
    failures += std::string(failure.what()) + "\n";
  }
  return out;
}

}  // namespace

int inspect_each(const std::vector<std::string>& names, const std::string& format, const Fetch& fetch) {
  std::vector<std::string> found;
  std::string failures;
  for (const std::string& name : names) {
    try {
      found.push_back(fetch(name));
    } catch (const DaemonError& error) {
      failures += std::string(error.what()) + "\n";
    } catch (const InvalidValue& error) {
      failures += std::string(error.what()) + "\n";
    }
  }
  std::string out;
  if (format.empty()) {
    out = as_array(found);
  } else {
    out = with_template(format, found, failures);
    if (found.empty()) out = "\n";
  }
  print_text(out);
  std::fflush(stdout);
  std::fputs(failures.c_str(), stderr);
  return failures.empty() ? 0 : 1;
}

namespace {

int inspect_kind(Context& context, const std::string& prefix, const std::string& suffix) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  const auto names = context.parse(flags, Arity::at_least(1));
  return inspect_each(names, list.format, [&](const std::string& name) {
    return context.client().call("GET", prefix + escaped(name) + suffix);
  });
}

std::string with_missing(const std::string& raw, std::initializer_list<const char*> members) {
  Json object = Json::parse(raw, nullptr, false);
  if (!object.is_object()) return raw;
  for (const char* member : members) object.emplace(member, nullptr);
  return object.dump();
}

struct Kind {
  const char* name;
  const char* prefix;
  const char* suffix;
};

constexpr std::array<Kind, 5> kKinds{{{"container", "/containers/", "/json"},
                                      {"image", "/images/", "/json"},
                                      {"network", "/networks/", ""},
                                      {"volume", "/volumes/", ""},
                                      {"plugin", "/gantry/plugins/", ""}}};

// Of these gantryd has none, and says so.
constexpr std::array<Kind, 5> kSwarmKinds{{{"config", "/configs/", ""},
                                           {"node", "/nodes/", ""},
                                           {"secret", "/secrets/", ""},
                                           {"service", "/services/", ""},
                                           {"task", "/tasks/", ""}}};

constexpr const char* kTypes =
    R"(must be one of "config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume")";

bool is_absence(const DaemonError& error) {
  const std::string_view message = error.what();
  return error.status() == 404 || message.find("invalid reference format") != std::string_view::npos;
}

std::string fetch_any(Client& client, const std::string& name, const std::string& type, bool size) {
  const std::string sized = size ? "?size=1" : "";
  for (const Kind& kind : kKinds) {
    if (!type.empty() && type != kind.name) continue;
    const bool is_container = kind.name == std::string_view("container");
    try {
      return client.call("GET", kind.prefix + escaped(name) + kind.suffix + (is_container ? sized : ""));
    } catch (const DaemonError& error) {
      if (!type.empty() || !is_absence(error)) throw;
    }
  }
  for (const Kind& kind : kSwarmKinds) {
    if (type == kind.name) return client.call("GET", kind.prefix + escaped(name));
  }
  throw InvalidValue("Error: No such object: " + name);
}

}  // namespace

int any_inspect(Context& context) {
  bool size = false;
  std::string type;
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  flags.toggle("size,s", size, "Display total file sizes if the type is container")
      .text("type", type, "Only inspect objects of the given type");
  const auto names = context.parse(flags, Arity::at_least(1));
  bool known = type.empty() && !flags.given("type");
  for (const Kind& kind : kKinds) known = known || type == kind.name;
  for (const Kind& kind : kSwarmKinds) known = known || type == kind.name;
  if (type.empty() && flags.given("type")) throw Failure(std::string("type is empty: ") + kTypes);
  if (!known) throw Failure("unknown type: \"" + type + "\": " + kTypes);
  return inspect_each(names, list.format,
                      [&](const std::string& name) { return fetch_any(context.client(), name, type, size); });
}

int container_inspect(Context& context) {
  bool size = false;
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  flags.toggle("size,s", size, "Display total file sizes");
  const auto names = context.parse(flags, Arity::at_least(1));
  return inspect_each(names, list.format,
                      [&](const std::string& name) { return fetch_any(context.client(), name, "container", size); });
}

int image_inspect(Context& context) {
  std::string platform;
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  flags.text("platform", platform,
             "Inspect a specific platform of the multi-platform image.\n"
             "If the image or the server is not multi-platform capable, the command will error out if the platform "
             "does not match.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)");
  const auto names = context.parse(flags, Arity::at_least(1));
  Query query;
  query.add_if(!platform.empty(), "platform", platform);
  return inspect_each(names, list.format, [&](const std::string& name) {
    return context.client().call("GET", "/images/" + escaped(name) + "/json" + query.text());
  });
}

int network_inspect(Context& context) {
  bool verbose = false;
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  flags.toggle("verbose,v", verbose, "Verbose output for diagnostics");
  const auto names = context.parse(flags, Arity::at_least(1));
  return inspect_each(names, list.format, [&](const std::string& name) {
    return context.client().call("GET", "/networks/" + escaped(name) + (verbose ? "?verbose=true" : ""));
  });
}

int volume_inspect(Context& context) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  const auto names = context.parse(flags, Arity::at_least(1));
  const bool formatted = !list.format.empty();
  return inspect_each(names, list.format, [&](const std::string& name) {
    const std::string raw = context.client().call("GET", "/volumes/" + escaped(name));
    // To a template what a volume need not have is there.
    return formatted ? with_missing(raw, {"ClusterVolume", "Status", "UsageData"}) : raw;
  });
}
int plugin_inspect(Context& context) { return inspect_kind(context, "/gantry/plugins/", ""); }

}  // namespace gantry::cli
