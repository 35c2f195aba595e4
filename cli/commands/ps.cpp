#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "commands/rows.hpp"
#include "format/go_value.hpp"
#include "format/listing.hpp"
#include "format/ports.hpp"
#include "format/template.hpp"
#include "format/units.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kPsTable =
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

constexpr const char* kPsRaw =
    "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n"
    "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n"
    "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n";

const ColumnHeads kPsHeads{{"ID", "CONTAINER ID"},
                           {"Names", "NAMES"},
                           {"Image", "IMAGE"},
                           {"Command", "COMMAND"},
                           {"CreatedAt", "CREATED AT"},
                           {"RunningFor", "CREATED"},
                           {"Ports", "PORTS"},
                           {"State", "STATE"},
                           {"Status", "STATUS"},
                           {"Size", "SIZE"},
                           {"Labels", "LABELS"},
                           {"Mounts", "MOUNTS"},
                           {"LocalVolumes", "LOCAL VOLUMES"},
                           {"Networks", "NETWORKS"},
                           {"Platform", "PLATFORM"}};

// Of a network, which is in NetworkSettings.Networks, a row has the name alone.
constexpr int kRowDepth = 3;

std::string shown_names_of(const Json& container, bool truncate) {
  std::string out;
  for (const Json& each : container.value("Names", Json::array())) {
    std::string name = each.get<std::string>();
    if (!name.empty() && name[0] == '/') name.erase(0, 1);
    // Further slashes make it a link's name: those are shown in full listings only.
    if (truncate && name.find('/') != std::string::npos) continue;
    out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

std::string image_of(const Json& container, bool truncate) {
  std::string image = container.value("Image", "");
  if (image.empty()) return "<no image>";
  if (!truncate) return image;
  const std::string id = short_id(container.value("ImageID", ""));
  if (!id.empty() && id == short_id(image)) return id;
  // With a tag the digest is left out.
  if (const auto digest = cut(image, '@')) {
    const auto slash = digest->first.rfind('/');
    if (digest->first.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos) return digest->first;
  }
  return image;
}

std::string size_of(const Json& container) {
  const std::string writable = human_size(static_cast<double>(container.value("SizeRw", std::int64_t{0})));
  const std::int64_t whole = container.value("SizeRootFs", std::int64_t{0});
  return whole > 0 ? writable + " (virtual " + human_size(static_cast<double>(whole)) + ")" : writable;
}

std::string mounts_of(const Json& container, bool truncate) {
  std::string out;
  for (const Json& mount : container.value("Mounts", Json::array())) {
    std::string name = mount.value("Name", "");
    if (name.empty()) name = mount.value("Source", "");
    out += (out.empty() ? "" : ",") + (truncate ? ellipsis(name, 15) : name);
  }
  return out;
}

std::int64_t local_volumes(const Json& container) {
  std::int64_t count = 0;
  for (const Json& mount : container.value("Mounts", Json::array()))
    count += mount.value("Driver", "") == "local" ? 1 : 0;
  return count;
}

std::string networks_of(const Json& container) {
  std::vector<std::string> names;
  if (const auto settings = container.find("NetworkSettings"); settings != container.end()) {
    if (const auto networks = settings->find("Networks"); networks != settings->end() && networks->is_object()) {
      for (const auto& item : networks->items()) names.push_back(item.key());
    }
  }
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

// What docker looks at a format with before it asks for containers: a row of nothing, but with the heads of the table.
Json blank_row() {
  Json row = container_row(Json::object(), true);
  for (const auto& [field, head] : kPsHeads) row["FullHeader"][std::string(field)] = std::string(head);
  row["Header"] = row["FullHeader"];
  return row;
}

constexpr const char* kRowType = "*formatter.ContainerContext";

}  // namespace

Json container_row(const Json& container, bool truncate) {
  Json row = Json::object();
  row.get_ref<Json::object_t&>().reserve(kPsHeads.size() + 1);
  const std::int64_t created = container.value("Created", std::int64_t{0});
  const std::string command = container.value("Command", "");
  const std::string id = container.value("Id", "");
  row["Command"] = go_quote(truncate ? ellipsis(command, 20) : command);
  row["CreatedAt"] = local_time(created);
  row["ID"] = truncate ? short_id(id) : id;
  row["Image"] = image_of(container, truncate);
  const Json labels =
      container.contains("Labels") && container["Labels"].is_object() ? container["Labels"] : Json::object();
  row["Labels"] = joined_labels(labels);
  row["LocalVolumes"] = std::to_string(local_volumes(container));
  row["Mounts"] = mounts_of(container, truncate);
  row["Names"] = shown_names_of(container, truncate);
  row["Networks"] = networks_of(container);
  row["Platform"] = nullptr;
  row["Ports"] = displayed_ports(container.value("Ports", Json::array()));
  row["RunningFor"] = human_duration(std::time(nullptr) - created) + " ago";
  row["Size"] = size_of(container);
  row["State"] = container.value("State", "");
  row["Status"] = container.value("Status", "");
  row[std::string(kRowLabels)] = labels;
  return row;
}

int container_ls(Context& context) {
  bool all = false;
  bool latest = false;
  bool full = false;
  bool quiet = false;
  bool size = false;
  std::int64_t last = -1;
  ListFlags list;
  Flags flags;
  flags.toggle("all,a", all, "Show all containers (default shows just running)")
      .integer("last,n", last, "Show n last created containers (includes all states)")
      .toggle("latest,l", latest, "Show the latest created container (includes all states)")
      .toggle("no-trunc", full, "Don't truncate output")
      .toggle("quiet,q", quiet, "Only display container IDs")
      .toggle("size,s", size, "Display total file sizes");
  list.declare_filter(flags, "Filter output based on conditions provided");
  list.declare_format(flags);
  context.parse(flags, Arity::none());
  if (latest && last == -1) last = 1;
  if (!list.format.empty()) check_format(list.format, kRowType, blank_row());
  if (list.format.empty() && !quiet) list.format = context.config().text("psFormat");
  if (quiet && !list.format.empty()) {
    std::fputs("WARNING: Ignoring custom format, because both --format and --quiet are set.\n", stderr);
    if (list.format != "raw") list.format.clear();
  }
  // A whole row in JSON has all of its members.
  const bool whole =
      list.format.find("json .}") != std::string::npos || list.format.find("json . ") != std::string::npos;
  const bool sized = size || (!flags.given("size") && !quiet && (whole || mentions(list.format, "Size")));
  Query query;
  query.add_if(all, "all");
  query.add_if(last > 0, "limit", std::to_string(last));
  query.add_if(sized, "size");
  list.add_filters(query);
  std::vector<Json> rows;
  context.client().get_each("/containers/json" + query.text(), kRowDepth,
                            [&](const Json& container) { rows.push_back(container_row(container, !full)); });
  ListStyle style{list.format, std::string(kPsTable).substr(6), kPsHeads, kRowType, kPsRaw, "container_id: {{.ID}}"};
  if (size) style.table += "\t{{.Size}}";
  if (size) style.raw += "size: {{.Size}}\n";
  list.print(style, rows, quiet, "{{.ID}}");
  return 0;
}

}  // namespace gantry::cli
