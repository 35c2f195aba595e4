#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "command/version.hpp"
#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "contexts/current_context.hpp"
#include "format/go_value.hpp"
#include "format/template.hpp"
#include "format/units.hpp"

namespace gantry::cli {

namespace {

/// Writes the daemon's description line by line, as `docker info` lays it out.
class InfoText {
 public:
  InfoText(const Json& info, bool debug) : info_(info), debug_(debug) {}

  std::string text() {
    counts();
    storage();
    value("Logging Driver", "LoggingDriver");
    value("Cgroup Driver", "CgroupDriver");
    value("Cgroup Version", "CgroupVersion");
    drivers();
    devices();
    swarm();
    runtimes();
    security();
    host();
    proxies();
    labels();
    line(" Experimental: " + boolean("ExperimentalBuild"));
    registries();
    line(" Live Restore Enabled: " + boolean("LiveRestoreEnabled"));
    value("Product License", "ProductLicense");
    pools();
    firewall();
    line("");
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  [[nodiscard]] std::string plain(const char* key) const {
    const auto found = info_.find(key);
    return found == info_.end() || found->is_null() ? "" : go_text(*found);
  }

  [[nodiscard]] std::string boolean(const char* key) const { return info_.value(key, false) ? "true" : "false"; }

  void value(const std::string& title, const char* key) {
    if (const std::string text = plain(key); !text.empty()) line(" " + title + ": " + text);
  }

  void counts() {
    line(" Containers: " + plain("Containers"));
    line("  Running: " + plain("ContainersRunning"));
    line("  Paused: " + plain("ContainersPaused"));
    line("  Stopped: " + plain("ContainersStopped"));
    line(" Images: " + plain("Images"));
    value("Server Version", "ServerVersion");
  }

  void storage() {
    value("Storage Driver", "Driver");
    for (const Json& pair : info_.value("DriverStatus", Json::array())) {
      line("  " + go_text(pair[0]) + ": " + go_text(pair[1]));
    }
  }

  void drivers() {
    const Json plugins = info_.value("Plugins", Json::object());
    line(" Plugins:");
    for (const char* kind : {"Volume", "Network", "Authorization", "Log"}) {
      const auto found = plugins.find(kind);
      if (found == plugins.end() || !found->is_array() || found->empty()) {
        if (kind != std::string_view("Authorization")) line(std::string("  ") + kind + ": ");
        continue;
      }
      std::string names;
      for (const Json& name : *found) names += " " + go_text(name);
      line(std::string("  ") + kind + ":" + names);
    }
  }

  void devices() {
    const Json folders = info_.value("CDISpecDirs", Json::array());
    if (folders.is_array() && !folders.empty()) line(" CDI spec directories:");
    for (const Json& folder : folders) line("  " + go_text(folder));
    const Json devices = info_.value("DiscoveredDevices", Json::array());
    if (devices.is_array() && !devices.empty()) line(" Discovered Devices:");
    for (const Json& device : devices) line("  " + device.value("Source", "") + ": " + device.value("ID", ""));
  }

  void firewall() {
    const Json firewall = info_.value("FirewallBackend", Json::object());
    if (!firewall.is_object() || firewall.empty()) return;
    line(" Firewall Backend: " + firewall.value("Driver", ""));
    for (const Json& fact : firewall.value("Info", Json::array())) {
      line("  " + go_text(fact[0]) + ": " + go_text(fact[1]));
    }
  }

  void swarm() {
    const Json swarm = info_.value("Swarm", Json::object());
    const std::string state = swarm.is_object() ? swarm.value("LocalNodeState", "") : "";
    if (!state.empty()) line(" Swarm: " + state);
  }

  void runtimes() {
    const Json runtimes = info_.value("Runtimes", Json::object());
    if (runtimes.is_object() && !runtimes.empty()) {
      std::string names;
      std::vector<std::string> sorted;
      for (const auto& item : runtimes.items()) sorted.push_back(item.key());
      std::sort(sorted.begin(), sorted.end());
      for (const std::string& name : sorted) names += " " + name;
      line(" Runtimes:" + names);
      line(" Default Runtime: " + plain("DefaultRuntime"));
    }
    if (plain("OSType") != "linux") return;
    line(" Init Binary: " + plain("InitBinary"));
    for (const auto& [title, key] :
         {std::pair{"containerd", "ContainerdCommit"}, {"runc", "RuncCommit"}, {"init", "InitCommit"}}) {
      const Json commit = info_.value(key, Json::object());
      line(std::string(" ") + title + " version: " + (commit.is_object() ? commit.value("ID", "") : ""));
    }
  }

  void security() {
    const Json options = info_.value("SecurityOptions", Json::array());
    if (!options.is_array() || options.empty()) return;
    line(" Security Options:");
    for (const Json& each : options) {
      std::string option = go_text(each);
      std::string profile;
      if (option.rfind("name=", 0) == 0) option.erase(0, 5);
      if (const auto comma = option.find(','); comma != std::string::npos) {
        profile = option.substr(comma + 1);
        option.erase(comma);
        if (profile.rfind("profile=", 0) == 0) profile.erase(0, 8);
      }
      line("  " + option);
      if (option == "seccomp") line("   Profile: " + (profile.empty() ? "default" : profile));
    }
  }

  void host() {
    for (const auto& [title, key] : {std::pair{"Kernel Version", "KernelVersion"},
                                     {"Operating System", "OperatingSystem"},
                                     {"OSType", "OSType"},
                                     {"Architecture", "Architecture"}}) {
      value(title, key);
    }
    line(" CPUs: " + plain("NCPU"));
    line(" Total Memory: " + binary_size(info_.value("MemTotal", 0.0)));
    value("Name", "Name");
    value("ID", "ID");
    line(" Docker Root Dir: " + plain("DockerRootDir"));
    line(" Debug Mode: " + boolean("Debug"));
    // Whoever looks for mistakes sees them of either side.
    if (!info_.value("Debug", false) && !debug_) return;
    line("  File Descriptors: " + plain("NFd"));
    line("  Goroutines: " + plain("NGoroutines"));
    line("  System Time: " + plain("SystemTime"));
    line("  EventsListeners: " + plain("NEventsListener"));
  }

  void proxies() {
    value("HTTP Proxy", "HttpProxy");
    value("HTTPS Proxy", "HttpsProxy");
    value("No Proxy", "NoProxy");
    value("Username", "Username");
  }

  void labels() {
    const Json all = info_.value("Labels", Json::array());
    if (!all.is_array() || all.empty()) return;
    line(" Labels:");
    for (const Json& label : all) line("  " + go_text(label));
  }

  void registries() {
    const Json config = info_.value("RegistryConfig", Json::object());
    if (!config.is_object()) return;
    std::string insecure;
    const Json indexes = config.value("IndexConfigs", Json::object());
    if (indexes.is_object()) {
      for (const auto& item : indexes.items()) {
        if (!item.value().value("Secure", true)) insecure += "  " + item.key() + "\n";
      }
    }
    const Json cidrs = config.value("InsecureRegistryCIDRs", Json::array());
    if (cidrs.is_array()) {
      for (const Json& cidr : cidrs) insecure += "  " + go_text(cidr) + "\n";
    }
    if (!insecure.empty()) out_ += " Insecure Registries:\n" + insecure;
    const Json mirrors = config.value("Mirrors", Json::array());
    if (!mirrors.is_array() || mirrors.empty()) return;
    line(" Registry Mirrors:");
    for (const Json& mirror : mirrors) line("  " + go_text(mirror));
  }

  void pools() {
    const Json all = info_.value("DefaultAddressPools", Json::array());
    if (!all.is_array() || all.empty()) return;
    line(" Default Address Pools:");
    for (const Json& pool : all)
      line("   Base: " + pool.value("Base", "") + ", Size: " + std::to_string(pool.value("Size", 0)));
  }

  const Json& info_;
  const bool debug_;
  std::string out_;
};

std::string client_text(const std::string& daemon_context, bool debug) {
  return std::string("Client:\n Version:    ") + kClientVersion + "\n Context:    " + daemon_context +
         "\n Debug Mode: " + (debug ? "true" : "false") + "\n\n";
}

int formatted_info(Context& context, const std::string& format) {
  std::unique_ptr<Template> text;
  try {
    text = std::make_unique<Template>(format == "json" ? "{{json .}}" : format);
  } catch (const TemplateError& error) {
    throw Failure(std::string("template parsing error: ") + error.what(), 64);
  }
  try {
    Json info = context.client().get("/info");
    info["ClientInfo"] = {{"Debug", context.debug},
                          {"Version", kClientVersion},
                          {"Context", current_context(context.connection, context.config())},
                          {"Plugins", Json::array()},
                          {"Warnings", nullptr}};
    std::fputs((text->execute({go_type("system.dockerInfo"), info}) + "\n").c_str(), stdout);
    return 0;
  } catch (const TemplateError& error) {
    std::fputs("\n", stdout);
    std::fflush(stdout);
    throw Failure(error.what());
  } catch (const Failure&) {
    // Docker's answer about no daemon at all.
    std::fputs("\n", stdout);
    std::fflush(stdout);
    throw;
  }
}

}  // namespace

int system_info(Context& context) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  context.parse(flags, Arity::none());
  if (!list.format.empty()) return formatted_info(context, list.format);
  print_text(client_text(current_context(context.connection, context.config()), context.debug));
  std::fputs("Server:\n", stdout);
  try {
    const Json info = context.client().get("/info");
    print_text(InfoText(info, context.debug).text());
    std::fflush(stdout);
    for (const Json& warning : info.value("Warnings", Json::array())) {
      std::fprintf(stderr, "%s\n", go_text(warning).c_str());
    }
  } catch (const Failure&) {
    std::fflush(stdout);
    throw;
  }
  return 0;
}

}  // namespace gantry::cli
