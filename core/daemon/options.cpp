#include "daemon/options.hpp"

#include <CLI/CLI.hpp>
#include <list>

#include "api/product.hpp"
#include "gantry/error.hpp"

namespace gantry::daemon {

namespace {

using Runtimes = std::map<std::string, Runtime>;
using Pools = std::vector<AddressPool>;
using Ulimits = std::map<std::string, Ulimit>;

// "key=value" into a map.
std::pair<std::string, std::string> split_pair(const std::string& flag, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw CLI::ValidationError(flag, "\"" + text + "\": name=value is needed");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// What flags collect that are repeated; turned into the config's own types after parsing.
struct Collected {
  const Setting* setting{};
  Strings values;
  CLI::Option* option{};
};

CLI::Option* add(CLI::App& app, const Setting& setting, Config& config, std::list<Collected>& collected) {
  if (const auto* flag = std::get_if<bool Config::*>(&setting.member)) {
    return app.add_flag(setting.flag, config.**flag, setting.help);
  }
  if (const auto* count = std::get_if<int Config::*>(&setting.member)) {
    return app.add_option(setting.flag, config.**count, setting.help);
  }
  if (const auto* text = std::get_if<std::string Config::*>(&setting.member)) {
    return app.add_option(setting.flag, config.**text, setting.help);
  }
  Collected& values = collected.emplace_back();
  values.setting = &setting;
  if (std::holds_alternative<IsolatedPlugins Config::*>(setting.member)) {
    // Of a flag without a value this is "true".
    values.option = app.add_flag(setting.flag, values.values, setting.help);
    return values.option;
  }
  values.option = app.add_option(setting.flag, values.values, setting.help)->expected(1)->take_all();
  return values.option;
}

void store(const Collected& given, Config& config) {
  const Setting::Member& member = given.setting->member;
  for (const std::string& value : given.values) {
    if (const auto* list = std::get_if<Strings Config::*>(&member)) {
      (config.**list).push_back(value);
    } else if (const auto* isolated = std::get_if<IsolatedPlugins Config::*>(&member)) {
      if (value == "true" || value == "false") {
        (config.**isolated).all = value == "true";
      } else {
        (config.**isolated).names.push_back(value);
      }
    } else if (const auto* texts = std::get_if<Texts Config::*>(&member)) {
      (config.**texts)
          .insert_or_assign(split_pair(given.setting->flag, value).first,
                            split_pair(given.setting->flag, value).second);
    } else if (const auto* runtimes = std::get_if<Runtimes Config::*>(&member)) {
      const auto [name, behind] = split_pair(given.setting->flag, value);
      Runtime& runtime = (config.**runtimes)[name];
      const bool is_path = behind.find('/') != std::string::npos;
      runtime.driver = is_path ? "oci" : behind;
      if (is_path) runtime.options["path"] = behind;
    } else if (const auto* pools = std::get_if<Pools Config::*>(&member)) {
      (config.**pools).push_back(parse_address_pool(value));
    } else if (const auto* ulimits = std::get_if<Ulimits Config::*>(&member)) {
      const auto [name, limit] = parse_ulimit(value);
      (config.**ulimits)[name] = limit;
    }
  }
}

// In dockerd's words.
std::string unexpected(const std::string& argument) {
  return argument.starts_with('-') ? "unknown flag: " + argument : "\"gantryd\" accepts no argument(s): " + argument;
}

int complain(const std::string& what) {
  std::fprintf(stderr, "%s\nSee 'gantryd --help'.\n", what.c_str());
  return 1;
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, CommandLine& out) {
  CLI::App app{"gantryd: runs containers and serves Docker's API", "gantryd"};
  app.set_version_flag("-v,--version", "gantryd version " + api::product_version());
  CLI::Option* file = app.add_option("--config-file", out.config_file, "Configuration file");
  app.add_flag("--validate", out.validate, "Check the configuration and end");
  std::list<Collected> collected;
  std::vector<std::pair<const Setting*, CLI::Option*>> options;
  for (const Setting& setting : settings()) {
    if (*setting.flag != '\0') options.emplace_back(&setting, add(app, setting, out.config, collected));
  }
  try {
    app.parse(argc, argv);
    for (const Collected& given : collected) store(given, out.config);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ExtrasError&) {
    return complain(unexpected(app.remaining().front()));
  } catch (const std::exception& error) {
    return complain(error.what());
  }
  out.config_file_given = file->count() > 0;
  for (const auto& [setting, option] : options) {
    if (option->count() > 0) out.config.given.insert(setting->key);
  }
  return std::nullopt;
}

}  // namespace gantry::daemon
