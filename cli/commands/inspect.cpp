#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "commands/commands.hpp"
#include "commands/inspect.hpp"
#include "commands/list_flags.hpp"
#include "format/reindent.hpp"
#include "format/template.hpp"
#include "parse/platform.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

using Fetch = std::function<Inspected(const std::string&)>;

// What an object's type does not have its JSON may: there Docker's templates look next, and say what is missing.
std::string formatted(Template& text, const Inspected& object) {
  const Json json = Json::parse(object.json);
  if (object.type != nullptr) {
    try {
      return text.execute({object.type, json});
    } catch (const TemplateError&) {
      if (!object.is_raw_too) throw;
    }
  }
  text.refuse_missing_keys();
  return text.execute(json);
}

std::string as_array(const std::vector<Inspected>& found) {
  std::string all = "[";
  for (const Inspected& each : found) all += (all.size() > 1 ? "," : "") + trimmed(each.json);
  return all + "]";
}

std::string with_template(Template& text, const std::vector<Inspected>& found, std::string& failures) {
  std::string out;
  for (const Inspected& each : found) {
    try {
      out += formatted(text, each) + "\n";
    } catch (const TemplateError& error) {
      failures += std::string("template parsing error: ") + error.what() + "\n";
    }
  }
  return out.empty() ? "\n" : out;
}

std::unique_ptr<Template> parsed(const std::string& format) {
  if (format.empty() || format == "json") return nullptr;
  try {
    return std::make_unique<Template>(format);
  } catch (const TemplateError& error) {
    throw Failure(std::string("template parsing error: ") + error.what(), 64);
  }
}

}  // namespace

int inspect_each(const std::vector<std::string>& names, const std::string& format, const Fetch& fetch) {
  const auto text = parsed(format);
  std::vector<Inspected> found;
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
  if (text != nullptr) {
    print_text(with_template(*text, found, failures));
  } else {
    print_text((format.empty() ? reindent(as_array(found)) : as_array(found)) + "\n");
  }
  std::fflush(stdout);
  std::fputs(failures.c_str(), stderr);
  return failures.empty() ? 0 : 1;
}

namespace {

struct Kind {
  const char* name;
  const char* prefix;
  const char* suffix;
  const char* type;
};

constexpr std::array<Kind, 5> kKinds{{{"container", "/containers/", "/json", "container.InspectResponse"},
                                      {"image", "/images/", "/json", "image.InspectResponse"},
                                      {"network", "/networks/", "", "network.Inspect"},
                                      {"volume", "/volumes/", "", "volume.Volume"},
                                      {"plugin", "/gantry/plugins/", "", ""}}};

// Of these gantryd has none, and says so.
constexpr std::array<Kind, 5> kSwarmKinds{{{"config", "/configs/", "", ""},
                                           {"node", "/nodes/", "", ""},
                                           {"secret", "/secrets/", "", ""},
                                           {"service", "/services/", "", ""},
                                           {"task", "/tasks/", "", ""}}};

constexpr const char* kTypes =
    R"(must be one of "config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume")";

bool is_absence(const DaemonError& error) {
  const std::string_view message = error.what();
  return error.status() == 404 || message.find("invalid reference format") != std::string_view::npos;
}

Inspected fetch_any(Client& client, const std::string& name, const std::string& type, bool size) {
  const std::string sized = size ? "?size=1" : "";
  for (const Kind& kind : kKinds) {
    if (!type.empty() && type != kind.name) continue;
    const bool is_container = kind.name == std::string_view("container");
    try {
      const std::string path = kind.prefix + escaped(name) + kind.suffix + (is_container ? sized : "");
      return {client.call("GET", path), go_type(kind.type)};
    } catch (const DaemonError& error) {
      if (!type.empty() || !is_absence(error)) throw;
    }
  }
  for (const Kind& kind : kSwarmKinds) {
    if (type == kind.name) return {client.call("GET", kind.prefix + escaped(name))};
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
  if (!platform.empty()) query.add("platform", parse_platform(platform).json());
  return inspect_each(names, list.format, [&](const std::string& name) {
    const std::string path = "/images/" + escaped(name) + "/json" + query.text();
    return Inspected{context.client().call("GET", path), go_type("image.InspectResponse")};
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
    const std::string path = "/networks/" + escaped(name) + (verbose ? "?verbose=true" : "");
    return Inspected{context.client().call("GET", path), go_type("network.Inspect")};
  });
}

int volume_inspect(Context& context) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  const auto names = context.parse(flags, Arity::at_least(1));
  return inspect_each(names, list.format, [&](const std::string& name) {
    return Inspected{context.client().call("GET", "/volumes/" + escaped(name)), go_type("volume.Volume"), false};
  });
}

int plugin_inspect(Context& context) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  const auto names = context.parse(flags, Arity::at_least(1));
  return inspect_each(names, list.format, [&](const std::string& name) {
    return Inspected{context.client().call("GET", "/gantry/plugins/" + escaped(name))};
  });
}

}  // namespace gantry::cli
