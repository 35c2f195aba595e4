#include <sys/utsname.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "command/version.hpp"
#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "contexts/current_context.hpp"
#include "format/columns.hpp"
#include "format/template.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kNewestApi = "1.50";

std::string architecture() {
  utsname host{};
  ::uname(&host);
  const std::string machine = host.machine;
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

// Go prints "Thu Aug 13 05:35:48 2026" of the API's time.
std::string build_time(const std::string& text) {
  std::tm parts{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return text;
  std::array<char, 64> out{};
  std::strftime(out.data(), out.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return out.data();
}

// Docker's command line shows the engine's time of build so wherever it stands among the details.
void make_readable(Json& server) {
  if (!server.is_object() || !server.contains("Components") || !server["Components"].is_array()) return;
  for (Json& component : server["Components"]) {
    if (component.value("Name", "") != "Engine" || !component.contains("Details")) continue;
    Json& details = component["Details"];
    if (details.is_object() && details.contains("BuildTime"))
      details["BuildTime"] = build_time(details.value("BuildTime", ""));
  }
}

std::string client_text(const Json& client) {
  const std::string api = client["ApiVersion"];
  const std::string shown = api == kNewestApi ? api : api + " (downgraded from " + kNewestApi + ")";
  return "Client:\n Version:\t" + client.value("Version", "") + "\n API version:\t" + shown + "\n OS/Arch:\t" +
         client.value("Os", "") + "/" + client.value("Arch", "") + "\n Context:\tdefault\n";
}

std::string engine_text(const Json& component) {
  const Json details = component.value("Details", Json::object());
  const auto detail = [&](const char* key) { return details.value(key, ""); };
  std::string out = " " + component.value("Name", "") + ":\n  Version:\t" + component.value("Version", "") +
                    "\n  API version:\t" + detail("ApiVersion") + " (minimum version " + detail("MinAPIVersion") +
                    ")\n";
  if (!detail("GoVersion").empty()) out += "  Go version:\t" + detail("GoVersion") + "\n";
  if (!detail("GitCommit").empty()) out += "  Git commit:\t" + detail("GitCommit") + "\n";
  if (!detail("BuildTime").empty()) out += "  Built:\t" + build_time(detail("BuildTime")) + "\n";
  const std::string experimental = detail("Experimental");
  return out + "  OS/Arch:\t" + detail("Os") + "/" + detail("Arch") + "\n  Experimental:\t" +
         (experimental.empty() ? "false" : experimental) + "\n";
}

std::string component_text(const Json& component) {
  std::string out = " " + component.value("Name", "") + ":\n  Version:\t" + component.value("Version", "") + "\n";
  const Json details = component.value("Details", Json::object());
  for (const auto& item : details.items()) out += "  " + item.key() + ":\t" + item.value().get<std::string>() + "\n";
  return out;
}

std::string server_text(const Json& server) {
  const Json platform = server.value("Platform", Json::object());
  const std::string name = platform.value("Name", "");
  std::string out = name.empty() ? "\nServer:\n" : "\nServer: " + name + "\n";
  const Json components = server.value("Components", Json::array());
  if (components.empty()) {
    return out + engine_text({{"Name", "Engine"}, {"Version", server.value("Version", "")}, {"Details", server}});
  }
  for (const Json& component : components) {
    out += component.value("Name", "") == "Engine" ? engine_text(component) : component_text(component);
  }
  return out;
}

// The server's part, or null and why there is none: what is asked of the client is answered all the same.
Json ask_server(Context& context, std::string& failure) {
  try {
    return context.client().get("/version");
  } catch (const Failure& error) {
    failure = error.what();
  } catch (const DaemonError& error) {
    failure = error.what();
  }
  return nullptr;
}

std::unique_ptr<Template> parse_format(const std::string& format) {
  if (format.empty()) return nullptr;
  try {
    return std::make_unique<Template>(format == "json" ? "{{json .}}" : format, "version");
  } catch (const TemplateError& error) {
    throw Failure(std::string("template parsing error: ") + error.what(), 64);
  }
}

// A template that asks an absent server for something is no mistake of the template's: `failure` stays what it is.
std::string formatted(const Template& format, const Json& versions, std::string& failure) {
  std::string out;
  try {
    format.execute_into(out, {go_type("system.versionInfo"), versions});
  } catch (const TemplateError& error) {
    if (failure.empty()) failure = error.what();
  }
  return out + "\n";
}

}  // namespace

int show_version(Context& context) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  context.parse(flags, Arity::none());
  const auto format = parse_format(list.format);
  std::string failure;
  Json server = ask_server(context, failure);
  make_readable(server);
  const Json client = {{"Platform", {{"Name", ""}}},
                       {"Version", kClientVersion},
                       {"ApiVersion", context.client().version()},
                       {"DefaultAPIVersion", kNewestApi},
                       {"Os", "linux"},
                       {"Arch", architecture()},
                       {"Context", current_context(context.connection, context.config())}};
  if (format != nullptr) {
    const Json versions = {{"Client", client}, {"Server", server}};
    print_text(formatted(*format, versions, failure));
  } else {
    print_text(align(client_text(client) + (server.is_null() ? "" : server_text(server)), {20, 1}));
  }
  if (!failure.empty()) throw Failure(failure);
  return 0;
}

}  // namespace gantry::cli
