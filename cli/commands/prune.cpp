#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/user_defaults.hpp"
#include "command/failure.hpp"
#include "command/output.hpp"
#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "format/units.hpp"
#include "parse/quantity.hpp"

namespace gantry::cli {

namespace {

struct PruneFlags {
  bool force = false;
  ListFlags list;

  void declare(Flags& flags, std::string_view filter_help) {
    list.declare_filter(flags, filter_help, "filter");
    flags.toggle("force,f", force, "Do not prompt for confirmation");
  }

  [[nodiscard]] bool goes_ahead(const std::string& what) const {
    return force || confirmed("WARNING! This will remove " + what + "\nAre you sure you want to continue?");
  }

  void add_filters(Context& context, Query& query) const {
    ListFlags all = list;
    all.filters = with_prune_filters(list.filters, context.config());
    all.add_filters(query);
  }

  Json post(Context& context, const std::string& path, Query query = {}) const {
    add_filters(context, query);
    return Json::parse(context.client().post(path + query.text()));
  }
};

std::string listed(const Json& answer, const char* key, const char* title) {
  const auto found = answer.find(key);
  if (found == answer.end() || !found->is_array() || found->empty()) return "";
  std::string out = std::string(title) + ":\n";
  for (const Json& item : *found) {
    if (item.is_string()) {
      out += item.get<std::string>() + "\n";
    } else if (item.contains("Untagged")) {
      out += "untagged: " + item.value("Untagged", "") + "\n";
    } else {
      out += "deleted: " + item.value("Deleted", "") + "\n";
    }
  }
  return out + "\n";
}

double reclaimed(const Json& answer) { return answer.value("SpaceReclaimed", 0.0); }

void print_with_total(const std::string& text, double bytes) {
  print_text(text + "Total reclaimed space: " + human_size(bytes, 4) + "\n");
}

std::string system_warning(Context& context, const PruneFlags& options, bool all, bool volumes) {
  std::string out =
      "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n";
  if (volumes) out += "  - all anonymous volumes not used by at least one container\n";
  out += all ? "  - all images without at least one container associated to them\n  - all build cache\n"
             : "  - all dangling images\n  - unused build cache\n";
  std::vector<std::string> filters = with_prune_filters(options.list.filters, context.config());
  std::sort(filters.begin(), filters.end());
  if (!filters.empty()) out += "\n  Items to be pruned will be filtered with:\n";
  for (const std::string& filter : filters) out += "  - " + filter + "\n";
  return out + "\nAre you sure you want to continue?";
}

constexpr const char* kUntil = "Provide filter values (e.g. \"until=<timestamp>\")";

}  // namespace

int container_prune(Context& context) {
  PruneFlags options;
  Flags flags;
  options.declare(flags, kUntil);
  context.parse(flags, Arity::none());
  if (!options.goes_ahead("all stopped containers.")) return 0;
  const Json answer = options.post(context, "/containers/prune");
  print_with_total(listed(answer, "ContainersDeleted", "Deleted Containers"), reclaimed(answer));
  return 0;
}

int image_prune(Context& context) {
  bool all = false;
  PruneFlags options;
  Flags flags;
  flags.toggle("all,a", all, "Remove all unused images, not just dangling ones");
  options.declare(flags, kUntil);
  context.parse(flags, Arity::none());
  options.list.filters.push_back(std::string("dangling=") + (all ? "false" : "true"));
  const char* what = all ? "all images without at least one container associated to them." : "all dangling images.";
  if (!options.goes_ahead(what)) return 0;
  const Json answer = options.post(context, "/images/prune");
  print_with_total(listed(answer, "ImagesDeleted", "Deleted Images"), reclaimed(answer));
  return 0;
}

int volume_prune(Context& context) {
  bool all = false;
  PruneFlags options;
  Flags flags;
  flags.toggle("all,a", all, "Remove all unused volumes, not just anonymous ones");
  options.declare(flags, "Provide filter values (e.g. \"label=<label>\")");
  context.parse(flags, Arity::none());
  for (const std::string& filter : options.list.filters) {
    if (all && filter.starts_with("all=")) {
      throw Failure("conflicting options: cannot specify both --all and --filter all=1");
    }
  }
  if (all) options.list.filters.emplace_back("all=true");
  const char* what = all ? "all local volumes not used by at least one container."
                         : "anonymous local volumes not used by at least one container.";
  if (!options.goes_ahead(what)) return 0;
  const Json answer = options.post(context, "/volumes/prune");
  print_with_total(listed(answer, "VolumesDeleted", "Deleted Volumes"), reclaimed(answer));
  return 0;
}

int network_prune(Context& context) {
  PruneFlags options;
  Flags flags;
  options.declare(flags, kUntil);
  context.parse(flags, Arity::none());
  if (!options.goes_ahead("all custom networks not used by at least one container.")) return 0;
  print_text(listed(options.post(context, "/networks/prune"), "NetworksDeleted", "Deleted Networks"));
  return 0;
}

int system_prune(Context& context) {
  bool all = false;
  bool volumes = false;
  PruneFlags options;
  Flags flags;
  flags.toggle("all,a", all, "Remove all unused images not just dangling ones")
      .toggle("volumes", volumes, "Prune anonymous volumes");
  options.declare(flags, "Provide filter values (e.g. \"label=<key>=<value>\")");
  context.parse(flags, Arity::none());
  for (const std::string& filter : options.list.filters) {
    if (volumes && filter.starts_with("until=")) {
      throw Failure("ERROR: The \"until\" filter is not supported with \"--volumes\"");
    }
  }
  if (!options.force && !confirmed(system_warning(context, options, all, volumes))) return 0;
  double bytes = 0;
  const auto step = [&](const char* path, const char* key, const char* title, const Query& query = {}) {
    const Json answer = options.post(context, path, query);
    bytes += reclaimed(answer);
    print_text(listed(answer, key, title));
    std::fflush(stdout);
  };
  step("/containers/prune", "ContainersDeleted", "Deleted Containers");
  step("/networks/prune", "NetworksDeleted", "Deleted Networks");
  if (volumes) step("/volumes/prune", "VolumesDeleted", "Deleted Volumes");
  const auto given = options.list.filters;
  options.list.filters.push_back(std::string("dangling=") + (all ? "false" : "true"));
  step("/images/prune", "ImagesDeleted", "Deleted Images");
  options.list.filters = given;
  step("/build/prune", "CachesDeleted", "Deleted build cache objects", Query{}.add_if(all, "all"));
  print_with_total("", bytes);
  return 0;
}

int builder_prune(Context& context) {
  PruneFlags options;
  bool all = false;
  std::int64_t reserved = 0;
  std::int64_t max_used = 0;
  std::int64_t min_free = 0;
  const auto bytes = [](std::int64_t& into) { return [&into](const std::string& text) { into = parse_bytes(text); }; };
  Flags flags;
  flags.toggle("all,a", all, "Remove all unused build cache, not just dangling ones")
      .custom("keep-storage", "bytes", "Amount of disk space to keep for cache", bytes(reserved))
      .custom("reserved-space", "bytes", "Amount of disk space always allowed to keep for cache", bytes(reserved))
      .custom("max-used-space", "bytes", "Maximum amount of disk space allowed to keep for cache", bytes(max_used))
      .custom("min-free-space", "bytes", "Target amount of free disk space after pruning", bytes(min_free));
  options.declare(flags, "Provide filter values (e.g. \"until=24h\")");
  context.parse(flags, Arity::none());
  // In one line, as docker asks for this one alone.
  const std::string what = all ? "all build cache." : "all dangling build cache.";
  if (!options.force && !confirmed("WARNING! This will remove " + what + " Are you sure you want to continue?"))
    return 0;
  Query query;
  options.add_filters(context, query);
  query.add_if(all, "all", "1");
  // Daemons before API 1.48 know the first of these by its older name alone.
  query.add_if(reserved > 0, "keep-storage", std::to_string(reserved));
  query.add_if(reserved > 0, "reserved-space", std::to_string(reserved));
  query.add_if(max_used > 0, "max-used-space", std::to_string(max_used));
  query.add_if(min_free > 0, "min-free-space", std::to_string(min_free));
  const Json answer = Json::parse(context.client().post("/build/prune" + query.text()));
  print_with_total(listed(answer, "CachesDeleted", "Deleted build cache objects"), reclaimed(answer));
  return 0;
}

}  // namespace gantry::cli
