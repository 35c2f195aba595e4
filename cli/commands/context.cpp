#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands/commands.hpp"
#include "commands/inspect.hpp"
#include "commands/list_flags.hpp"
#include "contexts/context_store.hpp"
#include "contexts/current_context.hpp"
#include "contexts/endpoint_options.hpp"
#include "format/units.hpp"
#include "parse/text.hpp"

/// `context`: named daemons. What travels as an archive is in context_transfer.cpp.
namespace gantry::cli {

namespace {

const ColumnHeads kContextHeads{{"Name", "NAME"},
                                {"Description", "DESCRIPTION"},
                                {"DockerEndpoint", "DOCKER ENDPOINT"},
                                {"Current", "CURRENT"},
                                {"Error", "ERROR"}};

void declare_endpoint(Flags& flags, std::optional<EndpointOptions>& options, std::string& description) {
  flags.text("description", description, "Description of the context")
      .custom("docker", "stringToString", "set the docker endpoint", [&options](const std::string& text) {
        if (!options) options.emplace();
        for (const std::string& field : csv_fields(text)) {
          const auto pair = cut(field, '=');
          if (!pair) throw InvalidValue(field + " must be formatted as key=value");
          (*options)[pair->first] = pair->second;
        }
      });
  flags.default_text("[]");
}

Json context_row(const StoredContext& stored, bool current, const std::string& error) {
  Json row = Json::object();
  row["Current"] = current;
  row["Description"] = stored.description;
  row["DockerEndpoint"] = stored.host;
  row["Error"] = error;
  row["Name"] = stored.name;
  return row;
}

std::vector<Json> context_rows(Context& context, const ContextStore& store) {
  auto all = store.all();
  all.push_back(default_context(context.connection, context.config_dir));
  all.back().description = "Current DOCKER_HOST based configuration";
  const std::string current = current_context(context.connection, context.config());
  std::string error;
  const auto named = [&](const StoredContext& stored) { return stored.name == current; };
  if (std::none_of(all.begin(), all.end(), named)) {
    StoredContext missing;
    missing.name = current;
    try {
      (void)store.load(current);
    } catch (const Failure& failure) {
      error = failure.what();
    }
    all.push_back(missing);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
  std::vector<Json> rows;
  for (const StoredContext& stored : all) {
    const bool is_current = stored.name == current;
    rows.push_back(context_row(stored, is_current, is_current ? error : ""));
  }
  return rows;
}

// The table marks the present one by a star and cuts what is long.
void decorate(Json& row) {
  if (row["Current"].get<bool>()) row["Name"] = row["Name"].get<std::string>() + " *";
  for (const char* field : {"Description", "Error"}) row[field] = ellipsis(row[field].get<std::string>(), 45);
}

void set_current(Context& context, const std::string& name) {
  Json& config = context.config().json();
  const std::string before = context.config().text("currentContext");
  if (before == name) return;
  config.erase("currentContext");
  if (!name.empty()) config["currentContext"] = name;
  context.config().save();
}

std::string details(Context& context, const ContextStore& store, const std::string& name) {
  const bool is_default = name == kDefaultContext;
  const StoredContext stored = is_default ? default_context(context.connection, context.config_dir) : store.load(name);
  Json out = Json::parse(to_meta(stored));
  out["TLSMaterial"] = Json::object();
  for (const auto& [file, content] : stored.tls) out["TLSMaterial"]["docker"].push_back(file);
  out["Storage"]["MetadataPath"] = is_default ? "<IN MEMORY>" : store.meta_folder(name);
  out["Storage"]["TLSPath"] = is_default ? "<IN MEMORY>" : store.tls_folder(name);
  std::string text = out.dump();
  // As Go writes them.
  for (const auto& [plain, shown] : {std::pair{"<IN", "\\u003cIN"}, std::pair{"MEMORY>", "MEMORY\\u003e"}}) {
    for (auto at = text.find(plain); at != std::string::npos; at = text.find(plain, at + 1)) {
      text.replace(at, std::string_view(plain).size(), shown);
    }
  }
  return text;
}

}  // namespace

void check_new_context(const ContextStore& store, const std::string& name) {
  check_context_name(name);
  if (store.exists(name)) throw Failure("context \"" + name + "\" already exists");
}

int context_create(Context& context) {
  std::optional<EndpointOptions> endpoint;
  std::string description;
  std::string from;
  Flags flags;
  declare_endpoint(flags, endpoint, description);
  flags.text("from", from, "create context from a named context");
  const std::string name = context.parse(flags, Arity::exactly(1))[0];
  const ContextStore store(context.config_dir);
  check_new_context(store, name);
  StoredContext made;
  if (endpoint && from.empty()) {
    apply_endpoint(*endpoint, store, context.connection, made);
  } else {
    if (endpoint) throw Failure("cannot use --docker flag when --from is set");
    if (from.empty()) from = current_context(context.connection, context.config());
    made = from == kDefaultContext ? default_context(context.connection, context.config_dir) : store.load_whole(from);
  }
  made.name = name;
  if (flags.given("description")) made.description = description;
  store.save(made);
  std::printf("%s\n", name.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "Successfully created context \"%s\"\n", name.c_str());
  return 0;
}

int context_update(Context& context) {
  std::optional<EndpointOptions> endpoint;
  std::string description;
  Flags flags;
  declare_endpoint(flags, endpoint, description);
  const std::string name = context.parse(flags, Arity::exactly(1))[0];
  check_context_name(name);
  const ContextStore store(context.config_dir);
  StoredContext changed = store.load_whole(name);
  if (flags.given("description")) changed.description = description;
  if (endpoint) apply_endpoint(*endpoint, store, context.connection, changed);
  store.save(changed);
  std::printf("%s\n", name.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "Successfully updated context \"%s\"\n", name.c_str());
  return 0;
}

int context_use(Context& context) {
  Flags flags;
  const std::string name = context.parse(flags, Arity::exactly(1))[0];
  if (name != kDefaultContext) (void)ContextStore(context.config_dir).load(name);
  set_current(context, name == kDefaultContext ? "" : name);
  std::printf("%s\n", name.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "Current context is now \"%s\"\n", name.c_str());
  if (const char* variable = host_variable(); variable != nullptr && name != kDefaultContext) {
    std::fprintf(stderr,
                 "Warning: %s environment variable overrides the active context. To use \"%s\", either set the global "
                 "--context flag, or unset %s environment variable.\n",
                 variable, name.c_str(), variable);
  }
  return 0;
}

int context_show(Context& context) {
  Flags flags;
  context.parse(flags, Arity::none());
  std::printf("%s\n", current_context(context.connection, context.config()).c_str());
  return 0;
}

int context_ls(Context& context) {
  bool quiet = false;
  ListFlags list;
  Flags flags;
  flags.toggle("quiet,q", quiet, "Only show context names");
  list.declare_format(flags);
  context.parse(flags, Arity::none());
  auto rows = context_rows(context, ContextStore(context.config_dir));
  const bool table = list.format.empty() || list.format == "table";
  if (table && !quiet) std::for_each(rows.begin(), rows.end(), decorate);
  if (quiet) list.format.clear();
  list.print({list.format, "{{.Name}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}", kContextHeads,
              "*formatter.clientContextContext"},
             rows, quiet, "{{.Name}}");
  std::fflush(stdout);
  if (const char* variable = host_variable(); variable != nullptr && context.connection.context.empty() && !quiet) {
    std::fprintf(stderr,
                 "Warning: %s environment variable overrides the active context. To use a context, either set the "
                 "global --context flag, or unset %s environment variable.\n",
                 variable, variable);
  }
  return 0;
}

int context_inspect(Context& context) {
  ListFlags list;
  Flags flags;
  list.declare_format(flags, false, "format,f");
  auto names = context.parse(flags, Arity::at_least(0));
  if (names.empty()) names.push_back(current_context(context.connection, context.config()));
  const ContextStore store(context.config_dir);
  return inspect_each(names, list.format, [&](const std::string& name) {
    try {
      const std::string json = details(context, store, name);
      return Inspected{json, go_row_type("context.contextWithTLSListing"), false};
    } catch (const Failure& failure) {
      throw InvalidValue(failure.what());
    }
  });
}

int context_rm(Context& context) {
  bool force = false;
  Flags flags;
  flags.toggle("force,f", force, "Force the removal of a context in use");
  const auto names = context.parse(flags, Arity::at_least(1));
  const ContextStore store(context.config_dir);
  const std::string current = current_context(context.connection, context.config());
  std::string failures;
  for (const std::string& name : names) {
    std::string refusal;
    if (name == kDefaultContext) {
      refusal = "context \"default\" cannot be removed";
    } else if (!force && !store.exists(name)) {
      refusal = "context \"" + name + "\" does not exist";
    } else if (!force && name == current) {
      refusal = "context \"" + name + "\" is in use, set -f flag to force remove";
    }
    if (!refusal.empty()) {
      failures += (failures.empty() ? "" : "\n") + refusal;
      continue;
    }
    if (name == context.config().text("currentContext")) set_current(context, "");
    store.remove(name);
    std::printf("%s\n", name.c_str());
  }
  if (!failures.empty()) throw Failure(failures);
  return 0;
}

}  // namespace gantry::cli
